import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skmix._core.actor import actor_actions
from skmix._torch.ddpg import DDPGLearner


def test_actions_by_hand():
    weights = {
        "0.weight": np.array([[1.0, 2.0], [-1.0, 0.0], [0.0, 1.0]]),
        "0.bias": np.array([0.5, 0.0, -3.0]),
        "2.weight": np.array([[2.0, -1.0, 5.0]]),
        "2.bias": np.array([-1.0]),
    }
    # Hidden units are (3.5, 0, 0) and (0, 3, 0): logits of 6 and -4.
    states = np.array([[1.0, 1.0], [-3.0, 1.0]])
    expected = 1 / (1 + np.exp([[-6.0], [4.0]]))
    assert_allclose(actor_actions(weights, states), expected)
    reordered = dict(reversed(weights.items()))
    assert_array_equal(actor_actions(reordered, states), actor_actions(weights, states))


@pytest.mark.parametrize("hidden_layer_sizes", [(), (7,), (64, 64), (5,) * 11])
def test_torch_acts_alike(hidden_layer_sizes):
    learner = DDPGLearner(
        None,
        4,
        3,
        hidden_layer_sizes=hidden_layer_sizes,
        device=torch.device("cpu"),
        seed=0,
    )
    states = 10 * np.random.RandomState(0).normal(size=(100, 4))
    actions = actor_actions(learner.policy(), states)
    assert actions.dtype == np.float64
    assert_allclose(actions, learner.act(states), rtol=1e-4)


def test_actions_far_out_are_bounds():
    weights = {"0.weight": np.array([[1.0]], np.float32), "0.bias": np.zeros(1)}
    states = np.array([[-1e4], [0.0], [1e4]])
    assert_array_equal(actor_actions(weights, states), [[0.0], [0.5], [1.0]])
