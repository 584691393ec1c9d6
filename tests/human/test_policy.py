"""HumanMixPolicy."""

import pickle
import warnings

import numpy as np
import pandas as pd
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.special import expit
from sklearn.base import clone
from sklearn.isotonic import IsotonicRegression
from sklearn.model_selection import GridSearchCV, GroupKFold, cross_val_score
from sklearn.utils import estimator_checks

from skmix.exceptions import UnseenPairWarning
from skmix.human import HumanMixPolicy

CURVES = ["class_tilt", "pair", "global", "isotonic", "identity"]
LOGISTIC = CURVES[:3]
TILT = {"cat": -0.4, "dog": 0.3, "frog": 0.0, "horse": 0.6}
NAMES = sorted(TILT)


def answers(n=400, noise=0.1, seed=0, names=NAMES):
    """Answers of people who see classes by these tilts."""
    rng = np.random.RandomState(seed)
    pairs = np.array([rng.permutation(len(names))[:2] for _ in range(n)])
    a, b = np.array(names)[pairs].T
    part = rng.choice([0.1, 0.25, 0.5, 0.75, 0.9], n)
    tilt = np.array([TILT[x] - TILT[y] for x, y in zip(a, b, strict=True)])
    y = expit(5 * (part - 0.5) + tilt) + noise * rng.normal(size=n)
    return pd.DataFrame({"a": a, "b": b, "part": part}), y.clip(0, 1)


def swapped(X):
    return pd.DataFrame({"a": X["b"], "b": X["a"], "part": 1 - X["part"]})


def test_planted_curves_are_found():
    X, y = answers(4000)
    for curve in ("class_tilt", "pair"):
        policy = HumanMixPolicy(curve).fit(X, y)
        assert policy.classes_.tolist() == NAMES
        for row, a in enumerate(NAMES):
            for column, b in enumerate(NAMES):
                if a != b:
                    # Shares beyond 0 and 1 were cut off, which flattens the curve.
                    m = 0.5 - (TILT[a] - TILT[b]) / 5
                    assert policy.midpoint_[row, column] == pytest.approx(m, abs=0.03)
        assert policy.slope_[0, 1] == pytest.approx(5, abs=0.8)
        assert policy.noise_variance_ == pytest.approx(0.01, abs=0.003)
    assert HumanMixPolicy().fit(X, y).class_tilt_ - np.mean(
        list(TILT.values())
    ) == pytest.approx(np.array([TILT[n] for n in NAMES]) - 0.25, abs=0.1)


@pytest.mark.parametrize("curve", LOGISTIC)
def test_coefficients_minimise_what_the_notes_say(curve):
    X, y = answers(120, noise=0.2)
    shrinkage = 3.0
    policy = HumanMixPolicy(curve, shrinkage=shrinkage).fit(X, y)
    flip = X["a"] > X["b"]
    a, b = X[["a", "b"]].min(axis=1), X[["a", "b"]].max(axis=1)
    step = np.where(flip, 0.5 - X["part"], X["part"] - 0.5)
    target = np.where(flip, 1 - y, y)

    def best(loss, start):
        return minimize(loss, start, method="BFGS", options={"gtol": 1e-9}).x

    common = best(lambda p: ((expit(p[0] * step + p[1]) - target) ** 2).sum(), [4, 0])
    assert policy.global_slope_ == pytest.approx(common[0], rel=1e-4)
    assert policy.global_midpoint_ == pytest.approx(0.5 - common[1] / common[0])
    if curve == "global":
        assert (policy.slope_ == policy.global_slope_).all()
    elif curve == "class_tilt":
        codes = np.searchsorted(NAMES, a), np.searchsorted(NAMES, b)

        def loss(p):
            tilt = p[1:][codes[0]] - p[1:][codes[1]]
            fit = ((expit(p[0] * step + tilt) - target) ** 2).sum()
            return fit + 0.01 * shrinkage * (p[1:] ** 2).sum()

        found = best(loss, [4, 0, 0, 0, 0])
        assert policy.slope_[0, 1] == pytest.approx(found[0], rel=1e-4)
        assert policy.class_tilt_ == pytest.approx(found[1:], abs=1e-4)
    else:
        mine = (a == "cat") & (b == "horse")
        pull = shrinkage * 0.2**2 / np.array([0.7, 0.18]) ** 2

        def loss(p):
            fit = ((expit(p[0] * step + p[1]) - target)[mine] ** 2).sum()
            return fit + (pull * (p - common) ** 2).sum()

        slope, shift = best(loss, common)
        assert policy.slope_[0, 3] == pytest.approx(slope, rel=1e-4)
        assert policy.midpoint_[0, 3] == pytest.approx(0.5 - shift / slope, rel=1e-4)


