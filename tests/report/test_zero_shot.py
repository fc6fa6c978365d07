"""Zero-shot results and the reliability figure: shown, and kept apart from few-shot."""

import json
import re
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from spacy_nuner.report.collect import read_calibration, read_cells, read_inputs
from spacy_nuner.report.readme import make_block
from spacy_nuner.report.reliability import draw_reliability
from spacy_nuner.report.summary import make_summary
from spacy_nuner.report.write import write_report
from spacy_nuner.report.zero_shot import split_cells

from .synthetic_cells import HOSTILE, Files, write_cell, write_json, write_zero_shot

NS = {"svg": "http://www.w3.org/2000/svg"}


def report(metrics: Path, output: Path, **paths: Path | None) -> dict[str, Any]:
    options: dict[str, Any] = {"corpus": None, "log": None, "encoder": None}
    return write_report(read_inputs(metrics, **options, **paths), output)


@pytest.fixture
def only_zero_shot(tmp_path: Path) -> Path:
    write_zero_shot(tmp_path / "metrics")
    return tmp_path / "metrics"


def test_they_are_told_apart(files: Files) -> None:
    others, zero_shot = split_cells(read_cells(files.metrics))
    assert {cell.k for cell in zero_shot} == {"0"}
    assert len(zero_shot) == 4
    assert "0" not in {cell.k for cell in others}
    assert "wnut17" not in {cell.dataset for cell in others}


def test_the_rest_of_the_report_does_not_change(files: Files, tmp_path: Path) -> None:
    """Cells without examples leave tables, means, curves and gains as they were."""
    for path in files.metrics.glob("*/*/*/*/seed*.json"):
        if path.parent.name != "k0":
            target = tmp_path / "metrics" / path.relative_to(files.metrics)
            write_json(target, json.loads(path.read_text()))
    without = report(tmp_path / "metrics", tmp_path / "without")
    write_zero_shot(tmp_path / "metrics")
    with_them = report(tmp_path / "metrics", tmp_path / "with")
    for name in without.keys() - {
        *("missing", "zero_shot", "calibration", "settings", "seconds")
    }:
        assert with_them[name] == without[name], name
    figures = {path.name for path in (tmp_path / "with" / "figures").iterdir()}
    assert figures - {
        path.name for path in (tmp_path / "without" / "figures").iterdir()
    } == {"reliability.svg"}
    for path in (tmp_path / "without" / "figures").iterdir():
        assert (tmp_path / "with" / "figures" / path.name).read_text() == (
            path.read_text()
        )
    assert "#zero-shot" not in (tmp_path / "without" / "index.html").read_text()
    assert "Zero-shot" not in (tmp_path / "without" / "summary.md").read_text()


def test_rows(files: Files) -> None:
    inputs = read_inputs(files.metrics, corpus=None, log=None, encoder=None)
    rows = make_summary(inputs)["zero_shot"]
    assert [(row["dataset"], row["system"]) for row in rows] == [
        ("wnut17", "nuner_zero_shot_uncalibrated"),
        ("wnut17", "nuner_zero_shot"),
        ("gallery", "nuner_zero_shot_uncalibrated"),
        ("gallery", "nuner_zero_shot"),
    ]
    assert rows[1]["token_macro_f1"]["mean"] == 45.0
    assert rows[1]["entity_micro_f1"]["mean"] == 40.5
    assert rows[1]["n_test_sentences"] == 1287


