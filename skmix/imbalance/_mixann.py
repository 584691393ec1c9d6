"""MixAnN: learns which rows of a small class to mix, with whom and how much."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral
from typing import Any

from numpy.random import RandomState
from sklearn.base import BaseEstimator

from .._compat import Interval, StrOptions
from .._loop import Loop
from ._judge import Judge
from ._judged import JudgedSampler
from ._policy import Policy
from ._search import Contest, PolicySearch


class MixAnNSampler(JudgedSampler):
    """TODO."""

    _parameter_constraints = {
        **JudgedSampler._parameter_constraints,
        "method": [StrOptions({"search"})],
        "search": [StrOptions({"crossover", "none"})],
        "reward": [StrOptions({"auto", "random"})],
        "n_random": [Interval(Integral, 0, None, closed="left")],
        "n_rounds": [Interval(Integral, 0, None, closed="left")],
        "n_children": [Interval(Integral, 1, None, closed="left")],
        "n_elite": [Interval(Integral, 1, None, closed="left")],
        "n_finalists": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        estimator: BaseEstimator | None = None,
        *,
        sampling_strategy: Any = "auto",
        method: str = "search",
        search: str = "crossover",
        reward: str = "auto",
        scoring: str | Callable = "f1_macro",
        n_neighbors: int = 10,
        max_mixes: int = 3000,
        categorical_features: Any = "from_dtype",
        n_random: int = 14,
        n_rounds: int = 3,
        n_children: int = 10,
        n_elite: int = 5,
        n_finalists: int = 6,
        cv: Any = 5,
        guard: bool = True,
        max_time: float | None = None,
        n_jobs: int | None = None,
        verbose: bool | int = 0,
        random_state: int | RandomState | None = None,
    ) -> None:
        self.estimator = estimator
        self.sampling_strategy = sampling_strategy
        self.method = method
        self.search = search
        self.reward = reward
        self.scoring = scoring
        self.n_neighbors = n_neighbors
        self.max_mixes = max_mixes
        self.categorical_features = categorical_features
        self.n_random = n_random
        self.n_rounds = n_rounds
        self.n_children = n_children
        self.n_elite = n_elite
        self.n_finalists = n_finalists
        self.cv = cv
        self.guard = guard
        self.max_time = max_time
        self.n_jobs = n_jobs
        self.verbose = verbose
        self.random_state = random_state

    def _score(self, judge: Judge, rng: RandomState) -> Callable[..., float]:
        if self.reward == "random":
            return lambda probability, rows=None: rng.random_sample()
        return judge.score

    def _find(self, contest: Contest, loop: Loop, seed: int) -> list[Policy]:
        search = PolicySearch(
            contest.quick_score,
            self.n_random if self.search != "none" else 0,
            self.n_rounds if self.search != "none" else 0,
            self.n_children,
            self.n_elite,
            seed,
        )
        self.n_iter_ = loop.run(search, "search", search.n_policies, window=1)
        return search.best(self.n_finalists)
