"""
What learning looks like
========================

:class:`~skmix.plotting.HistoryDisplay` draws the history of a resampler that learns.
Here are MixRL's two ways to learn from held-out rows, and a search for one number of
neighbours by cross-validation.
"""

# %%
# The biased training rows of :doc:`plot_policy`, first split: 120 patients, few of whom
# have a disease that progresses fast, and 200 held-out patients, not biased. The
# regressor averages the five nearest rows.
import numpy as np
from sklearn.datasets import load_diabetes
from sklearn.neighbors import KNeighborsRegressor

X, y = load_diabetes(return_X_y=True)
rng = np.random.RandomState(0)
bias = np.exp(-1.5 * (y - y.mean()) / y.std())
train = rng.choice(len(X), 120, replace=False, p=bias / bias.sum())
held_out = rng.permutation(np.setdiff1d(np.arange(len(X)), train))[:200]

# %%
# "influence" knows in each update what every mix does to the held-out loss of a kernel
# model, and makes 80 updates. "reinforce" trains the regressor once for each update,
# and hears one number. That is the paper's algorithm; with a regressor this small, 400
# updates take seconds.
import matplotlib.pyplot as plt

from skmix.plotting import HistoryDisplay
from skmix.regression import KNNMixupResampler, MixRLResampler

regressor = KNeighborsRegressor()
influence = MixRLResampler(regressor, random_state=0)
reinforce = MixRLResampler(regressor, method="reinforce", max_iter=400, random_state=0)
global_k = KNNMixupResampler(regressor, random_state=0)
for resampler in (influence, reinforce):
    resampler.fit(X[train], y[train], X_val=X[held_out], y_val=y[held_out])
    print(resampler.chosen_)
print(global_k.fit(X[train], y[train]).chosen_)

figure, axes = plt.subplots(1, 3, figsize=(11, 3.6), layout="constrained")
resamplers = {
    "MixRL, influence": influence,
    "MixRL, reinforce": reinforce,
    "kNN mixup, no held-out rows": global_k,
}
for ax, (name, resampler) in zip(axes, resamplers.items(), strict=True):
    HistoryDisplay.from_estimator(resampler, ax=ax)
    ax.set_title(name)
axes[1].get_legend().remove()  # as on the left
plt.show()

# %%
# There are three curves, as MixRL learns three times: from either half of the held-out
# rows, to be judged by the other half, and from all of them. Objectives are squared
# errors in units of the variance of the training labels; on the left those of the
# kernel model, in the middle those of the regressor. The latter fall slowly: each
# update hears one noisy number for all its choices.
#
# A curve that falls says that something was learned from these rows, not that it holds
# for others. Whether it does is what ``chosen_`` reports, from rows that were not
# learned from.
#
# On the right each point is a number of neighbours, scored by cross-validation inside
# the biased rows. None beats the untouched data there, and so these come back as they
# were. What would help on rows that are not biased, the biased rows do not tell.
