import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import entropy as scipy_entropy
from sklearn.ensemble import (
    AdaBoostClassifier,
    BaggingClassifier,
    ExtraTreesClassifier,
    RandomForestClassifier,
    VotingClassifier,
)
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.naive_bayes import GaussianNB
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skmix.active import (
    BADGE,
    BALD,
    VAAL,
    Coreset,
    Entropy,
    FromProbabilities,
    InfoMixup,
    LADAClassifier,
    LADASelector,
    Margin,
    Random,
    VarRatio,
)
from tests.active.helpers import digits

P = np.random.RandomState(0).dirichlet(np.ones(4), size=20)


def test_scores_are_those_of_the_formulas():
    first, second = np.sort(P, axis=1)[:, :-3:-1].T
    assert_allclose(Entropy().score(P), scipy_entropy(P, axis=1))
    assert_allclose(VarRatio().score(P), 1 - first)
    assert_allclose(Margin().score(P), 1 - (first - second))
    sure = np.eye(4)
    for acquisition in (Entropy(), VarRatio(), Margin()):
        assert_allclose(acquisition.score(sure), 0, atol=1e-12)


def test_bald_is_the_information_between_class_and_member():
    members = np.random.RandomState(1).dirichlet(np.ones(3), size=(5, 10))
    mean = members.mean(axis=0)
    divergence = (members * np.log(members / mean)).sum(axis=2).mean(axis=0)
    assert_allclose(BALD().score(members), divergence)


@pytest.mark.parametrize(
    "ensemble",
    [
        RandomForestClassifier(5, random_state=0),
        # Members that see some columns only, and some classes only.
        BaggingClassifier(
            DecisionTreeClassifier(), max_samples=12, max_features=0.5, random_state=0
        ),
        VotingClassifier(
            [("t", DecisionTreeClassifier()), ("l", LogisticRegression())],
            voting="soft",
        ),
    ],
)
def test_members_of_an_ensemble_average_to_it(ensemble):
    X, y, _ = digits()
    selector = LADASelector(
        ensemble, acquisition="bald", augmentation=None, random_state=0
    ).fit(X, y)
    scores = selector.score_samples(X)
    assert (scores >= -1e-12).all()
    from skmix.active._views import make_view

    view = make_view(selector.estimator_, X, np.arange(9), "from_dtype", "input")
    members = view.members(X, 20)
    assert len(members) == len(selector.estimator_.estimators_)
    assert_allclose(members.mean(axis=0), selector.estimator_.predict_proba(X))
    assert_allclose(scores, BALD().score(members))


def test_bald_without_members_says_what_it_needs():
    X, y, _ = digits()
    selector = LADASelector(LogisticRegression(), acquisition="bald")
    with pytest.raises(ValueError, match="LogisticRegression is neither"):
        selector.query(X, y)
    with pytest.raises(ValueError, match=r"no module such as nn\.Dropout"):
        LADASelector(LADAClassifier(max_iter=1), acquisition="bald").query(X, y)


@pytest.mark.parametrize(
    "ensemble",
    [
        AdaBoostClassifier(n_estimators=3, random_state=0),
        BaggingClassifier(make_pipeline(StandardScaler(), GaussianNB()), 3),
        BaggingClassifier(RandomForestClassifier(3), 3),
        VotingClassifier(
            [
                ("bayes", make_pipeline(StandardScaler(), GaussianNB())),
                ("trees", ExtraTreesClassifier(4, random_state=0)),
            ],
            voting="soft",
        ),
    ],
    ids=["boosting", "pipelines", "forests", "voting"],
)
@pytest.mark.parametrize("names", [np.arange(10), np.arange(10) - 1, 7 * np.arange(10)])
def test_members_know_classes_by_their_places_or_their_labels(ensemble, names):
    X, y, truth = digits()
    y = np.where(np.isnan(y), np.nan, names[truth])
    selector = LADASelector(
        ensemble, acquisition="bald", augmentation=None, random_state=0
    ).fit(X, y)
    from skmix.active._views import make_view

    fitted = selector.estimator_
    members = make_view(fitted, X, np.arange(9), "from_dtype", "input").members(X, 20)
    assert_allclose(members.sum(axis=2), 1)
    for member, part in zip(fitted.estimators_, members, strict=True):
        labels = member.predict(X)
        if not isinstance(ensemble, AdaBoostClassifier):
            labels = fitted.classes_[labels.astype(int)]
        assert_array_equal(fitted.classes_[part.argmax(axis=1)], labels)


def test_one_classifier_to_each_class_is_no_ensemble():
    X, y, _ = digits()
    selector = LADASelector(OneVsRestClassifier(LogisticRegression()))
    with pytest.raises(ValueError, match="OneVsRestClassifier is neither"):
        selector.set_params(acquisition="bald").query(X, y)


