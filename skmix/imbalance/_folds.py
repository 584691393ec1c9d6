"""Splits of the rows into folds that keep classes in proportion and groups together."""

from __future__ import annotations

import warnings
from collections.abc import Collection
from numbers import Integral
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold, StratifiedKFold

from .._core.neighbors import IntArray
from .._random import draw_seed
from ..base import ResamplingData
from ._ground import Fold


def make_folds(
    data: ResamplingData,
    codes: IntArray,
    asked: Collection[int],
    cv: Any,
    n_repeats: int,
    rng: RandomState,
) -> list[Fold]:
    """Arrange what is trained on, and what is judged by.

    Parameters
    ----------
    data : ResamplingData
        Training rows, and held-out rows where the user passed some.

    codes : ndarray of shape (n,)
        Class of each row.

    asked : collection of int
        Classes that are to get rows: each must have some in all folds.

    cv : int or splitter
        Folds where there are no held-out rows. A splitter is used as it is: a row may
        be held out several times, or never.

    n_repeats : int
        How often the rows are split, where only the number of folds is given.

    rng : RandomState
        Randomness of the folds.

    Returns
    -------
    folds : list of Fold
        One where the user passed held-out rows; none where the rows of the rarest of
        these classes, or its groups, cannot be split.
    """
    n = len(data)
    if data.X_val is not None:
        return [Fold(0, np.ones(n, bool), np.arange(len(data.X_val)))]
    if not isinstance(cv, Integral):
        return _by_repeat(n, data.split(cv, data.Z))
    units = np.arange(n) if data.groups is None else data.groups
    n_units = [len(np.unique(units[codes == code])) for code in asked]
    n_folds = min(cv, *n_units)
    if n_folds < 2:
        return []
    kind = StratifiedKFold if data.groups is None else StratifiedGroupKFold
    splits = []
    for _ in range(n_repeats):
        folds = kind(n_folds, shuffle=True, random_state=draw_seed(rng))
        with warnings.catch_warnings():
            # Other classes may have fewer rows than there are folds.
            warnings.filterwarnings("ignore", "The least populated class in y")
            splits += list(folds.split(data.Z, codes, data.groups))
    return _by_repeat(n, splits)


def _by_repeat(n: int, splits: list[tuple[IntArray, IntArray]]) -> list[Fold]:
    """Put each fold into the first repeat that holds out none of its rows yet."""
    folds: list[Fold] = []
    held_out: list[NDArray[np.bool_]] = []
    for train, test in splits:
        if len(test):
            used = np.zeros(n, dtype=bool)
            used[train] = True
            free = (r for r, rows in enumerate(held_out) if not rows[test].any())
            repeat = next(free, len(held_out))
            if repeat == len(held_out):
                held_out.append(np.zeros(n, dtype=bool))
            held_out[repeat][test] = True
            folds.append(Fold(repeat, used, np.sort(test)))
    return folds
