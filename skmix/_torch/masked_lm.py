"""A masked language model that rewrites texts, tuned by the validation loss.

The augmentation of Hu et al. (2019): some tokens of a text are masked, and a language
model that knows the label fills them in. While it is tuned, what it fills in is soft:
a mean of the embeddings of tokens, weighted by a sample of Gumbel-softmax.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from .bilevel import Rows
from .mlp import draw_batches
from .random import own_random_state
from .state import State
from .transforms import Transform

# Part of the tokens that are masked when the model itself is trained; of these most are
# replaced by the mask, some by any token, and some stay.
TRAINED_ON, REPLACED, SHUFFLED = 0.15, 0.8, 0.1
CONVOLUTION = 3


class TinyLM(nn.Module):
    """A small transformer that predicts tokens from embeddings.

    Parameters
    ----------
    n_tokens : int
        Number of tokens; 0 is the padding.

    length : int
        Number of tokens of the longest text.

    width : int
        Units of each layer.
    """

    def __init__(self, n_tokens: int, length: int, width: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(n_tokens, width, padding_idx=0)
        self.position = nn.Parameter(0.02 * torch.randn(length, width))
        layer = nn.TransformerEncoderLayer(
            width, 4, 2 * width, dropout=0.1, batch_first=True, norm_first=True
        )
        self.encoder = nn.TransformerEncoder(layer, 2, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.output = nn.Linear(width, n_tokens)

    def get_input_embeddings(self) -> nn.Embedding:
        """The embeddings of tokens."""
        return self.embedding

    def forward(self, embeddings: Tensor, is_token: Tensor) -> Tensor:
        """Logits (b, l, n_tokens) of texts (b, l, width)."""
        hidden = embeddings + self.position[: embeddings.shape[1]]
        hidden = self.encoder(hidden, src_key_padding_mask=~is_token)
        return self.output(self.norm(hidden))


class LoadedLM(nn.Module):
    """A masked language model of the transformers library, behind the same face.

    Parameters
    ----------
    model : nn.Module
        With ``get_input_embeddings``, and a forward pass that takes ``inputs_embeds``
        and ``attention_mask`` and returns ``logits``.
    """

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        self.model: Any = model

    def get_input_embeddings(self) -> nn.Embedding:
        """The embeddings of tokens."""
        return self.model.get_input_embeddings()

    def forward(self, embeddings: Tensor, is_token: Tensor) -> Tensor:
        """Logits (b, l, n_tokens) of texts (b, l, width)."""
        outputs = self.model(
            inputs_embeds=embeddings, attention_mask=is_token.to(torch.int64)
        )
        return outputs.logits


class TextNetwork(nn.Module):
    """Classifies texts by windows of their tokens' embeddings, which stay as they are.

    Parameters
    ----------
    embeddings : Tensor of shape (n_tokens, width)
        Of all tokens; the first is the padding's.

    n_units : int
        Units of its convolution.

    n_outputs : int
        Number of outputs.

    padding : int
        The token that fills up short texts.
    """

    def __init__(
        self, embeddings: Tensor, n_units: int, n_outputs: int, padding: int
    ) -> None:
        super().__init__()
        self.embeddings: Tensor
        embeddings = embeddings.detach() - embeddings.detach().mean(dim=0)
        self.register_buffer("embeddings", embeddings / embeddings.std())
        self.padding = padding
        width = embeddings.shape[1]
        self.window = nn.Conv1d(width, n_units, CONVOLUTION, padding="same")
        self.output = nn.Linear(n_units, n_outputs)

    def embed(self, tokens: Tensor) -> Tensor:
        """Embeddings (b, l, width + 1) of tokens (b, l): the last tells what is one."""
        return self.join(self.embeddings[tokens], tokens != self.padding)

    @staticmethod
    def join(embeddings: Tensor, is_token: Tensor) -> Tensor:
        """Embeddings, and what of them is a token."""
        return torch.cat([embeddings, is_token[:, :, None].to(embeddings)], dim=2)

    def forward(self, texts: Tensor) -> Tensor:
        """Outputs (b, n_outputs) of tokens (b, l), or of their embeddings."""
        if not texts.is_floating_point():
            texts = self.embed(texts)
        embeddings, is_token = texts[:, :, :-1], texts[:, :, -1:]
        hidden = self.window((embeddings * is_token).transpose(1, 2)).relu()
        summed = (hidden.transpose(1, 2) * is_token).sum(dim=1)
        return self.output(summed / is_token.sum(dim=1).clamp_min(1))


class TextTransform(Transform):
    """Fills in masked tokens of texts, as a language model that knows the label does.

    Parameters
    ----------
    model : TinyLM or LoadedLM
        The language model.

    n_labels : int
        Number of labels.

    labels : Tensor of shape (n,)
        Label of each row.

    padding, mask : int
        Tokens that fill up short texts, and that stand for what is masked.

    may_mask : Tensor of shape (n, l)
        Which tokens of the rows may be replaced.

    allowed : Tensor of shape (n_tokens,)
        Tokens that may stand in their place.

    mask_fraction : float
        Part of the tokens that are masked.

    temperature : float
        Of the softmax.

    **settings
        Of the manipulation.
    """

    def __init__(
        self,
        model: TinyLM | LoadedLM,
        *,
        n_labels: int,
        labels: Tensor,
        padding: int,
        mask: int,
        may_mask: Tensor,
        allowed: Tensor,
        mask_fraction: float,
        temperature: float,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.model = model
        width = model.get_input_embeddings().weight.shape[1]
        # The label is told by what is added to all embeddings; nothing at first.
        self.label = nn.Parameter(torch.zeros(n_labels, width, device=labels.device))
        self.bind(labels, may_mask)
        self.padding, self.mask = padding, mask
        self.forbidden = ~allowed
        self.mask_fraction = mask_fraction
        self.temperature = temperature

    def bind(self, labels: Tensor, may_mask: Tensor) -> None:
        """Look at these rows from now on."""
        self.labels, self.may_mask = labels, may_mask

    def bind_arrays(self, labels: NDArray, may_mask: NDArray) -> None:
        """Look at these rows from now on, given as arrays."""
        device = self.label.device
        parts = (torch.as_tensor(part, device=device) for part in (labels, may_mask))
        self.bind(*parts)

    def to_cpu(self) -> torch.device:
        """Move to the CPU, and forget how it was trained."""
        self.forbidden = self.forbidden.cpu()
        # What the classifier needs is not needed to rewrite.
        del self.embeddings, self.embed, self.join
        return super().to_cpu()

    def serve(self, network: TextNetwork) -> None:
        """Make texts for a classifier, which is no part of this module."""
        self.join, self.embed = network.join, network.embed
        self.embeddings = network.embeddings

    def arrays(self) -> State:
        """The embeddings of labels."""
        return {"label": self.label.detach().cpu().double().numpy()}

    def logits(self, tokens: Tensor, labels: Tensor) -> Tensor:
        """Logits (b, l, n_tokens) of tokens in the place of each."""
        embeddings = self.model.get_input_embeddings().weight[tokens]
        embeddings = embeddings + self.label[labels][:, None]
        return self.model(embeddings, tokens != self.padding)

    def pretrain(self, tokens: Tensor, n_epochs: int, rate: float, seed: int) -> None:
        """Train the model, which knows the labels, to fill in masked tokens."""
        adam = torch.optim.Adam(self.parameters(), lr=rate, fused=True)
        batches = draw_batches(len(tokens), 32, seed)
        n_batches = -(-len(tokens) // 32)
        words = torch.arange(len(self.forbidden), device=tokens.device)
        words = words[~self.forbidden]
        self.train()
        with own_random_state(seed, tokens.device):
            for _ in range(n_epochs * n_batches):
                places = next(batches).to(tokens.device)
                texts = tokens[places]
                # Drawn on the CPU, so that all devices see the same draws.
                share = torch.rand(texts.shape).to(texts.device)
                asked = (share < TRAINED_ON) & (texts != self.padding)
                if not asked.any():
                    continue
                seen = torch.where(share < TRAINED_ON * REPLACED, self.mask, texts)
                draw = torch.randint(len(words), texts.shape).to(texts.device)
                any_token = words[draw]
                shuffled = share >= TRAINED_ON * (1 - SHUFFLED)
                seen = torch.where(asked & shuffled, any_token, seen)
                seen = torch.where(asked, seen, texts)
                logits = self.logits(seen, self.labels[places])
                loss = F.cross_entropy(logits[asked], texts[asked])
                adam.zero_grad()
                loss.backward()
                adam.step()
        self.eval()

    def choose(self, places: Tensor) -> Tensor:
        """Which tokens (b, l) of rows are masked: one in so many, and two at least.

        One of texts of fewer than four tokens.
        """
        may = self.may_mask[places]
        n_tokens = may.sum(dim=1, keepdim=True)
        wanted = (n_tokens * self.mask_fraction).long().clamp_min(2)
        wanted = torch.where(n_tokens < 4, 1, wanted)
        order = torch.rand(may.shape).to(may.device).masked_fill(~may, 2.0)
        rank = order.argsort(dim=1).argsort(dim=1)
        return may & (rank < wanted)

    def filled(self, tokens: Tensor, places: Tensor, hard: bool) -> Any:
        """Masked tokens, and a distribution (m, n_tokens) in the place of each."""
        masked = self.choose(places)
        seen = torch.where(masked, self.mask, tokens)
        logits = self.logits(seen, self.labels[places])[masked]
        logits = logits.masked_fill(self.forbidden, -1e9)
        return masked, F.gumbel_softmax(logits, tau=self.temperature, hard=hard)

    def transform(self, rows: Rows) -> Rows:
        """Embeddings of texts with soft tokens, where some are masked."""
        self.note(rows)
        masked, soft = self.filled(rows.X, rows.places, hard=False)
        embeddings = self.embeddings[rows.X]
        embeddings = embeddings.masked_scatter(
            masked[:, :, None], (soft @ self.embeddings).to(embeddings)
        )
        is_token = torch.ne(rows.X, self.padding)
        return rows._replace(X=self.join(embeddings, is_token))

    def rows(self, rows: Rows) -> Rows:
        """The texts as they are, then with soft tokens."""
        made = self.transform(rows)
        texts = rows._replace(X=self.embed(rows.X))
        return Rows(*(torch.cat(pair) for pair in zip(texts, made, strict=True)))

    @torch.no_grad()
    def rewrite(self, tokens: Tensor, seed: int) -> NDArray:
        """Texts (n, l) with whole tokens in the place of those that are masked."""
        parts = []
        with own_random_state(seed, tokens.device):
            for places in torch.arange(len(tokens), device=tokens.device).split(64):
                texts = tokens[places]
                masked, drawn = self.filled(texts, places, hard=True)
                texts = texts.masked_scatter(masked, drawn.argmax(dim=1))
                parts.append(texts.cpu().numpy())
        return np.concatenate(parts)


def make(
    loaded: Any,
    *,
    n_tokens: int,
    length: int,
    width: int,
    n_units: int,
    n_outputs: int,
    n_labels: int,
    labels: NDArray,
    may_mask: NDArray,
    allowed: NDArray,
    padding: int,
    device: torch.device,
    seed: int,
    tokens: NDArray,
    n_epochs: int,
    pretrain_rate: float,
    **settings: Any,
) -> tuple[TextTransform, TextNetwork]:
    """Make a language model that rewrites texts, and the classifier that it is for.

    Parameters
    ----------
    loaded : nn.Module or None
        A model of the transformers library; None to make a tiny one.

    n_tokens, length, width : int
        Sizes of the tiny one.

    n_units, n_outputs : int
        Sizes of the classifier.

    n_labels, labels, may_mask, allowed : int, ndarray
        See `TextTransform`.

    padding : int
        The token that fills up short texts.

    device : torch.device
        Where they are.

    seed : int
        Seed of their weights, and of the training of the tiny model.

    tokens : ndarray of shape (n, l)
        Texts that it is trained on.

    n_epochs : int
        Number of passes over these.

    pretrain_rate : float
        Step size of Adam.

    **settings
        Further ones of `TextTransform`.

    Returns
    -------
    transform : TextTransform
        What rewrites.

    network : TextNetwork
        What classifies.
    """
    with own_random_state(seed, device):
        model = TinyLM(n_tokens, length, width) if loaded is None else LoadedLM(loaded)
        model = model.to(device).eval()
        n_known = len(model.get_input_embeddings().weight)
        transform = TextTransform(
            model,
            n_labels=n_labels,
            labels=torch.as_tensor(labels, device=device),
            may_mask=torch.as_tensor(may_mask, device=device),
            # Models may have room for more tokens than their tokenizers have.
            allowed=torch.as_tensor(
                np.pad(allowed, (0, n_known - len(allowed))), device=device
            ),
            padding=padding,
            **settings,
        )
    texts = torch.as_tensor(tokens, dtype=torch.int64, device=device)
    transform.pretrain(texts, n_epochs, pretrain_rate, seed)
    embeddings = model.get_input_embeddings().weight
    with own_random_state(seed, device):
        network = TextNetwork(embeddings, n_units, n_outputs, padding).to(device)
    transform.serve(network)
    return transform, network


def rewrite(
    transform: TextTransform, tokens: NDArray, n_copies: int, seed: int
) -> NDArray:
    """Rewrite all texts (n, l) so many times, one pass after the other."""
    texts = torch.as_tensor(tokens, dtype=torch.int64, device=transform.label.device)
    generator = torch.Generator().manual_seed(seed)
    seeds = torch.randint(2**31, (n_copies,), generator=generator).tolist()
    return np.concatenate([transform.rewrite(texts, one) for one in seeds])
