import pickle
import subprocess
import sys
import warnings
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import torch
from numpy.random import RandomState
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.datasets import make_classification
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import f1_score
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from skmix import ResampledClassifier
from skmix._core.neighbors import nearest_rows
from skmix._core.walk import Neighborhoods
from skmix._torch.autosmote import log_probabilities
from skmix._torch.mlp import Network
from skmix.callbacks import Checkpoint
from skmix.exceptions import JudgementWarning
from skmix.imbalance import AutoSMOTESampler, HierarchicalPolicy, NetworkClassifier
from skmix.imbalance._autosmote import Rollouts
from skmix.imbalance._evaluators import Coordinates, NeighborEvaluator
from skmix.imbalance._folds import make_folds
from skmix.imbalance._ground import Ground
from skmix.imbalance._hierarchy import choose, deal
from skmix.imbalance._judge import Judge
from skmix.imbalance._policy import Amount
from skmix.imbalance._search import Contest
from skmix.imbalance._view import AMOUNTS, N_BINS, RATES, SIZES, look
from tests.imbalance.helpers import blobs, read
from tests.regression.helpers import interrupting

KNN = KNeighborsClassifier(10)
QUICK = {"hidden_layer_sizes": (4,), "max_iter": 3, "cv": 3, "device": "cpu"}


def fixed(**biases):
    """Weights without hidden layers, that are 0 unless they are given."""
    weights = {}
    for level, (n_inputs, n_outputs) in SIZES.items():
        weights[f"{level}.0.weight"] = np.zeros((n_outputs, n_inputs))
        weights[f"{level}.0.bias"] = np.zeros(n_outputs)
    return {**weights, **{name.replace("_0_", ".0."): a for name, a in biases.items()}}


def hoods_of(Z, small, n_near=20):
    Z = np.asarray(Z, dtype=float)
    Z = Z[:, None] if Z.ndim == 1 else Z
    return Neighborhoods(Z, np.asarray(small, dtype=bool), nearest_rows(Z, n_near))


# Rows on a line, five of the small class.
LINE = np.array([0.0, 1.0, 2.2, 3.1, 4.6, 7.0, 9.7, 20.0, 41.0])
SMALL = np.isin(LINE, [0.0, 1.0, 3.1, 7.0, 20.0])
ALL = np.ones(9, dtype=bool)


# What the networks see.


def test_a_view_by_hand():
    view = look(hoods_of(LINE, SMALL), ALL, asked=50, k=2)
    assert_array_equal(LINE[view.rows], [0, 1, 3.1, 7, 20])
    assert_array_equal(
        LINE[view.partners], [[1, 3.1], [0, 3.1], [1, 0], [3.1, 1], [7, 3.1]]
    )
    assert all(possible.all() for possible in view.possible.values())

    # Among all eight others four are of the class.
    part, closest = np.full(5, 1 / 2), [1 / 2, 1 / 2, 0, 0, 1 / 2]
    # How often a row is a partner, from 0 to 4 times.
    popularity = np.array([2, 3, 4, 1, 0]) / 4
    rows = np.column_stack([part, closest, part, popularity])
    assert_allclose(view.inputs["rows"], 2 * rows - 1)
    assert_allclose(view.inputs["amount"], [[0, 2 / 3 - 1]])

    between = np.array([[0, 1], [0, 1], [2, 2], [2, 3], [1, 2]]) / 25
    mutual = [[1, 1], [1, 1], [1, 1], [0, 0], [0, 0]]
    rank = np.tile([0, 1], (5, 1))
    place = np.searchsorted(view.rows, view.partners)
    pairs = view.inputs["pairs"]
    assert_allclose(pairs[:, :, :4], np.repeat(2 * rows[:, None] - 1, 2, axis=1))
    assert_allclose(pairs[:, :, 4:8], 2 * rows[place] - 1)
    assert_allclose(pairs[:, :, 8:], 2 * np.stack([between, mutual, rank], axis=2) - 1)


