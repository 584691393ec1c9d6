import numpy as np
import pytest
from numpy.random import RandomState
from numpy.testing import assert_allclose, assert_array_equal

from skmix.imbalance import UnionPolicy, WalkPolicy
from skmix.imbalance._ground import Fold
from skmix.imbalance._judge import Judge, with_labels
from skmix.imbalance._policy import hand_set_policies
from skmix.imbalance._search import Contest, Finals, PolicySearch, union


def make_search(score, **changes):
    settings = {"n_random": 10, "n_rounds": 3, "n_children": 6, "n_elite": 3}
    return PolicySearch(score, **{**settings, **changes}, seed=5)


def run(search):
    for _ in range(search.n_policies):
        search.step()
    return search


def distance(policy, seed):
    """Minus the distance to a policy that none of the hand-set ones is near."""
    target = np.linspace(0.2, 0.8, 12)
    return -np.abs(policy.to_unit() - target).mean()


def test_the_order_of_policies():
    search = run(make_search(distance))
    assert search.n_policies == 23 + 10 + 18
    assert search.policies[:23] == hand_set_policies()
    # Children of the three best when their round began: numbers near those of two.
    for begin in (33, 39, 45):
        elite = np.argsort(search.scores[:begin])[-3:]
        units = np.array([search.policies[i].to_unit() for i in elite])
        low, high = units.min(axis=0) - 0.4, units.max(axis=0) + 0.4
        for child in search.policies[begin : begin + 6]:
            assert ((child.to_unit() >= low) & (child.to_unit() <= high)).all()
    assert search.best(2) == [
        search.policies[i] for i in np.argsort(search.scores)[:-3:-1]
    ]


def test_children_take_each_number_from_a_parent(monkeypatch):
    monkeypatch.setattr("skmix.imbalance._search.STEP", 0.0)
    search = run(make_search(distance, n_elite=4))
    for begin in (33, 39, 45):
        # The best when the round began, and not those of the round itself.
        elite = np.argsort(search.scores[:begin])[-4:]
        units = np.array([search.policies[i].to_unit() for i in elite])
        for child in search.policies[begin : begin + 6]:
            nearest = abs(units - child.to_unit()).min(axis=0)
            assert_allclose(nearest, 0, atol=1e-12)


def test_each_policy_is_scored_by_a_seed_of_its_own():
    seeds = []
    run(make_search(lambda policy, seed: seeds.append(seed) or 0.0))
    assert len(set(seeds)) == len(seeds) == 51


def test_parents_are_as_many_as_it_says():
    parents = run(make_search(distance, n_rounds=0)).best(2)
    best, second = (policy.to_unit() for policy in parents)

    def children(n_elite):
        search = run(make_search(distance, n_rounds=1, n_elite=n_elite))
        return np.array([policy.to_unit() for policy in search.policies[33:]])

    assert abs(best - second).max() > 0.5
    assert abs(children(1) - best).max() < 0.4
    from_best, from_second = (abs(children(2) - parent) for parent in (best, second))
    assert from_best.max() > 0.4
    assert np.minimum(from_best, from_second).max() < 0.4


def test_of_equal_scores_the_earlier_policy_comes_first():
    search = run(make_search(lambda policy, seed: round(policy.amount)))
    in_order = sorted(search.policies, key=lambda policy: -round(policy.amount))
    assert search.best(40) == in_order[:40]
    arena, _ = contest(n_repeats=1, n_fresh=0)
    alike = [WalkPolicy(amount=0.7, restart=r / 20) for r in range(1, 19)]
    finals = Finals(arena, [*alike, POLICIES[1]])
    for _ in finals.finalists:
        finals.step()
    assert finals.ranked() == [POLICIES[1], *alike]
    assert finals.ranked(np.arange(100)) == [POLICIES[1], *alike]


def test_crossover_comes_nearer_than_chance():
    children = run(make_search(distance, n_rounds=20))
    chance = run(make_search(distance, n_random=130, n_rounds=0))
    assert children.n_policies == chance.n_policies
    assert max(children.scores) > max(chance.scores)
    # Learning nothing from the scores is no better.
    rng = RandomState(0)
    blind = run(make_search(lambda policy, seed: rng.random_sample(), n_rounds=20))
    assert max(children.scores) > max(distance(p, 0) for p in blind.policies)


def test_an_interrupted_search_goes_on_as_it_would_have():
    whole = run(make_search(distance))
    part = make_search(distance)
    for _ in range(38):
        part.step()
    rest = make_search(distance)
    rest.load_state(part.state())
    assert rest.policies == part.policies
    for _ in range(38, rest.n_policies):
        rest.step()
    assert_allclose(rest.scores, whole.scores)
    with pytest.raises(IndexError):
        _ = rest.policies[whole.n_policies]


class Known:
    """Predicts the right class of a row with the skill of the policy, its amount."""

    def __init__(self, codes, folds):
        self.codes, self.folds, self.calls = codes, folds, []

    def predict(self, policy, repeat, seed):
        self.calls.append((policy, repeat))
        members = getattr(policy, "members", (policy,))
        skill = 0.6 if policy is None else np.mean([m.amount for m in members])
        right = RandomState(repeat).random_sample(len(self.codes)) < skill
        return with_labels(np.eye(2)[np.where(right, self.codes, 1 - self.codes)])


