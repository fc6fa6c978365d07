import json
from pathlib import Path

import pytest

from spacy_nuner.corpus.sentences import read_sentences
from spacy_nuner.corpus.tags import TaggedSpan

LABELS = ["A", "cell_line", "Restaurant_Name"]


def write(path: Path, text: str) -> Path:
    path.write_bytes(text.encode("utf8"))
    return path


def write_spans(path: Path, text: str, *spans: tuple[int, int, str]) -> Path:
    named = [dict(zip(("start", "end", "label"), span, strict=True)) for span in spans]
    return write(path, json.dumps({"text": text, "spans": named}) + "\n")


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("label_first", [True, False])
def test_columns(tmp_path: Path, newline: str, label_first: bool) -> None:
    rows = [
        *["", ("any", "O"), ("steak", "B-A"), ("house", "I-A"), "", ""],
        *[("k562", "S-cell_line"), ("\u0085", "O"), "", ""],
    ]
    lines = [
        "\t".join(row[::-1] if label_first else row) if row else "" for row in rows
    ]
    path = write(tmp_path / "x.bio", newline.join(lines))
    # U+0085 is a line end for str.splitlines, and white space: no token of a real file
    bad = "label-token" if label_first else "token-label"
    with pytest.raises(ValueError, match=r"x\.bio, line 8: malformed row"):
        list(read_sentences(path, bad, labels=LABELS))
    path = write(path, newline.join(lines).replace("\u0085", "a\u0085b"))
    first, second = read_sentences(path, bad, labels=LABELS)
    assert first.words == ["any", "steak", "house"]
    assert first.spaces == [True] * 3
    assert first.spans == [TaggedSpan(1, 3, "A")]
    assert first.line == 2
    assert second.words == ["k562", "a\u0085b"]
    assert second.spans == [TaggedSpan(0, 1, "cell_line")]


def test_numbered_tokens(tmp_path: Path) -> None:
    text = "0\tin\tO\n1\tOslo\tB-A\n\n0\t1975\tO\n"
    path = write(tmp_path / "x.conllu", text)
    first, second = read_sentences(path, "index-token-label", labels=LABELS)
    assert first.words == ["in", "Oslo"]
    assert first.spans == [TaggedSpan(1, 2, "A")]
    assert second.words == ["1975"]
    write(path, "in\tO\n")
    with pytest.raises(ValueError, match=r"line 1.*index, tab, token, tab, label"):
        list(read_sentences(path, "index-token-label", labels=LABELS))


def test_docstart_lines_are_no_sentences(tmp_path: Path) -> None:
    text = "-DOCSTART-\tO\n\nIL-2\tI-A\n\n-DOCSTART-\tO\n\n"
    path = write(tmp_path / "x.tsv", text)
    (sentence,) = read_sentences(path, "token-label", labels=LABELS)
    assert sentence.words == ["IL-2"]
    assert sentence.n_bad_tags == 1


@pytest.mark.parametrize(
    ("row", "problem", "expected"),
    [
        ("lonely", "malformed row", "label, tab, token"),
        ("B-A steak", "malformed row", "label, tab, token"),
        ("B-A\tsteak\tNN", "malformed row", "label, tab, token"),
        ("B-A\t", "malformed row", "label, tab, token"),
        ("steak\tB-A", "columns in the other order", "O, or a prefix"),
        ("B-Dish\tsteak", "label that is not in the label file", "one of A, Rest"),
    ],
)
def test_bad_rows(tmp_path: Path, row: str, problem: str, expected: str) -> None:
    path = write(tmp_path / "bad.bio", f"O\tany\n{row}\n")
    with pytest.raises(ValueError, match=rf"bad\.bio, line 2: .*{problem}") as error:
        list(read_sentences(path, "label-token", labels=LABELS))
    assert expected in str(error.value)


def test_spans(tmp_path: Path) -> None:
    path = write_spans(tmp_path / "x.jsonl", "Ada met Bob. ", (8, 11, "A"), (0, 3, "A"))
    (sentence,) = read_sentences(path, "jsonl", labels=LABELS)
    assert sentence.words == ["Ada", "met", "Bob", "."]
    assert sentence.spaces == [True, True, False, True]
    assert sentence.spans == [TaggedSpan(0, 1, "A"), TaggedSpan(2, 3, "A")]
    assert (sentence.line, sentence.n_split_tokens) == (1, 0)


@pytest.mark.parametrize(
    ("text", "spans", "entities", "n_split"),
    [
        ("a 45km walk", [(2, 4)], ["45"], 0),
        ("a 45Nm wrench", [(2, 4)], ["45"], 1),
        ("x IL2R y", [(2, 5)], ["IL2"], 1),
        ("x IL2R y", [(3, 4)], ["L"], 1),
        ("x IL2R y", [(2, 3), (3, 6)], ["I", "L2R"], 1),
        ("can't", [(0, 3)], ["can"], 1),
        ("two  words", [(0, 10)], ["two  words"], 0),
        # white space at the edges of a span is not the entity's
        ("a  wide  gap", [(1, 8)], ["wide"], 0),
        ("日本語の本", [(0, 3)], ["日本語"], 1),
    ],
)
def test_no_entity_is_lost(
    tmp_path: Path, text: str, spans: list, entities: list[str], n_split: int
) -> None:
    path = write_spans(tmp_path / "x.jsonl", text, *[(*span, "A") for span in spans])
    (sentence,) = read_sentences(path, "jsonl", labels=LABELS)
    pieces = [
        word + " " * space
        for word, space in zip(sentence.words, sentence.spaces, strict=True)
    ]
    assert "".join(pieces) == text
    got = ["".join(pieces[s.start : s.end]).rstrip() for s in sentence.spans]
    assert got == entities
    assert sentence.n_split_tokens == n_split


@pytest.mark.parametrize(
    ("spans", "problem"),
    [
        (None, 'record without "spans"'),
        ([{"start": 0, "end": 3}], "not a span"),
        ([[0, 3, "A"]], "not a span"),
        ([{"start": None, "end": 3, "label": "A"}], "not a span"),
        ([{"start": 0, "end": 13, "label": "A"}], "span outside the text"),
        ([{"start": 3, "end": 3, "label": "A"}], "span outside the text"),
        ([{"start": 3, "end": 4, "label": "A"}], "span outside the text"),
        ([{"start": -3, "end": -1, "label": "A"}], "span outside the text"),
        ([{"start": 0, "end": 3, "label": "Z"}], "label that is not in the label file"),
        (
            [
                {"start": 0, "end": 5, "label": "A"},
                {"start": 4, "end": 7, "label": "A"},
            ],
            "spans overlap",
        ),
    ],
)
def test_bad_spans(tmp_path: Path, spans: list | None, problem: str) -> None:
    record = {"text": "Ada met Bob."} | ({} if spans is None else {"spans": spans})
    good = {"text": "Fine.", "spans": []}
    path = write(tmp_path / "x.jsonl", f"{json.dumps(good)}\n{json.dumps(record)}\n")
    with pytest.raises(ValueError, match=rf"x\.jsonl, line 2: {problem}"):
        list(read_sentences(path, "jsonl", labels=LABELS))


def test_unknown_format_and_missing_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="N001"):
        read_sentences(tmp_path / "x", "jsonl", labels=LABELS)
    with pytest.raises(ValueError, match=r"N209.*'conll'.*token-label"):
        read_sentences(write(tmp_path / "x", ""), "conll", labels=LABELS)
