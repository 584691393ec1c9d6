"""Training of a classifier with mixes at a hidden layer, Eq. 17 to 19 of LADA.

Kim, Song, Jang and Moon, "LADA: look-ahead data acquisition via augmentation for active
learning", arXiv 2020.
"""

from __future__ import annotations

from collections.abc import Callable
from math import isfinite, nan

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, one_hot

from .cut import Cut, block_size, evaluating, first_output
from .random import own_random_state

# Gives pairs of one epoch, places (m, 2) of rows, and the share of the first in each.
DrawMixes = Callable[[np.random.RandomState], tuple[NDArray[np.intp], NDArray]]


def soft_losses(
    outputs: Tensor, first: Tensor, second: Tensor, ratio: Tensor
) -> Tensor:
    """Cross-entropy of logits (n, c) with mixed labels, Eq. 19, one to a row.

    Parameters
    ----------
    outputs : Tensor of shape (n, c)
        Logits.

    first, second : Tensor of shape (n,)
        Classes of both rows of each pair.

    ratio : Tensor of shape (n,)
        Share of the first.

    Returns
    -------
    losses : Tensor of shape (n,)
        -sum_c y_c log p_c with y = ratio e_first + (1 - ratio) e_second.
    """
    n_classes = outputs.shape[1]
    share = ratio.to(outputs)[:, None]
    target = share * one_hot(first, n_classes)
    target = target + (1 - share) * one_hot(second, n_classes)
    return cross_entropy(outputs, target, reduction="none")


def train_classifier(
    network: nn.Module,
    rows: NDArray[np.float32],
    labels: NDArray[np.integer],
    weight: NDArray[np.float64],
    draw_mixes: DrawMixes | None,
    layer: str | int,
    *,
    learning_rate: float,
    batch_size: int,
    max_iter: int,
    seed: int,
) -> tuple[list[float], list[float], bool]:
    """Train a network, and leave it in evaluation mode.

    Parameters
    ----------
    network : nn.Module
        The network, with a logit for each class, on the device.

    rows : ndarray of shape (n, ...)
        Training rows.

    labels : ndarray of shape (n,)
        Places of their classes.

    weight : ndarray of shape (n,)
        Weights of the rows.

    draw_mixes : callable or None
        What is mixed in an epoch.

    layer : str or int
        Where it is mixed.

    learning_rate : float
        Step size of Adam.

    batch_size : int
        Number of rows, or of mixes, in a batch.

    max_iter : int
        Number of epochs.

    seed : int
        Seed of the batches, of the mixes and of dropout.

    Returns
    -------
    losses : list of float
        Mean loss of the rows in each epoch, Eq. 18.

    mixed_losses : list of float
        That of the mixes, Eq. 19; NaN without.

    interrupted : bool
        Whether a KeyboardInterrupt ended the training.

    Raises
    ------
    ValueError
        If the loss is no longer finite.

    Notes
    -----
    An epoch makes a pass over the rows and one over the mixes, with a step of Adam
    from each batch. A single row counts twice, and a single pair is mixed twice, for
    layers that normalise over a batch. The authors' program makes the step from the
    mixes without setting the gradient to zero, so that the last batch of rows counts
    twice; ours does not.
    """
    device = next(network.parameters()).device
    if len(rows) == 1:
        rows, labels, weight = (np.repeat(v, 2, axis=0) for v in (rows, labels, weight))
    X = torch.as_tensor(rows, dtype=torch.float32, device=device)
    y = torch.as_tensor(labels, dtype=torch.int64, device=device)
    w = torch.as_tensor(weight / weight.mean(), dtype=torch.float32, device=device)
    cut = Cut(network, layer)
    adam = torch.optim.Adam(network.parameters(), lr=learning_rate, fused=True)
    rng = np.random.RandomState(seed)
    history: list[float] = []
    mixed_history: list[float] = []

    def step(loss: Tensor) -> Tensor:
        adam.zero_grad()
        loss.backward()
        adam.step()
        return loss.detach()

    def mean(losses: list[Tensor]) -> float:
        return float(torch.stack(losses).mean()) if losses else nan

    network.train()
    interrupted = False
    try:
        with own_random_state(seed, device):
            for _ in range(max_iter):
                losses, mixed_losses = [], []
                for batch in _batches(rng.permutation(len(X)), batch_size):
                    outputs = first_output(network(X[batch]))
                    loss = cross_entropy(outputs, y[batch], reduction="none")
                    losses.append(step((w[batch] * loss).mean()))
                if draw_mixes is not None:
                    pairs, ratios = draw_mixes(rng)
                    if len(pairs) == 1:
                        pairs = np.repeat(pairs, 2, axis=0)
                        ratios = np.append(ratios, draw_mixes(rng)[1])
                    for places in _batches(rng.permutation(len(pairs)), batch_size):
                        a, b = pairs[places].T
                        ratio = torch.as_tensor(ratios[places]).to(X)
                        outputs = cut.mixed_output(X[a], X[b], ratio)
                        loss = soft_losses(outputs, y[a], y[b], ratio)
                        share = ratio * w[a] + (1 - ratio) * w[b]
                        mixed_losses.append(step((share * loss).mean()))
                history.append(mean(losses))
                mixed_history.append(mean(mixed_losses))
                if not isfinite(history[-1]):
                    raise ValueError(
                        f"The training diverged with learning_rate={learning_rate}: "
                        "the loss is not finite. Lower it, and look for extreme values "
                        "in X."
                    )
    except KeyboardInterrupt:
        interrupted = True
    finally:
        network.eval()
    return history, mixed_history, interrupted


def _batches(order: NDArray[np.intp], batch_size: int) -> list[NDArray[np.intp]]:
    """Cut an order into batches; a single row is not left over for the last one.

    Layers that normalise over a batch cannot work on one row.
    """
    ends = list(range(batch_size, len(order), batch_size))
    if ends and len(order) - ends[-1] == 1:
        ends.pop()
    return np.split(order, ends)


@torch.no_grad()
def probabilities(
    network: nn.Module,
    X: NDArray,
    scale: Callable[[NDArray], NDArray[np.float32]],
) -> NDArray[np.float64]:
    """Class probabilities of rows, scaled and predicted in blocks of them."""
    device = next(network.parameters()).device
    size = block_size(X.shape[1:], device)
    parts = []
    with evaluating(network):
        for begin in range(0, len(X), size):
            block = torch.as_tensor(scale(X[begin : begin + size]), device=device)
            outputs = first_output(network(block))
            parts.append(outputs.cpu().double().softmax(dim=1))
    return torch.cat(parts).numpy()
