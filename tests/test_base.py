import pickle
from numbers import Integral

import numpy as np
import pandas as pd
import polars as pl
import pytest
from imblearn.over_sampling import SMOTE
from imblearn.utils import estimator_checks as imblearn_checks
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.utils import estimator_checks as sklearn_checks

from skmix._compat import Interval
from skmix._core.neighbors import nearest_rows
from skmix.base import BaseMixSampler, Mixes
from skmix.imbalance import MixupSampler
from skmix.regression import CMixupResampler, MixRLResampler, MixupResampler


class WithinClassSampler(BaseMixSampler):
    """SMOTE in a dozen lines: mixes rows with near rows of their class."""

    _parameter_constraints = {
        "sampling_strategy": "no_validation",
        "k_neighbors": [Interval(Integral, 1, None, closed="left")],
        "categorical_features": "no_validation",
        "random_state": ["random_state"],
    }

    def __init__(
        self,
        *,
        sampling_strategy="auto",
        k_neighbors=2,
        categorical_features="from_dtype",
        random_state=None,
    ):
        self.sampling_strategy = sampling_strategy
        self.k_neighbors = k_neighbors
        self.categorical_features = categorical_features
        self.random_state = random_state

    def _learn(self, data, rng):
        self.n_learned_ = getattr(self, "n_learned_", 0) + 1

    def _draw(self, data, rng):
        pairs = [np.empty((0, 2), dtype=np.intp)]
        for label, n_wanted in self.sampling_strategy_.items():
            rows = np.flatnonzero(data.target == label)
            near = nearest_rows(data.Z[rows], self.k_neighbors)
            first = rng.randint(len(rows), size=n_wanted)
            second = near[first, rng.randint(near.shape[1], size=n_wanted)]
            pairs.append(rows[np.column_stack([first, second])])
        first, second = np.concatenate(pairs).T
        weight = rng.uniform(size=len(first))
        return Mixes(first, second, weight, data.target[first])


X = np.random.RandomState(0).normal(size=(12, 3))
Y = np.column_stack([X[:, 0], X[:, 1] ** 2])
# Five rows, four and three: "auto" adds one to the second class, two to the third.
PLACES = np.array([2, 1, 0, 0, 1, 2, 0, 1, 0, 2, 0, 1])
LABELS = np.array(["cat", "dog", "emu"])[PLACES]

RESAMPLERS = [
    pytest.param(resampler, labels, id=type(resampler).__name__)
    for resampler, labels in [
        (MixupResampler(random_state=0), Y[:, 0]),
        (CMixupResampler(random_state=0), Y),
        (WithinClassSampler(random_state=0), LABELS),
    ]
]


def equal(one, other):
    return all(map(np.array_equal, one, other))


def all_checks():
    """Every check of both suites that applies to a sampler, with a readable name."""
    for suite in (sklearn_checks, imblearn_checks):
        sampler = WithinClassSampler(random_state=0)
        for instance, check in suite.estimator_checks_generator(sampler):
            yield pytest.param(
                instance, check, id=getattr(check, "func", check).__name__
            )


@pytest.mark.filterwarnings("ignore::sklearn.exceptions.SkipTestWarning")
@pytest.mark.parametrize(("sampler", "check"), list(all_checks()))
def test_a_sampler_on_this_base_passes_the_suites(sampler, check):
    check(sampler)


@pytest.mark.parametrize(("resampler", "labels"), RESAMPLERS)
@pytest.mark.usefixtures("random_state_untouched")
def test_fit_resample_is_fit_and_resample(resampler, labels):
    result = clone(resampler).fit_resample(X, labels)
    assert equal(clone(resampler).fit(X, labels).resample(), result)
    assert np.array_equal(result[0][:12], X)
    assert np.array_equal(result[1][:12], labels)


@pytest.mark.parametrize(("resampler", "labels"), RESAMPLERS)
def test_the_seed_decides(resampler, labels):
    def draw(seed):
        return clone(resampler).set_params(random_state=seed).fit_resample(X, labels)

    assert equal(draw(3), draw(3))
    assert equal(draw(np.random.RandomState(3)), draw(3))
    assert not equal(draw(4), draw(3))
    assert not equal(draw(None), draw(None))


