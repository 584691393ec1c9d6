"""Labels of which some are missing, in all the ways in which users write them."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from imblearn.pipeline import Pipeline
from numpy.testing import assert_array_equal
from sklearn.exceptions import DataConversionWarning
from sklearn.linear_model import LogisticRegression

from skmix import ResampledClassifier
from skmix.active import LADAClassifier, LADASelector

N, N_KNOWN = 60, 20
X = np.random.RandomState(0).normal(size=(N, 3))
TRUTH = (X[:, 0] > 0).astype(int)
KNOWN = np.arange(N) < N_KNOWN
Y = np.where(KNOWN, TRUTH, np.nan)
NAMES = np.array(["no", "yes"])[TRUTH]
NUMBERS, FLAGS, TEXTS = TRUTH.tolist(), (TRUTH == 1).tolist(), NAMES.tolist()


def marked(labels, mark):
    """A list of labels, with a mark where there is none."""
    return [*labels[:N_KNOWN], *[mark] * (N - N_KNOWN)]


def objects(labels, mark):
    return np.array(marked(labels, mark), dtype=object)


def select(missing_label=np.nan, **parameters):
    return LADASelector(
        LogisticRegression(),
        missing_label=missing_label,
        **{"virtual_scope": "all", "guard": False, "random_state": 0, **parameters},
    )


# As it should be: whatever the labels are called, the same rows are asked for.
EXPECTED = select().query(X, Y, batch_size=5)

FORMS = {
    "array of float, NaN": (Y, np.nan, [0, 1]),
    "array of float32, NaN": (Y.astype(np.float32), np.nan, [0, 1]),
    "array of float, None": (Y, None, [0, 1]),
    "array of float, NA": (Y, pd.NA, [0, 1]),
    "array of int, -1": (np.array(marked(NUMBERS, -1)), -1, [0, 1]),
    "array of int, -1.0": (np.array(marked(NUMBERS, -1)), -1.0, [0, 1]),
    "array of uint8, 255": (np.array(marked(NUMBERS, 255), np.uint8), 255, [0, 1]),
    "array of int, 0": (np.array(marked([v + 1 for v in NUMBERS], 0)), 0, [1, 2]),
    "array of float, -1": (np.array(marked(NUMBERS, -1), float), -1, [0, 1]),
    "array of text, 'nan'": (np.array(marked(TEXTS, "nan")), "nan", ["no", "yes"]),
    "array of text, ''": (np.array(marked(TEXTS, "")), "", ["no", "yes"]),
    "objects, int, None": (objects(NUMBERS, None), np.nan, [0, 1]),
    "objects, int, NaN": (objects(NUMBERS, np.nan), None, [0, 1]),
    "objects, int, NA": (objects(NUMBERS, pd.NA), np.nan, [0, 1]),
    "objects, bool, None": (objects(FLAGS, None), np.nan, [False, True]),
    "objects, text, None": (objects(TEXTS, None), np.nan, ["no", "yes"]),
    "objects, text, NaN": (objects(TEXTS, np.nan), np.nan, ["no", "yes"]),
    "objects, text, '?'": (objects(TEXTS, "?"), "?", ["no", "yes"]),
    "objects, text, -1": (objects(TEXTS, -1), -1, ["no", "yes"]),
    "list, int, None": (marked(NUMBERS, None), np.nan, [0, 1]),
    "list, int, NaN": (marked(NUMBERS, np.nan), np.nan, [0, 1]),
    "list, int, -1": (marked(NUMBERS, -1), -1, [0, 1]),
    "list, bool, None": (marked(FLAGS, None), np.nan, [False, True]),
    "list, text, None": (marked(TEXTS, None), np.nan, ["no", "yes"]),
    "pandas, float": (pd.Series(Y), np.nan, [0, 1]),
    "pandas, Int64": (pd.Series(marked(NUMBERS, None), dtype="Int64"), None, [0, 1]),
    "pandas, int, -1": (pd.Series(marked(NUMBERS, -1)), -1, [0, 1]),
    "pandas, boolean": (
        pd.Series(marked(FLAGS, None), dtype="boolean"),
        np.nan,
        [False, True],
    ),
    "pandas, text": (pd.Series(marked(TEXTS, None)), np.nan, ["no", "yes"]),
    "pandas, string": (
        pd.Series(marked(TEXTS, None), dtype="string"),
        np.nan,
        ["no", "yes"],
    ),
    "pandas, text, '?'": (pd.Series(marked(TEXTS, "?")), "?", ["no", "yes"]),
    "pandas, category": (
        pd.Series(marked(TEXTS, None), dtype="category"),
        np.nan,
        ["no", "yes"],
    ),
    "polars, int": (pl.Series(marked(NUMBERS, None)), np.nan, [0, 1]),
    "polars, text": (pl.Series(marked(TEXTS, None)), None, ["no", "yes"]),
    "polars, bool": (pl.Series(marked(FLAGS, None)), np.nan, [False, True]),
    "polars, text, '?'": (pl.Series(marked(TEXTS, "?")), "?", ["no", "yes"]),
}
EVERY_FORM = pytest.mark.parametrize(
    ("y", "missing_label", "classes"), FORMS.values(), ids=FORMS
)


@EVERY_FORM
def test_all_forms_ask_for_the_same_rows(y, missing_label, classes):
    selector = select(missing_label)
    assert_array_equal(selector.query(X, y, batch_size=5), EXPECTED)
    assert selector.classes_.tolist() == classes
    assert_array_equal(selector.fit(X, y).estimator_.classes_, classes)


@EVERY_FORM
def test_labels_of_mixes_can_be_trained_with(y, missing_label, classes):
    selector = select(missing_label)
    selector.query(X, y, batch_size=5)
    X_virtual, y_virtual, weight = selector.virtual_data(X, y)
    assert set(y_virtual.tolist()) == set(classes)
    model = LogisticRegression().fit(X_virtual, y_virtual, sample_weight=weight)
    assert model.classes_.tolist() == classes
    # Together they weigh what their rows do.
    assert weight.sum() == pytest.approx(N_KNOWN)


@EVERY_FORM
def test_resampled_labels_come_as_labels_came(y, missing_label, classes):
    X_new, y_new = select(missing_label).fit_resample(X, y)
    assert type(y_new) is type(y)
    # Objects without a mark among them may as well be numbers or text again.
    if not isinstance(y, list) and y.dtype != object:
        assert y_new.dtype == y.dtype
    labels = list(y_new)
    assert len(labels) == len(X_new) == 2 * N_KNOWN
    assert labels[:N_KNOWN] == list(y)[:N_KNOWN]
    assert set(labels) == set(classes)
    assert_array_equal(X_new[:N_KNOWN], X[KNOWN])


@pytest.mark.parametrize(
    "y",
    [
        pytest.param(Y, id="floats"),
        pytest.param(marked(NUMBERS, None), id="list"),
        pytest.param(objects(TEXTS, None), id="text objects"),
        pytest.param(pd.Series(marked(TEXTS, None)), id="pandas text"),
        pytest.param(pd.Series(marked(NUMBERS, None), dtype="Int64"), id="Int64"),
        pytest.param(pl.Series(marked(NUMBERS, None)), id="polars"),
        pytest.param(objects(NUMBERS, None), id="objects"),
        pytest.param(objects(FLAGS, None), id="bool objects"),
    ],
)
def test_steps_behind_the_selector_get_labels_that_they_take(y):
    selector = LADASelector(LogisticRegression(), guard=False, random_state=0)
    pipeline = Pipeline([("mix", selector), ("model", LogisticRegression())])
    pipeline.fit(X, y)
    model = ResampledClassifier(LogisticRegression(), resampler=selector).fit(X, y)
    assert_array_equal(model.predict_proba(X), pipeline.predict_proba(X))
    assert len(model.classes_) == 2


def test_a_list_of_text_with_nan():
    """NaN is the default mark, and pandas and objects may hold it beside text."""
    y = marked(TEXTS, np.nan)
    assert_array_equal(select().query(X, np.array(y, object), batch_size=5), EXPECTED)
    assert_array_equal(select().query(X, pd.Series(y), batch_size=5), EXPECTED)


def test_a_plain_list_of_text_with_nan():
    y = marked(TEXTS, np.nan)
    assert_array_equal(select().query(X, y, batch_size=5), EXPECTED)


# Marks that are not the one that was agreed on


@pytest.mark.parametrize(
    ("y", "missing_label", "message"),
    [
        (np.array(marked(NUMBERS, -1)), np.nan, "Rows without a label have nan in y"),
        (np.array(marked(TEXTS, "?")), None, "Rows without a label have None in y"),
        (np.array(marked(TEXTS, "?")), -1, "Rows without a label have -1 in y"),
        (np.array(marked(NUMBERS, -1)), "nan", "Rows without a label have 'nan' in y"),
        (TRUTH, np.nan, "all of y is labelled"),
        (Y, -1, "y holds NaN or None in row 20, but missing_label is -1"),
        (objects(TEXTS, None), "?", "NaN or None in row 20, but missing_label is '?'"),
        (pd.Series(marked(TEXTS, None)), "nan", "but missing_label is 'nan'"),
        (np.array(marked(TEXTS, "nan")), np.nan, "Pass missing_label='nan' if"),
        (np.array(marked(TEXTS, "nan")), None, "a class of that name"),
    ],
)
def test_wrong_marks_are_refused_with_a_remedy(y, missing_label, message):
    with pytest.raises(ValueError, match=message):
        select(missing_label).query(X, y)


METHODS = ["query", "fit", "fit_resample", "virtual_data"]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize(
    ("y", "message"),
    [
        (None, "requires y to be passed"),
        (Y[:-1], "X has 60 rows and y has 59. Pass one label for each row, and nan"),
        (np.append(Y, 0), "X has 60 rows and y has 61"),
        (np.column_stack([Y, Y]), r"one label to a row, got shape \(60, 2\)"),
        (pd.DataFrame({"a": Y, "b": Y}), r"one label to a row, got shape \(60, 2\)"),
        (np.zeros((60, 2, 2)), "several labels to a row cannot be queried"),
        (np.where(KNOWN, X[:, 0], np.nan), "Unknown label type: continuous"),
        (np.where(KNOWN, TRUTH + 0.5, np.nan), "Unknown label type: continuous"),
        ("yes", "one label to a row"),
    ],
    ids=[
        "none",
        "short",
        "long",
        "two",
        "frame",
        "three",
        "continuous",
        "halves",
        "text",
    ],
)
def test_labels_that_are_none_are_refused(method, y, message):
    selector = select()
    if method == "virtual_data":
        selector.query(X, Y)
    with pytest.raises(ValueError, match=message):
        getattr(selector, method)(X, y)


def test_numbers_beside_text_are_refused():
    y = objects([1, "a"] * 10, None)
    with pytest.raises((ValueError, TypeError)):
        select().fit(X, y)


def test_a_mark_that_is_no_label():
    with pytest.raises(ValueError, match="missing_label"):
        select(np.array([-1, -2])).query(X, Y)


@pytest.mark.parametrize("y", [Y[:, None], pd.DataFrame({"label": Y})])
def test_a_column_of_labels_can_only_mean_one_thing(y):
    assert_array_equal(select().query(X, y, batch_size=5), EXPECTED)
    X_new, y_new = select().fit_resample(X, y)
    assert np.shape(y_new) == (len(X_new), 1)
    # The network is a classifier, and says what classifiers say.
    with pytest.warns(DataConversionWarning, match="column-vector y"):
        LADAClassifier(hidden_layer_sizes=4, max_iter=1).fit(X, Y[:, None])


def test_labels_go_with_rows_by_their_place():
    """An index of pandas says nothing: rows of y are those of X."""
    order = np.random.RandomState(1).permutation(N)
    y = pd.Series(Y, index=order)
    frame = pd.DataFrame(X, columns=list("abc"), index=order[::-1])
    assert_array_equal(select().query(frame, y, batch_size=5), EXPECTED)


def test_classes_are_those_of_the_labels():
    """Three classes, of which one has a single label; numbers with gaps."""
    y = Y.copy()
    y[:N_KNOWN] = 10 * Y[:N_KNOWN]
    y[3] = -7
    selector = select().fit(X, y)
    assert selector.classes_.tolist() == [-7, 0, 10]
    assert len(np.unique(selector.query(X, y, batch_size=6))) == 6
    X_new, y_new = selector.fit_resample(X, y)
    assert set(y_new) == {-7, 0, 10}
    assert len(X_new) == 40


def test_all_labels_are_there():
    """Nothing to query; what is left is an oversampler."""
    selector = select().fit(X, TRUTH)
    assert np.isnan(selector.score_samples(X)).sum() == 0
    X_new, y_new = selector.fit_resample(X, TRUTH)
    assert len(X_new) == 2 * N
    assert y_new.dtype == TRUTH.dtype
    with pytest.raises(ValueError, match="There is no row to choose"):
        selector.query(X, TRUTH)


def test_labels_that_were_asked_for_must_be_there():
    selector = select(virtual_scope="round", augmentation="mixup")
    rows = selector.query(X, Y, batch_size=4)
    with pytest.raises(ValueError, match=r"no label for the rows .*of the last query"):
        selector.virtual_data(X, Y)
    y = Y.copy()
    y[rows] = TRUTH[rows]
    _, y_virtual, weight = selector.virtual_data(X, y)
    assert weight.sum() == pytest.approx(2)
    assert set(y_virtual) <= {0.0, 1.0}


def test_the_network_reads_labels_in_the_same_way():
    network = LADAClassifier(hidden_layer_sizes=4, max_iter=2, random_state=0)
    expected = network.fit(X, Y).predict_proba(X)
    for y, missing_label, classes in (
        FORMS["objects, text, None"],
        FORMS["array of int, -1"],
        FORMS["polars, bool"],
    ):
        network.set_params(missing_label=missing_label).fit(X, y)
        assert network.classes_.tolist() == classes
        assert_array_equal(network.predict_proba(X), expected)
        assert set(network.predict(X).tolist()) <= set(classes)


@pytest.mark.parametrize("value", [np.inf, -np.inf, 1e19])
def test_classes_that_are_no_exact_numbers(value):
    y = np.where(np.arange(N) == 3, value, Y)
    with pytest.raises(ValueError, match=r"y holds .*(inf|1e\+19).*below 2\*\*53"):
        select().query(X, y)
