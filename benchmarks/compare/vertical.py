"""MixAnN next to anomaly detectors that know labels: XGBOD, DevNet and DeepSAD.

    python benchmarks/compare/vertical.py --rivals-python RIVALS_ENVIRONMENT/bin/python

Rows, splits and scores are those of imbalance.py, whose results stand beside. DevNet
and DeepSAD give scores, of which so many of the highest are called anomalies as there
are among the training rows, times 0.5, 1, 1.5 or 2. The paper reports the best of the
four by the labels of the test rows; so does "best threshold" here, which is too good
for a fair comparison, and the plain name is for 1 times. A finished part is kept in a
scratch file, where an interrupted run goes on; a detector that takes too long is kept
with that as its error.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import tempfile
import time
from itertools import product
from pathlib import Path

import numpy as np
import torch
from imbalance import DATA, SEEDS, one_row_of, score, split
from imbalance_arms import CLASSIFIERS
from report import RESULTS, Scratch, machine, write_json
from sklearn.metrics import average_precision_score

RIVALS = ("XGBOD", "DevNet", "DeepSAD")
MULTIPLES = (0.5, 1.0, 1.5, 2.0)
# Of each classifier of imbalance.py.
BESIDE = ("none", "MixAnN")
REFERENCES = ("none, boosted trees", "MixAnN, KNN", "MixAnN, boosted trees")


def run_rival(python, name, rows, seed, minutes):
    """Scores of the test rows, and CPU seconds; or an error."""
    X, y, X_test, _ = rows
    with tempfile.TemporaryDirectory() as folder:
        source, target = Path(folder, "rows.npz"), Path(folder, "result.npz")
        np.savez(source, X=X, y=y, X_test=X_test, seed=seed)
        script = Path(__file__).with_name("vertical_rival.py")
        run = subprocess.run(
            [python, script, name, source, target],
            env={**os.environ, "OMP_NUM_THREADS": "1"},
            capture_output=True,
            text=True,
            check=False,
            timeout=60 * minutes,
        )
        if run.returncode:
            raise RuntimeError(run.stderr.strip().splitlines()[-1])
        made = np.load(target)
        return made["scores"], float(made["seconds"])


def one_part(python, data, name, seed, minutes):
    """Scores and cost by the name of the outcome, or why there are none."""
    rows = split(data, seed)
    try:
        scores, seconds = run_rival(python, name, rows, seed, minutes)
    except subprocess.TimeoutExpired:
        return {name: {"error": f"more than {minutes:g} minutes"}}
    except RuntimeError as error:
        return {name: {"error": str(error)}}
    y, y_test = rows[1], rows[3]
    if name == "XGBOD":
        result = score(y_test, scores > 0.5, scores)
        return {name: {**result, "fit_seconds": seconds}}
    ordered = {"average_precision": average_precision_score(y_test, scores)}
    by_multiple = {
        multiple: {
            **score(y_test, highest(scores, multiple * y.mean())),
            **ordered,
            "multiple": multiple,
            "fit_seconds": seconds,
        }
        for multiple in MULTIPLES
    }
    best = max(by_multiple.values(), key=lambda result: result["f1"])
    return {name: by_multiple[1.0], f"{name}, best threshold": best}


def highest(scores, part):
    """Which scores are among the highest, so many that they are this part of all."""
    chosen = np.zeros(len(scores), dtype=bool)
    chosen[np.argsort(-scores)[: round(part * len(scores))]] = True
    return chosen


def beside(path):
    """The same splits without mixing and with MixAnN, for each classifier."""
    outcomes = {}
    if not path.exists():
        return outcomes
    for part, results in json.loads(path.read_text())["parts"].items():
        data, classifier, seed, arm = part.split("/")
        if arm in BESIDE:
            key = data, f"{arm}, {classifier}"
            outcomes.setdefault(key, {})[seed] = results[arm]
    return outcomes


def summary(parts, others):
    """One row to each data set and arm."""
    cases = {}
    for part, results in parts.items():
        data, seed, _ = part.split("/")
        for arm, result in results.items():
            cases.setdefault((data, arm), {})[seed] = result
    seeds = {part.split("/")[1] for part in parts}
    for key, by_seed in others.items():
        cases[key] = {seed: by_seed[seed] for seed in seeds if seed in by_seed}
    table = []
    for data in DATA:
        by_arm = {arm: found for (name, arm), found in cases.items() if name == data}
        table += [
            {"data": data, "arm": arm, **one_row_of(arm, by_arm, REFERENCES)}
            for arm in sorted(by_arm, key=place)
        ]
    return table


def place(arm):
    """Rivals first, then classifiers in their order."""
    first, _, classifier = arm.partition(", ")
    if first in RIVALS:
        return 0, RIVALS.index(first), len(arm)
    return 1, list(CLASSIFIERS).index(classifier), BESIDE.index(first)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rivals-python", required=True)
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument("--rivals", nargs="+", choices=RIVALS, default=list(RIVALS))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--rival-minutes", type=float, default=60)
    parser.add_argument("--max-minutes", type=float, default=np.inf)
    parser.add_argument("--scratch", type=Path, default=Path("vertical.jsonl"))
    parser.add_argument("--beside", type=Path, default=RESULTS / "imbalance.json")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings = {"rival_minutes": options.rival_minutes}
    scratch = Scratch(options.scratch, settings)
    end = time.monotonic() + 60 * options.max_minutes
    for seed, data, name in product(options.seeds, options.data, options.rivals):
        part = f"{data}/{seed}/{name}"
        if part in scratch.read():
            continue
        if time.monotonic() > end:
            break
        result = one_part(
            options.rivals_python, data, name, seed, options.rival_minutes
        )
        scratch.write(part, result)
        print(part, {k: v.get("f1", v) for k, v in result.items()}, flush=True)
    parts = dict(sorted(scratch.read().items()))
    table = summary(parts, beside(options.beside))
    write_json(
        options.out / "vertical.json",
        {"settings": settings, "machine": machine(), "summary": table, "parts": parts},
    )
    for row in table:
        print(row["data"], row["arm"], row["f1"], row.get("fit_seconds"))


if __name__ == "__main__":
    main()
