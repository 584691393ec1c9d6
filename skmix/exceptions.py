"""Warnings and errors of skmix."""

import sys
import warnings

__all__ = [
    "CheckpointError",
    "DamagedFileWarning",
    "JudgementWarning",
    "SharedDeviceWarning",
    "UnseenPairWarning",
    "WeightConcentrationWarning",
]


class JudgementWarning(UserWarning):
    """Whether mixing helps could not be judged as it should be.

    Issued where no estimator was given, so that a stand-in had to judge, or where
    there are too few rows, or too little time, for a verdict.

    Examples
    --------
    >>> import warnings
    >>> from skmix.exceptions import JudgementWarning
    >>> warnings.simplefilter("ignore", JudgementWarning)
    """


class DamagedFileWarning(UserWarning):
    """Lines of a file were not written to their end, and are left out.

    Examples
    --------
    >>> from skmix.exceptions import DamagedFileWarning
    >>> issubclass(DamagedFileWarning, UserWarning)
    True
    """


class SharedDeviceWarning(UserWarning):
    """Several fits at a time use one GPU, each with memory of its own there.

    Examples
    --------
    >>> from skmix.exceptions import SharedDeviceWarning
    >>> issubclass(SharedDeviceWarning, UserWarning)
    True
    """


class UnseenPairWarning(UserWarning):
    """People were not asked about mixes of these classes, and a stand-in predicts.

    Examples
    --------
    >>> from skmix.exceptions import UnseenPairWarning
    >>> issubclass(UnseenPairWarning, UserWarning)
    True
    """


class WeightConcentrationWarning(UserWarning):
    """Learned weights concentrate on few rows, as if the others were not there.

    Examples
    --------
    >>> from skmix.exceptions import WeightConcentrationWarning
    >>> issubclass(WeightConcentrationWarning, UserWarning)
    True
    """


class CheckpointError(ValueError):
    """A checkpoint belongs to other data or other parameters than this fit.

    Examples
    --------
    >>> from skmix.exceptions import CheckpointError
    >>> issubclass(CheckpointError, ValueError)
    True
    """


def warn_user(message: str, category: type[Warning]) -> None:
    """Warn at the line of the user's own code that led here."""
    level, frame = 1, sys._getframe()
    inside = ("skmix", "sklearn", "imblearn", "contextlib")
    while frame is not None and frame.f_globals["__name__"].startswith(inside):
        level, frame = level + 1, frame.f_back
    warnings.warn(message, category, stacklevel=level)
