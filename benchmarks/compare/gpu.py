"""What a GPU saves: seconds of fits, and regressors trained in a second for REINFORCE.

    python benchmarks/compare/gpu.py
    python benchmarks/compare/gpu.py --rollouts

The first fits each learner on the CPU and on the GPU, and needs a CUDA device: where
there is none it says so, and writes nothing. The second needs none. On one core of the
CPU it trains the networks of rollouts side by side, as MixRL does, and one after the
other, as a fit each; and it looks at what bfloat16 would do to them.
"""

from __future__ import annotations

import argparse
import json
import time
from pathlib import Path

import numpy as np
import torch
from report import RESULTS, machine, write_json
from sklearn.base import clone

from skmix import active, imbalance, regression, weighting
from skmix._training import seeded
from skmix.regression import MixRLResampler, NetworkRegressor
from skmix.regression._stacked import StackedNetworks

TURNS = 5
# Hidden layers, updates of each network, and numbers of rollouts.
ON_CPU = [
    ((64,), 300, (1, 8, 32, 100)),
    ((256, 128), 300, (1, 8, 32)),
    ((512, 256), 100, (1, 8, 32)),
    ((2048, 1024, 512, 256), 10, (1, 4)),
]
ON_GPU = [((64,), 1000, (1, 10, 100, 500)), ((512, 256), 1000, (1, 10, 100, 500))]


def simulated(n, d=7, seed=0):
    """Rows, and labels of some shape."""
    rng = np.random.RandomState(seed)
    X = rng.normal(size=(n, d))
    y = np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2] + 0.3 * rng.normal(size=n)
    return X, y


def seconds(call):
    """Wall seconds of a call."""
    start = time.perf_counter()
    call()
    return time.perf_counter() - start


def best_of(calls, turns=TURNS):
    """Seconds of each of several calls, in turn; the best turn of each."""
    taken = [[seconds(call) for call in calls] for _ in range(turns)]
    return np.min(taken, axis=0).tolist()


class Rollouts:
    """Networks on 200 rows and some of their mixes, each with a choice of its own."""

    def __init__(self, layers, n_updates, n_rollouts, device):
        X, y = simulated(3400)
        self.held_out = simulated(200, seed=1)
        self.network = NetworkRegressor(layers, max_iter=n_updates, device=device)
        rng = np.random.RandomState(2)
        self.places = [
            np.concatenate([np.arange(200), 200 + rng.permutation(3200)[:size]])
            for size in rng.randint(150, 400, size=n_rollouts)
        ]
        self.seeds = list(range(n_rollouts))
        self.rows = X, y
        self.stacked = StackedNetworks(self.network, self.rows, self.held_out, None)

    def side_by_side(self):
        """Predictions of networks in stacks."""
        own = np.arange(200)
        return self.stacked.fit_predict(
            clone(self.network), self.places, own, self.seeds
        )

    def one_by_one(self):
        """Predictions of networks that are fitted by themselves."""
        (X, y), (X_val, y_val) = self.rows, self.held_out
        predictions = []
        for places, seed in zip(self.places, self.seeds, strict=True):
            model = seeded(clone(self.network), self.network, seed)
            model.fit(X[places], y[places], X_val=X_val, y_val=y_val)
            predictions.append(model.predict(X_val)[:, None])
        return predictions


def of_rollouts(layers, n_updates, n_rollouts):
    """Seconds on the CPU of rollouts side by side, and one after the other."""
    rollouts = Rollouts(layers, n_updates, n_rollouts, "cpu")
    differences = np.subtract(rollouts.side_by_side(), rollouts.one_by_one())
    stacked, single = best_of([rollouts.side_by_side, rollouts.one_by_one])
    return {
        "hidden_layer_sizes": layers,
        "updates": n_updates,
        "rollouts": n_rollouts,
        "in_a_stack": min(rollouts.stacked.size, n_rollouts),
        "seconds_side_by_side": stacked,
        "seconds_one_by_one": single,
        "ratio": single / stacked,
        "greatest_difference": float(abs(differences).max()),
    }


def of_bfloat16(layers, n_updates=1000, n_rollouts=4):
    """What products of matrices in bfloat16 do to predictions, and to the time."""
    rollouts = Rollouts(layers, n_updates, n_rollouts, "cpu")

    def mixed():
        # Without the cache, which would hold on to weights from before an update.
        with torch.autocast("cpu", dtype=torch.bfloat16, cache_enabled=False):
            return rollouts.one_by_one()

    _, y_val = rollouts.held_out
    plain, rounded = (np.array(call())[..., 0] for call in (rollouts.one_by_one, mixed))
    taken = best_of([rollouts.one_by_one, mixed], turns=3)
    rmse = [np.sqrt(((p - y_val) ** 2).mean()) for p in (plain, rounded)]
    return {
        "hidden_layer_sizes": layers,
        "updates": n_updates,
        "greatest_difference": float(abs(plain - rounded).max()),
        "mean_difference": float(abs(plain - rounded).mean()),
        "rmse_float32": float(rmse[0]),
        "rmse_bfloat16": float(rmse[1]),
        "seconds_float32": taken[0],
        "seconds_bfloat16": taken[1],
    }


