import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import Ridge

from skmix.plotting import PolicyDisplay
from skmix.regression import MixRLResampler

plt = pytest.importorskip("matplotlib.pyplot")

OPTIONS = np.array([[2, 0], [2, 5], [0, 5], [1, 5]])


def test_bars_count_rows():
    shown = PolicyDisplay(OPTIONS).plot()
    ax = shown.ax_
    assert shown.figure_ is ax.figure
    heights = [[bar.get_height() for bar in bars] for bars in ax.containers]
    assert heights == [[1, 2, 0, 0, 0], [0, 0, 0, 0, 3]]
    centers = [bar.get_x() + bar.get_width() / 2 for bar in ax.containers[1]]
    assert_allclose(centers, np.arange(1, 6) + 0.2)
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == [
        "nearest by features (1 rows with none)",
        "nearest by label (1 rows with none)",
    ]
    assert ax.get_title() == ""


def test_a_policy_that_is_not_used_says_so():
    shown = PolicyDisplay(0 * OPTIONS, accepted=False).plot()
    assert shown.ax_.get_title() == "Learned, but not used: mixing did not help"


def test_from_estimator(curve):
    resampler = MixRLResampler(Ridge(), cv=2, random_state=0)
    with pytest.raises(NotFittedError):
        PolicyDisplay.from_estimator(resampler)
    _, ax = plt.subplots()
    shown = PolicyDisplay.from_estimator(resampler.fit(*curve), ax=ax)
    assert shown.ax_ is ax
    assert shown.options is resampler.options_
    assert shown.accepted == resampler.accepted_
