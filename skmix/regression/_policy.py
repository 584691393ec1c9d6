"""The value network of MixRL on the rows of one fit: learn it, read it, judge it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone

from .._core.kernels import NystromFeatures
from .._core.mixing import deviations, interpolate
from .._core.pairs import unique_pairs
from .._data import PutTogether
from .._loop import Loop
from .._random import draw_seed
from .._stopping import stops_by_held_out_rows
from .._torch.device import resolve_device, to_device
from .._torch.influence import InfluenceLearner
from .._torch.policy import PolicyLearner
from .._training import seeded
from ..base import Mixes, ResamplingData
from ..exceptions import JudgementWarning, warn_user
from ._neighbors import NeighborRecipe
from ._search import fit_predict, held_out_rows

# Share of the most probable options that are kept; held-out rows say which.
KEPT_FRACTIONS = (0.0, 0.35, 0.5, 0.75, 1.0)
# Fewer held-out rows than this rank little but noise: nothing is tuned on them.
MIN_TUNING_ROWS = 100
# Mixes whose features are made at a time.
BLOCK_SIZE = 2**16

IntArray = NDArray[np.intp]
Split = tuple[IntArray, IntArray]


@dataclass
class Learned:
    """What was learned, and how held-out rows were predicted with and without it."""

    judged: NDArray[np.bool_]
    predictions: NDArray[np.float64]
    options: IntArray = field(init=False)
    threshold: float = field(init=False)
    n_iter: int = field(init=False)


class MixingPolicy(ABC):
    """All candidate mixes of a fit, and the learners that choose among them.

    Parameters
    ----------
    data : ResamplingData
        Training rows to learn from, and held-out rows.

    everything : ResamplingData
        All training rows, if these are some of them; else the same.

    recipe : NeighborRecipe
        Whom to mix with, and at what shares.

    counts : sequence of sequence of int
        Numbers of neighbours to choose from, for each kind of distance of the recipe.

    estimator : regressor or None
        Predicts held-out rows by which the result is judged.

    put_together : callable
        Makes rows of training rows and mixes, as the user would have passed them.

    device : str
        Where to compute.

    settings : dict
        Of the value network and its training.

    rng : RandomState
        Source of randomness.

    Attributes
    ----------
    pool : Mixes
        All distinct candidate mixes.

    targets, targets_val : ndarray of shape (n, t), (v, t)
        Labels, standardised by the training rows.
    """

    def __init__(
        self,
        data: ResamplingData,
        everything: ResamplingData,
        recipe: NeighborRecipe,
        counts: Sequence[Sequence[int]],
        estimator: BaseEstimator | None,
        put_together: PutTogether,
        *,
        device: str,
        settings: dict[str, Any],
        rng: RandomState,
    ) -> None:
        self.data, self.everything = data, everything
        self.recipe = recipe
        self.recipe_of_all = recipe if everything is data else recipe.on(everything)
        self.estimator = estimator
        self.put_together = put_together
        self.device = resolve_device(device)
        self.settings = {**settings, "device": self.device, "seed": draw_seed(rng)}
        self.seed = draw_seed(rng)
        tables = recipe.neighbors
        self.kinds = np.unique(
            [
                (kind, min(count, table.shape[1]))
                for kind, table in enumerate(tables)
                for count in counts[kind]
            ],
            axis=0,
        )
        rows = [np.repeat(np.arange(len(data)), table.shape[1]) for table in tables]
        first = np.concatenate(rows)
        second = np.concatenate([table.ravel() for table in tables])
        kept, slot = unique_pairs(first, second, ordered=recipe.ratio.fixed != 0.5)
        first, second = first[kept], second[kept]
        weight = recipe.ratio.draw(first, second, rng)
        target = interpolate(data.target, first, second, weight)
        self.pool = Mixes(first, second, weight, target)
        ends = np.cumsum([table.size for table in tables])[:-1]
        self.slots = [
            part.reshape(table.shape)
            for part, table in zip(np.split(slot, ends), tables, strict=True)
        ]
        self.center, self.spread = data.target.mean(axis=0), deviations(data.target)
        self.targets = self._standardise(data.target)
        self.targets_val = self._standardise(data.target_val)
        # Rows, options and slots, as every learner takes them: moved once in a fit.
        inputs = np.hstack([data.Z, self.targets])
        self.arguments = (
            to_device(inputs, self.device),
            to_device(self.kinds, self.device),
            [to_device(table, self.device) for table in self.slots],
        )

    def _standardise(self, target: NDArray[np.float64]) -> NDArray[np.float64]:
        return (target - self.center) / self.spread

    @abstractmethod
    def learner(self, own: IntArray) -> PolicyLearner:
        """Make what learns from some of the held-out rows."""

    def learn(
        self,
        loop: Loop,
        halves: Sequence[Split],
        threshold: float | str,
        max_iter: int,
    ) -> Learned:
        """Learn from all held-out rows, once either half has been judged by the other.

        Parameters
        ----------
        loop : Loop
            Runs the learners.

        halves : sequence of (own, other)
            Held-out rows to learn from, and to judge by; empty for no judgement.

        threshold : "auto" or float
            Probability that an option must reach.

        max_iter : int
            Number of updates for each learner.

        Returns
        -------
        learned : Learned
            The options, and predictions of the held-out rows that were judged.
        """
        n_val = len(self.targets_val)
        if threshold == "auto" and n_val < MIN_TUNING_ROWS:
            warn_user(
                f"X_val has {n_val} rows, too few to tune the threshold on: three "
                "quarters of all rows' best options are kept. Pass at least "
                f"{MIN_TUNING_ROWS}, or add them to the training rows.",
                JudgementWarning,
            )
        learned = Learned(np.zeros(n_val, bool), np.empty((2, *self.targets_val.shape)))
        everything = (np.arange(n_val), np.arange(0))
        for number, (own, other) in enumerate([*halves, everything], start=1):
            phase = f"half {number}" if len(other) else "all"
            learner = self.learner(own)
            learned.n_iter = loop.run(learner, phase, max_iter)
            options, learned.threshold = self.choose(learner, threshold)
            learned.options = options
            if self.everything is not self.data:
                learned.options = self.choose_for_all(learner, learned.threshold)
            if self.estimator is not None:
                options = learned.options
            if len(other):
                arms = options, np.zeros_like(options)
                for arm, options in enumerate(arms):
                    learned.predictions[arm, other] = self.predict(
                        learner, options, own, other
                    )
                learned.judged[other] = True
            if loop.interrupted:
                break
        return learned

    def choose(
        self, learner: PolicyLearner, threshold: float | str
    ) -> tuple[IntArray, float]:
        """Choose each row's best option of each kind, where it reaches the threshold.

        Returns
        -------
        options : ndarray of shape (n, kinds)
            Numbers of neighbours; 0 where no option reaches the threshold.

        threshold : float
            The threshold; above 1 where not mixing was best.
        """
        best, options = self._best(learner.probabilities())
        if threshold == "auto":
            threshold = self._tune(learner, best, options)
        return np.where(best >= threshold, options, 0), float(threshold)

    def choose_for_all(self, learner: PolicyLearner, threshold: float) -> IntArray:
        """Choose the options of all rows, where some were learned from."""
        data, chosen = self.everything, []
        for start in range(0, len(data), BLOCK_SIZE):
            block = slice(start, start + BLOCK_SIZE)
            Z = self.recipe.encoder(data.columns.take(block))
            inputs = np.hstack([Z, self._standardise(data.target[block])])
            best, options = self._best(learner.probabilities(inputs))
            chosen.append(np.where(best >= threshold, options, 0))
        return np.concatenate(chosen)

    def _best(
        self, probabilities: NDArray[np.floating]
    ) -> tuple[NDArray[np.floating], IntArray]:
        """The best option of each kind for each row, and its probability."""
        kind, count = self.kinds.T
        best = np.empty((len(probabilities), len(self.slots)))
        options = np.empty(best.shape, dtype=np.intp)
        for place in range(len(self.slots)):
            own = probabilities[:, kind == place]
            best[:, place] = own.max(axis=1)
            options[:, place] = count[kind == place][own.argmax(axis=1)]
        return best, options

    def _tune(
        self, learner: PolicyLearner, best: NDArray[np.floating], options: IntArray
    ) -> float:
        ranked = np.sort(best, axis=None)[::-1]
        # Decided once for a fit: a half is judged as the whole is learned.
        few = len(self.targets_val) < MIN_TUNING_ROWS
        # Above 1 no option is kept.
        thresholds = [
            float(ranked[round(fraction * len(ranked)) - 1]) if fraction else 2.0
            for fraction in ((0.75,) if few else KEPT_FRACTIONS)
        ]
        if few:
            return thresholds[0]
        losses = learner.losses_of(
            [self.mixes(np.where(best >= t, options, 0)) for t in thresholds]
        )
        return thresholds[int(np.argmin(losses))]

    def mixes(self, options: IntArray) -> IntArray:
        """The distinct mixes of chosen options, as places among all candidates."""
        chosen = [
            slots[np.arange(slots.shape[1]) < options[:, kind, None]]
            for kind, slots in enumerate(self.slots)
        ]
        return np.unique(np.concatenate(chosen))

    def predict(
        self,
        learner: PolicyLearner,
        options: IntArray,
        own: IntArray,
        other: IntArray,
    ) -> NDArray[np.float64]:
        """Predict held-out rows by the estimator, trained on rows and mixes."""
        mixes = self.recipe_of_all.draw(options, RandomState(self.seed))
        X, y = self.put_together(self.everything, mixes)
        held_out = self.held_out(own)
        X_other = self.data.X_val.take(other)
        # Both arms from one seed, so that only the mixes differ.
        model = seeded(clone(self.estimator), self.estimator, self.seed)
        return fit_predict(model, X, y, held_out, X_other)

    def held_out(self, own: IntArray) -> dict[str, Any]:
        """Held-out rows for an estimator whose ``fit`` takes some to stop by."""
        if not stops_by_held_out_rows(self.estimator):
            return {}
        return held_out_rows(self.data, own)


class InfluencePolicy(MixingPolicy):
    """Learns by the influence of mixes on kernel ridge regression.

    Parameters
    ----------
    *arguments
        See `MixingPolicy`.

    n_components, n_landmarks : int
        Size of the kernel features.

    rng : RandomState
        Source of randomness.

    **named
        See `MixingPolicy`.
    """

    def __init__(
        self,
        *arguments: Any,
        n_components: int,
        n_landmarks: int,
        rng: RandomState,
        **named: Any,
    ) -> None:
        super().__init__(*arguments, rng=rng, **named)
        data, pool = self.data, self.pool
        kernel = NystromFeatures(data.Z, n_components, n_landmarks, rng)
        n, m = len(data), len(pool.first)
        features = np.empty((n + m, kernel.n_features), dtype=np.float32)
        features[:n] = kernel(data.Z)
        for start in range(0, m, BLOCK_SIZE):
            rows = slice(start, start + BLOCK_SIZE)
            mixed = data.columns.mix(
                pool.first[rows], pool.second[rows], pool.weight[rows]
            )
            places = slice(n + start, n + start + BLOCK_SIZE)
            features[places] = kernel(data.encoder(data.columns, *mixed))
        targets = np.vstack([self.targets, self._standardise(pool.target)])
        self.features_val = kernel(data.Z_val)
        self.placed, self.placed_val = (
            tuple(to_device(part, self.device) for part in parts)
            for parts in (
                (features, targets),
                (self.features_val, self.targets_val),
            )
        )

    def learner(self, own: IntArray) -> InfluenceLearner:
        """Make what learns from some of the held-out rows."""
        return InfluenceLearner(
            *self.arguments,
            features=self.placed[0],
            targets=self.placed[1],
            features_val=self.placed_val[0][own],
            targets_val=self.placed_val[1][own],
            **self.settings,
        )

    def predict(
        self,
        learner: PolicyLearner,
        options: IntArray,
        own: IntArray,
        other: IntArray,
    ) -> NDArray[np.float64]:
        """Predict held-out rows by the estimator, or by the kernel model if none."""
        if self.estimator is not None:
            return super().predict(learner, options, own, other)
        mixes = self.mixes(options)
        return (
            learner.predict(mixes, self.features_val[other]) * self.spread + self.center
        )
