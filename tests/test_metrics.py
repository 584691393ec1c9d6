import numpy as np
import pytest
from numpy.testing import assert_allclose
from scipy.stats import sem
from sklearn.linear_model import LinearRegression
from sklearn.metrics import r2_score

from skmix.metrics import (
    harm_rate,
    paired_difference,
    paired_signed_rank,
    squared_error_by_row,
)

rng = np.random.RandomState(0)
ONE, OTHER = rng.normal(size=(2, 30))
GROUPS = rng.choice(["a", "b", "c", "d"], size=30)
Y = rng.normal([5, -3], [1, 20], size=(30, 2))


def test_paired_difference_by_hand():
    # Differences 1, 2, 1, 0: mean 1, variance 2/3 with three degrees of freedom.
    difference, error = paired_difference([3, 5, 4, 4], [2, 3, 3, 4])
    assert difference == 1
    assert error == pytest.approx(np.sqrt(2 / 3) / 2)


@pytest.mark.parametrize("groups", [None, np.arange(30)[::-1], [*"ABCDE"] * 6])
def test_paired_difference_of_single_rows_is_the_usual_one(groups):
    difference, error = paired_difference(ONE, OTHER, groups=groups)
    assert difference == pytest.approx((ONE - OTHER).mean())
    if groups is None or len(set(groups)) == 30:
        assert error == pytest.approx(sem(ONE - OTHER))
    else:
        assert error != pytest.approx(sem(ONE - OTHER))


def test_paired_difference_of_groups_by_hand():
    # Group sums of the deviations from the mean 1 are 1, -1 and 0; G = 3, n = 4.
    groups = ["p", "q", "p", "r"]
    difference, error = paired_difference([1, 0, 2, 1], np.zeros(4), groups=groups)
    assert difference == 1
    assert error == pytest.approx(np.sqrt(3 / 2 * (1 + 1)) / 4)


def test_groups_of_one_size_are_rows_of_their_means():
    groups = np.arange(30) % 10
    means = [(ONE - OTHER)[groups == group].mean() for group in range(10)]
    difference, error = paired_difference(ONE, OTHER, groups=groups)
    assert difference == pytest.approx(np.mean(means))
    assert error == pytest.approx(sem(means))


def test_repeating_every_row_adds_no_certainty():
    twice = np.tile(ONE, 2), np.tile(OTHER, 2)
    assert_allclose(
        paired_difference(*twice, groups=np.tile(np.arange(30), 2)),
        paired_difference(ONE, OTHER),
    )


def test_the_other_way_round_only_the_sign_changes():
    difference, error = paired_difference(ONE, OTHER, groups=GROUPS)
    expected = pytest.approx((-difference, error))
    assert paired_difference(OTHER, ONE, groups=GROUPS) == expected


@pytest.mark.parametrize(
    ("values", "groups"), [([2.0], None), ([1.0, 3.0], ["a", "a"])]
)
def test_a_single_unit_has_no_standard_error(values, groups):
    difference, error = paired_difference(values, np.zeros(len(values)), groups=groups)
    assert difference == 2
    assert np.isnan(error)


def test_paired_values_are_equally_many():
    with pytest.raises(ValueError, match=r"same shape, got \(3,\) and \(2,\): pair"):
        paired_difference([1, 2, 3], [1, 2])
    with pytest.raises(ValueError, match="groups"):
        paired_difference([1, 2, 3], [1, 2, 3], groups=[1, 2])


@pytest.mark.parametrize(
    ("tol", "expected"),
    [(0.0, 0.5), (0.1, 0.25), (0.25, 0.0), ([0, 0.5, 0, 0.5], 0.0), (-0.1, 0.75)],
)
def test_harm_rate_by_hand(tol, expected):
    scores, baseline = [0.75, 0.5, 0.5, 0.4375], [0.5, 0.6875, 0.5, 0.5]
    assert harm_rate(scores, baseline, tol=tol) == expected


@pytest.mark.parametrize("targets", [[0], [1], [0, 1]])
def test_squared_errors_average_to_one_minus_r2(targets):
    truth = Y[:, targets]
    prediction = LinearRegression().fit(ONE[:, None], truth).predict(OTHER[:, None])
    loss = squared_error_by_row(truth, prediction)
    assert loss.shape == (30,)
    assert 1 - loss.mean() == pytest.approx(r2_score(truth, prediction))
    by_hand = ((truth - prediction) ** 2 / truth.var(axis=0)).mean(axis=1)
    assert_allclose(loss, by_hand)


def test_squared_errors_of_predictions_without_a_column():
    expected = squared_error_by_row(Y[:, :1], Y[:, 1:])
    assert np.array_equal(squared_error_by_row(Y[:, :1], Y[:, 1].tolist()), expected)


def test_squared_errors_of_a_constant_target_are_not_divided():
    truth = np.column_stack([np.full(3, 0.1), [0.0, 1.0, 2.0]])
    prediction = truth + np.array([[2, 1], [0, 0], [1, 2]])
    loss = squared_error_by_row(truth, prediction)
    assert_allclose(loss, [(4 + 1.5) / 2, 0, (1 + 6) / 2])


def test_signed_rank_by_hand():
    # Differences 1, 2, -3: ranks 1 + 2 up of 6 in all. Of the 8 equally likely signs,
    # those with a sum of ranks of at least 3: 3, 1+2, 1+3, 2+3, 1+2+3.
    assert paired_signed_rank([1, 2, 0], [0, 0, 3]) == pytest.approx(5 / 8)
    assert paired_signed_rank([1, 2, 3], [1, 2, 3]) == 1.0


def test_signed_rank_is_not_swayed_by_one_row():
    values = ONE.copy()
    values[0] += 1e6
    high = OTHER.copy()
    high[1:] += 3
    assert paired_difference(values, high)[0] > 0
    assert paired_signed_rank(values, high) > 0.99


def test_signed_rank_of_groups_is_that_of_their_sums():
    sums = [sum((ONE - OTHER)[g == GROUPS]) for g in "abcd"]
    expected = paired_signed_rank(sums, np.zeros(4))
    assert paired_signed_rank(ONE, OTHER, groups=GROUPS) == expected
    with pytest.raises(ValueError, match="groups has 2 entries for 30"):
        paired_signed_rank(ONE, OTHER, groups=[1, 2])
