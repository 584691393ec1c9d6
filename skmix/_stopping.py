"""Held-out rows for estimators that stop their training by some."""

from __future__ import annotations

from typing import Any

from sklearn.utils.validation import has_fit_parameter


def stops_by_held_out_rows(estimator: Any) -> bool:
    """Whether an estimator's ``fit`` takes held-out rows and stops by them."""
    # "auto" is left to the estimator, which knows nothing of mixes.
    stops = estimator.get_params().get("early_stopping") is True
    return stops and has_fit_parameter(estimator, "X_val")
