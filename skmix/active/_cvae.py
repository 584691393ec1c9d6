"""Rows of a class, from a model of the labelled ones."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.preprocessing import StandardScaler

from .._columns import Columns
from .._compat import Interval
from .._containers import ArrayContainer, wrap
from .._validation import check_layers, resolve_kinds
from ._augmentations import Augmentation


class CVAE(Augmentation):
    """Makes rows of the same class from a model of the labelled rows.

    A variational autoencoder that knows the class: a row is encoded, a point is drawn
    near its code, and decoded with its label. It needs labels and cannot look ahead:
    with ``lookahead=False`` it follows an acquisition, as in BGADL [1]_. There the
    model also has a discriminator that tells real rows and classes (VAE-ACGAN); this
    one is a simplification without it.

    Parameters
    ----------
    latent_size : int, default=8
        Dimensions of the code.

    hidden_layer_sizes : int or sequence of int, default=(64,)
        Units of the hidden layers of encoder and decoder.

    learning_rate : float, default=0.001
        Step size of Adam.

    batch_size : int, default=64
        Number of rows in a batch.

    max_iter : int, default=500
        Number of updates.

    See Also
    --------
    AdaMixup : Learns from labels, too.

    References
    ----------
    .. [1] Tran, Do, Reid and Carneiro, "Bayesian generative active deep learning", ICML
       2019.

    Examples
    --------
    >>> from skmix.active import CVAE, LADASelector
    >>> selector = LADASelector(
    ...     acquisition="bald", augmentation=CVAE(), lookahead=False
    ... )
    """

    looks_ahead = False
    mixes_pairs = False
    _parameter_constraints: ClassVar[dict] = {
        "latent_size": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": ["array-like", Integral],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        *,
        latent_size: int = 8,
        hidden_layer_sizes: int | Sequence[int] = (64,),
        learning_rate: float = 1e-3,
        batch_size: int = 64,
        max_iter: int = 500,
    ) -> None:
        self.latent_size = latent_size
        self.hidden_layer_sizes = hidden_layer_sizes
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_iter = max_iter

    def _make(
        self,
        X: Any,
        codes: NDArray,
        labelled: Any,
        labels: NDArray,
        device: str,
        seed: int,
    ) -> Any:
        """Rows with the labels of others, made from a model of the labelled rows."""
        from .._torch.cvae import train_cvae  # imports torch
        from .._torch.device import resolve_device

        Z, Z_labelled, finish = _read_numbers(X, labelled)
        scaler = StandardScaler().fit(Z_labelled.reshape(len(Z_labelled), -1))

        def scaled(rows: NDArray) -> NDArray:
            return scaler.transform(rows.reshape(len(rows), -1))

        model = train_cvae(
            scaled(Z_labelled),
            labels,
            labels.max() + 1,
            latent_size=self.latent_size,
            hidden_layer_sizes=check_layers(
                self.hidden_layer_sizes, "hidden_layer_sizes"
            ),
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            max_iter=self.max_iter,
            device=resolve_device(device),
            seed=seed,
        )
        made = scaler.inverse_transform(model.generate(scaled(Z), codes, seed))
        return finish(made.reshape(Z.shape))


def _read_numbers(
    X: Any, labelled: Any
) -> tuple[NDArray, NDArray, Callable[[NDArray], Any]]:
    """Numbers of two sets of rows, and how numbers become rows like the first.

    Of a table the columns of numbers; what else there is stays with the row.
    """
    if issparse(X):
        raise ValueError(
            "augmentation='cvae' needs dense rows, and X is sparse: use a mixup."
        )
    container = wrap(X)
    is_array = isinstance(container, ArrayContainer)
    if is_array and container.array.ndim != 2:
        dtype = container.array.dtype
        return np.asarray(X), np.asarray(labelled), lambda Z: Z.astype(dtype)
    kinds = resolve_kinds(container, "from_dtype", "X")
    columns, columns_labelled = (
        Columns.read(wrap(rows), kinds) for rows in (X, labelled)
    )

    def finish(values: NDArray) -> Any:
        values[:, columns.is_integer] = np.rint(values[:, columns.is_integer])
        return columns.derive(container, np.arange(len(values)), values)

    return columns.values, columns_labelled.values, finish
