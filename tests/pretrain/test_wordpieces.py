import logging
from pathlib import Path

import numpy
import pytest
import spacy
from spacy.tokens import Doc
from transformers import PreTrainedTokenizerBase

from spacy_nuner.pretrain.wordpieces import SubtokenCorpus, make_corpus


def make_doc(text: str, mentions: list[tuple[int, int, str]]) -> Doc:
    doc = spacy.blank("en").make_doc(text)
    doc.spans["concepts"] = [
        doc.char_span(start, end, label=label, alignment_mode="expand")
        for start, end, label in mentions
    ]
    return doc


def make(
    docs: list[Doc], tokenizer: PreTrainedTokenizerBase, **settings: int
) -> SubtokenCorpus:
    options = {"max_length": 128, "max_concept_length": 32} | settings
    return make_corpus(docs, tokenizer, source="test", **options)


@pytest.mark.parametrize(
    "text,mention",
    [
        ("Assyrtiko from Santorini", "Santorini"),
        ("Kraków’s cloth hall — 18 × 108 m", "Kraków"),
        ("say 🦊🦊 twice", "🦊🦊"),
        ("e\u0301te\u0301 in Paris", "Paris"),
        ("two  spaces   before Oslo", "Oslo"),
    ],
)
def test_positives_are_the_sub_tokens_of_the_mention(
    tokenizer: PreTrainedTokenizerBase, text: str, mention: str
) -> None:
    start = text.index(mention)
    corpus = make([make_doc(text, [(start, start + len(mention), "x")])], tokenizer)
    encoded = tokenizer(text, return_offsets_mapping=True)
    rows = corpus.valid[0][corpus.positive_tokens[0]]
    touched = "".join(
        dict.fromkeys(text[slice(*encoded["offset_mapping"][row])] for row in rows)
    )
    assert "".join(dict.fromkeys(mention)) == "".join(dict.fromkeys(touched))
    outside = set(corpus.valid[0]) - set(rows)
    for row in outside:
        s, e = encoded["offset_mapping"][row]
        assert e <= start or s >= start + len(mention)


def test_special_sub_tokens_are_not_scored(
    subtokens: SubtokenCorpus, tokenizer: PreTrainedTokenizerBase
) -> None:
    special = set(tokenizer.all_special_ids)
    for i in range(len(subtokens)):
        assert not special & set(subtokens.ids[i][subtokens.valid[i]])
        assert subtokens.ids[i][0] == tokenizer.cls_token_id


def test_two_concepts_on_one_mention(tokenizer: PreTrainedTokenizerBase) -> None:
    corpus = make([make_doc("Tolkien wrote", [(0, 7, "a"), (0, 7, "b")])], tokenizer)
    assert corpus.concepts == ["a", "b"]
    tokens, concepts = corpus.positive_tokens[0], corpus.positive_concepts[0]
    n = int(tokens.max()) + 1
    assert sorted(zip(tokens.tolist(), concepts.tolist(), strict=True)) == [
        (token, concept) for token in range(n) for concept in (0, 1)
    ]


def test_concepts_are_tokenised_once(
    subtokens: SubtokenCorpus, tokenizer: PreTrainedTokenizerBase
) -> None:
    assert len(set(subtokens.concepts)) == len(subtokens.concepts)
    for i in (0, 7, len(subtokens.concepts) - 1):
        expected = tokenizer(subtokens.concepts[i])["input_ids"]
        assert subtokens.concept_ids[i].tolist() == expected


def test_what_is_cut_is_counted(
    tokenizer: PreTrainedTokenizerBase, caplog: pytest.LogCaptureFixture
) -> None:
    text = "Oslo " + "and then " * 30 + "Paris"
    doc = make_doc(text, [(0, 4, "c" * 40), (len(text) - 5, len(text), "city")])
    whole = make([doc], tokenizer)
    with caplog.at_level(logging.WARNING):
        corpus = make([doc], tokenizer, max_length=20, max_concept_length=8)
    losses = corpus.losses
    assert (losses.texts, losses.mentions, losses.concepts) == (1, 1, 1)
    assert losses.subtokens == len(whole.valid[0]) - len(corpus.valid[0])
    assert len(corpus.ids[0]) == 20
    assert len(corpus.concept_ids[0]) == 8
    assert corpus.concepts == ["c" * 40]
    assert f"W301] Cut in test: 1 sentences at max_length ({losses.subtokens} sub" in (
        caplog.text
    )
    assert whole.losses.texts == whole.losses.mentions == 0


