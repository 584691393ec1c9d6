import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.stats import entropy
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.calibration import CalibratedClassifierCV
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC, LinearSVC
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils.validation import check_is_fitted

from skmix import ResampledClassifier
from skmix.imbalance import MixBoostSampler

# Twelve rows of a, six of b, three of c.
rng = np.random.RandomState(0)
X = rng.normal(size=(21, 3))
LABELS = rng.permutation(np.repeat(list("abc"), [12, 6, 3]))


class Oracle(ClassifierMixin, BaseEstimator):
    """Takes the first column for the probability of the first of two classes."""

    fits = []

    def fit(self, X, y):
        self.classes_ = np.unique(y)
        self.fits.append((X, y))
        return self

    def predict_proba(self, X):
        share = np.asarray(X)[:, 0].astype(float)
        return np.column_stack([share, 1 - share])

    def predict(self, X):
        return self.classes_[self.predict_proba(X).argmax(axis=1)]


@pytest.fixture
def oracle():
    Oracle.fits.clear()
    return Oracle()


# Four rows of a, four of b. Of the third of each, the oracle is unsure.
PROBABILITY = np.array([1.0, 1.0, 0.5, 0.9, 0.0, 0.0, 0.5, 0.2])[:, None]
SIDES = np.repeat(["a", "b"], 4)


@pytest.mark.parametrize("estimator", [None, LogisticRegression()])
def test_mixes_are_what_the_lineage_says(estimator):
    sampler = MixBoostSampler(estimator, random_state=0).fit(X, LABELS)
    for seed in (None, 1):
        X_new, y_new = sampler.resample(random_state=seed)
        parents, weights = sampler.parent_indices_, sampler.mix_weights_
        assert_array_equal(X_new[:21], X)
        assert_allclose(X_new[21:], np.einsum("ij,ijk->ik", weights, X[parents]))
        # As many mixes of b and of c as they have fewer rows than a.
        assert_array_equal(np.unique(LABELS[parents[:, 0]]), ["b", "c"])
        assert_array_equal(np.bincount(LABELS[parents[:, 0]] == "c"), [6, 9])
        assert (LABELS[parents[:, 1]] != LABELS[parents[:, 0]]).all()
        heavier = parents[np.arange(15), weights.argmax(axis=1)]
        assert_array_equal(y_new[21:], LABELS[heavier])
        assert_allclose(weights.sum(axis=1), 1)


def test_shares_are_from_a_beta_distribution():
    strategy = {"a": 20_012, "c": 20_003}
    sampler = MixBoostSampler(sampling_strategy=strategy, alpha=0.4, random_state=0)
    sampler.fit_resample(X, LABELS)
    share = sampler.mix_weights_[:, 0]
    assert share.mean() == pytest.approx(0.5, abs=0.01)
    assert np.mean((share - 0.5) ** 2) == pytest.approx(1 / 7.2, abs=0.003)


def test_entropies_by_hand(oracle):
    sampler = MixBoostSampler(oracle, n_rounds=2).fit(PROBABILITY, SIDES)
    h = [0, 0, np.log(2), -0.9 * np.log(0.9) - 0.1 * np.log(0.1)]
    h += [0, 0, np.log(2), -0.2 * np.log(0.2) - 0.8 * np.log(0.8)]
    assert_allclose(sampler.entropy_, [h, h])


def test_rows_are_drawn_by_entropy_and_at_random(oracle):
    strategy = {"b": 20_004}
    sampler = MixBoostSampler(oracle, sampling_strategy=strategy, random_state=0)
    sampler.fit_resample(PROBABILITY, SIDES)
    for parent, rows in enumerate([range(4, 8), range(4)]):
        counts = np.bincount(sampler.parent_indices_[:, parent], minlength=8)
        h = sampler.entropy_[0, rows]
        assert_allclose(counts[rows] / 20_000, 1 / 8 + h / h.sum() / 2, atol=0.015)
    # Each half is one kind of pair: a certain row has no uncertain partner by entropy.
    certain = sampler.entropy_[0] == 0
    both = certain[sampler.parent_indices_].all(axis=1).mean()
    assert both == pytest.approx(1 / 8, abs=0.01)


