import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import Ridge
from sklearn.neighbors import KNeighborsRegressor

from skmix._torch.adamixup import AdaMixupLearner
from skmix.callbacks import History
from skmix.exceptions import JudgementWarning
from skmix.regression import AdaMixupResampler, MixupResampler
from tests.regression.helpers import CV, interrupting, problem


def adamixup(estimator=None, **changes):
    settings = {
        "hidden_layer_sizes": (16,),
        "learning_rate": 0.01,
        "max_iter": 20,
        "cv": CV,
        "guard": estimator is not None,
        "random_state": 0,
        **changes,
    }
    return AdaMixupResampler(estimator, **settings)


@pytest.fixture
def learners(monkeypatch):
    """The rows and labels that each learner was made on, and how often it stepped."""
    made = []
    make, step = AdaMixupLearner.__init__, AdaMixupLearner.step

    def recorded_make(self, Z, targets, **settings):
        made.append([Z, targets, 0])
        self.number = len(made) - 1
        make(self, Z, targets, **settings)

    def recorded_step(self):
        made[self.number][2] += 1
        return step(self)

    monkeypatch.setattr(AdaMixupLearner, "__init__", recorded_make)
    monkeypatch.setattr(AdaMixupLearner, "step", recorded_step)
    return made


@pytest.mark.parametrize("n_targets", [1, 2])
def test_each_share_lies_in_the_range_of_its_ordered_pair(n_targets):
    X, y, *_ = problem(n_targets=n_targets)
    resampler = adamixup(amount=20, max_iter=60)
    X_new, y_new = resampler.fit_resample(X, y)
    assert len(X_new) == 45 + 900
    shares, parents = resampler.mix_weights_, resampler.parent_indices_
    low, high = resampler._recipe.ratio.ranges(*parents.T)
    assert (low <= shares[:, 0]).all()
    assert (shares[:, 0] <= high).all()
    # Drawn evenly in it.
    place = (shares[:, 0] - low) / (high - low)
    assert place.mean() == pytest.approx(1 / 2, abs=0.05)
    assert place.var() == pytest.approx(1 / 12, abs=0.01)
    # The ranges of the pairs turned round are others.
    low, high = resampler._recipe.ratio.ranges(*parents[:, ::-1].T)
    assert ((shares[:, 0] < low) | (shares[:, 0] > high)).mean() > 0.1
    assert (parents[:, 0] != parents[:, 1]).all()
    assert_allclose(X_new[45:], np.einsum("ij,ijk->ik", shares, X[parents]))
    assert_allclose(y_new[45:], np.einsum("ij,ij...->i...", shares, y[parents]))


@pytest.mark.parametrize("seed", range(2))
def test_mixes_keep_off_a_lump_of_another_label(seed):
    rng = np.random.RandomState(seed)
    lump = np.repeat([0, 1, 2], 20)
    x = np.array([0.0, 0.8, 2.0])[lump] + 0.1 * rng.normal(size=60)
    y = np.where(lump == 1, -1.0, 1.0)

    def intruding(resampler):
        """Share of the mixes of the outer lumps that fall on the middle one."""
        X_new, _ = resampler.set_params(amount=50).fit_resample(x[:, None], y)
        first, second = lump[resampler.parent_indices_.T]
        between = (first + second == 2) & (first != 1)
        return (np.abs(X_new[60:, 0][between] - 0.8) < 0.25).mean()

    learned = adamixup(
        hidden_layer_sizes=(64, 64),
        learning_rate=3e-3,
        max_iter=300,
        random_state=seed,
    )
    by_chance = intruding(MixupResampler(random_state=seed))
    assert by_chance > 0.2
    assert intruding(learned) < by_chance / 4


def test_what_it_tells_without_the_guard(learners):
    X, y, X_val, y_val = problem()
    history = History()
    resampler = adamixup(Ridge(), guard=False).set_callbacks(history)
    resampler.fit(X, y, X_val=X_val, y_val=y_val)
    assert [n_steps for *_, n_steps in learners] == [20]
    assert resampler.accepted_
    assert np.isnan([resampler.best_score_, resampler.baseline_score_]).all()
    assert resampler.chosen_ == (
        "Mix random pairs of rows, each at a share from its own range; not judged, as "
        "guard=False."
    )
    assert resampler.n_iter_ == 20
    assert resampler.device_.split(":")[0] in ("cpu", "cuda", "mps")
    assert resampler.history_["phase"] == ["ranges"] * 20
    terms = [resampler.history_[f"loss_{t}"] for t in ("real", "mixed", "intrusion")]
    assert_allclose(resampler.history_["objective"], np.sum(terms, axis=0))
    assert [record["phase"] for record in history.records] == ["ranges"] * 20


