"""Meta-estimators that predict as the estimator does that they have fitted."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MetaEstimatorMixin
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted


def _estimator_has(name: str) -> Any:
    def check(self: Delegate) -> bool:
        return hasattr(getattr(self, "estimator_", self._estimator), name)

    return check


class Delegate(MetaEstimatorMixin, BaseEstimator):
    """Predicts with ``estimator_``, a fitted copy of ``estimator``."""

    estimator: Any
    estimator_: Any

    @staticmethod
    def _default() -> BaseEstimator:
        """What `estimator` is where it is None."""
        return Ridge()

    @property
    def _estimator(self) -> Any:
        return self._default() if self.estimator is None else self.estimator

    def _take_over_names(self, fitted: Any) -> None:
        """Tell how many columns there are, and their names, if what is fitted does."""
        for name in ("n_features_in_", "feature_names_in_"):
            if hasattr(fitted, name):
                setattr(self, name, getattr(fitted, name))

    def _check_y(self, y: Any) -> Any:
        if y is None:
            raise ValueError(
                f"{type(self).__name__} requires y to be passed, but the target y is "
                "None."
            )
        return y

    @available_if(_estimator_has("predict"))
    def predict(self, X: Any) -> NDArray:
        """Predict with the estimator.

        Parameters
        ----------
        X : {array-like, data frame} of shape (n, p)
            Rows.

        Returns
        -------
        y : ndarray of shape (n,) or (n, t)
            Predictions.
        """
        check_is_fitted(self)
        return self.estimator_.predict(X)


class ClassifierDelegate(Delegate):
    """The same for classifiers, with their probabilities."""

    @staticmethod
    def _default() -> BaseEstimator:
        return LogisticRegression()

    @property
    def classes_(self) -> NDArray:
        """Class labels, as the estimator knows them."""
        return self.estimator_.classes_

    @available_if(_estimator_has("predict_proba"))
    def predict_proba(self, X: Any) -> NDArray:
        """Predict class probabilities with the estimator.

        Parameters
        ----------
        X : {array-like, data frame} of shape (n, p)
            Rows.

        Returns
        -------
        probabilities : ndarray of shape (n, n_classes)
            In the order of ``classes_``.
        """
        check_is_fitted(self)
        return self.estimator_.predict_proba(X)

    @available_if(_estimator_has("decision_function"))
    def decision_function(self, X: Any) -> NDArray:
        """Compute the estimator's decision function.

        Parameters
        ----------
        X : {array-like, data frame} of shape (n, p)
            Rows.

        Returns
        -------
        decision : ndarray of shape (n,) or (n, n_classes)
            As the estimator defines it.
        """
        check_is_fitted(self)
        return self.estimator_.decision_function(X)
