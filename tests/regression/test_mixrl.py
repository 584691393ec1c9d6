import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.dummy import DummyRegressor
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.exceptions import ConvergenceWarning, NotFittedError
from sklearn.linear_model import Ridge
from sklearn.metrics import r2_score
from sklearn.model_selection import (
    GridSearchCV,
    KFold,
    ShuffleSplit,
    cross_val_predict,
)
from sklearn.neighbors import KNeighborsRegressor, NearestNeighbors
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor

from skmix import ResampledRegressor
from skmix.callbacks import Checkpoint
from skmix.exceptions import JudgementWarning
from skmix.regression import MixRLResampler
from tests.regression.helpers import interrupting

SMALL = {"hidden_layer_sizes": (16, 16), "max_iter": 15, "random_state": 0}
TREE = DecisionTreeRegressor(min_samples_leaf=3, random_state=0)


def problem(n=60, v=120, seed=0, n_targets=1):
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n + v, 3))
    y = np.column_stack(
        [np.sin(X[:, 0]) + 0.3 * X[:, 1], X[:, 1] ** 2 - X[:, 2]][:n_targets]
    )
    y += 0.1 * rng.normal(size=y.shape)
    y = y[:, 0] if n_targets == 1 else y
    return X[:n], y[:n], X[n:], y[n:]


# Without held-out rows: the estimator is asked.


def test_accepts_where_mixing_helps(curve):
    X, y = curve
    resampler = MixRLResampler(TREE, random_state=0)
    X_new, y_new = resampler.fit_resample(X, y)
    assert resampler.accepted_
    assert resampler.best_score_ > resampler.baseline_score_
    assert len(X_new) == len(y_new) > 2 * len(X)
    assert_array_equal(X_new[: len(X)], X)
    assert resampler.chosen_.startswith("Mix each row with some of its 59 nearest")
    # 64, but there are no more others.
    assert_array_equal(resampler.options_, np.full((60, 2), 59))
    assert resampler.history_["n_neighbors"] == [0, 59]
    assert resampler.n_iter_ == 2
    parents = np.sort(resampler.parent_indices_, axis=1)
    assert len(np.unique(parents, axis=0)) == len(parents)


def test_hands_the_data_back_where_mixing_cannot_help(curve):
    # The mean of all labels does not care much for what lies between them.
    X, y = curve
    resampler = MixRLResampler(DummyRegressor(), random_state=0)
    X_new, y_new = resampler.fit_resample(X, y)
    assert not resampler.accepted_
    assert_array_equal(X_new, X)
    assert_array_equal(y_new, y)
    assert resampler.parent_indices_.shape == resampler.mix_weights_.shape == (0, 2)
    assert resampler.chosen_.startswith("No mixing.")


def test_guard_off_mixes_all_the_same(curve):
    X, y = curve
    resampler = MixRLResampler(DummyRegressor(), guard=False, random_state=0)
    assert len(resampler.fit_resample(X, y)[0]) > len(X)


def test_better_on_new_rows_where_accepted():
    """The verdict holds on rows that nobody saw."""
    rng = np.random.RandomState(1)
    X = rng.uniform(-2, 2, size=(3060, 2))
    y = np.sin(2 * X[:, 0]) + X[:, 1] ** 2
    model = ResampledRegressor(TREE, resampler=MixRLResampler(random_state=0))
    mixed = model.fit(X[:60], y[:60])
    assert mixed.resampler_.accepted_
    plain = clone(TREE).fit(X[:60], y[:60])
    assert mixed.score(X[60:], y[60:]) > plain.score(X[60:], y[60:]) + 0.05


def test_score_is_out_of_fold_r2():
    X, y, *_ = problem()
    resampler = MixRLResampler(Ridge(), random_state=0).fit(X, y)
    errors = resampler.history_["objective"]
    assert resampler.baseline_score_ == pytest.approx(1 - errors[0])
    # The score with mixing does not profit from the choice among candidates.
    assert resampler.best_score_ <= 1 - min(errors[1:]) + 1e-12
    one = MixRLResampler(Ridge(), candidate_neighbors=(4,), random_state=0).fit(X, y)
    assert one.best_score_ == pytest.approx(1 - one.history_["objective"][1])


