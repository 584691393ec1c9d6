"""A generator of regression data: thin films and the light that they reflect.

The optics are pure functions of arrays. A refractive index is complex, ``n + ik`` with
``k >= 0`` for a material that absorbs; wavelengths and thicknesses are in nanometres.
"""

from numbers import Integral, Real

import numpy as np
from numpy.random import RandomState
from numpy.typing import ArrayLike, NDArray
from scipy.interpolate import PchipInterpolator
from sklearn.utils import check_random_state, check_scalar, gen_batches
from sklearn.utils.random import sample_without_replacement

# Silicon at 300 K, every 10 nm from 250 nm to 1100 nm: n, then k (Green 2008, table 1).
_SILICON_WAVELENGTHS = np.arange(250.0, 1101.0, 10.0)
_SILICON_N = """
    1.665 1.757 2.068 2.959 4.356 4.976 5.121 5.112 5.195 5.301
    5.494 6.026 6.891 6.616 6.039 5.613 5.330 5.119 4.949 4.812
    4.691 4.587 4.497 4.419 4.350 4.294 4.241 4.193 4.151 4.112
    4.077 4.045 4.015 3.988 3.963 3.940 3.918 3.898 3.879 3.861
    3.844 3.828 3.813 3.798 3.784 3.772 3.759 3.748 3.737 3.727
    3.717 3.708 3.699 3.691 3.683 3.675 3.668 3.661 3.654 3.647
    3.641 3.635 3.630 3.624 3.619 3.614 3.609 3.604 3.600 3.595
    3.591 3.587 3.583 3.579 3.575 3.572 3.568 3.565 3.562 3.559
    3.556 3.553 3.550 3.547 3.545 3.542
"""
_SILICON_K = """
    3.665 4.084 4.68 5.287 5.286 4.234 3.598 3.303
    3.1 2.977 2.938 2.966 2.171 0.946 0.445 0.296
    0.227 0.176 0.138 0.107 0.086302 0.071381 0.062086 0.055004
    0.049131 0.044165 0.039367 0.036415 0.033108 0.030295 0.027968 0.025758
    0.024131 0.022524 0.021081 0.019934 0.018446 0.017367 0.016444 0.015432
    0.014431 0.013498 0.012743 0.011905 0.011201 0.010528 0.010057 0.0096257
    0.0089461 0.008362 0.0078185 0.007197 0.0067402 0.0063933 0.005834 0.0054113
    0.0049955 0.0046134 0.0042734 0.0039439 0.003612 0.0032781 0.0029839 0.0026821
    0.0024293 0.0021701 0.0019625 0.0017571 0.0015467 0.0013689 0.0011793 0.0010237
    0.00087225 0.00074866 0.00062238 0.0005093 0.00041071 0.00032386 0.00024753
    0.00018704 0.0001362 9.3631e-05 6.8118e-05 5.3285e-05 4.0768e-05 3.0637e-05
"""
_SILICON = PchipInterpolator(
    _SILICON_WAVELENGTHS,
    np.array([_SILICON_N.split(), _SILICON_K.split()], dtype=float),
    axis=1,
)

# Rows whose spectra are computed at once: bounds the memory of the complex work arrays.
_BATCH_SIZE = 1024


def silica_index(wavelengths: ArrayLike) -> NDArray[np.float64]:
    """Return the refractive index of fused silica, SiO2.

    Malitson's Sellmeier formula, valid from 210 nm to 3710 nm.

    Parameters
    ----------
    wavelengths : array-like of shape (n_wavelengths,)
        Wavelengths in vacuum, in nm.

    Returns
    -------
    ndarray of shape (n_wavelengths,)
        The real index.

    References
    ----------
    I. H. Malitson, J. Opt. Soc. Am. 55, 1205 (1965).

    Examples
    --------
    >>> from skmix.datasets._thin_film import silica_index
    >>> silica_index([587.6]).round(4)
    array([1.4585])
    """
    squared = (np.asarray(wavelengths, dtype=float) / 1000) ** 2
    strengths = (0.6961663, 0.4079426, 0.8974794)
    resonances = (0.0684043, 0.1162414, 9.896161)
    terms = zip(strengths, resonances, strict=True)
    return np.sqrt(1 + sum(a * squared / (squared - b**2) for a, b in terms))


