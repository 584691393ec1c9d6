import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

from skmix._torch import mlp
from skmix._torch.mlp import (
    Network,
    draw_batches,
    log_losses,
    make_rows,
    mean_loss,
    train,
)

CPU = torch.device("cpu")


def some_rows(n=30, p=3, t=2, *, weighted=False, seed=0, device=CPU):
    rng = np.random.RandomState(seed)
    weight = rng.uniform(0.5, 3, size=n) if weighted else np.ones(n)
    X = rng.normal(size=(n, p))
    Y = np.sin(X[:, :1]) + 0.1 * rng.normal(size=(n, t))
    return make_rows(X, Y, weight, device)


def some_network(sizes=(3, 8, 6, 2), *, layer_norm=False, seed=0):
    return Network(sizes, layer_norm, seed)


def run(network, rows, held_out=None, **changes):
    settings = {
        "learning_rate": 1e-2,
        "batch_size": 8,
        "max_iter": 200,
        "n_iter_no_change": 100,
        "seed": 0,
        **changes,
    }
    return train(network, rows, held_out, **settings)


def vector(network):
    return nn.utils.parameters_to_vector(network.parameters()).detach()


def interrupt(monkeypatch, update):
    """Let a KeyboardInterrupt fall into an update."""
    step, calls = torch.optim.Adam.step, []

    def interrupted(self):
        calls.append(self)
        if len(calls) == update:
            raise KeyboardInterrupt
        return step(self)

    monkeypatch.setattr(torch.optim.Adam, "step", interrupted)


def test_updates_are_those_of_adam_by_hand():
    """One hidden unit: y = v relu(w x + b) + c, its gradient and Adam in NumPy."""
    x, y = np.array([0.5, 1.0, -2.0, 3.0]), np.array([1.0, 0.0, 0.5, -1.0])
    weight = np.array([1.0, 2.0, 0.5, 4.0])
    theta = np.array([0.7, -0.4, 0.2, 0.1])  # w, v, b, c
    network = some_network((1, 1, 1))
    w, v, b, c = theta
    network.load(
        {
            "coefs": [np.array([[w]]), np.array([[v]])],
            "intercepts": [np.array([b]), np.array([c])],
            "norm_gains": [],
            "norm_shifts": [],
        }
    )
    rate, first, second = 0.05, np.zeros(4), np.zeros(4)
    for step in range(1, 6):
        w, v, b, c = theta
        hidden = np.maximum(w * x + b, 0)
        error = 2 * weight / weight.sum() * (v * hidden + c - y)
        on = (hidden > 0) * v * error
        gradient = np.array([on @ x, error @ hidden, on.sum(), error.sum()])
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        root = np.sqrt(second / (1 - 0.999**step))
        theta = theta - rate * first / (1 - 0.9**step) / (root + 1e-8)
    rows = make_rows(x[:, None], y[:, None], weight, CPU)
    run(network, rows, learning_rate=rate, max_iter=5)
    found = network.weights()
    layers = found["coefs"] + found["intercepts"]
    assert_allclose(np.concatenate([np.ravel(a) for a in layers]), theta, rtol=1e-5)


@pytest.mark.parametrize("layer_norm", [False, True])
def test_forward_by_hand(layer_norm):
    network = some_network((3, 4, 1), layer_norm=layer_norm)
    weights = network.weights()
    X = some_rows().tensors[0]
    hidden = X.numpy() @ weights["coefs"][0] + weights["intercepts"][0]
    if layer_norm:
        weights["norm_gains"] = [np.array([1.0, 2.0, -1.0, 0.5])]
        weights["norm_shifts"] = [np.array([0.0, 0.3, 1.0, -0.2])]
        network.load(weights)
        mean, variance = hidden.mean(axis=1), hidden.var(axis=1)
        normed = (hidden - mean[:, None]) / np.sqrt(variance + 1e-5)[:, None]
        hidden = normed * weights["norm_gains"][0] + weights["norm_shifts"][0]
    expected = np.maximum(hidden, 0) @ weights["coefs"][1] + weights["intercepts"][1]
    assert_allclose(network(X).detach(), expected, rtol=1e-5, atol=1e-6)


def test_initial_weights(random_state_untouched):
    weights = some_network((100, 50, 20, 1), layer_norm=True).weights()
    assert [coef.shape for coef in weights["coefs"]] == [(100, 50), (50, 20), (20, 1)]
    for coef, intercept in zip(weights["coefs"], weights["intercepts"], strict=True):
        bound = len(coef) ** -0.5
        assert max(abs(coef).max(), abs(intercept).max()) <= bound
        # The variance of a uniform distribution within +-a is a^2 / 3.
        assert coef.std() == pytest.approx(bound / 3**0.5, rel=0.25)
    assert [gain.tolist() for gain in weights["norm_gains"]] == [[1] * 50, [1] * 20]
    assert [shift.tolist() for shift in weights["norm_shifts"]] == [[0] * 50, [0] * 20]


