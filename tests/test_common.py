"""The check suites of scikit-learn and imbalanced-learn, on every estimator."""

import pytest
from imblearn.utils import estimator_checks as imblearn_checks
from sklearn.utils import estimator_checks as sklearn_checks

from tests.instances import (
    AUGMENTERS,
    CLASSIFIERS,
    META_ESTIMATORS,
    REGRESSION_RESAMPLERS,
    REGRESSORS,
    SAMPLERS,
    SELECTORS,
    WEIGHT_LEARNERS,
    WEIGHTED_CLASSIFIERS,
    WEIGHTED_REGRESSORS,
    expected_failed_imblearn_checks,
    expected_failed_sklearn_checks,
)

pytestmark = pytest.mark.filterwarnings(
    # Some checks are on a handful of rows, or on data that scikit-learn warns of.
    "ignore::skmix.exceptions.JudgementWarning",
    "ignore::skmix.exceptions.WeightConcentrationWarning",
    "ignore::sklearn.exceptions.SkipTestWarning",
    "ignore:invalid value encountered in cast:RuntimeWarning",
)


def all_checks(suite, estimators, expected_failed_checks):
    """Every check of a suite that applies, with a readable name."""
    for number, estimator in enumerate(estimators):
        for instance, check in suite.estimator_checks_generator(
            estimator, expected_failed_checks={}
        ):
            name = getattr(check, "func", check).__name__
            reason = expected_failed_checks(estimator).get(name)
            yield pytest.param(
                instance,
                check,
                id=f"{type(estimator).__name__}-{number}-{name}",
                marks=[pytest.mark.xfail(reason=reason)] if reason else [],
            )


@pytest.mark.parametrize(
    ("estimator", "check"),
    list(
        all_checks(
            sklearn_checks,
            REGRESSION_RESAMPLERS
            + SAMPLERS
            + SELECTORS
            + CLASSIFIERS
            + REGRESSORS
            + META_ESTIMATORS
            + AUGMENTERS
            + WEIGHT_LEARNERS
            + WEIGHTED_CLASSIFIERS
            + WEIGHTED_REGRESSORS,
            expected_failed_sklearn_checks,
        )
    ),
)
def test_sklearn_checks(estimator, check):
    check(estimator)


@pytest.mark.parametrize(
    ("estimator", "check"),
    list(
        all_checks(
            imblearn_checks,
            REGRESSION_RESAMPLERS + SAMPLERS + SELECTORS + AUGMENTERS,
            expected_failed_imblearn_checks,
        )
    ),
)
def test_imblearn_checks(estimator, check):
    check(estimator)
