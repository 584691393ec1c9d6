"""
Does mixing help? It depends on the estimator
=============================================

:func:`~skmix.compare_resamplers` fits every estimator with every resampler, and with
none, on the same splits, and says what the difference is worth.
"""

# %%
# Three regressors on scikit-learn's diabetes data: boosted trees of many leaves, the
# same with eight leaves each, and a linear model. ``MixRLResampler()`` is given no
# estimator: it learns what helps the one that it is compared with.
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingRegressor
from sklearn.linear_model import RidgeCV

from skmix import compare_resamplers
from skmix.regression import CMixupResampler, MixRLResampler, MixupResampler

X, y = load_diabetes(return_X_y=True)
boosting = {"max_iter": 30, "learning_rate": 0.2, "random_state": 0}
comparison = compare_resamplers(
    {
        "large trees": HistGradientBoostingRegressor(min_samples_leaf=5, **boosting),
        "small trees": HistGradientBoostingRegressor(max_leaf_nodes=8, **boosting),
        "linear model": RidgeCV(),
    },
    X,
    y,
    {
        "mixup": MixupResampler(),
        "C-Mixup": CMixupResampler(),
        "MixRL": MixRLResampler(),
    },
    random_state=0,
)
comparison

# %%
# A row is a resampler. "vs none" is the mean difference to the untouched data with its
# standard error; "worse in" is the share of splits in which the resampler lost.
# "accepted" is the share of fits in which MixRL itself found that mixing helps.
#
# The large trees, which overfit, gain most; that MixRL is ahead of plain mixup there is
# not certain ("vs best rival"). The small trees gain less than can be told from chance.
# The linear model gains nothing; MixRL sees that and leaves its rows as they are. Mind
# the scores as well: the linear model without any mixing beats the trees with the best
# of it. A better model comes before a better mix.
import matplotlib.pyplot as plt

comparison.plot()
plt.show()
