"""Learned transformations: numbers by hand, and planted augmentations."""

import numpy as np
import pytest
import torch
from torch import nn

from skmix._torch import transforms
from skmix._torch.bilevel import BilevelLearner, LogLoss, Rows, make_rows

CPU = torch.device("cpu")


def table(X, y, n_classes=2, moves_target=False, blocks=(), n_numbers=None, **more):
    rows = make_rows(np.asarray(X, float), np.asarray(y)[:, None], np.ones(len(X)), CPU)
    codes = np.zeros(len(y), int) if moves_target else np.asarray(y)
    order = np.argsort(codes, kind="stable")
    counts = np.bincount(codes, minlength=n_classes)
    begin = (np.cumsum(counts) - counts)[codes]
    made = transforms.TableTransform(
        rows.X,
        rows.Y,
        classes=codes,
        n_classes=n_classes,
        n_numbers=rows.X.shape[1] if n_numbers is None else n_numbers,
        blocks=blocks,
        partners=transforms.make_partners(order, begin, counts[codes], CPU),
        n_labels=[] if moves_target else [n_classes],
        seed=0,
        **more,
    )
    return rows, made


def test_a_row_is_moved_towards_one_of_its_class():
    rng = np.random.RandomState(0)
    X, y = rng.normal(size=(30, 2)), np.arange(30) % 2
    rows, transform = table(X, y)
    with torch.no_grad():
        transform.raw_noise.fill_(-40.0)
        transform.raw_strength.copy_(torch.tensor([[0.0, 40.0], [-40.0, 0.0]]))
    made = transforms.draw(transform, rows, n_copies=20, seed=1)
    assert (y[made.source] == y[made.partner]).all()
    assert (made.source == np.tile(np.arange(30), 20)).all()
    other = made.source != made.partner
    whole = np.where(other[:, None], X[made.partner] - X[made.source], 1)
    way = (made.X - X[made.source]) / whole
    first, second = (other & (y[made.source] == label) for label in (0, 1))
    # u times the strength: up to a half, and the whole way; not at all, and up to half.
    assert way[first, 0].max() == pytest.approx(0.5, abs=0.03)
    assert way[first, 1].max() == pytest.approx(1, abs=0.05)
    assert np.abs(way[second, 0]).max() < 1e-3
    assert way[second, 1].mean() == pytest.approx(0.25, abs=0.03)
    # The share is that of the mean strength.
    assert made.share[first].max() == pytest.approx(0.75, abs=0.03)


def test_noise_is_as_great_as_is_said():
    rows, transform = table(np.zeros((2000, 2)), np.arange(2000) % 2)
    with torch.no_grad():
        transform.raw_noise.copy_(torch.tensor([[1.0, -2.0], [0.0, -5.0]]))
    made = transforms.draw(transform, rows, n_copies=2, seed=0)
    found = np.array([made.X[made.source % 2 == k].std(axis=0) for k in (0, 1)])
    assert found == pytest.approx(transform.arrays()["noise"], rel=0.05)
    assert found[1, 0] == pytest.approx(0.5, rel=0.05)


def test_targets_follow_the_mean_strength():
    X, y = np.arange(10.0)[:, None], np.arange(10.0) * 3
    rows, transform = table(X, y, n_classes=1, moves_target=True)
    with torch.no_grad():
        transform.raw_noise.fill_(-40.0)
    made = transforms.draw(transform, rows, n_copies=3, seed=0)
    # On a line, mixes are on it.
    assert made.Y[:, 0] == pytest.approx(3 * made.X[:, 0], rel=1e-4)
    moved = made.X[:, 0] - X[made.source, 0]
    assert np.abs(moved).max() > 0.5
    wanted = made.share * (X[made.partner, 0] - X[made.source, 0])
    assert moved == pytest.approx(wanted, abs=1e-4)


def test_categories_are_drawn_from_what_was_learned_of_them():
    rng = np.random.RandomState(0)
    y = rng.randint(2, size=600)
    # The first column follows the label, the second the first, but for a tenth.
    first = np.where(rng.rand(600) < 0.9, y, 1 - y)
    second = np.where(rng.rand(600) < 0.9, first, 2)
    X = np.hstack([rng.normal(size=(600, 1)), np.eye(2)[first], np.eye(3)[second]])
    rows, transform = table(X, y, blocks=[(1, 3), (3, 6)], n_numbers=1)
    made = transforms.draw(transform, rows, n_copies=5, seed=0)
    drawn = made.X[:, 1:3].argmax(axis=1), made.X[:, 3:].argmax(axis=1)
    assert set(np.unique(made.X[:, 1:])) == {0.0, 1.0}
    assert (made.X[:, 1:3].sum(axis=1) == 1).all()
    source = made.source
    changed = (drawn[0] != first[source]).mean(), (drawn[1] != second[source]).mean()
    # A quarter is masked; most are drawn as they were.
    assert 0.01 < changed[0] < 0.12
    assert 0.01 < changed[1] < 0.12
    assert (drawn[0] == y[source]).mean() == pytest.approx(0.9, abs=0.04)
    assert (drawn[1] == 2).mean() == pytest.approx(0.1, abs=0.04)


