import numpy as np
import pandas as pd
import polars as pl
import pytest
from imblearn.over_sampling import SMOTE
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.exceptions import NotFittedError
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from skmix.imbalance import AverageSampler, MixBoostSampler
from skmix.plotting import MixingDisplay
from skmix.plotting._mixing import COLORS
from skmix.regression import MixupResampler

plt = pytest.importorskip("matplotlib.pyplot")
PathCollection = plt.matplotlib.collections.PathCollection
to_rgba_array = plt.matplotlib.colors.to_rgba_array

rng = np.random.RandomState(0)
FRAME = pd.DataFrame(
    {"a": rng.normal(size=20), "kind": ["u", "v"] * 10, "b": rng.normal(size=20)}
)
LABELS = rng.normal(size=(20, 2))


def test_rows_mixes_and_lines_between_parents():
    x, y = np.array([0.0, 2.0, 4.0]), np.array([0.0, 6.0, 2.0])
    parents = np.array([[0, 1], [2, 1]])
    shown = MixingDisplay(
        x, y, np.array([1.0, 3.0]), np.array([3.0, 4.0]), parents, names=("u", "v")
    ).plot()
    ax = shown.ax_
    assert shown.figure_ is ax.figure
    (lines,) = ax.lines
    gap = [np.nan, np.nan]
    assert_allclose(lines.get_xydata(), [[0, 0], [2, 6], gap, [4, 2], [2, 6], gap])
    mixes, rows = ax.collections
    assert_allclose(mixes.get_offsets(), [[1, 3], [3, 4]])
    assert_allclose(rows.get_offsets(), np.column_stack([x, y]))
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["2 mixes", "3 rows"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("u", "v")
    assert not MixingDisplay(x, y, x, y).plot().ax_.lines


@pytest.mark.parametrize("features", ["b", 2, ["b"]])
def test_from_estimator_draws_what_it_returns(features):
    resampler = MixupResampler(random_state=0)
    X_new, y_new = resampler.fit_resample(FRAME, LABELS)
    _, ax = plt.subplots()
    shown = MixingDisplay.from_estimator(resampler, features=features, target=1, ax=ax)
    assert shown.ax_ is ax
    assert shown.names == ("b", "Label")
    assert_allclose(np.append(shown.x, shown.x_mix), X_new["b"])
    assert_allclose(np.append(shown.y, shown.y_mix), y_new[:, 1])
    assert_allclose(shown.parents, resampler.parent_indices_)


def test_the_first_numeric_column_unless_told():
    frame = FRAME[["kind", "b", "a"]]
    shown = MixingDisplay.from_estimator(MixupResampler().fit(frame, LABELS))
    assert shown.names == ("b", "Label")


@pytest.mark.parametrize(
    ("features", "message"),
    [
        ("c", "features: 'c' is no column of"),
        ("kind", r"features: 'kind' is no numeric column: those are \[0, 2\]"),
        (1, "features: 1 is no numeric column"),
        ((0, 2), r"features=\(0, 2\) must name 1 of the numeric columns"),
    ],
)
def test_no_such_feature(features, message):
    resampler = MixupResampler()
    with pytest.raises(NotFittedError):
        MixingDisplay.from_estimator(resampler)
    resampler.fit(FRAME, LABELS)
    with pytest.raises(ValueError, match=message):
        MixingDisplay.from_estimator(resampler, features=features)


# Twenty rows of one class, six of the other.
X, y = rng.normal(size=(26, 2)), np.repeat(["no", "yes"], [20, 6])


def drawn(shown):
    """Positions of the rows in the picture, by their text in the legend."""
    return {
        artist.get_label(): np.asarray(artist.get_offsets())
        for artist in shown.ax_.collections
        if isinstance(artist, PathCollection)
    }


def assert_tints_follow(shown, classifier):
    """Assert that the background has the colour of the class that is predicted."""
    shown.figure_.canvas.draw()
    boundary = shown.boundary_
    grid = np.column_stack([boundary.xx0.ravel(), boundary.xx1.ravel()])
    codes = np.searchsorted(classifier.classes_, classifier.predict(grid))
    colors = to_rgba_array(list(COLORS), alpha=0.15)
    assert_allclose(boundary.surface_.get_facecolors(), colors[codes])


def test_rows_and_new_rows_by_class():
    sampler = AverageSampler(random_state=0)
    X_new, y_new = sampler.fit_resample(X, y)
    shown = MixingDisplay.from_estimator(sampler)
    artists = drawn(shown)
    assert list(artists) == ["no: 20 rows", "yes: 6 rows", "yes: 14 new rows"]
    assert_allclose(artists["no: 20 rows"], X[:20])
    assert_allclose(artists["yes: 6 rows"], X[20:])
    assert_allclose(artists["yes: 14 new rows"], X_new[26:])
    assert_array_equal(shown.labels_mix, y_new[26:])
    assert_array_equal(shown.parents, sampler.parent_indices_)
    texts = [text.get_text() for text in shown.ax_.get_legend().get_texts()]
    assert texts == list(artists)
    assert (shown.ax_.get_xlabel(), shown.ax_.get_ylabel()) == (
        "Feature 0",
        "Feature 1",
    )
    assert shown.boundary_ is None


def test_small_classes_lie_on_large_ones_and_rows_on_new_rows():
    sampler = MixBoostSampler(random_state=0).fit(X, y)
    shown = MixingDisplay.from_estimator(sampler)
    height = {name.get_label(): name.get_zorder() for name in shown.ax_.collections}
    layers = [" ".join(name.split()[::2]) for name in sorted(height, key=height.get)]
    assert layers == ["no: new", "yes: new", "no: rows", "yes: rows"]


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_two_named_features_of_a_data_frame(frame):
    rows = frame({"a": X[:, 0], "kind": ["u", "v"] * 13, "b": X[:, 1], "c": X[:, 0]})
    sampler = AverageSampler(random_state=0)
    X_new, y_new = sampler.fit_resample(rows, y)
    _, ax = plt.subplots()
    by_sampler = MixingDisplay.from_estimator(sampler, features=("b", "a"), ax=ax)
    by_rows = MixingDisplay.from_resampled(X_new, y_new, 26, features=(2, "a"))
    assert by_sampler.ax_ is ax
    for shown in (by_sampler, by_rows):
        assert shown.names == ("b", "a")
        assert_allclose(np.append(shown.x, shown.x_mix), X_new["b"])
        assert_allclose(np.append(shown.y, shown.y_mix), X_new["a"])
    assert drawn(by_sampler).keys() == drawn(by_rows).keys()


def test_regions_are_those_of_a_clone_fitted_to_rows_and_new_rows():
    sampler = AverageSampler(random_state=0)
    rows = sampler.fit_resample(X, y)
    given = KNeighborsClassifier(3)
    shown = MixingDisplay.from_estimator(sampler, classifier=given)
    assert_tints_follow(shown, clone(given).fit(*rows))
    assert not hasattr(given, "classes_")


def test_three_classes_of_another_library():
    labels = np.repeat(["b", "a", "c"], [12, 6, 8])
    X_new, y_new = SMOTE(k_neighbors=3, random_state=0).fit_resample(X, labels)
    tree = DecisionTreeClassifier(random_state=0)
    shown = MixingDisplay.from_resampled(X_new, y_new, 26, classifier=tree)
    assert_tints_follow(shown, clone(tree).fit(X_new, y_new))
    artists = drawn(shown)
    assert list(artists) == [
        "a: 6 rows",
        "a: 6 new rows",
        "b: 12 rows",
        "c: 8 rows",
        "c: 4 new rows",
    ]
    assert_allclose(artists["c: 4 new rows"], X_new[26:][y_new[26:] == "c"])


@pytest.mark.parametrize("label", ["no", "yes"])
def test_one_class_predicted_everywhere_has_its_own_colour(label):
    always = DummyClassifier(strategy="constant", constant=label)
    shown = MixingDisplay.from_resampled(X, y, len(X), classifier=always)
    assert list(drawn(shown)) == ["no: 20 rows", "yes: 6 rows"]
    assert_tints_follow(shown, always.fit(X, y))


def test_missing_and_constant_values_are_no_obstacle():
    rows = np.column_stack([np.where(y == "no", X[:, 0], np.nan), np.zeros(len(X))])
    shown = MixingDisplay.from_resampled(rows, y, 20)
    low, high = shown.ax_.get_xlim()
    assert low < X[:20, 0].min() < X[:20, 0].max() < high


@pytest.mark.parametrize(
    ("features", "classifier", "message"),
    [
        ("a", None, r"features=\['a'\] must name 2 of the numeric columns"),
        (("a", "c"), None, "features: 'c' is no column of"),
        (("a", "kind"), None, "features: 'kind' is no numeric column"),
        (None, KNeighborsClassifier(), "needs an X of two columns.*this one has 3"),
    ],
)
def test_no_such_picture_of_classes(features, classifier, message):
    sampler = AverageSampler()
    with pytest.raises(NotFittedError):
        MixingDisplay.from_estimator(sampler)
    X_new, y_new = sampler.fit_resample(FRAME, y[6:])
    how = {"features": features, "classifier": classifier}
    with pytest.raises(ValueError, match=message):
        MixingDisplay.from_estimator(sampler, **how)
    with pytest.raises(ValueError, match=message):
        MixingDisplay.from_resampled(X_new, y_new, len(FRAME), **how)


def test_what_is_missing_is_said():
    with pytest.raises(TypeError, match=r"got SMOTE\(\).*from_resampled"):
        MixingDisplay.from_estimator(SMOTE().fit(X, y))
    resampler = MixupResampler().fit(X, X[:, 0])
    with pytest.raises(ValueError, match="MixupResampler is for regression"):
        MixingDisplay.from_estimator(resampler, classifier=KNeighborsClassifier())
    for n_rows, labels in [(0, y), (27, y), (20, y[:25])]:
        with pytest.raises(ValueError, match=f"n_rows={n_rows} must be"):
            MixingDisplay.from_resampled(X, labels, n_rows)