def test_one_class_leaves_no_doubt():
    X, y, _ = digits()
    sure = RandomForestClassifier(3, random_state=0).fit(X[:9], np.zeros(9))
    for acquisition in ("margin", "entropy", "var_ratio"):
        selector = LADASelector(acquisition=acquisition, random_state=0)
        selector.query(X, y, clf=sure, fit_clf=False, batch_size=3)
        assert not selector.own_scores_[selector.query_indices_].any()


def test_scores_that_are_no_numbers_are_not_ranked():
    X, y, _ = digits()

    class Broken(GaussianNB):
        def predict_proba(self, X):
            p = super().predict_proba(X)
            return np.where(np.arange(len(p))[:, None] == 2, np.nan, p)

    with pytest.raises(ValueError, match=r"NaN or infinite for 1 rows, among them row"):
        LADASelector(Broken(), augmentation=None).query(X, y)


def with_dropout(shape, n_classes):
    from torch import nn

    return nn.Sequential(
        nn.Linear(*shape, 32), nn.ReLU(), nn.Dropout(0.5), nn.Linear(32, n_classes)
    )


def test_bald_by_passes_with_dropout(random_state_untouched):
    X, y, _ = digits()
    selector = LADASelector(
        LADAClassifier(with_dropout, max_iter=5),
        acquisition=BALD(n_members=7),
        random_state=0,
    ).fit(X, y)
    scores = selector.score_samples(X)
    assert scores.max() > 0.01
    assert_array_equal(selector.score_samples(X), scores)
    assert_array_equal(selector.estimator_.predict(X), selector.estimator_.predict(X))


def test_a_function_of_probabilities_is_an_acquisition():
    X, y, _ = digits()
    ask = {"batch_size": 5, "return_utilities": True}
    ours = LADASelector(LogisticRegression(), acquisition="var_ratio", random_state=0)
    theirs = LADASelector(
        LogisticRegression(), acquisition=lambda p: 1 - p.max(axis=1), random_state=0
    )
    for one, other in zip(
        ours.query(X, y, **ask), theirs.query(X, y, **ask), strict=True
    ):
        assert_array_equal(one, other)


@pytest.mark.parametrize(
    "function",
    [lambda p: p, lambda p: p.max(), lambda p: np.full(len(p), np.nan)],
)
def test_a_function_that_returns_no_scores_is_refused(function):
    with pytest.raises(ValueError, match="one finite number to a row"):
        FromProbabilities(function).score(P)


def test_badge_asks_for_the_last_layer_of_a_network():
    """The first row has the largest gradient of the last weights, by autograd."""
    import torch

    X, y, _ = digits(n=60)
    model = LADAClassifier(hidden_layer_sizes=16, max_iter=3, random_state=0).fit(X, y)
    selector = LADASelector(acquisition="badge", augmentation=None, random_state=0)
    rows, utilities = selector.query(
        X, y, clf=model, fit_clf=False, batch_size=3, return_utilities=True
    )
    network, scale = model._network_and_scale()
    norms = np.full(len(X), np.nan)
    for row in np.flatnonzero(np.isnan(y)):
        network.zero_grad()
        logits = network(torch.as_tensor(scale(X[row : row + 1])))
        torch.nn.functional.cross_entropy(logits, logits.argmax(dim=1)).backward()
        norms[row] = network[-1].weight.grad.norm()
    assert_allclose(utilities[0], norms, rtol=1e-3)
    assert rows[0] == np.nanargmax(norms)


def test_badge_of_a_logistic_regression_is_its_gradient():
    X, y, _ = digits()
    model = LogisticRegression().fit(X[~np.isnan(y)], y[~np.isnan(y)])
    selector = LADASelector(acquisition=BADGE(), augmentation=None, random_state=0)
    rows, utilities = selector.query(
        X, y, clf=model, fit_clf=False, return_utilities=True
    )
    p = model.predict_proba(X)
    residual = p - np.eye(10)[p.argmax(axis=1)]
    norm = np.linalg.norm(residual, axis=1) * np.linalg.norm(X, axis=1)
    pool = np.isnan(y)
    assert_allclose(utilities[0, pool], norm[pool])
    assert rows[0] == np.where(pool, norm, 0).argmax()


def test_coreset_covers_what_has_no_label():
    X = np.array([[0.0], [0.1], [5.0], [5.1], [9.0]])
    y = [0, None, None, None, None]
    selector = LADASelector(acquisition=Coreset(), augmentation=None, random_state=0)
    rows, utilities = selector.query(X, y, batch_size=2, return_utilities=True)
    assert rows.tolist() in ([4, 2], [4, 3])
    assert_allclose(utilities[0], [np.nan, 0.1, 5.0, 5.1, 9.0])


