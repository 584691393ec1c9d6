"""The first main job, from beginning to end: does mixing help, and which model.

Regression on NO2 measurements (on scikit-learn's diabetes data where NO2 is not at
hand): a grid search over the resampler, with None in the grid, and over the estimator;
then all resamplers side by side for three estimators. Classification: MixAnN beside the
samplers of imbalanced-learn, class weights and a tuned threshold. Wrong labels: learned
weights, and what comes of leaving out the rows that they suspect. Writes the tables and
figures to a folder.

    python benchmarks/demo.py --out demo
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from imblearn.over_sampling import ADASYN, SMOTE, BorderlineSMOTE
from sklearn.base import clone
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, train_test_split
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.tree import DecisionTreeClassifier

from skmix import ResampledRegressor, compare_resamplers
from skmix.datasets import load_no2
from skmix.imbalance import MixAnNSampler
from skmix.plotting import MixingDisplay, PolicyDisplay, RemovalCurveDisplay
from skmix.regression import CMixupResampler, MixRLResampler, MixupResampler
from skmix.weighting import LearnedWeightClassifier


def load_regression():
    """NO2 where SKMIX_DATA names the folder that holds it, else diabetes."""
    if os.environ.get("SKMIX_DATA"):
        return "NO2", *load_no2(return_X_y=True)
    return "diabetes", *load_diabetes(return_X_y=True)


def search(X, y):
    """Choose resampler and estimator together, in a plain scikit-learn pipeline."""
    trees = HistGradientBoostingRegressor(
        max_iter=60, min_samples_leaf=5, early_stopping=False, random_state=0
    )
    forest = RandomForestRegressor(30, random_state=0)
    model = make_pipeline(StandardScaler(), ResampledRegressor(trees))
    grid = {
        "resampledregressor__resampler": [None, MixRLResampler(random_state=0)],
        "resampledregressor__estimator": [trees, forest],
    }
    rows = train_test_split(X, y, test_size=0.3, random_state=0)
    X_train, X_test, y_train, y_test = rows
    found = GridSearchCV(model, grid, n_jobs=-1).fit(X_train, y_train)
    best = found.best_params_
    print(f"Best of the grid: {best}")
    print(f"R2 by cross-validation {found.best_score_:.3f}, ", end="")
    print(f"on the test rows {found.score(X_test, y_test):.3f}")
    chosen = found.best_estimator_[-1].resampler_
    print(
        chosen.chosen_ if chosen is not None else "The rows are best left as they are."
    )


def mistrust(out):
    """Learn how far to trust labels of which four in ten are wrong."""
    X, y = load_digits(return_X_y=True)
    train, clean, test = slice(600), slice(600, 700), slice(700, None)
    rng = np.random.RandomState(0)
    noisy = np.where(rng.rand(600) < 0.4, rng.randint(10, size=600), y[train])
    X = StandardScaler().fit(X[:700]).transform(X)
    linear = LogisticRegression(max_iter=300)
    model = LearnedWeightClassifier(linear, random_state=0)
    model.fit(X[train], noisy, X_val=X[clean], y_val=y[clean])
    plain = clone(linear).fit(X[:700], np.append(noisy, y[clean]))
    print(model.chosen_)
    for name, fitted in (("without weights", plain), ("with learned weights", model)):
        print(f"Accuracy {name}: {fitted.score(X[test], y[test]):.3f}")
    display = RemovalCurveDisplay.from_weights(
        linear,
        X[train],
        noisy,
        model.weighter_.sample_weight_,
        X[test],
        y[test],
        random_state=0,
    )
    display.figure_.savefig(out / "wrong_labels.png", dpi=120)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=Path("demo"))
    out = parser.parse_args().out
    out.mkdir(parents=True, exist_ok=True)
    start = time.perf_counter()

    name, X, y = load_regression()
    print(f"\n1. Regression on {name}: {len(X)} rows, {X.shape[1]} features\n")
    search(X, y)
    comparison = compare_resamplers(
        {
            "boosted trees": HistGradientBoostingRegressor(
                max_iter=60, min_samples_leaf=5, early_stopping=False, random_state=0
            ),
            "random forest": RandomForestRegressor(30, random_state=0),
            # Trained to convergence, on scaled labels: mixes are no extra training.
            "network": make_pipeline(
                StandardScaler(),
                TransformedTargetRegressor(
                    MLPRegressor(
                        hidden_layer_sizes=(32,), solver="lbfgs", alpha=1.0, tol=1e-3
                    ),
                    transformer=StandardScaler(),
                ),
            ),
        },
        X,
        y,
        {
            "mixup": MixupResampler(),
            "C-Mixup": CMixupResampler(),
            "MixRL": MixRLResampler(),
        },
        cv=5,
        n_jobs=-1,
        random_state=0,
    )
    print(f"\n{comparison}")
    comparison.plot().figure_.savefig(out / "regression.png", dpi=120)

    # What the policy learns from held-out rows, whether or not that helps in the end.
    X, X_val, y, y_val = train_test_split(X, y, test_size=0.5, random_state=0)
    resampler = MixRLResampler(guard=False, random_state=0)
    resampler.fit(X, y, X_val=X_val, y_val=y_val)
    figure, axes = plt.subplots(1, 2, figsize=(10, 4), layout="constrained")
    PolicyDisplay.from_estimator(resampler, ax=axes[0])
    MixingDisplay.from_estimator(resampler, ax=axes[1])
    figure.savefig(out / "policy.png", dpi=120)

    X, y = load_breast_cancer(return_X_y=True)
    # About every fifth malignant case is kept: one row in ten, a case for samplers.
    kept = (y == 1) | (np.arange(len(y)) % 5 == 0)
    X, y = X[kept], 1 - y[kept]
    print(f"\n2. Classification: {len(X)} rows, {y.sum()} of them malignant\n")
    comparison = compare_resamplers(
        {
            "logistic": make_pipeline(StandardScaler(), LogisticRegression()),
            "5 neighbours": make_pipeline(StandardScaler(), KNeighborsClassifier()),
            "tree": DecisionTreeClassifier(random_state=0),
        },
        X,
        y,
        {
            "SMOTE": SMOTE(),
            "BorderlineSMOTE": BorderlineSMOTE(),
            "ADASYN": ADASYN(),
            "MixAnN": MixAnNSampler(),
        },
        n_jobs=-1,
        random_state=0,
    )
    print(comparison)
    comparison.plot().figure_.savefig(out / "classification.png", dpi=120)

    print("\n3. Wrong labels: 600 digits, 36 % of them mislabelled, 100 right ones\n")
    mistrust(out)
    print(f"\nFigures in {out}/, after {time.perf_counter() - start:.0f} seconds.")


if __name__ == "__main__":
    warnings.filterwarnings("ignore", module="sklearn.neural_network")
    main()
