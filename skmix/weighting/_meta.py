"""Estimators that learn the weights of their training rows."""

from __future__ import annotations

import warnings
from typing import Any, NamedTuple

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin, RegressorMixin, clone
from sklearn.model_selection import GroupKFold, KFold
from sklearn.utils import check_random_state, get_tags
from sklearn.utils.validation import column_or_1d

from .._compat import HasMethods, check_sample_weight, fit_context, num_samples
from .._containers import stack_rows, take_rows, wrapped_type
from .._delegates import ClassifierDelegate, Delegate
from .._random import draw_seed
from .._training import seeded
from .._validation import check_kind
from .._weights import fit_weighted
from ..exceptions import JudgementWarning, WeightConcentrationWarning, warn_user
from ._judging import absolute_errors, brier_losses, compare, errors, stratified_folds
from ._learner import SampleWeightLearner

# What the p-value of a gain must be below. A few trusted rows tell little for sure.
GUARD_LEVEL = 0.25
# Fewer than this cannot say whether weights help.
MIN_ROWS_TO_JUDGE = 10
MIN_GROUPS = 4


class _Rows(NamedTuple):
    """Rows to learn from, and validation rows, as the user passed them."""

    X: Any
    y: Any
    X_val: Any
    y_val: Any
    groups: Any
    weight: NDArray[np.float64] | None

    def take(self, rows: NDArray[np.intp]) -> _Rows:
        """Some of the rows to learn from, without validation rows."""
        X, y = take_rows(self.X, rows), take_rows(self.y, rows)
        groups = None if self.groups is None else take_rows(self.groups, rows)
        weight = None if self.weight is None else self.weight[rows]
        return _Rows(X, y, None, None, groups, weight)

    def learn(self, weighter: Any) -> Any:
        """Fit a copy of the weighter."""
        return clone(weighter).fit(
            self.X,
            self.y,
            **{
                name: value
                for name, value in (
                    ("X_val", self.X_val),
                    ("y_val", self.y_val),
                    ("groups", self.groups),
                    ("sample_weight", self.weight),
                )
                if value is not None
            },
        )

    def scaled(self, learned: NDArray[np.float64]) -> NDArray[np.float64]:
        """Learned weights with the mean of those that were given."""
        return learned if self.weight is None else learned * self.weight.mean()

    def with_weights(
        self, weight: NDArray[np.float64] | None
    ) -> tuple[Any, Any, NDArray[np.float64] | None]:
        """All rows to train on: validation rows stand last, at weight 1."""
        if self.X_val is None:
            return self.X, self.y, weight
        if weight is not None:
            weight = np.append(weight, np.ones(num_samples(self.X_val)))
        X, y = stack_rows(self.X, self.X_val), stack_rows(self.y, self.y_val)
        return X, y, weight


