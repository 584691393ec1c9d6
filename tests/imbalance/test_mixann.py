import pickle
import time

import numpy as np
import pandas as pd
import polars as pl
import pytest
from imblearn.pipeline import Pipeline
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score
from sklearn.model_selection import GridSearchCV
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skmix import ResampledClassifier
from skmix.callbacks import Checkpoint
from skmix.exceptions import JudgementWarning
from skmix.imbalance import (
    Confidence,
    Improvement,
    MixAnNSampler,
    NetworkClassifier,
    UnionPolicy,
    WalkPolicy,
)
from skmix.imbalance._evaluators import NeighborEvaluator
from tests.imbalance.helpers import blobs
from tests.regression.helpers import interrupting

KNN = KNeighborsClassifier(10)
QUICK = {"n_random": 2, "n_rounds": 1, "n_children": 2, "n_finalists": 3, "cv": 3}
ACTOR = {"method": "ddpg", "max_iter": 4, "n_walkers": 3, "max_steps": 5, "cv": 3}


@pytest.fixture(scope="module")
def hard():
    """Rows of a small class that nearest rows overlook."""
    return make_classification(600, weights=[0.94], class_sep=0.8, random_state=0)


def test_it_helps_where_nearest_rows_overlook_the_small_class(hard):
    X, y = hard
    sampler = MixAnNSampler(KNN, random_state=0)
    X_new, y_new = sampler.fit_resample(X[:400], y[:400])
    assert sampler.accepted_
    assert sampler.best_score_ > sampler.baseline_score_ + 0.05
    scores = [
        f1_score(y[400:], KNN.fit(*rows).predict(X[400:]), average="macro")
        for rows in ((X[:400], y[:400]), (X_new, y_new))
    ]
    assert scores[1] > scores[0] + 0.05


def test_originals_first_and_mixes_as_the_lineage_says(hard):
    X, y = hard
    sampler = MixAnNSampler(KNN, **QUICK, random_state=0)
    X_new, y_new = sampler.fit_resample(X, y)
    n = len(X)
    assert len(X_new) > n
    assert_array_equal(X_new[:n], X)
    assert_array_equal(y_new[:n], y)
    first, second = sampler.parent_indices_.T
    weight = sampler.mix_weights_
    expected = weight[:, :1] * X[first] + weight[:, 1:] * X[second]
    assert_allclose(X_new[n:], expected, atol=1e-12)
    assert (y[first] == 1).all()
    label = np.where(y_new[n:] == 1, y[first], y[second])
    assert_array_equal(y_new[n:], label)
    assert isinstance(sampler.policy_, UnionPolicy)
    assert sampler.n_iter_ == 23 + 2 + 2
    assert sampler.history_["phase"] == ["search"] * 27 + ["finals"] * 3
    # Another draw by the same policy.
    again, _ = sampler.resample(random_state=1)
    assert not np.array_equal(again[n:][:5], X_new[n:][:5])
    assert_array_equal(sampler.resample()[0], X_new)


def test_where_mixing_does_not_help_the_data_come_back():
    # Labels by chance: there is nothing to learn.
    rng = np.random.RandomState(0)
    accepted = 0
    for seed in range(5):
        X, y = rng.normal(size=(200, 3)), (np.arange(200) < 30).astype(int)
        sampler = MixAnNSampler(DecisionTreeClassifier(), **QUICK, random_state=seed)
        X_new, y_new = sampler.fit_resample(X, y)
        accepted += sampler.accepted_
        if not sampler.accepted_:
            assert_array_equal(X_new, X)
            assert_array_equal(y_new, y)
            assert sampler.chosen_.startswith("No mixing")
            assert sampler.parent_indices_.shape == (0, 2)
    assert accepted <= 2


def test_without_guard_the_best_is_used():
    X, y = blobs(shift=4.0)
    guarded = MixAnNSampler(KNN, **QUICK, random_state=0)
    X_new, _ = guarded.fit_resample(X, y)
    assert not guarded.accepted_
    assert len(X_new) == len(X)
    free = guarded.set_params(guard=False)
    X_new, _ = free.fit_resample(X, y)
    assert free.accepted_
    assert len(X_new) > len(X)


