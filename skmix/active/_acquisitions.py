"""What makes a row worth a label: scores of rows one by one, or a choice of a set."""

from __future__ import annotations

from abc import ABCMeta, abstractmethod
from collections.abc import Callable
from numbers import Integral
from typing import Any, ClassVar

import numpy as np
from numpy.random import RandomState
from numpy.typing import NDArray
from scipy.special import entr
from sklearn.base import BaseEstimator

from .._compat import Interval, validate_parameter
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
