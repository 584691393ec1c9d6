"""AutoSMOTE: learns how much to oversample, from which rows, with whom and where."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from .._compat import Interval, StrOptions
from .._core.neighbors import FloatArray, IntArray
from .._core.walk import BoolArray, Mixed, Neighborhoods
from .._loop import Loop
from .._validation import check_layers
from ._evaluators import NeighborEvaluator
from ._ground import N_NEAR
from ._hierarchy import HierarchicalPolicy
from ._judged import JudgedSampler
from ._policy import Amount, Policy
from ._search import Contest
from ._view import SIZES, View, look

if TYPE_CHECKING:
    from .._torch.autosmote import Decisions


class Rollouts:
    """Lets policies mix the training rows of the first split, and scores them.

    It stands in for them where mixes are made, and notes what they decide.

    Parameters
    ----------
    contest : Contest
        What predicts and scores.

    k_neighbors : int
        Number of partners of a row.
    """

    def __init__(self, contest: Contest, k_neighbors: int) -> None:
        self.contest, self.k_neighbors = contest, k_neighbors
        self.folds = [fold for fold in contest.evaluator.folds if fold.repeat == 0]
        # The folds in which each class can be mixed, by its neighbourhoods.
        ground = contest.evaluator.ground
        self.parts = {
            id(hoods): [
                part
                for part, fold in enumerate(self.folds)
                if ground.can_mix(code, fold.train)
            ]
            for code, hoods in ground.hoods.items()
        }
        self.views: dict[tuple[int, int], View] = {}

    def __call__(
        self, weights: Mapping[str, NDArray], seeds: Sequence[int]
    ) -> tuple[FloatArray, dict]:
        """Roll out; see ``skmix._torch.autosmote`` for what it gives."""
        self.policy = HierarchicalPolicy(weights, self.k_neighbors)
        # All rollouts see the same, and decide with the same chances.
        self.chances: dict[tuple[int, int], dict[str, FloatArray]] = {}
        self.counts: dict[tuple[int, int], list[dict[str, IntArray]]] = {}
        predictions = []
        for seed in seeds:
            self.coming = {hoods: iter(parts) for hoods, parts in self.parts.items()}
            predictions.append(self.contest.evaluator.predict(self, 0, seed))
        scores = self._scores(predictions)
        levels = SIZES if self.counts else ()
        return scores, {level: self._decisions(level) for level in levels}

    def walk(
        self,
        hoods: Neighborhoods,
        usable: BoolArray,
        amount: Amount,
        rng: RandomState,
    ) -> Mixed:
        """Make mixes of usable rows."""
        # All evaluators take the folds in order.
        key = (next(self.coming[id(hoods)]), id(hoods))
        if key not in self.views:
            self.views[key] = look(hoods, usable, amount.asked, self.k_neighbors)
        view = self.views[key]
        if key not in self.chances:
            self.chances[key] = self.policy.chances(view)
        mixed, counts = self.policy.decide(view, self.chances[key], amount, rng)
        self.counts.setdefault(key, []).append(counts)
        return mixed

    def _decisions(self, level: str) -> Decisions:
        """What a network was asked, and what it chose."""
        from .._torch.autosmote import Decisions  # imports torch

        asked = []
        for (part, hoods), rollouts in self.counts.items():
            view = self.views[part, hoods]
            inputs, possible = view.inputs[level], view.possible[level]
            counts = np.stack([counts[level] for counts in rollouts], axis=1)
            asked.append((inputs, possible, counts, np.full(len(inputs), part)))
        inputs, possible, counts, part = map(np.concatenate, zip(*asked, strict=True))
        return Decisions(inputs, possible, counts.swapaxes(0, 1), part)

    def _scores(self, predictions: Sequence[FloatArray]) -> FloatArray:
        """Scores of each rollout, and with each fold predicted by another in turn."""
        m = len(predictions)
        scores = np.empty((m, m, len(self.folds)))
        for i, j in np.ndindex(m, m):
            if i == j:
                scores[i, i] = self.contest.score(predictions[i])
                continue
            for part, fold in enumerate(self.folds):
                swapped = predictions[i].copy()
                swapped[fold.test] = predictions[j][fold.test]
                scores[i, j, part] = self.contest.score(swapped)
        return scores


class AutoSMOTESampler(JudgedSampler):
    """Learn how to apply SMOTE: how much, from which rows, with whom and where.

    Three networks [1]_ decide, each for the next one: how many mixes a class gets; how
    many of them start from each of its rows; and with which of its nearest rows, at
    which shares. They learn together from the score on held-out rows, by policy
    gradient. The data come back as they were unless mixing helps on splits that had
    no part in it.

    Parameters
    ----------
    estimator : classifier, default=None
        The classifier that the rows are for: whether mixing helps depends on it.
        :class:`~sklearn.neighbors.KNeighborsClassifier` is followed exactly, without
        refits, if votes weigh the same, distances are Euclidean and all columns
        numbers. For any other the networks learn from the votes of nearest rows; it
        then decides among what they found and no mixing, by at most five fits to each
        fold. None takes the votes of nearest rows, and says so; inside
        :class:`~skmix.ResampledClassifier`, None means the estimator there.

    sampling_strategy : str, float, dict or callable, default="auto"
        How many rows each class gets at most, as in imbalanced-learn: the networks ask
        for as many or fewer. "auto" is as many as the class has fewer than the largest.

    max_mixes : int, default=3000
        Upper bound of the number of mixes for each class.

    k_neighbors : int, default=5
        Number of nearest rows of the class, from 1 to 45, from which the partner of a
        row is chosen, as SMOTE has it. `n_neighbors` is something else.

    reward : {"auto", "random"}, default="auto"
        What the networks learn from. "auto" is the held-out score. "random" is chance,
        to see what the reward is worth; use it with ``guard=False``.

    scoring : str or callable, default="f1_macro"
        A scorer of scikit-learn, greater is better. It is given labels and predictions,
        but no columns of X.

    n_neighbors : int, default=10
        Number of nearest rows that vote, where these stand in for a classifier.

    warm_start : bool, default=False
        Whether the networks learn from the estimator itself, which makes one pass of
        its ``partial_fit`` over rows and mixes for each fold of each rollout, on from a
        fit to the rows as they are. For networks, as :class:`NetworkClassifier`.

    hidden_layer_sizes : int or sequence of int, default=(32, 32)
        Units of the hidden layers of each of the three networks.

    learning_rate : float, default=0.01
        Step size of Adam.

    n_rollouts : int, default=4
        How often the networks decide before each update, at least 2: one is compared
        with the others.

    entropy_weight : float, default=0.003
        What a nat of entropy is worth, in units of the score. With less, the networks
        settle earlier, also by chance.

    n_union : int, default=1
        How many of the three finalists make the mixes together.

    max_iter : int, default=200
        Number of updates.

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
        Where the networks train: "cpu", "cuda", "cuda:<number>" or "mps"; "auto" takes
        a CUDA device where there is one.

    n_jobs : int, default=None
        Number of fits of the classifier at a time. The result does not depend on it.

    verbose : bool or int, default=0
        Whether to show progress (needs ``rich``).

    random_state : int, RandomState or None, default=None
        Randomness of folds, networks, decisions and shares.

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

    policy_ : HierarchicalPolicy, UnionPolicy or None
        The best policy, also where it is not used; ``policy_.describe()`` says what it
        does. None if nothing was scored.

    history_ : dict of lists
        What each iteration reported: phase, iteration, objective, score and the mean
        entropy of what each network decides.

    n_iter_ : int
        Number of updates.

    sampling_strategy_ : dict
        Number of mixes for each class, at most.

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
        too little time, or every row of a class coincides with one of another.

    ConvergenceWarning
        Where Ctrl-C ends a phase: the best so far is judged.

    SharedDeviceWarning
        If ``n_jobs`` lets several fits of an estimator share one GPU.

    See Also
    --------
    MixAnNSampler : Mixes with rows of other classes too.
    AverageSampler : Mixes random rows of one class.
    skmix.compare_resamplers : Which sampler to use, if any.

    Notes
    -----
    **The decisions.** A class of n rows that is asked for m more gets

        min(n, m) (m / min(n, m))^a,    a in {0, 1/4, 1/2, 3/4, 1},

    mixes, but ``max_mixes`` at most, its row i a part w_i / sum w of them with w_i in
    {0, 1, 2, 4}, and each is

        s x_i + (1 - s) x_j

    with one of the k nearest rows of the class as x_j and s uniform in one of the
    quarters of [0, 1]. The first network decides on a, the second on w_i, the third on
    x_j and the quarter together. Before they learn all choices are as likely, which
    makes rows, partners and shares those of SMOTE, on average.

    **What the networks see** is counted in lists of nearest rows, so that units, the
    number of columns and the density of the rows do not matter. The first sees the mean
    part that the class has around its rows, and log(m / n); the second that part among
    the nearest 25 and k rows, its mean over the partners, and how often the row is a
    partner itself; the third sees this of both rows, the rank of x_j among the
    partners, how many rows of other classes are nearer, and whether x_i is a partner of
    x_j. Several classes share the networks, each with all others as the other side.

    **Learning.** In each of R rollouts the networks decide for the training rows of all
    folds, and all held-out rows together have the score S_r. With S_rqf the score of
    rollout r where fold f is predicted as in rollout q,

        A_rf = S_r - mean_{q != r} S_rqf

    tells what the decisions for fold f have brought. Adam takes a step up

        1 / R sum_rf A_rf log pi_rf + c sum_levels mean H,

    pi_rf their probability, H the entropy of a decision. The networks of the best
    average of twenty scores are kept. Finalists, scored on three splits of the rows,
    are the policies that take the likeliest amount and draw the rest, take the
    likeliest rates, too, and draw everything.

    **Unlike the paper**, whose networks see the coordinates of rows and what was
    decided before: the amounts are relative, so that one network decides on the size
    alone; shares are drawn from quarters, rather than from {0, 1/4, 1/2, 3/4, 1}, of
    which two make copies; there are folds rather than one validation split; no network
    learns values, in place of which rollouts are compared; and what is kept is a
    policy, rather than the luckiest set of rows. Coordinates brought nothing on the two
    data sets on which they were tried. There, most of the gain over SMOTE was that of
    the amount.

    **Cost.** ``n_rollouts * max_iter`` policies are scored, 800 by default, each as a
    policy of :class:`MixAnNSampler`, or up to three times faster: the pairs that are
    mixed stay the same, and which held-out rows they may be near to is found once,
    where these are few. Scorers other than "f1_macro" may take as long, as S_rqf makes
    them be asked some 60 times for each update. Memory is O(f n k (R + h)) for f folds,
    n rows of the class and h hidden units.

    References
    ----------
    .. [1] Zha, Lai, Tan, Ding, Zou and Hu, "Towards automated imbalanced learning with
       deep hierarchical reinforcement learning", CIKM 2022.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import make_classification
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from skmix.imbalance import AutoSMOTESampler
    >>> X, y = make_classification(600, weights=[0.95], class_sep=0.8, random_state=0)
    >>> classifier = KNeighborsClassifier(10)
    >>> sampler = AutoSMOTESampler(classifier, max_iter=20, random_state=0)
    >>> X_new, y_new = sampler.fit_resample(X, y)
    >>> sampler.accepted_, sampler.best_score_ > sampler.baseline_score_
    (True, True)
    >>> np.unique(y[sampler.parent_indices_])
    array([1])
    """

    _parameter_constraints = {
        **JudgedSampler._parameter_constraints,
        "k_neighbors": [Interval(Integral, 1, N_NEAR, closed="both")],
        "reward": [StrOptions({"auto", "random"})],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "n_rollouts": [Interval(Integral, 2, None, closed="left")],
        "entropy_weight": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        sampling_strategy: Any = "auto",
        max_mixes: int = 3000,
        k_neighbors: int = 5,
        reward: str = "auto",
        scoring: str | Callable = "f1_macro",
        n_neighbors: int = 10,
        warm_start: bool = False,
        hidden_layer_sizes: int | Sequence[int] = (32, 32),
        learning_rate: float = 0.01,
        n_rollouts: int = 4,
        entropy_weight: float = 0.003,
        n_union: int = 1,
        max_iter: int = 200,
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
        self.k_neighbors = k_neighbors
        self.reward = reward
        self.scoring = scoring
        self.n_neighbors = n_neighbors
        self.warm_start = warm_start
        self.hidden_layer_sizes = hidden_layer_sizes
        self.learning_rate = learning_rate
        self.n_rollouts = n_rollouts
        self.entropy_weight = entropy_weight
        self.n_union = n_union
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

    def _for_classifier(self, best: list[Policy]) -> list[Policy]:
        # Only what was learned: the hand-set policies are of other methods.
        return best

    def _find(self, contest: Contest, loop: Loop) -> list[Policy]:
        from .._torch.autosmote import AutoSMOTELearner  # imports torch
        from .._torch.device import resolve_device

        if isinstance(contest.evaluator, NeighborEvaluator):
            contest.evaluator.expect_same_pairs()
        learner = AutoSMOTELearner(
            Rollouts(contest, self.k_neighbors),
            SIZES,
            hidden_layer_sizes=check_layers(
                self.hidden_layer_sizes, "hidden_layer_sizes"
            ),
            learning_rate=self.learning_rate,
            n_rollouts=self.n_rollouts,
            entropy_weight=self.entropy_weight,
            device=resolve_device(self.device),
            seed=contest.seed,
        )
        self.n_iter_ = loop.run(learner, "policy", self.max_iter)
        weights = learner.policy()
        return [HierarchicalPolicy(weights, self.k_neighbors, n) for n in (1, 2, 0)]
