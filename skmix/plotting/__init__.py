"""Pictures of what was learned and made, as scikit-learn-style Displays.

Each needs matplotlib: ``pip install "skmix[plot]"``.
"""

from ._comparison import ComparisonDisplay
from ._curve import CurveDisplay
from ._history import HistoryDisplay
from ._learning_curve import LearningCurveDisplay
from ._linearity import LinearityDisplay
from ._mixing import MixingDisplay
from ._policy import PolicyDisplay
from ._removal import RemovalCurveDisplay

__all__ = [
    "ComparisonDisplay",
    "CurveDisplay",
    "HistoryDisplay",
    "LearningCurveDisplay",
    "LinearityDisplay",
    "MixingDisplay",
    "PolicyDisplay",
    "RemovalCurveDisplay",
]
