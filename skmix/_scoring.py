"""Scorers of probabilities that know all classes."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from sklearn.metrics import brier_score_loss, log_loss


def _minus_loss(loss: Callable, model: Any, X: Any, y: Any) -> float:
    return -loss(y, model.predict_proba(X), labels=model.classes_)


# scikit-learn's scorers of these names know only the classes of the rows that are
# scored, and of two classes no text labels.
_OF_ALL_CLASSES = {
    "neg_log_loss": partial(_minus_loss, log_loss),
    "neg_brier_score": partial(_minus_loss, brier_score_loss),
}


def of_all_classes(scoring: Any) -> Any:
    """Replace the name of a scorer that would know the classes of some rows only.

    Parameters
    ----------
    scoring : str or callable
        A scorer of scikit-learn.

    Returns
    -------
    scoring : str or callable
        The same, or a scorer of that loss for all classes of the classifier.
    """
    if isinstance(scoring, str):
        return _OF_ALL_CLASSES.get(scoring, scoring)
    return scoring
