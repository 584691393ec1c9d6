"""Imbalanced classification: learned mixing, and what it is compared with."""

from ._average import AverageSampler
from ._mixboost import MixBoostSampler
from ._mixup import MixupSampler

__all__ = ["AverageSampler", "MixBoostSampler", "MixupSampler"]
