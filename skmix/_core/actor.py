"""Learned mixing policies in use: what networks give, from their weights."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from .neighbors import FloatArray


def relu_network(weights: Mapping[str, NDArray], inputs: FloatArray) -> FloatArray:
    """Outputs of a network whose inner layers end in ReLU.

    Parameters
    ----------
    weights : mapping of str to ndarray
        "0.weight" of shape (n_out, n_in) and "0.bias" of shape (n_out,), and the same
        for each later layer.

    inputs : ndarray of shape (..., n_in)
        What it sees.

    Returns
    -------
    outputs : ndarray of shape (..., n_out)
        Those of the last layer.
    """
    first, *later = sorted({int(name.split(".")[0]) for name in weights})
    values = inputs @ weights[f"{first}.weight"].T + weights[f"{first}.bias"]
    for layer in later:
        values = np.maximum(values, 0.0)
        values = values @ weights[f"{layer}.weight"].T + weights[f"{layer}.bias"]
    return values


def actor_actions(weights: Mapping[str, NDArray], states: FloatArray) -> FloatArray:
    """Greedy actions of an actor: a ReLU network with a sigmoid at its end.

    Parameters
    ----------
    weights : mapping of str to ndarray
        What `DDPGLearner.policy` hands out; see `relu_network`.

    states : ndarray of shape (w, n_state)
        States.

    Returns
    -------
    actions : ndarray of shape (w, n_action)
        Actions in [0, 1].
    """
    return expit(relu_network(weights, states))
