"""Votes of the nearest rows, kept up to date as rows are added.

A k-nearest-neighbour classifier need not be fitted again for a few new rows: they can
only enter the lists of held-out rows that they are nearer to than the k-th neighbour.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from .neighbors import FloatArray, IntArray

_BLOCK_BYTES = 2**26


class NeighborVotes:
    """How the k nearest training rows of each held-out row vote.

    Parameters
    ----------
    Z : ndarray of shape (n, p)
        Training rows, compared by Euclidean distance.

    codes : ndarray of shape (n,)
        Their classes, as numbers from 0.

    Z_test : ndarray of shape (v, p)
        Held-out rows.

    n_classes : int
        Number of classes.

    k : int
        Number of votes; all rows vote where there are no more.

    neighbors : ndarray of shape (v, k), default=None
        The nearest training rows of each held-out row, if they are known.

    Attributes
    ----------
    votes : ndarray of shape (v, n_classes)
        Number of votes for each class.

    Notes
    -----
    Of rows at equal distance the earlier ones vote. scikit-learn's classifier leaves
    that open, and agrees in all other cases, to the last vote.

    New rows are compared with all held-out rows in one product of matrices in float32,
    widened by its rounding error; what it leaves is compared exactly. The products are
    made in blocks of 64 MiB.
    """

    def __init__(
        self,
        Z: FloatArray,
        codes: IntArray,
        Z_test: FloatArray,
        n_classes: int,
        k: int,
        neighbors: IntArray | None = None,
    ) -> None:
        k = min(k, len(Z))
        if neighbors is None:
            search = NearestNeighbors(n_neighbors=k).fit(Z)
            neighbors = search.kneighbors(Z_test, return_distance=False)
        rows = np.repeat(np.arange(len(Z_test)), k)
        squared = _squared(Z_test, rows, Z, neighbors.ravel()).reshape(-1, k)
        order = np.lexsort((neighbors, squared), axis=1)
        self.Z_test = Z_test
        self.n_classes = n_classes
        self.squared = np.take_along_axis(squared, order, axis=1)
        self.codes = codes[np.take_along_axis(neighbors, order, axis=1)]
        self.votes = self._count(self.codes)
        # [z, |z|^2, 1] [-2 s, 1, |s|^2] is the squared distance of z and s. Here that
        # of z is reduced by its reach, so that a row that enters is below zero.
        self.slack = 1e-6 * (Z_test.shape[1] + 8)
        self.norms = (Z_test**2).sum(axis=1)

    def add(self, Z_new: FloatArray, codes_new: IntArray) -> None:
        """Take rows into the lists.

        Parameters
        ----------
        Z_new : ndarray of shape (m, p)
            New training rows.

        codes_new : ndarray of shape (m,)
            Their classes.
        """
        changed, squared, codes = self._merge(Z_new, codes_new)
        self.squared[changed], self.codes[changed] = squared, codes
        self.votes[changed] = self._count(codes)

    def votes_with(self, Z_new: FloatArray, codes_new: IntArray) -> NDArray[np.intp]:
        """Count the votes as they would be with further rows.

        Parameters
        ----------
        Z_new : ndarray of shape (m, p)
            New training rows.

        codes_new : ndarray of shape (m,)
            Their classes.

        Returns
        -------
        votes : ndarray of shape (v, n_classes)
            Number of votes for each class.
        """
        changed, _, codes = self._merge(Z_new, codes_new)
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
        reach = self.squared[:, -1]
        left = np.column_stack(
            [self.Z_test, self.norms * (1 - self.slack) - reach, np.ones(len(reach))]
        ).astype(np.float32)
        norms = (Z_new**2).sum(axis=1) * (1 - self.slack)
        right = np.vstack([-2 * Z_new.T, np.ones(len(Z_new)), norms])
        right = right.astype(np.float32)
        pairs = []
        block = max(1, _BLOCK_BYTES // (4 * max(1, len(Z_new))))
        for start in range(0, len(left), block):
            # Flat, as NumPy looks through a table much more slowly.
            found = np.flatnonzero(left[start : start + block] @ right < 0)
            test, new = start + found // len(Z_new), found % len(Z_new)
            squared = _squared(self.Z_test, test, Z_new, new)
            kept = squared < reach[test]
            pairs.append((test[kept], new[kept], squared[kept]))
        entering, entered, distances = map(np.concatenate, zip(*pairs, strict=True))
        return entering, entered, distances

    def _merge(
        self, Z_new: FloatArray, codes_new: IntArray
    ) -> tuple[IntArray, FloatArray, IntArray]:
        """The held-out rows whose lists change, and these lists."""
        test, new, squared = self.entering(Z_new)
        k = self.squared.shape[1]
        changed, inverse = np.unique(test, return_inverse=True)
        row = np.concatenate([np.repeat(np.arange(len(changed)), k), inverse])
        squared = np.concatenate([self.squared[changed].ravel(), squared])
        codes = np.concatenate([self.codes[changed].ravel(), codes_new[new]])
        # Stable: at equal distance what was there comes first, then by order of adding.
        order = np.lexsort((squared, row))
        counts = np.bincount(row, minlength=len(changed))
        first = np.cumsum(counts) - counts
        kept = order[first[:, None] + np.arange(k)]
        return changed, squared[kept], codes[kept]

    def _count(self, codes: IntArray) -> NDArray[np.intp]:
        columns = [(codes == c).sum(axis=1) for c in range(self.n_classes)]
        return np.column_stack(columns)


def _squared(A: FloatArray, a: IntArray, B: FloatArray, b: IntArray) -> FloatArray:
    """Squared distances of pairs of rows, in blocks."""
    squared = np.empty(len(a))
    block = max(1, _BLOCK_BYTES // (8 * max(1, A.shape[1])))
    for start in range(0, len(a), block):
        rows = slice(start, start + block)
        difference = A[a[rows]] - B[b[rows]]
        squared[rows] = np.einsum("ij,ij->i", difference, difference)
    return squared
