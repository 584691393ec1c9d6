"""How a batch of rows is chosen: by score, by spread, or by both."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import pairwise_distances_argmin_min
from sklearn.metrics.pairwise import euclidean_distances
from sklearn.utils.extmath import row_norms, safe_sparse_dot

from .neighbors import FloatArray, IntArray


def top_rows(score: FloatArray, k: int, rng: RandomState) -> IntArray:
    """Find the k greatest scores, greatest first; ties are broken at random.

    Parameters
    ----------
    score : ndarray of shape (n,)
        Scores.

    k : int
        Number of rows, at most n.

    rng : RandomState
        What breaks ties.

    Returns
    -------
    rows : ndarray of shape (k,)
        Places of the scores.
    """
    # Sorted by a random number among equals.
    return np.lexsort((rng.permutation(len(score)), -score))[:k]


def cluster_rows(
    Z: Any, weight: FloatArray, k: int, rng: RandomState
) -> tuple[IntArray, FloatArray]:
    """Group rows by weighted k-means.

    Parameters
    ----------
    Z : {ndarray, sparse matrix} of shape (n, p)
        Rows.

    weight : ndarray of shape (n,)
        Their weights, not negative.

    k : int
        Number of clusters, at most n.

    rng : RandomState
        Where the first centres come from.

    Returns
    -------
    cluster : ndarray of shape (n,)
        Cluster of each row.

    distance : ndarray of shape (n,)
        Distance of each row to the centre of its cluster.
    """
    with warnings.catch_warnings():
        # Fewer distinct rows than clusters: some clusters are then empty.
        warnings.simplefilter("ignore", ConvergenceWarning)
        means = KMeans(k, n_init=1, random_state=rng).fit(
            Z, sample_weight=weight if weight.any() else None
        )
    # In blocks, unlike the distances to all centres that `transform` gives.
    return pairwise_distances_argmin_min(Z, means.cluster_centers_)


def spread_rows(Z: Any, weight: FloatArray, k: int, rng: RandomState) -> IntArray:
    """Choose k rows that are apart, one to a cluster of weighted k-means.

    Parameters
    ----------
    Z : {ndarray, sparse matrix} of shape (n, p)
        Rows.

    weight : ndarray of shape (n,)
        Their weights, not negative: centres move towards heavy rows.

    k : int
        Number of rows, at most n.

    rng : RandomState
        Source of randomness.

    Returns
    -------
    rows : ndarray of shape (k,)
        The row nearest to the centre of each cluster, in the order of their weights;
        where clusters are empty, as rows are equal, the heaviest of the others.
    """
    cluster, distance = cluster_rows(Z, weight, k, rng)
    order = np.lexsort((rng.permutation(len(distance)), distance))
    _, first = np.unique(cluster[order], return_index=True)
    chosen = order[first]
    others = np.setdiff1d(np.arange(len(weight)), chosen)
    missing = others[top_rows(weight[others], k - len(chosen), rng)]
    rows = np.concatenate([chosen, missing])
    return rows[top_rows(weight[rows], k, rng)]


def typical_rows(
    Z: Any, labelled: NDArray[np.bool_], k: int, rng: RandomState
) -> IntArray:
    """Choose k rows that stand for parts of the data without a labelled row.

    Parameters
    ----------
    Z : {ndarray, sparse matrix} of shape (n, p)
        Rows.

    labelled : ndarray of shape (n,)
        Which of them have a label; k others are chosen.

    k : int
        Number of rows, at most that of rows without a label.

    rng : RandomState
        Source of randomness.

    Returns
    -------
    rows : ndarray of shape (k,)
        Rows without a label, those of larger clusters first.

    Notes
    -----
    As many clusters as there will be labels are made; the row in the middle is taken
    of the largest ones that have no label yet, as TypiClust does [1]_.

    References
    ----------
    .. [1] Hacohen, Dekel and Weinshall, "Active learning on a budget: opposite
       strategies suit high and low budgets", ICML 2022.
    """
    n_clusters = min(k + int(labelled.sum()), len(labelled))
    cluster, distance = cluster_rows(Z, np.ones(len(labelled)), n_clusters, rng)
    size = np.bincount(cluster, minlength=n_clusters).astype(float)
    size[cluster[labelled]] = 0
    free = np.flatnonzero(~labelled)
    order = free[np.lexsort((rng.permutation(len(free)), distance[free]))]
    _, first = np.unique(cluster[order], return_index=True)
    middle = order[first]
    chosen = middle[top_rows(size[cluster[middle]], min(k, len(middle)), rng)]
    others = np.setdiff1d(free, chosen)
    missing = rng.permutation(others)[: k - len(chosen)]
    return np.concatenate([chosen, missing])


def farthest_rows(
    Z: Any, Z_labelled: Any, k: int, rng: RandomState, out: FloatArray | None = None
) -> IntArray:
    """Choose k rows by the greedy k-center algorithm.

    Parameters
    ----------
    Z : {ndarray, sparse matrix} of shape (n, p)
        Candidates.

    Z_labelled : {ndarray, sparse matrix} of shape (m, p)
        Rows that are centres already; without any, the first centre is drawn.

    k : int
        Number of rows, at most n.

    rng : RandomState
        What breaks ties.

    out : ndarray of shape (k, n), default=None
        Gets the distance of each candidate to its nearest centre before each choice;
        NaN for those that were chosen before.

    Returns
    -------
    rows : ndarray of shape (k,)
        The row farthest from all centres, then the same with that row as a centre, and
        so on.

    Notes
    -----
    O(n (m + k) p) time, and O(n) memory beside blocks of distances.
    """
    squares = row_norms(Z, squared=True)[:, None]
    # Without centres all rows are as far from them.
    distance = np.full(Z.shape[0], np.inf)
    if Z_labelled.shape[0]:
        distance = pairwise_distances_argmin_min(Z, Z_labelled)[1]
    rows = np.empty(k, dtype=np.intp)
    for place in range(k):
        if out is not None:
            out[place] = distance
        rows[place] = _draw_greatest(distance, rng)
        row = Z[rows[place : place + 1]]
        to_row = euclidean_distances(Z, row, X_norm_squared=squares)[:, 0]
        distance = np.minimum(distance, to_row)
        distance[rows[place]] = np.nan
    return rows


def gradient_rows(
    residual: FloatArray,
    hidden: Any,
    k: int,
    rng: RandomState,
    out: FloatArray | None = None,
) -> IntArray:
    """Choose k rows as BADGE does, by k-means++ on their gradients.

    Parameters
    ----------
    residual : ndarray of shape (n, c)
        Predicted probabilities less the indicator of the most probable class.

    hidden : {ndarray, sparse matrix} of shape (n, d)
        Inputs of the last layer.

    k : int
        Number of rows, at most n.

    rng : RandomState
        Source of randomness.

    out : ndarray of shape (k, n), default=None
        Gets the norm of each gradient, then the distance to the nearest chosen one
        before each choice; NaN for those that were chosen before.

    Returns
    -------
    rows : ndarray of shape (k,)
        The row with the largest gradient, then each drawn in proportion to its squared
        distance to the nearest one so far.

    Notes
    -----
    The gradient of the weights of the last layer is the outer product a h^T of residual
    and hidden values. As <a h^T, b g^T> = <a, b> <h, g>, distances need no array of n
    rows and c d columns:

        |a h^T - b g^T|^2 = |a|^2 |h|^2 + |b|^2 |g|^2 - 2 <a, b> <h, g>.

    O(n k (c + d)) time and O(n) memory.
    """
    squares = row_norms(residual, squared=True) * row_norms(hidden, squared=True)
    rows = np.empty(k, dtype=np.intp)
    nearest = np.full(len(squares), np.inf)
    for place in range(k):
        square = nearest if place else squares
        if out is not None:
            out[place] = np.sqrt(square)
        total = np.nansum(square)
        if place and total > 0:
            rows[place] = rng.choice(len(square), p=np.nan_to_num(square) / total)
        else:
            rows[place] = _draw_greatest(square, rng)
        row = rows[place : place + 1]
        inner = safe_sparse_dot(hidden, hidden[row].T, dense_output=True)[:, 0]
        inner *= residual @ residual[rows[place]]
        to_row = np.maximum(squares + squares[row] - 2 * inner, 0)
        nearest = np.minimum(nearest, to_row)
        nearest[rows[place]] = np.nan
    return rows


def _draw_greatest(score: FloatArray, rng: RandomState) -> int:
    """One of the greatest scores that are not NaN."""
    return int(rng.choice(np.flatnonzero(score == np.nanmax(score))))
