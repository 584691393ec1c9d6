import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skmix._torch import cvae as module
from skmix._torch.cvae import (
    VARIANCE,
    Autoencoder,
    negative_elbo,
    to_tensor,
    train_cvae,
)

CPU = torch.device("cpu")


def two_blobs(n=60, seed=0):
    """Rows of two classes around (-1, 1, 0) and (1, -1, 0)."""
    rng = np.random.RandomState(seed)
    codes = np.arange(n) % 2
    centres = np.array([[-1.0, 1.0, 0.0], [1.0, -1.0, 0.0]])
    return centres[codes] + 0.2 * rng.normal(size=(n, 3)), codes


def run(X, codes, n_classes=2, **changes):
    settings = {
        "latent_size": 2,
        "hidden_layer_sizes": (16,),
        "learning_rate": 1e-2,
        "batch_size": 32,
        "max_iter": 50,
        "device": CPU,
        "seed": 0,
        **changes,
    }
    return train_cvae(X, codes, n_classes, **settings)


def interrupt(monkeypatch, update):
    """Let a KeyboardInterrupt fall into an update."""
    step, calls = torch.optim.Adam.step, []

    def interrupted(self):
        calls.append(self)
        if len(calls) == update:
            raise KeyboardInterrupt
        return step(self)

    monkeypatch.setattr(torch.optim.Adam, "step", interrupted)


def forward(layers, inputs):
    """Output of a network with one hidden layer, in NumPy."""
    first, last = ([p.numpy() for p in layers[k].parameters()] for k in (0, 2))
    return np.maximum(inputs @ first[0].T + first[1], 0) @ last[0].T + last[1]


@pytest.mark.parametrize("n_classes", [0, 3])
def test_loss_is_the_bound_by_hand(n_classes):
    rng = np.random.RandomState(0)
    rows, noise, classes = (
        rng.normal(size=(4, 5)),
        rng.normal(size=(4, 2)),
        [2, 0, 0, 1],
    )
    network = Autoencoder(5, 2, (6,), n_classes).double().requires_grad_(False)
    told = np.eye(3)[classes][:, :n_classes]
    mean, log_variance = np.split(
        forward(network.encoder, np.hstack([rows, told])), 2, axis=1
    )
    draws = mean + np.exp(log_variance) ** 0.5 * noise
    decoded = forward(network.decoder, np.hstack([draws, told]))

    tensors = torch.as_tensor(rows), torch.as_tensor(noise)
    labels = torch.tensor(classes) if n_classes else None
    outputs = network(*tensors, labels)
    for output, expected in zip(outputs, (decoded, mean, log_variance), strict=True):
        assert_allclose(output, expected)

    # The density of the rows, without its constant, and KL(N(m, v) | N(0, 1)).
    log_density = -((rows - decoded) ** 2).sum(axis=1) / (2 * VARIANCE)
    variance = np.exp(log_variance)
    kl = (-np.log(variance**0.5) + (variance + mean**2) / 2 - 0.5).sum(axis=1)
    for beta in (1.0, 0.3):
        loss = float(negative_elbo(tensors[0], *outputs, beta))
        assert loss == pytest.approx(np.mean(beta * kl - log_density))


def test_a_code_that_is_the_prior_and_a_perfect_decoder_lose_nothing():
    rows, zero = torch.ones(3, 4), torch.zeros(3, 2)
    assert float(negative_elbo(rows, rows, zero, zero)) == 0


@pytest.mark.parametrize("seed", range(3))
def test_rows_are_near_their_class_and_are_new(seed):
    X, codes = two_blobs(seed=seed)
    cvae = run(X, codes, max_iter=400, seed=seed)
    X_other, codes_other = two_blobs(n=200, seed=seed + 10)
    made = cvae.generate(X_other, codes_other, seed)
    assert made.shape == X_other.shape
    means = np.array([X[codes == k].mean(axis=0) for k in (0, 1)])
    far = np.linalg.norm(made[:, None] - means, axis=2)
    assert (far.argmin(axis=1) == codes_other).all()
    assert far.min(axis=1).mean() < 0.4
    moved = np.linalg.norm(made - X_other, axis=1)
    assert moved.min() > 0.01
    # Other draws make other rows.
    assert np.abs(cvae.generate(X_other, codes_other, seed + 1) - made).max() > 0.01


