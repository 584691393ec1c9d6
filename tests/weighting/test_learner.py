"""SampleWeightLearner."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.base import clone
from sklearn.datasets import make_classification, make_regression
from sklearn.ensemble import RandomForestClassifier
from sklearn.metrics import roc_auc_score
from sklearn.model_selection import GroupKFold, KFold, ShuffleSplit, StratifiedKFold
from sklearn.neighbors import KNeighborsClassifier

from skmix._torch import row_weights
from skmix.callbacks import Checkpoint, History, TimeBudget
from skmix.exceptions import JudgementWarning, WeightConcentrationWarning
from skmix.weighting import SampleWeightLearner

GENERATOR = np.random.RandomState()
METHODS = ["normalized", "hu", "ren", "meta_net", "dvrl"]


def problem(noise=0.3, n=300, seed=0):
    """Rows of three classes, some with wrong labels, and clean validation rows."""
    X, y = make_classification(
        n + 40,
        8,
        n_informative=5,
        n_classes=3,
        n_clusters_per_class=1,
        class_sep=2.0,
        flip_y=0,
        random_state=seed,
    )
    rng = np.random.RandomState(seed)
    X, X_val, y, y_val = X[:n], X[n:], y[:n], y[n:]
    is_wrong = rng.rand(n) < noise
    y = np.where(is_wrong, (y + rng.randint(1, 3, n)) % 3, y)
    return X, y, X_val, y_val, is_wrong


def learner(method="normalized", **params):
    defaults = {"hidden_layer_sizes": 16, "max_iter": 15, "random_state": 0}
    return SampleWeightLearner(method, **{**defaults, **params})


@pytest.mark.parametrize("method", METHODS)
def test_planted_noise_is_found(method):
    X, y, X_val, y_val, is_wrong = problem()
    params = {"max_iter": 60} if method == "dvrl" else {}
    model = learner(method, **params).fit(X, y, X_val, y_val)
    assert roc_auc_score(~is_wrong, model.sample_weight_) > 0.93
    assert model.sample_weight_.mean() == pytest.approx(1)
    assert (model.sample_weight_ >= 0).all()
    # Nearly all of the first are wrong.
    assert is_wrong[model.rank()[:30]].mean() > 0.85
    assert sorted(model.rank()) == list(range(300))
    assert model.weight_history_.shape == (model.n_iter_, 300)
    assert np.isfinite(model.weight_history_).all()


@pytest.mark.parametrize("method", ["normalized", "hu", "ren"])
def test_weights_are_the_mean_over_epochs(method):
    X, y, X_val, y_val, _ = problem()
    model = learner(method).fit(X, y, X_val, y_val)
    mean = model.weight_history_.mean(axis=0, dtype=float)
    assert model.sample_weight_ == pytest.approx(mean / mean.mean(), rel=1e-5)


@pytest.mark.parametrize("method", ["meta_net", "dvrl"])
def test_weights_of_new_rows(method):
    X, y, X_val, y_val, is_wrong = problem(n=400)
    X, X_new, y, y_new = X[:200], X[200:], y[:200], y[200:]
    model = learner(method, max_iter=40).fit(X, y, X_val, y_val)
    known = model.predict_weight(X, y)
    assert known == pytest.approx(model.sample_weight_)
    new = model.predict_weight(X_new, y_new)
    assert roc_auc_score(~is_wrong[200:], new) > 0.9
    again = pickle.loads(pickle.dumps(model))
    assert np.array_equal(again.predict_weight(X_new, y_new), new)


def test_weights_of_new_rows_need_a_method_that_has_them():
    X, y, X_val, y_val, _ = problem()
    model = learner().fit(X, y, X_val, y_val)
    assert not hasattr(learner(), "predict_weight")
    assert hasattr(learner("meta_net"), "predict_weight")
    with pytest.raises(AttributeError, match="no attribute 'predict_weight'") as caught:
        model.predict_weight(X, y)
    assert "Pass method='meta_net'" in str(caught.value.__cause__)


@pytest.mark.parametrize("method", METHODS)
def test_numbers_to_predict(method):
    X, Y = make_regression(240, 5, n_targets=2, noise=1.0, random_state=0)
    rng = np.random.RandomState(0)
    is_wrong = rng.rand(200) < 0.3
    noisy = Y[:200] + 3 * Y.std() * is_wrong[:, None]
    params = {"max_iter": 60} if method == "dvrl" else {"max_iter": 40}
    model = learner(method, **params).fit(X[:200], noisy, X[200:], Y[200:])
    assert roc_auc_score(~is_wrong, model.sample_weight_) > 0.8
    assert not hasattr(model, "classes_")


@pytest.mark.parametrize("method", METHODS)
def test_several_outputs_of_classes(method):
    X, y, X_val, y_val, is_wrong = problem()
    words = np.array(["a", "b", "c"])
    Y = np.column_stack([words[y], np.where(y == 0, "x", "y")])
    Y_val = np.column_stack([words[y_val], np.where(y_val == 0, "x", "y")])
    params = {}
    if method == "dvrl":
        params = {"estimator": KNeighborsClassifier(), "max_iter": 40}
    model = learner(method, **params).fit(X, Y, X_val, Y_val)
    assert roc_auc_score(~is_wrong, model.sample_weight_) > 0.85
    assert [c.tolist() for c in model.classes_] == [["a", "b", "c"], ["x", "y"]]


def test_images_and_a_network_of_the_user():
    rng = np.random.RandomState(0)
    y = np.arange(120) % 2
    images = rng.normal(size=(120, 1, 6, 6)) + 2 * y[:, None, None, None]
    is_wrong = rng.rand(100) < 0.3
    noisy = np.where(is_wrong, 1 - y[:100], y[:100])
    data = images[:100], noisy, images[100:], y[100:]
    model = learner().fit(*data)
    assert roc_auc_score(~is_wrong, model.sample_weight_) > 0.9
    shapes = []

    def make(shape, n_outputs):
        from torch import nn

        shapes.append((shape, n_outputs))
        return nn.Sequential(nn.Flatten(), nn.BatchNorm1d(36), nn.Linear(36, n_outputs))

    model = learner(module=make).fit(*data)
    assert shapes == [((1, 6, 6), 2)]
    assert roc_auc_score(~is_wrong, model.sample_weight_) > 0.9


@pytest.mark.parametrize("method", METHODS)
def test_one_seed_one_result(method, random_state_untouched):
    X, y, X_val, y_val, _ = problem(n=80)
    params = {"max_iter": 4}
    first = learner(method, **params).fit(X, y, X_val, y_val)
    again = learner(method, **params).fit(X, y, X_val, y_val)
    other = learner(method, **params, random_state=1).fit(X, y, X_val, y_val)
    assert np.array_equal(first.sample_weight_, again.sample_weight_)
    assert not np.array_equal(first.sample_weight_, other.sample_weight_)


@pytest.mark.parametrize("method", METHODS[:4])
def test_rows_in_another_order_have_the_same_weights(method):
    X, y, X_val, y_val, _ = problem(n=60)
    # One batch to an epoch: otherwise the order decides which rows meet.
    params = {"batch_size": 60, "max_iter": 5}
    order = np.random.RandomState(1).permutation(60)
    first = learner(method, **params).fit(X, y, X_val, y_val)
    second = learner(method, **params).fit(X[order], y[order], X_val, y_val)
    assert second.sample_weight_ == pytest.approx(
        first.sample_weight_[order], rel=2e-2, abs=2e-3
    )


def test_rows_of_weight_zero_are_not_there():
    X, y, X_val, y_val, _ = problem(n=80)
    weight = np.ones(80)
    weight[::4] = 0
    there = weight > 0
    whole = learner().fit(X, y, X_val, y_val, sample_weight=weight)
    part = learner().fit(X[there], y[there], X_val, y_val)
    assert (whole.sample_weight_[~there] == 0).all()
    assert whole.sample_weight_[there] * 0.75 == pytest.approx(part.sample_weight_)
    assert not set(whole.rank()) & set(np.flatnonzero(~there))


def test_given_weights_multiply_learned_ones():
    X, y, X_val, y_val, _ = problem(n=80)
    weight = np.where(np.arange(80) < 40, 1.0, 3.0)
    model = learner().fit(X, y, X_val, y_val, sample_weight=weight)
    product = weight * model.learned_weight_
    assert model.sample_weight_ == pytest.approx(product / product.mean())


def test_batches_of_one_class_do_no_harm():
    X, y, X_val, y_val, _ = problem(n=60, noise=0)
    order = np.argsort(y, kind="stable")
    model = learner(batch_size=1, learning_rate=0.005, max_iter=3)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", WeightConcentrationWarning)
        model.fit(X[order], y[order], X_val, y_val)
    # A share in a batch of one is always the whole.
    assert model.sample_weight_ == pytest.approx(np.ones(60))


@pytest.mark.parametrize(
    ("validation", "size"),
    [(0.2, 60), (4, 12), (np.arange(30), 30), (np.arange(300) % 10 == 0, 30)],
)
def test_validation_rows_among_the_rows(validation, size):
    X, y, *_ = problem()
    model = learner(validation=validation).fit(X, y)
    held_out = model.validation_indices_
    assert len(held_out) == size
    # They are trusted as they are.
    assert model.sample_weight_[held_out] == pytest.approx(np.ones(size))
    assert model.sample_weight_.mean() == pytest.approx(1)
    assert np.isnan(model.weight_history_[:, held_out]).all()
    assert sorted([*model.rank(), *held_out]) == list(range(300))
    if isinstance(validation, int):
        assert np.bincount(y[held_out]).tolist() == [4, 4, 4]
    if isinstance(validation, float):
        assert np.bincount(y[held_out]) == pytest.approx(np.bincount(y) / 5, abs=1)


def test_cross_fitting_weighs_every_row_by_others():
    X, y, *_, is_wrong = problem()
    folds = StratifiedKFold(3)
    model = learner(validation=folds).fit(X, y)
    assert np.isfinite(model.learned_weight_).all()
    assert roc_auc_score(~is_wrong, model.sample_weight_) > 0.85
    # Each run by itself: a row's weight is the mean of the two that it was not in.
    parts = np.full((3, 300), np.nan)
    rng = np.random.RandomState(0)
    for fold, (train, test) in enumerate(folds.split(X, y)):
        one = learner(validation=test, random_state=rng).fit(X, y)
        parts[fold, train] = one.learned_weight_[train]
    assert model.learned_weight_ == pytest.approx(np.nanmean(parts, axis=0))


def test_a_group_is_on_one_side():
    X, y, *_ = problem()
    groups = np.arange(300) // 10
    model = learner(validation=0.2).fit(X, y, groups=groups)
    held_out = set(groups[model.validation_indices_])
    assert not held_out & set(groups[model.rank()])
    cross = learner(validation=GroupKFold(3), max_iter=2).fit(X, y, groups=groups)
    assert np.isfinite(cross.learned_weight_).all()
    with pytest.raises(ValueError, match=r"groups has 9 rows on both sides"):
        learner(validation=[0]).fit(X, y, groups=groups)


def test_a_tiny_validation_set_warns():
    X, y, X_val, y_val, _ = problem()
    with pytest.warns(JudgementWarning, match=r"5 validation rows are few"):
        learner(max_iter=1).fit(X, y, X_val[:5], y_val[:5])
    two = y_val != 2
    with pytest.warns(JudgementWarning, match=r"no validation row has class 2"):
        learner(max_iter=1).fit(X, y, X_val[two], y_val[two])


def test_concentrated_weights_warn():
    X, y, X_val, y_val, _ = problem()
    model = learner("hu", normalize="softmax", temperature=1e-5, max_iter=5)
    with pytest.warns(WeightConcentrationWarning, match=r"concentrate .* of class \d"):
        model.fit(X, y, X_val, y_val)


@pytest.mark.parametrize("kind", [pd.DataFrame, pl.DataFrame])
def test_data_frames(kind):
    X, y, X_val, y_val, _ = problem(n=80)
    names = [f"c{j}" for j in range(8)]
    frames = (kind(dict(zip(names, part.T, strict=True))) for part in (X, X_val))
    frame, frame_val = frames
    model = learner().fit(frame, y, frame_val, y_val)
    plain = learner().fit(X, y, X_val, y_val)
    assert np.array_equal(model.sample_weight_, plain.sample_weight_)
    assert model.feature_names_in_.tolist() == names


def test_dvrl_asks_the_estimator_and_the_scorer():
    X, y, X_val, y_val, is_wrong = problem(n=150)
    scored = []

    def scorer(model, X, y):
        scored.append((type(model), len(X)))
        return model.score(X, y)

    forest = RandomForestClassifier(5)
    model = learner("dvrl", estimator=forest, scoring=scorer, max_iter=20)
    model.fit(X, y, X_val, y_val)
    assert scored == [(RandomForestClassifier, 40)] * 80
    assert roc_auc_score(~is_wrong, model.sample_weight_) > 0.8


def test_a_time_budget_and_callbacks():
    X, y, X_val, y_val, _ = problem(n=80)
    history = History()
    model = learner(max_iter=6).set_callbacks(history).fit(X, y, X_val, y_val)
    assert [r["iteration"] for r in history.records] == list(range(6))
    assert model.history_["objective"] == [r["objective"] for r in history.records]
    assert model.history_["loss"][-1] < model.history_["loss"][0]
    short = learner(max_iter=10**6, max_time=0.2).fit(X, y, X_val, y_val)
    assert 1 <= short.n_iter_ < 10**5
    stopped = learner(max_iter=10**6).set_callbacks(TimeBudget(0.2))
    assert 1 <= stopped.fit(X, y, X_val, y_val).n_iter_ < 10**5


@pytest.mark.parametrize("method", METHODS)
def test_a_checkpoint_goes_on(method, tmp_path):
    X, y, X_val, y_val, _ = problem(n=80)
    data = X, y, X_val, y_val
    whole = learner(method, max_iter=6).fit(*data)

    class Stop(Exception):
        pass

    class Interrupt(History):
        def on_fit_task_end(self, estimator, context, *, metadata=None):
            super().on_fit_task_end(estimator, context, metadata=metadata)
            if len(self.records) == 3:
                raise Stop

    path = tmp_path / "fit.npz"
    model = learner(method, max_iter=6)
    with pytest.raises(Stop):
        clone(model).set_callbacks(Checkpoint(path, every=1), Interrupt()).fit(*data)
    resumed = clone(model).set_callbacks(Checkpoint(path, every=1)).fit(*data)
    assert np.array_equal(resumed.sample_weight_, whole.sample_weight_)
    assert np.array_equal(resumed.weight_history_, whole.weight_history_)


def test_an_interrupted_fit_keeps_what_it_has():
    X, y, X_val, y_val, _ = problem(n=80)

    class Interrupt(History):
        def on_fit_task_end(self, estimator, context, *, metadata=None):
            super().on_fit_task_end(estimator, context, metadata=metadata)
            if metadata is not None and len(self.records) == 3:
                raise KeyboardInterrupt

    model = learner(max_iter=50).set_callbacks(Interrupt())
    with pytest.warns(UserWarning, match=r"Interrupted in phase 'weights'"):
        model.fit(X, y, X_val, y_val)
    wanted = learner(max_iter=3).fit(X, y, X_val, y_val)
    assert np.array_equal(model.sample_weight_, wanted.sample_weight_)


@pytest.mark.parametrize(
    ("params", "arguments", "message"),
    [
        ({}, {"X_val": np.ones((3, 8))}, r"X_val was passed without y_val"),
        ({}, {"y_val": np.ones(3)}, r"y_val was passed without X_val"),
        (
            {},
            {"X_val": np.ones((2, 8)), "y_val": [0, 7]},
            r"y_val has the class 7, which is none of those of y",
        ),
        (
            {},
            {"X_val": np.ones((2, 8)), "y_val": [[0, 1], [1, 2]]},
            r"y_val has 2 targets to a row, but y has 1",
        ),
        ({}, {"X_val": np.ones((2, 5)), "y_val": [0, 1]}, r"X has 5 features"),
        ({}, {"sample_weight": np.zeros(120)}, r"at least one non-zero number"),
        ({"validation": 200}, {}, r"validation=200 takes 200 rows of each class"),
        ({"validation": [0, 0]}, {}, r"validation must hold different places"),
        ({"validation": [-1, 5]}, {}, r"validation must hold different places"),
        ({"validation": np.arange(120)}, {}, r"validation holds all rows"),
        ({"validation": ["a"]}, {}, r"validation must be a share"),
        ({"validation": "abc"}, {}, r"validation"),
        (
            {"validation": KFold(3, shuffle=True, random_state=GENERATOR)},
            {},
            r"pass an integer",
        ),
        ({"learning_rate": 1e6, "method": "ren"}, {}, r"training diverged"),
        ({"device": "cuda:99"}, {}, r"is not there"),
        ({"device": "tpu"}, {}, r"device must be"),
        ({"hidden_layer_sizes": 0}, {}, r"hidden_layer_sizes must hold whole numbers"),
    ],
)
def test_bad_input_is_named(params, arguments, message):
    X, y, *_ = problem(n=120)
    with pytest.raises(ValueError, match=message):
        learner(**params).fit(X, y, **arguments)


def test_bad_targets_are_named():
    X, *_ = problem(n=120)
    cases = [
        (np.zeros(120), r"y has one class"),
        (np.arange(120), r"Pass task='regression'"),
        (np.r_[np.nan, np.ones(119)], r"NaN"),
        (np.array([None, *"ab" * 59, "a"], object), r"missing labels"),
        (np.ones(5), r"inconsistent numbers of samples"),
        (np.ones((120, 2, 2)), r"shape"),
    ]
    for y, message in cases:
        with pytest.raises(ValueError, match=message):
            learner().fit(X, y)
    with pytest.raises(ValueError, match=r"Unknown label type"):
        learner(task="classification").fit(X, np.linspace(0, 1, 120))
    from torch import nn

    with pytest.raises(ValueError, match=r"got the network Linear itself"):
        learner(module=nn.Linear(2, 2)).fit(X, np.arange(120) % 2)


def test_a_failed_fit_leaves_nothing_of_the_one_before():
    X, y, X_val, y_val, _ = problem(n=80)
    model = learner(max_iter=2).fit(X, y, X_val, y_val)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.full_like(X, np.nan), y)
    assert not hasattr(model, "sample_weight_")


def test_a_splitter_that_leaves_rows_out():
    X, y, *_ = problem(n=90)
    splitter = ShuffleSplit(2, test_size=0.3, train_size=0.3, random_state=0)
    model = learner(validation=splitter, max_iter=2).fit(X, y)
    never = ~np.isfinite(model.learned_weight_)
    assert never.any()
    assert model.sample_weight_.mean() == pytest.approx(1)


def test_dvrl_scores_with_all_classes_where_one_is_rare():
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(1500, 3)), np.zeros(1500, int)
    y[:6] = 1
    model = learner("dvrl", max_iter=8, batch_size=50, validation=0.4).fit(X, y)
    assert np.isfinite(model.history_["objective"]).all()


def test_dvrl_has_a_default_for_images_and_several_outputs():
    X, y, X_val, y_val, is_wrong = problem(n=150)
    images, images_val = (part.reshape(len(part), 2, 2, 2) for part in (X, X_val))
    Y, Y_val = (np.column_stack([part, part > 0]) for part in (y, y_val))
    for data in ((images, y, images_val, y_val), (X, Y, X_val, Y_val)):
        model = learner("dvrl", max_iter=40).fit(*data)
        assert roc_auc_score(~is_wrong, model.sample_weight_) > 0.8


def test_frozen_layers_stay_as_they_are():
    from torch import nn

    X, y, X_val, y_val, is_wrong = problem()
    made = []

    def make(shape, n_outputs):
        first = nn.Linear(8, 16).double().requires_grad_(False)
        made.append(first.weight.clone())
        return nn.Sequential(first, nn.ReLU(), nn.Linear(16, n_outputs).double())

    model = learner("meta_net", module=make, max_iter=30).fit(X, y, X_val, y_val)
    frozen = model._weighers[0].learner.network[0].weight
    assert np.allclose(frozen, made[0])
    assert roc_auc_score(~is_wrong, model.sample_weight_) > 0.9


def test_a_net_that_never_began_to_learn_weighs_all_rows_alike():
    X, y, X_val, y_val, _ = problem(n=80)
    model = learner("meta_net", warm_up=10, max_iter=3).fit(X, y, X_val, y_val)
    assert (model.sample_weight_ == 1).all()
    assert (model.predict_weight(X, y) == 1).all()


def test_another_method_than_that_of_the_fit():
    X, y, X_val, y_val, _ = problem(n=80)
    model = learner(max_iter=2).fit(X, y, X_val, y_val).set_params(method="meta_net")
    assert not hasattr(model, "predict_weight")
    model = learner("meta_net", max_iter=2).fit(X, y, X_val, y_val)
    assert hasattr(model.set_params(method="ren"), "predict_weight")


@pytest.mark.parametrize(
    ("method", "wanted"), [("hu", {"first": 1 / 16}), ("normalized", {"unit": 10.0})]
)
def test_units_that_the_estimator_chooses(method, wanted, monkeypatch):
    kind = {"hu": row_weights.Hu, "normalized": row_weights.Normalized}[method]
    found = {}

    class Watched(kind):
        def __init__(self, *rows, **settings):
            super().__init__(*rows, **settings)
            found.update(first=self.phi[0].item(), unit=getattr(self, "unit", None))

    monkeypatch.setattr(row_weights, kind.__name__, Watched)
    X = np.linspace(-1, 1, 40)[:, None]
    SampleWeightLearner(
        method, learning_rate=0.05, batch_size=16, max_iter=1, random_state=0
    ).fit(X, X[:, 0], X, X[:, 0])
    # The mean over a batch; half a step of the network.
    assert {name: found[name] for name in wanted} == pytest.approx(wanted)


@pytest.mark.gpu
@pytest.mark.parametrize("method", METHODS)
def test_on_a_gpu(method):
    X, y, X_val, y_val, is_wrong = problem()
    params = {"max_iter": 60} if method == "dvrl" else {}
    model = learner(method, device="cuda", **params).fit(X, y, X_val, y_val)
    assert model.device_ == "cuda"
    assert roc_auc_score(~is_wrong, model.sample_weight_) > 0.9
    again = pickle.loads(pickle.dumps(model))
    if method in ("meta_net", "dvrl"):
        assert again.predict_weight(X, y) == pytest.approx(model.sample_weight_, 1e-3)
