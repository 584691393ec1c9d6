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
from ._base_augmenter import BaseAugmenter
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
    """Learn how to rewrite texts so that their copies teach a classifier most.

    In each copy some words are masked, and filled in by a masked language model that
    knows the label. The model is tuned by the loss of a small classifier on validation
    texts, through one update of it [1]_. What comes out are strings, so that whatever
    follows, such as TF-IDF and a linear model, stays as it is.

    Parameters
    ----------
    estimator : estimator, default=None
        Whom the guard asks whether copies help, on strings. None asks TF-IDF with a
        logistic regression, and says so; inside :class:`~skmix.ResampledClassifier`,
        None means the estimator there.

    model : str, path or tuple, default=None
        The language model. None trains a tiny one on the texts themselves, which needs
        neither a network connection nor more than minutes. A name or folder is loaded
        by the transformers library (``skmix[text]``), and a pair (model, tokenizer) is
        what was loaded by it, with ``attn_implementation="eager"``. Only a name that is
        no folder is looked for elsewhere.

    n_copies : int, default=1
        Number of copies of each text; 0 hands the data back, as the control in a grid.

    mask_fraction : float, default=1/7
        Part of the words of a text that are masked: two at least, and one of texts of
        fewer than four words.

    temperature : float, default=1.0
        Of the Gumbel-softmax that words are drawn by.

    vocab_size : int, default=5000
        Number of words that the tiny model tells apart.

    max_length : int, default=64
        Number of tokens of a text that are looked at; what follows stays as it is.

    pretrain_epochs : int, default=60
        Number of passes over the texts that train the tiny model.

    validation : float or int, default=0.2
        Which rows judge while the augmentation is learned, where no `X_val` is passed:
        a share of them, of each class alike, or a number of rows of each class.

    guard : bool, default=True
        Whether copies are made only if they help on held-out rows.

    meta_learning_rate : float, default=None
        Step size of Adam for the language model; 0.001 for the tiny one, and the
        authors' 0.00004 for others.

    learning_rate : float, default=0.1
        Step size of the classifier's stochastic gradient descent, and of the update
        that is looked at ahead.

    momentum : float, default=0.9
        Momentum of this descent.

    weight_decay : float, default=0.0001
        Strength of the penalty on the classifier's squared weights.

    batch_size : int, default=32
        Number of texts in a batch, and of validation texts that judge it, if there are
        more.

    max_iter : int, default=20
        Number of epochs.

    warm_up : int, default=5
        Number of epochs before the language model is tuned.

    max_time : float, default=None
        Seconds after which no epoch begins that would be over later; None for no limit.

    device : str, default="auto"
        "cpu", "cuda", "cuda:<number>" or "mps"; "auto" takes a CUDA device where there
        is one.

    random_state : int, RandomState or None, default=None
        Randomness of everything. On the CPU, an integer gives equal results each time.

    verbose : int, default=0
        Whether to show a progress bar, which needs ``skmix[progress]``.

    Attributes
    ----------
    transform_ : object
        What was learned, as plain numbers; its ``describe()`` says it in words.

    accepted_ : bool
        Whether copies are made.

    best_score_, baseline_score_ : float
        Minus the mean loss on held-out rows, with copies and without, or with plain
        copies if that is better; NaN where there was no judgement.

    chosen_ : str
        The decision in words, and what it rests on.

    parent_indices_ : ndarray of shape (m, 2)
        Of each copy, since the last draw, the row that it comes from, and the partner.

    mix_weights_ : ndarray of shape (m, 2)
        Shares of both.

    history_ : dict of lists
        Of each epoch the validation loss, "objective", and the training loss "loss".

    n_iter_ : int
        Number of epochs.

    device_ : str
        Where the network was.

    Warns
    -----
    JudgementWarning
        If the guard is given no estimator, or too few rows to judge.

    ConvergenceWarning
        If a KeyboardInterrupt ended the fit.

    See Also
    --------
    LearnedAugmenter : The same for tables and images.

    Notes
    -----
    While the model is tuned, a word that is filled in is the mean of the embeddings of
    all words, weighted by a sample of Gumbel-softmax, through which gradients reach the
    model. In the end whole words are drawn. The label is told by what is added to all
    embeddings, which is learned, too. Only words are masked, and only words stand in:
    signs, spaces and what is no word of its own stay. Words that are filled in are in
    lower case.

    The classifier is a convolution over three embeddings at a time, its mean, and a
    linear layer. The embeddings are those of the language model, and stay.

    The guard learns again without a third of the rows, or with half of the validation
    rows where `X_val` is passed, makes copies, fits the estimator with them, without,
    and with copies that are not changed, which let a penalty weigh less. It compares
    the Brier loss of the texts that were left out: copies are made if it is smaller in
    the mean than the better of the two others, and a signed-rank test says so at 0.1.

    We make no claim about accuracy: there were no short texts with labels at hand to
    measure it on.

    References
    ----------
    .. [1] Hu, Tan, Salakhutdinov, Mitchell and Xing, "Learning data manipulation for
       augmentation and weighting", NeurIPS 2019.

    Examples
    --------
    >>> from skmix.weighting import LearnedTextAugmenter
    >>> texts = ["what a lovely film", "a fine lovely plot", "what a dull plot"] * 10
    >>> augmenter = LearnedTextAugmenter(
    ...     guard=False, max_iter=2, pretrain_epochs=2, random_state=0
    ... )
    >>> X, y = augmenter.fit_resample(texts, ["good", "good", "bad"] * 10)
    >>> len(X), X[:30] == texts, y[30:33]
    (60, True, ['good', 'good', 'bad'])
    """

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
        tokenizer = load_tokenizer(self.model)
        return TextRows(X, lambda texts: LoadedTokenizer(tokenizer, self.max_length))

    def _make_maker(
        self,
        rows: TextRows,
        targets: Targets,
        training: NDArray[np.intp],
        held_out: tuple[NDArray, NDArray],
        rng: RandomState,
    ) -> TextMaker:
        return TextMaker(self, rows, targets, training, held_out, rng)

    def _default_estimator(self) -> Any:
        return make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=500))

    def __sklearn_tags__(self) -> Any:
        """Tell that X holds strings."""
        tags = _compat.sampler_tags(multi_output=False)
        tags.input_tags.two_d_array = False
        tags.input_tags.one_d_array = True
        tags.input_tags.string = True
        return tags


