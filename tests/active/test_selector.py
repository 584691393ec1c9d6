import re
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.integrate import quad
from scipy.stats import beta
from sklearn.base import clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import nn

from skmix.active import (
    CVAE,
    STN,
    VAAL,
    AdaMixup,
    Entropy,
    InfoMixup,
    InfoSTN,
    LADAClassifier,
    LADASelector,
    ManifoldMixup,
    Margin,
    Mixup,
)
from tests.active.helpers import Table, digits


def paper(**changes):
    """LADA as in its paper, on rows of a table, by quadrature."""
    settings = {
        "acquisition": "entropy",
        "augmentation": "infomixup",
        "pairing": "random",
        "diversity": None,
        "virtual_scope": "round",
        "random_state": 0,
        **changes,
    }
    return LADASelector(Table(), **settings)


class Residual(nn.Module):
    """Two layers and a connection around both."""

    def __init__(self, n_inputs, n_classes):
        super().__init__()
        self.first, self.second = nn.Linear(n_inputs, 8), nn.Linear(8, n_classes)
        self.around = nn.Linear(n_inputs, n_classes)

    def forward(self, x):
        return self.second(self.first(x).relu()) + self.around(x)


# Six rows of one feature, of which the first two have a label.
X6 = np.array([[0.0], [1.0], [0.1], [0.9], [0.4], [0.5]])
Y6 = np.array([0.0, 1.0, np.nan, np.nan, np.nan, np.nan])


def H(p):
    """Entropy of two classes, in nats."""
    p = np.clip(p, 1e-300, 1)
    q = np.clip(1 - p, 1e-300, 1)
    return -(p * np.log(p) + q * np.log(q))


@pytest.mark.parametrize("weight", [1.0, 0.0, 2.5])
def test_pairs_are_worth_what_eq_15_says(weight):
    """H(x) + H(x') + E H(mix), the last by integration over a fixed Beta(2, 2)."""

    def density(r, a, b):
        return H(r * a + (1 - r) * b) * beta.pdf(r, 2, 2)

    selector = paper(augmentation=Mixup(2.0), lookahead_weight=weight)
    rows, utilities = selector.query(X6, Y6, batch_size=2, return_utilities=True)
    (pair,) = selector.pairs_
    assert sorted(pair) == sorted(rows)
    looked = np.flatnonzero(np.isfinite(utilities[0]))
    assert set(looked) == {2, 3, 4, 5}
    for row in looked:
        partner = next(
            other
            for other in looked
            if other != row and utilities[0, other] == utilities[0, row]
        )
        a, b = X6[row, 0], X6[partner, 0]
        mean = quad(density, 0, 1, (a, b))[0]
        assert selector.own_scores_[row] == pytest.approx(H(a))
        assert selector.virtual_scores_[row] == pytest.approx(mean, abs=0.01)
        expected = H(a) + H(b) + weight * selector.virtual_scores_[row]
        assert utilities[0, row] == pytest.approx(expected)
    best = utilities[0, rows]
    assert (best == np.nanmax(utilities[0])).all()


def test_learned_tau_of_a_pair_is_the_best_one():
    # Rows .1 and .9 are most doubtful in the middle; .4 and .5 are so themselves.
    selector = paper()
    found = {}
    for seed in range(30):
        selector.set_params(random_state=seed).query(X6, Y6, batch_size=2)
        (pair,), (tau,) = selector.pairs_, selector.tau_
        found[tuple(sorted(pair))] = tau
    assert len(found) >= 3
    for (first, second), tau in found.items():
        a, b = X6[first, 0], X6[second, 0]
        taus = np.geomspace(0.1, 20, 100)
        draws = np.random.RandomState(0).uniform(size=4000)
        ratio = beta.ppf(draws, *[taus[:, None]] * 2)
        mean = H(ratio * a + (1 - ratio) * b).mean(axis=1)
        assert np.interp(tau, taus, mean) > mean.max() - 0.02 * np.ptp(mean) - 1e-3


