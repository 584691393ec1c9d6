"""What predictions of held-out rows are worth, and what of a gain may be chance."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.stats import t
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.metrics import check_scoring

from .._core.neighbors import FloatArray, IntArray
from .._core.rewards import confusion, macro_f1
from .._scoring import of_all_classes

# Blocks of rows, each of which is left out once to see how much a gain depends on it.
N_BLOCKS = 20


def with_labels(probability: FloatArray) -> FloatArray:
    """Complete predictions by the classes that are likeliest.

    Parameters
    ----------
    probability : ndarray of shape (m, n_classes)
        Predicted probabilities.

    Returns
    -------
    predicted : ndarray of shape (m, n_classes + 1)
        The same, and the place of the largest: of the first where several are.
    """
    return np.column_stack([probability, probability.argmax(axis=1)])


def has_prediction(predicted: FloatArray) -> NDArray[np.bool_]:
    """Tell which rows have a prediction.

    Parameters
    ----------
    predicted : ndarray of shape (v, n_classes + 1)
        Predictions, whose last column is the place of the class.

    Returns
    -------
    has_prediction : ndarray of shape (v,)
        Whether some fold holds out the row.
    """
    return np.isfinite(predicted[:, -1])


class Judge:
    """Scores pooled predictions of held-out rows.

    Parameters
    ----------
    scoring : str or callable
        A scorer of scikit-learn, greater is better.

    classes : ndarray of shape (n_classes,)
        Labels of the classes, sorted.

    codes : ndarray of shape (v,)
        True class of each row, as a place among them.

    groups : ndarray of shape (v,) or None
        Rows of one group count as one.

    estimator : classifier or None
        What predicts: it says what the numbers of predictions are.

    rng : RandomState
        Randomness of the blocks.

    judged : ndarray of shape (m,), default=None
        Rows that some fold holds out, each once, among which blocks are alike; None for
        all.
    """

    def __init__(
        self,
        scoring: str | Callable,
        classes: Any,
        codes: IntArray,
        groups: Any,
        estimator: Any,
        rng: RandomState,
        judged: IntArray | None = None,
    ) -> None:
        self.scorer = None
        if scoring != "f1_macro":
            self.scorer = check_scoring(scoring=of_all_classes(scoring))
        self.scoring, self.estimator = scoring, estimator
        self.classes, self.codes = classes, codes
        self.block = _blocks(codes, groups, rng, judged)

    def score(self, predicted: FloatArray, rows: IntArray | None = None) -> float:
        """Score predictions.

        Parameters
        ----------
        predicted : ndarray of shape (v, n_classes + 1)
            A number to each class, and the place of the predicted class; NaN for rows
            that do not count.

        rows : ndarray of shape (m,), default=None
            Rows that count; None for all.

        Returns
        -------
        score : float
            Greater is better.
        """
        held_out = has_prediction(predicted)
        if rows is not None:
            held_out &= np.bincount(rows, minlength=len(held_out)) > 0
        predicted, codes = predicted[held_out], self.codes[held_out]
        if self.scorer is None:
            return float(macro_f1(self.count(codes, predicted)))
        response = response_of(self.estimator)
        model = RESPONSES[response](self.classes, predicted)
        places = np.arange(len(codes))[:, None]
        try:
            return float(self.scorer(model, places, self.classes[codes]))
        except Exception as error:
            classes = np.unique(self.classes[codes]).tolist()
            who = "nearest rows" if self.estimator is None else repr(self.estimator)
            reason = str(error).rstrip(".")
            raise ValueError(
                f"scoring={self.scoring!r} cannot score held-out rows of the classes "
                f"{classes}: {reason}. It is given their labels and what {who} would "
                f"predict, by predict and {response}, but no columns of X. Choose "
                "another scorer or another classifier, or name the class that counts, "
                "as in make_scorer(f1_score, pos_label=...)."
            ) from error

    def count(self, codes: IntArray, predicted: FloatArray) -> IntArray:
        """Count rows by class and by predicted class, which is all that F1 looks at.

        Parameters
        ----------
        codes : ndarray of shape (m,)
            True classes.

        predicted : ndarray of shape (m, n_classes + 1)
            Predictions.

        Returns
        -------
        counts : ndarray of shape (n_classes, n_classes)
            See :func:`confusion`.
        """
        return confusion(codes, predicted[:, -1].astype(np.intp), len(self.classes))

    def gain(
        self, better: Sequence[FloatArray], baseline: Sequence[FloatArray]
    ) -> tuple[float, float, float]:
        """Measure a gain in score, and how likely it is by chance.

        Parameters
        ----------
        better : sequence of ndarray of shape (v, n_classes + 1)
            Predictions, one to each split of the rows.

        baseline : sequence of ndarray of shape (v, n_classes + 1)
            What they are compared with.

        Returns
        -------
        gain : float
            Mean difference of the scores.

        error : float
            Its standard error, by the jackknife over blocks of rows.

        p_value : float
            Of the gain being 0 or less, by Student's t.
        """

        def difference(rows: IntArray | None = None) -> float:
            return float(
                np.mean(
                    [
                        self.score(a, rows) - self.score(b, rows)
                        for a, b in zip(better, baseline, strict=True)
                    ]
                )
            )

        gain = difference()
        judged = has_prediction(baseline[0])
        counts = np.bincount(self.codes[judged], minlength=len(self.classes))
        # Never left out: the scores of probabilities need a row of every class.
        alone = counts[self.codes] == 1
        blocks = np.unique(self.block[judged & ~alone])
        without = [
            difference(np.flatnonzero((self.block != block) | alone))
            for block in blocks
        ]
        n = len(blocks)
        if n < 2:
            return gain, float("nan"), 1.0
        error = float(np.sqrt((n - 1) * np.var(without)))
        if error == 0:
            return gain, error, 0.0 if gain > 0 else 1.0
        return gain, error, float(t.sf(gain / error, n - 1))


def _blocks(
    codes: IntArray, groups: Any, rng: RandomState, judged: IntArray | None
) -> IntArray:
    """Deal the rows of each class out to blocks; those of a group go together."""
    units = (
        np.arange(len(codes))
        if groups is None
        else np.unique(groups, return_inverse=True)[1]
    )
    n_units = int(units.max()) + 1
    # The rarest class of a group is the one that must not end up in one block.
    order = rng.permutation(len(codes))
    frequency = np.bincount(codes)[codes]
    last = np.zeros(len(codes), dtype=bool)
    if judged is not None:
        last[:] = True
        last[judged] = False
    order = order[np.lexsort((frequency[order], last[order]))]
    _, first = np.unique(units[order], return_index=True)
    block = np.empty(n_units, dtype=np.intp)
    block[units[order][np.sort(first)]] = np.arange(n_units) % N_BLOCKS
    return block[units]


class _Predicted(ClassifierMixin, BaseEstimator):
    """Stands in for a classifier whose predictions are known."""

    def __init__(self, classes: Any, predicted: FloatArray) -> None:
        self.classes_ = classes
        self.predicted = predicted

    def predict(self, X: Any) -> Any:
        return self.classes_[self.predicted[X[:, 0], -1].astype(np.intp)]


class _WithProbabilities(_Predicted):
    def predict_proba(self, X: Any) -> FloatArray:
        return self.predicted[X[:, 0], :-1]


class _WithDecisions(_Predicted):
    def decision_function(self, X: Any) -> FloatArray:
        numbers = self.predicted[X[:, 0], :-1]
        # Two classes share one.
        return numbers[:, 1] if numbers.shape[1] == 2 else numbers


# By what gives the numbers for classes; the first that an estimator has is taken.
RESPONSES = {
    "predict_proba": _WithProbabilities,
    "decision_function": _WithDecisions,
}


def response_of(estimator: Any) -> str:
    """Name the method of a classifier that gives its numbers for classes.

    Parameters
    ----------
    estimator : classifier or None
        What predicts; None stands for votes.

    Returns
    -------
    response : {"predict_proba", "decision_function"}
        The former also where labels are all that there is.
    """
    known = (name for name in RESPONSES if hasattr(estimator, name))
    return next(known, "predict_proba")
