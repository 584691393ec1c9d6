"""Mixes of rows with their nearest rows, by features and by label."""

from __future__ import annotations

from collections.abc import Mapping
from copy import copy
from functools import cached_property
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.utils import gen_batches

from .._core.mixing import deviations, interpolate
from .._core.neighbors import nearest_labels, nearest_rows, other_rows
from .._core.pairs import option_pairs, some_option_pairs, unique_pairs
from ..base import Mixes, ResamplingData
from ._adamixup import AdaMixupResampler
from ._pairs import Ratio
from ._teacher import KernelTeacher

# Mixes that the teacher labels at a time.
BLOCK_SIZE = 2**14

IntArray = NDArray[np.intp]


class NeighborRecipe:
    """Mixes rows with their nearest rows, or with any others.

    Parameters
    ----------
    data : ResamplingData
        The rows.

    counts : mapping of str to int
        Greatest number of rows to mix with, for each kind: the nearest by "data" or
        "label", or "any" in random order.

    ratio : Ratio
        Makes the share of the first parent.

    seed : int
        Randomness of that order and of the teacher's landmarks.

    search : estimator, default=None
        What finds the nearest by "data"; see `nearest_rows`.

    max_mixes : int, default=None
        Upper bound of the mixes, of which each row has an equal share, and one at
        least. None is no bound.

    Attributes
    ----------
    encoder : RowEncoder
        Coordinates of rows and mixes.

    neighbors : list of ndarray of shape (n, k)
        Rows to mix with, nearest first, for each kind.

    teacher : KernelTeacher
        Smooth model f of the labels.
    """

    def __init__(
        self,
        data: ResamplingData,
        counts: Mapping[str, int],
        ratio: Ratio,
        seed: int,
        search: Any = None,
        max_mixes: int | None = None,
    ) -> None:
        self.data = data
        self.ratio = ratio
        self.seed = seed
        self.counts = dict(counts)
        self.search = search
        self.max_mixes = np.inf if max_mixes is None else max_mixes
        self.encoder = data.encoder
        self._neighbors: list[IntArray] | None = None
        self._first: NeighborRecipe | None = None

    def on(self, data: ResamplingData) -> NeighborRecipe:
        """Make the recipe for other rows, with what was learned from the first.

        Parameters
        ----------
        data : ResamplingData
            Rows of the same columns.

        Returns
        -------
        recipe : NeighborRecipe
            With the same teacher, ratio and coordinates.
        """
        other = copy(self)
        other.data, other.ratio = data, self.ratio.on(data)
        other._neighbors, other._first = None, self._first or self
        return other

    @property
    def neighbors(self) -> list[IntArray]:
        """Made when first asked for: they may be much larger than the rows."""
        # functools would hold a lock of all recipes while a search waits for workers,
        # which may be waiting for that lock.
        if self._neighbors is None:
            self._neighbors = [
                self._table(kind, k).astype(np.int32, copy=False)
                for kind, k in self.counts.items()
            ]
        return self._neighbors

    def _table(self, kind: str, k: int) -> IntArray:
        data = self.data
        if kind == "any":
            return other_rows(len(data), k, RandomState(self.seed))
        if kind == "data":
            return nearest_rows(self.encoder(data.columns), k, self.search)
        return nearest_labels(data.target / deviations(data.target), k)

    @cached_property
    def teacher(self) -> KernelTeacher:
        """Made when first asked for, of the rows that the first recipe was made of."""
        if self._first is not None:
            return self._first.teacher
        Z = self.encoder(self.data.columns)
        return KernelTeacher(Z, self.data.target, self.seed)

    def draw(
        self,
        options: int | IntArray,
        rng: RandomState,
        *,
        amount: int | None = None,
        share: float = 0.0,
        teacher: KernelTeacher | None = None,
    ) -> Mixes:
        """Mix each row with as many rows as its options say, no pair twice.

        Parameters
        ----------
        options : int or ndarray of shape (n, kinds)
            How many rows of each kind a row is mixed with, or all rows are.

        rng : RandomState
            Randomness of pairs and shares.

        amount : int or None, default=None
            If given, only this many of each row's pairs, at random, are made.

        share : float, default=0.0
            Share of the smooth model in the labels of mixes.

        teacher : KernelTeacher, default=None
            That model, where it is known already.

        Returns
        -------
        mixes : Mixes
            The mixes, by row.
        """
        data = self.data
        options = np.broadcast_to(options, (len(data), len(self.neighbors)))
        a_row = options.sum() / len(data) if amount is None else amount
        if a_row > self.max_mixes / len(data):
            amount = max(1, int(self.max_mixes // len(data)))
        if amount is None:
            first, second = option_pairs(self.neighbors, options)
        else:
            first, second = some_option_pairs(self.neighbors, options, amount, rng)
        kept, _ = unique_pairs(first, second, ordered=self.ratio.fixed != 0.5)
        first, second = first[kept], second[kept]
        weight = self.ratio.draw(first, second, rng)
        target = interpolate(data.target, first, second, weight)
        if share > 0:
            teacher = teacher or self.teacher
            for rows in gen_batches(len(first), BLOCK_SIZE):
                mixed = data.columns.mix(first[rows], second[rows], weight[rows])
                smooth = teacher.predict(self.encoder(data.columns, *mixed))
                target[rows] += share * (smooth - target[rows])
        return Mixes(first, second, weight, target)


def make_neighbor_recipe(
    counts: Mapping[str, int],
    ratio: Any,
    search: Any,
    max_mixes: int,
    train: ResamplingData,
    seed: int,
) -> NeighborRecipe:
    """Make a recipe of training rows; see `NeighborRecipe`.

    A `ratio` that has to be learned is learned from them.
    """
    if isinstance(ratio, AdaMixupResampler):
        ratio = ratio._learn_ratio(train, seed)
    return NeighborRecipe(train, counts, ratio, seed, search, max_mixes)
