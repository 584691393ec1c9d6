import numpy as np
import pandas as pd
import polars as pl
import pytest
from imblearn.over_sampling import SMOTE, RandomOverSampler
from imblearn.under_sampling import ClusterCentroids, RandomUnderSampler
from numpy.testing import assert_allclose, assert_array_equal
from scipy.optimize import minimize
from scipy.sparse import csr_array
from scipy.special import log_softmax, softmax
from sklearn import config_context
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.datasets import load_breast_cancer
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    cross_val_score,
    cross_validate,
)
from sklearn.neighbors import KNeighborsClassifier, KNeighborsRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC
from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor
from sklearn.utils import check_consistent_length, get_tags

from skmix import ResampledClassifier, ResampledRegressor
from skmix.regression import (
    CMixupResampler,
    MixRLResampler,
    MixupResampler,
    NetworkRegressor,
)

rng = np.random.RandomState(0)
X = rng.normal(loc=3, scale=2, size=(60, 3))
Y = np.column_stack([X[:, 0] ** 2, X[:, 1] - X[:, 2]])
y = Y[:, 0]
LABELS = np.where(X[:, 0] + rng.normal(size=60) > 4.5, "rare", "common")
WEIGHT = rng.uniform(0.5, 3, size=60)
GROUPS = np.arange(60) % 6
CMIXUP = CMixupResampler(random_state=0)
TREE = DecisionTreeRegressor(max_depth=4, random_state=0)


class Recorder(RegressorMixin, BaseEstimator):
    """Keeps the rows that it is fitted on; takes no weights."""

    def fit(self, X, y):
        self.X_, self.y_ = X, y
        return self

    def predict(self, X):
        return np.zeros(len(X))


class Spy(BaseEstimator):
    """Keeps what comes beside the rows, and adds no row."""

    def __init__(self, estimator=None):
        self.estimator = estimator

    def fit_resample(self, X, y, *, X_val=None, y_val=None, groups=None):
        if groups is not None:
            check_consistent_length(X, groups)
        self.X_, self.seen_ = X, {"X_val": X_val, "y_val": y_val, "groups": groups}
        return X, y


class SoftLabels(BaseEstimator):
    """Adds a copy of the first rows with labels between the classes."""

    def __init__(self, soft):
        self.soft = soft

    def fit_resample(self, X, y):
        m = len(self.soft)
        self.soft_labels_ = np.vstack([np.equal.outer(y, np.unique(y)), self.soft])
        self.parent_indices_ = np.column_stack([np.arange(m)] * 2)
        self.mix_weights_ = np.full((m, 2), 0.5)
        return np.vstack([X, X[:m]]), np.concatenate([y, y[:m]])


class Weighing(MixupResampler):
    """Learns a weight for each row beside the mixes."""

    def fit_resample(self, X, y):
        result = super().fit_resample(X, y)
        self.sample_weight_ = np.linspace(1, 2, len(result[0]))
        return result


# Fitting and predicting


@pytest.mark.parametrize("target", [y, Y], ids=["one", "two"])
def test_regressor_equals_fitting_by_hand(target):
    model = ResampledRegressor(TREE, resampler=CMIXUP).fit(X, target)
    resampler = clone(CMIXUP)
    by_hand = clone(TREE).fit(*resampler.fit_resample(X, target))
    assert np.array_equal(model.predict(X), by_hand.predict(X))
    assert np.array_equal(model.resampler_.parent_indices_, resampler.parent_indices_)
    assert model.n_rows_added_ == 60
    assert not np.array_equal(model.predict(X), clone(TREE).fit(X, target).predict(X))


@pytest.mark.parametrize("sampler", [SMOTE, RandomUnderSampler])
def test_classifier_equals_fitting_by_hand(sampler):
    sampler = sampler(random_state=0)
    model = ResampledClassifier(LogisticRegression(), resampler=sampler).fit(X, LABELS)
    X_new, y_new = clone(sampler).fit_resample(X, LABELS)
    by_hand = LogisticRegression().fit(X_new, y_new)
    assert np.array_equal(model.predict(X), by_hand.predict(X))
    assert np.array_equal(model.predict_proba(X), by_hand.predict_proba(X))
    assert np.array_equal(model.decision_function(X), by_hand.decision_function(X))
    assert model.classes_.tolist() == ["common", "rare"]
    assert model.n_rows_added_ == len(X_new) - 60
    assert (model.n_rows_added_ > 0) == isinstance(sampler, SMOTE)


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_no_resampler_is_the_bare_estimator(weight):
    model = ResampledRegressor(TREE).fit(X, y, sample_weight=weight)
    bare = clone(TREE).fit(X, y, sample_weight=weight)
    assert np.array_equal(model.predict(X), bare.predict(X))
    assert model.resampler_ is None
    assert model.n_rows_added_ == 0


