"""C-Mixup: random pairs of rows, the likelier the nearer their labels."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.random import RandomState

from .._compat import Interval
from .._core.pairs import kernel_partners
from ..base import ResamplingData
from ._mixup import MixupResampler


class CMixupResampler(MixupResampler):
    """Mix pairs of rows, the likelier the nearer their labels.

    Parameters
    ----------
    bandwidth : float, default=1.0
        Standard deviation of the kernel on label distance, in standard deviations of
        the labels. A large one leaves mixup.

    amount : float, default=1.0
        Number of mixes for each row. Fewer come out where mixes repeat.

    mix_ratio : "beta" or float in (0, 1), default="beta"
        Share of the first parent: drawn from Beta(alpha, alpha) for each mix, or the
        same for all.

    alpha : float, default=2.0
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
    MixupResampler : Every pair is as likely.
    MixRLResampler : Learns which rows to mix, and hands back the data as they were
        where mixing does not help.

    Notes
    -----
    The partner j of row i is drawn with probability proportional to
    exp(-d(i, j)^2 / (2 bandwidth^2)), d the Euclidean distance of the standardised
    labels, j not i [1]_. Nothing is learned, and so nothing is judged: held-out rows
    are accepted, so that resamplers can be exchanged in one grid, and not used.

    Pairs are drawn by rejection, those that remain in blocks of 64 MiB: never an n x n
    array. Memory is O(n + m (p + t)) for m mixes, p columns and t targets; time is
    about that of 1 / a draws for each mix, a the mean rate of acceptance. With one
    label a is about 0.15 or more; with several it falls with their number and with
    the bandwidth, down to O(n^2) time in all.

    References
    ----------
    .. [1] Yao, Wang, Zhang, Zou and Finn, "C-Mixup: improving generalization in
       regression", NeurIPS 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from skmix.regression import CMixupResampler
    >>> X, y = np.arange(8.0).reshape(4, 2), np.array([0.0, 0.1, 5.0, 5.1])
    >>> resampler = CMixupResampler(bandwidth=0.1, random_state=0)
    >>> X_new, y_new = resampler.fit_resample(X, y)
    >>> np.unique(np.sort(resampler.parent_indices_, axis=1), axis=0).tolist()
    [[0, 1], [2, 3]]
    """

    _parameter_constraints = {
        **MixupResampler._parameter_constraints,
        "bandwidth": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        *,
        bandwidth: float = 1.0,
        amount: float = 1.0,
        mix_ratio: float | str = "beta",
        alpha: float = 2.0,
        categorical_features: Any = "from_dtype",
        random_state: int | RandomState | None = None,
    ) -> None:
        super().__init__(
            amount=amount,
            mix_ratio=mix_ratio,
            alpha=alpha,
            categorical_features=categorical_features,
            random_state=random_state,
        )
        self.bandwidth = bandwidth

    def _draw_partners(
        self, data: ResamplingData, first: np.ndarray, rng: RandomState
    ) -> np.ndarray:
        spread = data.target.std(axis=0)
        labels = data.target / np.where(spread > 0, spread, 1.0)
        return kernel_partners(first, labels, self.bandwidth, rng)
