"""The update rules of row weights, on two rows that can be computed by hand.

The model is theta x, the loss (theta x - y)^2 / 2, and theta is 1 at first. Rows are
(1, 0) and (1, 3), the validation row is (1, 0), and eta is 0.1.
"""

import numpy as np
import pytest
import torch
from torch import nn

from skmix._torch.bilevel import BilevelLearner, Rows
from skmix._torch.row_weights import (
    FLOOR,
    Hu,
    MetaNet,
    Normalized,
    Ren,
    linear,
)

ETA = 0.1
CPU = torch.device("cpu")
# Gradients of both losses at theta = 1: (theta - y) x.
G = np.array([1.0, -2.0])


def half_square(outputs, Y):
    return ((outputs - Y) ** 2 / 2).sum(dim=1)


def two_rows(weight=(1.0, 1.0)):
    return Rows(
        torch.arange(2),
        torch.ones(2, 1),
        torch.tensor([[0.0], [3.0]]),
        torch.tensor(weight),
    )


def run(manipulation, weight=(1.0, 1.0), n_epochs=1):
    """Train on the two rows; return theta."""
    model = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(1.0)
    held_out = Rows(torch.arange(1), torch.ones(1, 1), torch.zeros(1, 1), torch.ones(1))
    learner = BilevelLearner(
        model,
        manipulation,
        half_square,
        two_rows(weight),
        held_out,
        learning_rate=ETA,
        momentum=0.0,
        weight_decay=0.0,
        batch_size=2,
        warm_up=0,
        seed=0,
    )
    for _ in range(n_epochs):
        learner.step()
    return model.weight.item()


def derivative(weight):
    """dL / dw of the validation loss theta'^2 / 2 after a step by these weights."""
    ahead = 1 - ETA * (weight * G).sum()
    return -ETA * ahead * G


def test_normalized():
    method = Normalized(2, CPU, uniform_mix=0.0, step_size=0.5, inner_step_size=ETA)
    theta = run(method)
    by_share = derivative(np.array([0.5, 0.5]))
    # phi / sum phi at phi = (1, 1): the derivative less its mean, halved.
    by_phi = (by_share - by_share.mean()) / 2
    phi = 1 - 0.5 * 2 / ETA * by_phi
    assert method.phi.numpy() == pytest.approx(phi)
    share = phi / phi.sum()
    assert method.history[0] == pytest.approx(2 * share)
    assert theta == pytest.approx(1 - ETA * (share * G).sum())
    assert share[0] > share[1]


def test_normalized_does_not_fall_below_the_floor():
    method = Normalized(2, CPU, uniform_mix=0.0, step_size=50.0, inner_step_size=ETA)
    run(method)
    assert method.phi[1].item() == pytest.approx(FLOOR)


@pytest.mark.parametrize("temperature", [None, 0.5])
def test_hu(temperature):
    method = Hu(2, CPU, uniform_mix=0.0, decay=2.0, temperature=temperature, first=0.5)
    theta = run(method)
    phi = np.maximum(0.5 / 2 - derivative(np.array([0.5, 0.5])), 1e-5)
    assert method.phi.numpy() == pytest.approx(phi)
    if temperature is None:
        share = phi / phi.sum()
    else:
        share = np.exp(phi / temperature) / np.exp(phi / temperature).sum()
    assert method.history[0] == pytest.approx(2 * share)
    assert theta == pytest.approx(1 - ETA * (share * G).sum())


def test_hu_remembers():
    method = Hu(2, CPU, uniform_mix=0.0, decay=2.0, temperature=None, first=0.5)
    theta, phi = 1.0, np.array([0.5, 0.5])
    for _ in range(3):
        g = np.array([theta, theta - 3])
        phi = np.maximum(phi / 2 + ETA * (theta - ETA * (phi * g).sum()) * g, 1e-5)
        theta -= ETA * (phi / phi.sum() * g).sum()
    assert run(method, n_epochs=3) == pytest.approx(theta, rel=1e-5)
    assert method.phi.numpy() == pytest.approx(phi, rel=1e-4)


def test_ren():
    method = Ren(2, CPU, uniform_mix=0.0)
    theta = run(method)
    # Of no weights: the second row would raise the validation loss.
    assert method.phi.numpy() == pytest.approx(-derivative(np.zeros(2)))
    assert method.history[0] == pytest.approx([2.0, 0.0])
    assert theta == pytest.approx(1 - ETA * G[0])


@pytest.mark.parametrize(("uniform_mix", "wanted"), [(0.0, 1.0), (0.4, 1.08)])
def test_ren_makes_no_step_where_no_row_helps(uniform_mix, wanted):
    method = Ren(2, CPU, uniform_mix=uniform_mix)
    model = nn.Linear(1, 1, bias=False)
    with torch.no_grad():
        model.weight.fill_(1.0)
    rows = Rows(
        torch.arange(2), torch.ones(2, 1), torch.full((2, 1), 3.0), torch.ones(2)
    )
    held_out = Rows(torch.arange(1), torch.ones(1, 1), torch.zeros(1, 1), torch.ones(1))
    settings = {"momentum": 0.0, "weight_decay": 0.0, "batch_size": 2, "warm_up": 0}
    settings |= {"learning_rate": ETA, "seed": 0}
    learner = BilevelLearner(model, method, half_square, rows, held_out, **settings)
    learner.step()
    # But by what is mixed in: 0.2 of both, whose gradients are -2.
    assert model.weight.item() == pytest.approx(wanted)
    assert (method.phi < -0.1).all()
    assert method.history[0].tolist() == [0.0, 0.0]


