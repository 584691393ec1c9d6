"""What data valuation asks of an estimator: scores of selections, and predictions."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import check_scoring
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from .._containers import take_rows
from .._random import draw_seed
from .._scoring import of_all_classes
from .._training import seeded
from .._validation import check_kind
from .._weights import fit_weighted
from ._judging import errors
from ._targets import Targets


def mean_accuracy(model: Any, X: Any, y: Any) -> float:
    """Share of all labels that a classifier of several outputs gets right."""
    return float(1 - errors(model, X, y).mean())


def default_estimator(targets: Targets) -> Any:
    """A linear model of flattened rows; neighbours for classes of several outputs."""
    model: Any = LogisticRegression(max_iter=500)
    if targets.classes is None:
        model = Ridge()
    elif targets.Y.shape[1] > 1:
        model = KNeighborsClassifier()
    return make_pipeline(FunctionTransformer(_flat), model)


def _flat(X: Any) -> Any:
    return X.reshape(len(X), -1) if np.ndim(X) > 2 else X


class SelectionEvaluator:
    """Trains an estimator on selections of rows, and scores it on validation rows.

    Parameters
    ----------
    estimator : estimator or None
        What is trained; None for a linear model.

    scoring : str, callable or None
        A scorer of scikit-learn. None is the log loss of classifiers that have
        probabilities, else accuracy, and R2 for numbers.

    rows : tuple
        Features and targets of the training rows, as the user passed them, and weights.

    held_out : tuple
        Features and targets of the validation rows.

    targets : Targets
        Targets as read.

    codes : ndarray of shape (n,)
        Class of each training row; all the same for numbers.

    rng : RandomState
        Source of seeds.
    """

    def __init__(
        self,
        estimator: Any,
        scoring: Any,
        rows: tuple[Any, Any, NDArray[np.float64]],
        held_out: tuple[Any, Any],
        targets: Targets,
        codes: NDArray[np.intp],
        rng: RandomState,
    ) -> None:
        numbers = targets.classes is None
        if estimator is None:
            estimator = default_estimator(targets)
        check_kind(estimator, "regressor" if numbers else "classifier")
        if scoring is None:
            scoring = self._default_scoring(estimator, targets)
        self.scorer = check_scoring(estimator, of_all_classes(scoring))
        # All selections from one seed, so that only the rows differ.
        self.estimator = seeded(clone(estimator), estimator, draw_seed(rng))
        self.X, self.y, self.weight = rows
        self.X_val, self.y_val = held_out
        self.codes = codes
        self.numbers = numbers
        self.rng_seed = draw_seed(rng)

    @staticmethod
    def _default_scoring(estimator: Any, targets: Targets) -> Any:
        if targets.classes is None:
            return "r2"
        if targets.Y.shape[1] > 1:
            return mean_accuracy
        return "neg_log_loss" if hasattr(estimator, "predict_proba") else "accuracy"

    def __call__(
        self, rows: NDArray[np.intp], chosen: NDArray[np.bool_]
    ) -> list[float]:
        """Scores of selections (m, b) among rows (b,)."""
        return [self._score(self._with_all_classes(rows, mask)) for mask in chosen]

    def distance(self, X: Any, Y: NDArray, targets: Targets) -> NDArray[np.float64]:
        """How far a model of the validation rows is from encoded targets Y (m, t).

        The probability that it gives to other classes; for numbers the absolute error
        e, as e / (1 + e).
        """
        if not hasattr(self, "validation_model"):
            model = clone(self.estimator)
            if not self.numbers and len(np.unique(np.asarray(self.y_val))) < 2:
                # Few estimators take a single class.
                model = DummyClassifier()
            self.validation_model = model.fit(self.X_val, self.y_val)
        model = self.validation_model
        if self.numbers:
            predicted = np.asarray(model.predict(X)).reshape(Y.shape)
            error = np.abs((predicted - targets.mean) / targets.scale - Y).mean(axis=1)
            return error / (1 + error)
        predicted = np.asarray(model.predict(X)).reshape(Y.shape)
        classes = targets.classes or []
        found = np.column_stack(
            [
                np.asarray(known)[code] == labels
                for known, code, labels in zip(classes, Y.T, predicted.T, strict=True)
            ]
        )
        wrong = 1 - found.mean(axis=1)
        if not hasattr(model, "predict_proba") or Y.shape[1] > 1:
            return wrong
        probabilities = model.predict_proba(X)
        place = np.searchsorted(model.classes_, classes[0])
        place = np.minimum(place, len(model.classes_) - 1)
        known = model.classes_[place] == classes[0]
        of_label = probabilities[np.arange(len(Y)), place[Y[:, 0]]]
        return 1 - np.where(known[Y[:, 0]], of_label, 0)

    def forget_rows(self) -> None:
        """Keep what `distance` needs."""
        del self.X, self.y, self.weight, self.X_val, self.y_val, self.codes

    def _score(self, rows: NDArray[np.intp]) -> float:
        weight = self.weight[rows]
        model = fit_weighted(
            clone(self.estimator),
            take_rows(self.X, rows),
            take_rows(self.y, rows),
            None if (weight == weight[0]).all() else weight,
            RandomState(self.rng_seed),
        )
        return float(self.scorer(model, self.X_val, self.y_val))

    def _with_all_classes(
        self, rows: NDArray[np.intp], mask: NDArray[np.bool_]
    ) -> NDArray[np.intp]:
        """Chosen rows, and one of each class that was not, as scorers need them all."""
        chosen = rows[mask]
        found, first = np.unique(self.codes, return_index=True)
        lost = ~np.isin(found, self.codes[chosen])
        return np.union1d(chosen, first[lost])
