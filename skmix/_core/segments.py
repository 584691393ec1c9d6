"""Which lists of nearest rows a mix may enter, by its parents.

What mixes the same pairs of rows again and again need not compare each mix with all
rows: a mix lies between its parents, and what is near to all that lies there is found
once for each pair.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .neighbors import FloatArray, IntArray
from .votes import TINY, NeighborVotes, columns

# So many pairs of rows are compared with a box of held-out rows at a time.
_BLOCK = 1024
# So many held-out rows are noted at most, in four bytes each, or given for mixes.
_MOST = 2**22
# And so great a part of them for each mix: more are found as fast by looking at all.
_MOST_OF_ALL = 0.03


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
            where there are so many that it had better look at all.
        """
        first, second = np.minimum(first, second), np.maximum(first, second)
        keys = first.astype(np.int64) * len(self.Z) + second
        if self.noted is not None:
            unknown = np.setdiff1d(keys, self.noted.keys)
            if len(unknown):
                self.noted = self._with(self.noted, unknown)
        if self.noted is None:
            return None
        known = self.noted
        place = np.searchsorted(known.keys, keys)
        length = known.length[place]
        all_pairs = len(keys) * len(self.lists.seen)
        if length.sum() > min(_MOST, _MOST_OF_ALL * all_pairs):
            return None
        new = np.repeat(np.arange(len(keys)), length)
        # Where the rows of a mix begin, in the result and in what is noted.
        skipped = known.begin[place] - (np.cumsum(length) - length)
        return known.test[np.arange(len(new)) + skipped[new]], new

    def _with(self, known: _Noted, keys: IntArray) -> _Noted | None:
        """Find the held-out rows of new pairs too."""
        n_found = len(known.test)
        parts = [(known.test[:0], keys[:0])]
        for start in range(0, len(keys), _BLOCK):
            block = np.divmod(keys[start : start + _BLOCK], len(self.Z))
            for test, segment in self._within(*block):
                parts.append((test.astype(np.int32), start + segment))
                n_found += len(test)
                if n_found > _MOST:
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
        # By so much a mix is rounded, which may make it nearer than all between them.
        rounding = 4 * np.finfo(float).eps * max(abs(A).max(), abs(B).max())
        a, b = ((Z - lists.middle) / lists.unit for Z in (A, B))
        length = np.linalg.norm(b - a, axis=1)
        u = (b - a) / np.where(length > 0, length, 1.0)[:, None]
        norms = (a**2).sum(axis=1)
        # float32 counts three times as much as for rows: for z, and twice for zu.
        bound = norms - 3 * lists.slack * (norms + (b**2).sum(axis=1))
        # 2 d e <= s d^2 + e^2 / s, whatever the distance d.
        bound -= (rounding / lists.unit) ** 2 / lists.slack
        within = (1 - 2 * lists.slack) * lists.norms - reach / lists.unit**2
        square = columns(-2 * a, bound, np.ones_like(norms))
        along = columns(u, -(a * u).sum(axis=1))
        length = length.astype(np.float32)
        for rows, (low, high) in zip(lists.boxes, lists.corners, strict=True):
            outside = np.maximum(low - highest, lowest - high) - rounding
            outside.clip(0.0, out=outside)
            distance = np.einsum("ij,ij->i", outside, outside)
            near = np.flatnonzero(distance <= reach[rows].max())
            if not len(near):
                continue
            left = columns(lists.seen[rows], np.ones(len(rows)), within[rows])
            zu = left[:, :-1] @ along[near].T
            t = np.minimum(np.maximum(zu, 0), length[near])
            nearer = left @ square[near].T - t * (2 * zu - t)
            found = np.flatnonzero(nearer <= TINY)
            yield rows[found // len(near)], near[found % len(near)]
