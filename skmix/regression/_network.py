"""A neural network for regression: the model of the MixRL paper."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import MultiOutputMixin, RegressorMixin
from sklearn.model_selection import train_test_split
from sklearn.utils import check_array, gen_batches

from .._compat import fit_context
from .._network import BLOCK, BaseNetwork


class NetworkRegressor(MultiOutputMixin, RegressorMixin, BaseNetwork):
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
    is that of a float32 copy of the data and seven copies of the weights. Weights are
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

    _loss = "squared_error"
    _scalers = ("X_scaler_", "y_scaler_")

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
        goes_on = self._goes_on()
        X, y, weight = self._read_rows(X, y, sample_weight, reset=not goes_on)
        held_out = self._read_held_out(X_val, y_val, y.shape)
        shape = y.shape[1:]
        network = {**self._describe(X, prod(shape)), "y": shape}
        self._fit((X, self._encode(y, y.shape), weight), held_out, network, goes_on)
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
        X = self._check_rows(X)
        outputs = [self._forward(X[block]) for block in gen_batches(len(X), BLOCK)]
        Y = self.y_scaler_.inverse_transform(np.concatenate(outputs))
        return Y.reshape(-1, *self._network["y"])

    def _check_y(self, y: Any, name: str) -> NDArray[np.float64]:
        return check_array(y, dtype=np.float64, ensure_2d=False, input_name=name)

    def _encode(
        self, y: NDArray, known: tuple[int, ...], name: str = "y"
    ) -> NDArray[np.float64]:
        if y.shape[1:] != known[1:]:
            raise ValueError(
                f"{name} has shape {y.shape}, but y {known}: pass the same targets in "
                "both."
            )
        return y.reshape(len(y), -1)

    def _split(self, Y: NDArray, seed: int) -> tuple[NDArray, NDArray]:
        train, held_out = train_test_split(
            np.arange(len(Y)), test_size=self.validation_fraction, random_state=seed
        )
        return train, held_out
