"""What was made: rows, and the mixes of them."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.inspection import DecisionBoundaryDisplay
from sklearn.utils import column_or_1d
from sklearn.utils.validation import check_is_fitted

from .._columns import Columns
from .._containers import FrameContainer, wrap
from .._core.neighbors import FloatArray, IntArray
from .._optional import import_pyplot
from ..base import BaseMixResampler, BaseMixSampler
from ._style import BLUE, GREEN, GREY, ORANGE

# Of the palette of Okabe and Ito. Markers repeat sooner, so that together they tell
# thirty classes apart.
COLORS = (BLUE, ORANGE, GREEN, "#CC79A7", "#D55E00", "#56B4E9")
MARKERS = ("o", "s", "^", "D", "v")


class MixingDisplay:
    """Rows and mixes: a feature against the label, or two features by class.

    For regression a line joins the parents of each mix. For classification each class
    has a colour: its rows are open markers, its new rows are stars, and the background
    is what a classifier predicts that was fitted to both.

    Use :meth:`from_estimator` to make one, or :meth:`from_resampled` where the sampler
    is not of skmix.

    Parameters
    ----------
    x, y : ndarray of shape (n,)
        Feature and label of the rows, or two features.

    x_mix, y_mix : ndarray of shape (m,)
        The same of the mixes.

    parents : ndarray of shape (m, 2), default=None
        The parents of each mix; not drawn where there are classes.

    labels : ndarray of shape (n,), default=None
        Classes of the rows; None for regression.

    labels_mix : ndarray of shape (m,), default=None
        Classes of the mixes.

    classifier : classifier, default=None
        A classifier fitted to the two features, for the background.

    names : tuple of str, default=("Feature", "Label")
        Names of `x` and `y`.

    Attributes
    ----------
    boundary_ : DecisionBoundaryDisplay or None
        The background.

    ax_ : matplotlib Axes
        Where it was drawn.

    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    PolicyDisplay : How many rows are mixed with how many neighbours.
    sklearn.inspection.DecisionBoundaryDisplay : Draws the background.

    Examples
    --------
    >>> import numpy as np
    >>> from skmix.plotting import MixingDisplay
    >>> from skmix.regression import MixupResampler
    >>> X, y = np.arange(5.0)[:, None], np.arange(5.0) ** 2
    >>> resampler = MixupResampler(random_state=0).fit(X, y)
    >>> display = MixingDisplay.from_estimator(resampler)
    >>> len(display.x_mix)
    5

    Classes, and the decision regions of a classifier:

    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from skmix.imbalance import AverageSampler
    >>> X, y = np.random.RandomState(0).normal(size=(9, 2)), ["a"] * 6 + ["b"] * 3
    >>> sampler = AverageSampler(random_state=0).fit(X, y)
    >>> neighbors = KNeighborsClassifier(3)
    >>> display = MixingDisplay.from_estimator(sampler, classifier=neighbors)
    >>> [text.get_text() for text in display.ax_.get_legend().get_texts()]
    ['a: 6 rows', 'b: 3 rows', 'b: 3 new rows']
    """

    def __init__(
        self,
        x: FloatArray,
        y: FloatArray,
        x_mix: FloatArray,
        y_mix: FloatArray,
        parents: IntArray | None = None,
        *,
        labels: NDArray | None = None,
        labels_mix: NDArray | None = None,
        classifier: BaseEstimator | None = None,
        names: tuple[str, str] = ("Feature", "Label"),
    ) -> None:
        self.x = x
        self.y = y
        self.x_mix = x_mix
        self.y_mix = y_mix
        self.parents = parents
        self.labels = labels
        self.labels_mix = labels_mix
        self.classifier = classifier
        self.names = names

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        features: Any = None,
        target: int = 0,
        classifier: BaseEstimator | None = None,
        ax: Any = None,
    ) -> MixingDisplay:
        """Draw the rows of a fitted resampler, and its mixes of them.

        Parameters
        ----------
        estimator : resampler
            A fitted resampler of skmix.

        features : int, str or pair of them, default=None
            Place or name of a numeric column, or a pair of them for classification.
            None takes the first.

        target : int, default=0
            Place of the label, where there are several.

        classifier : classifier, default=None
            For classification: whose decision regions to draw. A clone is fitted to
            rows and mixes. The two features have to be all that X has: regions in more
            columns have no picture in two.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : MixingDisplay
            The picture.

        Raises
        ------
        TypeError
            If it is no resampler of skmix.

        ValueError
            If there are no such numeric columns, or no regions to draw.
        """
        if not isinstance(estimator, BaseMixResampler | BaseMixSampler):
            raise TypeError(
                f"estimator must be a resampler of skmix, got {estimator!r}. Of any "
                "other, pass what it returned to MixingDisplay.from_resampled."
            )
        check_is_fitted(estimator)
        by_class = isinstance(estimator, BaseMixSampler)
        data, mixes = estimator._draw_again()
        _, values = data.columns.mix(mixes.first, mixes.second, mixes.weight)
        parents = np.column_stack([mixes.first, mixes.second])
        names = getattr(estimator, "feature_names_in_", None)
        columns, names = _choose(data.columns, names, features, 2 if by_class else 1)
        rows, new = data.columns.values[:, columns], values[:, columns]
        if by_class:
            X, y = np.vstack([rows, new]), np.append(data.target, mixes.target)
            return cls(
                rows[:, 0],
                rows[:, 1],
                new[:, 0],
                new[:, 1],
                parents,
                labels=data.target,
                labels_mix=mixes.target,
                classifier=_fit(classifier, data.columns, X, y),
                names=(names[0], names[1]),
            ).plot(ax=ax)
        if classifier is not None:
            raise ValueError(
                f"classifier={classifier!r} was passed, but there are no classes: "
                f"{type(estimator).__name__} is for regression. Leave it out."
            )
        return cls(
            rows[:, 0],
            data.target[:, target],
            new[:, 0],
            mixes.target[:, target],
            parents,
            names=(names[0], "Label"),
        ).plot(ax=ax)

    @classmethod
    def from_resampled(
        cls,
        X: Any,
        y: ArrayLike,
        n_rows: int,
        *,
        features: Any = None,
        classifier: BaseEstimator | None = None,
        ax: Any = None,
    ) -> MixingDisplay:
        """Draw what any sampler for classification returned.

        Parameters
        ----------
        X : {array-like, data frame} of shape (n_rows + m, p)
            The rows as they were, then the new ones, as the over-samplers of
            imbalanced-learn return them.

        y : array-like of shape (n_rows + m,)
            Classes.

        n_rows : int
            How many of the rows were there before.

        features : pair of int or str, default=None
            Places or names of two numeric columns. None takes the first.

        classifier : classifier, default=None
            Whose decision regions to draw, as in :meth:`from_estimator`.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : MixingDisplay
            The picture.

        Raises
        ------
        ValueError
            If there are no such numeric columns, no regions to draw, or fewer rows than
            `n_rows`.
        """
        container = wrap(X)
        labels = column_or_1d(y)
        if not 0 < n_rows <= len(container) == len(labels):
            raise ValueError(
                f"n_rows={n_rows} must be at least 1 and at most the number of rows, "
                f"got {len(container)} rows in X and {len(labels)} labels in y."
            )
        names = None
        if isinstance(container, FrameContainer):
            names = container.frame.columns
        kinds = [
            kind if kind in ("float", "integer") else "category"
            for kind in container.kinds
        ]
        columns = Columns.read(container, kinds)
        places, names = _choose(columns, names, features, 2)
        values = columns.values[:, places]
        return cls(
            *values[:n_rows].T,
            *values[n_rows:].T,
            labels=labels[:n_rows],
            labels_mix=labels[n_rows:],
            classifier=_fit(classifier, columns, values, labels),
            names=(names[0], names[1]),
        ).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> MixingDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : MixingDisplay
            The picture itself.
        """
        if ax is None:
            _, ax = import_pyplot().subplots(layout="constrained")
        self.boundary_ = None
        if self.labels is None:
            self._draw_mixes(ax)
        else:
            self._draw_classes(ax)
        ax.set(xlabel=self.names[0], ylabel=self.names[1])
        ax.spines[["top", "right"]].set_visible(False)
        self.ax_, self.figure_ = ax, ax.figure
        return self

    def _draw_mixes(self, ax: Any) -> None:
        """Draw rows, mixes and a line between the parents of each mix."""
        if self.parents is not None:
            # One artist for all lines between parents, with gaps between them.
            ends = np.stack([self.x[self.parents], self.y[self.parents]], axis=1)
            gap = np.full((len(ends), 2, 1), np.nan)
            lines = np.concatenate([ends, gap], axis=2).transpose(1, 0, 2)
            lines = lines.reshape(2, -1)
            ax.plot(*lines, color=GREY, linewidth=0.5, alpha=0.25, zorder=1)
        ax.scatter(
            self.x_mix,
            self.y_mix,
            marker="*",
            s=28,
            color=ORANGE,
            linewidths=0,
            label=f"{len(self.x_mix)} mixes",
            zorder=2,
        )
        ax.scatter(
            self.x,
            self.y,
            s=16,
            facecolors="white",
            edgecolors=BLUE,
            label=f"{len(self.x)} rows",
            zorder=3,
        )
        ax.legend(loc="upper left", framealpha=0.9, edgecolor="none")

    def _draw_classes(self, ax: Any) -> None:
        """Draw rows and new rows by class, on what the classifier predicts."""
        labels, labels_mix = np.asarray(self.labels), np.asarray(self.labels_mix)
        classes, counts = np.unique(labels, return_counts=True)
        x, y = np.append(self.x, self.x_mix), np.append(self.y, self.y_mix)
        low, high = (limit([x, y], axis=1) for limit in (np.nanmin, np.nanmax))
        margin = 0.05 * np.where(high > low, high - low, 1)
        box = np.array([low - margin, high + margin])
        if self.classifier is not None:
            self.boundary_ = _draw_regions(self.classifier, box, ax)
        for place, label in enumerate(classes):
            color, marker = COLORS[place % len(COLORS)], MARKERS[place % len(MARKERS)]
            # Rows lie on new rows, and small classes on large ones.
            depth = counts[place] / len(labels)
            own = labels == label
            ax.scatter(
                self.x[own],
                self.y[own],
                s=16,
                marker=marker,
                facecolors="none",
                edgecolors=color,
                label=f"{label}: {counts[place]} rows",
                zorder=3 - depth,
            )
            own = labels_mix == label
            if own.any():
                ax.scatter(
                    self.x_mix[own],
                    self.y_mix[own],
                    s=28,
                    marker="*",
                    color=color,
                    linewidths=0,
                    label=f"{label}: {own.sum()} new rows",
                    zorder=2 - depth,
                )
        ax.set(xlim=box[:, 0], ylim=box[:, 1])
        # Below the axes and their label: points may be anywhere above.
        ax.legend(
            loc="upper center",
            bbox_to_anchor=(0.5, 0),
            borderaxespad=4,
            ncols=2,
            frameon=False,
            fontsize="small",
        )


