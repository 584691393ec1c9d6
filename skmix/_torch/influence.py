"""MixRL's policy, learned from the closed-form effect of each mix on held-out loss.

Algorithm 1 of the paper trains a network for each reward and learns from one number a
time. Here the regression model is kernel ridge on features of the kernel of a wide
network, whose held-out loss can be differentiated by the weight of every single mix.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from .device import to_device
from .policy import PolicyLearner

RIDGE_STRENGTHS = (1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
# Rows that are multiplied at a time.
BLOCK_SIZE = 2**16


class Ridge(NamedTuple):
    """Weighted ridge regression, for several ridge strengths at once.

    Attributes
    ----------
    betas : Tensor of shape (a, p, t)
        Coefficients A^-1 sum w phi y^T / sum w.

    factors : Tensor of shape (a, p, p)
        Cholesky factors of A = sum w phi phi^T / sum w + alpha I.
    """

    betas: Tensor
    factors: Tensor


def ridge(features: Tensor, targets: Tensor, weights: Tensor, alphas: Tensor) -> Ridge:
    """Fit weighted ridge regression, a block of rows at a time.

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
    model : Ridge
        Coefficients and Cholesky factors, for each ridge strength.
    """
    total = weights.sum()
    gram = features.new_zeros(features.shape[1], features.shape[1])
    cross = features.new_zeros(features.shape[1], targets.shape[1])
    for block in weights.nonzero()[:, 0].split(BLOCK_SIZE):
        weighted = features[block] * weights[block, None]
        gram += weighted.T @ features[block]
        cross += weighted.T @ targets[block]
    ridges = gram / total + alphas[:, None, None] * torch.eye(len(gram)).to(gram)
    factors = torch.linalg.cholesky(ridges)
    return Ridge(torch.cholesky_solve(cross / total, factors), factors)


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


class InfluenceLearner(PolicyLearner):
    """Learns the value network by the influence of each mix on the held-out loss.

    Parameters
    ----------
    *arguments
        Rows, options and slots; see `PolicyLearner`.

    features : ndarray or Tensor of shape (n + m, p)
        Kernel features of the training rows, then of all distinct mixes.

    targets : ndarray of shape (n + m, t)
        Their labels.

    features_val, targets_val : ndarray of shape (v, p), (v, t)
        Kernel features and labels of the held-out rows to learn from.

    **settings
        Of the network and its training; see `PolicyLearner`.
    """

    def __init__(
        self,
        *arguments: Any,
        features: NDArray | Tensor,
        targets: NDArray | Tensor,
        features_val: NDArray | Tensor,
        targets_val: NDArray | Tensor,
        **settings: Any,
    ) -> None:
        super().__init__(*arguments, **settings)
        self.features, self.targets, self.features_val, self.targets_val = (
            to_device(part, self.device)
            for part in (features, targets, features_val, targets_val)
        )
        self.alphas = torch.tensor(RIDGE_STRENGTHS, device=self.device)

    def step(self) -> dict[str, float]:
        """One update: draw a batch and actions, move h along the influence."""
        draw = self.draw()
        h = torch.sigmoid(draw.logits)
        (chosen,) = self.act(draw.logits)

        # Only the batch and its mixes count; a mix that two rows make counts once.
        distinct, place = draw.mixes[draw.wanted].unique(return_inverse=True)
        places = torch.zeros_like(draw.mixes)
        places[draw.wanted] = place
        makers = torch.zeros(len(distinct), device=self.device)
        makers.index_put_(
            (places[draw.wanted & chosen[:, None]],),
            torch.ones((), device=self.device),
            accumulate=True,
        )
        rows = torch.cat([draw.batch, self.n_rows + distinct])
        weights = torch.cat([torch.ones_like(h.detach()), (makers > 0).float()])
        loss, gradient = held_out_loss(
            self.features[rows],
            self.targets[rows],
            weights,
            self.features_val,
            self.targets_val,
            self.alphas,
        )

        # What row i adds: the mixes of its option that no other chosen row makes.
        alone = makers[places] - chosen[:, None].float() < 0.5
        effect = (gradient[len(h) :][places] * (draw.wanted & alone)).sum(1)
        scale = effect.std(correction=0).clamp_min(1e-12) * len(h) ** 0.5
        self.descend(h @ effect / scale)
        return {
            "objective": float(loss),
            "n_mixes": int((makers > 0).sum()),
            "mean_probability": float(h.detach().mean()),
        }

    @torch.no_grad()
    def losses_of(self, selections: Sequence[NDArray[np.intp]]) -> list[float]:
        """Held-out losses of the training rows with selections of the mixes."""
        return [float(self._fit(mixes)[1].min()) for mixes in selections]

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
        betas, losses = self._fit(mixes)
        return features @ betas[losses.argmin()].cpu().numpy()

    def _fit(self, mixes: NDArray[np.intp]) -> tuple[Tensor, Tensor]:
        """Coefficients for each ridge strength, and their held-out losses."""
        weights = torch.zeros(len(self.features), device=self.device)
        weights[: self.n_rows] = 1.0
        weights[self.n_rows + torch.as_tensor(mixes, device=self.device)] = 1.0
        betas, _ = ridge(self.features, self.targets, weights, self.alphas)
        residuals = self.features_val @ betas - self.targets_val
        return betas, (residuals**2).sum((1, 2)) / len(residuals[0])