@pytest.mark.parametrize("pairing", ["neighbors", "labeled"])
def test_rows_are_worth_their_score_and_that_of_mixes_with_near_rows(pairing):
    X, y, _ = digits(n=120)
    selector = LADASelector(
        LogisticRegression(),
        augmentation=Mixup(1.0),
        pairing=pairing,
        n_neighbors=3,
        diversity=None,
        random_state=0,
    ).fit(X, y)
    model, pool = selector.estimator_, np.flatnonzero(np.isnan(y))
    own = Margin().score(model.predict_proba(X))
    partners = pool if pairing == "neighbors" else np.flatnonzero(~np.isnan(y))
    width = np.ptp(X, axis=0)
    Z = X / np.where(width > 0, width, 1)
    ratios = np.linspace(0, 1, 9)
    hat = np.r_[0.5, np.ones(7), 0.5] / 8  # E under Beta(1, 1)
    for row in pool[:5]:
        gap = np.linalg.norm(Z[partners] - Z[row], axis=1)
        gap[partners == row] = np.inf
        virtual = [
            hat
            @ Margin().score(
                model.predict_proba(
                    np.outer(ratios, X[row]) + np.outer(1 - ratios, X[p])
                )
            )
            for p in partners[np.argsort(gap)[:3]]
        ]
        assert selector.virtual_scores_[row] == pytest.approx(np.mean(virtual))
        assert selector.utilities_[row] == pytest.approx(own[row] + np.mean(virtual))
    assert np.isnan(selector.utilities_[~np.isnan(y)]).all()


def test_without_lookahead_rows_are_worth_their_own_score():
    X, y, _ = digits()
    selector = LADASelector(
        LogisticRegression(), lookahead=False, diversity=None, random_state=0
    )
    rows = selector.query(X, y, batch_size=7)
    score = Margin().score(selector.estimator_.predict_proba(X))
    score[~np.isnan(y)] = -1
    assert_array_equal(rows, np.argsort(-score)[:7])


def test_a_spread_batch_has_fewer_rows_of_a_kind():
    """Many copies of the most doubtful row: the best seven are all the same."""
    rng = np.random.RandomState(0)
    x = np.r_[np.full(60, 0.5), 0.5 + rng.uniform(-0.2, 0.2, 60)]
    X = np.column_stack([x, np.r_[np.zeros(60), rng.uniform(size=60)]])
    X[:60] += 1e-9 * rng.normal(size=(60, 2))
    X = np.r_[[[0.0, 0.0], [1.0, 0.0]], X]
    y = np.r_[0, 1, np.full(120, np.nan)]
    best = LADASelector(
        Table(), augmentation=None, diversity=None, random_state=0
    ).query(X, y, batch_size=7)
    spread = LADASelector(Table(), augmentation=None, random_state=0)
    chosen = spread.query(X, y, batch_size=7)
    assert (best < 62).sum() == 7
    assert (chosen < 62).sum() <= 2
    # All of them are among the seventy best.
    own = spread.own_scores_
    assert own[chosen].min() >= np.sort(own[2:])[-70]


def test_odd_batches_of_pairs_take_the_better_row_of_the_last():
    X, y, _ = digits(n=200)
    lada = LADASelector(
        LogisticRegression(),
        acquisition="entropy",
        pairing="random",
        diversity=None,
        random_state=0,
    )
    even, odd = lada.query(X, y, batch_size=6), lada.query(X, y, batch_size=5)
    assert_array_equal(odd[:4], even[:4])
    assert odd[4] == even[4:][lada.own_scores_[even[4:]].argmax()]
    assert lada.pairs_.shape == (2, 2)
    assert lada.tau_.shape == (2,)


def test_pairs_can_be_spread_too():
    X, y, _ = digits(n=200)
    selector = LADASelector(LogisticRegression(), pairing="random", random_state=0)
    rows = selector.query(X, y, batch_size=8)
    assert len(set(rows)) == 8
    assert sorted(selector.pairs_.ravel()) == sorted(rows)


def test_a_pool_that_makes_too_few_pairs_is_taken_row_by_row():
    X, y, _ = digits(n=60)
    pool = np.flatnonzero(np.isnan(y))[:3]
    selector = LADASelector(LogisticRegression(), pairing="random", random_state=0)
    assert set(selector.query(X, y, candidates=pool, batch_size=3)) == set(pool)
    assert selector.query(X, y, candidates=pool[:1]).tolist() == [pool[0]]


