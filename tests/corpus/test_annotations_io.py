"""Exports of annotation tools, written as the tools write them."""

import json
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy.tokens import Doc, DocBin, Span

from spacy_nuner.corpus.annotated import CharSpan
from spacy_nuner.corpus.annotations_io import read_annotated, read_plain

TEXT = "Change the oil of the Clark C25."
OIL, CLARK = CharSpan(11, 14, "PART"), CharSpan(22, 31, "MACHINE")

OWN = {
    "text": TEXT,
    "spans": [
        {"start": 11, "end": 14, "label": "PART"},
        {"start": 22, "end": 31, "label": "MACHINE"},
    ],
}
SPACY = {"text": TEXT, "entities": [[11, 14, "PART"], [22, 31, "MACHINE"]]}
SPACY_2 = [TEXT, {"entities": [[11, 14, "PART"], [22, 31, "MACHINE"]]}]
PRODIGY = {
    "text": TEXT,
    "_input_hash": 1886699658,
    "_task_hash": -1952856502,
    "_is_binary": False,
    "tokens": [{"text": "Change", "start": 0, "end": 6, "id": 0, "ws": True}],
    "_view_id": "ner_manual",
    "spans": [
        {"start": 11, "end": 14, "token_start": 2, "token_end": 2, "label": "PART"},
        {"start": 22, "end": 31, "token_start": 5, "token_end": 6, "label": "MACHINE"},
    ],
    "answer": "accept",
    "_timestamp": 1686220394,
}
DOCCANO = {
    "id": 17,
    "text": TEXT,
    "label": [[11, 14, "PART"], [22, 31, "MACHINE"]],
    "Comments": [],
}
DOCCANO_RELATIONS = {
    "id": 17,
    "text": TEXT,
    "entities": [
        {"id": 1, "label": "PART", "start_offset": 11, "end_offset": 14},
        {"id": 2, "label": "MACHINE", "start_offset": 22, "end_offset": 31},
    ],
    "relations": [{"id": 1, "from_id": 1, "to_id": 2, "type": "of"}],
    "Comments": [],
}


def make_result(start: int, end: int, text: str, label: str) -> dict[str, Any]:
    return {
        "value": {"start": start, "end": end, "text": text, "labels": [label]},
        "id": "vwlwlGZ0Ei",
        "from_name": "label",
        "to_name": "text",
        "type": "labels",
        "origin": "manual",
    }


def make_task(text: str, *annotations: list[Any], **more: Any) -> dict[str, Any]:
    return {
        "id": 101,
        "annotations": [
            {
                "id": 1,
                "completed_by": 1,
                "result": result,
                "was_cancelled": False,
                "ground_truth": False,
                "lead_time": 9.4,
            }
            for result in annotations
        ],
        "file_upload": "0c1b2a3d-notes.txt",
        "drafts": [],
        "predictions": [],
        "data": {"text": text},
        "meta": {},
        **more,
    }


TASK = make_task(
    TEXT,
    [
        make_result(11, 14, "oil", "PART"),
        make_result(22, 31, "Clark C25", "MACHINE"),
        {"type": "choices", "value": {"choices": ["done"]}, "from_name": "state"},
    ],
)


def write_lines(path: Path, *records: Any) -> Path:
    path.write_text("".join(json.dumps(r) + "\n" for r in records), encoding="utf8")
    return path


@pytest.mark.parametrize(
    "record",
    [OWN, SPACY, SPACY_2, PRODIGY, DOCCANO, DOCCANO_RELATIONS],
    ids=["own", "spacy", "spacy 2", "prodigy", "doccano", "doccano relations"],
)
@pytest.mark.parametrize("kind", ["lines", "array", "byte order mark"])
def test_json(tmp_path: Path, record: Any, kind: str) -> None:
    path = tmp_path / "export.json"
    if kind == "array":
        path.write_text(json.dumps([record, record], indent=2))
    else:
        write_lines(path, record, record)
    if kind.startswith("byte"):
        path.write_bytes(b"\xef\xbb\xbf" + path.read_bytes())
    reading = read_annotated([path])
    assert [s.text for s in reading.sentences] == [TEXT] * 2
    assert [s.spans for s in reading.sentences] == [[OIL, CLARK]] * 2
    places = ["record 1", "record 2"] if kind == "array" else ["line 1", "line 2"]
    assert [s.place.split(" (")[0] for s in reading.sentences] == places
    assert reading.problems == reading.errors == []


@pytest.mark.parametrize("answer", ["reject", "ignore"])
def test_refused_records_of_prodigy_are_told(tmp_path: Path, answer: str) -> None:
    nothing = {"text": "Fine.", "answer": "accept", "_task_hash": 1}
    path = write_lines(tmp_path / "p.jsonl", {**PRODIGY, "answer": answer}, nothing)
    reading = read_annotated([path])
    assert [(s.text, s.spans) for s in reading.sentences] == [("Fine.", [])]
    (problem,) = reading.problems
    assert problem.kind == "refused"
    assert answer in str(problem) and "p.jsonl, line 1" in str(problem)


def test_label_studio(tmp_path: Path) -> None:
    skipped = make_task("Later.", predictions=[{"result": []}])
    path = tmp_path / "project-1-at-2024-05-01.json"
    path.write_text(json.dumps([TASK, skipped]))
    reading = read_annotated([path])
    (sentence,) = reading.sentences
    assert (sentence.text, sentence.spans) == (TEXT, [OIL, CLARK])
    assert sentence.place == "record 1 (id 101)"
    assert ["record 2" in str(p) for p in reading.problems] == [True]


