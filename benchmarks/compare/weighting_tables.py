"""Tables and figures of the benchmarks of learned weights."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import matplotlib.pyplot as plt
import numpy as np
from layout import GREY, NOTHING, STYLES, change, nothing_drawn, rst, seconds

TITLES = {
    "digits": "digits",
    "annthyroid": "annthyroid",
    "energy": "energy",
    "cifar10": "CIFAR-10",
}
CASES = (
    ("none", 0.0, "none"),
    ("symmetric", 0.2, "symmetric, 20 %"),
    ("symmetric", 0.4, "symmetric, 40 %"),
    ("pairwise", 0.2, "pairwise, 20 %"),
    ("pairwise", 0.4, "pairwise, 40 %"),
)
RARE = (20.0, 50.0, 100.0)
ARMS = (
    "unweighted",
    "plus clean rows",
    "class weights",
    "cleanlab filter",
    "self-confidence",
    "ren",
    "hu",
    "normalized",
    "meta_net",
    "dvrl",
    "default, guarded",
    "oracle",
)
ESTIMATORS = {
    "linear": "linear",
    "MLP": "MLP",
    "RandomForest": "forest",
    "CNN": "CNN",
    "ResNet": "ResNet",
}
DRAWN = ("plus clean rows", "cleanlab filter", "ren", "normalized", "meta_net")
# As the poster has them, with a ResNet-34 that was trained on other images before.
POSTER = {
    "unweighted": ("72.2 ± 4.7", "81.7 ± 2.9", "86.4 ± 3.2"),
    "plus clean rows": ("64.7 ± 4.8", "69.5 ± 2.9", "79.4 ± 2.9"),
    "ren": ("74.4 ± 6.4", "82.3 ± 2.1", "86.5 ± 2.7"),
    "hu": ("75.3 ± 6.4", "83.1 ± 2.1", "87.0 ± 3.5"),
}

Rows = dict[tuple[str, str, float, str, str], dict[str, Any]]


def by_case(content: dict[str, Any]) -> Rows:
    """Rows of the summary by data set, kind, rate, estimator and arm."""
    names = ("data", "kind", "rate", "estimator", "arm")
    return {tuple(row[name] for name in names): row for row in content["summary"]}


def estimators_of(data: str) -> list[str]:
    """Estimators that a data set was measured with."""
    return ["CNN"] if data == "cifar10" else ["linear", "MLP", "RandomForest"]


def noise_table(rows: Rows, data: str) -> str:
    """Score by arm, where labels are wrong; and paired gains on no weights."""
    cases = [(kind, rate, title) for kind, rate, title in CASES]
    header, columns = [""], []
    for kind, rate, title in cases:
        for name in estimators_of(data):
            if (data, kind, rate, name, "unweighted") in rows:
                header.append(f"{title}: {ESTIMATORS[name]}")
                columns.append((kind, rate, name))
    table = []
    for arm in ARMS:
        cells = []
        for kind, rate, name in columns:
            row = rows.get((data, kind, rate, name, arm))
            if row is None:
                cells.append("")
            elif arm in ("unweighted", "plus clean rows"):
                cells.append(f"{row['score'][0]:.1f}")
            else:
                cells.append(change(row["minus plus clean rows"], 1))
        if any(cells):
            table.append([arm, *cells])
    return rst(header, table)


def rare_table(rows: Rows, data: str) -> str:
    """Balanced accuracy by number of rows of the rare class."""
    names = ["ResNet"] if data == "cifar10" else estimators_of(data)
    header = ["", *(f"{rare:.0f}: {ESTIMATORS[n]}" for rare in RARE for n in names)]
    table = []
    for arm in ARMS:
        found = [rows.get((data, "imbalance", r, n, arm)) for r in RARE for n in names]
        cells = []
        for row in found:
            text = ""
            if row is not None:
                text = f"{row['score'][0]:.1f} ± {row['score'][1]:.1f}"
            cells.append(text)
        if any(cells):
            table.append([arm, *cells])
    if data == "cifar10":
        header += [f"{rare:.0f}: poster" for rare in RARE]
        table = [[*row, *POSTER.get(row[0], ("", "", ""))] for row in table]
    return rst(header, table)


def detection_table(rows: Rows) -> str:
    """Area under the ROC curve of the weight for finding wrong labels."""
    cases = [
        (data, kind, rate, f"{TITLES[data]}: {title}")
        for data in TITLES
        for kind, rate, title in CASES[1:]
    ]
    cases = [
        case
        for case in cases
        if (*case[:3], estimators_of(case[0])[0], "unweighted") in rows
    ]
    table = []
    for data, kind, rate, title in cases:
        cells = []
        for arm in ARMS[3:-2]:
            row = rows.get((data, kind, rate, estimators_of(data)[0], arm), {})
            cells.append(f"{row['auc']:.3f}" if "auc" in row else "")
        table.append([title, *cells])
    return rst(["", *ARMS[3:-2]], table)


def guard_table(rows: Rows) -> str:
    """How often the guard kept the weights, and gains of what came out."""
    table = []
    for data, title in TITLES.items():
        for kind, rate, noise in CASES:
            cells = []
            for name in estimators_of(data):
                row = rows.get((data, kind, rate, name, "default, guarded"))
                if row is not None:
                    gain = change(row["minus plus clean rows"], 1)
                    cells.append(f"{gain} ({row['accepted']:.0%})")
            if cells:
                missing = 3 - len(cells)
                cells = cells if missing == 0 else [*cells, *[""] * missing]
                table.append([f"{title}: {noise}", *cells])
    return rst(["", "linear (CNN)", "MLP", "forest"], table)


def copies_table(content: dict[str, Any]) -> str:
    """Score without copies, and paired gains of each kind of copies."""
    arms = ("plain copies", "fixed", "learned", "learned, guarded")
    rows = {(r["data"], r["estimator"], r["arm"]): r for r in content["summary"]}
    table = []
    for data, name, arm in rows:
        if arm != "no copies":
            continue
        found = [rows[data, name, other] for other in arms]
        gains = [change(row["minus no copies"], 1) for row in found]
        gains[-1] += f" ({found[-1]['accepted']:.0%})"
        score = f"{rows[data, name, arm]['score'][0]:.1f}"
        table.append([f"{data}: {ESTIMATORS[name]}", score, *gains])
    return rst(["", "no copies", *arms], table)


def cost_table(content: dict[str, Any]) -> str:
    """CPU seconds of a fit, as ratios to one without weights."""
    methods = list(content["fit"][0]["ratio"])
    table = [
        [
            TITLES[row["data"]],
            f"{row['seconds']['equal']:.2f} s",
            *(f"{row['ratio'][name]:.2f}" for name in methods),
        ]
        for row in content["fit"]
    ]
    return rst(["", "no weights", *methods], table)


def many_rows_table(content: dict[str, Any]) -> str:
    """Seconds and memory for many rows."""
    table = [
        [
            row["method"],
            f"{row['cpu_seconds']:.0f} s",
            f"{row['peak_megabytes']:.0f} MB",
            f"{row['peak_megabytes_before']:.0f} MB",
        ]
        for row in content["many_rows"]
    ]
    return rst(["", "CPU time", "peak of the process", "before the fit"], table)


def valuation_table(content: dict[str, Any]) -> str:
    """Both programs of DVRL."""
    parts = content["valuation"]
    programs = {"skmix": [part["ours"] for part in parts]}
    for place, other in enumerate(parts[0]["theirs"]):
        name = f"OpenDataVal, batches of {other['batch']}"
        programs[name] = [part["theirs"][place] for part in parts]
    table = []
    for name, results in programs.items():
        auc = [result["auc"] for result in results]
        taken = np.mean([result["cpu_seconds"] for result in results])
        error = np.std(auc, ddof=1) / len(auc) ** 0.5
        table.append(
            [
                name,
                f"{np.mean(auc):.3f} ± {error:.3f}",
                f"{seconds(float(taken))} s",
                str(results[0]["fits"]),
            ]
        )
    return rst(["", "AUC", "CPU time", "fits"], table)


def gain_figure(rows: Rows) -> plt.Figure:
    """Score by share of wrong labels, for the linear model of each data set."""
    panels = [
        (data, kind)
        for data in TITLES
        for kind in ("symmetric", "pairwise")
        if (data, kind, 0.4, estimators_of(data)[0], "unweighted") in rows
    ]
    n_columns = -(-len(panels) // 2)
    figure, axes = plt.subplots(2, n_columns, figsize=(3 * n_columns, 5.6))
    for ax in axes.flat[len(panels) :]:
        ax.set_axis_off()
    for ax, (data, kind) in zip(axes.flat, panels, strict=False):
        name = estimators_of(data)[0]
        for arm, style in zip(DRAWN, STYLES, strict=False):
            points = [(0.0, "none"), (0.2, kind), (0.4, kind)]
            found = [rows.get((data, k, rate, name, arm)) for rate, k in points]
            scores = [row["score"][0] for row in found if row is not None]
            if len(scores) == len(points):
                ax.plot([0, 20, 40], scores, markersize=4, label=arm, **style)
        ax.set(title=f"{TITLES[data]}, {kind}", xlabel="Wrong labels (%)")
        ax.set_xticks([0, 20, 40])
        ax.grid(color=GREY, alpha=0.2)
        ax.spines[["top", "right"]].set_visible(False)
    for ax in axes[:, 0]:
        ax.set_ylabel("Balanced accuracy, or R2, in %")
    found = {}
    for ax in axes.flat:
        found |= dict(zip(*ax.get_legend_handles_labels()[::-1], strict=True))
    figure.legend(found.values(), found, loc="outside lower center", ncols=len(found))
    return figure


def make_all(
    read: Callable[[str], dict[str, Any] | None],
) -> Iterator[tuple[str, str | plt.Figure]]:
    """Name and text of each table, name and figure of each figure."""
    if content := read("weighting"):
        rows = by_case(content)
        yield "weighting", gain_figure(rows)
        measured = {key[0] for key in rows}
        for data in TITLES:
            if data in measured:
                yield f"weighting_{data}", noise_table(rows, data)
                if any(key[:2] == (data, "imbalance") for key in rows):
                    yield f"weighting_rare_{data}", rare_table(rows, data)
        yield "weighting_detection", detection_table(rows)
        yield "weighting_guard", guard_table(rows)
    if content := read("augmentation"):
        yield "augmentation", copies_table(content)
    if content := read("weighting_cost"):
        yield "weighting_cost", cost_table(content)
        yield "weighting_many_rows", many_rows_table(content)
        if content["valuation"]:
            yield "weighting_valuation", valuation_table(content)


def nothing_yet() -> Iterator[tuple[str, str | plt.Figure]]:
    """The same names, where there are no results."""
    names = [*TITLES, "rare_digits", "rare_cifar10", "detection", "guard"]
    for name in (*names, "cost", "many_rows", "valuation"):
        yield f"weighting_{name}", NOTHING
    yield "augmentation", NOTHING
    yield "weighting", nothing_drawn()
