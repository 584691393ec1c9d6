"""Networks of many rollouts: each is what a fit of its own makes."""

from copy import deepcopy

import numpy as np
import pandas as pd
import pytest
from numpy.random import RandomState
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone

from skmix._torch import stacked_mlp
from skmix._torch.device import to_device
from skmix._training import seeded
from skmix.regression import MixRLResampler, NetworkRegressor
from skmix.regression._stacked import StackedNetworks
from tests.regression.helpers import problem

# Scales and sums of float32 in another order: 5e-6 was seen, the targets being about 1.
CLOSE = {"rtol": 0, "atol": 1e-4}
SEEDS = [11, 12, 13, 14]


def network(**changes):
    settings = {
        "hidden_layer_sizes": (16, 8),
        "learning_rate": 1e-2,
        "batch_size": 8,
        "max_iter": 150,
        "n_iter_no_change": 50,
        "device": "cpu",
        **changes,
    }
    return NetworkRegressor(**settings)


def choices(n):
    rng = np.random.RandomState(0)
    return [rng.permutation(n)[:size] for size in (n, 20, 7, 33)]


def alone(estimator, model, rows, held_out, places, own, seeds=SEEDS):
    """Predictions of copies, each fitted by itself."""
    (X, y), (X_val, y_val) = rows, held_out
    held_out = {}
    if estimator.early_stopping:
        held_out = {"X_val": X_val[own], "y_val": y_val[own]}
    fitted = [
        seeded(model, estimator, seed).fit(X[chosen], y[chosen], **held_out)
        for chosen, seed in zip(places, seeds, strict=True)
    ]
    return [one.predict(X_val[own]).reshape(len(own), -1) for one in fitted], fitted


def both(estimator, n_targets=1, *, model=None, change=lambda X: X):
    X, y, X_val, y_val = problem(n_targets=n_targets)
    # Far from 0, with columns of very different widths.
    X, X_val = (change(part) * [1e3, 1e-3] + [1e5, 7] for part in (X, X_val))
    rows, held_out = (X, y), (X_val, y_val)
    places, own = choices(len(X)), np.arange(0, len(X_val), 2)
    if model is None:
        model = clone(estimator)
    stacked = StackedNetworks(estimator, rows, held_out, n_jobs=None)
    got = stacked.fit_predict(model, places, own, SEEDS)
    expected, fitted = alone(estimator, model, rows, held_out, places, own)
    return got, expected, fitted


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"layer_norm": True},
        {"early_stopping": False, "max_iter": 60},
        {"batch_size": 1000},
        {"max_iter": 1},
        {"hidden_layer_sizes": 4},
        {"random_state": 5},
        {"random_state": RandomState(5)},
        {"early_stopping": np.True_},
    ],
    ids=lambda changes: ", ".join(changes),
)
@pytest.mark.parametrize("n_targets", [1, 2])
def test_predictions_are_those_of_single_fits(
    changes, n_targets, random_state_untouched
):
    estimator = network(**changes)
    got, expected, fitted = both(estimator, n_targets)
    for one, other in zip(got, expected, strict=True):
        assert one.dtype == np.float64
        assert_allclose(one, other, **CLOSE)
    # The networks differ by more than that.
    assert abs(got[0] - got[2]).max() > 10 * CLOSE["atol"]
    if changes == {}:
        assert len({one.n_iter_ for one in fitted}) > 1


@pytest.mark.parametrize("layer_norm", [False, True])
def test_all_go_on_from_one_trained_network(layer_norm):
    estimator = network(layer_norm=layer_norm, max_iter=60)
    X, y, *_ = problem()
    start = clone(estimator).set_params(warm_start=True, random_state=0)
    start.fit(X * [1e3, 1e-3] + [1e5, 7], y + 1)
    before = deepcopy(start.coefs_)
    got, expected, _ = both(estimator, model=start)
    for one, other in zip(got, expected, strict=True):
        assert_allclose(one, other, **CLOSE)
    for layer, coef in zip(before, start.coefs_, strict=True):
        assert_array_equal(layer, coef)


def test_a_column_that_is_constant_in_the_rows_of_one_network():
    def change(X):
        is_rare = np.arange(len(X)) == 3
        return np.column_stack([X[:, 0], np.where(is_rare, 50.0, 0.1)])

    got, expected, _ = both(network(max_iter=30), change=change)
    for one, other in zip(got, expected, strict=True):
        assert_allclose(one, other, **CLOSE)


def test_in_stacks_as_in_one(monkeypatch):
    X, y, X_val, y_val = problem()
    estimator = network(max_iter=60)
    whole, parts = [], []
    for room, predictions in ((2**30, whole), (1, parts)):
        monkeypatch.setitem(stacked_mlp.STACK_BYTES, "cpu", room)
        stacked = StackedNetworks(estimator, (X, y), (X_val, y_val), None)
        assert stacked.size == 1 or room > 1
        predictions += stacked.fit_predict(
            clone(estimator), choices(45), np.arange(40), SEEDS
        )
    assert_allclose(parts, whole, **CLOSE)


def test_results_do_not_depend_on_n_jobs(monkeypatch):
    monkeypatch.setitem(stacked_mlp.STACK_BYTES, "cpu", 30_000)
    X, y, X_val, y_val = problem()
    estimator = network(max_iter=60)
    one, two = (
        StackedNetworks(estimator, (X, y), (X_val, y_val), n_jobs) for n_jobs in (1, 2)
    )
    assert one.size == 2
    arguments = (clone(estimator), choices(45), np.arange(40), SEEDS)
    predictions = one.fit_predict(*arguments)
    assert_array_equal(predictions, two.fit_predict(*arguments))


