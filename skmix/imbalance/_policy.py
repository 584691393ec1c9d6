"""What walkers do: twelve numbers, of which the oversamplers of the field are cases."""

from __future__ import annotations

from dataclasses import astuple, dataclass, replace
from typing import Protocol

import numpy as np
from numpy.random import RandomState

from .._core.neighbors import FloatArray
from .._core.walk import BoolArray, Mixed, Neighborhoods, Walkers, join

N_WALKERS = 64


class Policy(Protocol):
    """What makes mixes for one class against all others."""

    def walk(
        self,
        hoods: Neighborhoods,
        usable: BoolArray,
        amount: Amount,
        rng: RandomState,
    ) -> Mixed:
        """Make mixes of usable rows."""

    def describe(self) -> str:
        """Say in words what is mixed."""


@dataclass(frozen=True)
class Amount:
    """How many mixes a class may get.

    Parameters
    ----------
    asked : float
        Number of rows that are asked for, at least 1.

    max_mixes : int
        Upper bound.

    part : tuple of int, default=(0, 1)
        Which part of the mixes to make, of how many, where others make the rest.
    """

    asked: float
    max_mixes: int
    part: tuple[int, int] = (0, 1)

    def of(self, n_small: int, amount: float) -> int:
        """Number of mixes, for a class of so many rows.

        Parameters
        ----------
        n_small : int
            Number of rows of the class.

        amount : float
            From 0 for as many mixes as that to 1 for as many as asked for, on a
            logarithmic scale.

        Returns
        -------
        size : int
            At least 1, but for a part of fewer mixes than there are parts.
        """
        low = min(n_small, self.asked)
        size = round(min(low * (self.asked / low) ** amount, self.max_mixes))
        place, n_parts = self.part
        return size * (place + 1) // n_parts - size * place // n_parts


