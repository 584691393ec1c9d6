"""Whether low weights find the rows that harm: scores as such rows are left out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import cycle
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone, is_classifier
from sklearn.metrics import check_scoring
from sklearn.model_selection import cross_val_predict
from sklearn.utils import check_consistent_length, check_random_state, column_or_1d

from .. import _compat
from .._containers import take_rows
from .._optional import import_pyplot
from .._random import draw_seed
from .._training import seeded
from ._style import BLACK, BLUE, GREEN, ORANGE, PURPLE, VERMILION

RANDOM, CONFIDENCE = "random", "self-confidence"
COLORS = (BLUE, VERMILION, GREEN, PURPLE, BLACK)


class RemovalCurveDisplay:
    """The score of an estimator as the rows of the lowest weights are left out.

    If low weights find wrong labels, the score rises at first, while it hardly changes
    where rows are left out at random. The third line leaves out the rows in whose label
    the estimator itself trusts least, by cross-validation: what can be had without
    validation rows.

    Use :meth:`from_weights` to measure and draw.

    Parameters
    ----------
    fractions : array-like of shape (n_fractions,)
        Parts of the rows that are left out.

    curves : dict of array-like of shape (n_fractions,) or (n_repeats, n_fractions)
        Scores by name. Of several repeats the mean is drawn, and its standard error.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.

    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    skmix.weighting.SampleWeightLearner : Learns weights.

    Notes
    -----
    The test rows must have labels that are right. All fits of one picture have the
    same seed, so that only the rows differ.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.naive_bayes import GaussianNB
    >>> from skmix.plotting import RemovalCurveDisplay
    >>> X, y = load_iris(return_X_y=True)
    >>> rng = np.random.RandomState(0)
    >>> test = np.arange(150) % 3 == 0
    >>> is_wrong = rng.rand(150) < 0.3
    >>> noisy = np.where(is_wrong, (y + 1) % 3, y)
    >>> display = RemovalCurveDisplay.from_weights(
    ...     GaussianNB(), X[~test], noisy[~test], 1.0 - is_wrong[~test], X[test],
    ...     y[test], fractions=[0, 0.2], random_state=0,
    ... )
    >>> list(display.curves)
    ['weights', 'self-confidence', 'random']
    """

    def __init__(self, fractions: ArrayLike, curves: Mapping[str, ArrayLike]) -> None:
        self.fractions = fractions
        self.curves = curves

    @classmethod
    def from_weights(
        cls,
        estimator: Any,
        X: Any,
        y: Any,
        weights: ArrayLike | Mapping[str, ArrayLike],
        X_test: Any,
        y_test: Any,
        *,
        fractions: Sequence[float] = (0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5),
        n_random: int = 5,
        cv: Any = 5,
        scoring: Any = None,
        random_state: int | RandomState | None = None,
        ax: Any = None,
    ) -> RemovalCurveDisplay:
        """Leave rows out, fit, score and draw.

        Parameters
        ----------
        estimator : classifier or regressor
            What is fitted on the rows that are left.

        X : {array-like, data frame} of shape (n, ...)
            Training rows.

        y : array-like of shape (n,)
            Their labels.

        weights : array-like of shape (n,), or dict of those
            Weights; those of a dict have a line of their own each.

        X_test : {array-like, data frame} of shape (m, ...)
            Test rows.

        y_test : array-like of shape (m,)
            Their labels.

        fractions : sequence of float, default=(0, 0.05, 0.1, 0.2, 0.3, 0.4, 0.5)
            Parts of the rows that are left out.

        n_random : int, default=5
            Number of random orders.

        cv : int or splitter, default=5
            How self-confidence is cross-validated.

        scoring : str or callable, default=None
            A scorer of scikit-learn; None is that of the estimator.

        random_state : int, RandomState or None, default=None
            Randomness of the orders and of fits.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : RemovalCurveDisplay
            The picture.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        ValueError
            If there is not one weight to a row, or if a fraction is not in [0, 1).
        """
        given = weights if isinstance(weights, Mapping) else {"weights": weights}
        labels = column_or_1d(np.asarray(y))
        for name, values in given.items():
            try:
                check_consistent_length(labels, column_or_1d(values))
            except ValueError as error:
                raise ValueError(
                    f"weights of {name!r} must be one to each of the {len(labels)} "
                    f"rows, got shape {np.shape(values)}."
                ) from error
        taken = [name for name in given if name in (RANDOM, CONFIDENCE)]
        if taken:
            raise ValueError(
                f"weights cannot be named {taken[0]!r}, which is a line of its own. "
                "Choose another name."
            )
        if _compat.num_samples(X) != len(labels):
            raise ValueError(
                f"X has {_compat.num_samples(X)} rows and y has {len(labels)}: pass "
                "one label for each row."
            )
        if n_random < 1:
            raise ValueError(f"n_random must be 1 or more, got {n_random}.")
        parts = np.atleast_1d(np.asarray(fractions, dtype=float))
        if not parts.size or (parts < 0).any() or (parts >= 1).any():
            raise ValueError(
                f"fractions must hold numbers from 0 to below 1, got {fractions!r}."
            )
        if round(parts.max() * len(labels)) == len(labels):
            raise ValueError(
                f"fractions has {parts.max()}, which leaves none of the {len(labels)} "
                "rows. Pass smaller ones."
            )
        rng = check_random_state(random_state)
        model = seeded(clone(estimator), estimator, draw_seed(rng))
        scorer = check_scoring(model, scoring)

        def scores(order: NDArray[np.intp]) -> list[float]:
            found = []
            for part in parts:
                rows = np.sort(order[round(part * len(order)) :])
                fitted = clone(model).fit(take_rows(X, rows), take_rows(y, rows))
                found.append(float(scorer(fitted, X_test, y_test)))
            return found

        def lowest_first(values: ArrayLike) -> NDArray[np.intp]:
            # Ties in random order: that of the rows may be that of their classes.
            shuffled = rng.permutation(len(labels))
            return shuffled[np.argsort(np.asarray(values)[shuffled], kind="stable")]

        curves: dict[str, Any] = {
            name: scores(lowest_first(values)) for name, values in given.items()
        }
        curves[CONFIDENCE] = scores(lowest_first(self_confidence(model, X, labels, cv)))
        curves[RANDOM] = [scores(rng.permutation(len(labels))) for _ in range(n_random)]
        return cls(parts, curves).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> RemovalCurveDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : RemovalCurveDisplay
            The picture itself.

        Raises
        ------
        ImportError
            If matplotlib is not installed.
        """
        if ax is None:
            _, ax = import_pyplot().subplots(layout="constrained")
        percent = 100 * np.asarray(self.fractions, dtype=float)
        own = cycle(COLORS)
        for name, values in self.curves.items():
            scores = np.atleast_2d(np.asarray(values, dtype=float))
            look = {
                RANDOM: {"color": "0.5", "ls": "--"},
                CONFIDENCE: {"color": ORANGE, "ls": ":"},
            }.get(name) or {"color": next(own), "ls": "-"}
            mean = scores.mean(axis=0)
            label = name if len(scores) == 1 else f"{name} ({len(scores)} orders)"
            ax.plot(percent, mean, marker="o", markersize=4, label=label, **look)
            if len(scores) > 1:
                error = scores.std(axis=0, ddof=1) / len(scores) ** 0.5
                ax.fill_between(
                    percent, mean - error, mean + error, color=look["color"], alpha=0.2
                )
        ax.set(xlabel="Rows left out (%), lowest weights first", ylabel="Score")
        ax.grid(axis="y", alpha=0.3)
        ax.spines[["top", "right"]].set_visible(False)
        ax.legend(frameon=False)
        self.ax_, self.figure_ = ax, ax.figure
        return self


def self_confidence(estimator: Any, X: Any, y: NDArray, cv: Any) -> NDArray[np.float64]:
    """Cross-validated trust of an estimator in the label of each row.

    The probability of the label; whether it is predicted, where there are no
    probabilities; minus the absolute error of numbers.
    """
    if not is_classifier(estimator):
        return -np.abs(cross_val_predict(estimator, X, y, cv=cv) - y)
    if not hasattr(estimator, "predict_proba"):
        return (cross_val_predict(estimator, X, y, cv=cv) == y).astype(float)
    codes = np.unique(y, return_inverse=True)[1]
    probabilities = cross_val_predict(estimator, X, y, cv=cv, method="predict_proba")
    return probabilities[np.arange(len(y)), codes]
