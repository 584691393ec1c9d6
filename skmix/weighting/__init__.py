"""Learned data manipulation: weights of rows, and augmentations, by validation loss."""

from ._augmenter import LearnedAugmenter
from ._learner import SampleWeightLearner
from ._meta import LearnedWeightClassifier, LearnedWeightRegressor
from ._text_augmenter import LearnedTextAugmenter

__all__ = [
    "LearnedAugmenter",
    "LearnedTextAugmenter",
    "LearnedWeightClassifier",
    "LearnedWeightRegressor",
    "SampleWeightLearner",
]
