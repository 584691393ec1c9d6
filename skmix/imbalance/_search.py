"""Search over policies: those that are known, random ones, and children of the best."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import astuple
from time import monotonic

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from .._core.neighbors import FloatArray
from ._evaluators import Evaluator
from ._judge import N_BLOCKS, Judge
from ._policy import Policy, UnionPolicy, WalkPolicy, hand_set_policies

N_NUMBERS = 12
# Children take each number from either parent, and move it by this much on average.
STEP = 0.08


class PolicySearch:
    """Scores hand-set policies, random ones, and children of the best so far.

    Parameters
    ----------
    score : callable
        Gives the score of a policy, of the policy and a seed.

    n_random : int
        Number of random policies.

    n_rounds, n_children : int
        How often children are made of the best so far, and how many.

    n_elite : int
        From how many of the best.

    seed : int
        Randomness of policies and scores.
    """

    def __init__(
        self,
        score: Callable[[Policy, int], float],
        n_random: int,
        n_rounds: int,
        n_children: int,
        n_elite: int,
        seed: int,
    ) -> None:
        self.score, self.seed = score, seed
        self.n_random, self.n_children, self.n_elite = n_random, n_children, n_elite
        self.hand_set = hand_set_policies()
        self.n_policies = len(self.hand_set) + n_random + n_rounds * n_children
        self.policies: list[WalkPolicy] = []
        self.scores: list[float] = []

    def step(self) -> dict[str, float]:
        """Score the next policy."""
        number = len(self.scores)
        # One seed to each, so that an interrupted search goes on as it would have.
        rng = RandomState(self.seed + number)
        self.policies.append(self._next(number, rng))
        self.scores.append(self.score(self.policies[-1], self.seed + 1000 * number))
        return {"objective": -self.scores[-1], "score": self.scores[-1]}

    def _next(self, number: int, rng: RandomState) -> WalkPolicy:
        if number < len(self.hand_set):
            return self.hand_set[number]
        number -= len(self.hand_set)
        if number < self.n_random:
            return WalkPolicy.from_unit(rng.random_sample(N_NUMBERS))
        # Parents are the best when the round began.
        begin = number - (number - self.n_random) % self.n_children
        elite = _descending(self.scores[: len(self.hand_set) + begin])[: self.n_elite]
        one, other = (self.policies[i].to_unit() for i in rng.choice(elite, 2))
        child = np.where(rng.random_sample(N_NUMBERS) < 0.5, one, other)
        child += STEP * rng.normal(size=N_NUMBERS)
        return WalkPolicy.from_unit(child.clip(0, 1))

    def best(self, n_best: int) -> list[Policy]:
        """Give the policies with the highest scores, highest first."""
        return [self.policies[i] for i in _descending(self.scores)[:n_best]]

    def state(self) -> dict[str, NDArray]:
        """The policies and scores so far."""
        numbers = [astuple(policy) for policy in self.policies]
        return {
            "policies": np.array(numbers).reshape(-1, N_NUMBERS),
            "scores": np.array(self.scores),
        }

    def load_state(self, state: dict[str, NDArray]) -> None:
        """Go on after the policies that have been scored."""
        self.policies = [WalkPolicy(*row) for row in state["policies"].tolist()]
        self.scores = state["scores"].tolist()

    def policy(self) -> dict[str, NDArray]:
        """Nothing to keep: all policies stay at hand."""
        return {}

    def load_policy(self, policy: dict[str, NDArray]) -> None:
        """Nothing to put in place."""


class Contest:
    """Predictions of held-out rows by one evaluator, and what they are worth.

    Parameters
    ----------
    evaluator : Evaluator
        Predicts.

    judge : Judge
        Says how likely a gain is by chance.

    score : callable
        Gives the score of predictions, for all held-out rows or for some.

    n_fresh : int
        By how many splits of the rows, at most and leaving one, only the winner is
        judged.

    seed : int
        Randomness of the mixes.

    halve : bool, default=False
        Whether half of the held-out rows choose, and only the others judge.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        judge: Judge,
        score: Callable[..., float],
        n_fresh: int,
        seed: int,
        halve: bool = False,
    ) -> None:
        self.evaluator, self.judge, self.score_rows = evaluator, judge, score
        # Those that choose; None for all.
        self.choosing_rows = np.flatnonzero(judge.block % 2 == 0) if halve else None
        n_repeats = 1 + max(fold.repeat for fold in evaluator.folds)
        n_choosing = max(1, n_repeats - n_fresh)
        self.choosing, self.judging = range(n_choosing), range(n_choosing, n_repeats)
        self.seed = seed
        self.untouched: dict[int, FloatArray] = {}

    def score(self, predicted: FloatArray, rows: NDArray | None = None) -> float:
        """Score predictions.

        Parameters
        ----------
        predicted : ndarray of shape (v, n_classes + 1)
            Predictions; see `Evaluator`.

        rows : ndarray of shape (m,), default=None
            Rows that count; None for those that choose.

        Returns
        -------
        score : float
            Greater is better.
        """
        score = self.score_rows(predicted, self.choosing_rows if rows is None else rows)
        if rows is None and not np.isfinite(score):
            raise ValueError(
                f"scoring gave {score} for the predictions of held-out rows. Pass a "
                "scorer that gives a finite number."
            )
        return score

    def baseline(self, repeat: int) -> FloatArray:
        """Predict with the rows as they are.

        Parameters
        ----------
        repeat : int
            Which split.

        Returns
        -------
        predicted : ndarray of shape (v, n_classes + 1)
            Predictions; see `Evaluator`.
        """
        if repeat not in self.untouched:
            self.untouched[repeat] = self.evaluator.predict(None, repeat, self.seed)
        return self.untouched[repeat]

    def seconds_to_judge(self, n_union: int) -> tuple[float, float]:
        """Estimate what it takes to judge at least one finalist.

        Parameters
        ----------
        n_union : int
            How many of the best make the mixes together.

        Returns
        -------
        finalist : float
            Seconds of a finalist, by those of a first policy.

        verdict : float
            Seconds of the comparison with the rows as they are.
        """
        start = monotonic()
        predicted = self.evaluator.predict(hand_set_policies()[0], 0, self.seed)
        middle = monotonic()
        self.score(predicted)
        predict, score = middle - start, monotonic() - middle
        # Where halves judge, those with finalists are there, but not with their union.
        n_predictions = 2 * len(self.judging) or int(n_union > 1)
        # Once with all rows and once without each block, with mixes and without.
        n_scores = 2 * (N_BLOCKS + 1) * max(1, len(self.judging))
        verdict = n_predictions * predict + n_scores * score
        return len(self.choosing) * (predict + score), verdict

    def quick_score(self, policy: Policy, seed: int) -> float:
        """Score a policy by the first split.

        Parameters
        ----------
        policy : Policy
            What makes the mixes.

        seed : int
            Their randomness.

        Returns
        -------
        score : float
            Greater is better.
        """
        return self.score(self.evaluator.predict(policy, 0, seed))

    def compare(self, finals: Finals, n_union: int) -> tuple[Policy, list, list]:
        """Choose the winner, and predict rows that it was not chosen by.

        Parameters
        ----------
        finals : Finals
            Predictions by the finalists.

        n_union : int
            How many of the best make the mixes together.

        Returns
        -------
        winner : Policy
            What is best on all rows.

        better, baseline : list of ndarray of shape (v, n_classes + 1)
            Predictions with it and without, one to each fresh split. Where there is
            none, of the rows that did not choose; if all did, each fold is predicted
            with what is best on the others.
        """
        winner = union(finals.ranked()[:n_union])
        if self.judging:
            predict, seed = self.evaluator.predict, self.seed
            better = [predict(winner, repeat, seed) for repeat in self.judging]
            return winner, better, [self.baseline(r) for r in self.judging]
        mixed, baseline = self.baseline(0).copy(), self.baseline(0).copy()
        if self.choosing_rows is not None:
            mixed[:] = finals.predict(finals.ranked()[:n_union])
            mixed[self.choosing_rows] = baseline[self.choosing_rows] = np.nan
            return winner, [mixed], [baseline]
        parts = [fold.test for fold in self.evaluator.folds if fold.repeat == 0]
        for own in parts:
            ranked = finals.ranked(np.setdiff1d(np.concatenate(parts), own))
            mixed[own] = finals.predict(ranked[:n_union])[own]
        return winner, [mixed], [baseline]


