import joblib
import numpy as np
import pytest
from numpy.testing import assert_allclose
from sklearn.linear_model import Ridge
from sklearn.model_selection import LeaveOneOut, cross_val_score

from skmix.regression._teacher import (
    RIDGE_STRENGTHS,
    WIDTHS,
    KernelRegressor,
    KernelTeacher,
    kernel_features,
    stacking_weight,
)


def test_teacher_learns_a_smooth_function():
    rng = np.random.RandomState(0)
    Z = rng.uniform(-1.5, 1.5, size=(200, 2))
    Y = np.column_stack([np.sin(2 * Z[:, 0]), Z[:, 1] ** 2])
    Z_new = rng.uniform(-1.4, 1.4, size=(100, 2))
    teacher = KernelTeacher(Z, Y, 0)
    truth = np.column_stack([np.sin(2 * Z_new[:, 0]), Z_new[:, 1] ** 2])
    assert_allclose(teacher.predict(Z_new), truth, atol=0.05)


def test_choice_is_the_best_by_leave_one_out():
    """Beside a plain leave-one-out over all kernels and strengths."""
    rng = np.random.RandomState(0)
    Z = rng.normal(size=(40, 2))
    y = Z[:, 0] * Z[:, 1] + 0.1 * rng.normal(size=40)
    teacher = KernelTeacher(Z, y[:, None], 0)
    for widths, choice in zip(WIDTHS, teacher.choice, strict=True):
        check_best(Z, y, widths, choice)
    # And the teacher is the mean of the two.
    each = [KernelTeacher(Z, y[:, None], 0, [own]).predict(Z) for own in teacher.choice]
    assert_allclose(teacher.predict(Z), np.mean(each, axis=0))


def check_best(Z, y, widths, choice):
    errors = {
        (width, alpha): -cross_val_score(
            Ridge(alpha=alpha),
            kernel_features(Z, width, 0)(Z),
            y,
            cv=LeaveOneOut(),
            scoring="neg_mean_squared_error",
        ).mean()
        for width in widths
        for alpha in RIDGE_STRENGTHS
    }
    # The closed form centres the labels once, not for each row anew.
    assert errors[choice] < 1.05 * min(errors.values())


def test_no_target_drowns_another():
    rng = np.random.RandomState(0)
    Z = rng.uniform(-2, 2, size=(200, 1))
    wave = np.sin(2 * Z)
    for scale in (1e-4, 1.0, 1e4):
        Y = np.hstack([wave, scale * rng.normal(size=(200, 1))])
        assert_allclose(KernelTeacher(Z, Y, 0).predict(Z)[:, :1], wave, atol=0.25)


def test_the_stand_in_keeps_the_strength_that_it_is_given():
    """Its own leave-one-out would be fooled by mixes of the rows that it leaves out."""
    rng = np.random.RandomState(0)
    X = rng.normal(size=(30, 2))
    model = KernelRegressor("from_dtype", [(None, 0.3)], 0).fit(X, X[:, 0])
    assert model.teacher_.choice == [(None, 0.3)]
    assert model.score(X, X[:, 0]) > 0.9


def test_stacking_weight_by_hand():
    Y = np.array([[0.0], [2.0], [4.0]])
    prediction, teacher = Y + 1.0, Y - 3.0
    # (1 - w) 1 - 3 w = 0 at w = 1/4.
    assert stacking_weight(Y, prediction, teacher) == pytest.approx(0.25)
    assert stacking_weight(Y, Y, teacher) == 0.0
    assert stacking_weight(Y, prediction, Y) == 1.0
    assert stacking_weight(Y, prediction, Y + 5.0) == 0.0
    assert stacking_weight(Y, prediction, prediction) == 0.0


def test_a_constant_target_has_no_say_in_the_stacking_weight():
    # The deviation of these does not round to 0.
    constant = np.full((60, 1), 0.1)
    assert 0 < constant.std() < 1e-15
    Y = np.hstack([np.arange(60.0)[:, None], constant])
    weight = stacking_weight(Y, Y * [0.5, 1.0], Y * [1.0, 1 + 1e-12])
    assert weight == pytest.approx(1.0)


def test_width_is_that_of_the_rows_that_differ():
    """Three quarters of the rows are equal: half of all distances are 0."""
    rng = np.random.RandomState(0)
    Z = np.zeros((200, 3))
    Z[150:] = rng.normal(size=(50, 3))
    teacher = KernelTeacher(Z, Z[:, :1], 0, [(2.0, 1e-3)])
    Z_new = rng.normal(size=(100, 3))
    assert_allclose(teacher.predict(Z_new), Z_new[:, :1], atol=0.2)
    # Of nothing but equal rows any width will do.
    teacher = KernelTeacher(np.ones((20, 2)), np.arange(20.0)[:, None], 0)
    assert_allclose(teacher.predict(np.ones((1, 2))), 9.5)


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


def test_the_number_of_workers_around_it_rounds_nothing():
    rng = np.random.RandomState(0)
    Z = rng.normal(size=(300, 5))
    Y = np.sin(2 * Z[:, :1])
    alone = KernelTeacher(Z, Y, 0).predict(Z)
    with joblib.parallel_config(backend="threading", n_jobs=2):
        assert (KernelTeacher(Z, Y, 0).predict(Z) == alone).all()
