"""MixRL's policy, learned from the closed-form effect of each mix on held-out loss.

Algorithm 1 of the paper trains a network for each reward and learns from one number a
time. Here the regression model is kernel ridge on features of the kernel of a wide
network, whose held-out loss can be differentiated by the weight of every single mix.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .value_network import ValueNetwork

RIDGE_STRENGTHS = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)


def ridge(
    features: Tensor, targets: Tensor, weights: Tensor, alphas: Tensor
) -> tuple[Tensor, Tensor]:
    """Weighted ridge regression, for several ridge strengths at once.

    Parameters
    ----------
    features : Tensor of shape (m, p)
        Features phi of the rows.

    targets : Tensor of shape (m, t)
        Their labels.

    weights : Tensor of shape (m,)
        Weight w of each row.

    alphas : Tensor of shape (a,)
        Ridge strengths, per unit of weight.

    Returns
    -------
    betas : Tensor of shape (a, p, t)
        Coefficients A^-1 sum w phi y^T / sum w.

    factors : Tensor of shape (a, p, p)
        Cholesky factors of A = sum w phi phi^T / sum w + alpha I.
    """
    rows = weights.nonzero()[:, 0]
    features, targets, weights = features[rows], targets[rows], weights[rows]
    total = weights.sum()
    weighted = features * weights[:, None]
    gram = weighted.T @ features / total
    ridges = gram + alphas[:, None, None] * torch.eye(len(gram)).to(gram)
    factors = torch.linalg.cholesky(ridges)
    return torch.cholesky_solve(weighted.T @ targets / total, factors), factors


def held_out_loss(
    features: Tensor,
    targets: Tensor,
    weights: Tensor,
    features_val: Tensor,
    targets_val: Tensor,
    alphas: Tensor,
) -> tuple[Tensor, Tensor]:
    """Held-out loss of weighted ridge regression, and its gradient by each weight.

    Parameters
    ----------
    features : Tensor of shape (m, p)
        Features phi of all rows that may be trained on, mixes included.

    targets : Tensor of shape (m, t)
        Their labels.

    weights : Tensor of shape (m,)
        Weight w of each row; 0 leaves it out.

    features_val : Tensor of shape (v, p)
        Features of the held-out rows.

    targets_val : Tensor of shape (v, t)
        Labels of the held-out rows.

    alphas : Tensor of shape (a,)
        Ridge strengths, per unit of weight; the one with the lowest loss is used.

    Returns
    -------
    loss : Tensor of shape ()
        Mean over held-out rows of the squared error, summed over targets.

    gradient : Tensor of shape (m,)
        Its derivative by each weight. By the envelope theorem the best ridge strength
        counts as a constant.

    Notes
    -----
    With N the sum of the weights, A = sum w phi phi^T / N + alpha I and
    beta = A^-1 sum w phi y^T / N, let r be the held-out residuals and
    u = A^-1 sum_v phi_v r_v^T 2 / V. Then

        d loss / d w_m = sum_t [(phi_m u)(y_m - phi_m beta) - alpha beta^T u] / N.
    """
    betas, factors = ridge(features, targets, weights, alphas)
    residuals = features_val @ betas - targets_val
    losses = (residuals**2).sum((1, 2)) / len(targets_val)
    best = losses.argmin()
    loss, beta, residual = losses[best], betas[best], residuals[best]
    u = torch.cholesky_solve(
        features_val.T @ residual * (2 / len(residual)), factors[best]
    )
    error = targets - features @ beta
    gradient = ((features @ u) * error).sum(1) - alphas[best] * (beta * u).sum()
    return loss, gradient / weights.sum()


@dataclass
class MixingProblem:
    """All that the learner needs to know of the data, as arrays.

    Attributes
    ----------
    rows : ndarray of shape (n, d)
        (x, y) of the training rows, standardised: the input of the value network.

    options : ndarray of shape (o, 2)
        Each option's kind of distance and number of neighbours.

    slots : list of ndarray of shape (n, k_max)
        For each kind of distance, the mix that row i makes with its k-th neighbour, as
        an index into the mixes.

    features, targets : ndarray of shape (n, p), (n, t)
        Kernel features and labels of the training rows.

    features_mix, targets_mix : ndarray of shape (m, p), (m, t)
        The same for all distinct mixes.
    """

    rows: NDArray
    options: NDArray
    slots: Sequence[NDArray]
    features: NDArray
    targets: NDArray
    features_mix: NDArray
    targets_mix: NDArray


class InfluenceLearner:
    """Learns the value network by the influence of each mix on the held-out loss.

    Parameters
    ----------
    problem : MixingProblem
        The training rows and candidate mixes.

    features_val, targets_val : ndarray of shape (v, p), (v, t)
        Kernel features and labels of the held-out rows to learn from.

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
        problem: MixingProblem,
        features_val: NDArray,
        targets_val: NDArray,
        *,
        hidden_layer_sizes: Sequence[int],
        learning_rate: float,
        batch_size: int,
        device: torch.device,
        seed: int,
    ) -> None:
        def tensor(array: NDArray) -> Tensor:
            kind = torch.float32 if array.dtype.kind == "f" else torch.int64
            return torch.as_tensor(array, dtype=kind, device=device)

        self.rows = tensor(problem.rows)
        self.options = tensor(problem.options)
        self.slots = self._pad([tensor(slots) for slots in problem.slots])
        self.n_rows = len(problem.rows)
        self.features = torch.cat(
            [tensor(problem.features), tensor(problem.features_mix)]
        )
        self.targets = torch.cat([tensor(problem.targets), tensor(problem.targets_mix)])
        self.features_val = tensor(features_val)
        self.targets_val = tensor(targets_val)
        self.alphas = torch.tensor(RIDGE_STRENGTHS, device=device)
        self.batch_size = min(batch_size, self.n_rows)
        self.device = device
        # Drawn on the CPU, so that all devices see the same draws.
        self.generator = torch.Generator().manual_seed(seed)
        self.network = ValueNetwork(
            self.rows.shape[1], len(self.options), hidden_layer_sizes, seed
        ).to(device)
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), lr=learning_rate, fused=True
        )

    @staticmethod
    def _pad(slots: list[Tensor]) -> Tensor:
        """Stack the kinds of distance: shape (kinds, n, k_max), unused places 0."""
        width = max(table.shape[1] for table in slots)
        return torch.stack(
            [
                torch.nn.functional.pad(table, (0, width - table.shape[1]))
                for table in slots
            ]
        )

    def step(self) -> dict[str, float]:
        """One update: draw a batch and actions, move h along the influence."""
        batch = torch.randperm(self.n_rows, generator=self.generator)[: self.batch_size]
        option = torch.randint(
            len(self.options), (self.batch_size,), generator=self.generator
        )
        coin = torch.rand(self.batch_size, generator=self.generator)
        batch, option, coin = (t.to(self.device) for t in (batch, option, coin))

        h = torch.sigmoid(self.network(self.rows[batch], option))
        chosen = coin < h.detach()
        kind, count = self.options[option].T
        mixes = self.slots[kind, batch]
        wanted = torch.arange(mixes.shape[1], device=self.device) < count[:, None]

        # How many chosen rows make each mix; a duplicate counts once.
        makers = torch.zeros(len(self.features) - self.n_rows, device=self.device)
        makers.index_put_(
            (mixes[wanted & chosen[:, None]],),
            torch.ones((), device=self.device),
            accumulate=True,
        )
        weights = torch.zeros(len(self.features), device=self.device)
        weights[batch] = 1.0
        weights[self.n_rows :] = (makers > 0).float()
        loss, gradient = self._loss(weights)

        # What row i adds: the mixes of its option that no other chosen row makes.
        alone = makers[mixes] - chosen[:, None].float() < 0.5
        effect = (gradient[self.n_rows :][mixes] * (wanted & alone)).sum(1)
        scale = effect.std(correction=0).clamp_min(1e-12) * self.batch_size**0.5
        self.optimizer.zero_grad()
        (h @ effect / scale).backward()
        self.optimizer.step()
        return {
            "objective": float(loss),
            "n_mixes": int((makers > 0).sum()),
            "mean_probability": float(h.detach().mean()),
        }

    def _loss(self, weights: Tensor) -> tuple[Tensor, Tensor]:
        return held_out_loss(
            self.features,
            self.targets,
            weights,
            self.features_val,
            self.targets_val,
            self.alphas,
        )

    @torch.no_grad()
    def probabilities(self) -> NDArray[np.float32]:
        """Compute h of every row and option, in blocks of rows.

        Returns
        -------
        probabilities : ndarray of shape (n, o)
            Probabilities in [0, 1].
        """
        every = torch.arange(len(self.options), device=self.device)
        blocks = []
        for rows in self.rows.split(max(1, 2**17 // len(every))):
            logits = self.network(rows, every.expand(len(rows), -1))
            blocks.append(torch.sigmoid(logits).cpu())
        return torch.cat(blocks).numpy()

    @torch.no_grad()
    def loss_of(self, mixes: NDArray[np.intp]) -> float:
        """Held-out loss of the training rows with some of the mixes."""
        return float(self._loss(self._weights_of(mixes))[0])

    @torch.no_grad()
    def predict(self, mixes: NDArray[np.intp], features: NDArray) -> NDArray:
        """Predict rows by ridge regression on the training rows with some mixes.

        Parameters
        ----------
        mixes : ndarray of shape (k,)
            Places of the mixes.

        features : ndarray of shape (v, p)
            Kernel features of rows that the learner need not have seen.

        Returns
        -------
        prediction : ndarray of shape (v, t)
            With the ridge strength that is best on the learner's held-out rows.
        """
        betas, _ = ridge(
            self.features, self.targets, self._weights_of(mixes), self.alphas
        )
        residuals = self.features_val @ betas - self.targets_val
        beta = betas[(residuals**2).sum((1, 2)).argmin()]
        return features @ beta.cpu().numpy()

    def _weights_of(self, mixes: NDArray[np.intp]) -> Tensor:
        weights = torch.zeros(len(self.features), device=self.device)
        weights[: self.n_rows] = 1.0
        weights[self.n_rows + torch.as_tensor(mixes, device=self.device)] = 1.0
        return weights

    def policy(self) -> dict[str, NDArray]:
        """Weights of the value network, as arrays."""
        return {
            name: tensor.detach().cpu().numpy().copy()
            for name, tensor in self.network.state_dict().items()
        }

    def load_policy(self, policy: dict[str, NDArray]) -> None:
        """Put weights of the value network in place."""
        self.network.load_state_dict(
            {name: torch.as_tensor(array) for name, array in policy.items()}
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
        for name, array in state.items():
            if name.startswith("optimizer:"):
                _, place, key = name.split(":")
                entry = saved["state"].setdefault(int(place), {})
                entry[key] = torch.as_tensor(array)
        self.optimizer.load_state_dict(saved)
        self.generator.set_state(torch.as_tensor(state["generator"]))
