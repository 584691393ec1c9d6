"""REINFORCE of several networks, on decisions few enough to be listed."""

from itertools import combinations_with_replacement, product

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skmix._torch.autosmote import (
    AutoSMOTELearner,
    Decisions,
    advantages,
    log_probabilities,
)

CPU = torch.device("cpu")
SIZES = {"one": (2, 2), "other": (2, 3)}
# What the networks see: the first a row in each of two parts, the other a pair there.
SEEN = {"one": np.array([[0.5, -1.0], [1.0, 0.3]]), "other": np.eye(2)}
# What is chosen in each part: one of 2, then one of 3.
CHOICES = list(product(range(2), range(3)))
# The score of every choice in both parts: no structure at all.
SCORES = np.random.RandomState(0).random_sample((len(CHOICES), len(CHOICES)))


def decisions_of(rollouts):
    """What the networks chose in some rollouts, each a choice for either part."""
    chosen = np.array([[CHOICES[choice] for choice in pair] for pair in rollouts])
    return {
        name: Decisions(
            SEEN[name],
            np.ones((2, n_choices), dtype=bool),
            np.eye(n_choices)[chosen[:, :, level]],
            np.arange(2),
        )
        for level, (name, (_, n_choices)) in enumerate(SIZES.items())
    }


def scores_of(rollouts):
    m = len(rollouts)
    scores = np.empty((m, m, 2))
    for (i, own), (j, other) in product(enumerate(rollouts), repeat=2):
        scores[i, j] = SCORES[other[0], own[1]], SCORES[own[0], other[1]]
    return scores


class Script:
    """Rollouts whose choices are given."""

    def __init__(self, *rollouts):
        self.rollouts = rollouts

    def __call__(self, weights, seeds):
        return scores_of(self.rollouts), decisions_of(self.rollouts)


class Bandit:
    """Rows of two kinds, each with a best choice, and what of that is hit as score."""

    best = np.array([0, 2])

    def __init__(self, seed=0, random_score=False):
        self.rng = np.random.RandomState(seed)
        self.random_score = random_score
        self.seeds = []

    def __call__(self, weights, seeds):
        self.seeds.append(list(seeds))
        n, m = 12, len(seeds)
        kind = np.arange(n) % 2
        inputs = np.eye(2)[kind]
        p = torch.softmax(forward(weights, "other", inputs), dim=1).numpy()
        chosen, hit = [], []
        for seed in seeds:
            u = np.random.RandomState(seed).random_sample((n, 1))
            chosen.append(np.minimum((p.cumsum(axis=1) < u).sum(axis=1), 2))
            hit.append((chosen[-1] == self.best[kind]).mean())
        scores = np.repeat(np.array(hit)[None, :, None], m, axis=0)
        own = np.arange(m)
        scores[own, own] = np.array(hit)[:, None]
        if self.random_score:
            scores = self.rng.random_sample(scores.shape)
        decisions = Decisions(
            inputs,
            np.ones((n, 3), dtype=bool),
            np.eye(3)[np.array(chosen)],
            np.zeros(n, dtype=int),
        )
        return scores, {"other": decisions}

    def hits(self, learner):
        """How likely the best choice is, for either kind."""
        p = torch.softmax(forward(learner.policy(), "other", np.eye(2)), dim=1)
        return p[[0, 1], self.best].numpy()


def forward(weights, name, inputs):
    layers = sorted({int(key.split(".")[1]) for key in weights if key.startswith(name)})
    values = torch.as_tensor(inputs, dtype=torch.float32)
    for layer in layers:
        values = values.relu() if layer != layers[0] else values
        weight, bias = (
            weights[f"{name}.{layer}.{kind}"] for kind in ("weight", "bias")
        )
        values = values @ torch.as_tensor(weight).T + torch.as_tensor(bias)
    return values


def make_learner(roll_out=None, **changes):
    settings = {
        "hidden_layer_sizes": (4,),
        "learning_rate": 0.02,
        "n_rollouts": 2,
        "entropy_weight": 0.0,
        "device": CPU,
        "seed": 0,
        **changes,
    }
    return AutoSMOTELearner(roll_out or Bandit(), SIZES, **settings)


def stir(learner, seed=0):
    """Give a learner weights that make all choices differ."""
    rng = np.random.RandomState(seed)
    weights = learner.policy()
    learner.load_policy(
        {name: rng.normal(size=a.shape).astype(a.dtype) for name, a in weights.items()}
    )


def gradient(learner):
    """By which the next step would move the weights, with steps of 1 along it."""
    learner.optimizer = torch.optim.SGD(learner.network.parameters(), lr=1.0)
    before = learner.policy()
    learner.step()
    after = learner.policy()
    learner.load_policy(before)
    return np.concatenate([(after[k] - before[k]).ravel() for k in before])


