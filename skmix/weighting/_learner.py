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
from sklearn.utils.validation import check_is_fitted, validate_data

from .._compat import HasMethods, Interval, StrOptions, check_sample_weight, fit_context
from .._containers import take_rows
from .._loop import Loop
from .._validation import check_device_name, check_groups
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


class SampleWeightLearner(CallbackSupportMixin, BaseEstimator):
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
        """Learn the weights of rows."""
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
        self._collect(weighers, splits, weight, targets)
        return self

    def predict_weight(self, X: Any, y: Any) -> NDArray[np.float64]:
        """Weights of any rows, by what was learned from those of the last fit.

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
        if self.method not in ("meta_net", "dvrl"):
            raise AttributeError(
                f"method={self.method!r} learns the weights of the rows of fit, and "
                "nothing of others. Pass method='meta_net', or 'dvrl'."
            )
        rows = self._read(X, reset=False)
        Y = self._targets.encode(y, len(rows), "y")
        parts = [weigher.predict(rows, Y, X) for weigher in self._weighers]
        return np.mean(parts, axis=0)

    def rank(self) -> NDArray[np.intp]:
        """Rows that were weighed, the most suspicious first.

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
        if (X_val is None) != (y_val is None):
            given, missing = ("X_val", "y_val") if y_val is None else ("y_val", "X_val")
            raise ValueError(
                f"{given} was passed without {missing}: pass both or none."
            )
        if X_val is None:
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
        if not len(there):
            raise ValueError("sample_weight is 0 for all rows: give some a weight.")
        if given is not None:
            return [(there, there[:0])]
        validation = self.validation
        if len(there) < len(weight) and not isinstance(validation, Real):
            if hasattr(validation, "split"):
                y = take_rows(y, there)
            else:
                places = check_places(validation, len(weight))
                validation = np.isin(there, places)
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
        with np.errstate(invalid="ignore"):
            self.learned_weight_ = total / count
            self.weight_history_ = history / count.astype(np.float32)
        self.validation_indices_ = np.unique(
            np.concatenate([held_out for _, held_out in splits])
        )
        # Rows that judge all the time are trusted as they are.
        learned = np.where(count > 0, self.learned_weight_, 1.0)
        product = weight * learned
        self.sample_weight_ = product * (n_rows / product.sum())
        self._targets, self._weighers = targets, weighers
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