@pytest.mark.parametrize("curve", CURVES)
def test_it_does_not_matter_which_is_named_first(curve):
    X, y = answers()
    policy = HumanMixPolicy(curve).fit(X, y)
    assert policy.predict(swapped(X)) == pytest.approx(1 - policy.predict(X))
    turned = HumanMixPolicy(curve).fit(swapped(X), 1 - y)
    assert turned.predict(X) == pytest.approx(policy.predict(X), abs=1e-6)
    if curve in LOGISTIC:
        std = policy.predict(X, return_std=True)[1]
        assert policy.predict(swapped(X), return_std=True)[1] == pytest.approx(std)


@pytest.mark.parametrize("curve", CURVES)
def test_order_and_names_of_classes_mean_nothing(curve):
    X, y = answers()
    policy = HumanMixPolicy(curve).fit(X, y)
    rng = np.random.RandomState(1)
    order = rng.permutation(len(y))
    again = HumanMixPolicy(curve).fit(X.iloc[order], y[order])
    assert again.predict(X) == pytest.approx(policy.predict(X), abs=1e-6)
    # Numbers in the same order.
    codes = X.assign(a=np.searchsorted(NAMES, X["a"]), b=np.searchsorted(NAMES, X["b"]))
    numbers = HumanMixPolicy(curve).fit(codes.to_numpy(float), y)
    assert numbers.predict(codes.to_numpy(float)) == pytest.approx(policy.predict(X))
    if curve in ("class_tilt", "pair"):
        # In another order, other classes come first, and the curves stay as they are:
        # but for what they are pulled towards.
        new = {"cat": "z", "dog": "y", "frog": "x", "horse": "w"}
        renamed = X.assign(a=X["a"].map(new), b=X["b"].map(new))
        other = HumanMixPolicy(curve, shrinkage=0).fit(renamed, y)
        plain = HumanMixPolicy(curve, shrinkage=0).fit(X, y)
        assert other.predict(renamed) == pytest.approx(plain.predict(X), abs=1e-4)


def test_isotonic_is_that_of_scikit_learn():
    X, y = answers(300, names=["cat", "dog"])
    X = pd.concat([X, swapped(X)]).query("a == 'cat'").iloc[:200]
    y = y[:200]
    policy = HumanMixPolicy("isotonic").fit(X, y)
    rising = IsotonicRegression(y_min=0, y_max=1).fit(X["part"], y)
    assert policy.predict(X) == pytest.approx(rising.predict(X["part"]))
    assert not hasattr(policy, "slope_")
    with pytest.raises(ValueError, match=r"curve='isotonic' has no standard errors"):
        policy.predict(X, return_std=True)


@pytest.mark.parametrize("curve", LOGISTIC)
def test_standard_errors_are_those_of_repeated_studies(curve):
    X, _ = answers(300)
    found = []
    for seed in range(60):
        rng = np.random.RandomState(seed)
        tilt = X["a"].map(TILT) - X["b"].map(TILT)
        # Noise that nothing cuts off, about curves without tilt for "global".
        tilt = 0 if curve == "global" else tilt
        y = 0.25 + 0.5 * expit(5 * (X["part"] - 0.5) + tilt)
        y = y + 0.05 * rng.normal(size=300)
        policy = HumanMixPolicy(curve, shrinkage=0).fit(X, y.clip(0, 1))
        where = X.iloc[:5]
        found.append([policy.predict(where), policy.predict(where, return_std=True)[1]])
    shares, std = np.swapaxes(found, 0, 1)
    ratio = std.mean(axis=0) / shares.std(axis=0, ddof=1)
    # Thin pairs are fitted by twelve answers or so; the model is a little wrong.
    assert np.median(ratio) == pytest.approx(1, abs=0.35)


