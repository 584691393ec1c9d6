import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.metrics.pairwise import rbf_kernel

from skmix._core import kernels
from skmix._core.kernels import NystromFeatures, ntk


def test_kernel_of_equal_rows_by_hand():
    # With rho = 1 each layer leaves Sigma as it is and adds it once to Theta.
    z = np.array([[1.0, 2.0, 2.0]])
    assert_allclose(ntk(z, z), [[3 * (9 + 1) / 3]])


def test_kernel_of_orthogonal_rows_by_hand():
    # (1, 1) and (-1, 1) with bias: Sigma_0 = (1 * -1 + 1) / 1 = 0, scale 2.
    a, b = np.array([[1.0]]), np.array([[-1.0]])
    sigma_1 = 2 / np.pi
    theta_1 = sigma_1 + 0 * 0.5
    rho = sigma_1 / 2
    angle = np.arccos(rho)
    sigma_2 = 2 * (np.sin(angle) + (np.pi - angle) * rho) / np.pi
    theta_2 = sigma_2 + theta_1 * (np.pi - angle) / np.pi
    assert_allclose(ntk(a, b), [[theta_2]])


def test_kernel_is_that_of_a_wide_network():
    """Sum of products of gradients of a wide network with NTK scaling."""
    width, p = 4096, 3
    Z = np.random.RandomState(0).normal(size=(4, p))
    generator = torch.Generator().manual_seed(0)
    shapes = [(width, p + 1), (width, width), (1, width)]
    weights = [
        torch.randn(*shape, generator=generator).requires_grad_() for shape in shapes
    ]

    def gradient(z):
        hidden = torch.as_tensor(np.append(z, 1.0), dtype=torch.float32) / p**0.5
        hidden = torch.relu(weights[0] @ hidden) * (2 / width) ** 0.5
        hidden = torch.relu(weights[1] @ hidden) * (2 / width) ** 0.5
        parts = torch.autograd.grad((weights[2] @ hidden).sum(), weights)
        return torch.cat([part.ravel() for part in parts])

    gradients = torch.stack([gradient(z) for z in Z])
    assert_allclose(ntk(Z, Z), (gradients @ gradients.T).numpy(), rtol=0.12)


@pytest.mark.parametrize("block", [1, 300, 2**16])
@pytest.mark.parametrize("kernel", [ntk, rbf_kernel])
def test_features_reproduce_the_kernel(monkeypatch, kernel, block):
    Z = np.random.RandomState(0).normal(size=(40, 3))
    K = kernel(Z, Z)
    monkeypatch.setattr(kernels, "BLOCK_VALUES", block)
    features = NystromFeatures(Z, 40, 40, np.random.RandomState(0), kernel)
    phi = features(Z)
    assert_allclose(phi @ phi.T, K, atol=1e-6)
    weights = np.random.RandomState(1).normal(size=(features.n_features, 2))
    assert_allclose(features.product(Z, weights), phi @ weights, rtol=1e-6)


def test_leading_features_are_the_best_of_their_number():
    Z = np.random.RandomState(0).normal(size=(60, 3))
    K = ntk(Z, Z)
    phi = NystromFeatures(Z, 10, 60, np.random.RandomState(0))(Z)
    assert phi.shape == (60, 10)
    values = np.linalg.eigvalsh(K)[::-1]
    error = np.linalg.norm(phi @ phi.T - K) ** 2
    assert error == pytest.approx((values[10:] ** 2).sum(), rel=1e-6)


def test_constant_rows_have_features():
    phi = NystromFeatures(np.zeros((5, 2)), 4, 5, np.random.RandomState(0))(
        np.zeros((5, 2))
    )
    assert phi.shape == (5, 1)
    assert np.isfinite(phi).all()
