"""Checks of what users pass: the column, the rule, the value and the remedy."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_array, check_consistent_length, column_or_1d, get_tags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import validate_data

from ._columns import Columns, Container
from ._compat import check_target_type
from ._containers import ArrayContainer, FrameContainer, wrap

# A million rows of a thousand columns have squares that can still be added.
LARGEST = 1e145


def read_X(
    estimator: BaseEstimator,
    X: Any,
    *,
    categorical_features: Any = "from_dtype",
    reset: bool = True,
    name: str = "X",
) -> tuple[Container, Columns]:
    """Check X and read its columns.

    Parameters
    ----------
    estimator : estimator
        Whose `n_features_in_` and `feature_names_in_` are set or compared.

    X : {array-like, data frame} of shape (n, p)
        What the user passed.

    categorical_features : "from_dtype" or array-like
        Which columns hold categories; see :class:`~skmix.base.BaseMixResampler`.

    reset : bool, default=True
        Whether this is the X that the estimator learns from.

    name : str, default="X"
        Name of the argument in messages.

    Returns
    -------
    container : Container
        The rows as they came.

    columns : Columns
        Their numbers and categories.

    Raises
    ------
    ValueError
        If X is not two-dimensional, has too few rows, holds what cannot be mixed, or
        is missing a number.
    """
    container = wrap(X)
    min_rows = 2 if reset else 1
    if isinstance(container, FrameContainer):
        if container.is_series or not container.names:
            what = "a Series" if container.is_series else "0 feature(s)"
            raise ValueError(
                f"Expected 2D {name}, got {what} while a minimum of 1 is required. "
                "Pass a data frame, also for a single column."
            )
        validate_data(estimator, X, skip_check_array=True, reset=reset)
        kinds = resolve_kinds(container, categorical_features, name)
        if len(container) < min_rows:
            raise ValueError(
                f"{name} has {len(container)} sample(s), but a minimum of {min_rows} "
                f"is required by {type(estimator).__name__}."
            )
    else:
        # Only with columns named as categories may an array hold text.
        named = not _is_from_dtype(categorical_features)
        if container.array.dtype.kind in "US":
            # As objects, numbers next to text are neither turned into text nor cut.
            X = np.array(X, dtype=object)
        try:
            array = validate_data(
                estimator,
                X,
                dtype=None if named else "numeric",
                ensure_all_finite=False,
                ensure_min_samples=min_rows,
                reset=reset,
            )
        except ValueError as error:
            if "could not convert string" not in str(error):
                raise
            raise _text_error(name, error) from error
        is_list = container.is_list
        container = wrap(array)
        container.is_list = is_list
        kinds = resolve_kinds(container, categorical_features, name)
    try:
        columns = Columns.read(container, kinds)
    except (TypeError, ValueError) as error:
        raise _text_error(name, error) from error
    _check_finite(container, columns, name)
    return container, columns


def read_regression_y(
    y: Any, n_rows: int, *, name: str = "y"
) -> tuple[Container, NDArray[np.float64]]:
    """Check the labels of a regression problem.

    Parameters
    ----------
    y : {array-like, series, data frame} of shape (n,) or (n, t)
        Labels, any number of them to a row.

    n_rows : int
        Number of rows of X.

    name : str, default="y"
        Name of the argument in messages.

    Returns
    -------
    container : Container
        The labels as they came.

    Y : ndarray of shape (n, t)
        The labels as float64.

    Raises
    ------
    ValueError
        If the labels are missing, no numbers, not finite, or not one to a row of X.
    """
    if y is None:
        raise ValueError(f"requires y to be passed, but the target {name} is None")
    container = wrap(y)
    if isinstance(container, FrameContainer):
        numbers = container.with_floats()
        columns = [numbers.column(place) for place in range(len(numbers.names))]
        array = columns[0] if container.is_series else np.column_stack(columns)
        wrong = set(numbers.kinds) != {"float"}
    else:
        array = container.array
        # Objects may be numbers, or text that looks like them.
        plain = np.asarray(array.tolist()) if array.dtype == object else array
        wrong = plain.dtype.kind in "USmM"
    if not wrong:
        try:
            Y = check_array(
                array,
                ensure_2d=False,
                allow_nd=True,
                dtype=np.float64,
                input_name=name,
            )
        except ValueError as error:
            if "could not convert" not in str(error):
                raise
            wrong = True
    if wrong:
        raise ValueError(
            f"{name} must hold numbers, as this is a resampler for regression, got "
            f"{array.ravel()[0]!r} of dtype {array.dtype}. Turn it into numbers; for "
            "classes, use a sampler for classification."
        )
    if isinstance(container, ArrayContainer) and array.dtype == object:
        container.array = Y
    if Y.ndim > 2:
        raise ValueError(
            f"{name} must have shape (n,) or (n, n_targets), got {Y.shape}."
        )
    _check_length(Y, n_rows, name)
    return container, Y.reshape(n_rows, -1)


def read_class_y(y: Any, n_rows: int, *, name: str = "y") -> tuple[Container, NDArray]:
    """Check the labels of a classification problem.

    Parameters
    ----------
    y : {array-like, series, data frame} of shape (n,) or (n, n_classes)
        Class labels, one to a row, or one-vs-all indicators.

    n_rows : int
        Number of rows of X.

    name : str, default="y"
        Name of the argument in messages.

    Returns
    -------
    container : Container
        The labels as they came.

    labels : ndarray of shape (n,)
        The class of each row.

    Raises
    ------
    ValueError
        If the labels are missing, continuous, multilabel, or not one to a row of X.
    """
    if y is None:
        raise ValueError(f"requires y to be passed, but the target {name} is None")
    container = wrap(y)
    if isinstance(container, FrameContainer):
        columns = [container.column(place) for place in range(len(container.names))]
        array = columns[0] if len(columns) == 1 else np.column_stack(columns)
    else:
        array = container.array
    if _has_missing(array):
        raise ValueError(
            f"{name} contains NaN or missing labels: give every row a class, or leave "
            "the row out."
        )
    check_classification_targets(array)
    labels, _ = check_target_type(array, indicate_one_vs_all=True)
    _check_length(labels, n_rows, name)
    return container, labels


def class_codes(y: Any) -> NDArray[np.intp]:
    """Number the classes of rows; of several outputs, their combinations."""
    labels = np.asarray(y)
    columns = labels.reshape(len(labels), -1).T
    # One by one, as objects can be sorted in one dimension only.
    codes = [np.unique(column, return_inverse=True)[1] for column in columns]
    rows = np.column_stack(codes)
    return np.unique(rows, axis=0, return_inverse=True)[1].reshape(-1)


def check_pair(X: Any, y: Any, X_name: str = "X_val", y_name: str = "y_val") -> bool:
    """Check that rows come with labels, or neither does; say whether they do."""
    if (X is None) != (y is None):
        given, missing = (X_name, y_name) if y is None else (y_name, X_name)
        raise ValueError(f"{given} was passed without {missing}: pass both or none.")
    return X is not None


def check_groups(groups: Any, n_rows: int) -> NDArray | None:
    """Check that there is one group to a row."""
    if groups is None:
        return None
    groups = column_or_1d(groups)
    check_consistent_length(groups, np.empty(n_rows))
    if _has_missing(groups):
        raise ValueError(
            "groups contains NaN or missing values: give every row a group, one of its "
            "own if it belongs to none."
        )
    return groups


def check_kind(estimator: Any, kind: str, name: str = "estimator") -> None:
    """Check that an estimator is a classifier or regressor, or predicts at least."""
    if not hasattr(estimator, "__sklearn_tags__"):
        return
    found = get_tags(estimator).estimator_type
    if found != kind and (found is not None or not hasattr(estimator, "predict")):
        raise ValueError(f"{name} must be a {kind}, got {estimator!r}.")


def check_counts(counts: Any, name: str) -> list[int]:
    """Check a list of numbers of neighbours; give it back sorted, without repeats."""
    values = np.asarray(counts)
    if not values.size:
        raise ValueError(f"{name} is empty: list the numbers of neighbours to try.")
    if values.ndim != 1 or values.dtype.kind not in "iu":
        raise ValueError(f"{name} must be a list of whole numbers, got {counts!r}.")
    if values.min() < 1:
        raise ValueError(
            f"{name} must hold numbers of at least 1, got {values.min()}. Not mixing "
            "is always among the options; do not list it."
        )
    return np.unique(values).tolist()


def check_distances(distances: Any) -> list[str]:
    """Check kinds of distance; give them back in one order."""
    kinds = ["data", "label"]
    unknown = [kind for kind in distances if kind not in kinds]
    if unknown:
        raise ValueError(
            f"distances must be among {kinds}, got {unknown}. Leave it empty to mix "
            "rows at any distance."
        )
    return [kind for kind in kinds if kind in list(distances)]


def check_positive(numbers: Any, name: str) -> list[float]:
    """Check a list of positive numbers; give it back sorted, without repeats."""
    values = np.asarray(numbers)
    if values.ndim != 1 or not values.size or values.dtype.kind not in "iuf":
        raise ValueError(f"{name} must be a list of numbers to try, got {numbers!r}.")
    if not (np.isfinite(values) & (values > 0)).all():
        raise ValueError(f"{name} must hold positive finite numbers, got {numbers!r}.")
    return np.unique(values).tolist()


def check_layers(sizes: Any, name: str) -> list[int]:
    """Check the sizes of hidden layers: whole numbers of at least 1."""
    values = np.atleast_1d(np.asarray(sizes))
    whole = values.ndim == 1 and values.size and values.dtype.kind in "iu"
    if not whole or (values < 1).any():
        raise ValueError(
            f"{name} must hold whole numbers of at least 1, for one hidden layer or "
            f"more, got {sizes!r}."
        )
    return values.tolist()


def check_device_name(device: str) -> None:
    """Check the form of a device's name; whether it is there, torch knows."""
    if not re.fullmatch(r"auto|cpu|mps|cuda(:\d+)?", device):
        raise ValueError(
            f"device must be 'auto', 'cpu', 'cuda', 'cuda:<number>' or 'mps', got "
            f"{device!r}. 'auto' takes the GPU where there is one."
        )


