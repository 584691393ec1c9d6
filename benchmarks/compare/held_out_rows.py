"""How many held-out rows V it takes to learn a mix, where rows are biased or not.

    python benchmarks/compare/held_out_rows.py

The table and the forest of the example on held-out rows from another distribution: 120
training rows, of which those with high labels are rare, or none are; the V are the
first of 200 fair rows, and 122 more are for testing. A finished split is kept in a
scratch file, where an interrupted run goes on.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import torch
from problems import BIAS, take
from report import RESULTS, Scratch, machine, paired, write_json
from sklearn.base import clone
from sklearn.datasets import load_diabetes
from sklearn.ensemble import RandomForestRegressor

from skmix.regression import MixRLResampler

N_TRAIN, MAX_VAL = 120, 200
N_VAL = (25, 50, 100, 200)
RULES = {"biased": BIAS, "fair": 0.0}
FOREST = RandomForestRegressor(50, random_state=0)


def draw_rows(bias, seed):
    """Training rows with weights exp(-bias z), z the standardised label; the others."""
    X, y = load_diabetes(return_X_y=True)
    rng = np.random.RandomState(seed)
    weight = np.exp(-bias * (y - y.mean()) / y.std())
    train = rng.choice(len(X), N_TRAIN, replace=False, p=weight / weight.sum())
    rest = rng.permutation(np.setdiff1d(np.arange(len(X)), train))
    return X, y, train, rest[:MAX_VAL], rest[MAX_VAL:]


def one_split(bias, seed):
    """Test errors of the arms for each number of held-out rows."""
    X, y, train, val, test = draw_rows(bias, seed)
    results = {}
    for n_val in N_VAL:
        rows = take(X, y, train, val[:n_val], test)

        def error(made, rows=rows):
            return rows.rmse(clone(FOREST).fit(*made).predict(rows.X_test))

        mixrl = MixRLResampler(FOREST, guard=False, device="cpu", random_state=seed)
        guarded = clone(mixrl).set_params(guard=True)
        results[str(n_val)] = {
            "train only": error(rows.train),
            "MixRL": error(mixrl.fit_resample(*rows.train, **rows.held_out)),
            "MixRL, guarded": error(guarded.fit_resample(*rows.train, **rows.held_out)),
            "train + V": error(rows.train_and_val),
            "accepted": guarded.accepted_,
        }
    return results


def summary(parts):
    """Differences to training without V, for each rule and number of held-out rows."""
    table = []
    for rule in RULES:
        splits = [result for part, result in parts.items() if part.startswith(rule)]
        for n_val in N_VAL:
            found = [split[str(n_val)] for split in splits]
            columns = {key: np.array([f[key] for f in found]) for key in found[0]}
            accepted, plain = columns.pop("accepted"), columns["train only"]
            table.append(
                {
                    "rule": rule,
                    "n_val": n_val,
                    "splits": len(splits),
                    "accepted": float(accepted.mean()),
                    "rmse": float(plain.mean()),
                    **{arm: paired(errors, plain) for arm, errors in columns.items()},
                }
            )
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=30)
    parser.add_argument("--scratch", type=Path, default=Path("held_out_rows.jsonl"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    scratch = Scratch(options.scratch, {})
    for rule, bias in RULES.items():
        for seed in range(options.splits):
            part = f"{rule}/{seed}"
            if part not in scratch.read():
                scratch.write(part, one_split(bias, seed))
    parts = scratch.read()
    table = summary(parts)
    write_json(
        options.out / "held_out_rows.json",
        {"machine": machine(), "summary": table, "parts": parts},
    )
    for row in table:
        print(row)


if __name__ == "__main__":
    main()