# The calls that the user guide has for the rows of the paper's Table 1.
PAGE = (Path(__file__).parents[2] / "docs" / "lada.rst").read_text()
TABLE_1 = dict(re.findall(r"\* - (.+)\n     - ``(acquisition=[^`]+)``", PAGE))
ROWS_OF_TABLE_1 = (
    "Random, BALD, Coreset, BADGE, BGADL, Max Entropy, Ent w. ManifoldMixup, Ent w. "
    "AdaMixup, LADA EntMix fixed, LADA EntMix, LADA EntSTN fixed, LADA EntSTN, VAAL, "
    "LADA VaalMix fixed, LADA VaalMix, Var Ratio, LADA VarMix fixed, LADA VarMix"
)


def test_the_user_guide_has_the_rows_of_the_papers_table():
    assert ", ".join(TABLE_1) == ROWS_OF_TABLE_1


def small_cnn(shape, n_classes):
    from torch import nn

    block = nn.Sequential(
        nn.Conv2d(shape[0], 4, 3), nn.ReLU(), nn.Dropout2d(0.2), nn.Flatten()
    )
    return nn.Sequential(block, nn.Linear(144, 16), nn.ReLU(), nn.Linear(16, n_classes))


@pytest.mark.parametrize("row", TABLE_1)
def test_every_row_of_the_papers_table_is_one_constructor_call(row):
    X, y, truth = digits(n=150)
    images = X.reshape(-1, 1, 8, 8)
    model = LADAClassifier(small_cnn, max_iter=2)
    settings = eval(f"dict({TABLE_1[row]})", {"InfoMixup": InfoMixup})
    selector = LADASelector(model, max_candidates=2000, random_state=0, **settings)
    rows = selector.query(images, y, batch_size=6)
    assert len(set(rows)) == 6
    assert np.isnan(y[rows]).all()
    y[rows] = truth[rows]
    plan = selector._plan(model)
    makes_nothing = selector.augmentation is None
    assert (plan is None) == makes_nothing
    selector._train(
        model,
        images,
        selector._read(images, y)[1],
        None,
        plan,
        np.random.RandomState(0),
    )
    if not makes_nothing:
        X_virtual, y_virtual, weight = selector.virtual_data(images, y)
        assert X_virtual.shape[1:] == images.shape[1:]
        assert np.isfinite(X_virtual).all()
        assert len(X_virtual) == len(y_virtual) == len(weight)


@pytest.mark.parametrize(
    "augmentation", ["adamixup", "cvae", AdaMixup(), CVAE()], ids=str
)
def test_what_learns_from_labels_cannot_look_ahead(augmentation):
    X, y, _ = digits(n=60)
    with pytest.raises(ValueError, match=r"learns from labels.*lookahead=False"):
        LADASelector(augmentation=augmentation).query(X, y)


@pytest.mark.parametrize(
    ("settings", "what"),
    [
        ({"acquisition": "entropie"}, "acquisition"),
        ({"augmentation": "mix"}, "augmentation"),
        ({"pairing": "nearest"}, "pairing"),
        ({"lookahead_weight": -1}, "lookahead_weight"),
        ({"n_neighbors": 0}, "n_neighbors"),
        ({"diversity": "kmeans++"}, "diversity"),
        ({"virtual_scope": "new"}, "virtual_scope"),
        ({"max_candidates": 0}, "max_candidates"),
        ({"device": "gpu"}, "device must be"),
        ({"augmentation": Mixup(tau=0)}, "tau"),
        ({"augmentation": InfoMixup((2.0, 1.0))}, "tau_bounds must be positive"),
        ({"augmentation": InfoMixup((0.0, 1.0))}, "tau_bounds must be positive"),
        ({"augmentation": InfoMixup((1.0,))}, "tau_bounds must be two numbers"),
        ({"augmentation": InfoMixup(policy="net")}, "policy"),
        ({"augmentation": InfoMixup(policy="network")}, "LogisticRegression does not"),
        ({"augmentation": "manifold_mixup"}, "LogisticRegression has none"),
        ({"augmentation": InfoMixup(layers=["1"])}, "is no network of torch"),
        ({"augmentation": InfoMixup(layers=[])}, "layers is empty"),
        ({"augmentation": "stn"}, r"must have the shape \(n, channels"),
        ({"augmentation": "infostn"}, r"must have the shape \(n, channels"),
    ],
)
def test_wrong_parameters_are_named(settings, what):
    X, y, _ = digits(n=60)
    with pytest.raises(ValueError, match=what):
        LADASelector(LogisticRegression(), **settings).query(X, y)


