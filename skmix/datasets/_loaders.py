"""Loaders of the real data sets, in scikit-learn's form.

Each looks for ``regression/<name>.csv`` in the folder that the environment variable
``SKMIX_DATA`` names, then in the cache, and then downloads the table from its public
source into the cache. Whatever the route, a checksum of the content is verified.

Targets and arrays are float64. In data frames a feature that counts or numbers
something has dtype int64, and a text feature has dtype category.
"""

from os import PathLike
from typing import Any

from ._regression import load


def load_no2(
    *,
    data_home: str | PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Any:
    """Load NO2 at a road in Oslo (500 hours; StatLib, OpenML 547).

    The target is the logarithm of the NO2 concentration; the features are traffic,
    weather and time. It is the real-data benchmark of the MixRL paper.

    Parameters
    ----------
    data_home : path-like, default=None
        Folder of the cache; None is ``skmix`` in scikit-learn's data folder. The
        folder that the environment variable ``SKMIX_DATA`` names comes first.
    download_if_missing : bool, default=True
        Whether to download the table when no local folder has it.
    return_X_y : bool, default=False
        Whether to return the tuple ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether to return pandas objects.

    Returns
    -------
    Bunch or tuple
        `data` of shape (500, 7), `target` of shape (500,), `frame`,
        `feature_names`, `target_names`, `DESCR` and `filename`.

    Raises
    ------
    OSError
        If the table can be neither found nor downloaded, or its checksum is wrong.

    Examples
    --------
    >>> from skmix.datasets import load_no2
    >>> X, y = load_no2(return_X_y=True)  # doctest: +SKIP
    >>> X.shape, y[:2]  # doctest: +SKIP
    ((500, 7), array([3.71844, 3.10009]))
    """
    return load("no2", data_home, download_if_missing, return_X_y, as_frame)


def load_airfoil(
    *,
    data_home: str | PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Any:
    """Load airfoil self-noise (1503 wind-tunnel measurements; UCI 291).

    The target is the scaled sound pressure level in dB; the features are frequency
    (Hz), angle of attack (degrees), chord (m), velocity (m/s) and the displacement
    thickness on the suction side (m).

    Parameters
    ----------
    data_home : path-like, default=None
        Folder of the cache; None is ``skmix`` in scikit-learn's data folder. The
        folder that the environment variable ``SKMIX_DATA`` names comes first.
    download_if_missing : bool, default=True
        Whether to download the table when no local folder has it.
    return_X_y : bool, default=False
        Whether to return the tuple ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether to return pandas objects.

    Returns
    -------
    Bunch or tuple
        `data` of shape (1503, 5), `target` of shape (1503,), `frame`,
        `feature_names`, `target_names`, `DESCR` and `filename`.

    Raises
    ------
    OSError
        If the table can be neither found nor downloaded, or its checksum is wrong.

    Examples
    --------
    >>> from skmix.datasets import load_airfoil
    >>> X, y = load_airfoil(return_X_y=True)  # doctest: +SKIP
    >>> X.shape, y[:2]  # doctest: +SKIP
    ((1503, 5), array([126.201, 125.201]))
    """
    return load("airfoil", data_home, download_if_missing, return_X_y, as_frame)


def load_concrete(
    *,
    data_home: str | PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Any:
    """Load concrete compressive strength (1030 samples; UCI 165).

    The target is the strength in MPa; the features are seven ingredients in kg per
    cubic metre and the age in days.

    Parameters
    ----------
    data_home : path-like, default=None
        Folder of the cache; None is ``skmix`` in scikit-learn's data folder. The
        folder that the environment variable ``SKMIX_DATA`` names comes first.
    download_if_missing : bool, default=True
        Whether to download the table when no local folder has it.
    return_X_y : bool, default=False
        Whether to return the tuple ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether to return pandas objects.

    Returns
    -------
    Bunch or tuple
        `data` of shape (1030, 8), `target` of shape (1030,), `frame`,
        `feature_names`, `target_names`, `DESCR` and `filename`.

    Raises
    ------
    OSError
        If the table can be neither found nor downloaded, or its checksum is wrong.

    Examples
    --------
    >>> from skmix.datasets import load_concrete
    >>> X, y = load_concrete(return_X_y=True)  # doctest: +SKIP
    >>> X.shape, y[:2]  # doctest: +SKIP
    ((1030, 8), array([79.99, 61.89]))
    """
    return load("concrete", data_home, download_if_missing, return_X_y, as_frame)


def load_abalone(
    *,
    data_home: str | PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Any:
    """Load abalone shells, a table of mixed column types (4177 shells; UCI 1).

    The target is the number of rings; the features are one text column, ``Sex`` (M, F
    or I), and seven measurements. With a text column `data` is an array of dtype
    object: strings in its first column, floats in the others. `as_frame=True` is the
    convenient form, with ``Sex`` of dtype category.

    Parameters
    ----------
    data_home : path-like, default=None
        Folder of the cache; None is ``skmix`` in scikit-learn's data folder. The
        folder that the environment variable ``SKMIX_DATA`` names comes first.
    download_if_missing : bool, default=True
        Whether to download the table when no local folder has it.
    return_X_y : bool, default=False
        Whether to return the tuple ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether to return pandas objects.

    Returns
    -------
    Bunch or tuple
        `data` of shape (4177, 8), `target` of shape (4177,), `frame`,
        `feature_names`, `target_names`, `DESCR` and `filename`.

    Raises
    ------
    OSError
        If the table can be neither found nor downloaded, or its checksum is wrong.

    Examples
    --------
    >>> from skmix.datasets import load_abalone
    >>> bunch = load_abalone(as_frame=True)  # doctest: +SKIP
    >>> list(bunch.data["Sex"].cat.categories)  # doctest: +SKIP
    ['F', 'I', 'M']
    """
    return load("abalone", data_home, download_if_missing, return_X_y, as_frame)


def load_energy(
    *,
    data_home: str | PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Any:
    """Load the energy efficiency of buildings, two targets (768 rows; UCI 242).

    The targets are the heating and the cooling load in kWh per square metre; the
    features describe the shape and the glazing of a simulated building.

    Parameters
    ----------
    data_home : path-like, default=None
        Folder of the cache; None is ``skmix`` in scikit-learn's data folder. The
        folder that the environment variable ``SKMIX_DATA`` names comes first.
    download_if_missing : bool, default=True
        Whether to download the table when no local folder has it.
    return_X_y : bool, default=False
        Whether to return the tuple ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether to return pandas objects.

    Returns
    -------
    Bunch or tuple
        `data` of shape (768, 8), `target` of shape (768, 2), `frame`,
        `feature_names`, `target_names`, `DESCR` and `filename`.

    Raises
    ------
    OSError
        If the table can be neither found nor downloaded, or its checksum is wrong.

    Examples
    --------
    >>> from skmix.datasets import load_energy
    >>> bunch = load_energy()  # doctest: +SKIP
    >>> bunch.target.shape, bunch.target_names  # doctest: +SKIP
    ((768, 2), ['target_heating', 'target_cooling'])
    """
    return load("energy", data_home, download_if_missing, return_X_y, as_frame)


def load_power_plant(
    *,
    data_home: str | PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Any:
    """Load the output of a combined cycle power plant (9568 hours; UCI 294).

    The target is the net electrical output in MW; the features are ambient temperature
    (deg C), exhaust vacuum (cm Hg), ambient pressure (mbar) and relative humidity (%).

    Parameters
    ----------
    data_home : path-like, default=None
        Folder of the cache; None is ``skmix`` in scikit-learn's data folder. The
        folder that the environment variable ``SKMIX_DATA`` names comes first.
    download_if_missing : bool, default=True
        Whether to download the table when no local folder has it.
    return_X_y : bool, default=False
        Whether to return the tuple ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether to return pandas objects.

    Returns
    -------
    Bunch or tuple
        `data` of shape (9568, 4), `target` of shape (9568,), `frame`,
        `feature_names`, `target_names`, `DESCR` and `filename`.

    Raises
    ------
    OSError
        If the table can be neither found nor downloaded, or its checksum is wrong.

    Examples
    --------
    >>> from skmix.datasets import load_power_plant
    >>> X, y = load_power_plant(return_X_y=True)  # doctest: +SKIP
    >>> X.shape, y[:2]  # doctest: +SKIP
    ((9568, 4), array([463.26, 444.37]))
    """
    return load("power_plant", data_home, download_if_missing, return_X_y, as_frame)


def load_bank8fm(
    *,
    data_home: str | PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Any:
    """Load bank queues, bank-8FM (8192 simulations; DELVE, OpenML 572).

    The target is the rejection rate: the share of customers, between 0 and 1, who
    leave because the queues are full.

    Parameters
    ----------
    data_home : path-like, default=None
        Folder of the cache; None is ``skmix`` in scikit-learn's data folder. The
        folder that the environment variable ``SKMIX_DATA`` names comes first.
    download_if_missing : bool, default=True
        Whether to download the table when no local folder has it.
    return_X_y : bool, default=False
        Whether to return the tuple ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether to return pandas objects.

    Returns
    -------
    Bunch or tuple
        `data` of shape (8192, 8), `target` of shape (8192,), `frame`,
        `feature_names`, `target_names`, `DESCR` and `filename`.

    Raises
    ------
    OSError
        If the table can be neither found nor downloaded, or its checksum is wrong.

    Examples
    --------
    >>> from skmix.datasets import load_bank8fm
    >>> X, y = load_bank8fm(return_X_y=True)  # doctest: +SKIP
    >>> X.shape, y[:2]  # doctest: +SKIP
    ((8192, 8), array([0.657019, 0.14368 ]))
    """
    return load("bank8fm", data_home, download_if_missing, return_X_y, as_frame)


def load_wind(
    *,
    data_home: str | PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Any:
    """Load wind in Ireland, 1961 to 1978 (6574 days; StatLib, OpenML 503).

    The target is the average wind speed of the day at Malin Head in knots; the features
    are year (two digits), month, day, and the wind speed at eleven other stations. The
    rows are in order of time: split them by time, not at random.

    Parameters
    ----------
    data_home : path-like, default=None
        Folder of the cache; None is ``skmix`` in scikit-learn's data folder. The
        folder that the environment variable ``SKMIX_DATA`` names comes first.
    download_if_missing : bool, default=True
        Whether to download the table when no local folder has it.
    return_X_y : bool, default=False
        Whether to return the tuple ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether to return pandas objects.

    Returns
    -------
    Bunch or tuple
        `data` of shape (6574, 14), `target` of shape (6574,), `frame`,
        `feature_names`, `target_names`, `DESCR` and `filename`.

    Raises
    ------
    OSError
        If the table can be neither found nor downloaded, or its checksum is wrong.

    Examples
    --------
    >>> from skmix.datasets import load_wind
    >>> X, y = load_wind(return_X_y=True)  # doctest: +SKIP
    >>> X.shape, y[:2]  # doctest: +SKIP
    ((6574, 14), array([15.04, 13.83]))
    """
    return load("wind", data_home, download_if_missing, return_X_y, as_frame)
