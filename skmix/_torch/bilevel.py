"""One learner for every manipulation of data: by the validation loss, one update ahead.

Hu, Tan, Salakhutdinov, Mitchell and Xing, "Learning data manipulation for augmentation
and weighting", NeurIPS 2019. A manipulation is a relaxed reward R_phi(x, y | D): which
rows are seen in place of those of D, and what each weighs. With

    theta'(phi) = theta - eta grad_theta sum_i w_i(phi) l(theta; x_i(phi), y_i(phi))

its parameters go down the gradient of the validation loss L at theta'(phi),

    grad_phi L = - eta grad_phi sum_i w_i(phi) t_i(phi),   t_i = <grad_theta l_i, v>,

where v is the gradient of L at theta'. All t_i come from one forward-mode pass along v,
at theta: no gradient of a row is ever in memory, and nothing is differentiated through
the update. For parameters that move the rows themselves, the sum is differentiated
through a pass backwards.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from math import isfinite
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.autograd import forward_ad
from torch.backends import cudnn
from torch.func import functional_call
from torch.nn import functional as F

from .cut import first_output, in_blocks
from .random import own_random_state
from .state import (
    State,
    label,
    labelled,
    load_network,
    load_optimizer,
    network_state,
    optimizer_state,
)

# Losses (b,) of outputs (b, k) for targets (b, t).
Loss = Callable[[Tensor, Tensor], Tensor]
Parameters = dict[str, Tensor]

# Layers whose pass is the same in training and in evaluation. What others do, also
# those of a user, cannot be seen from outside.
PLAIN = {
    nn.Sequential,
    nn.Flatten,
    nn.Identity,
    nn.Linear,
    nn.Conv1d,
    nn.Conv2d,
    nn.MaxPool1d,
    nn.MaxPool2d,
    nn.AvgPool1d,
    nn.AvgPool2d,
    nn.AdaptiveAvgPool1d,
    nn.AdaptiveAvgPool2d,
    nn.ReLU,
    nn.GELU,
    nn.SiLU,
    nn.Tanh,
    nn.LayerNorm,
    nn.GroupNorm,
}


class LogLoss:
    """Cross-entropy of logits with classes, the mean over outputs.

    Parameters
    ----------
    n_classes : sequence of int
        Number of classes of each output; their logits stand one after the other.
    """

    def __init__(self, n_classes: Sequence[int]) -> None:
        self.n_classes = list(n_classes)

    def __call__(self, outputs: Tensor, Y: Tensor) -> Tensor:
        """Losses (b,) of logits (b, sum of n_classes) for classes (b, t)."""
        parts = outputs.split(self.n_classes, dim=1)
        losses = [
            F.cross_entropy(logits, classes, reduction="none")
            for logits, classes in zip(parts, Y.unbind(dim=1), strict=True)
        ]
        return losses[0] if len(losses) == 1 else torch.stack(losses).mean(dim=0)


def huber_loss(outputs: Tensor, Y: Tensor) -> Tensor:
    """Huber losses (b,) of outputs (b, t) for targets (b, t), the mean over targets.

    Half the squared error up to 1, linear beyond: a target that is far off does not
    make an update that ruins the network.
    """
    return F.huber_loss(outputs, Y, reduction="none").mean(dim=1)


class Rows(NamedTuple):
    """Rows of a batch, as tensors: places among all rows, features, targets, weights.

    The weights are those that the rows come with; a manipulation multiplies them.
    """

    places: Tensor
    X: Tensor
    Y: Tensor
    weight: Tensor


def make_rows(X: NDArray, Y: NDArray, weight: NDArray, device: torch.device) -> Rows:
    """Make tensors of features (n, ...), targets (n, t) and weights (n,) of any sum.

    Whole numbers, as classes and tokens are, stay so.
    """

    def tensor(array: NDArray) -> Tensor:
        kind = torch.int64 if array.dtype.kind == "i" else torch.float32
        return torch.as_tensor(np.ascontiguousarray(array), dtype=kind, device=device)

    places = torch.arange(len(X), device=device)
    return Rows(places, tensor(X), tensor(Y), tensor(weight / weight.mean()))


class Manipulation(nn.Module):
    """What training sees in place of rows: by itself, the rows as they are.

    A subclass holds its parameters phi as those of any module, and defines `rows`,
    `weights` or both. What is random is drawn from torch's generator, and must be
    differentiable in the parameters, as mu + sigma epsilon is.

    Parameters
    ----------
    learning_rate : float, default=0.01
        Step size of Adam for the parameters.
    """

    def __init__(self, learning_rate: float = 0.01) -> None:
        super().__init__()
        self.learning_rate = learning_rate

    @property
    def learns(self) -> bool:
        """Whether there is anything to learn."""
        return next(self.parameters(), None) is not None

    def rows(self, rows: Rows) -> Rows:
        """Rows to train on in place of these; any number of them."""
        return rows

    def weights(self, rows: Rows, losses: Tensor) -> Tensor:
        """Weights (b,) of rows with these losses, besides those that they come with.

        By default a mean over the batch.
        """
        return torch.full_like(losses, 1 / len(losses))

    def look_ahead_weights(self, rows: Rows, losses: Tensor) -> Tensor:
        """Weights in the update that is looked at ahead, where they are others."""
        return self.weights(rows, losses)

    def move(self, surrogate: Tensor) -> None:
        """Go down the gradient of the validation loss, which is that of `surrogate`."""
        if not hasattr(self, "optimizer"):
            self.optimizer = self.make_optimizer()
        self.optimizer.zero_grad()
        # Not into the network, whose losses are still to be differentiated.
        surrogate.backward(inputs=list(self.parameters()), retain_graph=True)
        self.optimizer.step()

    def make_optimizer(self) -> torch.optim.Optimizer:
        """What moves the parameters."""
        return torch.optim.Adam(self.parameters(), lr=self.learning_rate, fused=True)

    def end_epoch(self) -> None:
        """Take note that all rows have been seen once."""

    def state(self) -> State:
        """What a later step depends on, as arrays."""
        state = label("phi", network_state(self))
        if hasattr(self, "optimizer"):
            state |= label("adam", optimizer_state(self.optimizer))
        return state

    def load_state(self, state: State) -> None:
        """Go back to a state."""
        load_network(self, labelled("phi", state))
        self.__dict__.pop("optimizer", None)
        adam = labelled("adam", state)
        if adam:
            self.optimizer = self.make_optimizer()
            load_optimizer(self.optimizer, adam)


# Losses (b,) of rows X, Y with weights (b,), and the derivative of their weighted sum
# along v in the parameters of the network.
Along = Callable[
    [nn.Module, Loss, Rows, Tensor, Sequence[Tensor]], tuple[Tensor, Tensor]
]


def trained(network: nn.Module) -> Parameters:
    """Parameters of a network by name, but for those that its maker has frozen."""
    named = network.named_parameters()
    return {name: value for name, value in named if value.requires_grad}


def forward_along(
    network: nn.Module, loss: Loss, rows: Rows, weight: Tensor, v: Sequence[Tensor]
) -> tuple[Tensor, Tensor]:
    """By one pass forwards. What comes of it can be differentiated in the weights.

    It cannot in the rows: torch computes some tangents in place.
    """
    with forward_ad.dual_level():
        dual = {
            name: forward_ad.make_dual(parameter, direction)
            for (name, parameter), direction in zip(
                trained(network).items(), v, strict=True
            )
        }
        outputs = first_output(functional_call(network, dual, (rows.X,)))
        losses, t = forward_ad.unpack_dual(loss(outputs, rows.Y))
    # What the rows cost is of no interest to the weights, only what they teach.
    return losses, (weight * t.detach()).sum()


def backward_along(
    network: nn.Module, loss: Loss, rows: Rows, weight: Tensor, v: Sequence[Tensor]
) -> tuple[Tensor, Tensor]:
    """By a pass backwards that can be differentiated, in the weights and in the rows.

    Also for layers that know no forward mode, as fused recurrent ones.
    """
    losses = loss(first_output(network(rows.X)), rows.Y)
    gradient = torch.autograd.grad(
        (weight * losses).sum(),
        list(trained(network).values()),
        create_graph=True,
        materialize_grads=True,
    )
    products = [(g * part).sum() for g, part in zip(gradient, v, strict=True)]
    return losses, torch.stack(products).sum()


class BilevelLearner:
    """Trains a network, and a manipulation of its rows by the validation loss.

    Parameters
    ----------
    network : nn.Module
        The network, theta.

    manipulation : Manipulation
        What is learned, phi.

    loss : callable
        Losses (b,) of outputs for targets.

    rows, held_out : Rows
        Training rows and validation rows, on the device.

    learning_rate, momentum, weight_decay : float
        Of the network's stochastic gradient descent, with Nesterov's or other tricks
        left out, as the look-ahead is one plain step of it.

    batch_size : int
        Number of training rows in a batch, and of validation rows, if there are more.

    warm_up : int
        Number of epochs before the manipulation begins to learn.

    seed : int
        Seed of batches, and of what the manipulation and dropout draw.

    Notes
    -----
    The look-ahead sees the network in evaluation mode, as layers that normalise over a
    batch would make the gradient of a row depend on the others.
    """

    def __init__(
        self,
        network: nn.Module,
        manipulation: Manipulation,
        loss: Loss,
        rows: Rows,
        held_out: Rows,
        *,
        learning_rate: float,
        momentum: float,
        weight_decay: float,
        batch_size: int,
        warm_up: int,
        seed: int,
    ) -> None:
        self.network = network
        self.manipulation = manipulation
        self.loss = loss
        self.rows, self.held_out = rows, held_out
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.warm_up = warm_up
        self.parameters = list(trained(network).values())
        self.device = self.parameters[0].device
        self.optimizer = torch.optim.SGD(
            self.parameters,
            lr=learning_rate,
            momentum=momentum,
            weight_decay=weight_decay,
            fused=True,
        )
        self.generator = torch.Generator().manual_seed(seed)
        # One pass is as good as another where nothing in it is random.
        self.is_plain = all(type(module) in PLAIN for module in network.modules())
        self.forward_along = self._find_along()
        self.epoch = 0

    def step(self) -> dict[str, float]:
        """Pass once over the rows."""
        losses = []
        n_rows = len(self.rows.places)
        order = torch.randperm(n_rows, generator=self.generator)
        seed = int(torch.randint(2**31, (), generator=self.generator))
        self.network.train()
        with own_random_state(seed, self.device):
            for places in self._batches(order):
                batch = Rows(*(part[places.to(self.device)] for part in self.rows))
                losses.append(self._update(batch))
            self.manipulation.end_epoch()
        self.network.eval()
        validation = self.mean_loss(self.held_out)
        self.epoch += 1
        training = float(torch.stack(losses).mean())
        if not (isfinite(training) and isfinite(validation)):
            raise ValueError(
                f"The training diverged with learning_rate={self.learning_rate}: the "
                "loss is not finite. Lower it, and look for extreme values in X and y."
            )
        return {"objective": validation, "loss": training}

    def _batches(self, order: Tensor) -> list[Tensor]:
        """Cut an order into batches; layers that normalise take no single row."""
        batches = list(order.split(self.batch_size))
        if not self.is_plain and len(batches) > 1 and len(batches[-1]) == 1:
            last = batches.pop()
            batches[-1] = torch.cat([batches[-1], last])
        return batches

    def _update(self, batch: Rows) -> Tensor:
        """Learn from one batch: the manipulation first, then the network."""
        losses = None
        if self.manipulation.learns and self.epoch >= self.warm_up:
            self._train(False)
            with self._own_kernels():
                rows, losses = self._look_ahead(batch)
            self._train(True)
            if rows is not batch or not self.is_plain:
                losses = None
        if losses is None:
            with torch.no_grad():
                batch = self.manipulation.rows(batch)
            losses = self._losses(batch)
        with torch.no_grad():
            weight = self.manipulation.weights(batch, losses.detach())
        total = (batch.weight * weight * losses).sum()
        self.optimizer.zero_grad()
        total.backward()
        self.optimizer.step()
        return total.detach()

    def _look_ahead(self, batch: Rows) -> tuple[Rows, Tensor]:
        """Move the manipulation; return what it made of the rows, and their losses."""
        rows = self.manipulation.rows(batch)
        fixed = Rows(*(part.detach() for part in rows))
        losses = self._losses(fixed)
        weight = self.manipulation.look_ahead_weights(rows, losses.detach())
        weight = rows.weight * weight
        gradient = torch.autograd.grad(
            (weight.detach() * losses).sum(), self.parameters, materialize_grads=True
        )
        v = self.validation_gradient(gradient)
        along = self.forward_along if rows is batch else backward_along
        losses, teaching = along(self.network, self.loss, rows, weight, v)
        self.manipulation.move(-self.learning_rate * teaching)
        return rows, losses

    def validation_gradient(self, gradient: Sequence[Tensor]) -> tuple[Tensor, ...]:
        """Gradient of the validation loss after a plain step along `gradient`."""
        held_out = self.held_out
        if len(held_out.places) > self.batch_size:
            places = torch.randint(len(held_out.places), (self.batch_size,))
            held_out = Rows(*(part[places.to(self.device)] for part in held_out))
        ahead = {
            name: (parameter.detach() - self.learning_rate * direction).requires_grad_()
            for (name, parameter), direction in zip(
                trained(self.network).items(), gradient, strict=True
            )
        }
        outputs = first_output(functional_call(self.network, ahead, (held_out.X,)))
        share = held_out.weight / held_out.weight.sum()
        loss = (share * self.loss(outputs, held_out.Y)).sum()
        return torch.autograd.grad(loss, list(ahead.values()), materialize_grads=True)

    def _train(self, mode: bool) -> None:
        """Turn on what differs in training, or off."""
        if not self.is_plain:
            self.network.train(mode)

    def _own_kernels(self) -> Any:
        """Torch's for recurrent layers: cuDNN's cannot be differentiated twice."""
        modules = self.network.modules()
        if any(isinstance(module, nn.RNNBase) for module in modules):
            return cudnn.flags(enabled=False)
        return nullcontext()

    def _losses(self, rows: Rows) -> Tensor:
        return self.loss(first_output(self.network(rows.X)), rows.Y)

    @torch.no_grad()
    def losses(self, rows: Rows) -> Tensor:
        """Losses (n,) of rows, in evaluation mode and in blocks."""
        self.network.eval()
        blocks = in_blocks(rows.X)
        targets = rows.Y.split(len(blocks[0]))
        return torch.cat(
            [
                self.loss(first_output(self.network(X)), Y)
                for X, Y in zip(blocks, targets, strict=True)
            ]
        )

    def mean_loss(self, rows: Rows) -> float:
        """Weighted mean of the losses of rows."""
        return float((rows.weight * self.losses(rows)).sum() / rows.weight.sum())

    def to_cpu(self) -> None:
        """Move the network to the CPU, and forget the rows; no step can follow."""
        self.network.cpu()
        self.device = torch.device("cpu")
        del self.rows, self.held_out, self.optimizer, self.generator

    def _find_along(self) -> Along:
        """Forward mode, where all layers know it."""
        v = [torch.zeros_like(parameter) for parameter in self.parameters]
        rows = Rows(*(part[:2] for part in self.held_out))
        self.network.eval()
        try:
            with (
                own_random_state(0, self.device),
                self._own_kernels(),
                warnings.catch_warnings(),
            ):
                # torch compiles its rules of forward mode when they are first used, in
                # a way that it warns of itself.
                warnings.simplefilter("ignore", DeprecationWarning)
                forward_along(self.network, self.loss, rows, rows.weight, v)
        except NotImplementedError:
            return backward_along
        return forward_along

    def policy(self) -> State:
        """What is learned, and the network that goes with it."""
        return {
            **label("network", network_state(self.network)),
            **label("manipulation", network_state(self.manipulation)),
        }

    def load_policy(self, policy: State) -> None:
        """Put what is learned in place."""
        load_network(self.network, labelled("network", policy))
        load_network(self.manipulation, labelled("manipulation", policy))

    def state(self) -> State:
        """Everything that a later step depends on."""
        return {
            "generator": self.generator.get_state().numpy(),
            "epoch": np.array(self.epoch),
            **label("network", network_state(self.network)),
            **label("optimizer", optimizer_state(self.optimizer)),
            **label("manipulation", self.manipulation.state()),
        }

    def load_state(self, state: State) -> None:
        """Go back to a state."""
        self.generator.set_state(torch.tensor(state["generator"]))
        self.epoch = int(state["epoch"])
        load_network(self.network, labelled("network", state))
        load_optimizer(self.optimizer, labelled("optimizer", state))
        self.manipulation.load_state(labelled("manipulation", state))
