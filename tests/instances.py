"""One table of instances: every check suite runs on each of them.

Instances are tiny, as the suites fit them some eighty times. Expected failures carry
their reason; one that passes after all is an error.
"""

from imblearn.over_sampling import SMOTE
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.neighbors import KNeighborsClassifier
from sklearn.tree import DecisionTreeClassifier

from skmix.active import InfoMixup, LADAClassifier, LADASelector
from skmix.base import BaseMixResampler
from skmix.compose import ResampledClassifier, ResampledRegressor
from skmix.imbalance import (
    AutoSMOTESampler,
    AverageSampler,
    MixAnNSampler,
    MixBoostSampler,
    MixupSampler,
    NetworkClassifier,
)
from skmix.regression import (
    AdaMixupResampler,
    CMixupResampler,
    KNNMixupResampler,
    MixRLResampler,
    MixupResampler,
    NetworkRegressor,
)
from skmix.weighting import (
    LearnedAugmenter,
    LearnedWeightClassifier,
    LearnedWeightRegressor,
    SampleWeightLearner,
)

REGRESSION_RESAMPLERS = [
    MixupResampler(random_state=0),
    MixupResampler(mix_ratio=0.5, random_state=0),
    CMixupResampler(random_state=0),
    CMixupResampler(Ridge(), bandwidth="auto", cv=2, random_state=0),
    KNNMixupResampler(k=2, random_state=0),
    KNNMixupResampler(Ridge(), candidates=(1, 2), cv=2, random_state=0),
    AdaMixupResampler(Ridge(), max_iter=2, cv=2, random_state=0),
    MixRLResampler(Ridge(), candidate_neighbors=(2,), cv=2, random_state=0),
]
SAMPLERS = [
    AverageSampler(random_state=0),
    MixupSampler(random_state=0),
    MixupSampler(sampling_strategy=None, random_state=0),
    MixBoostSampler(n_rounds=2, random_state=0),
    MixBoostSampler(LogisticRegression(max_iter=1000), n_rounds=2, random_state=0),
    MixAnNSampler(search="none", n_finalists=1, cv=2, random_state=0),
    MixAnNSampler(KNeighborsClassifier(3), cv=2, guard=False, random_state=0),
    MixAnNSampler(
        LogisticRegression(max_iter=1000),
        search="none",
        n_finalists=1,
        cv=2,
        random_state=0,
    ),
    MixAnNSampler(method="ddpg", max_iter=1, max_steps=2, cv=2, random_state=0),
    AutoSMOTESampler(max_iter=2, cv=2, random_state=0),
]
SELECTORS = [
    LADASelector(LogisticRegression(max_iter=1000), guard=False, random_state=0),
    LADASelector(DecisionTreeClassifier(), random_state=0),
    LADASelector(
        LADAClassifier(hidden_layer_sizes=8, max_iter=2),
        acquisition="entropy",
        augmentation=InfoMixup(policy="network", max_iter=1),
        pairing="random",
        diversity=None,
        guard=False,
        random_state=0,
    ),
]
CLASSIFIERS = [
    LADAClassifier(
        hidden_layer_sizes=8, learning_rate=0.05, max_iter=20, random_state=0
    ),
    NetworkClassifier(8, learning_rate=0.05, max_iter=100, random_state=0),
    NetworkClassifier(
        8,
        layer_norm=True,
        learning_rate=0.05,
        batch_size=200,
        max_iter=100,
        early_stopping=False,
        random_state=0,
    ),
]
REGRESSORS = [
    NetworkRegressor(8, learning_rate=0.05, max_iter=100, random_state=0),
    NetworkRegressor(
        8,
        layer_norm=True,
        learning_rate=0.05,
        batch_size=200,
        max_iter=100,
        early_stopping=False,
        random_state=0,
    ),
]
META_ESTIMATORS = [
    ResampledRegressor(),
    ResampledRegressor(Ridge(), resampler=CMixupResampler(random_state=0)),
    ResampledClassifier(),
    ResampledClassifier(
        LogisticRegression(), resampler=SMOTE(k_neighbors=1, random_state=0)
    ),
    ResampledClassifier(LogisticRegression(), resampler=MixupSampler(random_state=0)),
]

