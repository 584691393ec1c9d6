import numpy as np
import pandas as pd
import pytest
from imblearn.pipeline import make_pipeline
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import expit
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.neighbors import KNeighborsClassifier
from sklearn.preprocessing import StandardScaler

from skmix import ResampledClassifier
from skmix.human import HumanMixPolicy, Judgments
from skmix.imbalance import MixupSampler

# Six rows of a, three of b, two of c.
X = np.random.RandomState(0).normal(size=(11, 3))
LABELS = np.array(list("aabacbaacba"))
INDICATORS = (LABELS[:, None] == np.array(["a", "b", "c"])).astype(float)
WEIGHT = np.random.RandomState(1).uniform(0.5, 3, size=11)


@pytest.mark.parametrize(
    ("strategy", "amount", "n_mixes"),
    [
        ("auto", 0, [0, 3, 4]),
        ("auto", 1, [6, 9, 10]),
        ("auto", 0.5, [3, 6, 7]),
        (None, 1, [6, 3, 2]),
        (None, 0, [0, 0, 0]),
        ("minority", 1, [6, 3, 10]),
        ({"a": 8, "b": 5}, 2, [2 + 16, 2 + 10, 4]),
    ],
)
def test_how_many_mixes_each_class_gets(strategy, amount, n_mixes):
    sampler = MixupSampler(amount=amount, sampling_strategy=strategy, random_state=0)
    X_new, y_new = sampler.fit_resample(X, LABELS)
    assert sampler.sampling_strategy_ == dict(zip("abc", n_mixes, strict=True))
    assert_array_equal(y_new, [*LABELS, *np.repeat(list("abc"), n_mixes)])
    assert len(X_new) == len(sampler.soft_labels_) == 11 + sum(n_mixes)


def test_mixes_are_what_the_lineage_says():
    sampler = MixupSampler(amount=3, random_state=0).fit(X, LABELS)
    assert not hasattr(sampler, "soft_labels_")
    soft = []
    for seed in (None, 1):
        X_new, y_new = sampler.resample(random_state=seed)
        parents, weights = sampler.parent_indices_, sampler.mix_weights_
        assert_array_equal(X_new[:11], X)
        assert_allclose(X_new[11:], np.einsum("ij,ijk->ik", weights, X[parents]))
        assert_array_equal(y_new[11:], LABELS[parents[:, 0]])
        assert (weights[:, 0] >= 0.5).all()
        assert (parents[:, 0] != parents[:, 1]).all()
        soft.append(sampler.soft_labels_)
        assert_array_equal(soft[-1][:11], INDICATORS)
        mixed = np.einsum("ij,ijk->ik", weights, INDICATORS[parents])
        assert_allclose(soft[-1][11:], mixed)
        assert_allclose(soft[-1].sum(axis=1), 1)
        assert_array_equal(np.array(list("abc"))[soft[-1].argmax(axis=1)], y_new)
        assert_array_equal(sampler.sample_weight_, np.ones(len(X_new)))
    assert not np.array_equal(*soft)


def test_soft_labels_by_hand():
    sampler = MixupSampler(amount=1, random_state=0)
    X_new, y_new = sampler.fit_resample([[0.0], [1.0]], [7, -3])
    share = sampler.mix_weights_[:, 0]
    # Classes in sorted order: -3, then 7.
    assert y_new == [7, -3, -3, 7]
    assert_allclose(np.ravel(X_new)[2:], [share[0], 1 - share[1]])
    expected = [[0, 1], [1, 0], [share[0], 1 - share[0]], [1 - share[1], share[1]]]
    assert_allclose(sampler.soft_labels_, expected)


def test_pairs_and_shares_are_those_of_mixup():
    rows, labels = np.arange(5.0)[:, None], np.array([0, 1, 1, 1, 1])
    sampler = MixupSampler(
        amount=8000, sampling_strategy=None, alpha=0.4, random_state=0
    )
    sampler.fit_resample(rows, labels)
    counts = np.zeros((5, 5))
    np.add.at(counts, tuple(sampler.parent_indices_.T), 1 / 8000)
    assert_allclose(counts, (1 - np.eye(5)) / 4, atol=0.02)
    # The share of one class in the mixes of both is that of a Beta distribution.
    soft = sampler.soft_labels_[5:, 0]
    across = (sampler.parent_indices_ == 0).any(axis=1)
    assert_array_equal(soft[~across], 0)
    assert soft[across].mean() == pytest.approx(0.5, abs=0.01)
    assert soft[across].var() == pytest.approx(1 / (4 * (2 * 0.4 + 1)), abs=0.005)


def test_each_row_of_a_class_is_as_often_the_heavier_parent():
    sampler = MixupSampler(amount=2.5, random_state=0)
    sampler.fit_resample(X, LABELS)
    # Of each class come 6 rows, and 15 mixes beside.
    counts = np.bincount(sampler.parent_indices_[:, 0], minlength=11)
    assert set(counts[LABELS == "a"]) == {2, 3}
    assert set(counts[LABELS == "b"]) == {6}
    assert set(counts[LABELS == "c"]) == {9, 10}


