"""How a comparison of resamplers is shown: as text, as HTML, as a figure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from .._optional import import_pyplot
from .._tables import (
    Cell,
    Table,
    gain_cell,
    places_of,
    share,
    sign,
    write,
    write_html,
    write_text,
)
from ._style import check_axes

__all__ = ["ComparisonDisplay"]

# Better, undecided, worse: blue and vermilion differ for every kind of colour vision.
_COLORS = {1: "#0072B2", 0: "#6E6E6E", -1: "#D55E00"}

Records = dict[tuple[str, str], dict[str, Any]]


class ComparisonDisplay:
    """Differences of resamplers to the untouched data, split by split.

    A point is a split, a dot the mean, the thick bar one and the thin bar two standard
    errors of it. Blue is better and orange worse by more than one standard error. The
    dots of controls are hollow.

    Use :meth:`from_comparison`, or ``comparison.plot()``, to make one.

    Parameters
    ----------
    differences : array-like of shape (n_estimators, n_resamplers, n_splits)
        Score of each resampler less that of the untouched data; NaN is left out.

    mean : array-like of shape (n_estimators, n_resamplers)
        Mean difference.

    standard_error : array-like of shape (n_estimators, n_resamplers)
        Standard error of the mean difference.

    estimator_names : sequence of str
        Titles of the panels.

    resampler_names : sequence of str
        Names of the rows, from the top down.

    metric : str
        Name of the score. Greater is better.

    control_names : sequence of str, default=()
        Those of `resampler_names` that are controls: they need no new rows.

    Attributes
    ----------
    figure_ : matplotlib Figure
        Figure that holds the panels.

    axes_ : ndarray of shape (n_estimators,)
        Axes, a panel for each estimator.

    See Also
    --------
    skmix.compare_resamplers : Makes the comparison.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from sklearn.linear_model import Ridge
    >>> from skmix import compare_resamplers
    >>> from skmix.regression import MixupResampler
    >>> X, y = load_diabetes(return_X_y=True)
    >>> comparison = compare_resamplers(Ridge(), X, y, MixupResampler(), random_state=0)
    >>> display = comparison.plot()
    >>> display.axes_[0].get_title()
    'Ridge'
    """

    def __init__(
        self,
        *,
        differences: ArrayLike,
        mean: ArrayLike,
        standard_error: ArrayLike,
        estimator_names: Sequence[str],
        resampler_names: Sequence[str],
        metric: str,
        control_names: Sequence[str] = (),
    ) -> None:
        self.differences = differences
        self.mean = mean
        self.standard_error = standard_error
        self.estimator_names = estimator_names
        self.resampler_names = resampler_names
        self.metric = metric
        self.control_names = control_names

    @classmethod
    def from_comparison(
        cls, comparison: Any, *, metric: str | None = None, ax: Any = None
    ) -> ComparisonDisplay:
        """Draw a comparison.

        Parameters
        ----------
        comparison : ResamplerComparison
            What :func:`~skmix.compare_resamplers` returned.

        metric : str, default=None
            Name of the metric; None is the primary one.

        ax : matplotlib Axes or array-like of them, default=None
            One for each estimator; None makes a new figure.

        Returns
        -------
        display : ComparisonDisplay
            What was drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        ValueError
            If there is no such metric, or not one of `ax` for each estimator.
        """
        records = comparison.records(metric)
        metric = comparison.metric_names[0] if metric is None else metric
        scores = comparison.scores_[metric]
        shape = scores.shape[:2]
        mean = np.reshape([r["difference"] for r in records.values()], shape)
        error = np.reshape([r["difference_se"] for r in records.values()], shape)
        return cls(
            differences=scores[:, 1:] - scores[:, :1],
            mean=mean[:, 1:],
            standard_error=error[:, 1:],
            estimator_names=comparison.estimator_names,
            resampler_names=comparison.resampler_names[1:],
            metric=metric,
            control_names=comparison.control_names,
        ).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> ComparisonDisplay:
        """Draw the differences.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of them, default=None
            One for each estimator; None makes a new figure.

        Returns
        -------
        self : ComparisonDisplay
            The display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        ValueError
            If there is not one of `ax` for each estimator.
        """
        plt = import_pyplot()
        n_panels, n_rows = len(self.estimator_names), len(self.resampler_names)
        if ax is None:
            figure, ax = plt.subplots(
                1,
                n_panels,
                sharey=True,
                figsize=(
                    0.3
                    + 0.08 * max(map(len, self.resampler_names), default=0)
                    + 3 * n_panels,
                    1.7 + 0.45 * n_rows,
                ),
                layout="constrained",
            )
            figure.supxlabel(
                "points: splits   dot: mean   bars: one and two standard errors"
                + ("\nhollow dot: no new rows" if self.control_names else ""),
                fontsize="small",
                color="0.3",
            )
        self.axes_ = check_axes(ax, n_panels, "estimators")
        self.figure_ = self.axes_[0].figure
        for panel, axes in enumerate(self.axes_):
            self._draw(axes, panel)
        return self

    def _draw(self, axes: Any, panel: int) -> None:
        differences, means, errors = (
            np.asarray(values, float)[panel]
            for values in (self.differences, self.mean, self.standard_error)
        )
        n_rows, n_splits = differences.shape
        # Multiples of the golden ratio spread evenly, however many there are.
        jitter = 0.4 * (np.arange(n_splits) * 0.618034 % 1 - 0.5)
        for row in range(n_rows):
            mean, error = means[row], errors[row]
            color = _COLORS[sign(mean, error)]
            axes.scatter(
                differences[row],
                row + jitter,
                s=12,
                color=color,
                alpha=0.35,
                linewidth=0,
            )
            axes.hlines(row, mean - 2 * error, mean + 2 * error, color=color, lw=1.2)
            axes.hlines(row, mean - error, mean + error, color=color, lw=4)
            hollow = self.resampler_names[row] in self.control_names
            axes.plot(
                mean,
                row,
                "o",
                color="white" if hollow else color,
                markersize=7,
                markeredgecolor=color if hollow else "white",
            )
        axes.axvline(0, color="0.3", linewidth=1, linestyle="--", zorder=0)
        low, high = axes.get_xlim()
        axes.annotate(
            "untouched data",
            (0, 0),
            xytext=(4 if low + high > 0 else -4, 4),
            xycoords=("data", "axes fraction"),
            textcoords="offset points",
            horizontalalignment="left" if low + high > 0 else "right",
            fontsize="small",
            color="0.3",
        )
        axes.set_title(self.estimator_names[panel])
        axes.set_xlabel(f"{self.metric}\n← worse   difference   better →")
        axes.set_yticks(range(n_rows), self.resampler_names)
        axes.set_ylim(n_rows - 0.2, -0.5)
        axes.grid(axis="x", alpha=0.3)
        axes.spines[["top", "right"]].set_visible(False)


def text_table(comparison: Any) -> str:
    """Write a comparison as aligned columns of text, and its verdict."""
    return write_text(_tables(comparison), comparison.summary(), n_names=2)


def html_table(comparison: Any) -> str:
    """Write a comparison as HTML tables, and its verdict."""
    return write_html(_tables(comparison), comparison.summary(), n_names=2)


def _tables(comparison: Any) -> list[Table]:
    """Caption and columns of each table: the primary metric, then the others."""
    metric, *others = comparison.metric_names
    records = comparison.records()
    values = records.values()
    places = places_of(r["difference_se"] for r in values)
    time_places = places_of(r["fit_seconds"] for r in values)
    names = {
        "estimator": [(e if r == "none" else "", 0) for e, r in records],
        "resampler": [(r, 0) for _, r in records],
    }
    main = {
        "score": [(write(r["mean"], places), 0) for r in values],
        "vs none": _gains(records, places),
        "vs best rival": [gain_cell(r, "rival_difference", places) for r in values],
        "worse in": [(share(r["harm_rate"]), 0) for r in values],
        "rows added": [(write(r["rows_added"], 0, "+"), 0) for r in values],
        "accepted": [(share(r["accepted"]), 0) for r in values],
        "fit (s)": [(write(r["fit_seconds"], time_places), 0) for r in values],
    }
    if np.isnan(comparison.accepted_).all():
        del main["accepted"]
    n_splits = comparison.fit_time_.shape[-1]
    tables = [(f"{metric}, mean of {n_splits} splits, greater is better", main)]
    if others:
        rest = {}
        for name in others:
            records = comparison.records(name)
            places = places_of(r["difference_se"] for r in records.values())
            rest[name] = _gains(records, places, with_mean=True)
        tables.append(("Other metrics: score of none, differences to it", rest))
    return [(caption, {**names, **columns}) for caption, columns in tables]


def _gains(records: Records, places: int, *, with_mean: bool = False) -> list[Cell]:
    """Differences to none; for none itself its mean, or nothing."""
    cells = []
    for (_, resampler), record in records.items():
        if resampler != "none":
            cells.append(gain_cell(record, "difference", places))
        else:
            cells.append((write(record["mean"], places) if with_mean else "", 0))
    return cells
