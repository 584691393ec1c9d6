"""What MixAnN and AutoSMOTE share: how a classifier decides, and how long it takes."""

import signal
import time
from contextlib import suppress
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.metrics import f1_score, roc_auc_score
from sklearn.model_selection import (
    FixedThresholdClassifier,
    LeaveOneOut,
    PredefinedSplit,
    StratifiedKFold,
    StratifiedShuffleSplit,
    cross_val_predict,
)
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC

from skmix.exceptions import JudgementWarning
from skmix.imbalance import AutoSMOTESampler, MixAnNSampler, _judge
from skmix.imbalance._evaluators import NeighborEvaluator
from skmix.imbalance._ground import Ground
from skmix.imbalance._judge import Judge
from skmix.imbalance._search import Finals
from tests.imbalance.helpers import blobs

KNN = KNeighborsClassifier(10)
SEARCH = MixAnNSampler(search="none", n_finalists=3, cv=3, random_state=0)
ACTOR = MixAnNSampler(
    method="ddpg",
    hidden_layer_sizes=4,
    n_walkers=3,
    max_steps=5,
    max_iter=2,
    cv=3,
    device="cpu",
    random_state=0,
)
AUTOSMOTE = AutoSMOTESampler(
    hidden_layer_sizes=4, max_iter=2, cv=3, device="cpu", random_state=0
)
# More than there is time for.
MANY = MixAnNSampler(n_random=5000, n_finalists=5000, cv=3, random_state=0)


def with_changes(sampler, estimator, **changes):
    return clone(sampler).set_params(estimator=estimator, **changes)


class Counted(GaussianNB):
    """Notes how many rows each fit has, and takes its time."""

    fits: list = []

    def __init__(self, seconds=0.0):
        super().__init__()
        self.seconds = seconds

    def fit(self, X, y):
        self.fits.append(len(X))
        time.sleep(self.seconds)
        return super().fit(X, y)

    def partial_fit(self, X, y):
        time.sleep(self.seconds)
        return super().partial_fit(X, y)


# What a classifier is judged by.

FOLDS = StratifiedKFold(5, shuffle=True, random_state=0)


@pytest.mark.filterwarnings("ignore:The `probability` parameter was deprecated")
@pytest.mark.parametrize(
    "estimator",
    [
        FixedThresholdClassifier(LogisticRegression(), threshold=0.2),
        SVC(probability=True, random_state=0),
    ],
)
def test_a_classifier_is_judged_by_what_it_predicts(estimator):
    X, y = blobs(shift=1.0)
    sampler = with_changes(SEARCH, estimator, cv=FOLDS).fit(X, y)
    likeliest = cross_val_predict(estimator, X, y, cv=FOLDS, method="predict_proba")
    score, other = (
        f1_score(y, predicted, average="macro")
        for predicted in (
            cross_val_predict(estimator, X, y, cv=FOLDS),
            likeliest.argmax(axis=1),
        )
    )
    assert sampler.baseline_score_ == pytest.approx(score)
    # Its probabilities would say something else.
    assert abs(other - score) > 0.01


def test_without_probabilities_it_is_judged_by_its_decision_function():
    X, y = blobs()
    sampler = with_changes(SEARCH, LinearSVC(), cv=FOLDS, scoring="roc_auc").fit(X, y)
    decision = cross_val_predict(
        LinearSVC(), X, y, cv=FOLDS, method="decision_function"
    )
    assert sampler.baseline_score_ == pytest.approx(roc_auc_score(y, decision))


def in_order(codes, groups, rng, judged):
    """Blocks of rows that do not depend on their classes."""
    return np.arange(len(codes)) % 20


# With one split of the rows, those in odd blocks judge what the others have chosen.
SINGLE_SPLITS = [
    (SEARCH, KNN),
    (SEARCH, GaussianNB()),
    (AUTOSMOTE, KNN),
    (AUTOSMOTE, GaussianNB()),
    (MixAnNSampler(method="ddpg", max_iter=4, random_state=0), KNN),
]


