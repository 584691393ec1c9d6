"""A trained network as LADA looks at it: up to a layer, and from there on."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .cut import (
    INPUT,
    Cut,
    dropout_layers,
    evaluating,
    find_layers,
    first_output,
    in_blocks,
    last_inputs,
    mix,
)
from .random import own_random_state


class Model:
    """A network that classifies, cut behind one of its layers.

    Parameters
    ----------
    network : nn.Module
        The network, with a logit or a probability for each class. Which of both it is
        tells whether the outputs of some rows are not negative and sum to 1.

    rows : ndarray of shape (n, ...)
        Some rows, two or more, to try it on.

    layer : str or int, default="input"
        Where it is cut.

    Attributes
    ----------
    device : torch.device
        Where the network is.

    width : int
        Number of values that the layer hands on for a row.
    """

    def __init__(
        self, network: nn.Module, rows: NDArray, layer: str | int = INPUT
    ) -> None:
        self.network = network
        parameter = next(network.parameters(), None)
        self.device = torch.device("cpu") if parameter is None else parameter.device
        self.probe = self.tensor(rows[:4])
        self.cut = Cut(network, layer)
        self.cut.check(self.probe)
        with torch.no_grad(), evaluating(network):
            outputs = first_output(network(self.probe)).cpu().double()
        if outputs.dim() != 2 or outputs.shape[1] < 2:
            raise ValueError(
                "The network must have an output for each class, two or more: it makes "
                f"{tuple(outputs.shape)} of {len(self.probe)} rows."
            )
        sums = outputs.sum(dim=1)
        positive = bool((outputs >= 0).all())
        self.width = self.hidden(rows[:1])[0].numel()
        self.has_logits = not (positive and torch.allclose(sums, torch.ones_like(sums)))

    def tensor(self, rows: NDArray) -> Tensor:
        """Rows as the network takes them."""
        return torch.as_tensor(rows, dtype=torch.float32, device=self.device)

    def layers(self) -> list[str]:
        """Layers behind which the network can be cut."""
        return find_layers(self.network, self.probe)

    @torch.no_grad()
    def hidden(self, rows: NDArray) -> Tensor:
        """What the layer hands on for rows (n, ...), in blocks of them."""
        with evaluating(self.network):
            blocks = in_blocks(self.tensor(rows))
            return torch.cat([self.cut.hidden(block) for block in blocks])

    def mix(
        self, hidden: Tensor, first: NDArray, second: NDArray, ratio: NDArray
    ) -> Tensor:
        """Mix rows of what the layer handed on."""
        share = torch.as_tensor(ratio, dtype=hidden.dtype, device=hidden.device)
        return mix(hidden[first], hidden[second], share)

    @torch.no_grad()
    def probabilities(self, hidden: Tensor) -> NDArray[np.float64]:
        """Class probabilities from what the layer handed on, in blocks of rows."""
        with evaluating(self.network):
            parts = [self._probabilities(block) for block in in_blocks(hidden)]
        return torch.cat(parts).cpu().double().numpy()

    @torch.no_grad()
    def members(self, hidden: Tensor, n_members: int, seed: int) -> NDArray[np.float64]:
        """Probabilities (t, n, c) of passes with dropout, of the same values each time.

        Raises
        ------
        ValueError
            If the network has no dropout.
        """
        self.check_dropout()
        with evaluating(self.network, dropout=True):
            parts = []
            for block in in_blocks(hidden):
                with own_random_state(seed, self.device):
                    passes = [self._probabilities(block) for _ in range(n_members)]
                parts.append(torch.stack(passes))
        return torch.cat(parts, dim=1).cpu().double().numpy()

    def scores(
        self, score: Callable[[Tensor], Tensor], n_members: int = 0
    ) -> Callable[[Tensor], Tensor]:
        """Compose scores of probabilities with the rest of the network.

        Parameters
        ----------
        score : callable
            Differentiable scores (n,) of probabilities (n, c), or, with members, of
            (t, n, c).

        n_members : int, default=0
            Number of passes with dropout; 0 for one pass without.

        Returns
        -------
        scores : callable
            Differentiable scores of rows at the layer.
        """
        if n_members:
            self.check_dropout()

        def scores(hidden: Tensor) -> Tensor:
            with evaluating(self.network, dropout=n_members > 0):
                if not n_members:
                    return score(self._probabilities(hidden))
                passes = [self._probabilities(hidden) for _ in range(n_members)]
                return score(torch.stack(passes))

        return scores

    def check_dropout(self) -> None:
        """Check that the network has dropout."""
        if not dropout_layers(self.network):
            raise ValueError(
                "acquisition='bald' asks for a network with dropout, whose passes "
                "disagree, and this one has no module such as nn.Dropout. Add one, use "
                "an ensemble of scikit-learn, or another acquisition."
            )

    @torch.no_grad()
    def last_inputs(self, rows: NDArray) -> NDArray[np.float64]:
        """Inputs of the last layer for rows (n, ...), in blocks of them."""
        with evaluating(self.network):
            parts = [
                last_inputs(self.network, block)
                for block in in_blocks(self.tensor(rows))
            ]
        return torch.cat(parts).cpu().double().numpy()

    def _probabilities(self, hidden: Tensor) -> Tensor:
        outputs = self.cut.output(hidden, self.probe[:1])
        return outputs.softmax(dim=1) if self.has_logits else outputs