def test_a_view_of_some_rows_is_that_of_a_table_without_the_others():
    X, y = blobs(120, 30)
    usable = RandomState(0).random_sample(120) < 0.8
    near = nearest_rows(X, 119)
    some = look(Neighborhoods(X, y == 1, near), usable, 70, k=6)
    alone = look(hoods_of(X[usable], y[usable] == 1, 95), usable[usable], 70, k=6)
    assert_array_equal(some.rows, np.flatnonzero(usable)[alone.rows])
    assert_array_equal(some.partners, np.flatnonzero(usable)[alone.partners])
    for level in SIZES:
        assert_allclose(some.inputs[level], alone.inputs[level])
        assert_array_equal(some.possible[level], alone.possible[level])
        assert abs(some.inputs[level]).max() <= 1


def test_units_and_further_columns_do_not_matter():
    X, y = blobs(120, 30)
    one = look(hoods_of(X, y == 1), y < 2, 70, k=6)
    same = np.hstack([1000 * X, np.full((120, 5), 7.0)])
    other = look(hoods_of(same, y == 1), y < 2, 70, k=6)
    for level in SIZES:
        assert_allclose(one.inputs[level], other.inputs[level])


def test_rows_with_few_partners():
    usable = np.isin(LINE, [0.0, 1.0, 2.2, 4.6])
    view = look(hoods_of(LINE, SMALL), usable, 2, k=3)
    assert_array_equal(LINE[view.partners], [[1, 0, 0], [0, 1, 1]])
    possible = np.repeat([[True, False, False]] * 2, N_BINS, axis=1)
    assert_array_equal(view.possible["pairs"], possible)

    policy = HierarchicalPolicy(fixed(), k_neighbors=3)
    chance = policy.chances(view)["pairs"]
    assert_allclose(chance, np.where(possible, 1 / N_BINS, 0))
    mixed = policy.walk(hoods_of(LINE, SMALL), usable, Amount(40, 3000), RandomState(0))
    assert set(mixed.first + 10 * mixed.second) == {1, 10}


def test_a_row_that_is_alone_is_copied():
    usable = np.isin(LINE, [3.1, 4.6, 9.7])
    policy = HierarchicalPolicy(fixed(), k_neighbors=3)
    mixed = policy.walk(hoods_of(LINE, SMALL), usable, Amount(5, 3000), RandomState(0))
    assert_array_equal(LINE[mixed.first], 3.1)
    assert_array_equal(LINE[mixed.second], 3.1)


# What is drawn.


def test_choices_are_drawn_by_their_probability():
    chance = np.array([[0.0, 0.25, 0.75, 0.0], [0.5, 0.0, 0.0, 0.5]])
    drawn = choose(np.repeat(chance, 4000, axis=0), RandomState(0)).reshape(2, 4000)
    for choice, expected in zip(drawn, chance, strict=True):
        assert_allclose(np.bincount(choice, minlength=4) / 4000, expected, atol=0.03)
        assert not (expected[choice] == 0).any()


@pytest.mark.parametrize("size", [1, 7, 8, 1000])
def test_mixes_are_dealt_out_in_proportion(size):
    rates = np.array([1, 0, 2, 1])
    counts = np.array(
        [
            np.bincount(deal(rates, size, RandomState(seed)), minlength=4)
            for seed in range(300)
        ]
    )
    assert (counts.sum(axis=1) == size).all()
    assert (abs(counts - size * rates / 4) < 1).all()
    assert_allclose(counts.mean(axis=0), size * rates / 4, atol=0.1)
    alike = deal(np.zeros(4), 8, RandomState(0))
    assert_array_equal(alike, [0, 0, 1, 1, 2, 2, 3, 3])


def test_before_learning_it_is_smote():
    X, y = blobs(300, 40)
    hoods = hoods_of(X, y == 1)
    policy = HierarchicalPolicy(fixed(), k_neighbors=5)
    rng = RandomState(0)
    walks = [policy.walk(hoods, y < 2, Amount(260, 3000), rng) for _ in range(60)]
    assert {len(mixed.first) for mixed in walks} == {
        round(40 * 6.5**amount) for amount in AMOUNTS
    }
    first, second, share, small = map(np.concatenate, zip(*walks, strict=True))
    assert small.all()
    assert (y[first] == 1).all()
    assert_allclose(np.bincount(first)[:40] / len(first), 1 / 40, rtol=0.5)
    near = np.flatnonzero(y)[nearest_rows(X[:40], 5)]
    place, rank = np.nonzero(near[first] == second[:, None])
    assert len(place) == len(first)
    assert_allclose(np.bincount(rank) / len(rank), 1 / 5, atol=0.02)
    assert_allclose(np.histogram(share, 10, (0, 1))[0] / len(share), 0.1, atol=0.01)


