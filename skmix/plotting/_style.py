"""What all pictures share: colours, and axes that the user passed."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

# Of the colour-blind-safe palette of Okabe and Ito; grey for what stays in the back.
BLUE, ORANGE, GREEN, GREY = "#0072B2", "#E69F00", "#009E73", "#7F7F7F"
VERMILION, PURPLE, SKY, BLACK = "#D55E00", "#CC79A7", "#56B4E9", "#000000"


def check_axes(ax: Any, n_panels: int, panels: str = "panels") -> NDArray:
    """Check that there is one of the user's axes for each panel.

    Parameters
    ----------
    ax : matplotlib Axes or array-like of them
        What the user passed.

    n_panels : int
        Number of panels.

    panels : str, default="panels"
        What they are, in messages.

    Returns
    -------
    axes : ndarray of shape (n_panels,)
        The axes.

    Raises
    ------
    ValueError
        If there are more or fewer axes than panels.
    """
    axes = np.atleast_1d(ax).ravel()
    if len(axes) != n_panels:
        raise ValueError(
            f"ax holds {len(axes)} axes for {n_panels} {panels}: pass one for each."
        )
    return axes
