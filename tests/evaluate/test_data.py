"""Gold data as arrays: labels, holes, white space, hashes."""

import numpy as np
import pytest
import srsly
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc, DocBin, Span
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_nuner.evaluate.data import (
    copy_tokens,
    load_dataset,
    make_gold,
    score_tags,
    sha256_of_folder,
    token_rows,
)

LABELS = ["A", "B"]
TAGS = ["O", "I-A", "I-B"]


def make_doc(words, *ents, missing=()):
    doc = Doc(Vocab(), words=words)
    spans = [Span(doc, start, end, label) for start, end, label in ents]
    doc.set_ents(spans, missing=[doc[i : i + 1] for i in missing], default="outside")
    return doc


def test_make_gold():
    docs = [
        make_doc(["x", "y", "z"], (1, 3, "B")),
        make_doc([]),
        make_doc(["x", "\n", "y"], (0, 1, "A"), missing=[2]),
    ]
    gold = make_gold(docs, LABELS, source="here")
    assert gold.lengths.tolist() == [3, 0, 3]
    assert gold.offsets.tolist() == [0, 3, 3, 6]
    assert gold.types.tolist() == [0, 2, 2, 1, -1, -1]
    assert gold.annotated.tolist() == [True] * 5 + [False]
    assert gold.is_break.tolist() == [False] * 4 + [True, False]
    assert gold.spans.tolist() == [[1, 3, 2], [3, 4, 1]]
    assert gold.rows([2, 0]).tolist() == [3, 4, 5, 0, 1, 2]


def test_make_gold_of_nothing():
    gold = make_gold([], LABELS, source="here")
    assert gold.spans.shape == (0, 3)
    assert gold.offsets.tolist() == [0]


def test_unknown_label_names_the_file_and_the_text():
    docs = [make_doc(["x"], (0, 1, "C"))]
    with pytest.raises(ValueError, match=r"N505.*test\.spacy.*'C'.*A, B.*'x "):
        make_gold(docs, LABELS, source="corpus/test.spacy")


@pytest.mark.parametrize(
    ("indices", "expected"),
    [([0, 1, 2], [0, 1, 2, 3, 4]), ([2, 0], [2, 3, 4, 0, 1]), ([1], []), ([], [])],
)
def test_token_rows(indices, expected):
    assert token_rows(np.array([2, 0, 3]), indices).tolist() == expected


@pytest.mark.parametrize(
    ("words", "tags", "expected"),
    [
        (["New", " ", "York"], [1, 0, 1], [(0, 3, "A")]),  # space inside is bridged
        (["New", "\n", "York"], [1, 0, 1], [(0, 1, "A"), (2, 3, "A")]),
        (["New", "\n", "York"], [1, 1, 1], [(0, 1, "A"), (2, 3, "A")]),
        ([" ", "York", " "], [1, 1, 1], [(1, 2, "A")]),  # never at the edge
        (["New", " ", "York"], [1, 0, 2], [(0, 1, "A"), (2, 3, "B")]),
        ([" ", "\n"], [1, 2], []),
    ],
)
def test_white_space_is_no_word_and_no_edge(words, tags, expected):
    gold = make_gold(
        [make_doc(words, *expected), make_doc(["x"], (0, 1, "B"))], LABELS, source=""
    )
    result = score_tags(gold, np.array([*tags, 2]), TAGS, LABELS)
    assert result["entity_micro_f1"] == 1
    assert result["token_macro_f1"] == 1


def test_bio_tags_split_neighbours():
    gold = make_gold(
        [make_doc(["x", "y"], (0, 1, "A"), (1, 2, "A"))], LABELS, source=""
    )
    bio = ["O", "B-A", "I-A", "B-B", "I-B"]
    assert score_tags(gold, np.array([1, 1]), bio, LABELS)["entity_micro_f1"] == 1
    assert score_tags(gold, np.array([1, 2]), bio, LABELS)["entity_micro_f1"] == 0


def test_load_dataset(datasets_dir):
    dataset = load_dataset(datasets_dir / "gallery")
    assert dataset.name == "gallery"
    assert len(dataset.pool.docs) == len(dataset.test.docs) == 80
    assert dataset.counts.shape == (80, len(dataset.labels))
    assert dataset.counts.sum() <= len(dataset.pool.spans)
    again = load_dataset(datasets_dir / "gallery")
    assert again.sha256 == dataset.sha256


def test_gold_scores_itself_perfectly_also_in_spacy(datasets_dir):
    dataset = load_dataset(datasets_dir / "gallery")
    test = dataset.test
    tags = ["O", *(f"I-{label}" for label in dataset.labels)]
    result = score_tags(test, test.types.clip(min=0), tags, dataset.labels)
    assert result["token_macro_f1"] == 1
    # neighbours of one type cannot be told apart by IO tags
    copies = [copy_tokens(doc, doc.vocab) for doc in test.docs]
    for copy, doc in zip(copies, test.docs, strict=True):
        merged = []
        for ent in doc.ents:
            if merged and merged[-1][1:] == (ent.start, ent.label_):
                merged[-1] = (merged[-1][0], ent.end, ent.label_)
            else:
                merged.append((ent.start, ent.end, ent.label_))
        copy.ents = [Span(copy, *entity) for entity in merged]
    examples = [Example(c, d) for c, d in zip(copies, test.docs, strict=True)]
    expected = get_ner_prf(examples)["ents_f"]
    assert result["entity_micro_f1"] == pytest.approx(expected, abs=1e-12)


def test_the_hash_sees_one_entity(datasets_dir, tmp_path):
    source = datasets_dir / "gallery"
    for name in ("meta.json", "pool.spacy"):
        (tmp_path / name).write_bytes((source / name).read_bytes())
    docs = list(DocBin().from_disk(source / "test.spacy").get_docs(Vocab()))
    with_ents = next(doc for doc in docs if doc.ents)
    with_ents.ents = with_ents.ents[1:]
    DocBin(docs=docs).to_disk(tmp_path / "test.spacy")
    assert load_dataset(tmp_path).sha256 != load_dataset(source).sha256


@pytest.mark.parametrize("name", ["meta.json", "pool.spacy", "test.spacy"])
def test_a_missing_file_is_named(datasets_dir, tmp_path, name):
    for other in {"meta.json", "pool.spacy", "test.spacy"} - {name}:
        (tmp_path / other).write_bytes((datasets_dir / "gallery" / other).read_bytes())
    with pytest.raises(FileNotFoundError, match=f"N001.*{name}"):
        load_dataset(tmp_path)


def test_copy_tokens_leaves_out_the_last_space():
    doc = make_doc(["x", "y"], (0, 1, "A"))
    assert doc.text == "x y "
    copy = copy_tokens(doc, Vocab())
    assert copy.text == "x y"
    assert not copy.ents
    assert len(copy_tokens(make_doc([]), Vocab())) == 0


def test_hash_of_an_encoder_folder(tmp_path):
    srsly.write_json(tmp_path / "config.json", {"a": 1})
    (tmp_path / "model.safetensors").write_bytes(b"weights")
    before = sha256_of_folder(tmp_path)
    (tmp_path / "README.md").write_text("a card")
    assert sha256_of_folder(tmp_path) == before
    (tmp_path / "model.safetensors").write_bytes(b"other")
    assert sha256_of_folder(tmp_path) != before
