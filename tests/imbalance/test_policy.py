import pickle

import numpy as np
import pytest
from numpy.random import RandomState
from numpy.testing import assert_allclose, assert_array_equal

from skmix._core.neighbors import nearest_rows
from skmix._core.walk import Neighborhoods
from skmix.imbalance import UnionPolicy, WalkPolicy
from skmix.imbalance._policy import Amount, hand_set_policies, portfolio

rng = np.random.RandomState(0)
Z = rng.normal(size=(120, 3)) + 1.5 * (np.arange(120) < 20)[:, None]
SMALL = np.arange(120) < 20
ALL = np.ones(120, bool)
MANY = Amount(asked=20_000, max_mixes=20_000)


@pytest.fixture(scope="module")
def hoods():
    return Neighborhoods(Z, SMALL, nearest_rows(Z, 45))


def test_smote_is_a_case(hoods):
    smote = WalkPolicy(within=1, within_spread=1, n_neighbors=5, restart=1)
    mixed = smote.walk(hoods, ALL, MANY, RandomState(0))
    assert mixed.small.all()
    # Each row of the class as often, with each of its five nearest, all shares alike.
    assert_allclose(np.bincount(mixed.first) / 20_000, 1 / 20, atol=0.01)
    expected = nearest_rows(Z[SMALL], 5)
    for row in range(20):
        assert set(mixed.second[mixed.first == row]) == set(expected[row])
    assert_allclose(
        np.quantile(mixed.weight, [0.1, 0.5, 0.9]), [0.1, 0.5, 0.9], atol=0.02
    )


def test_walks_start_from_lone_rows_and_near_the_border(hoods):
    border = WalkPolicy(within=1, start_slope=-4, restart=1)
    mixed = border.walk(hoods, ALL, MANY, RandomState(0))
    share = hoods.small_share(np.arange(20), ALL)
    expected = np.exp(-4 * share) / np.exp(-4 * share).sum()
    assert_allclose(
        np.bincount(mixed.first, minlength=20) / 20_000, expected, atol=0.01
    )
    assert expected.max() > 2 * expected.min()


def test_averages_of_any_two_rows(hoods):
    average = WalkPolicy(within=1, anywhere=1, within_spread=0, restart=1)
    mixed = average.walk(hoods, ALL, MANY, RandomState(0))
    assert_array_equal(mixed.weight, 0.5)
    assert_allclose(np.bincount(mixed.second) / 20_000, 1 / 20, atol=0.01)


def test_labels_by_the_threshold(hoods):
    policy = WalkPolicy(share=0.5, share_spread=0.3, threshold=0.4, restart=1)
    mixed = policy.walk(hoods, ALL, MANY, RandomState(0))
    # Eq. 2: the label of the first row from eta on.
    assert_array_equal(mixed.small, mixed.weight >= 0.4)
    assert SMALL[mixed.first].all()
    assert not SMALL[mixed.second].any()
    assert_array_equal(mixed.second, hoods.partners[mixed.first, 0])
    inside = (mixed.weight > 0) & (mixed.weight < 1)
    assert np.median(mixed.weight[inside]) == pytest.approx(0.5, abs=0.02)


def test_shares_grow_with_the_part_of_the_class(hoods):
    policy = WalkPolicy(share=0.6, share_spread=0, share_slope=0.5, restart=1)
    mixed = policy.walk(hoods, ALL, MANY, RandomState(0))
    part = hoods.small_share(mixed.first, ALL)
    assert_allclose(mixed.weight, 0.6 + 0.5 * (part - 0.5))


def test_walks_that_do_not_end_leave_their_start(hoods):
    start = WalkPolicy(start_slope=4, n_neighbors=25, restart=1)
    far = WalkPolicy(start_slope=4, n_neighbors=25, restart=0.05)
    reached = [
        len(np.unique(policy.walk(hoods, ALL, MANY, RandomState(0)).second))
        for policy in (start, far)
    ]
    assert reached[1] > reached[0] + 5


def test_amounts_by_hand():
    amount = Amount(asked=1000, max_mixes=500)
    assert amount.of(10, 0.0) == 10
    assert amount.of(10, 0.5) == 100
    assert amount.of(10, 1.0) == 500
    parts = [Amount(1000, 500, part=(place, 3)).of(10, 0.5) for place in range(3)]
    assert parts == [33, 33, 34]
    # Fewer are asked for than there are rows.
    assert Amount(asked=4, max_mixes=500).of(10, 0.0) == 4
    assert Amount(1, 500, part=(0, 3)).of(10, 0.0) == 0


def test_a_union_makes_a_part_of_each(hoods):
    members = tuple(
        WalkPolicy(within=1, within_spread=0, amount=a, restart=1) for a in (0.0, 1.0)
    )
    mixed = UnionPolicy(members).walk(hoods, ALL, Amount(1000, 3000), RandomState(0))
    assert len(mixed.first) == 10 + 500
    # In one of two parts.
    halves = UnionPolicy((UnionPolicy(members), UnionPolicy(members)))
    mixed = halves.walk(hoods, ALL, Amount(1000, 3000), RandomState(0))
    assert len(mixed.first) == 10 + 500
    lines = UnionPolicy(members).describe().splitlines()
    assert lines == [member.describe() for member in members]


def test_only_usable_rows(hoods):
    usable = RandomState(1).random_sample(120) < 0.5
    for policy in hand_set_policies():
        mixed = policy.walk(hoods, usable, Amount(100, 3000), RandomState(0))
        assert usable[mixed.first].all()
        assert usable[mixed.second].all()


def test_numbers_go_there_and_back():
    for policy in hand_set_policies():
        unit = policy.to_unit()
        assert ((unit >= 0) & (unit <= 1)).all()
        again = WalkPolicy.from_unit(unit)
        assert_allclose(again.to_unit(), unit)
        assert pickle.loads(pickle.dumps(again)) == again
    assert len(set(hand_set_policies())) == 23
    assert set(portfolio()) < set(hand_set_policies())


def test_descriptions_tell_the_numbers():
    text = WalkPolicy(
        within=0.25, anywhere=0.4, share=0.81, threshold=0.37, stray=0.6, restart=0.33
    ).describe()
    for word in ("25%", "40%", "75%", "60%", "0.81", "0.37", "0.33"):
        assert word in text
    assert "nan" not in text
