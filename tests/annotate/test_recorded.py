"""Recorded replies: which prompt gets which reply, and clear errors."""

import json
import pickle
from pathlib import Path

import pytest

from spacy_nuner.annotate.recorded import hash_prompt, make_recorded_model
from spacy_nuner.annotate.task import make_concept_task
from spacy_nuner.errors import Errors

SAMPLE = Path(__file__).parent.parent.parent / "assets" / "sample"


def write(path: Path, *records: dict[str, object] | str) -> Path:
    lines = [r if isinstance(r, str) else json.dumps(r) for r in records]
    path.write_text("\n".join(lines) + "\n", encoding="utf8")
    return path


def test_answers_the_sample_by_text(sample_records: list[dict[str, str]]) -> None:
    import spacy

    nlp = spacy.blank("en")
    docs = [nlp.make_doc(record["text"]) for record in sample_records]
    prompts = make_concept_task().generate_prompts(docs)
    model = make_recorded_model(SAMPLE / "annotated.jsonl")
    replies = list(model([prompt] for prompt in prompts))
    assert replies == [[record["response"]] for record in sample_records]


@pytest.mark.parametrize(
    "prompt, reply",
    [
        ("Input:\n\nParis wins", "short"),
        ("Input:\n\nParis wins\n", "short"),
        ("Input:\n\nYesterday Paris wins", "long"),
        ("Input:\n\nFirst line\nParis wins", "two lines"),
        ("Paragraph: Paris wins\nAnswer:", "short"),
        ("Paragraph: Yesterday Paris wins\nAnswer:\nParis wins", "short"),
        ("Paris wins", "short"),
    ],
)
def test_text_must_be_the_rest_of_the_prompt(
    prompt: str, reply: str, tmp_path: Path
) -> None:
    path = write(
        tmp_path / "replies.jsonl",
        {"text": "Paris wins", "response": "short"},
        {"text": "Yesterday Paris wins", "response": "long"},
        "",
        {"text": "First line\nParis wins", "response": "two lines"},
    )
    assert make_recorded_model(path).answer(prompt) == reply


@pytest.mark.parametrize(
    "prompt",
    [
        "Input:\n\nParis wins again",
        "Input:\n\nBut Paris wins",
        "Paris wins\n\nNow?",
        "",
    ],
)
def test_prompt_never_recorded(prompt: str, tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", {"text": "Paris wins", "response": "x"})
    with pytest.raises(ValueError, match="N102") as error:
        make_recorded_model(path).answer(prompt)
    assert str(path) in str(error.value)
    assert repr(prompt[:80]) in str(error.value)


def test_hash_decides_where_there_is_one(tmp_path: Path) -> None:
    prompt = "Say it.\n\nParis wins"
    record = {"text": "Paris wins", "response": "x", "prompt_sha256": ""}
    path = write(
        tmp_path / "replies.jsonl",
        {**record, "prompt_sha256": hash_prompt(prompt), "response": "old"},
        {**record, "prompt_sha256": hash_prompt(prompt), "response": "new"},
        {"text": "Rome wins", "response": "by text"},
    )
    model = make_recorded_model(path)
    assert model.answer(prompt) == "new"
    assert model.answer("Say it.\n\nRome wins") == "by text"
    with pytest.raises(ValueError, match=r"N103.*another prompt"):
        model.answer("Say something else.\n\nParis wins")
    with pytest.raises(ValueError, match="N102"):
        model.answer("Say it.\n\nBonn wins")


@pytest.mark.parametrize(
    "line, problem",
    [
        ('{"text": "x"}', "no response"),
        ('{"response": "x"}', "no text"),
        ('{"text": null, "response": "x"}', "no text"),
        ('{"id": "x"}', "no text and no response"),
        ('{"text": "x", "resp', "not JSON"),
        ('["text"]', "not an object"),
    ],
)
def test_bad_record_names_file_and_line(
    line: str, problem: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "r.jsonl", {"text": "a", "response": "b"}, "", line)
    with pytest.raises(ValueError, match=f"N003.*r.jsonl, line 3.*{problem}"):
        make_recorded_model(path).answer("a")


def test_file_without_replies(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="N104"):
        make_recorded_model(write(tmp_path / "r.jsonl", "")).answer("a")
    with pytest.raises(FileNotFoundError, match="N001"):
        make_recorded_model(tmp_path / "none.jsonl").answer("a")


def test_pickle_keeps_the_path_only(tmp_path: Path) -> None:
    path = write(tmp_path / "r.jsonl", {"text": "a", "response": "b"})
    model = make_recorded_model(path)
    assert model.answer("a") == "b"
    data = pickle.dumps(model)
    assert len(data) < 500
    assert pickle.loads(data).answer("a") == "b"


def test_messages_name_what_to_do() -> None:
    assert "Record a reply" in Errors.N102
    assert "template" in Errors.N103
