"""The classifiers of the comparison on imbalanced data, and what is done for them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from imblearn.over_sampling import ADASYN, SMOTE, SVMSMOTE, BorderlineSMOTE
from report import Stopwatch
from sklearn.base import clone
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import f1_score, get_scorer
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.neighbors import KNeighborsClassifier
from sklearn.neural_network import MLPClassifier
from xgboost import XGBClassifier

from skmix import ResampledClassifier
from skmix._controls import make_controls
from skmix.imbalance import (
    AutoSMOTESampler,
    AverageSampler,
    Confidence,
    Improvement,
    MixAnNSampler,
    MixBoostSampler,
)

# A network that is trained for so many epochs is where longer training changes little.
EPOCHS = 60
# What the paper calls XGBoost with the linear kernel is gblinear.
CLASSIFIERS: dict[str, Callable] = {
    "KNN": lambda seed: KNeighborsClassifier(10),
    "logistic regression": lambda seed: LogisticRegression(max_iter=1000),
    "gblinear": lambda seed: XGBClassifier(
        n_estimators=100, booster="gblinear", n_jobs=1
    ),
    "boosted trees": lambda seed: XGBClassifier(n_estimators=100, n_jobs=1),
    "MLP": lambda seed: MLPClassifier((128, 64), max_iter=EPOCHS, random_state=seed),
}
RATIOS = (0.1, 0.25, 0.5, 1.0)


class Case(NamedTuple):
    """A classifier, the rows that it may be fitted on, and how long DDPG learns."""

    classifier: Any
    X: np.ndarray
    y: np.ndarray
    seed: int
    episodes: int

    @property
    def train(self):
        """Rows and labels."""
        return self.X, self.y


class Outcome(NamedTuple):
    """A fitted classifier, what that took, and what else there is to say."""

    model: Any
    rows_added: int
    sampler_seconds: float
    fit_seconds: float
    facts: dict[str, Any] = {}


def fitted(case, made, sampler_seconds, **facts):
    """Fit the classifier on rows and mixes."""
    watch = Stopwatch()
    model = clone(case.classifier).fit(*made)
    rows_added = len(made[0]) - len(case.X)
    return Outcome(model, rows_added, sampler_seconds, watch.read(), facts)


def by_control(name):
    """Arm that needs no new rows, as compare_resamplers has it."""

    def arm(case):
        scorers = {"f1_macro": get_scorer("f1_macro")}
        wrap, resampler = make_controls({name: case.classifier}, case.y, scorers)[name]
        watch = Stopwatch()
        classifier = clone(case.classifier)
        model = wrap(classifier, resampler=resampler, random_state=case.seed)
        return {name: Outcome(model.fit(*case.train), 0, 0.0, watch.read())}

    return arm


def by_sampler(name, make):
    """Arm of a sampler that judges nothing, or that is told not to."""

    def arm(case):
        watch = Stopwatch()
        made = make(case).set_params(random_state=case.seed).fit_resample(*case.train)
        return {name: fitted(case, made, watch.read())}

    return arm


def by_judge(name, make):
    """Two arms of a sampler with a guard: what it hands out, and what it would have."""

    def arm(case):
        sampler = make(case).set_params(random_state=case.seed)
        watch = Stopwatch()
        made = sampler.fit_resample(*case.train)
        seconds, accepted = watch.read(), sampler.accepted_
        guarded = fitted(case, made, seconds, accepted=accepted)
        # The draw of the fit is repeated, this time with the mixes.
        sampler.accepted_ = sampler.policy_ is not None
        unguarded = fitted(case, sampler.resample(), seconds)
        return {name: guarded, f"{name}, unguarded": unguarded}

    return arm


def family(case):
    """Fixed samplers by name, each with several ratios of the classes."""
    samplers = {name: make(case) for name, make in FIXED.items()}
    return {
        f"{name} {ratio}": clone(sampler).set_params(
            sampling_strategy=ratio, random_state=case.seed
        )
        for name, sampler in samplers.items()
        for ratio in RATIOS
    }


def tuned_family(case):
    """Fixed sampler and ratio that are best by cross-validation with the classifier.

    A ratio that the classes have already, and a sampler that fails, are left out.
    """
    watch = Stopwatch()
    folds = StratifiedKFold(5, shuffle=True, random_state=case.seed)
    samplers, scores = {"none": None, **family(case)}, {}
    for name, sampler in samplers.items():
        model = ResampledClassifier(case.classifier, resampler=sampler)
        try:
            predicted = cross_val_predict(model, *case.train, cv=folds)
        except ValueError:
            continue
        scores[name] = f1_score(case.y, predicted, average="macro")
    best = max(scores, key=scores.__getitem__)
    made = case.train
    if best != "none":
        made = samplers[best].fit_resample(*case.train)
    facts = {"chosen": best, "tried": len(scores)}
    return {"tuned family": fitted(case, made, watch.read(), **facts)}


def mixann(**parameters):
    """How to make MixAnN for the classifier of a case."""
    return lambda case: MixAnNSampler(case.classifier, device="cpu", **parameters)


def ddpg(**parameters):
    """The same with actor and critic."""
    return lambda case: MixAnNSampler(
        case.classifier,
        method="ddpg",
        max_iter=case.episodes,
        device="cpu",
        **parameters,
    )


FIXED: dict[str, Callable] = {
    "averaging": lambda case: AverageSampler(),
    "SMOTE": lambda case: SMOTE(),
    "BorderlineSMOTE": lambda case: BorderlineSMOTE(),
    "SVMSMOTE": lambda case: SVMSMOTE(),
    "ADASYN": lambda case: ADASYN(),
    "MixBoost": lambda case: MixBoostSampler(case.classifier),
}
# Each makes outcomes by name: what a guard holds back costs no second search.
ARMS: dict[str, Callable] = {
    "none": lambda case: {"none": fitted(case, case.train, 0.0)},
    **{name: by_control(name) for name in ("class weights", "tuned threshold")},
    **{name: by_sampler(name, make) for name, make in FIXED.items()},
    "tuned family": tuned_family,
    "MixAnN": by_judge("MixAnN", mixann()),
    "hand-set policies": by_judge("hand-set policies", mixann(search="none")),
    "random reward": by_sampler("random reward", mixann(reward="random", guard=False)),
    "DDPG": by_judge("DDPG", ddpg()),
    "DDPG, random reward": by_sampler(
        "DDPG, random reward", ddpg(reward="random", guard=False)
    ),
    "AutoSMOTE": by_judge(
        "AutoSMOTE", lambda case: AutoSMOTESampler(case.classifier, device="cpu")
    ),
    # What each factor of the reward is worth.
    "DDPG, improvement": by_sampler(
        "DDPG, improvement", ddpg(reward=10 * Improvement(), guard=False)
    ),
    "DDPG, confidence": by_sampler(
        "DDPG, confidence", ddpg(reward=10 * Confidence(), guard=False)
    ),
}
ABLATIONS = ("DDPG, improvement", "DDPG, confidence")
SLOW = ("AutoSMOTE", "DDPG", "DDPG, random reward", *ABLATIONS)


def takes_part(arm, classifier, data):
    """Leave out what would take hours: many fits of the network, slow learners."""
    if arm in ABLATIONS and data != "vowels":
        return False
    if arm in SLOW:
        return classifier == "KNN"
    return arm != "tuned family" or classifier != "MLP"