def test_decisions_by_hand():
    """Networks that are sure: rows in crowds, the nearest, near the row itself."""
    large = 1e3
    weights = fixed(
        amount_0_bias=large * np.eye(5)[3],
        # The rate is 4 where all of the closest rows are of the class, else 0.
        rows_0_weight=large * np.outer([-1, 0, 0, 1], [0, 1, 0, 0]),
        rows_0_bias=large * np.array([0.5, 0, 0, 0]),
        # The last quarter, of the partner of the lowest rank.
        pairs_0_weight=large * np.outer([0, 0, 0, -1], np.eye(11)[10]),
        pairs_0_bias=large * np.eye(4)[3],
    )
    policy = HierarchicalPolicy(weights, k_neighbors=2)
    Z = np.r_[LINE, 0.4]
    hoods = hoods_of(Z, np.r_[SMALL, True])
    mixed = policy.walk(hoods, np.ones(10, bool), Amount(60, 3000), RandomState(0))
    assert len(mixed.first) == round(6 * 10**0.75)
    # Those whose two closest rows are of the class, all in equal parts.
    crowd, counts = np.unique(Z[mixed.first], return_counts=True)
    assert_array_equal(crowd, [0, 0.4, 1])
    assert np.ptp(counts) <= 1
    nearest = {0.0: 0.4, 0.4: 0.0, 1.0: 0.4}
    assert_array_equal(Z[mixed.second], [nearest[z] for z in Z[mixed.first]])
    assert ((mixed.weight >= 0.75) & (mixed.weight <= 1)).all()
    # The amount is bounded from above, and from below by that of rows or of the asked.
    for asked, bound, expected in [(60, 12, 12), (3, 3000, 3), (60, 3000, 34)]:
        mixed = policy.walk(
            hoods, np.ones(10, bool), Amount(asked, bound), RandomState(0)
        )
        assert len(mixed.first) == expected


def test_greedy_networks_take_what_is_likeliest():
    X, y = blobs(300, 40)
    hoods = hoods_of(X, y == 1)
    weights = fixed(
        amount_0_bias=np.array([0, 0, 0.1, 0, 0]),
        rows_0_weight=0.1 * np.outer([0, 1, 0, -1], [1, 0, 0, 0]),
    )
    policy = HierarchicalPolicy(weights, k_neighbors=5)

    def walks(n_greedy):
        greedy, rng = replace(policy, n_greedy=n_greedy), RandomState(0)
        return [greedy.walk(hoods, y < 2, Amount(260, 3000), rng) for _ in range(20)]

    assert len({len(mixed.first) for mixed in walks(0)}) > 3
    middle = round(40 * 6.5**0.5)
    assert {len(mixed.first) for mixed in walks(1)} == {middle}
    assert len({tuple(np.unique(mixed.first)) for mixed in walks(1)}) > 10
    rate = np.where(hoods.small_share(np.arange(40), y < 2) > 0.5, 1, 4)
    for mixed in walks(2):
        counts = np.bincount(mixed.first, minlength=40)
        assert (abs(counts - middle * rate / rate.sum()) < 1).all()
    assert len({tuple(mixed.second) for mixed in walks(2)}) == 20


