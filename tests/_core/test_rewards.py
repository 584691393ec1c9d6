import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.metrics import confusion_matrix, f1_score

from skmix._core.rewards import confidence, confusion, improvement, macro_f1


def test_confusion_and_macro_f1_as_scikit_learn_has_them():
    rng = np.random.RandomState(0)
    for n_classes in (2, 3, 5):
        truth, predicted = rng.randint(n_classes, size=(2, 50))
        counts = confusion(truth, predicted, n_classes)
        assert_array_equal(
            counts, confusion_matrix(truth, predicted, labels=range(n_classes))
        )
        expected = f1_score(truth, predicted, average="macro")
        assert macro_f1(counts) == pytest.approx(expected)
    # 8 right of class 0, 2 taken for class 1; 1 and 3 of class 1.
    counts = np.array([[8, 2], [1, 3]])
    assert macro_f1(counts) == pytest.approx((16 / 19 + 6 / 9) / 2)
    assert_allclose(macro_f1(np.array([counts, 2 * counts])), [macro_f1(counts)] * 2)


def test_a_class_that_is_nowhere_does_not_count():
    counts = np.array([[8, 2, 0], [1, 3, 0], [0, 0, 0]])
    assert macro_f1(counts) == pytest.approx((16 / 19 + 6 / 9) / 2)
    # One that is predicted and does not exist counts 0.
    counts[0, 2] = 1
    truth, predicted = np.repeat(np.argwhere(counts > -1), counts.ravel(), axis=0).T
    assert macro_f1(counts) == pytest.approx(
        f1_score(truth, predicted, average="macro")
    )


def test_improvement_by_hand():
    # Eq. 5: 0.9 - (0.5 + 0.7) / 2; the paper divides by 1.
    scores = [0.1, 0.5, 0.7, 0.9]
    assert improvement(scores, 2) == pytest.approx(0.3)
    assert improvement(scores, 2, "m-1") == pytest.approx(-0.3)
    # Fewer scores than the window holds.
    assert improvement(scores, 25) == pytest.approx(0.9 - 1.3 / 3)
    assert improvement([0.4], 25) == 0
    # A constant score is no improvement, but a loss in the paper's form.
    assert improvement([0.9] * 26, 25) == pytest.approx(0)
    assert improvement([0.9] * 26, 25, "m-1") == pytest.approx(-0.0375)


def test_confidence_by_hand():
    # Eq. 6: the mean of p (1 - p).
    assert confidence(np.array([0.0, 0.5, 0.2])) == pytest.approx((0.25 + 0.16) / 3)
    # Around a mix there may be no rows.
    assert confidence(np.empty(0)) == 0
