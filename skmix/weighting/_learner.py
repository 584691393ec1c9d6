"""Weights of rows that lower the loss of a network on validation rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from time import monotonic
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import check_random_state
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted, validate_data

from .._compat import HasMethods, Interval, StrOptions, check_sample_weight, fit_context
from .._containers import take_rows
from .._loop import Loop
from .._validation import check_device_name, check_groups, check_pair
from ..exceptions import JudgementWarning, WeightConcentrationWarning, warn_user
from ._held_out import Split, check_places, split_rows
from ._targets import Targets, read_targets
from ._valuation import SelectionEvaluator
from ._weighers import Arrays, NetworkWeigher, ValueWeigher

# Fewer validation rows than this say little about the weights of others.
FEW_ROWS = 10
# What all rows of a class are worth at least, as a part of their number.
CONCENTRATED = 0.1
# What None means, by method. A step of a weight, of Adam for a network.
META_LEARNING_RATE = {"normalized": 0.5, "meta_net": 1e-3, "dvrl": 3e-3}
BATCH_SIZE, VALUE_BATCH_SIZE = 64, 1000
N_EPOCHS, N_VALUE_ITERATIONS = 40, 200


def _learns_of_others(learner: SampleWeightLearner) -> bool:
    # What was fitted counts, whatever the parameter says now.
    if getattr(learner, "_weighers", learner.method in ("meta_net", "dvrl")):
        return True
    raise AttributeError(
        f"method={learner.method!r} learns the weights of the rows of fit, and nothing "
        "of others. Pass method='meta_net', or 'dvrl'."
    )


class SampleWeightLearner(CallbackSupportMixin, BaseEstimator):
    """Learn how far to trust each row, by the loss on validation rows.

    A network is trained on the rows, and before each update it is asked which of them
    would lower its loss on validation rows [1]_. Those get weight. What comes out are
    plain numbers, for any estimator that takes ``sample_weight``.

    Their strongest use are wrong labels. Where a class is rare, and nothing else is
    wrong, they are as good as class weights, and not better.

    Parameters
    ----------
    method : {"normalized", "meta_net", "hu", "ren", "dvrl"}, default="normalized"
        What is learned, and how; see Notes.

        - "normalized": a number for each row. Does well with all kinds of noise that
          were tried, and with rare classes.
        - "meta_net": the weight is a function of the row's loss and the frequency of
          its class, Meta-Weight-Net [2]_. The best where labels of a table are wrong
          at random, and harmless where none is; less so where they are wrong in one
          direction, and harmful where the network cannot learn the task from so many
          rows, as with small sets of images. Has :meth:`predict_weight`.
        - "hu": the rule of [1]_, a number for each row that decays.
        - "ren": its baseline without memory [3]_.
        - "dvrl": data valuation by reinforcement learning [4]_, for any estimator and
          any scorer, at the price of many fits. Has :meth:`predict_weight`.

    estimator : estimator, default=None
        What "dvrl" fits; None for a linear model. Other methods have no use for it.

    scoring : str or callable, default=None
        By what "dvrl" scores it on validation rows, greater is better. None is the log
        loss of classifiers that give probabilities, accuracy of others, and R2 for
        numbers.

    task : {"auto", "classification", "regression"}, default="auto"
        What targets are. "auto" takes what is not whole for numbers to predict, and
        refuses whole numbers of many values.

    validation : float, int, array-like or splitter, default=0.1
        Which rows judge, where no `X_val` is passed: a share of them, of each class
        alike; a number of rows of each class; places or a mask of rows whose labels can
        be trusted; or a splitter of scikit-learn, for cross-fitting: each row is then
        weighed in all splits in which it does not judge, and gets the mean.

    uniform_mix : float, default=0.1
        Part of equal weights in what the network is trained with, so that it cannot
        get lost in a few rows. What comes out is without.

    decay : float, default=2.0
        By what "hu" divides its numbers when it sees a row again.

    normalize : {"linear", "softmax"}, default="linear"
        How "hu" turns them into shares of a batch.

    temperature : float, default=1.0
        Of this softmax.

    meta_learning_rate : float, default=None
        Step size of what is learned: 0.5 for "normalized", in units that need no
        tuning, 0.001 for "meta_net" and 0.003 for "dvrl". "hu" and "ren" have none.

    module : callable, default=None
        Makes the network that learns along: ``module(input_shape, n_outputs)`` returns
        a ``torch.nn.Module`` that turns rows of that shape into a logit for each class,
        or a number for each target. None makes a perceptron, or for images, of shape
        (channels, height, width), a small convolutional network.

    hidden_layer_sizes : int or sequence of int, default=(64,)
        Units of the hidden layers of this perceptron. Others have no use for it.

    learning_rate : float, default=0.02
        Step size of the network's stochastic gradient descent, and of the update that
        is looked at ahead.

    momentum : float, default=0.9
        Momentum of the network's descent.

    weight_decay : float, default=0.01
        Strength of the penalty on the network's squared weights.

    batch_size : int, default=None
        Number of rows in a batch, and of validation rows that judge it, if there are
        more; 64, and 1000 for "dvrl" to choose from.

    max_iter : int, default=None
        Number of epochs, 40; for "dvrl" of iterations with four fits each, 200.

    warm_up : int, default=0
        Number of epochs before weights are learned.

    max_time : float, default=None
        Seconds after which no epoch begins that would be over later; None for no limit.

    device : str, default="auto"
        "cpu", "cuda", "cuda:<number>" or "mps"; "auto" takes a CUDA device where there
        is one.

    random_state : int, RandomState or None, default=None
        Randomness of everything. On the CPU, an integer gives equal results each time.

    verbose : int, default=0
        Whether to show a progress bar, which needs ``skmix[progress]``.

    Attributes
    ----------
    sample_weight_ : ndarray of shape (n,)
        The weights, 1 in the mean: what was learned times what was given. Validation
        rows among the rows keep the weight that they came with.

    learned_weight_ : ndarray of shape (n,)
        What was learned; NaN for rows that were not weighed.

    validation_indices_ : ndarray of shape (v,)
        Rows that judged; empty where `X_val` was passed.

    weight_history_ : ndarray of shape (n_iter, n)
        The weight of each row in each epoch, float32; NaN for rows that were not
        weighed. Of several splits, for the epochs that all have.

    history_ : dict of lists
        Of each epoch the validation loss, "objective", and the training loss "loss";
        of an iteration of "dvrl" minus the mean score, and the mean probability
        "chosen".

    n_iter_ : int
        Number of epochs, of the last split.

    classes_ : ndarray of shape (n_classes,), or list of those
        Class labels; one array for each output where there are several.

    device_ : str
        Where the network was.

    n_features_in_ : int
        Number of columns of X, or of channels of images.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, if X has them.

    Warns
    -----
    JudgementWarning
        If there are fewer than ten validation rows, or none of some class.

    WeightConcentrationWarning
        If few rows of a class hold nearly all of its weight.

    ConvergenceWarning
        If a KeyboardInterrupt ended the fit: the weights so far are kept.

    See Also
    --------
    LearnedWeightClassifier : Learns weights inside ``fit``, for pipelines and grids.
    skmix.plotting.RemovalCurveDisplay : Whether low weights find what harms.

    Notes
    -----
    With losses l_i of the rows of a batch at the network's parameters theta, let

        theta'(phi) = theta - eta sum_i w_i(phi) grad l_i,

    and L the mean loss of the validation rows. What is learned, phi, goes down the
    gradient of L(theta'(phi)), and then the network makes its step with the new
    weights. As theta' is linear in the weights,

        dL / dw_i = -eta <grad l_i, grad L(theta')>,

    and all of these come from one pass in forward mode: no gradient of a row is ever in
    memory. Of a batch of b rows,

    - "normalized" has w_i = phi_i / sum phi and
      phi_i <- max(phi_i - alpha (b / eta) dL / dphi_i, 1e-5), phi_i = 1 at first;
    - "hu" looks ahead with w_i = phi_i and has
      phi_i <- max(phi_i / decay - dL / dphi_i, 1e-5), phi_i = 1 / b at first, and
      trains with their shares. The authors begin at 1, with smaller steps and batches,
      and add momentum and weight decay, the same for all rows, to each row's step;
    - "ren" looks ahead with w = 0, and trains with the shares of
      max(-dL / dw_i, 0);
    - "meta_net" has w as the softmax of 5 tanh(f / 5), where f is a network of 100
      hidden units of the loss and, for classes, the logarithm of the frequency of the
      row's class. Without that, as in [2]_, it cannot weigh classes.

    The weight that comes out is the mean over all epochs, which tells wrong labels from
    right ones better than that of the last; for "meta_net" it is that of the final
    networks. "dvrl" chooses rows with a probability that a network gives of their
    features, target, and how far a model of the validation rows is from the target,
    fits the estimator on what is chosen, and reinforces choices that score better than
    the others of an iteration; the weight is the probability.

    Targets that are numbers are standardised and have a Huber loss. Memory is at its
    peak that of three copies of X, and for `weight_history_` of 4 n bytes an epoch. A
    fit takes 3 to 4 times one without weights, and 4.6 times with "meta_net" where the
    network is tiny.

    References
    ----------
    .. [1] Hu, Tan, Salakhutdinov, Mitchell and Xing, "Learning data manipulation for
       augmentation and weighting", NeurIPS 2019.

    .. [2] Shu, Xie, Yi, Zhao, Zhou, Xu and Meng, "Meta-Weight-Net: learning an explicit
       mapping for sample weighting", NeurIPS 2019.

    .. [3] Ren, Zeng, Yang and Urtasun, "Learning to reweight examples for robust deep
       learning", ICML 2018.

    .. [4] Yoon, Arik and Pfister, "Data valuation using reinforcement learning", ICML
       2020.

    Examples
    --------
    Of the training rows a third have a wrong label; thirty clean rows tell which:

    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.metrics import roc_auc_score
    >>> from skmix.weighting import SampleWeightLearner
    >>> X, y = load_iris(return_X_y=True)
    >>> clean = np.arange(150) % 5 == 0
    >>> is_wrong = np.random.RandomState(0).rand(150) < 0.33
    >>> noisy = np.where(is_wrong, (y + 1) % 3, y)
    >>> learner = SampleWeightLearner(random_state=0)
    >>> learner = learner.fit(X[~clean], noisy[~clean], X[clean], y[clean])
    >>> roc_auc_score(~is_wrong[~clean], learner.sample_weight_) > 0.95
    True
    >>> bool(is_wrong[~clean][learner.rank()[:10]].all())
    True
    """

    _parameter_constraints = {
        "method": [StrOptions({"hu", "ren", "normalized", "meta_net", "dvrl"})],
        "estimator": [HasMethods(["fit", "predict"]), None],
        "scoring": [str, callable, None],
        "task": [StrOptions({"auto", "classification", "regression"})],
        "validation": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
            "array-like",
            HasMethods(["split"]),
        ],
        "uniform_mix": [Interval(Real, 0, 1, closed="left")],
        "decay": [Interval(Real, 1, None, closed="left")],
        "normalize": [StrOptions({"linear", "softmax"})],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "meta_learning_rate": [Interval(Real, 0, None, closed="neither"), None],
        "module": [callable, None],
        "hidden_layer_sizes": ["array-like", Integral],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left"), None],
        "max_iter": [Interval(Integral, 1, None, closed="left"), None],
        "warm_up": [Interval(Integral, 0, None, closed="left")],
        "max_time": [Interval(Real, 0, None, closed="neither"), None],
        "device": [str],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }
    __metadata_request__fit = {"X_val": True, "y_val": True, "groups": True}

    def __init__(
        self,
        method: str = "normalized",
        *,
        estimator: Any = None,
        scoring: Any = None,
        task: str = "auto",
        validation: Any = 0.1,
        uniform_mix: float = 0.1,
        decay: float = 2.0,
        normalize: str = "linear",
        temperature: float = 1.0,
        meta_learning_rate: float | None = None,
        module: Callable[[tuple[int, ...], int], Any] | None = None,
        hidden_layer_sizes: int | Sequence[int] = (64,),
        learning_rate: float = 0.02,
        momentum: float = 0.9,
        weight_decay: float = 0.01,
        batch_size: int | None = None,
        max_iter: int | None = None,
        warm_up: int = 0,
        max_time: float | None = None,
        device: str = "auto",
        random_state: int | RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.method = method
        self.estimator = estimator
        self.scoring = scoring
        self.task = task
        self.validation = validation
        self.uniform_mix = uniform_mix
        self.decay = decay
        self.normalize = normalize
        self.temperature = temperature
        self.meta_learning_rate = meta_learning_rate
        self.module = module
        self.hidden_layer_sizes = hidden_layer_sizes
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.warm_up = warm_up
        self.max_time = max_time
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    @fit_context(prefer_skip_nested_validation=False)
    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any = None,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight: Any = None,
        *,
        groups: Any = None,
    ) -> SampleWeightLearner:
        """Learn the weights of rows.

        Parameters
        ----------
        X : array-like of shape (n, p) or (n, channels, ...)
            Rows, of finite numbers.

        y : array-like of shape (n,) or (n, t)
            Their targets: classes or numbers, one or several to a row.

        X_val : array-like of shape (v, p) or (v, channels, ...), default=None
            Validation rows, with targets that can be trusted. None takes some of the
            rows: see `validation`.

        y_val : array-like of shape (v,) or (v, t), default=None
            Targets of the validation rows.

        sample_weight : array-like of shape (n,), default=None
            Weights that the rows come with, not negative. Rows of weight 0 are as if
            they were not there.

        groups : array-like of shape (n,), default=None
            Groups of rows that are not taken apart where a share of them judges, or a
            splitter takes them.

        Returns
        -------
        self : SampleWeightLearner
            The fitted learner.

        Raises
        ------
        ValueError
            If rows, targets or weights cannot be used, if no row is left to weigh or to
            judge, or if the training diverged.
        """
        # Nothing of an earlier fit may stay behind, also where this one fails.
        for name in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, name)
        start = monotonic()
        check_device_name(self.device)
        rows = self._read(X, reset=True)
        targets = read_targets(y, len(rows), self.task)
        weight = check_sample_weight(
            sample_weight, rows, dtype=np.float64, ensure_non_negative=True
        )
        # In any unit, also one that is so small that products would be 0.
        weight = weight / (weight.max() or 1)
        groups = check_groups(groups, len(rows))
        rng = check_random_state(self.random_state)
        given = self._read_given(X_val, y_val, targets)
        splits = self._split(targets, y, weight, groups, given, rng)
        inputs = (rows, targets.Y, weight, groups, given, rng.get_state())
        loop = Loop(self, len(splits), inputs, self.max_time, start)
        weighers = []
        try:
            for number, (train, held_out) in enumerate(splits):
                phase = f"fold {number + 1}" if len(splits) > 1 else "weights"
                held = given or (rows[held_out], targets.Y[held_out], weight[held_out])
                self._warn_if_few(targets, held)
                training = rows[train], targets.Y[train], weight[train]
                if self.method == "dvrl":
                    judges = X_val, y_val
                    if given is None:
                        judges = take_rows(X, held_out), take_rows(y, held_out)
                    evaluator = SelectionEvaluator(
                        self.estimator,
                        self.scoring,
                        (take_rows(X, train), take_rows(y, train), weight[train]),
                        judges,
                        targets,
                        targets.codes[train],
                        rng,
                    )
                    weigher: Any = ValueWeigher(self, training, targets, rng, evaluator)
                else:
                    weigher = NetworkWeigher(self, training, held, targets, rng)
                self.n_iter_ = loop.run(
                    weigher.learner, phase, self._n_iter, keep_last=True
                )
                weigher.finish()
                weighers.append(weigher)
                if loop.interrupted:
                    break
        finally:
            loop.close()
            self.history_ = loop.history
            self._interrupted = loop.interrupted
        self._collect(weighers, splits, weight, targets)
        return self

    @available_if(_learns_of_others)
    def predict_weight(self, X: Any, y: Any) -> NDArray[np.float64]:
        """Compute weights of any rows, by what was learned from those of the last fit.

        Parameters
        ----------
        X : array-like of shape (m, p) or (m, channels, ...)
            Rows.

        y : array-like of shape (m,) or (m, t)
            Their targets.

        Returns
        -------
        weight : ndarray of shape (m,)
            Weights, in units in which those of the training rows are 1 in the mean.

        Raises
        ------
        AttributeError
            If the method learns a number for each row, and nothing of others.
        """
        check_is_fitted(self)
        rows = self._read(X, reset=False)
        Y = self._targets.encode(y, len(rows), "y")
        parts = [weigher.predict(rows, Y, X) for weigher in self._weighers]
        return np.mean(parts, axis=0)

    def rank(self) -> NDArray[np.intp]:
        """Sort the rows that were weighed, the most suspicious first.

        Returns
        -------
        rows : ndarray of shape (r,)
            Places of rows in X, by rising learned weight. Validation rows, and those
            that came with a weight of 0, are left out.
        """
        check_is_fitted(self)
        order = np.argsort(self.learned_weight_, kind="stable")
        return order[: int(np.isfinite(self.learned_weight_).sum())]

    @property
    def _n_iter(self) -> int:
        if self.max_iter is not None:
            return self.max_iter
        return N_VALUE_ITERATIONS if self.method == "dvrl" else N_EPOCHS

    @property
    def _batch_size(self) -> int:
        if self.batch_size is not None:
            return self.batch_size
        return VALUE_BATCH_SIZE if self.method == "dvrl" else BATCH_SIZE

    @property
    def _meta_learning_rate(self) -> float:
        if self.meta_learning_rate is not None:
            return self.meta_learning_rate
        return META_LEARNING_RATE[self.method]

    def _read(self, X: Any, *, reset: bool, name: str = "X") -> NDArray:
        rows = validate_data(
            self,
            X,
            dtype=[np.float64, np.float32],
            # Sums depend on the order.
            order="C",
            allow_nd=True,
            ensure_min_samples=2 if reset else 1,
            reset=reset,
        )
        if reset:
            self._input_shape = rows.shape[1:]
        elif rows.shape[1:] != self._input_shape:
            raise ValueError(
                f"{name} has rows of shape {rows.shape[1:]}, but those of fit have "
                f"shape {self._input_shape}."
            )
        return rows

    def _read_given(self, X_val: Any, y_val: Any, targets: Targets) -> Arrays | None:
        if not check_pair(X_val, y_val):
            return None
        rows = self._read(X_val, reset=False, name="X_val")
        return rows, targets.encode(y_val, len(rows), "y_val"), np.ones(len(rows))

    def _split(
        self,
        targets: Targets,
        y: Any,
        weight: NDArray[np.float64],
        groups: NDArray | None,
        given: Arrays | None,
        rng: RandomState,
    ) -> list[Split]:
        """Split rows; those of weight 0 are as if they were not there."""
        there = np.flatnonzero(weight)
        if given is not None:
            return [(there, there[:0])]
        validation = self.validation
        if len(there) < len(weight) and not isinstance(validation, Real):
            if hasattr(validation, "split"):
                y = take_rows(y, there)
            else:
                places = check_places(validation, len(weight))
                validation = np.isin(there, places)
                if not validation.any():
                    raise ValueError(
                        "All rows of validation have the sample_weight 0, and are as "
                        "if they were not there. Name others."
                    )
        splits = split_rows(
            validation,
            np.unique(targets.codes[there], return_inverse=True)[1],
            y,
            rng,
            None if groups is None else groups[there],
        )
        return [(there[train], there[held_out]) for train, held_out in splits]

    def _warn_if_few(self, targets: Targets, held_out: Arrays) -> None:
        n_rows = len(held_out[0])
        what = None
        if n_rows < FEW_ROWS:
            what = f"{n_rows} validation rows are few"
        for column, classes in zip(held_out[1].T, targets.classes or [], strict=False):
            missing = np.setdiff1d(np.arange(len(classes)), column)
            if len(missing):
                label = classes.tolist()[missing[0]]
                what = f"no validation row has class {label!r}"
        if what:
            warn_user(
                f"{what}: the weights say little. Pass more validation rows, or a "
                "splitter as validation, for which all rows judge.",
                JudgementWarning,
            )

    def _collect(
        self,
        weighers: list[Any],
        splits: list[Split],
        weight: NDArray[np.float64],
        targets: Targets,
    ) -> None:
        """Put together what the runs found: the mean where a row was in several."""
        n_rows = len(weight)
        n_epochs = min((len(w.history) for w in weighers), default=0)
        history = np.zeros((n_epochs, n_rows), dtype=np.float32)
        total, count = np.zeros(n_rows), np.zeros(n_rows)
        for weigher, (train, _) in zip(weighers, splits, strict=False):
            total[train] += weigher.weight
            history[:, train] += weigher.history[:n_epochs]
            count[train] += 1
            del weigher.history
        with np.errstate(invalid="ignore"):
            self.learned_weight_ = total / count
            self.weight_history_ = history / count.astype(np.float32)
        self.validation_indices_ = np.unique(
            np.concatenate([held_out for _, held_out in splits])
        )
        # Rows that judge all the time are trusted as they are.
        learned = np.where(count > 0, self.learned_weight_, 1.0)
        product = weight * learned
        if not product.any():
            warn_user(
                "No row was found to lower the validation loss: all keep the weights "
                "that they came with.",
                WeightConcentrationWarning,
            )
            product = weight
        self.sample_weight_ = product * (n_rows / product.sum())
        self._targets = targets
        self._weighers = [w for w in weighers if w.amortised]
        self.device_ = weighers[0].device_name
        if targets.classes is not None:
            one = len(targets.classes) == 1
            self.classes_ = targets.classes[0] if one else targets.classes
        self._warn_if_concentrated(targets)

    def _warn_if_concentrated(self, targets: Targets) -> None:
        """Warn where few rows of a class hold nearly all of its weight."""
        codes = targets.codes
        was_weighed = np.isfinite(self.learned_weight_)
        weight = np.where(was_weighed, self.learned_weight_, 0)
        counts = np.bincount(codes[was_weighed], minlength=codes.max() + 1)
        sums = np.bincount(codes, weight)
        squares = np.bincount(codes, weight**2)
        worth = sums**2 / np.maximum(squares, np.finfo(float).tiny)
        few = (counts >= FEW_ROWS) & (worth < CONCENTRATED * counts)
        if few.any():
            code = int(np.flatnonzero(few)[0])
            which = ""
            if targets.classes is not None:
                row = targets.Y[np.flatnonzero(codes == code)[0]]
                labels = [
                    classes.tolist()[place]
                    for classes, place in zip(targets.classes, row, strict=True)
                ]
                which = f" of class {labels[0] if len(labels) == 1 else labels!r}"
            warn_user(
                f"The weights concentrate on few rows: the {counts[code]}{which} are "
                f"worth {worth[code]:.1f} of equal weight. Raise uniform_mix, lower "
                "meta_learning_rate or learning_rate, or pass more validation rows.",
                WeightConcentrationWarning,
            )