def test_a_classifier_that_is_sure_leaves_all_rows_alike():
    strategy = {"c": 12_003}
    tree = DecisionTreeClassifier(random_state=0)
    sampler = MixBoostSampler(tree, sampling_strategy=strategy, random_state=0)
    sampler.fit_resample(X, LABELS)
    assert not sampler.entropy_.any()
    counts = np.bincount(sampler.parent_indices_.ravel(), minlength=21) / 12_000
    assert_allclose(counts, np.where(LABELS == "c", 1 / 3, 1 / 18), atol=0.02)


def test_each_round_trains_on_the_mixes_so_far(oracle):
    strategy = {"a": 4, "b": 15}
    sampler = MixBoostSampler(
        oracle, sampling_strategy=strategy, n_rounds=4, random_state=0
    )
    sampler.fit(PROBABILITY, SIDES)
    # Eleven rows in four rounds.
    assert [len(X) for X, _ in Oracle.fits] == [8, 10, 13, 16]
    for rows, labels in Oracle.fits:
        assert_array_equal(rows[:8], PROBABILITY)
        assert_array_equal(labels[:8], SIDES)
    assert_array_equal(Oracle.fits[3][0][:13], Oracle.fits[2][0])
    assert len(sampler.resample(random_state=3)[0]) == 19
    assert len(Oracle.fits) == 4


def test_resample_draws_by_the_entropies_of_all_rounds(oracle):
    strategy = {"b": 404}
    sampler = MixBoostSampler(
        oracle, sampling_strategy=strategy, n_rounds=2, random_state=0
    )
    sampler.fit(PROBABILITY, SIDES)
    # One round is sure of all rows but two, the other of all but two others.
    sampler.entropy_[:] = 0
    sampler.entropy_[0, [1, 5]] = sampler.entropy_[1, [3, 7]] = 0.1
    sampler.resample()
    by_entropy = sampler.parent_indices_.reshape(2, 200, 2)[:, :100]
    assert_array_equal(by_entropy[0], [[5, 1]] * 100)
    assert_array_equal(by_entropy[1], [[7, 3]] * 100)


def test_what_is_set_after_a_fit_waits_for_the_next():
    sampler = MixBoostSampler(random_state=0)
    X_new, y_new = sampler.fit_resample(X, LABELS)
    again, labels = sampler.set_params(n_rounds=8).resample()
    assert_array_equal(again, X_new)
    assert_array_equal(labels, y_new)


def test_the_default_is_logistic_regression_on_standardised_columns():
    Z = StandardScaler().fit_transform(X)
    model = LogisticRegression(max_iter=1000).fit(Z, LABELS)
    default = MixBoostSampler(random_state=0).fit(X * [1e-6, 1.0, 1e6], LABELS)
    expected = entropy(model.predict_proba(Z), axis=1)
    assert_allclose(default.entropy_[0], expected, rtol=1e-3)
    # Also in later rounds, where it sees mixes.
    given = MixBoostSampler(model, random_state=0).fit(Z, LABELS)
    assert_allclose(default.entropy_, given.entropy_, rtol=1e-3)
    assert not np.allclose(given.entropy_[0], given.entropy_[4], rtol=0.05)


def test_many_classes_are_one_against_the_rest():
    strategy = {"b": 9_006, "c": 9_003}
    sampler = MixBoostSampler(
        DecisionTreeClassifier(), sampling_strategy=strategy, random_state=0
    )
    sampler.fit_resample(X, LABELS)
    first, second = LABELS[sampler.parent_indices_].T
    assert np.mean(second[first == "b"] == "a") == pytest.approx(12 / 15, abs=0.02)
    assert np.mean(second[first == "c"] == "a") == pytest.approx(12 / 18, abs=0.02)


def test_a_class_of_one_row_is_mixed_with_the_others():
    sampler = MixBoostSampler(random_state=0)
    X_new, y_new = sampler.fit_resample(X[:5], list("aaaab"))
    assert len(X_new) == len(y_new) == 8
    assert_array_equal(sampler.parent_indices_[:, 0], [4, 4, 4])
    assert_array_equal(
        [label == "b" for label in y_new[5:]], sampler.mix_weights_[:, 0] >= 0.5
    )