def test_default_estimators():
    regressor = ResampledRegressor().fit(X, y)
    assert np.array_equal(regressor.predict(X), Ridge().fit(X, y).predict(X))
    classifier = ResampledClassifier().fit(X, LABELS)
    logistic = LogisticRegression().fit(X, LABELS)
    assert np.array_equal(classifier.predict_proba(X), logistic.predict_proba(X))


@pytest.mark.parametrize(
    ("model", "kind"),
    [
        (ResampledClassifier(Ridge()), "classifier"),
        (ResampledRegressor(LogisticRegression()), "regressor"),
    ],
)
def test_an_estimator_of_the_other_kind(model, kind):
    with pytest.raises(ValueError, match=f"estimator must be a {kind}, got"):
        model.fit(np.arange(6.0)[:, None], np.arange(6) % 2)


def test_parameters_are_not_fitted():
    resampler, estimator = clone(CMIXUP), Ridge()
    ResampledRegressor(estimator, resampler=resampler).fit(X, y)
    assert not hasattr(resampler, "parent_indices_")
    assert not hasattr(estimator, "coef_")


def test_methods_are_those_of_the_estimator():
    for estimator in (LogisticRegression(), KNeighborsClassifier(), LinearSVC()):
        model = ResampledClassifier(estimator)
        for name in ("predict_proba", "decision_function"):
            assert hasattr(model, name) == hasattr(estimator, name)


@pytest.mark.parametrize("resampler", [None, CMIXUP])
def test_only_what_both_can_take_is_promised(resampler):
    model = ResampledRegressor(TREE, resampler=resampler)
    assert get_tags(model).input_tags.sparse == (resampler is None)
    assert get_tags(model).input_tags.allow_nan == (resampler is None)
    assert get_tags(model).target_tags.multi_output


@pytest.mark.parametrize("weight", [None, WEIGHT])
@pytest.mark.parametrize("estimator", [Ridge(), KNeighborsRegressor()])
@pytest.mark.parametrize("library", [pd, pl])
def test_data_frames_give_what_arrays_give(library, estimator, weight):
    model = ResampledRegressor(estimator, resampler=CMIXUP, random_state=0)
    expected = clone(model).fit(X, y, sample_weight=weight).predict(X)
    frame = library.DataFrame({"a": X[:, 0], "b": X[:, 1], "c": X[:, 2]})
    model.fit(frame, library.Series(y), sample_weight=weight)
    assert_allclose(model.predict(frame), expected)
    assert model.feature_names_in_.tolist() == ["a", "b", "c"]
    assert model.n_features_in_ == 3


# In pipelines and searches


def test_in_a_plain_pipeline_under_cross_validation():
    pipeline = make_pipeline(StandardScaler(), ResampledRegressor(resampler=CMIXUP))
    expected = []
    for train, test in KFold(3).split(X):
        scaler = StandardScaler().fit(X[train])
        rows, labels = clone(CMIXUP).fit_resample(scaler.transform(X[train]), y[train])
        model = Ridge().fit(rows, labels)
        expected.append(model.score(scaler.transform(X[test]), y[test]))
    assert_allclose(cross_val_score(pipeline, X, y, cv=KFold(3)), expected)


def test_a_grid_with_nested_parameters_and_the_honest_baseline():
    pipeline = Pipeline([("scale", StandardScaler()), ("m", ResampledRegressor(TREE))])
    grid = [
        {"m__resampler": [None]},
        {"m__resampler": [CMIXUP], "m__resampler__bandwidth": [0.1, 10.0]},
    ]
    search = GridSearchCV(pipeline, grid, cv=KFold(3)).fit(X, y)
    expected = [
        cross_val_score(make_pipeline(StandardScaler(), model), X, y, cv=KFold(3))
        for model in (
            TREE,
            ResampledRegressor(
                TREE, resampler=CMixupResampler(bandwidth=0.1, random_state=0)
            ),
            ResampledRegressor(
                TREE, resampler=CMixupResampler(bandwidth=10.0, random_state=0)
            ),
        )
    ]
    scores = search.cv_results_["mean_test_score"]
    assert_allclose(scores, np.mean(expected, axis=1))
    assert len(set(scores)) == 3
    nested = cross_val_score(search, X, y, cv=KFold(2), error_score="raise")
    assert np.isfinite(nested).all()


