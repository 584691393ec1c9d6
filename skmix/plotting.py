"""Pictures of what was learned and made, as scikit-learn-style Displays.

Each needs matplotlib: ``pip install "skmix[plot]"``.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from ._optional import import_pyplot
from ._plot_comparison import ComparisonDisplay

__all__ = ["ComparisonDisplay", "MixingDisplay", "PolicyDisplay"]

# Blue, orange and grey of the colour-blind-safe palette of Okabe and Ito.
BLUE, ORANGE, GREY = "#0072B2", "#E69F00", "#7F7F7F"


class PolicyDisplay:
    """How many rows are mixed with how many neighbours.

    Parameters
    ----------
    options : ndarray of shape (n, 2)
        Number of neighbours of each row, by features and by label; 0 is none.

    accepted : bool, default=True
        Whether the rows are mixed at all.

    Attributes
    ----------
    ax_ : matplotlib Axes
        Where it was drawn.

    figure_ : matplotlib Figure
        The figure of the axes.

    See Also
    --------
    MixingDisplay : Rows and mixes.

    Examples
    --------
    >>> import numpy as np
    >>> from skmix.plotting import PolicyDisplay
    >>> options = np.array([[2, 0], [2, 5], [0, 5]])
    >>> display = PolicyDisplay(options).plot()
    >>> [int(bar.get_height()) for bar in display.ax_.containers[0]]
    [0, 2, 0, 0, 0]
    """

    def __init__(self, options: NDArray[np.intp], *, accepted: bool = True) -> None:
        self.options = options
        self.accepted = accepted

    @classmethod
    def from_estimator(cls, estimator: Any, *, ax: Any = None) -> PolicyDisplay:
        """Draw the options of a fitted resampler.

        Parameters
        ----------
        estimator : MixRLResampler
            A fitted resampler.

        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : PolicyDisplay
            The picture.
        """
        check_is_fitted(estimator, "options_")
        return cls(estimator.options_, accepted=estimator.accepted_).plot(ax=ax)

    def plot(self, *, ax: Any = None) -> PolicyDisplay:
        """Draw.

        Parameters
        ----------
        ax : matplotlib Axes, default=None
            Where to draw; None makes a figure.

        Returns
        -------
        display : PolicyDisplay
            The picture itself.
        """
        if ax is None:
            _, ax = import_pyplot().subplots(layout="constrained")
        counts = np.arange(1, max(self.options.max(), 1) + 1)
        for shift, color, label, column in zip(
            (-0.2, 0.2),
            (BLUE, ORANGE),
            ("by features", "by label"),
            self.options.T,
            strict=True,
        ):
            # Rows that are not mixed are told, not drawn: they would dwarf the others.
            none, *heights = np.bincount(column, minlength=len(counts) + 1)
            label = f"{label} ({none} rows with none)"
            ax.bar(counts + shift, heights, width=0.4, color=color, label=label)
        ax.set(
            xlabel="Neighbours that a row is mixed with",
            ylabel="Rows",
            title="" if self.accepted else "Learned, but not used: mixing did not help",
        )
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.margins(y=0.3)  # room for the legend
        ax.legend(title="Nearest", loc="upper right", frameon=False)
        ax.spines[["top", "right"]].set_visible(False)
        self.ax_, self.figure_ = ax, ax.figure
        return self


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
