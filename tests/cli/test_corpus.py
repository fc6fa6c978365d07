import csv
import json
import re
from pathlib import Path

import pytest
import spacy
import typer
from typer.testing import CliRunner

from spacy_nuner.annotate.replies.parser import REASONS
from spacy_nuner.cli.corpus import WANTED, corpus
from spacy_nuner.corpus.reader import read_docs
from spacy_nuner.corpus.stats import TOKEN_EDGES

app = typer.Typer()
app.command()(corpus)


def run(*args: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(arg) for arg in args])
    return result.exit_code, re.sub(
        r"\x1b\[[0-9;]*m", "", " ".join(result.output.split())
    )


def write_journal(path: Path, records: list[dict[str, str]]) -> Path:
    with path.open("w", encoding="utf8") as file:
        for i, record in enumerate(records):
            extra = {"key": str(i), "model": "test", "prompt_sha256": "0"}
            file.write(json.dumps(extra | record) + "\n")
    return path


def test_reasons_are_the_parsers() -> None:
    assert WANTED | {TOKEN_EDGES} <= REASONS


def test_sample(tmp_path: Path, sample_records: list[dict[str, str]]) -> None:
    journal = write_journal(tmp_path / "replies.jsonl", sample_records)
    out = tmp_path / "corpus" / "concepts"
    code, output = run(journal, out, "--dev-share", 0.2, "--shard-size", 20)
    assert code == 0, output
    stats = json.loads((out / "stats.json").read_text(encoding="utf8"))
    assert f"60 sentences ({stats['n_train']} train, {stats['n_dev']} dev)" in output
    assert stats["n_lines"] == stats["n_placed_lines"] + stats["n_dropped_lines"]
    assert stats["source"]["models"] == {"test": 60}
    vocab = spacy.blank("en").vocab
    docs = [doc for part in ("train", "dev") for doc in read_docs(out / part, vocab)]
    texts = {record["id"]: record["text"] for record in sample_records}
    assert {doc.user_data["id"]: doc.text for doc in docs} == texts
    assert sum(len(doc.spans["concepts"]) for doc in docs) == stats["n_mentions"]
    assert any(span.label_ == "company" for span in docs[0].spans["concepts"])


@pytest.mark.parametrize(
    "name,format",
    [("r.jsonl", "journal"), ("n.csv", "nuner"), ("p.jsonl", "pile-ner")],
)
def test_jobs_change_nothing(
    tmp_path: Path, sample_records: list[dict[str, str]], name: str, format: str
) -> None:
    path = tmp_path / name
    if format == "journal":
        write_journal(path, sample_records)
    elif format == "nuner":
        rows = [(r["text"], str(r["response"].split("\n"))) for r in sample_records]
        with path.open("w", encoding="utf8", newline="") as file:
            csv.writer(file).writerows([("input", "output"), *rows])
    else:
        text = " ".join(record["text"] for record in sample_records[:3])
        record = {"tagName": "x", "input": text, "output": str(text.split()[:9])}
        path.write_text(json.dumps(record) + "\n", encoding="utf8")
    corpora = {}
    for jobs in (1, 2):
        args = (path, tmp_path / str(jobs), "--format", format, "--jobs", jobs)
        code, output = run(*args, "--shard-size", 20, "--max-lost", 0.9)
        assert code == 0, output
        corpora[jobs] = {
            file.relative_to(tmp_path / str(jobs)): file.read_bytes()
            for file in (tmp_path / str(jobs)).rglob("*")
            if file.is_file()
        }
    assert corpora[1] == corpora[2]
    assert len(corpora[1]) >= 3


