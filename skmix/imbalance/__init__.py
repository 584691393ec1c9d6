"""Imbalanced classification: learned mixing, and what it is compared with."""

from ._autosmote import AutoSMOTESampler
from ._average import AverageSampler
from ._hierarchy import HierarchicalPolicy
from ._mixann import MixAnNSampler
from ._mixboost import MixBoostSampler
from ._mixup import MixupSampler
from ._network import NetworkClassifier
from ._policy import UnionPolicy, WalkPolicy
from ._rewards import Confidence, Improvement

__all__ = [
    "AutoSMOTESampler",
    "AverageSampler",
    "Confidence",
    "HierarchicalPolicy",
    "Improvement",
    "MixAnNSampler",
    "MixBoostSampler",
    "MixupSampler",
    "NetworkClassifier",
    "UnionPolicy",
    "WalkPolicy",
]
