"""Selectors for other libraries."""

from __future__ import annotations

from typing import Any

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
