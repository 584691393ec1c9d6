import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

import skmix._torch.adamixup as adamixup
from skmix._torch.adamixup import (
    RANGE_RATE,
    AdaMixupLearner,
    AdaMixupNetwork,
    adamixup_losses,
)

CPU = torch.device("cpu")


def make_data(n=20, n_features=3, n_targets=2, seed=0):
    rng = np.random.RandomState(seed)
    return rng.normal(size=(n, n_features)), rng.normal(size=(n, n_targets))


def make_learner(Z, targets, seed=0, **changes):
    settings = {
        "hidden_layer_sizes": (8,),
        "learning_rate": 1e-2,
        "batch_size": 256,
        "device": CPU,
        "seed": seed,
        **changes,
    }
    return AdaMixupLearner(Z, targets, **settings)


def every_pair(n):
    first, second = np.nonzero(~np.eye(n, dtype=bool))
    return first, second


def forward(policy, part, inputs):
    """Output of a network with one hidden layer, in NumPy."""
    hidden = inputs @ policy[f"{part}.0.weight"].T + policy[f"{part}.0.bias"]
    outputs = np.maximum(hidden, 0) @ policy[f"{part}.2.weight"].T
    return outputs + policy[f"{part}.2.bias"]


def softmax(logits):
    return np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)


@pytest.mark.parametrize("n_targets", [1, 2])
def test_losses_are_those_of_the_formula(n_targets):
    X, Y = make_data(n=5, n_targets=n_targets)
    partner = np.array([1, 2, 3, 4, 0])
    u = np.array([0.0, 0.3, 0.5, 0.9, 1.0])
    network = AdaMixupNetwork(3, n_targets, (4,), seed=0).double()
    policy = {name: array.numpy() for name, array in network.state_dict().items()}

    pairs = np.hstack([X, Y, X[partner], Y[partner]])
    alpha, delta, _ = softmax(forward(policy, "range_generator", pairs)).T
    ratio = (alpha + delta * u)[:, None]
    X_mix = ratio * X + (1 - ratio) * X[partner]
    Y_mix = ratio * Y + (1 - ratio) * Y[partner]
    real, mixed = (forward(policy, "predictor", rows) for rows in (X, X_mix))
    is_real, is_mixed = (1 / (1 + np.exp(-out[:, -1])) for out in (real, mixed))

    with torch.no_grad():
        losses = adamixup_losses(
            network, *(torch.as_tensor(array) for array in (X, Y, partner, u))
        )
    assert float(losses.real) == pytest.approx(((real[:, :-1] - Y) ** 2).mean())
    assert float(losses.mixed) == pytest.approx(((mixed[:, :-1] - Y_mix) ** 2).mean())
    assert float(losses.intrusion) == pytest.approx(
        -np.log(is_real).mean() - np.log(1 - is_mixed).mean()
    )


def test_ranges_get_the_gradient_of_their_mixes():
    data = (*make_data(), np.roll(np.arange(20), 1), np.linspace(0, 1, 20))
    tensors = [torch.as_tensor(array) for array in data]
    network = AdaMixupNetwork(3, 2, (4,), seed=0).double()
    bias = network.range_generator[-1].bias
    start = bias.detach().clone()

    def losses_at(place, step):
        with torch.no_grad():
            bias.copy_(start)
            bias[place] += step
            return np.array(
                [float(term) for term in adamixup_losses(network, *tensors)]
            )

    differences = [
        (losses_at(place, 1e-6) - losses_at(place, -1e-6)) / 2e-6 for place in range(3)
    ]
    losses_at(0, 0.0)
    gradients = [
        torch.autograd.grad(term, bias, retain_graph=True)[0].numpy()
        for term in adamixup_losses(network, *tensors)
    ]
    real, mixed, intrusion = gradients
    assert_allclose(np.stack(gradients, axis=1), differences, rtol=1e-5, atol=1e-9)
    assert_array_equal(real, 0.0)
    assert np.abs(mixed).max() > 1e-5
    assert np.abs(intrusion).max() > 1e-5


