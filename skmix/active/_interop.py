"""Our selector in other libraries, and the selectors of others in our loop."""

from __future__ import annotations

from inspect import Parameter, signature
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._containers import take_rows
from ._labels import is_missing
from ._selector import LADASelector


def as_skactiveml(selector: LADASelector) -> Any:
    """Make a query strategy of scikit-activeml of a selector.

    Most of scikit-activeml takes a selector as it is. This is for those of its tools
    that ask whether it is a ``SingleAnnotatorPoolQueryStrategy``, such as
    ``SubSamplingWrapper``.

    Parameters
    ----------
    selector : LADASelector
        The selector; the strategy has its parameters, and nothing of what it learned.

    Returns
    -------
    strategy : SingleAnnotatorPoolQueryStrategy
        The strategy, a :class:`LADASelector` in all else.

    Raises
    ------
    ImportError
        If scikit-activeml is not installed.

    TypeError
        If it is no selector.

    See Also
    --------
    LADASelector : What it is made of.

    Examples
    --------
    >>> from skmix.active import LADASelector, as_skactiveml
    >>> try:
    ...     strategy = as_skactiveml(LADASelector(random_state=0))
    ... except ImportError as error:
    ...     print(error)
    """
    if not isinstance(selector, LADASelector):
        raise TypeError(
            f"selector must be a LADASelector, got {type(selector).__name__}: pass a "
            "classifier as its estimator."
        )
    try:
        from ._skactiveml import LADAStrategy
    except ImportError as error:
        raise ImportError(
            "as_skactiveml needs scikit-activeml: pip install scikit-activeml."
        ) from error
    return LADAStrategy(**selector.get_params(deep=False))


def query_other(
    selector: Any,
    X: Any,
    y: NDArray,
    skipped: NDArray[np.intp],
    missing_label: Any,
    request: dict[str, Any],
) -> tuple[NDArray[np.intp], float]:
    """Ask a selector of somebody else, with what its ``query`` takes.

    Parameters
    ----------
    selector : selector
        With a ``query`` like that of scikit-activeml's strategies.

    X : {array-like, data frame, sparse matrix} of shape (n, ...)
        All rows.

    y : ndarray of shape (n,)
        Their labels.

    skipped : ndarray of shape (s,)
        Rows without a label that must not be chosen.

    missing_label : object
        What stands where a label is missing.

    request : dict
        Further arguments of ``query``: "clf", "fit_clf" and "batch_size".

    Returns
    -------
    rows : ndarray of shape (k,)
        Places of the chosen rows in X.

    utility : float
        Their mean utility; NaN where the selector does not tell.

    Raises
    ------
    ValueError
        If what it returns are not places of rows that could be chosen, each once.
    """
    rows, n = np.arange(len(y)), request["batch_size"]
    free = np.setdiff1d(np.flatnonzero(is_missing(y, missing_label)), skipped)
    taken = signature(selector.query).parameters
    request = {**request, "return_utilities": True, "candidates": free}
    if not len(skipped):
        del request["candidates"]
    elif "candidates" not in taken:
        # As if the skipped rows were not there.
        rows = np.setdiff1d(rows, skipped)
        X, y = take_rows(X, rows), y[rows]
    takes_all = any(p.kind == Parameter.VAR_KEYWORD for p in taken.values())
    if takes_all and "return_utilities" not in taken:
        del request["return_utilities"]
    elif not takes_all:
        request = {name: v for name, v in request.items() if name in taken}
    answer = selector.query(X, _as_numbers(y, missing_label), **request)
    utility = np.nan
    if "return_utilities" in request:
        answer, utilities = answer
        places = np.asarray(answer, dtype=np.intp)
        worth = np.asarray(utilities)[np.arange(len(places)), places]
        utility = float(np.mean(worth[:n]))
    chosen = np.asarray(answer)
    if (
        chosen.dtype.kind in "iu"
        and chosen.size
        and 0 <= chosen.min() <= chosen.max() < len(rows)
    ):
        chosen = rows[chosen][:n]
    fine = chosen.size and np.isin(chosen, free).all()
    if not fine or len(np.unique(chosen)) < len(chosen):
        raise ValueError(
            "The selector must return places of rows without a label, each once: "
            f"{type(selector).__name__} gave {answer!r}."
        )
    return chosen, utility


def _as_numbers(y: NDArray, missing_label: Any) -> NDArray:
    """Labels with NaN where there is none, unless they are text."""
    missing = is_missing(y, missing_label)
    if y.dtype != object or isinstance(missing_label, str):
        return y
    if any(isinstance(value, str) for value in y[~missing]) or missing_label is None:
        return y
    numbers = np.full(len(y), missing_label, dtype=np.float64)
    numbers[~missing] = y[~missing]
    return numbers
