"""Pictures and cards of mixes, as a page shows them."""

from __future__ import annotations

import struct
import zlib
from base64 import b64encode
from typing import Any

import numpy as np
from numpy.typing import NDArray


def png(image: NDArray[np.uint8]) -> str:
    """An image (h, w) or (h, w, 3) as the address of a PNG that it holds itself.

    The format is that of ISO/IEC 15948: rows without filters, packed by zlib.
    """
    height, width = image.shape[:2]
    kind = 2 if image.ndim == 3 else 0
    rows = image.reshape(height, -1)
    plain = np.hstack([np.zeros((height, 1), np.uint8), rows]).tobytes()

    def chunk(name: bytes, data: bytes) -> bytes:
        check = struct.pack(">I", zlib.crc32(name + data))
        return struct.pack(">I", len(data)) + name + data + check

    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)
    parts = [
        b"\x89PNG\r\n\x1a\n",
        chunk(b"IHDR", header),
        chunk(b"IDAT", zlib.compress(plain, 9)),
        chunk(b"IEND", b""),
    ]
    return "data:image/png;base64," + b64encode(b"".join(parts)).decode()


class ImageRenderer:
    """Mixes of images, in grey or in colours.

    Parameters
    ----------
    X : ndarray of shape (n, 1 or 3, height, width)
        Images; the range of all of them becomes that from black to white, but for bytes
        which stay as they are.
    """

    def __init__(self, X: NDArray) -> None:
        self.X = X
        self.low, self.high = (0, 255) if X.dtype == np.uint8 else (X.min(), X.max())

    def __call__(self, i: int, j: int, part: float) -> dict[str, Any]:
        """What a page shows of a mix with a part of row i."""
        mixed = part * self.X[i].astype(float) + (1 - part) * self.X[j].astype(float)
        span = self.high - self.low or 1
        levels = (255 * (mixed - self.low) / span).round().clip(0, 255)
        levels = levels.astype(np.uint8).transpose(1, 2, 0)
        return {"image": png(levels[:, :, 0] if levels.shape[2] == 1 else levels)}


class TableRenderer:
    """Cards of mixed rows: the columns in which the two classes differ most.

    Parameters
    ----------
    X : ndarray of shape (n, p)
        Rows, of numbers.

    y : ndarray of shape (n,)
        Their labels.

    feature_names : list of str
        Names of columns.

    n_features : int
        Number of columns on a card.
    """

    def __init__(
        self, X: NDArray, y: NDArray, feature_names: list[str], n_features: int
    ) -> None:
        self.X, self.y = X, y
        self.names = feature_names
        self.n_features = n_features
        self.scale = np.where(X.std(axis=0) > 0, X.std(axis=0), 1)
        classes = np.unique(y)
        self.means = {c.item(): X[y == c].mean(axis=0) for c in classes}

    def __call__(self, i: int, j: int, part: float) -> dict[str, Any]:
        """What a page shows of a mix with a part of row i.

        Of each column its value, and what is typical of either class.
        """
        mixed = part * self.X[i] + (1 - part) * self.X[j]
        a, b = (self.means[self.y[row].item()] for row in (i, j))
        telling = np.abs(a - b) / self.scale
        places = np.argsort(-telling, kind="stable")[: self.n_features]
        card = [
            {
                "name": self.names[place],
                "value": float(f"{mixed[place]:.3g}"),
                "a": float(f"{a[place]:.3g}"),
                "b": float(f"{b[place]:.3g}"),
            }
            for place in places.tolist()
        ]
        return {"card": card}
