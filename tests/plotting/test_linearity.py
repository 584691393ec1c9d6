"""Errors of mixes by distance, where the pairs are all there are and known."""

import sys
from itertools import combinations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from matplotlib.colors import to_hex
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.compose import make_column_transformer
from sklearn.linear_model import LinearRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, PolynomialFeatures

from skmix.plotting import LinearityDisplay
from skmix.plotting._linearity import random_pairs

plt = pytest.importorskip("matplotlib.pyplot")

# Nine rows have 36 pairs, which make up four bins of nine: every pair is drawn.
x = np.random.RandomState(0).uniform(-1, 1, size=9)
X, y = x[:, np.newaxis], x**2
ALL = {"n_bins": 4, "n_repeats": 1, "amount": 1.0}
PAIRS = np.array(list(combinations(range(9), 2)))
DISTANCES = [np.abs(values[PAIRS[:, 0]] - values[PAIRS[:, 1]]) for values in (x, y)]
BINS = [PAIRS[np.argsort(d)].reshape(4, 9, 2) for d in DISTANCES]


def parabola():
    return make_pipeline(PolynomialFeatures(2), LinearRegression())


class Counting(LinearRegression):
    """Keeps the number of rows of every fit, those of its clones included."""

    sizes = []

    def fit(self, X, y):
        self.sizes.append(len(X))
        return super().fit(X, y)


@pytest.fixture
def sizes():
    Counting.sizes.clear()
    return Counting.sizes


def measure(estimator, X, y, **parameters):
    return LinearityDisplay.from_estimator(
        estimator, X, y, **({"random_state": 0} | parameters)
    )


def rmse(error):
    return np.sqrt(np.mean(np.square(error)))


def test_on_a_plane_every_mix_is_right():
    rng = np.random.RandomState(0)
    X, X_test = rng.normal(size=(30, 3)), rng.normal(size=(20, 3))
    y, noise = X @ [1.0, -2.0, 0.5] + 3, rng.normal(size=20)
    y_test = X_test @ [1.0, -2.0, 0.5] + 3 + noise
    shown = measure(LinearRegression(), X, y, X_test=X_test, y_test=y_test)
    assert shown.label_error.shape == shown.model_error.shape == (2, 8, 5)
    assert_allclose(shown.label_error, 0, atol=1e-12)
    assert_allclose(shown.baseline_error, np.full(5, rmse(noise)))
    assert_allclose(shown.model_error, rmse(noise))


@pytest.mark.parametrize("mix_ratio", [0.5, 0.2])
def test_a_chord_of_a_parabola_is_off_by_its_squared_width(mix_ratio):
    shown = measure(parabola(), X, y, mix_ratio=mix_ratio, **ALL)
    for kind, bins in enumerate(BINS):
        width = x[bins[..., 0]] - x[bins[..., 1]]
        error = mix_ratio * (1 - mix_ratio) * width**2  # d^2 / 4 half-way
        assert_allclose(shown.label_error[kind, :, 0], [rmse(e) for e in error])
        apart = np.sort(DISTANCES[kind]).reshape(4, 9)
        assert_allclose(shown.distance[kind, :, 0], apart.mean(axis=1) / apart[-1, -1])


def test_model_error_is_that_of_a_fit_on_rows_and_mixes_of_one_bin():
    x_test = np.linspace(-1, 1, 7)
    shown = measure(
        LinearRegression(), X, y, X_test=x_test[:, np.newaxis], y_test=x_test**2, **ALL
    )

    for kind, bins in enumerate(BINS):
        for place, pairs in enumerate(bins):
            line = np.polyfit(
                np.append(x, x[pairs].mean(axis=1)),
                np.append(y, y[pairs].mean(axis=1)),
                deg=1,
            )
            expected = rmse(np.polyval(line, x_test) - x_test**2)
            assert_allclose(shown.model_error[kind, place, 0], expected)
    untouched = np.polyval(np.polyfit(x, y, deg=1), x_test)
    assert_allclose(shown.baseline_error, [rmse(untouched - x_test**2)])