class _LearnedWeight(Delegate):
    """Learns weights of the rows, then fits the estimator with them."""

    _parameter_constraints = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "weighter": [HasMethods(["fit"]), None],
        "guard": ["boolean"],
        "random_state": ["random_state"],
    }
    # Requested by default: a pipeline passes them on once metadata routing is enabled.
    __metadata_request__fit = {"X_val": True, "y_val": True, "groups": True}

    _task: str

    def __init__(
        self,
        estimator: Any = None,
        *,
        weighter: Any = None,
        guard: bool = True,
        random_state: int | RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.weighter = weighter
        self.guard = guard
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=False)
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
        """Learn the weights of rows, and fit the estimator with them.

        Parameters
        ----------
        X : {array-like, data frame} of shape (n, p)
            Training rows, of numbers.

        y : {array-like, series, data frame} of shape (n,) or (n, t)
            Labels.

        X_val : {array-like, data frame} of shape (v, p), default=None
            Validation rows with labels that can be trusted. The estimator is trained
            on them, too, at weight 1.

        y_val : {array-like, series, data frame} of shape (v,) or (v, t), default=None
            Labels of the validation rows.

        groups : array-like of shape (n,), default=None
            Groups of rows that are not taken apart where a share of them judges.

        sample_weight : array-like of shape (n,), default=None
            Weights of the rows; learned ones multiply them.

        Returns
        -------
        self : estimator
            The fitted estimator.

        Raises
        ------
        ValueError
            If the estimator is for the other kind of labels, or if rows, labels or
            weights cannot be used.
        """
        check_kind(self.estimator, get_tags(self).estimator_type)
        y = self._check_y(y)
        rng = check_random_state(self.random_state)
        weighter = self._make_weighter(draw_seed(rng))
        weight = sample_weight
        if weight is not None:
            weight = check_sample_weight(
                weight, X, dtype=np.float64, ensure_non_negative=True
            )
        if X_val is not None and y_val is not None:
            if wrapped_type(X) is not wrapped_type(X_val):
                raise ValueError(
                    f"X_val is a {type(X_val).__name__} and X a {type(X).__name__}: "
                    "pass both in the same container."
                )
            if np.asarray(y).ndim == 1:
                # One behind the other, whatever both came in.
                y, y_val = np.asarray(y), column_or_1d(np.asarray(y_val))
        rows = _Rows(X, y, X_val, y_val, groups, weight)
        self.weighter_ = rows.learn(weighter)
        if self.guard and getattr(self.weighter_, "_interrupted", False):
            self._give_up("an interrupted fit leaves no time")
        elif self.guard:
            self._judge(rows, weighter, rng)
        else:
            self.accepted_ = True
            self.best_score_ = self.baseline_score_ = float("nan")
            self.chosen_ = "Learned weights; not judged, as guard=False."
        if self.accepted_:
            weight = rows.scaled(self.weighter_.sample_weight_)
        self.sample_weight_ = np.ones(num_samples(X)) if weight is None else weight
        self.estimator_ = fit_weighted(
            clone(self._estimator), *rows.with_weights(weight), rng
        )
        self._take_over_names(self.weighter_)
        return self

    def _make_weighter(self, seed: int) -> Any:
        """Copy the weighter; what it leaves open is as this estimator has it."""
        weighter = SampleWeightLearner() if self.weighter is None else self.weighter
        weighter = seeded(clone(weighter), weighter, seed)
        if isinstance(weighter, SampleWeightLearner):
            if weighter.task == "auto":
                weighter.set_params(task=self._task)
            if weighter.estimator is None:
                weighter.set_params(estimator=clone(self._estimator))
        return weighter

    def _judge(self, rows: _Rows, weighter: Any, rng: RandomState) -> None:
        """Accept weights if they help on trusted rows that did not teach them.

        The trusted rows are halved; each half is predicted by what was learned with the
        other as validation rows.
        """
        n_rows = num_samples(rows.X)
        all_rows = np.arange(n_rows)
        given = rows.X_val is not None
        of_all = getattr(weighter, "validation", None)
        is_split = hasattr(of_all, "split") or not hasattr(weighter, "validation")
        trusted = all_rows
        if given:
            trusted = np.arange(num_samples(rows.X_val))
        elif not is_split:
            trusted = self.weighter_.validation_indices_
        if len(trusted) < MIN_ROWS_TO_JUDGE:
            self._give_up(f"{len(trusted)} validation rows are too few")
            return
        y_trusted = take_rows(rows.y_val if given else rows.y, trusted)
        seed = draw_seed(rng)
        named = given or np.ndim(of_all) == 1
        losses = np.empty((2, len(trusted)))
        halves = self._halves(y_trusted, draw_seed(rng))
        if rows.groups is not None and not given:
            of_trusted = np.asarray(take_rows(rows.groups, trusted))
            n_groups = len(np.unique(of_trusted))
            if n_groups < MIN_GROUPS:
                self._give_up(f"the rows of {n_groups} groups are too few")
                return
            halves = GroupKFold(2).split(trusted, groups=of_trusted)
        for mine, others in halves:
            teach, test = trusted[mine], trusted[others]
            if given:
                part = rows._replace(
                    X_val=take_rows(rows.X_val, teach),
                    y_val=take_rows(rows.y_val, teach),
                )
                X_test = take_rows(rows.X_val, test)
                learner = weighter
            else:
                stay = np.setdiff1d(all_rows, test)
                part, X_test = rows.take(stay), take_rows(rows.X, test)
                learner = weighter
                if not is_split:
                    learner = clone(weighter).set_params(
                        validation=np.isin(stay, teach)
                    )
            if hasattr(learner, "set_callbacks"):
                # They are for the fit that the user asked for.
                learner = clone(learner)
                learner.set_callbacks()
            with warnings.catch_warnings():
                # Half of the rows warn where all did not; all have warned already.
                warnings.simplefilter("ignore", JudgementWarning)
                warnings.simplefilter("ignore", WeightConcentrationWarning)
                learned = part.scaled(part.learn(learner).sample_weight_)
            y_test = take_rows(y_trusted, others)
            for place, weight in enumerate([learned, part.weight]):
                model = seeded(clone(self._estimator), self._estimator, seed)
                fit_weighted(model, *part.with_weights(weight), RandomState(seed))
                losses[place, others] = self._losses(model, X_test, y_test, named)
        self.accepted_, self.best_score_, self.baseline_score_, numbers = compare(
            *losses,
            GUARD_LEVEL,
            self._loss_name(named),
            "with learned weights",
            "without",
        )
        verdict = "Learned weights" if self.accepted_ else "Weights as they were"
        self.chosen_ = f"{verdict}. {numbers}"

    def _give_up(self, why: str) -> None:
        self.accepted_ = False
        self.best_score_ = self.baseline_score_ = float("nan")
        self.chosen_ = (
            f"Weights as they were: {why} to judge whether learned ones help."
        )
        warn_user(self.chosen_, JudgementWarning)

    def __sklearn_tags__(self) -> Any:
        """Take over what the estimator says of its targets."""
        tags = super().__sklearn_tags__()
        inner = get_tags(self._estimator)
        tags.target_tags.multi_output = inner.target_tags.multi_output
        tags.input_tags.sparse = tags.input_tags.allow_nan = False
        return tags


