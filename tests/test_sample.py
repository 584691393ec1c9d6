"""Some rows to learn from, where there are many."""

import pickle

import numpy as np
import pytest
from numpy.random import RandomState
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score, r2_score
from sklearn.model_selection import KFold, PredefinedSplit

from skmix._sample import draw_sample
from skmix.exceptions import JudgementWarning
from skmix.imbalance import AutoSMOTESampler, AverageSampler, MixAnNSampler
from skmix.regression import (
    AdaMixupResampler,
    CMixupResampler,
    KNNMixupResampler,
    MixRLResampler,
    MixupResampler,
)


def read(n, **named):
    X, y = np.arange(2.0 * n).reshape(n, 2), np.arange(n) % 7
    named = {"X_val": None, "y_val": None, "groups": None, **named}
    return MixupResampler()._read(X, y, **named)


def test_no_sample_of_few_rows():
    assert draw_sample(read(20), None, RandomState(0)) is None
    assert draw_sample(read(20), 20, RandomState(0)) is None


@pytest.mark.parametrize(("most", "n_fresh"), [(30, 20), (10, 10), (90, 20)])
def test_rows_that_are_learned_from_do_not_judge(most, n_fresh):
    data = read(100)
    sample = draw_sample(data, most, RandomState(0))
    assert len(sample.fresh) == n_fresh
    assert len(sample.rows) == min(most, 80) == len(sample.data)
    assert not set(sample.rows) & set(sample.fresh)
    assert_array_equal(sample.data.X.array, data.X.array[sample.rows])
    assert_array_equal(sample.data.target, data.target[sample.rows])
    assert (np.diff(sample.rows) > 0).all()


def test_held_out_rows_judge_where_there_are_some():
    X_val, y_val = np.ones((5, 2)), np.zeros(5)
    sample = draw_sample(read(50, X_val=X_val, y_val=y_val), 20, RandomState(0))
    assert len(sample.fresh) == 0
    assert len(sample.rows) == 20
    assert sample.data.X_val.array is X_val
    assert len(sample.data.Z_val) == 5


def test_groups_stay_together():
    groups = np.repeat(np.arange(25), 4)
    sample = draw_sample(read(100, groups=groups), 30, RandomState(0))
    of_sample, of_fresh = groups[sample.rows], groups[sample.fresh]
    assert set(np.bincount(of_sample)) == set(np.bincount(of_fresh)) == {0, 4}
    assert len(sample.rows) == 28
    assert len(sample.fresh) == 20
    assert not set(of_sample) & set(of_fresh)
    assert_array_equal(sample.data.groups, of_sample)
    # A single group that is larger is one all the same.
    large = draw_sample(read(100, groups=np.repeat([0, 1], 50)), 30, RandomState(0))
    assert len(large.rows) == 50


def test_classes_keep_their_shares():
    X, y = np.arange(200.0)[:, None], np.repeat([0, 1, 2], [150, 40, 10])
    data = AverageSampler()._read(X, y, None, None, None)
    sample = draw_sample(data, 40, RandomState(0), by_class=True)
    assert_array_equal(np.bincount(sample.data.target), [30, 8, 2])
    assert len(sample.fresh) == 0
    other = draw_sample(data, 40, RandomState(1), by_class=True)
    assert set(other.rows) != set(sample.rows)


X = RandomState(0).normal(size=(600, 3))
Y = np.sin(2 * X[:, 0]) + X[:, 1] ** 2
SETTINGS = {"max_samples": 120, "guard": False, "random_state": 0}


@pytest.mark.parametrize(
    "resampler",
    [
        MixRLResampler(Ridge(), **SETTINGS),
        KNNMixupResampler(Ridge(), candidates=(1, 3), **SETTINGS),
        CMixupResampler(Ridge(), bandwidth="auto", **SETTINGS),
        AdaMixupResampler(Ridge(), max_iter=5, **SETTINGS),
        MixRLResampler(
            Ridge(), mix_ratio=AdaMixupResampler(max_iter=3, random_state=0), **SETTINGS
        ),
    ],
    ids=lambda resampler: type(resampler).__name__,
)
@pytest.mark.parametrize("guard", [False, True])
def test_what_is_learned_from_some_is_used_on_all(resampler, guard):
    resampler = resampler.set_params(guard=guard).fit(X, Y)
    X_new, _ = resampler.resample()
    assert_array_equal(X_new[:600], X)
    if not resampler.accepted_:
        assert guard
        assert len(X_new) == 600
        return
    judged = guard or not isinstance(resampler, AdaMixupResampler)
    assert ("as learned from 120 of 600 rows" in resampler.chosen_) == judged
    first, second = resampler.parent_indices_.T
    # Nearly all rows are mixed, many of them not among those learned from.
    assert len(np.unique(first)) > 500
    weight = resampler.mix_weights_[:, :1]
    assert_allclose(X_new[600:], weight * X[first] + (1 - weight) * X[second])
    again = resampler.resample()
    assert_array_equal(again[0], X_new)


