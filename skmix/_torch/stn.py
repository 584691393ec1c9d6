"""A spatial transformer within bounds, for STN and InfoSTN of LADA (Kim et al., 2020).

A spatial transformer (Jaderberg et al., 2015) turns, scales and shifts an image; here
only as far as its label is likely to hold. InfoSTN learns how, image by image.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import deepcopy
from itertools import islice
from math import ceil, inf, pi

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import affine_grid, grid_sample

from .adamixup import multilayer
from .cvae import BLOCK_SIZE, Trained, check_finite, to_tensor
from .mlp import draw_batches
from .random import own_random_state

# How far an image may be turned (in radians), scaled up or down, and shifted (as a part
# of its width or height).
MAX_ROTATION = 15 * pi / 180
MAX_SCALE = 1.15
MAX_SHIFT = 0.1

# Height and width that images are averaged to for the localisation network, at most.
POOLED_SIZE = 8

# Scores (b,) of images (b, c, h, w), differentiable.
Score = Callable[[Tensor], Tensor]


def affine_matrices(raw: Tensor, aspect: float = 1.0) -> Tensor:
    """Turn any numbers into affine maps within the bounds.

    Parameters
    ----------
    raw : Tensor of shape (n, 4)
        Of each image the rotation, the logarithm of the scale, and the shifts in x and
        y, as parts of their bounds before a hyperbolic tangent. 0 is none, and so is
        NaN.

    aspect : float
        Height of the images divided by their width.

    Returns
    -------
    matrices : Tensor of shape (n, 2, 3)
        For each place (x, y, 1) of the new image the place (x, y) of the old one that
        it shows, both from -1 to 1. It is a window on the old image that is turned
        clockwise, is larger than the image by the scale, and is shifted to the right
        and down: what is seen in it moves the other way.
    """
    # At a place that is NaN, the backward pass of torch's sampling crashes Python.
    rotation, log_scale, x, y = raw.tanh().nan_to_num().unbind(dim=1)
    angle, scale = MAX_ROTATION * rotation, MAX_SCALE**log_scale
    cos, sin = scale * angle.cos(), scale * angle.sin()
    # Places count in halves of the width and of the height: what turns pixels does not
    # turn them, unless the image is square. The whole width is 2.
    matrix = [
        [cos, -sin * aspect, 2 * MAX_SHIFT * x],
        [sin / aspect, cos, 2 * MAX_SHIFT * y],
    ]
    return torch.stack([torch.stack(row, dim=1) for row in matrix], dim=1)


def transform(images: Tensor, raw: Tensor) -> Tensor:
    """Turn, scale and shift images, differentiable in both arguments.

    Parameters
    ----------
    images : Tensor of shape (n, c, h, w)
        The images.

    raw : Tensor of shape (n, 4)
        How, see `affine_matrices`.

    Returns
    -------
    images : Tensor of shape (n, c, h, w)
        The new images. Between pixels they are bilinear; what lies outside of an image
        is as its nearest pixel.
    """
    matrices = affine_matrices(raw, images.shape[2] / images.shape[3])
    grid = affine_grid(matrices, list(images.shape), align_corners=False)
    return grid_sample(images, grid, padding_mode="border", align_corners=False)


def draw_raw(n: int, seed: int) -> NDArray[np.float32]:
    """Draw parameters (n, 4) of `affine_matrices`, uniform within the bounds."""
    shares = torch.rand(n, 4, generator=torch.Generator().manual_seed(seed))
    # tanh(logit(u) / 2) = 2 u - 1. At 0 and at 1 it would be infinite.
    return (shares.logit(eps=1e-6) / 2).numpy()


class Localisation(nn.Module):
    """The localisation network: parameters for each image, 0 before it is trained.

    Parameters
    ----------
    images : Tensor of shape (n, c, h, w)
        The images to be trained on. What the network sees is standardised by them:
        otherwise it sees how bright all are, before it sees how they differ, and
        proposes the same for all.

    hidden_layer_sizes : sequence of int
        Units of the hidden layers.
    """

    mean: Tensor
    spread: Tensor

    def __init__(self, images: Tensor, hidden_layer_sizes: Sequence[int]) -> None:
        super().__init__()
        height, width = (min(side, POOLED_SIZE) for side in images.shape[2:])
        self.pool = nn.Sequential(nn.AdaptiveAvgPool2d((height, width)), nn.Flatten())
        values = self.pool(images)
        self.register_buffer("mean", values.mean(dim=0))
        # One for all values: one that never changes must not count more than others.
        spread = (values - self.mean).square().mean().sqrt()
        self.register_buffer("spread", spread.clamp_min(1e-6))
        self.layers = multilayer(values.shape[1], *hidden_layer_sizes, 4)
        for weight in self.layers[-1].parameters():
            nn.init.zeros_(weight)

    def forward(self, images: Tensor) -> Tensor:
        """Parameters (n, 4) of `affine_matrices` for images (n, c, h, w)."""
        return self.layers((self.pool(images) - self.mean) / self.spread)


class Stn(Trained):
    """Proposes for each image how to transform it."""

    @torch.no_grad()
    def raw(self, X: NDArray) -> NDArray[np.float32]:
        """Parameters (n, 4) of `affine_matrices` for images (n, c, h, w), in blocks."""
        blocks = to_tensor(X, self.device).split(BLOCK_SIZE)
        return torch.cat([self.network(block) for block in blocks]).cpu().numpy()


def train_stn(
    X: NDArray,
    score: Score,
    *,
    hidden_layer_sizes: Sequence[int],
    learning_rate: float,
    batch_size: int,
    max_iter: int,
    device: torch.device,
    seed: int,
) -> Stn:
    """Learn to transform images so that their mean score is highest (Eq. 6).

    Parameters
    ----------
    X : ndarray of shape (n, c, h, w)
        The images.

    score : function
        Takes images (b, c, h, w) on `device` and returns scores (b,), differentiable.
        A network in it is left as it is, its gradients too.

    hidden_layer_sizes : sequence of int
        Units of the hidden layers of the localisation network.

    learning_rate : float
        Step size of Adam.

    batch_size : int
        Number of images in a batch.

    max_iter : int
        Number of updates.

    device : torch.device
        Where to compute.

    seed : int
        Seed of the initial weights, of the batches, and of what the score draws;
        torch's own generators are left as they are.

    Returns
    -------
    stn : Stn
        What has been learned; after Ctrl-C, what has been learned so far. It is the
        best after any pass over the images, or the start, which changes no image.

    Raises
    ------
    ValueError
        If the scores are not finite, or the training diverges.

    Notes
    -----
    The paper leaves InfoSTN to an appendix that we have not seen. Without bounds the
    score is highest where nothing is left of the image: they are our choice, and so is
    the localisation network.
    """
    images = to_tensor(X, device)
    best_score, n_iter, interrupted = -inf, 0, False
    n_batches = ceil(len(images) / batch_size)
    with own_random_state(seed, device):
        network = Localisation(images, hidden_layer_sizes).to(device)
        weights = list(network.parameters())
        adam = torch.optim.Adam(weights, lr=learning_rate, fused=True)
        batches = draw_batches(len(images), batch_size, seed)
        best = deepcopy(network.state_dict())

        def scores_of(batch: Tensor) -> Tensor:
            raw = network(batch)
            scores = score(transform(batch, raw))
            values = torch.cat([raw.detach().flatten(), scores.detach()])
            check_finite(values, learning_rate, "X, the score and its gradient")
            return scores

        try:
            while True:
                with torch.no_grad():
                    blocks = [scores_of(block) for block in images.split(batch_size)]
                latest = float(torch.cat(blocks).mean())
                if latest > best_score:
                    best, best_score = deepcopy(network.state_dict()), latest
                if n_iter == max_iter:
                    break
                for places in islice(batches, min(n_batches, max_iter - n_iter)):
                    loss = -scores_of(images[places.to(device)]).mean()
                    # Not by backward(), which leaves gradients in the score's network.
                    gradients = torch.autograd.grad(loss, weights)
                    for weight, gradient in zip(weights, gradients, strict=True):
                        weight.grad = gradient
                    adam.step()
                    n_iter += 1
        except KeyboardInterrupt:
            interrupted = True
    network.load_state_dict(best)
    return Stn(network, interrupted)


@torch.no_grad()
def transform_images(X: NDArray, raw: NDArray) -> NDArray:
    """Transform images (n, c, h, w) by parameters (n, 4), in blocks; dtypes stay."""
    blocks = [
        transform(
            torch.tensor(np.ascontiguousarray(X[begin : begin + BLOCK_SIZE])).float(),
            torch.tensor(raw[begin : begin + BLOCK_SIZE]),
        )
        for begin in range(0, len(X), BLOCK_SIZE)
    ]
    images = torch.cat(blocks).numpy() if blocks else np.empty(X.shape, np.float32)
    return (np.rint(images) if X.dtype.kind in "iu" else images).astype(X.dtype)