def test_advantages_by_hand():
    scores = np.array(
        [
            [[1.0, 1.0], [4.0, 0.0], [2.0, 1.0]],
            [[5.0, 5.0], [2.0, 2.0], [7.0, 0.0]],
            [[0.0, 1.0], [1.0, 2.0], [3.0, 3.0]],
        ]
    )
    expected = [[1 - 3, 1 - 0.5], [2 - 6, 2 - 2.5], [3 - 0.5, 3 - 1.5]]
    assert_allclose(advantages(scores), expected)


def test_log_probabilities_by_hand():
    network = torch.nn.Linear(1, 2)
    with torch.no_grad():
        network.weight.copy_(torch.tensor([[0.0], [1.0]]))
        network.bias.zero_()
    possible = torch.tensor([[True, True], [False, True]])
    log_p = log_probabilities(
        network, torch.tensor([[np.log(3)]] * 2).float(), possible
    )
    assert_allclose(log_p.detach(), [[np.log(0.25), np.log(0.75)], [0, 0]], atol=1e-6)

    # Of two things with two outputs each, the second is no choice.
    pairs = torch.tensor([[[np.log(3)], [9.0]]]).float()
    possible = torch.tensor([[True, True, False, False]])
    log_p = log_probabilities(network, pairs, possible)
    assert_allclose(log_p.detach(), [[np.log(0.25), np.log(0.75), 0, 0]], atol=1e-6)
    slopes = torch.autograd.grad(log_p[0, 1], network.parameters())
    assert_allclose(slopes[1], [-0.25, 0.25], atol=1e-6)


def test_before_learning_all_choices_are_as_likely():
    learner = make_learner()
    for name, (n_inputs, n_choices) in SIZES.items():
        inputs = torch.randn(5, n_inputs, generator=torch.Generator().manual_seed(0))
        possible = torch.ones(5, n_choices, dtype=torch.bool)
        log_p = log_probabilities(learner.network[name], inputs, possible)
        assert_allclose(log_p.detach(), -np.log(n_choices), rtol=1e-6)


@pytest.mark.parametrize("entropy_weight", [0.0, 0.4])
def test_the_gradient_is_that_of_the_formula(entropy_weight):
    """Against differences of the formula, written down in NumPy."""
    rollouts = [(0, 3), (5, 2), (4, 4)]
    learner = make_learner(
        Script(*rollouts), n_rollouts=3, entropy_weight=entropy_weight
    )
    stir(learner)
    weights = {name: a.astype(float) for name, a in learner.policy().items()}

    def goal(weights):
        total = 0.0
        for place, name in enumerate(SIZES):
            hidden = SEEN[name] @ weights[f"{name}.0.weight"].T
            hidden = np.maximum(hidden + weights[f"{name}.0.bias"], 0)
            logits = hidden @ weights[f"{name}.2.weight"].T + weights[f"{name}.2.bias"]
            p = np.exp(logits) / np.exp(logits).sum(axis=1, keepdims=True)
            for i, own in enumerate(rollouts):
                others = [other for j, other in enumerate(rollouts) if j != i]
                for part in range(2):
                    instead = np.mean(
                        [
                            SCORES[(o[0], own[1]) if part == 0 else (own[0], o[1])]
                            for o in others
                        ]
                    )
                    chosen = CHOICES[own[part]][place]
                    total += (SCORES[own] - instead) * np.log(p[part, chosen]) / 3
            total -= entropy_weight * (p * np.log(p)).sum(axis=1).mean()
        return total

    expected = []
    for name in weights:
        for place in np.ndindex(weights[name].shape):
            moved = []
            for step in (1e-6, -1e-6):
                changed = {**weights, name: weights[name].copy()}
                changed[name][place] += step
                moved.append(goal(changed))
            expected.append((moved[0] - moved[1]) / 2e-6)
    assert np.abs(expected).max() > 0.05
    assert_allclose(gradient(learner), expected, atol=2e-6)


def test_on_average_it_is_the_gradient_of_the_mean_score():
    """Over all pairs of rollouts, each as often as it is likely."""
    learner = make_learner(hidden_layer_sizes=(2,))
    stir(learner)
    p = torch.ones(2, len(CHOICES), dtype=torch.float64)
    for place, name in enumerate(SIZES):
        inputs = torch.as_tensor(SEEN[name], dtype=torch.float32)
        own = learner.network[name](inputs).softmax(dim=1)
        p = p * own[:, [choice[place] for choice in CHOICES]]
    mean = p[0] @ torch.as_tensor(SCORES) @ p[1]
    exact = torch.autograd.grad(mean, list(learner.network.parameters()))
    exact = np.concatenate([part.numpy().ravel() for part in exact])

    # 36 outcomes of a rollout.
    outcomes = list(product(range(len(CHOICES)), repeat=2))
    p = p.detach().numpy()
    chance = {o: p[0, o[0]] * p[1, o[1]] for o in outcomes}
    total = 0.0
    for one, other in combinations_with_replacement(outcomes, 2):
        learner.roll_out = Script(one, other)
        times = 1 if one == other else 2
        total += times * chance[one] * chance[other] * gradient(learner)
    assert np.abs(exact).max() > 0.01
    assert_allclose(total, exact, atol=1e-6)