def test_a_search_by_some_rows_is_judged_on_all():
    resampler = CMixupResampler(
        Ridge(), bandwidth="auto", candidates=(0.5,), max_samples=100, random_state=0
    ).fit(X, Y)
    data = resampler._data
    rng = RandomState(0)
    inputs = draw_sample(data, 100, rng)
    train = np.setdiff1d(np.arange(600), inputs.fresh)
    assert len(inputs.fresh) == 100
    plain = Ridge().fit(X[train], Y[train])
    truth = Y[inputs.fresh]
    expected = r2_score(truth, plain.predict(X[inputs.fresh]))
    assert resampler.baseline_score_ == pytest.approx(expected)
    # With mixes of 500 rows, not of 100.
    assert abs(resampler.best_score_ - resampler.baseline_score_) < 0.05


def test_a_policy_of_some_rows_says_what_to_mix_all_with():
    resampler = MixRLResampler(
        Ridge(),
        max_samples=100,
        max_iter=3,
        threshold=0.0,
        data_neighbors=[1, 2],
        label_neighbors=[2],
        random_state=0,
        guard=False,
    )
    resampler.fit(X[:400], Y[:400], X_val=X[400:], y_val=Y[400:])
    assert resampler.options_.shape == (400, 2)
    assert set(resampler.options_[:, 0]) <= {1, 2}
    assert set(resampler.options_[:, 1]) == {2}
    assert "of 400 rows, as learned from 100" in resampler.chosen_
    assert len(np.unique(resampler.fit_resample(X[:400], Y[:400])[0], axis=0)) > 400


@pytest.mark.parametrize("estimator", [None, Ridge()])
def test_a_policy_of_some_rows_is_judged(estimator):
    resampler = MixRLResampler(
        estimator, max_samples=100, max_iter=3, hidden_layer_sizes=8, random_state=0
    )
    resampler.fit(X[:400], Y[:400], X_val=X[400:], y_val=Y[400:])
    if estimator is not None:
        expected = r2_score(Y[400:], Ridge().fit(X[:400], Y[:400]).predict(X[400:]))
        assert resampler.baseline_score_ == pytest.approx(expected)
    assert resampler.options_.shape == (400, 2)


@pytest.mark.parametrize("estimator", [None, LogisticRegression()])
@pytest.mark.parametrize("kind", [MixAnNSampler, AutoSMOTESampler])
def test_policies_found_by_some_rows_are_judged_on_all(estimator, kind):
    X, y = make_classification(
        800, weights=[0.85], class_sep=0.7, flip_y=0.05, random_state=0
    )
    sampler = kind(estimator, max_samples=300, cv=3, random_state=0)
    if kind is MixAnNSampler:
        sampler.set_params(n_random=2, n_rounds=0)
    else:
        sampler.set_params(max_iter=2)
    if estimator is None:
        with pytest.warns(JudgementWarning, match="given no estimator"):
            sampler.fit(X, y)
    else:
        sampler.fit(X, y)
    X_new, _ = sampler.resample()
    assert sampler.accepted_ == (len(X_new) > 800)
    assert len(sampler._ground.data) == 800
    if estimator is not None:
        # Another split, but as many rows to train on.
        scores = [
            f1_score(
                y[fold::3],
                LogisticRegression()
                .fit(np.delete(X, np.s_[fold::3], 0), np.delete(y, np.s_[fold::3]))
                .predict(X[fold::3]),
                average="macro",
            )
            for fold in range(3)
        ]
        assert abs(sampler.baseline_score_ - np.mean(scores)) < 0.05


def test_a_class_that_is_lost_among_some_rows():
    X, y = np.random.RandomState(0).normal(size=(300, 3)), np.zeros(300, int)
    y[:4] = 1
    sampler = MixAnNSampler(LogisticRegression(), max_samples=50, random_state=0)
    with pytest.warns(JudgementWarning, match=r"class 1 \([01] of max_samples=50\)"):
        sampler.fit(X, y)
    assert not sampler.accepted_


