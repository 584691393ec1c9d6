"""Images turned, scaled and shifted: at random, or to where their scores are great."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from .._compat import Interval
from .._containers import take_rows
from .._random import draw_seed
from .._validation import check_layers
from ._augmentations import Augmentation


class STN(Augmentation):
    """Turns, scales and shifts an image a little, at random.

    Once for each row and query: up to 15 degrees, 15 per cent and a tenth of the image.
    The label stays.

    See Also
    --------
    InfoSTN : Learns the transformation.

    Notes
    -----
    The row "LADA EntSTN fixed" of the paper's table does not say what is fixed; this is
    a reading of it. Rows of X must be images of shape (channels, height, width).

    References
    ----------
    .. [1] Jaderberg, Simonyan, Zisserman and Kavukcuoglu, "Spatial transformer
       networks", NeurIPS 2015.

    Examples
    --------
    >>> from skmix.active import LADASelector, STN
    >>> selector = LADASelector(augmentation=STN())
    """

    mixes_pairs = False

    def _learn(self, query: Any) -> None:
        """Nothing is learned."""

    def _transform(self, images: NDArray, seed: int) -> NDArray:
        """Images (n, c, h, w) as they are after the transformation."""
        from .._torch import stn  # imports torch

        return stn.transform_images(images, stn.draw_raw(len(images), seed))

    def _make(
        self,
        X: Any,
        codes: NDArray,
        labelled: Any,
        labels: NDArray,
        device: str,
        seed: int,
    ) -> NDArray:
        """Rows with the labels of others: here these, transformed."""
        return self._transform(check_images(X), seed)


class InfoSTN(STN):
    """Turns, scales and shifts images to where their scores are greatest.

    A small network looks at an image and says how, within the bounds of :class:`STN`.
    It is trained on the rows of the pool by the gradients of their scores, Eq. 6.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(64,)
        Units of the hidden layers of this network.

    learning_rate : float, default=0.003
        Step size of Adam.

    batch_size : int, default=100
        Number of images in a batch.

    max_iter : int, default=100
        Number of updates.

    See Also
    --------
    STN : The same at random.

    Notes
    -----
    The utility of an image is that of Eq. 7: its own score and that of the transformed
    image. The paper's section on STN has the second term alone.

    Examples
    --------
    >>> from skmix.active import InfoSTN, LADAClassifier, LADASelector
    >>> selector = LADASelector(LADAClassifier(), augmentation=InfoSTN())
    """

    _parameter_constraints: ClassVar[dict] = {
        "hidden_layer_sizes": ["array-like", Integral],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
    }

    def __init__(
        self,
        *,
        hidden_layer_sizes: int | Sequence[int] = (64,),
        learning_rate: float = 3e-3,
        batch_size: int = 100,
        max_iter: int = 100,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_iter = max_iter

    def _learn(self, query: Any) -> None:
        """Learn to transform the rows of the pool towards greater scores."""
        view = query.view
        check_images(take_rows(query.X, query.pool[:1]))
        scores = query.acquisition._torch_scores(view)
        from .._torch import stn  # imports torch
        from .._torch.device import resolve_device

        images = view.images(take_rows(query.X, query.pool))
        self._trained = stn.train_stn(
            images,
            scores,
            hidden_layer_sizes=check_layers(
                self.hidden_layer_sizes, "hidden_layer_sizes"
            ),
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            max_iter=self.max_iter,
            device=resolve_device(query.device),
            seed=draw_seed(query.rng),
        )
        self._images = view.images

    def _transform(self, images: NDArray, seed: int) -> NDArray:
        from .._torch import stn  # imports torch

        if not hasattr(self, "_trained"):
            # No classifier to learn from yet.
            return super()._transform(images, seed)
        return stn.transform_images(images, self._trained.raw(self._images(images)))


def check_images(X: Any) -> NDArray:
    """Check that rows are images (n, c, h, w)."""
    images = np.asarray(X)
    if images.ndim != 4:
        raise ValueError(
            "augmentation='stn' and 'infostn' transform images: X must have the shape "
            f"(n, channels, height, width), got {images.shape}."
        )
    return images
