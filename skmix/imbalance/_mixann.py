"""MixAnN: learns which rows of a small class to mix, with whom and how much."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any

from numpy.random import RandomState
from sklearn.base import BaseEstimator

from .._compat import Interval, StrOptions
from .._loop import Loop
from .._random import draw_seed
from .._validation import check_layers
from ._actor import Limits
from ._ddpg import MixingEnvironment
from ._ground import N_NEAR
from ._judge import Judge
from ._judged import JudgedSampler
from ._policy import Policy
from ._rewards import Confidence, Improvement, RandomReward
from ._search import Contest, PolicySearch


class MixAnNSampler(JudgedSampler):
    """Learn how to mix rows of small classes, among themselves and with others.

    Walkers [1]_ mix a row of a small class with a row of another or of its own, and
    move on to rows near the mix. What they do is a policy: which rows, in which shares,
    how many, and from which share on a mix belongs to the small class. SMOTE, also near
    the border, and averages of random rows are policies, too. The one that helps
    most on held-out rows is chosen by cross-validation, and the data come back as they
    were unless it helps where it was not chosen.

    Parameters
    ----------
    estimator : classifier, default=None
        The classifier that the rows are for: whether mixing helps depends on it.
        :class:`~sklearn.neighbors.KNeighborsClassifier` is followed exactly, without
        refits, if votes weigh the same, distances are Euclidean and all columns
        numbers. Any other is fitted at most 40 times, to decide among policies that do
        well with the votes of nearest rows, a few that do well elsewhere, and no
        mixing. None takes the votes of nearest rows, and says so; inside
        :class:`~skmix.ResampledClassifier`, None means the estimator there.

    sampling_strategy : str, float, dict or callable, default="auto"
        How many rows each class gets at most, as in imbalanced-learn: policies make as
        many or fewer. "auto" is as many as the class has fewer than the largest.

    max_mixes : int, default=3000
        Upper bound of the number of mixes for each class.

    method : {"search", "ddpg"}, default="search"
        How policies are found: by trying hand-set ones, random ones and children of the
        best; or by the paper's actor and critic, which decide on every step from the
        two rows that a walker stands on.

    search : {"crossover", "none"}, default="crossover"
        Whether "search" goes beyond the hand-set policies.

    reward : {"auto", "random"} or callable, default="auto"
        What policies are found by. "auto" is the held-out score for "search", and ten
        times the product of :class:`Improvement` and :class:`Confidence` for "ddpg",
        which takes other products of such rewards, too, and any function of the scores
        so far, the latest last, and the predicted probabilities of the mixed class
        around the mix. "random" is chance, to see what the reward is worth; use it with
        ``guard=False``. A callable needs ``method="ddpg"``.

    scoring : str or callable, default="f1_macro"
        A scorer of scikit-learn, greater is better. It is given labels and predictions,
        but no columns of X.

    n_neighbors : int, default=10
        Number of nearest rows that vote, where these stand in for a classifier.

    warm_start : bool, default=False
        Whether policies are found with the estimator itself, rather than with nearest
        rows: each costs, in each fold, one pass of its ``partial_fit`` over rows and
        mixes, on from a fit to the rows as they are. For networks, as
        :class:`NetworkClassifier`; not with "ddpg".

    n_random : int, default=14
        Number of random policies.

    n_rounds : int, default=3
        How often children are made of the best policies so far.

    n_children : int, default=10
        How many in each round: each takes every number from either of two parents, and
        changes it a little.

    n_elite : int, default=5
        From how many of the best the parents are drawn.

    n_finalists : int, default=6
        Number of policies that are scored on further splits of the rows.

    n_union : int, default=3
        How many of the best of these make the mixes together.

    max_neighbors : int, default=25
        K of "ddpg", the largest neighbourhood to go on from, from 1 to 45.

    max_copies : int, default=5
        Most mixes of a pair in a step of "ddpg".

    threshold : float in [0, 1], default=0.3
        Share from which on a mix of "ddpg" is of the small class, eta.

    n_walkers : int, default=8
        Number of walkers of "ddpg".

    hidden_layer_sizes : int or sequence of int, default=(64, 64)
        Units of the hidden layers of actor and critic.

    learning_rate : float, default=0.001
        Step size of Adam for the actor.

    critic_learning_rate : float, default=0.001
        Step size of Adam for the critic.

    discount : float in [0, 1], default=0.9
        Weight of a reward one step later, gamma.

    tau : float in (0, 1], default=0.01
        How far the target networks follow in an update.

    noise : float, default=1.0
        Standard deviation of what is added to actions, before the sigmoid, to explore.

    batch_size : int, default=64
        Number of transitions in an update.

    buffer_size : int, default=10000
        Number of transitions that are remembered.

    n_updates : int, default=1
        S, the number of updates after each step.

    max_steps : int, default=50
        Steps after which an episode ends anyhow.

    max_iter : int, default=100
        E, the number of episodes.

    cv : int or splitter, default=5
        Folds where no held-out rows are given: their number, or a splitter of
        scikit-learn. Of a number there are no more than the rarest class has rows, or
        groups, and no more than 20 for a classifier that has to be fitted. Of a
        splitter it gets the first folds that hold out no row twice; more than 20 are an
        error. ``StratifiedShuffleSplit(1, test_size=0.2, random_state=0)`` is the
        single validation split of the paper.

    guard : bool, default=True
        Whether to hand the data back as they were unless held-out rows gain. Where
        there are too few to judge by, the data come back either way.

    max_samples : int, default=None
        Most rows that policies are found by; None is all. Where there are more, classes
        keep their shares, unless groups have to stay together, and what was found is
        judged and used on all rows.

    neighbor_search : estimator, default=None
        What finds the nearest rows: anything with ``fit`` and ``kneighbors``, or a
        transformer that makes a sparse graph of distances, such as
        ``PyNNDescentTransformer``. None is an exact search up to 12000 rows, or in up
        to four dimensions; beyond, rows are compared with those of the same part of
        space, of 6000 to 12000 rows.

    max_time : float, default=None
        Seconds that a fit may take, shared out among its phases. What was found so far
        is judged and used; where there is no time for that, the data come back as they
        were. A fit of the classifier is not cut short.

    categorical_features : "from_dtype" or array-like, default="from_dtype"
        Columns that hold categories: names, places or a mask, in addition to columns
        of type text, boolean or category. A mix takes them from its heavier parent.

    device : str, default="auto"
        Where "ddpg" trains: "cpu", "cuda", "cuda:<number>" or "mps"; "auto" takes a
        CUDA device where there is one.

    n_jobs : int, default=None
        Number of fits of the classifier at a time. The result does not depend on it.

    verbose : bool or int, default=0
        Whether to show progress (needs ``rich``).

    random_state : int, RandomState or None, default=None
        Randomness of folds, policies and walks.

    Attributes
    ----------
    accepted_ : bool
        Whether rows are mixed.

    best_score_ : float
        Score with mixing, on splits, folds or rows that had no part in the last choice.
        NaN if not measured.

    baseline_score_ : float
        Score of the untouched data on the same rows. NaN if not measured.

    chosen_ : str
        What was decided, and why, in plain words.

    policy_ : WalkPolicy, UnionPolicy, the actor of "ddpg", or None
        The best policy, also where it is not used; ``policy_.describe()`` says what it
        does. None if nothing was scored.

    history_ : dict of lists
        What each iteration reported: phase, iteration, objective, score and more.

    n_iter_ : int
        Number of policies that were tried, or of episodes.

    sampling_strategy_ : dict
        Number of mixes for each class, at most. Those with a share below the threshold
        go to the class of the other row.

    parent_indices_ : ndarray of shape (m, 2)
        Row indices of the parents of each new row, since the last draw; the first is of
        the class that was mixed.

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
        too little time, or every row of a class coincides with one of another.

    ConvergenceWarning
        Where Ctrl-C ends a phase: the best so far is judged.

    SharedDeviceWarning
        If ``n_jobs`` lets several fits of an estimator share one GPU.

    See Also
    --------
    AutoSMOTESampler : Learns how to apply SMOTE.
    MixBoostSampler : Mixes rows that a classifier is unsure of.
    skmix.compare_resamplers : Which sampler to use, if any.

    Notes
    -----
    **A step of the walk.** A row x_0 of the small class and a row x_1 give

        x = alpha x_0 + (1 - alpha) x_1,

    with the label of x_0 if alpha reaches eta, else that of x_1 (Eq. 1 and 2 of [1]_).
    The next row is one of the k nearest of the heavier parent, its partner the nearest
    row of the other side. Of several small classes each is mixed in turn, with the
    others together as the other side. Rows that coincide with one of the other side
    (nearer than 1e-4, standardised) are not mixed.

    **Scores** are pooled: the predictions of all folds together are scored once, so
    that every row of a small class counts. New rows are in training folds only, made
    from rows of these. Votes of nearest rows are updated for the held-out rows that a
    mix can reach, which needs no refit and is exact.

    **To judge** nearest rows, the winner is compared with the untouched data on two
    splits into folds by which nothing was chosen. Any other classifier predicts each
    fold with the policy that is best on the other folds; which policies it gets to see
    was found by the votes of nearest rows, on all folds. Of ``X_val``, of a single
    fold, and of the only split that a splitter makes where nearest rows judge, one half
    chooses and the other judges. The standard error is that of the jackknife over
    twenty blocks of rows, or groups.

    **Cost.** A policy costs O(v m p) at most for v held-out rows, m mixes and p
    columns, and much less where mixes are far from most rows. Memory is O(n (p + 45))
    beside a copy of the rows.

    The paper leaves several points of "ddpg" open. Here the row of the small class
    comes first in a pair, copies of a mix differ in their shares, epsilon is a
    probability, and mixes stay over episodes, as single ones rarely change a
    prediction. As its networks know no amount of mixes, four amounts are tried.

    References
    ----------
    .. [1] Lai, Zha, Chen, Bendre, Chen, Das, Yang and Hu, "Tackling diverse minorities
       in imbalanced classification", CIKM 2023.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from skmix.imbalance import MixAnNSampler
    >>> X, y = make_classification(600, weights=[0.95], class_sep=0.8, random_state=0)
    >>> sampler = MixAnNSampler(KNeighborsClassifier(10), random_state=0)
    >>> X_new, y_new = sampler.fit_resample(X, y)
    >>> sampler.accepted_, sampler.best_score_ > sampler.baseline_score_
    (True, True)
    """

    _parameter_constraints = {
        **JudgedSampler._parameter_constraints,
        "method": [StrOptions({"search", "ddpg"})],
        "search": [StrOptions({"crossover", "none"})],
        "reward": [StrOptions({"auto", "random"}), callable],
        "n_random": [Interval(Integral, 0, None, closed="left")],
        "n_rounds": [Interval(Integral, 0, None, closed="left")],
        "n_children": [Interval(Integral, 1, None, closed="left")],
        "n_elite": [Interval(Integral, 1, None, closed="left")],
        "n_finalists": [Interval(Integral, 1, None, closed="left")],
        "max_neighbors": [Interval(Integral, 1, N_NEAR, closed="both")],
        "max_copies": [Interval(Integral, 1, None, closed="left")],
        "threshold": [Interval(Real, 0, 1, closed="both")],
        "n_walkers": [Interval(Integral, 1, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "critic_learning_rate": [Interval(Real, 0, None, closed="neither")],
        "discount": [Interval(Real, 0, 1, closed="both")],
        "tau": [Interval(Real, 0, 1, closed="right")],
        "noise": [Interval(Real, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "buffer_size": [Interval(Integral, 1, None, closed="left")],
        "n_updates": [Interval(Integral, 0, None, closed="left")],
        "max_steps": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        sampling_strategy: Any = "auto",
        max_mixes: int = 3000,
        method: str = "search",
        search: str = "crossover",
        reward: str | Callable[..., float] = "auto",
        scoring: str | Callable = "f1_macro",
        n_neighbors: int = 10,
        warm_start: bool = False,
        n_random: int = 14,
        n_rounds: int = 3,
        n_children: int = 10,
        n_elite: int = 5,
        n_finalists: int = 6,
        n_union: int = 3,
        max_neighbors: int = 25,
        max_copies: int = 5,
        threshold: float = 0.3,
        n_walkers: int = 8,
        hidden_layer_sizes: int | Sequence[int] = (64, 64),
        learning_rate: float = 1e-3,
        critic_learning_rate: float = 1e-3,
        discount: float = 0.9,
        tau: float = 0.01,
        noise: float = 1.0,
        batch_size: int = 64,
        buffer_size: int = 10_000,
        n_updates: int = 1,
        max_steps: int = 50,
        max_iter: int = 100,
        cv: Any = 5,
        guard: bool = True,
        max_samples: int | None = None,
        neighbor_search: Any = None,
        max_time: float | None = None,
        categorical_features: Any = "from_dtype",
        device: str = "auto",
        n_jobs: int | None = None,
        verbose: bool | int = 0,
        random_state: int | RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.sampling_strategy = sampling_strategy
        self.max_mixes = max_mixes
        self.method = method
        self.search = search
        self.reward = reward
        self.scoring = scoring
        self.n_neighbors = n_neighbors
        self.warm_start = warm_start
        self.n_random = n_random
        self.n_rounds = n_rounds
        self.n_children = n_children
        self.n_elite = n_elite
        self.n_finalists = n_finalists
        self.n_union = n_union
        self.max_neighbors = max_neighbors
        self.max_copies = max_copies
        self.threshold = threshold
        self.n_walkers = n_walkers
        self.hidden_layer_sizes = hidden_layer_sizes
        self.learning_rate = learning_rate
        self.critic_learning_rate = critic_learning_rate
        self.discount = discount
        self.tau = tau
        self.noise = noise
        self.batch_size = batch_size
        self.buffer_size = buffer_size
        self.n_updates = n_updates
        self.max_steps = max_steps
        self.max_iter = max_iter
        self.cv = cv
        self.guard = guard
        self.max_samples = max_samples
        self.neighbor_search = neighbor_search
        self.max_time = max_time
        self.categorical_features = categorical_features
        self.device = device
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state

    def _check_parameters(self) -> None:
        super()._check_parameters()
        if self.warm_start and self.method == "ddpg":
            raise ValueError(
                'warm_start=True needs method="search": the single mixes of "ddpg" are '
                "rewarded by the votes of nearest rows."
            )
        if self.method == "search" and callable(self.reward):
            raise ValueError(
                f'reward={self.reward!r} is for single steps, and method="search" '
                'scores policies as a whole. Pass method="ddpg", or reward="auto".'
            )

    def _score(self, judge: Judge, rng: RandomState) -> Callable[..., float]:
        # Single steps have a reward of their own.
        return judge.score if self.method == "ddpg" else super()._score(judge, rng)

    def _find(self, contest: Contest, loop: Loop) -> list[Policy]:
        if self.method == "ddpg":
            return self._train_actor(contest, loop)
        beyond = self.search != "none"
        search = PolicySearch(
            contest.quick_score,
            self.n_random if beyond else 0,
            self.n_rounds if beyond else 0,
            self.n_children,
            self.n_elite,
            contest.seed,
        )
        self.n_iter_ = loop.run(search, "search", search.n_policies, window=1)
        return search.best(self.n_finalists)

    def _train_actor(self, contest: Contest, loop: Loop) -> list[Policy]:
        from .._torch.ddpg import DDPGLearner  # imports torch
        from .._torch.device import resolve_device

        rng = RandomState(contest.seed)
        reward: Any = self.reward
        if reward == "auto":
            reward = 10 * Improvement() * Confidence()
        elif reward == "random":
            reward = RandomReward(draw_seed(rng))
        needs_probability = getattr(reward, "needs_probability", True)
        limits = Limits(self.max_neighbors, self.max_copies, self.threshold)
        environment = MixingEnvironment(
            contest, limits, self.n_walkers, reward, needs_probability, draw_seed(rng)
        )
        learner = DDPGLearner(
            environment,
            environment.n_state,
            4,
            hidden_layer_sizes=check_layers(
                self.hidden_layer_sizes, "hidden_layer_sizes"
            ),
            learning_rate=self.learning_rate,
            critic_learning_rate=self.critic_learning_rate,
            discount=self.discount,
            tau=self.tau,
            noise=self.noise,
            batch_size=self.batch_size,
            buffer_size=self.buffer_size,
            n_updates=self.n_updates,
            max_steps=self.max_steps,
            device=resolve_device(self.device),
            seed=draw_seed(rng),
        )
        # Where no fold has rows to mix there is nothing to learn.
        n_episodes = self.max_iter if environment.stages else 0
        self.n_iter_ = loop.run(learner, "ddpg", n_episodes)
        return environment.in_amounts(learner.policy())
