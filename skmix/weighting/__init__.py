"""Learned data manipulation: weights of rows, and augmentations, by validation loss."""

from ._learner import SampleWeightLearner

__all__ = ["SampleWeightLearner"]
