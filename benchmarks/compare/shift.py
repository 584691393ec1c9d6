"""Training rows that are biased: what 100 rows V of the true distribution are good for.

    python benchmarks/compare/shift.py

Of 200 training rows, those with high labels are rare; V and the test rows are drawn
fairly. V may say what to mix, k, and the setting of the model, but is not trained on,
other than in "train + V". A finished part is kept in a scratch file, where an
interrupted run goes on.
"""

from __future__ import annotations

import argparse
from itertools import product
from pathlib import Path

import numpy as np
import torch
from paper_protocol import shuffled
from problems import boosted_trees, load, shifted_split, standardised
from report import RESULTS, Scratch, Stopwatch, machine, paired, write_json
from sklearn.base import BaseEstimator, RegressorMixin, clone
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import Ridge
from sklearn.model_selection import KFold, cross_val_score

from skmix._core.kernels import NystromFeatures
from skmix.regression import KNNMixupResampler, MixRLResampler

# The tables that have rows enough: those of NO2 would be all taken, bias or not.
TABLES = (
    "airfoil",
    "concrete",
    "bank8fm",
    "wind",
    "abalone",
    "energy",
    "power_plant",
)
GLOBAL_K = (1, 2, 4, 8, 16)
REFERENCES = ("train only", "global kNN", "random selection", "train + V")


class KernelRidge(RegressorMixin, BaseEstimator):
    """Ridge regression on features of a kernel of standardised rows.

    A width of None is the kernel of a wide network on 64 features, as in MixRL's own
    model; otherwise the kernel is Gaussian, and the width is relative to the square
    root of the number of columns. The ridge grows with the number of rows.
    """

    def __init__(self, width=None, strength=0.01):
        self.width = width
        self.strength = strength

    def fit(self, X, y):
        """Fit on features of 256 of the rows."""
        if self.width is None:
            self.features_ = NystromFeatures(X, 64, 256, np.random.RandomState(0))
        else:
            gamma = 0.5 / self.width**2 / X.shape[1]
            kernel = Nystroem(
                gamma=gamma, n_components=min(256, len(X)), random_state=0
            )
            self.features_ = kernel.fit(X).transform
        ridge = Ridge(alpha=self.strength * len(X))
        self.ridge_ = ridge.fit(self.features_(X), y)
        return self

    def predict(self, X):
        """Predict labels."""
        return self.ridge_.predict(self.features_(X))


STRENGTHS = (1e-4, 3e-4, 1e-3, 3e-3, 1e-2, 3e-2, 1e-1)
# Each model in all its settings.
MODELS = {
    # The model that the policy is learned with: the most favourable case.
    "network kernel ridge": [
        standardised(KernelRidge(strength=strength)) for strength in STRENGTHS
    ],
    "Gaussian kernel ridge": [
        standardised(KernelRidge(width, strength))
        for width, strength in product((0.5, 1.0, 2.0, 4.0), STRENGTHS)
    ],
    "HistGradientBoosting": [boosted_trees(None, None)],
}


class Judge:
    """Trains a model on what an arm makes of the rows, in the setting V prefers."""

    def __init__(self, settings, rows):
        self.settings = settings
        self.rows = rows

    def best(self, X, y):
        """Find the setting with the lowest error on V, and this error."""
        rows = self.rows
        losses = [
            np.mean((clone(model).fit(X, y).predict(rows.X_val) - rows.y_val) ** 2)
            for model in self.settings
        ]
        return self.settings[int(np.argmin(losses))], min(losses)

    def best_by_cross_validation(self, X, y):
        """Find the setting for rows that V is among."""
        folds = KFold(5, shuffle=True, random_state=0)
        scores = [
            cross_val_score(
                model, X, y, cv=folds, scoring="neg_mean_squared_error"
            ).mean()
            for model in self.settings
        ]
        return self.settings[int(np.argmax(scores))]

    def score(self, made, seconds=0.0, model=None):
        """Error on the test rows."""
        model = model or self.best(*made)[0]
        error = self.rows.rmse(clone(model).fit(*made).predict(self.rows.X_test))
        return {"rmse": error, "rows": len(made[0]), "learn_seconds": seconds}


