"""Weights of rows: through a resampler, and into an estimator that takes none."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline
from sklearn.utils.validation import has_fit_parameter

from ._containers import take_rows
from ._validation import class_codes


def weights_after(
    resampler: Any, sample_weight: NDArray | None, n_rows: int
) -> NDArray | None:
    """Weights of all rows that a resampler gave out, None where all weigh the same."""
    learned = getattr(resampler, "sample_weight_", None)
    if sample_weight is None:
        return learned
    if hasattr(resampler, "parent_indices_"):
        of_parents = sample_weight[resampler.parent_indices_]
        mixed = (of_parents * resampler.mix_weights_).sum(axis=1)
        # Rows without a label do not come back.
        kept = getattr(resampler, "labelled_indices_", slice(None))
        weight = np.concatenate([sample_weight[kept], mixed])
    elif hasattr(resampler, "sample_indices_"):
        weight = sample_weight[resampler.sample_indices_]
    elif n_rows == len(sample_weight):
        weight = sample_weight
    else:
        raise ValueError(
            f"sample_weight cannot follow the rows through {type(resampler).__name__}: "
            "it tells neither sample_indices_ nor parent_indices_. Leave the weights "
            "out, or use a resampler that tells."
        )
    return weight if learned is None else weight * learned


def weighted_bootstrap(
    X: Any, y: Any, weight: NDArray, rng: RandomState, classes: bool = False
) -> tuple[Any, Any]:
    """Draw as many rows as there are, in proportion to their weights.

    With `classes` no class of y is lost that has some weight: if none of its rows is
    drawn, one of them takes the place of a row of the class that was drawn most.
    """
    if (weight < 0).any() or not weight.any():
        raise ValueError(
            "sample_weight must be non-negative and not all zero for an estimator that "
            "takes no weights: its rows are drawn in proportion to them."
        )
    rows = rng.choice(len(weight), size=len(weight), p=weight / weight.sum())
    if classes:
        codes = class_codes(y)
        counts = np.bincount(codes[rows], minlength=codes.max() + 1)
        for code in np.flatnonzero(counts == 0):
            share = np.where(codes == code, weight, 0)
            if share.any():
                place = np.flatnonzero(codes[rows] == counts.argmax())[0]
                counts[codes[rows[place]]] -= 1
                rows[place] = rng.choice(len(weight), p=share / share.sum())
    return take_rows(X, rows), take_rows(y, rows)


def fit_weighted(
    estimator: Any, X: Any, y: Any, weight: NDArray | None, rng: RandomState, **params
) -> Any:
    """Fit an estimator on weighted rows: by their weights, or else by a bootstrap.

    Parameters
    ----------
    estimator : estimator
        What is fitted; a pipeline hands the weights to its last step.

    X : {array-like, data frame, sparse matrix} of shape (n, ...)
        Rows.

    y : array-like of shape (n,)
        Labels.

    weight : ndarray of shape (n,) or None
        Weights of the rows.

    rng : RandomState
        Randomness of the bootstrap.

    **params : dict
        Further arguments of ``fit``.

    Returns
    -------
    estimator : estimator
        The same, fitted.
    """
    if weight is None:
        return estimator.fit(X, y, **params)
    name, last = "sample_weight", estimator
    while isinstance(last, Pipeline):
        name, last = f"{last.steps[-1][0]}__{name}", last[-1]
    if has_fit_parameter(last, "sample_weight"):
        return estimator.fit(X, y, **params, **{name: weight})
    if (weight == weight[0]).all() and weight[0] > 0:
        return estimator.fit(X, y, **params)
    drawn = weighted_bootstrap(X, y, weight, rng, is_classifier(estimator))
    return estimator.fit(*drawn, **params)
