import numpy as np
import pytest
from numpy.random import RandomState
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import f1_score
from sklearn.neighbors import KNeighborsClassifier

from skmix._core.walk import Walkers
from skmix.imbalance import Confidence, Improvement
from skmix.imbalance._ddpg import ActorPolicy, Limits, MixingEnvironment
from skmix.imbalance._evaluators import Coordinates, NeighborEvaluator
from skmix.imbalance._folds import make_folds
from skmix.imbalance._ground import Ground
from skmix.imbalance._judge import Judge
from skmix.imbalance._policy import Amount
from skmix.imbalance._search import Contest
from tests.imbalance.helpers import blobs, read

LIMITS = Limits(max_neighbors=10, max_copies=5, threshold=0.3)


def make_environment(reward, needs_probability=False, n_walkers=2, max_mixes=300):
    X, y = blobs(120, 20)
    ground = Ground(read(X, y), {1: 80}, max_mixes)
    folds = make_folds(ground.data, ground.codes, ground.asked, 3, 1, RandomState(0))
    evaluator = NeighborEvaluator(ground, folds, Coordinates(ground.data, False), 5)
    judge = Judge("f1_macro", ground.classes, y, None, None, RandomState(0))
    contest = Contest(evaluator, judge, judge.score, 1, 0, seed=0)
    return MixingEnvironment(contest, LIMITS, n_walkers, reward, needs_probability, 1)


def test_actions_are_scaled_and_rounded():
    actions = np.array([[0.0, 0.25, 0.0, 0.1], [1.0, 1.0, 1.0, 1.0], [0.26, 0, 0.5, 0]])
    k, share, copies, stop = LIMITS.read(actions)
    # w = (10, 1, 5, 1); neither a neighbourhood nor copies of none.
    assert_array_equal(k, [1, 10, 3])
    assert_array_equal(share, [0.25, 1, 0])
    assert_array_equal(copies, [1, 5, 2])
    assert_array_equal(stop, [0.1, 1, 0])


def test_copies_differ_in_their_shares_and_are_labelled_one_by_one():
    environment = make_environment(None)
    environment.reset()
    share, copies = np.array([0.3, 0.9]), np.array([400, 400])
    mixed, walker = LIMITS.mix(environment.walkers, share, copies, RandomState(0))
    assert_array_equal(walker, np.repeat([0, 1], 400))
    assert_array_equal(mixed.first, environment.walkers.first[walker])
    for own in (0, 1):
        weight = mixed.weight[walker == own]
        assert weight.mean() == pytest.approx(share[own], abs=0.01)
        assert weight.std() == pytest.approx(0.05, abs=0.01)
    assert_array_equal(mixed.small, mixed.weight >= 0.3)
    assert 0.4 < mixed.small[:400].mean() < 0.6


def test_rewards_are_improvements_of_the_refitted_score():
    seen = []

    def reward(scores, probability):
        seen.append(probability)
        return Improvement(window=25)(scores, probability)

    environment = make_environment(reward, needs_probability=True)
    X, y = environment.ground.data.columns.values, environment.ground.codes
    folds = environment.evaluator.folds

    def refitted(fold, mixes):
        rows = np.vstack([X[fold.train], environment.evaluator.coordinates.of(mixes)])
        labels = np.concatenate([y[fold.train], mixes.codes])
        return KNeighborsClassifier(5).fit(rows, labels)

    rng = RandomState(3)
    for _ in range(4):
        environment.reset()
        for _ in range(3):
            before = environment.walkers.first.copy(), environment.walkers.second.copy()
            actions = rng.random_sample((2, 4))
            k, share, _, _ = LIMITS.read(actions)
            _, rewards, _ = environment.step(actions)
            predicted = np.empty(120, int)
            for place, fold in enumerate(folds):
                model = refitted(fold, environment.mixes[place])
                predicted[fold.test] = model.predict(X[fold.test])
            # The score that is remembered is that of classifiers fitted anew.
            expected = f1_score(y, predicted, average="macro")
            assert environment.scores[-1] == pytest.approx(expected)
            assert rewards[-1] == pytest.approx(
                environment.scores[-1] - np.mean(environment.scores[-26:-1])
            )
            # So are the probabilities around the mix of the last walker.
            fold = folds[environment.place]
            heavier = before[0 if share[1] >= 0.5 else 1][1]
            near = environment.hoods.near[heavier]
            near = near[fold.train[near]][: k[1]]
            model = refitted(fold, environment.mixes[environment.place])
            assert_allclose(seen[-1], model.predict_proba(X[near])[:, 1])


