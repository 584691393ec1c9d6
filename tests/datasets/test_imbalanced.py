import doctest
import os
from dataclasses import replace
from io import BytesIO
from pathlib import Path
from urllib.error import URLError

import numpy as np
import pandas as pd
import pytest

from skmix import datasets
from skmix.datasets import _arrays, _tables, load_smtp, load_vowels

DATA = os.environ.get("SKMIX_DATA")
NAMES = list(_arrays.DATASETS)

needs_data = pytest.mark.skipif(
    not DATA, reason="SKMIX_DATA does not name a folder with the published arrays"
)


def loader(name):
    return getattr(datasets, f"load_{name}")


@pytest.fixture(autouse=True)
def offline(monkeypatch):
    """No test reaches the network, and none sees the user's SKMIX_DATA by accident."""

    def refuse(*args, **kwargs):
        raise URLError("no network in the tests")

    monkeypatch.setattr(_tables, "urlopen", refuse)
    monkeypatch.delenv("SKMIX_DATA", raising=False)


def packed(save=np.savez, **arrays):
    """The bytes of a NumPy archive."""
    file = BytesIO()
    save(file, **arrays)
    return file.getvalue()


def checksum(facts, content):
    raw = facts.read(content, "here")
    return _tables.checksum(_tables.select(facts, raw, facts.columns, "here"))


@pytest.fixture
def small(monkeypatch):
    """Shrink a data set to six rows; return its facts and its arrays."""

    def shrink(name):
        facts = _arrays.DATASETS[name]
        X = np.random.RandomState(0).randint(256, size=(6, len(facts.features)))
        arrays = {"X": X / 4, "y": np.array([0, 0, 1, 0, 1, 0])}
        facts = replace(facts, sha256=checksum(facts, packed(**arrays)))
        monkeypatch.setitem(_arrays.DATASETS, name, facts)
        return facts, arrays

    return shrink


def serve(monkeypatch, content):
    """Stand in for the public source; return the list of the addresses asked for."""
    calls = []

    def urlopen(url, timeout):
        calls.append(url)
        return BytesIO(content)

    monkeypatch.setattr(_tables, "urlopen", urlopen)
    return calls


def put(path, content):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)


def assert_holds(bunch, arrays):
    np.testing.assert_array_equal(bunch.data, arrays["X"])
    np.testing.assert_array_equal(bunch.target, arrays["y"])
    assert np.asarray(bunch.data).dtype == np.float64
    assert bunch.target.dtype == np.int64


@pytest.mark.parametrize("name", NAMES)
def test_parameters_are_keyword_only(name, tmp_path):
    with pytest.raises(TypeError, match="positional"):
        loader(name)(tmp_path)


@pytest.mark.parametrize(
    ("name", "address", "file"),
    [
        ("annthyroid", "Classical/2_annthyroid", "annthyroid"),
        ("cifar10_airplane", "CV_by_ResNet18/CIFAR10_0", "cifar10_airplane_resnet18"),
        ("mammography", "Classical/23_mammography", "mammography"),
        ("satellite", "Classical/30_satellite", "satellite"),
        ("smtp", "Classical/34_smtp", "smtp"),
        ("vowels", "Classical/40_vowels", "vowels"),
    ],
)
def test_download_then_cache(name, address, file, small, monkeypatch, tmp_path):
    _, arrays = small(name)
    calls = serve(monkeypatch, packed(**arrays))
    home = tmp_path / "not yet there"
    first = loader(name)(data_home=home)
    assert_holds(first, arrays)
    assert first.filename == str(home / f"{file}.npz")
    base = "https://raw.githubusercontent.com/Minqi824/ADBench/main/adbench/datasets"
    assert calls == [f"{base}/{address}.npz"]
    # The file alone is left behind, and is read without the network.
    assert [path.name for path in home.iterdir()] == [f"{file}.npz"]
    again = loader(name)(data_home=home, download_if_missing=False)
    assert_holds(again, arrays)
    assert len(calls) == 1


@pytest.mark.parametrize("name", ["vowels", "cifar10_airplane"])
def test_skmix_data_comes_before_the_cache(name, small, monkeypatch, tmp_path):
    facts, arrays = small(name)
    local, cache = tmp_path / "local" / facts.file, tmp_path / facts.file.name
    assert local.parent.name == "imbalance"
    put(cache, packed(**arrays))
    monkeypatch.setenv("SKMIX_DATA", str(tmp_path / "local"))
    assert loader(name)(data_home=tmp_path).filename == str(cache)
    put(local, packed(**arrays))
    assert loader(name)(data_home=tmp_path).filename == str(local)


def test_packing_and_types_of_a_local_file_are_free(small, tmp_path):
    _, arrays = small("vowels")
    X = np.asfortranarray(arrays["X"], dtype=np.float32)
    y = arrays["y"].astype(np.uint8)
    content = packed(np.savez_compressed, y=y, more=np.arange(3), X=X)
    put(tmp_path / "vowels.npz", content)
    assert_holds(load_vowels(data_home=tmp_path), arrays)


