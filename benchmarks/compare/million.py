"""Minutes and peak memory of a fit of a million rows with 50 columns.

    python benchmarks/compare/million.py [--estimators NAME ...]

Each estimator is fitted in a process of its own. Its peak, as Linux counts it, holds
everything: imports, rows and what came out.
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

from report import RESULTS, machine, write_json

sys.path.insert(0, str(Path(__file__).parents[1] / "asv"))

from fits.cases import NAMES, make_case, warm_up

N_ROWS, N_COLUMNS = 1_000_000, 50
# Learners that take too long on so many rows, or too much: `max_samples` is for these.
TOO_MUCH = (
    "MixRLResampler",
    "MixRLResampler, held-out rows",
    "AutoSMOTESampler",
    "LearnedAugmenter",
    "LADAClassifier",
)
MEASURED = [name for name in NAMES if name not in TOO_MUCH]
# Kibibytes, as `ru_maxrss` counts.
TO_GIGABYTES = 1024 / 1e9


def measure(name):
    """Seconds and gigabytes of a case, in this process."""
    warm_up()
    run = make_case(name, N_ROWS, N_COLUMNS)
    start = time.perf_counter()
    run()
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * TO_GIGABYTES
    return {"seconds": seconds, "peak_gigabytes": peak}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--estimators", nargs="+", default=MEASURED, choices=NAMES)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--one", choices=NAMES, help=argparse.SUPPRESS)
    parser.add_argument("--out", type=Path, default=RESULTS / "million.json")
    options = parser.parse_args()
    if options.one:
        print(json.dumps(measure(options.one)))
        return
    found = {}
    if options.out.exists():
        found = json.loads(options.out.read_text())["estimators"]
    for name in options.estimators:
        done = subprocess.run(
            [sys.executable, __file__, "--one", name],
            env={**os.environ, "OMP_NUM_THREADS": str(options.threads)},
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
        found[name] = json.loads(done.stdout.splitlines()[-1])
        found[name]["threads"] = options.threads
        print(name, found[name], flush=True)
        write_json(
            options.out,
            {
                "rows": N_ROWS,
                "columns": N_COLUMNS,
                "machine": machine(),
                "estimators": {n: found[n] for n in NAMES if n in found},
            },
        )


if __name__ == "__main__":
    main()
