import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.kernel_ridge import KernelRidge
from sklearn.model_selection import LeaveOneOut, cross_val_predict

from skmix._core.kernels import ntk
from skmix.regression._teacher import KernelTeacher, stacking_weight


def test_teacher_learns_a_smooth_function():
    rng = np.random.RandomState(0)
    Z = rng.uniform(-1.5, 1.5, size=(200, 2))
    Y = np.column_stack([np.sin(2 * Z[:, 0]), Z[:, 1] ** 2])
    Z_new = rng.uniform(-1.4, 1.4, size=(100, 2))
    teacher = KernelTeacher(Z, Y, np.random.RandomState(0))
    truth = np.column_stack([np.sin(2 * Z_new[:, 0]), Z_new[:, 1] ** 2])
    assert_allclose(teacher.predict(Z_new), truth, atol=0.05)


def test_leave_one_out_prefers_the_right_kernel():
    """A very local function wants a narrow Gaussian, a linear one the network."""
    rng = np.random.RandomState(0)
    Z = rng.uniform(-3, 3, size=(150, 1))
    rng_teacher = np.random.RandomState(0)
    wavy = KernelTeacher(Z, np.sin(6 * Z), rng_teacher)
    truth = np.sin(6 * np.linspace(-2.5, 2.5, 50))[:, None]
    assert_allclose(wavy.predict(np.linspace(-2.5, 2.5, 50)[:, None]), truth, atol=0.15)


def test_error_of_the_chosen_strength_is_leave_one_out():
    """Beside an exact leave-one-out with scikit-learn's kernel ridge regression."""
    rng = np.random.RandomState(0)
    Z = rng.normal(size=(40, 2))
    y = Z[:, 0] * Z[:, 1] + 0.1 * rng.normal(size=40)
    teacher = KernelTeacher(Z, y[:, None], np.random.RandomState(0))
    exact = []
    for alpha in np.logspace(-5, 1, 7):
        model = KernelRidge(kernel="precomputed", alpha=alpha)
        held_out = cross_val_predict(model, ntk(Z, Z), y - y.mean(), cv=LeaveOneOut())
        exact.append(((held_out - (y - y.mean())) ** 2).mean())
    # The teacher may do better with another kernel; it may not do much worse.
    assert -teacher.model.best_score_ < 1.1 * min(exact)


def test_stacking_weight_by_hand():
    Y = np.array([[0.0], [2.0], [4.0]])
    prediction, teacher = Y + 1.0, Y - 3.0
    # (1 - w) 1 - 3 w = 0 at w = 1/4.
    assert stacking_weight(Y, prediction, teacher) == pytest.approx(0.25)
    assert stacking_weight(Y, Y, teacher) == 0.0
    assert stacking_weight(Y, prediction, Y) == 1.0
    assert stacking_weight(Y, prediction, Y + 5.0) == 0.0
    assert stacking_weight(Y, prediction, prediction) == 0.0


def test_stacking_weight_minimises_over_a_grid():
    rng = np.random.RandomState(0)
    Y = rng.normal(size=(50, 2)) * [1.0, 100.0]
    prediction = Y + rng.normal(size=(50, 2)) * [1.0, 100.0]
    teacher = Y + rng.normal(size=(50, 2)) * [0.7, 70.0]
    grid = np.linspace(0, 1, 1001)
    losses = [
        ((((1 - w) * prediction + w * teacher - Y) / Y.std(axis=0)) ** 2).sum()
        for w in grid
    ]
    best = grid[int(np.argmin(losses))]
    assert stacking_weight(Y, prediction, teacher) == pytest.approx(best, abs=1e-3)
