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
from sklearn.utils import check_random_state, gen_batches
from sklearn.utils.validation import check_is_fitted, validate_data

from .._compat import Interval, fit_context
from .._random import draw_seed
from .._validation import check_device_name, check_layers
from ..exceptions import warn_user
from ._network_data import Rows, hold_out, read_held_out, read_rows, scales

NORM_EPSILON = 1e-5
BLOCK = 8192

# What a network consists of, as attributes with an underscore after them.
WEIGHTS = ("coefs", "intercepts", "norm_gains", "norm_shifts")


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
        the weights that had the lowest. False makes exactly `max_iter` updates with
        all rows.

    validation_fraction : float in (0, 1), default=0.1
        Share of the rows to hold out, at least one; not used with `X_val`.

    n_iter_no_change : int, default=500
        Number of updates without a lower loss on the held-out rows after which to stop.
        The loss is looked at every 25 updates; less often where there are more than 25
        batches of held-out rows.

    warm_start : bool, default=False
        Whether to go on from the weights of the last fit. Scales and the choice of
        held-out rows stay as they were in the first fit; Adam starts afresh. The
        weights to go on from are kept if no later ones are better on the held-out rows.

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

    X_mean_ : ndarray of shape (`n_features_in_`,)
        Mean of each feature over the rows trained on.

    X_scale_ : ndarray of shape (`n_features_in_`,)
        Their standard deviations, 1 where constant.

    y_mean_ : ndarray of shape () or (t,)
        Mean of each target over the rows trained on.

    y_scale_ : ndarray of shape () or (t,)
        Their standard deviations, 1 where constant.

    n_iter_ : int
        Number of updates that the last fit made.

    best_iter_ : int
        Number of updates after which the weights were as they are now; 0 are those
        that the fit began with.

    history_ : dict of lists
        How the last fit went, an entry for each look at the held-out rows:
        "iteration", the number of updates; "loss", the mean over the batches since the
        entry before, NaN in the first; with `early_stopping`, "validation_loss". Losses
        are mean squared errors of the standardised targets.

    device_ : str
        Where the network was trained.

    n_features_in_ : int
        Number of columns of X.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, if X has them.

    Warns
    -----
    ConvergenceWarning
        If a KeyboardInterrupt ended the training. The best weights so far are kept.

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
        if not warm:
            # Nothing of an earlier fit may stay behind, also where this one fails.
            for name in [name for name in vars(self) if name.endswith("_")]:
                delattr(self, name)
            self._split_seed = split_seed
        rows = read_rows(self, X, y, sample_weight, reset=not warm)
        held_out = read_held_out(self, X_val, y_val, rows.y)
        if held_out is not None and not self.early_stopping:
            raise ValueError(
                "X_val was passed, but early_stopping=False stops by no rows: leave "
                "X_val out, or set early_stopping=True."
            )
        if held_out is None and self.early_stopping:
            rows, held_out = hold_out(rows, self.validation_fraction, self._split_seed)
        sizes = [rows.X.shape[1], *layers, prod(rows.y.shape[1:])]
        if warm:
            self._check_same_network(sizes, rows.y.shape[1:])
        else:
            self.X_mean_, self.X_scale_ = scales(rows.X, rows.weight)
            self.y_mean_, self.y_scale_ = scales(rows.y, rows.weight)
        self._train(rows, held_out, sizes, seed, warm)
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
            self._forward((X[block] - self.X_mean_) / self.X_scale_)
            for block in gen_batches(len(X), BLOCK)
        ]
        y = np.concatenate(outputs).reshape(-1, *self.y_mean_.shape)
        return self.y_mean_ + self.y_scale_ * y

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

    def _train(
        self,
        rows: Rows,
        held_out: Rows | None,
        sizes: list[int],
        seed: int,
        warm: bool,
    ) -> None:
        """Train a network of some sizes, and keep it as arrays."""
        from .._torch import mlp  # imports torch
        from .._torch.device import resolve_device

        device = resolve_device(self.device)
        epsilon = NORM_EPSILON if self.layer_norm else None
        network = mlp.Network(sizes, epsilon, device, seed)
        if warm:
            network.load({name: getattr(self, f"{name}_") for name in WEIGHTS})
        inside = mlp.Rows.of(*self._standardise(rows), device)
        outside = None
        if held_out is not None:
            outside = mlp.Rows.of(*self._standardise(held_out), device)
        training = mlp.train(
            network,
            inside,
            outside,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            max_iter=self.max_iter,
            n_iter_no_change=self.n_iter_no_change,
        )
        weights = network.weights()
        if not all(
            np.isfinite(layer).all() for part in weights.values() for layer in part
        ):
            raise ValueError(
                f"The training diverged with learning_rate={self.learning_rate}: the "
                "weights are not finite. Lower it, and look for extreme values in X "
                "and y."
            )
        for name in WEIGHTS:
            setattr(self, f"{name}_", weights[name])
        self.n_iter_, self.best_iter_ = training.n_iter, training.best_iter
        self.history_, self.device_ = training.history, str(device)
        if training.interrupted:
            warn_user(
                f"Interrupted after {self.n_iter_} updates: the best so far is kept.",
                ConvergenceWarning,
            )

    def _standardise(self, rows: Rows) -> Rows:
        """Rows in the units of the network, with targets of shape (n, t)."""
        Y = (rows.y - self.y_mean_) / self.y_scale_
        return Rows(
            (rows.X - self.X_mean_) / self.X_scale_,
            Y.reshape(len(Y), -1),
            rows.weight,
        )

    def _check_same_network(self, sizes: list[int], targets: tuple[int, ...]) -> None:
        """Check that a warm start asks for the network that there is."""
        before = [len(coef) for coef in self.coefs_] + [len(self.intercepts_[-1])]
        normed = len(self.norm_gains_) > 0
        same = before == sizes and normed == self.layer_norm
        if not same or targets != self.y_mean_.shape:
            raise ValueError(
                f"warm_start=True goes on from a network of {before} units with "
                f"layer_norm={normed} and a row of y of shape {self.y_mean_.shape}, "
                f"but this fit asks for {sizes}, {self.layer_norm} and {targets}. Set "
                "warm_start=False to begin anew."
            )