# The resampler learns for the estimator


def test_resampler_gets_the_estimator_when_it_has_none_of_its_own():
    resampler = MixRLResampler(candidate_neighbors=(2,), random_state=0)
    fitted = ResampledRegressor(Ridge(alpha=3), resampler=resampler).fit(X, y)
    given = fitted.resampler_.estimator
    assert isinstance(given, Ridge)
    assert given.alpha == 3
    assert not hasattr(given, "coef_")
    assert resampler.estimator is None
    default = ResampledRegressor(resampler=resampler).fit(X, y)
    assert isinstance(default.resampler_.estimator, Ridge)


def test_what_others_mean_by_estimator_is_left_alone():
    # The "estimator" of this one clusters.
    X, y = load_breast_cancer(return_X_y=True)
    model = ResampledClassifier(DecisionTreeClassifier(), resampler=ClusterCentroids())
    assert model.fit(X[:60], y[:60]).resampler_.estimator is None


def test_resampler_keeps_its_own_estimator():
    fitted = ResampledRegressor(Ridge(), resampler=Spy(LinearRegression())).fit(X, y)
    assert isinstance(fitted.resampler_.estimator, LinearRegression)


def test_mixrl_judges_by_the_estimator_outside():
    model = ResampledRegressor(TREE, resampler=MixRLResampler(random_state=0))
    inside = model.fit(X, y).resampler_
    outside = MixRLResampler(TREE, random_state=0).fit(X, y)
    assert inside.chosen_ == outside.chosen_
    assert "DecisionTreeRegressor" in inside.chosen_


# Weights


def test_weights_follow_the_lineage_of_mixes():
    resampler = MixupResampler(mix_ratio=0.25, random_state=0)
    model = ResampledRegressor(Ridge(), resampler=resampler)
    model.fit(X, y, sample_weight=WEIGHT)
    X_new, y_new = clone(resampler).fit_resample(X, y)
    first, second = model.resampler_.parent_indices_.T
    weight = np.append(WEIGHT, 0.25 * WEIGHT[first] + 0.75 * WEIGHT[second])
    by_hand = Ridge().fit(X_new, y_new, sample_weight=weight)
    assert_allclose(model.estimator_.coef_, by_hand.coef_)
    unweighted = ResampledRegressor(Ridge(), resampler=resampler).fit(X, y)
    assert not np.allclose(model.estimator_.coef_, unweighted.estimator_.coef_)


@pytest.mark.parametrize("sampler", [RandomOverSampler, RandomUnderSampler])
def test_weights_follow_sample_indices(sampler):
    sampler = sampler(random_state=0)
    model = ResampledClassifier(LogisticRegression(), resampler=sampler)
    model.fit(X, LABELS, sample_weight=WEIGHT)
    rows = model.resampler_.sample_indices_
    by_hand = LogisticRegression().fit(X[rows], LABELS[rows], WEIGHT[rows])
    assert_allclose(model.predict_proba(X), by_hand.predict_proba(X))


def test_weights_cannot_follow_where_the_parents_are_unknown():
    model = ResampledClassifier(resampler=SMOTE())
    with pytest.raises(ValueError, match=r"sample_weight .* SMOTE: .* Leave the weigh"):
        model.fit(X, LABELS, sample_weight=WEIGHT)


def test_weights_pass_where_no_row_is_added():
    model = ResampledRegressor(Ridge(), resampler=Spy())
    model.fit(X, y, sample_weight=WEIGHT)
    by_hand = Ridge().fit(X, y, sample_weight=WEIGHT)
    assert_allclose(model.estimator_.coef_, by_hand.coef_)


