"""Tables and figures of the benchmarks of imbalanced classification."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import matplotlib.pyplot as plt
from layout import GREY, NOTHING, STYLES, change, nothing_drawn, rst, seconds

TITLES = {
    "vowels": "vowels",
    "annthyroid": "annthyroid",
    "mammography": "mammography",
    "smtp": "SMTP",
    "satellite": "satellite",
    "cifar10_airplane": "CIFAR-10",
}
CLASSIFIERS = ("KNN", "logistic regression", "gblinear", "boosted trees", "MLP")
# Macro-F1 of table 2 of the paper, on these data sets; its XGBoost is gblinear here.
PAPER = {
    "KNN": {
        "none": (0.82, 0.67, 0.79, 0.83, 0.89, 0.56),
        "averaging": (0.84, 0.65, 0.68, 0.51, 0.88, 0.55),
        "SMOTE": (0.88, 0.61, 0.71, 0.53, 0.89, 0.56),
        "BorderlineSMOTE": (0.91, 0.63, 0.73, 0.53, 0.89, 0.60),
        "SVMSMOTE": (0.91, 0.66, 0.76, 0.56, 0.89, 0.62),
        "ADASYN": (0.88, 0.60, 0.69, 0.60, 0.89, 0.55),
        "AutoSMOTE": (0.94, 0.70, 0.81, 0.87, 0.89, 0.62),
        "MixBoost": (0.83, 0.72, 0.81, 0.85, 0.89, 0.56),
        "MixAnN": (0.96, 0.75, 0.84, 0.96, 0.91, 0.62),
    },
    "gblinear": {
        "none": (0.91, 0.73, 0.80, 0.64, 0.79, 0.67),
        "averaging": (0.90, 0.76, 0.70, 0.49, 0.83, 0.63),
        "SMOTE": (0.85, 0.88, 0.62, 0.59, 0.84, 0.64),
        "BorderlineSMOTE": (0.86, 0.89, 0.60, 0.47, 0.83, 0.64),
        "SVMSMOTE": (0.88, 0.86, 0.68, 0.60, 0.82, 0.65),
        "ADASYN": (0.82, 0.89, 0.55, 0.35, 0.82, 0.65),
        "AutoSMOTE": (0.93, 0.90, 0.81, 0.83, 0.62, 0.66),
        "MixBoost": (0.86, 0.57, 0.68, 0.50, 0.73, 0.63),
        "MixAnN": (0.98, 0.92, 0.83, 1.00, 0.84, 0.70),
    },
    "MLP": {
        "none": (0.92, 0.53, 0.81, 0.83, 0.80, 0.71),
        "averaging": (0.82, 0.61, 0.66, 0.50, 0.82, 0.69),
        "SMOTE": (0.91, 0.59, 0.67, 0.51, 0.83, 0.71),
        "BorderlineSMOTE": (0.88, 0.59, 0.70, 0.49, 0.82, 0.72),
        "SVMSMOTE": (0.93, 0.65, 0.78, 0.53, 0.83, 0.72),
        "ADASYN": (0.93, 0.59, 0.65, 0.50, 0.84, 0.70),
        "AutoSMOTE": (0.94, 0.70, 0.82, 0.95, 0.66, 0.73),
        "MixBoost": (0.62, 0.52, 0.78, 0.86, 0.76, 0.61),
        "MixAnN": (0.96, 0.79, 0.85, 0.95, 0.85, 0.76),
    },
}
# Table 3: macro-F1 of detectors, and the best of MixAnN's over the classifiers.
PAPER_DETECTORS = {
    "XGBOD": (0.76, 0.52, 0.65, 0.64, 0.84, 0.63),
    "DevNet": (0.93, 0.62, 0.79, 1.00, 0.71, 0.73),
    "DeepSAD": (0.80, 0.59, 0.65, 0.80, 0.75, 0.72),
}
PAPER_BEST = (0.98, 0.92, 0.85, 1.00, 0.91, 0.76)
# Table 4: macro precision, recall and F1 on vowels.
PAPER_ABLATIONS = {
    "DDPG": ("both", "0.99/0.93/0.96"),
    "DDPG, improvement": ("improvement, Eq. 5", "0.98/0.71/0.79"),
    "DDPG, confidence": ("confidence, Eq. 6", "0.98/0.64/0.71"),
    "DDPG, random reward": ("random", "0.85/0.60/0.66"),
}
SCORES = ("f1", "precision", "recall", "average_precision", "brier")
DRAWN = ("none", "tuned threshold", "averaging", "SMOTE", "tuned family", "MixAnN")
# Arms of what MixAnN learns from, and from what it begins.
LEARNED = ("MixAnN", "random reward", "DDPG, unguarded", "DDPG, random reward")

Rows = dict[tuple[str, str, str], dict[str, Any]]


def by_case(content: dict[str, Any]) -> Rows:
    """Rows of a summary by data set, classifier and arm."""
    return {
        (row["data"], row.get("classifier", ""), row["arm"]): row
        for row in content["summary"]
        if row.get("f1")
    }


def arms_of(rows: Rows, classifier: str) -> list[str]:
    """Arms in the order of the summary, without what a guard has held back."""
    names = dict.fromkeys(arm for _, name, arm in rows if name == classifier)
    return [name for name in names if not name.endswith(", unguarded")]


def short(pair: list[float | None]) -> str:
    """A mean difference of scores and its standard error, both below 1."""
    return change(pair, 3).replace("0.", ".")


def level(row: dict[str, Any] | None, name: str = "f1") -> str:
    """A mean score, and what is missing."""
    if row is None:
        return ""
    return f"{row[name][0]:.3f}" + (" *" if row.get("failed") else "")


def horizontal_table(rows: Rows, classifier: str) -> str:
    """Macro-F1 as the rows are, and what each arm gains."""
    table = []
    for arm in arms_of(rows, classifier):
        cells = []
        for data in TITLES:
            row = rows.get((data, classifier, arm))
            if row is None or arm == "none":
                cells.append(level(row))
            else:
                cells.append(short(row["minus none"]["f1"]))
        over = rows.get(("all", classifier, arm))
        mean = ""
        if over is not None:
            mean = f"{over['f1']:.3f}" if arm == "none" else short(over["minus none"])
        cost = seconds(mean_seconds(rows, classifier, arm))
        table.append([arm, mean, *cells, cost])
    return rst(["", "mean", *TITLES.values(), "CPU s"], table)


def mean_seconds(rows: Rows, classifier: str, arm: str) -> float:
    """CPU seconds of sampling and fitting, in the mean of the data sets."""
    own = [
        rows[key] for key in rows if key[0] in TITLES and key[1:] == (classifier, arm)
    ]
    return sum(r["sampler_seconds"] + r["fit_seconds"] for r in own) / len(own)


def difference_table(rows: Rows) -> str:
    """MixAnN minus each rival, with nearest neighbours, in both standard errors."""
    table = []
    for arm in arms_of(rows, "KNN"):
        if arm == "MixAnN":
            continue
        cells = []
        for data in TITLES:
            row = rows.get((data, "KNN", arm))
            if row is None:
                cells.append("")
                continue
            mean, error, plain = row["minus MixAnN"]["f1"]
            text = short([-mean, error])
            cells.append(
                text if plain is None else f"{text} ({plain:.3f})".replace("(0", "(")
            )
        table.append([arm, *cells])
    return rst(["", *TITLES.values()], table)


def guard_table(rows: Rows) -> str:
    """What the guard lets through: gains, and how often rows are mixed."""
    table = []
    for classifier in CLASSIFIERS:
        cells = []
        for data in TITLES:
            row = rows.get((data, classifier, "MixAnN"))
            if row is None:
                cells.append("")
                continue
            gain = short(row["minus none"]["f1"])
            cells.append(f"{gain}, {100 * row['accepted']:.0f} %")
        table.append([classifier, *cells])
    return rst(["", *TITLES.values()], table)


def guard_figure(rows: Rows) -> plt.Figure:
    """Gain of MixAnN over no mixing, with and without guard."""
    figure, axes = plt.subplots(
        1, len(CLASSIFIERS), figsize=(11, 3), sharey=True, squeeze=False
    )
    for ax, classifier in zip(axes[0], CLASSIFIERS, strict=True):
        for place, data in enumerate(TITLES):
            for arm, offset, style in (
                ("MixAnN", -0.15, STYLES[0]),
                ("MixAnN, unguarded", 0.15, {"color": GREY, "marker": "s"}),
            ):
                row = rows.get((data, classifier, arm))
                if row is not None:
                    gain, error, _ = row["minus none"]["f1"]
                    ax.errorbar(
                        gain,
                        place + offset,
                        xerr=error,
                        capsize=2,
                        label=arm,
                        **style,
                    )
        ax.axvline(0, color=GREY, linewidth=0.8)
        ax.set_yticks(range(len(TITLES)), TITLES.values())
        ax.set_title(classifier)
        ax.set_xlabel("macro-F1 minus\nno mixing")
    axes[0, 0].invert_yaxis()
    found = dict(zip(*axes[0, 0].get_legend_handles_labels()[::-1], strict=True))
    figure.legend(found.values(), found, loc="outside lower center", ncols=2)
    return figure


def scores_table(rows: Rows) -> str:
    """Five scores in the mean of the data sets."""
    table = []
    for classifier in CLASSIFIERS:
        for arm in arms_of(rows, classifier):
            cases = [(data, classifier, arm) for data in TITLES]
            if arm not in DRAWN or not all(case in rows for case in cases):
                continue
            own = [rows[case] for case in cases]
            means = [sum(r[name][0] for r in own) / len(own) for name in SCORES]
            cells = [f"{mean:.3f}" for mean in means]
            table.append([f"{classifier}: {arm}", *cells])
    names = ("F1", "precision", "recall", "average precision", "Brier score")
    return rst(["", *names], table)


def horizontal_figure(rows: Rows) -> plt.Figure:
    """Macro-F1 of each arm by data set and classifier."""
    figure, axes = plt.subplots(2, 3, figsize=(11, 6.5), sharey=True)
    for ax, (data, title) in zip(axes.flat, TITLES.items(), strict=True):
        for offset, (classifier, style) in enumerate(
            zip(CLASSIFIERS, STYLES, strict=False)
        ):
            found = [rows.get((data, classifier, arm)) for arm in DRAWN]
            shown = [(i, row["f1"]) for i, row in enumerate(found) if row]
            if not shown:
                continue
            ax.errorbar(
                [f1[0] for _, f1 in shown],
                [place + 0.14 * (offset - 2) for place, _ in shown],
                xerr=[f1[1] or 0 for _, f1 in shown],
                linestyle="none",
                capsize=2,
                markersize=5,
                label=classifier,
                **style,
            )
        ax.set_yticks(range(len(DRAWN)), DRAWN)
        ax.set_title(title)
        ax.set_xlabel("macro-F1 and its standard error")
        ax.grid(axis="x", alpha=0.3)
    axes[0, 0].invert_yaxis()
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=5
    )
    return figure


def paper_table(rows: Rows, classifier: str) -> str:
    """Macro-F1 beside the paper's."""
    table = []
    for arm, theirs in PAPER[classifier].items():
        cells = []
        for data, figure in zip(TITLES, theirs, strict=True):
            ours = rows.get((data, classifier, arm))
            cells.append(
                f"{ours['f1'][0]:.2f} / {figure:.2f}" if ours else f"/ {figure:.2f}"
            )
        table.append([arm, *cells])
    return rst(["here / paper", *TITLES.values()], table)


