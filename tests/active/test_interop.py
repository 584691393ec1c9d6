"""The selector among what its users have: frames, sparse rows, pipelines, libraries."""

import pickle
import subprocess
import sys
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from imblearn.pipeline import Pipeline as ImblearnPipeline
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csc_array, csr_array, csr_matrix, issparse
from scipy.stats import entropy
from sklearn.base import BaseEstimator, ClassifierMixin, TransformerMixin, clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.cluster import KMeans
from sklearn.compose import make_column_transformer
from sklearn.decomposition import PCA
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import (
    BaggingClassifier,
    HistGradientBoostingClassifier,
    RandomForestClassifier,
)
from sklearn.exceptions import NotFittedError
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.feature_selection import SelectKBest
from sklearn.impute import SimpleImputer
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.svm import LinearSVC

from skmix import ResampledClassifier
from skmix.active import (
    CVAE,
    VAAL,
    ActiveLearningLoop,
    AdaMixup,
    InfoMixup,
    LADAClassifier,
    LADASelector,
    as_skactiveml,
)

N, N_KNOWN = 60, 20
rng = np.random.RandomState(0)
X = rng.normal(size=(N, 3))
X32 = X.astype(np.float32)
TRUTH = (X[:, 0] > 0).astype(int)
KNOWN = np.arange(N) < N_KNOWN
Y = np.where(KNOWN, TRUTH, np.nan)
Y_INT = np.where(KNOWN, TRUTH, -1)
NO_LABEL = np.full(N, np.nan)
ONE_CLASS = np.where(np.arange(N) < 3, 1.0, np.nan)
ROWS_SPARSE = np.where(rng.uniform(size=(N, 8)) < 0.3, rng.normal(size=(N, 8)), 0)
ANIMALS = ["ant", "bee", "cat", "dog", "eel", "fox", "gnu", "hen"]
WORDS = rng.choice(ANIMALS, size=(N, 5))
DOCUMENTS = [
    f"{' '.join(words)} {'good' if good else 'bad'}"
    for words, good in zip(WORDS, TRUTH, strict=True)
]
IMAGES = rng.normal(size=(N, 1, 5, 5)).astype(np.float32)
LOGISTIC = LogisticRegression()
FOREST = RandomForestClassifier(5)
BOOSTING = HistGradientBoostingClassifier(
    categorical_features="from_dtype", max_iter=3, min_samples_leaf=2
)
NETWORK = LADAClassifier(hidden_layer_sizes=4, max_iter=2)
TEXT = make_pipeline(TfidfVectorizer(), LogisticRegression())


def select(estimator=LOGISTIC, **parameters):
    return LADASelector(estimator, **{"random_state": 0, **parameters})


def mixing(estimator=LOGISTIC, **parameters):
    """A selector that mixes, whether that helps or not."""
    return select(estimator, **{"virtual_scope": "all", "guard": False, **parameters})


def check_batch(rows, n, y=Y):
    """Places of different rows without a label."""
    assert isinstance(rows, np.ndarray)
    assert rows.dtype.kind == "i"
    assert rows.shape == (n,)
    assert len(set(rows.tolist())) == n
    assert np.isnan(y[rows]).all()


# Frames

