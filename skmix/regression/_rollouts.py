"""MixRL's policy, learned from losses of the regression model itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.utils.parallel import delayed

from .._data import PutTogether, Rest
from .._stopping import stops_by_held_out_rows
from .._torch.reinforce import ReinforceLearner
from .._training import fits_at_a_time, interrupts_raised, seeded
from ..base import Mixes
from ._network import NetworkRegressor
from ._policy import IntArray, MixingPolicy
from ._search import fit_predict, held_out_rows
from ._stacked import StackedNetworks


class ReinforcePolicy(MixingPolicy):
    """Learns by REINFORCE: trains the estimator on the mixes of each choice.

    Parameters
    ----------
    *arguments
        See `MixingPolicy`.

    n_rollouts, baseline, window, reward_scale
        Of the gradient; see `ReinforceLearner`.

    pretrain : bool
        Whether the estimator starts from a state that was trained on the rows alone.

    n_jobs : int or None
        Number of estimators, or of stacks of networks, trained at a time.

    rng : RandomState
        Source of randomness.

    **named
        See `MixingPolicy`.

    Attributes
    ----------
    stacked : StackedNetworks or None
        Trains the networks of several choices together, where the estimator is one.
    """

    def __init__(
        self,
        *arguments: Any,
        n_rollouts: int,
        baseline: str,
        window: int,
        reward_scale: float,
        pretrain: bool,
        n_jobs: int | None,
        rng: RandomState,
        **named: Any,
    ) -> None:
        super().__init__(*arguments, rng=rng, **named)
        if baseline == "leave_one_out" and n_rollouts < 2:
            raise ValueError(
                "baseline='leave_one_out' compares rollouts with each other, got "
                f"n_rollouts={n_rollouts}: pass at least 2."
            )
        if pretrain and "warm_start" not in self.estimator.get_params():
            raise ValueError(
                f"pretrain=True needs an estimator with a parameter warm_start, got "
                f"{type(self.estimator).__name__}. Pass pretrain=False to train it "
                "from scratch."
            )
        self.gradient = {
            "n_rollouts": n_rollouts,
            "leave_one_out": baseline == "leave_one_out",
            "window": window,
            "reward_scale": reward_scale,
        }
        self.pretrain = pretrain
        self.parallel = fits_at_a_time(n_jobs, self.estimator)
        self.stacked = None
        # What the fit of a subclass does, only the subclass knows.
        if type(self.estimator) is NetworkRegressor:
            every = held_out_rows(self.data, np.arange(len(self.targets_val)))
            self.stacked = StackedNetworks(
                self.estimator,
                self.put_together(self.data, self.pool),
                (every["X_val"], every["y_val"]),
                n_jobs,
            )

    def learner(self, own: IntArray) -> ReinforceLearner:
        """Make what learns from some of the held-out rows."""
        model = self._start(own)
        stops = stops_by_held_out_rows(self.estimator)

        def evaluate(
            rows: IntArray, selections: Sequence[IntArray], seeds: Sequence[int]
        ) -> list[float]:
            with interrupts_raised():
                if self.stacked is not None:
                    n = len(self.data)
                    places = [np.concatenate([rows, n + mixes]) for mixes in selections]
                    predictions = self.stacked.fit_predict(model, places, own, seeds)
                else:
                    predictions = self.parallel(
                        delayed(_fit_rollout)(
                            *self.data.apart(),
                            self._batch(rows, mixes),
                            own,
                            stops,
                            seeded(model, self.estimator, seed),
                            self.put_together,
                        )
                        for mixes, seed in zip(selections, seeds, strict=True)
                    )
            errors = [self._standardise(p) - self.targets_val[own] for p in predictions]
            return [float((error**2).mean()) for error in errors]

        return ReinforceLearner(
            *self.arguments, evaluate=evaluate, **self.gradient, **self.settings
        )

    def _start(self, own: IntArray) -> BaseEstimator:
        """What each training begins from."""
        if not self.pretrain:
            return clone(self.estimator)
        model = clone(self.estimator).set_params(warm_start=True)
        X, y = self.put_together(self.data, Mixes.none(self.data))
        model = seeded(model, self.estimator, self.seed)
        return model.fit(X, y, **self.held_out(own))

    def _batch(self, rows: IntArray, mixes: IntArray) -> Mixes:
        """Rows of a batch, as mixes with themselves, and some of the candidates."""
        own = Mixes(rows, rows, np.ones(len(rows)), self.data.target[rows])
        chosen = Mixes(*(column[mixes] for column in vars(self.pool).values()))
        return Mixes.join([own, chosen])


def _fit_rollout(
    X: Any,
    y: Any,
    X_val: Any,
    rest: Rest,
    mixes: Mixes,
    own: IntArray,
    stops: bool,
    model: BaseEstimator,
    put_together: PutTogether,
) -> NDArray[np.float64]:
    """Train on a choice of mixes, made where that happens; predict held-out rows."""
    data = rest.join(X, y, X_val)
    held_out = held_out_rows(data, own) if stops else {}
    rows = put_together(data, mixes, alone=True)
    return fit_predict(model, *rows, held_out, data.X_val.take(own))
