"""RemovalCurveDisplay."""

import numpy as np
import pytest
from sklearn.datasets import load_diabetes, load_iris
from sklearn.linear_model import LinearRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.svm import LinearSVC

from skmix.plotting import RemovalCurveDisplay
from skmix.plotting._removal import self_confidence


@pytest.fixture
def noisy():
    X, y = load_iris(return_X_y=True)
    rng = np.random.RandomState(0)
    test = np.arange(150) % 3 == 0
    is_wrong = rng.rand(150) < 0.3
    labels = np.where(is_wrong, (y + 1) % 3, y)
    return X[~test], labels[~test], is_wrong[~test], X[test], y[test]


def test_scores_are_those_of_the_rows_that_are_left(noisy):
    X, y, is_wrong, X_test, y_test = noisy
    weights = np.where(is_wrong, 0.0, 1.0) + np.linspace(0, 0.1, 100)
    knn = KNeighborsClassifier(1)
    display = RemovalCurveDisplay.from_weights(
        knn, X, y, weights, X_test, y_test, fractions=[0, 0.1, 0.4], random_state=0
    )
    order = np.argsort(weights)
    for part, score in zip((0, 10, 40), display.curves["weights"], strict=True):
        rows = order[part:]
        assert score == knn.fit(X[rows], y[rows]).score(X_test, y_test)
    assert np.shape(display.curves["random"]) == (5, 3)
    first = np.array(display.curves["random"])[:, 0]
    assert (first == display.curves["weights"][0]).all()
    # All that are wrong are among the forty.
    assert display.curves["weights"][2] > first[0] + 0.1
    assert display.curves["self-confidence"][2] > first[0]


def test_what_is_drawn(noisy):
    X, y, is_wrong, X_test, y_test = noisy
    display = RemovalCurveDisplay.from_weights(
        GaussianNB(),
        X,
        y,
        {"learned": 1.0 - is_wrong, "other": np.ones(100)},
        X_test,
        y_test,
        fractions=[0, 0.2],
        n_random=2,
        random_state=0,
    )
    lines = {line.get_label(): line for line in display.ax_.get_lines()}
    assert list(lines) == ["learned", "other", "self-confidence", "random (2 orders)"]
    assert lines["learned"].get_xdata().tolist() == [0, 20]
    assert lines["learned"].get_ydata().tolist() == display.curves["learned"]
    mean = np.mean(display.curves["random"], axis=0)
    assert lines["random (2 orders)"].get_ydata() == pytest.approx(mean)
    assert display.ax_.get_xlabel() == "Rows left out (%), lowest weights first"
    again = RemovalCurveDisplay(display.fractions, display.curves).plot(ax=display.ax_)
    assert again.figure_ is display.figure_


def test_self_confidence():
    X, y = load_iris(return_X_y=True)
    nb = GaussianNB()
    trust = self_confidence(nb, X, y, 5)
    assert (trust > 0.5).mean() > 0.9
    svc = self_confidence(LinearSVC(), X, y, 5)
    assert set(svc) == {0.0, 1.0}
    X, y = load_diabetes(return_X_y=True)
    far = self_confidence(LinearRegression(), X, y, 5)
    assert (far <= 0).all()
    assert -far.mean() == pytest.approx(44, abs=3)


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"weights": np.ones(3)}, r"weights of 'weights' must be one to each of"),
        ({"fractions": [1.0]}, r"fractions must hold numbers from 0 to below 1"),
        ({"fractions": []}, r"fractions must hold numbers"),
        ({"n_random": 0}, r"n_random must be 1 or more"),
        ({"weights": {"random": np.ones(100)}}, r"weights cannot be named 'random'"),
    ],
)
def test_bad_input_is_named(noisy, params, message):
    X, y, is_wrong, X_test, y_test = noisy
    weights = params.pop("weights", 1.0 - is_wrong)
    with pytest.raises(ValueError, match=message):
        RemovalCurveDisplay.from_weights(
            GaussianNB(), X, y, weights, X_test, y_test, **params
        )
