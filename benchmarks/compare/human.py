"""Mixes with labels as people see them, next to those of mixup and to controls.

    python benchmarks/compare/human.py

Images: a small residual network on 1000 images of CIFAR-10, and as many mixes of them
with labels of different kinds: once, or anew in each epoch ("infinite"). The mixes that
people judged are of other images than those at hand, so labels come from the curves
that were fitted to the 4950 answers of H-Mix. Confidences are the mean ones of H-Mix at
the same part. Errors are on 2000 test images: cross-entropy, that under an attack by
the sign of the gradient (FGSM), and the calibration error of 15 bins.

Digits: logistic regression and a forest on 200 rows and as many mixes, with the curve
of all pairs, as nobody judged digits.

Where labels of people are used to evaluate (CIFAR-10H), the images are assumed to be
the first 200 of each class in the order of the test set. The same with the images of
each class shuffled tells whether that can be true.

A finished part is kept in a scratch file, where an interrupted run goes on.
"""

from __future__ import annotations

import argparse
import os
import time
import warnings
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
from report import RESULTS, Scratch, machine, paired, write_json
from sklearn.base import clone
from sklearn.datasets import load_digits
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from torch.nn.functional import cross_entropy, softmax
from weighting_arms import make_resnet

from skmix import ResampledClassifier
from skmix.human import HumanMixPolicy, load_cifar10h, load_hmix
from skmix.imbalance import MixupSampler

SEEDS = range(200, 205)
N_IMAGES, N_EPOCHS, BATCH, RATE = 1000, 30, 64, 2e-3
N_DIGITS = 200
EPSILON = 2 / 255
N_BINS = 15
N_SHUFFLES = 200
FINITE = ("none", "random", "uniform", "mixup", "people", "people, confident")
INFINITE = ("mixup, infinite", "people, infinite")


@lru_cache(maxsize=1)
def images():
    """Pool, test images and labels, and how people label the test images."""
    folder = Path(os.environ["SKMIX_DATA"])
    with np.load(folder / "images/cifar10_subset.npz") as file:
        X, y, X_test, y_test = (
            file[name] for name in ("X_pool", "y_pool", "X_test", "y_test")
        )
        names = [name.capitalize() for name in file["classes"].tolist()]
    people = load_cifar10h()
    # Test-set order within classes; the class is the one that most people chose.
    of_class = people.argmax(axis=1)
    order = [np.flatnonzero(of_class == k)[: (y_test == k).sum()] for k in range(10)]
    seen = np.empty((len(y_test), 10))
    for k in range(10):
        seen[y_test == k] = people[order[k]]

    def tensor(images):
        return torch.tensor(images.transpose(0, 3, 1, 2) / np.float32(255))

    return tensor(X), y, tensor(X_test), y_test, names, seen


@lru_cache(maxsize=1)
def judged():
    """Curves of pairs and of all, and the mean confidence by part."""
    answers = load_hmix()
    answers = answers.take(answers.kind == "infer")
    parts = np.unique(answers.lam)
    sure = [answers.confidence[answers.lam == part].mean() for part in parts]
    # It does not matter which class is named first.
    sure = (np.array(sure) + sure[::-1]) / 2
    return (
        HumanMixPolicy().fit(answers.X, answers.y),
        HumanMixPolicy("global").fit(answers.X, answers.y),
        lambda part: np.interp(part, parts, sure),
    )


def label_mixes(kind, first, second, part, names, rng):
    """Soft labels (m, 10) of mixes of two classes."""
    n = len(part)
    if kind.startswith("uniform"):
        return np.full((n, 10), 0.1)
    if kind.startswith("random"):
        return rng.dirichlet(np.ones(10), size=n)
    policy, _, sure = judged()
    rows = np.empty((n, 3), dtype=object)
    rows[:, 0], rows[:, 1] = np.array(names)[first], np.array(names)[second]
    rows[:, 2] = part
    if kind.startswith("mixup"):
        labels = np.zeros((n, 10))
        labels[np.arange(n), first] = part
        labels[np.arange(n), second] += 1 - part
        return labels
    confidence = sure(part) if "confident" in kind else None
    return policy.predict_label(rows, confidence)