def test_without_an_estimator_it_warns_and_asks_a_kernel_model(curve):
    X, y = curve
    resampler = MixRLResampler(random_state=0)
    with pytest.warns(JudgementWarning, match="no estimator to ask.*Pass estimator="):
        resampler.fit(X, y)
    assert "KernelRegressor" in resampler.chosen_


def test_too_few_rows_to_judge():
    resampler = MixRLResampler(Ridge(), random_state=0)
    with pytest.warns(JudgementWarning, match="8 rows .* too few to judge"):
        X_new, _ = resampler.fit_resample(np.arange(8.0)[:, None], np.arange(8))
    assert len(X_new) == 8
    assert not resampler.accepted_


@pytest.mark.parametrize("n_groups", [1, 6])
def test_group_aware_folds(n_groups):
    X, y, *_ = problem(n=60)
    groups = np.arange(60) % n_groups
    # The nearest row of another group says nothing: groups are far apart.
    X = X + 100 * groups[:, None]
    y = y + 10 * groups
    resampler = MixRLResampler(KNeighborsRegressor(1), cv=3, random_state=0)
    if n_groups == 1:
        with pytest.warns(JudgementWarning, match="60 rows in 0 folds"):
            resampler.fit(X, y, groups=groups)
        return
    resampler.fit(X, y, groups=groups)
    # Each held-out group is predicted from another, at least 10 off.
    assert resampler.baseline_score_ < 0.75
    assert (
        MixRLResampler(KNeighborsRegressor(1), cv=3, random_state=0)
        .fit(X, y)
        .baseline_score_
        > 0.95
    )


# With held-out rows: the value network learns.


def test_policy_learns_what_the_held_out_rows_need():
    """Rows of one half have labels turned round; held-out rows know the truth.

    Mixing with a turned row is wrong, so that the policy must mix the others more.
    """
    rng = np.random.RandomState(0)
    X = rng.uniform(-1, 1, size=(400, 1))
    y = 3 * X[:, 0]
    turned = np.arange(100) < 40
    y[:100][turned] *= -1
    resampler = MixRLResampler(
        guard=False, distances=("data",), threshold=0.5, random_state=0
    )
    resampler.fit(X[:100], y[:100], X_val=X[100:], y_val=y[100:])
    mixed = resampler.options_[:, 0] > 0
    far = np.abs(X[:100, 0]) > 0.3
    assert mixed[far & ~turned].mean() > mixed[far & turned].mean() + 0.3
    objective = resampler.history_["objective"]
    assert np.mean(objective[-10:]) < np.mean(objective[:10])


@pytest.mark.parametrize("estimator", [None, Ridge()])
@pytest.mark.parametrize("n_targets", [1, 2])
def test_fitted_attributes_with_held_out_rows(estimator, n_targets):
    X, y, X_val, y_val = problem(n_targets=n_targets, v=240)
    resampler = MixRLResampler(estimator, guard=False, **SMALL)
    X_new, y_new = resampler.fit_resample(X, y, X_val=X_val, y_val=y_val)
    assert resampler.options_.shape == (60, 2)
    assert set(np.unique(resampler.options_)) <= set(range(17))
    assert y_new.shape[1:] == y.shape[1:]
    assert resampler.device_ == "cpu"
    assert resampler.n_iter_ == 15
    assert resampler.history_["phase"] == ["all"] * 15
    assert np.isnan(resampler.best_score_)
    assert "not judged" in resampler.chosen_
    # New rows are the mixes that the options name, each pair once.
    expected = set()
    assert resampler.accepted_ == resampler.options_.any()
    # Where nothing is mixed, the tables of neighbours are not kept.
    assert resampler.accepted_ == (resampler._recipe is not None)
    tables = resampler._recipe.neighbors if resampler.accepted_ else []
    for kind, table in enumerate(tables):
        for row, count in enumerate(resampler.options_[:, kind]):
            expected |= {tuple(sorted((row, j))) for j in table[row, :count].tolist()}
    pairs = np.sort(resampler.parent_indices_, axis=1)
    assert sorted(map(tuple, pairs.tolist())) == sorted(expected)
    assert_allclose(X_new[60:], X[pairs].mean(axis=1))
    assert_allclose(y_new[60:], y[pairs].mean(axis=1))


