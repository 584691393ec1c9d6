"""The rows and models that the benchmarks share."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pandas as pd
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.kernel_ridge import KernelRidge
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import GridSearchCV, KFold
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmix import datasets

TABLES = (
    "no2",
    "airfoil",
    "concrete",
    "bank8fm",
    "wind",
    "abalone",
    "energy",
    "power_plant",
)
MAX_TEST_ROWS = 2000
# Shift: rows to train on, rows V of the true distribution, strength of the bias.
N_BIASED, N_VAL, BIAS = 200, 100, 1.5


class Rows(NamedTuple):
    """Rows to train on, held-out rows where a protocol has some, and test rows."""

    X: np.ndarray
    y: np.ndarray
    X_val: np.ndarray | None
    y_val: np.ndarray | None
    X_test: np.ndarray
    y_test: np.ndarray

    @property
    def train(self):
        """Rows and labels to train on."""
        return self.X, self.y

    @property
    def held_out(self):
        """Held-out rows, as `fit` and `fit_resample` take them."""
        return {"X_val": self.X_val, "y_val": self.y_val}

    @property
    def train_and_val(self):
        """All rows that have a label, but for the test rows."""
        return np.vstack([self.X, self.X_val]), np.concatenate([self.y, self.y_val])

    def rmse(self, prediction):
        """Root of the mean squared error on the test rows."""
        return float(np.sqrt(np.mean((prediction - self.y_test) ** 2)))


def load(name):
    """Load a table as arrays: categories one-hot, the first target of several."""
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True, as_frame=True)
    X = pd.get_dummies(X, dtype=float).to_numpy(float)
    return X, y.to_numpy(float).reshape(len(X), -1)[:, 0]


def take(X, y, train, val, test):
    """Rows by their places."""
    val = [None, None] if val is None else [X[val], y[val]]
    return Rows(X[train], y[train], *val, X[test], y[test])


def plain_split(X, y, n, seed):
    """Draw n rows to train on, and test rows."""
    order = np.random.RandomState(seed).permutation(len(X))
    return take(X, y, order[:n], None, order[n:][:MAX_TEST_ROWS])


def paper_split(X, y, n_train, n_val, n_test, seed):
    """Draw rows to train on, to judge by, and to test on."""
    order = np.random.RandomState(seed).permutation(len(X))
    ends = np.cumsum([n_train, n_val, n_test])
    return take(X, y, *np.split(order[: ends[-1]], ends[:-1]))


def shifted_split(X, y, seed):
    """Draw training rows that are the rarer the higher their label; the others fairly.

    A third of a small table is for testing; the rest is what training rows come from,
    with weights exp(-1.5 z), z the standardised label.
    """
    rng = np.random.RandomState(seed)
    n_test = min(MAX_TEST_ROWS, len(X) // 3)
    val, test, pool = np.split(rng.permutation(len(X)), [N_VAL, N_VAL + n_test])
    weight = np.exp(-BIAS * (y[pool] - y.mean()) / y.std())
    train = rng.choice(pool, N_BIASED, replace=False, p=weight / weight.sum())
    return take(X, y, train, val, test)


def standardised(model):
    """Give a model rows and labels of mean 0 and variance 1."""
    return TransformedTargetRegressor(
        make_pipeline(StandardScaler(), model), transformer=StandardScaler()
    )


def boosted_trees(X, y):
    """Boosted trees, with leaves small enough for few rows."""
    return HistGradientBoostingRegressor(
        min_samples_leaf=5, early_stopping=False, random_state=0
    )


def random_forest(X, y):
    """A random forest as it is."""
    return RandomForestRegressor(100, random_state=0)


def perceptron(X, y):
    """A network trained on all rows at once: as many steps whatever their number."""
    return standardised(
        MLPRegressor(
            hidden_layer_sizes=(128, 64),
            solver="lbfgs",
            alpha=1.0,
            max_iter=100,
            random_state=0,
        )
    )


def kernel_ridge(X, y):
    """Kernel ridge regression, tuned on the rows as they are.

    Inside the folds of a search over rows and mixes, a row that is held out would be
    half known from its mixes.
    """
    grid = {
        "regressor__kernelridge__alpha": np.logspace(-3, 1, 5),
        "regressor__kernelridge__gamma": np.array([0.03, 0.1, 0.3, 1.0]) / X.shape[1],
    }
    model = standardised(KernelRidge(kernel="rbf"))
    folds = KFold(5, shuffle=True, random_state=0)
    return clone(GridSearchCV(model, grid, cv=folds).fit(X, y).best_estimator_)


def linear(X, y):
    """Ridge regression, its strength by leave-one-out error."""
    return standardised(RidgeCV(np.logspace(-3, 3, 13)))


# Each makes an unfitted regressor for the rows that will be its own.
MODELS = {
    "HistGradientBoosting": boosted_trees,
    "RandomForest": random_forest,
    "MLP": perceptron,
    "kernel ridge": kernel_ridge,
    "linear": linear,
}
