import numpy as np
import pandas as pd
import pytest
from numpy.random import RandomState
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedShuffleSplit
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import SVC, LinearSVC

from skmix._core.votes import NeighborVotes
from skmix.base import Mixes
from skmix.imbalance import AverageSampler, WalkPolicy
from skmix.imbalance._evaluators import (
    Coordinates,
    NeighborEvaluator,
    RefitEvaluator,
    draw_fold,
    is_exact,
)
from skmix.imbalance._folds import make_folds
from skmix.imbalance._ground import Ground
from tests.imbalance.helpers import Nearest, blobs, read

POLICY = WalkPolicy(share_spread=0.3, within=0.4, anywhere=0.5)


def arrange(X, y, cv=4, n_repeats=2, **held_out):
    data = read(X, y, **held_out)
    classes, counts = np.unique(data.target, return_counts=True)
    asked = dict(zip(classes, counts.max() - counts, strict=True))
    ground = Ground(data, asked, max_mixes=300)
    return ground, make_folds(
        data, ground.codes, ground.asked, cv, n_repeats, RandomState(0)
    )


def both(model, X):
    """Probabilities and labels, which are numbers here."""
    return np.column_stack([model.predict_proba(X), model.predict(X)])


def put_together(data, mixes):
    sampler = AverageSampler()
    return sampler._rows_with(data, mixes)


def refits(ground, folds, estimator, n_jobs=None):
    return RefitEvaluator(ground, folds, estimator, put_together, n_jobs)


@pytest.mark.parametrize("n_classes", [2, 3])
@pytest.mark.parametrize("k", [1, 10, 40])
@pytest.mark.parametrize("encoded", [True, False])
def test_votes_are_those_of_a_refitted_classifier(n_classes, k, encoded):
    X, y = blobs(240, 30, n_columns=4)
    y[-40:] = n_classes - 1
    X *= [1.0, 20.0, 0.1, 3.0]
    ground, folds = arrange(X, y)
    space = Coordinates(ground.data, encoded)
    evaluator = NeighborEvaluator(ground, folds, space, k)
    for policy in (None, POLICY):
        for repeat in (1, 0):
            expected = np.full((240, n_classes + 1), np.nan)
            for place, fold in enumerate(folds):
                if fold.repeat != repeat:
                    continue
                Z, codes = space.Z[fold.train], ground.codes[fold.train]
                if policy is not None:
                    mixes = draw_fold(ground, policy, fold, 7 + place)
                    Z = np.vstack([Z, space.of(mixes)])
                    codes = np.concatenate([codes, mixes.target])
                model = KNeighborsClassifier(k).fit(Z, codes)
                expected[fold.test] = both(model, space.Z[fold.test])
            assert_allclose(evaluator.predict(policy, repeat, 7), expected)


@pytest.mark.parametrize("whole", [False, True])
def test_pairs_that_are_followed_predict_the_same(monkeypatch, whole):
    monkeypatch.setattr("skmix._core.segments._MOST_OF_ALL", 1.0)
    X, y = blobs(240, 30, n_columns=4)
    if whole:
        X = np.rint(2 * X).astype(int)
    ground, folds = arrange(X, y)
    space = Coordinates(ground.data, encoded=True)
    one, other = (NeighborEvaluator(ground, folds, space, 5) for _ in range(2))
    one.expect_same_pairs()
    followed, votes_with = [], NeighborVotes.votes_with

    def watched(self, Z, codes, pairs=None):
        followed.append(pairs is not None)
        return votes_with(self, Z, codes, pairs)

    for repeat, seed in ((0, 0), (0, 1), (1, 0)):
        expected = other.predict(POLICY, repeat, seed)
        with monkeypatch.context() as patch:
            patch.setattr(NeighborVotes, "votes_with", watched)
            assert_array_equal(one.predict(POLICY, repeat, seed), expected)
    # Numbers that are rounded are not between their parents, and the policies that
    # are the last look at other splits once.
    assert followed == 8 * [not whole] + 4 * [False]


def test_a_repeat_holds_out_no_row_twice():
    X, y = blobs(200, 30)
    splitter = StratifiedShuffleSplit(10, test_size=0.2, random_state=0)
    folds = make_folds(read(X, y), y, [0, 1], splitter, 1, RandomState(0))
    assert_array_equal(
        [fold.test for fold in folds],
        [np.sort(test) for _, test in splitter.split(X, y)],
    )
    for repeat in {fold.repeat for fold in folds}:
        held_out = np.concatenate([f.test for f in folds if f.repeat == repeat])
        assert len(np.unique(held_out)) == len(held_out)


