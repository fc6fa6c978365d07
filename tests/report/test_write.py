import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from spacy_nuner.report.collect import read_inputs
from spacy_nuner.report.ours import read_ours
from spacy_nuner.report.reproduce import make_tables
from spacy_nuner.report.write import write_report

from .synthetic_cells import HOSTILE, Files, make_files, write_cell, write_json

SCRIPT = re.compile(r"<\s*script", re.IGNORECASE)


class Page(HTMLParser):
    """Collects tags, attributes and text of a page."""

    VOID = frozenset({"meta", "br", "link", "img", "input", "hr"})

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str]] = []
        self.stack: list[str] = []
        self.text = ""
        self.feed(html)
        assert self.stack == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.attributes += [(name, value or "") for name, value in attrs]
        if tag not in self.VOID:
            self.stack.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.stack.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def write(files: Files, output: Path) -> dict[str, Any]:
    inputs = read_inputs(
        files.metrics, corpus=files.corpus, log=files.log, encoder=files.encoder
    )
    return write_report(inputs, output)


@pytest.fixture(scope="module")
def reports(files: Files, tmp_path_factory: pytest.TempPathFactory) -> Path:
    output = tmp_path_factory.mktemp("out") / "reports"
    write(files, output)
    return output


@pytest.fixture(scope="module")
def html(reports: Path) -> str:
    return (reports / "index.html").read_text(encoding="utf8")


def test_files(reports: Path) -> None:
    assert sorted(path.name for path in reports.iterdir()) == [
        "figures",
        "index.html",
        "summary.json",
        "summary.md",
    ]
    assert sorted(path.stem for path in (reports / "figures").iterdir()) == [
        "concepts",
        "mean-public",
        "mean-shipped",
        "reliability",
        "set-bionlp2004",
        "set-gallery",
        "set-mit_movie",
        "set-mit_restaurant",
        "training-loss",
        "training-probability",
    ]


def test_page_stands_alone(html: str) -> None:
    page = Page(html)
    assert "script" not in page.tags
    assert not {"link", "img", "iframe", "object"} & set(page.tags)
    for name, value in page.attributes:
        if name in ("href", "src", "xlink:href"):
            assert value.startswith("#")
        assert not name.startswith("on")
    assert "http" not in html.replace("http://www.w3.org/2000/svg", "").replace(
        "http-equiv", ""
    ).replace("http://evil", "")  # the fixture's hostile concept, as text
    assert "@import" not in html
    assert "url(" not in html


def test_links_and_ids(html: str) -> None:
    page = Page(html)
    ids = [value for name, value in page.attributes if name == "id"]
    assert len(set(ids)) == len(ids)
    targets = {value[1:] for name, value in page.attributes if name == "href"}
    assert targets <= set(ids)
    labelled = [v for n, v in page.attributes if n == "aria-labelledby"]
    assert len(labelled) == 10
    assert {id for value in labelled for id in value.split()} <= set(ids)


def test_text_of_the_corpus_is_escaped(html: str, reports: Path) -> None:
    assert not SCRIPT.search(html)
    text = Page(html).text
    assert text.count(HOSTILE) >= 4  # concepts, two figures, label of a type
    assert "a|b `c` [d](http://evil) & <e>" in text
    markdown = (reports / "summary.md").read_text(encoding="utf8")
    assert not SCRIPT.search(markdown)
    figure = "![Reliability](figures/reliability.svg)"  # ours
    assert not re.search(r"(?<!\\)\]\(", markdown.replace(figure, ""))
    for figure in (reports / "figures").iterdir():
        assert not SCRIPT.search(figure.read_text(encoding="utf8"))


def test_hostile_names_everywhere(tmp_path: Path) -> None:
    """Whatever a file holds, it comes out as text."""
    for k in (1, 2):
        for system in ("base", HOSTILE.replace("/", "")):
            write_cell(
                tmp_path,
                system=system,
                dataset="<i>set<i>",
                k=k,
                score=0.5,
                settings={HOSTILE: HOSTILE},
            )
    write_json(
        tmp_path / "fewshot" / "unreachable.json",
        [{"dataset": HOSTILE, "k": HOSTILE, "types": {}, "reason": HOSTILE}],
    )
    encoder = write_json(tmp_path / "nuner.json", {"base": HOSTILE})
    inputs = read_inputs(tmp_path, corpus=None, log=None, encoder=encoder)
    write_report(inputs, tmp_path / "reports")
    for name in ("index.html", "summary.md"):
        text = (tmp_path / "reports" / name).read_text(encoding="utf8")
        assert not SCRIPT.search(text)
        assert "<i>" not in text
    assert "script" not in Page((tmp_path / "reports" / "index.html").read_text()).tags


