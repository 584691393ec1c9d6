"""Which mixing helps this estimator, if any? The estimator itself is asked.

What helps depends on the estimator. Each candidate is a way of mixing; the estimator is
trained on rows and mixes, and scored on rows that had no part in them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from numbers import Integral
from typing import Any, Protocol

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import GroupKFold, KFold
from sklearn.utils.parallel import Parallel, delayed

from .._columns import Columns
from .._random import draw_seed
from ..base import Mixes, ResamplingData
from ..metrics import squared_error_by_row

Split = tuple[NDArray[np.intp], NDArray[np.intp]]


class Recipe(Protocol):
    """A way to mix the rows it was made on, by a number that is to be chosen."""

    def draw(self, candidate: Any, rng: RandomState) -> Mixes:
        """Mix the rows."""


@dataclass
class Fold:
    """Rows to train on, rows to predict, and what is learned from the former alone.

    Parameters
    ----------
    train : ResamplingData
        Rows to train on and to mix.

    X_test : list, ndarray or data frame
        Rows to predict, as the user passed them.

    columns_test : Columns
        Their numbers and categories.

    test : ndarray of shape (m,)
        Their places among all rows that are judged by.

    prepare : callable
        Makes the recipe of ``train`` and a seed.

    seed : int
        Randomness of the recipe and of its draws.
    """

    train: ResamplingData
    X_test: Any
    columns_test: Columns
    test: NDArray[np.intp]
    prepare: Callable[[ResamplingData, int], Any]
    seed: int

    @cached_property
    def recipe(self) -> Any:
        """What a draw needs to know of the rows."""
        return self.prepare(self.train, self.seed)


class CandidateSearch:
    """Scores candidates by held-out error of the estimator, the untouched data first.

    Parameters
    ----------
    folds : list of Fold
        What to train on and to predict; each row that is judged by is predicted once.

    blocks : list of ndarray
        The rows that are judged by, in parts: one is scored with the candidate that the
        others prefer.

    truth : ndarray of shape (v, t)
        Labels of the rows that are judged by.

    estimator : regressor
        Whose held-out error decides.

    candidates : sequence
        What to try, after the untouched data.

    name : str
        What a candidate is called in the history.

    put_together : callable
        Makes rows of training rows and mixes, as the user would have passed them.

    n_jobs : int or None
        Number of fits at a time.
    """

    def __init__(
        self,
        folds: Sequence[Fold],
        blocks: Sequence[NDArray[np.intp]],
        truth: NDArray[np.float64],
        estimator: BaseEstimator,
        candidates: Sequence[Any],
        name: str,
        put_together: Callable[[ResamplingData, Mixes], tuple[Any, Any]],
        n_jobs: int | None,
    ) -> None:
        self.folds = folds
        self.blocks = blocks
        self.truth = truth
        self.estimator = estimator
        self.candidates = list(candidates)
        self.name = name
        self.put_together = put_together
        self.parallel = Parallel(n_jobs=n_jobs)
        self.predictions: list[NDArray] = []

    @property
    def losses(self) -> list[NDArray[np.float64]]:
        """Held-out error of each row: of the untouched data, then of each candidate."""
        return [squared_error_by_row(self.truth, p) for p in self.predictions]

    def step(self) -> dict[str, float]:
        """Score the untouched data, or the next candidate."""
        candidate = self.next_candidate() if self.predictions else None
        results = self.parallel(
            delayed(_fit_predict)(
                self.estimator, *self._rows(fold, candidate), fold.X_test
            )
            for fold in self.folds
        )
        prediction = np.empty_like(self.truth)
        for fold, result in zip(self.folds, results, strict=True):
            prediction[fold.test] = result.reshape(len(fold.test), -1)
        self.predictions.append(prediction)
        objective = float(self.losses[-1].mean())
        return {"objective": objective, self.name: candidate or 0}

    def next_candidate(self) -> Any:
        """What is tried next."""
        return self.candidates[len(self.predictions) - 1]

    def _rows(self, fold: Fold, candidate: Any) -> tuple[Any, Any]:
        """Training rows and mixes of a fold; made only when their turn comes."""
        mixes = Mixes.none(fold.train)
        if candidate is not None:
            mixes = self.draw(fold, candidate)
        return self.put_together(fold.train, mixes)

    def draw(self, fold: Fold, candidate: Any) -> Mixes:
        """Mix the training rows of a fold."""
        return fold.recipe.draw(candidate, RandomState(fold.seed))

    def best(self) -> Any:
        """Find the candidate with the lowest held-out loss."""
        return self.candidates[
            int(np.argmin([loss.mean() for loss in self.losses[1:]]))
        ]

    def loss_of_choosing(self) -> NDArray[np.float64]:
        """Held-out loss of each row by the candidate that the *other* blocks prefer.

        The loss of the best candidate is too good, as luck had a part in its choice.
        """
        losses = np.array(self.losses[1:])
        chosen = np.empty(len(self.truth))
        for block in self.blocks:
            of_others = np.delete(losses, block, axis=1).mean(axis=1)
            chosen[block] = losses[np.argmin(of_others), block]
        return chosen

    def state(self) -> dict[str, NDArray]:
        """The scores so far."""
        return {f"{i}": array for i, array in enumerate(self.predictions)}

    def load_state(self, state: dict[str, NDArray]) -> None:
        """Go on after the candidates that have been scored."""
        self.predictions = [state[f"{i}"] for i in range(len(state))]

    def policy(self) -> dict[str, NDArray]:
        """Nothing to keep: all candidates stay at hand."""
        return {}

    def load_policy(self, policy: dict[str, NDArray]) -> None:
        """Nothing to put in place."""


def make_folds(
    data: ResamplingData,
    cv: Any,
    prepare: Callable[[ResamplingData, int], Any],
    rng: RandomState,
) -> tuple[list[Fold], list[NDArray[np.intp]], NDArray[np.float64]]:
    """Arrange what a search trains on, and what it judges by.

    Parameters
    ----------
    data : ResamplingData
        Training rows, and held-out rows where the user passed some.

    cv : int or splitter
        Folds where there are no held-out rows.

    prepare : callable
        Makes the recipe of training rows and a seed.

    rng : RandomState
        Randomness of folds and recipes.

    Returns
    -------
    folds : list of Fold
        One to a fold of cross-validation; one in all where rows are held out.

    blocks : list of ndarray
        The rows that are judged by, in parts: the folds, or the halves of the held-out
        rows.

    truth : ndarray of shape (v, t)
        Labels of the rows that are judged by.
    """
    splits = make_splits(cv if data.X_val is None else 2, data, draw_seed(rng))
    blocks = [test for _, test in splits]
    if data.X_val is not None:
        rows = np.arange(len(data.X_val))
        held_out = data.X_val.take(rows), data.columns_val, rows
        return [Fold(data, *held_out, prepare, draw_seed(rng))], blocks, data.target_val
    folds = [
        Fold(
            data.take(train),
            data.X.take(test),
            data.columns.take(test),
            test,
            prepare,
            draw_seed(rng),
        )
        for train, test in splits
    ]
    return folds, blocks, data.target


def make_splits(cv: Any, data: ResamplingData, seed: int) -> list[Split]:
    """Split the rows that are judged by, each held out once, groups together.

    Parameters
    ----------
    cv : int or splitter
        Number of folds, or what makes them.

    data : ResamplingData
        The rows: those that the user held out, or else the training rows.

    seed : int
        Randomness of the folds, where only their number is given.

    Returns
    -------
    splits : list of (train, test)
        The folds; none where there is a single row or group.

    Raises
    ------
    ValueError
        If a row is held out more than once, or never.
    """
    rows, groups = data.target, data.groups
    if data.X_val is not None:  # each of its rows is a group of its own
        rows, groups = data.target_val, None
    if isinstance(cv, Integral):
        n_units, kind = len(rows), KFold
        if groups is not None:
            n_units, kind = len(np.unique(groups)), GroupKFold
        if n_units < 2:
            return []
        cv = kind(min(cv, n_units), shuffle=True, random_state=seed)
    splits = list(cv.split(rows, rows, groups))
    held_out = np.concatenate([test for _, test in splits])
    if not np.array_equal(np.sort(held_out), np.arange(len(rows))):
        raise ValueError(
            f"cv={cv!r} must hold out each row exactly once, as KFold and GroupKFold "
            "do: all rows are judged, and none twice."
        )
    return splits


def _fit_predict(estimator: BaseEstimator, X: Any, y: Any, X_test: Any) -> NDArray:
    return np.asarray(clone(estimator).fit(X, y).predict(X_test))
