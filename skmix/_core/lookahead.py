"""Expected scores of mixes whose ratio is Beta-distributed, by quadrature.

The ratio of a mix of two rows is one number, so that no gradient is needed: scores at
a few fixed ratios give the expectation under every Beta(tau, tau) at once.
"""

from __future__ import annotations

import numpy as np
from scipy.special import betainc

from .neighbors import FloatArray, IntArray


def mix_ratios(n_ratios: int) -> FloatArray:
    """Evenly spaced ratios from 0 to 1."""
    return np.linspace(0, 1, n_ratios)


def tau_grid(low: float, high: float, n_taus: int) -> FloatArray:
    """Values of tau to choose among, evenly spaced on a logarithmic scale."""
    return np.geomspace(low, high, n_taus)


def beta_weights(tau: FloatArray, n_ratios: int) -> FloatArray:
    """Weights by which scores at fixed ratios make an expectation.

    Parameters
    ----------
    tau : ndarray of shape (k,)
        Parameters of the distributions Beta(tau, tau).

    n_ratios : int
        Number of ratios, those of `mix_ratios`; at least two.

    Returns
    -------
    weights : ndarray of shape (k, n_ratios)
        Non-negative; each row sums to 1.

    Notes
    -----
    The expectation is exact for a score that is linear between two ratios. A ratio r_m
    has the weight E[h_m(lambda)], where h_m falls from 1 at r_m to 0 at its neighbours.
    Over an interval, the probability comes from the regularised incomplete beta
    function I_x(tau, tau), and the partial mean from
    int_0^x lambda dBeta = I_x(tau + 1, tau) / 2. A rule that weighs densities would
    lose most of the mass where tau is below 1.
    """
    ratios = mix_ratios(n_ratios)
    tau = tau[:, None]
    mass = np.diff(betainc(tau, tau, ratios), axis=1)
    mean = np.diff(betainc(tau + 1, tau, ratios), axis=1) / 2
    step = ratios[1]
    weights = np.zeros((len(tau), n_ratios))
    weights[:, :-1] += (ratios[1:] * mass - mean) / step
    weights[:, 1:] += (mean - ratios[:-1] * mass) / step
    # Where an interval has next to no mass, the difference may round below 0.
    return np.maximum(weights, 0, out=weights)


def expected_scores(scores: FloatArray, tau: FloatArray) -> FloatArray:
    """Expected score of each pair under its own Beta(tau, tau).

    Parameters
    ----------
    scores : ndarray of shape (n, m)
        Scores of the mixes of n pairs at the ratios ``mix_ratios(m)``.

    tau : ndarray of shape (n,)
        Parameters of the pairs.

    Returns
    -------
    expected : ndarray of shape (n,)
        E[score(lambda)] for lambda ~ Beta(tau, tau).
    """
    return (scores * beta_weights(tau, scores.shape[1])).sum(axis=1)


def best_tau(scores: FloatArray, taus: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Find the tau of each pair that has the greatest expected score.

    Parameters
    ----------
    scores : ndarray of shape (n, m)
        Scores of the mixes of n pairs at the ratios ``mix_ratios(m)``.

    taus : ndarray of shape (k,)
        Candidates.

    Returns
    -------
    tau : ndarray of shape (n,)
        The best candidate of each pair, of equal ones the first.

    expected : ndarray of shape (n,)
        Its expected score.

    Notes
    -----
    O(n m k) time and O(n k) memory.
    """
    expected = scores @ beta_weights(taus, scores.shape[1]).T
    best = expected.argmax(axis=1)
    return taus[best], expected[np.arange(len(best)), best]


def disjoint_pairs(rows: IntArray, rng: np.random.RandomState) -> IntArray:
    """Pair rows at random, each at most once.

    Parameters
    ----------
    rows : ndarray of shape (n,)
        Rows; of an odd number one is left out.

    rng : RandomState
        Source of randomness.

    Returns
    -------
    pairs : ndarray of shape (n // 2, 2)
        Pairs of rows.
    """
    half = len(rows) // 2
    return rng.permutation(rows)[: 2 * half].reshape(2, half).T
