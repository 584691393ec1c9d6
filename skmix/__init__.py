"""Learned data mixing for scikit-learn.

A policy is trained to decide which rows to mix, with whom and how much. Results come
out as plain arrays, so that they drop into a Pipeline, are tuned with GridSearchCV and
are compared with fixed recipes in one call.
"""

import importlib
from typing import Any

__version__ = "0.1.0.dev0"

# Loaded when first used: `import skmix` imports neither torch nor scikit-learn.
_LAZY = {
    "ResampledClassifier": "compose",
    "ResampledRegressor": "compose",
    "compare_resamplers": "model_selection",
    "show_versions": "_show_versions",
}
_MODULES = [
    "active",
    "base",
    "callbacks",
    "compose",
    "datasets",
    "exceptions",
    "human",
    "imbalance",
    "metrics",
    "model_selection",
    "plotting",
    "regression",
    "weighting",
]

__all__ = ["__version__", *_LAZY, *_MODULES]


def __getattr__(name: str) -> Any:
    if name in _LAZY:
        return getattr(importlib.import_module(f"skmix.{_LAZY[name]}"), name)
    if name in _MODULES:
        return importlib.import_module(f"skmix.{name}")
    raise AttributeError(f"module 'skmix' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