def test_what_is_counted_is_what_is_mixed():
    X, y = blobs(300, 40)
    view = look(hoods_of(X, y == 1), y < 2, 260, k=5)
    policy = HierarchicalPolicy(fixed(), k_neighbors=5)
    amount = Amount(260, 3000)
    mixed, counts = policy.decide(view, policy.chances(view), amount, RandomState(3))
    (level,) = counts["amount"].argmax(axis=1)
    assert len(mixed.first) == amount.of(40, AMOUNTS[level])
    rates = RATES[counts["rows"].argmax(axis=1)]
    per_row = np.bincount(np.searchsorted(view.rows, mixed.first), minlength=40)
    assert (abs(per_row - len(mixed.first) * rates / rates.sum()) < 1).all()
    assert_array_equal(counts["rows"].sum(axis=1), 1)

    expected = np.zeros((40, 5, N_BINS), dtype=int)
    for first, second, share, _ in zip(*mixed, strict=True):
        place = np.searchsorted(view.rows, first)
        (rank,) = np.flatnonzero(view.partners[place] == second)
        expected[place, rank, int(share * N_BINS)] += 1
    assert_array_equal(counts["pairs"], expected.reshape(40, -1))


@pytest.mark.parametrize("hidden", [(), (6,), (5, 3)])
def test_probabilities_are_those_that_are_learned(hidden):
    X, y = blobs(120, 30)
    usable = RandomState(0).random_sample(120) < 0.1
    view = look(hoods_of(X, y == 1), usable, 70, k=4)
    assert not view.possible["pairs"].all()
    networks = {
        level: Network([n_inputs, *hidden, n_outputs], False, 0)
        for level, (n_inputs, n_outputs) in SIZES.items()
    }
    weights = torch.nn.ModuleDict(networks).state_dict()
    policy = HierarchicalPolicy({name: w.numpy() for name, w in weights.items()}, 4)
    for level, network in networks.items():
        possible = torch.as_tensor(view.possible[level])
        inputs = torch.as_tensor(view.inputs[level], dtype=torch.float32)
        log_p = log_probabilities(network, inputs, possible)
        expected = np.where(possible, log_p.exp().detach(), 0)
        assert_allclose(policy.chances(view)[level], expected, atol=1e-6)
        assert np.ptp(expected) > 0.01


def test_what_is_told_of_a_policy():
    weights = fixed(
        amount_0_bias=np.array([0, 0, 0, 0, np.log(4)]),
        rows_0_weight=np.outer([-50, 0, 0, 50], [1, 0, 0, 0]),
    )
    told = HierarchicalPolicy(weights, k_neighbors=5).describe()
    mean = (0.25 + 0.5 + 0.75 + 4) / 8
    assert f"mean amount {mean:.2f}, {mean:.2f}, {mean:.2f}, from 0 for" in told
    assert "start from a row 0.00, 1.75, 4.00; mean rank of the partner, of 5" in told
    assert told.endswith("3.00, 3.00, 3.00; mean share of the row 0.50, 0.50, 0.50.")
    greedy = HierarchicalPolicy(weights, k_neighbors=5, n_greedy=2).describe()
    assert "amount 1.00, 1.00, 1.00" in greedy
    assert "from a row 0.00, 0.00, 4.00" in greedy


# Rollouts.


def make_contest(X, y, asked, cv=3, n_repeats=2):
    ground = Ground(read(X, y), asked, 3000)
    folds = make_folds(
        ground.data, ground.codes, ground.asked, cv, n_repeats, RandomState(0)
    )
    evaluator = NeighborEvaluator(ground, folds, Coordinates(ground.data, False), 5)
    judge = Judge("f1_macro", ground.classes, ground.codes, None, None, RandomState(0))
    return Contest(evaluator, judge, judge.score, 1, seed=0)


def three_classes():
    """Two small classes; a row of either has a twin in the large one."""
    X, y = blobs(200, 20)
    y[20:50] = 2
    X[20:50] -= 1
    X[[100, 101]] = X[[0, 20]]
    return X, y


