"""The rows of one fit, and the mixes of them, between a template and its resampler."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._columns import Columns, Container, RowEncoder
from ._containers import wrap
from ._core.mixing import heavier_parent
from ._validation import read_class_y, read_regression_y


@dataclass
class ResamplingData:
    """The training rows of one fit, read once.

    Parameters
    ----------
    X, y : Container
        The rows and labels as the user passed them.

    columns : Columns
        The numbers and categories of X.

    target : ndarray of shape (n, t) or (n,)
        Labels: float64, one column to a target, for regression; class labels otherwise.

    groups : ndarray of shape (n,) or None
        Rows of one group are never on both sides of a split.

    X_val, columns_val, target_val : Container, Columns, ndarray or None
        Held-out rows that the user passed.

    Attributes
    ----------
    encoder : RowEncoder
        Turns columns, and mixes of them, into coordinates.

    Z, Z_val : ndarray of shape (n, p), (v, p)
        The rows, and the held-out rows, in these coordinates.

    Examples
    --------
    A resampler gets it as the first argument of ``_learn`` and ``_draw``; see
    :class:`BaseMixResampler`.
    """

    X: Container
    y: Container
    columns: Columns
    target: NDArray
    groups: NDArray | None = None
    X_val: Container | None = None
    columns_val: Columns | None = None
    target_val: NDArray | None = None

    def __len__(self) -> int:
        return len(self.target)

    @cached_property
    def encoder(self) -> RowEncoder:
        """Made when first asked for: some resamplers compare no rows."""
        return RowEncoder(self.columns)

    @cached_property
    def Z(self) -> NDArray[np.float64]:
        """The rows in coordinates."""
        return self.encoder(self.columns)

    @cached_property
    def Z_val(self) -> NDArray[np.float64]:
        """The held-out rows in coordinates."""
        return self.encoder(self.columns_val)

    @cached_property
    def examples(self) -> tuple[NDArray, NDArray[np.intp]]:
        """The classes, and a row of each."""
        return np.unique(self.target, return_index=True)

    @cached_property
    def y_floats(self) -> Container:
        """The labels as numbers that need not be whole."""
        return self.y.with_floats()

    def __getstate__(self) -> dict:
        """Leave out of a pickle what can be made again."""
        return {f.name: getattr(self, f.name) for f in fields(self)}

    def take(self, rows: NDArray[np.intp]) -> ResamplingData:
        """Some of the training rows, as if there were no others.

        Parameters
        ----------
        rows : ndarray of shape (m,)
            Places of the rows.

        Returns
        -------
        data : ResamplingData
            These rows, without held-out ones, in coordinates of their own.
        """
        X = wrap(self.X.take(rows))
        # What the columns read without a copy, they do so here, too.
        same = self.columns.values is self.X.floats
        return ResamplingData(
            X=X,
            y=wrap(self.y.take(rows)),
            columns=self.columns.take(rows, X.floats if same else None),
            target=self.target[rows],
            groups=None if self.groups is None else self.groups[rows],
        )

    def split(self, cv: Any, Z: NDArray) -> list[tuple[NDArray, NDArray]]:
        """Split the training rows by a splitter of the user.

        Parameters
        ----------
        cv : splitter
            What makes the folds.

        Z : ndarray of shape (n, p)
            What it is shown of the features.

        Returns
        -------
        splits : list of (train, test)
            Places of rows.

        Raises
        ------
        ValueError
            If it names rows that are not there.
        """
        n = len(self)
        splits = [
            tuple(
                np.arange(n)[np.asarray(part)]
                if np.asarray(part).dtype == bool
                else np.asarray(part, dtype=np.intp)
                for part in pair
            )
            for pair in cv.split(Z, self.target, self.groups)
        ]
        n_named = 1 + max(
            (part.max(initial=-1) for pair in splits for part in pair), default=-1
        )
        if n_named > n:
            raise ValueError(
                f"cv={cv!r} splits {n_named} rows, but only {n} are learned from. With "
                "max_samples, or inside a pipeline or grid, rows are some of those "
                "that such folds were made for: pass a number of folds, or a splitter "
                "that asks for groups=, as GroupKFold."
            )
        return splits

    def forget_held_out(self) -> None:
        """Let go of the held-out rows, from which nothing is drawn."""
        self.X_val = self.columns_val = self.target_val = None
        vars(self).pop("Z_val", None)

    def apart(self) -> tuple[Any, Any, Any, Rest]:
        """Take the data apart into what travels to other processes.

        joblib sends an argument once for all tasks, as an object that it has seen
        before, or was told to send ahead; what is inside of others goes with each task.

        Returns
        -------
        X, y, X_val : {ndarray, series, data frame} or None
            As the user passed them.

        rest : Rest
            All else; ``rest.join(X, y, X_val)`` makes the data of them again.
        """
        X_val = None if self.X_val is None else self.X_val.native
        return self.X.native, self.y.native, X_val, Rest(self)


class Rest:
    """How rows and labels have to be read, without the groups of rows.

    Parameters
    ----------
    data : ResamplingData
        The data.
    """

    def __init__(self, data: ResamplingData) -> None:
        # In the same process there is nothing to read again.
        self.data: ResamplingData | None = data
        self.kinds = data.columns.kinds
        self.target_val = data.target_val
        parts = (data.X, data.y, data.X_val)
        self.are_lists = [getattr(part, "is_list", False) for part in parts]
        self.read_y = read_regression_y if data.target.ndim == 2 else read_class_y

    def __getstate__(self) -> dict[str, Any]:
        return {**vars(self), "data": None}

    def join(self, X: Any, y: Any, X_val: Any) -> ResamplingData:
        """Make the data again."""
        if self.data is not None:
            return self.data
        rows, labels, rows_val = (
            None if part is None else wrap(part) for part in (X, y, X_val)
        )
        for part, is_list in zip((rows, labels, rows_val), self.are_lists, strict=True):
            if is_list:
                part.is_list = True
        _, target = self.read_y(y, len(rows))
        return ResamplingData(
            X=rows,
            y=labels,
            columns=Columns.read(rows, self.kinds),
            target=target,
            X_val=rows_val,
            columns_val=None if X_val is None else Columns.read(rows_val, self.kinds),
            target_val=self.target_val,
        )


@dataclass
class Mixes:
    """Which rows to mix.

    Parameters
    ----------
    first, second : ndarray of shape (m,)
        Parents of each mix.

    weight : ndarray of shape (m,)
        Share of the first parent.

    target : ndarray of shape (m, t) or (m,)
        Labels of the mixes.

    Examples
    --------
    >>> import numpy as np
    >>> from skmix.base import Mixes
    >>> one = Mixes(np.array([0]), np.array([1]), np.array([0.5]), np.array([[3.0]]))
    >>> one.target
    array([[3.]])
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    weight: NDArray[np.float64]
    target: NDArray

    @classmethod
    def none(cls, data: ResamplingData) -> Mixes:
        """No mixes at all.

        Parameters
        ----------
        data : ResamplingData
            The rows that are not mixed.

        Returns
        -------
        mixes : Mixes
            Of length 0.
        """
        rows = np.empty(0, dtype=np.intp)
        return cls(rows, rows, np.empty(0), data.target[:0])

    @classmethod
    def join(cls, parts: Sequence[Mixes]) -> Mixes:
        """Put mixes one after the other.

        Parameters
        ----------
        parts : sequence of Mixes
            At least one.

        Returns
        -------
        mixes : Mixes
            All of them.
        """
        columns = zip(*(vars(part).values() for part in parts), strict=True)
        return cls(*map(np.concatenate, columns))

    def __len__(self) -> int:
        return len(self.first)


