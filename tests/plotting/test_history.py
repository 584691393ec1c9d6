"""Objectives by iteration, from histories that are known."""

import numpy as np
import pytest
from matplotlib.colors import to_hex
from numpy.testing import assert_allclose
from sklearn.datasets import make_classification
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge
from sklearn.naive_bayes import GaussianNB

from skmix.exceptions import JudgementWarning
from skmix.imbalance import MixAnNSampler
from skmix.plotting import HistoryDisplay
from skmix.regression import AdaMixupResampler, MixRLResampler, MixupResampler
from tests.regression.helpers import problem

plt = pytest.importorskip("matplotlib.pyplot")

POLICY = {
    "phase": ["half 1"] * 3 + ["all"] * 2,
    "iteration": [0, 1, 2, 0, 1],
    "objective": [4.0, 2.0, 3.0, 8.0, 9.0],
    "moving_average": [4.0, 3.0, 3.0, 8.0, 8.5],
    "n_mixes": [7, 8, 9, 7, 8],
}
CANDIDATES = {
    "phase": ["candidates"] * 4,
    "iteration": [0, 1, 2, 3],
    "moving_average": [0.5, 0.4, 0.7, 0.6],
    "objective": [0.5, 0.4, 0.7, 0.6],
    "n_neighbors": [0, 16, 2, 16],
}


def legend(ax):
    return [text.get_text() for text in ax.get_legend().get_texts()]


def test_a_pale_and_a_strong_line_to_a_phase():
    shown = HistoryDisplay(POLICY).plot()
    ax = shown.ax_
    assert shown.figure_ is ax.figure
    objective, average, kept = ax.lines[:3]
    assert_allclose(objective.get_xydata(), [[0, 4], [1, 2], [2, 3]])
    assert_allclose(average.get_xydata(), [[0, 4], [1, 3], [2, 3]])
    assert objective.get_linewidth() < average.get_linewidth()
    assert objective.get_alpha() < 1
    assert average.get_alpha() is None
    # Of two equal averages the later policy is kept.
    assert_allclose(kept.get_xydata(), [[2, 3]])

    objective, average, kept = ax.lines[3:6]
    assert_allclose(objective.get_xydata(), [[0, 8], [1, 9]])
    assert_allclose(average.get_xydata(), [[0, 8], [1, 8.5]])
    # Of fewer than a full window the last is kept.
    assert_allclose(kept.get_xydata(), [[1, 8.5]])
    assert to_hex(ax.lines[0].get_color()) == "#0072b2"
    assert {to_hex(line.get_color()) for line in ax.lines[3:6]} == {"#e69f00"}
    assert legend(ax) == ["half 1", "all", "lowest, kept"]
    assert ax.get_xlabel() == "Iteration"


def test_the_dot_is_on_the_policy_that_the_loop_kept():
    X, y, X_val, y_val = problem()
    resampler = MixRLResampler(Ridge(), max_iter=40, guard=False, threshold=0.5)
    resampler.set_params(learning_rate=0.05, random_state=0, device="cpu")
    resampler.fit(X, y, X_val=X_val, y_val=y_val)
    average = np.array(resampler.history_["moving_average"])
    _, _, kept, _ = HistoryDisplay.from_estimator(resampler).ax_.lines
    place = 19 + average[19:].argmin()
    assert average[:19].min() < average[place]
    assert_allclose(kept.get_xydata(), [[place, average[place]]])


def test_the_judgement_of_ranges_is_left_out():
    X, y, *_ = problem()
    resampler = AdaMixupResampler(Ridge(), cv=2, max_iter=3, random_state=0).fit(X, y)
    ax = HistoryDisplay.from_estimator(resampler).ax_
    assert legend(ax) == ["ranges", "lowest, kept"]
    assert_allclose(ax.lines[0].get_ydata(), resampler.history_["objective"][:3])