def test_standard_errors_by_numerical_derivatives():
    X, y = answers(80, noise=0.2)
    policy = HumanMixPolicy().fit(X, y)
    a, b = (np.searchsorted(NAMES, X[name]) for name in "ab")

    def curve(p, a, b, part):
        return expit(p[0] * (part - 0.5) + p[1:][a] - p[1:][b])

    def slopes(p, *at):
        step = 1e-5 * np.eye(5)
        return np.array([curve(p + d, *at) - curve(p - d, *at) for d in step]).T / 2e-5

    p = np.append(policy.slope_[0, 1], policy.class_tilt_)
    J = slopes(p, a, b, X["part"].to_numpy())
    pull = np.diag([1e-6, *[0.01] * 4])
    error = ((curve(p, a, b, X["part"].to_numpy()) - y) ** 2).sum()
    # Two answers with the variance of H-Mix count as well.
    covariance = (error + 0.08) / (80 - 5 + 2) * np.linalg.inv(J.T @ J + pull)
    at = np.array([0, 3, 1]), np.array([1, 0, 2]), np.array([0.1, 0.3, 0.9])
    G = slopes(p, *at)
    wanted = np.sqrt(np.einsum("ij,jk,ik->i", G, covariance, G))
    rows = [(NAMES[i], NAMES[j], part) for i, j, part in zip(*at, strict=True)]
    frame = pd.DataFrame(rows, columns=X.columns)
    found = policy.predict(frame, return_std=True)[1]
    assert found == pytest.approx(wanted, rel=1e-3)


def test_more_answers_pull_a_pair_away_from_the_common_curve():
    X, y = answers(40)
    strange = pd.DataFrame({"a": "cat", "b": "dog", "part": [0.5] * 20})
    shares = []
    for n in (0, 1, 5, 20):
        rows = pd.concat([X[(X["a"] != "cat") | (X["b"] != "dog")], strange[:n]])
        target = np.append(y[(X["a"] != "cat") | (X["b"] != "dog")], np.ones(n))
        policy = HumanMixPolicy("pair").fit(rows, target)
        shares.append(policy.predict(strange[:1])[0])
    assert np.all(np.diff(shares) > 0)
    assert shares[-1] > 0.8


def test_weights_are_repetitions():
    X, y = answers(60)
    weight = np.arange(60) % 3
    for curve in CURVES:
        weighted = HumanMixPolicy(curve).fit(X, y, sample_weight=weight)
        again = np.repeat(np.arange(60), weight)
        repeated = HumanMixPolicy(curve).fit(X.iloc[again], y[again])
        assert weighted.predict(X) == pytest.approx(repeated.predict(X), abs=1e-6)


def test_pairs_and_classes_that_nobody_judged():
    X, y = answers(200)
    is_new = X["a"].isin(["cat", "dog"]) & X["b"].isin(["cat", "dog"])
    X, y = X[~is_new], y[~is_new]
    X = X.to_numpy()
    new = [("dog", "cat", 0.5), ("cat", "dog", 0.5)]
    tilts = HumanMixPolicy().fit(X, y)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        share = tilts.predict(new)
    assert share.sum() == pytest.approx(1)
    assert share[0] > 0.6
    pairs = HumanMixPolicy("pair").fit(X, y)
    with pytest.warns(UnseenPairWarning, match=r"2 rows have a pair .* 'dog' and"):
        assert pairs.predict(new) == pytest.approx(share)
    unknown = [("cow", "dog", 0.5), ("dog", "cow", 0.5), ("cow", "hen", 0.5)]
    for curve in ("class_tilt", "global", "isotonic"):
        policy = HumanMixPolicy(curve).fit(X, y)
        with pytest.warns(UnseenPairWarning, match=r"3 rows have a class"):
            share = policy.predict(unknown)
        assert share[0] + share[1] == pytest.approx(1)
        # Of classes of which nothing is known, neither is seen more.
        assert share[2] == pytest.approx(0.5, abs=0.02)
    std = tilts.predict(new, return_std=True)[1]
    with pytest.warns(UnseenPairWarning):
        assert (tilts.predict(unknown, return_std=True)[1][2] > std).all()
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        identity = HumanMixPolicy("identity").fit(X, y)
        assert identity.predict(unknown).tolist() == [0.5] * 3
        assert policy.predict([("cat", "cat", 0.3)]).tolist() == [0.3]


