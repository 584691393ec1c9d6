import hashlib
import sys
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from unittest.mock import create_autospec
from urllib.error import URLError

import numpy as np
import pandas as pd
import pytest
import sklearn.datasets
from sklearn.datasets import fetch_openml
from sklearn.utils import Bunch

from skmix import datasets
from skmix.datasets import _regression, _tables, load_abalone, load_no2

NAMES = list(_regression.DATASETS)
UCI = [name for name, facts in _regression.DATASETS.items() if facts.source == "uci"]
OPENML = [name for name in NAMES if name not in UCI]


def loader(name):
    return getattr(datasets, f"load_{name}")


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """No test reaches the network, and none sees the user's SKMIX_DATA by accident."""

    def refuse(*args, **kwargs):
        raise URLError("no network in the tests")

    monkeypatch.setattr(_tables, "urlopen", refuse)
    monkeypatch.setattr(sklearn.datasets, "fetch_openml", refuse)
    monkeypatch.delenv("SKMIX_DATA", raising=False)


def small_table(facts):
    """Five rows with the columns of a data set, and numbers that are hard to write."""
    rng = np.random.RandomState(0)
    table = {}
    for column in facts.columns:
        values = rng.normal(size=5) / 3
        if column in facts.integer:
            values = rng.randint(100, size=5).astype(float)
        if column in facts.text:
            values = np.array(["M", "F", "I", "M", 'a "b", c'], dtype=object)
        table[column] = values
    return table


@pytest.fixture
def small(monkeypatch):
    """Shrink a data set to five rows; return its facts and its table."""

    def shrink(name):
        facts = _regression.DATASETS[name]
        table = small_table(facts)
        facts = replace(facts, sha256=_tables.checksum(table))
        monkeypatch.setitem(_regression.DATASETS, name, facts)
        return facts, table

    return shrink


def source_rows(facts, table):
    """Return the table as UCI and OpenML publish it: features first, their names."""
    ours = [*facts.features, *facts.targets]
    header = [facts.columns[column] for column in ours]
    return header, zip(*(table[column] for column in ours), strict=True)


def serve(monkeypatch, facts, table):
    """Stand in for the public source of a data set; return the list of its calls."""
    calls = []
    header, rows = source_rows(facts, table)

    def urlopen(url, timeout):
        calls.append(url)
        lines = [header, *rows, [""] * len(header)]
        cells = [[str(cell).replace('"', '""') for cell in line] for line in lines]
        text = "".join('"' + '","'.join(line) + '"\r\n' for line in cells)
        return BytesIO(text.encode("utf-8-sig"))

    def openml(**kwargs):
        calls.append(kwargs["data_id"])
        return Bunch(data=np.array(list(rows)), feature_names=header)

    monkeypatch.setattr(_tables, "urlopen", urlopen)
    fake = create_autospec(fetch_openml, side_effect=openml)
    monkeypatch.setattr(sklearn.datasets, "fetch_openml", fake)
    return calls


def assert_holds(bunch, table):
    columns = [*bunch.feature_names, *bunch.target_names]
    data = np.column_stack([bunch.data, bunch.target])
    for column, values in zip(columns, data.T, strict=True):
        np.testing.assert_array_equal(values, table[column])


@pytest.mark.parametrize("name", NAMES)
def test_download_then_cache(name, small, monkeypatch, tmp_path):
    facts, table = small(name)
    calls = serve(monkeypatch, facts, table)
    home = tmp_path / "not yet there"
    first = loader(name)(data_home=home)
    assert_holds(first, table)
    assert first.filename == str(home / f"{name}.csv")
    assert calls == [facts.url if name in UCI else facts.source_id]
    # The table alone is left behind, in our layout, and is read without the network.
    assert [path.name for path in home.iterdir()] == [f"{name}.csv"]
    header = (home / f"{name}.csv").read_text().splitlines()[0]
    assert header == ",".join(facts.columns)
    again = loader(name)(data_home=home, download_if_missing=False)
    assert_holds(again, table)
    assert len(calls) == 1


@pytest.mark.parametrize("name", OPENML)
def test_openml_is_asked_for_all_columns_as_numbers(name, small, monkeypatch, tmp_path):
    facts, table = small(name)
    serve(monkeypatch, facts, table)
    loader(name)(data_home=tmp_path)
    asked = sklearn.datasets.fetch_openml.call_args.kwargs
    assert asked["target_column"] is None
    assert asked["as_frame"] is False