@pytest.mark.parametrize(("resampler", "labels"), RESAMPLERS)
def test_resample_draws_again(resampler, labels):
    resampler = clone(resampler)
    first = resampler.fit_resample(X, labels)
    again = resampler.resample(random_state=7)
    assert not equal(again, first)
    assert equal(resampler.resample(random_state=7), again)
    assert equal(resampler.resample(), first)
    rng = np.random.RandomState(7)
    assert equal(resampler.resample(random_state=rng), again)
    assert not equal(resampler.resample(random_state=rng), again)


def test_resample_does_not_train():
    sampler = WithinClassSampler(random_state=0)
    sampler.fit_resample(X, LABELS)
    sampler.resample(random_state=1)
    assert sampler.n_learned_ == 1
    with pytest.raises(NotFittedError):
        clone(sampler).resample()


@pytest.mark.parametrize(("resampler", "labels"), RESAMPLERS)
def test_new_rows_follow_from_their_parents(resampler, labels):
    resampler = clone(resampler)
    resampler.fit(X, labels)
    for seed in (None, 1):
        X_new, y_new = resampler.resample(random_state=seed)
        parents, weights = resampler.parent_indices_, resampler.mix_weights_
        assert parents.shape == weights.shape == (len(X_new) - 12, 2)
        assert (parents[:, 0] != parents[:, 1]).all()
        assert_allclose(weights.sum(axis=1), 1)
        assert_allclose(X_new[12:], np.einsum("ij,ijk->ik", weights, X[parents]))
        if labels is LABELS:
            assert np.array_equal(y_new[12:, None] == LABELS[parents], [[True] * 2] * 3)
        else:
            mixed = np.einsum("ij,ij...->i...", weights, labels[parents])
            assert_allclose(y_new[12:], mixed)


@pytest.mark.parametrize(("resampler", "labels"), RESAMPLERS)
def test_a_fitted_resampler_survives_pickling(resampler, labels):
    resampler = clone(resampler)
    expected = resampler.fit_resample(X, labels)
    loaded = pickle.loads(pickle.dumps(resampler))
    assert equal(loaded.resample(), expected)
    assert equal(loaded.resample(random_state=1), resampler.resample(random_state=1))


@pytest.mark.parametrize("resampler", [MixupResampler(), CMixupResampler()])
@pytest.mark.parametrize("labels", [[1, 2], [3, 3], [[1, 2], [3, 4]]])
def test_two_rows_are_enough(resampler, labels):
    rows = [[0.0, 1.0], [1.0, 1.0]]
    X_new, y_new = resampler.set_params(mix_ratio=0.25).fit_resample(rows, labels)
    assert sorted(X_new[2:]) == [[0.25, 1.0], [0.75, 1.0]]
    mixed = [
        0.25 * np.array(labels[i]) + 0.75 * np.array(labels[1 - i]) for i in (0, 1)
    ]
    assert_allclose(sorted(y_new[2:]), sorted(m.tolist() for m in mixed))


@pytest.mark.parametrize(
    "labels",
    [
        [1, 2, 3],
        np.array([1, 2, 3], dtype=np.int16),
        np.array([True, False, True]),
        pd.Series([1, 2, 3], dtype="Int64", name="t"),
        pl.Series("t", [1, 2, 3], dtype=pl.UInt8),
    ],
    ids=lambda labels: type(labels).__module__,
)
def test_where_nothing_is_mixed_everything_comes_back_as_it_was(labels):
    rows = pd.DataFrame({"a": [1, 2, 3], "b": list("xyz")}, index=list("pqr"))
    resampler = MixupResampler(amount=0)
    X_new, y_new = resampler.fit_resample(rows, labels)
    pd.testing.assert_frame_equal(X_new, rows)
    assert type(y_new) is type(labels)
    assert getattr(y_new, "dtype", int) == getattr(labels, "dtype", int)
    assert list(y_new) == list(labels)
    assert resampler.parent_indices_.shape == resampler.mix_weights_.shape == (0, 2)


def test_classes_in_balance_come_back_as_they_were():
    X_new, y_new = WithinClassSampler().fit_resample(X[:4].tolist(), list("abab"))
    assert X_new == X[:4].tolist()
    assert y_new == list("abab")


