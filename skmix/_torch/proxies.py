"""Networks that estimators make: of their own design, and those of the user."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from itertools import pairwise

import torch
from torch import nn

from .cut import evaluating, first_output
from .random import own_random_state


def make_mlp(sizes: Sequence[int]) -> nn.Sequential:
    """Blocks of a linear layer and a ReLU, and a linear layer.

    Parameters
    ----------
    sizes : sequence of int
        Number of inputs, of units of each hidden layer, and of outputs.

    Returns
    -------
    network : nn.Sequential
        The network; its blocks are its layers.
    """
    blocks: list[nn.Module] = [
        nn.Sequential(nn.Linear(n_inputs, n_units), nn.ReLU())
        for n_inputs, n_units in pairwise(sizes[:-1])
    ]
    return nn.Sequential(nn.Flatten(), *blocks, nn.Linear(sizes[-2], sizes[-1]))


def make_cnn(shape: Sequence[int], n_outputs: int) -> nn.Sequential:
    """Make a small convolutional network for images.

    Parameters
    ----------
    shape : sequence of int
        Channels, height and width.

    n_outputs : int
        Number of outputs.

    Returns
    -------
    network : nn.Sequential
        Two convolutions, each pooled, and a linear layer. Nothing in it is random or
        depends on the batch.
    """
    channels, height, width = shape
    # Images of fewer than four pixels a side are not pooled twice.
    pools = [
        nn.MaxPool2d(2) if min(height, width) >= 2**k else nn.Identity() for k in (1, 2)
    ]
    shrink = [2 ** sum(isinstance(p, nn.MaxPool2d) for p in pools)]
    sides = [side // shrink[0] for side in (height, width)]
    return nn.Sequential(
        nn.Sequential(nn.Conv2d(channels, 16, 3, padding=1), nn.ReLU(), pools[0]),
        nn.Sequential(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), pools[1]),
        nn.Flatten(),
        nn.Linear(32 * sides[0] * sides[1], n_outputs),
    )


def build(make: Callable[[], nn.Module], seed: int) -> nn.Module:
    """Make a network with initial weights from a seed.

    It is a copy: a function may hand out the same network each time.
    """
    with own_random_state(seed):
        return deepcopy(make())


def check_network(
    network: nn.Module, shape: tuple[int, ...], n_classes: int, seed: int
) -> nn.Module:
    """Check that a network turns rows of a shape into a logit for each class.

    Raises
    ------
    ValueError
        If it does not; the message has what it makes of two rows.
    """
    if not isinstance(network, nn.Module):
        raise ValueError(
            "module must be a function that returns a torch.nn.Module for "
            f"(input_shape, n_classes), got {type(network).__name__} from it."
        )
    # Layers that find out their size at the first rows draw their weights then.
    with own_random_state(seed), torch.no_grad(), evaluating(network):
        outputs = first_output(network(torch.zeros(2, *shape)))
    if outputs.shape != (2, n_classes):
        raise ValueError(
            f"module must return a network with {n_classes} outputs to a row: it makes "
            f"{tuple(outputs.shape)} of two rows of shape {shape}."
        )
    return network
