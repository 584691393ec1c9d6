"""The template of samplers that learn a policy, and hand the data back if it harms."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from functools import partial
from math import ceil
from numbers import Integral, Real
from time import monotonic
from typing import Any

import numpy as np
from numpy.random import RandomState
from sklearn.base import clone
from sklearn.metrics import get_scorer_names

from .._compat import HasMethods, Interval, StrOptions
from .._core.neighbors import FloatArray
from .._loop import Loop
from .._random import draw_seed
from .._sample import draw_sample
from .._training import seeded
from .._validation import check_device_name, check_kind, check_layers
from ..base import TOO_FEW, BaseMixSampler, Mixes, ResamplingData
from ..exceptions import JudgementWarning, warn_user
from ._evaluators import (
    Coordinates,
    Evaluator,
    NeighborEvaluator,
    RefitEvaluator,
    is_exact,
)
from ._folds import make_folds
from ._ground import Fold, Ground
from ._judge import Judge
from ._policy import Policy, portfolio
from ._rewards import random_score
from ._search import Contest, Finals, union

# What the p-value of a gain must be below. Few rows of a small class tell little for
# sure: at 0.1 as much harm came through, and less of the gain.
GUARD_LEVEL = 0.25
# Fewer rows than this cannot say whether mixing helps.
MIN_ROWS_TO_JUDGE = 10
# Finalists are scored by so many splits of the rows, the winner by so many others.
N_SPLITS, N_FRESH = 3, 2
# A given classifier is fitted so often at most.
MAX_FITS = 40
STOPPED = "the scores measured before the stop"
# With the rows as they are and with at least one policy.
MAX_FOLDS = MAX_FITS // 2


class NoTimeLeft(Exception):
    """Judging would take longer than the user allows."""


class JudgedSampler(BaseMixSampler):
    """Finds policies by votes of nearest rows, and lets the classifier decide.

    A subclass has the parameters below, and says in ``_find`` which policies are worth
    a closer look.
    """

    _parameter_constraints = {
        **BaseMixSampler._parameter_constraints,
        "estimator": [HasMethods(["fit", "predict"]), None],
        "scoring": [StrOptions(set(get_scorer_names())), callable],
        "n_neighbors": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "n_union": [Interval(Integral, 1, None, closed="left")],
        "max_mixes": [Interval(Integral, 1, None, closed="left")],
        "cv": [Interval(Integral, 2, None, closed="left"), HasMethods(["split"])],
        "guard": ["boolean"],
        "max_samples": [Interval(Integral, 2, None, closed="left"), None],
        "neighbor_search": [HasMethods(["fit"]), None],
        "max_time": [Interval(Real, 0, None, closed="neither"), None],
        "hidden_layer_sizes": ["array-like", Integral],
        "device": [str],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
    }

    @abstractmethod
    def _find(self, contest: Contest, loop: Loop) -> list[Policy]:
        """Find finalists, the most promising first, in one phase of the loop."""

    def _score(self, judge: Judge, rng: RandomState) -> Callable[..., float]:
        """What policies are compared by."""
        if self.reward == "random":
            return partial(random_score, draw_seed(rng))
        return judge.score

    def _for_classifier(self, best: list[Policy]) -> list[Policy]:
        """Order policies, the best by nearest rows first, for a given classifier."""
        # Others may do well with it.
        return [*best[:1], *portfolio(), *best[1:]]

    def _check_parameters(self) -> None:
        """Check parameters against each other."""
        check_kind(self.estimator, "classifier")
        check_device_name(self.device)
        check_layers(self.hidden_layer_sizes, "hidden_layer_sizes")
        if self.warm_start and not hasattr(self.estimator, "partial_fit"):
            raise ValueError(
                "warm_start=True needs an estimator with partial_fit, such as "
                f"NetworkClassifier, got {self.estimator!r}. Pass warm_start=False."
            )

    def _learn(self, data: ResamplingData, rng: RandomState) -> None:
        self._check_parameters()
        self.policy_, self.history_, self.n_iter_ = None, {}, 0
        self._ground = None
        self._check_classes(data)
        asked = self.sampling_strategy_
        if not any(n > 0 for n in asked.values()):
            self._accept_unjudged("", "as no class is to get rows")
            return
        sample = draw_sample(data, self.max_samples, rng, by_class=True)
        everything, n_all = data, len(data)
        if sample is not None:
            data = sample.data
            asked = {label: ceil(n * len(data) / n_all) for label, n in asked.items()}
            lack = _lacking(data, asked, data.target_val)
            if lack:
                self._give_up(lack)
                return
        ground = Ground(data, asked, self.max_mixes, self.neighbor_search)
        self._ground = ground
        all_rows = np.ones(len(data), dtype=bool)
        if not any(ground.can_mix(code, all_rows) for code in ground.asked):
            what = "every row that could be mixed"
            self._give_up(what, "coincides with one of another class")
            return
        codes, groups = ground.codes, data.groups
        if data.X_val is not None:
            codes, groups = self._codes_of_held_out(ground), None
        by_votes = self.estimator is None or is_exact(self.estimator, data)
        cv = self.cv
        if not by_votes and isinstance(cv, Integral):
            cv = min(cv, MAX_FOLDS)
        folds = make_folds(
            data, ground.codes, ground.asked, cv, N_SPLITS + N_FRESH, rng
        )
        first = [fold for fold in folds if fold.repeat == 0]
        # What chooses cannot judge: neither the only split of the rows where the search
        # sees it as a whole, nor a single fold.
        halve = len(first) == (len(folds) if by_votes else 1)
        judged = np.concatenate([fold.test for fold in first] or [[]]).astype(np.intp)
        lack = self._lack(ground, codes[judged], 2 if halve else 1)
        if lack:
            self._give_up(lack)
            return
        judge = Judge(
            self.scoring, ground.classes, codes, groups, self.estimator, rng, judged
        )
        score, seed = self._score(judge, rng), draw_seed(rng)
        inputs = (data.Z, data.target, data.groups, rng.get_state())
        if data.X_val is not None:
            inputs = (*inputs, data.Z_val, data.target_val)
        loop = Loop(self, 2 if by_votes else 3, inputs, self.max_time, self._start)
        contest_of = partial(Contest, judge=judge, score=score, halve=halve)
        compete = self._by_votes if by_votes else self._by_refits
        try:
            contest, finals, n_union = compete(folds, loop, seed, contest_of)
            if not finals.predictions:
                self._give_up(STOPPED)
            elif sample is None or not self.guard:
                self.policy_, *predicted = contest.compare(finals, n_union)
                self._decide(contest.judge, *predicted)
                if sample is not None:
                    self._ground = self._ground_of(everything)
            else:
                self.policy_ = union(finals.ranked()[:n_union])
                self._decide(
                    *self._judge_on_all(everything, contest, by_votes, loop, rng)
                )
        except NoTimeLeft:
            self._give_up(f"the {self.max_time:g} seconds of max_time")
        except KeyboardInterrupt:
            # In a fit to the rows as they are, or in the verdict.
            self._give_up(STOPPED)
        finally:
            loop.close()
            self.history_ = loop.history

    def _give_up(self, what: str, why: str = TOO_FEW) -> None:
        """Hand the data back, and keep nothing that mixes are made from."""
        self._ground = None
        super()._give_up(what, why)

    def _lack(self, ground: Ground, codes: Any, n_parts: int) -> str | None:
        """Say what there is too little of to judge by, in each of so many parts."""
        if not len(codes):
            ours = isinstance(self.cv, Integral)
            return "the groups of the rarest class" if ours else "the folds of cv"
        what = "rows" if len(codes) == len(ground.codes) else "held-out rows"
        if len(codes) < n_parts * MIN_ROWS_TO_JUDGE:
            return f"{len(codes)} {what}"
        for code in ground.asked:
            if (codes == code).sum() < 2 * n_parts:
                label = ground.classes.tolist()[code]
                needed = f"of which {2 * n_parts} are needed,"
                return f"the {what} of class {label!r}, {needed}"
        return None

    def _by_votes(
        self,
        folds: list[Fold],
        loop: Loop,
        seed: int,
        contest_of: Callable[..., Contest],
    ) -> tuple[Contest, Finals, int]:
        """Compete by the votes of nearest rows."""
        k = self.n_neighbors
        if self.estimator is not None:
            k = self.estimator.n_neighbors
            # Those by other coordinates take as long as what has been done so far.
            _check_time(loop, monotonic() - self._start)
        space = Coordinates(self._ground.data, encoded=self.estimator is None)
        votes = NeighborEvaluator(self._ground, folds, space, k)
        contest = contest_of(votes, n_fresh=N_FRESH, seed=seed)
        finals = self._finals(contest, loop)
        if self.estimator is None:
            warn_user(
                f"{type(self).__name__} was given no estimator to ask whether mixing "
                f"helps, and asks the {k} nearest rows in its place. Pass estimator=, "
                "or use it inside ResampledClassifier.",
                JudgementWarning,
            )
        return contest, finals, self.n_union

    def _by_refits(
        self,
        folds: list[Fold],
        loop: Loop,
        seed: int,
        contest_of: Callable[..., Contest],
    ) -> tuple[Contest, Finals, int]:
        """Compete by the votes of nearest rows, then by at most `MAX_FITS` fits."""
        first = [fold for fold in folds if fold.repeat == 0]
        if len(first) > MAX_FOLDS:
            raise ValueError(
                f"cv={self.cv!r} makes {len(first)} folds, but a given estimator is "
                f"fitted {MAX_FITS} times at most, and twice in each. Pass a number of "
                f"folds, or a splitter that makes {MAX_FOLDS} at most."
            )
        evaluator = RefitEvaluator(
            self._ground,
            first,
            # All policies and folds from one seed, so that only the rows differ.
            seeded(clone(self.estimator), self.estimator, seed),
            self._rows_with,
            self.n_jobs,
        )
        refits = contest_of(evaluator, n_fresh=0, seed=seed)
        if self.max_time is not None:
            _check_time(loop, evaluator.seconds_to_decide())
        if self.warm_start:
            refits.baseline(0)
            contest = contest_of(evaluator.warm(), n_fresh=0, seed=seed)
        else:
            space = Coordinates(self._ground.data, encoded=True)
            votes = NeighborEvaluator(self._ground, folds, space, self.n_neighbors)
            contest = contest_of(votes, n_fresh=N_FRESH, seed=seed)
        ranked = self._finals(contest, loop, evaluator).ranked()
        # None where the search was stopped before it had scored any.
        best = [union(ranked[: self.n_union]), *ranked] if ranked else []
        refits.baseline(0)
        n_finalists = MAX_FITS // len(evaluator.folds) - 1
        # One of them may be the best of all, and the union of the best.
        finalists = list(dict.fromkeys(self._for_classifier(best)))
        finals = Finals(refits, finalists[:n_finalists])
        loop.run(finals, "classifier", len(finals.finalists), window=1)
        return refits, finals, 1

    def _finals(
        self,
        contest: Contest,
        loop: Loop,
        decider: RefitEvaluator | None = None,
    ) -> Finals:
        """Find finalists and predict with each, in the time that the verdict leaves."""
        to_decide = 0.0
        if self.max_time is not None:
            to_search, to_decide = contest.seconds_to_judge(self.n_union)
            if decider:
                to_decide = decider.seconds_to_decide()
            _check_time(loop, to_search + to_decide)
        loop.end -= to_decide
        finalists = self._find(contest, loop)
        finals = Finals(contest, finalists)
        loop.run(finals, "finals", len(finalists), window=1)
        loop.end += to_decide
        return finals

    def _ground_of(self, data: ResamplingData) -> Ground:
        asked = self.sampling_strategy_
        return Ground(data, asked, self.max_mixes, self.neighbor_search)

    def _judge_on_all(
        self,
        data: ResamplingData,
        contest: Contest,
        by_votes: bool,
        loop: Loop,
        rng: RandomState,
    ) -> tuple[Judge, list[FloatArray], list[FloatArray]]:
        """Predict with the winner and without when all rows are mixed, on new splits.

        What was chosen by some of the rows need not help where there are more.
        """
        self._ground = ground = self._ground_of(data)
        codes, groups = ground.codes, data.groups
        if data.X_val is not None:
            codes, groups = self._codes_of_held_out(ground), None
        n_repeats = N_FRESH if by_votes else 1
        folds = make_folds(data, ground.codes, ground.asked, self.cv, n_repeats, rng)
        judge = Judge(self.scoring, ground.classes, codes, groups, self.estimator, rng)
        evaluator: Evaluator
        if by_votes:
            space = Coordinates(data, encoded=self.estimator is None)
            k = contest.evaluator.k
            evaluator = NeighborEvaluator(ground, folds, space, k)
        else:
            folds = [fold for fold in folds if fold.repeat == 0][:MAX_FOLDS]
            evaluator = RefitEvaluator(
                ground, folds, contest.evaluator.estimator, self._rows_with, self.n_jobs
            )
            if self.max_time is not None:
                _check_time(loop, evaluator.seconds_to_decide())
        arms: tuple[list[FloatArray], list[FloatArray]] = ([], [])
        repeats = sorted({fold.repeat for fold in folds})
        n_left = 2 * len(repeats)
        for repeat in repeats:
            for arm, policy in zip(arms, (self.policy_, None), strict=True):
                start = monotonic()
                arm.append(evaluator.predict(policy, repeat, contest.seed))
                n_left -= 1
                if n_left:
                    _check_time(loop, n_left * (monotonic() - start))
                if data.X_val is not None and contest.choosing_rows is not None:
                    arm[-1][contest.choosing_rows] = np.nan
        return judge, *arms

    def _decide(
        self, judge: Judge, better: list[FloatArray], baseline: list[FloatArray]
    ) -> None:
        """Accept the winner if it gains, beyond chance, on what did not choose it."""
        gain, error, p_value = judge.gain(better, baseline)
        self.best_score_ = float(np.mean([judge.score(p) for p in better]))
        self.baseline_score_ = float(np.mean([judge.score(p) for p in baseline]))
        self.accepted_ = not self.guard or (gain > 0 and p_value < GUARD_LEVEL)
        if not self.accepted_:
            # It is larger than the rows.
            self._ground = None
        verdict = "Mix" if self.accepted_ else "No mixing. At best, mix"
        name = self.scoring if isinstance(self.scoring, str) else "score"
        self.chosen_ = (
            f"{verdict} as policy_.describe() says. Held-out {name}: "
            f"{self.best_score_:.3f} with mixing, {self.baseline_score_:.3f} without; "
            f"gain {gain:+.4f}, standard error {error:.4f}, p {p_value:.2g}."
        )

    def _draw(self, data: ResamplingData, rng: RandomState) -> Mixes:
        if not self.accepted_:
            return Mixes.none(data)
        return self._ground.labelled(self._ground.mix(self.policy_, rng))

    def _check_classes(self, data: ResamplingData) -> None:
        for label, n_asked in self.sampling_strategy_.items():
            if n_asked > 0 and (data.target == label).sum() < 2:
                (label,) = np.unique(data.target[data.target == label]).tolist()
                raise ValueError(
                    f"Class {label!r} of y has 1 row, but a class that "
                    "gets new ones needs 2, to mix and to hold out. Collect more rows, "
                    "or leave the class out of sampling_strategy."
                )

    @staticmethod
    def _codes_of_held_out(ground: Ground) -> Any:
        """Classes of the held-out rows, as places among those of the training rows."""
        target = ground.data.target_val
        unknown = np.setdiff1d(target, ground.classes)
        if len(unknown):
            raise ValueError(
                f"y_val has the class {unknown.tolist()[0]!r}, which is none of those "
                f"of y, {ground.classes.tolist()[:5]!r}. Write them alike, or leave "
                "its rows out."
            )
        return np.searchsorted(ground.classes, target)


def _check_time(loop: Loop, seconds: float) -> None:
    """Stop unless there are so many seconds left."""
    if monotonic() + seconds > loop.end:
        raise NoTimeLeft


def _lacking(data: ResamplingData, asked: dict, judged: Any) -> str:
    """Say which class has too few rows among some to mix or to judge, if one has."""
    judged = [] if judged is None else np.unique(judged).tolist()
    for label, n in {**dict.fromkeys(judged, 0), **asked}.items():
        n_rows = int((data.target == label).sum())
        if n_rows < (2 if n > 0 else label in judged):
            return f"the rows of class {label!s} ({n_rows} of max_samples={len(data)})"
    return ""
