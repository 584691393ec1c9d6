"""Resamplers for regression: MixRL, what it is compared with, and its network."""

from ._adamixup import AdaMixupResampler
from ._cmixup import CMixupResampler
from ._knnmixup import KNNMixupResampler
from ._mixrl import MixRLResampler
from ._mixup import MixupResampler
from ._network import NetworkRegressor

__all__ = [
    "AdaMixupResampler",
    "CMixupResampler",
    "KNNMixupResampler",
    "MixRLResampler",
    "MixupResampler",
    "NetworkRegressor",
]
