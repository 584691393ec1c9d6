import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.linear_model import Ridge

from skmix._torch.influence import InfluenceLearner, held_out_loss, ridge

CPU = torch.device("cpu")


def problem_tensors(seed=0, m=30, v=12, p=5, t=2):
    rng = np.random.RandomState(seed)
    shapes = [(m, p), (m, t), (v, p), (v, t)]
    arrays = [torch.as_tensor(rng.normal(size=shape)) for shape in shapes]
    weights = torch.as_tensor((rng.uniform(size=m) < 0.6).astype(float))
    return *arrays[:2], weights, *arrays[2:]


def retrained_loss(features, targets, weights, features_val, targets_val, alpha):
    """The loss of scikit-learn's ridge regression, trained anew with the weights."""
    model = Ridge(alpha=alpha * float(weights.sum()), fit_intercept=False)
    model.fit(features.numpy(), targets.numpy(), sample_weight=weights.numpy())
    residual = model.predict(features_val.numpy()) - targets_val.numpy()
    return (residual**2).sum(axis=1).mean()


@pytest.mark.parametrize("alpha", [1e-3, 0.3])
def test_gradient_equals_finite_differences_of_the_retrained_model(alpha):
    features, targets, weights, *val = problem_tensors()
    loss, gradient = held_out_loss(
        features, targets, weights, *val, torch.tensor([alpha], dtype=torch.float64)
    )
    assert float(loss) == pytest.approx(
        retrained_loss(features, targets, weights, *val, alpha), rel=1e-9
    )
    step = 1e-5
    for row in range(len(features)):
        up, down = weights.clone(), weights.clone()
        up[row] += step
        down[row] -= step
        # Ridge takes no negative weights: one-sided at 0.
        if weights[row] == 0:
            down[row], base = 0.0, step
        else:
            base = 2 * step
        difference = (
            retrained_loss(features, targets, up, *val, alpha)
            - retrained_loss(features, targets, down, *val, alpha)
        ) / base
        assert float(gradient[row]) == pytest.approx(difference, rel=2e-3, abs=1e-7)


def test_best_ridge_strength_is_used():
    features, targets, weights, *val = problem_tensors()
    alphas = torch.tensor([1e-3, 1e-1, 10.0], dtype=torch.float64)
    each = [held_out_loss(features, targets, weights, *val, a[None]) for a in alphas]
    best = min(each, key=lambda result: float(result[0]))
    loss, gradient = held_out_loss(features, targets, weights, *val, alphas)
    assert float(loss) == pytest.approx(float(best[0]))
    assert_allclose(gradient, best[1])


def test_rows_of_weight_zero_are_left_out():
    features, targets, weights, *_ = problem_tensors()
    alphas = torch.tensor([0.1], dtype=torch.float64)
    kept = weights > 0
    betas, _ = ridge(features, targets, weights, alphas)
    alone, _ = ridge(features[kept], targets[kept], weights[kept], alphas)
    assert_allclose(betas, alone)


def toy_problem(n=24):
    """Mixing with the label neighbour is right, with the feature neighbour wrong.

    All mixes of the first kind have the true label of a linear function; those of the
    second are off by 3.
    """
    rng = np.random.RandomState(0)
    x = rng.normal(size=(n, 2))
    y = x @ np.array([[1.0], [-1.0]]) + 0.3 * rng.normal(size=(n, 1))
    x_mix = rng.normal(size=(2 * n, 2))
    y_mix = x_mix @ np.array([[1.0], [-1.0]])
    y_mix[:n] += 3.0
    slots = [np.arange(n)[:, None], np.arange(n, 2 * n)[:, None]]
    arguments = (np.hstack([x, y]), np.array([[0, 1], [1, 1]]), slots)
    x_val = rng.normal(size=(200, 2))
    arrays = {
        "features": np.vstack([x, x_mix]),
        "targets": np.vstack([y, y_mix]),
        "features_val": x_val,
        "targets_val": x_val @ np.array([[1.0], [-1.0]]),
    }
    return arguments, arrays


