"""What all resamplers share: reading the data, drawing mixes, putting them together.

A resampler of your own needs two methods. ``_learn`` looks at the data and keeps what
it learned in attributes; ``_draw`` says which rows to mix. Checks, containers, column
kinds, provenance and randomness are dealt with here.
"""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Iterator
from dataclasses import replace
from numbers import Integral, Real
from time import monotonic
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from . import _compat
from ._columns import Container
from ._data import Mixes, ResamplingData, rows_with_classes, rows_with_numbers
from ._random import draw_seed
from ._validation import (
    check_groups,
    check_pair,
    check_same_kinds,
    read_class_y,
    read_regression_y,
    read_X,
)
from .exceptions import JudgementWarning, warn_user
from .metrics import paired_difference, paired_signed_rank

# What the p-value of a gain must be below.
GUARD_LEVEL = 0.1
TOO_FEW = "are too few to judge whether it helps"

__all__ = ["BaseMixResampler", "BaseMixSampler", "Mixes", "ResamplingData"]


class _BaseMix(
    CallbackSupportMixin, OneToOneFeatureMixin, BaseEstimator, metaclass=ABCMeta
):
    """Template of ``fit``, ``fit_resample`` and ``resample``."""

    # Requested by default, so that they reach a sampler inside a pipeline without a
    # further call once scikit-learn's metadata routing is enabled.
    __metadata_request__fit = {"X_val": True, "y_val": True, "groups": True}
    __metadata_request__fit_resample = {"X_val": True, "y_val": True, "groups": True}

    # Makes rows of mixes. A plain function, which is sent elsewhere without the rest.
    _rows_with: Callable[..., tuple[Any, Any]]

    @_compat.fit_context(prefer_skip_nested_validation=False)
    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        *,
        X_val: Any = None,
        y_val: Any = None,
        groups: Any = None,
    ) -> _BaseMix:
        """Learn which rows to mix.

        Parameters
        ----------
        X : {array-like, data frame} of shape (n, p)
            Rows. Numbers must be finite; see ``categorical_features`` for the rest.

        y : {array-like, series, data frame} of shape (n,) or (n, t)
            Labels.

        X_val : {array-like, data frame} of shape (v, p), default=None
            Held-out rows to judge mixes by, where the resampler learns anything. They
            are never mixed nor returned.

        y_val : {array-like, series, data frame} of shape (v,) or (v, t), default=None
            Labels of the held-out rows.

        groups : array-like of shape (n,), default=None
            Rows of one group stay together where rows are held out. The rows of `X_val`
            are all held out, and count as one group each.

        Returns
        -------
        self : estimator
            The fitted resampler.

        Raises
        ------
        ValueError
            If the rows, labels or groups cannot be used; the message names the
            argument, the rule, the value and the remedy.
        """
        # Nothing of an earlier fit may stay behind, also where this one fails.
        for name in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, name)
        self._data = None
        self._start = monotonic()
        data = self._read(X, y, X_val, y_val, groups)
        rng = check_random_state(self.random_state)
        self._learn(data, rng)
        data.forget_held_out()
        # Where nothing is mixed, coordinates are not needed again.
        self._data = data if getattr(self, "accepted_", True) else replace(data)
        self._draw_seed = draw_seed(rng)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """Whether a fit has come to its end."""
        return getattr(self, "_data", None) is not None

    def fit_resample(
        self,
        X: Any,
        y: Any,
        *,
        X_val: Any = None,
        y_val: Any = None,
        groups: Any = None,
    ) -> tuple[Any, Any]:
        """Learn which rows to mix, and mix them.

        Parameters
        ----------
        X : {array-like, data frame} of shape (n, p)
            Rows; see :meth:`fit`.

        y : {array-like, series, data frame} of shape (n,) or (n, t)
            Labels.

        X_val : {array-like, data frame} of shape (v, p), default=None
            Held-out rows; see :meth:`fit`.

        y_val : {array-like, series, data frame} of shape (v,) or (v, t), default=None
            Labels of the held-out rows.

        groups : array-like of shape (n,), default=None
            Groups of rows; see :meth:`fit`.

        Returns
        -------
        X_resampled : {list, ndarray, data frame} of shape (n + m, p)
            The rows as they came, then the mixes.

        y_resampled : {list, ndarray, series, data frame} of shape (n + m,) or \
                (n + m, t)
            Their labels.
        """
        self.fit(X, y, X_val=X_val, y_val=y_val, groups=groups)
        return self.resample()

    def resample(
        self, *, random_state: int | RandomState | None = None
    ) -> tuple[Any, Any]:
        """Mix the rows of the last fit once more, without training.

        Parameters
        ----------
        random_state : int, RandomState or None, default=None
            Randomness of the draw. None repeats the draw of :meth:`fit_resample`.

        Returns
        -------
        X_resampled : {list, ndarray, data frame} of shape (n + m, p)
            The rows as they came, then the mixes.

        y_resampled : {list, ndarray, series, data frame} of shape (n + m,) or \
                (n + m, t)
            Their labels.
        """
        check_is_fitted(self)
        data, mixes = self._draw_again(random_state)
        self._keep_parents(mixes)
        return self._put_together(data, mixes)

    def iter_resample(
        self,
        batch_size: int = 1000,
        *,
        random_state: int | RandomState | None = None,
    ) -> Iterator[tuple[Any, Any]]:
        """Mix the rows of the last fit as :meth:`resample` does, batch by batch.

        For models with ``partial_fit``, and for data that do not fit in memory a second
        time: of the mixes only the parents and labels are all there at once.

        Parameters
        ----------
        batch_size : int, default=1000
            Number of rows in a batch; the last may have fewer.

        random_state : int, RandomState or None, default=None
            Randomness of the mixes and of the order. None repeats the mixes of
            :meth:`fit_resample`.

        Yields
        ------
        X_batch : {list, ndarray, data frame} of shape (batch_size, p)
            Rows and mixes in random order, each once in all batches together.

        y_batch : {list, ndarray, series, data frame} of shape (batch_size,) or \
                (batch_size, t)
            Their labels.

        Raises
        ------
        ValueError
            If `batch_size` is no whole number of at least 1.

        Examples
        --------
        >>> from sklearn.datasets import load_diabetes
        >>> from sklearn.linear_model import SGDRegressor
        >>> from skmix.regression import MixupResampler
        >>> X, y = load_diabetes(return_X_y=True)
        >>> resampler = MixupResampler(random_state=0).fit(X, y)
        >>> model = SGDRegressor(random_state=0)
        >>> for X_batch, y_batch in resampler.iter_resample(batch_size=100):
        ...     model = model.partial_fit(X_batch, y_batch)
        >>> model.t_ - 1 == 2 * len(X)
        True
        """
        check_is_fitted(self)
        if not isinstance(batch_size, Integral) or batch_size < 1:
            raise ValueError(
                f"batch_size must be a whole number of at least 1, got {batch_size!r}."
            )
        return self._batches(int(batch_size), random_state)

    def _batches(
        self, batch_size: int, random_state: int | RandomState | None
    ) -> Iterator[tuple[Any, Any]]:
        seed = self._draw_seed if random_state is None else random_state
        rng = check_random_state(seed)
        data, mixes = self._draw_again(rng)
        self._keep_parents(mixes)
        # A row is the mix of it with itself.
        rows = np.arange(len(data))
        both = Mixes.join([Mixes(rows, rows, np.ones(len(data)), data.target), mixes])
        order = rng.permutation(len(both))
        for start in range(0, len(order), batch_size):
            places = order[start : start + batch_size]
            if len(mixes):
                part = Mixes(*(column[places] for column in vars(both).values()))
                yield self._rows_with(data, part, alone=True)
            else:
                yield data.X.take(places), data.y.take(places)

    def _draw_again(
        self, random_state: int | RandomState | None = None
    ) -> tuple[ResamplingData, Mixes]:
        seed = self._draw_seed if random_state is None else random_state
        return self._data, self._draw(self._data, check_random_state(seed))

    def _keep_parents(self, mixes: Mixes) -> None:
        self.parent_indices_ = np.column_stack([mixes.first, mixes.second])
        self.mix_weights_ = np.column_stack([mixes.weight, 1 - mixes.weight])

    def _put_together(self, data: ResamplingData, mixes: Mixes) -> tuple[Any, Any]:
        """The rows as they came, then the mixes, in the containers of the user."""
        return self._rows_with(data, mixes)

    def _read(
        self, X: Any, y: Any, X_val: Any, y_val: Any, groups: Any
    ) -> ResamplingData:
        held_out = check_pair(X_val, y_val)
        X_in, columns = read_X(self, X, categorical_features=self.categorical_features)
        y_in, target = self._read_y(y, len(X_in), "y")
        data = ResamplingData(
            X=X_in,
            y=y_in,
            columns=columns,
            target=target,
            groups=check_groups(groups, len(X_in)),
        )
        if held_out:
            data.X_val, data.columns_val = read_X(
                self,
                X_val,
                categorical_features=self.categorical_features,
                reset=False,
                name="X_val",
            )
            check_same_kinds(data.X, columns, data.columns_val)
            _, data.target_val = self._read_y(y_val, len(data.X_val), "y_val")
            if data.target_val.shape[1:] != target.shape[1:]:
                raise ValueError(
                    f"y_val has {data.target_val.shape[1]} targets, but y has "
                    f"{target.shape[1]}: pass the same ones."
                )
        return data

    @abstractmethod
    def _read_y(self, y: Any, n_rows: int, name: str) -> tuple[Container, NDArray]:
        """Check the labels and read them."""

    def _judge(
        self,
        loss: NDArray[np.float64],
        baseline: NDArray[np.float64],
        what: str,
        *,
        judge: str,
        groups: NDArray | None = None,
    ) -> None:
        """Accept what was learned if it helps, beyond what chance would make likely.

        The mean gain has to be positive, and the ranks of the gains by row to tell for
        it too. A standard error alone lets single rows decide: it kept less of the gain
        and let more harm through.

        Parameters
        ----------
        loss : ndarray of shape (v,)
            Error of each held-out row with mixing, in units that make its mean 1 - R2.

        baseline : ndarray of shape (v,)
            The same without.

        what : str
            What is mixed, in words that follow "Mix"; empty where nothing is.

        judge : str
            Whose errors these are.

        groups : ndarray of shape (v,), default=None
            Groups of rows, which count as one.
        """
        gain, error = paired_difference(baseline, loss, groups=groups)
        p_value = paired_signed_rank(baseline, loss, groups=groups)
        self.best_score_ = float(1 - loss.mean())
        self.baseline_score_ = float(1 - baseline.mean())
        self.accepted_ = bool(what) and (
            (gain > 0 and p_value < GUARD_LEVEL) or not self.guard
        )
        if not what:
            verdict = "No mixing: nothing was found worth it"
        else:
            verdict = f"{'Mix' if self.accepted_ else 'No mixing. At best: mix'} {what}"
        self.chosen_ = (
            f"{verdict}. Held-out R2 of {judge}: {self.best_score_:.3f} with mixing, "
            f"{self.baseline_score_:.3f} without; gain {gain:+.4f}, standard error "
            f"{error:.4f}, signed-rank p {p_value:.2g}."
        )

    def _accept_unjudged(self, what: str, why: str = "as guard=False") -> None:
        """Accept what was learned or given, as nobody asked for a judgement."""
        self.best_score_ = self.baseline_score_ = float("nan")
        self.accepted_ = bool(what)
        self.chosen_ = f"Mix {what or 'nothing'}; not judged, {why}."

    def _give_up(self, what: str, why: str = TOO_FEW) -> None:
        """Hand the data back where there can be no judgement."""
        self.best_score_ = self.baseline_score_ = float("nan")
        self.accepted_ = False
        self.chosen_ = f"No mixing: {what} {why}."
        warn_user(self.chosen_, JudgementWarning)

    @abstractmethod
    def _learn(self, data: ResamplingData, rng: RandomState) -> None:
        """Learn from the data; keep the result in attributes."""

    @abstractmethod
    def _draw(self, data: ResamplingData, rng: RandomState) -> Mixes:
        """Say which rows to mix, by what was learned."""


