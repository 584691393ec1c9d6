"""Rows as a network takes them, and back in the containers of the user."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils.validation import validate_data

from .._columns import RowEncoder
from .._containers import wrap
from .._scaling import channel_scale
from .._validation import check_same_kinds, read_X


class TableRows:
    """Rows of a table: numbers standardised, an indicator for each category.

    Parameters
    ----------
    owner : estimator
        Whose `categorical_features`, and names of columns, hold.

    X : {array-like, data frame} of shape (n, p)
        Rows.

    Attributes
    ----------
    Z : ndarray of shape (n, q)
        The rows, encoded: numbers first.

    n_numbers : int
        How many columns of Z are numbers.

    blocks : dict of (int, int)
        First column of Z, and the one after the last, of each categorical column of X,
        by its place among those. Columns with more categories than the encoder tells
        apart are left out.
    """

    def __init__(self, owner: BaseEstimator, X: Any) -> None:
        self.owner = owner
        self.container, self.columns = read_X(
            owner, X, categorical_features=owner.categorical_features
        )
        self.encoder = RowEncoder(self.columns)
        self.Z = self.encoder(self.columns)
        self.n_numbers = len(self.columns.numeric)
        self.blocks = self._find_blocks()

    def encode(self, X: Any, name: str) -> NDArray[np.float64]:
        """Encode further rows."""
        _, columns = read_X(
            self.owner,
            X,
            categorical_features=self.owner.categorical_features,
            reset=False,
            name=name,
        )
        check_same_kinds(self.container, self.columns, columns)
        return self.encoder(columns)

    def extend(self, Z: NDArray, source: NDArray[np.intp]) -> Any:
        """All rows as they came, then those of Z, each like the row `source`."""
        values = np.empty((len(Z), 0))
        if self.n_numbers:
            numbers = Z[:, : self.n_numbers].astype(np.float64)
            values = self.encoder.scaler.inverse_transform(numbers)
            known = self.columns.values
            values = np.clip(values, known.min(axis=0), known.max(axis=0))
            is_integer = self.columns.is_integer
            values[:, is_integer] = np.rint(values[:, is_integer])
        taken = {}
        for column, (begin, end) in self.blocks.items():
            text = self.columns.categories[:, column]
            # The encoder sorts categories, as unique does.
            _, example = np.unique(text, return_index=True)
            own = self.Z[source, begin:end].argmax(axis=1)
            drawn = Z[:, begin:end].argmax(axis=1)
            taken[self._places[column]] = np.where(drawn == own, source, example[drawn])
        return self.columns.extend(self.container, source, values.__getitem__, taken)

    @property
    def names(self) -> list[str]:
        """Names of the numeric columns."""
        return [self.container.names[place] for place in self.columns.numeric]

    @property
    def redrawn(self) -> list[str]:
        """Names of the categorical columns in `blocks`."""
        return [self.container.names[self._places[column]] for column in self.blocks]

    @property
    def _places(self) -> list[int]:
        """Places of the categorical columns in X."""
        kinds = self.columns.kinds
        return [place for place, kind in enumerate(kinds) if kind == "category"]

    def _find_blocks(self) -> dict[int, tuple[int, int]]:
        indicators = self.encoder.indicators
        blocks: dict[int, tuple[int, int]] = {}
        if indicators is None:
            return blocks
        begin = self.n_numbers
        for column, (found, rare) in enumerate(
            zip(indicators.categories_, indicators.infrequent_categories_, strict=True)
        ):
            n_rare = 0 if rare is None else len(rare)
            width = len(found) - n_rare + (n_rare > 0)
            if not n_rare and width > 1:
                blocks[column] = (begin, begin + width)
            begin += width
        return blocks


class ImageRows:
    """Images: each channel standardised.

    Parameters
    ----------
    owner : estimator
        Whose `image_shape` holds, for rows that are no images by themselves.

    X : array-like of shape (n, c, h, w), or (n, c * h * w)
        Images.
    """

    def __init__(self, owner: BaseEstimator, X: Any) -> None:
        self.owner = owner
        images = self._read(X, reset=True, name="X")
        self.container = wrap(X)
        kinds = self.container.kinds
        self.is_whole = np.array([kind != "float" for kind in kinds])
        self.low = images.min(axis=(0, 2, 3), keepdims=True)
        self.high = images.max(axis=(0, 2, 3), keepdims=True)
        self.mean, self.scale = channel_scale(images)
        self.Z = (images - self.mean) / self.scale

    def encode(self, X: Any, name: str) -> NDArray[np.float64]:
        """Encode further images."""
        images = self._read(X, reset=False, name=name)
        return (images - self.mean) / self.scale

    def extend(self, Z: NDArray, source: NDArray[np.intp]) -> Any:
        """All images as they came, then those of Z."""
        images = np.clip(Z * self.scale + self.mean, self.low, self.high)
        values = images.reshape(len(Z), len(self.is_whole))
        values[:, self.is_whole] = np.rint(values[:, self.is_whole])
        columns = list(range(len(self.is_whole)))
        return self.container.extend(source, columns, values.__getitem__)

    def _read(self, X: Any, *, reset: bool, name: str) -> NDArray:
        images = validate_data(
            self.owner,
            X,
            dtype=[np.float64, np.float32],
            order="C",
            allow_nd=True,
            ensure_min_samples=2 if reset else 1,
            reset=reset,
        )
        shape = self.owner.image_shape
        if shape is not None:
            if len(shape) != 3 or int(np.prod(shape)) != np.prod(images.shape[1:]):
                raise ValueError(
                    f"image_shape={tuple(shape)} must be (channels, height, width) of "
                    f"the {int(np.prod(images.shape[1:]))} values of a row of {name}."
                )
            images = images.reshape(len(images), *shape)
        if images.ndim != 4:
            raise ValueError(
                f"{name} must hold images of shape (n, channels, height, width), got "
                f"{images.shape}. For rows of pixels, pass image_shape."
            )
        return images
