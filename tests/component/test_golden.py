"""Pipelines of released versions, loaded for ever after: same entities as then.

The files come from scripts/make_golden.py and are never made again. A new version that
changes the format adds its own; it does not touch those that are there.
"""

import json
import shutil
from pathlib import Path

import pytest
import spacy
from spacy.tokens import Doc

from spacy_nuner.component.encoder.model import get_shim

GOLDEN = Path(__file__).parent.parent / "golden"
PATHS = sorted(path for path in GOLDEN.glob("pipeline_v*") if path.is_dir())
MAX_BYTES = 400 * 1024
TOLERANCE = 1e-3

each = pytest.mark.parametrize("path", PATHS, ids=lambda path: path.name)


def check(docs: list[Doc], path: Path) -> None:
    record = json.loads(path.with_suffix(".json").read_text(encoding="utf8"))
    assert sum(len(expected["ents"]) for expected in record["docs"]) > 20
    for doc, expected in zip(docs, record["docs"], strict=True):
        group = doc.spans["nuner"]
        found = [(s.start_char, s.end_char, s.label_) for s in group]
        assert found == [tuple(ent[:3]) for ent in expected["ents"]], doc.text
        assert found == [(e.start_char, e.end_char, e.label_) for e in doc.ents]
        scores = [ent[3] for ent in expected["ents"]]
        assert group.attrs["scores"] == pytest.approx(scores, abs=TOLERANCE)


def read_texts(path: Path) -> list[str]:
    record = json.loads(path.with_suffix(".json").read_text(encoding="utf8"))
    return [doc["text"] for doc in record["docs"]]


def test_none_has_gone() -> None:
    assert "pipeline_v0_1" in [path.name for path in PATHS]
    assert all(path.with_suffix(".json").is_file() for path in PATHS)


@each
def test_same_entities(path: Path) -> None:
    nlp = spacy.load(path)
    texts = read_texts(path)
    check(list(nlp.pipe(texts)), path)
    check([nlp(text) for text in texts], path)


@each
def test_saved_by_this_version(path: Path, tmp_path: Path) -> None:
    """What was loaded can be saved, and is then the same still."""
    spacy.load(path).to_disk(tmp_path / "again")
    check(list(spacy.load(tmp_path / "again").pipe(read_texts(path))), path)


@each
def test_it_can_be_trained_on(path: Path) -> None:
    nlp = spacy.load(path)
    shim = get_shim(nlp.get_pipe("transformer").model)
    assert shim.encoder.layers == (1, 2) and not shim.encoder.is_frozen
    assert nlp.get_pipe("nuner").add_label("NEW") == 1
    check(list(nlp.pipe(read_texts(path))), path)  # not predicted before it's trained


@each
def test_a_part_is_missing(path: Path, tmp_path: Path) -> None:
    for name in ("nuner/cfg", "nuner/model.safetensors", "transformer/model"):
        shutil.copytree(path, tmp_path / "cut", dirs_exist_ok=True)
        (tmp_path / "cut" / name).unlink()
        with pytest.raises((ValueError, FileNotFoundError), match=name):
            spacy.load(tmp_path / "cut")


@each
def test_small_and_not_pickled(path: Path) -> None:
    files = [file for file in path.rglob("*") if file.is_file()]
    assert sum(file.stat().st_size for file in files) < MAX_BYTES
    for file in files:
        # A pickle begins with its protocol, a file of torch.save is a zip archive
        content = file.read_bytes()
        assert not content.startswith((b"\x80\x02", b"\x80\x03", b"\x80\x04", b"PK"))
        assert str(Path.home()).encode() not in content and b"/tmp/" not in content
