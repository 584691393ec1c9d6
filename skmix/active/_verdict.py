"""What a comparison of strategies says: differences, their errors, a verdict."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._paired import mean_of_known
from .._tables import (
    Cell,
    Table,
    gain_cell,
    places_of,
    share,
    sign,
    with_error,
    write,
    write_html,
    write_text,
)
from ..metrics import harm_rate, paired_difference

# The name of random choice.
CONTROL = "random"

History = Mapping[str, Sequence]
Record = dict[str, Any]


@dataclass(repr=False, eq=False, kw_only=True)
class SelectorComparison:
    """Learning curves of strategies on equal splits, and what they say.

    :func:`compare_selectors` makes it. It prints as a table with a verdict;
    ``LearningCurveDisplay(comparison.histories_).plot()`` draws it.

    Parameters
    ----------
    histories_ : dict of str to list of histories
        The histories of each strategy by its name, one for each repeat: see
        ``history_`` of :class:`ActiveLearningLoop`. The first is "random", the control.
        Scores that are NaN are a failure.

    Attributes
    ----------
    area_ : dict of str to ndarray of shape (n_repeats,)
        The area under the learning curve of each run, divided by the range of its
        numbers of labels: the mean score on the way. NaN is a failure.

    final_ : dict of str to ndarray of shape (n_repeats,)
        The score of each run with all labels that it asked for.

    See Also
    --------
    compare_selectors : Makes it.
    skmix.plotting.LearningCurveDisplay : Draws the histories, or their differences.
    skmix.metrics.paired_difference : Mean difference of areas, and its error.

    Notes
    -----
    Differences are paired, repeat by repeat, and a standard error is the usual
    ``std / sqrt(n_repeats)``. A strategy is said to beat another if it gains more than
    two standard errors. That is meant for a few strategies: among many, one passes by
    chance. Repeats in which either has no score are left out.

    The error tells how much depends on the split, the first labels and the seed. Would
    other data of the kind say the same? With new data for each comparison, from 120 to
    400 rows, 66 labels at the end and ten repeats, the variance of a mean difference
    was 0.6 to 1.6 times what the error says, around 1.1
    (``benchmarks/compare/active_error.py``): other labels are drawn each time, and
    matter more than the pools and test rows that repeats share. So there is no
    correction for these, which by the formula of
    :func:`~skmix.model_selection.corrected_paired_difference` would be a factor of 5.3.
    Far more repeats than ten make the error too small, as they add no data.

    Examples
    --------
    >>> from skmix.active import SelectorComparison
    >>> n_labels = [10, 20, 30]
    >>> comparison = SelectorComparison(
    ...     histories_={
    ...         "random": [
    ...             {"n_labels": n_labels, "score": [0.50, 0.58, 0.62]},
    ...             {"n_labels": n_labels, "score": [0.60, 0.66, 0.72]},
    ...         ],
    ...         "margin": [
    ...             {"n_labels": n_labels, "score": [0.50, 0.64, 0.70]},
    ...             {"n_labels": n_labels, "score": [0.60, 0.70, 0.80]},
    ...         ],
    ...     }
    ... )
    >>> comparison.area_["margin"]
    array([0.62, 0.7 ])
    >>> print(comparison.summary())
    margin beats random choice: its mean score from 10 to 30 labels is higher by
    +0.0450 ± 0.0050.
    """

    histories_: dict[str, list[History]]

    @property
    def area_(self) -> dict[str, NDArray[np.float64]]:
        """Mean score of each run, by strategy."""
        return {
            name: np.array([_area(history) for history in own])
            for name, own in self.histories_.items()
        }

    @property
    def final_(self) -> dict[str, NDArray[np.float64]]:
        """Last score of each run, by strategy."""
        return {
            name: np.array([history["score"][-1] for history in own])
            for name, own in self.histories_.items()
        }

    def to_frame(self, *, relative_to: str = CONTROL) -> Any:
        """Make a table with a row for each strategy.

        Parameters
        ----------
        relative_to : str, default="random"
            Name of the strategy that the others are compared with.

        Returns
        -------
        frame : pandas.DataFrame of shape (n_strategies, 10)
            Indexed by strategy, with the columns

            - ``mean``, ``mean_se``: mean area, and its standard error;
            - ``difference``, ``difference_se``: of the area to that of `relative_to`;
            - ``harm_rate``: share of repeats with a smaller area than `relative_to`;
            - ``final``, ``final_difference``, ``final_difference_se``: the same of the
              last score;
            - ``n_repeats``: number of repeats in which both have scores;
            - ``query_seconds``, ``fit_seconds``: mean time that all queries, and all
              fits, of a run took.

        Raises
        ------
        ImportError
            If pandas is not installed.

        ValueError
            If there is no such strategy.
        """
        records = self.records(relative_to=relative_to)
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("to_frame needs pandas; records does not.") from error
        index = pd.Index(list(records), name="strategy")
        return pd.DataFrame(list(records.values()), index=index)

    def records(self, *, relative_to: str = CONTROL) -> dict[str, Record]:
        """Make the rows of :meth:`to_frame`, without pandas.

        Parameters
        ----------
        relative_to : str, default="random"
            Name of the strategy that the others are compared with.

        Returns
        -------
        records : dict of str to dict
            The columns of each row.

        Raises
        ------
        ValueError
            If there is no such strategy.
        """
        if relative_to not in self.histories_:
            raise ValueError(
                f"relative_to must be one of {list(self.histories_)}, got "
                f"{relative_to!r}."
            )
        area, final = self.area_, self.final_
        base, last = area[relative_to], final[relative_to]
        records = {}
        for name, own in area.items():
            paired = ~np.isnan(own - base)
            mean, mean_se = _difference(own, np.zeros_like(own))
            difference, error = _difference(own, base)
            final_difference, final_error = _difference(final[name], last)
            records[name] = {
                "mean": mean,
                "mean_se": mean_se,
                "difference": difference,
                "difference_se": error,
                "harm_rate": (
                    harm_rate(own[paired], base[paired]) if paired.any() else np.nan
                ),
                "final": mean_of_known(final[name]),
                "final_difference": final_difference,
                "final_difference_se": final_error,
                "n_repeats": int(paired.sum()),
                "query_seconds": self._seconds(name, "query_time"),
                "fit_seconds": self._seconds(name, "fit_time"),
            }
        return records

    def best(self) -> str:
        """Name the strategy to use.

        Returns
        -------
        name : str
            The one with the largest mean area, of those that beat random choice by more
            than two standard errors and failed in no repeat where it did not; "random"
            if there is none.
        """
        records = self.records()
        gains = {CONTROL: 0.0}
        for name, record in records.items():
            complete = record["n_repeats"] == records[CONTROL]["n_repeats"]
            if complete and _clear_sign(record) > 0:
                gains[name] = record["difference"]
        return max(gains, key=gains.__getitem__)

    def summary(self) -> str:
        """Say whether any strategy is better than random choice.

        Returns
        -------
        summary : str
            The best strategy and its gain in area, and which others it does not beat,
            all by two standard errors; or the advice to choose at random.
        """
        records = self.records()
        if not records[CONTROL]["n_repeats"]:
            return "No verdict, as random choice has no score."
        best = self.best()
        if best == CONTROL:
            return (
                "Choose rows at random. No strategy beats that by more than two "
                "standard errors of the mean score on the way."
            )
        grids = [history["n_labels"] for history in self.histories_[best]]
        first, last = min(g[0] for g in grids), max(g[-1] for g in grids)
        text = (
            f"{best} beats random choice: its mean score from {first} to {last} labels "
            f"is higher by {_gain(records[best])}."
        )
        level = [
            f"{name} ({_gain(records[name])})"
            for name, record in self.records(relative_to=best).items()
            if name not in (best, CONTROL)
            and record["n_repeats"]
            and _clear_sign(record) >= 0
        ]
        if level:
            text += f" It does not clearly beat {', '.join(level)}."
        return text

    def __repr__(self) -> str:
        return write_text(self._tables(), self.summary(), n_names=1)

    def _repr_html_(self) -> str:
        return write_html(self._tables(), self.summary(), n_names=1)

    def _seconds(self, name: str, column: str) -> float:
        """Mean over runs of all times in a column."""
        times = [history.get(column, [np.nan]) for history in self.histories_[name]]
        # Nobody was asked before the first fit, and a failure took no time at all.
        sums = [np.nan if np.isnan(own).all() else np.nansum(own) for own in times]
        return mean_of_known(np.array(sums))

    def _tables(self) -> list[Table]:
        records = self.records()
        values = records.values()

        def gains(key: str) -> list[Cell]:
            places = places_of(r[f"{key}_se"] for r in values)
            return [
                ("", 0) if name == CONTROL else gain_cell(record, key, places)
                for name, record in records.items()
            ]

        def numbers(key: str, error: str) -> list[Cell]:
            places = places_of(r[error] for r in values)
            return [(write(r[key], places), 0) for r in values]

        columns = {
            "strategy": [(name, 0) for name in records],
            "mean score": numbers("mean", "difference_se"),
            "vs random": gains("difference"),
            "worse in": [(share(r["harm_rate"]), 0) for r in values],
            "last score": numbers("final", "final_difference_se"),
            "last vs random": gains("final_difference"),
            "query (s)": numbers("query_seconds", "query_seconds"),
            "fit (s)": numbers("fit_seconds", "fit_seconds"),
        }
        n_repeats = len(self.histories_[CONTROL])
        caption = f"Score by number of labels, {n_repeats} repeats, greater is better"
        return [(caption, columns)]


def _area(history: History) -> float:
    """Mean score over the numbers of labels."""
    n_labels, score = history["n_labels"], history["score"]
    if len(n_labels) == 1:
        return score[0]
    return float(np.trapezoid(score, n_labels) / (n_labels[-1] - n_labels[0]))


def _difference(values: NDArray, baseline: NDArray) -> tuple[float, float]:
    """Paired difference over the repeats in which both have a score."""
    known = ~np.isnan(values - baseline)
    if not known.any():
        return np.nan, np.nan
    return paired_difference(values[known], baseline[known])


def _gain(record: Record) -> str:
    return with_error(record["difference"], record["difference_se"])


def _clear_sign(record: Record) -> int:
    return sign(record["difference"], 2 * record["difference_se"])
