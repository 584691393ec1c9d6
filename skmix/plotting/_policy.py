"""What was learned: how many rows are mixed with how many neighbours."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from .._optional import import_pyplot
from ._style import BLUE, GREY, ORANGE

COLORS = {"data": BLUE, "label": ORANGE, "any": GREY}
LABELS = {"data": "nearest by features", "label": "nearest by label", "any": "any"}


class PolicyDisplay:
    """How many rows are mixed with how many neighbours.

    Parameters
    ----------
    options : ndarray of shape (n, kinds)
        Number of neighbours of each row, of each kind; 0 is none.

    kinds : sequence of {"data", "label", "any"}, default=("data", "label")
        Kinds of neighbours: nearest by features, by label, or any rows.

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

    def __init__(
        self,
        options: NDArray[np.intp],
        *,
        kinds: Sequence[str] = ("data", "label"),
        accepted: bool = True,
    ) -> None:
        self.options = options
        self.kinds = kinds
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
        return cls(
            estimator.options_,
            kinds=estimator.distances_,
            accepted=estimator.accepted_,
        ).plot(ax=ax)

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
        width = 0.8 / len(self.kinds)
        for place, (kind, column) in enumerate(
            zip(self.kinds, self.options.T, strict=True)
        ):
            # Rows that are not mixed are told, not drawn: they would dwarf the others.
            none, *heights = np.bincount(column, minlength=len(counts) + 1)
            ax.bar(
                counts + (place - (len(self.kinds) - 1) / 2) * width,
                heights,
                width=width,
                color=COLORS[kind],
                label=f"{LABELS[kind]} ({none} rows with none)",
            )
        ax.set(
            xlabel="Neighbours that a row is mixed with",
            ylabel="Rows",
            title="" if self.accepted else "Learned, but not used: mixing did not help",
        )
        ax.xaxis.get_major_locator().set_params(integer=True)
        ax.margins(y=0.3)  # room for the legend
        ax.legend(loc="upper right", frameon=False)
        ax.spines[["top", "right"]].set_visible(False)
        self.ax_, self.figure_ = ax, ax.figure
        return self
