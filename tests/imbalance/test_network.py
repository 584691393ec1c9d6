import pickle
import subprocess
import sys
from copy import deepcopy

import numpy as np
import pytest
import sklearn
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning, DataConversionWarning
from sklearn.metrics import log_loss
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import MinMaxScaler

from skmix._stopping import hold_out
from skmix._torch import mlp
from skmix.imbalance._network import NetworkClassifier

# So small a step that the weights stay, while Adam's moments gather.
STILL = 1e-30


def network(**changes):
    settings = {
        "hidden_layer_sizes": (32, 16),
        "learning_rate": 1e-2,
        "batch_size": 32,
        "device": "cpu",
        "random_state": 0,
        **changes,
    }
    return NetworkClassifier(**settings)


def full_batch(**changes):
    settings = {"early_stopping": False, "batch_size": 1000, "max_iter": 50, **changes}
    return network(**settings)


@pytest.fixture
def blobs():
    """Three overlapping classes of 60, 30 and 10 rows, named, in random order."""
    rng = np.random.RandomState(0)
    codes = rng.permutation(np.repeat([0, 1, 2], [60, 30, 10]))
    X = rng.normal(size=(100, 2)) + np.array([[0, 0], [2, 2], [-1, 4]])[codes]
    return X, np.array(["b", "a", "rare"])[codes]


def all_weights(model):
    return np.concatenate([np.ravel(a) for a in model.coefs_ + model.intercepts_])


def gradient_by_hand(model, X, y, weight):
    """Gradient of the mean log loss of a network with one hidden layer, in NumPy."""
    Z = (X - model.X_scaler_.mean_) / model.X_scaler_.scale_
    (first, second), (shift, bias) = (
        [np.float64(a) for a in part] for part in (model.coefs_, model.intercepts_)
    )
    inner = Z @ first + shift
    hidden = np.maximum(inner, 0)
    odds = np.exp(hidden @ second + bias)
    error = odds / odds.sum(axis=1, keepdims=True) - (y[:, None] == model.classes_)
    error *= weight[:, None] / weight.sum()
    back = (error @ second.T) * (inner > 0)
    parts = (Z.T @ back, hidden.T @ error, back.sum(axis=0), error.sum(axis=0))
    return np.concatenate([np.ravel(part) for part in parts])


@pytest.mark.parametrize("layer_norm", [False, True])
def test_learns_classes(blobs, layer_norm):
    X, y = blobs
    model = network(layer_norm=layer_norm).fit(X[:80], y[:80])
    assert model.score(X[80:], y[80:]) > 0.75
    assert_array_equal(model.classes_, ["a", "b", "rare"])
    probabilities = model.predict_proba(X)
    assert probabilities.shape == (100, 3)
    assert probabilities.dtype == np.float64
    assert_allclose(probabilities.sum(axis=1), 1)
    best = probabilities.argmax(axis=1)
    assert_array_equal(model.predict(X), model.classes_[best])


def test_probabilities_are_those_of_scikit_learn_for_the_same_weights(blobs):
    X, y = blobs
    model = network(max_iter=30).fit(X, y)
    other = MLPClassifier((32, 16), max_iter=1)
    with pytest.warns(ConvergenceWarning):
        other.fit(X, y)
    other.coefs_, other.intercepts_ = model.coefs_, model.intercepts_
    expected = other.predict_proba(model.X_scaler_.transform(X))
    assert_allclose(model.predict_proba(X), expected, rtol=1e-5)


@pytest.mark.parametrize("layer_norm", [False, True])
def test_the_best_on_held_out_rows_is_kept(blobs, layer_norm):
    """The weights as arrays give the log loss that torch measured."""
    X, y = blobs
    model = network(layer_norm=layer_norm, max_iter=500)
    model.fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:])
    losses = model.history_["validation_loss"]
    expected = log_loss(y[60:], model.predict_proba(X[60:]))
    assert min(losses) == pytest.approx(expected, rel=1e-4)
    best = int(np.argmin(losses))
    assert model.best_iter_ == model.history_["iteration"][best]
    assert 0 < model.best_iter_ < model.n_iter_ == model.history_["iteration"][-1]
    assert_allclose(model.X_scaler_.mean_, X[:60].mean(axis=0))
    assert_allclose(model.X_scaler_.scale_, X[:60].std(axis=0))


