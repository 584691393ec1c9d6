"""What all resamplers have in common that ask the estimator whether mixing helps."""

import pickle
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.compose import make_column_transformer
from sklearn.dummy import DummyRegressor
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import GridSearchCV, ShuffleSplit, cross_val_predict
from sklearn.neighbors import KNeighborsRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder
from sklearn.tree import DecisionTreeRegressor, ExtraTreeRegressor

from skmix import ResampledRegressor
from skmix.callbacks import Checkpoint
from skmix.exceptions import JudgementWarning
from skmix.regression import (
    AdaMixupResampler,
    CMixupResampler,
    KNNMixupResampler,
    MixRLResampler,
)
from tests.regression.helpers import CV, Recorder, interrupting, problem

TREE = DecisionTreeRegressor(random_state=0)
# Whatever it is fitted on, no row gains or loses.
INDIFFERENT = DummyRegressor(strategy="constant", constant=1.0)


class Seen(ExtraTreeRegressor):
    """Remembers the seeds that it was fitted with."""

    seeds = []

    def fit(self, X, y):
        self.seeds.append(self.random_state)
        return super().fit(X, y)


# All draw their shares, so that two draws differ.
MIXUPS = [
    KNNMixupResampler(mix_ratio="beta", candidates=(1, 4)),
    CMixupResampler(bandwidth="auto", candidates=(0.1, 1.0), amount=4),
    AdaMixupResampler(amount=4, hidden_layer_sizes=(8,), max_iter=10),
]


def every(resamplers):
    return pytest.mark.parametrize(
        "resampler", resamplers, ids=lambda resampler: type(resampler).__name__
    )


every_one = every([*MIXUPS, MixRLResampler(mix_ratio="beta")])
every_mixup = every(MIXUPS)


def asking(resampler, estimator, **changes):
    settings = {"estimator": estimator, "cv": CV, "random_state": 0, **changes}
    return clone(resampler).set_params(**settings)


def plane():
    """Rows on a plane: every mix of them lies on it, and the nearest row does not."""
    X, *_ = problem(n=60)
    return X, X @ [1.0, 2.0]


def counts(phases):
    """How many iterations each phase had."""
    return {phase: phases.count(phase) for phase in dict.fromkeys(phases)}


@every_one
def test_mixes_where_that_helps(resampler):
    X, y = plane()
    fitted = asking(resampler, KNeighborsRegressor(1))
    X_new, y_new = fitted.fit_resample(X, y)
    assert fitted.accepted_
    assert fitted.best_score_ > fitted.baseline_score_ + 0.01
    assert fitted.chosen_.startswith("Mix ")
    assert len(X_new) == len(y_new) > 100
    assert_array_equal(X_new[:60], X)
    assert_array_equal(y_new[:60], y)
    shares, parents = fitted.mix_weights_[..., None], fitted.parent_indices_
    assert_allclose(X_new[60:], (shares * X[parents]).sum(axis=1))
    assert_allclose(y_new[60:], X_new[60:] @ [1.0, 2.0], atol=0.3)


@every_one
def test_hands_the_data_back_where_nothing_is_gained(resampler):
    X, y, *_ = problem()
    fitted = asking(resampler, INDIFFERENT)
    X_new, y_new = fitted.fit_resample(X, y)
    assert not fitted.accepted_
    assert fitted.best_score_ == fitted.baseline_score_
    assert fitted.chosen_.startswith("No mixing. At best: mix")
    assert_array_equal(X_new, X)
    assert_array_equal(y_new, y)
    assert fitted.parent_indices_.shape == fitted.mix_weights_.shape == (0, 2)
    X_new, _ = asking(resampler, INDIFFERENT, guard=False).fit_resample(X, y)
    assert len(X_new) > 45


@every_one
@pytest.mark.parametrize("n_targets", [1, 2])
def test_baseline_is_cross_validation_of_the_untouched_data(resampler, n_targets):
    X, y, *_ = problem(n_targets=n_targets)
    fitted = asking(resampler, Ridge())
    _, y_new = fitted.fit_resample(X, y)
    expected = r2_score(y, cross_val_predict(Ridge(), X, y, cv=CV))
    assert fitted.baseline_score_ == pytest.approx(expected)
    assert y_new.shape[1:] == y.shape[1:]


