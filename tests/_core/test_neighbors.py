import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.spatial.distance import cdist

from skmix._core.neighbors import nearest_labels, nearest_rows


def brute_force_distances(Z, k):
    """Distances to the k nearest other rows, nearest first."""
    distance = cdist(Z, Z)
    np.fill_diagonal(distance, np.inf)
    return np.sort(distance, axis=1)[:, :k]


def distances_of(Z, neighbors):
    return np.linalg.norm(Z[:, None] - Z[neighbors], axis=2)


def rows(case):
    rng = np.random.RandomState(0)
    if case == "distinct":
        return rng.normal(size=(40, 3))
    if case == "ties":
        return rng.randint(0, 3, size=(40, 2)).astype(float)
    if case == "duplicates":
        return np.repeat(rng.normal(size=(8, 3)), 5, axis=0)
    if case == "wide":
        return rng.normal(size=(40, 60))
    return np.zeros((12, 2))


@pytest.mark.parametrize("case", ["distinct", "ties", "duplicates", "wide", "constant"])
@pytest.mark.parametrize("find", [nearest_rows, nearest_labels])
@pytest.mark.parametrize("k", [1, 5])
def test_nearest_as_by_brute_force(case, find, k):
    Z = rows(case)
    neighbors = find(Z, k)
    assert neighbors.shape == (len(Z), k)
    assert_allclose(distances_of(Z, neighbors), brute_force_distances(Z, k), atol=1e-7)
    assert not (neighbors == np.arange(len(Z))[:, None]).any()
    assert all(len(set(row)) == k for row in neighbors.tolist())


@pytest.mark.parametrize("case", ["distinct", "ties", "duplicates", "constant"])
@pytest.mark.parametrize("k", [1, 2, 7])
def test_one_label_as_by_brute_force(case, k):
    y = rows(case)[:, :1]
    neighbors = nearest_labels(y, k)
    assert_allclose(distances_of(y, neighbors), brute_force_distances(y, k))
    assert not (neighbors == np.arange(len(y))[:, None]).any()
    assert all(len(set(row)) == k for row in neighbors.tolist())


@pytest.mark.parametrize("find", [nearest_rows, nearest_labels])
def test_k_larger_than_there_are_rows(find):
    neighbors = find(np.array([[0.0], [1.0], [5.0]]), 10)
    assert_array_equal(neighbors, [[1, 2], [0, 2], [1, 0]])


@pytest.mark.parametrize("find", [nearest_rows, nearest_labels])
def test_no_neighbours_asked_for(find):
    assert find(np.zeros((4, 1)), 0).shape == (4, 0)


def test_rows_with_equal_labels_do_not_all_share_the_same_neighbours():
    neighbors = nearest_labels(np.zeros((100, 1)), 2)
    assert len(np.unique(neighbors)) > 90