def learning_table(rows: Rows) -> str:
    """What policies are found by, against the hand-set ones."""
    table = []
    for arm in LEARNED:
        found = [rows.get((data, "KNN", arm)) for data in TITLES]
        cells = [
            short(row["minus hand-set policies"]["f1"]) if row else "" for row in found
        ]
        over = rows.get(("all", "KNN", arm))
        mean = short(over["minus hand-set policies"]) if over else ""
        table.append([arm, *cells, mean])
    return rst(["minus hand-set", *TITLES.values(), "mean"], table)


def ablation_table(rows: Rows) -> str:
    """Table 4 of the paper, and ours."""
    table = []
    for arm, (name, theirs) in PAPER_ABLATIONS.items():
        # The others have no guard.
        row = rows.get(("vowels", "KNN", "DDPG, unguarded" if arm == "DDPG" else arm))
        if row is not None:
            cells = [f"{row[s][0]:.3f}" for s in ("precision", "recall", "f1")]
            error = row["f1"][1]
            cells[2] += "" if error is None else f" ± {error:.3f}"
            table.append([name, *cells, theirs])
    return rst(["reward", "precision", "recall", "F1", "paper"], table)


def vertical_table(content: dict[str, Any]) -> str:
    """Detectors that know labels, and MixAnN."""
    rows = by_case(content)
    table = []
    for arm in dict.fromkeys(arm for _, _, arm in rows):
        found = [rows.get((data, "", arm)) for data in TITLES]
        theirs = PAPER_DETECTORS.get(arm.removesuffix(", best threshold"))
        if arm in PAPER_DETECTORS and arm != "XGBOD":
            # What the paper reports of these is the best threshold.
            theirs = None
        cells = []
        for place, row in enumerate(found):
            text = level(row)
            cells.append(f"{text} / {theirs[place]:.2f}" if theirs else text)
        cost = [
            row["fit_seconds"] + row.get("sampler_seconds", 0) for row in found if row
        ]
        table.append([arm, *cells, seconds(sum(cost) / len(cost))])
    table.append(["the paper's MixAnN", *(f"/ {f1:.2f}" for f1 in PAPER_BEST), ""])
    return rst(["", *TITLES.values(), "CPU s"], table)


