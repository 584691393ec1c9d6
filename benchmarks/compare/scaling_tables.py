"""Tables and figures of what fits cost by number of rows, and of many machines."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import matplotlib.pyplot as plt
from cost_formulas import FORMULAS, text
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
        "AverageSampler",
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
        "MixBoostSampler",
        "MixAnNSampler",
        "MixAnNSampler, max_samples",
        "AutoSMOTESampler",
        "LearnedAugmenter",
    ),
    "Without mixes": (
        "NetworkRegressor",
        "NetworkClassifier",
        "LADAClassifier",
        "SampleWeightLearner",
        "LADASelector.query",
        "HumanMixPolicy",
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
            f"{FORMULAS[name].bytes_at(n, p) / 1e6:.0f}",
        ]
        for name, row in found["estimators"].items()
        if name != NOTHING_FITTED
    ]
    return rst(header, rows)


def formula_table() -> str:
    """Time and memory of each estimator by formula."""
    header = ["", "time", "grows with", "bytes"]
    rows = [
        [name, formula.time, text(formula.growth), text(formula.n_bytes)]
        for name, formula in FORMULAS.items()
    ]
    return rst(header, rows)


def million_table(found: dict[str, Any], scaling: dict[str, Any]) -> str:
    """Time and memory of a million rows, next to formulas."""
    header = ["", "time", "formula", "GB in all", "MB of the fit", "formula"]
    base = found["estimators"][NOTHING_FITTED]["peak_gigabytes"]
    size = found["rows"], found["columns"]
    rows = []
    for name, row in found["estimators"].items():
        if name == NOTHING_FITTED:
            continue
        seconds = scaling["estimators"][name]["seconds"]
        known = {
            (n, scaling["columns"]): seconds[place]
            for place, n in enumerate(scaling["rows"])
            if place > 0
        }
        formula = FORMULAS[name]
        grows = bool(formula.growth)
        rows.append(
            [
                name,
                duration(row["seconds"]),
                duration(formula.seconds_at(*size, known)) if grows else "",
                f"{row['peak_gigabytes']:.1f}",
                f"{1000 * (row['peak_gigabytes'] - base):.0f}",
                f"{formula.bytes_at(*size) / 1e6:.0f}",
            ]
        )
    return rst(header, rows)


def duration(seconds: float) -> str:
    """In the unit that one would say it in."""
    if seconds < 90:
        return f"{seconds_text(seconds)}\xa0s"
    return f"{seconds / 60:.0f}\xa0min"


def scaling_figure(found: dict[str, Any]) -> plt.Figure:
    """Seconds by number of rows, with the exponents in the legend."""
    figure, panels = plt.subplots(2, 2, figsize=(8, 9), sharex=True, sharey=True)
    sizes = found["rows"]
    for axes, (title, names) in zip(panels.flat, PANELS.items(), strict=True):
        # No more names than styles.
        for name, style in zip(names, STYLES[: len(names)], strict=True):
            if (row := found["estimators"].get(name)) is None:
                continue
            label = f"{name} ({row['exponent']:.2f})"
            axes.loglog(sizes, row["seconds"], label=label, **style)
        axes.set(title=title)
    low, high = panels[0, 0].get_ylim()
    for axes in panels.flat:
        axes.loglog(sizes[1:], [low, 10 * low], ":", color=GREY, label="linear")
        axes.legend(fontsize=7, loc="upper left")
    # Room for the legends.
    panels[0, 0].set_ylim(low / 2, high * (high / low) ** 0.6)
    figure.supxlabel("rows")
    figure.supylabel("seconds, one core")
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


# What is made, by what, of the results of which scripts.
MADE: tuple[tuple[str, Callable[..., Any], tuple[str, ...]], ...] = (
    ("scaling_table", scaling_table, ("scaling",)),
    ("scaling", scaling_figure, ("scaling",)),
    ("million", million_table, ("million", "scaling")),
    ("cluster", cluster_table, ("cluster",)),
)


def nothing_yet() -> Iterator[tuple[str, Any]]:
    """What stands in where nothing has been measured."""
    for name, make, _ in MADE:
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
    for name, make, results in MADE:
        found = [read(result) for result in results]
        if None not in found:
            yield name, make(*found)
