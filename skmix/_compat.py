"""The only file that touches private names of scikit-learn and imbalanced-learn."""

# imbalanced-learn adds "fit_resample" to the methods that metadata can be routed to
# when it is imported; classes defined before that have no set_fit_resample_request.
import imblearn.base  # noqa: F401
from imblearn.utils import check_sampling_strategy, check_target_type
from imblearn.utils._tags import InputTags, SamplerTags, Tags
from sklearn.base import BaseEstimator, _fit_context
from sklearn.utils._param_validation import (
    HasMethods,
    Interval,
    StrOptions,
    validate_parameter_constraints,
    validate_params,
)
from sklearn.utils._tags import TargetTags
from sklearn.utils.validation import _check_sample_weight, _num_samples

__all__ = [
    "HasMethods",
    "Interval",
    "StrOptions",
    "TargetTags",
    "check_sample_weight",
    "check_sampling_strategy",
    "check_target_type",
    "fit_context",
    "num_samples",
    "sampler_tags",
    "validate_parameter",
    "validate_params",
]

check_sample_weight = _check_sample_weight
fit_context = _fit_context
num_samples = _num_samples


def validate_parameter(estimator: BaseEstimator, name: str) -> None:
    """Check one parameter of an estimator by the constraints of its class."""
    validate_parameter_constraints(
        {name: estimator._parameter_constraints[name]},
        {name: getattr(estimator, name)},
        caller_name=type(estimator).__name__,
    )


def sampler_tags(
    *,
    multi_output: bool,
    single_output: bool = True,
    sparse: bool = False,
    allow_nan: bool = False,
) -> Tags:
    """Make the tags of a sampler that takes arrays and data frames."""
    input_tags = InputTags(
        two_d_array=True, sparse=sparse, dataframe=True, allow_nan=allow_nan
    )
    return Tags(
        estimator_type="sampler",
        target_tags=TargetTags(
            required=True, multi_output=multi_output, single_output=single_output
        ),
        transformer_tags=None,
        classifier_tags=None,
        regressor_tags=None,
        sampler_tags=SamplerTags(sample_indices=False),
        input_tags=input_tags,
    )