@pytest.mark.parametrize(("sampler", "estimator"), SINGLE_SPLITS)
@pytest.mark.parametrize("given", [True, False])
def test_a_single_split_of_the_rows(monkeypatch, sampler, estimator, given):
    monkeypatch.setattr(_judge, "_blocks", in_order)
    X, y = blobs(300, 40)
    cv = StratifiedShuffleSplit(1, test_size=0.4, random_state=0)
    ((train, test),) = cv.split(X, y)
    # Where the split is one of cv, blocks are of all rows.
    judging = test[(np.arange(len(test)) if given else test) % 20 % 2 == 1]

    def fit(y):
        if not given:
            return with_changes(sampler, estimator, cv=cv).fit(X, y)
        held_out = {"X_val": X[test], "y_val": y[test]}
        return with_changes(sampler, estimator).fit(X[train], y[train], **held_out)

    fitted = fit(y)
    model = clone(estimator).fit(X[train], y[train])
    expected = f1_score(y[judging], model.predict(X[judging]), average="macro")
    assert fitted.baseline_score_ == pytest.approx(expected)
    if given:
        # Labels of the rows that judge have no part in what is chosen.
        other = y.copy()
        other[judging] = np.random.RandomState(0).permutation(y[judging])
        refitted = fit(other)
        assert refitted.policy_.describe() == fitted.policy_.describe()
        assert refitted.history_["score"] == fitted.history_["score"]
        assert refitted.best_score_ != fitted.best_score_


def test_splits_that_chose_nothing_judge_by_all_of_their_rows(monkeypatch):
    seen = []
    monkeypatch.setattr(Judge, "gain", lambda *given: seen.append(given) or (0, 0, 1))
    cv = StratifiedShuffleSplit(5, test_size=0.1, random_state=0)
    X, y = blobs(300, 40)
    with_changes(SEARCH, KNN, cv=cv).fit(X, y)
    _, better, baseline = seen[0]
    splits = [np.sort(test) for _, test in cv.split(X, y)]
    for predictions in (better, baseline):
        held_out = [np.flatnonzero(np.isfinite(p[:, -1])) for p in predictions]
        assert_array_equal(held_out, splits[3:])


@pytest.mark.parametrize("estimator", [KNN, GaussianNB()])
def test_three_held_out_rows_of_a_class_are_too_few(estimator):
    X, y = blobs(120, 20)
    labels = np.where(y == 1, "rare", "common")
    train, test = np.arange(3, 90), np.r_[0:3, 90:120]
    message = "held-out rows of class 'rare', of which 4 are needed, are too few"
    with pytest.warns(JudgementWarning, match=message):
        X_new, y_new = with_changes(SEARCH, estimator).fit_resample(
            X[train], labels[train], X_val=X[test], y_val=labels[test]
        )
    assert_array_equal(X_new, X[train])
    assert_array_equal(y_new, labels[train])


@pytest.mark.parametrize("estimator", [KNN, GaussianNB()])
def test_twenty_held_out_rows_of_which_four_are_rare_are_enough(estimator):
    X, y = blobs(120, 20)
    train, few = np.arange(4, 90), np.r_[0:4, 90:105]

    def fit(test):
        sampler = with_changes(SEARCH, estimator)
        return sampler.fit(X[train], y[train], X_val=X[test], y_val=y[test])

    with pytest.warns(JudgementWarning, match="19 held-out rows are too few to judge"):
        fit(few)
    sampler = fit(np.append(few, 105))
    assert np.isfinite(sampler.baseline_score_)


@pytest.mark.parametrize("estimator", [KNN, GaussianNB()])
def test_halves_are_alike(monkeypatch, estimator):
    seen = []
    monkeypatch.setattr(Judge, "gain", lambda *given: seen.append(given) or (0, 0, 1))
    X, y = blobs(300, 40)
    cv = StratifiedShuffleSplit(1, test_size=0.2, random_state=0)
    with_changes(SEARCH, estimator, cv=cv).fit(X, y)
    _, better, _ = seen[0]
    judging = np.isfinite(better[0][:, -1])
    assert np.bincount(y[judging]).tolist() == [26, 4]


class Unsure(GaussianNB):
    """Has no probability where rows are far out."""

    def predict_proba(self, X):
        return np.where(abs(X[:, :1]) > 1, np.nan, super().predict_proba(X))


def test_rows_without_probability_are_judged_by_their_label():
    X, y = blobs()
    sampler = with_changes(SEARCH, Unsure(), cv=FOLDS).fit(X, y)
    predicted = cross_val_predict(GaussianNB(), X, y, cv=FOLDS)
    expected = f1_score(y, predicted, average="macro")
    assert sampler.baseline_score_ == pytest.approx(expected)


