import numpy as np
import pandas as pd
import polars as pl
import pytest
import sklearn
from imblearn.over_sampling import RandomOverSampler
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import AdaBoostClassifier, GradientBoostingClassifier
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import balanced_accuracy_score, make_scorer
from sklearn.model_selection import (
    GridSearchCV,
    StratifiedKFold,
    TunedThresholdClassifierCV,
    cross_val_score,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier

from skmix.model_selection import compare_resamplers

CV = StratifiedKFold(2)


timid = LogisticRegression(C=1e-4)


class Seen(ClassifierMixin, BaseEstimator):
    """Keeps what every fit was given; predicts the rarest class."""

    fits: list = []

    def fit(self, X, y):
        return self._keep(X, y, None)

    def _keep(self, X, y, sample_weight):
        self.fits.append((np.asarray(X), np.asarray(y), sample_weight))
        self.classes_, counts = np.unique(np.asarray(y), return_counts=True)
        self.rarest_ = self.classes_[counts.argmin()]
        return self

    def predict(self, X):
        return np.full(len(X), self.rarest_)


class SeenWeights(Seen):
    def fit(self, X, y, sample_weight=None):
        return self._keep(X, y, sample_weight)


class SeenProbabilities(Seen):
    def predict_proba(self, X):
        scores = 1 / (1 + np.exp(-np.asarray(X)[:, 0]))
        return np.column_stack([1 - scores, scores])


@pytest.fixture
def fits():
    Seen.fits.clear()
    return Seen.fits


@pytest.fixture(scope="module")
def rare():
    """Rows that are told apart with ease, but not at a probability of one half."""
    X, y = np.random.RandomState(0).normal(size=(300, 2)), np.arange(300) % 10 == 0
    X[y, 0] += 6
    return X, y.astype(int)


@pytest.fixture(scope="module")
def overlapping():
    """Classes that share a region, where the frequent one has more rows."""
    X, y = np.random.RandomState(0).normal(size=(500, 2)), np.arange(500) % 10 == 0
    X[y] += 1.5
    return X, y.astype(int)


def recall(estimator, X, y):
    """Mean recall of the classes; scikit-learn's takes fifty times as long."""
    right = estimator.predict(X) == np.asarray(y)
    return np.mean([right[np.asarray(y) == label].mean() for label in np.unique(y)])


def compare(estimator, X, y, **arguments):
    """Names of the arms, and their mean scores by the only scorer."""
    arguments = {"cv": CV, "scoring": recall, "random_state": 0} | arguments
    comparison = compare_resamplers(estimator, X, y, [], **arguments)
    (scores,) = comparison.scores_.values()
    return dict(zip(comparison.resampler_names, scores[0].mean(axis=1), strict=True))


# Where they stand


def test_controls_stand_last_and_add_no_rows(rare):
    arguments = {"cv": CV, "scoring": recall, "random_state": 0}
    resampler = RandomOverSampler()
    comparison = compare_resamplers(timid, *rare, resampler, **arguments)
    controls = ["class weights", "tuned threshold"]
    assert comparison.control_names == controls
    assert comparison.resampler_names == ["none", "RandomOverSampler", *controls]
    assert_array_equal(comparison.rows_added_[0, [0, 2, 3]], 0)
    assert (comparison.rows_added_[0, 1] > 0).all()
    assert np.isnan(comparison.accepted_).all()
    assert (comparison.fit_time_ > 0).all()
    assert list(comparison.to_frame().loc["LogisticRegression"].index) == [
        "none",
        "RandomOverSampler",
        *controls,
    ]

    alone = compare_resamplers(timid, *rare, resampler, controls=False, **arguments)
    assert alone.control_names == []
    assert_array_equal(alone.scores_["recall"], comparison.scores_["recall"][:, :2])


def test_regressors_have_no_controls():
    X = np.arange(40.0)[:, None]
    comparison = compare_resamplers(Ridge(), X, X[:, 0], [], controls=True)
    assert comparison.resampler_names == ["none"]
    assert comparison.control_names == []


@pytest.mark.parametrize("name", ["class weights", "tuned threshold"])
def test_names_of_controls_are_taken(rare, name):
    named = {name: RandomOverSampler()}
    with pytest.raises(ValueError, match=f'"{name}" is taken by a control'):
        compare_resamplers(timid, *rare, named)
    found = compare_resamplers(timid, *rare, named, cv=CV, controls=False)
    assert found.resampler_names == ["none", name]


# Class weights


def test_weights_make_the_classes_weigh_the_same(rare, fits):
    X, y = rare
    compare(SeenWeights(), X, np.array(["no", "yes"])[y])
    unweighted, weighted = fits[:2], fits[2:]
    assert len(weighted) == 2
    for (X_none, y_none, nothing), (X_seen, y_seen, weight) in zip(
        unweighted, weighted, strict=True
    ):
        assert nothing is None
        assert_array_equal(X_seen, X_none)
        assert_array_equal(y_seen, y_none)
        assert_allclose(weight[y_seen == "yes"].sum(), weight[y_seen == "no"].sum())
        assert_allclose(weight.mean(), 1)


def test_weights_reach_the_last_step_of_a_pipeline(rare, fits):
    compare(make_pipeline(StandardScaler(), make_pipeline(SeenWeights())), *rare)
    for X_seen, y_seen, weight in fits[2:]:
        assert_allclose(X_seen.mean(axis=0), 0, atol=1e-9)
        assert_allclose(weight[y_seen == 1].sum(), weight[y_seen == 0].sum())


def test_rows_are_drawn_for_who_takes_no_weights(rare, fits):
    for _ in range(2):
        compare(Seen(), *rare)
    for X_seen, y_seen, weight in fits[2:4]:
        assert weight is None
        assert len(X_seen) == 150
        assert len(np.unique(X_seen, axis=0)) < 110
        assert 0.4 < y_seen.mean() < 0.6
    for first, again in zip(fits[2:4], fits[6:], strict=True):
        assert_array_equal(again[0], first[0])


BALANCED = {"class_weight": "balanced"}


@pytest.mark.parametrize(
    ("estimator", "same"),
    [
        (LogisticRegression(), LogisticRegression(**BALANCED)),
        (LogisticRegression(class_weight={0: 9, 1: 1}), LogisticRegression(**BALANCED)),
        (
            make_pipeline(StandardScaler(), LinearSVC()),
            make_pipeline(StandardScaler(), LinearSVC(**BALANCED)),
        ),
        (
            GridSearchCV(LogisticRegression(), {"C": [0.01, 1]}),
            GridSearchCV(LogisticRegression(**BALANCED), {"C": [0.01, 1]}),
        ),
    ],
)
def test_weights_are_those_of_scikit_learn(overlapping, estimator, same):
    scores = compare(estimator, *overlapping)
    expected = cross_val_score(same, *overlapping, cv=CV, scoring=recall).mean()
    assert_allclose(scores["class weights"], expected)
    assert scores["class weights"] != scores["none"]


@pytest.mark.parametrize(
    "estimator",
    [
        GaussianNB(),
        make_pipeline(StandardScaler(), GaussianNB()),
        AdaBoostClassifier(DecisionTreeClassifier(max_depth=1), n_estimators=5),
        GradientBoostingClassifier(n_estimators=5),
        KNeighborsClassifier(),
        make_pipeline(StandardScaler(), KNeighborsClassifier()),
    ],
)
def test_weights_find_the_rare_class(overlapping, estimator):
    scores = compare(estimator, *overlapping)
    assert scores["class weights"] > scores["none"] + 0.1


def test_weights_for_many_classes(fits):
    X, y = np.random.RandomState(0).normal(size=(90, 2)), np.repeat([0, 1, 2], 30)
    y[:20] = 1
    scores = compare(SeenWeights(), X, y)
    assert list(scores) == ["none", "class weights"]
    for _, y_seen, weight in fits[2:]:
        sums = np.bincount(y_seen, weights=weight)
        assert_allclose(sums, sums[0])


# Tuned threshold


@pytest.mark.parametrize("labels", [[0, 1], ["no", "yes"], [False, True], [2, 1]])
def test_threshold_is_tuned(rare, labels):
    X, y = rare
    scores = compare(timid, X, np.array(labels)[y], scoring="f1_macro")
    assert scores["none"] < 0.5
    assert scores["tuned threshold"] > 0.95


def test_threshold_on_decisions(overlapping):
    X, y = overlapping
    scores = compare(LinearSVC(), X, np.array(["no", "yes"])[y])
    assert scores["none"] < 0.7
    assert scores["tuned threshold"] > 0.75


def test_threshold_is_that_of_scikit_learn(overlapping):
    scores = compare(GaussianNB(), *overlapping)
    tuned = TunedThresholdClassifierCV(GaussianNB(), scoring="balanced_accuracy")
    expected = cross_val_score(tuned, *overlapping, cv=CV, scoring=recall).mean()
    # On other folds.
    assert_allclose(scores["tuned threshold"], expected, atol=0.03)
    assert scores["none"] < expected - 0.05


def test_probabilities_stay_as_they_are(rare):
    comparison = compare_resamplers(timid, *rare, [], cv=CV, random_state=0)
    for metric in ("roc_auc_ovr", "neg_log_loss", "neg_brier_score"):
        none, _, tuned = comparison.scores_[metric][0]
        assert_array_equal(tuned, none)


def recall_by_rows(estimator, X, y):
    return recall(estimator, X, y[: len(X)])


@pytest.mark.parametrize(
    "scoring",
    [
        recall,
        recall_by_rows,  # asks for rows: no threshold can be tuned by it
        make_scorer(balanced_accuracy_score),
        {"auc": "roc_auc", "loss": "neg_log_loss", "recall": recall},
        ["f1"],
    ],
)
def test_any_scorer_will_do(rare, scoring):
    comparison = compare_resamplers(
        timid, *rare, [], cv=CV, scoring=scoring, random_state=0
    )
    none, _, tuned = list(comparison.scores_.values())[-1][0].mean(axis=1)
    assert tuned > none + 0.2


def test_first_scorer_of_labels_decides(overlapping):
    rates = {}
    for scoring in (["roc_auc", "accuracy", "recall"], ["roc_auc", "recall"]):
        comparison = compare_resamplers(
            GaussianNB(), *overlapping, [], cv=CV, scoring=scoring, random_state=0
        )
        rates[len(scoring)] = comparison.scores_["recall"][0, 2].mean()
    assert rates[3] < 0.5
    assert rates[2] == 1


def test_groups_stay_together_while_the_threshold_is_tuned(fits):
    groups = np.repeat(np.arange(30), 4)
    X = np.column_stack([np.linspace(-1, 1, 120), groups])
    y = (groups % 3 == 0).astype(int)
    compare(SeenProbabilities(), X, y, groups=groups, cv=3)
    inner = [X_seen[:, 1] for X_seen, *_ in fits if len(X_seen) < 80]
    assert len(inner) == 6 * 5
    for seen in inner:
        assert (np.unique(seen, return_counts=True)[1] == 4).all()


def test_threshold_of_predictions_that_are_all_alike_stays(rare):
    scores = compare(DummyClassifier(), *rare)
    assert scores["tuned threshold"] == scores["none"] == 0.5


def test_few_rows_of_a_class(rare):
    X, y = rare
    rows = np.append(np.flatnonzero(y)[:6], np.flatnonzero(y == 0)[:60])
    assert compare(timid, X[rows], y[rows], cv=2)["tuned threshold"] > 0.9


def test_too_few_rows_of_a_class(rare):
    X, y = rare
    rows = np.append(np.flatnonzero(y)[:2], np.flatnonzero(y == 0)[:60])
    splits = StratifiedKFold(2)
    with pytest.warns(FitFailedWarning, match="tuned threshold .* splits 0, 1"):
        scores = compare(timid, X[rows], y[rows], cv=splits)
    assert np.isnan(scores["tuned threshold"])
    assert np.isfinite(scores["class weights"])


def test_threshold_needs_scores_of_classes(rare):
    assert list(compare(Seen(), *rare)) == ["none", "class weights"]
    with pytest.warns(FitFailedWarning, match="Seen with tuned threshold could not"):
        comparison = compare_resamplers(
            [Seen(), timid], *rare, [], cv=CV, scoring=recall, random_state=0
        )
    failed = np.isnan(comparison.scores_["recall"]).all(axis=2)
    assert_array_equal(failed, [[False, False, True], [False] * 3])


# Containers


def to_pandas(X, y):
    return pd.DataFrame(X, columns=["a", "b"]), pd.Series(y, index=np.arange(300) + 7)


def to_polars(X, y):
    return pl.DataFrame(X, schema=["a", "b"]), pl.Series(y)


@pytest.mark.parametrize(
    "convert",
    [
        to_pandas,
        to_polars,
        lambda X, y: (X.tolist(), y.tolist()),
        lambda X, y: (csr_array(X), y),
    ],
)
@pytest.mark.parametrize("labels", [[0, 1], ["no", "yes"]])
def test_containers(rare, convert, labels):
    X, y = rare
    y = np.array(labels)[y]
    expected = compare(LogisticRegression(), X / 4, y)
    found = compare(LogisticRegression(), *convert(X / 4, y))
    assert_allclose(list(found.values()), list(expected.values()), rtol=1e-5)


def test_with_metadata_routing(rare):
    expected = compare(LogisticRegression(), *rare)
    with sklearn.config_context(enable_metadata_routing=True):
        assert compare(LogisticRegression(), *rare) == expected


def test_reproducible_for_any_number_of_jobs(rare, random_state_untouched):
    estimator = DecisionTreeClassifier(max_depth=2, max_features=1)
    one, two = (compare(estimator, *rare, n_jobs=n_jobs) for n_jobs in (1, 2))
    assert one == two
