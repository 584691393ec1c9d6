"""The walk as an environment for actor and critic."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Real
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from .._core.actor import actor_actions
from .._core.neighbors import FloatArray, IntArray
from .._core.rewards import macro_f1
from .._core.votes import NeighborVotes
from .._core.walk import Mixed, Walkers
from ..base import Mixes
from ._actor import ActorPolicy, Limits, pairs, states
from ._evaluators import NeighborEvaluator
from ._judge import has_prediction, with_labels
from ._search import Contest


class MixingEnvironment:
    """Walkers on the training rows of one fold after the other.

    What they mix stays in the training rows, so that it grows to a size that matters,
    until there are `max_mixes`; then the fold begins anew.

    Parameters
    ----------
    contest : Contest
        Its evaluator is a `NeighborEvaluator`; its first split is walked on.

    limits : Limits
        What actions stand for.

    n_walkers : int
        Number of walkers.

    reward : callable
        Reward of a step, of the scores so far and the predicted probabilities around
        the mix.

    needs_probability : bool
        Whether it looks at the latter.

    seed : int
        Randomness of the walks.
    """

    def __init__(
        self,
        contest: Contest,
        limits: Limits,
        n_walkers: int,
        reward: Callable[..., float],
        needs_probability: bool,
        seed: int,
    ) -> None:
        self.contest, self.limits, self.n_walkers = contest, limits, n_walkers
        self.reward, self.needs_probability = reward, needs_probability
        self.rng = RandomState(seed)
        evaluator = contest.evaluator
        assert isinstance(evaluator, NeighborEvaluator)
        self.evaluator, self.ground = evaluator, evaluator.ground
        self.places = [p for p, f in enumerate(evaluator.folds) if f.repeat == 0]
        # Each class in turn, on each fold where there are rows of it to mix.
        self.stages = [
            (p, code)
            for code in self.ground.hoods
            for p in self.places
            if self.ground.can_mix(code, evaluator.folds[p].train)
        ]
        self.predicted = contest.baseline(0).copy()
        self.mixes = {p: self.ground.no_mixes() for p in self.places}
        self.held_out: dict[int, NeighborVotes] = {}
        self.trained: dict[int, NeighborVotes] = {}
        self._count_all()
        self.scores = [self._score()]
        self.episode = -1

    def _count_all(self) -> None:
        judge, rows = self.contest.judge, self.contest.choosing_rows
        self.counted = has_prediction(self.predicted)
        if rows is not None:
            self.counted &= np.bincount(rows, minlength=len(self.counted)) > 0
        counted = self.counted
        self.counts = judge.count(judge.codes[counted], self.predicted[counted])

    @property
    def n_state(self) -> int:
        """Length of a state."""
        return 2 * self.ground.data.Z.shape[1]

    def reset(self) -> FloatArray:
        """Begin an episode on the next fold or class."""
        self.episode += 1
        self.place, self.code = self.stages[self.episode % len(self.stages)]
        self.hoods = self.ground.hoods[self.code]
        fold = self.evaluator.folds[self.place]
        usable = self.hoods.usable(fold.train)
        if len(self.mixes[self.place]) >= self.ground.max_mixes:
            self._begin_anew(self.place)
        starts = np.ones(int((usable & self.hoods.small).sum()))
        self.walkers = Walkers(self.hoods, usable, starts, self.n_walkers, self.rng)
        return states(self.hoods, self.walkers)

    def step(self, actions: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """Let each walker mix, one after the other, and move on."""
        k, share, copies, stop = self.limits.read(actions)
        mixed, walker = self.limits.mix(self.walkers, share, copies, self.rng)
        rewards = np.empty(self.n_walkers)
        for own in range(self.n_walkers):
            self._add(Mixed(*(column[walker == own] for column in mixed)))
            self.scores.append(self._score())
            near = self._near(own, share, k) if self.needs_probability else np.empty(0)
            reward = self.reward(self.scores, near)
            if not (isinstance(reward, Real) and np.isfinite(reward)):
                raise ValueError(
                    f"reward returned {reward!r} for the scores {self.scores[-2:]} and "
                    "what came before. It must return a finite number."
                )
            rewards[own] = reward
        self.walkers.move(share, k)
        done = self.rng.random_sample(self.n_walkers) < stop
        self.walkers.restart(done)
        return states(self.hoods, self.walkers), rewards, done

    def _add(self, mixed: Mixed) -> None:
        """Train on further mixes, and predict what the fold holds out."""
        codes = np.where(mixed.small, self.code, self.ground.codes[mixed.second])
        new = Mixes(mixed.first, mixed.second, mixed.weight, codes)
        Z_new = self.evaluator.coordinates.of(new)
        votes = self._held_out_votes(self.place)
        changed = votes.add(Z_new, codes)
        if self.needs_probability:
            self._training_votes(self.place).add(Z_new, codes)
        # Last, as votes that are counted anew begin with all mixes that are kept.
        self.mixes[self.place] = Mixes.join([self.mixes[self.place], new])
        rows = self.evaluator.folds[self.place].test[changed]
        self._predict(rows, with_labels(votes.votes[changed] / votes.votes[0].sum()))

    def _predict(self, rows: IntArray, predicted: FloatArray) -> None:
        """Change the predictions of some held-out rows, and what is counted of them."""
        judge, counted = self.contest.judge, self.counted[rows]
        codes, before = judge.codes[rows][counted], self.predicted[rows][counted]
        self.counts -= judge.count(codes, before)
        self.counts += judge.count(codes, predicted[counted])
        self.predicted[rows] = predicted

    def _score(self) -> float:
        """Score the predictions of all folds."""
        if self.contest.judge.scorer is None:
            return float(macro_f1(self.counts))
        return self.contest.score(self.predicted)

    def _near(self, own: int, share: FloatArray, k: IntArray) -> FloatArray:
        """Predicted probability of the class for the k training rows near a mix."""
        walkers, fold = self.walkers, self.evaluator.folds[self.place]
        heavier = (walkers.first if share[own] >= 0.5 else walkers.second)[own]
        near = self.hoods.near[heavier]
        near = near[fold.train[near]][: k[own]]
        votes = self._training_votes(self.place)
        rows = (np.cumsum(fold.train) - 1)[near]
        # None where all that are near are held out.
        return votes.votes[rows, self.code] / votes.votes[0].sum()

    def _held_out_votes(self, place: int) -> NeighborVotes:
        if place not in self.held_out:
            self.held_out[place] = self.evaluator.votes_without_mixes(place).copy()
            self._add_known(self.held_out[place], place)
        return self.held_out[place]

    def _training_votes(self, place: int) -> NeighborVotes:
        """Votes for the training rows, each of which is its own nearest row."""
        if place not in self.trained:
            fold, Z = self.evaluator.folds[place], self.evaluator.coordinates.Z
            Z, codes = Z[fold.train], self.ground.codes[fold.train]
            votes = (len(self.ground.classes), self.evaluator.k)
            self.trained[place] = NeighborVotes(Z, codes, Z, *votes)
            self._add_known(self.trained[place], place)
        return self.trained[place]

    def _add_known(self, votes: NeighborVotes, place: int) -> None:
        mixes = self.mixes[place]
        votes.add(self.evaluator.coordinates.of(mixes), mixes.target)

    def _begin_anew(self, place: int) -> None:
        self.mixes[place] = self.ground.no_mixes()
        self.held_out.pop(place, None)
        self.trained.pop(place, None)
        test = self.evaluator.folds[place].test
        self._predict(test, self.contest.baseline(0)[test])

    def in_amounts(self, weights: dict[str, NDArray]) -> list[ActorPolicy]:
        """Make policies of a network, several amounts as its steps know none.

        Parameters
        ----------
        weights : dict of str to ndarray
            Of the actor.

        Returns
        -------
        policies : list of ActorPolicy
            The same walk, with more mixes in each.
        """
        actions = [
            actor_actions(weights, pairs(hoods)) for hoods in self.ground.hoods.values()
        ]
        k, share, copies, stop = self.limits.read(np.concatenate(actions))
        typical = (k.mean(), share.mean(), copies.mean(), stop.mean())
        made = (weights, self.limits, self.n_walkers, tuple(map(float, typical)))
        return [ActorPolicy(*made, amount) for amount in (0.0, 0.33, 0.66, 1.0)]

    def state(self) -> dict[str, NDArray]:
        """What later episodes depend on."""
        _, keys, position, has_gauss, gauss = self.rng.get_state()
        state = {
            "keys": keys,
            "position": np.array([position, has_gauss]),
            "gauss": np.array(gauss),
            "scores": np.array(self.scores),
            "episode": np.array(self.episode),
            "predicted": self.predicted.copy(),
        }
        for place, mixes in self.mixes.items():
            for name, column in vars(mixes).items():
                state[f"{place}:{name}"] = column
        return state

    def load_state(self, state: dict[str, Any]) -> None:
        """Go back to a state, between two episodes."""
        position, has_gauss = state["position"].tolist()
        gauss = float(state["gauss"])
        self.rng.set_state(("MT19937", state["keys"], position, has_gauss, gauss))
        self.scores = state["scores"].tolist()
        self.episode = int(state["episode"])
        self.predicted = state["predicted"].copy()
        self._count_all()
        names = vars(self.ground.no_mixes())
        self.mixes = {
            place: Mixes(*(state[f"{place}:{name}"] for name in names))
            for place in self.places
        }
        self.held_out, self.trained = {}, {}
