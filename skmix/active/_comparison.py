"""Strategies of active learning, each run several times on equal splits."""

from __future__ import annotations

from collections.abc import Callable
from itertools import product
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import get_scorer
from sklearn.model_selection import StratifiedGroupKFold, StratifiedShuffleSplit
from sklearn.utils import check_random_state
from sklearn.utils.parallel import Parallel, delayed

from .._arms import check_methods, name_all
from .._compat import HasMethods, Interval, num_samples, validate_params
from .._containers import take_rows, with_rows
from .._random import draw_seed
from .._scoring import of_all_classes
from .._training import interrupts_raised
from .._validation import check_groups
from ..exceptions import warn_user
from ._labels import is_missing, read_partial_y
from ._loop import ActiveLearningLoop
from ._selector import LADASelector
from ._sets import Random
from ._verdict import CONTROL, History, SelectorComparison

COLUMNS = ("n_labels", "score", "utility", "agreement", "query_time", "fit_time")


@validate_params(
    {
        "estimator": [HasMethods(["fit"]), None],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "budget": [Interval(Integral, 1, None, closed="left"), None],
        "n_initial": [Interval(Integral, 1, None, closed="left")],
        "n_repeats": [Interval(Integral, 1, None, closed="left")],
        "test_size": [Interval(Real, 0, 1, closed="neither")],
        "scoring": [str, callable, None],
        "random_state": ["random_state"],
    },
    prefer_skip_nested_validation=False,
)
def compare_selectors(
    selectors: Any,
    X: Any,
    y: Any,
    *,
    estimator: Any = None,
    batch_size: int = 10,
    budget: int | None = None,
    n_initial: int = 2,
    n_repeats: int = 10,
    test_size: float = 0.3,
    groups: ArrayLike | None = None,
    scoring: str | Callable | None = None,
    n_jobs: int | None = None,
    verbose: int = 0,
    random_state: int | RandomState | None = None,
) -> SelectorComparison:
    """Compare strategies of active learning with each other and with random choice.

    Each repeat splits the rows into a pool and test rows, and draws first labels; then
    every strategy runs on these, from one seed, in a loop of its own. What is asked for
    is answered from `y`.

    Parameters
    ----------
    selectors : selector, list of selectors or dict of name to selector
        Whatever :class:`ActiveLearningLoop` takes: :class:`LADASelector`, and the
        strategies of scikit-activeml. Random choice is always compared, too; it comes
        first and is named "random". A selector of that name, or else a
        :class:`LADASelector` that chooses at random and mixes nothing, stands for it.

    X : {array-like, data frame, sparse matrix} of shape (n, ...)
        Rows.

    y : array-like of shape (n,)
        Class labels, of all rows.

    estimator : classifier, default=None
        What is trained by all strategies. None takes that of each selector, and for
        random choice that of the first.

    batch_size : int, default=10
        Number of rows to ask for in a round.

    budget : int, default=None
        Number of labels to ask for in all; None until the pool is used up.

    n_initial : int, default=2
        Number of rows of each class that have a label from the start.

    n_repeats : int, default=10
        Number of splits.

    test_size : float, default=0.3
        Share of the rows on which the classifier is scored after each round; nothing
        else looks at them. With `groups` it is 1 / k for the nearest whole number k of
        at least 2.

    groups : array-like of shape (n,), default=None
        Rows of one group are never on both sides of a split.

    scoring : str or callable, default=None
        Scorer of scikit-learn, greater is better; None takes the ``score`` of the
        classifier, which mostly is the accuracy.

    n_jobs : int, default=None
        Number of runs at a time; -1 uses all processors. Only times depend on it.

    verbose : int, default=0
        How much joblib reports on the way; 0 is silent.

    random_state : int, RandomState or None, default=None
        Randomness of the splits and first labels, and of every `random_state` parameter
        that is None in an estimator or a selector. Other values are kept.

    Returns
    -------
    comparison : SelectorComparison
        Histories, areas under the learning curves, and a verdict.

    Raises
    ------
    TypeError
        If something passed is no selector.

    ValueError
        If a row has no label, a pool has too few rows of a class, there is nothing to
        train, a scorer is unknown, or every run failed.

    Warns
    -----
    FitFailedWarning
        If some runs failed; what they would have achieved is NaN.

    See Also
    --------
    ActiveLearningLoop : A single run.
    skmix.plotting.LearningCurveDisplay : Draws the histories.
    skmix.compare_resamplers : Compares ways to mix rows that all have labels.

    Notes
    -----
    A strategy is all that a selector does: where it also makes rows to train with, as
    :class:`LADASelector` does for forests and networks, these are part of the
    difference.

    Runs are tasks of joblib: inside ``joblib.parallel_config(backend="dask")`` they
    take place on a cluster. All tasks are given the same X, so that it is sent, or
    mapped to memory, once; each copies the rows of its pool and its test rows.

    Networks of torch draw on one random state of a process. For equal results where
    they are trained, no two runs may share a process at a time: use no threads of
    joblib, and workers of dask with one thread.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skmix.active import LADASelector, compare_selectors
    >>> X, y = load_iris(return_X_y=True)
    >>> comparison = compare_selectors(
    ...     {"margin": LADASelector(augmentation=None, diversity=None)},
    ...     X,
    ...     y,
    ...     estimator=LogisticRegression(max_iter=500),
    ...     batch_size=3,
    ...     budget=12,
    ...     n_repeats=5,
    ...     random_state=0,
    ... )
    >>> comparison.histories_["margin"][0]["n_labels"]
    [6, 9, 12, 15, 18]
    >>> comparison.area_["random"].shape
    (5,)
    """
    selectors = _random_first(name_all(selectors))
    for name, selector in selectors.items():
        if estimator is None and not isinstance(selector, LADASelector):
            raise ValueError(
                f"estimator is missing, and the selector {name!r} has none: pass a "
                "classifier."
            )
    if isinstance(scoring, str):
        get_scorer(scoring)
    # Backends send an array once, a list with every task.
    X = np.asarray(X) if isinstance(X, list | tuple) else with_rows(X)
    y = _read_truth(y, num_samples(X), selectors)
    groups = check_groups(groups, len(y))
    rng = check_random_state(random_state)
    seeds = [draw_seed(rng) for _ in range(n_repeats)]
    # Tasks split anew, as a seed is all that has to travel: here it shows in time
    # whether they can.
    for seed in seeds:
        split_rows(y, groups, test_size, n_initial, seed)
    runs = Parallel(n_jobs=n_jobs, verbose=verbose)(
        delayed(_run)(
            X,
            y,
            groups,
            ActiveLearningLoop(
                selector,
                estimator,
                batch_size=batch_size,
                budget=budget,
                scoring=of_all_classes(scoring),
                random_state=seed,
            ),
            test_size,
            n_initial,
        )
        for selector, seed in product(selectors.values(), seeds)
    )
    errors = [error for _, error in runs]
    if all(errors):
        raise ValueError(f"All {len(runs)} runs failed. The first: {errors[0]}")
    histories = {}
    for place, name in enumerate(selectors):
        own = slice(place * n_repeats, (place + 1) * n_repeats)
        histories[name] = [history for history, _ in runs[own]]
        _warn_of_failures(name, errors[own])
    return SelectorComparison(histories_=histories)