INDEX = np.repeat(["b", "a", "c"], N // 3)
FRAME = pd.DataFrame(
    {
        "size": X[:, 0],
        "width": X32[:, 1],
        "count": rng.randint(0, 9, N),
        "small": rng.randint(-5, 5, N).astype(np.int8),
        "colour": pd.Categorical(
            rng.choice(["red", "blue"], N), categories=["red", "green", "blue"]
        ),
        "flag": X[:, 2] > 0,
        "kind": rng.choice(["p", "q"], N),
    },
    index=INDEX,
)
NUMBERS, CATEGORIES = ["size", "width", "count", "small"], ["colour", "flag", "kind"]
COLUMNS = make_pipeline(
    make_column_transformer((StandardScaler(), NUMBERS), (OneHotEncoder(), CATEGORIES)),
    LogisticRegression(),
)
FRAMES = {
    "columns": (COLUMNS, FRAME),
    "boosting": (BOOSTING, FRAME.drop(columns="kind")),
    "forest": (FOREST, FRAME[NUMBERS]),
}
IN_FRAMES = pytest.mark.parametrize(
    ("estimator", "frame"), FRAMES.values(), ids=FRAMES.keys()
)
LIBRARIES = pytest.mark.parametrize(
    "library", [pd.DataFrame, pl.from_pandas], ids=["pandas", "polars"]
)


def as_pandas(frame):
    return frame if isinstance(frame, pd.DataFrame) else frame.to_pandas()


def check_like(frame, like):
    assert type(frame) is type(like)
    assert list(frame.columns) == list(like.columns)
    assert list(frame.dtypes) == list(like.dtypes)


@LIBRARIES
@IN_FRAMES
def test_frames_are_queried_and_mixed_as_frames(estimator, frame, library):
    X = library(frame)
    before = X.copy() if library is pd.DataFrame else X.clone()
    selector = mixing(estimator)
    check_batch(selector.query(X, pd.Series(Y, index=INDEX), batch_size=4), 4)
    assert selector.feature_names_in_.tolist() == list(frame.columns)
    made, y_made, weight = selector.virtual_data(X, Y)
    check_like(made, X)
    assert len(made) == len(y_made) == len(weight) > N_KNOWN
    made, known = as_pandas(made), frame[KNOWN]
    # Numbers lie between those of parents, and all categories come from one of them.
    for name in NUMBERS:
        assert made[name].between(known[name].min(), known[name].max()).all()
    names = [name for name in CATEGORIES if name in frame]
    triples = set(map(tuple, known[names].astype(str).to_numpy()))
    assert set(map(tuple, made[names].astype(str).to_numpy())) <= triples
    assert before.equals(X)


@LIBRARIES
@IN_FRAMES
def test_resampled_frames_are_what_the_lineage_says(estimator, frame, library):
    X, y = library(frame), pd.Series(Y, index=INDEX, name="label")
    selector = mixing(estimator)
    X_new, y_new = selector.fit_resample(X, y)
    check_like(X_new, X)
    assert (y_new.name, y_new.dtype) == (y.name, y.dtype)
    assert len(X_new) == len(y_new) == 2 * N_KNOWN
    X_new, y_new = as_pandas(X_new), y_new.to_numpy()
    known = frame[KNOWN].reset_index(drop=True)
    originals = X_new[:N_KNOWN].reset_index(drop=True)
    if library is pd.DataFrame:
        assert X_new.index[:N_KNOWN].tolist() == frame.index[:N_KNOWN].tolist()
        # What pandas has for a column of categories.
        assert originals.equals(known)
    first, second = selector.parent_indices_.T
    share = selector.mix_weights_
    assert_allclose(share.sum(axis=1), 1)
    for name in NUMBERS:
        values = known[name].to_numpy(np.float64)
        expected = share[:, 0] * values[first] + share[:, 1] * values[second]
        if known[name].dtype.kind == "i":
            expected = np.rint(expected)
        assert_allclose(X_new[name][N_KNOWN:], expected, atol=1e-6)
    heavier = np.where(share[:, 0] >= 0.5, first, second)
    for name in set(CATEGORIES) & set(frame.columns):
        values = known[name].astype(str).to_numpy()
        assert_array_equal(X_new[name][N_KNOWN:].astype(str), values[heavier])
    of_parents = Y[selector.parent_indices_]
    assert (y_new[N_KNOWN:, None] == of_parents).any(axis=1).all()


@LIBRARIES
@pytest.mark.parametrize(
    "estimator",
    [LOGISTIC, FOREST, KNeighborsClassifier(3), NETWORK],
    ids=["logistic", "forest", "neighbors", "network"],
)
def test_a_frame_gives_what_its_array_gives(estimator, library):
    """And nothing warns of names that are or are not there."""
    frame = library(pd.DataFrame(X, columns=list("abc")))
    table, framed = select(estimator), select(estimator)
    expected = table.query(X, Y, batch_size=5)
    assert_array_equal(framed.query(frame, Y, batch_size=5), expected)
    assert_allclose(framed.score_samples(frame), table.score_samples(X))
    assert_allclose(framed.utilities_, table.utilities_)


@LIBRARIES
def test_names_of_columns_are_heeded(library):
    frame = library(pd.DataFrame(X, columns=list("abc")))
    selector = mixing()
    selector.query(frame, Y)
    with pytest.raises(ValueError, match="feature names should match"):
        selector.score_samples(frame[["c", "a", "b"]])
    with pytest.raises(ValueError, match="feature names should match"):
        selector.virtual_data(frame[["c", "a", "b"]], Y)
    with pytest.raises(ValueError, match="feature names should match"):
        selector.score_samples(frame[["a", "b"]])


@LIBRARIES
def test_no_mixes_are_a_frame_too(library):
    frame = library(FRAME)
    selector = select(COLUMNS, virtual_scope=None)
    selector.query(frame, Y)
    made, y_made, weight = selector.virtual_data(frame, Y)
    check_like(made, frame)
    assert len(made) == len(y_made) == len(weight) == 0


def test_missing_values_in_every_kind_of_column():
    frame = FRAME.drop(columns=["flag", "small"]).astype(
        {"count": "Int64", "kind": "object"}
    )
    gaps = rng.uniform(size=frame.shape) < 0.15
    frame = frame.mask(gaps).assign(
        flag=pd.array(FRAME["flag"], dtype="boolean"), size=FRAME["size"]
    )
    frame.loc["a", "flag"] = pd.NA
    boosting = BOOSTING
    no_text = frame.drop(columns="kind")
    selector = mixing(boosting)
    check_batch(selector.query(no_text, Y, batch_size=4), 4)
    made = selector.virtual_data(no_text, Y)[0]
    check_like(made, no_text)
    assert made["width"].isna().any()
    check_like(selector.fit_resample(no_text, Y)[0], no_text)
    columns = make_pipeline(
        make_column_transformer(
            (SimpleImputer(), ["size", "width", "count"]),
            (OneHotEncoder(handle_unknown="ignore"), ["colour", "kind"]),
        ),
        LogisticRegression(),
    )
    selector = mixing(columns)
    check_batch(selector.query(frame, Y, batch_size=4), 4)
    made = selector.virtual_data(frame, Y)[0]
    check_like(made, frame)


def test_columns_that_nothing_uses_may_be_of_any_kind():
    """Behind a transformer that drops them they disturb only what mixes frames."""
    frame = FRAME[["size"]].assign(day=pd.date_range("2024-01-01", periods=N))
    scaler = make_column_transformer((StandardScaler(), ["size"]))
    selector = select(make_pipeline(scaler, LogisticRegression()))
    for y in (NO_LABEL, Y):
        check_batch(selector.query(frame, y, batch_size=4), 4, y)
    with pytest.raises(ValueError, match="column 'day' of X has dtype Datetime"):
        selector.set_params(virtual_scope="all").virtual_data(frame, Y)


def test_transformers_that_make_frames():
    frame = pd.DataFrame(X, columns=list("abc"), index=INDEX)
    frame["d"] = FRAME["colour"]
    expected = None
    for library in ("pandas", "polars"):
        columns = make_column_transformer(
            (StandardScaler(), list("abc")),
            ("passthrough", ["d"]),
            verbose_feature_names_out=False,
        ).set_output(transform=library)
        rows = frame if library == "pandas" else pl.from_pandas(frame)
        for scope in (None, "all"):
            selector = select(make_pipeline(columns, BOOSTING), virtual_scope=scope)
            for y in (ONE_CLASS, Y):
                check_batch(selector.query(rows, y, batch_size=4), 4, y)
        if expected is not None:
            assert_allclose(selector.own_scores_, expected)
        expected = selector.own_scores_


def test_lists_of_lists():
    lists, labels = X.tolist(), [None if np.isnan(v) else int(v) for v in Y]
    table, selector = mixing(FOREST), mixing(FOREST)
    expected = table.query(X, Y, batch_size=5)
    assert_array_equal(selector.query(lists, labels, batch_size=5), expected)
    made, _, weight = selector.virtual_data(lists, labels)
    assert isinstance(made, list)
    assert isinstance(made[0], list)
    expected = table.virtual_data(X, Y)
    assert_allclose(made, expected[0])
    assert_allclose(weight, expected[2])
    X_new, y_new = selector.fit_resample(lists, labels)
    assert isinstance(X_new, list)
    assert isinstance(y_new, list)
    assert X_new[:N_KNOWN] == lists[:N_KNOWN]
    assert_allclose(selector.score_samples(lists[:2]), selector.score_samples(X[:2]))


def test_columns_of_whole_numbers_stay_whole():
    whole = np.rint(5 * X).astype(np.int16)
    selector = mixing(FOREST)
    check_batch(selector.query(whole, Y, batch_size=4), 4)
    assert selector.virtual_data(whole, Y)[0].dtype == np.int16
    assert selector.fit_resample(whole, Y)[0].dtype == np.int16


@pytest.mark.parametrize("kind", [np.asarray, np.ndarray.tolist])
def test_images_come_back_as_they_came(kind):
    images = kind((100 + 30 * IMAGES).astype(np.uint8))
    selector = mixing(NETWORK)
    for method in (selector.virtual_data, selector.fit_resample):
        made = method(images, Y)[0]
        assert type(made) is np.ndarray
        assert made.dtype.kind == np.asarray(images).dtype.kind


def test_categories_in_an_array():
    """Named as such, codes are not averaged, in what the classifier sees, too."""
    codes = rng.choice([0.0, 10.0], N)

    class Checked(LogisticRegression):
        def predict_proba(self, X):
            assert set(X[:, 3]) <= {0.0, 10.0}
            return super().predict_proba(X)

    selector = mixing(Checked(), categorical_features=[3])
    rows = np.column_stack([X, codes])
    check_batch(selector.query(rows, Y, batch_size=4), 4)
    assert set(selector.virtual_data(rows, Y)[0][:, 3]) == {0.0, 10.0}
    assert set(selector.fit_resample(rows, Y)[0][:, 3]) == {0.0, 10.0}


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("pairing", ["neighbors", "labeled", "random"])
def test_floats_keep_their_width(dtype, pairing):
    class Checked(LogisticRegression):
        def predict_proba(self, X):
            assert X.dtype == dtype
            return super().predict_proba(X)

        def fit(self, X, y, sample_weight=None):
            assert X.dtype == dtype
            return super().fit(X, y, sample_weight)

    for estimator in (Checked(), make_pipeline(StandardScaler(), Checked())):
        selector = mixing(estimator, pairing=pairing)
        check_batch(selector.query(X.astype(dtype), Y, batch_size=4), 4)
        assert selector.virtual_data(X.astype(dtype), Y)[0].dtype == dtype
        assert selector.fit_resample(X.astype(dtype), Y)[0].dtype == dtype


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize(
    "estimator",
    [LOGISTIC, FOREST, NETWORK, make_pipeline(StandardScaler(), LogisticRegression())],
    ids=["logistic", "forest", "network", "pipeline"],
)
def test_memory_mapped_rows(tmp_path, dtype, estimator):
    np.save(tmp_path / "X.npy", X.astype(dtype))
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    selector, expected = mixing(estimator), mixing(estimator)
    for y in (NO_LABEL, Y):
        rows = selector.query(mapped, y, batch_size=4)
        assert_array_equal(rows, expected.query(X.astype(dtype), y, batch_size=4))
    made = selector.virtual_data(mapped, Y)[0]
    assert made.dtype == dtype
    assert made.flags.writeable
    assert selector.fit_resample(mapped, Y)[0].dtype == dtype
    assert_array_equal(mapped, X.astype(dtype))


@pytest.mark.parametrize("estimator", [BOOSTING, RandomForestClassifier(5)])
@pytest.mark.parametrize("make", [np.asarray, pd.DataFrame, pl.DataFrame])
def test_missing_numbers_where_the_classifier_takes_them(estimator, make):
    gaps = X.copy()
    gaps[rng.uniform(size=X.shape) < 0.15] = np.nan
    rows = make(gaps)
    if make is pd.DataFrame:
        rows.columns = list("abc")
    selector = mixing(estimator)
    for y in (NO_LABEL, ONE_CLASS, Y):
        check_batch(selector.query(rows, y, batch_size=4), 4, y)
    assert np.isfinite(selector.utilities_[~KNOWN]).all()
    assert np.isfinite(selector.score_samples(rows)).all()
    assert len(selector.virtual_data(rows, Y)[0]) > N_KNOWN
    assert len(selector.fit_resample(rows, Y)[0]) == 2 * N_KNOWN


def test_missing_numbers_where_it_does_not():
    gaps = np.where(X > 1.5, np.nan, X)
    with pytest.raises(ValueError, match="Input X contains NaN"):
        select().query(gaps, Y)
    imputing = make_pipeline(SimpleImputer(), LogisticRegression())
    check_batch(select(imputing).query(gaps, Y, batch_size=3), 3)


@pytest.mark.parametrize("y", [NO_LABEL, Y])
def test_a_column_without_any_value(y):
    check_batch(select(FOREST).query(np.c_[X, NO_LABEL], y, batch_size=3), 3, y)


# Sparse rows and text

SPARSE = [csr_matrix, csr_array]


@pytest.mark.parametrize("kind", SPARSE)
def test_sparse_rows_stay_sparse(kind):
    class Checked(LogisticRegression):
        def predict_proba(self, X):
            assert isinstance(X, kind)
            return super().predict_proba(X)

    rows = kind(ROWS_SPARSE)
    before = rows.copy()
    for pairing in ("neighbors", "labeled", "random"):
        selector = mixing(Checked(), pairing=pairing)
        check_batch(selector.query(rows, Y, batch_size=5), 5)
    made, y_made, weight = selector.virtual_data(rows, Y)
    assert isinstance(made, kind)
    assert made.shape == (len(y_made), 8)
    assert weight.sum() == pytest.approx(N_KNOWN)
    X_new, y_new = selector.fit_resample(rows, Y)
    assert isinstance(X_new, kind)
    assert X_new.shape == (len(y_new), 8) == (40, 8)
    assert_array_equal(X_new[:N_KNOWN].toarray(), ROWS_SPARSE[KNOWN])
    first, second = selector.parent_indices_.T
    share = selector.mix_weights_
    expected = share[:, :1] * ROWS_SPARSE[first] + share[:, 1:] * ROWS_SPARSE[second]
    assert_allclose(X_new[N_KNOWN:].toarray(), expected)
    assert selector.score_samples(rows).shape == (N,)
    assert abs(rows - before).sum() == 0


@pytest.mark.parametrize("kind", [*SPARSE, csc_array])
def test_sparse_and_dense_rows_score_the_same(kind):
    settings = {"augmentation": None, "diversity": None}
    sparse, dense = select(**settings), select(**settings)
    rows = sparse.query(kind(ROWS_SPARSE), Y, batch_size=5)
    assert_array_equal(rows, dense.query(ROWS_SPARSE, Y, batch_size=5))
    assert_allclose(sparse.own_scores_, dense.own_scores_)


def test_sparse_floats_keep_their_width():
    rows = csr_array(ROWS_SPARSE.astype(np.float32))
    assert mixing().fit_resample(rows, Y)[0].dtype == np.float32


@pytest.mark.parametrize("kind", SPARSE)
@pytest.mark.parametrize("acquisition", ["coreset", "badge", "random"])
def test_sets_of_sparse_rows(kind, acquisition):
    selector = select(acquisition=acquisition, augmentation=None)
    check_batch(selector.query(kind(ROWS_SPARSE), Y, batch_size=5), 5)


def test_what_takes_no_sparse_rows_says_so():
    rows = csr_array(ROWS_SPARSE)
    with pytest.raises(ValueError, match="'vaal' needs dense rows, and X is sparse"):
        select(acquisition=VAAL(max_iter=1)).query(rows, Y)
    selector = mixing(augmentation=CVAE(max_iter=1), lookahead=False)
    with pytest.raises(ValueError, match="'cvae' needs dense rows, and X is sparse"):
        selector.query(rows, Y)


def test_adamixup_of_sparse_rows_says_so_too():
    selector = mixing(augmentation=AdaMixup(max_iter=1), lookahead=False)
    with pytest.raises(ValueError, match="sparse"):
        selector.query(csr_array(ROWS_SPARSE), Y)


CORPORA = {
    "list": DOCUMENTS,
    "array": np.array(DOCUMENTS),
    "objects": np.array(DOCUMENTS, dtype=object),
    "pandas": pd.Series(DOCUMENTS, index=INDEX, name="text"),
    "polars": pl.Series(DOCUMENTS),
}


@pytest.mark.parametrize("documents", CORPORA.values(), ids=CORPORA.keys())
@pytest.mark.parametrize("scope", [None, "all"])
def test_text_behind_a_vectorizer(documents, scope):
    """Mixed as the vectorizer has them; also for training, where that is asked for."""
    selector = select(TEXT, virtual_scope=scope)
    for y in (NO_LABEL, ONE_CLASS, Y):
        check_batch(selector.query(documents, y, batch_size=5), 5, y)
    expected = select(TEXT, virtual_scope=scope).query(DOCUMENTS, Y, batch_size=5)
    assert_array_equal(selector.query_indices_, expected)
    assert selector.score_samples(documents).shape == (N,)
    assert selector.fit(documents, Y).utilities_.shape == (N,)
    assert selector.own_scores_[~KNOWN].min() > 0


@pytest.mark.parametrize(
    "documents",
    [DOCUMENTS, CORPORA["pandas"]],
    ids=["list", "pandas"],
)
@pytest.mark.parametrize("method", ["virtual_data", "fit_resample"])
def test_text_itself_cannot_be_mixed(documents, method):
    selector = mixing(TEXT)
    selector.query(documents, Y)
    with pytest.raises(ValueError, match="text"):
        getattr(selector, method)(documents, Y)


def test_text_behind_what_is_no_pipeline():
    calibrated = CalibratedClassifierCV(TEXT, cv=2)
    with pytest.raises(ValueError, match="not inside another classifier"):
        select(calibrated).query(DOCUMENTS, Y)


def test_a_search_over_a_pipeline_is_looked_into():
    search = GridSearchCV(TEXT, {"logisticregression__C": [1.0]}, cv=2)
    searched, plain = select(search), select(TEXT)
    expected = plain.query(DOCUMENTS, Y, batch_size=4)
    assert_array_equal(searched.query(DOCUMENTS, Y, batch_size=4), expected)
    assert_allclose(searched.utilities_, plain.utilities_)


def test_text_candidates():
    more = ["ant good dog", "cat bad hen", "eel good fox"]
    rows = select(TEXT).query(DOCUMENTS, Y, candidates=more, batch_size=2)
    assert set(rows) < {0, 1, 2}


# Pipelines


class Sign(TransformerMixin, BaseEstimator):
    """Nothing but signs: mixes of its outputs are no outputs of mixes."""

    fits: list = []

    def fit(self, X, y=None):
        self.fits.append(np.asarray(X))
        self.n_features_in_ = X.shape[1]
        return self

    def transform(self, X):
        return np.sign(np.asarray(X))


class Spy(LogisticRegression):
    """Notes what it is fitted to, and what it is asked."""

    fits: list = []
    asked: list = []

    def fit(self, X, y, sample_weight=None):
        self.fits.append((X, y, sample_weight))
        return super().fit(X, y, sample_weight)

    def predict_proba(self, X):
        self.asked.append(X)
        return super().predict_proba(X)


@pytest.fixture
def spied():
    for notes in (Sign.fits, Spy.fits, Spy.asked):
        notes.clear()


def flat(memory):
    return Pipeline([("sign", Sign()), ("skip", "passthrough"), ("spy", Spy())])


def nested(memory):
    first = Pipeline([("sign", Sign()), ("none", None)])
    return Pipeline([("first", first), ("spy", Spy())])


def remembering(memory):
    return Pipeline([("sign", Sign()), ("spy", Spy())], memory=memory)


def nested_last(memory):
    last = Pipeline([("sign", Sign()), ("spy", Spy())])
    return Pipeline([("scale", StandardScaler(with_mean=False)), ("last", last)])


@pytest.mark.parametrize(
    "make",
    [
        flat,
        nested,
        remembering,
        nested_last,
    ],
)
@pytest.mark.parametrize("scope", [None, "all"])
def test_rows_are_mixed_behind_the_transformers(make, scope, spied, tmp_path):
    selector = select(make(str(tmp_path)), virtual_scope=scope)
    check_batch(selector.query(X, Y, batch_size=2), 2)
    # Fitted once, to the rows with a label.
    assert len(Sign.fits) == 1
    assert_array_equal(np.sign(Sign.fits[0]), np.sign(X[KNOWN]))
    # Fitted to these, and to mixes of what they became.
    ((X_fit, y_fit, weight),) = Spy.fits
    assert_array_equal(X_fit[:N_KNOWN], np.sign(X[KNOWN]))
    assert_array_equal(y_fit[:N_KNOWN], Y[KNOWN])
    if scope is None:
        assert len(X_fit) == N_KNOWN
        assert weight is None
    else:
        assert_array_equal(weight[:N_KNOWN], 1)
        assert weight[N_KNOWN:].sum() == pytest.approx(N_KNOWN)
        between = np.abs(X_fit[N_KNOWN:])
        assert between.max() <= 1
        assert ((between > 0) & (between < 1)).any()
    # Asked about rows as they are, and about mixes of what they became.
    own, mixes = Spy.asked[0], np.concatenate(Spy.asked[1:])
    assert_array_equal(own, np.sign(X[~KNOWN]))
    assert ((np.abs(mixes) > 0) & (np.abs(mixes) < 1)).any()


@pytest.mark.parametrize(
    "scope",
    [
        None,
        "all",
    ],
)
def test_a_pipeline_with_memory_fits_its_transformers_once(spied, tmp_path, scope):
    pipeline = remembering(str(tmp_path))
    selector = select(pipeline, virtual_scope=scope)
    expected = select(remembering(None), virtual_scope=scope).query(X, Y, batch_size=3)
    Sign.fits.clear()
    for _ in range(2):
        assert_array_equal(selector.query(X, Y, batch_size=3), expected)
        assert selector.score_samples(X).shape == (N,)
        assert selector.estimator_.predict(X).shape == (N,)
    assert len(Sign.fits) == 1
    # That of the user is not fitted.
    with pytest.raises(NotFittedError):
        selector.estimator[-1].predict(X)


def test_the_fitted_pipeline_is_one():
    pipeline = make_pipeline(StandardScaler(), PCA(2), LogisticRegression())
    selector = select(pipeline, virtual_scope=None)
    selector.query(X, Y)
    by_hand = clone(pipeline).fit(X[KNOWN], Y[KNOWN])
    assert_allclose(selector.estimator_.predict_proba(X), by_hand.predict_proba(X))
    assert selector.estimator_.n_features_in_ == 3


@pytest.mark.parametrize("passed_as", ["estimator", "clf"])
def test_transformers_that_learn_from_labels(passed_as):
    pipeline = make_pipeline(SelectKBest(k=1), LogisticRegression())
    estimator, clf = (pipeline, None) if passed_as == "estimator" else (None, pipeline)
    for scope in (None, "all"):
        selector = select(estimator, virtual_scope=scope)
        check_batch(selector.query(X, Y, clf=clf, batch_size=3), 3)
        assert selector.estimator_[0].get_support().tolist() == [True, False, False]


@pytest.mark.parametrize("y", [NO_LABEL, ONE_CLASS])
def test_transformers_that_learn_from_labels_without_any(y):
    pipeline = make_pipeline(StandardScaler(), SelectKBest(k=1), LogisticRegression())
    check_batch(select(pipeline).query(X, y, batch_size=3), 3, y)


def test_a_pipeline_passed_to_the_first_query():
    rows = select(None).query(DOCUMENTS, NO_LABEL, clf=TEXT, batch_size=3)
    assert_array_equal(rows, select(TEXT).query(DOCUMENTS, NO_LABEL, batch_size=3))


class PairSpy(LADAClassifier):
    """Notes the pairs that it is given."""

    fits: list = []

    def fit(self, X, y, sample_weight=None, *, pairs=None, tau=None, layer=None):
        self.fits.append((X, y, pairs, tau, layer))
        return super().fit(X, y, sample_weight, pairs=pairs, tau=tau, layer=layer)


def test_a_network_behind_transformers_gets_pairs():
    PairSpy.fits.clear()
    network = PairSpy(hidden_layer_sizes=(4, 4), max_iter=2)
    pipeline = make_pipeline(StandardScaler(), network)
    selector = LADASelector(pipeline, pairing="random", virtual_scope="round")
    loop = ActiveLearningLoop(selector, batch_size=5, budget=5, random_state=0)
    loop.run(X, Y, oracle=TRUTH)
    _, _, pairs, tau, _ = PairSpy.fits[0]
    assert pairs is None
    assert tau is None
    X_fit, y_fit, pairs, tau, layer = PairSpy.fits[-1]
    known = np.flatnonzero(~np.isnan(loop.y_))
    scaled = StandardScaler().fit(X[known]).transform(X)
    assert_allclose(X_fit, scaled[known])
    assert_array_equal(y_fit, TRUTH[known])
    asked = loop.selector_
    assert pairs.shape == (2, 2)
    assert_array_equal(known[pairs], asked.pairs_)
    assert_array_equal(tau, asked.tau_)
    assert layer == asked.layer_
    assert layer in {"1", "2"}
    assert set(asked.pairs_.ravel()) < set(loop.queried_)


def test_a_network_behind_transformers_may_mix_all_rows():
    PairSpy.fits.clear()
    pipeline = make_pipeline(StandardScaler(), PairSpy(hidden_layer_sizes=4))
    select(pipeline, virtual_scope="all").query(X, Y)
    ((X_fit, _, pairs, tau, _),) = PairSpy.fits
    assert_allclose(X_fit.mean(axis=0), 0, atol=1e-12)
    assert pairs is None
    assert tau == 2.0


def test_adamixup_behind_a_vectorizer():
    dense = make_pipeline(
        TfidfVectorizer(),
        PCA(3, random_state=0),
        LogisticRegression(),
    )
    selector = select(
        dense,
        augmentation=AdaMixup(max_iter=1),
        lookahead=False,
        virtual_scope="all",
    )
    check_batch(selector.query(DOCUMENTS, Y, batch_size=3), 3)


# Networks of skorch


@pytest.fixture(scope="module")
def nets():
    """Networks of skorch that give probabilities and logits, not fitted."""
    skorch = pytest.importorskip("skorch")
    from torch import nn

    class Soft(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden, self.dropout = nn.Linear(3, 8), nn.Dropout(0.5)
            self.last = nn.Linear(8, 2)

        def forward(self, x):
            hidden = self.dropout(self.hidden(x).relu())
            return self.last(hidden).softmax(dim=1)

    class Logits(nn.Module):
        def __init__(self):
            super().__init__()
            self.first = nn.Sequential(nn.Linear(3, 8), nn.ReLU())
            self.norm = nn.BatchNorm1d(8)
            self.second = nn.Sequential(nn.Linear(8, 6), nn.ReLU())
            self.last = nn.Linear(6, 2)

        def forward(self, x):
            return self.last(self.second(self.norm(self.first(x))))

    class Binary(nn.Module):
        def __init__(self):
            super().__init__()
            self.hidden, self.last = nn.Linear(3, 8), nn.Linear(8, 1)

        def forward(self, x):
            return self.last(self.hidden(x).relu()).squeeze(-1)

    settings = {"max_epochs": 3, "lr": 0.1, "train_split": None, "verbose": 0}
    return {
        "soft": skorch.NeuralNetClassifier(Soft, **settings),
        "logits": skorch.NeuralNetClassifier(
            Logits, criterion=nn.CrossEntropyLoss, **settings
        ),
        "binary": skorch.NeuralNetBinaryClassifier(Binary, **settings),
        # Of a class that pickle finds.
        "linear": skorch.NeuralNetClassifier(
            nn.Linear,
            module__in_features=3,
            module__out_features=2,
            criterion=nn.CrossEntropyLoss,
            **settings,
        ),
    }


BOTH_NETS = pytest.mark.parametrize("name", ["soft", "logits"])
POLICY = InfoMixup(policy="network", max_iter=2, hidden_layer_sizes=4)


@BOTH_NETS
@pytest.mark.parametrize("pairing", ["neighbors", "random"])
@pytest.mark.parametrize("augmentation", ["infomixup", POLICY, "manifold_mixup"])
def test_networks_of_skorch_mix_at_hidden_layers(nets, name, pairing, augmentation):
    layers = {"soft": ["dropout"], "logits": ["first", "norm", "second"]}[name]
    selector = select(
        nets[name], augmentation=augmentation, pairing=pairing, missing_label=-1
    )
    check_batch(selector.query(X32, Y_INT, batch_size=5), 5)
    assert selector.layer_ in layers
    assert selector.classes_.tolist() == [0, 1]
    n_epochs = 3 if augmentation is POLICY else 0
    assert len(selector.history_["policy_score"]) == n_epochs
    assert np.isfinite(selector.history_["policy_score"]).all()


@BOTH_NETS
@pytest.mark.parametrize("augmentation", ["infomixup", POLICY])
def test_a_query_leaves_a_network_as_it_is(
    nets, name, augmentation, random_state_untouched
):
    import torch

    with torch.random.fork_rng():
        net = clone(nets[name]).fit(X32[KNOWN], TRUTH[KNOWN])
    network = net.module_
    network.train()
    list(network.children())[-1].eval()
    next(network.parameters()).requires_grad_(False)
    for parameter in network.parameters():
        parameter.grad = None
    weights = {key: value.clone() for key, value in network.state_dict().items()}
    modes = [module.training for module in network.modules()]
    wanted = [parameter.requires_grad for parameter in network.parameters()]
    n_hooks = sum(len(module._forward_hooks) for module in network.modules())
    selector = select(None, acquisition="entropy", augmentation=augmentation)
    answers = [
        selector.query(X32, Y, clf=net, fit_clf=False, batch_size=4) for _ in range(2)
    ]
    scores = selector.score_samples(X32)
    assert selector.estimator_ is net
    assert_array_equal(*answers)
    assert all(torch.equal(weights[k], v) for k, v in network.state_dict().items())
    assert [module.training for module in network.modules()] == modes
    assert [p.requires_grad for p in network.parameters()] == wanted
    assert all(p.grad is None for p in network.parameters())
    assert sum(len(m._forward_hooks) for m in network.modules()) == n_hooks
    # Scores are those of the probabilities that the net itself gives.
    network.eval()
    with torch.random.fork_rng():
        outputs = net.forward(X32)
    if name == "logits":
        outputs = outputs.softmax(dim=1)
    expected = entropy(outputs.numpy(), axis=1)
    assert_allclose(scores, expected, rtol=1e-4)


@BOTH_NETS
def test_networks_of_skorch_in_a_pipeline(nets, name):
    pipeline = make_pipeline(StandardScaler(), nets[name])
    selector = mixing(pipeline, augmentation=POLICY, missing_label=-1)
    check_batch(selector.query(X32, Y_INT, batch_size=4), 4)
    assert selector.layer_ != "input"
    assert selector.score_samples(X32).shape == (N,)
    made, _, weight = selector.virtual_data(X32, Y_INT)
    assert made.dtype == np.float32
    assert weight.sum() == pytest.approx(N_KNOWN)
    X_new, y_new = selector.fit_resample(X32, Y_INT)
    assert X_new.dtype == np.float32
    assert y_new.dtype == Y_INT.dtype
    assert len(X_new) == 2 * N_KNOWN


@BOTH_NETS
@pytest.mark.parametrize("acquisition", ["badge", "coreset", "random"])
def test_sets_by_networks_of_skorch(nets, name, acquisition):
    selector = select(
        nets[name], acquisition=acquisition, augmentation=None, missing_label=-1
    )
    check_batch(selector.query(X32, Y_INT, batch_size=4), 4)


def test_members_of_networks_of_skorch(nets):
    selector = select(nets["soft"], acquisition="bald", missing_label=-1)
    check_batch(selector.query(X32, Y_INT, batch_size=4), 4)
    with pytest.raises(ValueError, match="asks for a network with dropout"):
        selector.set_params(estimator=nets["logits"]).query(X32, Y_INT)


def test_layers_of_networks_of_skorch(nets):
    selector = select(
        nets["logits"], augmentation=InfoMixup(layers=["second.0"]), missing_label=-1
    )
    selector.query(X32, Y_INT)
    assert selector.layer_ == "second.0"
    selector.set_params(augmentation__layers=["third"])
    with pytest.raises(ValueError, match=r"'third', which the network does not have"):
        selector.query(X32, Y_INT)


def test_a_network_of_skorch_before_the_first_label(nets):
    selector = select(nets["soft"], missing_label=-1)
    none = np.full(N, -1)
    check_batch(selector.query(X32, none, batch_size=4), 4, NO_LABEL)


def test_a_pickle_with_a_network_of_skorch(nets):
    selector = select(nets["linear"], missing_label=-1)
    selector.query(X32, Y_INT, batch_size=3)
    # One layer: there is no hidden one.
    assert selector.layer_ == "input"
    again = pickle.loads(pickle.dumps(selector))
    assert_array_equal(again.score_samples(X32), selector.score_samples(X32))


def test_a_seed_is_enough_for_networks_of_skorch(nets, random_state_untouched):
    one, two = (
        select(nets["logits"], missing_label=-1).fit(X32, Y_INT).own_scores_
        for _ in range(2)
    )
    assert_array_equal(one, two)


@pytest.mark.parametrize("y", [Y, Y.tolist()])
def test_default_marks_for_networks_of_skorch(nets, y):
    check_batch(select(nets["logits"]).query(X32, y, batch_size=3), 3)


def test_objects_as_labels_for_networks_of_skorch(nets):
    y = np.array([None if np.isnan(v) else int(v) for v in Y], dtype=object)
    check_batch(select(nets["logits"]).query(X32, y, batch_size=3), 3)


def test_what_skorch_draws_leaves_the_state_of_torch(nets, random_state_untouched):
    net, rows = nets["linear"], X32[:, :3]
    loop = ActiveLearningLoop(select(net), budget=4, batch_size=2, random_state=0)
    loop.run(rows, Y, TRUTH, X_test=rows, y_test=TRUTH)
    verdicts = []
    for _ in range(2):
        selector = mixing(net, guard=True)
        selector.fit_resample(rows, Y)
        verdicts.append((selector.best_score_, selector.baseline_score_))
    assert verdicts[0] == verdicts[1]


def test_what_skorch_predicts_must_be_what_the_network_says(nets):
    halved = clone(nets["logits"]).set_params(
        predict_nonlinearity=lambda z: (z / 2).softmax(dim=1)
    )
    with pytest.raises(ValueError, match="does not predict what its network says"):
        select(halved).query(X32, Y)


def test_binary_nets_of_skorch_are_refused_before_they_are_trained(nets):
    with pytest.raises(ValueError, match="use NeuralNetClassifier, with an output for"):
        select(nets["binary"]).query(X32, Y)


def test_networks_of_skorch_with_one_output_are_refused(nets):
    net = clone(nets["binary"]).fit(X32[KNOWN], TRUTH[KNOWN].astype(np.float32))
    with pytest.raises(ValueError, match=r"output|logit|class"):
        select(None).query(X32, Y, clf=net, fit_clf=False)


# scikit-activeml


@pytest.fixture(scope="module")
def skactiveml():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("skactiveml")
        import skactiveml.base
        import skactiveml.classifier
        import skactiveml.pool
        import skactiveml.utils
    return skactiveml


def test_call_func_takes_a_selector_as_it_is(skactiveml):
    selector, call_func = select(), skactiveml.utils.call_func
    rows, utilities = call_func(
        selector.query,
        X=X,
        y=Y,
        clf=LOGISTIC,
        fit_clf=True,
        ensemble="none of ours",
        batch_size=3,
        return_utilities=True,
    )
    assert_array_equal(rows, select().query(X, Y, batch_size=3))
    assert utilities.shape == (3, N)
    check_batch(call_func(selector.query, only_mandatory=True, X=X, y=Y, clf=None), 1)


def test_its_network_is_mixed_at_a_hidden_layer(skactiveml):
    from torch import nn

    pytest.importorskip("skorch")
    clf = skactiveml.classifier.SkorchClassifier(
        nn.Sequential(nn.Linear(3, 8), nn.ReLU(), nn.Linear(8, 2)),
        classes=[0, 1],
        neural_net_param_dict={"max_epochs": 2, "train_split": None, "verbose": 0},
        random_state=0,
    )
    selector = select(augmentation="manifold_mixup")
    check_batch(selector.query(X32, Y, clf=clf, batch_size=4), 4)
    assert selector.layer_ == "1"


def test_the_signature_is_that_of_its_strategies(skactiveml):
    from inspect import signature

    theirs = signature(skactiveml.pool.UncertaintySampling().query).parameters
    ours = signature(LADASelector().query).parameters
    assert set(ours) == set(theirs) - {"utility_weight"}
    # By place, as their tests call it.
    rows, _ = select().query(X, Y, LOGISTIC, True, None, None, 3, True)
    check_batch(rows, 3)


def test_classes_without_a_label(skactiveml):
    """A classifier that knows of a third class, which no row has yet."""
    clf = skactiveml.classifier.SklearnClassifier(LOGISTIC, classes=[0, 1, 2])
    selector = select()
    check_batch(selector.query(X, Y, clf=clf, batch_size=3), 3)
    assert selector.classes_.tolist() == [0, 1, 2]
    assert selector.estimator_.predict_proba(X).shape == (N, 3)
    for y in (NO_LABEL, ONE_CLASS):
        check_batch(selector.query(X, y, clf=clf, batch_size=3), 3, y)
    as_estimator = select(clone(clf), acquisition="entropy")
    check_batch(as_estimator.query(X, Y, batch_size=3), 3)
    fitted = clone(clf).fit(X, Y)
    check_batch(selector.query(X, Y, clf=fitted, fit_clf=False, batch_size=3), 3)
    assert selector.estimator_ is fitted
    check_batch(mixing(clone(clf)).query(X, Y, batch_size=3), 3)


MARKS = {
    "None": (None, np.array([*TRUTH[KNOWN], *[None] * 40], dtype=object)),
    "NaN": (np.nan, Y),
    "-1": (-1, Y_INT),
    "text": ("nan", np.array([*TRUTH[KNOWN].astype(str), *["nan"] * 40])),
}


@pytest.mark.parametrize(("missing_label", "y"), MARKS.values(), ids=MARKS.keys())
@pytest.mark.parametrize("exclude", [False, True])
def test_sub_sampling(skactiveml, missing_label, y, exclude):
    strategy = as_skactiveml(select(missing_label=missing_label))
    wrapper = skactiveml.pool.SubSamplingWrapper(
        strategy,
        max_candidates=15,
        exclude_non_subsample=exclude,
        missing_label=missing_label,
        random_state=0,
    )

    def query(candidates):
        return wrapper.query(
            X, y, candidates=candidates, batch_size=3, return_utilities=True
        )

    rows, utilities = query(None)
    check_batch(rows, 3)
    assert utilities.shape == (3, N)
    assert np.isnan(utilities[0]).sum() == N_KNOWN
    assert np.isneginf(utilities[0]).sum() == 25
    assert np.isfinite(utilities[np.arange(3), rows]).all()
    rows, utilities = query(np.arange(30, 50))
    check_batch(rows, 3)
    assert ((rows >= 30) & (rows < 50)).all()
    assert np.isfinite(utilities[0]).sum() == 15
    rows, utilities = query(X[30:50])
    assert len(set(rows)) == 3
    assert (rows < 20).all()
    assert utilities.shape == (3, 20)
    assert np.isneginf(utilities[0]).sum() == 5


def test_sub_sampling_a_share_for_a_fitted_classifier(skactiveml):
    clf = skactiveml.classifier.SklearnClassifier(LOGISTIC, classes=[0, 1]).fit(X, Y)
    strategy = as_skactiveml(select(pairing="random"))
    wrapper = skactiveml.pool.SubSamplingWrapper(
        strategy, max_candidates=0.5, random_state=0
    )
    rows = wrapper.query(X, Y, clf=clf, fit_clf=False, batch_size=4)
    check_batch(rows, 4)
    assert strategy.estimator_ is clf
    # Without the class it is refused: this is what as_skactiveml is for.
    with pytest.raises(TypeError, match="SingleAnnotatorPoolQueryStrategy"):
        skactiveml.pool.SubSamplingWrapper(select()).query(X, Y)


def test_a_strategy_is_a_selector(skactiveml):
    selector = select(augmentation=InfoMixup(), missing_label=-1)
    strategy = as_skactiveml(selector)
    assert isinstance(strategy, skactiveml.base.SingleAnnotatorPoolQueryStrategy)
    assert isinstance(strategy, LADASelector)
    # What it was made of stays its own.
    assert strategy.get_params(deep=False).keys() == selector.get_params(False).keys()
    expected = selector.query(X, Y_INT, batch_size=4)
    assert not hasattr(strategy, "query_indices_")
    for copy in (strategy, clone(strategy), pickle.loads(pickle.dumps(strategy))):
        assert type(copy) is type(strategy)
        assert_array_equal(copy.query(X, Y_INT, batch_size=4), expected)
        assert_array_equal(
            pickle.loads(pickle.dumps(copy)).score_samples(X), copy.score_samples(X)
        )
    changed = clone(strategy).set_params(augmentation__tau_bounds=(1.0, 2.0))
    assert changed.augmentation.tau_bounds == (1.0, 2.0)
    assert strategy.augmentation.tau_bounds == (0.1, 20.0)


def test_what_is_imported():
    """Neither torch nor scikit-activeml, unless they are used."""
    program = """
import sys
import numpy as np
from sklearn.linear_model import LogisticRegression
from skmix.active import LADASelector
X = np.random.RandomState(0).normal(size=(40, 3))
y = np.where(np.arange(40) < 10, np.arange(40) % 2, np.nan)
selector = LADASelector(
    LogisticRegression(), virtual_scope="all", guard=False, random_state=0
)
selector.query(X, np.full(40, np.nan), batch_size=3)
selector.query(X, y, batch_size=3)
selector.set_params(pairing="random").query(X, y, batch_size=3)
selector.fit(X, y).score_samples(X)
selector.virtual_data(X, y)
selector.fit_resample(X, y)
loaded = [name for name in ("torch", "skactiveml", "skorch") if name in sys.modules]
assert not loaded, loaded
"""
    subprocess.run([sys.executable, "-c", program], check=True)


# Batches

SETTINGS = {
    "default": {},
    "no diversity": {"diversity": None},
    "labeled": {"pairing": "labeled"},
    "pairs": {"pairing": "random"},
    "best pairs": {"pairing": "random", "diversity": None},
    "alone": {"augmentation": None},
    "after": {"lookahead": False},
    "coreset": {"acquisition": "coreset", "augmentation": None},
    "badge": {"acquisition": "badge", "augmentation": None},
    "random": {"acquisition": "random", "augmentation": None},
    "few": {"max_candidates": 12},
}
ALL_SETTINGS = pytest.mark.parametrize(
    "settings", SETTINGS.values(), ids=SETTINGS.keys()
)


@ALL_SETTINGS
@pytest.mark.parametrize("batch_size", [1, 4, 7])
def test_batches_and_their_utilities(settings, batch_size):
    selector = select(**settings)
    rows, utilities = selector.query(X, Y, batch_size=batch_size, return_utilities=True)
    check_batch(rows, batch_size)
    assert_array_equal(selector.query_indices_, rows)
    assert_array_equal(selector.query(X, Y, batch_size=batch_size), rows)
    assert utilities.shape == (batch_size, N)
    # NaN is what could not be chosen, or was chosen before; not else.
    expected = np.tile(KNOWN, (batch_size, 1))
    for place, row in enumerate(rows):
        expected[place + 1 :, row] = True
    assert_array_equal(np.isnan(utilities), expected)
    assert np.isfinite(utilities[np.arange(batch_size), rows]).all()
    # Without max_candidates and a shortlist, which has twenty rows to each of a batch,
    # all of them are looked at.
    if settings == SETTINGS["few"]:
        assert np.isfinite(utilities[0]).sum() == 12
    elif batch_size > 1:
        assert np.isfinite(utilities[0]).sum() == 40


def test_what_is_not_on_the_shortlist():
    many = np.random.RandomState(1).normal(size=(300, 3))
    y = np.where(np.arange(300) < 20, many[:, 0] > 0, np.nan)
    selector = select()
    rows, utilities = selector.query(many, y, batch_size=2, return_utilities=True)
    # Twenty to each row of the batch, by their own scores.
    assert np.isneginf(utilities[0]).sum() == 280 - 40
    shortlist = np.flatnonzero(np.isfinite(utilities[0]))
    assert set(rows) < set(shortlist)
    own = selector.own_scores_
    assert own[shortlist].min() >= np.delete(own[20:], shortlist - 20).max()
    assert_array_equal(np.isnan(selector.virtual_scores_), ~np.isfinite(utilities[0]))
    assert_array_equal(selector.utilities_, utilities[0])
    assert_allclose(
        utilities[0, shortlist],
        own[shortlist] + selector.virtual_scores_[shortlist],
    )


@ALL_SETTINGS
def test_labelled_rows_can_be_named(settings):
    selector = select(**settings)
    rows, utilities = selector.query(
        X, Y, candidates=[3, 5, 7, 30], batch_size=4, return_utilities=True
    )
    assert sorted(rows) == [3, 5, 7, 30]
    assert sorted(np.flatnonzero(~np.isnan(utilities[0]))) == [3, 5, 7, 30]
    # Where all rows have a label, too.
    assert set(select(**settings).query(X, TRUTH, candidates=[3, 5])) < {3, 5}


@pytest.mark.parametrize("diversity", ["kmeans", None])
@pytest.mark.parametrize("seed", range(3))
def test_an_odd_batch_of_pairs(diversity, seed):
    selector = select(pairing="random", diversity=diversity, random_state=seed)
    rows = selector.query(X, Y, batch_size=5)
    check_batch(rows, 5)
    assert selector.pairs_.shape == (2, 2)
    assert selector.tau_.shape == (2,)
    assert_array_equal(selector.pairs_.ravel(), rows[:4])
    # Both rows of a pair are worth the same as a pair, and one has the better score.
    last = np.flatnonzero(selector.utilities_ == selector.utilities_[rows[4]])
    assert len(last) == 2
    assert rows[4] == last[selector.own_scores_[last].argmax()]


def test_one_row_of_an_odd_pool_has_no_partner():
    selector = select(pairing="random")
    selector.query(X[:59], Y[:59], batch_size=4)
    assert np.isneginf(selector.utilities_).sum() == 1
    # Where all must be taken, there are no pairs to choose among.
    rows = selector.query(X[:25], Y[:25], batch_size=5)
    assert sorted(rows) == list(range(20, 25))


@ALL_SETTINGS
def test_a_batch_larger_than_the_pool(settings):
    selector = select(**settings)
    with pytest.warns(UserWarning, match="batch_size=30 is more than the 5 rows"):
        rows, utilities = selector.query(
            X[:25], Y[:25], batch_size=30, return_utilities=True
        )
    assert sorted(rows) == list(range(20, 25))
    assert utilities.shape == (5, 25)
    with pytest.warns(UserWarning, match="batch_size=30 is more than the 25 rows"):
        rows = selector.query(X[:25], NO_LABEL[:25], batch_size=30)
    assert sorted(rows) == list(range(25))


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"diversity": None},
        {"pairing": "labeled"},
        {"pairing": "random"},
        {"augmentation": None},
        {"lookahead": False},
        {"acquisition": "coreset", "augmentation": None},
        {"acquisition": "badge", "augmentation": None},
        {"acquisition": "random", "augmentation": None},
    ],
)
def test_a_pool_of_one_row(settings):
    """The last row of every loop that goes on to the end."""
    rows, utilities = select(**settings).query(
        X[:21], Y[:21], batch_size=1, return_utilities=True
    )
    assert rows.tolist() == [20]
    assert np.isfinite(utilities[0, 20])


