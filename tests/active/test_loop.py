"""The rounds of active learning, against numbers by hand and a plain loop."""

import copy
import pickle
import signal
import warnings
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal, assert_equal
from scipy.sparse import csc_array, csr_array, csr_matrix
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.preprocessing import scale

from skmix.active import (
    ActiveLearningLoop,
    LADAClassifier,
    LADASelector,
    StablePredictions,
    UtilityBelow,
)
from skmix.callbacks import Checkpoint, EarlyStopping, History, TimeBudget
from tests.regression.helpers import interrupting

X, TRUTH = load_iris(return_X_y=True)
X = scale(X)
NAMES = np.array(["setosa", "versicolor", "virginica"])
LR = LogisticRegression(max_iter=200)
FOREST = RandomForestClassifier(8, max_depth=3)
BUDGET_SPENT = "The budget was spent."
NO_ROW_LEFT = "No row was left to ask for."


def partial(rows=(0, 50, 100), truth=TRUTH, blank=np.nan, dtype=None):
    """The labels of a few rows only."""
    y = np.full(len(truth), blank, dtype=dtype)
    y[list(rows)] = truth[list(rows)]
    return y


def make_loop(selector=None, **params):
    """A loop of three rounds of five rows each."""
    selector = LADASelector(LR) if selector is None else selector
    params = {"batch_size": 5, "budget": 15, "random_state": 0, **params}
    return ActiveLearningLoop(selector, **params)


def table(loop):
    """What a loop achieved, without times."""
    return {name: v for name, v in loop.history_.items() if not name.endswith("_time")}


def assert_same_run(one, other):
    assert_equal(table(one), table(other))
    assert {len(column) for column in one.history_.values()} == {
        len(column) for column in other.history_.values()
    }
    for name in ("y_", "queried_", "skipped_", "query_indices_"):
        assert_array_equal(getattr(one, name), getattr(other, name))
    assert_array_equal(
        one.estimator_.predict_proba(X), other.estimator_.predict_proba(X)
    )


def through_pickle(loop):
    return pickle.loads(pickle.dumps(loop))


def asked(loop):
    """All rows that a loop got an answer for, be it that there is none."""
    return np.concatenate([loop.queried_, loop.skipped_])


class Oracle:
    """Knows labels, notes what it is asked, and gets a Ctrl-C at one of its calls."""

    def __init__(self, labels=TRUTH, interrupt_at=None):
        self.labels, self.interrupt_at, self.calls = labels, interrupt_at, []

    def __call__(self, rows):
        if len(self.calls) == self.interrupt_at:
            self.interrupt_at = None
            raise KeyboardInterrupt
        self.calls.append(np.array(rows))
        return self.labels[rows]


class Query:
    """A selector that is not ours: it takes the first rows without a label."""

    def __init__(self):
        self.calls = []

    def query(
        self, X, y, clf=None, fit_clf=True, candidates=None, batch_size=1, **nothing
    ):
        self.calls.append((X, y.copy(), clf, fit_clf, candidates, batch_size))
        free = np.flatnonzero(np.isnan(y)) if candidates is None else candidates
        return free[:batch_size]


class First:
    """As plain as a selector can be, with a batch size."""

    def query(self, X, y, batch_size=1):
        return np.flatnonzero(np.isnan(y))[:batch_size]


# Rounds ----------------------------------------------------------------------------


def test_a_run_is_what_a_plain_loop_does():
    test = np.arange(1, 150, 3)
    loop = make_loop(LADASelector(LR, random_state=3), stopping=[])
    loop.run(X, partial(), TRUTH, X_test=X[test], y_test=TRUTH[test])

    y, queried, pool = partial(), [], np.flatnonzero(np.isnan(partial()))
    expected = {"n_labels": [], "score": [], "utility": [], "agreement": []}
    rows = model = before = None
    for _ in range(4):
        if rows is not None:
            y[rows] = TRUTH[rows]
            queried.extend(rows)
            top = np.sort(model.predict_proba(X[rows]), axis=1)
            expected["utility"].append(np.mean(1 - (top[:, -1] - top[:, -2])))
        else:
            expected["utility"].append(np.nan)
        known = np.isfinite(y)
        model = clone(LR).fit(X[known], y[known])
        predicted = model.predict(X)
        expected["n_labels"].append(known.sum())
        expected["score"].append((predicted[test] == TRUTH[test]).mean())
        expected["agreement"].append(
            np.nan if before is None else (predicted == before)[pool].mean()
        )
        before = predicted
        rows = LADASelector(LR, random_state=3).query(
            X, y, clf=model, fit_clf=False, batch_size=5
        )
    assert_array_equal(loop.queried_, queried)
    assert_array_equal(loop.y_, y)
    assert set(table(loop)) == set(expected)
    for name, column in expected.items():
        assert_allclose(loop.history_[name], column, rtol=1e-12, err_msg=name)
    assert len(set(expected["agreement"][1:])) > 1
    assert_array_equal(loop.estimator_.predict_proba(X), model.predict_proba(X))
    assert len(loop.query_indices_) == len(loop.skipped_) == 0


def test_the_history_is_a_table_with_a_line_for_the_start():
    loop = make_loop().start(X, partial(), X_test=X, y_test=TRUTH)
    first = loop.history_
    assert {len(column) for column in first.values()} == {1}
    assert first["n_labels"] == [3]
    assert np.isnan([first["utility"][0], first["query_time"][0]]).all()
    expected = clone(LR).fit(X[[0, 50, 100]], [0, 1, 2]).score(X, TRUTH)
    assert first["score"] == [expected]
    assert first["fit_time"][0] > 0
    loop.resume(TRUTH)
    frame = pd.DataFrame(loop.history_)
    assert frame.shape[0] == 4
    assert list(frame["n_labels"]) == [3, 8, 13, 18]
    assert all(type(n) is int for n in loop.history_["n_labels"])
    assert frame.iloc[1:].notna().all(axis=None)
    assert (frame[["query_time", "fit_time"]].iloc[1:] > 0).all(axis=None)
    assert "score" not in make_loop().run(X, partial(), TRUTH).history_


def test_the_history_has_the_columns_of_the_docstring():
    loop = make_loop().run(X, partial(), TRUTH, X_test=X, y_test=TRUTH)
    assert set(loop.history_) == {
        *("n_labels", "score", "utility", "agreement", "query_time", "fit_time")
    }


def test_agreement_of_a_large_pool_is_that_of_a_sample(monkeypatch):
    monkeypatch.setattr("skmix.active._loop.MAX_COMPARED", 20)
    y, predictions = partial(), []

    class Noting(LogisticRegression):
        def predict(self, rows):
            predictions.append(rows)
            return super().predict(rows)

    loop = make_loop(LADASelector(Noting(max_iter=200)), stopping=[])
    loop.run(X, y, TRUTH)
    # The same twenty different rows of the pool in each round.
    assert len(predictions) == 4
    places = [np.flatnonzero((row == X).all(axis=1))[0] for row in predictions[0]]
    assert len(set(places)) == 20
    assert np.isnan(y[places]).all()
    for rows in predictions[1:]:
        assert_array_equal(rows, predictions[0])


@pytest.fixture
def clock(monkeypatch):
    """A clock that only goes on where it is told to."""
    clock = SimpleNamespace(now=0.0)
    clock.monotonic = clock.perf_counter = lambda: clock.now
    monkeypatch.setattr("skmix.active._loop.time", clock)
    monkeypatch.setattr("skmix._loop.time", clock)
    return clock


def slow_loop(clock, prediction=0, **params):
    """A loop whose queries take 3 seconds, trainings 4, and answers 100."""

    class Slow(First):
        def query(self, X, y, batch_size=1):
            clock.now += 3
            return super().query(X, y, batch_size)

    class SlowToFit(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            clock.now += 4
            return super().fit(X, y, sample_weight)

        def predict(self, X):
            clock.now += prediction
            return super().predict(X)

    def oracle(rows):
        clock.now += 100
        return TRUTH[rows]

    return make_loop(Slow(), estimator=SlowToFit(max_iter=200), **params), oracle


def test_times_are_those_of_queries_and_trainings_only(clock):
    loop, oracle = slow_loop(clock, prediction=1000)
    history = loop.run(X, partial(), oracle, X_test=X, y_test=TRUTH).history_
    assert_equal(history["query_time"], [np.nan, 3, 3, 3])
    assert_equal(history["fit_time"], [4, 4, 4, 4])


def test_no_round_begins_that_would_be_over_after_max_time(clock):
    # A round takes 107 seconds: at 321, another one would be over at 428.
    loop, oracle = slow_loop(clock, max_time=420, budget=50)
    loop.start(X, partial()).resume(oracle)
    assert loop.history_["n_labels"] == [3, 8, 13, 18]
    assert "max_time" in loop.stop_reason_
    assert "resume" in loop.stop_reason_
    # The clock starts anew; the first round always begins.
    loop.resume()
    assert loop.history_["n_labels"][-1] == 33
    assert loop.set_params(max_time=1).resume().history_["n_labels"][-1] == 38
    loop.set_params(max_time=None).resume()
    assert loop.history_["n_labels"][-1] == 53
    assert loop.stop_reason_ == BUDGET_SPENT


def test_max_time_that_ends_with_the_budget(clock):
    loop, oracle = slow_loop(clock, max_time=330)
    assert loop.run(X, partial(), oracle).history_["n_labels"][-1] == 18
    assert loop.stop_reason_ == BUDGET_SPENT


def test_max_time_counts_the_first_training(clock):
    class Slow(LogisticRegression):
        def fit(self, X, y, sample_weight=None):
            clock.now += 4
            return super().fit(X, y, sample_weight)

    # At 8, after a round, another one would be over at 12.
    loop = make_loop(First(), estimator=Slow(max_iter=200), max_time=10)
    loop.run(X, partial(), TRUTH)
    assert clock.now <= 10


# The budget ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("batch_size", "budget", "n_labels"),
    [
        (5, 15, [3, 8, 13, 18]),
        (5, 12, [3, 8, 13, 15]),
        (5, 3, [3, 6]),
        (1, 2, [3, 4, 5]),
        (np.int64(4), np.int64(8), [3, 7, 11]),
    ],
)
def test_the_budget_is_spent_exactly(batch_size, budget, n_labels):
    oracle = Oracle()
    loop = make_loop(batch_size=batch_size, budget=budget)
    assert loop.run(X, partial(), oracle) is loop
    assert loop.history_["n_labels"] == n_labels
    assert loop.stop_reason_ == BUDGET_SPENT
    assert [len(rows) for rows in oracle.calls] == np.diff(n_labels).tolist()
    rows = np.concatenate(oracle.calls)
    assert_array_equal(loop.queried_, rows)
    assert len(np.unique(rows)) == budget
    assert not np.isin(rows, [0, 50, 100]).any()
    assert_array_equal(
        np.flatnonzero(np.isfinite(loop.y_)), np.sort([0, 50, 100, *rows])
    )
    assert_array_equal(loop.y_[rows], TRUTH[rows])


