import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.neighbors import KNeighborsRegressor

from skmix.regression import CMixupResampler, MixupResampler
from tests.regression.helpers import Recorder

RECIPES = [MixupResampler, CMixupResampler]


@pytest.mark.parametrize("Recipe", RECIPES)
@pytest.mark.parametrize("n_targets", [1, 3])
def test_mixes_are_what_the_lineage_says(Recipe, n_targets):
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(30, 4)), rng.normal(size=(30, n_targets))
    resampler = Recipe(amount=2.5, random_state=0)
    X_new, y_new = resampler.fit_resample(X, y)
    assert len(X_new) == 30 + 75
    assert_array_equal(X_new[:30], X)
    assert_array_equal(y_new[:30], y)
    parents, weights = resampler.parent_indices_, resampler.mix_weights_
    assert_allclose(weights.sum(axis=1), 1)
    assert_allclose(X_new[30:], (weights[..., None] * X[parents]).sum(axis=1))
    assert_allclose(y_new[30:], (weights[..., None] * y[parents]).sum(axis=1))
    # Each row is as often the first parent.
    assert set(np.bincount(parents[:, 0], minlength=30)) == {2, 3}


@pytest.mark.parametrize("Recipe", RECIPES)
@pytest.mark.parametrize(("mix_ratio", "pairs"), [(0.5, 3), (0.25, 6)])
def test_no_mix_twice(Recipe, mix_ratio, pairs):
    X = y = np.array([0.0, 1.0, 10.0])
    resampler = Recipe(amount=100, mix_ratio=mix_ratio, random_state=0)
    X_new, _ = resampler.fit_resample(X[:, None], y)
    assert len(X_new) == 3 + pairs
    assert len(np.unique(X_new)) == 3 + pairs


@pytest.mark.parametrize("Recipe", RECIPES)
def test_nothing_asked_for(Recipe):
    X, y = np.arange(6.0).reshape(3, 2), np.array([1, 2, 3])
    X_new, y_new = Recipe(amount=0).fit_resample(X, y)
    assert_array_equal(X_new, X)
    assert_array_equal(y_new, y)
    assert y_new.dtype == y.dtype


def test_mixup_draws_all_pairs_alike_and_shares_from_beta():
    X, y = np.arange(5.0)[:, None], np.array([0.0, 0.0, 0.0, 0.0, 100.0])
    resampler = MixupResampler(amount=8000, alpha=0.4, random_state=0).fit(X, y)
    resampler.resample()
    counts = np.zeros((5, 5))
    np.add.at(counts, tuple(resampler.parent_indices_.T), 1 / 8000)
    assert_allclose(counts, (1 - np.eye(5)) / 4, atol=0.02)
    share = resampler.mix_weights_[:, 0]
    assert share.var() == pytest.approx(1 / (4 * (2 * 0.4 + 1)), abs=0.005)


def test_cmixup_rates_are_in_standard_deviations_of_the_labels():
    y = np.array([0.0, 1.0, 3.0, 6.0])
    resampler = CMixupResampler(bandwidth=0.5, amount=20_000, random_state=0)
    resampler.fit(np.zeros((4, 1)), 1000 * y)
    resampler.resample()
    counts = np.zeros((4, 4))
    np.add.at(counts, tuple(resampler.parent_indices_.T), 1 / 20_000)
    h = 0.5 * y.std()
    rates = np.exp(-((y[:, None] - y) ** 2) / (2 * h**2)) * (1 - np.eye(4))
    assert_allclose(counts, rates / rates.sum(axis=1, keepdims=True), atol=0.015)


@pytest.mark.parametrize("Recipe", RECIPES)
def test_same_seed_same_rows(Recipe, random_state_untouched):
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(30, 4)), rng.normal(size=30)
    one, two, other = (Recipe(random_state=s).fit_resample(X, y)[0] for s in (1, 1, 2))
    assert_array_equal(one, two)
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"amount": -1}, "amount"),
        ({"mix_ratio": 1.0}, "mix_ratio"),
        ({"mix_ratio": "gamma"}, "mix_ratio"),
        ({"alpha": 0}, "alpha"),
    ],
)
@pytest.mark.parametrize("Recipe", RECIPES)
def test_bad_parameters(Recipe, parameters, message):
    with pytest.raises(ValueError, match=f"The '{message}' parameter of"):
        Recipe(**parameters).fit(np.zeros((3, 1)), np.zeros(3))


# C-Mixup's bandwidth.


def step(n=80):
    """Labels of 0 and 10 with nothing between: only mixes of like labels are true."""
    X = np.random.RandomState(0).uniform(-1, 1, size=(n, 1))
    return X, np.where(X[:, 0] > 0, 10.0, 0.0) + X[:, 0]


@pytest.mark.parametrize("held_out", [False, True])
def test_auto_finds_the_bandwidth_that_mixes_like_with_like(held_out):
    X, y = step()
    extra = {"X_val": X[40:], "y_val": y[40:]} if held_out else {}
    resampler = CMixupResampler(
        KNeighborsRegressor(1),
        bandwidth="auto",
        candidates=(50, 0.05, 50.0),
        guard=False,
        random_state=0,
    )
    resampler.fit(X[:40], y[:40], **extra)
    assert resampler.history_["bandwidth"] == [0, 0.05, 50.0]
    assert resampler.n_iter_ == 3
    assert resampler.bandwidth_ == 0.05
    assert "bandwidth 0.05" in resampler.chosen_
    losses = resampler.history_["objective"]
    assert losses[1] < losses[2] - 0.05
    resampler.resample()
    first, second = resampler.parent_indices_.T
    assert_array_equal(y[first] > 5, y[second] > 5)


def test_a_given_bandwidth_asks_nobody():
    X, y = step()
    Recorder.fits.clear()
    given = CMixupResampler(Recorder(), bandwidth=0.7, random_state=0)
    X_new, _ = given.fit_resample(X, y, X_val=X, y_val=y)
    assert Recorder.fits == []
    assert given.bandwidth_ == 0.7
    assert given.accepted_
    assert given.chosen_.endswith("bandwidth 0.7; not judged, as it was given.")
    assert not hasattr(given, "history_")
    alone = CMixupResampler(bandwidth=0.7, random_state=0)  # no warning
    assert_array_equal(alone.fit_resample(X, y)[0], X_new)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"bandwidth": 0}, "The 'bandwidth' parameter of"),
        ({"bandwidth": "best"}, "The 'bandwidth' parameter of"),
        ({"candidates": ()}, "candidates must be a list of numbers"),
        ({"candidates": ["small"]}, "candidates must be a list of numbers"),
        ({"candidates": (0.0, 1.0)}, "candidates must hold positive finite numbers"),
        ({"candidates": (np.inf,)}, "candidates must hold positive finite numbers"),
    ],
)
def test_bad_bandwidths(parameters, message):
    settings = {"bandwidth": "auto", **parameters}
    with pytest.raises(ValueError, match=message):
        CMixupResampler(**settings).fit(np.zeros((3, 1)), np.zeros(3))
