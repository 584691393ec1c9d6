"""MixRL with method="reinforce": the policy learns from the estimator's own losses."""

import copy
import warnings

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeRegressor, ExtraTreeRegressor

from skmix.callbacks import Checkpoint
from skmix.exceptions import JudgementWarning
from skmix.regression import AdaMixupResampler, MixRLResampler, NetworkRegressor
from tests.regression.helpers import Swallowing, interrupting, problem

TREE = DecisionTreeRegressor(min_samples_leaf=3, random_state=0)
METHODS = ["influence", "reinforce"]


def mixrl(estimator, **changes):
    settings = {
        "method": "reinforce",
        "data_neighbors": (1, 2, 4),
        "label_neighbors": (1, 2, 4),
        "hidden_layer_sizes": (16,),
        "threshold": 0.5,
        "max_iter": 4,
        "guard": False,
        "device": "cpu",
        "random_state": 0,
        **changes,
    }
    return MixRLResampler(estimator, **settings)


def network(**changes):
    settings = {"hidden_layer_sizes": (8,), "max_iter": 3, "device": "cpu", **changes}
    return NetworkRegressor(**settings)


def fit(resampler, n_targets=1, v=40):
    X, y, X_val, y_val = problem(n_targets=n_targets, v=v)
    return resampler.fit(X, y, X_val=X_val, y_val=y_val)


class RecordingNetwork(NetworkRegressor):
    """Remembers, in a list that all copies share, how it was fitted and asked."""

    records = []

    def fit(self, X, y, *, X_val=None, y_val=None):
        self.record = {
            "n_rows": len(X),
            "seed": self.random_state,
            "before": copy.deepcopy(getattr(self, "coefs_", None)),
            "X_val": X_val,
            "y_val": y_val,
        }
        super().fit(X, y, X_val=X_val, y_val=y_val)
        self.record["after"] = copy.deepcopy(self.coefs_)
        self.records.append(self.record)
        return self

    def predict(self, X):
        self.record["asked"] = X
        return super().predict(X)


class RecordingMLP(MLPRegressor):
    """The same for a network of scikit-learn."""

    records = RecordingNetwork.records

    def fit(self, X, y):
        before = copy.deepcopy(getattr(self, "coefs_", None))
        super().fit(X, y)
        after = copy.deepcopy(self.coefs_)
        self.records.append(
            {
                "n_rows": len(X),
                "seed": self.random_state,
                "before": before,
                "after": after,
            }
        )
        return self


@pytest.fixture
def records():
    RecordingNetwork.records.clear()
    return RecordingNetwork.records


@pytest.mark.parametrize("seed", range(2))
def test_policy_learns_what_the_held_out_rows_need(seed):
    """Labels of some rows are turned round, and others are to be mixed instead."""
    rng = np.random.RandomState(seed)
    X = rng.uniform(-1, 1, size=(120, 1))
    y = 3 * X[:, 0]
    turned = np.arange(60) < 24
    y[:60][turned] *= -1
    resampler = mixrl(
        KNeighborsRegressor(5),
        distances=("data",),
        hidden_layer_sizes=(32, 32),
        learning_rate=0.01,
        baseline="leave_one_out",
        n_rollouts=8,
        max_iter=100,
        random_state=seed,
    )
    resampler.fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:])
    mixed = resampler.options_[:, 0] > 0
    far = np.abs(X[:60, 0]) > 0.3
    assert mixed[far & ~turned].mean() > mixed[far & turned].mean() + 0.5
    objective = resampler.history_["objective"]
    assert np.mean(objective[-10:]) < 0.95 * np.mean(objective[:10])


def test_objective_is_the_held_out_loss_in_units_of_the_label_variance():
    """A model that says the mean has the same loss whatever is mixed."""
    X, y, X_val, y_val = problem(v=40)

    class Mean(KNeighborsRegressor):
        def predict(self, X):
            return np.full(len(X), y.mean())

    fitted = mixrl(Mean()).fit(X, y, X_val=X_val, y_val=y_val)
    loss = np.mean((y_val - y.mean()) ** 2) / y.var()
    assert_allclose(fitted.history_["objective"], loss)
    # The moving average begins at 0 and goes a twentieth of the way.
    expected = loss * (1 - 0.95 ** np.arange(1, 5))
    assert_allclose(fitted.history_["baseline"], expected)
    assert fitted.history_["phase"] == ["all"] * 4
    assert fitted.n_iter_ == 4