def test_candidates_are_points_beside_the_untouched_data():
    ax = HistoryDisplay(CANDIDATES).plot().ax_
    untouched, points = ax.lines
    assert_allclose(untouched.get_ydata(), 0.5)
    assert untouched.get_linestyle() == "--"
    # From few to many, however they were tried; one was tried twice.
    assert_allclose(points.get_xydata(), [[1, 0.4], [0, 0.7], [1, 0.6]])
    assert points.get_linestyle() == "None"
    assert [label.get_text() for label in ax.get_xticklabels()] == ["2", "16"]
    assert ax.get_xlabel() == "Candidate (n_neighbors)"
    assert legend(ax) == ["untouched data", "candidates"]


def test_policies_are_points_below_the_best_so_far():
    history = {
        "phase": ["search"] * 3 + ["finals"] * 2,
        "iteration": [0, 1, 2, 0, 1],
        "score": [0.5, 0.7, 0.7, 0.6, 0.65],
    }
    history["objective"] = history["moving_average"] = [-s for s in history["score"]]
    ax = HistoryDisplay(history).plot().ax_
    points, best, kept = ax.lines[:3]
    assert_allclose(points.get_xydata(), [[0, 0.5], [1, 0.7], [2, 0.7]])
    assert points.get_linestyle() == "None"
    assert_allclose(best.get_ydata(), [0.5, 0.7, 0.7])
    # Of equal scores the first is kept.
    assert_allclose(kept.get_xydata(), [[1, 0.7]])
    assert_allclose(ax.lines[3].get_xydata(), [[3, 0.6], [4, 0.65]])
    assert legend(ax) == ["search", "finals"]
    assert ax.get_ylabel() == "Held-out score (greater is better)"
    # Beside what was learned, scores are on another scale.
    history["phase"] = ["ddpg"] * 3 + ["finals"] * 2
    ax = HistoryDisplay(history).plot().ax_
    assert legend(ax) == ["ddpg", "lowest, kept"]


def test_from_the_search_of_a_sampler():
    X, y = make_classification(200, weights=[0.8], random_state=0)
    sampler = MixAnNSampler(GaussianNB(), search="none", cv=3, random_state=0).fit(X, y)
    ax = HistoryDisplay.from_estimator(sampler).ax_
    assert legend(ax) == ["search", "finals", "classifier"]
    drawn = [line.get_ydata() for line in ax.lines[::3]]
    assert_allclose(np.concatenate(drawn), sampler.history_["score"])


def test_the_clock_stopped_before_the_first_candidate():
    history = {name: values[:1] for name, values in CANDIDATES.items()}
    shown = HistoryDisplay(history).plot()
    shown.figure_.canvas.draw()
    untouched, points = shown.ax_.lines
    assert_allclose(untouched.get_ydata(), 0.5)
    assert len(points.get_xdata()) == 0


def test_from_candidates_of_an_estimator(curve):
    resampler = MixRLResampler(Ridge(), cv=2, random_state=0).fit(*curve)
    shown = HistoryDisplay.from_estimator(resampler)
    untouched, points = shown.ax_.lines
    baseline, *losses = resampler.history_["objective"]
    assert_allclose(untouched.get_ydata(), baseline)
    assert_allclose(points.get_ydata(), losses)


def test_from_a_policy_of_an_estimator(curve):
    X, y = curve
    resampler = MixRLResampler(Ridge(), threshold=0.5, max_iter=3, random_state=0)
    resampler.fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    _, ax = plt.subplots()
    shown = HistoryDisplay.from_estimator(resampler, ax=ax)
    assert shown.ax_ is ax
    assert legend(ax) == ["half 1", "half 2", "all", "lowest, kept"]
    drawn = [line.get_ydata() for line in ax.lines[1:9:3]]
    assert_allclose(np.ravel(drawn), resampler.history_["moving_average"])


def test_nothing_to_draw(curve):
    X, y = curve
    with pytest.raises(NotFittedError):
        HistoryDisplay.from_estimator(MixRLResampler())
    with pytest.raises(ValueError, match="MixupResampler has no history_"):
        HistoryDisplay.from_estimator(MixupResampler().fit(X, y))
    resampler = MixRLResampler(Ridge())
    with pytest.warns(JudgementWarning):
        resampler.fit(X[:5], y[:5])
    with pytest.raises(ValueError, match="history_ of this MixRLResampler is empty"):
        HistoryDisplay.from_estimator(resampler)
