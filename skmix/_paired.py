"""Scores on the same splits: how much they differ, and how sure that is."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .metrics import paired_difference


def corrected_paired_difference(
    values: ArrayLike, baseline: ArrayLike, *, test_train_ratio: float
) -> tuple[float, float]:
    """Mean difference of scores on the same splits, and its corrected standard error.

    Parameters
    ----------
    values : array-like of shape (n_splits,)
        One score to a split.

    baseline : array-like of shape (n_splits,)
        The scores that they are compared with, on the same splits.

    test_train_ratio : float
        Number of test rows of a split divided by its number of training rows.

    Returns
    -------
    difference : float
        Mean of ``values - baseline``.

    standard_error : float
        Its standard error; NaN for a single split.

    Notes
    -----
    The training rows of two splits overlap, so that their scores are not independent,
    and ``std / sqrt(n_splits)`` is too small: it would shrink towards zero as splits
    are repeated, though no data are added. Nadeau and Bengio [1]_ replace the factor
    1 / J of J splits in the variance of the mean difference by
    1 / J + n_test / n_train.

    References
    ----------
    .. [1] Nadeau and Bengio, "Inference for the generalization error", Machine
       Learning 52, 2003.

    Examples
    --------
    >>> from skmix.model_selection import corrected_paired_difference
    >>> corrected_paired_difference([3, 5, 4, 4], [2, 3, 3, 4], test_train_ratio=0.25)
    (1.0, 0.577...)
    """
    difference, error = paired_difference(values, baseline)
    n_splits = np.size(values)
    return difference, error * float(np.sqrt(1 + n_splits * test_train_ratio))


def difference_of_known(
    values: NDArray[np.float64], baseline: NDArray[np.float64], test_train_ratio: float
) -> tuple[float, float]:
    """The same over the splits in which both have a score, NaN if there are none."""
    paired = ~np.isnan(values - baseline)
    if not paired.any():
        return np.nan, np.nan
    return corrected_paired_difference(
        values[paired], baseline[paired], test_train_ratio=test_train_ratio
    )


def mean_of_known(values: NDArray[np.float64]) -> float:
    """Mean of the values that are not NaN; NaN if there are none."""
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else np.nan
