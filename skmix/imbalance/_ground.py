"""The rows that walkers move on, for each class that gets mixes, and in each fold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from .._core.neighbors import FloatArray, IntArray, nearest_rows
from .._core.walk import SHARE_NEIGHBORS, BoolArray, Neighborhoods
from ..base import Mixes, ResamplingData
from ._policy import Amount, Policy

# More than are asked for, as those of a fold are some of the neighbours of all rows.
N_NEAR = SHARE_NEIGHBORS + 20


@dataclass
class Coded:
    """Mixes whose labels are places among the sorted classes.

    Parameters
    ----------
    first, second : ndarray of shape (m,)
        Parents of each mix, among all rows.

    weight : ndarray of shape (m,)
        Share of the first parent.

    codes : ndarray of shape (m,)
        Classes.
    """

    first: IntArray
    second: IntArray
    weight: FloatArray
    codes: IntArray

    @classmethod
    def none(cls) -> Coded:
        """No mixes at all."""
        rows = np.empty(0, dtype=np.intp)
        return cls(rows, rows, np.empty(0), rows)

    @classmethod
    def join(cls, parts: Sequence[Coded]) -> Coded:
        """Put mixes one after the other."""
        columns = zip(*(vars(part).values() for part in parts), strict=True)
        return cls(*map(np.concatenate, columns))

    def __len__(self) -> int:
        return len(self.first)


class Ground:
    """Who is near whom, which is looked up by all walks.

    Parameters
    ----------
    data : ResamplingData
        The rows.

    asked : dict
        Number of rows that each class is to get.

    max_mixes : int
        Upper bound of the mixes for a class.

    Attributes
    ----------
    classes : ndarray of shape (n_classes,)
        Labels of the classes, sorted.

    codes : ndarray of shape (n,)
        Class of each row, as a place among them.

    near : ndarray of shape (n, k)
        The nearest other rows of each row.

    hoods : dict of int to Neighborhoods
        For each class that is to get rows.
    """

    def __init__(self, data: ResamplingData, asked: dict, max_mixes: int) -> None:
        self.data, self.max_mixes = data, max_mixes
        self.classes, self.codes = np.unique(data.target, return_inverse=True)
        self.near = nearest_rows(data.Z, N_NEAR)
        self.asked = {
            int(np.searchsorted(self.classes, label)): n
            for label, n in asked.items()
            if n > 0
        }
        self.hoods = {
            code: Neighborhoods(data.Z, self.codes == code, self.near)
            for code in self.asked
        }

    def mix(
        self, policy: Policy, rng: RandomState, train: BoolArray | None = None
    ) -> Coded:
        """Let walkers mix rows, of each class in turn.

        Parameters
        ----------
        policy : Policy
            What they do.

        rng : RandomState
            Source of randomness.

        train : ndarray of shape (n,), default=None
            Which rows there are; None is all. Of a part of the rows, a part of the
            mixes is asked for.

        Returns
        -------
        mixes : Coded
            The mixes; none where all rows of a class are twins of others.
        """
        train = np.ones(len(self.codes), bool) if train is None else train
        parts = [Coded.none()]
        for code, hoods in self.hoods.items():
            usable = hoods.usable(train)
            if not _has_both_sides(hoods, usable):
                continue
            asked = max(1.0, self.asked[code] * train.mean())
            mixed = policy.walk(hoods, usable, Amount(asked, self.max_mixes), rng)
            codes = np.where(mixed.small, code, self.codes[mixed.second])
            parts.append(Coded(mixed.first, mixed.second, mixed.weight, codes))
        return Coded.join(parts)

    def can_mix(self, code: int, train: BoolArray) -> bool:
        """Tell whether there are rows to mix.

        Parameters
        ----------
        code : int
            A class that is to get rows.

        train : ndarray of shape (n,)
            Which rows there are.

        Returns
        -------
        can : bool
            Whether of this class and of others there are any but twins.
        """
        hoods = self.hoods[code]
        return _has_both_sides(hoods, hoods.usable(train))

    def __reduce__(self) -> tuple:
        """Leave out of a pickle what can be looked up again."""
        asked = {self.classes[code]: n for code, n in self.asked.items()}
        return Ground, (self.data, asked, self.max_mixes)

    def labelled(self, mixes: Coded) -> Mixes:
        """Give mixes the labels of the user."""
        target = self.classes[mixes.codes]
        return Mixes(mixes.first, mixes.second, mixes.weight, target)


def _has_both_sides(hoods: Neighborhoods, usable: BoolArray) -> bool:
    return bool((usable & hoods.small).any() and (usable & ~hoods.small).any())


@dataclass
class Fold:
    """Rows to train on, and rows to judge by.

    Parameters
    ----------
    repeat : int
        In which split of all rows.

    train : ndarray of shape (n,)
        Which rows are trained on.

    test : ndarray of shape (v,)
        Places, among those that are judged by, of the rows to predict.
    """

    repeat: int
    train: BoolArray
    test: NDArray[np.intp]

    @property
    def train_rows(self) -> IntArray:
        """Places of the rows that are trained on."""
        return np.flatnonzero(self.train)
