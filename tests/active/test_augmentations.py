import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from skmix.active import (
    CVAE,
    STN,
    AdaMixup,
    InfoMixup,
    InfoSTN,
    LADAClassifier,
    LADASelector,
    ManifoldMixup,
    Mixup,
)
from skmix.active._virtual import Mixing, draw_ratios, gains_from_mixes, two_labels
from tests.active.helpers import digits


def flat(X):
    return X.reshape(len(X), -1)


def images(n=120, n_labelled=40):
    X, y, truth = digits(n_labelled, n)
    return X.reshape(-1, 1, 8, 8), y, truth


def test_mixes_are_drawn_from_their_beta_or_their_range():
    rng = np.random.RandomState(0)
    tau = np.repeat([0.5, 8.0], 4000)
    ratio = draw_ratios(tau, rng)
    for value, part in zip((0.5, 8.0), (ratio[:4000], ratio[4000:]), strict=True):
        assert part.mean() == pytest.approx(0.5, abs=0.02)
        assert part.var() == pytest.approx(1 / (4 * (2 * value + 1)), rel=0.1)
    ranges = np.tile([0.2, 0.4], (1000, 1))
    ratio = draw_ratios(ranges, rng)
    assert 0.2 <= ratio.min() < 0.21
    assert 0.39 < ratio.max() <= 0.4


def test_mixing_repeats_pairs_or_draws_them():
    rng = np.random.RandomState(0)
    pairs = Mixing(np.array([0, 2]), np.array([1, 3]), np.array([1.0, 1.0]))
    first, second, ratio = pairs.draw(9, 3, rng)
    assert first.tolist() == [0, 0, 0, 2, 2, 2]
    assert second.tolist() == [1, 1, 1, 3, 3, 3]
    assert len(np.unique(ratio)) == 6
    first, second, ratio = Mixing(None, None, 2.0).draw(5, 2, rng)
    assert_array_equal(first, np.repeat(np.arange(5), 2))
    assert (first != second).all()
    assert len(ratio) == 10


def test_two_labels_by_hand():
    labels, other = np.array(["a", "b", "a"]), np.array(["b", "b", "c"])
    mix, label, weight = two_labels(
        labels, other, np.array([0.25, 0.5, 1.0]), np.array([1.0, 2.0, 1.0])
    )
    rows = sorted(zip(mix.tolist(), label.tolist(), weight.tolist(), strict=True))
    # A share of 0 makes no row.
    assert rows == [(0, "a", 0.25), (0, "b", 0.75), (1, "b", 2.0), (2, "a", 1.0)]


def test_two_weighted_rows_are_the_cross_entropy_with_the_soft_label():
    rng = np.random.RandomState(0)
    ratio, weight = rng.uniform(size=8), np.ones(8)
    labels, other = rng.randint(3, size=8), rng.randint(3, size=8)
    log_p = np.log(rng.dirichlet(np.ones(3), size=8))
    soft = ratio[:, None] * np.eye(3)[labels] + (1 - ratio)[:, None] * np.eye(3)[other]
    mix, label, sample_weight = two_labels(labels, other, ratio, weight)
    loss = -(sample_weight * log_p[mix, label]).sum()
    assert loss == pytest.approx(-(soft * log_p).sum())


def test_forests_and_networks_that_mix_gain_from_mixes():
    from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier

    assert gains_from_mixes(ExtraTreesClassifier())
    assert gains_from_mixes(LADAClassifier())
    assert gains_from_mixes(
        make_pipeline(FunctionTransformer(), ExtraTreesClassifier())
    )
    assert not gains_from_mixes(LogisticRegression())
    assert not gains_from_mixes(HistGradientBoostingClassifier())


@pytest.mark.parametrize("kind", [Mixup, ManifoldMixup])
def test_a_fixed_tau_is_that_of_all_pairs(kind):
    X, y, _ = digits(n=100)
    selector = LADASelector(
        LADAClassifier(max_iter=2),
        augmentation=kind(tau=0.7),
        pairing="random",
        random_state=0,
    )
    selector.query(X, y, batch_size=6)
    assert selector.tau_.tolist() == [0.7] * 3
    assert (selector.layer_ == "input") == (kind is Mixup)


