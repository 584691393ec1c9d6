import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.neighbors import KNeighborsClassifier

from skmix._core import votes
from skmix._core.votes import NeighborVotes


def refitted(Z, codes, Z_test, n_classes, k):
    """Votes as scikit-learn's classifier counts them."""
    model = KNeighborsClassifier(k).fit(Z, codes)
    votes = np.zeros((len(Z_test), n_classes), dtype=int)
    votes[:, model.classes_] = np.rint(model.predict_proba(Z_test) * k)
    return votes


def counted_by_hand(Z, codes, Z_test, n_classes, k):
    """All distances, in order; of rows at equal distance the first ones vote."""
    squared = ((Z_test[:, None] - Z) ** 2).sum(axis=2)
    nearest = np.argsort(squared, axis=1, kind="stable")[:, :k]
    return np.array([np.bincount(row, minlength=n_classes) for row in codes[nearest]])


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31 - 1),
    n=st.integers(3, 120),
    n_test=st.integers(1, 400),
    n_new=st.integers(0, 120),
    n_columns=st.integers(1, 20),
    k=st.integers(1, 15),
    n_classes=st.integers(2, 4),
    scale=st.sampled_from([1e-3, 1.0, 1e4]),
    offset=st.sampled_from([0.0, 30.0]),
)
def test_the_same_as_a_refit(
    seed, n, n_test, n_new, n_columns, k, n_classes, scale, offset
):
    rng = np.random.RandomState(seed)
    k = min(k, n)
    Z, Z_test, Z_new = (
        scale * (offset + rng.normal(size=(m, n_columns))) for m in (n, n_test, n_new)
    )
    codes, codes_new = (
        rng.randint(n_classes, size=n),
        rng.randint(n_classes, size=n_new),
    )
    known = NeighborVotes(Z, codes, Z_test, n_classes, k)
    assert_array_equal(known.votes, refitted(Z, codes, Z_test, n_classes, k))
    all_rows = np.vstack([Z, Z_new]), np.concatenate([codes, codes_new])
    expected = refitted(*all_rows, Z_test, n_classes, k)
    assert_array_equal(known.votes_with(Z_new, codes_new), expected)
    # In two parts, one after the other.
    half = n_new // 2
    known.add(Z_new[:half], codes_new[:half])
    known.add(Z_new[half:], codes_new[half:])
    assert_array_equal(known.votes, expected)


@pytest.mark.parametrize("scale", [1e-19, 1.0, 1e19])
@pytest.mark.parametrize("n_columns", [1, 6])
def test_neither_units_nor_the_origin_matter(scale, n_columns):
    rng = np.random.RandomState(0)
    Z, Z_test, Z_new = (rng.normal(size=(m, n_columns)) for m in (80, 600, 50))
    codes, codes_new = rng.randint(3, size=80), rng.randint(3, size=50)
    known = NeighborVotes(
        scale * (Z + 1e3), codes, scale * (Z_test + 1e3), n_classes=3, k=7
    )
    all_rows = np.vstack([Z, Z_new]), np.concatenate([codes, codes_new])
    assert_array_equal(
        known.votes_with(scale * (Z_new + 1e3), codes_new),
        counted_by_hand(*all_rows, Z_test, 3, 7),
    )


def test_few_pairs_are_compared_exactly(monkeypatch):
    squared, counts = votes._squared, []

    def counted(A, a, B, b):
        counts.append(len(a))
        return squared(A, a, B, b)

    rng = np.random.RandomState(0)
    Z, Z_test, Z_new = (1e3 + rng.normal(size=(m, 6)) for m in (80, 600, 50))
    known = NeighborVotes(Z, np.zeros(80, int), Z_test, 2, 7)
    monkeypatch.setattr(votes, "_squared", counted)
    entered, _, _ = known.entering(Z_new)
    assert len(entered) <= sum(counts) < 1.01 * len(entered)