def test_losses_are_said(tmp_path: Path) -> None:
    records = [
        {
            "id": "a",
            "text": "Ada met Bob.",
            "response": "Ada <> person <> x\nEve <> y <> z",
        },
        {"id": "b", "text": "Ada met Bob.", "response": "Bob <> person <> x"},
        {"id": "c", "text": "Plain noise.", "response": "I cannot help with that."},
        {"id": "d", "text": "Vague idea.", "response": "idea <> Concept <> thing"},
    ]
    journal = write_journal(tmp_path / "replies.jsonl", records)
    code, output = run(journal, tmp_path / "c", "--max-lost", 0.9)
    assert code == 0, output
    assert "4 of 5 lines gave no mention" in output
    for reason in ("not_found", "duplicate_text", "noise", "generic_concept"):
        assert f"1 {reason}" in output
    assert "2 replies left out: without mention" in output
    assert "1 replies left out: duplicate texts" in output
    code, output = run(journal, tmp_path / "c")
    assert code == 1
    assert "N207" in output


def test_nothing_but_noise(tmp_path: Path) -> None:
    noise = {"id": "a", "text": "Ada.", "response": "502 Bad Gateway\n\nnginx"}
    code, output = run(write_journal(tmp_path / "r.jsonl", [noise]), tmp_path / "c")
    assert code == 1
    assert "N206" in output
    assert "2 noise" in output
    assert not (tmp_path / "c").exists()


@pytest.mark.parametrize(
    ("line", "code"),
    [
        ('{"prompt_sha256": "p", "text": "t", "response": "1. t | True"}', "N202"),
        ('{"key": "1", "model"', "N003"),
    ],
)
def test_bad_journal(tmp_path: Path, line: str, code: str) -> None:
    (tmp_path / "r.jsonl").write_text(line + "\n")
    for jobs in (1, 2):
        exit_code, output = run(tmp_path / "r.jsonl", tmp_path / "c", "--jobs", jobs)
        assert exit_code == 1
        assert code in output
        assert "line 1" in output


def test_no_journal(tmp_path: Path) -> None:
    code, output = run(tmp_path / "none.jsonl", tmp_path / "c")
    assert code == 1
    assert "N001" in output


@pytest.mark.parametrize("option,n_sentences", [(None, 2), ("--whole", 1)])
def test_pile_ner(tmp_path: Path, option: str | None, n_sentences: int) -> None:
    """Passages are cut into sentences; a type "concept" costs no more than its line."""
    record = {
        "tagName": "person",
        "input": "Ada met Bob. Nobody saw it. Then Bob left.",
        "output": '["Ada", "Bob", "Eve"]',
    }
    other = record | {"tagName": "concept", "output": '["it"]'}
    path = tmp_path / "pile.jsonl"
    path.write_text(json.dumps(record) + "\n" + json.dumps(other) + "\n")
    args = [path, tmp_path / "c", "--format", "pile-ner", "--max-lost", 0.5]
    code, output = run(*args, *([option] if option else []))
    assert code == 0, output
    stats = json.loads((tmp_path / "c" / "stats.json").read_text(encoding="utf8"))
    assert stats["n_sentences"] == n_sentences
    assert stats["n_mentions"] == 3
    assert stats["dropped_lines"] == {"not_found": 1, "generic_concept": 1}
    assert stats["source"]["models"] == {"pile-ner": 1}
    assert stats["source"]["settings"]["format"] == "pile-ner"
    drops = (tmp_path / "c" / "drops.jsonl").read_text(encoding="utf8").splitlines()
    assert [json.loads(drop)["content"] for drop in drops] == [
        "Eve <> person",
        "it <> concept",
    ]


def test_nuner_rows(tmp_path: Path) -> None:
    path = tmp_path / "entity.csv"
    path.write_text(
        "input,output\n"
        "Ada met Bob.,\"['Ada <> person', 'Bob <> person']\"\n"
        'Eve left.,"[\'Eve <> person"\n'
        "More.,['More <> word']\n"
    )
    args = [path, tmp_path / "c", "--format", "nuner", "--limit", 2, "--max-lost", 0.5]
    code, output = run(*args)
    assert code == 0, output
    assert "1 of 3 lines gave no mention: 1 unreadable" in output
    drops = (tmp_path / "c" / "drops.jsonl").read_text(encoding="utf8")
    assert json.loads(drops)["content"] == "line 3: ['Eve <> person"
    code, output = run(path, tmp_path / "d", "--format", "csv")
    assert code == 1 and "N240" in output
