"""AdaMixUp: learns for each pair of rows at which shares it can be mixed."""

from __future__ import annotations

from collections.abc import Sequence
from copy import copy
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.preprocessing import StandardScaler

from .._compat import Interval, StrOptions
from .._loop import Loop
from .._random import draw_seed
from .._validation import check_device_name, check_layers
from ..base import ResamplingData
from ._judged import JudgedResampler
from ._pairs import PairRecipe
from ._search import Make


class AdaMixupResampler(JudgedResampler):
    """Mix random pairs of rows, each at a share from a range that is learned for it.

    A mix may fall on a real row that has another label: a manifold intrusion. AdaMixUp
    [1]_ learns a range of shares for each pair, such that the mixes can be told from
    real rows and that the line between the labels can be learned beside them. It is the
    2-fold version, for regression as the authors of MixRL use it [2]_.

    Parameters
    ----------
    estimator : regressor, default=None
        The regressor that the rows are for, asked whether mixing helps. None takes a
        kernel model in its place, and says so; inside
        :class:`~skmix.ResampledRegressor`, None means the estimator there.

    amount : float, default=1.0
        Number of mixes for each row.

    categorical_features : "from_dtype" or array-like, default="from_dtype"
        Columns that hold categories: names, places or a mask, in addition to columns
        of type text, boolean or category. A mix takes them from its heavier parent,
        from the first at a tie.

    hidden_layer_sizes : int or sequence of int, default=(64, 64)
        Units of the hidden layers, of the network that proposes ranges and of the one
        that predicts labels and tells real rows from mixes.

    learning_rate : float, default=0.001
        Step size of Adam.

    batch_size : int, default=256
        Number of rows in a batch.

    cv : int or splitter, default=5
        Folds where no held-out rows are given: their number, for two splits of all
        rows, or a splitter of scikit-learn that holds out each row equally often. The
        ranges are learned anew in each.

    guard : bool, default=True
        Whether to hand the data back as they were unless held-out rows gain, beyond
        chance. False mixes by what was learned; nothing is judged then.

    max_samples : int, default=None
        Most rows that ranges are learned from; they are judged and used on all.

    max_iter : int, default=500
        Number of updates of the networks. Nothing rewards a wide range: with more
        updates the ranges narrow, to a share for each pair in the end.

    max_time : float, default=None
        Seconds after which learning stops. With the guard, half of them are for the
        ranges; where they are over before the judgement has scored the untouched data,
        nothing is mixed.

    device : str, default="auto"
        "cpu", "cuda", "cuda:<number>" or "mps"; "auto" takes a CUDA device where there
        is one.

    n_jobs : int, default=None
        Number of folds fitted at a time. The result does not depend on it.

    verbose : bool or int, default=0
        Whether to show progress (needs ``rich``).

    random_state : int, RandomState or None, default=None
        Randomness of folds, networks, pairs and shares.

    Attributes
    ----------
    accepted_ : bool
        Whether mixing helped; where not, nothing is mixed.

    best_score_ : float
        R2 with mixing, on rows that nothing was learned from. NaN if not measured.

    baseline_score_ : float
        R2 of the untouched data on the same rows. NaN if not measured.

    chosen_ : str
        What was chosen, and why, in plain words.

    history_ : dict of lists
        What each iteration reported: phase, iteration, objective and, for the ranges,
        the terms of the loss.

    n_iter_ : int
        Number of updates of the networks.

    device_ : str
        Where they were trained.

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
    MixupResampler : One range for all pairs.
    MixRLResampler : Learns whom to mix; takes this for ``mix_ratio``.

    Notes
    -----
    A network gives for the pair of rows i and j the range [a, a + d] inside (0, 1); the
    share of row i is l = a + d u with u uniform. Another network has two outputs: the
    prediction f, and the probability D that a row is real. All weights take steps down

        mean (f(x) - y)^2 + mean (f(x') - y')^2 - mean log D(x) - mean log(1 - D(x'))

    together, with x' = l x_i + (1 - l) x_j and y' likewise: there is no adversary.

    The paper is about classes. Here the errors are squared; the network that gives the
    ranges sees features and labels of both rows, in their order, so that a range may
    lie closer to one of them; a row is never its own partner; and the ranges move at a
    tenth of the learning rate, as otherwise they run to 0 or 1 before D has learned the
    real rows.

    Time is that of ``max_iter`` updates for each of 2 ``cv`` + 1 fits, or of a single
    one with held-out rows or without the guard; memory is O(n (p + t)) and the batch.

    References
    ----------
    .. [1] Guo, Mao and Zhang, "MixUp as locally linear out-of-manifold
       regularization", AAAI 2019.
    .. [2] Hwang and Whang, "MixRL: data mixing augmentation for regression using
       reinforcement learning", 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skmix.regression import AdaMixupResampler
    >>> X, y = load_diabetes(return_X_y=True)
    >>> resampler = AdaMixupResampler(Ridge(), max_iter=50, random_state=0)
    >>> X_new, y_new = resampler.fit_resample(X[:200], y[:200])
    >>> resampler.accepted_ == (len(X_new) > 200)
    True
    """

    _parameter_constraints = {
        **JudgedResampler._parameter_constraints,
        "amount": [Interval(Real, 0, None, closed="left")],
        "categorical_features": [StrOptions({"from_dtype"}), "array-like"],
        "hidden_layer_sizes": ["array-like", Integral],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "device": [str],
    }

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        amount: float = 1.0,
        categorical_features: Any = "from_dtype",
        hidden_layer_sizes: Sequence[int] = (64, 64),
        learning_rate: float = 1e-3,
        batch_size: int = 256,
        cv: Any = 5,
        guard: bool = True,
        max_samples: int | None = None,
        max_iter: int = 500,
        max_time: float | None = None,
        device: str = "auto",
        n_jobs: int | None = None,
        verbose: bool | int = 0,
        random_state: int | RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.amount = amount
        self.categorical_features = categorical_features
        self.hidden_layer_sizes = hidden_layer_sizes
        self.learning_rate = learning_rate
        self.batch_size = batch_size
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
        inputs = self._inputs(data, rng)
        sample = self._sample(data, rng)
        learner = self._make_learner(sample.data, draw_seed(rng))
        self.device_ = str(learner.device)
        loop = Loop(self, 1 + self.guard, inputs, self.max_time, self._start)
        # The loss is that of the training rows and says nothing of an earlier state's
        # worth: the last one is kept, in the folds too.
        n_iter = loop.run(learner, "ranges", self.max_iter, keep_last=True)
        self._n_updates = n_iter
        ratio = LearnedRatio(learner, sample.data)
        recipe = PairRecipe(sample.data, self.amount, ratio)
        if self.guard:
            self._choose(
                data, [1], "mixed", rng, loop=loop, recipe=recipe, sample=sample
            )
        else:
            loop.close()
            self.history_ = loop.history
            self._candidate = 1
            self._recipe = recipe if sample.data is data else recipe.on(data)
            self._accept_unjudged(self._describe(1))
        self.n_iter_ = n_iter

    def _maker(self) -> Make:
        return partial(_make_recipe, self._apart(), self._n_updates)

    def _apart(self) -> AdaMixupResampler:
        """The same, without what a fit or the callbacks have left."""
        return type(self)(**{**self.get_params(deep=False), "estimator": None})

    def _describe(self, candidate: int) -> str:
        return "random pairs of rows, each at a share from its own range"

    def _learn_ratio(
        self, train: ResamplingData, seed: int, max_iter: int | None = None
    ) -> LearnedRatio:
        """Learn the ranges of pairs of rows, without callbacks."""
        self._validate_params()
        learner = self._make_learner(train, seed)
        for _ in range(self.max_iter if max_iter is None else max_iter):
            learner.step()
        return LearnedRatio(learner, train)

    def _make_learner(self, data: ResamplingData, seed: int) -> Any:
        # They import torch.
        from .._torch.adamixup import AdaMixupLearner
        from .._torch.device import resolve_device

        check_device_name(self.device)
        return AdaMixupLearner(
            data.Z,
            StandardScaler().fit_transform(data.target),
            hidden_layer_sizes=check_layers(
                self.hidden_layer_sizes, "hidden_layer_sizes"
            ),
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            device=resolve_device(self.device),
            seed=seed,
        )


def _make_recipe(
    resampler: AdaMixupResampler, n_updates: int, train: ResamplingData, seed: int
) -> PairRecipe:
    ratio = resampler._learn_ratio(train, seed, n_updates)
    return PairRecipe(train, resampler.amount, ratio)


class LearnedRatio:
    """Shares from the ranges that AdaMixUp has learned.

    Parameters
    ----------
    learner : AdaMixupLearner
        What has learned them.

    data : ResamplingData
        The rows that they were learned from.
    """

    fixed = None

    def __init__(self, learner: Any, data: ResamplingData) -> None:
        self.ranges = learner.ranges()
        self.encoder = data.encoder
        self.scaler = StandardScaler().fit(data.target)

    def on(self, data: ResamplingData) -> LearnedRatio:
        """Make the ranges of pairs of other rows."""
        other = copy(self)
        other.ranges = self.ranges.on(
            self.encoder(data.columns), self.scaler.transform(data.target)
        )
        return other

    def draw(
        self, first: NDArray[np.intp], second: NDArray[np.intp], rng: RandomState
    ) -> NDArray[np.float64]:
        """Make the share for each pair of rows."""
        return rng.uniform(*self.ranges(first, second))
