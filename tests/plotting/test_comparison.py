import sys

import numpy as np
import pytest
from matplotlib.colors import to_hex
from numpy.testing import assert_allclose
from sklearn.datasets import load_diabetes, make_classification
from sklearn.linear_model import Ridge
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsRegressor

from skmix.model_selection import compare_resamplers
from skmix.plotting import ComparisonDisplay
from skmix.regression import CMixupResampler, MixupResampler

plt = pytest.importorskip("matplotlib.pyplot")


@pytest.fixture(scope="module")
def comparison():
    X, y = load_diabetes(return_X_y=True)
    return compare_resamplers(
        [Ridge(), KNeighborsRegressor()],
        X[:80],
        y[:80],
        [MixupResampler(), CMixupResampler()],
        cv=3,
        scoring=["r2", "neg_max_error"],
        random_state=0,
    )


def display(**changes):
    arguments = {
        "differences": [[[0.1, 0.3, 0.2], [-0.2, 0.1, -0.2], [0.0, 0.2, np.nan]]],
        "mean": [[0.2, -0.1, 0.1]],
        "standard_error": [[0.05, 0.08, 0.2]],
        "estimator_names": ["Ridge"],
        "resampler_names": ["a", "b", "c"],
        "metric": "r2",
    }
    return ComparisonDisplay(**(arguments | changes))


def test_what_is_drawn_where():
    shown = display().plot()
    (axes,) = shown.axes_
    assert shown.figure_ is axes.figure
    assert axes.get_title() == "Ridge"
    assert axes.get_xlabel().startswith("r2\n← worse")
    assert [label.get_text() for label in axes.get_yticklabels()] == ["a", "b", "c"]
    bottom, top = axes.get_ylim()
    assert top < 0 < 2 < bottom  # the first resampler is on top

    points, thin, thick = axes.collections[:3]
    assert_allclose(points.get_offsets()[:, 0], [0.1, 0.3, 0.2])
    assert (np.abs(points.get_offsets()[:, 1]) <= 0.2).all()
    assert_allclose(thin.get_segments()[0], [[0.1, 0], [0.3, 0]])
    assert_allclose(thick.get_segments()[0], [[0.15, 0], [0.25, 0]])
    means = [line.get_data() for line in axes.lines if line.get_marker() == "o"]
    assert_allclose(np.ravel(means), [0.2, 0, -0.1, 1, 0.1, 2])


def test_zero_line_is_labelled():
    (axes,) = display().plot().axes_
    (zero,) = [line for line in axes.lines if line.get_linestyle() == "--"]
    assert_allclose(zero.get_xdata(), 0)
    (label,) = axes.texts
    assert label.get_text() == "untouched data"
    assert label.xy == (0, 0)
    assert label.get_horizontalalignment() == "left"
    (axes,) = (
        display(
            differences=[[[-0.4]]],
            mean=[[-0.4]],
            standard_error=[[0.1]],
            resampler_names="a",
        )
        .plot()
        .axes_
    )
    assert axes.texts[0].get_horizontalalignment() == "right"


def test_colour_tells_better_worse_and_undecided():
    (axes,) = display().plot().axes_
    colours = [
        to_hex(line.get_color()) for line in axes.lines if line.get_marker() == "o"
    ]
    assert colours == ["#0072b2", "#d55e00", "#6e6e6e"]


def test_dots_of_controls_are_hollow():
    (axes,) = display(control_names=["c"]).plot().axes_
    dots = [line for line in axes.lines if line.get_marker() == "o"]
    faces = [to_hex(dot.get_markerfacecolor()) for dot in dots]
    assert faces == ["#0072b2", "#d55e00", "#ffffff"]
    assert to_hex(dots[2].get_markeredgecolor()) == "#6e6e6e"
    assert "hollow" in axes.figure.get_supxlabel()
    assert "hollow" not in display().plot().figure_.get_supxlabel()


def test_controls_of_a_comparison_are_drawn_as_such():
    X, y = make_classification(60, random_state=0)
    shown = compare_resamplers(GaussianNB(), X, y, [], cv=2, scoring="accuracy").plot()
    assert shown.resampler_names == ["class weights", "tuned threshold"]
    assert shown.control_names == shown.resampler_names


def test_jitter_is_the_same_each_time():
    first, second = (display().plot().axes_[0].collections[0] for _ in range(2))
    assert_allclose(first.get_offsets(), second.get_offsets())
    assert len(set(first.get_offsets()[:, 1])) == 3


@pytest.mark.parametrize("metric", [None, "neg_max_error"])
def test_from_comparison(comparison, metric):
    shown = comparison.plot(metric=metric)
    assert isinstance(shown, ComparisonDisplay)
    assert shown.metric == (metric or "r2")
    assert [axes.get_title() for axes in shown.axes_] == [
        "Ridge",
        "KNeighborsRegressor",
    ]
    assert shown.resampler_names == ["MixupResampler", "CMixupResampler"]
    frame = comparison.to_frame(metric).drop("none", level="resampler")
    assert_allclose(np.ravel(shown.mean), frame["difference"])
    assert_allclose(np.ravel(shown.standard_error), frame["difference_se"])
    assert_allclose(np.mean(shown.differences, axis=2), shown.mean)
    assert shown.axes_[0].get_shared_y_axes().joined(*shown.axes_)


def test_axes_of_the_user(comparison):
    figure, axes = plt.subplots(2)
    shown = comparison.plot(ax=axes)
    assert shown.figure_ is figure
    assert list(shown.axes_) == list(axes)
    with pytest.raises(ValueError, match="1 axes for 2 estimators"):
        comparison.plot(ax=axes[0])
    assert display().plot(ax=axes[0]).axes_[0] is axes[0]


def test_unknown_metric(comparison):
    with pytest.raises(ValueError, match="got 'auc'"):
        comparison.plot(metric="auc")


def test_nothing_but_the_untouched_data():
    X, y = load_diabetes(return_X_y=True)
    shown = compare_resamplers(Ridge(), X, y, [], cv=2).plot()
    assert len(shown.axes_[0].collections) == 0


def test_failures_are_left_out():
    nothing = display(
        differences=[[[np.nan, np.nan]]],
        mean=[[np.nan]],
        standard_error=[[np.nan]],
        resampler_names=["a"],
    )
    nothing.plot().figure_.canvas.draw()
    points = nothing.axes_[0].collections[0].get_offsets()
    assert np.ma.getmaskarray(points)[:, 0].all()


def test_long_names_fit_on_the_figure():
    names = ["a", "b", "CMixupResampler(amount=3.0, alpha=0.25, random_state=0)"]
    figure = display(resampler_names=names).plot().figure_
    figure.canvas.draw()
    label = figure.axes[0].get_yticklabels()[2].get_window_extent()
    assert label.x0 >= 0
    assert figure.axes[0].get_window_extent().width > 200


def test_without_matplotlib(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib.pyplot", None)
    with pytest.raises(ImportError, match=r"skmix\[plot\]"):
        display().plot()
