import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import Ridge
from sklearn.model_selection import (
    KFold,
    PredefinedSplit,
    RepeatedKFold,
    ShuffleSplit,
)

from skmix.base import Mixes
from skmix.regression import MixRLResampler
from skmix.regression._neighbors import NeighborRecipe
from skmix.regression._pairs import DrawnRatio
from skmix.regression._search import CandidateSearch, make_folds, make_splits
from skmix.regression._teacher_search import TeacherSearch
from tests.regression.helpers import Recorder

HALF = DrawnRatio(0.5, 1.0)


def read(X, y):
    resampler = MixRLResampler()
    return resampler, resampler._read(X, y, None, None, None)


def recipe_of(data, seed=0, k=4):
    return NeighborRecipe(data, {"data": k, "label": k}, HALF, seed)


def test_mixes_of_a_recipe_by_hand():
    X, y = np.array([[0.0], [1.0], [3.0], [7.0]]), np.array([0.0, 8.0, 2.0, 4.0])
    _, data = read(X, y)
    mixes = recipe_of(data).draw(1, None)
    pairs = {tuple(sorted(p)) for p in zip(mixes.first, mixes.second, strict=True)}
    # By features 0-1, 1-2, 2-3; by label 0-2, 1-3, 2-3 (or 2-0): no pair twice.
    assert len(mixes.first) == len(pairs)
    assert {(0, 1), (1, 2), (2, 3), (0, 2), (1, 3)} == pairs
    assert_allclose(mixes.target[:, 0], (y[mixes.first] + y[mixes.second]) / 2)


def test_rows_of_a_fold_are_scaled_by_themselves():
    X = np.array([[0.0], [2.0], [1000.0]])
    _, data = read(X, X[:, 0])
    assert_allclose(data.take(np.array([0, 1])).Z, [[-1.0], [1.0]])


def test_the_teacher_has_a_share_in_the_labels():
    rng = np.random.RandomState(0)
    X = rng.uniform(-2, 2, size=(40, 1))
    y = X[:, 0] ** 2
    _, data = read(X, y)
    recipe = recipe_of(data)
    straight, bent, half = (recipe.draw(4, None, share=w) for w in (0, 1, 0.5))
    x_mix = (X[bent.first, 0] + X[bent.second, 0]) / 2
    # A chord of a parabola lies above it; the teacher knows the parabola.
    assert np.abs(straight.target[:, 0] - x_mix**2).max() > 1
    assert_allclose(bent.target[:, 0], x_mix**2, atol=0.05)
    assert_allclose(half.target, (straight.target + bent.target) / 2)
    # (1 - w) y + w f(x), written out.
    Z_mix = (data.Z[bent.first] + data.Z[bent.second]) / 2
    assert_allclose(bent.target, recipe.teacher.predict(Z_mix), atol=1e-6)


def test_a_recipe_for_other_rows_has_learned_from_the_first():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(60, 2))
    _, data = read(X, X[:, 0] ** 2)
    some = data.take(np.arange(20))
    recipe = recipe_of(some)
    other = recipe.on(data).on(data.take(np.arange(20, 60)))
    mixes = other.draw(2, None, share=1.0)
    assert other.teacher is recipe.teacher
    # In the coordinates of the first rows, those of the others are not standardised.
    mean, scale = X[:20].mean(axis=0), X[:20].std(axis=0)
    Z = (X[20:] - mean) / scale
    Z_mix = (Z[mixes.first] + Z[mixes.second]) / 2
    assert_allclose(mixes.target, recipe.teacher.predict(Z_mix), atol=1e-6)
    assert len(other.neighbors[0]) == 40


def test_labels_in_blocks_of_mixes(monkeypatch):
    rng = np.random.RandomState(0)
    frame = pd.DataFrame({"a": rng.normal(size=40), "b": rng.choice(["x", "y"], 40)})
    y = (frame["b"] == "x") + frame["a"] ** 2
    _, data = read(frame, y)
    recipe = recipe_of(data)
    whole = recipe.draw(4, None, share=0.7)
    monkeypatch.setattr("skmix.regression._neighbors.BLOCK_SIZE", 7)
    target = recipe.draw(4, None, share=0.7).target
    assert_allclose(target, whole.target, rtol=1e-5)