@pytest.mark.parametrize(
    ("labels", "dtype"),
    [
        (LABELS, "<U3"),
        (PLACES.astype(np.int8), "int8"),
        (PLACES.astype(float), "float64"),
        (pd.Series(LABELS, name="t"), "str"),
        (pd.Series(LABELS, dtype="category"), "category"),
        (pd.Series(PLACES, dtype="category"), "category"),
        (pd.Series(PLACES, dtype="Int64"), "Int64"),
        (pd.Series(LABELS, dtype="string[pyarrow]"), "string[pyarrow]"),
        (pl.Series("t", LABELS), pl.String),
        (pl.Series("t", LABELS, dtype=pl.Categorical), pl.Categorical),
        (
            pl.Series(LABELS, dtype=pl.Enum(["emu", "dog", "cat"])),
            pl.Enum(["emu", "dog", "cat"]),
        ),
        (pl.Series(PLACES, dtype=pl.Int8), pl.Int8),
    ],
)
def test_class_labels_keep_their_form(labels, dtype):
    sampler = WithinClassSampler(random_state=0)
    X_new, y_new = sampler.fit_resample(X, labels)
    assert type(y_new) is type(labels)
    assert y_new.dtype == dtype
    assert getattr(y_new, "name", None) == getattr(labels, "name", None)
    given = list(labels)
    new = [given[i] for i in sampler.parent_indices_[:, 0]]
    assert list(y_new) == given + new
    # Whatever the labels are called, the same rows are mixed.
    rows = sampler.parent_indices_
    assert sorted(PLACES[rows[:, 0]]) == [1, 2, 2]
    assert len(X_new) == 15


@pytest.mark.parametrize(
    "container",
    [
        np.asarray,
        np.ndarray.tolist,
        lambda labels: pd.DataFrame(labels, columns=["c", "d", "e"]),
        lambda labels: pl.DataFrame(labels, schema=["c", "d", "e"]),
    ],
    ids=["array", "list", "pandas", "polars"],
)
def test_one_vs_all_labels_come_back_as_such(container):
    labels = container(np.eye(3, dtype=int)[PLACES])
    y_new = WithinClassSampler(random_state=0).fit_resample(X, labels)[1]
    assert type(y_new) is type(labels)
    assert getattr(y_new, "shape", (15, 3)) == (15, 3)
    plain = WithinClassSampler(random_state=0).fit_resample(X, PLACES)[1]
    assert np.array_equal(y_new, np.eye(3)[plain])


def test_sampling_strategy_is_that_of_imbalanced_learn():
    for strategy in ({"emu": 5, "cat": 5}, "all", "not majority", "auto"):
        sampler = WithinClassSampler(sampling_strategy=strategy, random_state=0)
        y_new = sampler.fit_resample(X, LABELS)[1]
        smote = SMOTE(sampling_strategy=strategy, k_neighbors=1)
        expected = np.unique(smote.fit_resample(X, LABELS)[1], return_counts=True)
        assert equal(np.unique(y_new, return_counts=True), expected)
    assert sampler.sampling_strategy_ == {"dog": 1, "emu": 2}
    with pytest.raises(ValueError, match="more than 1 class"):
        sampler.fit(X, ["cat"] * 12)


def test_classes_index_of_rows_and_labels_stay_aligned():
    index = [f"row{i}" for i in range(12)]
    sampler = WithinClassSampler(random_state=0)
    frame = pd.DataFrame(X, columns=list("abc"), index=index)
    frame["kind"] = LABELS
    X_new, y_new = sampler.fit_resample(frame, pd.Series(LABELS, index=index))
    heavier = np.take_along_axis(
        sampler.parent_indices_, sampler.mix_weights_.argmax(axis=1)[:, None], axis=1
    )[:, 0]
    assert X_new.index.tolist() == index + [index[i] for i in heavier]
    assert y_new.index.equals(X_new.index)
    assert X_new["kind"].equals(y_new.rename("kind"))


