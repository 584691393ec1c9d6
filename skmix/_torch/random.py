"""Torch's own random state, which belongs to the user."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import torch


@contextmanager
def own_random_state(seed: int, device: torch.device | None = None) -> Iterator[None]:
    """Let layers draw from a seed for a while, and leave torch's state as it was.

    Parameters
    ----------
    seed : int
        The seed.

    device : torch.device, default=None
        A GPU that is drawn on, besides the CPU.
    """
    gpus = [device] if device is not None and device.type == "cuda" else []
    with torch.random.fork_rng(devices=gpus):
        torch.manual_seed(seed)
        yield
