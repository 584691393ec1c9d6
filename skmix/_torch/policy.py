"""What all learners of MixRL's policy share: the value network and its actions."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import pad

from .device import to_device
from .state import NetworkState
from .value_network import ValueNetwork


class Draw(NamedTuple):
    """A batch of rows, each with one option at random.

    Attributes
    ----------
    batch : Tensor of shape (b,)
        The rows.

    logits : Tensor of shape (b,)
        Logit of the probability h to mix each row by its option.

    mixes : Tensor of shape (b, k_max)
        Places of the mixes that each row makes with its neighbours.

    wanted : Tensor of shape (b, k_max)
        Which of them its option names.
    """

    batch: Tensor
    logits: Tensor
    mixes: Tensor
    wanted: Tensor


class PolicyLearner(NetworkState):
    """The value network on the rows of one fit, and the actions that it makes likely.

    Parameters
    ----------
    rows : ndarray or Tensor of shape (n, d)
        (x, y) of the training rows, standardised: the input of the value network.

    options : ndarray or Tensor of shape (o, 2)
        Each option's kind of distance and number of neighbours.

    slots : sequence of ndarray or Tensor of shape (n, k_max)
        For each kind of distance, the mix that row i makes with its k-th neighbour, as
        an index into the mixes.

    hidden_layer_sizes : sequence of int
        Units of the value network's hidden layers.

    learning_rate : float
        Step size of Adam.

    batch_size : int
        Number of rows in a batch.

    device : torch.device
        Where to compute.

    seed : int
        Seed of the initial weights and of the draws.
    """

    def __init__(
        self,
        rows: NDArray | Tensor,
        options: NDArray | Tensor,
        slots: Sequence[NDArray | Tensor],
        *,
        hidden_layer_sizes: Sequence[int],
        learning_rate: float,
        batch_size: int,
        device: torch.device,
        seed: int,
    ) -> None:
        self.device = device
        self.rows = to_device(rows, device)
        self.options = to_device(options, device)
        # The kinds of distance in one: shape (kinds, n, k_max), unused places 0.
        width = max(table.shape[1] for table in slots)
        self.slots = torch.stack(
            [
                pad(to_device(table, device), (0, width - table.shape[1]))
                for table in slots
            ]
        )
        self.n_rows = len(rows)
        self.batch_size = min(batch_size, self.n_rows)
        # Drawn on the CPU, so that all devices see the same draws.
        self.generator = torch.Generator().manual_seed(seed)
        self.network = ValueNetwork(
            self.rows.shape[1], len(self.options), hidden_layer_sizes, seed
        ).to(device)
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), lr=learning_rate, fused=True
        )

    def draw(self) -> Draw:
        """Draw a batch, and one option for each of its rows."""
        batch = torch.randperm(self.n_rows, generator=self.generator)[: self.batch_size]
        option = torch.randint(
            len(self.options), (self.batch_size,), generator=self.generator
        )
        batch, option = batch.to(self.device), option.to(self.device)
        kind, count = self.options[option].T
        places = torch.arange(self.slots.shape[2], device=self.device)
        return Draw(
            batch=batch,
            logits=self.network(self.rows[batch], option),
            mixes=self.slots[kind, batch],
            wanted=places < count[:, None],
        )

    def act(self, logits: Tensor, n_times: int = 1) -> Tensor:
        """Choose rows with probability h: booleans of shape (n_times, b)."""
        coins = torch.rand(n_times, len(logits), generator=self.generator)
        return coins.to(self.device) < torch.sigmoid(logits.detach())

    def descend(self, objective: Tensor) -> None:
        """Move the network one step of Adam down an objective."""
        self.optimizer.zero_grad()
        objective.backward()
        self.optimizer.step()

    @torch.no_grad()
    def probabilities(self, rows: NDArray | None = None) -> NDArray[np.float32]:
        """Compute h of every row and option, in blocks of rows.

        Parameters
        ----------
        rows : ndarray of shape (n, p), default=None
            (x, y) of the rows; None stands for those that are learned from.

        Returns
        -------
        probabilities : ndarray of shape (n, o)
            Probabilities in [0, 1].
        """
        every = torch.arange(len(self.options), device=self.device)
        blocks = []
        tensor = self.rows if rows is None else to_device(rows, self.device)
        for block in tensor.split(max(1, 2**17 // len(every))):
            logits = self.network(block, every.expand(len(block), -1))
            blocks.append(torch.sigmoid(logits).cpu())
        return torch.cat(blocks).numpy()
