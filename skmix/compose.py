"""A resampler and an estimator as one estimator, for scikit-learn's own Pipeline.

A plain scikit-learn pipeline refuses steps that change the number of rows. Here the
resampler is a parameter of the last step instead: it sees the training rows only, and
a grid search can exchange it, also for None, the honest baseline.
"""

from __future__ import annotations

from inspect import signature
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, RegressorMixin, clone
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.validation import check_consistent_length, column_or_1d

from . import _compat
from ._containers import take_rows
from ._delegates import ClassifierDelegate, Delegate
from ._stopping import stops_by_held_out_rows
from ._validation import check_kind
from ._weights import fit_weighted, weights_after
from .active import LADASelector
from .base import BaseMixResampler, BaseMixSampler
from .weighting._base_augmenter import BaseAugmenter

__all__ = ["ResampledClassifier", "ResampledRegressor"]


class _Resampled(Delegate):
    """Fits the resampler, then the estimator on what comes out."""

    _parameter_constraints = {
        "estimator": [_compat.HasMethods(["fit", "predict"]), None],
        "resampler": [_compat.HasMethods(["fit_resample"]), None],
        "random_state": ["random_state"],
    }
    # Requested by default: a pipeline passes them on once metadata routing is enabled.
    __metadata_request__fit = {
        "X_val": True,
        "y_val": True,
        "groups": True,
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        resampler: Any = None,
        random_state: int | RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.resampler = resampler
        self.random_state = random_state

    @_compat.fit_context(prefer_skip_nested_validation=False)
    def fit(
        self,
        X: Any,
        y: Any,
        *,
        X_val: Any = None,
        y_val: Any = None,
        groups: Any = None,
        sample_weight: Any = None,
    ) -> Any:
        """Fit the resampler on the rows, and the estimator on what comes out.

        Parameters
        ----------
        X : {array-like, data frame} of shape (n, p)
            Training rows.

        y : {array-like, series, data frame} of shape (n,) or (n, t)
            Labels.

        X_val : {array-like, data frame} of shape (v, p), default=None
            Held-out rows for resamplers that take them, and for an estimator that stops
            by them (``early_stopping=True``); others do without.

        y_val : {array-like, series, data frame} of shape (v,) or (v, t), default=None
            Labels of the held-out rows.

        groups : array-like of shape (n,), default=None
            Groups of rows, for resamplers that take them; others do without.

        sample_weight : array-like of shape (n,), default=None
            Weights of the rows. A mix weighs what its parents do, in their shares.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        ValueError
            If the estimator is for the other kind of labels, or if weights cannot be
            passed on because the resampler does not tell which rows its new ones come
            from.
        """
        check_kind(self.estimator, get_tags(self).estimator_type)
        rng = check_random_state(self.random_state)
        if sample_weight is not None:
            sample_weight = column_or_1d(sample_weight, dtype=np.float64)
            check_consistent_length(X, sample_weight)
        y = self._check_y(y)
        self.resampler_ = self._make_resampler()
        weight = sample_weight
        X_fit, y_fit = X, y
        if self.resampler_ is not None:
            metadata = {"X_val": X_val, "y_val": y_val, "groups": groups}
            taken = signature(self.resampler_.fit_resample).parameters
            X_fit, y_fit = self.resampler_.fit_resample(
                X,
                y,
                **{k: v for k, v in metadata.items() if v is not None and k in taken},
            )
            weight = weights_after(
                self.resampler_, sample_weight, _compat.num_samples(X_fit)
            )
        self.n_rows_added_ = _compat.num_samples(X_fit) - _compat.num_samples(X)
        X_fit, y_fit, weight = self._split_soft_labels(X_fit, y_fit, weight)
        self.estimator_ = clone(self._estimator)
        extra = {}
        if X_val is not None and stops_by_held_out_rows(self.estimator_):
            extra = {"X_val": X_val, "y_val": y_val}
        fit_weighted(self.estimator_, X_fit, y_fit, weight, rng, **extra)
        self._take_over_names(self.estimator_)
        return self

    def _make_resampler(self) -> Any:
        """Clone the resampler; let it learn for this estimator unless told another."""
        if self.resampler is None:
            return None
        resampler = clone(self.resampler)
        ours = isinstance(
            resampler,
            BaseMixResampler | BaseMixSampler | LADASelector | BaseAugmenter,
        )
        if getattr(resampler, "task", None) == "auto":
            kind = get_tags(self).estimator_type
            task = "regression" if kind == "regressor" else "classification"
            resampler.set_params(task=task)
        if ours and getattr(resampler, "estimator", self) is None:
            resampler.set_params(estimator=clone(self._estimator))
            try:
                _compat.validate_parameter(resampler, "estimator")
            except ValueError as error:
                raise ValueError(
                    f"{error} {type(self).__name__} gave it its own estimator: pass "
                    f"{type(resampler).__name__} another one."
                ) from error
        return resampler

    def _split_soft_labels(
        self, X: Any, y: Any, weight: NDArray | None
    ) -> tuple[Any, Any, NDArray | None]:
        return X, y, weight

    def __sklearn_tags__(self) -> Any:
        """Take over what the estimator says of its input."""
        tags = super().__sklearn_tags__()
        inner = get_tags(self._estimator)
        tags.target_tags.multi_output = inner.target_tags.multi_output
        tags.input_tags.sparse = inner.input_tags.sparse
        tags.input_tags.allow_nan = inner.input_tags.allow_nan
        if self.resampler is not None:
            outer = get_tags(self.resampler)
            tags.input_tags.sparse &= outer.input_tags.sparse
            tags.input_tags.allow_nan &= outer.input_tags.allow_nan
        return tags


class ResampledRegressor(RegressorMixin, _Resampled):
    """A regressor that is fitted on resampled rows.

    Parameters
    ----------
    estimator : regressor, default=None
        What to fit on the resampled rows; None means
        :class:`~sklearn.linear_model.Ridge`.

    resampler : resampler or None, default=None
        Any object with ``fit_resample``. None fits the rows as they are. A resampler of
        skmix whose own ``estimator`` is None learns what helps this estimator.

    random_state : int, RandomState or None, default=None
        Randomness of the bootstrap by which weights reach an estimator that takes none.

    Attributes
    ----------
    estimator_ : regressor
        The fitted estimator.

    resampler_ : resampler or None
        The fitted resampler: ask it which rows were mixed, and whether that helped.

    n_rows_added_ : int
        Number of rows that the estimator saw beyond those passed.

    n_features_in_ : int
        Number of columns of X, if the estimator tells.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, if the estimator tells.

    See Also
    --------
    ResampledClassifier : The same for classifiers.
    skmix.compare_resamplers : Which resampler to use, if any.

    Notes
    -----
    Predictions never see the resampler. With metadata routing enabled, `X_val`, `y_val`
    and `groups` reach it through a pipeline and a grid search without further requests;
    ``Pipeline(..., transform_input=["X_val"])`` has the steps before transform `X_val`.

    An estimator without ``sample_weight`` is fitted on a bootstrap sample in which rows
    are drawn with probability proportional to their weights.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.ensemble import HistGradientBoostingRegressor
    >>> from sklearn.model_selection import GridSearchCV
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skmix import ResampledRegressor
    >>> from skmix.regression import CMixupResampler
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = ResampledRegressor(HistGradientBoostingRegressor(max_iter=10))
    >>> search = GridSearchCV(
    ...     make_pipeline(StandardScaler(), model),
    ...     {"resampledregressor__resampler": [None, CMixupResampler(random_state=0)]},
    ... )
    >>> search.fit(X, y).predict(X[:2]).shape
    (2,)
    """


class ResampledClassifier(ClassifierMixin, ClassifierDelegate, _Resampled):
    """A classifier that is fitted on resampled rows.

    Parameters
    ----------
    estimator : classifier, default=None
        What to fit on the resampled rows; None means
        :class:`~sklearn.linear_model.LogisticRegression`.

    resampler : resampler or None, default=None
        Any object with ``fit_resample``: those of skmix, and imbalanced-learn's as they
        are. None fits the rows as they are. A resampler of skmix whose own
        ``estimator`` is None learns what helps this estimator.

    random_state : int, RandomState or None, default=None
        Randomness of the bootstrap by which weights reach an estimator that takes none.

    Attributes
    ----------
    estimator_ : classifier
        The fitted estimator.

    classes_ : ndarray of shape (n_classes,)
        Class labels.

    resampler_ : resampler or None
        The fitted resampler: ask it which rows were mixed, and whether that helped.

    n_rows_added_ : int
        Number of rows that the estimator saw beyond those passed.

    n_features_in_ : int
        Number of columns of X, if the estimator tells.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, if the estimator tells.

    See Also
    --------
    ResampledRegressor : The same for regressors.
    skmix.compare_resamplers : Which resampler to use, if any.

    Notes
    -----
    A resampler may leave soft labels in ``soft_labels_``, of shape (n_rows, n_classes)
    and with the classes in sorted order. Classifiers take none; a row is then passed
    once for each class of positive probability, with the probability as its weight.
    For a weighted log loss that is the cross-entropy with the soft label, exactly.

    An estimator without ``sample_weight`` is fitted on a bootstrap sample in which rows
    are drawn with probability proportional to their weights.

    Oversampling shifts the class frequencies that the estimator sees, and with them its
    probabilities: see the user guide on calibration.

    Examples
    --------
    >>> from imblearn.over_sampling import SMOTE
    >>> from sklearn.datasets import load_breast_cancer
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skmix import ResampledClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> smote = SMOTE(random_state=0)
    >>> model = ResampledClassifier(LogisticRegression(), resampler=smote)
    >>> pipeline = make_pipeline(StandardScaler(), model).fit(X, y)
    >>> pipeline[-1].n_rows_added_
    145
    """

    def _check_y(self, y: Any) -> Any:
        y = super()._check_y(y)
        column_or_1d(y, warn=True)
        return y

    def _split_soft_labels(
        self, X: Any, y: Any, weight: NDArray | None
    ) -> tuple[Any, Any, NDArray | None]:
        soft = getattr(self.resampler_, "soft_labels_", None)
        if soft is None:
            return X, y, weight
        row, label = np.nonzero(soft)
        weight = np.ones(len(soft)) if weight is None else weight
        classes = np.unique(np.asarray(y))
        return take_rows(X, row), classes[label], weight[row] * soft[row, label]
