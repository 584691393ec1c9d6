"""make_mix_tasks, and what is shown of a mix."""

import base64
import io
import json
from collections import Counter

import numpy as np
import pandas as pd
import pytest
from PIL import Image
from sklearn.datasets import load_wine

from skmix.human import HumanMixPolicy, MixTasks, make_mix_tasks


def pixels(frame):
    """Levels of a picture, read by another program than ours."""
    kind, content = frame["image"].split(",", 1)
    assert kind == "data:image/png;base64"
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(content))))


def test_a_picture_is_the_mix(make_tasks, digits):
    X, y = digits
    tasks = make_tasks(n_tasks=15)
    for task in tasks.tasks:
        assert y[task["i"]] == task["label_a"] < task["label_b"] == y[task["j"]]
        mixed = task["lam"] * X[task["i"]] + (1 - task["lam"]) * X[task["j"]]
        wanted = (255 * mixed / 16).round().reshape(8, 8)
        assert np.array_equal(pixels(task["frames"][0]), wanted)


def test_colours_and_bytes():
    rng = np.random.RandomState(0)
    X = rng.randint(0, 200, size=(20, 3, 5, 7)).astype(np.uint8)
    tasks = make_mix_tasks(X, np.arange(20) % 2, n_tasks=3, lam=[0.5])
    task = tasks.tasks[0]
    mixed = (X[task["i"]].astype(float) + X[task["j"]]) / 2
    found = pixels(task["frames"][0])
    assert found.shape == (5, 7, 3)
    assert np.array_equal(found, mixed.round().transpose(1, 2, 0))


@pytest.mark.parametrize("kind", ["construct", "select"])
def test_midpoints_show_all_steps(make_tasks, digits, kind):
    X, _ = digits
    task = make_tasks(kind).tasks[0]
    assert task["steps"] == pytest.approx(np.linspace(0, 1, 11))
    assert task["lam"] is None
    assert len(task["frames"]) == 11
    ends = [(255 * X[task[k]] / 16).round().reshape(8, 8) for k in "ji"]
    assert np.array_equal(pixels(task["frames"][0]), ends[0])
    assert np.array_equal(pixels(task["frames"][-1]), ends[1])


def test_pairs_and_parts_come_as_often(make_tasks):
    tasks = make_tasks(n_tasks=45).tasks
    pairs = Counter((task["label_a"], task["label_b"]) for task in tasks)
    assert sorted(pairs.values()) == [15] * 3
    assert sorted(Counter(task["lam"] for task in tasks).values()) == [9] * 5
    both = Counter((task["label_a"], task["label_b"], task["lam"]) for task in tasks)
    assert set(both.values()) == {3}
    assert len({task["item"] for task in tasks}) == 45
    # And each pair is asked about another part at first.
    assert len({task["lam"] for task in tasks[:3]}) == 3


def test_the_most_uncertain_pairs_come_first(make_tasks):
    rng = np.random.RandomState(0)
    # Much is known of 1 and 3, little of 1 and 8, and nothing of 3 and 8.
    rows = [(1, 3, part) for part in rng.uniform(size=200)]
    rows += [(1, 8, part) for part in rng.uniform(size=10)]
    X = np.array(rows, dtype=object)
    policy = HumanMixPolicy("pair").fit(X, X[:, 2].astype(float))
    with pytest.warns(UserWarning, match="a pair that no answer was about"):
        tasks = make_tasks(n_tasks=2, policy=policy).tasks
    pairs = [(task["label_a"], task["label_b"]) for task in tasks]
    assert pairs == [(3, 8), (1, 8)]
    assert make_tasks(n_tasks=2).in_order is False


