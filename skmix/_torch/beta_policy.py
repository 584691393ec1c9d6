"""The policy network of LADA: which Beta distribution to mix two rows by."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from itertools import pairwise
from math import inf, isfinite

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.distributions import Beta

from .cut import in_blocks, mix
from .random import own_random_state

Scores = Callable[[Tensor], Tensor]


class BetaPolicy(nn.Module):
    """pi(x, x'), the parameter tau of Beta(tau, tau) for a pair of rows; Eq. 10.

    Parameters
    ----------
    rows : Tensor of shape (n, ...)
        Rows at the place where they are mixed; they give the scale.

    hidden_layer_sizes : sequence of int
        Units of the hidden layers.

    tau_bounds : tuple of float
        Between which tau lies.

    Notes
    -----
    Rows are standardised by one mean and one deviation, as their features have none of
    their own at a hidden layer. The network sees h + h' and |h - h'|: Beta(tau, tau) is
    the same for (x, x') and (x', x), so the network is, too. The paper's sees both rows
    one after the other. tau = low (high / low)^sigmoid(o) keeps its bounds and moves on
    a logarithmic scale, as its effect does: the authors' program has sigmoid(o), which
    never reaches the fixed value of 2 that it is compared with.
    """

    def __init__(
        self,
        rows: Tensor,
        hidden_layer_sizes: Sequence[int],
        tau_bounds: tuple[float, float],
    ) -> None:
        super().__init__()
        flat = rows.flatten(1)
        self.mean = float(flat.mean())
        self.deviation = float(flat.std()) or 1.0
        self.low, self.high = tau_bounds
        sizes = [2 * flat.shape[1], *hidden_layer_sizes, 1]
        layers: list[nn.Module] = []
        for n_inputs, n_units in pairwise(sizes):
            layers += [nn.Linear(n_inputs, n_units), nn.ReLU()]
        self.layers = nn.Sequential(*layers[:-1])

    def forward(self, first: Tensor, second: Tensor) -> Tensor:
        """Tau of pairs of rows (n, ...), of shape (n,)."""
        a, b = (
            (rows.flatten(1) - self.mean) / self.deviation for rows in (first, second)
        )
        logit = self.layers(torch.cat([a + b, (a - b).abs()], dim=1))[:, 0]
        return self.low * (self.high / self.low) ** logit.sigmoid()


def expected_scores(
    scores: Scores, first: Tensor, second: Tensor, tau: Tensor, n_ratios: int
) -> Tensor:
    """Mean score of mixes at ratios from Beta(tau, tau), Eq. 11 to 13.

    Parameters
    ----------
    scores : callable
        Scores of rows at the place where they are mixed.

    first, second : Tensor of shape (n, ...)
        Both rows of each pair.

    tau : Tensor of shape (n,)
        Parameters of the pairs.

    n_ratios : int
        Number N of ratios to a pair.

    Returns
    -------
    means : Tensor of shape (n,)
        Differentiable in tau: ``rsample`` passes gradients through the draw by implicit
        differentiation, which in one dimension is the paper's optimal transport.
    """
    # Drawn on the CPU, so that all devices see the same draws.
    on_cpu = tau.cpu()
    ratio = Beta(on_cpu, on_cpu).rsample((n_ratios,)).T.flatten().to(tau.device)
    repeat = torch.arange(len(tau), device=tau.device).repeat_interleave(n_ratios)
    mixed = mix(first[repeat], second[repeat], ratio)
    return scores(mixed).view(len(tau), n_ratios).mean(dim=1)


def train_policy(
    scores: Scores,
    first: Tensor,
    second: Tensor,
    expected: Callable[[NDArray[np.float64]], NDArray[np.float64]],
    *,
    tau_bounds: tuple[float, float],
    hidden_layer_sizes: Sequence[int],
    learning_rate: float,
    batch_size: int,
    max_iter: int,
    n_ratios: int,
    seed: int,
) -> tuple[BetaPolicy, list[float]]:
    """Train a policy to make the expected scores of mixes large, Eq. 13.

    Parameters
    ----------
    scores : callable
        Differentiable scores of rows at the place where they are mixed. What is behind
        it, the classifier, gets no gradient.

    first, second : Tensor of shape (n, ...)
        Both rows of each pair.

    expected : callable
        Expected scores (n,) of the pairs by their taus (n,), to judge a policy by.

    tau_bounds : tuple of float
        Between which tau lies.

    hidden_layer_sizes : sequence of int
        Units of the hidden layers of the policy.

    learning_rate : float
        Step size of Adam.

    batch_size : int
        Number of pairs in a batch.

    max_iter : int
        Number of epochs.

    n_ratios : int
        Number N of ratios that are drawn for a pair.

    seed : int
        Seed of initial weights, batches and ratios.

    Returns
    -------
    policy : BetaPolicy
        The policy after the best epoch: that with the greatest mean of the expected
        scores. The authors' program takes the losses of the batches before their steps
        for that.

    history : list of float
        This mean before the training and after each epoch.
    """
    first, second = first.detach(), second.detach()
    device = first.device
    history: list[float] = []
    best_score = -inf
    best: dict[str, Tensor] = {}
    with own_random_state(seed, device):
        policy = BetaPolicy(
            torch.cat([first, second]), hidden_layer_sizes, tau_bounds
        ).to(device)
        adam = torch.optim.Adam(policy.parameters(), lr=learning_rate, fused=True)
        for epoch in range(max_iter + 1):
            if epoch:
                for batch in torch.randperm(len(first)).split(batch_size):
                    a, b = first[batch.to(device)], second[batch.to(device)]
                    means = expected_scores(scores, a, b, policy(a, b), n_ratios)
                    loss = -means.mean()
                    # Of the policy only: the classifier is as it was.
                    gradients = torch.autograd.grad(loss, list(policy.parameters()))
                    for parameter, gradient in zip(
                        policy.parameters(), gradients, strict=True
                    ):
                        parameter.grad = gradient
                    adam.step()
            history.append(float(expected(taus(policy, first, second)).mean()))
            if not isfinite(history[-1]):
                raise ValueError(
                    f"The policy diverged with learning_rate={learning_rate}: the "
                    "scores are not finite. Lower it."
                )
            if history[-1] > best_score:
                best_score, best = history[-1], deepcopy(policy.state_dict())
    policy.load_state_dict(best)
    return policy, history


@torch.no_grad()
def taus(policy: BetaPolicy, first: Tensor, second: Tensor) -> NDArray[np.float64]:
    """Tau of pairs of rows, in blocks of them."""
    blocks = zip(in_blocks(first), in_blocks(second), strict=True)
    parts = [policy(a, b) for a, b in blocks]
    return torch.cat(parts).cpu().double().numpy()
