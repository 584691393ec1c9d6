"""Mixup with near rows only: one number of neighbours for all rows."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from .._compat import HasMethods, Interval, StrOptions
from .._optional import import_bayes_opt
from .._validation import check_counts
from ..base import ResamplingData
from ._judged import JudgedResampler
from ._neighbors import make_neighbor_recipe
from ._pairs import DrawnRatio
from ._search import CandidateSearch, Make


class KNNMixupResampler(JudgedResampler):
    """Mix each row with its k nearest rows, by features and by label.

    The recipe that MixRL is compared with as "global kNN" [1]_: one k for all rows and
    both kinds of distance. It is given, or chosen by the held-out error of
    ``estimator``.

    Parameters
    ----------
    estimator : regressor, default=None
        The regressor that the rows are for, asked where ``k="auto"``. None takes a
        kernel model in its place, and says so; inside
        :class:`~skmix.ResampledRegressor`, None means the estimator there.

    k : int or "auto", default="auto"
        Number of neighbours of either kind. "auto" chooses it by the error on the
        held-out rows, or by cross-validation where there are none.

    candidates : sequence of int, default=(1, 2, 4, 8, 16, 32)
        The numbers that "auto" tries.

    search : {"grid", "bayes"}, default="grid"
        Whether all ``candidates`` are tried, or as many numbers between the least and
        the greatest of them as Bayesian optimisation proposes [2]_ (needs
        ``bayesian-optimization``).

    mix_ratio : "beta" or float in (0, 1), default=0.5
        Share of the row in its mixes: drawn from Beta(alpha, alpha) for each mix, or
        the same for all.

    alpha : float, default=1.0
        Parameter of the Beta distribution. Small values keep mixes near a parent.

    max_mixes : int, default=2000000
        Upper bound of the number of mixes. Where there would be more, each row has an
        equal number of its own, at random, and one at least.

    neighbor_search : estimator, default=None
        What finds the nearest rows by features: anything with ``fit`` and
        ``kneighbors``, or a transformer that makes a sparse graph of distances, such as
        ``PyNNDescentTransformer``. None is an exact search up to 12000 rows, or in up
        to four dimensions; beyond, rows are compared with those of the same part of
        space, of 6000 to 12000 rows.

    categorical_features : "from_dtype" or array-like, default="from_dtype"
        Columns that hold categories: names, places or a mask, in addition to columns
        of type text, boolean or category. A mix takes them from its heavier parent,
        from the first at a tie.

    cv : int or splitter, default=5
        Folds where no held-out rows are given: their number, for two splits of all
        rows, or a splitter of scikit-learn that holds out each row equally often.

    guard : bool, default=True
        Whether "auto" hands the data back as they were unless held-out rows gain,
        beyond chance. A given k is used in any case.

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
        Randomness of folds and shares.

    Attributes
    ----------
    k_ : int
        Number of neighbours that was given or chosen; 0 if none could be judged.

    accepted_ : bool
        Whether rows are mixed: mixing helped, or nothing was judged as k was given.

    best_score_ : float
        R2 with mixing, on rows that neither the mixing nor the choice among candidates
        was learned from. NaN if not measured.

    baseline_score_ : float
        R2 of the untouched data on the same rows. NaN if not measured.

    chosen_ : str
        What was chosen, and why, in plain words.

    history_ : dict of lists
        Held-out error of the untouched data (k is 0) and of each k that was tried; only
        with "auto".

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
        Where whether mixing helps cannot be judged well: no estimator, or too few rows.

    SharedDeviceWarning
        If ``n_jobs`` lets several fits of an estimator share one GPU.

    See Also
    --------
    CMixupResampler : Random pairs, the likelier the nearer their labels.
    MixRLResampler : Learns the number of neighbours for each row.

    Notes
    -----
    A pair that is near in both ways, or from both sides with a share of one half, is
    mixed once. Between 1 and 2k mixes come out for each row.

    Each candidate costs 2 ``cv`` fits of the estimator, on up to 1 + 2k times the rows,
    or one fit where held-out rows are given. To judge, each fold, or half of the
    held-out rows, is scored with the k that the others prefer. With "bayes" all folds
    have a part in which numbers are tried.

    Time and memory of the mixes are those of the neighbour search and
    O(n k (p + t)), for p columns and t targets.

    References
    ----------
    .. [1] Hwang and Whang, "MixRL: data mixing augmentation for regression using
       reinforcement learning", 2021.
    .. [2] Mockus, "On Bayesian methods for seeking the extremum", 1974.

    Examples
    --------
    >>> import numpy as np
    >>> from skmix.regression import KNNMixupResampler
    >>> X, y = np.array([[0.0], [1.0], [3.0]]), np.array([0.0, 10.0, 30.0])
    >>> X_new, y_new = KNNMixupResampler(k=1).fit_resample(X, y)
    >>> X_new.ravel()
    array([0. , 1. , 3. , 0.5, 2. ])
    >>> y_new
    array([ 0., 10., 30.,  5., 20.])
    """

    _parameter_constraints = {
        **JudgedResampler._parameter_constraints,
        "k": [Interval(Integral, 1, None, closed="left"), StrOptions({"auto"})],
        "candidates": ["array-like"],
        "search": [StrOptions({"grid", "bayes"})],
        "mix_ratio": [StrOptions({"beta"}), Interval(Real, 0, 1, closed="neither")],
        "alpha": [Interval(Real, 0, None, closed="neither")],
        "max_mixes": [Interval(Integral, 1, None, closed="left")],
        "neighbor_search": [HasMethods(["fit"]), None],
        "categorical_features": [StrOptions({"from_dtype"}), "array-like"],
    }

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        k: int | str = "auto",
        candidates: Sequence[int] = (1, 2, 4, 8, 16, 32),
        search: str = "grid",
        mix_ratio: float | str = 0.5,
        alpha: float = 1.0,
        max_mixes: int = 2_000_000,
        neighbor_search: Any = None,
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
        self.k = k
        self.candidates = candidates
        self.search = search
        self.mix_ratio = mix_ratio
        self.alpha = alpha
        self.max_mixes = max_mixes
        self.neighbor_search = neighbor_search
        self.categorical_features = categorical_features
        self.cv = cv
        self.guard = guard
        self.max_samples = max_samples
        self.max_time = max_time
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state

    def _learn(self, data: ResamplingData, rng: RandomState) -> None:
        candidates = check_counts(self.candidates, "candidates")
        if self.k == "auto":
            # More than all other rows is no further candidate.
            candidates = sorted({min(k, len(data) - 1) for k in candidates})
            search = BayesSearch if self.search == "bayes" else CandidateSearch
            self._choose(data, candidates, "k", rng, search)
        else:
            self._take(data, self.k, rng)
        self.k_ = self._candidate or 0

    def _maker(self) -> Make:
        greatest = max(self.candidates) if self.k == "auto" else self.k
        return partial(
            make_neighbor_recipe,
            {"data": greatest, "label": greatest},
            DrawnRatio(self.mix_ratio, self.alpha),
            self.neighbor_search,
            self.max_mixes,
        )

    def _describe(self, candidate: int) -> str:
        return f"each row with its {candidate} nearest rows by features and by label"


class BayesSearch(CandidateSearch):
    """Tries numbers that Bayesian optimisation proposes, on a logarithmic scale.

    A proposal follows from the scores so far and from nothing else, so that a search
    can be resumed.
    """

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        self.library = import_bayes_opt()
        self.numbers = np.arange(min(self.candidates), max(self.candidates) + 1)
        self.candidates = []

    def next_candidate(self) -> int:
        """Propose a number that has not been tried."""
        left = np.setdiff1d(self.numbers, self.candidates)
        if len(left) > 1:
            low, high = np.log(self.numbers[[0, -1]])
            optimization = self.library.BayesianOptimization(
                None, {"log_k": (low, high)}, random_state=0, verbose=0
            )
            for candidate, loss in zip(self.candidates, self.losses[1:], strict=True):
                optimization.register({"log_k": np.log(candidate)}, -loss.mean())
            distance = np.abs(np.log(left) - optimization.suggest()["log_k"])
            left = left[[np.argmin(distance)]]
        self.candidates.append(int(left[0]))
        return self.candidates[-1]

    def state(self) -> dict[str, NDArray]:
        """The scores so far, and what they are the scores of."""
        return {**super().state(), "candidates": np.array(self.candidates)}

    def load_state(self, state: dict[str, NDArray]) -> None:
        """Go on after the candidates that have been scored."""
        self.candidates = state["candidates"].tolist()
        super().load_state({k: v for k, v in state.items() if k != "candidates"})