def mix(kind, X, y, names, rng):
    """As many mixes as images, of two classes each, and their labels."""
    first, second = rng.permutation(len(y)), rng.permutation(len(y))
    part = rng.uniform(size=len(y))
    scale = torch.tensor(part, dtype=torch.float32)[:, None, None, None]
    labels = label_mixes(kind, y[first], y[second], part, names, rng)
    return scale * X[first] + (1 - scale) * X[second], torch.tensor(labels).float()


def train(kind, seed):
    """Train the network with mixes of a kind; give back its errors."""
    X, y, X_test, y_test, names, seen = images()
    rng = np.random.RandomState(seed)
    order = rng.permutation(len(y))[:N_IMAGES]
    X, y = X[order], y[order]
    one_hot = torch.eye(10)[y]
    torch.manual_seed(seed)
    network = make_resnet((3, 32, 32), 10)
    adam = torch.optim.Adam(network.parameters(), lr=RATE, weight_decay=1e-4)
    rows, labels = X, one_hot
    steps = N_EPOCHS * 2 * N_IMAGES // BATCH
    done = 0
    while done < steps:
        if kind != "none" and (done == 0 or "infinite" in kind):
            made, soft = mix(kind, X, y, names, rng)
            rows, labels = torch.cat([X, made]), torch.cat([one_hot, soft])
        # As many steps whatever the number of rows.
        for places in torch.randperm(len(rows)).split(BATCH):
            loss = cross_entropy(network(rows[places]), labels[places])
            adam.zero_grad()
            loss.backward()
            adam.step()
            done += 1
    network.eval()
    return evaluate(network, X_test, y_test, seen)


def evaluate(network, X, y, seen):
    """Errors of a network on test images."""
    target = torch.tensor(y)
    logits, attacked = [], []
    for places in torch.arange(len(X)).split(500):
        batch = X[places].clone().requires_grad_()
        outputs = network(batch)
        (gradient,) = torch.autograd.grad(
            cross_entropy(outputs, target[places], reduction="sum"), batch
        )
        with torch.no_grad():
            moved = (batch + EPSILON * gradient.sign()).clamp(0, 1)
            attacked.append(network(moved))
        logits.append(outputs.detach())
    logits, attacked = torch.cat(logits), torch.cat(attacked)
    proba = softmax(logits, dim=1).numpy()
    log_proba = logits.log_softmax(dim=1).numpy()
    rng = np.random.RandomState(0)

    def of_people(order):
        return float(-(seen[order] * log_proba).sum(axis=1).mean())

    shuffled = []
    for _ in range(N_SHUFFLES):
        order = np.arange(len(y))
        for k in range(10):
            order[y == k] = rng.permutation(order[y == k])
        shuffled.append(of_people(order))
    return {
        "accuracy": float((proba.argmax(axis=1) == y).mean()),
        "ce": float(cross_entropy(logits, target)),
        "fgsm": float(cross_entropy(attacked, target)),
        "calibration": calibration_error(proba, y),
        "ce of people": of_people(np.arange(len(y))),
        "ce of people, shuffled": [float(np.mean(shuffled)), float(np.std(shuffled))],
    }


def calibration_error(proba, y):
    """Mean distance of confidence from accuracy, in bins of confidence."""
    sure, right = proba.max(axis=1), proba.argmax(axis=1) == y
    place = np.minimum((sure * N_BINS).astype(int), N_BINS - 1)
    gap = np.bincount(place, sure, N_BINS) - np.bincount(place, right, N_BINS)
    return float(np.abs(gap).sum() / len(y))


class Labelled(MixupSampler):
    """Mixup with other soft labels of mixes: those of a control, or less sure ones."""

    def __init__(self, kind="mixup", *, policy=None, random_state=None):
        super().__init__(
            policy, alpha=1.0, sampling_strategy=None, random_state=random_state
        )
        self.kind = kind

    def _put_together(self, data, mixes):
        out = super()._put_together(data, mixes)
        n, n_classes = len(data), self.soft_labels_.shape[1]
        made = self.soft_labels_[n:]
        if self.kind == "uniform":
            made[:] = 1 / n_classes
        elif self.kind == "random":
            rng = np.random.RandomState(0)
            made[:] = rng.dirichlet(np.ones(n_classes), size=len(made))
        elif self.kind == "people, confident":
            sure = judged()[2](mixes.weight)[:, None]
            made[:] = sure * made + (1 - sure) / n_classes
        return out


