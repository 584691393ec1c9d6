"""Variational adversarial active learning, VAAL (Sinha, Ebrahimi and Darrell, 2019).

A variational autoencoder (VAE) codes labelled rows and rows of the pool, and a
discriminator tells from the code of a row whether the row has a label. The rows that
look least like labelled ones are the rows to ask for.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import softplus

from .adamixup import multilayer
from .cvae import (
    BLOCK_SIZE,
    CHECK_EVERY,
    Autoencoder,
    Trained,
    check_finite,
    negative_elbo,
    to_tensor,
)
from .mlp import draw_batches

# Updates of the VAE for each one of the discriminator, as in the paper.
N_VAE_STEPS = 2


class VaalNetwork(nn.Module):
    """The VAE and the discriminator.

    Parameters
    ----------
    n_values : int
        Number of values p of a row.

    latent_size : int
        Number of values d of its code.

    hidden_layer_sizes : sequence of int
        Units of the hidden layers of encoder, decoder (reversed) and discriminator.

    seed : int
        Seed of the initial weights; torch's own generator is left as it is.
    """

    def __init__(
        self,
        n_values: int,
        latent_size: int,
        hidden_layer_sizes: Sequence[int],
        seed: int,
    ) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.autoencoder = Autoencoder(n_values, latent_size, hidden_layer_sizes)
            self.discriminator = multilayer(latent_size, *hidden_layer_sizes, 1)

    def logits(self, mean: Tensor) -> Tensor:
        """Logits (m,) of D: probabilities that rows of these codes have a label."""
        return self.discriminator(mean)[:, 0]


def vae_loss(
    network: VaalNetwork,
    rows: Sequence[Tensor],
    noise: Sequence[Tensor],
    beta: float,
    adversary_weight: float,
) -> Tensor:
    """What the VAE minimises.

    Parameters
    ----------
    network : VaalNetwork
        The networks.

    rows : two Tensors of shape (b, p)
        A batch of labelled rows and one of the pool.

    noise : two Tensors of shape (b, d)
        Standard normal noise that their codes are made of.

    beta, adversary_weight : float
        See `train_vaal`.

    Returns
    -------
    loss : Tensor of shape ()
        The sum over both batches of `negative_elbo` and, with a weight, of
        - mean log D(mu(x)): the discriminator shall take all rows for labelled ones.
    """
    loss = torch.zeros((), device=rows[0].device)
    for x, draw in zip(rows, noise, strict=True):
        decoded, mean, log_variance = network.autoencoder(x, draw)
        loss = loss + negative_elbo(x, decoded, mean, log_variance, beta)
        loss = loss + adversary_weight * softplus(-network.logits(mean)).mean()
    return loss


def discriminator_loss(network: VaalNetwork, rows: Sequence[Tensor]) -> Tensor:
    """What the discriminator minimises: - mean log D(mu(x)) - mean log(1 - D(mu(x'))).

    x are the labelled rows, x' those of the pool. The encoder counts as constant.
    """
    with torch.no_grad():
        labelled, pool = (network.autoencoder.encode(x)[0] for x in rows)
    return (
        softplus(-network.logits(labelled)).mean()
        + softplus(network.logits(pool)).mean()
    )


class Vaal(Trained):
    """Scores rows by how little they look like labelled ones: 1 - D(mu(x))."""

    network: VaalNetwork

    def latent_mean(self, rows: Tensor) -> Tensor:
        """Mean codes (m, d) of rows of any shape (m, ...), differentiable."""
        # Callers may compute in another precision, or on another device.
        weight = next(self.network.parameters())
        return self.network.autoencoder.encode(rows.flatten(1).to(weight))[0]

    def scores(self, rows: Tensor) -> Tensor:
        """Scores (m,) of rows of any shape (m, ...), differentiable."""
        return torch.sigmoid(-self.network.logits(self.latent_mean(rows)))

    @torch.no_grad()
    def score(self, X: NDArray) -> NDArray[np.float64]:
        """Scores (m,) of rows of any shape (m, ...), in blocks of rows."""
        blocks = to_tensor(X, self.device).split(BLOCK_SIZE)
        logits = [self.network.logits(self.latent_mean(block)) for block in blocks]
        # In double precision, so that also the highest scores keep their order.
        return torch.cat(logits).cpu().double().neg().sigmoid().numpy()


def train_vaal(
    X_labelled: NDArray,
    X_pool: NDArray,
    *,
    latent_size: int,
    hidden_layer_sizes: Sequence[int],
    learning_rate: float,
    batch_size: int,
    max_iter: int,
    beta: float,
    adversary_weight: float,
    device: torch.device,
    seed: int,
) -> Vaal:
    """Train VAAL on labelled rows and the pool; no label is used.

    Parameters
    ----------
    X_labelled : ndarray of shape (n, ...)
        Rows that have a label, scaled to about unit variance; tables or images.

    X_pool : ndarray of shape (m, ...)
        Rows that have none.

    latent_size : int
        Number of values of a code; 32 in the paper, for images.

    hidden_layer_sizes : sequence of int
        Units of the hidden layers of encoder, decoder (reversed) and discriminator.

    learning_rate : float
        Step size of Adam, for both; 5e-4 in the paper.

    batch_size : int
        Number of rows in a batch of labelled rows, and in one of the pool.

    max_iter : int
        Number of iterations, each of two updates of the VAE and one of the
        discriminator.

    beta : float
        Weight of the divergence of codes from the prior; 1 in the paper.

    adversary_weight : float
        Weight of misleading the discriminator; 1 in the authors' program.

    device : torch.device
        Where to compute.

    seed : int
        Seed of the initial weights and of the draws.

    Returns
    -------
    vaal : Vaal
        What has been learned; after Ctrl-C, what has been learned so far.

    Raises
    ------
    ValueError
        If the training diverges.

    Notes
    -----
    It is changed as follows.

    - Rows are flattened, and encoder and decoder are multilayer perceptrons with a
      normal distribution around what is decoded. The paper has convolutions, for
      images.
    - All terms of a loss are means over rows of nats. The authors' program averages
      the squared error over all values of a batch, and sums the divergence over all
      its rows.
    - The paper trains it beside the classifier, one iteration for each update of the
      classifier. Here it is trained on its own. With few labelled rows more iterations
      are not better: the discriminator learns the labelled rows by heart.
    """
    rows = [to_tensor(X, device).flatten(1) for X in (X_labelled, X_pool)]
    network = VaalNetwork(rows[0].shape[1], latent_size, hidden_layer_sizes, seed)
    network.to(device)
    adams = [
        torch.optim.Adam(part.parameters(), lr=learning_rate, fused=True)
        for part in (network.autoencoder, network.discriminator)
    ]
    places = [draw_batches(len(X), batch_size, seed) for X in rows]
    # On the CPU, so that all devices see the same draws.
    generator = torch.Generator().manual_seed(seed)

    def descend(adam: torch.optim.Optimizer, loss: Tensor) -> Tensor:
        adam.zero_grad()
        loss.backward()
        adam.step()
        return loss.detach()

    interrupted = False
    try:
        for iteration in range(max_iter):
            for _ in range(N_VAE_STEPS):
                batch = [
                    x[next(place).to(device)]
                    for x, place in zip(rows, places, strict=True)
                ]
                noise = [
                    torch.randn(len(x), latent_size, generator=generator).to(device)
                    for x in batch
                ]
                loss = vae_loss(network, batch, noise, beta, adversary_weight)
                loss = descend(adams[0], loss)
            loss = loss + descend(adams[1], discriminator_loss(network, batch))
            if iteration % CHECK_EVERY == 0:
                check_finite(loss, learning_rate)
    except KeyboardInterrupt:
        interrupted = True
    vaal = Vaal(network, interrupted)
    check_finite(torch.from_numpy(vaal.score(X_labelled)), learning_rate)
    return vaal