@pytest.mark.parametrize("n_targets", [1, 2])
def test_same_seed_same_rows_whatever_n_jobs(n_targets, random_state_untouched):
    X, y, X_val, y_val = problem(n_targets=n_targets)
    extra = {"X_val": X_val, "y_val": y_val}
    # Trees that draw, and have no seed of their own.
    trees = make_pipeline(StandardScaler(), ExtraTreeRegressor(min_samples_leaf=3))
    one, two, other = (
        mixrl(trees, n_rollouts=4, **changes)
        for changes in ({}, {"n_jobs": 2}, {"random_state": 1})
    )
    drawn = one.fit_resample(X, y, **extra)
    for array, array_two in zip(drawn, two.fit_resample(X, y, **extra), strict=True):
        assert_array_equal(array, array_two)
    assert one.history_ == two.history_
    assert one.history_["objective"] != other.fit(X, y, **extra).history_["objective"]
    assert drawn[1].shape[1:] == y.shape[1:]


@pytest.mark.parametrize("method", METHODS)
def test_the_judgement_repeats_with_an_estimator_without_a_seed(
    method, random_state_untouched
):
    scores = [
        fit(mixrl(network(max_iter=50), method=method, guard=True)).best_score_
        for _ in range(2)
    ]
    assert scores[0] == scores[1]


def test_both_arms_are_judged_from_one_seed():
    """Where nothing is mixed there is no difference, whatever the estimator draws."""
    resampler = fit(mixrl(ExtraTreeRegressor(), threshold=1.0, guard=True))
    assert not resampler.options_.any()
    assert resampler.best_score_ == resampler.baseline_score_
    assert not resampler.accepted_


def test_the_default_estimator_is_a_network(monkeypatch):
    made = []

    def tiny(**parameters):
        made.append(parameters)
        return network(**parameters)

    monkeypatch.setattr("skmix.regression._mixrl.NetworkRegressor", tiny)
    resampler = fit(mixrl(None, guard=True))  # no warning: a network is meant
    assert made == [{"device": "cpu"}]
    assert "Held-out R2 of NetworkRegressor" in resampler.chosen_


# How rollouts are trained.


def test_from_scratch_each_training_starts_anew(records):
    fit(mixrl(RecordingNetwork(8, max_iter=3), n_rollouts=3))
    assert len(records) == 4 * 3
    assert [record["before"] for record in records] == [None] * 12
    assert len({record["seed"] for record in records}) == 12
    # The rows of the batch, and chosen mixes.
    assert {record["n_rows"] > 45 for record in records} == {True}


def test_a_seed_of_the_estimator_is_kept(records):
    fit(mixrl(RecordingNetwork(8, max_iter=3, random_state=7), n_rollouts=3))
    assert {record["seed"] for record in records} == {7}


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
@pytest.mark.parametrize("Model", [RecordingNetwork, RecordingMLP])
def test_pretrained_each_training_starts_from_the_same_state(Model, records):
    estimator = Model(hidden_layer_sizes=(8,), max_iter=3)
    fit(mixrl(estimator, n_rollouts=3, pretrain=True))
    first, *rollouts = records
    assert first["before"] is None
    assert first["n_rows"] == 45
    assert len(rollouts) == 4 * 3
    for record in rollouts:
        for layer, expected in zip(record["before"], first["after"], strict=True):
            assert_array_equal(layer, expected)
        assert np.abs(record["after"][0] - first["after"][0]).max() > 0
    # The draws of each are its own.
    assert len({record["seed"] for record in records}) == 13
    assert not hasattr(estimator, "coefs_")
    assert not estimator.warm_start


def test_a_batch_of_rows_and_their_mixes(records):
    fit(mixrl(RecordingNetwork(8, max_iter=3), batch_size=10))
    # Ten rows, and at most four mixes of each.
    assert all(10 <= record["n_rows"] <= 50 for record in records)