class BaseMixResampler(_BaseMix):
    """Base class of resamplers for regression.

    Subclasses set ``categorical_features`` and ``random_state`` among their parameters,
    and define ``_learn(data, rng)`` and ``_draw(data, rng)``, which returns a
    :class:`Mixes` with labels of shape (m, t).

    Attributes
    ----------
    parent_indices_ : ndarray of shape (m, 2)
        Row indices of the parents of each new row, since the last draw.

    mix_weights_ : ndarray of shape (m, 2)
        Share of each parent.

    n_features_in_ : int
        Number of columns of X.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, if X has them.

    Notes
    -----
    imbalanced-learn's base class refuses continuous labels, and takes whole numbers for
    classes. Here the task is what the class says it is.

    A fitted resampler keeps the training rows, which :meth:`resample` mixes.

    Examples
    --------
    A resampler that mixes each row with the one before it:

    >>> import numpy as np
    >>> from skmix.base import BaseMixResampler, Mixes
    >>> class Chain(BaseMixResampler):
    ...     _parameter_constraints = {
    ...         "categorical_features": "no_validation",
    ...         "random_state": ["random_state"],
    ...     }
    ...     def __init__(self, *, categorical_features="from_dtype", random_state=None):
    ...         self.categorical_features = categorical_features
    ...         self.random_state = random_state
    ...     def _learn(self, data, rng):
    ...         pass
    ...     def _draw(self, data, rng):
    ...         first = np.arange(1, len(data))
    ...         target = (data.target[first] + data.target[first - 1]) / 2
    ...         return Mixes(first, first - 1, np.full(len(first), 0.5), target)
    >>> X, y = Chain().fit_resample([[0.0], [1.0], [3.0]], [0, 10, 30])
    >>> X
    [[0.0], [1.0], [3.0], [0.5], [2.0]]
    >>> y
    [0.0, 10.0, 30.0, 5.0, 20.0]
    """

    _rows_with = staticmethod(rows_with_numbers)

    def _read_y(self, y: Any, n_rows: int, name: str) -> tuple[Container, NDArray]:
        return read_regression_y(y, n_rows, name=name)

    def __sklearn_tags__(self) -> Any:
        """Tell that X may be a data frame and y may have several targets."""
        return _compat.sampler_tags(multi_output=True)


