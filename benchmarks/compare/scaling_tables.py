"""Tables and figures of what fits cost by number of rows, and of many machines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import matplotlib.pyplot as plt
from cost_formulas import FORMULAS
from layout import GREY, NOTHING, STYLES, rst

NOTHING_FITTED = "nothing"
MEBIBYTE = 2**20 / 1e6  # in megabytes
# In panels, so that lines can be told apart.
PANELS = {
    "Fixed recipes": (
        "MixupResampler",
        "CMixupResampler",
        "KNNMixupResampler, k = 8",
        "MixupSampler",
        "MixBoostSampler",
    ),
    "Learned, regression": (
        "CMixupResampler, auto",
        "AdaMixupResampler",
        "MixRLResampler",
        "MixRLResampler, max_samples",
        "MixRLResampler, held-out rows",
        "MixRLResampler, both",
    ),
    "Learned, classification": (
        "MixAnNSampler",
        "MixAnNSampler, max_samples",
        "AutoSMOTESampler",
        "LearnedAugmenter",
        "SampleWeightLearner",
        "LADASelector.query",
    ),
}


def seconds_text(value: float) -> str:
    """Seconds to two digits that count."""
    return f"{value:.0f}" if value >= 10 else f"{value:.2g}"


def scaling_table(found: dict[str, Any]) -> str:
    """Seconds, exponent and megabytes of each estimator."""
    n, p = found["rows"][-1], found["columns"]
    header = ["", *(f"s, n = {n}" for n in found["rows"]), "exponent"]
    header += ["MB", "formula"]
    base = found["estimators"][NOTHING_FITTED]["peak_megabytes"][-1]
    rows = [
        [
            name,
            *map(seconds_text, row["seconds"]),
            f"{row['exponent']:.2f}",
            f"{(row['peak_megabytes'][-1] - base) * MEBIBYTE:.0f}",
            f"{FORMULAS[name].at(n, p) / 1e6:.0f}",
        ]
        for name, row in found["estimators"].items()
        if name != NOTHING_FITTED
    ]
    return rst(header, rows)


def formula_table() -> str:
    """Time and memory of each estimator by formula."""
    header = ["", "time grows with", "bytes"]
    return rst(header, [[name, f.time, f.text()] for name, f in FORMULAS.items()])


def million_table(found: dict[str, Any]) -> str:
    """Time and memory of a million rows."""
    header = ["", "time", "threads", "GB in all", "MB of the fit", "formula"]
    base = found["estimators"][NOTHING_FITTED]["peak_gigabytes"]
    size = found["rows"], found["columns"]
    rows = [
        [
            name,
            duration(row["seconds"]),
            str(row["threads"]),
            f"{row['peak_gigabytes']:.1f}",
            f"{1000 * (row['peak_gigabytes'] - base):.0f}",
            f"{FORMULAS[name].at(*size) / 1e6:.0f}",
        ]
        for name, row in found["estimators"].items()
        if name != NOTHING_FITTED
    ]
    return rst(header, rows)


def duration(seconds: float) -> str:
    """In the unit that one would say it in."""
    if seconds < 90:
        return f"{seconds_text(seconds)} s"
    return f"{seconds / 60:.0f} min"


def scaling_figure(found: dict[str, Any]) -> plt.Figure:
    """Seconds by number of rows, with the exponents in the legend."""
    figure, panels = plt.subplots(1, len(PANELS), figsize=(10, 4.2), sharey=True)
    sizes = found["rows"]
    for axes, (title, names) in zip(panels, PANELS.items(), strict=True):
        for name, style in zip(names, STYLES, strict=False):
            if (row := found["estimators"].get(name)) is None:
                continue
            label = f"{name} ({row['exponent']:.2f})"
            axes.loglog(sizes, row["seconds"], label=label, **style)
        least = axes.get_ylim()[0]
        axes.loglog(sizes[1:], [least, 10 * least], ":", color=GREY, label="linear")
        axes.set(title=title, xlabel="rows")
        axes.legend(fontsize=7, loc="upper left")
    panels[0].set_ylabel("seconds of a fit, one core")
    return figure


def cluster_table(found: dict[str, Any]) -> str:
    """Seconds on one and two workers, and what travelled."""
    one, two = (min(found["seconds"][n]) for n in ("1", "2"))
    rows = [
        ["one worker", f"{one:.0f} s"],
        ["two workers", f"{two:.0f} s ({found['ratio']:.2f} times as fast)"],
        *([what, f"{size:.1f} MB"] for what, size in found["megabytes"].items()),
    ]
    return rst([f"{found['fits']} fits, {found['rows']} rows", ""], rows)


MADE: tuple[tuple[str, str, Callable[[dict[str, Any]], Any]], ...] = (
    ("scaling_table", "scaling", scaling_table),
    ("scaling", "scaling", scaling_figure),
    ("million", "million", million_table),
    ("cluster", "cluster", cluster_table),
)


def nothing_yet() -> Iterator[tuple[str, Any]]:
    """What stands in where nothing has been measured."""
    for name, _, make in MADE:
        if make is scaling_figure:
            figure, axes = plt.subplots(figsize=(4, 1))
            axes.set_axis_off()
            axes.text(0.5, 0.5, NOTHING, ha="center")
            yield name, figure
        else:
            yield name, NOTHING


def make_all(read: Callable[[str], Any]) -> Iterator[tuple[str, Any]]:
    """The tables and figures of what has been measured."""
    yield "formulas", formula_table()
    for name, result, make in MADE:
        if (found := read(result)) is not None:
            yield name, make(found)
