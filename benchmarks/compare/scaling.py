"""Seconds and megabytes of each estimator at three numbers of rows, by asv.

    python benchmarks/compare/scaling.py [--estimators NAME ...]

runs ``benchmarks/asv`` with one thread in the environment of this Python and puts what
it has measured into ``results/scaling.json``; what is there of other estimators stays.
An exponent is the slope of the logarithms of seconds between 1e4 and 1e5 rows, without
what the rows and the imports take.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
from report import RESULTS, machine, write_json

ASV = Path(__file__).parents[1] / "asv"
sys.path.insert(0, str(ASV))

from fits.benchmarks import N_COLUMNS, Fit  # noqa: E402

NAMES, SIZES = Fit.params


def run(name, folder):
    """What asv measures of an estimator: seconds and bytes by number of rows."""
    settings = json.loads((ASV / "asv.conf.json").read_text())
    paths = {"repo": str(ASV.parents[1]), "benchmark_dir": str(ASV / "fits")}
    config = folder / "asv.conf.json"
    results = folder / "results"
    config.write_text(json.dumps({**settings, **paths, "results_dir": str(results)}))
    asv = [sys.executable, "-m", "asv"]
    shared = ["--config", str(config), "--machine", "here"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "HOME": str(folder)}
    for command in (
        [*asv, "machine", *shared, "--yes"],
        [
            *asv,
            "run",
            *shared,
            *("--environment", f"existing:{sys.executable}"),
            *("--set-commit-hash", "HEAD"),
            *("--bench", rf"Fit.*\({re.escape(repr(name))}, "),
        ],
    ):
        done = subprocess.run(
            command, env=environment, cwd=folder, capture_output=True, text=True
        )
        if done.returncode:
            raise RuntimeError(done.stdout[-3000:] + done.stderr[-3000:])
    (path,) = (p for p in (results / "here").iterdir() if p.name != "machine.json")
    measured = json.loads(path.read_text())["results"]
    found = {}
    for kind in ("time", "peakmem"):
        values, *_ = measured[f"benchmarks.Fit.{kind}_fit"]
        table = np.array(values, dtype=float).reshape(len(NAMES), len(SIZES))
        found[kind] = table[NAMES.index(name)].tolist()
    return found


def exponent(seconds):
    """The slope between the last two numbers of rows."""
    return float(np.log(seconds[2] / seconds[1]) / np.log(SIZES[2] / SIZES[1]))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--estimators", nargs="+", default=NAMES, choices=NAMES)
    parser.add_argument("--out", type=Path, default=RESULTS / "scaling.json")
    options = parser.parse_args()
    rows = {}
    if options.out.exists():
        rows = json.loads(options.out.read_text())["estimators"]
    for name in options.estimators:
        with tempfile.TemporaryDirectory() as folder:
            measured = run(name, Path(folder))
        rows[name] = {
            "seconds": measured["time"],
            "peak_megabytes": [size / 2**20 for size in measured["peakmem"]],
            "exponent": exponent(measured["time"]),
        }
        print(name, json.dumps(rows[name]), flush=True)
        known = {name: rows[name] for name in NAMES if name in rows}
        settings = {"rows": SIZES, "columns": N_COLUMNS, "machine": machine()}
        write_json(options.out, {**settings, "estimators": known})


if __name__ == "__main__":
    main()