def one_split(rows, seed):
    """Score each arm with each model on one split."""
    watch = Stopwatch()
    mixrl = MixRLResampler(guard=False, device="cpu", random_state=seed)
    learned = mixrl.fit_resample(*rows.train, **rows.held_out)
    learn_seconds = watch.read()
    control = shuffled(mixrl, seed)
    results = {}
    for name, settings in MODELS.items():
        judge = Judge(settings, rows)
        plain, _ = judge.best(*rows.train)
        arms = {"train only": judge.score(rows.train, model=plain)}
        watch.read()
        made = [KNNMixupResampler(k=k).fit_resample(*rows.train) for k in GLOBAL_K]
        nearest = min(made, key=lambda rows, judge=judge: judge.best(*rows)[1])
        arms["global kNN"] = judge.score(nearest, watch.read())
        arms["random selection"] = judge.score(control)
        arms["MixRL"] = judge.score(learned, learn_seconds)
        # Where the policy has learned with this very model, it is its own judge.
        estimator = None if name == "network kernel ridge" else plain
        guarded = clone(mixrl).set_params(guard=True, estimator=estimator)
        watch.read()
        made = guarded.fit_resample(*rows.train, **rows.held_out)
        arms["MixRL, guarded"] = judge.score(made, watch.read())
        arms["MixRL, guarded"]["accepted"] = guarded.accepted_
        together = rows.train_and_val
        best = judge.best_by_cross_validation(*together)
        arms["train + V"] = judge.score(together, model=best)
        results[name] = arms
    return results


def summary(parts):
    """Change of the error in percent by table and model, and over the tables."""
    cases = [(*name.split("/"), result) for name, result in parts.items()]
    tables = [table for table in TABLES if any(case[0] == table for case in cases)]
    rows = []
    for model, arm in product(MODELS, cases[0][2]["HistGradientBoosting"]):
        row = {"model": model, "arm": arm}
        by_table = {}
        for table in tables:
            split = [result[model] for name, _, result in cases if name == table]
            errors = {a: np.array([s[a]["rmse"] for s in split]) for a in split[0]}
            by_table[table] = {
                other: 100 * (errors[arm] / errors[other] - 1) for other in REFERENCES
            }
            row[table] = paired(by_table[table]["train only"], np.zeros(len(split)))
            row[f"{table} rmse"] = float(errors[arm].mean())
        for other in REFERENCES:
            means = [by_table[table][other].mean() for table in tables]
            row[f"percent of {other}"] = paired(means, np.zeros(len(tables)))
        arms = [result[model][arm] for *_, result in cases]
        row["learn_seconds"] = float(np.mean([a["learn_seconds"] for a in arms]))
        if "accepted" in arms[0]:
            row["accepted"] = float(np.mean([a["accepted"] for a in arms]))
        rows.append(row)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--splits", type=int, default=10)
    parser.add_argument("--start", type=int, default=0)
    parser.add_argument("--scratch", type=Path, default=Path("shift.jsonl"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    scratch = Scratch(options.scratch, {})
    for seed in range(options.start, options.start + options.splits):
        for name in options.tables:
            part = f"{name}/{seed}"
            if part in scratch.read():
                continue
            result = one_split(shifted_split(*load(name), seed), seed)
            scratch.write(part, result)
            for model, arms in result.items():
                errors = {arm: round(v["rmse"], 4) for arm, v in arms.items()}
                print(part, model, errors, flush=True)
    parts = dict(sorted(scratch.read().items()))
    table = summary(parts)
    write_json(
        options.out / "shift.json",
        {"machine": machine(), "summary": table, "parts": parts},
    )
    for row in table:
        print(row["model"], row["arm"], row["percent of train only"])


if __name__ == "__main__":
    main()
