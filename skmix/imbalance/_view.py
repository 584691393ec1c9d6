"""What the networks of AutoSMOTE see of a class, and what they choose from."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from .._core.neighbors import FloatArray, IntArray
from .._core.walk import SHARE_NEIGHBORS, BoolArray, Neighborhoods

# What is chosen from: amounts of mixes for a class, rates at which they start from a
# row, and equal parts of [0, 1], in one of which the share of that row lies.
AMOUNTS = np.linspace(0, 1, 5)
RATES = np.array([0, 1, 2, 4])
N_BINS = 4
# Inputs and outputs of the network of each level, from the top.
SIZES = {"amount": (2, len(AMOUNTS)), "rows": (4, len(RATES)), "pairs": (11, N_BINS)}
# A class that is asked for so many times its rows is the last that looks different.
MOST_ASKED = 1000


class View(NamedTuple):
    """What the networks see of a class, counted in lists of nearest rows.

    Attributes
    ----------
    rows : ndarray of shape (n,)
        Its usable rows.

    partners : ndarray of shape (n, k)
        The nearest others of them, nearest first; the row itself where there are fewer.

    inputs : dict of str to ndarray
        What the network of each level sees, in [-1, 1].

    possible : dict of str to ndarray
        What it can choose, in rows of choices.
    """

    rows: IntArray
    partners: IntArray
    inputs: dict[str, FloatArray]
    possible: dict[str, BoolArray]

    @classmethod
    def of(
        cls,
        rows: IntArray,
        partners: IntArray,
        is_partner: BoolArray,
        class_parts: Any,
        row_parts: Any,
        pair_parts: Any,
    ) -> View:
        """Arrange what is to be seen, given in parts of 1."""
        of_class, of_rows, of_pairs = (
            2 * np.clip(parts, 0, 1) - 1
            for parts in (class_parts, row_parts, pair_parts)
        )
        n, k = partners.shape
        own = np.repeat(of_rows[:, None], k, axis=1)
        other = of_rows[np.searchsorted(rows, partners)]
        inputs = {
            "amount": of_class,
            "rows": of_rows,
            "pairs": np.concatenate([own, other, of_pairs], axis=2),
        }
        possible = {
            "amount": np.ones((len(of_class), len(AMOUNTS)), dtype=bool),
            "rows": np.ones((n, len(RATES)), dtype=bool),
            "pairs": np.repeat(is_partner, N_BINS, axis=1),
        }
        return cls(rows, partners, inputs, possible)


def look(hoods: Neighborhoods, usable: BoolArray, asked: float, k: int) -> View:
    """Look at a class, whose rows have k partners each.

    Parameters
    ----------
    hoods : Neighborhoods
        Which rows are near which.

    usable : ndarray of shape (n,)
        Which rows may be mixed; no other counts.

    asked : float
        Number of rows that the class may get.

    k : int
        Number of partners.

    Returns
    -------
    view : View
        What the networks see.
    """
    rows = np.flatnonzero(usable & hoods.small)
    partners, is_partner = _partners(hoods, usable, rows, k)
    place = np.searchsorted(rows, partners)
    near = hoods.near[rows]
    is_near = usable[near]

    part = hoods.small_share(rows, usable)
    closest = is_near & (is_near.cumsum(axis=1) <= k)
    n_closest = np.maximum(closest.sum(axis=1), 1)
    part_closest = (closest & hoods.small[near]).sum(axis=1) / n_closest
    part_around = np.average(part[place], axis=1, weights=is_partner)
    n_chosen = np.bincount(place[is_partner], minlength=len(rows))

    # Rows of other classes that are nearer than the partner.
    reached = np.logical_or.accumulate(near[:, None] == partners[:, :, None], axis=2)
    is_other = is_near & ~hoods.small[near]
    between = (~reached & is_other[:, None]).sum(axis=2)
    is_mutual = (partners[place] == rows[:, None, None]).any(axis=2)
    return View.of(
        rows,
        partners,
        is_partner,
        [[part.mean(), np.log(asked / len(rows)) / np.log(MOST_ASKED)]],
        np.stack([part, part_closest, part_around, n_chosen / (2 * k)], axis=1),
        np.stack([between / SHARE_NEIGHBORS, is_mutual, _ranks(*place.shape)], axis=2),
    )


def typical(part: FloatArray, k: int) -> View:
    """Imagine rows around which their class has some parts.

    Parameters
    ----------
    part : ndarray of shape (n,)
        These parts. The class is asked for ten times its rows.

    k : int
        Number of partners, all of them like the row.

    Returns
    -------
    view : View
        What the networks see.
    """
    n, rows = len(part), np.arange(len(part))
    tenfold = np.full(n, np.log(10) / np.log(MOST_ASKED))
    between = np.repeat(1 - part[:, None], k, axis=1)
    return View.of(
        rows,
        np.repeat(rows[:, None], k, axis=1),
        np.ones((n, k), dtype=bool),
        np.stack([part, tenfold], axis=1),
        np.stack([part, part, part, np.full(n, 0.5)], axis=1),
        np.stack([between, np.ones((n, k)), _ranks(n, k)], axis=2),
    )


def _partners(
    hoods: Neighborhoods, usable: BoolArray, rows: IntArray, k: int
) -> tuple[IntArray, BoolArray]:
    """The k nearest usable rows of the class, or the row itself; and which it is."""
    itself = np.repeat(rows[:, None], k, axis=1)
    lists = np.hstack([hoods.near_small[hoods.rank[rows]], itself])
    known = usable[lists]
    known[:, -k:] = False
    order = np.argsort(~known, axis=1, kind="stable")[:, :k]
    is_partner = np.take_along_axis(known, order, axis=1)
    partners = np.take_along_axis(lists, order, axis=1)
    partners = np.where(is_partner, partners, itself)
    # Alone, a row is its own partner.
    is_partner[:, 0] = True
    return partners, is_partner


def _ranks(n: int, k: int) -> FloatArray:
    return np.broadcast_to(np.linspace(0, 1, k), (n, k))
