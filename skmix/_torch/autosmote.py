"""REINFORCE for several networks that decide together: how AutoSMOTE learns.

After Zha et al. (2022): networks decide how much to oversample, from which rows, with
whom and where. All of their decisions lead to one set of rows, and to one score.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from .mlp import Network
from .state import NetworkState, State


class Decisions(NamedTuple):
    """What a network was asked, the same in all rollouts, and what they chose.

    Attributes
    ----------
    inputs : ndarray of shape (n, d) or (n, k, d)
        What it saw. Of k things it chooses one, and one of its outputs for it.

    possible : ndarray of shape (n, c)
        Which choices there were.

    counts : ndarray of shape (m, n, c)
        How often each was chosen in each rollout, by draws that are independent of each
        other.

    part : ndarray of shape (n,)
        In which part of a rollout.
    """

    inputs: NDArray
    possible: NDArray
    counts: NDArray
    part: NDArray


# Lets policies of some weights decide, from a seed each. Gives the scores that
# `advantages` is of, and the decisions by the name of the network.
RollOut = Callable[[State, Sequence[int]], tuple[NDArray, Mapping[str, Decisions]]]


def advantages(scores: NDArray) -> NDArray[np.float64]:
    """Tell how much better each part of each rollout was than others in its place.

    Parameters
    ----------
    scores : ndarray of shape (m, m, p)
        Score of rollout i with part k taken from rollout j, at (i, j, k).

    Returns
    -------
    advantages : ndarray of shape (m, p)
        The score of rollout i, less its mean over the other rollouts j.

    Notes
    -----
    Part k was decided on independently of the other parts and rollouts. What is
    subtracted does not depend on it, so that the gradient stays right on average, and
    is close to the score, so that its variance is small.
    """
    own = scores.diagonal().T
    return own - (scores.sum(axis=1) - own) / (len(scores) - 1)


def log_probabilities(network: nn.Module, inputs: Tensor, possible: Tensor) -> Tensor:
    """Log-probability of each choice.

    Parameters
    ----------
    network : nn.Module
        Gives logits.

    inputs : Tensor of shape (n, d) or (n, k, d)
        What it sees.

    possible : Tensor of shape (n, c)
        Which choices there are.

    Returns
    -------
    log_p : Tensor of shape (n, c)
        Where there is no such choice it is 0, as it never counts.
    """
    logits = network(inputs).flatten(1).masked_fill(~possible, -torch.inf)
    return logits.log_softmax(dim=1).masked_fill(~possible, 0.0)


class AutoSMOTELearner(NetworkState):
    """Learns all networks by the scores of what they decide together.

    Parameters
    ----------
    roll_out : callable
        ``roll_out(weights, seeds)`` lets the networks decide once for each seed; see
        `advantages` and `Decisions` for what it gives.

    sizes : mapping of str to (int, int)
        Number of inputs and of outputs of each network.

    hidden_layer_sizes : sequence of int
        Units of the hidden layers of each network.

    learning_rate : float
        Step size of Adam.

    n_rollouts : int
        Number of rollouts in a step, at least 2.

    entropy_weight : float
        c, by which much of the score a nat of entropy is worth.

    device : torch.device
        Where to compute.

    seed : int
        Seed of the initial weights and of the rollouts.

    Attributes
    ----------
    network : nn.ModuleDict
        The networks by name.

    Notes
    -----
    With A_ik the advantage of part k of rollout i and pi_ik the probability of all
    that was decided for it, the networks take a step of Adam up

        1 / m sum_ik A_ik log pi_ik + c sum_networks mean H,

    the mean over the decisions of a network, H their entropy. Before the first step
    all choices are as likely.
    """

    network: nn.ModuleDict

    def __init__(
        self,
        roll_out: RollOut,
        sizes: Mapping[str, tuple[int, int]],
        *,
        hidden_layer_sizes: Sequence[int],
        learning_rate: float,
        n_rollouts: int,
        entropy_weight: float,
        device: torch.device,
        seed: int,
    ) -> None:
        self.roll_out = roll_out
        self.n_rollouts = n_rollouts
        self.entropy_weight = entropy_weight
        self.device = device
        # Drawn on the CPU, so that all devices see the same draws.
        self.generator = torch.Generator().manual_seed(seed)
        networks: dict[str, nn.Module] = {}
        for name, own_seed in zip(sizes, self._seeds(len(sizes)), strict=True):
            n_inputs, n_outputs = sizes[name]
            layers = [n_inputs, *hidden_layer_sizes, n_outputs]
            network = Network(layers, False, own_seed)
            for tensor in network[-1].parameters():
                nn.init.zeros_(tensor)
            networks[name] = network
        self.network = nn.ModuleDict(networks).to(device)
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), lr=learning_rate, fused=True
        )

    def step(self) -> dict[str, float]:
        """One iteration: let the networks decide, and move them by the scores.

        Returns
        -------
        report : dict
            "score" is the mean over the rollouts, "objective" minus that, and
            "entropy_<name>" the mean entropy of what a network decides.
        """
        scores, decisions = self.roll_out(self.policy(), self._seeds(self.n_rollouts))
        score = float(scores.diagonal()[0].mean())
        report = {"objective": -score, "score": score}
        advantage = advantages(scores)
        goal = torch.zeros((), device=self.device)
        for name, decided in decisions.items():
            log_p, entropy = self._log_probabilities(name, decided)
            own = advantage[:, decided.part] / self.n_rollouts
            weight = np.einsum("mn,mnc->nc", own, decided.counts)
            goal = goal + (self._tensor(weight) * log_p).sum()
            goal = goal + self.entropy_weight * entropy
            report[f"entropy_{name}"] = float(entropy.detach())
        if decisions:
            self.optimizer.zero_grad()
            (-goal).backward()
            self.optimizer.step()
        return report

    def _log_probabilities(
        self, name: str, decided: Decisions
    ) -> tuple[Tensor, Tensor]:
        """Log-probability of each choice, and the mean entropy."""
        possible = torch.as_tensor(decided.possible, device=self.device)
        inputs = self._tensor(decided.inputs)
        log_p = log_probabilities(self.network[name], inputs, possible)
        entropy = -(log_p.exp() * log_p).sum(1).mean()
        return log_p, entropy

    def _tensor(self, array: NDArray) -> Tensor:
        return torch.as_tensor(array, dtype=torch.float32, device=self.device)

    def _seeds(self, n: int) -> list[int]:
        return torch.randint(2**31 - 1, (n,), generator=self.generator).tolist()
