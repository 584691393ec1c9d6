"""MixBoost: mixes across classes, of rows that a classifier is unsure of."""

from __future__ import annotations

from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.random import RandomState
from scipy.special import entr
from sklearn.base import BaseEstimator, clone
from sklearn.linear_model import LogisticRegression

from .._compat import HasMethods, Interval
from .._containers import take_rows
from .._core.mixing import heavier_parent
from .._core.neighbors import FloatArray, IntArray
from .._random import draw_seed
from .._training import seeded
from ..base import BaseMixSampler, Mixes, ResamplingData


def draw_rows(
    rows: IntArray, entropy: FloatArray, size: int, rng: RandomState
) -> IntArray:
    """Draw rows: the first half in proportion to their entropy, the rest uniformly.

    Parameters
    ----------
    rows : ndarray of shape (k,)
        What to draw from.

    entropy : ndarray of shape (n,)
        Entropy of the prediction for each row of the data. Where it is 0 for all of
        `rows`, they are all drawn uniformly.

    size : int
        Number of rows to draw, with replacement; of an odd number the greater part is
        drawn by entropy.

    rng : RandomState
        Source of randomness.

    Returns
    -------
    drawn : ndarray of shape (size,)
        Some of `rows`.
    """
    chance = entropy[rows]
    certain = chance.sum() < np.finfo(np.float64).tiny
    by_entropy = rng.choice(
        rows, size=(size + 1) // 2, p=None if certain else chance / chance.sum()
    )
    return np.concatenate([by_entropy, rng.choice(rows, size=size // 2)])


class MixBoostSampler(BaseMixSampler):
    """Mix rows of different classes, above all those that a classifier is unsure of.

    In several rounds a classifier is trained on the rows and the mixes so far, and the
    less certain it is of a row, the likelier that row is mixed [1]_. A mix is mostly
    one row, whose class it gets, and a little of a row of another class.

    Parameters
    ----------
    estimator : classifier, default=None
        Whose predictions are asked; it needs ``predict_proba``
        (:class:`~sklearn.calibration.CalibratedClassifierCV` adds it). None takes
        logistic regression on standardised columns, with an indicator for each
        category; inside :class:`~skmix.ResampledClassifier`, None means the estimator
        there.

    sampling_strategy : str, float, dict or callable, default="auto"
        How many mixes with the others each class gets, in imbalanced-learn's words.
        "auto" makes as many as the class has fewer rows than the largest. A float is
        the ratio of the smaller of two classes to the larger that they would lead to,
        a dict holds numbers of rows, if they were all of the class.

    n_rounds : int, default=5
        Number of rounds: in each the classifier is trained once, and an equal part of
        the mixes is made.

    alpha : float, default=0.2
        Parameter of the Beta distribution of shares. Small values keep mixes near one
        of their parents.

    categorical_features : "from_dtype" or array-like, default="from_dtype"
        Columns that hold categories: names, places or a mask, in addition to columns
        of type text, boolean or category. A mix takes them from its heavier parent.

    random_state : int, RandomState or None, default=None
        Randomness of rows and shares, and of an estimator that has no seed.

    Attributes
    ----------
    entropy_ : ndarray of shape (n_rounds, n)
        Entropy of the classifier's prediction for each row, by round.

    sampling_strategy_ : dict
        Number of mixes of each class with the others.

    parent_indices_ : ndarray of shape (m, 2)
        Row indices of the parents of each new row, since the last draw; the first is
        of the class that was to get more.

    mix_weights_ : ndarray of shape (m, 2)
        Share of each parent.

    n_features_in_ : int
        Number of columns of X.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, if X has them.

    See Also
    --------
    AverageSampler : Mixes random rows of one class.
    MixupSampler : Mixes random rows of any class, with labels in between.

    Notes
    -----
    A mix is w x_i + (1 - w) x_j with w from Beta(alpha, alpha). Row i is of the class c
    that is to get more, row j of any other, and the mix is labelled by the heavier one:
    on average, half of the mixes get class c. The paper keeps soft labels, of which
    these are the larger part.

    Half of the mixes of a round have parents drawn uniformly; in the other half the
    probability of a row is proportional to the entropy H_i = -sum_k p_ik log p_ik of
    its prediction, among the rows of class c for the one parent and among all others
    for the other. A classifier that is certain of all of them leaves both halves
    uniform. Predictions are for the very rows that it was trained on, of which a tree
    without limits, for one, is always certain.

    The classifier is trained with mixes of its own; those that come out are drawn anew
    with what was learned, as :meth:`resample` does. Nothing is judged: held-out rows
    are accepted, so that resamplers can be exchanged in one grid, and not used.

    Time is that of `n_rounds` fits of the estimator, on up to n + m rows; memory is
    O(n_rounds n + (n + m) p) for m mixes and p columns, beside the estimator's.

    References
    ----------
    .. [1] Kabra, Chopra, Puri, Badjatiya, Verma, Gupta and Krishnamurthy, "MixBoost:
       synthetic oversampling with boosted mixup for handling extreme imbalance",
       ICDM 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from skmix.imbalance import MixBoostSampler
    >>> rng = np.random.RandomState(0)
    >>> X = rng.normal(size=(100, 2)) + np.repeat([[0.0], [2.0]], [90, 10], axis=0)
    >>> y = np.repeat(["common", "rare"], [90, 10])
    >>> sampler = MixBoostSampler(random_state=0)
    >>> X_new, y_new = sampler.fit_resample(X, y)
    >>> np.unique(y_new[100:], return_counts=True)
    (array(['common', 'rare'], dtype='<U6'), array([40, 40]))
    >>> np.unique(y[sampler.parent_indices_], axis=0)
    array([['rare', 'common']], dtype='<U6')
    """

    _parameter_constraints = {
        **BaseMixSampler._parameter_constraints,
        "estimator": [HasMethods(["fit", "predict_proba"]), None],
        "n_rounds": [Interval(Integral, 1, None, closed="left")],
        "alpha": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        sampling_strategy: Any = "auto",
        n_rounds: int = 5,
        alpha: float = 0.2,
        categorical_features: Any = "from_dtype",
        random_state: int | RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.sampling_strategy = sampling_strategy
        self.n_rounds = n_rounds
        self.alpha = alpha
        self.categorical_features = categorical_features
        self.random_state = random_state

    def _learn(self, data: ResamplingData, rng: RandomState) -> None:
        self.entropy_ = np.empty((self.n_rounds, len(data)))
        mixes = Mixes.none(data)
        for number in range(self.n_rounds):
            X = self._encode(data, mixes)
            y = np.concatenate([data.target, mixes.target])
            classifier = self._make_classifier(rng).fit(X, y)
            own = take_rows(X, np.arange(len(data)))
            probability = classifier.predict_proba(own)
            if not np.isfinite(probability).all():
                raise ValueError(
                    f"predict_proba of estimator={classifier!r} gives NaN or infinity, "
                    "but rows are weighted by its entropy. Choose another estimator."
                )
            self.entropy_[number] = entr(probability).sum(axis=1)
            mixes = Mixes.join([mixes, self._draw_round(data, number, rng)])

    def _draw(self, data: ResamplingData, rng: RandomState) -> Mixes:
        rounds = range(len(self.entropy_))
        return Mixes.join([self._draw_round(data, number, rng) for number in rounds])

    def _draw_round(self, data: ResamplingData, number: int, rng: RandomState) -> Mixes:
        """Make the mixes of a round, by what its classifier said."""
        pairs = [np.empty((0, 2), dtype=np.intp)]
        for label, n_wanted in self.sampling_strategy_.items():
            # Over the rounds these sum to n_wanted.
            size = (n_wanted + number) // len(self.entropy_)
            is_own = data.target == label
            sides = [
                draw_rows(np.flatnonzero(side), self.entropy_[number], size, rng)
                for side in (is_own, ~is_own)
            ]
            pairs.append(np.column_stack(sides))
        first, second = np.concatenate(pairs).T
        share = rng.beta(self.alpha, self.alpha, size=len(first))
        heavier = heavier_parent(first, second, share)
        return Mixes(first, second, share, data.target[heavier])

    def _encode(self, data: ResamplingData, mixes: Mixes) -> Any:
        """Make what the classifier sees: all rows, then mixes."""
        if self.estimator is not None:
            return self._put_together(data, mixes)[0]
        source, values = data.columns.mix(mixes.first, mixes.second, mixes.weight)
        source = np.concatenate([np.arange(len(data)), source])
        values = np.vstack([data.columns.values, values])
        return data.encoder(data.columns, source, values)

    def _make_classifier(self, rng: RandomState) -> BaseEstimator:
        """Copy the estimator, or the default, with a seed wherever it has none."""
        classifier = self.estimator
        if classifier is None:
            classifier = LogisticRegression(max_iter=1000)
        return seeded(clone(classifier), classifier, draw_seed(rng))