@pytest.mark.parametrize("change", ["value", "order", "column", "label", "half"])
def test_checksum_sees_every_change(change, small):
    facts, arrays = small("vowels")
    X, y = arrays["X"].copy(), arrays["y"].copy()
    if change == "value":
        X[-1, -1] = np.nextafter(X[-1, -1], np.inf)
    elif change == "order":
        X, y = X[::-1], y[::-1]
    elif change == "column":
        X = X[:, ::-1]
    elif change == "label":
        y = 1 - y
    else:
        y = y + 0.5  # rounds to the labels
    assert checksum(facts, packed(X=X, y=y)) != facts.sha256


@pytest.mark.parametrize("where", ["SKMIX_DATA", "cache"])
@pytest.mark.parametrize("broken", [False, True])
def test_changed_local_file_is_refused(where, broken, small, monkeypatch, tmp_path):
    facts, arrays = small("vowels")
    path = tmp_path / (facts.file if where == "SKMIX_DATA" else facts.file.name)
    arrays["y"][0] = 1
    content = packed(**arrays)
    put(path, content[:-100] if broken else content)
    if where == "SKMIX_DATA":
        monkeypatch.setenv("SKMIX_DATA", str(tmp_path))
    match = "is not a NumPy archive" if broken else "does not hold the vowels data"
    with pytest.raises(OSError, match=match) as caught:
        load_vowels(data_home=tmp_path)
    message = str(caught.value)
    assert str(path) in message
    assert broken or facts.sha256 in message
    assert ("unset SKMIX_DATA" if where == "SKMIX_DATA" else "Delete") in message


@pytest.mark.parametrize("broken", [False, True])
def test_changed_source_is_refused_and_not_cached(broken, small, monkeypatch, tmp_path):
    facts, arrays = small("smtp")
    arrays["X"] = arrays["X"][::-1]
    serve(monkeypatch, b"<html>Log in</html>" if broken else packed(**arrays))
    match = "is not a NumPy archive" if broken else "The source has changed"
    with pytest.raises(OSError, match=match) as caught:
        load_smtp(data_home=tmp_path)
    for part in (facts.url, str(tmp_path / "smtp.npz"), "imbalance/smtp.npz"):
        assert part in str(caught.value)
    assert not list(tmp_path.iterdir())


X, Y = np.zeros((4, 3)), np.array([0, 0, 0, 1])
DAMAGED = bytearray(packed(np.savez_compressed, X=X, y=Y))
DAMAGED[60:70] = b"?" * 10


@pytest.mark.parametrize(
    ("content", "match"),
    [
        (b"", "not a zip file"),
        (b"<html>not found</html>", "not a zip file"),
        (packed(X=X, y=Y)[:300], "not a zip file"),
        (bytes(DAMAGED), "is not a NumPy archive"),
        (packed(X=X), r"no item named 'y\.npy'"),
        (packed(X=X[:, :2], y=Y), r"array X of 3 columns .* shape \(4, 2\)"),
        (packed(X=X, y=Y[:3]), r"shape \(4, 3\) and y \(3,\)"),
        (packed(X=X, y=Y[:, None]), r"shape \(4, 3\) and y \(4, 1\)"),
        (packed(X=X, y=Y.astype(object)), "Object arrays cannot be loaded"),
        (packed(X=X.astype(str) + "?", y=Y), "'duration' of .*: could not convert"),
    ],
)
def test_broken_files(content, match, tmp_path):
    put(tmp_path / "smtp.npz", content)
    with pytest.raises(OSError, match=match) as caught:
        load_smtp(data_home=tmp_path)
    assert str(tmp_path / "smtp.npz") in str(caught.value)
    assert "Delete the file to have it downloaded again." in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_missing_without_download_says_what_to_do(name, tmp_path):
    with pytest.raises(FileNotFoundError, match="is not here") as caught:
        loader(name)(data_home=tmp_path, download_if_missing=False)
    file = _arrays.DATASETS[name].file
    for part in (str(tmp_path / file.name), file.as_posix(), "SKMIX_DATA", "go online"):
        assert part in str(caught.value)


@pytest.mark.parametrize("name", NAMES)
def test_failed_download_says_what_to_do(name, tmp_path):
    with pytest.raises(OSError, match="Could not download") as caught:
        loader(name)(data_home=tmp_path)
    facts = _arrays.DATASETS[name]
    for part in (
        "no network",
        facts.url,
        str(tmp_path / facts.file.name),
        "SKMIX_DATA",
    ):
        assert part in str(caught.value)
    assert isinstance(caught.value.__cause__, URLError)
    assert not list(tmp_path.iterdir())


