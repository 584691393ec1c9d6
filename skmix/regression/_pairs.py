"""Random pairs of rows, and the share of either in their mix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from .._core.mixing import draw_mix_ratio, interpolate
from .._core.pairs import unique_pairs
from ..base import Mixes, ResamplingData

IntArray = NDArray[np.intp]


class Ratio(Protocol):
    """How the share of the first parent of a mix is made."""

    @property
    def fixed(self) -> float | None:
        """The share, where all mixes have the same."""

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

    def draw(
        self, first: IntArray, second: IntArray, rng: RandomState
    ) -> NDArray[np.float64]:
        """Make the share for each pair of rows."""
        return draw_mix_ratio(self.mix_ratio, self.alpha, len(first), rng)


def draw_pairs(
    data: ResamplingData,
    amount: float,
    draw_partners: Callable[[IntArray], IntArray],
    ratio: Ratio,
    rng: RandomState,
) -> Mixes:
    """Mix rows with partners that are drawn for them.

    Parameters
    ----------
    data : ResamplingData
        The rows.

    amount : float
        Number of mixes for each row. Fewer come out where mixes repeat.

    draw_partners : callable
        Draws a partner for each of some rows.

    ratio : Ratio
        Makes the share of the first parent.

    rng : RandomState
        Source of randomness.

    Returns
    -------
    mixes : Mixes
        The mixes.
    """
    # Each row in turn is the first parent.
    first = np.resize(rng.permutation(len(data)), round(amount * len(data)))
    second = draw_partners(first)
    if ratio.fixed is not None:
        kept, _ = unique_pairs(first, second, ordered=ratio.fixed != 0.5)
        first, second = first[kept], second[kept]
    weight = ratio.draw(first, second, rng)
    return Mixes(first, second, weight, interpolate(data.target, first, second, weight))
