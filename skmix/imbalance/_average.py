"""Averages of two random rows of a class."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import RandomState

from .._core.pairs import uniform_partners
from ..base import BaseMixSampler, Mixes, ResamplingData


class AverageSampler(BaseMixSampler):
    """Add averages of two random rows of a class.

    The plainest of oversamplers that mix: any two rows of a class are as likely,
    however far apart they are. It is the baseline "Random" of MixAnN [1]_.

    Parameters
    ----------
    sampling_strategy : str, float, dict or callable, default="auto"
        How many rows each class gets, as in imbalanced-learn. "auto" adds to every
        class as many rows as it has fewer than the largest. A float is the ratio of
        the smaller of two classes to the larger afterwards, a dict holds the numbers
        of rows afterwards.

    categorical_features : "from_dtype" or array-like, default="from_dtype"
        Columns that hold categories: names, places or a mask, in addition to columns
        of type text, boolean or category. An average takes them from one of its
        parents, and all from the same one.

    random_state : int, RandomState or None, default=None
        Randomness of the pairs.

    Attributes
    ----------
    sampling_strategy_ : dict
        Number of rows to add to each class.

    parent_indices_ : ndarray of shape (m, 2)
        Row indices of the parents of each new row, since the last draw.

    mix_weights_ : ndarray of shape (m, 2)
        Share of each parent, one half.

    n_features_in_ : int
        Number of columns of X.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, if X has them.

    See Also
    --------
    MixBoostSampler : Mixes rows that a classifier is unsure of, across classes.
    MixupSampler : Mixes random rows of any class, with labels in between.

    Notes
    -----
    A new row is (x_i + x_j) / 2, where i and j are two different rows of its class,
    drawn uniformly. A class of k rows has k (k - 1) / 2 averages, of which one may be
    drawn more than once. Nothing is learned: held-out rows are accepted, so that
    resamplers can be exchanged in one grid, and not used.

    Time and memory are O(n + m p) for m new rows and p columns, and O(n) more time for
    each class.

    References
    ----------
    .. [1] Lai, Zha, Chen, Bendre, Chen, Das, Yang and Hu, "Tackling diverse
       minorities in imbalanced classification", CIKM 2023.

    Examples
    --------
    >>> from skmix.imbalance import AverageSampler
    >>> X, y = [[0.0], [1.0], [2.0], [10.0], [20.0]], ["a", "a", "a", "b", "b"]
    >>> X_new, y_new = AverageSampler(random_state=0).fit_resample(X, y)
    >>> X_new[5:], y_new[5:]
    ([[15.0]], ['b'])
    """

    def __init__(
        self,
        *,
        sampling_strategy: Any = "auto",
        categorical_features: Any = "from_dtype",
        random_state: int | RandomState | None = None,
    ) -> None:
        self.sampling_strategy = sampling_strategy
        self.categorical_features = categorical_features
        self.random_state = random_state

    def _learn(self, data: ResamplingData, rng: RandomState) -> None:
        """Nothing to learn, but whether there are pairs."""
        for label, n_wanted in self.sampling_strategy_.items():
            if n_wanted and np.count_nonzero(data.target == label) < 2:
                raise ValueError(
                    f"An average needs two rows, but class {label} has 1 in y. Leave "
                    "the class out of sampling_strategy, or repeat its row with "
                    "RandomOverSampler of imbalanced-learn."
                )

    def _draw(self, data: ResamplingData, rng: RandomState) -> Mixes:
        pairs = [np.empty((0, 2), dtype=np.intp)]
        for label, n_wanted in self.sampling_strategy_.items():
            if not n_wanted:
                continue
            rows = np.flatnonzero(data.target == label)
            first = rng.randint(len(rows), size=n_wanted)
            second = uniform_partners(first, len(rows), rng)
            pairs.append(rows[np.column_stack([first, second])])
        first, second = np.concatenate(pairs).T
        return Mixes(first, second, np.full(len(first), 0.5), data.target[first])
