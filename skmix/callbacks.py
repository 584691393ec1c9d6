"""Watch, stop, save and resume a fit.

Callbacks are set with ``estimator.set_callbacks(...)``, as scikit-learn's own are, and
work for every skmix estimator that learns. ``sklearn.callback`` is experimental; skmix
uses it in this file and in `skmix._loop` only.
"""

from __future__ import annotations

import os
import tempfile
import time
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.callback import CallbackContext, ProgressBar

from ._compat import Interval, validate_params
from .exceptions import CheckpointError

if TYPE_CHECKING:
    from sklearn.base import BaseEstimator

__all__ = ["Checkpoint", "EarlyStopping", "History", "ProgressBar", "TimeBudget"]


class _Callback:
    """A callback that needs no preparation and sees the end of each iteration."""

    def setup(self, estimator: BaseEstimator, context: CallbackContext) -> None:
        """Prepare for a fit."""

    def teardown(self, estimator: BaseEstimator, context: CallbackContext) -> None:
        """Clean up after a fit."""

    def on_fit_task_begin(
        self, estimator: BaseEstimator, context: CallbackContext
    ) -> None:
        """Nothing to do before an iteration."""


class EarlyStopping(_Callback):
    """Stop a learner whose objective no longer falls.

    Parameters
    ----------
    n_iter_no_change : int, default=20
        Number of iterations without improvement after which the learner stops, counted
        once the average is one of as many objectives as it is of in the end.

    tol : float, default=1e-4
        By how much the moving average of the objective must fall to count.

    Examples
    --------
    >>> from skmix.callbacks import EarlyStopping
    >>> from skmix.regression import MixRLResampler
    >>> resampler = MixRLResampler(random_state=0)
    >>> _ = resampler.set_callbacks(EarlyStopping(n_iter_no_change=5))
    """

    @validate_params(
        {
            "n_iter_no_change": [Interval(Integral, 1, None, closed="left")],
            "tol": [Interval(Real, 0, None, closed="left")],
        },
        prefer_skip_nested_validation=True,
    )
    def __init__(self, *, n_iter_no_change: int = 20, tol: float = 1e-4) -> None:
        self.n_iter_no_change = n_iter_no_change
        self.tol = tol
        self._phase: str | None = None

    def on_fit_task_end(
        self,
        estimator: BaseEstimator,
        context: CallbackContext,
        *,
        metadata: dict[str, Any] | None = None,
    ) -> bool:
        """Ask for a stop where the objective has not fallen for long enough."""
        if metadata is None:
            return False
        if metadata["phase"] != self._phase or metadata["iteration"] == 0:
            self._phase, self._best, self._since = metadata["phase"], np.inf, 0
        # An average of fewer objectives may be low by luck, and is no mark to beat.
        if not metadata["full_average"]:
            return False
        if metadata["moving_average"] < self._best - self.tol:
            self._best, self._since = metadata["moving_average"], 0
        else:
            self._since += 1
        return self._since >= self.n_iter_no_change


class TimeBudget(_Callback):
    """Stop a fit when its time is up; what was learned so far is kept.

    Parameters
    ----------
    seconds : float
        Wall-clock time, counted from the beginning of the fit.

    Notes
    -----
    The parameter ``max_time`` of an estimator does the same, and shares its time out
    among the phases of the fit; this one simply stops each phase that is still running.

    Examples
    --------
    >>> from skmix.callbacks import TimeBudget
    >>> from skmix.regression import MixRLResampler
    >>> _ = MixRLResampler(random_state=0).set_callbacks(TimeBudget(seconds=30))
    """

    @validate_params(
        {"seconds": [Interval(Real, 0, None, closed="neither")]},
        prefer_skip_nested_validation=True,
    )
    def __init__(self, seconds: float) -> None:
        self.seconds = seconds

    def setup(self, estimator: BaseEstimator, context: CallbackContext) -> None:
        """Start the clock."""
        self._end = time.monotonic() + self.seconds

    def on_fit_task_end(
        self, estimator: BaseEstimator, context: CallbackContext
    ) -> bool:
        """Ask for a stop once the time is up."""
        return time.monotonic() >= self._end


