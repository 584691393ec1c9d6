"""The MixRL paper's protocol on NO2: 200 training, 200 held-out and 100 test rows.

A network of the paper's size (512, 256) is trained on what each arm makes of the
training rows, stops by the held-out rows, and is scored on the test rows. All arms of a
split share the rows and the initial weights, so that differences are paired.

    python benchmarks/compare/no2_paper_protocol.py --splits 40

needs the NO2 data (see `skmix.datasets.load_no2`) and writes its figures as JSON.
"""

from __future__ import annotations

import argparse
import copy
import json
import time
from pathlib import Path

import numpy as np
import torch
from report import machine, write_json
from sklearn.preprocessing import StandardScaler

from skmix.datasets import load_no2
from skmix.metrics import paired_difference
from skmix.regression import CMixupResampler, MixRLResampler, MixupResampler

N_TRAIN, N_VAL = 200, 200
BATCH_SIZE, LEARNING_RATE = 32, 1e-4
CHECK_EVERY, PATIENCE = 25, 500
# Mixup and C-Mixup train on mixes alone, this many for each row.
POOL = 30
BANDWIDTHS = (0.1, 0.3, 1.0, 3.0)


def train(X, y, X_val, y_val, seed, n_steps=None):
    """Train a network; stop by the held-out rows, or after `n_steps`."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        net = torch.nn.Sequential(
            torch.nn.Linear(X.shape[1], 512),
            torch.nn.ReLU(),
            torch.nn.Linear(512, 256),
            torch.nn.ReLU(),
            torch.nn.Linear(256, 1),
        )
    generator = torch.Generator().manual_seed(seed)
    X, y, X_val, y_val = (
        torch.as_tensor(a, dtype=torch.float32) for a in (X, y, X_val, y_val)
    )
    adam = torch.optim.Adam(net.parameters(), lr=LEARNING_RATE, fused=True)
    best, best_step, best_state, step = np.inf, 0, None, 0
    order = iter(())
    while n_steps is None or step < n_steps:
        rows = next(order, None)
        if rows is None:
            order = iter(torch.randperm(len(X), generator=generator).split(BATCH_SIZE))
            rows = next(order)
        adam.zero_grad()
        ((net(X[rows])[:, 0] - y[rows]) ** 2).mean().backward()
        adam.step()
        step += 1
        if n_steps is None and step % CHECK_EVERY == 0:
            with torch.no_grad():
                loss = float(((net(X_val)[:, 0] - y_val) ** 2).mean())
            if loss < best:
                best, best_step = loss, step
                best_state = {k: v.clone() for k, v in net.state_dict().items()}
            elif step - best_step >= PATIENCE:
                break
    if best_state is not None:
        net.load_state_dict(best_state)

    @torch.no_grad()
    def predict(rows):
        return net(torch.as_tensor(rows, dtype=torch.float32))[:, 0].numpy()

    return predict, best, best_step


def shuffled(resampler, seed):
    """The control: the same options, on random rows."""
    control = copy.copy(resampler)
    rng = np.random.RandomState(seed)
    control.options_ = np.column_stack([rng.permutation(c) for c in control.options_.T])
    return control.resample()


def one_split(X, y, seed, n_inits):
    """RMSE, R2 and CPU seconds of each arm on one split."""
    rows = np.random.RandomState(seed).permutation(len(X))
    train_rows, val, test = np.split(rows, [N_TRAIN, N_TRAIN + N_VAL])
    scaler = StandardScaler().fit(X[train_rows])
    Z = scaler.transform(X)
    center, spread = y[train_rows].mean(), y[train_rows].std()
    t = (y - center) / spread
    Zt, tt, Zv, tv = Z[train_rows], t[train_rows], Z[val], t[val]

    def score(make_rows, n_steps=None):
        """Average the test errors of several initial weights."""
        results = []
        for init in range(n_inits):
            steps = None if n_steps is None else n_steps[init]
            predict, loss, step = train(*make_rows(init), Zv, tv, init, steps)
            error = (predict(Z[test]) - t[test]) * spread
            mse = np.mean(error**2)
            results.append((mse**0.5, 1 - mse / y[test].var(), loss, step))
        rmse, r2, loss, steps = (
            np.array(column) for column in zip(*results, strict=True)
        )
        arm = {"rmse": rmse.mean(), "r2": r2.mean()}
        if n_steps is None:
            arm["val"] = loss.mean()
        return arm, steps

    arms, seconds = {}, {}
    start = time.process_time()

    def took():
        nonlocal start
        now, start = time.process_time() - start, time.process_time()
        return now

    arms["no augmentation"], steps = score(lambda init: (Zt, tt))
    all_rows = np.vstack([Zt, Zv]), np.concatenate([tt, tv])
    for factor in (1, 2):
        arms[f"train + validation, {factor}x steps"], _ = score(
            lambda init: all_rows, factor * steps
        )
    took()
    mixed = MixupResampler(amount=POOL, random_state=seed).fit_resample(Zt, tt)
    seconds["mixup"] = took()
    only_mixes = mixed[0][N_TRAIN:], mixed[1][N_TRAIN:]
    arms["mixup"], _ = score(lambda init: only_mixes)
    candidates = []
    for bandwidth in BANDWIDTHS:
        took()
        resampler = CMixupResampler(bandwidth=bandwidth, amount=POOL, random_state=seed)
        mixed = resampler.fit_resample(Zt, tt)
        seconds["C-Mixup"] = took()
        only_mixes = mixed[0][N_TRAIN:], mixed[1][N_TRAIN:]
        candidates.append(score(lambda init, rows=only_mixes: rows)[0])
    arms["C-Mixup"] = min(candidates, key=lambda c: c["val"])
    took()
    resampler = MixRLResampler(random_state=seed, guard=False)
    learned = resampler.fit_resample(Zt, tt, X_val=Zv, y_val=tv)
    seconds["MixRL influence"] = took()
    arms["MixRL influence"], _ = score(lambda init: learned)
    arms["random selection"], _ = score(
        lambda init: shuffled(resampler, seed * n_inits + init)
    )
    took()
    guarded = MixRLResampler(random_state=seed)
    guarded.fit(Zt, tt, X_val=Zv, y_val=tv)
    seconds["MixRL influence, guarded"] = took()
    # What is accepted is what was learned without the guard, on the same rows.
    kept = "MixRL influence" if guarded.accepted_ else "no augmentation"
    arms["MixRL influence, guarded"] = dict(arms[kept])
    for name, arm in arms.items():
        arm["cpu_seconds"] = seconds.get(name, 0.0)
    return {name: {k: float(v) for k, v in arm.items()} for name, arm in arms.items()}


def summary(splits):
    """Mean, spread and paired differences of the arms."""
    table = {}
    for name in splits[0]:
        column = {k: np.array([s[name][k] for s in splits]) for k in splits[0][name]}
        row = {k: float(v.mean()) for k, v in column.items()}
        row["rmse_sd"] = float(column["rmse"].std(ddof=1))
        for other in ("no augmentation", "C-Mixup", "random selection"):
            reference = np.array([s[other]["rmse"] for s in splits])
            row[f"minus {other}"] = paired_difference(column["rmse"], reference)
        table[name] = row
    return table


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--splits", type=int, default=40)
    parser.add_argument("--inits", type=int, default=3)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results")
    options = parser.parse_args()
    torch.set_num_threads(1)
    X, y = load_no2(return_X_y=True)
    # The first fit of a process pays for loading torch.
    MixRLResampler(max_iter=2, random_state=0).fit(
        X[:200], y[:200], X_val=X[200:], y_val=y[200:]
    )
    splits = []
    for seed in range(options.splits):
        splits.append(one_split(X, y, seed, options.inits))
        print(seed, {k: round(v["rmse"], 4) for k, v in splits[-1].items()}, flush=True)
    table = summary(splits)
    write_json(
        options.out / "no2_paper_protocol.json",
        {
            "command": "no2_paper_protocol.py "
            f"--splits {options.splits} --inits {options.inits}",
            "machine": machine(),
            "seeds": list(range(options.splits)),
            "summary": table,
            "splits": splits,
        },
    )
    print(json.dumps(table, indent=1))


if __name__ == "__main__":
    main()