def test_units_of_the_data_do_not_matter(blobs):
    X, y = blobs
    Z = X * [1e3, 1e-3] - 5
    plain = network(max_iter=100).fit(X, y).predict_proba(X)
    other = network(max_iter=100).fit(Z, y).predict_proba(Z)
    assert_allclose(other, plain, atol=1e-2)


def test_blocks_of_rows(blobs, monkeypatch):
    X, y = blobs
    model = network(max_iter=20).fit(X, y)
    whole = model.predict_proba(X)
    monkeypatch.setattr("skmix.imbalance._network.BLOCK", 7)
    assert_allclose(model.predict_proba(X), whole, rtol=1e-5)


@pytest.mark.parametrize(
    "labels",
    [
        np.array(["no", "yes"]),
        np.array(["no", "yes"], dtype=object),
        np.array([False, True]),
        np.array([-3, 7], dtype=np.int16),
        np.array([0.0, 2.0]),
    ],
)
def test_labels_of_any_kind_come_back(blobs, labels):
    X, y = blobs
    y = labels[(y == "b").astype(int)]
    model = network(max_iter=100).fit(X, y, X_val=X, y_val=y)
    assert_array_equal(model.classes_, labels)
    assert model.predict(X).dtype == model.classes_.dtype == labels.dtype
    assert model.score(X, y) > 0.7


@pytest.mark.parametrize("early_stopping", [False, True])
def test_one_class_is_predicted_for_all(blobs, early_stopping):
    X, _ = blobs
    model = network(early_stopping=early_stopping, max_iter=3)
    model.fit(X, np.full(100, "only"))
    assert_array_equal(model.predict(X), np.full(100, "only"))
    assert_array_equal(model.predict_proba(X), np.ones((100, 1)))


def test_the_first_step_of_a_fit_is_that_of_adam_by_hand(blobs):
    X, y = blobs
    weight = np.random.RandomState(1).uniform(0.5, 3, size=100)
    model = full_batch(hidden_layer_sizes=4, warm_start=True)
    model.fit(X, y, sample_weight=weight)
    before = all_weights(model)
    slope = gradient_by_hand(model, X, y, weight)
    model.set_params(max_iter=1, learning_rate=0.125)
    model.fit(X, y, sample_weight=weight)
    # Adam starts afresh, and then the first step is learning_rate in each direction.
    sure = abs(slope) > 1e-5
    assert sure.sum() > 20
    step = (all_weights(model) - before)[sure]
    assert_allclose(step, -0.125 * np.sign(slope[sure]), rtol=1e-2)


def test_passes_are_steps_of_adam_by_hand(blobs):
    """Scales of the first call, one Adam through all, weights of each call."""
    X, y = blobs
    rng = np.random.RandomState(1)
    model = network(hidden_layer_sizes=4, batch_size=100)

    def one_pass(rate):
        rows, weight = rng.choice(100, size=30), rng.uniform(0.5, 3, size=30)
        model.set_params(learning_rate=rate)
        model.partial_fit(X[rows], y[rows], ["a", "b", "rare"], sample_weight=weight)
        return X[rows], y[rows], weight

    rows, _, weight = batch = one_pass(STILL)
    mean = np.average(rows, axis=0, weights=weight)
    slope = gradient_by_hand(model, *batch)
    first, second = 0.1 * slope, 0.001 * slope**2
    for step, rate in enumerate([0.05, 0.05, 0.2], start=2):
        before, old = all_weights(model), deepcopy(model)
        slope = gradient_by_hand(old, *one_pass(rate))
        first = 0.9 * first + 0.1 * slope
        second = 0.999 * second + 0.001 * slope**2
        root = np.sqrt(second / (1 - 0.999**step))
        expected = before - rate * first / (1 - 0.9**step) / (root + 1e-8)
        assert_allclose(all_weights(model), expected, rtol=1e-4, atol=1e-6)
        assert (model.n_iter_, model.best_iter_) == (1, 1)
    assert_allclose(model.X_scaler_.mean_, mean)