@pytest.mark.parametrize("budget", [None, 1000])
def test_the_pool_is_exhausted(budget):
    rows = np.arange(0, 150, 6)
    oracle = Oracle(TRUTH[rows])
    loop = make_loop(batch_size=6, budget=budget)
    y = partial((0, 10, 20), TRUTH[rows])
    loop.run(X[rows], y, oracle)
    assert loop.history_["n_labels"] == [3, 9, 15, 21, 25]
    assert loop.stop_reason_ == NO_ROW_LEFT
    assert_array_equal(loop.y_, TRUTH[rows])
    assert_array_equal(
        np.sort(np.concatenate(oracle.calls)), np.flatnonzero(np.isnan(y))
    )
    with pytest.raises(ValueError, match="every row has been asked for"):
        loop.ask()


def test_the_pool_is_exhausted_by_a_single_row():
    rows = np.arange(0, 150, 6)
    loop = make_loop(batch_size=7, budget=None)
    loop.run(X[rows], partial((0, 10, 20), TRUTH[rows]), TRUTH[rows])
    assert loop.history_["n_labels"] == [3, 10, 17, 24, 25]
    assert np.isfinite(loop.history_["utility"][1:]).all()


def test_every_row_has_a_label_already():
    oracle = Oracle()
    loop = make_loop().run(X, TRUTH.astype(float), oracle)
    assert loop.history_["n_labels"] == [150]
    assert loop.stop_reason_ == NO_ROW_LEFT
    assert oracle.calls == []
    assert loop.estimator_.score(X, TRUTH) > 0.9


def test_every_row_has_a_label_already_and_there_is_a_criterion():
    loop = make_loop(stopping=StablePredictions()).run(X, TRUTH.astype(float), TRUTH)
    assert loop.stop_reason_ == NO_ROW_LEFT


def test_another_budget_goes_on_as_if_it_had_been_the_first():
    whole = make_loop().run(X, partial(), TRUTH)
    loop = make_loop(budget=5).run(X, partial(), TRUTH)
    history = copy.deepcopy(loop.history_)
    # Without more budget, nothing happens.
    assert loop.resume().history_ == history
    assert loop.stop_reason_ == BUDGET_SPENT
    assert loop.set_params(budget=15).resume() is loop
    assert_same_run(loop, whole)
    assert loop.stop_reason_ == BUDGET_SPENT


def test_a_smaller_budget_than_what_was_spent_asks_for_nothing():
    loop = make_loop().run(X, partial(), TRUTH)
    loop.set_params(budget=3).resume()
    assert loop.history_["n_labels"] == [3, 8, 13, 18]
    assert loop.stop_reason_ == BUDGET_SPENT


def test_another_batch_size_goes_on():
    loop = make_loop(budget=5).run(X, partial(), TRUTH)
    loop.set_params(budget=15, batch_size=2).resume()
    assert loop.history_["n_labels"] == [3, 8, 10, 12, 14, 16, 18]


@pytest.mark.parametrize(
    ("batch_size", "n_labels"),
    [(20, [3, 8, 28, 43]), (2, [3, 8, *range(10, 44, 2), 43])],
)
def test_another_batch_size_while_rows_wait_for_answers(batch_size, n_labels):
    loop = make_loop(budget=40).start(X, partial())
    loop.ask()
    loop.set_params(batch_size=batch_size).resume(TRUTH)
    assert loop.history_["n_labels"] == n_labels
    assert loop.stop_reason_ == BUDGET_SPENT


# Criteria --------------------------------------------------------------------------


def test_a_plain_function_is_a_criterion():
    seen = []

    def enough(history):
        seen.append((history, len(history["n_labels"])))
        return history["n_labels"][-1] > 10

    loop = make_loop(stopping=enough, budget=50).run(X, partial(), TRUTH)
    assert loop.history_["n_labels"] == [3, 8, 13]
    # It is asked after each round, not before the first.
    assert [length for _, length in seen] == [2, 3]
    assert all(history is loop.history_ for history, _ in seen)
    assert "enough" in loop.stop_reason_
    # It can be overruled.
    loop.resume()
    assert loop.history_["n_labels"] == [3, 8, 13, 18]


def test_a_function_is_named_without_its_address():
    def enough(history):
        return True

    loop = make_loop(stopping=enough).run(X, partial(), TRUTH)
    assert " at 0x" not in loop.stop_reason_


@pytest.mark.parametrize("kind", [list, tuple])
def test_the_first_criterion_that_says_so_ends_the_run(kind):
    criteria = kind([UtilityBelow(-1), lambda history: False, UtilityBelow(2.5)])
    loop = make_loop(stopping=criteria).run(X, partial(), TRUTH)
    assert loop.history_["n_labels"] == [3, 8]
    assert loop.stop_reason_ == "UtilityBelow(2.5) said so."
    # Not by one that was in its way before.
    loop.set_params(stopping=kind([UtilityBelow(-1)])).resume()
    assert loop.history_["n_labels"] == [3, 8, 13, 18]
    assert loop.stop_reason_ == BUDGET_SPENT


def test_a_criterion_in_the_last_round_counts():
    def late(history):
        return np.bool_(len(history["n_labels"]) == 4)

    loop = make_loop(stopping=late).run(X, partial(), TRUTH)
    assert "late" in loop.stop_reason_
    # Another run is another run.
    loop.set_params(stopping=None).run(X, partial(), TRUTH)
    assert loop.stop_reason_ == BUDGET_SPENT


def test_stable_predictions_of_a_classifier_that_never_changes():
    loop = make_loop(stopping=StablePredictions(), budget=None)
    constant = make_constant()
    loop.set_params(estimator=constant).run(X, partial(), TRUTH)
    assert_equal(loop.history_["agreement"], [np.nan, 1, 1, 1])
    assert loop.stop_reason_ == "StablePredictions(0.99, n_rounds=3) said so."


def make_constant():
    class Constant(LogisticRegression):
        """Always says the same."""

        def predict(self, X):
            return np.full(len(X), self.classes_[0])

    return Constant(max_iter=200)


def test_a_criterion_may_come_later():
    loop = make_loop(budget=5).run(X, partial(), TRUTH)
    loop.set_params(budget=15, stopping=StablePredictions(0, n_rounds=1)).resume()
    assert loop.stop_reason_.startswith("StablePredictions")


def test_what_is_no_criterion_is_refused_at_once():
    oracle = Oracle()
    with pytest.raises(ValueError, match="stopping"):
        make_loop(stopping=[UtilityBelow(0), 0.5]).run(X, partial(), oracle)
    assert oracle.calls == []


# Ask and tell ----------------------------------------------------------------------


def test_ask_and_tell_do_what_run_does():
    whole = make_loop(stopping=[])
    whole.run(X, partial(), TRUTH, X_test=X, y_test=TRUTH)
    loop = make_loop(stopping=[])
    assert loop.start(X, partial(), X_test=X, y_test=TRUTH) is loop
    assert len(loop.query_indices_) == len(loop.queried_) == len(loop.skipped_) == 0
    for n in (8, 13, 18):
        rows = loop.ask()
        assert rows.dtype.kind == "i"
        assert_array_equal(rows, loop.query_indices_)
        assert np.isnan(loop.y_[rows]).all()
        assert len(loop.history_["n_labels"]) == n // 5
        assert loop.tell(TRUTH[rows]) is loop
        assert_array_equal(loop.y_[rows], TRUTH[rows])
        assert len(loop.query_indices_) == 0
        assert loop.history_["n_labels"][-1] == n
    assert_same_run(loop, whole)
    with pytest.raises(ValueError, match=r"budget of 15 labels is spent. Raise it"):
        loop.ask()
    assert_same_run(loop, whole)


def test_asked_twice_it_says_the_same():
    # By a selector whose random state goes on, if it is asked.
    whole = make_loop(SELECTORS["own"]()).run(X, partial(), TRUTH)
    loop = make_loop(SELECTORS["own"]()).start(X, partial())
    for _ in range(3):
        rows = loop.ask().copy()
        for _ in range(3):
            assert_array_equal(loop.ask(), rows)
        loop.tell(TRUTH[rows])
    assert_same_run(loop, whole)


