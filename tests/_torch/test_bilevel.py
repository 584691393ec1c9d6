"""The bilevel learner: gradients, and what a step does."""

from itertools import pairwise

import numpy as np
import pytest
import torch
from scipy.optimize import approx_fprime
from torch import nn
from torch.func import functional_call

from skmix._torch.bilevel import (
    BilevelLearner,
    LogLoss,
    Manipulation,
    Rows,
    backward_along,
    forward_along,
    huber_loss,
    make_rows,
)

ETA = 0.1


def network(seed=0, sizes=(3, 5, 4)):
    """A small network in float64, smooth so that finite differences hold."""
    torch.manual_seed(seed)
    layers = [nn.Linear(a, b) for a, b in pairwise(sizes)]
    return nn.Sequential(layers[0], nn.Tanh(), layers[1]).double()


def rows(n, seed, n_classes=4):
    rng = np.random.RandomState(seed)
    return Rows(
        torch.arange(n),
        torch.tensor(rng.normal(size=(n, 3))),
        torch.tensor(rng.randint(n_classes, size=(n, 1))),
        torch.ones(n, dtype=torch.float64),
    )


def ahead(net, batch, weight, held_out, X=None):
    """Validation loss after one step, by differentiable operations throughout."""
    X = batch.X if X is None else X
    loss = LogLoss([4])
    parameters = dict(net.named_parameters())
    total = (weight * loss(net(X), batch.Y)).sum()
    gradient = torch.autograd.grad(total, list(parameters.values()), create_graph=True)
    moved = {
        name: value - ETA * g
        for (name, value), g in zip(parameters.items(), gradient, strict=True)
    }
    outputs = functional_call(net, moved, (held_out.X,))
    return loss(outputs, held_out.Y).mean()


class Stretch(Manipulation):
    """Stretches rows by a learned factor, and keeps the gradient of each move."""

    def __init__(self, shift):
        super().__init__()
        self.shift = nn.Parameter(shift.detach().clone())

    def rows(self, rows):
        return rows._replace(X=rows.X * (1 + self.shift))

    def move(self, surrogate):
        super().move(surrogate)
        self.found = self.shift.grad.clone()


class Unmoved(Manipulation):
    """Looks ahead, and changes nothing."""

    learns = True

    def move(self, surrogate):
        self.surrogate = surrogate


def learner(net, held_out, manipulation=None, batch=None, **settings):
    defaults = {"momentum": 0.0, "weight_decay": 0.0, "batch_size": 100, "warm_up": 0}
    return BilevelLearner(
        net,
        Unmoved() if manipulation is None else manipulation,
        LogLoss([4]),
        held_out if batch is None else batch,
        held_out,
        learning_rate=ETA,
        seed=0,
        **{**defaults, **settings},
    )


@pytest.mark.parametrize("along", [forward_along, backward_along])
def test_gradient_in_weights_is_that_through_the_update(along):
    net, batch, held_out = network(), rows(7, 0), rows(6, 1)
    weight = torch.rand(7, dtype=torch.float64, requires_grad=True)
    (wanted,) = torch.autograd.grad(ahead(net, batch, weight, held_out), weight)
    losses = LogLoss([4])(net(batch.X), batch.Y)
    gradient = torch.autograd.grad(
        (weight.detach() * losses).sum(), list(net.parameters())
    )
    v = learner(net, held_out).validation_gradient(gradient)
    again, teaching = along(net, LogLoss([4]), batch, weight, v)
    (found,) = torch.autograd.grad(-ETA * teaching, weight)
    torch.testing.assert_close(found, wanted)
    torch.testing.assert_close(again, losses)

    def by_numbers(w):
        return ahead(net, batch, torch.tensor(w), held_out).item()

    differences = approx_fprime(weight.detach().numpy(), by_numbers, 1e-6)
    assert np.allclose(found, differences, atol=1e-6)


def test_gradient_in_what_moves_rows_is_that_through_the_update():
    net, batch, held_out = network(), rows(7, 0), rows(6, 1)
    shift = torch.full((3,), 0.3, dtype=torch.float64, requires_grad=True)
    weight = torch.full((7,), 1 / 7, dtype=torch.float64)

    def moved(s):
        return batch.X * (1 + s)

    (wanted,) = torch.autograd.grad(
        ahead(net, batch, weight, held_out, moved(shift)), shift
    )

    manipulation = Stretch(shift)
    one = learner(net, held_out, manipulation, batch)
    one._look_ahead(batch)
    torch.testing.assert_close(manipulation.found, wanted)

    def by_numbers(s):
        X = moved(torch.tensor(s))
        return ahead(net, batch, weight, held_out, X).item()

    differences = approx_fprime(shift.detach().numpy(), by_numbers, 1e-6)
    assert np.allclose(manipulation.found, differences, atol=1e-6)


