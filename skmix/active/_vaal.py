"""VAAL: rows that can be told from those with a label."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.preprocessing import StandardScaler

from .._compat import Interval
from .._containers import take_rows
from .._random import draw_seed
from .._validation import check_layers
from ._acquisitions import RowAcquisition, Scores
from ._views import View


class VAAL(RowAcquisition):
    """Probability that a row is none of those with a label, P(x in X_U), Eq. 4.

    A variational autoencoder codes labelled rows and rows of the pool, and a
    discriminator tells from the mean of the code which of both a row is [1]_. Both are
    trained anew in each query, on standardised rows; classes play no part.

    Parameters
    ----------
    latent_size : int, default=8
        Dimensions of the code; the paper has 32 for images.

    hidden_layer_sizes : int or sequence of int, default=(64,)
        Units of the hidden layers of encoder, decoder and discriminator.

    beta : float, default=1.0
        Weight of the divergence of the code from its prior.

    learning_rate : float, default=0.001
        Step size of Adam.

    batch_size : int, default=64
        Number of labelled rows and of rows of the pool in a batch.

    max_iter : int, default=300
        Number of iterations, each with two steps of the autoencoder and one of the
        discriminator. With more, the discriminator knows the labelled rows by heart.

    See Also
    --------
    Coreset : Rows far from the labelled ones, without a model.

    Notes
    -----
    The autoencoder is a multilayer perceptron; the paper's is convolutional. Rows are
    mixed, for the look-ahead, as the autoencoder gets them.

    References
    ----------
    .. [1] Sinha, Ebrahimi and Darrell, "Variational adversarial active learning", ICCV
       2019.

    Examples
    --------
    >>> from skmix.active import LADASelector, VAAL
    >>> selector = LADASelector(acquisition=VAAL(max_iter=100), random_state=0)
    """

    needs_probabilities = False
    differentiable = True
    _parameter_constraints: ClassVar[dict] = {
        "latent_size": [Interval(Integral, 1, None, closed="left")],
        "hidden_layer_sizes": ["array-like", Integral],
        "beta": [Interval(Real, 0, None, closed="left")],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        latent_size: int = 8,
        *,
        hidden_layer_sizes: int | Sequence[int] = (64,),
        beta: float = 1.0,
        learning_rate: float = 1e-3,
        batch_size: int = 64,
        max_iter: int = 300,
    ) -> None:
        self.latent_size = latent_size
        self.hidden_layer_sizes = hidden_layer_sizes
        self.beta = beta
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_iter = max_iter

    def score(self, probabilities: Scores) -> Scores:
        """Refuse: rows are scored by themselves, not by their classes.

        Parameters
        ----------
        probabilities : ndarray of shape (n, n_classes)
            Class probabilities.

        Raises
        ------
        ValueError
            Always.
        """
        raise ValueError(
            "VAAL does not look at class probabilities: call score_samples of the "
            "selector with rows."
        )

    def _bind(
        self,
        view: View,
        X: Any,
        labelled: NDArray[np.intp],
        pool: NDArray[np.intp],
        rng: RandomState,
        device: str,
    ) -> View:
        Z = view.numbers(take_rows(X, labelled))
        # Transformers refuse to transform nothing.
        Z_pool = view.numbers(take_rows(X, pool)) if len(pool) else Z
        if issparse(Z):
            raise ValueError(
                "acquisition='vaal' needs dense rows, and X is sparse: reduce it, for "
                "example by TruncatedSVD in a pipeline, or use another acquisition."
            )
        from .._torch.device import resolve_device  # imports torch
        from .._torch.vaal import train_vaal

        scaler = StandardScaler().fit(np.concatenate([Z, Z_pool]))
        vaal = train_vaal(
            scaler.transform(Z),
            scaler.transform(Z_pool),
            latent_size=self.latent_size,
            hidden_layer_sizes=check_layers(
                self.hidden_layer_sizes, "hidden_layer_sizes"
            ),
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            max_iter=self.max_iter,
            beta=self.beta,
            adversary_weight=1.0,
            device=resolve_device(device),
            seed=draw_seed(rng),
        )
        self._view = _CodedView(view.of_rows(), scaler, vaal)
        return self._view

    def _rebind(self, view: View) -> View:
        return self._view

    def _score(self, view: View, Z: Any) -> Scores:
        return view.vaal.score(Z)

    def _torch_scores(self, view: View) -> Callable:
        return view.vaal.scores


class _CodedView(View):
    """Rows as the autoencoder gets them.

    Parameters
    ----------
    rows : View
        How rows are turned into numbers.

    scaler : StandardScaler
        Their scale.

    vaal : Vaal
        Autoencoder and discriminator.
    """

    def __init__(self, rows: View, scaler: StandardScaler, vaal: Any) -> None:
        super().__init__(None, rows.transform)
        self.rows, self.scaler, self.vaal = rows, scaler, vaal

    def read(self, X: Any) -> NDArray[np.float64]:
        """Standardised numbers of rows."""
        return self.scaler.transform(self.rows.numbers(X))

    def tensor(self, Z: Any) -> Any:
        """The same for torch."""
        from .._torch.vaal import to_tensor  # imports torch

        return to_tensor(Z, self.vaal.device)

    def images(self, X: Any) -> NDArray:
        """Images as the autoencoder gets them, not yet flattened."""
        return self.read(X).reshape(np.shape(X)).astype(np.float32)

    def numbers(self, X: Any) -> Any:
        """Rows to compare, as the view of the classifier has them."""
        return self.rows.numbers(X)
