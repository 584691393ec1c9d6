"""LearnedTextAugmenter."""

import pickle
import re
import socket

import numpy as np
import pandas as pd
import polars as pl
import pytest
from imblearn.pipeline import make_pipeline as make_imblearn_pipeline
from sklearn.base import clone
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.utils import estimator_checks

from skmix import ResampledClassifier
from skmix.exceptions import JudgementWarning
from skmix.weighting import LearnedTextAugmenter

GOOD = ["great", "lovely", "superb", "fine", "wonderful", "brilliant", "moving"]
BAD = ["awful", "dull", "boring", "poor", "terrible", "weak", "messy"]
NOUNS = ["film", "plot", "cast", "story", "scene", "script", "ending"]


def texts(n=80, seed=0):
    """Short opinions of films."""
    rng = np.random.RandomState(seed)
    y = np.arange(n) % 2
    words = [
        (
            rng.choice(NOUNS),
            rng.choice(GOOD if label else BAD),
            rng.choice(NOUNS),
            rng.choice(GOOD if label else BAD),
        )
        for label in y
    ]
    return ["The {} was {}, and the {}... really {}!".format(*w) for w in words], y


def augmenter(**params):
    defaults = {"guard": False, "max_iter": 3, "warm_up": 1, "pretrain_epochs": 10}
    return LearnedTextAugmenter(**{**defaults, "random_state": 0, **params})


@pytest.fixture
def no_network(monkeypatch):
    """Fail where anybody opens a connection."""

    def refuse(*arguments, **options):
        raise AssertionError("the network was touched")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


def test_copies_keep_label_and_length(no_network):
    X, y = texts()
    model = augmenter(n_copies=3)
    X_new, y_new = model.fit_resample(X, y)
    assert X_new[:80] == X
    assert len(X_new) == 320
    assert np.array_equal(y_new, np.tile(y, 4))
    source = model.parent_indices_[:, 0]
    known = {word.lower() for text in X for word in re.findall(r"\w+", text)}
    for text, place in zip(X_new[80:], source, strict=True):
        before, after = (re.findall(r"\w+|\W+", t) for t in (X[place], text))
        assert len(before) == len(after)
        different = [b for a, b in zip(before, after, strict=True) if a != b]
        # Nine words: two of them are masked. Signs and spaces stay.
        assert len(different) <= 2
        assert set(different) <= known
    changed = np.mean([X_new[80 + k] != X[s] for k, s in enumerate(source)])
    assert changed > 0.5


def test_what_is_filled_in_fits_the_label():
    X, y = texts(200)
    X_new, y_new = augmenter(n_copies=4, pretrain_epochs=30).fit_resample(X, y)
    wrong = [set(GOOD), set(BAD)]
    found = [
        bool(set(re.findall(r"\w+", text)) & wrong[label])
        for text, label in zip(X_new[200:], y_new[200:], strict=True)
    ]
    assert np.mean(found) < 0.1


def test_containers():
    X, y = texts()
    wanted = augmenter().fit_resample(X, y)[0]
    series = pd.Series(X, name="text", index=np.arange(80))
    made, labels = augmenter().fit_resample(series, pd.Series(y))
    assert made.name == "text"
    assert made.tolist() == wanted
    assert labels.index.tolist() == list(range(160))
    made, _ = augmenter().fit_resample(pl.Series("text", X), y)
    assert made.to_list() == wanted
    categories = pd.Series(X, dtype="category")
    made, _ = augmenter().fit_resample(categories, y)
    assert made.tolist() == wanted
    for kind in (object, str):
        made, _ = augmenter().fit_resample(np.array(X, dtype=kind), y)
        # Also those that are longer than the longest was.
        assert made.tolist() == wanted


def test_pipelines_follow_unchanged():
    X, y = texts()
    pipeline = make_imblearn_pipeline(
        augmenter(), TfidfVectorizer(), LogisticRegression()
    )
    search = GridSearchCV(pipeline, {"learnedtextaugmenter__n_copies": [0, 1]}, cv=2)
    assert search.fit(X, y).score(X, y) > 0.9
    linear = make_pipeline(TfidfVectorizer(), LogisticRegression())
    inner = ResampledClassifier(linear, resampler=augmenter(guard=True))
    assert inner.fit(X, y).score(X, y) > 0.9
    assert inner.resampler_.accepted_ in (True, False)


def test_the_guard():
    X, y = texts(40)
    rng = np.random.RandomState(0)
    with pytest.warns(JudgementWarning, match=r"linear model"):
        model = augmenter(guard=True).fit(X, rng.permutation(y))
    assert not model.accepted_
    assert model.best_score_ <= model.baseline_score_ + 0.01
    assert "Held-out Brier loss" in model.chosen_
    X_val, y_val = texts(40, seed=1)
    with pytest.warns(JudgementWarning, match=r"linear model"):
        model.fit(X, y, X_val=X_val, y_val=y_val)
    assert len(model.resample()[0]) in (40, 80)


