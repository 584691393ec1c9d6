import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

from skmix._torch import mlp
from skmix._torch.mlp import Network, Rows, draw_batches, mean_loss, train

CPU = torch.device("cpu")
EPSILON = 1e-5


def make_rows(n=30, p=3, t=2, *, weighted=False, seed=0):
    rng = np.random.RandomState(seed)
    weight = rng.uniform(0.5, 3, size=n) if weighted else None
    X = rng.normal(size=(n, p))
    Y = np.sin(X[:, :1]) + 0.1 * rng.normal(size=(n, t))
    return Rows.of(X, Y, weight, CPU)


def make_network(sizes=(3, 8, 6, 2), norm_epsilon=None, seed=0):
    return Network(sizes, norm_epsilon, CPU, seed)


def run(network, rows, held_out=None, **changes):
    settings = {
        "learning_rate": 1e-2,
        "batch_size": 8,
        "max_iter": 200,
        "n_iter_no_change": 100,
        **changes,
    }
    return train(network, rows, held_out, **settings)


def layers_of(network):
    """The same network of torch's own layers, to be differentiated by autograd."""
    layers = []
    for place, (n_in, n_out) in enumerate(network.shapes["coefs"]):
        layers.append(nn.Linear(n_in, n_out))
        layers[-1].weight.data = network._values["coefs"][place].T.clone()
        layers[-1].bias.data = network._values["intercepts"][place].clone()
        if place < len(network.shapes["norm_gains"]):
            layers.append(nn.LayerNorm(n_out, eps=network.norm_epsilon))
            layers[-1].weight.data = network._values["norm_gains"][place].clone()
            layers[-1].bias.data = network._values["norm_shifts"][place].clone()
        layers.append(nn.ReLU())
    return nn.Sequential(*layers[:-1])


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize("norm_epsilon", [None, EPSILON])
@pytest.mark.parametrize("sizes", [(3, 2), (3, 8, 2), (3, 8, 6, 5, 2)])
def test_gradient_is_that_of_autograd(sizes, norm_epsilon, weighted):
    network = make_network(sizes, norm_epsilon)
    # Gains other than 1 and shifts other than 0.
    network.vector += 0.1 * torch.randn(
        network.vector.shape, generator=torch.Generator().manual_seed(0)
    )
    rows = make_rows(weighted=weighted)
    total = network.gradient(rows)

    layers = layers_of(network)
    squares = (layers(rows.X) - rows.Y) ** 2
    loss = (squares if rows.weight is None else squares * rows.weight).mean()
    loss.backward()
    slopes = network._views(network.vector.grad)
    found = [
        *(coef.T for coef in slopes["coefs"]),
        *slopes["intercepts"],
        *slopes["norm_gains"],
        *slopes["norm_shifts"],
    ]
    linear = [layer for layer in layers if isinstance(layer, nn.Linear)]
    norms = [layer for layer in layers if isinstance(layer, nn.LayerNorm)]
    expected = [layer.weight.grad for layer in linear]
    expected += [layer.bias.grad for layer in linear]
    expected += [layer.weight.grad for layer in norms]
    expected += [layer.bias.grad for layer in norms]
    assert len(found) == len(expected)
    for one, other in zip(found, expected, strict=True):
        assert_allclose(one, other, rtol=1e-4, atol=1e-6)
    assert float(total) / rows.Y.numel() == pytest.approx(loss.item(), rel=1e-5)
    assert mean_loss(network, rows) == pytest.approx(loss.item(), rel=1e-5)


