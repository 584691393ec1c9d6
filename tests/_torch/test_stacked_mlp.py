"""Networks side by side are what each is alone: `mlp.train` is the reference."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skmix._torch import stacked_mlp
from skmix._torch.device import to_device
from skmix._torch.mlp import Network, make_rows, train
from skmix._torch.stacked_mlp import Batches, Scale, stack_size, train_stack

CPU = torch.device("cpu")
SIZES = (3, 8, 6, 2)
# Sums of float32 in another order, after some hundred updates: 7e-6 was seen.
CLOSE = {"rtol": 0, "atol": 1e-4}


def table(n=60, v=25, seed=0):
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n + v, 3))
    Y = np.column_stack([np.sin(X[:, 0]), X[:, 1] ** 2])
    Y += 0.3 * rng.normal(size=Y.shape)
    return (X[:n], Y[:n]), (X[n:], Y[n:])


def scale_of(factors, shifts, device=CPU):
    parts = (np.array(part)[:, None] for part in (factors, shifts))
    return Scale(*(to_device(part, device) for part in parts))


def settings(**changes):
    return {
        "learning_rate": 1e-2,
        "batch_size": 8,
        "max_iter": 400,
        "n_iter_no_change": 50,
        "early_stopping": True,
        "seeds": [3, 1, 4, 1, 5],
        **changes,
    }


def places_of(sizes=(60, 11, 8, 5, 41)):
    rng = np.random.RandomState(0)
    return [rng.permutation(60)[:size] for size in sizes]


def together(rows, held_out, places, scales, *, layer_norm=False, device=CPU, **named):
    networks = [Network(SIZES, layer_norm, seed) for seed in named["seeds"]]
    parts = [
        tuple(to_device(part, device) for part in pair) for pair in (rows, held_out)
    ]
    return train_stack(networks, parts[0], places, scales, parts[1], **named)


def alone(rows, held_out, places, factors, shifts, *, layer_norm=False, **named):
    """Outputs and numbers of updates of each network, one after the other."""
    stops = named.pop("early_stopping")
    results = []
    for number, seed in enumerate(named.pop("seeds")):
        own, own_held_out = (
            [
                part * factors[kind][number] + shifts[kind][number]
                for kind, part in enumerate(pair)
            ]
            for pair in (rows, held_out)
        )
        chosen = [part[places[number]] for part in own]
        trained = make_rows(*chosen, np.ones(len(chosen[0])), CPU)
        X_val, Y_val = own_held_out
        judged = make_rows(X_val, Y_val, np.ones(len(X_val)), CPU)
        network = Network(SIZES, layer_norm, seed)
        training = train(
            network, trained, judged if stops else None, seed=seed, **named
        )
        outputs = network(judged.tensors[0]).detach().numpy()
        results.append((outputs, training.n_iter, training.best_iter))
    return [np.array(part) for part in zip(*results, strict=True)]


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"layer_norm": True},
        {"early_stopping": False, "max_iter": 60},
        {"batch_size": 10_000},
        {"batch_size": 2, "max_iter": 35},
        {"max_iter": 1},
    ],
    ids=str,
)
def test_each_network_is_what_it_is_alone(changes, random_state_untouched):
    rows, held_out = table()
    rng = np.random.RandomState(1)
    factors = rng.uniform(0.5, 2, size=(5, 3)), rng.uniform(0.5, 2, size=(5, 2))
    shifts = rng.normal(size=(5, 3)), rng.normal(size=(5, 2))
    scales = [scale_of(*pair) for pair in zip(factors, shifts, strict=True)]
    named = settings(**changes)
    training = together(rows, held_out, places_of(), scales, **named)
    expected = alone(rows, held_out, places_of(), factors, shifts, **named)
    assert_allclose(training.outputs, expected[0], **CLOSE)
    assert_array_equal(training.n_iter, expected[1])
    assert_array_equal(training.best_iter, expected[2])


def unscaled(device=CPU, n_networks=5):
    return [
        scale_of(np.ones((n_networks, k)), np.zeros((n_networks, k)), device)
        for k in (3, 2)
    ]


def test_networks_stop_at_different_times():
    """What the other tests compare is not all the same."""
    training = together(*table(), places_of(), unscaled(), **settings())
    assert len(set(training.n_iter)) > 2
    assert (training.n_iter[training.n_iter < 400] > 50).all()
    assert (training.best_iter < training.n_iter).any()


def test_the_first_network_is_the_same_with_others_and_without():
    named = settings()
    training = together(*table(), places_of(), unscaled(), **named)
    named["seeds"] = named["seeds"][:1]
    single = together(*table(), places_of()[:1], unscaled(n_networks=1), **named)
    assert_allclose(single.outputs[0], training.outputs[0], **CLOSE)
    assert single.n_iter[0] == training.n_iter[0]


def test_held_out_rows_in_blocks(monkeypatch):
    expected = together(*table(), places_of(), unscaled(), **settings())
    monkeypatch.setattr(stacked_mlp, "BLOCK", 37)
    training = together(*table(), places_of(), unscaled(), **settings())
    assert_allclose(training.outputs, expected.outputs, **CLOSE)


def test_batches_are_drawn_as_they_are_alone():
    rows = np.array([7, 3, 11, 40, 5])
    drawn = Batches(rows, seed=3, width=2)
    got = [batch for _ in range(4) for batch in drawn.draw(2).tolist()]
    draw = stacked_mlp.draw_orders(5, seed=3)
    expected = [rows[next(draw)] for _ in range(3)]
    assert (
        got
        == [
            list(batch)
            for order in expected
            for batch in (order[:2], order[2:4], (order[4], -1))
        ][:8]
    )


def test_looks_are_rarer_where_many_rows_are_held_out():
    training = together(*table(v=321), places_of(), unscaled(), **settings(max_iter=41))
    # After ceil(321 / 8) updates, and no sooner.
    assert_array_equal(training.best_iter, 41)


@pytest.mark.parametrize("early_stopping", [False, True])
def test_one_that_diverges_is_refused(early_stopping):
    scales = unscaled()
    # The fourth network gets targets of another world.
    scales[1].factor[3] = 1e30
    named = settings(early_stopping=early_stopping, max_iter=30)
    with pytest.raises(ValueError, match="diverged with learning_rate="):
        together(*table(), places_of(), scales, **named)


def test_size_of_a_stack_by_hand(monkeypatch):
    # Weights 3 x 8 + 8 x 2, and three of each unit; a batch in 13 units.
    weights, batch = 5 * (24 + 16 + 30), 10 * (3 * 13 + 25 * 8)
    for room, expected in ((0, 1), (1, 1), (2.5, 2)):
        monkeypatch.setitem(
            stacked_mlp.STACK_BYTES, "cpu", room * 4 * (weights + batch)
        )
        assert stack_size((3, 8, 2), 10, CPU) == expected


@pytest.mark.gpu
@pytest.mark.parametrize("layer_norm", [False, True])
@pytest.mark.parametrize("early_stopping", [False, True])
def test_on_a_gpu(layer_norm, early_stopping):
    named = settings(layer_norm=layer_norm, early_stopping=early_stopping, max_iter=100)
    device = torch.device("cuda")
    on_cpu = together(*table(), places_of(), unscaled(), **named)
    on_gpu = together(*table(), places_of(), unscaled(device), device=device, **named)
    assert_allclose(on_gpu.outputs, on_cpu.outputs, rtol=1e-3, atol=1e-3)
    assert_array_equal(on_gpu.n_iter, on_cpu.n_iter)
