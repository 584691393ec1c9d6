"""Judgments, and files of them."""

import json

import numpy as np
import pytest

from skmix.exceptions import DamagedFileWarning
from skmix.human import Judgments, load_cifar10h, load_hmix, load_judgments
from skmix.human._judgments import soft_label

LINES = [
    {"id": "1", "item": "m1", "label_a": "cat", "label_b": "dog", "lam": 0.3},
    {"id": "2", "item": "m2", "label_a": "cat", "label_b": "frog", "lam": 0.5},
    {"id": "3", "item": "m1", "label_a": "cat", "label_b": "dog", "lam": 0.3},
]
LINES = [
    line | {"inferred": 0.1 * k, "annotator": "kat", "kind": "infer", "i": 4, "j": 7}
    for k, line in enumerate(LINES)
]


def write(path, lines, end="\n"):
    path.write_text("\n".join(map(json.dumps, lines)) + end)
    return path


def test_a_file_becomes_a_table(tmp_path):
    extra = {"confidence": 0.8, "left": "b", "repeat": True, "rt_ms": 812.5}
    lines = [*LINES[:2], LINES[2] | extra | {"time": "2026-01-02T03:04:05+00:00"}]
    answers = load_judgments(write(tmp_path / "a.jsonl", lines))
    assert len(answers) == 3
    assert answers.item.tolist() == ["m1", "m2", "m1"]
    assert answers.X.tolist()[1] == ["cat", "frog", 0.5]
    assert answers.y == pytest.approx(np.array([0, 0.1, 0.2]))
    assert answers.annotator.tolist() == ["kat"] * 3
    assert answers.i.tolist() == [4] * 3
    assert answers.repeat.tolist() == [False, False, True]
    assert answers.left.tolist() == ["", "", "b"]
    assert answers.confidence[2] == 0.8
    assert np.isnan(answers.confidence[:2]).all()
    assert answers.rt_ms[2] == 812.5
    assert answers.time[2] == "2026-01-02T03:04:05+00:00"
    assert answers.classes.tolist() == ["cat", "dog", "frog"]
    assert np.isnan(answers.soft).all()


def test_numbers_as_labels_stay_numbers(tmp_path):
    lines = [line | {"label_a": 3, "label_b": 8} for line in LINES]
    answers = load_judgments(write(tmp_path / "a.jsonl", lines))
    assert answers.classes.tolist() == [3, 8]
    assert answers.X[0].tolist() == [3, 8, 0.3]


def test_what_was_taken_back_or_skipped_does_not_count(tmp_path):
    lines = [
        *LINES,
        {"undo": "2"},
        {"id": "4", "item": "m4", "skip": "cannot see it"},
        {"undo": "none such"},
    ]
    answers = load_judgments(write(tmp_path / "a.jsonl", lines))
    assert answers.item.tolist() == ["m1", "m1"]


@pytest.mark.parametrize("cut", range(1, 60, 7))
def test_a_last_line_that_was_cut_off_is_left_out_and_reported(tmp_path, cut):
    path = write(tmp_path / "a.jsonl", LINES, end="")
    whole = path.read_bytes()
    path.write_bytes(whole[:-cut])
    with pytest.warns(DamagedFileWarning, match=r"1 of 3 lines .* line 3\. They"):
        answers = load_judgments(path)
    assert answers.item.tolist() == ["m1", "m2"]
    # And so is one in the middle, where a restart went on behind it.
    later = json.dumps(LINES[0] | {"id": "9"}).encode()
    path.write_bytes(whole[:-cut] + b"\n" + later + b"\n")
    with pytest.warns(DamagedFileWarning, match=r"1 of 4 lines"):
        assert load_judgments(path).item.tolist() == ["m1", "m2", "m1"]


def test_lines_that_are_no_answers_are_named(tmp_path):
    with pytest.raises(ValueError, match=r"Line 1 of .* is no JSON object"):
        load_judgments(write(tmp_path / "a.jsonl", [[1, 2]]))
    with pytest.raises(ValueError, match=r"An answer has no 'lam'"):
        load_judgments(
            write(tmp_path / "a.jsonl", [{"item": 1, "label_a": 2, "label_b": 3}])
        )
    with pytest.raises(ValueError, match=r"inferred must hold shares .*, got 26"):
        load_judgments(write(tmp_path / "a.jsonl", [LINES[0] | {"inferred": 26}]))


