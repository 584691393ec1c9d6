"""MixRL: learns for each row how many neighbours to mix it with."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.model_selection import KFold

from .._compat import HasMethods, Interval, StrOptions
from .._loop import Loop
from .._random import draw_seed
from .._validation import check_counts, check_device_name, check_layers
from ..base import BaseMixResampler, Mixes, ResamplingData
from ..exceptions import JudgementWarning, warn_user
from ..metrics import squared_error_by_row
from ._candidates import (
    CandidateSearch,
    make_splits,
    neighbor_mixes,
    neighbor_tables,
)
from ._teacher import KernelRegressor, KernelTeacher

# Fewer rows than this cannot say whether mixing helps.
MIN_ROWS_TO_JUDGE = 10
NEIGHBOR_COUNTS = tuple(range(1, 17))


class MixRLResampler(BaseMixResampler):
    """Learn how many neighbours to mix each row with, and whether to mix at all.

    With held-out rows ``X_val, y_val``, a network learns for each row how many of its
    nearest rows, by features and by label, to mix it with, so that a model trained on
    the rows and mixes does best on the held-out rows: MixRL [1]_. This is for held-out
    rows that cannot be trained on, or that come from the distribution that matters
    while the training rows do not. Where they can be trained on, adding them to the
    training rows is at least as good.

    Without held-out rows, cross-validation of ``estimator`` chooses among mixing each
    row with a few, more or many neighbours and not mixing.

    In both cases the data come back as they were unless mixing has helped on rows that
    nothing was learned from.

    Parameters
    ----------
    estimator : regressor, default=None
        The regressor that the rows are for: whether mixing helps depends on it. None
        takes a kernel model in its place, and says so; inside
        :class:`~skmix.ResampledRegressor`, None means the estimator there.

    data_neighbors : sequence of int, default=(1, 2, ..., 16)
        Numbers of neighbours by features that the network chooses from for each row;
        empty for none of this kind.

    label_neighbors : sequence of int, default=(1, 2, ..., 16)
        The same by label.

    candidate_neighbors : sequence of int, default=(2, 4, 16)
        Numbers of neighbours, of both kinds each, that are tried where no held-out
        rows are given.

    mix_ratio : float in (0, 1), default=0.5
        Share of the first parent in a mix.

    threshold : "auto" or float in [0, 1], default="auto"
        Probability that an option must reach. "auto" tunes it on the held-out rows, if
        these are at least 100; else three quarters of the rows are mixed.

    categorical_features : "from_dtype" or array-like, default="from_dtype"
        Columns that hold categories: names, places or a mask, in addition to columns
        of type text, boolean or category. A mix takes them from its heavier parent,
        from the first at a tie.

    method : {"influence"}, default="influence"
        How the network learns from held-out rows: "influence" from the closed-form
        effect of every single mix on the held-out loss of kernel ridge regression.

    hidden_layer_sizes : int or sequence of int, default=(256, 256, 100, 64)
        Units of the network's hidden layers.

    learning_rate : float, default=0.001
        Step size of Adam.

    batch_size : int, default=2048
        Number of rows in a batch.

    n_components : int, default=64
        Number of features of the kernel ridge regression.

    n_landmarks : int, default=256
        Number of rows that these features are built on.

    cv : int or splitter, default=5
        Folds where no held-out rows are given: their number, or a splitter of
        scikit-learn that holds out each row once.

    guard : bool, default=True
        Whether to hand the data back as they were unless the paired gain on held-out
        rows exceeds its standard error. False mixes by what was learned; with held-out
        rows, nothing is judged then. Too few rows to choose by are handed back in any
        case.

    max_iter : int, default=80
        Number of updates of the network. More lower the held-out loss that is learned
        from, and no other.

    max_time : float, default=None
        Seconds after which learning stops, shared out among its phases; what was
        learned so far is judged and used. The clock is looked at between updates, or
        between candidates.

    device : str, default="auto"
        "cpu", "cuda", "cuda:<number>" or "mps"; "auto" takes a CUDA device where there
        is one.

    n_jobs : int, default=None
        Number of folds fitted at a time. The result does not depend on it.

    verbose : bool or int, default=0
        Whether to show progress (needs ``rich``).

    random_state : int, RandomState or None, default=None
        Randomness of folds, features and the network.

    Attributes
    ----------
    accepted_ : bool
        Whether mixing helped; where not, nothing is mixed.

    best_score_ : float
        R2 with mixing, on rows that neither the mixing nor the choice among candidates
        was learned from. NaN if not measured.

    baseline_score_ : float
        R2 of the untouched data on the same rows. NaN if not measured.

    chosen_ : str
        What was chosen, and why, in plain words.

    options_ : ndarray of shape (n, 2)
        Number of neighbours to mix each row with, by features and by label.

    threshold_ : float
        Probability that an option had to reach, above 1 if none was to be kept; only
        with held-out rows.

    history_ : dict of lists
        What each iteration reported: phase, iteration, objective and more.

    n_iter_ : int
        Number of updates of the network in the last phase; without held-out rows, of
        candidates that were scored.

    device_ : str
        Where the network was trained; only with held-out rows.

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
        Where whether mixing helps cannot be judged well: no estimator, too few rows,
        too few held-out rows to tune on.

    See Also
    --------
    CMixupResampler : A fixed recipe by label distance.
    skmix.ResampledRegressor : Resampler and estimator as one estimator.
    skmix.compare_resamplers : Which resampler to use, if any.

    Notes
    -----
    **With held-out rows.** The value network h(x, y, k) gives the probability that
    mixing row (x, y) with k neighbours helps. In each update every row of a batch gets
    one option at random and is chosen with probability h. The effect of each row's
    mixes on the held-out loss is known in closed form, as the regressor is ridge
    regression on features of the neural tangent kernel of a wide network; h moves
    against it. This replaces the paper's REINFORCE, whose reward is one number from a
    whole training run. Then each row keeps its best option of either kind if h reaches
    the threshold. To judge, the same is done on either half of the held-out rows and
    scored on the other half.

    **Without.** A candidate mixes each row with k neighbours of both kinds; both
    parents of a mix are in the training fold. Labels of mixes are bent off the
    straight line: y + w (f(x) - interpolated f), with f the better of several kernel
    ridge regressions by leave-one-out error, and w its weight next to the estimator,
    from out-of-fold predictions. To judge, each fold is scored with the candidate that
    the other folds prefer.

    Time with held-out rows is O(n) for each update, and that of the neighbour search;
    memory is O(n k (p + n_components)) for k neighbours in all and p columns. Without,
    it is that of ``cv`` x (1 + number of candidates) fits of the estimator, on up to
    1 + 2k times as many rows, and of ``cv`` + 1 kernel models with at most 256
    landmarks. A fitted resampler, and so its pickle, holds the training rows.

    References
    ----------
    .. [1] Hwang and Whang, "MixRL: data mixing augmentation for regression using
       reinforcement learning", 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.ensemble import HistGradientBoostingRegressor
    >>> from skmix.regression import MixRLResampler
    >>> X, y = load_diabetes(return_X_y=True)
    >>> estimator = HistGradientBoostingRegressor(max_iter=20)
    >>> resampler = MixRLResampler(estimator, random_state=0)
    >>> X_new, y_new = resampler.fit_resample(X[:200], y[:200])
    >>> resampler.accepted_ == (len(X_new) > 200)
    True
    """

    _parameter_constraints = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "data_neighbors": ["array-like"],
        "label_neighbors": ["array-like"],
        "candidate_neighbors": ["array-like"],
        "mix_ratio": [Interval(Real, 0, 1, closed="neither")],
        "threshold": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="both")],
        "categorical_features": [StrOptions({"from_dtype"}), "array-like"],
        "method": [StrOptions({"influence"})],
        "hidden_layer_sizes": ["array-like", Integral],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "n_landmarks": [Interval(Integral, 1, None, closed="left")],
        "cv": [Interval(Integral, 2, None, closed="left"), HasMethods(["split"])],
        "guard": ["boolean"],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "max_time": [Interval(Real, 0, None, closed="neither"), None],
        "device": [str],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        data_neighbors: Sequence[int] = NEIGHBOR_COUNTS,
        label_neighbors: Sequence[int] = NEIGHBOR_COUNTS,
        candidate_neighbors: Sequence[int] = (2, 4, 16),
        mix_ratio: float = 0.5,
        threshold: float | str = "auto",
        categorical_features: Any = "from_dtype",
        method: str = "influence",
        hidden_layer_sizes: Sequence[int] = (256, 256, 100, 64),
        learning_rate: float = 1e-3,
        batch_size: int = 2048,
        n_components: int = 64,
        n_landmarks: int = 256,
        cv: Any = 5,
        guard: bool = True,
        max_iter: int = 80,
        max_time: float | None = None,
        device: str = "auto",
        n_jobs: int | None = None,
        verbose: bool | int = 0,
        random_state: int | RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.data_neighbors = data_neighbors
        self.label_neighbors = label_neighbors
        self.candidate_neighbors = candidate_neighbors
        self.mix_ratio = mix_ratio
        self.threshold = threshold
        self.categorical_features = categorical_features
        self.method = method
        self.hidden_layer_sizes = hidden_layer_sizes
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.n_components = n_components
        self.n_landmarks = n_landmarks
        self.cv = cv
        self.guard = guard
        self.max_iter = max_iter
        self.max_time = max_time
        self.device = device
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state

    def _learn(self, data: ResamplingData, rng: RandomState) -> None:
        check_device_name(self.device)
        layers = check_layers(self.hidden_layer_sizes, "hidden_layer_sizes")
        counts = [
            check_counts(getattr(self, name), name)
            for name in ("data_neighbors", "label_neighbors")
        ]
        self._ratio, self._teacher, self._bend = self.mix_ratio, None, 0.0
        if data.X_val is None:
            self._choose_candidate(data, rng)
        else:
            self._learn_policy(data, counts, layers, rng)

    def _draw(self, data: ResamplingData, rng: RandomState) -> Mixes:
        if not self.accepted_:
            return Mixes.none(data)
        return neighbor_mixes(
            data,
            self._neighbors,
            self.options_,
            self._ratio,
            self._teacher,
            self._bend,
        )

    def _choose_candidate(self, data: ResamplingData, rng: RandomState) -> None:
        """Cross-validate the estimator with and without mixing."""
        candidates = check_counts(self.candidate_neighbors, "candidate_neighbors")
        if not candidates:
            raise ValueError(
                "candidate_neighbors is empty: list numbers of neighbours to try."
            )
        inputs = (data.Z, data.target, data.groups, rng.get_state())
        self.n_iter_, self.history_ = 0, {}
        splits = make_splits(self.cv, data, draw_seed(rng))
        self.options_ = np.zeros((len(data), 2), dtype=np.intp)
        if len(data) < MIN_ROWS_TO_JUDGE or len(splits) < 2:
            return self._give_up(f"{len(data)} rows in {len(splits)} folds")
        seed = draw_seed(rng)
        estimator = self.estimator
        if estimator is None:
            warn_user(
                "MixRLResampler was given no estimator to ask whether mixing helps, "
                "and asks a kernel model in its place. Pass estimator=, or use it "
                "inside ResampledRegressor.",
                JudgementWarning,
            )
            choice = KernelTeacher(data.Z, data.target, seed).choice
            estimator = KernelRegressor(self.categorical_features, choice, seed)
        search = CandidateSearch(
            data,
            self._put_together,
            estimator,
            [0, *candidates],
            splits,
            self._ratio,
            self.n_jobs,
            rng,
        )
        loop = Loop(self, 1, inputs, self.max_time, self._start)
        self.n_iter_ = loop.run(search, "candidates", 1 + len(candidates), window=1)
        loop.close()
        self.history_ = loop.history
        if len(search.losses) < 2:
            return self._give_up("the scores measured before the stop")
        k = min(search.candidates[search.best()], len(data) - 1)
        self.options_ = np.full((len(data), 2), k)
        self._neighbors = neighbor_tables(data, k, k)
        self._bend = search.teacher_weight()
        self._judge(
            search.loss_of_choosing(),
            search.losses[0],
            f"each row with its {k} nearest rows by features and by label, labels bent "
            f"{self._bend:.0%} towards a kernel model",
            judge=type(estimator).__name__,
            groups=data.groups,
        )
        if self.accepted_ and self._bend > 0:
            self._teacher = KernelTeacher(data.Z, data.target, seed)

    def _learn_policy(
        self,
        data: ResamplingData,
        counts: list[list[int]],
        layers: list[int],
        rng: RandomState,
    ) -> None:
        """Learn the value network from the held-out rows."""
        if not any(counts):
            raise ValueError(
                "data_neighbors and label_neighbors are both empty: list numbers of "
                "neighbours in at least one of them."
            )
        inputs = (data.Z, data.target, data.Z_val, data.target_val, rng.get_state())
        n_val = len(data.Z_val)
        from ._policy import MixingPolicy  # imports torch

        self._neighbors = neighbor_tables(data, *(max(c, default=0) for c in counts))
        policy = MixingPolicy(
            data,
            self._neighbors,
            counts,
            mix_ratio=self._ratio,
            n_components=self.n_components,
            n_landmarks=self.n_landmarks,
            hidden_layer_sizes=layers,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            device=self.device,
            rng=rng,
        )
        self.device_ = str(policy.device)
        halves: list = []
        if self.guard and n_val >= MIN_ROWS_TO_JUDGE:
            folds = KFold(2, shuffle=True, random_state=draw_seed(rng))
            halves = list(folds.split(data.Z_val))

        def predict(options: NDArray, rows: NDArray) -> NDArray[np.float64]:
            mixes = neighbor_mixes(data, self._neighbors, options, self._ratio)
            model = clone(self.estimator).fit(*self._put_together(data, mixes))
            predicted = np.asarray(model.predict(data.X_val.take(rows)))
            return predicted.reshape(len(rows), -1)

        loop = Loop(self, len(halves) + 1, inputs, self.max_time, self._start)
        learned = policy.learn(
            loop,
            halves,
            self.threshold,
            self.max_iter,
            None if self.estimator is None else predict,
        )
        loop.close()
        self.history_, self.n_iter_ = loop.history, learned.n_iter
        self.options_, self.threshold_ = learned.options, learned.threshold
        rows = (self.options_ > 0).sum(axis=0)
        what = f"{rows[0]} of {len(data)} rows by features and {rows[1]} by label"
        if not self.guard:
            self._accept_unjudged(what if rows.any() else "")
        elif not learned.judged.any():
            self._give_up(f"{n_val} held-out rows")
        else:
            truth = data.target_val[learned.judged]
            loss, baseline = (
                squared_error_by_row(truth, prediction[learned.judged])
                for prediction in learned.predictions
            )
            model = self.estimator
            judge = "a kernel model" if model is None else type(model).__name__
            self._judge(loss, baseline, what if rows.any() else "", judge=judge)
