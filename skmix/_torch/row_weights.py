"""Learned weights of rows: one for each, or a function of their losses."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import softmax

from .bilevel import Manipulation, Rows
from .random import own_random_state
from .state import State

# No phi falls below, so that every row can come back; the authors' bound.
FLOOR = 1e-5
# Where all are as small as this together, there are no shares.
SMALLEST_SUM = 1e-8
# Weights that a network gives are within e^-5 and e^5: it cannot run away with them.
LOG_LIMIT = 5.0


def linear(phi: Tensor) -> Tensor:
    """Shares phi_i / sum phi of what is positive; all 0 where nothing is."""
    phi = phi.clamp_min(0)
    total = phi.sum()
    return phi / torch.where(total > SMALLEST_SUM, total, torch.inf)


class RowWeights(Manipulation, ABC):
    """Turns what a method learns into weights, and remembers these.

    Parameters
    ----------
    n_rows : int
        Number of training rows.

    device : torch.device
        Where they are.

    uniform_mix : float
        Part of equal shares in those of a batch.

    **settings
        Of the manipulation.

    Attributes
    ----------
    history : list of ndarray of shape (n_rows,)
        What each row weighed in each epoch, before equal shares are mixed in: 1 in the
        mean of each batch, but 0 in one that has no weight at all.
    """

    def __init__(
        self, n_rows: int, device: torch.device, uniform_mix: float, **settings: Any
    ) -> None:
        super().__init__(**settings)
        self.uniform_mix = uniform_mix
        self.seen = torch.ones(n_rows, device=device)
        self.history: list[NDArray[np.float32]] = []

    learns = True

    @abstractmethod
    def share(self, rows: Rows, losses: Tensor) -> Tensor:
        """Shares (b,) of rows in a batch: of sum 1, or all 0."""

    def weights(self, rows: Rows, losses: Tensor) -> Tensor:
        """Shares, mixed with equal ones."""
        share = self.share(rows, losses)
        self.seen[rows.places] = share.detach() * len(share)
        if not self.uniform_mix:
            return share
        return (1 - self.uniform_mix) * share + self.uniform_mix / len(share)

    def end_epoch(self) -> None:
        """Remember the weights of this epoch."""
        self.history.append(self.seen.cpu().numpy().copy())

    def state(self) -> State:
        """What a later step depends on, and the history."""
        return {**super().state(), "history": np.array(self.history)}

    def load_state(self, state: State) -> None:
        """Go back to a state."""
        super().load_state(state)
        self.history = list(state["history"])


class PersistentWeights(RowWeights):
    """A number phi_i for each row, kept from batch to batch.

    Parameters
    ----------
    first : float
        What all numbers are at first.
    """

    def __init__(
        self,
        n_rows: int,
        device: torch.device,
        *,
        first: float = 1.0,
        **settings: Any,
    ) -> None:
        super().__init__(n_rows, device, **settings)
        self.phi: Tensor
        self.register_buffer("phi", torch.full((n_rows,), first, device=device))

    def hand_out(self, rows: Rows) -> Tensor:
        """The numbers of rows, by which the next `move` differentiates."""
        self.places, self.leaf = rows.places, self.phi[rows.places].requires_grad_()
        return self.leaf

    def gradient(self, surrogate: Tensor) -> Tensor:
        """Derivatives of the validation loss by those that were handed out last."""
        return torch.autograd.grad(surrogate, self.leaf)[0]

    def put_back(self, phi: Tensor) -> None:
        """Put others in their place."""
        self.phi[self.places] = phi


class Normalized(PersistentWeights):
    """Shares phi_i / sum phi, through which the validation loss is differentiated.

    phi_i <- max(phi_i - alpha (b / eta) dL / dphi_i, 1e-5), for batches of b rows and
    updates of step size eta: in these units alpha needs no tuning.

    Parameters
    ----------
    step_size : float
        alpha.

    inner_step_size : float
        eta.
    """

    def __init__(
        self, *rows: Any, step_size: float, inner_step_size: float, **settings: Any
    ) -> None:
        super().__init__(*rows, **settings)
        self.unit = step_size / inner_step_size

    def share(self, rows: Rows, losses: Tensor) -> Tensor:
        """Shares of the numbers of rows."""
        return linear(self.hand_out(rows))

    def move(self, surrogate: Tensor) -> None:
        """Go down the gradient by one step."""
        step = self.unit * len(self.leaf) * self.gradient(surrogate)
        self.put_back((self.leaf.detach() - step).clamp_min(FLOOR))


class Hu(PersistentWeights):
    """The authors' rule: phi_i <- max(phi_i / decay - dL / dphi_i, 1e-5).

    The update that is looked at ahead is theta - eta sum_i phi_i grad l_i, with phi as
    it is; training takes phi_i / sum phi, or a softmax. The authors begin at phi = 1,
    with small steps and batches; to begin at 1 / b makes the first update that of the
    mean over a batch of b rows.

    Parameters
    ----------
    decay : float
        By what phi is divided.

    temperature : float or None
        Of the softmax; None for none.
    """

    def __init__(
        self, *rows: Any, decay: float, temperature: float | None, **settings: Any
    ) -> None:
        super().__init__(*rows, **settings)
        self.decay = decay
        self.temperature = temperature

    def look_ahead_weights(self, rows: Rows, losses: Tensor) -> Tensor:
        """The numbers as they are."""
        return self.hand_out(rows)

    def share(self, rows: Rows, losses: Tensor) -> Tensor:
        """Shares of the numbers of rows."""
        phi = self.phi[rows.places]
        if self.temperature is None:
            return linear(phi)
        return softmax(phi / self.temperature, dim=0)

    def move(self, surrogate: Tensor) -> None:
        """Forget a part, and go down the gradient by a step of size 1."""
        phi = self.leaf.detach() / self.decay - self.gradient(surrogate)
        self.put_back(phi.clamp_min(FLOOR))


class Ren(PersistentWeights):
    """Ren et al. (2018): phi = 0 ahead of each update, then max(-dL / dphi_i, 0)."""

    def look_ahead_weights(self, rows: Rows, losses: Tensor) -> Tensor:
        """No weight for any row: the network as it is."""
        self.phi[rows.places] = 0
        return self.hand_out(rows)

    def share(self, rows: Rows, losses: Tensor) -> Tensor:
        """Shares of the rows whose weight would lower the validation loss."""
        return linear(self.phi[rows.places])

    def move(self, surrogate: Tensor) -> None:
        """Take the gradient for the weights."""
        self.put_back(-self.gradient(surrogate))


class MetaNet(RowWeights):
    """A small network that weighs a row by its loss, as Meta-Weight-Net does.

    Shares are a softmax of its outputs. Where the targets are classes it also sees how
    frequent that of the row is, without which it cannot weigh classes.

    Parameters
    ----------
    n_classes : sequence of int
        Number of classes of each output; none for numbers.

    Y : Tensor of shape (n_rows, t)
        Targets of the training rows.

    n_hidden : int
        Units of its hidden layer.

    seed : int
        Seed of its initial weights.
    """

    def __init__(
        self,
        *rows: Any,
        n_classes: Sequence[int],
        Y: Tensor,
        n_hidden: int,
        seed: int,
        **settings: Any,
    ) -> None:
        super().__init__(*rows, **settings)
        # Classes that no training row has count as if one had.
        self.log_frequency = [
            (torch.bincount(column, minlength=n).clamp_min(1) / len(Y)).log()
            for n, column in zip(n_classes, Y.T, strict=False)
        ]
        with own_random_state(seed):
            self.layers = nn.Sequential(
                nn.Linear(2 if n_classes else 1, n_hidden),
                nn.ReLU(),
                nn.Linear(n_hidden, 1),
            ).to(self.seen.device)

    def log_weight(self, losses: Tensor, Y: Tensor) -> Tensor:
        """Logarithms (b,) of weights, but for a constant."""
        inputs = [losses]
        if self.log_frequency:
            columns = zip(self.log_frequency, Y.unbind(dim=1), strict=True)
            frequency = [table[column] for table, column in columns]
            inputs.append(torch.stack(frequency).mean(dim=0))
        outputs = self.layers(torch.stack(inputs, dim=1))[:, 0]
        return LOG_LIMIT * torch.tanh(outputs / LOG_LIMIT)

    def share(self, rows: Rows, losses: Tensor) -> Tensor:
        """Shares of rows with these losses."""
        return softmax(self.log_weight(losses, rows.Y), dim=0)

    def to_cpu(self) -> None:
        """Move to the CPU, and forget the history."""
        self.cpu()
        self.log_frequency = [table.cpu() for table in self.log_frequency]
        self.history, self.seen = [], self.seen.cpu()
        self.__dict__.pop("optimizer", None)

    @torch.no_grad()
    def weights_of(self, losses: Tensor, Y: Tensor) -> NDArray[np.float64]:
        """Weights (n,) of rows, but for a factor."""
        return self.log_weight(losses, Y).cpu().double().exp().numpy()