@pytest.mark.parametrize("far", [1e20, 1e22, 1e23, 1e30])
def test_a_sentinel_hides_no_row(far):
    rng = np.random.RandomState(0)
    Z, Z_test, Z_new = (rng.normal(size=(m, 3)) for m in (80, 300, 50))
    Z[7] = far
    codes, codes_new = rng.randint(2, size=80), rng.randint(2, size=50)
    known = NeighborVotes(Z, codes, Z_test, 2, 5)
    all_rows = np.vstack([Z, Z_new]), np.concatenate([codes, codes_new])
    expected = counted_by_hand(*all_rows, Z_test, 2, 5)
    assert_array_equal(known.votes_with(Z_new, codes_new), expected)


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**31 - 1), n_columns=st.integers(1, 3))
def test_of_rows_at_equal_distance_the_first_vote(seed, n_columns):
    rng = np.random.RandomState(seed)
    # Few places, on which many rows coincide.
    Z, Z_test, Z_new = (rng.randint(3, size=(m, n_columns)) * 1.0 for m in (40, 30, 20))
    codes, codes_new = rng.randint(2, size=40), rng.randint(2, size=20)
    known = NeighborVotes(
        Z,
        codes,
        Z_test,
        2,
        5,
        np.argsort(((Z_test[:, None] - Z) ** 2).sum(axis=2), axis=1, kind="stable")[
            :, :5
        ],
    )
    assert_array_equal(known.votes, counted_by_hand(Z, codes, Z_test, 2, 5))
    all_rows = np.vstack([Z, Z_new]), np.concatenate([codes, codes_new])
    assert_array_equal(
        known.votes_with(Z_new, codes_new), counted_by_hand(*all_rows, Z_test, 2, 5)
    )


def test_a_tie_of_votes_is_a_tie():
    # Five of either class are nearest: scikit-learn then takes the first class.
    Z = np.arange(10.0)[:, None]
    codes = np.arange(10) % 2
    known = NeighborVotes(Z, codes, np.array([[4.6]]), 2, 10)
    assert_array_equal(known.votes, [[5, 5]])
    model = KNeighborsClassifier(10).fit(Z, codes)
    assert model.predict([[4.6]]) == [known.votes.argmax()]
    # One more row of the other class, nearer than all: it displaces the farthest.
    assert_array_equal(known.votes_with(np.array([[4.4]]), np.array([1])), [[4, 6]])
    assert_array_equal(known.votes, [[5, 5]])


def test_fewer_rows_than_votes():
    known = NeighborVotes(np.eye(3), np.array([0, 1, 1]), np.zeros((2, 3)), 2, 10)
    assert_array_equal(known.votes, [[1, 2], [1, 2]])


def test_who_enters():
    Z = np.array([[0.0], [1.0], [2.0]])
    known = NeighborVotes(Z, np.zeros(3, int), np.array([[0.0], [2.0]]), 2, 2)
    # The second nearest row is at 1 from either held-out row.
    test, new, squared = known.entering(np.array([[0.5], [1.0], [5.0], [2.25]]))
    assert sorted(zip(test, new, squared, strict=True)) == [
        (0, 0, 0.25),
        (1, 3, 0.0625),
    ]


def test_a_copy_is_independent():
    rng = np.random.RandomState(0)
    known = NeighborVotes(
        rng.normal(size=(20, 2)), np.zeros(20, int), rng.normal(size=(5, 2)), 2, 3
    )
    twin = known.copy()
    twin.add(known.Z_all, np.ones(5, int))
    assert_array_equal(known.votes, [[3, 0]] * 5)
    assert (twin.votes[:, 1] >= 1).all()
    assert known.squared.min() > 0 == twin.squared.min()


@pytest.mark.parametrize("n_test", [255, 257, 1000])
def test_boxes_hold_each_row_once(n_test):
    rng = np.random.RandomState(0)
    Z_test = np.round(rng.normal(size=(n_test, 2)), 1)
    known = NeighborVotes(Z_test[:5], np.zeros(5, int), Z_test, 2, 1)
    assert_array_equal(np.sort(np.concatenate(known.boxes)), np.arange(n_test))
    assert max(map(len, known.boxes)) <= 256
