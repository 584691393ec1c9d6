import numpy as np
import pandas as pd
import polars as pl
import pytest
from scipy.spatial.distance import pdist, squareform

from skmix._columns import RowEncoder
from skmix._validation import read_X
from skmix.regression import MixupResampler

MIXED = pd.DataFrame(
    {
        "whole": [2, 3, 5, 9],
        "half": [0.5, 1.0, 2.0, 4.0],
        "text": list("abca"),
        "flag": [True, False, True, True],
    }
)
ONE, OTHER = np.array([0]), np.array([1])


def read(X, **parameters):
    return read_X(MixupResampler(), X, **parameters)[1]


def test_kinds_follow_the_dtypes():
    columns = read(MIXED)
    assert columns.numeric == [0, 1]
    assert columns.is_integer.tolist() == [True, False]
    assert np.array_equal(columns.values, MIXED[["whole", "half"]])
    assert columns.categories[:, 0].tolist() == list("abca")
    assert columns.categories[:, 1].tolist() == ["True", "False", "True", "True"]


def test_flags_in_an_array_are_categories():
    assert read(np.array([[True, False], [False, True]])).numeric == []


@pytest.mark.parametrize(
    ("weight", "expected"),
    [(0.28, 3), (0.5, 2), (0.72, 1), (0.9, 0), (0.0, 4), (1.0, 0)],
)
@pytest.mark.parametrize("sign", [1, -1])
def test_whole_numbers_are_rounded_never_cut_off(weight, expected, sign):
    columns = read(np.array([[0], [4]]) * sign)
    _, values = columns.mix(ONE, OTHER, np.array([weight]))
    assert values.item() == sign * expected


def test_rounding_does_not_shift_the_mean():
    rng = np.random.RandomState(0)
    X = rng.poisson(2.88, size=(3000, 1))
    X_new, y_new = MixupResampler(random_state=0).fit_resample(X, X[:, 0])
    # The labels are mixes of the same numbers, not rounded.
    new, exact = X_new[3000:, 0], y_new[3000:]
    assert np.abs(new - exact).max() <= 0.5
    assert new.mean() == pytest.approx(exact.mean(), abs=0.03)


def test_fractions_of_a_float_column_stay():
    _, values = read(np.array([[0.0], [4.0]])).mix(ONE, OTHER, np.array([0.28]))
    assert values.item() == pytest.approx(2.88)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, np.int16])
def test_mixes_stay_within_the_bounds_of_the_data(dtype):
    rng = np.random.RandomState(0)
    X = (rng.standard_cauchy(size=(500, 3)) * 100).clip(-30000, 30000).astype(dtype)
    X_new, _ = MixupResampler(amount=4, random_state=0).fit_resample(X, X[:, 0])
    assert (X_new.max(axis=0) <= X.max(axis=0)).all()
    assert (X_new.min(axis=0) >= X.min(axis=0)).all()


def test_the_largest_integers_survive():
    # Beyond 2^53 a float64 does not hold every whole number.
    X = np.array([[2**63 - 1, 2**53 + 1]] * 3)
    X_new, _ = MixupResampler(random_state=0).fit_resample(X, [1, 2, 3])
    assert np.array_equal(X_new, X[[0] * 6])


@pytest.mark.parametrize(("weight", "parent"), [(0.49, 1), (0.5, 0), (0.51, 0)])
def test_categories_come_from_the_heavier_parent_the_first_at_a_tie(weight, parent):
    source, _ = read(MIXED).mix(ONE, OTHER, np.array([weight]))
    assert source.tolist() == [parent]


def test_codes_are_not_averaged_once_they_are_called_categories():
    X = np.array([[0.0, 1.0], [10.0, 2.0], [0.0, 3.0], [10.0, 4.0]])
    resampler = MixupResampler(categorical_features=[0], amount=5, random_state=0)
    X_new, _ = resampler.fit_resample(X, X[:, 1])
    place = resampler.mix_weights_.argmax(axis=1)
    heavier = resampler.parent_indices_[np.arange(20), place]
    assert np.array_equal(X_new[4:, 0], X[heavier, 0])
    assert not np.isin(X_new[4:, 1], X[:, 1]).all()