# Makes rows of mixes, as the user would have passed them, with the rows or without.
PutTogether = Callable[..., tuple[Any, Any]]


def rows_with_numbers(
    data: ResamplingData, mixes: Mixes, *, alone: bool = False
) -> tuple[Any, Any]:
    """Make rows of mixes, whose labels are numbers, in the containers of the user.

    Parameters
    ----------
    data : ResamplingData
        The rows that are mixed.

    mixes : Mixes
        The mixes.

    alone : bool, default=False
        Whether to leave out the rows themselves, which come before the mixes.

    Returns
    -------
    X, y : {list, ndarray, series, data frame}
        Rows and labels.
    """
    # A label between two whole numbers must not be cut off; where nothing is mixed, the
    # labels go back as they came.
    y = data.y_floats if len(mixes) else data.y
    columns = list(range(mixes.target.shape[1]))
    if alone:
        source, values = data.columns.mix(mixes.first, mixes.second, mixes.weight)
        X = data.columns.derive(data.X, source, values)
        return X, y.derive(source, columns, mixes.target)
    X, source = _extend(data, mixes)
    return X, y.extend(source, columns, mixes.target.__getitem__)


def rows_with_classes(
    data: ResamplingData, mixes: Mixes, *, alone: bool = False
) -> tuple[Any, Any]:
    """Make rows of mixes, whose labels are classes; see `rows_with_numbers`."""
    # The label of a mix is copied from a row that has it, in whatever form the labels
    # came: text, categories, one-vs-all.
    classes, example = data.examples
    labelled = example[np.searchsorted(classes, mixes.target)]
    nothing = np.empty((len(mixes), 0))
    if alone:
        source, values = data.columns.mix(mixes.first, mixes.second, mixes.weight)
        X = data.columns.derive(data.X, source, values)
        return X, data.y.derive(labelled, [], nothing, index=source)
    X, source = _extend(data, mixes)
    return X, data.y.extend(labelled, [], nothing.__getitem__, index=source)


def _extend(data: ResamplingData, mixes: Mixes) -> tuple[Any, NDArray[np.intp]]:
    """The rows, then the mixes; and where each mix takes its categories from."""
    source = heavier_parent(mixes.first, mixes.second, mixes.weight)

    def values(rows: slice) -> NDArray[np.float64]:
        parents = mixes.first[rows], mixes.second[rows], mixes.weight[rows]
        return data.columns.mix(*parents)[1]

    return data.columns.extend(data.X, source, values), source
