"""What people answered: one flat table, read from JSON Lines."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from ..exceptions import DamagedFileWarning, warn_user
from ._labels import check_shares, read_labels

# Kinds of questions. What mix is half and half: by moving through it, or by choosing.
KINDS = ("infer", "construct", "select", "soft")
MIDPOINTS = ("construct", "select")
# Part of a soft label that is left to classes that were neither chosen nor ruled out.
REDISTRIBUTED = 0.1

_DEFAULTS: dict[str, Any] = {
    "annotator": "",
    "i": -1,
    "j": -1,
    "confidence": np.nan,
    "kind": "infer",
    "left": "",
    "repeat": False,
    "rt_ms": np.nan,
    "time": "",
}


@dataclass(kw_only=True, eq=False)
class Judgments:
    """Answers about mixes: arrays of one entry to each answer.

    Parameters
    ----------
    item : array-like of shape (n,)
        What was judged; answers about the same mix have the same item.

    label_a, label_b : array-like of shape (n,)
        Classes of what was mixed.

    lam : array-like of shape (n,)
        Part of a in the mix, from 0 to 1. Of "construct" and "select" the part that was
        chosen as half and half.

    inferred : array-like of shape (n,)
        Share of a that was seen, from 0 to 1; 1/2 of "construct" and "select". NaN for
        soft labels without either class.

    annotator : array-like of shape (n,), default=None
        Who answered.

    i, j : array-like of shape (n,), default=None
        Rows that were mixed; -1 where that is not known.

    confidence : array-like of shape (n,), default=None
        From 0 to 1; NaN where nobody asked.

    kind : array-like of shape (n,), default=None
        "infer", "construct", "select" or "soft".

    left : array-like of shape (n,), default=None
        Which of both was shown on the left, "a" or "b"; empty where that is not known.

    repeat : array-like of shape (n,), default=None
        Whether the same person had judged the item before.

    rt_ms : array-like of shape (n,), default=None
        Milliseconds that the answer took; NaN where nobody measured.

    time : array-like of shape (n,), default=None
        When the answer was given.

    classes : array-like of shape (n_classes,), default=None
        All classes, of soft labels.

    soft : array-like of shape (n, n_classes), default=None
        Soft labels; NaN of other kinds.

    Attributes
    ----------
    X : ndarray of shape (n, 3)
        Label a, label b and the part of a, as :class:`HumanMixPolicy` takes them.

    y : ndarray of shape (n,)
        Shares that were seen.

    Raises
    ------
    ValueError
        If arrays are not of one length, or numbers not from 0 to 1.

    See Also
    --------
    load_judgments : From a file.
    load_hmix : Those of the H-Mix study.

    Examples
    --------
    >>> from skmix.human import HumanMixPolicy, Judgments
    >>> answers = Judgments(
    ...     item=["m1", "m1", "m2"],
    ...     label_a=["cat", "cat", "dog"],
    ...     label_b=["dog", "dog", "frog"],
    ...     lam=[0.3, 0.3, 0.5],
    ...     inferred=[0.1, 0.3, 0.4],
    ... )
    >>> len(answers), answers.X[0].tolist()
    (3, ['cat', 'dog', 0.3])
    >>> policy = HumanMixPolicy("global").fit(answers.X, answers.y)
    """

    item: Any
    label_a: Any
    label_b: Any
    lam: Any
    inferred: Any
    annotator: Any = None
    i: Any = None
    j: Any = None
    confidence: Any = None
    kind: Any = None
    left: Any = None
    repeat: Any = None
    rt_ms: Any = None
    time: Any = None
    classes: Any = None
    soft: Any = None

    def __post_init__(self) -> None:
        """Turn what was passed into arrays, and check it."""
        n = len(self.item)
        for name in _names():
            values = getattr(self, name)
            if values is None:
                values = np.full(n, _DEFAULTS[name])
            if name in ("label_a", "label_b"):
                values = read_labels(values, name)
            values = np.asarray(values)
            if values.dtype == object:
                values = np.asarray(values.tolist())
            if values.shape != (n,):
                raise ValueError(
                    f"{name} must hold one entry to each of the {n} items, got shape "
                    f"{values.shape}."
                )
            setattr(self, name, values)
        self.lam = check_shares(self.lam, "lam", n)
        for name in ("inferred", "confidence"):
            values = np.asarray(getattr(self, name), dtype=np.float64)
            check_shares(np.nan_to_num(values), name, n)
            setattr(self, name, values)
        unknown = np.setdiff1d(self.kind, KINDS)
        if len(unknown):
            raise ValueError(f"kind must be one of {KINDS}, got {unknown[0].item()!r}.")
        both = [*self.label_a.tolist(), *self.label_b.tolist()]
        found = np.unique(read_labels(both, "label"))
        self.classes = np.asarray(found if self.classes is None else self.classes)
        shape = (n, len(self.classes))
        if self.soft is None:
            self.soft = np.full(shape, np.nan)
        self.soft = np.asarray(self.soft, dtype=np.float64)
        if self.soft.shape != shape:
            raise ValueError(f"soft must have shape {shape}, got {self.soft.shape}.")

    def __len__(self) -> int:
        return len(self.item)

    @property
    def X(self) -> NDArray[np.object_]:
        """Label a, label b and the part of a."""
        table = np.empty((len(self), 3), dtype=object)
        columns = (self.label_a, self.label_b, self.lam)
        for place, column in enumerate(columns):
            table[:, place] = column.tolist()
        return table

    @property
    def y(self) -> NDArray[np.float64]:
        """Shares that were seen."""
        return self.inferred

    def take(self, rows: ArrayLike) -> Judgments:
        """Some of the answers.

        Parameters
        ----------
        rows : array-like
            Places or a mask.

        Returns
        -------
        judgments : Judgments
            These answers.
        """
        places = np.asarray(rows)
        parts = {name: getattr(self, name)[places] for name in (*_names(), "soft")}
        return Judgments(classes=self.classes, **parts)


def _names() -> list[str]:
    """Names of the arrays of one entry to an answer."""
    names = [field.name for field in fields(Judgments)]
    return [name for name in names if name not in ("classes", "soft")]


def from_records(
    records: Iterable[Mapping[str, Any]], classes: ArrayLike | None = None
) -> Judgments:
    """Put answers together, each a mapping with the names of the arrays."""
    records = list(records)
    columns: dict[str, Any] = {
        name: [record.get(name, _DEFAULTS.get(name)) for record in records]
        for name in _names()
    }
    for name in ("inferred", "confidence", "rt_ms"):
        # JSON has no NaN.
        numbers = [np.nan if value is None else value for value in columns[name]]
        columns[name] = np.array(numbers, dtype=np.float64)
    found = [record for record in records if record.get("soft") is not None]
    if classes is None and found:
        own = [label for record in found for label in record.get("classes") or ()]
        classes = np.unique(own).tolist()
    if classes is not None:
        known = list(classes)
        soft = np.full((len(records), len(known)), np.nan)
        for row, record in enumerate(records):
            if record.get("soft") is not None:
                soft[row] = _aligned(record, known)
        columns["soft"] = soft
    if not records:
        columns = {name: np.array(values) for name, values in columns.items()}
    return Judgments(classes=classes, **columns)


def _aligned(record: Mapping[str, Any], classes: list[Any]) -> list[float]:
    """Soft label of an answer in the order of classes: each has its own."""
    own = record.get("classes") or classes
    if len(own) != len(record["soft"]) or not set(own) <= set(classes):
        raise ValueError(
            f"The answer about {record['item']!r} has {len(record['soft'])} shares for "
            f"the classes {list(own)!r}."
        )
    of_class = dict(zip(own, record["soft"], strict=True))
    return [of_class.get(label, 0.0) for label in classes]


def load_judgments(path: str | PathLike[str]) -> Judgments:
    r"""Read answers from a file of JSON Lines, as :class:`ElicitationServer` writes it.

    Parameters
    ----------
    path : str or path
        The file.

    Returns
    -------
    judgments : Judgments
        The answers: without those that were taken back, and without questions that were
        skipped.

    Raises
    ------
    ValueError
        If a line is no answer.

    Warns
    -----
    DamagedFileWarning
        If lines were not written to their end, as by a computer that was switched off.
        They are left out.

    Examples
    --------
    >>> import json, tempfile
    >>> from pathlib import Path
    >>> from skmix.human import load_judgments
    >>> line = {"item": "m1", "label_a": "cat", "label_b": "dog", "lam": 0.3}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "judgments.jsonl")
    ...     _ = path.write_text(json.dumps(line | {"inferred": 0.2}) + "\n")
    ...     answers = load_judgments(path)
    >>> answers.inferred
    array([0.2])
    """
    return from_records(answers_of(read_lines(path)))


def read_lines(path: str | PathLike[str]) -> list[dict[str, Any]]:
    """Read all lines that were written to their end."""
    records, damaged = [], []
    lines = Path(path).read_bytes().split(b"\n")
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError:
            damaged.append(number)
            continue
        if not isinstance(record, dict):
            raise ValueError(
                f"Line {number} of {path} is no JSON object, but {line[:40]!r}."
            )
        records.append(record)
    if damaged:
        warn_user(
            f"{path} has {len(damaged)} of {len(records) + len(damaged)} lines that "
            f"cannot be read, as if they had not been written to their end, the first "
            f"of them line {damaged[0]}. They are left out.",
            DamagedFileWarning,
        )
    return records


def answers_of(records: Iterable[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Answers that were not taken back, in order; no skipped questions."""
    kept: dict[Any, Mapping[str, Any]] = {}
    for number, record in enumerate(records):
        for name in ("id", "item", "undo"):
            if isinstance(record.get(name), list | dict):
                raise ValueError(
                    f"An answer has {name}={record[name]!r}, which is no text."
                )
        if "undo" in record:
            kept.pop(record["undo"], None)
        elif "skip" in record:
            kept.pop(record.get("id", number), None)
        else:
            kept[record.get("id", number)] = record
    missing = [
        (name, record)
        for record in kept.values()
        for name in ("item", "label_a", "label_b", "lam")
        if name not in record
    ]
    if missing:
        name, record = missing[0]
        raise ValueError(f"An answer has no {name!r}: {json.dumps(record)[:80]}")
    return list(kept.values())