def test_coreset_of_a_network_looks_at_its_last_layer():
    X, y, _ = digits(n=60)
    model = LADAClassifier(hidden_layer_sizes=16, max_iter=3, random_state=0).fit(X, y)
    selector = LADASelector(acquisition="coreset", augmentation=None)
    row = selector.query(X, y, clf=model, fit_clf=False)
    import torch

    network, scale = model._network_and_scale()
    with torch.no_grad():
        hidden = network[:-1](torch.as_tensor(scale(X))).numpy()
    known = ~np.isnan(y)
    gaps = np.linalg.norm(hidden[:, None] - hidden[known], axis=2).min(axis=1)
    assert row[0] == gaps.argmax()


def test_random_rows_are_any_rows():
    counts = np.zeros(10)
    y = [0, 1] + [None] * 8
    for seed in range(400):
        selector = LADASelector(
            acquisition=Random(), augmentation=None, random_state=seed
        )
        counts[selector.query(np.eye(10), y, batch_size=2)] += 1
    assert_array_equal(counts[:2], 0)
    assert_allclose(counts[2:] / 400, 2 / 8, atol=0.08)


def test_vaal_prefers_rows_of_a_kind_that_has_no_label():
    rng = np.random.RandomState(0)
    X = np.r_[rng.normal(size=(80, 4)), rng.normal(6, 1, size=(40, 4))]
    y = np.full(120, np.nan)
    y[:30] = rng.randint(2, size=30)
    selector = LADASelector(
        LogisticRegression(),
        acquisition=VAAL(max_iter=200),
        diversity=None,
        random_state=0,
    )
    rows = selector.query(X, y, batch_size=6)
    assert (rows >= 80).all()
    assert_allclose(selector.score_samples(X)[30:], selector.own_scores_[30:])
    assert selector.own_scores_[80:].min() > np.nanmean(selector.own_scores_[30:80])


def test_vaal_works_with_one_class_and_refuses_none_and_sparse_rows():
    from scipy.sparse import csr_matrix

    X = np.random.RandomState(0).normal(size=(30, 3))
    y = np.full(30, np.nan)
    y[:5] = 1
    selector = LADASelector(
        DecisionTreeClassifier(), acquisition=VAAL(max_iter=5), random_state=0
    )
    assert len(selector.query(X, y, batch_size=3)) == 3
    y[5:8] = 0
    with pytest.raises(ValueError, match="'vaal' needs dense rows"):
        selector.query(csr_matrix(X), y)
    with pytest.raises(ValueError, match="does not look at class probabilities"):
        VAAL().score(P)


@pytest.mark.parametrize("name", ["coreset", "badge", "random"])
def test_sets_cannot_look_ahead(name):
    X, y, _ = digits()
    with pytest.raises(ValueError, match=f"{name}.*chooses a batch as a set"):
        LADASelector(acquisition=name).query(X, y)
    selector = LADASelector(LogisticRegression(), acquisition=name, augmentation=None)
    selector.fit(X, y)
    with pytest.raises(ValueError, match="scores no rows, it chooses a set"):
        selector.score_samples(X)


@pytest.mark.parametrize("name", ["coreset", "badge", "random"])
def test_sets_can_be_mixed_afterwards(name):
    X, y, truth = digits()
    selector = LADASelector(
        LogisticRegression(),
        acquisition=name,
        augmentation="mixup",
        lookahead=False,
        random_state=0,
    )
    rows = selector.query(X, y, batch_size=6)
    assert sorted(selector.pairs_.ravel()) == sorted(rows)
    y[rows] = truth[rows]
    X_virtual, y_virtual, weight = selector.virtual_data(X, y)
    assert len(X_virtual) == len(y_virtual) == len(weight) >= 12
    assert weight.sum() == pytest.approx(3)


def test_vaal_of_all_labelled_rows_behind_a_transformer():
    X, _, truth = digits(n=60)
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=300))
    selector = LADASelector(model, acquisition=VAAL(max_iter=3), random_state=0)
    assert selector.fit(X, truth).score_samples(X).shape == (60,)
    selector.fit_resample(X, truth)


def test_a_policy_network_climbs_the_scores_of_vaal():
    X, y, _ = digits(n=150)
    settings = {"pairing": "random", "diversity": None, "random_state": 0}
    policy = InfoMixup(policy="network", learning_rate=0.02, max_iter=30)
    selector = LADASelector(
        LogisticRegression(),
        acquisition=VAAL(max_iter=60),
        augmentation=policy,
        **settings,
    )
    selector.query(X, y, batch_size=40)
    scores = selector.history_["policy_score"]
    assert max(scores) > scores[0] + 1e-4


def test_beta_reaches_the_vae():
    X, y, _ = digits(n=100)
    found = []
    for value in (1.0, 5.0):
        vaal = VAAL(max_iter=30, beta=value)
        selector = LADASelector(LogisticRegression(), acquisition=vaal, random_state=0)
        found.append(selector.fit(X, y).own_scores_)
    assert np.nanmax(np.abs(found[0] - found[1])) > 1e-4
