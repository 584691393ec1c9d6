from html.parser import HTMLParser

import numpy as np
import pandas as pd
import polars as pl
import pytest
from imblearn.over_sampling import SMOTE, RandomOverSampler
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.datasets import load_diabetes, make_classification
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.ensemble import RandomForestRegressor
from sklearn.exceptions import FitFailedWarning
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import make_scorer, mean_squared_error
from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import LinearSVC

from skmix.model_selection import (
    ResamplerComparison,
    compare_resamplers,
    corrected_paired_difference,
)
from skmix.regression import CMixupResampler, MixupResampler

# Four rows, three splits; ratio of test to training rows: 1.
X4 = np.zeros((4, 1))
Y4 = np.array([0.0, 2.0, 4.0, 6.0])
SPLITS = [([0, 1], [2, 3]), ([2, 3], [0, 1]), ([0, 3], [1, 2])]


class AddRows(BaseEstimator):
    """Repeats the first row, with a label of the user's choice."""

    def __init__(self, label=0.0, n=2, accepted=None):
        self.label = label
        self.n = n
        self.accepted = accepted

    def fit_resample(self, X, y):
        if self.accepted is not None:
            self.accepted_ = self.accepted
        return np.vstack([X, X[[0] * self.n]]), np.append(y, [self.label] * self.n)


class FailsOn(AddRows):
    """Fails where a label is among the training rows."""

    def fit_resample(self, X, y):
        if self.label in np.asarray(y):
            raise RuntimeError(f"no {self.label} please")
        return X, y


class Recorder(BaseEstimator):
    """Keeps what every fit was given, in a list that clones share."""

    seen: list = []

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit_resample(self, X, y, *, groups=None):
        self.seen.append((X, y, groups, self.random_state))
        return X, y


class SeedRegressor(RegressorMixin, BaseEstimator):
    """Predicts a number that its seed, and nothing else, decides."""

    def __init__(self, random_state=None):
        self.random_state = random_state

    def fit(self, X, y):
        self.prediction_ = np.random.RandomState(self.random_state).rand()
        return self

    def predict(self, X):
        return np.full(len(X), self.prediction_)


def hand_made(scores, metric="r2", **changes):
    """A comparison of one estimator: a row of scores to a resampler."""
    scores = np.array([scores], dtype=float)
    n_resamplers = scores.shape[1]
    arguments = {
        "scores_": {metric: scores},
        "estimator_names": ["Ridge"],
        "resampler_names": ["none", "a", "b", "c"][:n_resamplers],
        "fit_time_": np.ones_like(scores),
        "rows_added_": np.zeros_like(scores),
        "accepted_": np.full((1, n_resamplers), np.nan),
        "test_train_ratio_": 0.25,
    }
    return ResamplerComparison(**(arguments | changes))


@pytest.fixture(scope="module")
def diabetes():
    X, y = load_diabetes(return_X_y=True)
    return X[:80], y[:80]


@pytest.fixture(scope="module")
def imbalanced():
    return make_classification(
        200, weights=[0.8], n_informative=4, class_sep=0.8, random_state=0
    )


@pytest.fixture
def seen():
    Recorder.seen.clear()
    return Recorder.seen


# Numbers


def test_corrected_error_by_hand():
    # Differences 1, 2, 1, 0: mean 1, variance 2/3. Corrected: 2/3 (1/4 + 1/4).
    difference, error = corrected_paired_difference(
        [3, 5, 4, 4], [2, 3, 3, 4], test_train_ratio=0.25
    )
    assert difference == 1
    assert error == pytest.approx(np.sqrt(2 / 3 * (1 / 4 + 1 / 4)))


def test_repeats_do_not_make_the_error_vanish():
    rng = np.random.RandomState(0)
    _, error = corrected_paired_difference(
        rng.normal(size=100_000), np.zeros(100_000), test_train_ratio=0.25
    )
    assert error == pytest.approx(0.5, rel=0.01)


