"""The judgments of the H-Mix study, and those of CIFAR-10H."""

from __future__ import annotations

import csv
import json
import os
import re
from collections.abc import Iterator
from os import PathLike
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ._judgments import Judgments, from_records, soft_label

CLASSES = (
    "Airplane",
    "Automobile",
    "Bird",
    "Cat",
    "Deer",
    "Dog",
    "Frog",
    "Horse",
    "Ship",
    "Truck",
)
# Both are published under these names; neither comes with skmix.
HMIX = "https://github.com/cambridge-mlg/hill-mixup"
CIFAR10H = "https://github.com/jcpeterson/cifar-10h"


def load_hmix(folder: str | PathLike[str] | None = None) -> Judgments:
    """Load the answers of the four studies of H-Mix, on mixes of CIFAR-10 images.

    Parameters
    ----------
    folder : str or path, default=None
        Where the four CSV files lie; None for the folder "human" in the one that the
        environment variable ``SKMIX_DATA`` names. The study is public, says nothing of
        a licence, and does not come with skmix.

    Returns
    -------
    judgments : Judgments
        4950 answers of kind "infer", 1440 "construct", 800 "select" and 216 "soft", in
        this order; repeated questions included. `i` and `j` are places among the test
        images of CIFAR-10.

    Raises
    ------
    FileNotFoundError
        If a file is missing.

    Notes
    -----
    In the files the slider of "infer" counts towards the second class; here `inferred`
    is the share of the first, as `lam` is the part of the first. The labels of "soft"
    follow the rule of the study, and give all of those that it published.

    References
    ----------
    .. [1] Collins, Bhatt, Liu, Piratla, Love and Weller, "Human-in-the-loop mixup",
       UAI 2023.

    Examples
    --------
    >>> from skmix.human import HumanMixPolicy, load_hmix
    >>> answers = load_hmix("h_mix")  # doctest: +SKIP
    >>> infer = answers.take(answers.kind == "infer")  # doctest: +SKIP
    >>> policy = HumanMixPolicy().fit(infer.X, infer.y)  # doctest: +SKIP
    """
    readers = {
        "hmix_infer_mixing_factor.csv": _inferred,
        "hmix_construct_midpoint.csv": _constructed,
        "hmix_select_shuffled_midpoint.csv": _selected,
        "hmix_categorical_soft_labels.csv": _soft,
    }
    place = _folder(folder)
    records: list[dict[str, Any]] = []
    for name, read in readers.items():
        for row in _rows(_find(place, name, HMIX)):
            common = {
                "annotator": row["subject"],
                "repeat": row["task"].startswith("rerun_"),
                "rt_ms": float(row["rt"]),
                # The class that comes first in the alphabet was always on the left.
                "left": "a",
            }
            records.append(common | read(row))
    return from_records(records, CLASSES)


def load_cifar10h(folder: str | PathLike[str] | None = None) -> NDArray[np.float64]:
    """Load how people label the test images of CIFAR-10.

    Parameters
    ----------
    folder : str or path, default=None
        Where ``cifar10h-probs.npy`` lies; None for the folder "human" in the one that
        the environment variable ``SKMIX_DATA`` names.

    Returns
    -------
    labels : ndarray of shape (10000, 10)
        Shares of about 50 people who chose each class, for the test images in their
        order.

    Raises
    ------
    FileNotFoundError
        If the file is missing.

    ValueError
        If it holds something else.

    References
    ----------
    .. [1] Peterson, Battleday, Griffiths and Russakovsky, "Human uncertainty makes
       classification more robust", ICCV 2019.

    Examples
    --------
    >>> from skmix.human import load_cifar10h
    >>> load_cifar10h("cifar-10h/data").shape  # doctest: +SKIP
    (10000, 10)
    """
    path = _find(_folder(folder), "cifar10h-probs.npy", CIFAR10H)
    labels = np.load(path, allow_pickle=False).astype(np.float64)
    if labels.shape != (10000, 10) or not np.allclose(labels.sum(axis=1), 1):
        raise ValueError(
            f"{path} must hold 10000 rows of 10 shares of sum 1, got shape "
            f"{labels.shape}."
        )
    return labels


def _folder(folder: str | PathLike[str] | None) -> Path:
    if folder is not None:
        return Path(folder)
    data = os.environ.get("SKMIX_DATA")
    if not data:
        raise FileNotFoundError(
            "Pass the folder, or name one that has it as 'human' in SKMIX_DATA."
        )
    return Path(data, "human")


def _find(folder: Path, name: str, source: str) -> Path:
    path = folder / name
    if not path.exists():
        raise FileNotFoundError(f"{path} is missing. It is published at {source}.")
    return path


def _rows(path: Path) -> Iterator[dict[str, str]]:
    """Rows that are answers: others are pages of instructions."""
    with path.open(newline="", encoding="utf-8") as file:
        for row in csv.DictReader(file):
            if row["task"] and row["class_pair" if "class_pair" in row else "filename"]:
                yield row


def _images(class_pair: str) -> dict[str, Any]:
    """Classes and images of a name such as Cat_6126_Ship_2713."""
    label_a, i, label_b, j = re.sub(r"\.png$", "", class_pair).split("_")
    return {"label_a": label_a, "label_b": label_b, "i": int(i), "j": int(j)}


def _mixed(file_name: str) -> dict[str, Any]:
    """What a name such as mixed_0.75_Cat_6126_Ship_2713.png says of a mix."""
    _, part, rest = file_name.split("_", 2)
    return _images(rest) | {"item": file_name, "lam": float(part)}


def _inferred(row: dict[str, str]) -> dict[str, Any]:
    answer = json.loads(row["responses"])
    return _mixed(row["filename"]) | {
        "kind": "infer",
        # The slider counts towards the second class.
        "inferred": 1 - answer["mixingcoeff"] / 100,
        "confidence": answer["confidence"] / 100,
    }


def _constructed(row: dict[str, str]) -> dict[str, Any]:
    return _midpoint(row, "construct", float(row["final_value"]))


def _selected(row: dict[str, str]) -> dict[str, Any]:
    chosen = json.loads(row["response"])["select"].removeprefix("select")
    return _midpoint(row, "select", float(chosen))


def _midpoint(row: dict[str, str], kind: str, part: float) -> dict[str, Any]:
    return _images(row["class_pair"]) | {
        "item": row["class_pair"],
        "kind": kind,
        # 0.6 is stored as 0.6000000000000001.
        "lam": round(part, 1),
        "inferred": 0.5,
    }


def _soft(row: dict[str, str]) -> dict[str, Any]:
    answer = json.loads(row["response"])
    first = CLASSES.index(answer["classSelect"].removeprefix("mostProb"))
    chosen = {first: float(answer["prob"]) / 100}
    second = answer["classSelect2"].removeprefix("secondProb")
    if second in CLASSES:
        chosen[CLASSES.index(second)] = float(answer["prob2"]) / 100
    prefix = "improbClassSelect"
    impossible = [
        CLASSES.index(key.removeprefix(prefix))
        for key, value in answer.items()
        if key.startswith(prefix) and value == "1"
    ]
    label = soft_label(chosen, impossible, len(CLASSES))
    mixed = _mixed(row["filename"])
    a, b = (label[CLASSES.index(mixed[name])] for name in ("label_a", "label_b"))
    return mixed | {
        "kind": "soft",
        "soft": label.tolist(),
        "inferred": a / (a + b) if a + b > 0 else None,
    }
