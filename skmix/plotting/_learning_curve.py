"""How far labels go: the score of strategies of active learning by number of labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.exceptions import NotFittedError

from .._optional import import_pyplot
from ._style import BLACK, BLUE, GREEN, ORANGE, PURPLE, SKY, VERMILION

# Without the palette's yellow, which is lost on white.
COLORS = (BLUE, ORANGE, GREEN, VERMILION, PURPLE, SKY, BLACK)
# All colours are used once in each style.
STYLES = ("-", "--", ":")

History = Mapping[str, Sequence]
# Numbers of labels, and a row of values for each seed.
Curve = tuple[NDArray[np.float64], NDArray[np.float64]]


class LearningCurveDisplay:
    """The score of strategies of active learning, by the number of labels.

    A line is the mean of a strategy over its seeds, the band one standard error of it
    on either side; there is none for a single seed. A line ends where the first of its
    seeds does; those that failed, with NaN throughout, are left out. The legend beside
    the axes names the strategies from the highest end of a line to the lowest.

    Use :meth:`from_loops` to draw fitted loops.

    Parameters
    ----------
    curves : dict of lists of histories
        The histories of each strategy by its name, one for each seed. A history is a
        dict of lists, "n_labels" and "score" among them. A single one needs no list
        around it. Those of :func:`skmix.active.compare_selectors` are its
        ``histories_``.

    Attributes
    ----------
    area_ : dict of ndarray of shape (n_seeds,)
        The area under the curve of each seed, as far as the line of its strategy goes,
        divided by the range of the numbers of labels: the mean score on the way. Of a
        single point it is the score. `relative_to` does not change it.

    ax_ : matplotlib Axes
        Where it was drawn.

    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    skmix.active.compare_selectors : Makes histories of several strategies.
    HistoryDisplay : The objective of a resampler that learns.
    skmix.metrics.paired_difference : Compares the areas of two strategies.

    Notes
    -----
    What differs by seed, such as the test rows and the first labels, often moves the
    score more than the strategy does. Where the strategies were run with the same
    seeds, `relative_to` takes this out: it draws the differences seed by seed, with
    their own standard errors. :func:`~skmix.metrics.paired_difference` does the same
    for the areas, which can be compared where lines start and end together.

    The bands tell how much depends on the seed, not how much would change with other
    data.

    Examples
    --------
    >>> from skmix.metrics import paired_difference
    >>> from skmix.plotting import LearningCurveDisplay
    >>> n_labels = [10, 20, 30]
    >>> curves = {
    ...     "random": [
    ...         {"n_labels": n_labels, "score": [0.50, 0.58, 0.62]},
    ...         {"n_labels": n_labels, "score": [0.60, 0.66, 0.72]},
    ...     ],
    ...     "margin": [
    ...         {"n_labels": n_labels, "score": [0.50, 0.64, 0.70]},
    ...         {"n_labels": n_labels, "score": [0.60, 0.70, 0.80]},
    ...     ],
    ... }
    >>> display = LearningCurveDisplay(curves).plot()
    >>> [text.get_text() for text in display.ax_.get_legend().get_texts()]
    ['margin', 'random']
    >>> area = display.area_
    >>> area["margin"]
    array([0.62, 0.7 ])
    >>> gain, error = paired_difference(area["margin"], area["random"])
    >>> f"{gain:.3f} ± {error:.3f}"
    '0.045 ± 0.005'
    """

    def __init__(self, curves: Mapping[str, History | Sequence[History]]) -> None:
        self.curves = curves

    @classmethod
    def from_loops(
        cls,
        loops: Mapping[str, Any],
        *,
        relative_to: str | None = None,
        ax: Any = None,
    ) -> LearningCurveDisplay:
        """Draw the histories of fitted loops.

        Parameters
        ----------
        loops : dict of loops or of lists of loops
            The fitted loops of each strategy by its name, one for each seed. They must
            have been given test rows.

        relative_to : str, default=None
            Name of the strategy that the others are compared with, seed by seed, as far
            as both go. None draws the scores themselves.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure. The legend stands on the right of it,
            for which ``layout="constrained"`` makes room.

        Returns
        -------
        display : LearningCurveDisplay
            The picture.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        ValueError
            If a loop is not fitted or had no test rows, or what :meth:`plot` raises.
        """
        curves = {}
        for name, own in loops.items():
            own = own if isinstance(own, Sequence) else [own]
            for loop in own:
                if not hasattr(loop, "history_"):
                    raise NotFittedError(
                        f"A {type(loop).__name__} of strategy {name!r} is not fitted: "
                        "it has no history_. Call fit first."
                    )
            curves[name] = [loop.history_ for loop in own]
        return cls(curves).plot(relative_to=relative_to, ax=ax)

    def plot(
        self, *, relative_to: str | None = None, ax: Any = None, y: str = "score"
    ) -> LearningCurveDisplay:
        """Draw.

        Parameters
        ----------
        relative_to : str, default=None
            Name of the strategy that the others are compared with, seed by seed, as far
            as both go. None draws the scores themselves.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure. The legend stands on the right of it,
            for which ``layout="constrained"`` makes room.

        y : str, default="score"
            Which list of the histories to draw.

        Returns
        -------
        display : LearningCurveDisplay
            The picture itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        ValueError
            If there is nothing to draw, or only NaN, if a history lacks `y`, if the
            seeds of a strategy were scored at different numbers of labels, or if there
            is no strategy `relative_to` or the others have other seeds than it has.
        """
        curves = {
            name: _align(name, [own] if isinstance(own, Mapping) else own, y)
            for name, own in self.curves.items()
        }
        if not curves:
            raise ValueError("curves is empty: pass at least one strategy.")
        drawn = curves if relative_to is None else _subtract(curves, relative_to)
        if ax is None:
            _, ax = import_pyplot().subplots(figsize=(7.5, 4.2), layout="constrained")
        lines, sizes = {}, set()
        for place, (name, (n_labels, values)) in enumerate(drawn.items()):
            values = values[~np.isnan(values).all(axis=1)]
            if not len(values):
                continue
            turn, color = divmod(place, len(COLORS))
            look = {"color": COLORS[color], "ls": STYLES[turn % len(STYLES)]}
            mean, n_seeds = values.mean(axis=0), len(values)
            sizes.add(n_seeds)
            if name == relative_to:
                line = ax.axhline(0, linewidth=1.2, label=name, **look)
            else:
                # A line of one point would not be seen.
                marker = "o" if len(n_labels) == 1 else None
                (line,) = ax.plot(n_labels, mean, marker=marker, label=name, **look)
                if n_seeds > 1:
                    error = values.std(axis=0, ddof=1) / n_seeds**0.5
                    low, high = mean - error, mean + error
                    ax.fill_between(
                        n_labels, low, high, color=look["color"], alpha=0.2, lw=0
                    )
            lines[line] = mean[-1]
        if not lines:
            raise ValueError(
                f"All values of {y!r} are NaN, or those of {relative_to!r} are: there "
                "is nothing to draw."
            )
        label = "Score" if y == "score" else y
        if relative_to is not None:
            label += f" above that of {relative_to}"
        ax.set(xlabel="Number of labels", ylabel=label)
        ax.margins(x=0.02)
        ax.grid(axis="y", alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(
            handles=sorted(lines, key=lambda line: lines[line], reverse=True),
            title=_describe(sizes),
            loc="center left",
            bbox_to_anchor=(1, 0.5),
            alignment="left",
            title_fontsize="small",
            frameon=False,
        )
        self.area_ = {name: _area(*curve) for name, curve in curves.items()}
        self.ax_, self.figure_ = ax, ax.figure
        return self


def _align(name: str, histories: Sequence[History], y: str) -> Curve:
    """Read what the seeds of a strategy have in common."""
    if not histories:
        raise ValueError(f"Strategy {name!r} has no history: pass one for each seed.")
    for history in histories:
        n_points, n_values = (len(history.get(key, ())) for key in ("n_labels", y))
        if not n_points or n_points != n_values:
            remedy = (
                "pass test rows to the fit of its loop."
                if y == "score"
                else f"y must be one of {', '.join(map(repr, history))}."
            )
            raise ValueError(
                f"A history of strategy {name!r} has {n_values or 'no'} values of "
                f"{y!r} for {n_points or 'no'} of 'n_labels': {remedy}"
            )
    grids = [history["n_labels"] for history in histories]
    longest, shortest = max(grids, key=len), min(grids, key=len)
    for grid in grids:
        for own, other in zip(grid, longest, strict=False):
            if own != other:
                raise ValueError(
                    f"One seed of strategy {name!r} was scored at {own} labels where "
                    f"another was at {other}: start all seeds with as many labels and "
                    "add batches of the same size, or pass strategies of their own."
                )
    values = [history[y][: len(shortest)] for history in histories]
    return np.asarray(shortest, float), np.asarray(values, float)


def _subtract(curves: dict[str, Curve], relative_to: str) -> dict[str, Curve]:
    """Take differences to one of the strategies, seed by seed."""
    if relative_to not in curves:
        raise ValueError(
            f"relative_to={relative_to!r} is none of the strategies, which are "
            f"{', '.join(map(repr, curves))}."
        )
    base_grid, base = curves[relative_to]
    differences = {}
    for name, (grid, values) in curves.items():
        if len(values) != len(base):
            raise ValueError(
                f"Strategy {name!r} has {len(values)} seeds, {relative_to!r} has "
                f"{len(base)}: differences need the same seeds of both, in one order."
            )
        n_points = min(len(grid), len(base_grid))
        grid = grid[:n_points]
        if (grid != base_grid[:n_points]).any():
            raise ValueError(
                f"Strategies {name!r} and {relative_to!r} were scored at different "
                "numbers of labels: differences need the same first labels and batches "
                "of the same size."
            )
        differences[name] = grid, values[:, :n_points] - base[:, :n_points]
    return differences


def _area(n_labels: NDArray[np.float64], values: NDArray) -> NDArray[np.float64]:
    """Average each curve over the number of labels."""
    if len(n_labels) == 1:
        return values[:, 0]
    return np.trapezoid(values, n_labels) / (n_labels[-1] - n_labels[0])


def _describe(sizes: set[int]) -> str | None:
    """Say what lines and bands are, by the numbers of seeds."""
    low, high = min(sizes), max(sizes)
    if high == 1:
        return None
    return (
        f"mean of {low if low == high else f'{low} to {high}'} seeds\n± standard error"
    )