@dataclass(frozen=True)
class WalkPolicy:
    """How a class is mixed, with itself and with the others.

    Ranges are those of the search; they are not checked.

    Parameters
    ----------
    amount : float in [0, 1], default=1.0
        Number of mixes, on a logarithmic scale: 0 is as many as the class has rows, 1
        as many as are asked for, but ``max_mixes`` at most.

    share : float in [0.4, 1], default=0.7
        Mean share of the row of the class in a mix with a row of another.

    share_spread : float in [0, 0.5], default=0.1
        Standard deviation of this share.

    share_slope : float in [-1, 1], default=0.0
        How the mean share grows with p, the part of the class among the 25 rows near
        the row: it is ``share + share_slope * (p - 0.5)``.

    start_slope : float in [-4, 4], default=0.0
        Walks start from a row at a rate of ``exp(start_slope * p)``: above 0 among rows
        of the class, below 0 among others.

    within : float in [0, 1], default=0.0
        Probability of a mix of two rows of the class.

    anywhere : float in [0, 1], default=0.0
        Probability that these two are any, rather than near each other.

    within_spread : float in [0, 1], default=1.0
        Width of the range, around one half, in which the share of such a mix lies.

    stray : float in [0, 1], default=0.0
        Probability that a row of another class is any, rather than the nearest.

    n_neighbors : float in [1, 25], default=5
        Number of rows that are near.

    restart : float in [0.05, 1], default=0.5
        Probability that a walk ends after a mix.

    threshold : float in [0.2, 0.7], default=0.5
        Share from which on a mix with a row of another class is of the class.

    Examples
    --------
    SMOTE, the averages of random rows, and SMOTE from lone rows and near the border:

    >>> from skmix.imbalance import WalkPolicy
    >>> smote = WalkPolicy(within=1, within_spread=1, n_neighbors=5, restart=1)
    >>> averages = WalkPolicy(within=1, anywhere=1, within_spread=0, restart=1)
    >>> border = WalkPolicy(within=1, within_spread=1, start_slope=-4, restart=1)
    >>> averages.describe().split(", ")[0]
    '100% of the mixes are of two rows of the class'
    """

    amount: float = 1.0
    share: float = 0.7
    share_spread: float = 0.1
    share_slope: float = 0.0
    start_slope: float = 0.0
    within: float = 0.0
    anywhere: float = 0.0
    within_spread: float = 1.0
    stray: float = 0.0
    n_neighbors: float = 5
    restart: float = 0.5
    threshold: float = 0.5

    @classmethod
    def from_unit(cls, numbers: FloatArray) -> WalkPolicy:
        """Make a policy of twelve numbers between 0 and 1.

        Parameters
        ----------
        numbers : ndarray of shape (12,)
            One to each parameter, in order: 0 for its least value, 1 for its greatest.

        Returns
        -------
        policy : WalkPolicy
            The policy.
        """
        return cls(*(_LOW + numbers * (_HIGH - _LOW)).tolist())

    def to_unit(self) -> FloatArray:
        """Write a policy as twelve numbers between 0 and 1.

        Returns
        -------
        numbers : ndarray of shape (12,)
            What :meth:`from_unit` takes.
        """
        return (np.array(astuple(self)) - _LOW) / (_HIGH - _LOW)

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
        rows = np.flatnonzero(usable & hoods.small)
        size = amount.of(len(rows), self.amount)
        part = hoods.small_share(rows, usable)
        # Looked up by row, wherever walkers come by.
        mean = np.full(len(usable), np.nan)
        mean[rows] = self.share + self.share_slope * (part - 0.5)
        weight = np.exp(self.start_slope * part)
        n_walkers = min(N_WALKERS, max(1, size))
        k = np.full(n_walkers, max(1, round(self.n_neighbors)))
        walkers = Walkers(hoods, usable, weight, n_walkers, rng)
        made = []
        for _ in range(-(-size // n_walkers)):
            chance = rng.random_sample((4, n_walkers))
            within = chance[0] < self.within
            walkers.partner_anywhere(~within & (chance[1] < self.stray))
            walkers.partner_within(within, chance[1] < self.anywhere, k)
            between = mean[walkers.first] + self.share_spread * rng.normal(
                size=n_walkers
            )
            inside = 0.5 + self.within_spread * (chance[2] - 0.5)
            share = np.where(within, inside, between.clip(0, 1))
            small = within | (share >= self.threshold)
            made.append(Mixed(walkers.first, walkers.second, share, small))
            walkers.move(share, k)
            walkers.restart(chance[3] < self.restart)
        return Mixed(*(column[:size] for column in join(made)))

    def describe(self) -> str:
        """Say in words and numbers what is mixed.

        Returns
        -------
        words : str
            A clause for each of pairs, starts, steps and amount.
        """
        clauses = []
        if self.within > 0:
            low, high = 0.5 + self.within_spread * np.array([-0.5, 0.5])
            clauses.append(
                f"{self.within:.0%} of the mixes are of two rows of the class, near "
                f"each other or ({self.anywhere:.0%}) any, in shares from {low:.2f} to "
                f"{high:.2f}"
            )
        if self.within < 1:
            slope = f" {self.share_slope:+.2f} (p - 0.5)" if self.share_slope else ""
            clauses.append(
                f"{1 - self.within:.0%} are of a row of the class and the nearest or "
                f"({self.stray:.0%}) any row of another, the former with a share of "
                f"{self.share:.2f}{slope} ± {self.share_spread:.2f} and of the class "
                f"from {self.threshold:.2f} on"
            )
        clauses.append(f"walks start at rates of exp({self.start_slope:+.1f} p)")
        clauses.append(
            f"end with probability {self.restart:.2f} after a mix, and else go to one "
            f"of {max(1, round(self.n_neighbors))} rows near it"
        )
        clauses.append(
            f"amount {self.amount:.2f}, from 0 for as many mixes as rows of the class "
            "to 1 for as many as asked for, within max_mixes"
        )
        return "; ".join(clauses) + "; p is the part of the class around a row."


_LOW = np.array([0, 0.4, 0, -1, -4, 0, 0, 0, 0, 1, 0.05, 0.2])
_HIGH = np.array([1, 1, 0.5, 1, 4, 1, 1, 1, 1, 25, 1, 0.7])


@dataclass(frozen=True)
class UnionPolicy:
    """Several policies, each of which makes a part of what it would make alone.

    Parameters
    ----------
    members : tuple of policies
        What is put together; of n, each makes an n-th of its mixes.

    Examples
    --------
    >>> from skmix.imbalance import UnionPolicy, WalkPolicy
    >>> union = UnionPolicy((WalkPolicy(amount=0), WalkPolicy(amount=1)))
    >>> len(union.describe().splitlines())
    2
    """

    members: tuple[Policy, ...]

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
        n, (own, n_parts) = len(self.members), amount.part
        parts = [(own * n + place, n_parts * n) for place in range(n)]
        return join(
            member.walk(hoods, usable, replace(amount, part=part), rng)
            for member, part in zip(self.members, parts, strict=True)
        )

    def describe(self) -> str:
        """Say in words and numbers what is mixed.

        Returns
        -------
        words : str
            A line to each member.
        """
        return "\n".join(member.describe() for member in self.members)


def hand_set_policies() -> list[WalkPolicy]:
    """Oversamplers of the field, and mixes across classes, in several amounts.

    Returns
    -------
    policies : list of WalkPolicy
        23 policies.
    """
    kinds = [
        # The average of any two rows; SMOTE; SMOTE from lone rows and near the border.
        # Borderline-SMOTE leaves lone rows out, but they are what votes overlook.
        WalkPolicy(within=1, anywhere=1, within_spread=0, restart=1),
        WalkPolicy(within=1, restart=1),
        WalkPolicy(within=1, start_slope=-4, restart=1),
        # Half within the class; with the nearest row of another; with any, on either
        # side, which is MixBoost without its weights.
        WalkPolicy(within=0.5, anywhere=1, within_spread=0.5, share=0.8),
        WalkPolicy(share=0.85),
        WalkPolicy(share=0.5, share_spread=0.5, stray=1, restart=1),
    ]
    amounts = [replace(kind, amount=a) for a in (0.33, 0.66, 1.0) for kind in kinds]
    inside = replace(kinds[0], start_slope=4)
    return amounts[:17] + [replace(k, amount=0.0) for k in (*kinds[:5], inside)]


def portfolio() -> list[WalkPolicy]:
    """Those of the hand-set policies that differ most, the more often useful first.

    Returns
    -------
    policies : list of WalkPolicy
        6 policies.
    """
    policies = hand_set_policies()
    return [policies[place] for place in PORTFOLIO]


# Averages, with any row of another class, with the nearest; then more of them.
PORTFOLIO = (0, 11, 4, 12, 7, 17)
