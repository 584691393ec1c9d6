import numpy as np
import pytest
import torch
from torch import nn

from skmix._torch.cut import (
    Cut,
    dropout_layers,
    evaluating,
    find_layers,
    last_inputs,
    mix,
)


class Residual(nn.Module):
    """Two convolutions with a connection around them."""

    def __init__(self, width):
        super().__init__()
        self.first = nn.Conv2d(width, width, 3, padding=1)
        self.norm = nn.BatchNorm2d(width)
        self.second = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x):
        return torch.relu(x + self.second(torch.relu(self.norm(self.first(x)))))


class SmallResNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(1, 4, 3, padding=1)
        self.block1 = Residual(4)
        self.block2 = Residual(4)
        self.head = nn.Linear(4, 3)

    def forward(self, x):
        return self.forward_between(x, 0, None)

    def forward_between(self, x, start, stop):
        layers = [
            lambda x: torch.relu(self.stem(x)),
            self.block1,
            self.block2,
            lambda x: self.head(x.mean(dim=(2, 3))),
        ]
        for layer in layers[start:stop]:
            x = layer(x)
        return x


class Around(nn.Module):
    """The second layer is passed by a connection from the input."""

    def __init__(self):
        super().__init__()
        self.one, self.two = nn.Linear(4, 4), nn.Linear(4, 4)
        self.three = nn.Linear(4, 2)

    def forward(self, x):
        return self.three(self.two(torch.relu(self.one(x))) + x)


class Twice(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.head = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.layer(self.layer(x)))


class ReadsBatchSize(nn.Module):
    def __init__(self):
        super().__init__()
        self.layer, self.head = nn.Linear(4, 4), nn.Linear(4, 2)

    def forward(self, x):
        n = x.shape[0]
        return self.head(self.layer(x).reshape(n, 4))


def make(kind, *args):
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        return kind(*args)


def rows(n, *shape, seed=0):
    return torch.randn(n, *shape, generator=torch.Generator().manual_seed(seed))


IMAGES, OTHERS = rows(5, 1, 6, 6), rows(5, 1, 6, 6, seed=1)
RATIO = torch.tensor([0.0, 0.2, 0.5, 0.7, 1.0])


# The stem hands on what its activation has not seen: a split of its own.
SPLITS = [("block1", 2), ("block2", 3)]


@pytest.mark.parametrize(("layer", "number"), SPLITS)
def test_mixing_by_hook_is_an_explicit_split_to_the_last_bit(layer, number):
    network = make(SmallResNet).eval()
    hooked, split = Cut(network, layer), Cut(network, number)
    hidden = [network.forward_between(batch, 0, number) for batch in (IMAGES, OTHERS)]
    by_hand = network.forward_between(mix(*hidden, RATIO), number, None)
    row = rows(1, 1, 6, 6, seed=2)
    for cut in (hooked, split):
        assert torch.equal(cut.hidden(IMAGES), hidden[0])
        mixed = mix(cut.hidden(IMAGES), cut.hidden(OTHERS), RATIO)
        assert torch.equal(cut.output(mixed, row), by_hand)
    assert torch.equal(
        hooked.mixed_output(IMAGES, OTHERS, RATIO),
        split.mixed_output(IMAGES, OTHERS, RATIO),
    )


def test_mixing_at_the_stem_is_a_split_before_its_activation():
    network = make(SmallResNet).eval()
    mixed = mix(network.stem(IMAGES), network.stem(OTHERS), RATIO)
    by_hand = network.forward_between(torch.relu(mixed), 1, None)
    found = Cut(network, "stem").output(mixed, IMAGES[:1])
    assert torch.equal(found, by_hand)


def test_mixing_at_the_input_is_that_of_rows():
    network = make(SmallResNet).eval()
    cut = Cut(network, "input")
    by_hand = network(
        RATIO.view(-1, 1, 1, 1) * IMAGES + (1 - RATIO).view(-1, 1, 1, 1) * OTHERS
    )
    assert torch.equal(cut.mixed_output(IMAGES, OTHERS, RATIO), by_hand)
    assert cut.hidden(IMAGES) is IMAGES


def test_gradients_of_a_mixed_pass_are_those_of_an_explicit_split():
    found = []
    for layer in ("block1", 2):
        network = make(SmallResNet).train()
        Cut(network, layer).mixed_output(
            IMAGES, OTHERS, RATIO
        ).square().sum().backward()
        found.append([p.grad.clone() for p in network.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*found, strict=True))
    # The first part is trained, too.
    assert found[0][0].abs().sum() > 0


