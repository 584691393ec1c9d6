import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose
from sklearn.exceptions import NotFittedError

from skmix.plotting import MixingDisplay
from skmix.regression import MixupResampler

plt = pytest.importorskip("matplotlib.pyplot")

rng = np.random.RandomState(0)
FRAME = pd.DataFrame(
    {"a": rng.normal(size=20), "kind": ["u", "v"] * 10, "b": rng.normal(size=20)}
)
LABELS = rng.normal(size=(20, 2))


def test_rows_mixes_and_lines_between_parents():
    x, y = np.array([0.0, 2.0, 4.0]), np.array([0.0, 6.0, 2.0])
    parents = np.array([[0, 1], [2, 1]])
    shown = MixingDisplay(
        x, y, np.array([1.0, 3.0]), np.array([3.0, 4.0]), parents, names=("u", "v")
    ).plot()
    ax = shown.ax_
    assert shown.figure_ is ax.figure
    (lines,) = ax.lines
    gap = [np.nan, np.nan]
    assert_allclose(lines.get_xydata(), [[0, 0], [2, 6], gap, [4, 2], [2, 6], gap])
    mixes, rows = ax.collections
    assert_allclose(mixes.get_offsets(), [[1, 3], [3, 4]])
    assert_allclose(rows.get_offsets(), np.column_stack([x, y]))
    labels = [text.get_text() for text in ax.get_legend().get_texts()]
    assert labels == ["2 mixes", "3 rows"]
    assert (ax.get_xlabel(), ax.get_ylabel()) == ("u", "v")


@pytest.mark.parametrize("feature", ["b", 2])
def test_from_estimator_draws_what_it_returns(feature):
    resampler = MixupResampler(random_state=0)
    X_new, y_new = resampler.fit_resample(FRAME, LABELS)
    _, ax = plt.subplots()
    shown = MixingDisplay.from_estimator(resampler, feature=feature, target=1, ax=ax)
    assert shown.ax_ is ax
    assert shown.names == ("b", "Label")
    assert_allclose(np.append(shown.x, shown.x_mix), X_new["b"])
    assert_allclose(np.append(shown.y, shown.y_mix), y_new[:, 1])
    assert_allclose(shown.parents, resampler.parent_indices_)


@pytest.mark.parametrize(
    ("feature", "message"),
    [
        ("c", "feature='c' is no column of"),
        ("kind", r"feature='kind' is no numeric column: those are \[0, 2\]"),
        (1, "feature=1 is no numeric column"),
    ],
)
def test_no_such_feature(feature, message):
    resampler = MixupResampler()
    with pytest.raises(NotFittedError):
        MixingDisplay.from_estimator(resampler)
    resampler.fit(FRAME, LABELS)
    with pytest.raises(ValueError, match=message):
        MixingDisplay.from_estimator(resampler, feature=feature)
