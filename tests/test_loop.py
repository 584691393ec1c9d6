"""The loop and the callbacks, with a learner whose every step is known."""

import time
import warnings
from types import SimpleNamespace

import numpy as np
import pytest
from numpy.testing import assert_array_equal
from sklearn.base import BaseEstimator, clone
from sklearn.callback import CallbackSupportMixin, with_callbacks
from sklearn.exceptions import ConvergenceWarning

from skmix._loop import Loop
from skmix.callbacks import Checkpoint, EarlyStopping, History, TimeBudget
from skmix.exceptions import CheckpointError


class Scripted:
    """A learner that reports the numbers of a script; its policy is the step number."""

    def __init__(self, script, interrupt_at=None, pause=0.0):
        self.script, self.interrupt_at, self.pause = script, interrupt_at, pause
        self.place, self.result = 0, None

    def step(self):
        time.sleep(self.pause)
        if self.place == self.interrupt_at:
            raise KeyboardInterrupt
        self.place += 1
        return {"objective": self.script[self.place - 1]}

    def state(self):
        return {"place": np.array(self.place)}

    def load_state(self, state):
        self.place = int(state["place"])

    def policy(self):
        return {"step": np.array(self.place)}

    def load_policy(self, policy):
        self.result = int(policy["step"])


class Scripting(CallbackSupportMixin, BaseEstimator):
    """Runs a scripted learner as its fit."""

    def __init__(self, verbose=0, flavour="plain"):
        self.verbose = verbose
        self.flavour = flavour

    @with_callbacks
    def fit(self, *phases, window=1, max_time=None, data=()):
        self.loop = Loop(self, len(phases), data, max_time)
        self.n_iter = [
            self.loop.run(learner, f"phase {number}", len(learner.script), window)
            for number, learner in enumerate(phases)
        ]
        self.loop.close()
        return self


def test_ends_with_the_policy_of_the_lowest_moving_average():
    learner = Scripted([4.0, 1.0, 8.0, 3.0, 3.0, 9.0])
    fitted = Scripting().fit(learner, window=2)
    assert fitted.n_iter == [6]
    assert fitted.loop.history["objective"] == learner.script
    assert fitted.loop.history["moving_average"] == [4.0, 2.5, 4.5, 5.5, 3.0, 6.0]
    assert learner.result == 2


@pytest.mark.parametrize(
    ("script", "kept"), [([0.0, 9.0, 6.0, 3.0, 3.0, 7.0], 5), ([1.0, 5.0], 2)]
)
def test_luck_in_the_first_iterations_does_not_count(script, kept):
    # Averages of three: 5, 6, 4, 13 / 3; the other script has none.
    learner = Scripted(script)
    Scripting().fit(learner, window=3)
    assert learner.result == kept


def test_history_runs_through_the_phases():
    fitted = Scripting().fit(Scripted([1.0, 2.0]), Scripted([5.0]))
    assert fitted.loop.history == {
        "phase": ["phase 0", "phase 0", "phase 1"],
        "iteration": [0, 1, 0],
        "moving_average": [1.0, 2.0, 5.0],
        "objective": [1.0, 2.0, 5.0],
    }


def test_interrupt_keeps_the_best_so_far():
    learner = Scripted([3.0, 1.0, 2.0, 0.0], interrupt_at=3)
    with pytest.warns(ConvergenceWarning, match="'phase 0', after 3 iterations"):
        fitted = Scripting().fit(learner)
    assert fitted.loop.interrupted
    assert fitted.n_iter == [3]
    assert learner.result == 2


def test_early_stopping_counts_from_the_best():
    script = [5.0, 4.0, 3.99995, 4.2, 4.1, 0.0]
    fitted = Scripting().set_callbacks(EarlyStopping(n_iter_no_change=3, tol=1e-3))
    assert fitted.fit(Scripted(script)).n_iter == [5]


def test_early_stopping_waits_for_a_full_average():
    # Averages of three: 8, 7, 6, 6, 26 / 3; none is as low as the first objective.
    script = [5.0, 9.0, 10.0, 2.0, 6.0, 10.0, 10.0, 10.0, 10.0]
    fitted = Scripting().set_callbacks(EarlyStopping(n_iter_no_change=2))
    assert fitted.fit(Scripted(script), window=3).n_iter == [7]


def test_the_last_policy_is_kept_on_request():
    class KeepingLast(Scripting):
        def fit(self, learner):
            loop = Loop(self, 1, ())
            loop.run(learner, "phase", 4, window=1, keep_last=True)
            loop.close()

    learner = Scripted([3.0, 1.0, 2.0, 4.0])
    KeepingLast().fit(learner)
    assert learner.result == 4


def test_early_stopping_starts_anew_in_each_phase():
    fitted = Scripting().set_callbacks(EarlyStopping(n_iter_no_change=2))
    fitted.fit(Scripted([1.0, 2.0, 3.0, 4.0]), Scripted([9.0, 8.0, 7.0]))
    assert fitted.n_iter == [3, 3]


def test_time_budget_stops_every_phase():
    fitted = Scripting().set_callbacks(TimeBudget(seconds=0.05))
    fitted.fit(Scripted([1.0] * 500, pause=0.02), Scripted([1.0] * 500, pause=0.02))
    assert 1 <= fitted.n_iter[0] < 10
    assert fitted.n_iter[1] == 1


def test_max_time_is_shared_among_the_phases():
    learners = [Scripted([1.0] * 500, pause=0.02) for _ in range(2)]
    fitted = Scripting().fit(*learners, max_time=0.4)
    assert all(1 < n < 30 for n in fitted.n_iter)


