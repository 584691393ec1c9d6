"""One loop for every learner: it stops, remembers, reports, saves and resumes.

A learner knows nothing of clocks, callbacks or files. It makes one step, says what the
step achieved, and can hand out and take back its state as named arrays.
"""

from __future__ import annotations

import re
import time
from typing import Protocol

import joblib
import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.exceptions import ConvergenceWarning

from .callbacks import Checkpoint, ProgressBar
from .exceptions import warn_user

State = dict[str, NDArray]

# Parameters that a resumed fit may change. How randomness began is part of the data.
NOT_IN_THE_RESULT = {"max_time", "n_jobs", "random_state", "verbose"}


# Iterations over which the objective of a learner is averaged.
WINDOW = 20


class Learner(Protocol):
    """What the loop asks of a learner."""

    def step(self) -> dict[str, float]:
        """Make one iteration; report at least "objective", lower is better.

        A report with a true "done" ends the phase.
        """

    def state(self) -> State:
        """Everything that a later step depends on."""

    def load_state(self, state: State) -> None:
        """Go back to a state."""

    def policy(self) -> State:
        """The part of the state that is the result."""

    def load_policy(self, policy: State) -> None:
        """Put a result in place."""


class Loop:
    """Runs the phases of one fit.

    Parameters
    ----------
    estimator : estimator
        The estimator that is being fitted; its callbacks are called.

    n_phases : int
        Number of phases, among which the time is shared out.

    data : tuple
        What the fit depends on beside the parameters, the state of its randomness
        included; a checkpoint is only resumed on equal data.

    max_time : float or None
        Seconds from the beginning of the fit. No iteration begins that would be over
        later, if it took as long as those before, but the first of a phase.

    start : float or None
        When the fit began, by the monotonic clock; None is now.

    Attributes
    ----------
    history : dict of lists
        What each iteration reported, by name; NaN where a phase reports no such thing.

    interrupted : bool
        Whether a KeyboardInterrupt ended a phase.
    """

    def __init__(
        self,
        estimator: BaseEstimator,
        n_phases: int,
        data: tuple,
        max_time: float | None = None,
        start: float | None = None,
    ) -> None:
        callbacks = getattr(estimator, "_skl_callbacks", [])
        if estimator.verbose and not any(isinstance(c, ProgressBar) for c in callbacks):
            estimator.set_callbacks(*callbacks, ProgressBar())
        self.estimator = estimator
        self.context = estimator._init_callback_context(max_subtasks=n_phases)
        # The context knows them all now; those of the estimator are the user's again.
        estimator.set_callbacks(*callbacks)
        self.context.call_on_fit_task_begin(estimator=estimator)
        self.phases_left = n_phases
        start = time.monotonic() if start is None else start
        self.end = np.inf if max_time is None else start + max_time
        self.history: dict[str, list] = {}
        self.interrupted = self.cut_short = False
        self.checkpoints = [c for c in callbacks if isinstance(c, Checkpoint)]
        self.saved: dict[str, State] = {}
        if self.checkpoints:
            parameters = {
                # Without addresses of functions, which the next process has elsewhere.
                name: re.sub(" at 0x[0-9a-f]+", "", repr(value))
                for name, value in estimator.get_params().items()
                if name not in NOT_IN_THE_RESULT
            }
            self.fingerprint = joblib.hash((type(estimator).__name__, parameters, data))
            self.saved = self.checkpoints[0].load(self.fingerprint)

    def run(
        self,
        learner: Learner,
        phase: str,
        max_iter: int,
        window: int = WINDOW,
        keep_last: bool = False,
    ) -> int:
        """Run a learner to its end, and leave it with its best policy.

        Parameters
        ----------
        learner : Learner
            What to run.

        phase : str
            Name of the phase, for callbacks, history and checkpoints.

        max_iter : int
            Number of iterations.

        window : int, default=WINDOW
            Number of iterations over which the objective is averaged, as what a learner
            reports of one of them depends on what was drawn in it. The phase ends with
            the policy of the lowest average of so many; where it has fewer iterations,
            with the latest.

        keep_last : bool, default=False
            Whether the last policy is kept instead: where the objective does not tell
            which is best.

        Returns
        -------
        n_iter : int
            Number of iterations, those before a resume included.
        """
        now = time.monotonic()
        end = now + (self.end - now) / self.phases_left
        self.phases_left -= 1
        context = self.context.subcontext(task_name=phase, max_subtasks=max_iter)
        context.call_on_fit_task_begin(estimator=self.estimator)
        progress = _Progress(phase, window, keep_last)
        progress.done = max_iter == 0
        if phase in self.saved:
            progress.resume(self.saved[phase], learner)
            progress.done = progress.iteration >= max_iter
        begin, resumed_at = time.monotonic(), progress.iteration
        try:
            while not progress.done:
                step_context = context.subcontext(task_name="iteration")
                step_context.call_on_fit_task_begin(estimator=self.estimator)
                report = progress.add(learner.step(), learner)
                full = progress.iteration >= window
                stop = step_context.call_on_fit_task_end(
                    estimator=self.estimator,
                    metadata={**report, "full_average": full},
                )
                # Where another iteration would be over too late, by their mean.
                now = time.monotonic()
                late = now + (now - begin) / (progress.iteration - resumed_at) >= end
                progress.done = stop or late or report.get("done", False)
                progress.done |= progress.iteration == max_iter
                self._save(phase, progress, learner)
                # Later phases begin from what a resumed fit will not begin from.
                self.cut_short |= late and progress.iteration < max_iter
        except KeyboardInterrupt:
            self.interrupted = self.cut_short = True
            warn_user(
                f"Interrupted in phase {phase!r}, after {progress.iteration} "
                "iterations: the best so far is kept.",
                ConvergenceWarning,
            )
        if progress.best_policy is not None:
            learner.load_policy(progress.best_policy)
        before = len(self.history.get("iteration", []))
        for name in {**self.history, **progress.records}:
            values = progress.records.get(name, [np.nan] * progress.iteration)
            self.history.setdefault(name, [np.nan] * before).extend(values)
        context.call_on_fit_task_end(estimator=self.estimator)
        return progress.iteration

    def close(self) -> None:
        """Tell the callbacks that the fit is over."""
        self.context.call_on_fit_task_end(estimator=self.estimator)

    def _save(self, phase: str, progress: _Progress, learner: Learner) -> None:
        if self.cut_short:
            return
        for checkpoint in self.checkpoints:
            if progress.done or progress.iteration % checkpoint.every == 0:
                self.saved[phase] = progress.state(learner)
                checkpoint.save(self.fingerprint, self.saved)


