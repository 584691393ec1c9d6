import re

import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator
from sklearn.linear_model import Ridge

from skmix._validation import check_counts, read_class_y
from skmix.compose import ResampledRegressor
from skmix.regression import CMixupResampler, MixRLResampler, MixupResampler

X = np.arange(8.0).reshape(4, 2)
y = [1.0, 2.0, 4.0, 8.0]
NAMED = pd.DataFrame(X, columns=["size", "age"])
NAN = np.where(X == 3, np.nan, X)
INFINITE = np.where(X == 3, -np.inf, X)
DATES = pd.date_range("2020-01-01", periods=4)
TEXT = NAMED.assign(age=["old", "1", "2", "3"])


def assert_refused(parts, resampler, *arguments, **metadata):
    """The message names the place, the rule, the value and the remedy."""
    with pytest.raises(ValueError, match=re.escape(parts[0])) as refusal:
        resampler.fit(*arguments, **metadata)
    for part in parts[1:]:
        assert part in str(refusal.value)


@pytest.mark.parametrize(
    ("bad", "parts"),
    [
        pytest.param(X[:1], ["1 sample", "minimum of 2", "Mixup"], id="row"),
        pytest.param(NAMED[:1], ["1 sample", "minimum of 2", "Mixup"], id="row-frame"),
        pytest.param(X[:, :0], ["0 feature(s)", "minimum of 1"], id="no-column"),
        pytest.param(NAMED[[]], ["0 feature(s)", "minimum of 1"], id="no-column-frame"),
        pytest.param(NAN, ["NaN", "column 1", "1 of 4 rows", "impute"], id="nan"),
        pytest.param(
            pl.DataFrame({"size": y, "age": [1, None, None, 4]}),
            ["NaN", "column 'age'", "2 of 4 rows", "impute"],
            id="null",
        ),
        pytest.param(
            NAMED.assign(age=pd.array([1, None, None, 4], dtype="Int64")),
            ["NaN", "column 'age'", "2 of 4 rows", "impute"],
            id="NA",
        ),
        pytest.param(
            INFINITE, ["infinity", "column 1", "1 of 4 rows", "impute"], id="infinity"
        ),
        pytest.param(
            NAMED.assign(age=1e200),
            ["too large", "column 'age' has 1e+200", "1e+145", "Scale"],
            id="large",
        ),
        pytest.param(
            NAMED.assign(age=DATES),
            ["column 'age'", "Datetime", "numbers", "categorical_features"],
            id="dates",
        ),
        pytest.param(
            NAMED.assign(age=pd.Series([1, "b", 2, 3], dtype=object)),
            ["column 'age'", "Object", "numbers", "categorical_features"],
            id="objects",
        ),
        pytest.param(
            TEXT.to_numpy(dtype=object),
            ["X holds text", "'old'", "categorical_features"],
            id="text",
        ),
        pytest.param(
            TEXT.to_numpy().tolist(),
            ["X holds text", "'old'", "categorical_features"],
            id="text-list",
        ),
        pytest.param(
            pd.DataFrame(X, columns=["age", "age"]), ["unique", "'age'"], id="twice"
        ),
        pytest.param(X[:, 0], ["Expected 2D array", "reshape(-1, 1)"], id="1d"),
        pytest.param(NAMED["age"], ["Expected", "Series"], id="series"),
        pytest.param(X[None], ["dim 3"], id="3d"),
    ],
)
def test_rows_that_cannot_be_mixed(bad, parts):
    assert_refused(parts, MixupResampler(), bad, y[: len(bad)])


def test_text_where_other_columns_are_named_as_categories():
    resampler = MixupResampler(categorical_features=[0])
    parts = ["X holds text", "'old'", "categorical_features"]
    assert_refused(parts, resampler, TEXT.to_numpy(dtype=object), y)


def test_sparse_rows():
    with pytest.raises(TypeError, match="Sparse data was passed"):
        MixupResampler().fit(csr_array(X), y)


