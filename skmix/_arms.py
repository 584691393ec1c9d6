"""What is compared: estimators and resamplers, checked and named."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from typing import Any

from sklearn import config_context
from sklearn.base import is_classifier, is_regressor


def name_all(given: Any) -> dict[str, Any]:
    """Name what has no name: by class, and by parameters where classes repeat."""
    if isinstance(given, Mapping):
        return {str(name): value for name, value in given.items()}
    objects = given if isinstance(given, list | tuple) else [given]
    classes = Counter(type(value) for value in objects)
    named: dict[str, Any] = {}
    for value in objects:
        name = type(value).__name__
        if classes[type(value)] > 1:
            with config_context(print_changed_only=True):
                name = " ".join(repr(value).split())
        copies = sum(other.partition(" #")[0] == name for other in named)
        named[f"{name} #{copies + 1}" if copies else name] = value
    return named


def check_estimators(estimators: dict[str, Any]) -> bool:
    """Tell whether the estimators are classifiers."""
    if not estimators:
        raise ValueError("estimators is empty: pass at least one.")
    check_methods(estimators, "estimator", "fit")
    classifiers = [name for name, e in estimators.items() if is_classifier(e)]
    regressors = [name for name, e in estimators.items() if is_regressor(e)]
    if len(classifiers) == len(estimators):
        return True
    if len(regressors) == len(estimators):
        return False
    raise ValueError(
        "estimators must be all regressors or all classifiers, got the regressors "
        f"{regressors} and the classifiers {classifiers} among {list(estimators)}. "
        "Compare them one kind at a time."
    )


def untouched_first(resamplers: dict[str, Any]) -> dict[str, Any]:
    """Put the untouched data first, once."""
    resamplers = {k: v for k, v in resamplers.items() if v is not None}
    check_methods(resamplers, "resampler", "fit_resample")
    if "none" in resamplers:
        raise ValueError(
            'The name "none" is taken by the untouched data: choose another.'
        )
    return {"none": None, **resamplers}


def check_methods(named: dict[str, Any], kind: str, method: str) -> None:
    for name, value in named.items():
        if isinstance(value, type):
            own = value.__name__
            raise TypeError(f"{kind} {own} is a class: pass an instance, {own}().")
        if not hasattr(value, method):
            raise TypeError(f"{name!r} is no {kind}: {value!r} cannot {method}.")