def test_policy_networks_need_scores_with_gradients():
    X, y, _ = digits(n=60)
    selector = LADASelector(
        LADAClassifier(max_iter=1),
        acquisition=lambda p: p[:, 0],
        augmentation=InfoMixup(policy="network"),
    )
    with pytest.raises(ValueError, match="FromProbabilities do not have"):
        selector.query(X, y)


def test_virtual_rows_are_the_soft_labels_exactly():
    """The weighted rows of a mix are the cross-entropy with its mixed label."""
    X, y, truth = digits(n=200)
    selector = LADASelector(
        LogisticRegression(),
        acquisition="entropy",
        pairing="random",
        diversity=None,
        virtual_scope="round",
        n_virtual=5,
        random_state=0,
    )
    rows = selector.query(X, y, batch_size=6)
    y[rows] = truth[rows]
    X_virtual, y_virtual, weight = selector.virtual_data(X, y)
    assert weight.sum() == pytest.approx(3)
    assert set(y_virtual) <= set(truth[rows])
    seen = 0
    for first, second in selector.pairs_:
        a, b = X[first], X[second]
        along = (X_virtual - b) @ (a - b) / ((a - b) @ (a - b))
        mine = np.flatnonzero(
            np.abs(X_virtual - b - along[:, None] * (a - b)).max(axis=1) < 1e-9
        )
        seen += len(mine)
        for row in mine:
            same = np.isclose(along[mine], along[row])
            labels, w = y_virtual[mine][same], weight[mine][same] * 5
            if y[first] == y[second]:
                assert labels.tolist() == [y[first]]
                assert_allclose(w, [1])
            else:
                share = dict(zip(labels, w, strict=True))
                assert share[y[first]] == pytest.approx(along[row])
                assert share[y[second]] == pytest.approx(1 - along[row])
    assert seen == len(X_virtual)


def test_mixes_of_all_rows_weigh_what_the_rows_do():
    X, y, _ = digits()
    selector = LADASelector(RandomForestClassifier(5), random_state=0).fit(X, y)
    X_virtual, y_virtual, weight = selector.virtual_data(X, y)
    n = int((~np.isnan(y)).sum())
    assert weight.sum() == pytest.approx(n)
    assert len(X_virtual) >= 4 * n
    known = X[~np.isnan(y)]
    assert (X_virtual >= known.min(axis=0)).all()
    assert (X_virtual <= known.max(axis=0)).all()
    assert set(y_virtual) <= set(y[~np.isnan(y)])


@pytest.mark.parametrize(
    ("estimator", "settings", "n"),
    [
        (LogisticRegression(), {}, 0),
        (LogisticRegression(), {"virtual_scope": "all"}, 160),
        (RandomForestClassifier(3), {"virtual_scope": None}, 0),
        (RandomForestClassifier(3), {"augmentation": None}, 0),
        (RandomForestClassifier(3), {"n_virtual": 1}, 40),
    ],
)
def test_scope_says_which_rows_are_mixed(estimator, settings, n):
    X, y, _ = digits()
    selector = LADASelector(estimator, random_state=0, **settings).fit(X, y)
    X_virtual, _, weight = selector.virtual_data(X, y)
    assert weight.sum() == pytest.approx(40 if n else 0)
    assert n <= len(X_virtual) <= 2 * n


def test_rows_of_the_last_query_must_have_labels_to_be_mixed():
    X, y, truth = digits()
    selector = LADASelector(LogisticRegression(), virtual_scope="round", random_state=0)
    rows = selector.query(X, y, batch_size=4)
    y[rows[0]] = truth[rows[0]]
    with pytest.raises(ValueError, match="no label for the rows") as error:
        selector.virtual_data(X, y)
    assert str(rows[0]) not in str(error.value).split("of the last")[0]


