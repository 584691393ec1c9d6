"""Soft labels of mixes of two classes."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def two_class_labels(
    a: NDArray[np.intp],
    b: NDArray[np.intp],
    share: NDArray[np.float64],
    n_classes: int,
) -> NDArray[np.float64]:
    """Labels (n, n_classes) with a share for class a, and the rest for b."""
    labels = np.zeros((len(a), n_classes))
    rows = np.arange(len(a))
    labels[rows, a] = share
    labels[rows, b] += 1 - share
    return labels


def smooth(
    labels: NDArray[np.float64],
    confidence: NDArray[np.float64],
    a: NDArray[np.intp],
    b: NDArray[np.intp],
    uniform: str,
) -> NDArray[np.float64]:
    """Labels times confidence, and the rest for all classes alike, or for both."""
    doubt = 1 - confidence
    if uniform == "all":
        rest = np.full_like(labels, 1 / labels.shape[1])
    else:
        rest = two_class_labels(a, b, np.full(len(a), 0.5), labels.shape[1])
    return confidence[:, None] * labels + doubt[:, None] * rest


def check_shares(values: Any, name: str, n_rows: int) -> NDArray[np.float64]:
    """Check that there is one number from 0 to 1 to a row."""
    shares = np.asarray(values, dtype=np.float64)
    if shares.shape != (n_rows,):
        raise ValueError(
            f"{name} must hold one number to each of the {n_rows} rows, got shape "
            f"{shares.shape}."
        )
    outside = np.flatnonzero(~((shares >= 0) & (shares <= 1)))
    if len(outside):
        row = outside[0]
        raise ValueError(
            f"{name} must hold shares from 0 to 1, got {shares[row]} in row {row}. "
            "Divide percentages by 100, and leave out rows without an answer."
        )
    return shares


def read_labels(values: Any, name: str) -> NDArray:
    """Check class labels (n,), and give them back as an array of one type.

    NumPy would turn what is missing, and numbers beside texts, into texts.
    """
    labels = values.tolist() if hasattr(values, "tolist") else list(values)
    for row, label in enumerate(labels):
        try:
            missing = label is None or bool(label != label)
        except TypeError:
            # pandas' missing value is not even unlike itself.
            missing = True
        if missing:
            raise ValueError(
                f"There is no {name} in row {row}: NaN or missing. Leave such rows out."
            )
    kinds = {_kind(label) for label in set(map(type, labels))}
    if len(kinds) > 1:
        raise ValueError(
            f"{name} holds {' and '.join(sorted(kinds))}: 1 and '1' are not the same "
            "label. Write all labels alike."
        )
    return np.asarray(labels)


def _kind(label_type: type) -> str:
    if issubclass(label_type, str):
        return "texts"
    return "truth values" if issubclass(label_type, bool | np.bool_) else "numbers"


def codes_of(labels: NDArray, classes: NDArray) -> NDArray[np.intp]:
    """Places of labels in sorted classes; their number for those that are none."""
    if classes.dtype.kind in "US" and labels.dtype.kind not in "US":
        return np.full(len(labels), len(classes))
    if labels.dtype.kind in "US" and classes.dtype.kind not in "US":
        return np.full(len(labels), len(classes))
    place = np.searchsorted(classes, labels)
    place[place == len(classes)] = 0
    return np.where(classes[place] == labels, place, len(classes))


def check_uniform(uniform: str) -> None:
    """Check what the rest of a label is spread over."""
    if uniform not in ("all", "pair"):
        raise ValueError(f"uniform must be 'all' or 'pair', got {uniform!r}.")
