"""The honest comparison: resamplers against the untouched data, on equal splits."""

from __future__ import annotations

import warnings
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import product
from numbers import Integral
from time import perf_counter
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import check_scoring
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
    check_cv,
)
from sklearn.utils import check_random_state, indexable
from sklearn.utils.multiclass import type_of_target
from sklearn.utils.parallel import delayed

from ._arms import check_estimators, name_all, untouched_first
from ._comparison import ResamplerComparison
from ._containers import take_rows
from ._controls import make_controls
from ._paired import corrected_paired_difference, mean_of_known
from ._random import draw_seed
from ._scoring import of_all_classes
from ._training import fits_at_a_time
from .compose import ResampledClassifier, ResampledRegressor

__all__ = ["ResamplerComparison", "compare_resamplers", "corrected_paired_difference"]

_REPEATS = 2


_REGRESSION_SCORING = ("neg_root_mean_squared_error",)
# The last two tell what oversampling does to probabilities.
_CLASSIFICATION_SCORING = ("f1_macro", "roc_auc_ovr", "neg_log_loss", "neg_brier_score")


def compare_resamplers(
    estimators: Any,
    X: Any,
    y: Any,
    resamplers: Any,
    *,
    controls: bool = True,
    cv: Any = None,
    scoring: Any = None,
    groups: ArrayLike | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
    random_state: int | RandomState | None = None,
) -> ResamplerComparison:
    """Compare resamplers with each other and with the untouched data.

    Every estimator is fitted with every resampler, and with none, on the same splits
    and from the same seeds. A resampler sees training rows only.

    Parameters
    ----------
    estimators : estimator, list of estimators or dict of name to estimator
        All regressors, or all classifiers.

    X : {array-like, sparse matrix, data frame} of shape (n, p)
        Rows.

    y : {array-like, series, data frame} of shape (n,) or (n, t)
        Labels.

    resamplers : resampler, list of resamplers or dict of name to resampler
        Any estimators with ``fit_resample``: those of skmix, and imbalanced-learn's as
        they are. None stands for the untouched data, which is always the first row of
        the comparison, named "none", whether it is given or not.

    controls : bool, default=True
        Whether classifiers are also compared with two rivals that need no new rows.
        They stand last. "class weights" weighs each row by the inverse of the frequency
        of its class. "tuned threshold" moves the threshold between two classes, by
        :class:`~sklearn.model_selection.TunedThresholdClassifierCV` on the training
        rows; it is left out where there are more classes. Regressors have no controls.

    cv : int, splitter or iterable of (train, test), default=None
        An int is the number of shuffled folds, made twice; None is 5. The folds are
        stratified by class, and keep groups together where there are any. A splitter
        or an iterable is used as it is.

    scoring : str, callable, list of str or dict of name to str or callable, \
            default=None
        Scorers, greater is better. The first is the primary one. None is
        "neg_root_mean_squared_error" for regressors; for classifiers "f1_macro",
        "roc_auc_ovr", "neg_log_loss" and "neg_brier_score".

    groups : array-like of shape (n,), default=None
        Rows of one group are never on both sides of a split, and are passed on to
        resamplers that take groups.

    n_jobs : int, default=None
        Number of fits at a time; -1 uses all processors. Scores do not depend on it.

    verbose : int, default=0
        How much joblib reports on the way; 0 is silent.

    random_state : int, RandomState or None, default=None
        Randomness of the folds, and of every `random_state` parameter that is None in
        an estimator or a resampler, nested ones included. Other values are kept.

    Returns
    -------
    comparison : ResamplerComparison
        Scores, times and verdict.

    Raises
    ------
    TypeError
        If something passed is no estimator, or no resampler.

    ValueError
        If regressors and classifiers are mixed, if a resampler has the name of the
        untouched data or of a control, if a scorer is unknown, or if every fit failed.

    Warns
    -----
    FitFailedWarning
        If some fits failed; their scores are NaN.

    UserWarning
        If some fits could not be scored, for example on probabilities that the
        estimator does not have; these scores are NaN.

    SharedDeviceWarning
        If ``n_jobs`` lets several fits of an estimator share one GPU.

    See Also
    --------
    skmix.plotting.ComparisonDisplay : Draws the differences to the untouched data.
    skmix.ResampledRegressor : What is fitted here.

    Notes
    -----
    The cost is one fit for each estimator, resampler and split; with the default `cv`,
    10 of them for a pair. What a resampler fits itself comes on top, with
    :class:`~skmix.imbalance.MixAnNSampler` up to 40 fits in each. Controls cost up to
    seven fits more for each estimator and split, one for the weights, six for the
    threshold; and of the latter a hundred thresholds are scored in each of five folds,
    which takes about a second, and more than quick fits do.

    Class weights are ``class_weight="balanced"`` where the estimator has this
    parameter; else ``sample_weight``; else ``class_weight="balanced"`` in the
    estimators within; else a bootstrap sample in proportion to the weights. In a
    pipeline this is done to the last step.

    The threshold is tuned for the first of the scorers that judges predicted labels,
    for "f1_macro" if none does, on five folds that keep groups together. It stays where
    it was if the predictions for a fold are all alike. Where no estimator has
    ``predict_proba`` or ``decision_function`` this control is left out; where some have
    none, it fails for them.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.neighbors import KNeighborsRegressor
    >>> from skmix import compare_resamplers
    >>> from skmix.regression import CMixupResampler, MixupResampler
    >>> X, y = load_diabetes(return_X_y=True)
    >>> comparison = compare_resamplers(
    ...     KNeighborsRegressor(),
    ...     X,
    ...     y,
    ...     [MixupResampler(), CMixupResampler()],
    ...     scoring="r2",
    ...     random_state=0,
    ... )
    >>> comparison.scores_["r2"].shape
    (1, 3, 10)
    >>> print(comparison.summary())
    KNeighborsRegressor: leave the data as they are. No resampler beats them in r2 by
    more than two standard errors.
    """
    estimators = name_all(estimators)
    resamplers = untouched_first(name_all(resamplers))
    classify = check_estimators(estimators)
    X, y, groups = indexable(X, y, groups)
    groups = None if groups is None else np.asarray(groups)
    scorers = _check_scoring(scoring, next(iter(estimators.values())), classify)
    rng = check_random_state(random_state)
    splits = _split(cv, X, y, groups, classify, rng)
    seeds = [draw_seed(rng) for _ in splits]
    resampled = ResampledClassifier if classify else ResampledRegressor
    arms = {name: (resampled, resampler) for name, resampler in resamplers.items()}
    rivals = make_controls(estimators, y, scorers) if controls and classify else {}
    for name in arms.keys() & rivals.keys():
        raise ValueError(f'The name "{name}" is taken by a control: choose another.')
    arms |= rivals
    fits = fits_at_a_time(n_jobs, *estimators.values(), verbose=verbose)(
        delayed(_fit_and_score)(
            X, y, groups, *split, wrapper, estimator, resampler, seed, scorers
        )
        for estimator, (wrapper, resampler), (split, seed) in product(
            estimators.values(), arms.values(), zip(splits, seeds, strict=True)
        )
    )
    if all(None in fit.errors for fit in fits):
        raise ValueError(
            f"All {len(fits)} fits failed. The first: {fits[0].errors[None]}"
        )
    _warn_of_failures(fits, list(product(estimators, arms, range(len(splits)))))

    def by_arm(values: list) -> NDArray[np.float64]:
        return np.array(values, float).reshape(len(estimators), len(arms), -1)

    return ResamplerComparison(
        scores_={name: by_arm([fit.scores[name] for fit in fits]) for name in scorers},
        estimator_names=list(estimators),
        resampler_names=list(arms),
        fit_time_=by_arm([fit.time for fit in fits]),
        rows_added_=by_arm([fit.rows_added for fit in fits]),
        accepted_=np.apply_along_axis(
            mean_of_known, -1, by_arm([fit.accepted for fit in fits])
        ),
        test_train_ratio_=float(np.mean([len(b) / len(a) for a, b in splits])),
        control_names=list(rivals),
    )