def test_guard_judges_each_half_by_the_other():
    X, y, X_val, y_val = problem()
    resampler = MixRLResampler(Ridge(), **SMALL).fit(X, y, X_val=X_val, y_val=y_val)
    phases = resampler.history_["phase"]
    assert list(dict.fromkeys(phases)) == ["half 1", "half 2", "all"]
    plain = Ridge().fit(X, y)
    # Baseline: the untouched rows, on all held-out rows.
    assert resampler.baseline_score_ == pytest.approx(plain.score(X_val, y_val))
    # A linear model has nothing to gain here; its verdict says so in numbers.
    assert "Held-out R2 of Ridge" in resampler.chosen_


def test_guard_accepts_under_a_strong_shift():
    """Training rows are rare where the held-out rows are: mixing fills the gap."""
    rng = np.random.RandomState(0)
    X = np.concatenate([rng.uniform(-1, -0.6, 80), rng.uniform(0.9, 1, 6)])[:, None]
    X_val = rng.uniform(-1, 1, size=(300, 1))
    estimator = KNeighborsRegressor(3)
    resampler = MixRLResampler(estimator, random_state=0)
    X_new, _ = resampler.fit_resample(
        X, 2 * X[:, 0], X_val=X_val, y_val=2 * X_val[:, 0]
    )
    assert resampler.accepted_
    assert resampler.best_score_ > resampler.baseline_score_ + 0.05
    assert len(X_new) > len(X)


@pytest.mark.parametrize("kind", ["data", "label"])
def test_ablation_by_one_distance(kind):
    X, y, X_val, y_val = problem()
    resampler = MixRLResampler(guard=False, threshold=0.0, distances=[kind], **SMALL)
    resampler.fit(X, y, X_val=X_val, y_val=y_val)
    assert resampler.options_.shape == (60, 1)
    resampler.resample()
    (table,) = resampler._recipe.neighbors
    search = NearestNeighbors(n_neighbors=16)
    Z = StandardScaler().fit_transform(X) if kind == "data" else y[:, None]
    expected = search.fit(Z).kneighbors(return_distance=False)
    assert_array_equal(np.sort(table), np.sort(expected))
    for first, second in resampler.parent_indices_:
        assert second in table[first] or first in table[second]


def test_ablation_without_distances():
    """Each row is mixed with all others or with none."""
    X, y, X_val, y_val = problem(n=20)
    resampler = MixRLResampler(guard=False, threshold=0.0, distances=(), **SMALL)
    resampler.fit(X, y, X_val=X_val, y_val=y_val)
    assert_array_equal(resampler.options_, np.full((20, 1), 19))
    resampler.resample()
    pairs = {tuple(pair) for pair in np.sort(resampler.parent_indices_, axis=1)}
    assert len(pairs) == len(resampler.parent_indices_) == 190
    assert resampler.chosen_.startswith("Mix 20 with any rows of 20 rows")


def test_candidates_by_the_distances_asked_for(curve):
    X, y = curve
    mixed = {}
    for distances in (("data",), ("label",), ()):
        resampler = MixRLResampler(
            TREE, distances=distances, candidate_neighbors=(2,), guard=False
        )
        resampler.set_params(random_state=0).fit_resample(X, y)
        first, second = resampler.parent_indices_.T
        mixed[distances] = np.abs(y[first] - y[second]).mean()
        assert resampler.options_.shape == (len(X), 1)
    assert mixed[("label",)] < 0.2 * mixed[("data",)] < 0.2 * mixed[()]


def test_threshold_by_hand():
    X, y, X_val, y_val = problem()
    everything = MixRLResampler(guard=False, threshold=0.0, **SMALL)
    assert everything.fit(X, y, X_val=X_val, y_val=y_val).options_.all()
    nothing = MixRLResampler(guard=False, threshold=1.0, **SMALL)
    assert len(nothing.fit_resample(X, y, X_val=X_val, y_val=y_val)[0]) == len(X)
    assert not nothing.accepted_


def test_few_held_out_rows_are_not_tuned_on():
    X, y, X_val, y_val = problem(v=40)
    with pytest.warns(JudgementWarning, match="X_val has 40 rows"):
        resampler = MixRLResampler(guard=False, **SMALL).fit(
            X, y, X_val=X_val, y_val=y_val
        )
    assert (resampler.options_ > 0).mean() == pytest.approx(0.75, abs=0.01)


