"""Learned weights of rows next to other ways to deal with wrong and with rare labels.

    python benchmarks/compare/weighting.py

A few rows with labels that are known to be right (five of each class of the digits) and
many rows of which a share is wrong, or one class of which is rare. All arms of a part
have the same rows and seeds, so that differences are paired. Seeds from 200 on; those
below 200 were for development.

A finished part is kept in a scratch file, where an interrupted run goes on. The results
are written at the end, also of a run that --max-minutes stops. What fits cost is
measured by weighting_cost.py.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from functools import lru_cache
from itertools import product
from pathlib import Path
from typing import NamedTuple

import numpy as np
import torch
from problems import load as load_table
from report import RESULTS, Scratch, machine, paired, write_json
from sklearn.base import is_classifier
from sklearn.datasets import load_digits
from sklearn.metrics import balanced_accuracy_score, r2_score, roc_auc_score
from weighting_arms import ARMS, DOWNSTREAM

from skmix.datasets import load_annthyroid

SEEDS = range(200, 210)
CIFAR_SEEDS = range(200, 203)
# Rows to train on, and clean rows, of each class but for energy.
SIZES = {
    "digits": (600, 5),
    "annthyroid": (2000, 25),
    "energy": (400, 50),
    "cifar10": (1000, 10),
}
RATES = (0, 0.2, 0.4)
KINDS = ("symmetric", "pairwise")
# Rows of the rare class; the other class has all that there are up to so many.
RARE = (20, 50, 100)
FREQUENT = {"digits": 700, "cifar10": 390}
CLEAN_OF_TWO = 10


class Problem(NamedTuple):
    """Rows of one part: of some the label is wrong, clean ones, and test rows."""

    X: np.ndarray
    y: np.ndarray
    is_wrong: np.ndarray
    X_val: np.ndarray
    y_val: np.ndarray
    X_test: np.ndarray
    y_test: np.ndarray
    task: str

    def score(self, model):
        """Balanced accuracy, or R2, on the test rows, in hundredths."""
        score = balanced_accuracy_score if is_classifier(model) else r2_score
        return 100 * score(self.y_test, model.predict(self.X_test))


@lru_cache(maxsize=2)
def load(data):
    """All rows: features, standardised but for images, and labels."""
    if data == "cifar10":
        path = Path(os.environ["SKMIX_DATA"]) / "images/cifar10_subset.npz"
        with np.load(path) as file:
            X = np.concatenate([file["X_pool"], file["X_test"]])
            y = np.concatenate([file["y_pool"], file["y_test"]])
        return X.transpose(0, 3, 1, 2) / np.float32(255), y
    if data == "digits":
        X, y = load_digits(return_X_y=True)
    elif data == "energy":
        X, y = load_table("energy")
    else:
        X, y = load_annthyroid(return_X_y=True)
        X, y = np.asarray(X, float), np.asarray(y, int)
    scale = X.std(axis=0)
    return (X - X.mean(axis=0)) / np.where(scale > 0, scale, 1), y


def make_problem(data, kind, rate, seed):
    """Draw the rows of a part."""
    X, y = load(data)
    rng = np.random.RandomState(seed)
    order = rng.permutation(len(X))
    if kind == "imbalance":
        return rare_class(data, X[order], y[order], int(rate))
    X, y = X[order], y[order]
    n_train, n_clean = SIZES[data]
    if data == "energy":
        clean = np.arange(n_clean)
    else:
        clean = np.concatenate([np.flatnonzero(y == c)[:n_clean] for c in np.unique(y)])
    rest = np.setdiff1d(np.arange(len(X)), clean)
    train, test = rest[:n_train], rest[n_train:]
    is_wrong = rng.rand(n_train) < rate
    noisy = y[train].copy()
    noisy[is_wrong] = wrong_labels(y, noisy[is_wrong], kind, rng, data == "energy")
    task = "regression" if data == "energy" else "classification"
    parts = X[clean], y[clean], X[test], y[test]
    return Problem(X[train], noisy, is_wrong, *parts, task)


def wrong_labels(y, right, kind, rng, is_number):
    """Labels in place of right ones.

    Of classes any other, or the next; of numbers that of any row, or two standard
    deviations more.
    """
    if is_number:
        if kind == "symmetric":
            return rng.choice(y, len(right))
        return right + 2 * y.std()
    n_classes = y.max() + 1
    step = 1
    if kind == "symmetric":
        step = rng.randint(1, n_classes, len(right))
    return (right + step) % n_classes


def rare_class(data, X, y, n_rare):
    """Two classes, one of which is rare; clean and test rows have both alike."""
    if data == "digits":
        y = y % 2
    else:
        two = y < 2
        X, y = X[two], y[two]
    clean, train, test = [], [], []
    n_test = min(np.bincount(y)) - FREQUENT[data] - CLEAN_OF_TWO
    for label, n_rows in ((0, n_rare), (1, FREQUENT[data])):
        rows = np.flatnonzero(y == label)
        clean.append(rows[:CLEAN_OF_TWO])
        train.append(rows[CLEAN_OF_TWO:][:n_rows])
        test.append(rows[::-1][:n_test])
    clean, train, test = map(np.concatenate, (clean, train, test))
    is_wrong = np.zeros(len(train), dtype=bool)
    parts = X[clean], y[clean], X[test], y[test]
    return Problem(X[train], y[train], is_wrong, *parts, "classification")


def one_part(data, kind, rate, seed):
    """Scores by arm and estimator, areas under ROC curves and seconds by arm."""
    problem = make_problem(data, kind, rate, seed)
    names = DOWNSTREAM
    if data == "cifar10":
        names = ("ResNet",) if kind == "imbalance" else ("CNN",)
    result = {"score": {}, "auc": {}, "seconds": {}, "accepted": {}}
    for name, arm in ARMS.items():
        if not arm.takes_part(data, kind, problem):
            continue
        start = time.perf_counter()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            models, weight = arm.fit(problem, names, seed)
        result["seconds"][name] = time.perf_counter() - start
        result["score"][name] = {n: problem.score(m) for n, m in models.items()}
        accepted = {
            n: m.accepted_ for n, m in models.items() if hasattr(m, "accepted_")
        }
        if accepted:
            result["accepted"][name] = accepted
        if weight is not None and problem.is_wrong.any():
            result["auc"][name] = roc_auc_score(~problem.is_wrong, weight)
    return result


def plan(options):
    """What there is to do, the cheap data sets first."""
    parts = []
    for data in options.data:
        seeds = options.seeds or (CIFAR_SEEDS if data == "cifar10" else SEEDS)
        cases = [("none", 0)]
        cases += [
            (kind, rate)
            for kind, rate in product(KINDS, RATES[1:])
            # Of two classes the other is the next.
            if data != "annthyroid" or kind == "symmetric"
        ]
        if data in FREQUENT:
            cases += [("imbalance", rare) for rare in RARE]
        parts += [(data, *case, seed) for seed in seeds for case in cases]
    return parts


def summary(parts):
    """A row to each data set, kind, rate, estimator and arm."""
    cases = {}
    for part, result in parts.items():
        data, kind, rate, seed = part.split("/")
        cases.setdefault((data, kind, float(rate)), {})[seed] = result
    rows = []
    for (data, kind, rate), by_seed in sorted(cases.items()):
        results = list(by_seed.values())
        names = list(results[0]["score"]["unweighted"])
        for name, arm in product(names, ARMS):
            if arm not in results[0]["score"]:
                continue
            own = np.array([r["score"][arm][name] for r in results])
            row = {
                "data": data,
                "kind": kind,
                "rate": rate,
                "estimator": name,
                "arm": arm,
                "seeds": len(own),
                "score": [own.mean(), own.std()],
            }
            others = ("unweighted", "plus clean rows", "class weights")
            for other in (o for o in others if o in results[0]["score"]):
                theirs = [r["score"][other][name] for r in results]
                if other != arm:
                    row[f"minus {other}"] = paired(own, theirs)
            if arm in results[0]["auc"]:
                row["auc"] = float(np.mean([r["auc"][arm] for r in results]))
            if arm in results[0]["accepted"]:
                row["accepted"] = float(
                    np.mean([r["accepted"][arm][name] for r in results])
                )
            row["seconds"] = float(np.mean([r["seconds"][arm] for r in results]))
            rows.append(row)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--seeds", nargs="+", type=int)
    parser.add_argument("--max-minutes", type=float, default=np.inf)
    parser.add_argument("--scratch", type=Path, default=Path("weighting.jsonl"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings = {"sizes": SIZES, "frequent": FREQUENT, "clean of two": CLEAN_OF_TWO}
    scratch = Scratch(options.scratch, settings)
    end = time.monotonic() + 60 * options.max_minutes
    for part in plan(options):
        name = "/".join(map(str, part))
        if name in scratch.read():
            continue
        if time.monotonic() > end:
            break
        scratch.write(name, one_part(*part))
        print(name, flush=True)
    parts = dict(sorted(scratch.read().items()))
    content = {"settings": settings, "machine": machine(), "summary": summary(parts)}
    write_json(options.out / "weighting.json", content | {"parts": parts})
    for row in content["summary"]:
        print(*(row[k] for k in ("data", "kind", "rate", "estimator", "arm", "score")))


if __name__ == "__main__":
    main()
