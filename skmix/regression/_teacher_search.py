"""A search in which a smooth model of the labels has a share in the labels of mixes."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.parallel import delayed

from .._data import Rest
from ._search import CandidateSearch, Fold, Make
from ._teacher import KernelTeacher, stacking_weight

# Number of mixes for each row, and in all where rows are few: there more of them gain a
# little and cost nothing.
MIXES_PER_ROW = 16
MIXES_IN_ALL = 5_000


def mixes_per_row(n_rows: int) -> int:
    """How many of its pairs each row may contribute."""
    return max(MIXES_PER_ROW, MIXES_IN_ALL // n_rows)


class Taught(NamedTuple):
    """How many neighbours to mix with, and the model's share in the labels."""

    k: int
    share: float


def teach_fold(
    X: Any, y: Any, X_val: Any, rest: Rest, fold: Fold, make: Make
) -> tuple[KernelTeacher, NDArray[np.float64]]:
    """Train the teacher on the rows of a fold, and predict its other rows."""
    data = rest.join(X, y, X_val)
    train = fold.training(data)
    teacher = make(train, fold.seed).teacher
    columns = data.columns if data.X_val is None else data.columns_val
    return teacher, teacher.predict(train.encoder(columns.take(fold.test)))


class TeacherSearch(CandidateSearch):
    """Gives a smooth model of the labels a share in the labels of mixes.

    The share is the weight of that model next to the estimator, from out-of-fold
    predictions of both.
    """

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._of_folds: list = []

    def named(self, fold: Fold) -> dict[str, Any]:
        """How many pairs, and the share of the teacher as the other folds say."""
        return {
            "amount": mixes_per_row(fold.n_training(self.data)),
            "share": self.teacher_weight(outside=fold),
            "teacher": self._taught()[self.folds.index(fold)][0],
        }

    def best(self) -> Taught:
        """Find the number with the lowest held-out loss, and the share for all rows."""
        return Taught(super().best(), self.teacher_weight())

    def teacher_weight(self, outside: Fold | None = None) -> float:
        """Share of the teacher next to the estimator.

        It is measured by out-of-fold predictions, for a fold by those of the rows
        outside it. Their models have seen the fold's labels; a single number, from all
        other rows, carries next to nothing of them back.
        """
        used = np.ones((self.n_repeats, len(self.truth)), dtype=bool)
        if outside is not None:
            used[np.arange(self.n_repeats) != outside.repeat] = False
            used[:, outside.test] = False
        truth = np.broadcast_to(self.truth, self.predictions[0].shape)
        return stacking_weight(
            truth[used], self.predictions[0][used], self._teacher_predictions[used]
        )

    def _taught(self) -> list[tuple[KernelTeacher, NDArray[np.float64]]]:
        """The teacher of each fold, and what it predicts for the rows outside."""
        if not self._of_folds:
            self._of_folds = self.parallel(
                delayed(teach_fold)(*self.data.apart(), fold, self.make)
                for fold in self.folds
            )
        return self._of_folds

    @property
    def _teacher_predictions(self) -> NDArray[np.float64]:
        prediction = np.empty_like(self.predictions[0])
        for fold, (_, predicted) in zip(self.folds, self._taught(), strict=True):
            prediction[fold.repeat, fold.test] = predicted
        return prediction