def test_one_candidate():
    rows, utilities = select().query(X, Y, candidates=[33], return_utilities=True)
    assert rows.tolist() == [33]
    assert np.isfinite(utilities[0, 33])


def test_hardly_any_rows():
    assert select().query(X[:1], [None]).tolist() == [0]
    assert select().query(X[:2], [1, None]).tolist() == [1]
    assert sorted(select().query(X[18:22], Y[18:22], batch_size=2)) == [2, 3]


def test_some_candidates_are_looked_at():
    selector = select(max_candidates=12)
    rows, utilities = selector.query(X, Y, batch_size=3, return_utilities=True)
    looked_at = np.isfinite(utilities[0])
    assert looked_at.sum() == 12
    assert looked_at[rows].all()
    assert np.isnan(selector.own_scores_[~looked_at]).all()
    others = select(max_candidates=12, random_state=1)
    others.query(X, Y, batch_size=3)
    assert set(np.flatnonzero(np.isfinite(others.own_scores_))) != set(
        np.flatnonzero(looked_at)
    )
    # A batch is never smaller for it.
    check_batch(select(max_candidates=2).query(X, Y, batch_size=5), 5)
    check_batch(select(max_candidates=1000).query(X, Y, batch_size=5), 5)
    # Without a label, too.
    check_batch(selector.query(X, NO_LABEL, batch_size=5), 5, NO_LABEL)