# Three classes have as many pairs.
@pytest.mark.parametrize("n_classes", [3, 4])
def test_decisions_between_pairs_of_classes_say_nothing_of_single_ones(n_classes):
    X, y = make_classification(
        200, n_informative=4, n_redundant=0, n_classes=n_classes, random_state=0
    )
    ground, folds = arrange(X, y, n_repeats=1)
    by_pair = refits(ground, folds, SVC(decision_function_shape="ovo"))
    predicted = by_pair.predict(None, 0, 0)
    label = predicted[:, -1].astype(int)
    assert_array_equal(predicted[:, :-1], np.eye(n_classes)[label])
    by_class = refits(ground, folds, SVC()).predict(None, 0, 0)
    assert_array_equal(by_class[:, -1], label)
    assert len(np.unique(by_class[:, :-1])) > n_classes


def test_a_part_of_the_rows_gets_a_part_of_the_mixes():
    ground, folds = arrange(*blobs(200, 40), cv=5)
    assert ground.asked == {1: 120}
    mixes = draw_fold(ground, WalkPolicy(amount=1), folds[0], 0)
    assert folds[0].train.sum() == 160
    assert len(mixes) == 120 * 160 / 200


def test_the_estimate_of_the_time_knows_of_fits_side_by_side():
    ground, folds = arrange(*blobs(200, 40), cv=4, n_repeats=1)
    turns = []
    for n_jobs in (1, 2):
        evaluator = refits(ground, folds, GaussianNB(), n_jobs)
        seconds = evaluator.seconds_to_decide()
        turns.append(seconds / evaluator.seconds)
    # Three folds more as they are, and all four with 120 mixes beside 150 rows.
    assert_allclose(turns, [3 + 4 * (1 + 120 / 150), 2 + 2 * (1 + 120 / 150)])


def test_the_exact_evaluator_is_the_refit_of_nearest_neighbours():
    X, y = blobs(150, 20)
    ground, folds = arrange(X, y, n_repeats=1)
    estimator = KNeighborsClassifier(7)
    assert is_exact(estimator, ground.data)
    exact = NeighborEvaluator(ground, folds, Coordinates(ground.data, False), 7)
    refit = refits(ground, folds, estimator)
    for policy in (None, POLICY):
        assert_allclose(exact.predict(policy, 0, 3), refit.predict(policy, 0, 3))
    assert refit.seconds > 0


def test_what_is_followed_exactly():
    X, y = blobs()
    data = read(X, y)
    assert is_exact(KNeighborsClassifier(3), data)
    assert is_exact(KNeighborsClassifier(metric="euclidean"), data)
    for other in (
        None,
        GaussianNB(),
        KNeighborsClassifier(weights="distance"),
        KNeighborsClassifier(p=1),
        KNeighborsClassifier(metric="cosine"),
        KNeighborsClassifier(metric_params={"w": [1, 2, 3]}),
    ):
        assert not is_exact(other, data)
    frame = pd.DataFrame(X).assign(colour=pd.Categorical(["r", "b"] * 100))
    frame.columns = frame.columns.astype(str)
    assert not is_exact(KNeighborsClassifier(3), read(frame, y))


def test_mixes_of_a_fold_come_from_its_training_rows():
    X, y = blobs()
    ground, folds = arrange(X, y, cv=5, n_repeats=1)
    held_out = np.concatenate([fold.test for fold in folds])
    assert_array_equal(np.sort(held_out), np.arange(200))
    for fold in folds:
        mixes = draw_fold(ground, POLICY, fold, 0)
        assert len(mixes) > 16
        assert fold.train[mixes.first].all()
        assert fold.train[mixes.second].all()
        assert not fold.train[fold.test].any()


def test_coordinates_of_mixes_of_all_kinds_of_columns():
    X, y = blobs(60, 10, n_columns=2)
    frame = pd.DataFrame({"a": X[:, 0], "n": np.arange(60), "c": list("xyz") * 20})
    data = read(frame, y)
    ground = Ground(data, {1: 40}, 100)
    mixes = ground.mix(POLICY, RandomState(0))
    space = Coordinates(data, encoded=True)
    made, _ = put_together(data, ground.labelled(mixes))
    again = read(made, np.append(y, mixes.target))
    expected = data.encoder(again.columns)[60:]
    assert_allclose(space.of(mixes), expected)


