"""Nearest rows by features and by label."""

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors

FloatArray = NDArray[np.floating]
IntArray = NDArray[np.intp]


def nearest_rows(Z: FloatArray, k: int) -> IntArray:
    """Find the k nearest other rows of each row, nearest first.

    Parameters
    ----------
    Z : ndarray of shape (n, p)
        Rows to compare, by Euclidean distance.

    k : int
        Number of neighbours; at most n - 1 are returned.

    Returns
    -------
    neighbors : ndarray of shape (n, min(k, n - 1))
        Row indices. A row is never its own neighbour, not even where other rows
        equal it.

    Notes
    -----
    scikit-learn chooses between a tree and distances in blocks: no n x n array.
    """
    k = min(k, len(Z) - 1)
    if k < 1:
        return np.empty((len(Z), 0), dtype=np.intp)
    return NearestNeighbors(n_neighbors=k).fit(Z).kneighbors(return_distance=False)


def nearest_labels(Y: FloatArray, k: int) -> IntArray:
    """Find the k rows with the nearest labels for each row, nearest first.

    Parameters
    ----------
    Y : ndarray of shape (n, t)
        Labels, on comparable scales.

    k : int
        Number of neighbours; at most n - 1 are returned.

    Returns
    -------
    neighbors : ndarray of shape (n, min(k, n - 1))
        Row indices; a row is never its own neighbour.

    Notes
    -----
    A single label is searched in sorted order, in O(n (log n + k)). Rows with equal
    labels are then each other's neighbours in a chain; with ties broken by row
    index, as a plain sort would, all of them would mix with the same few rows.
    """
    n = len(Y)
    k = min(k, n - 1)
    if Y.shape[1] > 1 or k < 1:
        return nearest_rows(Y, k)
    order = np.argsort(Y[:, 0], kind="stable")
    y = Y[order, 0]
    # The k nearest of a sorted list lie within k places: look at -1, +1, -2, +2, ...
    steps = np.arange(1, k + 1)
    offsets = np.column_stack([-steps, steps]).ravel()
    place = np.arange(n)[:, None] + offsets
    inside = (place >= 0) & (place < n)
    place = place.clip(0, n - 1)
    distance = np.where(inside, np.abs(y[place] - y[:, None]), np.inf)
    nearest = np.argsort(distance, axis=1, kind="stable")[:, :k]
    neighbors = np.empty((n, k), dtype=np.intp)
    neighbors[order] = order[np.take_along_axis(place, nearest, axis=1)]
    return neighbors


def other_rows(n: int, k: int, rng: RandomState) -> IntArray:
    """List k other rows for each row, in random order.

    Parameters
    ----------
    n : int
        Number of rows.

    k : int
        Number of others; at most n - 1 are returned.

    rng : RandomState
        Source of randomness.

    Returns
    -------
    others : ndarray of shape (n, k)
        Row indices: distinct, and never the row itself.

    Notes
    -----
    The rows are put in a random circle, and each looks at the same random distances
    around it: every other row is as likely, in O(n k) time and memory.
    """
    order = rng.permutation(n)
    steps = 1 + rng.permutation(n - 1)[:k]
    others = np.empty((n, len(steps)), dtype=np.intp)
    others[order] = order[(np.arange(n)[:, None] + steps) % n]
    return others