AUGMENTERS = [
    LearnedAugmenter(LogisticRegression(), max_iter=2, random_state=0),
    LearnedAugmenter(
        hidden_layer_sizes=4, max_iter=2, warm_up=0, guard=False, random_state=0
    ),
]
WEIGHT_LEARNERS = [
    SampleWeightLearner(method, hidden_layer_sizes=4, max_iter=2, random_state=0)
    for method in ("normalized", "hu", "ren", "meta_net", "dvrl")
]
WEIGHTED_CLASSIFIERS = [
    LearnedWeightClassifier(weighter=WEIGHT_LEARNERS[0]),
    LearnedWeightClassifier(
        KNeighborsClassifier(3), weighter=WEIGHT_LEARNERS[3], guard=False
    ),
]
WEIGHTED_REGRESSORS = [LearnedWeightRegressor(weighter=WEIGHT_LEARNERS[0])]

_IS_REGRESSION = "a resampler for regression, to which whole numbers are numbers"


def expected_failed_sklearn_checks(estimator):
    """Checks of scikit-learn that an instance fails, and why."""
    if isinstance(estimator, LADAClassifier):
        reason = "a row of weight 2 is in one batch of an epoch, two equal rows in two"
        return {"check_sample_weight_equivalence_on_dense_data": reason}
    if isinstance(estimator, NetworkRegressor | NetworkClassifier):
        reason = "float32: sums of other terms differ by more than the check's 1e-7"
        if estimator.early_stopping:
            reason = "a row of weight 2 is held out as a whole, of two equal rows one"
        return {"check_sample_weight_equivalence_on_dense_data": reason}
    if isinstance(estimator, LearnedWeightClassifier) and not estimator.guard:
        reason = "a row of weight 2 is in one batch of an epoch, two equal rows in two"
        return {"check_sample_weight_equivalence_on_dense_data": reason}
    if getattr(estimator, "resampler", None) is None:
        return {}
    reason = "a row of weight 2 is one parent of mixes, two equal rows are two"
    failed = {"check_sample_weight_equivalence_on_dense_data": reason}
    if isinstance(estimator.resampler, SMOTE):
        failed["check_sample_weight_equivalence_on_sparse_data"] = reason
    return failed


def expected_failed_imblearn_checks(estimator):
    """Checks of imbalanced-learn that an instance fails, and why."""
    if isinstance(estimator, LADASelector):
        failed = {
            "check_samplers_fit": "mixes of all classes: no sampling_strategy_",
            "check_samplers_multiclass_ova": "indicators are no classes to query",
        }
        if isinstance(estimator.estimator, LADAClassifier):
            failed["check_samplers_pandas_sparse"] = "a network takes dense rows"
        return failed
    if isinstance(estimator, LearnedAugmenter):
        failed = {"check_samplers_fit": "copies of all classes: no sampling_strategy_"}
        if estimator.estimator is None:
            failed["check_target_type"] = "continuous labels are welcome"
            failed["check_samplers_multiclass_ova"] = "indicators are three labels"
        else:
            failed["check_samplers_multiclass_ova"] = (
                "indicators are three labels, which the estimator does not take"
            )
        return failed
    if not isinstance(estimator, BaseMixResampler):
        return {}
    failed = {
        "check_target_type": f"{_IS_REGRESSION}, and continuous labels welcome",
        "check_samplers_one_label": f"{_IS_REGRESSION}: one value is fine",
        "check_samplers_fit": f"{_IS_REGRESSION}: there is no sampling_strategy_",
    }
    if getattr(estimator, "estimator", None) is None:
        # Those with a guard hand these data back as they were, which passes.
        failed["check_samplers_multiclass_ova"] = (
            f"{_IS_REGRESSION}: indicators are three labels"
        )
        failed["check_samplers_preserve_dtype"] = (
            "integer labels become float64, as what lies between two of them is none"
        )
    return failed
