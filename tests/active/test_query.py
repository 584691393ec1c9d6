"""What a query looks at, and how it chooses: weights, blocks, partners, pairs."""

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression

from skmix.active import (
    InfoMixup,
    InfoSTN,
    LADAClassifier,
    LADASelector,
    _query,
    _views,
)
from tests.active.helpers import Table, digits

LOGISTIC = LogisticRegression(max_iter=300)


def images(X):
    return X.reshape(-1, 1, 8, 8)


@pytest.mark.parametrize("of_images", [False, True])
def test_weight_of_the_look_ahead(of_images):
    X, y, _ = digits(n=100)
    settings = {"lookahead_weight": 2.5, "random_state": 0}
    if of_images:
        X = images(X)
        model = LADAClassifier(max_iter=2)
        selector = LADASelector(model, augmentation="stn", **settings)
    else:
        selector = LADASelector(LOGISTIC, **settings)
    selector.query(X, y)
    seen = np.isfinite(selector.virtual_scores_)
    expected = selector.own_scores_ + 2.5 * selector.virtual_scores_
    assert seen.sum() > 10
    assert_allclose(selector.utilities_[seen], expected[seen])


def test_pairs_are_spread_by_their_middles(monkeypatch):
    middles = []

    def first_ones(Z, weight, k, rng):
        middles.append(Z)
        return np.arange(k)

    monkeypatch.setattr(_query, "spread_rows", first_ones)
    X, y, _ = digits(n=200)
    selector = LADASelector(LOGISTIC, pairing="random", random_state=0)
    selector.query(X, y, batch_size=4)
    width = np.where(np.ptp(X, axis=0) > 0, np.ptp(X, axis=0), 1)
    expected = (X[selector.pairs_].mean(axis=1) - X.min(axis=0)) / width
    assert_allclose(middles[0][:2], expected)


def test_neighbours_among_a_sample_of_the_pool(monkeypatch):
    """Of a large pool: the nearest of the sample, a row itself left out."""
    X = np.r_[0.0, 1.0, np.linspace(0.1, 0.9, 30)][:, None]
    y = np.r_[0, 1, np.full(30, np.nan)]
    looks = []
    look = _query.Query.look

    def noted(query, augmentation, first, second):
        looks.append((first, second))
        return look(query, augmentation, first, second)

    monkeypatch.setattr(_query, "MAX_PARTNERS", 12)
    monkeypatch.setattr(_query.Query, "look", noted)
    LADASelector(Table(), n_neighbors=2, random_state=0).query(X, y, batch_size=2)
    first, second = looks[0]
    partners = np.unique(second)
    assert 2 < len(partners) <= 12
    for row in np.unique(first):
        gaps = np.abs(X[partners, 0] - X[row, 0])
        gaps[partners == row] = np.inf
        found = np.abs(X[second[first == row], 0] - X[row, 0])
        assert_allclose(np.sort(found), np.sort(gaps)[:2])


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"pairing": "random"},
        {"acquisition": "badge", "augmentation": None},
        {"acquisition": "coreset", "augmentation": None},
        {"augmentation": InfoSTN(max_iter=2)},
    ],
    ids=["rows", "pairs", "badge", "coreset", "images"],
)
def test_blocks_change_nothing(monkeypatch, settings):
    X, y, _ = digits(n=120)
    model = LOGISTIC
    if "augmentation" in settings and settings["augmentation"] is not None:
        X, model = images(X), LADAClassifier(max_iter=2, random_state=0)
    answers = []
    for block in (8192, 16):
        monkeypatch.setattr(_views, "BLOCK", block)
        selector = LADASelector(model, random_state=0, **settings)
        answers.append(selector.query(X, y, batch_size=6, return_utilities=True))
    assert_array_equal(answers[0][0], answers[1][0])
    assert_allclose(answers[0][1], answers[1][1], rtol=1e-6)


