"""LearnedWeightClassifier and LearnedWeightRegressor."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn import config_context
from sklearn.base import clone
from sklearn.datasets import load_diabetes, make_classification
from sklearn.linear_model import LinearRegression, LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV, StratifiedKFold, cross_val_score
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skmix.callbacks import Checkpoint, History
from skmix.exceptions import JudgementWarning
from skmix.weighting import (
    LearnedWeightClassifier,
    LearnedWeightRegressor,
    SampleWeightLearner,
)


def problem(noise, n=300, seed=0):
    X, y = make_classification(
        n + 640,
        10,
        n_informative=6,
        n_classes=3,
        n_clusters_per_class=1,
        class_sep=1.5,
        flip_y=0,
        random_state=seed,
    )
    rng = np.random.RandomState(seed)
    parts = [slice(n), slice(n, n + 40), slice(n + 40, None)]
    is_wrong = rng.rand(n) < noise
    noisy = np.where(is_wrong, (y[:n] + rng.randint(1, 3, n)) % 3, y[:n])
    (X, y), *others = ((X[part], y[part]) for part in parts)
    return X, noisy, *others[0], *others[1], is_wrong


def weighter(**params):
    return SampleWeightLearner(
        **{"hidden_layer_sizes": 16, "max_iter": 15, "random_state": 0, **params}
    )


def model(estimator=None, **params):
    return LearnedWeightClassifier(
        estimator, **{"weighter": weighter(), "random_state": 0, **params}
    )


def test_wrong_labels_do_less_harm():
    X, y, X_val, y_val, X_test, y_test, _ = problem(0.4, seed=2)
    tree = DecisionTreeClassifier(max_depth=5, random_state=0)
    fitted = model(tree).fit(X, y, X_val=X_val, y_val=y_val)
    plain = clone(tree).fit(np.r_[X, X_val], np.r_[y, y_val])
    assert fitted.accepted_
    assert fitted.best_score_ > fitted.baseline_score_
    assert fitted.chosen_.startswith("Learned weights. Held-out Brier loss: ")
    assert fitted.score(X_test, y_test) > plain.score(X_test, y_test) + 0.05


def test_where_weights_do_not_help_the_fit_is_as_without():
    X, y, X_val, y_val, X_test, _, _ = problem(0.0)
    fitted = model(KNeighborsClassifier()).fit(X, y, X_val=X_val, y_val=y_val)
    assert not fitted.accepted_
    assert fitted.chosen_.startswith("Weights as they were. ")
    assert np.array_equal(fitted.sample_weight_, np.ones(300))
    plain = KNeighborsClassifier().fit(np.r_[X, X_val], np.r_[y, y_val])
    assert np.array_equal(fitted.predict_proba(X_test), plain.predict_proba(X_test))


def test_validation_rows_are_trained_on_at_weight_one():
    X, y, X_val, y_val, *_ = problem(0.4)

    class Recorder(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            self.seen_ = np.asarray(X), np.asarray(y), sample_weight
            return super().fit(X, y, sample_weight)

    fitted = model(Recorder(), guard=False).fit(X, y, X_val=X_val, y_val=y_val)
    seen, labels, weight = fitted.estimator_.seen_
    assert np.array_equal(seen, np.r_[X, X_val])
    assert np.array_equal(labels, np.r_[y, y_val])
    assert np.array_equal(weight, np.r_[fitted.sample_weight_, np.ones(40)])
    assert np.array_equal(fitted.sample_weight_, fitted.weighter_.sample_weight_)
    assert np.isnan(fitted.best_score_)
    inside = model(Recorder(), guard=False).fit(X, y)
    held_out = inside.weighter_.validation_indices_
    assert len(inside.estimator_.seen_[0]) == 300
    assert inside.estimator_.seen_[2][held_out] == pytest.approx(np.ones(30))


@pytest.mark.parametrize(
    "validation", [0.3, 20, np.arange(60), StratifiedKFold(3)], ids=str
)
def test_the_guard_judges_by_rows_that_taught_nothing(validation):
    X, y, *_ = problem(0.2)
    taught, tested = [], []

    class Spy(SampleWeightLearner):
        def fit(self, X, y, X_val=None, y_val=None, sample_weight=None):
            super().fit(X, y, X_val, y_val, sample_weight)
            taught.append({tuple(row) for row in X})
            return self

    class Tester(LogisticRegression):
        def predict(self, X):
            tested.append({tuple(row) for row in X})
            return super().predict(X)

        def predict_proba(self, X):
            tested.append({tuple(row) for row in X})
            return super().predict_proba(X)

    spy = Spy(validation=validation, max_iter=2, random_state=0)
    fitted = LearnedWeightClassifier(Tester(), weighter=spy, random_state=0).fit(X, y)
    whole, *halves = taught
    # Learned with all rows, then twice with half of the trusted ones.
    assert len(whole) == 300
    assert len(halves) == 2
    assert not halves[0] & tested[0]
    assert not halves[1] & tested[-1]
    n_trusted = len(np.atleast_1d(fitted.weighter_.validation_indices_))
    assert len(tested[0] | tested[-1]) == n_trusted
    assert len(halves[0]) == 300 - len(tested[0])


def test_an_estimator_without_weights_gets_a_bootstrap():
    X, y, X_val, y_val, X_test, y_test, _ = problem(0.4)
    knn = KNeighborsClassifier(1)
    fitted = model(knn, guard=False).fit(X, y, X_val=X_val, y_val=y_val)
    plain = clone(knn).fit(np.r_[X, X_val], np.r_[y, y_val])
    assert fitted.score(X_test, y_test) > plain.score(X_test, y_test) + 0.05
    again = model(knn, guard=False).fit(X, y, X_val=X_val, y_val=y_val)
    assert np.array_equal(again.predict(X_test), fitted.predict(X_test))


def test_numbers_to_predict():
    X, y = load_diabetes(return_X_y=True)
    rng = np.random.RandomState(0)
    noisy = y[:300].copy()
    is_wrong = rng.rand(300) < 0.3
    noisy[is_wrong] += 300
    fitted = LearnedWeightRegressor(
        LinearRegression(), weighter=weighter(max_iter=40), random_state=0
    )
    fitted.fit(X[:300], noisy, X_val=X[300:360], y_val=y[300:360])
    plain = LinearRegression().fit(np.r_[X[:300], X[300:360]], np.r_[noisy, y[300:360]])
    assert fitted.accepted_
    assert "absolute error" in fitted.chosen_
    assert fitted.score(X[360:], y[360:]) > plain.score(X[360:], y[360:]) + 0.2


def test_whole_numbers_are_numbers_to_a_regressor():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(200, 2))
    y = np.rint(3 * X[:, 0]).astype(int)
    fitted = LearnedWeightRegressor(weighter=weighter(max_iter=2)).fit(X, y)
    assert fitted.weighter_.task == "regression"
    assert fitted.predict(X).dtype.kind == "f"


def test_in_a_pipeline_and_a_grid():
    X, y, *_ = problem(0.2)
    pipeline = make_pipeline(StandardScaler(), model(LogisticRegression()))
    grid = {
        "learnedweightclassifier__weighter__method": ["ren", "normalized"],
        "learnedweightclassifier__estimator__C": [0.1, 1],
    }
    search = GridSearchCV(pipeline, grid, cv=2).fit(X, y)
    assert search.best_estimator_[-1].sample_weight_.shape == (300,)
    assert search.predict(X[:3]).shape == (3,)
    with config_context(enable_metadata_routing=True):
        piped = Pipeline(
            [("scale", StandardScaler()), ("model", model())], transform_input=["X_val"]
        )
        piped.fit(X[:250], y[:250], X_val=X[250:], y_val=y[250:])
    assert piped[-1].weighter_.n_iter_ == 15


@pytest.mark.parametrize("kind", ["pandas", "polars", "list"])
def test_containers(kind):
    X, y, X_val, y_val, X_test, *_ = problem(0.3)
    names = [f"c{j}" for j in range(10)]

    def wrapped(X, y):
        if kind == "list":
            return X.tolist(), y.tolist()
        library = pd if kind == "pandas" else pl
        frame = library.DataFrame(dict(zip(names, X.T, strict=True)))
        return frame, library.Series(y)

    X_in, y_in = wrapped(X, y)
    X_val_in, y_val_in = wrapped(X_val, y_val)
    fitted = model(guard=False).fit(X_in, y_in, X_val=X_val_in, y_val=y_val_in)
    plain = model(guard=False).fit(X, y, X_val=X_val, y_val=y_val)
    assert np.array_equal(
        fitted.predict(wrapped(X_test, X_test[:, 0])[0]), plain.predict(X_test)
    )
    if kind != "list":
        assert fitted.feature_names_in_.tolist() == names


def test_too_few_trusted_rows_give_up():
    X, y, X_val, y_val, *_ = problem(0.3)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        fitted = model().fit(X, y, X_val=X_val[:8], y_val=y_val[:8])
    assert "8 validation rows are too few" in str(caught[-1].message)
    assert caught[-1].category is JudgementWarning
    assert not fitted.accepted_


def test_pickling_and_seeds(random_state_untouched):
    X, y, X_val, y_val, X_test, *_ = problem(0.3, n=100)
    for method in ("normalized", "meta_net", "dvrl"):
        params = {"weighter": weighter(method=method, max_iter=5, random_state=None)}
        data = {"X_val": X_val, "y_val": y_val}
        fitted = model(guard=False, **params).fit(X, y, **data)
        again = model(guard=False, **params).fit(X, y, **data)
        restored = pickle.loads(pickle.dumps(fitted))
        assert np.array_equal(fitted.sample_weight_, again.sample_weight_)
        assert np.array_equal(
            restored.predict_proba(X_test), fitted.predict_proba(X_test)
        )


def test_dvrl_values_rows_for_the_estimator():
    X, y, X_val, y_val, *_ = problem(0.3, n=100)
    tree = DecisionTreeClassifier(max_depth=2)
    fitted = model(tree, weighter=weighter(method="dvrl", max_iter=2), guard=False)
    fitted.fit(X, y, X_val=X_val, y_val=y_val)
    assert isinstance(fitted.weighter_.estimator, DecisionTreeClassifier)


def test_given_weights_are_kept():
    X, y, X_val, y_val, *_ = problem(0.0)
    weight = np.where(np.arange(300) % 2, 0.5, 1.5)
    fitted = model().fit(X, y, X_val=X_val, y_val=y_val, sample_weight=weight)
    assert not fitted.accepted_
    assert np.array_equal(fitted.sample_weight_, weight)


def test_the_wrong_kind_of_estimator():
    X, y, *_ = problem(0.0)
    with pytest.raises(ValueError, match=r"estimator must be a classifier"):
        model(Ridge()).fit(X, y)
    with pytest.raises(ValueError, match=r"estimator must be a regressor"):
        LearnedWeightRegressor(LogisticRegression()).fit(X, y)
    assert not hasattr(model(Ridge()), "predict_proba")


def test_cross_validation_of_the_default():
    X, y, *_ = problem(0.2)
    scores = cross_val_score(LearnedWeightClassifier(random_state=0), X, y, cv=3)
    assert scores.mean() > 0.5


def test_the_guard_keeps_groups_together():
    X, y, *_ = problem(0.2)
    groups = np.arange(300) // 3
    X = np.column_stack([X, groups])
    trained, shared = [], []

    class Spy(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            trained.append(set(X[:, -1]))
            return super().fit(X, y, sample_weight)

        def predict(self, X):
            shared.append(trained[-1] & set(X[:, -1]))
            return super().predict(X)

    fitted = model(Spy(max_iter=3000), weighter=weighter(validation=0.3, max_iter=2))
    fitted.fit(X, y, groups=groups)
    assert shared == [set()] * 4


def test_the_verdict_does_not_depend_on_the_unit_of_weights():
    X, y, X_val, y_val, *_ = problem(0.3)
    tree = DecisionTreeClassifier(max_depth=4, random_state=0)
    found = []
    for unit in (0.01, 1.0, 100.0):
        data = {"X_val": X_val, "y_val": y_val, "sample_weight": np.full(300, unit)}
        fitted = model(tree, guard=False).fit(X, y, **data)
        assert fitted.sample_weight_.mean() == pytest.approx(unit)
        found.append(fitted.sample_weight_ / unit)
    assert found[0] == pytest.approx(found[2])


def test_labels_in_other_containers_than_those_of_validation_rows():
    X, y, X_val, y_val, *_ = problem(0.3)
    wanted = model(guard=False).fit(X, y, X_val=X_val, y_val=y_val)
    for labels in (y_val[:, None], y_val.tolist()):
        fitted = model(guard=False).fit(X, pd.Series(y), X_val=X_val, y_val=labels)
        assert np.array_equal(fitted.sample_weight_, wanted.sample_weight_)
    with pytest.raises(ValueError, match=r"X_val is a ndarray and X a DataFrame"):
        model().fit(pd.DataFrame(X), y, X_val=X_val, y_val=y_val)


def test_a_checkpoint_of_the_weighter_is_for_its_own_fit(tmp_path):
    X, y, X_val, y_val, *_ = problem(0.3)
    saved = weighter().set_callbacks(Checkpoint(tmp_path / "fit.npz"))
    fitted = model(weighter=saved).fit(X, y, X_val=X_val, y_val=y_val)
    assert np.isfinite(fitted.best_score_)


def test_an_interrupted_weighter_is_not_judged():
    X, y, X_val, y_val, *_ = problem(0.3)

    class Interrupt(History):
        def on_fit_task_end(self, estimator, context, *, metadata=None):
            if metadata is not None:
                raise KeyboardInterrupt

    stopped = weighter().set_callbacks(Interrupt())
    with pytest.warns(UserWarning, match=r"Interrupted|interrupted"):
        fitted = model(weighter=stopped).fit(X, y, X_val=X_val, y_val=y_val)
    assert not fitted.accepted_
    assert "an interrupted fit leaves no time to judge" in fitted.chosen_
