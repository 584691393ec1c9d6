"""Problems and classifiers that the tests of active learning share."""

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.datasets import load_digits


def digits(n_labelled=40, n=400, seed=0):
    """Some digits, of which a few have a label, all classes among them."""
    X, truth = load_digits(return_X_y=True)
    X, truth = X[:n] / 16, truth[:n]
    rng = np.random.RandomState(seed)
    begin = [rng.choice(np.flatnonzero(truth == c)) for c in range(10)]
    rest = np.setdiff1d(np.arange(n), begin)
    rows = np.r_[begin, rng.choice(rest, n_labelled - 10, replace=False)]
    y = np.full(n, np.nan)
    y[rows] = truth[rows]
    return X, y, truth


class Table(ClassifierMixin, BaseEstimator):
    """Knows the probability of the second of two classes for each x: a polyline."""

    def __init__(self, x=(0.0, 1.0), p=(0.0, 1.0)):
        self.x = x
        self.p = p

    def fit(self, X, y, sample_weight=None):
        self.classes_ = np.unique(y)
        self.seen_ = np.asarray(X), np.asarray(y), sample_weight
        return self

    def predict_proba(self, X):
        p = np.interp(np.asarray(X, dtype=float)[:, 0], self.x, self.p)
        return np.column_stack([1 - p, p])

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]
