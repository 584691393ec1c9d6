"""What tables and figures of the benchmarks have in common."""

from __future__ import annotations

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt

# Of the colour-blind-safe palette of Okabe and Ito, each with a mark of its own.
STYLES = [
    {"color": color, "marker": marker}
    for color, marker in zip(
        ("#0072B2", "#E69F00", "#009E73", "#CC79A7", "#56B4E9", "#D55E00"),
        "osD^vP",
        strict=True,
    )
]
GREY = "#7F7F7F"
NOTHING = "Not measured yet."


def rst(header: list[str], rows: list[list[str]]) -> str:
    """A simple table of reStructuredText; an empty first cell needs an escape."""
    lines = [[row[0] or "\\", *map(together, row[1:])] for row in (header, *rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    rule = "  ".join("=" * width for width in widths)
    texts = [
        "  ".join(c.ljust(w) for c, w in zip(line, widths, strict=True)).rstrip()
        for line in lines
    ]
    return "\n".join([rule, texts[0], rule, *texts[1:], rule])


def together(cell: str) -> str:
    """Keep a number with its error, and with its unit, on one line."""
    return cell.replace(" ± ", "\xa0±\xa0").replace(" %", "\xa0%")


def change(pair: list[float | None], digits: int) -> str:
    """A mean difference and its standard error."""
    mean, error = pair[:2]
    text = f"{mean:+.{digits}f}"
    return text if error is None else f"{text} ± {error:.{digits}f}"


def seconds(value: float) -> str:
    """CPU seconds with two digits or so."""
    return (
        f"{value:.2f}"
        if value < 1
        else f"{value:.1f}"
        if value < 10
        else f"{value:.0f}"
    )


def nothing_drawn() -> plt.Figure:
    """An empty figure that says why."""
    figure = plt.figure(figsize=(5, 1))
    figure.text(0.5, 0.5, NOTHING, ha="center", va="center")
    return figure
