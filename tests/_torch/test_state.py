import numpy as np
import pytest
import torch
from numpy.testing import assert_array_equal

from skmix._torch.state import NetworkState


class LinearLearner(NetworkState):
    """Fits y = w x + b by Adam to draws of x, with y = 2 x."""

    def __init__(self):
        self.network = torch.nn.Linear(1, 1)
        with torch.no_grad():
            for parameter in self.network.parameters():
                parameter.fill_(0.5)
        self.optimizer = torch.optim.Adam(self.network.parameters(), lr=0.1)
        self.generator = torch.Generator().manual_seed(0)

    def run(self, n_steps):
        for _ in range(n_steps):
            x = torch.randn(5, 1, generator=self.generator)
            self.optimizer.zero_grad()
            ((self.network(x) - 2 * x) ** 2).mean().backward()
            self.optimizer.step()
        return self.policy()["weight"].item(), self.policy()["bias"].item()


def frozen(state):
    """The state, in arrays that nobody can write to."""
    for array in state.values():
        array.flags.writeable = False
    return state


def test_state_names_its_parts():
    learner = LinearLearner()
    assert set(learner.state()) == {"network:weight", "network:bias", "generator"}
    learner.run(3)
    state = learner.state()
    assert state["optimizer:0:step"] == 3
    assert state["optimizer:1:exp_avg"].shape == (1,)
    assert_array_equal(state["network:weight"], learner.policy()["weight"])


@pytest.mark.parametrize("n_before", [0, 4])
@pytest.mark.parametrize("n_elsewhere", [0, 9])
def test_learner_goes_on_from_a_state_as_often_as_it_is_loaded(n_before, n_elsewhere):
    straight = LinearLearner()
    straight.run(n_before)
    state = frozen(straight.state())
    expected = straight.run(5)
    other = LinearLearner()
    other.run(n_elsewhere)
    for _ in range(2):
        other.load_state(state)
        assert other.run(5) == expected


def test_a_policy_that_was_handed_out_stays_as_it_was():
    learner = LinearLearner()
    policy = learner.policy()
    learner.run(5)
    assert policy["weight"] == 0.5
    assert learner.policy()["weight"] != 0.5
    learner.load_policy(frozen(policy))
    assert learner.policy()["weight"] == 0.5
    assert learner.state()["optimizer:0:step"] == 5
    learner.run(5)
    assert_array_equal(policy["weight"], np.full((1, 1), 0.5))
