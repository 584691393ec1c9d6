"""Augmentations whose parameters are learned: of tables, of images, and of the user.

Hu et al. (2019) learn a language model that rewrites texts. The same reward, 1 for
x ~ g_phi(x | x*, y), has a g_phi here for columns of tables, and one for images. What
is random in it does not depend on phi, so that x is differentiable in phi.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from math import pi
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional as F

from .bilevel import Manipulation, Rows
from .cut import block_size
from .mlp import draw_batches
from .random import own_random_state
from .state import State, network_state

# Amounts at first, small as those of a fixed augmentation, and at most. Of strengths
# as a part of the way, of noise in standard deviations.
STRENGTH, NOISE = (0.2, 1.0), (0.05, 1.0)
# Of images: radians, parts of a side, logarithms of a factor, standard deviations.
OF_IMAGES = {
    "rotation": (5 * pi / 180, pi),
    "shift": (0.03, 0.5),
    "log_scale": (0.03, 1.0),
    "brightness": (0.03, 2.0),
    "contrast": (0.05, 1.0),
    "cutout": (0.1, 0.75),
}
# Part of the categorical columns of a row that are drawn anew.
MASKED = 0.25
CONDITIONAL_UNITS = 64
CONDITIONAL_BATCHES = 500
# Step size of its weights, as a part of that of the amounts.
CONDITIONAL_RATE = 1 / 30


class Partners(NamedTuple):
    """Rows that a row may be moved towards: `order[begin : begin + number]` of each."""

    order: Tensor
    begin: Tensor
    number: Tensor

    def draw(self, places: Tensor) -> Tensor:
        """One of them for each of some rows."""
        # All draws are made on the CPU, so that all devices see the same.
        share = torch.rand(len(places)).to(places.device)
        step = (share * self.number[places]).long()
        return self.order[self.begin[places] + step]


class Transform(Manipulation, ABC):
    """Shows training each row as it is, and once more, transformed."""

    @abstractmethod
    def transform(self, rows: Rows) -> Rows:
        """Rows as they are transformed, one for each."""

    def note(self, rows: Rows) -> None:
        """Remember that rows come from themselves alone."""
        self.source = self.partner = rows.places
        self.share = torch.zeros(len(rows.places), device=rows.X.device)

    @abstractmethod
    def arrays(self) -> State:
        """What is learned, as arrays."""

    def to_cpu(self) -> torch.device:
        """Move to the CPU, and forget how it was trained."""
        self.cpu()
        for name in ("optimizer", "source", "partner", "share"):
            self.__dict__.pop(name, None)
        return torch.device("cpu")

    def rows(self, rows: Rows) -> Rows:
        """The rows, then the transformed ones."""
        pairs = zip(rows, self.transform(rows), strict=True)
        return Rows(*(torch.cat(pair) for pair in pairs))


def raw_amount(amount: tuple[float, float], shape: Any, device: Any) -> nn.Parameter:
    """What is learned in place of an amount, given as it is at first and at most."""
    first, most = amount
    return nn.Parameter(torch.full(shape, first / most, device=device).logit())


class TableTransform(Transform):
    """Moves rows towards partners, adds noise, and draws categories anew.

    x_j + u m_kj (x'_j - x_j) + s_kj e_j for numbers, with u uniform, e normal, x' a
    partner, and the strength m in (0, 1) and the noise s learned for each class k and
    column j. A categorical column is masked at random, and drawn from a conditional
    distribution given the other columns and the target, by Gumbel-softmax.

    Parameters
    ----------
    X : Tensor of shape (n, p)
        All rows, encoded: numbers first, then an indicator for each category.

    Y : Tensor of shape (n, t)
        Targets.

    classes : ndarray of shape (n,)
        Class of each row by which strengths differ.

    n_classes : int
        Number of classes.

    n_numbers : int
        How many columns hold numbers.

    blocks : sequence of (int, int)
        First column, and the one after the last, of the indicators of each categorical
        column that is drawn anew.

    partners : Partners
        Rows that rows are moved towards.

    n_labels : sequence of int
        Number of classes of each target; none for numbers, which follow the mean
        strength.

    seed : int
        Seed of the conditional distribution.

    **settings
        Of the manipulation.
    """

    def __init__(
        self,
        X: Tensor,
        Y: Tensor,
        *,
        classes: NDArray[np.intp],
        n_classes: int,
        n_numbers: int,
        blocks: Sequence[tuple[int, int]],
        partners: Partners,
        n_labels: Sequence[int],
        seed: int,
        **settings: Any,
    ) -> None:
        super().__init__(**settings)
        self.bind(X, Y, classes=classes, n_classes=n_classes, partners=partners)
        self.n_numbers = n_numbers
        self.n_labels = n_labels
        shape = (n_classes, n_numbers)
        self.raw_strength = raw_amount(STRENGTH, shape, X.device)
        self.raw_noise = raw_amount(NOISE, shape, X.device)
        self.conditional = None
        if blocks:
            self.conditional = Conditional(X, Y, blocks, n_labels, seed)

    def bind(
        self,
        X: Tensor,
        Y: Tensor,
        *,
        classes: NDArray[np.intp],
        n_classes: int,
        partners: Partners,
    ) -> None:
        """Look at these rows from now on."""
        self.X, self.Y, self.partners = X, Y, partners
        self.classes = torch.as_tensor(classes, device=X.device)

    def arrays(self) -> State:
        """Strength and noise, as arrays."""
        parts = {"strength": self.strength, "noise": self.noise}
        return {k: v.detach().cpu().double().numpy() for k, v in parts.items()}

    @property
    def strength(self) -> Tensor:
        """How far rows of each class are moved in each column."""
        return STRENGTH[1] * self.raw_strength.sigmoid()

    @property
    def noise(self) -> Tensor:
        """Standard deviation of the noise."""
        return NOISE[1] * self.raw_noise.sigmoid()

    def make_optimizer(self) -> torch.optim.Optimizer:
        """Adam, with smaller steps for the weights of a network than for amounts."""
        groups: list[dict[str, Any]] = [
            {"params": [self.raw_strength, self.raw_noise], "lr": self.learning_rate}
        ]
        if self.conditional is not None:
            rate = CONDITIONAL_RATE * self.learning_rate
            parameters = list(self.conditional.parameters())
            groups.append({"params": parameters, "lr": rate})
        return torch.optim.Adam(groups, fused=True)

    def transform(self, rows: Rows) -> Rows:
        """Rows as they are transformed, one for each."""
        X, Y = rows.X, rows.Y
        self.source, self.partner = rows.places, self.partners.draw(rows.places)
        share = torch.rand(len(X), 1).to(X)
        kind = self.classes[rows.places]
        numbers, rest = X[:, : self.n_numbers], X[:, self.n_numbers :]
        strength = share * self.strength[kind]
        towards = self.X[self.partner][:, : self.n_numbers] - numbers
        epsilon = torch.randn(numbers.shape).to(X)
        numbers = numbers + strength * towards + self.noise[kind] * epsilon
        if self.conditional is not None:
            rest = self.conditional.redraw(X, Y)[:, self.n_numbers :]
        # Where there is no number, nothing is moved.
        mean = strength.sum(dim=1, keepdim=True) / max(1, self.n_numbers)
        self.share = mean[:, 0].detach()
        if not self.n_labels:
            Y = Y + mean * (self.Y[self.partner] - Y)
        return rows._replace(X=torch.cat([numbers, rest], dim=1), Y=Y)


class Conditional(nn.Module):
    """Categories of a column, given the other columns and the target.

    Parameters
    ----------
    X, Y : Tensor of shape (n, p), (n, t)
        Rows that it is trained on, first.

    blocks : sequence of (int, int)
        Indicators of each column.

    n_labels : sequence of int
        Number of classes of each target; none for numbers.

    seed : int
        Seed of its weights and of its training.
    """

    def __init__(
        self,
        X: Tensor,
        Y: Tensor,
        blocks: Sequence[tuple[int, int]],
        n_labels: Sequence[int],
        seed: int,
    ) -> None:
        super().__init__()
        self.blocks = list(blocks)
        self.n_labels = n_labels
        n_inputs = X.shape[1] + (sum(n_labels) or Y.shape[1])
        n_outputs = sum(end - begin for begin, end in self.blocks)
        with own_random_state(seed, X.device):
            # What is masked is told by indicators that are all 0.
            self.layers = nn.Sequential(
                nn.Linear(n_inputs, CONDITIONAL_UNITS),
                nn.ReLU(),
                nn.Linear(CONDITIONAL_UNITS, n_outputs),
            ).to(X.device)
            self._train(X, Y, seed)

    def _train(self, X: Tensor, Y: Tensor, seed: int) -> None:
        """Learn to fill in masked columns."""
        adam = torch.optim.Adam(self.parameters(), lr=0.01, fused=True)
        batches = draw_batches(len(X), 128, seed)
        for _ in range(CONDITIONAL_BATCHES):
            places = next(batches).to(X.device)
            rows = X[places]
            masked = self._mask(rows)
            losses = [
                (F.cross_entropy(logits, rows[:, begin:end], reduction="none") * mask)
                for logits, (begin, end), mask in zip(
                    self._logits(rows, Y[places], masked),
                    self.blocks,
                    masked.T,
                    strict=True,
                )
            ]
            adam.zero_grad()
            torch.stack(losses).mean().backward()
            adam.step()

    def _mask(self, rows: Tensor) -> Tensor:
        """Which columns (b, c) of rows are masked."""
        share = torch.rand(len(rows), len(self.blocks)).to(rows)
        return share < MASKED

    def _logits(self, rows: Tensor, Y: Tensor, masked: Tensor) -> tuple[Tensor, ...]:
        seen = torch.ones_like(rows)
        for (begin, end), mask in zip(self.blocks, masked.T, strict=True):
            seen[:, begin:end] = (~mask).to(rows)[:, None]
        target = [Y]
        if self.n_labels:
            columns = zip(Y.unbind(dim=1), self.n_labels, strict=True)
            target = [F.one_hot(column, width) for column, width in columns]
        inputs = torch.cat([rows * seen, *target], dim=1)
        sizes = [end - begin for begin, end in self.blocks]
        return self.layers(inputs).split(sizes, dim=1)

    def redraw(self, X: Tensor, Y: Tensor) -> Tensor:
        """Rows with their masked columns drawn anew, one category each."""
        masked = self._mask(X)
        new = X.clone()
        for logits, (begin, end), mask in zip(
            self._logits(X, Y, masked), self.blocks, masked.T, strict=True
        ):
            # Straight through: whole categories forwards, soft ones backwards.
            drawn = F.gumbel_softmax(logits, tau=1.0, hard=True)
            new[:, begin:end] = torch.where(mask[:, None], drawn, X[:, begin:end])
        return new


class ImageTransform(Transform):
    """Turns, shifts and scales images, changes their light, and cuts squares out.

    Each amount is s e, with e normal, and s learned; the side of the square that is
    made grey is a part s of that of the image, at a random place.

    Parameters
    ----------
    X : Tensor of shape (n, c, h, w)
        All images, standardised.

    **settings
        Of the manipulation.
    """

    def __init__(self, X: Tensor, **settings: Any) -> None:
        super().__init__(**settings)
        self.raw = nn.ParameterDict(
            {
                name: raw_amount(amount, (), X.device)
                for name, amount in OF_IMAGES.items()
            }
        )

    def amount(self, name: str) -> Tensor:
        """How much there is of a name, within its bounds."""
        return OF_IMAGES[name][1] * self.raw[name].sigmoid()

    def arrays(self) -> State:
        """The amounts, as arrays of no dimension."""
        return {
            name: self.amount(name).detach().cpu().double().numpy() for name in self.raw
        }

    def transform(self, rows: Rows) -> Rows:
        """Images as they are transformed, one for each."""
        X = rows.X
        self.note(rows)
        n, _, height, width = X.shape
        epsilon = torch.randn(6, n).to(X)
        angle = self.amount("rotation") * epsilon[0]
        factor = (self.amount("log_scale") * epsilon[1]).exp()
        x, y = 2 * self.amount("shift") * epsilon[2:4]
        cos, sin, aspect = factor * angle.cos(), factor * angle.sin(), height / width
        matrix = [[cos, -sin * aspect, x], [sin / aspect, cos, y]]
        grid = F.affine_grid(
            torch.stack([torch.stack(row, dim=1) for row in matrix], dim=1),
            list(X.shape),
            align_corners=False,
        )
        X = F.grid_sample(X, grid, padding_mode="border", align_corners=False)
        light = self.amount("brightness") * epsilon[4]
        contrast = (self.amount("contrast") * epsilon[5]).exp()
        centre = X.mean(dim=(1, 2, 3), keepdim=True)
        X = centre + contrast.view(-1, 1, 1, 1) * (X - centre)
        X = X + light.view(-1, 1, 1, 1)
        return rows._replace(X=X * (1 - self._cut(n, height, width, X.device)))

    def _cut(self, n: int, height: int, width: int, device: torch.device) -> Tensor:
        """Squares (n, 1, h, w), 1 inside, with an edge of a pixel."""
        centre = torch.rand(2, n, 1).to(device)
        half = self.amount("cutout") / 2
        sides = []
        for place, n_pixels in zip(centre, (height, width), strict=True):
            pixels = (torch.arange(n_pixels, device=device) + 0.5) / n_pixels
            inside = half - (pixels - place).abs()
            # Half a pixel in, half a pixel out.
            sides.append((inside * n_pixels * 4).sigmoid())
        return sides[0][:, None, :, None] * sides[1][:, None, None, :]


class UserTransform(Transform):
    """A module of the user: ``module(X, Y, places)`` gives X and Y of new rows.

    Parameters
    ----------
    module : nn.Module
        The module.

    **settings
        Of the manipulation.
    """

    def __init__(self, module: nn.Module, **settings: Any) -> None:
        super().__init__(**settings)
        self.module = module

    def arrays(self) -> State:
        """Its parameters, as arrays."""
        return network_state(self.module)

    def transform(self, rows: Rows) -> Rows:
        """Rows as the module makes them."""
        self.note(rows)
        made = self.module(rows.X, rows.Y, rows.places)
        if not isinstance(made, tuple) or len(made) != 2:
            raise ValueError(
                "augmentation must return a pair (X, Y) of new rows and targets, got "
                f"{type(made).__name__}."
            )
        X, Y = made
        if X.shape != rows.X.shape or Y.shape != rows.Y.shape:
            raise ValueError(
                "augmentation must return as many rows as it is given, of the same "
                f"shapes: it makes {tuple(X.shape)} and {tuple(Y.shape)} of "
                f"{tuple(rows.X.shape)} and {tuple(rows.Y.shape)}."
            )
        return rows._replace(X=X, Y=Y.to(rows.Y.dtype))


def make_user_transform(
    make: Callable[[Tensor, Tensor], nn.Module], rows: Rows, seed: int, **settings: Any
) -> UserTransform:
    """Make the module of a user for rows, with initial weights from a seed."""
    if isinstance(make, nn.Module):
        raise ValueError(
            "augmentation must be a function of (X, Y) that returns a torch.nn.Module, "
            f"got the module {type(make).__name__} itself."
        )
    with own_random_state(seed, rows.X.device):
        module = make(rows.X, rows.Y)
    if not isinstance(module, nn.Module) or not any(True for _ in module.parameters()):
        raise ValueError(
            "augmentation must be a function of (X, Y) that returns a torch.nn.Module "
            f"with parameters to learn, got {type(module).__name__} from it."
        )
    return UserTransform(module.to(rows.X.device), **settings)


def make_partners(
    order: NDArray, begin: NDArray, number: NDArray, device: torch.device
) -> Partners:
    """Make partners of arrays."""
    parts = (torch.as_tensor(part, device=device) for part in (order, begin, number))
    return Partners(*parts)


class Drawn(NamedTuple):
    """Transformed rows: features, targets, where they come from, shares of partners."""

    X: NDArray[np.float32]
    Y: NDArray
    source: NDArray[np.intp]
    partner: NDArray[np.intp]
    share: NDArray[np.float32]


@torch.no_grad()
def draw(transform: Transform, rows: Rows, n_copies: int, seed: int) -> Drawn:
    """Transform all rows so many times, in blocks of rows."""
    size = block_size(rows.X.shape[1:], rows.X.device)
    parts = []
    with own_random_state(seed, rows.X.device):
        for _ in range(n_copies):
            for places in rows.places.split(size):
                made = transform.transform(Rows(*(part[places] for part in rows)))
                parts.append(
                    (
                        made.X,
                        made.Y,
                        transform.source,
                        transform.partner,
                        transform.share,
                    )
                )
    return Drawn(*(torch.cat(part).cpu().numpy() for part in zip(*parts, strict=True)))