@pytest.mark.parametrize("kind", [KNNMixupResampler, MixRLResampler])
def test_an_upper_bound_of_the_mixes(kind):
    settings = {"k": 4} if kind is KNNMixupResampler else {}
    resampler = kind(Ridge(), max_mixes=1300, guard=False, random_state=0, **settings)
    resampler.fit_resample(X, Y)
    first = resampler.parent_indices_[:, 0]
    # Two to a row, less those that other rows make, too.
    assert 1000 < len(first) <= 1200
    assert np.bincount(first).max() == 2
    fewer = resampler.set_params(max_mixes=10)
    fewer.fit_resample(X, Y)
    assert np.bincount(fewer.parent_indices_[:, 0]).max() == 1


@pytest.mark.parametrize(
    ("kind", "y"), [(KNNMixupResampler, Y), (MixAnNSampler, Y > 1)]
)
def test_folds_that_were_made_for_all_rows(kind, y):
    estimator = Ridge() if kind is KNNMixupResampler else LogisticRegression()
    folds = PredefinedSplit(np.arange(len(X)) % 5)
    resampler = kind(estimator, cv=folds, max_samples=100, random_state=0)
    with pytest.raises(ValueError, match=r"splits \d+ rows, but only 100 are learned"):
        resampler.fit(X, y)


@pytest.mark.parametrize("max_samples", [None, 100])
@pytest.mark.parametrize("guard", [True, False])
def test_held_out_rows_are_not_kept(guard, max_samples):
    settings = {"guard": guard, "max_samples": max_samples, "random_state": 0}
    labels = X[:, 0] > 0.5
    for resampler, y in [
        (KNNMixupResampler(Ridge(), **settings), Y),
        (AdaMixupResampler(Ridge(), max_iter=2, **settings), Y),
        (MixRLResampler(Ridge(), max_iter=2, **settings), Y),
        (
            MixAnNSampler(LogisticRegression(), n_random=1, n_rounds=0, **settings),
            labels,
        ),
    ]:
        resampler.fit(X[100:], y[100:], X_val=X[:100], y_val=y[:100])
        kept = pickle.dumps(resampler)
        assert X[100:200].tobytes() in kept
        assert X[40].tobytes() not in kept


@pytest.mark.parametrize(
    "sampler",
    [MixAnNSampler(LogisticRegression()), AutoSMOTESampler(LogisticRegression())],
)
def test_nothing_is_kept_to_mix_by_where_nothing_is_mixed(sampler):
    y = np.arange(60) < 3
    sampler.set_params(random_state=0)
    with pytest.warns(JudgementWarning, match="too few to judge"):
        sampler.fit(X[:60], y, groups=np.arange(60) // 3)
    assert sampler._ground is None
    assert len(sampler.resample()[0]) == 60


def test_held_out_rows_of_a_class_that_few_rows_have():
    labels = np.repeat(["a", "b", "c"], [len(X) - 60, 50, 10])
    rows = {"X_val": X[::5], "y_val": labels[::5]}
    sampler = MixAnNSampler(
        LogisticRegression(),
        sampling_strategy={"b": 100},
        n_random=0,
        n_rounds=0,
        max_samples=60,
        random_state=0,
    ).fit(X, labels, **rows)
    assert np.isfinite(sampler.baseline_score_)
    groups = np.arange(len(X)) // 10
    with pytest.warns(JudgementWarning, match=r"class [bc] \\(0 of max_samples=60\\)"):
        sampler.fit(X, labels, groups=groups, **rows)


def test_a_group_is_not_cut():
    resampler = KNNMixupResampler(Ridge(), candidates=[2], max_samples=20)
    with pytest.warns(JudgementWarning, match=r"of 1 groups within max_samples=20"):
        resampler.fit(X, Y, groups=np.arange(len(X)) // 50)


@pytest.mark.parametrize("kind", [list, "mask"])
def test_folds_as_lists_or_masks(kind):
    class Folds:
        def get_n_splits(self, *arguments):
            return 5

        def split(self, X, y=None, groups=None):
            for train, test in KFold(5).split(X):
                if kind is list:
                    yield train.tolist(), test.tolist()
                else:
                    places = np.arange(len(X))
                    yield np.isin(places, train), np.isin(places, test)

    def score(cv):
        model = KNNMixupResampler(Ridge(), candidates=[2], cv=cv, random_state=0)
        return model.fit(X, Y).best_score_

    assert score(Folds()) == score(KFold(5))
