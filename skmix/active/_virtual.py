"""Rows made of labelled ones, and training with them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier
from sklearn.pipeline import Pipeline
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.validation import has_fit_parameter

from .._compat import num_samples
from .._containers import stack_rows, take_rows
from .._core.neighbors import other_rows
from .._random import draw_seed
from .._weights import fit_weighted
from ._labels import PartialLabels
from ._views import INPUT, is_pipeline, make_view

# Of scikit-learn's classifiers those that gain from mixes of all labelled rows.
TREES = (DecisionTreeClassifier, ExtraTreesClassifier, RandomForestClassifier)


class Mixing(NamedTuple):
    """Which labelled rows are mixed, and how.

    `first` and `second`, of shape (m,), are places among the labelled rows, or None to
    mix all of them with random others. `tau`, of shape (m,) or (m, 2) or a number, is
    the parameter of Beta(tau, tau) for the share of the first row, or its range.
    """

    first: NDArray[np.intp] | None
    second: NDArray[np.intp] | None
    tau: NDArray[np.float64] | float

    def draw(
        self, n_rows: int, n_draws: int, rng: RandomState
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
        """Both rows of each mix, and the share of the first: `n_draws` of each pair."""
        if self.first is None or self.second is None:
            second = other_rows(n_rows, n_draws, rng)
            first = np.repeat(np.arange(n_rows), second.shape[1])
            tau = np.broadcast_to(self.tau, len(first))
            return first, second.ravel(), draw_ratios(tau, rng)
        first, second, tau = (
            np.repeat(part, n_draws, axis=0)
            for part in (self.first, self.second, np.asarray(self.tau))
        )
        return first, second, draw_ratios(tau, rng)


def draw_ratios(tau: NDArray[np.float64], rng: RandomState) -> NDArray[np.float64]:
    """Draw shares from Beta(tau, tau), or between two bounds."""
    if tau.ndim == 2:
        return rng.uniform(tau[:, 0], tau[:, 1])
    return rng.beta(tau, tau)


def two_labels(
    labels: NDArray, other: NDArray, ratio: NDArray, weight: NDArray
) -> tuple[NDArray[np.intp], NDArray, NDArray[np.float64]]:
    """Turn mixed labels into weighted rows: one for each class of a mix.

    Parameters
    ----------
    labels, other : ndarray of shape (m,)
        Labels of both rows.

    ratio : ndarray of shape (m,)
        Share of the first.

    weight : ndarray of shape (m,)
        Weight of the mix.

    Returns
    -------
    mix : ndarray of shape (k,)
        Which mix each row is.

    label : ndarray of shape (k,)
        Its label.

    sample_weight : ndarray of shape (k,)
        Its share of the weight. For a learner that minimises a weighted log loss, the
        rows of a mix together are the cross-entropy with its mixed label, exactly.
    """
    same = labels == other
    share = np.where(same, 1.0, ratio)
    mix = np.concatenate([np.arange(len(labels)), np.flatnonzero(~same)])
    label = np.concatenate([labels, other[~same]])
    sample_weight = weight[mix] * np.concatenate([share, 1 - share[~same]])
    positive = sample_weight > 0
    return mix[positive], label[positive], sample_weight[positive]


def gains_from_mixes(estimator: Any) -> bool:
    """Whether a classifier gains from mixes of all labelled rows, as measured.

    Forests do, and networks that mix at a hidden layer. What is at the end of a
    pipeline counts.
    """
    while isinstance(estimator, Pipeline):
        estimator = estimator[-1]
    return isinstance(estimator, TREES) or has_fit_parameter(estimator, "pairs")


@dataclass
class Plan:
    """What is made of which labelled rows.

    Attributes
    ----------
    augmentation : Augmentation
        What makes them.

    n_draws : int
        How many are made of a row or a pair; they weigh together what a row does.

    kinds : "from_dtype" or array-like
        Which columns hold categories.

    device : str
        Where models are trained.

    layer : str, int or None
        Where a network mixes rows; None leaves it to the network.

    is_of_all : bool
        Whether they are made of all labelled rows; else of those of the last query.

    rows : ndarray of shape (k,)
        Rows of the last query.

    pairs : ndarray of shape (m, 2)
        Pairs of the last query.

    tau : ndarray of shape (m,)
        Parameters of Beta(tau, tau) for their ratios.
    """

    augmentation: Any
    n_draws: int
    kinds: Any
    device: str
    layer: str | int | None
    is_of_all: bool
    rows: NDArray[np.intp]
    pairs: NDArray[np.intp]
    tau: NDArray[np.float64]

    def make(
        self, X: Any, labels: PartialLabels, rng: RandomState
    ) -> tuple[Any, NDArray, NDArray[np.float64]] | None:
        """Rows with labels and weights; None where there is nothing to make them of."""
        if not self._has_rows(labels):
            return None
        X_rows, y = take_rows(X, labels.rows), labels.of(labels.rows)
        if not self.augmentation.mixes_pairs:
            return self._copies(X, X_rows, y, labels, rng)
        mixing = self._mixing(X_rows, y, labels, rng, self.kinds)
        return make_rows(
            X_rows, y, np.ones(len(y)), mixing, self.n_draws, self.kinds, rng
        )

    def make_hard(
        self, X: Any, labels: PartialLabels, rng: RandomState
    ) -> tuple[Any, NDArray[np.intp], NDArray[np.intp], NDArray[np.float64]]:
        """Rows, the row that each has its label of, its parents, the first's share.

        The label of a mix is that of its first parent with the probability of its
        share, so that on average it is the mixed label.
        """
        X_rows, y = take_rows(X, labels.rows), labels.of(labels.rows)
        if not self.augmentation.mixes_pairs:
            X_made, _, weight = self._copies(X, X_rows, y, labels, rng)
            parent = np.repeat(self.rows, self.n_draws)
            return X_made, parent, np.column_stack([parent, parent]), weight
        mixing = self._mixing(X_rows, y, labels, rng, self.kinds)
        first, second, ratio = mixing.draw(len(y), self.n_draws, rng)
        view = make_view(None, X_rows, np.arange(len(y)), self.kinds, INPUT)
        X_made = view.mix(view.read(X_rows), first, second, ratio)
        source = np.where(rng.uniform(size=len(ratio)) < ratio, first, second)
        parents = np.column_stack([first, second])
        return X_made, labels.rows[source], labels.rows[parents], ratio

    def train(
        self,
        estimator: Any,
        X: Any,
        labels: PartialLabels,
        weight: NDArray[np.float64] | None,
        rng: RandomState,
    ) -> Any:
        """Fit a classifier, in place, on labelled rows and what is made of them.

        A classifier whose ``fit`` takes pairs mixes them itself, as a network does at a
        hidden layer. For others the mixes are weighted rows. In a pipeline they are
        mixed behind the transformers, which are fitted on the rows alone.
        """
        X_rows, y = take_rows(X, labels.rows), labels.of(labels.rows)
        if not self._has_rows(labels):
            return fit_weighted(estimator, X_rows, y, weight, rng)
        if not self.augmentation.mixes_pairs:
            made = self._copies(X, X_rows, y, labels, rng)
            return _fit_with(estimator, X_rows, y, weight, made, rng)
        last, kinds = estimator, self.kinds
        while is_pipeline(last):
            # A last step, as a pipeline with a memory does not keep what that one does.
            before = clone(last, safe=False).set_params(
                steps=[*last.steps[:-1], ("last", "passthrough")]
            )
            X_rows, kinds = before.fit_transform(X_rows, y), "from_dtype"
            last.steps[:-1] = before.steps[:-1]
            last = last[-1]
        mixing = self._mixing(X_rows, y, labels, rng, kinds)
        if has_fit_parameter(last, "pairs"):
            pairs = None
            if mixing.first is not None:
                pairs = np.column_stack([mixing.first, mixing.second])
            extra = {} if weight is None else {"sample_weight": weight}
            last.fit(X_rows, y, pairs=pairs, tau=mixing.tau, layer=self.layer, **extra)
            return estimator
        shares = np.ones(len(y)) if weight is None else weight
        made = make_rows(X_rows, y, shares, mixing, self.n_draws, kinds, rng)
        _fit_with(last, X_rows, y, weight, made, rng)
        return estimator

    def _has_rows(self, labels: PartialLabels) -> bool:
        """Whether there is something to make rows of."""
        if self.is_of_all:
            return len(labels.rows) > 0
        return len(self.pairs if self.augmentation.mixes_pairs else self.rows) > 0

    def _mixing(
        self,
        X_rows: Any,
        y: NDArray,
        labels: PartialLabels,
        rng: RandomState,
        kinds: Any,
    ) -> Mixing:
        """Which labelled rows are mixed."""
        learns_ranges = hasattr(self.augmentation, "_ranges")
        first = second = None
        tau: Any = getattr(self.augmentation, "tau", None)
        if not self.is_of_all:
            self._check_labelled(self.pairs, labels)
            first, second = np.searchsorted(labels.rows, self.pairs).T
            tau = self.tau
        elif learns_ranges:
            second = other_rows(len(y), 1, rng).ravel()
            first = np.arange(len(second))
        if learns_ranges:
            view = make_view(None, X_rows, np.arange(len(y)), kinds, INPUT)
            tau = self.augmentation._ranges(
                view.numbers(X_rows),
                np.searchsorted(labels.classes, y),
                first,
                second,
                draw_seed(rng),
                self.device,
            )
        return Mixing(first, second, tau)

    def _copies(
        self, X: Any, X_rows: Any, y: NDArray, labels: PartialLabels, rng: RandomState
    ) -> tuple[Any, NDArray, NDArray[np.float64]]:
        """Rows that keep the label of the one that they are made of."""
        rows = labels.rows if self.is_of_all else self.rows
        self._check_labelled(rows, labels)
        rows = np.repeat(rows, self.n_draws)
        codes, y_codes = (
            np.searchsorted(labels.classes, v) for v in (labels.of(rows), y)
        )
        made = self.augmentation._make(
            take_rows(X, rows), codes, X_rows, y_codes, self.device, draw_seed(rng)
        )
        return made, labels.of(rows), np.full(len(rows), 1 / self.n_draws)

    def _check_labelled(self, rows: NDArray[np.intp], labels: PartialLabels) -> None:
        if len(rows) and rows.max() >= len(labels.y):
            raise ValueError(
                f"y has {len(labels.y)} rows, and the last query chose row "
                f"{rows.max()}: pass the rows of that query."
            )
        missing = np.unique(rows[~labels.labelled[rows]])
        if len(missing):
            raise ValueError(
                f"y has no label for the rows {missing[:10].tolist()} of the last "
                "query, which are to be mixed: fill in the labels of query_indices_ "
                "first."
            )


def make_rows(
    X: Any,
    y: NDArray,
    weight: NDArray[np.float64],
    mixing: Mixing,
    n_draws: int,
    kinds: Any,
    rng: RandomState,
) -> tuple[Any, NDArray, NDArray[np.float64]]:
    """Mix labelled rows.

    Parameters
    ----------
    X : {array-like, data frame, sparse matrix} of shape (n, ...)
        Labelled rows.

    y : ndarray of shape (n,)
        Their labels.

    weight : ndarray of shape (n,)
        Their weights.

    mixing : Mixing
        Which are mixed.

    n_draws : int
        Number of mixes of a pair; they weigh together as much as their rows do.

    kinds : "from_dtype" or array-like
        Which columns hold categories.

    rng : RandomState
        Source of randomness.

    Returns
    -------
    X_mixed : {list, ndarray, data frame, sparse matrix} of shape (k, ...)
        Mixed rows, each as often as it has classes.

    y_mixed : ndarray of shape (k,)
        A label of each.

    sample_weight : ndarray of shape (k,)
        The share of this label.
    """
    first, second, ratio = mixing.draw(num_samples(X), n_draws, rng)
    share = (ratio * weight[first] + (1 - ratio) * weight[second]) / n_draws
    mix, label, sample_weight = two_labels(y[first], y[second], ratio, share)
    view = make_view(None, X, np.arange(num_samples(X)), kinds, INPUT)
    X_mixed = view.mix(view.read(X), first[mix], second[mix], ratio[mix])
    return X_mixed, label, sample_weight


def _fit_with(
    estimator: Any,
    X: Any,
    y: NDArray,
    weight: NDArray[np.float64] | None,
    made: tuple[Any, NDArray, NDArray[np.float64]],
    rng: RandomState,
) -> Any:
    """Fit on rows and on others that were made of them."""
    X_made, y_made, w_made = made
    weight = np.ones(len(y)) if weight is None else weight
    return fit_weighted(
        estimator,
        stack_rows(X, X_made),
        np.concatenate([y, y_made]),
        np.concatenate([weight, w_made]),
        rng,
    )
