"""MixAnN next to what else is done about rare classes, on the data of its paper.

    python benchmarks/compare/imbalance.py

The paper's protocol: four fifths of the rows to train on, one fifth to test on, drawn
by class, and standardised by the former. Whatever chooses does so by cross-validation
inside the training rows. Five splits, ten where it is cheap; all arms have the same
splits and seeds. Scores are macro averages, so that recall is the balanced accuracy.

Standard errors are corrected for the overlap of the training rows, as those of
compare_resamplers; those without the correction stand beside. A finished part is kept
in a scratch file, where an interrupted run goes on; an arm that fails is kept with its
error. The results are written at the end, also of a run that --max-minutes stops.
"""

from __future__ import annotations

import argparse
import time
import warnings
from functools import cache, lru_cache
from itertools import product
from pathlib import Path

import imblearn
import numpy as np
import torch
import xgboost
from imbalance_arms import ARMS, CLASSIFIERS, SLOW, Case, takes_part
from report import RESULTS, Scratch, machine, write_json
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import (
    average_precision_score,
    brier_score_loss,
    precision_recall_fscore_support,
)
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

from skmix import datasets
from skmix.metrics import paired_difference
from skmix.model_selection import corrected_paired_difference

DATA = (
    "vowels",
    "annthyroid",
    "mammography",
    "smtp",
    "satellite",
    "cifar10_airplane",
)
# These seeds for all; the later ones where they are cheap.
SEEDS, LATER_SEEDS = range(5), range(5, 10)
CHEAP = ("KNN", "logistic regression")
TEST_SIZE = 0.2
SCORES = ("f1", "precision", "recall", "average_precision", "brier")
REFERENCES = ("none", "MixAnN", "hand-set policies")
SECONDS = ("sampler_seconds", "fit_seconds")


@cache
def load(name):
    """Load a data set as arrays."""
    X, y = getattr(datasets, f"load_{name}")(return_X_y=True)
    return np.asarray(X, float), y


@lru_cache(maxsize=1)
def split(name, seed):
    """Standardised rows to train on and to test on, and their labels."""
    X, X_test, y, y_test = train_test_split(
        *load(name), test_size=TEST_SIZE, stratify=load(name)[1], random_state=seed
    )
    scaler = StandardScaler().fit(X)
    return scaler.transform(X), y, scaler.transform(X_test), y_test


def score(y, predicted, probability=None):
    """Scores of predictions; the last two where there are probabilities."""
    macro = precision_recall_fscore_support(
        y, predicted, average="macro", zero_division=0
    )
    scores = dict(zip(("precision", "recall", "f1"), macro[:3], strict=True))
    if probability is not None:
        scores["average_precision"] = average_precision_score(y, probability)
        scores["brier"] = brier_score_loss(y, probability)
    return scores


def one_part(data, classifier, seed, arm, episodes):
    """Scores and cost by the name of the outcome, or why there are none."""
    X, y, X_test, y_test = split(data, seed)
    case = Case(CLASSIFIERS[classifier](seed), X, y, seed, episodes)
    try:
        outcomes = ARMS[arm](case)
    except Exception as error:
        return {arm: {"error": f"{type(error).__name__}: {error}"}}
    return {
        name: {
            **score(
                y_test,
                made.model.predict(X_test),
                made.model.predict_proba(X_test)[:, 1],
            ),
            "rows_added": made.rows_added,
            "sampler_seconds": made.sampler_seconds,
            "fit_seconds": made.fit_seconds,
            **made.facts,
        }
        for name, made in outcomes.items()
    }


def plan(options):
    """What there is to do: KNN first, further seeds after the other classifiers."""
    given = options.seeds is not None
    seeds = options.seeds if given else [*SEEDS, *LATER_SEEDS]
    parts = [
        (data, classifier, seed, arm)
        for classifier, seed, data, arm in product(
            CLASSIFIERS, seeds, DATA, options.arms
        )
        if classifier in options.classifiers
        and data in options.data
        and takes_part(arm, classifier, data)
        and (given or seed in SEEDS or cheap(data, classifier, arm))
    ]
    return sorted(parts, key=lambda part: (part[1] == "MLP", part[2] in LATER_SEEDS))


def cheap(data, classifier, arm):
    """Whether further splits take minutes rather than hours."""
    return (classifier in CHEAP or data == "vowels") and arm not in SLOW


def with_error(values, reference=0.0):
    """Mean difference, its standard error, and what that is as if splits shared none.

    None where there is none: of no values, and the errors of one.
    """
    values = np.asarray(values)
    if not len(values):
        return None
    both = values, np.zeros_like(values) + reference
    mean, error = corrected_paired_difference(*both, test_train_ratio=TEST_SIZE / 0.8)
    if error != error:
        return [mean, None, None]
    return [mean, error, paired_difference(*both)[1]]


