"""How far mixing may reach: errors of mixes by the distance between their parents."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.metrics import root_mean_squared_error
from sklearn.preprocessing import StandardScaler
from sklearn.utils import check_random_state, check_scalar
from sklearn.utils.random import sample_without_replacement

from .._compat import num_samples
from .._containers import take_rows
from .._core.mixing import interpolate
from .._optional import import_pyplot
from .._validation import check_pair, read_regression_y
from ..base import Mixes
from ..regression import MixupResampler
from ._style import BLUE, GREY, ORANGE, check_axes


class LinearityDisplay:
    """How far apart rows may be mixed: errors by the distance between parents.

    Left, the label error: how far the interpolated labels of mixes are from what the
    regressor predicts there. Right, the model error: that of the regressor on held-out
    rows, trained on the rows and mixes of one distance; above the dashed line, mixing
    does harm. Points are means over draws of the pairs, bands one standard error wide
    on either side.

    Use :meth:`from_estimator` to make one.

    Parameters
    ----------
    distance : array-like of shape (2, n_bins, n_repeats)
        Mean distance between parents in each bin and draw, by features and by label; 1
        is the largest of the draw.

    label_error : array-like of shape (2, n_bins, n_repeats)
        Label errors, in the units of the labels.

    model_error : array-like of shape (2, n_bins, n_repeats), default=None
        Model errors. None leaves out the right panel.

    baseline_error : array-like of shape (n_repeats,), default=None
        Model errors without mixes.

    Attributes
    ----------
    axes_ : ndarray of shape (n_panels,)
        Axes, one for each panel.

    figure_ : matplotlib Figure
        Figure that holds the panels.

    See Also
    --------
    MixingDisplay : Rows and mixes.
    skmix.regression.MixRLResampler : Learns how far to mix.

    Notes
    -----
    These are Figures 2 and 5 of [1]_. What the paper leaves open:

    Pairs of rows are drawn at random, all as likely and none twice in a draw. They are
    sorted by either distance and cut into bins of equal size: no bin has more mixes
    than another to help or harm with, so that the curve tells of distance alone. Most
    pairs are far apart; those of the first bin are not yet nearest neighbours.

    Distances are Euclidean: between features as all of skmix compares rows, which is
    numbers standardised and categories as indicators, and between standardised labels.
    Errors are root mean squared errors, with several labels the mean of theirs.

    As in the paper, the regressor that predicts at the mixes has seen their parents.
    One that follows the noise of the rows agrees with the labels of mixes near them,
    and where it is wrong itself, good labels count as errors: read the trend of the
    label error, not its level. The model error has no such flaw.

    The bands tell how much depends on which pairs are drawn, and on the randomness of
    the regressor; not how much would change with other rows. In each draw the regressor
    is fitted once, and ``2 n_bins`` times more where there are held-out rows. Memory is
    O(n_bins m p + n p) for n rows, m mixes in a bin and p columns.

    References
    ----------
    .. [1] Hwang and Whang, "MixRL: data mixing augmentation for regression using
       reinforcement learning", 2021, sections 2 and 4.1.

    Examples
    --------
    A chord of the parabola is, in its middle, a quarter of its squared width off:

    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression
    >>> from sklearn.pipeline import make_pipeline
    >>> from sklearn.preprocessing import PolynomialFeatures
    >>> from skmix.plotting import LinearityDisplay
    >>> x = np.linspace(-1, 1, 30)
    >>> parabola = make_pipeline(PolynomialFeatures(2), LinearRegression())
    >>> display = LinearityDisplay.from_estimator(
    ...     parabola, x[:, None], x**2, random_state=0
    ... )
    >>> by_features = display.label_error[0].mean(axis=1)
    >>> bool((np.diff(by_features) > 0).all())
    True
    """

    def __init__(
        self,
        *,
        distance: NDArray[np.float64],
        label_error: NDArray[np.float64],
        model_error: NDArray[np.float64] | None = None,
        baseline_error: NDArray[np.float64] | None = None,
    ) -> None:
        self.distance = distance
        self.label_error = label_error
        self.model_error = model_error
        self.baseline_error = baseline_error

    @classmethod
    def from_estimator(
        cls,
        estimator: BaseEstimator,
        X: Any,
        y: Any,
        *,
        X_test: Any = None,
        y_test: Any = None,
        n_bins: int = 8,
        n_repeats: int = 5,
        amount: float = 1.0,
        mix_ratio: float = 0.5,
        categorical_features: Any = "from_dtype",
        random_state: int | RandomState | None = None,
        ax: Any = None,
    ) -> LinearityDisplay:
        """Measure the errors of mixes of random pairs, and draw them.

        Parameters
        ----------
        estimator : regressor
            The regressor that the rows are for. Clones of it are fitted.

        X : {array-like, data frame} of shape (n, p)
            Rows to mix.

        y : {array-like, series, data frame} of shape (n,) or (n, t)
            Their labels.

        X_test : {array-like, data frame} of shape (v, p), default=None
            Held-out rows, for the model error. None leaves out the right panel.

        y_test : {array-like, series, data frame} of shape (v,) or (v, t), default=None
            Labels of the held-out rows.

        n_bins : int, default=8
            Number of bins by either distance.

        n_repeats : int, default=5
            Number of times that pairs are drawn.

        amount : float, default=1.0
            Number of mixes in a bin for each row. Fewer are made where there are too
            few pairs.

        mix_ratio : float in (0, 1), default=0.5
            Share of the first parent in a mix.

        categorical_features : "from_dtype" or array-like, default="from_dtype"
            Columns that hold categories: names, places or a mask, in addition to
            columns of type text, boolean or category. A mix takes them from its heavier
            parent, from the first at a tie.

        random_state : int, RandomState or None, default=None
            Randomness of the pairs. That of the estimator is its own.

        ax : matplotlib Axes or array-like of them, default=None
            One for each panel; None makes a new figure.

        Returns
        -------
        display : LinearityDisplay
            What was drawn.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        ValueError
            If the rows or labels cannot be used, if a number is out of its range, if
            there are fewer pairs of rows than bins, or not one of `ax` for each panel.
        """
        import_pyplot()
        if ax is not None:
            check_axes(ax, 1 if X_test is None else 2)
        check_scalar(n_bins, "n_bins", Integral, min_val=1)
        check_scalar(n_repeats, "n_repeats", Integral, min_val=1)
        above_0 = {"min_val": 0, "include_boundaries": "neither"}
        check_scalar(amount, "amount", Real, **above_0)
        check_scalar(mix_ratio, "mix_ratio", Real, max_val=1, **above_0)
        check_pair(X_test, y_test, "X_test", "y_test")
        # Mixup reads the rows, and puts mixes behind them, as it does for itself.
        mixup = MixupResampler(categorical_features=categorical_features)
        data = mixup._read(X, y, None, None, None)
        truth = None
        if y_test is not None:
            _, truth = read_regression_y(y_test, num_samples(X_test), name="y_test")
        n_rows, n_pairs = len(data), len(data) * (len(data) - 1) // 2
        if n_bins > n_pairs:
            raise ValueError(
                f"n_bins={n_bins} is more than the {n_pairs} pairs of {n_rows} rows: "
                "ask for fewer bins, or pass more rows."
            )
        n_mixes = max(1, min(round(amount * n_rows), n_pairs // n_bins))
        new = np.arange(n_rows, n_rows + n_mixes)
        weight = np.full(n_mixes, mix_ratio)
        spaces = data.Z, StandardScaler().fit_transform(data.target)

        rng = check_random_state(random_state)
        distance, label_error, model_error = np.empty((3, 2, n_bins, n_repeats))
        baseline_error = np.empty(n_repeats)
        for repeat in range(n_repeats):
            model = clone(estimator).fit(X, y)
            if truth is not None:
                baseline_error[repeat] = _error(model, X_test, truth)
            first, second = random_pairs(n_rows, n_bins * n_mixes, rng)
            bins, distance[..., repeat] = bin_pairs(spaces, first, second, n_bins)
            for kind, place in np.ndindex(2, n_bins):
                pairs = bins[kind, place]
                parents = first[pairs], second[pairs]
                target = interpolate(data.target, *parents, weight)
                mixes = Mixes(*parents, weight, target)
                X_mixed, y_mixed = mixup._put_together(data, mixes)
                error = _error(model, take_rows(X_mixed, new), target)
                label_error[kind, place, repeat] = error
                if truth is not None:
                    mixed = clone(estimator).fit(X_mixed, y_mixed)
                    model_error[kind, place, repeat] = _error(mixed, X_test, truth)
        return cls(
            distance=distance,
            label_error=label_error,
            model_error=None if truth is None else model_error,
            baseline_error=None if truth is None else baseline_error,
        ).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> LinearityDisplay:
        """Draw the errors.

        Parameters
        ----------
        ax : matplotlib Axes or array-like of them, default=None
            One for each panel; None makes a new figure.

        Returns
        -------
        self : LinearityDisplay
            The display.

        Raises
        ------
        ImportError
            If matplotlib is not installed.

        ValueError
            If there is not one of `ax` for each panel.
        """
        plt = import_pyplot()
        n_panels = 1 if self.model_error is None else 2
        if ax is None:
            size = (0.5 + 4.5 * n_panels, 3.8)
            _, ax = plt.subplots(1, n_panels, figsize=size, layout="constrained")
        self.axes_ = check_axes(ax, n_panels)
        self.figure_ = self.axes_[0].figure
        self._draw(self.axes_[0], self.label_error)
        self.axes_[0].set(
            title="Label error", ylabel="RMSE of mixed label to prediction"
        )
        self.axes_[0].set_ylim(bottom=0)
        if n_panels == 2:
            self.axes_[1].axhline(
                np.mean(self.baseline_error),
                color=GREY,
                linestyle="--",
                label="untouched data",
            )
            self._draw(self.axes_[1], self.model_error)
            self.axes_[1].set(title="Model error", ylabel="RMSE on held-out rows")
        for axes in self.axes_:
            low, high = axes.get_ylim()
            axes.set_ylim(top=high + 0.15 * (high - low))  # room for the legend
            axes.legend(loc="upper center", ncols=3, frameon=False, fontsize="small")
        return self

    def _draw(self, axes: Any, error: NDArray[np.float64]) -> None:
        """Draw one curve for each kind of distance."""
        x, mean = np.mean(self.distance, axis=2), np.mean(error, axis=2)
        n_repeats = np.shape(error)[2]
        for kind, (color, marker, label) in enumerate(
            ((BLUE, "o", "by features"), (ORANGE, "s", "by label"))
        ):
            axes.plot(x[kind], mean[kind], color=color, marker=marker, label=label)
            if n_repeats > 1:
                band = np.std(error[kind], axis=1, ddof=1) / n_repeats**0.5
                low, high = mean[kind] - band, mean[kind] + band
                axes.fill_between(x[kind], low, high, color=color, alpha=0.2, lw=0)
        axes.set(xlabel="Distance between parents (1 = largest)", xlim=(0, 1))
        axes.spines[["top", "right"]].set_visible(False)


def random_pairs(
    n_rows: int, n_pairs: int, rng: RandomState
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Draw pairs of different rows, all as likely and none twice.

    Parameters
    ----------
    n_rows : int
        Number of rows.

    n_pairs : int
        Number of pairs, at most ``n_rows (n_rows - 1) / 2``.

    rng : RandomState
        Source of randomness.

    Returns
    -------
    first, second : ndarray of shape (n_pairs,)
        Row indices; which row of a pair comes first is random.

    Notes
    -----
    Pair k joins row k mod n with the one 1 + k // n places further on in a circle. The
    pairs end where this reaches the far side, so that none comes from both ends.
    """
    pair = sample_without_replacement(
        n_rows * (n_rows - 1) // 2, n_pairs, random_state=rng
    )
    one = pair % n_rows
    other = (one + 1 + pair // n_rows) % n_rows
    turned = rng.random_sample(n_pairs) < 0.5
    return np.where(turned, other, one), np.where(turned, one, other)


def bin_pairs(
    spaces: Sequence[NDArray[np.float64]],
    first: NDArray[np.intp],
    second: NDArray[np.intp],
    n_bins: int,
) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
    """Sort pairs by distance, and cut them into bins of equal size.

    Parameters
    ----------
    spaces : sequence of ndarray of shape (n, p)
        Rows in the coordinates of each kind of distance.

    first, second : ndarray of shape (n_bins m,)
        Row indices of the pairs.

    n_bins : int
        Number of bins.

    Returns
    -------
    bins : ndarray of shape (len(spaces), n_bins, m)
        Places of the pairs of each bin, those of the nearest rows first.

    distance : ndarray of shape (len(spaces), n_bins)
        Mean distance in each bin; 1 is the largest of all.
    """
    bins, distance = [], []
    for rows in spaces:
        apart = np.linalg.norm(rows[first] - rows[second], axis=1)
        bins.append(np.argsort(apart).reshape(n_bins, -1))
        distance.append(apart[bins[-1]].mean(axis=1) / (apart.max() or 1.0))
    return np.stack(bins), np.stack(distance)


def _error(model: BaseEstimator, X: Any, truth: NDArray[np.float64]) -> float:
    predicted = np.asarray(model.predict(X)).reshape(truth.shape)
    return root_mean_squared_error(truth, predicted)
