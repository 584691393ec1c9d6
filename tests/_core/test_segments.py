import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.testing import assert_array_equal

from skmix._core import segments
from skmix._core.segments import Segments
from skmix._core.votes import NeighborVotes


@pytest.fixture(autouse=True, scope="module")
def however_many():
    """Look at pairs also where they are no fewer than all, in several blocks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(segments, "_MOST_OF_ALL", 1.0)
        patch.setattr(segments, "_BLOCK", 50)
        yield


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
    pairs = Segments(known, Z)
    for _ in range(2):
        first, second = rng.randint(n, size=(2, n_new)) + rng.randint(2) * n
        # Also where they end.
        share = rng.uniform(-0.2, 1.2, size=(n_new, 1)).clip(0, 1)
        Z_new = share * Z[first] + (1 - share) * Z[second]
        test, new = pairs.pairs(first, second)
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
    pairs = Segments(known, Z)

    def in_reach(first, second):
        test, new = pairs.pairs(np.array(first), np.array(second))
        return [sorted(test[new == place].tolist()) for place in range(len(first))]

    assert in_reach([0, 3, 1], [1, 2, 0]) == [[0], [1], [0]]
    # A row and itself; the diagonal; and a side that is too far from all.
    assert in_reach([1, 0, 1], [1, 3, 3]) == [[], [0, 1, 2], []]
    assert len(pairs.noted.keys) == 5


def test_what_is_in_reach_is_found_once(monkeypatch):
    rng = np.random.RandomState(0)
    Z, Z_test = rng.normal(size=(300, 4)), rng.normal(size=(500, 4))
    known = NeighborVotes(Z, np.zeros(300, int), Z_test, 2, 7)
    pairs = Segments(known, Z)
    first, second = rng.randint(300, size=(2, 900))
    found = pairs.pairs(first, second)
    within, asked = pairs._within, []

    def counted(first, second):
        asked.extend(zip(first.tolist(), second.tolist(), strict=True))
        return within(first, second)

    monkeypatch.setattr(pairs, "_within", counted)
    again = pairs.pairs(second[::-1], first[::-1])
    assert not asked
    order = np.lexsort((again[0], 899 - again[1]))
    assert_array_equal(again[0][order], found[0][np.lexsort(found)])
    new = [(first[0], second[0]), (7, 3), (8, 3), (3, 8)]
    pairs.pairs(*np.transpose(new))
    assert sorted(asked) == [(3, 7), (3, 8)]
    assert_array_equal(pairs.pairs(first, second), found)


def test_where_all_rows_are_in_reach_nothing_is_noted(monkeypatch):
    rng = np.random.RandomState(0)
    # Halfway between rows in many columns all others are nearer than to each other.
    Z, Z_test = rng.normal(size=(60, 500)), rng.normal(size=(50, 500))
    known = NeighborVotes(Z, np.zeros(60, int), Z_test, 2, 5)
    first, second = np.arange(30), np.arange(30, 60)
    assert len(Segments(known, Z).pairs(first, second)[0]) > 0.9 * 30 * 50
    monkeypatch.setattr(segments, "_MOST", 1000)
    pairs = Segments(known, Z)
    assert pairs.pairs(first, second) is None
    assert pairs.pairs(first[:1], second[:1]) is None


def test_where_many_are_in_reach_none_are_given(monkeypatch):
    rng = np.random.RandomState(0)
    Z, Z_test = rng.normal(size=(300, 3)), rng.normal(size=(500, 3))
    pairs = Segments(NeighborVotes(Z, np.zeros(300, int), Z_test, 2, 5), Z)
    first, second = rng.randint(300, size=(2, 40))
    test, _ = pairs.pairs(first, second)
    share = len(test) / (40 * 500)
    assert 0.01 < share < 0.5
    for most, part in ((len(test), share + 1e-9), (len(test) - 1, 1.0), (2**22, 0.01)):
        monkeypatch.setattr(segments, "_MOST", most)
        monkeypatch.setattr(segments, "_MOST_OF_ALL", part)
        is_given = pairs.pairs(first, second) is not None
        assert is_given == (most == len(test))
    # They are known all the same.
    monkeypatch.setattr(segments, "_MOST_OF_ALL", 1.0)
    assert_array_equal(pairs.pairs(first, second)[0], test)


@pytest.mark.parametrize("far", [1e22, 1e30])
def test_a_sentinel_hides_no_row(far):
    rng = np.random.RandomState(0)
    Z, Z_test = rng.normal(size=(80, 3)), rng.normal(size=(300, 3))
    Z[7] = far
    known = NeighborVotes(Z, np.zeros(80, int), Z_test, 2, 5)
    first, second = rng.randint(7, size=(2, 50))
    Z_new = (Z[first] + Z[second]) / 2
    test, new = Segments(known, Z).pairs(first, second)
    entered, by, _ = known.entering(Z_new)
    assert len(entered) > 50
    in_reach = set(zip(test.tolist(), new.tolist(), strict=True))
    assert in_reach.issuperset(zip(entered.tolist(), by.tolist(), strict=True))
