"""Networks that decide how much to oversample, from which rows, with whom and where."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.special import softmax

from .._core.actor import relu_network
from .._core.neighbors import FloatArray, IntArray
from .._core.walk import BoolArray, Mixed, Neighborhoods
from ._policy import Amount
from ._view import AMOUNTS, N_BINS, RATES, SIZES, View, look, typical


def choose(chance: FloatArray, rng: RandomState) -> IntArray:
    """Draw one choice from each row of probabilities.

    Parameters
    ----------
    chance : ndarray of shape (n, c)
        Probabilities.

    rng : RandomState
        Source of randomness.

    Returns
    -------
    choice : ndarray of shape (n,)
        From 0 to c - 1, never one of probability 0.
    """
    cumulative = chance.cumsum(axis=1)
    cumulative /= cumulative[:, -1:]
    return (cumulative <= rng.random_sample((len(chance), 1))).sum(axis=1)


def deal(rates: FloatArray, size: int, rng: RandomState) -> IntArray:
    """Deal mixes out to rows in proportion to rates, to the nearest whole numbers.

    Parameters
    ----------
    rates : ndarray of shape (n,)
        Of any sum; where all are 0, all rows are dealt to alike.

    size : int
        Number of mixes.

    rng : RandomState
        Decides who gets what is left of one.

    Returns
    -------
    row : ndarray of shape (size,)
        Whose each mix is, in order.
    """
    cumulative = np.cumsum(rates if rates.any() else np.ones(len(rates)))
    share = size * cumulative / cumulative[-1]
    ends = np.minimum(np.floor(share + rng.random_sample()), size).astype(np.intp)
    return np.repeat(np.arange(len(rates)), np.diff(ends, prepend=0))


@dataclass(frozen=True, eq=False)
class HierarchicalPolicy:
    """SMOTE of which three networks decide how much, from which rows, and what to mix.

    Parameters
    ----------
    weights : dict of str to ndarray
        Of the networks, "amount.0.weight" and so on.

    k_neighbors : int
        Number of nearest rows of the class, one of which is the partner of a row.

    n_greedy : int, default=0
        How many of the networks, the first ones, take what is likeliest: the others
        draw.

    Examples
    --------
    Networks without inner layers, all of whose weights are 0, make SMOTE:

    >>> import numpy as np
    >>> from skmix.imbalance import HierarchicalPolicy
    >>> weights = {}
    >>> for name, shape in {"amount": (5, 2), "rows": (4, 4), "pairs": (4, 11)}.items():
    ...     weights[f"{name}.0.weight"] = np.zeros(shape)
    ...     weights[f"{name}.0.bias"] = np.zeros(shape[0])
    >>> policy = HierarchicalPolicy(weights, k_neighbors=5)
    >>> policy.describe().split("; ")[-1]
    'mean share of the row 0.50, 0.50, 0.50.'
    """

    weights: Mapping[str, NDArray]
    k_neighbors: int
    n_greedy: int = 0

    def walk(
        self,
        hoods: Neighborhoods,
        usable: BoolArray,
        amount: Amount,
        rng: RandomState,
    ) -> Mixed:
        """Make mixes of usable rows.

        Parameters
        ----------
        hoods : Neighborhoods
            Which rows are near which.

        usable : ndarray of shape (n,)
            Which rows may be mixed.

        amount : Amount
            How many mixes are asked for.

        rng : RandomState
            Source of randomness.

        Returns
        -------
        mixed : Mixed
            The mixes.
        """
        view = look(hoods, usable, amount.asked, self.k_neighbors)
        return self.decide(view, self.chances(view), amount, rng)[0]

    def decide(
        self,
        view: View,
        chances: Mapping[str, FloatArray],
        amount: Amount,
        rng: RandomState,
    ) -> tuple[Mixed, dict[str, IntArray]]:
        """Make mixes of the rows in view, and tell what was decided.

        Parameters
        ----------
        view : View
            What the networks see.

        chances : mapping of str to ndarray
            What `chances` gives for it.

        amount : Amount
            How many mixes are asked for.

        rng : RandomState
            Source of randomness.

        Returns
        -------
        mixed : Mixed
            The mixes.

        counts : dict of str to ndarray
            How often each choice in view was taken.
        """
        level = self._choose("amount", chances, rng)
        rate = self._choose("rows", chances, rng)
        size = amount.of(len(view.rows), AMOUNTS[level[0]])
        row = deal(RATES[rate], size, rng)
        pair = choose(chances["pairs"][row], rng)
        partner, part = np.divmod(pair, N_BINS)
        share = (part + rng.random_sample(size)) / N_BINS
        mixed = Mixed(
            view.rows[row],
            view.partners[row, partner],
            share,
            np.ones(size, dtype=bool),
        )
        pairs = np.zeros(view.possible["pairs"].shape, dtype=np.intp)
        np.add.at(pairs, (row, pair), 1)
        one_amount, one_rate = np.eye(len(AMOUNTS)), np.eye(len(RATES))
        return mixed, {
            "amount": one_amount[level],
            "rows": one_rate[rate],
            "pairs": pairs,
        }

    def _choose(
        self, level: str, chances: Mapping[str, FloatArray], rng: RandomState
    ) -> IntArray:
        """What a network takes: the likeliest, or a draw."""
        if list(SIZES).index(level) < self.n_greedy:
            return chances[level].argmax(axis=1)
        return choose(chances[level], rng)

    def chances(self, view: View) -> dict[str, FloatArray]:
        """Give the probability of each choice of each network.

        Parameters
        ----------
        view : View
            What they see.

        Returns
        -------
        chances : dict of str to ndarray of shape (n, c)
            0 for what is not possible.
        """
        chances = {}
        for level, possible in view.possible.items():
            own = {
                name.removeprefix(f"{level}."): weight
                for name, weight in self.weights.items()
                if name.startswith(f"{level}.")
            }
            logits = relu_network(own, view.inputs[level]).reshape(possible.shape)
            chances[level] = softmax(np.where(possible, logits, -np.inf), axis=1)
        return chances

    def describe(self) -> str:
        """Say in words and numbers what is mixed.

        Returns
        -------
        words : str
            A clause for each network.
        """
        k = self.k_neighbors
        view = typical(np.array([0.0, 0.5, 1.0]), k)
        level, rate, pair = self.chances(view).values()
        if self.n_greedy > 0:
            level = np.eye(len(AMOUNTS))[level.argmax(axis=1)]
        if self.n_greedy > 1:
            rate = np.eye(len(RATES))[rate.argmax(axis=1)]
        pair = pair.reshape(-1, k, N_BINS)
        middle = (np.arange(N_BINS) + 0.5) / N_BINS

        def three(numbers: FloatArray) -> str:
            return "{:.2f}, {:.2f}, {:.2f}".format(*numbers)

        return (
            "all mixes are of two rows of the class; three numbers each are for rows "
            "with p = 0, 0.5 and 1, p the part of the class around a row: "
            f"mean amount {three(level @ AMOUNTS)}, from 0 for as many mixes as rows "
            "of the class to 1 for as many as asked for (here ten times the rows); "
            f"mean rate at which mixes start from a row {three(rate @ RATES)}; "
            f"mean rank of the partner, of {k}, "
            f"{three(pair.sum(axis=2) @ np.arange(1, k + 1))}; "
            f"mean share of the row {three(pair.sum(axis=1) @ middle)}."
        )