def test_a_pass_sees_each_row_once(blobs):
    X, y = blobs
    model = network(batch_size=20, learning_rate=STILL)
    model.partial_fit(X, y, classes=np.unique(y))
    expected = log_loss(y, model.predict_proba(X))
    assert model.history_["iteration"] == [5]
    assert model.history_["loss"] == [pytest.approx(expected, rel=1e-5)]
    assert model.partial_fit(X[:41], y[:41]).n_iter_ == 3


def test_each_pass_has_an_order_of_its_own(blobs, monkeypatch):
    X, y = blobs
    seeds, draw = [], mlp.draw_batches

    def recorded(n_rows, batch_size, seed):
        seeds.append(seed)
        return draw(n_rows, batch_size, seed)

    monkeypatch.setattr(mlp, "draw_batches", recorded)
    for _ in range(2):
        model = network().partial_fit(X, y, classes=np.unique(y))
        model.partial_fit(X, y).partial_fit(X, y)
    assert seeds[:3] == seeds[3:]
    assert len(set(seeds)) == 3


def test_a_pass_after_a_fit_goes_on_from_what_was_kept(blobs):
    """Weights and Adam of the best look, as if the training had ended there."""
    X, y = blobs
    stopped = network(max_iter=500)
    stopped.fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:])
    assert stopped.best_iter_ < stopped.n_iter_
    ended = network(early_stopping=False, max_iter=stopped.best_iter_)
    ended.fit(X[:60], y[:60])
    assert_array_equal(all_weights(stopped), all_weights(ended))
    for model in (stopped, ended):
        model.partial_fit(X[60:], y[60:])
    assert_array_equal(all_weights(stopped), all_weights(ended))


def test_a_pass_may_lack_classes_and_scales_stay(blobs):
    X, y = blobs
    model = network(max_iter=20).fit(X, y)
    scaler, before = model.X_scaler_, model.predict_proba(X)
    assert model.partial_fit(5 * X[y == "a"], y[y == "a"]) is model
    assert model.X_scaler_ is scaler
    assert_array_equal(model.classes_, ["a", "b", "rare"])
    assert not np.array_equal(model.predict_proba(X), before)


def test_passes_alone_learn(blobs):
    X, y = blobs
    model = network()
    for _ in range(50):
        for part in (slice(50), slice(50, 100)):
            model.partial_fit(X[part], y[part], classes=["rare", "a", "b"])
    assert model.score(X, y) > 0.85


def test_fit_begins_anew_after_passes_and_a_warm_start_does_not(blobs):
    X, y = blobs
    model = network(max_iter=20, batch_size=1000).partial_fit(
        X, y, classes=[*"abcd", "rare"]
    )
    scaler = model.X_scaler_
    warm = deepcopy(model).set_params(warm_start=True).fit(X[:60], y[:60])
    assert warm.X_scaler_.mean_[0] == scaler.mean_[0]
    assert_array_equal(warm.classes_, ["a", "b", "c", "d", "rare"])
    cold = model.fit(X[:60], y[:60])
    assert_array_equal(cold.classes_, ["a", "b", "rare"])
    fresh = network(max_iter=20, batch_size=1000).fit(X[:60], y[:60])
    assert_array_equal(all_weights(cold), all_weights(fresh))
    for one in (cold, fresh):
        one.partial_fit(X[60:], y[60:])
    assert_array_equal(all_weights(cold), all_weights(fresh))


def test_warm_start_goes_on_and_keeps_scales_and_classes(blobs):
    X, y = blobs
    model = full_batch(warm_start=True).fit(X, y)
    first, scaler = log_loss(y, model.predict_proba(X)), model.X_scaler_
    model.fit(X, y)
    assert log_loss(y, model.predict_proba(X)) < first
    two = y != "rare"
    model.fit(3 * X[two] + 1, y[two])
    assert model.X_scaler_ is scaler
    assert_allclose(scaler.mean_, X.mean(axis=0))
    assert_array_equal(model.classes_, ["a", "b", "rare"])


