"""Every learner that computes on a device: the same results, and pickles for all."""

import functools
import inspect
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose
from sklearn.base import clone
from sklearn.linear_model import Ridge

from skmix._training import seeded
from skmix.active import (
    CVAE,
    VAAL,
    AdaMixup,
    InfoMixup,
    InfoSTN,
    LADAClassifier,
    LADASelector,
)
from skmix.regression import AdaMixupResampler, MixRLResampler, NetworkRegressor
from skmix.weighting import LearnedTextAugmenter
from tests import instances
from tests.weighting.test_text_augmenter import texts

pytestmark = pytest.mark.filterwarnings(
    "ignore::skmix.exceptions.JudgementWarning",
    "ignore::skmix.exceptions.WeightConcentrationWarning",
)
DEVICES = ["cpu", pytest.param("cuda", marks=pytest.mark.gpu)]


def device_parameters(estimator):
    """Names of the parameters that say where to compute."""
    names = estimator.get_params()
    return [name for name in names if name.split("__")[-1] == "device"]


def lada(acquisition="margin", augmentation=None, **changes):
    network = LADAClassifier(hidden_layer_sizes=8, max_iter=5, random_state=0)
    settings = {"acquisition": acquisition, "augmentation": augmentation}
    return LADASelector(network, **settings, random_state=0, **changes)


NETWORK = NetworkRegressor(8, learning_rate=0.01, max_iter=30)
REINFORCE = {"method": "reinforce", "n_rollouts": 3, "max_iter": 2}
OTHERS = [
    MixRLResampler(NETWORK, max_iter=5, random_state=0),
    MixRLResampler(NETWORK, **REINFORCE, random_state=0),
    MixRLResampler(NETWORK, pretrain=True, **REINFORCE, random_state=0),
    MixRLResampler(
        Ridge(), mix_ratio=AdaMixupResampler(max_iter=5), max_iter=5, random_state=0
    ),
    lada(VAAL(hidden_layer_sizes=8, max_iter=5)),
    lada(augmentation=AdaMixup(hidden_layer_sizes=8, max_iter=5), lookahead=False),
    lada(augmentation=CVAE(hidden_layer_sizes=8, max_iter=5), lookahead=False),
    lada(augmentation=InfoMixup(policy="network", max_iter=1)),
    lada(augmentation=InfoSTN(hidden_layer_sizes=8, max_iter=5)),
    LearnedTextAugmenter(
        guard=False, max_iter=1, warm_up=1, pretrain_epochs=2, random_state=0
    ),
]
LEARNERS = [
    estimator
    for group in vars(instances).values()
    if isinstance(group, list)
    for estimator in group
    if device_parameters(estimator)
] + OTHERS
# Dropout of its language model is drawn on the device.
DRAWN_THERE = (LearnedTextAugmenter,)


def name_of(place):
    return f"{type(LEARNERS[place]).__name__}-{place}"


every_learner = pytest.mark.parametrize("place", range(len(LEARNERS)), ids=name_of)


def table(n=60, v=40):
    rng = np.random.RandomState(0)
    X = rng.normal(size=(n + v, 3))
    y = np.sin(X[:, 0]) + X[:, 1]
    return X[:n], y[:n], X[n:], y[n:]


def fit(estimator):
    """Fit an estimator to data of its kind."""
    X, y, X_val, y_val = table()
    held_out = {"X_val": X_val, "y_val": y_val}
    classes, classes_val = (part > 0.7 for part in (y, y_val))
    if isinstance(estimator, LADASelector):
        y = np.where(np.arange(60) < 20, classes, np.nan)
        if isinstance(estimator.augmentation, InfoSTN):
            X = np.random.RandomState(0).normal(size=(60, 1, 6, 6))
        rows = estimator.query(X, y, batch_size=5)
        y[rows] = classes[rows]
        if estimator.augmentation is not None:
            # Augmentations that learn from labels learn here.
            estimator.virtual_ = estimator.virtual_data(X, y)[0]
        return estimator
    if isinstance(estimator, LearnedTextAugmenter):
        return estimator.fit(*texts())
    if isinstance(estimator, instances.SampleWeightLearner):
        return estimator.fit(X, classes, X_val, classes_val)
    is_regression = (
        isinstance(estimator, MixRLResampler | AdaMixupResampler | NetworkRegressor)
        or estimator in instances.WEIGHTED_REGRESSORS
    )
    if isinstance(estimator, MixRLResampler):
        return estimator.fit(X, y, **held_out)
    return estimator.fit(X, y if is_regression else classes)


