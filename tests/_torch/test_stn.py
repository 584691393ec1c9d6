import pickle

import numpy as np
import pytest
import torch
from numpy.testing import assert_allclose, assert_array_equal
from scipy.ndimage import affine_transform
from torch import nn

from skmix._torch import stn as module
from skmix._torch.stn import (
    MAX_ROTATION,
    MAX_SCALE,
    MAX_SHIFT,
    Localisation,
    affine_matrices,
    draw_raw,
    train_stn,
    transform,
)

CPU = torch.device("cpu")
# Square and not, of one channel and of three.
SHAPES = [(1, 8, 8), (3, 6, 11), (3, 12, 5)]


def make_images(n=10, shape=(1, 8, 8), seed=0):
    return np.random.RandomState(seed).uniform(size=(n, *shape))


def spots(n=64, size=10, seed=0):
    """Images with a bright spot, two pixels from the middle in a random direction."""
    rng = np.random.RandomState(seed)
    place = size / 2 - 0.5 + rng.choice([-2.0, 2.0], size=(n, 2))
    pixels = np.indices((size, size))
    far = ((pixels - place[:, :, None, None]) ** 2).sum(axis=1)
    return np.exp(-far / 4)[:, None]


def middle(images):
    """Brightness of the four pixels in the middle."""
    h, w = (side // 2 for side in images.shape[2:])
    return images[:, :, h - 1 : h + 1, w - 1 : w + 1].mean(dim=(1, 2, 3))


def run(X, score=middle, **changes):
    settings = {
        "hidden_layer_sizes": (16,),
        "learning_rate": 1e-2,
        "batch_size": 32,
        "max_iter": 20,
        "device": CPU,
        "seed": 0,
        **changes,
    }
    return train_stn(X, score, **settings)


def mean_score(stn, X, score):
    """Mean score of the images as they are transformed."""
    images = torch.as_tensor(X, dtype=torch.float32)
    with torch.no_grad():
        return float(score(transform(images, torch.as_tensor(stn.raw(X)))).mean())


def single(part, share):
    """Parameters with one part at a share of its bound."""
    raw = torch.zeros(1, 4, dtype=torch.float64)
    raw[0, part] = np.arctanh(share)
    return raw


@pytest.mark.parametrize("shape", SHAPES)
def test_zero_is_the_identity(shape):
    images = torch.as_tensor(make_images(shape=shape))
    raw = torch.zeros(10, 4, dtype=torch.float64)
    identity = [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]]
    assert_array_equal(affine_matrices(raw, 0.7), [identity] * 10)
    assert_allclose(transform(images, raw), images, atol=1e-12)


@pytest.mark.parametrize("shape", SHAPES)
def test_transforms_are_those_of_scipy(shape):
    """Turned and scaled in pixels about the centre, then shifted."""
    images, raw = make_images(shape=shape), draw_raw(10, seed=0)
    height, width = shape[1:]
    parts = np.tanh(raw.astype(float))
    angles, scales = MAX_ROTATION * parts[:, 0], MAX_SCALE ** parts[:, 1]
    # Rows before columns.
    shifts = MAX_SHIFT * parts[:, [3, 2]] * (height, width)
    centre = (np.array([height, width]) - 1) / 2
    expected = np.empty_like(images)
    for image, angle, scale, shift, new in zip(
        images, angles, scales, shifts, expected, strict=True
    ):
        cos, sin = np.cos(angle), np.sin(angle)
        matrix = scale * np.array([[cos, sin], [-sin, cos]])
        offset = centre + shift - matrix @ centre
        for channel, out in zip(image, new, strict=True):
            out[:] = affine_transform(channel, matrix, offset, order=1, mode="nearest")
    found = transform(
        torch.as_tensor(images), torch.as_tensor(raw, dtype=torch.float64)
    )
    assert_allclose(found, expected, atol=1e-6)


@pytest.mark.parametrize("sign", [-1, 1])
def test_a_shift_by_one_pixel_repeats_the_border(sign):
    images = make_images(n=1, shape=(3, 12, 16))
    for part, axis, side in ((2, 3, 16), (3, 2, 12)):
        found = transform(
            torch.as_tensor(images), single(part, sign / (MAX_SHIFT * side))
        )
        pixels = np.clip(np.arange(side) + sign, 0, side - 1)
        assert_allclose(found, images.take(pixels, axis), atol=1e-12)


def test_a_window_that_turns_clockwise_shows_a_bar_turned_back():
    images = torch.zeros(1, 1, 31, 31, dtype=torch.float64)
    images[..., 15, :] = 1.0
    found = transform(images, single(0, 1 - 1e-12))[0, 0]
    columns = np.array([5, 25])
    rows = found[:, columns].argmax(dim=0).numpy()
    assert_array_equal(rows, np.round(15 - (columns - 15) * np.tan(MAX_ROTATION)))


