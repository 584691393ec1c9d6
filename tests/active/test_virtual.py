"""Rows made of labelled ones."""

import numpy as np
from numpy.testing import assert_allclose
from sklearn.linear_model import LogisticRegression

from skmix.active import CVAE, LADASelector
from skmix.active._virtual import Mixing, make_rows
from tests.active.helpers import digits


def test_a_mix_weighs_what_its_parents_do():
    # With both bounds the same, the share of the first row is 0.25.
    mixing = Mixing(np.array([0]), np.array([1]), np.array([[0.25, 0.25]]))
    X, y, weight = np.eye(2), np.array([0, 1]), np.array([1.0, 3.0])
    rng = np.random.RandomState(0)
    mixed, label, share = make_rows(X, y, weight, mixing, 1, "from_dtype", rng)
    assert_allclose(mixed, [[0.25, 0.75]] * 2)
    assert dict(zip(label, share, strict=True)) == {0: 0.25 * 2.5, 1: 0.75 * 2.5}


def test_what_a_vae_makes_has_the_scale_of_X():
    X, y, truth = digits(n=120)
    X = 100 + 50 * X
    selector = LADASelector(
        LogisticRegression(max_iter=3000),
        augmentation=CVAE(max_iter=50),
        lookahead=False,
        random_state=0,
    )
    rows = selector.query(X, y, batch_size=4)
    y[rows] = truth[rows]
    made = selector.virtual_data(X, y)[0]
    assert abs(made.mean() - X[rows].mean()) < 10
