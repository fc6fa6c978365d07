from pathlib import Path

import pytest

from spacy_nuner.report.collect import read_cells
from spacy_nuner.report.markdown import make_llm_table
from spacy_nuner.report.paper import FEWSHOT, LLM, TABLE_3_SCALE
from spacy_nuner.report.rows import (
    BASE_SCALE,
    compare_with_llm,
    compare_with_paper,
    index_scores,
    k_order,
    make_gains,
    make_means,
    make_results,
)

from .synthetic_cells import DATASETS, KS, SYSTEMS, Files, write_cell


def write_scores(
    metrics: Path, scores: dict[tuple[str, str, int], list[float]]
) -> Path:
    for (system, dataset, k), values in scores.items():
        for seed, value in enumerate(values):
            write_cell(
                metrics, system=system, dataset=dataset, k=k, seed=seed, score=value
            )
    return metrics


def test_results(tmp_path: Path) -> None:
    write_scores(tmp_path, {("base", "gallery", 16): [0.1, 0.3]})
    write_scores(tmp_path, {("base", "gallery", 4): [0.2]})
    four, sixteen = make_results(read_cells(tmp_path))
    assert (four["k"], sixteen["k"]) == ("4", "16")
    assert four["token_macro_f1"] == {
        "mean": 20.0,
        "sd": None,
        "n": 1,
        "low": None,
        "high": None,
    }
    assert sixteen["token_macro_f1"]["mean"] == 20.0
    assert sixteen["token_macro_f1"]["sd"] == 14.14
    assert sixteen["entity_micro_f1"]["mean"] == 18.0
    assert sixteen["n_train_entities"] == 12
    assert sixteen["samplers"] == ["exact"]


def test_gains_are_paired(tmp_path: Path) -> None:
    """Training sets differ much, systems on the same set little: a tight interval."""
    base = [0.10, 0.30, 0.50]
    scores = {("base", "d", 1): base, ("nuner", "d", 1): [b + 0.05 for b in base]}
    write_scores(tmp_path, scores)
    # a system on fewer sets is compared on those alone
    write_scores(tmp_path, {("nuner_concept_start", "d", 1): [0.2]})
    write_scores(tmp_path, {("nuner", "e", 1): [0.2]})  # no base: no gain
    gains = make_gains(index_scores(read_cells(tmp_path)))
    assert [(row["system"], row["dataset"]) for row in gains] == [
        ("nuner", "d"),
        ("nuner_concept_start", "d"),
    ]
    assert gains[0]["gain"] == {"mean": 5.0, "sd": 0.0, "n": 3, "low": 5.0, "high": 5.0}
    assert gains[1]["gain"]["mean"] == 10.0
    assert gains[1]["gain"]["n"] == 1


def test_means_go_seed_by_seed(tmp_path: Path) -> None:
    scores = {
        ("base", "mit_movie", 1): [0.2, 0.4],
        ("base", "bionlp2004", 1): [0.4, 0.2],
        ("nuner", "mit_movie", 1): [0.4, 0.5],
        ("nuner", "bionlp2004", 1): [0.4, 0.5],
        ("base", "mit_movie", 64): [0.6, 0.6],
        ("base", "gallery", 1): [0.1, 0.1],
    }
    rows = make_means(index_scores(read_cells(write_scores(tmp_path, scores))))
    found = {(row["group"], row["system"], row["k"]): row for row in rows}
    assert len(found) == len(rows) == 4
    base = found["public", "base", "1"]
    assert base["score"] == {"mean": 30.0, "sd": 0.0, "n": 2, "low": 30.0, "high": 30.0}
    assert base["gain"] is None
    assert base["left_out"] == []
    assert found["public", "nuner", "1"]["gain"]["mean"] == 15.0
    assert found["public", "base", "64"]["datasets"] == ["mit_movie"]
    assert found["public", "base", "64"]["left_out"] == ["bionlp2004"]
    assert found["shipped", "base", "1"]["score"]["mean"] == 10.0


def test_beside_the_paper(files: Files) -> None:
    means = make_means(index_scores(read_cells(files.metrics)))
    rows = compare_with_paper(means, scale="tiny, 10 sentences")
    assert len(rows) == len(KS) * len(SYSTEMS)
    for row in rows:
        assert row["datasets"] == ["mit_restaurant", "mit_movie", "bionlp2004"]
        difference = row["ours"]["mean"] - row["paper"]
        assert row["difference"] == pytest.approx(difference, abs=0.006)
        assert row["ours"]["low"] < row["ours"]["mean"] < row["ours"]["high"]
        is_base = row["system"].startswith("base")
        assert row["our_scale"] == (BASE_SCALE if is_base else "tiny, 10 sentences")
        assert row["paper_scale"] == TABLE_3_SCALE
    nuner = {row["k"]: row for row in rows if row["system"] == "nuner"}
    assert nuner["4"]["paper"] == 59.60
    assert nuner["4"]["paper_gain"] == 14.95
    assert nuner["64"]["paper_system"] == "NuNER"
    base = next(row for row in rows if row["system"] == "base")
    assert (base["paper"], base["paper_gain"], base["our_gain"]) == (24.46, None, None)


