"""The actor of the MixAnN paper as a policy."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from .._core.actor import actor_actions
from .._core.neighbors import FloatArray, IntArray
from .._core.walk import BoolArray, Mixed, Neighborhoods, Walkers, join
from ._policy import Amount

# Standard deviation by which the shares of copies of a mix differ.
JITTER = 0.05


@dataclass(frozen=True)
class Limits:
    """What the numbers between 0 and 1 that an actor gives stand for.

    Parameters
    ----------
    max_neighbors : int
        K, the largest neighbourhood.

    max_copies : int
        Most mixes of one pair in a step.

    threshold : float
        eta, the share from which on a mix is of the class.
    """

    max_neighbors: int
    max_copies: int
    threshold: float

    def read(
        self, actions: FloatArray
    ) -> tuple[IntArray, FloatArray, IntArray, FloatArray]:
        """Scale and round actions.

        Parameters
        ----------
        actions : ndarray of shape (w, 4)
            For k, alpha, n and epsilon, each in [0, 1].

        Returns
        -------
        k : ndarray of shape (w,)
            Size of the neighbourhood, from 1 to `max_neighbors`: 0 would end the walk.

        share : ndarray of shape (w,)
            alpha, the share of the row of the class.

        copies : ndarray of shape (w,)
            n, from 1 to `max_copies`.

        stop : ndarray of shape (w,)
            epsilon, the probability that the walk ends.
        """
        k = np.rint(actions[:, 0] * self.max_neighbors).astype(np.intp)
        copies = np.rint(actions[:, 2] * self.max_copies).astype(np.intp)
        return k.clip(1), actions[:, 1], copies.clip(1), actions[:, 3]

    def mix(
        self, walkers: Walkers, share: FloatArray, copies: IntArray, rng: RandomState
    ) -> tuple[Mixed, IntArray]:
        """Mix the pairs of walkers, each as often as it says, the shares jittered.

        Parameters
        ----------
        walkers : Walkers
            Where they stand.

        share : ndarray of shape (w,)
            Share of the first of each pair.

        copies : ndarray of shape (w,)
            Number of mixes of each pair.

        rng : RandomState
            Source of randomness.

        Returns
        -------
        mixed : Mixed
            The mixes.

        walker : ndarray of shape (m,)
            Who made each.
        """
        walker = np.repeat(np.arange(len(share)), copies)
        jittered = share[walker] + JITTER * rng.normal(size=len(walker))
        jittered = jittered.clip(0, 1)
        small = jittered >= self.threshold
        mixed = Mixed(walkers.first[walker], walkers.second[walker], jittered, small)
        return mixed, walker


@dataclass(frozen=True, eq=False)
class ActorPolicy:
    """A walk whose every step an actor decides, from the two rows it stands on.

    Parameters
    ----------
    weights : dict of str to ndarray
        Of the actor's network.

    limits : Limits
        What its outputs stand for.

    n_walkers : int
        Number of walkers.

    typical : tuple of float
        Mean k, alpha, n and epsilon on rows of the class and their nearest others.

    amount : float
        Number of mixes, on a logarithmic scale: 0 is as many as the class has rows, 1
        as many as are asked for.
    """

    weights: dict[str, NDArray]
    limits: Limits
    n_walkers: int
    typical: tuple[float, ...]
    amount: float

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
        starts = np.ones(int((usable & hoods.small).sum()))
        size = amount.of(len(starts), self.amount)
        walkers = Walkers(hoods, usable, starts, self.n_walkers, rng)
        made, n_made = [], 0
        while n_made < size:
            actions = actor_actions(self.weights, states(hoods, walkers))
            k, share, copies, stop = self.limits.read(actions)
            mixed, _ = self.limits.mix(walkers, share, copies, rng)
            made.append(mixed)
            n_made += len(mixed.first)
            walkers.move(share, k)
            walkers.restart(rng.random_sample(len(stop)) < stop)
        return Mixed(*(column[:size] for column in join(made)))

    def describe(self) -> str:
        """Say in words and numbers what is mixed.

        Returns
        -------
        words : str
            A sentence.
        """
        k, share, copies, stop = self.typical
        return (
            "a network decides each step from the two rows that a walker stands on; "
            "in the mean of the rows of the class, each with the nearest other row: "
            f"neighbourhood of {k:.1f} rows, of at most {self.limits.max_neighbors}; "
            f"share of the row of the class {share:.2f} (it labels the mix from "
            f"{self.limits.threshold:.2f} on); {copies:.1f} copies, of at most "
            f"{self.limits.max_copies}; end of the walk with probability {stop:.2f}; "
            f"amount {self.amount:.2f}, from 0 for as many mixes as rows of the class "
            "to 1 for as many as asked for."
        )


def pairs(hoods: Neighborhoods) -> FloatArray:
    """States of the rows of the class, each with the nearest row of the others.

    Parameters
    ----------
    hoods : Neighborhoods
        Which rows are near which.

    Returns
    -------
    states : ndarray of shape (n_small, 2 p)
        The coordinates of the two rows, side by side.
    """
    rows = np.flatnonzero(hoods.small)
    return np.hstack([hoods.Z[rows], hoods.Z[hoods.partners[rows, 0]]])


def states(hoods: Neighborhoods, walkers: Walkers) -> FloatArray:
    """States of walkers.

    Parameters
    ----------
    hoods : Neighborhoods
        Which rows are near which.

    walkers : Walkers
        Where they stand.

    Returns
    -------
    states : ndarray of shape (w, 2 p)
        The coordinates of their two rows, side by side.
    """
    return np.hstack([hoods.Z[walkers.first], hoods.Z[walkers.second]])
