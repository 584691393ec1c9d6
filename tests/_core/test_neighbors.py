import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from pynndescent import PyNNDescentTransformer
from scipy.spatial.distance import cdist
from sklearn.base import BaseEstimator
from sklearn.neighbors import KNeighborsTransformer, NearestNeighbors

from skmix._core.neighbors import (
    CellNeighbors,
    find_neighbors,
    nearest_labels,
    nearest_rows,
    without_self,
)


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


def test_few_rows_are_one_cell():
    rng = np.random.RandomState(0)
    cells = CellNeighbors(max_cell=40).fit(rng.normal(size=(40, 6)))
    assert_array_equal(cells.cells_, [np.arange(40)])
    # In few dimensions trees find all.
    assert len(CellNeighbors(max_cell=10).fit(rng.normal(size=(40, 4))).cells_) == 1


def test_every_row_is_in_one_cell_and_none_is_large():
    Z = np.random.RandomState(0).normal(size=(1001, 6))
    cells = CellNeighbors(max_cell=100).fit(Z).cells_
    assert_array_equal(np.sort(np.concatenate(cells)), np.arange(1001))
    assert {len(rows) for rows in cells} == {62, 63}


def test_a_cut_is_across_the_longest_axis():
    """Two clouds that are far apart are the two halves, though turned."""
    rng = np.random.RandomState(0)
    turn = np.linalg.qr(rng.normal(size=(6, 6)))[0]
    side = np.arange(100) % 2
    Z = rng.normal(size=(100, 6))
    Z[:, 2] += 20 * side
    cells = CellNeighbors(max_cell=60).fit(Z @ turn).cells_
    assert sorted(set(side[rows]) for rows in cells) == [{0}, {1}]


@pytest.mark.parametrize("own", [True, False])
def test_nearest_of_the_same_cell(own):
    rng = np.random.RandomState(1)
    Z, queries = rng.normal(size=(300, 7)), rng.normal(size=(50, 7))
    cells = CellNeighbors(max_cell=80).fit(Z)
    distance, found = cells.kneighbors(None if own else queries, n_neighbors=5)
    looked_from = Z if own else queries
    all_distances = cdist(looked_from, Z)
    assert_allclose(distance, np.take_along_axis(all_distances, found, axis=1))
    if own:
        np.fill_diagonal(all_distances, np.inf)
    cell_of = np.empty(300, dtype=int)
    for number, rows in enumerate(cells.cells_):
        cell_of[rows] = number
    for row, places in enumerate(found):
        (cell,) = set(cell_of[places])
        if own:
            assert cell == cell_of[row]
        expected = np.sort(all_distances[row, cell_of == cell])[:5]
        assert_allclose(distance[row], expected)
    if not own:
        # Most of them are the nearest of all rows, or next to it.
        nearest = all_distances.min(axis=1)
        assert (distance[:, 0] < 1.3 * nearest).mean() > 0.7
    only = cells.kneighbors(None if own else queries, 5, return_distance=False)
    assert_array_equal(only, found)


def test_equal_rows_do_not_cut_forever():
    found = CellNeighbors(max_cell=20).fit(np.ones((100, 6))).kneighbors(n_neighbors=3)
    assert not found[0].any()
    assert not (found[1] == np.arange(100)[:, None]).any()


def test_more_neighbours_than_half_a_cell(monkeypatch):
    monkeypatch.setattr("skmix._core.neighbors.MAX_CELL", 10)
    Z = np.random.RandomState(0).normal(size=(90, 6))
    assert_allclose(distances_of(Z, nearest_rows(Z, 30)), brute_force_distances(Z, 30))
    assert nearest_rows(Z, 5).shape == (90, 5)
    assert len(CellNeighbors().fit(Z).cells_) == 1


class Backwards(BaseEstimator):
    """Finds the nearest rows, but says that the last of all is nearest of all."""

    def fit(self, X, y=None):
        self.n_ = len(X)
        return self

    def kneighbors(self, X, n_neighbors):
        places = np.arange(self.n_ - 1, self.n_ - 1 - n_neighbors, -1)
        return np.zeros((len(X), n_neighbors)), np.tile(places, (len(X), 1))


@pytest.mark.parametrize("kind", ["kneighbors", "graph", "approximate"])
def test_any_search(kind):
    Z = np.random.RandomState(0).normal(size=(200, 6))
    search = {
        "kneighbors": NearestNeighbors(algorithm="ball_tree"),
        "graph": KNeighborsTransformer(mode="distance"),
        "approximate": PyNNDescentTransformer(random_state=0),
    }[kind]
    neighbors = nearest_rows(Z, 4, search)
    expected = brute_force_distances(Z, 4)
    if kind == "approximate":
        found = distances_of(Z, neighbors)
        assert np.isclose(found, expected, rtol=1e-3).mean() > 0.95
    else:
        assert_allclose(distances_of(Z, neighbors), expected, atol=1e-7)
    assert not (neighbors == np.arange(200)[:, None]).any()
    # What was passed is not fitted itself.
    assert not hasattr(search, "n_features_in_")
    distance, places = find_neighbors(search, Z[:100], Z[100:], 3)
    expected = cdist(Z[100:], Z[:100])[np.arange(100)[:, None], places]
    assert_allclose(distance, expected, rtol=1e-5)


