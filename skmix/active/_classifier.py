"""A network that trains with mixes of labelled rows at one of its layers."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, validate_data

from .._compat import Interval, check_sample_weight, fit_context
from .._core.neighbors import other_rows
from .._random import draw_seed
from .._scaling import channel_scale
from .._validation import check_device_name, check_layers
from ..exceptions import warn_user
from ._labels import read_partial_y
from ._views import INPUT
from ._virtual import draw_ratios


class LADAClassifier(ClassifierMixin, BaseEstimator):
    """A network of torch that trains on rows and on mixes of them at a hidden layer.

    Rows without a label are left out, but for the scales of the features. By itself it
    is a plain classifier; :class:`LADASelector` and :class:`ActiveLearningLoop` pass
    the pairs to mix, as Eq. 17 to 19 of the LADA paper [1]_ have it.

    Parameters
    ----------
    module : callable, default=None
        Makes the network: ``module(input_shape, n_classes)`` returns a
        ``torch.nn.Module`` that turns rows of that shape into a logit for each class.
        None makes a multilayer perceptron, of rows of any shape.

    hidden_layer_sizes : int or sequence of int, default=(128, 128)
        Units of the hidden layers of this perceptron. With `module` they have no use.

    learning_rate : float, default=0.001
        Step size of Adam.

    batch_size : int, default=10
        Number of rows, or of mixes, in a batch; the paper's.

    max_iter : int, default=50
        Number of epochs.

    warm_start : bool, default=False
        Whether ``fit`` goes on from the weights that are there, with a new Adam. The
        paper's network does in each round. In our measurements that cost up to a point
        of accuracy, except where rows were chosen by entropy: see the benchmarks in the
        user guide.

    classes : array-like of shape (n_classes,), default=None
        All classes, for where some have no label yet; None takes those of the labels.

    missing_label : object, default=np.nan
        What stands in y where there is no label; NaN and None stand for each other.

    device : str, default="auto"
        "cpu", "cuda", "cuda:<number>" or "mps"; "auto" takes a CUDA device where there
        is one.

    random_state : int, RandomState or None, default=None
        Randomness of initial weights, batches, mixes and dropout. On the CPU, an
        integer gives the same network each time.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.

    layers_ : list of str
        Layers behind which rows can be mixed; the input where there is no other.

    mean_, scale_ : ndarray
        Mean and standard deviation of each feature, or of each channel of images.

    n_iter_ : int
        Number of epochs of the last ``fit``.

    history_ : dict of lists
        Mean "loss" and "mixed_loss" of each epoch of the last ``fit``.

    device_ : str
        Where the network is.

    n_features_in_ : int
        Number of columns of X, or of channels of images.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, if X has them.

    Warns
    -----
    ConvergenceWarning
        If a KeyboardInterrupt ended the training: the network stays as it was then.

    See Also
    --------
    LADASelector : Chooses rows to label, and what is mixed.
    skmix.imbalance.NetworkClassifier : Stops by held-out rows.

    Notes
    -----
    Inside, features are standardised: each column of a table, each channel (the second
    axis) of images. A float32 copy of the labelled rows is made.

    References
    ----------
    .. [1] Kim, Song, Jang and Moon, "LADA: look-ahead data acquisition via augmentation
       for active learning", 2020.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.datasets import load_iris
    >>> from skmix.active import LADAClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> y_partial = np.where(np.arange(150) % 5 == 0, y, np.nan)
    >>> model = LADAClassifier(random_state=0).fit(X, y_partial)
    >>> model.score(X, y) > 0.9
    True

    A network for images:

    >>> def make_cnn(input_shape, n_classes):
    ...     from torch import nn
    ...
    ...     conv = nn.Sequential(nn.Conv2d(input_shape[0], 8, 3), nn.ReLU())
    ...     return nn.Sequential(conv, nn.Flatten(), nn.LazyLinear(n_classes))
    >>> images = np.random.RandomState(0).normal(size=(20, 1, 8, 8))
    >>> LADAClassifier(make_cnn, max_iter=2).fit(images, [0, 1] * 10).layers_
    ['1']
    """

    _parameter_constraints = {
        "module": [callable, None],
        "hidden_layer_sizes": ["array-like", Integral],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "warm_start": ["boolean"],
        "classes": ["array-like", None],
        "missing_label": "no_validation",
        "device": [str],
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        module: Callable[[tuple[int, ...], int], Any] | None = None,
        *,
        hidden_layer_sizes: int | Sequence[int] = (128, 128),
        learning_rate: float = 1e-3,
        batch_size: int = 10,
        max_iter: int = 50,
        warm_start: bool = False,
        classes: Any = None,
        missing_label: Any = np.nan,
        device: str = "auto",
        random_state: int | RandomState | None = None,
    ) -> None:
        self.module = module
        self.hidden_layer_sizes = hidden_layer_sizes
        self.learning_rate = learning_rate
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.warm_start = warm_start
        self.classes = classes
        self.missing_label = missing_label
        self.device = device
        self.random_state = random_state

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        pairs: Any = None,
        tau: Any = None,
        layer: str | int | None = None,
    ) -> LADAClassifier:
        """Train the network.

        Parameters
        ----------
        X : array-like of shape (n, p) or (n, channels, ...)
            Rows, of numbers.

        y : array-like of shape (n,)
            Class of each row, `missing_label` where there is none.

        sample_weight : array-like of shape (n,), default=None
            Weights of the rows, not negative. A mix weighs what its parents do, in
            their shares.

        pairs : array-like of shape (m, 2), default=None
            Rows to mix in each epoch, at a new ratio each time; both must have a label.
            None with a `tau` mixes each labelled row with a random other one.

        tau : float or array-like of shape (m,) or (m, 2), default=None
            Parameter of Beta(tau, tau), from which the share of the first row is drawn;
            or two bounds between which it is drawn. None trains without mixes.

        layer : str or int, default=None
            Where rows are mixed: one of `layers_`, another module of the network, or
            "input". None draws one of `layers_`.

        Returns
        -------
        self : LADAClassifier
            The trained network.

        Raises
        ------
        ValueError
            If rows, labels, weights or pairs cannot be used, if no row has a label, if
            the network cannot be cut behind the layer, or if the training diverged.
        """
        goes_on = self.warm_start and hasattr(self, "_network")
        check_device_name(self.device)
        X = self._read(X, reset=not goes_on)
        labels = read_partial_y(y, len(X), self.missing_label, warn=True)
        rows = labels.rows
        if not len(rows):
            raise ValueError("y holds no label: there is nothing to learn from.")
        weight = check_sample_weight(
            sample_weight, X, dtype=np.float64, ensure_non_negative=True
        )[rows]
        if not weight.any():
            raise ValueError(
                "sample_weight is 0 for all rows with a label: give one of them some "
                "weight."
            )
        y_rows = labels.of(rows)
        classes = self._all_classes(labels.classes, goes_on)
        if len(classes) < 2:
            raise ValueError(
                f"y holds labels of one class, {classes.tolist()}, and a classifier "
                "needs two: label more rows, or name all classes in classes."
            )
        codes = np.searchsorted(classes, y_rows)
        rng = check_random_state(self.random_state)
        if not goes_on:
            self.mean_, self.scale_ = channel_scale(X)
            self._make_network(X.shape[1:], len(classes), draw_seed(rng))
        self.classes_ = classes
        scaled = self._scaled(X[rows])
        from .._torch.lada import train_classifier  # imports torch
        from .._torch.model import Model

        self.layers_ = [INPUT]
        if len(rows) > 1:
            self.layers_ = Model(self._network, scaled).layers()
        if layer is None:
            layer = self.layers_[rng.randint(len(self.layers_))]
        draw_mixes = None
        if tau is not None and len(rows) > 1:
            draw_mixes = self._read_mixes(pairs, tau, labels.labelled)
            Model(self._network, scaled, layer)
        losses, mixed_losses, interrupted = train_classifier(
            self._network,
            scaled,
            codes,
            weight,
            draw_mixes,
            layer,
            learning_rate=self.learning_rate,
            batch_size=self.batch_size,
            max_iter=self.max_iter,
            seed=draw_seed(rng),
        )
        self.n_iter_ = len(losses)
        self.history_ = {"loss": losses, "mixed_loss": mixed_losses}
        if interrupted:
            warn_user(
                f"Interrupted after {self.n_iter_} epochs: the network stays as it is.",
                ConvergenceWarning,
            )
        return self

    def predict(self, X: Any) -> NDArray:
        """Predict classes.

        Parameters
        ----------
        X : array-like of shape (n, p) or (n, channels, ...)
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
        X : array-like of shape (n, p) or (n, channels, ...)
            Rows.

        Returns
        -------
        probabilities : ndarray of shape (n, n_classes)
            A column for each class, in the order of `classes_`.
        """
        check_is_fitted(self, "classes_")
        from .._torch.lada import probabilities  # imports torch

        X = self._read(X, reset=False)
        return probabilities(self._network, X, self._scaled)

    def _read(self, X: Any, *, reset: bool) -> NDArray:
        X = validate_data(
            self,
            X,
            dtype=[np.float64, np.float32],
            # Sums depend on the order.
            order="C",
            allow_nd=True,
            reset=reset,
        )
        if not reset and X.shape[1:] != self._input_shape:
            raise ValueError(
                f"X has rows of shape {X.shape[1:]}, but the network was trained on "
                f"rows of shape {self._input_shape}."
            )
        return X

    def _all_classes(self, of_labels: NDArray, goes_on: bool) -> NDArray:
        known = of_labels if self.classes is None else np.unique(self.classes)
        if goes_on:
            known = self.classes_
        unknown = np.setdiff1d(of_labels, known)
        if len(unknown):
            source = "the network that is there has" if goes_on else "classes names"
            raise ValueError(
                f"y holds the classes {unknown.tolist()}, but {source} "
                f"{known.tolist()}. Name all of them in classes, and begin anew with "
                "warm_start=False if the network is there already."
            )
        return known

    def _scaled(self, X: NDArray) -> NDArray[np.float32]:
        return np.ascontiguousarray((X - self.mean_) / self.scale_, dtype=np.float32)

    def _network_and_scale(self) -> tuple[Any, Callable[[Any], NDArray]]:
        """What is needed to look into the network; see ``_views.network_of``."""
        return self._network, self._scale_rows

    def _scale_rows(self, X: Any) -> NDArray[np.float32]:
        return self._scaled(np.asarray(X))

    def _make_network(self, shape: tuple[int, ...], n_classes: int, seed: int) -> None:
        from .._torch import proxies  # imports torch
        from .._torch.device import resolve_device

        if self.module is None:
            layers = check_layers(self.hidden_layer_sizes, "hidden_layer_sizes")
            sizes = [int(np.prod(shape)), *layers, n_classes]
            network = proxies.build(lambda: proxies.make_mlp(sizes), seed)
        elif hasattr(self.module, "named_modules"):
            raise ValueError(
                "module must be a function that makes a network of (input_shape, "
                f"n_classes), got the network {type(self.module).__name__} itself."
            )
        else:
            network = proxies.build(lambda: self.module(shape, n_classes), seed)
        device = resolve_device(self.device)
        self._network = proxies.check_network(network, shape, n_classes, seed).to(
            device
        )
        self._input_shape, self.device_ = shape, str(device)

    def _read_mixes(
        self, pairs: Any, tau: Any, labelled: NDArray[np.bool_]
    ) -> Callable[[RandomState], tuple[NDArray, NDArray]]:
        """Check what is to be mixed, and say how an epoch draws it."""
        n_rows = int(labelled.sum())
        tau = np.asarray(tau, dtype=np.float64)
        if not np.isfinite(tau).all() or (tau < 0).any() or not tau.any():
            raise ValueError(f"tau must hold positive finite numbers, got {tau!r}.")
        if pairs is None:
            if tau.ndim:
                raise ValueError(
                    "tau must be a number where pairs are drawn, got shape "
                    f"{tau.shape}."
                )

            def draw_all(rng: RandomState) -> tuple[NDArray, NDArray]:
                pairs = np.column_stack([np.arange(n_rows), other_rows(n_rows, 1, rng)])
                return pairs, draw_ratios(np.broadcast_to(tau, n_rows), rng)

            return draw_all
        pairs = np.asarray(pairs)
        if pairs.ndim != 2 or pairs.shape[1] != 2 or pairs.dtype.kind not in "iu":
            raise ValueError(
                f"pairs must hold two places of rows each, got shape {pairs.shape} and "
                f"dtype {pairs.dtype}."
            )
        if len(pairs) and (pairs.min() < 0 or pairs.max() >= len(labelled)):
            raise ValueError(f"pairs must hold places from 0 to {len(labelled) - 1}.")
        missing = np.unique(pairs[~labelled[pairs]])
        if len(missing):
            raise ValueError(
                f"pairs holds the rows {missing[:10].tolist()}, which have no label: "
                "only labelled rows can be mixed."
            )
        if tau.shape not in ((), (len(pairs),), (len(pairs), 2)):
            raise ValueError(
                "tau must be one number, or one or two to a pair: got shape "
                f"{tau.shape} for {len(pairs)} pairs."
            )
        tau = np.broadcast_to(tau, len(pairs)) if tau.ndim == 0 else tau
        places = (np.cumsum(labelled) - 1)[pairs]
        return lambda rng: (places, draw_ratios(tau, rng))

    def __getstate__(self) -> dict[str, Any]:
        """Leave a pickle that can be opened where there is no GPU."""
        state = super().__getstate__()
        if self.__dict__.get("device_", "cpu") != "cpu":
            from copy import deepcopy

            state["_network"] = deepcopy(self._network).cpu()
            state["device_"] = "cpu"
        return state

    def __sklearn_tags__(self) -> Any:
        """Tell that rows may have any shape."""
        tags = super().__sklearn_tags__()
        tags.input_tags.three_d_array = True
        return tags
