"""A smooth model of the labels, to bend the straight lines of mixing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.spatial.distance import pdist
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import RidgeCV

from .._columns import RowEncoder
from .._core.kernels import NystromFeatures
from .._random import draw_seed
from .._validation import read_regression_y, read_X

# The number of landmarks up to which kernel ridge regression is exact.
MAX_LANDMARKS = 256
RIDGE_STRENGTHS = np.logspace(-5, 1, 7)
# RBF widths, in median distances between rows.
RBF_WIDTHS = (0.5, 1.0, 2.0, 4.0)


class KernelTeacher:
    """Kernel ridge regression with the kernel that leave-one-out error prefers.

    Parameters
    ----------
    Z : ndarray of shape (n, p)
        Rows, standardised.

    Y : ndarray of shape (n, t)
        Labels.

    rng : RandomState
        Randomness of the landmarks, where n exceeds their number.

    Notes
    -----
    The kernels are that of a wide ReLU network and Gaussians of several widths. The
    leave-one-out errors of all ridge strengths come from one decomposition, in
    O(n l^2) time and O(n l) memory for l landmarks.
    """

    def __init__(
        self, Z: NDArray[np.float64], Y: NDArray[np.float64], rng: RandomState
    ) -> None:
        n_landmarks = min(len(Z), MAX_LANDMARKS)
        landmarks = Z[rng.permutation(len(Z))[:n_landmarks]]
        median = np.median(pdist(landmarks)) if n_landmarks > 1 else 1.0
        candidates = [NystromFeatures(Z, n_landmarks, n_landmarks, rng)]
        seed = draw_seed(rng)
        for width in RBF_WIDTHS:
            gamma = 0.5 / max(width * median, 1e-12) ** 2
            rbf = Nystroem(gamma=gamma, n_components=n_landmarks, random_state=seed)
            candidates.append(rbf.fit(Z).transform)
        models = [
            RidgeCV(RIDGE_STRENGTHS).fit(features(Z), Y) for features in candidates
        ]
        best = int(np.argmax([model.best_score_ for model in models]))
        self.features, self.model = candidates[best], models[best]
        self.shape = Y.shape[1:]

    def predict(self, Z: NDArray[np.float64]) -> NDArray[np.float64]:
        """Predict labels, of shape (m, t)."""
        return self.model.predict(self.features(Z)).reshape(-1, *self.shape)


class KernelRegressor(RegressorMixin, BaseEstimator):
    """The teacher as a regressor, to ask where no estimator is given."""

    def __init__(self, categorical_features: Any, random_state: int) -> None:
        self.categorical_features = categorical_features
        self.random_state = random_state

    def fit(self, X: Any, y: Any) -> KernelRegressor:
        """Fit the teacher on encoded rows."""
        container, columns = read_X(
            self, X, categorical_features=self.categorical_features
        )
        _, Y = read_regression_y(y, len(container))
        self.encoder_ = RowEncoder(columns)
        rng = RandomState(self.random_state)
        self.teacher_ = KernelTeacher(self.encoder_(columns), Y, rng)
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
    scale = Y.std(axis=0)
    scale[scale == 0] = 1.0
    direction = (teacher - prediction) / scale
    length = (direction**2).sum()
    if length == 0:
        return 0.0
    return float(np.clip((direction * (Y - prediction) / scale).sum() / length, 0, 1))
