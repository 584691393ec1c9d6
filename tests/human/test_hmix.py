"""The figures of H-Mix: those that were published, and those of a study of them."""

import json
import os
from pathlib import Path

import numpy as np
import pytest
from sklearn.base import clone
from sklearn.model_selection import GroupKFold, cross_val_predict

from skmix.human import HumanMixPolicy, load_cifar10h, load_hmix, relabel

DATA = Path(os.environ.get("SKMIX_DATA", "/nonexistent"), "human")
pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason="needs the H-Mix files; SKMIX_DATA does not have them"
)

# Pair, number of answers, slope and its standard error, midpoint and its standard
# error, mean squared error of the fit: of logistic curves fitted to one pair each.
PAIRS = """
Airplane-Automobile 112 5.359 0.576 0.6090 0.0207 0.0392
Airplane-Bird 108 3.887 0.493 0.5181 0.0263 0.0462
Airplane-Cat 110 4.506 0.501 0.4712 0.0251 0.0465
Airplane-Deer 112 4.047 0.545 0.5520 0.0301 0.0599
Airplane-Dog 105 4.989 0.582 0.5475 0.0219 0.0429
Airplane-Frog 112 4.136 0.469 0.6103 0.0273 0.0450
Airplane-Horse 110 4.847 0.428 0.5685 0.0210 0.0304
Airplane-Ship 113 3.530 0.402 0.5445 0.0267 0.0417
Airplane-Truck 108 3.437 0.477 0.6038 0.0308 0.0488
Automobile-Bird 104 6.470 0.662 0.4150 0.0184 0.0328
Automobile-Cat 116 5.269 0.497 0.4071 0.0196 0.0322
Automobile-Deer 109 5.570 0.643 0.4065 0.0209 0.0454
Automobile-Dog 111 5.781 0.655 0.4098 0.0220 0.0467
Automobile-Frog 112 5.629 0.648 0.4752 0.0216 0.0506
Automobile-Horse 118 6.172 0.715 0.4964 0.0207 0.0483
Automobile-Ship 105 5.099 0.461 0.3486 0.0216 0.0253
Automobile-Truck 105 4.200 0.542 0.4671 0.0281 0.0546
Bird-Cat 108 3.727 0.378 0.4773 0.0281 0.0403
Bird-Deer 111 3.791 0.406 0.4278 0.0292 0.0458
Bird-Dog 106 4.606 0.490 0.4932 0.0268 0.0462
Bird-Frog 107 3.381 0.430 0.4705 0.0335 0.0537
Bird-Horse 111 4.160 0.513 0.6125 0.0258 0.0481
Bird-Ship 107 4.240 0.569 0.4988 0.0278 0.0574
Bird-Truck 113 4.718 0.620 0.5396 0.0282 0.0638
Cat-Deer 110 5.206 0.565 0.4937 0.0207 0.0386
Cat-Dog 115 3.516 0.433 0.5281 0.0294 0.0482
Cat-Frog 105 3.663 0.472 0.5676 0.0321 0.0544
Cat-Horse 113 5.436 0.565 0.5930 0.0213 0.0423
Cat-Ship 107 4.804 0.582 0.4846 0.0227 0.0460
Cat-Truck 113 4.681 0.572 0.6077 0.0248 0.0474
Deer-Dog 107 3.925 0.476 0.5742 0.0318 0.0549
Deer-Frog 113 4.566 0.461 0.5875 0.0240 0.0389
Deer-Horse 115 5.132 0.483 0.5985 0.0205 0.0325
Deer-Ship 115 3.954 0.546 0.5504 0.0277 0.0556
Deer-Truck 113 5.655 0.630 0.6186 0.0212 0.0433
Dog-Frog 115 5.402 0.603 0.4940 0.0223 0.0466
Dog-Horse 110 6.421 0.801 0.5212 0.0187 0.0430
Dog-Ship 109 4.551 0.499 0.5110 0.0251 0.0441
Dog-Truck 110 5.189 0.601 0.5544 0.0225 0.0452
Frog-Horse 107 4.930 0.597 0.6209 0.0253 0.0509
Frog-Ship 107 4.655 0.449 0.5298 0.0229 0.0364
Frog-Truck 116 4.791 0.543 0.5134 0.0252 0.0513
Horse-Ship 107 5.706 0.639 0.4885 0.0237 0.0467
Horse-Truck 107 6.450 0.684 0.4650 0.0189 0.0350
Ship-Truck 103 3.983 0.535 0.6123 0.0291 0.0530"""


@pytest.fixture(scope="module")
def judgments():
    return load_hmix(DATA)


@pytest.fixture(scope="module")
def infer(judgments):
    return judgments.take(judgments.kind == "infer")