@pytest.mark.parametrize("settings", [QUICK, ACTOR], ids=["search", "ddpg"])
@pytest.mark.parametrize(
    "estimator", [KNN, GaussianNB(), DecisionTreeClassifier(max_features=1)]
)
def test_equal_seeds_give_equal_rows(hard, settings, estimator, random_state_untouched):
    X, y = hard[0][:300], hard[1][:300]

    def rows(seed, n_jobs=None):
        sampler = MixAnNSampler(
            estimator, **settings, guard=False, n_jobs=n_jobs, random_state=seed
        )
        return sampler.fit_resample(X, y)[0], sampler.chosen_

    one, chosen = rows(0)
    again, chosen_again = rows(0, n_jobs=2)
    assert_array_equal(again, one)
    assert chosen_again == chosen
    other, _ = rows(1)
    assert len(other) != len(one) or not np.array_equal(other, one)


def test_a_given_classifier_is_fitted_at_most_forty_times(hard):
    X, y = hard

    class Counted(GaussianNB):
        fits = []

        def fit(self, X, y):
            self.fits.append(len(X))
            return super().fit(X, y)

    # Of more than twenty folds, twenty decide.
    for cv, n_folds in ((3, 3), (5, 5), (7, 7), (10, 10), (25, 20)):
        Counted.fits.clear()
        sampler = MixAnNSampler(Counted(), **{**QUICK, "cv": cv}, random_state=0)
        sampler.fit(X, y)
        n_finalists = min(40 // n_folds - 1, 10)
        assert sampler.history_["phase"].count("classifier") == n_finalists
        assert 2 * n_folds <= len(Counted.fits) <= 40


def test_how_fast_a_classifier_is_changes_nothing(hard):
    class Slow(GaussianNB):
        def fit(self, X, y):
            time.sleep(0.11)
            return super().fit(X, y)

    slow, fast = (
        MixAnNSampler(estimator, **QUICK, guard=False, random_state=0)
        for estimator in (Slow(), GaussianNB())
    )
    assert_array_equal(slow.fit_resample(*hard)[0], fast.fit_resample(*hard)[0])
    assert slow.chosen_ == fast.chosen_


def test_too_little_time_for_the_classifier(hard):
    """One fit tells that the ten which judging takes are out of the question."""

    class Slow(GaussianNB):
        n_fits = 0

        def fit(self, X, y):
            time.sleep(0.2)
            type(self).n_fits += 1
            return super().fit(X, y)

    sampler = MixAnNSampler(Slow(), max_time=1.9, cv=5, random_state=0)
    with pytest.warns(JudgementWarning, match="1.9 seconds of max_time are too few"):
        X_new, _ = sampler.fit_resample(*hard)
    assert Slow.n_fits == 1
    assert not sampler.accepted_
    assert len(X_new) == len(hard[0])


@pytest.mark.parametrize("estimator", [KNN, GaussianNB(), None])
def test_too_little_time_for_anything(hard, estimator):
    sampler = MixAnNSampler(estimator, max_time=1e-6, random_state=0)
    with pytest.warns(JudgementWarning, match="max_time are too few"):
        X_new, _ = sampler.fit_resample(*hard)
    assert len(X_new) == len(hard[0])
    assert sampler.policy_ is None


@pytest.mark.parametrize("estimator", [KNN, GaussianNB()])
def test_ample_time_changes_nothing(hard, estimator):
    sampler = MixAnNSampler(estimator, **QUICK, random_state=0)
    X_new, _ = sampler.fit_resample(*hard)
    timed = sampler.set_params(max_time=1000.0)
    assert_array_equal(timed.fit_resample(*hard)[0], X_new)


def test_no_estimator_asks_nearest_rows_and_says_so(hard):
    sampler = MixAnNSampler(**QUICK, random_state=0)
    with pytest.warns(JudgementWarning, match="asks the 10 nearest rows"):
        sampler.fit(*hard)
    assert sampler.accepted_


def test_inside_a_classifier_it_learns_for_that_one(hard):
    model = ResampledClassifier(
        LogisticRegression(), resampler=MixAnNSampler(**QUICK, random_state=0)
    )
    model.fit(*hard)
    assert isinstance(model.resampler_.estimator, LogisticRegression)
    assert "classifier" in model.resampler_.history_["phase"]


def test_held_out_rows_of_the_user(hard):
    X, y = hard
    sampler = MixAnNSampler(KNN, **QUICK, random_state=0)
    sampler.fit(X[:350], y[:350], X_val=X[350:], y_val=y[350:])
    assert sampler.best_score_ > sampler.baseline_score_
    # The baseline is what a fit to all training rows scores on them.
    expected = f1_score(
        y[350:], KNN.fit(X[:350], y[:350]).predict(X[350:]), average="macro"
    )
    assert sampler.baseline_score_ == pytest.approx(expected)
    with pytest.raises(ValueError, match="y_val has the class"):
        sampler.fit(X[:350], y[:350], X_val=X[350:], y_val=y[350:] + 1)


def test_groups_are_never_on_both_sides():
    # Copies of each row: with them on both sides, nothing would be left to gain.
    X, y = blobs(120, 24, shift=1.0)
    X, y, groups = (
        np.repeat(X, 6, axis=0),
        np.repeat(y, 6),
        np.repeat(np.arange(120), 6),
    )
    X = X + 1e-3 * np.random.RandomState(0).normal(size=X.shape)
    scores = {}
    for given in (None, groups):
        sampler = MixAnNSampler(KNN, **QUICK, random_state=0).fit(X, y, groups=given)
        scores[given is None] = sampler.baseline_score_
    assert scores[True] > scores[False] + 0.05


def test_many_classes():
    rng = np.random.RandomState(0)
    sizes = {"a": 260, "b": 40, "c": 25, "d": 25}
    y = np.repeat(list(sizes), list(sizes.values()))
    centres = {"a": [0, 0, 0], "b": [1.6, 0, 0], "c": [0, 1.6, 0], "d": [0, 0, 1.6]}
    X = rng.normal(size=(350, 3)) + np.array([centres[label] for label in y])
    sampler = MixAnNSampler(KNN, **QUICK, guard=False, random_state=0)
    sampler.fit_resample(X, y)
    assert sampler.sampling_strategy_ == {"b": 220, "c": 235, "d": 235}
    assert set(y[sampler.parent_indices_[:, 0]]) == {"b", "c", "d"}
    assert sampler.best_score_ > sampler.baseline_score_
    sampler.set_params(sampling_strategy={"c": 100})
    _, y_new = sampler.fit_resample(X, y)
    assert set(y[sampler.parent_indices_[:, 0]]) == {"c"}
    # Mixes with other classes may have their labels.
    assert set(y_new[350:]) <= set("abcd")


def test_amounts_stay_below_what_is_asked_for(hard):
    X, y = hard
    n_small = y.sum()
    by_ratio = int(0.2 * (len(y) - n_small)) - n_small
    for strategy, most in ((0.2, by_ratio), ({1: 60}, 60 - n_small)):
        sampler = MixAnNSampler(
            KNN, sampling_strategy=strategy, **QUICK, guard=False, random_state=0
        )
        X_new, _ = sampler.fit_resample(X, y)
        assert 0 < len(X_new) - len(X) <= most
    sampler = MixAnNSampler(KNN, max_mixes=7, **QUICK, guard=False, random_state=0)
    assert len(sampler.fit_resample(X, y)[0]) - len(X) <= 7


def test_nothing_is_asked_for():
    X, y = blobs(60, 30)
    sampler = MixAnNSampler(KNN)
    X_new, _ = sampler.fit_resample(X, y)
    assert len(X_new) == 60
    assert not sampler.accepted_
    assert "no class is to get rows" in sampler.chosen_
    assert sampler.policy_ is None


def test_three_rows_of_the_small_class():
    X, y = blobs(90, 3, shift=3.0)
    sampler = MixAnNSampler(KNN, **QUICK, guard=False, random_state=0)
    X_new, _ = sampler.fit_resample(X, y)
    assert len(X_new) > 90
    assert set(sampler.parent_indices_[:, 0]) <= {0, 1, 2}


def test_one_row_of_the_small_class():
    X, y = blobs(50, 1)
    with pytest.raises(ValueError, match=r"Class 1 of y has 1 row.*Collect more rows"):
        MixAnNSampler(KNN).fit_resample(X, y)
    # It may be left out.
    y[1:11] = 2
    for estimator in (KNN, GaussianNB()):
        sampler = MixAnNSampler(
            estimator, sampling_strategy={2: 30}, **QUICK, random_state=0
        )
        assert sampler.fit(X, y).best_score_ > 0


def test_few_rows_are_handed_back():
    X, y = blobs(8, 3)
    with pytest.warns(JudgementWarning, match="8 rows are too few"):
        X_new, _ = MixAnNSampler(KNN).fit_resample(X, y)
    assert_array_equal(X_new, X)


def test_constant_columns_and_repeated_rows(hard):
    X, y = hard
    X = np.column_stack([X, np.full(len(X), 3.0)])
    X, y = np.vstack([X, X[:50]]), np.concatenate([y, 1 - y[:50]])
    sampler = MixAnNSampler(KNN, **QUICK, guard=False, random_state=0)
    X_new, _ = sampler.fit_resample(X, y)
    assert (X_new[:, -1] == 3).all()
    # A row and its copy of the other class tell nothing: neither is mixed.
    twins = np.concatenate([np.arange(50), np.arange(len(X) - 50, len(X))])
    assert not np.isin(sampler.parent_indices_, twins).any()


@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_missing_and_infinite_values_are_named(value):
    X, y = blobs()
    frame = pd.DataFrame(X, columns=["a", "b", "c"])
    frame.loc[3, "b"] = value
    with pytest.raises(ValueError, match="column 'b', 1 of 200 rows"):
        MixAnNSampler(KNN).fit_resample(frame, y)


def test_frames_with_columns_of_all_kinds(hard):
    X, y = hard
    frame = pd.DataFrame(
        {
            "x": X[:, 0],
            "y": X[:, 1],
            "count": np.arange(600) % 7,
            "colour": pd.Categorical(np.where(X[:, 2] > 0, "red", "blue")),
            "flag": X[:, 3] > 0,
        }
    )
    labels = pd.Series(np.where(y == 1, "rare", "common"), name="kind")
    for make in (pd.DataFrame, pl.from_pandas):
        sampler = MixAnNSampler(GaussianColumns(), **QUICK, guard=False, random_state=0)
        X_new, y_new = sampler.fit_resample(make(frame), labels)
        assert list(X_new.columns) == list(frame.columns)
        assert y_new.name == "kind"
        X_new = X_new if make is pd.DataFrame else X_new.to_pandas()
        mixes = X_new[600:]
        assert len(mixes) > 0
        assert set(mixes["colour"]) <= {"red", "blue"}
        assert mixes["count"].between(0, 6).all()
        assert mixes["count"].dtype == frame["count"].dtype
        heavier = sampler.parent_indices_[
            np.arange(len(mixes)), 1 - (sampler.mix_weights_[:, 0] >= 0.5)
        ]
        assert_array_equal(mixes["flag"], frame["flag"].to_numpy()[heavier])


class GaussianColumns(GaussianNB):
    """Looks at the first two columns of a frame."""

    def fit(self, X, y):
        return super().fit(np.asarray(X)[:, :2].astype(float), y)

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]

    def predict_proba(self, X):
        return super().predict_proba(np.asarray(X)[:, :2].astype(float))


