"""How people see mixes, as a regressor."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, RegressorMixin
from sklearn.isotonic import IsotonicRegression
from sklearn.utils.validation import check_is_fitted, validate_data

from .._compat import Interval, StrOptions, check_sample_weight, fit_context
from .._containers import wrap
from ..exceptions import UnseenPairWarning, warn_user
from ._curves import PairTable, fit_logistic
from ._labels import (
    check_shares,
    check_uniform,
    codes_of,
    read_labels,
    smooth,
    two_class_labels,
)

# How strongly coefficients are pulled, as a variance of answers over one of curves:
# that of single answers in H-Mix, and those of its 45 pairs about the common curve.
ANSWER = 0.2**2
OF_PAIRS = np.array([ANSWER / 0.7**2, ANSWER / 0.18**2])
OF_CLASSES = 0.01
# Without any, a pair with few answers would have a slope without bound.
LEAST = 1e-6
# A slope to begin with: that of a line, at its steepest.
FIRST = (4.0, 0.0)


class HumanMixPolicy(RegressorMixin, BaseEstimator):
    """Predict the share of a class that people see in a mix.

    A mix of a part lambda of something of class a and 1 - lambda of something of class
    b is not seen as that: some classes are seen through others, and in the middle
    people see less change than there is. A row of X is (label a, label b, lambda), and
    y is the share of a that somebody saw.

    Parameters
    ----------
    curve : {"class_tilt", "pair", "global", "isotonic", "identity"}, \
            default="class_tilt"
        The curve f_ab; see Notes.

        - "class_tilt": one slope, and for each class how much it is seen beyond its
          share. Predicts pairs that nobody judged.
        - "pair": slope and shift for each pair of classes [1]_, shrunk towards the
          common curve.
        - "global": one logistic curve for all pairs.
        - "isotonic": any rising curve, the same for all pairs.
        - "identity": what mixup takes for granted; nothing is fitted.

    shrinkage : float, default=1.0
        How strongly the curves of "pair" are pulled towards the common one, and the
        tilts of "class_tilt" towards 0; 1 is what did best with the 45 pairs and 4950
        answers of H-Mix. 0 fits each pair by itself, as in [1]_.

    classes : array-like of shape (n_classes,), default=None
        All classes, for soft labels; None takes those of the rows.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        Class labels, sorted.

    slope_ : ndarray of shape (n_classes, n_classes)
        k of each pair, of curves that are logistic.

    midpoint_ : ndarray of shape (n_classes, n_classes)
        m of each pair: the part of the first class at which both are seen alike.

    slope_se_, midpoint_se_ : ndarray of shape (n_classes, n_classes)
        Their standard errors.

    n_judgments_ : ndarray of shape (n_classes, n_classes)
        Number of rows of each pair.

    global_slope_, global_midpoint_ : float
        Of the curve that all pairs share, for the class that is first in sorted order.

    class_tilt_ : ndarray of shape (n_classes,)
        How much each class is seen beyond its share, in logits: t of "class_tilt" and
        "pair".

    noise_variance_ : float
        Variance of single answers about the curve.

    n_features_in_ : int
        3.

    feature_names_in_ : ndarray of shape (3,)
        Column names, if X has them.

    Warns
    -----
    UnseenPairWarning
        If rows to predict are of pairs, or of classes, that no answer was about.

    See Also
    --------
    relabel : Soft labels of mixes that were judged themselves.
    skmix.plotting.CurveDisplay : The curves, and answers.

    Notes
    -----
    Logistic curves are

        f_ab(lambda) = sigma(k_ab (lambda - 1/2) + s_ab)
                     = sigma(k_ab (lambda - m_ab)),

    with k_ba = k_ab and s_ba = -s_ab, so that f_ba(1 - lambda) = 1 - f_ab(lambda). They
    are fitted to single answers by least squares. "global" has one k and one s, for the
    class that is first in sorted order; "class_tilt" has s_ab = t_a - t_b, and
    minimises the squared errors plus 0.01 ``shrinkage`` sum t^2; "pair" adds
    0.082 ``shrinkage`` (k - k_global)^2 + 1.23 ``shrinkage`` (s - s_global)^2 for each
    pair. An answer to the question which mix is half and half is a row with that lambda
    and y = 1/2, in the same fit.

    Standard errors are those of Gauss and Newton; with "pair", that of the common curve
    has no part in them.

    A pair that nobody judged has the curve of the tilts of its classes, with
    ``curve="pair"`` too; a class that nobody judged has the tilt 0. With "global" and
    "isotonic", the order of two classes of which one is unknown means nothing, and the
    mean of the curve and its mirror image stands in.

    On H-Mix, cross-validated over pairs of images, "class_tilt" has 7.0 % less squared
    error than "identity", "pair" 6 %, and 5 % without shrinkage, "global" 2.6 %.

    References
    ----------
    .. [1] Collins, Bhatt, Liu, Piratla, Love and Weller, "Human-in-the-loop mixup",
       UAI 2023.

    Examples
    --------
    >>> from skmix.human import HumanMixPolicy
    >>> X = [("cat", "dog", 0.3), ("cat", "dog", 0.5), ("dog", "cat", 0.4)] * 20
    >>> policy = HumanMixPolicy().fit(X, [0.2, 0.4, 0.5] * 20)
    >>> policy.predict([("cat", "dog", 0.5), ("dog", "cat", 0.5)]).round(2)
    array([0.39, 0.61])
    >>> policy.predict_label([("cat", "dog", 0.5)]).round(2)
    array([[0.39, 0.61]])
    >>> policy.predict_label([("cat", "dog", 0.5)], confidence=[0.4]).round(2)
    array([[0.46, 0.54]])
    """

    _parameter_constraints = {
        "curve": [StrOptions({"class_tilt", "pair", "global", "isotonic", "identity"})],
        "shrinkage": [Interval(Real, 0, None, closed="left")],
        "classes": ["array-like", None],
    }

    def __init__(
        self,
        curve: str = "class_tilt",
        *,
        shrinkage: float = 1.0,
        classes: ArrayLike | None = None,
    ) -> None:
        self.curve = curve
        self.shrinkage = shrinkage
        self.classes = classes

    @fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> HumanMixPolicy:
        """Fit the curve to answers.

        Parameters
        ----------
        X : {array-like, data frame} of shape (n, 3)
            Label a, label b, and the part lambda of a, from 0 to 1.

        y : array-like of shape (n,)
            Shares of a that people saw, from 0 to 1.

        sample_weight : array-like of shape (n,), default=None
            Weights of the answers.

        Returns
        -------
        self : HumanMixPolicy
            The fitted policy.

        Raises
        ------
        ValueError
            If rows or answers cannot be used: labels are missing or the same, or
            numbers are not from 0 to 1.
        """
        first, second, part = self._read(X, reset=True)
        y = check_shares(y, "y", len(part))
        weight = check_sample_weight(
            sample_weight, part, dtype=np.float64, ensure_non_negative=True
        )
        same = np.flatnonzero(first == second)
        if len(same):
            raise ValueError(
                f"X has the label {first[same[0]].item()!r} twice in row {same[0]}: a "
                "mix of one class tells nothing. Leave such rows out."
            )
        self.classes_ = _all_classes(self.classes, np.concatenate([first, second]))
        a, b = codes_of(first, self.classes_), codes_of(second, self.classes_)
        # Each pair with the class first that is first in sorted order.
        flip = a > b
        a, b = np.minimum(a, b), np.maximum(a, b)
        part, y = np.where(flip, 1 - part, part), np.where(flip, 1 - y, y)
        n_classes = len(self.classes_)
        counts = np.bincount((a * n_classes + b)[weight > 0], minlength=n_classes**2)
        counts = counts.reshape(n_classes, n_classes)
        self.n_judgments_ = counts + counts.T
        if self.curve == "isotonic":
            rising = IsotonicRegression(y_min=0, y_max=1, out_of_bounds="clip")
            self._rising = rising.fit(part, y, sample_weight=weight)
        elif self.curve != "identity":
            self._fit_logistic(a, b, part, y, weight)
        error = self._share(a, b, part)[0] - y
        self.noise_variance_ = float(np.average(error**2, weights=weight))
        return self

    def predict(
        self, X: Any, *, return_std: bool = False
    ) -> NDArray[np.float64] | tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Predict shares as people see them.

        Parameters
        ----------
        X : {array-like, data frame} of shape (n, 3)
            Label a, label b, and the part lambda of a. Of two labels that are the same,
            the share is lambda.

        return_std : bool, default=False
            Whether to return standard errors of the curve, too; of logistic curves.

        Returns
        -------
        share : ndarray of shape (n,)
            Shares of a.

        std : ndarray of shape (n,)
            Their standard errors; only with `return_std`.

        Raises
        ------
        ValueError
            If rows cannot be used, or if the curve has no standard errors.
        """
        check_is_fitted(self)
        if return_std and not hasattr(self, "slope_"):
            raise ValueError(
                f"curve={self.curve!r} has no standard errors. Fit a logistic one, as "
                "curve='class_tilt'."
            )
        first, second, part = self._read(X, reset=False)
        _, _, share, std = self._predict(first, second, part)
        return (share, std) if return_std else share

    def predict_label(
        self, X: Any, confidence: ArrayLike | None = None, *, uniform: str = "all"
    ) -> NDArray[np.float64]:
        """Predict soft labels as people see them.

        Parameters
        ----------
        X : {array-like, data frame} of shape (n, 3)
            Label a, label b, and the part lambda of a.

        confidence : array-like of shape (n,), default=None
            From 0 to 1: how much of the label to keep; the rest goes to all classes
            alike. None keeps all.

        uniform : {"all", "pair"}, default="all"
            Whether the rest goes to all classes, or to the two of the row.

        Returns
        -------
        labels : ndarray of shape (n, n_classes)
            A row for each, of sum 1; columns as `classes_`.

        Raises
        ------
        ValueError
            If rows cannot be used, or if a label is none of the classes.
        """
        check_uniform(uniform)
        check_is_fitted(self)
        first, second, part = self._read(X, reset=False)
        a, b, share, _ = self._predict(first, second, part)
        n_classes = len(self.classes_)
        for label, code in ((first, a), (second, b)):
            unknown = np.flatnonzero(code == n_classes)
            if len(unknown):
                raise ValueError(
                    f"X has the label {label[unknown[0]].item()!r}, which is none of "
                    f"the classes {self.classes_.tolist()[:5]!r}. Pass all classes as "
                    "classes= before fit."
                )
        labels = two_class_labels(a, b, share, n_classes)
        if confidence is None:
            return labels
        confidence = check_shares(confidence, "confidence", len(share))
        return smooth(labels, confidence, a, b, uniform)

    def _predict(
        self, first: NDArray, second: NDArray, part: NDArray[np.float64]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray, NDArray]:
        """Codes of labels, shares and their standard errors."""
        a, b = codes_of(first, self.classes_), codes_of(second, self.classes_)
        self._warn_of_unseen(a, b, first, second)
        share, std = self._share(a, b, part)
        is_same = first == second
        return a, b, np.where(is_same, part, share), np.where(is_same, 0, std)

    def _fit_logistic(
        self,
        a: NDArray[np.intp],
        b: NDArray[np.intp],
        part: NDArray[np.float64],
        y: NDArray[np.float64],
        weight: NDArray[np.float64],
    ) -> None:
        """Fit slopes and shifts, and fill the table of all pairs with them."""
        n_classes = len(self.classes_)
        line = np.column_stack([part - 0.5, np.ones_like(part)])
        common = fit_logistic(line, y, weight, [LEAST, LEAST], FIRST)
        slope, shift = common.coef
        self.global_slope_ = float(slope)
        self.global_midpoint_ = float(0.5 - shift / slope)
        if self.curve == "global":
            self._pairs = PairTable.of_one(
                n_classes, common, _variance(common.loss, len(y), 2)
            )
        else:
            # A class that is none of those known is one more, the last.
            tilts = np.zeros((len(part), n_classes + 1))
            rows = np.arange(len(part))
            tilts[rows, a], tilts[rows, b] = 1, -1
            pull = max(self.shrinkage * OF_CLASSES, LEAST)
            fit = fit_logistic(
                np.hstack([line[:, :1], tilts]),
                y,
                weight,
                np.append(LEAST, np.full(n_classes + 1, pull)),
                np.append(slope, np.zeros(n_classes + 1)),
            )
            self.class_tilt_ = fit.coef[1:-1]
            self._pairs = PairTable.of_tilts(
                fit, _variance(fit.loss, len(y), n_classes + 1)
            )
        if self.curve == "pair":
            self._fit_pairs(a, b, line, y, weight, common.coef)
        known = self._pairs.take(n_classes)
        self.slope_, self.slope_se_ = known.slope, np.sqrt(known.var_slope)
        self.midpoint_, self.midpoint_se_ = known.midpoints()

    def _fit_pairs(
        self,
        a: NDArray[np.intp],
        b: NDArray[np.intp],
        line: NDArray[np.float64],
        y: NDArray[np.float64],
        weight: NDArray[np.float64],
        centre: NDArray[np.float64],
    ) -> None:
        """Fit each pair that has answers by itself, pulled towards the common curve."""
        pull = max(self.shrinkage, LEAST) * OF_PAIRS
        pair = a * len(self.classes_) + b
        order = np.argsort(pair, kind="stable")
        _, begin = np.unique(pair[order], return_index=True)
        groups = np.split(order, begin[1:])
        fits = [
            fit_logistic(line[rows], y[rows], weight[rows], pull, centre)
            for rows in groups
        ]
        total = sum(fit.loss for fit in fits)
        variance = _variance(total, len(y), 2 * len(fits))
        for rows, fit in zip(groups, fits, strict=True):
            self._pairs.put(a[rows[0]], b[rows[0]], fit.coef, variance * fit.inverse)

    def _share(
        self, a: NDArray[np.intp], b: NDArray[np.intp], part: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Shares of a, and their standard errors."""
        if self.curve == "identity":
            return part, np.zeros_like(part)
        if self.curve == "isotonic":
            ahead = self._rising.predict(part)
            behind = 1 - self._rising.predict(1 - part)
            unknown = np.maximum(a, b) == len(self.classes_)
            known = np.where(a < b, ahead, behind)
            return np.where(unknown, (ahead + behind) / 2, known), np.zeros_like(part)
        return self._pairs.share(a, b, part)

    def _warn_of_unseen(
        self, a: NDArray[np.intp], b: NDArray[np.intp], first: NDArray, second: NDArray
    ) -> None:
        """Warn of rows whose curve is not that of their own pair or classes."""
        if self.curve == "identity":
            return
        judged = np.append(self.n_judgments_.sum(axis=1) > 0, False)
        unseen = ~(judged[a] & judged[b])
        what, instead = "a class", "the common curve"
        if self.curve == "class_tilt":
            instead = "the tilt 0"
        elif self.curve == "pair":
            counts = np.pad(self.n_judgments_, (0, 1))
            unseen, what = counts[a, b] == 0, "a pair"
            instead = "the tilts of its classes"
        unseen &= first != second
        if unseen.any():
            row = np.flatnonzero(unseen)[0]
            warn_user(
                f"{unseen.sum()} rows have {what} that no answer was about, as "
                f"{first[row].item()!r} and {second[row].item()!r} in row {row}: they "
                f"get {instead}.",
                UnseenPairWarning,
            )

    def _read(
        self, X: Any, *, reset: bool
    ) -> tuple[NDArray, NDArray, NDArray[np.float64]]:
        """Labels of both, and the part of the first."""
        if isinstance(X, list | tuple):
            # Each entry as it is: NumPy would make texts of numbers.
            X = np.array(X, dtype=object)
        container = wrap(X)
        if np.ndim(X) != 2:
            raise ValueError(
                f"X must have two dimensions, got {np.ndim(X)}: rows of label a, label "
                "b and the part lambda of a. Reshape your data."
            )
        # Names and number of columns; what is in them is checked below.
        validate_data(self, X, skip_check_array=True, reset=reset)
        if len(container.names) != 3:
            raise ValueError(
                f"X has {len(container.names)} columns: pass three, label a, label b "
                "and the part lambda of a."
            )
        labels = []
        for place, name in enumerate(("label a", "label b")):
            labels.append(read_labels(container.column(place), name))
        try:
            part = container.column(2).astype(np.float64)
        except (TypeError, ValueError) as error:
            raise ValueError(
                "The third column of X must hold the part lambda of a, from 0 to 1: "
                f"{error}"
            ) from error
        return labels[0], labels[1], check_shares(part, "lambda", len(part))


def _variance(loss: float, n_rows: int, n_coef: int) -> float:
    """Variance of single answers about a curve, with that of H-Mix as two of them.

    A curve goes through as few answers as it has coefficients, and says nothing of it.
    """
    return (loss + 2 * ANSWER) / (max(n_rows - n_coef, 0) + 2)


def _all_classes(classes: ArrayLike | None, found: NDArray) -> NDArray:
    """Sorted classes: those of the rows, or those that were passed."""
    own = np.unique(found)
    if classes is None:
        return own
    known = np.unique(read_labels(classes, "class"))
    unknown = np.setdiff1d(own, known)
    if len(unknown):
        raise ValueError(
            f"X has the label {unknown.tolist()[0]!r}, which is none of the classes "
            f"{known.tolist()[:5]!r}. Add it to classes."
        )
    return known
