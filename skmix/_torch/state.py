"""How a learner hands out and takes back what it has learned, as named arrays."""

from __future__ import annotations

import torch
from numpy.typing import NDArray
from torch import nn

State = dict[str, NDArray]


def network_state(network: nn.Module) -> State:
    """Weights of a network, as arrays of their own."""
    return {
        name: tensor.detach().cpu().numpy().copy()
        for name, tensor in network.state_dict().items()
    }


def load_network(network: nn.Module, state: State) -> None:
    """Put weights of a network in place."""
    network.load_state_dict(
        {name: torch.tensor(array) for name, array in state.items()}
    )


def optimizer_state(optimizer: torch.optim.Optimizer) -> State:
    """What an optimiser remembers of each tensor that it moves."""
    return {
        f"{place}:{name}": tensor.cpu().numpy().copy()
        for place, entry in optimizer.state_dict()["state"].items()
        for name, tensor in entry.items()
    }


def load_optimizer(optimizer: torch.optim.Optimizer, state: State) -> None:
    """Let an optimiser remember the same again."""
    saved = optimizer.state_dict()
    # Before the first step an optimiser has no entries: those of later ones go.
    saved["state"] = {}
    for name, array in state.items():
        place, key = name.split(":")
        # Copied: the optimiser goes on to write into it.
        saved["state"].setdefault(int(place), {})[key] = torch.tensor(array)
    optimizer.load_state_dict(saved)


def label(part: str, state: State) -> State:
    """Put the name of a part before the names of its arrays."""
    return {f"{part}:{name}": array for name, array in state.items()}


def labelled(part: str, state: State) -> State:
    """Arrays of one part among those of several, by their names in that part."""
    return {
        name.removeprefix(f"{part}:"): array
        for name, array in state.items()
        if name.startswith(f"{part}:")
    }


class NetworkState:
    """State of a learner that trains one network by an optimiser on its own draws.

    A learner inherits from it and sets the three attributes. One that has further
    networks or optimisers names them in `parts`.

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

    def policy(self) -> State:
        """Weights of the network, as arrays."""
        return network_state(self.network)

    def load_policy(self, policy: State) -> None:
        """Put weights of the network in place."""
        load_network(self.network, policy)

    def parts(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """Networks and optimisers by name."""
        return {"network": self.network, "optimizer": self.optimizer}

    def state(self) -> State:
        """Weights, optimisers and generator: what the next step depends on."""
        state = {"generator": self.generator.get_state().numpy()}
        for name, part in self.parts().items():
            if isinstance(part, nn.Module):
                state |= label(name, network_state(part))
            else:
                state |= label(name, optimizer_state(part))
        return state

    def load_state(self, state: State) -> None:
        """Go back to a state."""
        self.generator.set_state(torch.tensor(state["generator"]))
        for name, part in self.parts().items():
            if isinstance(part, nn.Module):
                load_network(part, labelled(name, state))
            else:
                load_optimizer(part, labelled(name, state))