@pytest.mark.parametrize(
    "answer",
    [
        list,
        tuple,
        lambda labels: pd.Series(labels, index=np.arange(len(labels)) * 7 + 1000),
        lambda labels: pl.Series(labels),
        lambda labels: labels.astype(object),
        lambda labels: labels.astype(np.float32),
        lambda labels: labels[:, None],
    ],
)
def test_answers_come_in_any_container(answer):
    loop = make_loop().start(X, partial())
    rows = loop.ask()
    loop.tell(answer(TRUTH[rows]))
    assert_array_equal(loop.y_[rows], TRUTH[rows])


def test_errors_of_the_protocol_and_nothing_is_lost():
    loop = make_loop()
    for call in (loop.ask, loop.resume, lambda: loop.tell([1])):
        with pytest.raises(NotFittedError, match="call run or start first"):
            call()
    loop.start(X, partial())
    with pytest.raises(ValueError, match=r"tell has no rows.*call ask first"):
        loop.tell([0.0] * 5)
    with pytest.raises(ValueError, match=r"oracle is missing: pass the labels"):
        loop.resume()
    rows = loop.ask().copy()
    before = pickle.dumps(loop)
    for labels in ([0.0] * 4, [0.0] * 6, []):
        with pytest.raises(ValueError, match=rf"labels .* 5 rows .* got {len(labels)}"):
            loop.tell(labels)
    with pytest.raises(ValueError, match=r"one label to a row, got shape \(5, 2\)"):
        loop.tell(np.zeros((5, 2)))
    assert pickle.dumps(loop) == before
    assert_array_equal(loop.ask(), rows)
    loop.tell(TRUTH[rows])
    with pytest.raises(ValueError, match="call ask first"):
        loop.tell(TRUTH[rows])
    assert_same_run(loop, make_loop(budget=5).run(X, partial(), TRUTH))


def test_parameters_that_became_bad_are_refused():
    loop = make_loop(budget=5).run(X, partial(), TRUTH)
    with pytest.raises(ValueError, match="'batch_size' parameter"):
        loop.set_params(batch_size=0, budget=15).resume()


def test_an_oracle_that_does_not_fit_is_refused():
    loop = make_loop()
    message = (
        r"oracle must have a label to each of the 150 rows of X, got 149.*function"
    )
    with pytest.raises(ValueError, match=message):
        loop.run(X, partial(), TRUTH[:149])
    with pytest.raises(ValueError, match="labels must be one to each of the 5 rows"):
        loop.run(X, partial(), lambda rows: TRUTH[rows][:3])
    # Someone else may answer.
    loop.resume(TRUTH)
    assert_same_run(loop, make_loop().run(X, partial(), TRUTH))


def test_an_oracle_that_was_refused_is_not_the_one_used_last():
    loop = make_loop(budget=5).run(X, partial(), TRUTH)
    loop.set_params(budget=15)
    with pytest.raises(ValueError, match="oracle"):
        loop.resume(TRUTH[:10])
    assert loop.resume().history_["n_labels"][-1] == 18


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"X_test": X}, r"y_test is missing: pass both, or neither"),
        ({"y_test": TRUTH}, r"X_test is missing: pass both, or neither"),
        ({"y": TRUTH[:3].astype(float)}, r"150 rows and y has 3.*nan where there is"),
        ({"y": np.zeros((150, 2))}, r"one label to a row, got shape \(150, 2\)"),
        ({"y": None}, "y"),
        ({"y": np.linspace(0.1, 9, 150)}, "label type|continuous"),
    ],
)
def test_rows_and_labels_that_cannot_be_used(arguments, message):
    with pytest.raises(ValueError, match=message):
        make_loop().run(**{"X": X, "y": partial(), "oracle": TRUTH, **arguments})


@pytest.mark.parametrize(
    "params",
    [
        {"batch_size": 0},
        {"batch_size": 2.5},
        {"budget": 0},
        {"budget": -5},
        {"selector": "margin"},
        {"selector": LR},
        {"estimator": "forest"},
        {"stopping": "utility"},
        {"stopping": 0.1},
        {"scoring": 3},
        {"max_time": 0},
        {"verbose": -1},
        {"random_state": "zero"},
    ],
    ids=str,
)
def test_bad_parameters(params):
    ((name, value),) = params.items()
    with pytest.raises(ValueError, match=f"(?s)'{name}' parameter.*Got") as caught:
        make_loop().set_params(**params).start(X, partial())
    assert str(value) in str(caught.value)


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_bad_parameters_of_the_classifier():
    with pytest.raises(ValueError, match="'C' parameter of LogisticRegression"):
        make_loop(estimator=LogisticRegression(C=-1.0)).start(X, partial())


def test_a_selector_without_a_classifier_needs_one():
    with pytest.raises(ValueError, match=r"estimator is missing.*pass a classifier"):
        make_loop(First()).start(X, partial())


# Rows without an answer ------------------------------------------------------------


def odd_are_unknown(truth=TRUTH, blank=np.nan):
    labels = truth.astype(object)
    labels[1::2] = blank
    return labels


@pytest.mark.parametrize("as_array", [True, False])
def test_skipped_rows_count_and_are_not_asked_for_again(as_array):
    oracle = Oracle(odd_are_unknown())
    loop = make_loop(budget=32).run(X, partial(), oracle.labels if as_array else oracle)
    assert loop.stop_reason_ == BUDGET_SPENT
    assert len(np.unique(asked(loop))) == len(asked(loop)) == 32
    assert (loop.queried_ % 2 == 0).all()
    assert (loop.skipped_ % 2 == 1).all()
    assert 0 < len(loop.skipped_) < 32
    assert np.isnan(loop.y_[loop.skipped_]).all()
    assert loop.history_["n_labels"][-1] == 3 + len(loop.queried_)
    assert len(loop.history_["n_labels"]) == 1 + 7
    if not as_array:
        rows = np.concatenate(oracle.calls)
        assert_array_equal(loop.queried_, rows[rows % 2 == 0])
        assert_array_equal(loop.skipped_, rows[rows % 2 == 1])


def test_every_row_is_asked_for_once_where_many_are_skipped():
    rows = np.arange(0, 150, 5)
    oracle = Oracle(odd_are_unknown(TRUTH[rows]))
    loop = make_loop(budget=None, batch_size=4)
    loop.run(X[rows], partial((0, 10, 20), TRUTH[rows]), oracle)
    assert loop.stop_reason_ == NO_ROW_LEFT
    assert_array_equal(
        np.sort(np.concatenate(oracle.calls)), np.setdiff1d(np.arange(30), [0, 10, 20])
    )
    assert_array_equal(np.sort(loop.skipped_), np.arange(1, 30, 2))
    assert loop.history_["n_labels"][-1] == 15
    with pytest.raises(ValueError, match="every row has been asked for"):
        loop.ask()


def test_a_batch_without_any_answer_is_a_round():
    loop = make_loop().start(X, partial())
    first = loop.ask().copy()
    model = loop.estimator_.predict_proba(X)
    loop.tell([np.nan, None, np.nan, np.nan, np.nan])
    assert loop.history_["n_labels"] == [3, 3]
    assert_array_equal(loop.skipped_, first)
    assert_allclose(loop.estimator_.predict_proba(X), model)
    assert not np.isin(loop.ask(), first).any()


@pytest.mark.parametrize(
    "params",
    [
        {"virtual_scope": "round"},
        {"virtual_scope": "round", "pairing": "random", "diversity": None},
        {"lookahead": False},
        {"lookahead": False, "acquisition": "badge"},
    ],
    ids=str,
)
def test_skipped_rows_are_not_mixed(params):
    loop = make_loop(LADASelector(LR, **params), batch_size=6)
    loop.run(X, partial(), odd_are_unknown())
    assert len(asked(loop)) == 15
    assert len(loop.skipped_) > 0


# What labels are -------------------------------------------------------------------


@pytest.mark.parametrize("blank", [np.nan, None])
@pytest.mark.parametrize(
    "truth", [TRUTH, NAMES[TRUTH], TRUTH == 1], ids=["i", "U", "b"]
)
def test_a_start_without_any_label(truth, blank):
    loop = make_loop(budget=20, stopping=[])
    y = np.full(150, blank)
    loop.start(X, y, X_test=X, y_test=truth)
    assert not hasattr(loop, "estimator_")
    assert_equal(
        table(loop),
        {
            "n_labels": [0],
            "score": [np.nan],
            "utility": [np.nan],
            "agreement": [np.nan],
        },
    )
    loop.resume(truth)
    assert loop.history_["n_labels"] == [0, 5, 10, 15, 20]
    assert_array_equal(loop.estimator_.classes_, np.unique(truth))
    assert loop.estimator_.classes_.dtype.kind == truth.dtype.kind
    score = np.mean(loop.estimator_.predict(X) == truth)
    assert loop.history_["score"][-1] == pytest.approx(score)
    # Without a classifier nobody knows how useful a row is.
    assert np.isnan(loop.history_["utility"][:2]).all()
    assert np.isfinite(loop.history_["utility"][2:]).all()
    assert np.isnan(loop.history_["agreement"][:2]).all()
    assert np.isfinite(loop.history_["agreement"][2:]).all()
    assert_array_equal(loop.y_[loop.queried_], truth[loop.queried_])


