import pickle
import subprocess
import sys

import numpy as np
import pytest
import sklearn
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from skmix._network import NORM_EPSILON
from skmix._torch.mlp import Network
from skmix.regression import NetworkRegressor


def network(**changes):
    settings = {
        "hidden_layer_sizes": (32, 16),
        "learning_rate": 1e-2,
        "device": "cpu",
        "random_state": 0,
        **changes,
    }
    return NetworkRegressor(**settings)


def full_batch(**changes):
    settings = {"early_stopping": False, "batch_size": 1000, "max_iter": 50, **changes}
    return network(**settings)


def two_targets(X, y):
    return np.column_stack([y, 1000 * X[:, 0] ** 2])


def loss_of(model, X, y):
    """Mean squared error in the units of the network."""
    return np.mean(((model.predict(X) - y) / model.y_scaler_.scale_) ** 2)


@pytest.mark.parametrize("layer_norm", [False, True])
def test_learns_a_curve(curve, layer_norm):
    X, y = curve
    model = network(layer_norm=layer_norm).fit(X[:50], 100 * y[:50] + 1000)
    assert model.score(X[50:], 100 * y[50:] + 1000) > 0.8


@pytest.mark.parametrize("layer_norm", [False, True])
def test_the_best_on_held_out_rows_is_kept(curve, layer_norm):
    """The weights as arrays give the loss that torch measured."""
    X, y = curve
    for target in (y, two_targets(X, y)):
        model = network(layer_norm=layer_norm, max_iter=500)
        model.fit(X[:40], target[:40], X_val=X[40:], y_val=target[40:])
        losses = model.history_["validation_loss"]
        assert min(losses) == pytest.approx(
            loss_of(model, X[40:], target[40:]), rel=1e-4
        )
        best = int(np.argmin(losses))
        assert model.best_iter_ == model.history_["iteration"][best] > 0
        assert model.n_iter_ == model.history_["iteration"][-1]


def test_attributes_are_the_network(curve):
    X, y = curve
    Y = two_targets(X, y)
    model = network(hidden_layer_sizes=(5,), layer_norm=True, max_iter=30).fit(X, Y)
    assert [coef.shape for coef in model.coefs_] == [(2, 5), (5, 2)]
    X_scaler, y_scaler = model.X_scaler_, model.y_scaler_
    hidden = (X - X_scaler.mean_) / X_scaler.scale_ @ model.coefs_[0]
    hidden += model.intercepts_[0]
    mean, variance = hidden.mean(axis=1), hidden.var(axis=1)
    hidden = (hidden - mean[:, None]) / np.sqrt(variance + 1e-5)[:, None]
    hidden = hidden * model.norm_gains_[0] + model.norm_shifts_[0]
    outputs = np.maximum(hidden, 0) @ model.coefs_[1] + model.intercepts_[1]
    expected = y_scaler.mean_ + y_scaler.scale_ * outputs
    assert_allclose(model.predict(X), expected, rtol=1e-4)
    plain = network(max_iter=1).fit(X, y)
    assert plain.norm_gains_ == plain.norm_shifts_ == []


def test_predictions_normalise_as_torch_does():
    layers = Network((2, 3, 1), layer_norm=True, seed=0)
    assert [layer.eps for layer in layers if hasattr(layer, "eps")] == [NORM_EPSILON]


def test_scales_are_those_of_the_rows_trained_on(curve):
    X, y = curve
    model = network(max_iter=1).fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    assert_allclose(model.X_scaler_.mean_, X[:40].mean(axis=0))
    assert_allclose(model.X_scaler_.scale_, X[:40].std(axis=0))
    assert_allclose(model.y_scaler_.mean_, y[:40].mean())
    assert_allclose(model.y_scaler_.scale_, y[:40].std())


def test_units_of_the_data_do_not_matter(curve):
    X, y = curve
    plain = network(max_iter=100).fit(X, y)
    other = network(max_iter=100).fit(X * [1e3, 1e-3] - 5, 1e4 * y + 7)
    assert_allclose(
        other.predict(X * [1e3, 1e-3] - 5), 1e4 * plain.predict(X) + 7, rtol=1e-2
    )


def test_constant_columns_do_no_harm(curve):
    X, y = curve
    X = np.column_stack([X, np.full(len(X), 0.1)])
    model = network(max_iter=50).fit(X, y)
    assert np.isfinite(model.predict(X)).all()
    assert_allclose(network(max_iter=50).fit(X, np.full(60, 3.0)).predict(X), 3, 0.5)