def test_scores_and_columns_by_hand():
    comparison = compare_resamplers(
        DummyRegressor(),
        X4,
        Y4,
        {"three": AddRows(3.0, accepted=True), "six": AddRows(6.0, n=6)},
        cv=SPLITS,
        scoring="neg_mean_absolute_error",
    )
    # Training means are 1, 5, 3; with two rows of 3: 2, 4, 3; with six rows of 6: 4.75,
    # 5.75, 5.25. Absolute errors on the test rows follow.
    assert_allclose(
        comparison.scores_["neg_mean_absolute_error"],
        [[[-4, -4, -1], [-3, -3, -1], [-1, -4.75, -2.25]]],
    )
    assert_array_equal(comparison.rows_added_, [[[0] * 3, [2] * 3, [6] * 3]])
    assert comparison.fit_time_.shape == (1, 3, 3)
    assert (comparison.fit_time_ > 0).all()
    assert_array_equal(comparison.accepted_, [[np.nan, 1, np.nan]])
    assert comparison.test_train_ratio_ == 1

    frame = comparison.to_frame()
    assert frame.index.names == ["estimator", "resampler"]
    none, three, six = (
        frame.loc["DummyRegressor", name] for name in ("none", "three", "six")
    )
    assert_allclose([none["mean"], three["mean"], six["mean"]], [-3, -7 / 3, -8 / 3])
    # Differences 1, 1, 0: variance 1/3, times 1/3 + 1.
    assert_allclose([three["difference"], three["difference_se"]], [2 / 3, 2 / 3])
    assert_allclose(three["std"], np.std([-3, -3, -1]))
    assert_allclose(three["mean_se"], np.sqrt(4 / 3 * (1 / 3 + 1)))
    # The best rival of the best is the second best; of the others, the best.
    assert (none["rival"], three["rival"], six["rival"]) == ("three", "six", "three")
    assert_allclose(three["rival_difference"], 1 / 3)
    assert_allclose(three["rival_difference_se"], np.std([-2, 1.75, 1.25]) * np.sqrt(2))
    assert_allclose(none["rival_difference"], -2 / 3)
    assert_allclose([three["harm_rate"], six["harm_rate"]], [0, 2 / 3])
    assert_allclose(frame["rows_added"], [0, 2, 6])
    assert_allclose(
        frame["extra_seconds"], frame["fit_seconds"] - frame["fit_seconds"].iloc[0]
    )
    assert three["accepted"] == 1
    assert np.isnan(six["accepted"])
    assert comparison.best() == "none"


def test_what_was_not_judged_was_not_accepted_either():
    X, y = np.arange(40.0)[:, None], np.arange(40.0)
    fixed = {"fixed": CMixupResampler(), "tuned": CMixupResampler(bandwidth="auto")}
    comparison = compare_resamplers(Ridge(), X, y, fixed, cv=2, random_state=0)
    assert_array_equal(np.isnan(comparison.accepted_), [[True, True, False]])


def test_untouched_data_are_a_rival():
    frame = hand_made([[0.5, 0.5], [0.4, 0.3], [0.3, 0.3]]).to_frame()
    assert list(frame["rival"]) == ["a", "none", "none"]


def test_scores_equal_cross_val_score(diabetes):
    X, y = diabetes
    cv = KFold(4, shuffle=True, random_state=3)
    comparison = compare_resamplers([Ridge()], X, y, [None], cv=cv, scoring="r2")
    assert_allclose(
        comparison.scores_["r2"][0, 0],
        cross_val_score(Ridge(), X, y, cv=cv, scoring="r2"),
    )


@pytest.mark.parametrize(
    ("gains", "best"),
    [
        ([0.1, 0.1, 0.1], "a"),  # no spread at all
        ([0.1, 0.2, 0.1], "a"),
        ([0.1, 0.2, -0.1], "none"),
        ([-0.1, -0.1, -0.1], "none"),
        ([0.0, 0.0, 0.0], "none"),  # handed back untouched
    ],
)
def test_best_wants_two_standard_errors(gains, best):
    base = np.array([0.5, 0.6, 0.4])
    comparison = hand_made([base, base + gains])
    assert comparison.best() == comparison.best("Ridge") == best
    phrase = "leave the data" if best == "none" else "a beats the untouched data in r2"
    assert comparison.summary().startswith(f"Ridge: {phrase}")


def test_best_is_the_best_of_those_that_pass():
    base = np.array([0.5, 0.6, 0.4])
    noisy, small, large = np.array([[0, 0, 0.9], [0.1, 0.1, 0.1], [0.2, 0.21, 0.19]])
    comparison = hand_made([base, base + noisy, base + small, base + large])
    assert comparison.best() == "c"