def test_failed_write_leaves_nothing(small, monkeypatch, tmp_path):
    _, arrays = small("smtp")
    serve(monkeypatch, packed(**arrays))

    def fail(path, **arrays):
        path.write_bytes(b"half of it")
        raise PermissionError("disk full")

    monkeypatch.setattr(np, "savez_compressed", fail)
    with pytest.raises(PermissionError, match="disk full"):
        load_smtp(data_home=tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("name", NAMES)
def test_bunch_and_its_other_forms(name, small, tmp_path):
    facts, arrays = small(name)
    put(tmp_path / facts.file.name, packed(**arrays))
    load = loader(name)
    bunch = load(data_home=tmp_path)
    assert_holds(bunch, arrays)
    assert bunch.frame is None
    assert facts.descr == bunch["DESCR"]
    assert bunch.target_names == ["target"]

    X, y = load(data_home=tmp_path, return_X_y=True)
    np.testing.assert_array_equal(X, bunch.data)
    np.testing.assert_array_equal(y, bunch.target)

    framed = load(data_home=tmp_path, as_frame=True)
    assert_holds(framed, arrays)
    assert list(framed.data) == framed.feature_names == bunch.feature_names
    assert list(framed.frame) == [*bunch.feature_names, "target"]
    assert isinstance(framed.target, pd.Series)

    X_frame, y_series = load(data_home=tmp_path, as_frame=True, return_X_y=True)
    pd.testing.assert_frame_equal(X_frame, framed.data)
    pd.testing.assert_series_equal(y_series, framed.target)


# The published arrays: shape of X, number of ones, start of the first row.
PUBLISHED = {
    "annthyroid": ((7200, 6), 534, [0.73, 0.0006, 0.015, 0.12, 0.082, 0.146]),
    "cifar10_airplane": ((5263, 512), 263, [0.30164468, 0.29977712, 0, 1.5073669]),
    "mammography": ((11183, 6), 260, [0.23001961, 5.0725783, -0.27606055]),
    "satellite": ((6435, 36), 2036, [92, 115, 120, 94, 84, 102, 106, 79]),
    "smtp": ((95156, 3), 30, np.log([1.1, 1207.1, 329.1])),
    "vowels": ((1456, 12), 50, [0.58046914, -0.90253404, 0.61789919]),
}


@needs_data
@pytest.mark.parametrize("name", PUBLISHED)
def test_published_arrays(name, monkeypatch, tmp_path):
    monkeypatch.setenv("SKMIX_DATA", DATA)
    shape, n_positive, row = PUBLISHED[name]
    bunch = loader(name)(data_home=tmp_path, download_if_missing=False)
    assert bunch.filename == str(Path(DATA, _arrays.DATASETS[name].file))
    assert bunch.data.shape == shape
    np.testing.assert_allclose(bunch.data[0, : len(row)], row, rtol=1e-6)
    counts = np.bincount(bunch.target)
    assert counts.tolist() == [shape[0] - n_positive, n_positive]
    assert len(bunch.feature_names) == shape[1]
    assert np.isfinite(bunch.data).all()
    # The description and the docstring have these numbers, too.
    share = f"{100 * n_positive / shape[0]:.{2 if name == 'smtp' else 1}f} %"
    for text in (bunch["DESCR"], loader(name).__doc__):
        assert str(shape[0]) in text
        assert share in text


@needs_data
def test_what_the_descriptions_say(monkeypatch):
    monkeypatch.setenv("SKMIX_DATA", DATA)
    _, y = load_vowels(return_X_y=True)
    assert y[-50:].all()
    thyroid = datasets.load_annthyroid(as_frame=True).data
    # The free thyroxine index is T4 over uptake: it tells which column is which.
    index = thyroid["TT4"] / thyroid["T4U"] / 10
    assert (index - thyroid["FTI"]).abs().median() < 0.001
    for name, repeated in (("mammography", 3335), ("smtp", 23926)):
        X, _ = loader(name)(return_X_y=True)
        assert len(X) - len(np.unique(X, axis=0)) == repeated
        assert f" {repeated} rows repeat" in " ".join(loader(name)()["DESCR"].split())
    pixels = datasets.load_satellite().data.reshape(-1, 9, 4)
    right, left = pixels[:-1, [1, 2, 4, 5, 7, 8]], pixels[1:, [0, 1, 3, 4, 6, 7]]
    assert 0.5 < (right == left).all(axis=(1, 2)).mean() < 0.52


@needs_data
@pytest.mark.parametrize("name", NAMES)
def test_examples_of_the_docstrings(name, monkeypatch):
    """They are skipped by doctest, which cannot know whether the data are there."""
    monkeypatch.setenv("SKMIX_DATA", DATA)
    text = loader(name).__doc__.replace("# doctest: +SKIP", "")
    examples = doctest.DocTestParser().get_doctest(text, {}, name, None, None)
    assert doctest.DocTestRunner().run(examples) == (0, 3)
