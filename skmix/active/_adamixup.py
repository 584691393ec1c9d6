"""Mixes of labelled rows within a range of ratios that is learned."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse

from .._compat import Interval
from .._validation import check_layers
from ._augmentations import Augmentation


class AdaMixup(Augmentation):
    """Mixes two labelled rows within a range of ratios that is learned for the pair.

    A discriminator tells rows from mixes, and each pair moves to ratios at which its
    mixes are not taken for rows, Eq. 3 of the LADA paper. That takes labels, so that
    it cannot look ahead: it follows an acquisition, with ``lookahead=False``.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(64,)
        Units of the hidden layers of its networks.

    learning_rate : float, default=0.001
        Step size of Adam.

    batch_size : int, default=32
        Number of rows in a batch, two or more.

    max_iter : int, default=200
        Number of updates.

    See Also
    --------
    skmix.regression.AdaMixupResampler : The same for regression, and what differs from
        the authors' program.

    Notes
    -----
    Rows are compared and told apart by their numbers, as where they are clustered. The
    label of a mix is learned with the squared error of its share of each class.

    References
    ----------
    .. [1] Guo, Mao and Zhang, "MixUp as locally linear out-of-manifold regularization",
       AAAI 2019.

    Examples
    --------
    >>> from skmix.active import AdaMixup, LADASelector
    >>> selector = LADASelector(augmentation=AdaMixup(), lookahead=False)
    """

    looks_ahead = False
    _parameter_constraints: ClassVar[dict] = {
        "hidden_layer_sizes": ["array-like", Integral],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 2, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        *,
        hidden_layer_sizes: int | Sequence[int] = (64,),
        learning_rate: float = 1e-3,
        batch_size: int = 32,
        max_iter: int = 200,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_iter = max_iter

    def _ranges(
        self,
        Z: NDArray,
        codes: NDArray,
        first: NDArray,
        second: NDArray,
        seed: int,
        device: str,
    ) -> NDArray[np.float64]:
        """Ranges (m, 2) of the share of the first row of each pair."""
        if issparse(Z):
            raise ValueError(
                "augmentation='adamixup' needs dense rows, and these are sparse: use "
                "'mixup' or 'infomixup'."
            )
        from .._torch.adamixup import AdaMixupLearner  # imports torch
        from .._torch.device import resolve_device

        learner = AdaMixupLearner(
            Z,
            np.eye(codes.max() + 1)[codes],
            hidden_layer_sizes=check_layers(
                self.hidden_layer_sizes, "hidden_layer_sizes"
            ),
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            device=resolve_device(device),
            seed=seed,
        )
        for _ in range(self.max_iter):
            learner.step()
        return np.column_stack(learner.ranges()(first, second))
