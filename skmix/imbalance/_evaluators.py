"""How a classifier predicts held-out rows when it is trained on rows and mixes."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy, deepcopy
from dataclasses import replace
from time import perf_counter
from typing import Any, Protocol

import numpy as np
from joblib import effective_n_jobs
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.neighbors import KNeighborsClassifier, NearestNeighbors
from sklearn.utils.parallel import delayed

from .._columns import Columns
from .._core.mixing import interpolate
from .._core.neighbors import FloatArray, IntArray, nearest_rows
from .._core.segments import Segments
from .._core.votes import NeighborVotes
from .._data import PutTogether, Rest
from .._training import fits_at_a_time, interrupts_raised
from ..base import Mixes, ResamplingData
from ._ground import N_NEAR, Fold, Ground
from ._judge import response_of, with_labels
from ._policy import Policy


class Evaluator(Protocol):
    """Predicts the held-out rows of all folds of a repeat."""

    folds: Sequence[Fold]

    def predict(self, policy: Policy | None, repeat: int, seed: int) -> FloatArray:
        """Train on rows and the mixes of a policy, and predict what is held out.

        Parameters
        ----------
        policy : Policy or None
            What makes the mixes; None for the rows as they are.

        repeat : int
            Which split of the rows.

        seed : int
            Randomness of the mixes.

        Returns
        -------
        predicted : ndarray of shape (v, n_classes + 1)
            For the rows that are judged by: a number to each class and the place of the
            predicted one; NaN for those that no fold holds out.
        """


def draw_fold(ground: Ground, policy: Policy, fold: Fold, seed: int) -> Mixes:
    """Mix the training rows of a fold."""
    return ground.mix(policy, RandomState(seed), fold.train)


class Coordinates:
    """Where rows and mixes lie for whoever compares them.

    Parameters
    ----------
    data : ResamplingData
        Training rows, and held-out rows where the user passed some.

    encoded : bool
        Whether columns are standardised and categories become indicators; else the
        numbers are taken as they are.
    """

    def __init__(self, data: ResamplingData, encoded: bool) -> None:
        self.data, self.encoded = data, encoded
        self.Z = data.Z if encoded else _numbers(data.columns)
        self.Z_judged = self.Z
        if data.columns_val is not None:
            self.Z_judged = data.Z_val if encoded else _numbers(data.columns_val)
        # What is standardised can be interpolated after as well as before.
        columns = data.columns
        self.linear = not columns.categories.shape[1] and not columns.is_integer.any()

    def of(self, mixes: Mixes) -> FloatArray:
        """Place mixes.

        Parameters
        ----------
        mixes : Mixes
            Which rows are mixed.

        Returns
        -------
        Z : ndarray of shape (m, p)
            Their coordinates.
        """
        if not len(mixes):
            return np.empty((0, self.Z.shape[1]))
        parents = (mixes.first, mixes.second, mixes.weight)
        if self.linear:
            return interpolate(self.Z, *parents)
        source, values = self.data.columns.mix(*parents)
        if not self.encoded:
            return values
        return self.data.encoder(self.data.columns, source, values)


def _numbers(columns: Columns) -> FloatArray:
    return columns.values.astype(np.float64, copy=False)


class NeighborEvaluator:
    """Votes of the k nearest rows, kept up to date without a refit.

    Parameters
    ----------
    ground : Ground
        The rows.

    folds : sequence of Fold
        What is trained on and what is predicted.

    coordinates : Coordinates
        Where rows and mixes lie.

    k : int
        Number of votes.
    """

    def __init__(
        self, ground: Ground, folds: Sequence[Fold], coordinates: Coordinates, k: int
    ) -> None:
        self.ground, self.folds, self.coordinates, self.k = (
            ground,
            folds,
            coordinates,
            k,
        )
        self.near = ground.near
        n_near = min(N_NEAR + 2 * k, len(coordinates.Z) - 1)
        if not coordinates.encoded:
            # For a classifier that itself finds all of them.
            search = ground.search or NearestNeighbors()
            self.near = nearest_rows(coordinates.Z, n_near, search)
        elif k > N_NEAR // 2:
            self.near = nearest_rows(coordinates.Z, n_near, ground.search)
        self.votes: dict[int, NeighborVotes] = {}
        self.segments: dict[int, Segments] = {}
        self.same_pairs = False

    def expect_same_pairs(self) -> None:
        """Prepare for policies that mix the same pairs of the first split each time."""
        # What is rounded does not lie between its parents.
        self.same_pairs = self.coordinates.linear

    def predict(self, policy: Policy | None, repeat: int, seed: int) -> FloatArray:
        """Train on rows and the mixes of a policy; see `Evaluator`."""
        n_judged, n_classes = len(self.coordinates.Z_judged), len(self.ground.classes)
        predicted = np.full((n_judged, n_classes + 1), np.nan)
        for place, fold in enumerate(self.folds):
            if fold.repeat != repeat:
                continue
            untouched = self.votes_without_mixes(place)
            votes = untouched.votes
            if policy is not None:
                mixes = draw_fold(self.ground, policy, fold, seed + place)
                Z = self.coordinates.of(mixes)
                pairs = self._pairs(place, mixes) if repeat == 0 else None
                votes = untouched.votes_with(Z, mixes.target, pairs)
            predicted[fold.test] = with_labels(votes / votes[0].sum())
        return predicted

    def _pairs(self, place: int, mixes: Mixes) -> tuple[NDArray, IntArray] | None:
        """Held-out rows of a fold that mixes may be near to, if they are followed."""
        if not self.same_pairs:
            return None
        if place not in self.segments:
            votes = self.votes_without_mixes(place)
            self.segments[place] = Segments(votes, self.coordinates.Z)
        return self.segments[place].pairs(mixes.first, mixes.second)

    def votes_without_mixes(self, place: int) -> NeighborVotes:
        """Votes of the rows of a fold as they are; counted when first asked for.

        Parameters
        ----------
        place : int
            Which fold.

        Returns
        -------
        votes : NeighborVotes
            They must not be changed.
        """
        if place not in self.votes:
            fold, Z = self.folds[place], self.coordinates.Z
            rows = fold.train_rows
            self.votes[place] = NeighborVotes(
                Z[rows],
                self.ground.codes[rows],
                self.coordinates.Z_judged,
                len(self.ground.classes),
                self.k,
                self._neighbors(fold),
                fold.test,
            )
        return self.votes[place]

    def _neighbors(self, fold: Fold) -> IntArray | None:
        """Nearest training rows of a fold, as far as those of all rows tell."""
        if self.ground.data.X_val is not None:
            return None
        near = self.near[fold.test]
        outside = ~fold.train[near]
        k = min(self.k, int(fold.train.sum()))
        if k > near.shape[1] or (outside.sum(axis=1) > near.shape[1] - k).any():
            return None
        # Those that are trained on first, still in order of distance.
        order = np.argsort(outside, axis=1, kind="stable")[:, :k]
        return (np.cumsum(fold.train) - 1)[np.take_along_axis(near, order, axis=1)]


def is_exact(estimator: Any, data: ResamplingData) -> bool:
    """Tell whether a classifier is what `NeighborEvaluator` computes.

    Parameters
    ----------
    estimator : classifier
        What is asked about.

    data : ResamplingData
        What it would be fitted to.

    Returns
    -------
    exact : bool
        Whether it counts the votes of nearest rows by Euclidean distance.
    """
    return (
        type(estimator) is KNeighborsClassifier
        and estimator.weights == "uniform"
        and (
            estimator.metric == "euclidean"
            or (estimator.metric == "minkowski" and estimator.p == 2)
        )
        and not estimator.metric_params
        and not data.columns.categories.shape[1]
    )


class RefitEvaluator:
    """Any classifier, trained anew for each policy and fold.

    Parameters
    ----------
    ground : Ground
        The rows.

    folds : sequence of Fold
        What is trained on and what is predicted, in one split of the rows.

    estimator : classifier
        What is trained, with seeds in place.

    put_together : callable
        Makes rows of training rows and mixes, as the user would have passed them.

    n_jobs : int or None
        Number of fits at a time.

    Attributes
    ----------
    seconds : float
        What one of the latest took.
    """

    def __init__(
        self,
        ground: Ground,
        folds: Sequence[Fold],
        estimator: BaseEstimator,
        put_together: PutTogether,
        n_jobs: int | None,
    ) -> None:
        self.ground, self.folds, self.estimator = ground, folds, estimator
        self.put_together, self.response = put_together, response_of(estimator)
        self.parallel = fits_at_a_time(n_jobs, estimator)
        self.seconds = 0.0
        self.is_warm = False
        # Fitted to the rows of each fold as they are.
        self.models: list[Any] = []
        # Of the first of them, where it has been timed.
        self.first: list[tuple[Any, FloatArray, float]] = []

    def warm(self) -> RefitEvaluator:
        """Make an evaluator that goes on from the fits to the rows as they are.

        One pass over rows and mixes, with ``partial_fit``, is all that a policy then
        costs.

        Returns
        -------
        evaluator : RefitEvaluator
            It needs those fits: a prediction without policy must have been made.
        """
        twin = copy(self)
        twin.is_warm = True
        return twin

    def predict(self, policy: Policy | None, repeat: int, seed: int) -> FloatArray:
        """Train on rows and the mixes of a policy; see `Evaluator`."""
        done = self.first if policy is None else []
        places = range(len(done), len(self.folds))
        results = done + self._fit_predict(places, policy, seed)
        models, predictions, seconds = zip(*results, strict=True)
        if policy is None:
            self.models = list(models)
        self.seconds = float(np.mean(seconds))
        data = self.ground.data
        n_judged = len(data) if data.X_val is None else len(data.X_val)
        predicted = np.full((n_judged, len(self.ground.classes) + 1), np.nan)
        for fold, of_fold in zip(self.folds, predictions, strict=True):
            predicted[fold.test] = of_fold
        return predicted

    def seconds_to_decide(self) -> float:
        """Estimate what it takes to fit with a policy, and as the rows are before that.

        Returns
        -------
        seconds : float
            By those of a fit to the rows of the first fold, which is kept.
        """
        n_folds, n_before = len(self.folds), 0
        if not self.models:
            self.first = self.first or self._fit_predict(range(1), None, 0)
            self.seconds, n_before = self.first[0][2], n_folds - 1
        at_a_time = effective_n_jobs(self.parallel.n_jobs)
        n_rows = np.mean([fold.train.sum() for fold in self.folds])
        ground = self.ground
        n_mixes = sum(min(n, ground.max_mixes) for n in ground.asked.values())
        turns = np.ceil(n_before / at_a_time)
        turns += np.ceil(n_folds / at_a_time) * (1 + n_mixes / n_rows)
        return float(turns * self.seconds)

    def _fit_predict(
        self, places: Sequence[int], policy: Policy | None, seed: int
    ) -> list[tuple[Any, FloatArray, float]]:
        """Train in each fold; give model, predictions and seconds."""
        with interrupts_raised():
            return self.parallel(
                delayed(_fit_predict)(
                    *self.ground.data.apart(),
                    self.folds[p],
                    self._mixes(self.folds[p], policy, seed + p),
                    deepcopy(self.models[p]) if self.is_warm else self.estimator,
                    "partial_fit" if self.is_warm else "fit",
                    self.put_together,
                    self.response,
                    policy is None,
                )
                for p in places
            )

    def _mixes(self, fold: Fold, policy: Policy | None, seed: int) -> Mixes | None:
        """Mixes of the training rows of a fold."""
        if policy is None:
            return None
        return self.ground.labelled(draw_fold(self.ground, policy, fold, seed))


def _fit_predict(
    X: Any,
    y: Any,
    X_val: Any,
    rest: Rest,
    fold: Fold,
    mixes: Mixes | None,
    model: Any,
    fit: str,
    put_together: PutTogether,
    response: str,
    keep: bool,
) -> tuple[Any, FloatArray, float]:
    """Train a model; give it back if it is kept, with predictions and seconds.

    The rows of the fold and the mixes are made where it is trained.
    """
    data = rest.join(X, y, X_val)
    rows = fold.train_rows
    part = data.take(rows)
    if mixes is None:
        mixes = Mixes.none(part)
    else:
        first, second = (np.searchsorted(rows, p) for p in (mixes.first, mixes.second))
        mixes = replace(mixes, first=first, second=second)
    X_train = put_together(part, mixes)[0]
    # Classes in one column, however they came.
    y_train = np.concatenate([part.target, mixes.target])
    X_test = (data.X if data.X_val is None else data.X_val).take(fold.test)
    classes = np.unique(data.target)
    start = perf_counter()
    if fit == "fit":
        model = clone(model)
    getattr(model, fit)(X_train, y_train)
    label = np.searchsorted(classes, model.predict(X_test))
    numbers = np.eye(len(classes))[label]
    if hasattr(model, response):
        given = getattr(model, response)(X_test)
        if given.ndim == 1:
            given = np.column_stack([-given, given])
        by_class = given.shape[1] == len(model.classes_)
        if by_class and response == "decision_function":
            # There may also be one to each pair of classes, of which three have three.
            likeliest = model.classes_[given.argmax(axis=1)]
            by_class = (likeliest == classes[label]).mean() > 0.5
        if by_class:
            # A class that the fold lacks is the least likely.
            lowest = 0.0 if response == "predict_proba" else given.min()
            numbers = np.full((len(label), len(classes)), lowest)
            numbers[:, np.searchsorted(classes, model.classes_)] = given
    seconds = perf_counter() - start
    return model if keep else None, np.column_stack([numbers, label]), seconds
