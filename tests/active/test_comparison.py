"""Strategies on equal splits, against loops run by hand and numbers by hand."""

import signal

import joblib
import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal, assert_equal
from scipy.sparse import coo_array
from sklearn.base import BaseEstimator, clone
from sklearn.datasets import load_iris
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from sklearn.preprocessing import scale

from skmix.active import (
    ActiveLearningLoop,
    LADASelector,
    Random,
    SelectorComparison,
    _comparison,
    compare_selectors,
)
from skmix.active._comparison import split_rows
from skmix.plotting import LearningCurveDisplay

X, Y = load_iris(return_X_y=True)
X = scale(X)
NAMES = np.array(["setosa", "versicolor", "virginica"])
MARGIN = LADASelector(GaussianNB(), augmentation=None, diversity=None)
AT_RANDOM = LADASelector(GaussianNB(), acquisition="random", augmentation=None)
TIMES = ("query_time", "fit_time")


def compare(selectors=MARGIN, X=X, y=Y, **params):
    """A comparison with three repeats of two rounds."""
    params = {
        "batch_size": 4,
        "budget": 8,
        "n_repeats": 3,
        "random_state": 0,
        **params,
    }
    return compare_selectors(selectors, X, y, **params)


def tables(comparison):
    """Histories without times."""
    return {
        name: [{k: v for k, v in h.items() if k not in TIMES} for h in own]
        for name, own in comparison.histories_.items()
    }


class First(BaseEstimator):
    """Takes the first rows without a label, and notes what it was asked."""

    seen: list = []

    def __init__(self, random_state=None, missing_label=np.nan):
        self.random_state = random_state
        self.missing_label = missing_label

    def query(self, X, y, clf, batch_size=1):
        self.seen.append((X, y.copy(), self.random_state, clf))
        missing = [v is None or v != v or v == self.missing_label for v in y]
        return np.flatnonzero(missing)[:batch_size]


class Second(First):
    seen: list = []


class FailsAt:
    """Fails at pools whose sum is among some; with none, always."""

    def __init__(self, *sums):
        self.sums = sums

    def query(self, X, y, batch_size=1):
        if not self.sums or round(X.sum(), 6) in self.sums:
            raise RuntimeError("no rows today")
        return np.flatnonzero(np.isnan(y))[:batch_size]


@pytest.fixture
def seen():
    First.seen.clear()
    Second.seen.clear()
    return First.seen, Second.seen


# Runs


def test_histories_are_those_of_loops_run_by_hand():
    model = LogisticRegression()
    selectors = {"margin": MARGIN, "LADA": LADASelector()}
    found = compare(selectors, estimator=model, scoring="neg_log_loss")
    rng = np.random.RandomState(0)
    seeds = [rng.randint(np.iinfo(np.int32).max) for _ in range(3)]
    for name, selector in {"random": AT_RANDOM, **selectors}.items():
        for seed, history in zip(seeds, tables(found)[name], strict=True):
            pool, test, first = split_rows(Y, None, 0.3, 2, seed)
            y = np.full(len(pool), np.nan)
            y[first] = Y[pool[first]]
            loop = ActiveLearningLoop(
                selector,
                model,
                batch_size=4,
                budget=8,
                scoring="neg_log_loss",
                random_state=seed,
            )
            loop.run(X[pool], y, Y[pool], X_test=X[test], y_test=Y[test])
            for column, values in history.items():
                assert_equal(values, loop.history_[column])
    assert list(found.histories_) == ["random", "margin", "LADA"]
    assert history["n_labels"] == [6, 10, 14]


def test_results_are_equal_for_all_backends():
    selectors = {"margin": MARGIN, "LADA": LADASelector()}
    expected = tables(compare(selectors, estimator=LogisticRegression()))
    for backend, n_jobs in (("loky", 2), ("threading", 3)):
        with joblib.parallel_config(backend=backend):
            found = compare(selectors, estimator=LogisticRegression(), n_jobs=n_jobs)
        assert_equal(tables(found), expected)
    assert expected["margin"][0]["score"] != expected["margin"][1]["score"]


def test_read_only_rows_will_do():
    frozen = X.copy(), Y.copy()
    for array in frozen:
        array.flags.writeable = False
    assert_equal(tables(compare(X=frozen[0], y=frozen[1])), tables(compare()))


