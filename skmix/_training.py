"""Training estimators that are not ours: seeds, Ctrl-C, and several at a time."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from joblib import effective_n_jobs
from sklearn.base import BaseEstimator
from sklearn.utils.parallel import Parallel

from .exceptions import SharedDeviceWarning, warn_user


def seeded(model: BaseEstimator, estimator: BaseEstimator, seed: int) -> BaseEstimator:
    """Copy a model of an estimator, with a seed wherever the estimator has none."""
    free = [
        name
        for name, value in estimator.get_params().items()
        if name.split("__")[-1] == "random_state" and value is None
    ]
    return deepcopy(model).set_params(**dict.fromkeys(free, seed))


@contextmanager
def torch_seeded(seed: int) -> Iterator[None]:
    """Seed torch, where it is in use, for an estimator that draws on its own state.

    Such are the nets of skorch. Afterwards the state is as it was.
    """
    if "torch" not in sys.modules:
        yield
        return
    from ._torch.random import own_random_state

    with own_random_state(seed):
        yield


@contextmanager
def interrupts_raised() -> Iterator[None]:
    """Raise a Ctrl-C at the end, if an estimator that is trained inside has caught it.

    Networks do, here and in scikit-learn, and return what they have: what is half
    trained must not be compared with what is not, and nobody around would stop.
    """
    before = signal.getsignal(signal.SIGINT)
    # Only the main thread may look after signals.
    main = threading.current_thread() is threading.main_thread()
    if not main or not callable(before):
        yield
        return
    noted = []

    def note(number: int, frame: Any) -> None:
        noted.append(number)
        before(number, frame)

    signal.signal(signal.SIGINT, note)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if noted:
        raise KeyboardInterrupt


def fits_at_a_time(n_jobs: int | None, *estimators: Any, verbose: int = 0) -> Parallel:
    """Make what runs fits in parallel; warn where these would share a GPU.

    Parameters
    ----------
    n_jobs : int or None
        Number of fits at a time.

    *estimators : estimator
        What they fit.

    verbose : int, default=0
        How much joblib reports on the way.

    Returns
    -------
    parallel : Parallel
        It calls what it is given.

    Warns
    -----
    SharedDeviceWarning
        If there is more than one fit at a time, and an estimator, or one inside it, has
        a parameter ``device`` that means a GPU.
    """
    shared = []
    if effective_n_jobs(n_jobs) > 1:
        shared = [type(one).__name__ for one in estimators if _uses_gpu(one)]
    if shared:
        warn_user(
            f"n_jobs={n_jobs} lets several fits at a time share one GPU, as "
            f"{shared[0]} uses it: they wait for each other, and each needs memory of "
            "its own there. Set n_jobs=1, or device='cpu' in that estimator.",
            SharedDeviceWarning,
        )
    return Parallel(n_jobs=n_jobs, verbose=verbose)


def _uses_gpu(estimator: BaseEstimator) -> bool:
    """Whether an estimator, or one inside it, has a GPU for its ``device``."""
    devices = {
        value
        for name, value in estimator.get_params().items()
        if name.split("__")[-1] == "device" and isinstance(value, str)
    } - {"cpu"}
    if not devices:
        return False
    from ._torch.device import is_gpu  # imports torch

    return any(map(is_gpu, devices))
