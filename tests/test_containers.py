from copy import deepcopy

import numpy as np
import pandas as pd
import polars as pl
import pytest

from skmix._containers import wrap
from skmix.regression import MixupResampler

NUMBERS = [0, 5, 9, 2]
TEXT = ["a", "b", None, "a"]
FLAGS = [True, False, None, True]


def resample(X, y, **parameters):
    """The resampler and its result; the second parent counts three quarters."""
    resampler = MixupResampler(mix_ratio=0.25, random_state=0, **parameters)
    return resampler, *resampler.fit_resample(X, y)


def mixed(values, resampler):
    """What the new rows must hold."""
    first, second = resampler.parent_indices_.T
    values = np.asarray(values, dtype=float)
    return 0.25 * values[first] + 0.75 * values[second]


def equal(one, other):
    """Whether arrays, frames or series are equal to the bit, with dtypes and index."""
    return one.equals(other) if hasattr(one, "equals") else np.array_equal(one, other)


def columns(pandas_dtypes, polars_dtypes, values):
    """The same values as columns of many dtypes."""
    made = [pd.Series(values, dtype=dtype) for dtype in pandas_dtypes]
    made += [pl.Series(values, dtype=dtype) for dtype in polars_dtypes]
    return [
        pytest.param(c, id=f"{type(c).__module__.split('.')[0]}-{c.dtype}")
        for c in made
    ]


FLOATS = columns(
    ["float32", "float64", "Float64", "double[pyarrow]", "Sparse[float]"],
    [pl.Float32, pl.Float64],
    NUMBERS,
)
INTEGERS = columns(
    ["int8", "uint8", "int64", "Int64", "int64[pyarrow]", "Sparse[int]"],
    [pl.Int8, pl.UInt8, pl.Int64],
    NUMBERS,
)
CATEGORIES = [
    *columns(
        ["category", "str", "object", "string[pyarrow]"],
        [pl.Categorical, pl.Enum(["b", "a"]), pl.String],
        TEXT,
    ),
    *columns(["boolean", "bool[pyarrow]"], [pl.Boolean], FLAGS),
    *columns(["bool"], [], [True, False, False, True]),
]


def assert_column_kept(column, expected):
    """Mix a column and a number: type, names, order, dtypes, old and new rows."""
    number = type(column)([1.0, 2.0, 4.0, 8.0])
    frame = pd.DataFrame if isinstance(column, pd.Series) else pl.DataFrame
    X = frame({"z": column, "given": column, "a": number})
    resampler, X_new, _ = resample(X, NUMBERS)
    assert type(X_new) is frame
    assert list(X_new.columns) == ["z", "given", "a"]
    assert list(X_new.dtypes) == list(X.dtypes)
    assert equal(X_new.head(4), X)
    assert len(X_new) == 8
    for name in ("z", "given"):
        expected(X_new[name].to_list()[4:], resampler)


@pytest.mark.parametrize("column", FLOATS)
def test_float_columns_are_interpolated(column):
    def expected(new, resampler):
        np.testing.assert_allclose(new, mixed(NUMBERS, resampler), rtol=1e-6)

    assert_column_kept(column, expected)


@pytest.mark.parametrize("column", INTEGERS)
def test_integer_columns_are_rounded(column):
    def expected(new, resampler):
        assert new == np.rint(mixed(NUMBERS, resampler)).tolist()

    assert_column_kept(column, expected)


@pytest.mark.parametrize("column", CATEGORIES)
def test_categories_are_those_of_the_heavier_parent(column):
    def expected(new, resampler):
        given = column.to_list()
        heavier = [given[j] for j in resampler.parent_indices_[:, 1]]
        assert list(map(str, new)) == list(map(str, heavier))

    assert_column_kept(column, expected)


@pytest.mark.parametrize("dtype", ["float32", "float64", "int8", "int64", "bool"])
def test_arrays_keep_their_dtype(dtype):
    X = np.array([[0, 5], [9, 2], [4, 0], [0, 7]], dtype=dtype)
    resampler, X_new, _ = resample(X, NUMBERS)
    assert (type(X_new), X_new.dtype) == (np.ndarray, X.dtype)
    assert np.array_equal(X_new[:4], X)
    if dtype == "bool":
        assert np.array_equal(X_new[4:], X[resampler.parent_indices_[:, 1]])
    elif X.dtype.kind == "i":
        assert np.array_equal(X_new[4:], np.rint(mixed(X, resampler)))
    else:
        np.testing.assert_allclose(X_new[4:], mixed(X, resampler), rtol=1e-6)


