"""What one query asks for."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

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
