"""Fits at a time, where they would share a GPU."""

import warnings

import pytest
import torch
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from skmix import compare_resamplers
from skmix._torch.device import is_gpu
from skmix._training import fits_at_a_time
from skmix.exceptions import SharedDeviceWarning
from skmix.imbalance import MixAnNSampler, NetworkClassifier
from skmix.regression import KNNMixupResampler, MixRLResampler, NetworkRegressor


@pytest.fixture(params=[True, False], ids=["GPU", "no GPU"])
def has_gpu(request, monkeypatch):
    """Let torch say that there is one GPU, or none."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: request.param)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: int(request.param))
    return request.param


def warned_of(call):
    """The warnings of a shared GPU that a call gives."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        call()
    return [w for w in caught if w.category is SharedDeviceWarning]


@pytest.mark.parametrize(
    ("estimator", "on_gpu"),
    [
        (NetworkRegressor(), None),
        (NetworkClassifier(device="cuda"), True),
        (NetworkRegressor(device="cuda:1"), True),
        (NetworkRegressor(device="mps"), True),
        (NetworkRegressor(device="cpu"), False),
        (make_pipeline(StandardScaler(), NetworkRegressor()), None),
        (Ridge(), False),
    ],
)
def test_several_fits_at_a_time_on_one_gpu(estimator, on_gpu, has_gpu):
    expected = has_gpu if on_gpu is None else on_gpu
    caught = warned_of(lambda: fits_at_a_time(2, Ridge(), estimator, estimator))
    assert len(caught) == expected
    if expected:
        message = str(caught[0].message)
        assert "n_jobs=2 lets several fits at a time share one GPU" in message
        assert type(estimator).__name__ in message
        assert "device='cpu'" in message
        # At the line that asks for it.
        assert caught[0].filename == __file__
    for n_jobs in (None, 1):
        assert not warned_of(lambda n=n_jobs: fits_at_a_time(n, estimator))


@pytest.mark.parametrize(
    ("name", "expected"),
    [("auto", None), ("cpu", False), ("cuda", True), ("cuda:3", True), ("mps", True)],
)
def test_which_names_mean_a_gpu(name, expected, has_gpu):
    assert is_gpu(name) == (has_gpu if expected is None else expected)


def small(**changes):
    return {"hidden_layer_sizes": 4, "max_iter": 2, **changes}


def test_the_learners_warn_once_in_a_fit(curve, monkeypatch):
    """Nothing is computed on what is not there, nor in two processes."""
    monkeypatch.setattr("skmix._torch.device.is_gpu", lambda name: name == "auto")
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setattr("skmix._training.effective_n_jobs", {None: 1, 1: 2}.get)
    X, y = curve
    network = NetworkRegressor(**small())
    policy = {"method": "reinforce", "max_iter": 1, "hidden_layer_sizes": 4}
    held_out = {"X_val": X[40:], "y_val": y[40:]}
    fits = [
        lambda n: KNNMixupResampler(network, candidates=(1, 2), cv=2, n_jobs=n).fit(
            X, y
        ),
        lambda n: MixRLResampler(network, n_rollouts=2, n_jobs=n, **policy).fit(
            X[:40], y[:40], **held_out
        ),
        lambda n: MixAnNSampler(
            NetworkClassifier(**small()), search="none", n_finalists=1, cv=2, n_jobs=n
        ).fit(X, X[:, 0] > 1),
        lambda n: compare_resamplers(network, X, y, {}, cv=2, n_jobs=n, random_state=0),
    ]
    for fit in fits:
        assert len(warned_of(lambda fit=fit: fit(1))) == 1
        assert not warned_of(lambda fit=fit: fit(None))


def test_no_warning_for_what_uses_no_gpu(has_gpu):
    assert not warned_of(lambda: fits_at_a_time(2, Ridge(), LogisticRegression()))
