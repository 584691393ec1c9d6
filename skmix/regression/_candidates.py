"""Which mixing helps this estimator, if any? Cross-validation of the estimator itself.

What helps depends on the estimator, so that it has to be asked. Each candidate mixes
rows with their k nearest rows, and bends the labels of the mixes as a kernel model
of the data says.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from numbers import Integral
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import GroupKFold, KFold
from sklearn.utils.parallel import Parallel, delayed

from .._core.mixing import interpolate
from .._core.neighbors import nearest_labels, nearest_rows
from .._core.pairs import option_pairs, unique_pairs
from .._random import draw_seed
from ..base import Mixes, ResamplingData
from ..metrics import squared_error_by_row
from ._teacher import KernelTeacher, stacking_weight

Split = tuple[NDArray[np.intp], NDArray[np.intp]]


class CandidateSearch:
    """Scores numbers of neighbours by cross-validation, the untouched data first.

    Parameters
    ----------
    data : ResamplingData
        The training rows.

    put_together : callable
        Makes rows of training rows and mixes, as the user would have passed them.

    estimator : regressor
        Whose held-out error decides.

    candidates : sequence of int
        Numbers of neighbours, by features and by label each; 0 is the untouched data
        and comes first.

    splits : list of (train, test)
        The folds.

    mix_ratio : float
        Share of the first parent.

    n_jobs : int or None
        Number of fits at a time.

    rng : RandomState
        Randomness of the teachers' landmarks.
    """

    def __init__(
        self,
        data: ResamplingData,
        put_together: Callable[[ResamplingData, Mixes], tuple[Any, Any]],
        estimator: BaseEstimator,
        candidates: Sequence[int],
        splits: Sequence[Split],
        mix_ratio: float,
        n_jobs: int | None,
        rng: RandomState,
    ) -> None:
        self.data = data
        self.put_together = put_together
        self.estimator = estimator
        self.candidates = list(candidates)
        self.mix_ratio = mix_ratio
        self.parallel = Parallel(n_jobs=n_jobs)
        k_max = max(candidates)
        self.folds = [_Fold(data, *split, k_max, draw_seed(rng)) for split in splits]
        self.predictions: list[NDArray] = []

    @property
    def losses(self) -> list[NDArray[np.float64]]:
        """Held-out error of each row, for each candidate that was scored."""
        return [squared_error_by_row(self.data.target, p) for p in self.predictions]

    def step(self) -> dict[str, float]:
        """Score the next candidate on all folds."""
        k = self.candidates[len(self.predictions)]
        results = self.parallel(
            delayed(_fit_predict)(
                self.estimator, *self._rows(fold, k), self.data.X.take(fold.test)
            )
            for fold in self.folds
        )
        prediction = np.empty_like(self.data.target)
        for fold, result in zip(self.folds, results, strict=True):
            prediction[fold.test] = result.reshape(len(fold.test), -1)
        self.predictions.append(prediction)
        return {"objective": float(self.losses[-1].mean()), "n_neighbors": k}

    def _rows(self, fold: _Fold, k: int) -> tuple[Any, Any]:
        """Training rows and mixes of a fold; made only when their turn comes."""
        mixes = Mixes.none(fold.train)
        if k:
            bend = self.teacher_weight(outside=fold.test)
            mixes = fold.mixes(k, self.mix_ratio, bend)
        return self.put_together(fold.train, mixes)

    def best(self) -> int:
        """Find the candidate with the lowest held-out loss among those that mix."""
        return 1 + int(np.argmin([loss.mean() for loss in self.losses[1:]]))

    def loss_of_choosing(self) -> NDArray[np.float64]:
        """Held-out loss of each row by the candidate that the *other* folds prefer.

        The loss of the best candidate is too good, as luck had a part in its choice.
        """
        losses = np.array(self.losses[1:])
        chosen = np.empty(len(self.data))
        for fold in self.folds:
            of_others = np.delete(losses, fold.test, axis=1).mean(axis=1)
            chosen[fold.test] = losses[np.argmin(of_others), fold.test]
        return chosen

    def teacher_weight(self, outside: NDArray[np.intp] | None = None) -> float:
        """Share of the teacher next to the estimator.

        It is measured by out-of-fold predictions, for a fold by those of the rows
        outside it. Their models have seen the fold's labels; a single number, from all
        other rows, carries next to nothing of them back.
        """
        rows = np.ones(len(self.data), dtype=bool)
        if outside is not None:
            rows[outside] = False
        return stacking_weight(
            self.data.target[rows],
            self.predictions[0][rows],
            self._teacher_predictions[rows],
        )

    @cached_property
    def _teacher_predictions(self) -> NDArray[np.float64]:
        prediction = np.empty_like(self.data.target)
        for fold in self.folds:
            rows = fold.train.encoder(self.data.columns.take(fold.test))
            prediction[fold.test] = fold.teacher.predict(rows)
        return prediction

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


class _Fold:
    """The training rows of a fold, with what is learned from them alone."""

    def __init__(
        self,
        data: ResamplingData,
        train: NDArray[np.intp],
        test: NDArray[np.intp],
        k_max: int,
        seed: int,
    ) -> None:
        self.test = test
        self.train = data.take(train)
        self.k_max = k_max
        self.seed = seed

    @cached_property
    def teacher(self) -> KernelTeacher:
        return KernelTeacher(self.train.Z, self.train.target, self.seed)

    @cached_property
    def neighbors(self) -> list[NDArray[np.intp]]:
        return neighbor_tables(self.train, self.k_max, self.k_max)

    def mixes(self, k: int, mix_ratio: float, bend: float) -> Mixes:
        options = np.full((len(self.train), 2), k)
        return neighbor_mixes(
            self.train, self.neighbors, options, mix_ratio, self.teacher, bend
        )


def make_splits(cv: Any, data: ResamplingData, seed: int) -> list[Split]:
    """Make folds in which each row is held out once, groups together.

    Parameters
    ----------
    cv : int or splitter
        Number of folds, or what makes them.

    data : ResamplingData
        The rows.

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
    if isinstance(cv, Integral):
        n_units, kind = len(data), KFold
        if data.groups is not None:
            n_units, kind = len(np.unique(data.groups)), GroupKFold
        if n_units < 2:
            return []
        cv = kind(min(cv, n_units), shuffle=True, random_state=seed)
    splits = list(cv.split(data.Z, data.target, data.groups))
    held_out = np.concatenate([test for _, test in splits])
    if not np.array_equal(np.sort(held_out), np.arange(len(data))):
        raise ValueError(
            f"cv={cv!r} must hold out each row exactly once, as KFold and GroupKFold "
            "do: all rows are judged, and none twice."
        )
    return splits


