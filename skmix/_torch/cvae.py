"""A variational autoencoder (VAE) that is told the class, to make rows of a class.

It stands for the generator of Bayesian generative active deep learning, BGADL (Tran,
Do, Reid and Carneiro, 2019). `vaal` uses the same VAE without classes.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import Any

import numpy as np
import torch
from numpy.typing import DTypeLike, NDArray
from torch import Tensor, nn
from torch.nn.functional import one_hot

from .adamixup import multilayer
from .mlp import draw_batches

# Variance of a value around what a VAE decodes, for rows of about unit variance. With
# the 1 that is often left out of the formula, values that vary apart from each other
# pass for noise, and codes tell nothing.
VARIANCE = 0.1

# Losses are looked at after this many updates.
CHECK_EVERY = 25

# Rows that pass through a network at once, when nothing is trained.
BLOCK_SIZE = 2**13


def to_tensor(
    X: NDArray, device: torch.device, dtype: DTypeLike = np.float32
) -> Tensor:
    """Copy an array; it may be a view of any strides, or read-only."""
    return torch.tensor(np.ascontiguousarray(X, dtype=dtype), device=device)


def check_finite(values: Tensor, learning_rate: float, where: str = "X") -> None:
    """Refuse a training whose losses or results are not finite."""
    if not bool(values.isfinite().all()):
        raise ValueError(
            f"The training diverged with learning_rate={learning_rate}: values are not "
            f"finite. Lower it, and look for extreme values in {where}."
        )


class Trained:
    """A network that has been trained. Its pickles and copies compute on the CPU.

    Parameters
    ----------
    network : nn.Module
        The network; from here on its weights get no gradients.

    interrupted : bool
        Whether Ctrl-C ended the training early.
    """

    network: nn.Module

    def __init__(self, network: nn.Module, interrupted: bool) -> None:
        network.requires_grad_(False).zero_grad()
        self.network = network
        self.interrupted = interrupted

    @property
    def device(self) -> torch.device:
        """Where the network computes."""
        return next(self.network.parameters()).device

    def __getstate__(self) -> dict[str, Any]:
        # Whoever opens a pickle need not have the same device.
        return {**self.__dict__, "network": deepcopy(self.network).cpu()}


class Autoencoder(nn.Module):
    """Both halves of a VAE: multilayer perceptrons with the same hidden layers.

    Parameters
    ----------
    n_values : int
        Number of values p of a row.

    latent_size : int
        Number of values d of its code.

    hidden_layer_sizes : sequence of int
        Units of the hidden layers of the encoder; the decoder has them in reverse.

    n_classes : int
        Number of classes, if both halves are told that of a row; else 0.
    """

    def __init__(
        self,
        n_values: int,
        latent_size: int,
        hidden_layer_sizes: Sequence[int],
        n_classes: int = 0,
    ) -> None:
        super().__init__()
        hidden = list(hidden_layer_sizes)
        self.encoder = multilayer(n_values + n_classes, *hidden, 2 * latent_size)
        self.decoder = multilayer(latent_size + n_classes, *hidden[::-1], n_values)
        self.latent_size, self.n_classes = latent_size, n_classes

    def encode(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log-variance of the codes of rows, each (m, d)."""
        mean, log_variance = self.encoder(rows).chunk(2, dim=1)
        return mean, log_variance

    def forward(
        self, rows: Tensor, noise: Tensor, classes: Tensor | None = None
    ) -> tuple[Tensor, Tensor, Tensor]:
        """Encode rows, draw a code of each, and decode it.

        Parameters
        ----------
        rows : Tensor of shape (m, p)
            The rows.

        noise : Tensor of shape (m, d)
            Standard normal noise that the codes are made of.

        classes : Tensor of shape (m,), optional
            Class of each row, if the halves are told it.

        Returns
        -------
        decoded, mean, log_variance : Tensor of shape (m, p), (m, d), (m, d)
            The rows anew, and the normal distributions of the codes.
        """
        told = rows[:, :0]
        if classes is not None:
            told = one_hot(classes, self.n_classes).to(rows)
        mean, log_variance = self.encode(torch.cat([rows, told], dim=1))
        draws = mean + (0.5 * log_variance).exp() * noise
        return self.decoder(torch.cat([draws, told], dim=1)), mean, log_variance