def test_labels():
    X, y = answers()
    policy = HumanMixPolicy(classes=["dog", "ant", "cat", "frog", "horse"])
    policy.fit(X.to_numpy(), y)
    assert policy.classes_.tolist() == ["ant", "cat", "dog", "frog", "horse"]
    rows = [("cat", "dog", 0.3), ("horse", "frog", 0.6), ("dog", "dog", 0.2)]
    p, q, _ = policy.predict(rows)
    plain = [[0, p, 1 - p, 0, 0], [0, 0, 0, 1 - q, q], [0, 0, 1, 0, 0]]
    assert policy.predict_label(rows) == pytest.approx(np.array(plain))
    sure = np.array([1.0, 0.4, 0.0])[:, None]
    found = policy.predict_label(rows, confidence=sure[:, 0])
    assert found == pytest.approx(sure * plain + (1 - sure) / 5)
    found = policy.predict_label(rows, confidence=sure[:, 0], uniform="pair")
    rest = [[0, 0.5, 0.5, 0, 0], [0, 0, 0, 0.5, 0.5], [0, 0, 1, 0, 0]]
    assert found == pytest.approx(sure * plain + (1 - sure) * rest)
    with (
        pytest.warns(UnseenPairWarning),
        pytest.raises(ValueError, match=r"'cow', which is none of the classes"),
    ):
        policy.predict_label([("cow", "dog", 0.5)])
    with pytest.raises(ValueError, match=r"uniform must be 'all' or 'pair'"):
        policy.predict_label(rows, confidence=[1, 1, 1], uniform="some")


@pytest.mark.parametrize("kind", ["list", "array", "pandas", "polars"])
def test_containers(kind):
    X, y = answers()
    wanted = HumanMixPolicy().fit(X, y).predict(X)
    given = {
        "list": X.to_numpy().tolist(),
        "array": X.to_numpy(),
        "pandas": X.astype({"a": "category"}),
        "polars": pl.from_pandas(X),
    }[kind]
    policy = HumanMixPolicy().fit(given, y.tolist())
    assert policy.predict(given) == pytest.approx(wanted)
    assert policy.n_features_in_ == 3
    if kind in ("pandas", "polars"):
        assert policy.feature_names_in_.tolist() == ["a", "b", "part"]


def test_clone_pickle_and_grids():
    X, y = answers()
    policy = HumanMixPolicy("pair").fit(X, y)
    again = pickle.loads(pickle.dumps(policy))
    assert np.array_equal(again.predict(X), policy.predict(X))
    grid = {"curve": CURVES, "shrinkage": [0, 1]}
    search = GridSearchCV(clone(policy), grid, cv=3).fit(X, y)
    assert search.best_params_["curve"] in ("class_tilt", "pair")
    groups = np.arange(len(y)) % 7
    folds = GroupKFold(5)
    scores = cross_val_score(HumanMixPolicy(), X, y, groups=groups, cv=folds)
    assert scores.mean() > 0.5
    assert policy.score(X, y) > scores.mean() - 0.1


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(NAMES),
            st.sampled_from(NAMES),
            st.floats(0, 1),
            st.floats(0, 1),
        ).filter(lambda row: row[0] != row[1]),
        min_size=1,
        max_size=12,
    ),
    st.sampled_from(CURVES),
    st.sampled_from([0, 1]),
)
def test_any_answers_have_a_curve(rows, curve, shrinkage):
    X = [row[:3] for row in rows]
    policy = HumanMixPolicy(curve, shrinkage=shrinkage).fit(X, [row[3] for row in rows])
    share = policy.predict(X)
    assert ((share >= 0) & (share <= 1)).all()
    if curve in LOGISTIC:
        assert np.isfinite(policy.predict(X, return_std=True)[1]).all()


GOOD = [("cat", "dog", 0.3), ("dog", "frog", 0.5)]


