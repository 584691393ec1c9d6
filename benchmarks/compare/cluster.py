"""A search on one and on two workers of Dask, and the bytes that travel.

    python benchmarks/compare/cluster.py

The workers are processes of this machine with one thread each. One and two of them take
turns; a ratio is one of the best times. Bytes are those that the loopback device has
carried, as Linux counts them, with the rows sent ahead (``scatter``), without, and,
for comparison, those of all rows and mixes that are trained on.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import joblib
import numpy as np
from dask.distributed import Client, LocalCluster
from report import RESULTS, machine, write_json
from sklearn.ensemble import HistGradientBoostingRegressor

from skmix.regression import KNNMixupResampler

N_ROWS, N_COLUMNS = 4000, 20
CANDIDATES = (1, 2, 4, 8)
TURNS = 2
WARM_UP_ROWS = 200


def make_search():
    """Ten folds of the untouched data and of four numbers of neighbours."""
    return KNNMixupResampler(
        HistGradientBoostingRegressor(max_iter=800, random_state=0),
        candidates=CANDIDATES,
        guard=False,
        random_state=0,
    )


def make_rows():
    rng = np.random.RandomState(0)
    X = rng.normal(size=(N_ROWS, N_COLUMNS))
    return X, np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.3 * rng.normal(size=N_ROWS)


def carried():
    """Bytes that the loopback device has received since the machine started."""
    lines = Path("/proc/net/dev").read_text().splitlines()
    (line,) = (line for line in lines if line.strip().startswith("lo:"))
    return int(line.split(":")[1].split()[0])


def on_workers(n_workers, X, y, ahead):
    """Seconds, bytes and the resampler of a search on so many workers."""
    few = slice(WARM_UP_ROWS)
    with (
        LocalCluster(
            n_workers=n_workers, threads_per_worker=1, dashboard_address=":0"
        ) as cluster,
        Client(cluster),
    ):
        with joblib.parallel_config(backend="dask"):
            make_search().fit(X[few], y[few])
        start, before = time.perf_counter(), carried()
        scatter = {"scatter": [X, y]} if ahead else {}
        with joblib.parallel_config(backend="dask", **scatter):
            resampler = make_search().fit(X, y)
        return time.perf_counter() - start, carried() - before, resampler


def trained_on(X, y):
    """Bytes of the rows and mixes of all fits of the search, by the mixes of all rows.

    A fold has four fifths of them.
    """
    total = 0.0
    for k in (0, *CANDIDATES):
        n = len(X)
        if k:
            n = len(KNNMixupResampler(k=k, random_state=0).fit_resample(X, y)[0])
        total += 10 * 0.8 * n * (X.shape[1] + 1) * 8
    return total


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=RESULTS / "cluster.json")
    options = parser.parse_args()
    X, y = make_rows()
    seconds, travelled, chosen = {1: [], 2: []}, {}, set()
    for _ in range(TURNS):
        for n_workers, taken in seconds.items():
            for ahead in (True, False)[: 1 + (n_workers == 2)]:
                elapsed, sent, resampler = on_workers(n_workers, X, y, ahead)
                chosen.add((resampler.k_, resampler.best_score_))
                if ahead:
                    taken.append(elapsed)
                travelled[f"{n_workers} workers", "ahead" if ahead else "not"] = sent
                print(n_workers, ahead, elapsed, sent, flush=True)
    # The same result, to the last digit.
    assert len(chosen) == 1
    best = {n: min(taken) for n, taken in seconds.items()}
    write_json(
        options.out,
        {
            "rows": N_ROWS,
            "columns": N_COLUMNS,
            "fits": 10 * (1 + len(CANDIDATES)),
            "seconds": {str(n): taken for n, taken in seconds.items()},
            "ratio": best[1] / best[2],
            "megabytes": {
                "rows and labels": (X.nbytes + y.nbytes) / 1e6,
                "sent, two workers, scatter": travelled["2 workers", "ahead"] / 1e6,
                "sent, two workers": travelled["2 workers", "not"] / 1e6,
                "rows and mixes of all fits": trained_on(X, y) / 1e6,
            },
            "machine": machine(),
        },
    )


if __name__ == "__main__":
    main()
