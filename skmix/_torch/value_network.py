"""The Mixup value network of MixRL (Hwang and Whang, 2021, Sec. 3.2)."""

from collections.abc import Sequence
from itertools import pairwise
from typing import cast

import torch
from torch import Tensor, nn


class ValueNetwork(nn.Module):
    """h(x, y, k): how likely mixing a row with its k nearest rows is to help.

    Parameters
    ----------
    n_inputs : int
        Number of coordinates of (x, y).

    n_options : int
        Number of options k, of both kinds of distance together.

    hidden_layer_sizes : sequence of int
        Units of the hidden layers.

    seed : int
        Seed of the initial weights; torch's own generator is left as it is.

    Notes
    -----
    The option enters as a one-hot vector. Its product with the first layer is a lookup
    of a column, so the vector is never built, and the share of (x, y) in the first
    layer serves all options of a row.
    """

    def __init__(
        self,
        n_inputs: int,
        n_options: int,
        hidden_layer_sizes: Sequence[int],
        seed: int,
    ) -> None:
        super().__init__()
        sizes = [n_inputs + n_options, *hidden_layer_sizes, 1]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.layers = nn.ModuleList(nn.Linear(a, b) for a, b in pairwise(sizes))
        self.n_inputs = n_inputs

    def forward(self, rows: Tensor, options: Tensor) -> Tensor:
        """Logit of the probability to mix.

        Parameters
        ----------
        rows : Tensor of shape (b, n_inputs)
            (x, y) of each row.

        options : Tensor of shape (b,) or (b, o)
            Index of one option, or of several, for each row.

        Returns
        -------
        logits : Tensor of the shape of `options`
            Logit of h.
        """
        first, *rest = self.layers
        weight = cast(Tensor, first.weight)
        hidden = nn.functional.linear(
            rows, weight[:, : self.n_inputs], cast(Tensor, first.bias)
        )
        by_option = weight[:, self.n_inputs :].T
        if options.ndim == 2:
            hidden = hidden[:, None, :]
        hidden = hidden + nn.functional.embedding(options, by_option)
        for layer in rest:
            hidden = layer(torch.relu(hidden))
        return hidden[..., 0]
