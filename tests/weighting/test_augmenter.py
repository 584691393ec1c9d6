"""LearnedAugmenter."""

import pickle

import numpy as np
import pandas as pd
import polars as pl
import pytest
from imblearn.pipeline import make_pipeline as make_imblearn_pipeline
from sklearn.base import clone
from sklearn.datasets import load_diabetes, load_wine
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmix import ResampledClassifier, ResampledRegressor
from skmix.callbacks import History
from skmix.exceptions import JudgementWarning
from skmix.weighting import LearnedAugmenter


def augmenter(**params):
    defaults = {"guard": False, "max_iter": 8, "warm_up": 1, "random_state": 0}
    return LearnedAugmenter(**{**defaults, **params})


@pytest.fixture
def wine():
    return load_wine(return_X_y=True)


def test_copies_stand_behind_the_rows(wine):
    X, y = wine
    model = augmenter(n_copies=3)
    X_new, y_new = model.fit_resample(X, y)
    assert X_new.shape == (4 * 178, 13)
    assert np.array_equal(X_new[:178], X)
    assert np.array_equal(y_new, np.tile(y, 4))
    source, partner = model.parent_indices_.T
    assert np.array_equal(source, np.tile(np.arange(178), 3))
    assert np.array_equal(y[source], y[partner])
    assert model.mix_weights_.sum(axis=1) == pytest.approx(np.ones(534))
    # Within the range of the data, near the row, and not equal to it.
    assert (X_new >= X.min(axis=0)).all()
    assert (X_new <= X.max(axis=0)).all()
    distance = np.abs((X_new[178:] - X[source]) / X.std(axis=0))
    assert 0.01 < np.median(distance) < 0.5
    assert not (X_new[178:] == X[source]).all(axis=1).any()


def test_what_was_learned_can_be_read(wine):
    X, y = wine
    frame = pd.DataFrame(X, columns=[f"c{j}" for j in range(13)])
    model = augmenter(max_iter=20).fit(frame, np.array(["a", "b", "c"])[y])
    learned = model.transform_
    assert learned.strength.shape == learned.noise.shape == (3, 13)
    assert ((learned.strength > 0) & (learned.strength < 1)).all()
    # It has moved from where it began.
    assert np.abs(learned.strength - 0.2).max() > 0.05
    lines = learned.describe().splitlines()
    assert [line[:9] for line in lines] == ["Class 'a'", "Class 'b'", "Class 'c'"]
    most = learned.columns[int(learned.strength[0].argmax())]
    assert f"most in {most} {learned.strength[0].max():.2f} and" in lines[0]
    assert model.n_iter_ == 20
    assert len(model.history_["objective"]) == 20


def test_targets_follow_the_partner():
    rng = np.random.RandomState(0)
    X = rng.uniform(size=(100, 1))
    y = 10 * X[:, 0]
    model = augmenter(max_iter=1, meta_learning_rate=1e-6, n_copies=5)
    X_new, y_new = model.fit_resample(X, y)
    share = model.mix_weights_[:, 1]
    source, partner = model.parent_indices_.T
    assert y_new[100:] == pytest.approx(
        (1 - share) * y[source] + share * y[partner], rel=1e-4, abs=1e-4
    )
    assert share.max() < 0.21
    # Partners are near, so that a line stays a line but for the noise.
    error = y_new[100:] - 10 * X_new[100:, 0]
    noise = 10 * 0.05 * X.std()
    assert error.std() == pytest.approx(noise, rel=0.1)


@pytest.mark.parametrize("library", [pd, pl])
def test_columns_of_all_kinds(library):
    rng = np.random.RandomState(0)
    y = rng.randint(2, size=200)
    frame = library.DataFrame(
        {
            "float": rng.normal(size=200),
            "count": rng.randint(5, size=200),
            "word": np.array(["low", "high"])[y],
            "flag": rng.rand(200) < 0.5,
            "code": 10**17 + np.arange(200),
        }
    )
    labels = library.Series("label", y) if library is pl else pd.Series(y, name="label")
    model = augmenter(n_copies=4)
    X_new, y_new = model.fit_resample(frame, labels)
    assert isinstance(X_new, library.DataFrame)
    assert list(X_new.columns) == list(frame.columns)
    assert list(X_new.dtypes) == list(frame.dtypes)
    assert X_new.head(200).equals(frame)
    assert y_new.name == "label"
    word, count, code = (
        X_new[name].to_numpy()[200:] for name in ("word", "count", "code")
    )
    source = model.parent_indices_[:, 0]
    assert set(word) == {"low", "high"}
    assert set(count) <= set(range(5))
    assert np.array_equal(code, frame["code"].to_numpy()[source])
    # The word is drawn anew at times, and nearly always as the label has it.
    assert (word == frame["word"].to_numpy()[source]).mean() > 0.97
    flag = X_new["flag"].to_numpy()[200:]
    changed = (flag != frame["flag"].to_numpy()[source]).mean()
    assert 0.05 < changed < 0.2
    assert model.transform_.describe().endswith("Drawn anew at times: 'word', 'flag'.")