@pytest.mark.parametrize(
    ("X", "y", "message"),
    [
        ([("cat", 0.3)], [0.5], r"X has 2 columns: pass three"),
        ([("cat", "dog", 1.3)], [0.5], r"lambda must hold shares .*, got 1.3 in row 0"),
        ([("cat", "dog", "much")], [0.5], r"third column of X must hold the part"),
        ([("cat", "cat", 0.3)], [0.5], r"the label 'cat' twice in row 0"),
        ([("cat", None, 0.3)], [0.5], r"no label b in row 0"),
        ([(np.nan, "dog", 0.3)], [0.5], r"no label a in row 0"),
        ([("a", pd.NA, 0.3)], [0.5], r"no label b in row 0"),
        ([("a", "b", 0.3), (1, "b", 0.3)], [0.5, 0.5], r"label a holds numbers and t"),
        ([(True, False, 0.3), (1, False, 0.3)], [0.5] * 2, r"numbers and truth values"),
        (GOOD, [0.5, np.nan], r"y must hold shares from 0 to 1, got nan in row 1"),
        (GOOD, [26, 40], r"got 26.0 in row 0. Divide percentages by 100"),
        (GOOD, [0.5], r"y must hold one number to each of the 2 rows"),
        (GOOD, [[0.5], [0.5]], r"got shape \(2, 1\)"),
    ],
)
def test_bad_answers_are_named(X, y, message):
    with pytest.raises(ValueError, match=message):
        HumanMixPolicy().fit(np.array(X, dtype=object), y)


@pytest.mark.parametrize("missing", [np.nan, None, pd.NA])
@pytest.mark.parametrize("kind", ["list", "pandas", "string"])
def test_missing_labels_are_named_in_any_container(missing, kind):
    rows = [("a", "b", 0.3), ("a", missing, 0.3)]
    if kind != "list":
        rows = pd.DataFrame(rows, columns=["a", "b", "part"])
        if kind == "string":
            rows = rows.astype({"a": "string", "b": "string"})
    with pytest.raises(ValueError, match=r"no label b in row 1"):
        HumanMixPolicy().fit(rows, [0.5, 0.5])


def test_few_answers_are_no_certainty():
    policy = HumanMixPolicy("pair").fit([("a", "b", 0.5)], [0.9])
    _, std = policy.predict([("a", "b", 0.5)], return_std=True)
    assert 0.01 < std[0] < 0.3
    weighted = HumanMixPolicy("pair").fit(GOOD, [0.5, 0.5], sample_weight=[1, 0])
    with pytest.warns(UnseenPairWarning, match="1 rows have a pair"):
        weighted.predict(GOOD)


def test_bad_parameters_are_named():
    with pytest.raises(ValueError, match=r"The 'curve' parameter"):
        HumanMixPolicy("line").fit(GOOD, [0.1, 0.2])
    with pytest.raises(ValueError, match=r"The 'shrinkage' parameter"):
        HumanMixPolicy(shrinkage=-1).fit(GOOD, [0.1, 0.2])
    with pytest.raises(ValueError, match=r"'frog', which is none of the classes"):
        HumanMixPolicy(classes=["cat", "dog"]).fit(GOOD, [0.1, 0.2])
    with pytest.raises(ValueError, match=r"at least one non-zero"):
        HumanMixPolicy().fit(GOOD, [0.1, 0.2], sample_weight=[0, 0])


class OfAnyTable(HumanMixPolicy):
    """Reads any table as answers, so that scikit-learn's checks have what to check."""

    def __init__(self, curve="class_tilt", *, shrinkage=1.0, classes=None):
        super().__init__(curve, shrinkage=shrinkage, classes=classes)

    def _read(self, X, *, reset):
        from sklearn.utils.validation import validate_data

        X = validate_data(self, X, dtype=np.float64, reset=reset)
        first = np.where(X[:, 0] > 0.5, "a", "b")
        return first, np.full(len(X), "c"), expit(X.sum(axis=1))

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        # The checks' tables are no answers: there is nothing to find in them.
        tags.regressor_tags.poor_score = True
        return tags

    def fit(self, X, y, sample_weight=None):
        from sklearn.utils.validation import check_X_y

        _, y = check_X_y(X, y, y_numeric=True)
        return super().fit(X, expit(y), sample_weight)


@pytest.mark.parametrize(
    ("estimator", "check"),
    [
        pytest.param(estimator, check, id=f"{estimator.curve}-{check.func.__name__}")
        for curve in CURVES
        for estimator, check in estimator_checks.estimator_checks_generator(
            OfAnyTable(curve)
        )
    ],
)
def test_checks_of_scikit_learn(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_parameters_default_constructible,
        estimator_checks.check_no_attributes_set_in_init,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_set_params,
        estimator_checks.check_estimator_repr,
    ],
)
def test_checks_that_need_no_table(check):
    check("HumanMixPolicy", HumanMixPolicy())
