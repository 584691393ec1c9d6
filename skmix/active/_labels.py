"""Labels of which some are missing."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils import column_or_1d
from sklearn.utils.multiclass import check_classification_targets

from .._containers import FrameContainer, wrap

# Floats below it are exact as whole numbers.
MAX_CLASS = 2.0**53


@dataclass
class PartialLabels:
    """Class labels of some rows.

    Attributes
    ----------
    y : ndarray of shape (n,)
        The labels as they came; those that are missing are not to be looked at.

    labelled : ndarray of shape (n,)
        Which rows have one.

    classes : ndarray of shape (n_classes,)
        The classes among them, sorted.
    """

    y: NDArray
    labelled: NDArray[np.bool_]
    classes: NDArray

    def of(self, rows: NDArray[np.intp]) -> NDArray:
        """Labels of rows that have one, of the type that all of them have."""
        y = self.y[rows]
        if y.dtype == object:
            # Text or numbers again, once nothing is missing.
            y = np.array(y.tolist())
        if y.dtype.kind == "f" and (self.classes == np.rint(self.classes)).all():
            # Floats for the sake of NaN only: networks ask for whole numbers.
            return y.astype(np.int64)
        return y

    @property
    def rows(self) -> NDArray[np.intp]:
        """Rows with a label."""
        return np.flatnonzero(self.labelled)


def is_missing(y: NDArray, missing_label: Any, name: str = "y") -> NDArray[np.bool_]:
    """Tell which labels are missing.

    NaN and None stand for the same, as neither can be a class.
    """
    if y.dtype == object:
        blank = np.frompyfunc(_is_blank, 1, 1)(y).astype(bool)
    else:
        blank = y != y  # only NaN differs from itself
    if _is_blank(missing_label):
        return blank
    if blank.any():
        raise ValueError(
            f"{name} holds NaN or None in row {blank.argmax()}, but missing_label is "
            f"{missing_label!r}: mark rows without a label by that, or set "
            "missing_label=np.nan."
        )
    if y.dtype.kind in "US" and not isinstance(missing_label, str):
        return blank
    return np.asarray(y == missing_label, dtype=bool)


def read_partial_y(
    y: Any, n_rows: int, missing_label: Any, *, name: str = "y", warn: bool = False
) -> PartialLabels:
    """Check labels of which some are missing.

    Parameters
    ----------
    y : {array-like, series} of shape (n,)
        Class labels.

    n_rows : int
        Number of rows of X.

    missing_label : object
        What stands where a label is missing. NaN and None mean either of both.

    name : str, default="y"
        Name of the argument in messages.

    warn : bool, default=False
        Whether to warn of labels in a column, as classifiers do.

    Returns
    -------
    labels : PartialLabels
        The labels.

    Raises
    ------
    ValueError
        If there are several labels to a row, not one to a row of X, labels that are no
        classes, or NaN where something else marks what is missing.
    """
    if y is None:
        raise ValueError(f"requires y to be passed, but the target {name} is None")
    container = wrap(y)
    if isinstance(container, FrameContainer):
        array = container.column(0)
        if len(container.names) > 1:
            array = np.empty((len(container), len(container.names)))
    elif container.is_list and container.array.ndim == 1:
        # As objects, None and NaN beside text are still that.
        array = np.array([*y, None], dtype=object)[:-1]
    else:
        array = container.array
    if array.ndim == 2 and array.shape[1] == 1:
        array = column_or_1d(array, warn=warn)
    if array.ndim != 1:
        raise ValueError(
            f"{name} must hold one label to a row, got shape {array.shape}: several "
            "labels to a row cannot be queried here."
        )
    if len(array) != n_rows:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: X has "
            f"{n_rows} rows and y has {len(array)}. Pass one label for each row, and "
            f"{missing_label!r} where there is none."
        )
    if array.dtype.kind in "US" and _is_blank(missing_label) and "nan" in array:
        raise ValueError(
            f"{name} is an array of text that holds 'nan', a class of that name. "
            "Pass missing_label='nan' if it stands for a missing label, or an array of "
            "dtype object with None there."
        )
    labelled = ~is_missing(array, missing_label, name)
    labels = PartialLabels(array, labelled, np.empty(0))
    if array.dtype == object:
        is_text = {isinstance(value, str) for value in array[labelled]}
        if len(is_text) > 1:
            raise ValueError(
                f"{name} holds text and numbers: make all labels text, or all numbers."
            )
    if labelled.any():
        known = array[labelled]
        classes = np.unique(known.tolist() if array.dtype == object else known)
        if classes.dtype.kind == "f" and np.abs(classes).max() >= MAX_CLASS:
            raise ValueError(
                f"{name} holds {classes[np.abs(classes).argmax()]}, and classes that "
                "are numbers must be below 2**53: mark a missing label by "
                f"{missing_label!r}, or make text of the labels."
            )
        labels.classes = classes
        check_classification_targets(labels.of(labels.rows))
        labels.classes = np.unique(labels.of(labels.rows))
    return labels


def _is_blank(value: Any) -> bool:
    """Whether a label is None, NaN or the NA of pandas."""
    try:
        return value is None or bool(value != value)
    except TypeError:
        # Only NA is neither equal nor unequal to itself.
        return True
