"""`spacy-nuner pretrain-tagger` on the tiny encoder."""

import json
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_nuner.cli.main import app

CONFIG = Path(__file__).parents[2] / "configs" / "tiny" / "pretrain_ner.cfg"


@pytest.fixture(scope="module")
def args(tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path) -> list[str]:
    root = tmp_path_factory.mktemp("tagger")
    nlp = spacy.blank("en")
    docs = []
    for name in ("Anna", "Tom", "Ida", "Per", "Eva", "Jon"):
        doc = nlp.make_doc(f"{name} came home.")
        doc.set_ents([doc.char_span(0, len(name), "PER")], default="outside")
        docs.append(doc)
    DocBin(docs=docs).to_disk(root / "pool.spacy")
    srsly.write_json(root / "meta.json", {"labels": ["PER"]})
    return [
        *("pretrain-tagger", str(CONFIG), "--paths.encoder", str(tiny_encoder)),
        *("--paths.corpus", str(root), "--system.n_threads", "1"),
        *("--output", str(root / "run"), "--encoder", str(root / "ner_bert")),
    ]


def test_trains_writes_the_encoder_and_then_has_nothing_to_do(args: list[str]) -> None:
    done = CliRunner().invoke(app, args)
    assert done.exit_code == 0, done.output
    assert "encoder of step" in done.output
    folder = Path(args[-1])
    first = (folder / "model.safetensors").stat().st_mtime_ns
    assert json.loads((folder / "nuner.json").read_text())["labels"] == ["PER"]
    again = CliRunner().invoke(app, args)
    assert again.exit_code == 0
    assert "nothing to do" in again.output
    assert (folder / "model.safetensors").stat().st_mtime_ns == first


def test_says_what_is_wrong(args: list[str], tmp_path: Path) -> None:
    done = CliRunner().invoke(app, [*args, "--paths.corpus", str(tmp_path)])
    assert done.exit_code == 1
    assert "[N001]" in done.output


def test_a_config_error_names_key_and_value(args: list[str]) -> None:
    done = CliRunner().invoke(app, [*args, "--pretrain.dropout", "1.5"])
    assert done.exit_code == 1
    output = " ".join(done.output.split())
    assert "pretrain.dropout [N390] is 1.5." in output
    assert "a number from 0 to below 1 or null" in output
    assert "@optimizers" not in output