@pytest.mark.parametrize("X", [[[0], [5], [9], [2]], [[0.5], [5.0], [9.0], [2.0]]])
def test_lists_come_back_as_lists_of_the_same_numbers(X):
    resampler, X_new, y_new = resample(X, NUMBERS)
    assert X_new[:4] == X
    assert {type(value) for row in X_new for value in row} == {type(X[0][0])}
    assert y_new == [0.0, 5.0, 9.0, 2.0, *mixed(NUMBERS, resampler)]


def test_numbers_next_to_text_stay_numbers_in_a_list():
    X = [["a", 1.5], ["b", 2.25], ["c", 3.0], ["a", 9.0]]
    resampler, X_new, _ = resample(X, NUMBERS, categorical_features=[0])
    assert X_new[:4] == X
    new = mixed([row[1] for row in X], resampler)
    assert [row[1] for row in X_new[4:]] == pytest.approx(new)


@pytest.mark.parametrize(
    ("dtype", "promoted"),
    [
        ("float32", "float32"),
        ("float64", "float64"),
        ("int64", "float64"),
        ("uint8", "float64"),
        ("bool", "float64"),
        ("Int64", "Float64"),
        ("Float64", "Float64"),
        ("boolean", "Float64"),
        ("int64[pyarrow]", "double[pyarrow]"),
        ("double[pyarrow]", "double[pyarrow]"),
        (pl.Int8, pl.Float64),
        (pl.Boolean, pl.Float64),
        (pl.Float32, pl.Float32),
    ],
)
@pytest.mark.parametrize("name", ["label", None])
def test_label_series_keep_their_name_and_hold_what_lies_between(dtype, promoted, name):
    values = [0, 1, 0, 1]
    if isinstance(dtype, str):
        y = pd.Series(values, dtype=dtype, name=name)
    else:
        y = pl.Series(name, values).cast(dtype)
    X = np.arange(8.0).reshape(4, 2)
    resampler, X_new, y_new = resample(X, y)
    assert isinstance(X_new, np.ndarray)
    assert type(y_new) is type(y)
    assert y_new.name == y.name
    assert y_new.dtype == promoted
    new = mixed(values, resampler)
    np.testing.assert_allclose(y_new.to_list(), [*values, *new], rtol=1e-6)


@pytest.mark.parametrize("name", [0, ("a", 1), "0"])
def test_pandas_series_may_have_any_name(name):
    y = pd.Series(NUMBERS, name=name)
    assert resample(pd.DataFrame({"0": NUMBERS}), y)[2].name == name


@pytest.mark.parametrize("library", [pd, pl])
def test_label_frames(library):
    y = library.DataFrame({"whole": NUMBERS, "half": [0.5, 1.5, 2.5, 3.5]})
    resampler, _, y_new = resample(library.DataFrame({"x": NUMBERS}), y)
    assert type(y_new) is type(y)
    assert list(y_new.columns) == ["whole", "half"]
    assert np.array_equal(y_new.to_numpy()[:4], y.to_numpy())
    np.testing.assert_allclose(y_new.to_numpy()[4:], mixed(y, resampler))


@pytest.mark.parametrize("dtype", ["int16", "uint8", "bool", "float32", "float64"])
@pytest.mark.parametrize("shape", [(4,), (4, 1)])
def test_label_arrays_keep_their_shape_and_hold_what_lies_between(dtype, shape):
    y = np.array([0, 1, 0, 1]).reshape(shape).astype(dtype)
    resampler, _, y_new = resample(np.arange(8.0).reshape(4, 2), y)
    assert y_new.dtype == (dtype if dtype == "float32" else "float64")
    np.testing.assert_array_equal(y_new, np.concatenate([y, mixed(y, resampler)]))


@pytest.mark.parametrize("name", [None, "row"])
def test_default_index_is_continued(name):
    index = pd.RangeIndex(4, name=name)
    X = pd.DataFrame({"x": NUMBERS}, index=index)
    _, X_new, y_new = resample(X, pd.Series(NUMBERS, index=index))
    expected = pd.RangeIndex(8, name=name)
    pd.testing.assert_index_equal(X_new.index, expected)
    pd.testing.assert_index_equal(y_new.index, expected)