@pytest.mark.parametrize("shape", [(60,), (60, 1), (60, 2)])
def test_predictions_have_the_shape_of_the_targets(curve, shape):
    X, y = curve
    y = np.resize(y, shape)
    model = network(max_iter=2).fit(X, y)
    prediction = model.predict(X)
    assert prediction.shape == y.shape
    assert prediction.dtype == np.float64
    assert model.predict(X[:1]).shape == (1, *y.shape[1:])


def test_no_target_drowns_another(curve):
    X, y = curve
    Y = np.column_stack([y, 1e6 * y, 1e-6 * y])
    prediction = network(max_iter=300).fit(X, Y).predict(X)
    scores = 1 - ((prediction - Y) ** 2).mean(axis=0) / Y.var(axis=0)
    assert (scores > 0.9).all()


def test_blocks_of_rows(curve, monkeypatch):
    X, y = curve
    model = network(max_iter=20).fit(X, y)
    whole = model.predict(X)
    monkeypatch.setattr("skmix.regression._network.BLOCK", 7)
    assert_allclose(model.predict(X), whole, rtol=1e-5)


def test_without_early_stopping_all_rows_and_updates_are_used(curve):
    X, y = curve
    model = full_batch(max_iter=40, n_iter_no_change=1).fit(X, y)
    assert model.n_iter_ == model.best_iter_ == 40
    assert_allclose(model.X_scaler_.mean_, X.mean(axis=0))
    assert set(model.history_) == {"iteration", "loss"}
    assert loss_of(model, X, y) < model.history_["loss"][-1]


def test_warm_start_makes_an_update_more_with_a_fresh_adam(curve):
    """The first step of Adam is learning_rate in the direction of the gradient."""
    X, y = curve
    model = full_batch(warm_start=True).fit(X, y)
    before = model.intercepts_[-1].copy()
    error = (model.predict(X) - y).mean()
    model.set_params(max_iter=1, learning_rate=0.125).fit(X, y)
    assert model.n_iter_ == 1
    expected = before - 0.125 * np.sign(error)
    assert_allclose(model.intercepts_[-1], expected, atol=1e-5)


def test_warm_start_goes_on_and_keeps_the_scales(curve):
    X, y = curve
    model = full_batch(warm_start=True).fit(X, y)
    first, scaler = loss_of(model, X, y), model.X_scaler_
    model.fit(X, y)
    assert loss_of(model, X, y) < first
    model.fit(3 * X + 1, 2 * y)
    assert model.X_scaler_ is scaler
    assert_allclose(scaler.mean_, X.mean(axis=0))
    cold = full_batch().fit(X, y)
    coefs = cold.coefs_[0].copy()
    assert_array_equal(cold.fit(X, y).coefs_[0], coefs)


def test_a_warm_start_is_no_candidate_for_what_to_keep(curve):
    """Though it beats all later weights: a rollout from it would teach nothing."""
    X, y = curve
    rng = np.random.RandomState(0)
    model = network(warm_start=True, random_state=rng).fit(X, y)
    coefs, best = model.coefs_[0], min(model.history_["validation_loss"])
    model.set_params(learning_rate=0.5, max_iter=60).fit(X, y)
    assert model.history_["iteration"] == [25, 50, 60]
    assert model.best_iter_ > 0
    assert min(model.history_["validation_loss"]) > best
    assert not np.array_equal(model.coefs_[0], coefs)


def test_a_warm_start_holds_out_the_same_rows(curve):
    X, y = curve
    model = network(warm_start=True, random_state=np.random.RandomState(0)).fit(X, y)
    best = min(model.history_["validation_loss"])
    model.set_params(learning_rate=1e-12, max_iter=1).fit(X, y)
    assert model.history_["validation_loss"] == [pytest.approx(best, rel=1e-5)]


