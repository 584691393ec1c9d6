"""A smooth model of the labels, for the labels of mixes."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.spatial.distance import pdist
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.linear_model import Ridge, RidgeCV
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.preprocessing import StandardScaler

from .._columns import RowEncoder
from .._core.kernels import NystromFeatures
from .._core.mixing import deviations
from .._validation import read_regression_y, read_X

# The number of landmarks up to which kernel ridge regression is exact.
MAX_LANDMARKS = 256
# Kernel and ridge strength are chosen on at most this many rows.
MAX_ROWS_TO_CHOOSE = 1000
RIDGE_STRENGTHS = np.logspace(-5, 1, 7)
# Widths of Gaussian kernels, in median distances between unequal rows; None is the
# kernel of a wide network. One of each kind is used.
WIDTHS = ((None,), (0.5, 1.0, 2.0, 4.0))

# A width and a ridge strength, for each kind of kernel.
Choice = Sequence[tuple[float | None, float]]


class KernelTeacher:
    """Mean of two kernel ridge regressions, each as leave-one-out error prefers.

    Parameters
    ----------
    Z : ndarray of shape (n, p)
        Rows, standardised.

    Y : ndarray of shape (n, t)
        Labels, of any scale.

    seed : int
        Randomness of the landmarks, where n exceeds their number.

    choice : sequence of (width, alpha), default=None
        Kernel and ridge strength of each; None chooses them by leave-one-out error.

    Notes
    -----
    One kernel is that of a wide ReLU network, the other a Gaussian of one of several
    widths. Where one of them goes astray the mean goes half as far. The leave-one-out
    errors of a ridge strength come from one decomposition, in O(n l^2) time and O(n l)
    memory for l landmarks.
    """

    def __init__(
        self,
        Z: NDArray[np.float64],
        Y: NDArray[np.float64],
        seed: int,
        choice: Choice | None = None,
    ) -> None:
        self.scaler = StandardScaler().fit(Y)
        targets = self.scaler.transform(Y)
        self.choice = choice or self._choose(Z, targets, seed)
        self.models = []
        for width, alpha in self.choice:
            features = kernel_features(Z, width, seed)
            self.models.append((features, Ridge(alpha=alpha).fit(features(Z), targets)))

    @staticmethod
    def _choose(Z: NDArray, targets: NDArray, seed: int) -> Choice:
        rows = RandomState(seed).permutation(len(Z))[:MAX_ROWS_TO_CHOOSE]
        Z, targets = Z[rows], targets[rows]
        choice = []
        for widths in WIDTHS:
            models = [
                RidgeCV(RIDGE_STRENGTHS).fit(
                    kernel_features(Z, width, seed)(Z), targets
                )
                for width in widths
            ]
            best = int(np.argmax([model.best_score_ for model in models]))
            choice.append((widths[best], float(models[best].alpha_)))
        return choice

    def predict(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predict labels, of shape (m, t)."""
        each = [
            features.product(Z, np.atleast_2d(model.coef_).T) + model.intercept_
            for features, model in self.models
        ]
        return self.scaler.inverse_transform(np.mean(each, axis=0))


def kernel_features(
    Z: NDArray[np.float64], width: float | None, seed: int
) -> NystromFeatures:
    """Make the map to features whose inner products are a kernel."""
    rng = RandomState(seed)
    n_landmarks = min(len(Z), MAX_LANDMARKS)
    if width is None:
        return NystromFeatures(Z, n_landmarks, n_landmarks, rng)
    landmarks = Z[rng.permutation(len(Z))[:n_landmarks]]
    apart = pdist(landmarks)
    # Where most rows are equal, the median of all distances is 0.
    median = np.median(apart[apart > 0]) if apart.any() else 1.0
    gamma = 0.5 / (width * median) ** 2
    kernel = partial(rbf_kernel, gamma=gamma)
    return NystromFeatures(landmarks, n_landmarks, n_landmarks, rng, kernel)


class KernelRegressor(RegressorMixin, BaseEstimator):
    """The teacher as a regressor, to ask where no estimator is given.

    Its kernels and ridge strengths are given: leave-one-out error on rows and mixes of
    them would choose badly, as a row that is left out is still half in its mixes.
    """

    def __init__(self, categorical_features: Any, choice: Choice, seed: int) -> None:
        self.categorical_features = categorical_features
        self.choice = choice
        self.seed = seed

    def fit(self, X: Any, y: Any) -> KernelRegressor:
        """Fit the teacher on encoded rows."""
        container, columns = read_X(
            self, X, categorical_features=self.categorical_features
        )
        _, Y = read_regression_y(y, len(container))
        self.encoder_ = RowEncoder(columns)
        self.teacher_ = KernelTeacher(self.encoder_(columns), Y, self.seed, self.choice)
        return self

    def predict(self, X: Any) -> NDArray[np.float64]:
        """Predict labels."""
        _, columns = read_X(
            self, X, categorical_features=self.categorical_features, reset=False
        )
        return self.teacher_.predict(self.encoder_(columns))


def stacking_weight(
    Y: NDArray[np.float64],
    prediction: NDArray[np.float64],
    teacher: NDArray[np.float64],
) -> float:
    """Share of the teacher in the best convex combination with an estimator.

    Parameters
    ----------
    Y : ndarray of shape (n, t)
        Labels.

    prediction : ndarray of shape (n, t)
        Out-of-fold predictions of the estimator.

    teacher : ndarray of shape (n, t)
        Out-of-fold predictions of the teacher.

    Returns
    -------
    weight : float
        The w in [0, 1] that minimises |Y - (1 - w) prediction - w teacher|^2, each
        target in units of its standard deviation.
    """
    scale = deviations(Y)
    direction = (teacher - prediction) / scale
    length = (direction**2).sum()
    if length == 0:
        return 0.0
    return float(np.clip((direction * (Y - prediction) / scale).sum() / length, 0, 1))