def negative_elbo(
    rows: Tensor, decoded: Tensor, mean: Tensor, log_variance: Tensor, beta: float = 1.0
) -> Tensor:
    """Minus the evidence lower bound of a VAE, up to a constant; the mean over rows.

    Parameters
    ----------
    rows, decoded, mean, log_variance : Tensor
        Rows, and what `Autoencoder` makes of them.

    beta : float
        Weight of the divergence.

    Returns
    -------
    loss : Tensor of shape ()
        |x - decoded|^2 / (2 VARIANCE) + beta KL, in nats, with KL the divergence of the
        distribution of a code from the standard normal one.
    """
    error = (decoded - rows).square().sum(dim=1) / (2 * VARIANCE)
    divergence = 0.5 * (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=1)
    return (error + beta * divergence).mean()


class Cvae(Trained):
    """Makes of each row another one of its class."""

    network: Autoencoder

    @torch.no_grad()
    def generate(
        self, X: NDArray, codes: NDArray[np.integer], seed: int
    ) -> NDArray[np.float32]:
        """Encode rows, draw a code of each, and decode it as the same class.

        Parameters
        ----------
        X : ndarray of shape (m, ...)
            Rows, of the shape and scale of those that were trained on; training need
            not have seen them.

        codes : ndarray of shape (m,)
            Their classes.

        seed : int
            Seed of the draws.

        Returns
        -------
        X : ndarray of shape (m, ...)
            New rows, without the noise of the decoder.
        """
        rows = to_tensor(X, self.device).flatten(1)
        # On the CPU, so that all devices see the same draws.
        generator = torch.Generator().manual_seed(seed)
        noise = torch.randn(len(rows), self.network.latent_size, generator=generator)
        classes = to_tensor(codes, self.device, np.int64)
        parts = (rows, noise.to(self.device), classes)
        blocks = zip(*(part.split(BLOCK_SIZE) for part in parts), strict=True)
        decoded = [self.network(*block)[0] for block in blocks]
        return torch.cat(decoded).cpu().numpy().reshape(X.shape)


def train_cvae(
    X: NDArray,
    codes: NDArray[np.integer],
    n_classes: int,
    *,
    latent_size: int,
    hidden_layer_sizes: Sequence[int],
    learning_rate: float,
    batch_size: int,
    max_iter: int,
    device: torch.device,
    seed: int,
) -> Cvae:
    """Train a conditional VAE on labelled rows.

    Parameters
    ----------
    X : ndarray of shape (n, ...)
        Labelled rows, scaled to about unit variance; tables or images.

    codes : ndarray of shape (n,)
        Their classes, from 0 to `n_classes` - 1.

    n_classes : int
        Number of classes; not all need have rows.

    latent_size : int
        Number of values of a code.

    hidden_layer_sizes : sequence of int
        Units of the hidden layers of the encoder; the decoder has them in reverse.

    learning_rate : float
        Step size of Adam.

    batch_size : int
        Number of rows in a batch.

    max_iter : int
        Number of updates.

    device : torch.device
        Where to compute.

    seed : int
        Seed of the initial weights and of the draws.

    Returns
    -------
    cvae : Cvae
        What has been learned; after Ctrl-C, what has been learned so far.

    Raises
    ------
    ValueError
        If the training diverges.

    Notes
    -----
    This is a simplification. BGADL joins a VAE with an auxiliary-classifier GAN
    (VAE-ACGAN): a discriminator tells real rows from decoded ones, and a classifier,
    which is the one to be trained, has to find the class in them. Here a VAE is told
    the class, in the encoder and in the decoder, and nothing else judges what it makes.
    Rows are flattened for multilayer perceptrons, where the paper has convolutions.
    """
    rows, classes = to_tensor(X, device).flatten(1), to_tensor(codes, device, np.int64)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = Autoencoder(rows.shape[1], latent_size, hidden_layer_sizes, n_classes)
    network.to(device)
    adam = torch.optim.Adam(network.parameters(), lr=learning_rate, fused=True)
    batches = draw_batches(len(rows), batch_size, seed)
    # On the CPU, so that all devices see the same draws.
    generator = torch.Generator().manual_seed(seed)
    interrupted = False
    try:
        for iteration in range(max_iter):
            batch = next(batches).to(device)
            noise = torch.randn(len(batch), latent_size, generator=generator).to(device)
            outputs = network(rows[batch], noise, classes[batch])
            loss = negative_elbo(rows[batch], *outputs)
            adam.zero_grad()
            loss.backward()
            adam.step()
            if iteration % CHECK_EVERY == 0:
                check_finite(loss, learning_rate)
    except KeyboardInterrupt:
        interrupted = True
    cvae = Cvae(network, interrupted)
    check_finite(torch.from_numpy(cvae.generate(X, codes, seed)), learning_rate)
    return cvae
