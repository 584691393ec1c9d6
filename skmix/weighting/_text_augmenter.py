"""Texts rewritten by a language model that is tuned by the validation loss."""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

from .. import _compat
from .._compat import Interval
from .._optional import import_transformers
from .._random import draw_seed
from ._augmenter import BaseAugmenter
from ._maker import Made
from ._targets import Targets
from ._texts import LoadedTokenizer, TextRows, WordTokenizer
from ._transforms import UserTransform

# Of the model that is trained on the user's own texts.
WIDTH = 64
PRETRAIN_RATE = 2e-3
CLASSIFIER_UNITS = 64
# The authors' step size for BERT; the tiny model takes larger ones.
META_LEARNING_RATE = {True: 4e-5, False: 1e-3}


class LearnedTextAugmenter(BaseAugmenter):
    """Learned augmentation of texts."""

    _parameter_constraints = {
        **BaseAugmenter._parameter_constraints,
        "model": [str, tuple, _compat.HasMethods(["__fspath__"]), None],
        "mask_fraction": [Interval(Real, 0, 1, closed="neither")],
        "temperature": [Interval(Real, 0, None, closed="neither")],
        "vocab_size": [Interval(Integral, 1, None, closed="left")],
        "max_length": [Interval(Integral, 4, None, closed="left")],
        "pretrain_epochs": [Interval(Integral, 0, None, closed="left")],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        model: Any = None,
        n_copies: int = 1,
        mask_fraction: float = 1 / 7,
        temperature: float = 1.0,
        vocab_size: int = 5000,
        max_length: int = 64,
        pretrain_epochs: int = 60,
        validation: Any = 0.2,
        guard: bool = True,
        meta_learning_rate: float | None = None,
        learning_rate: float = 0.1,
        momentum: float = 0.9,
        weight_decay: float = 1e-4,
        batch_size: int = 32,
        max_iter: int = 20,
        warm_up: int = 5,
        max_time: float | None = None,
        device: str = "auto",
        random_state: int | RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.model = model
        self.n_copies = n_copies
        self.mask_fraction = mask_fraction
        self.temperature = temperature
        self.vocab_size = vocab_size
        self.max_length = max_length
        self.pretrain_epochs = pretrain_epochs
        self.validation = validation
        self.guard = guard
        self.meta_learning_rate = meta_learning_rate
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.warm_up = warm_up
        self.max_time = max_time
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _read(self, X: Any) -> TextRows:
        if self.model is None:
            make = partial(
                WordTokenizer, vocab_size=self.vocab_size, max_length=self.max_length
            )
            return TextRows(X, make)
        self._loaded, tokenizer = load_model(self.model)
        return TextRows(X, lambda texts: LoadedTokenizer(tokenizer, self.max_length))

    def _make_maker(
        self,
        rows: TextRows,
        targets: Targets,
        training: NDArray[np.intp],
        held_out: tuple[NDArray, NDArray],
        rng: RandomState,
    ) -> TextMaker:
        loaded = self.__dict__.pop("_loaded", None)
        return TextMaker(self, loaded, rows, targets, training, held_out, rng)

    def _default_estimator(self) -> Any:
        return make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=500))

    def __sklearn_tags__(self) -> Any:
        """Tell that X holds strings."""
        tags = _compat.sampler_tags(multi_output=False)
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.input_tags.string = True
        return tags


def load_model(model: Any) -> tuple[Any, Any]:
    """Load a masked language model and its tokenizer.

    Parameters
    ----------
    model : str, path, or tuple of (model, tokenizer)
        Name or folder of a model, or what was loaded from there. Only a name that is no
        folder is looked for elsewhere.

    Returns
    -------
    model, tokenizer : object
        A copy of the model, and its tokenizer.
    """
    if isinstance(model, tuple):
        if len(model) != 2 or not hasattr(model[0], "get_input_embeddings"):
            raise ValueError(
                "model must be a pair (model, tokenizer) where it is no name or "
                f"folder, got {model!r}."
            )
        return deepcopy(model[0]), model[1]
    transformers = import_transformers()
    tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    # Fused attention does not say how it changes twice.
    loaded = transformers.AutoModelForMaskedLM.from_pretrained(
        model, attn_implementation="eager"
    )
    return loaded, tokenizer


class TextMaker:
    """Learns to rewrite texts by validation texts.

    Parameters
    ----------
    owner : LearnedTextAugmenter
        Whose parameters say how.

    loaded : object or None
        A language model of the transformers library; None to train a tiny one.

    rows : TextRows
        All texts.

    targets : Targets
        Their labels.

    training : ndarray of shape (m,)
        Texts that are trained on.

    held_out : tuple of ndarray
        Tokens of validation texts, and their labels.

    rng : RandomState
        Source of seeds.
    """

    def __init__(
        self,
        owner: LearnedTextAugmenter,
        loaded: Any,
        rows: TextRows,
        targets: Targets,
        training: NDArray[np.intp],
        held_out: tuple[NDArray, NDArray],
        rng: RandomState,
    ) -> None:
        from .._torch import bilevel, masked_lm  # imports torch
        from .._torch.device import resolve_device

        self.device = resolve_device(owner.device)
        self.device_name = str(self.device)
        tokenizer = rows.tokenizer
        rate = owner.meta_learning_rate or META_LEARNING_RATE[loaded is not None]
        self.transform, network = masked_lm.make(
            loaded,
            n_tokens=len(tokenizer.allowed),
            length=rows.Z.shape[1],
            width=WIDTH,
            n_units=CLASSIFIER_UNITS,
            n_outputs=targets.n_outputs,
            labels=targets.codes[training],
            padding=tokenizer.padding,
            mask=tokenizer.mask,
            may_mask=rows.tokens.may_mask[training],
            allowed=tokenizer.allowed,
            mask_fraction=owner.mask_fraction,
            temperature=owner.temperature,
            learning_rate=rate,
            device=self.device,
            seed=draw_seed(rng),
            tokens=rows.Z[training],
            n_epochs=owner.pretrain_epochs if loaded is None else 0,
            pretrain_rate=PRETRAIN_RATE,
        )
        self.learner: Any = bilevel.BilevelLearner(
            network,
            self.transform,
            targets.make_loss(),
            self._tensors(rows.Z[training], targets.Y[training]),
            self._tensors(*held_out),
            learning_rate=owner.learning_rate,
            momentum=owner.momentum,
            weight_decay=owner.weight_decay,
            batch_size=owner.batch_size,
            warm_up=owner.warm_up,
            seed=draw_seed(rng),
        )
        self.rows, self.codes = rows, targets.codes

    def finish(self) -> None:
        """Let go of what no draw needs, and see all rows from now on."""
        del self.learner
        self.device = self.transform.to_cpu()
        self.transform.bind_arrays(self.codes, self.rows.tokens.may_mask)
        self.result = UserTransform(self.transform.arrays())
        del self.rows, self.codes

    def draw(self, rows: TextRows, targets: Targets, n_copies: int, seed: int) -> Made:
        """Rewrite all texts, each so many times."""
        from .._torch.masked_lm import rewrite

        everything = np.tile(np.arange(len(rows.Z)), n_copies)
        Z = rewrite(self.transform, rows.Z, n_copies, seed)
        nothing = np.zeros(len(everything))
        Y = targets.Y[everything]
        return Made(Z, Y, everything, everything, nothing)

    def _tensors(self, Z: NDArray, Y: NDArray) -> Any:
        from .._torch import bilevel

        return bilevel.make_rows(Z, Y, np.ones(len(Z)), self.device)