def split_rows(
    y: NDArray,
    groups: NDArray | None,
    test_size: float,
    n_initial: int,
    seed: int,
) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.intp]]:
    """Rows of the pool, rows to test on, and places in the pool of the first labels."""
    # Other draws than those of the loop with this seed.
    rng = RandomState([seed, 0])
    splitter: Any
    if groups is None:
        splitter = StratifiedShuffleSplit(1, test_size=test_size, random_state=rng)
    else:
        n_folds = max(2, round(1 / test_size))
        splitter = StratifiedGroupKFold(n_folds, shuffle=True, random_state=rng)
    pool, test = next(splitter.split(y, y, groups))
    first = []
    for label in np.unique(y):
        places = np.flatnonzero(y[pool] == label)
        if len(places) < n_initial:
            raise ValueError(
                f"A pool has {len(places)} rows of class {label.item()!r}, and "
                f"n_initial={n_initial} of each class are labelled at the start: set "
                "n_initial or test_size lower, or leave out rows of rare classes."
            )
        first.append(rng.choice(places, n_initial, replace=False))
    return pool, test, np.concatenate(first)


def _run(
    X: Any,
    y: NDArray,
    groups: NDArray | None,
    loop: ActiveLearningLoop,
    test_size: float,
    n_initial: int,
) -> tuple[History, str]:
    """History of a loop on the split of its seed, and the error that ended it."""
    pool, test, first = split_rows(y, groups, test_size, n_initial, loop.random_state)
    truth = y[pool]
    missing = getattr(loop.selector, "missing_label", np.nan)
    is_number = y.dtype.kind in "iuf" and isinstance(missing, Real)
    known = np.full(len(pool), missing, np.float64 if is_number else object)
    known[first] = truth[first]
    try:
        # The loop itself would take Ctrl-C for the end of its run.
        with interrupts_raised():
            loop.run(
                take_rows(X, pool),
                known,
                truth,
                X_test=take_rows(X, test),
                y_test=y[test],
            )
    except Exception as error:
        n_asked = len(pool) - len(first)
        n_asked = n_asked if loop.budget is None else min(n_asked, loop.budget)
        steps = [*range(0, n_asked, loop.batch_size), n_asked]
        history = {name: [np.nan] * len(steps) for name in COLUMNS}
        history["n_labels"] = [len(first) + step for step in steps]
        return history, repr(error)
    return loop.history_, ""


