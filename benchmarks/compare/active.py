"""LADA next to other ways to choose what to label, with the labels of real data.

    python benchmarks/compare/active.py

Twenty labels at the start, two of each class, and ten more in each of twelve rounds.
Seven tenths of the rows are the pool; the rest is for testing, after each round, and
nothing else looks at it. All arms have the same splits, first labels and seeds, so that
differences are paired. Seeds from 200 on; those below 200 were for development.

A finished part is kept in a scratch file, where an interrupted run goes on. The results
are written at the end, also of a run that --max-minutes stops. What rounds cost is
measured by active_cost.py.
"""

from __future__ import annotations

import argparse
import os
import time
from functools import lru_cache
from itertools import product
from pathlib import Path

import numpy as np
import torch
from active_arms import (
    ARMS,
    CLASSIFIERS,
    make_estimator,
    make_selector,
    takes_part,
)
from report import RESULTS, Scratch, machine, paired, write_json
from sklearn.datasets import load_digits
from sklearn.model_selection import train_test_split

from skmix.active import ActiveLearningLoop

DATA = ("digits", "cifar10")
SEEDS = {"digits": range(200, 220), "cifar10": range(200, 204)}
CLASSIFIERS_OF = {
    "digits": ("RandomForest", "LogisticRegression", "MLP", "CNN", "MLP, warm"),
    "cifar10": ("CNN",),
}
# What "mean" is the mean of, seed by seed.
OF_THE_MEAN = ("RandomForest", "LogisticRegression", "MLP", "CNN")
FIRST, BATCH, ROUNDS = 2, 10, 12
REFERENCES = ("Random", "Entropy", "Margin", "BADGE", "default")


@lru_cache(maxsize=1)
def load(data):
    """Rows and classes: all, or a pool and rows to test on."""
    if data == "digits":
        X, y = load_digits(return_X_y=True)
        return X.reshape(-1, 1, 8, 8) / 16, y
    with np.load(Path(os.environ["SKMIX_DATA"]) / "images/cifar10_subset.npz") as file:
        parts = [
            (
                file[f"X_{part}"].transpose(0, 3, 1, 2) / np.float32(255),
                file[f"y_{part}"],
            )
            for part in ("pool", "test")
        ]
    return parts


def split(data, classifier, seed):
    """Pool and test rows, and the rows that have a label from the start."""
    if data == "cifar10":
        (X, y), (X_test, y_test) = load(data)
    else:
        X, y = load(data)
        X = X if classifier == "CNN" else X.reshape(len(X), -1)
        X, X_test, y, y_test = train_test_split(
            X, y, test_size=0.3, stratify=y, random_state=seed
        )
    rng = np.random.RandomState(seed)
    first = [rng.choice(np.flatnonzero(y == c), FIRST, False) for c in np.unique(y)]
    return X, y, X_test, y_test, np.concatenate(first)


def one_part(data, classifier, seed, arm):
    """Scores of each round."""
    X, y, X_test, y_test, first = split(data, classifier, seed)
    known = np.full(len(y), np.nan)
    known[first] = y[first]
    loop = ActiveLearningLoop(
        make_selector(arm, classifier, seed),
        make_estimator(arm, classifier, seed, X),
        batch_size=BATCH,
        budget=BATCH * ROUNDS,
        random_state=seed,
    )
    return loop.run(X, known, y, X_test=X_test, y_test=y_test).history_["score"]


def area(score):
    """Area under the learning curve: the mean score over the number of labels."""
    score = np.array(score)
    return 100 * float(np.mean((score[1:] + score[:-1]) / 2))


def plan(options):
    """What there is to do, the default and its rivals first."""
    parts = [
        (data, classifier, seed, arm)
        for data in options.data
        for classifier, seed, arm in product(
            CLASSIFIERS_OF[data], options.seeds or SEEDS[data], options.arms
        )
        if classifier in options.classifiers and takes_part(arm, classifier, data)
    ]
    slow = {"LogisticRegression": 0, "RandomForest": 1, "MLP": 2, "MLP, warm": 3}
    return sorted(
        parts,
        key=lambda p: (p[0] == "cifar10", slow.get(p[1], 4), p[3] not in FIRST_ARMS),
    )


FIRST_ARMS = (*REFERENCES, "spread margin", "no look-ahead", "no mixed rows")


def summary(parts):
    """A row to each data set, classifier and arm."""
    cases = {}
    for name, result in parts.items():
        data, classifier, seed, arm = name.split("/")
        cases.setdefault((data, classifier), {}).setdefault(arm, {})[seed] = result
    of_digits = [cases.get(("digits", name), {}) for name in OF_THE_MEAN]
    cases["digits", "mean"] = mean_case(of_digits)
    rows = []
    for data, classifier in product(DATA, (*CLASSIFIERS, "mean")):
        by_arm = cases.get((data, classifier), {})
        for arm in sorted(by_arm, key=list(ARMS).index):
            row = {"data": data, "classifier": classifier, "arm": arm}
            rows.append(row | one_row(by_arm, arm))
    return rows


def mean_case(by_classifier):
    """Mean curves over classifiers, of the arms and seeds that all of them have."""
    first, *others = by_classifier
    mean = {}
    for arm, results in first.items():
        both = set(results).intersection(*(other.get(arm, {}) for other in others))
        curves = {
            seed: np.mean([case[arm][seed] for case in by_classifier], axis=0).tolist()
            for seed in sorted(both)
        }
        if curves:
            mean[arm] = curves
    return mean


def one_row(by_arm, arm):
    """Means of an arm, and paired differences to the others."""
    own = by_arm[arm]
    row = {"seeds": len(own)}
    curves = np.array([*own.values()]) * 100
    row["curve"] = curves.mean(axis=0).tolist()
    areas = {seed: area(score) for seed, score in own.items()}
    row["area"] = [float(np.mean([*areas.values()])), float(np.std([*areas.values()]))]
    row["final"] = float(curves[:, -1].mean())
    for other in REFERENCES:
        theirs = by_arm.get(other, {})
        both = [seed for seed in own if seed in theirs]
        if len(both) < 2 or other == arm:
            continue
        gains = [areas[seed] - area(theirs[seed]) for seed in both]
        last = [100 * (own[seed][-1] - theirs[seed][-1]) for seed in both]
        row[f"minus {other}"] = {
            "area": paired(gains, np.zeros(len(both))),
            "final": paired(last, np.zeros(len(both))),
            "wins": sum(gain > 0 for gain in gains),
        }
    return row


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument(
        "--classifiers", nargs="+", choices=CLASSIFIERS, default=list(CLASSIFIERS)
    )
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--seeds", nargs="+", type=int)
    parser.add_argument("--max-minutes", type=float, default=np.inf)
    parser.add_argument("--scratch", type=Path, default=Path("active.jsonl"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings = {"first": FIRST, "batch": BATCH, "rounds": ROUNDS}
    scratch = Scratch(options.scratch, settings)
    end = time.monotonic() + 60 * options.max_minutes
    for part in plan(options):
        name = "/".join(map(str, part))
        if name in scratch.read():
            continue
        if time.monotonic() > end:
            break
        result = one_part(*part)
        scratch.write(name, result)
        print(name, round(area(result), 2), flush=True)
    parts = dict(sorted(scratch.read().items()))
    content = {"settings": settings, "machine": machine(), "summary": summary(parts)}
    write_json(options.out / "active.json", content | {"parts": parts})
    for row in content["summary"]:
        margin = row.get("minus Margin", {}).get("area")
        print(row["data"], row["classifier"], row["arm"], row["area"][0], margin)


if __name__ == "__main__":
    main()
