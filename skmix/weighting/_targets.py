"""Targets of either kind, read once: numbers to predict, or classes, one or several."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.multiclass import type_of_target

from .._containers import wrap
from .._validation import read_regression_y


@dataclass
class Targets:
    """Targets of rows, as a network takes them.

    Attributes
    ----------
    Y : ndarray of shape (n, t)
        Numbers, standardised, or places of classes.

    classes : list of ndarray, or None
        Classes of each output; None for numbers.

    mean, scale : ndarray of shape (t,)
        Of the numbers as they came.
    """

    Y: NDArray
    classes: list[NDArray] | None
    mean: NDArray[np.float64]
    scale: NDArray[np.float64]

    @property
    def n_outputs(self) -> int:
        """Number of outputs of a network for them."""
        if self.classes is None:
            return self.Y.shape[1]
        return sum(map(len, self.classes))

    @property
    def codes(self) -> NDArray[np.intp]:
        """The class of each row, by all outputs together; 0 for numbers."""
        if self.classes is None:
            return np.zeros(len(self.Y), dtype=np.intp)
        return np.unique(self.Y, axis=0, return_inverse=True)[1].reshape(-1)

    def class_names(self) -> list[Any]:
        """Class of each of `codes`, several of several outputs; None for numbers."""
        if self.classes is None:
            return [None]
        labels = [
            [
                known.tolist()[code]
                for known, code in zip(self.classes, row, strict=True)
            ]
            for row in np.unique(self.Y, axis=0)
        ]
        return [row[0] if len(row) == 1 else tuple(row) for row in labels]

    def make_loss(self) -> Callable[..., Any]:
        """Loss of a network for them."""
        from .._torch import bilevel  # imports torch

        if self.classes is None:
            return bilevel.huber_loss
        return bilevel.LogLoss([len(classes) for classes in self.classes])

    def encode(self, y: Any, n_rows: int, name: str) -> NDArray:
        """Targets of further rows, which must be of the same kind."""
        if self.classes is None:
            _, Y = read_regression_y(y, n_rows, name=name)
            self._check_width(Y, name)
            return (Y - self.mean) / self.scale
        labels = _read_labels(y, n_rows, name)
        self._check_width(labels, name)
        columns = []
        for column, classes in zip(labels.T, self.classes, strict=True):
            unknown = np.setdiff1d(column, classes)
            if len(unknown):
                raise ValueError(
                    f"{name} has the class {unknown.tolist()[0]!r}, which is none of "
                    f"those of y, {classes.tolist()[:5]!r}. Write them alike, or leave "
                    "its rows out."
                )
            columns.append(np.searchsorted(classes, column))
        return np.column_stack(columns)

    def _check_width(self, Y: NDArray, name: str) -> None:
        if Y.shape[1] != self.Y.shape[1]:
            raise ValueError(
                f"{name} has {Y.shape[1]} targets to a row, but y has "
                f"{self.Y.shape[1]}: pass the same ones."
            )


def read_targets(y: Any, n_rows: int, task: str) -> Targets:
    """Check targets and read them.

    Parameters
    ----------
    y : {array-like, series, data frame} of shape (n,) or (n, t)
        Targets.

    n_rows : int
        Number of rows of X.

    task : {"auto", "classification", "regression"}
        What they are; "auto" takes what is not whole for numbers to predict.

    Returns
    -------
    targets : Targets
        The targets.

    Raises
    ------
    ValueError
        If they are missing, not finite, not one to a row of X, of one class only, or
        so many classes that they are likely numbers.
    """
    if y is None:
        raise ValueError("requires y to be passed, but the target y is None")
    if task == "regression" or (task == "auto" and _is_continuous(y)):
        _, numbers = read_regression_y(y, n_rows)
        mean, scale = numbers.mean(axis=0), numbers.std(axis=0)
        scale = np.where(scale > 0, scale, 1.0)
        return Targets((numbers - mean) / scale, None, mean, scale)
    labels = _read_labels(y, n_rows, "y")
    pairs = [np.unique(column, return_inverse=True) for column in labels.T]
    classes = [pair[0] for pair in pairs]
    for place, found in enumerate(classes):
        if len(found) < 2:
            raise ValueError(
                f"y has one class, {found.tolist()[0]!r}, in column {place}: there is "
                "nothing to learn. Pass rows of two classes or more."
            )
        is_number = found.dtype.kind in "iuf"
        if task == "auto" and is_number and len(found) > max(20, n_rows // 10):
            raise ValueError(
                f"y has {len(found)} different values in {n_rows} rows. Are they "
                "numbers to predict? Pass task='regression', or "
                "task='classification' if each is a class."
            )
    codes = np.column_stack([pair[1].reshape(-1) for pair in pairs])
    nothing = np.zeros(labels.shape[1])
    return Targets(codes, classes, nothing, nothing + 1)


def _is_continuous(y: Any) -> bool:
    container = wrap(y)
    columns = _columns(container)
    if any(column.dtype.kind == "f" and np.isnan(column).any() for column in columns):
        # Either kind refuses them; as numbers they are named.
        return True
    return type_of_target(np.column_stack(columns)).startswith("continuous")


def _columns(container: Any) -> list[NDArray]:
    width = len(container.names)
    return [container.column(place) for place in range(width)]


def _read_labels(y: Any, n_rows: int, name: str) -> NDArray:
    """Check class labels (n,) or (n, t); give them back with two axes."""
    container = wrap(y)
    if getattr(container, "array", np.empty((0, 0))).ndim > 2:
        raise ValueError(
            f"{name} must have shape (n,) or (n, n_targets), got "
            f"{container.array.shape}."
        )
    labels = np.column_stack(_columns(container))
    if len(labels) != n_rows:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: X has "
            f"{n_rows} rows and {name} has {len(labels)}. Pass one label for each row."
        )
    missing = labels.dtype.kind == "f" and np.isnan(labels).any()
    if labels.dtype == object:
        missing = ((labels == None) | (labels != labels)).any()  # noqa: E711
    if missing:
        raise ValueError(
            f"{name} contains NaN or missing labels: give every row a class, or leave "
            "the row out."
        )
    if labels.dtype.kind == "f" and not np.isfinite(labels).all():
        raise ValueError(f"{name} contains infinity: classes are finite.")
    kind = type_of_target(labels)
    if kind.startswith("continuous") or kind == "unknown":
        raise ValueError(
            f"Unknown label type: {kind}. {name} must hold classes. Numbers to predict "
            "need task='regression', of an estimator that has it."
        )
    return labels