def summary(parts):
    """One row to each data set, classifier and arm, and to all data sets together."""
    cases = {}
    for name, outcomes in parts.items():
        data, classifier, seed, _ = name.split("/")
        for arm, result in outcomes.items():
            cases.setdefault((data, classifier), {}).setdefault(arm, {})[seed] = result
    rows = []
    for classifier, data in product(CLASSIFIERS, DATA):
        by_arm = cases.get((data, classifier), {})
        for arm in sorted(by_arm, key=place):
            row = {"data": data, "classifier": classifier, "arm": arm}
            rows.append(row | one_row_of(arm, by_arm, REFERENCES))
    return rows + over_data(rows)


def place(arm):
    """Where an arm stands: in their order, the unguarded after the guarded."""
    name = arm.removesuffix(", unguarded")
    return list(ARMS).index(name), name != arm


def one_row_of(arm, by_arm, references):
    """What the splits of a data set say about an arm."""
    known = {
        name: {seed: r for seed, r in by_seed.items() if "error" not in r}
        for name, by_seed in by_arm.items()
    }
    own = known[arm]
    row = {"splits": len(own)}
    errors = [r["error"] for r in by_arm[arm].values() if "error" in r]
    if errors:
        row |= {"failed": len(errors), "errors": sorted(set(errors))}
    names = [name for name in SCORES if any(name in r for r in own.values())]
    for name in names or SCORES:
        row[name] = with_error([r[name] for r in own.values()])
    for other in references:
        theirs = known.get(other, {})
        both = [seed for seed in own if seed in theirs]
        row[f"minus {other}"] = {
            name: with_error(
                [own[seed][name] for seed in both],
                np.array([theirs[seed][name] for seed in both]),
            )
            for name in names
        }
        gains = [own[seed]["f1"] - theirs[seed]["f1"] for seed in both]
        row[f"wins, losses to {other}"] = [
            sum(gain > 0 for gain in gains),
            sum(gain < 0 for gain in gains),
        ]
    for name in ("rows_added", "accepted", *SECONDS):
        values = [r[name] for r in own.values() if name in r]
        if values:
            row[name] = float(np.mean(values))
    return row


def over_data(rows):
    """Means over the data sets, where an arm has all of them that "none" has.

    Data sets are independent: these standard errors need no correction.
    """
    table = []
    for classifier, arm in dict.fromkeys((r["classifier"], r["arm"]) for r in rows):
        of_classifier = [r for r in rows if r["classifier"] == classifier]
        own = [r for r in of_classifier if r["arm"] == arm and r["splits"]]
        row = {"data": "all", "classifier": classifier, "arm": arm, "sets": len(own)}
        if len(own) < sum(r["arm"] == "none" for r in of_classifier):
            continue
        row["f1"] = float(np.mean([r["f1"][0] for r in own]))
        for other in REFERENCES:
            gains = [r[f"minus {other}"].get("f1") for r in own]
            if None not in gains:
                row[f"minus {other}"] = over_sets([gain[0] for gain in gains])
        table.append(row)
    return table


def over_sets(values):
    """Mean over data sets, and its standard error."""
    error = np.std(values, ddof=1) / np.sqrt(len(values)) if len(values) > 1 else None
    return [float(np.mean(values)), error]


def write(path, settings, parts):
    """Write summary and parts, and print what they say about macro-F1."""
    versions = {"xgboost": xgboost.__version__, "imblearn": imblearn.__version__}
    table = summary(parts)
    content = {
        "settings": settings,
        "machine": {**machine(), **versions},
        "summary": table,
        "parts": parts,
    }
    write_json(path, content)
    for row in table:
        print(row["data"], row["classifier"], row["arm"], row["f1"])


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", choices=DATA, default=list(DATA))
    parser.add_argument(
        "--classifiers", nargs="+", choices=CLASSIFIERS, default=list(CLASSIFIERS)
    )
    parser.add_argument("--arms", nargs="+", choices=ARMS, default=list(ARMS))
    parser.add_argument("--seeds", nargs="+", type=int)
    parser.add_argument("--ddpg-episodes", type=int, default=100)
    parser.add_argument("--max-minutes", type=float, default=np.inf)
    parser.add_argument("--scratch", type=Path, default=Path("imbalance.jsonl"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    warnings.filterwarnings("ignore", category=ConvergenceWarning)
    settings = {"ddpg_episodes": options.ddpg_episodes}
    scratch = Scratch(options.scratch, settings)
    end = time.monotonic() + 60 * options.max_minutes
    for part in plan(options):
        name = "/".join(map(str, part))
        if name in scratch.read():
            continue
        if time.monotonic() > end:
            break
        result = one_part(*part, options.ddpg_episodes)
        scratch.write(name, result)
        said = {k: round(v["f1"], 4) if "f1" in v else v for k, v in result.items()}
        print(name, said, flush=True)
    write(
        options.out / "imbalance.json", settings, dict(sorted(scratch.read().items()))
    )


if __name__ == "__main__":
    main()