def test_a_target_that_is_constant_where_it_is_trained_on():
    X, y, X_val, y_val = problem(n_targets=2)
    y[:, 1], y_val[:, 1] = 0.1, 0.2
    resampler = MixRLResampler(guard=False, threshold=0.5, **SMALL)
    resampler.fit(X, y, X_val=X_val, y_val=y_val)
    # Its errors are in its own units, not in those of what is left by rounding.
    assert max(resampler.history_["objective"]) < 10


def test_more_neighbours_than_rows():
    X, y, X_val, y_val = problem(n=6)
    resampler = MixRLResampler(guard=False, threshold=0.0, **SMALL)
    resampler.fit(X, y, X_val=X_val, y_val=y_val)
    assert resampler.options_.max() <= 5
    assert len(resampler.resample()[0]) <= 6 + 15


# Common ground.


def test_integer_and_categorical_columns_and_polars():
    rng = np.random.RandomState(0)
    frame = pd.DataFrame(
        {
            "size": rng.normal(size=80).astype("float32"),
            "rooms": rng.randint(1, 9, size=80),
            "town": pd.Categorical(rng.choice(["a", "b", "c"], size=80)),
            "garden": rng.choice([True, False], size=80),
        }
    )
    y = pd.Series(frame["size"] * 2 + frame["rooms"], name="price")
    resampler = MixRLResampler(guard=False, random_state=0)
    with pytest.warns(JudgementWarning):
        X_new, y_new = resampler.fit_resample(frame, y)
    assert len(X_new) > 80
    assert_array_equal(X_new.dtypes, frame.dtypes)
    pd.testing.assert_frame_equal(X_new.iloc[:80], frame)
    assert set(X_new["town"]) <= {"a", "b", "c"}
    assert X_new["rooms"].between(1, 8).all()
    with pytest.warns(JudgementWarning):
        X_pl, y_pl = clone(resampler).fit_resample(
            pl.from_pandas(frame), pl.from_pandas(y)
        )
    assert X_pl.schema == pl.from_pandas(frame).schema
    assert y_pl.name == "price"
    assert_allclose(X_pl["rooms"].to_numpy(), X_new["rooms"].to_numpy())
    assert_allclose(y_pl.to_numpy(), y_new.to_numpy())


@pytest.mark.parametrize("held_out", [False, True])
def test_same_seed_same_rows_whatever_n_jobs(held_out, random_state_untouched, curve):
    X, y = curve
    extra = {"X_val": X[:50] + 0.1, "y_val": y[:50]} if held_out else {}
    settings = {**SMALL, "guard": False}
    results = []
    for n_jobs in (1, 2, 1):
        resampler = MixRLResampler(TREE, threshold=0.2, n_jobs=n_jobs, **settings)
        results.append(resampler.fit_resample(X, y, **extra))
    for X_new, y_new in results[1:]:
        assert_array_equal(X_new, results[0][0])
        assert_array_equal(y_new, results[0][1])
    assert len(results[0][0]) > len(X)


@pytest.mark.parametrize("held_out", [False, True])
def test_pickle_keeps_the_policy(held_out):
    X, y, X_val, y_val = problem()
    extra = {"X_val": X_val, "y_val": y_val} if held_out else {}
    resampler = MixRLResampler(TREE, guard=False, **SMALL).fit(X, y, **extra)
    again = pickle.loads(pickle.dumps(resampler))
    for one, other in zip(resampler.resample(), again.resample(), strict=True):
        assert_array_equal(one, other)


def test_grid_search_over_nested_parameters_and_none(curve):
    X, y = curve
    model = make_pipeline(StandardScaler(), ResampledRegressor(TREE))
    search = GridSearchCV(
        model,
        [
            {"resampledregressor__resampler": [None]},
            {
                "resampledregressor__resampler": [MixRLResampler(random_state=0)],
                "resampledregressor__resampler__candidate_neighbors": [(1,), (8,)],
                "resampledregressor__estimator__min_samples_leaf": [1, 3],
            },
        ],
        cv=3,
    ).fit(X, y)
    assert len(search.cv_results_["params"]) == 5
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    best = search.best_estimator_[-1].resampler_
    assert best is not None
    assert type(best.estimator) is DecisionTreeRegressor