def test_a_warm_start_holds_out_the_same_rows(blobs):
    X, y = blobs
    model = network(warm_start=True, random_state=np.random.RandomState(0)).fit(X, y)
    best = min(model.history_["validation_loss"])
    model.set_params(learning_rate=STILL, max_iter=1).fit(X, y)
    assert model.history_["validation_loss"] == [pytest.approx(best, rel=1e-5)]


@pytest.mark.parametrize(
    ("changes", "label", "message"),
    [
        ({"hidden_layer_sizes": (32, 17)}, "b", r"\[2, 32, 17, 3\]"),
        ({"layer_norm": True}, "b", "'layer_norm': False.* 'layer_norm': True"),
        ({}, "new", r"y holds the classes \['new'\], .* \['a', 'b', 'rare'\]"),
    ],
)
def test_what_goes_on_needs_the_same_network_and_classes(
    blobs, changes, label, message
):
    X, y = blobs
    model = network(max_iter=2, warm_start=True).fit(X, y)
    before = model.predict_proba(X)
    model.set_params(**changes)
    y = np.where(y == "b", label, y)
    for learn in (model.fit, model.partial_fit):
        with pytest.raises(ValueError, match=f"(?s){message}.*warm_start=False"):
            learn(X, y)
        with pytest.raises(ValueError, match="expecting 2 features"):
            learn(X[:, :1], y)
    assert_array_equal(model.predict_proba(X), before)
    model.set_params(warm_start=False).fit(X, y)
    assert label in model.classes_


@pytest.mark.parametrize("by_passes", [False, True])
def test_weight_two_is_the_row_twice_and_weight_zero_none(blobs, by_passes):
    X, y = blobs
    weight = np.where(y == "rare", 0, np.random.RandomState(0).randint(3, size=100))
    assert set(weight) == {0, 1, 2}
    arms = [(X, y, weight), (X.repeat(weight, axis=0), y.repeat(weight), None)]
    models = []
    for rows, labels, weights in arms:
        model = full_batch()
        if by_passes:
            for _ in range(50):
                model.partial_fit(rows, labels, ["a", "b", "rare"], weights)
        else:
            model.fit(rows, labels, sample_weight=weights)
            assert_array_equal(model.classes_, ["a", "b"])
        models.append(model)
    weighted, repeated = models
    assert_allclose(weighted.X_scaler_.mean_, repeated.X_scaler_.mean_)
    probabilities = repeated.predict_proba(X)
    assert_allclose(weighted.predict_proba(X), probabilities, atol=2e-3)
    plain = full_batch().fit(X[y != "rare"], y[y != "rare"])
    assert abs(plain.predict_proba(X) - probabilities[:, :2]).max() > 0.05


def test_rows_that_are_held_out_keep_their_weights_and_set_no_scale(blobs):
    X, y = blobs
    weight = np.random.RandomState(0).uniform(0.1, 5, size=100)
    model = network(validation_fraction=0.25).fit(X, y, sample_weight=weight)
    codes = np.searchsorted(model.classes_, y)
    rng = np.random.RandomState(model._split_seed)
    rest, held_out = hold_out(codes, 0.25, rng)
    mean = np.average(X[rest], axis=0, weights=weight[rest])
    assert_allclose(model.X_scaler_.mean_, mean)
    expected = log_loss(
        y[held_out],
        model.predict_proba(X[held_out]),
        sample_weight=weight[held_out],
        labels=model.classes_,
    )
    best = min(model.history_["validation_loss"])
    assert best == pytest.approx(expected, rel=1e-4)


def test_where_each_row_has_a_class_of_its_own_none_is_held_out():
    with pytest.raises(ValueError, match=r"n_samples=3 none can be .* only one of its"):
        network().fit(np.eye(3), [0, 1, 2])
    network(early_stopping=False, max_iter=1).fit(np.eye(3), [0, 1, 2])


