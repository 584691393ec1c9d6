import numpy as np
import pandas as pd
import pytest
from numpy.random import RandomState
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import f1_score
from sklearn.model_selection import KFold, StratifiedShuffleSplit
from sklearn.naive_bayes import GaussianNB
from sklearn.neighbors import KNeighborsClassifier

from skmix._core.walk import Walkers
from skmix._torch.ddpg import DDPGLearner
from skmix.exceptions import JudgementWarning
from skmix.imbalance import Confidence, Improvement, MixAnNSampler
from skmix.imbalance._actor import ActorPolicy, Limits
from skmix.imbalance._ddpg import MixingEnvironment
from skmix.imbalance._evaluators import Coordinates, NeighborEvaluator
from skmix.imbalance._folds import make_folds
from skmix.imbalance._ground import Ground
from skmix.imbalance._judge import Judge
from skmix.imbalance._policy import Amount
from skmix.imbalance._search import Contest
from tests.imbalance.helpers import blobs, read

LIMITS = Limits(max_neighbors=10, max_copies=5, threshold=0.3)


def make_environment(
    reward, needs_probability=False, n_walkers=2, max_mixes=300, n_third=0
):
    X, y = blobs(120, 20)
    # Of the large class, some rows may be a third one.
    y[100 : 100 + n_third] = 2
    asked = {1: 80, 2: 90} if n_third else {1: 80}
    ground = Ground(read(X, y), asked, max_mixes)
    folds = make_folds(ground.data, ground.codes, ground.asked, 3, 1, RandomState(0))
    evaluator = NeighborEvaluator(ground, folds, Coordinates(ground.data, False), 5)
    judge = Judge("f1_macro", ground.classes, y, None, None, RandomState(0))
    contest = Contest(evaluator, judge, judge.score, 0, seed=0)
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
        labels = np.concatenate([y[fold.train], mixes.target])
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


def test_states_are_the_two_rows_side_by_side():
    environment = make_environment(lambda scores, probability: 0.0)
    Z = environment.ground.data.Z
    given = [environment.reset()]
    for place in range(2):
        walkers = environment.walkers
        assert_array_equal(given[place][:, :3], Z[walkers.first])
        assert_array_equal(given[place][:, 3:], Z[walkers.second])
        given.append(environment.step(np.full((2, 4), 0.6))[0])
    assert not np.array_equal(given[0], given[1])


def test_each_class_has_its_turn_on_each_fold():
    environment = make_environment(lambda scores, probability: 0.0, n_third=15)
    for _ in range(6):
        environment.reset()
        environment.step(np.full((2, 4), 0.6))
    codes = environment.ground.codes
    for mixes in environment.mixes.values():
        assert set(codes[mixes.first]) == {1, 2}


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


# The sampler.

KNN = KNeighborsClassifier(10)
QUICK = {"max_iter": 4, "n_walkers": 3, "max_steps": 5, "cv": 3, "random_state": 0}


def sampler(estimator=KNN, **changes):
    return MixAnNSampler(
        estimator, method="ddpg", device="cpu", **{**QUICK, "guard": False, **changes}
    )


def test_learner_and_environment_get_the_parameters(monkeypatch):
    given = {}

    class Enough(Exception):
        pass

    class Environment(MixingEnvironment):
        def __init__(self, *arguments):
            given["environment"] = arguments
            super().__init__(*arguments)

    def learner(environment, n_state, n_action, **parameters):
        given["learner"] = n_state, n_action, parameters
        raise Enough

    monkeypatch.setattr("skmix.imbalance._mixann.MixingEnvironment", Environment)
    monkeypatch.setattr("skmix._torch.ddpg.DDPGLearner", learner)
    for_learner = {
        "hidden_layer_sizes": [7, 5],
        "learning_rate": 0.002,
        "critic_learning_rate": 0.003,
        "discount": 0.8,
        "tau": 0.02,
        "noise": 0.4,
        "batch_size": 16,
        "buffer_size": 123,
        "n_updates": 3,
        "max_steps": 9,
    }
    limits = {"max_neighbors": 11, "max_copies": 4, "threshold": 0.45}
    with pytest.raises(Enough):
        sampler(**for_learner, **limits, n_walkers=6).fit(*blobs())
    n_state, n_action, parameters = given["learner"]
    assert (n_state, n_action) == (2 * 3, 4)
    assert {**parameters, **for_learner} == parameters
    _, walked, n_walkers, reward, needs_probability, _ = given["environment"]
    assert walked == Limits(**limits)
    assert n_walkers == 6
    # Ten times Eq. 5 times Eq. 6.
    assert reward([0.5, 0.6], np.array([0.5, 1.0])) == pytest.approx(10 * 0.1 * 0.125)
    assert needs_probability