def test_weights_are_copies_that_can_be_put_back():
    network = some_network(layer_norm=True)
    weights, before = network.weights(), vector(network).clone()
    run(network, some_rows(), max_iter=3)
    assert not torch.equal(vector(network), before)
    network.load(weights)
    assert_array_equal(vector(network), before)


def test_each_row_once_in_a_pass(random_state_untouched):
    batches = draw_batches(10, 4, seed=0)
    passes = [[next(batches) for _ in range(3)] for _ in range(2)]
    for batch in passes:
        assert [len(rows) for rows in batch] == [4, 4, 2]
        assert sorted(torch.cat(batch).tolist()) == list(range(10))
    assert passes[0][0].tolist() != passes[1][0].tolist()


def test_mean_loss_in_blocks(monkeypatch):
    network, rows = some_network(), some_rows(weighted=True)
    X, Y, weight = rows.tensors
    assert float(weight.mean()) == pytest.approx(1)
    errors = (network(X) - Y).detach().square().mean(dim=1)
    monkeypatch.setattr(mlp, "BLOCK", 7)
    expected = np.average(errors, weights=weight[:, 0])
    assert mean_loss(network, rows) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("weighted", [False, True])
def test_the_best_on_held_out_rows_is_kept(weighted):
    network = some_network()
    held_out = some_rows(seed=1, weighted=weighted)
    training = run(network, some_rows(), held_out, max_iter=1000)
    history = training.history
    losses = history["validation_loss"]
    best = int(np.argmin(losses))
    assert 0 < best < len(losses) - 1
    assert training.best_iter == history["iteration"][best]
    assert training.n_iter == history["iteration"][-1] == training.best_iter + 100
    assert mean_loss(network, held_out) == losses[best]


def test_stops_where_nothing_improves():
    training = run(
        some_network(), some_rows(), some_rows(), learning_rate=0.0, n_iter_no_change=60
    )
    # The first look is the best; the next after 60 updates more ends it.
    assert (training.n_iter, training.best_iter) == (100, 25)


@pytest.mark.parametrize(("max_iter", "looks"), [(10, [10]), (60, [25, 50, 60])])
def test_the_start_is_no_candidate(max_iter, looks):
    """A start that beats all that follows is lost all the same."""
    network, rows, held_out = some_network(), some_rows(), some_rows(seed=1)
    run(network, rows, held_out, max_iter=1000)
    start = mean_loss(network, held_out)
    training = run(network, rows, held_out, learning_rate=1.0, max_iter=max_iter)
    assert training.history["iteration"] == looks
    assert training.best_iter in looks
    losses = training.history["validation_loss"]
    assert mean_loss(network, held_out) == min(losses) > start


def test_without_held_out_rows_all_updates_are_made():
    network, rows = some_network(), some_rows(weighted=True)
    start = mean_loss(network, rows)
    training = run(network, rows, max_iter=60, batch_size=100, n_iter_no_change=1)
    assert (training.n_iter, training.best_iter) == (60, 60)
    assert set(training.history) == {"iteration", "loss"}
    assert training.history["iteration"] == [25, 50, 60]
    assert mean_loss(network, rows) < training.history["loss"][-1] < start


def test_history_has_the_mean_loss_over_the_batches():
    network, rows = some_network(), some_rows(n=12, weighted=True)
    expected = mean_loss(network, rows)
    training = run(network, rows, learning_rate=0.0, batch_size=4, max_iter=3)
    assert training.history["loss"] == [pytest.approx(expected, rel=1e-5)]


def test_many_held_out_rows_are_looked_at_less_often():
    training = run(
        some_network(), some_rows(), some_rows(n=321), max_iter=100, batch_size=8
    )
    assert training.history["iteration"] == [41, 82, 100]


@pytest.mark.parametrize("stopping", [False, True])
def test_an_interrupt_keeps_the_best_so_far(monkeypatch, stopping):
    network, held_out = some_network(), some_rows(seed=1) if stopping else None
    interrupt(monkeypatch, 61)
    training = run(network, some_rows(), held_out)
    assert training.interrupted
    assert training.n_iter == 60
    assert training.history["iteration"] == [25, 50]
    if stopping:
        assert mean_loss(network, held_out) == min(training.history["validation_loss"])
    else:
        assert training.best_iter == 60


def test_an_interrupt_before_the_first_look_keeps_the_latest(monkeypatch):
    network, latest = some_network(), some_network()
    run(latest, some_rows(), max_iter=4)
    interrupt(monkeypatch, 5)
    training = run(network, some_rows(), some_rows(seed=1))
    assert (training.n_iter, training.best_iter) == (4, 4)
    assert training.history == {"iteration": [], "loss": [], "validation_loss": []}
    assert_array_equal(vector(network), vector(latest))