class BaseMixSampler(_BaseMix):
    """Base class of samplers for classification.

    Subclasses set ``sampling_strategy``, ``categorical_features`` and ``random_state``
    among their parameters, and define ``_learn(data, rng)`` and ``_draw(data, rng)``,
    which returns a :class:`Mixes` with one class label to a mix.

    Attributes
    ----------
    sampling_strategy_ : dict
        Number of rows to add to each class.

    parent_indices_ : ndarray of shape (m, 2)
        Row indices of the parents of each new row, since the last draw.

    mix_weights_ : ndarray of shape (m, 2)
        Share of each parent.

    n_features_in_ : int
        Number of columns of X.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, if X has them.

    Notes
    -----
    ``sampling_strategy`` has imbalanced-learn's words and meaning. One-vs-all labels
    of shape (n, n_classes) come back as such.

    Examples
    --------
    A sampler that mixes random pairs of each class that is too small:

    >>> import numpy as np
    >>> from skmix.base import BaseMixSampler, Mixes
    >>> class Pairs(BaseMixSampler):
    ...     def __init__(self, *, sampling_strategy="auto",
    ...                  categorical_features="from_dtype", random_state=None):
    ...         self.sampling_strategy = sampling_strategy
    ...         self.categorical_features = categorical_features
    ...         self.random_state = random_state
    ...     def _learn(self, data, rng):
    ...         pass
    ...     def _draw(self, data, rng):
    ...         label = np.repeat(*zip(*self.sampling_strategy_.items()))
    ...         rows = [rng.choice(np.flatnonzero(data.target == c), 2) for c in label]
    ...         first, second = np.array(rows).T
    ...         return Mixes(first, second, np.full(len(label), 0.5), label)
    >>> X = np.arange(6.0)[:, None]
    >>> X_new, y_new = Pairs(random_state=0).fit_resample(X, [0, 0, 0, 0, 1, 1])
    >>> y_new
    [0, 0, 0, 0, 1, 1, 1, 1]
    """

    _rows_with = staticmethod(rows_with_classes)

    # For subclasses to extend.
    _parameter_constraints: dict[str, Any] = {
        "sampling_strategy": [
            _compat.StrOptions(
                {"all", "auto", "minority", "not majority", "not minority"}
            ),
            _compat.Interval(Real, 0, 1, closed="right"),
            dict,
            callable,
        ],
        "categorical_features": [_compat.StrOptions({"from_dtype"}), "array-like"],
        "random_state": ["random_state"],
    }

    def _read(
        self, X: Any, y: Any, X_val: Any, y_val: Any, groups: Any
    ) -> ResamplingData:
        data = super()._read(X, y, X_val, y_val, groups)
        self.sampling_strategy_ = _compat.check_sampling_strategy(
            self.sampling_strategy, data.target, "over-sampling"
        )
        return data

    def _read_y(self, y: Any, n_rows: int, name: str) -> tuple[Container, NDArray]:
        return read_class_y(y, n_rows, name=name)

    def __sklearn_tags__(self) -> Any:
        """Tell that X may be a data frame and y holds one class to a row."""
        return _compat.sampler_tags(multi_output=False)
