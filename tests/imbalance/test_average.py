import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal

from skmix.imbalance import AverageSampler

# Six rows of a, three of b, two of c.
X = np.random.RandomState(0).normal(size=(11, 3))
LABELS = np.array(list("aabacbaacba"))


def test_the_average_of_two_rows_by_hand():
    rows, labels = [[0, 1], [1, 1], [2, 1], [7, 4], [10, 8]], list("aaabb")
    sampler = AverageSampler(random_state=0)
    X_new, y_new = sampler.fit_resample(rows, labels)
    # Of whole numbers, 8.5 is rounded to the nearest even one.
    assert X_new == [*rows, [8, 6]]
    assert y_new == [*labels, "b"]
    assert sorted(sampler.parent_indices_[0]) == [3, 4]
    assert sampler.mix_weights_.tolist() == [[0.5, 0.5]]


def test_parents_are_two_rows_of_the_class():
    sampler = AverageSampler(random_state=0).fit(X, LABELS)
    for seed in (None, 1):
        X_new, y_new = sampler.resample(random_state=seed)
        parents = sampler.parent_indices_
        assert_array_equal(X_new[:11], X)
        assert_allclose(X_new[11:], X[parents].mean(axis=1))
        assert_array_equal(y_new, [*LABELS, *"bbbcccc"])
        assert_array_equal(LABELS[parents].T, [y_new[11:]] * 2)
        assert (parents[:, 0] != parents[:, 1]).all()


def test_all_pairs_of_a_class_are_as_likely():
    sampler = AverageSampler(sampling_strategy={"b": 6003}, random_state=0)
    sampler.fit_resample(X, LABELS)
    counts = np.zeros((11, 11))
    np.add.at(counts, tuple(sampler.parent_indices_.T), 1 / 6000)
    rows = np.ix_(LABELS == "b", LABELS == "b")
    assert_allclose(counts[rows], (1 - np.eye(3)) / 6, atol=0.02)


def test_columns_of_all_kinds():
    rng = np.random.RandomState(0)
    frame = pd.DataFrame(
        {
            "size": rng.normal(size=30),
            "count": rng.randint(50, size=30),
            "colour": pd.Categorical(rng.choice(["red", "blue"], size=30)),
        }
    )
    y = pd.Series(np.repeat(["common", "rare"], [24, 6]), name="kind")
    sampler = AverageSampler(random_state=0)
    X_new, y_new = sampler.fit_resample(frame, y)
    assert_array_equal(X_new.dtypes, frame.dtypes)
    assert (y_new.value_counts() == 24).all()
    first, second = sampler.parent_indices_.T
    mean = (frame["count"].to_numpy()[first] + frame["count"].to_numpy()[second]) / 2
    assert_array_equal(X_new["count"][30:], np.rint(mean))
    assert_array_equal(X_new["colour"][30:], frame["colour"].to_numpy()[first])


@pytest.mark.usefixtures("random_state_untouched")
def test_same_seed_same_rows():
    draw = [
        AverageSampler(random_state=s).fit_resample(X, LABELS)[0] for s in (1, 1, 2)
    ]
    assert_array_equal(draw[0], draw[1])
    assert not np.array_equal(draw[0], draw[2])


def test_held_out_rows_change_nothing():
    sampler = AverageSampler(random_state=0)
    alone = sampler.fit_resample(X, LABELS)[0]
    held_out = {"X_val": X[:4] + 1, "y_val": LABELS[:4]}
    assert_array_equal(sampler.fit_resample(X, LABELS, **held_out)[0], alone)


def test_one_row_has_no_average():
    labels = ["one", "two", "two", "many", "many", "many"]
    message = "An average needs two rows, but class one has 1 in y. Leave the class out"
    with pytest.raises(ValueError, match=message):
        AverageSampler().fit(X[:6], labels)
    for strategy in ({"two": 3}, {"one": 1, "two": 3}):
        sampler = AverageSampler(sampling_strategy=strategy)
        assert sampler.fit_resample(X[:6], labels)[1] == [*labels, "two"]


@pytest.mark.parametrize(
    ("strategy", "message"),
    [
        ("majority", "The 'sampling_strategy' parameter of AverageSampler must be"),
        (1.5, "The 'sampling_strategy' parameter of AverageSampler must be"),
        (None, "The 'sampling_strategy' parameter of AverageSampler must be"),
        ({"b": 2}, "greater or equal to the original number"),
        ({"d": 20}, "not present in the data"),
    ],
)
def test_bad_strategies(strategy, message):
    with pytest.raises(ValueError, match=message):
        AverageSampler(sampling_strategy=strategy).fit(X, LABELS)