class Finals:
    """Predictions by each of a few policies, over several splits of the rows.

    Parameters
    ----------
    contest : Contest
        Where they compete.

    finalists : sequence of Policy
        The policies.
    """

    def __init__(self, contest: Contest, finalists: Sequence[Policy]) -> None:
        self.contest, self.finalists = contest, list(finalists)
        # Of shape (repeats, v, n_classes + 1) to each finalist.
        self.predictions: list[FloatArray] = []
        self.scores: list[float] = []

    def step(self) -> dict[str, float]:
        """Predict with the next finalist."""
        number, contest = len(self.predictions), self.contest
        seed = contest.seed + 1000 * (1 + number)
        predictions = [
            contest.evaluator.predict(self.finalists[number], repeat, seed)
            for repeat in contest.choosing
        ]
        score = self._score(predictions)
        # Both or none, wherever the user interrupts.
        self.predictions.append(np.array(predictions))
        self.scores.append(score)
        return {"objective": -self.scores[-1], "score": self.scores[-1]}

    def ranked(self, rows: NDArray | None = None) -> list[Policy]:
        """Order the finalists by their mean score, highest first.

        Parameters
        ----------
        rows : ndarray of shape (m,), default=None
            Held-out rows that count; None for all.

        Returns
        -------
        policies : list of Policy
            Those that were predicted with.
        """
        scores = self.scores
        if rows is not None:
            scores = [self._score(p, rows) for p in self.predictions]
        return [self.finalists[i] for i in _descending(scores)]

    def predict(self, policies: list[Policy]) -> FloatArray:
        """Predict what the first split holds out, with one finalist or several.

        Parameters
        ----------
        policies : list of Policy
            Finalists that have had their turn.

        Returns
        -------
        predicted : ndarray of shape (v, n_classes + 1)
            Predictions; see `Evaluator`.
        """
        if len(policies) == 1:
            return self.predictions[self.finalists.index(policies[0])][0]
        return self.contest.evaluator.predict(union(policies), 0, self.contest.seed)

    def _score(
        self, predictions: Sequence[FloatArray], rows: NDArray | None = None
    ) -> float:
        return float(np.mean([self.contest.score(p, rows) for p in predictions]))

    def state(self) -> dict[str, NDArray]:
        """The predictions and scores so far."""
        arrays = {f"{i}": array for i, array in enumerate(self.predictions)}
        return {**arrays, "scores": np.array(self.scores)}

    def load_state(self, state: dict[str, NDArray]) -> None:
        """Go on after the finalists that have had their turn."""
        self.scores = state["scores"].tolist()
        self.predictions = [state[f"{i}"] for i in range(len(self.scores))]

    def policy(self) -> dict[str, NDArray]:
        """Nothing to keep: all finalists stay at hand."""
        return {}

    def load_policy(self, policy: dict[str, NDArray]) -> None:
        """Nothing to put in place."""


def _descending(scores: Sequence[float]) -> NDArray[np.intp]:
    """Places of scores, highest first; of equal ones the earlier first."""
    return np.argsort(-np.asarray(scores), kind="stable")


def union(policies: Sequence[Policy]) -> Policy:
    """Put policies together, if there are several."""
    return UnionPolicy(tuple(policies)) if len(policies) > 1 else policies[0]