def test_the_classifier_sees_mixes_only_as_the_selectors_own():
    X, y, _ = digits(n=80)
    known = ~np.isnan(y)
    selector = LADASelector(Table(), virtual_scope="all", random_state=0)
    X2, y2 = X[:, 20:22], np.where(known, y > 4, np.nan)
    selector.query(X2, y2)
    X_seen, _, weight = selector.estimator_.seen_
    assert len(X_seen) > known.sum()
    assert_array_equal(X_seen[: known.sum()], X2[known])
    assert weight.sum() == pytest.approx(2 * known.sum())
    selector.query(X2, y2, clf=Table())
    X_seen, _, weight = selector.estimator_.seen_
    assert_array_equal(X_seen, X2[known])
    assert weight is None


def test_a_fitted_classifier_is_taken_as_it_is():
    X, y, _ = digits()
    model = LogisticRegression().fit(X[:50], np.arange(50) % 10)
    before = model.coef_.copy()
    selector = LADASelector(LogisticRegression(C=0.1), random_state=0)
    selector.query(X, y, clf=model, fit_clf=False)
    assert selector.estimator_ is model
    assert_array_equal(model.coef_, before)
    selector.query(X, y, clf=LogisticRegression(C=3.0))
    assert selector.estimator_.C == 3.0


def test_resampling_mixes_the_best_pairs_with_one_label_each():
    X, y, _ = digits()
    known = ~np.isnan(y)
    n = int(known.sum())
    selector = LADASelector(LogisticRegression(), guard=False, random_state=0)
    X_more, y_more = selector.fit_resample(X, y)
    assert X_more.shape == (2 * n, X.shape[1])
    assert_array_equal(X_more[:n], X[known])
    assert_array_equal(y_more[:n], y[known])
    parents, share = selector.parent_indices_, selector.mix_weights_
    assert known[parents].all()
    assert (parents[:, 0] != parents[:, 1]).all()
    mixes = (X[parents] * share[:, :, None]).sum(axis=1)
    assert_allclose(X_more[n:], mixes)
    of_first, of_second = (y_more[n:] == y[parents[:, k]] for k in (0, 1))
    assert (of_first | of_second).all()
    # Which label a mix has follows its share.
    mixed = y[parents[:, 0]] != y[parents[:, 1]]
    heavy = np.where(share[:, 0] > 0.5, of_first, of_second)[mixed]
    assert heavy.mean() > 0.5


def test_resampling_is_judged_by_cross_validation():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(80, 2))
    y = (X[:, 0] + 0.3 * rng.normal(size=80) > 0).astype(int)
    selector = LADASelector(LogisticRegression(), random_state=0)
    X_more, _ = selector.fit_resample(X, y)
    assert selector.accepted_ == (len(X_more) > 80)
    assert f"{-selector.best_score_:.3f} with mixing" in selector.chosen_
    assert f"{-selector.baseline_score_:.3f} without" in selector.chosen_
    plain = clone(selector).set_params(guard=False)
    assert len(plain.fit_resample(X, y)[0]) == 160
    assert "not judged" in plain.chosen_


def test_resampling_keeps_its_hands_off_where_it_cannot_judge():
    from skmix.exceptions import JudgementWarning

    X = np.random.RandomState(0).normal(size=(9, 2))
    y = [0] * 8 + [1]
    selector = LADASelector(LogisticRegression(), random_state=0)
    with pytest.warns(JudgementWarning, match="too few to judge"):
        X_more, _ = selector.fit_resample(X, y)
    assert len(X_more) == 9
    with pytest.raises(ValueError, match="1 class, and two are needed"):
        selector.fit_resample(X, [0] * 9)


def test_each_augmentation_can_be_set_by_name_or_object():
    names = {
        "mixup": Mixup,
        "manifold_mixup": ManifoldMixup,
        "infomixup": InfoMixup,
        "stn": STN,
        "infostn": InfoSTN,
        "adamixup": AdaMixup,
        "cvae": CVAE,
    }
    for name, kind in names.items():
        lookahead = kind().looks_ahead
        selector = LADASelector(augmentation=name, lookahead=lookahead)
        assert type(selector._recipe()[1]) is kind
        selector.set_params(augmentation=kind())
        assert type(selector._recipe()[1]) is kind


