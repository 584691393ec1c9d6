"""What networks for regression and for classification share."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_array, check_consistent_length, check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from ._compat import Interval, check_sample_weight
from ._random import draw_seed
from ._validation import check_device_name, check_layers, check_pair
from .exceptions import warn_user

# What torch's layer normalisation adds to the variance.
NORM_EPSILON = 1e-5
BLOCK = 8192

# What a network consists of, as attributes with an underscore after them.
WEIGHTS = ("coefs", "intercepts", "norm_gains", "norm_shifts")

# Features (n, p), targets (n, t) and weights (n,).
Rows = tuple[NDArray[np.float64], NDArray, NDArray[np.float64]]


class BaseNetwork(BaseEstimator, metaclass=ABCMeta):
    """A multilayer perceptron that torch trains and NumPy evaluates.

    A subclass has the parameters below. Its ``fit`` reads the rows and says which
    network they need, for ``_fit`` to train; its predictions come from ``_forward``.

    Attributes
    ----------
    _loss : str
        A name among the `LOSSES` of ``_torch.mlp``.

    _scalers : tuple of str
        Attributes that hold the scales of the features and, if there are two, of the
        targets.
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

    _loss: str
    _scalers: tuple[str, ...]

    @abstractmethod
    def _check_y(self, y: Any, name: str) -> NDArray:
        """Check targets; errors call them by the name."""

    @abstractmethod
    def _encode(self, y: NDArray, known: Any, name: str = "y") -> NDArray:
        """Turn targets into those of the network, of shape (n, t).

        What is known of the targets that it is trained on, they must agree with.
        """

    @abstractmethod
    def _split(self, Y: NDArray, seed: int) -> tuple[NDArray, NDArray]:
        """Choose the rows to train on and those to hold out."""

    def _goes_on(self) -> bool:
        """Whether ``fit`` goes on from the weights that are there."""
        return self.warm_start and hasattr(self, "coefs_")

    def _read(self, X: Any, y: Any, suffix: str = "", *, reset: bool) -> Any:
        """Check features (n, p) and targets; errors name X + suffix."""
        validate_data(self, X, y, skip_check_array=True, reset=reset)
        X = check_array(X, dtype=np.float64, input_name=f"X{suffix}")
        y = self._check_y(y, f"y{suffix}")
        check_consistent_length(X, y)
        return X, y

    def _read_rows(self, X: Any, y: Any, sample_weight: Any, *, reset: bool) -> Any:
        """Check rows to learn from: features, targets as they are, and weights."""
        X, y = self._read(X, y, reset=reset)
        weight = check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )
        # Rows of weight 0 are as if they were not there, also where rows are held out.
        return (part[weight > 0] for part in (X, y, weight))

    def _read_held_out(self, X_val: Any, y_val: Any, known: Any) -> Rows | None:
        """Check the held-out rows, if there are any."""
        if not check_pair(X_val, y_val):
            return None
        if not self.early_stopping:
            raise ValueError(
                "X_val has no use with early_stopping=False: leave it out, or set "
                "early_stopping=True."
            )
        X_val, y_val = self._read(X_val, y_val, "_val", reset=False)
        return X_val, self._encode(y_val, known, "y_val"), np.ones(len(X_val))

    def _describe(self, X: NDArray, n_outputs: int) -> dict[str, Any]:
        """Say which network the parameters ask for."""
        layers = check_layers(self.hidden_layer_sizes, "hidden_layer_sizes")
        sizes = [X.shape[1], *layers, n_outputs]
        return {"sizes": sizes, "layer_norm": self.layer_norm}

    def _fit(
        self,
        rows: Rows,
        held_out: Rows | None,
        network: dict[str, Any],
        goes_on: bool,
    ) -> dict[str, NDArray]:
        """Train as ``fit`` does, holding rows out where none are given."""
        seeds = self._begin(network, goes_on, "warm_start=True")
        if held_out is None and self.early_stopping:
            parts = self._split(rows[1], seeds[0])
            rows, held_out = (tuple(part[p] for part in rows) for p in parts)
        return self._train(rows, held_out, network, seeds, goes_on, self.max_iter)

    def _begin(
        self, network: dict[str, Any], goes_on: bool, caller: str
    ) -> tuple[int, int]:
        """Check what to begin from; draw seeds for held-out rows, and for the rest.

        The first stays what it was where a training goes on.
        """
        check_device_name(self.device)
        rng = check_random_state(self.random_state)
        split_seed, seed = draw_seed(rng), draw_seed(rng)
        if not goes_on:
            return split_seed, seed
        if network != self._network:
            raise ValueError(
                f"{caller} goes on from a network of {self._network}, but this call "
                f"asks for {network}. Set warm_start=False and call fit to begin anew."
            )
        return self._split_seed, seed

    def _train(
        self,
        rows: Rows,
        held_out: Rows | None,
        network: dict[str, Any],
        seeds: tuple[int, int],
        goes_on: bool,
        max_iter: int,
        adam_state: dict[str, NDArray] | None = None,
    ) -> dict[str, NDArray]:
        """Train a network, and keep it as arrays; return the state of Adam."""
        from ._torch import mlp  # imports torch
        from ._torch.device import resolve_device

        device = resolve_device(self.device)
        model = mlp.Network(network["sizes"], network["layer_norm"], seeds[1])
        model = model.to(device)
        if goes_on:
            scalers = [getattr(self, name) for name in self._scalers]
            model.load({name: getattr(self, f"{name}_") for name in WEIGHTS})
        else:
            scalers = [
                StandardScaler().fit(part, sample_weight=rows[-1])
                for part in rows[: len(self._scalers)]
            ]

        def scaled(rows: Rows) -> mlp.TensorDataset:
            parts = list(rows)
            for place, scaler in enumerate(scalers):
                parts[place] = scaler.transform(parts[place])
            return mlp.make_rows(*parts, device=device)

        training = mlp.train(
            model,
            scaled(rows),
            None if held_out is None else scaled(held_out),
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            max_iter=max_iter,
            n_iter_no_change=self.n_iter_no_change,
            seed=seeds[1],
            loss=mlp.LOSSES[self._loss],
            adam_state=adam_state,
        )
        for name, part in model.weights().items():
            setattr(self, f"{name}_", part)
        for name, scaler in zip(self._scalers, scalers, strict=True):
            setattr(self, name, scaler)
        self.n_iter_, self.best_iter_ = training.n_iter, training.best_iter
        self.history_, self.device_ = training.history, str(device)
        self._network, self._split_seed = network, seeds[0]
        if training.interrupted:
            warn_user(
                f"Interrupted after {self.n_iter_} updates: the weights after update "
                f"{self.best_iter_} are kept.",
                ConvergenceWarning,
            )
        return training.adam

    def _check_rows(self, X: Any) -> NDArray[np.float64]:
        """Check rows to predict for."""
        check_is_fitted(self, "coefs_")
        return validate_data(self, X, dtype=np.float64, reset=False)

    def _forward(self, X: NDArray[np.float64]) -> NDArray[np.float64]:
        """Outputs of the network.

        In float64, as in float32 they would depend on the rows that are beside them.
        """
        hidden = self.X_scaler_.transform(X)
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