@pytest.mark.parametrize(
    "make",
    [
        np.array,
        np.ndarray.tolist,
        lambda rows: pd.DataFrame(rows, columns=list("abc")),
        lambda rows: pl.DataFrame(rows, schema=list("abc")),
        csr_matrix,
        csr_array,
    ],
    ids=["array", "list", "pandas", "polars", "csr_matrix", "csr_array"],
)
@pytest.mark.parametrize("y", [NO_LABEL, ONE_CLASS, Y])
def test_candidates_that_are_rows(make, y):
    """New rows are worth what they are worth as rows of X."""
    selector = mixing()
    rows, utilities = selector.query(
        make(X[:50]), y[:50], candidates=make(X[50:]), batch_size=3, return_utilities=1
    )
    assert len(set(rows)) == 3
    assert ((rows >= 0) & (rows < 10)).all()
    assert utilities.shape == (3, 10)
    places, inside = select(virtual_scope="all").query(
        make(X), y, candidates=np.arange(50, 60), batch_size=3, return_utilities=1
    )
    assert_array_equal(rows, places - 50)
    assert_array_equal(utilities, inside[:, 50:])
    assert len(selector.pairs_) == 0


def test_candidates_that_are_rows_with_an_index():
    frame = pd.DataFrame(X, columns=list("abc"), index=INDEX)
    expected = select().query(X, Y, candidates=np.arange(40, 50), batch_size=3) - 40
    more = frame.iloc[40:50].set_axis(pd.RangeIndex(7, 17))
    rows = select().query(frame, Y, candidates=more, batch_size=3)
    assert_array_equal(rows, expected)
    # Places in a series or an index of pandas are those that it holds.
    places = pd.Series(np.arange(40, 50), index=np.arange(10)[::-1])
    for candidates in (places, pd.Index(places), list(places), range(40, 50)):
        rows = select().query(frame, Y, candidates=candidates, batch_size=3)
        assert_array_equal(rows - 40, expected)