def test_layers_are_drawn_from_those_asked_for():
    X, y, _ = digits(n=60)
    seen = set()
    for seed in range(12):
        selector = LADASelector(LADAClassifier(max_iter=1), random_state=seed)
        selector.query(X, y)
        seen.add(selector.layer_)
    assert seen == {"1", "2"}
    for layers in (["1"], ["input"], ["2.0"]):
        selector.set_params(augmentation=InfoMixup(layers=layers)).query(X, y)
        assert selector.layer_ == layers[0]
    with pytest.raises(ValueError, match="layers holds '9'"):
        selector.set_params(augmentation=InfoMixup(layers=["9"])).query(X, y)


def test_mixing_at_a_layer_is_scored_behind_it():
    """The expected score of a pair against a pass of torch by hand."""
    import torch

    X, y, _ = digits(n=80)
    selector = LADASelector(
        LADAClassifier(max_iter=3, random_state=0),
        acquisition="entropy",
        augmentation=ManifoldMixup(tau=1.0, layers=["1"]),
        pairing="random",
        diversity=None,
        random_state=0,
    )
    selector.query(X, y, batch_size=2)
    ((first, second),) = selector.pairs_
    network, scale = selector.estimator_._network_and_scale()
    with torch.no_grad():
        a, b = network[:2](torch.as_tensor(scale(X[[first, second]])))
        ratios = torch.linspace(0, 1, 9)[:, None]
        p = network[2:](ratios * a + (1 - ratios) * b).double().softmax(dim=1)
    entropy = -(p * p.log()).sum(dim=1).numpy()
    expected = np.r_[0.5, np.ones(7), 0.5] / 8 @ entropy
    assert selector.virtual_scores_[first] == pytest.approx(expected, rel=1e-5)


def test_the_policy_network_is_near_the_quadrature_and_changes_no_classifier():
    X, y, _ = digits(n=120)
    model = LADAClassifier(max_iter=20, random_state=0).fit(X, y)
    parameters = list(model._network.parameters())
    before = [(p.detach().clone(), p.grad.clone()) for p in parameters]
    found = {}
    for policy in ("quadrature", "network"):
        selector = LADASelector(
            acquisition="entropy",
            augmentation=InfoMixup(
                policy=policy, layers=["2"], learning_rate=0.01, max_iter=40
            ),
            pairing="random",
            diversity=None,
            random_state=0,
        )
        selector.query(X, y, clf=model, fit_clf=False, batch_size=80)
        found[policy] = selector
    best, learned = (np.nansum(s.virtual_scores_) for s in found.values())
    assert best >= learned > 0.9 * best
    history = found["network"].history_["policy_score"]
    assert len(history) == 41
    assert max(history) > history[0]
    assert found["quadrature"].history_["policy_score"] == []
    for (value, gradient), parameter in zip(before, parameters, strict=True):
        assert (parameter == value).all()
        assert (parameter.grad == gradient).all()
        assert parameter.requires_grad
    assert not model._network.training


def test_adamixup_learns_ranges_of_labelled_pairs():
    X, y, truth = digits(n=120)
    selector = LADASelector(
        LogisticRegression(),
        augmentation=AdaMixup(max_iter=30),
        lookahead=False,
        random_state=0,
    )
    rows = selector.query(X, y, batch_size=6)
    assert np.isnan(selector.tau_).all()
    y[rows] = truth[rows]
    X_virtual, y_virtual, weight = selector.virtual_data(X, y)
    assert weight.sum() == pytest.approx(3)
    assert set(y_virtual) <= set(truth[rows])
    selector.set_params(virtual_scope="all")
    _, _, weight = selector.virtual_data(X, y)
    assert weight.sum() == pytest.approx(46)
    assert len(X_virtual)


def test_stn_looks_at_turned_images_with_any_classifier():
    X, y, truth = images()
    model = make_pipeline(FunctionTransformer(flat), LogisticRegression())
    selector = LADASelector(
        model, acquisition="entropy", augmentation=STN(), diversity=None, random_state=0
    )
    rows = selector.query(X, y, batch_size=5)
    pool = np.isnan(y)
    assert np.isfinite(selector.virtual_scores_[pool]).all()
    assert_allclose(
        selector.utilities_[pool],
        (selector.own_scores_ + selector.virtual_scores_)[pool],
    )
    y[rows] = truth[rows]
    selector.set_params(virtual_scope="round", n_virtual=3)
    X_virtual, y_virtual, weight = selector.virtual_data(X, y)
    assert X_virtual.shape == (15, 1, 8, 8)
    assert_array_equal(y_virtual, np.repeat(truth[rows], 3))
    assert weight.sum() == pytest.approx(5)
    changed = np.abs(X_virtual - X[np.repeat(rows, 3)]).max(axis=(1, 2, 3))
    assert (changed > 0.05).all()