def test_interrupt_keeps_the_policy_learned_so_far():
    X, y, X_val, y_val = problem()
    resampler = MixRLResampler(Ridge(), **{**SMALL, "max_iter": 30})
    resampler.set_callbacks(interrupting(12))
    with pytest.warns(ConvergenceWarning, match="'half 1', after 12 iterations"):
        resampler.fit(X, y, X_val=X_val, y_val=y_val)
    assert resampler.n_iter_ == 12
    assert resampler.history_["phase"] == ["half 1"] * 12
    assert resampler.options_.shape == (60, 2)
    # Judged on the half that it did not learn from.
    assert np.isfinite(resampler.best_score_)


@pytest.mark.parametrize("stop", [1, 2, 3, 4])
def test_interrupt_in_a_fit_that_judges(stop):
    class Interrupted(Ridge):
        fits = []

        def fit(self, X, y):
            self.fits.append(len(X))
            if len(self.fits) == stop:
                raise KeyboardInterrupt
            return super().fit(X, y)

    X, y, X_val, y_val = problem()
    resampler = MixRLResampler(Interrupted(), **SMALL)
    with pytest.warns(JudgementWarning, match="halves judged before the stop are too"):
        X_new, _ = resampler.fit_resample(X, y, X_val=X_val, y_val=y_val)
    assert_array_equal(X_new, X)
    assert_array_equal(resampler.options_, np.zeros((60, 2)))


def test_interrupt_keeps_the_candidates_scored_so_far(curve):
    X, y = curve
    resampler = MixRLResampler(TREE, candidate_neighbors=(2, 4), random_state=0)
    resampler.set_callbacks(interrupting(2))
    with pytest.warns(ConvergenceWarning, match="'candidates', after 2"):
        resampler.fit(X, y)
    assert resampler.history_["n_neighbors"] == [0, 2]
    assert_array_equal(resampler.options_, np.full((60, 2), 2))
    hasty = MixRLResampler(TREE, random_state=0).set_callbacks(interrupting(1))
    with (
        pytest.warns(ConvergenceWarning, match="after 1 iterations"),
        pytest.warns(JudgementWarning, match="before the stop"),
    ):
        hasty.fit(X, y)
    assert not hasty.accepted_


def test_max_time_stops_in_every_phase():
    X, y, X_val, y_val = problem()
    settings = {**SMALL, "max_iter": 10_000}
    resampler = MixRLResampler(Ridge(), max_time=0.6, **settings)
    resampler.fit(X, y, X_val=X_val, y_val=y_val)
    phases = resampler.history_["phase"]
    assert set(phases) == {"half 1", "half 2", "all"}
    assert len(phases) < 5_000