def test_scores_of_rollouts():
    X, y = three_classes()
    contest = make_contest(X, y, {1: 130, 2: 120})
    seeds = [5, 70_000, 2**31 - 2]
    scores, decisions = Rollouts(contest, 4)(fixed(), seeds)
    assert scores.shape == (3, 3, 3)
    policy = HierarchicalPolicy(fixed(), 4)
    predictions = [contest.evaluator.predict(policy, 0, seed) for seed in seeds]
    folds = contest.evaluator.folds[:3]
    for i, j, part in np.ndindex(3, 3, 3):
        swapped = predictions[i].copy()
        swapped[folds[part].test] = predictions[j][folds[part].test]
        assert scores[i, j, part] == contest.score(swapped)
    assert len(np.unique(scores)) > 15

    # Two classes in three folds.
    assert decisions["amount"].inputs.shape == (6, 2)
    assert_array_equal(decisions["amount"].part, [0, 0, 1, 1, 2, 2])
    for code in (1, 2):
        hoods = contest.evaluator.ground.hoods[code]
        usable = hoods.usable(folds[1].train)
        n_usable = (usable & hoods.small).sum()
        assert (~hoods.usable(np.ones(200, bool))[hoods.small]).sum() == 1
        own = np.flatnonzero(decisions["rows"].part == 1)
        view = look(hoods, usable, 80, 4)
        half = own[:n_usable] if code == 1 else own[-n_usable:]
        assert_array_equal(decisions["rows"].inputs[half], view.inputs["rows"])
        if code == 2:
            continue
        for rollout, seed in enumerate(seeds):
            _, counts = policy.decide(
                view,
                policy.chances(view),
                Amount(130 * folds[1].train.mean(), 3000),
                RandomState(seed + 1),
            )
            assert_array_equal(
                decisions["pairs"].counts[rollout, half], counts["pairs"]
            )
    for of_level in decisions.values():
        n = len(of_level.part)
        assert len(of_level.inputs) == len(of_level.possible) == n
        assert of_level.counts.shape == (3, n, of_level.possible.shape[1])


class SameRows:
    """Two folds with the same training rows, and one with others."""

    def split(self, X, y, groups=None):
        order = RandomState(0).permutation(len(X))
        half, quarter = len(X) // 2, len(X) // 4
        yield order[:half], order[half : half + quarter]
        yield order[:half], order[half + quarter :]
        yield order[quarter:], order[:quarter]


def test_rollouts_of_folds_with_the_same_training_rows():
    X, y = blobs(200, 40)
    contest = make_contest(X, y, {1: 120}, cv=SameRows(), n_repeats=1)
    scores, decisions = Rollouts(contest, 4)(fixed(), [3, 4])
    assert scores.shape == (2, 2, 3)
    assert_array_equal(decisions["amount"].part, [0, 1, 2])
    one, other = (decisions["rows"].part == part for part in (0, 1))
    rows = decisions["rows"]
    assert_array_equal(rows.inputs[one], rows.inputs[other])
    assert (rows.counts[:, one] != rows.counts[:, other]).any()
    assert np.isfinite(autosmote(cv=SameRows()).fit(X, y).best_score_)


def test_rollouts_where_a_class_can_be_mixed_in_some_folds_only():
    X, y = blobs(90, 3)
    y[3:20] = 2
    # Two of three rows are twins of the large class: the fold that holds out the third
    # has none of this class to mix.
    X[[30, 31]] = X[[0, 1]]
    contest = make_contest(X, y, {1: 60, 2: 50}, n_repeats=1)
    ground, folds = contest.evaluator.ground, contest.evaluator.folds
    mixed = [part for part, fold in enumerate(folds) if ground.can_mix(1, fold.train)]
    assert len(mixed) == 2
    _, decisions = Rollouts(contest, 4)(fixed(), [3, 4])
    assert sorted(decisions["amount"].part) == sorted([*mixed, 0, 1, 2])


def test_rollouts_where_all_rows_are_twins():
    X, y = blobs(60, 6)
    X[6:] = np.tile(X[:6], (9, 1))
    contest = make_contest(X, y, {1: 48})
    scores, decisions = Rollouts(contest, 4)(fixed(), [1, 2])
    assert decisions == {}
    assert_array_equal(scores, contest.score(contest.baseline(0)))


# The sampler.


@pytest.fixture(scope="module")
def hard():
    """Rows of a small class that nearest rows overlook."""
    return make_classification(600, weights=[0.94], class_sep=0.8, random_state=0)


def autosmote(estimator=KNN, **changes):
    return AutoSMOTESampler(estimator, **{**QUICK, "random_state": 0, **changes})