def test_ranges_first_then_the_judgement():
    X, y, *_ = problem()
    history = History()
    resampler = adamixup(Ridge()).set_callbacks(history).fit(X, y)
    assert resampler.history_["phase"] == ["ranges"] * 20 + ["candidates"] * 2
    assert resampler.history_["mixed"][20:] == [0, 1]
    assert [r["phase"] for r in history.records] == resampler.history_["phase"]
    assert resampler.n_iter_ == 20


def test_ranges_of_a_fold_are_learned_from_its_rows_alone(learners):
    X, y, *_ = problem()
    adamixup(Ridge()).fit(X, y)
    everything, *folds = learners
    assert_allclose(everything[0], (X - X.mean(axis=0)) / X.std(axis=0))
    assert len(folds) == 3
    for (Z, targets, n_steps), (train, _) in zip(folds, CV.split(X), strict=True):
        assert_allclose(Z, (X[train] - X[train].mean(axis=0)) / X[train].std(axis=0))
        expected = (y[train] - y[train].mean()) / y[train].std()
        assert_allclose(targets, expected[:, None])
        assert n_steps == 20


def test_with_held_out_rows_what_is_judged_is_what_is_drawn_from(learners):
    X, y, X_val, y_val = problem()
    resampler = adamixup(KNeighborsRegressor(1), amount=3)
    resampler.fit(X, y, X_val=X_val, y_val=y_val)
    assert len(learners) == 1
    assert_allclose(learners[0][0], (X - X.mean(axis=0)) / X.std(axis=0))
    plain = KNeighborsRegressor(1).fit(X, y)
    assert resampler.baseline_score_ == pytest.approx(plain.score(X_val, y_val))
    assert resampler.best_score_ != resampler.baseline_score_


def test_interrupted_it_judges_the_ranges_so_far(learners):
    X, y, *_ = problem()
    resampler = adamixup(KNeighborsRegressor(1))
    resampler.set_callbacks(interrupting(7, "ranges"))
    with pytest.warns(ConvergenceWarning, match="'ranges', after 7 iterations"):
        resampler.fit(X, y)
    assert resampler.n_iter_ == 7
    assert resampler.history_["phase"] == ["ranges"] * 7 + ["candidates"] * 2
    # Folds learn for as long.
    assert [n_steps for *_, n_steps in learners] == [7, 7, 7, 7]
    assert np.isfinite(resampler.best_score_)
    short = adamixup(KNeighborsRegressor(1), max_iter=7).fit(X, y)
    assert short.chosen_ == resampler.chosen_
    # Without the guard they are drawn from.
    loose = adamixup().set_callbacks(interrupting(7, "ranges"))
    with pytest.warns(ConvergenceWarning, match="'ranges', after 7 iterations"):
        X_new, _ = loose.fit_resample(X, y)
    assert_array_equal(X_new, adamixup(max_iter=7).fit_resample(X, y)[0])


def test_batches_are_no_larger_than_the_data():
    X, y, *_ = problem()
    one, two, small = (
        adamixup(batch_size=size).fit_resample(X, y)[0] for size in (45, 1000, 8)
    )
    assert_array_equal(one, two)
    assert not np.array_equal(one, small)


def test_two_rows():
    X, y = np.array([[0.0], [1.0]]), np.array([0, 10])
    X_new, y_new = adamixup(amount=4).fit_resample(X, y)
    assert X_new.shape == (10, 1)
    assert ((X_new[2:] > 0) & (X_new[2:] < 1)).all()
    assert_allclose(y_new, 10 * X_new[:, 0])
    judged = adamixup(Ridge(), cv=5)
    with pytest.warns(JudgementWarning, match="2 rows .* too few to judge"):
        assert len(judged.fit_resample(X, y)[0]) == 2
    # What was learned before can still be looked at.
    assert judged.history_["phase"] == ["ranges"] * 20
    assert judged.n_iter_ == 20


def test_nothing_asked_for():
    X, y, *_ = problem()
    X_new, _ = adamixup(amount=0).fit_resample(X, y)
    assert_array_equal(X_new, X)


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"amount": -1}, "The 'amount' parameter of"),
        ({"batch_size": 1}, "The 'batch_size' parameter of"),
        ({"learning_rate": 0}, "The 'learning_rate' parameter of"),
        ({"max_iter": 0}, "The 'max_iter' parameter of"),
        ({"hidden_layer_sizes": (2.5,)}, "hidden_layer_sizes must hold whole"),
        ({"device": "tpu"}, "device must be 'auto', 'cpu'"),
    ],
)
def test_bad_parameters(parameters, message):
    with pytest.raises(ValueError, match=message):
        adamixup(**parameters).fit(np.zeros((20, 1)), np.zeros(20))
