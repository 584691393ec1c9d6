from functools import partial

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from scipy.stats import beta
from torch import nn

from skmix._core import lookahead
from skmix._core.lookahead import best_tau, beta_weights, mix_ratios, tau_grid
from skmix._torch.acquisitions import bald, entropy, margin, var_ratio
from skmix._torch.beta_policy import BetaPolicy, expected_scores, taus, train_policy


@pytest.mark.parametrize("tau", [0.3, 1.0, 2.0, 8.0])
def test_pathwise_gradient_is_that_of_quadrature(tau):
    """d E[score] / d tau by drawn mixes, and by weights of fixed ratios."""

    def score(rows):  # entropy of a mix between two sure rows
        p = rows[:, 0].double().clamp(1e-9, 1 - 1e-9)
        return entropy(torch.stack([p, 1 - p], dim=1))

    first, second = torch.ones(1, 1), torch.zeros(1, 1)
    parameter = torch.tensor([tau], dtype=torch.float64, requires_grad=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        mean = expected_scores(score, first, second, parameter, 200_000)
        (gradient,) = torch.autograd.grad(mean.sum(), parameter)
    ratios = mix_ratios(401)
    p = np.clip(ratios, 1e-9, 1 - 1e-9)
    values = -(p * np.log(p) + (1 - p) * np.log(1 - p))
    h = 1e-3 * tau
    up, down = beta_weights(np.array([tau + h, tau - h]), 401) @ values
    assert float(gradient) == pytest.approx((up - down) / (2 * h), rel=0.02, abs=2e-4)


def test_a_drawn_ratio_moves_as_its_quantile_does():
    """d lambda / d tau = -(dF / dtau) / p: in one dimension there is no other way."""
    parameter = torch.tensor([0.7], dtype=torch.float64, requires_grad=True)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(1)
        ratio = torch.distributions.Beta(parameter, parameter).rsample()
    (gradient,) = torch.autograd.grad(ratio.sum(), parameter)
    x, h = float(ratio.detach()), 1e-5
    slope = (beta.cdf(x, 0.7 + h, 0.7 + h) - beta.cdf(x, 0.7 - h, 0.7 - h)) / (2 * h)
    assert float(gradient) == pytest.approx(-slope / beta.pdf(x, 0.7, 0.7), rel=1e-3)


@pytest.fixture
def toy():
    """Pairs of two kinds: mixes are doubtful in the middle, or at the rows."""
    rng = np.random.RandomState(0)
    first = np.r_[rng.normal(-3, 0.3, 40), rng.normal(0, 0.1, 40)]
    second = np.r_[rng.normal(3, 0.3, 40), rng.normal(7, 0.3, 40)]
    first, second = (torch.tensor(x[:, None]).float() for x in (first, second))
    # Only rows near 0 are doubtful.
    scores = lambda rows: torch.exp(-(rows[:, 0] ** 2))  # noqa: E731
    return scores, first, second


def at_ratios(scores, first, second):
    """Scores of mixes at fixed ratios, as the quadrature needs them."""
    with torch.no_grad():
        rows = [r * first + (1 - r) * second for r in mix_ratios(41)]
        return torch.stack([scores(row) for row in rows], 1).double().numpy()


def train(toy, **changes):
    settings = {
        "tau_bounds": (0.1, 20.0),
        "hidden_layer_sizes": (32,),
        "learning_rate": 1e-2,
        "batch_size": 20,
        "max_iter": 60,
        "n_ratios": 5,
        "seed": 0,
        **changes,
    }
    expected = partial(lookahead.expected_scores, at_ratios(*toy))
    return train_policy(*toy, expected, **settings)


def test_policy_approaches_the_optimum_of_quadrature(toy, random_state_untouched):
    _, first, second = toy
    policy, history = train(toy)
    tau, optimum = best_tau(at_ratios(*toy), tau_grid(0.1, 20, 41))
    assert tau[:40].min() > 15
    assert tau[40:].max() < 0.2
    learned = taus(policy, first, second)
    assert learned[:40].min() > 10
    assert learned[40:].max() < 0.4
    expected = (at_ratios(*toy) * beta_weights(learned, 41)).sum(axis=1)
    assert expected.mean() > 0.97 * optimum.mean()
    assert max(history) > history[0] + 0.1


def test_the_best_epoch_is_kept(toy):
    policy, history = train(toy, learning_rate=3.0, max_iter=5)
    assert np.argmax(history) < 5
    tau = taus(policy, *toy[1:])
    mean = lookahead.expected_scores(at_ratios(*toy), tau).mean()
    assert mean == pytest.approx(max(history))


def test_policy_is_symmetric_within_its_bounds_and_the_same_each_time(toy):
    _, first, second = toy
    one, other = train(toy, max_iter=2)[0], train(toy, max_iter=2)[0]
    tau = taus(one, first, second)
    assert_allclose(tau, taus(one, second, first), rtol=1e-6)
    assert_allclose(tau, taus(other, first, second), rtol=0)
    assert (tau > 0.1).all()
    assert (tau < 20).all()


def test_the_classifier_gets_no_gradient(toy):
    _, first, second = toy
    network = nn.Linear(1, 3)
    scores = lambda rows: margin(network(rows).softmax(dim=1))  # noqa: E731
    train((scores, first, second), max_iter=1)
    assert network.weight.grad is None


def test_policy_of_images_and_of_constant_rows():
    images = torch.zeros(4, 2, 3, 3)
    policy = BetaPolicy(images, (8,), (0.5, 2.0))
    assert taus(policy, images, images).shape == (4,)


def test_scores_in_torch_are_those_in_numpy():
    from skmix.active import BALD, Entropy, Margin, VarRatio

    rng = np.random.RandomState(0)
    p = rng.dirichlet(np.ones(4), size=(3, 10))
    t = torch.tensor(p)
    assert_allclose(entropy(t[0]), Entropy().score(p[0]))
    assert_allclose(var_ratio(t[0]), VarRatio().score(p[0]))
    assert_allclose(margin(t[0]), Margin().score(p[0]))
    assert_allclose(bald(t), BALD().score(p))


def test_gradient_of_entropy_is_finite_where_a_class_is_sure():
    logits = torch.tensor([[200.0, 0.0, 0.0]], requires_grad=True)
    entropy(logits.softmax(dim=1)).sum().backward()
    assert torch.isfinite(logits.grad).all()


def test_the_last_epoch_is_not_the_best(toy):
    """By what is said of the policies, whatever they are worth."""
    seen, worth = [], iter([0.0, 2.0, 1.0, 0.5])

    def expected(tau):
        seen.append(tau.copy())
        return np.full(len(tau), next(worth))

    settings = {"hidden_layer_sizes": (8,), "learning_rate": 0.1, "batch_size": 20}
    policy, _ = train_policy(
        *toy,
        expected,
        tau_bounds=(0.1, 20.0),
        max_iter=3,
        n_ratios=3,
        seed=0,
        **settings,
    )
    assert_allclose(taus(policy, *toy[1:]), seen[1])
    assert not np.allclose(seen[1], seen[3])


def test_units_do_not_matter_to_the_policy():
    rows = torch.tensor(np.random.RandomState(0).normal(5, 3, size=(10, 4))).float()
    found = []
    for unit in (1.0, 1000.0):
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(0)
            policy = BetaPolicy(unit * rows, (8,), (0.1, 20.0))
        found.append(taus(policy, unit * rows[:5], unit * rows[5:]))
    assert_allclose(*found, rtol=1e-4)


def test_another_seed_is_another_policy(toy):
    one, other = (taus(train(toy, max_iter=1, seed=s)[0], *toy[1:]) for s in (0, 1))
    assert not np.allclose(one, other)