def test_it_helps_where_nearest_rows_overlook_the_small_class(hard):
    X, y = hard
    sampler = autosmote(max_iter=20)
    X_new, y_new = sampler.fit_resample(X[:400], y[:400])
    assert sampler.accepted_
    assert sampler.best_score_ > sampler.baseline_score_ + 0.05
    scores = [
        f1_score(y[400:], KNN.fit(*rows).predict(X[400:]), average="macro")
        for rows in ((X[:400], y[:400]), (X_new, y_new))
    ]
    assert scores[1] > scores[0] + 0.05


def test_originals_first_and_mixes_as_the_lineage_says(hard):
    X, y = hard
    sampler = autosmote(k_neighbors=3)
    X_new, y_new = sampler.fit_resample(X, y)
    assert_array_equal(X_new[:600], X)
    assert_array_equal(y_new, np.r_[y, np.ones(len(X_new) - 600)])
    first, second = sampler.parent_indices_.T
    weight = sampler.mix_weights_
    assert (y[sampler.parent_indices_] == 1).all()
    assert ((weight >= 0) & (weight <= 1)).all()
    assert_allclose(weight.sum(axis=1), 1)
    expected = weight[:, :1] * X[first] + weight[:, 1:] * X[second]
    assert_allclose(X_new[600:], expected, atol=1e-12)
    own = np.flatnonzero(y == 1)
    scaled = (X - X.mean(axis=0)) / X.std(axis=0)
    near = np.zeros((600, 3), dtype=int)
    near[own] = own[nearest_rows(scaled[own], 3)]
    assert (near[first] == second[:, None]).any(axis=1).all()

    assert isinstance(sampler.policy_, HierarchicalPolicy)
    assert sampler.n_iter_ == 3
    assert sampler.history_["phase"] == ["policy"] * 3 + ["finals"] * 3
    entropies = [sampler.history_[f"entropy_{level}"][0] for level in SIZES]
    assert_allclose(entropies, np.log([5, 4, 3 * N_BINS]), rtol=1e-6)
    # Another draw by the same policy.
    again, _ = sampler.resample(random_state=1)
    assert not np.array_equal(again[600:][:5], X_new[600:][:5])
    assert_array_equal(sampler.resample()[0], X_new)


def test_learner_and_rollouts_get_the_parameters(monkeypatch):
    given = {}

    def learner(roll_out, sizes, **parameters):
        given.update(parameters, k_neighbors=roll_out.k_neighbors)
        raise InterruptedError

    monkeypatch.setattr("skmix._torch.autosmote.AutoSMOTELearner", learner)
    expected = {
        "hidden_layer_sizes": [7, 5],
        "learning_rate": 0.002,
        "n_rollouts": 3,
        "entropy_weight": 0.1,
        "k_neighbors": 4,
    }
    with pytest.raises(InterruptedError):
        autosmote(**expected).fit(*blobs())
    assert {**given, **expected} == given


def sprinkled(seed):
    """A small class with a place of its own, and as many rows among the others."""
    rng = RandomState(seed)
    X, y = rng.uniform(-3, 3, size=(240, 2)), (np.arange(240) < 30).astype(int)
    X[:15] = [4.0, 0.0] + 0.6 * rng.normal(size=(15, 2))
    return X, y


@pytest.mark.parametrize("seed", range(3))
def test_rows_that_are_noise_are_left_out_unless_the_reward_is_chance(seed):
    X, y = sprinkled(seed)

    def in_place(reward):
        sampler = autosmote(
            KNeighborsClassifier(5),
            reward=reward,
            hidden_layer_sizes=8,
            learning_rate=0.03,
            max_iter=80,
            guard=False,
            random_state=seed,
        )
        X_new, _ = sampler.fit_resample(X, y)
        assert len(X_new) > 240
        return (sampler.parent_indices_[:, 0] < 15).mean(), sampler.history_["score"]

    in_its_place, score = in_place("auto")
    assert in_its_place > 0.9
    assert np.mean(score[70:80]) > np.mean(score[:10]) + 0.05
    by_chance, score = in_place("random")
    assert 0.2 < by_chance < 0.7
    assert abs(np.mean(score[:80]) - 0.5) < 0.1


