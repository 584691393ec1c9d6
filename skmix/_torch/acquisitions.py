"""Acquisition scores of class probabilities, for learning by their gradients."""

from __future__ import annotations

import torch
from torch import Tensor

TINY = 1e-12


def entropy(probabilities: Tensor) -> Tensor:
    """Entropy of probabilities (..., c), in nats."""
    # At 0 the slope of -p log p is infinite, and the gradient would be NaN.
    return torch.special.entr(probabilities.clamp_min(TINY)).sum(dim=-1)


def var_ratio(probabilities: Tensor) -> Tensor:
    """One less the greatest of the probabilities (..., c)."""
    return 1 - probabilities.max(dim=-1).values


def margin(probabilities: Tensor) -> Tensor:
    """One less the difference of the two greatest of the probabilities (..., c)."""
    greatest = probabilities.topk(2, dim=-1).values
    return 1 - (greatest[..., 0] - greatest[..., 1])


def bald(members: Tensor) -> Tensor:
    """Entropy of the mean less mean entropy of probabilities (t, n, c)."""
    return entropy(members.mean(dim=0)) - entropy(members).mean(dim=0)