class LearnedWeightRegressor(RegressorMixin, _LearnedWeight):
    """A regressor that is fitted with learned weights of its rows.

    Parameters
    ----------
    estimator : regressor, default=None
        What is fitted; None means :class:`~sklearn.linear_model.Ridge`. One that
        takes no ``sample_weight`` is fitted on a bootstrap sample in which rows are
        drawn in proportion to their weights.

    weighter : estimator, default=None
        Learns the weights: any estimator with ``sample_weight_`` after ``fit``. None
        means :class:`SampleWeightLearner`.

    guard : bool, default=True
        Whether weights are kept only if they help on trusted rows that did not teach
        them; otherwise the estimator is fitted without.

    random_state : int, RandomState or None, default=None
        Randomness of the halves by which the guard judges, of a bootstrap, and of a
        `weighter` that has none of its own.

    Attributes
    ----------
    estimator_ : regressor
        The fitted estimator.

    weighter_ : estimator
        The fitted weighter.

    sample_weight_ : ndarray of shape (n,)
        The weights that the estimator was fitted with.

    accepted_ : bool
        Whether these are the learned ones.

    best_score_, baseline_score_ : float
        Minus the mean loss on the trusted rows, with learned weights and without; NaN
        where there was no judgement.

    chosen_ : str
        The decision in words, and what it rests on.

    n_features_in_ : int
        Number of columns of X, if the weighter tells.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, if the weighter tells.

    Warns
    -----
    JudgementWarning
        If there are fewer than ten trusted rows to judge by.

    See Also
    --------
    SampleWeightLearner : The weights by themselves.
    skmix.ResampledRegressor : The same for resamplers.

    Notes
    -----
    Validation rows are trained on, too, at weight 1: without that, weights would have
    to make up for rows that are missing. The baseline has them as well.

    The guard halves the trusted rows: those passed as `X_val`, or the weighter's
    validation rows, or, where it cross-fits, all. Each half is predicted by an
    estimator fitted with the weights that the other half taught, and by one fitted
    without. The loss is the absolute error. The learned weights are kept if the mean
    loss is smaller, and a signed-rank test says so at 0.25. That takes the time of two
    further fits of the weighter, and of four of the estimator.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import LinearRegression
    >>> from skmix.weighting import LearnedWeightRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> noisy = y[:300] + 300 * (np.random.RandomState(0).rand(300) < 0.3)
    >>> model = LearnedWeightRegressor(LinearRegression(), random_state=0)
    >>> model = model.fit(X[:300], noisy, X_val=X[300:360], y_val=y[300:360])
    >>> model.accepted_, model.score(X[360:], y[360:]) > 0.4
    (True, True)
    """

    _task = "regression"

    def _halves(self, y: Any, seed: int) -> Any:
        rows = np.empty(num_samples(y))
        return KFold(2, shuffle=True, random_state=seed).split(rows)

    @staticmethod
    def _loss_name(named: bool) -> str:
        return "absolute error"

    def _losses(self, model: Any, X: Any, y: Any, named: bool) -> NDArray[np.float64]:
        return absolute_errors(model, X, y)


