"""Scales of the columns of tables, and of the channels of images."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def channel_scale(
    X: NDArray[np.floating],
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and standard deviation of each column, or of each channel.

    Parameters
    ----------
    X : ndarray of shape (n, p) or (n, channels, ...)
        Rows.

    Returns
    -------
    mean, scale : ndarray of shape (p,) or (channels, 1, ...)
        To be subtracted from rows, and to divide them by. What is constant is divided
        by its size, if that is more than 1.
    """
    axes = (0, *range(2, X.ndim))
    is_constant = (X.max(axis=axes, keepdims=True) == X.min(axis=axes, keepdims=True))[
        0
    ]
    mean = X.mean(axis=axes, keepdims=True, dtype=np.float64)[0]
    # By a power of two, which rounds nothing, so that no square leaves its range.
    _, exponent = np.frexp(np.abs(X).max(axis=axes, keepdims=True))
    X = np.ldexp(X, -exponent)
    deviation = X.std(axis=axes, keepdims=True, dtype=np.float64)[0]
    deviation = np.ldexp(deviation, exponent[0])
    # What is constant, also but for rounding, shall not become large by it.
    is_constant |= deviation <= 10 * np.finfo(X.dtype).eps * np.abs(mean)
    return mean, np.where(is_constant, np.maximum(np.abs(mean), 1.0), deviation)
