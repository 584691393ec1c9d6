"""A fitted classifier, seen from the place where rows are mixed.

Rows of a table are mixed as they come, categories by their heavier parent; behind the
transformers of a pipeline they are mixed as these hand them on; in a network behind one
of its layers.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from copy import copy
from dataclasses import replace
from typing import TYPE_CHECKING, Any
from warnings import catch_warnings, simplefilter

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_array, csr_matrix, diags_array, issparse
from sklearn.base import clone
from sklearn.pipeline import Pipeline

from .._columns import Columns, RowEncoder
from .._containers import take_rows, wrap
from .._validation import resolve_kinds
from ._members import by_members

if TYPE_CHECKING:
    from .._torch.model import Model

# Rows that are transformed and predicted at once, and values of a layer.
BLOCK = 8192
BLOCK_VALUES = 2**22

# Rows from which the scale of columns is learned, at most.
MAX_SCALED = 10_000

INPUT = "input"


class View:
    """A classifier of rows that are numbers; the other views say what differs.

    Parameters
    ----------
    classifier : classifier or None
        The fitted classifier, or what is behind the transformers of a pipeline; None
        where only rows are asked for.

    transform : callable
        The transformers.
    """

    def __init__(self, classifier: Any, transform: Callable[[Any], Any]) -> None:
        self.classifier = classifier
        self.transform = transform
        # Rows that are read or mixed at once.
        self.block = BLOCK

    def read(self, X: Any) -> Any:
        """Turn rows of the user into what is mixed."""
        Z = self.transform(X)
        return Z if issparse(Z) else np.asarray(Z)

    def mix(self, Z: Any, first: NDArray, second: NDArray, ratio: NDArray) -> Any:
        """Mix pairs of the rows that were read, with the share of the first."""
        return mix_numbers(Z, first, second, ratio)

    def probabilities(self, Z: Any) -> NDArray[np.float64]:
        """Class probabilities (n, c) of rows that were read or mixed."""
        return self.classifier.predict_proba(Z)

    def members(self, Z: Any, n_members: int) -> NDArray[np.float64]:
        """Probabilities (t, n, c) by the members of an ensemble."""
        return by_members(self.classifier, Z)

    def tensor(self, Z: Any) -> Any:
        """What was read, for torch."""
        raise self._no_gradients()

    def torch_scores(self, score: Callable, n_members: int = 0) -> Callable:
        """Scores of what was read or mixed that torch can differentiate."""
        raise self._no_gradients()

    def _no_gradients(self) -> ValueError:
        return ValueError(
            "policy='network' and augmentation='infostn' learn by gradients, which "
            f"{type(self.classifier).__name__} does not give. Use policy='quadrature' "
            "and another augmentation, or a network such as LADAClassifier."
        )

    def numbers(self, X: Any) -> Any:
        """Rows of the user as numbers (n, p) to compare them by."""
        Z = self.read(X)
        check_numbers(Z)
        if issparse(Z):
            return _with_short_indices(Z)
        return Z.reshape(len(Z), -1).astype(np.float64)

    def images(self, X: Any) -> NDArray:
        """Images of the user as a network that is cut at its input gets them."""
        raise self._no_gradients()

    def last_inputs(self, X: Any) -> Any:
        """What the last layer makes its decision by: here the rows."""
        return self.numbers(X)

    def of_rows(self) -> View:
        """The same without the classifier."""
        view = copy(self)
        view.classifier = None
        return view


class TableView(View):
    """A classifier of rows of a table, as the user passed them.

    Parameters
    ----------
    classifier : classifier or None
        The fitted classifier.

    transform : callable
        The transformers before it.

    X : {array-like, data frame} of shape (n, p)
        Rows by which columns are scaled where rows are compared.

    kinds : sequence of str
        Kinds of the columns.
    """

    def __init__(
        self,
        classifier: Any,
        transform: Callable[[Any], Any],
        X: Any,
        kinds: Sequence[str],
    ) -> None:
        super().__init__(classifier, transform)
        self.kinds = kinds
        columns = self._columns(X)
        self.indicators = RowEncoder(replace(columns, numeric=[]))
        values = columns.values
        # Least and greatest value of each column; what is missing counts as the mean.
        with catch_warnings():
            simplefilter("ignore", RuntimeWarning)  # columns without any value
            self.low, high, self.mean = (
                np.nan_to_num(f(values, axis=0))
                for f in (np.nanmin, np.nanmax, np.nanmean)
            )
            self.width = np.where(high > self.low, high - self.low, 1.0)
            spread = np.nanvar((values - self.low) / self.width, axis=0)
        spread = np.nan_to_num(spread)
        # Two rows that differ in a category are as far apart as two random rows are, on
        # average, in a number.
        self.category = float(np.sqrt(spread.mean())) if spread.any() else 1.0

    def read(self, X: Any) -> Any:
        """Rows of the user, as they are handed on."""
        return self.transform(X)

    def mix(self, Z: Any, first: NDArray, second: NDArray, ratio: NDArray) -> Any:
        """Mix pairs of rows: numbers by their shares, categories of the heavier."""
        columns = self._columns(Z)
        return columns.derive(wrap(Z), *columns.mix(first, second, ratio))

    def numbers(self, X: Any) -> NDArray[np.float64]:
        """Numbers between 0 and 1, and indicators of categories."""
        Z = self.last_inputs(X)
        n = len(self.low)
        Z[:, :n] = (Z[:, :n] - self.low) / self.width
        Z[:, n:] *= self.category
        return Z

    def last_inputs(self, X: Any) -> NDArray[np.float64]:
        """Numbers as the classifier gets them, and indicators of categories."""
        columns = self._columns(self.read(X))
        values = columns.values
        values = np.where(np.isnan(values), self.mean, values)
        if not columns.categories.shape[1]:
            return values
        return np.hstack([values, self.indicators(columns)])

    def _columns(self, Z: Any) -> Columns:
        return Columns.read(wrap(Z), self.kinds)


class NetworkView(View):
    """A network of torch, cut behind one of its layers.

    Parameters
    ----------
    classifier : classifier
        The fitted classifier that the network belongs to.

    transform : callable
        The transformers before the network.

    model : Model
        The network with its cut.
    """

    def __init__(
        self, classifier: Any, transform: Callable[[Any], Any], model: Model
    ) -> None:
        super().__init__(classifier, transform)
        self.model = model
        self.block = max(1, min(BLOCK, BLOCK_VALUES // model.width))

    def read(self, X: Any) -> Any:
        """What the layer hands on for rows of the user, a tensor."""
        return self.model.hidden(self.transform(X))

    def mix(self, Z: Any, first: NDArray, second: NDArray, ratio: NDArray) -> Any:
        """Mix pairs of what the layer hands on, Eq. 12."""
        return self.model.mix(Z, first, second, ratio)

    def probabilities(self, Z: Any) -> NDArray[np.float64]:
        """Class probabilities by the rest of the network."""
        return self.model.probabilities(Z)

    def members(self, Z: Any, n_members: int) -> NDArray[np.float64]:
        """Class probabilities of passes with dropout."""
        return self.model.members(Z, n_members, seed=0)

    def tensor(self, Z: Any) -> Any:
        """What the layer hands on is a tensor."""
        return Z

    def torch_scores(self, score: Callable, n_members: int = 0) -> Callable:
        """Scores of what the layer hands on that torch can differentiate."""
        return self.model.scores(score, n_members)

    def numbers(self, X: Any) -> NDArray[np.float64]:
        """Inputs of the network, each row flattened."""
        Z = self.transform(X)
        return Z.reshape(len(Z), -1).astype(np.float64)

    def images(self, X: Any) -> NDArray:
        """Images of the user as the network gets them."""
        return self.transform(X)

    def last_inputs(self, X: Any) -> NDArray[np.float64]:
        """Inputs of the last layer."""
        return self.model.last_inputs(self.transform(X))

    def of_rows(self) -> View:
        """Inputs of the network, without it."""
        return View(None, self.transform)


class Chain:
    """One function after another; unlike a lambda it can be pickled.

    Parameters
    ----------
    first, second : callable
        Functions of rows.
    """

    def __init__(self, first: Callable[[Any], Any], second: Callable[[Any], Any]):
        self.first, self.second = first, second

    def __call__(self, X: Any) -> Any:
        """Apply both."""
        return self.second(self.first(X))


def mix_numbers(Z: Any, first: NDArray, second: NDArray, ratio: NDArray) -> Any:
    """Mix rows of an array of any shape, or of a sparse matrix."""
    check_numbers(Z)
    dtype = Z.dtype if Z.dtype.kind == "f" else np.dtype(np.float64)
    share = ratio.astype(dtype)
    if issparse(Z):
        kind = csr_matrix if isinstance(Z, csr_matrix) else csr_array
        return kind(diags_array(share) @ Z[first] + diags_array(1 - share) @ Z[second])
    share = share.reshape(-1, *[1] * (Z.ndim - 1))
    mixed = share * Z[first] + (1 - share) * Z[second]
    # Whole numbers stay such, as in a table.
    return np.rint(mixed).astype(Z.dtype) if Z.dtype.kind in "iu" else mixed


def check_numbers(Z: Any) -> None:
    """Check that rows are numbers."""
    if Z.dtype.kind not in "fiub":
        raise ValueError(
            f"Rows of dtype {Z.dtype} can be neither mixed nor compared: only numbers "
            "can. Text is mixed behind the transformers of a pipeline, by query and by "
            "ActiveLearningLoop: pass the pipeline itself, not inside another "
            "classifier. virtual_data and fit_resample hand out rows like those of X, "
            "which mixed text is not."
        )


def make_view(
    classifier: Any, X: Any, rows: NDArray[np.intp], kinds: Any, layer: str | int
) -> View:
    """Find where rows are mixed for a classifier.

    Parameters
    ----------
    classifier : classifier or None
        A fitted classifier, or None where only rows are asked for.

    X : {array-like, data frame, sparse matrix} of shape (n, ...)
        All rows.

    rows : ndarray of shape (m,)
        Those in use.

    kinds : "from_dtype" or array-like
        Which columns hold categories.

    layer : str or int
        Where a network is cut.

    Returns
    -------
    view : View
        The view.

    Raises
    ------
    ValueError
        If the network cannot be cut there, or the classifier is no network.
    """
    transform, last = split_pipeline(classifier)
    # A sample is enough to learn scales from, and to see what kind of rows these are.
    Z = transform(take_rows(X, rows[:: 1 + len(rows) // MAX_SCALED]))
    network = network_of(last)
    if network is not None:
        from .._torch.model import Model  # imports torch

        module, scale = network
        model = Model(module, scale(Z), layer)
        _check_probabilities(last, model, Z[:4], scale)
        return NetworkView(last, Chain(transform, scale), model)
    if layer != INPUT:
        raise ValueError(
            f"layers holds {layer!r}, but {type(classifier).__name__} is no network of "
            "torch and has no layers: leave layers at 'auto', or pass ['input']."
        )
    container = None if issparse(Z) else wrap(Z)
    if container is None or np.ndim(Z) != 2:
        return View(last, transform)
    own_columns = kinds if transform is _as_it_is else "from_dtype"
    return TableView(last, transform, Z, resolve_kinds(container, own_columns, "X"))


def _check_probabilities(
    classifier: Any, model: Model, Z: Any, scale: Callable[[Any], NDArray]
) -> None:
    """Check that a classifier predicts what its network says, by softmax or as is."""
    from .._torch.cut import evaluating  # imports torch

    # Nets of skorch stay in the mode in which they predict.
    with evaluating(model.network):
        theirs = classifier.predict_proba(Z)
    ours = model.probabilities(model.hidden(scale(Z)))
    if theirs.shape != ours.shape or not np.allclose(theirs, ours, atol=1e-3):
        raise ValueError(
            f"{type(classifier).__name__} does not predict what its network says, as "
            "logits or as probabilities with an output for each class: leave a "
            "predict_nonlinearity at 'auto', and have the first output of the network "
            "be that of the classes."
        )


def split_pipeline(classifier: Any) -> tuple[Callable[[Any], Any], Any]:
    """Transformers of a fitted pipeline, and of those inside it, and what is behind."""
    # What a search found predicts for it.
    classifier = getattr(classifier, "best_estimator_", classifier)
    if not is_pipeline(classifier):
        return _as_it_is, classifier
    before, last = classifier[:-1], classifier[-1]
    transform, last = split_pipeline(last)
    if transform is _as_it_is:
        return before.transform, last
    return Chain(before.transform, transform), last


def is_pipeline(classifier: Any) -> bool:
    """Whether a classifier is behind transformers, and nothing else."""
    return (
        isinstance(classifier, Pipeline)
        and len(classifier.steps) > 1
        and all(
            step == "passthrough" or hasattr(step, "transform")
            for _, step in classifier.steps[:-1]
        )
    )


def view_of_rows(
    classifier: Any, X: Any, rows: NDArray[np.intp], kinds: Any
) -> View | None:
    """Rows as a classifier that is not fitted would get them, as far as can be told.

    Its transformers are fitted on the rows, up to the first that asks for labels.

    Parameters
    ----------
    classifier : classifier
        What the rows are for.

    X : {array-like, data frame, sparse matrix} of shape (n, ...)
        All rows.

    rows : ndarray of shape (m,)
        Those in use.

    kinds : "from_dtype" or array-like
        Which columns hold categories.

    Returns
    -------
    view : View or None
        The view; None where rows are text that nothing makes numbers of.
    """
    transform: Callable[[Any], Any] = _as_it_is
    X_rows = take_rows(X, rows)
    while is_pipeline(classifier):
        for _, step in classifier.steps[:-1]:
            if step == "passthrough":
                continue
            fitted = clone(step)
            try:
                X_rows = fitted.fit_transform(X_rows)
            except (TypeError, ValueError):
                # It asks for labels.
                break
            transform = Chain(transform, fitted.transform)
        classifier = classifier[-1]
    is_text = not issparse(X_rows) and np.ndim(X_rows) == 1
    if is_text:
        return None
    view = make_view(None, X_rows, np.arange(len(rows)), kinds, INPUT)
    view.transform = transform
    return view


def refuse_single_output(classifier: Any) -> None:
    """Refuse a binary net of skorch: one output, and labels as floats."""
    _, last = split_pipeline(classifier)
    kinds = {f"{kind.__module__}.{kind.__name__}" for kind in type(last).__mro__}
    if "skorch.classifier.NeuralNetBinaryClassifier" in kinds:
        raise ValueError(
            "estimator is a NeuralNetBinaryClassifier, whose network has a single "
            "output: use NeuralNetClassifier, with an output for each of two classes."
        )


def network_of(classifier: Any) -> tuple[Any, Callable[[Any], NDArray]] | None:
    """The torch network of a fitted classifier, and how it scales rows, if it has one.

    A classifier of skorch has it in ``module_``, that of scikit-activeml around one of
    skorch in ``neural_net_``; LADAClassifier knows both.
    """
    if hasattr(classifier, "_network_and_scale"):
        return classifier._network_and_scale()
    net = getattr(classifier, "neural_net_", classifier)
    module = getattr(net, "module_", None)
    if hasattr(module, "named_modules"):
        return module, _as_floats
    return None


def _as_it_is(X: Any) -> Any:
    return X


def _as_floats(X: Any) -> NDArray[np.float32]:
    return np.asarray(X, dtype=np.float32)


def _with_short_indices(Z: Any) -> Any:
    """A sparse matrix with indices of 32 bits, which k-means asks for, if they fit."""
    if Z.indices.dtype == np.int32 or max(Z.nnz, *Z.shape) > np.iinfo(np.int32).max:
        return Z
    parts = Z.data, Z.indices.astype(np.int32), Z.indptr.astype(np.int32)
    return type(Z)(parts, shape=Z.shape)
