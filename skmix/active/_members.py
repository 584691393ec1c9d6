"""Members of an ensemble, whose disagreement BALD looks at."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import issparse
from sklearn.multiclass import OneVsRestClassifier


def by_members(classifier: Any, Z: Any) -> NDArray[np.float64]:
    """Class probabilities (t, n, c) of rows by the members of an ensemble."""
    members = getattr(classifier, "estimators_", [])
    members = list(np.ravel(members) if isinstance(members, np.ndarray) else members)
    of_classes = isinstance(classifier, OneVsRestClassifier)
    if of_classes or not members or not all(map(_has_probabilities, members)):
        raise ValueError(
            "acquisition='bald' asks for members that disagree about the same classes: "
            "an ensemble with estimators_ that have predict_proba, such as a random "
            f"forest, or a network with dropout. {type(classifier).__name__} is "
            "neither."
        )
    features = getattr(classifier, "estimators_features_", [None] * len(members))
    places = _class_places(classifier, members)
    plain = Z if issparse(Z) else None
    parts = []
    for member, columns, place in zip(members, features, places, strict=True):
        named = hasattr(member, "feature_names_in_")
        if not named and plain is None:
            plain = np.asarray(Z)
        rows = Z if named else plain
        rows = rows if columns is None else rows[:, columns]
        predicted = member.predict_proba(rows)
        part = np.zeros((len(predicted), len(classifier.classes_)))
        part[:, place] = predicted
        parts.append(part)
    return np.stack(parts)


def _has_probabilities(member: Any) -> bool:
    return hasattr(member, "predict_proba") and hasattr(member, "classes_")


def _class_places(classifier: Any, members: list) -> list[NDArray[np.intp]]:
    """Which classes of an ensemble the classes of each member are.

    Most members know classes by their places, those of AdaBoost by their labels; a
    bootstrap may miss some of them.
    """
    of_members = [np.asarray(member.classes_) for member in members]
    found = np.unique(np.concatenate(of_members))
    n_classes = len(classifier.classes_)
    if np.isin(found, np.arange(n_classes)).all():
        return [classes.astype(np.intp) for classes in of_members]
    if np.isin(found, classifier.classes_).all():
        return [np.searchsorted(classifier.classes_, c) for c in of_members]
    raise ValueError(
        f"acquisition='bald' cannot tell which of the classes "
        f"{classifier.classes_.tolist()} of {type(classifier).__name__} its members "
        f"mean by {found.tolist()}: use another ensemble, or another acquisition."
    )
