"""DDPG (Lillicrap et al., 2015): how MixAnN (Lai et al., 2023) learns how to mix.

An actor chooses actions, a critic predicts what they bring in the long run, and each
learns from transitions that are remembered and drawn at random.
"""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn.functional import mse_loss

from .mlp import Network
from .state import NetworkState, State, label, labelled


class Environment(Protocol):
    """Where walkers act, all at the same time. The arrays it gives stay as they are.

    For what later episodes depend on it may have ``state()`` and ``load_state()``.
    """

    def reset(self) -> NDArray:
        """Begin an episode: the states (w, n_state) that the walkers start from."""

    def step(self, actions: NDArray) -> tuple[NDArray, NDArray, NDArray]:
        """Let each walker act.

        Parameters
        ----------
        actions : ndarray of shape (w, n_action)
            Actions in [0, 1]; to scale and to round them is left to the environment.

        Returns
        -------
        states : ndarray of shape (w, n_state)
            Next states. A walker that is done stands on a new start.

        rewards : ndarray of shape (w,)
            What the actions brought.

        done : ndarray of shape (w,)
            Whose walk is over.
        """


class Transitions(NamedTuple):
    """A batch of transitions.

    Attributes
    ----------
    states, next_states : Tensor of shape (b, n_state)
        Where a walker stood, before and after.

    actions : Tensor of shape (b, n_action)
        What it did.

    rewards, done : Tensor of shape (b,)
        What that brought, and 1 where its walk was over, else 0.
    """

    states: Tensor
    actions: Tensor
    rewards: Tensor
    next_states: Tensor
    done: Tensor


class ReplayBuffer:
    """The latest transitions.

    Parameters
    ----------
    size : int
        How many transitions are kept; the oldest make room for new ones.

    n_state, n_action : int
        Lengths of a state and of an action.

    Attributes
    ----------
    rows : ndarray of shape (size, 2 * n_state + n_action + 2)
        One transition in each row, its parts side by side.

    count : int
        Number of transitions so far, forgotten ones included.
    """

    def __init__(self, size: int, n_state: int, n_action: int) -> None:
        self.widths = [n_state, n_action, 1, n_state, 1]
        self.rows = np.zeros((size, sum(self.widths)), dtype=np.float32)
        self.count = 0

    def __len__(self) -> int:
        return min(self.count, len(self.rows))

    def add(self, *parts: NDArray) -> None:
        """Take in transitions, given by their parts in the order of `Transitions`."""
        rows = np.column_stack(parts)
        places = (self.count + np.arange(len(rows))) % len(self.rows)
        self.rows[places] = rows
        self.count += len(rows)

    def read(self, places: NDArray, device: torch.device) -> Transitions:
        """Transitions at some places, which may be repeated."""
        # Walks add rows on the CPU all the time: a batch at a time goes to the device.
        rows = torch.from_numpy(self.rows[places]).to(device)
        states, actions, rewards, next_states, done = rows.split(self.widths, dim=1)
        return Transitions(states, actions, rewards[:, 0], next_states, done[:, 0])

    def state(self) -> State:
        """The transitions that are kept, as arrays."""
        return {"rows": self.rows[: len(self)].copy(), "count": np.array(self.count)}

    def load_state(self, state: State) -> None:
        """Go back to a state."""
        self.count = int(state["count"])
        self.rows[: len(self)] = state["rows"]


def q_values(critic: nn.Module, states: Tensor, actions: Tensor) -> Tensor:
    """What actions bring in the long run, as the critic predicts it: shape (b,)."""
    return critic(torch.cat([states, actions], dim=1))[:, 0]


@torch.no_grad()
def bellman_targets(
    actor: nn.Module, critic: nn.Module, batch: Transitions, discount: float
) -> Tensor:
    """What the critic should predict of the actions of a batch.

    Parameters
    ----------
    actor, critic : nn.Module
        The target networks.

    batch : Transitions
        The transitions.

    discount : float
        The decay factor gamma.

    Returns
    -------
    targets : Tensor of shape (b,)
        b_t = r_t + gamma (1 - done) Q(s', sigmoid(pi(s'))). Without (1 - done), which
        the paper leaves out, a walk would go on for ever.
    """
    actions = torch.sigmoid(actor(batch.next_states))
    later = q_values(critic, batch.next_states, actions)
    return batch.rewards + discount * (1 - batch.done) * later


