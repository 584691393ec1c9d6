"""A neural network for regression: the model of the MixRL paper."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, MultiOutputMixin, RegressorMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler
from sklearn.utils import (
    check_array,
    check_consistent_length,
    check_random_state,
    gen_batches,
)
from sklearn.utils.validation import check_is_fitted, validate_data

from .._compat import Interval, check_sample_weight, fit_context
from .._random import draw_seed
from .._validation import check_device_name, check_layers
from ..exceptions import warn_user

# What torch's layer normalisation adds to the variance.
NORM_EPSILON = 1e-5
BLOCK = 8192

# What a network consists of, as attributes with an underscore after them.
WEIGHTS = ("coefs", "intercepts", "norm_gains", "norm_shifts")

# Features (n, p), targets (n, t) and weights (n,).
Rows = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]


class NetworkRegressor(MultiOutputMixin, RegressorMixin, BaseEstimator):
    """A multilayer perceptron, trained by Adam and stopped by held-out rows.

    This is the regression model f of the MixRL paper [1]_: hidden layers of ReLU
    units, mean squared error, and early stopping on the validation rows. Features and
    targets are standardised inside.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(512, 256)
        Units of the hidden layers.

    layer_norm : bool, default=False
        Whether to normalise each hidden layer over its units, before the ReLU. It helps
        wide networks of many layers.

    learning_rate : float, default=0.0001
        Step size of Adam.

    batch_size : int, default=32
        Number of rows in a batch. With no more rows than that, each update sees all.

    max_iter : int, default=10000
        Number of updates, each from one batch, at most.

    early_stopping : bool, default=True
        Whether to hold out rows, stop when the loss on them no longer falls, and keep
        the weights that had the lowest, of those looked at after at least one update.
        False makes exactly `max_iter` updates with all rows.

    validation_fraction : float in (0, 1), default=0.1
        Share of the rows to hold out, at least one; not used with `X_val`.

    n_iter_no_change : int, default=500
        Number of updates without a lower loss on the held-out rows after which to stop.
        The loss is looked at every 25 updates and after the last; less often where
        there are more than 25 batches of held-out rows.

    warm_start : bool, default=False
        Whether to go on from the weights of the last fit. Scales and the choice of
        held-out rows stay as they were in the first fit; Adam starts afresh. The
        weights to go on from are no candidate for those to keep, even if they are
        better on the held-out rows than all later ones.

    device : str, default="auto"
        "cpu", "cuda", "cuda:<number>" or "mps"; "auto" takes a CUDA device where there
        is one. Predictions are made on the CPU.

    random_state : int, RandomState or None, default=None
        Randomness of held-out rows, initial weights and batches. On the CPU, an integer
        gives the same network each time.

    Attributes
    ----------
    coefs_ : list of ndarray of shape (n_in, n_out)
        Weights of each layer, between standardised features and targets, float32.

    intercepts_ : list of ndarray of shape (n_out,)
        Intercepts of each layer.

    norm_gains_ : list of ndarray of shape (n_units,)
        What each normalised hidden layer is multiplied by; empty without `layer_norm`.

    norm_shifts_ : list of ndarray of shape (n_units,)
        What is then added to it.

    X_scaler_, y_scaler_ : StandardScaler
        Mean and standard deviation of each feature, and of each target, over the rows
        trained on.

    n_iter_ : int
        Number of updates that the last fit made.

    best_iter_ : int
        Number of updates after which the weights were as they are now.

    history_ : dict of lists
        How the last fit went, an entry for every 25 updates or so, see
        `n_iter_no_change`: "iteration", the number of updates; "loss", the mean over
        the batches since the entry before; with `early_stopping`, "validation_loss".
        Losses are mean squared errors of the standardised targets.

    device_ : str
        Where the network was trained.

    n_features_in_ : int
        Number of columns of X.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, if X has them.

    Warns
    -----
    ConvergenceWarning
        If a KeyboardInterrupt ended the training. The best weights so far are kept, or
        the latest if none were looked at.

    See Also
    --------
    MixRLResampler : Learns which rows to mix, for this and other regressors.
    sklearn.neural_network.MLPRegressor : Other solvers and activations, all on the CPU.

    Notes
    -----
    `max_iter` and `n_iter_no_change` count updates, as in the paper's algorithm; those
    of :class:`~sklearn.neural_network.MLPRegressor` count passes over the data. No
    warning is given where `max_iter` ends the training: then `n_iter_` equals it.

    With weights w_i, the loss is the mean of w_i (f(x_i) - y_i)^2 / mean(w), over rows
    and targets. Weights enter the scales and the loss on held-out rows in the same way,
    so that a row of weight 2 counts as two rows, and one of weight 0 as none; but rows
    are drawn for batches, and held out, without regard to their weights.

    The paper's settings are the defaults for NO2; for Product and Synthetic they are
    ``hidden_layer_sizes=(2048, 1024, 512, 256)``, ``layer_norm=True`` and
    ``batch_size=128``.

    An update takes O(b w) time for b rows in a batch and w weights. Memory in training
    is that of a float32 copy of the data and five copies of the weights. Weights are
    kept as NumPy arrays: fitted networks are opened, and predict, without torch.

    References
    ----------
    .. [1] Hwang and Whang, "MixRL: data mixing augmentation for regression using
       reinforcement learning", 2021.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skmix.regression import NetworkRegressor
    >>> X, y = load_diabetes(return_X_y=True)
    >>> model = NetworkRegressor((64,), learning_rate=1e-3, random_state=0)
    >>> model.fit(X[:300], y[:300], X_val=X[300:400], y_val=y[300:400])
    NetworkRegressor(hidden_layer_sizes=(64,), learning_rate=0.001, random_state=0)
    >>> model.predict(X[400:]).shape
    (42,)
    >>> model.best_iter_ <= model.n_iter_ <= 10_000
    True
    """

    _parameter_constraints = {
        "hidden_layer_sizes": ["array-like", Integral],
        "layer_norm": ["boolean"],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "early_stopping": ["boolean"],
        "validation_fraction": [Interval(Real, 0, 1, closed="neither")],
        "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "device": [str],
        "random_state": ["random_state"],
    }
    # Requested by default: a pipeline passes them on once metadata routing is enabled.
    __metadata_request__fit = {"X_val": True, "y_val": True}

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (512, 256),
        *,
        layer_norm: bool = False,
        learning_rate: float = 1e-4,
        batch_size: int = 32,
        max_iter: int = 10_000,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 500,
        warm_start: bool = False,
        device: str = "auto",
        random_state: int | RandomState | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.layer_norm = layer_norm
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.device = device
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight: Any = None,
    ) -> NetworkRegressor:
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n, p)
            Training rows; numbers only.

        y : array-like of shape (n,) or (n, t)
            Targets.

        X_val : array-like of shape (v, p), default=None
            Held-out rows to stop by. None holds out `validation_fraction` of the rows.

        y_val : array-like of shape (v,) or (v, t), default=None
            Targets of the held-out rows.

        sample_weight : array-like of shape (n,), default=None
            Weights of the rows, not negative. The rows of `X_val` all weigh the same.

        Returns
        -------
        self : NetworkRegressor
            The trained network.

        Raises
        ------
        ValueError
            If the rows, targets or weights cannot be used, if a warm start does not
            fit the network of the last fit, or if the training diverged.
        """
        check_device_name(self.device)
        layers = check_layers(self.hidden_layer_sizes, "hidden_layer_sizes")
        rng = check_random_state(self.random_state)
        split_seed, seed = draw_seed(rng), draw_seed(rng)
        warm = self.warm_start and hasattr(self, "coefs_")
        X, y = self._read(X, y, reset=not warm)
        weight = check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        held_out = self._read_held_out(X_val, y_val, y)
        sizes = [X.shape[1], *layers, prod(y.shape[1:])]
        network = {"sizes": sizes, "layer_norm": self.layer_norm, "y": y.shape[1:]}
        if warm:
            split_seed = self._split_seed
            if network != self._network:
                raise ValueError(
                    f"warm_start=True goes on from a network of {self._network}, but "
                    f"this fit asks for {network}. Set warm_start=False to begin anew."
                )
        # Rows of weight 0 are as if they were not there, also where rows are held out.
        rows = tuple(part[weight > 0] for part in (X, y.reshape(len(y), -1), weight))
        if held_out is None and self.early_stopping:
            parts = train_test_split(
                *rows, test_size=self.validation_fraction, random_state=split_seed
            )
            rows, held_out = parts[::2], parts[1::2]
        self._train(rows, held_out, sizes, seed, warm)
        self._network, self._split_seed = network, split_seed
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Predict targets.

        Parameters
        ----------
        X : array-like of shape (n, p)
            Rows.

        Returns
        -------
        y : ndarray of shape (n,) or (n, t)
            Predictions, in the shape of the targets of the fit.
        """
        check_is_fitted(self, "coefs_")
        X = validate_data(self, X, dtype=np.float64, reset=False)
        outputs = [
            self._forward(self.X_scaler_.transform(X[block]))
            for block in gen_batches(len(X), BLOCK)
        ]
        Y = self.y_scaler_.inverse_transform(np.concatenate(outputs))
        return Y.reshape(-1, *self._network["y"])

    def _forward(self, hidden: NDArray[np.float64]) -> NDArray[np.float64]:
        """Outputs of the network for standardised rows.

        In float64, as in float32 they would depend on the rows that are beside them.
        """
        for place, coef in enumerate(self.coefs_):
            if place > 0:
                hidden = np.maximum(hidden, 0, out=hidden)
            hidden = hidden @ coef + self.intercepts_[place]
            if place < len(self.norm_gains_):
                hidden -= hidden.mean(axis=1, keepdims=True)
                variance = (hidden**2).mean(axis=1, keepdims=True)
                hidden *= self.norm_gains_[place] / np.sqrt(variance + NORM_EPSILON)
                hidden += self.norm_shifts_[place]
        return hidden

    def _read(self, X: Any, y: Any, suffix: str = "", *, reset: bool) -> Any:
        """Check features (n, p) and targets (n,) or (n, t); errors name X + suffix."""
        validate_data(self, X, y, skip_check_array=True, reset=reset)
        X = check_array(X, dtype=np.float64, input_name=f"X{suffix}")
        y = check_array(y, dtype=np.float64, ensure_2d=False, input_name=f"y{suffix}")
        check_consistent_length(X, y)
        return X, y

    def _read_held_out(self, X_val: Any, y_val: Any, y: NDArray) -> Rows | None:
        """Check the held-out rows, if there are any, next to the training targets."""
        if (X_val is None) != (y_val is None):
            missing = "X_val" if X_val is None else "y_val"
            raise ValueError(f"{missing} is missing: pass X_val and y_val, or neither.")
        if X_val is None:
            return None
        if not self.early_stopping:
            raise ValueError(
                "X_val has no use with early_stopping=False: leave it out, or set "
                "early_stopping=True."
            )
        X_val, y_val = self._read(X_val, y_val, "_val", reset=False)
        if y_val.shape[1:] != y.shape[1:]:
            raise ValueError(
                f"y_val has shape {y_val.shape}, but y {y.shape}: pass the same "
                "targets in both."
            )
        return X_val, y_val.reshape(len(y_val), -1), np.ones(len(X_val))

    def _train(
        self,
        rows: Rows,
        held_out: Rows | None,
        sizes: list[int],
        seed: int,
        warm: bool,
    ) -> None:
        """Train a network, and keep it as arrays."""
        from .._torch import mlp  # imports torch
        from .._torch.device import resolve_device

        device = resolve_device(self.device)
        model = mlp.Network(sizes, self.layer_norm, seed).to(device)
        if warm:
            X_scaler, y_scaler = self.X_scaler_, self.y_scaler_
            model.load({name: getattr(self, f"{name}_") for name in WEIGHTS})
        else:
            X, Y, weight = rows
            X_scaler = StandardScaler().fit(X, sample_weight=weight)
            y_scaler = StandardScaler().fit(Y, sample_weight=weight)

        def scaled(X: NDArray, Y: NDArray, weight: NDArray) -> mlp.TensorDataset:
            X, Y = X_scaler.transform(X), y_scaler.transform(Y)
            return mlp.make_rows(X, Y, weight, device)

        self.n_iter_, self.best_iter_, self.history_, interrupted = mlp.train(
            model,
            scaled(*rows),
            None if held_out is None else scaled(*held_out),
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            max_iter=self.max_iter,
            n_iter_no_change=self.n_iter_no_change,
            seed=seed,
        )
        for name, part in model.weights().items():
            setattr(self, f"{name}_", part)
        self.X_scaler_, self.y_scaler_ = X_scaler, y_scaler
        self.device_ = str(device)
        if interrupted:
            warn_user(
                f"Interrupted after {self.n_iter_} updates: the weights after update "
                f"{self.best_iter_} are kept.",
                ConvergenceWarning,
            )