def test_some_of_the_mixes():
    rng = np.random.RandomState(0)
    _, data = read(rng.normal(size=(50, 2)), rng.normal(size=50))
    recipe = NeighborRecipe(data, {"data": 20}, DrawnRatio(0.3, 1.0), 0)
    all_ = recipe.draw(20, None)
    assert len(all_.first) == 1000
    some = recipe.draw(20, np.random.RandomState(0), amount=3)
    assert_array_equal(np.bincount(some.first), np.full(50, 3))
    pairs = set(zip(some.first, some.second, strict=True))
    assert len(pairs) == 150
    assert pairs < set(zip(all_.first, all_.second, strict=True))
    # Near and far neighbours alike.
    place = [recipe.neighbors[0][i].tolist().index(j) for i, j in pairs]
    assert 8 < np.mean(place) < 11
    again = recipe.draw(20, np.random.RandomState(1), amount=3)
    assert set(zip(again.first, again.second, strict=True)) != pairs


def make_search(kind, X, y, estimator, candidates):
    resampler, data = read(X, y)
    cv = KFold(3, shuffle=True, random_state=0)

    def make(train, seed):
        return recipe_of(train, seed, max(candidates))

    parts = make_folds(data, cv, False, np.random.RandomState(0))
    join = resampler._rows_with
    return kind(data, make, *parts, estimator, candidates, "k", join, None)


def test_no_candidate_sees_its_held_out_rows(curve):
    X, y = curve
    splits = list(KFold(3, shuffle=True, random_state=0).split(X))
    Recorder.fits.clear()
    search = make_search(TeacherSearch, X, y, Recorder(), [2])
    search.step()
    search.step()
    assert len(Recorder.fits) == 6
    for (train, _), (X_fit, y_fit) in zip(splits * 2, Recorder.fits, strict=True):
        assert_array_equal(X_fit[: len(train)], X[train])
        # Mixes are half-way between two training rows; none involves a test row.
        halves = (X[train][:, None] + X[train][None]) / 2
        for mix in X_fit[len(train) :]:
            assert np.abs(halves - mix).sum(axis=2).min() < 1e-12
        assert len(y_fit) == len(X_fit)
    # The loss of the untouched data is that of plain cross-validation.
    errors = np.empty(len(y))
    for train, test in splits:
        errors[test] = y[test] - Ridge().fit(X[train], y[train]).predict(X[test])
    assert_allclose(search.losses[0], errors**2 / y.var())


def test_weight_of_the_teacher_in_a_fold_is_from_the_other_folds(curve):
    X, y = curve
    splits = list(KFold(3, shuffle=True, random_state=0).split(X))
    search = make_search(TeacherSearch, X, y, Ridge(), [2])
    search.step()
    rows = np.setdiff1d(np.arange(len(y)), splits[0][1])
    prediction = search.predictions[0][0, rows]
    teacher = search._teacher_predictions[0, rows]
    direction = teacher - prediction
    expected = (direction * (search.truth[rows] - prediction)).sum()
    expected /= (direction**2).sum()
    weight = search.teacher_weight(outside=search.folds[0])
    assert weight == pytest.approx(np.clip(expected, 0, 1))


def test_folds_that_are_split_twice():
    """Each row is held out in both repeats; losses are means of the two."""
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(40, 2)), rng.normal(size=40)
    resampler, data = read(X, y)

    folds, blocks = make_folds(data, 4, False, np.random.RandomState(0))
    for repeat in (0, 1):
        own = [fold for fold in folds if fold.repeat == repeat]
        assert len(own) == 4
        places = np.concatenate([fold.test for fold in own])
        assert_array_equal(np.sort(places), np.arange(40))
    assert not np.array_equal(folds[0].test, folds[4].test)
    search = CandidateSearch(
        data, recipe_of, folds, blocks, Ridge(), [1, 2], "k", resampler._rows_with, None
    )
    for _ in range(3):
        search.step()
    errors = np.empty((2, 40))
    for fold in folds:
        train = np.setdiff1d(np.arange(40), fold.test)
        model = Ridge().fit(X[train], y[train])
        errors[fold.repeat, fold.test] = model.predict(X[fold.test]) - y[fold.test]
    assert_allclose(search.losses[0], (errors**2).mean(axis=0) / y.var())
    # Choosing is judged in each repeat by itself.
    by_repeat = search.losses_by_repeat[1:]
    expected = np.empty((2, 40))
    for fold in folds:
        others = np.setdiff1d(np.arange(40), fold.test)
        best = by_repeat[:, fold.repeat, others].mean(axis=1).argmin()
        expected[fold.repeat, fold.test] = by_repeat[best, fold.repeat, fold.test]
    assert_allclose(search.loss_of_choosing(), expected.mean(axis=0))


