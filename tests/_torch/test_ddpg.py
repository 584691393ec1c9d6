"""DDPG by hand, and on problems whose best actions are known."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skmix._torch.ddpg import (
    DDPGLearner,
    ReplayBuffer,
    Transitions,
    actor_loss,
    bellman_targets,
    critic_loss,
    follow,
    q_values,
)
from skmix._torch.state import load_network


def best_actions(states):
    return 0.5 + 0.3 * states * [1, -1]


class OneStep:
    """Each walk is one step; the reward tells how near the best action is."""

    def __init__(self, seed=0, noise_only=False, n_walkers=16):
        self.rng = np.random.RandomState(seed)
        self.noise_only = noise_only
        self.n_walkers = n_walkers

    def reset(self):
        self.states = self.rng.uniform(-1, 1, size=(self.n_walkers, 2))
        return self.states

    def step(self, actions):
        rewards = -((actions - best_actions(self.states)) ** 2).sum(axis=1)
        if self.noise_only:
            rewards = 0.3 * self.rng.normal(size=self.n_walkers)
        return self.reset(), rewards, np.ones(self.n_walkers, dtype=bool)


class Resumable(OneStep):
    """Can go back to where its draws were."""

    def state(self):
        _, keys, place, *_ = self.rng.get_state()
        return {"keys": keys, "place": np.array(place)}

    def load_state(self, state):
        self.rng.set_state(("MT19937", state["keys"], int(state["place"])))


class TwoSteps:
    """The first action is best near 0.2 at once, and near 0.8 for the step after."""

    def reset(self):
        self.states = np.zeros((16, 2))
        return self.states

    def step(self, actions):
        second, before = self.states.T
        now = actions[:, 0]
        rewards = np.where(second, -((before - 0.8) ** 2), -((now - 0.2) ** 2))
        self.states = np.column_stack([1 - second, (1 - second) * now])
        return self.states, rewards, second == 1


class Scripted:
    """Two walkers on a walk of three steps; the second one begins anew after one."""

    rewards = np.array([[1.0, 10.0], [2.0, 20.0], [4.0, 40.0]])
    done = np.array([[False, True], [False, False], [True, False]])

    def reset(self):
        self.actions = []
        return np.array([[0.0], [100.0]])

    def step(self, actions):
        self.actions.append(actions)
        now = len(self.actions)
        return (
            np.array([[0.0], [100.0]]) + now,
            self.rewards[now - 1],
            self.done[now - 1],
        )


def make_learner(environment=None, n_state=2, n_action=2, **changes):
    settings = {"device": torch.device("cpu"), "seed": 0, **changes}
    return DDPGLearner(environment or OneStep(), n_state, n_action, **settings)


def linear(*weights):
    """A linear layer with one output; the last weight is the intercept."""
    layer = torch.nn.Linear(len(weights) - 1, 1)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor([weights[:-1]]))
        layer.bias.copy_(torch.tensor(weights[-1:]))
    return layer


def vector(network):
    parts = [parameter.detach().cpu().flatten() for parameter in network.parameters()]
    return torch.cat(parts).numpy()


def gradient(loss, network):
    parts = torch.autograd.grad(loss, list(network.parameters()))
    return torch.cat([part.flatten() for part in parts])


BATCH = Transitions(
    states=torch.tensor([[1.0], [2.0]]),
    actions=torch.tensor([[0.5], [0.25]]),
    rewards=torch.tensor([1.0, -1.0]),
    next_states=torch.tensor([[3.0], [7.0]]),
    done=torch.tensor([0.0, 1.0]),
)


def test_critic_loss_by_hand():
    # In state 3 the actor's action is 3 / 4, of which the critic expects 3 - 1.5 + 0.5.
    target_actor, target_critic = linear(np.log(3) / 3, 0.0), linear(1.0, -2.0, 0.5)
    targets = bellman_targets(target_actor, target_critic, BATCH, discount=0.5)
    assert_allclose(targets, [1 + 0.5 * 2, -1], rtol=1e-6)
    assert not targets.requires_grad

    # Q is 2 + 2 - 1 and 4 + 1 - 1: 1 and 5 too much.
    critic = linear(2.0, 4.0, -1.0)
    assert_allclose(q_values(critic, BATCH.states, BATCH.actions).detach(), [3, 4])
    loss = critic_loss(critic, BATCH, targets)
    assert loss.item() == pytest.approx((1**2 + 5**2) / 2)
    by_hand = [1 * 1 + 5 * 2, 1 * 0.5 + 5 * 0.25, 1 + 5]
    assert_allclose(gradient(loss, critic), by_hand, rtol=1e-6)


def test_actor_loss_by_hand():
    # The action is 3 / 4 in all states; Q is 2 + 3 - 1 and 4 + 3 - 1.
    actor, critic = linear(0.0, np.log(3)), linear(2.0, 4.0, -1.0)
    loss = actor_loss(actor, critic, BATCH.states)
    assert loss.item() == pytest.approx(-5)
    slope = 4 * 0.75 * (1 - 0.75)
    assert_allclose(gradient(loss, actor), [-slope * (1 + 2) / 2, -slope], rtol=1e-6)


def test_targets_follow_by_hand():
    target, network = linear(1.0, 2.0, -4.0), linear(3.0, 2.0, 0.0)
    follow(target, network, tau=0.25)
    assert_allclose(vector(target), [1.5, 2.0, -3.0])
    assert_allclose(vector(network), [3.0, 2.0, 0.0])
    follow(target, network, tau=1.0)
    assert_allclose(vector(target), vector(network))


def test_updates_by_hand():
    """Three updates of linear networks by one transition, in NumPy."""
    rate, critic_rate, tau, discount = 0.02, 0.05, 0.1, 0.5
    learner = make_learner(
        n_state=1,
        n_action=1,
        hidden_layer_sizes=(),
        learning_rate=rate,
        critic_learning_rate=critic_rate,
        tau=tau,
        discount=discount,
    )
    s, a, r, after = 1.0, 0.5, 1.0, 3.0
    learner.buffer.add([[s]], [[a]], [r], [[after]], [False])
    start = {
        "network": [0.3, -0.2],
        "critic": [2.0, 4.0, -1.0],
        "target_actor": [-0.1, 0.4],
        "target_critic": [1.0, -2.0, 0.5],
    }
    for name, weights in start.items():
        arrays = {
            "0.weight": np.array([weights[:-1]]),
            "0.bias": np.array(weights[-1:]),
        }
        load_network(getattr(learner, name), arrays)
    actor, critic, target_actor, target_critic = map(np.array, start.values())

    def act(weights, state):
        return 1 / (1 + np.exp(-weights @ [state, 1]))

    memory = {"actor": np.zeros((2, 2)), "critic": np.zeros((2, 3))}

    def adam(name, slope, step, rate):
        memory[name] *= [[0.9], [0.999]]
        memory[name] += [0.1 * slope, 0.001 * slope**2]
        first, second = memory[name]
        spread = np.sqrt(second / (1 - 0.999**step)) + 1e-8
        return rate * first / (1 - 0.9**step) / spread

    for step in (1, 2, 3):
        later = target_critic @ [after, act(target_actor, after), 1]
        error = critic @ [s, a, 1] - (r + discount * later)
        critic -= adam("critic", 2 * error * np.array([s, a, 1]), step, critic_rate)
        # The actor learns from the critic as it has become.
        own = act(actor, s)
        q = critic @ [s, own, 1]
        slope = -critic[1] * own * (1 - own) * np.array([s, 1])
        actor -= adam("actor", slope, step, rate)
        target_actor += tau * (actor - target_actor)
        target_critic += tau * (critic - target_critic)
        assert_allclose(learner.update(), [error**2, q], rtol=1e-4)
        expected = (actor, critic, target_actor, target_critic)
        for name, weights in zip(start, expected, strict=True):
            assert_allclose(vector(getattr(learner, name)), weights, rtol=1e-4)


def numbered(*numbers):
    """Parts of transitions that all tell their number."""
    column = np.array(numbers, dtype=float)[:, None]
    actions = np.hstack([column, column + 0.1])
    return column, actions, column[:, 0], -column, column[:, 0] % 2 == 0


def test_the_latest_transitions_are_remembered():
    buffer = ReplayBuffer(4, n_state=1, n_action=2)
    cpu = torch.device("cpu")
    buffer.add(*numbered(1, 2, 3))
    assert len(buffer) == 3
    batch = buffer.read(np.array([1, 1, 2]), cpu)
    for found, part in zip(batch, numbered(2, 2, 3), strict=True):
        assert found.shape == part.shape
        assert_allclose(found, part, rtol=1e-6)

    buffer.add(*numbered(4, 5, 6))
    assert (len(buffer), buffer.count) == (4, 6)
    assert_array_equal(buffer.read(np.arange(4), cpu).rewards, [5, 6, 3, 4])
    buffer.add(*numbered(*range(7, 17)))
    assert sorted(buffer.read(np.arange(4), cpu).rewards) == [13, 14, 15, 16]


@pytest.mark.parametrize("n_before", [0, 3, 6])
def test_a_buffer_goes_back_to_its_state(n_before):
    buffer, other = (ReplayBuffer(4, 1, 2) for _ in range(2))
    other.add(*numbered(*range(20, 27)))
    for number in range(n_before):
        buffer.add(*numbered(number))
    state = buffer.state()
    assert len(state["rows"]) == len(buffer)
    buffer.add(*numbered(7))
    other.load_state(state)
    other.add(*numbered(7))
    assert (len(other), other.count) == (len(buffer), buffer.count)
    assert_array_equal(other.rows[: len(other)], buffer.rows[: len(buffer)])


@pytest.mark.parametrize(
    ("max_steps", "mean_return", "n_steps"),
    [(50, ((1 + 1 + 1) + 10) / 2, 3), (2, ((1 + 1) + 10) / 2, 2)],
    ids=["to the end", "cut off"],
)
def test_an_episode_by_hand(max_steps, mean_return, n_steps):
    learner = make_learner(
        Scripted(), 1, 2, discount=0.5, max_steps=max_steps, n_updates=0
    )
    report = learner.step()
    assert report == pytest.approx(
        {
            "objective": -mean_return,
            "return": mean_return,
            "critic_loss": np.nan,
            "q": np.nan,
            "n_steps": n_steps,
        },
        nan_ok=True,
    )
    # All transitions are remembered, those after a new start too.
    n = 2 * n_steps
    assert len(learner.buffer) == n
    batch = learner.buffer.read(np.arange(n), torch.device("cpu"))
    assert_array_equal(batch.states[:, 0], [0, 100, 1, 101, 2, 102][:n])
    assert_array_equal(batch.next_states[:, 0], [1, 101, 2, 102, 3, 103][:n])
    assert_array_equal(batch.rewards, Scripted.rewards.ravel()[:n])
    assert_array_equal(batch.done, Scripted.done.ravel()[:n])
    actions = np.concatenate(learner.environment.actions)
    assert_allclose(batch.actions, actions, rtol=1e-6)
    assert actions.dtype == np.float64


def test_updates_come_after_each_step_once_warm():
    learner = make_learner(Scripted(), 1, 2, batch_size=4, n_updates=3)
    losses = []
    update = learner.update

    def recorded():
        # The latest step is remembered already.
        losses.append((learner.buffer.count, *update().tolist()))
        return torch.tensor(losses[-1][1:])

    learner.update = recorded
    report = learner.step()
    counts, *means = np.array(losses).T
    assert_array_equal(counts, [4, 4, 4, 6, 6, 6])
    assert_allclose([report["critic_loss"], report["q"]], np.mean(means, axis=1))


@pytest.mark.parametrize("noise", [0.0, 0.7])
def test_noise_is_added_before_the_sigmoid(noise):
    learner = make_learner(OneStep(n_walkers=4000), noise=noise, n_updates=0)
    learner.step()
    batch = learner.buffer.read(np.arange(4000), torch.device("cpu"))
    added = torch.logit(batch.actions) - learner.network(batch.states).detach()
    assert_allclose(added.mean(dim=0), 0.0, atol=4 * noise / 4000**0.5 + 1e-5)
    assert_allclose(added.std(dim=0), noise, rtol=0.05, atol=1e-5)


def error_of(learner):
    states = np.random.RandomState(99).uniform(-1, 1, size=(500, 2))
    return np.abs(learner.act(states) - best_actions(states)).mean()


@pytest.mark.parametrize("seed", range(3))
def test_finds_the_best_actions_unless_the_reward_is_noise(seed):
    learner = make_learner(OneStep(seed), seed=seed)
    other = make_learner(OneStep(seed, noise_only=True), seed=seed)
    untrained = error_of(learner)
    reports = [(learner.step(), other.step())[0] for _ in range(450)]
    assert error_of(learner) < untrained / 3
    assert error_of(other) > untrained
    first, last = (
        np.mean([report["return"] for report in part])
        for part in (reports[:50], reports[-50:])
    )
    # What is left is what the noise costs.
    assert last > first + 0.02


@pytest.mark.parametrize("seed", range(2))
@pytest.mark.parametrize("discount", [0.0, 0.9])
def test_looks_as_far_ahead_as_it_is_told(discount, seed):
    learner = make_learner(TwoSteps(), 2, 1, discount=discount, seed=seed)
    for _ in range(450):
        report = learner.step()
    assert report["n_steps"] == 2
    start = np.zeros((1, 2))
    action = learner.act(start)
    best = (0.2 + discount * 0.8) / (1 + discount)
    assert_allclose(action, best, atol=0.1)
    # Had the second step not ended the walk, the critic would expect -0.9, not -0.17.
    value = -((best - 0.2) ** 2) - discount * (best - 0.8) ** 2
    expected = q_values(
        learner.critic, *(torch.tensor(a, dtype=torch.float32) for a in (start, action))
    )
    assert_allclose(expected.detach(), value, atol=0.03)


def test_actions_are_those_of_the_policy():
    learner, other = make_learner(), make_learner(seed=1)
    states = np.random.RandomState(0).normal(size=(20, 2))
    policy, actions = learner.policy(), learner.act(states)
    assert actions.shape == (20, 2)
    assert actions.dtype == np.float64
    assert ((actions > 0) & (actions < 1)).all()
    for _ in range(10):
        learner.step()
    assert np.abs(learner.act(states) - actions).max() > 1e-3
    for loaded in (learner, other):
        loaded.load_policy(policy)
        assert_array_equal(loaded.act(states), actions)


@pytest.mark.parametrize("n_before", [0, 2, 12])
@pytest.mark.parametrize("n_elsewhere", [0, 7])
def test_goes_on_from_a_state_as_often_as_it_is_loaded(n_before, n_elsewhere):
    # The buffer is full after seven episodes.
    straight = make_learner(Resumable(), buffer_size=100)
    other = make_learner(Resumable(seed=5), buffer_size=100, seed=5)
    for _ in range(n_before):
        straight.step()
    state = straight.state()
    for array in state.values():
        array.flags.writeable = False
    expected = [straight.step() for _ in range(8)]
    for _ in range(n_elsewhere):
        other.step()
    for _ in range(2):
        other.load_state(state)
        assert str([other.step() for _ in range(8)]) == str(expected)
        for name in ("network", "critic", "target_actor", "target_critic"):
            assert_array_equal(
                vector(getattr(other, name)), vector(getattr(straight, name))
            )


def test_an_environment_need_not_have_a_state():
    learner = make_learner(Scripted(), 1, 2, batch_size=1)
    learner.step()
    other = make_learner(Scripted(), 1, 2, batch_size=1, seed=1)
    other.load_state(learner.state())
    assert [learner.step(), learner.step()] == [other.step(), other.step()]


def test_same_seed_same_steps(random_state_untouched):
    one, two, other = (make_learner(seed=seed) for seed in (1, 1, 2))
    reports = [
        str([learner.step() for _ in range(10)]) for learner in (one, two, other)
    ]
    assert reports[0] == reports[1] != reports[2]
    assert_array_equal(vector(one.critic), vector(two.critic))
    assert not np.allclose(vector(one.network), vector(other.network))


@pytest.mark.gpu
def test_same_draws_on_the_gpu():
    reports = []
    for name in ("cpu", "cuda"):
        learner = make_learner(Resumable(), batch_size=16, device=torch.device(name))
        for _ in range(20):
            learner.step()
        learner.load_state(learner.state())
        reports.append(list(learner.step().values()))
    assert_allclose(reports[1], reports[0], rtol=1e-2, atol=1e-3)