@pytest.mark.parametrize("labels", [LABELS, pd.Series(LABELS), pl.Series(LABELS)])
def test_a_mix_may_take_the_label_of_its_lighter_parent(labels):
    class Across(WithinClassSampler):
        def _draw(self, data, rng):
            # A cat and an emu: mostly emu, called a cat.
            weight, target = np.array([0.25]), np.array(["cat"])
            return Mixes(np.array([2]), np.array([0]), weight, target)

    frame = pd.DataFrame(X, columns=list("abc")).assign(kind=LABELS)
    sampler = Across()
    X_new, y_new = sampler.fit_resample(frame, labels)
    assert list(y_new) == [*LABELS, "cat"]
    assert X_new["kind"].to_list() == [*LABELS, "emu"]
    batches = list(sampler.iter_resample(4))
    found = [label for _, part in batches for label in part]
    assert sorted(found) == sorted([*LABELS, "cat"])
    kinds = [kind for part, _ in batches for kind in part["kind"]]
    assert sorted(kinds) == sorted([*LABELS, "emu"])


@pytest.mark.filterwarnings("ignore::skmix.exceptions.JudgementWarning")
def test_a_fit_forgets_the_one_before():
    resampler = MixRLResampler(random_state=0)
    resampler.fit_resample(X, Y[:, 0])
    X_new, y_new = resampler.fit_resample(X[:5, :2], Y[:5])
    assert resampler.n_features_in_ == 2
    assert resampler.parent_indices_.shape == (len(X_new) - 5, 2)
    assert y_new.shape == (len(X_new), 2)


def test_yes_and_no_beside_numbers_are_numbers():
    y = pd.DataFrame({"price": [1.5, 2.5, 3.5], "sold": [True, False, True]})
    resampler = MixupResampler(mix_ratio=0.5, random_state=0)
    _, y_new = resampler.fit_resample(np.arange(3.0)[:, None], y)
    parents = resampler.parent_indices_
    expected = y["sold"].to_numpy(float)[parents].mean(axis=1)
    assert np.array_equal(y_new["sold"].to_numpy()[3:], expected)


@pytest.mark.parametrize("batch_size", [1, 7, 1000])
def test_batches_are_the_rows_and_mixes_once_each(batch_size):
    X, y = np.random.RandomState(0).normal(size=(30, 3)), np.arange(30)
    resampler = MixupResampler(random_state=0).fit(X, y)
    X_all, y_all = resampler.resample()
    batches = list(resampler.iter_resample(batch_size))
    sizes = [len(X_batch) for X_batch, _ in batches]
    assert sizes[:-1] == [batch_size] * (len(sizes) - 1)
    X_found, y_found = (np.concatenate(parts) for parts in zip(*batches, strict=True))
    assert y_found.dtype == y_all.dtype == np.float64
    order = np.lexsort(np.column_stack([X_found, y_found]).T)
    expected = np.lexsort(np.column_stack([X_all, y_all]).T)
    assert np.array_equal(X_found[order], X_all[expected])
    assert np.array_equal(y_found[order], y_all[expected])
    # Rows and mixes in random order.
    assert np.isin(y_found[:30], y).sum() < 28
    other = np.concatenate([y for _, y in resampler.iter_resample(10, random_state=1)])
    assert not np.array_equal(np.sort(other), np.sort(y_all))
    same = np.concatenate([y for _, y in resampler.iter_resample(10)])
    assert np.array_equal(same, y_found)


@pytest.mark.parametrize("library", [pd, pl])
def test_batches_come_as_what_went_in(library):
    X = library.DataFrame({"a": [1, 2, 3, 4], "b": ["x", "y", "x", "y"]})
    y = (
        library.Series("label", ["u", "u", "u", "v"])
        if library is pl
        else pd.Series(["u", "u", "u", "v"], name="label")
    )
    if library is pd:
        X.index = y.index = [10, 11, 12, 13]
    sampler = MixupSampler(random_state=0).fit(X, y)
    X_all, y_all = sampler.resample()
    batches = list(sampler.iter_resample(3))
    assert all(type(part) is library.DataFrame for part, _ in batches)
    assert all(type(part) is library.Series for _, part in batches)
    assert all(list(part.columns) == ["a", "b"] for part, _ in batches)
    labels = [label for _, part in batches for label in part.to_list()]
    assert sorted(labels) == sorted(y_all.to_list())
    assert sum(len(part) for part, _ in batches) == len(X_all)
    if library is pd:
        assert all(a.index.equals(b.index) for a, b in batches)
        assert all(part["a"].dtype == X["a"].dtype for part, _ in batches)


