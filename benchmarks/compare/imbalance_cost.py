"""What learned oversampling costs on one core: seconds, megabytes, fits, a time limit.

    python benchmarks/compare/imbalance_cost.py

The training rows are those of imbalance.py. Each figure comes from a process of its
own, with one thread; a first small fit, which pays for what is imported, is not
counted. Seconds are CPU seconds, but for max_time, which is about those of a clock.
"""

from __future__ import annotations

import argparse
import json
import resource
import time
from pathlib import Path

import numpy as np
from cost import in_a_process
from imbalance import DATA, split
from imbalance_arms import CLASSIFIERS
from report import RESULTS, Stopwatch, machine, write_json
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.neighbors import KNeighborsClassifier

from skmix import imbalance
from skmix.imbalance import MixAnNSampler

SEEDS = (0, 1, 2)
SAMPLERS = ("MixAnN", "AutoSMOTE")
GIVEN = ("logistic regression", "boosted trees", "MLP")
TIMED, MAX_TIMES = ("vowels", "smtp"), (2, 5, 10)
# More policies than there is time for.
ENDLESS = 100_000
# CPU seconds of the official code of AutoSMOTE on vowels with KNN(10), in 1000
# episodes: measured once, apart from this script, as it needs older libraries.
OFFICIAL_AUTOSMOTE = 440


class Counted(ClassifierMixin, BaseEstimator):
    """A classifier that counts its fits, those of all copies together."""

    fits, seconds = 0, 0.0

    def __init__(self, estimator):
        self.estimator = estimator

    def fit(self, X, y):
        watch = Stopwatch()
        self.estimator_ = clone(self.estimator).fit(X, y)
        self.classes_ = self.estimator_.classes_
        Counted.fits += 1
        Counted.seconds += watch.read()
        return self

    def predict(self, X):
        return self.estimator_.predict(X)

    def predict_proba(self, X):
        return self.estimator_.predict_proba(X)


def warm_up(sampler):
    """Import what a fit needs."""
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(60, 2)), np.repeat([0, 1], [45, 15])
    sampler.fit_resample(X, y)


def of_sampler(name, data, seed):
    """Seconds and peak memory with the votes of nearest rows."""
    Sampler = getattr(imbalance, f"{name}Sampler")
    sampler = Sampler(KNeighborsClassifier(10), device="cpu", random_state=seed)
    warm_up(clone(sampler).set_params(max_time=0.1))
    X, y = split(data, seed)[:2]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    watch = Stopwatch()
    X_new = sampler.fit_resample(X, y)[0]
    seconds = watch.read()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {
        "sampler": name,
        "data": data,
        "seed": seed,
        "rows": len(X),
        "columns": X.shape[1],
        "new_rows": len(X_new) - len(X),
        "cpu_seconds": seconds,
        "peak_megabytes": peak / 1024,
        "peak_megabytes_before": before / 1024,
    }


def of_classifier(name, data):
    """Number of fits, and how much of the time they take."""
    X, y = split(data, 0)[:2]
    sampler = MixAnNSampler(Counted(CLASSIFIERS[name](0)), random_state=0)
    warm_up(sampler)
    Counted.fits, Counted.seconds = 0, 0.0
    watch = Stopwatch()
    sampler.fit_resample(X, y)
    return {
        "classifier": name,
        "data": data,
        "fits": Counted.fits,
        "cpu_seconds": watch.read(),
        "of_which_fits": Counted.seconds,
    }


def of_limit(name, data, max_time):
    """Seconds that a fit takes which was told how many it may take."""
    X, y = split(data, 0)[:2]
    classifier = CLASSIFIERS[name](0)
    start = time.perf_counter()
    clone(classifier).fit(X, y)
    fit_seconds = time.perf_counter() - start
    sampler = MixAnNSampler(classifier, n_random=ENDLESS, random_state=0)
    warm_up(clone(sampler).set_params(max_time=0.1))
    sampler.set_params(max_time=max_time)
    start = time.perf_counter()
    sampler.fit_resample(X, y)
    return {
        "classifier": name,
        "data": data,
        "max_time": max_time,
        "seconds": time.perf_counter() - start,
        "fit_seconds": fit_seconds,
        "policies": sampler.n_iter_,
        "judged": sampler.policy_ is not None,
    }


def cases():
    """Name and arguments of every measurement."""
    return {
        "figures": [
            (of_sampler, name, data, seed)
            for name in SAMPLERS
            for data in DATA
            for seed in SEEDS
        ],
        "classifiers": [(of_classifier, name, data) for name in GIVEN for data in DATA],
        "max_time": [
            (of_limit, name, data, limit)
            for name in ("KNN", *GIVEN)
            for data in TIMED
            for limit in MAX_TIMES
        ],
    }


def summary(figures):
    """Means over the seeds, next to the official code of AutoSMOTE."""
    table = []
    for sampler, data in dict.fromkeys((f["sampler"], f["data"]) for f in figures):
        own = [f for f in figures if (f["sampler"], f["data"]) == (sampler, data)]
        row = {"sampler": sampler, "data": data}
        for name in ("cpu_seconds", "peak_megabytes"):
            row[name] = float(np.mean([f[name] for f in own]))
        row["megabytes_more"] = float(
            np.mean([f["peak_megabytes"] - f["peak_megabytes_before"] for f in own])
        )
        if data == "vowels":
            row["official_autosmote_ratio"] = OFFICIAL_AUTOSMOTE / row["cpu_seconds"]
        table.append(row)
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--case", nargs=2)
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    if options.case:
        kind, place = options.case
        measure, *arguments = cases()[kind][int(place)]
        print(json.dumps(measure(*arguments)))
        return
    import torch

    torch.set_num_threads(1)
    results = {}
    for kind, measurements in cases().items():
        results[kind] = []
        for place in range(len(measurements)):
            arguments = ["-W", "ignore", __file__, "--case", kind, str(place)]
            results[kind].append(in_a_process(arguments))
            print(results[kind][-1], flush=True)
    content = {
        "machine": machine(),
        "official_autosmote_cpu_seconds": OFFICIAL_AUTOSMOTE,
        "summary": summary(results["figures"]),
        **results,
    }
    write_json(options.out / "imbalance_cost.json", content)
    print(json.dumps(content["summary"], indent=1))


if __name__ == "__main__":
    main()
