"""What mixing gains, and where it harms, when every method may use all labelled rows.

    python benchmarks/compare/all_rows.py --smogn-python SMOGN_ENVIRONMENT/bin/python

Eight tables, 100 or 200 rows to train on, up to 2000 to test on, five models; each
resampler asks the model by cross-validation inside the training rows. Errors are
relative to the same model on the rows as they are. A finished part is kept in a scratch
file, where an interrupted run goes on; SMOGN is left out where no interpreter is named.
"""

from __future__ import annotations

import argparse
import subprocess
import tempfile
import warnings
from pathlib import Path

import numpy as np
import torch
from problems import MODELS, TABLES, load, plain_split
from report import RESULTS, Scratch, Stopwatch, machine, paired, write_json
from sklearn.base import clone
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import KFold, cross_val_predict
from sklearn.preprocessing import StandardScaler

from skmix.metrics import harm_rate
from skmix.regression import CMixupResampler, KNNMixupResampler, MixRLResampler
from skmix.regression._teacher import KernelTeacher, stacking_weight

SIZES = (100, 200)
# More than one percent worse counts as harm.
HARM = 1.0
# Each resampler, and the parameter that takes what it chose, to mix by it once more.
RESAMPLERS = {
    "global kNN": (KNNMixupResampler(candidates=(1, 2, 4, 8, 16)), "k"),
    "C-Mixup": (CMixupResampler(bandwidth="auto"), "bandwidth"),
    "MixRL": (MixRLResampler(device="cpu"), None),
}


def with_and_without_guard(resampler, parameter, rows):
    """Rows as the guard hands them out, and as what was chosen would have made them."""
    watch = Stopwatch()
    guarded = resampler.fit_resample(*rows.train)
    seconds = watch.read()
    if resampler.accepted_:
        return guarded, guarded, seconds
    chosen = {parameter: getattr(resampler, f"{parameter}_")} if parameter else {}
    unguarded = clone(resampler).set_params(guard=False, **chosen)
    return guarded, unguarded.fit_resample(*rows.train), seconds


def smogn(python, rows, seed):
    """Rows that SMOGN makes, CPU seconds, and why it made none."""
    with tempfile.TemporaryDirectory() as folder:
        source, result = Path(folder, "rows.npz"), Path(folder, "resampled.npz")
        np.savez(source, X=rows.X, y=rows.y, seed=seed)
        script = Path(__file__).with_name("smogn_rival.py")
        run = subprocess.run(
            [python, "-W", "ignore", script, source, result],
            capture_output=True,
            text=True,
            check=False,
        )
        if run.returncode:
            return rows.train, 0.0, run.stderr.strip().splitlines()[-1]
        made = np.load(result)
        return (made["X"], made["y"]), float(made["seconds"]), None


def stacked(model, rows, seed):
    """The control that mixes nothing: average the model with a kernel model."""
    scaler = StandardScaler().fit(rows.X)
    folds = KFold(5, shuffle=True, random_state=seed)
    Z, Y = scaler.transform(rows.X), rows.y[:, np.newaxis]
    own = cross_val_predict(clone(model), *rows.train, cv=folds)[:, np.newaxis]
    kernel = np.empty_like(Y)
    for train, test in folds.split(Z):
        kernel[test] = KernelTeacher(Z[train], Y[train], seed).predict(Z[test])
    weight = stacking_weight(Y, own, kernel)
    model = clone(model).fit(*rows.train)
    teacher = KernelTeacher(Z, Y, seed).predict(scaler.transform(rows.X_test))[:, 0]
    return (1 - weight) * model.predict(rows.X_test) + weight * teacher


def one_case(model, rows, seed, by_smogn):
    """Error and cost of each arm for one model on one split."""

    def score(made, seconds=0.0):
        watch = Stopwatch()
        error = rows.rmse(clone(model).fit(*made).predict(rows.X_test))
        seconds += watch.read()
        return {"rmse": error, "rows": len(made[0]), "cpu_seconds": seconds}

    arms = {"none": score(rows.train)}
    for name, (resampler, parameter) in RESAMPLERS.items():
        resampler = clone(resampler).set_params(estimator=model, random_state=seed)
        guarded, unguarded, seconds = with_and_without_guard(resampler, parameter, rows)
        arms[name] = score(unguarded, seconds)
        arms[f"{name}, guarded"] = score(guarded, seconds)
        arms[f"{name}, guarded"]["accepted"] = resampler.accepted_
    if by_smogn is not None:
        made, seconds, failure = by_smogn
        arms["SMOGN"] = {**score(made, seconds), "failure": failure}
    watch = Stopwatch()
    error = rows.rmse(stacked(model, rows, seed))
    seconds = watch.read()
    arms["stacking"] = {"rmse": error, "rows": len(rows.X), "cpu_seconds": seconds}
    return arms


