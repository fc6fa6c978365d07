"""`check-sheet`, `check-result`, `agreement` and the second pass, as a user types."""

import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from spacy_nuner.annotate.journal.schema import Record
from spacy_nuner.annotate.journal.store import Journal, read_journal
from spacy_nuner.cli.main import app
from spacy_nuner.corpus.mentions import read_marked

ROOT = Path(__file__).parent.parent.parent
SAMPLE = ROOT / "assets" / "sample" / "annotated.jsonl"


def run(*arguments: object) -> Result:
    return CliRunner().invoke(app, [*map(str, arguments)])


def flatten(result: Result) -> str:
    return " ".join(result.output.split())


def write_journal(path: Path, replies: list[tuple[str, str]], model: str) -> Path:
    with Journal(path) as journal:
        for i, (text, response) in enumerate(replies):
            key = f"{hash((model, i)) & (2**256 - 1):064x}"
            journal.put(Record(key, model, key, i, f"t{i}", text, response))
    return path


@pytest.fixture(scope="module")
def journal(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A journal of sixty recorded replies."""
    with SAMPLE.open(encoding="utf8") as file:
        records = [json.loads(line) for line, _ in zip(file, range(60), strict=False)]
    replies = [(record["text"], record["response"]) for record in records]
    path = tmp_path_factory.mktemp("journal") / "replies.sqlite"
    return write_journal(path, replies, "one")


@pytest.fixture(scope="module")
def corpus(journal: Path) -> Path:
    """The corpus of these replies."""
    output = journal.parent / "concepts"
    result = run("corpus", journal, output)
    assert result.exit_code == 0, result.output
    return output


def read_data(path: Path) -> dict[str, Any]:
    _, _, rest = path.read_text(encoding="utf8").partition('id="data">')
    return dict(json.loads(rest.partition("</script>")[0]))


def test_marked_texts_are_those_of_the_parts(corpus: Path) -> None:
    marked = list(read_marked(corpus))
    stats = json.loads((corpus / "stats.json").read_text(encoding="utf8"))
    assert len(marked) == stats["n_sentences"]
    assert sum(len(one.mentions) for one in marked) == stats["n_mentions"]
    train = list(read_marked(corpus / "train"))
    assert marked[: len(train)] == train and len(train) == stats["n_train"]
    for _, text, mentions in marked:
        assert all(0 <= start < end <= len(text) for start, end, _, _ in mentions)


def test_sheet_and_result(corpus: Path, tmp_path: Path) -> None:
    sheets = [tmp_path / "a.html", tmp_path / "b.html", tmp_path / "c.html"]
    for sheet, seed in zip(sheets, (0, 0, 1), strict=True):
        result = run("check-sheet", corpus, "-o", sheet, "--n", 20, "--seed", seed)
        assert result.exit_code == 0, result.output
        assert "20 annotations to check" in flatten(result)
    assert sheets[0].read_bytes() == sheets[1].read_bytes() != sheets[2].read_bytes()
    data = read_data(sheets[0])
    for check in data["checks"]:
        shown = check["shown"]
        whole = shown["before"] + shown["mention"] + shown["after"]
        assert whole == check["text"]
    verdicts = ["yes"] * 17 + ["no", "unsure", None]
    records = [
        check | {"verdict": verdict}
        for check, verdict in zip(data["checks"], verdicts, strict=True)
    ]
    saved, output = tmp_path / "verdicts.json", tmp_path / "result.json"
    saved.write_text(json.dumps({"verdicts": records}), encoding="utf8")
    result = run("check-result", saved, "-o", output)
    assert result.exit_code == 0, result.output
    assert "1 of 20 annotations are not checked" in flatten(result)
    assert "Sensible: 94.4 % (95 % interval 74.2 to 99.0)" in flatten(result)
    assert json.loads(output.read_text(encoding="utf8"))["n_yes"] == 17


def test_small_corpus_and_none(corpus: Path, tmp_path: Path) -> None:
    result = run("check-sheet", corpus, "-o", tmp_path / "a.html", "--n", 100_000)
    assert result.exit_code == 0 and "has only" in result.output
    result = run("check-sheet", tmp_path / "none", "-o", tmp_path / "b.html")
    assert result.exit_code == 1 and "[N001]" in result.output
    result = run("check-result", tmp_path / "none.json")
    assert result.exit_code == 1 and "[N001]" in result.output


def test_no_verdict(tmp_path: Path) -> None:
    path = tmp_path / "verdicts.json"
    record = {"text": "a", "start": 0, "end": 1, "concept": "c", "verdict": None}
    path.write_text(json.dumps({"verdicts": [record]}))
    result = run("check-result", path)
    assert result.exit_code == 1 and "there is no share" in result.output


def test_journal_agrees_with_its_corpus(journal: Path, corpus: Path) -> None:
    result = run("agreement", journal, corpus, "--show", 2)
    assert result.exit_code == 0, result.output
    row = next(line for line in result.output.splitlines() if line.startswith("span "))
    # but for the few mentions that are off the tokens of the corpus
    assert float(row.split()[4]) > 99


def test_two_models(tmp_path: Path) -> None:
    texts = ["Paris and Rome.", "Anna met Bob."]
    one = write_journal(
        tmp_path / "one.sqlite",
        [(texts[0], "Paris <> cities\nRome <> city"), (texts[1], "Anna <> person")],
        "one",
    )
    other = write_journal(
        tmp_path / "other.sqlite",
        [(texts[0], "Paris <> city"), (texts[1], "Anna <> person\nBob <> person")],
        "other",
    )
    output = tmp_path / "agreement.json"
    result = run("agreement", one, other, "-o", output)
    assert result.exit_code == 0, result.output
    assert "2 texts in both" in result.output
    measures = json.loads(output.read_text(encoding="utf8"))["measures"]
    found = {name: (row["agreed"], row["f1"]) for name, row in measures.items()}
    assert found["span"] == (2, pytest.approx(4 / 6))
    assert found["span and concept"] == (1, pytest.approx(2 / 6))
    assert found["span and normalized concept"] == (2, pytest.approx(4 / 6))
    # both models in one journal
    with Journal(one) as journal:
        journal.put_all(list(read_journal(other)))
    same = tmp_path / "same.json"
    models = ("--model-one", "one", "--model-other", "other")
    result = run("agreement", one, one, *models, "-o", same)
    assert result.exit_code == 0, result.output
    assert json.loads(same.read_text(encoding="utf8"))["measures"] == measures


def test_two_persons(tmp_path: Path) -> None:
    paths = []
    for name, verdicts in (("a", ["yes", "no", "yes"]), ("b", ["yes", "no", "no"])):
        records = [
            {"text": "abc", "start": i, "end": i + 1, "concept": "c", "verdict": v}
            for i, v in enumerate(verdicts)
        ]
        paths.append(tmp_path / f"{name}.json")
        paths[-1].write_text(json.dumps({"verdicts": records}))
    result = run("agreement", *paths)
    assert result.exit_code == 0, result.output
    assert "66.7 % of 3 verdicts agree; Cohen's kappa: 0.40" in flatten(result)


def test_nothing_in_common(journal: Path, tmp_path: Path) -> None:
    other = write_journal(tmp_path / "o.sqlite", [("Other.", "Other <> x")], "one")
    result = run("agreement", journal, other)
    assert result.exit_code == 1 and "[N172]" in result.output


def test_second_pass_is_asked_after_the_first(tmp_path: Path) -> None:
    """Recorded replies know no second prompt: it is said, the first are kept."""
    output = tmp_path / "replies.sqlite"
    result = run(
        *("annotate", ROOT / "configs" / "tiny" / "annotate.cfg", SAMPLE, "-o", output),
        *("--limit", 3, "--paths.replies", SAMPLE),
        *("--components.llm.task.second_pass", "true"),
    )
    assert result.exit_code == 1
    assert "First pass" in result.output and "Second pass" in result.output
    assert "3 asked, 0 from before, 0 failed" in result.output
    assert "0 asked, 0 from before, 3 failed" in result.output
    turns = [(record.turn, record.response is None) for record in read_journal(output)]
    assert sorted(turns) == [(1, False)] * 3 + [(2, True)] * 3
