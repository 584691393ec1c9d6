"""Learned copies of rows next to fixed ones, to plain ones and to none.

    python benchmarks/compare/augmentation.py

Few rows to train on, and all others to test on. All arms of a part have the same rows
and seeds, so that differences are paired. "fixed" is the same augmentation with the
amounts that it begins with, which are those of a careful hand. Seeds from 200 on; those
below 200 were for development.

The texts are parts of sentences of scikit-learn's descriptions of its data sets, to be
told apart by data set: they show that the path runs, and are no ground for a claim.

A finished part is kept in a scratch file, where an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import re
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np
import torch
from problems import MAX_TEST_ROWS
from report import RESULTS, Scratch, machine, paired, write_json
from sklearn import datasets as bundled
from sklearn.base import clone, is_classifier
from sklearn.compose import make_column_selector, make_column_transformer
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import balanced_accuracy_score, r2_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from weighting_arms import DOWNSTREAM, make_estimator

from skmix.datasets import load_abalone, load_annthyroid, load_energy
from skmix.weighting import LearnedAugmenter, LearnedTextAugmenter

SEEDS = range(200, 210)
N_COPIES = 3
# Rows to train on.
SIZES = {
    "digits": 100,
    "breast cancer": 50,
    "annthyroid": 400,
    "energy": 100,
    "abalone": 200,
    "texts": 70,
}
REGRESSION = ("energy", "abalone")
DESCRIBED = ("iris", "wine", "breast_cancer", "diabetes", "digits")


def load(data):
    """Features and targets of all rows."""
    if data == "texts":
        return load_sentences()
    if data in ("digits", "breast cancer"):
        return getattr(bundled, f"load_{data.replace(' ', '_')}")(return_X_y=True)
    read = {
        "annthyroid": load_annthyroid,
        "energy": load_energy,
        "abalone": load_abalone,
    }[data]
    X, y = read(return_X_y=True, as_frame=True)
    y = y.to_numpy().reshape(len(X), -1)[:, 0]
    return (X if data == "abalone" else X.to_numpy(float)), y


def load_sentences():
    """Parts of sentences, of five words or more, and what data set they are about."""
    texts, labels = [], []
    for name in DESCRIBED:
        text = getattr(bundled, f"load_{name}")().DESCR
        for sentence in re.split(r"[.:|,;()]\s", re.sub(r"\s+", " ", text)):
            if len(re.findall(r"[A-Za-z]{2,}", sentence)) >= 5:
                texts.append(sentence.strip())
                labels.append(name)
    return np.array(texts, dtype=object), np.array(labels)


def make_model(name, data, seed):
    """An estimator behind what makes numbers of rows."""
    if data == "texts":
        return make_pipeline(TfidfVectorizer(), LogisticRegression(max_iter=500))
    task = "regression" if data in REGRESSION else "classification"
    model = make_estimator(name, task, seed)
    if data != "abalone":
        return make_pipeline(StandardScaler(), model)
    encode = make_column_transformer(
        (
            OneHotEncoder(handle_unknown="ignore"),
            make_column_selector(dtype_exclude=float),
        ),
        (StandardScaler(), make_column_selector(dtype_include=float)),
    )
    return make_pipeline(encode, model)


def make_augmenter(data, seed, **params):
    """What learns copies of the rows of a data set."""
    params |= {"n_copies": N_COPIES, "random_state": seed}
    if data == "texts":
        return LearnedTextAugmenter(**params)
    if data == "digits":
        params["image_shape"] = (1, 8, 8)
    task = "regression" if data in REGRESSION else "classification"
    return LearnedAugmenter(task=task, **params)


def take(rows, places):
    """Some rows of an array or of a data frame."""
    return rows.iloc[places] if hasattr(rows, "iloc") else rows[places]


def none(X, y, model, data, seed):
    return X, y, None


def plain(X, y, model, data, seed):
    """The same rows some times over."""
    again = np.tile(np.arange(len(y)), 1 + N_COPIES)
    return take(X, again), y[again], None


def fixed(X, y, model, data, seed):
    """Copies with the amounts that learning begins with."""
    augmenter = make_augmenter(data, seed, guard=False)
    augmenter.set_params(warm_up=augmenter.max_iter)
    return *augmenter.fit_resample(X, y), None


def learned(X, y, model, data, seed, guard=False):
    """Copies with learned amounts."""
    augmenter = make_augmenter(data, seed, guard=guard, estimator=clone(model))
    X_new, y_new = augmenter.fit_resample(X, y)
    return X_new, y_new, augmenter.accepted_


ARMS = {
    "no copies": none,
    "plain copies": plain,
    "fixed": fixed,
    "learned": learned,
    "learned, guarded": partial(learned, guard=True),
}


def one_part(data, seed):
    """Scores by arm and estimator, in hundredths; what was accepted; seconds by arm."""
    X, y = load(data)
    order = np.random.RandomState(seed).permutation(len(y))
    train, test = order[: SIZES[data]], order[SIZES[data] :][:MAX_TEST_ROWS]
    result = {"score": {}, "accepted": {}, "seconds": {}}
    names = ("linear",) if data == "texts" else DOWNSTREAM
    for name, arm in ARMS.items():
        start = time.process_time()
        result["score"][name], accepted = {}, {}
        made = None
        for kind in names:
            model = make_model(kind, data, seed)
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                # Only the guard's copies depend on the estimator.
                if made is None or "guarded" in name:
                    made = arm(take(X, train), y[train], model, data, seed)
                model.fit(*made[:2])
            score = balanced_accuracy_score if is_classifier(model) else r2_score
            value = score(y[test], model.predict(take(X, test)))
            result["score"][name][kind] = 100 * value
            accepted[kind] = made[2]
        result["seconds"][name] = time.process_time() - start
        if "guarded" in name:
            result["accepted"][name] = accepted
    return result


def summary(parts):
    """A row to each data set, estimator and arm."""
    rows = []
    for data in SIZES:
        results = [r for part, r in parts.items() if part.split("/")[0] == data]
        for kind in results[0]["score"]["no copies"] if results else ():
            for arm in ARMS:
                own = np.array([r["score"][arm][kind] for r in results])
                row = {
                    "data": data,
                    "estimator": kind,
                    "arm": arm,
                    "seeds": len(own),
                    "score": [own.mean(), own.std(ddof=1) if len(own) > 1 else None],
                }
                for other in ("no copies", "plain copies", "fixed"):
                    if other != arm:
                        theirs = [r["score"][other][kind] for r in results]
                        row[f"minus {other}"] = paired(own, theirs)
                if arm in results[0]["accepted"]:
                    row["accepted"] = np.mean(
                        [r["accepted"][arm][kind] for r in results]
                    )
                row["seconds"] = np.mean([r["seconds"][arm] for r in results])
                rows.append(row)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--scratch", type=Path, default=Path("augmentation.jsonl"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings = {"sizes": SIZES, "copies": N_COPIES}
    scratch = Scratch(options.scratch, settings)
    for seed in options.seeds:
        for data in options.data:
            part = f"{data}/{seed}"
            if part not in scratch.read():
                scratch.write(part, one_part(data, seed))
                print(part, flush=True)
    parts = dict(sorted(scratch.read().items()))
    content = {"settings": settings, "machine": machine(), "summary": summary(parts)}
    write_json(options.out / "augmentation.json", content | {"parts": parts})
    for row in content["summary"]:
        gain = row.get("minus no copies", "")
        print(*(row[k] for k in ("data", "estimator", "arm", "score")), gain)


if __name__ == "__main__":
    main()