def nitride_index(wavelengths: ArrayLike) -> NDArray[np.float64]:
    """Return the refractive index of silicon nitride, Si3N4.

    Philipp's measurements in the one-term Sellmeier formula of Bååk, valid from 207 nm
    to 1240 nm.

    Parameters
    ----------
    wavelengths : array-like of shape (n_wavelengths,)
        Wavelengths in vacuum, in nm.

    Returns
    -------
    ndarray of shape (n_wavelengths,)
        The real index.

    References
    ----------
    H. R. Philipp, J. Electrochem. Soc. 120, 295 (1973).
    T. Bååk, Appl. Opt. 21, 1069 (1982).

    Examples
    --------
    >>> from skmix.datasets._thin_film import nitride_index
    >>> nitride_index([632.8]).round(3)
    array([2.01])
    """
    squared = (np.asarray(wavelengths, dtype=float) / 1000) ** 2
    return np.sqrt(1 + 2.8939 * squared / (squared - 0.13967**2))


def silicon_index(wavelengths: ArrayLike) -> NDArray[np.complex128]:
    """Return the complex refractive index of crystalline silicon at 300 K.

    Green's table, every 10 nm, with monotone cubic interpolation in between.

    Parameters
    ----------
    wavelengths : array-like of shape (n_wavelengths,)
        Wavelengths in vacuum, in nm, from 250 to 1100.

    Returns
    -------
    ndarray of shape (n_wavelengths,), complex
        The index ``n + ik``.

    References
    ----------
    M. A. Green, Solar Energy Materials and Solar Cells 92, 1305 (2008).

    Examples
    --------
    >>> from skmix.datasets._thin_film import silicon_index
    >>> silicon_index([500.0, 1000.0]).round(3)
    array([4.294+0.044j, 3.572+0.001j])
    """
    n, k = _SILICON(np.asarray(wavelengths, dtype=float))
    return n + 1j * k


def surface_fields(
    thickness: ArrayLike,
    index: ArrayLike,
    substrate: ArrayLike,
    wavelengths: ArrayLike,
) -> tuple[NDArray[np.complex128], NDArray[np.complex128]]:
    """Return the tangential electric and magnetic fields at the top of a layer stack.

    The product of the layers' characteristic matrices and of ``(1, substrate)``, at
    normal incidence (Abeles' transfer-matrix method). The fields are relative to the
    electric field in the substrate, and the magnetic one is in units of the admittance
    of the vacuum.

    Parameters
    ----------
    thickness : array-like of shape (n_samples, n_layers)
        Thickness of each layer in nm, from the light's side to the substrate.
    index : array-like of shape (n_layers,) or (n_layers, n_wavelengths)
        Refractive index of each layer, real or complex.
    substrate : scalar or array-like of shape (n_wavelengths,)
        Refractive index of the substrate, which is infinitely thick.
    wavelengths : array-like of shape (n_wavelengths,)
        Wavelengths in vacuum, in nm.

    Returns
    -------
    electric : ndarray of shape (n_samples, n_wavelengths), complex
        Electric field.
    magnetic : ndarray of shape (n_samples, n_wavelengths), complex
        Magnetic field.

    Raises
    ------
    ValueError
        If `thickness` is not a matrix, or `index` has not one row per layer.

    Examples
    --------
    >>> from skmix.datasets._thin_film import surface_fields
    >>> electric, magnetic = surface_fields([[100.0]], [1.5], 1.5, [600.0])
    >>> abs(electric).round(6), abs(magnetic / electric).round(6)
    (array([[1.]]), array([[1.5]]))
    """
    thickness = np.asarray(thickness, dtype=float)
    index = np.asarray(index)
    if thickness.ndim != 2:
        raise ValueError(
            f"thickness must have shape (n_samples, n_layers), got {thickness.shape}."
        )
    if index.ndim not in (1, 2) or len(index) != thickness.shape[1]:
        raise ValueError(
            f"index must have one row for each of the {thickness.shape[1]} layers, got "
            f"shape {index.shape}."
        )
    wavelengths = np.asarray(wavelengths, dtype=float)
    shape = len(thickness), len(wavelengths)
    electric = np.ones(shape, dtype=complex)
    magnetic = np.broadcast_to(np.asarray(substrate, dtype=complex), shape)
    # From the substrate up: two fields are carried, never the four matrix elements.
    for d, n in zip(thickness.T[::-1], index[::-1], strict=True):
        phase = 2 * np.pi * n / wavelengths * d[:, np.newaxis]
        cos, sin = np.cos(phase), -1j * np.sin(phase)
        electric, magnetic = (
            cos * electric + sin / n * magnetic,
            n * sin * electric + cos * magnetic,
        )
    return electric, magnetic