def test_tasks_are_given_the_same_rows(monkeypatch):
    given = []

    def note(X, y, groups, loop, *small):
        given.append((X, y, groups))
        assert all(isinstance(value, int | float) for value in small)
        return run(X, y, groups, loop, *small)

    run = _comparison._run
    monkeypatch.setattr(_comparison, "_run", note)
    groups = np.arange(150) // 2
    compare(X=X.tolist(), groups=groups)
    assert len(given) == 6
    for values in zip(*given, strict=True):
        assert len({id(value) for value in values}) == 1
        assert isinstance(values[0], np.ndarray)
    monkeypatch.undo()
    assert_equal(tables(compare(X=X.tolist())), tables(compare()))


def test_strategies_are_paired(seen):
    compare({"one": First(), "two": Second()}, estimator=GaussianNB())
    first, second = seen
    assert len(first) == len(second) == 6
    for one, two in zip(first, second, strict=True):
        assert_array_equal(one[0], two[0])
        assert_array_equal(one[1], two[1])
        assert one[2] == two[2] is not None
    # Another split, other first labels and another seed for each repeat.
    begin = first[::2]
    assert len({X.tobytes() for X, *_ in begin}) == 3
    assert len({tuple(np.flatnonzero(~np.isnan(y))) for _, y, *_ in begin}) == 3
    assert len({seed for _, _, seed, _ in begin}) == 3
    for _, y, *_ in begin:
        assert_array_equal(np.unique(y, return_counts=True)[1][:3], [2, 2, 2])


def test_nothing_passed_is_changed():
    selector, rng = First(), np.random.get_state()[1].copy()
    rows, labels = X.copy(), Y.copy()
    compare({"first": selector}, rows, labels, estimator=GaussianNB())
    assert selector.random_state is None
    assert_array_equal(rows, X)
    assert_array_equal(labels, Y)
    assert_array_equal(np.random.get_state()[1], rng)


@pytest.mark.parametrize(
    "as_passed",
    [
        lambda X, y: (pd.DataFrame(X), pd.Series(y)),
        lambda X, y: (X.tolist(), y.tolist()),
        lambda X, y: (X, y.astype(float)),
        lambda X, y: (X, NAMES[y]),
        lambda X, y: (pd.DataFrame(X), pd.Series(NAMES[y], dtype=object)),
    ],
)
def test_other_containers_and_labels(as_passed):
    assert_equal(tables(compare(MARGIN, *as_passed(X, Y))), tables(compare()))


def test_sparse_rows():
    params = {"estimator": LogisticRegression()}
    found, expected = compare(X=coo_array(X), **params), compare(**params)
    for name in expected.area_:
        assert_allclose(found.area_[name], expected.area_[name], rtol=1e-6)


@pytest.mark.parametrize(("missing", "y"), [(-1, Y), ("?", NAMES[Y]), (None, Y)])
def test_other_missing_labels(missing, y, seen):
    selectors = {"first": First(missing_label=missing)}
    found = compare(selectors, y=y, estimator=GaussianNB())
    expected = compare({"first": First()}, estimator=GaussianNB())
    assert_equal(tables(found)["first"], tables(expected)["first"])


# Splits


def test_splits_are_stratified_and_begin_with_all_classes():
    y = np.repeat([0, 1, 2], [60, 30, 10])
    pool, test, first = split_rows(y, None, 0.3, 3, 5)
    assert_array_equal(np.sort(np.append(pool, test)), np.arange(100))
    assert_array_equal(np.bincount(y[test]), [18, 9, 3])
    assert_array_equal(np.bincount(y[pool][first]), [3, 3, 3])
    assert len(set(first)) == 9


def test_groups_are_kept_together():
    rng = np.random.RandomState(0)
    groups = rng.randint(20, size=150)
    for seed in range(3):
        pool, test, _ = split_rows(Y, groups, 0.25, 1, seed)
        assert set(groups[pool]).isdisjoint(groups[test])
        assert_array_equal(np.sort(np.append(pool, test)), np.arange(150))
        assert 0.15 < len(test) / 150 < 0.35
        assert (np.bincount(Y[test]) > 5).all()


def test_size_of_the_test_rows_with_groups():
    # 1 / 0.28 is nearer to 4 than to 3.
    _, test, _ = split_rows(Y, np.arange(150), 0.28, 1, 0)
    assert 36 <= len(test) <= 39