def test_a_failure_is_never_the_best_nor_the_best_rival():
    scores = [[0.5, 0.6, 0.4], [0.9, np.nan, 0.9], [0.5, 0.6, 0.4]]
    comparison = hand_made(scores)
    assert comparison.best() == "none"
    frame = comparison.to_frame().loc["Ridge"]
    assert frame.loc["none", "rival"] == "b"
    assert frame.loc["b", "rival"] == "none"
    assert frame.loc["a", "n_splits"] == 2
    assert_allclose(frame.loc["a", "difference"], 0.45)


def test_split_without_score_for_anyone_is_left_out():
    scores = [[0.5, np.nan, 0.4], [0.9, np.nan, 0.9]]
    assert hand_made(scores).best() == "a"


def test_no_verdict_without_scores_of_the_untouched_data():
    comparison = hand_made([[np.nan, np.nan], [0.5, 0.6]])
    assert comparison.best() == "none"
    assert "no verdict" in comparison.summary()
    assert comparison.to_frame()["difference"].isna().all()


def test_one_split_has_no_error():
    comparison = hand_made([[0.5], [0.9]])
    assert comparison.best() == "none"
    assert np.isnan(comparison.to_frame()["difference_se"]).all()
    assert "+0.4000\n" not in repr(comparison)
    assert "+0.4000" in repr(comparison)


def test_summary_tells_of_harm_in_other_metrics():
    primary = np.array([[[0.0, 0.0, 0.0], [0.2, 0.3, 0.2]]])
    other = np.array([[[0.0, 0.0, 0.0], [-0.3, -0.4, -0.3]]])
    comparison = hand_made(
        primary[0], scores_={"f1_macro": primary, "neg_log_loss": other}
    )
    assert comparison.summary() == (
        "Ridge: a beats the untouched data in f1_macro, by +0.233 ± 0.044. "
        "It harms neg_log_loss (-0.333 ± 0.044)."
    )
    assert "leave the data" in comparison.summary("neg_log_loss")


BASE = np.array([0.5, 0.6, 0.4, 0.5])
SMALL, LARGE, LARGER, NOISY = (
    np.array([[1, 1, 2, 1], [10, 12, 11, 10], [10, 13, 11, 10], [1, 30, -5, 4]]) / 100
)
AHEAD = "mix beats the untouched data in r2, by "
LEVEL = " It does not clearly beat what needs no new rows: "
NO_ROWS = "leave the data as they are. What gains most in r2 needs no new rows: "


@pytest.mark.parametrize(
    ("mix", "weights", "threshold", "best", "verdict"),
    [
        # The resampler is ahead of both, of one, of none; and where one has failed.
        (LARGE, SMALL, -SMALL, "mix", f"{AHEAD}+0.1075 ± 0.0068."),
        (
            LARGER,
            LARGE,
            SMALL,
            "mix",
            f"{AHEAD}+0.110 ± 0.010.{LEVEL}class weights (+0.1075 ± 0.0068).",
        ),
        (
            LARGER,
            LARGE,
            NOISY,
            "mix",
            f"{AHEAD}+0.110 ± 0.010.{LEVEL}class weights (+0.1075 ± 0.0068), "
            "tuned threshold (+0.07 ± 0.11).",
        ),
        (LARGE, SMALL, np.nan, "mix", f"{AHEAD}+0.1075 ± 0.0068."),
        # A control is ahead.
        (
            LARGE,
            SMALL,
            LARGER,
            "tuned threshold",
            f"{NO_ROWS}tuned threshold (+0.110 ± 0.010).",
        ),
        # Nothing is.
        (
            NOISY,
            -SMALL,
            NOISY,
            "none",
            "leave the data as they are. No resampler or control beats them in r2 by "
            "more than two standard errors.",
        ),
    ],
)
def test_verdict_weighs_resamplers_against_controls(
    mix, weights, threshold, best, verdict
):
    controls = ["class weights", "tuned threshold"]
    comparison = hand_made(
        [BASE, BASE + mix, BASE + weights, BASE + threshold],
        resampler_names=["none", "mix", *controls],
        control_names=controls,
    )
    assert comparison.summary() == f"Ridge: {verdict}"
    assert comparison.best() == best


