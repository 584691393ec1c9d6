"""Scores from counts of predictions, and the rewards of the MixAnN paper."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from .neighbors import FloatArray, IntArray


def confusion(truth: IntArray, predicted: IntArray, n_classes: int) -> NDArray:
    """Count the rows of each class by the class that is predicted.

    Parameters
    ----------
    truth, predicted : ndarray of shape (v,)
        Classes, as numbers from 0.

    n_classes : int
        Number of classes.

    Returns
    -------
    counts : ndarray of shape (n_classes, n_classes)
        Rows by truth, columns by prediction.
    """
    counts = np.bincount(truth * n_classes + predicted, minlength=n_classes**2)
    return counts.reshape(n_classes, n_classes)


def macro_f1(counts: NDArray) -> FloatArray:
    """Mean over classes of the F1 scores.

    Parameters
    ----------
    counts : ndarray of shape (..., n_classes, n_classes)
        Of :func:`confusion`, or differences and sums of such.

    Returns
    -------
    score : ndarray of shape (...)
        In [0, 1]. Classes without rows and without predictions do not count, and a
        class of which none is found counts 0, as in scikit-learn.
    """
    right = np.diagonal(counts, axis1=-2, axis2=-1)
    both = counts.sum(axis=-1) + counts.sum(axis=-2)
    f1 = 2 * right / np.maximum(both, 1)
    return f1.sum(axis=-1) / np.maximum((both > 0).sum(axis=-1), 1)


def improvement(
    scores: Sequence[float], window: int, divisor: Literal["m", "m-1"] = "m"
) -> float:
    """Improvement of the last score over those before it: Eq. 5 of the paper.

    Parameters
    ----------
    scores : sequence of float
        Scores so far, at least one.

    window : int
        m, the number of scores that the last one is compared with; fewer at the
        beginning.

    divisor : {"m", "m-1"}, default="m"
        What the sum of the m scores is divided by. The paper writes m - 1. Then a
        constant score F counts as a loss of F / (m - 1), in every step.

    Returns
    -------
    improvement : float
        0 for the first score.
    """
    before = scores[-1 - window : -1]
    if not len(before):
        return 0.0
    m = len(before) if divisor == "m" else max(len(before) - 1, 1)
    return float(scores[-1] - sum(before) / m)


def confidence(probability: FloatArray) -> float:
    """How unsure a model is of some rows: Eq. 6 of the paper.

    Parameters
    ----------
    probability : ndarray of shape (k,)
        Predicted probability of the small class.

    Returns
    -------
    confidence : float
        Mean of p (1 - p), from 0 where the model is sure to 1/4 where it is not; 0 for
        no rows.
    """
    p = np.asarray(probability)
    if not len(p):
        return 0.0
    return float(np.mean(p * (1 - p)))
