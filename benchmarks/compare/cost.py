"""What the regression resamplers cost on one core: seconds, megabytes, import time.

    python benchmarks/compare/cost.py

Each figure comes from a process of its own, with one thread; "warm" means that the
first fit of the process, which pays for loading torch, is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

CASES = {
    "MixRL influence, NO2 200 + 200 rows, guard off": {"guard": False},
    "MixRL influence, NO2 200 + 200 rows": {},
    "MixRL influence, 1000 + 200 rows, 7 columns": {"n": 1000},
    "MixRL influence, 5000 + 200 rows, 7 columns, guard off": {
        "n": 5000,
        "guard": False,
    },
    "MixRL influence, 5000 + 200 rows, 7 columns": {"n": 5000},
    "C-Mixup, 100 000 rows, 7 columns, bandwidth 1": {"n": 100_000, "bandwidth": 1.0},
    "C-Mixup, 100 000 rows, 7 columns, bandwidth 0.01": {
        "n": 100_000,
        "bandwidth": 0.01,
    },
}


def simulated(n, v=200, d=7):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(n + v, d))
    y = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.3 * rng.normal(size=n + v)
    return X[:n], y[:n], X[n:], y[n:]


def measure(n=None, guard=True, bandwidth=None, repeats=3):
    """CPU and wall seconds of a warm fit, and the peak memory of the process."""
    from skmix.datasets import load_no2
    from skmix.regression import CMixupResampler, MixRLResampler

    if n is None:
        X, y = load_no2(return_X_y=True)
        rows = np.random.RandomState(0).permutation(len(X))[:400]
        X, y, X_val, y_val = X[rows[:200]], y[rows[:200]], X[rows[200:]], y[rows[200:]]
    else:
        X, y, X_val, y_val = simulated(n)
    if bandwidth is not None:
        resampler, extra = CMixupResampler(bandwidth=bandwidth, random_state=0), {}
    else:
        resampler = MixRLResampler(guard=guard, device="cpu", random_state=0)
        extra = {"X_val": X_val, "y_val": y_val}
        MixRLResampler(max_iter=1, device="cpu", random_state=0).fit(
            X[:50], y[:50], X_val=X_val, y_val=y_val
        )
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cpu, wall = [], []
    for _ in range(repeats):
        start = time.process_time(), time.perf_counter()
        resampler.fit_resample(X, y, **extra)
        cpu.append(time.process_time() - start[0])
        wall.append(time.perf_counter() - start[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "cpu_seconds": min(cpu),
        "wall_seconds": min(wall),
        "peak_megabytes": peak / 1024,
        "peak_megabytes_before": before / 1024,
    }


def in_a_process(arguments):
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    output = subprocess.run(
        [sys.executable, *arguments],
        env=environment,
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(output.stdout)


def import_seconds(module, repeats=7):
    code = (
        "import json, time; import sklearn.base; start = time.perf_counter(); "
        f"import {module}; print(json.dumps(time.perf_counter() - start))"
    )
    return float(np.median([in_a_process(["-c", code]) for _ in range(repeats)]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    if options.case:
        print(json.dumps(measure(**CASES[options.case])))
        return
    from report import machine, write_json

    figures = {}
    for name in CASES:
        figures[name] = in_a_process([__file__, "--case", name])
        print(name, figures[name], flush=True)
    beyond = {
        name: import_seconds(name)
        for name in ("skmix", "skmix.regression", "skmix.compose")
    }
    print("seconds to import beyond sklearn.base:", beyond)
    write_json(
        options.out / "cost.json",
        {
            "command": "cost.py",
            "machine": machine(),
            "figures": figures,
            "import_seconds_beyond_sklearn_base": beyond,
        },
    )


if __name__ == "__main__":
    main()