@pytest.mark.parametrize("settings", [QUICK, ACTOR], ids=["search", "ddpg"])
def test_pickles_hold_the_policy(hard, settings):
    X, y = hard
    sampler = MixAnNSampler(KNN, **settings, guard=False, random_state=0).fit(X, y)
    again = pickle.loads(pickle.dumps(sampler))
    assert_array_equal(again.resample()[0], sampler.resample()[0])
    assert len(pickle.dumps(sampler.policy_)) < 50_000
    assert again.policy_.describe() == sampler.policy_.describe()
    # Who is near whom is looked up again.
    assert len(pickle.dumps(sampler)) < 5 * X.nbytes


def test_grid_search_in_both_kinds_of_pipelines(hard):
    X, y = hard[0][:300], hard[1][:300]
    pipeline = Pipeline(
        [
            ("scale", StandardScaler()),
            ("mix", MixAnNSampler(KNN, **QUICK, random_state=0)),
            ("knn", KNeighborsClassifier(10)),
        ]
    )
    grid = {"mix__max_mixes": [10, 3000], "mix__search": ["none", "crossover"]}
    search = GridSearchCV(pipeline, grid, scoring="f1_macro", cv=2).fit(X, y)
    assert len(search.cv_results_["params"]) == 4
    assert hasattr(search.best_estimator_["mix"], "policy_")
    model = ResampledClassifier(KNeighborsClassifier(10))
    grid = {
        "resampler": [None, MixAnNSampler(**QUICK, random_state=0)],
        "estimator__n_neighbors": [5, 7],
    }
    search = GridSearchCV(model, grid, scoring="f1_macro", cv=2).fit(X, y)
    assert search.best_params_["resampler"] is not None


