import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal
from sklearn.neighbors import KNeighborsClassifier

from skmix._core import votes
from skmix._core.votes import NeighborVotes, Segments


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
    assert len(entered) <= counts[0] < 1.01 * len(entered)


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


@settings(max_examples=60, deadline=None)
@given(
    seed=st.integers(0, 2**31 - 1),
    n=st.integers(3, 120),
    n_test=st.integers(1, 400),
    n_new=st.integers(0, 120),
    n_columns=st.integers(1, 20),
    scale=st.sampled_from([1e-3, 1.0, 1e4]),
    offset=st.sampled_from([0.0, 30.0]),
    length=st.sampled_from([0.0, 1e-3, 1.0, 30.0]),
)
def test_pairs_in_reach_are_all_that_count(
    seed, n, n_test, n_new, n_columns, scale, offset, length
):
    rng = np.random.RandomState(seed)
    Z, Z_test = (offset + rng.normal(size=(m, n_columns)) for m in (n, n_test))
    # Rows that are mixed lie near to each other, or farther apart than the others.
    Z = scale * np.vstack([Z, Z.mean(axis=0) + length * rng.normal(size=Z.shape)])
    Z_test *= scale
    codes, codes_new = rng.randint(3, size=len(Z)), rng.randint(3, size=n_new)
    known = NeighborVotes(Z, codes, Z_test, 3, 5)
    segments = Segments(known, Z)
    for _ in range(2):
        first, second = rng.randint(n, size=(2, n_new)) + rng.randint(2) * n
        # Also where they end.
        share = rng.uniform(-0.2, 1.2, size=(n_new, 1)).clip(0, 1)
        Z_new = share * Z[first] + (1 - share) * Z[second]
        test, new = segments.pairs(first, second)
        assert (np.diff(new) >= 0).all()
        entered, by, _ = known.entering(Z_new)
        in_reach = set(zip(test.tolist(), new.tolist(), strict=True))
        assert in_reach.issuperset(zip(entered.tolist(), by.tolist(), strict=True))
        assert_array_equal(
            known.votes_with(Z_new, codes_new, (test, new)),
            known.votes_with(Z_new, codes_new),
        )


def test_pairs_in_reach_by_hand():
    Z = np.array([[0, 0], [4, 0], [0, 9], [4, 9], [-3, 0], [-1, 2.0]])
    # Nearest to rows 0, 2, 5 and 4; the last lies past the end of 0 to 1.
    Z_test = np.array([[1.9, 0.5], [1.9, 8.5], [0, 2], [-2, 0]])
    known = NeighborVotes(Z, np.arange(6) % 2, Z_test, 2, 1)
    segments = Segments(known, Z)

    def in_reach(first, second):
        test, new = segments.pairs(np.array(first), np.array(second))
        return [sorted(test[new == place].tolist()) for place in range(len(first))]

    assert in_reach([0, 3, 1], [1, 2, 0]) == [[0], [1], [0]]
    # A row and itself; the diagonal; and a side that is too far from all.
    assert in_reach([1, 0, 1], [1, 3, 3]) == [[], [0, 1, 2], []]
    assert len(segments.noted.keys) == 5


def test_what_is_in_reach_is_found_once(monkeypatch):
    rng = np.random.RandomState(0)
    Z, Z_test = rng.normal(size=(300, 4)), rng.normal(size=(500, 4))
    known = NeighborVotes(Z, np.zeros(300, int), Z_test, 2, 7)
    segments = Segments(known, Z)
    first, second = rng.randint(300, size=(2, 900))
    found = segments.pairs(first, second)
    within, asked = segments._within, []

    def counted(first, second):
        asked.extend(zip(first.tolist(), second.tolist(), strict=True))
        return within(first, second)

    monkeypatch.setattr(segments, "_within", counted)
    again = segments.pairs(second[::-1], first[::-1])
    assert not asked
    order = np.lexsort((again[0], 899 - again[1]))
    assert_array_equal(again[0][order], found[0][np.lexsort(found)])
    new = [(first[0], second[0]), (7, 3), (8, 3), (3, 8)]
    segments.pairs(*np.transpose(new))
    assert sorted(asked) == [(3, 7), (3, 8)]
    assert_array_equal(segments.pairs(first, second), found)


def test_where_all_rows_are_in_reach_nothing_is_noted(monkeypatch):
    rng = np.random.RandomState(0)
    # Halfway between rows in many columns all others are nearer than to each other.
    Z, Z_test = rng.normal(size=(60, 500)), rng.normal(size=(50, 500))
    known = NeighborVotes(Z, np.zeros(60, int), Z_test, 2, 5)
    first, second = np.arange(30), np.arange(30, 60)
    assert len(Segments(known, Z).pairs(first, second)[0]) > 0.9 * 30 * 50
    monkeypatch.setattr(votes, "_MOST_NOTED", 1000)
    segments = Segments(known, Z)
    assert segments.pairs(first, second) is None
    assert segments.pairs(first[:1], second[:1]) is None


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