def test_nothing_is_made_of_candidates_that_are_no_rows_of_X():
    selector = select(
        augmentation=CVAE(max_iter=1), lookahead=False, virtual_scope="round"
    )
    selector.query(X, Y, candidates=X[30:40], batch_size=2)
    assert len(selector.virtual_data(X, Y)[0]) == 0


LETTERS = pd.DataFrame(X, columns=list("abc"))


@pytest.mark.parametrize(
    ("rows", "candidates", "message"),
    [
        (X, [30, 30], "hold each place once, from 0 to 59"),
        (X, [60], "hold each place once, from 0 to 59"),
        (X, [-1], "hold each place once, from 0 to 59"),
        (X, [30.0, 31.0], "places of rows of X, whole numbers, or rows"),
        (X, ~KNOWN, "places of rows of X, whole numbers, or rows"),
        (X, X[:0], "There is no row to choose: .* candidates is empty"),
        (csr_array(X), csr_array(X[:0]), "candidates is empty"),
        (LETTERS, LETTERS[:0], "candidates is empty"),
        (X, [], "candidates is empty"),
        (X, np.empty(0, int), "candidates is empty"),
        (X, X[:, :2], "features|columns"),
        (LETTERS, LETTERS[["c", "a", "b"]], "names"),
        (LETTERS, X, "got ndarray for DataFrame"),
    ],
)
def test_candidates_that_cannot_be_used(rows, candidates, message):
    with pytest.raises(ValueError, match=message):
        select().query(rows, Y, candidates=candidates)