@every_one
def test_held_out_rows_have_no_part_in_what_is_trained_on(resampler):
    # Row i is the i-th unit vector: a mix shows its parents.
    X = np.eye(24)
    y = np.random.RandomState(0).normal(size=24)
    Recorder.fits.clear()
    asking(resampler, Recorder()).fit(X, y)
    splits = list(CV.split(X))
    assert len(Recorder.fits) >= 2 * len(splits)
    for fit, (X_fit, y_fit) in enumerate(Recorder.fits):
        train, test = splits[fit % len(splits)]
        assert_array_equal(X_fit[: len(train)], X[train])
        assert_array_equal(y_fit[: len(train)], y[train])
        assert_array_equal(X_fit[:, test], 0.0)
        assert (len(X_fit) > len(train)) == (fit >= len(splits))


@every_one
def test_groups_stay_together(resampler):
    X, groups = np.eye(24), np.arange(24) % 6
    y = np.random.RandomState(0).normal(size=24)
    Recorder.fits.clear()
    asking(resampler, Recorder(), cv=3).fit(X, y, groups=groups)
    for X_fit, _ in Recorder.fits:
        seen = X_fit.any(axis=0)
        assert len(set(zip(groups, seen, strict=True))) == 6
        assert 0 < seen.sum() < 24


@every_mixup
def test_held_out_rows_take_the_place_of_folds(resampler):
    X, y, X_val, y_val = problem()
    Recorder.fits.clear()
    fitted = asking(resampler, Recorder())
    fitted.fit(X, y, X_val=X_val, y_val=y_val)
    # One fit for the untouched data and each candidate, on all training rows.
    assert len(Recorder.fits) == fitted.history_["phase"].count("candidates")
    for X_fit, y_fit in Recorder.fits:
        assert_array_equal(X_fit[:45], X)
        assert_array_equal(y_fit[:45], y)
    scores = [Ridge().fit(*fit).score(X_val, y_val) for fit in Recorder.fits]
    assert fitted.baseline_score_ == pytest.approx(scores[0])
    assert_allclose(fitted.history_["objective"][-len(scores) :], 1 - np.array(scores))
    # What is scored is not better than the best of them.
    assert fitted.best_score_ <= max(scores[1:]) + 1e-12


@every_one
def test_draws_again_without_training(resampler):
    X, y, *_ = problem()
    fitted = asking(resampler, Recorder(), guard=False)
    first = fitted.fit_resample(X, y)[0]
    n_fits = len(Recorder.fits)
    one, again, other = (fitted.resample(random_state=s)[0] for s in (1, 1, 2))
    assert_array_equal(one, again)
    assert not np.array_equal(one, other)
    assert_array_equal(fitted.resample()[0], first)
    assert_array_equal(other[:45], X)
    assert len(Recorder.fits) == n_fits


@every_one
def test_same_seed_same_rows_whatever_n_jobs(resampler, random_state_untouched):
    X, y, *_ = problem()
    one, two, other = (
        asking(resampler, TREE, guard=False, cv=2, **changes)
        for changes in ({}, {"n_jobs": 2}, {"random_state": 1})
    )
    drawn = one.fit_resample(X, y)
    for array, array_two in zip(drawn, two.fit_resample(X, y), strict=True):
        assert_array_equal(array, array_two)
    assert one.history_ == two.history_
    assert not np.array_equal(drawn[0], other.fit_resample(X, y)[0])


@every_one
def test_an_estimator_without_a_seed_gets_one(resampler):
    X, y, *_ = problem()
    Seen.seeds.clear()
    one, again = (
        asking(resampler, make_pipeline(Seen())).fit(X, y).history_["objective"]
        for _ in range(2)
    )
    assert one == again
    assert len(set(Seen.seeds)) == 1
    own = asking(resampler, Seen(random_state=7)).fit(X, y)
    assert Seen.seeds[-1] == 7
    assert own.estimator.random_state == 7


@every_one
def test_pickle_draws_the_same(resampler):
    X, y, *_ = problem()
    fitted = asking(resampler, TREE, guard=False).fit(X, y)
    again = pickle.loads(pickle.dumps(fitted))
    for seed in (None, 1):
        drawn, drawn_again = (f.resample(random_state=seed) for f in (fitted, again))
        assert_array_equal(drawn[0], drawn_again[0])
        assert_array_equal(drawn[1], drawn_again[1])


@every_one
def test_what_is_not_drawn_from_is_not_kept(resampler):
    X, y, *_ = problem(n=300)
    rejected = asking(resampler, INDIFFERENT).fit(X, y)
    mixing = asking(resampler, INDIFFERENT, guard=False).fit(X, y)
    # The rows as they came and as numbers, options, and a few thousand bytes.
    size = len(pickle.dumps(rejected))
    assert size < 3 * (X.nbytes + y.nbytes) + 5000
    assert size < len(pickle.dumps(mixing))


