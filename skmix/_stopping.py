"""Held-out rows for estimators that stop their training by some."""

from __future__ import annotations

from math import ceil
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.utils.validation import has_fit_parameter


def stops_by_held_out_rows(estimator: Any) -> bool:
    """Whether an estimator's ``fit`` takes held-out rows and stops by them."""
    # "auto" is left to the estimator, which knows nothing of mixes.
    value = estimator.get_params().get("early_stopping")
    stops = isinstance(value, bool | np.bool_) and bool(value)
    return stops and has_fit_parameter(estimator, "X_val")


def hold_out(
    codes: NDArray[np.integer],
    fraction: float,
    rng: RandomState,
    otherwise: str = "set early_stopping=False",
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Hold out about the same share of the rows of each class, but never all of them.

    Parameters
    ----------
    codes : ndarray of shape (n,)
        Class of each row, as a whole number.

    fraction : float in (0, 1)
        Share of the rows to hold out, rounded up. One row of each class stays anyway.

    rng : RandomState
        Source of randomness.

    otherwise : str
        What to do but to pass validation rows, where none can be held out.

    Returns
    -------
    train, held_out : ndarray of shape (n - v,) and (v,)
        Indices of the rows.
    """
    order = rng.permutation(len(codes))
    order = order[np.argsort(codes[order], kind="stable")]
    stays = np.diff(codes[order], prepend=-1) > 0
    spare = order[~stays]
    size = min(ceil(fraction * len(codes)), len(spare))
    if size == 0:
        raise ValueError(
            f"Of n_samples={len(codes)} none can be held out, as each is the only one "
            f"of its class. Pass X_val and y_val, or {otherwise}."
        )
    # Evenly spaced, as the rows of a class are neighbours here.
    places = (np.arange(size) * len(spare) + rng.randint(len(spare))) // size
    held_out = spare[places]
    return np.setdiff1d(order, held_out), held_out