def test_images_of_different_blocks_are_turned_differently(monkeypatch):
    """Equal images, each with its own draw."""
    rng = np.random.RandomState(0)
    X = np.repeat(rng.normal(size=(1, 1, 8, 8)), 40, axis=0)
    X[:2] += rng.normal(size=(2, 1, 8, 8))
    y = np.r_[0, 1, np.full(38, np.nan)]
    monkeypatch.setattr(_views, "BLOCK", 10)
    selector = LADASelector(
        LADAClassifier(max_iter=3, random_state=0),
        acquisition="entropy",
        augmentation="stn",
        diversity=None,
        random_state=0,
    )
    selector.query(X, y)
    assert len(np.unique(selector.virtual_scores_[2:].round(9))) == 38


def test_without_diversity_all_images_are_looked_at():
    X, y, _ = digits(n=100)
    model = LADAClassifier(max_iter=1)
    selector = LADASelector(model, augmentation="stn", diversity=None, random_state=0)
    selector.query(images(X), y)
    assert np.isfinite(selector.virtual_scores_[np.isnan(y)]).all()


def test_wide_layers_are_read_in_small_blocks(monkeypatch):
    X, y, _ = digits(n=60)
    monkeypatch.setattr(_views, "BLOCK_VALUES", 640)
    model = LADAClassifier(max_iter=1, hidden_layer_sizes=32, random_state=0).fit(X, y)
    blocks = [
        _views.make_view(model, X, np.arange(9), "from_dtype", layer).block
        for layer in ("input", "1")
    ]
    assert blocks == [10, 20]


def test_rows_chosen_one_by_one_are_paired_with_the_best_tau():
    X, y, _ = digits()
    selector = LADASelector(
        LOGISTIC,
        acquisition="entropy",
        lookahead=False,
        augmentation=InfoMixup((3.0, 20.0)),
        random_state=0,
    )
    selector.query(X, y, batch_size=6)
    assert len(selector.tau_) == 3
    assert (selector.tau_ >= 3).all()


def test_bounds_and_seed_reach_the_policy_network():
    X, y, _ = digits(n=120)
    model = LADAClassifier(max_iter=5, random_state=0).fit(X, y)
    two = np.flatnonzero(np.isnan(y))[:2]
    tau = []
    for seed in (0, 1):
        policy = InfoMixup((0.5, 9.0), policy="network", layers=["2"], max_iter=1)
        selector = LADASelector(
            acquisition="entropy",
            pairing="random",
            augmentation=policy,
            random_state=seed,
        )
        request = {"clf": model, "fit_clf": False, "batch_size": 2}
        selector.query(X, y, candidates=two, **request)
        tau.append(selector.tau_[0])
        narrow = InfoMixup((0.5, 0.6), policy="network", layers=["2"], max_iter=1)
        selector.set_params(augmentation=narrow).query(X, y, **request)
        assert 0.5 < selector.tau_[0] < 0.6
    assert tau[0] != pytest.approx(tau[1], rel=1e-3)


@pytest.mark.parametrize("augmentation", ["infomixup", "manifold_mixup"])
def test_a_network_is_trained_with_mixes_at_a_hidden_layer(augmentation):
    X, y, _ = digits(n=100)
    seen = []

    class Spy(LADAClassifier):
        def fit(self, X, y, sample_weight=None, *, pairs=None, tau=None, layer=None):
            seen.append((sample_weight, tau, layer))
            return super().fit(X, y, sample_weight, pairs=pairs, tau=tau, layer=layer)

    weight = np.arange(1.0, 101.0)
    selector = LADASelector(Spy(max_iter=1), augmentation=augmentation, random_state=0)
    selector.query(X, y, sample_weight=weight)
    selector.fit(X, y, sample_weight=weight)
    # None leaves the layer to the network, which has hidden ones.
    assert [(tau, layer) for _, tau, layer in seen] == [(2.0, None)] * 2
    assert_array_equal(seen[0][0], weight[~np.isnan(y)])
    assert selector.layer_ in ("1", "2")
