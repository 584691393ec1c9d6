"""Some rows to learn from, where there are many."""

import pickle

import numpy as np
import pytest
from numpy.random import RandomState
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score, r2_score
from sklearn.model_selection import (
    KFold,
    PredefinedSplit,
    StratifiedKFold,
    cross_val_predict,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from skmix._sample import draw_sample
from skmix.exceptions import JudgementWarning
from skmix.imbalance import AutoSMOTESampler, AverageSampler, MixAnNSampler
from skmix.metrics import paired_difference
from skmix.regression import (
    AdaMixupResampler,
    CMixupResampler,
    KNNMixupResampler,
    MixRLResampler,
    MixupResampler,
)
from skmix.regression._search import CandidateSearch
from tests.regression.helpers import Swallowing


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


@pytest.mark.parametrize("seed", range(3))
def test_groups_of_any_size_stay_together(seed):
    sizes = np.arange(1, 21)
    groups = np.repeat(np.arange(20), sizes)
    sample = draw_sample(read(210, groups=groups), 60, RandomState(seed))
    for rows, most in ((sample.rows, 60), (sample.fresh, 42)):
        counts = np.bincount(groups[rows], minlength=20)
        assert ((counts == 0) | (counts == sizes)).all()
        assert 20 < len(rows) <= most
    assert not set(sample.rows) & set(sample.fresh)


def test_a_single_group_is_learned_from_as_a_whole():
    assert draw_sample(read(50, groups=np.zeros(50)), 20, RandomState(0)) is None


def test_a_rare_class_is_not_left_out_by_rounding():
    y = np.repeat([0, 1], [13, 1])
    data = AverageSampler()._read(np.arange(14.0)[:, None], y, None, None, None)
    # 8 of 14 rows: 0.57 of the single one.
    sample = draw_sample(data, 8, RandomState(0), by_class=True)
    assert_array_equal(np.bincount(sample.data.target), [7, 1])


@pytest.mark.parametrize("place", [[-1] * 20 + [0], [0] * 20 + [-1]])
def test_folds_with_one_row_too_many(place):
    data = read(20)
    with pytest.raises(ValueError, match="splits 21 rows, but only 20 are learned"):
        data.split(PredefinedSplit(place), data.Z)
    assert len(data.split(PredefinedSplit(place[1:]), data.Z)) == 1


def test_rows_of_an_array_with_categories():
    X = np.column_stack([np.arange(20) % 3, np.arange(20.0)])
    data = MixupResampler(categorical_features=[0])._read(X, X[:, 1], None, None, None)
    rows = np.array([3, 7, 8])
    some = data.take(rows)
    assert_array_equal(some.columns.values, X[rows, 1:])
    assert_array_equal(some.columns.categories[:, 0], ["0.0", "1.0", "2.0"])


@pytest.mark.parametrize("held_out", [True, False])
@pytest.mark.parametrize("kind", [MixupResampler, AverageSampler])
def test_data_that_are_put_together_elsewhere(kind, held_out):
    X, y = [[0, "a"], [3, "b"], [7, "a"], [8, "c"]], [0, 1, 0, 1]
    given = [X[:2], y[:2]] if held_out else [None, None]
    data = kind(categorical_features=[1])._read(X, y, *given, None)
    *parts, rest = data.apart()
    found = pickle.loads(pickle.dumps(rest)).join(*parts)
    assert found is not data
    assert found.X.take(np.array([2])) == [[7, "a"]]
    assert found.y.take(np.array([1])) == [1]
    assert_array_equal(found.target, data.target)
    assert_array_equal(found.target_val, data.target_val)
    names = ["columns", "columns_val"] if held_out else ["columns"]
    for name in names:
        one, other = getattr(found, name), getattr(data, name)
        assert one.kinds == other.kinds == ["integer", "category"]
        assert_array_equal(one.values, other.values)
        assert_array_equal(one.categories, other.categories)
    if held_out:
        assert found.X_val.take(np.array([1])) == [[3, "b"]]


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
    with pytest.warns(JudgementWarning, match=r"class [bc] \(0 of max_samples=60\)"):
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


# A single column: who is near whom does not depend on its scale.
LINE = X[:, :1]


def knn_mixup(k, rows):
    """Fit to rows and all mixes of near ones."""
    return Ridge().fit(*KNNMixupResampler(k=k).fit_resample(LINE[rows], Y[rows]))


def test_the_verdict_on_all_rows_in_full():
    groups = np.arange(600) // 3
    resampler = KNNMixupResampler(
        Ridge(), candidates=(3,), max_samples=100, random_state=0
    ).fit(LINE, Y, groups=groups)
    sample = draw_sample(
        resampler._read(LINE, Y, None, None, groups), 100, RandomState(0)
    )
    train, fresh = np.setdiff1d(np.arange(600), sample.fresh), sample.fresh
    models = knn_mixup(3, train), Ridge().fit(LINE[train], Y[train])
    losses = [
        (model.predict(LINE[fresh]) - Y[fresh]) ** 2 / Y[fresh].var()
        for model in models
    ]
    assert resampler.best_score_ == pytest.approx(1 - losses[0].mean())
    assert resampler.baseline_score_ == pytest.approx(1 - losses[1].mean())
    gain, error = paired_difference(*losses[::-1], groups=groups[fresh])
    assert f"gain {gain:+.4f}, standard error {error:.4f}" in resampler.chosen_
    assert f"{error:.4f}" != f"{paired_difference(*losses[::-1])[1]:.4f}"


def test_held_out_rows_judge_what_the_others_prefer(monkeypatch):
    halves = np.arange(100, 200), np.arange(100)
    monkeypatch.setattr(
        CandidateSearch, "preferred", lambda self: [*zip(halves, (1, 30), strict=True)]
    )
    resampler = KNNMixupResampler(
        Ridge(), candidates=(1, 30), max_samples=100, random_state=0
    )
    train = np.arange(200, 600)
    resampler.fit(LINE[200:], Y[200:], X_val=LINE[:200], y_val=Y[:200])
    predicted = np.empty(200)
    for half, k in zip(halves, (1, 30), strict=True):
        predicted[half] = knn_mixup(k, train).predict(LINE[half])
    assert resampler.best_score_ == pytest.approx(r2_score(Y[:200], predicted))
    others = knn_mixup(1, train).predict(LINE[:200])
    assert resampler.best_score_ != pytest.approx(r2_score(Y[:200], others))


@pytest.mark.parametrize(
    ("n", "size", "lack"),
    [
        (45, 1, "9 rows beside max_samples=30 are too few to judge"),
        (50, 1, ""),
        (120, 5, "4 groups beside max_samples=30 are too few to judge"),
        (125, 5, ""),
    ],
)
def test_what_is_left_beside_the_sample_must_be_enough(n, size, lack):
    groups = None if size == 1 else np.arange(n) // size
    resampler = KNNMixupResampler(
        Ridge(), candidates=(1,), max_samples=30, random_state=0
    )
    if lack:
        with pytest.warns(JudgementWarning, match=lack):
            resampler.fit(X[:n], Y[:n], groups=groups)
        assert not resampler.accepted_
    else:
        resampler.fit(X[:n], Y[:n], groups=groups)
        assert np.isfinite(resampler.best_score_)
    # Where nobody asks for a verdict, all that is left is mixed.
    resampler.set_params(guard=False).fit(X[:n], Y[:n], groups=groups)
    assert np.isfinite(resampler.best_score_)


def test_a_stop_in_the_verdict_on_all_rows_leaves_the_data():
    # Two splits in halves, of the untouched data and a candidate, then the verdict.
    Swallowing.fits_left[:] = [None] * 9
    resampler = KNNMixupResampler(
        Swallowing(), candidates=(1,), cv=2, max_samples=100, random_state=0
    )
    with pytest.warns(JudgementWarning, match="fits to all rows before the stop"):
        resampler.fit(X, Y)
    assert not resampler.accepted_
    assert len(resampler.resample()[0]) == 600


class Noted(KNNMixupResampler):
    """Notes of how many rows it learns, and of how many its mixes are drawn."""

    n_learned: list = []
    n_rows: list = []

    def _maker(self):
        make = super()._maker()

        def noted(data, seed):
            self.n_learned.append(len(data))
            return make(data, seed)

        return noted

    def _arguments(self, candidate, n_rows):
        self.n_rows.append(n_rows)
        return super()._arguments(candidate, n_rows)


def test_the_verdict_is_on_what_was_learned_and_as_many_mixes_as_there_will_be():
    Noted.n_rows.clear()
    Noted.n_learned.clear()
    resampler = Noted(Ridge(), candidates=(1,), max_samples=100, random_state=0)
    resampler.fit(X, Y)
    assert Noted.n_rows == [600]
    assert max(Noted.n_learned) == 100


def judged_on_all(monkeypatch, sampler, X, y, **given):
    """Fit to some of the rows; the judge, and predictions with mixing and without."""
    noted, decide = [], MixAnNSampler._decide

    def note(self, *judged):
        noted.append(judged)
        decide(self, *judged)

    monkeypatch.setattr(MixAnNSampler, "_decide", note)
    sampler.set_params(n_random=1, n_rounds=0, max_samples=300, random_state=0)
    sampler.fit(X, y, **given)
    (judged,) = noted
    return judged


def classes(n=800):
    X, y = make_classification(
        n, weights=[0.8], class_sep=0.7, flip_y=0.05, random_state=0
    )
    return X * np.geomspace(0.1, 10, X.shape[1]), y


def test_held_out_rows_that_chose_do_not_judge_on_all(monkeypatch):
    X, y = classes()
    model = LogisticRegression(max_iter=1000)
    held_out = {"X_val": X[600:], "y_val": y[600:]}
    sampler = MixAnNSampler(model)
    _, better, baseline = judged_on_all(
        monkeypatch, sampler, X[:600], y[:600], **held_out
    )
    assert len(better) == len(baseline) == 1
    judges = np.isfinite(baseline[0][:, -1])
    assert_array_equal(np.isfinite(better[0][:, -1]), judges)
    assert 80 < judges.sum() < 120
    expected = clone(model).fit(X[:600], y[:600]).predict(X[600:])[judges]
    assert_array_equal(baseline[0][judges, -1], expected)
    score = f1_score(y[600:][judges], expected, average="macro")
    assert sampler.baseline_score_ == pytest.approx(score)


def test_groups_count_as_one_in_the_verdict_on_all(monkeypatch):
    X, y = classes(900)
    groups = np.arange(900) // 3
    judge, *_ = judged_on_all(
        monkeypatch, MixAnNSampler(GaussianNB(), cv=3), X, y, groups=groups
    )
    assert len(set(zip(groups, judge.block, strict=True))) == 300


def test_nearest_rows_of_all_are_those_of_the_classifier(monkeypatch):
    X, y = classes()
    folds = StratifiedKFold(3)
    _, _, baseline = judged_on_all(
        monkeypatch, MixAnNSampler(KNeighborsClassifier(3), cv=folds), X, y
    )
    expected = cross_val_predict(KNeighborsClassifier(3), X, y, cv=folds)
    assert_array_equal(baseline[0][:, -1], expected)
    # Where folds are only counted, there are two splits.
    _, better, baseline = judged_on_all(
        monkeypatch, MixAnNSampler(KNeighborsClassifier(3), cv=3), X, y
    )
    assert len(better) == len(baseline) == 2
    assert np.isfinite(baseline).all()
