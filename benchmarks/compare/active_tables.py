"""Tables and figures of the benchmarks of active learning."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from layout import GREY, NOTHING, STYLES, change, nothing_drawn, rst

COLUMNS = {
    "RandomForest": ("digits", "RandomForest"),
    "LogisticRegression": ("digits", "LogisticRegression"),
    "MLP": ("digits", "MLP"),
    "CNN": ("digits", "CNN"),
    "mean of these": ("digits", "mean"),
    "CIFAR-10, CNN": ("cifar10", "CNN"),
}
WARM = ("digits", "MLP, warm")
RIVALS = ("Random", "Entropy", "Var Ratio", "BALD", "Coreset", "BADGE", "VAAL")
PIPELINES = ("Entropy, then mixing", "Entropy, then AdaMixup", "BGADL")
LADA = (
    "LADA, fixed",
    "LADA, quadrature",
    "LADA",
    "LADA, Var Ratio",
    "LADA, VAAL",
    "LADA, STN fixed",
    "LADA, STN",
    "LADA, margin",
)
CONTROLS = (
    "no look-ahead",
    "no mixed rows",
    "mixed rows",
    "spread margin",
    "no diversity",
    "Margin, mixed rows",
    "Random, mixed rows",
    "twice the epochs",
)
LADA_CONTROLS = ("LADA, input", "LADA, no look-ahead", "LADA, no mixed rows")
ATTEMPTS = (
    "no look-ahead",
    "near rows, not mixed",
    "tau at 2",
    "labelled neighbours",
    "random pairs",
    "twice the look-ahead",
    "mixing at the input",
    "policy network",
    "self-training",
    "self-training on mixes",
)
CURVES = ("Random", "Entropy", "Margin", "BADGE", "LADA, quadrature", "default")

Rows = dict[tuple[str, str, str], dict[str, Any]]


def by_case(content: dict[str, Any]) -> Rows:
    """Rows of the summary by data set, classifier and arm."""
    return {
        (row["data"], row["classifier"], row["arm"]): row for row in content["summary"]
    }


def cell(row: dict[str, Any] | None, other: str, name: str = "area") -> str:
    """A paired difference to another arm."""
    found = None if row is None else row.get(f"minus {other}")
    return "" if found is None else change(found[name], 2)


def difference_table(rows: Rows, arms: tuple[str, ...], other: str) -> str:
    """Area under the curve of arms minus that of another, by classifier."""
    level = [f"{other}, area"]
    for case in COLUMNS.values():
        row = rows.get((*case, other))
        level.append("" if row is None else f"{row['area'][0]:.1f}")
    table = [level]
    for arm in arms:
        cells = [cell(rows.get((*case, arm)), other) for case in COLUMNS.values()]
        if any(cells):
            table.append([arm, *cells])
    return rst(["", *COLUMNS], table)


def claim_table(rows: Rows) -> str:
    """The default against its rivals: area, seeds won, accuracy at the end."""
    table = []
    for other in ("Margin", "BADGE", "Entropy", "Random"):
        for name, title in (("area", "area"), ("final", "accuracy at the end")):
            cells = []
            for case in COLUMNS.values():
                row = rows.get((*case, "default"))
                text = cell(row, other, name)
                if text and name == "area":
                    text += f" ({row[f'minus {other}']['wins']}/{row['seeds']})"
                cells.append(text)
            table.append([f"minus {other}, {title}", *cells])
    return rst(["", *COLUMNS], table)


def warm_table(rows: Rows) -> str:
    """The paper's protocol: a network that is trained on from round to round."""
    table = []
    for arm in (
        "Random",
        "Entropy",
        "Entropy, then mixing",
        "LADA, fixed",
        "LADA",
        "LADA, no mixed rows",
        "Margin",
        "default",
    ):
        row = rows.get((*WARM, arm))
        if row is None:
            continue
        cells = [f"{row['area'][0]:.1f}", cell(row, "Random"), cell(row, "Entropy")]
        table.append([arm, *cells, f"{row['final']:.1f}"])
    return rst(["", "area", "minus Random", "minus Entropy", "at the end"], table)