def of_digits(seed):
    """Errors of both estimators by kind of labels."""
    X, y = load_digits(return_X_y=True)
    X = X / 16
    order = np.random.RandomState(seed).permutation(len(y))
    train, test = order[:N_DIGITS], order[N_DIGITS:]
    policy = FrozenEstimator(judged()[1])
    estimators = {
        "linear": LogisticRegression(max_iter=2000),
        "RandomForest": RandomForestClassifier(random_state=seed),
    }
    found = {}
    for kind in FINITE:
        sampler = None
        if kind != "none":
            own = policy if kind.startswith("people") else None
            sampler = Labelled(kind, policy=own, random_state=seed)
        found[kind] = {}
        for name, estimator in estimators.items():
            model = ResampledClassifier(
                clone(estimator), resampler=sampler, random_state=seed
            )
            with warnings.catch_warnings():
                # Nobody judged digits.
                warnings.simplefilter("ignore")
                model.fit(X[train], y[train])
            proba = model.predict_proba(X[test])
            hit = np.eye(10)[y[test]]
            found[kind][name] = {
                "accuracy": float((proba.argmax(axis=1) == y[test]).mean()),
                "log loss": float(log_loss(y[test], proba)),
                "brier": float(((proba - hit) ** 2).sum(axis=1).mean()),
                "calibration": calibration_error(proba, y[test]),
            }
    return found


def summary(parts):
    """A row to each setting and kind of labels: means, and differences to mixup."""
    rows = []
    by_kind = {}
    for part, result in parts.items():
        data, kind, seed = part.split("/")
        if data == "images":
            by_kind.setdefault(("images", "ResNet", kind), {})[seed] = result
            continue
        for label, models in result.items():
            for name, errors in models.items():
                by_kind.setdefault(("digits", name, label), {})[seed] = errors
    for (data, name, kind), by_seed in by_kind.items():
        other = "mixup, infinite" if "infinite" in kind else "mixup"
        reference = by_kind.get((data, name, other), {})
        row = {"data": data, "estimator": name, "labels": kind, "seeds": len(by_seed)}
        for error, value in next(iter(by_seed.values())).items():
            if isinstance(value, list):
                row[error] = np.mean([r[error] for r in by_seed.values()], axis=0)
                row[error] = row[error].tolist()
                continue
            own = np.array([r[error] for r in by_seed.values()])
            row[error] = [own.mean(), own.std(ddof=1) if len(own) > 1 else None]
            both = [seed for seed in by_seed if seed in reference]
            if kind != other and both:
                row[f"{error} minus mixup"] = paired(
                    [by_seed[seed][error] for seed in both],
                    [reference[seed][error] for seed in both],
                )
        rows.append(row)
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", nargs="+", type=int, default=list(SEEDS))
    parser.add_argument("--max-minutes", type=float, default=np.inf)
    parser.add_argument("--scratch", type=Path, default=Path("human.jsonl"))
    parser.add_argument("--out", type=Path, default=RESULTS)
    options = parser.parse_args()
    torch.set_num_threads(1)
    settings = {"images": [N_IMAGES, N_EPOCHS, BATCH, RATE], "digits": N_DIGITS}
    settings |= {"epsilon": f"{255 * EPSILON:g}/255", "bins": N_BINS}
    scratch = Scratch(options.scratch, settings)
    end = time.monotonic() + 60 * options.max_minutes
    todo = [("digits", "all", seed) for seed in options.seeds]
    todo += [("images", kind, s) for s in options.seeds for kind in FINITE + INFINITE]
    for data, kind, seed in todo:
        part = f"{data}/{kind}/{seed}"
        if part in scratch.read():
            continue
        if time.monotonic() > end:
            break
        result = train(kind, seed) if data == "images" else of_digits(seed)
        scratch.write(part, result)
        print(part, result if data == "images" else "", flush=True)
    parts = dict(sorted(scratch.read().items()))
    content = {"settings": settings, "machine": machine(), "summary": summary(parts)}
    write_json(options.out / "human.json", content | {"parts": parts})
    for row in content["summary"]:
        print(row)


if __name__ == "__main__":
    main()
