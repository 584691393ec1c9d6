"""Data valuation by REINFORCE."""

import numpy as np
import pytest
import torch

from skmix._torch.dvrl import DVRLLearner

CPU = torch.device("cpu")


def make(evaluate, n=40, seed=0, **settings):
    inputs = np.linspace(-1, 1, n)[:, None]
    defaults = {"n_rollouts": 4, "learning_rate": 0.03, "batch_size": 100}
    return inputs, DVRLLearner(
        inputs,
        evaluate,
        hidden_layer_sizes=(8,),
        device=CPU,
        seed=seed,
        **{**defaults, **settings},
    )


def harm(rows, chosen):
    """Rows of the first half lower the score, those of the second raise it."""
    effect = np.where(rows < 20, -1.0, 1.0)
    return [float(effect[mask].sum()) for mask in chosen]


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
    inputs, whole = make(harm)
    _, first = make(harm)
    _, second = make(harm)
    for _ in range(6):
        whole.step()
    for _ in range(3):
        first.step()
    second.load_state(first.state())
    for _ in range(3):
        second.step()
    assert second.values(inputs) == pytest.approx(whole.values(inputs))
    assert np.array_equal(second.history, whole.history)
