"""
Does oversampling help?
=======================

:func:`~skmix.compare_resamplers` compares samplers of skmix and of imbalanced-learn, on
the same splits, with the untouched data and with two rivals that need no new rows:
class weights and a tuned threshold.
"""

# %%
# A simulated table of 800 rows, each class in three clusters, one row in 13 rare. There
# are two classifiers and six samplers. MixAnN asks the classifier whether mixing helps,
# MixBoost of which rows it is unsure; the others ask nothing.
from imblearn.over_sampling import ADASYN, SMOTE, BorderlineSMOTE
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import KNeighborsClassifier

from skmix import compare_resamplers
from skmix.imbalance import AverageSampler, MixAnNSampler, MixBoostSampler

X, y = make_classification(
    800,
    n_features=8,
    n_informative=4,
    n_redundant=0,
    n_clusters_per_class=3,
    weights=[0.93],
    random_state=0,
)
comparison = compare_resamplers(
    {"nearest rows": KNeighborsClassifier(), "linear model": LogisticRegression()},
    X,
    y,
    {
        "SMOTE": SMOTE(),
        "BorderlineSMOTE": BorderlineSMOTE(),
        "ADASYN": ADASYN(),
        "averages": AverageSampler(),
        "MixBoost": MixBoostSampler(),
        "MixAnN": MixAnNSampler(),
    },
    random_state=0,
)
comparison

# %%
# The two rivals are the last rows of each classifier. "vs none" is the difference to
# the untouched data, which the figure shows; "vs best rival" is that to the best of all
# other rows.
#
# SMOTE and its relatives nearly double the rows, and gain nothing that can be told from
# chance. For the linear model they lose more than one standard error, as class weights
# do: it calls too many rows rare.
#
# For nearest rows MixAnN is the only one that gains more than two standard errors, with
# 67 new rows where the others have 542. It is not clearly better than a tuned
# threshold, though. For the linear model MixBoost and MixAnN gain, and a tuned
# threshold, which needs no new rows, gains as much. The summary says so: where
# something simpler does the same, take that.
#
# The last table has the probabilities, by log-loss and Brier score. A threshold leaves
# them as they are. Rows added until the classes are balanced spoil them, MixAnN's few
# rows much less.
#
# This is one table with 61 rare rows, and the bars are long. On another one the order
# may be another.
import matplotlib.pyplot as plt

comparison.plot()
plt.show()
