"""A learned mixing policy in use: its actions, from the weights of its network."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from .neighbors import FloatArray


def actor_actions(weights: Mapping[str, NDArray], states: FloatArray) -> FloatArray:
    """Greedy actions of an actor: a ReLU network with a sigmoid at its end.

    Parameters
    ----------
    weights : mapping of str to ndarray
        What `DDPGLearner.policy` hands out: "0.weight" of shape (n_out, n_in) and
        "0.bias" of shape (n_out,), and the same for each later layer.

    states : ndarray of shape (w, n_state)
        States.

    Returns
    -------
    actions : ndarray of shape (w, n_action)
        Actions in [0, 1].
    """
    *inner, last = sorted({int(name.split(".")[0]) for name in weights})
    hidden = states
    for layer in inner:
        hidden = hidden @ weights[f"{layer}.weight"].T + weights[f"{layer}.bias"]
        hidden = np.maximum(hidden, 0.0)
    return expit(hidden @ weights[f"{last}.weight"].T + weights[f"{last}.bias"])
