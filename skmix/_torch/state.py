"""How a learner hands out and takes back what it has learned, as named arrays."""

from __future__ import annotations

import torch
from numpy.typing import NDArray
from torch import nn


class NetworkState:
    """State of a learner that trains one network by an optimiser on its own draws.

    A learner inherits from it and sets the three attributes.

    Attributes
    ----------
    network : nn.Module
        The network; its weights are the result.

    optimizer : torch.optim.Optimizer
        What moves the weights of the network.

    generator : torch.Generator
        Where the learner's draws come from.
    """

    network: nn.Module
    optimizer: torch.optim.Optimizer
    generator: torch.Generator

    def policy(self) -> dict[str, NDArray]:
        """Weights of the network, as arrays."""
        return {
            name: tensor.detach().cpu().numpy().copy()
            for name, tensor in self.network.state_dict().items()
        }

    def load_policy(self, policy: dict[str, NDArray]) -> None:
        """Put weights of the network in place."""
        self.network.load_state_dict(
            {name: torch.tensor(array) for name, array in policy.items()}
        )

    def state(self) -> dict[str, NDArray]:
        """Weights, optimiser and generator: what the next step depends on."""
        state = {f"network:{k}": v for k, v in self.policy().items()}
        for place, entry in self.optimizer.state_dict()["state"].items():
            for name, tensor in entry.items():
                state[f"optimizer:{place}:{name}"] = tensor.cpu().numpy().copy()
        state["generator"] = self.generator.get_state().numpy()
        return state

    def load_state(self, state: dict[str, NDArray]) -> None:
        """Go back to a state."""
        self.load_policy(
            {
                name.removeprefix("network:"): array
                for name, array in state.items()
                if name.startswith("network:")
            }
        )
        saved = self.optimizer.state_dict()
        # Before the first step an optimiser has no entries: those of later ones go.
        saved["state"] = {}
        for name, array in state.items():
            if name.startswith("optimizer:"):
                _, place, key = name.split(":")
                entry = saved["state"].setdefault(int(place), {})
                # Copied: the optimiser goes on to write into it.
                entry[key] = torch.tensor(array)
        self.optimizer.load_state_dict(saved)
        self.generator.set_state(torch.tensor(state["generator"]))
