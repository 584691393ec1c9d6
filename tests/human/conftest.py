"""Questions for the tests of the page and of what is behind it, and a browser."""

import shutil
import subprocess
import sys

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


@pytest.fixture
def command():
    """Starts ``skmix-elicit`` as a process of its own; gives it and its address."""
    running = []

    def start(*arguments, **settings):
        process = subprocess.Popen(
            [sys.executable, "-m", "skmix.human._cli", *map(str, arguments)],
            stdout=subprocess.PIPE,
            text=True,
            **settings,
        )
        running.append(process)
        return process, process.stdout.readline().strip()

    yield start
    # Also where a test failed half-way.
    for process in running:
        process.kill()
        process.wait()
        process.stdout.close()
