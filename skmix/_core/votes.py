"""Votes of the nearest rows, kept up to date as rows are added.

A k-nearest-neighbour classifier need not be fitted again for a few new rows: they can
only enter the lists of held-out rows that they are nearer to than the k-th neighbour.
"""

from __future__ import annotations

from collections.abc import Iterator
from copy import copy
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from .neighbors import FloatArray, IntArray

# Of a block that fits a cache.
_BLOCK_BYTES = 2**20
# Held-out rows in a box, which new rows that are far from it need not be compared with.
_BOX_ROWS = 256
# Pairs of rows that are compared with a box at a time.
_SEGMENT_BLOCK = 1024
# So many held-out rows are noted at most, in four bytes each, for all pairs of rows.
_MOST_NOTED = 2**22


class NeighborVotes:
    """How the k nearest training rows of each held-out row vote.

    Parameters
    ----------
    Z : ndarray of shape (n, p)
        Training rows, compared by Euclidean distance.

    codes : ndarray of shape (n,)
        Their classes, as numbers from 0.

    Z_test : ndarray of shape (w, p)
        Rows some of which are held out.

    n_classes : int
        Number of classes.

    k : int
        Number of votes; all rows vote where there are no more.

    neighbors : ndarray of shape (v, k), default=None
        The nearest training rows of each held-out row, if they are known.

    held_out : ndarray of shape (v,), default=None
        Places of the held-out rows; None is all.

    Attributes
    ----------
    votes : ndarray of shape (v, n_classes)
        Number of votes for each class.

    Notes
    -----
    Among training rows at equal distance it is left open, as by scikit-learn's
    classifier, which ones vote; a row that is added comes after those that are there.
    In all other cases the votes are those of that classifier, to the last one.

    Held-out rows are put into boxes of some hundred. New rows are compared with those
    of the boxes that they may reach, by a product of matrices in float32, widened by
    its rounding error; what that leaves is compared exactly.
    """

    def __init__(
        self,
        Z: FloatArray,
        codes: IntArray,
        Z_test: FloatArray,
        n_classes: int,
        k: int,
        neighbors: IntArray | None = None,
        held_out: IntArray | None = None,
    ) -> None:
        k = min(k, len(Z))
        # All folds look at the same rows, which none copies.
        self.Z_all, self.held_out = Z_test, held_out
        if held_out is not None:
            Z_test = Z_test[held_out]
        if neighbors is None:
            search = NearestNeighbors(n_neighbors=k).fit(Z)
            neighbors = search.kneighbors(Z_test, return_distance=False)
        rows = np.repeat(np.arange(len(Z_test)), k)
        squared = _squared(Z_test, rows, Z, neighbors.ravel()).reshape(-1, k)
        order = np.lexsort((neighbors, squared), axis=1)
        self.n_classes = n_classes
        self.squared = np.take_along_axis(squared, order, axis=1)
        # A few classes need no eight bytes each.
        small = codes.astype(np.min_scalar_type(n_classes))
        self.codes = small[np.take_along_axis(neighbors, order, axis=1)]
        self.votes = self._count(self.codes)
        self.boxes = _boxes(Z_test)
        self.corners = np.array(
            [[Z_test[box].min(axis=0), Z_test[box].max(axis=0)] for box in self.boxes]
        )
        # [z, |z|^2, 1] [-2 s, 1, |s|^2] is the squared distance of z and s. Below, that
        # of z is reduced by its reach, so that a row that enters is below zero. Both
        # are seen from the middle, in units of the farthest row: float32 ends early.
        self.slack = 1e-6 * (Z_test.shape[1] + 8)
        self.middle = Z_test.mean(axis=0)
        self.unit = max(abs(Z - self.middle).max(), abs(Z_test - self.middle).max())
        self.unit = self.unit or 1.0
        seen = (Z_test - self.middle) / self.unit
        self.norms = (seen**2).sum(axis=1) * (1 - self.slack)
        self.seen = seen.astype(np.float32)

    def copy(self) -> NeighborVotes:
        """Make a copy to which rows can be added.

        Returns
        -------
        votes : NeighborVotes
            The same votes.
        """
        twin = copy(self)
        twin.squared, twin.codes = self.squared.copy(), self.codes.copy()
        twin.votes = self.votes.copy()
        return twin

    def add(self, Z_new: FloatArray, codes_new: IntArray) -> IntArray:
        """Take rows into the lists.

        Parameters
        ----------
        Z_new : ndarray of shape (m, p)
            New training rows.

        codes_new : ndarray of shape (m,)
            Their classes.

        Returns
        -------
        changed : ndarray of shape (c,)
            Places of the held-out rows whose lists they entered.
        """
        changed, squared, codes = self._merge(Z_new, codes_new)
        self.squared[changed], self.codes[changed] = squared, codes
        self.votes[changed] = self._count(codes)
        return changed

    def votes_with(
        self,
        Z_new: FloatArray,
        codes_new: IntArray,
        pairs: tuple[NDArray, IntArray] | None = None,
    ) -> NDArray[np.intp]:
        """Count the votes as they would be with further rows.

        Parameters
        ----------
        Z_new : ndarray of shape (m, p)
            New training rows.

        codes_new : ndarray of shape (m,)
            Their classes.

        pairs : (ndarray of shape (e,), ndarray of shape (e,)), default=None
            Places of held-out and of new rows, among which is each new row that enters
            a list, in order of the new rows. None compares all.

        Returns
        -------
        votes : ndarray of shape (v, n_classes)
            Number of votes for each class.
        """
        changed, _, codes = self._merge(Z_new, codes_new, pairs)
        votes = self.votes.copy()
        votes[changed] = self._count(codes)
        return votes

    def entering(self, Z_new: FloatArray) -> tuple[IntArray, IntArray, FloatArray]:
        """Find which new rows enter the lists of which held-out rows.

        Parameters
        ----------
        Z_new : ndarray of shape (m, p)
            New training rows.

        Returns
        -------
        test, new : ndarray of shape (e,)
            Places of the held-out row and of the new one, for each that enters.

        squared : ndarray of shape (e,)
            Their squared distance.
        """
        test, new = self._near(Z_new)
        return self._entering(Z_new, test, new)

    def _entering(
        self, Z_new: FloatArray, test: NDArray, new: IntArray
    ) -> tuple[IntArray, IntArray, FloatArray]:
        """Which of some pairs enter, and at which squared distance."""
        rows = test if self.held_out is None else self.held_out[test]
        squared = _squared(self.Z_all, rows, Z_new, new)
        kept = squared < self.squared[test, -1]
        return test[kept], new[kept], squared[kept]

    def _near(self, Z_new: FloatArray) -> tuple[IntArray, IntArray]:
        """Places of held-out and of new rows, with a few that do not enter."""
        reach = self.squared[:, -1]
        seen = (Z_new - self.middle) / self.unit
        norms = (seen**2).sum(axis=1) * (1 - self.slack)
        within = self.norms - reach / self.unit**2
        right = _columns(-2 * seen, np.ones_like(norms), norms)
        pairs = [(np.empty(0, np.intp), np.empty(0, np.intp))]
        for rows, (low, high) in zip(self.boxes, self.corners, strict=True):
            outside = Z_new - Z_new.clip(low, high)
            distance = np.einsum("ij,ij->i", outside, outside)
            near = np.flatnonzero(distance < reach[rows].max())
            if len(near):
                # Flat, as NumPy looks through a table much more slowly.
                left = _columns(self.seen[rows], within[rows], np.ones(len(rows)))
                found = np.flatnonzero(left @ right[near].T < 0)
                pairs.append((rows[found // len(near)], near[found % len(near)]))
        test, new = map(np.concatenate, zip(*pairs, strict=True))
        return test, new

    def _merge(
        self,
        Z_new: FloatArray,
        codes_new: IntArray,
        pairs: tuple[NDArray, IntArray] | None = None,
    ) -> tuple[IntArray, FloatArray, IntArray]:
        """The held-out rows whose lists change, and these lists."""
        test, new = self._near(Z_new) if pairs is None else pairs
        test, new, squared = self._entering(Z_new, test, new)
        k = self.squared.shape[1]
        # Stable: at equal distance what was there comes first, then by order of adding.
        order = np.lexsort((squared, test))
        changed, first, counts = np.unique(
            test[order], return_index=True, return_counts=True
        )
        row = np.repeat(np.arange(len(changed)), counts)
        rank = np.arange(len(test)) - first[row]
        # Not more than k of them can stay.
        row, rank, entry = (part[rank < k] for part in (row, rank, order))
        width = k + (min(k, counts.max()) if len(counts) else 0)
        merged = np.full((len(changed), width), np.inf)
        merged[:, :k] = self.squared[changed]
        merged[row, k + rank] = squared[entry]
        codes = np.zeros(merged.shape, self.codes.dtype)
        codes[:, :k] = self.codes[changed]
        codes[row, k + rank] = codes_new[new[entry]]
        nearest = np.argsort(merged, axis=1, kind="stable")[:, :k]
        return (
            changed,
            np.take_along_axis(merged, nearest, axis=1),
            np.take_along_axis(codes, nearest, axis=1),
        )

    def _count(self, codes: IntArray) -> NDArray[np.intp]:
        columns = [(codes == c).sum(axis=1) for c in range(self.n_classes)]
        return np.column_stack(columns)


class _Noted(NamedTuple):
    """Pairs of rows, sorted, and where the held-out rows of each are."""

    keys: IntArray
    begin: IntArray
    length: IntArray
    test: NDArray[np.int32]


class Segments:
    """Which held-out rows have mixes of some pairs of rows in reach.

    A mix lies between its parents. Which lists it may enter is found once for each
    pair, however many mixes are made of it.

    Parameters
    ----------
    votes : NeighborVotes
        The lists.

    Z : ndarray of shape (n, p)
        Rows that are mixed.

    Notes
    -----
    With z seen from one parent and u the unit vector to the other, at distance l, the
    squared distance of z and the nearest point between them is |z|^2 - t (2 zu - t),
    t = min(max(zu, 0), l).
    """

    def __init__(self, votes: NeighborVotes, Z: FloatArray) -> None:
        self.lists, self.Z = votes, Z
        none = np.empty(0, np.intp)
        # None where there are too many. In one piece, in case of Ctrl-C.
        self.noted: _Noted | None = _Noted(none, none, none, none.astype(np.int32))

    def pairs(
        self, first: IntArray, second: IntArray
    ) -> tuple[NDArray[np.int32], IntArray] | None:
        """Find the held-out rows whose lists mixes may enter.

        Parameters
        ----------
        first, second : ndarray of shape (m,)
            Parents of each mix.

        Returns
        -------
        pairs : (ndarray of shape (e,), ndarray of shape (e,)) or None
            Places of held-out rows and of mixes, for `NeighborVotes.votes_with`; None
            where there are so many that they are not noted.
        """
        first, second = np.minimum(first, second), np.maximum(first, second)
        keys = first * len(self.Z) + second
        if self.noted is not None:
            unknown = np.setdiff1d(keys, self.noted.keys)
            if len(unknown):
                self.noted = self._with(self.noted, unknown)
        if self.noted is None:
            return None
        known = self.noted
        place = np.searchsorted(known.keys, keys)
        length = known.length[place]
        new = np.repeat(np.arange(len(keys)), length)
        # Where the rows of a mix begin, in the result and in what is noted.
        skipped = known.begin[place] - (np.cumsum(length) - length)
        return known.test[np.arange(len(new)) + skipped[new]], new

    def _with(self, known: _Noted, keys: IntArray) -> _Noted | None:
        """Find the held-out rows of new pairs too."""
        n_found = len(known.test)
        parts = [(known.test[:0], keys[:0])]
        for test, segment in self._within(*np.divmod(keys, len(self.Z))):
            parts.append((test.astype(np.int32), segment))
            n_found += len(test)
            if n_found > _MOST_NOTED:
                return None
        test, segment = map(np.concatenate, zip(*parts, strict=True))
        length = np.bincount(segment, minlength=len(keys))
        begin = len(known.test) + np.cumsum(length) - length
        all_keys = np.concatenate([known.keys, keys])
        order = all_keys.argsort()
        return _Noted(
            all_keys[order],
            np.concatenate([known.begin, begin])[order],
            np.concatenate([known.length, length])[order],
            np.concatenate([known.test, test[segment.argsort(kind="stable")]]),
        )

    def _within(
        self, first: IntArray, second: IntArray
    ) -> Iterator[tuple[IntArray, IntArray]]:
        """Places of held-out rows and of pairs, box by box."""
        lists = self.lists
        reach = lists.squared[:, -1]
        A, B = self.Z[first], self.Z[second]
        lowest, highest = np.minimum(A, B), np.maximum(A, B)
        a, b = ((Z - lists.middle) / lists.unit for Z in (A, B))
        length = np.linalg.norm(b - a, axis=1)
        u = (b - a) / np.where(length > 0, length, 1.0)[:, None]
        norms = (a**2).sum(axis=1)
        # Rounding counts three times as much as for rows: of z, and twice of zu.
        bound = norms - 3 * lists.slack * (norms + (b**2).sum(axis=1))
        within = (1 - 2 * lists.slack) * lists.norms - reach / lists.unit**2
        square = _columns(-2 * a, np.ones_like(norms), bound)
        along = _columns(u, -(a * u).sum(axis=1))
        length = length.astype(np.float32)
        for rows, (low, high) in zip(lists.boxes, lists.corners, strict=True):
            outside = np.maximum(low - highest, lowest - high).clip(0.0)
            distance = np.einsum("ij,ij->i", outside, outside)
            near = np.flatnonzero(distance < reach[rows].max())
            ones = np.ones(len(rows))
            left = _columns(lists.seen[rows], within[rows], ones)
            seen = _columns(lists.seen[rows], ones)
            for begin in range(0, len(near), _SEGMENT_BLOCK):
                part = near[begin : begin + _SEGMENT_BLOCK]
                zu = seen @ along[part].T
                t = np.minimum(np.maximum(zu, 0), length[part])
                found = np.flatnonzero(left @ square[part].T < t * (2 * zu - t))
                yield rows[found // len(part)], part[found % len(part)]


def _columns(*parts: FloatArray) -> NDArray[np.float32]:
    return np.column_stack(parts).astype(np.float32)


def _boxes(Z: FloatArray) -> list[IntArray]:
    """Split rows in halves along the widest column, until few are left in each part."""
    parts, boxes = [np.arange(len(Z))], []
    while parts:
        rows = parts.pop()
        if len(rows) <= _BOX_ROWS:
            boxes.append(rows)
            continue
        column = Z[rows, np.ptp(Z[rows], axis=0).argmax()]
        order = np.argsort(column, kind="stable")
        parts += np.array_split(rows[order], 2)
    return boxes


def _squared(A: FloatArray, a: IntArray, B: FloatArray, b: IntArray) -> FloatArray:
    """Squared distances of pairs of rows, in blocks."""
    squared = np.empty(len(a))
    block = max(1, _BLOCK_BYTES // (8 * max(1, A.shape[1])))
    for start in range(0, len(a), block):
        rows = slice(start, start + block)
        difference = A[a[rows]] - B[b[rows]]
        squared[rows] = np.einsum("ij,ij->i", difference, difference)
    return squared
