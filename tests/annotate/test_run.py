"""Runs over texts: resume, failures, and what decides that a text is asked again."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import spacy

from spacy_nuner.annotate.run import (
    AnnotateResult,
    annotate_texts,
    describe_model,
    load_annotator,
)

CONFIG = Path(__file__).parent.parent.parent / "configs" / "tiny" / "annotate.cfg"


def write_jsonl(path: Path, records: list[dict[str, Any]]) -> Path:
    lines = [json.dumps(record) for record in records]
    path.write_text("\n".join(lines) + "\n", encoding="utf8")
    return path


def read_jsonl(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf8").splitlines()]


@pytest.fixture
def texts(sample_records: list[dict[str, str]]) -> list[tuple[str, str]]:
    return [(record["id"], record["text"]) for record in sample_records[:20]]


@pytest.fixture
def replies(sample_records: list[dict[str, str]], tmp_path: Path) -> Path:
    return write_jsonl(tmp_path / "recorded.jsonl", list(sample_records[:20]))


def load(replies: Path) -> tuple[spacy.Language, str]:
    return load_annotator(CONFIG, {"paths.replies": str(replies)})


@pytest.mark.parametrize("batch_size", [1, 7, 64])
def test_replies_are_kept_raw_and_never_asked_twice(
    texts: list[tuple[str, str]],
    replies: Path,
    sample_records: list[dict[str, str]],
    tmp_path: Path,
    batch_size: int,
) -> None:
    output = tmp_path / "annotations" / "replies.jsonl"
    nlp, name = load(replies)
    # stopped after 6 texts and in the middle of the next line
    annotate_texts(nlp, name, texts[:7], output)
    output.write_bytes(output.read_bytes()[:-30])
    nlp, name = load(replies)
    result = annotate_texts(nlp, name, texts, output, batch_size=batch_size)
    assert result == AnnotateResult(n_asked=14, n_before=6, n_failed=0, first_error="")
    records = read_jsonl(output)
    assert [record["id"] for record in records] == [id_ for id_, _ in texts]
    assert [record["response"] for record in records] == [
        record["response"] for record in sample_records[:20]
    ]
    assert {record["model"] for record in records} == {"spacy-nuner.Recorded.v1"}
    before = output.read_bytes()
    result = annotate_texts(nlp, name, texts, output, batch_size=batch_size)
    assert result == AnnotateResult(0, 20, 0, "")
    assert output.read_bytes() == before


def test_journal_can_be_replayed(
    texts: list[tuple[str, str]], replies: Path, tmp_path: Path
) -> None:
    first, second = tmp_path / "first.jsonl", tmp_path / "second.jsonl"
    annotate_texts(*load(replies), texts, first)
    result = annotate_texts(*load(first), texts, second)
    assert result.n_asked == 20
    for name in ("id", "text", "response", "prompt_sha256"):
        assert [r[name] for r in read_jsonl(first)] == [
            r[name] for r in read_jsonl(second)
        ]


def test_a_text_that_comes_twice_is_asked_once(
    texts: list[tuple[str, str]], replies: Path, tmp_path: Path
) -> None:
    twice = [texts[0], ("copy", texts[0][1]), texts[1]]
    result = annotate_texts(*load(replies), twice, tmp_path / "out.jsonl")
    assert (result.n_asked, result.n_before) == (2, 1)


@pytest.mark.parametrize("batch_size", [1, 8])
def test_one_failure_does_not_take_its_batch_along(
    texts: list[tuple[str, str]], replies: Path, tmp_path: Path, batch_size: int
) -> None:
    output = tmp_path / "out.jsonl"
    some = [*texts[:5], ("new", "This text was never recorded."), *texts[5:]]
    nlp, name = load(replies)
    result = annotate_texts(nlp, name, some, output, batch_size=batch_size)
    assert (result.n_asked, result.n_before, result.n_failed) == (20, 0, 1)
    assert "N102" in result.first_error
    assert sorted(r["id"] for r in read_jsonl(output)) == sorted(i for i, _ in texts)
    result = annotate_texts(nlp, name, some, output, batch_size=batch_size)
    assert (result.n_asked, result.n_before, result.n_failed) == (0, 20, 1)


def test_gives_up_after_too_many_failures(replies: Path, tmp_path: Path) -> None:
    texts = [(str(i), f"Unknown text {i}.") for i in range(9)]
    with pytest.raises(RuntimeError, match=r"N106.*3 failed(.|\n)*N102"):
        annotate_texts(*load(replies), texts, tmp_path / "out.jsonl", max_failures=3)


def test_another_prompt_or_setting_is_asked_again(
    texts: list[tuple[str, str]], replies: Path, tmp_path: Path
) -> None:
    output = tmp_path / "out.jsonl"
    nlp, name = load(replies)
    annotate_texts(nlp, name, texts[:3], output)
    template = {"components.llm.task.template": "Name all things in:\n\n{{ text }}"}
    overrides = {"paths.replies": str(replies), **template}
    result = annotate_texts(*load_annotator(CONFIG, overrides), texts[:3], output)
    assert (result.n_asked, result.n_before) == (3, 0)
    copy = tmp_path / "copy.jsonl"
    copy.write_bytes(replies.read_bytes())
    result = annotate_texts(*load(copy), texts[:3], output)
    assert (result.n_asked, result.n_before) == (3, 0)
    assert len({record["key"] for record in read_jsonl(output)}) == 9


def test_transport_settings_do_not_buy_replies_again() -> None:
    section = {"@llm_models": "a.v1", "name": "b", "config": {"temperature": 0.0}}
    model, chosen = describe_model(section)
    assert model == "a.v1:b"
    assert chosen == {"name": "b", "config": {"temperature": 0.0}}
    assert describe_model({**section, "max_tries": 9, "interval": 2.0}) == (
        model,
        chosen,
    )
    assert describe_model({**section, "endpoint": "http://x"})[1] != chosen


def test_permuted_words_do_not_collide(tmp_path: Path) -> None:
    both = [("a", "dog bites man"), ("b", "man bites dog")]
    recorded = [{"text": text, "response": f"{text} <> x"} for _, text in both]
    replies = write_jsonl(tmp_path / "recorded.jsonl", recorded)
    output = tmp_path / "out.jsonl"
    assert annotate_texts(*load(replies), both, output).n_asked == 2
    assert [r["response"] for r in read_jsonl(output)] == [
        "dog bites man <> x",
        "man bites dog <> x",
    ]


def test_nothing_to_ask(replies: Path, tmp_path: Path) -> None:
    result = annotate_texts(*load(replies), [], tmp_path / "out.jsonl")
    assert result == AnnotateResult(0, 0, 0, "")


@pytest.fixture
def no_llm(tmp_path: Path) -> Iterator[Path]:
    path = tmp_path / "no_llm.cfg"
    path.write_text(
        '[nlp]\nlang = "en"\npipeline = ["sentencizer"]\n\n[components]\n\n'
        '[components.sentencizer]\nfactory = "sentencizer"\n',
        encoding="utf8",
    )
    yield path


def test_config_without_llm(no_llm: Path) -> None:
    with pytest.raises(ValueError, match=r"N105.*sentencizer"):
        load_annotator(no_llm)


def test_task_that_splits_texts(tmp_path: Path) -> None:
    config = CONFIG.parent / "llm_ner_v3.cfg"
    nlp, name = load_annotator(config, {"paths.replies": "none.jsonl"})
    with pytest.raises(ValueError, match=r"N107.*NERTask"):
        annotate_texts(nlp, name, [("a", "Paris")], tmp_path / "out.jsonl")