@pytest.mark.parametrize(
    ("cv", "n_repeats"), [(KFold(3), 1), (RepeatedKFold(n_splits=3, n_repeats=4), 4)]
)
def test_splitters(cv, n_repeats):
    _, data = read(np.arange(9.0)[:, None], np.arange(9.0))
    splits = make_splits(cv, data, np.random.RandomState(0))
    assert [repeat for repeat, *_ in splits] == np.repeat(range(n_repeats), 3).tolist()


@pytest.mark.parametrize(
    "cv", [ShuffleSplit(3), PredefinedSplit([0, 0, 1, 1] + 5 * [-1])]
)
def test_splitters_that_miss_rows(cv):
    _, data = read(np.arange(9.0)[:, None], np.arange(9.0))
    with pytest.raises(ValueError, match="or equally often, as RepeatedKFold does"):
        make_splits(cv, data, np.random.RandomState(0))


def test_a_fold_is_judged_by_the_candidate_that_the_other_folds_prefer():
    """Three folds of two rows, two candidates, worked out by hand."""
    truth = np.array([[0.0], [1], [0], [1], [0], [1]])
    blocks = [(0, np.array(t)) for t in ([0, 1], [2, 3], [4, 5])]
    _, data = read(np.arange(6.0)[:, None], truth[:, 0])
    search = CandidateSearch(
        data, recipe_of, [], blocks, Ridge(), [2, 4], "k", None, None
    )
    errors = np.sqrt(
        np.array([[1, 1, 1, 1, 1, 1], [0, 0, 2, 2, 2, 2], [3, 3, 1, 1, 1, 1]])
    )
    # The variance of the labels is 1/4.
    search.predictions = [(truth + e[:, None] / 2)[None] for e in errors]
    assert_allclose([loss.mean() for loss in search.losses], [1, 4 / 3, 5 / 3])
    assert search.best() == 2
    # Fold 1: others have 2 against 1, so candidate 2 (loss 3). Folds 2 and 3: others
    # have (0, 2) against (3, 1), 1 against 2, so candidate 1 (loss 2).
    assert_allclose(search.loss_of_choosing(), [3, 3, 2, 2, 2, 2])


class Noted:
    """Mixes nothing, and notes the seeds that it was given."""

    drawn = []

    def __init__(self, data, seed):
        self.data, self.seed = data, seed

    def draw(self, candidate, rng):
        self.drawn.append((candidate, self.seed, rng.randint(2**31), len(self.data)))
        return Mixes.none(self.data)


def test_folds_have_seeds_of_their_own_and_keep_no_rows():
    resampler, data = read(np.arange(10.0)[:, None], np.arange(10.0))
    folds, blocks = make_folds(data, 3, False, np.random.RandomState(0))
    search = CandidateSearch(
        data, Noted, folds, blocks, Ridge(), [5, 6], "k", resampler._rows_with, None
    )
    Noted.drawn.clear()
    search.step()
    assert Noted.drawn == []
    search.step()
    recipes = [fold.recipe for fold in folds]
    assert [recipe.data for recipe in recipes] == [None] * 6
    search.step()
    # What will not be asked again is not kept either.
    assert [fold.recipe for fold in folds] == [None] * 6
    assert Noted.drawn == [
        (k, fold.seed, np.random.RandomState(fold.seed).randint(2**31), len(fold.train))
        for k in (5, 6)
        for fold in folds
    ]
    assert len({fold.seed for fold in folds}) == 6
