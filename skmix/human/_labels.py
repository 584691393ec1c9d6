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


def codes_of(labels: NDArray, classes: NDArray) -> NDArray[np.intp]:
    """Places of labels in sorted classes; their number for those that are none."""
    place = np.searchsorted(classes, labels)
    place[place == len(classes)] = 0
    return np.where(classes[place] == labels, place, len(classes))


def check_uniform(uniform: str) -> None:
    """Check what the rest of a label is spread over."""
    if uniform not in ("all", "pair"):
        raise ValueError(f"uniform must be 'all' or 'pair', got {uniform!r}.")
