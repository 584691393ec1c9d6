"""What the regression resamplers cost on one core: seconds, megabytes, import time.

    python benchmarks/compare/cost.py

Each figure comes from a process of its own, with one thread; the first fit of a
process, which pays for loading torch, is not counted. The literal algorithm trains the
paper's network from scratch in each iteration; a few are timed, and 4000 counted.
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

SIZES = (1000, 5000, 20_000, 100_000)
LITERAL, TIMED_ITERATIONS, LITERAL_ITERATIONS = "MixRL, literal", 6, 4000
# Resampler, and number of training rows; None is NO2 with 200 training rows.
CASES = [
    ("MixRL, unguarded", None),
    ("MixRL", None),
    (LITERAL, None),
    ("AdaMixUp, unguarded", None),
    *((name, n) for name in ("MixRL, unguarded", "MixRL") for n in SIZES),
    ("kNN, k = 8", 100_000),
    ("AdaMixUp, unguarded", 100_000),
    ("mixup", 100_000),
    ("C-Mixup, bandwidth 1", 100_000),
    ("C-Mixup, bandwidth 0.01", 100_000),
]


def make_resampler(name):
    """Make one of the resamplers that are measured."""
    from skmix import regression

    device = {"device": "cpu", "random_state": 0}
    makers = {
        "MixRL": lambda: regression.MixRLResampler(**device),
        "MixRL, unguarded": lambda: regression.MixRLResampler(guard=False, **device),
        # With a given threshold, nothing but the iterations takes time.
        LITERAL: lambda: regression.MixRLResampler(
            regression.NetworkRegressor(device="cpu"),
            method="reinforce",
            guard=False,
            threshold=0.5,
            max_iter=TIMED_ITERATIONS,
            **device,
        ),
        "AdaMixUp, unguarded": lambda: regression.AdaMixupResampler(
            guard=False, **device
        ),
        "kNN, k = 8": lambda: regression.KNNMixupResampler(k=8),
        "mixup": lambda: regression.MixupResampler(random_state=0),
        "C-Mixup, bandwidth 1": lambda: regression.CMixupResampler(random_state=0),
        "C-Mixup, bandwidth 0.01": lambda: regression.CMixupResampler(
            bandwidth=0.01, random_state=0
        ),
    }
    return makers[name]()


def simulated(n, v=200, d=7):
    """Rows to train on, and held-out rows, with NO2's number of columns."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(n + v, d))
    y = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.3 * rng.normal(size=n + v)
    return (X[:n], y[:n]), {"X_val": X[n:], "y_val": y[n:]}


def no2():
    """200 rows to train on, and 200 held-out rows."""
    from problems import load, paper_split

    rows = paper_split(*load("no2"), 200, 200, 100, seed=0)
    return rows.train, rows.held_out


def measure(name, n):
    """CPU and wall seconds of a warm fit, and the peak memory of the process."""
    rows, held_out = no2() if n is None else simulated(n)
    few, few_held_out = simulated(50)
    make_resampler("MixRL, unguarded").set_params(max_iter=1).fit(*few, **few_held_out)
    resampler = make_resampler(name)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    cpu, wall = [], []
    for _ in range(3 if n is None else 1):
        start = time.process_time(), time.perf_counter()
        resampler.fit_resample(*rows, **held_out)
        cpu.append(time.process_time() - start[0])
        wall.append(time.perf_counter() - start[1])
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "case": name,
        "n": n or len(rows[0]),
        "data": "NO2" if n is None else "simulated",
        "new_rows": len(resampler.parent_indices_),
        "cpu_seconds": min(cpu),
        "wall_seconds": min(wall),
        "peak_megabytes": peak / 1024,
        "peak_megabytes_before": before / 1024,
    }


def in_a_process(arguments):
    """What a process with one thread prints as JSON."""
    threads = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
    output = subprocess.run(
        [sys.executable, *arguments],
        env={**os.environ, **dict.fromkeys(threads, "1")},
        check=True,
        capture_output=True,
        text=True,
    )
    return json.loads(output.stdout)


def import_seconds(module, repeats=7):
    """Seconds that an import takes once scikit-learn is there."""
    code = (
        "import json, time; import sklearn.base; start = time.perf_counter(); "
        f"import {module}; print(json.dumps(time.perf_counter() - start))"
    )
    return float(np.median([in_a_process(["-c", code]) for _ in range(repeats)]))


def scaling(figures, name):
    """Seconds by number of rows, and the slope of their logarithms."""
    rows = [f for f in figures if f["case"] == name and f["data"] == "simulated"]
    n = [row["n"] for row in rows]
    seconds = [row["cpu_seconds"] for row in rows]
    exponent = float(np.polyfit(np.log(n), np.log(seconds), 1)[0])
    return {"case": name, "n": n, "cpu_seconds": seconds, "exponent": exponent}


def next_to_literal(figures):
    """How much less the influence fit costs than the literal algorithm."""
    on_no2 = {f["case"]: f["cpu_seconds"] for f in figures if f["data"] == "NO2"}
    iteration = on_no2[LITERAL] / TIMED_ITERATIONS
    return {
        "iterations": LITERAL_ITERATIONS,
        "cpu_seconds_per_iteration": iteration,
        "cpu_seconds": LITERAL_ITERATIONS * iteration,
        **{
            f"times {name}": LITERAL_ITERATIONS * iteration / on_no2[name]
            for name in ("MixRL, unguarded", "MixRL")
        },
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", type=int)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    if options.case is not None:
        print(json.dumps(measure(*CASES[options.case])))
        return
    import torch
    from report import RESULTS, machine, write_json

    figures = []
    for case in range(len(CASES)):
        figures.append(in_a_process([__file__, "--case", str(case)]))
        print(figures[-1], flush=True)
    results = {
        "literal": next_to_literal(figures),
        "scaling": [scaling(figures, name) for name in ("MixRL, unguarded", "MixRL")],
        "import_seconds_beyond_sklearn_base": {
            name: import_seconds(name)
            for name in ("skmix", "skmix.regression", "skmix.compose")
        },
    }
    print(json.dumps(results, indent=1))
    torch.set_num_threads(1)
    write_json(
        (options.out or RESULTS) / "cost.json",
        {"machine": machine(), "figures": figures, **results},
    )


if __name__ == "__main__":
    main()