@pytest.mark.parametrize("aspect", [0.5, 1.0, 2.0])
def test_bounds_hold_for_any_numbers(aspect):
    rng = np.random.RandomState(0)
    raw = torch.as_tensor(
        rng.normal(size=(200, 4)) * 10.0 ** rng.uniform(-2, 6, (200, 1))
    )
    matrices = affine_matrices(raw, aspect).numpy()
    # To pixels, of which the width has 1 and the height aspect.
    turns = matrices[:, :, :2] * [[1.0, 1 / aspect], [aspect, 1.0]]
    scale = np.linalg.det(turns) ** 0.5
    angle = np.arctan2(turns[:, 1, 0], turns[:, 0, 0])
    assert_allclose(
        turns.transpose(0, 2, 1) @ turns,
        np.eye(2) * scale[:, None, None] ** 2,
        atol=1e-12,
    )
    slack = 1 + 1e-9
    assert np.abs(angle).max() <= MAX_ROTATION * slack
    assert np.abs(np.log(scale)).max() <= np.log(MAX_SCALE) * slack
    assert np.abs(matrices[:, :, 2]).max() <= 2 * MAX_SHIFT * slack
    # And they are reached.
    assert np.abs(angle).max() > 0.99 * MAX_ROTATION
    assert scale.max() > 0.99 * MAX_SCALE
    assert matrices[:, :, 2].min() < -0.99 * 2 * MAX_SHIFT


def test_no_number_is_no_change():
    """And does not crash, as sampling at such places does."""
    images = torch.tensor(make_images(3), requires_grad=True)
    raw = torch.full((3, 4), np.nan, dtype=torch.float64, requires_grad=True)
    new = transform(images, raw)
    assert_allclose(new.detach(), images.detach(), atol=1e-12)
    new.sum().backward()
    assert_allclose(images.grad, np.ones(images.shape), atol=1e-12)


def test_draws_are_uniform_within_the_bounds(random_state_untouched):
    raw = draw_raw(20_000, seed=0)
    assert raw.dtype == np.float32
    assert np.isfinite(raw).all()
    shares = np.tanh(raw)
    counts = [np.histogram(part, bins=10, range=(-1, 1))[0] for part in shares.T]
    assert np.abs(np.array(counts) / 2000 - 1).max() < 0.1
    assert np.abs(np.corrcoef(shares.T) - np.eye(4)).max() < 0.03
    assert_array_equal(draw_raw(5, seed=1), draw_raw(5, seed=1))
    assert not np.allclose(draw_raw(5, seed=1), draw_raw(5, seed=2))


@pytest.mark.parametrize("shape", [(1, 4, 4), (2, 3, 5)])
def test_gradients_by_finite_differences(shape):
    images = torch.tensor(make_images(3, shape), requires_grad=True)
    raw = torch.tensor(draw_raw(3, seed=0), dtype=torch.float64, requires_grad=True)
    assert torch.autograd.gradcheck(transform, (images, raw))


@pytest.mark.parametrize("shape", [(1, 8, 8), (3, 6, 11), (3, 40, 9), (1, 32, 32)])
def test_the_network_starts_at_the_identity(shape):
    X = make_images(shape=shape)
    network = Localisation(torch.as_tensor(X, dtype=torch.float32), (16,))
    inputs = network.layers[0].in_features
    assert inputs == shape[0] * min(shape[1], 8) * min(shape[2], 8)
    stn = run(X, max_iter=0)
    assert_array_equal(stn.raw(X), np.zeros((10, 4)))


def test_constant_images():
    X = np.full((5, 1, 8, 8), 0.3)
    assert np.isfinite(run(X).raw(X)).all()


@pytest.mark.parametrize("seed", range(3))
def test_training_raises_the_score_image_by_image(seed):
    """A spot can be brought to the middle, if each image goes its own way."""
    X = spots(seed=seed)
    images = torch.as_tensor(X, dtype=torch.float32)
    stn = run(X, max_iter=150, seed=seed)
    raw = torch.as_tensor(stn.raw(X))
    before, after = middle(images).mean(), middle(transform(images, raw)).mean()
    drawn = middle(transform(images, torch.as_tensor(draw_raw(64, seed)))).mean()
    assert after > 1.3 * max(before, drawn)
    # All four ways: the window looks at where the spot was.
    ways = np.sign(raw[:, 2:].numpy())
    was = np.stack(
        [images.sum(dim=(1, 2)).argmax(1), images.sum(dim=(1, 3)).argmax(1)], 1
    )
    assert (ways == np.sign(was - 4.5)).mean() > 0.95


@pytest.mark.parametrize("shape", SHAPES)
def test_the_best_pass_is_kept(shape):
    """Steps are too long, so that some passes go down."""
    X = make_images(40, shape)

    def smoothness(batch):
        return -(batch - batch.mean(dim=(2, 3), keepdim=True)).abs().mean(dim=(1, 2, 3))

    looks = []

    def watched(batch):
        scores = smoothness(batch)
        if not batch.requires_grad:
            looks.append(scores.sum())
        return scores

    stn = run(X, watched, learning_rate=0.5, batch_size=16, max_iter=20)
    # Three batches to a pass, so looks at three blocks each: at the start, after the
    # six passes and after the last two updates.
    means = torch.stack(looks).unflatten(0, (8, 3)).sum(dim=1) / 40
    assert means.diff().min() < 0
    assert mean_score(stn, X, smoothness) == pytest.approx(float(means.max()))


