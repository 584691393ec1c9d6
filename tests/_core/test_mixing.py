import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmix._core.mixing import (
    deviations,
    draw_mix_ratio,
    heavier_parent,
    interpolate,
)


def test_interpolate_by_hand():
    values = np.array([[0.0, 10.0], [4.0, 20.0], [8.0, 0.0]])
    mixes = interpolate(
        values, np.array([0, 2]), np.array([1, 0]), np.array([0.25, 0.5])
    )
    assert_allclose(mixes, [[3.0, 17.5], [4.0, 5.0]])


def test_mixes_stay_within_their_parents():
    rng = np.random.RandomState(0)
    values = rng.normal(size=(50, 4)) * 10.0 ** rng.randint(-8, 8, size=(50, 4))
    first, second = rng.randint(0, 50, size=(2, 1000))
    mixes = interpolate(values, first, second, rng.uniform(size=1000))
    assert (mixes >= np.minimum(values[first], values[second])).all()
    assert (mixes <= np.maximum(values[first], values[second])).all()
    same = interpolate(values, first, first, rng.uniform(size=1000))
    assert_array_equal(same, values[first])


def test_heavier_parent():
    first, second = np.array([1, 1, 1]), np.array([2, 2, 2])
    weight = np.array([0.4, 0.5, 0.6])
    assert_array_equal(heavier_parent(first, second, weight), [2, 1, 1])


@pytest.mark.parametrize("alpha", [0.2, 2.0])
def test_beta_shares_have_the_moments_of_beta(alpha):
    weight = draw_mix_ratio("beta", alpha, 200_000, np.random.RandomState(0))
    assert weight.mean() == pytest.approx(0.5, abs=0.005)
    assert weight.var() == pytest.approx(1 / (4 * (2 * alpha + 1)), abs=0.003)


def test_deviations_of_constant_labels_are_one():
    Y = np.column_stack([np.arange(60.0), np.full(60, 0.1)])
    assert Y[:, 1].std() > 0  # by rounding
    assert_allclose(deviations(Y), [np.sqrt((60**2 - 1) / 12), 1.0])


def test_fixed_share():
    weight = draw_mix_ratio(0.3, 1.0, 4, np.random.RandomState(0))
    assert_array_equal(weight, [0.3] * 4)
