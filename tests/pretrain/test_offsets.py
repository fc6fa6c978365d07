"""The map from sub-tokens to characters, for the tokenizers of all families."""

import unicodedata
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
import spacy
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from spacy.tokens import Doc, Span
from transformers import PreTrainedTokenizerBase

from spacy_nuner.hf import load_tokenizer
from spacy_nuner.pretrain.offsets import (
    clean_start,
    find_blank,
    find_firsts,
    trim_offsets,
)
from spacy_nuner.pretrain.wordpieces import SubtokenCorpus, Subtokens, make_corpus

from .families import FAMILIES

NLP = spacy.blank("en")
TEXTS = [
    "Assyrtiko from Santorini",
    "say 🦊🦊 twice, 👨\u200d👩\u200d👧 once",
    "e\u0301te\u0301 in cafe\u0301 \u201ccafe\u0301\u201d",
    "two  spaces   before Oslo",
    " leading and trailing  ",
    "nb\u00a0sp and z\u200bw\u200d and \ufeffbom",
    "\u4e2d\u6587\u5b57 and \u6771\u4eac\u3000\u30bf\u30ef\u30fc",
    "\u0639\u0631\u0628\u064a and \u05e2\u05d1\u05e8\u05d9\u05ea here",
    "the o\ufb03ce \ufb01ne\u2026 wait\u2026",
    "\u2460\u00bd \u33cf \u2163 \u01c6 \u0130I \u00df \u1e9e",
    "one\ntwo\r\nthree\tfour\n\n",
    "x\u0300\u0301\u0302y and \u0915\u094d\u0937\u093f",
    "C++ <s> a [SEP] b </s> \u2581 \u0120 C.C. 15th",
    "K\u00f8benhavn\u2019s caf\u00e9\u2019s (18 \u00d7 108 m\u00b2)",
]
ODD = "".join(TEXTS) + "abc,.-'  "
WORDS = st.text(st.sampled_from(sorted(set(ODD))), min_size=0, max_size=8)
ANY = st.text(st.characters(exclude_categories=("Cs",)), max_size=30)


@pytest.fixture(scope="module", params=list(FAMILIES))
def named(
    request: pytest.FixtureRequest, family_encoder: Callable[..., Path]
) -> tuple[str, PreTrainedTokenizerBase]:
    return request.param, load_tokenizer(str(family_encoder(request.param)))


def mark(text: str, mentions: list[tuple[int, int]]) -> Doc:
    """A document whose mentions are rows of spaCy's tokens."""
    doc = NLP.make_doc(text)
    doc.spans["concepts"] = [
        Span(doc, start, end, label=f"concept {i}")
        for i, (start, end) in enumerate(sorted(set(mentions)))
        if start < end <= len(doc)
    ]
    return doc


def must_be_covered(character: str, family: str) -> bool:
    """Whether no tokenizer may lose a character: letters, digits, signs."""
    if character.isspace() or unicodedata.category(character)[0] in "CMZ":
        return False
    # BERT cleans it away; SentencePiece writes spaces with it
    return character not in "\ufffd\u2581"


def encode(
    docs: list[Doc], tokenizer: PreTrainedTokenizerBase, subtokens: Subtokens = "all"
) -> SubtokenCorpus:
    return make_corpus(
        docs,
        tokenizer,
        max_length=128,
        max_concept_length=16,
        source="test",
        subtokens=subtokens,
    )


def check(doc: Doc, family: str, tokenizer: PreTrainedTokenizerBase) -> None:
    """Compare the positives of a document with the tokenizer's own offsets."""
    anchor = mark("Oslo", [(0, 1)])
    corpus = encode([doc, anchor] if doc.spans["concepts"] else [anchor], tokenizer)
    text = clean_start(doc.text)
    encoding = tokenizer(text, truncation=True, max_length=128)
    raw = encoding.encodings[0].offsets
    if len(corpus) == 1:
        # All that was marked is nothing to the tokenizer
        marked = "".join(span.text for span in doc.spans["concepts"])
        assert not any(must_be_covered(c, family) for c in marked)
        return
    valid = corpus.valid[0]
    assert corpus.ids[0].tolist() == encoding["input_ids"]
    positives: dict[int, set[int]] = {}
    for token, concept in zip(
        corpus.positive_tokens[0], corpus.positive_concepts[0], strict=True
    ):
        positives.setdefault(int(concept), set()).add(int(valid[token]))
    seen = encoding.encodings[0].overflowing
    end = len(doc.text) if not seen else max(stop for _, stop in raw)
    for span in doc.spans["concepts"]:
        if not span.text.strip():
            continue
        concept = (
            corpus.concepts.index(span.label_) if span.label_ in corpus.concepts else -1
        )
        ours = positives.get(concept, set())
        covered = set()
        for row in ours:
            start, stop = raw[row]
            shared = doc.text[max(start, span.start_char) : min(stop, span.end_char)]
            assert shared.strip(), (doc.text, span.text, raw[row])
            covered |= set(range(start, stop))
        for i in range(span.start_char, min(span.end_char, end)):
            if must_be_covered(doc.text[i], family):
                assert i in covered, (doc.text, span.text, doc.text[i], i)
        # The others share nothing with the mention but white space
        for row in set(valid.tolist()) - ours:
            start, stop = raw[row]
            shared = doc.text[max(start, span.start_char) : min(stop, span.end_char)]
            assert not shared.strip(), (doc.text, span.text, raw[row])