def test_same_seed_same_network(blobs, random_state_untouched):
    X, y = blobs
    one, two, other = (
        network(random_state=seed, max_iter=30).fit(X, y).partial_fit(X, y)
        for seed in (1, 1, 2)
    )
    assert_array_equal(all_weights(one), all_weights(two))
    assert not np.array_equal(all_weights(one), all_weights(other))


def interrupt(monkeypatch, update):
    """Let a KeyboardInterrupt fall into an update."""
    step, calls = torch.optim.Adam.step, []

    def interrupted(self):
        calls.append(self)
        if len(calls) == update:
            raise KeyboardInterrupt
        return step(self)

    monkeypatch.setattr(torch.optim.Adam, "step", interrupted)


def test_an_interrupt_keeps_the_best_so_far(blobs, monkeypatch):
    X, y = blobs
    interrupt(monkeypatch, 91)
    model = network(batch_size=10)
    with pytest.warns(ConvergenceWarning, match="after 90 updates: .* are kept"):
        model.fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:])
    losses = model.history_["validation_loss"]
    assert model.n_iter_ == 90
    assert model.best_iter_ == [25, 50, 75][np.argmin(losses)]
    loss = log_loss(y[60:], model.predict_proba(X[60:]))
    assert loss == pytest.approx(min(losses), rel=1e-4)


def test_an_interrupted_pass_keeps_the_latest(blobs, monkeypatch):
    X, y = blobs
    interrupt(monkeypatch, 3)
    model = network(batch_size=10)
    with pytest.warns(ConvergenceWarning, match="after 2 updates: .* update 2 are"):
        model.partial_fit(X, y, classes=np.unique(y))
    assert model.predict_proba(X).shape == (100, 3)
    assert model.partial_fit(X, y).n_iter_ == 10