def test_columns_with_many_categories_stay_as_they_are():
    rng = np.random.RandomState(0)
    frame = pd.DataFrame(
        {"a": rng.normal(size=200), "id": [f"u{k % 100}" for k in range(200)]}
    )
    model = augmenter()
    X_new, _ = model.fit_resample(frame, np.arange(200) % 2)
    assert np.array_equal(
        X_new["id"][200:], frame["id"].to_numpy()[model.parent_indices_[:, 0]]
    )
    assert model.transform_.redrawn == []


def test_categories_alone_can_be_augmented():
    rng = np.random.RandomState(0)
    frame = pd.DataFrame(
        {"a": rng.choice(list("xyz"), 100), "b": rng.choice(list("uv"), 100)}
    )
    y = (frame["a"] == "x").astype(int)
    X_new, _ = augmenter().fit_resample(frame, y)
    assert len(X_new) == 200
    assert (X_new["b"][100:].to_numpy() != frame["b"].to_numpy()).any()


@pytest.mark.parametrize("flat", [False, True])
def test_images(flat):
    rng = np.random.RandomState(0)
    y = np.arange(60) % 2
    images = np.zeros((60, 2, 8, 8))
    images[y == 0, :, 2:6, 3:5] = 200
    images[y == 1, :, 3:5, 2:6] = 200
    images = (images + rng.uniform(0, 20, images.shape)).astype(np.uint8)
    X = images.reshape(60, -1) if flat else images
    model = augmenter(image_shape=(2, 8, 8) if flat else None)
    X_new, y_new = model.fit_resample(X, y)
    assert X_new.shape == (120, *X.shape[1:])
    assert X_new.dtype == np.uint8
    assert np.array_equal(X_new[:60], X)
    assert np.array_equal(y_new[60:], y)
    assert X_new.max() <= images.max()
    moved = np.abs(X_new[60:].astype(float) - X).mean()
    assert 1 < moved < 60
    assert set(model.transform_.amounts) == {
        "rotation",
        "shift",
        "log_scale",
        "brightness",
        "contrast",
        "cutout",
    }
    assert "turned by" in model.transform_.describe()


def test_a_module_of_the_user():
    import torch
    from torch import nn

    class Jitter(nn.Module):
        def __init__(self, X, Y):
            super().__init__()
            self.scale = nn.Parameter(torch.full((X.shape[1],), 0.1))

        def forward(self, X, Y, places):
            return X + self.scale * torch.randn_like(X), Y

    X, y = load_wine(return_X_y=True)
    model = augmenter(augmentation=Jitter, n_copies=2, validation=0.25)
    X_new, y_new = model.fit_resample(X, y)
    # Of the rows that it was made with: the others taught it.
    assert len(X_new) == 178 + 2 * 133
    source = model.parent_indices_[:, 0]
    assert len(np.unique(source)) == 133
    assert np.array_equal(y_new[178:], y[source])
    scale = model.transform_.parameters["scale"]
    assert not np.allclose(scale, 0.1)
    assert model.transform_.describe() == f"scale (13,): mean {scale.mean():.3f}"


def test_the_guard_hands_the_data_back():
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(120, 3)), np.arange(120) % 2
    model = augmenter(estimator=KNeighborsClassifier(), guard=True)
    X_new, y_new = model.fit_resample(X.tolist(), y.tolist())
    assert not model.accepted_
    assert model.chosen_.startswith("No copies. Held-out Brier loss: ")
    assert X_new == X.tolist()
    assert y_new == y.tolist()
    assert model.parent_indices_.shape == (0, 2)


