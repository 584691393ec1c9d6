"""Which mixing helps this estimator, if any? The estimator itself is asked.

What helps depends on the estimator. Each candidate is a way of mixing; the estimator is
trained on rows and mixes, and scored on rows that had no part in them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from numbers import Integral
from typing import Any, Protocol

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import GroupKFold, KFold
from sklearn.utils.parallel import delayed

from .._columns import Columns
from .._random import draw_seed
from .._training import fits_at_a_time, interrupts_raised
from ..base import Mixes, ResamplingData
from ..metrics import squared_error_by_row

# A repeat, and the rows that are trained on and held out in it.
Split = tuple[int, NDArray[np.intp], NDArray[np.intp]]
Block = tuple[int, NDArray[np.intp]]
# How often all rows are split into folds, where only the number of folds is given: one
# split decides much by which rows come together.
N_REPEATS = 2


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

    repeat : int
        In which repeat of the split of all rows.

    prepare : callable
        Makes the recipe of ``train`` and a seed.

    seed : int
        Randomness of the recipe and of its draws.

    held_out : dict
        Further rows for the ``fit`` of an estimator that stops by them.
    """

    train: ResamplingData
    X_test: Any
    columns_test: Columns
    test: NDArray[np.intp]
    repeat: int
    prepare: Callable[[ResamplingData, int], Any]
    seed: int
    held_out: dict[str, Any] = field(default_factory=dict)

    @cached_property
    def recipe(self) -> Any:
        """What a draw needs to know of the rows."""
        return self.prepare(self.train, self.seed)


