"""One way to find, check, download and cache the table of a data set.

A table is a dict of columns, targets first: ``{name: array of shape (n_samples,)}``,
float64 for numbers and object for text.
"""

import csv
import hashlib
import os
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http.client import HTTPException
from os import PathLike
from pathlib import Path
from typing import Any
from urllib.request import urlopen

import numpy as np
from sklearn.utils import Bunch

Table = dict[str, np.ndarray]
Raw = Mapping[str, Sequence | np.ndarray]


@dataclass(frozen=True)
class Dataset:
    """What is known about one data set; the names map ours to the source's."""

    name: str
    targets: dict[str, str]
    features: dict[str, str]
    source: str
    source_id: int | str
    sha256: str
    descr: str
    integer: tuple[str, ...] = ()
    text: tuple[str, ...] = ()

    @property
    def columns(self) -> dict[str, str]:
        """All columns in order, our name to the source's name."""
        return {**self.targets, **self.features}

    @property
    def url(self) -> str:
        """Where the table is published."""
        if self.source == "uci":
            return (
                f"https://archive.ics.uci.edu/static/public/{self.source_id}/data.csv"
            )
        return f"https://www.openml.org/d/{self.source_id}"

    @property
    def file(self) -> Path:
        """Where the file lies in SKMIX_DATA; in the cache it has the same name."""
        return Path("regression", f"{self.name}.csv")

    def read(self, content: bytes, where: str | Path) -> Raw:
        """Return the columns in a file."""
        return read_csv(content, where)

    def write(self, path: Path, table: Table) -> None:
        """Write the table where `read` finds all of it."""
        write_csv(path, table)


def same(names: str) -> dict[str, str]:
    return {name: name for name in names.split()}


def checksum(table: Table) -> str:
    """Return the sha256 of the content of a table: its names, order and exact values.

    The content, not the file: a local copy, the cache and a download differ in line
    ends, quotes, names and trailing zeros, and one digest has to hold for all of them.
    """
    digest = hashlib.sha256()
    for name, values in table.items():
        digest.update(f"{name}\n".encode())
        if values.dtype == object:
            digest.update("\n".join(values).encode())
        else:
            # + 0.0: some writers drop the sign of -0.0, which means nothing here.
            digest.update((values + 0.0).astype("<f8").tobytes())
    return digest.hexdigest()


def read_csv(content: bytes, where: str | Path) -> dict[str, tuple[str, ...]]:
    """Return the columns of a CSV file as text: ``{name: tuple of cells}``."""
    try:
        lines = csv.reader(content.decode("utf-8-sig").splitlines())
        rows = [row for row in lines if any(cell.strip() for cell in row)]
        header = [name.strip() for name in rows[0]]
        return dict(zip(header, zip(*rows[1:], strict=True), strict=True))
    except (IndexError, ValueError, csv.Error) as error:
        raise OSError(f"{where} is not a CSV table with a header: {error}.") from error


def select(
    dataset: Dataset, raw: Raw, names: dict[str, str], where: str | Path
) -> Table:
    """Return the table of a data set from raw columns; `names` maps ours to theirs."""
    missing = sorted(set(names.values()) - set(raw))
    if missing:
        raise OSError(f"{where} lacks the columns {missing}; it has {sorted(raw)}.")
    table = {}
    for ours, theirs in names.items():
        try:
            kind = object if ours in dataset.text else np.float64
            table[ours] = np.array(raw[theirs], dtype=kind)
        except ValueError as error:
            raise OSError(f"Column {theirs!r} of {where}: {error}.") from error
    return table


@contextmanager
def _advise(remedy: str) -> Iterator[None]:
    """Say in an error what to do about it."""
    try:
        yield
    except OSError as error:
        raise OSError(f"{error} {remedy}") from error.__cause__


def _verify(dataset: Dataset, table: Table, where: str | Path) -> Table:
    got = checksum(table)
    if got != dataset.sha256:
        raise OSError(
            f"{where} does not hold the {dataset.name} data: the sha256 of its content "
            f"is {got}, expected {dataset.sha256}."
        )
    return table


