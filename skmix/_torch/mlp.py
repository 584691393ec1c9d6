"""A multilayer perceptron for regression, trained by Adam with early stopping."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import deepcopy
from itertools import islice, pairwise
from math import ceil, inf, isfinite, nan
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.utils.data import TensorDataset

# The held-out loss is looked at after this many updates.
CHECK_EVERY = 25
BLOCK = 8192

# Arrays by name: coefs, intercepts, norm_gains and norm_shifts, a list of layers each.
Weights = dict[str, list[NDArray[np.float32]]]


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

    def _tensors(self) -> dict[str, list[Tensor]]:
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
            for name, part in self._tensors().items()
        }

    def load(self, weights: Weights) -> None:
        """Put weights in place."""
        for name, part in self._tensors().items():
            for tensor, array in zip(part, weights[name], strict=True):
                tensor.copy_(torch.as_tensor(array))


def make_rows(
    X: NDArray, Y: NDArray, weight: NDArray, device: torch.device
) -> TensorDataset:
    """Make tensors of features (n, p), targets (n, t) and weights (n,) of any sum."""
    arrays = (X, Y, weight[:, None] / weight.mean())
    return TensorDataset(
        *(torch.as_tensor(a, dtype=torch.float32, device=device) for a in arrays)
    )


def squared_errors(network: Network, X: Tensor, Y: Tensor, weight: Tensor) -> Tensor:
    """Weighted squared errors, of shape (n, t)."""
    return weight * (network(X) - Y) ** 2


@torch.no_grad()
def mean_loss(network: Network, rows: TensorDataset) -> float:
    """Mean weighted squared error over rows and targets, in blocks of rows."""
    blocks = zip(*(tensor.split(BLOCK) for tensor in rows.tensors), strict=True)
    sums = [squared_errors(network, *block).sum() for block in blocks]
    return float(torch.stack(sums).sum()) / rows.tensors[1].numel()


def draw_batches(n_rows: int, batch_size: int, seed: int) -> Iterator[Tensor]:
    """Indices of one batch after another, each row once in a pass over all."""
    # On the CPU, so that all devices see the same draws.
    generator = torch.Generator().manual_seed(seed)
    while True:
        yield from torch.randperm(n_rows, generator=generator).split(batch_size)


class Training(NamedTuple):
    """What came of a training: see the attributes of `NetworkRegressor`."""

    n_iter: int
    best_iter: int
    history: dict[str, list[float]]
    interrupted: bool


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
) -> Training:
    """Train a network, and leave it as it was when it did best on held-out rows.

    Only states that were looked at are candidates: the first after some updates, the
    last at the end. For the parameters see `NetworkRegressor`.
    """
    device = rows.tensors[0].device
    adam = torch.optim.Adam(network.parameters(), lr=learning_rate, fused=True)
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
                loss = squared_errors(network, *rows[places.to(device)]).mean()
                adam.zero_grad()
                loss.backward()
                adam.step()
                losses.append(loss.detach())
                n_iter += 1
            loss_val = nan if held_out is None else mean_loss(network, held_out)
            looks.append((n_iter, float(torch.stack(losses).mean()), loss_val))
            if loss_val < best_loss:
                best = deepcopy(network.state_dict())
                best_loss, best_iter = loss_val, n_iter
    except KeyboardInterrupt:
        interrupted = True
    history = {name: [look[k] for look in looks] for k, name in enumerate(names)}
    if best is not None:
        network.load_state_dict(best)
    elif looks and not isfinite(history[names[-1]][-1]):
        raise ValueError(
            f"The training diverged with learning_rate={learning_rate}: the loss is "
            "not finite. Lower it, and look for extreme values in X and y."
        )
    else:
        best_iter = n_iter
    return Training(n_iter, best_iter, history, interrupted)
