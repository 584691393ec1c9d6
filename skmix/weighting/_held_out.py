"""Which rows judge the weights of the others."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.model_selection import GroupShuffleSplit

from .._stopping import hold_out

Split = tuple[NDArray[np.intp], NDArray[np.intp]]


def split_rows(
    validation: Any,
    codes: NDArray[np.intp],
    y: NDArray,
    rng: RandomState,
    groups: NDArray | None = None,
) -> list[Split]:
    """Split rows into those that are weighed and those that judge.

    Parameters
    ----------
    validation : float, int, array-like or splitter
        A share of the rows, a number from each class, places or a mask of rows; or a
        splitter of scikit-learn, for several splits.

    codes : ndarray of shape (n,)
        Class of each row; all the same for numbers.

    y : ndarray of shape (n,) or (n, t)
        Targets, for a splitter.

    rng : RandomState
        Source of randomness.

    groups : ndarray of shape (n,), default=None
        Groups that a share, or a splitter, does not take apart.

    Returns
    -------
    splits : list of (train, held_out)
        Places of rows.

    Raises
    ------
    ValueError
        If no row is left on one side.
    """
    n_rows = len(codes)
    if hasattr(validation, "split") and not isinstance(validation, str):
        if isinstance(getattr(validation, "random_state", 0), RandomState):
            raise ValueError(
                "validation is a splitter whose random_state is a RandomState, which "
                "gives other folds each time: pass an integer."
            )
        return [
            (np.asarray(train), np.asarray(test))
            for train, test in validation.split(np.zeros((n_rows, 1)), y, groups)
        ]
    if isinstance(validation, Real) and not isinstance(validation, Integral):
        if groups is None:
            more = "more rows of each class"
            return [hold_out(codes, float(validation), rng, more)]
        splitter = GroupShuffleSplit(1, test_size=float(validation), random_state=rng)
        return list(splitter.split(codes, groups=groups))
    if isinstance(validation, Integral):
        held_out = _some_of_each(int(validation), codes, rng)
    else:
        held_out = check_places(validation, n_rows)
    if groups is not None:
        together = np.isin(groups, groups[held_out])
        together[held_out] = False
        if together.any():
            raise ValueError(
                f"groups has {together.sum()} rows on both sides: rows of the groups "
                "of validation rows that are none. Choose whole groups as validation "
                "rows, or pass a share of the rows."
            )
    return [(np.setdiff1d(np.arange(n_rows), held_out), held_out)]


def _some_of_each(
    number: int,
    codes: NDArray[np.intp],
    rng: RandomState,
) -> NDArray[np.intp]:
    order = rng.permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    counts = np.bincount(codes)
    if counts.min() <= number:
        raise ValueError(
            f"validation={number} takes {number} rows of each class, but the smallest "
            f"class of y has {counts.min()}, and one must be left. Take fewer, or pass "
            "X_val and y_val."
        )
    rank = np.arange(len(codes)) - np.repeat(np.cumsum(counts) - counts, counts)
    return np.sort(order[rank < number])


def check_places(validation: Any, n_rows: int) -> NDArray[np.intp]:
    """Check places or a mask of validation rows; give them back as sorted places."""
    rows = np.asarray(validation)
    if rows.dtype.kind == "b" and rows.shape == (n_rows,):
        rows = np.flatnonzero(rows)
    if rows.ndim != 1 or rows.dtype.kind not in "iu" or not rows.size:
        raise ValueError(
            "validation must be a share of the rows, a number of rows of each class, "
            f"places or a mask of the {n_rows} rows, or a splitter, got "
            f"{validation!r}."
        )
    unique = np.unique(rows)
    if unique[0] < 0 or unique[-1] >= n_rows or len(unique) != len(rows):
        raise ValueError(
            f"validation must hold different places from 0 to {n_rows - 1}, got "
            f"{rows.min()} to {rows.max()}, {len(unique)} different ones of "
            f"{len(rows)}."
        )
    if len(unique) == n_rows:
        raise ValueError(
            "validation holds all rows, and none is left to weigh. Leave some out."
        )
    return unique
