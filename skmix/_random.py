"""Randomness: one RandomState per call, from which integer seeds are drawn."""

import numpy as np
from numpy.random import RandomState

_MAX_SEED = np.iinfo(np.int32).max


def draw_seed(rng: RandomState) -> int:
    """Draw an integer seed for a component that keeps its own randomness."""
    return int(rng.randint(_MAX_SEED))