def test_where_mixing_does_not_help_the_data_come_back():
    X, y = blobs(shift=4.0)
    guarded = autosmote()
    X_new, y_new = guarded.fit_resample(X, y)
    assert not guarded.accepted_
    assert guarded.chosen_.startswith("No mixing. At best, mix as policy_.describe()")
    assert_array_equal(X_new, X)
    assert_array_equal(y_new, y)
    assert guarded.parent_indices_.shape == (0, 2)
    free = guarded.set_params(guard=False)
    X_new, _ = free.fit_resample(X, y)
    assert free.accepted_
    assert len(X_new) > len(X)


@pytest.mark.parametrize("estimator", [KNN, GaussianNB()])
def test_equal_seeds_give_equal_rows(hard, estimator, random_state_untouched):
    X, y = hard[0][:300], hard[1][:300]

    def rows(seed, n_jobs=None):
        sampler = autosmote(estimator, guard=False, n_jobs=n_jobs, random_state=seed)
        return sampler.fit_resample(X, y)[0]

    one = rows(0)
    assert_array_equal(rows(0, n_jobs=2), one)
    other = rows(1)
    assert len(other) != len(one) or not np.array_equal(other, one)


def test_several_classes_in_turn():
    X, y = three_classes()
    names = np.array(["large", "one", "other"])[y]
    sampler = autosmote(guard=False)
    _, y_new = sampler.fit_resample(X, names)
    assert set(y_new[200:]) == {"one", "other"}
    assert_array_equal(
        names[sampler.parent_indices_], np.repeat(y_new[200:, None], 2, 1)
    )
    asked = autosmote(guard=False, sampling_strategy={"other": 40})
    _, y_new = asked.fit_resample(X, names)
    assert set(y_new[200:]) == {"other"}
    assert len(y_new) == 210


def test_any_classifier_decides_among_what_was_learned(hard):
    X, y = hard[0][:300], hard[1][:300]

    class Counted(GaussianNB):
        fits = []

        def fit(self, X, y):
            self.fits.append(len(X))
            return super().fit(X, y)

    sampler = autosmote(Counted(), guard=False).fit(X, y)
    assert isinstance(sampler.policy_, HierarchicalPolicy)
    assert sampler.history_["phase"][-3:] == ["classifier"] * 3
    # Three folds without mixes, and with those of each finalist.
    assert len(Counted.fits) == 3 * (1 + 3)
    union = autosmote(Counted(), guard=False, n_union=2).fit(X, y)
    assert union.history_["phase"].count("classifier") == 4


@pytest.mark.parametrize(
    "estimator", [NetworkClassifier(4, max_iter=5, device="cpu"), GaussianNB()]
)
def test_networks_can_learn_from_the_classifier_itself(hard, estimator):
    X, y = hard[0][:200], hard[1][:200]
    settings = {"warm_start": True, "n_rollouts": 2, "max_iter": 2, "guard": False}
    sampler = autosmote(estimator, **settings)
    one = sampler.fit_resample(X, y)[0]
    assert len(one) > 200
    assert sampler.history_["phase"][:2] == ["policy"] * 2
    if isinstance(estimator, GaussianNB):
        again = sampler.set_params(n_jobs=2).fit_resample(X, y)[0]
        assert_array_equal(again, one)


def test_held_out_rows_of_the_user(hard):
    X, y = hard
    sampler = autosmote(max_iter=10, guard=False)
    sampler.fit_resample(X[:400], y[:400], X_val=X[400:], y_val=y[400:])
    assert sampler.parent_indices_.max() < 400


def test_data_frames_and_categories(hard):
    X, y = hard[0][:300], hard[1][:300]
    frame = pd.DataFrame(X[:, :3], columns=["a", "b", "c"])
    frame["town"] = pd.Categorical(np.where(X[:, 3] > 0, "x", "y"))
    sampler = autosmote(None, guard=False)
    with pytest.warns(JudgementWarning, match="was given no estimator"):
        X_new, y_new = sampler.fit_resample(frame, pd.Series(y))
    assert list(X_new.columns) == list(frame.columns)
    assert set(X_new["town"]) == {"x", "y"}
    assert isinstance(y_new, pd.Series)