def test_updates_are_those_of_adam_by_hand():
    """One hidden unit: y = v relu(w x + b) + c, its gradient and Adam in NumPy."""
    x, y = np.array([0.5, 1.0, -2.0, 3.0]), np.array([1.0, 0.0, 0.5, -1.0])
    theta = np.array([0.7, -0.4, 0.2, 0.1])  # w, v, b, c
    network = make_network((1, 1, 1))
    network.vector.copy_(torch.as_tensor(theta))
    rate, first, second = 0.05, np.zeros(4), np.zeros(4)
    for step in range(1, 6):
        w, v, b, c = theta
        hidden = np.maximum(w * x + b, 0)
        error = 2 * (v * hidden + c - y) / 4
        on = (hidden > 0) * v * error
        gradient = np.array([on @ x, error @ hidden, on.sum(), error.sum()])
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        root = np.sqrt(second / (1 - 0.999**step))
        theta = theta - rate * first / (1 - 0.9**step) / (root + 1e-8)
    rows = Rows.of(x[:, None], y[:, None], None, CPU)
    run(network, rows, learning_rate=rate, max_iter=5)
    assert_allclose(network.vector, theta, rtol=1e-5)


def test_layer_norm_by_hand():
    network = make_network((3, 4, 1), norm_epsilon=0.5)
    weights = network.weights()
    weights["norm_gains"] = [np.array([1.0, 2.0, -1.0, 0.5])]
    weights["norm_shifts"] = [np.array([0.0, 0.3, 1.0, -0.2])]
    network.load(weights)
    X = make_rows().X
    hidden = X.numpy() @ weights["coefs"][0] + weights["intercepts"][0]
    mean, variance = hidden.mean(axis=1), hidden.var(axis=1)
    normed = (hidden - mean[:, None]) / np.sqrt(variance + 0.5)[:, None]
    hidden = normed * weights["norm_gains"][0] + weights["norm_shifts"][0]
    expected = np.maximum(hidden, 0) @ weights["coefs"][1] + weights["intercepts"][1]
    assert_allclose(network.predict(X), expected, rtol=1e-5, atol=1e-6)


def test_initial_weights(random_state_untouched):
    network = make_network((100, 50, 20, 1), EPSILON)
    weights = network.weights()
    for n_in, coef, intercept in zip(
        (100, 50, 20), weights["coefs"], weights["intercepts"], strict=True
    ):
        assert coef.shape[0] == n_in
        for array in (coef, intercept):
            assert abs(array).max() <= n_in**-0.5
        # The variance of a uniform distribution within +-a is a^2 / 3.
        assert coef.std() == pytest.approx((3 * n_in) ** -0.5, rel=0.25)
    assert all((gain == 1).all() for gain in weights["norm_gains"])
    assert all((shift == 0).all() for shift in weights["norm_shifts"])
    assert_array_equal(
        network.vector, make_network((100, 50, 20, 1), EPSILON, seed=0).vector
    )
    assert not torch.equal(
        network.vector, make_network((100, 50, 20, 1), EPSILON, seed=1).vector
    )


def test_weights_are_copies_that_can_be_put_back():
    network = make_network(norm_epsilon=EPSILON)
    weights = network.weights()
    before = network.vector.clone()
    run(network, make_rows(), max_iter=3)
    assert not torch.equal(network.vector, before)
    assert_array_equal(weights["coefs"][0], before[:24].reshape(3, 8))
    network.load(weights)
    assert_array_equal(network.vector, before)


def test_each_row_once_in_a_pass(random_state_untouched):
    batches = draw_batches(10, 4, torch.Generator().manual_seed(0))
    passes = [[next(batches) for _ in range(3)] for _ in range(2)]
    for batch in passes:
        assert [len(rows) for rows in batch] == [4, 4, 2]
        assert sorted(torch.cat(batch).tolist()) == list(range(10))
    assert passes[0][0].tolist() != passes[1][0].tolist()


@pytest.mark.parametrize("weighted", [False, True])
def test_the_best_on_held_out_rows_is_kept(weighted):
    network = make_network()
    held_out = make_rows(seed=1, weighted=weighted)
    training = run(network, make_rows(), held_out, max_iter=1000)
    history = training.history
    losses = history["validation_loss"]
    best = int(np.argmin(losses))
    assert 0 < best < len(losses) - 1
    assert training.best_iter == history["iteration"][best]
    assert training.n_iter == history["iteration"][-1] == training.best_iter + 100
    assert mean_loss(network, held_out) == losses[best]


