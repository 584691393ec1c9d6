"""Questions for the tests of the page and of what is behind it, and a browser."""

import shutil

import numpy as np
import pytest
from sklearn.datasets import load_digits

from skmix.human import make_mix_tasks


@pytest.fixture(scope="session")
def digits():
    X, y = load_digits(return_X_y=True)
    few = np.isin(y, [1, 3, 8])
    return X[few], y[few]


@pytest.fixture(scope="session")
def make_tasks(digits):
    """Makes questions about mixes of three digits."""

    def make(kind="infer", **params):
        settings = {"n_tasks": 6, "n_repeats": 2, "image_shape": (1, 8, 8)}
        settings |= {"class_names": ["one", "three", "eight"], "random_state": 0}
        return make_mix_tasks(*digits, kind=kind, **{**settings, **params})

    return make


@pytest.fixture(scope="session")
def browser():
    """Chromium without a window, wherever it is."""
    playwright = pytest.importorskip("playwright.sync_api")
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    with playwright.sync_playwright() as running:
        try:
            started = running.chromium.launch(executable_path=found)
        except playwright.Error as error:
            pytest.skip(f"needs Chromium: {str(error).splitlines()[0]}")
        yield started
        started.close()
