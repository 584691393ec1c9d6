"""A network cut behind one of its layers, to mix rows there.

The network is the user's and stays as it is: forward hooks read what a layer hands on,
and put something else in its place.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise
from math import prod
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

INPUT = "input"

# Values of rows that pass through a network at once, when nothing is trained. On a CPU
# they fit its cache: convolutions are twice as fast as with ten times as many.
BLOCK_VALUES = {"cpu": 2**17}
MAX_BLOCK_VALUES = 2**23

REMEDY = (
    "Choose other layers, or give the network a method forward_between(x, start, stop) "
    "that computes its layers from one to another, and pass their numbers as layers."
)


def block_size(shape: Sequence[int], device: torch.device) -> int:
    """Rows of a shape that pass through a network at once."""
    n_values = BLOCK_VALUES.get(device.type, MAX_BLOCK_VALUES)
    return max(1, n_values // max(1, prod(shape)))


def in_blocks(rows: Tensor) -> tuple[Tensor, ...]:
    """Rows (n, ...) in blocks that pass through a network at once."""
    return rows.split(block_size(rows.shape[1:], rows.device))


def first_output(outputs: Any) -> Tensor:
    """Outputs of a network; of several the first."""
    return outputs[0] if isinstance(outputs, tuple | list) else outputs


class Cut:
    """A network in two parts: up to a layer, and from there on.

    Parameters
    ----------
    network : nn.Module
        The network.

    layer : str or int
        Name of a module of the network, as ``named_modules`` has it, behind whose
        output it is cut; "input" for no first part. A number is a layer of a network
        with a method ``forward_between(x, start, stop)``, which computes the layers
        from one to another, with None for the end.

    Raises
    ------
    ValueError
        If there is no such layer.
    """

    def __init__(self, network: nn.Module, layer: str | int) -> None:
        # Any, as forward_between is no method of every module.
        self.network: Any = network
        self.layer = layer
        self.module: nn.Module | None = None
        if isinstance(layer, int):
            if not hasattr(network, "forward_between"):
                raise ValueError(
                    f"layers holds the number {layer}, but the network has no method "
                    "forward_between(x, start, stop). Pass names of its modules: "
                    f"{module_names(network)}."
                )
        elif layer != INPUT:
            modules = dict(network.named_modules())
            if layer not in modules or layer == "":
                raise ValueError(
                    f"layers holds {layer!r}, which the network does not have. Its "
                    f"modules are {module_names(network)}; {INPUT!r} is the input."
                )
            self.module = modules[layer]

    def check(self, rows: Tensor) -> None:
        """Check that the two parts together are the network.

        Parameters
        ----------
        rows : Tensor of shape (n, ...)
            Rows to try it on, two or more.

        Raises
        ------
        ValueError
            If they are not, as where a connection leads around the layer, or where the
            layer is passed twice.
        """
        if self.layer == INPUT:
            return
        # What leads around the layer comes from another row than it should.
        other = rows[:1]
        if torch.equal(rows, other.expand_as(rows)):
            other = other + 1
        with evaluating(self.network), torch.no_grad():
            whole = first_output(self.network(rows[1:]))
            try:
                parts = self.output(self.hidden(rows[1:]), other)
                same = whole.shape == parts.shape and torch.allclose(
                    whole, parts, rtol=1e-3, atol=1e-4
                )
            except (RuntimeError, ValueError, TypeError, IndexError) as error:
                raise ValueError(
                    f"The network cannot be cut behind layer {self.layer!r}: {error} "
                    f"{REMEDY}"
                ) from error
        if not same:
            raise ValueError(
                f"The network cannot be cut behind layer {self.layer!r}: its output "
                "also depends on something that leads around this layer, such as a "
                f"residual connection. {REMEDY}"
            )

    def hidden(self, rows: Tensor) -> Tensor:
        """Compute h^k(x), what the layer hands on, for rows (n, ...)."""
        if self.layer == INPUT:
            return rows
        if self.module is None:
            return self.network.forward_between(rows, 0, self.layer)

        def stop(module: nn.Module, inputs: Any, output: Any) -> None:
            raise _Reached(output)

        with hooked(self.module, stop):
            try:
                self.network(rows)
            except _Reached as reached:
                return reached.checked(len(rows))
        raise ValueError(f"The network does not pass layer {self.layer!r}.")

    def output(self, hidden: Tensor, row: Tensor) -> Tensor:
        """Compute the rest of the network, f^{k:L}(h).

        Parameters
        ----------
        hidden : Tensor of shape (n, ...)
            Values at the layer.

        row : Tensor of shape (1, ...)
            Any row of the data. It goes through the first part, so that the network
            gets to the layer, and leaves no trace.

        Returns
        -------
        outputs : Tensor of shape (n, n_classes)
            What the network makes of them.
        """
        if self.layer == INPUT:
            return first_output(self.network(hidden))
        if self.module is None:
            return first_output(self.network.forward_between(hidden, self.layer, None))
        passes = 0

        def replace(module: nn.Module, inputs: Any, output: Any) -> Tensor:
            nonlocal passes
            passes += 1
            if passes > 1:
                raise ValueError("it is passed more than once.")
            return hidden

        with hooked(self.module, replace):
            return first_output(self.network(row))

    def mixed_output(self, first: Tensor, second: Tensor, ratio: Tensor) -> Tensor:
        """Outputs for rows that are mixed at the layer, in one pass with gradients.

        Parameters
        ----------
        first, second : Tensor of shape (n, ...)
            Both rows of each pair. They share the first part as one batch, so that
            layers that normalise over a batch see all of them.

        ratio : Tensor of shape (n,)
            Share of the first.

        Returns
        -------
        outputs : Tensor of shape (n, n_classes)
            f^{k:L}(ratio h^k(first) + (1 - ratio) h^k(second)), Eq. 12 and 14.
        """
        if self.layer == INPUT:
            return first_output(self.network(mix(first, second, ratio)))
        rows = torch.cat([first, second])
        if self.module is None:
            first, second = self.network.forward_between(rows, 0, self.layer).chunk(2)
            mixed = mix(first, second, ratio)
            return first_output(self.network.forward_between(mixed, self.layer, None))

        def mix_halves(module: nn.Module, inputs: Any, output: Tensor) -> Tensor:
            first, second = output.chunk(2)
            return mix(first, second, ratio)

        with hooked(self.module, mix_halves):
            return first_output(self.network(rows))


def mix(first: Tensor, second: Tensor, ratio: Tensor) -> Tensor:
    """Mix rows (n, ...) at ratios (n,), the shares of the first; Eq. 12."""
    ratio = ratio.to(first).view(-1, *[1] * (first.dim() - 1))
    return ratio * first + (1 - ratio) * second


def find_layers(network: nn.Module, rows: Tensor) -> list[str]:
    """Layers behind which a network can be cut, in the order of the forward pass.

    Parameters
    ----------
    network : nn.Module
        The network.

    rows : Tensor of shape (n, ...)
        Rows to try it on, two or more.

    Returns
    -------
    layers : list of str
        The blocks that the network consists of, but the last: its children, or those
        of its only child. Between two that hold weights there is one cut, behind what
        lies between them, such as an activation. Where there is none, the input.
    """
    prefix, block = "", network
    while True:
        order = _passed(network, block, rows)
        if len(order) != 1 or not list(order[0][1].children()):
            break
        prefix, block = f"{prefix}{order[0][0]}.", order[0][1]
    layers = []
    seen = False
    for (name, child), (_, following) in pairwise(order):
        seen |= _has_weights(child)
        if seen and _has_weights(following):
            layers.append(f"{prefix}{name}")
    return [name for name in layers if _can_cut(network, name, rows)] or [INPUT]


def last_inputs(network: nn.Module, rows: Tensor) -> Tensor:
    """Inputs of the last layer that holds weights, of shape (n, d).

    Parameters
    ----------
    network : nn.Module
        The network.

    rows : Tensor of shape (n, ...)
        Rows.

    Returns
    -------
    inputs : Tensor of shape (n, d)
        What this layer gets for each row.
    """
    caught: list[Tensor] = []

    def catch(module: nn.Module, inputs: Any, output: Any) -> None:
        # The last one that passes here stays.
        caught[:] = [inputs[0]]

    leaves = [
        module
        for module in network.modules()
        if not list(module.children()) and _has_weights(module)
    ]
    handles = [leaf.register_forward_hook(catch) for leaf in leaves]
    try:
        network(rows)
    finally:
        for handle in handles:
            handle.remove()
    return caught[0].flatten(1) if caught else rows.flatten(1)


def module_names(network: nn.Module) -> list[str]:
    """Names that a layer can have."""
    return [name for name, _ in network.named_modules() if name]


@contextmanager
def hooked(module: nn.Module, hook: Callable) -> Iterator[None]:
    """Hook into a module for a while."""
    handle = module.register_forward_hook(hook)
    try:
        yield
    finally:
        handle.remove()


@contextmanager
def evaluating(network: nn.Module, dropout: bool = False) -> Iterator[None]:
    """Put a network into evaluation mode for a while, with its dropout on or off.

    What is dropped is dropped for all rows of a pass, as one member of an ensemble
    would have it.
    """
    modes = [(module, module.training) for module in network.modules()]
    network.eval()
    layers = dropout_layers(network) if dropout else []
    handles = [layer.register_forward_hook(_drop_from_all) for layer in layers]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()
        for module, mode in modes:
            module.training = mode


# What drops values, or whole channels.
DROPOUT: dict[type[nn.Module], Callable[..., Tensor]] = {
    nn.Dropout: F.dropout,
    nn.Dropout1d: F.dropout1d,
    nn.Dropout2d: F.dropout2d,
    nn.Dropout3d: F.dropout3d,
}
DROPOUT_KINDS = tuple(DROPOUT)


def dropout_layers(network: nn.Module) -> list[nn.Module]:
    """Modules of a network that drop values at random."""
    return [module for module in network.modules() if isinstance(module, DROPOUT_KINDS)]


def _drop_from_all(module: nn.Module, inputs: tuple[Tensor], output: Tensor) -> Tensor:
    """Drop the same values of all rows."""
    (rows,) = inputs
    drop = next(drop for kind, drop in DROPOUT.items() if isinstance(module, kind))
    return rows * drop(torch.ones_like(rows[:1]), module.p, training=True)


class _Reached(Exception):
    """The layer is reached, the rest of the pass not needed."""

    def checked(self, n_rows: int) -> Tensor:
        (output,) = self.args
        if not isinstance(output, Tensor) or len(output) != n_rows:
            raise ValueError("it does not hand on one tensor with an entry to a row.")
        return output


def _has_weights(module: nn.Module) -> bool:
    return next(module.parameters(), None) is not None


def _passed(
    network: nn.Module, block: nn.Module, rows: Tensor
) -> list[tuple[str, nn.Module]]:
    """Children of a block in the order in which a pass of the network meets them."""
    names = {child: name for name, child in block.named_children()}
    order: list[tuple[str, nn.Module]] = []

    def note(module: nn.Module, inputs: Any, output: Any) -> None:
        order.append((names[module], module))

    handles = [child.register_forward_hook(note) for child in names]
    try:
        with evaluating(network), torch.no_grad():
            network(rows)
    finally:
        for handle in handles:
            handle.remove()
    return order


def _can_cut(network: nn.Module, layer: str, rows: Tensor) -> bool:
    try:
        Cut(network, layer).check(rows)
    except ValueError:
        return False
    return True