def _random_first(selectors: dict[str, Any]) -> dict[str, Any]:
    """Put random choice first, once."""
    if not selectors:
        raise ValueError("selectors is empty: pass at least one.")
    check_methods(selectors, "selector", "query")
    ours = {k: v for k, v in selectors.items() if isinstance(v, LADASelector)}
    at_random = [name for name, selector in ours.items() if _is_random(selector)]
    name = CONTROL if CONTROL in selectors or not at_random else at_random[0]
    if name in selectors:
        control = selectors[name]
    else:
        # Of the first, all that says what rows and labels are.
        control = clone(next(iter(ours.values()), LADASelector()))
        control.set_params(acquisition="random", augmentation=None)
    others = {k: v for k, v in selectors.items() if k != name}
    return {CONTROL: control, **others}


def _is_random(selector: LADASelector) -> bool:
    acquisition = selector.acquisition
    at_random = isinstance(acquisition, Random) or (
        isinstance(acquisition, str) and acquisition == "random"
    )
    return at_random and selector.augmentation is None


def _read_truth(y: Any, n_rows: int, selectors: dict[str, Any]) -> NDArray:
    """Labels as an array, none of them missing for any selector."""
    labels = read_partial_y(y, n_rows, np.nan)
    absent = ~labels.labelled
    if not absent.any():
        for selector in selectors.values():
            absent |= is_missing(labels.y, getattr(selector, "missing_label", np.nan))
    if absent.any():
        row = int(absent.argmax())
        raise ValueError(
            f"y must hold the labels of all rows, but that of row {row} is "
            f"{labels.y[[row]].tolist()[0]!r}, which stands for a missing one: leave "
            "out such rows, or set the missing_label of the selectors."
        )
    if len(labels.classes) < 2:
        raise ValueError(
            f"y must hold at least two classes, got {labels.classes.tolist()}."
        )
    return labels.of(np.arange(n_rows))


def _warn_of_failures(name: str, errors: list[str]) -> None:
    failed = [repeat for repeat, error in enumerate(errors) if error]
    if failed:
        warn_user(
            f"{name} failed in repeats {', '.join(map(str, failed))}; the scores are "
            f"NaN. The first error, in repeat {failed[0]}: {errors[failed[0]]}",
            FitFailedWarning,
        )
