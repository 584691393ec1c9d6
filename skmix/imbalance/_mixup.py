"""Mixup for classification: random pairs of rows, and labels between their classes."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.utils.validation import check_is_fitted

from .._compat import HasMethods, Interval
from .._core.mixing import interpolate
from .._core.pairs import uniform_partners
from ..base import BaseMixSampler, Mixes, ResamplingData


class MixupSampler(BaseMixSampler):
    """Mix random pairs of rows of any class, as mixup does.

    A mix of two classes belongs to both, in the shares of its parents. These soft
    labels are in ``soft_labels_``, and :class:`~skmix.ResampledClassifier` trains on
    them. The labels that come out with the rows are hard: each is the class of the
    heavier parent.

    With a policy, both are as people see mixes: the soft labels have the shares that
    they perceive, and hard labels are drawn with these as probabilities.

    Parameters
    ----------
    policy : estimator, default=None
        How people see mixes: :class:`~skmix.human.HumanMixPolicy`, or any regressor of
        (label a, label b, part of a). Fitted, and as ``FrozenEstimator(policy)`` where
        the sampler is cloned, as in a grid search; or not fitted, with `judgments`.

    judgments : Judgments, default=None
        Answers that a copy of the policy is fitted to, as
        :func:`~skmix.human.load_judgments` reads them.

    amount : float, default=1.0
        Number of further mixes for each row, counted once the classes have the sizes
        that `sampling_strategy` asks for. 0 adds only what it asks for.

    sampling_strategy : str, float, dict, callable or None, default="auto"
        How many rows each class gets, as in imbalanced-learn. "auto" adds to every
        class as many rows as it has fewer than the largest. A float is the ratio of
        the smaller of two classes to the larger afterwards, a dict holds the numbers
        of rows afterwards. None adds none, and leaves the classes in
        the proportions that they have.

    alpha : float, default=1.0
        Parameter of the Beta distribution of shares. Small values keep mixes near a
        parent.

    categorical_features : "from_dtype" or array-like, default="from_dtype"
        Columns that hold categories: names, places or a mask, in addition to columns
        of type text, boolean or category. A mix takes them from its heavier parent.

    random_state : int, RandomState or None, default=None
        Randomness of the pairs and shares.

    Attributes
    ----------
    soft_labels_ : ndarray of shape (n + m, n_classes)
        Shares of the classes, in sorted order, in each row that came out of the last
        :meth:`fit_resample` or :meth:`resample`; :meth:`iter_resample` drops them.

    sample_weight_ : ndarray of shape (n + m,)
        Weight of each of these rows: 1, so that soft labels count as they are.

    policy_ : estimator
        The fitted policy; None without.

    perceived_share_ : ndarray of shape (m,)
        Share of the first parent's class in each mix, as the soft labels have it.

    sampling_strategy_ : dict
        Number of mixes whose heavier parent is of each class, and which are labelled
        with it where there is no policy.

    parent_indices_ : ndarray of shape (m, 2)
        Row indices of the parents of each new row, the heavier one first, since the
        last draw.

    mix_weights_ : ndarray of shape (m, 2)
        Share of each parent.

    n_features_in_ : int
        Number of columns of X.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, if X has them.

    See Also
    --------
    AverageSampler : Mixes random rows of one class.
    MixBoostSampler : Mixes rows that a classifier is unsure of, across classes.

    Notes
    -----
    A mix is (w x_i + (1 - w) x_j, w y_i + (1 - w) y_j) with labels y as indicators of
    the classes [1]_. Its heavier parent i is each row of a class in turn, its partner j
    any other row, and w = max(b, 1 - b) with b from Beta(alpha, alpha). If n_c is the
    number of rows of class c and a_c what `sampling_strategy` adds, class c is that of
    the heavier parent in a_c + amount (n_c + a_c) mixes. With classes of one size, or
    with ``sampling_strategy=None``, these are the mixes of [1]_: which parent is named
    first makes no difference.

    Partners are drawn from the rows as they are. Of the hard labels there are exactly
    as many as asked for; the sums of the soft labels lie between that and the
    proportions of the data.

    With a policy g, the soft label of a mix is g y_i + (1 - g) y_j, for
    g = g(class of i, class of j, w) [2]_, and its hard label that of i with
    probability g, else that of j. Mixes of two rows of one class keep it.

    Nothing is learned from the rows: held-out rows are accepted, so that resamplers can
    be exchanged in one grid, and not used.

    Time and memory are O((n + m) n_classes + m p) for m mixes and p columns.

    References
    ----------
    .. [1] Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: beyond empirical risk
       minimization", ICLR 2018.

    .. [2] Collins, Bhatt, Liu, Piratla, Love and Weller, "Human-in-the-loop mixup",
       UAI 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skmix import ResampledClassifier
    >>> from skmix.imbalance import MixupSampler
    >>> X, y = np.array([[0.0], [1.0], [2.0], [9.0]]), np.array(["a", "a", "a", "b"])
    >>> sampler = MixupSampler(random_state=0)
    >>> X_new, y_new = sampler.fit_resample(X, y)
    >>> np.unique(y_new, return_counts=True)
    (array(['a', 'b'], dtype='<U1'), array([6, 6]))
    >>> i, j = sampler.parent_indices_[-1]
    >>> str(y[i]), str(y[j]), bool(sampler.soft_labels_[-1, 1] > 0.5)
    ('b', 'a', True)
    >>> model = ResampledClassifier(LogisticRegression(), resampler=sampler)
    >>> model.fit(X, y).predict([[0.0], [9.0]])
    array(['a', 'b'], dtype='<U1')
    """

    _parameter_constraints = {
        **BaseMixSampler._parameter_constraints,
        "policy": [HasMethods(["fit", "predict"]), None],
        "judgments": "no_validation",
        "amount": [Interval(Real, 0, None, closed="left")],
        "sampling_strategy": [
            *BaseMixSampler._parameter_constraints["sampling_strategy"],
            None,
        ],
        "alpha": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        policy: Any = None,
        *,
        judgments: Any = None,
        amount: float = 1.0,
        sampling_strategy: Any = "auto",
        alpha: float = 1.0,
        categorical_features: Any = "from_dtype",
        random_state: int | RandomState | None = None,
    ) -> None:
        self.policy = policy
        self.judgments = judgments
        self.amount = amount
        self.sampling_strategy = sampling_strategy
        self.alpha = alpha
        self.categorical_features = categorical_features
        self.random_state = random_state

    def _learn(self, data: ResamplingData, rng: RandomState) -> None:
        """Nothing to learn from the rows, but how many mixes to make."""
        self.policy_ = self._make_policy()
        if self.policy_ is not None:
            self._check_names(data)
        asked = self.sampling_strategy_ or {}
        self.sampling_strategy_ = {}
        classes, counts = np.unique(data.target, return_counts=True)
        for label, count in zip(classes.tolist(), counts.tolist(), strict=True):
            added = int(asked.get(label, 0))
            n_mixes = added + round(self.amount * (count + added))
            self.sampling_strategy_[label] = n_mixes

    def _draw(self, data: ResamplingData, rng: RandomState) -> Mixes:
        first = np.concatenate(
            [
                np.resize(rng.permutation(np.flatnonzero(data.target == label)), n)
                for label, n in self.sampling_strategy_.items()
            ]
        )
        second = uniform_partners(first, len(data), rng)
        share = rng.beta(self.alpha, self.alpha, size=len(first))
        share = np.maximum(share, 1 - share)
        label = data.target[first]
        self.perceived_share_ = self._perceived(data, first, second, share)
        if self.policy_ is not None:
            is_first = rng.uniform(size=len(first)) < self.perceived_share_
            label = np.where(is_first, label, data.target[second])
        return Mixes(first, second, share, label)

    def _keep_parents(self, mixes: Mixes) -> None:
        super()._keep_parents(mixes)
        # Those of an earlier draw.
        for name in ("soft_labels_", "sample_weight_"):
            vars(self).pop(name, None)

    def _put_together(self, data: ResamplingData, mixes: Mixes) -> tuple[Any, Any]:
        classes, code = np.unique(data.target, return_inverse=True)
        indicators = np.eye(len(classes))[code]
        soft = interpolate(indicators, mixes.first, mixes.second, self.perceived_share_)
        self.soft_labels_ = np.vstack([indicators, soft])
        self.sample_weight_ = np.ones(len(self.soft_labels_))
        return super()._put_together(data, mixes)

    def _make_policy(self) -> Any:
        """The policy, fitted to the judgments where there are any."""
        if self.judgments is None:
            if self.policy is not None:
                self._check_fitted()
            return self.policy
        if self.policy is None or isinstance(self.policy, FrozenEstimator):
            raise ValueError(
                f"judgments are to fit a policy, got policy={self.policy!r}: pass "
                "policy=HumanMixPolicy(), or no judgments."
            )
        if not hasattr(self.judgments, "X"):
            raise ValueError(
                f"judgments must be of class Judgments, got {self.judgments!r}: read a "
                "file by skmix.human.load_judgments."
            )
        return clone(self.policy).fit(self.judgments.X, self.judgments.y)

    def _check_fitted(self) -> None:
        try:
            check_is_fitted(self.policy)
        except NotFittedError as error:
            raise NotFittedError(
                f"policy={self.policy!r} is not fitted, or lost its fit when the "
                "sampler was cloned: pass FrozenEstimator(policy) with a fitted "
                "policy, or judgments to fit it to."
            ) from error

    def _perceived(
        self,
        data: ResamplingData,
        first: NDArray[np.intp],
        second: NDArray[np.intp],
        share: NDArray[np.float64],
    ) -> NDArray[np.float64]:
        """Share of the first parent's class as people see it."""
        if self.policy_ is None:
            return share
        rows = np.empty((len(first), 3), dtype=object)
        rows[:, 0], rows[:, 1] = data.target[first], data.target[second]
        rows[:, 2] = share
        seen = np.asarray(self.policy_.predict(rows), dtype=np.float64)
        outside = np.flatnonzero(~((seen >= 0) & (seen <= 1)))
        if len(outside):
            raise ValueError(
                f"policy must predict shares from 0 to 1, got {seen[outside[0]]}."
            )
        return seen

    def _check_names(self, data: ResamplingData) -> None:
        """Check that 1 is not written '1' where people were asked."""
        own = np.unique(data.target)
        known = getattr(self.policy_, "classes_", own)
        if not np.isin(own, known).any() and set(map(str, own)) & set(map(str, known)):
            raise ValueError(
                f"y has labels as {own.tolist()[0]!r}, and the policy knows "
                f"{known.tolist()[:5]!r}. Write both alike."
            )
