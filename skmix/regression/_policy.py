"""The value network of MixRL on the rows of one fit: learn it, read it, judge it."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from .._core.kernels import NystromFeatures
from .._core.mixing import interpolate
from .._core.pairs import unique_pairs
from .._loop import Loop
from .._random import draw_seed
from .._torch.device import resolve_device
from .._torch.influence import InfluenceLearner, MixingProblem
from ..base import ResamplingData
from ..exceptions import JudgementWarning, warn_user

# Share of the most probable options that are kept; held-out rows say which.
KEPT_FRACTIONS = (0.0, 0.35, 0.5, 0.75, 1.0)
# Fewer held-out rows than this rank little but noise: nothing is tuned on them.
MIN_TUNING_ROWS = 100

Split = tuple[NDArray[np.intp], NDArray[np.intp]]
Predict = Callable[[NDArray[np.intp], NDArray[np.intp]], NDArray[np.float64]]


@dataclass
class Learned:
    """What was learned, and how held-out rows were predicted with and without it."""

    judged: NDArray[np.bool_]
    predictions: NDArray[np.float64]
    options: NDArray[np.intp] = field(init=False)
    threshold: float = field(init=False)
    n_iter: int = field(init=False)


class MixingPolicy:
    """All candidate mixes of a fit, and the learners that choose among them.

    Parameters
    ----------
    data : ResamplingData
        Training rows and held-out rows.

    neighbors : sequence of ndarray of shape (n, k_max)
        Neighbours by each kind of distance, nearest first.

    counts : sequence of sequence of int
        Numbers of neighbours to choose from, for each kind of distance.

    mix_ratio : float
        Share of the first parent.

    n_components, n_landmarks : int
        Size of the kernel features.

    hidden_layer_sizes, learning_rate, batch_size
        Of the value network and its training.

    device : str
        Where to compute.

    rng : RandomState
        Source of randomness.
    """

    def __init__(
        self,
        data: ResamplingData,
        neighbors: Sequence[NDArray[np.intp]],
        counts: Sequence[Sequence[int]],
        *,
        mix_ratio: float,
        n_components: int,
        n_landmarks: int,
        hidden_layer_sizes: Sequence[int],
        learning_rate: float,
        batch_size: int,
        device: str,
        rng: RandomState,
    ) -> None:
        self.device = resolve_device(device)
        self.settings = {
            "hidden_layer_sizes": hidden_layer_sizes,
            "learning_rate": learning_rate,
            "batch_size": batch_size,
            "device": self.device,
            "seed": draw_seed(rng),
        }
        self.kinds = [
            (kind, min(count, table.shape[1]))
            for kind, table in enumerate(neighbors)
            for count in counts[kind]
        ]
        n = len(data)
        first = [np.repeat(np.arange(n), table.shape[1]) for table in neighbors]
        second = np.concatenate([table.ravel() for table in neighbors])
        kept, slot = unique_pairs(
            np.concatenate(first), second, ordered=mix_ratio != 0.5
        )
        first, second = np.concatenate(first)[kept], second[kept]
        ends = np.cumsum([table.size for table in neighbors])[:-1]
        slots = [
            part.reshape(table.shape)
            for part, table in zip(np.split(slot, ends), neighbors, strict=True)
        ]
        weight = np.full(len(first), mix_ratio)
        Z_mix = data.encoder(data.columns, *data.columns.mix(first, second, weight))
        features = NystromFeatures(data.Z, n_components, n_landmarks, rng)
        center, spread = data.target.mean(axis=0), data.target.std(axis=0)
        spread[spread == 0] = 1.0
        targets = (data.target - center) / spread
        self.center, self.spread = center, spread
        self.features_val = features(data.Z_val)
        self.targets_val = (data.target_val - center) / spread
        self.problem = MixingProblem(
            rows=np.hstack([data.Z, targets]),
            options=np.array(self.kinds),
            slots=slots,
            features=features(data.Z),
            targets=targets,
            features_mix=features(Z_mix),
            targets_mix=interpolate(targets, first, second, weight),
        )

    def learn(
        self,
        loop: Loop,
        halves: Sequence[Split],
        threshold: float | str,
        max_iter: int,
        predict: Predict | None,
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

        predict : callable or None
            Predicts held-out rows by an estimator that was trained with some options;
            None takes the kernel model.

        Returns
        -------
        learned : Learned
            The options, and predictions of the held-out rows that were judged.
        """
        n_val = len(self.targets_val)
        if threshold == "auto" and n_val < MIN_TUNING_ROWS:
            warn_user(
                f"X_val has {n_val} rows, too few to tune the threshold on: three "
                f"quarters of the rows are mixed. Pass at least {MIN_TUNING_ROWS}, or "
                "add them to the training rows.",
                JudgementWarning,
            )
        learned = Learned(np.zeros(n_val, bool), np.empty((2, *self.targets_val.shape)))
        everything = (np.arange(n_val), np.arange(0))
        for number, (own, other) in enumerate([*halves, everything], start=1):
            phase = f"half {number}" if len(other) else "all"
            learner = InfluenceLearner(
                self.problem,
                self.features_val[own],
                self.targets_val[own],
                **self.settings,
            )
            learned.n_iter = loop.run(learner, phase, max_iter)
            learned.options, learned.threshold = self.choose(learner, threshold)
            if len(other):
                arms = learned.options, np.zeros_like(learned.options)
                for arm, options in enumerate(arms):
                    learned.predictions[arm, other] = (
                        self.predict(learner, options, other)
                        if predict is None
                        else predict(options, other)
                    )
                learned.judged[other] = True
            if loop.interrupted:
                break
        return learned

    def choose(
        self, learner: InfluenceLearner, threshold: float | str
    ) -> tuple[NDArray[np.intp], float]:
        """Choose each row's best option of each kind, where it reaches the threshold.

        Returns
        -------
        options : ndarray of shape (n, 2)
            Numbers of neighbours; 0 where no option reaches the threshold.

        threshold : float
            The threshold; above 1 where not mixing was best.
        """
        probabilities = learner.probabilities()
        kind, count = np.array(self.kinds).T
        n_kinds = len(self.problem.slots)
        best = np.full((len(probabilities), n_kinds), -1.0)
        options = np.zeros((len(probabilities), n_kinds), dtype=np.intp)
        for place in np.unique(kind):
            own = probabilities[:, kind == place]
            best[:, place] = own.max(axis=1)
            options[:, place] = count[kind == place][own.argmax(axis=1)]
        if threshold == "auto":
            threshold = self._tune(learner, best, options)
        return np.where(best >= threshold, options, 0), float(threshold)

    def _tune(
        self,
        learner: InfluenceLearner,
        best: NDArray[np.floating],
        options: NDArray[np.intp],
    ) -> float:
        ranked = np.sort(best[best >= 0])[::-1]
        fractions = KEPT_FRACTIONS
        # Decided once for a fit: a half is judged as the whole is learned.
        if len(self.targets_val) < MIN_TUNING_ROWS:
            fractions = (0.75,)
        losses = {}
        for fraction in fractions:
            kept = round(fraction * len(ranked))
            # Above 1 no option is kept.
            threshold = float(ranked[kept - 1]) if kept else 2.0
            mixes = self.mixes(np.where(best >= threshold, options, 0))
            losses[threshold] = learner.loss_of(mixes)
        return min(losses, key=losses.__getitem__)

    def mixes(self, options: NDArray[np.intp]) -> NDArray[np.intp]:
        """The distinct mixes of chosen options, as places among all candidates."""
        chosen = [
            slots[np.arange(slots.shape[1]) < options[:, kind, None]]
            for kind, slots in enumerate(self.problem.slots)
        ]
        return np.unique(np.concatenate(chosen))

    def predict(
        self,
        learner: InfluenceLearner,
        options: NDArray[np.intp],
        held_out: NDArray[np.intp],
    ) -> NDArray[np.float64]:
        """Predict held-out rows by the kernel model, trained on rows and mixes.

        Its ridge strength is the best on the rows that the learner sees.
        """
        prediction = learner.predict(self.mixes(options), self.features_val[held_out])
        return prediction * self.spread + self.center
