"""What comes in goes out: lists, arrays, pandas and polars, for X and for y.

A container keeps the data as the user passed them and can hand back any of their rows,
or all of them followed by new rows. A new row starts as a copy of the row that it comes
from, so that whatever skmix does not mix (text, categories, missing categories) keeps
its type, and then has its numbers replaced.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from typing import Any

import narwhals.stable.v2 as nw
import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import issparse
from scipy.sparse import vstack as sparse_vstack

# New rows are made in blocks of so many numbers, which fit a cache with what they are
# made from.
BLOCK_VALUES = 2**16


def wrap(data: Any) -> ArrayContainer | FrameContainer:
    """Wrap what the user passed in the container that fits it."""
    dependencies = nw.dependencies
    if isinstance(data, np.ndarray):
        return ArrayContainer(data)
    if dependencies.is_into_dataframe(data) or dependencies.is_into_series(data):
        return FrameContainer(data)
    return ArrayContainer(data)


def take_rows(data: Any, rows: NDArray[np.intp]) -> Any:
    """Take rows of whatever the user passed, sparse matrices included."""
    return data[rows] if issparse(data) else wrap(data).take(rows)


def with_rows(data: Any) -> Any:
    """Turn a sparse matrix into one whose rows can be taken; leave the rest."""
    if issparse(data):
        return data.tocsr()
    # Rows of several dimensions are an array, whatever they come in.
    is_deep = isinstance(data, list | tuple) and np.ndim(data) > 2
    return np.asarray(data) if is_deep else data


def wrapped_type(data: Any) -> Any:
    """What rows come in: arrays and lists are one kind, each library of frames one."""
    if issparse(data):
        return "sparse"
    container = wrap(data)
    return type(data) if isinstance(container, FrameContainer) else ArrayContainer


def stack_rows(first: Any, second: Any) -> Any:
    """Put rows behind rows of the same kind; an index of pandas is kept."""
    if issparse(first):
        return sparse_vstack([first, second], format="csr")
    wrapped = wrap(first)
    if isinstance(wrapped, FrameContainer):
        return wrapped.stack(second)
    if wrapped.is_list:
        return [*first, *second]
    return np.concatenate([wrapped.array, np.asarray(second)])


# What NumPy's kinds of dtype mean for mixing; all others are tried as numbers.
_ARRAY_KINDS = {"i": "integer", "u": "integer", "b": "category"}


class ArrayContainer:
    """A list or an array of one or two dimensions.

    Parameters
    ----------
    data : array-like of shape (n,) or (n, p)
        What the user passed.
    """

    def __init__(self, data: ArrayLike) -> None:
        self.is_list = isinstance(data, list | tuple)
        self.array = np.asarray(data)

    def __len__(self) -> int:
        return len(self.array)

    @property
    def native(self) -> NDArray:
        """What the user passed, unless it was a list."""
        return self.array

    @property
    def names(self) -> list[str]:
        """Column names for messages."""
        return [str(column) for column in range(self.width)]

    @property
    def width(self) -> int:
        """Number of columns."""
        return self._two_d().shape[1]

    @property
    def kinds(self) -> list[str]:
        """One of "float", "integer" and "category" for each column."""
        if self.array.dtype != object:
            return [_ARRAY_KINDS.get(self.array.dtype.kind, "float")] * self.width
        columns = (np.asarray(column.tolist()) for column in self._two_d().T)
        return [_ARRAY_KINDS.get(column.dtype.kind, "float") for column in columns]

    @property
    def floats(self) -> NDArray[np.floating] | None:
        """All values, without a copy, if they are float64 or float32."""
        if self.array.dtype not in (np.float64, np.float32):
            return None
        # The array itself where it can be, so that a pickle holds it once.
        return self.array if self.array.ndim == 2 else self._two_d()

    def column(self, place: int) -> NDArray:
        """Values of a column."""
        return self._two_d()[:, place]

    def take(self, rows: NDArray[np.intp]) -> Any:
        """Rows as the user would have passed them."""
        return self._out(self.array[rows])

    def derive(
        self,
        source: NDArray[np.intp],
        columns: list[int],
        values: NDArray,
        *,
        index: NDArray[np.intp] | None = None,
    ) -> Any:
        """New rows only: copies of `source` with `values` in `columns`."""
        new = self.array[source]
        self._fill(new, columns, values)
        return self._out(new)

    def extend(
        self,
        source: NDArray[np.intp],
        columns: list[int],
        values: Callable[[slice], NDArray],
        *,
        index: NDArray[np.intp] | None = None,
        taken: Mapping[int, NDArray[np.intp]] | None = None,
    ) -> Any:
        """All rows, then new ones: copies of `source` with `values` in `columns`.

        Values are asked for in blocks. What is in a column of `taken` comes from the
        rows that are named there.
        """
        n, shape = len(self.array), self.array.shape[1:]
        longer = np.empty((n + len(source), *shape), self.array.dtype)
        longer[:n] = self.array
        size = max(1, BLOCK_VALUES // max(1, int(np.prod(shape))))
        for start in range(0, len(source), size):
            rows = slice(start, start + size)
            new = self.array[source[rows]]
            self._fill(new, columns, values(rows))
            longer[n:][rows] = new
        new = self._flat(longer[n:])
        for place, others in (taken or {}).items():
            new[:, place] = self._two_d()[others, place]
        return self._out(longer)

    def _fill(self, new: NDArray, columns: list[int], values: NDArray) -> None:
        if values.size:
            self._flat(new)[:, columns] = values

    def with_floats(self) -> ArrayContainer:
        """Turn integers into float64, so that they can hold what lies between."""
        floats = copy.copy(self)
        if self.array.dtype.kind in "iub":
            floats.array = self.array.astype(np.float64)
        return floats

    def _two_d(self) -> NDArray:
        return self._flat(self.array)

    @staticmethod
    def _flat(array: NDArray) -> NDArray:
        # Without -1, which cannot be told where there are no rows.
        return array.reshape(len(array), int(np.prod(array.shape[1:])))

    def _out(self, array: NDArray) -> Any:
        return array.tolist() if self.is_list else array


class FrameContainer:
    """A data frame or a series of pandas, polars or another eager library.

    Parameters
    ----------
    data : data frame or series
        What the user passed.
    """

    def __init__(self, data: Any) -> None:
        self.passed = data
        wrapped = nw.from_native(data, eager_only=True, allow_series=True)
        self.is_series = isinstance(wrapped, nw.Series)
        # A series has no name, or any: it travels as a frame under a name of ours.
        self.series_name = wrapped.name if self.is_series else None
        self.frame = wrapped.alias("y").to_frame() if self.is_series else wrapped

    def __len__(self) -> int:
        return len(self.frame)

    @property
    def native(self) -> Any:
        """What the user passed."""
        return self.passed

    @property
    def names(self) -> list[str]:
        """Column names for messages."""
        return [repr(name) for name in self.frame.columns]

    @property
    def kinds(self) -> list[str]:
        """One of "float", "integer", "category" or the name of another dtype."""
        return [_kind(self.frame.get_column(name)) for name in self.frame.columns]

    # A frame keeps its columns apart.
    floats = None

    def column(self, place: int) -> NDArray:
        """Values of a column; missing numbers are NaN."""
        return np.asarray(self.frame.get_column(self.frame.columns[place]).to_numpy())

    def take(self, rows: NDArray[np.intp]) -> Any:
        """Rows as the user would have passed them."""
        return self._out(self.frame[rows])

    def derive(
        self,
        source: NDArray[np.intp],
        columns: list[int],
        values: NDArray,
        *,
        index: NDArray[np.intp] | None = None,
    ) -> Any:
        """New rows only: copies of `source` with `values` in `columns`.

        A pandas index carries the labels of the rows `index` (default: `source`).
        """
        return self._out(self._labelled(self._derive(source, columns, values), index))

    def extend(
        self,
        source: NDArray[np.intp],
        columns: list[int],
        values: Callable[[slice], NDArray],
        *,
        index: NDArray[np.intp] | None = None,
        taken: Mapping[int, NDArray[np.intp]] | None = None,
    ) -> Any:
        """All rows, then new ones: copies of `source` with `values` in `columns`.

        What is in a column of `taken` comes from the rows that are named there. A
        default pandas index is continued. Any other index keeps its labels, and a
        new row carries the label of the row `index` (default: `source`).
        """
        new = self._derive(source, columns, values(slice(None)), taken)
        new = self._labelled(new, index)
        return self._out(self._continued(nw.concat([self.frame, new])))

    def _labelled(
        self, new: nw.DataFrame, index: NDArray[np.intp] | None
    ) -> nw.DataFrame:
        labels = nw.maybe_get_index(self.frame)
        if labels is None or index is None:
            return new
        return nw.from_native(new.to_native().set_axis(labels[index]))

    def _continued(self, longer: nw.DataFrame) -> nw.DataFrame:
        labels = nw.maybe_get_index(self.frame)
        if labels is None or not _is_default(labels):
            return longer
        native = longer.to_native().reset_index(drop=True).rename_axis(labels.name)
        return nw.from_native(native)

    def _derive(
        self,
        source: NDArray[np.intp],
        columns: list[int],
        values: NDArray,
        taken: Mapping[int, NDArray[np.intp]] | None = None,
    ) -> nw.DataFrame:
        new = self.frame[source]
        for place, rows in (taken or {}).items():
            column = self.frame.get_column(self.frame.columns[place])[rows]
            native = column.to_native()
            if nw.dependencies.is_pandas_like_series(native):
                # Its rows are put under the index of the new ones.
                native = native.set_axis(new.to_native().index)
                column = nw.from_native(native, series_only=True)
            new = new.with_columns(column)
        for place, column in zip(columns, values.T, strict=True):
            like = self.frame.get_column(self.frame.columns[place])
            new = new.with_columns(_series_like(like, new, column))
        return new

    def stack(self, others: Any) -> Any:
        """Put other rows behind these; a default index of pandas is continued."""
        return self._out(
            self._continued(nw.concat([self.frame, FrameContainer(others).frame]))
        )

    def with_floats(self) -> FrameContainer:
        """Turn integers into float64, so that they can hold what lies between."""
        floats = copy.copy(self)
        floats.frame = self.frame.with_columns(
            self.frame.get_column(name).cast(nw.Float64)
            for name in self.frame.columns
            if _kind(self.frame.get_column(name)) == "integer"
            or self.frame.get_column(name).dtype == nw.Boolean
        )
        return floats

    def _out(self, frame: nw.DataFrame) -> Any:
        if not self.is_series:
            return frame.to_native()
        native = frame.get_column("y").to_native()
        if nw.dependencies.is_pandas_like_series(native):
            return native.rename(self.series_name)
        return frame.get_column("y").alias(self.series_name).to_native()


def _is_default(labels: Any) -> bool:
    """Whether an index of pandas only counts the rows."""
    counts = labels.nlevels == 1 and getattr(labels.dtype, "kind", "") == "i"
    return counts and np.array_equal(labels, np.arange(len(labels)))


def _kind(series: nw.Series) -> str:
    dtype = series.dtype
    if dtype.is_integer():
        return "integer"
    if dtype.is_numeric():
        return "float"
    if dtype in (nw.Boolean, nw.String, nw.Categorical, nw.Enum):
        return "category"
    # A sparse pandas column: narwhals has no name for it, NumPy does.
    native_dtype = getattr(series.to_native(), "dtype", None)
    kind = getattr(getattr(native_dtype, "subtype", None), "kind", "")
    return {"f": "float", "i": "integer", "u": "integer"}.get(kind, str(dtype))


def _series_like(column: nw.Series, rows: nw.DataFrame, values: NDArray) -> nw.Series:
    """Make a series of `values` with the name and dtype of `column`."""
    native = column.to_native()
    if nw.dependencies.is_pandas_like_series(native):
        index = rows.to_native().index
        series = type(native)(values, name=native.name, index=index)
        return nw.from_native(series.astype(native.dtype), series_only=True)
    return nw.new_series(
        column.name, values, column.dtype, backend=column.implementation
    )
