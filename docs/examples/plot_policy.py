"""
Held-out rows from another distribution
=======================================

The training rows are biased: patients whose disease progresses fast are rare among
them. A held-out set is not biased, but must not be trained on. This is what MixRL with
``X_val, y_val`` is for.
"""

# %%
# Scikit-learn's diabetes data, in ten random splits: 120 training rows, drawn with
# weights that fall with the target; of the others, 200 held-out rows and 122 test rows,
# not biased.
import numpy as np
from sklearn.datasets import load_diabetes

X, y = load_diabetes(return_X_y=True)
bias = np.exp(-1.5 * (y - y.mean()) / y.std())


def split(seed):
    rng = np.random.RandomState(seed)
    train = rng.choice(len(X), 120, replace=False, p=bias / bias.sum())
    rest = rng.permutation(np.setdiff1d(np.arange(len(X)), train))
    return train, rest[:200], rest[200:]


# %%
# Beside mixing as learned there is a control: the same numbers of neighbours, dealt out
# to the rows at random. What MixRL gains beyond it was learned. The last arm breaks the
# rule, and trains on the held-out rows too.
import copy

from sklearn.ensemble import RandomForestRegressor
from sklearn.metrics import root_mean_squared_error

from skmix.regression import CMixupResampler, MixRLResampler


def one_split(seed):
    train, held_out, test = split(seed)
    data, both = (X[train], y[train]), np.append(train, held_out)
    regressor = RandomForestRegressor(50, random_state=0)
    mixrl = MixRLResampler(regressor, random_state=seed)
    mixrl.fit(*data, X_val=X[held_out], y_val=y[held_out])
    control = copy.copy(mixrl)
    rng = np.random.RandomState(seed)
    control.options_ = np.column_stack([rng.permutation(k) for k in mixrl.options_.T])
    arms = {
        "none": data,
        "C-Mixup": CMixupResampler(random_state=seed).fit_resample(*data),
        "control": control.resample(),
        "MixRL": mixrl.resample(),
        "held-out rows\ntrained on": (X[both], y[both]),
    }
    errors = {
        name: root_mean_squared_error(y[test], regressor.fit(*rows).predict(X[test]))
        for name, rows in arms.items()
    }
    return errors, mixrl


results = [one_split(seed) for seed in range(10)]
errors = {name: np.array([e[name] for e, _ in results]) for name in results[0][0]}
mixrl = results[0][1]
print(mixrl.chosen_)

# %%
# The splits overlap, so that plain standard errors would be too small:
# :func:`~skmix.model_selection.corrected_paired_difference` makes up for that.
from skmix.model_selection import corrected_paired_difference

print("RMSE, mean of 10 splits; difference to none, with its standard error; better in")
for name, error in errors.items():
    difference, deviation = corrected_paired_difference(
        error, errors["none"], test_train_ratio=122 / 120
    )
    name, better = name.replace("\n", " "), (error < errors["none"]).sum()
    gain = f"{difference:+6.1f} ± {deviation:<4.1f}"
    print(f"{name:25} {error.mean():5.1f} {gain} {better:3}")

# %%
# Left: each thin line is a split. Right: :class:`~skmix.plotting.PolicyDisplay` shows
# with how many neighbours rows of the first split are mixed. Most are not mixed at all;
# the others differ widely, and this is what the method is about.
import matplotlib.pyplot as plt

from skmix.plotting import PolicyDisplay

figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
left.plot(list(errors), np.array(list(errors.values())), color="0.8", linewidth=0.8)
left.plot(
    list(errors),
    [error.mean() for error in errors.values()],
    "o",
    color="#0072B2",
    label="mean of 10 splits",
)
left.set(ylabel="Test RMSE", title="Random forest on ten splits")
left.legend(frameon=False)
left.spines[["top", "right"]].set_visible(False)
PolicyDisplay.from_estimator(mixrl, ax=right)
right.set(title="The first split")
plt.show()

# %%
# MixRL is ahead of the fixed recipe and of its own control. Training on the held-out
# rows is far ahead of MixRL: where that is allowed, do it. How the policy was learned,
# :doc:`plot_history` shows.
