import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.datasets import load_iris
from torch import nn

from skmix._torch.lada import soft_losses, train_classifier
from skmix.active import LADAClassifier


def small(**changes):
    settings = {"hidden_layer_sizes": 8, "max_iter": 3, "random_state": 0, **changes}
    return LADAClassifier(**settings)


@pytest.fixture
def iris():
    return load_iris(return_X_y=True)


def weights(model):
    return [p.detach().clone() for p in model._network.parameters()]


def test_loss_of_mixes_is_that_of_eq_19_by_hand():
    logits = torch.tensor([[2.0, 0.0, -1.0], [0.0, 0.0, 0.0]])
    first, second = torch.tensor([0, 2]), torch.tensor([2, 1])
    ratio = torch.tensor([0.25, 0.6])
    log_p = logits - logits.exp().sum(dim=1, keepdim=True).log()
    by_hand = [
        -(0.25 * log_p[0, 0] + 0.75 * log_p[0, 2]),
        -(0.6 * log_p[1, 2] + 0.4 * log_p[1, 1]),
    ]
    assert_allclose(soft_losses(logits, first, second, ratio), by_hand, rtol=1e-6)


def test_an_epoch_takes_a_step_from_the_rows_and_one_from_the_mixes():
    """Eq. 18 and 19 with one batch each, against a plain loop of torch."""
    X = np.random.RandomState(0).normal(size=(6, 3)).astype(np.float32)
    y = np.array([0, 1, 2, 0, 1, 2])
    weight = np.array([1.0, 2.0, 1.0, 1.0, 0.5, 0.5])
    pairs, ratios = np.array([[0, 1], [2, 3]]), np.array([0.3, 0.9])

    def make():
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            return nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 3))

    network = make()
    losses, mixed_losses, _ = train_classifier(
        network,
        X,
        y,
        weight,
        lambda rng: (pairs, ratios),
        "1",
        learning_rate=0.01,
        batch_size=100,
        max_iter=3,
        seed=0,
    )
    other = make()
    adam = torch.optim.Adam(other.parameters(), lr=0.01)
    rows, classes = torch.tensor(X), torch.tensor(y)
    w = torch.tensor(weight / weight.mean()).float()
    share = torch.tensor(ratios).float()
    for epoch in range(3):
        log_p = other(rows).log_softmax(dim=1)
        loss = -(w * log_p[range(6), classes]).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        assert losses[epoch] == pytest.approx(float(loss.detach()), rel=1e-5)
        hidden = torch.relu(other[0](rows))
        first, second = pairs.T
        mixed = share[:, None] * hidden[first] + (1 - share)[:, None] * hidden[second]
        log_p = other[2](mixed).log_softmax(dim=1)
        soft = share * log_p[range(2), classes[first]]
        soft = soft + (1 - share) * log_p[range(2), classes[second]]
        loss = -((share * w[first] + (1 - share) * w[second]) * soft).mean()
        adam.zero_grad()
        loss.backward()
        adam.step()
        assert mixed_losses[epoch] == pytest.approx(float(loss.detach()), rel=1e-5)
    for one, two in zip(network.parameters(), other.parameters(), strict=True):
        assert_allclose(one.detach(), two.detach(), atol=1e-6)


def test_rows_without_a_label_only_give_scales(iris):
    X, y = iris
    partial = np.where(np.arange(150) % 3 == 0, y, np.nan)
    with_others = small().fit(X, partial)
    assert_allclose(with_others.mean_, X.mean(axis=0))
    assert_allclose(with_others.scale_, X.std(axis=0))
    # Without a label, what else is in a row has no say but by the scale.
    order = np.r_[np.arange(0, 150, 3), np.delete(np.arange(150), np.s_[::3])]
    alone = small().fit(X[order], partial[order])
    assert_allclose(with_others.predict_proba(X), alone.predict_proba(X), atol=1e-5)


def test_scale_of_images_is_that_of_channels():
    images = np.random.RandomState(0).normal(5, 3, size=(12, 2, 4, 4))
    images[:, 1] = 7.0
    model = small(max_iter=1).fit(images, [0, 1] * 6)
    assert model.mean_.shape == (2, 1, 1)
    assert_allclose(model.mean_.ravel(), [images[:, 0].mean(), 7])
    assert_allclose(model.scale_.ravel(), [images[:, 0].std(), 7])
    assert model.predict_proba(images).shape == (12, 2)
    with pytest.raises(ValueError, match="rows of shape"):
        model.predict(images[:, :, :3])


