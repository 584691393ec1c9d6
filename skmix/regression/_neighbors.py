"""Mixes of rows with their nearest rows, by features and by label."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.utils import gen_batches

from .._core.mixing import deviations, interpolate
from .._core.neighbors import nearest_labels, nearest_rows, other_rows
from .._core.pairs import option_pairs, some_option_pairs, unique_pairs
from ..base import Mixes, ResamplingData
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

    Attributes
    ----------
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
    ) -> None:
        self.data = data
        self.ratio = ratio
        self.seed = seed
        self.counts = dict(counts)

    @cached_property
    def neighbors(self) -> list[IntArray]:
        """Made when first asked for: they may be much larger than the rows."""
        return [self._table(kind, k) for kind, k in self.counts.items()]

    def _table(self, kind: str, k: int) -> IntArray:
        data = self.data
        if kind == "any":
            return other_rows(len(data), k, RandomState(self.seed))
        if kind == "data":
            return nearest_rows(data.Z, k)
        return nearest_labels(data.target / deviations(data.target), k)

    @cached_property
    def teacher(self) -> KernelTeacher:
        """Made when first asked for."""
        return KernelTeacher(self.data.Z, self.data.target, self.seed)

    def draw(
        self,
        options: int | IntArray,
        rng: RandomState,
        *,
        amount: int | None = None,
        share: float = 0.0,
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

        Returns
        -------
        mixes : Mixes
            The mixes, by row.
        """
        data = self.data
        options = np.broadcast_to(options, (len(data), len(self.neighbors)))
        if amount is None:
            first, second = option_pairs(self.neighbors, options)
        else:
            first, second = some_option_pairs(self.neighbors, options, amount, rng)
        kept, _ = unique_pairs(first, second, ordered=self.ratio.fixed != 0.5)
        first, second = first[kept], second[kept]
        weight = self.ratio.draw(first, second, rng)
        target = interpolate(data.target, first, second, weight)
        if share > 0:
            for rows in gen_batches(len(first), BLOCK_SIZE):
                mixed = data.columns.mix(first[rows], second[rows], weight[rows])
                smooth = self.teacher.predict(data.encoder(data.columns, *mixed))
                target[rows] += share * (smooth - target[rows])
        return Mixes(first, second, weight, target)
