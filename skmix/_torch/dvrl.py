"""Values of rows by REINFORCE: data valuation using reinforcement learning.

Yoon, Arik and Pfister, "Data valuation using reinforcement learning", ICML 2020.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from .cut import in_blocks
from .random import own_random_state
from .reinforce import log_policy
from .state import NetworkState, State

# Beyond these mean probabilities exploration is at an end, and so they cost something;
# the authors' bounds and price.
MOST_CHOSEN = 0.9
PRICE = 1000.0

# Scores (m,) of a model that is trained on each of m selections (m, b) of rows (b,).
Evaluate = Callable[[NDArray[np.intp], NDArray[np.bool_]], Sequence[float]]


class DVRLLearner(NetworkState):
    """Learns with which probability a row is chosen for training.

    Parameters
    ----------
    inputs : ndarray of shape (n, d)
        What the network sees of a row: features, target, and how far a model of the
        validation rows is from the target.

    evaluate : callable
        Trains the model on selections of rows, and gives the validation scores; greater
        is better.

    n_rollouts : int
        Number of selections in each iteration, 2 or more.

    hidden_layer_sizes : sequence of int
        Units of the hidden layers.

    learning_rate : float
        Step size of Adam.

    batch_size : int
        Number of rows that are chosen from, if there are more.

    device : torch.device
        Where the network is.

    seed : int
        Seed of initial weights, batches and choices.

    Notes
    -----
    With s_k the score of selection k and pi_k its probability, Adam goes along

        1/(m b) sum_k (s_k - mean of the other scores) / sd(s) grad log pi_k,

    for m selections of b rows, and against the price of a mean probability beyond 0.9
    or 0.1. The paper has one selection, and subtracts a moving average.
    """

    def __init__(
        self,
        inputs: NDArray,
        evaluate: Evaluate,
        *,
        n_rollouts: int,
        hidden_layer_sizes: Sequence[int],
        learning_rate: float,
        batch_size: int,
        device: torch.device,
        seed: int,
    ) -> None:
        self.device = device
        self.inputs = torch.as_tensor(inputs, dtype=torch.float32, device=device)
        self.evaluate = evaluate
        self.n_rollouts = n_rollouts
        self.batch_size = batch_size
        sizes = [inputs.shape[1], *hidden_layer_sizes]
        with own_random_state(seed):
            layers: list[nn.Module] = []
            for n_in, n_out in pairwise(sizes):
                layers += [nn.Linear(n_in, n_out), nn.ReLU()]
            self.network = nn.Sequential(*layers, nn.Linear(sizes[-1], 1)).to(device)
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), lr=learning_rate, fused=True
        )
        self.generator = torch.Generator().manual_seed(seed)
        # A row that has not been in a batch yet is chosen as often as not.
        self.seen = np.full(len(inputs), 0.5, dtype=np.float32)
        self.history: list[NDArray[np.float32]] = []

    def step(self) -> dict[str, float]:
        """Choose rows some times over, train the model, and move the network."""
        places = torch.randperm(len(self.inputs), generator=self.generator)
        places = places[: self.batch_size]
        logits = self.network(self.inputs[places.to(self.device)])[:, 0]
        chance = logits.detach().sigmoid()
        draws = torch.rand(self.n_rollouts, len(places), generator=self.generator)
        chosen = draws < chance.cpu()
        scores = np.asarray(self.evaluate(places.numpy(), chosen.numpy()))
        if not np.isfinite(scores).all():
            raise ValueError(
                f"The validation scores are not finite, {scores.tolist()}: pass "
                "another scoring, or more validation rows."
            )
        others = (scores.sum() - scores) / (len(scores) - 1)
        spread = scores.std()
        advantage = (scores - others) / spread if spread > 0 else 0 * scores
        gain = torch.as_tensor(advantage, dtype=torch.float32, device=logits.device)
        log_pi = log_policy(logits, chosen.to(logits.device)) / len(places)
        mean = logits.sigmoid().mean()
        price = (mean - MOST_CHOSEN).clamp_min(0) + (1 - MOST_CHOSEN - mean).clamp_min(
            0
        )
        self.optimizer.zero_grad()
        (PRICE * price - (gain * log_pi).mean()).backward()
        self.optimizer.step()
        self.seen[places.numpy()] = chance.cpu().numpy()
        self.history.append(self.seen.copy())
        return {"objective": -float(scores.mean()), "chosen": float(mean.detach())}

    def to_cpu(self) -> None:
        """Move the network to the CPU, and forget the rows; no step can follow."""
        self.network.cpu()
        self.device = torch.device("cpu")
        del self.inputs, self.evaluate, self.optimizer, self.generator
        self.history = []

    @torch.no_grad()
    def values(self, inputs: NDArray) -> NDArray[np.float64]:
        """Probabilities (n,) that rows are chosen."""
        rows = torch.as_tensor(inputs, dtype=torch.float32, device=self.device)
        logits = torch.cat([self.network(block)[:, 0] for block in in_blocks(rows)])
        return logits.cpu().double().sigmoid().numpy()

    def state(self) -> State:
        """What the next step depends on, and the history."""
        history = np.array(self.history)
        return {**super().state(), "seen": self.seen.copy(), "history": history}

    def load_state(self, state: State) -> None:
        """Go back to a state."""
        super().load_state(state)
        self.seen, self.history = state["seen"].copy(), list(state["history"])
