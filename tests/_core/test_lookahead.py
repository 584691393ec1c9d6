from itertools import pairwise

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import quad
from scipy.stats import beta

from skmix._core.lookahead import (
    best_tau,
    beta_weights,
    disjoint_pairs,
    expected_scores,
    mix_ratios,
    tau_grid,
)

TAUS = np.array([0.05, 0.3, 1.0, 2.0, 20.0])


def entropy(ratio):
    """Score of a mix between two sure rows of different classes."""
    p = np.clip(np.array([ratio, 1 - ratio]), 1e-300, 1)
    return -(p * np.log(p)).sum(axis=0)


@pytest.mark.parametrize("n_ratios", [2, 5, 9])
def test_weights_are_probabilities_of_a_symmetric_distribution(n_ratios):
    weights = beta_weights(TAUS, n_ratios)
    assert (weights >= 0).all()
    assert_allclose(weights.sum(axis=1), 1)
    assert_allclose(weights, weights[:, ::-1], atol=1e-12)


def test_expectation_is_exact_for_scores_that_are_linear_between_ratios():
    score = np.array([0.0, 3.0, 1.0, 4.0, 1.0])
    ratios = mix_ratios(5)

    def integrand(x, tau):
        return np.interp(x, ratios, score) * beta.pdf(x, tau, tau)

    for tau in (1.0, 2.0, 20.0):
        exact = sum(quad(integrand, a, b, (tau,))[0] for a, b in pairwise(ratios))
        found = expected_scores(score[None], np.array([tau]))
        assert_allclose(found, exact, rtol=1e-7)


def test_expectation_keeps_the_mass_at_both_ends():
    # Nearly all mass of Beta(.05, .05) is at 0 and 1, where the score is 1.
    score = np.array([[1.0, 0.0, 0.0, 0.0, 1.0]])
    near = 2 * beta.cdf(1e-3, 0.05, 0.05)
    assert expected_scores(score, np.array([0.05]))[0] > near > 0.68


def test_best_tau_is_that_of_a_fine_grid_with_exact_integrals():
    ratios = mix_ratios(9)
    fine = np.geomspace(0.1, 20, 200)
    # Smooth scores: a hill in the middle, a valley, a hill to one side.
    shapes = [
        lambda x: entropy(x),
        lambda x: 1 - entropy(x),
        lambda x: np.sin(6 * x) + x,
        lambda x: (x - 0.3) ** 2 * (1 - x) * 8,
    ]
    grid = tau_grid(0.1, 20, 41)
    for shape in shapes:
        score = shape(ratios)[None]
        tau, expected = best_tau(score, grid)
        quantiles = (np.arange(20_000) + 0.5) / 20_000
        exact = shape(beta.ppf(quantiles, *[fine[:, None]] * 2)).mean(axis=1)
        # The best by quadrature loses next to nothing of the exact optimum.
        at_best = np.interp(tau[0], fine, exact)
        assert at_best >= exact.max() - 0.01 * np.ptp(exact)
        assert expected[0] == pytest.approx(exact.max(), abs=0.03)


def test_best_tau_by_hand():
    scores = np.array([[0.0, 1.0, 0.0], [1.0, 0.0, 1.0], [1.0, 1.0, 1.0]])
    tau, expected = best_tau(scores, np.array([0.1, 1.0, 10.0]))
    assert_array_equal(tau[:2], [10.0, 0.1])
    # Beta(1, 1) gives the hat in the middle an area of one half.
    assert expected_scores(scores[:1], np.array([1.0]))[0] == pytest.approx(0.5)
    assert expected[2] == pytest.approx(1.0)


def test_grid_of_taus_has_its_bounds():
    taus = tau_grid(0.1, 20, 41)
    assert_allclose([taus[0], taus[20], taus[-1]], [0.1, np.sqrt(2), 20])


@pytest.mark.parametrize("n", [0, 1, 2, 7, 10])
def test_disjoint_pairs_use_each_row_once(n):
    rows = np.arange(n) * 3
    pairs = disjoint_pairs(rows, np.random.RandomState(0))
    assert pairs.shape == (n // 2, 2)
    assert len(np.unique(pairs)) == 2 * (n // 2)
    assert set(pairs.ravel()) <= set(rows)
