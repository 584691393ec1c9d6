"""The walk as an environment for actor and critic, and the actor as a policy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from .._core.actor import actor_actions
from .._core.neighbors import FloatArray, IntArray
from .._core.rewards import macro_f1
from .._core.votes import NeighborVotes
from .._core.walk import BoolArray, Mixed, Neighborhoods, Walkers, join
from ._evaluators import NeighborEvaluator
from ._ground import Coded
from ._judge import with_labels
from ._policy import Amount
from ._search import Contest

# Standard deviation by which the shares of copies of a mix differ.
JITTER = 0.05


@dataclass(frozen=True)
class Limits:
    """What the numbers between 0 and 1 that an actor gives stand for.

    Parameters
    ----------
    max_neighbors : int
        K, the largest neighbourhood.

    max_copies : int
        Most mixes of one pair in a step.

    threshold : float
        eta, the share from which on a mix is of the class.
    """

    max_neighbors: int
    max_copies: int
    threshold: float

    def read(
        self, actions: FloatArray
    ) -> tuple[IntArray, FloatArray, IntArray, FloatArray]:
        """Scale and round actions.

        Parameters
        ----------
        actions : ndarray of shape (w, 4)
            For k, alpha, n and epsilon, each in [0, 1].

        Returns
        -------
        k : ndarray of shape (w,)
            Size of the neighbourhood, from 1 to `max_neighbors`: 0 would end the walk.

        share : ndarray of shape (w,)
            alpha, the share of the row of the class.

        copies : ndarray of shape (w,)
            n, from 1 to `max_copies`.

        stop : ndarray of shape (w,)
            epsilon, the probability that the walk ends.
        """
        k = np.rint(actions[:, 0] * self.max_neighbors).astype(np.intp)
        copies = np.rint(actions[:, 2] * self.max_copies).astype(np.intp)
        return k.clip(1), actions[:, 1], copies.clip(1), actions[:, 3]

    def mix(
        self, walkers: Walkers, share: FloatArray, copies: IntArray, rng: RandomState
    ) -> tuple[Mixed, IntArray]:
        """Mix the pairs of walkers, each as often as it says, the shares jittered.

        Parameters
        ----------
        walkers : Walkers
            Where they stand.

        share : ndarray of shape (w,)
            Share of the first of each pair.

        copies : ndarray of shape (w,)
            Number of mixes of each pair.

        rng : RandomState
            Source of randomness.

        Returns
        -------
        mixed : Mixed
            The mixes.

        walker : ndarray of shape (m,)
            Who made each.
        """
        walker = np.repeat(np.arange(len(share)), copies)
        jittered = share[walker] + JITTER * rng.normal(size=len(walker))
        jittered = jittered.clip(0, 1)
        small = jittered >= self.threshold
        mixed = Mixed(walkers.first[walker], walkers.second[walker], jittered, small)
        return mixed, walker


@dataclass(frozen=True, eq=False)
class ActorPolicy:
    """A walk whose every step an actor decides, from the two rows it stands on.

    Parameters
    ----------
    weights : dict of str to ndarray
        Of the actor's network.

    limits : Limits
        What its outputs stand for.

    n_walkers : int
        Number of walkers.

    typical : tuple of float
        Mean k, alpha, n and epsilon on rows of the class and their nearest others.

    amount : float
        Number of mixes, on a logarithmic scale: 0 is as many as the class has rows, 1
        as many as are asked for.
    """

    weights: dict[str, NDArray]
    limits: Limits
    n_walkers: int
    typical: tuple[float, ...]
    amount: float

    def walk(
        self,
        hoods: Neighborhoods,
        usable: BoolArray,
        amount: Amount,
        rng: RandomState,
    ) -> Mixed:
        """Make mixes of usable rows.

        Parameters
        ----------
        hoods : Neighborhoods
            Which rows are near which.

        usable : ndarray of shape (n,)
            Which rows may be mixed.

        amount : Amount
            How many mixes are asked for.

        rng : RandomState
            Source of randomness.

        Returns
        -------
        mixed : Mixed
            The mixes.
        """
        starts = np.ones(int((usable & hoods.small).sum()))
        size = amount.of(len(starts), self.amount)
        walkers = Walkers(hoods, usable, starts, self.n_walkers, rng)
        made, n_made = [], 0
        while n_made < size:
            actions = actor_actions(self.weights, states(hoods, walkers))
            k, share, copies, stop = self.limits.read(actions)
            mixed, _ = self.limits.mix(walkers, share, copies, rng)
            made.append(mixed)
            n_made += len(mixed.first)
            walkers.move(share, k)
            walkers.restart(rng.random_sample(len(stop)) < stop)
        return Mixed(*(column[:size] for column in join(made)))

    def describe(self) -> str:
        """Say in words and numbers what is mixed.

        Returns
        -------
        words : str
            A sentence.
        """
        k, share, copies, stop = self.typical
        return (
            "a network decides each step from the two rows that a walker stands on; "
            "in the mean of the rows of the class, each with the nearest other row: "
            f"neighbourhood of {k:.1f} rows, of at most {self.limits.max_neighbors}; "
            f"share of the row of the class {share:.2f} (it labels the mix from "
            f"{self.limits.threshold:.2f} on); {copies:.1f} copies, of at most "
            f"{self.limits.max_copies}; end of the walk with probability {stop:.2f}; "
            f"amount {self.amount:.2f}, from 0 for as many mixes as rows of the class "
            "to 1 for as many as asked for."
        )


def _pairs(hoods: Neighborhoods) -> FloatArray:
    """The rows of the class, each with the nearest row of the others."""
    rows = np.flatnonzero(hoods.small)
    return np.hstack([hoods.Z[rows], hoods.Z[hoods.partners[rows, 0]]])


def states(hoods: Neighborhoods, walkers: Walkers) -> FloatArray:
    """Where walkers stand: the coordinates of their two rows, side by side."""
    return np.hstack([hoods.Z[walkers.first], hoods.Z[walkers.second]])


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
        self.mixes: dict[int, Coded] = {p: Coded.none() for p in self.places}
        self.held_out: dict[int, NeighborVotes] = {}
        self.trained: dict[int, NeighborVotes] = {}
        self._count_all()
        self.scores = [self._score()]
        self.episode = -1

    def _count_all(self) -> None:
        judge = self.contest.judge
        held_out = np.isfinite(self.predicted[:, 0])
        self.counts = judge.count(judge.codes[held_out], self.predicted[held_out])

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
            rewards[own] = self.reward(self.scores, near)
        self.walkers.move(share, k)
        done = self.rng.random_sample(self.n_walkers) < stop
        self.walkers.restart(done)
        return states(self.hoods, self.walkers), rewards, done

    def _add(self, mixed: Mixed) -> None:
        """Train on further mixes, and predict what the fold holds out."""
        codes = np.where(mixed.small, self.code, self.ground.codes[mixed.second])
        new = Coded(mixed.first, mixed.second, mixed.weight, codes)
        Z_new = self.evaluator.coordinates.of(new)
        votes = self._held_out_votes(self.place)
        changed = votes.add(Z_new, codes)
        if self.needs_probability:
            self._training_votes(self.place).add(Z_new, codes)
        # Last, as votes that are counted anew begin with all mixes that are kept.
        self.mixes[self.place] = Coded.join([self.mixes[self.place], new])
        rows = self.evaluator.folds[self.place].test[changed]
        self._predict(rows, with_labels(votes.votes[changed] / votes.votes[0].sum()))

    def _predict(self, rows: IntArray, predicted: FloatArray) -> None:
        """Change the predictions of some held-out rows, and what is counted of them."""
        judge = self.contest.judge
        codes = judge.codes[rows]
        self.counts -= judge.count(codes, self.predicted[rows])
        self.predicted[rows] = predicted
        self.counts += judge.count(codes, predicted)

    def _score(self) -> float:
        """Score the predictions of all folds."""
        if self.contest.judge.scorer is None:
            return float(macro_f1(self.counts))
        return self.contest.judge.score(self.predicted)

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
            self.held_out[place] = self.evaluator.known(place).copy()
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
        votes.add(self.evaluator.coordinates.of(mixes), mixes.codes)

    def _begin_anew(self, place: int) -> None:
        self.mixes[place] = Coded.none()
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
            actor_actions(weights, _pairs(hoods))
            for hoods in self.ground.hoods.values()
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
        names = vars(Coded.none())
        self.mixes = {
            place: Coded(*(state[f"{place}:{name}"] for name in names))
            for place in self.places
        }
        self.held_out, self.trained = {}, {}
