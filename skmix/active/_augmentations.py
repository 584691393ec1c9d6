"""What is made of rows: mixes of two, transformed images, rows from a model."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import partial
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import BaseEstimator

from .._compat import Interval, StrOptions, validate_parameter
from .._core.lookahead import (
    best_tau,
    expected_scores,
    mix_ratios,
    tau_grid,
)
from .._random import draw_seed
from .._validation import check_layers
from ._acquisitions import RowAcquisition, Scores
from ._views import INPUT, View, network_of

# Ratios at which mixes are scored, 0 and 1 among them.
N_RATIOS = 9

# Values of tau that are tried.
N_TAUS = 41

LAYERS = [StrOptions({"auto"}), "array-like"]


@dataclass
class Lookahead:
    """What mixes of pairs of rows promise.

    Attributes
    ----------
    tau : ndarray of shape (m,)
        Parameter of Beta(tau, tau) for each pair.

    score : ndarray of shape (m,)
        Expected score of its mixes.

    history : list of float
        Mean score while a policy was learned; empty if none was.
    """

    tau: NDArray[np.float64]
    score: Scores
    history: list[float] = field(default_factory=list)


class Augmentation(BaseEstimator, metaclass=ABCMeta):
    """Base class of augmentations.

    Attributes
    ----------
    looks_ahead : bool
        Whether it can be applied to rows without a label.

    mixes_pairs : bool
        Whether it mixes two rows, and with them their labels. Others keep the label.

    See Also
    --------
    LADASelector : Uses them.

    Examples
    --------
    >>> from skmix.active import CVAE, InfoMixup
    >>> InfoMixup().looks_ahead, CVAE().looks_ahead
    (True, False)
    """

    looks_ahead: ClassVar[bool] = True
    mixes_pairs: ClassVar[bool] = True
    _parameter_constraints: ClassVar[dict] = {}

    def _check_parameters(self) -> None:
        for name in self._parameter_constraints:
            validate_parameter(self, name)

    def _choose_layer(self, classifier: Any, rows: Any, rng: RandomState) -> str | int:
        """Where rows are mixed in this round."""
        return INPUT


class PairAugmentation(Augmentation):
    """What mixes two rows at a ratio from a distribution Beta(tau, tau)."""

    @abstractmethod
    def _look(self, pairs: PairScores, rng: RandomState, device: str) -> Lookahead:
        """Find tau, and the expected scores of the mixes."""


@dataclass
class PairScores:
    """Pairs of rows whose mixes are to be scored.

    Attributes
    ----------
    view : View
        Where they are mixed.

    acquisition : RowAcquisition
        What scores them.

    Z : object
        Rows as the view reads them.

    first, second : ndarray of shape (m,)
        Places of both rows of each pair.

    own : ndarray of shape (n,)
        Scores of the rows themselves: those of mixes at the ratios 0 and 1.
    """

    view: View
    acquisition: RowAcquisition
    Z: Any
    first: NDArray[np.intp]
    second: NDArray[np.intp]
    own: Scores

    def at_ratios(self) -> Scores:
        """Scores (m, `N_RATIOS`) of mixes at fixed ratios, in blocks of pairs."""
        scores = np.empty((len(self.first), N_RATIOS))
        scores[:, 0], scores[:, -1] = self.own[self.second], self.own[self.first]
        inner = mix_ratios(N_RATIOS)[1:-1]
        n_pairs = max(1, self.view.block // len(inner))
        for begin in range(0, len(scores), n_pairs):
            block = slice(begin, begin + n_pairs)
            first, second = self.first[block], self.second[block]
            # All ratios in one call: what a classifier costs beside its rows is spent
            # once.
            mixed = self.view.mix(
                self.Z,
                np.repeat(first, len(inner)),
                np.repeat(second, len(inner)),
                np.tile(inner, len(first)),
            )
            score = self.acquisition._score(self.view, mixed)
            scores[block, 1:-1] = score.reshape(len(first), -1)
        return scores


class Mixup(PairAugmentation):
    """Mixes two rows as they come, at a ratio from Beta(tau, tau) with a fixed tau.

    Parameters
    ----------
    tau : float, default=2.0
        Parameter of the distribution: below 1 most mixes are close to one of the rows,
        above 1 most are in the middle.

    See Also
    --------
    ManifoldMixup : Mixes at a hidden layer.
    InfoMixup : Learns tau for each pair.

    References
    ----------
    .. [1] Zhang, Cisse, Dauphin and Lopez-Paz, "mixup: beyond empirical risk
       minimization", ICLR 2018.

    Examples
    --------
    >>> from skmix.active import LADASelector, Mixup
    >>> selector = LADASelector(augmentation=Mixup(tau=1.0))
    """

    _parameter_constraints: ClassVar[dict] = {
        "tau": [Interval(Real, 0, None, closed="neither")]
    }

    def __init__(self, tau: float = 2.0) -> None:
        self.tau = tau

    def _look(self, pairs: PairScores, rng: RandomState, device: str) -> Lookahead:
        tau = np.full(len(pairs.first), float(self.tau))
        return Lookahead(tau, expected_scores(pairs.at_ratios(), tau))


class ManifoldMixup(Mixup):
    """Mixes two rows at a hidden layer of a network, with a fixed tau.

    Parameters
    ----------
    tau : float, default=2.0
        Parameter of the distribution Beta(tau, tau) of ratios. The authors of LADA have
        2.0 in their program.

    layers : "auto" or list, default="auto"
        Where to mix; one of them is drawn for each query, and kept for the training
        that follows. "auto": behind each block of the network but the last. Else names
        of modules as ``named_modules`` gives them, or "input", or numbers for a network
        with a method ``forward_between(x, start, stop)``.

    See Also
    --------
    Mixup : For classifiers without layers.

    References
    ----------
    .. [1] Verma, Lamb, Beckham, Najafi, Mitliagkas, Lopez-Paz and Bengio, "Manifold
       mixup: better representations by interpolating hidden states", ICML 2019.

    Examples
    --------
    >>> from skmix.active import LADAClassifier, LADASelector, ManifoldMixup
    >>> selector = LADASelector(LADAClassifier(), augmentation=ManifoldMixup())
    """

    _parameter_constraints: ClassVar[dict] = {
        **Mixup._parameter_constraints,
        "layers": LAYERS,
    }

    def __init__(
        self, tau: float = 2.0, *, layers: str | Sequence[str | int] = "auto"
    ) -> None:
        super().__init__(tau)
        self.layers = layers

    def _choose_layer(self, classifier: Any, rows: Any, rng: RandomState) -> str | int:
        if network_of(classifier) is None:
            raise ValueError(
                "augmentation='manifold_mixup' mixes at a hidden layer, and "
                f"{type(classifier).__name__} has none: use 'mixup' or 'infomixup', "
                "or a network such as LADAClassifier."
            )
        layer = _draw_layer(self.layers, classifier, rows, rng)
        if layer == INPUT and isinstance(self.layers, str):
            raise ValueError(
                "augmentation='manifold_mixup' mixes at a hidden layer, and the "
                "network cannot be cut behind any of its blocks: connections lead "
                "around them, or they are passed more than once. Name modules in "
                "layers, give the network a method forward_between(x, start, stop) "
                "and list numbers of layers, or use 'mixup' or 'infomixup', which mix "
                "at the input."
            )
        return layer


class InfoMixup(PairAugmentation):
    """Mixes two rows by the Beta(tau, tau) whose mixes have the greatest score.

    Tau is found for each pair, Eq. 8 of the paper. Rows are mixed at a hidden layer of
    a network, and as they come for other classifiers.

    Parameters
    ----------
    tau_bounds : tuple of float, default=(0.1, 20.0)
        Between which tau lies. They are part of the method: most pairs end at one of
        them.

    policy : {"quadrature", "network"}, default="quadrature"
        How tau is found. "quadrature" scores mixes at nine fixed ratios, and takes the
        best of 41 values of tau for each pair: exact but for the grids, the same each
        time, and good for every classifier. "network" is the paper's: a network that
        gets both rows and says tau, trained by the gradients of the scores of drawn
        mixes. It needs a network as the classifier, and an acquisition with gradients.

    layers : "auto" or list, default="auto"
        Where to mix; see :class:`ManifoldMixup`.

    hidden_layer_sizes : int or sequence of int, default=(64,)
        Units of the hidden layers of the policy network.

    learning_rate : float, default=0.001
        Step size of Adam for the policy network. The paper's 5e-5 is not enough for the
        hundred steps that it makes.

    batch_size : int, default=100
        Number of pairs in a batch for the policy network.

    max_iter : int, default=10
        Number of epochs of the policy network.

    n_ratios : int, default=5
        Number of ratios that are drawn for each pair while the policy network learns,
        the paper's N.

    See Also
    --------
    Mixup : The same with a fixed tau.

    Notes
    -----
    For m pairs, the quadrature asks the classifier for 7 m predictions. Acquisitions of
    sets have no score to find tau by: after them it is 2.

    The optimum over symmetric distributions is often at a bound: the upper one where
    the mixes in the middle have the greatest score, the lower one where a row itself
    has.

    References
    ----------
    .. [1] Kim, Song, Jang and Moon, "LADA: look-ahead data acquisition via augmentation
       for active learning", 2020.

    Examples
    --------
    >>> from skmix.active import InfoMixup, LADASelector
    >>> selector = LADASelector(augmentation=InfoMixup(tau_bounds=(0.5, 5.0)))
    """

    _parameter_constraints: ClassVar[dict] = {
        "tau_bounds": ["array-like"],
        "policy": [StrOptions({"quadrature", "network"})],
        "layers": LAYERS,
        "hidden_layer_sizes": ["array-like", Integral],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "n_ratios": [Interval(Integral, 1, None, closed="left")],
    }

    # For pairs that no score was asked of.
    tau: ClassVar[float] = 2.0

    def __init__(
        self,
        tau_bounds: tuple[float, float] = (0.1, 20.0),
        *,
        policy: str = "quadrature",
        layers: str | Sequence[str | int] = "auto",
        hidden_layer_sizes: int | Sequence[int] = (64,),
        learning_rate: float = 1e-3,
        batch_size: int = 100,
        max_iter: int = 10,
        n_ratios: int = 5,
    ) -> None:
        self.tau_bounds = tau_bounds
        self.policy = policy
        self.layers = layers
        self.hidden_layer_sizes = hidden_layer_sizes
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.n_ratios = n_ratios

    def _check_parameters(self) -> None:
        super()._check_parameters()
        bounds = np.asarray(self.tau_bounds)
        if bounds.shape != (2,) or bounds.dtype.kind not in "iuf":
            raise ValueError(
                f"tau_bounds must be two numbers, got {self.tau_bounds!r}."
            )
        if not (0 < bounds[0] < bounds[1] < np.inf):
            raise ValueError(
                "tau_bounds must be positive, finite and in order, got "
                f"{self.tau_bounds!r}. For a fixed tau use Mixup or ManifoldMixup."
            )

    def _choose_layer(self, classifier: Any, rows: Any, rng: RandomState) -> str | int:
        return _draw_layer(self.layers, classifier, rows, rng)

    def _look(self, pairs: PairScores, rng: RandomState, device: str) -> Lookahead:
        low, high = map(float, self.tau_bounds)
        if self.policy == "quadrature":
            return Lookahead(*best_tau(pairs.at_ratios(), tau_grid(low, high, N_TAUS)))
        if not pairs.acquisition.differentiable:
            raise ValueError(
                "policy='network' learns by gradients, which the scores of "
                f"{type(pairs.acquisition).__name__} do not have: use "
                "policy='quadrature', or the acquisition 'entropy', 'var_ratio', "
                "'margin', 'bald' or 'vaal'."
            )
        scores = pairs.acquisition._torch_scores(pairs.view)
        from .._torch import beta_policy  # imports torch

        Z = pairs.view.tensor(pairs.Z)
        first, second = Z[pairs.first], Z[pairs.second]
        expected = partial(expected_scores, pairs.at_ratios())
        policy, history = beta_policy.train_policy(
            scores,
            first,
            second,
            expected,
            tau_bounds=(low, high),
            hidden_layer_sizes=check_layers(
                self.hidden_layer_sizes, "hidden_layer_sizes"
            ),
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            max_iter=self.max_iter,
            n_ratios=self.n_ratios,
            seed=draw_seed(rng),
        )
        tau = beta_policy.taus(policy, first, second)
        return Lookahead(tau, expected(tau), history)


def _draw_layer(layers: Any, classifier: Any, rows: Any, rng: RandomState) -> str | int:
    """One of the layers that a network may be cut behind."""
    network = network_of(classifier)
    if isinstance(layers, str) and network is not None:
        from .._torch.model import Model  # imports torch

        module, scale = network
        names: Sequence = Model(module, scale(rows)).layers()
    elif isinstance(layers, str):
        names = [INPUT]
    else:
        names = list(layers)
        if not names:
            raise ValueError("layers is empty: list layers, or leave it at 'auto'.")
    return names[rng.randint(len(names))]
