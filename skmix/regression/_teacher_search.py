"""A search in which the labels of mixes bend towards a smooth model of the labels."""

from __future__ import annotations

from functools import cached_property
from typing import NamedTuple

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from ..base import Mixes
from ._search import CandidateSearch, Fold
from ._teacher import stacking_weight


class Bent(NamedTuple):
    """How many neighbours to mix with, and how far to bend the labels."""

    k: int
    bend: float


class TeacherSearch(CandidateSearch):
    """Bends the labels of mixes towards a smooth model of the labels.

    How far is the weight of that model next to the estimator, from out-of-fold
    predictions of both.
    """

    def draw(self, fold: Fold, candidate: int) -> Mixes:
        """Mix the training rows of a fold, labels bent as the other folds say."""
        bend = self.teacher_weight(outside=fold.test)
        return fold.recipe.draw(candidate, RandomState(fold.seed), bend)

    def best(self) -> Bent:
        """Find the number with the lowest held-out loss, and the bend for all rows."""
        return Bent(super().best(), self.teacher_weight())

    def teacher_weight(self, outside: NDArray[np.intp] | None = None) -> float:
        """Share of the teacher next to the estimator.

        It is measured by out-of-fold predictions, for a fold by those of the rows
        outside it. Their models have seen the fold's labels; a single number, from all
        other rows, carries next to nothing of them back.
        """
        rows = np.ones(len(self.truth), dtype=bool)
        if outside is not None:
            rows[outside] = False
        return stacking_weight(
            self.truth[rows], self.predictions[0][rows], self._teacher_predictions[rows]
        )

    @cached_property
    def _teacher_predictions(self) -> NDArray[np.float64]:
        prediction = np.empty_like(self.truth)
        for fold in self.folds:
            train = fold.train
            rows = train.encoder(fold.columns_test)
            prediction[fold.test] = fold.recipe.teacher.predict(rows)
        return prediction