@pytest.mark.parametrize(
    ("changes", "shape", "message"),
    [
        ({"hidden_layer_sizes": (32, 17)}, (60,), r"\[2, 32, 17, 1\]"),
        ({"hidden_layer_sizes": 32}, (60,), r"\[2, 32, 1\]"),
        ({"layer_norm": True}, (60,), "'layer_norm': False.* 'layer_norm': True"),
        ({}, (60, 2), r"\[2, 32, 16, 2\]"),
        ({}, (60, 1), r"'y': \(\)}.* 'y': \(1,\)}"),
    ],
)
def test_warm_start_needs_the_same_network(curve, changes, shape, message):
    X, y = curve
    model = network(max_iter=2, warm_start=True).fit(X, y)
    prediction = model.predict(X)
    y = np.resize(y, shape)
    model.set_params(**changes)
    with pytest.raises(ValueError, match=f"(?s){message}.*Set warm_start=False"):
        model.fit(X, y)
    with pytest.raises(ValueError, match="expecting 2 features"):
        model.fit(X[:, :1], y)
    assert_array_equal(model.predict(X), prediction)


def test_weight_two_is_the_row_twice_and_weight_zero_none(curve):
    X, y = curve
    weight = np.random.RandomState(0).randint(3, size=60)
    assert set(weight) == {0, 1, 2}
    weighted = full_batch().fit(X, y, sample_weight=weight)
    repeated = full_batch().fit(X.repeat(weight, axis=0), y.repeat(weight))
    plain = full_batch().fit(X, y)
    assert_allclose(weighted.X_scaler_.mean_, repeated.X_scaler_.mean_)
    assert_allclose(weighted.y_scaler_.scale_, repeated.y_scaler_.scale_)
    assert_allclose(weighted.predict(X), repeated.predict(X), atol=2e-3)
    assert abs(plain.predict(X) - repeated.predict(X)).max() > 0.05


def test_only_the_ratio_of_weights_matters(curve):
    X, y = curve
    weight = np.random.RandomState(0).uniform(0.1, 5, size=60)
    one, other = (
        network(max_iter=50).fit(X, y, sample_weight=factor * weight)
        for factor in (1, 1e4)
    )
    assert_allclose(one.predict(X), other.predict(X), atol=1e-3)


def test_rows_that_are_held_out_keep_their_weights_and_set_no_scale(curve):
    X, y = curve
    weight = np.random.RandomState(0).uniform(0.1, 5, size=60)
    model = network(validation_fraction=0.25).fit(X, y, sample_weight=weight)
    rest, held_out = train_test_split(
        np.arange(60), test_size=15, random_state=model._split_seed
    )
    mean = np.average(X[rest], axis=0, weights=weight[rest])
    assert_allclose(model.X_scaler_.mean_, mean)
    variance = np.average((X[rest] - mean) ** 2, axis=0, weights=weight[rest])
    assert_allclose(model.X_scaler_.scale_, np.sqrt(variance))
    squares = ((model.predict(X) - y) / model.y_scaler_.scale_)[held_out] ** 2
    expected = np.average(squares, weights=weight[held_out])
    best = min(model.history_["validation_loss"])
    assert best == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(("fraction", "n_train"), [(0.01, 4), (0.3, 3), (0.8, 1)])
def test_share_of_rows_that_is_held_out(fraction, n_train):
    X, y = np.eye(5), np.arange(5.0)
    model = network(validation_fraction=fraction, max_iter=1).fit(X, y)
    # A column of the unit matrix has mean 1 / n over the rows that have its 1.
    mean = model.X_scaler_.mean_
    assert_allclose(np.sort(mean)[-n_train:], 1 / n_train)
    assert (mean > 0).sum() == n_train


def test_same_seed_same_network(curve, random_state_untouched):
    X, y = curve
    one, two, other = (
        network(random_state=seed, max_iter=30).fit(X, y).predict(X)
        for seed in (1, 1, 2)
    )
    assert_array_equal(one, two)
    assert not np.array_equal(one, other)


def test_an_interrupt_keeps_the_best_so_far(curve, monkeypatch):
    X, y = curve
    step, calls = torch.optim.Adam.step, []

    def interrupted(self):
        calls.append(self)
        if len(calls) == 61:
            raise KeyboardInterrupt
        return step(self)

    monkeypatch.setattr(torch.optim.Adam, "step", interrupted)
    model = network()
    with pytest.warns(ConvergenceWarning, match="after 60 updates: .* update 50 are"):
        model.fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    assert (model.n_iter_, model.best_iter_) == (60, 50)
    best = min(model.history_["validation_loss"])
    assert loss_of(model, X[40:], y[40:]) == pytest.approx(best, rel=1e-4)


