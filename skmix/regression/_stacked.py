"""Networks of many rollouts, trained side by side on rows that are placed once."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone
from sklearn.preprocessing import StandardScaler
from sklearn.utils import gen_batches
from sklearn.utils.parallel import Parallel, delayed

from .._compat import validate_parameter
from .._network import WEIGHTS
from .._stopping import stops_by_held_out_rows
from .._torch.device import resolve_device, to_device
from .._torch.mlp import Network
from .._torch.stacked_mlp import Rows, Scale, stack_size, train_stack
from .._training import seeded
from .._validation import check_device_name
from ._network import NetworkRegressor

IntArray = NDArray[np.intp]


class StackedNetworks:
    """Does at once what ``fit`` and ``predict`` of many networks do.

    Parameters
    ----------
    estimator : NetworkRegressor
        What is trained; no subclass, whose ``fit`` may do anything else.

    rows : tuple of (X, y)
        All rows that any network is trained on, and their targets.

    held_out : tuple of (X_val, y_val)
        All rows that any network predicts, and stops by if it does.

    n_jobs : int or None
        Number of stacks that are trained at a time on the CPU. A GPU is given one after
        the other.

    Notes
    -----
    The rows are scaled in one way, and placed on the device. The scales of a network,
    by the rows that it is trained on, are then another factor and shift for each
    column, which its batches get. This differs from ``fit`` by float32 rounding.
    """

    def __init__(
        self,
        estimator: NetworkRegressor,
        rows: tuple[Any, Any],
        held_out: tuple[Any, Any],
        n_jobs: int | None,
    ) -> None:
        for name in estimator.get_params():
            validate_parameter(estimator, name)
        check_device_name(estimator.device)
        self.estimator = estimator
        self.device = resolve_device(estimator.device)
        reader = clone(estimator)
        X, y = reader._read(*rows, reset=True)
        X_val, y_val = reader._read(*held_out, "_val", reset=False)
        shape = y.shape[1:]
        self.network = {**reader._describe(X, prod(shape)), "y": shape}
        self.parts = [X, reader._encode(y, y.shape)]
        parts_val = [X_val, reader._encode(y_val, y.shape, "y_val")]
        self.scalers = [StandardScaler().fit(part) for part in self.parts]
        self.rows = self._place(self.parts)
        self.held_out = self._place(parts_val)
        self.settings = {
            "learning_rate": estimator.learning_rate,
            "batch_size": estimator.batch_size,
            "max_iter": estimator.max_iter,
            "n_iter_no_change": estimator.n_iter_no_change,
            "early_stopping": stops_by_held_out_rows(estimator),
        }
        self.size = stack_size(
            self.network["sizes"], min(estimator.batch_size, len(X)), self.device
        )
        on_cpu = self.device.type == "cpu"
        self.parallel = Parallel(n_jobs=n_jobs if on_cpu else 1)

    def fit_predict(
        self,
        model: NetworkRegressor,
        places: Sequence[IntArray],
        own: IntArray,
        seeds: Sequence[int],
    ) -> list[NDArray[np.float64]]:
        """Train networks, and predict held-out rows by each.

        Parameters
        ----------
        model : NetworkRegressor
            What each begins from: a state of the estimator, trained or not.

        places : sequence of ndarray of shape (n_s,)
            Which rows each is trained on.

        own : ndarray of shape (v,)
            Which held-out rows are used.

        seeds : sequence of int
            Seed of each, if the estimator has none.

        Returns
        -------
        predictions : list of ndarray of shape (v, t)
            Predictions by each.
        """
        goes_on = model._goes_on()
        copies = [seeded(model, self.estimator, seed) for seed in seeds]
        seeds = [
            copy._begin(self.network, goes_on, "warm_start=True")[1] for copy in copies
        ]
        weights = None
        if goes_on:
            weights = {name: getattr(model, f"{name}_") for name in WEIGHTS}
            X_scalers = [model.X_scaler_] * len(places)
            y_scalers = [model.y_scaler_] * len(places)
        else:
            X_scalers, y_scalers = (
                [StandardScaler().fit(part[rows]) for rows in places]
                for part in self.parts
            )
        held_out = (self.held_out[0][own], self.held_out[1][own])
        outputs = self.parallel(
            delayed(_train)(
                self.network,
                weights,
                self.rows,
                places[chunk],
                [
                    self._scale(column, scalers[chunk])
                    for column, scalers in enumerate((X_scalers, y_scalers))
                ],
                held_out,
                seeds[chunk],
                self.settings,
            )
            for chunk in gen_batches(len(places), self.size)
        )
        return [
            scaler.inverse_transform(output)
            for scaler, output in zip(y_scalers, np.concatenate(outputs), strict=True)
        ]

    def _place(self, parts: Sequence[NDArray[np.float64]]) -> Rows:
        """Put rows on the device, scaled."""
        X, Y = (
            scaler.transform(part)
            for scaler, part in zip(self.scalers, parts, strict=True)
        )
        return to_device(X, self.device), to_device(Y, self.device)

    def _scale(self, kind: int, scalers: Sequence[StandardScaler]) -> Scale:
        """What brings placed features (0) or targets (1) to the scales of networks."""
        mean = np.array([scaler.mean_ for scaler in scalers])[:, None]
        spread = np.array([scaler.scale_ for scaler in scalers])[:, None]
        common = self.scalers[kind]
        factor, shift = common.scale_ / spread, (common.mean_ - mean) / spread
        return Scale(to_device(factor, self.device), to_device(shift, self.device))


def _train(
    network: dict[str, Any],
    weights: dict[str, list[NDArray[np.float32]]] | None,
    rows: Rows,
    places: Sequence[IntArray],
    scales: Sequence[Scale],
    held_out: Rows,
    seeds: Sequence[int],
    settings: dict[str, Any],
) -> NDArray[np.float64]:
    """Train one stack; outputs of shape (s, v, t)."""
    shape = network["sizes"], network["layer_norm"]
    networks = [Network(*shape, seed) for seed in seeds]
    if weights is not None:
        for one in networks:
            one.load(weights)
    training = train_stack(
        networks, rows, places, scales, held_out, seeds=seeds, **settings
    )
    return training.outputs.astype(np.float64)
