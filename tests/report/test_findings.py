"""Tables and findings from synthetic cells: figures, verdicts, what is missing."""

import json
import os
from pathlib import Path

import pytest

from spacy_nuner.report.findings import (
    Difference,
    judge,
    make_findings,
    read_comparisons,
    sum_up,
)
from spacy_nuner.report.ours import Ours, read_ours
from spacy_nuner.report.reproduce import make_tables
from spacy_nuner.report.table_text import make_lines, render_tables

from .synthetic_cells import HOSTILE, write_cell, write_json

SIZES = {"250": 30.0, "1000": 34.0, "all": 45.0}


def write_variant(metrics: Path, ablation: str, name: str, reference: str) -> None:
    content = {
        "ablation": ablation,
        "variant": name,
        "title": f"Question {HOSTILE}",
        "table": "",
        "reference": reference,
        "corpus": {"n_train": 900, "n_concepts": 50, "name": "toy"},
        "encoder": "tiny",
    }
    write_json(metrics / "ablations" / ablation / name / "variant.json", content)


def write_ablation(
    metrics: Path, ablation: str, scores: dict[str, float], reference: str
) -> None:
    """Cells of three training sets on two data sets."""
    for name, points in scores.items():
        write_variant(metrics, ablation, name, reference)
        for dataset in ("mit_movie", "gallery"):
            for seed in range(3):
                score = (points + seed + (dataset == "gallery")) / 100
                write_cell(
                    metrics / "ablations",
                    experiment=ablation,
                    system=name,
                    dataset=dataset,
                    k=8,
                    seed=seed,
                    score=score + (name == "all") * seed / 1000,
                )


@pytest.fixture
def ours(tmp_path: Path) -> Ours:
    metrics = tmp_path / "metrics"
    write_ablation(metrics, "size", SIZES, "all")
    write_ablation(metrics, "bias", {"none": 50.0, "learned": 40.0}, "learned")
    for system, points in (("base", 30.0), ("nuner", 40.0)):
        for seed in range(3):
            for k in (1, 8):
                write_cell(
                    metrics,
                    system=system,
                    dataset="mit_movie",
                    k=k,
                    seed=seed,
                    score=(points + k + seed * (1 if system == "base" else 1.5)) / 100,
                )
    return read_ours(metrics, scale="tiny, 10 sentences")


def find(findings: list[dict], text: str) -> dict:
    (found,) = [f for f in findings if f["claim"].startswith(text)]
    return found


def test_figures_stand_beside_the_papers(ours: Ours) -> None:
    (table,) = make_tables(ours, ["3"])
    row = next(
        row
        for row in table["rows"]
        if (row["setting"], row["column"]) == ("8", "NuNER")
    )
    assert row["paper"] == 64.78
    assert row["ours"]["mean"] == 49.5
    assert row["difference"] == pytest.approx(-15.28)
    assert row["our_scale"] == "tiny, 10 sentences"
    assert row["datasets"] == ["mit_movie"]
    assert (row["sets"], row["ours"]["n"]) == (3, 3)


def test_variants_that_the_paper_lacks_are_shown(ours: Ours) -> None:
    (table,) = make_tables(ours, ["6"])
    eight = {r["column"]: r for r in table["rows"] if r["setting"] == "8"}
    assert eight["1,000"]["ours"]["mean"] == 35.0
    assert eight["1,000"]["difference"] == pytest.approx(35.0 - 60.3)
    assert eight["ours: 250"]["paper"] is None
    assert "900 sentences of toy" in eight["ours: 250"]["our_scale"]
    # Only the public set counts where there is one
    assert eight["ours: 250"]["datasets"] == ["mit_movie"]


def test_empty_tables_say_how_to_fill_them(ours: Ours) -> None:
    (table,) = make_tables(ours, ["1"])
    assert not table["is_filled"]
    assert "spacy-nuner episodes" in render_tables([table], [])


def test_open_questions_have_tables_of_their_own(ours: Ours) -> None:
    table = make_tables(ours)[-1]
    assert table["number"] == "bias"
    assert [row["column"] for row in table["rows"]] == ["ours: learned", "ours: none"]
    text = render_tables([table], make_findings(ours, {}))
    assert HOSTILE not in text
    assert make_lines(table)[0][1] == "ours: learned"


def test_findings_are_made_of_the_figures(ours: Ours) -> None:
    findings = make_findings(ours, {})
    better = find(findings, "NuNER is better than its base encoder")
    assert better["verdict"] == "confirmed"
    assert [d["k"] for d in better["differences"]] == ["1", "8"]
    assert better["differences"][0]["value"] == pytest.approx(10.5)
    assert better["differences"][0]["basis"] == "training sets alone"
    assert find(findings, "LLM-annotated C4")["verdict"] == "not measured"
    assert find(findings, "Question")["verdict"] == "confirmed"
    larger = find(findings, "A larger corpus is better: all against the smallest")
    assert larger["verdict"] == "confirmed"