@pytest.mark.parametrize("given", [None, WEIGHT])
def test_learned_weights_multiply_those_given(given):
    resampler = Weighing(mix_ratio=0.25, random_state=0)
    model = ResampledRegressor(Ridge(), resampler=resampler)
    model.fit(X, y, sample_weight=given)
    X_new, y_new = clone(resampler).fit_resample(X, y)
    weight = np.linspace(1, 2, len(X_new))
    if given is not None:
        first, second = model.resampler_.parent_indices_.T
        weight *= np.append(given, 0.25 * given[first] + 0.75 * given[second])
    by_hand = Ridge().fit(X_new, y_new, sample_weight=weight)
    assert_allclose(model.estimator_.coef_, by_hand.coef_)


def test_weights_of_another_length():
    with pytest.raises(ValueError, match=r"inconsistent .* \[60, 59\]"):
        ResampledRegressor().fit(X, y, sample_weight=WEIGHT[1:])


def test_estimator_without_weights_sees_a_weighted_bootstrap():
    rows = np.arange(20000.0)[:, None]
    weight = np.resize([0.0, 1.0, 2.0, 5.0], 20000)
    model = ResampledRegressor(Recorder(), random_state=0)
    drawn = model.fit(rows, -rows[:, 0], sample_weight=weight).estimator_
    assert np.array_equal(drawn.y_, -drawn.X_[:, 0])
    assert len(drawn.X_) == 20000
    kinds = np.bincount(drawn.X_[:, 0].astype(int) % 4, minlength=4)
    # Binomial standard deviations are at most 71.
    assert kinds[0] == 0
    assert_allclose(kinds, 20000 * np.array([0, 1, 2, 5]) / 8, atol=250)
    again = clone(model).fit(rows, -rows[:, 0], sample_weight=weight)
    assert np.array_equal(again.estimator_.X_, drawn.X_)


@pytest.mark.parametrize("seed", range(5))
def test_a_bootstrap_loses_no_class(seed):
    rows, y = np.arange(40.0)[:, None], np.array(["a"] * 38 + ["b", "c"])
    weight = np.r_[np.linspace(1, 2, 38), 1e-3, 0]
    model = ResampledClassifier(KNeighborsClassifier(1), random_state=seed)
    assert model.fit(rows, y, sample_weight=weight).classes_.tolist() == ["a", "b"]


def test_equal_weights_need_no_bootstrap():
    rows = np.arange(40.0)[:, None]
    model = ResampledRegressor(Recorder(), random_state=0)
    drawn = model.fit(rows, rows[:, 0], sample_weight=np.full(40, 0.5)).estimator_
    assert np.array_equal(drawn.X_, rows)


def test_rows_of_no_weight_have_no_say_in_nearest_neighbours():
    rows = np.arange(100.0)[:, None]
    labels = np.where(rows[:, 0] < 50, 1.0, 1e6)
    model = ResampledRegressor(KNeighborsRegressor(), random_state=0)
    model.fit(rows, labels, sample_weight=labels == 1)
    assert np.array_equal(model.predict(rows), np.ones(100))


@pytest.mark.parametrize("estimator", [Ridge(), KNeighborsRegressor()])
def test_weights_and_sparse_rows(estimator):
    model = ResampledRegressor(estimator, random_state=0)
    sparse = clone(model).fit(csr_array(X), y, sample_weight=WEIGHT)
    dense = clone(model).fit(X, y, sample_weight=WEIGHT)
    assert_allclose(sparse.predict(X), dense.predict(X), rtol=1e-3)


# Soft labels


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_soft_labels_are_learned_with_the_soft_cross_entropy(weight):
    labels = np.array(["c", "a", "b"])[np.digitize(X[:, 0], [2, 4])]
    soft = np.random.RandomState(1).dirichlet([1, 1, 1], size=30)
    estimator = LogisticRegression(C=0.5, tol=1e-8, max_iter=1000)
    model = ResampledClassifier(estimator, resampler=SoftLabels(soft))
    model.fit(X, labels, sample_weight=weight)

    rows = np.vstack([X, X[:30]])
    truth = np.vstack([labels[:, None] == np.array(["a", "b", "c"]), soft])
    row_weight = np.ones(90) if weight is None else np.append(weight, weight[:30])

    def objective(parameters):
        coef, intercept = np.split(parameters, [9])
        scores = rows @ coef.reshape(3, 3) + intercept
        cross_entropy = -(truth * log_softmax(scores, axis=1)).sum(axis=1)
        return 0.5 * row_weight @ cross_entropy + 0.5 * coef @ coef

    best = minimize(objective, np.zeros(12), options={"gtol": 1e-6}).x
    expected = softmax(X @ best[:9].reshape(3, 3) + best[9:], axis=1)
    assert model.classes_.tolist() == ["a", "b", "c"]
    assert_allclose(model.predict_proba(X), expected, atol=1e-4)
    assert model.n_rows_added_ == 30