def outcome(estimator):
    """What a fitted estimator says, as arrays by name; nothing is trained."""
    X, *_ = table()
    if isinstance(estimator, LADASelector):
        names = ("query_indices_", "own_scores_", "virtual_")
        return {k: getattr(estimator, k) for k in names if hasattr(estimator, k)}
    if hasattr(estimator, "resample"):
        arrays = dict(zip("Xy", estimator.resample(), strict=True))
        arrays["parents"] = estimator.parent_indices_
        if hasattr(estimator, "options_"):
            arrays["options"] = estimator.options_
        return {k: np.asarray(v) for k, v in arrays.items()}
    if isinstance(estimator, instances.SampleWeightLearner):
        return {"weight": estimator.sample_weight_}
    ask = "predict_proba" if hasattr(estimator, "predict_proba") else "predict"
    return {ask: getattr(estimator, ask)(X)}


@functools.cache
def fitted(place, device):
    estimator = clone(LEARNERS[place])
    estimator.set_params(**dict.fromkeys(device_parameters(estimator), device))
    return fit(seeded(estimator, estimator, 0))


def tensor_devices(thing):
    """Devices of all tensors that a pickle of something holds."""
    devices = set()

    class Looking(pickle.Pickler):
        def persistent_id(self, part):
            if isinstance(part, torch.Tensor):
                devices.add(part.device.type)
                # Not looked into: a tensor of no memory has no pickle.
                return "tensor"
            return None

    with open(os.devnull, "wb") as nowhere:
        Looking(nowhere).dump(thing)
    return devices


def test_tensors_are_found_wherever_they_are():
    module = torch.nn.Linear(2, 1, device="meta")
    estimator = Ridge()
    estimator.hidden_ = {"deep": [(module,)]}
    assert tensor_devices(estimator) == {"meta"}
    estimator.other_ = torch.zeros(2)
    assert tensor_devices(estimator) == {"cpu", "meta"}
    assert tensor_devices(Ridge()) == set()


@every_learner
@pytest.mark.parametrize("device", DEVICES)
def test_what_is_fitted_holds_no_tensor_of_a_gpu(place, device):
    estimator = fitted(place, device)
    assert tensor_devices(estimator) <= {"cpu"}
    for name, value in vars(estimator).items():
        if name.endswith("_") and not name.startswith("_"):
            assert not isinstance(value, torch.Tensor | torch.device), name
    assert getattr(estimator, "device_", device).split(":")[0] == device


OPEN = """
import pickle, sys, warnings, torch
from tests.test_devices import outcome
assert not torch.cuda.is_available()
estimators = pickle.load(sys.stdin.buffer)
sys.stdout.buffer.write(pickle.dumps([outcome(e) for e in estimators]))
"""


@pytest.mark.parametrize("device", DEVICES)
def test_pickles_open_where_there_is_no_gpu(device):
    estimators = [fitted(place, device) for place in range(len(LEARNERS))]
    opened = subprocess.run(
        [sys.executable, "-c", OPEN],
        input=pickle.dumps(estimators),
        env={**os.environ, "CUDA_VISIBLE_DEVICES": "", "PYTHONPATH": os.getcwd()},
        capture_output=True,
        check=True,
    )
    results = pickle.loads(opened.stdout)
    for estimator, result in zip(estimators, results, strict=True):
        for name, array in outcome(estimator).items():
            if array.dtype.kind == "f":
                assert_allclose(result[name], array, rtol=1e-4, atol=1e-4)
            else:
                assert np.array_equal(result[name], array)


@every_learner
@pytest.mark.gpu
def test_a_gpu_decides_as_the_cpu_does(place):
    one, other = (outcome(fitted(place, device)) for device in ("cpu", "cuda"))
    if isinstance(LEARNERS[place], DRAWN_THERE):
        assert one["X"].shape == other["X"].shape
        return
    for name, array in one.items():
        if array.dtype.kind == "f":
            assert_allclose(other[name], array, rtol=1e-2, atol=1e-2)
        else:
            assert np.array_equal(other[name], array), name


def test_every_public_learner_with_a_device_is_in_the_table():
    import skmix
    from skmix import active, imbalance, regression, weighting

    public = {
        value
        for module in (skmix, active, imbalance, regression, weighting)
        for value in (getattr(module, name) for name in module.__all__)
        if inspect.isclass(value)
        and "device" in inspect.signature(value.__init__).parameters
    }
    assert public == {type(e) for e in LEARNERS if "device" in e.get_params(deep=False)}


@every_learner
def test_the_parameter_is_described_in_the_same_words(place):
    words = " ".join(type(LEARNERS[place]).__doc__.split())
    if "device" in LEARNERS[place].get_params(deep=False):
        assert 'device : str, default="auto"' in words
        assert '"cpu", "cuda", "cuda:<number>" or "mps"; "auto" takes a CUDA' in words


@every_learner
def test_a_name_that_is_none_is_refused(place):
    estimator = clone(LEARNERS[place])
    names = device_parameters(estimator)
    with pytest.raises(ValueError, match="device must be 'auto', 'cpu', 'cuda'"):
        fit(estimator.set_params(**dict.fromkeys(names, "gpu")))
