"""Kinds of columns, how each is mixed, and how rows are compared.

Numbers are interpolated. Integer columns are rounded to the nearest whole number.
Categories are never averaged: a mix takes those of its heavier parent.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.preprocessing import OneHotEncoder, StandardScaler

from ._containers import ArrayContainer, FrameContainer
from ._core.mixing import heavier_parent, interpolate

Container = ArrayContainer | FrameContainer


MAX_CATEGORIES = 64
# Below this float64 holds every whole number; beyond are identifiers, not quantities.
MAX_INTEGER = 2.0**53


@dataclass
class Columns:
    """The columns of X, read once.

    Attributes
    ----------
    numeric : list of int
        Places of the columns that hold numbers.

    is_integer : ndarray of shape (len(numeric),)
        Which of them hold whole numbers.

    values : ndarray of shape (n, len(numeric))
        Their values: the array of the user where all of it is float64 or float32, else
        a copy as float64.

    categories : ndarray of shape (n, n_categorical)
        The other columns, as text: good for comparing, not for giving back.

    kinds : list of str
        Kind of each column of X.
    """

    numeric: list[int]
    is_integer: NDArray[np.bool_]
    values: NDArray[np.floating]
    categories: NDArray[np.str_]
    kinds: list[str]

    @classmethod
    def read(cls, container: Container, kinds: Sequence[str]) -> Columns:
        """Read the columns of a container, whose kinds have been resolved."""
        numeric = [place for place, kind in enumerate(kinds) if kind != "category"]
        categorical = [place for place, kind in enumerate(kinds) if kind == "category"]
        values = container.floats
        if values is None or categorical:
            values = np.empty((len(container), len(numeric)))
            for position, place in enumerate(numeric):
                values[:, position] = container.column(place)
        text = [container.column(place).astype(str) for place in categorical]
        return cls(
            numeric=numeric,
            is_integer=np.array([kinds[place] == "integer" for place in numeric], bool),
            values=values,
            categories=(
                np.column_stack(text) if text else np.empty((len(container), 0), str)
            ),
            kinds=list(kinds),
        )

    def take(
        self, rows: NDArray[np.intp] | slice, values: NDArray | None = None
    ) -> Columns:
        """Some of the rows, whose values may be there already."""
        values = self.values[rows] if values is None else values
        return replace(self, values=values, categories=self.categories[rows])

    def mix(
        self,
        first: NDArray[np.intp],
        second: NDArray[np.intp],
        weight: NDArray[np.float64],
    ) -> tuple[NDArray[np.intp], NDArray[np.float64]]:
        """Mix pairs of rows.

        Returns
        -------
        source : ndarray of shape (m,)
            The row that each mix takes its categories from.

        values : ndarray of shape (m, len(numeric))
            Its numbers.
        """
        values = interpolate(self.values, first, second, weight)
        values[:, self.is_integer] = np.rint(values[:, self.is_integer])
        return heavier_parent(first, second, weight), values

    def extend(
        self,
        container: Container,
        source: NDArray[np.intp],
        values: Callable[[slice], NDArray[np.float64]],
        taken: Mapping[int, NDArray[np.intp]] | None = None,
    ) -> Any:
        """Put mixes behind the rows of X; identifiers are those of their source.

        Categories are, too, but for those of columns whose rows are named in `taken`.
        Values are asked for in blocks.
        """
        places, mixable = self._places, self._mixable

        def of(rows: slice) -> NDArray[np.float64]:
            block = values(rows)
            return block if mixable.all() else block[:, mixable]

        return container.extend(source, places, of, taken=taken)

    def derive(
        self,
        container: Container,
        source: NDArray[np.intp],
        values: NDArray[np.float64],
    ) -> Any:
        """Make rows of mixes alone; identifiers are those of their source."""
        return container.derive(source, self._places, values[:, self._mixable])

    @cached_property
    def _mixable(self) -> NDArray[np.bool_]:
        """Which numeric columns hold quantities."""
        mixable = ~self.is_integer
        whole = np.abs(self.values[:, self.is_integer])
        mixable[self.is_integer] = (whole < MAX_INTEGER).all(axis=0)
        return mixable

    @property
    def _places(self) -> list[int]:
        """Their places in X."""
        return np.array(self.numeric, int)[self._mixable].tolist()


class RowEncoder:
    """Coordinates in which rows are compared and models inside skmix are trained.

    Numbers are standardised, categories become indicators. Two rows that differ in a
    category are as far apart as two random rows are, on average, in a number: both
    squared distances are 2. A column has at most `MAX_CATEGORIES` indicators, which
    bounds the memory; its rarest categories are then compared as one, and still given
    back as they are.

    Parameters
    ----------
    columns : Columns
        The training rows.
    """

    def __init__(self, columns: Columns) -> None:
        self.scaler = StandardScaler().fit(columns.values) if columns.numeric else None
        self.indicators = None
        if columns.categories.shape[1]:
            self.indicators = OneHotEncoder(
                sparse_output=False,
                handle_unknown="ignore",
                max_categories=MAX_CATEGORIES,
            ).fit(columns.categories)

    def __call__(
        self,
        columns: Columns,
        source: NDArray[np.intp] | None = None,
        values: NDArray[np.float64] | None = None,
    ) -> NDArray[np.float64]:
        """Encode rows, or mixes of them as :meth:`Columns.mix` gives them."""
        values = columns.values if values is None else values
        blocks: list[Any] = []
        if self.scaler is not None:
            # A copy, whatever they are, which is scaled in place.
            numbers = np.array(values, dtype=np.float64)
            blocks.append(self.scaler.transform(numbers, copy=False))
        if self.indicators is not None:
            categories = columns.categories
            if source is not None:
                categories = categories[source]
            blocks.append(self.indicators.transform(categories))
        return blocks[0] if len(blocks) == 1 else np.hstack(blocks)
