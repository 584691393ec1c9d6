"""The tables and figures of the documentation, from the results of the benchmarks.

    python benchmarks/compare/tables.py --out FOLDER

prints each table as reStructuredText and writes it to FOLDER/<name>.rst, and the
figures to FOLDER/<name>.svg. Where there are no results yet, they say so.
"""

from __future__ import annotations

import argparse
import json
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import active_tables
import human_tables
import imbalance_tables
import matplotlib.pyplot as plt
import regression_tables
import scaling_tables
import weighting_tables

RESULTS = Path(__file__).parent / "results"


def read(results: Path, name: str) -> dict[str, Any] | None:
    """What a script has measured, if it has."""
    path = results / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--results", type=Path, default=RESULTS)
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    modules = (
        regression_tables,
        imbalance_tables,
        active_tables,
        weighting_tables,
        human_tables,
        scaling_tables,
    )
    made_of = partial(read, options.results)
    with plt.rc_context({"figure.constrained_layout.use": True, "svg.hashsalt": ""}):
        for name, made in chain(
            *(module.nothing_yet() for module in modules),
            *(module.make_all(made_of) for module in modules),
        ):
            if isinstance(made, str):
                (options.out / f"{name}.rst").write_text(made + "\n")
                print(f".. {name}\n\n{made}\n")
            else:
                # Without the date: the same figures are the same files.
                made.savefig(options.out / f"{name}.svg", metadata={"Date": None})
                plt.close(made)


if __name__ == "__main__":
    main()