@pytest.mark.parametrize("max_iter", [1, 50])
def test_a_training_that_diverges_on_held_out_rows_is_refused(max_iter):
    with pytest.raises(ValueError, match=r"diverged with learning_rate=1e\+30"):
        run(
            some_network(),
            some_rows(),
            some_rows(seed=1),
            learning_rate=1e30,
            max_iter=max_iter,
        )


def test_same_seeds_same_network(random_state_untouched):
    vectors = []
    for seeds in ((0, 0), (0, 0), (1, 0), (0, 1)):
        network = some_network(seed=seeds[0])
        run(network, some_rows(), some_rows(seed=1), seed=seeds[1])
        vectors.append(vector(network))
    assert torch.equal(vectors[0], vectors[1])
    assert not torch.equal(vectors[0], vectors[2])
    assert not torch.equal(vectors[0], vectors[3])


def some_classes(n=30, *, weighted=False, seed=0):
    """Rows of three classes, as whole numbers."""
    X, Y, weight = (tensor.numpy() for tensor in some_rows(n, seed=seed).tensors)
    if weighted:
        weight = np.random.RandomState(seed).uniform(0.5, 3, size=(n, 1))
    codes = np.digitize(Y[:, :1], [-0.5, 0.5])
    return make_rows(X, codes, weight[:, 0], CPU)


def test_classes_stay_whole_numbers():
    kinds = [tensor.dtype for tensor in some_classes().tensors]
    assert kinds == [torch.float32, torch.int64, torch.float32]


def test_log_losses_by_hand():
    logits = np.array([[0.0, 0.0, 0.0], [1.0, 3.0, -2.0], [500.0, 0.0, -500.0]])
    classes = np.array([[2], [1], [1]])
    losses = log_losses(torch.as_tensor(logits), torch.as_tensor(classes))
    odds = np.exp([1.0, 3.0, -2.0])
    expected = [[np.log(3)], [-np.log(odds[1] / odds.sum())], [500]]
    assert_allclose(losses, expected)


def test_mean_log_loss_in_blocks(monkeypatch):
    network, rows = some_network((3, 8, 3)), some_classes(weighted=True)
    X, Y, weight = rows.tensors
    losses = log_losses(network(X), Y).detach()
    monkeypatch.setattr(mlp, "BLOCK", 7)
    expected = np.average(losses, weights=weight)
    assert mean_loss(network, rows, log_losses) == pytest.approx(expected, rel=1e-5)


def test_training_on_classes_keeps_the_best():
    network, held_out = some_network((3, 8, 3)), some_classes(seed=1)
    start = mean_loss(network, held_out, log_losses)
    training = run(network, some_classes(), held_out, max_iter=1000, loss=log_losses)
    best = min(training.history["validation_loss"])
    assert mean_loss(network, held_out, log_losses) == best < start


def test_adam_goes_on_from_its_state():
    """In two parts as in one: with batches of all rows only their order differs."""
    whole, parts = some_network(), some_network()
    run(whole, some_rows(), max_iter=30, batch_size=100)
    first = run(parts, some_rows(), max_iter=10, batch_size=100)
    settings = {"max_iter": 20, "batch_size": 100}
    fresh = some_network()
    fresh.load(parts.weights())
    run(parts, some_rows(), adam_state=first.adam, **settings)
    assert_allclose(vector(parts), vector(whole), atol=1e-5)
    run(fresh, some_rows(), **settings)
    assert abs(vector(fresh) - vector(whole)).max() > 1e-3


def test_the_state_of_adam_is_that_of_the_weights_that_are_kept():
    network, other = some_network(), some_network()
    training = run(network, some_rows(), some_rows(seed=1), max_iter=1000)
    assert training.best_iter < training.n_iter
    again = run(other, some_rows(), max_iter=training.best_iter)
    assert torch.equal(vector(network), vector(other))
    assert set(training.adam) == set(again.adam)
    for name, array in training.adam.items():
        assert type(array) is np.ndarray
        assert_array_equal(array, again.adam[name])


def test_before_the_first_step_adam_has_no_state(monkeypatch):
    interrupt(monkeypatch, 1)
    network = some_network()
    training = run(network, some_rows())
    assert training.adam == {}
    run(network, some_rows(), adam_state=training.adam, max_iter=1)


@pytest.mark.gpu
@pytest.mark.parametrize("layer_norm", [False, True])
def test_same_draws_on_the_gpu(layer_norm):
    vectors = []
    for name in ("cpu", "cuda"):
        network = some_network(layer_norm=layer_norm).to(name)
        rows = some_rows(device=torch.device(name))
        run(network, rows, rows, max_iter=50)
        vectors.append(vector(network).cpu())
    assert_allclose(vectors[1], vectors[0], rtol=1e-2, atol=1e-3)
