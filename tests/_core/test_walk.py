import numpy as np
import pytest
from imblearn.over_sampling import BorderlineSMOTE
from numpy.random import RandomState
from numpy.testing import assert_allclose, assert_array_equal

from skmix._core.neighbors import nearest_rows
from skmix._core.walk import Neighborhoods, Walkers

# On a line: the small class at 0, 1, 2 and 10; others from 3 to 9 and at 11.
Z = np.array([0.0, 1.0, 2.0, 10.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 9.0, 11.0])[:, None]
SMALL = np.arange(12) < 4
ALL = np.ones(12, bool)


@pytest.fixture
def hoods():
    return Neighborhoods(Z, SMALL, nearest_rows(Z, 11))


def make_walkers(hoods, usable=ALL, weight=None, n=1000):
    weight = np.ones(int((usable & SMALL).sum())) if weight is None else weight
    return Walkers(hoods, usable, weight, n, RandomState(0))


def test_tables_by_hand(hoods):
    assert_array_equal(hoods.near_small[0, :3], [1, 2, 3])
    assert_array_equal(hoods.near_small[3, :3], [2, 1, 0])
    assert_array_equal(hoods.partners[:4, 0], [4, 4, 4, 10])
    assert_array_equal(hoods.partners[[4, 5, 6, 8], 0], [2, 2, 2, 3])
    assert_array_equal(hoods.usable(ALL), ALL)


def test_twins_are_rows_of_both_sides_in_one_place():
    X = np.vstack([Z, [[10.00005], [0.0]]])
    small = np.append(SMALL, [False, True])
    hoods = Neighborhoods(X, small, nearest_rows(X, 5))
    # Two rows of one side in one place are none.
    known = np.ones(len(X), bool)
    assert_array_equal(np.flatnonzero(~hoods.usable(known)), [3, 12])
    # Nor do rows that are not there say anything about those that are.
    known[3] = False
    assert_array_equal(np.flatnonzero(~hoods.usable(known)), [3])


@pytest.mark.parametrize("n_columns", [1, 5, 20])
def test_twins_are_found_wherever_they_are(n_columns):
    rng = np.random.RandomState(0)
    # As far from each other as pairs are in any number of columns.
    one = np.arange(200)[:, None] + rng.random_sample((200, n_columns))
    step = rng.normal(size=one.shape)
    step *= np.where(np.arange(200) < 100, 1e-5, 2e-4)[:, None]
    step /= np.linalg.norm(step, axis=1, keepdims=True) / abs(step).max(1)[:, None]
    length = np.linalg.norm(step, axis=1)
    X, small = np.vstack([one, one + step]), np.repeat([True, False], 200)
    usable = Neighborhoods(X, small, nearest_rows(X, 5)).usable(np.ones(400, bool))
    assert_array_equal(usable, np.tile(length >= 1e-4, 2))
    assert not usable[:100].any()


def test_share_of_the_class_around_a_row(hoods):
    rows = np.array([0, 3])
    assert_allclose(hoods.small_share(rows, ALL), [3 / 11, 3 / 11])
    usable = ALL.copy()
    usable[[1, 2]] = False
    assert_allclose(hoods.small_share(rows, usable), [1 / 9, 1 / 9])
    assert_allclose(hoods.small_share(rows, np.zeros(12, bool)), 0)


def test_walks_start_by_weight_beside_the_nearest_other_row(hoods):
    walkers = make_walkers(hoods, weight=np.array([1.0, 0.0, 0.0, 3.0]), n=8000)
    counts = np.bincount(walkers.first, minlength=12) / 8000
    assert_allclose(counts[:4], [1 / 4, 0, 0, 3 / 4], atol=0.02)
    assert_array_equal(np.unique(walkers.second[walkers.first == 0]), [4])
    assert_array_equal(np.unique(walkers.second[walkers.first == 3]), [10])


def test_rows_that_are_not_usable_are_passed_over(hoods):
    usable = ALL.copy()
    usable[[1, 4, 10, 11]] = False
    walkers = make_walkers(hoods, usable)
    k = np.full(1000, 3)
    for _ in range(20):
        walkers.partner_within(np.arange(1000) % 2 == 0, np.zeros(1000, bool), k)
        used = np.concatenate([walkers.first, walkers.second])
        assert usable[used].all()
        assert SMALL[walkers.first].all()
        walkers.move(np.full(1000, 0.4), k)
        walkers.partner_anywhere(np.arange(1000) % 3 == 0)
    # The nearest of those that are left.
    fresh = make_walkers(hoods, usable)
    assert_array_equal(np.unique(fresh.second[fresh.first == 2]), [5])


