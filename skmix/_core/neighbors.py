"""Nearest rows by features and by label."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.base import BaseEstimator, clone
from sklearn.neighbors import NearestNeighbors

FloatArray = NDArray[np.floating]
IntArray = NDArray[np.intp]

# Most rows that a row is compared with, where trees do not help: in more dimensions
# than this scikit-learn's take longer than comparing all.
MAX_CELL = 12_000
TREE_DIMENSIONS = 4
# Sorted labels are looked at in blocks of so many.
BLOCK_VALUES = 2**20
# Rows that a cut is placed by.
N_SEEN = 512


class CellNeighbors(BaseEstimator):
    """Nearest rows within a cell: all rows if they are few, else a part of them.

    Parameters
    ----------
    max_cell : int, default=12000
        Most rows in a cell.

    Attributes
    ----------
    cells_ : list of ndarray
        Places of the rows of each cell.

    Notes
    -----
    While a cell has too many rows it is cut in two halves across its longest axis. A
    row is compared with those of its cell alone: for n rows in p dimensions that takes
    O(n p max_cell) time. No row is lost or counted twice, so that all are as dense as
    they were; but near a cut some neighbours are missed, for which the next nearest
    are given. In up to four dimensions trees find all of them as fast.
    """

    def __init__(self, max_cell: int = MAX_CELL) -> None:
        self.max_cell = max_cell

    def fit(self, X: FloatArray, y: Any = None) -> CellNeighbors:
        """Cut the rows into cells.

        Parameters
        ----------
        X : ndarray of shape (n, p)
            Rows.

        y : None
            Not used.

        Returns
        -------
        self : CellNeighbors
            Ready to search.
        """
        self._X = X
        self.cells_: list[IntArray] = []
        # A cut is an axis, a place on it, and what lies on either side: another cut,
        # or a cell.
        self._tree = self._cut(np.arange(len(X)), RandomState(0))
        return self

    def _cut(self, rows: IntArray, rng: RandomState) -> Any:
        n, p = len(rows), self._X.shape[1]
        if n <= self.max_cell or p <= TREE_DIMENSIONS:
            self.cells_.append(rows)
            return len(self.cells_) - 1
        some = self._X[rows[rng.randint(n, size=N_SEEN)]]
        axis = np.linalg.svd(some - some.mean(axis=0), full_matrices=False)[2][0]
        along = self._X[rows] @ axis
        order = np.argpartition(along, n // 2)
        place = along[order[n // 2]]
        halves = order[: n // 2], order[n // 2 :]
        return axis, place, *(self._cut(rows[half], rng) for half in halves)

    def kneighbors(
        self,
        X: FloatArray | None = None,
        n_neighbors: int = 5,
        return_distance: bool = True,
    ) -> Any:
        """Find the nearest rows.

        Parameters
        ----------
        X : ndarray of shape (m, p), default=None
            Rows to look around; None stands for those that were searched, each of
            which is not its own neighbour.

        n_neighbors : int, default=5
            Number of neighbours, no more than a cell has.

        return_distance : bool, default=True
            Whether to return distances.

        Returns
        -------
        distance : ndarray of shape (m, n_neighbors)
            Distances, the smallest first; only if asked for.

        neighbors : ndarray of shape (m, n_neighbors)
            Their places.
        """
        queries, Z = self.cells_, self._X
        if X is not None:
            queries, Z = list(self.cells_), X
            self._route(self._tree, np.arange(len(X)), X, queries)
        neighbors = np.empty((len(Z), n_neighbors), dtype=np.intp)
        distance = np.empty(neighbors.shape if return_distance else 0)
        algorithm = "auto" if len(self.cells_) == 1 else "brute"
        for cell, rows in zip(self.cells_, queries, strict=True):
            if not len(rows):
                continue
            search = NearestNeighbors(n_neighbors=n_neighbors, algorithm=algorithm)
            search.fit(self._X[cell])
            found = search.kneighbors(
                None if X is None else X[rows], return_distance=return_distance
            )
            if return_distance:
                distance[rows], found = found
            neighbors[rows] = cell[found]
        return (distance, neighbors) if return_distance else neighbors

    def _route(self, tree: Any, rows: IntArray, X: FloatArray, queries: list) -> None:
        """Find the cell of each row."""
        if isinstance(tree, int):
            queries[tree] = rows
            return
        axis, place, *sides = tree
        above = X[rows] @ axis >= place
        for side, there in zip(sides, (~above, above), strict=True):
            self._route(side, rows[there], X, queries)


# So that a search without a seed finds the same each time.
SEED = 0


def find_neighbors(
    search: Any, Z: FloatArray, queries: FloatArray, k: int
) -> tuple[FloatArray, IntArray]:
    """Find the k nearest of some rows for each of others, nearest first.

    Parameters
    ----------
    search : estimator or None
        With ``fit`` and ``kneighbors``, or a transformer that makes the sparse graph
        of distances; None is `CellNeighbors`.

    Z : ndarray of shape (n, p)
        Rows to search.

    queries : ndarray of shape (m, p)
        Rows to look around.

    k : int
        Number of neighbours, at most n.

    Returns
    -------
    distance : ndarray of shape (m, k)
        Distances.

    neighbors : ndarray of shape (m, k)
        Places among the rows that were searched.

    Raises
    ------
    ValueError
        If `search` gives something else.
    """
    search = _cells(k) if search is None else _seeded(search)
    if hasattr(search, "kneighbors"):
        found = search.fit(Z).kneighbors(queries, n_neighbors=k)
        if not isinstance(found, tuple | list) or len(found) != 2:
            raise ValueError(
                f"neighbor_search={search!r} must give distances and places of rows "
                f"in kneighbors, got a {type(found).__name__}."
            )
        distance, neighbors = map(np.asarray, found)
    else:
        distance, neighbors = _of_graph(search, Z, queries, k)
    if neighbors.dtype.kind not in "iu" or (neighbors >= len(Z)).any():
        raise ValueError(
            f"neighbor_search={search!r} must give distances and places of rows, in "
            f"this order, got places of dtype {neighbors.dtype} for {len(Z)} rows."
        )
    known = neighbors.shape == (len(queries), k) and not (neighbors < 0).any()
    if not known:
        raise ValueError(
            f"neighbor_search={search!r} found fewer than {k} neighbours for some "
            "rows. Set it to search more thoroughly, or leave it out."
        )
    return distance, neighbors.astype(np.intp, copy=False)


def _seeded(search: Any) -> Any:
    """Copy a search, with a seed wherever it has none."""
    free = [
        name
        for name, value in search.get_params().items()
        if name.split("__")[-1] == "random_state" and value is None
    ]
    return clone(search).set_params(**dict.fromkeys(free, SEED))


def _cells(k: int) -> CellNeighbors:
    # The half of a cell still has more than k rows.
    return CellNeighbors(max(MAX_CELL, 4 * k))


def _of_graph(
    search: Any, Z: FloatArray, queries: FloatArray, k: int
) -> tuple[FloatArray, IntArray]:
    graph: Any = None
    if "n_neighbors" in search.get_params() and hasattr(search, "transform"):
        graph = search.set_params(n_neighbors=k).fit(Z).transform(queries)
    if not issparse(graph) or graph.shape != (len(queries), len(Z)):
        raise ValueError(
            f"neighbor_search={search!r} must have a method kneighbors, or a "
            "parameter n_neighbors and make a sparse graph of shape "
            f"{(len(queries), len(Z))} in transform."
        )
    graph = graph.tocsr()
    counts = np.diff(graph.indptr)
    if counts.min() < k:
        return np.empty((0, 0)), np.empty((0, 0), dtype=np.intp)
    # By row, then by distance: the first k of each row.
    order = np.lexsort((graph.data, np.repeat(np.arange(len(queries)), counts)))
    first = order[graph.indptr[:-1, None] + np.arange(k)]
    return graph.data[first], graph.indices[first]


def without_self(neighbors: IntArray, own: IntArray) -> IntArray:
    """Take each row out of its own neighbours; the last where it is not among them.

    Parameters
    ----------
    neighbors : ndarray of shape (n, k + 1)
        Row indices, nearest first.

    own : ndarray of shape (n,)
        Index of the row itself.

    Returns
    -------
    others : ndarray of shape (n, k)
        The others, nearest first.
    """
    order = np.argsort(neighbors == own[:, None], axis=1, kind="stable")
    return np.take_along_axis(neighbors, order[:, :-1], axis=1)


def nearest_rows(Z: FloatArray, k: int, search: Any = None) -> IntArray:
    """Find the k nearest other rows of each row, nearest first.

    Parameters
    ----------
    Z : ndarray of shape (n, p)
        Rows to compare, by Euclidean distance.

    k : int
        Number of neighbours; at most n - 1 are returned.

    search : estimator, default=None
        What searches; see `find_neighbors`.

    Returns
    -------
    neighbors : ndarray of shape (n, min(k, n - 1))
        Row indices. A row is never its own neighbour, not even where other rows
        equal it.
    """
    k = min(k, len(Z) - 1)
    if k < 1:
        return np.empty((len(Z), 0), dtype=np.intp)
    if search is None:
        return _cells(k).fit(Z).kneighbors(n_neighbors=k, return_distance=False)
    _, neighbors = find_neighbors(search, Z, Z, k + 1)
    return without_self(neighbors, np.arange(len(Z)))


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
    neighbors = np.empty((n, k), dtype=np.intp)
    size = max(1, BLOCK_VALUES // len(offsets))
    for start in range(0, n, size):
        own = np.arange(start, min(n, start + size))
        place = own[:, None] + offsets
        inside = (place >= 0) & (place < n)
        place = place.clip(0, n - 1)
        distance = np.where(inside, np.abs(y[place] - y[own, None]), np.inf)
        nearest = np.argsort(distance, axis=1, kind="stable")[:, :k]
        neighbors[order[own]] = order[np.take_along_axis(place, nearest, axis=1)]
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
