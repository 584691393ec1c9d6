"""Votes of the nearest rows, kept up to date as rows are added.

A k-nearest-neighbour classifier need not be fitted again for a few new rows: they can
only enter the lists of held-out rows that they are nearer to than the k-th neighbour.
"""

from __future__ import annotations

from copy import copy

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from .neighbors import FloatArray, IntArray

# Of a block that fits a cache.
_BLOCK_BYTES = 2**20
# Held-out rows in a box, which new rows that are far from it need not be compared with.
_BOX_ROWS = 256
# Where rows are so much nearer than the farthest that float32 ends, all are compared.
TINY = np.finfo(np.float32).tiny


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

    def entering(
        self, Z_new: FloatArray, pairs: tuple[NDArray, IntArray] | None = None
    ) -> tuple[IntArray, IntArray, FloatArray]:
        """Find which new rows enter the lists of which held-out rows.

        Parameters
        ----------
        Z_new : ndarray of shape (m, p)
            New training rows.

        pairs : (ndarray of shape (e,), ndarray of shape (e,)), default=None
            Those to look at; see `votes_with`.

        Returns
        -------
        test, new : ndarray of shape (e,)
            Places of the held-out row and of the new one, for each that enters.

        squared : ndarray of shape (e,)
            Their squared distance.
        """
        if pairs is not None:
            return self._entering(Z_new, *pairs)
        reach = self.squared[:, -1]
        seen = (Z_new - self.middle) / self.unit
        norms = (seen**2).sum(axis=1) * (1 - self.slack)
        within = self.norms - reach / self.unit**2
        right = columns(-2 * seen, np.ones_like(norms), norms)
        none = np.empty(0, np.intp)
        found = [self._entering(Z_new, none, none)]
        for rows, (low, high) in zip(self.boxes, self.corners, strict=True):
            outside = Z_new - Z_new.clip(low, high)
            distance = np.einsum("ij,ij->i", outside, outside)
            near = np.flatnonzero(distance < reach[rows].max())
            if len(near):
                # Flat, as NumPy looks through a table much more slowly.
                left = columns(self.seen[rows], within[rows], np.ones(len(rows)))
                place = np.flatnonzero(left @ right[near].T <= TINY)
                test, new = rows[place // len(near)], near[place % len(near)]
                found.append(self._entering(Z_new, test, new))
        test, new, squared = map(np.concatenate, zip(*found, strict=True))
        return test, new, squared

    def _entering(
        self, Z_new: FloatArray, test: NDArray, new: IntArray
    ) -> tuple[NDArray, IntArray, FloatArray]:
        """Which of some pairs enter, and at which squared distance."""
        rows = test if self.held_out is None else self.held_out[test]
        squared = _squared(self.Z_all, rows, Z_new, new)
        kept = squared < self.squared[test, -1]
        return test[kept], new[kept], squared[kept]

    def _merge(
        self,
        Z_new: FloatArray,
        codes_new: IntArray,
        pairs: tuple[NDArray, IntArray] | None = None,
    ) -> tuple[IntArray, FloatArray, IntArray]:
        """The held-out rows whose lists change, and these lists."""
        test, new, squared = self.entering(Z_new, pairs)
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
        merged = np.full((len(changed), k + min(k, counts.max(initial=0))), np.inf)
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


def columns(*parts: FloatArray) -> NDArray[np.float32]:
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
