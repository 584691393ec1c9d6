"""Tables of the benchmarks of mixes as people see them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import matplotlib.pyplot as plt
from layout import NOTHING, rst

KINDS = (
    "none",
    "random",
    "uniform",
    "mixup",
    "people",
    "people, confident",
    "mixup, infinite",
    "people, infinite",
)
NAMES = {
    "none": "no mixes",
    "random": "random labels",
    "uniform": "uniform labels",
    "people": "fitted curves",
    "people, confident": "curves, smoothed by confidence",
    "mixup, infinite": "mixup, anew each epoch",
    "people, infinite": "fitted curves, anew each epoch",
}
ESTIMATORS = {"linear": "logistic regression", "RandomForest": "forest"}
# Cross-entropy, that under FGSM, and calibration error, as the poster has them.
POSTER = (
    ("no mixes", "2.02 ± 0.12", "13.12 ± 2.65", "0.28 ± 0.011"),
    ("random labels", "2.11 ± 0.13", "12.81 ± 2.84", "0.24 ± 0.014"),
    ("uniform labels", "2.16 ± 0.14", "12.71 ± 2.79", "0.25 ± 0.012"),
    ("mixup", "1.65 ± 0.11", "10.62 ± 2.44", "0.23 ± 0.005"),
    ("average of people", "1.78 ± 0.12", "11.69 ± 2.90", "0.24 ± 0.009"),
    ("average, smoothed by confidence", "1.48 ± 0.06", "8.89 ± 1.59", "0.19 ± 0.001"),
    ("mixup, infinite", "1.15 ± 0.08", "7.46 ± 2.40", "0.10 ± 0.01"),
    ("fitted curves, infinite", "1.16 ± 0.08", "7.32 ± 2.27", "0.10 ± 0.01"),
)


def spread(pair: list[float | None], digits: int) -> str:
    """A mean and its standard deviation."""
    mean, deviation = pair
    text = f"{mean:.{digits}f}"
    return text if deviation is None else f"{text} ± {deviation:.{digits}f}"


def difference(row: dict[str, Any], error: str, digits: int) -> str:
    """A paired difference to mixup and its standard error."""
    if (pair := row.get(f"{error} minus mixup")) is None:
        return ""
    mean, deviation = pair
    text = f"{mean:+.{digits}f}"
    return text if deviation is None else f"{text} ± {deviation:.{digits}f}"


def images_table(rows: dict[str, dict[str, Any]]) -> str:
    """Errors by kind of labels, and the paired difference to mixup."""
    header = ["", "accuracy", "cross-entropy", "minus mixup", "FGSM", "calibration"]
    table = [
        [
            NAMES.get(kind, kind),
            spread([100 * v for v in row["accuracy"]], 1),
            spread(row["ce"], 3),
            difference(row, "ce", 3),
            spread(row["fgsm"], 2),
            spread(row["calibration"], 3),
        ]
        for kind, row in rows.items()
    ]
    return rst(header, table)


def people_table(rows: dict[str, dict[str, Any]]) -> str:
    """Cross-entropy with labels of people, and with those of shuffled images."""
    table = []
    for kind, row in rows.items():
        mean, deviation = row["ce of people, shuffled"]
        table.append(
            [
                NAMES.get(kind, kind),
                spread(row["ce of people"], 3),
                f"{mean:.3f}",
                f"{deviation:.4f}",
                difference(row, "ce of people", 3),
            ]
        )
    header = ["", "people's labels", "shuffled", "sd of shuffles", "minus mixup"]
    return rst(header, table)


def digits_table(rows: list[dict[str, Any]]) -> str:
    """Errors of both estimators by kind of labels."""
    header = ["", "accuracy", "log loss", "minus mixup", "Brier", "calibration"]
    table = [
        [
            f"{ESTIMATORS[name]}: {NAMES.get(kind, kind)}",
            spread([100 * v for v in row["accuracy"]], 1),
            spread(row["log loss"], 3),
            difference(row, "log loss", 3),
            spread(row["brier"], 3),
            spread(row["calibration"], 3),
        ]
        for name in ESTIMATORS
        for kind in KINDS
        for row in rows
        if (row["estimator"], row["labels"]) == (name, kind)
    ]
    return rst(header, table)


def make_all(
    read: Callable[[str], dict[str, Any] | None],
) -> Iterator[tuple[str, str | plt.Figure]]:
    """Name and text of each table."""
    if (content := read("human")) is None:
        return
    rows = content["summary"]
    images = {row["labels"]: row for row in rows if row["data"] == "images"}
    images = {kind: images[kind] for kind in KINDS if kind in images}
    yield "human_images", images_table(images)
    yield "human_people", people_table(images)
    yield "human_digits", digits_table([r for r in rows if r["data"] == "digits"])
    if content := read("human_cost"):
        table = [[name, f"{value:.3f} s"] for name, value in content["seconds"].items()]
        yield "human_cost", rst(["", "CPU time"], table)


def nothing_yet() -> Iterator[tuple[str, str | plt.Figure]]:
    """The same names, where there are no results."""
    for name in ("images", "people", "digits", "cost"):
        yield f"human_{name}", NOTHING
    header = ["", "cross-entropy", "FGSM", "calibration"]
    yield "human_poster", rst(header, [list(row) for row in POSTER])