@pytest.mark.parametrize("method", METHODS)
def test_networks_stop_by_the_rows_that_are_learned_from(method, records):
    X, y, X_val, y_val = problem(v=40)
    resampler = mixrl(RecordingNetwork(8, max_iter=3), method=method, guard=True)
    resampler.fit(X, y, X_val=X_val, y_val=y_val)
    number = {row.tobytes(): place for place, row in enumerate(X_val)}

    def places(rows):
        return [number[row.tobytes()] for row in rows]

    everything = frozenset(range(40))
    stops = []
    for record in records:
        rows = places(record["X_val"])
        assert_array_equal(record["y_val"], y_val[rows])
        own, asked = frozenset(rows), frozenset(places(record["asked"]))
        # A rollout is scored on the rows that it may know, a half by the other one.
        assert asked in (own, everything - own)
        stops.append((own, asked == own))
    judges = [own for own, learned in stops if not learned]
    assert len(judges) == 4
    assert judges[0] == judges[1]
    assert judges[2] == judges[3] == everything - judges[0]
    rollouts = [own for own, learned in stops if learned]
    expected = [judges[0]] * 4 + [judges[2]] * 4 + [everything] * 4
    assert rollouts == (expected if method == "reinforce" else [])


@pytest.mark.parametrize("method", METHODS)
def test_without_early_stopping_networks_get_no_held_out_rows(method, records):
    estimator = RecordingNetwork(8, max_iter=3, early_stopping=False)
    resampler = fit(mixrl(estimator, method=method, guard=True))
    assert np.isfinite(resampler.best_score_)
    assert {record["X_val"] is None for record in records} == {True}


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("kind", ["column", "frame", "list"])
def test_labels_in_any_container(method, kind):
    X, y, X_val, y_val = problem()
    turn = {
        "column": lambda labels: labels[:, None],
        "frame": lambda labels: pd.DataFrame({"label": labels}),
        "list": lambda labels: labels.tolist(),
    }[kind]
    resampler = mixrl(network(), method=method, guard=True, threshold=0.0)
    resampler.fit(X, turn(y), X_val=X_val, y_val=turn(y_val))
    assert np.isfinite(resampler.best_score_)
    assert type(resampler.resample()[1]) is type(turn(y))
    plain = mixrl(network(), method=method, guard=True, threshold=0.0)
    plain.fit(X, y, X_val=X_val, y_val=y_val)
    assert plain.best_score_ == pytest.approx(resampler.best_score_)


def test_categories_need_an_estimator_that_takes_them():
    X, y, X_val, y_val = problem()
    frames = [pd.DataFrame(rows, columns=["a", "b"]) for rows in (X, X_val)]
    frames = [frame.assign(town="x") for frame in frames]
    resampler = mixrl(None)
    with pytest.raises(ValueError, match="numbers only, and X has columns of categ"):
        resampler.fit(frames[0], y, X_val=frames[1], y_val=y_val)


# What the policy is used for does not depend on how it learned.


@pytest.mark.parametrize("n_targets", [1, 2])
def test_threshold_by_hand(n_targets):
    everything = fit(mixrl(TREE, threshold=0.0), n_targets)
    assert everything.threshold_ == 0.0
    assert set(np.unique(everything.options_)) <= {1, 2, 4}
    assert everything.options_.shape == (45, 2)
    nothing = fit(mixrl(TREE, threshold=1.0), n_targets)
    assert nothing.threshold_ == 1.0
    assert not nothing.options_.any()
    assert not nothing.accepted_
    assert len(nothing.resample()[0]) == 45


def test_few_held_out_rows_are_not_tuned_on():
    with pytest.warns(JudgementWarning, match="X_val has 40 rows"):
        resampler = fit(mixrl(TREE, threshold="auto"))
    assert (resampler.options_ > 0).mean() == pytest.approx(0.75, abs=0.01)