@pytest.mark.parametrize("frame", [False, True])
def test_refits_see_the_rows_of_the_user(frame):
    X, y = blobs(60, 12)
    labels = np.where(y == 1, "rare", "common")
    X_in = pd.DataFrame(X, columns=list("abc")) if frame else X
    ground, folds = arrange(X_in, labels, cv=3, n_repeats=1)
    Nearest.fits.clear()
    refit = refits(ground, folds, Nearest())
    refit.predict(None, 0, 0)
    predicted = refit.predict(POLICY, 0, 0)
    assert len(Nearest.fits) == 6
    for fold, (rows, target) in zip(folds, Nearest.fits[:3], strict=True):
        assert isinstance(rows, pd.DataFrame) == frame
        assert_array_equal(rows, X[fold.train])
        assert_array_equal(target, labels[fold.train])
    for place, (fold, (rows, target)) in enumerate(
        zip(folds, Nearest.fits[3:], strict=True)
    ):
        mixes = draw_fold(ground, POLICY, fold, place)
        n = fold.train.sum()
        w = mixes.weight[:, None]
        expected = w * X[mixes.first] + (1 - w) * X[mixes.second]
        assert_allclose(np.asarray(rows)[n:], expected)
        assert_array_equal(target[n:], ground.classes[mixes.target])
    # A classifier without probabilities is sure of what it predicts.
    assert_array_equal(predicted[:, :2], np.eye(2)[predicted[:, 2].astype(int)])


def test_classes_that_a_fold_lacks_are_the_least_likely():
    X, y = blobs(60, 12)
    y[0] = 2
    data = read(X, y)
    ground = Ground(data, {1: 30}, 100)
    cv = StratifiedShuffleSplit(1, test_size=0.3, random_state=0)
    folds = make_folds(
        data, (y == 1).astype(int), [0, 1], cv_of(cv, X, y == 1), 1, None
    )
    folds[0].train[0] = False
    refit = refits(ground, folds, GaussianNB())
    probability = refit.predict(None, 0, 0)[folds[0].test, :3]
    assert_array_equal(probability[:, 2], 0)
    assert_allclose(probability.sum(axis=1), 1)
    refit = refits(ground, folds, LinearSVC())
    decision = refit.predict(None, 0, 0)[folds[0].test, :3]
    assert (decision[:, 2] <= decision[:, :2].min()).all()


def cv_of(splitter, X, y):
    """A splitter that has made its splits."""

    class Fixed:
        def split(self, *_):
            return splitter.split(X, y)

    return Fixed()


def test_a_warm_evaluator_goes_on_from_the_fit_to_the_rows():
    X, y = blobs(80, 16)
    ground, folds = arrange(X, y, cv=2, n_repeats=1)
    refit = refits(ground, folds, GaussianNB())
    refit.predict(None, 0, 0)
    warm = refit.warm().predict(POLICY, 0, 5)
    for place, fold in enumerate(folds):
        model = GaussianNB().fit(X[fold.train], y[fold.train])
        part = ground.data.take(fold.train_rows)
        mixes = ground.labelled(draw_fold(ground, POLICY, fold, 5 + place))
        mixes.first = np.searchsorted(fold.train_rows, mixes.first)
        mixes.second = np.searchsorted(fold.train_rows, mixes.second)
        model.partial_fit(*put_together(part, mixes))
        assert_allclose(warm[fold.test], both(model, X[fold.test]))
    assert not np.allclose(warm, refit.predict(POLICY, 0, 5))


def test_held_out_rows_of_the_user():
    X, y = blobs(100, 20)
    X_val, y_val = blobs(40, 10, seed=1)
    ground, folds = arrange(X, y, X_val=X_val, y_val=y_val)
    assert len(folds) == 1
    assert folds[0].train.all()
    space = Coordinates(ground.data, encoded=False)
    votes = NeighborEvaluator(ground, folds, space, 5).predict(None, 0, 0)
    model = KNeighborsClassifier(5).fit(X, y)
    assert_allclose(votes, both(model, X_val))
    refit = refits(ground, folds, LinearSVC())
    expected = LinearSVC().fit(X, y).predict(X_val)
    assert_array_equal(refit.predict(None, 0, 0)[:, 2], expected)


def test_folds_keep_groups_together_and_classes_in_proportion():
    X, y = blobs(120, 30)
    groups = np.arange(120) % 40
    data = read(X, y)
    data.groups = groups
    folds = make_folds(data, y, [0, 1], 5, 3, RandomState(0))
    assert [fold.repeat for fold in folds] == [0] * 5 + [1] * 5 + [2] * 5
    for fold in folds:
        assert not set(groups[fold.train]) & set(groups[fold.test])
        assert y[fold.test].sum() > 0
    # As many folds as the rarest class has rows, or groups.
    assert (
        len(
            make_folds(
                read(*blobs(50, 3)), blobs(50, 3)[1], [0, 1], 5, 1, RandomState(0)
            )
        )
        == 3
    )
    data.groups = (y == 0).astype(int)
    assert make_folds(data, y, [0, 1], 5, 1, RandomState(0)) == []