def cost_table(content: dict[str, Any]) -> str:
    """CPU seconds and memory with the votes of nearest rows."""
    table = []
    for row in content["summary"]:
        own = [
            figure
            for figure in content["figures"]
            if (figure["sampler"], figure["data"]) == (row["sampler"], row["data"])
        ]
        size = f"{own[0]['rows']:,} x {own[0]['columns']}".replace(",", " ")
        table.append(
            [
                f"{row['sampler']}, {TITLES[row['data']]}",
                size,
                seconds(row["cpu_seconds"]),
                f"{row['peak_megabytes']:.0f}",
                f"{row['megabytes_more']:.0f}",
            ]
        )
    official = seconds(content["official_autosmote_cpu_seconds"])
    table.append([f"official AutoSMOTE, {TITLES['vowels']}", "", official, "", ""])
    return rst(["", "training rows", "CPU s", "peak MB", "of which its own"], table)


def fits_table(content: dict[str, Any]) -> str:
    """Fits of a given classifier, and what they take of the time."""
    by_classifier: dict[str, list[str]] = {}
    for figure in content["classifiers"]:
        times = [seconds(figure[name]) for name in ("of_which_fits", "cpu_seconds")]
        cell = f"{figure['fits']}: {times[0]} of {times[1]}"
        by_classifier.setdefault(figure["classifier"], []).append(cell)
    table = [[name, *cells] for name, cells in by_classifier.items()]
    return rst(["fits: their s of all CPU s", *TITLES.values()], table)


