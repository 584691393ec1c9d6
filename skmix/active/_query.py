"""One query: what each row of the pool is worth, and which rows are chosen."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.neighbors import NearestNeighbors
from sklearn.utils import gen_batches

from .._compat import num_samples
from .._containers import take_rows
from .._core.batches import spread_rows, top_rows
from .._core.lookahead import disjoint_pairs
from .._core.neighbors import without_self
from .._random import draw_seed
from ._acquisitions import RowAcquisition, Scores
from ._augmentations import PairAugmentation, PairScores
from ._images import STN, check_images
from ._views import View

# Of how many rows one is chosen where they are spread, as in cluster-margin sampling.
SPREAD = 10

# Rows with the greatest scores of their own that are looked ahead of, for each of those
# that are spread.
SHORTLIST = 2

# Rows among which neighbours are looked for.
MAX_PARTNERS = 10_000


@dataclass
class Query:
    """A query on the rows of X.

    Attributes
    ----------
    X : {array-like, data frame, sparse matrix} of shape (n, ...)
        All rows.

    pool : ndarray of shape (m,)
        Rows that are looked ahead of: all that can be chosen, or a shortlist.

    view : View
        Where rows are scored and mixed.

    acquisition : RowAcquisition
        What scores them.

    rng : RandomState
        Source of randomness.

    device : str
        Where policies are learned.

    candidates : ndarray of shape (c,)
        Rows that can be chosen.

    own, virtual : ndarray of shape (n,)
        Scores of the rows, and expected scores of what is made of them; NaN where
        nobody asked.

    items : ndarray of shape (q, 1) or (q, 2)
        What can be chosen: rows, or pairs of them.

    utility : ndarray of shape (q,)
        What each of them is worth.

    tau : ndarray of shape (q,) or None
        Tau of the pairs.

    history : list of float
        Mean score while a policy was learned.
    """

    X: Any
    pool: NDArray[np.intp]
    view: View
    acquisition: RowAcquisition
    rng: RandomState = field(default_factory=RandomState)
    device: str = "auto"
    candidates: NDArray[np.intp] = field(init=False)
    own: Scores = field(init=False)
    virtual: Scores = field(init=False)
    items: NDArray[np.intp] = field(init=False)
    utility: Scores = field(init=False)
    tau: NDArray | None = None
    history: list[float] = field(default_factory=list)

    def __post_init__(self) -> None:
        """Score the rows of the pool, in blocks."""
        self.candidates = self.pool
        self.own = np.full(num_samples(self.X), np.nan)
        self.virtual = self.own.copy()
        self._score(self.pool)
        self.items = self.pool[:, None]
        self.utility = self.own[self.pool]

    def _score(self, rows: NDArray[np.intp]) -> None:
        for block in gen_batches(len(rows), self.view.block):
            Z = self.view.read(take_rows(self.X, rows[block]))
            self.own[rows[block]] = self.acquisition._score(self.view, Z)
        wrong = ~np.isfinite(self.own[rows])
        if wrong.any():
            raise ValueError(
                f"Scores of {type(self.acquisition).__name__} are NaN or infinite for "
                f"{wrong.sum()} rows, among them row {rows[wrong.argmax()]}: see "
                "whether the classifier's predict_proba gives NaN there, as it may for "
                "extreme values of X."
            )

    def shortlist(self, n_rows: int) -> None:
        """Leave only the rows with the greatest scores of their own."""
        if n_rows < len(self.pool):
            self.pool = self.pool[top_rows(self.own[self.pool], n_rows, self.rng)]
            self.items, self.utility = self.pool[:, None], self.own[self.pool]

    def look_at_pairs(self, augmentation: PairAugmentation, weight: float) -> None:
        """Make disjoint pairs the items, worth what Eq. 15 says."""
        self.items = disjoint_pairs(self.pool, self.rng)
        first, second = self.items.T
        self.tau, virtual = self.look(augmentation, first, second)
        self.virtual[self.items] = virtual[:, None]
        self.utility = self.own[first] + self.own[second] + weight * virtual

    def look_at_partners(
        self,
        augmentation: PairAugmentation,
        weight: float,
        partners: NDArray[np.intp],
        n_neighbors: int,
    ) -> None:
        """Add the mean score of mixes with the nearest partners to that of a row."""
        first, second = self._nearest(partners, n_neighbors)
        if not len(first):
            return
        missing = np.unique(second[np.isnan(self.own[second])])
        if len(missing):
            self._score(missing)
        _, virtual = self.look(augmentation, first, second)
        self.virtual[self.pool] = virtual.reshape(len(self.pool), -1).mean(axis=1)
        self.utility = self.own[self.pool] + weight * self.virtual[self.pool]

    def look_at_images(self, augmentation: STN, weight: float) -> None:
        """Add the score of the transformed image to that of the image, Eq. 7."""
        augmentation._learn(self)
        seed = draw_seed(self.rng)
        for block in gen_batches(len(self.pool), self.view.block):
            rows = self.pool[block]
            images = check_images(take_rows(self.X, rows))
            # Each block has draws of its own.
            Z = self.view.read(augmentation._transform(images, seed + block.start))
            self.virtual[rows] = self.acquisition._score(self.view, Z)
        self.utility = self.own[self.pool] + weight * self.virtual[self.pool]

    def look(
        self, augmentation: PairAugmentation, first: NDArray, second: NDArray
    ) -> tuple[NDArray, Scores]:
        """Tau and expected scores of pairs of rows."""
        rows, places = np.unique(np.concatenate([first, second]), return_inverse=True)
        pairs = PairScores(
            self.view,
            self.acquisition,
            self.view.read(take_rows(self.X, rows)),
            *places.reshape(2, -1),
            self.own[rows],
        )
        found = augmentation._look(pairs, self.rng, self.device)
        self.history = found.history
        return found.tau, found.score

    def _nearest(
        self, partners: NDArray[np.intp], n_neighbors: int
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Each row of the pool with its nearest partners, but itself; none if alone."""
        if len(partners) > MAX_PARTNERS:
            partners = self.rng.choice(partners, MAX_PARTNERS, replace=False)
        itself = bool(np.isin(self.pool, partners).any())
        k = min(n_neighbors, len(partners) - itself)
        if k < 1:
            return self.pool[:0], self.pool[:0]
        search = NearestNeighbors(n_neighbors=k + itself)
        search.fit(self.view.numbers(take_rows(self.X, partners)))
        near = partners[
            search.kneighbors(
                self.view.numbers(take_rows(self.X, self.pool)), return_distance=False
            )
        ]
        if itself:
            near = without_self(near, self.pool)
        return np.repeat(self.pool, k), near.ravel()

    def utilities(self) -> Scores:
        """What each row of X is worth, (n,): NaN where it is not in the pool."""
        utilities = np.full(len(self.own), np.nan)
        utilities[self.candidates] = -np.inf
        utilities[self.items] = self.utility[:, None]
        return utilities

    def choose(
        self, k: int, spread: bool
    ) -> tuple[NDArray[np.intp], NDArray[np.intp] | None, NDArray | None]:
        """Choose the best items, or items that are apart among the best.

        Parameters
        ----------
        k : int
            Number of rows, at most that of the pool.

        spread : bool
            Whether the items are spread by k-means, weighted by their utility.

        Returns
        -------
        rows : ndarray of shape (k,)
            Rows, the most useful first.

        pairs : ndarray of shape (k // 2, 2) or None
            The pairs among them, if items are pairs. An odd batch has one row more, the
            better one of the last pair.

        tau : ndarray of shape (k // 2,) or None
            Tau of these pairs.
        """
        size = self.items.shape[1]
        n_items = -(-k // size)
        # A single one has nothing to be apart from.
        spread = spread and n_items > 1
        best = top_rows(self.utility, SPREAD * n_items if spread else n_items, self.rng)
        if spread and len(best) > n_items:
            ends = self.items[best].T
            parts = [self.view.numbers(take_rows(self.X, rows)) for rows in ends]
            # A pair is where its middle is.
            middle = parts[0] if size == 1 else (parts[0] + parts[1]) / 2
            weight = self.utility[best] - min(self.utility[best].min(), 0)
            best = best[spread_rows(middle, weight, n_items, self.rng)]
        items = self.items[best]
        if size == 1:
            return items[:, 0], None, None
        pairs, tau = items[: k // 2], self.tau[best[: k // 2]]
        rows = pairs.ravel()
        if k % 2:
            rows = np.append(rows, items[-1, self.own[items[-1]].argmax()])
        return rows, pairs, tau