def test_categories_pass_gradients_on():
    rng = np.random.RandomState(0)
    y = rng.randint(2, size=50)
    X = np.hstack([rng.normal(size=(50, 1)), np.eye(2)[y]])
    rows, transform = table(X, y, blocks=[(1, 3)], n_numbers=1)
    torch.manual_seed(0)
    transform.transform(rows).X[:, 1].sum().backward()
    for parameter in transform.conditional.parameters():
        assert parameter.grad.abs().sum() > 0


def test_what_fills_in_categories_learns_from_masked_columns_alone(monkeypatch):
    y = np.arange(20) % 2
    X = np.hstack([np.ones((20, 1)), np.eye(2)[y]])

    def weights(masked, n_batches):
        monkeypatch.setattr(transforms, "MASKED", masked)
        monkeypatch.setattr(transforms, "CONDITIONAL_BATCHES", n_batches)
        _, transform = table(X, y, blocks=[(1, 3)], n_numbers=1)
        return list(transform.conditional.parameters())

    first = weights(0.0, 0)
    pairs = zip(first, weights(0.0, 1), strict=True)
    assert all(torch.equal(a, b) for a, b in pairs)
    # Where all is masked, a step of Adam.
    moved = [(a - b).abs().max() for a, b in zip(first, weights(1.0, 1), strict=True)]
    assert [part.item() for part in moved] == pytest.approx([0.01] * 4, rel=0.01)


def test_what_fills_in_categories_takes_smaller_steps(monkeypatch):
    monkeypatch.setattr(transforms, "CONDITIONAL_BATCHES", 0)
    y = np.arange(20) % 2
    X = np.hstack([np.ones((20, 1)), np.eye(2)[y]])
    _, transform = table(X, y, blocks=[(1, 3)], n_numbers=1, learning_rate=0.06)
    before = {name: p.detach().clone() for name, p in transform.named_parameters()}
    transform.move(sum(p.sum() for p in transform.parameters()))
    # The first step of Adam is of its step size.
    for name, parameter in transform.named_parameters():
        wanted = 0.06 / 30 if name.startswith("conditional") else 0.06
        step = (before[name] - parameter.detach()).numpy()
        assert step == pytest.approx(wanted, rel=1e-3)


def toy_images(n, most, seed):
    """Bars at an angle of a class, turned further at random, by so much at most."""
    rng = np.random.RandomState(seed)
    y = np.arange(n) % 2
    angle = np.where(y == 0, 0.0, np.pi / 2) + rng.uniform(-most, most, n)
    grid = np.linspace(-1, 1, 12)
    h, w = np.meshgrid(grid, grid, indexing="ij")
    across = h * np.cos(angle)[:, None, None] - w * np.sin(angle)[:, None, None]
    images = np.exp(-((across / 0.25) ** 2))[:, None]
    return images + 0.1 * rng.normal(size=images.shape), y


def learn_images(most, seed=0):
    """Amounts before and after, where only validation images are turned."""
    X, y = toy_images(200, 0, seed)
    X_val, y_val = toy_images(200, most, seed + 1)
    rows = make_rows(X, y[:, None], np.ones(200), CPU)
    held_out = make_rows(X_val, y_val[:, None], np.ones(200), CPU)
    transform = transforms.ImageTransform(rows.X, learning_rate=0.05)
    before = transform.arrays()
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = nn.Sequential(
            nn.Conv2d(1, 8, 5), nn.ReLU(), nn.Flatten(), nn.Linear(512, 2)
        )
    learner = BilevelLearner(
        network,
        transform,
        LogLoss([2]),
        rows,
        held_out,
        learning_rate=0.02,
        momentum=0.9,
        weight_decay=1e-3,
        batch_size=50,
        warm_up=2,
        seed=seed,
    )
    for _ in range(60):
        learner.step()
    return before, transform.arrays()