def test_rows_that_no_fold_holds_out_do_not_count():
    X, y = blobs()
    few = np.full(len(y), -1)
    few[[*np.flatnonzero(y)[:2], *np.flatnonzero(y == 0)[:2]]] = 0
    with pytest.warns(JudgementWarning, match="4 held-out rows are too few"):
        with_changes(SEARCH, KNN, cv=PredefinedSplit(few)).fit(X, y)
    few[np.flatnonzero(y == 0)[:40]] = 0
    with pytest.warns(JudgementWarning, match="rows of class 1, of which 4 are needed"):
        with_changes(SEARCH, KNN, cv=PredefinedSplit(few)).fit(X, y)


def test_a_group_is_not_split():
    X, y = blobs()
    groups = np.where(y == 1, -1, np.arange(len(y)))
    with pytest.warns(JudgementWarning, match="the groups of the rarest class are too"):
        with_changes(SEARCH, KNN).fit(X, y, groups=groups)


def test_a_splitter_of_many_folds():
    X, y = blobs(30, 10)
    with pytest.raises(ValueError, match=r"makes 30 folds.* 20 at most"):
        with_changes(SEARCH, GaussianNB(), cv=LeaveOneOut()).fit(X, y)
    # Nearest neighbours need no fits.
    fitted = with_changes(SEARCH, KNeighborsClassifier(3), cv=LeaveOneOut()).fit(X, y)
    assert np.isfinite(fitted.best_score_)


def test_many_folds_are_twenty_for_a_classifier_that_is_fitted():
    X, y = blobs(200, 40)
    Counted.fits.clear()
    with_changes(SEARCH, Counted(), cv=30).fit(X, y)
    # All rows are held out once.
    assert Counted.fits[:20] == [190] * 20


@pytest.mark.parametrize(
    ("estimator", "scoring", "message"),
    [
        (
            LinearSVC(),
            "neg_log_loss",
            "'neg_log_loss' cannot score held-out rows of the classes .*'predict_proba'"
            r".* what LinearSVC\(\) would predict, by predict and decision_function",
        ),
        (KNN, "f1", "'f1' .* pos_label=1 is not a valid label.* name the class"),
        (KNN, lambda model, X, y: X["a"].mean(), "but no columns of X"),
        (KNN, f1_score, "The 'scoring' parameter|looks like it is a metric function"),
        (KNN, lambda *_: float("nan"), "scoring gave nan for the predictions"),
    ],
)
def test_scoring_that_cannot_be_used(estimator, scoring, message):
    X, y = blobs()
    y = np.where(y == 1, "rare", "common")
    with pytest.raises(ValueError, match=message):
        with_changes(SEARCH, estimator, scoring=scoring).fit(X, y)


@pytest.mark.parametrize("scoring", ["neg_brier_score", "neg_log_loss", "roc_auc_ovr"])
def test_a_class_of_one_row_is_scored_with_the_others(scoring):
    X, y = blobs()
    y[np.flatnonzero(y == 0)[0]] = 2
    sampler = with_changes(SEARCH, KNN, scoring=scoring, sampling_strategy={1: 100})
    assert np.isfinite(sampler.fit(X, y).best_score_)


@pytest.mark.parametrize("estimator", [KNN, GaussianNB()])
@pytest.mark.parametrize("scoring", ["neg_brier_score", "neg_log_loss"])
def test_held_out_rows_may_lack_a_class(estimator, scoring):
    X, y = blobs()
    y[np.flatnonzero(y == 0)[:10]] = 2
    held_out = y != 2
    asked = {1: 100}
    sampler = with_changes(SEARCH, estimator, scoring=scoring, sampling_strategy=asked)
    sampler.fit(X, y, X_val=X[held_out], y_val=y[held_out])
    assert np.isfinite(sampler.best_score_)


@pytest.mark.parametrize("sampler", [SEARCH, AUTOSMOTE])
def test_a_regressor_is_no_classifier(sampler):
    for regressor in (Ridge(), make_pipeline(StandardScaler(), Ridge())):
        with pytest.raises(ValueError, match="estimator must be a classifier, got"):
            with_changes(sampler, regressor).fit(*blobs())


def test_held_out_classes_are_written_as_those_of_y():
    X, y = blobs()
    with pytest.raises(ValueError, match=r"class .0., which is none of those of y"):
        with_changes(SEARCH, KNN).fit(X, y, X_val=X, y_val=y.astype(str))


