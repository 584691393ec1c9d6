import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmix._stopping import hold_out


@pytest.mark.parametrize("fraction", [0.001, 0.1, 0.25, 0.9])
def test_the_same_share_of_each_class_is_held_out(fraction):
    counts = np.array([200, 30, 12, 1])
    codes = np.random.RandomState(0).permutation(np.repeat(range(4), counts))
    kept = []
    for seed in range(50):
        train, held_out = hold_out(codes, fraction, np.random.RandomState(seed))
        assert_array_equal(np.sort(np.r_[train, held_out]), np.arange(243))
        assert len(held_out) == np.ceil(fraction * 243)
        kept.append(np.bincount(codes[train], minlength=4))
        # One row of each class stays; the others are shared to the nearest row.
        share = len(held_out) / (243 - 4) * (counts - 1)
        assert (abs(counts - kept[-1] - share) < 1).all()
    assert np.min(kept) >= 1
    assert_allclose(np.mean(counts - kept, axis=0), share, atol=0.3)


def test_each_row_of_a_class_is_held_out_alike():
    codes = np.repeat([0, 1], [6, 4])
    counts = np.zeros(10)
    for seed in range(2000):
        counts[hold_out(codes, 0.3, np.random.RandomState(seed))[1]] += 1
    assert_allclose(counts[:6], counts[:6].mean(), rtol=0.15)
    assert_allclose(counts[6:], counts[6:].mean(), rtol=0.15)
