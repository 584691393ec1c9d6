"""Means, errors, differences and areas of scores, by hand."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest
from matplotlib.colors import to_hex
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError

from skmix.plotting import LearningCurveDisplay
from skmix.plotting._learning_curve import COLORS

plt = pytest.importorskip("matplotlib.pyplot")


def history(*scores, start=10, **more):
    n_labels = [start + 10 * place for place in range(len(scores))]
    return {"n_labels": n_labels, "score": list(scores), **more}


CURVES = {
    "random": [history(0.5, 0.6, 0.6), history(0.7, 0.6, 0.8)],
    "margin": [history(0.5, 0.7, 0.9), history(0.7, 0.9, 0.9)],
    "core-set": [history(0.5, 0.4, 0.8), history(0.7, 0.6, 0.6)],
}


def lines(shown):
    """What was drawn, by name."""
    return {line.get_label(): line for line in shown.ax_.lines}


def bands(shown):
    """Lower and upper border of each band, in the order of drawing."""
    found = []
    for band in shown.ax_.collections:
        corners = band.get_paths()[0].vertices
        x = np.unique(corners[:, 0])
        own = [corners[corners[:, 0] == place, 1] for place in x]
        found.append(np.array([[values.min(), values.max()] for values in own]).T)
    return found


def legend(shown):
    return [text.get_text() for text in shown.ax_.get_legend().get_texts()]


def test_a_line_is_the_mean_and_a_band_its_standard_error():
    shown = LearningCurveDisplay(CURVES).plot()
    assert shown.figure_ is shown.ax_.figure
    drawn = lines(shown)
    assert list(drawn) == list(CURVES)
    assert_allclose(drawn["random"].get_xydata(), [[10, 0.6], [20, 0.6], [30, 0.7]])
    assert_allclose(drawn["margin"].get_ydata(), [0.6, 0.8, 0.9])
    # Of two values the standard error is half their distance: the band spans both.
    borders = bands(shown)
    assert_allclose(borders[0], [[0.5, 0.6, 0.6], [0.7, 0.6, 0.8]])
    assert_allclose(borders[1], [[0.5, 0.7, 0.9], [0.7, 0.9, 0.9]])
    assert shown.ax_.get_xlabel() == "Number of labels"
    assert shown.ax_.get_ylabel() == "Score"


def test_standard_error_of_four_seeds():
    # Squared deviations add up to 20, 20 / 3 is their variance, and 5 / 3 its quarter.
    shown = LearningCurveDisplay({"a": [history(s) for s in (0, 2, 4, 6)]}).plot()
    (border,) = bands(shown)
    assert_allclose(border[:, 0], [3 - (5 / 3) ** 0.5, 3 + (5 / 3) ** 0.5])


def test_the_legend_goes_from_the_highest_end_to_the_lowest():
    shown = LearningCurveDisplay(CURVES).plot()
    # Equal ends stay in the order in which they were passed.
    assert legend(shown) == ["margin", "random", "core-set"]
    title = shown.ax_.get_legend().get_title().get_text()
    assert title == "mean of 2 seeds\n± standard error"
    shown = LearningCurveDisplay({**CURVES, "one": history(0.5)}).plot()
    assert legend(shown)[-1] == "one"
    title = shown.ax_.get_legend().get_title().get_text()
    assert title == "mean of 1 to 2 seeds\n± standard error"


def test_areas_are_mean_scores():
    area = LearningCurveDisplay(CURVES).plot().area_
    assert list(area) == list(CURVES)
    assert_allclose(area["random"], [0.575, 0.675])
    # Each step counts by its width.
    uneven = {"n_labels": [10, 20, 50], "score": [0.0, 1.0, 0.0]}
    steep = {"n_labels": [10, 20, 50], "score": [1.0, 1.0, 0.2]}
    curves = {"uneven": [uneven, steep], "point": [history(0.3), history(0.4)]}
    area = LearningCurveDisplay(curves).plot().area_
    assert_allclose(area["uneven"], [0.5, (10 * 1.0 + 30 * 0.6) / 40])
    assert_allclose(area["point"], [0.3, 0.4])


def test_differences_are_taken_seed_by_seed():
    shown = LearningCurveDisplay(CURVES).plot(relative_to="random")
    drawn = lines(shown)
    assert_allclose(drawn["margin"].get_xydata(), [[10, 0], [20, 0.2], [30, 0.2]])
    assert_allclose(drawn["core-set"].get_ydata(), [0, -0.1, 0], atol=1e-12)
    margin, core_set = bands(shown)  # none of the strategy itself
    expected = [[0, 0.1, 0.1], [0, 0.3, 0.3]]
    assert_allclose(margin, expected, atol=1e-12)
    assert_allclose(core_set, [[0, -0.2, -0.2], [0, 0, 0.2]], atol=1e-12)
    assert_allclose(drawn["random"].get_ydata(), 0)
    assert_allclose(drawn["random"].get_xdata(), [0, 1])  # all of the axes
    assert legend(shown)[0] == "margin"
    assert shown.ax_.get_ylabel() == "Score above that of random"
    # Areas and colours are those of the scores themselves.
    plain = LearningCurveDisplay(CURVES).plot()
    for name, values in plain.area_.items():
        assert_allclose(shown.area_[name], values)
        assert lines(plain)[name].get_color() == drawn[name].get_color()


def test_seeds_that_failed_are_left_out():
    failed = history(np.nan, np.nan, np.nan)
    curves = {
        "random": CURVES["random"],
        "margin": [CURVES["margin"][0], failed],
        "core-set": [failed, failed],
    }
    shown = LearningCurveDisplay(curves).plot()
    assert_allclose(lines(shown)["margin"].get_ydata(), [0.5, 0.7, 0.9])
    assert legend(shown) == ["margin", "random"]
    assert len(bands(shown)) == 1
    assert_allclose(shown.area_["margin"], [0.7, np.nan])
    shown = LearningCurveDisplay(curves).plot(relative_to="random")
    assert_allclose(lines(shown)["margin"].get_ydata(), [0, 0.1, 0.3], atol=1e-15)
    with pytest.raises(ValueError, match="or those of 'core-set' are: there"):
        LearningCurveDisplay(curves).plot(relative_to="core-set")


def test_a_line_ends_where_its_first_seed_does():
    curves = {
        "early": [history(0.5, 0.6, 0.7, 0.8), history(0.7, 0.8)],
        "full": [history(0.1, 0.2, 0.3), history(0.3, 0.4, 0.5)],
    }
    shown = LearningCurveDisplay(curves).plot()
    drawn = lines(shown)
    assert_allclose(drawn["early"].get_xydata(), [[10, 0.6], [20, 0.7]])
    assert_allclose(drawn["full"].get_xdata(), [10, 20, 30])
    assert_allclose(shown.area_["early"], [0.55, 0.75])
    for base, other, sign in [("early", "full", -1), ("full", "early", 1)]:
        shown = LearningCurveDisplay(curves).plot(relative_to=base)
        expected = [[10, sign * 0.4], [20, sign * 0.4]]
        assert_allclose(lines(shown)[other].get_xydata(), expected)


@pytest.mark.parametrize("wrap", [lambda own: own, lambda own: [own]])
def test_a_single_seed_needs_no_list_and_has_no_band(wrap):
    curves = {"a": wrap(history(0.5, 0.7)), "b": wrap(history(0.5, 0.8))}
    for relative_to, expected in [(None, [0.5, 0.8]), ("a", [0, 0.1])]:
        shown = LearningCurveDisplay(curves).plot(relative_to=relative_to)
        assert_allclose(lines(shown)["b"].get_ydata(), expected)
        assert not shown.ax_.collections
        assert shown.ax_.get_legend().get_title().get_text() == ""
        assert_allclose(shown.area_["a"], [0.6])


def test_a_single_point_is_seen():
    curves = {"point": history(0.5), "line": history(0.5, 0.6)}
    drawn = lines(LearningCurveDisplay(curves).plot())
    assert drawn["point"].get_marker() == "o"
    assert drawn["line"].get_marker() == "None"


def test_ten_strategies_look_different():
    curves = {str(place): history(0.5, 0.1 * place) for place in range(10)}
    shown = LearningCurveDisplay(curves).plot()
    looks = [
        (to_hex(line.get_color()), line.get_linestyle()) for line in shown.ax_.lines
    ]
    assert len(set(looks)) == 10
    assert looks[0] == ("#0072b2", "-")
    assert looks[len(COLORS)] == ("#0072b2", "--")
    assert legend(shown) == list("9876543210")


def test_another_list_of_the_histories():
    curves = {
        "a": history(0.5, 0.6, seconds=[3.0, 5.0]),
        "b": history(0.5, 0.6, seconds=[4.0, 4.0]),
    }
    shown = LearningCurveDisplay(curves).plot(y="seconds")
    assert_allclose(lines(shown)["a"].get_ydata(), [3, 5])
    assert shown.ax_.get_ylabel() == "seconds"
    assert_allclose(shown.area_["a"], [4])
    shown = LearningCurveDisplay(curves).plot(y="seconds", relative_to="b")
    assert shown.ax_.get_ylabel() == "seconds above that of b"


def test_from_loops():
    loops = {
        name: [SimpleNamespace(history_=own) for own in histories]
        for name, histories in CURVES.items()
    }
    figure, axes = plt.subplots(2)
    shown = LearningCurveDisplay.from_loops(loops, ax=axes[0])
    assert shown.ax_ is axes[0]
    assert shown.figure_ is figure
    assert shown.curves == CURVES
    assert legend(shown) == ["margin", "random", "core-set"]
    shown = LearningCurveDisplay.from_loops(loops, relative_to="random", ax=axes[1])
    assert shown.ax_ is axes[1]
    assert_allclose(lines(shown)["random"].get_ydata(), 0)
    one = {name: own[0] for name, own in loops.items()}
    shown = LearningCurveDisplay.from_loops(one)
    assert_allclose(lines(shown)["margin"].get_ydata(), [0.5, 0.7, 0.9])


def test_loops_that_cannot_be_drawn():
    fitted = SimpleNamespace(history_=history(0.5))
    with pytest.raises(NotFittedError, match=r"strategy 'a' is not fitted.*history_"):
        LearningCurveDisplay.from_loops({"a": [fitted, SimpleNamespace()]})
    blind = SimpleNamespace(history_={"n_labels": [10, 20]})
    message = r"'a' has no values of 'score' for 2 of 'n_labels': pass test rows"
    with pytest.raises(ValueError, match=message):
        LearningCurveDisplay.from_loops({"a": [fitted, blind]})
    assert not plt.get_fignums()


@pytest.mark.parametrize(
    ("curves", "how", "message"),
    [
        ({}, {}, "curves is empty"),
        ({"a": []}, {}, "Strategy 'a' has no history"),
        ({"a": {}}, {}, "'a' has no values of 'score' for no of 'n_labels'"),
        (
            {"a": history(0.5)},
            {"y": "loss"},
            "'a' has no values of 'loss' for 1 of 'n_labels': y must be one of "
            "'n_labels', 'score'",
        ),
        (
            {"a": history(0.5, 0.6, loss=[1.0])},
            {"y": "loss"},
            "'a' has 1 values of 'loss' for 2 of 'n_labels'",
        ),
        (
            {"b": history(0.5), "a": [history(0.5, 0.6), history(0.5, start=5)]},
            {},
            "strategy 'a' was scored at 5 labels where another was at 10: start",
        ),
        (
            CURVES,
            {"relative_to": "entropy"},
            "'entropy' is none of .*'random', 'margin'",
        ),
        (
            {"a": history(0.5), "b": CURVES["random"]},
            {"relative_to": "a"},
            "'b' has 2 seeds, 'a' has 1",
        ),
        (
            {"a": history(0.5, start=5), "b": history(0.5, 0.6)},
            {"relative_to": "a"},
            "'b' and 'a' were scored at different numbers of labels",
        ),
    ],
)
def test_bad_input(curves, how, message):
    with pytest.raises(ValueError, match=message):
        LearningCurveDisplay(curves).plot(**how)
    assert not plt.get_fignums()


def test_the_legend_fits_on_the_figure():
    curves = {name + " with a long name": own for name, own in CURVES.items()}
    shown = LearningCurveDisplay(curves).plot()
    shown.figure_.canvas.draw()
    box = shown.ax_.get_legend().get_window_extent()
    axes = shown.ax_.get_window_extent()
    assert axes.x1 <= box.x0 < box.x1 <= shown.figure_.bbox.x1
    assert axes.width > 200


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"skmix\[plot\]"):
        LearningCurveDisplay(CURVES).plot()
