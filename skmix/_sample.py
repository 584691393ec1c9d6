"""Some of the rows to learn from, and some to judge by, where there are many."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray

from ._data import ResamplingData

# Share of the rows that judge, where none are held out, unless `max_samples` is less.
FRESH = 0.2


@dataclass
class Sample:
    """What is learned from, where there are more rows than that.

    Parameters
    ----------
    data : ResamplingData
        The rows that are learned from, and held-out rows where the user passed some.

    rows : ndarray of shape (m,)
        Their places among all rows.

    fresh : ndarray of shape (v,)
        Places of rows that judge what was learned, when all others are mixed; none
        where the user passed held-out rows.
    """

    data: ResamplingData
    rows: NDArray[np.intp]
    fresh: NDArray[np.intp]


def draw_sample(
    data: ResamplingData,
    max_samples: int | None,
    rng: RandomState,
    *,
    by_class: bool = False,
) -> Sample | None:
    """Draw rows to learn from and rows to judge by; groups stay together.

    Parameters
    ----------
    data : ResamplingData
        All rows.

    max_samples : int or None
        Most rows that are learned from; None is all.

    rng : RandomState
        Source of randomness.

    by_class : bool, default=False
        Whether classes keep their shares, as far as there are no groups; none are then
        kept apart to judge by.

    Returns
    -------
    sample : Sample or None
        None where all rows are learned from.
    """
    n = len(data)
    if max_samples is None or n <= max_samples:
        return None
    unit = np.arange(n)
    if data.groups is not None:
        unit = np.unique(data.groups, return_inverse=True)[1]
    order = rng.permutation(n)
    if data.groups is not None:
        # The groups in random order, each as a whole.
        rank = rng.permutation(int(unit.max()) + 1)
        order = order[np.argsort(rank[unit[order]], kind="stable")]
    elif by_class:
        # Where each row is among those of its class, from 0 to 1.
        _, code, counts = np.unique(
            data.target[order], return_inverse=True, return_counts=True
        )
        together = np.argsort(code, kind="stable")
        place = np.empty(n)
        place[together] = np.arange(n) - np.repeat(np.cumsum(counts) - counts, counts)
        # One of each class comes first: none is lost.
        share = np.where(place == 0, 0, (place + 0.5) / counts[code])
        order = order[np.argsort(share, kind="stable")]
    judged_apart = data.X_val is None and not by_class
    n_fresh = min(max_samples, int(FRESH * n)) if judged_apart else 0
    fresh = order[_within(unit[order[::-1]], n_fresh, n)[::-1]]
    if len(fresh) == n:
        return None  # a single group
    rest = order[: n - len(fresh)]
    rows = np.sort(rest[_within(unit[rest], max_samples, len(rest))])
    held_out = {
        name: getattr(data, name) for name in ("X_val", "columns_val", "target_val")
    }
    return Sample(replace(data.take(rows), **held_out), rows, np.sort(fresh))


def _within(unit: NDArray[np.intp], most: int, n: int) -> NDArray[np.bool_]:
    """Which of some rows come first, without a part of a unit; one unit at least."""
    taken = np.arange(n) < most
    if 0 < most < n:
        whole = np.flatnonzero(unit[1:] != unit[:-1]) + 1
        ends = whole[whole <= most]
        end = ends[-1] if len(ends) else (whole[0] if len(whole) else n)
        taken = np.arange(n) < end
    return taken
