"""Rivals of every oversampler that need no new rows: weights, and a moved threshold."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import make_scorer
from sklearn.model_selection import (
    StratifiedGroupKFold,
    StratifiedKFold,
    TunedThresholdClassifierCV,
)
from sklearn.pipeline import Pipeline
from sklearn.utils import check_random_state
from sklearn.utils.class_weight import compute_sample_weight
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.validation import column_or_1d, has_fit_parameter

from ._random import draw_seed
from .compose import ResampledClassifier


def make_controls(
    estimators: dict[str, Any], y: Any, scorers: dict[str, Callable]
) -> dict[str, tuple[Callable, Any]]:
    """Name the controls: what wraps an estimator, and with which resampler."""
    controls: dict[str, tuple[Callable, Any]] = {
        "class weights": (weigh_classes, ClassWeights())
    }
    has_scores = any(
        hasattr(estimator, method)
        for estimator in estimators.values()
        for method in ("predict_proba", "decision_function")
    )
    if has_scores and type_of_target(y) == "binary":
        scoring = _scoring_of_labels(scorers, column_or_1d(y))
        controls["tuned threshold"] = (partial(TunedThreshold, scoring=scoring), None)
    return controls


class ClassWeights(BaseEstimator):
    """Leaves the rows as they are, and lets each class weigh the same."""

    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Leave weights for whoever fits on the rows."""
        self.sample_weight_ = compute_sample_weight("balanced", column_or_1d(y))
        return X, y


def weigh_classes(
    estimator: Any, *, resampler: ClassWeights, random_state: int
) -> ResampledClassifier:
    """Let an estimator fit on the untouched rows with classes that weigh the same."""
    return ResampledClassifier(_weighted(estimator, resampler, random_state))


def _weighted(estimator: Any, resampler: ClassWeights, random_state: int) -> Any:
    if isinstance(estimator, Pipeline):
        name, last = estimator.steps[-1]
        return estimator.set_params(**{name: _weighted(last, resampler, random_state)})
    # Its own parameter comes first: the user's weights are replaced, not multiplied.
    # Those of nested estimators come last: they may be those of a part only.
    params = estimator.get_params()
    names = [name for name in params if name.split("__")[-1] == "class_weight"]
    if "class_weight" in names:
        names = ["class_weight"]
    elif has_fit_parameter(estimator, "sample_weight"):
        names = []
    if names:
        return estimator.set_params(**dict.fromkeys(names, "balanced"))
    return ResampledClassifier(
        estimator, resampler=resampler, random_state=random_state
    )


class TunedThreshold(ResampledClassifier):
    """Fits on the untouched rows, and moves the threshold between two classes."""

    def __init__(
        self,
        estimator: Any = None,
        *,
        resampler: None = None,
        random_state: int | RandomState | None = None,
        scoring: Any = "f1_macro",
    ) -> None:
        super().__init__(estimator, resampler=resampler, random_state=random_state)
        self.scoring = scoring

    def fit(self, X: Any, y: Any, *, groups: NDArray | None = None) -> TunedThreshold:
        """Tune on folds that keep groups together, then fit on all rows."""
        y = column_or_1d(y)
        seed = draw_seed(check_random_state(self.random_state))
        folds = _folds(y, groups, seed)
        self.resampler_, self.n_rows_added_ = None, 0
        self.estimator_ = TunedThresholdClassifierCV(
            self.estimator, scoring=self.scoring, cv=folds
        )
        try:
            self.estimator_.fit(X, y)
        except ValueError as error:
            # The rows of a fold may all look the same to trees and neighbours. What
            # cannot be tuned stays where it was.
            if "constant predictions" not in str(error):
                raise
            self.estimator_ = clone(self.estimator).fit(X, y)
        return self


def _folds(y: NDArray, groups: NDArray | None, seed: int) -> list[tuple]:
    """Five folds, or as many as the rarest class can be in."""
    units = np.arange(len(y)) if groups is None else groups
    n_folds = min(5, *(len(np.unique(units[y == label])) for label in np.unique(y)))
    kind = StratifiedKFold if groups is None else StratifiedGroupKFold
    return list(kind(n_folds, shuffle=True, random_state=seed).split(y, y, groups))


def _scoring_of_labels(scorers: dict[str, Callable], y: NDArray) -> Any:
    """First scorer that judges labels, as scikit-learn can tune a threshold by it.

    Its tuner takes scorers apart: it would pass labels to those of probabilities, and
    refuse functions.
    """
    for scorer in scorers.values():
        try:
            _score_labels(scorer, y, y)
        except Exception:
            continue
        return make_scorer(partial(_score_labels, scorer))
    return "f1_macro"


def _score_labels(scorer: Callable, y: NDArray, predicted: NDArray) -> float:
    return scorer(_Labels(predicted), None, y)


class _Labels(BaseEstimator):
    """Predicts the labels that it is given, and has no probabilities."""

    def __init__(self, labels: NDArray) -> None:
        self.labels = labels

    def predict(self, X: Any) -> NDArray:
        return self.labels