def check_same_kinds(container: Container, columns: Columns, other: Columns) -> None:
    """Check that X_val has categories where X has them, and numbers where it has."""
    for name, kind, kind_val in zip(
        container.names, columns.kinds, other.kinds, strict=True
    ):
        if (kind == "category") != (kind_val == "category"):
            holds, wanted = (
                "categories" if k == "category" else "numbers" for k in (kind_val, kind)
            )
            raise ValueError(
                f"column {name} of X_val holds {holds}, that of X {wanted}: pass the "
                "same columns in both."
            )


def _text_error(name: str, error: Exception) -> ValueError:
    return ValueError(
        f"{name} holds text in a numeric column: {error}. Encode it as numbers, or "
        "name the column in categorical_features."
    )


def _has_missing(labels: NDArray) -> bool:
    if labels.dtype.kind == "f":
        return bool(np.isnan(labels).any())
    if labels.dtype != object:
        return False
    # NaN is the one thing that differs from itself.
    return bool(((labels == None) | (labels != labels)).any())  # noqa: E711


def _check_length(labels: NDArray, n_rows: int, name: str) -> None:
    if len(labels) != n_rows:
        raise ValueError(
            f"Found input variables with inconsistent numbers of samples: X has "
            f"{n_rows} rows and {name} has {len(labels)}. Pass one label for each row."
        )