@pytest.mark.parametrize("name", UCI)
def test_uci_address(name):
    facts = _regression.DATASETS[name]
    base = "https://archive.ics.uci.edu/static/public"
    assert facts.url == f"{base}/{facts.source_id}/data.csv"


def test_default_cache_is_in_the_folder_of_scikit_learn(small, monkeypatch, tmp_path):
    facts, table = small("no2")
    serve(monkeypatch, facts, table)
    monkeypatch.setenv("SCIKIT_LEARN_DATA", str(tmp_path))
    assert load_no2().filename == str(tmp_path / "skmix" / "no2.csv")


def test_skmix_data_comes_before_the_cache(small, monkeypatch, tmp_path):
    _, table = small("no2")
    local = tmp_path / "local" / "regression" / "no2.csv"
    cache = tmp_path / "cache"
    _tables.write_csv(cache / "no2.csv", table)
    monkeypatch.setenv("SKMIX_DATA", str(tmp_path / "local"))
    assert load_no2(data_home=cache).filename == str(cache / "no2.csv")
    _tables.write_csv(local, table)
    assert load_no2(data_home=cache).filename == str(local)


def test_layout_of_a_local_file_is_free(small, tmp_path):
    # Same content in other words: column order, quotes, line ends, empty last lines.
    _, table = small("abalone")
    frame = pd.DataFrame(table)[list(table)[::-1]]
    text = frame.to_csv(index=False, quoting=1, lineterminator="\r\n") + "\r\n,,\r\n"
    (tmp_path / "abalone.csv").write_bytes(text.encode("utf-8-sig"))
    assert_holds(load_abalone(data_home=tmp_path), table)


@pytest.mark.parametrize("where", ["SKMIX_DATA", "cache"])
def test_changed_local_file_is_refused(where, small, monkeypatch, tmp_path):
    facts, table = small("no2")
    folder = tmp_path / "regression" if where == "SKMIX_DATA" else tmp_path
    path = folder / "no2.csv"
    table["day"][-1] += 1
    _tables.write_csv(path, table)
    if where == "SKMIX_DATA":
        monkeypatch.setenv("SKMIX_DATA", str(tmp_path))
    with pytest.raises(OSError, match="does not hold the no2 data") as caught:
        load_no2(data_home=tmp_path)
    message = str(caught.value)
    assert str(path) in message
    assert facts.sha256 in message
    assert _tables.checksum(table) in message
    assert ("unset SKMIX_DATA" if where == "SKMIX_DATA" else "Delete") in message


@pytest.mark.parametrize("name", ["abalone", "no2"])
def test_changed_source_is_refused_and_not_cached(name, small, monkeypatch, tmp_path):
    facts, table = small(name)
    first = next(iter(facts.features))
    table[first] = table[first][::-1]
    serve(monkeypatch, facts, table)
    with pytest.raises(OSError, match="The source has changed") as caught:
        loader(name)(data_home=tmp_path)
    for part in (facts.url, facts.sha256, str(tmp_path / f"{name}.csv")):
        assert part in str(caught.value)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("change", ["value", "sign", "order", "name", "text"])
def test_checksum_sees_every_change(change):
    table = small_table(_regression.DATASETS["abalone"])
    changed = dict(table)
    if change == "value":
        changed["Length"] = np.nextafter(table["Length"], np.inf)
    elif change == "sign":
        changed["Length"] = -table["Length"]
    elif change == "order":
        changed = {column: values[::-1] for column, values in table.items()}
    elif change == "name":
        changed["length"] = changed.pop("Length")
    else:
        changed["Sex"] = np.array(["M", "F", "I", "F", "M"], dtype=object)
    assert _tables.checksum(changed) != _tables.checksum(table)


def test_checksum_is_stable():
    table = {"a": np.array([-0.0, 1.5]), "b": np.array(["x", "y"], dtype=object)}
    content = b"a\n" + np.array([0, 1.5], dtype="<f8").tobytes() + b"b\nx\ny"
    assert _tables.checksum(table) == hashlib.sha256(content).hexdigest()