class LearnedWeightClassifier(ClassifierMixin, ClassifierDelegate, _LearnedWeight):
    """A classifier that is fitted with learned weights of its rows.

    Parameters
    ----------
    estimator : classifier, default=None
        What is fitted; None means :class:`~sklearn.linear_model.LogisticRegression`.
        One that takes no ``sample_weight`` is fitted on a bootstrap sample in which
        rows are drawn in proportion to their weights.

    weighter : estimator, default=None
        Learns the weights: any estimator with ``sample_weight_`` after ``fit``. None
        means :class:`SampleWeightLearner`.

    guard : bool, default=True
        Whether weights are kept only if they help on trusted rows that did not teach
        them; otherwise the estimator is fitted without.

    random_state : int, RandomState or None, default=None
        Randomness of the halves by which the guard judges, of a bootstrap, and of a
        `weighter` that has none of its own.

    Attributes
    ----------
    estimator_ : classifier
        The fitted estimator.

    weighter_ : estimator
        The fitted weighter.

    sample_weight_ : ndarray of shape (n,)
        The weights that the estimator was fitted with.

    accepted_ : bool
        Whether these are the learned ones.

    best_score_, baseline_score_ : float
        Minus the mean loss on the trusted rows, with learned weights and without; NaN
        where there was no judgement.

    chosen_ : str
        The decision in words, and what it rests on.

    classes_ : ndarray of shape (n_classes,)
        Class labels.

    n_features_in_ : int
        Number of columns of X, if the weighter tells.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, if the weighter tells.

    Warns
    -----
    JudgementWarning
        If there are fewer than ten trusted rows to judge by.

    See Also
    --------
    SampleWeightLearner : The weights by themselves.
    skmix.ResampledClassifier : The same for resamplers.

    Notes
    -----
    Validation rows are trained on, too, at weight 1: without that, weights would have
    to make up for rows that are missing. The baseline has them as well.

    The guard halves the trusted rows: those passed as `X_val`, or the weighter's
    validation rows, or, where it cross-fits, all. Each half is predicted by an
    estimator fitted with the weights that the other half taught, and by one fitted
    without. The loss is that of Brier where you name the rows, by `X_val` or by places,
    and the share of errors where they are any of the rows, as labels that are wrong at
    random prefer probabilities that are as uncertain. The learned weights are kept if
    the mean loss is smaller, and a signed-rank test says so at 0.25. That takes the
    time of two further fits of the weighter, and of four of the estimator.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_digits
    >>> from sklearn.linear_model import LogisticRegression
    >>> from sklearn.preprocessing import StandardScaler
    >>> from skmix.weighting import LearnedWeightClassifier
    >>> X, y = load_digits(return_X_y=True)
    >>> rng = np.random.RandomState(0)
    >>> noisy = np.where(rng.rand(600) < 0.4, rng.randint(10, size=600), y[:600])
    >>> linear = LogisticRegression(max_iter=300)
    >>> model = LearnedWeightClassifier(linear, random_state=0)
    >>> X = StandardScaler().fit_transform(X)
    >>> model = model.fit(X[:600], noisy, X_val=X[600:700], y_val=y[600:700])
    >>> model.accepted_
    True
    >>> model.score(X[700:], y[700:]) > 0.8
    True
    """

    _task = "classification"

    def _check_y(self, y: Any) -> Any:
        y = super()._check_y(y)
        shape = np.asarray(y).shape
        several = get_tags(self._estimator).target_tags.multi_output
        if several and len(shape) == 2 and shape[1] > 1:
            return y
        flat = column_or_1d(y, warn=True)
        return flat if len(shape) == 2 else y

    def _halves(self, y: Any, seed: int) -> Any:
        return stratified_folds(y, 2, seed)

    def _loss_name(self, named: bool) -> str:
        proper = named and hasattr(self._estimator, "predict_proba")
        return "Brier loss" if proper else "error rate"

    def _losses(self, model: Any, X: Any, y: Any, named: bool) -> NDArray[np.float64]:
        return brier_losses(model, X, y) if named else errors(model, X, y)