@pytest.mark.parametrize("weight", [None, WEIGHT])
def test_a_weighted_log_loss_learns_the_soft_labels(weight):
    estimator = LogisticRegression(C=0.5, tol=1e-8, max_iter=1000)
    sampler = MixupSampler(amount=4, random_state=0)
    model = ResampledClassifier(estimator, resampler=sampler)
    model.fit(X, LABELS, sample_weight=weight)
    # By hand: every row once as each class, with the probability as its weight.
    X_new, _ = sampler.fit_resample(X, LABELS)
    row_weight = np.ones(len(X_new))
    if weight is not None:
        of_parents = weight[sampler.parent_indices_] * sampler.mix_weights_
        row_weight = np.append(weight, of_parents.sum(axis=1))
    by_hand = estimator.fit(
        np.repeat(X_new, 3, axis=0),
        np.tile(list("abc"), len(X_new)),
        sample_weight=(row_weight[:, None] * sampler.soft_labels_).ravel(),
    )
    assert_allclose(model.predict_proba(X), by_hand.predict_proba(X), atol=1e-5)
    hard = LogisticRegression(C=0.5).fit(*sampler.resample())
    assert np.abs(model.predict_proba(X) - hard.predict_proba(X)).max() > 0.01


def test_a_learner_without_weights_sees_soft_labels_as_frequencies():
    rows, labels = np.array([[0.0], [1.0]]), np.array(["a", "b"])
    model = ResampledClassifier(
        KNeighborsClassifier(2000),
        resampler=MixupSampler(amount=2000, random_state=0),
        random_state=0,
    )
    # All rows count for both classes: 2000 of them are a quarter.
    share = model.fit(rows, labels).predict_proba([[0.0], [0.5], [1.0]])[:, 0]
    assert_allclose(share, [0.875, 0.5, 0.125], atol=0.03)


def test_columns_of_all_kinds():
    rng = np.random.RandomState(0)
    frame = pd.DataFrame(
        {
            "size": rng.normal(size=30),
            "count": rng.randint(50, size=30),
            "colour": pd.Categorical(rng.choice(["red", "blue"], size=30)),
        }
    )
    y = pd.Series(np.repeat(["common", "rare"], [24, 6]), name="kind", dtype="category")
    sampler = MixupSampler(random_state=0)
    X_new, y_new = sampler.fit_resample(frame, y)
    assert_array_equal(X_new.dtypes, frame.dtypes)
    assert y_new.dtype == y.dtype
    assert (y_new.value_counts() == 48).all()
    first, second = sampler.parent_indices_.T
    share = sampler.mix_weights_[:, 0]
    count = frame["count"].to_numpy()
    mixed = share * count[first] + (1 - share) * count[second]
    assert_array_equal(X_new["count"][30:], np.rint(mixed))
    assert_array_equal(X_new["colour"][30:], frame["colour"].to_numpy()[first])


@pytest.mark.usefixtures("random_state_untouched")
def test_same_seed_same_rows():
    draw = [MixupSampler(random_state=s).fit_resample(X, LABELS)[0] for s in (1, 1, 2)]
    assert_array_equal(draw[0], draw[1])
    assert not np.array_equal(draw[0], draw[2])


def test_held_out_rows_change_nothing():
    sampler = MixupSampler(random_state=0)
    alone = sampler.fit_resample(X, LABELS)[0]
    held_out = {"X_val": X[:4] + 1, "y_val": LABELS[:4]}
    assert_array_equal(sampler.fit_resample(X, LABELS, **held_out)[0], alone)


@pytest.mark.parametrize(
    "parameters",
    [{"amount": -1}, {"alpha": 0}, {"sampling_strategy": "majority"}],
)
def test_bad_parameters(parameters):
    with pytest.raises(ValueError, match=f"The '{next(iter(parameters))}' parameter"):
        MixupSampler(**parameters).fit(X, LABELS)


def perceived(n=200):
    """A policy that sees a in everything, and b in little."""
    rng = np.random.RandomState(0)
    pairs = np.array([rng.permutation(list("abc"))[:2] for _ in range(n)])
    part = rng.uniform(size=n)
    tilt = np.array([{"a": 2, "b": -1, "c": 0}[name] for name in pairs.ravel()])
    tilt = tilt.reshape(n, 2) @ [1, -1]
    rows = np.empty((n, 3), dtype=object)
    rows[:, :2], rows[:, 2] = pairs, part
    return rows, expit(4 * (part - 0.5) + tilt)


