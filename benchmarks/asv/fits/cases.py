"""One fit of each estimator, for any number of rows and columns."""

from __future__ import annotations

import warnings
from functools import partial

import numpy as np
from sklearn.linear_model import LogisticRegression, Ridge, SGDClassifier

from skmix import active, human, imbalance, regression, weighting

# Rows are made in blocks, so that they are all that is in memory.
BLOCK = 100_000
N_HELD_OUT = 1000
N_LABELED = 500
SHARE_OF_RARE = 0.05
N_CLASSES_OF_PAIRS = 10


def curve(X):
    """Labels without noise."""
    return np.sin(2 * X[:, 0]) + X[:, 1] * X[:, 2]


def make_rows(n, p, dtype=np.float64):
    """Rows, labels, and classes of which one is rare."""
    rng = np.random.RandomState(0)
    X = np.empty((n, p), dtype)
    for start in range(0, n, BLOCK):
        block = X[start : start + BLOCK]
        block[:] = rng.normal(size=block.shape)
    y = curve(X) + 0.3 * rng.normal(size=n)
    return X, y, (y > np.quantile(y, 1 - SHARE_OF_RARE)).astype(int)


def held_out(p):
    """Rows to judge by."""
    rng = np.random.RandomState(1)
    X = rng.normal(size=(N_HELD_OUT, p))
    return {"X_val": X, "y_val": curve(X) + 0.3 * rng.normal(size=N_HELD_OUT)}


def resample(make, X, labels, given=None):
    """Fit a resampler and mix."""
    return make().fit_resample(X, labels, **(given or {}))


def query(X, classes):
    """Choose 20 rows to label, by a look-ahead."""
    y = np.full(len(X), np.nan)
    y[:N_LABELED] = classes[:N_LABELED]
    selector = active.LADASelector(LogisticRegression(), random_state=0)
    return selector.query(X, y, batch_size=20)


def fit(make, X, labels):
    """Fit what has no mixes."""
    return make().fit(X, labels)


def fit_answers(n):
    """Fit how people see mixes of ten classes."""
    rng = np.random.RandomState(0)
    first = rng.randint(N_CLASSES_OF_PAIRS, size=n)
    second = (first + rng.randint(1, N_CLASSES_OF_PAIRS, size=n)) % N_CLASSES_OF_PAIRS
    part = rng.uniform(size=n)
    seen = np.clip(part + 0.2 * rng.normal(size=n), 0, 1)
    return partial(
        human.HumanMixPolicy().fit, np.column_stack([first, second, part]), seen
    )


SEED = {"random_state": 0}
ON_CPU = {"random_state": 0, "device": "cpu"}
# Of numbers, without held-out rows.
REGRESSION = {
    "MixupResampler": partial(regression.MixupResampler, **SEED),
    "CMixupResampler": partial(regression.CMixupResampler, **SEED),
    "CMixupResampler, auto": partial(
        regression.CMixupResampler, Ridge(), bandwidth="auto", **SEED
    ),
    "KNNMixupResampler, k = 8": partial(regression.KNNMixupResampler, k=8, **SEED),
    "AdaMixupResampler": partial(regression.AdaMixupResampler, Ridge(), **ON_CPU),
    "MixRLResampler": partial(regression.MixRLResampler, Ridge(), **ON_CPU),
    "MixRLResampler, max_samples": partial(
        regression.MixRLResampler, Ridge(), max_samples=10_000, **ON_CPU
    ),
}
JUDGED_BY_HELD_OUT = {
    "MixRLResampler, held-out rows": "MixRLResampler",
    "MixRLResampler, both": "MixRLResampler, max_samples",
}
CLASSIFICATION = {
    "AverageSampler": partial(imbalance.AverageSampler, **SEED),
    "MixupSampler": partial(imbalance.MixupSampler, **SEED),
    "MixBoostSampler": partial(imbalance.MixBoostSampler, **SEED),
    "MixAnNSampler": partial(imbalance.MixAnNSampler, SGDClassifier(), **ON_CPU),
    "MixAnNSampler, max_samples": partial(
        imbalance.MixAnNSampler, SGDClassifier(), max_samples=10_000, **ON_CPU
    ),
    "AutoSMOTESampler": partial(imbalance.AutoSMOTESampler, SGDClassifier(), **ON_CPU),
    "LearnedAugmenter": partial(
        weighting.LearnedAugmenter, SGDClassifier(loss="log_loss"), **ON_CPU
    ),
}
# Without mixes.
REGRESSORS = {"NetworkRegressor": partial(regression.NetworkRegressor, **ON_CPU)}
CLASSIFIERS = {
    "NetworkClassifier": partial(imbalance.NetworkClassifier, **ON_CPU),
    "LADAClassifier": partial(active.LADAClassifier, **ON_CPU),
    "SampleWeightLearner": partial(weighting.SampleWeightLearner, **ON_CPU),
}


def make_case(name, n, p, dtype=np.float64):
    """Make what runs a case, with its rows in place."""
    X, y, classes = make_rows(n, p, dtype)
    if name in CLASSIFICATION:
        return partial(resample, CLASSIFICATION[name], X, classes)
    if name in REGRESSION:
        return partial(resample, REGRESSION[name], X, y)
    if name in JUDGED_BY_HELD_OUT:
        make = REGRESSION[JUDGED_BY_HELD_OUT[name]]
        return partial(resample, make, X, y, held_out(p))
    if name in REGRESSORS:
        return partial(fit, REGRESSORS[name], X, y)
    if name in CLASSIFIERS:
        return partial(fit, CLASSIFIERS[name], X, classes)
    if name == "HumanMixPolicy":
        return fit_answers(n)
    if name == "LADASelector.query":
        return partial(query, X, classes)
    return lambda: None


NAMES = (
    "nothing",
    *REGRESSION,
    *JUDGED_BY_HELD_OUT,
    *CLASSIFICATION,
    *REGRESSORS,
    *CLASSIFIERS,
    "LADASelector.query",
    "HumanMixPolicy",
)


def warm_up():
    """Load what a first fit loads."""
    warnings.simplefilter("ignore")
    X, y, classes = make_rows(40, 3)
    few = regression.MixRLResampler(max_iter=1, guard=False, **ON_CPU)
    few.fit(X, y, X_val=X, y_val=y)
    weighting.SampleWeightLearner(max_iter=1, **ON_CPU).fit(X, classes)
