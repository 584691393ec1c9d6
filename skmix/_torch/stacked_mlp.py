"""Multilayer perceptrons of one shape, trained side by side, each as if it were alone.

A stack has one tensor for the weights of one layer of all networks. What is done to it
is done to each network alone: batched products of matrices, and Adam, which moves each
weight by its own gradients.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import ceil, inf
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import layer_norm, pad

from .mlp import BLOCK, CHECK_EVERY, Network, diverged, draw_orders, squared_errors

# Bytes that a stack may take. On a CPU it is faster where it stays in the cache.
STACK_BYTES = {"cpu": 2**24, "cuda": 2**32, "mps": 2**30}


# Features (n, p) and targets (n, t) of rows.
Rows = tuple[Tensor, Tensor]


class Scale(NamedTuple):
    """How each of s networks scales columns: by a factor, and then by a shift.

    Both have shape (s, 1, p), for rows (..., s, b, p), or (b, p) for all networks.
    """

    factor: Tensor
    shift: Tensor

    def __call__(self, rows: Tensor) -> Tensor:
        """Scale rows."""
        return torch.addcmul(self.shift, self.factor, rows)

    def take(self, places: Tensor) -> Scale:
        """The scales of some networks."""
        return Scale(self.factor[places], self.shift[places])


def stack_size(sizes: Sequence[int], batch_size: int, device: torch.device) -> int:
    """Number of networks to train side by side, at least one.

    Parameters
    ----------
    sizes : sequence of int
        Number of inputs, of units in each hidden layer, and of outputs.

    batch_size : int
        Rows in a batch.

    device : torch.device
        Where they are trained.

    Notes
    -----
    A network is counted at 4 (5 w + b (3 u + 25 (p + t + 3))) bytes: w weights, their
    gradients, two moments and the best so far; b rows of a batch in u units, forward
    and back; and 25 batches of p features, t targets, a weight and a place.
    """
    n_weights = sum(n_in * n_out + 3 * n_out for n_in, n_out in pairwise(sizes))
    drawn = CHECK_EVERY * (sizes[0] + sizes[-1] + 3)
    n_bytes = 4 * (5 * n_weights + batch_size * (3 * sum(sizes) + drawn))
    return max(1, STACK_BYTES[device.type] // n_bytes)


class Stack:
    """Networks of one shape.

    Parameters
    ----------
    networks : sequence of Network
        The networks, which are copied.

    device : torch.device
        Where the copies are.

    Attributes
    ----------
    layers : list of list of Tensor
        Weights (s, n_in, n_out) and intercepts (s, 1, n_out) of each layer; of one that
        is normalised, also gains and shifts (s, 1, n_out).
    """

    def __init__(self, networks: Sequence[Network], device: torch.device) -> None:
        parts = [network.tensors() for network in networks]
        self.layers: list[list[Tensor]] = [[] for _ in parts[0]["coefs"]]
        for name in parts[0]:
            for number in range(len(parts[0][name])):
                own = torch.stack([part[name][number] for part in parts]).to(device)
                # Vectors become rows, which are added to each row of a batch.
                own = own if own.dim() == 3 else own[:, None]
                self.layers[number].append(own.requires_grad_())

    def __call__(self, X: Tensor) -> Tensor:
        """Outputs (s, b, t) for scaled rows (s, b, p)."""
        hidden = X
        for number, (coef, intercept, *norm) in enumerate(self.layers):
            if number:
                hidden = hidden.relu()
            hidden = torch.baddbmm(intercept, hidden, coef)
            if norm:
                hidden = layer_norm(hidden, hidden.shape[-1:])
                hidden = torch.addcmul(norm[1], norm[0], hidden)
        return hidden

    def weights(self) -> list[Tensor]:
        """All weights."""
        return [part for layer in self.layers for part in layer]

    @torch.no_grad()
    def outputs(self, X: Tensor, scale: Scale) -> Tensor:
        """Outputs (s, v, t) for rows (v, p) that are not scaled yet, in blocks."""
        blocks = X.split(max(1, BLOCK // len(scale.shift)))
        return torch.cat([self(scale(block)) for block in blocks], dim=1)


class Batches:
    """Batches of one network, the same as it draws alone.

    Parameters
    ----------
    rows : ndarray of shape (n,)
        Places of its rows.

    seed : int
        Seed of the network.

    width : int
        Rows in a batch.
    """

    def __init__(self, rows: NDArray[np.intp], seed: int, width: int) -> None:
        self.rows = torch.as_tensor(rows)
        self.width = width
        self.orders = draw_orders(len(rows), seed)
        self.left = self.rows.new_empty(0, width)

    def draw(self, n: int) -> Tensor:
        """Places (n, b) of the next batches; -1 where one has fewer rows."""
        parts, missing = [self.left], n - len(self.left)
        while missing > 0:
            order = self.rows[next(self.orders)]
            order = pad(order, (0, -len(order) % self.width), value=-1)
            parts.append(order.view(-1, self.width))
            missing -= len(parts[-1])
        batches = torch.cat(parts)
        self.left = batches[n:]
        return batches[:n]


class StackTraining(NamedTuple):
    """What came of a training, by network: outputs (s, v, t), and numbers of updates.

    `best_iter` is the number of updates that the weights of the outputs had seen.
    """

    outputs: NDArray[np.float32]
    n_iter: NDArray[np.intp]
    best_iter: NDArray[np.intp]


def train_stack(
    networks: Sequence[Network],
    rows: Rows,
    places: Sequence[NDArray[np.intp]],
    scales: Sequence[Scale],
    held_out: Rows,
    *,
    learning_rate: float,
    batch_size: int,
    max_iter: int,
    n_iter_no_change: int,
    early_stopping: bool,
    seeds: Sequence[int],
) -> StackTraining:
    """Train networks side by side, and let them predict held-out rows.

    Parameters
    ----------
    networks : sequence of Network
        Networks of one shape, as they are to begin.

    rows : tuple of Tensor
        Rows, on the device where the training is to be.

    places : sequence of ndarray of shape (n_s,)
        Which of them each network is trained on.

    scales : sequence of Scale
        How each network scales features and targets.

    held_out : tuple of Tensor
        Rows to predict, and to stop by.

    early_stopping : bool
        Whether a network stops where its loss on the held-out rows no longer falls, and
        predicts by the weights that had the lowest.

    seeds : sequence of int
        Seeds of the batches of each network.

    Returns
    -------
    training : StackTraining
        What each network predicts, and after how many updates.

    Notes
    -----
    What is done to each network is what `mlp.train` does, where the other parameters
    are explained. A network that has stopped leaves the stack.
    """
    device, n_networks = rows[0].device, len(networks)
    stack = Stack(networks, device)
    adam = torch.optim.Adam(stack.weights(), lr=learning_rate, fused=True)
    width = min(batch_size, max(map(len, places)))
    batches = [Batches(*own, width) for own in zip(places, seeds, strict=True)]
    every = CHECK_EVERY
    if early_stopping:
        every = max(every, ceil(len(held_out[0]) / batch_size))
    # Places of the networks that go on, and their scales.
    going, (X_scale, Y_scale) = np.arange(n_networks), scales
    n_iter, best_iter = np.zeros((2, n_networks), dtype=np.intp)
    best_loss = np.full(n_networks, inf)
    best = [part.detach().clone() for part in stack.weights()]
    now = 0
    while now < max_iter and len(going):
        n_updates = min(every, max_iter - now)
        loss = _update(stack, adam, batches, rows, (X_scale, Y_scale), n_updates)
        now += n_updates
        n_iter[going] = now
        if not early_stopping:
            continue
        errors = squared_errors(
            stack.outputs(held_out[0], X_scale), Y_scale(held_out[1])
        )
        loss = errors.mean(dim=(1, 2)).cpu().numpy()
        better = np.flatnonzero(loss < best_loss[going])
        winners = going[better]
        best_loss[winners], best_iter[winners] = loss[better], now
        into, out_of = (torch.as_tensor(a).to(device) for a in (winners, better))
        for kept, part in zip(best, stack.weights(), strict=True):
            kept[into] = part.detach()[out_of]
        stay = np.flatnonzero(now - best_iter[going] < n_iter_no_change)
        if len(stay) < len(going):
            going = going[stay]
            batches = [batches[place] for place in stay]
            left = torch.as_tensor(going).to(device)
            X_scale, Y_scale = (scale.take(left) for scale in scales)
            _keep(stack, adam, torch.as_tensor(stay).to(device))
    if early_stopping:
        for kept, part in zip(best, stack.weights(), strict=True):
            part.data = kept
    else:
        best_iter, best_loss = n_iter, loss
    if not np.isfinite(best_loss).all():
        raise diverged(learning_rate)
    outputs = stack.outputs(held_out[0], scales[0])
    return StackTraining(outputs.cpu().numpy(), n_iter, best_iter)


def _update(
    stack: Stack,
    adam: torch.optim.Adam,
    batches: Sequence[Batches],
    rows: Rows,
    scales: Sequence[Scale],
    n_updates: int,
) -> NDArray[np.float32]:
    """Make updates; return the mean loss over them of each network."""
    losses = []
    for begin in range(0, n_updates, CHECK_EVERY):
        n_drawn = min(CHECK_EVERY, n_updates - begin)
        drawn = torch.stack([own.draw(n_drawn) for own in batches], dim=1)
        # Places are drawn on the CPU; those of many updates are moved together.
        drawn = drawn.to(rows[0].device)
        is_row = drawn >= 0
        weights = (is_row / is_row.sum(dim=2, keepdim=True))[..., None]
        drawn = drawn.clamp(min=0)
        X, Y = (scale(part[drawn]) for scale, part in zip(scales, rows, strict=True))
        for batch, targets, weight in zip(X, Y, weights, strict=True):
            errors = squared_errors(stack(batch), targets)
            loss = (weight * errors).sum(dim=1).mean(dim=1)
            adam.zero_grad()
            # Each weight has a part in the loss of its own network alone.
            loss.sum().backward()
            adam.step()
            losses.append(loss.detach())
    return torch.stack(losses).mean(dim=0).cpu().numpy()


def _keep(stack: Stack, adam: torch.optim.Adam, places: Tensor) -> None:
    """Let all other networks leave the stack."""
    adam.zero_grad()
    for part in stack.weights():
        part.data = part.data[places]
        for name in ("exp_avg", "exp_avg_sq"):
            adam.state[part][name] = adam.state[part][name][places]
