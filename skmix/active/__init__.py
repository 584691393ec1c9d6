"""Active learning: which rows to label next, by what their mixes would teach."""

from ._acquisitions import (
    BALD,
    Acquisition,
    Entropy,
    FromProbabilities,
    Margin,
    RowAcquisition,
    VarRatio,
)
from ._adamixup import AdaMixup
from ._augmentations import (
    Augmentation,
    InfoMixup,
    ManifoldMixup,
    Mixup,
)
from ._classifier import LADAClassifier
from ._comparison import compare_selectors
from ._cvae import CVAE
from ._images import STN, InfoSTN
from ._interop import as_skactiveml
from ._loop import ActiveLearningLoop
from ._selector import LADASelector
from ._sets import BADGE, Coreset, Random, SetAcquisition
from ._stopping import StablePredictions, UtilityBelow
from ._vaal import VAAL
from ._verdict import SelectorComparison

__all__ = [
    "BADGE",
    "BALD",
    "CVAE",
    "STN",
    "VAAL",
    "Acquisition",
    "ActiveLearningLoop",
    "AdaMixup",
    "Augmentation",
    "Coreset",
    "Entropy",
    "FromProbabilities",
    "InfoMixup",
    "InfoSTN",
    "LADAClassifier",
    "LADASelector",
    "ManifoldMixup",
    "Margin",
    "Mixup",
    "Random",
    "RowAcquisition",
    "SelectorComparison",
    "SetAcquisition",
    "StablePredictions",
    "UtilityBelow",
    "VarRatio",
    "as_skactiveml",
    "compare_selectors",
]
