"""Training estimators that are not ours: their seeds, and Ctrl-C while they train."""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from typing import Any

from sklearn.base import BaseEstimator


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
