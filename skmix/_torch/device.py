"""Which device to compute on, and what is put there."""

import torch
from numpy.typing import NDArray
from torch import Tensor


def resolve_device(name: str) -> torch.device:
    """Find the device that a name means here.

    Parameters
    ----------
    name : str
        "auto", "cpu", "cuda", "cuda:<number>" or "mps". "auto" takes a CUDA device
        where there is one, else the CPU.

    Returns
    -------
    device : torch.device
        The device.

    Raises
    ------
    ValueError
        If the device is not there.
    """
    if name == "auto":
        name = "cuda" if torch.cuda.is_available() else "cpu"
    device = torch.device(name)
    count = torch.cuda.device_count()
    if device.type == "cuda" and (device.index or 0) >= count:
        raise ValueError(
            f"device={name!r} is not there: torch sees {count} CUDA devices. Pass "
            "device='auto' or 'cpu', or install a build of torch for your GPU."
        )
    if device.type == "mps" and not torch.backends.mps.is_available():
        raise ValueError(
            "device='mps' is not there: torch sees no Apple GPU. Pass device='auto' or "
            "'cpu'."
        )
    return device


def to_device(array: NDArray | Tensor, device: torch.device) -> Tensor:
    """Put an array on a device, as float32 or, if it is of whole numbers, as int64.

    Parameters
    ----------
    array : ndarray or Tensor
        Numbers. What is there already is not copied.

    device : torch.device
        The device.

    Returns
    -------
    tensor : Tensor
        The numbers on the device.
    """
    if isinstance(array, Tensor):
        return array.to(device)
    kind = torch.float32 if array.dtype.kind == "f" else torch.int64
    return torch.as_tensor(array, dtype=kind, device=device)


def is_gpu(name: str) -> bool:
    """Whether a name means a GPU, be it there or not; "auto" does where there is one.

    Parameters
    ----------
    name : str
        A device by the name that torch has for it, or "auto".

    Returns
    -------
    is_gpu : bool
        Whether it does.
    """
    if name == "auto":
        return torch.cuda.is_available()
    return name.startswith(("cuda", "mps"))


def describe_devices() -> str:
    """Name the devices that torch sees, for bug reports."""
    names = [f"cpu ({torch.get_num_threads()} threads)"]
    names += [
        f"cuda:{place} ({torch.cuda.get_device_name(place)})"
        for place in range(torch.cuda.device_count())
    ]
    if torch.backends.mps.is_available():
        names.append("mps")
    return ", ".join(names)
