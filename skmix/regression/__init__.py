"""Resamplers for regression: MixRL and the recipes that it is compared with."""

from ._cmixup import CMixupResampler
from ._mixrl import MixRLResampler
from ._mixup import MixupResampler

__all__ = ["CMixupResampler", "MixRLResampler", "MixupResampler"]
