"""
Whether low weights find wrong labels
=====================================

Three labels in ten are wrong. Weights are learned from a hundred rows whose labels are
right. As the rows of the lowest weights are left out, the accuracy of a linear model
rises, until what is left out is mostly right.
"""

# %%
import numpy as np
from sklearn.datasets import load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from skmix.plotting import RemovalCurveDisplay
from skmix.weighting import SampleWeightLearner

X, y = load_digits(return_X_y=True)
X = StandardScaler().fit_transform(X)
order = np.random.RandomState(0).permutation(len(X))
train, clean, test = np.split(order, [600, 700])
rng = np.random.RandomState(1)
is_wrong = rng.rand(600) < 0.3
# Each digit is taken for the next.
noisy = np.where(is_wrong, (y[train] + 1) % 10, y[train])

# %%
weights = {}
for method in ("normalized", "meta_net"):
    learner = SampleWeightLearner(method, random_state=0)
    weights[method] = learner.fit(X[train], noisy, X[clean], y[clean]).sample_weight_

display = RemovalCurveDisplay.from_weights(
    LogisticRegression(max_iter=300),
    X[train],
    noisy,
    weights,
    X[test],
    y[test],
    random_state=0,
)
display.ax_.axvline(30, color="0.7", lw=1)
_ = display.ax_.set_title("600 digits, 30 % of the labels wrong")

# %%
# How the weights of right and wrong labels part, epoch by epoch: the history that
# ``normalized`` leaves.
import matplotlib.pyplot as plt

learner = SampleWeightLearner(random_state=0).fit(X[train], noisy, X[clean], y[clean])
history = learner.weight_history_
figure, ax = plt.subplots(layout="constrained")
for name, rows, color in (
    ("right", ~is_wrong, "#0072B2"),
    ("wrong", is_wrong, "#D55E00"),
):
    low, mid, high = np.quantile(history[:, rows], [0.25, 0.5, 0.75], axis=1)
    ax.plot(mid, color=color, label=f"{name} labels")
    ax.fill_between(np.arange(len(mid)), low, high, color=color, alpha=0.2, lw=0)
ax.set(xlabel="Epoch", ylabel="Weight: median and quartiles")
ax.spines[["top", "right"]].set_visible(False)
_ = ax.legend(frameon=False)