def test_compared_differences_are_preferred(ours: Ours, tmp_path: Path) -> None:
    rows = [
        {
            "one": "250",
            "other": "all",
            "dataset": name,
            "k": "8",
            "metric": "token_macro_f1",
            "value": value,
            "both": [value - 0.03, value + 0.04],
        }
        for name, value in (("mit_movie", 0.02), ("gallery", 0.9))
    ]
    path = tmp_path / "metrics" / "ablations" / "size" / "comparison.json"
    write_json(path, {"experiment": "size", "differences": rows})
    compared = read_comparisons(tmp_path / "metrics")
    finding = find(
        make_findings(ours, compared), "A larger corpus is better: all against the sm"
    )
    (difference,) = finding["differences"]
    assert difference["basis"] == "test sentences and training sets"
    assert difference["value"] == pytest.approx(-2.0)
    assert (difference["low"], difference["high"]) == pytest.approx((-6.0, 1.0))
    assert finding["verdict"] == "not shown"


def test_systems_of_two_experiments_have_been_compared(tmp_path: Path) -> None:
    metrics = tmp_path / "metrics"
    write_ablation(metrics, "text", {"wikipedia": 50.0}, "wikipedia")
    for seed in range(3):
        write_cell(
            metrics, system="ner_bert", dataset="mit_movie", k=8, seed=seed, score=0.4
        )
    content = {
        "experiment": "fewshot",
        "differences": [
            {
                "one": "ner_bert",
                "other": "ablations/text/wikipedia",
                "dataset": "mit_movie",
                "k": "8",
                "metric": "token_macro_f1",
                "value": -0.02,
                "both": [-0.03, -0.01],
            }
        ],
    }
    path = write_json(metrics / "comparisons" / "a.json", content)
    older = {"experiment": "fewshot", "differences": [dict(content["differences"][0])]}
    older["differences"][0]["both"] = [-0.9, 0.9]
    os.utime(write_json(metrics / "comparisons" / "b.json", older), (1, 1))
    assert path.stat().st_mtime > 1
    findings = make_findings(
        read_ours(metrics, scale="tiny"), read_comparisons(metrics)
    )
    (difference,) = find(findings, "Wikipedia annotated by an LLM")["differences"]
    assert difference["basis"] == "test sentences and training sets"
    assert (difference["low"], difference["high"]) == pytest.approx((1.0, 3.0))


@pytest.mark.parametrize(
    ("low", "high", "kind", "expected"),
    [
        (0.1, 3.0, "greater", "confirmed"),
        (-3.0, -0.1, "greater", "contradicted"),
        (-1.0, 3.0, "greater", "not shown"),
        (None, None, "greater", "not shown"),
        (-1.9, 1.9, "alike", "confirmed"),
        (-1.0, 2.1, "alike", "not shown"),
        (2.1, 4.0, "alike", "contradicted"),
        (-4.0, -2.1, "alike", "contradicted"),
    ],
)
def test_verdicts_go_by_the_interval(low, high, kind, expected) -> None:
    assert judge(Difference("1", 0.0, low, high, 3, ""), kind) == expected


@pytest.mark.parametrize(
    ("verdicts", "expected"),
    [
        ([], "not measured"),
        (["confirmed", "confirmed"], "confirmed"),
        (["confirmed", "not shown"], "confirmed in part"),
        (["contradicted", "not shown"], "contradicted in part"),
        (["contradicted", "confirmed"], "confirmed and contradicted, by k"),
    ],
)
def test_verdicts_of_several_k(verdicts: list[str], expected: str) -> None:
    assert sum_up(verdicts) == expected


def test_episodes_are_paired(tmp_path: Path) -> None:
    metrics = tmp_path / "metrics"
    for system, more in (("tadner_base", 0.0), ("tadner_nuner", 0.05)):
        folder = metrics / "few_nerd" / system / "5way1shot"
        values = [0.4 + more, 0.6 + more * 1.1, 0.5 + more * 0.9]
        for i, value in enumerate(values):
            write_json(folder / f"episode{i}.json", {"f1": value})
        summary = {"episode_mean_f1": 0.5 + more, "interval": [0.4, 0.6]}
        source = {"max_steps": 60 if more else 0, "batch_size": 32}
        summary |= {"n_episodes": 3, "settings": {"source": source}}
        write_json(folder / "summary.json", summary)
    ours = read_ours(metrics, scale="tiny")
    (table,) = make_tables(ours, ["1"])
    row = next(
        row
        for row in table["rows"]
        if (row["setting"], row["column"]) == ("INTER 5-way 1~2", "NuNER-BERT")
    )
    assert row["ours"]["mean"] == 55.0
    assert "for 60 steps of 32 sentences in place of an epoch" in row["note"]
    assert [r["note"] for r in table["rows"] if r["ours"] and r != row] == [""]
    finding = find(make_findings(ours, {}), "TadNER is better")
    assert finding["verdict"] == "confirmed"
    assert json.loads(json.dumps(finding))["differences"][0]["n"] == 3
