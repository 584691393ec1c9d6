import hashlib
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest

from skmix import datasets
from skmix.datasets import (
    _arrays,
    _regression,
    _tables,
    load_abalone,
    load_energy,
    load_no2,
)

DATA = os.environ.get("SKMIX_DATA")

needs_data = pytest.mark.skipif(
    not DATA, reason="SKMIX_DATA does not name a folder with the published tables"
)


def loader(name):
    return getattr(datasets, f"load_{name}")


def test_every_table_has_a_public_loader():
    loaders = {name for name in datasets.__all__ if name.startswith("load_")}
    names = [*_regression.DATASETS, *_arrays.DATASETS]
    assert loaders == {f"load_{name}" for name in names}


@pytest.mark.parametrize("name", _regression.DATASETS)
def test_parameters_are_keyword_only(name, tmp_path):
    with pytest.raises(TypeError, match="positional"):
        loader(name)(tmp_path)


def test_import_is_light():
    code = (
        "import sys; sys.modules['pandas'] = None; import skmix.datasets;"
        "print([m for m in ('polars', 'torch') if m in sys.modules])"
    )
    root = str(Path(datasets.__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=os.environ | {"PYTHONPATH": root},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.strip() == "[]"


# The published tables: shape of X, first row, first and last target.
PUBLISHED = {
    "no2": (
        (500, 7),
        [7.6912, 9.2, 4.8, -0.1, 74.4, 20, 600],
        3.71844,
        4.03247,
    ),
    "airfoil": ((1503, 5), [800, 0, 0.3048, 71.3, 0.00266337], 126.201, 104.204),
    "concrete": ((1030, 8), [540, 0, 0, 162, 2.5, 1040, 676, 28], 79.99, 32.4),
    "abalone": (
        (4177, 8),
        ["M", 0.455, 0.365, 0.095, 0.514, 0.2245, 0.101, 0.15],
        15,
        12,
    ),
    "energy": (
        (768, 8),
        [0.98, 514.5, 294, 110.25, 7, 2, 0, 0],
        [15.55, 21.33],
        [16.64, 16.03],
    ),
    "power_plant": ((9568, 4), [14.96, 41.76, 1024.07, 73.17], 463.26, 453.28),
    "bank8fm": (
        (8192, 8),
        [-0.102111, -0.193977, -0.385334, 0.257042, 7.188886, 15.12816, 0.671618, 8],
        0.657019,
        0.03401,
    ),
    "wind": (
        (6574, 14),
        [
            61,
            1,
            1,
            15.04,
            14.96,
            13.17,
            9.29,
            13.96,
            9.87,
            13.67,
            10.25,
            10.83,
            12.58,
            18.5,
        ],
        15.04,
        22.08,
    ),
}


@needs_data
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_table(name, monkeypatch, tmp_path):
    monkeypatch.setenv("SKMIX_DATA", DATA)
    shape, row, first, last = PUBLISHED[name]
    bunch = loader(name)(data_home=tmp_path, download_if_missing=False)
    assert bunch.filename == str(Path(DATA, "regression", f"{name}.csv"))
    assert bunch.data.shape == shape
    assert bunch.data[0].tolist() == row
    assert bunch.target[0].tolist() == first
    assert bunch.target[-1].tolist() == last
    frame = loader(name)(data_home=tmp_path, as_frame=True).frame
    assert not frame.isna().any(axis=None)


@needs_data
def test_published_categories_and_ranges(monkeypatch):
    monkeypatch.setenv("SKMIX_DATA", DATA)
    sex = load_abalone(as_frame=True).data["Sex"]
    assert sex.value_counts().to_dict() == {"M": 1528, "I": 1342, "F": 1307}
    energy = load_energy(as_frame=True).data
    assert sorted(energy["orientation"].unique()) == [2, 3, 4, 5]
    hours = load_no2(as_frame=True).data["hour_of_day"]
    assert (hours.min(), hours.max()) == (1, 24)


# How UCI writes the numbers, line ends and the last line, and the sha256 of the served
# data.csv as public projects have recorded it.
SERVED = {
    "abalone": (
        {},
        "\r\n",
        "\r\n",
        "25f3dc964447fcb3d68cf1048c04ed69d1474771c4fb34318e10778800a4342f",
    ),
    "concrete": (
        {},
        "\r\n",
        "\r\n",
        "8d4b15b6fc68cd932d745cbd663d5ceae66dd54422e99c1e4865f2936ab7e2af",
    ),
    "airfoil": (
        {"target": "%.3f"},
        "\r\n",
        "",
        "0beffa51c5b1493960d046c7d512a67d06a7884df6db599408087ee2fc2fc18a",
    ),
    "energy": (
        {
            "compactness": "%.2f",
            "surface_area": "%.2f",
            "wall_area": "%.2f",
            "roof_area": "%.2f",
            "height": "%.2f",
            "glazing_area": "%.2f",
            "target_heating": "%.2f",
            "target_cooling": "%.2f",
        },
        "\n",
        "\n",
        "db44dbe453acd464b5cf65be2fb01a28aa9c5b2630300e65fbe28cde35f5d96f",
    ),
    "power_plant": (
        {},
        "\n",
        "\n",
        "3c1fc11025f8424f8d95802d8b7086dffd3f73a552c6dcab3d973620986194b2",
    ),
}


@needs_data
@pytest.mark.parametrize("name", SERVED)
def test_file_that_uci_serves(name, monkeypatch, tmp_path):
    """The table in UCI's names, order and digits is the served file, byte for byte."""
    facts = _regression.DATASETS[name]
    monkeypatch.setenv("SKMIX_DATA", DATA)
    table, _ = _tables.fetch_table(facts, tmp_path, download_if_missing=False)
    formats, line_end, file_end, sha256 = SERVED[name]
    written = {
        column: values
        if column in facts.text
        else [formats.get(column, "%g") % value for value in values]
        for column, values in table.items()
    }
    ours = [*facts.features, *facts.targets]
    header = [facts.columns[column] for column in ours]
    rows = zip(*(written[column] for column in ours), strict=True)
    text = line_end.join(",".join(row) for row in [header, *rows]) + file_end
    assert hashlib.sha256(text.encode()).hexdigest() == sha256
    # and downloading that file gives the same table.
    monkeypatch.delenv("SKMIX_DATA")
    monkeypatch.setattr(_tables, "urlopen", lambda url, timeout: BytesIO(text.encode()))
    downloaded, path = _tables.fetch_table(facts, tmp_path, download_if_missing=True)
    assert path == tmp_path / f"{name}.csv"
    assert _tables.checksum(downloaded) == _tables.checksum(table) == facts.sha256