def test_a_splitter_may_leave_rows_out():
    X, y = blobs(100, 20)
    splitter = StratifiedShuffleSplit(3, test_size=0.4, random_state=0)
    folds = make_folds(read(X, y), y, [0, 1], splitter, 1, RandomState(0))
    # A row that has been held out before begins another repeat.
    assert folds[0].repeat == 0
    assert max(fold.repeat for fold in folds) > 0
    ground = Ground(read(X, y), {1: 80}, 100)
    space = Coordinates(ground.data, encoded=True)
    votes = NeighborEvaluator(ground, folds[:1], space, 5).predict(POLICY, 0, 0)
    assert_array_equal(np.flatnonzero(np.isfinite(votes[:, 0])), folds[0].test)


def test_results_do_not_depend_on_n_jobs():
    X, y = blobs(60, 15)
    ground, folds = arrange(X, y, cv=3, n_repeats=1)
    results = [
        refits(ground, folds, LogisticRegression(), n_jobs).predict(POLICY, 0, 1)
        for n_jobs in (None, 2)
    ]
    assert_array_equal(*results)


def test_mixes_of_several_classes_are_labelled_by_their_parents():
    X, y = blobs(150, 30)
    y[:10] = 2
    ground = Ground(read(X, y), {1: 100, 2: 110}, 300)
    mixes = ground.mix(WalkPolicy(threshold=0.7, share_spread=0.2), RandomState(0))
    assert set(ground.hoods) == {1, 2}
    own, other = ground.codes[mixes.first], ground.codes[mixes.second]
    assert set(own) == {1, 2}
    assert (own != other).all()
    assert_array_equal(mixes.target, np.where(mixes.weight >= 0.7, own, other))
    labelled = ground.labelled(mixes)
    assert isinstance(labelled, Mixes)
    assert_array_equal(labelled.target, ground.classes[mixes.target])


def test_twins_are_not_mixed():
    X, y = blobs(100, 10)
    # All rows of the small class but two lie on others.
    X[:8] = X[50:58]
    ground = Ground(read(X, y), {1: 80}, 300)
    mixes = ground.mix(POLICY, RandomState(0))
    assert set(mixes.first) == {8, 9}
    assert not set(mixes.second) & set(range(50, 58))
    X[8:10] = X[58:60]
    ground = Ground(read(X, y), {1: 80}, 300)
    assert len(ground.mix(POLICY, RandomState(0))) == 0
    assert not ground.can_mix(1, np.ones(100, bool))
    # Without the last two of these twins, their rows of the class can be mixed.
    assert ground.can_mix(1, np.arange(100) < 58)
    # All rows of the other classes lie on a few of the class.
    X[10:] = np.tile(X[:3], (30, 1))
    ground = Ground(read(X, y), {1: 80}, 300)
    assert len(ground.mix(POLICY, RandomState(0))) == 0
    assert not ground.can_mix(1, np.ones(100, bool))


def test_a_twin_is_one_however_many_others_are_held_out():
    X, y = blobs(100, 20)
    # Twelve rows of the other class where the first row of the small one is.
    X[30:42] = X[0]
    for kept in (30, 35, 41):
        train = np.ones(100, bool)
        train[30:42] = np.arange(30, 42) == kept
        for label in (0, 1):
            ground = Ground(read(X, np.where(train, y, label)), {1: 60}, 300)
            usable = ground.hoods[1].usable(train)
            assert_array_equal(np.flatnonzero(~usable & train), [0, kept])


def test_labels_of_held_out_rows_do_not_say_which_rows_are_twins():
    X, y = blobs(100, 20)
    train = np.arange(100) % 4 > 0
    # Each held-out row lies on a training row, of either class.
    X[~train] = X[np.arange(100) % 4 == 1]
    mixes = []
    for flip in (False, True):
        labels = np.where(train, y, 1 - y if flip else y)
        ground = Ground(read(X, labels), {1: 60}, 300)
        mixes.append(ground.mix(POLICY, RandomState(0), train))
    for one, other in zip(*(vars(m).values() for m in mixes), strict=True):
        assert_array_equal(one, other)
    assert set(mixes[0].first % 4) == set(mixes[0].second % 4) == {1, 2, 3}