def test_any_function_may_be_the_reward():
    lengths, rewards = [], []

    def reward(scores, probability):
        lengths.append(len(scores))
        assert ((probability >= 0) & (probability <= 1)).all()
        rewards.append(scores[-1] - probability.mean())
        return rewards[-1]

    fitted = sampler(reward=reward, max_steps=1).fit(*blobs())
    # Four episodes of one step of three walkers, after the score without mixes.
    assert lengths == list(range(2, 14))
    returns = np.reshape(rewards, (4, 3)).mean(axis=1)
    assert_allclose(fitted.history_["return"][:4], returns)
    product = 5 * Improvement(window=3, divisor="m-1") * Confidence()
    assert np.isfinite(sampler(reward=product).fit(*blobs()).history_["return"][0])


def test_the_reward_may_be_chance():
    changes = {"n_walkers": 1, "max_steps": 1, "max_iter": 40}
    fitted = sampler(reward="random", **changes).fit(*blobs())
    rewards = np.array(fitted.history_["return"][:40])
    assert ((rewards >= 0) & (rewards <= 1)).all()
    assert np.ptp(rewards) > 0.8
    assert rewards.mean() == pytest.approx(0.5, abs=0.15)


def test_the_policy_is_what_was_learned(monkeypatch):
    learners = []

    class Noted(DDPGLearner):
        def __init__(self, *arguments, **parameters):
            super().__init__(*arguments, **parameters)
            self.before = self.policy()
            learners.append(self)

    monkeypatch.setattr("skmix._torch.ddpg.DDPGLearner", Noted)
    fitted = sampler(max_iter=12, n_union=2).fit(*blobs())
    (learner,) = learners
    for member in fitted.policy_.members:
        for name, learned in learner.policy().items():
            assert_array_equal(member.weights[name], learned)
            assert not np.allclose(learned, learner.before[name])


@pytest.mark.parametrize("cv", [3, KFold(3)], ids=["shuffled", "in order"])
@pytest.mark.parametrize("guard", [True, False])
def test_where_all_rows_are_twins_nothing_is_mixed(cv, guard):
    X, y = blobs(60, 6)
    X[6:] = np.tile(X[:6], (9, 1))
    twins = sampler(cv=cv, guard=guard)
    with pytest.warns(JudgementWarning, match="coincides with one of another class"):
        X_new, y_new = twins.fit_resample(X, y)
    assert_array_equal(X_new, X)
    assert_array_equal(y_new, y)
    assert twins.n_iter_ == 0
    assert not twins.accepted_


@pytest.mark.parametrize("reward", [float("nan"), float("inf"), None, "much"])
def test_a_reward_is_a_finite_number(reward):
    with pytest.raises(ValueError, match=f"reward returned {reward!r} for the scores"):
        sampler(reward=lambda scores, probability: reward).fit(*blobs())


def test_rewards_that_make_no_sense():
    for window in (0, -3, 2.5):
        with pytest.raises(ValueError, match="window must be an integer of at least 1"):
            Improvement(window=window)
    with pytest.raises(TypeError, match="unsupported operand"):
        Improvement() * None


@pytest.mark.parametrize("estimator", [KNN, GaussianNB()])
def test_a_fold_without_rows_of_the_class_is_not_walked_on(estimator):
    # The first of three folds holds out all rows of the class.
    X, y = blobs(120, 20)
    fitted = sampler(estimator, cv=KFold(3))
    X_new, _ = fitted.fit_resample(X, y)
    assert fitted.n_iter_ == 4
    assert len(X_new) > 120
    assert np.isfinite(fitted.history_["score"][-1])


def test_columns_of_all_kinds():
    X, y = blobs(120, 20)
    frame = pd.DataFrame(
        {
            "x": X[:, 0],
            "count": np.rint(10 * X[:, 1]).astype(int),
            "code": pd.Categorical(np.arange(120) % 3),
        }
    )
    fitted = sampler(GaussianNB())
    X_new, _ = fitted.fit_resample(frame, y)
    assert_array_equal(X_new.dtypes, frame.dtypes)
    mixes = X_new[120:]
    assert len(mixes) > 0
    first, second = fitted.parent_indices_.T
    share = fitted.mix_weights_[:, 0]
    count = frame["count"].to_numpy()
    mixed = share * count[first] + (1 - share) * count[second]
    assert_array_equal(mixes["count"], np.rint(mixed))
    heavier = np.where(share >= 0.5, first, second)
    assert_array_equal(mixes["code"], frame["code"].to_numpy()[heavier])


def test_mixes_far_from_all_training_rows():
    """Of 600 rows 30 are trained on: next to many there is none of them."""
    X, y = blobs(600, 60)
    cv = StratifiedShuffleSplit(1, train_size=30, random_state=0)
    fitted = sampler(cv=cv, max_iter=10, max_steps=10)
    X_new, _ = fitted.fit_resample(X, y)
    assert np.isfinite(X_new).all()
    assert len(X_new) > 600
    assert np.isfinite(fitted.history_["return"][:10]).all()