def test_an_empty_file_is_an_empty_table(tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text("")
    assert len(load_judgments(path)) == 0


def test_soft_labels_from_a_file(tmp_path):
    soft = {"kind": "soft", "soft": [0.7, 0.2, 0.1], "classes": ["cat", "dog", "frog"]}
    lines = [LINES[0], LINES[1] | soft]
    answers = load_judgments(write(tmp_path / "a.jsonl", lines))
    assert answers.soft[1].tolist() == [0.7, 0.2, 0.1]
    assert np.isnan(answers.soft[0]).all()
    some = answers.take([False, True])
    assert some.kind.tolist() == ["soft"]
    assert some.classes.tolist() == ["cat", "dog", "frog"]
    assert some.soft.shape == (1, 3)


def test_soft_labels_have_an_order_of_classes_each(tmp_path):
    first = {"kind": "soft", "soft": [0.9, 0.1], "classes": ["cat", "dog"]}
    second = {"kind": "soft", "soft": [0.9, 0.1], "classes": ["dog", "cat"]}
    third = {"kind": "soft", "soft": [0.9, 0.1], "classes": ["frog", "cat"]}
    lines = [a | b for a, b in zip(LINES, (first, second, third), strict=True)]
    answers = load_judgments(write(tmp_path / "a.jsonl", lines))
    assert answers.classes.tolist() == ["cat", "dog", "frog"]
    assert answers.soft.tolist() == [[0.9, 0.1, 0], [0.1, 0.9, 0], [0.1, 0, 0.9]]
    lines = [LINES[0] | first | {"soft": [1.0]}]
    with pytest.raises(ValueError, match=r"has 1 shares for the classes \['cat'"):
        load_judgments(write(tmp_path / "a.jsonl", lines))
    with pytest.raises(ValueError, match=r"item=\['m1'\], which is no text"):
        load_judgments(write(tmp_path / "a.jsonl", [LINES[0] | {"item": ["m1"]}]))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"lam": [0.1, 1.2]}, r"lam must hold shares from 0 to 1, got 1.2 in row 1"),
        ({"lam": [0.1]}, r"lam must hold one entry to each of the 2 items"),
        ({"inferred": [0.1, -1]}, r"inferred must hold shares"),
        ({"confidence": [2, 1]}, r"confidence must hold shares"),
        ({"kind": ["infer", "guess"]}, r"kind must be one of .*, got 'guess'"),
        ({"soft": [[1.0], [0.0]]}, r"soft must have shape \(2, 3\)"),
        ({"label_a": [1, "1"]}, r"label_a holds numbers and texts: 1 and '1' are not"),
        ({"label_a": [1, 2]}, r"label holds numbers and texts"),
        ({"label_b": ["b", None]}, r"There is no label_b in row 1"),
    ],
)
def test_bad_tables_are_named(given, message):
    good = {"item": [1, 2], "label_a": ["a", "b"], "label_b": ["b", "c"]}
    good |= {"lam": [0.1, 0.2], "inferred": [0.1, 0.2]}
    with pytest.raises(ValueError, match=message):
        Judgments(**good | given)


@pytest.mark.parametrize(
    ("chosen", "impossible", "label"),
    [
        # What is left goes to the others alike.
        ({0: 0.6, 1: 0.2}, [], [0.6, 0.2, 0.1, 0.1]),
        ({0: 0.6}, [3], [0.6, 0.2, 0.2, 0]),
        # Nothing left: 0.1 of it, and all is scaled.
        ({0: 1.0}, [], np.array([1, 0.1 / 3, 0.1 / 3, 0.1 / 3]) / 1.1),
        # More than 1: 0.05 off each.
        ({0: 0.8, 1: 0.4}, [], np.array([0.75, 0.35, 0.05, 0.05]) / 1.2),
        # No others: scaled as it is.
        ({0: 0.6, 1: 0.2}, [2, 3], [0.75, 0.25, 0, 0]),
        ({0: 0.9, 1: 0.6}, [2, 3], [0.6, 0.4, 0, 0]),
    ],
)
def test_a_soft_label_by_hand(chosen, impossible, label):
    assert soft_label(chosen, impossible, 4) == pytest.approx(np.array(label))


def test_files_that_are_missing_are_named(tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match=r"hmix_infer.* is missing. It is publ"):
        load_hmix(tmp_path)
    monkeypatch.delenv("SKMIX_DATA", raising=False)
    with pytest.raises(FileNotFoundError, match=r"Pass the folder"):
        load_cifar10h()
    np.save(tmp_path / "cifar10h-probs.npy", np.ones((3, 10)))
    with pytest.raises(ValueError, match=r"10000 rows of 10 shares of sum 1"):
        load_cifar10h(tmp_path)
