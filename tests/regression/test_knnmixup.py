import signal
import sys

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import PolynomialFeatures, StandardScaler
from sklearn.tree import DecisionTreeRegressor

from skmix import ResampledRegressor
from skmix.callbacks import Checkpoint
from skmix.regression import KNNMixupResampler
from tests.regression.helpers import CV, Recorder, Swallowing, interrupting, problem

# It does not depend on the order of the rows.
CUBIC = make_pipeline(PolynomialFeatures(3), Ridge(1e-3))


def pairs_of(resampler):
    return [tuple(pair) for pair in resampler.parent_indices_.tolist()]


def unordered(pairs):
    return sorted(tuple(sorted(pair)) for pair in pairs)


def mixes_by_hand(X, y, k):
    """Each row half-way to its k nearest rows by features and by label, pairs once."""
    pairs = set()
    for table in (StandardScaler().fit_transform(X), y.reshape(len(y), -1)):
        for i, row in enumerate(table):
            distance = np.linalg.norm(table - row, axis=1)
            distance[i] = np.inf
            pairs |= {frozenset((i, j)) for j in distance.argsort()[:k].tolist()}
    pairs = np.array(sorted(sorted(pair) for pair in pairs))
    return np.vstack([X, X[pairs].mean(axis=1)]), np.r_[y, y[pairs].mean(axis=1)]


# A given k: nothing is learned.


def test_near_by_features_and_by_label():
    X, y = np.array([[0.0], [1.0], [3.0], [7.0]]), np.array([0.0, 8.0, 2.0, 4.0])
    resampler = KNNMixupResampler(k=1)
    X_new, y_new = resampler.fit_resample(X, y)
    # By features 0-1, 1-0, 2-1, 3-2; by label 0-2, 1-3, 2-0 or 2-3, 3-2.
    assert unordered(pairs_of(resampler)) == [(0, 1), (0, 2), (1, 2), (1, 3), (2, 3)]
    first, second = resampler.parent_indices_.T
    assert_array_equal(resampler.mix_weights_, 0.5)
    assert_allclose(X_new, np.vstack([X, (X[first] + X[second]) / 2]))
    assert_allclose(y_new, np.r_[y, (y[first] + y[second]) / 2])
    assert resampler.k_ == 1
    assert resampler.accepted_
    assert resampler.chosen_ == (
        "Mix each row with its 1 nearest rows by features and by label; not judged, as "
        "it was given."
    )
    assert not hasattr(resampler, "history_")


def test_a_pair_near_in_both_ways_is_mixed_once():
    X, y = np.array([[0.0], [1.0], [3.0], [7.0]]), np.array([0.0, 10.0, 30.0, 70.0])
    resampler = KNNMixupResampler(k=1)
    X_new, y_new = resampler.fit_resample(X, y)
    assert_allclose(np.sort(X_new[4:, 0]), [0.5, 2.0, 5.0])
    assert_allclose(np.sort(y_new[4:]), [5.0, 20.0, 50.0])


def test_with_uneven_shares_the_order_of_a_pair_counts():
    X, y = np.array([[0.0], [1.0], [3.0], [7.0]]), np.array([0.0, 10.0, 30.0, 70.0])
    resampler = KNNMixupResampler(k=1, mix_ratio=0.3)
    X_new, y_new = resampler.fit_resample(X, y)
    # The row has 0.3 of the mix and its neighbour 0.7: 0-1, 1-0, 2-1, 3-2.
    assert sorted(pairs_of(resampler)) == [(0, 1), (1, 0), (2, 1), (3, 2)]
    assert_allclose(np.sort(X_new[4:, 0]), [0.3, 0.7, 1.6, 4.2])
    assert_allclose(np.sort(y_new[4:]), [3.0, 7.0, 16.0, 42.0])


def test_equal_rows_and_equal_labels():
    # Rows 0, 1 and 2, 3 are equal; all labels are, and so near in the order of rows.
    X, y = np.array([[0.0], [0.0], [9.0], [9.0]]), np.full(4, 5.0)
    resampler = KNNMixupResampler(k=1)
    X_new, y_new = resampler.fit_resample(X, y)
    assert unordered(pairs_of(resampler)) == [(0, 1), (1, 2), (2, 3)]
    assert_allclose(np.sort(X_new[4:, 0]), [0.0, 4.5, 9.0])
    assert_allclose(y_new, 5.0)


def test_shares_from_beta():
    X, y, *_ = problem(n=100)
    resampler = KNNMixupResampler(k=20, mix_ratio="beta", alpha=0.4, random_state=0)
    _, y_new = resampler.fit_resample(X, y)
    pairs = pairs_of(resampler)
    assert len(set(pairs)) == len(pairs)
    # Each row with 20 to 40 others, and those with it.
    assert 2000 <= len(pairs) <= 4000
    assert set(np.bincount(resampler.parent_indices_[:, 0])) <= set(range(20, 41))
    share = resampler.mix_weights_[:, 0]
    assert share.mean() == pytest.approx(0.5, abs=0.02)
    assert share.var() == pytest.approx(1 / (4 * (2 * 0.4 + 1)), abs=0.01)
    weights = resampler.mix_weights_
    assert_allclose(y_new[100:], (weights * y[resampler.parent_indices_]).sum(axis=1))


