"""The mix itself: between two rows, weight on the first, rest on the second."""

from typing import Literal

import numpy as np
from numpy.random import RandomState

from .neighbors import FloatArray, IntArray


def interpolate(
    values: FloatArray, first: IntArray, second: IntArray, weight: FloatArray
) -> FloatArray:
    """Mix rows: weight * values[first] + (1 - weight) * values[second].

    Parameters
    ----------
    values : ndarray of shape (n, p)
        Rows.

    first, second : ndarray of shape (m,)
        Parents of the mixes.

    weight : ndarray of shape (m,)
        Share of the first parent, in [0, 1].

    Returns
    -------
    mixes : ndarray of shape (m, p)
        The mixes, each coordinate within those of its parents.
    """
    # Differences of float32 would lose a digit.
    a, b = (values[rows].astype(np.float64, copy=False) for rows in (first, second))
    # a + (b - a) w is exact where the parents agree; the clip takes off the last
    # digit that rounding may have added.
    mixes = b + weight[:, None] * (a - b)
    return np.clip(mixes, np.minimum(a, b), np.maximum(a, b), out=mixes)


def deviations(Y: FloatArray) -> FloatArray:
    """Compute the standard deviation of each column of labels, 1 where it is constant.

    Parameters
    ----------
    Y : ndarray of shape (n, t)
        Labels.

    Returns
    -------
    spread : ndarray of shape (t,)
        Positive numbers to divide by.

    Notes
    -----
    The deviation of equal numbers need not round to 0: that of sixty times 0.1 is
    4e-17.
    """
    return np.where(np.ptp(Y, axis=0) > 0, Y.std(axis=0), 1.0)


def heavier_parent(first: IntArray, second: IntArray, weight: FloatArray) -> IntArray:
    """Choose the parent with the larger weight; at a tie the first."""
    return np.where(weight >= 0.5, first, second)


def draw_mix_ratio(
    mix_ratio: float | Literal["beta"], alpha: float, size: int, rng: RandomState
) -> FloatArray:
    """Make the share of the first parent for each mix.

    Parameters
    ----------
    mix_ratio : float or "beta"
        One share for all mixes, or shares drawn from Beta(alpha, alpha).

    alpha : float
        Parameter of the Beta distribution.

    size : int
        Number of mixes.

    rng : RandomState
        Source of randomness.

    Returns
    -------
    weight : ndarray of shape (size,)
        Shares in [0, 1].
    """
    if mix_ratio == "beta":
        return rng.beta(alpha, alpha, size=size)
    return np.full(size, float(mix_ratio))