def test_mixes_never_touch_what_their_fold_holds_out():
    environment = make_environment(lambda scores, probability: 0.0, n_walkers=4)
    rng = RandomState(0)
    for _ in range(9):
        environment.reset()
        for _ in range(3):
            environment.step(rng.random_sample((4, 4)))
    for place, mixes in environment.mixes.items():
        train = environment.evaluator.folds[place].train
        assert len(mixes) > 0
        assert train[mixes.first].all()
        assert train[mixes.second].all()


def test_mixes_stay_over_episodes_until_there_are_enough():
    environment = make_environment(lambda s, p: 0.0, n_walkers=4, max_mixes=30)
    sizes = []
    for _ in range(15):
        environment.reset()
        environment.step(np.full((4, 4), 0.5))
        sizes.append(len(environment.mixes[0]))
    assert max(sizes) >= 30
    # It is walked on in every third episode, and begins anew once it is full.
    full = next(i for i, size in enumerate(sizes) if size >= 30)
    assert sizes[full : full + 3] == [sizes[full]] * 3
    assert sizes[full + 3] < sizes[full]
    # A fold that begins anew predicts as it did without mixes.
    environment._begin_anew(0)
    test = environment.evaluator.folds[0].test
    untouched = environment.contest.baseline(0)
    assert_array_equal(environment.predicted[test], untouched[test])


def test_the_environment_resumes():
    reward = Improvement() * Confidence()
    whole = make_environment(reward, True)
    part = make_environment(reward, True)
    actions = RandomState(0).random_sample((8, 2, 4))
    for environment, episodes in ((whole, 8), (part, 5)):
        for episode in range(episodes):
            environment.reset()
            environment.step(actions[episode])
    state = {name: np.array(value) for name, value in part.state().items()}
    rest = make_environment(reward, True)
    rest.load_state(state)
    for episode in range(5, 8):
        rest.reset()
        rest.step(actions[episode])
    assert_allclose(rest.scores, whole.scores)
    assert_array_equal(rest.predicted, whole.predicted)


def constant_actor(n_state, actions):
    """A network that gives the same actions everywhere."""
    logits = np.log(actions) - np.log1p(-np.asarray(actions))
    return {"0.weight": np.zeros((4, n_state)), "0.bias": logits}


def test_the_policy_does_what_its_actor_says():
    X, y = blobs(120, 20)
    ground = Ground(read(X, y), {1: 80}, 300)
    hoods = ground.hoods[1]
    weights = constant_actor(6, [0.5, 0.7, 0.6, 0.999])
    policy = ActorPolicy(weights, LIMITS, 6, typical=(5, 0.7, 3, 0.999), amount=1.0)
    mixed = policy.walk(hoods, np.ones(120, bool), Amount(80, 300), RandomState(0))
    assert len(mixed.first) == 80
    assert mixed.weight.mean() == pytest.approx(0.7, abs=0.02)
    assert mixed.small.all()
    # Walks end after each step: only starts and their nearest others are mixed.
    assert_array_equal(mixed.second, hoods.partners[mixed.first, 0])
    policies = make_environment(None).in_amounts(weights)
    assert [policy.amount for policy in policies] == [0.0, 0.33, 0.66, 1.0]
    words = policies[0].describe()
    for said in ("of 5.0 rows, of at most 10", "class 0.70", "3.0 copies", "1.00; am"):
        assert said in words
    rng = RandomState(0)
    walkers = Walkers(hoods, np.ones(120, bool), np.ones(20), 6, rng)
    assert walkers.first.shape == (6,)
