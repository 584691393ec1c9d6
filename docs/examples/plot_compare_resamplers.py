"""
Does mixing help? It depends on the estimator
=============================================

:func:`~skmix.compare_resamplers` fits every estimator with every resampler, and with
none, on the same splits, and says what the difference is worth.
"""

# %%
# Two regressors on scikit-learn's diabetes data: boosted trees with small leaves, and a
# linear model. ``MixRLResampler()`` is given no estimator: it asks the one that it is
# compared with.
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV
from sklearn.model_selection import KFold

from skmix import compare_resamplers
from skmix.regression import CMixupResampler, MixRLResampler, MixupResampler

X, y = load_diabetes(return_X_y=True)
comparison = compare_resamplers(
    {
        "trees": HistGradientBoostingRegressor(
            max_iter=30, learning_rate=0.2, min_samples_leaf=5, random_state=0
        ),
        "linear model": RidgeCV(),
    },
    X,
    y,
    {
        "mixup": MixupResampler(),
        "C-Mixup": CMixupResampler(),
        "MixRL": MixRLResampler(),
    },
    cv=KFold(5, shuffle=True, random_state=0),
    random_state=0,
)
comparison

# %%
# A row is a resampler. "vs none" is the mean difference to the untouched data with its
# standard error; "worse in" is the share of splits in which the resampler lost.
# "accepted" is the share of fits in which the resampler itself found that mixing helps;
# a fixed recipe asks nobody.
#
# The trees overfit, and gain by MixRL; what they gain by the fixed recipes cannot be
# told from chance. A kernel model has a share in the labels of MixRL's mixes, and trees
# that learn from these become nearly as smooth as it. The linear model has nothing to
# gain; MixRL sees that, and leaves its rows as they are. Mind the scores as well: the
# linear model without any mixing does as well as the trees with the best of it. A
# better model comes before a better mix.
import matplotlib.pyplot as plt

comparison.plot()
plt.show()
