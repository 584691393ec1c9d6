import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal

from skmix._torch import vaal as module
from skmix._torch.cvae import negative_elbo
from skmix._torch.vaal import (
    Vaal,
    VaalNetwork,
    discriminator_loss,
    train_vaal,
    vae_loss,
)

CPU = torch.device("cpu")


def make_rows(seed=0, n_labelled=30, n_seen=60, n_unseen=30, p=4):
    """Labelled rows of one blob; a pool of it and, at its end, of another blob."""
    rng = np.random.RandomState(seed)
    centres = np.repeat([-1.0, 1.0], [n_labelled + n_seen, n_unseen])
    X = centres[:, None] + 0.5 * rng.normal(size=(len(centres), p))
    return X[:n_labelled], X[n_labelled:]


def run(X_labelled, X_pool, **changes):
    settings = {
        "latent_size": 2,
        "hidden_layer_sizes": (16,),
        "learning_rate": 1e-3,
        "batch_size": 32,
        "max_iter": 5,
        "beta": 1.0,
        "adversary_weight": 1.0,
        "device": CPU,
        "seed": 0,
        **changes,
    }
    return train_vaal(X_labelled, X_pool, **settings)


def forward(layers, inputs):
    """Output of a network with one hidden layer, in NumPy."""
    first, last = ([p.numpy() for p in layers[k].parameters()] for k in (0, 2))
    return np.maximum(inputs @ first[0].T + first[1], 0) @ last[0].T + last[1]


def small_case():
    rng = np.random.RandomState(0)
    network = VaalNetwork(3, 2, (4,), seed=0).double()
    rows = [torch.as_tensor(rng.normal(size=(n, 3))) for n in (4, 6)]
    noise = [torch.as_tensor(rng.normal(size=(n, 2))) for n in (4, 6)]
    return network, rows, noise


def auc(scores, positive):
    """Share of the pairs in which the positive row has the higher score."""
    return (scores[positive][:, None] > scores[~positive]).mean()


def test_losses_are_those_of_the_formula():
    network, rows, noise = small_case()
    network.requires_grad_(False)
    bounds, of_labelled = [], []
    for x, draw in zip(rows, noise, strict=True):
        outputs = network.autoencoder(x, draw)
        bounds.append(float(negative_elbo(x, *outputs, beta=0.5)))
        mean = forward(network.autoencoder.encoder, x.numpy())[:, :2]
        logits = forward(network.discriminator, mean)[:, 0]
        of_labelled.append(1 / (1 + np.exp(-logits)))
    labelled, pool = of_labelled
    adversary = -np.log(labelled).mean() - np.log(pool).mean()
    loss = vae_loss(network, rows, noise, beta=0.5, adversary_weight=3.0)
    assert float(loss) == pytest.approx(sum(bounds) + 3.0 * adversary)
    expected = -np.log(labelled).mean() - np.log(1 - pool).mean()
    assert float(discriminator_loss(network, rows)) == pytest.approx(expected)

    vaal = Vaal(network, interrupted=False)
    for x, probability in zip(rows, of_labelled, strict=True):
        assert_allclose(vaal.scores(x), 1 - probability)


def test_the_adversary_moves_the_encoder_towards_labelled_rows():
    network, rows, noise = small_case()
    alone, with_adversary = (vae_loss(network, rows, noise, 1.0, w) for w in (0.0, 1.0))
    encoder, decoder = (
        list(half.parameters())
        for half in (network.autoencoder.encoder, network.autoencoder.decoder)
    )
    gradients = torch.autograd.grad(with_adversary - alone, encoder + decoder)
    vaal = Vaal(network, interrupted=False)
    before = [vaal.scores(x).log1p().sum() for x in rows]
    for weight, gradient in zip(encoder, gradients, strict=False):
        weight -= 0.1 * gradient
    after = [vaal.scores(x).log1p().sum() for x in rows]
    assert sum(after) < sum(before) - 1e-4
    assert max(float(gradient.abs().max()) for gradient in gradients[4:]) < 1e-12


def test_the_discriminator_does_not_move_the_encoder():
    network, rows, _ = small_case()
    discriminator_loss(network, rows).backward()
    assert all(weight.grad is None for weight in network.autoencoder.parameters())
    assert all(weight.grad is not None for weight in network.discriminator.parameters())


def test_two_updates_of_the_vae_for_one_of_the_discriminator(monkeypatch):
    sizes, step = [], torch.optim.Adam.step

    def counted(self):
        sizes.append(len(self.param_groups[0]["params"]))
        return step(self)

    monkeypatch.setattr(torch.optim.Adam, "step", counted)
    run(*make_rows(), max_iter=3)
    # Encoder and decoder have four weight tensors each, the discriminator has four.
    assert sizes == [8, 8, 4] * 3


@pytest.mark.parametrize("adversary_weight", [0.0, 1.0])
@pytest.mark.parametrize("p", [2, 10])
def test_rows_unlike_the_labelled_score_higher(p, adversary_weight):
    for seed in range(3):
        X_labelled, X_pool = make_rows(seed, p=p)
        vaal = run(
            X_labelled,
            X_pool,
            max_iter=80,
            learning_rate=5e-3,
            adversary_weight=adversary_weight,
            seed=seed,
        )
        scores = vaal.score(X_pool)
        assert scores.dtype == np.float64
        assert ((scores > 0) & (scores < 1)).all()
        assert auc(scores, np.arange(90) >= 60) > 0.9