def test_all_four_studies(judgments, infer):
    kinds, counts = np.unique(judgments.kind, return_counts=True)
    assert dict(zip(kinds.tolist(), counts.tolist(), strict=True)) == {
        "construct": 1440,
        "infer": 4950,
        "select": 800,
        "soft": 216,
    }
    people = {
        kind: len(np.unique(judgments.annotator[judgments.kind == kind]))
        for kind in kinds.tolist()
    }
    assert people == {"construct": 45, "infer": 81, "select": 25, "soft": 8}
    assert len(np.unique(infer.item)) == 2070
    assert infer.repeat.sum() == 162
    assert (infer.label_a < infer.label_b).all()
    assert ((infer.i >= 0) & (infer.j < 10000)).all()


def test_the_slider_counts_towards_the_second_class(infer):
    error = infer.inferred - infer.lam
    assert np.abs(error).mean() == pytest.approx(0.171065, abs=5e-7)
    assert error.mean() == pytest.approx(-0.017141, abs=5e-7)
    assert (error**2).mean() == pytest.approx(0.050958, abs=5e-7)
    means = [infer.y[infer.lam == lam].mean() for lam in np.unique(infer.lam)]
    assert means == pytest.approx([0.1376, 0.2070, 0.4763, 0.7555, 0.8303], abs=5e-5)
    assert infer.confidence.mean() == pytest.approx(0.7237, abs=5e-5)


def test_the_answers_are_those_that_the_study_processed(infer):
    path = DATA / "processed_hmix_inferences.json"
    if not path.exists():
        pytest.skip("processed_hmix_inferences.json is missing")
    records = json.loads(path.read_text())
    assert set(records) == set(infer.item)
    average = relabel(infer, method="average")
    record = [records[item] for item in average.items]
    wanted = [np.mean(r["Predicted Mixing Factor"]) for r in record]
    assert average.share == pytest.approx(np.array(wanted))
    assert infer.lam[average.first].tolist() == [
        r["True Mixing Factor"] for r in record
    ]
    # Their weighted label is what smoothed labels have for the first class, without its
    # part of what is spread.
    smoothed = relabel(infer, method="confidence")
    a = np.searchsorted(smoothed.classes, infer.label_a[smoothed.first])
    confidence = np.array([np.mean(r["Predicted Confidence"]) for r in record])
    mass = smoothed.soft_labels[np.arange(len(a)), a] - (1 - confidence) / 10
    assert mass == pytest.approx(np.array([r["Weighted Re-Label"] for r in record]))


def test_midpoints(judgments):
    for kind, mean, spread, off, exact in (
        ("construct", 0.5220, 0.1387, 0.0956, 0.360),
        ("select", 0.5110, 0.1393, 0.1037, 0.295),
    ):
        part = judgments.lam[judgments.kind == kind]
        # The study has one digit more of the standard deviation than we do.
        assert part.mean() == pytest.approx(mean, abs=5e-5)
        assert part.std(ddof=1) == pytest.approx(spread, abs=1e-4)
        assert np.abs(part - 0.5).mean() == pytest.approx(off, abs=1e-4)
        assert (part == 0.5).mean() == pytest.approx(exact, abs=5e-4)
    chosen = judgments.take(np.isin(judgments.kind, ["construct", "select"]))
    assert (chosen.inferred == 0.5).all()


def test_soft_labels_are_those_that_were_published(judgments):
    published = json.loads((DATA / "hmix_individ_soft_labels.json").read_text())
    soft = judgments.take(judgments.kind == "soft")
    assert set(published) == set(soft.item)
    matched = 0
    for item, labels in published.items():
        # The order of people within an image is not that of the answers.
        own = sorted(soft.soft[soft.item == item].round(9).tolist())
        assert own == sorted(np.round(labels, 9).tolist())
        matched += len(own)
    assert matched == 216


def test_global_curve(infer):
    policy = HumanMixPolicy("global").fit(infer.X, infer.y)
    assert policy.global_slope_ == pytest.approx(4.5856, abs=5e-5)
    assert policy.global_midpoint_ == pytest.approx(0.52198, abs=5e-6)
    assert policy.slope_se_[0, 1] == pytest.approx(0.0788, abs=5e-5)
    assert policy.midpoint_se_[0, 1] == pytest.approx(0.00376, abs=5e-6)
    assert policy.noise_variance_ == pytest.approx(0.049547, abs=5e-7)


def test_identity(infer):
    policy = HumanMixPolicy("identity").fit(infer.X, infer.y)
    assert policy.noise_variance_ == pytest.approx(0.050958, abs=5e-7)


