"""Labelled rows and the mixes that are worth most."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from skmix._core.lookahead import expected_scores, mix_ratios
from skmix.active import Entropy, LADASelector, Mixup, _resample
from tests.active.helpers import Table

X = np.linspace(0, 1, 12)[:, None]
Y = (X[:, 0] > 0.5).astype(int)


def entropy(x):
    return Entropy().score(np.column_stack([1 - x, x]))


def resampled(weight):
    selector = LADASelector(
        Table(),
        acquisition="entropy",
        augmentation=Mixup(2.0),
        lookahead_weight=weight,
        guard=False,
        random_state=0,
    )
    selector.fit_resample(X, Y)
    return selector.parent_indices_


@pytest.mark.parametrize("weight", [0.0, 5.0, 50.0])
def test_the_better_half_of_the_pairs_is_mixed(monkeypatch, weight):
    chosen = set(map(tuple, resampled(weight)))
    monkeypatch.setattr(_resample, "top_rows", lambda score, k, rng: np.arange(24))
    pairs = resampled(weight)
    a, b = X[pairs, 0].T
    at_ratios = np.stack([entropy(r * a + (1 - r) * b) for r in mix_ratios(9)], axis=1)
    mixes = expected_scores(at_ratios, np.full(len(pairs), 2.0))
    worth = entropy(a) + entropy(b) + weight * mixes
    best = {tuple(pair) for pair in pairs[np.argsort(-worth)[:12]]}
    # The last of them may tie.
    assert len(chosen & best) >= len(chosen) - 1


def test_a_gain_by_chance_is_refused(monkeypatch):
    monkeypatch.setattr(_resample, "paired_signed_rank", lambda *losses: 0.5)
    monkeypatch.setattr(_resample, "paired_difference", lambda *losses: (0.3, 0.1))
    rows = np.random.RandomState(0).normal(size=(30, 2))
    selector = LADASelector(LogisticRegression(), random_state=0)
    selector.fit_resample(rows, (rows[:, 0] > 0).astype(int))
    assert not selector.accepted_