def test_pages_show_them(only_zero_shot: Path, tmp_path: Path) -> None:
    summary = report(only_zero_shot, tmp_path / "reports")
    page = (tmp_path / "reports" / "index.html").read_text(encoding="utf8")
    assert '<a href="#zero-shot">' in page
    assert "No few-shot cells" in page
    section = page.partition('<section id="zero-shot">')[2].partition("</section>")[0]
    cells = re.findall(r"<t[dh][^>]*>([^<]*)</t[dh]>", section)
    assert cells[5:10] == [
        *("WNUT-17", "NuNER, zero-shot, uncalibrated", "40.0", "36.0", "1,287")
    ]
    assert "the logit 2.75" in section
    assert "142 concepts" in section
    assert "<svg" in section
    markdown = (tmp_path / "reports" / "summary.md").read_text(encoding="utf8")
    row = "| WNUT-17 | NuNER, zero-shot | 45.0 | 40.5 | 1287 |"
    assert row in markdown
    assert "(figures/reliability.svg)" in markdown
    assert (tmp_path / "reports" / "figures" / "reliability.svg").is_file()
    block = make_block(summary)
    assert "Zero-shot: the labels are known by their names" in block
    assert row in block


def test_readme_without_them(tmp_path: Path) -> None:
    write_cell(tmp_path, system="nuner", dataset="gallery", k=1, score=0.3)
    block = make_block(report(tmp_path, tmp_path / "reports"))
    assert "ero-shot" not in block


def test_calibration_from_elsewhere(tmp_path: Path, files: Files) -> None:
    calibration = files.metrics / "calibration.json"
    summary = report(tmp_path, tmp_path / "reports", calibration=calibration)
    assert summary["calibration"]["scale"] == 1.25
    assert summary["zero_shot"] == []
    page = (tmp_path / "reports" / "index.html").read_text(encoding="utf8")
    assert '<section id="zero-shot">' in page


def test_calibration_without_figures(tmp_path: Path) -> None:
    calibration = {"threshold": 1, "scale": 1, "n_concepts": 0, "reliability": []}
    write_json(tmp_path / "calibration.json", calibration)
    report(tmp_path, tmp_path / "reports")
    assert list((tmp_path / "reports" / "figures").iterdir()) == []
    assert "reliability" not in (tmp_path / "reports" / "summary.md").read_text()


@pytest.mark.parametrize(
    "change",
    [
        {"threshold": None},
        {"reliability": None},
        {"reliability": [{"name": "a", "predicted": 0.5, "n": 1}]},
        {"reliability": [{"name": "a", "predicted": 0.5, "observed": 2, "n": 1}]},
        {"reliability": [{"name": "a", "predicted": "x", "observed": 0, "n": 1}]},
    ],
)
def test_damaged_calibration(files: Files, tmp_path: Path, change: dict) -> None:
    content = json.loads((files.metrics / "calibration.json").read_text())
    path = write_json(tmp_path / "calibration.json", content | change)
    with pytest.raises(ValueError, match=r"N602.*calibration\.json"):
        read_calibration(path)


def test_reliability_figure(files: Files) -> None:
    points = read_calibration(files.metrics / "calibration.json")["reliability"]
    chart = draw_reliability("r", "A & B", reversed(points))
    assert "<script" not in chart
    root = ET.fromstring(chart)
    lines = {
        line.attrib["class"]: [
            tuple(map(float, pair.split(","))) for pair in line.attrib["points"].split()
        ]
        for line in root.findall("svg:polyline", NS)
    }
    assert set(lines) == {"line s-ideal", "line s-nuner", "line s-base", "line s-other"}
    ideal, calibrated = lines["line s-ideal"], lines["line s-nuner"]
    (left, bottom), (right, top) = ideal
    assert left < right
    assert bottom > top
    # sorted by prediction, and where the axes say: 0.95 and 0.855
    assert calibrated == sorted(calibrated)
    assert calibrated[-1][0] == pytest.approx(left + 0.95 * (right - left), abs=0.1)
    assert calibrated[-1][1] == pytest.approx(bottom + 0.855 * (top - bottom), abs=0.1)
    names = [node.text for node in root.iter(f"{{{NS['svg']}}}text")]
    assert {"calibrated", "as trained", HOSTILE, "observed = predicted"} <= set(names)
    assert len(root.findall("svg:g", NS)) == 9
    assert "calibrated: predicted 0.95" in root.find("svg:desc", NS).text