def test_all_rows_of_a_class_may_be_labelled_at_the_start():
    y = np.repeat([0, 1], [20, 4])
    pool, _, first = split_rows(y, None, 0.25, 3, 0)
    assert_array_equal(np.bincount(y[pool]), [15, 3])
    assert_array_equal(np.bincount(y[pool][first]), [3, 3])


def test_groups_reach_the_runs(seen):
    # A column that tells the group: no pool holds a part of one.
    groups = np.arange(150) // 5
    compare(
        {"first": First()},
        np.column_stack([X, groups]),
        estimator=GaussianNB(),
        groups=groups,
    )
    for rows, *_ in seen[0]:
        assert set(np.unique(rows[:, -1], return_counts=True)[1]) == {5}


# Random choice


@pytest.mark.parametrize(
    ("selectors", "names"),
    [
        (MARGIN, ["random", "LADASelector"]),
        ([MARGIN, AT_RANDOM], ["random", "LADASelector("]),
        ({"margin": MARGIN, "chance": AT_RANDOM}, ["random", "margin"]),
        ({"margin": MARGIN, "random": AT_RANDOM}, ["random", "margin"]),
        (clone(AT_RANDOM).set_params(acquisition=Random()), ["random"]),
    ],
)
def test_random_choice_comes_first_once(selectors, names):
    found = compare(selectors)
    for name, begin in zip(found.histories_, names, strict=True):
        assert name.startswith(begin)
    # Whether it was given or made.
    assert_equal(tables(found)["random"], tables(compare())["random"])


def test_what_chooses_at_random_but_mixes_is_another_strategy():
    mixes = LADASelector(GaussianNB(), acquisition="random", lookahead=False)
    assert list(compare({"mixes": mixes}).histories_) == ["random", "mixes"]


# Failures


def test_failures_are_told_and_the_others_kept():
    pool, *_ = split_rows(Y, None, 0.3, 2, np.random.RandomState(0).randint(2**31 - 1))
    selectors = {
        "fails": FailsAt(),
        "at times": FailsAt(round(X[pool].sum(), 6)),
        "margin": MARGIN,
    }
    with pytest.warns(FitFailedWarning) as caught:
        found = compare(selectors, estimator=GaussianNB())
    error = "The first error, in repeat 0: RuntimeError('no rows today')"
    assert [str(warning.message) for warning in caught] == [
        f"fails failed in repeats 0, 1, 2; the scores are NaN. {error}",
        f"at times failed in repeats 0; the scores are NaN. {error}",
    ]
    assert caught[0].filename == __file__
    area = found.area_
    assert np.isnan(area["fails"]).all()
    assert_array_equal(np.isnan(area["at times"]), [True, False, False])
    expected = compare(estimator=GaussianNB())
    assert_array_equal(area["margin"], expected.area_["LADASelector"])
    failed, done = (found.histories_[name][0] for name in ("fails", "margin"))
    assert failed["n_labels"] == done["n_labels"]
    assert failed.keys() == done.keys()
    records = found.records()
    assert [record["n_repeats"] for record in records.values()] == [3, 0, 2, 3]
    assert "fails" in repr(found)

    for relative_to in (None, "random"):
        display = LearningCurveDisplay(found.histories_).plot(relative_to=relative_to)
        names = [text.get_text() for text in display.ax_.get_legend().get_texts()]
        assert sorted(names) == ["at times", "margin", "random"]
    assert_equal(display.area_, area)


def test_a_failure_has_the_rounds_that_were_to_be():
    selectors = {"fails": FailsAt(), "margin": MARGIN}
    for budget, batch_size in ((None, 40), (7, 3)):
        with pytest.warns(FitFailedWarning, match="fails failed"):
            found = compare(
                selectors,
                estimator=GaussianNB(),
                budget=budget,
                batch_size=batch_size,
                n_repeats=1,
            )
        failed, done = (found.histories_[name][0] for name in selectors)
        assert failed["n_labels"] == done["n_labels"]


def test_all_runs_failed():
    selectors = {"random": FailsAt(), "other": FailsAt()}
    with pytest.raises(ValueError, match=r"All 6 runs failed.*no rows today"):
        compare(selectors, estimator=GaussianNB())


def test_ctrl_c_ends_the_comparison():
    class Interrupts(First):
        def query(self, X, y, clf, batch_size=1):
            signal.raise_signal(signal.SIGINT)

    with (
        pytest.raises(KeyboardInterrupt),
        pytest.warns(UserWarning, match="Interrupted"),
    ):
        compare({"stops": Interrupts()}, estimator=GaussianNB())


