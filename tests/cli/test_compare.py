"""`spacy-nuner score`, `compare` and `sample` on the sample's gallery."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
import spacy
from spacy.tokens import DocBin
from typer.testing import CliRunner

from spacy_nuner.cli.main import app
from spacy_nuner.evaluate.cells import cell_path, write_cell
from spacy_nuner.evaluate.data import load_part
from spacy_nuner.evaluate.predictions import Predictions, hash_gold
from spacy_nuner.report.findings import read_comparisons

SAMPLE = Path(__file__).parents[2] / "assets" / "sample" / "downstream"


@pytest.fixture(scope="module")
def ner(tmp_path_factory):
    """`corpus/ner` with 60 sentences of gallery in both parts."""
    folder = tmp_path_factory.mktemp("ner") / "gallery"
    folder.mkdir()
    nlp = spacy.blank("en")
    labels = set()
    for part in ("pool", "test"):
        docs = []
        with (SAMPLE / f"gallery.{part}.jsonl").open(encoding="utf8") as file:
            for line, _ in zip(file, range(60), strict=False):
                record = json.loads(line)
                doc = nlp.make_doc(record["text"])
                spans = (
                    doc.char_span(s["start"], s["end"], s["label"])
                    for s in record["spans"]
                )
                doc.set_ents([s for s in spans if s is not None], default="outside")
                labels |= {ent.label_ for ent in doc.ents}
                docs.append(doc)
        DocBin(docs=docs).to_disk(folder / f"{part}.spacy")
    (folder / "meta.json").write_text(json.dumps({"labels": sorted(labels)}))
    return folder.parent


@pytest.fixture(scope="module")
def cells(ner, tmp_path_factory):
    output = tmp_path_factory.mktemp("metrics") / "fewshot"
    gold, labels = load_part(ner / "gallery", "test")
    for system, kept in (("good", 0.95), ("bad", 0.4)):
        for seed in range(3):
            rng = np.random.default_rng(seed)
            spans = gold.spans[rng.random(len(gold.spans)) < kept]
            path = cell_path(output, system=system, dataset="gallery", k=4, seed=seed)
            found = Predictions(spans, "x", hash_gold(gold, labels))
            write_cell(path, {"key": "x", "train_indices": [seed]}, found)
    return output


def run(*arguments):
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


def flat(result):
    return " ".join(result.output.split())


def test_compare(ner, cells, tmp_path):
    output = tmp_path / "found.json"
    options = ["--datasets-dir", ner, "--resamples", 200]
    result = run("compare", cells, "good", "bad", *options, "-o", output)
    assert result.exit_code == 0, result.output
    assert "good - bad, token_macro_f1" in result.output
    assert "gallery 4 3 +" in flat(result)
    assert "differs" in result.output
    found = json.loads(output.read_text())
    assert found["systems"] == ["good", "bad"]
    assert len(found["differences"]) == 3
    result = run("compare", cells, "good", "bad", *options, "--metric", "text_set_f1")
    assert "good - bad, text_set_f1" in result.output
    beside = cells.parent / "comparisons" / "fewshot.good.bad.json"
    assert json.loads(beside.read_text()) == found


def test_compare_says_what_is_left_out(ner, cells, tmp_path):
    shutil.copytree(cells, tmp_path / "fewshot")
    (tmp_path / "fewshot/bad/gallery/k4/seed0.npz").unlink()
    options = ["--datasets-dir", ner, "--resamples", 100]
    result = run("compare", tmp_path / "fewshot", "good", "bad", *options)
    assert "left out: bad: 1 cells without predictions" in flat(result)


def test_compare_takes_a_system_of_another_experiment(ner, cells, tmp_path):
    shutil.copytree(cells, tmp_path / "fewshot")
    tuned = tmp_path / "finetune" / "tuned"
    shutil.copytree(cells / "good", tuned)
    # Of another training set there is no pair
    shutil.rmtree(tuned / "gallery" / "k4")
    for seed in (1, 2):
        for kind in ("json", "npz"):
            place = f"gallery/k4/seed{seed}.{kind}"
            (tuned / place).parent.mkdir(exist_ok=True)
            shutil.copy(cells / "good" / place, tuned / place)
    options = ["--datasets-dir", ner, "--resamples", 100]
    result = run("compare", tmp_path / "fewshot", "bad", tuned, *options)
    assert result.exit_code == 0, result.output
    assert "bad - finetune/tuned, token_macro_f1" in result.output
    assert "gallery 4 2 -" in flat(result)
    path = tmp_path / "comparisons" / "fewshot.bad.finetune-tuned.json"
    found = json.loads(path.read_text())
    assert found["systems"] == ["bad", "finetune/tuned"]
    assert {row["n_sets"] for row in found["differences"]} == {2}
    compared = read_comparisons(tmp_path)
    key = ("fewshot", "bad"), ("finetune", "tuned"), "gallery", "4", "entity_micro_f1"
    turned = key[1], key[0], *key[2:]
    assert compared[key][0] == -compared[turned][0] < 0

    for cell in tuned.rglob("*.json"):
        content = json.loads(cell.read_text())
        cell.write_text(json.dumps({**content, "train_indices": [77]}))
    result = run("compare", tmp_path / "fewshot", "bad", tuned, *options)
    assert result.exit_code == 1
    assert "N517" in result.output


def test_compare_leaves_out_what_is_not_there_if_told(ner, cells):
    options = ["--datasets-dir", ner, "--resamples", 100, "--skip-missing"]
    elsewhere = cells.parent / "finetune" / "nuner"
    systems = ["good", "ner_bert", "bad", elsewhere]
    result = run("compare", cells, *systems, *options)
    assert result.exit_code == 0, result.output
    assert "left out: ner_bert has no cells" in flat(result)
    assert "good - bad" in result.output
    assert (cells.parent / "comparisons" / "fewshot.good.bad.json").is_file()
    result = run("compare", cells, "good", "ner_bert", *options)
    assert result.exit_code == 0
    assert "Nothing to compare" in flat(result)


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["good"], "N514"),
        (["good", "bert"], "N515"),
        (["good", "metrics/finetune/bert"], "N515"),
        (["good", "bad", "--metric", "accuracy"], "N525"),
        (["good", "bad", "--datasets-dir", "nowhere"], "N001"),
    ],
)
def test_compare_errors_are_coded(ner, cells, arguments, code):
    if "--datasets-dir" not in arguments:
        arguments = [*arguments, "--datasets-dir", ner]
    result = run("compare", cells, *arguments)
    assert result.exit_code == 1
    assert code in result.output


def test_score_a_cell(ner, cells, tmp_path):
    output = tmp_path / "figures.json"
    npz = cells / "bad" / "gallery" / "k4" / "seed0.npz"
    result = run("score", ner / "gallery", npz, "--resamples", 100, "-o", output)
    assert result.exit_code == 0, result.output
    for word in ("token_macro_f1", "text_set_f1", "ARTIST", "spurious", "95 %"):
        assert word in result.output
    figures = json.loads(output.read_text())
    assert figures["mistakes"]["missed"] > 0
    assert figures["mistakes"]["spurious"] == 0


def test_score_files_with_episodes_and_sub_tokens(tiny_encoder, tmp_path):
    gold, told = tmp_path / "gold.jsonl", tmp_path / "told.jsonl"
    text = "Rembrandt lived in Leiden."
    for path, end in ((gold, 25), (told, 22)):
        spans = [
            {"start": 0, "end": 9, "label": "P"},
            {"start": 19, "end": end, "label": "L"},
        ]
        lines = [
            json.dumps({"text": text, "spans": spans, "episode": number})
            for number in (1, 2)
        ]
        path.write_text("\n".join(lines))
    result = run("score", gold, told, "--subtokens", tiny_encoder, "--resamples", 100)
    assert result.exit_code == 0, result.output
    assert "subtoken_macro_f1" in result.output
    assert "episode_published_f1" in result.output
    assert "2 predicted entities had an edge within a word" in flat(result)


def test_sub_tokens_of_a_data_set_are_kept(ner, cells, tiny_encoder):
    npz = cells / "bad" / "gallery" / "k4" / "seed0.npz"
    options = ["--subtokens", tiny_encoder, "--resamples", 100]
    result = run("score", ner / "gallery", npz, *options)
    assert result.exit_code == 0, result.output
    assert len(list((ner / "gallery" / "subtokens").iterdir())) == 1


def test_score_errors_are_coded(ner, tmp_path):
    result = run("score", ner / "gallery", tmp_path / "told.csv")
    assert result.exit_code == 1
    assert "N520" in result.output
    one, broken = tmp_path / "one.jsonl", tmp_path / "broken.jsonl"
    spans = [{"start": 0, "end": 3, "label": "P"}]
    one.write_text(json.dumps({"text": "Ann", "spans": spans}))
    broken.write_bytes(b'{"text": "Zo\xeb", "spans": []}')
    for arguments, code in (
        ([one, broken], "N519"),
        ([one, tmp_path / "no.jsonl"], "N001"),
        ([one, one, "--lang", "zz"], "N532"),
        ([one, one, "-o", tmp_path], "N534"),
        # Before anything is read
        ([one, broken, "-o", tmp_path], "N534"),
    ):
        result = run("score", *arguments)
        assert (result.exit_code, code in result.output) == (1, True), result.output
    assert not tmp_path.with_name(tmp_path.name + ".tmp").exists()


@pytest.mark.parametrize(
    ("options", "files"),
    [
        (["--sampler", "k2k"], "k2k/k1/seed1.json"),
        (["--sampler", "words"], "words/kw1/seed1.json"),
        (["--sampler", "nested"], "nested/k1/seed1.json"),
        (["--sampler", "episodes", "--ways", "3"], "3way/k1/seed1.json"),
    ],
)
def test_sample(ner, options, files):
    options = ["--datasets-dir", ner, "--k", "1", "--sets", "2", *options]
    result = run("sample", "gallery", *options)
    assert result.exit_code == 0, result.output
    assert "2 sets written, 0 were there already" in flat(result)
    assert (ner / "gallery" / "sets" / files).is_file()
    result = run("sample", "gallery", *options)
    assert "0 sets written, 2 were there already" in flat(result)


def test_sample_says_what_is_impossible(ner):
    result = run(
        "sample", "gallery", "--datasets-dir", ner, "--k", "300", "--sets", "1"
    )
    assert result.exit_code == 1
    assert "gallery, k = 300: fewer than k mentions" in flat(result)
    assert "ARTIST" in result.output
    assert "N533" in result.output and "take a smaller --k" in flat(result)
    options = ["--datasets-dir", ner, "--k", "1,300", "--sets", "1"]
    assert run("sample", "gallery", *options).exit_code == 0
    options = ["--sampler", "episodes", "--ways", "50", *options]
    result = run("sample", "gallery", *options)
    assert result.exit_code == 1
    n = len(json.loads((ner / "gallery" / "meta.json").read_text())["labels"])
    assert f"the pool has {n} types, of which {n} have 2 mentions" in flat(result)
    assert "{}" not in result.output
    assert "--k or --ways" in flat(result)
    result = run("sample", "gallery", "--datasets-dir", ner, "--sampler", "best")
    assert result.exit_code == 1
    assert "N523" in result.output
