"""What learned augmentations share: fits, draws, and a guard that judges copies."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from numbers import Integral, Real
from time import monotonic
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, clone
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.model_selection import GroupKFold, KFold
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, column_or_1d

from .. import _compat
from .._compat import HasMethods, Interval
from .._containers import take_rows, wrap
from .._loop import Loop
from .._random import draw_seed
from .._training import seeded
from .._validation import (
    check_device_name,
    check_groups,
    check_kind,
    check_pair,
    read_regression_y,
)
from ..exceptions import JudgementWarning, warn_user
from ._held_out import split_rows
from ._judging import absolute_errors, brier_losses, compare, stratified_folds
from ._targets import Targets, read_targets

GUARD_LEVEL = 0.1
MIN_ROWS_TO_JUDGE = 20
# One fold of them is left out, and of the others a share judges.
MIN_GROUPS = 4
N_FOLDS = 3


class BaseAugmenter(
    CallbackSupportMixin, OneToOneFeatureMixin, BaseEstimator, metaclass=ABCMeta
):
    """Learns to transform rows, and hands them back as they were if that harms.

    A subclass has the parameters below. It reads rows in ``_read``, makes what learns
    in ``_make_maker``, and says who judges by default in ``_default_estimator``.
    """

    _parameter_constraints = {
        "estimator": [HasMethods(["fit", "predict"]), None],
        "n_copies": [Interval(Integral, 0, None, closed="left")],
        "validation": [
            Interval(Integral, 1, None, closed="left"),
            Interval(Real, 0, 1, closed="neither"),
        ],
        "guard": ["boolean"],
        "meta_learning_rate": [Interval(Real, 0, None, closed="neither"), None],
        "learning_rate": [Interval(Real, 0, None, closed="neither")],
        "momentum": [Interval(Real, 0, 1, closed="left")],
        "weight_decay": [Interval(Real, 0, None, closed="left")],
        "batch_size": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "warm_up": [Interval(Integral, 0, None, closed="left")],
        "max_time": [Interval(Real, 0, None, closed="neither"), None],
        "device": [str],
        "random_state": ["random_state"],
        "verbose": ["verbose"],
    }
    __metadata_request__fit = {"X_val": True, "y_val": True, "groups": True}
    __metadata_request__fit_resample = {"X_val": True, "y_val": True, "groups": True}

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
    ) -> BaseAugmenter:
        """Learn how to transform rows.

        Parameters
        ----------
        X : {array-like, data frame} of shape (n, p) or (n, channels, height, width)
            Rows.

        y : {array-like, series, data frame} of shape (n,) or (n, t)
            Labels.

        X_val : {array-like, data frame} of the shape of rows of X, default=None
            Validation rows, to learn by. Nothing is made of them.

        y_val : {array-like, series, data frame} of shape (v,) or (v, t), default=None
            Labels of the validation rows.

        groups : array-like of shape (n,), default=None
            Groups of rows that are not taken apart where a share of them judges.

        Returns
        -------
        self : estimator
            The fitted augmenter.

        Raises
        ------
        ValueError
            If rows or labels cannot be used, or if the training diverged.
        """
        # Nothing of an earlier fit may stay behind, also where this one fails.
        for name in [name for name in vars(self) if name.endswith("_")]:
            delattr(self, name)
        start = monotonic()
        check_device_name(self.device)
        rows = self._read(X)
        n_rows = len(rows.Z)
        targets = read_targets(y, n_rows, getattr(self, "task", "classification"))
        if self.estimator is not None:
            numbers = targets.classes is None
            check_kind(self.estimator, "regressor" if numbers else "classifier")
        groups = check_groups(groups, n_rows)
        rng = check_random_state(self.random_state)
        given = None
        if check_pair(X_val, y_val):
            Z_val = rows.encode(X_val, "X_val")
            given = Z_val, targets.encode(y_val, len(Z_val), "y_val")
        self._rows, self._targets, self._y = rows, targets, _wrap_y(y, n_rows, targets)
        self.history_, self.n_iter_, self.transform_ = {}, 0, None
        self.best_score_ = self.baseline_score_ = float("nan")
        # Of all fits of one call, each gets its share of the time.
        n_folds = 2 if given else N_FOLDS
        self._shares = 1 + n_folds if self.guard else 1
        max_time = None if self.max_time is None else self.max_time / self._shares
        if not self.n_copies:
            self.accepted_, self.chosen_ = False, "No copies, as n_copies=0."
            self._seed = draw_seed(rng)
            return self
        loop = Loop(
            self,
            1,
            (rows.Z, targets.Y, given, groups, rng.get_state()),
            max_time,
            start,
        )
        try:
            if given is None:
                split = split_rows(self.validation, targets.codes, y, rng, groups)[0]
                training, held_out = split
                given = rows.Z[held_out], targets.Y[held_out]
            else:
                training = np.arange(n_rows)
            self._maker = self._make_maker(rows, targets, training, given, rng)
            self.n_iter_ = loop.run(
                self._maker.learner, "augmentation", self.max_iter, keep_last=True
            )
            self._maker.finish()
        finally:
            loop.close()
            self.history_ = loop.history
        self.transform_, self.device_ = self._maker.result, self._maker.device_name
        if not self.guard:
            self.accepted_ = True
            self.chosen_ = "Copies of all rows; not judged, as guard=False."
        elif loop.interrupted:
            self._give_up("an interrupted fit has no time")
        else:
            self._judge(X, y, X_val, y_val, groups, draw_seed(rng))
        self._seed = draw_seed(rng)
        return self

    def __sklearn_is_fitted__(self) -> bool:
        """Whether a fit has come to its end."""
        return hasattr(self, "accepted_")

    def fit_resample(
        self,
        X: Any,
        y: Any,
        *,
        X_val: Any = None,
        y_val: Any = None,
        groups: Any = None,
    ) -> tuple[Any, Any]:
        """Learn how to transform rows, and put copies of them behind the rows.

        Parameters
        ----------
        X : {array-like, data frame} of shape (n, p) or (n, channels, height, width)
            Rows; see :meth:`fit`.

        y : {array-like, series, data frame} of shape (n,) or (n, t)
            Labels.

        X_val : {array-like, data frame} of the shape of rows of X, default=None
            Validation rows; see :meth:`fit`.

        y_val : {array-like, series, data frame} of shape (v,) or (v, t), default=None
            Labels of the validation rows.

        groups : array-like of shape (n,), default=None
            Groups of rows; see :meth:`fit`.

        Returns
        -------
        X_resampled : {list, ndarray, data frame} of n + m rows
            The rows as they came, then the copies.

        y_resampled : {list, ndarray, series, data frame} of shape (n + m,) or \
                (n + m, t)
            Their labels.
        """
        self.fit(X, y, X_val=X_val, y_val=y_val, groups=groups)
        return self.resample()

    def resample(
        self, *, random_state: int | RandomState | None = None
    ) -> tuple[Any, Any]:
        """Transform the rows of the last fit once more, without training.

        Parameters
        ----------
        random_state : int, RandomState or None, default=None
            Randomness of the draw. None repeats the draw of :meth:`fit_resample`.

        Returns
        -------
        X_resampled : {list, ndarray, data frame} of n + m rows
            The rows as they came, then the copies.

        y_resampled : {list, ndarray, series, data frame} of shape (n + m,) or \
                (n + m, t)
            Their labels.
        """
        check_is_fitted(self)
        rows, targets = self._rows, self._targets
        if not self.accepted_:
            everything = np.arange(len(rows.Z))
            self.parent_indices_ = np.empty((0, 2), dtype=np.intp)
            self.mix_weights_ = np.empty((0, 2))
            return rows.container.take(everything), self._y.take(everything)
        rng = check_random_state(self._seed if random_state is None else random_state)
        drawn = self._maker.draw(rows, targets, self.n_copies, draw_seed(rng))
        self.parent_indices_ = np.column_stack([drawn.source, drawn.partner])
        self.mix_weights_ = np.column_stack([1 - drawn.share, drawn.share])
        X_resampled = rows.extend(drawn.X, drawn.source)
        if targets.classes is not None:
            empty = np.empty((len(drawn.source), 0))
            return X_resampled, self._y.extend(drawn.source, [], empty.__getitem__)
        values = drawn.Y * targets.scale + targets.mean
        columns = list(range(values.shape[1]))
        return X_resampled, self._y.with_floats().extend(
            drawn.source, columns, values.__getitem__
        )

    @abstractmethod
    def _read(self, X: Any) -> Any:
        """Check rows, and encode them."""

    @abstractmethod
    def _make_maker(
        self,
        rows: Any,
        targets: Targets,
        training: NDArray[np.intp],
        held_out: tuple[NDArray, NDArray],
        rng: RandomState,
    ) -> Any:
        """Make what learns to transform the training rows."""

    @abstractmethod
    def _default_estimator(self) -> Any:
        """Who judges where no estimator is given."""

    def _judge(
        self, X: Any, y: Any, X_val: Any, y_val: Any, groups: Any, seed: int
    ) -> None:
        """Accept copies if they help on rows that nothing was learned from."""
        given = X_val is not None
        y, y_val = _flat_labels(y), _flat_labels(y_val)
        trusted = y_val if given else y
        n_rows = _compat.num_samples(trusted)
        if n_rows < MIN_ROWS_TO_JUDGE:
            self._give_up(f"{n_rows} {'validation ' * given}rows are too few")
            return
        if groups is not None and not given and len(np.unique(groups)) < MIN_GROUPS:
            self._give_up(f"the rows of {len(np.unique(groups))} groups are too few")
            return
        estimator = self.estimator
        if estimator is None:
            estimator = self._default_estimator()
            warn_user(
                f"{type(self).__name__} was given no estimator to ask whether copies "
                "help, and asks a linear model in its place. Pass estimator=, or use "
                "it inside ResampledClassifier or ResampledRegressor.",
                JudgementWarning,
            )
        loss = absolute_errors if self._is_regression else brier_losses
        losses = np.empty((3, n_rows))
        for train, test in self._folds(trusted, groups, seed, given):
            inner = clone(self).set_params(guard=False, random_state=seed, verbose=0)
            inner.set_callbacks()
            if hasattr(self, "task"):
                kind = "regression" if self._is_regression else "classification"
                inner.set_params(task=kind)
            if self.max_time is not None:
                inner.set_params(max_time=self.max_time / self._shares)
            if given:
                rows, of_test = (X, y), (X_val, y_val)
                extra = {
                    "X_val": take_rows(X_val, train),
                    "y_val": take_rows(y_val, train),
                }
            else:
                rows, of_test = tuple(take_rows(part, train) for part in (X, y)), (X, y)
                extra = {} if groups is None else {"groups": groups[train]}
            made = inner.fit_resample(*rows, **extra)
            # A penalty weighs less where there are more rows, whatever they are.
            again = np.tile(np.arange(_compat.num_samples(rows[1])), 1 + self.n_copies)
            plain = tuple(take_rows(part, again) for part in rows)
            X_test, y_test = (take_rows(part, test) for part in of_test)
            for place, data in enumerate([made, rows, plain]):
                model = seeded(clone(estimator), estimator, seed).fit(*data)
                losses[place, test] = loss(model, X_test, y_test)
        _, *others = losses
        baseline = min(others, key=np.mean)
        self.accepted_, self.best_score_, self.baseline_score_, numbers = compare(
            losses[0],
            baseline,
            GUARD_LEVEL,
            "absolute error" if self._is_regression else "Brier loss",
            "with copies",
            "without" if baseline is others[0] else "with plain ones",
        )
        verdict = "Copies of all rows" if self.accepted_ else "No copies"
        self.chosen_ = f"{verdict}. {numbers}"

    def _give_up(self, why: str) -> None:
        self.accepted_ = False
        self.chosen_ = f"No copies: {why} to judge whether they help."
        warn_user(self.chosen_, JudgementWarning)

    def _folds(self, y: Any, groups: Any, seed: int, given: bool) -> Any:
        n_folds = 2 if given else N_FOLDS
        rows = np.empty(_compat.num_samples(y))
        if groups is not None and not given:
            return GroupKFold(n_folds).split(rows, groups=groups)
        if self._is_regression:
            return KFold(n_folds, shuffle=True, random_state=seed).split(rows)
        return stratified_folds(y, n_folds, seed)

    @property
    def _is_regression(self) -> bool:
        return self._targets.classes is None


def _flat_labels(y: Any) -> Any:
    """Labels in one column, without the second axis, which estimators warn of."""
    shape = np.shape(y)
    return column_or_1d(y) if len(shape) == 2 and shape[1] == 1 else y


def _wrap_y(y: Any, n_rows: int, targets: Targets) -> Any:
    """Labels as they came; those to be predicted as numbers."""
    if targets.classes is None:
        return read_regression_y(y, n_rows)[0]
    return wrap(y)
