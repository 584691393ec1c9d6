"""
Strategies of active learning, compared
=======================================

Twenty digits have a label, and ten more are asked for in each of eight rounds. Eight
seeds, the same splits and first labels for all: the differences are paired, as the
first labels make more of a difference than the strategy does.
"""

# %%
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression

from skmix.active import LADASelector, compare_selectors

X, y = load_digits(return_X_y=True)
comparison = compare_selectors(
    {
        "entropy": LADASelector(
            acquisition="entropy", augmentation=None, diversity=None
        ),
        "margin": LADASelector(augmentation=None, diversity=None),
        "BADGE": LADASelector(acquisition="badge", augmentation=None),
        "LADA, default": LADASelector(),
    },
    X / 16,
    y,
    estimator=LogisticRegression(max_iter=500),
    budget=80,
    n_repeats=8,
    random_state=0,
)
comparison

# %%
import matplotlib.pyplot as plt

from skmix.plotting import LearningCurveDisplay

figure, axes = plt.subplots(1, 2, figsize=(13, 4.5), layout="constrained")
display = LearningCurveDisplay(comparison.histories_)
display.plot(ax=axes[0])
display.plot(ax=axes[1], relative_to="margin")

# %%
# The area under the curve, the mean score on the way, sums a run up. The table above
# has the differences to random choice. Here are those to margin sampling.
for name, record in comparison.records(relative_to="margin").items():
    gain, error = 100 * record["difference"], 100 * record["difference_se"]
    print(f"{name:14} {gain:+.2f} ± {error:.2f} points to margin")
