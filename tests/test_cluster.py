"""The same arrays on any backend of joblib and any number of workers; rows travel once.

The clusters are real ones, on this machine.
"""

import os
import pickle
import signal
import threading
import time

import joblib
import pytest
from numpy.testing import assert_array_equal
from sklearn.datasets import make_classification, make_regression
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GridSearchCV
from sklearn.tree import DecisionTreeRegressor

from skmix import ResampledRegressor, compare_resamplers
from skmix.imbalance import MixAnNSampler
from skmix.regression import CMixupResampler, KNNMixupResampler, MixRLResampler

# All of them in one process, which starts each cluster once.
pytestmark = pytest.mark.xdist_group("cluster")

X, Y = make_regression(120, 4, noise=20, random_state=0)
X_CLASS, Y_CLASS = make_classification(200, weights=[0.85], random_state=0)


class Slow(Ridge):
    """Takes its time, so that a worker can be lost in the middle."""

    def fit(self, X, y):
        time.sleep(0.15)
        return super().fit(X, y)


def search():
    resampler = KNNMixupResampler(
        Ridge(), candidates=(1, 3), guard=False, random_state=0
    )
    return resampler.fit_resample(X, Y)


def taught_search():
    tree = DecisionTreeRegressor(max_depth=4)
    return MixRLResampler(tree, guard=False, random_state=0).fit_resample(X, Y)


def judged_on_all():
    resampler = CMixupResampler(
        Ridge(), bandwidth="auto", max_samples=60, random_state=0
    ).fit(X, Y)
    return [resampler.best_score_], [resampler.baseline_score_]


def rollouts():
    resampler = MixRLResampler(
        Ridge(),
        method="reinforce",
        n_rollouts=3,
        max_iter=2,
        guard=False,
        threshold=0.5,
        hidden_layer_sizes=8,
        random_state=0,
    )
    return resampler.fit_resample(X[:60], Y[:60], X_val=X[60:], y_val=Y[60:])


def classifier():
    sampler = MixAnNSampler(
        LogisticRegression(), n_random=2, n_rounds=0, guard=False, random_state=0
    )
    return sampler.fit_resample(X_CLASS, Y_CLASS)


def comparison():
    found = compare_resamplers(
        Ridge(), X, Y, [CMixupResampler()], cv=3, scoring="r2", random_state=0
    )
    return list(found.scores_.values())


def grid():
    model = ResampledRegressor(Ridge(), resampler=KNNMixupResampler(random_state=0))
    search = GridSearchCV(model, {"resampler__k": [1, 4]}, cv=3).fit(X, Y)
    return [search.cv_results_["mean_test_score"]]


TASKS = {"fit_fold", "teach_fold", "_fit_predict", "_fit_and_score"}
WORK = [search, taught_search, judged_on_all, rollouts, classifier, comparison, grid]
each = pytest.mark.parametrize("work", WORK, ids=lambda work: work.__name__)


def check(work, **backend):
    expected = work()
    with joblib.parallel_config(**backend):
        found = work()
    for one, other in zip(found, expected, strict=True):
        assert_array_equal(one, other)


@each
@pytest.mark.parametrize("backend", ["threading", "loky"])
def test_on_this_machine(work, backend):
    check(work, backend=backend, n_jobs=2)


@pytest.fixture(scope="module")
def dask_client():
    """Two worker processes of Dask."""
    distributed = pytest.importorskip("dask.distributed")
    with (
        distributed.LocalCluster(
            n_workers=2, threads_per_worker=1, processes=True, dashboard_address=":0"
        ) as cluster,
        distributed.Client(cluster) as client,
    ):
        yield client


@each
def test_on_dask(work, dask_client):
    check(work, backend="dask")


@pytest.mark.parametrize("victim", [0, 1])
def test_a_worker_of_dask_is_lost(dask_client, victim):
    resampler = KNNMixupResampler(
        Slow(), candidates=(1, 3), guard=False, random_state=0
    )
    expected = resampler.fit_resample(X, Y)
    workers = list(dask_client.run(os.getpid).values())
    killer = threading.Timer(1.0, os.kill, (workers[victim], signal.SIGKILL))
    with joblib.parallel_config(backend="dask", scatter=[X, Y]):
        killer.start()
        found = resampler.fit_resample(X, Y)
    killer.join()
    for one, other in zip(found, expected, strict=True):
        assert_array_equal(one, other)
    dask_client.wait_for_workers(2)
    assert workers[victim] not in dask_client.run(os.getpid).values()


@pytest.fixture(scope="module")
def ray_cluster():
    """A local Ray of two processors, registered with joblib."""
    ray = pytest.importorskip("ray")
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    register_ray()
    yield
    ray.shutdown()


def test_on_ray(ray_cluster):
    # It starts its processes anew in each call.
    for work in (comparison, search):
        check(work, backend="ray", n_jobs=2)


@pytest.mark.parametrize(
    ("work", "rows"),
    [
        (search, X),
        (taught_search, X),
        (classifier, X_CLASS),
        (comparison, X),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_rows_are_an_argument_of_their_own(work, rows, monkeypatch):
    """What joblib's backends send once; the rest of a task is small."""
    tasks = []
    call = joblib.Parallel.__call__

    def noted(self, iterable):
        taken = list(iterable)
        tasks.extend(taken)
        return call(self, taken)

    monkeypatch.setattr(joblib.Parallel, "__call__", noted)
    work()
    fits = [task for task in tasks if any(arg is rows for arg in everything(task))]
    ours = [task for task in tasks if task[0].function.__name__ in TASKS]
    assert len(fits) == len(ours) >= 6
    labels = Y if rows is X else Y_CLASS
    for task in fits:
        rest = [
            arg
            for arg in everything(task)
            if not any(arg is one for one in (rows, labels))
        ]
        assert rows.tobytes()[:400] not in pickle.dumps(rest)


def everything(task):
    _, args, named = task
    return [*args, *named.values()]
