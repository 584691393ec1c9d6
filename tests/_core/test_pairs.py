import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.special import softmax

from skmix._core.pairs import (
    kernel_partners,
    option_pairs,
    uniform_partners,
    unique_pairs,
)


def test_unique_pairs_by_hand():
    first, second = np.array([3, 1, 0, 3, 1]), np.array([1, 3, 2, 1, 0])
    kept, inverse = unique_pairs(first, second, ordered=False)
    assert_array_equal(kept, [0, 2, 4])
    assert_array_equal(inverse, [0, 0, 1, 0, 2])
    kept, inverse = unique_pairs(first, second, ordered=True)
    assert_array_equal(kept, [0, 1, 2, 4])
    assert_array_equal(inverse, [0, 1, 2, 0, 3])


@pytest.mark.parametrize("ordered", [True, False])
def test_unique_pairs_against_sets(ordered):
    first, second = np.random.RandomState(0).randint(0, 9, size=(2, 200))
    pairs = [
        (i, j) if ordered else tuple(sorted((i, j)))
        for i, j in zip(first.tolist(), second.tolist(), strict=True)
    ]
    kept, inverse = unique_pairs(first, second, ordered=ordered)
    assert [pairs[place] for place in kept] == list(dict.fromkeys(pairs))
    assert [pairs[kept[place]] for place in inverse] == pairs


def test_unique_pairs_of_nothing():
    empty = np.empty(0, dtype=np.intp)
    kept, inverse = unique_pairs(empty, empty, ordered=False)
    assert len(kept) == len(inverse) == 0


def test_option_pairs_by_hand():
    by_features = np.array([[1, 2], [0, 2], [1, 0]])
    by_label = np.array([[2], [0], [0]])
    options = np.array([[2, 0], [0, 1], [1, 1]])
    first, second = option_pairs([by_features, by_label], options)
    assert_array_equal(first, [0, 0, 2, 1, 2])
    assert_array_equal(second, [1, 2, 1, 0, 0])


def test_uniform_partners_are_all_others_alike():
    first = np.repeat(np.arange(4), 30_000)
    second = uniform_partners(first, 4, np.random.RandomState(0))
    counts = np.zeros((4, 4))
    np.add.at(counts, (first, second), 1 / 30_000)
    assert_allclose(counts, (1 - np.eye(4)) / 3, atol=0.01)


def kernel_matrix(Y, bandwidth):
    """C-Mixup's rates as the paper defines them, one pair at a time."""
    n = len(Y)
    exponent = np.array(
        [
            [
                -np.inf if i == j else -((Y[i] - Y[j]) ** 2).sum() / (2 * bandwidth**2)
                for j in range(n)
            ]
            for i in range(n)
        ]
    )
    return softmax(exponent, axis=1)


@pytest.mark.parametrize("n_targets", [1, 3])
@pytest.mark.parametrize("bandwidth", [0.05, 0.5, 5.0])
def test_partners_come_at_the_kernels_rates(n_targets, bandwidth):
    # 0.05 leaves rows to the kernel itself, 5 draws all by rejection.
    Y = np.random.RandomState(1).normal(size=(8, n_targets))
    draws = 40_000
    first = np.repeat(np.arange(8), draws)
    second = kernel_partners(first, Y, bandwidth, np.random.RandomState(2))
    counts = np.zeros((8, 8))
    np.add.at(counts, (first, second), 1 / draws)
    assert_allclose(counts, kernel_matrix(Y, bandwidth), atol=0.012)


@pytest.mark.parametrize("n_targets", [1, 2])
@pytest.mark.parametrize("n_blocks", [1, 3, 8])
def test_blocks_of_labels_give_the_kernels_rates(n_targets, n_blocks, monkeypatch):
    def never(*arguments):
        raise AssertionError("a row was left to the kernel itself")

    monkeypatch.setattr("skmix._core.pairs._REJECTION_ROUNDS", 0)
    monkeypatch.setattr("skmix._core.pairs._LABEL_BLOCKS", n_blocks)
    monkeypatch.setattr("skmix._core.pairs._BLOCK_ROUNDS", 1000)
    monkeypatch.setattr("skmix._core.pairs._draw_by_rates", never)
    Y = np.random.RandomState(1).normal(size=(8, n_targets))
    draws = 40_000
    first = np.repeat(np.arange(8), draws)
    second = kernel_partners(first, Y, 0.7, np.random.RandomState(2))
    counts = np.zeros((8, 8))
    np.add.at(counts, (first, second), 1 / draws)
    assert_allclose(counts, kernel_matrix(Y, 0.7), atol=0.012)


def test_an_isolated_label_gets_the_nearest_partner():
    Y = np.array([[0.0], [0.001], [1000.0]])
    second = kernel_partners(np.array([2] * 50), Y, 0.1, np.random.RandomState(0))
    assert_array_equal(second, np.ones(50))


def test_two_rows_are_each_others_partners():
    Y = np.array([[0.0], [50.0]])
    second = kernel_partners(np.array([0, 1, 0]), Y, 0.1, np.random.RandomState(0))
    assert_array_equal(second, [1, 0, 1])
