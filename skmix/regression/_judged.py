"""The template of resamplers that ask the estimator which mixing helps, if any."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.random import RandomState
from sklearn.base import BaseEstimator, clone
from sklearn.utils.parallel import delayed

from .._compat import HasMethods, Interval
from .._loop import Loop
from .._random import draw_seed
from .._sample import Sample, draw_sample
from .._stopping import stops_by_held_out_rows
from .._training import interrupts_raised, seeded
from ..base import TOO_FEW, BaseMixResampler, Mixes, ResamplingData
from ..exceptions import JudgementWarning, warn_user
from ..metrics import squared_error_by_row
from ._search import Block, CandidateSearch, Fold, Make, fit_fold, make_folds
from ._teacher import KernelRegressor, KernelTeacher

# Fewer rows than this cannot say whether mixing helps.
MIN_ROWS_TO_JUDGE = 10
# Fewer groups than this have no low p-value.
MIN_GROUPS_TO_JUDGE = 5
STOPPED = "the fits to all rows before the stop"


class JudgedResampler(BaseMixResampler):
    """Chooses among ways of mixing by held-out error, the untouched data among them.

    A subclass has the parameters below, says in ``_maker`` what its mixes are made
    from, and calls ``_choose`` in ``_learn``. The candidate and its recipe are then in
    ``_candidate`` and ``_recipe``, and ``_draw`` mixes by them.
    """

    _parameter_constraints = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "cv": [Interval(Integral, 2, None, closed="left"), HasMethods(["split"])],
        "guard": ["boolean"],
        "max_samples": [Interval(Integral, 2, None, closed="left"), None],
        "max_time": [Interval(Real, 0, None, closed="neither"), None],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    @abstractmethod
    def _maker(self) -> Make:
        """Give what makes a recipe: what mixes of rows are made from, learned of them.

        It is sent to where folds are fitted, and so holds neither rows nor callbacks.
        """

    def _arguments(self, candidate: Any, n_rows: int) -> tuple[Any, dict[str, Any]]:
        """Say what a recipe of so many rows draws by."""
        return candidate, {}

    @abstractmethod
    def _describe(self, candidate: Any) -> str:
        """Say what a candidate mixes, in words that follow "Mix"."""

    def _draw(self, data: ResamplingData, rng: RandomState) -> Mixes:
        if not self.accepted_:
            return Mixes.none(data)
        number, named = self._arguments(self._candidate, len(data))
        return self._recipe.draw(number, rng, **named)

    def _take(self, data: ResamplingData, candidate: Any, rng: RandomState) -> None:
        """Mix by a given candidate: nothing is chosen, and so nothing is judged."""
        self._candidate = candidate
        self._recipe = self._maker()(data, draw_seed(rng))
        self._accept_unjudged(self._describe(candidate), "as it was given")

    def _sample(self, data: ResamplingData, rng: RandomState) -> Sample:
        """Draw the rows to learn from: all, if they are no more than allowed."""
        everything = Sample(data, np.arange(len(data)), np.arange(0))
        return draw_sample(data, self.max_samples, rng) or everything

    def _choose(
        self,
        data: ResamplingData,
        candidates: Sequence[Any],
        name: str,
        rng: RandomState,
        make_search: type[CandidateSearch] = CandidateSearch,
        loop: Loop | None = None,
        recipe: Any = None,
        sample: Sample | None = None,
    ) -> CandidateSearch | None:
        """Choose the candidate with the lowest held-out error of the estimator.

        Parameters
        ----------
        data : ResamplingData
            The training rows, and held-out rows where the user passed some.

        candidates : sequence
            What to try beside the untouched data.

        name : str
            What a candidate is called in ``history_``.

        rng : RandomState
            Randomness of folds, recipes and draws.

        make_search : type, default=CandidateSearch
            How candidates are tried.

        loop : Loop, default=None
            Runs the search, as its last phase; None makes one.

        recipe : object, default=None
            The recipe of the rows that are learned from, if there is one already.

        sample : Sample, default=None
            These rows; None draws them.

        Returns
        -------
        search : CandidateSearch or None
            The search; None where there was too little to judge by.
        """
        self._candidate, self._recipe = None, recipe
        self.n_iter_, self.history_ = 0, {}
        if loop is None:
            inputs = self._inputs(data, rng)
            loop = Loop(self, 1, inputs, self.max_time, self._start)
        stops = self.estimator is not None and stops_by_held_out_rows(self.estimator)
        sample = sample or self._sample(data, rng)
        some = sample.data
        folds, blocks = make_folds(some, self.cv, stops, rng)
        lack = self._lack(data, sample, folds, blocks)
        if lack:
            loop.close()
            self.history_ = loop.history
            self._give_up(lack)
            return None
        seed = draw_seed(rng)
        make = self._maker()
        if some.X_val is not None:
            # All training rows are in each fold.
            recipe = recipe or make(some, seed)
            for fold in folds:
                fold.recipe = recipe
        # All arms and folds from one seed, so that only the rows differ.
        estimator = self._judging_estimator(some, seed)
        estimator = seeded(clone(estimator), estimator, seed)
        search = make_search(
            some,
            make,
            folds,
            blocks,
            estimator,
            candidates,
            name,
            self._rows_with,
            self.n_jobs,
        )
        n_iter = loop.run(search, "candidates", 1 + len(candidates), window=1)
        loop.close()
        self.n_iter_, self.history_ = n_iter, loop.history
        if len(search.predictions) < 2:
            self._give_up("the scores measured before the stop")
            return None
        self._candidate = search.best()
        recipe = recipe or make(some, seed)
        what, judge = self._describe(self._candidate), type(estimator).__name__
        groups = data.groups if data.X_val is None else None
        if some is data or not self.guard:
            losses = search.loss_of_choosing(), search.losses[0]
            groups = None if groups is None else groups[sample.rows]
        else:
            try:
                losses = self._losses_on_all(data, search, recipe, sample.fresh)
            except KeyboardInterrupt:
                self._give_up(STOPPED)
                return search
            groups = None if groups is None else groups[sample.fresh]
        if some is not data:
            what += f", as learned from {len(some)} of {len(data)} rows"
            recipe = recipe.on(data)
            some.forget_held_out()
        self._judge(*losses, what, judge=judge, groups=groups)
        # It may be much larger than the rows.
        self._recipe = recipe if self.accepted_ else None
        return search

    def _give_up(self, what: str, why: str = TOO_FEW) -> None:
        """Hand the data back, and keep nothing that mixes are made from."""
        self._recipe = None
        super()._give_up(what, why)

    def _lack(
        self,
        data: ResamplingData,
        sample: Sample,
        folds: Sequence[Fold],
        blocks: Sequence[Block],
    ) -> str | None:
        """Say what there is too little of to judge by."""
        some, n_blocks = sample.data, sum(repeat == 0 for repeat, _ in blocks)
        held_out = some.X_val is not None
        n_judged = len(some.X_val if held_out else some)
        few = n_judged < MIN_ROWS_TO_JUDGE or n_blocks < 2
        # Of a single row, as a large group may leave it, there are no mixes.
        if few or min(fold.n_training(some) for fold in folds) < 2:
            where = "held-out rows" if held_out else f"rows in {n_blocks} folds"
            if some is not data and data.groups is not None:
                n_groups = len(np.unique(some.groups))
                where += (
                    f", of {n_groups} groups within max_samples={self.max_samples},"
                )
            return f"{n_judged} {where}"
        if some is data or held_out or not self.guard:
            return None
        apart, least, units = sample.fresh, MIN_ROWS_TO_JUDGE, "rows"
        if data.groups is not None:
            apart, least, units = data.groups[apart], MIN_GROUPS_TO_JUDGE, "groups"
        n_apart = len(np.unique(apart))
        if n_apart < least:
            return f"{n_apart} {units} beside max_samples={self.max_samples}"
        return None

    def _losses_on_all(
        self, data: ResamplingData, search: CandidateSearch, recipe: Any, fresh: Any
    ) -> list[Any]:
        """Held-out losses by row, with mixing and without, when all rows are mixed.

        What was chosen by some of the rows need not help where there are more.
        """
        seed = search.folds[0].seed
        if data.X_val is None:
            train = np.setdiff1d(np.arange(len(data)), fresh)
            parts = [(Fold(train, fresh, 0, seed), self._candidate)]
        else:
            # The held-out rows chose, and judge in turns.
            stops = search.folds[0].own is not None
            preferred = search.preferred()
            parts = [
                (Fold(None, block, 0, seed, other if stops else None), candidate)
                for (block, candidate), (other, _) in zip(
                    preferred, preferred[::-1], strict=True
                )
            ]
        with interrupts_raised():
            predictions = search.parallel(
                delayed(fit_fold)(
                    *data.apart(),
                    fold,
                    partial(_on, recipe),
                    self._arguments(candidate, len(data)) if mixed else None,
                    False,
                    search.estimator,
                    self._rows_with,
                )
                for mixed in (True, False)
                for fold, candidate in parts
            )
        rows = np.concatenate([fold.test for fold, _ in parts])
        truth = (data.target if data.X_val is None else data.target_val)[rows]
        return [
            squared_error_by_row(truth, np.concatenate(arm))
            for arm in (predictions[: len(parts)], predictions[len(parts) :])
        ]

    @staticmethod
    def _inputs(data: ResamplingData, rng: RandomState) -> tuple:
        """All that a fit depends on beside the parameters."""
        held_out = [] if data.X_val is None else [data.columns_val]
        read = [(c.values, c.categories, c.kinds) for c in (data.columns, *held_out)]
        return (read, data.target, data.target_val, data.groups, rng.get_state())

    def _judging_estimator(self, data: ResamplingData, seed: int) -> BaseEstimator:
        if self.estimator is not None:
            return self.estimator
        warn_user(
            f"{type(self).__name__} was given no estimator to ask whether mixing "
            "helps, and asks a kernel model in its place. Pass estimator=, or use it "
            "inside ResampledRegressor.",
            JudgementWarning,
        )
        choice = KernelTeacher(data.Z, data.target, seed).choice
        return KernelRegressor(self.categorical_features, choice, seed)


def _on(recipe: Any, train: ResamplingData, seed: int) -> Any:
    """Make a recipe for other rows than those it was learned from."""
    return recipe.on(train)
