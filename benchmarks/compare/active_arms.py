"""What active.py compares: classifiers, and ways to choose rows and to train."""

from __future__ import annotations

from functools import partial

import numpy as np
from sklearn.base import BaseEstimator, ClassifierMixin, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.neighbors import NearestNeighbors

from skmix.active import (
    CVAE,
    AdaMixup,
    InfoMixup,
    InfoSTN,
    LADAClassifier,
    LADASelector,
)


def make_cnn(shape, n_classes):
    """Two convolutions and a hidden layer; dropout for BALD."""
    from torch import nn

    channels, height, width = shape
    flat = 32 * (height // 4) * (width // 4)
    return nn.Sequential(
        nn.Sequential(
            nn.Conv2d(channels, 16, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)
        ),
        nn.Sequential(nn.Conv2d(16, 32, 3, padding=1), nn.ReLU(), nn.MaxPool2d(2)),
        nn.Sequential(nn.Flatten(), nn.Linear(flat, 64), nn.ReLU(), nn.Dropout(0.2)),
        nn.Linear(64, n_classes),
    )


class SelfTraining(ClassifierMixin, BaseEstimator):
    """Trains again with what it is sure of: rows of the pool, or mixes of them.

    Of as many mixes of near rows as there are rows; what is predicted with a
    probability of 0.9 becomes a label, and all of these weigh what the labels do.
    """

    def __init__(self, estimator, pool, mixes):
        self.estimator = estimator
        self.pool = pool
        self.mixes = mixes

    def fit(self, X, y, sample_weight=None):
        weight = np.ones(len(y)) if sample_weight is None else sample_weight
        model = clone(self.estimator).fit(X, y, sample_weight=weight)
        rows = self.pool
        if self.mixes:
            rng = np.random.RandomState(len(y))
            near = NearestNeighbors(n_neighbors=6).fit(rows).kneighbors(rows)[1]
            partner = near[np.arange(len(rows)), rng.randint(1, 6, len(rows))]
            ratio = rng.beta(2, 2, size=(len(rows), 1))
            rows = ratio * rows + (1 - ratio) * rows[partner]
        p = model.predict_proba(rows)
        sure = p.max(axis=1) > 0.9
        labels = model.classes_[p.argmax(axis=1)][sure]
        extra = np.full(len(labels), len(y) / max(len(labels), 1))
        self.estimator_ = clone(self.estimator).fit(
            np.concatenate([X, rows[sure]]),
            np.concatenate([y, labels]),
            sample_weight=np.concatenate([weight, extra]),
        )
        self.classes_ = self.estimator_.classes_
        return self

    def predict(self, X):
        return self.estimator_.predict(X)

    def predict_proba(self, X):
        return self.estimator_.predict_proba(X)


MLP = partial(LADAClassifier, hidden_layer_sizes=(64, 64))
CNN = partial(LADAClassifier, make_cnn)

# Trees, a linear model, and networks of torch: begun anew in each round, as
# scikit-learn does, and trained on, as the paper does.
CLASSIFIERS = {
    "RandomForest": lambda seed: RandomForestClassifier(random_state=seed),
    "LogisticRegression": lambda seed: LogisticRegression(max_iter=1000),
    "MLP": lambda seed: MLP(random_state=seed),
    "CNN": lambda seed: CNN(random_state=seed),
    "MLP, warm": lambda seed: MLP(warm_start=True, random_state=seed),
}
NETWORKS = ("MLP", "CNN", "MLP, warm")

ROWS = {"augmentation": None}
TOP = {"diversity": None}
# LADA as in its paper but for the acquisition and the augmentation.
PAPER = {
    "pairing": "random",
    "diversity": None,
    "virtual_scope": "round",
    "max_candidates": 2000,
}
# The paper's pipelines: first rows by their own scores, then mixes of them.
AFTER = {"lookahead": False, "diversity": None, "virtual_scope": "round"}

# For every classifier. "mixing" stands for mixup, at a hidden layer of networks.
FOR_ALL = {
    "Random": {"acquisition": "random", **ROWS},
    "Entropy": {"acquisition": "entropy", **ROWS, **TOP},
    "Var Ratio": {"acquisition": "var_ratio", **ROWS, **TOP},
    "Margin": {**ROWS, **TOP},
    "BADGE": {"acquisition": "badge", **ROWS},
    "Coreset": {"acquisition": "coreset", **ROWS},
    "VAAL": {"acquisition": "vaal", **ROWS, **TOP},
    "Entropy, then mixing": {
        "acquisition": "entropy",
        "augmentation": "mixing",
        **AFTER,
    },
    "Entropy, then AdaMixup": {
        "acquisition": "entropy",
        "augmentation": AdaMixup(),
        **AFTER,
    },
    "LADA, fixed": {"acquisition": "entropy", "augmentation": "mixing", **PAPER},
    "LADA, quadrature": {"acquisition": "entropy", **PAPER},
    "LADA, no look-ahead": {"acquisition": "entropy", **PAPER, "lookahead_weight": 0},
    "LADA, no mixed rows": {"acquisition": "entropy", **PAPER, "virtual_scope": None},
    "LADA, Var Ratio": {"acquisition": "var_ratio", **PAPER},
    "LADA, VAAL": {"acquisition": "vaal", **PAPER},
    "LADA, margin": PAPER,
    "default": {},
    "no look-ahead": {"lookahead": False},
    "no mixed rows": {"virtual_scope": None},
    "no diversity": TOP,
    "spread margin": ROWS,
    "mixed rows": {"virtual_scope": "all"},
    "Margin, mixed rows": {"lookahead": False, "virtual_scope": "all", **TOP},
    "Random, mixed rows": {
        "acquisition": "random",
        "augmentation": "mixing",
        "lookahead": False,
        "virtual_scope": "all",
    },
    "labelled neighbours": {"pairing": "labeled"},
    "random pairs": {"pairing": "random"},
    "twice the look-ahead": {"lookahead_weight": 2.0},
    # With the same mixes in training: those of InfoMixup are of Beta(2, 2), too.
    "tau at 2": {"augmentation": InfoMixup((1.99, 2.01))},
    "near rows, not mixed": {"augmentation": InfoMixup((0.005, 0.01))},
}
# Spread margin, with another training.
TRAINED = {
    "self-training": ROWS,
    "self-training on mixes": ROWS,
    "twice the epochs": ROWS,
}
FOR_NETWORKS = {
    "LADA": {
        "acquisition": "entropy",
        "augmentation": InfoMixup(policy="network"),
        **PAPER,
    },
    "LADA, input": {
        "acquisition": "entropy",
        "augmentation": InfoMixup(layers=["input"]),
        **PAPER,
    },
    "policy network": {"augmentation": InfoMixup(policy="network")},
    "mixing at the input": {"augmentation": InfoMixup(layers=["input"])},
}
FOR_MEMBERS = {
    "BALD": {"acquisition": "bald", **ROWS, **TOP},
    "BGADL": {"acquisition": "bald", "augmentation": CVAE(), **AFTER},
}
FOR_IMAGES = {
    "LADA, STN fixed": {"acquisition": "entropy", "augmentation": "stn", **PAPER},
    "LADA, STN": {"acquisition": "entropy", "augmentation": InfoSTN(), **PAPER},
}
ARMS = {**FOR_ALL, **TRAINED, **FOR_NETWORKS, **FOR_MEMBERS, **FOR_IMAGES}

# What the paper compares, for networks that are trained on.
OF_THE_PAPER = (
    "Random",
    "Entropy",
    "Margin",
    "Entropy, then mixing",
    "LADA, fixed",
    "LADA",
    "LADA, no mixed rows",
    "default",
)
# For the images of CIFAR-10, which take minutes.
FEW = (
    *OF_THE_PAPER,
    "BADGE",
    "Coreset",
    "LADA, STN",
    "spread margin",
    "no mixed rows",
    "Random, mixed rows",
    "twice the epochs",
)


def takes_part(arm, classifier, data):
    """Whether an arm makes sense for a classifier, and is worth its time."""
    if classifier == "MLP, warm":
        return arm in OF_THE_PAPER
    if data == "cifar10" and arm not in FEW:
        return False
    if arm in FOR_IMAGES:
        return classifier == "CNN"
    if arm == "twice the epochs":
        return classifier in NETWORKS
    if arm in TRAINED:
        return classifier not in NETWORKS
    # By default a linear model trains without mixes, the others with them.
    if arm in ("mixed rows", "no mixed rows"):
        return (classifier == "LogisticRegression") == (arm == "mixed rows")
    if arm in FOR_MEMBERS:
        return classifier in ("RandomForest", "CNN")
    if arm in FOR_NETWORKS:
        return classifier in NETWORKS
    return True


def make_estimator(arm, classifier, seed, X):
    """The classifier of an arm; X is the pool."""
    estimator = CLASSIFIERS[classifier](seed)
    if arm == "twice the epochs":
        return estimator.set_params(max_iter=2 * estimator.max_iter)
    if arm in TRAINED:
        return SelfTraining(estimator, X, arm == "self-training on mixes")
    return estimator


def make_selector(arm, classifier, seed):
    """The selector of an arm."""
    settings = dict(ARMS[arm])
    if settings.get("augmentation") == "mixing":
        hidden = classifier in NETWORKS
        settings["augmentation"] = "manifold_mixup" if hidden else "mixup"
    if arm == "no look-ahead":
        # Trained as the default is.
        linear = classifier == "LogisticRegression"
        settings["virtual_scope"] = None if linear else "all"
    return LADASelector(random_state=seed, **settings)
