"""A multilayer perceptron, trained by Adam with early stopping."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from copy import deepcopy
from itertools import islice, pairwise
from math import ceil, inf, isfinite, nan
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import TensorDataset

from .state import State, load_optimizer, optimizer_state

# The held-out loss is looked at after this many updates.
CHECK_EVERY = 25
BLOCK = 8192

# Arrays by name: coefs, intercepts, norm_gains and norm_shifts, a list of layers each.
Weights = dict[str, list[NDArray[np.float32]]]

# Losses of outputs (n, k) for targets (n, t), one each.
Loss = Callable[[Tensor, Tensor], Tensor]


class Network(nn.Sequential):
    """Linear layers with a ReLU between each two, normalised before it or not.

    Parameters
    ----------
    sizes : sequence of int
        Number of inputs, of units in each hidden layer, and of outputs.

    layer_norm : bool
        Whether to normalise each hidden layer over its units.

    seed : int
        Seed of the initial weights; torch's own generator is left as it is.
    """

    def __init__(self, sizes: Sequence[int], layer_norm: bool, seed: int) -> None:
        layers: list[nn.Module] = []
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            for n_inputs, n_units in pairwise(sizes[:-1]):
                layers.append(nn.Linear(n_inputs, n_units))
                if layer_norm:
                    layers.append(nn.LayerNorm(n_units))
                layers.append(nn.ReLU())
            layers.append(nn.Linear(sizes[-2], sizes[-1]))
        super().__init__(*layers)

    def tensors(self) -> dict[str, list[Tensor]]:
        """The weights as scikit-learn lays them out, sharing the memory of torch's."""
        linear = [layer for layer in self if isinstance(layer, nn.Linear)]
        norms = [layer for layer in self if isinstance(layer, nn.LayerNorm)]
        return {
            "coefs": [layer.weight.detach().T for layer in linear],
            "intercepts": [layer.bias.detach() for layer in linear],
            "norm_gains": [layer.weight.detach() for layer in norms],
            "norm_shifts": [layer.bias.detach() for layer in norms],
        }

    def weights(self) -> Weights:
        """The weights, as arrays of their own."""
        return {
            name: [tensor.cpu().numpy().copy() for tensor in part]
            for name, part in self.tensors().items()
        }

    def load(self, weights: Weights) -> None:
        """Put weights in place."""
        for name, part in self.tensors().items():
            for tensor, array in zip(part, weights[name], strict=True):
                tensor.copy_(torch.as_tensor(array))


def make_rows(
    X: NDArray, Y: NDArray, weight: NDArray, device: torch.device
) -> TensorDataset:
    """Make tensors of features (n, p), targets (n, t) and weights (n,) of any sum.

    Targets that are whole numbers, as classes are, stay so.
    """
    arrays = (X, Y, weight[:, None] / weight.mean())
    kinds = [torch.int64 if a.dtype.kind == "i" else torch.float32 for a in arrays]
    return TensorDataset(
        *(
            torch.as_tensor(a, dtype=kind, device=device)
            for a, kind in zip(arrays, kinds, strict=True)
        )
    )


def squared_errors(outputs: Tensor, Y: Tensor) -> Tensor:
    """Squared errors of outputs (n, t) for targets (n, t)."""
    return (outputs - Y) ** 2


def log_losses(outputs: Tensor, Y: Tensor) -> Tensor:
    """Minus log-probabilities of classes (n, 1) by logits (n, k), of shape (n, 1)."""
    return cross_entropy(outputs, Y[:, 0], reduction="none")[:, None]


LOSSES: dict[str, Loss] = {"squared_error": squared_errors, "log_loss": log_losses}


@torch.no_grad()
def mean_loss(
    network: Network, rows: TensorDataset, loss: Loss = squared_errors
) -> float:
    """Mean weighted loss over rows and targets, in blocks of rows."""
    blocks = zip(*(tensor.split(BLOCK) for tensor in rows.tensors), strict=True)
    sums = [(weight * loss(network(X), Y)).sum() for X, Y, weight in blocks]
    return float(torch.stack(sums).sum()) / rows.tensors[1].numel()


def draw_orders(n_rows: int, seed: int) -> Iterator[Tensor]:
    """Indices of all rows in a random order, one order after another."""
    # On the CPU, so that all devices see the same draws.
    generator = torch.Generator().manual_seed(seed)
    while True:
        yield torch.randperm(n_rows, generator=generator)


def draw_batches(n_rows: int, batch_size: int, seed: int) -> Iterator[Tensor]:
    """Indices of one batch after another, each row once in a pass over all."""
    for order in draw_orders(n_rows, seed):
        yield from order.split(batch_size)


def diverged(learning_rate: float) -> ValueError:
    """Make the error of a training that diverged."""
    return ValueError(
        f"The training diverged with learning_rate={learning_rate}: the loss is not "
        "finite. Lower it, and look for extreme values in X and y."
    )


class Training(NamedTuple):
    """What came of a training: see the attributes of `NetworkRegressor`.

    `adam` is the state of Adam when the weights were as they are now.
    """

    n_iter: int
    best_iter: int
    history: dict[str, list[float]]
    interrupted: bool
    adam: State


def train(
    network: Network,
    rows: TensorDataset,
    held_out: TensorDataset | None,
    *,
    learning_rate: float,
    batch_size: int,
    max_iter: int,
    n_iter_no_change: int,
    seed: int,
    loss: Loss = squared_errors,
    adam_state: State | None = None,
) -> Training:
    """Train a network, and leave it as it was when it did best on held-out rows.

    Only states that were looked at are candidates: the first after some updates, the
    last at the end. Adam goes on from `adam_state`; with None it starts afresh. For the
    other parameters see `NetworkRegressor`.
    """
    device = rows.tensors[0].device
    adam = torch.optim.Adam(network.parameters(), lr=learning_rate, fused=True)
    load_optimizer(adam, adam_state or {})
    batches = draw_batches(len(rows), batch_size, seed)
    every, patience, names = CHECK_EVERY, inf, ["iteration", "loss"]
    if held_out is not None:
        # Forward is a third of an update: looking takes a quarter of the time at most.
        every = max(every, ceil(len(held_out) / batch_size))
        patience = n_iter_no_change
        names.append("validation_loss")
    best, best_loss, best_iter = None, inf, 0
    looks: list[tuple[int, float, float]] = []
    n_iter, interrupted = 0, False
    try:
        while n_iter < max_iter and n_iter - best_iter < patience:
            losses = []
            for places in islice(batches, min(every, max_iter - n_iter)):
                X, Y, weight = rows[places.to(device)]
                batch_loss = (weight * loss(network(X), Y)).mean()
                adam.zero_grad()
                batch_loss.backward()
                adam.step()
                losses.append(batch_loss.detach())
                n_iter += 1
            loss_val = nan if held_out is None else mean_loss(network, held_out, loss)
            looks.append((n_iter, float(torch.stack(losses).mean()), loss_val))
            if loss_val < best_loss:
                best = deepcopy((network.state_dict(), adam.state_dict()))
                best_loss, best_iter = loss_val, n_iter
    except KeyboardInterrupt:
        interrupted = True
    history = {name: [look[k] for look in looks] for k, name in enumerate(names)}
    if best is not None:
        network.load_state_dict(best[0])
        adam.load_state_dict(best[1])
    elif looks and not isfinite(history[names[-1]][-1]):
        raise diverged(learning_rate)
    else:
        best_iter = n_iter
    return Training(n_iter, best_iter, history, interrupted, optimizer_state(adam))
