"""The kernel of a wide ReLU network, and features of kernels.

A network with two wide hidden layers, trained by gradient descent, predicts as kernel
regression with its neural tangent kernel does [1]_, which has a closed form [2]_. That
makes it the stand-in for a network wherever one would otherwise have to be trained.

References
----------
.. [1] Jacot, Gabriel and Hongler, "Neural tangent kernel: convergence and
   generalization in neural networks", NeurIPS 2018.
.. [2] Cho and Saul, "Kernel methods for deep learning", NeurIPS 2009.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.random import RandomState
from scipy.linalg import eigh

from .neighbors import FloatArray

N_HIDDEN_LAYERS = 2
# So many numbers of a kernel are computed at a time, which fit a cache; four times as
# many in a call, which takes a while by itself.
BLOCK_VALUES = 2**16


def ntk(A: FloatArray, B: FloatArray) -> FloatArray:
    """Neural tangent kernel of a ReLU network with two hidden layers and biases.

    Parameters
    ----------
    A : ndarray of shape (n, p)
        Rows, standardised.

    B : ndarray of shape (m, p)
        Rows, on the same scale.

    Returns
    -------
    K : ndarray of shape (n, m)
        Kernel values.

    Notes
    -----
    With the input (x, 1) / sqrt(p), Sigma_0 its inner product, rho the correlation
    under Sigma and theta = arccos(rho), each layer makes

        Sigma <- sqrt(Sigma(a, a) Sigma(b, b)) (sin theta + (pi - theta) rho) / pi
        Theta <- Sigma + Theta (pi - theta) / pi

    and leaves Sigma(a, a) as it is (weights of variance 2 / width).
    """
    K = np.empty((len(A), len(B)))
    size = max(1, BLOCK_VALUES // max(1, len(B)))
    # New arrays for each step would take three times as long as the steps.
    work = np.empty((3, size, len(B)))
    for start in range(0, len(A), size):
        rows = slice(start, start + size)
        _ntk(A[rows], B, K[rows], *work[:, : len(A[rows])])
    return K


def _ntk(
    A: FloatArray,
    B: FloatArray,
    theta: FloatArray,
    rho: FloatArray,
    active: FloatArray,
    sine: FloatArray,
) -> None:
    """Put the kernel into `theta`, by way of the other arrays of its shape."""
    p = A.shape[1]
    a, b = (np.sqrt(((Z**2).sum(axis=1) + 1) / p) for Z in (A, B))
    np.matmul(A, B.T, out=rho)
    rho += 1
    rho /= p
    # In units of sqrt(Sigma(a, a) Sigma(b, b)), which stays.
    rho /= a[:, None]
    rho /= b
    theta[:] = rho
    for _ in range(N_HIDDEN_LAYERS):
        np.clip(rho, -1, 1, out=rho)
        np.arccos(rho, out=active)
        active /= -np.pi
        active += 1
        np.square(rho, out=sine)
        np.subtract(1, sine, out=sine)
        np.sqrt(sine, out=sine)
        sine /= np.pi
        rho *= active
        rho += sine
        theta *= active
        theta += rho
    theta *= a[:, None]
    theta *= b


class NystromFeatures:
    """Features whose inner products approximate a kernel.

    Parameters
    ----------
    Z : ndarray of shape (n, p)
        Training rows, standardised; the landmarks are drawn from them.

    n_components : int
        Number of features, the leading eigenvectors of the landmarks' kernel.

    n_landmarks : int
        Number of landmarks; exact for the leading part if it reaches n.

    rng : RandomState
        Source of randomness.

    kernel : callable, default=ntk
        Gives the kernel of rows and of landmarks.
    """

    def __init__(
        self,
        Z: FloatArray,
        n_components: int,
        n_landmarks: int,
        rng: RandomState,
        kernel: Callable[[FloatArray, FloatArray], FloatArray] = ntk,
    ) -> None:
        self.kernel = kernel
        rows = rng.permutation(len(Z))[:n_landmarks]
        self.landmarks = Z[np.sort(rows)]
        # In rising order.
        values, vectors = eigh(kernel(self.landmarks, self.landmarks))
        kept = np.flatnonzero(values > 1e-10 * values[-1])[::-1][:n_components]
        self.projection = vectors[:, kept] / np.sqrt(values[kept])

    @property
    def n_features(self) -> int:
        """Number of features, at most `n_components`."""
        return self.projection.shape[1]

    def __call__(self, Z: FloatArray) -> FloatArray:
        """Compute the features of rows.

        Parameters
        ----------
        Z : ndarray of shape (m, p)
            Rows on the scale of the training rows.

        Returns
        -------
        features : ndarray of shape (m, n_features)
            The features; n_features is at most `n_components`.
        """
        return self._times(Z, self.projection)

    def product(self, Z: FloatArray, weights: FloatArray) -> FloatArray:
        """Multiply the features of rows by weights, without making them.

        Parameters
        ----------
        Z : ndarray of shape (m, p)
            Rows on the scale of the training rows.

        weights : ndarray of shape (n_features, t)
            Weights of the features.

        Returns
        -------
        product : ndarray of shape (m, t)
            The features times the weights.
        """
        return self._times(Z, self.projection @ weights)

    def _times(self, Z: FloatArray, weights: FloatArray) -> FloatArray:
        """The kernel of rows and landmarks times weights of the landmarks."""
        product = np.empty((len(Z), weights.shape[1]))
        size = max(1, 4 * BLOCK_VALUES // len(self.landmarks))
        for start in range(0, len(Z), size):
            rows = slice(start, start + size)
            product[rows] = self.kernel(Z[rows], self.landmarks) @ weights
        return product