@pytest.mark.parametrize("batch_size", [0, -1, 2.0, "two", None])
def test_sizes_of_batches(batch_size):
    with pytest.raises(ValueError, match="batch_size must be a whole number of at"):
        select().query(X, Y, batch_size=batch_size)
    check_batch(select().query(X, Y, batch_size=np.int64(3)), 3)


# Randomness


@ALL_SETTINGS
def test_ties_are_broken_by_the_seed(settings):
    same = DummyClassifier(strategy="prior")
    rows = {
        seed: select(same, **settings, random_state=seed).query(X, Y, batch_size=4)
        for seed in range(4)
    }
    if settings.get("acquisition") != "coreset":
        assert len({tuple(r) for r in rows.values()}) > 1
    for seed in range(4):
        again = select(same, **settings, random_state=seed).query(X, Y, batch_size=4)
        assert_array_equal(again, rows[seed])


@pytest.mark.parametrize(
    "estimator",
    [LOGISTIC, FOREST, NETWORK, make_pipeline(StandardScaler(), FOREST)],
    ids=["logistic", "forest", "network", "pipeline"],
)
def test_equal_seeds_give_equal_answers(estimator, random_state_untouched):
    one, two = mixing(estimator), mixing(estimator)
    for y in (NO_LABEL, Y, Y):
        rows = one.query(X, y, batch_size=5)
        assert_array_equal(two.query(X, y, batch_size=5), rows)
    # Also after other calls: what was asked before leaves no trace.
    third = mixing(estimator)
    assert_array_equal(third.query(X, Y, batch_size=5), rows)
    assert_array_equal(third.score_samples(X), one.score_samples(X))
    for a, b in zip(one.virtual_data(X, Y), two.virtual_data(X, Y), strict=True):
        assert_array_equal(a, b)
    for a, b in zip(one.fit_resample(X, Y), two.fit_resample(X, Y), strict=True):
        assert_array_equal(a, b)
    assert_array_equal(two.fit(X, Y).utilities_, one.fit(X, Y).utilities_)


