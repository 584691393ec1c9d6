"""The rows of one fit, and the mixes of them, between a template and its resampler."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ._columns import Columns, Container, RowEncoder
from ._containers import wrap


@dataclass
class ResamplingData:
    """The training rows of one fit, read once.

    Parameters
    ----------
    X, y : Container
        The rows and labels as the user passed them.

    columns : Columns
        The numbers and categories of X.

    encoder : RowEncoder
        Turns columns, and mixes of them, into coordinates.

    Z : ndarray of shape (n, p)
        The rows in these coordinates.

    target : ndarray of shape (n, t) or (n,)
        Labels: float64, one column to a target, for regression; class labels otherwise.

    groups : ndarray of shape (n,) or None
        Rows of one group are never on both sides of a split.

    X_val, Z_val, target_val : Container, ndarray, ndarray or None
        Held-out rows that the user passed.

    Examples
    --------
    A resampler gets it as the first argument of ``_learn`` and ``_draw``; see
    :class:`BaseMixResampler`.
    """

    X: Container
    y: Container
    columns: Columns
    encoder: RowEncoder
    Z: NDArray[np.float64]
    target: NDArray
    groups: NDArray | None = None
    X_val: Container | None = None
    Z_val: NDArray[np.float64] | None = None
    target_val: NDArray | None = None

    def __len__(self) -> int:
        return len(self.Z)

    def take(self, rows: NDArray[np.intp]) -> ResamplingData:
        """Some of the training rows, in the coordinates of all of them.

        Parameters
        ----------
        rows : ndarray of shape (m,)
            Places of the rows.

        Returns
        -------
        data : ResamplingData
            These rows, without held-out ones.
        """
        return ResamplingData(
            X=wrap(self.X.take(rows)),
            y=wrap(self.y.take(rows)),
            columns=self.columns.take(rows),
            encoder=self.encoder,
            Z=self.Z[rows],
            target=self.target[rows],
            groups=None if self.groups is None else self.groups[rows],
        )


@dataclass
class Mixes:
    """Which rows to mix.

    Parameters
    ----------
    first, second : ndarray of shape (m,)
        Parents of each mix.

    weight : ndarray of shape (m,)
        Share of the first parent.

    target : ndarray of shape (m, t) or (m,)
        Labels of the mixes.

    Examples
    --------
    >>> import numpy as np
    >>> from skmix.base import Mixes
    >>> one = Mixes(np.array([0]), np.array([1]), np.array([0.5]), np.array([[3.0]]))
    >>> one.target
    array([[3.]])
    """

    first: NDArray[np.intp]
    second: NDArray[np.intp]
    weight: NDArray[np.float64]
    target: NDArray

    @classmethod
    def none(cls, data: ResamplingData) -> Mixes:
        """No mixes at all.

        Parameters
        ----------
        data : ResamplingData
            The rows that are not mixed.

        Returns
        -------
        mixes : Mixes
            Of length 0.
        """
        rows = np.empty(0, dtype=np.intp)
        return cls(rows, rows, np.empty(0), data.target[:0])
