"""What fitting how people see mixes costs, and labelling a million mixes by it.

    python benchmarks/compare/human_cost.py

CPU seconds of one thread, the best of several turns: all curves of the policy fitted to
the 4950 answers of H-Mix, relabelling of its 2070 images, and soft labels of a million
mixes, with classes as numbers, as text in a data frame, and as categories.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
import pandas as pd
from report import RESULTS, Stopwatch, machine, write_json

from skmix.human import HumanMixPolicy, load_hmix, relabel

CURVES = ("identity", "isotonic", "global", "class_tilt", "pair")
N_MIXES = 1_000_000
TURNS = 5


def best(do):
    """CPU seconds of the fastest of some turns."""
    seconds = []
    for _ in range(TURNS):
        watch = Stopwatch()
        do()
        seconds.append(watch.read())
    return min(seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    answers = load_hmix()
    answers = answers.take(answers.kind == "infer")
    X, y = answers.X, answers.y
    seconds = {
        f"fit {curve}": best(lambda curve=curve: HumanMixPolicy(curve).fit(X, y))
        for curve in CURVES
    }
    seconds["fit all curves"] = sum(seconds.values())
    seconds["relabel 2070 images"] = best(lambda: relabel(answers))
    rng = np.random.RandomState(0)
    a = rng.randint(0, 5, N_MIXES)
    b = rng.randint(5, 10, N_MIXES)
    part = rng.uniform(size=N_MIXES)
    names = np.unique(answers.label_a.tolist() + answers.label_b.tolist())
    texts = pd.DataFrame({"a": names[a], "b": names[b], "part": part})
    codes = np.column_stack([a, b, part])
    of_names = HumanMixPolicy().fit(pd.DataFrame(X, columns=texts.columns), y)
    place = (
        np.searchsorted(names, answers.label_a),
        np.searchsorted(names, answers.label_b),
    )
    of_codes = HumanMixPolicy().fit(np.column_stack([*place, answers.lam]), y)
    kinds = texts.astype({"a": "category", "b": "category"})
    seconds["label a million, numbers"] = best(lambda: of_codes.predict_label(codes))
    seconds["label a million, text"] = best(lambda: of_names.predict_label(texts))
    seconds["label a million, categories"] = best(lambda: of_names.predict_label(kinds))
    write_json(
        options.out / "human_cost.json",
        {"machine": machine(), "seconds": seconds, "turns": TURNS},
    )
    for name, value in seconds.items():
        print(f"{name}: {value:.3f} s")


if __name__ == "__main__":
    main()