def test_a_start_with_one_class():
    loop = make_loop(budget=20).start(X, partial((1, 2, 3)), X_test=X, y_test=TRUTH)
    assert not hasattr(loop, "estimator_")
    assert_equal(loop.history_["score"], [np.nan])
    loop.tell(np.zeros(len(loop.ask())))
    assert not hasattr(loop, "estimator_")
    rows = loop.ask()
    loop.tell([0.0, 1.0, 1.0, 0.0, 0.0])
    assert_array_equal(loop.estimator_.classes_, [0, 1])
    labelled = np.flatnonzero(np.isfinite(loop.y_))
    expected = clone(LR).fit(X[labelled], loop.y_[labelled])
    assert_allclose(loop.estimator_.predict_proba(X), expected.predict_proba(X))
    assert_array_equal(loop.y_[rows], [0, 1, 1, 0, 0])


def test_an_oracle_that_knows_one_class_only():
    loop = make_loop(stopping=[StablePredictions(0, n_rounds=1), UtilityBelow(99)])
    loop.run(X, np.full(150, np.nan), np.zeros(150))
    assert not hasattr(loop, "estimator_")
    assert loop.history_["n_labels"] == [0, 5, 10, 15]
    assert np.isnan(loop.history_["agreement"]).all()
    assert loop.stop_reason_ == BUDGET_SPENT


@pytest.mark.parametrize("acquisition", ["badge", "random"])
def test_sets_have_no_utility(acquisition):
    selector = LADASelector(LR, acquisition=acquisition, augmentation=None)
    loop = make_loop(selector).run(X, partial((1, 2)), TRUTH)
    assert loop.history_["n_labels"] == [2, 7, 12, 17]
    assert np.isnan(loop.history_["utility"]).all()


def test_coreset_starts_with_one_class():
    selector = LADASelector(LR, acquisition="coreset", augmentation=None)
    loop = make_loop(selector).run(X, partial((1, 2)), TRUTH)
    assert loop.history_["n_labels"] == [2, 7, 12, 17]


@pytest.mark.parametrize(
    ("blank", "missing_label"), [(None, np.nan), (np.nan, None), ("?", "?"), ("", "")]
)
def test_labels_are_text(blank, missing_label):
    truth = NAMES[TRUTH]
    y = partial(truth=truth, blank=blank, dtype=object)
    loop = make_loop(LADASelector(LR, missing_label=missing_label))
    loop.run(X, y, truth, X_test=X, y_test=truth)
    assert_array_equal(loop.estimator_.classes_, NAMES)
    assert loop.estimator_.classes_.dtype.kind == "U"
    numbers = make_loop().run(X, partial(), TRUTH, X_test=X, y_test=TRUTH)
    assert_array_equal(loop.queried_, numbers.queried_)
    assert_equal(table(loop), table(numbers))
    assert_array_equal(loop.y_[loop.queried_], truth[loop.queried_])


def test_text_with_a_missing_label_of_text_may_be_longer_than_that():
    # An array of '<U1' has no room for names.
    loop = make_loop(LADASelector(LR, missing_label="?"))
    loop.run(X, np.full(150, "?"), NAMES[TRUTH])
    assert_array_equal(loop.estimator_.classes_, NAMES)


@pytest.mark.parametrize("dtype", [int, np.int8, float])
def test_minus_one_is_missing(dtype):
    y = partial(blank=-1, dtype=dtype)
    loop = make_loop(LADASelector(LR, missing_label=-1)).run(X, y, TRUTH)
    assert loop.y_.dtype == dtype
    assert loop.history_["n_labels"] == [3, 8, 13, 18]
    assert_array_equal(loop.estimator_.classes_, [0, 1, 2])
    usual = make_loop().run(X, partial(), TRUTH)
    assert_array_equal(loop.queried_, usual.queried_)
    assert_equal(table(loop), table(usual))
    assert (loop.y_ == -1).sum() == 150 - 18


def test_minus_one_is_no_answer():
    y = partial(blank=-1, dtype=int)
    loop = make_loop(LADASelector(LR, missing_label=-1)).start(X, y)
    rows = loop.ask().copy()
    loop.tell([-1, 2, -1, 1, 0])
    assert_array_equal(loop.skipped_, rows[[0, 2]])
    assert_array_equal(loop.queried_, rows[[1, 3, 4]])
    assert_array_equal(loop.y_[rows], [-1, 2, -1, 1, 0])
    assert not np.isin(loop.ask(), rows).any()


@pytest.mark.parametrize(
    ("y", "labels", "missing_label", "message"),
    [
        (
            partial(),
            NAMES[[0, 1, 1, 2, 0]],
            np.nan,
            r"labels holds .*'setosa'.*labels in y, of dtype float64.*dtype object",
        ),
        (partial(blank=-1, dtype=int), [0.5, 1, 2, 1, 0], -1, "continuous"),
        (partial(blank=-1, dtype=np.int8), [300, 1, 2, 1, 0], -1, r"300.*int8"),
        (partial(), [0.5, 0.25, 1, 0, 2], np.nan, "continuous"),
    ],
)
def test_labels_of_another_kind_are_refused_and_nothing_is_lost(
    y, labels, missing_label, message
):
    loop = make_loop(LADASelector(LR, missing_label=missing_label)).start(X, y)
    rows = loop.ask().copy()
    before = pickle.dumps(loop)
    with pytest.raises(ValueError, match=message):
        loop.tell(labels)
    assert pickle.dumps(loop) == before
    loop.tell(TRUTH[rows]).resume(TRUTH)
    whole = make_loop(LADASelector(LR, missing_label=missing_label)).run(X, y, TRUTH)
    assert_same_run(loop, whole)


@pytest.mark.parametrize(
    ("before", "after"), [("text", "numbers"), ("numbers", "text"), (None, "text")]
)
def test_labels_of_another_kind_are_refused_among_objects(before, after):
    kinds = {"text": NAMES[TRUTH].astype(object), "numbers": TRUTH.astype(object)}
    rows = [] if before is None else [0, 50, 100]
    truth = kinds[before or "numbers"]
    loop = make_loop().start(X, partial(rows, truth, None, object))
    if before is None:
        loop.tell(truth[loop.ask()])
    rows = loop.ask()
    with pytest.raises(ValueError, match="labels"):
        loop.tell(kinds[after][rows])
    loop.tell(truth[rows])
    assert set(loop.estimator_.classes_) <= set(truth)


@pytest.mark.parametrize("blank", [np.nan, None])
def test_no_answer_beside_text(blank):
    loop = make_loop().start(X, np.full(150, np.nan))
    rows = loop.ask().copy()
    loop.tell(["a", "b", blank, "a", "b"])
    assert_array_equal(loop.skipped_, rows[[2]])
    assert_array_equal(loop.estimator_.classes_, ["a", "b"])


def test_the_label_of_another_kind_is_named():
    loop = make_loop(LADASelector(LR, missing_label=-1))
    loop.start(X, partial(blank=-1, dtype=np.int8)).ask()
    with pytest.raises(ValueError, match="300"):
        loop.tell([1, 0, 300, 2, 1])


@pytest.mark.parametrize(
    ("missing_label", "labels"),
    [(np.nan, np.array([*"abc", "nan", "a"])), (-1, [1, 0, np.nan, 1, 2])],
)
def test_errors_on_labels_name_the_argument(missing_label, labels):
    loop = make_loop(LADASelector(LR, missing_label=missing_label))
    loop.start(X, np.full(150, missing_label)).ask()
    with pytest.raises(ValueError, match=r"^labels "):
        loop.tell(labels)


# It stops, and goes on -------------------------------------------------------------

SELECTORS = {
    "regression": lambda: LADASelector(LR),
    "forest": lambda: LADASelector(FOREST),
    "own": lambda: LADASelector(FOREST, random_state=np.random.RandomState(5)),
    "pairs": lambda: LADASelector(LR, pairing="random", virtual_scope="round"),
    "network": lambda: LADASelector(
        LADAClassifier(
            hidden_layer_sizes=(8,), max_iter=2, classes=[0, 1, 2], warm_start=True
        ),
        acquisition="entropy",
        pairing="random",
        virtual_scope="round",
    ),
}


@pytest.mark.parametrize("way", [through_pickle, copy.deepcopy])
@pytest.mark.parametrize("name", SELECTORS)
def test_pickles_and_copies_go_on_where_it_was(name, way):
    whole = make_loop(SELECTORS[name](), stopping=[], batch_size=6)
    whole.run(X, partial(), TRUTH, X_test=X, y_test=TRUTH)
    loop = make_loop(SELECTORS[name](), stopping=[], batch_size=6)
    loop = way(loop.start(X, partial(), X_test=X, y_test=TRUTH))
    rows = loop.ask()
    # Between ask and tell, and what happens to the other one does not matter.
    other, loop = loop, way(loop)
    other.tell(np.zeros(6))
    assert_array_equal(loop.query_indices_, rows)
    assert_array_equal(loop.ask(), rows)
    loop = way(loop.tell(TRUTH[rows]))
    loop.resume(TRUTH)
    assert_same_run(loop, whole)
    assert loop.stop_reason_ == whole.stop_reason_


def test_an_array_of_labels_is_in_the_pickle():
    loop = make_loop(budget=5).run(X, partial(), TRUTH)
    again = through_pickle(loop).set_params(budget=15).resume()
    assert_same_run(again, make_loop().run(X, partial(), TRUTH))