def test_step_reports_the_losses_of_both_mixes_of_two_rows():
    X, Y = np.array([[1.0], [-2.0]]), np.array([[0.5], [3.0]])
    learner = make_learner(X, Y, hidden_layer_sizes=(2,))
    policy = {name: np.zeros_like(a) for name, a in learner.policy().items()}
    # Ranges that are all but a point: 3 parts of the first row, 1 of the second.
    policy["range_generator.2.bias"] = np.array([np.log(3.0), -30.0, 0.0], np.float32)
    # Hidden units x and -x where positive: the prediction is |x|, the logit x - 1.
    policy["predictor.0.weight"] = np.array([[1.0], [-1.0]], np.float32)
    policy["predictor.2.weight"] = np.array([[1.0, 1.0], [1.0, -1.0]], np.float32)
    policy["predictor.2.bias"] = np.array([0.0, -1.0], np.float32)
    learner.load_policy(policy)
    low, high = learner.ranges()(np.array([0, 1]), np.array([1, 0]))
    assert_allclose(low, 0.75)
    assert_allclose(high, 0.75)
    assert_allclose(learner.on_manifold(X), 1 / (1 + np.exp([0.0, 3.0])))

    # Mixes: x' = 0.25 and -1.25, y' = 1.125 and 2.375.
    real = ((1.0 - 0.5) ** 2 + (2.0 - 3.0) ** 2) / 2
    mixed = ((0.25 - 1.125) ** 2 + (1.25 - 2.375) ** 2) / 2
    intrusion = np.log1p(np.exp([0.0, 3.0])).mean()
    intrusion += np.log1p(np.exp([-0.75, -2.25])).mean()
    report = learner.step()
    assert report == pytest.approx(
        {
            "objective": real + mixed + intrusion,
            "loss_real": real,
            "loss_mixed": mixed,
            "loss_intrusion": intrusion,
        }
    )


def test_ranges_move_at_their_share_of_the_learning_rate():
    learner = make_learner(*make_data(), learning_rate=1e-3)
    before = learner.policy()
    learner.step()
    # The first step of Adam is the learning rate, in the direction of the gradient.
    for part, rate in (("predictor", 1e-3), ("range_generator", RANGE_RATE * 1e-3)):
        moved = [
            np.abs(after - before[name]).max()
            for name, after in learner.policy().items()
            if name.startswith(part)
        ]
        assert_allclose(moved, rate, rtol=1e-2)


@pytest.mark.parametrize("n_targets", [1, 3])
def test_bounds_are_ordered_and_inside_0_and_1(n_targets):
    learner = make_learner(*make_data(n_targets=n_targets), learning_rate=0.05)
    for _ in range(20):
        learner.step()
    first, second = every_pair(20)
    low, high = learner.ranges()(first, second)
    assert low.shape == high.shape == (380,)
    assert low.dtype == high.dtype == np.float64
    assert (low > 0).all()
    assert (low < high).all()
    assert (high < 1).all()
    # Each pair has a range of its own, and so has each order of a pair.
    assert len(np.unique(low.round(6))) > 370
    assert np.abs(low + learner.ranges()(second, first)[1] - 1).max() > 1e-3


def test_bounds_and_probabilities_are_those_of_the_networks():
    X, Y = make_data()
    learner = make_learner(X, Y)
    first, second = np.array([3, 0, 7]), np.array([5, 19, 3])
    pairs = np.hstack([X[first], Y[first], X[second], Y[second]])
    shares = softmax(forward(learner.policy(), "range_generator", pairs))
    low, high = learner.ranges()(first, second)
    assert_allclose(low, shares[:, 0], rtol=1e-5)
    assert_allclose(high, shares[:, 0] + shares[:, 1], rtol=1e-5)
    logits = forward(learner.policy(), "predictor", X[:4])[:, -1]
    assert_allclose(learner.on_manifold(X[:4]), 1 / (1 + np.exp(-logits)), rtol=1e-5)


def test_blocks_change_nothing(monkeypatch):
    X, Y = make_data()
    learner = make_learner(X, Y)
    pairs = every_pair(20)
    whole = learner.ranges()(*pairs), learner.on_manifold(X)
    monkeypatch.setattr(adamixup, "BLOCK_SIZE", 7)
    assert_allclose(learner.ranges()(*pairs), whole[0], rtol=1e-5)
    assert_allclose(learner.on_manifold(X), whole[1], rtol=1e-5)
    nobody = np.array([], dtype=np.intp)
    assert [len(bound) for bound in learner.ranges()(nobody, nobody)] == [0, 0]