def test_several_labels_count_alike():
    one = measure(parabola(), X, y, **ALL)
    two = measure(parabola(), X, np.column_stack([y, 100 * x]), **ALL)
    # The second label is a line, which leaves half of the error of the first.
    assert_allclose(two.label_error[0], one.label_error[0] / 2)
    scaled = np.column_stack([y / y.std(), x / x.std()])
    apart = np.linalg.norm(scaled[PAIRS[:, 0]] - scaled[PAIRS[:, 1]], axis=1)
    apart = np.sort(apart).reshape(4, 9)
    assert_allclose(two.distance[1, :, 0], apart.mean(axis=1) / apart[-1, -1])


@pytest.mark.parametrize("library", [pd, pl])
def test_a_category_is_taken_from_one_parent(library):
    labels = np.repeat([0.0, 10.0], 6)
    frame = library.DataFrame({"kind": ["a"] * 6 + ["b"] * 6, "x": np.zeros(12)})
    encoder = make_column_transformer(
        (OneHotEncoder(), ["kind"]), remainder="passthrough"
    )
    shown = measure(
        make_pipeline(encoder, LinearRegression()),
        frame,
        library.Series(labels),
        X_test=frame,
        y_test=library.Series(labels),
        n_bins=2,
        n_repeats=1,
        amount=3.0,
    )
    # Of 66 pairs 36 differ in the category. Half-way labels are off by 5 there.
    assert_allclose(shown.label_error[:, :, 0], 2 * [[5 * (3 / 33) ** 0.5, 5.0]])
    assert_allclose(shown.distance[:, :, 0], 2 * [[3 / 33, 1.0]])
    assert_allclose(shown.baseline_error, 0, atol=1e-12)
    assert (shown.model_error[:, 1] > 1).all()


def test_every_bin_has_as_many_mixes(sizes):
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(30, 2)), rng.normal(size=30)
    settings = {"X_test": X, "y_test": y, "n_bins": 4, "n_repeats": 2}
    measure(Counting(), X, y, amount=0.5, **settings)
    assert sizes == 2 * [30, *8 * [45]]
    sizes.clear()
    measure(Counting(), X[:5], y[:5], **settings)
    assert sizes == 2 * [5, *8 * [7]]  # ten pairs, two to a bin


def test_without_held_out_rows_one_fit_a_draw(sizes):
    shown = measure(Counting(), X, y, n_repeats=3)
    assert sizes == [9, 9, 9]
    assert shown.model_error is None
    assert shown.baseline_error is None
    assert len(shown.axes_) == 1


@pytest.mark.usefixtures("random_state_untouched")
def test_draws_differ_and_repeat():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(40, 2))
    estimator = LinearRegression()
    first, second, other = (
        measure(estimator, X, X[:, 0] ** 2, random_state=seed) for seed in (1, 1, 2)
    )
    assert_array_equal(first.label_error, second.label_error)
    assert (first.label_error != other.label_error).all()
    assert (np.ptp(first.label_error, axis=2) > 0).all()
    assert not hasattr(estimator, "coef_")


def test_equal_labels_and_equal_rows():
    shown = measure(LinearRegression(), np.ones((6, 1)), np.ones(6), n_bins=3)
    assert_array_equal(shown.distance, 0)
    assert_allclose(shown.label_error, 0, atol=1e-12)


@pytest.mark.parametrize("n_rows", [2, 3, 6, 7])
def test_pairs_are_all_there_once(n_rows):
    n_pairs = n_rows * (n_rows - 1) // 2
    pairs = random_pairs(n_rows, n_pairs, np.random.RandomState(0))
    found = {tuple(sorted(pair)) for pair in np.transpose(pairs).tolist()}
    assert found == set(combinations(range(n_rows), 2))


def test_pairs_are_all_as_likely():
    rng = np.random.RandomState(0)
    drawn = np.hstack([random_pairs(5, 2, rng) for _ in range(4000)])
    _, counts = np.unique(drawn[0] * 5 + drawn[1], return_counts=True)
    # 20 ordered pairs, 400 of each on average; five standard deviations.
    assert len(counts) == 20
    assert (np.abs(counts - 400) < 5 * 400**0.5).all()