def soft_label(
    chosen: Mapping[int, float], impossible: Iterable[int], n_classes: int
) -> NDArray[np.float64]:
    """Label of one answer: likely classes, and classes that are ruled out.

    The rule of H-Mix: what is left of 1 goes to the other classes alike. Where nothing
    is left, or less, 0.1 does, and of more than 1 half of that is taken from each of
    the likely ones, once.

    Parameters
    ----------
    chosen : mapping of int to float
        Probabilities of one or two classes.

    impossible : iterable of int
        Classes that are ruled out.

    n_classes : int
        Number of classes.

    Returns
    -------
    label : ndarray of shape (n_classes,)
        Probabilities.
    """
    ruled_out = set(impossible)
    probability = dict(chosen)
    n_others = n_classes - len(ruled_out) - len(probability)
    left = 1 - sum(probability.values())
    if n_others > 0 and left <= 0:
        if left < 0:
            probability = {
                k: max(0.0, p - REDISTRIBUTED / 2) for k, p in probability.items()
            }
        left = REDISTRIBUTED
    label = np.zeros(n_classes)
    for k, p in probability.items():
        label[k] = p
    if n_others > 0:
        others = [
            k for k in range(n_classes) if k not in probability and k not in ruled_out
        ]
        label[others] = left / n_others
    return label / label.sum()
