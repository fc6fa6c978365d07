import json
import re
from pathlib import Path
from typing import Any

import pytest
import spacy
from typer.testing import CliRunner

from spacy_nuner.cli.main import app

from ..conftest import export_tiny

QUICK = ["--training.max_steps", "19", "--training.optimizer.learn_rate", "0.05"]
TEXTS: list[tuple[str, list[list[Any]]]] = [
    ("Maria met Bob in Paris .", [[0, 5, "PER"], [10, 13, "PER"], [17, 22, "CITY"]]),
    ("Rome is far from Oslo .", [[0, 4, "CITY"], [17, 21, "CITY"]]),
    ("Ada lives in Rome .", [[0, 3, "PER"], [13, 17, "CITY"]]),
    ("Nothing happened there .", []),
]


def run(*args: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, ["fewshot", *map(str, args)])
    assert result.exception is None or isinstance(result.exception, SystemExit)
    output = re.sub(r"\x1b\[[0-9;]*m", "", result.output)
    return result.exit_code, output


@pytest.fixture(scope="module")
def encoder(tiny_encoder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An encoder folder as `spacy-nuner export` writes it."""
    return export_tiny(tiny_encoder, tmp_path_factory.mktemp("encoders") / "tiny")


@pytest.fixture
def data(tmp_path: Path) -> Path:
    records = [{"text": text, "entities": spans} for text, spans in TEXTS]
    path = tmp_path / "notes.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_from_data_to_pipeline(
    data: Path, encoder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As a user does it, in a folder that is not the project's."""
    monkeypatch.chdir(tmp_path)
    given = ["--labels", "PER=person,CITY=city", "--encoder", encoder, *QUICK]
    code, output = run(data.name, "-o", "my-ner", *given, "--folds", 2)
    assert code == 0, output
    assert "4 sentences with 7 entities: PER 3, CITY 4" in output
    assert "2-fold cross-validation" in output and "Least sure" in output
    nlp = spacy.load("my-ner")
    assert nlp.meta["name"] == "my_ner"
    assert nlp.get_pipe("nuner").labels == ("PER", "CITY")
    assert nlp("Ada met Bob").spans["nuner"] is not None
    report = json.loads(Path("my-ner/report/report.json").read_text())
    assert report["labels"] == {"PER": ["person"], "CITY": ["city"]}
    assert nlp.meta["performance"]["ents_f"] == pytest.approx(
        report["scores"]["ents_f"]
    )
    assert sorted(p.name for p in Path("my-ner/report").iterdir()) == [
        "entities.html",
        "look_next.jsonl",
        "report.json",
        "report.md",
    ]
    # What is to be looked at can be read as data again
    code, output = run("my-ner/report/look_next.jsonl", "-o", "my-ner", *given)
    assert code == 1 and "N435" in output and "--overwrite" in output
    assert spacy.load("my-ner").meta["name"] == "my_ner"


def test_with_test_data_and_texts(data: Path, encoder: Path, tmp_path: Path) -> None:
    output, texts = tmp_path / "out", tmp_path / "more.txt"
    texts.write_text("Ada met Bob\n\nRome is old\n")
    conll = tmp_path / "test.conll"
    conll.write_text("Bob B-PER\nsees O\nOslo B-CITY\n")
    output.mkdir()
    (output / "meta.json").write_text("{}")
    (output / "old.txt").write_text("old")
    args = [data, "-o", output, "--encoder", encoder, *QUICK, "--overwrite"]
    code, printed = run(*args, "--test", conll, "--unlabelled", texts)
    assert code == 0, printed
    assert "Tested on" in printed and "test.conll" in printed
    assert "called by their own names" in printed
    lines = (output / "report" / "look_next.jsonl").read_text().splitlines()
    assert {json.loads(line)["text"] for line in lines} == {
        "Ada met Bob",
        "Rome is old",
    }
    assert not (output / "old.txt").exists()


def test_finetune(data: Path, encoder: Path, tmp_path: Path) -> None:
    output = tmp_path / "out"
    few = ["--training.max_epochs", "2", "--folds", "0"]
    code, printed = run(
        data, "-o", output, "--encoder", encoder, "--finetune", "--lang", "de", *few
    )
    assert code == 0, printed
    nlp = spacy.load(output)
    assert nlp.lang == "de" and nlp.config["training"]["frozen_components"] == []
    assert "scores" not in json.loads((output / "report" / "report.json").read_text())


def test_foreign_folder_is_never_replaced(
    data: Path, encoder: Path, tmp_path: Path
) -> None:
    output = tmp_path / "thesis"
    output.mkdir()
    (output / "thesis.txt").write_text("mine")
    args = [data, "-o", output, "--encoder", encoder, *QUICK, "--folds", 0]
    code, printed = run(*args, "--overwrite")
    assert code == 1 and "N208" in printed
    assert (output / "thesis.txt").read_text() == "mine"


@pytest.mark.parametrize(
    ("content", "args", "error"),
    [
        ('{"text": "a b", "spans": []}', [], "N216"),
        ('{"text": "a b"}', [], r"N214.*line 1"),
        ('{"text": "a b", "label": [[0, 1, "X"]]}', ["--labels", "Y"], "N433.*X"),
        ('{"text": "a b", "label": [[0, 1, "X"]]}', ["--encoder", "gone"], "N001"),
        ('{"text": "a b", "label": [[0, 1, "X"]]}', ["--config", "gone"], "N001"),
    ],
)
def test_errors(
    encoder: Path, tmp_path: Path, content: str, args: list[str], error: str
) -> None:
    path, output = tmp_path / "x.jsonl", tmp_path / "out"
    path.write_text(content)
    code, printed = run(path, "-o", output, "--encoder", encoder, *args)
    assert code == 1
    assert re.search(error, " ".join(printed.split())), printed
    assert not output.exists()


def test_unknown_option(data: Path, tmp_path: Path) -> None:
    code, printed = run(data, "-o", tmp_path / "out", "--overwrit")
    assert code == 2 and "--overwrit" in printed