def test_a_policy_gives_soft_labels_as_people_see_them():
    policy = HumanMixPolicy().fit(*perceived())
    sampler = MixupSampler(policy, amount=200, sampling_strategy=None, random_state=0)
    X_new, y_new = sampler.fit_resample(X, LABELS)
    parents, share = sampler.parent_indices_, sampler.mix_weights_[:, 0]
    # The features are mixed as they were.
    plain = MixupSampler(amount=200, sampling_strategy=None, random_state=0)
    assert_array_equal(X_new, plain.fit_resample(X, LABELS)[0])
    rows = np.empty((len(share), 3), dtype=object)
    rows[:, :2], rows[:, 2] = LABELS[parents], share
    seen = policy.predict(rows)
    assert_allclose(sampler.perceived_share_, seen)
    wanted = seen[:, None] * INDICATORS[parents[:, 0]]
    wanted = wanted + (1 - seen[:, None]) * INDICATORS[parents[:, 1]]
    assert_allclose(sampler.soft_labels_, np.vstack([INDICATORS, wanted]))
    assert_array_equal(plain.perceived_share_, share)
    # Hard labels are drawn: as many of each class as the soft ones add up to.
    found = (y_new[11:, None] == np.array(list("abc"))).sum(axis=0)
    expected = wanted.sum(axis=0)
    error = np.sqrt((wanted * (1 - wanted)).sum(axis=0))
    assert (np.abs(found - expected) < 4 * error).all()
    assert np.isin(y_new[11:], LABELS[parents]).sum() == len(share)
    same = LABELS[parents[:, 0]] == LABELS[parents[:, 1]]
    assert_array_equal(y_new[11:][same], LABELS[parents[same, 0]])


def test_a_policy_is_fitted_to_judgments_or_comes_frozen():
    rows, y = perceived()
    answers = Judgments(
        item=np.arange(len(y)),
        label_a=rows[:, 0],
        label_b=rows[:, 1],
        lam=rows[:, 2].astype(float),
        inferred=y,
    )
    fitted = HumanMixPolicy().fit(rows, y)
    policy = HumanMixPolicy()
    wanted = MixupSampler(fitted, random_state=0).fit_resample(X, LABELS)
    for sampler in (
        MixupSampler(policy, judgments=answers, random_state=0),
        clone(MixupSampler(policy, judgments=answers, random_state=0)),
        clone(MixupSampler(FrozenEstimator(fitted), random_state=0)),
    ):
        found = sampler.fit_resample(X, LABELS)
        assert_array_equal(found[0], wanted[0])
        assert_array_equal(found[1], wanted[1])
    # What the user passed is not fitted.
    assert not hasattr(policy, "classes_")
    with pytest.raises(NotFittedError, match=r"pass FrozenEstimator\(policy\)"):
        clone(MixupSampler(fitted)).fit(X, LABELS)
    with pytest.raises(ValueError, match=r"judgments are to fit a policy"):
        MixupSampler(judgments=answers).fit(X, LABELS)
    with pytest.raises(ValueError, match=r"judgments are to fit a policy"):
        MixupSampler(FrozenEstimator(fitted), judgments=answers).fit(X, LABELS)


def test_what_a_policy_must_be():
    class Wild(HumanMixPolicy):
        def predict(self, X):
            return np.full(len(X), 1.7)

    rows, y = perceived()
    wild = FrozenEstimator(Wild().fit(rows, y))
    with pytest.raises(ValueError, match=r"shares from 0 to 1, got 1.7"):
        MixupSampler(wild).fit_resample(X, LABELS)
    with pytest.raises(ValueError, match=r"judgments must be of class Judgments"):
        MixupSampler(HumanMixPolicy(), judgments="j.jsonl").fit(X, LABELS)
    of_text = np.empty((4, 3), dtype=object)
    of_text[:] = [("1", "2", 0.3), ("2", "1", 0.3)] * 2
    policy = HumanMixPolicy().fit(of_text, [0.2] * 4)
    numbers = np.unique(LABELS, return_inverse=True)[1]
    with pytest.raises(ValueError, match=r"y has labels as 0, .* Write both alike"):
        MixupSampler(policy).fit(X, numbers)


def test_a_policy_in_pipelines_and_grids():
    rng = np.random.RandomState(0)
    y = np.array(list("abc"))[np.arange(90) % 3]
    rows = rng.normal(size=(90, 3)) + 2 * INDICATORS[[0, 2, 4]][np.arange(90) % 3]
    policy = FrozenEstimator(HumanMixPolicy().fit(*perceived()))
    pipeline = make_pipeline(
        StandardScaler(), MixupSampler(policy, random_state=0), LogisticRegression()
    )
    assert pipeline.fit(rows, y).score(rows, y) > 0.6
    model = ResampledClassifier(
        LogisticRegression(), resampler=MixupSampler(policy, random_state=0)
    )
    grid = {"resampler__alpha": [0.2, 1.0], "estimator__C": [0.1, 1]}
    search = GridSearchCV(model, grid, scoring="neg_log_loss", cv=3).fit(rows, y)
    # Exactly: each row once for each class, with its soft label as the weight.
    best = search.best_estimator_
    sampler = clone(best.resampler).fit(rows, y)
    X_new, _ = sampler.resample()
    soft = sampler.soft_labels_
    by_hand = clone(best.estimator).fit(
        np.tile(X_new, (3, 1)), np.repeat(list("abc"), len(soft)), soft.T.ravel()
    )
    assert_allclose(best.predict_proba(rows), by_hand.predict_proba(rows), atol=1e-4)