def test_sentence_whose_mentions_are_cut_off_is_left_out(
    tokenizer: PreTrainedTokenizerBase, caplog: pytest.LogCaptureFixture
) -> None:
    text = "and then " * 30 + "Paris"
    docs = [
        make_doc("Oslo", [(0, 4, "city")]),
        make_doc(text, [(len(text) - 5, len(text), "town")]),
        make_doc("Ulm", [(0, 3, "place")]),
    ]
    corpus = make(docs, tokenizer, max_length=20)
    assert (len(corpus), corpus.n_mentions) == (2, 2)
    losses = corpus.losses
    assert (losses.empty, losses.cut_off, losses.mentions) == (0, 1, 1)
    reason = "max_length cuts off all of their mentions"
    assert f"W001] 1 of 3 sentences of test were left out: {reason}" in caplog.text
    assert "have no mention" not in caplog.text
    assert corpus.concepts == ["city", "place"]
    for i, doc in enumerate(docs[::2]):
        assert corpus.ids[i].tolist() == tokenizer(doc.text)["input_ids"]
        assert set(corpus.positive_concepts[i].tolist()) == {i}
        assert len(corpus.positive_tokens[i]) == len(corpus.valid[i])


def test_sentences_without_mentions_are_left_out_and_counted(
    tokenizer: PreTrainedTokenizerBase, caplog: pytest.LogCaptureFixture
) -> None:
    docs = [make_doc("Oslo", [(0, 4, "city")]), make_doc("Nothing", [])]
    corpus = make(docs, tokenizer)
    assert len(corpus) == 1
    assert "W001] 1 of 2 sentences of test" in caplog.text


def test_corpus_without_mentions(tokenizer: PreTrainedTokenizerBase) -> None:
    with pytest.raises(ValueError, match=r"N306.*test"):
        make([make_doc("Nothing", [])], tokenizer)


def test_corpus_whose_mentions_are_all_cut_off(
    tokenizer: PreTrainedTokenizerBase,
) -> None:
    text = "and then " * 30 + "Paris"
    docs = [
        make_doc(text, [(len(text) - 5, len(text), "town")]),
        make_doc("Nothing", []),
    ]
    message = r"N306.*test.*2 were read.*1 have no mention.*1 have.*first 20.*Raise pre"
    with pytest.raises(ValueError, match=message):
        make(docs, tokenizer, max_length=20)


def test_white_space_document(tokenizer: PreTrainedTokenizerBase) -> None:
    docs = [make_doc("Oslo", [(0, 4, "city")]), make_doc("  \n ", [(0, 2, "gap")])]
    corpus = make(docs, tokenizer)
    assert corpus.concepts[0] == "city"
    assert (corpus.losses.empty, corpus.losses.cut_off) == (1, 0)


def test_digest_follows_the_data(
    concept_docs: list[Doc], tokenizer: PreTrainedTokenizerBase
) -> None:
    first = make(concept_docs[:5], tokenizer)
    assert first.digest() == make(concept_docs[:5], tokenizer).digest()
    assert first.digest() != make(concept_docs[:4], tokenizer).digest()
    assert first.digest() != make(concept_docs[4::-1], tokenizer).digest()


def test_digest_follows_the_concept_tokenizer(
    tmp_path: Path, concept_docs: list[Doc], tokenizer: PreTrainedTokenizerBase
) -> None:
    first = make(concept_docs[:5], tokenizer)
    tokenizer.save_pretrained(tmp_path)
    other = type(tokenizer).from_pretrained(tmp_path)
    other.add_tokens([first.concepts[0]])
    options = {"max_length": 128, "max_concept_length": 32, "source": "test"}
    second = make_corpus(
        concept_docs[:5], tokenizer, concept_tokenizer=other, **options
    )
    numpy.testing.assert_array_equal(first.ids.data, second.ids.data)
    assert first.digest() != second.digest()


def test_lengths(subtokens: SubtokenCorpus) -> None:
    expected = [len(subtokens.ids[i]) for i in range(len(subtokens))]
    numpy.testing.assert_array_equal(subtokens.ids.lengths, expected)


def test_reader_is_found_by_name(corpus_folder: Path) -> None:
    reader = spacy.registry.resolve(
        {
            "reader": {
                "@readers": "spacy-nuner.ConceptCorpus.v1",
                "path": str(corpus_folder / "dev"),
            }
        }
    )["reader"]
    examples = list(reader(spacy.blank("en")))
    assert len(examples) == 8
    assert all(eg.reference.spans["concepts"] for eg in examples)