def test_more_neighbours_than_rows():
    X, y, *_ = problem(n=5)
    resampler = KNNMixupResampler(k=50)
    resampler.fit_resample(X, y)
    assert len(pairs_of(resampler)) == len(set(unordered(pairs_of(resampler)))) == 10


def test_several_labels_are_near_in_standard_deviations():
    X = np.zeros((4, 1))
    # By the labels as they are 0 is nearest to 2; the second label is a thousandth.
    y = np.array([[0.0, 0.0], [500.0, 0.0], [0.0, 1.0], [500.0, 1.1]])
    resampler = KNNMixupResampler(k=1)
    resampler.fit_resample(X, y[:, ::-1])
    by_label = unordered(pairs_of(resampler))
    resampler.fit_resample(X, y[:, ::-1] * [1000.0, 1.0])
    assert unordered(pairs_of(resampler)) == by_label


def test_a_given_k_asks_nobody():
    X, y, X_val, y_val = problem(n=9)
    Recorder.fits.clear()
    fitted = KNNMixupResampler(Recorder(), k=2).fit(X, y, X_val=X_val, y_val=y_val)
    alone = KNNMixupResampler(k=2).fit(X, y)  # no warning without an estimator
    assert Recorder.fits == []
    assert_array_equal(fitted.resample()[0], alone.resample()[0])
    assert np.isnan([fitted.best_score_, fitted.baseline_score_]).all()


# k="auto".


def test_auto_is_cross_validation_over_k():
    """An independent loop: own mixes of each fold, mean loss, the best."""
    X, y, *_ = problem(n=60)
    candidates, splits = [1, 3, 9, 27], list(CV.split(X))
    losses = np.empty((5, 60))
    for place, k in enumerate([0, *candidates]):
        for train, test in splits:
            rows = X[train], y[train]
            model = clone(CUBIC).fit(*(mixes_by_hand(*rows, k) if k else rows))
            losses[place, test] = (y[test] - model.predict(X[test])) ** 2 / y.var()

    resampler = KNNMixupResampler(CUBIC, candidates=(9, 27, 3, 1, 3), cv=CV)
    resampler.set_params(guard=False).fit(X, y)
    assert resampler.history_["k"] == [0, *candidates]
    assert resampler.n_iter_ == 5
    assert_allclose(resampler.history_["objective"], losses.mean(axis=1))
    best = candidates[losses[1:].mean(axis=1).argmin()]
    assert resampler.k_ == best

    # Each fold is scored with the k that the others prefer.
    chosen = np.empty(60)
    for _, test in splits:
        others = np.delete(losses[1:], test, axis=1).mean(axis=1)
        chosen[test] = losses[1 + others.argmin(), test]
    assert resampler.best_score_ == pytest.approx(1 - chosen.mean())

    X_new, y_new = resampler.resample()
    for array, expected in zip((X_new, y_new), mixes_by_hand(X, y, best), strict=True):
        assert len(array) == len(expected)
        assert_allclose(np.sort(array, axis=0), np.sort(expected, axis=0))


def test_auto_by_held_out_rows():
    X, y, X_val, y_val = problem(n=60)
    resampler = KNNMixupResampler(CUBIC, candidates=(1, 3, 9), guard=False)
    resampler.fit(X, y, X_val=X_val, y_val=y_val)
    scores = [
        clone(CUBIC).fit(*mixes_by_hand(X, y, k)).score(X_val, y_val) for k in (1, 3, 9)
    ]
    assert_allclose(1 - np.array(resampler.history_["objective"][1:]), scores)
    assert resampler.k_ == (1, 3, 9)[np.argmax(scores)]
    assert resampler.baseline_score_ == pytest.approx(
        CUBIC.fit(X, y).score(X_val, y_val)
    )


def test_interrupted_it_keeps_what_was_scored():
    X, y, *_ = problem()
    tree = DecisionTreeRegressor(random_state=0)
    resampler = KNNMixupResampler(tree, cv=CV, guard=False)
    resampler.set_callbacks(interrupting(3, "candidates"))
    with pytest.warns(ConvergenceWarning, match="'candidates', after 3 iterations"):
        resampler.fit(X, y)
    assert resampler.history_["k"] == [0, 1, 2]
    assert resampler.k_ == 1 + np.argmin(resampler.history_["objective"][1:])
    assert resampler.accepted_
    assert len(resampler.resample()[0]) > len(X)


