"""AdaMixUp (Guo, Mao and Zhang, 2019) for regression: a range of mix ratios per pair.

A pair of rows may be mixed at ratios whose mixes fall between the real rows rather than
on top of one with another label ("manifold intrusion").
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from itertools import pairwise
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import mse_loss, softplus

from .state import NetworkState

# Share of the learning rate at which ranges move: the discriminator has to know real
# rows before they do.
RANGE_RATE = 0.1

# Rows that pass through the networks at once, when nothing is trained.
BLOCK_SIZE = 2**15


def multilayer(*sizes: int) -> nn.Sequential:
    """Linear layers of these sizes, with a ReLU between each two."""
    layers: list[nn.Module] = []
    for n_inputs, n_outputs in pairwise(sizes):
        layers += [nn.Linear(n_inputs, n_outputs), nn.ReLU()]
    return nn.Sequential(*layers[:-1])


class AdaMixupNetwork(nn.Module):
    """The networks of AdaMixUp: one proposes ranges, one predicts and tells real rows.

    Parameters
    ----------
    n_features : int
        Number of features p of a row.

    n_targets : int
        Number of targets t of a row.

    hidden_layer_sizes : sequence of int
        Units of the hidden layers of both networks.

    seed : int
        Seed of the initial weights; torch's own generator is left as it is.

    Attributes
    ----------
    range_generator : nn.Module
        The policy region generator: three logits for a pair (x_i, y_i, x_j, y_j).

    predictor : nn.Module
        t + 1 outputs for a row x: its targets, and the logit that it is a real row.
        Regression and intrusion discriminator share all layers but the last.
    """

    def __init__(
        self,
        n_features: int,
        n_targets: int,
        hidden_layer_sizes: Sequence[int],
        seed: int,
    ) -> None:
        super().__init__()
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.range_generator = multilayer(
                2 * (n_features + n_targets), *hidden_layer_sizes, 3
            )
            self.predictor = multilayer(n_features, *hidden_layer_sizes, n_targets + 1)

    def ratio_logits(self, first: Tensor, second: Tensor) -> Tensor:
        """Logits of the ranges of pairs of rows.

        Parameters
        ----------
        first, second : Tensor of shape (m, p + t)
            (x, y) of both rows. The range is that of the weight of the first.

        Returns
        -------
        logits : Tensor of shape (m, 3)
            Their softmax is alpha, Delta and the rest: the ratio is drawn from
            U[alpha, alpha + Delta].
        """
        return self.range_generator(torch.cat([first, second], dim=1))

    def predict(self, rows: Tensor) -> tuple[Tensor, Tensor]:
        """Predict rows (m, p): their targets (m, t) and logits of being real (m,)."""
        outputs = self.predictor(rows)
        return outputs[:, :-1], outputs[:, -1]


class Losses(NamedTuple):
    """The three terms of the loss of AdaMixUp, each a Tensor of shape ()."""

    real: Tensor
    mixed: Tensor
    intrusion: Tensor


def adamixup_losses(
    network: AdaMixupNetwork, rows: Tensor, targets: Tensor, partner: Tensor, u: Tensor
) -> Losses:
    """Loss of a batch of rows, each of which is mixed with a partner.

    Parameters
    ----------
    network : AdaMixupNetwork
        The networks.

    rows : Tensor of shape (b, p)
        Features x of the rows.

    targets : Tensor of shape (b, t)
        Their targets y.

    partner : Tensor of shape (b,)
        Which row of the batch each one is mixed with.

    u : Tensor of shape (b,)
        Where in its range each ratio lies, in [0, 1].

    Returns
    -------
    losses : Losses
        Their sum is what AdaMixUp minimises by all weights at once.

    Notes
    -----
    With f the prediction, D the probability that a row is real, and for a row i with
    its partner j the ratio l = alpha(i, j) + Delta(i, j) u and the mixes
    x' = l x_i + (1 - l) x_j, y' = l y_i + (1 - l) y_j, the terms are

    - real: mean (f(x) - y)^2,
    - mixed: mean (f(x') - y')^2,
    - intrusion: - mean log D(x) - mean log(1 - D(x')).

    Squares are averaged over targets, so that their number does not shift the balance.
    """
    pairs = torch.cat([rows, targets], dim=1)
    low, width, _ = network.ratio_logits(pairs, pairs[partner]).softmax(dim=1).T
    ratio = (low + width * u)[:, None]
    rows_mix = ratio * rows + (1 - ratio) * rows[partner]
    targets_mix = ratio * targets + (1 - ratio) * targets[partner]
    predicted, logits = network.predict(torch.cat([rows, rows_mix]))
    real, mixed = predicted.chunk(2)
    is_real, is_mixed = logits.chunk(2)
    return Losses(
        mse_loss(real, targets),
        mse_loss(mixed, targets_mix),
        softplus(-is_real).mean() + softplus(is_mixed).mean(),
    )


class AdaMixupLearner(NetworkState):
    """Learns for each pair of rows the range of ratios at which to mix it.

    Parameters
    ----------
    Z : ndarray of shape (n, p)
        Features of the training rows, standardised; at least two rows.

    targets : ndarray of shape (n, t)
        Their targets, standardised.

    hidden_layer_sizes : sequence of int
        Units of the hidden layers, of the network that proposes ranges and of the one
        that predicts.

    learning_rate : float
        Step size of Adam; ranges move at a tenth of it.

    batch_size : int
        Number of rows in a batch, at least two.

    device : torch.device
        Where to compute.

    seed : int
        Seed of the initial weights and of the draws.

    Notes
    -----
    This is AdaMixUp in its 2-fold version. All weights take one step down the same sum
    of losses, see `adamixup_losses`. There is no adversary: the range of a pair moves
    to where its mixes can be told from real rows and where the line between its labels
    can be learned beside them.

    Made for classification of images, it is changed for regression as follows.

    - The loss is the squared error, and labels are interpolated as they are, where the
      original has the cross entropy of interpolated one-hot labels.
    - The range depends on the features and labels of both rows, joined in the order of
      the pair. The authors' program shows the generator a sum of both images with
      random weights, and no label. But how far apart two labels are says how likely
      the line between them is to hold, and one row can be closer to an intrusion than
      the other. The ranges of (i, j) and (j, i) are learned apart.
    - Both halves of the intrusion loss count the same: all rows of a batch are real
      rows for the discriminator, and there are as many mixes. The authors' program
      keeps half of its batch out of the mixes and averages over all rows.
    - A row's partner is another row of its batch, never the row itself, whose mix would
      be a real row that is called a mix.
    - There is neither dropout nor weight decay.
    - Ranges move at a tenth of the learning rate. A mix at a ratio of 0 or 1 is a real
      row with its own label, which the regression likes. If ranges get there before the
      discriminator knows real rows, the softmax is flat and they stay. The authors'
      program starts the last layers of the generator at tiny weights.

    Nothing in the loss rewards a wide range: most ranges narrow from step to step, and
    how long to learn is a choice of how wide they stay.
    """

    network: AdaMixupNetwork

    def __init__(
        self,
        Z: NDArray,
        targets: NDArray,
        *,
        hidden_layer_sizes: Sequence[int],
        learning_rate: float,
        batch_size: int,
        device: torch.device,
        seed: int,
    ) -> None:
        self.rows = torch.tensor(Z, dtype=torch.float32, device=device)
        self.targets = torch.tensor(targets, dtype=torch.float32, device=device)
        self.batch_size = min(batch_size, len(Z))
        self.device = device
        # Drawn on the CPU, so that all devices see the same draws.
        self.generator = torch.Generator().manual_seed(seed)
        self.network = AdaMixupNetwork(
            self.rows.shape[1], self.targets.shape[1], hidden_layer_sizes, seed
        ).to(device)
        self.optimizer = torch.optim.Adam(
            self.network.predictor.parameters(), lr=learning_rate, fused=True
        )
        self.optimizer.add_param_group(
            {
                "params": self.network.range_generator.parameters(),
                "lr": RANGE_RATE * learning_rate,
            }
        )

    def step(self) -> dict[str, float]:
        """One update: draw a batch, mix each row with the next, move all weights."""
        batch = torch.randperm(len(self.rows), generator=self.generator)
        batch = batch[: self.batch_size].to(self.device)
        u = torch.rand(self.batch_size, generator=self.generator).to(self.device)
        partner = torch.arange(self.batch_size, device=self.device).roll(-1)
        losses = adamixup_losses(
            self.network, self.rows[batch], self.targets[batch], partner, u
        )
        terms = torch.stack(losses)
        self.optimizer.zero_grad()
        terms.sum().backward()
        self.optimizer.step()
        real, mixed, intrusion = terms.tolist()
        return {
            "objective": real + mixed + intrusion,
            "loss_real": real,
            "loss_mixed": mixed,
            "loss_intrusion": intrusion,
        }

    def ranges(self) -> Ranges:
        """What has been learned of the ratios, apart from the learner."""
        rows = torch.cat([self.rows, self.targets], dim=1)
        return Ranges(deepcopy(self.network.range_generator).cpu(), rows.cpu())

    @torch.no_grad()
    def on_manifold(self, Z: NDArray) -> NDArray[np.float64]:
        """Probability that rows are real rather than mixed, in blocks of rows.

        Parameters
        ----------
        Z : ndarray of shape (m, p)
            Features of any rows, scaled as the training rows are.

        Returns
        -------
        probabilities : ndarray of shape (m,)
            Probabilities in [0, 1].
        """
        rows = torch.tensor(Z, dtype=torch.float32, device=self.device)
        logits = [self.network.predict(block)[1] for block in rows.split(BLOCK_SIZE)]
        return torch.cat(logits).cpu().double().sigmoid().numpy()


class Ranges:
    """Ranges of the mix ratios of pairs of training rows. Computes on the CPU.

    Parameters
    ----------
    range_generator : nn.Module
        Three logits for a pair (x_i, y_i, x_j, y_j).

    rows : Tensor of shape (n, p + t)
        (x, y) of the training rows.
    """

    def __init__(self, range_generator: nn.Module, rows: Tensor) -> None:
        self.range_generator = range_generator
        self.rows = rows

    def on(self, Z: NDArray, targets: NDArray) -> Ranges:
        """Make the ranges of pairs of other rows.

        Parameters
        ----------
        Z : ndarray of shape (m, p)
            Their features, scaled as the training rows are.

        targets : ndarray of shape (m, t)
            Their targets, scaled likewise.

        Returns
        -------
        ranges : Ranges
            Of pairs of these rows.
        """
        parts = (torch.tensor(part, dtype=torch.float32) for part in (Z, targets))
        return Ranges(self.range_generator, torch.cat([*parts], dim=1))

    @torch.no_grad()
    def __call__(
        self, first: NDArray[np.intp], second: NDArray[np.intp]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Ranges of pairs, in blocks of them.

        Parameters
        ----------
        first, second : ndarray of shape (m,)
            Places of both rows of each pair among the training rows.

        Returns
        -------
        low, high : ndarray of shape (m,)
            alpha and alpha + Delta, inside (0, 1): bounds of the weight of the first
            row. The second row has the rest.
        """
        pairs = torch.as_tensor(np.stack([first, second], axis=1))
        logits = [
            self.range_generator(self.rows[block].flatten(1))
            for block in pairs.split(BLOCK_SIZE)
        ]
        # In double precision, so that narrow ranges near 0 and 1 stay inside.
        low, width, _ = torch.cat(logits).double().softmax(dim=1).T.numpy()
        return low, low + width
