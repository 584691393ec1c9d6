"""Which mixing helps this estimator, if any? The estimator itself is asked.

What helps depends on the estimator. Each candidate is a way of mixing; the estimator is
trained on rows and mixes, and scored on rows that had no part in them.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import dataclass
from numbers import Integral
from typing import Any, Protocol

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import GroupKFold, KFold
from sklearn.utils.parallel import delayed

from .._data import PutTogether, Rest
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

    data: ResamplingData | None

    def draw(self, candidate: Any, rng: RandomState) -> Mixes:
        """Mix the rows."""


# Makes the recipe of training rows and a seed.
Make = Callable[[ResamplingData, int], Any]


@dataclass(eq=False)
class Fold:
    """Which rows to train on and which to predict, and what is learned of the former.

    Parameters
    ----------
    train : ndarray of shape (m,) or None
        Places of the rows to train on and to mix; None for all.

    test : ndarray of shape (m,)
        Places of the rows to predict: of held-out rows where the user passed some.

    repeat : int
        In which repeat of the split of all rows.

    seed : int
        Randomness of the recipe and of its draws.

    own : ndarray of shape (h,), default=None
        Held-out rows for an estimator that stops by them.

    recipe : Recipe, default=None
        What a draw needs to know of the rows to train on, once it is known.
    """

    train: NDArray[np.intp] | None
    test: NDArray[np.intp]
    repeat: int
    seed: int
    own: NDArray[np.intp] | None = None
    recipe: Any = None

    def __getstate__(self) -> dict[str, Any]:
        """Leave out the rows of the recipe, which travel by themselves."""
        state = dict(vars(self))
        if self.recipe is not None:
            state["recipe"] = copy(self.recipe)
            state["recipe"].data = None
        return state

    def training(self, data: ResamplingData) -> ResamplingData:
        """The rows to train on, as if there were no others."""
        return data if self.train is None else data.take(self.train)

    def n_training(self, data: ResamplingData) -> int:
        """How many these are."""
        return len(data) if self.train is None else len(self.train)


def fit_fold(
    X: Any,
    y: Any,
    X_val: Any,
    rest: Rest,
    fold: Fold,
    make: Make,
    candidate: tuple[Any, dict[str, Any]] | None,
    keep: bool,
    estimator: BaseEstimator,
    put_together: PutTogether,
) -> NDArray[np.float64]:
    """Train on rows and mixes of a fold, and predict its other rows.

    What is taken and mixed of the rows is made where the estimator is trained.

    Parameters
    ----------
    X, y, X_val, rest
        All rows; see :meth:`ResamplingData.apart`.

    fold : Fold
        Which of them to train on.

    make : callable
        Makes the recipe of the fold, if it has none yet.

    candidate : (object, dict) or None
        What the recipe draws by; None leaves the rows as they are.

    keep : bool
        Whether the recipe is needed again; it may be much larger than the rows.

    estimator : regressor
        What is trained.

    put_together : callable
        Makes rows of training rows and mixes, as the user would have passed them.

    Returns
    -------
    prediction : ndarray of shape (m, t)
        Of the rows in ``fold.test``.
    """
    data = rest.join(X, y, X_val)
    train = fold.training(data)
    mixes = Mixes.none(train)
    if candidate is not None:
        recipe = fold.recipe or make(train, fold.seed)
        recipe.data = train
        number, named = candidate
        mixes = recipe.draw(number, RandomState(fold.seed), **named)
        if fold.train is not None:
            # Each fold would keep a copy of its rows.
            recipe.data = None
        fold.recipe = recipe if keep else None
        del recipe
    rows = put_together(train, mixes)
    del train, mixes  # fits need memory, too
    X_test = (data.X if data.X_val is None else data.X_val).take(fold.test)
    held_out = {} if fold.own is None else held_out_rows(data, fold.own)
    return fit_predict(clone(estimator), *rows, held_out, X_test)


class CandidateSearch:
    """Scores candidates by held-out error of the estimator, the untouched data first.

    Parameters
    ----------
    data : ResamplingData
        Training rows, and held-out rows where the user passed some.

    make : callable
        Makes the recipe of training rows and a seed. It is sent to where folds are
        fitted.

    folds : list of Fold
        What to train on and to predict; each row that is judged by is predicted once in
        each repeat.

    blocks : list of (int, ndarray)
        The repeats, and the rows that are judged by, in parts: one is scored with the
        candidate that the others prefer.

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
        data: ResamplingData,
        make: Make,
        folds: Sequence[Fold],
        blocks: Sequence[Block],
        estimator: BaseEstimator,
        candidates: Sequence[Any],
        name: str,
        put_together: PutTogether,
        n_jobs: int | None,
    ) -> None:
        self.data = data
        self.make = make
        self.folds = folds
        self.blocks = blocks
        # Labels of the rows that are judged by.
        self.truth = data.target if data.X_val is None else data.target_val
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
        drawn = [
            None if candidate is None else (candidate, self.named(fold))
            for fold in self.folds
        ]
        keep = len(self.predictions) < self.n_candidates
        with interrupts_raised():
            results = self.parallel(
                delayed(fit_fold)(
                    *self.data.apart(),
                    fold,
                    self.make,
                    how,
                    keep,
                    self.estimator,
                    self.put_together,
                )
                for fold, how in zip(self.folds, drawn, strict=True)
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

    def named(self, fold: Fold) -> dict[str, Any]:
        """What the mixes of a fold depend on beside the candidate."""
        return {}

    def best(self) -> Any:
        """Find the candidate with the lowest held-out loss."""
        return self.candidates[int(np.argmin(self.losses[1:].mean(axis=1)))]

    def loss_of_choosing(self) -> NDArray[np.float64]:
        """Held-out loss of each row by the candidate that the *other* blocks prefer.

        The loss of the best candidate is too good, as luck had a part in its choice.
        """
        losses = self.losses_by_repeat[1:]
        chosen = np.empty(losses.shape[1:])
        for (repeat, block), (_, candidate) in zip(
            self.blocks, self.preferred(), strict=True
        ):
            place = self.candidates.index(candidate)
            chosen[repeat, block] = losses[place, repeat, block]
        return chosen.mean(axis=0)

    def preferred(self) -> list[tuple[NDArray[np.intp], Any]]:
        """Find the candidate that the other blocks prefer, for each block of rows."""
        losses = self.losses_by_repeat[1:]
        preferred = []
        for repeat, block in self.blocks:
            of_others = np.delete(losses[:, repeat], block, axis=1).mean(axis=1)
            preferred.append((block, self.candidates[int(np.argmin(of_others))]))
        return preferred

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
    data: ResamplingData, cv: Any, stops: bool, rng: RandomState
) -> tuple[list[Fold], list[Block]]:
    """Arrange what a search trains on, and what it judges by.

    Parameters
    ----------
    data : ResamplingData
        Training rows, and held-out rows where the user passed some.

    cv : int or splitter
        Folds where there are no held-out rows.

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
    """
    if data.X_val is not None:
        halves = np.array_split(rng.permutation(len(data.X_val)), 2)
        blocks = [(0, half) for half in halves]
        parts: list = [(np.arange(len(data.X_val)), None)]
        if stops:
            parts = [(halves[0], halves[1]), (halves[1], halves[0])]
        folds = [Fold(None, test, 0, draw_seed(rng), own) for test, own in parts]
        return folds, blocks
    splits = make_splits(cv, data, rng)
    folds = [
        Fold(train, test, repeat, draw_seed(rng)) for repeat, train, test in splits
    ]
    return folds, [(repeat, test) for repeat, _, test in splits]


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
    # Those of scikit-learn look at the number of rows alone.
    Z = np.empty((len(data), 0)) if isinstance(cv, Integral) else data.Z
    splits: list[Split] = []
    times = np.zeros(len(data), dtype=int)
    for splitter in splitters:
        for train, test in data.split(splitter, Z):
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
