"""Augmentations that lower the loss of a network on validation rows."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Callable, Sequence
from functools import partial
from numbers import Integral, Real
from time import monotonic
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, OneToOneFeatureMixin, clone
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.model_selection import GroupKFold, KFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted, column_or_1d

from .. import _compat
from .._compat import HasMethods, Interval, StrOptions
from .._containers import take_rows, wrap
from .._loop import Loop
from .._random import draw_seed
from .._training import seeded
from .._validation import check_device_name, check_groups, check_kind, read_regression_y
from ..exceptions import JudgementWarning, warn_user
from ..metrics import paired_difference, paired_signed_rank
from ._encoding import ImageRows, TableRows
from ._held_out import split_rows
from ._judging import absolute_errors, brier_losses, stratified_folds
from ._maker import Maker
from ._targets import Targets, read_targets
from ._valuation import default_estimator

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
        if (X_val is None) != (y_val is None):
            given_name = "X_val" if y_val is None else "y_val"
            missing = "y_val" if y_val is None else "X_val"
            raise ValueError(
                f"{given_name} was passed without {missing}: pass both or none."
            )
        if X_val is not None:
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
            return X_resampled, self._y.extend(drawn.source, [], empty)
        values = drawn.Y * targets.scale + targets.mean
        columns = list(range(values.shape[1]))
        return X_resampled, self._y.with_floats().extend(drawn.source, columns, values)

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
        losses = np.empty((2, n_rows))
        for train, test in self._folds(trusted, groups, seed, given):
            inner = clone(self).set_params(guard=False, random_state=seed, verbose=0)
            inner.set_callbacks()
            if hasattr(self, "task"):
                kind = "regression" if self._is_regression else "classification"
                inner.set_params(task=kind)
            if self.max_time is not None:
                inner.set_params(max_time=self.max_time / self._shares)
            if given:
                rows, extra = (
                    (X, y),
                    {
                        "X_val": take_rows(X_val, train),
                        "y_val": take_rows(y_val, train),
                    },
                )
                X_test, y_test = take_rows(X_val, test), take_rows(y_val, test)
            else:
                rows = take_rows(X, train), take_rows(y, train)
                extra = {} if groups is None else {"groups": groups[train]}
                X_test, y_test = take_rows(X, test), take_rows(y, test)
            made = inner.fit_resample(*rows, **extra)
            for place, data in enumerate([made, rows]):
                model = seeded(clone(estimator), estimator, seed).fit(*data)
                loss = absolute_errors if self._is_regression else brier_losses
                losses[place, test] = loss(model, X_test, y_test)
        self._decide(*losses)

    def _decide(self, loss: NDArray[np.float64], baseline: NDArray[np.float64]) -> None:
        gain, error = paired_difference(baseline, loss)
        p_value = paired_signed_rank(baseline, loss)
        self.best_score_ = float(-loss.mean())
        self.baseline_score_ = float(-baseline.mean())
        self.accepted_ = bool(gain > 0 and p_value < GUARD_LEVEL)
        name = "absolute error" if self._is_regression else "Brier loss"
        verdict = "Copies of all rows" if self.accepted_ else "No copies"
        self.chosen_ = (
            f"{verdict}. Held-out {name}: {loss.mean():.4f} with copies, "
            f"{baseline.mean():.4f} without; gain {gain:+.4f}, standard error "
            f"{error:.4f}, signed-rank p {p_value:.2g}."
        )

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


class LearnedAugmenter(BaseAugmenter):
    """Learn how to change rows so that their copies teach a network most.

    Copies of rows are moved towards others of their class, get noise, and other
    categories; those of images are turned, shifted, scaled, lit, and have squares cut
    out. How much of each is learned by the loss on validation rows, through one update
    of a network [1]_, and can be read afterwards.

    Whether copies help depends on the data: in our measurements they often do not, and
    the guard then hands the data back as they were.

    Parameters
    ----------
    estimator : estimator, default=None
        Whom the guard asks whether copies help. None asks a linear model, and says so;
        inside :class:`~skmix.ResampledClassifier` and
        :class:`~skmix.ResampledRegressor`, None means the estimator there.

    augmentation : {"auto", "table", "image"} or callable, default="auto"
        What is learned. "auto" is "image" for rows of three dimensions and where there
        is an `image_shape`. A function ``augmentation(X, Y)`` of the encoded training
        rows and their targets, as tensors, returns a ``torch.nn.Module`` of your own,
        whose ``forward(X, Y, places)`` gives as many new rows and targets,
        differentiable in its parameters.

    n_copies : int, default=1
        Number of copies of each row; 0 hands the data back, as the control in a grid.

    task : {"auto", "classification", "regression"}, default="auto"
        What targets are. "auto" takes what is not whole for numbers to predict, and
        refuses whole numbers of many values.

    image_shape : sequence of int, default=None
        Channels, height and width of images that come as rows of pixels.

    categorical_features : {"from_dtype"} or array-like, default="from_dtype"
        Which columns hold categories, by name, place or mask; "from_dtype" takes text,
        categories and booleans. They are never averaged.

    validation : float or int, default=0.2
        Which rows judge while the augmentation is learned, where no `X_val` is passed:
        a share of them, of each class alike, or a number of rows of each class.

    guard : bool, default=True
        Whether copies are made only if they help on held-out rows.

    meta_learning_rate : float, default=0.03
        Step size of Adam for what is learned.

    module : callable, default=None
        Makes the network that learns along: ``module(input_shape, n_outputs)`` returns
        a ``torch.nn.Module`` that turns rows of that shape into a logit for each class,
        or a number for each target. None makes a perceptron, or for images, of shape
        (channels, height, width), a small convolutional network.

    hidden_layer_sizes : int or sequence of int, default=(64,)
        Units of the hidden layers of this perceptron. Others have no use for it.

    learning_rate : float, default=0.02
        Step size of the network's stochastic gradient descent, and of the update that
        is looked at ahead.

    momentum : float, default=0.9
        Momentum of the network's descent.

    weight_decay : float, default=0.01
        Strength of the penalty on the network's squared weights.

    batch_size : int, default=64
        Number of rows in a batch, and of validation rows that judge it, if there are
        more.

    max_iter : int, default=40
        Number of epochs.

    warm_up : int, default=5
        Number of epochs before the augmentation is learned; it is applied in them.

    max_time : float, default=None
        Seconds after which no epoch begins that would be over later; None for no limit.

    device : str, default="auto"
        "cpu", "cuda", "cuda:<number>" or "mps"; "auto" takes a CUDA device where there
        is one.

    random_state : int, RandomState or None, default=None
        Randomness of everything. On the CPU, an integer gives equal results each time.

    verbose : int, default=0
        Whether to show a progress bar, which needs ``skmix[progress]``.

    Attributes
    ----------
    transform_ : object
        What was learned, as plain numbers; its ``describe()`` says it in words.

    accepted_ : bool
        Whether copies are made.

    best_score_, baseline_score_ : float
        Minus the mean loss on held-out rows, with copies and without; NaN where there
        was no judgement.

    chosen_ : str
        The decision in words, and what it rests on.

    parent_indices_ : ndarray of shape (m, 2)
        Of each copy, since the last draw, the row that it comes from, and the partner.

    mix_weights_ : ndarray of shape (m, 2)
        Shares of both.

    history_ : dict of lists
        Of each epoch the validation loss, "objective", and the training loss "loss".

    n_iter_ : int
        Number of epochs.

    device_ : str
        Where the network was.

    n_features_in_ : int
        Number of columns of X, or of channels of images.

    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        Column names, if X has them.

    Warns
    -----
    JudgementWarning
        If the guard is given no estimator, or too few rows to judge.

    ConvergenceWarning
        If a KeyboardInterrupt ended the fit.

    See Also
    --------
    LearnedTextAugmenter : The same for texts.
    SampleWeightLearner : Weights of rows, by the same learner.

    Notes
    -----
    A copy of a row x of class k has x_j + u m_kj (x'_j - x_j) + s_kj e_j in its numeric
    columns, with x' any row of the class, u uniform, e normal, and the strengths m and
    the noise s learned. Where targets are numbers there is one class, x' is among the
    five nearest rows, and the target moves by the mean strength. A categorical column
    is masked at a chance of a quarter, and drawn by Gumbel-softmax from a small network
    of the other columns and the target, which is first trained to fill in masked
    columns; with more than 64 categories it stays as it is. Whole numbers are rounded,
    and nothing leaves the range of the data.

    The network is trained on rows and copies alike. With theta' the parameters after an
    update by both, and v the gradient of the validation loss there, what is learned
    goes down -eta grad_phi <grad_theta l(theta; phi), v>, which is differentiated
    through a pass backwards.

    All rows are copied in the end, those that judged included; with a module of your
    own the rows that it was made with.

    The guard learns again without a third of the rows, or with half of the validation
    rows where `X_val` is passed, makes copies, fits the estimator with them and
    without, and compares the Brier loss, or the absolute error, of the rows that were
    left out: copies are made if it is smaller in the mean, and a signed-rank test says
    so at 0.1.

    References
    ----------
    .. [1] Hu, Tan, Salakhutdinov, Mitchell and Xing, "Learning data manipulation for
       augmentation and weighting", NeurIPS 2019.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from sklearn.neighbors import KNeighborsClassifier
    >>> from skmix.weighting import LearnedAugmenter
    >>> X, y = load_wine(return_X_y=True, as_frame=True)
    >>> augmenter = LearnedAugmenter(guard=False, max_iter=20, random_state=0)
    >>> X_more, y_more = augmenter.fit_resample(X, y)
    >>> X_more.shape
    (356, 13)
    >>> print(augmenter.transform_.describe().splitlines()[0][:45])
    Class 0: up to 0.1... of the way to another row
    """

    _parameter_constraints = {
        **BaseAugmenter._parameter_constraints,
        "augmentation": [StrOptions({"auto", "table", "image"}), callable],
        "task": [StrOptions({"auto", "classification", "regression"})],
        "image_shape": ["array-like", None],
        "categorical_features": [StrOptions({"from_dtype"}), "array-like"],
        "meta_learning_rate": [Interval(Real, 0, None, closed="neither")],
        "module": [callable, None],
        "hidden_layer_sizes": ["array-like", Integral],
    }

    def __init__(
        self,
        estimator: Any = None,
        *,
        augmentation: str | Callable[..., Any] = "auto",
        n_copies: int = 1,
        task: str = "auto",
        image_shape: Sequence[int] | None = None,
        categorical_features: Any = "from_dtype",
        validation: Any = 0.2,
        guard: bool = True,
        meta_learning_rate: float = 0.03,
        module: Callable[[tuple[int, ...], int], Any] | None = None,
        hidden_layer_sizes: int | Sequence[int] = (64,),
        learning_rate: float = 0.02,
        momentum: float = 0.9,
        weight_decay: float = 0.01,
        batch_size: int = 64,
        max_iter: int = 40,
        warm_up: int = 5,
        max_time: float | None = None,
        device: str = "auto",
        random_state: int | RandomState | None = None,
        verbose: int = 0,
    ) -> None:
        self.estimator = estimator
        self.augmentation = augmentation
        self.n_copies = n_copies
        self.task = task
        self.image_shape = image_shape
        self.categorical_features = categorical_features
        self.validation = validation
        self.guard = guard
        self.meta_learning_rate = meta_learning_rate
        self.module = module
        self.hidden_layer_sizes = hidden_layer_sizes
        self.learning_rate = learning_rate
        self.momentum = momentum
        self.weight_decay = weight_decay
        self.batch_size = batch_size
        self.max_iter = max_iter
        self.warm_up = warm_up
        self.max_time = max_time
        self.device = device
        self.random_state = random_state
        self.verbose = verbose

    def _read(self, X: Any) -> Any:
        is_image = np.ndim(X) > 2 or self.image_shape is not None
        if self.augmentation == "image" or (self.augmentation != "table" and is_image):
            return ImageRows(self, X)
        return TableRows(self, X)

    def _make_maker(
        self,
        rows: Any,
        targets: Targets,
        training: NDArray[np.intp],
        held_out: tuple[NDArray, NDArray],
        rng: RandomState,
    ) -> Maker:
        """Make what learns to transform the training rows."""
        return Maker(self, rows, targets, training, held_out, rng)

    def _default_estimator(self) -> Any:
        """A simple model of encoded rows."""
        encode = FunctionTransformer(partial(_encoded, self._rows))
        return make_pipeline(encode, default_estimator(self._targets))

    def __sklearn_tags__(self) -> Any:
        """Tell that X may be a data frame and y may have several targets."""
        return _compat.sampler_tags(multi_output=True)


def _encoded(rows: Any, X: Any) -> NDArray[np.float64]:
    return rows.encode(X, "X")