def critic_loss(critic: nn.Module, batch: Transitions, targets: Tensor) -> Tensor:
    """Mean squared error of the critic (Eq. 4)."""
    return mse_loss(q_values(critic, batch.states, batch.actions), targets)


def actor_loss(actor: nn.Module, critic: nn.Module, states: Tensor) -> Tensor:
    """Minus the mean of what the critic predicts of the actor's actions (Eq. 3)."""
    return -q_values(critic, states, torch.sigmoid(actor(states))).mean()


@torch.no_grad()
def follow(target: nn.Module, network: nn.Module, tau: float) -> None:
    """Move the weights of a target network a share tau of the way to a network's."""
    for old, new in zip(target.parameters(), network.parameters(), strict=True):
        old.lerp_(new, tau)


class DDPGLearner(NetworkState):
    """Learns an actor by deep deterministic policy gradient.

    Parameters
    ----------
    environment : Environment
        Where to act.

    n_state, n_action : int
        Lengths of a state and of an action.

    hidden_layer_sizes : sequence of int
        Units of the hidden layers, of the actor and of the critic.

    learning_rate, critic_learning_rate : float
        Step sizes of Adam for the actor and for the critic.

    discount : float
        The decay factor gamma.

    tau : float
        How far the target networks follow in each update, in (0, 1].

    noise : float
        Standard deviation of what is added to the actor's outputs before the sigmoid,
        so that actions are explored.

    batch_size : int
        Number of transitions in an update; the first is made when there are so many.

    buffer_size : int
        Number of transitions that are kept, of 4 (2 n_state + n_action + 2) bytes each.

    n_updates : int
        S of Algorithm 1: updates after each step of the walkers.

    max_steps : int
        Steps of the walkers after which an episode ends anyhow.

    device : torch.device
        Where to compute.

    seed : int
        Seed of the initial weights and of the draws.

    Attributes
    ----------
    network : nn.Module
        The actor: a ReLU network. The sigmoid of its outputs is the action.

    critic : nn.Module
        Q(s, a), of the action as it was, in [0, 1].

    target_actor, target_critic : nn.Module
        Networks that follow these slowly.

    buffer : ReplayBuffer
        The latest transitions.

    Notes
    -----
    What the paper leaves open, or says in two ways, is read as follows.

    - Algorithm 1 has the S updates end before the walk does, but indents them as if
      they came after it. Here they come after each step, of all walkers together.
    - Eq. 4 takes b_t from the networks that are being trained. Here it comes from
      target networks, which follow them slowly, as in the original DDPG.
    - The critic sees the action before it is scaled and rounded, so that Eq. 3 has a
      gradient.
    - Walks go on until each walker has been done once. Whoever was done before walks
      on from a new start: that is remembered, but does not count for the return.
    - A walk that is cut off by `max_steps` is not done: the critic looks beyond it.

    Unlike the original DDPG there is neither batch normalisation nor weight decay, the
    critic gets the action at its first layer, last layers start like all others, and
    the noise is drawn anew in each step and added before the sigmoid.

    There it leaves actions in [0, 1], but it fades as the actor comes close to a bound,
    and so does the gradient: from there it hardly comes back. With a reward that is
    mostly noise, most actions end at a bound.
    """

    def __init__(
        self,
        environment: Environment,
        n_state: int,
        n_action: int,
        *,
        hidden_layer_sizes: Sequence[int] = (64, 64),
        learning_rate: float = 1e-3,
        critic_learning_rate: float = 1e-3,
        discount: float = 0.9,
        tau: float = 0.01,
        noise: float = 1.0,
        batch_size: int = 64,
        buffer_size: int = 10_000,
        n_updates: int = 1,
        max_steps: int = 50,
        device: torch.device,
        seed: int,
    ) -> None:
        self.environment = environment
        self.discount = discount
        self.tau = tau
        self.noise = noise
        self.batch_size = batch_size
        self.n_updates = n_updates
        self.max_steps = max_steps
        self.device = device
        # Drawn on the CPU, so that all devices see the same draws.
        self.generator = torch.Generator().manual_seed(seed)
        seeds = torch.randint(2**31 - 1, (2,), generator=self.generator).tolist()
        inner = list(hidden_layer_sizes)
        self.network = Network([n_state, *inner, n_action], False, seeds[0]).to(device)
        self.critic = Network([n_state + n_action, *inner, 1], False, seeds[1])
        self.critic = self.critic.to(device)
        self.target_actor = deepcopy(self.network)
        self.target_critic = deepcopy(self.critic)
        self.optimizer = torch.optim.Adam(
            self.network.parameters(), lr=learning_rate, fused=True
        )
        self.critic_optimizer = torch.optim.Adam(
            self.critic.parameters(), lr=critic_learning_rate, fused=True
        )
        self.buffer = ReplayBuffer(buffer_size, n_state, n_action)

    def step(self) -> dict[str, float]:
        """One episode: all walkers walk until they are done, and the networks learn.

        Returns
        -------
        report : dict
            "return" is the mean over walkers of sum_t gamma^t r_t, noise included, and
            "objective" minus that. "critic_loss" (Eq. 4) and "q" (minus Eq. 3) are
            means over the updates, NaN where there were none. "n_steps" is the number
            of steps that the walkers took together.
        """
        states = self.environment.reset()
        returns = np.zeros(len(states))
        walking = np.ones(len(states), dtype=bool)
        updates = []
        n_steps = 0
        while walking.any() and n_steps < self.max_steps:
            actions = self.act(states, self.noise)
            next_states, rewards, done = self.environment.step(actions)
            self.buffer.add(states, actions, rewards, next_states, done)
            returns += walking * self.discount**n_steps * rewards
            walking &= ~done
            states = next_states
            n_steps += 1
            if self.buffer.count >= self.batch_size:
                updates += [self.update() for _ in range(self.n_updates)]
        loss, q = np.nan, np.nan
        if updates:
            loss, q = torch.stack(updates).mean(dim=0).tolist()
        mean_return = float(returns.mean())
        return {
            "objective": -mean_return,
            "return": mean_return,
            "critic_loss": loss,
            "q": q,
            "n_steps": n_steps,
        }

    def update(self) -> Tensor:
        """Move critic, actor and targets by one batch; give its loss and mean Q."""
        places = torch.randint(
            len(self.buffer), (self.batch_size,), generator=self.generator
        )
        batch = self.buffer.read(places.numpy(), self.device)

        targets = bellman_targets(
            self.target_actor, self.target_critic, batch, self.discount
        )
        loss_critic = critic_loss(self.critic, batch, targets)
        self.critic_optimizer.zero_grad()
        loss_critic.backward()
        self.critic_optimizer.step()

        loss_actor = actor_loss(self.network, self.critic, batch.states)
        self.optimizer.zero_grad()
        loss_actor.backward()
        self.optimizer.step()

        follow(self.target_actor, self.network, self.tau)
        follow(self.target_critic, self.critic, self.tau)
        return torch.stack([loss_critic, -loss_actor]).detach()

    @torch.no_grad()
    def act(self, states: NDArray, noise: float = 0.0) -> NDArray[np.float64]:
        """Actions in [0, 1] in some states (w, n_state); greedy ones without noise."""
        rows = torch.as_tensor(states, dtype=torch.float32, device=self.device)
        logits = self.network(rows).cpu()
        if noise:
            logits += noise * torch.randn(logits.shape, generator=self.generator)
        return torch.sigmoid(logits).double().numpy()

    def parts(self) -> dict[str, nn.Module | torch.optim.Optimizer]:
        """Networks and optimisers by name."""
        return {
            **super().parts(),
            "critic": self.critic,
            "critic_optimizer": self.critic_optimizer,
            "target_actor": self.target_actor,
            "target_critic": self.target_critic,
        }

    def state(self) -> State:
        """What the next step depends on, the environment's state included."""
        state = {**super().state(), **label("buffer", self.buffer.state())}
        if hasattr(self.environment, "state"):
            state |= label("environment", self.environment.state())
        return state

    def load_state(self, state: State) -> None:
        """Go back to a state."""
        super().load_state(state)
        self.buffer.load_state(labelled("buffer", state))
        if hasattr(self.environment, "load_state"):
            self.environment.load_state(labelled("environment", state))