@dataclass
class _Fit:
    """What came of one fit."""

    scores: dict[str, float]
    time: float = np.nan
    rows_added: float = np.nan
    accepted: float = np.nan
    # By metric; the key None stands for the fit itself.
    errors: dict[str | None, str] = field(default_factory=dict)


def _fit_and_score(
    X: Any,
    y: Any,
    groups: NDArray | None,
    train: NDArray[np.intp],
    test: NDArray[np.intp],
    wrapper: Callable,
    estimator: Any,
    resampler: Any,
    seed: int,
    scorers: dict[str, Callable],
) -> _Fit:
    # Rows are arguments of their own: they travel to other processes once for all fits.
    # The same seeds for all arms, and others for the estimator than for the resampler.
    rng = RandomState(seed)
    model = wrapper(
        _clone_with_seeds(estimator, RandomState(draw_seed(rng))),
        resampler=_clone_with_seeds(resampler, RandomState(draw_seed(rng))),
        random_state=draw_seed(rng),
    )
    fit = _Fit(scores=dict.fromkeys(scorers, np.nan))
    X_train, y_train = take_rows(X, train), take_rows(y, train)
    start = perf_counter()
    try:
        model.fit(X_train, y_train, groups=None if groups is None else groups[train])
    except Exception as error:
        fit.errors[None] = repr(error)
        return fit
    fit.time = perf_counter() - start
    fit.rows_added = model.n_rows_added_
    fit.accepted = getattr(model.resampler_, "accepted_", np.nan)
    judged = np.isfinite(getattr(model.resampler_, "best_score_", 0.0))
    if fit.accepted and not (judged and getattr(model.resampler_, "guard", True)):
        fit.accepted = np.nan  # mixed as it was told to
    X_test, y_test = take_rows(X, test), take_rows(y, test)
    for metric, scorer in scorers.items():
        try:
            fit.scores[metric] = float(scorer(model, X_test, y_test))
        except Exception as error:
            fit.errors[metric] = repr(error)
    return fit


