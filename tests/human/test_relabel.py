"""relabel."""

import numpy as np
import pytest

from skmix.exceptions import JudgementWarning
from skmix.human import HumanMixPolicy, Judgments, relabel

CLASSES = ["cat", "dog", "frog"]


def judgments(**changed):
    """Three mixes, judged by three, two people and one."""
    columns = {
        "item": ["m2", "m1", "m1", "m2", "m3", "m1"],
        "label_a": ["dog", "cat", "cat", "dog", "frog", "cat"],
        "label_b": ["frog", "dog", "dog", "frog", "cat", "dog"],
        "lam": [0.5, 0.3, 0.3, 0.5, 0.9, 0.3],
        "inferred": [0.4, 0.1, 0.2, 0.8, 1.0, 0.6],
        "confidence": [1.0, 0.5, 0.6, 0.5, 0.2, 0.9],
    }
    return Judgments(**columns | changed)


def label(item, share):
    a, b = {"m1": (0, 1), "m2": (1, 2), "m3": (2, 0)}[item]
    return share * np.eye(3)[a] + (1 - share) * np.eye(3)[b]


def test_average_and_mixup():
    found = relabel(judgments(), method="average")
    assert found.items.tolist() == ["m1", "m2", "m3"]
    assert found.n_judgments.tolist() == [3, 2, 1]
    assert found.first.tolist() == [1, 0, 4]
    assert found.classes.tolist() == CLASSES
    wanted = [label("m1", 0.3), label("m2", 0.6), label("m3", 1.0)]
    assert found.soft_labels == pytest.approx(np.array(wanted))
    found = relabel(judgments(), method="mixup")
    wanted = [label("m1", 0.3), label("m2", 0.5), label("m3", 0.9)]
    assert found.soft_labels == pytest.approx(np.array(wanted))
    assert found.share.tolist() == [0.3, 0.5, 0.9]


@pytest.mark.parametrize("uniform", ["all", "pair"])
def test_smoothed_by_confidence(uniform):
    answers = judgments()
    parts = {"m1": [], "m2": [], "m3": []}
    rest = {k: np.full(3, 1 / 3) if uniform == "all" else label(k, 0.5) for k in parts}
    for k, p, w in zip(answers.item, answers.inferred, answers.confidence, strict=True):
        parts[k].append(w * label(k, p) + (1 - w) * rest[k])
    found = relabel(answers, method="confidence", uniform=uniform)
    wanted = [np.mean(parts[k], axis=0) for k in found.items]
    assert found.soft_labels == pytest.approx(np.array(wanted))
    # By mix: the mean label by the mean confidence.
    found = relabel(answers, method="confidence", uniform=uniform, per="item")
    w = {"m1": 2 / 3, "m2": 0.75, "m3": 0.2}
    p = {"m1": 0.3, "m2": 0.6, "m3": 1.0}
    wanted = [w[k] * label(k, p[k]) + (1 - w[k]) * rest[k] for k in found.items]
    assert found.soft_labels == pytest.approx(np.array(wanted))
    nothing = relabel(judgments(confidence=np.zeros(6)), method="confidence")
    assert nothing.soft_labels == pytest.approx(np.full((3, 3), 1 / 3))


def test_shrunk_towards_a_curve():
    answers = judgments()
    policy = HumanMixPolicy("identity").fit(answers.X, answers.y)
    found = relabel(answers, policy=policy)
    means = np.array([0.3, 0.6, 1.0])
    n = np.array([3, 2, 1])
    within = (0.2**2 + 0.1**2 + 0.3**2 + 0.2**2 + 0.2**2) / 3
    squares = [0.1**2, 0.2**2, 0.1**2, 0.3**2, 0.1**2, 0.3**2]
    between = np.mean(squares) - within
    # Here answers differ more than mixes do: all is left to the curve.
    assert between < 0
    assert found.share == pytest.approx(np.array([0.3, 0.5, 0.9]))
    # And here mixes differ from the curve by much.
    answers = judgments(inferred=[0.1, 0.9, 0.8, 0.2, 0.3, 0.7])
    found = relabel(answers, policy=policy)
    means = np.array([0.8, 0.15, 0.3])
    within = (0.1**2 + 0 + 0.1**2 + 2 * 0.05**2) / 3
    squares = [0.4**2, 0.6**2, 0.5**2, 0.3**2, 0.6**2, 0.4**2]
    between = np.mean(squares) - within
    curve = np.array([0.3, 0.5, 0.9])
    wanted = curve + n * between / (n * between + within) * (means - curve)
    assert found.share == pytest.approx(wanted)
    assert relabel(answers, policy=policy, method="policy").share.tolist() == [
        0.3,
        0.5,
        0.9,
    ]