def test_label_studio_counts_an_emoji_as_two(tmp_path: Path) -> None:
    text = "🔧🔧 oil"
    task = make_task(text, [make_result(5, 8, "oil", "PART")])
    path = tmp_path / "e.json"
    path.write_text(json.dumps([task]))
    (sentence,) = read_annotated([path]).sentences
    assert sentence.spans == [CharSpan(3, 6, "PART")]


def test_label_studio_with_two_annotators(tmp_path: Path) -> None:
    task = make_task(TEXT, [make_result(11, 14, "oil", "PART")], [])
    task["annotations"][1]["ground_truth"] = True
    task["data"]["ref"] = "x7"
    path = tmp_path / "two.json"
    path.write_text(json.dumps([task]))
    reading = read_annotated([path])
    assert reading.sentences[0].spans == []  # the ground truth
    assert [p.kind for p in reading.problems] == ["conflict"]


def test_label_studio_with_a_text_of_another_name(tmp_path: Path) -> None:
    task = make_task(TEXT, [make_result(11, 14, "oil", "PART")])
    task["data"] = {"note": TEXT, "author": "someone else"}
    path = tmp_path / "n.json"
    path.write_text(json.dumps([task]))
    assert read_annotated([path]).sentences[0].text == TEXT
    task["annotations"][0]["result"][0]["type"] = "hypertextlabels"
    path.write_text(json.dumps([task]))
    with pytest.raises(ValueError, match=r"n\.json, record 1.*hypertextlabels"):
        read_annotated([path])


def test_docbin(tmp_path: Path) -> None:
    vocab = spacy.blank("en").vocab
    docs = [Doc(vocab, words=["Oil", "change", "due"]) for _ in range(3)]
    docs[0].set_ents([Span(docs[0], 0, 1, label="PART")])
    docs[1].set_ents([], missing=[docs[1][1:2]], default="outside")
    docs[2].spans["sc"] = [docs[2][0:1]]
    path = tmp_path / "train.spacy"
    DocBin(docs=docs).to_disk(path)
    for source in (path, tmp_path):  # a folder of them as well
        reading = read_annotated([source])
        assert [s.spans for s in reading.sentences] == [[CharSpan(0, 3, "PART")], []]
        assert reading.sentences[1].missing == ((4, 10),)
        (problem,) = reading.problems
        assert "doc 3" in str(problem) and "sc" in str(problem)
    path.write_bytes(b"\x78nonsense")
    with pytest.raises(ValueError, match=r"\[N214\].*train\.spacy.*not a DocBin"):
        read_annotated([path])


@pytest.mark.parametrize(
    ("line", "error"),
    [
        ('{"text": "a b", "spans": [{"start": 0, "end": 9, "label": "X"}]}', "outside"),
        ('{"text": "a b", "spans": [{"start": 1, "end": 1, "label": "X"}]}', "outside"),
        ('{"text": "a b", "spans": [{"start": 0, "end": 1}]}', "not a span"),
        ('{"text": "a b", "label": [["0", 1, "X"]]}', "not a span"),
        ('{"text": "a b", "label": "POSITIVE"}', '"label" is no list'),
        ('{"text": "a b"}', "record without annotation"),
        ('{"spans": []}', "record without text"),
        ('{"text": "half a pair \\ud83d", "spans": []}', "no Unicode"),
        ('{"text": "a b", "spans": [', "bad JSON"),
        ("17", "not a record"),
    ],
)
def test_bad_lines(tmp_path: Path, line: str, error: str) -> None:
    path = tmp_path / "bad.jsonl"
    path.write_text(f"{json.dumps(OWN)}\n\n{line}\n{json.dumps(OWN)}\n")
    with pytest.raises(ValueError, match=rf"\[N214\].*bad\.jsonl, line 3: .*{error}"):
        read_annotated([path])
    reading = read_annotated([path], collect=True)
    assert len(reading.sentences) == 2
    assert len(reading.errors) == 1 and "line 3" in reading.errors[0]


@pytest.mark.parametrize("content", ["", "just a text\nand more\n", "[not, json"])
def test_unknown_format(tmp_path: Path, content: str) -> None:
    path = tmp_path / "x.txt"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"x\.txt"):
        read_annotated([path])
    assert read_annotated([path], collect=True).errors


def test_forced_format(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "x.jsonl", OWN)
    with pytest.raises(ValueError, match=r"\[N209\].*brat.*label-studio"):
        read_annotated([path], format="brat")
    with pytest.raises(ValueError, match=r"x\.jsonl, line 1.*not a task"):
        read_annotated([path], format="label-studio")
    assert read_annotated([path], format="jsonl").sentences[0].spans == [OIL, CLARK]


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"\[N001\].*gone"):
        read_annotated([tmp_path / "gone.jsonl"])
    path = tmp_path / "latin.jsonl"
    path.write_bytes('{"text": "é", "spans": []}'.encode("latin-1"))
    with pytest.raises(ValueError, match=r"\[N217\].*latin"):
        read_annotated([path])


def test_plain_texts(tmp_path: Path) -> None:
    path = tmp_path / "t.txt"
    path.write_text("one\n\n two \u2028 three\n")
    assert read_plain(path) == ["one", "two \u2028 three"]
    write_lines(path, {"text": "one"}, {"text": " "})
    assert read_plain(path) == ["one"]
    write_lines(path, {"text": "one"}, {"txt": "two"})
    with pytest.raises(ValueError, match=r"\[N214\].*t\.txt, line 2"):
        read_plain(path)
