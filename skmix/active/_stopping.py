"""When to stop asking for labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from numbers import Integral, Real

from .._compat import Interval, validate_params


class UtilityBelow:
    """Stop where the rows that are asked for are hardly worth it any more.

    Parameters
    ----------
    threshold : float
        Stop once the mean score of the rows of a batch, before any look-ahead, is below
        it. For margin scores, 0.1 means that the two most probable classes are 0.9
        apart.

    See Also
    --------
    StablePredictions : Looks at the predictions instead.

    Examples
    --------
    >>> from skmix.active import UtilityBelow
    >>> UtilityBelow(0.2)({"utility": [0.9, 0.1]})
    True
    """

    @validate_params(
        {"threshold": [Interval(Real, None, None, closed="neither")]},
        prefer_skip_nested_validation=True,
    )
    def __init__(self, threshold: float) -> None:
        self.threshold = threshold

    def __call__(self, history: Mapping[str, Sequence[float]]) -> bool:
        """Say whether to stop.

        Parameters
        ----------
        history : dict of lists
            ``history_`` of the loop.

        Returns
        -------
        stop : bool
            True if the last batch was below the threshold.
        """
        return bool(history["utility"][-1] < self.threshold)

    def __repr__(self) -> str:
        return f"UtilityBelow({self.threshold!r})"


class StablePredictions:
    """Stop where new labels no longer change what is predicted for the pool.

    Parameters
    ----------
    agreement : float, default=0.99
        Share of the rows whose predicted class stays the same from round to round.

    n_rounds : int, default=3
        Number of rounds in a row in which it must be as large.

    See Also
    --------
    UtilityBelow : Looks at the scores instead.

    References
    ----------
    .. [1] Bloodgood and Vijay-Shanker, "A method for stopping active learning based on
       stabilizing predictions and the need for user-adjustable stopping", CoNLL 2009.
       There agreement is Cohen's kappa on a fixed set.

    Examples
    --------
    >>> from skmix.active import StablePredictions
    >>> stable = StablePredictions(0.9, n_rounds=2)
    >>> stable({"agreement": [0.5, 0.95]}), stable({"agreement": [0.95, 0.95]})
    (False, True)
    """

    @validate_params(
        {
            "agreement": [Interval(Real, 0, 1, closed="both")],
            "n_rounds": [Interval(Integral, 1, None, closed="left")],
        },
        prefer_skip_nested_validation=True,
    )
    def __init__(self, agreement: float = 0.99, *, n_rounds: int = 3) -> None:
        self.agreement = agreement
        self.n_rounds = n_rounds

    def __call__(self, history: Mapping[str, Sequence[float]]) -> bool:
        """Say whether to stop.

        Parameters
        ----------
        history : dict of lists
            ``history_`` of the loop.

        Returns
        -------
        stop : bool
            True if predictions were stable for long enough.
        """
        last = history["agreement"][-self.n_rounds :]
        enough = len(last) == self.n_rounds
        return enough and all(value >= self.agreement for value in last)

    def __repr__(self) -> str:
        return f"StablePredictions({self.agreement!r}, n_rounds={self.n_rounds!r})"
