"""Tables and figures of what fits cost by number of rows, and of many machines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import matplotlib.pyplot as plt
from layout import GREY, NOTHING, STYLES, rst

NOTHING_FITTED = "nothing"
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
    header = ["", *(f"s, n = {n}" for n in found["rows"]), "exponent", "MB, 100000"]
    base = found["estimators"][NOTHING_FITTED]["peak_megabytes"][-1]
    rows = [
        [
            name,
            *map(seconds_text, row["seconds"]),
            f"{row['exponent']:.2f}",
            f"{row['peak_megabytes'][-1] - base:.0f}",
        ]
        for name, row in found["estimators"].items()
        if name != NOTHING_FITTED
    ]
    return rst(header, rows)


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
    for name, result, make in MADE:
        if (found := read(result)) is not None:
            yield name, make(found)