def test_ablations(hard):
    X, y = hard
    none = MixAnNSampler(KNN, **QUICK, search="none", random_state=0).fit(X, y)
    assert none.n_iter_ == 23
    by_chance = MixAnNSampler(
        KNN, **QUICK, reward="random", guard=False, random_state=0
    ).fit(X, y)
    scores = np.array(by_chance.history_["score"])
    assert ((scores >= 0) & (scores <= 1)).all()
    assert np.ptp(scores) > 0.8
    # Of the same hand-set policies: one tells nothing about the other.
    assert abs(np.corrcoef(scores[:23], none.history_["score"][:23])[0, 1]) < 0.6
    # What it reports in the end is the score, not chance.
    assert by_chance.baseline_score_ == pytest.approx(none.baseline_score_, abs=0.03)


def test_parents_are_as_many_as_it_says(hard):
    settings = {**QUICK, "n_children": 6, "random_state": 0}
    one, five = (
        MixAnNSampler(KNN, n_elite=n, **settings).fit(*hard).history_["score"]
        for n in (1, 5)
    )
    assert one[:25] == five[:25]
    assert one[25:31] != five[25:31]


def test_scoring_decides(hard):
    X, y = hard
    found = {}
    for scoring in ("recall", "accuracy"):
        sampler = MixAnNSampler(
            KNN, scoring=scoring, **QUICK, guard=False, random_state=0
        ).fit(X, y)
        model = KNeighborsClassifier(10)
        train, test = np.arange(0, 600, 2), np.arange(1, 600, 2)
        X_new, y_new = sampler.fit_resample(X[train], y[train])
        predicted = model.fit(X_new, y_new).predict(X[test])
        found[scoring] = predicted.sum()
    assert found["recall"] > 2 * found["accuracy"]