def reflectance(
    thickness: ArrayLike,
    index: ArrayLike,
    substrate: ArrayLike,
    wavelengths: ArrayLike,
) -> NDArray[np.float64]:
    """Return the share of light that a layer stack in air reflects at normal incidence.

    Parameters
    ----------
    thickness : array-like of shape (n_samples, n_layers)
        Thickness of each layer in nm, from the light's side to the substrate; shape
        (n_samples, 0) is the bare substrate.
    index : array-like of shape (n_layers,) or (n_layers, n_wavelengths)
        Refractive index of each layer, real or complex.
    substrate : scalar or array-like of shape (n_wavelengths,)
        Refractive index of the substrate, which is infinitely thick.
    wavelengths : array-like of shape (n_wavelengths,)
        Wavelengths in vacuum, in nm.

    Returns
    -------
    ndarray of shape (n_samples, n_wavelengths)
        The reflectance, in [0, 1].

    Raises
    ------
    ValueError
        If `thickness` is not a matrix, or `index` has not one row per layer.

    Notes
    -----
    Takes about ``130 * n_samples * n_wavelengths`` bytes, whatever the number of
    layers.

    Examples
    --------
    A quarter-wave layer of the right index hides a glass surface:

    >>> from skmix.datasets._thin_film import reflectance
    >>> bare = reflectance([[]], [], 1.5, [600.0])
    >>> coated = reflectance([[600 / 4 / 1.5**0.5]], [1.5**0.5], 1.5, [600.0])
    >>> bare.round(3), coated.round(3)
    (array([[0.04]]), array([[0.]]))
    """
    electric, magnetic = surface_fields(thickness, index, substrate, wavelengths)
    return np.abs((electric - magnetic) / (electric + magnetic)) ** 2


def _draw_levels(
    n_samples: int, n_levels: int, n_layers: int, rng: RandomState
) -> NDArray[np.integer]:
    """Return level numbers (n_samples, n_layers) that repeat as rarely as possible."""
    n_combinations = n_levels**n_layers
    n_rounds, n_rest = divmod(n_samples, n_combinations)
    codes = sample_without_replacement(n_combinations, n_rest, random_state=rng)
    if n_rounds:
        codes = np.append(codes, np.tile(np.arange(n_combinations), n_rounds))
    codes = rng.permutation(codes)
    return codes[:, np.newaxis] // n_levels ** np.arange(n_layers) % n_levels


