"""What a pipeline is saved with, and what is said if other versions load it."""

import logging
from pathlib import Path
from typing import Any

import pytest
import spacy
import srsly
from spacy.language import Language

from spacy_nuner.component.serialize import META, PACKAGES, record_versions


@pytest.fixture
def folder(nlp: Language, tmp_path: Path) -> Path:
    """A saved pipeline."""
    nlp.to_disk(tmp_path / "nlp")
    return tmp_path / "nlp"


def change_versions(folder: Path, **versions: str) -> None:
    meta = srsly.read_json(folder / "meta.json")
    names = {name.replace("-", "_"): name for name in PACKAGES}
    meta[META] |= {names[name]: number for name, number in versions.items()}
    srsly.write_json(folder / "meta.json", meta)


def load_and_listen(folder: Path, caplog: pytest.LogCaptureFixture) -> list[str]:
    with caplog.at_level(logging.WARNING, logger="spacy_nuner"):
        nlp = spacy.load(folder)
    assert nlp.meta[META]["torch"] != "0.1.0"
    return [r.getMessage() for r in caplog.records if "W402" in r.getMessage()]


def test_versions_are_recorded(folder: Path) -> None:
    meta = srsly.read_json(folder / "meta.json")
    assert set(meta[META]) == set(PACKAGES) and all(meta[META].values())


def test_other_versions_are_a_warning(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    change_versions(folder, torch="0.1.0", spacy_nuner="9.9.9")
    (message,) = load_and_listen(folder, caplog)
    assert "torch 0.1.0 (installed: " in message and "spacy-nuner 9.9.9" in message
    assert "transformers" not in message


def test_other_patch_releases_are_none(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = srsly.read_json(folder / "meta.json")[META]
    major, minor = found["thinc"].split(".")[:2]
    change_versions(folder, thinc=f"{major}.{minor}.999")
    assert load_and_listen(folder, caplog) == []


def test_pipeline_without_a_record(
    folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    meta = srsly.read_json(folder / "meta.json")
    meta.pop(META)
    srsly.write_json(folder / "meta.json", meta)
    assert load_and_listen(folder, caplog) == []


def test_a_record_is_not_overwritten(nlp: Language) -> None:
    """A second pipe must not hide what the first was saved with."""
    nlp.meta[META] = {"torch": "0.1.0"}
    record_versions(nlp)
    meta: dict[str, Any] = nlp.meta
    assert meta[META] == {"torch": "0.1.0"}