def test_columns_of_all_kinds(oracle):
    kinds = pd.DataFrame(
        {
            "share": PROBABILITY[:, 0],
            "count": [3, 8, 1, 9, 4, 7, 5, 2],
            "colour": pd.Categorical(list("rgbrgbrg")),
        },
        index=[f"row{i}" for i in range(8)],
    )
    y = pd.Series(SIDES, index=kinds.index)
    strategy = {"b": 10}
    for estimator in (oracle, None):
        sampler = MixBoostSampler(estimator, sampling_strategy=strategy, random_state=0)
        X_new, y_new = sampler.fit_resample(kinds, y)
        assert_array_equal(X_new.dtypes, kinds.dtypes)
        first, second = sampler.parent_indices_.T
        heavier = np.where(sampler.mix_weights_[:, 0] >= 0.5, first, second)
        assert y_new.to_list() == [*SIDES, *SIDES[heavier]]
        assert_array_equal(X_new["colour"][8:], kinds["colour"].to_numpy()[heavier])
        count, share = kinds["count"].to_numpy(), sampler.mix_weights_[:, 0]
        mixed = share * count[first] + (1 - share) * count[second]
        assert_array_equal(X_new["count"][8:], np.rint(mixed))
    # The estimator sees rows as the user passed them.
    assert all(isinstance(rows, pd.DataFrame) for rows, _ in Oracle.fits)
    assert_array_equal(Oracle.fits[-1][0].dtypes, kinds.dtypes)


def test_inside_a_classifier_that_classifier_is_asked(oracle):
    model = ResampledClassifier(oracle, resampler=MixBoostSampler(random_state=0))
    model.fit(PROBABILITY[:6], SIDES[:6])
    # Five rounds, then the fit on what comes out.
    assert [len(X) for X, _ in Oracle.fits] == [6, 6, 6, 6, 7, 8]
    assert isinstance(model.resampler_.estimator, Oracle)
    assert model.resampler.estimator is None


@pytest.mark.usefixtures("random_state_untouched")
def test_same_seed_same_rows():
    forest = RandomForestClassifier(5, max_depth=2)

    def draw(seed, estimator=forest):
        sampler = MixBoostSampler(estimator, n_rounds=2, random_state=seed)
        return sampler.fit(X, LABELS).entropy_, sampler.resample()[0]

    for one, two, other in zip(draw(1), draw(1), draw(2), strict=True):
        assert_array_equal(one, two)
        assert not np.array_equal(one, other)
    assert forest.random_state is None
    with pytest.raises(NotFittedError):
        check_is_fitted(forest)
    assert not np.array_equal(draw(1)[0][0], draw(2)[0][0])
    # An estimator with a seed keeps it.
    seeded = RandomForestClassifier(5, max_depth=2, random_state=0)
    assert_array_equal(draw(1, seeded)[0][0], draw(2, seeded)[0][0])


def test_held_out_rows_change_nothing():
    sampler = MixBoostSampler(random_state=0)
    alone = sampler.fit_resample(X, LABELS)[0]
    held_out = {"X_val": X[:4] + 1, "y_val": LABELS[:4]}
    assert_array_equal(sampler.fit_resample(X, LABELS, **held_out)[0], alone)


@pytest.mark.parametrize("estimator", [LinearSVC(), SVC()])
def test_an_estimator_needs_probabilities(estimator):
    message = "The 'estimator' parameter .* implementing 'fit' and 'predict_proba'"
    with pytest.raises(ValueError, match=message):
        MixBoostSampler(estimator).fit(X, LABELS)
    calibrated = CalibratedClassifierCV(estimator, cv=2, ensemble=False)
    assert MixBoostSampler(calibrated, n_rounds=1).fit(X, LABELS).entropy_.any()


@pytest.mark.parametrize(
    "parameters", [{"n_rounds": 0}, {"alpha": 0}, {"sampling_strategy": "majority"}]
)
def test_bad_parameters(parameters):
    with pytest.raises(ValueError, match=f"The '{next(iter(parameters))}' parameter"):
        MixBoostSampler(**parameters).fit(X, LABELS)


def test_whose_estimator_it_is():
    model = ResampledClassifier(LinearSVC(), resampler=MixBoostSampler())
    message = "'predict_proba'.* ResampledClassifier gave it its own estimator"
    with pytest.raises(ValueError, match=message):
        model.fit(X, LABELS)


def test_probabilities_are_numbers():
    class Lost(Oracle):
        def predict_proba(self, X):
            return np.full((len(X), 2), np.nan)

    with pytest.raises(ValueError, match=r"predict_proba of estimator=Lost.* gives"):
        MixBoostSampler(Lost()).fit(X, LABELS)