def test_one_seed_one_result_and_pickles(random_state_untouched):
    X, y = texts()
    model = augmenter()
    first = model.fit_resample(X, y)[0]
    assert augmenter().fit_resample(X, y)[0] == first
    assert augmenter(random_state=1).fit_resample(X, y)[0] != first
    assert pickle.loads(pickle.dumps(model)).resample()[0] == first
    assert model.transform_.describe().startswith("label (2, 64): mean")


def test_long_texts_are_not_cut():
    X, y = texts(40)
    X = [f"{text} {'and so on ' * 30}END" for text in X]
    X_new, _ = augmenter(max_length=8).fit_resample(X, y)
    assert all(text.endswith("and so on END") for text in X_new)


def test_empty_texts_and_unknown_words():
    X, y = texts(40)
    X[0], X[1] = "", "  ...  "
    X_new, _ = augmenter(vocab_size=10).fit_resample(X, y)
    assert X_new[40:42] == ["", "  ...  "]


def test_labels_that_no_training_text_has():
    X, y = texts(60)
    groups, y = (y == 1).astype(int), np.where(y == 1, 2, np.arange(60) % 4 // 2)
    for seed in range(3):
        model = augmenter(validation=0.4, random_state=seed)
        assert len(model.fit_resample(X, y, groups=groups)[0]) == 120


@pytest.fixture(scope="module")
def saved(tmp_path_factory):
    """A tiny language model with random weights, saved as those of the library are."""
    transformers = pytest.importorskip("transformers")
    import torch

    X, _ = texts()
    words = sorted({w.lower() for t in X for w in re.findall(r"\w+|[^\w\s]", t)})
    folder = tmp_path_factory.mktemp("model")
    vocabulary = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *words, "##ing"]
    (folder / "vocab.txt").write_text("\n".join(vocabulary))
    tokenizer = transformers.BertTokenizerFast(vocab=str(folder / "vocab.txt"))
    config = transformers.BertConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        num_hidden_layers=1,
        num_attention_heads=2,
        intermediate_size=16,
        max_position_embeddings=32,
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        model = transformers.BertForMaskedLM(config)
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


@pytest.mark.parametrize("kind", ["path", "text", "object"])
def test_a_model_of_the_transformers_library(saved, kind, no_network):
    import transformers

    X, y = texts(40)
    given = {"path": saved, "text": str(saved)}.get(kind)
    if kind == "object":
        tokenizer = transformers.AutoTokenizer.from_pretrained(saved)
        model = transformers.AutoModelForMaskedLM.from_pretrained(
            saved, attn_implementation="eager"
        )
        before = model.cls.predictions.bias.detach().clone()
        given = model, tokenizer
    text_augmenter = clone(
        augmenter(model=given, max_length=24, meta_learning_rate=0.01)
    )
    X_new, y_new = text_augmenter.fit_resample(X, y)
    assert X_new[:40] == X
    assert np.array_equal(y_new[40:], y)
    changed = 0
    for before_text, after_text in zip(X, X_new[40:], strict=True):
        pairs = zip(
            re.findall(r"\w+|\W+", before_text),
            re.findall(r"\w+|\W+", after_text),
            strict=True,
        )
        different = [b for a, b in pairs if a != b]
        assert all(re.fullmatch("[a-z]+", word) for word in different)
        changed += len(different)
    assert 40 < changed <= 80
    # The embeddings of labels began at 0.
    assert np.abs(text_augmenter.transform_.parameters["label"]).max() > 0.005
    model_of = vars(augmenter(model=given, n_copies=0).fit(X, y)).values()
    assert not any(hasattr(value, "get_input_embeddings") for value in model_of)
    if kind == "object":
        # The user's model stays as it is.
        assert (model.cls.predictions.bias == before).all()


@pytest.mark.parametrize(
    ("X", "message"),
    [
        ("one text", r"X is one string"),
        (["a", 3], r"X must hold strings, got 3 of type int in row 1"),
        ([["a", "b"], ["c", "d"]], r"one text to a row"),
        (pd.DataFrame({"a": ["x"], "b": ["y"]}), r"X has 2 columns"),
        (["!", "?", "..", "."], r"X has no word that another could stand for"),
    ],
)
def test_bad_input_is_named(X, message):
    with pytest.raises(ValueError, match=message):
        augmenter(validation=1).fit(X, np.arange(len(X)) % 2)


def test_bad_models_are_named():
    X, y = texts(40)
    with pytest.raises(ValueError, match=r"model must be a pair"):
        augmenter(model=(1, 2)).fit(X, y)
    with pytest.raises(ValueError, match=r"The 'model' parameter"):
        augmenter(model=3).fit(X, y)


@pytest.mark.parametrize(
    "check",
    [
        estimator_checks.check_parameters_default_constructible,
        estimator_checks.check_no_attributes_set_in_init,
        estimator_checks.check_get_params_invariance,
        estimator_checks.check_set_params,
        estimator_checks.check_estimator_repr,
    ],
)
def test_checks_that_need_no_table(check):
    # The suites skip estimators whose rows are texts.
    check("LearnedTextAugmenter", LearnedTextAugmenter())


@pytest.mark.gpu
def test_on_a_gpu():
    X, y = texts()
    model = augmenter(device="cuda")
    assert len(model.fit_resample(X, y)[0]) == 160
    assert model.device_ == "cuda"