def summary(parts):
    """Each arm next to none and to global kNN, by model and number of rows.

    Means and standard errors are over the means of the tables.
    """
    cases = [(*name.split("/"), arms) for name, arms in parts.items()]
    models = [model for model in MODELS if any(case[3] == model for case in cases)]
    table = []
    for model in [*models, "all"]:
        for n in [*SIZES, "all"]:
            chosen = [
                (name, arms)
                for name, size, _, of_model, arms in cases
                if model in (of_model, "all") and str(n) in (size, "all")
            ]
            if chosen:
                table += rows_of_summary(model, n, chosen)
    return table


def rows_of_summary(model, n, cases):
    """One row of the summary to each arm."""
    names = np.array([name for name, _ in cases])
    tables = np.unique(names)
    first = cases[0][1]
    change = {
        arm: np.array(
            [100 * (a[arm]["rmse"] / a["none"]["rmse"] - 1) for _, a in cases]
        )
        for arm in first
    }
    means = {
        arm: np.array([values[names == name].mean() for name in tables])
        for arm, values in change.items()
    }
    rows = []
    for arm, values in change.items():
        row = {"model": model, "n": n, "arm": arm, "splits": len(values)}
        row["percent"] = paired(means[arm], np.zeros(len(tables)))
        for other in ("global kNN", "global kNN, guarded"):
            row[f"minus {other}"] = paired(means[arm], means[other])
        row["tables_better"] = int((means[arm] < 0).sum())
        row["tables"] = len(tables)
        row["harm"] = harm_rate(-values, np.zeros(len(values)), tol=HARM)
        seconds = [arms[arm]["cpu_seconds"] for _, arms in cases]
        row["cpu_seconds"] = float(np.mean(seconds))
        if "accepted" in first[arm]:
            row["accepted"] = float(
                np.mean([arms[arm]["accepted"] for _, arms in cases])
            )
        if arm == "SMOGN":
            failed = [arms[arm]["failure"] is not None for _, arms in cases]
            row["failed"] = float(np.mean(failed))
        rows.append(row)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--models", nargs="+", choices=MODELS, default=list(MODELS))
    parser.add_argument("--tables", nargs="+", choices=TABLES, default=list(TABLES))
    parser.add_argument("--sizes", nargs="+", type=int, default=list(SIZES))
    parser.add_argument("--seeds", nargs="+", type=int, default=[0, 1, 2])
    parser.add_argument("--smogn-python")
    parser.add_argument("--scratch", type=Path, default=Path("all_rows.jsonl"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    settings = {"smogn": options.smogn_python is not None}
    scratch = Scratch(options.scratch, settings)
    for seed in options.seeds:
        for n in options.sizes:
            for name in options.tables:
                parts = {m: f"{name}/{n}/{seed}/{m}" for m in options.models}
                done = scratch.read()
                missing = [model for model, part in parts.items() if part not in done]
                if not missing:
                    continue
                rows = plain_split(*load(name), n, seed)
                by_smogn = None
                if options.smogn_python:
                    by_smogn = smogn(options.smogn_python, rows, seed)
                for model in missing:
                    arms = one_case(MODELS[model](*rows.train), rows, seed, by_smogn)
                    scratch.write(parts[model], arms)
                    print(
                        parts[model], {k: round(v["rmse"], 4) for k, v in arms.items()}
                    )
    parts = dict(sorted(scratch.read().items()))
    table = summary(parts)
    write_json(
        options.out / "all_rows.json",
        {"settings": settings, "machine": machine(), "summary": table, "parts": parts},
    )
    for row in table:
        print(row["model"], row["n"], row["arm"], row["percent"], row["harm"])


if __name__ == "__main__":
    main()
