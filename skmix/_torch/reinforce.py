"""MixRL's policy, learned by REINFORCE: Algorithm 1 of Hwang and Whang (2021)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import logsigmoid

from .policy import PolicyLearner

# Trains the regression model on rows and each selection of mixes, from a seed each;
# gives the held-out losses.
Evaluate = Callable[
    [NDArray[np.intp], Sequence[NDArray[np.intp]], Sequence[int]], Sequence[float]
]


def log_policy(logits: Tensor, chosen: Tensor) -> Tensor:
    """Log-probability of choosing some rows of a batch and not the others.

    Parameters
    ----------
    logits : Tensor of shape (b,)
        Logit of the probability h of each row.

    chosen : Tensor of shape (m, b)
        Which rows are chosen, in m samples.

    Returns
    -------
    log_pi : Tensor of shape (m,)
        Sum of log h over the chosen rows and of log(1 - h) over the others. (The
        paper's text leaves out the second logarithm; the product that it is taken from
        has it.)
    """
    return torch.where(chosen, logsigmoid(logits), logsigmoid(-logits)).sum(1)


class ReinforceLearner(PolicyLearner):
    """Learns the value network from held-out losses of the regression model itself.

    Parameters
    ----------
    *arguments
        Rows, options and slots; see `PolicyLearner`.

    evaluate : callable
        ``evaluate(rows, selections, seeds)`` trains the regression model on the rows
        with each selection of mixes and gives its held-out losses.

    n_rollouts : int
        Number of samples m of actions for each batch, and so of models that are
        trained.

    leave_one_out : bool
        Whether the baseline of a sample is the mean loss of the others, instead of the
        moving average of all before.

    window : int
        W of the moving average.

    reward_scale : float
        C, by which differences from the baseline are multiplied.

    **settings
        Of the network and its training; see `PolicyLearner`.

    Notes
    -----
    With loss_s the loss of sample s and pi its probability under the policy, the
    network takes a step of Adam along

        C / m sum_s (loss_s - base_s) grad log pi_s.

    The moving average begins at 0 and becomes (W - 1) / W base + loss_s / W after each
    sample, once the step has been taken.
    """

    def __init__(
        self,
        *arguments: Any,
        evaluate: Evaluate,
        n_rollouts: int,
        leave_one_out: bool,
        window: int,
        reward_scale: float,
        **settings: Any,
    ) -> None:
        super().__init__(*arguments, **settings)
        self.evaluate = evaluate
        self.n_rollouts = n_rollouts
        self.leave_one_out = leave_one_out
        self.window = window
        self.reward_scale = reward_scale
        self.base = 0.0

    def step(self) -> dict[str, float]:
        """One iteration: draw actions, train the models, move h by their losses."""
        draw = self.draw()
        chosen = self.act(draw.logits, self.n_rollouts)
        selections = [
            draw.mixes[draw.wanted & rows[:, None]].unique().cpu().numpy()
            for rows in chosen
        ]
        losses = np.array(
            self.evaluate(
                draw.batch.cpu().numpy(), selections, self._seeds(self.n_rollouts)
            )
        )
        advantage = torch.as_tensor(
            losses - self._baseline(losses), dtype=torch.float32, device=self.device
        )
        log_pi = log_policy(draw.logits, chosen)
        self.descend(self.reward_scale * (advantage * log_pi).mean())
        for loss in losses:
            self.base += (loss - self.base) / self.window
        return {
            "objective": float(losses.mean()),
            "n_mixes": float(np.mean([len(selection) for selection in selections])),
            "mean_probability": float(torch.sigmoid(draw.logits.detach()).mean()),
            "baseline": self.base,
        }

    def _baseline(self, losses: NDArray) -> NDArray | float:
        if not self.leave_one_out:
            return self.base
        return (losses.sum() - losses) / (len(losses) - 1)

    def _seeds(self, n: int) -> list[int]:
        return torch.randint(2**31 - 1, (n,), generator=self.generator).tolist()

    def losses_of(self, selections: Sequence[NDArray[np.intp]]) -> list[float]:
        """Held-out losses of the model, trained on all rows with selections of mixes.

        All start from the same seed, so that only the mixes differ.
        """
        (seed,) = self._seeds(1)
        rows = np.arange(self.n_rows)
        return list(self.evaluate(rows, selections, [seed] * len(selections)))

    def state(self) -> dict[str, NDArray]:
        """What the next step depends on, the baseline included."""
        return {**super().state(), "base": np.array(self.base)}

    def load_state(self, state: dict[str, NDArray]) -> None:
        """Go back to a state."""
        super().load_state(state)
        self.base = float(state["base"])
