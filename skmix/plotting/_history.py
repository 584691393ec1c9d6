"""How learning went: the objective of each iteration."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from sklearn.utils.validation import check_is_fitted

from .._loop import WINDOW
from .._optional import import_pyplot
from ._style import BLUE, GREEN, GREY, ORANGE

# What every iteration reports.
COMMON = ("phase", "iteration", "objective", "moving_average")
# Phases in which each iteration scores one policy.
SCORED = ("search", "finals", "classifier")


class HistoryDisplay:
    """The objective of a resampler that learns, iteration by iteration.

    A pale line is the objective, the strong one its moving average, and the dot on it
    the lowest one of a full window, or the last where there is none: learning ends with
    the policy of that iteration. Candidates of a search are points, and the dashed line
    is the untouched data. Policies of a search for classification are points, too, by
    their score, one phase after the other, the line is the best so far, and the dot the
    best of a phase. After what is learned step by step both are left out.

    Parameters
    ----------
    history : dict of lists
        What each iteration reported: "phase", "iteration", "objective" and
        "moving_average"; in phase "candidates" also which candidate it was.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.

    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    PolicyDisplay : What was learned.
    LearningCurveDisplay : Score by number of labels.
    skmix.callbacks.History : Collects the same through several fits.

    Examples
    --------
    >>> from skmix.plotting import HistoryDisplay
    >>> history = {
    ...     "phase": ["all", "all", "all"],
    ...     "iteration": [0, 1, 2],
    ...     "objective": [3.0, 1.0, 2.0],
    ...     "moving_average": [3.0, 2.0, 2.0],
    ... }
    >>> display = HistoryDisplay(history).plot()
    >>> display.ax_.get_xlabel()
    'Iteration'
    """

    def __init__(self, history: Mapping[str, Sequence]) -> None:
        self.history = history

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> HistoryDisplay:
        """Draw the history of a fitted resampler.

        Parameters
        ----------
        estimator : resampler
            A fitted resampler that learns, such as
            :class:`~skmix.regression.MixRLResampler`.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : HistoryDisplay
            The picture.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        ValueError
            If the resampler learns nothing, or had too few rows or too little time.
        """
        check_is_fitted(estimator)
        history = getattr(estimator, "history_", None)
        if history is None:
            raise ValueError(
                f"{type(estimator).__name__} has no history_, as it learns nothing "
                "step by step: pass a resampler that does, such as MixRLResampler."
            )
        if not history:
            raise ValueError(
                f"history_ of this {type(estimator).__name__} is empty: nothing was to "
                "be learned, or there were too few rows or too little max_time for it. "
                "chosen_ says which."
            )
        return cls(history).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> HistoryDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : HistoryDisplay
            The picture itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        if ax is None:
            _, ax = import_pyplot().subplots(layout="constrained")
        # Names in the order in which the phases ran.
        names = list(dict.fromkeys(self.history["phase"]))
        # Their objective is another one.
        learned = [name for name in names if name not in ("candidates", *SCORED)]
        if names == ["candidates"]:
            self._draw_candidates(ax)
        elif not learned:
            self._draw_scores(ax, names)
        else:
            for name, color in zip(learned, cycle((BLUE, ORANGE, GREEN))):
                self._draw_phase(ax, name, color)
            ax.plot([], [], "o", color=GREY, label="lowest, kept")
            ax.set(xlabel="Iteration", ylabel="Objective (lower is better)")
            ax.legend(title="Moving average", frameon=False)
        ax.spines[["top", "right"]].set_visible(False)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw_candidates(self, ax: Any) -> None:
        baseline, *losses = self.history["objective"]
        # A candidate is told by what no other learner reports.
        name = next((name for name in self.history if name not in COMMON), "iteration")
        values, places = np.unique(self.history[name][1:], return_inverse=True)
        ax.axhline(baseline, color=GREY, linestyle="--", label="untouched data")
        ax.plot(places, losses, "o", color=BLUE, label="candidates")
        ax.set_xticks(range(len(values)), [f"{value:g}" for value in values])
        ax.set(
            xlabel=f"Candidate ({name})",
            ylabel="Held-out loss, $1 - R^2$ (lower is better)",
            xlim=(-0.5, max(len(values), 1) - 0.5),
        )
        ax.margins(y=0.2)
        ax.legend(frameon=False)

    def _draw_scores(self, ax: Any, names: list[str]) -> None:
        phase, score = (np.asarray(self.history[key]) for key in ("phase", "score"))
        for name, color in zip(names, (BLUE, ORANGE, GREEN), strict=False):
            place = np.flatnonzero(phase == name)
            own = score[place]
            ax.plot(place, own, "o", color=color, ms=3, alpha=0.5)
            ax.plot(place, np.maximum.accumulate(own), color=color, label=name)
            best = own.argmax()
            ax.plot(place[best], own[best], "o", color=color, mec="white", ms=8)
        ax.set(xlabel="Policy", ylabel="Held-out score (greater is better)")
        ax.legend(title="Best so far", frameon=False)

    def _draw_phase(self, ax: Any, name: str, color: str) -> None:
        rows = np.asarray(self.history["phase"]) == name
        iteration, objective, average = (
            np.asarray(self.history[key])[rows] for key in COMMON[1:]
        )
        ax.plot(iteration, objective, color=color, linewidth=0.8, alpha=0.35)
        ax.plot(iteration, average, color=color, linewidth=2, label=name)
        # Of averages over a full window the lowest, of equal ones the last.
        full = min(WINDOW, len(average)) - 1
        kept = full + np.flatnonzero(average[full:] == average[full:].min())[-1]
        ax.plot(iteration[kept], average[kept], "o", color=color, mec="white", ms=8)