def load_tokenizer(model: Any) -> Any:
    """The tokenizer of a model: a name, a folder, or a pair with what was loaded."""
    if not isinstance(model, tuple):
        return import_transformers().AutoTokenizer.from_pretrained(model)
    if len(model) != 2 or not hasattr(model[0], "get_input_embeddings"):
        raise ValueError(
            "model must be a pair (model, tokenizer) where it is no name or folder, "
            f"got {model!r}."
        )
    return model[1]


def load_model(model: Any) -> Any:
    """A masked language model of one's own: the one of a pair stays as it is."""
    if isinstance(model, tuple):
        return deepcopy(model[0])
    # Fused attention does not say how it changes twice.
    return import_transformers().AutoModelForMaskedLM.from_pretrained(
        model, attn_implementation="eager"
    )


class TextMaker:
    """Learns to rewrite texts by validation texts.

    Parameters
    ----------
    owner : LearnedTextAugmenter
        Whose parameters say how.

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
        if not (tokenizer.allowed.any() and rows.tokens.may_mask.any()):
            raise ValueError(
                "X has no word that another could stand for. Pass texts of words, or "
                "another model."
            )
        loaded = None if owner.model is None else load_model(owner.model)
        rate = owner.meta_learning_rate or META_LEARNING_RATE[loaded is not None]
        self.transform, network = masked_lm.make(
            loaded,
            n_tokens=len(tokenizer.allowed),
            length=rows.Z.shape[1],
            width=WIDTH,
            n_units=CLASSIFIER_UNITS,
            n_outputs=targets.n_outputs,
            n_labels=int(targets.codes.max()) + 1,
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