def test_mixes_change_the_training_and_are_drawn_anew(iris):
    X, y = iris
    plain, mixed = small().fit(X, y), small().fit(X, y, tau=2.0)
    assert np.isnan(plain.history_["mixed_loss"]).all()
    assert np.isfinite(mixed.history_["mixed_loss"]).all()
    assert not torch.equal(weights(plain)[0], weights(mixed)[0])
    pairs = np.array([[0, 100], [50, 120], [1, 60]])
    for tau in (1.0, [0.5, 1.0, 2.0], [[0.2, 0.4]] * 3):
        model = small().fit(X, y, pairs=pairs, tau=tau, layer="2")
        assert np.isfinite(model.history_["mixed_loss"]).all()


def test_pairs_are_places_of_all_rows(iris):
    """Those without a label in between do not shift them."""
    X, y = iris
    partial = y.astype(float)
    partial[::2] = np.nan
    one = small().fit(X, partial, pairs=[[1, 101], [51, 149]], tau=1.0, layer="1")
    known = ~np.isnan(partial)
    place = np.cumsum(known) - 1
    X_known = np.r_[X[known], X[~known]]
    y_known = np.r_[partial[known], partial[~known]]
    pairs = place[[[1, 101], [51, 149]]]
    two = small().fit(X_known, y_known, pairs=pairs, tau=1.0, layer="1")
    assert_allclose(one.predict_proba(X), two.predict_proba(X), atol=1e-5)


@pytest.mark.parametrize(
    ("extra", "what"),
    [
        ({"pairs": [[0, 1]], "tau": -1.0}, "tau must hold positive"),
        ({"tau": [1.0, 2.0]}, "tau must be a number where pairs are drawn"),
        ({"pairs": [[0, 1, 2]], "tau": 1.0}, "two places of rows each"),
        ({"pairs": [[0.5, 1.0]], "tau": 1.0}, "two places of rows each"),
        ({"pairs": [[0, 150]], "tau": 1.0}, "places from 0 to 149"),
        ({"pairs": [[0, 3]], "tau": 1.0}, r"rows \[3\], which have no label"),
        ({"pairs": [[0, 1]], "tau": [1.0, 2.0]}, r"shape \(2,\) for 1 pairs"),
        ({"tau": 1.0, "layer": "7"}, "layers holds '7'"),
    ],
)
def test_mixes_that_cannot_be_made_are_refused(iris, extra, what):
    X, y = iris
    partial = np.where(np.arange(150) == 3, np.nan, y)
    with pytest.raises(ValueError, match=what):
        small().fit(X, partial, **extra)


def test_labels_that_cannot_be_learned_are_refused(iris):
    X, y = iris
    with pytest.raises(ValueError, match="y holds no label"):
        small().fit(X, np.full(150, np.nan))
    with pytest.raises(ValueError, match=r"classes \[2\], but classes names \[0, 1\]"):
        small(classes=[0, 1]).fit(X, y)
    with pytest.raises(ValueError, match="learning_rate=1e\\+30"):
        small(learning_rate=1e30, max_iter=20).fit(X, y)


def test_classes_without_a_label_have_their_column(iris):
    X, y = iris
    model = small(classes=[2, 0, 1]).fit(X[:100], y[:100])
    assert_array_equal(model.classes_, [0, 1, 2])
    assert model.predict_proba(X).shape == (150, 3)


def test_warm_start_goes_on_and_knows_its_classes(iris):
    X, y = iris
    model = small(warm_start=True, max_iter=2).fit(X, y)
    network, loss = model._network, model.history_["loss"][-1]
    scale = model.scale_.copy()
    model.fit(X * 2, y)
    assert model._network is network
    assert_array_equal(model.scale_, scale)
    assert small(warm_start=True).fit(X, y).fit(X, y).history_["loss"][0] < loss
    model = small(warm_start=True).fit(X[:100], y[:100])
    with pytest.raises(ValueError, match=r"classes \[2\], but the network.*warm_start"):
        model.fit(X, y)
    cold = small().fit(X[:100], y[:100])
    assert_array_equal(cold.fit(X, y).classes_, [0, 1, 2])