def display(**changes):
    arguments = {
        "distance": [[[0.1, 0.3], [0.6, 0.6]], [[0.0, 0.2], [0.4, 0.6]]],
        "label_error": [[[1.0, 3.0], [4.0, 4.0]], [[5.0, 5.0], [6.0, 8.0]]],
        "model_error": [[[2.0, 2.0], [1.0, 5.0]], [[3.0, 3.0], [4.0, 4.0]]],
        "baseline_error": [2.0, 3.0],
    }
    return LinearityDisplay(**(arguments | changes))


def test_what_is_drawn_where():
    shown = display().plot()
    left, right = shown.axes_
    assert shown.figure_ is left.figure
    assert [axes.get_title() for axes in shown.axes_] == ["Label error", "Model error"]

    by_features, by_label = left.lines
    assert to_hex(by_features.get_color()) == "#0072b2"
    assert to_hex(by_label.get_color()) == "#e69f00"
    assert_allclose(by_features.get_xydata(), [[0.2, 2], [0.6, 4]])
    assert_allclose(by_label.get_xydata(), [[0.1, 5], [0.5, 7]])
    untouched, by_features, by_label = right.lines
    assert_allclose(untouched.get_ydata(), 2.5)
    assert_allclose(by_features.get_xydata(), [[0.2, 2], [0.6, 3]])
    assert_allclose(by_label.get_xydata(), [[0.1, 3], [0.5, 4]])

    # A standard error of two draws is half of what lies between them.
    corners = left.collections[0].get_paths()[0].vertices
    assert {1.0, 3.0, 4.0} == set(corners[:, 1].round(12))
    labels = [text.get_text() for text in right.get_legend().get_texts()]
    assert labels == ["untouched data", "by features", "by label"]
    assert left.get_ylim()[0] == 0


def test_one_draw_has_no_band():
    shown = measure(parabola(), X, y, **ALL)
    (axes,) = shown.axes_
    assert len(axes.lines) == 2
    assert len(axes.collections) == 0


def test_axes_of_the_user(sizes):
    figure, axes = plt.subplots(2)
    shown = measure(Counting(), X, y, X_test=X, y_test=y, ax=axes)
    assert shown.figure_ is figure
    assert list(shown.axes_) == list(axes)
    assert display(model_error=None).plot(ax=axes[0]).axes_[0] is axes[0]
    sizes.clear()
    with pytest.raises(ValueError, match="1 axes for 2 panels"):
        measure(Counting(), X, y, X_test=X, y_test=y, ax=axes[0])
    assert sizes == []  # told before anything is fitted
    with pytest.raises(ValueError, match="2 axes for 1 panels"):
        display(model_error=None).plot(ax=axes)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_bins": 0}, "n_bins == 0, must be >= 1"),
        ({"n_repeats": 0}, "n_repeats == 0, must be >= 1"),
        ({"amount": 0}, "amount == 0, must be > 0"),
        ({"mix_ratio": 1}, "mix_ratio == 1, must be < 1"),
        ({"n_bins": 37}, "n_bins=37 is more than the 36 pairs of 9 rows"),
        ({"X_test": X}, "X_test was passed without y_test"),
        ({"y_test": y}, "y_test was passed without X_test"),
        ({"X_test": X, "y_test": y[:3]}, "X has 9 rows and y_test has 3"),
        ({"X_test": X, "y_test": y * np.nan}, "y_test contains NaN"),
        ({"categorical_features": [3]}, r"categorical_features names the columns \[3"),
    ],
)
def test_bad_input(parameters, message, sizes):
    with pytest.raises(ValueError, match=message):
        measure(Counting(), X, y, **parameters)
    assert sizes == []


def test_without_matplotlib(monkeypatch, sizes):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"skmix\[plot\]"):
        measure(Counting(), X, y)
    assert sizes == []
