"""A neural network for classification: that of the MixAnN paper."""

from __future__ import annotations

from collections.abc import Sequence
from math import ceil
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.special import softmax
from sklearn.base import ClassifierMixin
from sklearn.utils import assert_all_finite, column_or_1d, gen_batches
from sklearn.utils.multiclass import check_classification_targets

from .._compat import fit_context
from .._network import BLOCK, BaseNetwork
from .._stopping import hold_out


class NetworkClassifier(ClassifierMixin, BaseNetwork):
    """A multilayer perceptron, trained by Adam and stopped by held-out rows.

    This is the network that the MixAnN paper [1]_ trains on augmented rows: hidden
    layers of ReLU units, log loss, and here early stopping on held-out rows. Features
    are standardised inside. `partial_fit` makes it cheap to try rows: it goes on
    from a trained network, with one pass over them.

    Parameters
    ----------
    hidden_layer_sizes : int or sequence of int, default=(128, 64)
        Units of the hidden layers.

    layer_norm : bool, default=False
        Whether to normalise each hidden layer over its units, before the ReLU. It helps
        wide networks of many layers.

    learning_rate : float, default=0.001
        Step size of Adam.

    batch_size : int, default=128
        Number of rows in a batch. With no more rows than that, each update sees all.

    max_iter : int, default=10000
        Number of updates, each from one batch, at most.

    early_stopping : bool, default=True
        Whether to hold out rows, stop when the loss on them no longer falls, and keep
        the weights that had the lowest, of those looked at after at least one update.
        False makes exactly `max_iter` updates with all rows.

    validation_fraction : float in (0, 1), default=0.1
        Share of the rows to hold out, at least one, and about the same of each class;
        not used with `X_val`. One row of each class is always trained on.

    n_iter_no_change : int, default=500
        Number of updates without a lower loss on the held-out rows after which to stop.
        The loss is looked at every 25 updates and after the last; less often where
        there are more than 25 batches of held-out rows.

    warm_start : bool, default=False
        Whether `fit` goes on from the weights that are there. Classes, scales and the
        choice of held-out rows stay as they were in the first fit; Adam starts afresh.
        The weights to go on from are no candidate for those to keep, even if they are
        better on the held-out rows than all later ones.

    device : str, default="auto"
        "cpu", "cuda", "cuda:<number>" or "mps"; "auto" takes a CUDA device where there
        is one. Predictions are made on the CPU.

    random_state : int, RandomState or None, default=None
        Randomness of held-out rows, initial weights and batches. On the CPU, an integer
        gives the same network each time.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.

    coefs_ : list of ndarray of shape (n_in, n_out)
        Weights of each layer, from standardised features to one logit for each class,
        float32.

    intercepts_ : list of ndarray of shape (n_out,)
        Intercepts of each layer.

    norm_gains_ : list of ndarray of shape (n_units,)
        What each normalised hidden layer is multiplied by; empty without `layer_norm`.

    norm_shifts_ : list of ndarray of shape (n_units,)
        What is then added to it.

    X_scaler_ : StandardScaler
        Mean and standard deviation of each feature over the rows first trained on.

    n_iter_ : int
        Number of updates that the last `fit` or `partial_fit` made.

    best_iter_ : int
        Number of updates after which the weights were as they are now.

    history_ : dict of lists
        How the last `fit` or `partial_fit` went, an entry for every 25 updates or so,
        see `n_iter_no_change`: "iteration", the number of updates; "loss", the mean
        over the batches since the entry before; where rows are held out,
        "validation_loss". Losses are log losses.

    device_ : str
        Where the network was trained.

    n_features_in_ : int
        Number of columns of X.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, if X has them.

    Warns
    -----
    ConvergenceWarning
        If a KeyboardInterrupt ended the training. The best weights so far are kept, or
        the latest if none were looked at.

    See Also
    --------
    skmix.regression.NetworkRegressor : The same for regression.
    sklearn.neural_network.MLPClassifier : Other solvers and activations, all on the
        CPU.

    Notes
    -----
    `max_iter` and `n_iter_no_change` count updates; those of
    :class:`~sklearn.neural_network.MLPClassifier` count passes over the data. No
    warning is given where `max_iter` ends the training: then `n_iter_` equals it.

    Probabilities p_c are the softmax of the logits, of two classes as of more. With
    weights w_i, the loss is the mean of -w_i log p_{y_i}(x_i) / mean(w). Weights enter
    the scales and the loss on held-out rows in the same way, so that a row of weight 2
    counts as two rows, and one of weight 0 as none, its class included; but rows are
    drawn for batches, and held out, without regard to their weights. With a single
    class, that class is predicted.

    An update takes O(b w) time for b rows in a batch and w weights. Memory in training
    is that of a float32 copy of the data and seven copies of the weights. Weights are
    kept as NumPy arrays, and so is the state of Adam, which is twice their size: fitted
    networks are opened, and predict, without torch.

    References
    ----------
    .. [1] Lai, Zha, Chen, Bendre, Chen, Das, Yang and Hu, "Tackling diverse minorities
       in imbalanced classification", CIKM 2023.

    Examples
    --------
    >>> from copy import deepcopy
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skmix.imbalance import NetworkClassifier
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = NetworkClassifier((16,), random_state=0)
    >>> model.fit(X[:300], y[:300], X_val=X[300:400], y_val=y[300:400])
    NetworkClassifier(hidden_layer_sizes=(16,), random_state=0)
    >>> model.score(X[400:], y[400:]) > 0.9
    True

    What a few rows more would change:

    >>> other = deepcopy(model).partial_fit(X[300:320], y[300:320])
    >>> other.n_iter_
    1
    >>> other.predict_proba(X[400:]).shape
    (169, 2)
    """

    _loss = "log_loss"
    _scalers = ("X_scaler_",)

    def __init__(
        self,
        hidden_layer_sizes: int | Sequence[int] = (128, 64),
        *,
        layer_norm: bool = False,
        learning_rate: float = 1e-3,
        batch_size: int = 128,
        max_iter: int = 10_000,
        early_stopping: bool = True,
        validation_fraction: float = 0.1,
        n_iter_no_change: int = 500,
        warm_start: bool = False,
        device: str = "auto",
        random_state: int | RandomState | None = None,
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.layer_norm = layer_norm
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.n_iter_no_change = n_iter_no_change
        self.warm_start = warm_start
        self.device = device
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight: Any = None,
    ) -> NetworkClassifier:
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n, p)
            Training rows; numbers only.

        y : array-like of shape (n,)
            Class of each row: numbers, text or booleans.

        X_val : array-like of shape (v, p), default=None
            Held-out rows to stop by. None holds out `validation_fraction` of the rows.

        y_val : array-like of shape (v,), default=None
            Classes of the held-out rows.

        sample_weight : array-like of shape (n,), default=None
            Weights of the rows, not negative. The rows of `X_val` all weigh the same.

        Returns
        -------
        self : NetworkClassifier
            The trained network.

        Raises
        ------
        ValueError
            If the rows, classes or weights cannot be used, if a warm start does not
            fit the network that is there, or if the training diverged.
        """
        goes_on = self._goes_on()
        X, y, weight = self._read_rows(X, y, sample_weight, reset=not goes_on)
        classes = self.classes_ if goes_on else np.unique(y)
        rows = X, self._encode(y, classes), weight
        held_out = self._read_held_out(X_val, y_val, classes)
        network = self._describe(X, len(classes))
        self._adam_state = self._fit(rows, held_out, network, goes_on)
        self.classes_, self._n_passes = classes, 0
        return self

    @fit_context(prefer_skip_nested_validation=True)
    def partial_fit(
        self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None
    ) -> NetworkClassifier:
        """Make one pass over some rows, going on from the network that is there.

        The rows are shuffled and cut into batches of `batch_size`, with an update from
        each. Adam goes on, too: from its state when the weights were as they are now,
        so that a few rows change little. Nothing is held out, and `max_iter` is not
        looked at.

        The first call, unless `fit` came before, makes a new network: scales come from
        the rows of that call, and stay.

        Parameters
        ----------
        X : array-like of shape (n, p)
            Rows; numbers only.

        y : array-like of shape (n,)
            Class of each row.

        classes : array-like of shape (n_classes,), default=None
            All classes that any call will see. The first call needs them; later they
            may be left out.

        sample_weight : array-like of shape (n,), default=None
            Weights of the rows, not negative. Only their ratios within a call matter.

        Returns
        -------
        self : NetworkClassifier
            The network.

        Raises
        ------
        ValueError
            If the rows, classes or weights cannot be used, if the parameters ask for
            another network than the one that is there, or if the training diverged.
        """
        goes_on = hasattr(self, "coefs_")
        X, y, weight = self._read_rows(X, y, sample_weight, reset=not goes_on)
        known = self._all_classes(classes)
        rows = X, self._encode(y, known), weight
        network = self._describe(X, len(known))
        split_seed, seed = self._begin(network, goes_on, "partial_fit")
        n_passes = self._n_passes if goes_on else 0
        self._adam_state = self._train(
            rows,
            None,
            network,
            # Another order in each pass, also where random_state is an integer.
            (split_seed, seed + n_passes),
            goes_on,
            max_iter=ceil(len(X) / self.batch_size),
            adam_state=self._adam_state if goes_on else None,
        )
        self.classes_, self._n_passes = known, n_passes + 1
        return self

    def predict(self, X: Any) -> NDArray:
        """Predict classes.

        Parameters
        ----------
        X : array-like of shape (n, p)
            Rows.

        Returns
        -------
        y : ndarray of shape (n,)
            The most probable class of each row.
        """
        probabilities = self.predict_proba(X)
        return self.classes_[probabilities.argmax(axis=1)]

    def predict_proba(self, X: Any) -> NDArray[np.float64]:
        """Predict probabilities of the classes.

        Parameters
        ----------
        X : array-like of shape (n, p)
            Rows.

        Returns
        -------
        probabilities : ndarray of shape (n, n_classes)
            A column for each class, in the order of `classes_`.
        """
        X = self._check_rows(X)
        logits = [self._forward(X[block]) for block in gen_batches(len(X), BLOCK)]
        return softmax(np.concatenate(logits), axis=1)

    def _all_classes(self, classes: Any) -> NDArray:
        """Classes of all calls to ``partial_fit``."""
        known = getattr(self, "classes_", None)
        if classes is None and known is None:
            raise ValueError(
                "classes is missing: pass all classes in the first call to partial_fit."
            )
        if classes is None:
            return known
        classes = np.unique(self._check_y(classes, "classes"))
        if known is not None and not np.array_equal(classes, known):
            raise ValueError(
                f"classes must stay {known.tolist()}, got {classes.tolist()}. Leave "
                "them out after the first call, or call fit to begin anew."
            )
        return classes

    def _check_y(self, y: Any, name: str) -> NDArray:
        y = column_or_1d(y, warn=True)
        assert_all_finite(y, input_name=name)
        check_classification_targets(y)
        return y

    def _encode(
        self, y: NDArray, known: NDArray, name: str = "y"
    ) -> NDArray[np.integer]:
        unknown = set(np.unique(y).tolist()) - set(known.tolist())
        if unknown:
            raise ValueError(
                f"{name} holds the classes {sorted(unknown)}, but the network is for "
                f"{known.tolist()}. These are the classes in y of its first fit, or "
                "all given to its first partial_fit: with warm_start=False, fit begins "
                "anew."
            )
        return np.searchsorted(known, y)[:, None]

    def _split(self, Y: NDArray, seed: int) -> tuple[NDArray, NDArray]:
        return hold_out(Y[:, 0], self.validation_fraction, RandomState(seed))
