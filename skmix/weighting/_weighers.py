"""One run of a method: which rows are weighed, by which, and what came of it."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from .._random import draw_seed
from .._scaling import channel_scale
from .._validation import check_layers
from ._targets import Targets
from ._valuation import SelectionEvaluator

META_HIDDEN = 100
VALUE_LAYERS = (100,)
N_ROLLOUTS = 4

# Features (n, ...), encoded targets (n, t) and weights (n,).
Arrays = tuple[NDArray, NDArray, NDArray[np.float64]]


class NetworkWeigher:
    """Weights by the gradients of a network.

    Parameters
    ----------
    owner : SampleWeightLearner
        Whose parameters say how.

    rows, held_out : tuple of ndarray
        Training and validation rows.

    targets : Targets
        What kind of targets they have.

    rng : RandomState
        Source of seeds.
    """

    def __init__(
        self,
        owner: Any,
        rows: Arrays,
        held_out: Arrays,
        targets: Targets,
        rng: RandomState,
    ) -> None:
        from .._torch import bilevel  # imports torch
        from .._torch.device import resolve_device

        self.mean, self.scale = channel_scale(rows[0])
        self.device = resolve_device(owner.device)
        self.device_name = str(self.device)
        self.warm_up = owner.warm_up
        shape, n_outputs = rows[0].shape[1:], targets.n_outputs
        network = make_network(owner, shape, n_outputs, draw_seed(rng))
        self.rows = self._tensors(*rows)
        self.manipulation = self._manipulation(owner, targets, draw_seed(rng))
        self.learner: Any = bilevel.BilevelLearner(
            network.to(self.device),
            self.manipulation,
            targets.make_loss(),
            self.rows,
            self._tensors(*held_out),
            learning_rate=owner.learning_rate,
            momentum=owner.momentum,
            weight_decay=owner.weight_decay,
            batch_size=owner._batch_size,
            warm_up=owner.warm_up,
            seed=draw_seed(rng),
        )

    def finish(self) -> None:
        """Take the weights of the rows, and let go of what is no longer needed."""
        learner, manipulation = self.learner, self.manipulation
        n_rows = len(self.rows.places)
        self.history = np.array(manipulation.history, np.float32).reshape(-1, n_rows)
        self.amortised = hasattr(manipulation, "log_weight")
        # After no epoch at all, all rows weigh the same.
        self.weight = np.ones(len(self.rows.places))
        if self.amortised and len(self.history) > self.warm_up:
            raw = self._raw(self.rows)
            self.total = raw.mean()
            self.weight = raw / self.total
        elif len(self.history) and not self.amortised:
            self.weight = self.history.mean(axis=0, dtype=np.float64)
        del self.rows
        if self.amortised:
            # What is left opens where there is no GPU, and does not hold the rows.
            learner.to_cpu()
            manipulation.to_cpu()
            self.device = learner.device
        else:
            del self.learner, self.manipulation

    def predict(self, X: NDArray, Y: NDArray, originals: Any) -> NDArray[np.float64]:
        """Weights of any rows, where those of the training rows are 1 in the mean."""
        if not hasattr(self, "total"):
            # Nothing was learned.
            return np.ones(len(X))
        return self._raw(self._tensors(X, Y, np.ones(len(X)))) / self.total

    def _tensors(self, X: NDArray, Y: NDArray, weight: NDArray) -> Any:
        from .._torch import bilevel

        scaled = (X - self.mean) / self.scale
        return bilevel.make_rows(scaled, Y, weight, self.device)

    def _raw(self, rows: Any) -> NDArray[np.float64]:
        return self.manipulation.weights_of(self.learner.losses(rows), rows.Y)

    def _manipulation(self, owner: Any, targets: Targets, seed: int) -> Any:
        from .._torch import row_weights

        n_rows = len(self.rows.places)
        settings = {"uniform_mix": owner.uniform_mix}
        if owner.method == "ren":
            return row_weights.Ren(n_rows, self.device, **settings)
        if owner.method == "hu":
            linear = owner.normalize == "linear"
            return row_weights.Hu(
                n_rows,
                self.device,
                decay=owner.decay,
                temperature=None if linear else owner.temperature,
                first=1 / owner._batch_size,
                **settings,
            )
        if owner.method == "normalized":
            return row_weights.Normalized(
                n_rows,
                self.device,
                step_size=owner._meta_learning_rate,
                inner_step_size=owner.learning_rate,
                **settings,
            )
        return row_weights.MetaNet(
            n_rows,
            self.device,
            n_classes=[len(classes) for classes in targets.classes or []],
            Y=self.rows.Y,
            n_hidden=META_HIDDEN,
            learning_rate=owner._meta_learning_rate,
            seed=seed,
            **settings,
        )


class ValueWeigher:
    """Weights by REINFORCE: the probabilities that rows are chosen for training.

    Parameters
    ----------
    owner : SampleWeightLearner
        Whose parameters say how.

    rows : tuple of ndarray
        Training rows.

    targets : Targets
        What kind of targets they have.

    rng : RandomState
        Source of seeds.

    evaluator : SelectionEvaluator
        What scores selections of rows.
    """

    amortised = True

    def __init__(
        self,
        owner: Any,
        rows: Arrays,
        targets: Targets,
        rng: RandomState,
        evaluator: SelectionEvaluator,
    ) -> None:
        from .._torch.device import resolve_device
        from .._torch.dvrl import DVRLLearner

        device = resolve_device(owner.device)
        self.device_name = str(device)
        self.targets, self.evaluator = targets, evaluator
        self.mean, self.scale = channel_scale(rows[0])
        self.inputs = self._inputs(rows[0], rows[1], evaluator.X)
        self.learner: Any = DVRLLearner(
            self.inputs,
            evaluator,
            n_rollouts=N_ROLLOUTS,
            hidden_layer_sizes=VALUE_LAYERS,
            learning_rate=owner._meta_learning_rate,
            batch_size=owner._batch_size,
            device=device,
            seed=draw_seed(rng),
        )

    def finish(self) -> None:
        """Take the weights of the rows, and let go of what is no longer needed."""
        n_rows = len(self.inputs)
        self.history = np.array(self.learner.history, np.float32).reshape(-1, n_rows)
        raw = self.learner.values(self.inputs)
        # After no iteration at all, all rows weigh the same.
        self.total = raw.mean()
        self.weight = raw / self.total if len(self.history) else np.ones(len(raw))
        self.learner.to_cpu()
        self.evaluator.forget_rows()
        del self.inputs

    def predict(self, X: NDArray, Y: NDArray, originals: Any) -> NDArray[np.float64]:
        """Weights of any rows, where those of the training rows are 1 in the mean."""
        return self.learner.values(self._inputs(X, Y, originals)) / self.total

    def _inputs(self, X: NDArray, Y: NDArray, originals: Any) -> NDArray[np.float32]:
        """What the network sees of rows: blocks of features that weigh alike."""
        features = ((X - self.mean) / self.scale).reshape(len(X), -1)
        target = self._indicators(Y)
        distance = self.evaluator.distance(originals, Y, self.targets)[:, None]
        blocks = [
            features / np.sqrt(features.shape[1]),
            target,
            # From -1.5 to 1.5: by far the most telling number.
            3 * (distance - 0.5),
        ]
        return np.hstack(blocks).astype(np.float32)

    def _indicators(self, Y: NDArray) -> NDArray:
        if self.targets.classes is None:
            return Y
        columns = zip(Y.T, self.targets.classes, strict=True)
        return np.hstack([np.eye(len(classes))[code] for code, classes in columns])


def make_network(owner: Any, shape: tuple[int, ...], n_outputs: int, seed: int) -> Any:
    """Make the network that an estimator asks for, for rows of a shape.

    Parameters
    ----------
    owner : estimator
        With `module` and `hidden_layer_sizes`.

    shape : tuple of int
        Of a row: a small convolutional network for images of shape (c, h, w), else a
        perceptron, if there is no `module`.

    n_outputs : int
        Number of outputs.

    seed : int
        Seed of its weights.

    Returns
    -------
    network : nn.Module
        The network.
    """
    from .._torch import proxies  # imports torch

    if owner.module is not None:
        if hasattr(owner.module, "named_modules"):
            raise ValueError(
                "module must be a function that makes a network of (input_shape, "
                f"n_outputs), got the network {type(owner.module).__name__} itself."
            )
        network = proxies.build(lambda: owner.module(shape, n_outputs), seed)
    elif len(shape) == 3:
        network = proxies.build(lambda: proxies.make_cnn(shape, n_outputs), seed)
    else:
        layers = check_layers(owner.hidden_layer_sizes, "hidden_layer_sizes")
        sizes = [int(np.prod(shape)), *layers, n_outputs]
        network = proxies.build(lambda: proxies.make_mlp(sizes), seed)
    return proxies.check_network(network.float(), shape, n_outputs, seed)
