import pytest
import torch

from skmix._torch.device import describe_devices, resolve_device


def test_auto_takes_the_gpu_where_there_is_one():
    expected = "cuda" if torch.cuda.is_available() else "cpu"
    assert resolve_device("auto").type == expected
    assert resolve_device("cpu").type == "cpu"


def test_a_device_that_is_not_there():
    number = torch.cuda.device_count()
    with pytest.raises(ValueError, match=f"cuda:{number}.*device='auto'"):
        resolve_device(f"cuda:{number}")
    if not torch.backends.mps.is_available():
        with pytest.raises(ValueError, match="no Apple GPU"):
            resolve_device("mps")


def test_devices_are_described():
    assert describe_devices().startswith("cpu (")
