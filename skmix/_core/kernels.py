"""The kernel of a wide ReLU network, and ridge regression with it.

A network with two wide hidden layers, trained by gradient descent, predicts as kernel
regression with its neural tangent kernel does [1]_, which has a closed form [2]_. That
makes it the stand-in for a network wherever one would otherwise have to be trained.

References
----------
.. [1] Jacot, Gabriel and Hongler, "Neural tangent kernel: convergence and
   generalization in neural networks", NeurIPS 2018.
.. [2] Cho and Saul, "Kernel methods for deep learning", NeurIPS 2009.
"""

import numpy as np
from numpy.random import RandomState
from scipy.linalg import eigh

from .neighbors import FloatArray

N_HIDDEN_LAYERS = 2


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
    p = A.shape[1]
    scale = np.sqrt(
        np.outer(((A**2).sum(axis=1) + 1) / p, ((B**2).sum(axis=1) + 1) / p)
    )
    sigma = (A @ B.T + 1) / p
    theta_kernel = sigma
    for _ in range(N_HIDDEN_LAYERS):
        rho = np.clip(sigma / scale, -1, 1)
        angle = np.arccos(rho)
        active = (np.pi - angle) / np.pi
        sigma = scale * (np.sqrt(1 - rho**2) / np.pi + active * rho)
        theta_kernel = sigma + theta_kernel * active
    return theta_kernel


class NystromFeatures:
    """Features whose inner products approximate the kernel of a wide network.

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
    """

    def __init__(
        self, Z: FloatArray, n_components: int, n_landmarks: int, rng: RandomState
    ) -> None:
        rows = rng.permutation(len(Z))[:n_landmarks]
        self.landmarks = Z[np.sort(rows)]
        # In rising order.
        values, vectors = eigh(ntk(self.landmarks, self.landmarks))
        kept = np.flatnonzero(values > 1e-10 * values[-1])[::-1][:n_components]
        self.projection = vectors[:, kept] / np.sqrt(values[kept])

    @property
    def n_features(self) -> int:
        """Number of features, at most `n_components`."""
        return self.projection.shape[1]

    def __call__(self, Z: FloatArray, block: int = 8192) -> FloatArray:
        """Compute the features of rows.

        Parameters
        ----------
        Z : ndarray of shape (m, p)
            Rows on the scale of the training rows.

        block : int, default=8192
            Rows at a time, which bounds the memory at block x n_landmarks numbers.

        Returns
        -------
        features : ndarray of shape (m, n_features)
            The features; n_features is at most `n_components`.
        """
        features = np.empty((len(Z), self.n_features))
        for start in range(0, len(Z), block):
            rows = slice(start, start + block)
            features[rows] = ntk(Z[rows], self.landmarks) @ self.projection
        return features