@pytest.mark.parametrize("text", TEXTS)
def test_every_token_as_a_mention(
    named: tuple[str, PreTrainedTokenizerBase], text: str
) -> None:
    n = len(NLP.make_doc(text))
    check(mark(text, [(i, i + 1) for i in range(n)]), *named)
    check(mark(text, [(i, i + 2) for i in range(n)] + [(0, n)]), *named)


@settings(
    max_examples=60,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    text=st.one_of(st.lists(WORDS, max_size=6).map(" ".join), ANY),
    mentions=st.lists(st.tuples(st.integers(0, 8), st.integers(1, 9)), max_size=4),
)
def test_random_texts_and_mentions(
    named: tuple[str, PreTrainedTokenizerBase],
    text: str,
    mentions: list[tuple[int, int]],
) -> None:
    check(mark(text, mentions), *named)


@pytest.mark.parametrize("text", TEXTS)
def test_white_space_has_no_row(
    named: tuple[str, PreTrainedTokenizerBase], text: str
) -> None:
    """A sub-token of white space alone is not scored: a negative for every concept."""
    _, tokenizer = named
    doc = mark(text, [(0, len(NLP.make_doc(text)))])
    corpus = encode([doc], tokenizer)
    ids = corpus.ids[0][corpus.valid[0]].tolist()
    assert ids and all(tokenizer.decode([i]).strip() for i in ids)


def test_first_sub_token_of_each_token(
    named: tuple[str, PreTrainedTokenizerBase],
) -> None:
    """Whatever a word is to the tokenizer, each token of spaCy's has one row."""
    _, tokenizer = named
    docs = [mark(text, [(0, 1), (1, 2)]) for text in ("(Paris)  C.C.", "x Oslo-born")]
    corpus = encode(docs, tokenizer, subtokens="first")
    for i, doc in enumerate(docs):
        offsets = tokenizer(doc.text).encodings[0].offsets
        texts = [doc.text[slice(*offsets[row])].strip() for row in corpus.valid[i]]
        words = [token.text for token in doc if not token.is_space]
        assert len(texts) == len(words)
        assert all(w.startswith(t) for w, t in zip(words, texts, strict=True))


def test_a_sub_token_of_two_tokens_is_the_first_of_both() -> None:
    doc = NLP.make_doc("so be it")
    offsets = numpy.asarray([[0, 2], [3, 4], [4, 7], [7, 8]])
    assert find_firsts(offsets, [doc]).tolist() == [True, True, True, False]


def test_offsets_are_in_the_joined_texts() -> None:
    rows = numpy.asarray([0, 0, 1, 1])
    offsets = numpy.asarray([[0, 3], [3, 4], [0, 0], [0, 3]])
    trimmed = trim_offsets(offsets, [" ab ", "\u3000\u3001b"], rows)
    assert [(s, e) for s, e in trimmed.tolist() if s < e] == [(1, 3), (5, 7)]


def test_same_signs_are_letters_to_other_tokenizers(
    family_encoder: Callable[..., Path],
) -> None:
    blank = {
        name: {tokenizer.convert_ids_to_tokens(int(i)) for i in find_blank(tokenizer)}
        for name in ("roberta", "bert", "xlm-roberta")
        for tokenizer in (load_tokenizer(str(family_encoder(name))),)
    }
    assert blank["roberta"] >= {"\u0120"}
    assert blank["xlm-roberta"] == {"\u2581"}
    assert blank["bert"] == set()


def test_control_characters_at_the_start() -> None:
    assert clean_start("\x01 \n\x02ab\x03") == "    ab\x03"
    assert clean_start(" ab\x03") == " ab\x03"
