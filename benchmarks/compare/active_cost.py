"""What a query costs: seconds of the look-ahead, and memory for a large pool.

    python benchmarks/compare/active_cost.py

Each figure comes from a process of its own, with one thread; a first small query, which
pays for what is imported, is not counted. Seconds are those of a clock.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np
from cost import in_a_process
from report import RESULTS, machine, write_json
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression

from skmix.active import LADASelector

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
        "megabytes_of_X": X.nbytes / 2**20,
    }


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
        made = of_pairs() if options.part == ["pairs"] else of_pool(*options.part)
        print(json.dumps(made))
        return

    def measure(*part):
        return in_a_process([__file__, "--part", *part])

    content = {
        "settings": {"pool": POOL, "columns": COLUMNS, "labels": LABELS},
        "machine": machine(),
        "look_ahead": measure("pairs"),
        "pools": [
            measure(name, classifier)
            for classifier in CLASSIFIERS
            for name in SELECTORS
        ],
    }
    write_json(options.out / "active_cost.json", content)
    print(content["look_ahead"])
    for row in content["pools"]:
        print(row)


if __name__ == "__main__":
    main()
