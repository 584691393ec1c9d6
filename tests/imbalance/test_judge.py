import numpy as np
import pytest
from numpy.random import RandomState
from numpy.testing import assert_allclose
from scipy.stats import t
from sklearn.datasets import make_classification
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import (
    average_precision_score,
    balanced_accuracy_score,
    brier_score_loss,
    f1_score,
    get_scorer,
    hinge_loss,
    log_loss,
    make_scorer,
)
from sklearn.svm import LinearSVC

from skmix.imbalance._judge import N_BLOCKS, Judge, with_labels

CLASSES = np.array(["common", "rare"])


def predictions(n=400, noise=0.3, seed=0):
    rng = np.random.RandomState(seed)
    codes = (rng.random_sample(n) < 0.2).astype(int)
    rare = np.clip(codes * 0.6 + 0.2 + noise * rng.normal(size=n), 0, 1)
    return codes, with_labels(np.column_stack([1 - rare, rare]))


def make_judge(
    codes,
    scoring="f1_macro",
    classes=CLASSES,
    groups=None,
    estimator=None,
    rng=None,
):
    return Judge(scoring, classes, codes, groups, estimator, rng or RandomState(0))


def test_scores_are_those_of_scikit_learn():
    codes, probability = predictions()
    # Of a classifier whose threshold is not one half.
    probability[:, 2] = probability[:, 1] > 0.3
    labels, predicted = CLASSES[codes], CLASSES[probability[:, 2].astype(int)]

    def score(scoring, classes=CLASSES):
        return make_judge(codes, scoring, classes).score(probability)

    assert score("f1_macro") == pytest.approx(
        f1_score(labels, predicted, average="macro")
    )
    assert score("balanced_accuracy") == balanced_accuracy_score(labels, predicted)
    rare = probability[:, 1]
    expected = average_precision_score(codes, rare)
    # With text labels scikit-learn knows no positive class here.
    assert score("average_precision", np.arange(2)) == pytest.approx(expected)
    expected = brier_score_loss(codes, rare)
    assert score("neg_brier_score") == pytest.approx(-expected)
    own = make_scorer(f1_score, pos_label="rare")
    assert score(own) == f1_score(labels, predicted, pos_label="rare")


@pytest.mark.parametrize("n_classes", [2, 3])
def test_scorers_that_ask_for_a_decision_function(n_classes):
    X, y = make_classification(
        200, n_informative=5, n_classes=n_classes, random_state=0
    )
    model = LogisticRegression(max_iter=500).fit(X, y)
    decision = model.decision_function(X)
    numbers = np.column_stack([-decision, decision]) if n_classes == 2 else decision
    predicted = np.column_stack([numbers, model.predict(X)])
    judge = make_judge(y, classes=np.arange(n_classes), estimator=LinearSVC())
    assert judge.score(predicted) == get_scorer("f1_macro")(model, X, y)
    judge.scorer = make_scorer(hinge_loss, response_method="decision_function")
    assert judge.score(predicted) == pytest.approx(hinge_loss(y, decision))
    if n_classes == 2:
        judge.scorer = get_scorer("roc_auc")
        assert judge.score(predicted) == get_scorer("roc_auc")(model, X, y)


def test_rows_that_are_not_held_out_do_not_count():
    codes, probability = predictions()
    part = np.arange(0, 400, 3)
    judge = make_judge(codes)
    some = np.full_like(probability, np.nan)
    some[part] = probability[part]
    assert judge.score(some) == judge.score(probability, part)
    assert judge.score(some) != judge.score(probability)


def test_the_jackknife_by_hand():
    codes, better = predictions(noise=0.2)
    _, worse = predictions(noise=0.5)
    judge = make_judge(codes)
    gain, error, p_value = judge.gain([better, better], [worse, worse])

    def difference(rows):
        return np.subtract(
            *(
                f1_score(codes[rows], p[rows, 2], average="macro")
                for p in (better, worse)
            )
        )

    everyone = np.arange(400)
    assert gain == pytest.approx(difference(everyone))
    without = np.array([difference(judge.block != b) for b in range(N_BLOCKS)])
    expected = np.sqrt(
        (N_BLOCKS - 1) / N_BLOCKS * ((without - without.mean()) ** 2).sum()
    )
    assert error == pytest.approx(expected)
    assert p_value == pytest.approx(t.sf(gain / expected, N_BLOCKS - 1))
    assert judge.gain([worse], [better])[2] > 0.5


def test_a_class_of_one_row_is_in_all_blocks():
    codes, better = predictions()
    _, worse = predictions(noise=0.6)
    codes[7] = 2
    better, worse = (np.insert(p, 2, 0.0, axis=1) for p in (better, worse))
    judge = make_judge(codes, "neg_log_loss", np.array(["a", "b", "c"]))
    rows = np.arange(400)

    def difference(rows):
        losses = [
            log_loss(codes[rows], p[rows, :3], labels=[0, 1, 2])
            for p in (better, worse)
        ]
        return losses[1] - losses[0]

    kept = [(judge.block != b) | (rows == 7) for b in range(N_BLOCKS)]
    without = np.array([difference(rows[k]) for k in kept])
    expected = np.sqrt((N_BLOCKS - 1) * without.var())
    assert judge.gain([better], [worse])[:2] == pytest.approx(
        (difference(rows), expected)
    )


def test_the_standard_error_is_right_on_average():
    gains, errors = [], []
    for seed in range(60):
        codes, better = predictions(500, noise=0.4, seed=seed)
        rng = np.random.RandomState(1000 + seed)
        rare = np.clip(codes * 0.6 + 0.2 + 0.4 * rng.normal(size=500), 0, 1)
        worse = with_labels(np.column_stack([1 - rare, rare]))
        judge = make_judge(codes, rng=rng)
        gain, error, _ = judge.gain([better], [worse])
        gains.append(gain)
        errors.append(error)
    assert np.mean(errors) == pytest.approx(np.std(gains), rel=0.25)


def test_equal_predictions_are_no_gain():
    codes, probability = predictions()
    judge = make_judge(codes)
    assert judge.gain([probability], [probability]) == (0.0, 0.0, 1.0)


def test_blocks_share_out_each_class_and_keep_groups():
    codes = (np.arange(1000) < 40).astype(int)
    judge = make_judge(codes)
    for code in (0, 1):
        counts = np.bincount(judge.block[codes == code], minlength=N_BLOCKS)
        assert np.ptp(counts) <= 1
    groups = np.arange(1000) // 5
    judge = make_judge(codes, groups=groups)
    assert_allclose(judge.block, judge.block[groups * 5])
    assert len(np.unique(judge.block)) == N_BLOCKS