def test_cards_of_rows():
    wine = load_wine(as_frame=True)
    X, y = wine.data, wine.target
    tasks = make_mix_tasks(X, y, n_tasks=3, n_features=4, random_state=0)
    for task in tasks.tasks:
        i, j, part = task["i"], task["j"], task["lam"]
        card = task["frames"][0]["card"]
        means = X.groupby(y).mean().loc[[task["label_a"], task["label_b"]]]
        gap = (means.diff().iloc[1].abs() / X.std()).sort_values(ascending=False)
        assert [part["name"] for part in card] == gap.index[:4].tolist()
        for shown in card:
            name = shown["name"]
            mixed = part * X.loc[i, name] + (1 - part) * X.loc[j, name]
            assert shown["value"] == pytest.approx(mixed, rel=5e-3)
            assert shown["a"] == pytest.approx(means[name].iloc[0], rel=5e-3)
            assert shown["b"] == pytest.approx(means[name].iloc[1], rel=5e-3)
    named = make_mix_tasks(
        X.to_numpy(), y, n_tasks=1, feature_names=list("abcdefghijklm")
    )
    assert {part["name"] for part in named.tasks[0]["frames"][0]["card"]} < set(
        "abcdefghijklm"
    )


def test_text_labels_and_one_seed(digits):
    X, y = digits
    names = np.array(["", "one", "", "three", "", "", "", "", "eight"])[y]
    first, again, other = (
        make_mix_tasks(X, names, image_shape=(1, 8, 8), random_state=seed)
        for seed in (0, 0, 1)
    )
    assert first == again != other
    kinds = pd.Series(names, dtype="category")
    assert make_mix_tasks(X, kinds, image_shape=(1, 8, 8), random_state=0) == first
    assert first.class_names == first.classes == ["eight", "one", "three"]


def test_file_round_trip(make_tasks, tmp_path):
    tasks = make_tasks("soft")
    tasks.save(tmp_path / "tasks.json")
    assert MixTasks.load(tmp_path / "tasks.json") == tasks
    (tmp_path / "cut.json").write_text((tmp_path / "tasks.json").read_text()[:-9])
    with pytest.raises(ValueError, match=r"cut.json is no file of questions"):
        MixTasks.load(tmp_path / "cut.json")
    (tmp_path / "other.json").write_text(json.dumps({"tasks": []}))
    (tmp_path / "half.json").write_text(json.dumps({"format": "skmix mix tasks 1"}))
    with pytest.raises(ValueError, match=r"half.json is no file of questions"):
        MixTasks.load(tmp_path / "half.json")
    with pytest.raises(ValueError, match=r"write one by MixTasks.save"):
        MixTasks.load(tmp_path / "other.json")


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"kind": "guess"}, r"kind must be one of .*, got 'guess'"),
        ({"n_tasks": 0}, r"n_tasks must be a whole number from 1, got 0"),
        ({"n_repeats": -1}, r"n_repeats must be a whole number from 0"),
        ({"lam": [0.5, 2]}, r"lam must hold shares from 0 to 1, got 2.0"),
        ({"image_shape": (3, 8, 8)}, r"image_shape=\(3, 8, 8\) must be"),
        ({"class_names": ["a"]}, r"class_names has 1 names for the 3 classes"),
        ({"lam": []}, r"lam is empty"),
        ({"image_shape": 64}, r"image_shape=64 must be"),
        ({"class_names": ["a", "b", "a"]}, r"class_names has a name twice"),
        ({"image_shape": (2, 4, 8)}, r"one channel or three"),
        ({"image_shape": None, "feature_names": ["a"]}, r"1 names for the 64 columns"),
    ],
)
def test_bad_parameters_are_named(make_tasks, params, message):
    with pytest.raises(ValueError, match=message):
        make_tasks(**params)


def test_bad_rows_are_named(digits):
    X, y = digits
    with pytest.raises(ValueError, match=r"X has 10 rows and y has 9"):
        make_mix_tasks(X[:10], y[:9])
    with pytest.raises(ValueError, match=r"y has one class, 1"):
        make_mix_tasks(X[:10], np.ones(10, int))
    with pytest.raises(ValueError, match=r"no label in row 1"):
        make_mix_tasks(X[:2], [1.0, np.nan])
    with pytest.raises(ValueError, match=r"got 1 dimensions"):
        make_mix_tasks(X[0], y[:64])
    with pytest.raises(ValueError, match=r"NaN"):
        make_mix_tasks(pd.DataFrame({"a": [1.0, np.nan]}), [0, 1])