def test_fit_scores_the_pool_and_knows_new_rows():
    X, y, _ = digits()
    selector = LADASelector(
        LogisticRegression(), acquisition="entropy", random_state=0
    ).fit(X, y)
    pool = np.isnan(y)
    assert np.isfinite(selector.utilities_[pool]).all()
    scores = selector.score_samples(X)
    assert_allclose(scores[pool], selector.own_scores_[pool])
    assert_allclose(scores, Entropy().score(selector.estimator_.predict_proba(X)))
    assert_array_equal(selector.classes_, np.arange(10))
    with pytest.raises(ValueError, match="of 0 classes, and 2 are needed"):
        selector.fit(X, np.full(len(X), np.nan))


def test_a_single_row_is_the_best_one():
    """With nobody to be apart from, spread means nothing."""
    X, y, _ = digits()
    selector = LADASelector(LogisticRegression(max_iter=300), random_state=0)
    (row,), utilities = selector.query(X, y, return_utilities=True)
    assert utilities[0, row] == np.nanmax(utilities)


@pytest.mark.parametrize("acquisition", ["margin", "coreset", "badge", "random"])
@pytest.mark.parametrize(("n", "p", "k"), [(40_000, 2, 400), (20_000, 30, 10)])
def test_memory_is_what_the_notes_say(acquisition, n, p, k):
    """Of a number to each row and each choice there would be 128 MB."""
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(n, p)), np.full(n, np.nan)
    y[:10] = X[:10, 0] > 0
    settings = {"acquisition": acquisition, "augmentation": None, "random_state": 0}
    selector = LADASelector(LogisticRegression(), **settings)
    selector.query(X, y, batch_size=2)
    tracemalloc.start()
    rows = selector.query(X, y, batch_size=k)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert len(set(rows)) == k
    by_row, by_set = 8 * n + 40_000 * (p + 2), n * (2 * p + 2 + 10)
    assert peak < 8 * (by_row if acquisition == "margin" else by_set)


@pytest.mark.parametrize(
    "estimator",
    [make_pipeline(StandardScaler(), LogisticRegression()), LADAClassifier()],
)
def test_coreset_begins_anywhere_without_labels(estimator):
    X, _, _ = digits(n=60)
    selector = LADASelector(
        estimator, acquisition="coreset", augmentation=None, random_state=0
    )
    rows = selector.query(X, np.full(60, np.nan), batch_size=4)
    assert len(set(rows)) == 4


def test_a_class_is_no_acquisition():
    X, y, _ = digits(n=60)
    with pytest.raises(ValueError, match=r"acquisition must be .*: pass Entropy\(\)"):
        LADASelector(LogisticRegression(), acquisition=Entropy).query(X, y)


@pytest.mark.parametrize("candidates", [60, {60, 70}, {60: 1}])
def test_candidates_without_an_order(candidates):
    X, y, _ = digits()
    with pytest.raises(ValueError, match=r"candidates must .* list"):
        LADASelector(LogisticRegression()).query(X, y, candidates=candidates)


def test_virtual_data_before_any_query():
    X, y, _ = digits(n=60)
    frame = pd.DataFrame(X, columns=[f"pixel {i}" for i in range(64)])
    selector = LADASelector(LogisticRegression(), virtual_scope="all", random_state=0)
    made, labels, weight = selector.virtual_data(frame, y)
    assert list(made.columns) == list(frame.columns)
    assert len(labels) == len(weight) == len(made) > 0


def test_images_learn_to_look_unlike_labelled_ones():
    X, y, _ = digits(n=80)
    images = X.reshape(-1, 1, 8, 8)
    selector = LADASelector(
        LADAClassifier(max_iter=2),
        acquisition=VAAL(max_iter=5),
        augmentation=InfoSTN(max_iter=4),
        random_state=0,
    )
    rows = selector.query(images, y, batch_size=3)
    assert len(set(rows)) == 3
    assert np.isfinite(selector.virtual_scores_[rows]).all()


def test_manifold_mixup_asks_for_a_layer_to_cut_behind():
    X, y, _ = digits(n=60)

    def make_residual(shape, n_classes):
        return Residual(shape[0], n_classes)

    selector = LADASelector(
        LADAClassifier(make_residual, max_iter=1), augmentation="manifold_mixup"
    )
    with pytest.raises(ValueError, match="cannot be cut behind any of its blocks"):
        selector.query(X, y)
    selector.set_params(augmentation="infomixup").query(X, y)
    assert selector.layer_ == "input"
