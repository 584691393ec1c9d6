"""What learned weights cost, and DVRL next to that of OpenDataVal.

    python benchmarks/compare/weighting_cost.py --rivals-python PYTHON

Each figure comes from a process of its own, with one thread; a first fit, which pays
for what is imported, is not counted. A ratio is that of the CPU seconds of a fit with
weights to one of the same network with all weights equal, the best of several turns of
each, taken in turns. Both programs of DVRL value the same rows for the same logistic
regression; PYTHON has what valuation_rival.py asks for.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import tempfile
import time
import warnings
from pathlib import Path

import numpy as np
import torch
from cost import in_a_process
from report import RESULTS, machine, write_json
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from weighting import make_problem

from skmix.weighting import SampleWeightLearner

METHODS = ("normalized", "hu", "ren", "meta_net")
CASES = ("digits", "annthyroid", "energy", "cifar10")
TURNS = {"digits": 7, "annthyroid": 5, "energy": 7, "cifar10": 2}
N_ROWS, N_COLUMNS = 100_000, 50
RIVAL_SEEDS = range(200, 205)
# Rows of a batch: the rival's default, and all, which is ours.
RIVAL_BATCHES = (32, 600)


def of_a_fit(data):
    """CPU seconds of fits by each method, and with equal weights."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    problem = make_problem(data, "symmetric", 0.4, 0)
    rows = problem.X, problem.y, problem.X_val, problem.y_val
    seconds = {name: [] for name in ("equal", *METHODS)}
    for turn in range(TURNS[data] + 1):
        for name, taken in seconds.items():
            # Weights that never begin to be learned are equal.
            params = {"warm_up": 10**6} if name == "equal" else {"method": name}
            learner = SampleWeightLearner(device="cpu", random_state=0, **params)
            start = time.process_time()
            learner.fit(*rows)
            if turn:
                taken.append(time.process_time() - start)
    best = {name: min(taken) for name, taken in seconds.items()}
    return {
        "data": data,
        "seconds": best,
        "ratio": {name: best[name] / best["equal"] for name in METHODS},
    }


def of_many_rows(method):
    """CPU seconds and megabytes for many rows."""
    torch.set_num_threads(1)
    rng = np.random.RandomState(0)
    X = rng.normal(size=(N_ROWS, N_COLUMNS)).astype(np.float32)
    y = (X[:, 0] + 0.5 * rng.normal(size=N_ROWS) > 0).astype(int)
    few = slice(200)
    SampleWeightLearner(method, max_iter=1, random_state=0).fit(X[few], y[few])
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.process_time()
    learner = SampleWeightLearner(method, device="cpu", random_state=0).fit(X, y)
    return {
        "method": method,
        "rows": N_ROWS,
        "columns": N_COLUMNS,
        "epochs": learner.n_iter_,
        "cpu_seconds": time.process_time() - start,
        "peak_megabytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "peak_megabytes_before": before / 1024,
    }


def of_valuation(seed, python):
    """Seconds and areas under ROC curves of both programs of DVRL."""
    torch.set_num_threads(1)
    seed = int(seed)
    problem = make_problem("digits", "symmetric", 0.4, seed)
    learner = SampleWeightLearner(
        "dvrl",
        estimator=LogisticRegression(max_iter=200),
        device="cpu",
        random_state=seed,
    )
    warnings.simplefilter("ignore")
    start = time.process_time()
    learner.fit(problem.X, problem.y, problem.X_val, problem.y_val)
    ours = {
        "cpu_seconds": time.process_time() - start,
        "auc": roc_auc_score(~problem.is_wrong, learner.sample_weight_),
        "fits": 4 * learner.n_iter_,
    }
    with tempfile.TemporaryDirectory() as folder:
        source, target = (Path(folder) / name for name in ("rows.npz", "found.npz"))
        np.savez(
            source,
            X=problem.X,
            y=problem.y,
            X_val=problem.X_val,
            y_val=problem.y_val,
            seed=seed,
            batch_sizes=RIVAL_BATCHES,
        )
        here = Path(__file__).parent / "valuation_rival.py"
        subprocess.run([python, here, source, target], check=True, capture_output=True)
        found = np.load(target)
        theirs = [
            {
                "batch": size,
                "cpu_seconds": float(found[f"seconds_{size}"]),
                "auc": roc_auc_score(~problem.is_wrong, found[f"values_{size}"]),
                "fits": 1000,
            }
            for size in RIVAL_BATCHES
        ]
    return {"seed": seed, "ours": ours, "theirs": theirs}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rivals-python")
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--one", nargs="+", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.one:
        kind, *arguments = options.one
        measure = {"fit": of_a_fit, "rows": of_many_rows, "value": of_valuation}[kind]
        print(json.dumps(measure(*arguments)))
        return
    content = {"machine": machine(), "fit": [], "many_rows": [], "valuation": []}
    jobs = [("fit", "fit", data) for data in CASES]
    jobs += [("many_rows", "rows", method) for method in METHODS]
    if options.rivals_python:
        jobs += [("valuation", "value", s, options.rivals_python) for s in RIVAL_SEEDS]
    for part, *arguments in jobs:
        one = in_a_process([__file__, "--one", *map(str, arguments)])
        content[part].append(one)
        print(one, flush=True)
    write_json(options.out / "weighting_cost.json", content)


if __name__ == "__main__":
    main()
