"""Imbalanced classification: learned mixing, and what it is compared with."""

from ._average import AverageSampler
from ._mixann import MixAnNSampler
from ._mixboost import MixBoostSampler
from ._mixup import MixupSampler
from ._policy import UnionPolicy, WalkPolicy

__all__ = [
    "AverageSampler",
    "MixAnNSampler",
    "MixBoostSampler",
    "MixupSampler",
    "UnionPolicy",
    "WalkPolicy",
]