def make_thin_film(
    n_samples: int = 1100,
    *,
    n_layers: int = 4,
    thickness_range: tuple[float, float] = (10, 100),
    thickness_step: float = 10,
    wavelengths: ArrayLike | None = None,
    noise: float = 0.0,
    random_state: int | RandomState | None = None,
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Make a regression problem: the layers of a thin film from its reflectance.

    Layers of silicon nitride and silicon dioxide, by turns and with silicon nitride on
    top, lie on silicon. The features are the reflectance in air at normal incidence,
    one column per wavelength; the targets are the thicknesses of the layers. The
    defaults imitate the "Synthetic" data of the MixRL paper, which comes from a
    competition with such films: 1100 rows (500 to train on, 300 to validate, 300 to
    test), 226 wavelengths, four targets between 10 nm and 100 nm.

    Parameters
    ----------
    n_samples : int, default=1100
        Number of rows.
    n_layers : int, default=4
        Number of layers.
    thickness_range : tuple of (float, float), default=(10, 100)
        Smallest and largest thickness of a layer, in nm.
    thickness_step : float, default=10
        Step between the thicknesses that a layer can have, in nm. The largest one
        occurs if the range is a multiple of the step.
    wavelengths : array-like of shape (n_wavelengths,), default=None
        Wavelengths in nm, from 250 to 1100; None is an even grid of 226 from 300 to
        1000.
    noise : float, default=0.0
        Standard deviation of Gaussian noise on the reflectance, which is then clipped
        to [0, 1].
    random_state : int, RandomState instance or None, default=None
        Draws the thicknesses and the noise. An int makes the data reproducible.

    Returns
    -------
    X : ndarray of shape (n_samples, n_wavelengths)
        Reflectance, in [0, 1].
    y : ndarray of shape (n_samples, n_layers)
        Thicknesses in nm, from the top layer to the one on the silicon.

    Raises
    ------
    ValueError
        If a parameter is out of its range.

    Notes
    -----
    No two rows have the same thicknesses as long as there are enough combinations of
    them (10,000 by default); with more rows, every combination occurs equally often, up
    to one. Silicon dioxide and silicon nitride follow Sellmeier formulas [1]_ [2]_, and
    silicon a table [3]_.

    References
    ----------
    .. [1] I. H. Malitson, J. Opt. Soc. Am. 55, 1205 (1965).
    .. [2] H. R. Philipp, J. Electrochem. Soc. 120, 295 (1973), in the formula of
       T. Bååk, Appl. Opt. 21, 1069 (1982).
    .. [3] M. A. Green, Solar Energy Materials and Solar Cells 92, 1305 (2008).

    Examples
    --------
    >>> from skmix.datasets import make_thin_film
    >>> X, y = make_thin_film(n_samples=5, random_state=0)
    >>> X.shape, y.shape
    ((5, 226), (5, 4))
    """
    check_scalar(n_samples, "n_samples", Integral, min_val=1)
    check_scalar(n_layers, "n_layers", Integral, min_val=1)
    lowest, highest = thickness_range
    check_scalar(lowest, "thickness_range[0]", Real, min_val=0)
    check_scalar(highest, "thickness_range[1]", Real, min_val=lowest)
    check_scalar(
        thickness_step, "thickness_step", Real, min_val=0, include_boundaries="neither"
    )
    check_scalar(noise, "noise", Real, min_val=0)
    if wavelengths is None:
        wavelengths = np.linspace(300, 1000, 226)
    wavelengths = np.asarray(wavelengths, dtype=float)
    if wavelengths.ndim != 1 or not len(wavelengths):
        raise ValueError(
            f"wavelengths must be a non-empty list, got shape {wavelengths.shape}."
        )
    # Written so that a NaN fails it.
    if not np.all((wavelengths >= 250) & (wavelengths <= 1100)):
        raise ValueError(
            "wavelengths must lie between 250 nm and 1100 nm, got values from "
            f"{wavelengths.min()} to {wavelengths.max()}."
        )
    if not np.isfinite([lowest, highest, thickness_step, noise]).all():
        raise ValueError("thickness_range, thickness_step and noise must be finite.")
    rng = check_random_state(random_state)

    # The small number forgives the rounding of steps like 0.1.
    n_levels = int((highest - lowest) / thickness_step + 1e-9) + 1
    if n_levels**n_layers >= 2**63:
        raise ValueError(
            f"{n_layers} layers of {n_levels} thicknesses have too many combinations; "
            "take fewer layers or a larger thickness_step."
        )
    levels = _draw_levels(n_samples, n_levels, n_layers, rng)
    y = lowest + thickness_step * levels.astype(float)

    materials = nitride_index(wavelengths), silica_index(wavelengths)
    index = np.array([materials[layer % 2] for layer in range(n_layers)])
    substrate = silicon_index(wavelengths)
    X = np.empty((n_samples, len(wavelengths)))
    for rows in gen_batches(n_samples, _BATCH_SIZE):
        X[rows] = reflectance(y[rows], index, substrate, wavelengths)
    if noise:
        X = np.clip(X + rng.normal(scale=noise, size=X.shape), 0, 1)
    return X, y
