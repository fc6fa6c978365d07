import json
from pathlib import Path

import pytest
import spacy
from spacy.tokens import Doc, DocBin

from spacy_nuner.corpus.texts.protection import Leak, find_leak, load_protected
from spacy_nuner.corpus.texts.words import fold_words

TEST_SENTENCE = "show me a cheap italian place with do n't miss parking near oslo"


@pytest.fixture
def ner(tmp_path: Path) -> Path:
    """The folder of two converted data sets."""
    vocab = spacy.blank("en").vocab
    for name, texts in {
        "food": [TEST_SENTENCE, "any steak ?"],
        "bio": ["IL-2 gene expression and NF-kappa B activation through CD28 ."],
    }.items():
        docs = [Doc(vocab, words=text.split()) for text in texts]
        (tmp_path / "ner" / name).mkdir(parents=True)
        DocBin(docs=docs).to_disk(tmp_path / "ner" / name / "test.spacy")
        text = "a sentence of the pool that anyone may learn"
        pool = Doc(vocab, words=text.split())
        DocBin(docs=[pool]).to_disk(tmp_path / "ner" / name / "pool.spacy")
    return tmp_path / "ner"


@pytest.mark.parametrize(
    ("text", "test_set"),
    [
        ("Show me  a CHEAP Italian place (with, don't miss...) Parking!", "food"),
        (
            "They said: a cheap, Italian place with don’t-miss parking\tnear Rome.",
            "food",
        ),
        ("il 2 gene Expression and NF-κB; NF-kappaB", None),
        ("The IL-2 gene: expression and NF-kappa B activation were seen.", "bio"),
        ("A cheap Italian place with parking near Oslo is not enough.", None),
        ("Any steak?", "food"),
        ("Any steak will do for me.", None),
        ("A sentence of the pool that anyone may learn.", None),
    ],
)
def test_planted_leaks(ner: Path, text: str, test_set: str | None) -> None:
    leak = find_leak(fold_words(text), load_protected([ner]))
    assert (leak.test_set if leak else None) == test_set


def test_the_words_are_said(ner: Path) -> None:
    text = "I think a cheap Italian place with don't miss parking it is."
    leak = find_leak(fold_words(text), load_protected([ner]))
    assert leak == Leak("food", "a cheap italian place with do nt miss")


def test_length_is_a_setting(ner: Path) -> None:
    protected = load_protected([ner], n_words=3)
    assert find_leak(fold_words("A cheap Italian restaurant"), protected)
    assert find_leak([], protected) is None


def test_files(ner: Path, tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps({"text": "My own secret words.", "spans": []}) + "\n")
    protected = load_protected([path, ner / "bio" / "test.spacy"])
    assert protected.names == ("mine.jsonl", "bio")
    leak = find_leak(fold_words("my own SECRET words"), protected)
    assert leak == Leak("mine.jsonl", "my own secret words")


def test_nothing_to_protect(tmp_path: Path) -> None:
    assert find_leak(["a"], load_protected([])) is None
    with pytest.raises(ValueError, match=r"N256.*test\.spacy"):
        load_protected([tmp_path])
    (tmp_path / "x.csv").write_text("a,b\n")
    with pytest.raises(ValueError, match="N256"):
        load_protected([tmp_path / "x.csv"])
    (tmp_path / "empty.jsonl").write_text("")
    with pytest.raises(ValueError, match="N256"):
        load_protected([tmp_path / "empty.jsonl"])
    with pytest.raises(FileNotFoundError, match="N001"):
        load_protected([tmp_path / "none.jsonl"])