@pytest.mark.parametrize(
    "index",
    [
        pd.Index(list("pqrs"), name="row"),
        pd.RangeIndex(1, 5),
        pd.Index([0, 0, 1, 1]),
        pd.CategoricalIndex(list("pqrp")),
        pd.date_range("2020-01-01", periods=4),
        pd.period_range("2020-01", periods=4, freq="M"),
        pd.interval_range(0, 4),
        pd.MultiIndex.from_product([["p", "q"], [1, 2]], names=["a", "b"]),
    ],
    ids=lambda index: type(index).__name__,
)
def test_new_rows_carry_the_label_of_the_row_they_come_from(index):
    X = pd.DataFrame({"x": NUMBERS, "c": list("abcd")}, index=index)
    resampler, X_new, y_new = resample(X, pd.Series(NUMBERS, index=index))
    expected = index.append(index[resampler.parent_indices_[:, 1]])
    pd.testing.assert_index_equal(X_new.index, expected, exact="equiv")
    pd.testing.assert_index_equal(y_new.index, expected, exact="equiv")
    assert X_new["c"].to_list()[4:] == [
        "abcd"[j] for j in resampler.parent_indices_[:, 1]
    ]


def test_integer_column_names_are_kept():
    X = pd.DataFrame(np.arange(8.0).reshape(4, 2), columns=[3, 1])
    resampler, X_new, _ = resample(X, NUMBERS)
    assert list(X_new.columns) == [3, 1]
    np.testing.assert_allclose(X_new.to_numpy()[4:], mixed(X, resampler))
    assert not hasattr(resampler, "feature_names_in_")


@pytest.mark.parametrize("library", [pd, pl])
def test_column_names_are_those_of_the_fit(library):
    resampler, *_ = resample(library.DataFrame({"b": NUMBERS, "a": NUMBERS}), NUMBERS)
    assert resampler.feature_names_in_.tolist() == ["b", "a"]


@pytest.mark.parametrize(
    "data",
    [
        np.arange(8.0).reshape(4, 2),
        pd.DataFrame({"x": NUMBERS, "c": TEXT}, index=list("pqrs")),
        pl.DataFrame({"x": NUMBERS, "c": TEXT}),
    ],
    ids=lambda data: type(data).__module__.split(".")[0],
)
def test_what_was_passed_stays_as_it_was(data):
    before = deepcopy(data)
    resample(data, NUMBERS)
    assert equal(data, before)


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ([[1, 2], [3, 4]], [[3, 4], [3, 4]]),
        (np.array([1, 2]), np.array([2, 2])),
        (pl.Series("s", [1, 2]), pl.Series("s", [2, 2])),
        (pl.DataFrame({"a": [1, 2]}), pl.DataFrame({"a": [2, 2]})),
        (pd.Series([1, 2], name="s"), pd.Series([2, 2], index=[1, 1], name="s")),
        (pd.DataFrame({0: [1, 2]}), pd.DataFrame({0: [2, 2]}, index=[1, 1])),
    ],
    ids=lambda data: type(data).__name__,
)
def test_take_gives_rows_as_the_user_would_have_passed_them(data, expected):
    taken = wrap(data).take(np.array([1, 1]))
    assert type(taken) is type(data)
    assert equal(taken, expected)


ROWS = [[0.0, "a", 10], [1.0, "b", 11], [2.0, "c", 12]]


@pytest.mark.parametrize(
    "data",
    [
        np.array(ROWS, dtype=object),
        pd.DataFrame(ROWS, columns=list("pqr")),
        pl.DataFrame(ROWS, schema=list("pqr"), orient="row"),
    ],
    ids=["array", "pandas", "polars"],
)
def test_new_rows_are_those_of_their_source_but_for_what_is_named(monkeypatch, data):
    monkeypatch.setattr("skmix._containers.BLOCK_VALUES", 6)
    source, other = np.array([2, 0, 0, 1, 2]), np.array([1, 1, 2, 0, 0])
    values = np.arange(5.0)[:, None] / 2
    longer = wrap(data).extend(source, [0], lambda rows: values[rows], taken={1: other})
    assert type(longer) is type(data)
    expected = [
        *ROWS,
        [0.0, "b", 12],
        [0.5, "b", 10],
        [1.0, "c", 10],
        [1.5, "a", 11],
        [2.0, "a", 12],
    ]
    rows = longer.rows() if isinstance(data, pl.DataFrame) else np.asarray(longer)
    assert np.asarray(rows, dtype=object).tolist() == expected