def round_table(content: dict[str, Any]) -> str:
    """Seconds of a round, query and training, as a ratio to Random."""
    cases: dict[str, dict[str, dict[str, Any]]] = {}
    for row in content["rounds"]:
        name = "CIFAR-10, CNN" if row["data"] == "cifar10" else row["classifier"]
        title = f"{name}, {row['labels']} labels"
        cases.setdefault(title, {})[row["arm"]] = row
    table = []
    for arm in dict.fromkeys(row["arm"] for row in content["rounds"]):
        cells = []
        for case in cases.values():
            row = case.get(arm)
            text = ""
            if row is not None:
                milliseconds = 1000 * row["query_seconds"]
                text = f"{row['round to Random']:.2f} ({milliseconds:.0f}\xa0ms)"
            cells.append(text)
        table.append([arm, *cells])
    of_random = [
        f"{1000 * case['Random']['fit_seconds']:.0f} ms" for case in cases.values()
    ]
    return rst(["", *cases], [["training without mixes", *of_random], *table])


def pair_sentence(row: dict[str, Any]) -> str:
    """What the look-ahead at pairs adds to a query."""
    return (
        f"The look-ahead of {row['pairs']} pairs with a forest of 100 trees takes "
        f"{row['look_ahead_seconds']:.2f} s beyond the {row['seconds_of_rows']:.2f} s "
        "of a query that scores their rows alone."
    )


def pool_table(content: dict[str, Any]) -> str:
    """Seconds and memory of a query on a large pool."""
    found = {(row["selector"], row["classifier"]): row for row in content["pools"]}
    classifiers = list(dict.fromkeys(row["classifier"] for row in content["pools"]))
    table = []
    for selector in dict.fromkeys(row["selector"] for row in content["pools"]):
        rows = [found[selector, classifier] for classifier in classifiers]
        cells = [f"{r['seconds']:.1f} s, {r['megabytes']:.0f} MB" for r in rows]
        table.append([selector, *cells, f"{rows[0]['bound']:.0f} MB"])
    return rst(["", *classifiers, "bound"], table)


def curve_figure(rows: Rows) -> plt.Figure:
    """Accuracy by number of labels."""
    cases = {title: case for title, case in COLUMNS.items() if case[1] != "mean"}
    figure, axes = plt.subplots(1, len(cases), figsize=(14, 3.4))
    for ax, (title, case) in zip(axes, cases.items(), strict=True):
        for arm, style in zip(CURVES, STYLES, strict=True):
            row = rows.get((*case, arm))
            if row is not None:
                labels = 20 + 10 * np.arange(len(row["curve"]))
                ax.plot(labels, row["curve"], markersize=3, label=arm, **style)
        ax.set(title=title, xlabel="Labels")
        ax.grid(color=GREY, alpha=0.2)
        ax.spines[["top", "right"]].set_visible(False)
    axes[0].set_ylabel("Accuracy in %")
    found = {}
    for ax in axes:
        found |= dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True))
    figure.legend(found.values(), found, loc="outside lower center", ncols=len(CURVES))
    return figure


def make_all(
    read: Callable[[str], dict[str, Any] | None],
) -> Iterator[tuple[str, str | plt.Figure]]:
    """Name and text of each table, name and figure of each figure."""
    if content := read("active"):
        rows = by_case(content)
        yield "active", curve_figure(rows)
        yield "active_default", claim_table(rows)
        arms = (*RIVALS, *PIPELINES, *LADA, "spread margin", "default")
        yield "active_margin", difference_table(rows, arms, "Margin")
        yield "active_controls", difference_table(rows, CONTROLS, "default")
        yield "active_lada", difference_table(rows, (*LADA, *LADA_CONTROLS), "Entropy")
        yield "active_attempts", difference_table(rows, ATTEMPTS, "default")
        yield "active_warm", warm_table(rows)
    if content := read("active_cost"):
        yield "active_rounds", round_table(content)
        yield "active_pools", pool_table(content)
        yield "active_pairs", pair_sentence(content["look_ahead"])


def nothing_yet() -> Iterator[tuple[str, str | plt.Figure]]:
    """The same names, where there are no results."""
    of_curves = ("default", "margin", "controls", "lada", "attempts", "warm")
    for name in (*of_curves, "rounds", "pools", "pairs"):
        yield f"active_{name}", NOTHING
    yield "active", nothing_drawn()
