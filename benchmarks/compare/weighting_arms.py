"""Ways to deal with wrong and with rare labels, and the estimators that they serve."""

from __future__ import annotations

from functools import partial

import numpy as np
from active_arms import make_cnn
from cleanlab.filter import find_label_issues
from cleanlab.regression.learn import CleanLearning as CleanRegression
from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor
from sklearn.linear_model import LogisticRegression, RidgeCV
from sklearn.model_selection import cross_val_predict
from sklearn.utils.class_weight import compute_sample_weight

from skmix.active import LADAClassifier
from skmix.imbalance import NetworkClassifier
from skmix.regression import NetworkRegressor
from skmix.weighting import (
    LearnedWeightClassifier,
    LearnedWeightRegressor,
    SampleWeightLearner,
)

DOWNSTREAM = ("linear", "MLP", "RandomForest")


def make_resnet(shape, n_classes):
    """A convolution and two residual blocks, normalised over groups of channels."""
    from torch import nn

    class Residual(nn.Module):
        def __init__(self, n_in, n_out):
            super().__init__()
            self.main = nn.Sequential(
                nn.Conv2d(n_in, n_out, 3, padding=1, bias=False),
                nn.GroupNorm(4, n_out),
                nn.ReLU(),
                nn.Conv2d(n_out, n_out, 3, padding=1, bias=False),
                nn.GroupNorm(4, n_out),
            )
            self.shortcut = nn.Conv2d(n_in, n_out, 1) if n_in < n_out else nn.Identity()

        def forward(self, X):
            return (self.main(X) + self.shortcut(X)).relu()

    stem = nn.Sequential(
        nn.Conv2d(shape[0], 16, 3, padding=1, bias=False),
        nn.GroupNorm(4, 16),
        nn.ReLU(),
    )
    return nn.Sequential(
        nn.Sequential(stem, nn.MaxPool2d(2)),
        nn.Sequential(Residual(16, 16), nn.MaxPool2d(2)),
        nn.Sequential(Residual(16, 32), nn.AdaptiveAvgPool2d(1), nn.Flatten()),
        nn.Linear(32, n_classes),
    )


def make_estimator(name, task, seed):
    """An estimator of a kind that the arms are to serve."""
    if name in ("CNN", "ResNet"):
        make = make_cnn if name == "CNN" else make_resnet
        return LADAClassifier(make, max_iter=20, batch_size=64, random_state=seed)
    network = {"early_stopping": False, "max_iter": 500, "random_state": seed}
    if task == "regression":
        network["max_iter"] = 2000
        return {
            "linear": RidgeCV(np.logspace(-3, 3, 7)),
            "MLP": NetworkRegressor(64, **network),
            "RandomForest": RandomForestRegressor(random_state=seed),
        }[name]
    return {
        "linear": LogisticRegression(max_iter=500),
        "MLP": NetworkClassifier(64, **network),
        "RandomForest": RandomForestClassifier(random_state=seed),
    }[name]


class Arm:
    """All estimators, fitted with the same weights, and clean rows at weight 1."""

    def __init__(self, weigh, clean=True, only=None):
        self.weigh = weigh
        self.clean = clean
        self.only = only

    def takes_part(self, data, kind, problem):
        return self.only is None or self.only(data, kind, problem)

    def fit(self, problem, names, seed):
        """Estimators by name, and the weights."""
        weight = self.weigh(problem, seed)
        models = {}
        for name in names:
            X, y, w = problem.X, problem.y, weight
            if self.clean:
                X = np.concatenate([X, problem.X_val])
                y = np.concatenate([y, problem.y_val])
                if w is not None:
                    w = np.append(w, np.ones(len(problem.X_val)))
            if w is not None:
                X, y, w = X[w > 0], y[w > 0], w[w > 0]
            model = make_estimator(name, problem.task, seed)
            models[name] = model.fit(X, y, sample_weight=w)
        return models, weight


class Guarded(Arm):
    """As a user would: the meta-estimator, by default with its guard."""

    def __init__(self):
        super().__init__(None)

    def fit(self, problem, names, seed):
        kind = {
            "regression": LearnedWeightRegressor,
            "classification": LearnedWeightClassifier,
        }[problem.task]
        models = {}
        for name in names:
            weighter = SampleWeightLearner(module=module_for(problem))
            model = kind(
                make_estimator(name, problem.task, seed),
                weighter=weighter,
                random_state=seed,
            )
            models[name] = model.fit(
                problem.X, problem.y, X_val=problem.X_val, y_val=problem.y_val
            )
        return models, models[names[0]].weighter_.sample_weight_


def module_for(problem):
    """The network that is trained on images afterwards; else that of the learner."""
    if problem.X.ndim < 4:
        return None
    return make_resnet if len(np.unique(problem.y)) == 2 else make_cnn


def learned(problem, seed, method, **params):
    """Weights by one of our methods, from the clean rows."""
    estimator = None
    if method == "dvrl":
        estimator = make_estimator("linear", problem.task, seed)
    learner = SampleWeightLearner(
        method,
        estimator=estimator,
        module=module_for(problem),
        random_state=seed,
        **params,
    )
    learner.fit(problem.X, problem.y, problem.X_val, problem.y_val)
    return learner.sample_weight_


def class_weights(problem, seed):
    """The weights that give each class the same sum."""
    return compute_sample_weight("balanced", problem.y)


def cross_validated(problem, seed):
    """Probabilities of the classes by a forest that has not seen the row."""
    forest = RandomForestClassifier(random_state=seed)
    X = problem.X.reshape(len(problem.X), -1)
    return cross_val_predict(forest, X, problem.y, cv=5, method="predict_proba")


def cleanlab_filter(problem, seed):
    """0 for the rows that cleanlab finds wrong, 1 for the others."""
    if problem.task == "regression":
        forest = RandomForestRegressor(n_estimators=30, random_state=seed)
        found = CleanRegression(forest, verbose=False, seed=seed).find_label_issues(
            problem.X, problem.y
        )
        return 1.0 - found["is_label_issue"].to_numpy(float)
    found = find_label_issues(problem.y, cross_validated(problem, seed))
    return 1.0 - found


def self_confidence(problem, seed):
    """The cross-validated probability of the label itself, as a weight."""
    proba = cross_validated(problem, seed)
    confidence = proba[np.arange(len(proba)), problem.y]
    return np.maximum(confidence, 1e-3)


def oracle(problem, seed):
    """What nobody knows: which rows are wrong."""
    return 1.0 - problem.is_wrong


def is_noise(data, kind, problem):
    return kind != "imbalance"


def of_classes(data, kind, problem):
    return problem.task == "classification"


def noise_of_classes(data, kind, problem):
    return kind != "imbalance" and problem.task == "classification"


def tables(data, kind, problem):
    return data != "cifar10"


ARMS = {
    "unweighted": Arm(lambda problem, seed: None, clean=False),
    "plus clean rows": Arm(lambda problem, seed: None),
    "class weights": Arm(class_weights, only=of_classes),
    "cleanlab filter": Arm(cleanlab_filter, only=is_noise),
    "self-confidence": Arm(self_confidence, only=noise_of_classes),
    "ren": Arm(partial(learned, method="ren", uniform_mix=0.0)),
    "hu": Arm(partial(learned, method="hu", uniform_mix=0.0)),
    "normalized": Arm(partial(learned, method="normalized")),
    "meta_net": Arm(partial(learned, method="meta_net")),
    "dvrl": Arm(partial(learned, method="dvrl"), only=tables),
    "default, guarded": Guarded(),
    "oracle": Arm(oracle, only=is_noise),
}
