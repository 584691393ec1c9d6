"""Texts as tokens, and back as strings in which some words are others."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any, NamedTuple

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import NDArray

from .._containers import FrameContainer, wrap

# A word, or a sign that is none.
TOKEN = re.compile(r"\w+|[^\w\s]")
WORD = re.compile(r"\w+")
PADDING, MASK, UNKNOWN = 0, 1, 2


class Tokens(NamedTuple):
    """Tokens of texts.

    Attributes
    ----------
    ids : ndarray of shape (n, l)
        Number of each token; texts that have fewer are filled up.

    spans : list of list of (int, int)
        Where each stands in its text.

    may_mask : ndarray of shape (n, l)
        Which are whole words, that another can stand for.
    """

    ids: NDArray[np.int64]
    spans: list[list[tuple[int, int]]]
    may_mask: NDArray[np.bool_]


class WordTokenizer:
    """Words and signs of texts; the most frequent have a number of their own.

    Parameters
    ----------
    texts : sequence of str
        Where words are counted, in lower case.

    vocab_size : int
        Number of words that are told apart.

    max_length : int
        Number of tokens of a text that are looked at.
    """

    padding, mask = PADDING, MASK

    def __init__(self, texts: Sequence[str], vocab_size: int, max_length: int) -> None:
        counts = Counter(
            token.lower() for text in texts for token in TOKEN.findall(text)
        )
        # Ties by spelling, so that the order of the texts does not matter.
        frequent = sorted(counts, key=lambda token: (-counts[token], token))
        self.words = ["", "", "", *frequent[:vocab_size]]
        self.numbers = {word: k for k, word in enumerate(self.words) if word}
        self.max_length = max_length

    @property
    def allowed(self) -> NDArray[np.bool_]:
        """Which tokens may stand in the place of others: words."""
        return np.array([bool(WORD.fullmatch(word)) for word in self.words])

    def __call__(self, texts: Sequence[str], length: int | None = None) -> Tokens:
        """Tokens of texts, as many for each as `length`, or as the longest has."""
        found = [list(TOKEN.finditer(text))[: self.max_length] for text in texts]
        length = length or max(1, *(len(tokens) for tokens in found))
        ids = np.full((len(found), length), PADDING)
        may_mask = np.zeros(ids.shape, dtype=bool)
        for row, tokens in enumerate(found):
            words = [token[0] for token in tokens[:length]]
            ids[row, : len(words)] = [
                self.numbers.get(word.lower(), UNKNOWN) for word in words
            ]
            may_mask[row, : len(words)] = [bool(WORD.fullmatch(w)) for w in words]
        return Tokens(ids, [[t.span() for t in tokens] for tokens in found], may_mask)

    def word(self, number: int) -> str:
        """The word of a number."""
        return self.words[number]


class LoadedTokenizer:
    """The tokenizer of a language model of the transformers library.

    Parameters
    ----------
    tokenizer : object
        A fast tokenizer of that library, which tells where tokens stand.

    max_length : int
        Number of tokens of a text that are looked at, those that the model adds
        included.
    """

    def __init__(self, tokenizer: Any, max_length: int) -> None:
        if not getattr(tokenizer, "is_fast", False):
            raise ValueError(
                "model needs a fast tokenizer, which tells where tokens stand, got "
                f"{type(tokenizer).__name__}."
            )
        if tokenizer.mask_token_id is None or tokenizer.pad_token_id is None:
            raise ValueError(
                "model needs a tokenizer with a mask and a padding token, as masked "
                f"language models have, got {type(tokenizer).__name__}."
            )
        self.tokenizer = tokenizer
        self.max_length = min(max_length, tokenizer.model_max_length)
        self.padding, self.mask = tokenizer.pad_token_id, tokenizer.mask_token_id

    @property
    def allowed(self) -> NDArray[np.bool_]:
        """Which tokens may stand in the place of others: words."""
        numbers = range(len(self.tokenizer))
        special = set(self.tokenizer.all_special_ids)
        return np.array(
            [k not in special and bool(WORD.fullmatch(self.word(k))) for k in numbers]
        ) & ~self._continues(self.tokenizer.convert_ids_to_tokens(list(numbers)))

    def __call__(self, texts: Sequence[str], length: int | None = None) -> Tokens:
        """Tokens of texts, as many for each as `length`, or as the longest has."""
        found = self.tokenizer(
            list(texts),
            truncation=True,
            max_length=length or self.max_length,
            padding="max_length" if length else "longest",
            return_offsets_mapping=True,
        )
        ids = np.array(found["input_ids"], dtype=np.int64)
        spans = [[tuple(span) for span in row] for row in found["offset_mapping"]]
        special = np.isin(ids, self.tokenizer.all_special_ids)
        may_mask = np.zeros(ids.shape, dtype=bool)
        for row, (text, of_row) in enumerate(zip(texts, spans, strict=True)):
            words = {match.span() for match in WORD.finditer(text)}
            may_mask[row] = [span in words for span in of_row]
        return Tokens(ids, spans, may_mask & ~special)

    def word(self, number: int) -> str:
        """The word of a number."""
        return self.tokenizer.decode([number]).strip()

    @staticmethod
    def _continues(tokens: Sequence[str]) -> NDArray[np.bool_]:
        """Which tokens go on with a word, as those of BERT say by two signs."""
        return np.array([token.startswith("##") for token in tokens])


class TextRows:
    """Texts, and their tokens.

    Parameters
    ----------
    X : sequence of str
        A list, an array or a series.

    make_tokenizer : callable
        Makes a tokenizer of the texts.

    Attributes
    ----------
    Z : ndarray of shape (n, l)
        Numbers of the tokens.
    """

    def __init__(self, X: Any, make_tokenizer: Any) -> None:
        self.container = wrap(X)
        if isinstance(self.container, FrameContainer):
            # New texts are no categories of old ones.
            self.container.frame = self.container.frame.with_columns(
                nw.all().cast(nw.String)
            )
        self.texts = check_texts(X, "X")
        self.tokenizer = make_tokenizer(self.texts)
        self.tokens = self.tokenizer(self.texts)
        self.Z = self.tokens.ids

    def encode(self, X: Any, name: str) -> NDArray[np.int64]:
        """Tokens of further texts."""
        return self.tokenizer(check_texts(X, name), self.Z.shape[1]).ids

    def extend(self, Z: NDArray, source: NDArray[np.intp]) -> Any:
        """All texts as they came, then those of Z, each like the text `source`."""
        new = [
            self._rewritten(row, place) for row, place in zip(Z, source, strict=True)
        ]
        if isinstance(self.container, FrameContainer):
            column = np.array(new, dtype=object)[:, None]
            return self.container.extend(source, [0], column.__getitem__)
        if self.container.is_list:
            return [*self.texts, *new]
        like = self.container.array
        kind = object if like.dtype == object else None
        return np.concatenate([like, np.array(new, dtype=kind)])

    def _rewritten(self, ids: NDArray, place: int) -> str:
        """A text with the words that differ from those of a row."""
        text, end = self.texts[place], 0
        parts = []
        for position in np.flatnonzero(ids != self.Z[place]):
            begin, stop = self.tokens.spans[place][position]
            parts += [text[end:begin], self.tokenizer.word(int(ids[position]))]
            end = stop
        return "".join([*parts, text[end:]])


def check_texts(X: Any, name: str) -> list[str]:
    """Check that there is one string to a row; give them back as a list."""
    if isinstance(X, str):
        raise ValueError(f"{name} is one string: pass a list of texts.")
    container = wrap(X)
    if isinstance(container, FrameContainer):
        if len(container.names) != 1:
            raise ValueError(
                f"{name} has {len(container.names)} columns: pass one column of texts."
            )
        array = container.column(0)
    else:
        array = container.array
        if array.ndim == 1:
            # As it came: NumPy would turn what is no string into one.
            array = np.fromiter(X, dtype=object, count=len(X))
    if array.ndim != 1:
        raise ValueError(
            f"{name} must hold one text to a row, got shape {array.shape}."
        )
    for row, text in enumerate(array.tolist()):
        if not isinstance(text, str):
            raise ValueError(
                f"{name} must hold strings, got {text!r} of type "
                f"{type(text).__name__} in row {row}."
            )
    return array.tolist()
