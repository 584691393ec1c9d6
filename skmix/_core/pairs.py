"""Pairs of rows to mix: without repeats, and by what rule they are drawn."""

from collections.abc import Sequence

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from .neighbors import FloatArray, IntArray

# Beyond this many bandwidths a Gaussian kernel is below 1e-15 of its peak.
_KERNEL_REACH = 8.3
_BLOCK_BYTES = 2**26


def unique_pairs(
    first: IntArray, second: IntArray, *, ordered: bool
) -> tuple[IntArray, IntArray]:
    """Find the first place of each distinct pair.

    Parameters
    ----------
    first, second : ndarray of shape (m,)
        Row indices of the parents.

    ordered : bool
        Whether (i, j) and (j, i) are two pairs. They give the same mix, and so are
        one pair, where both parents count one half.

    Returns
    -------
    kept : ndarray of shape (u,)
        The place of the first occurrence of each pair, in rising order.

    inverse : ndarray of shape (m,)
        For each pair its place in `kept`.
    """
    low, high = first, second
    if not ordered:
        low, high = np.minimum(first, second), np.maximum(first, second)
    span = int(max(first.max(), second.max())) + 1 if len(first) else 1
    key = low.astype(np.int64) * span + high
    _, place, inverse = np.unique(key, return_index=True, return_inverse=True)
    rank = np.argsort(place)
    where = np.empty_like(rank)
    where[rank] = np.arange(len(rank))
    return place[rank], where[inverse]


def option_pairs(
    neighbors: Sequence[IntArray], options: IntArray
) -> tuple[IntArray, IntArray]:
    """List the pairs of rows that chosen neighbour counts name, repeats included.

    Parameters
    ----------
    neighbors : sequence of ndarray of shape (n, k_max)
        Neighbours by each kind of distance, nearest first.

    options : ndarray of shape (n, len(neighbors))
        Number of neighbours each row is mixed with, by kind of distance.

    Returns
    -------
    first, second : ndarray of shape (m,)
        Row indices; `first` is the row whose option it was.
    """
    first, second = [], []
    for kind, table in enumerate(neighbors):
        row, column = np.nonzero(np.arange(table.shape[1]) < options[:, kind, None])
        first.append(row)
        second.append(table[row, column])
    return np.concatenate(first), np.concatenate(second)


def uniform_partners(
    first: IntArray, n_rows: int, rng: RandomState
) -> NDArray[np.intp]:
    """Draw for each row a partner among all other rows, each as likely."""
    return (first + rng.randint(1, n_rows, size=len(first))) % n_rows


def kernel_partners(
    first: IntArray, Y: FloatArray, bandwidth: float, rng: RandomState
) -> IntArray:
    """Draw for each row a partner by the C-Mixup kernel on label distance.

    Parameters
    ----------
    first : ndarray of shape (m,)
        Rows that want a partner.

    Y : ndarray of shape (n, t)
        Labels.

    bandwidth : float
        Standard deviation of the kernel, in the units of `Y`.

    rng : RandomState
        Source of randomness.

    Returns
    -------
    second : ndarray of shape (m,)
        Partners, never the row itself, drawn with probability proportional to
        exp(-|y_i - y_j|^2 / (2 bandwidth^2)).

    Notes
    -----
    By rejection: partners are proposed evenly among the rows whose first label lies
    within reach of the kernel, and kept with the kernel's value. Rows that are still
    without a partner after some rounds (an isolated label) get theirs from the kernel
    itself, in blocks of rows. Both draw from the same distribution. Memory is
    O(n + block), with blocks of 64 MiB.
    """
    order = np.argsort(Y[:, 0], kind="stable")
    y = Y[order, 0]
    low = np.searchsorted(y, Y[first, 0] - _KERNEL_REACH * bandwidth, side="left")
    high = np.searchsorted(y, Y[first, 0] + _KERNEL_REACH * bandwidth, side="right")
    second = np.full(len(first), -1, dtype=np.intp)
    open_ = np.arange(len(first))
    for _ in range(32):
        row = first[open_]
        place = low[open_] + rng.random_sample(len(open_)) * (high - low)[open_]
        proposed = order[np.minimum(place.astype(np.intp), high[open_] - 1)]
        distance = ((Y[row] - Y[proposed]) ** 2).sum(axis=1)
        kernel = np.exp(-distance / (2 * bandwidth**2))
        kept = (rng.random_sample(len(open_)) < kernel) & (proposed != row)
        second[open_[kept]] = proposed[kept]
        open_ = open_[~kept]
        if not len(open_):
            return second
    block = max(1, _BLOCK_BYTES // (8 * len(Y)))
    for start in range(0, len(open_), block):
        places = open_[start : start + block]
        rates = kernel_rates(first[places], Y, bandwidth)
        # The inverse of the cumulative rates, for all rows of the block at once.
        cumulative = rates.cumsum(axis=1)
        target = rng.random_sample(len(places)) * cumulative[:, -1]
        second[places] = (cumulative <= target[:, None]).sum(axis=1)
    return second


def kernel_rates(first: IntArray, Y: FloatArray, bandwidth: float) -> FloatArray:
    """C-Mixup's mixing rates of some rows with all rows.

    Parameters
    ----------
    first : ndarray of shape (m,)
        Rows that want a partner.

    Y : ndarray of shape (n, t)
        Labels.

    bandwidth : float
        Standard deviation of the kernel, in the units of `Y`.

    Returns
    -------
    rates : ndarray of shape (m, n)
        Probabilities; each row sums to 1, and a row's rate with itself is 0.
    """
    distance = np.zeros((len(first), len(Y)))
    for column in Y.T:
        distance += (column[first, None] - column) ** 2
    exponent = -distance / (2 * bandwidth**2)
    exponent[np.arange(len(first)), first] = -np.inf
    exponent -= exponent.max(axis=1, keepdims=True)
    rates = np.exp(exponent)
    return rates / rates.sum(axis=1, keepdims=True)