def test_held_out_rows_are_not_kept():
    X, y, X_val, y_val = problem()
    fitted = asking(MIXUPS[0], Ridge()).fit(X, y, X_val=X_val, y_val=y_val)
    assert fitted._data.X_val is None
    assert "Z_val" not in vars(fitted._data)


@every_one
def test_whole_numbers_and_categories(resampler):
    rng = np.random.RandomState(0)
    X = pd.DataFrame(
        {
            "size": rng.normal(size=40).astype("float32"),
            "rooms": rng.randint(1, 9, size=40),
            "town": pd.Categorical(rng.choice(["a", "b", "c"], size=40)),
        }
    )
    y = pd.Series(X["size"] + X["rooms"], name="price")
    # Frames reach the estimator as frames.
    encoder = make_column_transformer(
        (OneHotEncoder(), ["town"]), remainder="passthrough"
    )
    fitted = asking(resampler, make_pipeline(encoder, Ridge()), guard=False)
    X_new, y_new = fitted.fit_resample(X, y)
    assert len(X_new) > 40
    assert y_new.name == "price"
    assert_array_equal(X_new.dtypes, X.dtypes)
    pd.testing.assert_frame_equal(X_new.iloc[:40], X)
    mixes, (first, second) = X_new.iloc[40:], fitted.parent_indices_.T
    rooms = np.sort([X["rooms"].to_numpy()[p] for p in (first, second)], axis=0)
    assert (rooms[0] <= mixes["rooms"]).all()
    assert (mixes["rooms"] <= rooms[1]).all()
    heavier = np.where(fitted.mix_weights_[:, 0] >= 0.5, first, second)
    assert_array_equal(mixes["town"], X["town"].to_numpy()[heavier])


@every_one
def test_in_a_grid_search_with_no_resampling(resampler):
    X, y, *_ = problem()
    grid = {
        "resampler": [None, clone(resampler).set_params(random_state=0)],
        "estimator__min_samples_leaf": [1, 3],
    }
    search = GridSearchCV(ResampledRegressor(TREE), grid, cv=2).fit(X, y)
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    model = clone(search.estimator).set_params(
        resampler=grid["resampler"][1], estimator__min_samples_leaf=3
    )
    model.fit(X, y)
    assert model.resampler_.estimator.min_samples_leaf == 3
    assert model.n_rows_added_ == len(model.resampler_.parent_indices_)
    assert "DecisionTreeRegressor" in model.resampler_.chosen_


@every_one
def test_without_an_estimator_it_warns_and_asks_a_kernel_model(resampler):
    X, y, *_ = problem()
    fitted = asking(resampler, None)
    with pytest.warns(JudgementWarning, match="no estimator to ask.*Pass estimator="):
        fitted.fit(X, y)
    assert "KernelRegressor" in fitted.chosen_
    assert fitted.baseline_score_ > 0.5


@every_one
def test_too_few_rows_to_judge(resampler):
    X, y, *_ = problem(n=8)
    fitted = asking(resampler, Ridge())
    with pytest.warns(JudgementWarning, match="8 rows in 3 folds are too few to judge"):
        X_new, _ = fitted.fit_resample(X, y)
    assert not fitted.accepted_
    assert len(X_new) == 8
    assert np.isnan([fitted.best_score_, fitted.baseline_score_]).all()


def test_ten_rows_are_enough_to_judge():
    X, y, *_ = problem(n=10)
    assert np.isfinite(asking(MIXUPS[0], Ridge()).fit(X, y).best_score_)


@every_one
def test_a_single_group_cannot_be_judged(resampler):
    X, y, *_ = problem(n=20)
    with pytest.warns(JudgementWarning, match="20 rows in 0 folds"):
        asking(resampler, Ridge(), cv=3).fit(X, y, groups=np.zeros(20))


@every_one
def test_a_fold_of_one_training_row_cannot_be_judged(resampler):
    X, y, *_ = problem(n=20)
    fitted = asking(resampler, Ridge(), cv=2)
    with pytest.warns(JudgementWarning, match="20 rows in 2 folds are too few"):
        fitted.fit(X, y, groups=np.arange(20) > 0)
    assert not fitted.accepted_


class Stopped(Ridge):
    """Is interrupted in its training, as by Ctrl-C."""

    def fit(self, X, y):
        raise KeyboardInterrupt


@every_one
def test_a_stop_while_the_untouched_data_are_scored_leaves_them(resampler):
    X, y, *_ = problem()
    fitted = asking(resampler, Stopped())
    with (
        pytest.warns(ConvergenceWarning, match="'candidates', after 0 iterations"),
        pytest.warns(JudgementWarning, match="before the stop are too few"),
    ):
        X_new, _ = fitted.fit_resample(X, y)
    assert_array_equal(X_new, X)