def test_a_warm_search_asks_the_classifier_itself():
    class Counted(GaussianNB):
        calls = []

        def fit(self, X, y):
            self.calls.append("fit")
            return super().fit(X, y)

        def partial_fit(self, X, y):
            self.calls.append("partial_fit")
            return super().partial_fit(X, y)

    sampler = MixAnNSampler(Counted(), warm_start=True, **QUICK, random_state=0)
    sampler.fit(*blobs())
    phases = sampler.history_["phase"]
    assert Counted.calls.count("partial_fit") == 3 * (27 + 3)
    assert Counted.calls.count("fit") == 3 * (1 + phases.count("classifier"))


def test_warm_starts(hard):
    X, y = hard[0][:200], hard[1][:200]
    network = NetworkClassifier((8,), max_iter=50, learning_rate=0.01, random_state=0)
    sampler = MixAnNSampler(network, warm_start=True, **QUICK, random_state=0)
    sampler.fit(X, y)
    phases = sampler.history_["phase"]
    assert phases.count("search") == 27
    assert "classifier" in phases
    with pytest.raises(ValueError, match="partial_fit"):
        sampler.set_params(estimator=LogisticRegression()).fit(X, y)
    with pytest.raises(ValueError, match='method="search"'):
        sampler.set_params(estimator=network, method="ddpg").fit(X, y)


