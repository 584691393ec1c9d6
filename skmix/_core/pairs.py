"""Pairs of rows to mix: without repeats, and by what rule they are drawn."""

from collections.abc import Sequence

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from .neighbors import FloatArray, IntArray, nearest_labels

# Beyond this many bandwidths a Gaussian kernel is below 1e-15 of its peak.
_KERNEL_REACH = 8.3
_BLOCK_BYTES = 2**26
_ROWS_AT_A_TIME = 8192
_REJECTION_ROUNDS = 400
_LABEL_BLOCKS, _BLOCK_ROUNDS = 512, 100


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
    return np.concatenate(first), np.concatenate(second).astype(np.intp, copy=False)


def some_option_pairs(
    neighbors: Sequence[IntArray], options: IntArray, amount: int, rng: RandomState
) -> tuple[IntArray, IntArray]:
    """List a random part of the pairs that chosen neighbour counts name.

    Parameters
    ----------
    neighbors : sequence of ndarray of shape (n, k_max)
        Neighbours by each kind of distance, nearest first.

    options : ndarray of shape (n, len(neighbors))
        Number of neighbours each row may be mixed with, by kind of distance.

    amount : int
        Number of pairs that a row keeps, if it names more.

    rng : RandomState
        Source of randomness.

    Returns
    -------
    first, second : ndarray of shape (m,)
        Row indices; `first` is the row whose option it was.
    """
    pairs = []
    for start in range(0, len(options), _ROWS_AT_A_TIME):
        rows = slice(start, start + _ROWS_AT_A_TIME)
        own, other = option_pairs([table[rows] for table in neighbors], options[rows])
        # In random order, then by row: the first ones of each row are kept.
        shuffled = rng.permutation(len(own))
        by_row = shuffled[np.argsort(own[shuffled], kind="stable")]
        counts = np.bincount(own)
        rank = np.arange(len(own)) - np.repeat(np.cumsum(counts) - counts, counts)
        kept = by_row[rank < amount]
        pairs.append((own[kept] + start, other[kept]))
    first, second = zip(*pairs, strict=True)
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
    without a partner after many rounds (those of rare labels) choose among blocks of
    sorted labels first, by the greatest value of the kernel in each. What is then left
    (an isolated label) gets a partner from the kernel itself, over the rows that are
    not negligible beside the nearest. All draw from the same distribution. Memory is
    O(n) and a block of 64 MiB.
    """
    order = np.argsort(Y[:, 0], kind="stable")
    low, high = _window(Y[order, 0], Y[first, 0], _KERNEL_REACH * bandwidth)
    second = np.full(len(first), -1, dtype=np.intp)
    # A window of one row holds nobody but the row itself.
    open_ = np.flatnonzero(high - low > 1)
    for _ in range(_REJECTION_ROUNDS):
        if not len(open_):
            break
        row = first[open_]
        place = low[open_] + rng.random_sample(len(open_)) * (high - low)[open_]
        proposed = order[np.minimum(place.astype(np.intp), high[open_] - 1)]
        distance = ((Y[row] - Y[proposed]) ** 2).sum(axis=1)
        kernel = np.exp(-distance / (2 * bandwidth**2))
        kept = (rng.random_sample(len(open_)) < kernel) & (proposed != row)
        second[open_[kept]] = proposed[kept]
        open_ = open_[~kept]
    for draw in (_draw_by_blocks, _draw_by_rates):
        left = np.flatnonzero(second < 0)
        if len(left):
            second[left] = draw(first[left], Y, order, bandwidth, rng)
    return second


def _window(
    y: FloatArray, centre: FloatArray, radius: FloatArray | float
) -> tuple[IntArray, IntArray]:
    """Places in sorted labels that lie within a radius of given ones."""
    low = np.searchsorted(y, centre - radius, side="left")
    return low, np.searchsorted(y, centre + radius, side="right")


def _draw_by_blocks(
    first: IntArray, Y: FloatArray, order: IntArray, bandwidth: float, rng: RandomState
) -> IntArray:
    """Propose partners block by block; -1 for rows that have none after all."""
    n_blocks = min(_LABEL_BLOCKS, len(order))
    ends = np.linspace(0, len(order), n_blocks + 1).astype(np.intp)
    begin, counts = ends[:-1], np.diff(ends)
    y = Y[order, 0]
    low, high = y[begin], y[ends[1:] - 1]
    second = np.full(len(first), -1, dtype=np.intp)
    size = max(1, _BLOCK_BYTES // (64 * n_blocks))
    for start in range(0, len(first), size):
        rows = first[start : start + size]
        centre = Y[rows, :1]
        gap = np.maximum(np.maximum(low - centre, centre - high), 0.0)
        # Logarithm of the greatest value that the kernel can have in a block.
        bound = -(gap**2) / (2 * bandwidth**2)
        rate = counts * np.exp(bound - bound.max(axis=1, keepdims=True))
        total = np.cumsum(rate, axis=1)
        open_ = np.arange(len(rows))
        for _ in range(_BLOCK_ROUNDS):
            if not len(open_):
                break
            target = rng.random_sample(len(open_)) * total[open_, -1]
            block = (total[open_] <= target[:, None]).sum(axis=1).clip(0, n_blocks - 1)
            share = rng.random_sample(len(open_))
            place = begin[block] + (share * counts[block]).astype(np.intp)
            row, proposed = rows[open_], order[place]
            distance = ((Y[row] - Y[proposed]) ** 2).sum(axis=1)
            log_rate = -distance / (2 * bandwidth**2) - bound[open_, block]
            kept = np.log1p(-rng.random_sample(len(open_))) < log_rate
            kept &= proposed != row
            second[start + open_[kept]] = proposed[kept]
            open_ = open_[~kept]
    return second


def _draw_by_rates(
    first: IntArray, Y: FloatArray, order: IntArray, bandwidth: float, rng: RandomState
) -> IntArray:
    """Draw partners from the kernel itself, in blocks of rows."""
    nearest = nearest_labels(Y, 1)[first, 0]
    distance = ((Y[first] - Y[nearest]) ** 2).sum(axis=1)
    # Beyond this a row is below 1e-15 of the nearest one.
    radius = np.sqrt(distance + (_KERNEL_REACH * bandwidth) ** 2)
    low, high = _window(Y[order, 0], Y[first, 0], radius)
    sizes = high - low
    second = np.empty(len(first), dtype=np.intp)
    start = 0
    while start < len(first):
        ends = np.cumsum(sizes[start:])
        stop = start + max(1, int(np.searchsorted(ends, _BLOCK_BYTES // 8)))
        rows, size = first[start:stop], sizes[start:stop]
        # The windows of the block, one after the other.
        begin = np.concatenate([[0], np.cumsum(size)])
        owner = np.repeat(np.arange(len(rows)), size)
        place = np.arange(begin[-1]) - begin[owner] + low[start:stop][owner]
        partner = order[place]
        squared = ((Y[rows[owner]] - Y[partner]) ** 2).sum(axis=1)
        # In units of the nearest partner's rate; only the row itself is nearer. What
        # was found before may be the nearest of a part of the rows.
        others = np.where(partner != rows[owner], squared, np.inf)
        least = np.minimum.reduceat(others, begin[:-1])
        excess = np.maximum(squared - least[owner], 0.0)
        rate = np.exp(-excess / (2 * bandwidth**2)) * (partner != rows[owner])
        # One running sum for all windows: a window's share of it is its own sum.
        total = np.concatenate([[0.0], np.cumsum(rate)])
        target = rng.random_sample(len(rows)) * (total[begin[1:]] - total[begin[:-1]])
        drawn = np.searchsorted(total, total[begin[:-1]] + target, side="right") - 1
        second[start:stop] = partner[drawn.clip(begin[:-1], begin[1:] - 1)]
        start = stop
    return second
