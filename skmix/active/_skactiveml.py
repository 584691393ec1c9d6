"""A selector as a query strategy of scikit-activeml, which this file imports."""

from __future__ import annotations

from skactiveml.base import SingleAnnotatorPoolQueryStrategy

from ._selector import LADASelector


class LADAStrategy(LADASelector, SingleAnnotatorPoolQueryStrategy):
    """A selector that scikit-activeml takes for one of its own.

    Its ``query`` has the signature of scikit-activeml as it is; some of its tools also
    ask for the class.
    """
