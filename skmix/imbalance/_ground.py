"""The rows that walkers move on, for each class that gets mixes, and in each fold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from .._core.neighbors import IntArray, nearest_rows
from .._core.walk import SHARE_NEIGHBORS, BoolArray, Neighborhoods
from ..base import Mixes, ResamplingData
from ._policy import Amount, Policy

# More than are asked for, as those of a fold are some of the neighbours of all rows.
N_NEAR = SHARE_NEIGHBORS + 20


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

    search : estimator, default=None
        What finds the nearest rows; see `find_neighbors`.

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

    def __init__(
        self, data: ResamplingData, asked: dict, max_mixes: int, search: Any = None
    ) -> None:
        self.data, self.max_mixes, self.search = data, max_mixes, search
        self.classes, self.codes = np.unique(data.target, return_inverse=True)
        self.near = nearest_rows(data.Z, N_NEAR, search)
        self.asked = {
            int(np.searchsorted(self.classes, label)): n
            for label, n in asked.items()
            if n > 0
        }
        self.hoods = {
            code: Neighborhoods(data.Z, self.codes == code, self.near, search)
            for code in self.asked
        }

    def mix(
        self, policy: Policy, rng: RandomState, train: BoolArray | None = None
    ) -> Mixes:
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
        mixes : Mixes
            The mixes, whose targets are places among the sorted classes; none where all
            rows of a class are twins of others.
        """
        train = np.ones(len(self.codes), bool) if train is None else train
        parts = [self.no_mixes()]
        for code, hoods in self.hoods.items():
            if not self.can_mix(code, train):
                continue
            asked = max(1.0, self.asked[code] * train.mean())
            amount = Amount(asked, self.max_mixes)
            mixed = policy.walk(hoods, hoods.usable(train), amount, rng)
            codes = np.where(mixed.small, code, self.codes[mixed.second])
            parts.append(Mixes(mixed.first, mixed.second, mixed.weight, codes))
        return Mixes.join(parts)

    @staticmethod
    def no_mixes() -> Mixes:
        """No mixes at all, labelled like those of :meth:`mix`."""
        rows = np.empty(0, dtype=np.intp)
        return Mixes(rows, rows, np.empty(0), rows)

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
        usable = hoods.usable(train)
        return bool((usable & hoods.small).any() and (usable & ~hoods.small).any())

    def __reduce__(self) -> tuple:
        """Leave out of a pickle what can be looked up again."""
        asked = {self.classes[code]: n for code, n in self.asked.items()}
        return Ground, (self.data, asked, self.max_mixes, self.search)

    def labelled(self, mixes: Mixes) -> Mixes:
        """Give mixes of :meth:`mix` the labels of the user."""
        return replace(mixes, target=self.classes[mixes.target])


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
