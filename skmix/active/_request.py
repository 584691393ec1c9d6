"""What one query asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from numbers import Integral
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.sparse import issparse

from .._compat import num_samples
from .._containers import stack_rows, with_rows, wrapped_type
from ..exceptions import warn_user
from ._acquisitions import Acquisition
from ._labels import PartialLabels


@dataclass
class Request:
    """What one query asks for.

    Attributes
    ----------
    X : {array-like, data frame, sparse matrix} of shape (n, ...)
        All rows.

    labels : PartialLabels
        Their labels.

    pool : ndarray of shape (m,)
        Rows that are looked at.

    k : int
        Number of rows to choose.

    model : classifier
        The classifier to go by.

    sample_weight : ndarray of shape (n,) or None
        Weights of the rows of X.

    rng : RandomState
        Source of randomness.

    is_fitted : bool
        Whether the classifier is taken as it is.

    is_own : bool
        Whether it is the selector's own, which is trained with mixes.
    """

    X: Any
    labels: PartialLabels
    pool: NDArray[np.intp]
    k: int
    model: Any
    sample_weight: NDArray[np.float64] | None
    rng: RandomState
    is_fitted: bool = False
    is_own: bool = True

    def is_cold(self, acquisition: Acquisition) -> bool:
        """Whether there is nothing to go by yet."""
        if self.is_fitted or len(self.labels.classes) > 1:
            return False
        # Sets of rows need no labels, a model of the labelled rows needs one.
        return acquisition.needs_probabilities or (
            acquisition.rowwise and not self.labels.labelled.any()
        )


def read_candidates(
    X: Any, labels: PartialLabels, candidates: Any, check_rows: Callable[[Any], Any]
) -> tuple[Any, PartialLabels, NDArray[np.intp]]:
    """Find the rows that can be chosen; rows that are not in X are put behind it.

    Parameters
    ----------
    X : {array-like, data frame, sparse matrix} of shape (n, ...)
        All rows.

    labels : PartialLabels
        Their labels.

    candidates : array-like or None
        Places in X, or rows like those of X; None for all without a label.

    check_rows : callable
        Checks that rows have the columns of X.

    Returns
    -------
    X, labels
        The same, with rows that were not among them.

    pool : ndarray of shape (m,)
        Places of the rows that can be chosen.

    Raises
    ------
    ValueError
        If candidates are neither places nor rows of X.
    """
    n_rows = len(labels.y)
    if candidates is None:
        return X, labels, np.flatnonzero(~labels.labelled)
    if not issparse(candidates) and not hasattr(candidates, "__len__"):
        raise ValueError(
            "candidates must hold places of rows of X, or rows like those of X, "
            f"got {candidates!r}: a single place goes in a list."
        )
    if isinstance(candidates, set | dict):
        raise ValueError(
            f"candidates must be in an order, got a {type(candidates).__name__}: pass "
            "a list."
        )
    places = None
    if not issparse(candidates) and np.ndim(candidates) == 1:
        places = np.asarray(candidates)
    if places is not None and (places.dtype.kind in "iu" or not len(places)):
        if len(np.unique(places)) < len(places) or (
            len(places) and not 0 <= places.min() <= places.max() < n_rows
        ):
            raise ValueError(
                f"candidates must hold each place once, from 0 to {n_rows - 1}, got "
                f"{candidates!r}."
            )
        return X, labels, places.astype(np.intp)
    if (places is not None) != (not issparse(X) and np.ndim(X) == 1):
        raise ValueError(
            "candidates must hold places of rows of X, whole numbers, or rows like "
            f"those of X, got {type(candidates).__name__} of shape "
            f"{np.shape(candidates)}."
        )
    if wrapped_type(candidates) is not wrapped_type(X):
        raise ValueError(
            "candidates must hold rows of the kind that X does, got "
            f"{type(candidates).__name__} for {type(X).__name__}."
        )
    check_rows(candidates)
    n_more = num_samples(candidates)
    # What stands for their labels is never looked at.
    y = np.concatenate([labels.y, np.resize(labels.y, n_more)])
    labelled = np.append(labels.labelled, np.zeros(n_more, dtype=bool))
    more = PartialLabels(y, labelled, labels.classes)
    X = stack_rows(X, with_rows(candidates))
    return X, more, np.arange(n_rows, n_rows + n_more)


def check_batch_size(batch_size: Any, n_candidates: int, missing_label: Any) -> int:
    """Check the number of rows to choose; it is at most that of candidates."""
    is_whole = isinstance(batch_size, Integral) and batch_size is not True
    if not is_whole or batch_size < 1:
        raise ValueError(
            f"batch_size must be a whole number of at least 1, got {batch_size!r}."
        )
    if n_candidates == 0:
        raise ValueError(
            "There is no row to choose: all of y is labelled, or candidates is empty. "
            f"Rows without a label have {missing_label!r} in y."
        )
    if batch_size > n_candidates:
        warn_user(
            f"batch_size={batch_size} is more than the {n_candidates} rows that can be "
            "chosen: all of them are.",
            UserWarning,
        )
    return min(int(batch_size), n_candidates)
