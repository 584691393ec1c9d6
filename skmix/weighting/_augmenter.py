"""Augmentations that lower the loss of a network on validation rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from .. import _compat
from .._compat import Interval, StrOptions
from ._base_augmenter import BaseAugmenter
from ._encoding import ImageRows, TableRows
from ._maker import Maker
from ._targets import Targets
from ._valuation import default_estimator


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
        Minus the mean loss on held-out rows, with copies and without, or with plain
        copies if that is better; NaN where there was no judgement.

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
    rows where `X_val` is passed, makes copies, fits the estimator with them, without,
    and with copies that are not changed, which let a penalty weigh less. It compares
    the Brier loss, or the absolute error, of the rows that were left out: copies are
    made if it is smaller in the mean than the better of the two others, and a
    signed-rank test says so at 0.1.

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