def test_what_a_step_reports():
    rollouts = [(0, 3), (5, 2), (4, 4)]
    report = make_learner(Script(*rollouts)).step()
    score = np.mean([SCORES[own] for own in rollouts])
    assert report == pytest.approx(
        {
            "objective": -score,
            "score": score,
            "entropy_one": np.log(2),
            "entropy_other": np.log(3),
        }
    )


@pytest.mark.parametrize("seed", range(3))
def test_finds_the_best_choices_unless_the_score_is_chance(seed):
    bandit = Bandit()
    learner = make_learner(bandit, n_rollouts=4, seed=seed)
    other = make_learner(Bandit(seed, random_score=True), n_rollouts=4, seed=seed)
    assert_allclose(bandit.hits(learner), 1 / 3, rtol=1e-6)
    scores = [(learner.step(), other.step())[0]["score"] for _ in range(100)]
    assert bandit.hits(learner).min() > 0.9
    assert bandit.hits(other).min() < 0.6
    assert np.mean(scores[-10:]) > np.mean(scores[:10]) + 0.3


def test_entropy_is_worth_what_its_weight_says():
    """With scores s of three choices the best probabilities are as exp(s / c)."""

    class Known(Bandit):
        """Each of the 12 rows is a part, with a score of its own."""

        def __call__(self, weights, seeds):
            _, decisions = super().__call__(weights, seeds)
            one = decisions["other"]
            score = one.counts @ [0.0, 0.1, 0.2]
            scores = np.repeat(score[None], len(score), axis=0)
            return scores, {"other": one._replace(part=np.arange(12))}

    # Scores of 12 rows add up in a rollout.
    learner = make_learner(Known(), n_rollouts=4, entropy_weight=12 * 0.1)
    p = []
    for _ in range(200):
        learner.step()
        p.append(
            torch.softmax(forward(learner.policy(), "other", np.eye(2)), 1).numpy()
        )
    expected = np.exp([0.0, 1.0, 2.0])
    mean = np.mean(p[100:], axis=(0, 1))
    assert_allclose(mean, expected / expected.sum(), atol=0.03)


def test_where_nothing_is_decided_nothing_is_learned():
    learner = make_learner(lambda weights, seeds: (np.full((2, 2, 2), 0.5), {}))
    before = learner.policy()
    assert learner.step() == {"objective": -0.5, "score": 0.5}
    for name, array in learner.policy().items():
        assert_array_equal(array, before[name])


def test_same_seed_same_steps(random_state_untouched):
    bandits = [Bandit(), Bandit(), Bandit()]
    learners = [
        make_learner(bandit, seed=seed)
        for bandit, seed in zip(bandits, (1, 1, 2), strict=True)
    ]
    reports = [[learner.step() for _ in range(5)] for learner in learners]
    assert reports[0] == reports[1] != reports[2]
    seeds = [seed for step in bandits[0].seeds for seed in step]
    assert len(set(seeds)) == 10
    assert bandits[0].seeds == bandits[1].seeds != bandits[2].seeds
    one, two = (learner.policy() for learner in learners[:2])
    for name in one:
        assert_array_equal(one[name], two[name])


@pytest.mark.parametrize("n_before", [0, 6])
def test_goes_on_from_a_state_as_often_as_it_is_loaded(n_before):
    straight, other = make_learner(), make_learner(seed=5)
    for _ in range(n_before):
        straight.step()
    state = straight.state()
    for array in state.values():
        array.flags.writeable = False
    expected = [straight.step() for _ in range(5)]
    other.step()
    for _ in range(2):
        other.load_state(state)
        assert [other.step() for _ in range(5)] == expected
        for name, array in other.policy().items():
            assert_array_equal(array, straight.policy()[name])


def test_a_policy_can_be_put_back():
    bandit = Bandit()
    learner = make_learner(bandit)
    for _ in range(5):
        learner.step()
    policy, hits = learner.policy(), bandit.hits(learner)
    for _ in range(5):
        learner.step()
    assert not np.allclose(bandit.hits(learner), hits)
    learner.load_policy(policy)
    assert_array_equal(bandit.hits(learner), hits)


@pytest.mark.gpu
def test_the_gpu_learns_the_same():
    policies = []
    for device in ("cpu", "cuda"):
        script = Script((0, 3), (5, 2), (4, 4))
        learner = make_learner(script, device=torch.device(device), entropy_weight=0.1)
        for _ in range(10):
            learner.step()
        policies.append(learner.policy())
    for name, array in policies[0].items():
        assert_allclose(policies[1][name], array, atol=1e-4)
