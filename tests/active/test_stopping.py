import pickle

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.linear_model import LogisticRegression

from skmix.active import (
    ActiveLearningLoop,
    LADASelector,
    StablePredictions,
    UtilityBelow,
)

NAN = float("nan")


@pytest.fixture(scope="module")
def plain_run():
    """A run that nothing stops, with the column of agreement."""
    X, truth = load_iris(return_X_y=True)
    y = np.full(150, np.nan)
    y[[0, 50, 100]] = truth[[0, 50, 100]]

    def run(stopping):
        loop = ActiveLearningLoop(
            LADASelector(LogisticRegression(max_iter=1000), random_state=0),
            batch_size=5,
            budget=60,
            stopping=stopping,
            random_state=0,
        )
        return loop.run(X, y, truth)

    return run, run([]).history_


@pytest.mark.parametrize(
    ("utility", "stop"),
    [
        ([NAN, 0.9, 0.19], True),
        # Only the last batch counts.
        ([NAN, 0.1, 0.3], False),
        # As much is not below.
        ([NAN, 0.2], False),
        ([np.nextafter(0.2, 0)], True),
        ([-3.0], True),
        # What is not known is no reason to stop.
        ([NAN], False),
        ([0.1, NAN], False),
    ],
)
def test_utility_below(utility, stop):
    assert UtilityBelow(0.2)({"utility": utility, "n_labels": [3]}) is stop


@pytest.mark.parametrize(
    ("agreement", "stop"),
    [
        ([NAN, 0.5, 0.9, 0.9, 0.9], True),
        ([0.9, 0.95, 1.0], True),
        # Two are not three.
        ([0.9, 0.9], False),
        ([NAN, 0.9, 0.9], False),
        # As large in each of the three, and in a row.
        ([1.0, 1.0, 0.89], False),
        ([1.0, 0.89, 1.0], False),
        ([1.0, 1.0, 0.89, 1.0], False),
        ([0.89, 1.0, 1.0], False),
        ([1.0, 1.0, NAN], False),
        # What came before does not matter.
        ([0.0, 1.0, 1.0, 1.0], True),
        ([NAN], False),
        ([], False),
    ],
)
def test_stable_predictions(agreement, stop):
    criterion = StablePredictions(0.9, n_rounds=3)
    assert criterion({"agreement": agreement, "n_labels": []}) is stop


def test_stable_predictions_by_default():
    stable = StablePredictions()
    assert (stable.agreement, stable.n_rounds) == (0.99, 3)
    assert stable({"agreement": [NAN, 0.99, 0.99, 0.99]})
    assert not stable({"agreement": [NAN, 0.99, 0.99]})
    assert not stable({"agreement": [0.99, 0.9899, 0.99]})


@pytest.mark.parametrize(("agreement", "stop"), [(0.0, True), (NAN, False)])
def test_stable_predictions_at_its_bounds(agreement, stop):
    criterion = StablePredictions(0, n_rounds=1)
    assert criterion({"agreement": [agreement]}) is stop
    assert not StablePredictions(1, n_rounds=1)({"agreement": [np.nextafter(1, 0)]})


def test_asking_a_criterion_changes_nothing():
    history = {"utility": [NAN, 0.5, 0.4], "agreement": [NAN, 1.0, 1.0]}
    for criterion in (UtilityBelow(0.45), StablePredictions(n_rounds=2)):
        before = vars(criterion).copy()
        assert [criterion(history) for _ in range(3)] == [True] * 3
        assert vars(criterion) == before
    assert [len(column) for column in history.values()] == [3, 3]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: UtilityBelow("low"), r"'threshold'.*'low'"),
        (lambda: UtilityBelow(None), r"'threshold'.*None"),
        (lambda: UtilityBelow(NAN), r"'threshold'.*nan"),
        (lambda: UtilityBelow(np.inf), r"'threshold'.*inf"),
        (lambda: StablePredictions(1.01), r"'agreement'.*\[0.*1.*\].*1\.01"),
        (lambda: StablePredictions(-0.1), r"'agreement'.*-0\.1"),
        (lambda: StablePredictions(99), r"'agreement'.*99"),
        (lambda: StablePredictions(NAN), r"'agreement'.*nan"),
        (lambda: StablePredictions(n_rounds=0), r"'n_rounds'.*\[1, inf\).*0"),
        (lambda: StablePredictions(n_rounds=1.5), r"'n_rounds'.*1\.5"),
    ],
)
def test_bad_parameters(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_n_rounds_is_a_name():
    with pytest.raises(TypeError, match="positional"):
        StablePredictions(0.9, 2)


@pytest.mark.parametrize(
    "criterion",
    [UtilityBelow(0.25), StablePredictions(), StablePredictions(0.5, n_rounds=7)],
)
def test_repr_makes_it_again_and_so_does_a_pickle(criterion):
    names = {"UtilityBelow": UtilityBelow, "StablePredictions": StablePredictions}
    for again in (
        eval(repr(criterion), names),
        pickle.loads(pickle.dumps(criterion)),
        clone(criterion, safe=False),
    ):
        assert type(again) is type(criterion)
        assert vars(again) == vars(criterion)


def test_utility_below_ends_a_run_where_it_should(plain_run):
    run, history = plain_run
    utility = np.array(history["utility"])
    # It falls in the end, so that there is a threshold for which several rounds run.
    threshold = np.sort(utility[1:])[3]
    expected = 1 + np.flatnonzero(utility[1:] < threshold)[0]
    assert 1 < expected < 12
    loop = run(UtilityBelow(threshold))
    assert len(loop.history_["utility"]) == expected + 1
    assert loop.history_["utility"][1:] == history["utility"][1 : expected + 1]
    assert loop.stop_reason_ == f"{UtilityBelow(threshold)!r} said so."


def test_stable_predictions_end_a_run_where_they_should(plain_run):
    run, history = plain_run
    agreement = np.array(history["agreement"])
    assert np.isnan(agreement[0])
    level = np.sort(agreement[1:])[4]
    stable = agreement >= level
    both = np.flatnonzero(stable[1:] & stable[:-1]) + 1
    assert 2 < both[0] < 12
    loop = run(StablePredictions(level, n_rounds=2))
    assert len(loop.history_["agreement"]) == both[0] + 1
    assert loop.stop_reason_.startswith("StablePredictions(")


def test_no_scores_never_stop_a_run():
    X, truth = load_iris(return_X_y=True)
    y = np.where(np.arange(150) % 50 == 0, truth, np.nan)
    selector = LADASelector(acquisition="random", augmentation=None, random_state=0)
    loop = ActiveLearningLoop(
        selector,
        LogisticRegression(max_iter=1000),
        budget=30,
        stopping=UtilityBelow(1e9),
        random_state=0,
    )
    loop.run(X, y, truth)
    assert np.isnan(loop.history_["utility"]).all()
    assert loop.history_["n_labels"][-1] == 33
    assert loop.stop_reason_ == "The budget was spent."
