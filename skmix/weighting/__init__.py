"""Learned data manipulation: weights of rows, and augmentations, by validation loss."""

from ._augmenter import LearnedAugmenter
from ._learner import SampleWeightLearner
from ._meta import LearnedWeightClassifier, LearnedWeightRegressor

__all__ = [
    "LearnedAugmenter",
    "LearnedWeightClassifier",
    "LearnedWeightRegressor",
    "SampleWeightLearner",
]
