"""What all benchmarks share: results that survive an interruption, and their JSON."""

from __future__ import annotations

import json
import os
import platform
import time
from pathlib import Path

import numpy as np
import sklearn
import torch

import skmix
from skmix.metrics import paired_difference

RESULTS = Path(__file__).parent / "results"


def machine():
    """The machine and versions that the figures were measured with."""
    return {
        "processor": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "torch_threads": torch.get_num_threads(),
        "python": platform.python_version(),
        "numpy": np.__version__,
        "scikit-learn": sklearn.__version__,
        "torch": torch.__version__,
        "skmix": skmix.__version__,
    }


class Stopwatch:
    """CPU seconds of this process since it was made, or since it was last read."""

    def __init__(self):
        self.start = time.process_time()

    def read(self):
        """Seconds; counting begins anew."""
        seconds = time.process_time() - self.start
        self.start += seconds
        return seconds


class Scratch:
    """Results of the parts of a run, one JSON line each, kept while it goes on.

    Several processes may write to one file, each its own parts. Lines that other
    settings have left behind do not count.
    """

    def __init__(self, path, settings):
        self.path = Path(path)
        self.settings = settings

    def read(self):
        """Results by the name of their part."""
        if not self.path.exists():
            return {}
        lines = map(json.loads, self.path.read_text().splitlines())
        # Both went through JSON, which knows no tuples.
        settings = json.loads(json.dumps(self.settings))
        return {e["part"]: e["result"] for e in lines if e["settings"] == settings}

    def write(self, part, result):
        """Add the result of a part."""
        entry = {"settings": self.settings, "part": part, "result": result}
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a") as file:
            file.write(json.dumps(rounded(entry)) + "\n")


def paired(values, reference):
    """Mean difference and its standard error; None where there are not two values."""
    mean, error = paired_difference(values, reference)
    return [mean, error if error == error else None]


def rounded(value):
    """As many digits as mean anything; numbers of NumPy as Python's."""
    if isinstance(value, np.generic):
        value = value.item()
    if isinstance(value, float):
        return float(f"{value:.6g}")
    if isinstance(value, dict):
        return {key: rounded(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [rounded(entry) for entry in value]
    return value


def write_json(path, content):
    """Write figures: a line to each entry of what the file holds."""
    parts = []
    for key, value in rounded(content).items():
        if isinstance(value, dict):
            lines = [f"{json.dumps(k)}: {json.dumps(v)}" for k, v in value.items()]
            text = "{\n  " + ",\n  ".join(lines) + "\n }"
        elif isinstance(value, list):
            text = "[\n  " + ",\n  ".join(map(json.dumps, value)) + "\n ]"
        else:
            text = json.dumps(value)
        parts.append(f" {json.dumps(key)}: {text}")
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("{\n" + ",\n".join(parts) + "\n}\n")
