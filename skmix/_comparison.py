"""What a comparison of resamplers says: differences, their errors, a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .metrics import harm_rate, paired_difference
from .plotting._comparison import (
    ComparisonDisplay,
    html_table,
    sign,
    text_table,
    with_error,
)

Record = dict[str, Any]


def corrected_paired_difference(
    values: ArrayLike, baseline: ArrayLike, *, test_train_ratio: float
) -> tuple[float, float]:
    """Mean difference of scores on the same splits, and its corrected standard error.

    Parameters
    ----------
    values : array-like of shape (n_splits,)
        One score to a split.

    baseline : array-like of shape (n_splits,)
        The scores that they are compared with, on the same splits.

    test_train_ratio : float
        Number of test rows of a split divided by its number of training rows.

    Returns
    -------
    difference : float
        Mean of ``values - baseline``.

    standard_error : float
        Its standard error; NaN for a single split.

    Notes
    -----
    The training rows of two splits overlap, so that their scores are not independent,
    and ``std / sqrt(n_splits)`` is too small: it would shrink towards zero as splits
    are repeated, though no data are added. Nadeau and Bengio [1]_ replace the factor
    1 / J of J splits in the variance of the mean difference by
    1 / J + n_test / n_train.

    References
    ----------
    .. [1] Nadeau and Bengio, "Inference for the generalization error", Machine
       Learning 52, 2003.

    Examples
    --------
    >>> from skmix.model_selection import corrected_paired_difference
    >>> corrected_paired_difference([3, 5, 4, 4], [2, 3, 3, 4], test_train_ratio=0.25)
    (1.0, 0.577...)
    """
    difference, error = paired_difference(values, baseline)
    n_splits = np.size(values)
    return difference, error * float(np.sqrt(1 + n_splits * test_train_ratio))


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
        does not judge.

    test_train_ratio_ : float
        Number of test rows of a split divided by its number of training rows.

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
              always leave the data as they are;
            - ``harm_rate``: share of splits with a lower score than the untouched data;
            - ``n_splits``: number of splits in which both have a score;
            - ``fit_seconds``, ``extra_seconds``: mean time of a fit, in all and beyond
              that of the untouched data;
            - ``rows_added``: their mean number;
            - ``accepted``: share of the fits in which the resampler found that mixing
              helps; NaN where it does not judge.

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
        """Name the resampler to use for an estimator.

        Parameters
        ----------
        estimator : str, default=None
            Name of the estimator; may be left out if there is only one.

        metric : str, default=None
            Name of the metric; None is the primary one.

        Returns
        -------
        resampler : str
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
            if (
                record["n_splits"] == n_splits
                and sign(record["difference"], 2 * record["difference_se"]) > 0
            ):
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
            One line for each estimator: the best resampler and its gain, and which
            other metrics it harms by more than two standard errors; or the advice to
            leave the data as they are.

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
        mean, mean_se = self._compare(scores[r], np.zeros_like(scores[r]))
        difference, difference_se = self._compare(scores[r], scores[0])
        rival = _best_rival(scores, r)
        rival_difference, rival_se = self._compare(
            scores[r],
            np.full_like(scores[r], np.nan) if rival is None else scores[rival],
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

    def _compare(
        self, scores: NDArray[np.float64], baseline: NDArray[np.float64]
    ) -> tuple[float, float]:
        paired = ~np.isnan(scores - baseline)
        if not paired.any():
            return np.nan, np.nan
        return corrected_paired_difference(
            scores[paired], baseline[paired], test_train_ratio=self.test_train_ratio_
        )

    def _verdict(self, estimator: str, metric: str) -> str:
        if self.records(metric)[estimator, "none"]["n_splits"] == 0:
            return f"{estimator}: no verdict, as the untouched data have no {metric}."
        best = self.best(estimator, metric=metric)
        if best == "none":
            return (
                f"{estimator}: leave the data as they are. No resampler beats them in "
                f"{metric} by more than two standard errors."
            )
        found = {name: self.records(name)[estimator, best] for name in self.scores_}
        harm = [
            f"{name} ({with_error(r['difference'], r['difference_se'])})"
            for name, r in found.items()
            if sign(r["difference"], 2 * r["difference_se"]) < 0
        ]
        gain = with_error(found[metric]["difference"], found[metric]["difference_se"])
        return (
            f"{estimator}: {best} beats the untouched data in {metric}, by {gain}."
            + (f" It harms {', '.join(harm)}." if harm else "")
        )


def mean_of_known(values: NDArray[np.float64]) -> float:
    """Mean of the values that are not NaN; NaN if there are none."""
    values = values[~np.isnan(values)]
    return float(values.mean()) if len(values) else np.nan


def _best_rival(scores: NDArray[np.float64], r: int) -> int | None:
    """Row with the highest mean, except r and rows that failed where row 0 did not."""
    failed = (np.isnan(scores) & ~np.isnan(scores[0])).any(axis=1)
    means = np.array([mean_of_known(row) for row in scores])
    means[failed | np.isnan(means)] = -np.inf
    means[r] = -np.inf
    return int(means.argmax()) if means.max() > -np.inf else None
