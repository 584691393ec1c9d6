"""Rewards of a step of the walk, to be put together by multiplication."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any
from zlib import crc32

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike

from .._core.neighbors import FloatArray
from .._core.rewards import confidence, improvement


class Reward(ABC):
    """Base of rewards: ``reward(scores, probability)`` gives a number.

    ``scores`` holds the held-out score after each step so far, the latest last, and
    ``probability`` the predicted probability of the mixed class for the training rows
    near the mix. ``a * b`` is the product of two rewards, ``2 * a`` a multiple of one.

    Examples
    --------
    The reward of the MixAnN paper:

    >>> from skmix.imbalance import Confidence, Improvement
    >>> reward = 10 * Improvement(window=25) * Confidence()
    >>> round(reward([0.5, 0.75], [0.5, 0.5]), 3)
    0.625
    """

    needs_probability = False

    @abstractmethod
    def __call__(self, scores: Sequence[float], probability: FloatArray) -> float:
        """Reward the last step."""

    def __mul__(self, other: Reward | float) -> Reward:
        """Multiply with another reward, or with a number."""
        if isinstance(other, Real):
            other = _Constant(other)
        return _Product(self, other) if isinstance(other, Reward) else NotImplemented

    __rmul__ = __mul__


class Improvement(Reward):
    """Improvement of the score over its recent average: Eq. 5 of the MixAnN paper.

    Parameters
    ----------
    window : int, default=25
        Number m of scores that the last one is compared with.

    divisor : {"m", "m-1"}, default="m"
        What the sum of these scores is divided by. The paper writes m - 1: then a
        constant score F is punished by F / (m - 1) in every step, and multiplied with
        `Confidence`, whoever walks where the model is unsure is punished most.

    Notes
    -----
    Rewards are multiplied with each other and with numbers: ``10 * Improvement() *
    Confidence()`` is that of the paper.

    Examples
    --------
    >>> from skmix.imbalance import Improvement
    >>> scores = [0.75, 0.75, 0.75, 0.75]
    >>> Improvement(window=3)(scores, None)
    0.0
    >>> Improvement(window=3, divisor="m-1")(scores, None)
    -0.375
    """

    def __init__(self, window: int = 25, divisor: str = "m") -> None:
        if divisor not in ("m", "m-1"):
            raise ValueError(f'divisor must be "m" or "m-1", got {divisor!r}.')
        if not isinstance(window, Integral) or window < 1:
            raise ValueError(f"window must be an integer of at least 1, got {window}.")
        self.window = window
        self.divisor = divisor

    def __call__(self, scores: Sequence[float], probability: FloatArray) -> float:
        """Reward the last step."""
        return improvement(scores, self.window, self.divisor)

    def __repr__(self) -> str:
        return f"Improvement(window={self.window}, divisor={self.divisor!r})"


class Confidence(Reward):
    """How unsure the model is around the mix: Eq. 6 of the MixAnN paper.

    The mean of p (1 - p) over the training rows near the mix, p the predicted
    probability of the class that is mixed.

    Examples
    --------
    >>> import numpy as np
    >>> from skmix.imbalance import Confidence
    >>> Confidence()([], np.array([0.5, 1.0]))
    0.125
    """

    needs_probability = True

    def __call__(self, scores: Sequence[float], probability: FloatArray) -> float:
        """Reward the last step."""
        return confidence(probability)

    def __repr__(self) -> str:
        return "Confidence()"


class _Constant(Reward):
    def __init__(self, number: Any) -> None:
        self.number = number

    def __call__(self, scores: Sequence[float], probability: FloatArray) -> float:
        return self.number

    def __repr__(self) -> str:
        return repr(self.number)


class _Product(Reward):
    def __init__(self, one: Reward, other: Reward) -> None:
        self.one, self.other = one, other
        self.needs_probability = one.needs_probability or other.needs_probability

    def __call__(self, scores: Sequence[float], probability: FloatArray) -> float:
        return self.one(scores, probability) * self.other(scores, probability)

    def __repr__(self) -> str:
        return f"{self.one!r} * {self.other!r}"


def chance(seed: int, numbers: ArrayLike) -> float:
    """Draw a number between 0 and 1, the same for the same numbers: the ablation.

    Parameters
    ----------
    seed : int
        Of all draws.

    numbers : array-like
        What would otherwise be rewarded or scored.

    Returns
    -------
    number : float
        By chance, also where a fit goes on from a checkpoint.
    """
    return float(RandomState([seed, crc32(np.asarray(numbers))]).random_sample())


class RandomReward(Reward):
    """Chance, in place of a reward."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def __call__(self, scores: Sequence[float], probability: FloatArray) -> float:
        """Reward the last step."""
        return chance(self.seed, len(scores))


def random_score(seed: int, predicted: FloatArray, rows: Any = None) -> float:
    """Score predictions by chance.

    Parameters
    ----------
    seed : int
        Of all draws.

    predicted : ndarray
        Predictions.

    rows : ndarray of shape (m,), default=None
        Which of them count, in vain.

    Returns
    -------
    score : float
        Between 0 and 1.
    """
    return chance(seed, predicted)
