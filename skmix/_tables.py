"""Tables of what a comparison says: as text and as HTML."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape
from typing import Any

import numpy as np

# Blue and vermilion, as readable on white as in a dark notebook.
_COLORS = {1: "color:#1f80cc;font-weight:600", -1: "color:#cf5b1a;font-weight:600"}

# What a cell says, and its sign if it is a difference beyond its error.
Cell = tuple[str, int]
# Caption and columns.
Table = tuple[str, dict[str, list[Cell]]]


def sign(difference: float, error: float) -> int:
    """Sign of a difference, 0 if it is not beyond its error."""
    return int(np.sign(difference)) if abs(difference) > error else 0


def with_error(difference: float, error: float, places: int | None = None) -> str:
    """Write a difference and its error, by default to two digits of the error."""
    places = places_of([error]) if places is None else places
    text = write(difference, places, "+")
    return text if np.isnan(error) else f"{text} ± {write(error, places)}"


def gain_cell(record: dict[str, Any], key: str, places: int) -> Cell:
    """Make a cell of a difference, which is beyond its error or not."""
    difference, error = record[key], record[f"{key}_se"]
    return with_error(difference, error, places), sign(difference, error)


def places_of(errors: Iterable[float]) -> int:
    """Decimal places that show two digits of a typical error."""
    errors = [error for error in errors if error > 0]
    return int(1 - np.floor(np.log10(np.median(errors)))) if errors else 4


def write(value: float, places: int, plus: str = "") -> str:
    """Write a number; a dash where there is none."""
    if np.isnan(value):
        return "-"
    return f"{value:{plus}.{max(places, 0)}f}" if places <= 6 else f"{value:{plus}.1e}"


def share(value: float) -> str:
    """Write a share in percent; a dash where there is none."""
    return "-" if np.isnan(value) else f"{value:.0%}"


def write_text(tables: list[Table], verdict: str, *, n_names: int) -> str:
    """Write tables as aligned columns, and the verdict; names stand on the left."""
    lines = []
    for caption, columns in tables:
        lines.append(caption)
        texts = [[name, *(text for text, _ in columns[name])] for name in columns]
        widths = [max(map(len, column)) for column in texts]
        for row in zip(*texts, strict=True):
            cells = [
                text.ljust(width) if place < n_names else text.rjust(width)
                for place, (text, width) in enumerate(zip(row, widths, strict=True))
            ]
            lines.append("  ".join(cells).rstrip())
        lines.append("")
    return "\n".join([*lines, verdict])


def write_html(tables: list[Table], verdict: str, *, n_names: int) -> str:
    """Write tables as HTML, and the verdict; names stand on the left."""
    parts = []
    for caption, columns in tables:
        header = [(name, 0) for name in columns]
        body = "\n".join(
            _html_row(row, "td", n_names) for row in zip(*columns.values(), strict=True)
        )
        parts.append(
            '<table style="color:inherit;border-collapse:collapse;margin-bottom:1em">\n'
            '<caption style="text-align:left;color:inherit">'
            f"{escape(caption)}</caption>\n"
            f"<thead>{_html_row(header, 'th', n_names)}</thead>\n"
            f"<tbody>\n{body}\n</tbody></table>"
        )
    parts += [f"<p>{escape(line)}</p>" for line in verdict.splitlines()]
    return "\n".join(["<div>", *parts, "</div>"])


def _html_row(cells: Iterable[Cell], tag: str, n_names: int) -> str:
    row = ""
    for place, (text, better) in enumerate(cells):
        kind, align = ("th", "left") if place < n_names else (tag, "right")
        style = f"text-align:{align};padding:2px 8px;{_COLORS.get(better, '')}"
        row += f'<{kind} style="{style}">{escape(text)}</{kind}>'
    return f"<tr>{row}</tr>"