def test_a_module_must_make_a_logit_for_each_class(iris):
    X, y = iris
    with pytest.raises(ValueError, match=r"3 outputs to a row: it makes \(2, 2\)"):
        LADAClassifier(lambda shape, n: nn.Linear(4, 2)).fit(X, y)
    with pytest.raises(ValueError, match="returns a torch"):
        LADAClassifier(lambda shape, n: None).fit(X, y)


def lazy(shape, n_classes):
    return nn.Sequential(nn.LazyLinear(8), nn.ReLU(), nn.LazyLinear(n_classes))


def test_a_network_comes_from_the_seed_alone(iris, random_state_untouched):
    X, y = iris
    for settings in ({}, {"module": lazy}):
        one, two = (small(**settings).fit(X, y, tau=1.0) for _ in range(2))
        assert all(map(torch.equal, weights(one), weights(two)))
        other = small(random_state=1, **settings).fit(X, y, tau=1.0)
        assert not torch.equal(weights(one)[0], weights(other)[0])


def test_a_pickle_predicts_the_same(iris):
    X, y = iris
    model = small(module=lazy).fit(X, y)
    again = pickle.loads(pickle.dumps(model))
    assert_array_equal(again.predict_proba(X), model.predict_proba(X))
    assert not hasattr(clone(model), "classes_")


def test_batch_norm_never_sees_a_single_row():
    def normed(shape, n):
        return nn.Sequential(
            nn.Linear(*shape, 4), nn.BatchNorm1d(4), nn.ReLU(), nn.Linear(4, n)
        )

    X = np.random.RandomState(0).normal(size=(11, 3))
    model = LADAClassifier(normed, batch_size=5, max_iter=2, random_state=0)
    model.fit(X, [0, 1] * 5 + [0], pairs=[[0, 1]], tau=1.0)
    assert np.isfinite(model.predict_proba(X)).all()


def test_an_interrupt_keeps_the_network(iris):
    X, y = iris
    calls = []

    class Interrupting(nn.Module):
        def __init__(self):
            super().__init__()
            self.layer = nn.Linear(4, 3)

        def forward(self, x):
            calls.append(len(x))
            if len(calls) == 100:
                raise KeyboardInterrupt
            return self.layer(x)

    model = LADAClassifier(lambda shape, n: Interrupting(), random_state=0)
    from sklearn.exceptions import ConvergenceWarning

    with pytest.warns(ConvergenceWarning, match="Interrupted after"):
        model.fit(X, y)
    assert 0 < model.n_iter_ < 50
    assert model.predict(X).shape == (150,)


def test_it_learns_digits_and_gains_from_all_labels():
    from tests.active.helpers import digits

    X, y, truth = digits(n_labelled=150, n=600)
    model = LADAClassifier(max_iter=30, random_state=0).fit(X, y)
    pool = np.isnan(y)
    assert model.score(X[pool], truth[pool]) > 0.85


@pytest.mark.gpu
def test_a_gpu_learns_the_same_and_its_pickle_opens_on_a_cpu(iris):
    X, y = iris
    cpu = small(device="cpu").fit(X, y, tau=1.0)
    gpu = small(device="cuda").fit(X, y, tau=1.0)
    assert_allclose(gpu.predict_proba(X), cpu.predict_proba(X), atol=1e-3)
    opened = pickle.loads(pickle.dumps(gpu))
    assert opened.device_ == "cpu"
    assert_allclose(opened.predict_proba(X), gpu.predict_proba(X), atol=1e-5)


def test_one_class_is_refused_unless_others_are_named(iris):
    X, y = iris
    with pytest.raises(ValueError, match=r"y holds labels of one class, \[0\]"):
        small().fit(X[:50], y[:50])
    assert small(classes=[0, 1]).fit(X[:50], y[:50]).predict_proba(X).shape[1] == 2


def test_a_network_is_no_module_factory(iris):
    with pytest.raises(ValueError, match="got the network Linear itself"):
        small(module=nn.Linear(4, 3)).fit(*iris)