def test_what_the_page_says(html: str) -> None:
    text = Page(html).text
    for part in (
        "59.6",  # the paper's NuNER at k = 4
        "paper: RoBERTa-base (125 M), 1,000,000 sentences",
        "ours: tiny-base (0.4 M), 1,000 sentences",
        "LLM, NER v3, repaired parser",
        "the pool has fewer than 64 of ARTWORK",
        "(not the same)",
        "1.43% of the lines",
        "not_found 90, noise 10",
        "Python",
    ):
        assert part in text, part


def test_summary(reports: Path) -> None:
    summary = json.loads((reports / "summary.json").read_text(encoding="utf8"))
    assert summary["format"] == 1
    assert summary["scale"]["n_sentences"] == 1000
    assert summary["corpus"]["top_concepts"][0][0] == HOSTILE
    assert "concepts" not in summary["corpus"]
    assert summary["pretraining"]["n_steps"] == 400
    assert len(summary["pretraining"]["epochs"]) == 4
    assert summary["seconds"] == {"fewshot": 152.0, "ner_v3": 4.0}
    assert summary["settings"]["fewshot / nuner"] == [{"lr": 0.01}]
    assert summary["uneven"] == []
    row = next(r for r in summary["versus_paper"] if r["k"] == "4")
    assert {"paper", "ours", "difference", "our_scale", "paper_scale"} <= row.keys()


def test_same_inputs_give_the_same_report(
    files: Files, reports: Path, tmp_path
) -> None:
    write(files, tmp_path)
    for path in reports.rglob("*.*"):
        assert (tmp_path / path.relative_to(reports)).read_bytes() == path.read_bytes()


def test_nothing_is_there(tmp_path: Path) -> None:
    inputs = read_inputs(tmp_path / "metrics", corpus=None, log=None, encoder=None)
    summary = write_report(inputs, tmp_path / "reports")
    assert summary["results"] == []
    text = Page((tmp_path / "reports" / "index.html").read_text()).text
    assert "metrics is not there." in text
    assert "No few-shot cells" in text
    assert "unknown encoder, unknown corpus" in text
    assert "Pre-training log: no path given" in (
        tmp_path / "reports" / "summary.md"
    ).read_text().replace("\\", "")


def test_old_figures_go(tmp_path: Path) -> None:
    files = make_files(tmp_path / "in")
    write(files, tmp_path / "out")
    inputs = read_inputs(files.metrics, corpus=None, log=None, encoder=None)
    write_report(inputs, tmp_path / "out")
    names = {path.stem for path in (tmp_path / "out" / "figures").iterdir()}
    assert "concepts" not in names
    assert "mean-public" in names


def test_fewer_training_sets_are_said(tmp_path: Path) -> None:
    for seed in range(3):
        write_cell(
            tmp_path, system="base", dataset="gallery", k=1, seed=seed, score=0.2
        )
    write_cell(tmp_path, system="base", dataset="gallery", k=2, score=0.3)
    inputs = read_inputs(tmp_path, corpus=None, log=None, encoder=None)
    summary = write_report(inputs, tmp_path / "reports")
    assert summary["uneven"] == [
        {"system": "base", "dataset": "gallery", "k": "2", "n_sets": 1, "expected": 3}
    ]
    text = Page((tmp_path / "reports" / "index.html").read_text()).text
    assert "base encoder, Gallery, k = 2: 1 of 3" in text


def test_tables_of_the_paper(files: Files, tmp_path: Path) -> None:
    tables = make_tables(read_ours(files.metrics, scale="<tiny>"))
    first = next(table for table in tables if table["is_filled"])
    first["rows"][0]["note"] = HOSTILE
    inputs = read_inputs(files.metrics, corpus=None, log=None, encoder=None)
    finding = {"claim": HOSTILE, "table": "3", "verdict": "confirmed", "notes": []}
    other = {"claim": "What else", "table": "4", "verdict": "not measured"}
    findings = [finding | {"words": "because"}, other | {"words": "", "notes": []}]
    write_report(inputs, tmp_path, paper_tables=tables, findings=findings)
    html = (tmp_path / "index.html").read_text(encoding="utf8")
    assert not SCRIPT.search(html)
    text = Page(html).text
    assert text.count(HOSTILE) >= 2
    assert "<tiny>" in text
    assert "because" in text and "1 findings not measured here" in text
    assert f"Table {first['number']}: {first['title']}" in text
    missing = [table for table in tables if not table["is_filled"]]
    assert missing
    for table in missing:
        assert table["how"] in text
