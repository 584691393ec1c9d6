"""C-Mixup: random pairs of rows, the likelier the nearer their labels."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from numbers import Real
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from .._compat import Interval, StrOptions
from .._core.mixing import deviations
from .._core.pairs import kernel_partners
from .._validation import check_positive
from ..base import ResamplingData
from ._judged import JudgedResampler
from ._pairs import DrawnRatio, PairRecipe
from ._search import Make


class CMixupResampler(JudgedResampler):
    """Mix pairs of rows, the likelier the nearer their labels.

    Parameters
    ----------
    estimator : regressor, default=None
        The regressor that the rows are for, asked where ``bandwidth="auto"``. None
        takes a kernel model in its place, and says so; inside
        :class:`~skmix.ResampledRegressor`, None means the estimator there.

    bandwidth : float or "auto", default=1.0
        Standard deviation of the kernel on label distance, in standard deviations of
        the labels. A large one leaves mixup. "auto" chooses it by the error on the
        held-out rows, or by cross-validation where there are none.

    candidates : sequence of float, default=(0.1, 0.3, 1.0, 3.0)
        The bandwidths that "auto" tries.

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

    cv : int or splitter, default=5
        Folds where no held-out rows are given: their number, for two splits of all
        rows, or a splitter of scikit-learn that holds out each row equally often.

    guard : bool, default=True
        Whether "auto" hands the data back as they were unless held-out rows gain,
        beyond chance. A given bandwidth is used in any case.

    max_samples : int, default=None
        Most rows that "auto" chooses by; what it chooses is judged and used on all.

    max_time : float, default=None
        Seconds after which no further candidate is tried; the fits to all rows that
        `max_samples` leads to still come.

    n_jobs : int, default=None
        Number of folds fitted at a time. The result does not depend on it.

    verbose : bool or int, default=0
        Whether to show progress (needs ``rich``).

    random_state : int, RandomState or None, default=None
        Randomness of folds, pairs and shares.

    Attributes
    ----------
    bandwidth_ : float
        Bandwidth that was given or chosen; 0 if none could be judged.

    accepted_ : bool
        Whether rows are mixed: mixing helped, or nothing was judged as the bandwidth
        was given.

    best_score_ : float
        R2 with mixing, on rows that neither the mixing nor the choice among candidates
        was learned from. NaN if not measured.

    baseline_score_ : float
        R2 of the untouched data on the same rows. NaN if not measured.

    chosen_ : str
        What was chosen, and why, in plain words.

    history_ : dict of lists
        Held-out error of the untouched data (bandwidth is 0) and of each candidate;
        only with "auto".

    n_iter_ : int
        Number of candidates that were tried, the untouched data included; only with
        "auto".

    parent_indices_ : ndarray of shape (m, 2)
        Row indices of the parents of each new row, since the last draw.

    mix_weights_ : ndarray of shape (m, 2)
        Share of each parent.

    n_features_in_ : int
        Number of columns of X.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, if X has them.

    Warns
    -----
    JudgementWarning
        With "auto", where whether mixing helps cannot be judged well: no estimator, or
        too few rows.

    SharedDeviceWarning
        If ``n_jobs`` lets several fits of an estimator share one GPU.

    See Also
    --------
    KNNMixupResampler : Mixes each row with its nearest ones, by features too.
    MixupResampler : Every pair is as likely.
    MixRLResampler : Learns which rows to mix, and hands back the data as they were
        where mixing does not help.

    Notes
    -----
    The partner j of row i is drawn with probability proportional to
    exp(-d(i, j)^2 / (2 bandwidth^2)), d the Euclidean distance of the standardised
    labels, j not i [1]_. With a given bandwidth nothing is learned, and so nothing is
    judged: held-out rows are accepted, so that resamplers can be exchanged in one grid,
    and not used. With "auto" each candidate costs 2 ``cv`` fits of the estimator, or
    one where held-out rows are given; to judge, each fold, or half of the held-out
    rows, is scored with the bandwidth that the others prefer.

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
        **JudgedResampler._parameter_constraints,
        "bandwidth": [Interval(Real, 0, None, closed="neither"), StrOptions({"auto"})],
        "candidates": ["array-like"],
        "amount": [Interval(Real, 0, None, closed="left")],
        "mix_ratio": [StrOptions({"beta"}), Interval(Real, 0, 1, closed="neither")],
        "alpha": [Interval(Real, 0, None, closed="neither")],
        "categorical_features": [StrOptions({"from_dtype"}), "array-like"],
    }

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        bandwidth: float | str = 1.0,
        candidates: Sequence[float] = (0.1, 0.3, 1.0, 3.0),
        amount: float = 1.0,
        mix_ratio: float | str = "beta",
        alpha: float = 2.0,
        categorical_features: Any = "from_dtype",
        cv: Any = 5,
        guard: bool = True,
        max_samples: int | None = None,
        max_time: float | None = None,
        n_jobs: int | None = None,
        verbose: bool | int = 0,
        random_state: int | RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.bandwidth = bandwidth
        self.candidates = candidates
        self.amount = amount
        self.mix_ratio = mix_ratio
        self.alpha = alpha
        self.categorical_features = categorical_features
        self.cv = cv
        self.guard = guard
        self.max_samples = max_samples
        self.max_time = max_time
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state

    def _learn(self, data: ResamplingData, rng: RandomState) -> None:
        candidates = check_positive(self.candidates, "candidates")
        if self.bandwidth == "auto":
            self._choose(data, candidates, "bandwidth", rng)
        else:
            self._take(data, self.bandwidth, rng)
        self.bandwidth_ = self._candidate or 0.0

    def _maker(self) -> Make:
        return partial(
            _make_recipe, self.amount, DrawnRatio(self.mix_ratio, self.alpha)
        )

    def _describe(self, candidate: float) -> str:
        return f"each row with rows of near labels, bandwidth {candidate:g}"


def _make_recipe(
    amount: float, ratio: DrawnRatio, train: ResamplingData, seed: int
) -> _NearLabels:
    return _NearLabels(train, amount, ratio)


class _NearLabels(PairRecipe):
    """Draws partners by the kernel on label distance."""

    def partners(
        self, first: NDArray[np.intp], candidate: float, rng: RandomState
    ) -> NDArray[np.intp]:
        """Draw a partner for each of some rows, with a bandwidth."""
        labels = self.data.target / deviations(self.data.target)
        return kernel_partners(first, labels, candidate, rng)
