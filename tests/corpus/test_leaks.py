"""Sentences of test sets in a concept corpus are found."""

from pathlib import Path

import spacy
from spacy.tokens import DocBin

from spacy_nuner.corpus.build import write_corpus
from spacy_nuner.corpus.leaks import find_leaks

SHARED = "the quick brown fox jumps over the lazy dog"


def test_a_shared_run_of_words_is_found(tmp_path: Path, make_reply) -> None:
    replies = [
        make_reply("a", f"Yesterday {SHARED} in Oslo.", ("Oslo", "city")),
        make_reply("b", "Nothing is shared here but Oslo and words.", ("Oslo", "city")),
    ]
    write_corpus(replies, tmp_path / "c", dev_share=0.0)
    (tmp_path / "c" / "dev" / "00000.spacy").write_bytes(DocBin().to_bytes())
    folder = tmp_path / "ner" / "animals"
    folder.mkdir(parents=True)
    nlp = spacy.blank("en")
    DocBin(docs=[nlp.make_doc(SHARED.upper() + "!")]).to_disk(folder / "test.spacy")
    found = find_leaks(
        tmp_path / "c",
        [tmp_path / "ner"],
        concepts={"city": 2},
        labels={"animals": ["City", "dog"]},
    )
    assert (found.n_leaks, found.n_sentences) == (1, 2)
    assert found.by_set == {"animals": 1}
    assert found.examples[0][0] == "animals"
    assert found.labels == {"animals": {"City": 2}}