@pytest.mark.parametrize("name", NAMES)
def test_missing_without_download_says_what_to_do(name, tmp_path):
    with pytest.raises(FileNotFoundError, match="is not here") as caught:
        loader(name)(data_home=tmp_path, download_if_missing=False)
    for part in (str(tmp_path / f"{name}.csv"), "SKMIX_DATA", "go online"):
        assert part in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_failed_download_says_what_to_do(name, tmp_path):
    with pytest.raises(OSError, match="Could not download") as caught:
        loader(name)(data_home=tmp_path)
    parts = ("no network", _regression.DATASETS[name].url, f"{name}.csv", "SKMIX_DATA")
    assert all(part in str(caught.value) for part in parts)
    assert isinstance(caught.value.__cause__, URLError)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("", "not a CSV table"),
        ("caf\xe9,day\n1,2\n", "not a CSV table"),
        ("<html>\n<p>not, found</p>\n", "not a CSV table"),
        ("target,day\n1,2\n3\n", "not a CSV table"),
        ("target,day\n1,2\n", "lacks the columns"),
        ("HEADER\n1,2,3,4,5,6,7,eight\n", "'day' of .*: could not convert"),
    ],
)
def test_broken_files(text, match, tmp_path):
    text = text.replace("HEADER", ",".join(_regression.DATASETS["no2"].columns))
    (tmp_path / "no2.csv").write_bytes(text.encode("latin-1"))
    with pytest.raises(OSError, match=match) as caught:
        load_no2(data_home=tmp_path)
    assert "no2.csv" in str(caught.value)


def test_failed_write_leaves_nothing(small, monkeypatch, tmp_path):
    facts, table = small("no2")
    serve(monkeypatch, facts, table)

    def fail(self, target):
        raise PermissionError("disk full")

    monkeypatch.setattr(Path, "replace", fail)
    with pytest.raises(PermissionError, match="disk full"):
        load_no2(data_home=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_bunch_and_its_other_forms(name, small, tmp_path):
    facts, table = small(name)
    _tables.write_csv(tmp_path / f"{name}.csv", table)
    load = loader(name)
    bunch = load(data_home=tmp_path)
    assert bunch.frame is None
    assert facts.descr == bunch["DESCR"]
    assert bunch.data.dtype == (object if facts.text else np.float64)
    assert bunch.target.dtype == np.float64
    assert bunch.target.shape == ((5, 2) if name == "energy" else (5,))

    X, y = load(data_home=tmp_path, return_X_y=True)
    np.testing.assert_array_equal(X, bunch.data)
    np.testing.assert_array_equal(y, bunch.target)

    framed = load(data_home=tmp_path, as_frame=True)
    assert list(framed.frame) == [*facts.features, *facts.targets]
    assert list(framed.data) == framed.feature_names == list(facts.features)
    assert framed.target_names == list(facts.targets)
    for column, dtype in framed.frame.dtypes.items():
        expected = "int64" if column in facts.integer else "float64"
        assert dtype == ("category" if column in facts.text else expected)
        np.testing.assert_array_equal(framed.frame[column], table[column])
    kind = pd.DataFrame if name == "energy" else pd.Series
    assert isinstance(framed.target, kind)
    np.testing.assert_array_equal(framed.target, y)

    X_frame, y_frame = load(data_home=tmp_path, as_frame=True, return_X_y=True)
    pd.testing.assert_frame_equal(X_frame, framed.data)
    assert isinstance(y_frame, kind)


def test_text_column_in_an_array(small, tmp_path):
    _, table = small("abalone")
    _tables.write_csv(tmp_path / "abalone.csv", table)
    X, _ = load_abalone(data_home=tmp_path, return_X_y=True)
    assert {type(cell) for cell in X[:, 0]} == {str}
    assert {type(cell) for cell in X[:, 1:].ravel()} == {float}


def test_arrays_need_no_pandas(small, monkeypatch, tmp_path):
    _, table = small("no2")
    _tables.write_csv(tmp_path / "no2.csv", table)
    monkeypatch.setitem(sys.modules, "pandas", None)
    assert_holds(load_no2(data_home=tmp_path), table)
    with pytest.raises(ImportError, match="pandas"):
        load_no2(data_home=tmp_path, as_frame=True)