def test_a_pickle_opens_and_predicts_without_torch(blobs, tmp_path):
    X, y = blobs
    model = network(max_iter=5).fit(X, y)
    path = tmp_path / "model.pkl"
    path.write_bytes(pickle.dumps((model, X, model.predict_proba(X))))
    script = f"""
import pickle, sys
import numpy as np
model, X, probabilities = pickle.loads(open({str(path)!r}, "rb").read())
assert np.array_equal(model.predict_proba(X), probabilities)
assert set(model.predict(X)) <= {{"a", "b", "rare"}}
print("torch" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


def test_copies_go_on_alike_and_leave_the_original(blobs):
    X, y = blobs
    model = network(max_iter=20).fit(X, y)
    before = all_weights(model)
    copies = [deepcopy(model), pickle.loads(pickle.dumps(model)), model]
    for copy in copies[:2]:
        copy.partial_fit(X, y)
    assert_array_equal(all_weights(model), before)
    model.partial_fit(X, y)
    for copy in copies[:2]:
        assert_array_equal(all_weights(copy), all_weights(model))


def test_held_out_rows_come_through_a_pipeline(blobs):
    X, y = blobs
    with sklearn.config_context(enable_metadata_routing=True):
        pipeline = Pipeline(
            [("scale", MinMaxScaler()), ("network", network(max_iter=50))],
            transform_input=["X_val"],
        )
        pipeline.fit(X[:60], y[:60], X_val=X[60:], y_val=y[60:])
    best = min(pipeline[-1].history_["validation_loss"])
    loss = log_loss(y[60:], pipeline.predict_proba(X[60:]))
    assert loss == pytest.approx(best, rel=1e-4)


def test_data_frames_bring_their_names(blobs):
    pandas = pytest.importorskip("pandas")
    X, y = blobs
    frame = pandas.DataFrame(X, columns=["a", "b"])
    model = network(max_iter=2).fit(frame, pandas.Series(y))
    assert list(model.feature_names_in_) == ["a", "b"]
    assert_array_equal(model.predict(frame), network(max_iter=2).fit(X, y).predict(X))
    other = frame[["b", "a"]]
    with pytest.raises(ValueError, match="feature names should match"):
        model.fit(frame, y, X_val=other, y_val=y)
    with pytest.raises(ValueError, match="feature names should match"):
        model.partial_fit(other, y)


HELD_OUT = {"X_val": [[0.0, 1.0]], "y_val": ["a"]}


@pytest.mark.parametrize(
    ("changes", "arguments", "message"),
    [
        ({}, {"X_val": [[0.0, 1.0]]}, "X_val was passed without y_val"),
        ({}, {**HELD_OUT, "X_val": [[0.0]]}, "X has 1 features"),
        ({}, {**HELD_OUT, "X_val": [[0.0, np.nan]]}, "X_val contains NaN"),
        ({}, {**HELD_OUT, "y_val": [np.nan]}, "y_val contains NaN"),
        ({}, {**HELD_OUT, "y_val": ["a", "b"]}, r"samples: \[1, 2\]"),
        ({}, {**HELD_OUT, "y_val": ["new"]}, r"y_val holds the classes \['new'\]"),
        ({}, {**HELD_OUT, "y_val": [1]}, r"y_val holds the classes \[1\]"),
        ({}, {**HELD_OUT, "y_val": [["a", "b"]]}, r"1d array, got .* shape \(1, 2\)"),
        ({"early_stopping": False}, HELD_OUT, "set early_stopping=True"),
        ({}, {"y": np.linspace(0, 1, 100)}, "Unknown label type: continuous"),
        ({}, {"y": np.full(100, np.nan)}, "y contains NaN"),
        ({}, {"y": np.array([None, *"a" * 99], dtype=object)}, "Unknown label type"),
        ({}, {"sample_weight": np.full(100, -1.0)}, "Negative values"),
        ({}, {"sample_weight": np.zeros(100)}, "weights must contain .* non-zero"),
        ({}, {"sample_weight": np.ones(99)}, r"\(99,\), expected \(100,\)"),
        ({"device": "gpu"}, {}, "device must be"),
        ({"hidden_layer_sizes": (8, 0)}, {}, "hidden_layer_sizes must hold whole"),
        ({"learning_rate": 0}, {}, "'learning_rate' parameter of NetworkClassifier"),
        ({"learning_rate": 1e30, "max_iter": 50}, {}, "training diverged"),
    ],
)
def test_what_is_refused(blobs, changes, arguments, message):
    X, y = blobs
    with pytest.raises(ValueError, match=message):
        network(**changes).fit(X, **{"y": y, **arguments})


def test_a_column_of_classes_is_read_with_a_warning(blobs):
    X, y = blobs
    with pytest.warns(DataConversionWarning, match="A column-vector y was passed"):
        model = network(max_iter=2).fit(X, y[:, None])
    assert model.predict(X).shape == (100,)


def test_what_a_pass_refuses(blobs):
    X, y = blobs
    model = network()
    with pytest.raises(ValueError, match=r"classes is missing: .* first call"):
        model.partial_fit(X, y)
    with pytest.raises(
        ValueError, match=r"holds the classes \['rare'\], .* \['a', 'b'"
    ):
        model.partial_fit(X, y, classes=["a", "b"])
    with pytest.raises(ValueError, match="classes contains NaN"):
        model.partial_fit(X, y, classes=[1.0, np.nan])
    with pytest.raises(ValueError, match="'batch_size' parameter"):
        network(batch_size=0).partial_fit(X, y, classes=np.unique(y))
    assert not hasattr(model, "classes_")
    model.partial_fit(X, y, classes=np.unique(y))
    with pytest.raises(
        ValueError, match=r"classes must stay \['a', 'b', 'rare'\], got"
    ):
        model.partial_fit(X, y, classes=["a", "b", "new", "rare"])


@pytest.mark.gpu
def test_the_gpu_gives_the_same_network(blobs):
    X, y = blobs
    models = [network(max_iter=50, device=device) for device in ("cpu", "auto")]
    for model in models:
        model.fit(X, y).partial_fit(X, y)
    assert models[1].device_ == "cuda"
    assert type(models[1].coefs_[0]) is np.ndarray
    expected = models[0].predict_proba(X)
    assert_allclose(models[1].predict_proba(X), expected, atol=1e-2)
