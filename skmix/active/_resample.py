"""Labelled rows and the mixes of them that a selector would look ahead to."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.model_selection import StratifiedKFold

from .._containers import stack_rows, take_rows
from .._core.batches import top_rows
from .._core.neighbors import other_rows
from .._random import draw_seed
from .._training import seeded, torch_seeded
from ..exceptions import JudgementWarning, warn_user
from ..metrics import paired_difference, paired_signed_rank
from ._acquisitions import RowAcquisition
from ._labels import PartialLabels
from ._query import Query
from ._request import Request
from ._virtual import Plan

# Folds by which mixes are judged, and what the p-value of their gain must be below.
N_FOLDS = 5
GUARD_LEVEL = 0.1

# Pairs of which the best are mixed, for each labelled row.
N_PAIRS = 2


class ResampleMixin:
    """``fit_resample`` of a selector."""

    def fit_resample(self, X: Any, y: Any) -> tuple[Any, Any]:
        """Mix the labelled rows whose mixes are worth most.

        Pairs of labelled rows are scored as pairs of candidates would be, Eq. 15, and
        the better half is mixed: as many mixes as labelled rows. Of a mixed label the
        mix gets one class, drawn by its share. Cross-validation then tells whether the
        classifier gains; if not, only the labelled rows come back.

        Parameters
        ----------
        X : {array-like, data frame, sparse matrix} of shape (n, ...)
            All rows.

        y : array-like of shape (n,)
            Class labels, ``missing_label`` where there is none.

        Returns
        -------
        X_resampled : {list, ndarray, data frame, sparse matrix} of shape (l + m, ...)
            The l labelled rows as they came, then the mixes.

        y_resampled : {list, ndarray, series} of shape (l + m,)
            Their labels.

        Raises
        ------
        ValueError
            If rows or labels cannot be used, or fewer than two classes have a label.
        """
        X, labels = self._read(X, y)
        if len(labels.classes) < 2:
            raise ValueError(
                f"y holds {len(labels.classes)} class, and two are needed to look at "
                "mixes of labelled rows."
            )
        rng = self._rng(labels)
        # As if there were no others: what is mixed are labelled rows.
        rows = labels.rows
        X_rows, y_rows = take_rows(X, rows), labels.of(rows)
        own = PartialLabels(y_rows, np.ones(len(rows), dtype=bool), labels.classes)
        with torch_seeded(0):
            X_mixed, source, parents, ratio = self._mix_best(X_rows, own, rng)
        self._judge(X_rows, y_rows, rng)
        if not self.accepted_:
            none = np.empty(0, dtype=np.intp)
            X_mixed, source = take_rows(X_mixed, none), none
            parents, ratio = parents[none], ratio[none]
        self.parent_indices_ = rows[parents]
        self.mix_weights_ = np.column_stack([ratio, 1 - ratio])
        self.labelled_indices_ = rows
        y_labelled = _as_labels(take_rows(y, rows), y_rows)
        y_mixed = take_rows(y_labelled, source)
        return stack_rows(X_rows, X_mixed), stack_rows(y_labelled, y_mixed)

    def _mix_best(self, X: Any, labels: PartialLabels, rng: RandomState) -> Any:
        """Mix the best pairs of rows that all have labels; fits the classifier, too."""
        rows = labels.rows
        n = len(rows)
        request = Request(X, labels, rows[:0], 0, self._asked_estimator(), None, rng)
        self._begin_query()
        view = self._look_through(request)
        acquisition, augmentation = self.acquisition_, self.augmentation_
        if augmentation is None:
            none = rows[:0]
            return take_rows(X, none), none, none.reshape(0, 2), np.empty(0)
        pairs, tau = np.empty((0, 2), dtype=np.intp), np.empty(0)
        if augmentation.mixes_pairs:
            partners = other_rows(n, N_PAIRS, rng)
            first = np.repeat(rows, partners.shape[1])
            pairs = np.column_stack([first, partners.ravel()])
            tau = np.full(len(pairs), getattr(augmentation, "tau", np.nan))
            best = top_rows(np.zeros(len(pairs)), n, rng)
            if self.lookahead and isinstance(acquisition, RowAcquisition):
                query = Query(X, rows, view, acquisition, rng, self.device)
                tau, virtual = query.look(augmentation, *pairs.T)
                utility = query.own[pairs].sum(axis=1) + self.lookahead_weight * virtual
                best = top_rows(utility, n, rng)
            pairs, tau = pairs[best], tau[best]
        plan = Plan(
            augmentation,
            1,
            self.categorical_features,
            self.device,
            None,
            False,
            rows,
            pairs,
            tau,
        )
        return plan.make_hard(X, labels, rng)

    def _judge(self, X: Any, y: NDArray, rng: RandomState) -> None:
        """Accept mixes if the classifier gains from them in cross-validation."""
        self.best_score_ = self.baseline_score_ = np.nan
        if not self.guard:
            self.accepted_, self.chosen_ = True, "Mixes; not judged, as guard=False."
            return
        fewest = np.unique(y, return_counts=True)[1].min()
        if fewest < 2:
            self.accepted_ = False
            self.chosen_ = (
                "No mixes: a class with a single label is too few to judge whether "
                "they help."
            )
            warn_user(self.chosen_, JudgementWarning)
            return
        codes = np.unique(y, return_inverse=True)[1]
        folds = StratifiedKFold(
            min(N_FOLDS, fewest), shuffle=True, random_state=draw_seed(rng)
        )
        with_mixes, without = np.empty(len(y)), np.empty(len(y))
        for train, test in folds.split(codes, codes):
            other = clone(self).set_params(guard=False, random_state=draw_seed(rng))
            X_more, y_more = other.fit_resample(take_rows(X, train), y[train])
            seed = draw_seed(rng)
            model = seeded(
                clone(self._asked_estimator()), self._asked_estimator(), seed
            )
            X_test = take_rows(X, test)
            X_train = take_rows(X, train)
            for losses, rows, labels in (
                (without, X_train, y[train]),
                (with_mixes, X_more, y_more),
            ):
                with torch_seeded(seed):
                    fitted = clone(model).fit(rows, labels)
                    losses[test] = _log_losses(fitted, X_test, y[test])
        gain, error = paired_difference(without, with_mixes)
        p_value = paired_signed_rank(without, with_mixes)
        self.best_score_ = -float(with_mixes.mean())
        self.baseline_score_ = -float(without.mean())
        self.accepted_ = bool(gain > 0 and p_value < GUARD_LEVEL)
        self.chosen_ = (
            f"{'Mixes' if self.accepted_ else 'No mixes'}. Held-out log loss "
            f"{with_mixes.mean():.3f} with mixing, {without.mean():.3f} without; gain "
            f"{gain:+.4f}, standard error {error:.4f}, signed-rank p {p_value:.2g}."
        )


def _as_labels(y: Any, labels: NDArray) -> Any:
    """Labels in what they came in; objects become what the labels are."""
    if isinstance(y, np.ndarray) and y.dtype == object:
        return labels
    return y.infer_objects() if hasattr(y, "infer_objects") else y


def _log_losses(model: Any, X: Any, y: NDArray) -> NDArray[np.float64]:
    """Log loss of each row, at most that of a probability of 1e-3.

    A class that is not among the training rows of a fold has the probability 0.
    """
    if not hasattr(model, "predict_proba"):
        raise ValueError(
            "guard=True judges mixes by class probabilities, and "
            f"{type(model).__name__} has no predict_proba: wrap it in "
            "CalibratedClassifierCV, or set guard=False."
        )
    probabilities = np.zeros(len(y))
    place = np.searchsorted(model.classes_, y).clip(0, len(model.classes_) - 1)
    known = model.classes_[place] == y
    predicted = model.predict_proba(X)
    probabilities[known] = predicted[known, place[known]]
    return -np.log(np.maximum(probabilities, 1e-3))
