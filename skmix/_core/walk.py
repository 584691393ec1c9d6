"""The mixing walk: walkers mix pairs of rows, and move on to rows near the mix.

One class, the small one, stands against all others. A walker stands on a pair of rows,
mixes it, and goes to a row near the mix, whose nearest row of the other side becomes
the partner. Which rows are near which is looked up in lists that are made once, also
where only some of the rows may be mixed.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

from .neighbors import FloatArray, IntArray, find_neighbors, nearest_rows

BoolArray = NDArray[np.bool_]

# Rows of different sides that are nearer than this are twins: they tell nothing about
# where one side ends, and mixes of them fall on other rows.
TWIN_DISTANCE = 1e-4
# The part that a class has around a row is that among so many rows.
SHARE_NEIGHBORS = 25
# Nearest rows of the other side that a row knows.
N_PARTNERS = 8


class Mixed(NamedTuple):
    """Mixes that walkers have made.

    Attributes
    ----------
    first, second : ndarray of shape (m,)
        Parents of each mix; the first is of the small class.

    weight : ndarray of shape (m,)
        Share of the first parent.

    small : ndarray of shape (m,)
        Whether the mix gets the label of its first parent, rather than of its second.
    """

    first: IntArray
    second: IntArray
    weight: FloatArray
    small: BoolArray

    @classmethod
    def none(cls) -> Mixed:
        """No mixes at all."""
        rows = np.empty(0, dtype=np.intp)
        return cls(rows, rows, np.empty(0), np.empty(0, dtype=bool))


def join(parts: Iterable[Mixed]) -> Mixed:
    """Put mixes one after the other.

    Parameters
    ----------
    parts : iterable of Mixed
        Any number of them.

    Returns
    -------
    mixed : Mixed
        All of them.
    """
    return Mixed(*map(np.concatenate, zip(Mixed.none(), *parts, strict=True)))


class Neighborhoods:
    """Which rows are near which, with one class against all others.

    Parameters
    ----------
    Z : ndarray of shape (n, p)
        Rows, compared by Euclidean distance.

    small : ndarray of shape (n,)
        Which rows are of the small class: at least one, and not all.

    near : ndarray of shape (n, k)
        The nearest other rows of each row, nearest first.

    search : estimator, default=None
        What finds further ones; see `find_neighbors`.

    Attributes
    ----------
    near_small : ndarray of shape (n_small, k)
        For each row of the small class, the nearest others of that class.

    rank : ndarray of shape (n,)
        Where a row of the small class is among them.

    partners : ndarray of shape (n, 8)
        The nearest rows of the other side, nearest first; as many as the larger side
        has, if these are fewer.

    twins : ndarray of shape (t,)
        Rows that coincide with a row of the other side.
    """

    def __init__(
        self, Z: FloatArray, small: BoolArray, near: IntArray, search: Any = None
    ) -> None:
        self.Z, self.small, self.near = Z, small, near
        rows, others = np.flatnonzero(small), np.flatnonzero(~small)
        self.near_small = rows[nearest_rows(Z[rows], near.shape[1], search)]
        self.rank = np.cumsum(small) - 1
        k = min(N_PARTNERS, max(len(rows), len(others)))
        self.partners = np.empty((len(Z), k), dtype=np.intp)
        nearest = np.empty(len(Z))
        for own, other in [(rows, others), (others, rows)]:
            distance, place = find_neighbors(
                search, Z[other], Z[own], min(k, len(other))
            )
            # Where there are fewer the last one fills the list.
            self.partners[own] = np.pad(
                other[place], [(0, 0), (0, k - place.shape[1])], mode="edge"
            )
            nearest[own] = distance[:, 0]
        self.twins = np.flatnonzero(nearest < TWIN_DISTANCE)
        self.usable_of: dict[bytes, BoolArray] = {}

    def usable(self, known: BoolArray) -> BoolArray:
        """Find the rows that can be mixed, which coincide with none of the other side.

        Parameters
        ----------
        known : ndarray of shape (n,)
            Which rows there are: no other says what is mixed.

        Returns
        -------
        usable : ndarray of shape (n,)
            Which of them can be mixed. It must not be changed.
        """
        key = known.tobytes()
        if key not in self.usable_of:
            # Every walk asks, and there are only so many folds.
            self.usable_of[key] = usable = known.copy()
            twins = self.twins[known[self.twins]]
            sides = twins[self.small[twins]], twins[~self.small[twins]]
            if len(sides[0]) and len(sides[1]):
                for own, other in (sides, sides[::-1]):
                    twins_of = NearestNeighbors(n_neighbors=1).fit(self.Z[other])
                    distance, _ = twins_of.kneighbors(self.Z[own])
                    usable[own[distance[:, 0] < TWIN_DISTANCE]] = False
        return self.usable_of[key]

    def small_share(self, rows: IntArray, usable: BoolArray) -> FloatArray:
        """Share of the small class among the nearest usable rows.

        Parameters
        ----------
        rows : ndarray of shape (m,)
            Rows to look around.

        usable : ndarray of shape (n,)
            Which rows count.

        Returns
        -------
        share : ndarray of shape (m,)
            In [0, 1]; 0 where no usable row is near.
        """
        near = self.near[rows]
        counted = usable[near]
        counted &= counted.cumsum(axis=1) <= SHARE_NEIGHBORS
        n_small = (counted & self.small[near]).sum(axis=1)
        return n_small / np.maximum(counted.sum(axis=1), 1)


class Walkers:
    """Some walkers on some of the rows, moving together.

    Parameters
    ----------
    hoods : Neighborhoods
        Which rows are near which.

    usable : ndarray of shape (n,)
        Which rows may be mixed: at least one of either side.

    start_weight : ndarray of shape (n_small,)
        How likely a walk starts from each usable row of the small class, in order of
        the rows; of any sum.

    n_walkers : int
        Number of walkers.

    rng : RandomState
        Source of randomness.

    Attributes
    ----------
    first, second : ndarray of shape (n_walkers,)
        The pair that each walker stands on: a row of the small class and, but for mixes
        within that class, one of the others.
    """

    def __init__(
        self,
        hoods: Neighborhoods,
        usable: BoolArray,
        start_weight: FloatArray,
        n_walkers: int,
        rng: RandomState,
    ) -> None:
        self.hoods, self.usable, self.rng = hoods, usable, rng
        self.rows_small = np.flatnonzero(usable & hoods.small)
        self.rows_other = np.flatnonzero(usable & ~hoods.small)
        cumulative = np.cumsum(start_weight)
        self.start_cumulative = cumulative / cumulative[-1]
        self.first = np.empty(n_walkers, dtype=np.intp)
        self.second = np.empty(n_walkers, dtype=np.intp)
        self.restart(np.ones(n_walkers, dtype=bool))

    def restart(self, which: BoolArray) -> None:
        """Begin anew on a row of the small class and its nearest other row.

        Parameters
        ----------
        which : ndarray of shape (n_walkers,)
            Which walkers.
        """
        drawn = self.rng.random_sample(int(which.sum()))
        place = np.searchsorted(self.start_cumulative, drawn, side="right")
        self.first[which] = self.rows_small[place]
        self.second[which] = self._partner(self.first[which])

    def partner_within(
        self, which: BoolArray, anywhere: BoolArray, k: IntArray
    ) -> None:
        """Take a second row of the small class as the partner.

        Parameters
        ----------
        which : ndarray of shape (n_walkers,)
            Which walkers.

        anywhere : ndarray of shape (n_walkers,)
            Which of them take any row of the class, rather than one of the k nearest.

        k : ndarray of shape (n_walkers,)
            Size of the neighbourhood.
        """
        hoods = self.hoods
        near = self._pick(hoods.near_small[hoods.rank[self.first]], k)
        partner = np.where(anywhere | (near < 0), self._any(self.rows_small), near)
        self.second = np.where(which, partner, self.second)

    def partner_anywhere(self, which: BoolArray) -> None:
        """Take any row of the other side as the partner.

        Parameters
        ----------
        which : ndarray of shape (n_walkers,)
            Which walkers.
        """
        self.second = np.where(which, self._any(self.rows_other), self.second)

    def move(self, weight: FloatArray, k: IntArray) -> None:
        """Go to one of the k rows near the mix, and take its nearest other row along.

        What is near the mix is what is near its heavier parent.

        Parameters
        ----------
        weight : ndarray of shape (n_walkers,)
            Share of the first parent in the mix.

        k : ndarray of shape (n_walkers,)
            Size of the neighbourhood.
        """
        heavier = np.where(weight >= 0.5, self.first, self.second)
        row = self._pick(self.hoods.near[heavier], k)
        row = np.where(row < 0, heavier, row)
        partner = self._partner(row)
        small = self.hoods.small[row]
        self.first = np.where(small, row, partner)
        self.second = np.where(small, partner, row)

    def _partner(self, rows: IntArray) -> IntArray:
        """The nearest usable row of the other side."""
        ones = np.ones(len(rows), dtype=np.intp)
        partner = self._pick(self.hoods.partners[rows], ones)
        lost = partner < 0
        if lost.any():
            small = self.hoods.small[rows[lost]]
            partner[lost] = np.where(
                small,
                self._any(self.rows_other, len(small)),
                self._any(self.rows_small, len(small)),
            )
        return partner

    def _any(self, rows: IntArray, size: int | None = None) -> IntArray:
        size = len(self.first) if size is None else size
        return rows[self.rng.randint(len(rows), size=size)]

    def _pick(self, lists: IntArray, k: IntArray) -> IntArray:
        """One of the first k usable rows of each list, each as likely; -1 for none."""
        share = self.rng.random_sample(len(k))
        if not lists.shape[1]:
            return np.full(len(k), -1)
        rank = self.usable[lists].cumsum(axis=1)
        n_usable = np.minimum(rank[:, -1], k)
        wanted = 1 + (share * n_usable).astype(np.intp)
        column = (rank < wanted[:, None]).sum(axis=1)
        column = np.minimum(column, lists.shape[1] - 1)
        return np.where(n_usable > 0, lists[np.arange(len(k)), column], -1)