def test_a_step_goes_to_the_neighbourhood_of_the_heavier_parent(hoods):
    walkers = make_walkers(hoods, weight=np.array([0.0, 0.0, 0.0, 1.0]))
    assert set(walkers.first) == {3}
    # Row 3, at 10, is heavier: 9 and 11 are nearest. Row 3 is nearest to both.
    walkers.move(np.full(1000, 0.5), np.full(1000, 2))
    assert set(walkers.second) == {10, 11}
    assert set(walkers.first) == {3}
    walkers = make_walkers(hoods, weight=np.array([1.0, 0.0, 0.0, 0.0]))
    # Row 4, at 3, is heavier: 2 and 4 are nearest.
    walkers.move(np.full(1000, 0.4), np.full(1000, 2))
    pairs = set(zip(walkers.first, walkers.second, strict=True))
    assert pairs == {(2, 4), (2, 5)}


def test_partners_within_the_class(hoods):
    walkers = make_walkers(hoods, n=4000)
    near, everyone = np.zeros(4000, bool), np.ones(4000, bool)
    walkers.partner_within(everyone, near, np.full(4000, 1))
    assert_array_equal(np.unique(walkers.second[walkers.first == 3]), [2])
    assert_array_equal(np.unique(walkers.second[walkers.first == 1]), [0])
    walkers.partner_within(everyone, everyone, np.full(4000, 1))
    assert_array_equal(np.unique(walkers.second[walkers.first == 3]), [0, 1, 2, 3])
    before = walkers.second.copy()
    walkers.partner_within(near, everyone, np.full(4000, 1))
    assert_array_equal(walkers.second, before)


def test_astray_any_row_of_the_others_is_a_partner(hoods):
    walkers = make_walkers(hoods, n=8000)
    walkers.partner_anywhere(np.ones(8000, bool))
    counts = np.bincount(walkers.second, minlength=12) / 8000
    assert_allclose(counts[4:], 1 / 8, atol=0.02)


def test_a_single_row_of_the_class_is_its_own_partner():
    hoods = Neighborhoods(Z[3:], SMALL[3:], nearest_rows(Z[3:], 5))
    walkers = Walkers(hoods, np.ones(9, bool), np.ones(1), 10, RandomState(0))
    walkers.partner_within(np.ones(10, bool), np.zeros(10, bool), np.full(10, 3))
    assert_array_equal(walkers.second, np.zeros(10))


def test_borderline_smote_is_a_walk_with_weights():
    rng = np.random.RandomState(0)
    small = np.arange(120) < 24
    X = rng.normal(size=(120, 2)) + 1.2 * small[:, None]
    # Where half or more of ten near rows are of the others, but not all.
    n_other = (~small[nearest_rows(X, 10)[:24]]).sum(axis=1)
    danger = (n_other >= 5) & (n_other < 10)
    assert 5 < danger.sum() < 20
    assert (n_other == 10).any()
    walkers = make_walkers(
        Neighborhoods(X, small, nearest_rows(X, 45)), np.ones(120, bool), danger, 20_000
    )
    n = len(walkers.first)
    walkers.partner_within(np.ones(n, bool), np.zeros(n, bool), np.full(n, 5))
    ours = set(zip(walkers.first.tolist(), walkers.second.tolist(), strict=True))

    X_new, _ = BorderlineSMOTE(
        sampling_strategy={1: 1000}, random_state=0
    ).fit_resample(X, small.astype(int))
    # Between which two rows each new one lies.
    first, second = np.divmod(np.arange(24 * 24), 24)
    first, second = first[first != second], second[first != second]
    step = X[second] - X[first]
    offset = X_new[120:, None] - X[first]
    share = (offset * step).sum(-1) / (step**2).sum(-1)
    away = np.linalg.norm(offset - share[..., None] * step, axis=-1)
    away[(share < 0) | (share > 1) | ~danger[first]] = np.inf
    best = away.argmin(axis=1)
    assert away.min(axis=1).max() < 1e-9
    theirs = set(zip(first[best].tolist(), second[best].tolist(), strict=True))
    # From a row in danger to another, or back, is the same line.
    assert {tuple(sorted(p)) for p in theirs} == {tuple(sorted(p)) for p in ours}