@pytest.mark.parametrize("n_fits", [1, 3, 6, 9])
@pytest.mark.parametrize("max_time", [None, 60])
def test_an_interrupt_in_any_fit_of_the_classifier(n_fits, max_time):
    class Interrupted(GaussianNB):
        fits = []

        def fit(self, X, y):
            self.fits.append(len(X))
            if len(self.fits) == n_fits:
                raise KeyboardInterrupt
            return super().fit(X, y)

    X, y = blobs()
    with pytest.warns(UserWarning, match="stop|Interrupted"):
        fitted = with_changes(SEARCH, Interrupted(), max_time=max_time).fit(X, y)
    assert len(fitted.resample()[0]) == len(X) or fitted.accepted_


def test_an_interrupt_that_the_classifier_catches():
    """Networks return what they have: nobody else would stop."""

    class Patient(GaussianNB):
        fits = []

        def fit(self, X, y):
            self.fits.append(len(X))
            if len(self.fits) == 5:
                with suppress(KeyboardInterrupt):
                    signal.raise_signal(signal.SIGINT)
            return super().fit(X, y)

    with pytest.warns(UserWarning, match="stop|Interrupted"):
        with_changes(SEARCH, Patient()).fit(*blobs())
    # Three with the rows as they are, three with the first policy.
    assert len(Patient.fits) == 6


def test_an_interrupt_in_the_verdict(monkeypatch):
    def interrupt(*_):
        raise KeyboardInterrupt

    monkeypatch.setattr(Judge, "gain", interrupt)
    X, y = blobs()
    with pytest.warns(JudgementWarning, match="the scores measured before the stop"):
        fitted = with_changes(SEARCH, KNN).fit(X, y)
    assert_array_equal(fitted.resample()[0], X)
    # What was scored before is still there to see.
    assert fitted.history_["phase"].count("finals") == 3


# How it decides.


@pytest.mark.parametrize(
    ("gain", "p_value", "accepted"),
    [(0.01, 0.24, True), (0.01, 0.26, False), (-0.01, 0.24, False)],
)
def test_a_gain_counts_if_chance_is_unlikely(monkeypatch, gain, p_value, accepted):
    monkeypatch.setattr(Judge, "gain", lambda *_: (gain, 0.02, p_value))
    sampler = with_changes(SEARCH, KNN)
    X_new, _ = sampler.fit_resample(*blobs())
    assert sampler.accepted_ == (len(X_new) > 200) == accepted


@pytest.mark.parametrize(
    "sampler", [SEARCH, ACTOR, AUTOSMOTE], ids=["search", "ddpg", "autosmote"]
)
def test_no_finalist_is_fitted_twice(monkeypatch, sampler):
    finals = []

    class Noted(Finals):
        def __init__(self, contest, finalists):
            super().__init__(contest, finalists)
            finals.append(self.finalists)

    monkeypatch.setattr("skmix.imbalance._judged.Finals", Noted)
    Counted.fits.clear()
    with_changes(sampler, Counted(), n_union=1).fit(*blobs())
    by_votes, by_classifier = finals
    # The best by the votes of nearest rows are among those that it is asked about.
    assert set(by_votes) <= set(by_classifier)
    assert len(set(by_classifier)) == len(by_classifier)
    # Three folds with the mixes of each, and without mixes.
    assert len(Counted.fits) == 3 * (1 + len(by_classifier))


# How long it takes.


@pytest.mark.parametrize("changes", [{}, {"warm_start": True}], ids=["votes", "warm"])
@pytest.mark.parametrize("held_out", [True, False])
def test_max_time_is_kept_with_a_slow_classifier(changes, held_out):
    X, y = blobs(120, 16)
    given = dict(zip(["X_val", "y_val"], blobs(60, 10, seed=1), strict=True))
    sampler = with_changes(MANY, Counted(0.1), cv=2, max_time=1.5, **changes)
    start = time.monotonic()
    sampler.fit(X, y, **given if held_out else {})
    # Two fits at most make a step.
    assert time.monotonic() - start < 1.1 * 1.5 + 0.2
    assert np.isfinite(sampler.best_score_)


@pytest.fixture
def clock(monkeypatch):
    """A clock that predictions by nearest rows move by a second.

    Those with the rows as they are take no time on the first split, whose votes have
    been counted then.
    """
    clock, predict = SimpleNamespace(now=0.0), NeighborEvaluator.predict

    def predict_slowly(self, policy, repeat, seed):
        clock.now += policy is not None or repeat > 0
        return predict(self, policy, repeat, seed)

    clock.monotonic = lambda: clock.now
    monkeypatch.setattr(NeighborEvaluator, "predict", predict_slowly)
    monkeypatch.setattr("skmix._loop.time", clock)
    for module in ("base", "imbalance._judged", "imbalance._search"):
        monkeypatch.setattr(f"skmix.{module}.monotonic", clock.monotonic)
    monkeypatch.setattr("skmix.imbalance._evaluators.perf_counter", clock.monotonic)
    return clock