def test_a_loop_with_a_function_as_oracle_can_be_pickled():
    loop = make_loop(budget=5).run(X, partial(), lambda rows: TRUTH[rows])
    again = through_pickle(loop).set_params(budget=15).resume(TRUTH)
    assert_same_run(again, make_loop().run(X, partial(), TRUTH))


class Desk:
    """Answers by a method, and holds on to the loop."""

    def __init__(self):
        self.loop = make_loop()

    def answer(self, rows):
        return TRUTH[rows]


@pytest.mark.parametrize("way", [through_pickle, copy.deepcopy])
def test_the_oracle_may_know_the_loop(way):
    desk = Desk()
    desk.loop.run(X, partial(), desk.answer)
    assert_same_run(way(desk.loop), desk.loop)
    assert_same_run(way(desk).loop, desk.loop)


class Saving(History):
    """Saves a loop after each of its rounds."""

    files = []

    def on_fit_task_end(self, estimator, context, *, metadata=None):
        if metadata is not None:
            self.files.append(pickle.dumps(estimator))


def test_a_pickle_of_each_round_goes_on():
    Saving.files.clear()
    whole = make_loop(LADASelector(FOREST)).set_callbacks(Saving())
    whole.run(X, partial(), TRUTH)
    assert len(Saving.files) == 3
    for file in list(Saving.files):
        assert_same_run(pickle.loads(file).resume(), whole)


@pytest.mark.parametrize("interrupt_at", [0, 1, 2])
@pytest.mark.parametrize("way", [lambda loop: loop, copy.deepcopy])
def test_ctrl_c_in_the_oracle_keeps_what_was_answered(interrupt_at, way):
    whole = make_loop(LADASelector(FOREST), stopping=[]).run(X, partial(), TRUTH)
    oracle = Oracle(interrupt_at=interrupt_at)
    loop = make_loop(LADASelector(FOREST), stopping=[])
    with pytest.warns(ConvergenceWarning, match=f"after {interrupt_at} iterations"):
        loop.run(X, partial(), oracle)
    n = 5 * interrupt_at
    assert loop.stop_reason_ == "Interrupted: resume goes on."
    assert_array_equal(loop.queried_, whole.queried_[:n])
    assert_array_equal(loop.query_indices_, whole.queried_[n : n + 5])
    assert loop.history_["n_labels"] == whole.history_["n_labels"][: interrupt_at + 1]
    assert np.isfinite(loop.y_).sum() == 3 + n
    assert_array_equal(loop.ask(), whole.queried_[n : n + 5])
    loop = way(loop).resume()
    assert_same_run(loop, whole)
    assert loop.stop_reason_ == BUDGET_SPENT
    assert_array_equal(np.concatenate(loop._oracle.calls), whole.queried_)


def test_ctrl_c_after_a_round():
    whole = make_loop().run(X, partial(), TRUTH)
    loop = make_loop().set_callbacks(interrupting(2))
    with pytest.warns(ConvergenceWarning, match="Interrupted"):
        loop.run(X, partial(), TRUTH)
    assert loop.history_["n_labels"] == [3, 8, 13]
    assert loop.stop_reason_ == "Interrupted: resume goes on."
    loop.set_callbacks().resume()
    assert_same_run(loop, whole)


def test_an_oracle_that_fails_loses_nothing():
    whole = make_loop().run(X, partial(), TRUTH)
    calls = []

    def failing(rows):
        calls.append(rows)
        if len(calls) == 2:
            raise RuntimeError("nobody at home")
        return TRUTH[rows]

    loop = make_loop()
    with pytest.raises(RuntimeError, match="nobody at home"):
        loop.run(X, partial(), failing)
    assert loop.history_["n_labels"] == [3, 8]
    assert_same_run(loop.resume(), whole)
    assert_array_equal(calls[1], calls[2])


def test_an_error_is_no_spent_budget():
    loop = make_loop()
    with pytest.raises(ValueError, match="labels must be one"):
        loop.run(X, partial(), lambda rows: [])
    assert getattr(loop, "stop_reason_", "") != BUDGET_SPENT


def failing_at(n, error, base=LogisticRegression, **params):
    """A classifier one of whose fits fails."""

    class Failing(base):
        fits = []

        def fit(self, X, y, sample_weight=None):
            self.fits.append(len(y))
            if len(self.fits) == n:
                raise error
            return super().fit(X, y, sample_weight)

    return Failing(**params)


@pytest.mark.parametrize("n", [2, 3])
def test_ctrl_c_in_the_training_keeps_the_answers(n):
    whole = make_loop().run(X, partial(), TRUTH)
    model = failing_at(n, KeyboardInterrupt, max_iter=200)
    loop = make_loop(LADASelector(model))
    with pytest.warns(ConvergenceWarning, match="Interrupted"):
        loop.run(X, partial(), TRUTH)
    assert loop.stop_reason_ == "Interrupted: resume goes on."
    assert len(loop.queried_) == 5 * (n - 1)
    assert len(loop.query_indices_) == 0
    assert_same_run(loop.resume(), whole)


def test_ctrl_c_in_the_training_ends_it():
    model = failing_at(2, KeyboardInterrupt, max_iter=200)
    loop = make_loop(LADASelector(model))
    with pytest.warns(ConvergenceWarning, match="Interrupted"):
        loop.run(X, partial(), TRUTH)
    assert loop.estimator_.fits == [3, 8]


def test_a_criterion_counts_after_ctrl_c_in_the_training():
    def enough(history):
        return history["n_labels"][-1] >= 8

    whole = make_loop(stopping=enough).run(X, partial(), TRUTH)
    assert whole.history_["n_labels"] == [3, 8]
    model = failing_at(2, KeyboardInterrupt, max_iter=200)
    loop = make_loop(LADASelector(model), stopping=enough)
    with pytest.warns(ConvergenceWarning, match="Interrupted"):
        loop.run(X, partial(), TRUTH)
    loop.resume()
    assert loop.history_["n_labels"] == [3, 8]
    assert "enough" in loop.stop_reason_


def test_a_training_that_fails_keeps_the_answers():
    whole = make_loop().run(X, partial(), TRUTH)
    model = failing_at(2, RuntimeError("no memory"), max_iter=200)
    loop = make_loop(LADASelector(model)).start(X, partial())
    rows = loop.ask()
    with pytest.raises(RuntimeError, match="no memory"):
        loop.tell(TRUTH[rows])
    assert_array_equal(loop.y_[rows], TRUTH[rows])
    assert_array_equal(loop.queried_, rows)
    assert loop.history_["n_labels"] == [3]
    assert_array_equal(loop.ask(), whole.queried_[5:10])
    assert loop.history_["n_labels"] == [3, 8]
    assert_same_run(loop.resume(TRUTH), whole)