def test_uniform_mix_is_what_training_sees_and_history_does_not():
    method = Ren(2, CPU, uniform_mix=0.4)
    theta = run(method)
    assert method.history[0] == pytest.approx([2.0, 0.0])
    assert theta == pytest.approx(1 - ETA * (0.8 * G[0] + 0.2 * G[1]))


def test_given_weights_multiply():
    method = Ren(2, CPU, uniform_mix=0.0)
    theta = run(method, weight=(0.5, 1.5))
    # A row of half the weight teaches half as much.
    assert method.phi.numpy() == pytest.approx(-derivative(np.zeros(2)) * [0.5, 1.5])
    assert theta == pytest.approx(1 - ETA * 0.5 * G[0])


def test_history_is_in_units_of_the_batch():
    method = Hu(5, CPU, uniform_mix=0.0, decay=2.0, temperature=None)
    method.phi[:] = torch.tensor([7.0, 1.0, 7.0, 2.0, 5.0])
    places = torch.tensor([3, 1, 4])
    batch = Rows(places, torch.ones(3, 1), torch.zeros(3, 1), torch.ones(3))
    weight = method.weights(batch, torch.ones(3))
    assert weight.tolist() == pytest.approx([0.25, 0.125, 0.625])
    method.end_epoch()
    method.phi[1] = 5.0
    method.weights(batch, torch.ones(3))
    method.end_epoch()
    # Three times the shares; 1 for a row that no batch has held.
    assert method.history[0] == pytest.approx([1, 0.375, 1, 0.75, 1.875])
    assert method.history[1] == pytest.approx([1, 1.25, 1, 0.5, 1.25])


def test_meta_net():
    method = MetaNet(
        2,
        CPU,
        uniform_mix=0.0,
        n_classes=[],
        Y=torch.zeros(2, 1),
        n_hidden=3,
        seed=0,
        learning_rate=0.01,
    )
    losses = half_square(torch.ones(2, 1), two_rows().Y)
    before = [p.detach().clone().requires_grad_() for p in method.layers.parameters()]
    names = [name for name, _ in method.layers.named_parameters()]

    def share_of(parameters):
        out = torch.func.functional_call(
            method.layers, dict(zip(names, parameters, strict=True)), losses[:, None]
        )[:, 0]
        return torch.softmax(5 * torch.tanh(out / 5), dim=0)

    share = share_of(before)
    ahead = 1 - ETA * (share * torch.tensor(G)).sum()
    gradient = torch.autograd.grad(ahead**2 / 2, before)
    # The first step of Adam is of its step size, against the sign of the gradient.
    wanted = [p - 0.01 * torch.sign(g) for p, g in zip(before, gradient, strict=True)]
    theta = run(method)
    for found, value, g in zip(
        method.layers.parameters(), wanted, gradient, strict=True
    ):
        moved = g.abs() > 1e-6
        torch.testing.assert_close(found[moved], value[moved], atol=1e-4, rtol=0)
    after = share_of([p.detach() for p in method.layers.parameters()]).numpy()
    assert theta == pytest.approx(1 - ETA * (after * G).sum(), rel=1e-5)


def test_meta_net_sees_how_frequent_a_class_is():
    Y = torch.tensor([[0], [0], [0], [1]])
    method = MetaNet(4, CPU, uniform_mix=0.0, n_classes=[2], Y=Y, n_hidden=3, seed=0)
    assert method.log_frequency[0].exp().tolist() == pytest.approx([0.75, 0.25])
    equal = torch.ones(4)
    weights = method.weights_of(equal, Y)
    assert weights[0] == weights[1] == weights[2] != weights[3]


def test_frequencies_of_several_outputs_are_averaged_and_none_is_zero():
    Y = torch.tensor([[0, 0], [0, 1], [0, 1], [1, 1]])
    settings = {"uniform_mix": 0.0, "n_hidden": 3, "seed": 0}
    method = MetaNet(4, CPU, n_classes=[3, 2], Y=Y, **settings)
    # The third class of the first output counts as if one row had it.
    frequency = np.log([0.75, 0.25, 0.25]), np.log([0.25, 0.75])
    new = np.array([[0, 0], [1, 1], [2, 0], [2, 1]])
    losses = np.array([0.1, 0.5, 1.0, 2.0])
    mean = (frequency[0][new[:, 0]] + frequency[1][new[:, 1]]) / 2
    first, _, second = method.layers
    W, b, w, c = (
        part.detach().double().numpy()
        for part in (first.weight, first.bias, second.weight, second.bias)
    )
    hidden = np.maximum(np.column_stack([losses, mean]) @ W.T + b, 0)
    wanted = np.exp(5 * np.tanh((hidden @ w[0] + c) / 5))
    found = method.weights_of(torch.tensor(losses).float(), torch.tensor(new))
    assert found == pytest.approx(wanted, rel=1e-5)
    assert np.ptp(found) > 0.01


def test_linear_shares():
    assert linear(torch.tensor([1.0, 3.0, -2.0])).tolist() == [0.25, 0.75, 0.0]
    assert linear(torch.tensor([-1.0, 0.0])).tolist() == [0.0, 0.0]