@pytest.mark.parametrize("sampler", [ACTOR, AUTOSMOTE], ids=["ddpg", "autosmote"])
def test_max_time_is_kept_by_networks(clock, sampler):
    # Each look at the clock takes a second, as those of a step do.
    def look():
        clock.now += 1
        return clock.now

    clock.monotonic = look
    sampler = with_changes(sampler, KNN, max_iter=10_000, max_time=100.0).fit(*blobs())
    assert 50 < clock.now <= 110
    assert 2 < sampler.n_iter_ < 100
    assert np.isfinite(sampler.best_score_)


@pytest.mark.parametrize("held_out", [True, False])
@pytest.mark.parametrize("by", ["votes", "refits", "warm start"])
def test_the_time_of_the_verdict_is_kept_aside(clock, by, held_out):
    X, y = blobs(280, 28)
    train = np.arange(280) % 4 > 0 if held_out else y < 2
    given = {"X_val": X[~train], "y_val": y[~train]} if held_out else {}
    # Nearly all of the time, for one policy; with mixes it is in proportion to what
    # may be asked for: 168 to 210 rows, or 224 to 187 in each of three folds.
    seconds, n_rows, growth = (28, 210, 1.8) if held_out else (9.3, 187, 2.2)

    class Slow(GaussianNB):
        def fit(self, X, y):
            clock.now += seconds * (growth if len(X) > n_rows else 1)
            return super().fit(X, y)

        def partial_fit(self, X, y):
            clock.now += 0.2
            return super().partial_fit(X, y)

    estimator = KNN if by == "votes" else Slow()
    warm_start = by == "warm start"
    sampler = with_changes(MANY, estimator, warm_start=warm_start, max_time=100.0)
    sampler.fit(X[train], y[train], **given)
    assert clock.now <= 100
    assert np.isfinite(sampler.best_score_)


def test_the_columns_as_they_are_must_be_in_time(clock, monkeypatch):
    """Who is near whom there takes as long to find as it has by standardised ones."""
    init = Ground.__init__

    def slowly(self, *given):
        clock.now += 6
        init(self, *given)

    monkeypatch.setattr(Ground, "__init__", slowly)
    with pytest.warns(JudgementWarning, match="11 seconds of max_time are too few"):
        with_changes(MANY, KNN, max_time=11.0).fit(*blobs())
    assert clock.now == 6


def test_a_finalist_and_the_verdict_must_be_in_time(clock):
    # A first policy, one on three splits, and two fresh ones with it and without.
    with pytest.warns(JudgementWarning, match=r"7.9 seconds of max_time are too few"):
        with_changes(MANY, KNN, max_time=7.9).fit(*blobs())
    assert clock.now == 1
    sampler = with_changes(MANY, KNN, max_time=8.0).fit(*blobs())
    assert np.isfinite(sampler.best_score_)


def test_the_verdict_on_all_rows_is_in_time_or_given_up(clock, monkeypatch):
    predict = NeighborEvaluator.predict

    def slowly_on_all(self, policy, repeat, seed):
        clock.now += 10 * (len(self.ground.data) == 300)
        return predict(self, policy, repeat, seed)

    monkeypatch.setattr(NeighborEvaluator, "predict", slowly_on_all)
    sampler = with_changes(SEARCH, KNN, max_samples=150, max_time=1000.0)
    sampler.fit(*blobs(300, 60))
    # Two splits, with the winner and without.
    needed = clock.now
    assert needed > 40
    clock.now = 0.0
    # What is left is thought to take as long as the first, which takes a second more.
    sampler.set_params(max_time=needed + 1).fit(*blobs(300, 60))
    assert clock.now == needed
    assert np.isfinite(sampler.best_score_)
    clock.now = 0.0
    sampler.set_params(max_time=needed - 0.1)
    with pytest.warns(JudgementWarning, match="seconds of max_time are too few"):
        sampler.fit(*blobs(300, 60))
    # What the first prediction took tells that the others are too many.
    assert clock.now < needed - 25