def test_hooks_leave_the_network_as_it_was():
    network = make(SmallResNet)
    state = {name: value.clone() for name, value in network.state_dict().items()}
    cut = Cut(network, "block1")
    cut.check(IMAGES)
    with torch.no_grad(), evaluating(network):
        cut.output(cut.hidden(IMAGES), IMAGES[:1])
    find_layers(network, IMAGES)
    assert all(not m._forward_hooks for m in network.modules())
    assert network.training
    assert all(torch.equal(v, state[k]) for k, v in network.state_dict().items())


@pytest.mark.parametrize(
    ("kind", "layer", "what"),
    [
        (Around, "two", "leads around this layer"),
        (Around, "one", "leads around this layer"),
        (Twice, "layer", "more than once"),
        (ReadsBatchSize, "layer", "cannot be cut behind layer 'layer'"),
    ],
)
def test_a_network_that_cannot_be_cut_there_is_refused(kind, layer, what):
    network = make(kind)
    with pytest.raises(ValueError, match=what) as error:
        Cut(network, layer).check(rows(4, 4))
    assert "forward_between" in str(error.value)


def test_layers_that_are_not_there_are_named():
    network = make(SmallResNet)
    with pytest.raises(ValueError, match=r"layers holds 'block9'.*'block1'"):
        Cut(network, "block9")
    with pytest.raises(ValueError, match="has no method forward_between"):
        Cut(make(Twice), 1)


class Tuple(nn.Module):
    def __init__(self):
        super().__init__()
        self.gru, self.head = nn.GRU(3, 4, batch_first=True), nn.Linear(4, 2)

    def forward(self, x):
        return self.head(self.gru(x)[0][:, -1])


def test_a_layer_that_hands_on_several_tensors_is_refused():
    with pytest.raises(ValueError, match="does not hand on one tensor"):
        Cut(make(Tuple), "gru").check(rows(3, 5, 3))


def test_layers_are_found_behind_blocks():
    mlp = nn.Sequential(
        nn.Flatten(), nn.Linear(4, 5), nn.ReLU(), nn.Linear(5, 6), nn.Linear(6, 2)
    )
    assert find_layers(mlp, rows(3, 4)) == ["2", "3"]
    assert find_layers(make(SmallResNet), IMAGES) == ["stem", "block1", "block2"]
    assert find_layers(nn.Linear(4, 2), rows(3, 4)) == ["input"]
    assert find_layers(make(Around), rows(3, 4)) == ["input"]
    inner = nn.ModuleDict({"net": mlp})
    inner.forward = lambda x: mlp(x)
    assert find_layers(inner, rows(3, 4)) == ["net.2", "net.3"]


def test_last_inputs_are_those_of_the_last_layer():
    network = make(SmallResNet).eval()
    by_hand = network.forward_between(IMAGES, 0, 3).mean(dim=(2, 3))
    assert torch.equal(last_inputs(network, IMAGES), by_hand)


def test_modes_are_put_back():
    network = nn.Sequential(nn.Linear(2, 2), nn.Dropout(0.5), nn.BatchNorm1d(2))
    network.train()
    network[2].eval()
    inner = nn.Sequential(nn.Dropout2d(), nn.Linear(2, 2))
    inner.training = False  # the parts are not
    network.append(inner)
    modes = [m.training for m in network.modules()]
    with evaluating(network, dropout=True):
        assert not any(m.training for m in network.modules())
        hooks = [len(m._forward_hooks) for m in network.modules()]
        assert hooks == [0, 0, 1, 0, 0, 1, 0]
    assert [m.training for m in network.modules()] == modes
    assert not any(m._forward_hooks for m in network.modules())
    network = network[:3]
    assert [m.training for m in network] == [True, True, False]
    assert dropout_layers(network) == [network[1]]


def test_mix_by_hand():
    a, b = torch.tensor([[4.0, 0.0]]), torch.tensor([[0.0, 8.0]])
    np.testing.assert_allclose(mix(a, b, torch.tensor([0.25])), [[1.0, 6.0]])


def test_equal_rows_do_not_hide_what_leads_around_a_layer():
    assert find_layers(make(Around), torch.ones(4, 4)) == ["input"]