def test_each_pair_by_itself(infer):
    policy = HumanMixPolicy("pair", shrinkage=0).fit(infer.X, infer.y)
    rows = [line.split() for line in PAIRS.split("\n") if line.strip()]
    assert len(rows) == 45
    for pair, *numbers in rows:
        n, k, k_se, m, m_se, mse = map(float, numbers)
        a, b = np.searchsorted(policy.classes_, pair.split("-"))
        assert policy.n_judgments_[a, b] == policy.n_judgments_[b, a] == n
        assert policy.slope_[a, b] == pytest.approx(k, abs=5e-3)
        assert policy.midpoint_[a, b] == pytest.approx(m, abs=5e-4)
        assert policy.slope_[b, a] == policy.slope_[a, b]
        assert policy.midpoint_[b, a] == pytest.approx(1 - policy.midpoint_[a, b])
        # Theirs by the variance of the pair's own answers, ours by that of all.
        pooled = policy.noise_variance_ * len(infer) / (len(infer) - 90)
        scale = np.sqrt(pooled / (mse * n / (n - 2)))
        assert policy.slope_se_[a, b] == pytest.approx(scale * k_se, rel=0.01)
        assert policy.midpoint_se_[a, b] == pytest.approx(scale * m_se, rel=0.01)


def test_class_tilts(infer):
    policy = HumanMixPolicy().fit(infer.X, infer.y)
    wanted = [
        -0.231,
        0.306,
        -0.057,
        -0.189,
        -0.244,
        -0.013,
        0.022,
        0.258,
        -0.079,
        0.226,
    ]
    assert policy.class_tilt_ == pytest.approx(np.array(wanted), abs=5e-4)
    assert policy.slope_[0, 1] == pytest.approx(4.6489, abs=1e-4)
    assert policy.noise_variance_ == pytest.approx(0.047106, abs=5e-7)


def pair_folds(infer):
    """Fold of each answer: one in five pairs of images, as they first come."""
    pair = [f"{i}_{j}" for i, j in zip(infer.i, infer.j, strict=True)]
    _, first, code = np.unique(pair, return_index=True, return_inverse=True)
    rank = np.argsort(np.argsort(first))
    return rank[code] % 5


def test_new_pairs_of_images(infer):
    fold = pair_folds(infer)

    def error(policy):
        found = cross_val_predict(
            policy, infer.X, infer.y, groups=fold, cv=GroupKFold(5)
        )
        return ((found - infer.y) ** 2).mean()

    plain = HumanMixPolicy("pair", shrinkage=0)
    assert error(plain) == pytest.approx(0.048665, abs=5e-7)
    assert error(HumanMixPolicy()) <= 0.0475
    assert error(HumanMixPolicy("pair")) < error(plain)
    assert error(HumanMixPolicy("global")) < error(HumanMixPolicy("identity"))


def test_new_people(infer):
    def error(curve):
        policy, folds = HumanMixPolicy(curve), GroupKFold(5)
        found = cross_val_predict(
            policy, infer.X, infer.y, groups=infer.annotator, cv=folds
        )
        return ((found - infer.y) ** 2).mean()

    assert error("class_tilt") < 0.048
    assert error("pair") < 0.048
    assert error("class_tilt") < error("global") < error("identity")


def test_what_a_person_who_was_left_out_sees(infer):
    main = infer.take(~infer.repeat)
    errors = {method: [] for method in ("mixup", "average", "shrink")}
    for person in np.unique(main.annotator):
        mine = main.annotator == person
        own, others = main.take(mine), main.take(~mine)
        for method, found in errors.items():
            labels = relabel(others, method=method)
            place = np.searchsorted(labels.items, own.item)
            # Each image was judged by two people or more.
            assert (labels.items[place] == own.item).all()
            found.append(labels.share[place] - own.y)
    error = {name: (np.concatenate(e) ** 2).mean() for name, e in errors.items()}
    assert error["mixup"] == pytest.approx(0.05105, abs=5e-6)
    assert error["average"] == pytest.approx(0.06091, abs=5e-6)
    assert error["shrink"] <= 0.0430


def test_midpoints_enter_the_same_fit(judgments, infer):
    both = judgments.take(judgments.kind != "soft")
    plain = HumanMixPolicy("pair", shrinkage=0)
    alone = clone(plain).fit(infer.X, infer.y)
    together = clone(plain).fit(both.X, both.y)
    # Automobile and Ship are seen alike where there is less of the car than half, by
    # both experiments: together they are surer of it.
    a, b = np.searchsorted(alone.classes_, ["Automobile", "Ship"])
    assert together.n_judgments_[a, b] == alone.n_judgments_[a, b] + 50
    assert alone.midpoint_[a, b] < together.midpoint_[a, b] < 0.42
    assert together.midpoint_se_[a, b] < alone.midpoint_se_[a, b]


def test_cifar10h():
    labels = load_cifar10h(DATA)
    assert labels.shape == (10000, 10)
    entropy = -(labels * np.log(labels, where=labels > 0, out=np.zeros_like(labels)))
    assert entropy.sum(axis=1).mean() == pytest.approx(0.154, abs=5e-4)
    assert (labels.max(axis=1) == 1).mean() == pytest.approx(0.439, abs=5e-4)
