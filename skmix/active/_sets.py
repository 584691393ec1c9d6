"""Acquisitions that choose a batch as a set: at random, by distance, by gradients."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.sparse import issparse, vstack
from sklearn.utils import gen_batches

from .._containers import take_rows
from .._core.batches import farthest_rows, gradient_rows
from ._acquisitions import Acquisition, Scores
from ._views import View


class SetAcquisition(Acquisition):
    """Base class of acquisitions that choose a batch as a set.

    See Also
    --------
    Coreset : Rows far from all that have a label.
    BADGE : Rows with large and different gradients.
    Random : Any rows.

    Examples
    --------
    >>> from skmix.active import Coreset
    >>> Coreset().rowwise
    False
    """

    rowwise = False

    @abstractmethod
    def _choose(
        self,
        view: View,
        X: Any,
        labelled: NDArray[np.intp],
        pool: NDArray[np.intp],
        k: int,
        rng: RandomState,
        out: Scores | None,
    ) -> NDArray[np.intp]:
        """Choose k places in the pool; `out` (k, m) gets what each choice went by."""


class Random(SetAcquisition):
    """Any rows, all with the same probability: the control of every comparison.

    See Also
    --------
    LADASelector : Where it is chosen by ``acquisition="random"``.

    Examples
    --------
    >>> from skmix.active import LADASelector, Random
    >>> selector = LADASelector(acquisition=Random(), augmentation=None, random_state=0)
    >>> selector.query([[0.0], [1.0], [2.0]], [0, 1, None], batch_size=1)
    array([2])
    """

    needs_probabilities = False

    def _choose(
        self,
        view: View,
        X: Any,
        labelled: NDArray[np.intp],
        pool: NDArray[np.intp],
        k: int,
        rng: RandomState,
        out: Scores | None,
    ) -> NDArray[np.intp]:
        if out is not None:
            out[:] = 0
        return rng.permutation(len(pool))[:k]


class Coreset(SetAcquisition):
    """Rows far from all that have a label, by the greedy k-center algorithm.

    Rows are compared by the inputs of the last layer of a network, else by their
    features as the classifier gets them: put a scaler before it, in a pipeline, where
    they have different units.

    See Also
    --------
    BADGE : Knows of doubt, too.

    Notes
    -----
    For k rows out of n, with m labels and p features: O(n (m + k) p) time, n (2 p + 10)
    numbers in memory.

    References
    ----------
    .. [1] Sener and Savarese, "Active learning for convolutional neural networks: a
       core-set approach", ICLR 2018.

    Examples
    --------
    >>> from skmix.active import Coreset, LADASelector
    >>> selector = LADASelector(acquisition=Coreset(), augmentation=None)
    >>> X, y = [[0.0], [1.0], [2.0], [9.0]], [0, 1, None, None]
    >>> selector.query(X, y)
    array([3])
    """

    needs_probabilities = False

    def _choose(
        self,
        view: View,
        X: Any,
        labelled: NDArray[np.intp],
        pool: NDArray[np.intp],
        k: int,
        rng: RandomState,
        out: Scores | None,
    ) -> NDArray[np.intp]:
        Z = _in_blocks(view, view.last_inputs, X, pool)
        Z_labelled = Z[:0]
        # Transformers refuse to transform nothing.
        if len(labelled):
            Z_labelled = _in_blocks(view, view.last_inputs, X, labelled)
        return farthest_rows(Z, Z_labelled, k, rng, out)


class BADGE(SetAcquisition):
    """Rows with large and different gradients of the last layer, by k-means++.

    The gradient is that of the log loss if the most probable class were the label, Eq.
    5 of the LADA paper: (p - e_max) h^T, with h the inputs of the last layer. For a
    logistic regression these are the features; for other classifiers the features stand
    in for them.

    See Also
    --------
    Coreset : Knows of distances only.

    Notes
    -----
    For k rows out of n, with c classes and d inputs: O(n k (c + d)) time, n (2 d + c +
    10) numbers in memory. The n x c d array of gradients is never made.

    References
    ----------
    .. [1] Ash, Zhang, Krishnamurthy, Langford and Agarwal, "Deep batch active learning
       by diverse, uncertain gradient lower bounds", ICLR 2020.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skmix.active import BADGE, LADASelector
    >>> selector = LADASelector(
    ...     LogisticRegression(), acquisition=BADGE(), augmentation=None, random_state=0
    ... )
    >>> X, y = [[0.0], [1.0], [2.0], [9.0]], [0, 1, None, None]
    >>> selector.query(X, y)
    array([2])
    """

    def _choose(
        self,
        view: View,
        X: Any,
        labelled: NDArray[np.intp],
        pool: NDArray[np.intp],
        k: int,
        rng: RandomState,
        out: Scores | None,
    ) -> NDArray[np.intp]:
        residual = _in_blocks(
            view, lambda rows: view.probabilities(view.read(rows)), X, pool
        )
        residual[np.arange(len(pool)), residual.argmax(axis=1)] -= 1
        hidden = _in_blocks(view, view.last_inputs, X, pool)
        return gradient_rows(residual, hidden, k, rng, out)


def _in_blocks(
    view: View, read: Callable[[Any], Any], X: Any, rows: NDArray[np.intp]
) -> Any:
    """What is read from rows of X, a block of them at a time."""
    blocks = gen_batches(len(rows), view.block)
    parts = [read(take_rows(X, rows[block])) for block in blocks]
    return vstack(parts, format="csr") if issparse(parts[0]) else np.concatenate(parts)