def test_the_class_is_what_counts():
    """Rows that are decoded as the other class move over to it, and are no copies."""
    X, codes = two_blobs()
    cvae = run(X, codes, max_iter=400)
    swapped = cvae.generate(X, 1 - codes, 0)
    side = np.sign(swapped[:, 0] - swapped[:, 1])
    assert (side == np.sign(codes - 0.5) * -1).mean() > 0.9


@pytest.mark.parametrize("n_classes", [2, 5])
def test_few_rows_of_many_features(n_classes):
    rng = np.random.RandomState(0)
    X, codes = rng.normal(size=(20, 64)), np.arange(20) % 2
    cvae = run(X, codes, n_classes, latent_size=8, hidden_layer_sizes=(32,))
    assert np.isfinite(cvae.generate(X, codes, 0)).all()
    one = run(X[:1], codes[:1], n_classes, max_iter=5)
    assert one.generate(X, codes, 0).shape == (20, 64)


def test_images_are_made_as_images():
    X = np.random.RandomState(0).uniform(size=(12, 3, 4, 5))
    codes = np.arange(12) % 2
    cvae = run(X, codes)
    made = cvae.generate(X, codes, 0)
    assert made.shape == X.shape
    assert made.dtype == np.float32
    flat = run(X.reshape(12, 60), codes).generate(X.reshape(12, 60), codes, 0)
    assert_array_equal(flat.reshape(X.shape), made)


def test_blocks_change_nothing(monkeypatch):
    X, codes = two_blobs()
    cvae = run(X, codes)
    whole = cvae.generate(X, codes, 0)
    monkeypatch.setattr(module, "BLOCK_SIZE", 7)
    assert_allclose(cvae.generate(X, codes, 0), whole, rtol=1e-4, atol=1e-6)
    assert cvae.generate(X[:0], codes[:0], 0).shape == (0, 3)


def test_same_seed_same_rows(random_state_untouched):
    X, codes = two_blobs()
    made = [
        run(X, codes, seed=seed).generate(X, codes, draw)
        for seed, draw in ((0, 0), (0, 0), (1, 0), (0, 1))
    ]
    assert_array_equal(made[0], made[1])
    assert not np.allclose(made[0], made[2])
    assert not np.allclose(made[0], made[3])


def test_a_pickle_makes_the_same_rows():
    X, codes = two_blobs()
    cvae = run(X, codes)
    again = pickle.loads(pickle.dumps(cvae))
    assert again.interrupted is False
    assert again.device == CPU
    assert_array_equal(again.generate(X, codes, 0), cvae.generate(X, codes, 0))


@pytest.mark.parametrize("update", [1, 6])
def test_an_interrupt_keeps_what_there_is(monkeypatch, update):
    X, codes = two_blobs()
    expected = run(X, codes, max_iter=update - 1)
    interrupt(monkeypatch, update)
    cvae = run(X, codes)
    assert (cvae.interrupted, expected.interrupted) == (True, False)
    assert_array_equal(cvae.generate(X, codes, 0), expected.generate(X, codes, 0))


@pytest.mark.parametrize("max_iter", [1, 100])
def test_a_training_that_diverges_is_refused(max_iter):
    with pytest.raises(ValueError, match=r"diverged with learning_rate=1e\+30"):
        run(*two_blobs(), learning_rate=1e30, max_iter=max_iter)


def test_extreme_values_are_refused():
    X, codes = two_blobs()
    X[0, 0] = 1e30
    with pytest.raises(ValueError, match="extreme values in X"):
        run(X, codes)


@pytest.mark.parametrize("dtype", [np.float32, np.float64, ">f8"])
def test_any_array_is_copied(dtype):
    X = np.arange(6.0).astype(dtype).reshape(2, 3)[::-1]
    X.flags.writeable = False
    rows = to_tensor(X, CPU)
    assert rows.dtype == torch.float32
    rows.add_(1)
    assert_array_equal(X, [[3, 4, 5], [0, 1, 2]])


@pytest.mark.gpu
def test_a_gpu_draws_the_same_and_its_pickle_opens_on_a_cpu():
    X, codes = two_blobs()
    there = run(X, codes, device=torch.device("cuda"))
    assert there.device.type == "cuda"
    made = there.generate(X, codes, 0)
    assert_allclose(made, run(X, codes).generate(X, codes, 0), rtol=1e-2, atol=1e-2)
    back = pickle.loads(pickle.dumps(there))
    assert back.device == CPU
    assert there.device.type == "cuda"
    assert_allclose(back.generate(X, codes, 0), made, rtol=1e-3, atol=1e-4)