def test_batches_of_rows_that_are_not_mixed():
    X, y = [[0.0], [1.0], [2.0]], [1, 2, 3]
    resampler = MixupResampler(amount=0.0, random_state=0).fit(X, y)
    batches = list(resampler.iter_resample(2))
    assert sorted(label for _, part in batches for label in part) == y
    assert all(type(label) is int for _, part in batches for label in part)


@pytest.mark.parametrize("batch_size", [0, 1.5, "all"])
def test_batches_of_an_impossible_size(batch_size):
    resampler = MixupResampler().fit([[0.0], [1.0]], [0, 1])
    with pytest.raises(ValueError, match="batch_size must be a whole number of at lea"):
        resampler.iter_resample(batch_size)


def test_rows_on_disk_are_not_copied(tmp_path):
    stored = np.lib.format.open_memmap(
        tmp_path / "rows.npy", mode="w+", dtype=np.float32, shape=(50, 3)
    )
    stored[:] = np.random.RandomState(0).normal(size=(50, 3))
    del stored
    X, y = np.load(tmp_path / "rows.npy", mmap_mode="r"), np.arange(50.0)
    resampler = MixupResampler(random_state=0).fit(X, y)
    data = resampler._data
    assert np.shares_memory(data.X.array, X)
    assert np.shares_memory(data.columns.values, X)
    for X_batch, _ in resampler.iter_resample(20):
        assert X_batch.dtype == np.float32
        assert not np.shares_memory(X_batch, X)
    whole, _ = resampler.resample()
    assert whole.dtype == np.float32


def test_mixes_are_made_in_blocks(monkeypatch):
    X, y = np.random.RandomState(0).normal(size=(40, 3)), np.arange(40.0)
    whole = MixupResampler(random_state=0).fit_resample(X, y)
    monkeypatch.setattr("skmix._containers.BLOCK_VALUES", 10)
    blocks = MixupResampler(random_state=0).fit_resample(X, y)
    assert np.array_equal(whole[0], blocks[0])


def test_float32_is_mixed_in_double_precision():
    X = np.array([[1e8, 1.0], [1e8 + 8, 3.0]], dtype=np.float32)
    resampler = MixupResampler(mix_ratio=0.25, amount=1, random_state=0)
    X_new, _ = resampler.fit_resample(X, [0.0, 1.0])
    weight, parents = resampler.mix_weights_, resampler.parent_indices_
    expected = (weight[:, :, None] * X.astype(np.float64)[parents]).sum(axis=1)
    assert np.array_equal(X_new[2:], expected.astype(np.float32))


def test_batches_tell_their_parents_and_need_a_fit():
    with pytest.raises(NotFittedError):
        MixupResampler().iter_resample()
    resampler = MixupResampler(mix_ratio=0.25, random_state=0).fit(X, Y)
    before = resampler.resample()[0][12:]
    batches = list(resampler.iter_resample(5, random_state=1))
    parents, weights = resampler.parent_indices_, resampler.mix_weights_
    mixes = np.einsum("ij,ijk->ik", weights, X[parents])
    found = np.concatenate([part for part, _ in batches])
    expected = np.vstack([X, mixes])
    assert_allclose(np.sort(found, axis=0), np.sort(expected, axis=0))
    assert not np.array_equal(mixes, before)


def test_batches_of_numbers_keep_the_index_of_the_heavier_parent():
    index = [f"row{i}" for i in range(12)]
    frame = pd.DataFrame(X, columns=list("abc"), index=index)
    resampler = MixupResampler(mix_ratio=0.25, random_state=0)
    resampler.fit(frame, pd.Series(Y[:, 0], index=index))
    batches = list(resampler.iter_resample(5))
    assert all(a.index.equals(b.index) for a, b in batches)
    found = [label for _, part in batches for label in part.index]
    heavier = [index[i] for i in resampler.parent_indices_[:, 1]]
    assert sorted(found) == sorted(index + heavier)