@pytest.mark.parametrize(
    "categorical_features",
    [["whole"], [0], np.array([0]), [True, False, False, False], pd.Index(["whole"])],
    ids=["name", "place", "array", "mask", "index"],
)
@pytest.mark.parametrize("library", [pd, pl])
def test_categorical_features_add_to_those_of_a_frame(library, categorical_features):
    X = library.DataFrame(MIXED.to_dict(orient="list"))
    columns = read(X, categorical_features=categorical_features)
    assert columns.numeric == [1]
    assert columns.categories.T.tolist() == [
        ["2", "3", "5", "9"],
        list("abca"),
        ["True", "False", "True", "True"],
    ]


@pytest.mark.parametrize("categorical_features", [[0, 2], [True, False, True]])
def test_categorical_features_of_an_object_array(categorical_features):
    X = np.array([["a", 1.5, None], ["b", 3.5, "q"]], dtype=object)
    resampler = MixupResampler(
        categorical_features=categorical_features, mix_ratio=0.25, random_state=0
    )
    X_new, _ = resampler.fit_resample(X, [0, 1])
    assert X_new[:2].tolist() == X.tolist()
    new = {0: ["b", 3.0, "q"], 1: ["a", 2.0, None]}
    assert X_new[2:].tolist() == [new[i] for i, _ in resampler.parent_indices_]


def test_numbers_written_as_text_are_not_cut_to_its_width():
    X = np.array([["a", "1"], ["b", "2"], ["c", "4"]])
    resampler = MixupResampler(categorical_features=[0], mix_ratio=0.25, random_state=0)
    X_new, _ = resampler.fit_resample(X, [0.0, 1.0, 2.0])
    first, second = np.array([1.0, 2.0, 4.0])[resampler.parent_indices_.T]
    assert (
        X_new[3:, 1].astype(float).tolist() == (0.25 * first + 0.75 * second).tolist()
    )


def test_encoded_numbers_are_standardised():
    columns = read(MIXED[["whole", "half"]])
    Z = RowEncoder(columns)(columns)
    np.testing.assert_allclose(Z.mean(axis=0), 0, atol=1e-15)
    np.testing.assert_allclose((Z**2).mean(axis=0), 1)


def test_rows_that_differ_in_categories_are_apart_by_root_two_for_each():
    X = pd.DataFrame({"c": list("abba"), "d": list("xxyy"), "n": [7.0] * 4})
    columns = read(X)
    distances = squareform(pdist(RowEncoder(columns)(columns)))
    np.testing.assert_allclose(distances[0], [0, np.sqrt(2), 2, np.sqrt(2)])


def test_encoded_mix_has_the_categories_of_its_source():
    columns = read(MIXED)
    encoder = RowEncoder(columns)
    source, values = columns.mix(ONE, OTHER, np.array([0.25]))
    Z, mix = encoder(columns), encoder(columns, source, values)
    # The whole number is rounded from 2.75 to 3, that of the second parent.
    half = 0.25 * Z[0, 1] + 0.75 * Z[1, 1]
    np.testing.assert_allclose(mix, [[Z[1, 0], half, *Z[1, 2:]]])


def test_category_that_only_held_out_rows_have_is_like_none_of_the_others():
    columns = read(MIXED[["text"]])
    unknown = read(pd.DataFrame({"text": ["zebra", "a"]}))
    assert RowEncoder(columns)(unknown).tolist() == [[0, 0, 0], [1, 0, 0]]
    MixupResampler().fit(
        MIXED, [1, 2, 3, 4], X_val=MIXED.assign(text="zebra"), y_val=[1, 2, 3, 4]
    )


@pytest.mark.parametrize("value", [0.1, 1e-300, 1e100, 0.0])
def test_constant_columns_stay_constant(value):
    X = np.column_stack([np.full(5, value), np.arange(5.0)])
    columns = read(X)
    assert np.array_equal(RowEncoder(columns)(columns)[:, 0], np.zeros(5))
    X_new, _ = MixupResampler(random_state=0).fit_resample(X, X[:, 1])
    assert np.array_equal(X_new[:, 0], np.full(10, value))
