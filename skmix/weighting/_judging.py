"""Losses of single rows, folds, and how a guard decides by them."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import KFold, StratifiedKFold

from .._validation import class_codes
from ..metrics import paired_difference, paired_signed_rank

Split = tuple[NDArray[np.intp], NDArray[np.intp]]


class Verdict(NamedTuple):
    """What comes of a comparison: scores are minus mean losses."""

    accepted: bool
    best_score: float
    baseline_score: float
    numbers: str


def compare(
    loss: NDArray[np.float64],
    baseline: NDArray[np.float64],
    level: float,
    name: str,
    what: str,
    other: str,
) -> Verdict:
    """Compare losses (n,) of the same rows.

    What is new is accepted if its mean loss is smaller, and a signed-rank test says so
    at the level.
    """
    gain, error = paired_difference(baseline, loss)
    p_value = paired_signed_rank(baseline, loss)
    return Verdict(
        bool(gain > 0 and p_value < level),
        float(-loss.mean()),
        float(-baseline.mean()),
        f"Held-out {name}: {loss.mean():.4f} {what}, {baseline.mean():.4f} {other}; "
        f"gain {gain:+.4f}, standard error {error:.4f}, signed-rank p {p_value:.2g}.",
    )


def absolute_errors(model: Any, X: Any, y: Any) -> NDArray[np.float64]:
    """Absolute errors (n,) of a regressor, which single wrong targets do not rule.

    Of several targets, the mean of what they are in standard deviations.
    """
    y = np.asarray(y, dtype=np.float64)
    error = np.abs(y - np.asarray(model.predict(X)).reshape(y.shape))
    error = error.reshape(len(y), -1)
    if error.shape[1] > 1:
        scale = y.std(axis=0)
        error = error / np.where(scale > 0, scale, 1)
    return error.mean(axis=1)


def errors(model: Any, X: Any, y: Any) -> NDArray[np.float64]:
    """Share (n,) of the labels of a row that a classifier gets wrong."""
    labels = np.asarray(y)
    labels = labels.reshape(len(labels), -1)
    predicted = np.asarray(model.predict(X)).reshape(labels.shape)
    return (predicted != labels).mean(axis=1)


def brier_losses(model: Any, X: Any, y: Any) -> NDArray[np.float64]:
    """Brier losses (n,) of a classifier, which tell more of a row than errors do.

    Only where labels are right: those that are wrong at random prefer probabilities
    that are as uncertain. Errors, of a classifier that gives no probabilities.
    """
    labels = np.asarray(y)
    several = labels.ndim > 1 and labels.shape[1] > 1
    if several or not hasattr(model, "predict_proba"):
        return errors(model, X, y)
    hit = labels.reshape(-1, 1) == model.classes_
    # Of a class that the model does not know, its indicator is missing.
    squares = ((model.predict_proba(X) - hit) ** 2).sum(axis=1)
    return squares + ~hit.any(axis=1)


def stratified_folds(y: Any, n_folds: int, seed: int) -> list[Split]:
    """Folds with about the same share of each class; rare ones go anywhere."""
    codes = class_codes(y)
    if np.bincount(codes).max() < n_folds:
        return list(KFold(n_folds, shuffle=True, random_state=seed).split(codes))
    splitter = StratifiedKFold(n_folds, shuffle=True, random_state=seed)
    with warnings.catch_warnings():
        # Of classes with fewer rows than folds.
        warnings.simplefilter("ignore", UserWarning)
        return list(splitter.split(codes, codes))