def test_other_labels_give_other_draws():
    """With the seed alone, each round would choose by the same draws."""
    more = Y.copy()
    more[25] = 0
    selector = select(acquisition="random", augmentation=None)
    rows, others = (selector.query(X, y, batch_size=10) for y in (Y, more))
    assert not np.array_equal(rows, others)
    assert_array_equal(selector.query(X, Y, batch_size=10), rows)


def test_no_seed_gives_other_answers():
    for random_state in (None, np.random.RandomState(0)):
        same = DummyClassifier(strategy="prior")
        selector = select(same, random_state=random_state)
        answers = [tuple(selector.query(X, Y, batch_size=5)) for _ in range(3)]
        assert len(set(answers)) > 1
    states = (np.random.RandomState(3), np.random.RandomState(3))
    one, two = (select(random_state=s).query(X, Y, batch_size=5) for s in states)
    assert_array_equal(one, two)


@pytest.mark.parametrize(
    "rows",
    [
        X.copy(),
        FRAME[NUMBERS].copy(),
        pl.from_pandas(FRAME[NUMBERS]),
        csr_array(ROWS_SPARSE),
    ],
    ids=["array", "pandas", "polars", "sparse"],
)
def test_what_is_passed_stays_as_it_is(rows, random_state_untouched):
    y, weight, candidates = Y.copy(), np.ones(N), np.arange(30, 50)
    before = pickle.dumps((rows, y, weight, candidates))
    estimator = RandomForestClassifier(5)
    selector = mixing(estimator)
    parameters = repr(selector.get_params())
    selector.query(rows, NO_LABEL, batch_size=3)
    selector.query(rows, y, sample_weight=weight, candidates=candidates, batch_size=3)
    selector.virtual_data(rows, y)
    selector.fit(rows, y, sample_weight=weight)
    selector.score_samples(rows)
    selector.fit_resample(rows, y)
    assert pickle.dumps((rows, y, weight, candidates)) == before
    assert repr(selector.get_params()) == parameters
    assert not hasattr(estimator, "classes_")


# Before there is a classifier

BEGINNINGS = {
    "table": (LOGISTIC, X),
    "list": (LOGISTIC, X.tolist()),
    "forest": (None, X),
    "frame": (COLUMNS, FRAME),
    "categories": (BOOSTING, FRAME.drop(columns="kind")),
    "polars": (BOOSTING, pl.from_pandas(FRAME.drop(columns="kind"))),
    "csr_matrix": (LOGISTIC, csr_matrix(ROWS_SPARSE)),
    "csr_array": (LOGISTIC, csr_array(ROWS_SPARSE)),
    "text": (TEXT, DOCUMENTS),
    "text series": (TEXT, pd.Series(DOCUMENTS, index=INDEX)),
    "images": (NETWORK, IMAGES),
    "images of bytes": (NETWORK, (100 + 30 * IMAGES).astype(np.uint8)),
}


@pytest.mark.parametrize(
    ("estimator", "rows"), BEGINNINGS.values(), ids=BEGINNINGS.keys()
)
def test_before_there_are_two_classes(estimator, rows):
    for y in (NO_LABEL, ONE_CLASS):
        selector = select(estimator)
        chosen, utilities = selector.query(rows, y, batch_size=5, return_utilities=True)
        check_batch(chosen, 5, y)
        assert_array_equal(select(estimator).query(rows, y, batch_size=5), chosen)
        assert (utilities[0][np.isnan(y)] == 0).all()
        assert np.isnan(utilities[0][~np.isnan(y)]).all()
        assert not hasattr(selector, "estimator_")
        with pytest.raises(NotFittedError):
            selector.score_samples(rows)
        if estimator is not None or y is ONE_CLASS:
            made, _, weight = selector.virtual_data(rows, y)
            n_made = made.shape[0] if issparse(made) else len(made)
            # Forests and networks train with mixes of all labelled rows.
            assert n_made == len(weight)
            mixes = estimator is None or estimator is NETWORK
            assert (n_made > 0) == (mixes and y is ONE_CLASS)
    # What follows goes by a classifier.
    check_batch(selector.query(rows, Y, batch_size=5), 5)
    assert selector.score_samples(rows).shape == (N,)


def test_nothing_can_be_made_without_labels():
    made, y_made, weight = mixing(None).virtual_data(X, NO_LABEL)
    assert made.shape == (0, 3)
    assert len(y_made) == len(weight) == 0


def test_the_first_rows_stand_for_groups():
    centres = np.array([[0.0, 0], [10, 0], [0, 10], [10, 10]])
    groups = np.repeat([0, 1, 2, 3], 15)
    rows = centres[groups] + 0.1 * X[:, :2]
    chosen = select().query(rows, NO_LABEL, batch_size=4)
    assert sorted(groups[chosen]) == [0, 1, 2, 3]
    y = NO_LABEL.copy()
    y[[0, 20]] = 1
    assert sorted(groups[select().query(rows, y, batch_size=2)]) == [2, 3]


@pytest.mark.parametrize(
    "acquisition",
    [
        "random",
        "badge",
        "coreset",
        VAAL(max_iter=1),
    ],
)
@pytest.mark.parametrize("augmentation", [None, "mixup"])
def test_one_class_for_every_acquisition(acquisition, augmentation):
    selector = select(
        acquisition=acquisition, augmentation=augmentation, lookahead=False
    )
    check_batch(selector.query(X, ONE_CLASS, batch_size=3), 3, ONE_CLASS)


@pytest.mark.parametrize(
    "acquisition", ["random", "badge", "coreset", VAAL(max_iter=1)]
)
def test_no_label_for_every_acquisition(acquisition):
    selector = select(acquisition=acquisition, augmentation=None)
    check_batch(selector.query(X, NO_LABEL, batch_size=3), 3, NO_LABEL)


def test_a_fitted_classifier_needs_no_labels():
    fitted = LogisticRegression().fit(X, TRUTH)
    for settings in ({}, {"pairing": "random"}, {"acquisition": "badge"}):
        if settings.get("acquisition"):
            settings["augmentation"] = None
        selector = select(**settings)
        rows = selector.query(X, NO_LABEL, clf=fitted, fit_clf=False, batch_size=3)
        check_batch(rows, 3, NO_LABEL)
        assert selector.estimator_ is fitted


@pytest.mark.parametrize(
    "settings",
    [{"pairing": "labeled"}, {"acquisition": "coreset", "augmentation": None}],
    ids=["labeled", "coreset"],
)
def test_a_fitted_classifier_needs_no_labels_for_any_setting(settings):
    fitted = LogisticRegression().fit(X, TRUTH)
    rows = select(**settings).query(X, NO_LABEL, clf=fitted, fit_clf=False)
    check_batch(rows, 1, NO_LABEL)


def test_fit_asks_for_labels():
    with pytest.raises(ValueError, match="of 0 classes, and 2 are needed"):
        select().fit(X, NO_LABEL)
    for y, n in ((NO_LABEL, 0), (ONE_CLASS, 1)):
        with pytest.raises(ValueError, match=f"y holds {n} class, and two are needed"):
            select().fit_resample(X, y)


def test_fit_asks_for_two_classes():
    with pytest.raises(ValueError, match="class"):
        select(FOREST).fit(X, ONE_CLASS)


@pytest.mark.parametrize("y", [NO_LABEL, Y])
def test_attributes_of_every_query(y):
    selector = select(acquisition="badge", augmentation=None)
    selector.query(X, y)
    assert not any(selector.history_.values())


# Searches, weights, copies


def test_a_search_over_a_resampled_classifier_in_a_pipeline():
    model = ResampledClassifier(
        LogisticRegression(), resampler=LADASelector(LOGISTIC, random_state=0)
    )
    pipeline = Pipeline([("scale", StandardScaler()), ("model", model)])
    grid = {
        "model__resampler__augmentation": ["mixup", InfoMixup()],
        "model__resampler__guard": [False, True],
        "model__estimator__C": [1.0],
    }
    search = GridSearchCV(pipeline, grid, cv=2, scoring="neg_log_loss").fit(X, TRUTH)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    best = search.best_estimator_[-1]
    assert best.n_rows_added_ in (0, N)
    assert best.n_rows_added_ == len(best.resampler_.parent_indices_)
    search = GridSearchCV(
        model,
        {
            "resampler__augmentation": [InfoMixup()],
            "resampler__augmentation__tau_bounds": [(0.5, 2.0), (0.1, 20.0)],
        },
        cv=2,
    ).fit(X, TRUTH)
    assert len(search.cv_results_["params"]) == 2


def test_weights_follow_mixes_through_a_resampled_classifier():
    model = ResampledClassifier(Spy(), resampler=mixing())
    Spy.fits.clear()
    weight = np.linspace(1, 2, N)
    model.fit(X, TRUTH, sample_weight=weight)
    resampler, seen = model.resampler_, Spy.fits[-1][2]
    expected = (weight[resampler.parent_indices_] * resampler.mix_weights_).sum(axis=1)
    assert_allclose(seen, np.concatenate([weight, expected]))


def test_weights_of_rows_without_a_label():
    model = ResampledClassifier(Spy(), resampler=mixing())
    Spy.fits.clear()
    weight = np.linspace(1, 2, N)
    model.fit(X, Y, sample_weight=weight)
    assert_allclose(Spy.fits[-1][2][:N_KNOWN], weight[KNOWN])


def test_a_resampled_classifier_lends_its_estimator():
    selector = LADASelector(guard=False, random_state=0)
    model = ResampledClassifier(LOGISTIC, resampler=selector)
    assert isinstance(model.fit(X, TRUTH).resampler_.estimator, LogisticRegression)