def test_interrupting_keeps_the_best_so_far(hard):
    sampler = MixAnNSampler(KNN, **QUICK, random_state=0)
    sampler.set_callbacks(interrupting(5))
    with pytest.warns(UserWarning, match="Interrupted in phase 'search'"):
        sampler.fit(*hard)
    assert sampler.n_iter_ == 5
    assert isinstance(sampler.policy_, UnionPolicy | WalkPolicy)
    assert np.isfinite(sampler.best_score_)


@pytest.mark.parametrize("calls", [0, 27 + 1], ids=["search", "finals"])
@pytest.mark.parametrize("estimator", [KNN, GaussianNB()])
def test_interrupting_before_anything_is_scored(hard, monkeypatch, calls, estimator):
    """Ctrl-C in the first step of the search, or of the finals."""
    predict, left = NeighborEvaluator.predict, [None] * calls

    def interrupted(self, policy, repeat, seed):
        if policy is not None and len(left) != 1000:
            if not left:
                left.extend([None] * 1000)
                raise KeyboardInterrupt
            left.pop()
        return predict(self, policy, repeat, seed)

    monkeypatch.setattr(NeighborEvaluator, "predict", interrupted)
    sampler = MixAnNSampler(estimator, **QUICK, random_state=0)
    with pytest.warns(UserWarning, match="Interrupted in|too few") as caught:
        X_new, _ = sampler.fit_resample(*hard)
    assert any("Interrupted in phase" in str(w.message) for w in caught)
    if estimator is KNN:
        assert not sampler.accepted_
        assert len(X_new) == 600
    else:
        # The classifier decides among policies that need no search.
        assert np.isfinite(sampler.best_score_)


@pytest.mark.parametrize("reward", ["auto", "random"])
@pytest.mark.parametrize("settings", [QUICK, ACTOR], ids=["search", "ddpg"])
def test_an_interrupted_fit_resumes_from_its_checkpoint(
    hard, tmp_path, settings, reward
):
    whole, part, rest = (
        MixAnNSampler(KNN, **settings, reward=reward, guard=False, random_state=0)
        for _ in range(3)
    )
    whole.fit(*hard)
    part.set_callbacks(Checkpoint(tmp_path / "state.npz", every=1), interrupting(3))
    with pytest.warns(UserWarning, match="Interrupted"):
        part.fit(*hard)
    rest.set_callbacks(Checkpoint(tmp_path / "state.npz", every=1)).fit(*hard)
    assert_allclose(rest.history_["objective"], whole.history_["objective"])
    assert_array_equal(rest.resample()[0], whole.resample()[0])


@pytest.mark.parametrize(
    "reward", [5 * Improvement(window=3, divisor="m-1") * Confidence(), max]
)
def test_rewards_of_steps_are_for_ddpg(reward):
    with pytest.raises(ValueError, match='for single steps, and method="search"'):
        MixAnNSampler(KNN, reward=reward).fit(*blobs())


def test_lists_stay_lists():
    X, y = blobs(120, 20)
    sampler = MixAnNSampler(KNN, **QUICK, guard=False, random_state=0)
    X_new, y_new = sampler.fit_resample(X.tolist(), y.tolist())
    assert isinstance(X_new, list)
    assert isinstance(y_new, list)
    assert X_new[:120] == X.tolist()