def test_infostn_finds_images_of_greater_score_than_chance():
    X, y, truth = images(200)
    model = LADAClassifier(max_iter=20, random_state=0).fit(X, y)
    mean = {}
    for augmentation in (STN(), InfoSTN(max_iter=150)):
        selector = LADASelector(
            acquisition="entropy",
            augmentation=augmentation,
            diversity=None,
            virtual_scope="round",
            random_state=0,
        )
        rows = selector.query(X, y, clf=model, fit_clf=False, batch_size=4)
        mean[type(augmentation)] = np.nanmean(selector.virtual_scores_)
    assert mean[InfoSTN] > mean[STN] + 0.05
    y[rows] = truth[rows]
    X_virtual, _, _ = selector.virtual_data(X, y)
    assert X_virtual.shape == (16, 1, 8, 8)
    # Learned, not drawn: the copies of a row are the same.
    assert_array_equal(X_virtual[0], X_virtual[1])


def test_integer_images_stay_integers():
    X, y, _ = images()
    X = (X * 255).astype(np.uint8)
    y[np.isnan(y)] = 0
    selector = LADASelector(
        LADAClassifier(max_iter=1), augmentation="stn", guard=False, random_state=0
    )
    X_more, y_more = selector.fit_resample(X, y)
    assert X_more.dtype == np.uint8
    assert len(X_more) == len(y_more) == 240
    assert_array_equal(selector.parent_indices_[:, 0], np.arange(120))


@pytest.mark.parametrize("shape", ["table", "images", "frame"])
def test_cvae_makes_rows_of_the_same_class(shape):
    X, y, truth = images(300, n_labelled=150)
    if shape != "images":
        X = flat(X)
    if shape == "frame":
        import pandas as pd

        X = pd.DataFrame(np.rint(X * 16).astype(int)).add_prefix("p")
        X["kind"] = "digit"
    numbers = X.drop(columns="kind") if shape == "frame" else X
    model = make_pipeline(FunctionTransformer(only_numbers), LogisticRegression())
    selector = LADASelector(
        model,
        acquisition="entropy",
        augmentation=CVAE(),
        lookahead=False,
        random_state=0,
    )
    rows = selector.query(X, y, batch_size=8)
    y[rows] = truth[rows]
    made, labels, weight = selector.virtual_data(X, y)
    assert len(made) == len(labels) == 32
    assert weight.sum() == pytest.approx(8)
    assert_array_equal(labels, np.repeat(truth[rows], 4))
    if shape == "frame":
        assert (made["kind"] == "digit").all()
        assert made.drop(columns="kind").dtypes.eq(numbers.dtypes).all()
    else:
        assert made.shape[1:] == X.shape[1:]
    judge = LogisticRegression(max_iter=2000).fit(flat(np.asarray(numbers)), truth)
    of_class = judge.predict(only_numbers(made)) == labels
    assert of_class.mean() > 0.7


def only_numbers(X):
    if hasattr(X, "columns"):
        X = X.drop(columns="kind")
    return flat(np.asarray(X, dtype=float))


def test_cvae_refuses_sparse_rows():
    from scipy.sparse import csr_matrix

    X, y, truth = digits(n=60)
    selector = LADASelector(
        LogisticRegression(), augmentation="cvae", lookahead=False, random_state=0
    )
    rows = selector.query(csr_matrix(X), y, batch_size=2)
    y[rows] = truth[rows]
    with pytest.raises(ValueError, match="'cvae' needs dense rows"):
        selector.virtual_data(csr_matrix(X), y)


def test_infostn_sees_images_as_the_network_does():
    """So that their unit does not matter."""
    X, y, _ = digits(n=100)
    X = X.reshape(-1, 1, 8, 8)
    found = []
    for unit in (1.0, 1000.0):
        selector = LADASelector(
            LADAClassifier(max_iter=5, random_state=0),
            acquisition="entropy",
            augmentation=InfoSTN(max_iter=20, learning_rate=0.03),
            diversity=None,
            random_state=0,
        )
        selector.query(unit * X, y, batch_size=3)
        found.append(selector.virtual_scores_)
    assert_allclose(*found, atol=0.02)