def make_learner(seed=0, **changes):
    settings = {
        "hidden_layer_sizes": (32, 32),
        "learning_rate": 1e-2,
        "batch_size": 2048,
        "device": CPU,
        "seed": seed,
        **changes,
    }
    arguments, arrays = toy_problem()
    return InfluenceLearner(*arguments, **arrays, **settings)


@pytest.mark.parametrize("batch_size", [12, 2048])
def test_learns_which_kind_of_mix_helps(batch_size):
    learner = make_learner(batch_size=batch_size)
    reports = [learner.step() for _ in range(120)]
    wrong, right = learner.probabilities().T
    assert right.mean() > 0.9
    assert wrong.mean() < 0.2
    assert (right > wrong).mean() > 0.95
    first, last = (
        np.mean([r["objective"] for r in part])
        for part in (reports[:10], reports[-10:])
    )
    assert last < 0.5 * first


def test_influence_predicts_the_effect_of_flipping_one_action():
    learner = make_learner()
    n = learner.n_rows
    rng = np.random.RandomState(0)
    selected = np.flatnonzero(rng.uniform(size=2 * n) < 0.5)
    weights = torch.ones(3 * n)
    weights[n:] = 0.0
    weights[n + selected] = 1.0
    alpha = learner.alphas[-1:]
    parts = (learner.features_val, learner.targets_val, alpha)
    _, gradient = held_out_loss(learner.features, learner.targets, weights, *parts)
    predicted, exact = [], []
    for mix in range(2 * n):
        flipped = weights.clone()
        flipped[n + mix] = 1 - weights[n + mix]
        change = [
            float(held_out_loss(learner.features, learner.targets, w, *parts)[0])
            for w in (weights, flipped)
        ]
        predicted.append(float(gradient[n + mix] * (flipped - weights)[n + mix]))
        exact.append(change[1] - change[0])
    assert np.corrcoef(predicted, exact)[0, 1] > 0.95


def test_probabilities_are_those_of_the_network_with_one_hot_options():
    learner = make_learner()
    network = learner.network
    one_hot = torch.eye(2)[[0, 1] * learner.n_rows]
    inputs = torch.cat([learner.rows.repeat_interleave(2, 0), one_hot], dim=1)
    with torch.no_grad():
        hidden = inputs
        for layer in network.layers[:-1]:
            hidden = torch.relu(layer(hidden))
        expected = torch.sigmoid(network.layers[-1](hidden)).reshape(-1, 2)
    assert_allclose(learner.probabilities(), expected, atol=1e-6)


def test_same_seed_same_steps():
    one, two, other = make_learner(1), make_learner(1), make_learner(2)
    for learner in (one, two, other):
        for _ in range(5):
            learner.step()
    assert_array_equal(one.probabilities(), two.probabilities())
    assert not np.array_equal(one.probabilities(), other.probabilities())


def test_state_carries_all_that_a_step_depends_on():
    straight = make_learner()
    for _ in range(7):
        straight.step()
    state = straight.state()
    resumed = make_learner(seed=99)
    resumed.load_state(state)
    for _ in range(7):
        straight.step()
        resumed.step()
    assert_array_equal(straight.probabilities(), resumed.probabilities())


def test_prediction_is_ridge_with_the_best_strength():
    learner = make_learner()
    _, arrays = toy_problem()
    x_val, y_val = arrays["features_val"], arrays["targets_val"]
    mixes = np.array([1, 30])
    rows = np.concatenate([np.arange(24), 24 + mixes])
    features, labels = arrays["features"][rows], arrays["targets"][rows]
    models = [
        Ridge(alpha=float(alpha) * len(rows), fit_intercept=False).fit(features, labels)
        for alpha in learner.alphas
    ]
    errors = [((m.predict(x_val).reshape(-1, 1) - y_val) ** 2).mean() for m in models]
    best = models[int(np.argmin(errors))]
    assert_allclose(
        learner.predict(mixes, x_val).ravel(),
        best.predict(x_val).ravel(),
        rtol=1e-3,
        atol=1e-4,
    )
    assert learner.losses_of([mixes]) == pytest.approx([min(errors)], rel=1e-3)
