"""Data valuation by REINFORCE."""

import numpy as np
import pytest
import torch

from skmix._torch.dvrl import DVRLLearner

CPU = torch.device("cpu")


def make(evaluate, n=40, seed=0, **settings):
    inputs = np.linspace(-1, 1, n)[:, None]
    defaults = {"n_rollouts": 4, "learning_rate": 0.03, "batch_size": 100}
    defaults |= {"hidden_layer_sizes": (8,)}
    return inputs, DVRLLearner(
        inputs,
        evaluate,
        device=CPU,
        seed=seed,
        **{**defaults, **settings},
    )


def harm(rows, chosen):
    """Rows of the first half lower the score, those of the second raise it."""
    effect = np.where(rows < 20, -1.0, 1.0)
    return [float(effect[mask].sum()) for mask in chosen]


def linear(evaluate, slope, intercept, **settings):
    """A learner whose logits are a line, and whose steps are the gradient itself."""
    inputs, learner = make(evaluate, hidden_layer_sizes=(), **settings)
    line = learner.network[0]
    with torch.no_grad():
        line.weight.fill_(slope)
        line.bias.fill_(intercept)
    learner.optimizer = torch.optim.SGD(line.parameters(), lr=1.0)

    def moved():
        learner.step()
        return [line.weight.item() - slope, line.bias.item() - intercept]

    return inputs[:, 0], learner, moved


def test_a_step_by_numpy():
    seen = []

    def evaluate(rows, chosen):
        seen.append((rows, chosen))
        return [3.0, -2.0, 7.0, 4.5]

    x, learner, moved = linear(evaluate, 0.7, -0.4, n=9, batch_size=5)
    found = moved()
    (rows, chosen), score = seen[0], np.array([3.0, -2.0, 7.0, 4.5])
    h = 1 / (1 + np.exp(-(0.7 * x[rows] - 0.4)))
    wanted = np.zeros(2)
    for k in range(4):
        advantage = (score[k] - np.delete(score, k).mean()) / score.std()
        # d log pi / d logit is chosen - h; a mean over the batch.
        slopes = (chosen[k] - h) / 5
        wanted += advantage * np.array([(slopes * x[rows]).sum(), slopes.sum()]) / 4
    assert found == pytest.approx(wanted, rel=1e-4)
    assert np.abs(found).min() > 0.01
    # What a row was chosen with, and 0.5 for those of no batch.
    remembered = np.full(9, 0.5)
    remembered[rows] = h
    assert learner.history[0] == pytest.approx(remembered)


@pytest.mark.parametrize("share", [0.02, 0.09, 0.11, 0.5, 0.89, 0.91, 0.98])
def test_the_price_of_a_share_beyond_its_bounds(share):
    equal = [1.0] * 4
    *_, moved = linear(lambda *_: equal, 0.0, np.log(share / (1 - share)))
    # Of 1000 (h - 0.9) or 1000 (0.1 - h); a logit moves h by h (1 - h).
    sign = int(share < 0.1) - int(share > 0.9)
    wanted = sign * 1000 * share * (1 - share)
    assert moved()[1] == pytest.approx(wanted, rel=1e-4, abs=1e-4)


def test_rows_that_harm_are_no_longer_chosen():
    inputs, learner = make(harm)
    before = learner.values(inputs)
    for _ in range(150):
        report = learner.step()
    values = learner.values(inputs)
    assert values[:15].max() < 0.3 < 0.7 < values[25:].min()
    assert np.ptp(before) < 0.3
    # Eight or so of the good rows more than of the others.
    assert report["objective"] < -8


def test_equal_scores_move_nothing_but_by_the_price():
    inputs, learner = make(lambda rows, chosen: [1.0] * len(chosen))
    before = learner.values(inputs)
    learner.step()
    assert np.allclose(learner.values(inputs), before)


def test_all_or_nothing_has_its_price():
    inputs, learner = make(lambda rows, chosen: [1.0] * len(chosen))
    with torch.no_grad():
        learner.network[-1].bias.fill_(6.0)
    assert learner.values(inputs).mean() > 0.98
    for _ in range(60):
        learner.step()
    assert learner.values(inputs).mean() < 0.98


def test_history_and_batches():
    seen = []

    def evaluate(rows, chosen):
        seen.append(rows)
        return harm(rows, chosen)

    _, learner = make(evaluate, batch_size=10)
    learner.step()
    learner.step()
    assert [len(rows) for rows in seen] == [10, 10]
    first = learner.history[0]
    never = np.setdiff1d(np.arange(40), seen[0])
    assert (first[never] == 0.5).all()
    assert (first[seen[0]] != 0.5).all()


def test_state_goes_on_as_if_nothing_had_happened():
    # Batches of some, so that probabilities of the others come from earlier steps.
    inputs, whole = make(harm, batch_size=10)
    _, first = make(harm, batch_size=10)
    _, second = make(harm, batch_size=10)
    for _ in range(6):
        whole.step()
    for _ in range(3):
        first.step()
    second.load_state(first.state())
    for _ in range(3):
        second.step()
    assert second.values(inputs) == pytest.approx(whole.values(inputs))
    assert np.array_equal(second.history, whole.history)
