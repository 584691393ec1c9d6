"""What several of these files use: data, an estimator that records, a Ctrl-C."""

import signal
from contextlib import suppress

import numpy as np
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold

from skmix.callbacks import History

CV = KFold(3, shuffle=True, random_state=0)


def problem(n=45, v=40, n_targets=1, seed=0):
    """Training rows and held-out rows of a smooth function."""
    rng = np.random.RandomState(seed)
    X = rng.uniform(-2, 2, size=(n + v, 2))
    y = np.column_stack([np.sin(2 * X[:, 0]) + X[:, 1] ** 2, X[:, 0] - X[:, 1]])
    y = y[:, 0] if n_targets == 1 else y[:, :n_targets]
    return X[:n], y[:n], X[n:], y[n:]


class Recorder(Ridge):
    """Remembers what it was fitted on, in a list that clones share."""

    fits = []

    def fit(self, X, y):
        self.fits.append((X, y))
        return super().fit(X, y)


class Swallowing(Ridge):
    """Gets a Ctrl-C in one of its fits, and keeps it to itself, as networks do."""

    fits_left = []

    def fit(self, X, y):
        self.fits_left.pop()
        if not self.fits_left:
            self.fits_left.extend([None] * 1000)
            with suppress(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
        return super().fit(X, y)


def interrupting(after, phase=None):
    """Make a callback that stops as Ctrl-C does, after iterations of a phase or all."""

    class Interrupt(History):
        def on_fit_task_end(self, estimator, context, *, metadata=None):
            super().on_fit_task_end(estimator, context, metadata=metadata)
            if metadata is None or phase not in (None, metadata["phase"]):
                return
            phases = [record["phase"] for record in self.records]
            if (len(phases) if phase is None else phases.count(phase)) == after:
                raise KeyboardInterrupt

    return Interrupt()