def test_the_guard_keeps_what_helps():
    import torch
    from torch import nn

    class Shift(nn.Module):
        def __init__(self, X, Y):
            super().__init__()
            self.shift = nn.Parameter(torch.zeros(X.shape[1]))

        def forward(self, X, Y, places):
            return X + self.shift, Y

    # Validation and later rows are two standard deviations off, training rows are not.
    rng = np.random.RandomState(0)
    y = np.arange(500) % 2
    X = rng.normal(size=(500, 2)) + 2 * y[:, None]
    X[200:] += 3
    judge = KNeighborsClassifier()
    model = augmenter(
        estimator=judge,
        augmentation=Shift,
        guard=True,
        max_iter=40,
        meta_learning_rate=0.05,
    )
    model.fit(X[:200], y[:200], X_val=X[200:300], y_val=y[200:300])
    assert model.accepted_
    assert model.chosen_.startswith("Copies of all rows. Held-out Brier loss: ")
    assert model.best_score_ > model.baseline_score_ + 0.1
    plain = clone(judge).fit(X[:200], y[:200]).score(X[300:], y[300:])
    made = clone(judge).fit(*model.resample()).score(X[300:], y[300:])
    assert made > plain + 0.1
    shift = X[:200].std(axis=0) * model.transform_.parameters["shift"]
    assert shift == pytest.approx([3, 3], abs=1)


def test_that_a_penalty_weighs_less_is_no_merit_of_copies(wine):
    import torch
    from torch import nn

    class Same(nn.Module):
        def __init__(self, X, Y):
            super().__init__()
            self.nothing = nn.Parameter(torch.zeros(1))

        def forward(self, X, Y, places):
            return X + 0 * self.nothing, Y

    X, y = wine
    judge = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3))
    model = augmenter(
        estimator=judge, augmentation=Same, n_copies=4, max_iter=2, guard=True
    )
    model.fit(X, y)
    assert not model.accepted_
    loss, plain = -model.best_score_, -model.baseline_score_
    # The rows that judged while it was made have no copies of their own, which is why
    # even these are worse than copies of all.
    assert loss >= plain
    assert f"{plain:.4f} with plain ones" in model.chosen_


def test_a_class_that_no_training_row_has(wine):
    X, y = wine
    frame = pd.DataFrame(X[:, :2], columns=["a", "b"])
    frame["kind"] = np.array(["u", "v"])[(X[:, 2] > 2.3).astype(int)]
    # The share that judges is one of two groups, and alone has class 2.
    groups = (y == 2).astype(int)
    for seed in range(3):
        model = augmenter(validation=0.4, random_state=seed, max_iter=2)
        X_new, y_new = model.fit_resample(frame, y, groups=groups)
        assert np.array_equal(y_new[178:], y)
        assert X_new["kind"][178:][y == 2].isin(["u", "v"]).all()


def test_the_guard_asks_a_linear_model_and_says_so(wine):
    X, y = wine
    with pytest.warns(JudgementWarning, match=r"asks a linear model in its place"):
        augmenter(guard=True, max_iter=2).fit(X, y)
    frame = pd.DataFrame({"a": X[:, 0], "b": np.array(["u", "v", "w"])[y]})
    with pytest.warns(JudgementWarning, match=r"linear model"):
        augmenter(guard=True, max_iter=2).fit(frame, y)


def test_too_few_rows_give_up(wine):
    X, y = wine
    with pytest.warns(JudgementWarning, match=r"15 rows are too few to judge"):
        model = augmenter(guard=True, max_iter=1).fit(X[::12], y[::12])
    assert not model.accepted_
    with pytest.warns(JudgementWarning, match=r"15 validation rows are too few"):
        augmenter(guard=True, max_iter=1).fit(X, y, X_val=X[::12], y_val=y[::12])


def test_no_copies_are_the_control(wine):
    X, y = wine
    X_new, y_new = augmenter(n_copies=0).fit_resample(X, y)
    assert np.array_equal(X_new, X)
    assert np.array_equal(y_new, y)


def test_in_pipelines_and_grids(wine):
    X, y = wine
    pipeline = make_imblearn_pipeline(
        StandardScaler(), augmenter(max_iter=2), LogisticRegression(max_iter=500)
    )
    search = GridSearchCV(pipeline, {"learnedaugmenter__n_copies": [0, 1]}, cv=2)
    assert search.fit(X, y).score(X, y) > 0.9
    inner = ResampledClassifier(
        KNeighborsClassifier(), resampler=augmenter(guard=True, max_iter=2)
    )
    fitted = make_pipeline(StandardScaler(), inner).fit(X, y)[-1]
    assert isinstance(fitted.resampler_.estimator, KNeighborsClassifier)
    X, y = load_diabetes(return_X_y=True)
    inner = ResampledRegressor(
        Ridge(), resampler=augmenter(guard=True, max_iter=2), random_state=0
    )
    fitted = inner.fit(X, y, sample_weight=np.linspace(0.5, 1.5, len(y)))
    assert fitted.resampler_.task == "regression"


def test_resample_draws_again(wine):
    X, y = wine
    model = augmenter()
    first, _ = model.fit_resample(X, y)
    assert np.array_equal(model.resample()[0], first)
    other, _ = model.resample(random_state=1)
    assert np.array_equal(other[:178], X)
    assert not np.array_equal(other, first)
    restored = pickle.loads(pickle.dumps(model))
    assert np.array_equal(restored.resample()[0], first)