def test_an_interrupt_that_the_estimator_keeps_to_itself_ends_the_search(monkeypatch):
    before = signal.getsignal(signal.SIGINT)
    # Three folds of the untouched data and of k = 1; the next fit is half done.
    monkeypatch.setattr(Swallowing, "fits_left", [None] * 7)
    X, y, *_ = problem()
    resampler = KNNMixupResampler(Swallowing(), cv=CV, random_state=0)
    with pytest.warns(ConvergenceWarning, match="'candidates', after 2 iterations"):
        resampler.fit(X, y)
    assert resampler.history_["k"] == [0, 1]
    assert resampler.k_ == 1
    assert signal.getsignal(signal.SIGINT) is before


def test_a_grid_over_k_is_a_grid_over_recipes():
    X, y, *_ = problem(n=60)
    model = ResampledRegressor(CUBIC, resampler=KNNMixupResampler())
    grid = {"resampler__k": [1, 3, 9, "auto"]}
    search = GridSearchCV(model, grid, cv=CV, error_score="raise").fit(X, y)
    scores = [
        [
            clone(CUBIC).fit(*mixes_by_hand(X[a], y[a], k)).score(X[b], y[b])
            for a, b in CV.split(X)
        ]
        for k in (1, 3, 9)
    ]
    assert_allclose(search.cv_results_["mean_test_score"][:3], np.mean(scores, axis=1))


# search="bayes".


class Counting(RegressorMixin, BaseEstimator):
    """Is best trained on a certain number of rows."""

    def __init__(self, wanted=1):
        self.wanted = wanted

    def fit(self, X, y):
        self.error_ = np.log(len(X) / self.wanted)
        return self

    def predict(self, X):
        return np.full(len(X), self.error_)


def cloud(n=120):
    """Rows and labels that have nothing to do with each other, and no ties."""
    rng = np.random.RandomState(0)
    return rng.uniform(size=(n, 2)), rng.normal(size=n)


def bayes(**changes):
    """Six neighbours give the estimator what it wants."""
    X, y = cloud()
    rows = [len(mixes_by_hand(X[train], y[train], 6)[0]) for train, _ in CV.split(X)]
    settings = {
        "candidates": (1, 2, 4, 8, 16, 32, 48),
        "cv": CV,
        "search": "bayes",
        "guard": False,
        "random_state": 0,
        **changes,
    }
    return KNNMixupResampler(Counting(np.mean(rows)), **settings)


def test_bayes_tries_as_many_numbers_and_finds_the_best():
    X, y = cloud()
    fitted = bayes().fit(X, y)
    untouched, *tried = fitted.history_["k"]
    assert untouched == 0
    assert len(set(tried)) == len(tried) == 7
    assert set(tried) <= set(range(1, 49))
    assert not set(tried) <= {1, 2, 4, 8, 16, 32, 48}
    losses = fitted.history_["objective"][1:]
    assert fitted.k_ == tried[np.argmin(losses)]
    grid = clone(fitted).set_params(search="grid").fit(X, y)
    assert min(losses) < min(grid.history_["objective"][1:])
    assert fitted.k_ == 6
    assert bayes().fit(X, y).history_ == fitted.history_


@pytest.mark.parametrize("after", [1, 3, 8])
def test_bayes_resumes(after, tmp_path):
    X, y = cloud()
    whole = bayes().fit(X, y)
    checkpoint = Checkpoint(tmp_path / "fit.npz", every=2)
    stopped = bayes().set_callbacks(checkpoint, interrupting(after, "candidates"))
    with pytest.warns(Warning, match=f"after {after} iterations|before the stop"):
        stopped.fit(X, y)
    resumed = bayes().set_callbacks(checkpoint).fit(X, y)
    assert resumed.history_ == whole.history_
    assert resumed.k_ == whole.k_


def test_bayes_with_hardly_anything_to_try():
    X, y = cloud()
    assert bayes(candidates=[4]).fit(X, y).history_["k"] == [0, 4]
    few = bayes(candidates=(2, 3, 4)).fit(X, y)
    assert sorted(few.history_["k"]) == [0, 2, 3, 4]


def test_bayes_says_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "bayes_opt", None)
    X, y = cloud()
    with pytest.raises(ImportError, match=r"bayesian-optimization: pip install"):
        bayes().fit(X, y)
    assert bayes(search="grid").fit(X, y).k_ > 0
    assert bayes(k=3).fit(X, y).k_ == 3


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"k": 0}, "The 'k' parameter of"),
        ({"k": "all"}, "The 'k' parameter of"),
        ({"candidates": ()}, "candidates is empty"),
        ({"candidates": (0, 2)}, "candidates must hold numbers of at least 1"),
        ({"candidates": (1.5,)}, "candidates must be a list of whole numbers"),
        ({"search": "random"}, "The 'search' parameter of"),
        ({"mix_ratio": 1.0}, "The 'mix_ratio' parameter of"),
        ({"alpha": 0}, "The 'alpha' parameter of"),
        ({"cv": 1}, "The 'cv' parameter of"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        KNNMixupResampler(Ridge(), **parameters).fit(np.zeros((20, 1)), np.zeros(20))
