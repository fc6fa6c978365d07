"""`spacy-nuner evaluate` on the tiny encoder."""

import json
import shutil
from pathlib import Path

import pytest
import spacy
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_nuner.cli.main import app

ROOT = Path(__file__).parents[2]
CONFIG = str(ROOT / "configs" / "tiny" / "fewshot_frozen.cfg")
SAMPLE = ROOT / "assets" / "sample"


@pytest.fixture(scope="module")
def project(tmp_path_factory, tiny_encoder):
    """A folder with a data set of 60 sentences and an exported encoder."""
    root = tmp_path_factory.mktemp("project")
    folder = root / "ner" / "gallery"
    folder.mkdir(parents=True)
    nlp = spacy.blank("en")
    labels = set()
    for part in ("pool", "test"):
        docs = []
        with (SAMPLE / "downstream" / f"gallery.{part}.jsonl").open() as file:
            for line, _ in zip(file, range(60), strict=False):
                record = json.loads(line)
                doc = nlp.make_doc(record["text"])
                spans = (
                    doc.char_span(s["start"], s["end"], s["label"])
                    for s in record["spans"]
                )
                doc.ents = [span for span in spans if span is not None]
                labels |= {ent.label_ for ent in doc.ents}
                docs.append(doc)
        DocBin(docs=docs).to_disk(folder / f"{part}.spacy")
    meta = {"dataset": "gallery", "labels": sorted(labels)}
    (folder / "meta.json").write_text(json.dumps(meta))
    shutil.copytree(tiny_encoder, root / "encoder")
    settings = {"base": str(tiny_encoder), "temperature": 5.0, "bias": -5.0}
    settings["pooling"] = "mean"
    (root / "encoder" / "nuner.json").write_text(json.dumps(settings))
    return root


def run(project, *options):
    return CliRunner().invoke(
        app,
        [
            *("evaluate", CONFIG, "--datasets-dir", str(project / "ner")),
            *("--encoder", str(project / "encoder"), "--sets", "1"),
            *("--labels-dir", str(ROOT / "assets" / "labels")),
            *("--n-process", "1", *options),
        ],
    )


def test_cells_are_made_then_skipped(project, tmp_path):
    output = tmp_path / "fewshot"
    options = ["--output", str(output), "--k", "1,400", "--system", "base"]
    options += ["--system", "nuner", "--training.max_steps", "5"]
    result = run(project, *options)
    assert result.exit_code == 0, result.output
    assert "2 cells computed, 0 were finished already" in _flat(result)
    assert "gallery, k = 400: fewer than k mentions" in _flat(result)
    cell = json.loads((output / "base/gallery/k1/seed0.json").read_text())
    assert cell["settings"]["n_steps"] == 6
    result = run(project, *options)
    assert "0 cells computed, 2 were finished already" in _flat(result)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--k", "none"], "N512"),
        (["--dataset", "workshop"], "N510"),
        (["--system", "bert"], "N509"),
        (["--base", "nowhere"], "N001"),
        (["--training.patience", "7"], "N507"),
        (["--labels-dir", "nowhere"], "N001"),
    ],
)
def test_errors_are_coded(project, tmp_path, options, message):
    result = run(project, "--output", str(tmp_path / "fewshot"), *options)
    assert result.exit_code == 1
    assert message in result.output
    assert not list(tmp_path.rglob("seed*.json"))


def _flat(result):
    return " ".join(result.output.split())