def test_one_seed_one_result(wine, random_state_untouched):
    X, y = wine
    first = augmenter().fit_resample(X, y)[0]
    assert np.array_equal(augmenter().fit_resample(X, y)[0], first)
    assert not np.array_equal(augmenter(random_state=1).fit_resample(X, y)[0], first)


def test_callbacks_see_one_fit_and_time_is_shared(wine):
    X, y = wine
    history = History()
    model = clone(augmenter(estimator=LogisticRegression(max_iter=2000), guard=True))
    model.set_callbacks(history).fit(StandardScaler().fit_transform(X), y)
    assert [r["iteration"] for r in history.records] == list(range(8))
    quick = augmenter(
        estimator=KNeighborsClassifier(), guard=True, max_iter=10**6, max_time=0.5
    )
    assert 1 <= quick.fit(X, y).n_iter_ < 10**5


def test_groups_stay_together(wine):
    X, y = wine
    groups = np.arange(178) % 30
    model = augmenter(estimator=KNeighborsClassifier(), guard=True, max_iter=1)
    model.fit(X, y, groups=groups)
    assert np.isfinite(model.best_score_)


@pytest.mark.parametrize(
    ("params", "arguments", "message"),
    [
        ({}, {"X_val": np.ones((3, 13))}, r"X_val was passed without y_val"),
        ({}, {"y_val": np.ones(3)}, r"y_val was passed without X_val"),
        ({"augmentation": "image"}, {}, r"X must hold images of shape"),
        ({"image_shape": (1, 2, 3)}, {}, r"image_shape=\(1, 2, 3\) must be"),
        ({"estimator": Ridge()}, {}, r"estimator must be a classifier"),
        ({"augmentation": lambda X, Y: 3}, {}, r"returns a torch.nn.Module"),
        ({"device": "tpu"}, {}, r"device must be"),
    ],
)
def test_bad_input_is_named(wine, params, arguments, message):
    X, y = wine
    with pytest.raises(ValueError, match=message):
        augmenter(**params).fit(X, y, **arguments)


def test_images_that_are_true_or_false():
    rng = np.random.RandomState(0)
    images = rng.rand(60, 1, 8, 8) > 0.5
    X_new, _ = augmenter().fit_resample(images, np.arange(60) % 3)
    assert X_new.dtype == bool
    assert X_new[60:].mean() == pytest.approx(images.mean(), abs=0.05)


def test_images_in_a_data_frame():
    rng = np.random.RandomState(0)
    frame = pd.DataFrame(rng.randint(0, 255, (60, 64))).add_prefix("p")
    y = np.arange(60) % 3
    for n_copies in (0, 1):
        model = augmenter(image_shape=(1, 8, 8), n_copies=n_copies)
        X_new, _ = model.fit_resample(frame, y)
        assert X_new.columns.equals(frame.columns)
        assert (X_new.dtypes == frame.dtypes).all()
        assert X_new.head(60).equals(frame)


def test_the_guard_of_few_groups_and_of_several_outputs(wine):
    X, y = wine
    knn = KNeighborsClassifier()
    model = augmenter(estimator=knn, guard=True, max_iter=1)
    with pytest.warns(JudgementWarning, match=r"rows of 2 groups are too few"):
        model.fit(X, y, groups=np.arange(178) % 2)
    with pytest.warns(JudgementWarning, match=r"in its place"):
        augmenter(guard=True, max_iter=1).fit(X, np.column_stack([y, y > 0]))


def test_what_a_module_of_the_user_must_be(wine):
    import torch
    from torch import nn

    class Alone(nn.Module):
        def __init__(self):
            super().__init__()
            self.scale = nn.Parameter(torch.ones(1))

        def forward(self, X, Y, places):
            return X * self.scale

    X, y = wine
    with pytest.raises(ValueError, match=r"must return a pair \(X, Y\)"):
        augmenter(augmentation=lambda X, Y: Alone()).fit(X, y)
    with pytest.raises(ValueError, match=r"got the module Alone itself"):
        augmenter(augmentation=Alone()).fit(X, y)


@pytest.mark.gpu
def test_on_a_gpu(wine):
    X, y = wine
    model = augmenter(device="cuda", n_copies=2)
    X_new, _ = model.fit_resample(X, y)
    assert model.device_ == "cuda"
    assert len(X_new) == 3 * 178
    restored = pickle.loads(pickle.dumps(model))
    assert np.array_equal(restored.resample()[0], X_new)