def test_a_search_is_asked():
    neighbors = nearest_rows(np.zeros((5, 2)), 2, Backwards())
    # The row itself is left out of the last three; the last where it is not there.
    assert_array_equal(neighbors, [[4, 3], [4, 3], [4, 3], [4, 2], [3, 2]])


class TooFew(Backwards):
    def kneighbors(self, X, n_neighbors):
        distance, places = super().kneighbors(X, n_neighbors)
        places[0, -1] = -1
        return distance, places


class Swapped(Backwards):
    def kneighbors(self, X, n_neighbors):
        return super().kneighbors(X, n_neighbors)[::-1]


class Beyond(Backwards):
    def kneighbors(self, X, n_neighbors):
        distance, places = super().kneighbors(X, n_neighbors)
        return distance, places + 1


class Fewer(Backwards):
    def kneighbors(self, X, n_neighbors):
        return super().kneighbors(X, n_neighbors - 1)


class Graph(BaseEstimator):
    """Makes a graph with the neighbours of each row in the order of their places."""

    def __init__(self, n_neighbors=5):
        self.n_neighbors = n_neighbors

    def fit(self, X, y=None):
        self.search_ = NearestNeighbors(n_neighbors=self.n_neighbors).fit(X)
        return self

    def transform(self, X):
        graph = self.search_.kneighbors_graph(X, mode="distance")
        graph.sort_indices()
        return graph


class FewInGraph(Graph):
    def transform(self, X):
        graph = super().transform(X).tolil()
        graph[4] = 0
        return graph.tocsr()


class Dense(BaseEstimator):
    def __init__(self, n_neighbors=5):
        self.n_neighbors = n_neighbors

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return X


@pytest.mark.parametrize(
    ("search", "message"),
    [
        (TooFew(), r"neighbor_search=TooFew\(\) found fewer than 3 .* more thoroughly"),
        (Swapped(), r"distances and places of rows, in this order, got .* float64"),
        (Beyond(), r"got places of dtype int64 for 20 rows"),
        (Dense(), r"must have a method kneighbors, or a parameter n_neighbors"),
        (Fewer(), r"Fewer\(\) found fewer than 3 neighbours for some rows"),
        (FewInGraph(), r"found fewer than 3 neighbours for some rows"),
    ],
)
def test_a_search_that_does_not_do(search, message):
    with pytest.raises(ValueError, match=message):
        nearest_rows(np.random.RandomState(0).normal(size=(20, 3)), 2, search)


def test_sorted_labels_in_blocks(monkeypatch):
    y = np.random.RandomState(0).randint(0, 30, size=(200, 1)).astype(float)
    whole = nearest_labels(y, 7)
    monkeypatch.setattr("skmix._core.neighbors.BLOCK_VALUES", 50)
    assert_array_equal(nearest_labels(y, 7), whole)


def test_a_query_in_one_cell_of_several():
    Z = np.random.RandomState(0).normal(size=(300, 7))
    cells = CellNeighbors(max_cell=80).fit(Z)
    distance, found = cells.kneighbors(Z[[7]] + 0.1, n_neighbors=3)
    (cell,) = (rows for rows in cells.cells_ if found[0, 0] in rows)
    expected = np.sort(cdist(Z[[7]] + 0.1, Z[cell])[0])[:3]
    assert_allclose(distance[0], expected)


def test_rows_that_were_searched_find_themselves():
    Z = np.random.RandomState(0).normal(size=(300, 7))
    cells = CellNeighbors(max_cell=80).fit(Z)
    found = cells.kneighbors(Z, 1, return_distance=False)[:, 0]
    # A row at which a cut was made may fall on either side.
    n_cuts = len(cells.cells_) - 1
    assert (found != np.arange(300)).sum() <= n_cuts < 10


def test_neighbours_in_a_graph_come_in_any_order():
    Z = np.random.RandomState(0).normal(size=(60, 3))
    distance, found = find_neighbors(Graph(), Z[:40], Z[40:], 4)
    every = cdist(Z[40:], Z[:40])
    assert_array_equal(found, np.argsort(every, axis=1)[:, :4])
    assert_allclose(distance, np.sort(every, axis=1)[:, :4])


def test_others_keep_their_order():
    own = np.arange(100)
    others = without_self(np.tile(own, (100, 1)), own)
    expected = [np.delete(own, row) for row in own]
    assert_array_equal(others, expected)


def test_a_search_without_a_seed_gets_one():
    Z = np.random.RandomState(0).normal(size=(500, 12))
    search = PyNNDescentTransformer(n_trees=1, n_iters=1)
    state = np.random.get_state()[1].copy()
    first, second = (nearest_rows(Z, 10, search) for _ in range(2))
    assert_array_equal(first, second)
    assert_array_equal(np.random.get_state()[1], state)
    assert search.random_state is None
