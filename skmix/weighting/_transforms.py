"""What an augmenter has learned, as plain numbers and in words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# Columns that are named one by one.
MAX_NAMED = 5


@dataclass
class TableTransform:
    """How rows of tables are transformed.

    Attributes
    ----------
    strength : ndarray of shape (n_classes, n_numbers)
        How far a row is moved towards a partner in a numeric column at most, as a part
        of the way.

    noise : ndarray of shape (n_classes, n_numbers)
        Standard deviation of the noise, in those of the column.

    classes : list
        Classes; a single entry of None for numbers to predict.

    columns : list of str
        Names of the numeric columns.

    redrawn : list of str
        Categorical columns that are drawn from what was learned of them.
    """

    strength: NDArray[np.float64]
    noise: NDArray[np.float64]
    classes: list[Any]
    columns: list[str]
    redrawn: list[str]

    def describe(self) -> str:
        """Say in words and numbers how rows are transformed.

        Returns
        -------
        words : str
            A line to each class, with the columns that are moved most.
        """
        lines = []
        for label, strength, noise in zip(
            self.classes, self.strength, self.noise, strict=True
        ):
            of_class = "" if label is None else f"Class {label!r}: "
            if not len(strength):
                continue
            most = np.argsort(-strength, kind="stable")[:MAX_NAMED]
            named = ", ".join(
                f"{self.columns[j]} {strength[j]:.2f} and {noise[j]:.2f}" for j in most
            )
            lines.append(
                f"{of_class}up to {strength.mean():.2f} of the way to another row, "
                f"and noise of {noise.mean():.2f} standard deviations, on average; "
                f"most in {named}."
            )
        if self.redrawn:
            lines.append(f"Drawn anew at times: {', '.join(self.redrawn)}.")
        return "\n".join(lines)


@dataclass
class ImageTransform:
    """How images are transformed.

    Attributes
    ----------
    amounts : dict of float
        Standard deviations of "rotation" in radians, "shift" in parts of a side,
        "log_scale", "brightness" and "contrast" (logarithm of a factor) in those of
        the pixels, and the side of the "cutout" in parts of that of the image.
    """

    amounts: dict[str, float]

    def describe(self) -> str:
        """Say in words and numbers how images are transformed.

        Returns
        -------
        words : str
            A clause to each amount.
        """
        a = self.amounts
        return (
            f"Standard deviations: turned by {np.degrees(a['rotation']):.1f} degrees, "
            f"shifted by {a['shift']:.1%} of a side, scaled by "
            f"{np.expm1(a['log_scale']):.1%}, brightness {a['brightness']:.3f}, "
            f"contrast {np.expm1(a['contrast']):.1%}; a square of {a['cutout']:.1%} of "
            "a side cut out."
        )


@dataclass
class UserTransform:
    """Parameters of a module of the user.

    Attributes
    ----------
    parameters : dict of ndarray
        By name.
    """

    parameters: dict[str, NDArray]

    def describe(self) -> str:
        """Say which parameters there are.

        Returns
        -------
        words : str
            Name, shape and mean of each.
        """
        return "\n".join(
            f"{name} {value.shape}: mean {value.mean():.3f}"
            for name, value in self.parameters.items()
        )
