"""The rows that a network is trained on and stopped by: checked, held out, scaled."""

from __future__ import annotations

from math import ceil
from typing import Any, NamedTuple

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array, check_consistent_length, column_or_1d
from sklearn.utils.validation import validate_data

FloatArray = NDArray[np.float64]


class Rows(NamedTuple):
    """Rows of X, their targets, and their weights where these differ."""

    X: FloatArray
    y: FloatArray
    weight: FloatArray | None = None

    def take(self, rows: NDArray) -> Rows:
        """Some of the rows."""
        weight = None if self.weight is None else self.weight[rows]
        return Rows(self.X[rows], self.y[rows], weight)


def read_rows(
    estimator: BaseEstimator, X: Any, y: Any, sample_weight: Any, *, reset: bool
) -> Rows:
    """Check the training rows; those of weight 0 are as if they were not there."""
    X, y = validate_data(
        estimator,
        X,
        y,
        dtype=np.float64,
        multi_output=True,
        y_numeric=True,
        reset=reset,
    )
    rows = Rows(X, _read_targets(y, "y"))
    if sample_weight is None:
        return rows
    weight = column_or_1d(sample_weight, dtype=np.float64)
    check_consistent_length(X, weight)
    if not np.isfinite(weight).all() or (weight < 0).any() or not weight.any():
        raise ValueError(
            "sample_weight must be finite, not negative and not zero for all rows, got "
            f"values from {weight.min()} to {weight.max()}. Leave it out where all "
            "weigh the same."
        )
    return rows._replace(weight=weight).take(weight > 0)


def read_held_out(
    estimator: BaseEstimator, X_val: Any, y_val: Any, y: FloatArray
) -> Rows | None:
    """Check the held-out rows, if there are any, next to the training targets."""
    if (X_val is None) != (y_val is None):
        given, missing = ("X_val", "y_val") if y_val is None else ("y_val", "X_val")
        raise ValueError(f"{given} was passed without {missing}: pass both or none.")
    if X_val is None:
        return None
    validate_data(estimator, X_val, skip_check_array=True, reset=False)
    X_val = check_array(X_val, dtype=np.float64, input_name="X_val")
    y_val = _read_targets(y_val, "y_val")
    check_consistent_length(X_val, y_val)
    if y_val.shape[1:] != y.shape[1:]:
        raise ValueError(
            f"y_val has shape {y_val.shape}, but y {y.shape}: pass the same targets in "
            "both."
        )
    return Rows(X_val, y_val)


def _read_targets(y: Any, name: str) -> FloatArray:
    return check_array(y, dtype=np.float64, ensure_2d=False, input_name=name)


def hold_out(rows: Rows, fraction: float, seed: int) -> tuple[Rows, Rows]:
    """Part off a share of the rows at random: those to train on, those to stop by."""
    n_rows = len(rows.X)
    if n_rows < 2:
        raise ValueError(
            f"early_stopping=True needs 2 rows or more to hold one out, got {n_rows} "
            "sample(s) of positive weight. Pass X_val and y_val, or set "
            "early_stopping=False."
        )
    order = RandomState(seed).permutation(n_rows)
    n_val = min(ceil(fraction * n_rows), n_rows - 1)
    return rows.take(order[n_val:]), rows.take(order[:n_val])


def scales(
    values: FloatArray, weight: FloatArray | None
) -> tuple[FloatArray, FloatArray]:
    """Mean and standard deviation of each column, or of a single one.

    Parameters
    ----------
    values : ndarray of shape (n,) or (n, t)
        Features or targets.

    weight : ndarray of shape (n,) or None
        Weights of the rows.

    Returns
    -------
    mean, scale : ndarray of shape () or (t,)
        The scale of a constant column is 1.
    """
    columns = values.reshape(len(values), -1)
    scaler = StandardScaler().fit(columns, sample_weight=weight)
    shape = values.shape[1:]
    return scaler.mean_.reshape(shape), scaler.scale_.reshape(shape)
