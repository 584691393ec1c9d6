"""
Ask, fit, relabel, train
========================

From questions about mixes to a classifier that is trained on what people see in them.
Nobody sits here to answer: the people are simulated. Their curves have the slope of the
H-Mix study, their digits stand out as unequally as its classes do, and their answers
scatter as much.
"""

# %%
# Mixes of digits, and a page that asks about them. ``server.url_`` is what people open;
# here a few lines answer in their place.
import json
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, urlsplit
from urllib.request import Request, urlopen

import matplotlib.pyplot as plt
import numpy as np
from scipy.special import expit
from sklearn.calibration import calibration_curve
from sklearn.datasets import load_digits
from sklearn.frozen import FrozenEstimator
from sklearn.metrics import log_loss
from sklearn.naive_bayes import GaussianNB

from skmix import ResampledClassifier
from skmix.human import (
    ElicitationServer,
    HumanMixPolicy,
    consistency_report,
    load_judgments,
    make_mix_tasks,
    relabel,
)
from skmix.imbalance import MixupSampler
from skmix.plotting import CurveDisplay

X, y = load_digits(return_X_y=True)
X = X / 16
order = np.random.RandomState(0).permutation(len(y))
train, test = order[:200], order[200:]
tasks = make_mix_tasks(
    X[train], y[train], n_tasks=90, image_shape=(1, 8, 8), random_state=0
)
tilt = dict(enumerate(0.2 * np.random.RandomState(1).normal(size=10)))


def simulate(server, name, seed):
    """Answer all questions as somebody with these curves would."""
    rng = np.random.RandomState(seed)
    token = parse_qs(urlsplit(server.url_).query)["token"][0]
    base = server.url_.split("/?")[0]
    head = {"X-Skmix-Token": token, "Content-Type": "application/json"}

    def send(path, content=None):
        data = None if content is None else json.dumps(content).encode()
        with urlopen(Request(base + path, data, head)) as response:
            return json.load(response)

    state = send(f"/state?annotator={name}")
    while state["question"]:
        key = state["question"]["key"]
        task = tasks.tasks[int(key.rstrip("r"))]
        a, b = tilt[task["label_a"]], tilt[task["label_b"]]
        share = expit(4.65 * (task["lam"] - 0.5) + a - b)
        share = float(np.clip(share + 0.18 * rng.normal(), 0, 1))
        sure = float(np.clip(0.55 + 0.6 * abs(share - 0.5), 0, 1))
        answer = {"share": share, "confidence": sure, "rt_ms": 8000}
        request = {"annotator": name, "question": key, "answer": answer}
        state = send("/answer", request)


with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "judgments.jsonl"
    with ElicitationServer(tasks, path) as server:
        for seed, name in enumerate(("ada", "ben", "cleo")):
            simulate(server, name, seed)
    answers = load_judgments(path)

print(consistency_report(answers))

# %%
# How they see mixes: the curves of the pairs that are furthest from what mixup takes
# for granted.
policy = HumanMixPolicy().fit(answers.X, answers.y)
display = CurveDisplay.from_policy(policy)

# %%
# Labels of the mixes that were judged, moved from the curve towards the answers, and of
# any others, by the curve alone.
found = relabel(answers, policy=policy)
print(f"{len(found.items)} mixes, {found.n_judgments.mean():.1f} answers about each")

bayes = GaussianNB(var_smoothing=0.1)
models = {"200 digits": bayes}
for name, own in (("and mixup", None), ("and mixes as people see them", policy)):
    sampler = MixupSampler(
        own and FrozenEstimator(own),
        sampling_strategy=None,
        amount=2,
        random_state=0,
    )
    models[name] = ResampledClassifier(bayes, resampler=sampler)

# %%
# Before and after: how often the likeliest class is right, by how sure the model is of
# it. Naive Bayes is far too sure of itself, and less so with mixes, most of all where
# they have labels as people see them. A classifier that is not too sure gains nothing
# by this: logistic regression loses.
figure, ax = plt.subplots(figsize=(5.5, 5), layout="constrained")
ax.plot([0, 1], [0, 1], color="0.5", ls="--", lw=1)
for (name, model), color in zip(
    models.items(), ("#000000", "#0072B2", "#D55E00"), strict=True
):
    proba = model.fit(X[train], y[train]).predict_proba(X[test])
    right = model.predict(X[test]) == y[test]
    often, sure = calibration_curve(right, proba.max(axis=1), n_bins=4)
    loss = log_loss(y[test], proba)
    ax.plot(sure, often, "o-", color=color, label=f"{name}: log loss {loss:.3f}")
ax.set(xlabel="Probability of the likeliest class", ylabel="How often it is right")
ax.set(xlim=(0.2, 1.01), ylim=(0.2, 1.01), aspect="equal")
ax.spines[["top", "right"]].set_visible(False)
_ = ax.legend(frameon=False, loc="upper left", fontsize="small")