def neighbor_tables(
    data: ResamplingData, k_data: int, k_label: int
) -> list[NDArray[np.intp]]:
    """Nearest rows by features and by label, each label in standard deviations."""
    scale = data.target.std(axis=0)
    labels = data.target / np.where(scale > 0, scale, 1.0)
    return [nearest_rows(data.Z, k_data), nearest_labels(labels, k_label)]


def neighbor_mixes(
    data: ResamplingData,
    neighbors: Sequence[NDArray[np.intp]],
    options: NDArray[np.intp],
    mix_ratio: float,
    teacher: KernelTeacher | None = None,
    bend: float = 0.0,
) -> Mixes:
    """Mix each row with as many neighbours as its options say, no mix twice.

    Parameters
    ----------
    data : ResamplingData
        The rows.

    neighbors : sequence of ndarray of shape (n, k_max)
        Neighbours by features and by label, nearest first.

    options : ndarray of shape (n, 2)
        How many of each kind a row is mixed with.

    mix_ratio : float
        Share of the first parent.

    teacher : KernelTeacher or None, default=None
        Smooth model f of the labels.

    bend : float, default=0.0
        How far labels follow f off the straight line: y is the interpolated label plus
        bend (f(x) - interpolated f).

    Returns
    -------
    mixes : Mixes
        The mixes, by row.
    """
    first, second = option_pairs(neighbors, options)
    kept, _ = unique_pairs(first, second, ordered=mix_ratio != 0.5)
    first, second = first[kept], second[kept]
    weight = np.full(len(first), mix_ratio)
    target = interpolate(data.target, first, second, weight)
    if teacher is not None and bend > 0 and len(first):
        Z = data.encoder(data.columns, *data.columns.mix(first, second, weight))
        straight = interpolate(teacher.predict(data.Z), first, second, weight)
        target = target + bend * (teacher.predict(Z) - straight)
    return Mixes(first, second, weight, target)


def _fit_predict(estimator: BaseEstimator, X: Any, y: Any, X_test: Any) -> NDArray:
    return np.asarray(clone(estimator).fit(X, y).predict(X_test))