@pytest.mark.parametrize(
    ("change", "error", "message"),
    [
        ({"selectors": {}}, ValueError, "selectors is empty"),
        ({"selectors": LADASelector}, TypeError, r"pass an instance, LADASelector\(\)"),
        ({"selectors": GaussianNB()}, TypeError, "cannot query"),
        ({"selectors": {"f": First()}}, ValueError, "selector 'f' has none: pass a"),
        ({"y": np.where(Y == 2, np.nan, Y)}, ValueError, "row 100 is nan, which"),
        (
            {"selectors": LADASelector(missing_label=1)},
            ValueError,
            "that of row 50 is 1, which stands for a missing one",
        ),
        ({"y": np.zeros(150)}, ValueError, r"two classes, got \[0\]"),
        ({"y": Y[1:]}, ValueError, "inconsistent numbers of samples"),
        ({"n_initial": 36}, ValueError, "35 rows of class 0, and n_initial=36"),
        ({"test_size": 1.0}, ValueError, "'test_size' parameter"),
        ({"n_repeats": 0}, ValueError, "'n_repeats' parameter"),
        ({"budget": 0}, ValueError, "'budget' parameter"),
        ({"scoring": "nonsense"}, ValueError, "'nonsense' is not a valid scoring"),
        ({"groups": np.zeros(3)}, ValueError, "inconsistent numbers of samples"),
    ],
)
def test_bad_input(change, error, message):
    with pytest.raises(error, match=message):
        compare(**change)


# Verdicts


def hand_made(n_labels=(10, 20, 40), **scores):
    """A comparison of given scores: a row to each repeat."""
    return SelectorComparison(
        histories_={
            name: [{"n_labels": list(n_labels), "score": list(own)} for own in rows]
            for name, rows in scores.items()
        }
    )


def test_numbers_by_hand():
    found = hand_made(
        random=[[0.2, 0.4, 0.6], [0.4, 0.6, 0.8]],
        a=[[0.2, 0.6, 0.6], [0.4, 0.6, 1.0]],
        b=[[0.2, 0.4, np.nan], [0.4, 0.6, 0.6]],
    )
    # (0.3 * 10 + 0.5 * 20) / 30 and so on.
    expected = {"random": [13, 19], "a": [16, 21], "b": [np.nan, 17]}
    for name, values in expected.items():
        assert_allclose(found.area_[name], np.array(values) / 30)
        assert_allclose(
            found.area_[name],
            [
                np.trapezoid(h["score"], h["n_labels"]) / 30
                for h in found.histories_[name]
            ],
        )
    assert_allclose(found.final_["a"], [0.6, 1.0])
    frame = found.to_frame()
    assert frame.index.name == "strategy"
    a, b = frame.loc["a"], frame.loc["b"]
    # Differences 3 and 2 thirtieths: half of their distance is the error.
    assert_allclose([a["mean"], a["mean_se"]], [18.5 / 30, 2.5 / 30])
    assert_allclose([a["difference"], a["difference_se"]], [2.5 / 30, 0.5 / 30])
    assert_allclose([a["final"], a["final_difference"]], [0.8, 0.1])
    assert_allclose(a["final_difference_se"], 0.1)
    assert_allclose([a["harm_rate"], b["harm_rate"]], [0, 1])
    assert_allclose([b["mean"], b["difference"], b["final"]], [17 / 30, -2 / 30, 0.6])
    assert b["n_repeats"] == 1
    assert np.isnan(b["difference_se"])
    to_a = found.records(relative_to="a")
    assert_allclose(to_a["random"]["difference"], -2.5 / 30)
    with pytest.raises(ValueError, match=r"one of \['random', 'a', 'b'\], got 'c'"):
        found.records(relative_to="c")


def test_a_single_point_is_its_area():
    found = hand_made([6], random=[[0.5], [0.7]])
    assert_array_equal(found.area_["random"], [0.5, 0.7])


def test_seconds_are_those_of_a_run():
    histories = [
        {
            "n_labels": [1, 2, 3],
            "score": [0.1] * 3,
            "query_time": [np.nan, 1.0, 2.0],
            "fit_time": [3.0, 4.0, 5.0],
        },
        {
            "n_labels": [1, 2, 3],
            "score": [np.nan] * 3,
            "query_time": [np.nan] * 3,
            "fit_time": [np.nan] * 3,
        },
    ]
    record = SelectorComparison(histories_={"random": histories}).records()["random"]
    assert (record["query_seconds"], record["fit_seconds"]) == (3, 12)


