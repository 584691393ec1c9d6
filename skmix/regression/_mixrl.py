"""MixRL: learns for each row how many neighbours to mix it with."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import RandomState
from sklearn.base import BaseEstimator
from sklearn.model_selection import KFold

from .._compat import HasMethods, Interval, StrOptions
from .._loop import Loop
from .._random import draw_seed
from .._validation import check_counts, check_device_name, check_distances, check_layers
from ..base import Mixes, ResamplingData
from ..metrics import squared_error_by_row
from ._adamixup import AdaMixupResampler
from ._judged import MIN_ROWS_TO_JUDGE, JudgedResampler
from ._neighbors import make_neighbor_recipe
from ._network import NetworkRegressor
from ._pairs import DrawnRatio
from ._search import Make
from ._teacher_search import Taught, TeacherSearch, mixes_per_row

if TYPE_CHECKING:
    from ._policy import MixingPolicy

NEIGHBOR_COUNTS = tuple(range(1, 17))
MAX_ITER = {"influence": 80, "reinforce": 1000}
STOPPED = "the halves judged before the stop"
WORDS = {"data": "by features", "label": "by label", "any": "with any rows"}


class MixRLResampler(JudgedResampler):
    """Learn how many neighbours to mix each row with, and whether to mix at all.

    With held-out rows ``X_val, y_val``, a network learns for each row how many of its
    nearest rows, by features and by label, to mix it with, so that a model trained on
    the rows and mixes does best on the held-out rows: MixRL [1]_. This is for held-out
    rows that cannot be trained on, or that come from the distribution that matters
    while the training rows do not. Where they can be trained on, adding them to the
    training rows is at least as good.

    Without held-out rows, cross-validation of ``estimator`` decides between mixing each
    row with its neighbours, labels corrected by a kernel model, and not mixing.

    In both cases the data come back as they were unless mixing has helped on rows that
    nothing was learned from.

    Parameters
    ----------
    estimator : regressor, default=None
        The regressor that the rows are for: whether mixing helps depends on it. None
        takes a kernel model in its place, and says so; inside
        :class:`~skmix.ResampledRegressor`, None means the estimator there.

    distances : sequence of {"data", "label"}, default=("data", "label")
        Kinds of distance by which rows are near: by features, by label. With neither,
        a row is mixed with rows at random: with all others, as far as
        ``max_mixes`` allows, where there are held-out rows.

    data_neighbors : sequence of int, default=(1, 2, ..., 16)
        Numbers of neighbours by features that the network chooses from for each row.

    label_neighbors : sequence of int, default=(1, 2, ..., 16)
        The same by label.

    candidate_neighbors : sequence of int, default=(64,)
        Numbers of neighbours, of both kinds each, that are tried where no held-out
        rows are given. At most 16 of a row's mixes are made, or 5000 divided by the
        number of rows, if that is more.

    mix_ratio : float in (0, 1), "beta" or AdaMixupResampler, default=0.5
        Share of the first parent in a mix: the same for all, drawn from
        Beta(alpha, alpha) for each, or drawn from the range that AdaMixUp learns for
        its pair of rows, with the networks that its parameters describe.

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

    threshold : "auto" or float in [0, 1], default="auto"
        Probability that an option must reach. "auto" tunes it on the held-out rows, if
        these are at least 100; else three quarters of all rows' best options, of
        either kind, are kept.

    categorical_features : "from_dtype" or array-like, default="from_dtype"
        Columns that hold categories: names, places or a mask, in addition to columns
        of type text, boolean or category. A mix takes them from its heavier parent,
        from the first at a tie.

    method : {"influence", "reinforce"}, default="influence"
        How the network learns from held-out rows: "influence" from the closed-form
        effect of every single mix on the held-out loss of kernel ridge regression;
        "reinforce", as the paper does, from the held-out loss of ``estimator``, which
        is trained anew for every choice of mixes. None is then a
        :class:`NetworkRegressor`. Without held-out rows there is no network, and this
        changes nothing.

    hidden_layer_sizes : int or sequence of int, default=(256, 256, 100, 64)
        Units of the network's hidden layers.

    learning_rate : float, default=0.001
        Step size of Adam.

    batch_size : int, default=2048
        Number of rows in a batch.

    n_components : int, default=64
        Number of features of the kernel ridge regression of "influence".

    n_landmarks : int, default=256
        Number of rows that these features are built on.

    reward_scale : float, default=2.0
        C of "reinforce": its losses, in units of the variance of the labels, are
        multiplied by it.

    baseline : {"moving_average", "leave_one_out"}, default="moving_average"
        What "reinforce" compares a loss with: the average of those before, or the mean
        of the other rollouts of its batch.

    window : int, default=20
        W of the moving average.

    n_rollouts : int, default=1
        Number of choices that "reinforce" tries on each batch. The networks of
        :class:`NetworkRegressor` are trained side by side; of other estimators, those
        of its subclasses included, ``n_jobs`` are trained at a time.

    pretrain : bool, default=False
        Whether "reinforce" trains from a state that was fitted to the rows alone,
        rather than from scratch. It needs an estimator with a parameter ``warm_start``.

    cv : int or splitter, default=5
        Folds where no held-out rows are given: their number, for two splits of all
        rows, or a splitter of scikit-learn that holds out each row equally often.

    guard : bool, default=True
        Whether to hand the data back as they were unless held-out rows gain, beyond
        chance. False mixes by what was learned; with held-out rows, nothing is judged
        then. Too few rows to choose by are handed back in any case.

    max_samples : int, default=None
        Most rows that are learned from; None is all. Where there are more, what was
        learned is judged and used on all: a network says for each row what to mix it
        with, a number of neighbours holds for all. Without held-out rows, a fifth of
        all, ``max_samples`` at most, are then kept apart to judge by.

    max_iter : int, default=None
        Number of updates of the network. None is 80 for "influence": more lower the
        held-out loss that is learned from, and no other; and 1000 for "reinforce", each
        of which trains ``n_rollouts`` estimators.

    max_time : float, default=None
        Seconds after which learning stops, shared out among its phases; what was
        learned so far is judged and used. The clock is looked at between updates, or
        between candidates.

    device : str, default="auto"
        "cpu", "cuda", "cuda:<number>" or "mps"; "auto" takes a CUDA device where there
        is one.

    n_jobs : int, default=None
        Number of folds or rollouts fitted at a time; of networks side by side, the
        number of stacks on the CPU. The result does not depend on it.

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

    options_ : ndarray of shape (n, n_distances)
        Number of neighbours to mix each row with, by each of the distances.

    distances_ : list of str
        The distances, in the order of these columns; "any" alone for rows at random.

    threshold_ : float
        Probability that an option had to reach, above 1 if none was to be kept; only
        where the network was trained.

    history_ : dict of lists
        What each iteration reported: phase, iteration, objective and more.

    n_iter_ : int
        Number of updates of the network in the last phase; without held-out rows, of
        candidates that were scored, the untouched data included.

    device_ : str
        Where the network was trained, if it was.

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

    SharedDeviceWarning
        If ``n_jobs`` lets several fits of an estimator share one GPU.

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
    whole training run; ``method="reinforce"`` is that. Then each row keeps its best
    option of either kind if h reaches the threshold. To judge, the same is done on
    either half of the held-out rows and scored on the other half.

    **Without.** A candidate mixes each row with some of its k nearest rows of both
    kinds: with 16, or as many as make 5000 mixes in all, if that is more; no pair is
    mixed twice. Both parents of a mix are in the training fold. The label of a mix is
    (1 - w) y + w f(x), with y the interpolated label, f the mean of two kernel ridge
    regressions chosen by leave-one-out error, and w their weight next to the estimator,
    from out-of-fold predictions. To judge, each fold is scored with the candidate that
    the other folds prefer.

    Mixing has helped if the mean squared error on held-out rows is lower with it, and a
    signed-rank test of the errors by row finds that with p < 0.1.

    Time with held-out rows is O(n) for each update, and that of the neighbour search;
    memory is O(n k (p + n_components)) for k neighbours in all and p columns. Without,
    it is that of 2 ``cv`` x (1 + number of candidates) fits of the estimator, on
    these rows, and of 2 ``cv`` + 1 pairs of kernel models with at most 256
    landmarks. A fitted resampler, and so its pickle, holds the training rows.

    With "reinforce" and a :class:`NetworkRegressor`, rows and the m candidate mixes are
    placed on its device once in a fit: 4 (n + m) (p + t) bytes for t targets, and twice
    as many in the memory of the CPU. The networks of the rollouts are trained in stacks
    of at most 16 MiB on the CPU, 4 GiB on a CUDA device and 1 GiB on "mps", or of one
    network. One of w weights and u units counts 4 (5 w + b (3 u + 25 (p + t + 3)))
    bytes with batches of b rows.

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
        **JudgedResampler._parameter_constraints,
        "distances": ["array-like"],
        "data_neighbors": ["array-like"],
        "label_neighbors": ["array-like"],
        "candidate_neighbors": ["array-like"],
        "mix_ratio": [
            StrOptions({"beta"}),
            Interval(Real, 0, 1, closed="neither"),
            AdaMixupResampler,
        ],
        "alpha": [Interval(Real, 0, None, closed="neither")],
        "max_mixes": [Interval(Integral, 1, None, closed="left")],
        "neighbor_search": [HasMethods(["fit"]), None],
        "threshold": [StrOptions({"auto"}), Interval(Real, 0, 1, closed="both")],
        "categorical_features": [StrOptions({"from_dtype"}), "array-like"],
        "method": [StrOptions({"influence", "reinforce"})],
        "hidden_layer_sizes": ["array-like", Integral],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "n_components": [Interval(Integral, 1, None, closed="left")],
        "n_landmarks": [Interval(Integral, 1, None, closed="left")],
        "reward_scale": [Interval(Real, 0, None, closed="neither")],
        "baseline": [StrOptions({"moving_average", "leave_one_out"})],
        "window": [Interval(Integral, 1, None, closed="left")],
        "n_rollouts": [Interval(Integral, 1, None, closed="left")],
        "pretrain": ["boolean"],
        "max_iter": [Interval(Integral, 1, None, closed="left"), None],
        "device": [str],
    }

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        distances: Sequence[str] = ("data", "label"),
        data_neighbors: Sequence[int] = NEIGHBOR_COUNTS,
        label_neighbors: Sequence[int] = NEIGHBOR_COUNTS,
        candidate_neighbors: Sequence[int] = (64,),
        mix_ratio: float | str | AdaMixupResampler = 0.5,
        alpha: float = 1.0,
        max_mixes: int = 2_000_000,
        neighbor_search: Any = None,
        threshold: float | str = "auto",
        categorical_features: Any = "from_dtype",
        method: str = "influence",
        hidden_layer_sizes: Sequence[int] = (256, 256, 100, 64),
        learning_rate: float = 1e-3,
        batch_size: int = 2048,
        n_components: int = 64,
        n_landmarks: int = 256,
        reward_scale: float = 2.0,
        baseline: str = "moving_average",
        window: int = 20,
        n_rollouts: int = 1,
        pretrain: bool = False,
        cv: Any = 5,
        guard: bool = True,
        max_samples: int | None = None,
        max_iter: int | None = None,
        max_time: float | None = None,
        device: str = "auto",
        n_jobs: int | None = None,
        verbose: bool | int = 0,
        random_state: int | RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.distances = distances
        self.data_neighbors = data_neighbors
        self.label_neighbors = label_neighbors
        self.candidate_neighbors = candidate_neighbors
        self.mix_ratio = mix_ratio
        self.alpha = alpha
        self.max_mixes = max_mixes
        self.neighbor_search = neighbor_search
        self.threshold = threshold
        self.categorical_features = categorical_features
        self.method = method
        self.hidden_layer_sizes = hidden_layer_sizes
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.n_components = n_components
        self.n_landmarks = n_landmarks
        self.reward_scale = reward_scale
        self.baseline = baseline
        self.window = window
        self.n_rollouts = n_rollouts
        self.pretrain = pretrain
        self.cv = cv
        self.guard = guard
        self.max_samples = max_samples
        self.max_iter = max_iter
        self.max_time = max_time
        self.device = device
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state

    def _learn(self, data: ResamplingData, rng: RandomState) -> None:
        check_device_name(self.device)
        distances = check_distances(self.distances)
        self.distances_ = distances or ["any"]
        counts = {
            "data": check_counts(self.data_neighbors, "data_neighbors"),
            "label": check_counts(self.label_neighbors, "label_neighbors"),
        }
        candidates = check_counts(self.candidate_neighbors, "candidate_neighbors")
        # More than all other rows is no further candidate.
        candidates = sorted({min(k, len(data) - 1) for k in candidates})
        layers = check_layers(self.hidden_layer_sizes, "hidden_layer_sizes")
        self._candidate = None
        if data.X_val is not None:
            options = {kind: counts[kind] for kind in distances}
            return self._learn_policy(data, options, layers, rng)
        self._greatest = dict.fromkeys(self.distances_, max(candidates))
        search = self._choose(data, candidates, "n_neighbors", rng, TeacherSearch)
        self.options_ = np.zeros((len(data), len(self._greatest)), dtype=np.intp)
        if search is not None:
            self.options_ += self._candidate.k

    def _draw(self, data: ResamplingData, rng: RandomState) -> Mixes:
        if self.accepted_ and self._candidate is None:
            return self._recipe.draw(self.options_, rng)
        return super()._draw(data, rng)

    def _maker(self) -> Make:
        ratio: Any = DrawnRatio(self.mix_ratio, self.alpha)
        if isinstance(self.mix_ratio, AdaMixupResampler):
            ratio = self.mix_ratio._apart()
        return partial(
            make_neighbor_recipe,
            self._greatest,
            ratio,
            self.neighbor_search,
            self.max_mixes,
        )

    def _arguments(self, candidate: Taught, n_rows: int) -> tuple[int, dict[str, Any]]:
        return candidate.k, {
            "amount": mixes_per_row(n_rows),
            "share": candidate.share,
        }

    def _describe(self, candidate: Taught) -> str:
        whom = "rows at random"
        if self.distances_ != ["any"]:
            near = " and ".join(WORDS[kind] for kind in self.distances_)
            whom = f"some of its {candidate.k} nearest rows {near}"
        labels = f"{candidate.share:.0%} of the labels from a kernel model"
        return f"each row with {whom}, {labels}"

    def _learn_policy(
        self,
        data: ResamplingData,
        options: dict[str, list[int]],
        layers: list[int],
        rng: RandomState,
    ) -> None:
        """Learn the value network from the held-out rows."""
        inputs = self._inputs(data, rng)
        n_val = len(data.X_val)
        some = self._sample(data, rng).data
        if not options:
            options = {"any": [max(1, min(len(some) - 1, self.max_mixes // len(data)))]}
        self._greatest = {kind: max(counts) for kind, counts in options.items()}
        if self.guard and n_val < MIN_ROWS_TO_JUDGE:
            return self._mix_nothing(data, options, f"{n_val} held-out rows")
        self._recipe = self._maker()(some, draw_seed(rng))
        policy = self._make_policy(some, data, list(options.values()), layers, rng)
        self.device_ = str(policy.device)
        halves: list = []
        if self.guard:
            folds = KFold(2, shuffle=True, random_state=draw_seed(rng))
            halves = list(folds.split(np.empty((n_val, 0))))
        max_iter = self.max_iter or MAX_ITER[self.method]
        loop = Loop(self, len(halves) + 1, inputs, self.max_time, self._start)
        try:
            learned = policy.learn(loop, halves, self.threshold, max_iter)
        except KeyboardInterrupt:
            # In a fit that judges; all others end their phase.
            return self._mix_nothing(data, options, STOPPED)
        finally:
            loop.close()
        self.history_, self.n_iter_ = loop.history, learned.n_iter
        self.options_, self.threshold_ = learned.options, learned.threshold
        mixed = (self.options_ > 0).sum(axis=0)
        parts = [f"{n} {WORDS[kind]}" for n, kind in zip(mixed, options, strict=True)]
        what = f"{' and '.join(parts)} of {len(data)} rows" if mixed.any() else ""
        if what and some is not data:
            what += f", as learned from {len(some)}"
        if not self.guard:
            self._accept_unjudged(what)
        elif not learned.judged.any():
            self._give_up(STOPPED)
        else:
            truth = data.target_val[learned.judged]
            loss, baseline = (
                squared_error_by_row(truth, prediction[learned.judged])
                for prediction in learned.predictions
            )
            model = policy.estimator
            judge = "a kernel model" if model is None else type(model).__name__
            self._judge(loss, baseline, what, judge=judge)
        some.forget_held_out()
        # It may be much larger than the rows.
        self._recipe = policy.recipe_of_all if self.accepted_ else None

    def _mix_nothing(
        self, data: ResamplingData, options: dict[str, list[int]], what: str
    ) -> None:
        """Give up, as there is too little of what."""
        self.options_ = np.zeros((len(data), len(options)), dtype=np.intp)
        self.history_, self.n_iter_ = {}, 0
        self._give_up(what)

    def _make_policy(
        self,
        some: ResamplingData,
        data: ResamplingData,
        counts: list[list[int]],
        layers: list[int],
        rng: RandomState,
    ) -> MixingPolicy:
        from ._policy import InfluencePolicy  # imports torch
        from ._rollouts import ReinforcePolicy

        settings = {
            "hidden_layer_sizes": layers,
            "learning_rate": self.learning_rate,
            "batch_size": self.batch_size,
        }
        shared = {"device": self.device, "settings": settings, "rng": rng}
        problem = (some, data, self._recipe, counts)
        if self.method == "influence":
            return InfluencePolicy(
                *problem,
                self.estimator,
                self._rows_with,
                n_components=self.n_components,
                n_landmarks=self.n_landmarks,
                **shared,
            )
        estimator = self.estimator
        if estimator is None:
            if data.columns.categories.shape[1]:
                raise ValueError(
                    "method='reinforce' trains a NetworkRegressor where estimator is "
                    "None, which takes numbers only, and X has columns of categories. "
                    "Pass a pipeline that encodes them as estimator, or encode them "
                    "before."
                )
            estimator = NetworkRegressor(device=self.device)
        return ReinforcePolicy(
            *problem,
            estimator,
            self._rows_with,
            n_rollouts=self.n_rollouts,
            baseline=self.baseline,
            window=self.window,
            reward_scale=self.reward_scale,
            pretrain=self.pretrain,
            n_jobs=self.n_jobs,
            **shared,
        )
