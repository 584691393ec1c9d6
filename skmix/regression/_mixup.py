"""Mixup for regression: random pairs of rows."""

from __future__ import annotations

from numbers import Real
from typing import Any

from numpy.random import RandomState

from .._compat import Interval, StrOptions
from ..base import BaseMixResampler, Mixes, ResamplingData
from ._pairs import DrawnRatio, PairRecipe


class MixupResampler(BaseMixResampler):
    """Mix random pairs of rows, as mixup does.

    Every pair is as likely. For regression that is often too much: a row half-way
    between two distant rows rarely has the label half-way between theirs [2]_.

    Parameters
    ----------
    amount : float, default=1.0
        Number of mixes for each row. Fewer come out where mixes repeat.

    mix_ratio : "beta" or float in (0, 1), default="beta"
        Share of the first parent: drawn from Beta(alpha, alpha) for each mix, or the
        same for all.

    alpha : float, default=1.0
        Parameter of the Beta distribution. Small values keep mixes near a parent.

    categorical_features : "from_dtype" or array-like, default="from_dtype"
        Columns that hold categories: names, places or a mask, in addition to columns
        of type text, boolean or category. A mix takes them from its heavier parent,
        from the first at a tie.

    random_state : int, RandomState or None, default=None
        Randomness of the pairs and shares.

    Attributes
    ----------
    parent_indices_ : ndarray of shape (m, 2)
        Row indices of the parents of each new row, since the last draw.

    mix_weights_ : ndarray of shape (m, 2)
        Share of each parent.

    n_features_in_ : int
        Number of columns of X.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, if X has them.

    See Also
    --------
    CMixupResampler : Prefers partners with near labels.
    MixRLResampler : Learns which rows to mix, and hands back the data as they were
        where mixing does not help.

    Notes
    -----
    A mix is (w x_i + (1 - w) x_j, w y_i + (1 - w) y_j) [1]_. Nothing is learned, and
    so nothing is judged: held-out rows are accepted, so that resamplers can be
    exchanged in one grid, and not used.

    Time and memory are O(m (p + t)) for m mixes, p columns and t targets.

    References
    ----------
    .. [1] Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: beyond empirical risk
       minimization", ICLR 2018.
    .. [2] Hwang and Whang, "MixRL: data mixing augmentation for regression using
       reinforcement learning", 2021.

    Examples
    --------
    >>> import numpy as np
    >>> from skmix.regression import MixupResampler
    >>> X, y = np.arange(8.0).reshape(4, 2), np.arange(4.0)
    >>> resampler = MixupResampler(amount=0.5, random_state=0)
    >>> X_new, y_new = resampler.fit_resample(X, y)
    >>> X_new.shape
    (6, 2)
    >>> i, j = resampler.parent_indices_[0]
    >>> w = resampler.mix_weights_[0, 0]
    >>> bool(np.allclose(X_new[4], w * X[i] + (1 - w) * X[j]))
    True
    """

    _parameter_constraints = {
        "amount": [Interval(Real, 0, None, closed="left")],
        "mix_ratio": [StrOptions({"beta"}), Interval(Real, 0, 1, closed="neither")],
        "alpha": [Interval(Real, 0, None, closed="neither")],
        "categorical_features": [StrOptions({"from_dtype"}), "array-like"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        amount: float = 1.0,
        mix_ratio: float | str = "beta",
        alpha: float = 1.0,
        categorical_features: Any = "from_dtype",
        random_state: int | RandomState | None = None,
    ) -> None:
        self.amount = amount
        self.mix_ratio = mix_ratio
        self.alpha = alpha
        self.categorical_features = categorical_features
        self.random_state = random_state

    def _learn(self, data: ResamplingData, rng: RandomState) -> None:
        """Nothing to learn."""

    def _draw(self, data: ResamplingData, rng: RandomState) -> Mixes:
        ratio = DrawnRatio(self.mix_ratio, self.alpha)
        return PairRecipe(data, self.amount, ratio).draw(None, rng)