def shifted(*gains):
    return [[0.5 + gain, 0.6 + gain] for gain in gains]


BASE = shifted(0, 0.1, 0, 0.1)
LARGE = shifted(0.10, 0.22, 0.11, 0.20)
LARGER = shifted(0.10, 0.23, 0.11, 0.20)
NOISY = shifted(0.01, 0.40, -0.05, 0.14)
CLEAR = shifted(0.2, 0.32, 0.2, 0.3)


@pytest.mark.parametrize(
    ("a", "b", "best", "verdict"),
    [
        (
            CLEAR,
            LARGE,
            "a",
            "a beats random choice: its mean score from 10 to 30 labels is higher by "
            "+0.2050 ± 0.0050.",
        ),
        (
            LARGE,
            LARGER,
            "b",
            "b beats random choice: its mean score from 10 to 30 labels is higher by "
            "+0.1100 ± 0.0071. It does not clearly beat a (+0.1075 ± 0.0048).",
        ),
        (
            NOISY,
            shifted(0, 0, 0, 0),
            "random",
            "Choose rows at random. No strategy beats that by more than two standard "
            "errors of the mean score on the way.",
        ),
        # What failed in one repeat is not the best, but not beaten either.
        (
            LARGE,
            [[np.nan] * 2, *CLEAR[1:]],
            "a",
            "a beats random choice: its mean score from 10 to 30 labels is higher by "
            "+0.1075 ± 0.0048. It does not clearly beat b (+0.2067 ± 0.0067).",
        ),
    ],
)
def test_verdict(a, b, best, verdict):
    found = hand_made((10, 30), random=BASE, a=a, b=b)
    assert found.best() == best
    assert found.summary() == verdict
    assert repr(found).endswith(verdict)
    assert verdict in found._repr_html_()


def test_the_verdict_names_the_numbers_of_labels_of_all_runs():
    found = hand_made((10, 30), random=BASE, a=CLEAR)
    # One run began earlier, and one ended later.
    found.histories_["a"][1]["n_labels"] = [8, 30]
    found.histories_["a"][2]["n_labels"] = [10, 33]
    assert "mean score from 8 to 33 labels is higher by" in found.summary()


def test_no_verdict_without_random_choice():
    found = hand_made((10, 30), random=[[np.nan] * 2] * 4, a=LARGE)
    assert found.summary() == "No verdict, as random choice has no score."
    assert found.best() == "random"


def test_a_failure_of_random_choice_is_left_out():
    found = hand_made((10, 30), random=[[np.nan] * 2, *BASE[1:]], a=LARGE)
    record = found.records()["a"]
    # Of gains by 0.12, 0.11 and 0.10.
    expected = [0.11, 0.01 / np.sqrt(3)]
    assert_allclose([record["difference"], record["difference_se"]], expected)
    assert record["n_repeats"] == 3
    assert found.best() == "a"


def test_a_gain_between_one_and_two_standard_errors_is_none():
    # By 0, 0.1, 0.2 and -0.04.
    found = hand_made((10, 30), random=BASE, a=shifted(0, 0.2, 0.2, 0.06))
    record = found.records()["a"]
    assert 1 < record["difference"] / record["difference_se"] < 2
    assert found.best() == "random"


def test_it_prints_as_a_table():
    found = hand_made((10, 30), random=BASE, a=LARGE)
    lines = repr(found).splitlines()
    assert lines[0] == "Score by number of labels, 4 repeats, greater is better"
    names = "mean score vs random worse in last score last vs random query (s) fit (s)"
    assert " ".join(lines[1].split()) == f"strategy {names}"
    assert lines[2].split() == ["random", "0.6000", "0%", "0.6500", "-", "-"]
    row = "a 0.7075 +0.1075 ± 0.0048 0% 0.7575 +0.1075 ± 0.0048 - -"
    assert lines[3].split() == row.split()
    html = found._repr_html_()
    assert html.count("<tr>") == 3
    assert "color:#1f80cc" in html


def test_areas_are_those_of_the_display():
    found = compare()
    display = LearningCurveDisplay(found.histories_).plot()
    assert_equal(display.area_, found.area_)
