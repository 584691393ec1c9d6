"""Curves of how people see mixes: one logistic family, and its fit.

Every curve here is f_ab(lambda) = sigma(k_ab (lambda - 1/2) + s_ab), the share of a
that is seen in a mix with a part lambda of it, with slopes k_ab = k_ba and shifts
s_ab = -s_ba, so that f_ba(1 - lambda) = 1 - f_ab(lambda): it does not matter which is
named first. The mix that is seen as half and half is at m_ab = 1/2 - s_ab / k_ab.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import least_squares
from scipy.special import expit


class Fit(NamedTuple):
    """Coefficients (q,), the inverse (q, q) of their curvature, and the loss."""

    coef: NDArray[np.float64]
    inverse: NDArray[np.float64]
    loss: float


def fit_logistic(
    Z: NDArray[np.float64],
    y: NDArray[np.float64],
    weight: NDArray[np.float64],
    penalty: ArrayLike,
    centre: ArrayLike,
) -> Fit:
    """Least squares of sigma(Z b) to answers.

    Minimises sum_i w_i (sigma(z_i b) - y_i)^2 + sum_j penalty_j (b_j - centre_j)^2.

    Parameters
    ----------
    Z : ndarray of shape (n, q)
        What the logit is linear in.

    y : ndarray of shape (n,)
        Shares that people answered.

    weight : ndarray of shape (n,)
        Weights of the answers.

    penalty, centre : array-like of shape (q,)
        How strongly each coefficient is pulled, and towards what; it starts there.

    Returns
    -------
    fit : Fit
        The coefficients; (J' W J + P)^-1, which times the variance of answers is their
        covariance; and the sum of the weighted squared errors.
    """
    centre = np.asarray(centre, dtype=np.float64)
    root, pull = np.sqrt(weight), np.sqrt(np.asarray(penalty, dtype=np.float64))

    def residuals(coef: NDArray) -> NDArray:
        return np.append(root * (expit(Z @ coef) - y), pull * (coef - centre))

    def jacobian(coef: NDArray) -> NDArray:
        f = expit(Z @ coef)
        return np.vstack([(root * f * (1 - f))[:, None] * Z, np.diag(pull)])

    found = least_squares(residuals, centre, jacobian, xtol=1e-10, ftol=1e-10)
    inverse = np.linalg.inv(found.jac.T @ found.jac)
    return Fit(found.x, inverse, float((found.fun[: len(y)] ** 2).sum()))


@dataclass
class PairTable:
    """Curves of all pairs of classes: the covariance is that of slope and shift.

    The last class is any that is not known.
    """

    slope: NDArray[np.float64]
    shift: NDArray[np.float64]
    var_slope: NDArray[np.float64]
    var_shift: NDArray[np.float64]
    cov: NDArray[np.float64]

    @classmethod
    def of_one(cls, n_classes: int, fit: Fit, variance: float) -> PairTable:
        """The same curve for all pairs, whose shift is for the class that is first."""
        sign = np.zeros((n_classes + 1, n_classes + 1))
        above = np.triu(np.ones((n_classes, n_classes)), 1)
        sign[:-1, :-1] = above - above.T
        (slope, shift), covariance = fit.coef, variance * fit.inverse
        whole = np.ones_like(sign)
        return cls(
            slope * whole,
            shift * sign,
            covariance[0, 0] * whole,
            covariance[1, 1] * sign**2,
            covariance[0, 1] * sign,
        )

    @classmethod
    def of_tilts(cls, fit: Fit, variance: float) -> PairTable:
        """One slope, and for each class what it is seen beyond its share."""
        tilt, covariance = fit.coef[1:], variance * fit.inverse
        of_tilts, with_slope = covariance[1:, 1:], covariance[0, 1:]
        own = np.diag(of_tilts)
        shift = tilt[:, None] - tilt
        whole = np.ones_like(shift)
        var_shift = own[:, None] + own - 2 * of_tilts
        # Two classes that are not known are not the same.
        var_shift[-1, -1] = 2 * own[-1]
        return cls(
            fit.coef[0] * whole,
            shift,
            covariance[0, 0] * whole,
            var_shift,
            with_slope[:, None] - with_slope,
        )

    def put(self, a: int, b: int, coef: NDArray, covariance: NDArray) -> None:
        """Give a pair a curve of its own."""
        for row, column, sign in ((a, b, 1), (b, a, -1)):
            self.slope[row, column] = coef[0]
            self.shift[row, column] = sign * coef[1]
            self.var_slope[row, column] = covariance[0, 0]
            self.var_shift[row, column] = covariance[1, 1]
            self.cov[row, column] = sign * covariance[0, 1]

    def take(self, n_classes: int) -> PairTable:
        """The curves of the first classes."""
        parts = (self.slope, self.shift, self.var_slope, self.var_shift, self.cov)
        return PairTable(*(part[:n_classes, :n_classes].copy() for part in parts))

    def midpoints(self) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Midpoints 1/2 - s / k, and their standard errors by its derivatives."""
        ratio = self.shift / self.slope
        spread = ratio**2 * self.var_slope + self.var_shift - 2 * ratio * self.cov
        return 0.5 - ratio, np.sqrt(spread.clip(0)) / np.abs(self.slope)

    def share(
        self, a: NDArray[np.intp], b: NDArray[np.intp], part: NDArray[np.float64]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Shares (n,) of a that are seen, and their standard errors."""
        pair, step = a * len(self.slope) + b, part - 0.5
        share = expit(self.slope.take(pair) * step + self.shift.take(pair))
        spread = (
            step**2 * self.var_slope.take(pair)
            + 2 * step * self.cov.take(pair)
            + self.var_shift.take(pair)
        )
        return share, share * (1 - share) * np.sqrt(spread.clip(0))