@pytest.mark.parametrize("held_out", [False, True])
@pytest.mark.parametrize("after", [1, 3, 4])
def test_checkpoint_and_resume_equal_an_uninterrupted_fit(tmp_path, held_out, after):
    X, y, X_val, y_val = problem()
    extra = {"X_val": X_val, "y_val": y_val} if held_out else {}
    resampler = MixRLResampler(TREE, candidate_neighbors=(2, 4, 16), **SMALL)
    whole = clone(resampler).fit(X, y, **extra)
    checkpoint = Checkpoint(tmp_path / "fit.npz", every=2)
    stopped = clone(resampler).set_callbacks(checkpoint, interrupting(after))
    with warnings.catch_warnings():
        # A stop before the second candidate leaves nothing to judge.
        warnings.simplefilter("ignore", ConvergenceWarning)
        warnings.simplefilter("ignore", JudgementWarning)
        stopped.fit(X, y, **extra)
    assert len(stopped.history_["phase"]) == after
    resumed = clone(resampler).set_callbacks(checkpoint).fit(X, y, **extra)
    assert resumed.history_ == whole.history_
    assert resumed.chosen_ == whole.chosen_
    assert_array_equal(resumed.options_, whole.options_)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"device": "tpu"}, "device must be 'auto', 'cpu'"),
        ({"device": "cpu:0"}, "device must be"),
        ({"data_neighbors": (0, 1)}, "data_neighbors must hold numbers of at least 1"),
        ({"label_neighbors": (1.5,)}, "label_neighbors must be a list of whole"),
        ({"data_neighbors": ()}, "data_neighbors is empty"),
        ({"distances": ["data", "time"]}, r"distances must be among .* \['time'\]"),
        ({"mix_ratio": "gamma"}, "The 'mix_ratio' parameter"),
        ({"threshold": 1.5}, "The 'threshold' parameter"),
        ({"method": "magic"}, "The 'method' parameter"),
        ({"mix_ratio": 0}, "The 'mix_ratio' parameter"),
        ({"cv": 1}, "The 'cv' parameter"),
        ({"cv": ShuffleSplit(3)}, "must hold out each row exactly once"),
        ({"candidate_neighbors": ()}, "candidate_neighbors is empty"),
        ({"hidden_layer_sizes": (2.5,)}, "hidden_layer_sizes must hold whole"),
        ({"hidden_layer_sizes": 0}, "hidden_layer_sizes must hold whole"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        MixRLResampler(Ridge(), **parameters).fit(np.zeros((20, 1)), np.zeros(20))


def test_integer_labels_and_constant_columns():
    X, y, X_val, y_val = problem()
    X, X_val = (np.column_stack([a, np.ones(len(a))]) for a in (X, X_val))
    resampler = MixRLResampler(guard=False, threshold=0.2, **SMALL)
    X_new, y_new = resampler.fit_resample(
        X, (10 * y).astype(int), X_val=X_val, y_val=10 * y_val
    )
    assert y_new.dtype == np.float64
    assert (y_new % 1 == 0.5).any()
    assert_array_equal(X_new[:, 3], np.ones(len(X_new)))


def test_a_splitter_as_cv():
    X, y, *_ = problem()
    given = MixRLResampler(Ridge(), cv=KFold(3), random_state=0).fit(X, y)
    expected = cross_val_predict(Ridge(), X, y, cv=KFold(3))
    assert given.baseline_score_ == pytest.approx(r2_score(y, expected))


def test_a_failed_fit_leaves_nothing_to_draw_from():
    X, y, *_ = problem()
    resampler = MixRLResampler(Ridge(), random_state=0).fit(X, y)
    resampler.resample()
    with pytest.raises(ValueError, match="NaN"):
        resampler.fit(X * np.nan, y)
    with pytest.raises(NotFittedError):
        resampler.resample()
    assert not hasattr(resampler, "parent_indices_")


def test_what_was_judged_is_what_is_drawn(curve):
    X, y = curve
    resampler = MixRLResampler(TREE, random_state=0).fit(X, y)
    before, _ = resampler.resample()
    after, _ = resampler.set_params(mix_ratio=0.9, guard=False).resample()
    assert_array_equal(before, after)


def test_choosing_among_candidates_earns_no_credit():
    """On pure noise the score with mixing is not better than it is on new rows."""
    rng = np.random.RandomState(0)
    optimism = []
    for seed in range(30):
        X, y = rng.normal(size=(1060, 2)), rng.normal(size=1060)
        estimator = KNeighborsRegressor(5)
        fitted = MixRLResampler(estimator, guard=False, random_state=seed)
        X_new, y_new = fitted.fit_resample(X[:60], y[:60])
        truth = estimator.fit(X_new, y_new).score(X[60:], y[60:])
        plain = estimator.fit(X[:60], y[:60]).score(X[60:], y[60:])
        claimed = fitted.best_score_ - fitted.baseline_score_
        optimism.append(claimed - (truth - plain))
    standard_error = np.std(optimism) / len(optimism) ** 0.5
    assert np.mean(optimism) < 2.5 * standard_error


@pytest.mark.gpu
def test_gpu_chooses_as_the_cpu_does():
    X, y, X_val, y_val = problem(n=200, v=200)
    fitted = [
        MixRLResampler(guard=False, device=device, random_state=0).fit(
            X, y, X_val=X_val, y_val=y_val
        )
        for device in ("cpu", "cuda")
    ]
    assert fitted[1].device_.startswith("cuda")
    cpu, gpu = (np.array(f.history_["objective"]) for f in fitted)
    assert_allclose(gpu, cpu, rtol=2e-2)
    assert (fitted[0].options_ == fitted[1].options_).mean() > 0.9
    pickle.loads(pickle.dumps(fitted[1])).resample()


def test_boosting_as_in_the_docs(curve):
    X, y = curve
    estimator = HistGradientBoostingRegressor(max_iter=30, min_samples_leaf=5)
    fitted = MixRLResampler(estimator, random_state=0).fit(X, y)
    assert fitted.best_score_ > fitted.baseline_score_