def test_verdict_tells_of_harm_that_controls_do():
    none, gain, harm = (
        np.zeros(3),
        np.array([0.2, 0.3, 0.2]),
        np.array([-0.2, -0.3, -0.2]),
    )
    comparison = hand_made(
        [none, gain],
        scores_={"f1": np.array([[none, gain]]), "loss": np.array([[none, harm]])},
        resampler_names=["none", "class weights"],
        control_names=["class weights"],
    )
    assert comparison.summary() == (
        "Ridge: leave the data as they are. What gains most in f1 needs no new rows: "
        "class weights (+0.233 ± 0.044). It harms loss (-0.233 ± 0.044)."
    )


# What is compared


@pytest.mark.parametrize(
    "resamplers",
    [
        AddRows(),
        [AddRows()],
        [None, AddRows()],
        [AddRows(), None],
        {"AddRows": AddRows()},
        {"nothing": None, "AddRows": AddRows()},
        {"none": None, "AddRows": AddRows()},
    ],
)
def test_untouched_data_come_first_once(resamplers):
    comparison = compare_resamplers(DummyRegressor(), X4, Y4, resamplers, cv=SPLITS)
    assert comparison.resampler_names == ["none", "AddRows"]
    assert list(comparison.scores_) == ["neg_root_mean_squared_error"]


def test_names_are_unique():
    comparison = compare_resamplers(
        [DummyRegressor(), DummyRegressor(strategy="median")],
        X4,
        Y4,
        [AddRows(), AddRows(label=1.0), AddRows(label=1.0), FailsOn(label=9.0)],
        cv=SPLITS,
    )
    assert comparison.estimator_names == [
        "DummyRegressor()",
        "DummyRegressor(strategy='median')",
    ]
    assert comparison.resampler_names == [
        "none",
        "AddRows()",
        "AddRows(label=1.0)",
        "AddRows(label=1.0) #2",
        "FailsOn",
    ]


def test_estimators_by_name():
    comparison = compare_resamplers(
        {"mean": DummyRegressor(), "ridge": Ridge()}, X4, Y4, AddRows(), cv=SPLITS
    )
    assert comparison.estimator_names == ["mean", "ridge"]
    with pytest.raises(ValueError, match=r"one of \['mean', 'ridge'\], got None"):
        comparison.best()
    with pytest.raises(ValueError, match="got 'lasso'"):
        comparison.best("lasso")


@pytest.mark.parametrize(
    ("estimators", "resamplers", "error", "message"),
    [
        ([Ridge(), LogisticRegression()], [], ValueError, "all regressors or all"),
        ([StandardScaler()], [], ValueError, "all regressors or all"),
        ([], [], ValueError, "at least one"),
        (Ridge, [], TypeError, r"estimator Ridge is a class: .* Ridge\(\)"),
        ("trees", [], TypeError, "'trees' cannot fit"),
        (Ridge(), [StandardScaler()], TypeError, "cannot fit_resample"),
        (Ridge(), [AddRows], TypeError, "resampler AddRows is a class"),
        (Ridge(), {"none": AddRows()}, ValueError, "choose another"),
    ],
)
def test_wrong_arms(estimators, resamplers, error, message):
    with pytest.raises(error, match=message):
        compare_resamplers(estimators, X4, Y4, resamplers, cv=SPLITS)


def test_nothing_passed_is_changed(diabetes):
    X, y = diabetes
    estimator, resampler = RandomForestRegressor(2), MixupResampler()
    compare_resamplers(estimator, X, y, resampler, cv=2, random_state=0)
    assert not hasattr(estimator, "estimators_")
    assert estimator.random_state is None
    assert resampler.random_state is None


# Splits


@pytest.mark.parametrize(
    ("cv", "n_splits"), [(None, 10), (3, 6), (KFold(4), 4), (SPLITS, 3)]
)
def test_number_of_splits(diabetes, cv, n_splits):
    comparison = compare_resamplers(DummyRegressor(), *diabetes, [], cv=cv)
    assert comparison.fit_time_.shape == (1, 1, n_splits)


