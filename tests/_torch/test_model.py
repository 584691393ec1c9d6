"""A network as LADA looks at it."""

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from torch import nn

from skmix._torch.acquisitions import bald
from skmix._torch.model import Model

ROWS = np.random.RandomState(0).normal(size=(6, 3)).astype(np.float32)


@pytest.mark.parametrize("layer", ["0", "1"])
def test_probabilities_are_those_of_evaluation(layer):
    network = nn.Sequential(nn.Linear(3, 8), nn.Dropout(0.5), nn.Linear(8, 2)).eval()
    with torch.no_grad():
        expected = network(torch.tensor(ROWS)).softmax(dim=1).numpy()
    network.train()
    model = Model(network, ROWS, layer)
    assert_allclose(model.probabilities(model.hidden(ROWS)), expected, rtol=1e-5)
    assert network.training


class OwnDropout(nn.Dropout):
    """A kind of dropout that a user has derived."""


@pytest.mark.parametrize("dropout", [nn.Dropout, OwnDropout])
def test_all_rows_of_a_pass_are_dropped_the_same_values(
    dropout, random_state_untouched
):
    with torch.random.fork_rng(devices=[]):
        network = nn.Sequential(nn.Linear(3, 8), dropout(0.5), nn.Linear(8, 2))
    same = np.tile(ROWS[:1], (9, 1))
    members = Model(network, ROWS).members(torch.tensor(same), 5, seed=0)
    assert_allclose(members, np.tile(members[:, :1], (1, 9, 1)), rtol=1e-6)
    assert np.ptp(members[:, 0, 0]) > 1e-3
    again = Model(network, ROWS).members(torch.tensor(ROWS[:2]), 5, seed=0)
    assert_array_equal(again[:, 0], members[:, 0])


def test_scores_for_a_policy_are_those_of_passes_with_dropout():
    network = nn.Sequential(
        nn.Linear(3, 16), nn.ReLU(), nn.Dropout(0.5), nn.Linear(16, 2)
    )
    model = Model(network, ROWS)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        assert model.scores(bald, 7)(torch.ones(5, 3)).min() > 1e-4