def _is_from_dtype(categorical_features: Any) -> bool:
    return (
        isinstance(categorical_features, str) and categorical_features == "from_dtype"
    )


def resolve_kinds(
    container: Container, categorical_features: Any, name: str
) -> Sequence[str]:
    kinds = list(container.kinds)
    if not _is_from_dtype(categorical_features):
        for place in _places(container, categorical_features):
            kinds[place] = "category"
    for column, kind in zip(container.names, kinds, strict=True):
        if kind not in ("float", "integer", "category"):
            raise ValueError(
                f"column {column} of {name} has dtype {kind}, which skmix cannot mix. "
                "Turn it into numbers, or name it in categorical_features."
            )
    return kinds


def _places(container: Container, categorical_features: Any) -> list[int]:
    """Turn names, places or a mask into places."""
    wanted = np.asarray(categorical_features)
    n_columns = len(container.names)
    if wanted.ndim != 1:
        raise ValueError(
            "categorical_features must be a list of names or places, or a mask, got "
            f"{wanted.ndim} dimensions."
        )
    if wanted.dtype.kind == "b":
        if len(wanted) != n_columns:
            raise ValueError(
                f"categorical_features is a mask of {len(wanted)} values for "
                f"{n_columns} columns. Give one value for each column."
            )
        return list(np.flatnonzero(wanted))
    if wanted.dtype.kind in "iu" or wanted.size == 0:
        bad = [int(place) for place in wanted if not 0 <= place < n_columns]
        if bad:
            raise ValueError(
                f"categorical_features names the columns {bad}, but X has columns 0 to "
                f"{n_columns - 1}."
            )
        return [int(place) for place in wanted]
    names = container.frame.columns if isinstance(container, FrameContainer) else []
    bad = [name for name in wanted.tolist() if name not in names]
    if bad:
        raise ValueError(
            f"categorical_features names {bad}, which X does not have"
            + (f": its columns are {list(names)}." if names else "; it has no names.")
        )
    return [names.index(name) for name in wanted.tolist()]


def _check_finite(container: Container, columns: Columns, name: str) -> None:
    # Of each column the extremes tell, without a copy of the whole.
    least, greatest = (f(columns.values, axis=0, initial=0) for f in (np.min, np.max))
    finite = np.isfinite(least) & np.isfinite(greatest)
    if finite.all():
        _check_size(container, columns, name, np.maximum(-least, greatest))
        return
    position = int(np.flatnonzero(~finite)[0])
    column = columns.values[:, position]
    what = "NaN" if np.isnan(column).any() else "infinity"
    count = int((~np.isfinite(column)).sum())
    raise ValueError(
        f"Input {name} contains {what}: column "
        f"{container.names[columns.numeric[position]]}, {count} of {len(column)} rows. "
        "Mixing needs numbers: impute or drop them first, for example with "
        "sklearn.impute.SimpleImputer."
    )


def _check_size(
    container: Container, columns: Columns, name: str, largest: NDArray[np.floating]
) -> None:
    """Check that distances can be computed: the sum of all squares is finite."""
    too_large = np.flatnonzero(largest.astype(np.float64) > LARGEST)
    if len(too_large):
        place = int(too_large[0])
        raise ValueError(
            f"Input {name} is too large: column "
            f"{container.names[columns.numeric[place]]} has {largest[place]:g}, beyond "
            f"{LARGEST:g}, where squared distances overflow. Scale it, or take its "
            "logarithm."
        )
