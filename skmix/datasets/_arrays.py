"""Facts about the data sets that ADBench publishes as arrays, and how to read these.

All else is as for the tables: the arrays X and y are the columns of one. The files are
NumPy archives; what they hold is checked, not their bytes, so one that was packed or
typed anew is as good.
"""

from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from zipfile import ZipFile

import numpy as np
from numpy.lib.format import read_array

from . import _tables
from ._tables import Dataset, Raw, Table, new_file, same


@dataclass(frozen=True, kw_only=True)
class ArrayDataset(Dataset):
    """A data set of ADBench: `source_id` is its place there, `features` our names."""

    targets: dict[str, str] = field(default_factory=lambda: same("target"))
    integer: tuple[str, ...] = ("target",)
    source: str = "adbench"
    file_name: str = ""

    @property
    def url(self) -> str:
        """Where the arrays are published."""
        base = "https://raw.githubusercontent.com/Minqi824/ADBench/main/adbench"
        return f"{base}/datasets/{self.source_id}.npz"

    @property
    def file(self) -> Path:
        """Where the file lies in SKMIX_DATA; in the cache it has the same name."""
        return Path("imbalance", self.file_name or f"{self.name}.npz")

    def read(self, content: bytes, where: str | Path) -> Raw:
        """Return the columns in a file."""
        try:
            with ZipFile(BytesIO(content)) as archive:
                X, y = (read_array(archive.open(f"{name}.npy")) for name in "Xy")
            if X.shape != (*y.shape, len(self.features)):
                raise ValueError(f"X has the shape {X.shape} and y {y.shape}")
        except Exception as error:  # zipfile, zlib and NumPy raise nearly anything
            raise OSError(
                f"{where} is not a NumPy archive with an array X of "
                f"{len(self.features)} columns and an array y: {error}."
            ) from error
        return dict(zip(self.columns, (y, *X.T), strict=True))

    def write(self, path: Path, table: Table) -> None:
        """Write the table where `read` finds all of it."""
        y, *columns = table.values()
        with new_file(path) as part:
            np.savez_compressed(part, X=np.column_stack(columns), y=y.astype(np.int64))


def _numbered(count: int) -> dict[str, str]:
    return same(" ".join(f"x{i}" for i in range(count)))


# The addresses are where ADBench's own code looks. That the values there are those that
# are checked here could not be tried; if not, a download ends in a checksum error.
DATASETS = {
    dataset.name: dataset
    for dataset in (
        ArrayDataset(
            name="vowels",
            features=_numbered(12),
            source_id="Classical/40_vowels",
            sha256="52f01593227c3f825564a78b51bb8ea9c3f655a658a3c69e307b1731e5e7f426",
            descr="""Japanese vowels (Kudo and others; UCI 128, CC BY 4.0; ADBench 40).

1456 moments of speech, 50 of them (3.4 %) by the speaker to find: the last 50 rows, so
shuffle before you split. Target: 1 for this speaker, 0 for three others. Features:
twelve cepstrum coefficients, standardised; the file does not name them.""",
        ),
        ArrayDataset(
            name="annthyroid",
            features=same("age TSH T3 TT4 T4U FTI"),
            source_id="Classical/2_annthyroid",
            sha256="a5fc94746dd9d82918d687324f8da8e03893c731a888924ba77dc769abdbd4f5",
            descr="""Thyroid disease (R. Quinlan; UCI 102, CC BY 4.0; ADBench 2).

7200 patients, 534 of them (7.4 %) ill. Target: 1 for a thyroid that works too much or
too little, 0 for a healthy one. Features: age and five laboratory values, scaled. The
15 yes-or-no features of the source are not in ADBench's file, nor are the names: these
are the source's, in its order.""",
        ),
        ArrayDataset(
            name="mammography",
            features=_numbered(6),
            source_id="Classical/23_mammography",
            sha256="831c31dbe4e6ceb536b378c5021e103c8ab6ec8f45ef338515e136517898fe33",
            descr="""Mammography (Woods and others 1993; OpenML 310; ADBench 23).

11183 spots in mammograms, 260 of them (2.3 %) microcalcifications. Target: 1 for a
microcalcification, 0 for any other spot. Features: six measurements of the spot (among
them area, brightness and contrast), standardised; the file does not name them. 3335
rows repeat the features of another. No licence is stated.""",
        ),
        ArrayDataset(
            name="satellite",
            features=same(
                " ".join(f"pixel{p}_band{b}" for p in range(1, 10) for b in range(1, 5))
            ),
            source_id="Classical/30_satellite",
            sha256="11a84853c04154a9804a4444ae6a360081326d870c11f0e5a61cc0656c5d00df",
            descr="""Landsat satellite (A. Srinivasan; UCI 146, CC BY 4.0; ADBench 30).

6435 squares of 3 x 3 pixels, 2036 of them (31.6 %) of the three smallest of six kinds
of ground. Target: 1 for cotton, damp grey soil and stubble, 0 for the other kinds.
Features: the pixels in reading order, each in four spectral bands, 0 to 255. Half of
the squares share six pixels with the next row, so that training and test rows of a
random split are not independent.""",
        ),
        ArrayDataset(
            name="smtp",
            features=same("duration src_bytes dst_bytes"),
            source_id="Classical/34_smtp",
            sha256="74a14a507d5820cb1d3d8545726b8bdfcfc8b71b2cc87d5a13b8cdef2fd41940",
            descr="""Mail connections of KDD Cup 1999 (UCI 130, CC BY 4.0; ADBench 34).

95156 connections, 30 of them (0.03 %) attacks. Target: 1 for an attack, 0 for normal.
Features: duration (s) and bytes from and to the source, each as log(value + 0.1); the
other 38 features of the source are not in ADBench's file. 23926 rows repeat the
features of another.""",
        ),
        ArrayDataset(
            name="cifar10_airplane",
            features=_numbered(512),
            source_id="CV_by_ResNet18/CIFAR10_0",
            file_name="cifar10_airplane_resnet18.npz",
            sha256="214496dd3c483d83fb1bd002620c38fedfbd6e5c8ec652901e7521d435889b4d",
            descr="""CIFAR-10 with airplanes as the norm (Krizhevsky 2009; ADBench 48).

5263 pictures, 263 of them (5.0 %) of something else. Target: 1 for one of the nine
other classes, 0 for an airplane: the minority are not the airplanes. Features: what a
ResNet-18 trained on ImageNet gives after its last pooling. No licence is stated.""",
        ),
    )
}

load = partial(_tables.load, datasets=DATASETS)
