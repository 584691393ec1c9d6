"""REINFORCE on problems small enough to be solved exactly."""

from itertools import product

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skmix._torch.reinforce import ReinforceLearner, log_policy

N = 3
# The held-out loss of every choice among three rows: no structure at all.
LOSS_OF = dict(
    zip(
        product([0, 1], repeat=N),
        [0.3, 1.1, 0.7, 0.2, 0.9, 0.4, 1.5, 0.6],
        strict=True,
    )
)
ROWS = np.array([[0.5, -1.0], [1.0, 0.3], [-0.7, 0.8]])


def evaluate(rows, selections, seeds):
    """Row i makes mix i alone."""
    return [
        LOSS_OF[tuple(int(i in selection) for i in range(N))]
        for selection in selections
    ]


def make_learner(hidden_layer_sizes=(), **changes):
    settings = {
        "evaluate": evaluate,
        "n_rollouts": 1,
        "leave_one_out": False,
        "window": 20,
        "reward_scale": 2.0,
        "hidden_layer_sizes": hidden_layer_sizes,
        "learning_rate": 0.01,
        "batch_size": 100,
        "device": torch.device("cpu"),
        "seed": 0,
        **changes,
    }
    return ReinforceLearner(
        ROWS, np.array([[0, 1]]), [np.arange(N)[:, None]], **settings
    )


def expected_loss(learner):
    """The mean loss under the policy, over all eight choices."""
    logits = learner.network(learner.rows, torch.zeros(N, dtype=torch.int64))
    choices = torch.tensor(list(LOSS_OF), dtype=torch.bool)
    losses = torch.tensor(list(LOSS_OF.values()))
    return logits, choices, losses, (log_policy(logits, choices).exp() @ losses)


def gradient(learner, objective):
    parameters = list(learner.network.parameters())
    grads = torch.autograd.grad(objective, parameters, retain_graph=True)
    return torch.cat([g.flatten() for g in grads])


def test_log_policy_by_hand():
    logits = torch.tensor([0.0, 2.0])
    h = 1 / (1 + np.exp(-2.0))
    chosen = torch.tensor([[True, False], [False, True], [True, True]])
    expected = [np.log(0.5 * (1 - h)), np.log(0.5 * h), np.log(0.5 * h)]
    assert_allclose(log_policy(logits, chosen), expected, rtol=1e-6)


@pytest.mark.parametrize("base", [0.0, 0.7])
def test_expected_gradient_is_exact_whatever_the_baseline(base):
    """Summed over all choices, each as likely as it is."""
    learner = make_learner((4,))
    logits, choices, losses, mean = expected_loss(learner)
    log_pi = log_policy(logits, choices)
    score = (log_pi.detach().exp() * (losses - base)) @ log_pi
    assert_allclose(gradient(learner, score), gradient(learner, mean), atol=1e-7)


@pytest.mark.parametrize(
    "changes",
    [{}, {"n_rollouts": 3}, {"n_rollouts": 3, "leave_one_out": True}],
    ids=["one rollout", "three", "leave one out"],
)
def test_gradients_of_steps_average_to_the_exact_one(changes):
    learner = make_learner((4,), **changes)
    exact = gradient(learner, expected_loss(learner)[-1]).numpy()
    seen = []
    # The network stays where it is.
    learner.descend = lambda objective: seen.append(gradient(learner, objective))
    for _ in range(3000):
        learner.step()
    # The baseline is not yet an average in the beginning.
    sample = torch.stack(seen[500:]).numpy() / learner.reward_scale
    error = sample.std(axis=0) / len(sample) ** 0.5 + 1e-9
    assert (np.abs(sample.mean(axis=0) - exact) < 4 * error).all()
    # Another gradient than zero, beyond doubt.
    assert (np.abs(exact) / error).max() > 8


def test_leaving_one_out_lowers_the_variance():
    spread = {}
    for leave_one_out in (False, True):
        learner = make_learner((4,), n_rollouts=4, leave_one_out=leave_one_out)
        learner.window = 10**9  # no moving average
        seen = []
        learner.descend = lambda o, seen=seen, own=learner: seen.append(
            gradient(own, o)
        )
        for _ in range(500):
            learner.step()
        spread[leave_one_out] = torch.stack(seen).var(dim=0).sum()
    assert spread[True] < 0.7 * spread[False]


def test_baseline_scale_and_update_by_hand():
    """Two iterations of Algorithm 1 with a linear network, in NumPy."""
    C, W, alpha = 2.0, 20, 0.01
    learner = make_learner(reward_scale=C, window=W, learning_rate=alpha)
    (layer,) = learner.network.layers
    # One-hot options enter as a further input, which is always 1 here.
    inputs = np.column_stack([ROWS, np.ones(N)])
    theta = np.append(layer.weight.detach().numpy().ravel(), layer.bias.item())
    first = second = 0.0
    base = 0.0
    chosen_rows = []
    act = learner.act

    def recorded(logits, n_times):
        chosen = act(logits, n_times)
        chosen_rows.append((chosen[0].numpy(), logits.detach().numpy()))
        return chosen

    learner.act = recorded
    order = []
    draw = learner.draw

    def recorded_draw():
        drawn = draw()
        order.append(drawn.batch.numpy())
        return drawn

    learner.draw = recorded_draw
    for step in (1, 2):
        report = learner.step()
        (chosen, logits), rows = chosen_rows[-1], order[-1]
        X = np.column_stack([inputs[rows], np.ones(N)])
        assert_allclose(logits, X @ theta, rtol=1e-5)
        h = 1 / (1 + np.exp(-X @ theta))
        action = np.zeros(N, int)
        action[rows[chosen]] = 1
        loss = LOSS_OF[tuple(action)]
        assert report["objective"] == pytest.approx(loss)
        # grad log pi of a logistic policy is sum (a - h) x.
        g = C * (loss - base) * ((chosen - h) @ X)
        base = (W - 1) / W * base + loss / W
        assert report["baseline"] == pytest.approx(base)
        first = 0.9 * first + 0.1 * g
        second = 0.999 * second + 0.001 * g**2
        step_size = alpha / (1 - 0.9**step)
        theta -= step_size * first / (np.sqrt(second / (1 - 0.999**step)) + 1e-8)
        found = np.append(layer.weight.detach().numpy().ravel(), layer.bias.item())
        assert_allclose(found, theta, rtol=1e-5)


def test_moves_to_the_best_choice():
    learner = make_learner((8,), n_rollouts=8, leave_one_out=True, learning_rate=0.03)
    for _ in range(200):
        learner.step()
    # Only the last two rows: a loss of 0.2.
    assert_array_equal(learner.probabilities().ravel() > 0.5, [False, True, True])
    assert learner.losses_of([np.array([1, 2]), np.array([], int)]) == [0.2, 0.3]


def test_state_carries_the_baseline():
    straight = make_learner((4,))
    for _ in range(5):
        straight.step()
    resumed = make_learner((4,), seed=9)
    resumed.load_state(straight.state())
    reports = [[learner.step() for _ in range(5)] for learner in (straight, resumed)]
    assert reports[0] == reports[1]
    assert_array_equal(straight.probabilities(), resumed.probabilities())