def test_stops_where_nothing_improves():
    network = make_network()
    before = network.vector.clone()
    training = run(
        network, make_rows(), make_rows(), learning_rate=1e-20, n_iter_no_change=60
    )
    # The first look after 60 updates or more.
    assert (training.n_iter, training.best_iter) == (75, 0)
    assert_array_equal(network.vector, before)


def test_the_start_is_a_candidate():
    network = make_network()
    run(network, make_rows(), make_rows(seed=1), max_iter=1000)
    before = network.vector.clone()
    training = run(network, make_rows(), make_rows(seed=1), learning_rate=10.0)
    assert training.best_iter == 0
    assert_array_equal(network.vector, before)


def test_without_held_out_rows_all_updates_are_made():
    network, rows = make_network(), make_rows(weighted=True)
    start = mean_loss(network, rows)
    training = run(network, rows, max_iter=60, batch_size=100, n_iter_no_change=1)
    assert (training.n_iter, training.best_iter) == (60, 60)
    assert set(training.history) == {"iteration", "loss"}
    assert training.history["iteration"] == [0, 25, 50, 60]
    assert np.isnan(training.history["loss"][0])
    assert mean_loss(network, rows) < training.history["loss"][-1] < start


def test_history_has_the_mean_loss_over_the_batches():
    network, rows = make_network(), make_rows(n=10, weighted=True)
    expected = mean_loss(network, rows)
    # The last batch of a pass is smaller; weights hardly move.
    training = run(network, rows, learning_rate=1e-12, batch_size=4, max_iter=3)
    assert training.history["loss"][1] == pytest.approx(expected, rel=1e-5)


def test_many_held_out_rows_are_looked_at_less_often():
    training = run(
        make_network(), make_rows(), make_rows(n=321), max_iter=100, batch_size=8
    )
    assert training.history["iteration"] == [0, 41, 82, 100]


def test_held_out_rows_are_read_in_blocks(monkeypatch):
    network, rows = make_network(), make_rows(weighted=True)
    whole = mean_loss(network, rows)
    monkeypatch.setattr(mlp, "BLOCK", 7)
    assert mean_loss(network, rows) == pytest.approx(whole, rel=1e-6)


@pytest.mark.parametrize("stopping", [False, True])
def test_an_interrupt_keeps_the_best_so_far(monkeypatch, stopping):
    network, rows = make_network(), make_rows()
    held_out = make_rows(seed=1) if stopping else None
    gradient, calls = Network.gradient, []

    def interrupted(self, batch):
        calls.append(len(batch.X))
        if len(calls) == 61:
            raise KeyboardInterrupt
        return gradient(self, batch)

    monkeypatch.setattr(Network, "gradient", interrupted)
    training = run(network, rows, held_out)
    assert training.interrupted
    assert training.n_iter == 60
    assert training.history["iteration"] == [0, 25, 50]
    if stopping:
        assert mean_loss(network, held_out) == min(training.history["validation_loss"])
    else:
        assert training.best_iter == 60


def test_same_seed_same_network(random_state_untouched):
    vectors = []
    for seed in (0, 0, 1):
        network = make_network(seed=seed)
        run(network, make_rows(), make_rows(seed=1))
        vectors.append(network.vector)
    assert torch.equal(vectors[0], vectors[1])
    assert not torch.equal(vectors[0], vectors[2])


@pytest.mark.gpu
@pytest.mark.parametrize("norm_epsilon", [None, EPSILON])
def test_same_draws_on_the_gpu(norm_epsilon):
    vectors = []
    for name in ("cpu", "cuda"):
        device = torch.device(name)
        network = Network((3, 8, 6, 2), norm_epsilon, device, 0)
        rows = Rows.of(*(part.numpy() for part in make_rows()[:2]), None, device)
        run(network, rows, rows, max_iter=50)
        vectors.append(network.vector.cpu())
    assert_allclose(vectors[1], vectors[0], rtol=1e-2, atol=1e-3)