def test_ctrl_c_in_the_first_training():
    whole = make_loop().run(X, partial(), TRUTH)
    loop = make_loop(LADASelector(failing_at(1, KeyboardInterrupt, max_iter=200)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        try:
            loop.run(X, partial(), TRUTH)
        except KeyboardInterrupt:
            pytest.fail("it went through run")
    assert loop.stop_reason_ == "Interrupted: resume goes on."
    assert_same_run(loop.resume(), whole)


def test_ctrl_c_in_the_last_training():
    whole = make_loop().run(X, partial(), TRUTH)
    loop = make_loop(LADASelector(failing_at(4, KeyboardInterrupt, max_iter=200)))
    with pytest.warns(ConvergenceWarning, match="Interrupted"):
        loop.run(X, partial(), TRUTH)
    assert_same_run(loop.resume(), whole)


def test_ctrl_c_in_the_training_of_a_forest():
    params = {"n_estimators": 8, "max_depth": 3}
    whole = make_loop(LADASelector(FOREST)).run(X, partial(), TRUTH)
    model = failing_at(3, KeyboardInterrupt, RandomForestClassifier, **params)
    # A subclass of a forest is mixed for as a forest is.
    loop = make_loop(LADASelector(model))
    with pytest.warns(ConvergenceWarning, match="Interrupted"):
        loop.run(X, partial(), TRUTH)
    assert_same_run(loop.resume(), whole)


def test_ctrl_c_that_the_classifier_keeps_to_itself():
    class Swallowing(LogisticRegression):
        fits = []

        def fit(self, X, y, sample_weight=None):
            self.fits.append(len(y))
            if len(self.fits) == 3:
                with suppress(KeyboardInterrupt):
                    signal.raise_signal(signal.SIGINT)
            return super().fit(X, y, sample_weight)

    loop = make_loop(LADASelector(Swallowing(max_iter=200)))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        loop.run(X, partial(), TRUTH)
    assert loop.stop_reason_ == "Interrupted: resume goes on."
    assert len(loop.queried_) == 10


# Callbacks -------------------------------------------------------------------------


def test_history_sees_each_round():
    history = History()
    loop = make_loop().set_callbacks(history)
    loop.run(X, partial(), TRUTH, X_test=X, y_test=TRUTH)
    assert [record["iteration"] for record in history.records] == [0, 1, 2]
    assert {record["phase"] for record in history.records} == {"rounds"}
    assert {record["estimator"] for record in history.records} == {"ActiveLearningLoop"}
    for name, column in loop.history_.items():
        assert [record[name] for record in history.records] == column[1:]
    assert [record["objective"] for record in history.records] == [
        -score for score in loop.history_["score"][1:]
    ]
    loop.set_params(budget=20).resume()
    assert len(history.records) == 4


def test_early_stopping_stops():
    constant = make_constant()
    loop = make_loop(estimator=constant, budget=50)
    loop.set_callbacks(EarlyStopping(n_iter_no_change=2))
    loop.run(X, partial(), TRUTH, X_test=X, y_test=TRUTH)
    # The first round is the best, and two more are no better.
    assert loop.history_["score"] == [1 / 3] * 4
    assert loop.stop_reason_.startswith("A callback")
    loop.set_callbacks().resume()
    assert loop.history_["n_labels"][-1] == 53


def test_time_budget_stops():
    loop = make_loop().set_callbacks(TimeBudget(seconds=1e-9))
    loop.run(X, partial(), TRUTH)
    assert loop.history_["n_labels"] == [3, 8]
    assert loop.stop_reason_.startswith("A callback")
    assert "resume" in loop.stop_reason_


def test_a_checkpoint_is_refused_or_does_nothing(tmp_path):
    runs = []
    for _ in range(2):
        loop = make_loop().set_callbacks(Checkpoint(tmp_path / "loop.npz", every=1))
        with suppress(ValueError):
            runs.append(loop.run(X, partial(), TRUTH).history_["n_labels"])
    assert runs in ([], [[3, 8, 13, 18]] * 2)


def test_verbose_shows_progress_and_silence_is_silent(capsys):
    loop = make_loop().run(X, partial(), TRUTH)
    assert capsys.readouterr() == ("", "")
    with warnings.catch_warnings():
        # rich draws from a thread of its own.
        warnings.simplefilter("ignore")
        loop.set_params(verbose=1).run(X, partial(), TRUTH)
    assert "ActiveLearningLoop" in capsys.readouterr().out
    again = through_pickle(loop)
    for silent in (loop, again):
        silent.set_params(verbose=0).run(X, partial(), TRUTH)
    assert capsys.readouterr() == ("", "")


# Randomness, parameters, inputs ----------------------------------------------------


@pytest.mark.parametrize("name", ["default", *SELECTORS])
def test_an_integer_gives_the_same_run(name, random_state_untouched):
    selector = None if name == "default" else SELECTORS[name]()
    params = {
        "batch_size": 4,
        "budget": 4 if selector is None else 8,
        "random_state": 7,
    }
    loop = ActiveLearningLoop(selector, **params)
    other = clone(loop)
    loop.run(X, partial(), TRUTH)
    other.run(X, partial(), TRUTH)
    assert_same_run(other, loop)
    # Another run of the same loop begins anew.
    first = copy.deepcopy(loop)
    assert_same_run(loop.run(X, partial(), TRUTH), first)
    if name in ("default", "forest", "network"):
        different = clone(loop).set_params(random_state=8).run(X, partial(), TRUTH)
        assert table(different) != table(loop)


def test_a_random_state_goes_on():
    def runs():
        rng = np.random.RandomState(0)
        loop = make_loop(LADASelector(FOREST), random_state=rng)
        return [loop.run(X, partial(), TRUTH).queried_ for _ in range(2)]

    one, two = runs()
    assert not np.array_equal(one, two)
    assert_array_equal(runs(), [one, two])


def test_seeds_of_ones_own_stay():
    selector = LADASelector(clone(FOREST).set_params(random_state=3), random_state=4)
    loop = make_loop(selector).start(X, partial())
    assert loop.selector_.random_state == 4
    assert loop.estimator_.random_state == 3
    free = make_loop(LADASelector(FOREST)).start(X, partial())
    assert isinstance(free.selector_.random_state, int)
    assert isinstance(free.estimator_.random_state, int)


def test_what_the_user_passed_stays_as_it_was():
    rows, y, truth, test = X.copy(), partial(), TRUTH.copy(), X[:9].copy()
    for array in (rows, y, truth, test):
        array.setflags(write=False)
    selector, estimator = LADASelector(FOREST), clone(LR)
    before = vars(selector).copy(), vars(estimator).copy(), vars(FOREST).copy()
    criteria = [UtilityBelow(-1)]
    loop = make_loop(selector, estimator=estimator, stopping=criteria)
    loop.run(rows, y, truth, X_test=test, y_test=truth[:9])
    assert (vars(selector), vars(estimator), vars(FOREST)) == before
    assert loop.selector is selector
    assert loop.estimator is estimator
    assert loop.stopping is criteria
    assert np.isfinite(y).sum() == 3
    y = partial(truth=NAMES[TRUTH], blank=None, dtype=object)
    loop.run(rows, y, NAMES[TRUTH])
    assert (y != None).sum() == 3  # noqa: E711


def test_labels_of_the_user_may_change_later():
    y = partial()
    loop = make_loop().start(X, y)
    y[:] = 0
    assert_same_run(loop.resume(TRUTH), make_loop().run(X, partial(), TRUTH))


def test_a_start_begins_anew():
    loop = make_loop(stopping=[]).run(X, odd_are_unknown(), odd_are_unknown())
    loop.run(X, partial(), odd_are_unknown(), X_test=X, y_test=TRUTH)
    loop.start(X[:120], np.full(120, np.nan))
    assert not hasattr(loop, "estimator_")
    assert len(asked(loop)) == len(loop.query_indices_) == 0
    assert len(loop.y_) == 120
    assert set(table(loop)) == {"n_labels", "utility", "agreement"}
    loop.ask()
    loop.start(X, partial()).resume(TRUTH)
    assert_same_run(loop, make_loop(stopping=[]).run(X, partial(), TRUTH))


def test_parameters():
    loop = make_loop(stopping=[UtilityBelow(0.1)], scoring="accuracy")
    again = clone(loop)
    assert again.selector is not loop.selector
    assert repr(again) == repr(loop)
    params = again.get_params()
    assert params["selector__estimator__max_iter"] == 200
    assert params["budget"] == 15
    again.set_params(selector__estimator__C=0.01, selector__n_neighbors=2, budget=5)
    assert loop.selector.n_neighbors == 5
    again.run(X, partial(), TRUTH)
    assert again.estimator_.C == 0.01
    assert again.selector_.n_neighbors == 2
    assert again.history_["n_labels"] == [3, 8]
    fresh = clone(again)
    assert not [name for name in vars(fresh) if name.endswith("_")]
    assert ActiveLearningLoop().get_params(deep=False) == {
        "selector": None,
        "estimator": None,
        "batch_size": 10,
        "budget": None,
        "stopping": None,
        "scoring": None,
        "max_time": None,
        "verbose": 0,
        "random_state": None,
    }
    with pytest.raises(TypeError, match="positional"):
        ActiveLearningLoop(None, None, 10)


def test_looks():
    loop = make_loop(stopping=UtilityBelow(0.25))
    assert "stopping=UtilityBelow(0.25)" in repr(loop)
    for shown in (ActiveLearningLoop(), loop, loop.run(X, partial(), TRUTH)):
        html = shown._repr_html_()
        assert "ActiveLearningLoop" in html
    assert "LADASelector" in html
    assert "LogisticRegression" in html


# Classifiers, scores, rows ---------------------------------------------------------


def test_without_anything_a_forest_is_trained():
    loop = ActiveLearningLoop(random_state=0, budget=10).run(X, partial(), TRUTH)
    assert type(loop.estimator_) is RandomForestClassifier
    assert type(loop.selector_) is LADASelector
    assert loop.history_["n_labels"] == [3, 13]


def test_the_estimator_goes_before_that_of_the_selector():
    loop = make_loop(estimator=clone(FOREST).set_params(random_state=0))
    loop.start(X, partial())
    assert isinstance(loop.estimator_, RandomForestClassifier)
    rows = loop.ask()
    # Rows are chosen by it, too.
    top = np.sort(loop.estimator_.predict_proba(X[rows]), axis=1)
    loop.tell(TRUTH[rows])
    assert_allclose(loop.history_["utility"][1], np.mean(1 - top[:, -1] + top[:, -2]))
    assert loop.selector_.estimator_ is loop.estimator_


def own_scorer(estimator, rows, labels):
    return -log_loss(labels, estimator.predict_proba(rows), labels=[0, 1, 2])


@pytest.mark.parametrize("scoring", ["neg_log_loss", own_scorer])
def test_scoring_by_name_and_by_function(scoring):
    test = np.arange(2, 150, 4)
    loop = make_loop(scoring=scoring)
    loop.run(X, partial(), TRUTH, X_test=X[test], y_test=TRUTH[test])
    rows, expected = [0, 50, 100], []
    for n in (0, 5, 10, 15):
        known = np.sort([*rows, *loop.queried_[:n]])
        model = clone(LR).fit(X[known], TRUTH[known])
        expected.append(own_scorer(model, X[test], TRUTH[test]))
    assert_allclose(loop.history_["score"], expected)


def test_the_score_is_that_of_the_classifier():
    class Proud(LogisticRegression):
        def score(self, X, y):
            return 0.25 + len(X)

    loop = make_loop(estimator=Proud(max_iter=200), budget=5)
    loop.run(X, partial(), TRUTH, X_test=X[:9], y_test=TRUTH[:9])
    assert loop.history_["score"] == [9.25, 9.25]
    # Where nobody passes test rows, nobody is asked.
    with pytest.raises(ValueError, match="nonsense"):
        loop.set_params(scoring="nonsense").start(X, partial(), X_test=X, y_test=TRUTH)


@pytest.mark.parametrize("kind", ["pandas", "polars"])
def test_frames_and_series(kind):
    names, index = list("abcd"), [f"row {i}" for i in np.arange(150)[::-1] % 40]
    frame = pd.DataFrame(X, columns=names, index=index)
    y, truth = (pd.Series(v, index=index, name="kind") for v in (partial(), TRUTH))
    if kind == "polars":
        frame, y, truth = pl.DataFrame(X, schema=names), pl.Series(y), pl.Series(truth)
    loop = make_loop(stopping=[])
    loop.run(frame, y, truth, X_test=frame[:60], y_test=TRUTH[:60])
    assert list(loop.estimator_.feature_names_in_) == names
    arrays = make_loop(stopping=[])
    arrays.run(X, partial(), TRUTH, X_test=X[:60], y_test=TRUTH[:60])
    assert_array_equal(loop.queried_, arrays.queried_)
    assert_equal(table(loop), table(arrays))
    assert_array_equal(loop.y_, arrays.y_)


def test_frames_with_missing_values_of_pandas():
    y = pd.Series(NAMES[TRUTH], index=np.arange(150) * 3, dtype="string")
    y[~np.isin(np.arange(150), [0, 50, 100])] = pd.NA
    loop = make_loop().run(pd.DataFrame(X), y, NAMES[TRUTH])
    assert loop.history_["n_labels"] == [3, 8, 13, 18]
    assert_array_equal(loop.estimator_.classes_, NAMES)


@pytest.mark.parametrize("make", [csr_matrix, csr_array, csc_array])
def test_sparse_rows(make):
    loop = make_loop(stopping=[])
    loop.run(make(X), partial(), TRUTH, X_test=make(X), y_test=TRUTH)
    assert loop.history_["n_labels"] == [3, 8, 13, 18]
    known = np.flatnonzero(np.isfinite(loop.y_))
    assert_array_equal(known, np.sort([0, 50, 100, *loop.queried_]))
    expected = clone(LR).fit(X[known], TRUTH[known])
    proba = loop.estimator_.predict_proba(X)
    assert_allclose(proba, expected.predict_proba(X), atol=1e-4)
    assert loop.history_["score"][-1] == expected.score(X, TRUTH)
    assert_same_run(
        through_pickle(loop),
        make_loop(stopping=[]).run(
            make(X), partial(), TRUTH, X_test=make(X), y_test=TRUTH
        ),
    )


def test_lists():
    loop = make_loop().run(X.tolist(), partial().tolist(), TRUTH.tolist())
    usual = make_loop().run(X, partial(), TRUTH)
    assert_array_equal(loop.queried_, usual.queried_)


# Mixes in the training -------------------------------------------------------------


class TakesPairs(LogisticRegression):
    """Takes pairs as LADAClassifier does, and only notes them."""

    fits = []

    def fit(self, X, y, *, pairs=None, tau=None, layer=None):
        self.fits.append((X, y, pairs, tau, layer))
        return super().fit(X, y)


@pytest.mark.parametrize("pairing", ["neighbors", "random"])
def test_the_pairs_of_a_round_are_trained_with(pairing):
    TakesPairs.fits.clear()
    selector = LADASelector(
        TakesPairs(max_iter=200),
        pairing=pairing,
        virtual_scope="round",
        random_state=0,
    )
    loop = make_loop(selector, batch_size=6, budget=18).start(X, partial())
    ((_, y, *nothing),) = TakesPairs.fits
    assert_array_equal(y, [0, 1, 2])
    assert nothing == [None, None, None]
    for n in (2, 3, 4):
        batch = loop.ask()
        loop.tell(TRUTH[batch])
        assert len(TakesPairs.fits) == n
        rows, y, pairs, tau, layer = TakesPairs.fits[-1]
        labelled = np.sort([0, 50, 100, *loop.queried_])
        assert_array_equal(rows, X[labelled])
        assert_array_equal(y, TRUTH[labelled])
        # Of six rows three pairs, in which each is once, and no other row is.
        assert pairs.shape == (3, 2)
        assert_array_equal(np.sort(labelled[pairs].ravel()), np.sort(batch))
        assert_array_equal(labelled[pairs], loop.selector_.pairs_)
        assert_array_equal(tau, loop.selector_.tau_)
        assert (tau > 0).all()
        assert layer == "input"


@pytest.mark.parametrize("scope", [None, "auto", "all"])
def test_other_scopes_are_no_rounds(scope):
    TakesPairs.fits.clear()
    selector = LADASelector(TakesPairs(max_iter=200), virtual_scope=scope)
    make_loop(selector).run(X, partial(), TRUTH)
    assert len(TakesPairs.fits) == 4
    for _, _, pairs, tau, _ in TakesPairs.fits:
        assert pairs is None
        assert (tau is not None) == (scope in ("auto", "all"))


def test_mixes_of_a_round_weigh_what_its_pairs_do():
    class Weighed(LogisticRegression):
        fits = []

        def fit(self, X, y, sample_weight=None):
            self.fits.append((X, y, sample_weight))
            return super().fit(X, y, sample_weight)

    selector = LADASelector(Weighed(max_iter=200), virtual_scope="round")
    loop = make_loop(selector, batch_size=6, budget=12).run(X, partial(), TRUTH)
    assert [weight is None for *_, weight in Weighed.fits] == [True, False, False]
    for n, (rows, y, weight) in zip([9, 15], Weighed.fits[1:], strict=True):
        labelled = np.sort([0, 50, 100, *loop.queried_[: n - 3]])
        assert_array_equal(rows[:n], X[labelled])
        assert_array_equal(y[:n], TRUTH[labelled])
        assert_array_equal(weight[:n], 1)
        assert weight[n:].sum() == pytest.approx(3)
        # Between the rows of the batch.
        batch = X[loop.queried_[n - 9 : n - 3]]
        assert (rows[n:] >= batch.min(axis=0) - 1e-12).all()
        assert (rows[n:] <= batch.max(axis=0) + 1e-12).all()


@pytest.mark.parametrize("warm_start", [True, False])
def test_a_warm_network_goes_on(warm_start):
    # Steps so small that weights stay where they are, unless they begin anew.
    network = LADAClassifier(
        hidden_layer_sizes=(8,),
        warm_start=warm_start,
        max_iter=1,
        learning_rate=1e-9,
        classes=[0, 1, 2],
        random_state=np.random.RandomState(0),
    )
    loop = make_loop(LADASelector(network, virtual_scope="round"))
    loop.start(X, partial())
    model, module = loop.estimator_, loop.estimator_._network
    first = loop.estimator_.predict_proba(X)
    loop.tell(TRUTH[loop.ask()]).resume(TRUTH)
    assert len(loop.history_["n_labels"]) == 4
    assert loop.estimator_ is model
    assert (loop.estimator_._network is module) == warm_start
    change = np.abs(loop.estimator_.predict_proba(X) - first).max()
    assert (change < 1e-5) == warm_start
    assert not hasattr(network, "_network")


def test_a_warm_network_learns_from_round_to_round():
    network = LADAClassifier(
        hidden_layer_sizes=(8,),
        warm_start=True,
        max_iter=3,
        classes=[0, 1, 2],
        random_state=0,
    )
    loop = make_loop(LADASelector(network, virtual_scope=None, random_state=0))
    loop.run(X, partial(), TRUTH)
    expected = clone(network)
    for n in (0, 5, 10, 15):
        rows = np.sort([0, 50, 100, *loop.queried_[:n]])
        expected.fit(X[rows], TRUTH[rows].astype(float))
    assert_array_equal(loop.estimator_.predict_proba(X), expected.predict_proba(X))


def test_a_class_that_a_warm_network_does_not_know():
    network = LADAClassifier(
        hidden_layer_sizes=(8,), warm_start=True, max_iter=1, random_state=0
    )
    loop = make_loop(LADASelector(network)).start(X, partial([0, 50]))
    rows = loop.ask()
    with pytest.raises(ValueError, match=r"classes \[2(\.0)?\].*warm_start=False"):
        loop.tell([0, 1, 2, 1, 0])
    # The answers are there, and the remedy helps.
    assert_array_equal(loop.y_[rows], [0, 1, 2, 1, 0])
    loop.estimator_.set_params(warm_start=False)
    assert not np.isin(loop.ask(), rows).any()
    assert_array_equal(loop.estimator_.classes_, [0, 1, 2])
    assert loop.history_["n_labels"] == [2, 7]


# Selectors of others ---------------------------------------------------------------


def test_a_selector_of_ones_own_gets_what_it_takes():
    mine = Query()
    loop = make_loop(mine, estimator=LR)
    loop.run(X, partial(), Oracle(odd_are_unknown()))
    assert loop.history_["n_labels"] == [3, 5, 8, 10]
    assert_array_equal(asked(loop)[np.argsort(asked(loop))], np.arange(1, 16))
    assert np.isnan(loop.history_["utility"]).all()
    assert mine.calls == []
    calls = loop.selector_.calls
    assert [call[-1] for call in calls] == [5, 5, 5]
    for rows, y, clf, fit_clf, candidates, _ in calls:
        assert_array_equal(rows, X)
        assert clf is loop.estimator_
        assert fit_clf is False
        assert candidates is None or np.isnan(y[candidates]).all()
    assert calls[0][4] is None
    # Rows that were skipped are no candidates.
    assert_array_equal(calls[1][4], [*range(6, 50), *range(51, 100), *range(101, 150)])
    assert [np.isnan(call[1]).sum() for call in calls] == [147, 145, 142]


def test_a_selector_of_ones_own_tells_utilities():
    class Wise:
        def query(self, X, y, batch_size=1, return_utilities=False):
            rows = np.flatnonzero(np.isnan(y))[:batch_size]
            utilities = np.arange(150.0) + 1000 * np.arange(batch_size)[:, None]
            return (rows, utilities) if return_utilities else rows

    loop = make_loop(Wise(), estimator=LR, batch_size=2, budget=4)
    loop.run(X, partial(), TRUTH)
    # Of row 1 at the first choice and row 2 at the second; then of rows 3 and 4.
    assert_equal(loop.history_["utility"], [np.nan, (1 + 1002) / 2, (3 + 1004) / 2])


def test_rows_and_utilities_may_be_lists():
    class Lists:
        def query(self, X, y, batch_size=1, return_utilities=True):
            rows = np.flatnonzero(np.isnan(y))[:batch_size].tolist()
            return rows, np.ones((batch_size, 150)).tolist()

    loop = make_loop(Lists(), estimator=LR).run(X, partial(), TRUTH)
    assert_equal(loop.history_["utility"], [np.nan, 1, 1, 1])


class Alone:
    """Chooses a row."""

    def query(self, X, y):
        return [int(np.flatnonzero(np.isnan(y))[0])]


class Greedy:
    """Chooses more than it should."""

    def query(self, X, y):
        return np.flatnonzero(np.isnan(y))[:7]


class AnyKeyword:
    """Hands keywords on."""

    def query(self, X, y, **params):
        return First().query(X, y, batch_size=params.get("batch_size", 1))


def test_a_selector_that_takes_rows_and_labels_only():
    loop = make_loop(Alone(), estimator=LR, batch_size=1, budget=4)
    loop.run(X, partial(), TRUTH)
    assert loop.history_["n_labels"] == [3, 4, 5, 6, 7]
    assert_array_equal(loop.queried_, [1, 2, 3, 4])
    assert loop.stop_reason_ == BUDGET_SPENT


@pytest.mark.parametrize("selector", [Alone(), Greedy(), AnyKeyword()])
def test_the_budget_holds_for_selectors_with_batches_of_their_own(selector):
    loop = make_loop(selector, estimator=LR).run(X, partial(), TRUTH)
    assert loop.stop_reason_ == BUDGET_SPENT
    assert len(loop.queried_) == 15
    if isinstance(selector, AnyKeyword):
        assert len(loop.history_["n_labels"]) == 4


@pytest.mark.parametrize("how", ["callback", "max_time"])
def test_what_stops_a_run_stops_it_for_batches_of_their_own(how):
    loop = make_loop(Alone(), estimator=LR)
    if how == "callback":
        # Fifteen rows in batches of five would be three rounds.
        rounds = History()

        class Stop(History):
            def on_fit_task_end(self, estimator, context, *, metadata=None):
                return metadata is not None and len(rounds.records) >= 3

        loop.set_callbacks(rounds, Stop())
        expected = [3, 4, 5, 6]
    else:
        loop.set_params(max_time=1e-9, batch_size=15)
        expected = [3, 4]
    loop.run(X, partial(), TRUTH)
    assert loop.history_["n_labels"] == expected
    assert loop.stop_reason_.startswith("A callback or max_time")


def test_the_utility_is_that_of_the_rows_of_the_round():
    class Seven:
        def query(self, X, y, return_utilities=True):
            rows = np.flatnonzero(np.isnan(y))[:7]
            return rows, np.tile(np.arange(150.0), (7, 1))

    loop = make_loop(Seven(), estimator=LR, budget=5).run(X, partial(), TRUTH)
    assert_array_equal(loop.queried_, [1, 2, 3, 4, 5])
    assert_equal(loop.history_["utility"], [np.nan, 3])


def test_skipped_rows_of_a_selector_without_candidates():
    loop = make_loop(First(), estimator=LR)
    oracle = Oracle(odd_are_unknown())
    with suppress(ValueError):
        loop.run(X, partial(), oracle)
    rows = np.concatenate(oracle.calls)
    assert len(np.unique(rows)) == len(rows)


@pytest.mark.parametrize("rows", [[0, 1], [1, 1], [1, 150], [1, -1], []], ids=str)
def test_rows_of_a_selector_that_cannot_be_asked_for(rows):
    class Wrong:
        def query(self, X, y, batch_size=1):
            return np.array(rows, dtype=int)

    loop = make_loop(Wrong(), estimator=LR, batch_size=2).start(X, partial())
    with pytest.raises(ValueError, match="selector"):
        loop.ask()


def test_a_selector_of_ones_own_gets_the_labels_as_they_came():
    loop = make_loop(First(), estimator=LR)
    loop.run(X, np.full(150, np.nan), TRUTH[::-1])
    assert loop.history_["n_labels"] == [0, 5, 10, 15]


# Strategies of scikit-activeml -----------------------------------------------------


@pytest.fixture(scope="module")
def skactiveml():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        pytest.importorskip("skactiveml")
        from skactiveml.classifier import SklearnClassifier
        from skactiveml.pool import RandomSampling, UncertaintySampling
    return SimpleNamespace(
        classifier=SklearnClassifier,
        random=RandomSampling,
        uncertainty=UncertaintySampling,
    )


@pytest.mark.parametrize("method", ["margin_sampling", "entropy", "least_confident"])
def test_uncertainty_sampling_of_scikit_activeml(skactiveml, method):
    strategy = skactiveml.uncertainty(method=method, random_state=0)
    model = skactiveml.classifier(LR, classes=[0, 1, 2], random_state=0)
    loop = make_loop(strategy, estimator=model).run(X, partial(), TRUTH)
    y, queried, utility = partial(), [], [np.nan]
    plain = clone(strategy)
    for _ in range(3):
        clf = clone(model).fit(X[np.isfinite(y)], y[np.isfinite(y)])
        rows, scores = plain.query(
            X, y, clf=clf, fit_clf=False, batch_size=5, return_utilities=True
        )
        utility.append(np.mean([scores[i, row] for i, row in enumerate(rows)]))
        y[rows] = TRUTH[rows]
        queried.extend(rows)
    assert_array_equal(loop.queried_, queried)
    assert_allclose(loop.history_["utility"], utility)
    assert loop.history_["n_labels"] == [3, 8, 13, 18]
    assert loop.stop_reason_ == BUDGET_SPENT


def test_random_sampling_of_scikit_activeml(skactiveml, random_state_untouched):
    runs = [
        make_loop(skactiveml.random(), estimator=LR, random_state=seed)
        .run(X, partial(), TRUTH)
        .queried_
        for seed in (0, 0, 1)
    ]
    assert len(np.unique(runs[0])) == 15
    assert_array_equal(runs[0], runs[1])
    assert not np.array_equal(runs[0], runs[2])


def test_scikit_activeml_skips_rows_and_goes_on_from_a_pickle(skactiveml):
    def start():
        model = skactiveml.classifier(LR, classes=[0, 1, 2])
        loop = make_loop(skactiveml.uncertainty(), estimator=model, budget=30)
        return loop.start(X, partial())

    whole = start().resume(odd_are_unknown())
    assert len(np.unique(asked(whole))) == 30
    assert len(whole.skipped_) > 0
    loop = start()
    for _ in range(6):
        loop = through_pickle(loop)
        rows = loop.ask()
        loop = through_pickle(loop)
        loop.tell(odd_are_unknown()[rows])
    assert_same_run(loop, whole)


@pytest.mark.parametrize("blank", [None, -1])
def test_missing_labels_of_scikit_activeml(skactiveml, blank):
    truth = NAMES[TRUTH] if blank is None else TRUTH
    dtype = object if blank is None else int
    model = skactiveml.classifier(LR, classes=np.unique(truth), missing_label=blank)
    loop = make_loop(skactiveml.uncertainty(missing_label=blank), estimator=model)
    loop.run(X, partial(truth=truth, blank=blank, dtype=dtype), truth)
    assert_array_equal(loop.y_[loop.queried_], truth[loop.queried_])
    assert_array_equal(loop.estimator_.classes_, np.unique(truth))
    assert (loop.y_ == blank).sum() == 150 - 18


@pytest.mark.filterwarnings("ignore:.*'base_estimator' could not be fitted")
@pytest.mark.parametrize("rows", [[], [0, 1]], ids=["no label", "one class"])
@pytest.mark.parametrize("name", ["uncertainty", "random"])
def test_scikit_activeml_starts_with_fewer_than_two_classes(skactiveml, name, rows):
    model = skactiveml.classifier(LR, classes=[0, 1, 2])
    loop = make_loop(getattr(skactiveml, name)(), estimator=model)
    loop.run(X, partial(rows), TRUTH)
    assert len(loop.queried_) == 15


def test_random_sampling_starts_with_one_class(skactiveml):
    loop = make_loop(skactiveml.random(), estimator=LR).run(X, partial([0, 1]), TRUTH)
    assert loop.history_["n_labels"] == [2, 7, 12, 17]


def test_what_is_handed_out_may_be_changed():
    """Places that others count from one, or write into, stay those of the rows."""
    loop = make_loop().start(X, partial())
    rows = loop.ask()
    rows += 1
    assert_array_equal(loop.ask(), rows - 1)
    loop.tell(TRUTH[rows - 1])
    assert_array_equal(loop.y_[loop.queried_], TRUTH[loop.queried_])

    def careless(rows):
        answers = TRUTH[rows]
        rows.fill(0)
        return answers

    loop = make_loop().run(X, partial(), careless)
    assert loop.history_["n_labels"] == [3, 8, 13, 18]
    assert_array_equal(loop.y_[loop.queried_], TRUTH[loop.queried_])


def test_a_dict_is_no_oracle():
    oracle = dict(enumerate(TRUTH))
    with pytest.raises(ValueError, match="oracle must hold a label to each row"):
        make_loop().run(X, partial(), oracle)
