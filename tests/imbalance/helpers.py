"""Rows, and ways to look into a sampler, that several tests share."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin

from skmix._data import ResamplingData
from skmix.base import BaseMixSampler, Mixes


def blobs(n=200, n_small=20, n_columns=3, shift=1.5, seed=0):
    """Two classes that overlap; 1 is the small one."""
    rng = np.random.RandomState(seed)
    y = (np.arange(n) < n_small).astype(int)
    return rng.normal(size=(n, n_columns)) + shift * y[:, None], y


class Reader(BaseMixSampler):
    """Hands out the rows as samplers see them."""

    def __init__(self, *, sampling_strategy="auto", categorical_features="from_dtype"):
        self.sampling_strategy = sampling_strategy
        self.categorical_features = categorical_features
        self.random_state = 0

    def _learn(self, data, rng):
        self.data = data

    def _draw(self, data, rng):
        return Mixes.none(data)


def read(X, y, X_val=None, y_val=None, **parameters) -> ResamplingData:
    """Rows as samplers see them."""
    return Reader(**parameters)._read(X, y, X_val, y_val, None)


class Nearest(ClassifierMixin, BaseEstimator):
    """One nearest row; notes what it is fitted to."""

    fits: list = []

    def fit(self, X, y):
        self.fits.append((X, y))
        self.X_, self.y_ = np.asarray(X, float), np.asarray(y)
        self.classes_ = np.unique(self.y_)
        return self

    def predict(self, X):
        squared = ((np.asarray(X, float)[:, None] - self.X_) ** 2).sum(axis=2)
        return self.y_[squared.argmin(axis=1)]
