"""A multilayer perceptron for regression, trained by Adam with early stopping.

MixRL trains thousands of small networks, on which autograd takes more time than the
arithmetic. So the gradient is written out by hand, all weights are one vector, and so
are their slopes: an update allocates no gradients and calls Adam on one tensor.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import ceil, inf, nan, prod
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

# The held-out loss is looked at after this many updates.
CHECK_EVERY = 25
BLOCK = 8192

# Arrays by name: coefs, intercepts, norm_gains and norm_shifts, a list of layers each.
Weights = dict[str, list[NDArray[np.float32]]]
Shape = tuple[int, ...]


class Rows(NamedTuple):
    """Rows to train on, or to hold out.

    Attributes
    ----------
    X : Tensor of shape (n, p)
        Standardised features.

    Y : Tensor of shape (n, t)
        Standardised targets.

    weight : Tensor of shape (n, 1) or None
        Weight of each row, 1 on average; None where all weigh the same.
    """

    X: Tensor
    Y: Tensor
    weight: Tensor | None

    @classmethod
    def of(
        cls, X: NDArray, Y: NDArray, weight: NDArray | None, device: torch.device
    ) -> Rows:
        """Make rows from arrays, with weights of any sum."""

        def tensor(array: NDArray) -> Tensor:
            return torch.as_tensor(array, dtype=torch.float32, device=device)

        if weight is not None:
            weight = weight[:, None] / weight.mean()
        return cls(tensor(X), tensor(Y), None if weight is None else tensor(weight))

    def take(self, rows: Tensor | slice) -> Rows:
        """Some of the rows."""
        weight = None if self.weight is None else self.weight[rows]
        return Rows(self.X[rows], self.Y[rows], weight)


class Network:
    """A perceptron with ReLU layers, over one vector of weights.

    Parameters
    ----------
    sizes : sequence of int
        Number of inputs, of units in each hidden layer, and of outputs.

    norm_epsilon : float or None
        What layer normalisation adds to the variance; None leaves it out.

    device : torch.device
        Where to compute.

    seed : int
        Seed of the initial weights and of the batches in training. Weights are uniform
        within 1 / sqrt(number of inputs of the layer), as in torch's own layers.

    Attributes
    ----------
    vector : Tensor of shape (w,)
        All weights; ``vector.grad`` has the gradient.

    generator : torch.Generator
        On the CPU, so that all devices see the same draws.
    """

    def __init__(
        self,
        sizes: Sequence[int],
        norm_epsilon: float | None,
        device: torch.device,
        seed: int,
    ) -> None:
        self.generator = torch.Generator().manual_seed(seed)
        self.norm_epsilon = norm_epsilon
        normed: list[Shape] = [(units,) for units in sizes[1:-1]]
        if norm_epsilon is None:
            normed = []
        self.shapes: dict[str, list[Shape]] = {
            "coefs": list(pairwise(sizes)),
            "intercepts": [(units,) for units in sizes[1:]],
            "norm_gains": normed,
            "norm_shifts": normed,
        }
        start = torch.zeros(sum(prod(s) for part in self.shapes.values() for s in part))
        layers = self._views(start)
        for coef, intercept in zip(layers["coefs"], layers["intercepts"], strict=True):
            bound = len(coef) ** -0.5
            coef.uniform_(-bound, bound, generator=self.generator)
            intercept.uniform_(-bound, bound, generator=self.generator)
        for gain in layers["norm_gains"]:
            gain.fill_(1.0)
        self.vector = start.to(device)
        self.vector.grad = torch.zeros_like(self.vector)
        self._values = self._views(self.vector)
        self._slopes = self._views(self.vector.grad)

    def _views(self, vector: Tensor) -> dict[str, list[Tensor]]:
        """The layers that a vector holds, sharing its memory."""
        shapes = [shape for part in self.shapes.values() for shape in part]
        pieces = iter(vector.split([prod(shape) for shape in shapes]))
        return {
            name: [next(pieces).view(shape) for shape in part]
            for name, part in self.shapes.items()
        }

    def weights(self) -> Weights:
        """The weights, as arrays of their own."""
        return {
            name: [tensor.numpy().copy() for tensor in part]
            for name, part in self._views(self.vector.cpu()).items()
        }

    def load(self, weights: Weights) -> None:
        """Put weights in place."""
        for name, part in self._values.items():
            for tensor, array in zip(part, weights[name], strict=True):
                tensor.copy_(torch.as_tensor(array))

    def _forward(
        self, X: Tensor
    ) -> tuple[Tensor, list[Tensor], list[tuple[Tensor, Tensor]]]:
        """Outputs, inputs of each layer, and what normalisation did to each."""
        values = self._values
        inputs, norms = [X], []
        for place, coef in enumerate(values["coefs"]):
            hidden = torch.addmm(values["intercepts"][place], inputs[-1], coef)
            if place == len(values["coefs"]) - 1:
                break
            if self.norm_epsilon is not None:
                normed = hidden - hidden.mean(1, keepdim=True)
                variance = normed.square().mean(1, keepdim=True)
                rate = torch.rsqrt(variance + self.norm_epsilon)
                normed *= rate
                norms.append((normed, rate))
                gain, shift = values["norm_gains"][place], values["norm_shifts"][place]
                hidden = torch.addcmul(shift, normed, gain)
            inputs.append(hidden.relu_())
        return hidden, inputs, norms

    def predict(self, X: Tensor) -> Tensor:
        """Predict standardised targets, of shape (n, t)."""
        return self._forward(X)[0]

    def gradient(self, rows: Rows) -> Tensor:
        """Compute the gradient of the mean weighted squared error.

        Parameters
        ----------
        rows : Rows
            The batch.

        Returns
        -------
        loss : Tensor of shape ()
            The sum, over rows and targets, of which the gradient is that of the mean.
        """
        outputs, inputs, norms = self._forward(rows.X)
        errors = outputs - rows.Y
        slope = errors if rows.weight is None else errors * rows.weight
        loss = torch.dot(errors.ravel(), slope.ravel())
        slope = slope * (2 / errors.numel())
        for place in reversed(range(len(inputs))):
            torch.mm(inputs[place].T, slope, out=self._slopes["coefs"][place])
            torch.sum(slope, 0, out=self._slopes["intercepts"][place])
            if place > 0:
                slope = slope @ self._values["coefs"][place].T
                slope *= inputs[place].sign()
                if norms:
                    slope = self._through_norm(slope, place - 1, *norms[place - 1])
        return loss

    def _through_norm(
        self, slope: Tensor, place: int, normed: Tensor, rate: Tensor
    ) -> Tensor:
        """Slopes before layer normalisation z -> n = (z - mean) rate, of those after.

        With s the slope by n: rate (s - mean(s) - n mean(s n)), means over units.
        """
        torch.sum(slope * normed, 0, out=self._slopes["norm_gains"][place])
        torch.sum(slope, 0, out=self._slopes["norm_shifts"][place])
        slope = slope * self._values["norm_gains"][place]
        along = (slope * normed).mean(1, keepdim=True)
        return rate * (slope - slope.mean(1, keepdim=True) - normed * along)


def mean_loss(network: Network, rows: Rows) -> float:
    """Mean weighted squared error over rows and targets, in blocks of rows."""
    total = torch.zeros((), device=rows.X.device)
    for start in range(0, len(rows.X), BLOCK):
        block = rows.take(slice(start, start + BLOCK))
        squares = (network.predict(block.X) - block.Y) ** 2
        total += (squares if block.weight is None else squares * block.weight).sum()
    return float(total) / rows.Y.numel()


def draw_batches(n_rows: int, batch_size: int, generator: torch.Generator) -> Iterator:
    """Indices of one batch after another, each row once in a pass over all."""
    while True:
        yield from torch.randperm(n_rows, generator=generator).split(batch_size)


@dataclass
class Training:
    """What came of a training.

    Attributes
    ----------
    n_iter : int
        Number of updates that were made.

    best_iter : int
        Number of updates after which the network was as it is now.

    history : dict of lists
        By number of updates, "iteration": "loss", the mean over the batches since the
        last entry, and "validation_loss" of the held-out rows.

    interrupted : bool
        Whether a KeyboardInterrupt ended it.
    """

    n_iter: int
    best_iter: int
    history: dict[str, list]
    interrupted: bool


@torch.no_grad()
def train(
    network: Network,
    rows: Rows,
    held_out: Rows | None,
    *,
    learning_rate: float,
    batch_size: int,
    max_iter: int,
    n_iter_no_change: int,
) -> Training:
    """Train a network, and leave it as it was when it did best on held-out rows.

    Parameters
    ----------
    network : Network
        The network; how it is now is a candidate too.

    rows : Rows
        Rows to train on.

    held_out : Rows or None
        Rows to stop by; None makes exactly `max_iter` updates.

    learning_rate : float
        Step size of Adam.

    batch_size : int
        Number of rows in a batch.

    max_iter : int
        Number of updates.

    n_iter_no_change : int
        Number of updates without a lower held-out loss after which to stop.

    Returns
    -------
    training : Training
        How it went.
    """
    adam = torch.optim.Adam([network.vector], lr=learning_rate, fused=True)
    batches = draw_batches(len(rows.X), batch_size, network.generator)
    every = CHECK_EVERY
    if held_out is not None:
        # Forward is a third of an update: looking takes a quarter of the time at most.
        every = max(every, ceil(len(held_out.X) / batch_size))
    best, best_loss, best_iter = network.vector.clone(), inf, 0
    records: list[tuple[int, float, float]] = []
    sums: list[Tensor] = []
    n_iter = n_seen = 0
    interrupted = False
    try:
        while True:
            if n_iter % every == 0 or n_iter == max_iter:
                loss = float(torch.stack(sums).sum()) / n_seen if sums else nan
                loss_val = nan if held_out is None else mean_loss(network, held_out)
                records.append((n_iter, loss, loss_val))
                sums, n_seen = [], 0
                if loss_val < best_loss:
                    best_loss, best_iter = loss_val, n_iter
                    best.copy_(network.vector)
                waited = n_iter - best_iter if held_out is not None else 0
                if n_iter == max_iter or waited >= n_iter_no_change:
                    break
            batch = rows.take(next(batches).to(rows.X.device))
            sums.append(network.gradient(batch))
            n_seen += batch.Y.numel()
            adam.step()
            n_iter += 1
    except KeyboardInterrupt:
        interrupted = True
    names = ["iteration", "loss", "validation_loss"]
    if held_out is None:
        best_iter = n_iter
        names.pop()
    else:
        network.vector.copy_(best)
    history = {name: [r[k] for r in records] for k, name in enumerate(names)}
    return Training(n_iter, best_iter, history, interrupted)
