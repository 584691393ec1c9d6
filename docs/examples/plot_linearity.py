"""
How far apart may rows be that are mixed?
=========================================

Between two near rows the truth is nearly a straight line. Between distant rows it
rarely is. :class:`~skmix.plotting.LinearityDisplay` measures on your rows, and with
your regressor, how fast that gets worse.
"""

# %%
# Friedman's first function, simulated: 200 rows to train on, 1000 to judge by. There
# are two regressors: boosted trees, which overfit so few rows, and kernel ridge
# regression, which is smooth.
#
# Random pairs of rows are sorted by the distance between the two and cut into six bins
# of equal size. Each bin is mixed, half and half. The left panel asks the regressor,
# trained on the rows, how wrong the labels of the mixes are. For the right one it is
# trained on the rows and the mixes of one bin, and scored on the rows to judge by.
import matplotlib.pyplot as plt
from sklearn.datasets import make_friedman1
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.kernel_ridge import KernelRidge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmix.plotting import LinearityDisplay

X, y = make_friedman1(1200, n_features=5, noise=1.0, random_state=0)
regressors = {
    "boosted trees": HistGradientBoostingRegressor(
        max_iter=40, learning_rate=0.2, min_samples_leaf=5, random_state=0
    ),
    "kernel ridge": make_pipeline(
        StandardScaler(), KernelRidge(kernel="rbf", alpha=0.1, gamma=0.1)
    ),
}
figure, axes = plt.subplots(2, 2, figsize=(9, 7), layout="constrained")
for row, (name, regressor) in zip(axes, regressors.items(), strict=True):
    display = LinearityDisplay.from_estimator(
        regressor,
        X[:200],
        y[:200],
        X_test=X[200:],
        y_test=y[200:],
        n_bins=6,
        n_repeats=4,
        random_state=0,
        ax=row,
    )
    for ax in row:
        ax.set_title(f"{ax.get_title()}, {name}")
    gain = display.model_error.mean(axis=2) - display.baseline_error.mean()
    print(f"{name:13} by features", gain[0].round(2), "by label", gain[1].round(2))
plt.show()

# %%
# Labels of mixes get worse with the distance between features (blue), for both
# regressors. The trees still gain from mixes of near rows: these smooth them. The
# kernel model is smooth by itself, and loses by every mix. This is why skmix asks the
# estimator that the rows are for, and no other.
#
# The distance between labels (orange) says little here: on this function, rows of the
# same label can lie anywhere. Where labels follow from one strong feature it says more.
# The first bin holds the nearest sixth of all pairs, and is far from nearest
# neighbours, so that an absence of gain in it is no proof against near mixes.