@pytest.mark.parametrize(
    ("bad", "parts"),
    [
        pytest.param(None, ["requires y", "None"], id="none"),
        pytest.param(y[:3], ["X has 4 rows", "y has 3", "one label"], id="short"),
        pytest.param(list("abcd"), ["y must hold numbers", "'a'", "class"], id="text"),
        pytest.param(list("1234"), ["y must hold numbers", "class"], id="digits"),
        pytest.param(
            pl.Series(list("abcd")), ["y must hold numbers", "'a'"], id="text-series"
        ),
        pytest.param(pd.Series(DATES), ["y must hold numbers", "datetime"], id="dates"),
        pytest.param([1, np.nan, 2, 3], ["y", "NaN"], id="nan"),
        pytest.param(pd.Series([1, None, 2, 3], dtype="Int64"), ["y", "NaN"], id="NA"),
        pytest.param([1, np.inf, 2, 3], ["y", "infinity"], id="infinity"),
        pytest.param(
            np.zeros((4, 1, 2)), ["y must have shape (n,)", "(4, 1, 2)"], id="3d"
        ),
    ],
)
def test_labels_that_cannot_be_mixed(bad, parts):
    assert_refused(parts, MixupResampler(), X, bad)


@pytest.mark.parametrize(
    ("bad", "message"),
    [
        (np.linspace(0, 1, 4), "Unknown label type: continuous"),
        ([[1, 1], [0, 1], [1, 0], [1, 1]], "[Mm]ultilabel"),
        (["a", "b", "a"], "X has 4 rows and y has 3"),
        (None, "requires y"),
        (pd.Series(["a", None, "b", "a"]), "y .*(NaN|missing)"),
        (pl.Series(["a", None, "b", "a"]), "y .*(NaN|missing)"),
        (pd.Series([0, None, 1, 0], dtype="Int64"), "y .*(NaN|missing)"),
    ],
)
def test_labels_that_are_no_classes(bad, message):
    with pytest.raises(ValueError, match=message):
        read_class_y(bad, 4)


@pytest.mark.parametrize(
    ("metadata", "parts"),
    [
        ({"X_val": X}, ["X_val was passed without y_val", "both"]),
        ({"y_val": y}, ["y_val was passed without X_val", "both"]),
        ({"groups": [1, 1, 2]}, ["inconsistent", "[3, 4]"]),
        ({"groups": ["a", None, "b", "a"]}, ["groups contains", "missing", "own"]),
        ({"groups": [1, np.nan, 2, 3]}, ["groups contains NaN", "own"]),
        (
            {"X_val": NAMED[:3], "y_val": y},
            ["X has 3 rows", "y_val has 4", "one label"],
        ),
        ({"X_val": NAMED, "y_val": [1, 2, 3, np.nan]}, ["y_val", "NaN"]),
        ({"X_val": NAMED, "y_val": list("abcd")}, ["y_val must hold numbers"]),
        (
            {"X_val": NAMED.replace(3, np.nan), "y_val": y},
            ["X_val contains NaN", "column 'age'"],
        ),
        ({"X_val": NAMED[["age"]], "y_val": y}, ["feature names", "missing", "size"]),
        (
            {"X_val": NAMED.rename(columns={"age": "years"}), "y_val": y},
            ["unseen", "years", "missing", "age"],
        ),
        ({"X_val": NAMED[["age", "size"]], "y_val": y}, ["same order"]),
        (
            {"X_val": NAMED.assign(age=DATES), "y_val": y},
            ["column 'age' of X_val", "Datetime"],
        ),
    ],
)
def test_held_out_rows_and_groups(metadata, parts):
    assert_refused(parts, MixupResampler(), NAMED, y, **metadata)


def test_held_out_labels_have_as_many_targets():
    metadata = {"X_val": X, "y_val": np.ones((4, 2))}
    assert_refused(["y_val", "2", "1"], MixupResampler(), X, y, **metadata)


def test_held_out_array_with_other_columns():
    metadata = {"X_val": X[:, :1], "y_val": y}
    parts = ["1 features", "MixupResampler is expecting 2"]
    assert_refused(parts, MixupResampler(), X, y, **metadata)


@pytest.mark.parametrize("rows", [NAMED, NAMED.assign(age=list("abcd"))])
def test_held_out_columns_of_another_kind(rows):
    # In the second case as many columns hold text, but not the same ones.
    metadata = {"X_val": NAMED.assign(size=list("abcd")), "y_val": y}
    assert_refused(["'size'", "X_val"], MixupResampler(), rows, y, **metadata)