def _download(dataset: Dataset) -> Table:
    try:
        if dataset.source != "openml":
            with urlopen(dataset.url, timeout=60) as response:
                content = response.read()
        else:
            from sklearn.datasets import fetch_openml

            bunch = fetch_openml(
                data_id=dataset.source_id,
                target_column=None,
                as_frame=False,
                parser="liac-arff",
                cache=False,
            )
    # ValueError: fetch_openml's word for an unknown id and for a damaged transfer.
    except (OSError, ValueError, HTTPException) as error:
        raise OSError(
            f"Could not download the {dataset.name} data from {dataset.url}: {error}."
        ) from error
    if dataset.source != "openml":
        raw = dataset.read(content, dataset.url)
    else:
        raw = dict(zip(bunch.feature_names, bunch.data.T, strict=True))
    return select(dataset, raw, dataset.columns, dataset.url)


@contextmanager
def new_file(path: Path) -> Iterator[Path]:
    """Give a path to write to, so that no reader of `path` ever sees half a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=path.parent) as folder:
        part = Path(folder, path.name)
        yield part
        part.replace(path)


def write_csv(path: Path, table: Table) -> None:
    """Write a table as a CSV file."""
    with new_file(path) as part, part.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(table)
        # tolist: Python's floats, whose repr is the shortest exact one.
        writer.writerows(zip(*(v.tolist() for v in table.values()), strict=True))


def _read(dataset: Dataset, path: Path) -> Table:
    raw = dataset.read(path.read_bytes(), path)
    table = select(dataset, raw, {name: name for name in dataset.columns}, path)
    return _verify(dataset, table, path)


def fetch_table(
    dataset: Dataset, data_home: str | PathLike | None, download_if_missing: bool
) -> tuple[Table, Path]:
    """Return the verified table of a data set and the path of the file it lies in."""
    if os.environ.get("SKMIX_DATA"):
        local = Path(os.environ["SKMIX_DATA"]).expanduser() / dataset.file
        if local.is_file():
            with _advise("Replace or delete the file, or unset SKMIX_DATA."):
                return _read(dataset, local), local

    if data_home is None:
        from sklearn.datasets import get_data_home

        data_home = Path(get_data_home(), "skmix")
    cached = Path(data_home).expanduser() / dataset.file.name
    if cached.is_file():
        with _advise("Delete the file to have it downloaded again."):
            return _read(dataset, cached), cached

    advice = (
        f"Put the file at {cached}, or at {dataset.file.as_posix()} in a folder that "
        "the environment variable SKMIX_DATA names; or go online and load with "
        "download_if_missing=True."
    )
    if not download_if_missing:
        raise FileNotFoundError(f"The {dataset.name} data is not here. {advice}")
    with _advise(advice):
        table = _download(dataset)
    with _advise(f"The source has changed since this release of skmix. {advice}"):
        _verify(dataset, table, dataset.url)
    dataset.write(cached, table)
    return table, cached


def load(
    name: str,
    data_home: str | PathLike | None,
    download_if_missing: bool,
    return_X_y: bool,
    as_frame: bool,
    datasets: Mapping[str, Dataset],
) -> Any:
    """Load one data set in scikit-learn's form; the public loaders document it."""
    dataset = datasets[name]
    table, path = fetch_table(dataset, data_home, download_if_missing)
    features, targets = list(dataset.features), list(dataset.targets)
    frame = None
    if as_frame:
        import pandas as pd

        frame = pd.DataFrame({column: table[column] for column in features + targets})
        frame = frame.astype(
            dict.fromkeys(dataset.integer, "int64")
            | dict.fromkeys(dataset.text, "category")
        )
        data = frame[features]
        target = frame[targets] if len(targets) > 1 else frame[targets[0]]
    else:
        data = np.column_stack([table[column] for column in features])
        target = np.column_stack([table[column] for column in targets])
        target = target if len(targets) > 1 else target[:, 0]
        if targets[0] in dataset.integer:  # classes
            target = target.astype(np.int64)
    if return_X_y:
        return data, target
    return Bunch(
        data=data,
        target=target,
        frame=frame,
        feature_names=features,
        target_names=targets,
        DESCR=dataset.descr,
        filename=str(path),
    )