def _choose(
    columns: Columns, names: Any, features: Any, n_wanted: int
) -> tuple[list[int], list[str]]:
    """Find features: their places among the numeric columns, and their names."""
    if names is None:
        names = [f"Feature {place}" for place in range(len(columns.kinds))]
    names = list(names)
    if features is None:
        features = columns.numeric[:n_wanted]
    if isinstance(features, str | Integral):
        features = [features]
    if len(features) != n_wanted:
        raise ValueError(
            f"features={features!r} must name {n_wanted} of the numeric columns, "
            f"which are {columns.numeric}."
        )
    places = []
    for feature in features:
        place = feature
        if isinstance(feature, str):
            if feature not in names:
                raise ValueError(f"features: {feature!r} is no column of {names}.")
            place = names.index(feature)
        if place not in columns.numeric:
            raise ValueError(
                f"features: {feature!r} is no numeric column: those are "
                f"{columns.numeric}."
            )
        places.append(place)
    return [columns.numeric.index(p) for p in places], [str(names[p]) for p in places]


def _fit(
    classifier: BaseEstimator | None, columns: Columns, X: FloatArray, y: NDArray
) -> BaseEstimator | None:
    """Fit the classifier whose regions are to be drawn."""
    if classifier is None:
        return None
    if len(columns.kinds) != 2:
        raise ValueError(
            f"classifier={classifier!r} needs an X of two columns, as its regions are "
            f"drawn in two, but this one has {len(columns.kinds)}. Leave it out, or "
            "resample two columns only."
        )
    return clone(classifier).fit(X, y)


def _draw_regions(classifier: Any, box: FloatArray, ax: Any) -> DecisionBoundaryDisplay:
    """Tint a box by the class that is predicted."""
    n_classes = len(classifier.classes_)
    colors = [COLORS[place % len(COLORS)] for place in range(n_classes)]
    look: dict[str, Any] = {"multiclass_colors": colors}
    if n_classes == 2:  # for which these colours are ignored
        from matplotlib.colors import ListedColormap

        look = {"cmap": ListedColormap(colors)}
    return DecisionBoundaryDisplay.from_estimator(
        classifier,
        box,
        grid_resolution=200,
        eps=0,
        response_method="predict",
        plot_method="pcolormesh",
        ax=ax,
        alpha=0.15,
        vmin=-0.5,
        vmax=n_classes - 0.5,
        zorder=0,
        rasterized=True,
        **look,
    )