def _clone_with_seeds(estimator: Any, rng: RandomState) -> Any:
    """Clone an estimator, with a seed wherever its random_state is None."""
    if estimator is None:
        return None
    estimator = clone(estimator)
    seeds = {
        name: draw_seed(rng)
        for name, value in sorted(estimator.get_params().items())
        if name.split("__")[-1] == "random_state" and value is None
    }
    return estimator.set_params(**seeds)


def _check_scoring(scoring: Any, estimator: Any, classify: bool) -> dict[str, Callable]:
    if scoring is None:
        scoring = _CLASSIFICATION_SCORING if classify else _REGRESSION_SCORING
    if isinstance(scoring, str):
        scoring = [scoring]
    if callable(scoring):
        scoring = {getattr(scoring, "__name__", "score"): scoring}
    if not isinstance(scoring, Mapping):
        scoring = {name: name for name in scoring}
    if not scoring or not all(isinstance(name, str) for name in scoring):
        raise ValueError(
            "scoring must be a scorer, a list of names of scorers or a dict of name to "
            f"scorer, got {scoring!r}."
        )
    return {
        name: check_scoring(estimator, scoring=of_all_classes(scorer))
        for name, scorer in scoring.items()
    }


def _split(
    cv: Any, X: Any, y: Any, groups: NDArray | None, classify: bool, rng: RandomState
) -> list[tuple[NDArray[np.intp], NDArray[np.intp]]]:
    if cv is not None and not isinstance(cv, Integral):
        return list(check_cv(cv).split(X, y, groups))
    stratify = classify and type_of_target(y) in ("binary", "multiclass")
    folds = {
        (False, False): KFold,
        (False, True): GroupKFold,
        (True, False): StratifiedKFold,
        (True, True): StratifiedGroupKFold,
    }[stratify, groups is not None]
    return [
        split
        for _ in range(_REPEATS)
        for split in folds(
            5 if cv is None else cv, shuffle=True, random_state=draw_seed(rng)
        ).split(X, y, groups)
    ]


def _warn_of_failures(fits: list[_Fit], arms: list[tuple[str, str, int]]) -> None:
    """Warn once for each estimator and resampler, or metric, that failed."""
    failures = defaultdict(list)
    for fit, (estimator, resampler, split) in zip(fits, arms, strict=True):
        for metric, error in fit.errors.items():
            what = resampler if metric is None else metric
            failures[estimator, what, metric is None].append((resampler, split, error))
    for (estimator, what, in_fit), cases in failures.items():
        resampler, split, error = cases[0]
        where = ", ".join(dict.fromkeys(str(case[1]) for case in cases))
        if in_fit:
            text = f"{estimator} with {what} could not be fitted in splits {where}"
        else:
            text = f"{estimator} could not be scored by {what} in splits {where}"
        warnings.warn(
            f"{text}; the scores are NaN. The first error, with {resampler} in split "
            f"{split}: {error}",
            FitFailedWarning if in_fit else UserWarning,
            stacklevel=3,
        )