def test_the_identity_stays_where_nothing_is_better():
    """All that lies between the pixels of noise is smoother."""
    X = make_images(40)
    looks = []

    def roughness(images):
        scores = images.diff(dim=3).abs().mean(dim=(1, 2, 3))
        looks.append(float(scores.detach().mean()))
        return scores

    stn = run(X, roughness, batch_size=40)
    assert looks[0] > max(looks[2:])
    assert_array_equal(stn.raw(X), np.zeros((40, 4)))


def test_the_network_behind_the_score_is_left_as_it_is():
    X = make_images(shape=(3, 8, 8))
    classifier = nn.Sequential(nn.Flatten(), nn.Linear(192, 5))
    before = [weight.detach().clone() for weight in classifier.parameters()]

    def entropy(images):
        logits = classifier(images).log_softmax(dim=1)
        return -(logits.exp() * logits).sum(dim=1)

    stn = run(X, entropy)
    images = torch.as_tensor(X, dtype=torch.float32)
    with torch.no_grad():
        assert mean_score(stn, X, entropy) > entropy(images).mean()
    for weight, start in zip(classifier.parameters(), before, strict=True):
        assert weight.grad is None
        assert weight.requires_grad
        assert_array_equal(weight.detach(), start)


def test_blocks_change_nothing(monkeypatch):
    X = spots()
    stn = run(X)
    whole = stn.raw(X)
    monkeypatch.setattr(module, "BLOCK_SIZE", 7)
    assert_allclose(stn.raw(X), whole, rtol=1e-4, atol=1e-5)
    assert stn.raw(X[:0]).shape == (0, 4)


def test_same_seed_same_network(random_state_untouched):
    """Also where the score draws, as dropout does."""
    X = spots()
    X.flags.writeable = False

    def dropped(images):
        return middle(nn.functional.dropout(images, 0.1))

    one, two, other = (run(X, dropped, seed=seed).raw(X) for seed in (0, 0, 1))
    assert_array_equal(one, two)
    assert not np.allclose(one, other)


def test_a_pickle_has_the_same_parameters():
    X = spots()
    stn = run(X)
    again = pickle.loads(pickle.dumps(stn))
    assert again.interrupted is False
    assert_array_equal(again.raw(X), stn.raw(X))


def test_an_interrupt_keeps_the_best_so_far(monkeypatch):
    X = spots()
    # A pass is two batches, and after the third update no look has been taken.
    expected = run(X, max_iter=2)
    assert np.abs(expected.raw(X)).max() > 0
    step, calls = torch.optim.Adam.step, []

    def interrupted(self):
        calls.append(self)
        if len(calls) == 4:
            raise KeyboardInterrupt
        return step(self)

    monkeypatch.setattr(torch.optim.Adam, "step", interrupted)
    stn = run(X)
    assert (stn.interrupted, expected.interrupted) == (True, False)
    assert_array_equal(stn.raw(X), expected.raw(X))


def test_an_interrupt_of_the_first_look_leaves_the_identity():
    def interrupted(images):
        raise KeyboardInterrupt

    stn = run(spots(), interrupted)
    assert stn.interrupted
    assert_array_equal(stn.raw(spots()), np.zeros((64, 4)))


@pytest.mark.parametrize("max_iter", [1, 20])
def test_a_training_that_diverges_is_refused(max_iter):
    with pytest.raises(ValueError, match=r"diverged with learning_rate=1e\+38"):
        run(spots(), learning_rate=1e38, max_iter=max_iter)


@pytest.mark.parametrize("wrong", [np.nan, np.inf])
def test_scores_that_are_not_finite_are_refused(wrong):
    with pytest.raises(ValueError, match=r"look for .* the score"):
        run(spots(), lambda images: middle(images) + wrong)


def test_gradients_that_are_not_finite_are_refused():
    """An image would be sampled at no number, and look like one."""
    with pytest.raises(ValueError, match="and its gradient"):
        run(spots(), lambda images: (images * 0).mean(dim=(1, 2, 3)).sqrt())


@pytest.mark.gpu
def test_a_gpu_learns_the_same_and_its_pickle_opens_on_a_cpu():
    X = spots()
    there = run(X, device=torch.device("cuda"))
    assert there.device.type == "cuda"
    raw = there.raw(X)
    assert_allclose(raw, run(X).raw(X), rtol=5e-2, atol=2e-2)
    back = pickle.loads(pickle.dumps(there))
    assert back.device == CPU
    assert_allclose(back.raw(X), raw, rtol=1e-3, atol=1e-4)
