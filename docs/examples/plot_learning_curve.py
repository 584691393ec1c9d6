"""
Strategies of active learning, compared
=======================================

Twenty digits have a label, and ten more are asked for in each of eight rounds. Eight
seeds, the same splits and first labels for all: the differences are paired, as the
first labels make more of a difference than the strategy does.
"""

# %%
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import train_test_split

from skmix.active import ActiveLearningLoop, LADASelector

selectors = {
    "random": LADASelector(acquisition="random", augmentation=None),
    "entropy": LADASelector(acquisition="entropy", augmentation=None, diversity=None),
    "margin": LADASelector(augmentation=None, diversity=None),
    "BADGE": LADASelector(acquisition="badge", augmentation=None),
    "LADA, default": LADASelector(),
}
X, truth = load_digits(return_X_y=True)


def one_run(selector, seed):
    X_pool, X_test, y_pool, y_test = train_test_split(
        X / 16, truth, test_size=0.3, random_state=seed
    )
    rng = np.random.RandomState(seed)
    y = np.full(len(y_pool), np.nan)
    for digit in range(10):
        y[rng.choice(np.flatnonzero(y_pool == digit), 2, replace=False)] = digit
    loop = ActiveLearningLoop(
        selector, LogisticRegression(max_iter=500), budget=80, random_state=seed
    )
    return loop.run(X_pool, y, y_pool, X_test=X_test, y_test=y_test)


loops = {
    name: [one_run(selector, seed) for seed in range(8)]
    for name, selector in selectors.items()
}

# %%
import matplotlib.pyplot as plt

from skmix.plotting import LearningCurveDisplay

figure, axes = plt.subplots(1, 2, figsize=(13, 4.5), layout="constrained")
LearningCurveDisplay.from_loops(loops, ax=axes[0])
display = LearningCurveDisplay.from_loops(loops, relative_to="margin", ax=axes[1])

# %%
# The area under the curve sums a run up.
from skmix.metrics import paired_difference

for name, area in display.area_.items():
    mean, error = paired_difference(area, display.area_["margin"])
    print(f"{name:14} {100 * mean:+.2f} ± {100 * error:.2f} points to margin")
