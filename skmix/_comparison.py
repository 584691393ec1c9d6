"""What a comparison of resamplers says: differences, their errors, a verdict."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._paired import difference_of_known, mean_of_known
from ._tables import sign, with_error
from .metrics import harm_rate
from .plotting._comparison import ComparisonDisplay, html_table, text_table

Record = dict[str, Any]


@dataclass(repr=False, eq=False, kw_only=True)
class ResamplerComparison:
    """Scores of resamplers on equal splits, and what they say.

    :func:`~skmix.compare_resamplers` makes it. It prints as a table with a verdict.

    Parameters
    ----------
    scores_ : dict of str to ndarray of shape (n_estimators, n_resamplers, n_splits)
        Scores by metric, the primary one first. Greater is better; NaN is a failure.

    estimator_names : list of str
        Names along the first axis.

    resampler_names : list of str
        Names along the second axis. The first is "none", the untouched data.

    fit_time_ : ndarray of shape (n_estimators, n_resamplers, n_splits)
        Seconds for resampling and fitting.

    rows_added_ : ndarray of shape (n_estimators, n_resamplers, n_splits)
        Number of rows that the estimator saw beyond the training rows; negative where
        rows were removed.

    accepted_ : ndarray of shape (n_estimators, n_resamplers)
        Share of the fits in which the resampler found that mixing helps; NaN where it
        does not judge, or has no guard.

    test_train_ratio_ : float
        Number of test rows of a split divided by its number of training rows.

    control_names : sequence of str, default=()
        Those of `resampler_names` that are controls: they need no new rows.

    Attributes
    ----------
    metric_names : list of str
        Keys of `scores_`.

    Notes
    -----
    Differences are paired, split by split, and their standard errors corrected for the
    overlap of the training rows: see
    :func:`~skmix.model_selection.corrected_paired_difference`. A resampler is said to
    beat another if it gains more than two standard errors. That is meant for a few
    resamplers: among many, one passes by chance.

    Splits in which either side has no score are left out of a difference. A resampler
    that failed where the untouched data have a score never counts as the best.

    Examples
    --------
    >>> import numpy as np
    >>> from skmix.model_selection import ResamplerComparison
    >>> comparison = ResamplerComparison(
    ...     scores_={"r2": np.array([[[0.5, 0.6, 0.4], [0.6, 0.8, 0.5]]])},
    ...     estimator_names=["Ridge"],
    ...     resampler_names=["none", "mixup"],
    ...     fit_time_=np.array([[[0.1, 0.1, 0.1], [0.2, 0.2, 0.2]]]),
    ...     rows_added_=np.array([[[0, 0, 0], [90, 90, 90]]]),
    ...     accepted_=np.full((1, 2), np.nan),
    ...     test_train_ratio_=0.25,
    ... )
    >>> comparison.best()
    'mixup'
    >>> print(comparison.summary())
    Ridge: mixup beats the untouched data in r2, by +0.133 ± 0.044.
    """

    scores_: dict[str, NDArray[np.float64]]
    estimator_names: list[str]
    resampler_names: list[str]
    fit_time_: NDArray[np.float64]
    rows_added_: NDArray[np.float64]
    accepted_: NDArray[np.float64]
    test_train_ratio_: float
    control_names: Sequence[str] = ()

    @property
    def metric_names(self) -> list[str]:
        """Names of the metrics, the primary one first."""
        return list(self.scores_)

    def to_frame(self, metric: str | None = None) -> Any:
        """Make a table with a row for each estimator and resampler.

        Parameters
        ----------
        metric : str, default=None
            Name of the metric; None is the primary one.

        Returns
        -------
        frame : pandas.DataFrame of shape (n_estimators * n_resamplers, 14)
            Indexed by estimator and resampler, with the columns

            - ``mean``, ``mean_se``, ``std``: mean score, its standard error, and the
              standard deviation over splits;
            - ``difference``, ``difference_se``: to the untouched data;
            - ``rival``, ``rival_difference``, ``rival_difference_se``: to the best of
              the others by mean score. "none" is a rival like any other, as one can
              always leave the data as they are, and so are the controls;
            - ``harm_rate``: share of splits with a lower score than the untouched data;
            - ``n_splits``: number of splits in which both have a score;
            - ``fit_seconds``, ``extra_seconds``: mean time of a fit, in all and beyond
              that of the untouched data;
            - ``rows_added``: their mean number;
            - ``accepted``: share of the fits in which the resampler found that mixing
              helps; NaN where it does not judge, or has no guard.

        Raises
        ------
        ImportError
            If pandas is not installed.

        ValueError
            If there is no such metric.
        """
        records = self.records(metric)
        try:
            import pandas as pd
        except ImportError as error:
            raise ImportError("to_frame needs pandas; records does not.") from error
        index = pd.MultiIndex.from_tuples(records, names=["estimator", "resampler"])
        return pd.DataFrame(list(records.values()), index=index)

    def records(self, metric: str | None = None) -> dict[tuple[str, str], Record]:
        """Make the rows of :meth:`to_frame`, without pandas.

        Parameters
        ----------
        metric : str, default=None
            Name of the metric; None is the primary one.

        Returns
        -------
        records : dict of (estimator, resampler) to dict
            The columns of each row.

        Raises
        ------
        ValueError
            If there is no such metric.
        """
        scores = self.scores_[self._check_metric(metric)]
        return {
            (estimator, resampler): self._record(scores[e], e, r)
            for e, estimator in enumerate(self.estimator_names)
            for r, resampler in enumerate(self.resampler_names)
        }

    def best(self, estimator: str | None = None, *, metric: str | None = None) -> str:
        """Name the resampler, or the control, to use for an estimator.

        Parameters
        ----------
        estimator : str, default=None
            Name of the estimator; may be left out if there is only one.

        metric : str, default=None
            Name of the metric; None is the primary one.

        Returns
        -------
        name : str
            The one with the highest mean, of those that beat the untouched data by more
            than two standard errors; "none" if there is none.

        Raises
        ------
        ValueError
            If there is no such estimator or metric.
        """
        records = self.records(metric)
        if estimator is None and len(self.estimator_names) == 1:
            estimator = self.estimator_names[0]
        if estimator not in self.estimator_names:
            raise ValueError(
                f"estimator must be one of {self.estimator_names}, got {estimator!r}."
            )
        n_splits = records[estimator, "none"]["n_splits"]
        gains = {"none": 0.0}
        for resampler in self.resampler_names:
            record = records[estimator, resampler]
            if record["n_splits"] == n_splits and _clear_sign(record) > 0:
                gains[resampler] = record["difference"]
        return max(gains, key=gains.__getitem__)

    def summary(self, metric: str | None = None) -> str:
        """Say for each estimator whether any resampler helps.

        Parameters
        ----------
        metric : str, default=None
            Name of the metric; None is the primary one.

        Returns
        -------
        summary : str
            One line for each estimator: the best resampler and its gain, which controls
            it does not beat, and which other metrics it harms, all by two standard
            errors; or the advice to leave the data as they are, with a control if one
            is best.

        Raises
        ------
        ValueError
            If there is no such metric.
        """
        metric = self._check_metric(metric)
        return "\n".join(self._verdict(name, metric) for name in self.estimator_names)

    def plot(self, *, metric: str | None = None, ax: Any = None) -> ComparisonDisplay:
        """Draw the differences to the untouched data.

        Parameters
        ----------
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
        return ComparisonDisplay.from_comparison(self, metric=metric, ax=ax)

    def __repr__(self) -> str:
        return text_table(self)

    def _repr_html_(self) -> str:
        return html_table(self)

    def _check_metric(self, metric: str | None) -> str:
        if metric is None:
            return self.metric_names[0]
        if metric not in self.scores_:
            raise ValueError(
                f"metric must be one of {self.metric_names}, got {metric!r}."
            )
        return metric

    def _record(self, scores: NDArray[np.float64], e: int, r: int) -> Record:
        ratio = self.test_train_ratio_
        mean, mean_se = difference_of_known(scores[r], np.zeros_like(scores[r]), ratio)
        difference, difference_se = difference_of_known(scores[r], scores[0], ratio)
        rival = _best_rival(scores, r)
        rival_difference, rival_se = difference_of_known(
            scores[r],
            np.full_like(scores[r], np.nan) if rival is None else scores[rival],
            ratio,
        )
        paired = ~np.isnan(scores[r] - scores[0])
        seconds = mean_of_known(self.fit_time_[e, r])
        return {
            "mean": mean,
            "mean_se": mean_se,
            "std": np.sqrt(mean_of_known((scores[r] - mean) ** 2)),
            "difference": difference,
            "difference_se": difference_se,
            "rival": None if rival is None else self.resampler_names[rival],
            "rival_difference": rival_difference,
            "rival_difference_se": rival_se,
            "harm_rate": (
                harm_rate(scores[r][paired], scores[0][paired])
                if paired.any()
                else np.nan
            ),
            "n_splits": int(paired.sum()),
            "fit_seconds": seconds,
            "extra_seconds": seconds - mean_of_known(self.fit_time_[e, 0]),
            "rows_added": mean_of_known(self.rows_added_[e, r]),
            "accepted": float(self.accepted_[e, r]),
        }

    def _verdict(self, estimator: str, metric: str) -> str:
        found = {name: self.records(name) for name in self.scores_}
        if found[metric][estimator, "none"]["n_splits"] == 0:
            return f"{estimator}: no verdict, as the untouched data have no {metric}."
        best = self.best(estimator, metric=metric)
        if best == "none":
            rivals = "resampler or control" if self.control_names else "resampler"
            return (
                f"{estimator}: leave the data as they are. No {rivals} beats them in "
                f"{metric} by more than two standard errors."
            )
        gain = _gain(found[metric][estimator, best])
        if best in self.control_names:
            text = (
                f"{estimator}: leave the data as they are. What gains most in {metric} "
                f"needs no new rows: {best} ({gain})."
            )
        else:
            text = (
                f"{estimator}: {best} beats the untouched data in {metric}, by {gain}."
            )
            level = [
                f"{name} ({_gain(found[metric][estimator, name])})"
                for name in self._controls_not_beaten(estimator, best, metric)
            ]
            if level:
                text += (
                    " It does not clearly beat what needs no new rows: "
                    f"{', '.join(level)}."
                )
        harm = [
            f"{name} ({_gain(records[estimator, best])})"
            for name, records in found.items()
            if _clear_sign(records[estimator, best]) < 0
        ]
        return text + (f" It harms {', '.join(harm)}." if harm else "")

    def _controls_not_beaten(self, estimator: str, best: str, metric: str) -> list[str]:
        scores = self.scores_[metric][self.estimator_names.index(estimator)]
        by_name = dict(zip(self.resampler_names, scores, strict=True))
        names = []
        for name in self.control_names:
            difference, error = difference_of_known(
                by_name[best], by_name[name], self.test_train_ratio_
            )
            if not np.isnan(difference) and sign(difference, 2 * error) < 1:
                names.append(name)
        return names


def _gain(record: Record) -> str:
    return with_error(record["difference"], record["difference_se"])


def _clear_sign(record: Record) -> int:
    return sign(record["difference"], 2 * record["difference_se"])


def _best_rival(scores: NDArray[np.float64], r: int) -> int | None:
    """Row with the highest mean, except r and rows that failed where row 0 did not."""
    failed = (np.isnan(scores) & ~np.isnan(scores[0])).any(axis=1)
    means = np.array([mean_of_known(row) for row in scores])
    means[failed | np.isnan(means)] = -np.inf
    means[r] = -np.inf
    return int(means.argmax()) if means.max() > -np.inf else None
