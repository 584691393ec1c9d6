"""Loaders of the imbalanced data sets, in scikit-learn's form.

They are six of ADBench's (Han and others 2022, https://github.com/Minqi824/ADBench; its
code has the BSD 2-clause licence, the data those of their sources), and the MixAnN
paper measures on them. Each loader looks for ``imbalance/<name>.npz`` in the folder
that the environment variable ``SKMIX_DATA`` names, then in the cache, and then
downloads it into the cache. Whatever the route, a checksum of the content is verified.

Features are float64, whatever the file holds. Targets are int64: 1 for the minority.
"""

from os import PathLike
from typing import Any

from ._arrays import load


def load_annthyroid(
    *,
    data_home: str | PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Any:
    """Load thyroid disease (7200 patients, 7.4 % positive; UCI 102).

    The target is 1 for a thyroid that works too much or too little; the features are
    the age and five laboratory values, scaled. The 15 yes-or-no features of the source
    are not in this version. Licence of the source: CC BY 4.0.

    Parameters
    ----------
    data_home : path-like, default=None
        Folder of the cache; None is ``skmix`` in scikit-learn's data folder. The
        folder that the environment variable ``SKMIX_DATA`` names comes first.
    download_if_missing : bool, default=True
        Whether to download the file when no local folder has it.
    return_X_y : bool, default=False
        Whether to return the tuple ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether to return pandas objects.

    Returns
    -------
    Bunch or tuple
        `data` of shape (7200, 6), `target` of shape (7200,), `frame`,
        `feature_names`, `target_names`, `DESCR` and `filename`.

    Raises
    ------
    OSError
        If the file can be neither found nor downloaded, or its checksum is wrong.

    Examples
    --------
    >>> from skmix.datasets import load_annthyroid
    >>> X, y = load_annthyroid(return_X_y=True)  # doctest: +SKIP
    >>> X.shape, int(y.sum())  # doctest: +SKIP
    ((7200, 6), 534)
    """
    return load("annthyroid", data_home, download_if_missing, return_X_y, as_frame)


def load_cifar10_airplane(
    *,
    data_home: str | PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Any:
    """Load CIFAR-10 with airplanes as the norm (5263 pictures, 5.0 % positive).

    The target is 0 for airplanes and 1 for pictures of the nine other classes, so the
    minority is what is not an airplane. The features, x0 to x511, are what a ResNet-18
    that was trained on ImageNet gives after its last pooling: float32 in the file,
    float64 here, which changes no value. The file is named
    ``cifar10_airplane_resnet18.npz``. The source states no licence.

    Parameters
    ----------
    data_home : path-like, default=None
        Folder of the cache; None is ``skmix`` in scikit-learn's data folder. The
        folder that the environment variable ``SKMIX_DATA`` names comes first.
    download_if_missing : bool, default=True
        Whether to download the file when no local folder has it.
    return_X_y : bool, default=False
        Whether to return the tuple ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether to return pandas objects.

    Returns
    -------
    Bunch or tuple
        `data` of shape (5263, 512), `target` of shape (5263,), `frame`,
        `feature_names`, `target_names`, `DESCR` and `filename`.

    Raises
    ------
    OSError
        If the file can be neither found nor downloaded, or its checksum is wrong.

    Examples
    --------
    >>> from skmix.datasets import load_cifar10_airplane
    >>> X, y = load_cifar10_airplane(return_X_y=True)  # doctest: +SKIP
    >>> X.shape, int(y.sum())  # doctest: +SKIP
    ((5263, 512), 263)
    """
    return load(
        "cifar10_airplane", data_home, download_if_missing, return_X_y, as_frame
    )


def load_mammography(
    *,
    data_home: str | PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Any:
    """Load spots in mammograms (11183 rows, 2.3 % positive; OpenML 310).

    The target is 1 for a microcalcification, a possible sign of cancer; the features
    are six standardised measurements of the spot, x0 to x5. Three rows in ten repeat
    the features of another. The source states no licence.

    Parameters
    ----------
    data_home : path-like, default=None
        Folder of the cache; None is ``skmix`` in scikit-learn's data folder. The
        folder that the environment variable ``SKMIX_DATA`` names comes first.
    download_if_missing : bool, default=True
        Whether to download the file when no local folder has it.
    return_X_y : bool, default=False
        Whether to return the tuple ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether to return pandas objects.

    Returns
    -------
    Bunch or tuple
        `data` of shape (11183, 6), `target` of shape (11183,), `frame`,
        `feature_names`, `target_names`, `DESCR` and `filename`.

    Raises
    ------
    OSError
        If the file can be neither found nor downloaded, or its checksum is wrong.

    Examples
    --------
    >>> from skmix.datasets import load_mammography
    >>> X, y = load_mammography(return_X_y=True)  # doctest: +SKIP
    >>> X.shape, int(y.sum())  # doctest: +SKIP
    ((11183, 6), 260)
    """
    return load("mammography", data_home, download_if_missing, return_X_y, as_frame)


def load_satellite(
    *,
    data_home: str | PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Any:
    """Load ground seen from a satellite (6435 rows, 31.6 % positive; UCI 146).

    The target is 1 for the three smallest of six kinds of ground; the features are the
    values, 0 to 255, of 3 x 3 pixels in four spectral bands: bytes in the file, float64
    here. Neighbouring rows share pixels, so that training and test rows of a random
    split are not independent. Licence of the source: CC BY 4.0.

    Parameters
    ----------
    data_home : path-like, default=None
        Folder of the cache; None is ``skmix`` in scikit-learn's data folder. The
        folder that the environment variable ``SKMIX_DATA`` names comes first.
    download_if_missing : bool, default=True
        Whether to download the file when no local folder has it.
    return_X_y : bool, default=False
        Whether to return the tuple ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether to return pandas objects.

    Returns
    -------
    Bunch or tuple
        `data` of shape (6435, 36), `target` of shape (6435,), `frame`,
        `feature_names`, `target_names`, `DESCR` and `filename`.

    Raises
    ------
    OSError
        If the file can be neither found nor downloaded, or its checksum is wrong.

    Examples
    --------
    >>> from skmix.datasets import load_satellite
    >>> X, y = load_satellite(return_X_y=True)  # doctest: +SKIP
    >>> X.shape, int(y.sum())  # doctest: +SKIP
    ((6435, 36), 2036)
    """
    return load("satellite", data_home, download_if_missing, return_X_y, as_frame)


def load_smtp(
    *,
    data_home: str | PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Any:
    """Load mail connections of KDD Cup 1999 (95156 rows, 0.03 % positive; UCI 130).

    The target is 1 for an attack, of which there are 30 only; the features are
    ``log(value + 0.1)`` of the duration and of the bytes sent each way, three of the 41
    of the source. One row in four repeats the features of another. Licence of the
    source: CC BY 4.0.

    Parameters
    ----------
    data_home : path-like, default=None
        Folder of the cache; None is ``skmix`` in scikit-learn's data folder. The
        folder that the environment variable ``SKMIX_DATA`` names comes first.
    download_if_missing : bool, default=True
        Whether to download the file when no local folder has it.
    return_X_y : bool, default=False
        Whether to return the tuple ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether to return pandas objects.

    Returns
    -------
    Bunch or tuple
        `data` of shape (95156, 3), `target` of shape (95156,), `frame`,
        `feature_names`, `target_names`, `DESCR` and `filename`.

    Raises
    ------
    OSError
        If the file can be neither found nor downloaded, or its checksum is wrong.

    Examples
    --------
    >>> from skmix.datasets import load_smtp
    >>> X, y = load_smtp(return_X_y=True)  # doctest: +SKIP
    >>> X.shape, int(y.sum())  # doctest: +SKIP
    ((95156, 3), 30)
    """
    return load("smtp", data_home, download_if_missing, return_X_y, as_frame)


def load_vowels(
    *,
    data_home: str | PathLike | None = None,
    download_if_missing: bool = True,
    return_X_y: bool = False,
    as_frame: bool = False,
) -> Any:
    """Load Japanese vowels, to tell a speaker (1456 rows, 3.4 % positive; UCI 128).

    The target is 1 for moments of speech by one man, 0 for three others; the features
    are twelve standardised cepstrum coefficients, x0 to x11. The positive rows are the
    last ones: shuffle before you split. Licence of the source: CC BY 4.0.

    Parameters
    ----------
    data_home : path-like, default=None
        Folder of the cache; None is ``skmix`` in scikit-learn's data folder. The
        folder that the environment variable ``SKMIX_DATA`` names comes first.
    download_if_missing : bool, default=True
        Whether to download the file when no local folder has it.
    return_X_y : bool, default=False
        Whether to return the tuple ``(data, target)`` instead of a Bunch.
    as_frame : bool, default=False
        Whether to return pandas objects.

    Returns
    -------
    Bunch or tuple
        `data` of shape (1456, 12), `target` of shape (1456,), `frame`,
        `feature_names`, `target_names`, `DESCR` and `filename`.

    Raises
    ------
    OSError
        If the file can be neither found nor downloaded, or its checksum is wrong.

    Examples
    --------
    >>> from skmix.datasets import load_vowels
    >>> X, y = load_vowels(return_X_y=True)  # doctest: +SKIP
    >>> X.shape, int(y.sum())  # doctest: +SKIP
    ((1456, 12), 50)
    """
    return load("vowels", data_home, download_if_missing, return_X_y, as_frame)
