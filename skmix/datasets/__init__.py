"""Data sets of the papers and of the examples: loaders and a generator."""

from ._imbalanced import (
    load_annthyroid,
    load_cifar10_airplane,
    load_mammography,
    load_satellite,
    load_smtp,
    load_vowels,
)
from ._loaders import (
    load_abalone,
    load_airfoil,
    load_bank8fm,
    load_concrete,
    load_energy,
    load_no2,
    load_power_plant,
    load_wind,
)
from ._thin_film import make_thin_film

__all__ = [
    "load_abalone",
    "load_airfoil",
    "load_annthyroid",
    "load_bank8fm",
    "load_cifar10_airplane",
    "load_concrete",
    "load_energy",
    "load_mammography",
    "load_no2",
    "load_power_plant",
    "load_satellite",
    "load_smtp",
    "load_vowels",
    "load_wind",
    "make_thin_film",
]
