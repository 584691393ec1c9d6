"""Random pairs of rows, and the share of either in their mix."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from .._core.mixing import draw_mix_ratio, interpolate
from .._core.pairs import uniform_partners, unique_pairs
from ..base import Mixes, ResamplingData

IntArray = NDArray[np.intp]


class Ratio(Protocol):
    """How the share of the first parent of a mix is made."""

    @property
    def fixed(self) -> float | None:
        """The share, where all mixes have the same."""

    def on(self, data: ResamplingData) -> Ratio:
        """Make the ratio for other rows than those it was learned from."""

    def draw(
        self, first: IntArray, second: IntArray, rng: RandomState
    ) -> NDArray[np.float64]:
        """Make the share for each pair of rows."""


@dataclass
class DrawnRatio:
    """One share for all mixes, or shares from a Beta distribution.

    Parameters
    ----------
    mix_ratio : float or "beta"
        The share, or that it is drawn.

    alpha : float
        Parameter of the Beta distribution.
    """

    mix_ratio: float | str
    alpha: float

    @property
    def fixed(self) -> float | None:
        """The share, where all mixes have the same."""
        return None if self.mix_ratio == "beta" else float(self.mix_ratio)

    def on(self, data: ResamplingData) -> DrawnRatio:
        """Make the ratio for other rows: the same."""
        return self

    def draw(
        self, first: IntArray, second: IntArray, rng: RandomState
    ) -> NDArray[np.float64]:
        """Make the share for each pair of rows."""
        return draw_mix_ratio(self.mix_ratio, self.alpha, len(first), rng)


class PairRecipe:
    """Mixes rows with partners that are drawn for them, all as likely.

    Parameters
    ----------
    data : ResamplingData
        The rows.

    amount : float
        Number of mixes for each row. Fewer come out where mixes repeat.

    ratio : Ratio
        Makes the share of the first parent.
    """

    def __init__(self, data: ResamplingData, amount: float, ratio: Ratio) -> None:
        self.data = data
        self.amount = amount
        self.ratio = ratio

    def on(self, data: ResamplingData) -> PairRecipe:
        """Make the recipe for other rows, with what was learned from the first."""
        return type(self)(data, self.amount, self.ratio.on(data))

    def draw(self, candidate: Any, rng: RandomState) -> Mixes:
        """Mix rows, by the value of whatever was to be chosen."""
        n = len(self.data)
        # Each row in turn is the first parent.
        first = np.resize(rng.permutation(n), round(self.amount * n))
        second = self.partners(first, candidate, rng)
        if self.ratio.fixed is not None:
            kept, _ = unique_pairs(first, second, ordered=self.ratio.fixed != 0.5)
            first, second = first[kept], second[kept]
        weight = self.ratio.draw(first, second, rng)
        target = interpolate(self.data.target, first, second, weight)
        return Mixes(first, second, weight, target)

    def partners(self, first: IntArray, candidate: Any, rng: RandomState) -> IntArray:
        """Draw a partner for each of some rows."""
        return uniform_partners(first, len(self.data), rng)
