"""Soft labels of mixes that people judged."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray
from sklearn.utils import check_random_state

from ..exceptions import JudgementWarning, warn_user
from ._judgments import Judgments
from ._labels import check_uniform, codes_of, read_labels, smooth, two_class_labels
from ._policy import HumanMixPolicy

METHODS = (
    "shrink",
    "average",
    "confidence",
    "policy",
    "mixup",
    "uniform",
    "random",
)
# What one answer about a mix counts against the curve, in H-Mix: the variance between
# mixes over that of single answers, 0.01432 / (0.01432 + 0.03379).
TRUST_IN_ONE = 0.298


class Relabelled(NamedTuple):
    """Soft labels of judged mixes, as :func:`relabel` makes them.

    Parameters
    ----------
    items : ndarray of shape (m,)
        The mixes, sorted.

    soft_labels : ndarray of shape (m, n_classes)
        A label for each, of sum 1.

    share : ndarray of shape (m,)
        Share of label a; NaN of "uniform" and "random".

    n_judgments : ndarray of shape (m,)
        Number of answers about each.

    first : ndarray of shape (m,)
        Place of its first answer among the judgments, for labels, rows and the part.

    classes : ndarray of shape (n_classes,)
        Classes, as the columns of labels.

    Examples
    --------
    >>> from skmix.human import Judgments, relabel
    >>> answers = Judgments(
    ...     item=["m1"], label_a=["cat"], label_b=["dog"], lam=[0.3], inferred=[0.1]
    ... )
    >>> found = relabel(answers, method="average")
    >>> found.items.tolist(), found.soft_labels.tolist()
    (['m1'], [[0.1, 0.9]])
    """

    items: NDArray
    soft_labels: NDArray[np.float64]
    share: NDArray[np.float64]
    n_judgments: NDArray[np.intp]
    first: NDArray[np.intp]
    classes: NDArray


def relabel(
    judgments: Judgments,
    *,
    method: str = "shrink",
    policy: HumanMixPolicy | None = None,
    classes: ArrayLike | None = None,
    per: str = "judgment",
    uniform: str = "all",
    random_state: int | RandomState | None = None,
) -> Relabelled:
    """Make soft labels of mixes from what people answered about each.

    Parameters
    ----------
    judgments : Judgments
        Answers of kind "infer": how much of a there is in a mix. Repeated ones count as
        others do.

    method : str, default="shrink"
        How answers p_1 ... p_n about a mix become a label; L(p) is p for label a and
        1 - p for label b.

        - "shrink": L of the curve of all mixes, moved towards the mean answer the
          further the more answers there are; see Notes.
        - "average": L(mean p), as in [1]_.
        - "confidence": the mean of w L(p) + (1 - w) u, with confidences w and all
          classes alike u: the labels that did best in [1]_.
        - "policy": L of the curve alone.
        - "mixup": L(lambda), without any answer.
        - "uniform": all classes alike, a control.
        - "random": any probabilities alike (Dirichlet), a control.

    policy : HumanMixPolicy, default=None
        The curve, fitted. None fits one to these answers.

    classes : array-like of shape (n_classes,), default=None
        All classes; None takes those of the judgments.

    per : {"judgment", "item"}, default="judgment"
        Whether "confidence" smooths each answer by its confidence, or their mean by the
        mean confidence. Both are the same where all are as confident.

    uniform : {"all", "pair"}, default="all"
        Whether what confidence takes away goes to all classes or to both.

    random_state : int, RandomState or None, default=None
        Randomness of "random".

    Returns
    -------
    relabelled : Relabelled
        A named tuple of items, soft_labels, share, n_judgments, first and classes.

    Raises
    ------
    ValueError
        If parameters or answers cannot be used: answers about one item with other
        labels or parts, or without a share, or without a confidence that is needed.

    Warns
    -----
    JudgementWarning
        If "shrink" finds no mix with two answers, and takes the figures of H-Mix.

    Notes
    -----
    "shrink" is empirical Bayes. With f the curve at a mix, s2 the variance of answers
    about the same mix, pooled over mixes, and t2 what is left of the mean squared
    distance of answers from their curves, the share is

        f + n t2 / (n t2 + s2) (mean p - f).

    One answer by itself is a worse guess of what others see than the curve is: on
    H-Mix, what a person who was left out answers is predicted with a mean squared error
    of 0.051 by lambda, 0.061 by the average of the others, and 0.043 by "shrink".

    References
    ----------
    .. [1] Collins, Bhatt, Liu, Piratla, Love and Weller, "Human-in-the-loop mixup",
       UAI 2023.

    Examples
    --------
    >>> from skmix.human import Judgments, relabel
    >>> answers = Judgments(
    ...     item=["m1", "m1", "m2"],
    ...     label_a=["cat", "cat", "dog"],
    ...     label_b=["dog", "dog", "cat"],
    ...     lam=[0.3, 0.3, 0.5],
    ...     inferred=[0.1, 0.3, 0.4],
    ...     confidence=[1.0, 0.5, 0.8],
    ... )
    >>> relabel(answers, method="average").soft_labels
    array([[0.2, 0.8],
           [0.6, 0.4]])
    >>> relabel(answers, method="confidence").soft_labels
    array([[0.25, 0.75],
           [0.58, 0.42]])
    """
    if policy is not None and not hasattr(policy, "predict"):
        raise ValueError(f"policy must be a fitted HumanMixPolicy, got {policy!r}.")
    if method not in METHODS:
        raise ValueError(f"method must be one of {METHODS}, got {method!r}.")
    if per not in ("judgment", "item"):
        raise ValueError(f"per must be 'judgment' or 'item', got {per!r}.")
    check_uniform(uniform)
    _check(judgments)
    items, first, item, n_judgments = np.unique(
        judgments.item, return_index=True, return_inverse=True, return_counts=True
    )
    own = judgments.classes if classes is None else read_labels(classes, "class")
    known = np.unique(own)
    a = codes_of(judgments.label_a, known)
    b = codes_of(judgments.label_b, known)
    unknown = np.flatnonzero(np.maximum(a, b) == len(known))
    if len(unknown):
        row = unknown[0]
        labels = judgments.label_a[row].item(), judgments.label_b[row].item()
        raise ValueError(
            f"Answer {row} is about the labels {labels}, which are not both among the "
            f"classes {known.tolist()[:5]!r}."
        )
    _check_items(judgments, a, b, first, item)

    def mean(values: NDArray[np.float64]) -> NDArray[np.float64]:
        return np.bincount(item, values) / n_judgments

    share = np.full(len(items), np.nan)
    confidence = np.ones(len(items))
    if method == "mixup":
        share = judgments.lam[first]
    elif method == "average":
        share = mean(judgments.y)
    elif method == "confidence":
        _check_confidence(judgments)
        # The mean of the smoothed labels is that of p w, and the rest of the mean of w.
        confidence = mean(judgments.confidence)
        weighed = mean(judgments.y * judgments.confidence)
        if per == "item":
            weighed = mean(judgments.y) * confidence
        half = np.full(len(items), 0.5)
        share = np.divide(weighed, confidence, out=half, where=confidence > 0)
    elif method in ("shrink", "policy"):
        if policy is None:
            policy = HumanMixPolicy().fit(judgments.X, judgments.y)
        curve = np.asarray(policy.predict(judgments.X))
        share = curve[first]
        if method == "shrink":
            trust = _trust(judgments.y, curve, item, n_judgments)
            share = share + trust * (mean(judgments.y) - share)
    if method == "uniform":
        labels = np.full((len(items), len(known)), 1 / len(known))
    elif method == "random":
        rng = check_random_state(random_state)
        labels = rng.dirichlet(np.ones(len(known)), size=len(items))
    else:
        labels = two_class_labels(a[first], b[first], share, len(known))
        labels = smooth(labels, confidence, a[first], b[first], uniform)
    return Relabelled(items, labels, share, n_judgments, first, known)


def _trust(
    y: NDArray[np.float64],
    curve: NDArray[np.float64],
    item: NDArray[np.intp],
    n_judgments: NDArray[np.intp],
) -> NDArray[np.float64]:
    """How far the share of each mix is moved from the curve to its mean answer."""
    mean = np.bincount(item, y) / n_judgments
    n_free = len(y) - len(n_judgments)
    if n_free == 0:
        warn_user(
            "No mix has two answers, which would tell how far one can be trusted: one "
            f"counts {TRUST_IN_ONE} against the curve, as in H-Mix.",
            JudgementWarning,
        )
        return np.full(len(n_judgments), TRUST_IN_ONE)
    within = ((y - mean[item]) ** 2).sum() / n_free
    between = max(((y - curve) ** 2).mean() - within, 0.0)
    total = n_judgments * between + within
    return np.divide(
        n_judgments * between, total, out=np.ones_like(mean), where=total > 0
    )


def _check(judgments: Any) -> None:
    if not isinstance(judgments, Judgments):
        raise ValueError(
            "judgments must be of class Judgments, as load_judgments gives them, got "
            f"{type(judgments).__name__}."
        )
    if not len(judgments):
        raise ValueError("judgments is empty: there is nothing to label.")
    other = np.flatnonzero(judgments.kind != "infer")
    if len(other):
        kind = judgments.kind[other[0]].item()
        why = "which mix is half and half, not what a mix is"
        if kind == "soft":
            why = "more than shares of two classes, and is a label itself"
        raise ValueError(
            f"Answer {other[0]} is of kind {kind!r}: it says {why}. Take those of kind "
            "'infer'."
        )
    missing = np.flatnonzero(np.isnan(judgments.y))
    if len(missing):
        raise ValueError(
            f"Answer {missing[0]} gives no share to either label. Leave it out."
        )


def _check_confidence(judgments: Judgments) -> None:
    missing = np.flatnonzero(np.isnan(judgments.confidence))
    if len(missing):
        raise ValueError(
            f"Answer {missing[0]} has no confidence, which method='confidence' needs. "
            "Take method='shrink', or leave such answers out."
        )


def _check_items(
    judgments: Judgments,
    a: NDArray[np.intp],
    b: NDArray[np.intp],
    first: NDArray[np.intp],
    item: NDArray[np.intp],
) -> None:
    """Check that answers about one item are about the same mix."""
    for name, values in (("label_a", a), ("label_b", b), ("lam", judgments.lam)):
        other = np.flatnonzero(values != values[first][item])
        if len(other):
            row = other[0]
            two = getattr(judgments, name)[[first[item[row]], row]].tolist()
            raise ValueError(
                f"Item {judgments.item[row].item()!r} has the {name} {two[0]!r} and "
                f"{two[1]!r}: give each mix an item of its own."
            )