def test_threshold_is_tuned_by_the_estimator(records):
    resampler = fit(mixrl(RecordingNetwork(8, max_iter=3), threshold="auto"), v=100)
    # Five shares of the mixes on all rows, from one seed.
    *rollouts, none, few, half, most, full = records
    assert len(rollouts) == 4
    assert none["n_rows"] == 45 < few["n_rows"] <= half["n_rows"]
    assert half["n_rows"] <= most["n_rows"] <= full["n_rows"]
    assert len({record["seed"] for record in records[4:]}) == 1
    kept = (resampler.options_ > 0).mean()
    assert np.abs(kept - np.array([0.0, 0.35, 0.5, 0.75, 1.0])).min() < 0.01


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("mix_ratio", ["beta", AdaMixupResampler(max_iter=20)])
def test_shares_are_drawn_anew_for_ordered_pairs(method, mix_ratio):
    resampler = mixrl(TREE, method=method, mix_ratio=mix_ratio, threshold=0.0)
    fit(resampler)
    drawn = []
    for seed in (1, 2, 1):
        X_new, y_new = resampler.resample(random_state=seed)
        parents, shares = resampler.parent_indices_, resampler.mix_weights_
        drawn.append((parents, shares))
        X, y, *_ = problem()
        assert_allclose(X_new[45:], (shares[..., None] * X[parents]).sum(axis=1))
        assert_allclose(y_new[45:], (shares * y[parents]).sum(axis=1))
    (pairs, one), (pairs_two, two), (_, again) = drawn
    assert_array_equal(pairs, pairs_two)
    assert_array_equal(one, again)
    assert (one != two).all()
    ordered = {tuple(pair) for pair in pairs.tolist()}
    assert len(ordered) == len(pairs)
    # Some pairs are near from both sides, and then mixed in both orders.
    assert len({tuple(sorted(pair)) for pair in ordered}) < len(pairs)
    if mix_ratio != "beta":
        low, high = resampler._recipe.ratio.ranges(*pairs.T)
        for shares in (one, two):
            assert (low <= shares[:, 0]).all()
            assert (shares[:, 0] <= high).all()


@pytest.mark.parametrize("after", [(3, "half 1"), (1, "half 2"), (4, "all")])
def test_resumed_after_a_stop_it_ends_as_if_there_had_been_none(after, tmp_path):
    settings = {"guard": True, "n_rollouts": 2, "pretrain": True, "mix_ratio": "beta"}
    resampler = mixrl(network(), **settings)
    whole = fit(clone(resampler))
    checkpoint = Checkpoint(tmp_path / "fit.npz", every=2)
    stopped = clone(resampler).set_callbacks(checkpoint, interrupting(*after))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        fit(stopped)
    assert stopped.history_["phase"][-1] == after[1]
    resumed = fit(clone(resampler).set_callbacks(checkpoint))
    assert resumed.history_ == whole.history_
    assert resumed.chosen_ == whole.chosen_
    assert_array_equal(resumed.options_, whole.options_)
    assert_array_equal(resumed.resample()[0], whole.resample()[0])


def test_without_held_out_rows_the_method_says_nothing():
    X, y, *_ = problem()
    one, two = (mixrl(TREE, method=method).fit_resample(X, y) for method in METHODS)
    assert_array_equal(one[0], two[0])
    assert_array_equal(one[1], two[1])


@pytest.mark.parametrize(
    ("estimator", "parameters", "message"),
    [
        (TREE, {"baseline": "leave_one_out"}, "n_rollouts=1: pass at least 2"),
        (
            Ridge(),
            {"pretrain": True},
            "parameter warm_start, got Ridge. Pass pretrain=",
        ),
        (TREE, {"baseline": "zero"}, "The 'baseline' parameter of"),
        (TREE, {"n_rollouts": 0}, "The 'n_rollouts' parameter of"),
        (TREE, {"window": 0}, "The 'window' parameter of"),
        (TREE, {"reward_scale": 0}, "The 'reward_scale' parameter of"),
    ],
)
def test_bad_parameters(estimator, parameters, message):
    with pytest.raises(ValueError, match=message):
        fit(mixrl(estimator, **parameters))


def test_an_interrupt_that_the_estimator_keeps_to_itself_ends_the_phase(monkeypatch):
    monkeypatch.setattr(Swallowing, "fits_left", [None] * 4)
    X, y, X_val, y_val = problem()
    settings = {"guard": False, "max_iter": 9, "threshold": 0.5, "random_state": 0}
    resampler = MixRLResampler(Swallowing(), method="reinforce", **settings)
    with pytest.warns(ConvergenceWarning, match="'all', after 3 iterations"):
        resampler.fit(X, y, X_val=X_val, y_val=y_val)
    assert resampler.n_iter_ == 3