@pytest.mark.parametrize("rows", [X, NAMED, pl.from_pandas(NAMED)])
def test_one_held_out_row_is_enough(rows):
    fitted = MixupResampler().fit(rows, y, X_val=rows[:1], y_val=y[:1])
    assert fitted.n_features_in_ == 2


@pytest.mark.parametrize(
    ("rows", "categorical_features", "parts"),
    [
        (X, [2], ["categorical_features", "[2]", "columns 0 to 1"]),
        (X, [-1], ["categorical_features", "[-1]", "columns 0 to 1"]),
        (X, [True], ["categorical_features", "mask of 1", "2 columns"]),
        (X, ["age"], ["categorical_features", "'age'", "no names"]),
        (NAMED, ["age", "sex"], ["categorical_features", "['sex']", "'size'"]),
        (X, [0.5], ["categorical_features", "0.5"]),
        (X, [[0], [1]], ["categorical_features", "list"]),
        (X, "age", ["categorical_features", "from_dtype", "'age'"]),
        (X, 0, ["categorical_features", "array-like", "0"]),
        (X, None, ["categorical_features", "array-like", "None"]),
    ],
)
@pytest.mark.parametrize("resampler", [MixupResampler(), MixRLResampler(Ridge())])
def test_categorical_features(resampler, rows, categorical_features, parts):
    resampler.set_params(categorical_features=categorical_features)
    assert_refused(parts, resampler, rows, y)


@pytest.mark.parametrize(
    ("resampler", "parts"),
    [
        (MixupResampler(amount=-1), ["'amount'", "[0.0, inf)", "-1"]),
        (MixupResampler(mix_ratio=1.0), ["'mix_ratio'", "'beta'", "(0.0, 1.0)", "1.0"]),
        (MixupResampler(mix_ratio="gamma"), ["'mix_ratio'", "'beta'", "'gamma'"]),
        (MixupResampler(alpha=0), ["'alpha'", "(0.0, inf)", "0"]),
        (CMixupResampler(bandwidth=-0.5), ["'bandwidth'", "(0.0, inf)", "-0.5"]),
        (MixupResampler(random_state="seed"), ["'random_state'", "'seed'"]),
        (MixRLResampler(threshold=1.5), ["'threshold'", "[0.0, 1.0]", "1.5"]),
        (MixRLResampler(max_time=0), ["'max_time'", "(0.0, inf)", "0"]),
        (MixRLResampler(cv=1), ["'cv'", "[2, inf)", "1"]),
        (MixRLResampler(object()), ["'estimator'", "'fit' and 'predict'"]),
        (ResampledRegressor(resampler=Ridge()), ["'resampler'", "'fit_resample'"]),
        (ResampledRegressor(BaseEstimator()), ["'estimator'", "'fit' and 'predict'"]),
    ],
)
def test_parameters(resampler, parts):
    assert_refused(parts, resampler, X, y)


@pytest.mark.parametrize("device", ["gpu", "cuda:", "cuda:a", "cpu:0", "mps:1", ""])
def test_device_names(device):
    parts = ["device must be 'auto', 'cpu', 'cuda'", repr(device), "'auto' takes"]
    assert_refused(parts, MixRLResampler(Ridge(), device=device), X, y)


@pytest.mark.parametrize(
    "name", ["data_neighbors", "label_neighbors", "candidate_neighbors"]
)
@pytest.mark.parametrize(
    ("counts", "parts"),
    [
        ([1, 0], ["at least 1", "got 0", "do not list it"]),
        ([-3], ["at least 1", "got -3"]),
        ([1.5], ["whole numbers", "[1.5]"]),
        (["two"], ["whole numbers", "two"]),
        ([True], ["whole numbers", "True"]),
        ([[1, 2]], ["list", "[[1, 2]]"]),
        ([], ["is empty", "list the numbers"]),
    ],
)
def test_neighbor_lists(name, counts, parts):
    assert_refused([name, *parts], MixRLResampler(Ridge(), **{name: counts}), X, y)


@pytest.mark.parametrize(
    ("counts", "expected"),
    [([4, 2, 4], [2, 4]), ((1,), [1]), (np.array([3, 1]), [1, 3])],
)
def test_neighbor_lists_are_sorted_without_repeats(counts, expected):
    assert check_counts(counts, "data_neighbors") == expected