# Metadata


def test_held_out_rows_reach_the_resampler_without_routing():
    held_out = {"X_val": X[:5], "y_val": y[:5], "groups": GROUPS}
    seen = ResampledRegressor(resampler=Spy()).fit(X, y, **held_out).resampler_.seen_
    assert all(seen[name] is held_out[name] for name in held_out)


def test_samplers_that_take_no_metadata_do_without():
    sampler = RandomOverSampler(random_state=0)
    model = ResampledClassifier(resampler=sampler)
    with_them = clone(model).fit(X, LABELS, X_val=X, y_val=LABELS, groups=GROUPS)
    without = model.fit(X, LABELS)
    assert np.array_equal(with_them.estimator_.coef_, without.estimator_.coef_)


@pytest.fixture
def routed():
    """A pipeline that scales X_val as it scales X, with routing enabled."""
    with config_context(enable_metadata_routing=True):
        steps = [
            ("scale", StandardScaler()),
            ("m", ResampledRegressor(resampler=Spy())),
        ]
        yield Pipeline(steps, transform_input=["X_val"])


METADATA = {"X_val": X[:7] + 1, "y_val": y[:7], "groups": GROUPS}


def test_pipeline_hands_on_scaled_held_out_rows(routed):
    spy = routed.fit(X, y, **METADATA)["m"].resampler_
    scaler = StandardScaler().fit(X)
    assert_allclose(spy.X_, scaler.transform(X))
    assert_allclose(spy.seen_["X_val"], scaler.transform(X[:7] + 1))
    assert np.array_equal(spy.seen_["y_val"], y[:7])
    assert np.array_equal(spy.seen_["groups"], GROUPS)


def test_groups_are_sliced_and_held_out_rows_scaled_in_every_fold(routed):
    folds = GroupKFold(3)
    fits = cross_validate(
        routed, X, y, cv=folds, params=METADATA, return_estimator=True
    )["estimator"]
    for fit, (train, _) in zip(fits, folds.split(X, groups=GROUPS), strict=True):
        seen = fit["m"].resampler_.seen_
        assert np.array_equal(seen["groups"], GROUPS[train])
        assert np.array_equal(seen["y_val"], y[:7])
        scaler = StandardScaler().fit(X[train])
        assert_allclose(seen["X_val"], scaler.transform(X[:7] + 1))


def test_metadata_pass_through_a_grid_search(routed):
    search = GridSearchCV(
        routed, {"m__estimator": [Ridge()]}, cv=GroupKFold(3), error_score="raise"
    )
    # The spy refuses groups that are not as many as the rows of its fold.
    seen = search.fit(X, y, **METADATA).best_estimator_["m"].resampler_.seen_
    assert np.array_equal(seen["groups"], GROUPS)
    assert_allclose(seen["X_val"], StandardScaler().fit(X).transform(X[:7] + 1))


def test_weights_are_routed_on_request(routed):
    routed.set_params(m__resampler=CMIXUP)
    routed["scale"].set_fit_request(sample_weight=False)
    routed["m"].set_fit_request(sample_weight=True)
    coef = routed.fit(X, y, sample_weight=WEIGHT)["m"].estimator_.coef_
    scaled = StandardScaler().fit_transform(X)
    by_hand = ResampledRegressor(resampler=CMIXUP).fit(scaled, y, sample_weight=WEIGHT)
    assert_allclose(coef, by_hand.estimator_.coef_)


@pytest.mark.parametrize("stops", [True, False])
def test_an_estimator_stops_by_the_held_out_rows(stops):
    """Otherwise it would stop by mixes of the rows that it is trained on."""
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(60, 2)), rng.normal(size=60)
    network = NetworkRegressor(
        8, max_iter=50, early_stopping=stops, device="cpu", random_state=0
    )
    model = ResampledRegressor(network, resampler=MixupResampler(random_state=0))
    model.fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    mixed = MixupResampler(random_state=0).fit_resample(X[:40], y[:40])
    extra = {"X_val": X[40:], "y_val": y[40:]} if stops else {}
    assert_array_equal(model.predict(X), clone(network).fit(*mixed, **extra).predict(X))
