"""The template of resamplers that ask the estimator which mixing helps, if any."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

from numpy.random import RandomState
from sklearn.base import BaseEstimator, clone

from .._compat import HasMethods, Interval
from .._loop import Loop
from .._random import draw_seed
from .._stopping import stops_by_held_out_rows
from .._training import seeded
from ..base import BaseMixResampler, Mixes, ResamplingData
from ..exceptions import JudgementWarning, warn_user
from ._search import CandidateSearch, make_folds
from ._teacher import KernelRegressor, KernelTeacher

# Fewer rows than this cannot say whether mixing helps.
MIN_ROWS_TO_JUDGE = 10


class JudgedResampler(BaseMixResampler):
    """Chooses among ways of mixing by held-out error, the untouched data among them.

    A subclass has the parameters below, says in ``_prepare`` what its mixes are made
    from, and calls ``_choose`` in ``_learn``. The candidate and its recipe are then in
    ``_candidate`` and ``_recipe``, and ``_draw`` mixes by them.
    """

    _parameter_constraints = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "cv": [Interval(Integral, 2, None, closed="left"), HasMethods(["split"])],
        "guard": ["boolean"],
        "max_time": [Interval(Real, 0, None, closed="neither"), None],
        "n_jobs": [Integral, None],
        "verbose": ["verbose"],
        "random_state": ["random_state"],
    }

    @abstractmethod
    def _prepare(self, train: ResamplingData, seed: int) -> Any:
        """Make a recipe: what mixes of the rows are made from, learned from them."""

    @abstractmethod
    def _describe(self, candidate: Any) -> str:
        """Say what a candidate mixes, in words that follow "Mix"."""

    def _draw(self, data: ResamplingData, rng: RandomState) -> Mixes:
        if not self.accepted_:
            return Mixes.none(data)
        return self._recipe.draw(self._candidate, rng)

    def _take(self, data: ResamplingData, candidate: Any, rng: RandomState) -> None:
        """Mix by a given candidate: nothing is chosen, and so nothing is judged."""
        self._candidate = candidate
        self._recipe = self._prepare(data, draw_seed(rng))
        self._accept_unjudged(self._describe(candidate), "as it was given")

    def _choose(
        self,
        data: ResamplingData,
        candidates: Sequence[Any],
        name: str,
        rng: RandomState,
        make_search: type[CandidateSearch] = CandidateSearch,
        loop: Loop | None = None,
        recipe: Any = None,
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
            The recipe of all training rows, if there is one already.

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
        folds, blocks, truth = make_folds(data, self.cv, self._prepare, stops, rng)
        n_blocks = sum(repeat == 0 for repeat, _ in blocks)
        few = len(truth) < MIN_ROWS_TO_JUDGE or n_blocks < 2
        # Of a single row, as a large group may leave it, there are no mixes.
        if few or min(len(fold.train) for fold in folds) < 2:
            loop.close()
            self.history_ = loop.history
            held_out = data.X_val is not None
            where = "held-out rows" if held_out else f"rows in {n_blocks} folds"
            self._give_up(f"{len(truth)} {where}")
            return None
        seed = draw_seed(rng)
        if data.X_val is not None:
            # All training rows are in each fold.
            recipe = recipe or self._prepare(data, seed)
            for fold in folds:
                fold.recipe = recipe
        # All arms and folds from one seed, so that only the rows differ.
        estimator = self._judging_estimator(data, seed)
        estimator = seeded(clone(estimator), estimator, seed)
        search = make_search(
            folds,
            blocks,
            truth,
            estimator,
            candidates,
            name,
            self._put_together,
            self.n_jobs,
        )
        n_iter = loop.run(search, "candidates", 1 + len(candidates), window=1)
        loop.close()
        self.n_iter_, self.history_ = n_iter, loop.history
        if len(search.predictions) < 2:
            self._give_up("the scores measured before the stop")
            return None
        self._candidate = search.best()
        self._recipe = recipe or self._prepare(data, seed)
        self._judge(
            search.loss_of_choosing(),
            search.losses[0],
            self._describe(self._candidate),
            judge=type(estimator).__name__,
            groups=data.groups if data.X_val is None else None,
        )
        if not self.accepted_:
            self._recipe = None  # it may be much larger than the rows
        return search

    @staticmethod
    def _inputs(data: ResamplingData, rng: RandomState) -> tuple:
        """All that a fit depends on beside the parameters."""
        inputs = (data.Z, data.target, data.groups, rng.get_state())
        if data.X_val is None:
            return inputs
        return (*inputs, data.Z_val, data.target_val)

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
