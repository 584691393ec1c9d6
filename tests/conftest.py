"""Fixtures that several test files use."""

import signal

import numpy as np
import pytest


@pytest.fixture(autouse=True, scope="session")
def ctrl_c():
    """Heed Ctrl-C also where a shell started the tests in the background without it."""
    signal.signal(signal.SIGINT, signal.default_int_handler)


@pytest.fixture
def curve():
    """A small regression problem on which kNN mixes help a tree: a smooth curve."""
    rng = np.random.RandomState(0)
    X = rng.uniform(-2, 2, size=(60, 2))
    return X, np.sin(2 * X[:, 0]) + X[:, 1] ** 2 + 0.05 * rng.normal(size=60)


@pytest.fixture
def random_state_untouched():
    """Fail where a call moves the global random state of NumPy or torch."""
    import torch

    before = np.random.get_state()[1].copy(), torch.get_rng_state()
    yield
    assert np.array_equal(np.random.get_state()[1], before[0])
    assert torch.equal(torch.get_rng_state(), before[1])


def pytest_collection_modifyitems(items):
    """Skip the tests that need a GPU where there is none."""
    import torch

    if torch.cuda.is_available():
        return
    for item in items:
        if item.get_closest_marker("gpu"):
            item.add_marker(pytest.mark.skip(reason="torch sees no CUDA device"))
