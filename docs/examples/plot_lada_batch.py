"""
Which rows a query asks for
===========================

Eight rows to label next, out of 600, when twelve have a label. Where the background is
dark the classifier is in doubt. The rows of the greatest doubt lie side by side, and
would teach nearly the same. Spread over the eighty best, they lie along the borders.
The paper's LADA asks for pairs, which are worth what their mixes are, too.
"""

# %%
import numpy as np
from sklearn.datasets import make_blobs
from sklearn.linear_model import LogisticRegression

from skmix.active import LADASelector, Margin

centres = [(-2.2, 0), (2.2, 0), (0, 3.4)]
X, truth = make_blobs(600, centers=centres, cluster_std=1.1, random_state=0)
rng = np.random.RandomState(0)
known = np.concatenate([rng.choice(np.flatnonzero(truth == c), 4) for c in range(3)])
y = np.full(len(X), np.nan)
y[known] = truth[known]

# %%
classifier = LogisticRegression()
selectors = {
    "The greatest scores": LADASelector(
        classifier, augmentation=None, diversity=None, random_state=0
    ),
    "Spread, the default": LADASelector(classifier, random_state=0),
    "Pairs, as in the paper": LADASelector(
        classifier,
        acquisition="entropy",
        pairing="random",
        diversity=None,
        random_state=0,
    ),
}

# %%
import matplotlib.pyplot as plt

low, high = X.min(axis=0) - 0.3, X.max(axis=0) + 0.3
side = np.linspace(low, high, 200)
grid = np.stack(np.meshgrid(*side.T), axis=-1).reshape(-1, 2)
figure, axes = plt.subplots(1, 3, figsize=(13, 4.2), layout="constrained")
for ax, (title, selector) in zip(axes, selectors.items(), strict=True):
    rows = selector.query(X, y, batch_size=8)
    doubt = Margin().score(selector.estimator_.predict_proba(grid)).reshape(200, 200)
    extent = (low[0], high[0], low[1], high[1])
    ax.imshow(doubt, origin="lower", extent=extent, cmap="Greys", vmax=2)
    ax.plot(*X.T, ".", color="#7F7F7F", ms=2)
    for label, color in enumerate(("#0072B2", "#E69F00", "#009E73")):
        ax.plot(*X[y == label].T, "s", color=color, ms=8, mec="white")
    if title.startswith("Pairs"):
        for pair in selector.pairs_:
            ax.plot(*X[pair].T, color="#D55E00", linewidth=1.5)
    ax.plot(*X[rows].T, "o", color="#D55E00", ms=9, mec="white")
    ax.set(title=title, xticks=[], yticks=[], aspect="auto")
    ax.spines[:].set_visible(False)

# %%
# Squares have a label, circles are asked for, lines join the pairs. What a choice is
# worth can only be seen over many rounds and seeds:
# :doc:`/auto_examples/plot_learning_curve`.
