import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from scipy.sparse import csr_array, csr_matrix

from skmix._core.batches import (
    farthest_rows,
    gradient_rows,
    spread_rows,
    top_rows,
    typical_rows,
)


def rng(seed=0):
    return np.random.RandomState(seed)


def blobs(sizes, n_features=2, seed=0):
    """Rows in tight groups, ten apart."""
    centres = 10.0 * np.arange(len(sizes))
    place = np.repeat(centres, sizes)
    noise = rng(seed).normal(scale=0.1, size=(len(place), n_features))
    return place[:, None] + noise, np.repeat(np.arange(len(sizes)), sizes)


def test_top_rows_are_sorted_and_ties_are_random():
    score = np.array([1.0, 3.0, 2.0, 3.0, 3.0])
    firsts = {top_rows(score, 1, rng(seed))[0] for seed in range(30)}
    assert firsts == {1, 3, 4}
    assert_array_equal(score[top_rows(score, 5, rng())], [3, 3, 3, 2, 1])
    assert_array_equal(top_rows(score, 4, rng(1)), top_rows(score, 4, rng(1)))


def test_top_rows_of_equal_scores_are_any():
    counts = np.zeros(6)
    for seed in range(600):
        counts[top_rows(np.zeros(6), 2, rng(seed))] += 1
    assert_allclose(counts / 600, 2 / 6, atol=0.07)


@pytest.mark.parametrize("kind", [np.asarray, csr_matrix, csr_array])
def test_spread_rows_takes_one_of_each_group(kind):
    Z, group = blobs([30, 5, 5])
    weight = np.ones(len(Z))
    weight[group == 1] = 2
    rows = spread_rows(kind(Z), weight, 3, rng())
    assert sorted(group[rows]) == [0, 1, 2]
    # In the order of their weights.
    assert group[rows[0]] == 1


def test_spread_rows_takes_the_row_in_the_middle_by_weight():
    Z = np.array([[0.0], [1.0], [2.0], [100.0]])
    even = spread_rows(Z, np.ones(4), 2, rng())
    assert set(even) == {1, 3}
    # Where one row has nearly all the weight of its cluster, the centre is there.
    heavy = spread_rows(Z, np.array([1.0, 1.0, 100.0, 1.0]), 2, rng())
    assert set(heavy) == {2, 3}


def test_spread_rows_fills_up_where_rows_are_equal():
    Z = np.zeros((6, 2))
    weight = np.array([1.0, 5.0, 3.0, 4.0, 2.0, 0.0])
    rows = spread_rows(Z, weight, 4, rng())
    assert len(set(rows)) == 4
    # One row of the only cluster, and the heaviest of the others.
    assert {1, 3} <= set(rows)
    assert len(spread_rows(Z, np.zeros(6), 6, rng())) == 6


def test_typical_rows_are_of_the_largest_groups_without_a_label():
    Z, group = blobs([40, 30, 20, 4])
    labelled = np.zeros(len(Z), dtype=bool)
    labelled[np.flatnonzero(group == 0)[:1]] = True
    rows = typical_rows(Z, labelled, 2, rng())
    assert not labelled[rows].any()
    assert group[rows].tolist() == [1, 2]
    middle = Z[group == 1].mean(axis=0)
    distance = np.linalg.norm(Z - middle, axis=1)
    assert distance[rows[0]] == distance[group == 1].min()


def test_typical_rows_where_all_groups_have_a_label_or_rows_are_equal():
    Z = np.zeros((5, 1))
    labelled = np.array([True, False, False, False, False])
    rows = typical_rows(Z, labelled, 4, rng())
    assert sorted(rows) == [1, 2, 3, 4]


@pytest.mark.parametrize("kind", [np.asarray, csr_matrix])
def test_farthest_rows_by_hand(kind):
    Z = np.array([[0.0], [1.0], [5.0], [9.0]])
    distances = np.empty((3, 4))
    rows = farthest_rows(kind(Z), kind(np.array([[0.5]])), 3, rng(), distances)
    assert rows.tolist() == [3, 2, 0] or rows.tolist() == [3, 2, 1]
    assert_allclose(distances[0], [0.5, 0.5, 4.5, 8.5])
    assert_allclose(distances[1], [0.5, 0.5, 4, np.nan])
    assert_allclose(distances[2, :2], [0.5, 0.5])


def test_farthest_rows_are_those_of_a_plain_loop():
    Z, centres = rng().normal(size=(60, 4)), rng(1).normal(size=(5, 4))
    rows = farthest_rows(Z, centres, 8, rng())
    expected, known = [], centres
    for _ in range(8):
        gaps = np.linalg.norm(Z[:, None] - known, axis=2).min(axis=1)
        expected.append(int(gaps.argmax()))
        known = np.vstack([known, Z[expected[-1]]])
    assert rows.tolist() == expected


def test_farthest_rows_without_centres_begin_anywhere():
    Z = np.arange(5.0)[:, None]
    begins = {farthest_rows(Z, Z[:0], 1, rng(seed))[0] for seed in range(40)}
    assert begins == {0, 1, 2, 3, 4}


@pytest.mark.parametrize("kind", [np.asarray, csr_matrix])
def test_gradient_distances_are_those_of_the_embedding(kind):
    n, c, d, k = 40, 3, 6, 5
    hidden = rng().normal(size=(n, d))
    residual = rng(1).dirichlet(np.ones(c), size=n)
    residual[np.arange(n), residual.argmax(axis=1)] -= 1
    distances = np.empty((k, n))
    rows = gradient_rows(residual, kind(hidden), k, rng(), distances)
    embedding = np.einsum("nc,nd->ncd", residual, hidden).reshape(n, -1)
    assert rows[0] == np.linalg.norm(embedding, axis=1).argmax()
    assert_allclose(distances[0], np.linalg.norm(embedding, axis=1))
    for place in range(1, k):
        chosen = embedding[rows[:place]]
        gaps = np.linalg.norm(embedding[:, None] - chosen, axis=2).min(axis=1)
        gaps[rows[:place]] = np.nan
        assert_allclose(distances[place], gaps, atol=1e-7)
    assert len(set(rows)) == k


def test_gradient_rows_are_drawn_by_squared_distance():
    # Beside the first row, two rows at the squared distances 1 and 9.
    hidden = np.array([[10.0, 0.0], [10.0, 1.0], [10.0, 3.0]])
    residual = np.tile([[-0.5, 0.5]], (3, 1)) * np.sqrt(2)
    hidden[0] *= 1.2
    second = [gradient_rows(residual, hidden, 2, rng(s)) for s in range(500)]
    first = second[0][0]
    assert all(rows[0] == first for rows in second)
    squares = ((hidden - hidden[first]) ** 2).sum(axis=1)
    share = np.bincount([rows[1] for rows in second], minlength=3) / 500
    assert_allclose(share, squares / squares.sum(), atol=0.06)


def test_gradient_rows_of_equal_rows_are_distinct():
    rows = gradient_rows(np.full((4, 2), 0.5), np.ones((4, 3)), 4, rng())
    assert sorted(rows) == [0, 1, 2, 3]


def test_gradient_rows_of_copies_are_distinct():
    """Distances of 0 that round below it are no negative probabilities."""
    residual = np.tile(rng().normal(size=(3, 4)), (7, 1))
    hidden = np.tile(rng(1).normal(size=(3, 50)), (7, 1))
    assert sorted(gradient_rows(residual, hidden, 21, rng())) == list(range(21))