def mixrl(estimator, **changes):
    settings = {
        "method": "reinforce",
        "data_neighbors": (1, 2, 4),
        "label_neighbors": (1, 2, 4),
        "hidden_layer_sizes": (16,),
        "threshold": 0.5,
        "max_iter": 3,
        "n_rollouts": 4,
        "device": "cpu",
        "random_state": 0,
        **changes,
    }
    return MixRLResampler(estimator, **settings)


class Subclass(NetworkRegressor):
    """Trained by itself, as a subclass may do anything in its ``fit``."""


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"pretrain": True},
        {"baseline": "leave_one_out", "threshold": "auto"},
        {"n_rollouts": 1, "batch_size": 10, "mix_ratio": "beta"},
    ],
    ids=str,
)
@pytest.mark.parametrize("early_stopping", [False, True])
def test_a_policy_learns_the_same_from_networks_in_a_stack(changes, early_stopping):
    X, y, X_val, y_val = problem(v=100)
    parameters = network(max_iter=60, early_stopping=early_stopping).get_params()
    fitted = [
        mixrl(Model(**parameters), **changes).fit(X, y, X_val=X_val, y_val=y_val)
        for Model in (NetworkRegressor, Subclass)
    ]
    one, other = (resampler.history_ for resampler in fitted)
    assert one["phase"] == other["phase"]
    assert one["n_mixes"] == other["n_mixes"]
    for name in ("objective", "baseline", "mean_probability"):
        assert_allclose(one[name], other[name], rtol=1e-4)
    assert_array_equal(fitted[0].options_, fitted[1].options_)
    assert fitted[0].threshold_ == pytest.approx(fitted[1].threshold_, rel=1e-4)


def test_only_the_network_itself_is_stacked(monkeypatch):
    calls = []
    fit_predict = StackedNetworks.fit_predict

    def counted(self, model, places, *rest):
        calls.append(len(places))
        return fit_predict(self, model, places, *rest)

    monkeypatch.setattr(StackedNetworks, "fit_predict", counted)
    X, y, X_val, y_val = problem()
    for Model, expected in ((Subclass, []), (NetworkRegressor, [4] * 3)):
        resampler = mixrl(Model(**network(max_iter=2).get_params()), guard=False)
        resampler.fit(X, y, X_val=X_val, y_val=y_val)
        assert calls == expected


def test_rows_are_placed_once_in_a_fit(monkeypatch):
    placed = []

    def counted(array, device):
        placed.append(array.shape)
        return to_device(array, device)

    monkeypatch.setattr("skmix.regression._stacked.to_device", counted)
    X, y, X_val, y_val = problem()
    mixrl(network(max_iter=2)).fit(X, y, X_val=X_val, y_val=y_val)
    many = [shape for shape in placed if len(shape) == 2]
    assert [shape[1] for shape in many] == [2, 1, 2, 1]
    assert many[0][0] > 45
    assert many[2][0] == 40
    # What else is placed are scales: one row of columns to a network.
    others = {shape for shape in placed if len(shape) == 3}
    assert others == {(4, 1, 2), (4, 1, 1)}


def test_frames_and_whole_numbers():
    X, y, X_val, y_val = problem()
    frames = [
        pd.DataFrame({"a": part[:, 0], "b": np.round(10 * part[:, 1]).astype(int)})
        for part in (X, X_val)
    ]
    labels = [np.round(10 * part).astype(int) for part in (y, y_val)]
    fitted = [
        mixrl(Model(**network(max_iter=40).get_params())).fit(
            frames[0], pd.Series(labels[0]), X_val=frames[1], y_val=pd.Series(labels[1])
        )
        for Model in (NetworkRegressor, Subclass)
    ]
    one, other = (resampler.history_["objective"] for resampler in fitted)
    assert_allclose(one, other, rtol=1e-4)


def test_bad_parameters_of_the_network():
    X, y, X_val, y_val = problem()
    for parameters, message in (
        ({"batch_size": 0}, "'batch_size' parameter of NetworkRegressor"),
        ({"device": "gpu"}, "device must be"),
        ({"device": "cuda:99"}, "is not there"),
        ({"hidden_layer_sizes": (0,)}, "hidden_layer_sizes"),
        ({"learning_rate": 1e30}, "The training diverged"),
    ):
        resampler = mixrl(network(**parameters), guard=False)
        with pytest.raises(ValueError, match=message):
            resampler.fit(X, y, X_val=X_val, y_val=y_val)


@pytest.mark.gpu
@pytest.mark.parametrize("changes", [{}, {"pretrain": True}], ids=str)
def test_on_a_gpu_a_policy_decides_the_same(changes):
    X, y, X_val, y_val = problem(v=100)
    fitted = [
        mixrl(network(device=device, max_iter=60), device=device, **changes).fit(
            X, y, X_val=X_val, y_val=y_val
        )
        for device in ("cpu", "cuda")
    ]
    one, other = (resampler.history_ for resampler in fitted)
    assert one["n_mixes"] == other["n_mixes"]
    assert_allclose(one["objective"], other["objective"], rtol=1e-3)
    assert_array_equal(fitted[0].options_, fitted[1].options_)
