"""consistency_report."""

import os
from pathlib import Path

import numpy as np
import pytest

from skmix.human import Judgments, consistency_report, load_hmix

DATA = Path(os.environ.get("SKMIX_DATA", "/nonexistent"), "human")


def judgments(**changed):
    columns = {
        "item": ["m1", "m2", "m1", "m1", "m2", "m3"],
        "annotator": ["kat", "kat", "kat", "tom", "tom", "tom"],
        "label_a": ["cat"] * 6,
        "label_b": ["dog"] * 6,
        "lam": [0.5, 0.25, 0.5, 0.5, 0.25, 0.9],
        "inferred": [0.2, 0.5, 0.4, 0.7, 0.4, 1.0],
        "repeat": [False, False, True, False, False, False],
        "rt_ms": [1000, 2000, 6000, 3000, np.nan, 5000],
    }
    return Judgments(**columns | changed)


def test_by_hand():
    report = consistency_report(judgments())
    assert report.annotator.tolist() == ["kat", "tom"]
    assert report.n_judgments.tolist() == [3, 3]
    assert report.n_repeats.tolist() == [1, 0]
    assert report.repeat_error[0] == pytest.approx(0.2)
    assert np.isnan(report.repeat_error[1])
    # Kat against Tom, and Tom against the mean of both of hers; nobody else saw m3.
    of_kat, of_tom = [0.5, 0.1, 0.3], [0.4, 0.1]
    assert report.agreement_error == pytest.approx([np.mean(of_kat), np.mean(of_tom)])
    assert report.bias == pytest.approx(
        [(-0.3 + 0.25 - 0.1) / 3, (0.2 + 0.15 + 0.1) / 3]
    )
    assert report.seconds.tolist() == [2, 4]
    overall = report.overall
    assert overall["repeat_error"] == pytest.approx(0.2)
    assert overall["agreement_error"] == pytest.approx(np.mean([*of_kat, *of_tom]))
    assert overall["seconds"] == 3
    assert np.isnan(overall["repeat_correlation"])


def test_midpoints_are_compared_by_the_part_that_was_chosen():
    report = consistency_report(
        judgments(kind=["select"] * 6, inferred=[0.5] * 6, lam=[0.4, 0.5, 0.5] * 2)
    )
    assert report.repeat_error[0] == pytest.approx(0.1)
    assert np.isnan(report.bias).all()


def test_a_table_of_it():
    lines = str(consistency_report(judgments())).splitlines()
    assert lines[0].split()[:3] == ["annotator", "n_judgments", "n_repeats"]
    assert [line.split()[0] for line in lines[1:]] == ["kat", "tom", "all"]
    assert len({len(line) for line in lines}) == 1


def test_soft_answers_without_either_class_do_not_count():
    kind = ["soft"] * 6
    report = consistency_report(
        judgments(kind=kind, inferred=[0.2, np.nan, 0.4, 0.7, 0.4, np.nan])
    )
    assert np.isfinite(report.agreement_error).all()
    assert report.agreement_error[1] == pytest.approx(0.4)


def test_a_repeat_without_a_share_leaves_the_others_their_correlation():
    report = consistency_report(
        judgments(
            item=["m1", "m2", "m3"] * 2,
            annotator=["kat"] * 6,
            kind=["soft"] * 6,
            lam=[0.5, 0.25, 0.9] * 2,
            inferred=[0.2, 0.4, 0.6, 0.1, 0.5, np.nan],
            repeat=[False] * 3 + [True] * 3,
        )
    )
    assert report.overall["repeat_correlation"] == pytest.approx(1)
    assert report.overall["repeat_error"] == pytest.approx(0.1)


def test_nothing_to_compare():
    with pytest.raises(ValueError, match=r"judgments is empty"):
        consistency_report(judgments().take(np.zeros(0, int)))


@pytest.mark.skipif(
    not DATA.is_dir(), reason="needs the H-Mix files; SKMIX_DATA does not have them"
)
def test_figures_of_h_mix():
    answers = load_hmix(DATA)
    report = consistency_report(answers.take(answers.kind == "infer"))
    assert len(report.annotator) == 81
    assert report.overall["n_repeats"] == 162
    assert report.overall["repeat_error"] == pytest.approx(0.1072, abs=5e-5)
    assert report.overall["repeat_correlation"] == pytest.approx(0.855, abs=5e-4)
    assert report.overall["agreement_error"] == pytest.approx(0.178, abs=1e-3)
    assert report.overall["bias"] == pytest.approx(-0.017141, abs=5e-7)
    assert report.overall["seconds"] == pytest.approx(8.4, abs=0.05)
