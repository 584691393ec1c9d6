"""The language model that rewrites texts."""

import numpy as np
import pytest
import torch

from skmix._torch import masked_lm

CPU = torch.device("cpu")
N_TOKENS, LENGTH = 12, 8


def make(tokens, labels, may_mask=None, **settings):
    may_mask = tokens > 2 if may_mask is None else may_mask
    allowed = np.arange(N_TOKENS) > 2
    defaults = {"n_epochs": 0, "mask_fraction": 1 / 7, "temperature": 1.0}
    return masked_lm.make(
        None,
        n_tokens=N_TOKENS,
        length=tokens.shape[1],
        width=16,
        n_units=8,
        n_outputs=2,
        n_labels=2,
        labels=labels,
        may_mask=may_mask,
        allowed=allowed,
        padding=0,
        mask=1,
        device=CPU,
        seed=0,
        tokens=tokens,
        pretrain_rate=5e-3,
        **{**defaults, **settings},
    )


def texts(n=200, seed=0):
    """Texts whose tokens are 3 to 5 for one label, 6 to 8 for the other."""
    rng = np.random.RandomState(seed)
    labels = np.arange(n) % 2
    tokens = rng.randint(3, 6, size=(n, LENGTH)) + 3 * labels[:, None]
    return tokens, labels


@pytest.mark.parametrize(
    ("n_words", "wanted"), [(1, 1), (3, 1), (4, 2), (14, 2), (21, 3), (50, 7)]
)
def test_how_many_words_are_masked(n_words, wanted):
    tokens = np.zeros((5, 60), int)
    tokens[:, :n_words] = 4
    transform, _ = make(tokens, np.array([0, 1, 0, 1, 0]))
    torch.manual_seed(0)
    masked = transform.choose(torch.arange(5))
    assert masked.sum(dim=1).tolist() == [wanted] * 5
    assert not masked[:, n_words:].any()


def test_only_words_that_may_be_are_masked_and_only_allowed_ones_stand_in():
    tokens, labels = texts()
    tokens[:, 2] = 2
    may_mask = (tokens > 2) & (np.arange(LENGTH) != 4)
    transform, _ = make(tokens, labels, may_mask)
    new = masked_lm.rewrite(transform, tokens, 3, seed=0)
    assert new.shape == (600, LENGTH)
    changed = new != np.tile(tokens, (3, 1))
    assert changed.any(axis=0).tolist() == [True, True, False, True, False, *[True] * 3]
    assert new[changed].min() > 2
    assert (changed.sum(axis=1) <= 2).all()


def test_a_trained_model_knows_the_label():
    # Of the second word only the label tells.
    tokens = np.full((200, 2), 9)
    labels = np.arange(200) % 2
    tokens[:, 1] = np.where(labels == 1, 6, 3)
    hidden = torch.tensor([[9, 1], [9, 1]])

    def second_word(transform):
        with torch.no_grad():
            logits, again = (
                transform.logits(hidden, torch.tensor([0, 1])) for _ in range(2)
            )
        # Dropout was for the training.
        assert torch.equal(logits, again)
        return logits[:, 1].argmax(dim=1).tolist()

    assert second_word(make(tokens, labels, n_epochs=30)[0]) == [3, 6]
    untrained = second_word(make(tokens, labels)[0])
    assert untrained[0] == untrained[1]


def test_what_the_model_is_trained_on():
    tokens = np.full((640, 60), 5)
    tokens[:, 50:] = 0
    transform, _ = make(tokens, np.arange(640) % 2)
    seen, asked = [], []

    def logits(texts, labels):
        outputs = torch.zeros(*texts.shape, N_TOKENS, requires_grad=True)
        outputs.register_hook(lambda gradient: asked.append(gradient.any(dim=2)))
        seen.append(texts)
        return outputs

    transform.logits = logits
    transform.pretrain(torch.tensor(tokens), 1, 1e-3, seed=0)
    seen, asked = torch.cat(seen).numpy(), torch.cat(asked).numpy()
    assert asked[:, :50].mean() == pytest.approx(0.15, abs=0.006)
    assert not asked[:, 50:].any()
    assert (seen == tokens)[~asked].all()
    shares = np.bincount(seen[asked], minlength=N_TOKENS) / asked.sum()
    # The mask; what stays; any of nine words.
    wanted = np.full(N_TOKENS, 0.1 / 9)
    wanted[:3] = 0, 0.8, 0
    wanted[5] += 0.1
    assert shares == pytest.approx(wanted, abs=0.015)
    assert (shares[[0, 2]] == 0).all()