def test_arms_see_the_same_training_rows(diabetes, seen):
    X, y = diabetes
    compare_resamplers(
        [DummyRegressor(), Ridge()],
        X,
        y,
        {"first": Recorder(), "second": Recorder()},
        cv=3,
        random_state=0,
    )
    by_arm = np.reshape(np.arange(len(seen)), (4, 6))
    for split in by_arm.T:
        for other in split[1:]:
            assert_array_equal(seen[split[0]][0], seen[other][0])
    assert len({seen[i][0].tobytes() for i in by_arm[0]}) == 6
    # A resampler never sees a whole fold's worth of rows: the test rows.
    assert {len(X_train) for X_train, *_ in seen} == {53, 54}


def test_classes_are_stratified(imbalanced, seen):
    X, y = imbalanced
    compare_resamplers(
        DummyClassifier(), X, y, Recorder(), controls=False, random_state=0
    )
    shares = [y_train.mean() for _, y_train, *_ in seen]
    assert np.ptp(shares) < 0.01


@pytest.mark.parametrize("kind", ["regression", "classification"])
@pytest.mark.parametrize("cv", [None, 3])
def test_groups_are_never_split(diabetes, imbalanced, seen, kind, cv):
    X, y = diabetes if kind == "regression" else imbalanced
    estimator = DummyRegressor() if kind == "regression" else DummyClassifier()
    groups = np.arange(len(X)) % 10
    compare_resamplers(
        estimator,
        X,
        y,
        Recorder(),
        controls=False,
        cv=cv,
        groups=groups.tolist(),
        random_state=0,
    )
    assert len(seen) == (10 if cv is None else 6)
    for X_train, _, train_groups, _ in seen:
        assert len(train_groups) == len(X_train) < len(X)
        assert len(X_train) == np.isin(groups, train_groups).sum()


def test_groups_do_not_bother_those_who_take_none(diabetes):
    X, y = diabetes
    groups = np.arange(len(X)) % 10
    comparison = compare_resamplers(Ridge(), X, y, AddRows(), groups=groups)
    assert not np.isnan(comparison.fit_time_).any()


# Randomness


def test_seeds_are_paired_by_split(diabetes):
    X, _ = diabetes
    comparison = compare_resamplers(
        {"one": SeedRegressor(), "two": make_pipeline(SeedRegressor())},
        X,
        np.zeros(len(X)),
        [AddRows(n=1), Recorder()],
        cv=3,
        random_state=0,
    )
    scores = comparison.scores_["neg_root_mean_squared_error"]
    assert_array_equal(scores[:, 1], scores[:, 0])
    assert_array_equal(scores[:, 2], scores[:, 0])
    assert len(set(scores[0, 0])) == 6


def test_seeds_of_the_user_are_kept(diabetes, seen):
    X, _ = diabetes
    comparison = compare_resamplers(
        SeedRegressor(random_state=7), X, np.zeros(len(X)), Recorder(5), cv=2
    )
    expected = -np.random.RandomState(7).rand()
    assert_allclose(comparison.scores_["neg_root_mean_squared_error"], expected)
    assert {random_state for *_, random_state in seen} == {5}


def test_resamplers_get_seeds_of_their_own(diabetes, seen):
    X, y = diabetes
    compare_resamplers(DummyRegressor(), X, y, Recorder(), cv=2, random_state=0)
    assert len({random_state for *_, random_state in seen}) == 4
    assert all(isinstance(random_state, int) for *_, random_state in seen)


def test_reproducible_for_any_number_of_jobs(diabetes):
    X, y = diabetes
    state = np.random.get_state()[1].copy()
    comparisons = [
        compare_resamplers(
            [Ridge(), RandomForestRegressor(3)],
            X,
            y,
            [MixupResampler(), CMixupResampler()],
            cv=3,
            n_jobs=n_jobs,
            random_state=seed,
        ).scores_["neg_root_mean_squared_error"]
        for n_jobs, seed in [(1, 0), (1, 0), (2, 0), (1, 1)]
    ]
    assert_array_equal(comparisons[1], comparisons[0])
    assert_array_equal(comparisons[2], comparisons[0])
    assert not np.array_equal(comparisons[3], comparisons[0])
    assert_array_equal(np.random.get_state()[1], state)