@every_one
def test_a_stop_before_the_first_candidate_leaves_the_data(resampler):
    X, y, *_ = problem()
    fitted = asking(resampler, Ridge())
    fitted.set_callbacks(interrupting(1, "candidates"))
    with (
        pytest.warns(ConvergenceWarning, match="'candidates', after 1 iterations"),
        pytest.warns(JudgementWarning, match="before the stop are too few"),
    ):
        X_new, _ = fitted.fit_resample(X, y)
    assert_array_equal(X_new, X)
    assert fitted.history_["phase"].count("candidates") == 1


@every_one
def test_time_that_is_up_ends_every_phase_after_one_iteration(resampler):
    X, y, *_ = problem()
    fitted = asking(resampler, Ridge(), max_time=1e-9)
    with pytest.warns(JudgementWarning, match="before the stop are too few"):
        fitted.fit(X, y)
    expected = {"ranges": 1} if isinstance(resampler, AdaMixupResampler) else {}
    assert counts(fitted.history_["phase"]) == {**expected, "candidates": 1}


@every_one
@pytest.mark.parametrize("after", [1, 2])
def test_resumed_after_a_stop_it_ends_as_if_there_had_been_none(
    resampler, after, tmp_path
):
    X, y = plane()
    nearest = KNeighborsRegressor(1)
    whole = asking(resampler, nearest)
    drawn = whole.fit_resample(X, y)
    assert whole.accepted_
    checkpoint = Checkpoint(tmp_path / "fit.npz", every=1)
    stopped = asking(resampler, nearest)
    stopped.set_callbacks(checkpoint, interrupting(after, "candidates"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", JudgementWarning)
        stopped.fit(X, y)
    assert stopped.history_["phase"].count("candidates") == after
    resumed = asking(resampler, nearest).set_callbacks(checkpoint)
    for array, array_resumed in zip(drawn, resumed.fit_resample(X, y), strict=True):
        assert_array_equal(array, array_resumed)
    assert resumed.history_ == whole.history_
    assert resumed.chosen_ == whole.chosen_


@every_one
def test_history_is_a_table(resampler):
    X, y, *_ = problem()
    fitted = asking(resampler, Ridge()).fit(X, y)
    table = pd.DataFrame(fitted.history_)
    assert table["objective"].notna().all()
    last = table[table["phase"] == "candidates"]
    assert last["iteration"].tolist() == list(range(len(last)))
    assert 1 - last["objective"].iloc[0] == pytest.approx(fitted.baseline_score_)


@every_one
def test_each_row_must_be_held_out(resampler):
    X, y, *_ = problem(n=20)
    with pytest.raises(ValueError, match="must hold out each row exactly once"):
        asking(resampler, Ridge(), cv=ShuffleSplit(3)).fit(X, y)


class Stopping(Ridge):
    """Takes held-out rows to stop by, and remembers them."""

    records = []

    def __init__(self, early_stopping=True):
        super().__init__()
        self.early_stopping = early_stopping

    def fit(self, X, y, X_val=None, y_val=None):
        self.records.append([X_val, y_val, None])
        self.own = self.records[-1]
        return super().fit(X, y)

    def predict(self, X):
        self.own[2] = X
        return super().predict(X)


@pytest.mark.parametrize(("max_samples", "n_fits"), [(None, 6), (30, 10)])
def test_an_estimator_that_stops_by_held_out_rows_is_scored_on_others(
    max_samples, n_fits
):
    X, y, X_val, y_val = problem()
    Stopping.records.clear()
    resampler = KNNMixupResampler(
        Stopping(), candidates=(2, 3), max_samples=max_samples, random_state=0
    )
    resampler.fit(X, y, X_val=X_val, y_val=y_val)
    # The untouched data and two candidates, on either half; of some rows and then of
    # all, the untouched and the winner.
    assert len(Stopping.records) == n_fits
    for stop, labels, asked in Stopping.records:
        assert len(stop) == len(labels) == len(asked) == 20
        rows = np.vstack([stop, asked])
        assert_array_equal(np.sort(rows, axis=0), np.sort(X_val, axis=0))


def test_auto_is_left_to_the_estimator():
    X, y, X_val, y_val = problem()
    Stopping.records.clear()
    KNNMixupResampler(Stopping("auto"), candidates=(2,), random_state=0).fit(
        X, y, X_val=X_val, y_val=y_val
    )
    assert [record[0] for record in Stopping.records] == [None, None]
