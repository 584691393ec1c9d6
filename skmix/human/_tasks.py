"""Questions about mixes."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from hashlib import sha256
from itertools import combinations
from numbers import Integral
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_array, column_or_1d

from .._compat import num_samples
from ._judgments import KINDS, MIDPOINTS
from ._labels import check_shares, read_labels
from ._render import ImageRenderer, TableRenderer

FORMAT = "skmix mix tasks 1"
PARTS = (0.1, 0.25, 0.5, 0.75, 0.9)
# Of the questions which mix is half and half.
STEPS = tuple(round(0.1 * k, 1) for k in range(11))
# What is tried out before the first question.
PRACTICE_PART = 0.75


@dataclass
class MixTasks:
    """Questions about mixes, with all that a page shows of them.

    Made by :func:`make_mix_tasks`.

    Parameters
    ----------
    kind : {"infer", "construct", "select", "soft"}
        What is asked.

    classes : list
        All class labels.

    class_names : list of str
        How the page calls them.

    tasks : list of dict
        Of each question the item, label_a and label_b, rows i and j, the part `lam`,
        and the frames: what is shown, one for each step of "construct" and "select".

    practice : dict
        One to try out.

    n_repeats : int
        How many are asked once more in the end.

    in_order : bool, default=False
        Whether all people get them in this order, and not in one of their own.

    See Also
    --------
    ElicitationServer : The page that asks them.

    Examples
    --------
    >>> import tempfile
    >>> from sklearn.datasets import load_iris
    >>> from skmix.human import MixTasks, make_mix_tasks
    >>> X, y = load_iris(return_X_y=True)
    >>> tasks = make_mix_tasks(X, y, n_tasks=9, random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     tasks.save(f"{folder}/tasks.json")
    ...     again = MixTasks.load(f"{folder}/tasks.json")
    >>> again == tasks
    True
    """

    kind: str
    classes: list[Any]
    class_names: list[str]
    tasks: list[dict[str, Any]]
    practice: dict[str, Any]
    n_repeats: int
    in_order: bool = False

    def __len__(self) -> int:
        return len(self.tasks)

    def save(self, path: str | PathLike[str]) -> None:
        """Write to a file, which ``skmix-elicit`` reads.

        Parameters
        ----------
        path : str or path
            The file, of JSON.
        """
        content = {"format": FORMAT, **asdict(self)}
        Path(path).write_text(json.dumps(content), encoding="utf-8")

    @classmethod
    def load(cls, path: str | PathLike[str]) -> MixTasks:
        """Read from a file.

        Parameters
        ----------
        path : str or path
            A file that :meth:`save` wrote.

        Returns
        -------
        tasks : MixTasks
            The questions.

        Raises
        ------
        ValueError
            If the file is none.
        """
        try:
            content = json.loads(Path(path).read_text(encoding="utf-8"))
        except ValueError as error:
            raise ValueError(f"{path} is no file of questions: {error}") from error
        if not isinstance(content, dict) or content.pop("format", None) != FORMAT:
            raise ValueError(
                f"{path} is no file of questions: write one by MixTasks.save."
            )
        try:
            return cls(**content)
        except TypeError as error:
            raise ValueError(f"{path} is no file of questions: {error}") from error


def make_mix_tasks(
    X: Any,
    y: ArrayLike,
    *,
    kind: str = "infer",
    n_tasks: int = 60,
    lam: Sequence[float] = PARTS,
    n_repeats: int = 2,
    policy: Any = None,
    image_shape: Sequence[int] | None = None,
    feature_names: Sequence[str] | None = None,
    class_names: Sequence[str] | None = None,
    n_features: int = 5,
    random_state: int | RandomState | None = None,
) -> MixTasks:
    """Make questions about mixes of rows or of images.

    Parameters
    ----------
    X : array-like of shape (n, p), (n, 1 or 3, height, width) or data frame
        Rows of numbers, or images.

    y : array-like of shape (n,)
        Labels, of two classes or more.

    kind : {"infer", "construct", "select", "soft"}, default="infer"
        What is asked.

        - "infer": what share of each class is in a mix, and how sure you are.
        - "construct": move through mixes to the one that is half and half.
        - "select": choose that one among shuffled mixes.
        - "soft": the likeliest class, perhaps a second one, and classes that it cannot
          be; without a hint what was mixed.

    n_tasks : int, default=60
        Number of questions.

    lam : sequence of float, default=(0.1, 0.25, 0.5, 0.75, 0.9)
        Parts of the first class, for "infer" and "soft".

    n_repeats : int, default=2
        How many questions each person is asked once more in the end, without being
        told, to see how well people agree with themselves.

    policy : HumanMixPolicy, default=None
        Fitted: pairs of classes about which it knows least come first, for all people
        in the same order. None asks about all pairs as often, in an order of one's own.

    image_shape : sequence of int, default=None
        Channels, height and width of images that come as rows of pixels.

    feature_names : sequence of str, default=None
        How columns are called on cards; None for the names in X.

    class_names : sequence of str, default=None
        How classes are called, in sorted order; None for the labels.

    n_features : int, default=5
        Number of columns on a card: those in which both classes differ most.

    random_state : int, RandomState or None, default=None
        Randomness of the rows that are mixed.

    Returns
    -------
    tasks : MixTasks
        The questions. The page shows the first class on either side at random.

    Raises
    ------
    ValueError
        If parameters, rows or labels cannot be used.

    Notes
    -----
    A mix is lambda x_i + (1 - lambda) x_j, with row i of one class and row j of
    another. The card of a mixed row has, beside its values, what is typical of either
    class: their means. The two rows are not shown, as a share would be plain to
    compute.

    Examples
    --------
    >>> from sklearn.datasets import load_digits
    >>> from skmix.human import make_mix_tasks
    >>> X, y = load_digits(return_X_y=True)
    >>> tasks = make_mix_tasks(
    ...     X, y, n_tasks=90, image_shape=(1, 8, 8), random_state=0
    ... )
    >>> len(tasks), tasks.tasks[0]["frames"][0]["image"][:21]
    (90, 'data:image/png;base64')
    """
    if kind not in KINDS:
        raise ValueError(f"kind must be one of {KINDS}, got {kind!r}.")
    for name, value, least in (
        ("n_tasks", n_tasks, 1),
        ("n_repeats", n_repeats, 0),
        ("n_features", n_features, 1),
    ):
        if not isinstance(value, Integral) or value < least:
            raise ValueError(
                f"{name} must be a whole number from {least}, got {value}."
            )
    parts = check_shares(np.atleast_1d(lam), "lam", np.size(lam))
    if not parts.size:
        raise ValueError("lam is empty: pass one part or more.")
    labels = read_labels(column_or_1d(np.asarray(y)), "label")
    if num_samples(X) != len(labels):
        raise ValueError(
            f"X has {num_samples(X)} rows and y has {len(labels)}: pass one label for "
            "each row."
        )
    classes = np.unique(labels)
    if len(classes) < 2:
        raise ValueError(
            f"y has one class, {classes.tolist()[0]!r}: there is nothing to mix."
        )
    names = _class_names(class_names, classes)
    render = _renderer(X, labels, image_shape, feature_names, n_features)
    rng = check_random_state(random_state)
    pairs = _ordered_pairs(classes, policy, parts, rng)
    steps = STEPS if kind in MIDPOINTS else None
    tasks: list[dict[str, Any]] = []
    drawn = {c.item(): rng.permutation(np.flatnonzero(labels == c)) for c in classes}
    turn = dict.fromkeys(drawn, 0)
    for number in range(n_tasks):
        a, b = pairs[number % len(pairs)]
        rows = []
        for label in (a, b):
            of_class = drawn[label]
            rows.append(int(of_class[turn[label] % len(of_class)]))
            turn[label] += 1
        # All parts in turn: first one for each pair, then the next.
        place = number // len(pairs) + number % len(pairs)
        part = float(parts[place % len(parts)])
        tasks.append(_task(render, kind, *rows, a, b, part, steps, number))
    practice = _task(
        render,
        kind,
        *(int(drawn[label][-1]) for label in pairs[0]),
        *pairs[0],
        PRACTICE_PART,
        steps,
        -1,
    )
    return MixTasks(
        kind,
        classes.tolist(),
        names,
        tasks,
        practice,
        min(n_repeats, n_tasks),
        policy is not None,
    )


def _task(
    render: Any,
    kind: str,
    i: int,
    j: int,
    a: Any,
    b: Any,
    part: float,
    steps: Sequence[float] | None,
    number: int,
) -> dict[str, Any]:
    shown = [part] if steps is None else list(steps)
    frames = [render(i, j, step) for step in shown]
    # Answers about other data must not be taken for answers about these.
    digest = sha256(json.dumps([a, b, frames]).encode()).hexdigest()[:12]
    return {
        "item": f"{kind}-{number}-{i}-{j}-{digest}",
        "label_a": a,
        "label_b": b,
        "i": i,
        "j": j,
        "lam": None if steps else part,
        "steps": steps and list(steps),
        "frames": frames,
    }


def _class_names(class_names: Sequence[str] | None, classes: NDArray) -> list[str]:
    if class_names is None:
        return [str(label) for label in classes.tolist()]
    names = [str(name) for name in class_names]
    if len(names) != len(classes):
        raise ValueError(
            f"class_names has {len(names)} names for the {len(classes)} classes of y: "
            "pass one for each, in sorted order."
        )
    if len(set(names)) < len(names):
        raise ValueError(f"class_names has a name twice: {names!r}.")
    return names


def _renderer(
    X: Any,
    labels: NDArray,
    image_shape: Sequence[int] | None,
    feature_names: Sequence[str] | None,
    n_features: int,
) -> ImageRenderer | TableRenderer:
    if image_shape is not None or np.ndim(X) > 2:
        images = check_array(X, allow_nd=True, ensure_2d=False)
        if image_shape is not None:
            if np.size(image_shape) != 3 or np.prod(image_shape) != images[0].size:
                raise ValueError(
                    f"image_shape={image_shape} must be (channels, height, "
                    f"width) of the {images[0].size} values of a row of X."
                )
            images = images.reshape(-1, *image_shape)
        if images.ndim != 4 or images.shape[1] not in (1, 3):
            raise ValueError(
                "X must hold images of shape (n, channels, height, width) with one "
                f"channel or three, got {images.shape}."
            )
        return ImageRenderer(images)
    if np.ndim(X) != 2:
        raise ValueError(f"X must hold rows or images, got {np.ndim(X)} dimensions.")
    own = [str(name) for name in getattr(X, "columns", range(np.shape(X)[1]))]
    rows = check_array(X, dtype=np.float64)
    names = own if feature_names is None else [str(name) for name in feature_names]
    if len(names) != rows.shape[1]:
        raise ValueError(
            f"feature_names has {len(names)} names for the {rows.shape[1]} columns of "
            "X: pass one for each."
        )
    return TableRenderer(rows, labels, names, n_features)


def _ordered_pairs(
    classes: NDArray, policy: Any, parts: NDArray, rng: RandomState
) -> list[tuple[Any, Any]]:
    """All pairs: in random order, or those first of which a policy is least sure."""
    pairs = list(combinations(classes.tolist(), 2))
    order = rng.permutation(len(pairs))
    pairs = [pairs[place] for place in order]
    if policy is None:
        return pairs
    rows = np.empty((len(pairs) * len(parts), 3), dtype=object)
    rows[:, :2] = np.repeat(np.array(pairs, dtype=object), len(parts), axis=0)
    rows[:, 2] = np.tile(parts, len(pairs))
    _, std = policy.predict(rows, return_std=True)
    doubt = std.reshape(len(pairs), -1).mean(axis=1)
    return [pairs[place] for place in np.argsort(-doubt, kind="stable")]
