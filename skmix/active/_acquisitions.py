"""What makes a row worth a label: scores of rows one by one, or a choice of a set."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Callable
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.sparse import issparse, vstack
from scipy.special import entr
from sklearn.base import BaseEstimator
from sklearn.utils import gen_batches

from .._compat import Interval, validate_parameter
from .._containers import take_rows
from .._core.batches import farthest_rows, gradient_rows
from ._views import View

Scores = NDArray[np.float64]


class Acquisition(BaseEstimator, metaclass=ABCMeta):
    """Base class of acquisitions.

    Attributes
    ----------
    rowwise : bool
        Whether rows are scored one by one. Others choose a batch as a set, and cannot
        look ahead: they have no score for a mix.

    differentiable : bool
        Whether there are gradients of the scores, for policies that learn by them.

    needs_probabilities : bool
        Whether the scores come from the class probabilities of a classifier.

    See Also
    --------
    RowAcquisition : For scores of your own.
    LADASelector : Uses them.

    Examples
    --------
    >>> from skmix.active import BADGE, Entropy
    >>> Entropy().rowwise, BADGE().rowwise
    (True, False)
    """

    rowwise: ClassVar[bool] = True
    differentiable: ClassVar[bool] = False
    needs_probabilities: ClassVar[bool] = True
    _parameter_constraints: ClassVar[dict] = {}

    def _check_parameters(self) -> None:
        for name in self._parameter_constraints:
            validate_parameter(self, name)


class RowAcquisition(Acquisition):
    """Base class of acquisitions that score rows one by one.

    A subclass defines ``score``, of class probabilities. It can then look ahead with
    every classifier: the mixes of two rows are scored at fixed ratios.

    See Also
    --------
    LADASelector : Uses them.

    Examples
    --------
    Doubt about one of three classes:

    >>> import numpy as np
    >>> from skmix.active import LADASelector, RowAcquisition
    >>> class SecondClass(RowAcquisition):
    ...     def score(self, probabilities):
    ...         return 1 - abs(2 * probabilities[:, 1] - 1)
    >>> SecondClass().score(np.array([[0.2, 0.5, 0.3], [0.0, 1.0, 0.0]]))
    array([1., 0.])
    >>> selector = LADASelector(acquisition=SecondClass())
    """

    @abstractmethod
    def score(self, probabilities: Scores) -> Scores:
        """Score rows by their class probabilities.

        Parameters
        ----------
        probabilities : ndarray of shape (n, n_classes)
            Class probabilities of rows, or of mixes.

        Returns
        -------
        scores : ndarray of shape (n,)
            What a label of each row is worth, greater is more.
        """

    def _bind(
        self,
        view: View,
        X: Any,
        labelled: NDArray[np.intp],
        pool: NDArray[np.intp],
        rng: RandomState,
        device: str,
    ) -> View:
        """Learn what is needed beside the classifier; say where rows are scored."""
        return view

    def _rebind(self, view: View) -> View:
        """Say where new rows are scored by what was learned."""
        return view

    def _score(self, view: View, Z: Any) -> Scores:
        """Score rows that the view has read or mixed."""
        return np.asarray(self.score(view.probabilities(Z)), dtype=np.float64)

    def _torch_scores(self, view: View) -> Callable:
        """Scores that can be differentiated by what the view has read or mixed."""
        from .._torch import acquisitions  # imports torch

        return view.torch_scores(getattr(acquisitions, self._torch_name))

    _torch_name: ClassVar[str]


class Entropy(RowAcquisition):
    """Entropy of the class probabilities, -sum_c p_c log p_c, in nats.

    It grows with every class that has some probability, so that among many classes it
    prefers rows about which nothing is known [1]_.

    See Also
    --------
    Margin : Looks at the two most probable classes only.

    References
    ----------
    .. [1] Shannon, "A mathematical theory of communication", 1948.

    Examples
    --------
    >>> import numpy as np
    >>> from skmix.active import Entropy
    >>> Entropy().score(np.array([[0.5, 0.5], [1.0, 0.0]])).round(3)
    array([0.693, 0.   ])
    """

    differentiable = True
    _torch_name = "entropy"

    def score(self, probabilities: Scores) -> Scores:
        """Score rows by their class probabilities.

        Parameters
        ----------
        probabilities : ndarray of shape (n, n_classes)
            Class probabilities of rows, or of mixes.

        Returns
        -------
        scores : ndarray of shape (n,)
            Between 0 and log(n_classes).
        """
        return entr(probabilities).sum(axis=-1)


class VarRatio(RowAcquisition):
    """Variation ratio, 1 - max_c p_c: the probability that the prediction is wrong.

    See Also
    --------
    Margin : Looks at the second class, too.

    References
    ----------
    .. [1] Freeman, "Elementary applied statistics", Wiley 1965.

    Examples
    --------
    >>> import numpy as np
    >>> from skmix.active import VarRatio
    >>> VarRatio().score(np.array([[0.5, 0.5], [1.0, 0.0]]))
    array([0.5, 0. ])
    """

    differentiable = True
    _torch_name = "var_ratio"

    def score(self, probabilities: Scores) -> Scores:
        """Score rows by their class probabilities.

        Parameters
        ----------
        probabilities : ndarray of shape (n, n_classes)
            Class probabilities of rows, or of mixes.

        Returns
        -------
        scores : ndarray of shape (n,)
            Between 0 and 1 - 1 / n_classes.
        """
        return 1 - probabilities.max(axis=-1)


class Margin(RowAcquisition):
    """How close the two most probable classes are, 1 - (p_(1) - p_(2)).

    The paper of LADA does not compare with it; it is the rival to beat.

    See Also
    --------
    Entropy : Looks at all classes.

    References
    ----------
    .. [1] Scheffer, Decomain and Wrobel, "Active hidden Markov models for information
       extraction", IDA 2001.

    Examples
    --------
    >>> import numpy as np
    >>> from skmix.active import Margin
    >>> Margin().score(np.array([[0.5, 0.5, 0.0], [0.75, 0.25, 0.0]]))
    array([1. , 0.5])
    """

    differentiable = True
    _torch_name = "margin"

    def score(self, probabilities: Scores) -> Scores:
        """Score rows by their class probabilities.

        Parameters
        ----------
        probabilities : ndarray of shape (n, n_classes)
            Class probabilities of rows, or of mixes.

        Returns
        -------
        scores : ndarray of shape (n,)
            Between 0 and 1.
        """
        if probabilities.shape[-1] < 2:
            return 1 - probabilities[..., 0]
        greatest = np.partition(probabilities, -2, axis=-1)[..., -2:]
        return 1 - (greatest[..., 1] - greatest[..., 0])


class BALD(RowAcquisition):
    """How much members disagree: entropy of their mean less their mean entropy.

    Members are those of an ensemble of scikit-learn, such as the trees of a forest, or
    passes of a network with dropout. In the paper of LADA the second term stands alone
    for an expectation over parameters; its network has no dropout, so that its row of
    BALD cannot be repeated from what it says.

    Parameters
    ----------
    n_members : int, default=20
        Number of passes with dropout. The members of an ensemble are all asked.

    See Also
    --------
    Entropy : Does not tell disagreement from noise.

    References
    ----------
    .. [1] Houlsby, Huszar, Ghahramani and Lengyel, "Bayesian active learning for
       classification and preference learning", 2011.

    Examples
    --------
    Two members that are sure of different classes, and two that are both in doubt:

    >>> import numpy as np
    >>> from skmix.active import BALD
    >>> members = np.array([[[1.0, 0.0], [0.5, 0.5]], [[0.0, 1.0], [0.5, 0.5]]])
    >>> BALD().score(members).round(3)
    array([0.693, 0.   ])
    """

    differentiable = True
    _torch_name = "bald"
    _parameter_constraints = {
        "n_members": [Interval(Integral, 2, None, closed="left")],
    }

    def __init__(self, n_members: int = 20) -> None:
        self.n_members = n_members

    def score(self, probabilities: Scores) -> Scores:
        """Score rows by the class probabilities of each member.

        Parameters
        ----------
        probabilities : ndarray of shape (n_members, n, n_classes)
            Class probabilities of rows, or of mixes.

        Returns
        -------
        scores : ndarray of shape (n,)
            Between 0 and log(n_classes).
        """
        mean = probabilities.mean(axis=0)
        return entr(mean).sum(axis=-1) - entr(probabilities).sum(axis=-1).mean(axis=0)

    def _score(self, view: View, Z: Any) -> Scores:
        return self.score(view.members(Z, self.n_members))

    def _torch_scores(self, view: View) -> Callable:
        from .._torch import acquisitions  # imports torch

        return view.torch_scores(acquisitions.bald, self.n_members)


class FromProbabilities(RowAcquisition):
    """A function of class probabilities as an acquisition.

    Parameters
    ----------
    function : callable
        Gets an ndarray of shape (n, n_classes), returns one of shape (n,), greater for
        rows that are worth more.

    See Also
    --------
    LADASelector : Takes the function itself, too.

    Examples
    --------
    >>> import numpy as np
    >>> from skmix.active import FromProbabilities
    >>> gini = FromProbabilities(lambda p: 1 - (p**2).sum(axis=1))
    >>> gini.score(np.array([[0.5, 0.5], [1.0, 0.0]]))
    array([0.5, 0. ])
    """

    def __init__(self, function: Callable[[Scores], Scores]) -> None:
        self.function = function

    def score(self, probabilities: Scores) -> Scores:
        """Score rows by their class probabilities.

        Parameters
        ----------
        probabilities : ndarray of shape (n, n_classes)
            Class probabilities of rows, or of mixes.

        Returns
        -------
        scores : ndarray of shape (n,)
            What the function says.

        Raises
        ------
        ValueError
            If that is not one finite number to a row.
        """
        scores = np.asarray(self.function(probabilities), dtype=np.float64)
        n_wrong = int((~np.isfinite(scores)).sum())
        if scores.shape != (len(probabilities),) or n_wrong:
            raise ValueError(
                "acquisition must return one finite number to a row of probabilities: "
                f"got shape {scores.shape} for {probabilities.shape}, and {n_wrong} "
                "values that are NaN or infinite."
            )
        return scores


class SetAcquisition(Acquisition):
    """Base class of acquisitions that choose a batch as a set.

    See Also
    --------
    Coreset : Rows far from all that have a label.
    BADGE : Rows with large and different gradients.
    Random : Any rows.

    Examples
    --------
    >>> from skmix.active import Coreset
    >>> Coreset().rowwise
    False
    """

    rowwise = False

    @abstractmethod
    def _choose(
        self,
        view: View,
        X: Any,
        labelled: NDArray[np.intp],
        pool: NDArray[np.intp],
        k: int,
        rng: RandomState,
        out: Scores | None,
    ) -> NDArray[np.intp]:
        """Choose k places in the pool; `out` (k, m) gets what each choice went by."""


class Random(SetAcquisition):
    """Any rows, all with the same probability: the control of every comparison.

    See Also
    --------
    LADASelector : Where it is chosen by ``acquisition="random"``.

    Examples
    --------
    >>> from skmix.active import LADASelector, Random
    >>> selector = LADASelector(acquisition=Random(), augmentation=None, random_state=0)
    >>> selector.query([[0.0], [1.0], [2.0]], [0, 1, None], batch_size=1)
    array([2])
    """

    needs_probabilities = False

    def _choose(
        self,
        view: View,
        X: Any,
        labelled: NDArray[np.intp],
        pool: NDArray[np.intp],
        k: int,
        rng: RandomState,
        out: Scores | None,
    ) -> NDArray[np.intp]:
        if out is not None:
            out[:] = 0
        return rng.permutation(len(pool))[:k]


class Coreset(SetAcquisition):
    """Rows far from all that have a label, by the greedy k-center algorithm.

    Rows are compared by the inputs of the last layer of a network, else by their
    features as the classifier gets them: put a scaler before it, in a pipeline, where
    they have different units.

    See Also
    --------
    BADGE : Knows of doubt, too.

    Notes
    -----
    For k rows out of n, with m labels and p features: O(n (m + k) p) time, n (2 p + 10)
    numbers in memory.

    References
    ----------
    .. [1] Sener and Savarese, "Active learning for convolutional neural networks: a
       core-set approach", ICLR 2018.

    Examples
    --------
    >>> from skmix.active import Coreset, LADASelector
    >>> selector = LADASelector(acquisition=Coreset(), augmentation=None)
    >>> X, y = [[0.0], [1.0], [2.0], [9.0]], [0, 1, None, None]
    >>> selector.query(X, y)
    array([3])
    """

    needs_probabilities = False

    def _choose(
        self,
        view: View,
        X: Any,
        labelled: NDArray[np.intp],
        pool: NDArray[np.intp],
        k: int,
        rng: RandomState,
        out: Scores | None,
    ) -> NDArray[np.intp]:
        Z = _in_blocks(view, view.last_inputs, X, pool)
        Z_labelled = Z[:0]
        # Transformers refuse to transform nothing.
        if len(labelled):
            Z_labelled = _in_blocks(view, view.last_inputs, X, labelled)
        return farthest_rows(Z, Z_labelled, k, rng, out)


class BADGE(SetAcquisition):
    """Rows with large and different gradients of the last layer, by k-means++.

    The gradient is that of the log loss if the most probable class were the label, Eq.
    5 of the LADA paper: (p - e_max) h^T, with h the inputs of the last layer. For a
    logistic regression these are the features; for other classifiers the features stand
    in for them.

    See Also
    --------
    Coreset : Knows of distances only.

    Notes
    -----
    For k rows out of n, with c classes and d inputs: O(n k (c + d)) time, n (2 d + c +
    10) numbers in memory. The n x c d array of gradients is never made.

    References
    ----------
    .. [1] Ash, Zhang, Krishnamurthy, Langford and Agarwal, "Deep batch active learning
       by diverse, uncertain gradient lower bounds", ICLR 2020.

    Examples
    --------
    >>> from sklearn.linear_model import LogisticRegression
    >>> from skmix.active import BADGE, LADASelector
    >>> selector = LADASelector(
    ...     LogisticRegression(), acquisition=BADGE(), augmentation=None, random_state=0
    ... )
    >>> X, y = [[0.0], [1.0], [2.0], [9.0]], [0, 1, None, None]
    >>> selector.query(X, y)
    array([2])
    """

    def _choose(
        self,
        view: View,
        X: Any,
        labelled: NDArray[np.intp],
        pool: NDArray[np.intp],
        k: int,
        rng: RandomState,
        out: Scores | None,
    ) -> NDArray[np.intp]:
        residual = _in_blocks(
            view, lambda rows: view.probabilities(view.read(rows)), X, pool
        )
        residual[np.arange(len(pool)), residual.argmax(axis=1)] -= 1
        hidden = _in_blocks(view, view.last_inputs, X, pool)
        return gradient_rows(residual, hidden, k, rng, out)


def _in_blocks(
    view: View, read: Callable[[Any], Any], X: Any, rows: NDArray[np.intp]
) -> Any:
    """What is read from rows of X, a block of them at a time."""
    blocks = gen_batches(len(rows), view.block)
    parts = [read(take_rows(X, rows[block])) for block in blocks]
    return vstack(parts, format="csr") if issparse(parts[0]) else np.concatenate(parts)