def test_a_factory_may_hand_out_the_same_network(iris):
    network = nn.Linear(4, 3)
    before = network.weight.detach().clone()
    first, second = (small(module=lambda *_: network).fit(*iris) for _ in range(2))
    assert torch.equal(network.weight, before)
    assert_array_equal(first.predict_proba(iris[0]), second.predict_proba(iris[0]))


@pytest.mark.parametrize("factor", [2.0**1000, 2.0**-1000])
def test_extreme_units_are_scaled_like_others(iris, factor):
    X, y = iris
    expected = small().fit(X, y).predict_proba(X)
    assert_array_equal(small().fit(factor * X, y).predict_proba(factor * X), expected)


def train_tiny(weight=None, draw_mixes=None, layers=None, seed=0, **changes):
    """Losses and first weights of a small network, begun the same each time."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        network = layers or nn.Sequential(nn.Linear(3, 4), nn.ReLU(), nn.Linear(4, 2))
        for module in network:
            if hasattr(module, "reset_parameters"):
                module.reset_parameters()
    rows = np.random.RandomState(0).normal(size=(8, 3)).astype(np.float32)
    weight = np.ones(8) if weight is None else weight
    settings = {"learning_rate": 0.01, "batch_size": 4, "max_iter": 3, **changes}
    losses, *_ = train_classifier(
        network, rows, np.arange(8) % 2, weight, draw_mixes, "1", seed=seed, **settings
    )
    return losses, network[0].weight.detach().clone()


def test_weights_count_by_their_ratios():
    assert_allclose(train_tiny(np.full(8, 7.0))[0], train_tiny()[0], rtol=1e-5)


def test_batches_come_from_the_seed():
    assert not torch.equal(train_tiny(seed=1)[1], train_tiny(seed=0)[1])


def test_dropout_comes_from_the_seed():
    dropping = [
        nn.Sequential(nn.Linear(3, 4), nn.Dropout(0.5), nn.Linear(4, 2)) for _ in "ab"
    ]
    # One batch of all rows: no other thing is drawn.
    losses = [
        train_tiny(layers=network, seed=seed, batch_size=8)[0]
        for seed, network in enumerate(dropping)
    ]
    assert not np.allclose(losses[0], losses[1], rtol=1e-4)


def test_mixes_are_drawn_anew_in_each_epoch():
    drawn = []

    def draw(rng):
        drawn.append(rng.uniform(size=2))
        return np.array([[0, 1], [2, 3]]), drawn[-1]

    train_tiny(draw_mixes=draw)
    assert len(drawn) == 3
    read = small()._read_mixes([[0, 1]], 1.0, np.ones(2, dtype=bool))
    rng = np.random.RandomState(0)
    assert read(rng)[1] != read(rng)[1]


@pytest.mark.parametrize("layer", ["input", "0", "1", "2"])
def test_a_single_pair_where_batches_are_normalised(iris, layer):
    def make(shape, n_classes):
        return nn.Sequential(
            nn.Linear(*shape, 8), nn.ReLU(), nn.BatchNorm1d(8), nn.Linear(8, n_classes)
        )

    X, y = iris
    model = small(module=make).fit(X, y, pairs=[[0, 60]], tau=2.0, layer=layer)
    assert np.isfinite(model.history_["mixed_loss"]).all()


def test_a_single_row_where_batches_are_normalised(iris):
    def make(shape, n_classes):
        return nn.Sequential(
            nn.Linear(*shape, 8), nn.BatchNorm1d(8), nn.Linear(8, n_classes)
        )

    X, y = iris
    model = small(module=make, classes=[0, 1, 2]).fit(X[:1], y[:1])
    assert model.predict_proba(X).shape == (150, 3)


def test_weights_of_zero_for_all_labelled_rows(iris):
    X, y = iris
    y, weight = np.where(np.arange(150) < 60, y, np.nan), np.arange(150) >= 60
    with pytest.raises(
        ValueError, match="sample_weight is 0 for all rows with a label"
    ):
        small().fit(X, y, sample_weight=weight)


def test_predictions_do_not_depend_on_blocks(iris, monkeypatch):
    from skmix._torch import lada

    model = small().fit(*iris)
    expected = model.predict_proba(iris[0])
    monkeypatch.setattr(lada, "block_size", lambda *_: 7)
    assert_allclose(model.predict_proba(iris[0]), expected, rtol=1e-5)