@pytest.mark.parametrize("shape", [(4,), (1, 2, 2)])
def test_gradient_of_the_scores_by_finite_differences(shape):
    X_labelled, X_pool = (X.reshape(-1, *shape) for X in make_rows())
    vaal = run(X_labelled, X_pool, max_iter=100)
    vaal.network.double()
    rows = torch.tensor(X_pool[:5], requires_grad=True)
    assert torch.autograd.gradcheck(vaal.scores, rows)
    vaal.scores(rows).sum().backward()
    assert rows.grad.abs().max() > 1e-3
    assert all(weight.grad is None for weight in vaal.network.parameters())


def test_scores_of_arrays_and_of_tensors_agree():
    X_labelled, X_pool = make_rows()
    vaal = run(X_labelled, X_pool)
    for dtype in (torch.float32, torch.float64):
        rows = torch.as_tensor(X_pool, dtype=dtype)
        assert vaal.latent_mean(rows).shape == (90, 2)
        assert_allclose(vaal.scores(rows), vaal.score(X_pool), rtol=1e-5)


def test_images_are_rows_as_well():
    images = [X.reshape(-1, 1, 3, 4) for X in make_rows(p=12)]
    vaal = run(*images)
    scores = vaal.score(images[1])
    assert_array_equal(scores, run(*make_rows(p=12)).score(make_rows(p=12)[1]))
    assert_allclose(vaal.scores(torch.as_tensor(images[1])), scores, rtol=1e-5)


def test_blocks_change_nothing(monkeypatch):
    X_labelled, X_pool = make_rows()
    vaal = run(X_labelled, X_pool)
    whole = vaal.score(X_pool)
    monkeypatch.setattr(module, "BLOCK_SIZE", 7)
    assert_allclose(vaal.score(X_pool), whole, rtol=1e-5)
    assert vaal.score(X_pool[:0]).shape == (0,)


def test_sure_scores_keep_their_order():
    X_labelled, X_pool = make_rows()
    vaal = run(X_labelled, X_pool)
    vaal.network.discriminator[-1].bias -= 25.0
    # In single precision all are 1.
    assert len(np.unique(vaal.score(X_pool))) > 80


@pytest.mark.parametrize("n_labelled", [1, 200])
def test_few_and_many_labelled_rows(n_labelled):
    X_labelled, X_pool = make_rows(n_labelled=n_labelled)
    assert np.isfinite(run(X_labelled, X_pool).score(X_pool)).all()


def test_same_seed_same_scores(random_state_untouched):
    X_labelled, X_pool = make_rows()
    for X in (X_labelled, X_pool):
        X.flags.writeable = False
    one, two, other = (
        run(X_labelled, X_pool, seed=seed).score(X_pool) for seed in (0, 0, 1)
    )
    assert_array_equal(one, two)
    assert not np.allclose(one, other)


def test_a_pickle_has_the_same_scores():
    X_labelled, X_pool = make_rows()
    vaal = run(X_labelled, X_pool)
    again = pickle.loads(pickle.dumps(vaal))
    assert again.interrupted is False
    assert_array_equal(again.score(X_pool), vaal.score(X_pool))


@pytest.mark.parametrize("update", [1, 7])
def test_an_interrupt_keeps_what_there_is(monkeypatch, update):
    X_labelled, X_pool = make_rows()
    # Three updates an iteration: the seventh is the first of the third.
    expected = run(X_labelled, X_pool, max_iter=update // 3)
    step, calls = torch.optim.Adam.step, []

    def interrupted(self):
        calls.append(self)
        if len(calls) == update:
            raise KeyboardInterrupt
        return step(self)

    monkeypatch.setattr(torch.optim.Adam, "step", interrupted)
    vaal = run(X_labelled, X_pool)
    assert (vaal.interrupted, expected.interrupted) == (True, False)
    assert_array_equal(vaal.score(X_pool), expected.score(X_pool))


@pytest.mark.parametrize("max_iter", [1, 100])
def test_a_training_that_diverges_is_refused(max_iter):
    with pytest.raises(ValueError, match=r"diverged with learning_rate=1e\+30"):
        run(*make_rows(), learning_rate=1e30, max_iter=max_iter)


def test_extreme_values_are_refused():
    X_labelled, X_pool = make_rows()
    X_pool[3] = 1e30
    with pytest.raises(ValueError, match="extreme values in X"):
        run(X_labelled, X_pool, batch_size=200)


@pytest.mark.gpu
def test_a_gpu_scores_the_same_and_its_pickle_opens_on_a_cpu():
    X_labelled, X_pool = make_rows()
    there = run(X_labelled, X_pool, device=torch.device("cuda"))
    scores = there.score(X_pool)
    assert_allclose(scores, run(X_labelled, X_pool).score(X_pool), rtol=1e-2)
    # Rows may come from another device.
    assert_allclose(there.scores(torch.as_tensor(X_pool)).cpu(), scores, rtol=1e-3)
    back = pickle.loads(pickle.dumps(there))
    assert back.device == CPU
    assert_allclose(back.score(X_pool), scores, rtol=1e-3)