def contest(n_repeats, n_fresh, n_folds=3, halve=False):
    codes = np.arange(300) % 2
    parts = np.array_split(RandomState(0).permutation(300), n_folds)
    folds = [
        Fold(repeat, np.ones(1, bool), part)
        for repeat in range(n_repeats)
        for part in parts
    ]
    judge = Judge("accuracy", np.array([0, 1]), codes, None, None, RandomState(0))
    known = Known(codes, folds)
    return Contest(known, judge, judge.score, n_fresh, 0, halve), known


POLICIES = [WalkPolicy(amount=a) for a in (0.7, 0.9, 0.8)]


def test_finalists_are_ranked_by_open_splits_and_judged_by_fresh_ones():
    arena, known = contest(n_repeats=5, n_fresh=2)
    finals = Finals(arena, POLICIES)
    reports = [finals.step() for _ in POLICIES]
    assert [repeat for _, repeat in known.calls] == [0, 1, 2] * 3
    assert [report["score"] for report in reports] == finals.scores
    assert finals.ranked() == [POLICIES[1], POLICIES[2], POLICIES[0]]
    known.calls.clear()
    winner, better, baseline = arena.compare(finals, n_union=2)
    assert winner == UnionPolicy((POLICIES[1], POLICIES[2]))
    assert sorted(known.calls, key=str) == sorted(
        [(winner, 3), (winner, 4), (None, 3), (None, 4)], key=str
    )
    gain, _, p_value = arena.judge.gain(better, baseline)
    assert gain == pytest.approx(0.25, abs=0.06)
    assert p_value < 1e-6


def test_without_fresh_splits_each_fold_is_predicted_by_what_the_others_prefer():
    arena, known = contest(n_repeats=1, n_fresh=0)
    finals = Finals(arena, POLICIES)
    for _ in POLICIES:
        finals.step()
    # As if the second were best where it is not looked at.
    wrong = known.folds[1].test
    finals.predictions[1][0][wrong] = 1 - finals.predictions[1][0][wrong]
    finals.predictions[0][0][wrong] = with_labels(np.eye(2)[known.codes[wrong]])
    finals.scores = [finals._score(p) for p in finals.predictions]
    _, (mixed,), (untouched,) = arena.compare(finals, n_union=1)
    assert_array_equal(untouched, known.predict(None, 0, 0))
    for fold in known.folds:
        others = np.setdiff1d(np.arange(300), fold.test)
        best = POLICIES.index(finals.ranked(others)[0])
        assert_array_equal(mixed[fold.test], finals.predictions[best][0][fold.test])
    # The fold in which it is bad is predicted with it, as the others prefer it.
    assert finals.ranked(np.setdiff1d(np.arange(300), wrong))[0] == POLICIES[1]
    assert arena.judge.score(mixed, wrong) < 0.2


@pytest.mark.parametrize("n_folds", [1, 3])
def test_half_of_the_rows_of_a_single_split_choose_and_the_others_judge(n_folds):
    arena, known = contest(1, 2, n_folds, halve=True)
    codes, chose = known.codes, arena.choosing_rows
    assert_array_equal(np.bincount(codes[chose]), [75, 75])
    finals = Finals(arena, POLICIES)
    for policy in POLICIES:
        right = known.predict(policy, 0, 0)[chose, -1] == codes[chose]
        assert finals.step()["score"] == right.mean()
        assert arena.quick_score(policy, 0) == right.mean()
    winner, (mixed,), (untouched,) = arena.compare(finals, n_union=2)
    judged = np.setdiff1d(np.arange(300), chose)
    for predicted, policy in ((mixed, winner), (untouched, None)):
        assert np.isnan(predicted[chose]).all()
        assert_array_equal(predicted[judged], known.predict(policy, 0, 0)[judged])
    # Blocks of rows that choose say nothing of how sure the gain is.
    right = [p[judged, -1] == codes[judged] for p in (mixed, untouched)]
    block = arena.judge.block[judged]
    without = [
        right[0][block != b].mean() - right[1][block != b].mean() for b in set(block)
    ]
    gain, error, _ = arena.judge.gain([mixed], [untouched])
    assert gain == pytest.approx(right[0].mean() - right[1].mean())
    assert len(without) == 10
    assert error == pytest.approx(3 * np.std(without))


def test_a_score_that_is_no_number():
    arena, _ = contest(n_repeats=1, n_fresh=0)
    arena.score_rows = lambda predicted, rows: float("nan")
    with pytest.raises(ValueError, match="scoring gave nan for the predictions of"):
        arena.quick_score(POLICIES[0], 0)


def test_an_interrupt_leaves_as_many_scores_as_predictions():
    arena, _ = contest(n_repeats=1, n_fresh=0)
    finals = Finals(arena, POLICIES)

    def stop(*_):
        raise KeyboardInterrupt

    arena.score_rows = stop
    with pytest.raises(KeyboardInterrupt):
        finals.step()
    assert finals.predictions == finals.scores == []


def test_finals_resume():
    arena, _ = contest(n_repeats=2, n_fresh=1)
    whole = Finals(arena, POLICIES)
    part = Finals(arena, POLICIES)
    for finals, steps in ((whole, 3), (part, 2)):
        for _ in range(steps):
            finals.step()
    rest = Finals(arena, POLICIES)
    rest.load_state(part.state())
    rest.step()
    assert rest.scores == whole.scores
    assert_array_equal(rest.predictions, whole.predictions)


def test_a_union_of_one_is_that_one():
    assert union(POLICIES[:1]) is POLICIES[0]
