"""What was made: rows, and the mixes of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from .._optional import import_pyplot
from ._style import BLUE, GREY, ORANGE


class MixingDisplay:
    """Rows and mixes: a feature against a label.

    Parameters
    ----------
    x, y : ndarray of shape (n,)
        Feature and label of the rows.

    x_mix, y_mix : ndarray of shape (m,)
        Feature and label of the mixes.

    parents : ndarray of shape (m, 2)
        The parents of each mix.

    names : tuple of str, default=("Feature", "Label")
        Names of the feature and the label.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.

    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    PolicyDisplay : How many rows are mixed with how many neighbours.

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
    """

    def __init__(
        self,
        x: NDArray[np.float64],
        y: NDArray[np.float64],
        x_mix: NDArray[np.float64],
        y_mix: NDArray[np.float64],
        parents: NDArray[np.intp],
        *,
        names: tuple[str, str] = ("Feature", "Label"),
    ) -> None:
        self.x = x
        self.y = y
        self.x_mix = x_mix
        self.y_mix = y_mix
        self.parents = parents
        self.names = names

    @classmethod
    def from_estimator(
        cls, estimator: Any, *, feature: int | str = 0, target: int = 0, ax: Any = None
    ) -> MixingDisplay:
        """Draw the rows of a fitted resampler, and its mixes of them.

        Parameters
        ----------
        estimator : resampler
            A fitted resampler for regression.

        feature : int or str, default=0
            Place or name of a numeric column.

        target : int, default=0
            Place of the label, where there are several.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : MixingDisplay
            The picture.

        Raises
        ------
        ValueError
            If there is no such numeric column.
        """
        check_is_fitted(estimator)
        names = list(getattr(estimator, "feature_names_in_", []))
        place = feature
        if isinstance(feature, str):
            if feature not in names:
                raise ValueError(f"feature={feature!r} is no column of {names}.")
            place = names.index(feature)
        data, mixes = estimator._draw_again()
        if place not in data.columns.numeric:
            raise ValueError(
                f"feature={feature!r} is no numeric column: those are "
                f"{data.columns.numeric}."
            )
        _, values = data.columns.mix(mixes.first, mixes.second, mixes.weight)
        column = data.columns.numeric.index(place)
        return cls(
            data.columns.values[:, column],
            data.target[:, target],
            values[:, column],
            mixes.target[:, target],
            np.column_stack([mixes.first, mixes.second]),
            names=(names[place] if names else f"Feature {place}", "Label"),
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
        # One artist for all lines between parents, with gaps between them.
        ends = np.stack([self.x[self.parents], self.y[self.parents]], axis=1)
        gap = np.full((len(ends), 2, 1), np.nan)
        lines = np.concatenate([ends, gap], axis=2).transpose(1, 0, 2).reshape(2, -1)
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
        ax.set(xlabel=self.names[0], ylabel=self.names[1])
        ax.legend(loc="upper left", framealpha=0.9, edgecolor="none")
        ax.spines[["top", "right"]].set_visible(False)
        self.ax_, self.figure_ = ax, ax.figure
        return self
