"""What a comparison on equal rows or equal folds says: gain, its error, harm."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.stats import wilcoxon

__all__ = [
    "harm_rate",
    "paired_difference",
    "paired_signed_rank",
    "squared_error_by_row",
]


def paired_difference(
    values: ArrayLike, baseline: ArrayLike, *, groups: ArrayLike | None = None
) -> tuple[float, float]:
    """Mean difference of paired values, and its standard error.

    Parameters
    ----------
    values : array-like of shape (n,)
        One value to a row, fold or split.

    baseline : array-like of shape (n,)
        The values that they are compared with, in the same order.

    groups : array-like of shape (n,), default=None
        Units that are drawn together: differences within a group are added up before
        their spread is measured.

    Returns
    -------
    difference : float
        Mean of ``values - baseline``.

    standard_error : float
        Its standard error; NaN for a single unit.

    Raises
    ------
    ValueError
        If the lengths of values, baseline and groups differ.

    Notes
    -----
    With G groups, the sums d_g of their differences and the mean difference m of all n
    values, the standard error is
    ``sqrt(G / (G - 1) sum_g (d_g - n_g m)^2) / n``, which is the usual
    ``std / sqrt(n)`` where each value is a group of its own.

    Examples
    --------
    >>> from skmix.metrics import paired_difference
    >>> paired_difference([3.0, 5.0, 4.0, 4.0], [2.0, 3.0, 3.0, 4.0])
    (1.0, 0.408...)
    """
    difference, units = _paired(values, baseline, groups)
    n, mean = len(difference), difference.mean()
    residual = np.bincount(units, weights=difference - mean)
    n_units = len(residual)
    if n_units < 2:
        return float(mean), float("nan")
    error = np.sqrt(n_units / (n_units - 1) * (residual**2).sum()) / n
    return float(mean), float(error)


def paired_signed_rank(
    values: ArrayLike, baseline: ArrayLike, *, groups: ArrayLike | None = None
) -> float:
    """How surprising it would be by chance that values exceed the baseline so often.

    Parameters
    ----------
    values : array-like of shape (n,)
        One value to a row, fold or split.

    baseline : array-like of shape (n,)
        The values that they are compared with, in the same order.

    groups : array-like of shape (n,), default=None
        Units that are drawn together: differences within a group are added up.

    Returns
    -------
    p_value : float
        Of Wilcoxon's signed-rank test that ``values - baseline`` tends above 0; 1 where
        they are equal.

    Raises
    ------
    ValueError
        If the lengths of values, baseline and groups differ.

    Notes
    -----
    A few large differences weigh no more than their ranks, unlike in the mean and its
    standard error.

    Examples
    --------
    All of five values are above the baseline: one case in 2^5.

    >>> from skmix.metrics import paired_signed_rank
    >>> paired_signed_rank([3.0, 5.0, 4.0, 6.0, 9.0], [2.0, 3.0, 1.0, 2.0, 4.0])
    0.03125
    """
    difference, units = _paired(values, baseline, groups)
    by_unit = np.bincount(units, weights=difference)
    if not by_unit.any():
        return 1.0
    return float(wilcoxon(by_unit, alternative="greater").pvalue)


def _paired(
    values: ArrayLike, baseline: ArrayLike, groups: ArrayLike | None
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Differences, and the unit that each belongs to."""
    values, baseline = np.asarray(values, float), np.asarray(baseline, float)
    if values.shape != baseline.shape:
        raise ValueError(
            f"values and baseline must have the same shape, got {values.shape} and "
            f"{baseline.shape}: pair them row by row."
        )
    if groups is None:
        return values - baseline, np.arange(len(values))
    if len(groups) != len(values):
        raise ValueError(
            f"groups has {len(groups)} entries for {len(values)} values: give one for "
            "each."
        )
    return values - baseline, np.unique(groups, return_inverse=True)[1]


def harm_rate(
    scores: ArrayLike, baseline: ArrayLike, *, tol: float | ArrayLike = 0.0
) -> float:
    """Share of splits in which the score is worse than the baseline's.

    Parameters
    ----------
    scores : array-like of shape (n,)
        Scores, greater is better.

    baseline : array-like of shape (n,)
        Scores of the untouched data on the same splits.

    tol : float or array-like of shape (n,), default=0.0
        How much worse still counts as equal.

    Returns
    -------
    rate : float
        Between 0 and 1.

    Examples
    --------
    >>> from skmix.metrics import harm_rate
    >>> harm_rate([0.9, 0.7, 0.8, 0.8], [0.8, 0.8, 0.8, 0.8])
    0.25
    """
    scores, baseline = np.asarray(scores, float), np.asarray(baseline, float)
    return float(np.mean(scores < baseline - np.asarray(tol)))


def squared_error_by_row(
    y_true: NDArray[np.float64], y_pred: Any
) -> NDArray[np.float64]:
    """Squared error of each row, in units that make its mean 1 - R2.

    Parameters
    ----------
    y_true : ndarray of shape (n, t)
        Labels.

    y_pred : array-like of shape (n,) or (n, t)
        Predictions.

    Returns
    -------
    loss : ndarray of shape (n,)
        Squared errors, each target divided by its variance in `y_true` (by 1 where it
        is constant), averaged over targets.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.metrics import r2_score
    >>> from skmix.metrics import squared_error_by_row
    >>> y, prediction = np.array([[1.0], [2.0], [4.0]]), [1.5, 2.0, 3.0]
    >>> bool(np.isclose(1 - squared_error_by_row(y, prediction).mean(),
    ...                 r2_score(y, prediction)))
    True
    """
    error = (y_true - np.asarray(y_pred).reshape(y_true.shape)) ** 2
    # The variance of equal numbers need not round to 0.
    varies = np.ptp(y_true, axis=0) > 0
    return (error / np.where(varies, y_true.var(axis=0), 1.0)).mean(axis=1)