def test_shipped_sets_stand_in_where_no_public_one_is_there(tmp_path: Path) -> None:
    scores = {("nuner", "workshop", 1): [0.3, 0.4], ("other", "workshop", 1): [0.1]}
    write_scores(tmp_path, scores | {("nuner", "workshop", 3): [0.3]})
    means = make_means(index_scores(read_cells(tmp_path)))
    (row,) = compare_with_paper(means, scale="")
    assert row["datasets"] == ["workshop"]
    assert row["difference"] == round(35 - 39.37, 2)


def test_beside_the_llm(files: Files) -> None:
    results = make_results(read_cells(files.metrics))
    rows = compare_with_llm(results, fewshot_ks=lambda k: k == "16")
    assert {row["dataset"] for row in rows} == {"mit_restaurant", "gallery"}
    restaurant = [row for row in rows if row["dataset"] == "mit_restaurant"]
    assert [(row["system"], row["k"]) for row in restaurant] == [
        ("llm_ner_v3", "kw0"),
        ("llm_ner_v3", "kw8"),
        ("llm_ner_v3_repaired", "kw0"),
        ("llm_ner_v3_repaired", "kw8"),
        ("base", "16"),
        ("nuner", "16"),
        ("nuner_concept_start", "16"),
    ]
    assert restaurant[1]["paper"] == {"GPT-3.5": 81.0, "GPT-4": 85.35}
    assert [row["same_sentences"] for row in restaurant] == [True] * 4 + [False] * 3
    gallery = [row for row in rows if row["dataset"] == "gallery"]
    assert all(row["same_sentences"] and not row["paper"] for row in gallery)
    assert len(compare_with_llm(results)) > len(rows)


def test_beside_the_llm_on_its_own_sentences(tmp_path: Path) -> None:
    part = {"token_macro_f1": 0.7, "entity_micro_f1": 0.6}
    for k in (8, 64):
        for seed in range(2):
            write_cell(
                tmp_path,
                system="nuner",
                dataset="mit_restaurant",
                k=k,
                seed=seed,
                score=0.4,
                **({"subset_ner_v3": part} if k == 8 or seed else {}),
            )
    llm = {"experiment": "ner_v3", "system": "llm_ner_v3", "n_test": 200}
    write_cell(tmp_path, dataset="mit_restaurant", k="kw0", score=0.5, **llm)
    rows = compare_with_llm(make_results(read_cells(tmp_path)))
    shown = [
        (row["k"], row["token_macro_f1"]["mean"], row["n_test_sentences"])
        for row in rows
    ]
    # At k = 64 a cell has no such figure
    assert shown == [("kw0", 50.0, 200), ("8", 70.0, 200), ("64", 40.0, 1521)]
    assert [row["same_sentences"] for row in rows] == [True, True, False]
    lines = make_llm_table(rows).splitlines()[2:]
    assert [line.rpartition(" | ")[2] for line in [r[:-2] for r in lines]] == [
        "200",
        "200 (the LLM's sentences)",
        "1521 (not the same)",
    ]


def test_order_of_k() -> None:
    assert sorted(["64", "kw8", "1", "16", "kw0", "2"], key=k_order) == [
        *("1", "2", "16", "64", "kw0", "kw8")
    ]


def test_the_papers_figures() -> None:
    """Spot checks against the paper's own statements."""
    assert list(FEWSHOT["nuner"]) == [1, 2, 4, 8, 16, 32, 64]
    assert FEWSHOT["roberta"][8] == 52.56
    assert FEWSHOT["ner_bert"][64] == 67.61
    # "outperforms both models for all training sizes" (Figure 7)
    for k, nuner in FEWSHOT["nuner"].items():
        assert nuner > FEWSHOT["ner_bert"][k] > FEWSHOT["roberta"][k]
    # "NuNER beats GPT-3.5 ... when more than a dozen" (Section 6): 16 words on BioNLP
    assert LLM["bionlp2004"][16][3] == 76.31
    assert LLM["bionlp2004"][16][0] == 68.88
    assert set(LLM) <= set(DATASETS)
