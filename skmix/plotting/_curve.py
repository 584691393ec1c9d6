"""How people see mixes, as curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, cycle
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from .._optional import import_pyplot
from ._style import BLUE, GREEN, ORANGE, PURPLE, VERMILION

COLORS = (BLUE, VERMILION, GREEN, PURPLE, ORANGE)
N_POINTS = 101
N_PAIRS = 4


class CurveDisplay:
    """Shares that people see, by the part that there is.

    A line is the curve of a policy, its band two standard errors wide on either side; a
    point is the mean of answers about one part, with two standard errors. The dashed
    line is what mixup takes for granted.

    Use :meth:`from_policy` to make one.

    Parameters
    ----------
    part : array-like of shape (n_points,)
        Parts of the first class of each pair.

    curves : mapping of str to array-like of shape (2, n_points)
        Of each pair the shares, and their standard errors.

    answers : mapping of str to array-like of shape (3, n_parts), default=None
        Of each pair the parts that people were asked about, mean answers, and their
        standard errors.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.

    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    skmix.human.HumanMixPolicy : The policy.

    Examples
    --------
    >>> from skmix.human import HumanMixPolicy
    >>> from skmix.plotting import CurveDisplay
    >>> X = [("cat", "dog", 0.3), ("cat", "dog", 0.5), ("dog", "cat", 0.4)] * 20
    >>> policy = HumanMixPolicy().fit(X, [0.2, 0.4, 0.5] * 20)
    >>> display = CurveDisplay.from_policy(policy)
    >>> list(display.curves)
    ['cat in dog']
    """

    def __init__(
        self,
        part: Any,
        curves: Mapping[str, Any],
        answers: Mapping[str, Any] | None = None,
    ) -> None:
        self.part = part
        self.curves = curves
        self.answers = answers

    @classmethod
    def from_policy(
        cls,
        policy: Any,
        *,
        pairs: Sequence[tuple[Any, Any]] | None = None,
        judgments: Any = None,
        ax: Any = None,
    ) -> CurveDisplay:
        """Draw the curves of a policy.

        Parameters
        ----------
        policy : HumanMixPolicy
            Fitted.

        pairs : sequence of (label, label), default=None
            Pairs of classes to draw. None takes the four, of those that were judged,
            whose even mix is seen furthest from half and half.

        judgments : Judgments, default=None
            Answers to draw beside the curves, of kind "infer".

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : CurveDisplay
            The picture.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        ValueError
            If a label is none of the classes, or if there are no pairs.
        """
        check_is_fitted(policy)
        classes = policy.classes_.tolist()
        part = np.linspace(0, 1, N_POINTS)
        if pairs is not None and not all(np.size(pair) == 2 for pair in pairs):
            raise ValueError(f"pairs must hold pairs of labels, got {pairs!r}.")
        chosen = [] if pairs is None else [tuple(pair) for pair in pairs]
        unknown = [label for pair in chosen for label in pair if label not in classes]
        if unknown:
            raise ValueError(
                f"pairs has the label {unknown[0]!r}, which is none of the classes "
                f"{classes[:5]!r} of the policy."
            )
        if pairs is None:
            judged = [
                (classes[a], classes[b])
                for a, b in combinations(range(len(classes)), 2)
                if policy.n_judgments_[a, b]
            ]
            half = [policy.predict(_rows(pair, np.array([0.5])))[0] for pair in judged]
            order = np.argsort(-np.abs(np.array(half) - 0.5), kind="stable")
            chosen = [judged[place] for place in order[:N_PAIRS]]
        if not chosen:
            raise ValueError("There are no pairs to draw: pass some as pairs.")
        curves = {_name(pair): _curve(policy, pair, part) for pair in chosen}
        answers = None
        if judgments is not None:
            answers = {_name(pair): _means(judgments, pair) for pair in chosen}
        return cls(part, curves, answers).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> CurveDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : CurveDisplay
            The picture itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        if ax is None:
            _, ax = import_pyplot().subplots(figsize=(5.5, 5), layout="constrained")
        part = np.asarray(self.part, dtype=float)
        ax.plot([0, 1], [0, 1], color="0.5", ls="--", lw=1, label="as mixup has it")
        for number, ((name, curve), color) in enumerate(
            zip(self.curves.items(), cycle(COLORS), strict=False)
        ):
            share, std = np.asarray(curve, dtype=float)
            ax.plot(part, share, color=color, label=name)
            low, high = (share - 2 * std).clip(0), (share + 2 * std).clip(max=1)
            ax.fill_between(part, low, high, color=color, alpha=0.15, lw=0)
            if self.answers is not None:
                at, mean, error = np.asarray(self.answers[name], dtype=float)
                # Side by side, where several pairs were asked about the same part.
                shift = 0.008 * (number - (len(self.curves) - 1) / 2)
                ax.errorbar(
                    at + shift, mean, 2 * error, color=color, fmt="o", ms=4, lw=1
                )
        ax.set(
            xlabel="Part of the first class in the mix",
            ylabel="Share of it that people see",
            xlim=(0, 1),
            ylim=(0, 1),
            aspect="equal",
        )
        ax.grid(alpha=0.25)
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False, loc="upper left", fontsize="small")
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _name(pair: tuple[Any, Any]) -> str:
    return f"{pair[0]} in {pair[1]}"


def _rows(pair: tuple[Any, Any], part: NDArray[np.float64]) -> NDArray[np.object_]:
    rows = np.empty((len(part), 3), dtype=object)
    rows[:, 0], rows[:, 1], rows[:, 2] = *pair, part
    return rows


def _curve(
    policy: Any, pair: tuple[Any, Any], part: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Shares, and their standard errors: 0 of curves that have none."""
    rows = _rows(pair, part)
    if hasattr(policy, "slope_"):
        return np.array(policy.predict(rows, return_std=True))
    share = policy.predict(rows)
    return np.array([share, np.zeros_like(share)])


def _means(judgments: Any, pair: tuple[Any, Any]) -> NDArray[np.float64]:
    """Mean answers about a pair by part, with whichever class was named first."""
    asked = judgments.take(judgments.kind == "infer")
    ahead = (asked.label_a == pair[0]) & (asked.label_b == pair[1])
    behind = (asked.label_a == pair[1]) & (asked.label_b == pair[0])
    part = np.concatenate([asked.lam[ahead], 1 - asked.lam[behind]]).round(6)
    share = np.concatenate([asked.inferred[ahead], 1 - asked.inferred[behind]])
    at, place, count = np.unique(part, return_inverse=True, return_counts=True)
    mean = np.bincount(place, share, minlength=len(at)) / count
    squares = np.bincount(place, (share - mean[place]) ** 2, minlength=len(at))
    # One answer does not tell how far off it is.
    several = np.where(count > 1, count - 1, np.nan)
    error = np.sqrt(squares / several / count)
    return np.array([at, mean, error])