def test_a_plain_manipulation_is_plain_training():
    held_out, batch = rows(6, 1), rows(8, 2)
    net, twin = network(), network()
    settings = {"momentum": 0.9, "weight_decay": 0.5}
    one = learner(net, held_out, Manipulation(), batch, **settings)
    velocity = [0.0] * 4
    for _ in range(2):
        report = one.step()
        loss = LogLoss([4])(twin(batch.X), batch.Y).mean()
        gradient = torch.autograd.grad(loss, list(twin.parameters()))
        with torch.no_grad():
            for k, parameter in enumerate(twin.parameters()):
                velocity[k] = 0.9 * velocity[k] + gradient[k] + 0.5 * parameter
                parameter -= ETA * velocity[k]
    for a, b in zip(net.parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(a, b)
    assert report["loss"] == pytest.approx(loss.item())
    after = LogLoss([4])(twin(held_out.X), held_out.Y).mean()
    assert report["objective"] == pytest.approx(after.item())


def test_a_parameter_that_nothing_uses_has_no_part_in_the_pass_backwards():
    class Spare(nn.Module):
        def __init__(self):
            super().__init__()
            self.spare = nn.Parameter(torch.ones(2, dtype=torch.float64))
            self.net = network()

        def forward(self, X):
            return self.net(X)

    net, batch, loss = Spare(), rows(7, 0), LogLoss([4])
    v = [torch.ones_like(p) for p in net.parameters()]
    _, found = backward_along(net, loss, batch, batch.weight, v)
    gradient = torch.autograd.grad(
        loss(net(batch.X), batch.Y).sum(), list(net.net.parameters())
    )
    torch.testing.assert_close(found, sum(part.sum() for part in gradient))
    one, same = learner(net, rows(6, 1)), learner(network(), rows(6, 1))
    assert one.step() == same.step()


def test_recurrent_layers_fall_back_on_a_pass_backwards():
    class Recurrent(nn.Module):
        def __init__(self):
            super().__init__()
            self.lstm = nn.LSTM(1, 4, batch_first=True)
            self.output = nn.Linear(4, 4)

        def forward(self, X):
            hidden, _ = self.lstm(X[:, :, None])
            return self.output(hidden[:, -1])

    torch.manual_seed(0)
    net = Recurrent().double()
    one = learner(net, rows(6, 1))
    assert one.forward_along in (forward_along, backward_along)
    one.step()


class Hidden(nn.Module):
    """Dropout that no layer tells of."""

    def forward(self, X):
        return nn.functional.dropout(X, training=self.training)


@pytest.mark.parametrize("layer", [nn.BatchNorm1d(5), nn.Dropout(0.5), Hidden()])
def test_layers_that_differ_in_training_are_trained_in_training_mode(layer):
    torch.manual_seed(0)
    net = nn.Sequential(nn.Linear(3, 5), layer, nn.Tanh(), nn.Linear(5, 4)).double()
    modes = []
    layer.register_forward_hook(lambda module, *_: modes.append(module.training))
    one = learner(net, rows(6, 1), batch=rows(8, 2))
    modes.clear()
    one.step()
    # Looked at ahead: losses, validation, tangents; then the step; then the objective.
    assert modes == [False, False, False, True, False]
    assert not net.training


def test_log_loss_is_the_mean_over_outputs():
    torch.manual_seed(0)
    outputs = torch.randn(6, 5)
    Y = torch.tensor([[0, 2], [1, 0], [1, 1], [0, 0], [1, 2], [0, 1]])
    p, q = outputs[:, :2].softmax(1), outputs[:, 2:].softmax(1)
    each = torch.arange(6)
    wanted = -(p[each, Y[:, 0]].log() + q[each, Y[:, 1]].log()) / 2
    torch.testing.assert_close(LogLoss([2, 3])(outputs, Y), wanted)


def test_huber_loss_by_hand():
    outputs, Y = torch.tensor([[0.5, 3.0]]), torch.zeros(1, 2)
    # 0.5 * 0.5^2 and 3 - 0.5, in the mean.
    assert huber_loss(outputs, Y).tolist() == [pytest.approx((0.125 + 2.5) / 2)]


def test_validation_rows_are_drawn_where_there_are_more_than_a_batch():
    net, held_out = network(), rows(50, 1)
    one = learner(net, held_out, batch_size=8)
    nothing = [torch.zeros_like(p) for p in net.parameters()]
    torch.manual_seed(0)
    first = one.validation_gradient(nothing)
    second = one.validation_gradient(nothing)
    assert not torch.equal(first[0], second[0])
    whole = learner(net, held_out, batch_size=50).validation_gradient(nothing)
    loss = LogLoss([4])(net(held_out.X), held_out.Y).mean()
    torch.testing.assert_close(
        whole[0], torch.autograd.grad(loss, list(net.parameters()))[0]
    )


def test_validation_rows_count_by_their_weights():
    net, loss = network(), LogLoss([4])
    weight = torch.tensor([0.0, 0.5, 1.0, 2.0, 3.0, 5.0], dtype=torch.float64)
    held_out = rows(6, 1)._replace(weight=weight)
    losses = loss(net(held_out.X), held_out.Y)
    mean = (weight * losses).sum() / 11.5
    one = learner(net, held_out)
    assert one.mean_loss(held_out) == pytest.approx(mean.item())
    nothing = [torch.zeros_like(p) for p in net.parameters()]
    wanted = torch.autograd.grad(mean, list(net.parameters()))
    torch.testing.assert_close(one.validation_gradient(nothing), wanted)


def test_a_manipulation_is_not_moved_before_warm_up_is_over():
    shift = torch.full((3,), 0.3, dtype=torch.float64)
    manipulation = Stretch(shift)
    one = learner(network(), rows(6, 1), manipulation, rows(8, 2), warm_up=2)
    for _ in range(2):
        one.step()
        assert torch.equal(manipulation.shift, shift)
    one.step()
    # The first step of Adam is of its step size.
    assert (manipulation.shift - shift).abs().tolist() == pytest.approx(
        [0.01] * 3, rel=1e-3
    )


@pytest.mark.parametrize("n_before", [1, 3])
def test_state_goes_on_as_if_nothing_had_happened(n_before):
    # Once before the manipulation has moved, and once when Adam remembers something.
    settings = {"batch_size": 4, "momentum": 0.9, "warm_up": 2}

    def make():
        manipulation = Stretch(torch.full((3,), 0.3, dtype=torch.float64))
        return learner(network(), rows(6, 1), manipulation, rows(20, 2), **settings)

    whole, first, second = make(), make(), make()
    for _ in range(5):
        whole.step()
    for _ in range(n_before):
        first.step()
    # Whatever it has been through.
    for _ in range(4):
        second.step()
    second.load_state(first.state())
    reports = [second.step() for _ in range(5 - n_before)]
    assert reports[-1]["objective"] == pytest.approx(whole.mean_loss(whole.held_out))
    assert (whole.manipulation.shift - 0.3).abs().max() > 0.1
    for part in ("network", "manipulation"):
        pairs = zip(
            getattr(whole, part).parameters(),
            getattr(second, part).parameters(),
            strict=True,
        )
        assert all(torch.equal(a, b) for a, b in pairs)


def test_divergence_is_an_error():
    net = network()
    one = learner(net, rows(6, 1))
    with torch.no_grad():
        next(net.parameters()).fill_(float("nan"))
    with pytest.raises(ValueError, match=r"diverged with learning_rate=0.1"):
        one.step()


def test_rows_of_whole_numbers_stay_whole():
    made = make_rows(
        np.array([[1, 2]]), np.array([[0.5]]), np.array([3.0]), torch.device("cpu")
    )
    assert made.X.dtype == torch.int64
    assert made.Y.dtype == torch.float32
    assert made.weight.tolist() == [1.0]


def test_global_random_state_is_left_alone(random_state_untouched):
    class Noise(Manipulation):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.tensor(0.1, dtype=torch.float64))

        def rows(self, rows):
            return rows._replace(X=rows.X + self.scale * torch.randn_like(rows.X))

    with torch.random.fork_rng(devices=[]):
        net = network()
    learner(net, rows(6, 1), Noise()).step()