def test_a_planted_rotation_is_found():
    before, after = learn_images(most=0.7)
    unturned = learn_images(most=0.0)[1]
    # By 40 degrees at most: a standard deviation of 23.
    assert before["rotation"] == pytest.approx(np.radians(5))
    assert np.radians(16) < after["rotation"] < np.radians(30)
    assert unturned["rotation"] < np.radians(11)


def change(X, **amounts):
    """Images changed by these amounts alone, and the normal numbers for them."""
    rows = Rows(torch.arange(len(X)), X, torch.zeros(len(X), 1), torch.ones(len(X)))
    transform = transforms.ImageTransform(X)
    with torch.no_grad():
        for name, raw in transform.raw.items():
            part = amounts.get(name, 0) / transforms.OF_IMAGES[name][1]
            raw.copy_(torch.tensor(part).logit(eps=1e-9))
    if "cutout" not in amounts:
        # A square of no size still has its edge.
        transform._cut = lambda *_: 0.0
    torch.manual_seed(0)
    epsilon = torch.randn(6, len(X)).double().numpy()
    torch.manual_seed(0)
    return transform.transform(rows).X.detach(), epsilon


def test_images_are_turned_scaled_and_moved_as_scipy_does():
    from scipy import ndimage

    images = np.random.RandomState(0).normal(size=(6, 2, 7, 12)).astype(np.float32)
    amounts = {"rotation": 0.6, "log_scale": 0.3, "shift": 0.1}
    made, epsilon = change(torch.tensor(images), **amounts)
    centre, sides = np.array([3.0, 5.5]), np.array([7, 12])
    for new, old, (turn, scale, x, y, *_) in zip(made, images, epsilon.T, strict=True):
        cos, sin = np.cos(0.6 * turn), np.sin(0.6 * turn)
        matrix = np.exp(0.3 * scale) * np.array([[cos, sin], [-sin, cos]])
        offset = centre - matrix @ centre + 0.1 * sides * [y, x]
        wanted = [
            ndimage.affine_transform(part, matrix, offset, order=1, mode="nearest")
            for part in old
        ]
        assert new.numpy() == pytest.approx(np.array(wanted), abs=1e-4)


def test_contrast_is_about_the_mean_of_an_image_and_brightness_moves_it():
    rng = np.random.RandomState(0)
    images = rng.normal(size=(5, 2, 4, 6)) + 2 * rng.normal(size=(5, 2, 1, 1))
    made, epsilon = change(torch.tensor(images).float(), brightness=0.5, contrast=0.3)
    mean = images.mean(axis=(1, 2, 3), keepdims=True)
    light, contrast = epsilon[4:, :, None, None, None]
    wanted = mean + 0.5 * light + np.exp(0.3 * contrast) * (images - mean)
    assert made.numpy() == pytest.approx(wanted, abs=1e-4)


def test_cutout_is_a_grey_square_of_the_size():
    X = torch.ones(400, 1, 20, 20)
    X[:, :, ::2] = -1
    made, _ = change(X, cutout=0.5)
    grey = (made.abs() < 0.2).sum(dim=(1, 2, 3))
    # Ten pixels a side, where it lies within the image.
    assert 90 < grey.max() <= 100
    assert grey.float().mean() == pytest.approx(66, rel=0.1)


def test_a_module_of_the_user_has_initial_weights_from_the_seed(random_state_untouched):
    rows = make_rows(np.ones((3, 2)), np.zeros((3, 1), int), np.ones(3), CPU)
    made = transforms.make_user_transform(lambda X, Y: nn.Linear(2, 2), rows, 7)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(7)
        wanted = nn.Linear(2, 2)
    assert made.arrays()["weight"].tolist() == wanted.weight.tolist()


def test_a_module_of_the_user_must_keep_shapes_and_have_parameters():
    rows = make_rows(np.ones((3, 2)), np.zeros((3, 1), int), np.ones(3), CPU)

    class Cut(nn.Module):
        def __init__(self, X, Y):
            super().__init__()
            self.a = nn.Parameter(torch.ones(1))

        def forward(self, X, Y, places):
            return X[:, :1] * self.a, Y

    made = transforms.make_user_transform(Cut, rows, 0)
    with pytest.raises(ValueError, match=r"same shapes: it makes \(3, 1\)"):
        made.transform(rows)
    with pytest.raises(ValueError, match=r"parameters to learn, got Identity"):
        transforms.make_user_transform(lambda X, Y: nn.Identity(), rows, 0)