class CandidateSearch:
    """Scores candidates by held-out error of the estimator, the untouched data first.

    Parameters
    ----------
    folds : list of Fold
        What to train on and to predict; each row that is judged by is predicted once in
        each repeat.

    blocks : list of (int, ndarray)
        The repeats, and the rows that are judged by, in parts: one is scored with the
        candidate that the others prefer.

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
        blocks: Sequence[Block],
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
        self.parallel = fits_at_a_time(n_jobs, estimator)
        self.n_candidates = len(candidates)
        self.n_repeats = 1 + max((fold.repeat for fold in folds), default=0)
        # Of the untouched data, then of each candidate, of shape (repeats, v, t).
        self.predictions: list[NDArray] = []

    @property
    def losses_by_repeat(self) -> NDArray[np.float64]:
        """Held-out errors, of shape (1 + candidates, repeats, v)."""
        return np.array(
            [
                [squared_error_by_row(self.truth, p) for p in predictions]
                for predictions in self.predictions
            ]
        )

    @property
    def losses(self) -> NDArray[np.float64]:
        """Held-out errors, of shape (1 + candidates, v)."""
        return self.losses_by_repeat.mean(axis=1)

    def step(self) -> dict[str, float]:
        """Score the untouched data, or the next candidate."""
        candidate = self.next_candidate() if self.predictions else None
        with interrupts_raised():
            results = self.parallel(
                delayed(fit_predict)(
                    clone(self.estimator),
                    *self._rows(fold, candidate),
                    fold.held_out,
                    fold.X_test,
                )
                for fold in self.folds
            )
        prediction = np.empty((self.n_repeats, *self.truth.shape))
        for fold, result in zip(self.folds, results, strict=True):
            prediction[fold.repeat, fold.test] = result
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
            if len(self.predictions) == self.n_candidates:
                del fold.recipe  # it may be much larger than the rows
        return self.put_together(fold.train, mixes)

    def draw(self, fold: Fold, candidate: Any) -> Mixes:
        """Mix the training rows of a fold."""
        return fold.recipe.draw(candidate, RandomState(fold.seed))

    def best(self) -> Any:
        """Find the candidate with the lowest held-out loss."""
        return self.candidates[int(np.argmin(self.losses[1:].mean(axis=1)))]

    def loss_of_choosing(self) -> NDArray[np.float64]:
        """Held-out loss of each row by the candidate that the *other* blocks prefer.

        The loss of the best candidate is too good, as luck had a part in its choice.
        """
        losses = self.losses_by_repeat[1:]
        chosen = np.empty(losses.shape[1:])
        for repeat, block in self.blocks:
            own = losses[:, repeat]
            of_others = np.delete(own, block, axis=1).mean(axis=1)
            chosen[repeat, block] = own[np.argmin(of_others), block]
        return chosen.mean(axis=0)

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
    stops: bool,
    rng: RandomState,
) -> tuple[list[Fold], list[Block], NDArray[np.float64]]:
    """Arrange what a search trains on, and what it judges by.

    Parameters
    ----------
    data : ResamplingData
        Training rows, and held-out rows where the user passed some.

    cv : int or splitter
        Folds where there are no held-out rows.

    prepare : callable
        Makes the recipe of training rows and a seed.

    stops : bool
        Whether the estimator takes held-out rows to stop by. Where there are some,
        either half is then scored with what stopped by the other.

    rng : RandomState
        Randomness of folds and recipes.

    Returns
    -------
    folds : list of Fold
        One to a fold of cross-validation; where rows are held out, one in all, or one
        to a half of them.

    blocks : list of (int, ndarray)
        The repeats, and the rows that are judged by, in parts: the folds, or the halves
        of the held-out rows.

    truth : ndarray of shape (v, t)
        Labels of the rows that are judged by.
    """
    if data.X_val is not None:
        halves = np.array_split(rng.permutation(len(data.X_val)), 2)
        blocks = [(0, half) for half in halves]
        parts = [(np.arange(len(data.X_val)), halves[0][:0])]
        if stops:
            parts = [(halves[0], halves[1]), (halves[1], halves[0])]
        folds = [
            Fold(
                data,
                data.X_val.take(test),
                data.columns_val.take(test),
                test,
                0,
                prepare,
                draw_seed(rng),
                held_out_rows(data, own) if stops else {},
            )
            for test, own in parts
        ]
        return folds, blocks, data.target_val
    splits = make_splits(cv, data, rng)
    folds = [
        Fold(
            data.take(train),
            data.X.take(test),
            data.columns.take(test),
            test,
            repeat,
            prepare,
            draw_seed(rng),
        )
        for repeat, train, test in splits
    ]
    return folds, [(repeat, test) for repeat, _, test in splits], data.target


def held_out_rows(data: ResamplingData, rows: NDArray[np.intp]) -> dict[str, Any]:
    """Take held-out rows as arguments of a ``fit`` that stops by them."""
    # Labels in the shape of those that are trained on.
    shape = np.shape(data.y.take(np.arange(1)))[1:]
    y_val = data.target_val[rows].reshape(-1, *shape)
    return {"X_val": data.X_val.take(rows), "y_val": y_val}


def make_splits(cv: Any, data: ResamplingData, rng: RandomState) -> list[Split]:
    """Split all rows into folds, once or several times, groups together.

    Parameters
    ----------
    cv : int or splitter
        Number of folds, or what makes them.

    data : ResamplingData
        The rows.

    rng : RandomState
        Randomness of the folds, where only their number is given.

    Returns
    -------
    splits : list of (repeat, train, test)
        The folds; none where there is a single row or group.

    Raises
    ------
    ValueError
        If a splitter does not hold out all rows equally often, one time after the
        other.
    """
    groups = data.groups
    if isinstance(cv, Integral):
        n_units, kind = len(data), KFold
        if groups is not None:
            n_units, kind = len(np.unique(groups)), GroupKFold
        if n_units < 2:
            return []
        splitters = [
            kind(min(cv, n_units), shuffle=True, random_state=draw_seed(rng))
            for _ in range(N_REPEATS)
        ]
    else:
        splitters = [cv]
    splits: list[Split] = []
    times = np.zeros(len(data), dtype=int)
    for splitter in splitters:
        for train, test in splitter.split(data.Z, data.target, groups):
            splits.append((int(times.min()), train, test))
            times[test] += 1
            if np.ptp(times) > 1:
                break
    if np.ptp(times) > 0:
        raise ValueError(
            f"cv={cv!r} must hold out each row exactly once, as KFold and GroupKFold "
            "do, or equally often, as RepeatedKFold does: all rows are judged alike."
        )
    return splits


def fit_predict(
    model: BaseEstimator, X: Any, y: Any, held_out: dict[str, Any], X_test: Any
) -> NDArray[np.float64]:
    """Train a model, and predict rows of shape (m, t)."""
    prediction = np.asarray(model.fit(X, y, **held_out).predict(X_test))
    return prediction.reshape(len(prediction), -1)
