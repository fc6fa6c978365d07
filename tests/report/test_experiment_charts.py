"""Figures of the ablations, and of the LLM beside learning curves."""

import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from spacy_nuner.report.ablation_charts import draw_ablations
from spacy_nuner.report.charts import Chart
from spacy_nuner.report.collect import read_inputs
from spacy_nuner.report.llm_charts import draw_beside_llm
from spacy_nuner.report.ours import read_ours
from spacy_nuner.report.write import write_report

from .synthetic_cells import HOSTILE, write_cell, write_json, write_llm

NS = {"svg": "http://www.w3.org/2000/svg"}
PART = {"token_macro_f1": 0.7, "entity_micro_f1": 0.6}


def write_variant(
    metrics: Path,
    ablation: str,
    name: str,
    points: float,
    *,
    n_train: int = 900,
    datasets: tuple[str, ...] = ("mit_movie", "bionlp2004"),
) -> None:
    about = {
        "ablation": ablation,
        "variant": name,
        "title": f"Question {HOSTILE}",
        "table": "",
        "reference": "all",
        "corpus": {"n_train": n_train, "n_concepts": 50, "name": "toy"},
        "encoder": "tiny",
    }
    folder = metrics / "ablations"
    write_json(folder / ablation / name / "variant.json", about)
    for dataset in datasets:
        for k in (1, 8):
            for seed in range(2):
                score = (points + k + seed) / 100
                write_cell(
                    folder,
                    experiment=ablation,
                    system=name,
                    dataset=dataset,
                    k=k,
                    seed=seed,
                    score=score,
                )


def write_ours(metrics: Path, experiment: str, ks: list[int | str], **more) -> None:
    for k in ks:
        write_cell(
            metrics,
            experiment=experiment,
            system="nuner",
            dataset="mit_restaurant",
            k=k,
            score=0.4,
            **more,
        )


def count_lines(chart: Chart, css: str = "") -> int:
    lines = ET.fromstring(chart.svg).findall("svg:polyline", NS)
    return sum(css in line.attrib["class"] for line in lines)


def test_variants_are_curves_over_k(tmp_path: Path) -> None:
    for name, points in (("all", 50.0), ("p12", 30.0)):
        write_variant(tmp_path, "concepts", name, points)
    write_variant(tmp_path, "concepts", "p50", 90.0, datasets=("mit_movie",))
    write_variant(tmp_path, "text", "c4", 40.0)  # nothing to hold it against
    charts = draw_ablations(read_ours(tmp_path, scale="tiny"))
    assert list(charts) == ["ablation-concepts"]
    chart = charts["ablation-concepts"]
    assert chart.title == f"Question {HOSTILE} (Table 5)"
    # p50 lacks a data set: its mean would be another one's
    assert count_lines(chart) == 2
    assert chart.data.columns == ["System", "k = 1", "k = 8"]
    all_row, p12_row = chart.data.rows
    assert all_row[0] == "all"
    assert all_row[2].startswith("58.5 (")
    assert p12_row[1].startswith("31.5 (")


def test_the_size_of_the_corpus_is_an_axis(tmp_path: Path) -> None:
    sizes = {"all": (60.0, 5411), "1000": (50.0, 900), "250": (40.0, 225)}
    for name, (points, n_train) in sizes.items():
        write_variant(tmp_path, "size", name, points, n_train=n_train)
    chart = draw_ablations(read_ours(tmp_path, scale="tiny"))["ablation-size"]
    columns, (row,) = chart.data
    assert columns[1:] == ["225 sentences", "900 sentences", "5,411 sentences"]
    assert row[0] == "k = 8"
    assert [cell[:4] for cell in row[1:]] == ["48.5", "58.5", "68.5"]
    assert count_lines(chart) == 1


def test_open_questions_have_figures_too(tmp_path: Path) -> None:
    for name in ("none", "learned"):
        write_variant(tmp_path, "a bias <b>", name, 50.0)
    charts = draw_ablations(read_ours(tmp_path, scale="tiny"))
    (id,) = charts
    assert id == "ablation-a-bias-b-"
    assert "(Table" not in charts[id].title


def test_the_llm_is_a_dashed_line_beside_sets_of_mentions(tmp_path: Path) -> None:
    write_llm(tmp_path)
    write_ours(tmp_path, "fewshot", [1, 8])
    ours = read_ours(tmp_path, scale="tiny")
    chart = draw_beside_llm(ours)["words-mit_restaurant"]
    assert chart.title == "MIT Restaurant, not the same test sentences"
    assert count_lines(chart, "s-level") == 2
    assert chart.data.columns == ["System", "k = 1", "k = 8"]
    assert chart.data.rows == [
        ["NuNER", "40.0", "40.0"],
        ["LLM, no examples", "50.0", "50.0"],
        ["LLM, k_w = 8", "55.0", "55.0"],
    ]


def test_sets_of_words_and_the_llms_sentences_are_preferred(tmp_path: Path) -> None:
    write_llm(tmp_path)
    write_ours(tmp_path, "fewshot", [1, 8])
    write_ours(tmp_path, "fewshot_words", ["kw1", "kw64"], subset_ner_v3=PART)
    chart = draw_beside_llm(read_ours(tmp_path, scale="tiny"))["words-mit_restaurant"]
    assert chart.title == "MIT Restaurant, the LLM's 200 test sentences"
    assert chart.data.columns[:3] == ["System", "k_w = 1", "k_w = 2"]
    assert chart.data.rows[0] == ["NuNER", "70.0", *["–"] * 5, "70.0"]
    assert chart.data.rows[1][:2] == ["paper: NuNER", "38.5"]


@pytest.mark.parametrize("has_llm", [True, False])
def test_no_figure_without_both(tmp_path: Path, has_llm: bool) -> None:
    if has_llm:
        write_llm(tmp_path)
    else:
        write_ours(tmp_path, "fewshot", [1, 8])
    assert draw_beside_llm(read_ours(tmp_path, scale="tiny")) == {}


def test_the_page_has_them_with_their_data(tmp_path: Path) -> None:
    metrics = tmp_path / "metrics"
    write_llm(metrics)
    write_ours(metrics, "fewshot", [1, 8])
    for name, points in (("all", 50.0), ("p12", 30.0)):
        write_variant(metrics, "concepts", name, points)
    ours = read_ours(metrics, scale="tiny")
    charts = draw_ablations(ours) | draw_beside_llm(ours)
    inputs = read_inputs(metrics, corpus=None, log=None, encoder=None)
    write_report(inputs, tmp_path / "reports", more_charts=charts)
    html = (tmp_path / "reports" / "index.html").read_text(encoding="utf8")
    _, start, rest = html.partition('<section id="ablations">')
    section = rest.partition("</section>")[0]
    assert start
    assert "<summary>Data</summary>" in section
    assert "58.5 (" in section
    assert "<script" not in html
    assert '<a href="#ablations">' in html
    assert "MIT Restaurant, not the same test sentences" in html
    for id in ("ablation-concepts", "words-mit_restaurant"):
        assert (tmp_path / "reports" / "figures" / f"{id}.svg").is_file()

    write_report(inputs, tmp_path / "reports")
    html = (tmp_path / "reports" / "index.html").read_text(encoding="utf8")
    assert "#ablations" not in html
    assert not (tmp_path / "reports" / "figures" / "ablation-concepts.svg").is_file()