def three_lumps(seed, n_each=20):
    """Rows on a line: a lump of label -1 between two lumps of label 1."""
    rng = np.random.RandomState(seed)
    lump = np.repeat([0, 1, 2], n_each)
    x = np.array([0.0, 0.8, 2.0])[lump] + 0.1 * rng.normal(size=3 * n_each)
    y = np.where(lump == 1, -1.0, 1.0)
    x, y = ((values - values.mean()) / values.std() for values in (x, y))
    return x[:, None], y[:, None], lump


@pytest.mark.parametrize("seed", range(3))
def test_mixes_keep_off_a_lump_of_another_label(seed):
    x, y, lump = three_lumps(seed)
    left, middle, right = (x[lump == place].mean() for place in range(3))
    learner = make_learner(x, y, seed, hidden_layer_sizes=(64, 64), learning_rate=3e-3)
    first, second = every_pair(len(x))
    outer = (lump[first] + lump[second] == 2) & (lump[first] != 1)
    first, second = first[outer], second[outer]
    u = np.random.RandomState(0).uniform(size=len(first))

    def intruding(low, high):
        """Share of the mixes of the outer lumps that fall on the middle one."""
        ratio = (low + (high - low) * u)[:, None]
        x_mix = ratio * x[first] + (1 - ratio) * x[second]
        return (np.abs(x_mix - middle) < (right - left) / 8).mean()

    assert intruding(*learner.ranges()(first, second)) > 0.4
    reports = [learner.step() for _ in range(300)]
    uniform = intruding(0.0, 1.0)
    assert 0.2 < uniform < 0.3
    assert intruding(*learner.ranges()(first, second)) < uniform / 4

    gaps = np.array([[(left + middle) / 2], [(middle + right) / 2]])
    real = [learner.on_manifold(x[lump == place]).mean() for place in range(3)]
    assert min(real) > learner.on_manifold(gaps).max() + 0.25
    assert reports[-1]["objective"] < 0.5 * reports[0]["objective"]


@pytest.mark.parametrize("batch_size", [5, 256])
def test_same_seed_same_steps(batch_size):
    data = make_data()
    one, two, other = (
        make_learner(*data, seed=seed, batch_size=batch_size) for seed in (1, 1, 2)
    )
    reports = [[learner.step() for _ in range(5)] for learner in (one, two, other)]
    pairs = every_pair(20)
    assert reports[0] == reports[1] != reports[2]
    assert_array_equal(one.ranges()(*pairs), two.ranges()(*pairs))
    assert not np.allclose(one.ranges()(*pairs), other.ranges()(*pairs))


def test_state_carries_all_that_a_step_depends_on():
    data = make_data()
    straight, resumed = make_learner(*data, batch_size=7), make_learner(*data, seed=99)
    resumed.batch_size = 7
    for _ in range(7):
        straight.step()
    resumed.load_state(straight.state())
    assert [straight.step() for _ in range(7)] == [resumed.step() for _ in range(7)]
    pairs = every_pair(20)
    assert_array_equal(straight.ranges()(*pairs), resumed.ranges()(*pairs))


def test_policy_is_what_bounds_and_probabilities_come_from():
    X, Y = make_data()
    learner, other = make_learner(X, Y), make_learner(X, Y, seed=1)
    learner.step()
    policy = learner.policy()
    pairs = every_pair(20)
    expected = learner.ranges()(*pairs), learner.on_manifold(X)
    learner.step()
    for loaded in (learner, other):
        loaded.load_policy(policy)
        assert_array_equal(loaded.ranges()(*pairs), expected[0])
        assert_array_equal(loaded.on_manifold(X), expected[1])


def test_global_randomness_and_the_data_are_left_as_they_are():
    X, Y = make_data()
    for array in (X, Y):
        array.flags.writeable = False
    torch_state, numpy_state = torch.get_rng_state(), np.random.get_state()[1].copy()
    learner = make_learner(X, Y, batch_size=4)
    for _ in range(3):
        learner.step()
    learner.ranges()(*every_pair(20))
    learner.on_manifold(X)
    assert_array_equal(torch.get_rng_state(), torch_state)
    assert_array_equal(np.random.get_state()[1], numpy_state)