def test_a_pickle_opens_and_predicts_without_torch(curve, tmp_path):
    X, y = curve
    model = network(max_iter=5).fit(X, y)
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps((model, X, model.predict(X))))
    script = f"""
import pickle, sys
import numpy as np
model, X, prediction = pickle.loads(open({str(path)!r}, "rb").read())
assert np.array_equal(model.predict(X), prediction)
print("torch" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_held_out_rows_come_through_a_pipeline(curve):
    X, y = curve
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = Pipeline(
            [("scale", MinMaxScaler()), ("network", network(max_iter=50))],
            transform_input=["X_val"],
        )
        pipeline.fit(X[:40], y[:40], X_val=X[40:], y_val=y[40:])
    model = pipeline[-1]
    best = min(model.history_["validation_loss"])
    Z = pipeline[0].transform(X[40:])
    assert loss_of(model, Z, y[40:]) == pytest.approx(best, rel=1e-4)
    assert_allclose(model.y_scaler_.mean_, y[:40].mean())


def test_data_frames_bring_their_names(curve):
    pandas = pytest.importorskip("pandas")
    X, y = curve
    frame = pandas.DataFrame(X, columns=["a", "b"])
    model = network(max_iter=2).fit(frame, pandas.Series(y))
    assert list(model.feature_names_in_) == ["a", "b"]
    assert_array_equal(model.predict(frame), network(max_iter=2).fit(X, y).predict(X))
    held_out = {"X_val": frame[["b", "a"]], "y_val": y}
    with pytest.raises(ValueError, match="feature names should match"):
        network(max_iter=2).fit(frame, y, **held_out)


HELD_OUT = {"X_val": [[0.0, 1.0]], "y_val": [1.0]}


@pytest.mark.parametrize(
    ("changes", "arguments", "message"),
    [
        ({}, {"X_val": [[0.0, 1.0]]}, "X_val was passed without y_val"),
        ({}, {"y_val": [1.0]}, "y_val was passed without X_val"),
        ({}, {**HELD_OUT, "X_val": [[0.0]]}, "X has 1 features"),
        ({}, {**HELD_OUT, "X_val": [[0.0, np.nan]]}, "X_val contains NaN"),
        ({}, {**HELD_OUT, "y_val": [np.inf]}, "y_val contains infinity"),
        ({}, {**HELD_OUT, "y_val": [1.0, 2.0]}, r"samples: \[1, 2\]"),
        ({}, {**HELD_OUT, "y_val": [[1.0]]}, r"y_val has shape \(1, 1\), but y \(60,"),
        ({"early_stopping": False}, HELD_OUT, "set early_stopping=True"),
        (
            {},
            {"sample_weight": np.full(60, -1.0)},
            "Negative values .* `sample_weight`",
        ),
        ({}, {"sample_weight": np.zeros(60)}, "weights must contain .* non-zero"),
        ({}, {"sample_weight": np.full(60, np.nan)}, "sample_weight contains NaN"),
        ({}, {"sample_weight": np.ones(59)}, r"\(59,\), expected \(60,\)"),
        (
            {},
            {"sample_weight": np.eye(60)[0]},
            "n_samples=1, .* train set will be empty",
        ),
        ({"device": "gpu"}, {}, "device must be"),
        ({"device": "cuda:99"}, {}, "cuda:99"),
        ({"hidden_layer_sizes": (8, 0)}, {}, "hidden_layer_sizes must hold whole"),
        ({"learning_rate": 0}, {}, "'learning_rate' parameter of NetworkRegressor"),
        ({"batch_size": 0}, {}, "'batch_size' parameter"),
        ({"max_iter": 0}, {}, "'max_iter' parameter"),
        ({"validation_fraction": 1.0}, {}, "'validation_fraction' parameter"),
        ({"n_iter_no_change": 0}, {}, "'n_iter_no_change' parameter"),
        (
            {"learning_rate": 1e30, "early_stopping": False, "max_iter": 50},
            {},
            r"diverged with learning_rate=1e\+30.* Lower it",
        ),
    ],
)
def test_what_is_refused(curve, changes, arguments, message):
    X, y = curve
    with pytest.raises(ValueError, match=message):
        network(**changes).fit(X, y, **arguments)


@pytest.mark.gpu
def test_the_gpu_gives_the_same_network(curve):
    X, y = curve
    model = network(max_iter=50).fit(X, y)
    on_gpu = network(max_iter=50, device="auto").fit(X, y)
    assert on_gpu.device_ == "cuda"
    assert type(on_gpu.coefs_[0]) is np.ndarray
    assert_allclose(on_gpu.predict(X), model.predict(X), atol=1e-2)