class Timed(Scripted):
    """Its steps take the times of its script, by a clock of its own."""

    now = 0.0

    def step(self):
        report = super().step()
        Timed.now += report["objective"]
        return report


@pytest.fixture
def clock(monkeypatch):
    monkeypatch.setattr(Timed, "now", 0.0)
    clock = SimpleNamespace(monotonic=lambda: Timed.now)
    monkeypatch.setattr("skmix._loop.time", clock)


@pytest.mark.usefixtures("clock")
def test_no_iteration_begins_that_would_be_over_too_late():
    # At 9, after six iterations, another one of 1.5 would be over at 10.5.
    script = [1.0, 1.0, 4.0, *[1.0] * 9]
    assert Scripting().fit(Timed(script), max_time=10).n_iter == [6]
    # The first of a phase always begins.
    assert Scripting().fit(Timed(script), Timed(script), max_time=1).n_iter == [1, 1]


@pytest.mark.usefixtures("clock")
def test_iterations_before_a_resume_say_nothing_about_time(tmp_path):
    callback = Checkpoint(tmp_path / "state.npz", every=1)
    script = [3.0] * 20
    with pytest.warns(ConvergenceWarning):
        Scripting().set_callbacks(callback).fit(Timed(script, interrupt_at=4))
    # At 9, after three more, another one of 3 would be over at 12.
    resumed = Scripting().set_callbacks(callback).fit(Timed(script), max_time=11)
    assert resumed.n_iter == [4 + 3]


def test_history_callback_goes_on_through_fits():
    history = History()
    for script in ([1.0], [2.0, 3.0]):
        clone(Scripting()).set_callbacks(history).fit(Scripted(script))
    assert [record["objective"] for record in history.records] == [1.0, 2.0, 3.0]
    assert history.records[0]["estimator"] == "Scripting"


@pytest.mark.parametrize("stop", [1, 2, 3, 5])
def test_resumed_run_equals_one_that_was_not_interrupted(tmp_path, stop):
    script = [5.0, 3.0, 4.0, 1.0, 2.0, 6.0]
    whole = Scripting().fit(Scripted(script), Scripted(script), window=2)
    path = tmp_path / "state.npz"
    first = Scripting().set_callbacks(Checkpoint(path, every=2))
    with pytest.warns(ConvergenceWarning):
        first.fit(Scripted(script, interrupt_at=stop), window=2)
    learners = Scripted(script), Scripted(script)
    resumed = Scripting().set_callbacks(Checkpoint(path, every=2))
    resumed.fit(*learners, window=2)
    assert resumed.loop.history == whole.loop.history
    assert [learner.result for learner in learners] == [5, 5]


def test_a_finished_phase_is_not_run_again(tmp_path):
    callback = Checkpoint(tmp_path / "state.npz")
    Scripting().set_callbacks(callback).fit(Scripted([2.0, 1.0, 3.0]))
    again = Scripted([2.0, 1.0, 3.0], interrupt_at=0)
    fitted = Scripting().set_callbacks(callback).fit(again)
    assert not fitted.loop.interrupted
    assert again.result == 2


@pytest.mark.parametrize(
    "change", [{"data": (np.ones(3),)}, {"flavour": "other"}], ids=str
)
def test_checkpoint_of_another_fit_is_refused(tmp_path, change):
    path = tmp_path / "state.npz"
    Scripting().set_callbacks(Checkpoint(path)).fit(Scripted([1.0]))
    other = Scripting(flavour=change.get("flavour", "plain"))
    with pytest.raises(CheckpointError, match=r"state\.npz.*delete the file"):
        other.set_callbacks(Checkpoint(path)).fit(
            Scripted([1.0]), data=change.get("data", ())
        )


def test_functions_may_lie_elsewhere_in_the_next_process(tmp_path):
    def make():
        def flavour():
            """Looks the same, at another address."""

        return flavour

    path, one, other = tmp_path / "state.npz", make(), make()
    assert repr(one) != repr(other)
    Scripting(flavour=one).set_callbacks(Checkpoint(path)).fit(Scripted([1.0]))
    again = Scripting(flavour=other).set_callbacks(Checkpoint(path))
    assert again.fit(Scripted([1.0], interrupt_at=0)).loop.history["objective"] == [1.0]


def test_checkpoint_is_replaced_whole(tmp_path):
    path = tmp_path / "state.npz"
    Scripting().set_callbacks(Checkpoint(path, every=1)).fit(Scripted([1.0, 2.0]))
    assert [file.name for file in tmp_path.iterdir()] == ["state.npz"]
    with np.load(path, allow_pickle=False) as file:
        assert_array_equal(file["phase 0/record:objective"], [1.0, 2.0])


def test_verbose_shows_progress_and_silence_is_silent(capsys):
    Scripting(verbose=0).fit(Scripted([1.0, 2.0]))
    assert capsys.readouterr() == ("", "")
    with warnings.catch_warnings():
        # rich draws from a thread of its own.
        warnings.simplefilter("ignore")
        shown = Scripting(verbose=1).fit(Scripted([1.0, 2.0]))
    assert "Scripting" in capsys.readouterr().out
    shown.set_params(verbose=0).fit(Scripted([1.0, 2.0]))
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: EarlyStopping(n_iter_no_change=0), "n_iter_no_change"),
        (lambda: TimeBudget(seconds=-1), "seconds"),
        (lambda: Checkpoint("x", every=0), "every"),
    ],
)
def test_bad_parameters(make, message):
    with pytest.raises(ValueError, match=message):
        make()