def test_silent(diabetes, capsys):
    compare_resamplers(Ridge(), *diabetes, MixupResampler(), cv=2)
    assert capsys.readouterr() == ("", "")


# Containers


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_frames_stay_frames(diabetes, seen, frame):
    X, y = diabetes
    names = [f"x{i}" for i in range(X.shape[1])]
    series = pd.Series if frame is pd.DataFrame else pl.Series
    arguments = {"cv": 2, "random_state": 0, "scoring": "r2"}
    resamplers = {"mixup": MixupResampler(), "recorder": Recorder()}
    comparison = compare_resamplers(
        Ridge(),
        frame(dict(zip(names, X.T, strict=True))),
        series(y),
        resamplers,
        **arguments,
    )
    for X_train, y_train, *_ in seen:
        assert isinstance(X_train, frame)
        assert isinstance(y_train, series)
        assert list(X_train.columns) == names
    from_arrays = compare_resamplers(Ridge(), X, y, resamplers, **arguments)
    assert_allclose(comparison.scores_["r2"], from_arrays.scores_["r2"])


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame])
def test_frames_in_classification(imbalanced, frame):
    X, y = imbalanced
    names = [f"x{i}" for i in range(X.shape[1])]
    labels = np.array(["no", "yes"])[y]
    series = pd.Series if frame is pd.DataFrame else pl.Series
    comparison = compare_resamplers(
        LogisticRegression(),
        frame(dict(zip(names, X.T, strict=True))),
        series(labels),
        Recorder(),
        controls=False,
        groups=series(np.arange(len(X)) // 4),
        cv=2,
        random_state=0,
    )
    assert not any(np.isnan(scores).any() for scores in comparison.scores_.values())


def test_pandas_index_does_not_matter(diabetes):
    X, y = diabetes
    index = np.arange(len(X))[::-1] * 3
    comparison = compare_resamplers(
        Ridge(),
        pd.DataFrame(X, index=index),
        pd.Series(y, index=index),
        [],
        cv=KFold(2),
        scoring="r2",
    )
    expected = cross_val_score(Ridge(), X, y, cv=KFold(2), scoring="r2")
    assert_allclose(comparison.scores_["r2"][0, 0], expected)


def test_lists_and_sparse_matrices(imbalanced):
    X, y = imbalanced
    arguments = {"controls": False, "cv": StratifiedKFold(2), "random_state": 0}
    dense, sparse, lists = (
        compare_resamplers(
            LogisticRegression(), X_in, y.tolist(), RandomOverSampler(), **arguments
        ).scores_["neg_log_loss"]
        for X_in in (X, csr_array(X), X.tolist())
    )
    assert_allclose(sparse, dense, atol=1e-4)
    assert_allclose(lists, dense)


def test_several_targets(diabetes):
    X, y = diabetes
    comparison = compare_resamplers(
        Ridge(), X, np.column_stack([y, -y]), MixupResampler(), cv=2
    )
    assert not np.isnan(comparison.fit_time_).any()


# Scoring


def test_classification_shows_harm_to_calibration(imbalanced):
    X, y = imbalanced
    comparison = compare_resamplers(
        LogisticRegression(),
        X,
        y,
        [SMOTE(), RandomOverSampler()],
        controls=False,
        random_state=0,
    )
    assert comparison.metric_names == [
        "f1_macro",
        "roc_auc_ovr",
        "neg_log_loss",
        "neg_brier_score",
    ]
    assert comparison.resampler_names == ["none", "SMOTE", "RandomOverSampler"]
    for metric in ("neg_log_loss", "neg_brier_score"):
        frame = comparison.to_frame(metric).loc["LogisticRegression"]
        assert (frame["difference"][1:] < -2 * frame["difference_se"][1:]).all()


def test_many_classes_by_name():
    X, y = make_classification(150, n_classes=3, n_informative=4, random_state=0)
    comparison = compare_resamplers(
        LogisticRegression(),
        X,
        np.array(["u", "v", "w"])[y],
        SMOTE(),
        controls=False,
        cv=2,
    )
    assert not any(np.isnan(scores).any() for scores in comparison.scores_.values())


@pytest.mark.parametrize("n_classes", [2, 3])
def test_losses_are_those_of_scikit_learn(n_classes):
    X, y = make_classification(
        150, n_classes=n_classes, n_informative=4, random_state=0
    )
    cv = StratifiedKFold(2)
    scores = compare_resamplers(
        LogisticRegression(), X, y, [], controls=False, cv=cv
    ).scores_
    for scoring in ("neg_log_loss", "neg_brier_score"):
        expected = cross_val_score(LogisticRegression(), X, y, cv=cv, scoring=scoring)
        assert_allclose(scores[scoring][0, 0], expected)


def test_losses_where_a_class_has_no_test_rows():
    X, y = np.arange(12.0)[:, None], np.array(["u", "v", "w"] * 4)
    with pytest.warns(UserWarning, match="by roc_auc_ovr in splits 0"):
        scores = compare_resamplers(
            LogisticRegression(), X, y, [], controls=False, cv=[(range(10), [10, 11])]
        ).scores_
    assert [name for name in scores if np.isnan(scores[name]).any()] == ["roc_auc_ovr"]


def test_without_probabilities(imbalanced):
    with pytest.warns(UserWarning, match="could not be scored") as caught:
        comparison = compare_resamplers(
            LinearSVC(), *imbalanced, SMOTE(), controls=False, cv=2
        )
    metrics = ["roc_auc_ovr", "neg_log_loss", "neg_brier_score"]
    assert len(caught) == 3
    for metric, warning in zip(metrics, caught, strict=True):
        message = str(warning.message)
        assert (
            f"LinearSVC could not be scored by {metric} in splits 0, 1, 2, 3" in message
        )
        assert "predict_proba" in message
        assert np.isnan(comparison.scores_[metric]).all()
    assert not np.isnan(comparison.scores_["f1_macro"]).any()
    assert "-" in repr(comparison)
    assert comparison._repr_html_()


def minus_mse(estimator, X, y):
    return -mean_squared_error(y, estimator.predict(X))


@pytest.mark.parametrize(
    ("scoring", "names"),
    [
        ("r2", ["r2"]),
        (minus_mse, ["minus_mse"]),
        (make_scorer(mean_squared_error, greater_is_better=False), ["score"]),
        (["r2", "neg_max_error"], ["r2", "neg_max_error"]),
        ({"mine": minus_mse, "r2": "r2"}, ["mine", "r2"]),
    ],
)
def test_scoring(diabetes, scoring, names):
    comparison = compare_resamplers(
        DummyRegressor(), *diabetes, AddRows(), cv=2, scoring=scoring
    )
    assert comparison.metric_names == names
    default = comparison.to_frame()
    pd.testing.assert_frame_equal(default, comparison.to_frame(names[0]))


@pytest.mark.parametrize(
    ("scoring", "message"),
    [
        ("no_such", "no_such"),
        ([], "scoring must be"),
        ([minus_mse], "scoring must be"),
        (mean_squared_error, "metric function"),
    ],
)
def test_wrong_scoring(scoring, message):
    with pytest.raises(ValueError, match=message):
        compare_resamplers(Ridge(), X4, Y4, [], cv=SPLITS, scoring=scoring)


@pytest.mark.parametrize("method", ["to_frame", "records", "summary", "best"])
def test_unknown_metric(method):
    comparison = hand_made([[0.5, 0.6], [0.6, 0.7]])
    with pytest.raises(ValueError, match=r"one of \['r2'\], got 'auc'"):
        getattr(comparison, method)(metric="auc")


def test_scorer_that_fails_now_and_then():
    def picky(estimator, X, y):
        if 0.0 in y:
            raise ArithmeticError("zero")
        return 1.0

    with pytest.warns(UserWarning, match="by picky in splits 1; .*'zero'"):
        comparison = compare_resamplers(
            DummyRegressor(), X4, Y4, [], cv=SPLITS, scoring=picky
        )
    assert_array_equal(comparison.scores_["picky"], [[[1, np.nan, 1]]])


# Failures


def test_failing_fit_warns_and_scores_nan():
    with pytest.warns(FitFailedWarning) as caught:
        comparison = compare_resamplers(
            DummyRegressor(), X4, Y4, [FailsOn(0.0), AddRows()], cv=SPLITS
        )
    assert len(caught) == 1
    assert caught[0].filename == __file__
    assert str(caught[0].message) == (
        "DummyRegressor with FailsOn could not be fitted in splits 0, 2; the scores "
        "are NaN. The first error, with FailsOn in split 0: "
        "RuntimeError('no 0.0 please')"
    )
    scores = comparison.scores_["neg_root_mean_squared_error"]
    assert_array_equal(np.isnan(scores), [[[0] * 3, [1, 0, 1], [0] * 3]])
    assert_array_equal(np.isnan(comparison.fit_time_), np.isnan(scores))


def test_all_fits_failing_raises():
    class Broken(RegressorMixin, BaseEstimator):
        def fit(self, X, y):
            raise RuntimeError("out of order")

        def predict(self, X):
            """Never reached."""

    with pytest.raises(ValueError, match=r"All 6 fits failed.*out of order"):
        compare_resamplers(Broken(), X4, Y4, AddRows(), cv=SPLITS)


def test_interruption_is_not_a_failure():
    class Interrupted(AddRows):
        def fit_resample(self, X, y):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        compare_resamplers(DummyRegressor(), X4, Y4, Interrupted(), cv=SPLITS)


# Tables


def test_text_lines_up():
    primary = np.array([[[0.5, 0.6, 0.4], [0.7, 0.8, 0.5], [0.7, np.nan, 0.5]]])
    comparison = hand_made(
        primary[0],
        scores_={"f1": primary, "auc": primary / 100},
        resampler_names=["none", "a rather long name", "ünïcode"],
        accepted_=np.array([[np.nan, 1.0, 0.5]]),
    )
    first, second, verdict = repr(comparison).split("\n\n")
    caption, *lines = first.split("\n")
    assert caption == "f1, mean of 3 splits, greater is better"
    assert lines[0].split("  ")[0] == "estimator"
    assert "accepted" in lines[0]
    assert len({len(line) for line in lines}) == 1
    ends = [line.index("±") for line in lines[2:]]
    assert len(set(ends)) == 1
    caption, *lines = second.split("\n")
    assert caption.startswith("Other metrics")
    assert len({len(line) for line in lines}) == 1
    assert verdict == comparison.summary()
    assert str(comparison) == repr(comparison)


def test_digits_follow_the_error():
    none, gain = np.zeros(3), np.array([1, 2, 1])
    assert "+1.33 ± 0.44" in repr(hand_made([none, gain]))
    assert "+133 ± 44" in repr(hand_made([none, 100 * gain]))
    assert "+1.3e-09 ± 4.4e-10" in repr(hand_made([none, 1e-9 * gain]))


class Cells(HTMLParser):
    """Text and style of each cell, and a stack that must end empty."""

    def __init__(self, html):
        super().__init__()
        self.cells, self.open = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.open.append(tag)
        if tag in ("td", "th"):
            self.cells.append(["", dict(attrs)["style"]])

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if self.open and self.open[-1] in ("td", "th"):
            self.cells[-1][0] += data


def test_html_colours_only_beyond_one_error():
    scores = [[0, 0, 0], [1, 2, 1], [-1, -1, -2], [1, -1, 0.3]]
    html = hand_made(scores)._repr_html_()
    parsed = Cells(html)
    assert parsed.open == []
    styles = {text: style for text, style in parsed.cells if "±" in text}
    colours = {text: "color:" in style for text, style in styles.items()}
    assert colours["+1.33 ± 0.44"]
    assert colours["-1.33 ± 0.44"]
    assert not colours["+0.10 ± 0.78"]
    assert styles["+1.33 ± 0.44"] != styles["-1.33 ± 0.44"]
    assert "background" not in html


def test_html_escapes_names():
    name = "<script>alert('&')</script>"
    html = hand_made(
        [[0.5, 0.6], [0.6, 0.7]],
        metric=name,
        estimator_names=[name],
        resampler_names=["none", name],
    )._repr_html_()
    assert "<script" not in html
    assert "&lt;script&gt;alert(&#x27;&amp;&#x27;)" in html


def test_frame_without_pandas(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "pandas", None)
    comparison = hand_made([[0.5, 0.6], [0.6, 0.7]])
    with pytest.raises(ImportError, match="to_frame needs pandas"):
        comparison.to_frame()
    assert comparison.records()["Ridge", "a"]["mean"] == pytest.approx(0.65)
    assert "0.65" in repr(comparison)
