import json
import struct
from pathlib import Path

import pytest

from spacy_nuner.report.collect import (
    count_parameters,
    read_cells,
    read_inputs,
    read_log,
    read_unreachable,
)

from .synthetic_cells import Files, write_cell, write_json


def test_reads_everything(files: Files) -> None:
    inputs = read_inputs(
        files.metrics, corpus=files.corpus, log=files.log, encoder=files.encoder
    )
    assert len(inputs.cells) == (4 * 4 - 1) * 4 * 5 + 8 + 4
    (missing,) = inputs.missing
    assert missing.startswith("Concept map: ") and missing.endswith("is not there.")
    assert inputs.unreachable[0]["experiment"] == "fewshot"
    assert inputs.corpus is not None
    assert inputs.corpus["n_train"] == 1000
    assert inputs.log is not None
    assert len(inputs.log) == 44  # the half line at the end is skipped
    assert inputs.encoder is not None
    assert inputs.encoder["n_parameters"] == 1000 * 384 + 384
    cell = inputs.cells[0]
    assert (cell.experiment, cell.system, cell.k) == ("fewshot", "base", "1")
    ks = {cell.k for cell in inputs.cells}
    assert ks == {"0", "1", "4", "16", "64", "kw0", "kw8"}
    assert inputs.calibration is not None
    assert inputs.calibration["threshold"] == 2.75


def test_what_is_missing_is_said(tmp_path: Path) -> None:
    inputs = read_inputs(
        tmp_path / "metrics", corpus=tmp_path / "stats.json", log=None, encoder=None
    )
    assert inputs[:7] == ([], [], None, None, None, None, None)
    assert inputs.missing == [
        f"Metrics: {tmp_path.as_posix()}/metrics is not there.",
        f"Corpus statistics: {tmp_path.as_posix()}/stats.json is not there.",
        "Pre-training log: no path given.",
        "Encoder description: no path given.",
        f"Calibration: {tmp_path.as_posix()}/metrics/calibration.json is not there.",
        f"Concept map: {tmp_path.as_posix()}/metrics/concept_map.json is not there.",
    ]
    (tmp_path / "metrics").mkdir()
    inputs = read_inputs(tmp_path / "metrics", corpus=None, log=None, encoder=None)
    assert "no finished cell" in inputs.missing[-1]


def test_half_written_cells_do_not_count(tmp_path: Path) -> None:
    path = write_cell(tmp_path, system="base", dataset="gallery", k=1, score=0.5)
    path.with_name("seed1.json.tmp").write_text("{")
    assert len(read_cells(tmp_path)) == 1


@pytest.mark.parametrize(
    ("content", "code"),
    [
        ("{", "N602"),
        ("[]", "N602.*not an object"),
        ('{"experiment": "fewshot"}', "N601.*system, dataset, k, seed, token"),
    ],
)
def test_bad_cell(tmp_path: Path, content: str, code: str) -> None:
    path = write_cell(tmp_path, system="base", dataset="gallery", k=1, score=0.5)
    path.write_text(content)
    with pytest.raises(ValueError, match=code) as error:
        read_cells(tmp_path)
    assert path.name in str(error.value)


def test_score_that_is_no_number(tmp_path: Path) -> None:
    write_cell(
        *(tmp_path,), system="b", dataset="d", k=1, score=0.5, entity_micro_f1=None
    )
    with pytest.raises(ValueError, match="N602"):
        read_cells(tmp_path)


def test_bad_log_and_unreachable(tmp_path: Path) -> None:
    path = tmp_path / "log.jsonl"
    path.write_text('{"step": 1}\n{"step"\n{"step": 3}\n')
    with pytest.raises(ValueError, match=r"N602.*line 2"):
        read_log(path)
    write_json(tmp_path / "fewshot" / "unreachable.json", {"gallery": 64})
    with pytest.raises(ValueError, match=r"N602.*not a list"):
        read_unreachable(tmp_path)


@pytest.mark.parametrize("content", [b"", b"abc", struct.pack("<Q", 5) + b"hello"])
def test_no_safetensors(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "model.safetensors"
    path.write_bytes(content)
    with pytest.raises(ValueError, match="N602"):
        count_parameters(path)


def test_parameters_of_a_real_encoder(tiny_encoder: Path) -> None:
    from transformers import AutoModel

    model = AutoModel.from_pretrained(tiny_encoder, add_pooling_layer=False)
    expected = sum(p.numel() for p in model.parameters())
    assert expected <= count_parameters(tiny_encoder / "model.safetensors")
    assert json.loads((tiny_encoder / "config.json").read_text())["hidden_size"] == 16