def test_one_answer_to_each_mix():
    answers = judgments().take([0, 1, 4])
    policy = HumanMixPolicy("identity").fit(answers.X, answers.y)
    with pytest.warns(JudgementWarning, match=r"one counts 0.298 against the curve"):
        found = relabel(answers, policy=policy)
    wanted = [0.3 - 0.298 * 0.2, 0.5 - 0.298 * 0.1, 0.9 + 0.298 * 0.1]
    assert found.share == pytest.approx(np.array(wanted))


def test_the_default_curve_is_fitted_to_the_answers():
    answers = judgments()
    policy = HumanMixPolicy().fit(answers.X, answers.y)
    for method in ("shrink", "policy"):
        own, given = (
            relabel(answers, method=method),
            relabel(answers, method=method, policy=policy),
        )
        assert np.array_equal(own.soft_labels, given.soft_labels)


def test_controls():
    found = relabel(judgments(), method="uniform", classes=[*CLASSES, "ant"])
    assert found.soft_labels == pytest.approx(np.full((3, 4), 0.25))
    assert found.classes.tolist() == ["ant", *CLASSES]
    first, again, other = (
        relabel(judgments(), method="random", random_state=seed).soft_labels
        for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert not np.array_equal(first, other)
    assert first.sum(axis=1) == pytest.approx(np.ones(3))
    many = judgments().take(np.zeros(3000, int))
    many.item = np.arange(3000)
    labels = relabel(many, method="random", random_state=0).soft_labels
    # Of three classes alike each share is on average a third, with variance 1 / 18.
    assert labels.mean(axis=0) == pytest.approx(np.full(3, 1 / 3), abs=0.02)
    assert labels.var(axis=0) == pytest.approx(np.full(3, 1 / 18), abs=0.005)


def test_the_order_of_answers_means_nothing():
    answers = judgments()
    order = np.random.RandomState(0).permutation(6)
    for method in ("shrink", "average", "confidence", "policy", "mixup"):
        found = relabel(answers.take(order), method=method)
        wanted = relabel(answers, method=method)
        assert found.soft_labels == pytest.approx(wanted.soft_labels, abs=1e-6)


def test_many_mixes_at_once():
    rng = np.random.RandomState(0)
    n = 200_000
    item = rng.randint(0, 50_000, n)
    lam = rng.uniform(size=50_000)[item]
    answers = Judgments(
        item=item,
        label_a=np.zeros(n, int),
        label_b=np.ones(n, int),
        lam=lam,
        inferred=(lam + 0.2 * rng.normal(size=n)).clip(0, 1),
    )
    found = relabel(answers)
    assert len(found.items) == len(np.unique(item))
    assert np.corrcoef(found.share, lam[found.first])[0, 1] > 0.9


@pytest.mark.parametrize(
    ("changed", "params", "message"),
    [
        ({}, {"classes": [1, "1"]}, r"class holds numbers and texts"),
        ({}, {"method": "best"}, r"method must be one of .*, got 'best'"),
        ({}, {"per": "person"}, r"per must be 'judgment' or 'item', got 'person'"),
        ({}, {"uniform": "none"}, r"uniform must be 'all' or 'pair'"),
        ({}, {"classes": ["cat", "dog"]}, r"Answer 0 is about the labels \('dog', 'fr"),
        ({"lam": [0.5, 0.3, 0.4, 0.5, 0.9, 0.3]}, {}, r"'m1' has the lam 0.3 and 0.4"),
        (
            {"label_b": ["frog", "dog", "frog", "frog", "cat", "dog"]},
            {},
            r"'m1' has the label_b 'dog' and 'frog': give each mix an item of its own",
        ),
        (
            {"kind": ["select", *["infer"] * 5]},
            {},
            r"Answer 0 is of kind 'select': it says which mix is half and half",
        ),
        ({"kind": ["soft", *["infer"] * 5]}, {}, r"of kind 'soft': .* a label itself"),
        ({}, {"policy": "best"}, r"policy must be a fitted HumanMixPolicy, got 'best'"),
        ({"inferred": [0.1, np.nan, 0, 0, 0, 0]}, {}, r"Answer 1 gives no share"),
        (
            {"confidence": [0.1, 0, 0, np.nan, 0, 0]},
            {"method": "confidence"},
            r"Answer 3 has no confidence",
        ),
    ],
)
def test_bad_input_is_named(changed, params, message):
    with pytest.raises(ValueError, match=message):
        relabel(judgments(**changed), **params)


def test_what_is_no_table_is_named():
    with pytest.raises(ValueError, match=r"must be of class Judgments, .* got dict"):
        relabel({"item": [1]})
    with pytest.raises(ValueError, match=r"judgments is empty"):
        relabel(judgments().take(np.zeros(0, int)))
