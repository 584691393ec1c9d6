"""
Which rows to mix: mixup and MixRL on a curve
=============================================

Mixup draws a straight line between any two rows. On a curve, most such lines run where
the curve is not. MixRL learns which near rows to mix, or has a smooth model tell the
labels.
"""

# %%
# Thirty rows of a wavy curve, and 200 more to judge by. These could be trained on as
# well, which would help more than any mixing: here they stand for rows that must not
# be.
import numpy as np


def curve(x):
    return np.sin(1.5 * x) + 0.15 * x


def draw(n, rng):
    x = rng.uniform(0, 8, n)
    return x[:, np.newaxis], curve(x) + rng.normal(scale=0.15, size=n)


rng = np.random.RandomState(14)
X, y = draw(30, rng)
X_val, y_val = draw(200, rng)

# %%
# The regressor averages the three nearest rows. Three ways to mix:
#
# - mixup takes random pairs;
# - MixRL with held-out rows chooses for each row among no, one, ..., four neighbours;
# - MixRL without them mixes near and far, gives a kernel model a share in the labels of
#   mixes, and asks by cross-validation whether that helps this regressor.
from sklearn.neighbors import KNeighborsRegressor

from skmix.regression import MixRLResampler, MixupResampler

regressor = KNeighborsRegressor(n_neighbors=3)
mixup = MixupResampler(random_state=0)
policy = MixRLResampler(
    regressor, distances=["data"], data_neighbors=range(1, 5), random_state=0
)
candidates = MixRLResampler(regressor, random_state=0)

mixup.fit(X, y)
print(policy.fit(X, y, X_val=X_val, y_val=y_val).chosen_)
print(candidates.fit(X, y).chosen_)

# %%
# :class:`~skmix.plotting.MixingDisplay` draws rows, mixes, and a line between the
# parents of each mix. The dashed curve is the truth, which no resampler knows.
import matplotlib.pyplot as plt

from skmix.plotting import MixingDisplay

arms = {
    "mixup": mixup,
    "MixRL, held-out rows": policy,
    "MixRL, no held-out rows": candidates,
}
figure, axes = plt.subplots(
    1, 3, figsize=(10, 3.4), sharex=True, sharey=True, layout="constrained"
)
x = np.linspace(0, 8, 1000)
for ax, (name, resampler) in zip(axes, arms.items(), strict=True):
    ax.plot(x, curve(x), color="black", linestyle="--", linewidth=1, zorder=0)
    display = MixingDisplay.from_estimator(resampler, ax=ax)
    distance = np.abs(display.y_mix - curve(display.x_mix)).mean()
    ax.set(xlabel="x", ylabel="", ylim=(-1, 2.6))
    ax.set_title(f"{name}\nmean distance from the curve: {distance:.2f}", fontsize=10)
    ax.legend(loc="upper left", ncols=2, frameon=False, fontsize="small")
axes[0].set_ylabel("y")
plt.show()

# %%
# One draw proves nothing. Over ten of them, R2 of the regressor on the true curve:
X_test, y_test = x[:, np.newaxis], curve(x)
scores, accepted = [], []
for seed in range(10):
    rng = np.random.RandomState(seed)
    X, y = draw(30, rng)
    X_val, y_val = draw(200, rng)
    rows = [
        (X, y),
        mixup.fit_resample(X, y),
        policy.fit_resample(X, y, X_val=X_val, y_val=y_val),
        candidates.fit_resample(X, y),
        (np.vstack([X, X_val]), np.append(y, y_val)),
    ]
    scores.append([regressor.fit(*data).score(X_test, y_test) for data in rows])
    accepted.append([policy.accepted_, candidates.accepted_])
names = ["rows as they are", *arms, "held-out rows trained on"]
for name, score in zip(names, np.mean(scores, axis=0), strict=True):
    print(f"{name:27} {score:.3f}")
print("Draws in which MixRL mixed, of 10:", *np.sum(accepted, axis=0))

# %%
# Where MixRL did not mix, the gain on held-out rows was not beyond chance, and the rows
# came back as they were. A regressor that is smooth by itself has less to gain: with
# support vector regression in place of the neighbours, MixRL without held-out rows
# mixes in none of the ten draws.