class History(_Callback):
    """Collect what every iteration of every fit reports.

    An estimator's ``history_`` tells of its last fit; this callback goes on through all
    the fits that it is set for, for example those of a grid search in one process.

    Attributes
    ----------
    records : list of dict
        One entry to an iteration: ``estimator``, ``phase``, ``iteration``,
        ``objective``, ``moving_average`` and what else the learner reports.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import Ridge
    >>> from skmix.callbacks import History
    >>> from skmix.regression import MixRLResampler
    >>> rng = np.random.RandomState(0)
    >>> X = rng.normal(size=(40, 3))
    >>> history = History()
    >>> resampler = MixRLResampler(Ridge(), random_state=0)
    >>> _ = resampler.set_callbacks(history).fit(X, X[:, 0] ** 2)
    >>> [record["phase"] for record in history.records]
    ['candidates', 'candidates']
    """

    def __init__(self) -> None:
        self.records: list[dict[str, Any]] = []

    def on_fit_task_end(
        self,
        estimator: BaseEstimator,
        context: CallbackContext,
        *,
        metadata: dict[str, Any] | None = None,
    ) -> None:
        """Append what the iteration reports."""
        if metadata is not None:
            self.records.append({"estimator": context.estimator_name, **metadata})


class Checkpoint(_Callback):
    """Save the state of a fit to a file, and go on from there in the next one.

    Parameters
    ----------
    path : str or path
        File to write, replaced whole at each save (NumPy's ``.npz``, no pickles). If
        it is there when a fit begins, the fit goes on from it.

    every : int, default=10
        Number of iterations between saves. The end of a phase is always saved.

    Raises
    ------
    CheckpointError
        When a fit begins and the file comes from other data or other parameters.

    Notes
    -----
    A fit that goes on ends with the same arrays as one that was never interrupted, on
    the same device. It needs an integer ``random_state``. The file is left where it is:
    delete it to begin anew. One file is for one fit, so that a grid search cannot share
    it among its fits.

    Examples
    --------
    >>> import tempfile, pathlib
    >>> from skmix.callbacks import Checkpoint
    >>> from skmix.regression import MixRLResampler
    >>> path = pathlib.Path(tempfile.mkdtemp()) / "fit.npz"
    >>> _ = MixRLResampler(random_state=0).set_callbacks(Checkpoint(path))
    """

    @validate_params(
        {
            "path": [str, os.PathLike],
            "every": [Interval(Integral, 1, None, closed="left")],
        },
        prefer_skip_nested_validation=True,
    )
    def __init__(self, path: str | os.PathLike[str], *, every: int = 10) -> None:
        self.path = path
        self.every = every

    def on_fit_task_end(
        self, estimator: BaseEstimator, context: CallbackContext
    ) -> None:
        """Nothing to do here: the loop saves, as only it knows the learner."""

    def load(self, fingerprint: str) -> dict[str, dict[str, NDArray]]:
        """Load what was saved; the loop of a fit calls this.

        Parameters
        ----------
        fingerprint : str
            Hash of the data and parameters of the fit.

        Returns
        -------
        phases : dict
            State of each phase; empty where there is no file.

        Raises
        ------
        CheckpointError
            If the file was saved by a fit with another fingerprint.
        """
        if not Path(self.path).exists():
            return {}
        with np.load(self.path, allow_pickle=False) as file:
            if str(file["fingerprint"]) != fingerprint:
                raise CheckpointError(
                    f"{os.fspath(self.path)} was saved by a fit on other data, with "
                    "other parameters or another random_state (None never repeats). "
                    "Pass those again, or another path, or delete the file to begin "
                    "anew."
                )
            phases: dict[str, dict[str, NDArray]] = {}
            for key in file.files:
                phase, slash, name = key.partition("/")
                if slash:
                    phases.setdefault(phase, {})[name] = file[key]
        return phases

    def save(self, fingerprint: str, phases: dict[str, dict[str, NDArray]]) -> None:
        """Write the file in one step, so that it is old or new, and whole.

        Parameters
        ----------
        fingerprint : str
            Hash of the data and parameters of the fit.

        phases : dict
            State of each phase: arrays by name.
        """
        arrays: dict[str, Any] = {
            f"{phase}/{name}": array
            for phase, state in phases.items()
            for name, array in state.items()
        }
        path = Path(self.path)
        descriptor, temporary = tempfile.mkstemp(dir=path.parent, suffix=".npz")
        with os.fdopen(descriptor, "wb") as file:
            np.savez(file, fingerprint=np.array(fingerprint), **arrays)
        os.replace(temporary, path)
