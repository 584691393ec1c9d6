import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold

from skmix._core.neighbors import nearest_labels, nearest_rows
from skmix.regression import MixRLResampler
from skmix.regression._candidates import CandidateSearch, neighbor_mixes
from skmix.regression._teacher import KernelTeacher


def read(X, y):
    resampler = MixRLResampler()
    return resampler, resampler._read(X, y, None, None, None)


def test_mixes_of_a_candidate_by_hand():
    X, y = np.array([[0.0], [1.0], [3.0], [7.0]]), np.array([0.0, 8.0, 2.0, 4.0])
    _, data = read(X, y)
    neighbors = [nearest_rows(data.Z, 1), nearest_labels(data.target, 1)]
    mixes = neighbor_mixes(data, neighbors, np.ones((4, 2), int), 0.5)
    pairs = {tuple(sorted(p)) for p in zip(mixes.first, mixes.second, strict=True)}
    # By features 0-1, 1-2, 2-3; by label 0-2, 1-3, 2-3 (or 2-0): no pair twice.
    assert len(mixes.first) == len(pairs)
    assert {(0, 1), (1, 2), (2, 3), (0, 2), (1, 3)} == pairs
    assert_allclose(mixes.target[:, 0], (y[mixes.first] + y[mixes.second]) / 2)


def test_rows_of_a_fold_are_scaled_by_themselves():
    X = np.array([[0.0], [2.0], [1000.0]])
    _, data = read(X, X[:, 0])
    assert_allclose(data.take(np.array([0, 1])).Z, [[-1.0], [1.0]])


def test_labels_bend_towards_the_teacher():
    rng = np.random.RandomState(0)
    X = rng.uniform(-2, 2, size=(40, 1))
    y = X[:, 0] ** 2
    _, data = read(X, y)
    teacher = KernelTeacher(data.Z, data.target, 0)
    neighbors = [nearest_rows(data.Z, 4), nearest_labels(data.target, 4)]
    options = np.full((40, 2), 4)
    straight, bent, half = (
        neighbor_mixes(data, neighbors, options, 0.5, teacher, w) for w in (0, 1, 0.5)
    )
    x_mix = (X[bent.first, 0] + X[bent.second, 0]) / 2
    # A chord of a parabola lies above it; the teacher knows the parabola.
    assert np.abs(straight.target[:, 0] - x_mix**2).max() > 1
    assert_allclose(bent.target[:, 0], x_mix**2, atol=0.05)
    assert_allclose(half.target, (straight.target + bent.target) / 2)
    # y + w (f(x) - interpolated f), written out.
    f = teacher.predict(data.Z)
    Z_mix = (data.Z[bent.first] + data.Z[bent.second]) / 2
    expected = straight.target + teacher.predict(Z_mix)
    expected -= (f[bent.first] + f[bent.second]) / 2
    assert_allclose(bent.target, expected, atol=1e-6)


class Recorder(Ridge):
    """Remembers what it was fitted on, in a list that clones share."""

    fits = []

    def fit(self, X, y):
        self.fits.append((X, y))
        return super().fit(X, y)


def test_no_candidate_sees_its_held_out_rows(curve):
    X, y = curve
    resampler, data = read(X, y)
    splits = list(KFold(3, shuffle=True, random_state=0).split(X))
    Recorder.fits.clear()
    search = CandidateSearch(
        data,
        resampler._put_together,
        Recorder(),
        [0, 2],
        splits,
        0.5,
        None,
        np.random.RandomState(0),
    )
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
    resampler, data = read(X, y)
    arguments = (resampler._put_together, Ridge(), [0, 2], splits, 0.5, None)
    search = CandidateSearch(data, *arguments, np.random.RandomState(0))
    search.step()
    rows = np.setdiff1d(np.arange(len(y)), splits[0][1])
    prediction, teacher = search.predictions[0][rows], search._teacher_predictions[rows]
    direction = teacher - prediction
    expected = (direction * (data.target[rows] - prediction)).sum()
    expected /= (direction**2).sum()
    weight = search.teacher_weight(outside=splits[0][1])
    assert weight == pytest.approx(np.clip(expected, 0, 1))


def test_a_fold_is_judged_by_the_candidate_that_the_other_folds_prefer():
    """Three folds of two rows, two candidates, worked out by hand."""
    _, data = read(np.arange(6.0)[:, None], np.array([0.0, 1, 0, 1, 0, 1]))
    splits = [
        (np.delete(np.arange(6), t), np.array(t)) for t in ([0, 1], [2, 3], [4, 5])
    ]
    search = CandidateSearch(
        data, None, Ridge(), [0, 2, 4], splits, 0.5, None, np.random.RandomState(0)
    )
    errors = np.sqrt(
        np.array([[1, 1, 1, 1, 1, 1], [0, 0, 2, 2, 2, 2], [3, 3, 1, 1, 1, 1]])
    )
    # The variance of the labels is 1/4.
    search.predictions = [data.target + e[:, None] / 2 for e in errors]
    assert_allclose([loss.mean() for loss in search.losses], [1, 4 / 3, 5 / 3])
    assert search.best() == 1
    # Fold 1: others have 2 against 1, so candidate 2 (loss 3). Folds 2 and 3: others
    # have (0, 2) against (3, 1), 1 against 2, so candidate 1 (loss 2).
    assert_allclose(search.loss_of_choosing(), [3, 3, 2, 2, 2, 2])
