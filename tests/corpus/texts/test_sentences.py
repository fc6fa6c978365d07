import time
from pathlib import Path

import pytest
import spacy

from spacy_nuner.corpus.texts import sentences
from spacy_nuner.corpus.texts.sentences import Piece, make_splitter

split = make_splitter()


def test_sentences() -> None:
    text = "  Ada met Mr. Bob\tin  Oslo. He  slept!\n\nA heading\nNobody\xa0saw it?"
    assert split(text) == [
        Piece("Ada met Mr. Bob in Oslo.", 7),
        Piece("He slept!", 3),
        Piece("A heading", 2),
        Piece("Nobody saw it?", 4),
    ]
    assert split("") == split(" \n\u2028 ") == []


def test_every_line_break_ends_a_sentence() -> None:
    pieces = split("one\u2028two\x85three\x0bfour\r\nfive\x1csix")
    assert " ".join(piece.text for piece in pieces) == "one two three four five six"


def test_spans_are_of_the_text() -> None:
    text = "\u200bAda's 日本語 👩‍👧. \x00 (e.g. 'x')... And so on."
    assert " ".join(piece.text for piece in split(text)) == text


def test_long_words_are_not_taken_apart() -> None:
    start = time.process_time()
    pieces = split("Before it.\n" + "(" * 100_000 + "\nAfter it.")
    assert time.process_time() - start < 2  # half an hour, if it went to the tokenizer
    assert [(piece.n_tokens, piece.reason) for piece in pieces] == [
        (3, ""),
        (0, "long_word"),
        (3, ""),
    ]
    assert len(pieces[1].text) == sentences.MAX_BLOCK


def test_long_line_loses_sentences_at_its_cuts_alone() -> None:
    line = " ".join(f"This is sentence number {i}." for i in range(2000))
    pieces = split(line)
    good = [piece.text for piece in pieces if not piece.reason]
    cut = [piece for piece in pieces if piece.reason]
    assert {piece.reason for piece in cut} == {"cut"}
    n_cuts = len(line) // sentences.MAX_BLOCK
    assert len(cut) == 2 * n_cuts
    assert len(good) >= 2000 - 2 * n_cuts
    assert set(good) <= {f"This is sentence number {i}." for i in range(2000)}
    assert good[0] == "This is sentence number 0."
    assert good[-1] == "This is sentence number 1999."


def test_megabyte_without_a_sentence() -> None:
    pieces = split("word " * 200_000)
    assert all(piece.reason == "cut" for piece in pieces)
    assert max(len(piece.text) for piece in pieces) <= sentences.MAX_BLOCK


def test_many_lines_are_not_one_block() -> None:
    lines = [f"This is line number {i}." for i in range(3000)]
    assert [piece.text for piece in split("\n".join(lines))] == lines


def test_vocabulary_is_renewed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sentences, "MAX_WORDS", 5)
    few = make_splitter()
    for i in range(3):
        assert few(f"Word{i} is new.") == [Piece(f"Word{i} is new.", 4)]


def test_other_languages_and_pipelines(tmp_path: Path) -> None:
    german = make_splitter(language="de")
    assert [p.text for p in german("Das ist z.B. gut. Ja.")] == [
        "Das ist z.B. gut.",
        "Ja.",
    ]
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer", config={"punct_chars": ["|"]})
    nlp.to_disk(tmp_path / "own")
    own = make_splitter(str(tmp_path / "own"))
    assert [piece.text for piece in own("One. Two | Three")] == ["One. Two |", "Three"]


def test_pipelines_that_do_not_split(tmp_path: Path) -> None:
    spacy.blank("en").to_disk(tmp_path / "none")
    with pytest.raises(ValueError, match=r"N254.*sets no sentence starts"):
        make_splitter(str(tmp_path / "none"))
    with pytest.raises(ValueError, match=r"N254.*en_nowhere"):
        make_splitter("en_nowhere")
    with pytest.raises(ValueError, match="N254"):
        make_splitter(language="xx-none")
