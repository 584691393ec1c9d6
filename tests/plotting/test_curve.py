"""CurveDisplay."""

import numpy as np
import pytest

from skmix.human import HumanMixPolicy, Judgments
from skmix.plotting import CurveDisplay

NAMES = ["cat", "dog", "frog"]
TILT = {"cat": 0.0, "dog": 0.2, "frog": 2.0}


@pytest.fixture
def judgments():
    rng = np.random.RandomState(0)
    pairs = np.array([rng.permutation(NAMES)[:2] for _ in range(300)])
    part = rng.choice([0.25, 0.5, 0.75], 300)
    tilt = np.array([TILT[a] - TILT[b] for a, b in pairs])
    seen = 1 / (1 + np.exp(-4 * (part - 0.5) - tilt))
    return Judgments(
        item=np.arange(300),
        label_a=pairs[:, 0],
        label_b=pairs[:, 1],
        lam=part,
        inferred=(seen + 0.1 * rng.normal(size=300)).clip(0, 1),
    )


def test_curves_and_answers(judgments):
    policy = HumanMixPolicy().fit(judgments.X, judgments.y)
    pairs = [("frog", "cat"), ("cat", "dog")]
    display = CurveDisplay.from_policy(policy, pairs=pairs, judgments=judgments)
    assert list(display.curves) == ["frog in cat", "cat in dog"]
    rows = [("frog", "cat", part) for part in display.part]
    share, std = policy.predict(rows, return_std=True)
    assert display.curves["frog in cat"] == pytest.approx(np.array([share, std]))
    # Answers with either named first.
    at, mean, error = display.answers["frog in cat"]
    assert at.tolist() == [0.25, 0.5, 0.75]
    ahead = (judgments.label_a == "frog") & (judgments.label_b == "cat")
    behind = (judgments.label_a == "cat") & (judgments.label_b == "frog")
    own = np.append(
        judgments.y[ahead & (judgments.lam == 0.25)],
        1 - judgments.y[behind & (judgments.lam == 0.75)],
    )
    assert mean[0] == pytest.approx(own.mean())
    assert error[0] == pytest.approx(own.std(ddof=1) / len(own) ** 0.5)
    lines = [line.get_label() for line in display.ax_.lines]
    assert lines[0] == "as mixup has it"
    assert {"frog in cat", "cat in dog"} <= set(lines)
    assert display.ax_.get_ylabel() == "Share of it that people see"
    assert display.figure_ is display.ax_.figure


def test_the_pairs_that_are_furthest_from_half_come_first(judgments):
    policy = HumanMixPolicy("pair").fit(judgments.X, judgments.y)
    found = list(CurveDisplay.from_policy(policy).curves)
    assert found[:2] == ["cat in frog", "dog in frog"]
    assert found[2] == "cat in dog"


def test_curves_without_standard_errors_and_axes_of_the_user(judgments):
    import matplotlib.pyplot as plt

    policy = HumanMixPolicy("isotonic").fit(judgments.X, judgments.y)
    _, ax = plt.subplots()
    display = CurveDisplay.from_policy(policy, pairs=[("cat", "dog")], ax=ax)
    assert display.ax_ is ax
    assert (display.curves["cat in dog"][1] == 0).all()


def test_bad_pairs_are_named(judgments):
    policy = HumanMixPolicy().fit(judgments.X, judgments.y)
    with pytest.raises(ValueError, match=r"'cow', which is none of the classes"):
        CurveDisplay.from_policy(policy, pairs=[("cow", "dog")])
    with pytest.raises(ValueError, match=r"There are no pairs"):
        CurveDisplay.from_policy(policy, pairs=[])