def learners(device):
    """Fits by name, of every learner that computes on a device."""
    X, y = simulated(5000)
    X_val, y_val = simulated(500, seed=1)
    classes, classes_val = y > 1, y_val > 1
    pool = np.where(np.arange(5000) < 500, classes, np.nan)
    settings = {"device": device, "random_state": 0}
    held_out = {"X_val": X_val, "y_val": y_val}
    network = active.LADAClassifier(max_iter=20, **settings)
    learner = weighting.SampleWeightLearner

    def mixrl(**changes):
        model = MixRLResampler(guard=False, **changes, **settings)
        return lambda: model.fit(X, y, **held_out)

    def query(**changes):
        selector = active.LADASelector(network, **changes, **settings)
        return lambda: selector.query(X, pool, batch_size=50)

    return {
        "NetworkRegressor": lambda: NetworkRegressor(max_iter=2000, **settings).fit(
            X, y
        ),
        "NetworkClassifier": lambda: imbalance.NetworkClassifier(
            max_iter=2000, **settings
        ).fit(X, classes),
        "MixRLResampler": mixrl(),
        "MixRLResampler, reinforce": mixrl(
            estimator=NetworkRegressor(max_iter=1000, device=device),
            method="reinforce",
            n_rollouts=32,
            max_iter=2,
            threshold=0.5,
        ),
        "AdaMixupResampler": lambda: regression.AdaMixupResampler(
            guard=False, **settings
        ).fit(X, y),
        "MixAnNSampler, ddpg": lambda: imbalance.MixAnNSampler(
            method="ddpg", max_iter=5, **settings
        ).fit(X, classes),
        "AutoSMOTESampler": lambda: imbalance.AutoSMOTESampler(
            max_iter=10, **settings
        ).fit(X, classes),
        "LADAClassifier": lambda: clone(network).fit(X, classes),
        "LADASelector": query(),
        "LADASelector, VAAL": query(acquisition=active.VAAL(), augmentation=None),
        "LearnedAugmenter": lambda: weighting.LearnedAugmenter(
            max_iter=10, guard=False, **settings
        ).fit(X, classes),
        **{
            f"SampleWeightLearner, {method}": lambda method=method: learner(
                method, max_iter=10, **settings
            ).fit(X, classes, X_val, classes_val)
            for method in ("hu", "ren", "meta_net", "dvrl")
        },
    }


def on_gpu(out):
    """Every learner on the CPU and on the GPU, and rollouts by their number."""
    if not torch.cuda.is_available():
        print("torch sees no CUDA device: there is nothing to measure.")
        return
    pairs = zip(learners("cpu").items(), learners("cuda").values(), strict=True)
    fits = []
    for (name, cpu), gpu in pairs:
        gpu()  # the first pays for the start of CUDA
        taken = best_of([cpu, gpu], turns=3)
        fits.append({"learner": name, "cpu_seconds": taken[0], "gpu_seconds": taken[1]})
        print(fits[-1], flush=True)
    figures = []
    for layers, n_updates, numbers in ON_GPU:
        for number in numbers:
            rollouts = Rollouts(layers, n_updates, number, "cuda")
            rollouts.side_by_side()
            (taken,) = best_of([rollouts.side_by_side], turns=3)
            figures.append(
                {
                    "hidden_layer_sizes": layers,
                    "updates": n_updates,
                    "rollouts": number,
                    "seconds": taken,
                    "rollouts_per_second": number / taken,
                }
            )
            print(figures[-1], flush=True)
    content = {
        "machine": {**machine(), "device": torch.cuda.get_device_name()},
        "fits": fits,
        "rollouts": figures,
    }
    write_json(out / "gpu.json", content)


def on_cpu(out):
    """Rollouts side by side and one by one, on one core."""
    torch.set_num_threads(1)
    figures = []
    for layers, n_updates, numbers in ON_CPU:
        for number in numbers:
            figures.append(of_rollouts(layers, n_updates, number))
            print(figures[-1], flush=True)
    rounded = [of_bfloat16(layers) for layers in ((64,), (512, 256))]
    print(json.dumps(rounded, indent=1))
    content = {"machine": machine(), "rollouts": figures, "bfloat16": rounded}
    write_json(out / "rollouts.json", content)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rollouts", action="store_true")
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    (on_cpu if options.rollouts else on_gpu)(options.out)


if __name__ == "__main__":
    main()