def test_the_temperature_flattens_what_is_filled_in():
    tokens, labels = texts(20)

    def filled(temperature):
        transform, _ = make(tokens, labels, temperature=temperature)
        torch.manual_seed(0)
        places = torch.arange(20)
        return transform.filled(torch.tensor(tokens), places, hard=False)[1].double()

    # At half of it, the squares.
    square = filled(1.0) ** 2
    wanted = square / square.sum(dim=1, keepdim=True)
    torch.testing.assert_close(filled(0.5), wanted, atol=1e-5, rtol=1e-3)
    assert not square[:, :3].any()


def test_soft_texts_pass_gradients_on_to_the_model():
    tokens, labels = texts(20)
    transform, network = make(tokens, labels)
    rows = masked_lm.Rows(
        torch.arange(20),
        torch.tensor(tokens),
        torch.tensor(labels)[:, None],
        torch.ones(20),
    )
    torch.manual_seed(0)
    made = transform.rows(rows)
    assert made.X.shape == (40, LENGTH, 17)
    # The first half are the texts themselves.
    assert torch.equal(made.X[:20], network.embed(rows.X))
    assert torch.equal(network(made.X[:20]), network(rows.X))
    changed = (made.X[20:] != made.X[:20]).any(dim=2).sum(dim=1)
    assert changed.tolist() == [2] * 20
    network(made.X).sum().backward()
    assert transform.label.grad.abs().sum() > 0
    assert transform.model.embedding.weight.grad.abs().sum() > 0


def test_the_classifier_by_numpy():
    embeddings = np.random.RandomState(0).normal(3, 5, size=(N_TOKENS, 4))
    torch.manual_seed(0)
    network = masked_lm.TextNetwork(torch.tensor(embeddings), 6, 2, padding=0).double()
    centred = embeddings - embeddings.mean(axis=0)
    standard = centred / centred.std(ddof=1)
    assert network.embeddings.numpy() == pytest.approx(standard)
    tokens = np.array([[3, 4, 5, 6, 7], [8, 9, 0, 0, 0], [0, 0, 0, 0, 0]])
    kernel, b, W, c = (p.detach().numpy() for p in network.parameters())
    found = network(torch.tensor(tokens)).detach().numpy()
    for text, outputs in zip(tokens, found, strict=True):
        n = int((text > 0).sum())
        padded = np.pad(standard[text[:n]], ((1, 1), (0, 0)))
        hidden = sum(padded[k : k + n] @ kernel[:, :, k].T for k in range(3)) + b
        # The mean over words; of none it is 0.
        mean = np.maximum(hidden, 0).sum(axis=0) / max(n, 1)
        assert outputs == pytest.approx(W @ mean + c)


def test_the_classifier_does_not_see_padding():
    tokens, labels = texts(20)
    _, network = make(tokens, labels)
    longer = torch.cat([torch.tensor(tokens), torch.zeros(20, 5, dtype=int)], dim=1)
    torch.testing.assert_close(network(longer), network(torch.tensor(tokens)))


def test_global_random_state_is_left_alone(random_state_untouched):
    tokens, labels = texts(20)
    transform, _ = make(tokens, labels, n_epochs=1)
    first = masked_lm.rewrite(transform, tokens, 2, seed=3)
    assert np.array_equal(first, masked_lm.rewrite(transform, tokens, 2, seed=3))
    assert not np.array_equal(first, masked_lm.rewrite(transform, tokens, 2, seed=4))
