"""Tables and figures of the benchmarks of regression."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import matplotlib.pyplot as plt
from layout import GREY, NOTHING, STYLES, change, nothing_drawn, rst, seconds

# Table 2 of the paper: RMSE and R2 with standard deviations over trainings, minutes.
PAPER = {
    "no2": {
        "no augmentation": ("0.5165 ± 0.0008", "0.497", "0.02"),
        "mixup": ("0.5320 ± 0.0035", "0.477", "0.05"),
        "AdaMixUp": ("0.5266 ± 0.0031", "0.485", "5"),
        "global kNN": ("0.5188 ± 0.0014", "0.495", "6"),
        "MixRL reinforce": ("0.5012 ± 0.0006", "0.527", "185"),
        "MixRL + AdaMixUp": ("0.5014 ± 0.0007", "0.526", "285"),
    },
    "thin_film": {
        "no augmentation": ("15.55 ± 0.19", "0.715", "0.1"),
        "mixup": ("15.07 ± 0.06", "0.732", "1"),
        "AdaMixUp": ("14.85 ± 0.08", "0.737", "5"),
        "global kNN": ("13.77 ± 0.10", "0.774", "50"),
        "MixRL reinforce": ("13.25 ± 0.12", "0.790", "780"),
        "MixRL + AdaMixUp": ("13.13 ± 0.06", "0.793", "1240"),
    },
}
DIGITS = {"no2": 4, "thin_film": 2}
TITLES = {"no2": "NO2", "thin_film": "Thin film"}
ARMS = ("global kNN", "C-Mixup", "SMOGN", "MixRL", "stacking")


def paper_table(data: str, summary: dict[str, Any]) -> str:
    """The arms of the paper's protocol, next to the paper's own figures."""
    digits = DIGITS[data]
    most = max(row["splits"] for row in summary.values())
    rows = []
    for name, row in summary.items():
        fewer = f" ({row['splits']} splits)" if row["splits"] < most else ""
        cost = row["learn_seconds"] + row["train_seconds"]
        differences = [
            "" if name == other else change(row[f"minus {other}"], digits)
            for other in ("no augmentation", "global kNN", "random selection")
        ]
        rows.append(
            [
                name + fewer,
                f"{row['rmse']:.{digits}f}",
                f"{row['r2']:.3f}",
                *differences,
                seconds(cost),
                *PAPER[data].get(name, ("", "", "")),
            ]
        )
    header = [
        f"{most} splits",
        "RMSE",
        "R2",
        "minus no augmentation",
        "minus global kNN",
        "minus random",
        "CPU s",
        "paper: RMSE",
        "R2",
        "minutes",
    ]
    return rst(header, rows)


def paper_figure(results: dict[str, Any]) -> plt.Figure:
    """Differences to no augmentation, with two standard errors."""
    figure, axes = plt.subplots(
        1, len(results), figsize=(4.5 * len(results), 3.6), squeeze=False, sharey=True
    )
    for ax, (data, content) in zip(axes[0], results.items(), strict=True):
        summary = content["summary"]
        names = [name for name in summary if name != "no augmentation"]
        for place, name in enumerate(names):
            mean, error = summary[name]["minus no augmentation"]
            # What is trained on the held-out rows plays in another league.
            inside = not name.startswith("train +")
            style = STYLES[0] if inside else {"color": GREY, "marker": "s"}
            ax.errorbar(mean, place, xerr=2 * (error or 0), capsize=2, **style)
        ax.axvline(0, color=GREY, linewidth=0.8)
        ax.set_yticks(range(len(names)), names)
        counts = sorted({row["splits"] for row in summary.values()})
        ax.set_title(f"{TITLES[data]}, {' to '.join(map(str, counts))} splits")
        ax.locator_params(axis="x", nbins=5)
        ax.set_xlabel("RMSE minus no augmentation,\nwith two standard errors")
    axes[0, 0].invert_yaxis()
    return figure


def all_rows_table(summary: list[dict]) -> str:
    """Every arm over all models."""
    rows = []
    for arm in dict.fromkeys(row["arm"] for row in summary):
        by_n = {r["n"]: r for r in summary if r["arm"] == arm and r["model"] == "all"}
        if arm == "none":
            continue
        both = by_n["all"]
        failed = f", failed in {100 * both['failed']:.0f} %" if "failed" in both else ""
        rows.append(
            [
                arm + failed,
                *(
                    change(by_n[n]["percent"], 1) if n in by_n else ""
                    for n in (100, 200)
                ),
                change(both["minus global kNN"], 1),
                change(both["minus global kNN, guarded"], 1),
                f"{both['tables_better']} of {both['tables']}",
                f"{100 * both['harm']:.1f} %",
                f"{100 * both['accepted']:.0f} %" if "accepted" in both else "",
                seconds(both["cpu_seconds"]),
            ]
        )
    header = [
        "",
        "n = 100",
        "n = 200",
        "minus global kNN",
        "minus it, guarded",
        "tables better",
        "harm",
        "accepted",
        "CPU s",
    ]
    return rst(header, rows)


def by_model_table(summary: list[dict]) -> str:
    """The guarded arms and the control, for each model and number of rows."""
    arms = ("global kNN, guarded", "C-Mixup, guarded", "MixRL, guarded", "stacking")
    rows = []
    cases = dict.fromkeys((r["model"], r["n"]) for r in summary)
    for model, n in cases:
        if "all" in (model, n):
            continue
        found = {r["arm"]: r for r in summary if (r["model"], r["n"]) == (model, n)}
        mixrl = found["MixRL, guarded"]
        rows.append(
            [
                f"{model}, {n}",
                change(found["MixRL"]["percent"], 1),
                *(change(found[arm]["percent"], 1) for arm in arms),
                f"{100 * mixrl['harm']:.0f} %",
                f"{100 * mixrl['accepted']:.0f} %",
            ]
        )
    return rst(["model, n", "MixRL", *arms, "its harm", "accepted"], rows)


def all_rows_figure(summary: list[dict]) -> plt.Figure:
    """Change of the error for each model: what the guard hands out, and the rivals."""
    models = list(dict.fromkeys(r["model"] for r in summary if r["model"] != "all"))
    sizes = [n for n in dict.fromkeys(r["n"] for r in summary) if n != "all"]
    found = {(r["model"], r["n"], r["arm"]): r["percent"] for r in summary}
    arms = ("global kNN", "C-Mixup", "SMOGN", "MixRL", "MixRL, guarded", "stacking")
    figure, axes = plt.subplots(
        1, len(sizes), figsize=(4.5 * len(sizes), 4), squeeze=False, sharey=True
    )
    for ax, n in zip(axes[0], sizes, strict=True):
        for offset, (arm, style) in enumerate(zip(arms, STYLES, strict=True)):
            shown = [model for model in models if (model, n, arm) in found]
            ax.errorbar(
                [found[model, n, arm][0] for model in shown],
                [models.index(model) + 0.12 * (offset - 2.5) for model in shown],
                xerr=[found[model, n, arm][1] or 0 for model in shown],
                linestyle="none",
                capsize=2,
                markersize=5,
                label=arm,
                **style,
            )
        ax.axvline(0, color=GREY, linewidth=0.8)
        ax.set_yticks(range(len(models)), models)
        ax.set_title(f"{n} training rows")
        ax.set_xlabel("change of RMSE, %, and its standard error")
    axes[0, 0].invert_yaxis()
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=3
    )
    return figure


def shift_table(summary: list[dict]) -> str:
    """Change of the error against training without V, for each model."""
    tables = [key.removesuffix(" rmse") for key in summary[0] if key.endswith(" rmse")]
    rows = []
    for row in summary:
        if row["arm"] == "train only":
            continue
        accepted = f"{100 * row['accepted']:.0f} %" if "accepted" in row else ""
        rows.append(
            [
                f"{row['model']}: {row['arm']}",
                *(change(row[table], 1) for table in tables),
                change(row["percent of train only"], 1),
                accepted,
            ]
        )
    return rst(["", *tables, "mean of tables", "accepted"], rows)


def shift_figure(summary: list[dict]) -> plt.Figure:
    """Change of the error by table, for each model."""
    tables = [key.removesuffix(" rmse") for key in summary[0] if key.endswith(" rmse")]
    models = list(dict.fromkeys(row["model"] for row in summary))
    arms = ("global kNN", "random selection", "MixRL", "MixRL, guarded", "train + V")
    figure, axes = plt.subplots(
        1, len(models), figsize=(3.4 * len(models), 4), squeeze=False, sharey=True
    )
    for ax, model in zip(axes[0], models, strict=True):
        found = {row["arm"]: row for row in summary if row["model"] == model}
        for offset, (arm, style) in enumerate(zip(arms, STYLES, strict=False)):
            ax.errorbar(
                [found[arm][table][0] for table in tables],
                [place + 0.14 * (offset - 2) for place in range(len(tables))],
                xerr=[found[arm][table][1] or 0 for table in tables],
                linestyle="none",
                capsize=2,
                markersize=5,
                label=arm,
                **style,
            )
        ax.axvline(0, color=GREY, linewidth=0.8)
        ax.set_yticks(range(len(tables)), tables)
        ax.set_title(model)
        ax.set_xlabel("change of RMSE, %")
    axes[0, 0].invert_yaxis()
    figure.legend(
        *axes[0, 0].get_legend_handles_labels(), loc="outside lower center", ncols=5
    )
    return figure


def held_out_rows_table(summary: list[dict]) -> str:
    """Difference to training without V, by the number of rows in it."""
    arms = ("MixRL", "MixRL, guarded", "train + V")
    rows = [
        [
            f"{row['rule']}, {row['n_val']}",
            f"{row['rmse']:.1f}",
            *(change(row[arm], 1) for arm in arms),
            f"{100 * row['accepted']:.0f} %",
        ]
        for row in summary
    ]
    return rst(["training rows, V", "RMSE of train only", *arms, "accepted"], rows)


def cost_table(content: dict[str, Any]) -> str:
    """CPU seconds and peak memory."""
    rows = [
        [
            f["case"],
            f["data"],
            f"{f['n']:,}".replace(",", " "),
            seconds(f["cpu_seconds"]),
            f"{f['peak_megabytes']:.0f}",
        ]
        for f in content["figures"]
        if "literal" not in f["case"]
    ]
    literal = content["literal"]
    rows.append(
        [
            f"MixRL, literal, {literal['iterations']} iterations",
            "NO2",
            "200",
            f"{literal['cpu_seconds']:.0f}",
            "",
        ]
    )
    return rst(["", "data", "training rows", "CPU s", "peak MB"], rows)


def cost_figure(content: dict[str, Any]) -> plt.Figure:
    """CPU seconds by number of training rows."""
    figure, ax = plt.subplots(figsize=(5, 3.6))
    for line, style in zip(content["scaling"], STYLES, strict=False):
        label = f"{line['case']}: exponent {line['exponent']:.2f}"
        ax.loglog(line["n"], line["cpu_seconds"], label=label, **style)
    ax.set_xlabel("training rows")
    ax.set_ylabel("CPU seconds of a fit")
    ax.legend()
    return figure


def make_all(
    read: Callable[[str], dict[str, Any] | None],
) -> Iterator[tuple[str, str | plt.Figure]]:
    """Name and text of each table, name and figure of each figure."""
    by_data = {data: read(f"paper_protocol_{data}") for data in PAPER}
    by_data = {data: content for data, content in by_data.items() if content}
    for data, content in by_data.items():
        yield f"paper_protocol_{data}", paper_table(data, content["summary"])
    if by_data:
        yield "paper_protocol", paper_figure(by_data)
    if content := read("all_rows"):
        yield "all_rows", all_rows_table(content["summary"])
        yield "all_rows_by_model", by_model_table(content["summary"])
        yield "all_rows", all_rows_figure(content["summary"])
    if content := read("shift"):
        yield "shift", shift_table(content["summary"])
        yield "shift", shift_figure(content["summary"])
    if content := read("held_out_rows"):
        yield "held_out_rows", held_out_rows_table(content["summary"])
    if content := read("cost"):
        yield "cost", cost_table(content)
        yield "cost", cost_figure(content)


def nothing_yet() -> Iterator[tuple[str, str | plt.Figure]]:
    """The same names, where there are no results."""
    tables = [f"paper_protocol_{data}" for data in PAPER]
    for name in (*tables, "all_rows_by_model", "held_out_rows"):
        yield name, NOTHING
    yield "paper_protocol", nothing_drawn()
    for name in ("all_rows", "shift", "cost"):
        yield name, NOTHING
        yield name, nothing_drawn()