def limit_table(content: dict[str, Any]) -> str:
    """Seconds asked for, and seconds taken."""
    cells: dict[tuple[str, str], dict[float, str]] = {}
    for figure in content["max_time"]:
        taken = f"{figure['seconds']:.2f}" + ("" if figure["judged"] else ", back")
        row = cells.setdefault((figure["classifier"], figure["data"]), {})
        row[figure["max_time"]] = taken
    limits = sorted({limit for row in cells.values() for limit in row})
    table = [
        [f"{classifier}, {TITLES[data]}", *(row[limit] for limit in limits)]
        for (classifier, data), row in cells.items()
    ]
    return rst(["max_time", *(f"{limit:g} s" for limit in limits)], table)


def make_all(
    read: Callable[[str], dict[str, Any] | None],
) -> Iterator[tuple[str, str | plt.Figure]]:
    """Name and text of each table, name and figure of each figure."""
    if content := read("imbalance"):
        rows = by_case(content)
        for classifier in CLASSIFIERS:
            yield file_name(classifier), horizontal_table(rows, classifier)
        yield "imbalance", horizontal_figure(rows)
        yield "imbalance_differences", difference_table(rows)
        yield "imbalance_guard", guard_table(rows)
        yield "imbalance_guard", guard_figure(rows)
        yield "imbalance_scores", scores_table(rows)
        for classifier in PAPER:
            yield file_name(classifier) + "_paper", paper_table(rows, classifier)
        yield "imbalance_learning", learning_table(rows)
        yield "imbalance_ablations", ablation_table(rows)
    if content := read("vertical"):
        yield "vertical", vertical_table(content)
    if content := read("imbalance_cost"):
        yield "imbalance_cost", cost_table(content)
        yield "imbalance_fits", fits_table(content)
        yield "imbalance_limits", limit_table(content)


def file_name(classifier: str) -> str:
    """What the table of a classifier is called."""
    return "imbalance_" + classifier.lower().replace(" ", "_")


def nothing_yet() -> Iterator[tuple[str, str | plt.Figure]]:
    """The same names, where there are no results."""
    others = ("differences", "guard", "scores", "learning", "ablations")
    for name in (*others, "cost", "fits", "limits"):
        yield f"imbalance_{name}", NOTHING
    for classifier in CLASSIFIERS:
        yield file_name(classifier), NOTHING
    for classifier in PAPER:
        yield file_name(classifier) + "_paper", NOTHING
    yield "vertical", NOTHING
    for name in ("imbalance", "imbalance_guard"):
        yield name, nothing_drawn()