def test_inside_a_resampled_classifier(hard):
    X, y = hard
    model = ResampledClassifier(KNN, resampler=autosmote(None, max_iter=10))
    score, plain = (
        f1_score(y[400:], m.fit(X[:400], y[:400]).predict(X[400:]), average="macro")
        for m in (model, KNN)
    )
    assert score > plain + 0.05


def test_a_pickle_opens_and_mixes_without_torch(hard, tmp_path):
    X, y = hard
    sampler = autosmote(guard=False).fit(X, y)
    path = tmp_path / "sampler.pkl"
    path.write_bytes(pickle.dumps((sampler, sampler.resample(random_state=3)[0])))
    script = f"""
import pickle, sys
import numpy as np
sampler, expected = pickle.loads(open({str(path)!r}, "rb").read())
assert np.array_equal(sampler.resample(random_state=3)[0], expected)
assert sampler.policy_.describe().startswith("all mixes are of two rows of the class")
print("torch" in sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == "False"


@pytest.mark.parametrize("reward", ["auto", "random"])
@pytest.mark.parametrize("after", [(4, "policy"), (2, "finals")])
def test_resumed_after_a_stop_it_ends_as_if_there_had_been_none(
    hard, after, reward, tmp_path
):
    X, y = hard[0][:300], hard[1][:300]
    whole, stopped, resumed = (autosmote(max_iter=6, reward=reward) for _ in range(3))
    whole.fit(X, y)
    checkpoint = Checkpoint(tmp_path / "fit.npz", every=2)
    stopped.set_callbacks(checkpoint, interrupting(*after))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        stopped.fit(X, y)
    resumed.set_callbacks(checkpoint).fit(X, y)
    assert str(resumed.history_) == str(whole.history_)
    assert resumed.chosen_ == whole.chosen_
    assert_array_equal(resumed.resample()[0], whole.resample()[0])


def test_interrupted_it_judges_what_was_learned_so_far(hard):
    X, y = hard
    sampler = autosmote(max_iter=9).set_callbacks(interrupting(2, "policy"))
    with pytest.warns(ConvergenceWarning, match="'policy', after 2 iterations"):
        sampler.fit(X, y)
    assert sampler.n_iter_ == 2
    assert np.isfinite(sampler.best_score_)


def test_too_little_to_learn_from():
    with pytest.warns(JudgementWarning, match="8 rows are too few to judge"):
        sampler = autosmote().fit(np.arange(8.0)[:, None], [0, 0, 0, 0, 0, 1, 1, 1])
    assert sampler.policy_ is None
    assert not sampler.accepted_
    balanced = autosmote().fit(*blobs(40, 20))
    assert balanced.policy_ is None
    assert balanced.chosen_ == "Mix nothing; not judged, as no class is to get rows."


def test_a_class_of_twins_is_left_as_it_is():
    X, y = blobs(60, 6)
    X[6:] = np.tile(X[:6], (9, 1))
    sampler = autosmote(guard=False)
    with pytest.warns(JudgementWarning, match="coincides with one of another class"):
        X_new, _ = sampler.fit_resample(X, y)
    assert not sampler.accepted_
    assert_array_equal(X_new, X)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"k_neighbors": 0}, "The 'k_neighbors' parameter of"),
        ({"n_rollouts": 1}, "The 'n_rollouts' parameter of"),
        ({"entropy_weight": -1}, "The 'entropy_weight' parameter of"),
        ({"learning_rate": 0}, "The 'learning_rate' parameter of"),
        ({"max_iter": 0}, "The 'max_iter' parameter of"),
        ({"reward": "none"}, "The 'reward' parameter of"),
        ({"hidden_layer_sizes": (2.5,)}, "hidden_layer_sizes must hold whole"),
        ({"device": "tpu"}, "device must be 'auto', 'cpu'"),
        ({"warm_start": True}, "warm_start=True needs an estimator with partial_fit"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        autosmote(**parameters).fit(*blobs())