def test_a_step_of_imbalanced_learn():
    """Rows without a label are dropped; mixes are there for training alone."""
    steps = [("scale", StandardScaler()), ("mix", mixing()), ("model", Spy())]
    Spy.fits.clear()
    pipeline = ImblearnPipeline(steps).fit(X, Y)
    X_fit, y_fit, _ = Spy.fits[-1]
    assert len(X_fit) == 2 * N_KNOWN
    assert_allclose(X_fit[:N_KNOWN], StandardScaler().fit_transform(X)[KNOWN])
    assert set(y_fit) == {0.0, 1.0}
    assert pipeline.predict(X).shape == (N,)
    grid = {"mix__n_virtual": [1, 2], "mix__augmentation": ["mixup"]}
    search = GridSearchCV(ImblearnPipeline(steps), grid, cv=2).fit(X, TRUTH)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()


@pytest.mark.parametrize("guard", [False, True])
def test_no_augmentation_resamples_nothing(guard):
    """As in a search over augmentations that has None among them."""
    selector = select(augmentation=None, guard=guard)
    X_new, _ = selector.fit_resample(X, Y)
    assert_array_equal(X_new, X[KNOWN])
    assert selector.parent_indices_.shape == (0, 2)


def test_fit_forgets_the_last_query_or_does_not():
    lengths = {}
    for augmentation in ("mixup", CVAE(max_iter=1)):
        selector = select(
            augmentation=augmentation, lookahead=False, virtual_scope="round"
        )
        y = Y.copy()
        rows = selector.query(X, y, batch_size=4)
        y[rows] = TRUTH[rows]
        assert len(selector.virtual_data(X, y)[0]) > 0
        lengths[str(augmentation)] = len(selector.fit(X, y).virtual_data(X, y)[0]) > 0
    assert len(set(lengths.values())) == 1


def test_mixes_of_another_X_are_refused():
    """A slip: the labelled rows alone, as classifiers take them."""
    selector = select(virtual_scope="round", pairing="random")
    y = Y.copy()
    rows = selector.query(X, y, batch_size=4)
    y[rows] = TRUTH[rows]
    known = ~np.isnan(y)
    with pytest.raises(ValueError, match="rows"):
        selector.virtual_data(X[known], y[known])


def test_weights_reach_the_classifier():
    weight = np.where(TRUTH == 1, 5.0, 1.0)
    by_hand = LogisticRegression().fit(X[KNOWN], Y[KNOWN], weight[KNOWN])
    piped = make_pipeline(StandardScaler(with_mean=False, with_std=False), LOGISTIC)
    for estimator in (LOGISTIC, piped):
        selector = select(estimator)
        selector.query(X, Y, sample_weight=weight)
        last = selector.estimator_
        last = last[-1] if isinstance(last, Pipeline) else last
        assert_allclose(last.coef_, by_hand.coef_)
        selector.query(X, Y, clf=estimator, sample_weight=weight.tolist())
        assert selector.fit(X, Y, sample_weight=weight).score_samples(X).shape == (N,)
    # Mixes weigh what their parents do, in their shares.
    Spy.fits.clear()
    mixing(Spy()).fit(X, Y, sample_weight=np.where(KNOWN, 3.0, 1.0))
    assert_array_equal(Spy.fits[-1][2][:N_KNOWN], 3)
    assert Spy.fits[-1][2].sum() == pytest.approx(2 * 3 * N_KNOWN)
    with pytest.raises(ValueError, match=r"sample_weight.shape == \(20,\), expected"):
        select().query(X, Y, sample_weight=np.ones(N_KNOWN))
    with pytest.raises(ValueError, match="Negative values"):
        select().query(X, Y, sample_weight=-np.ones(N))


class Unweighted(ClassifierMixin, BaseEstimator):
    """Takes no weights, as neighbours do."""

    fits: list = []

    def fit(self, X, y):
        self.fits.append(X)
        self.classes_ = np.unique(y)
        return self

    def predict_proba(self, X):
        return np.full((len(X), len(self.classes_)), 1 / len(self.classes_))

    def predict(self, X):
        return np.full(len(X), self.classes_[0])


def test_a_classifier_without_weights():
    """Rows are drawn by their weights, so that a row without weight is never drawn."""
    check_batch(select(KNeighborsClassifier(3)).query(X, Y, batch_size=3), 3)
    check_batch(mixing(KNeighborsClassifier(3)).query(X, Y, batch_size=3), 3)
    Unweighted.fits.clear()
    select(Unweighted()).fit(X, Y, sample_weight=np.arange(N) % 2)
    rows = Unweighted.fits[-1]
    assert rows.shape == (N_KNOWN, 3)
    odd = set(X[1:N_KNOWN:2, 0])
    assert set(rows[:, 0]) <= odd
    mixing(Unweighted()).fit(X, Y)
    assert len(np.setdiff1d(Unweighted.fits[-1][:, 0], X[:, 0])) > 0


def test_classifiers_without_probabilities():
    svc = LinearSVC()
    for settings in ({}, {"acquisition": "badge", "augmentation": None}):
        with pytest.raises(
            ValueError,
            match=r"LinearSVC has no predict_proba: wrap it in CalibratedClassifierCV",
        ):
            select(svc, **settings).query(X, Y)
    with pytest.raises(ValueError, match="LinearSVC has no predict_proba"):
        select(make_pipeline(StandardScaler(), svc)).query(X, Y)
    calibrated = CalibratedClassifierCV(svc, cv=2)
    check_batch(select(calibrated).query(X, Y, batch_size=3), 3)
    # What needs none works without.
    for acquisition in ("coreset", "random", VAAL(max_iter=1)):
        selector = select(svc, acquisition=acquisition, augmentation=None)
        check_batch(selector.query(X, Y, batch_size=3), 3)


def test_classifiers_without_probabilities_cannot_be_judged():
    selector = select(
        LinearSVC(), acquisition="coreset", augmentation="mixup", lookahead=False
    )
    with pytest.raises(ValueError, match="predict_proba"):
        selector.fit_resample(X, Y)


@pytest.mark.parametrize(
    "estimator",
    [
        LinearRegression(),
        make_pipeline(StandardScaler(), LinearRegression()),
        KMeans(2),
    ],
    ids=["regressor", "pipeline", "clusterer"],
)
def test_what_is_no_classifier_is_refused(estimator):
    for method in ("query", "fit", "fit_resample"):
        with pytest.raises(ValueError, match="estimator must be a classifier, got"):
            getattr(select(estimator), method)(X, Y)
    with pytest.raises(ValueError, match="clf must be a classifier, got"):
        select().query(X, Y, clf=LinearRegression())


def test_what_is_no_estimator_is_refused():
    for estimator in (StandardScaler(), LogisticRegression, "forest"):
        with pytest.raises((ValueError, TypeError), match="estimator"):
            select(estimator).query(X, Y)
    with pytest.raises(NotFittedError):
        select().query(X, Y, clf=LogisticRegression(), fit_clf=False)


def test_members_of_ensembles():
    frame = pd.DataFrame(X, columns=list("abc"), index=INDEX)
    for ensemble in (FOREST, BaggingClassifier(LOGISTIC, 3, max_features=2)):
        for rows in (X, frame):
            selector = select(ensemble, acquisition="bald")
            check_batch(selector.query(rows, Y, batch_size=3), 3)
    with pytest.raises(ValueError, match="LogisticRegression is neither"):
        select(acquisition="bald").query(X, Y)


def first_margin(probabilities):
    return 1 - probabilities.max(axis=1)


@pytest.mark.parametrize(
    ("estimator", "settings"),
    [
        (LOGISTIC, {}),
        (FOREST, {"acquisition": "bald"}),
        (make_pipeline(StandardScaler(), LOGISTIC), {"pairing": "random"}),
        (NETWORK, {}),
        (NETWORK, {"augmentation": POLICY, "acquisition": "entropy"}),
        (make_pipeline(StandardScaler(), NETWORK), {}),
        (LOGISTIC, {"acquisition": VAAL(max_iter=1)}),
        (LOGISTIC, {"acquisition": first_margin}),
    ],
)
def test_copies_and_pickles(estimator, settings):
    selector = mixing(estimator, **settings)
    rows = selector.query(X, Y, batch_size=4)
    again = pickle.loads(pickle.dumps(selector))
    assert_array_equal(again.score_samples(X), selector.score_samples(X))
    assert_array_equal(again.query_indices_, rows)
    assert_array_equal(again.pairs_, selector.pairs_)
    for one, two in zip(
        again.virtual_data(X, Y), selector.virtual_data(X, Y), strict=True
    ):
        assert_array_equal(one, two)
    assert_array_equal(again.query(X, Y, batch_size=4), rows)
    copy = clone(selector)
    assert not hasattr(copy, "query_indices_")
    assert_array_equal(copy.query(X, Y, batch_size=4), rows)


def test_nested_parameters():
    selector = LADASelector(
        make_pipeline(StandardScaler(), LogisticRegression()),
        augmentation=InfoMixup(),
        acquisition=VAAL(max_iter=1),
    )
    names = selector.get_params()
    assert names["augmentation__tau_bounds"] == (0.1, 20.0)
    assert names["estimator__logisticregression__C"] == 1.0
    assert names["acquisition__max_iter"] == 1
    selector.set_params(augmentation__tau_bounds=(1.0, 2.0), random_state=0)
    other = clone(selector)
    selector.set_params(augmentation__tau_bounds=(3.0, 4.0))
    assert other.augmentation.tau_bounds == (1.0, 2.0)
    other.set_params(acquisition="margin").query(X, Y)
    assert ((other.tau_ >= 1) & (other.tau_ <= 2)).all()
    # A parameter is checked where it is used, and what was learned is not in it.
    selector.set_params(augmentation__tau_bounds=(4.0, 3.0))
    with pytest.raises(ValueError, match="tau_bounds must be positive, finite and in"):
        selector.query(X, Y)
    with pytest.raises(ValueError, match="Invalid parameter 'tau'"):
        selector.set_params(augmentation__tau=1.0)
