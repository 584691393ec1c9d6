"""What active learning costs: seconds of a round, the look-ahead, and a large pool.

    python benchmarks/compare/active_cost.py

Each figure comes from a process of its own, with one thread; a first query, which pays
for what is imported, is not counted. Seconds are those of a clock. A round is a query
and the training on its answers. All ways to choose rows take turns, round by round, so
that what slows the machine slows them all; a ratio is one of mean seconds.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np
import torch
from active import split
from active_arms import make_estimator, make_selector, takes_part
from cost import in_a_process
from report import RESULTS, machine, write_json
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from skmix.active import ActiveLearningLoop, LADASelector

# Data, classifier and labels: 80 are the mean of active.py, 510 that of the paper.
ROUNDS = (
    ("digits", "RandomForest", 80),
    ("digits", "LogisticRegression", 80),
    ("digits", "MLP", 80),
    ("digits", "CNN", 80),
    ("cifar10", "CNN", 80),
    ("cifar10", "CNN", 510),
)
ROUND_ARMS = (
    "Random",
    "Entropy",
    "Margin",
    "BALD",
    "Coreset",
    "BADGE",
    "VAAL",
    "BGADL",
    "Entropy, then mixing",
    "Entropy, then AdaMixup",
    "LADA, fixed",
    "LADA, quadrature",
    "LADA",
    "LADA, STN fixed",
    "LADA, STN",
    "spread margin",
    "no mixed rows",
    "default",
)
N_ROUNDS = 6

POOL, COLUMNS, LABELS = 200_000, 50, 200
SELECTORS = {
    "default": {},
    "Margin": {"augmentation": None, "diversity": None},
    "BADGE": {"acquisition": "badge", "augmentation": None},
    "Coreset": {"acquisition": "coreset", "augmentation": None},
    "LADA": {
        "acquisition": "entropy",
        "pairing": "random",
        "diversity": None,
        "max_candidates": 2000,
    },
}
CLASSIFIERS = {
    "LogisticRegression": LogisticRegression(),
    "RandomForest": RandomForestClassifier(random_state=0),
}
REPEATS = 5


def of_rounds(data, classifier, n_labels):
    """Seconds of a round by each way to choose rows."""
    torch.set_num_threads(1)
    n_labels = int(n_labels)
    X, truth, *_ = split(data, classifier, 0)
    y = np.full(len(X), np.nan)
    known = np.random.RandomState(0).permutation(len(X))[:n_labels]
    y[known] = truth[known]
    loops, took = {}, {}
    for arm in ROUND_ARMS:
        # What is too slow for the learning curves is not for a few rounds.
        if takes_part(arm, classifier, "digits"):
            estimator = make_estimator(arm, classifier, 0, X)
            loop = ActiveLearningLoop(
                make_selector(arm, classifier, 0), estimator, random_state=0
            )
            loops[arm] = loop.start(X, y)
    for turn in range(N_ROUNDS + 1):
        for arm, loop in loops.items():
            loop.tell(truth[loop.ask()])
            line = [loop.history_[name][-1] for name in ("query_time", "fit_time")]
            if turn:
                took.setdefault(arm, []).append(line)
    of_random = np.sum(took["Random"])
    return [
        {
            "data": data,
            "classifier": classifier,
            "labels": n_labels,
            "arm": arm,
            "query_seconds": float(np.mean(seconds, axis=0)[0]),
            "fit_seconds": float(np.mean(seconds, axis=0)[1]),
            "round to Random": float(np.sum(seconds) / of_random),
        }
        for arm, seconds in took.items()
    ]


def pool(n_rows):
    """Normal rows, of which the first have one of three labels."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(n_rows, COLUMNS))
    y = np.full(n_rows, np.nan)
    y[:LABELS] = (X[:LABELS, 0] + X[:LABELS, 1] > 0).astype(int) + (X[:LABELS, 2] > 0)
    return X, y


def of_pool(name, classifier):
    """Seconds and megabytes of a query on a large pool."""
    selector = LADASelector(CLASSIFIERS[classifier], random_state=0, **SELECTORS[name])
    clone(selector).query(*pool(1000), batch_size=10)
    X, y = pool(POOL)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    start = time.perf_counter()
    selector.query(X, y, batch_size=10)
    return {
        "selector": name,
        "classifier": classifier,
        "seconds": time.perf_counter() - start,
        "megabytes": (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before)
        / 1024,
        "bound": bound(selector, len(np.unique(y[:LABELS]))) * 8 / 2**20,
        "megabytes_of_X": X.nbytes / 2**20,
    }


def bound(selector, n_classes):
    """Numbers that a query takes at most, as the notes of LADASelector have it."""
    if selector.acquisition in ("badge", "coreset"):
        return POOL * (2 * COLUMNS + n_classes + 10)
    return 8 * POOL + 40_000 * (COLUMNS + n_classes)


def of_pairs():
    """Seconds that the look-ahead at 1000 pairs adds to a query, on digits."""
    X, truth = load_digits(return_X_y=True)
    X, truth = np.concatenate([X, X + 0.01]), np.concatenate([truth, truth])
    y = np.full(len(X), np.nan)
    y[:140] = truth[:140]
    forest = RandomForestClassifier(random_state=0).fit(X[:140], truth[:140])
    pairs = {"acquisition": "entropy", "pairing": "random", "diversity": None}
    rows = np.arange(140, 2140)
    seconds = {}
    for name, settings in (("pairs", pairs), ("rows", {**pairs, "augmentation": None})):
        selector = LADASelector(random_state=0, **settings)
        took = []
        for _ in range(REPEATS + 1):
            start = time.perf_counter()
            selector.query(
                X, y, clf=forest, fit_clf=False, candidates=rows, batch_size=10
            )
            took.append(time.perf_counter() - start)
        seconds[name] = took[1:]
    return {
        "pairs": len(rows) // 2,
        "seconds": float(np.median(seconds["pairs"])),
        "seconds_of_rows": float(np.median(seconds["rows"])),
        "look_ahead_seconds": float(
            np.median(seconds["pairs"]) - np.median(seconds["rows"])
        ),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=RESULTS)
    parser.add_argument("--part", nargs="+", help="what one of the processes measures")
    options = parser.parse_args()
    if options.part:
        kind, *rest = options.part
        made = {"pairs": of_pairs, "pool": of_pool, "rounds": of_rounds}[kind](*rest)
        print(json.dumps(made))
        return

    def measure(*part):
        return in_a_process([__file__, "--part", *map(str, part)])

    content = {
        "settings": {"pool": POOL, "columns": COLUMNS, "labels": LABELS},
        "machine": machine(),
        "look_ahead": measure("pairs"),
        "rounds": [row for case in ROUNDS for row in measure("rounds", *case)],
        "pools": [
            measure("pool", name, classifier)
            for classifier in CLASSIFIERS
            for name in SELECTORS
        ],
    }
    write_json(options.out / "active_cost.json", content)
    print(content["look_ahead"])
    for row in (*content["rounds"], *content["pools"]):
        print(row)


if __name__ == "__main__":
    main()