class _Progress:
    """How far a phase has come, and the best policy on the way."""

    def __init__(self, phase: str, window: int, keep_last: bool) -> None:
        self.phase = phase
        self.window = window
        self.keep_last = keep_last
        self.iteration = 0
        self.done = False
        self.best = np.inf
        self.best_policy: State | None = None
        self.records: dict[str, list] = {}

    def add(self, report: dict[str, float], learner: Learner) -> dict:
        objectives = [*self.records.get("objective", []), report["objective"]]
        average = float(np.mean(objectives[-self.window :]))
        report = {
            "phase": self.phase,
            "iteration": self.iteration,
            "moving_average": average,
            **report,
        }
        for name, value in report.items():
            self.records.setdefault(name, []).append(value)
        self.iteration += 1
        # Averages of fewer objectives are low by luck: no full one would match them.
        young = self.iteration <= self.window
        if self.keep_last or young or average <= self.best:
            self.best, self.best_policy = average, learner.policy()
        return report

    def state(self, learner: Learner) -> State:
        records = {
            f"record:{name}": np.asarray(values)
            for name, values in self.records.items()
        }
        best = {f"best:{k}": v for k, v in (self.best_policy or {}).items()}
        return {
            **{f"learner:{k}": v for k, v in learner.state().items()},
            **records,
            **best,
            "iteration": np.array(self.iteration),
            "best": np.array(self.best),
        }

    def resume(self, saved: State, learner: Learner) -> None:
        def part(prefix: str) -> State:
            return {
                name.removeprefix(prefix): array
                for name, array in saved.items()
                if name.startswith(prefix)
            }

        learner.load_state(part("learner:"))
        self.records = {k: v.tolist() for k, v in part("record:").items()}
        self.best_policy = part("best:")
        self.iteration, self.best = int(saved["iteration"]), float(saved["best"])
