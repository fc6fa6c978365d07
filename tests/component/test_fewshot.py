"""Few-shot pipelines from docs in memory: training, cross-validation, report."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import spacy
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from spacy.util import load_config
from thinc.api import Config

from spacy_nuner.component.fewshot import crossval, train
from spacy_nuner.component.fewshot.evaluate import Data, evaluate
from spacy_nuner.component.fewshot.labels import read_labels
from spacy_nuner.component.fewshot.report import write_report

from .conftest import NAMES, TEXTS, read_ents

SAMPLE = Path(__file__).parents[2] / "configs" / "sample"
PHRASES = {label: [name] for label, name in NAMES.items()}
QUICK = {
    "training.max_steps": 39,
    "training.optimizer.learn_rate": 0.05,
    "components.nuner.pull": 0.0,
}


def make_docs() -> list[Doc]:
    nlp = spacy.blank("en")
    found = []
    for text, ents in TEXTS:
        doc = nlp.make_doc(text)
        spans = [doc.char_span(start, end, label) for start, end, label in ents]
        doc.set_ents([span for span in spans if span is not None])
        found.append(doc)
    return found


@pytest.fixture(scope="module")
def docs() -> list[Doc]:
    return make_docs()


@pytest.fixture(scope="module")
def config(encoder_folder: Path) -> Config:
    return train.read_config(None, encoder=encoder_folder, overrides=QUICK)


@pytest.fixture(scope="module")
def trained(config: Config, docs: list[Doc]) -> Language:
    return train.train_pipeline(config, docs, PHRASES)


@pytest.mark.parametrize(
    ("template", "name"),
    [(train.FROZEN, "fewshot_frozen"), (train.FINETUNE, "fewshot_finetune")],
)
def test_templates_have_the_settings_of_the_project(template: Path, name: str) -> None:
    """Numbers stand in configs/sample: copy them into the template when they change."""
    ours = load_config(template, interpolate=False)
    theirs = load_config(SAMPLE / f"{name}.cfg", interpolate=False)
    assert set(ours.pop("paths")) == set(theirs.pop("paths"))
    assert ours == theirs


def test_training_gives_a_pipeline_that_stands_alone(
    trained: Language, docs: list[Doc], tmp_path: Path
) -> None:
    trained.to_disk(tmp_path / "pipeline")
    loaded = spacy.load(tmp_path / "pipeline")
    assert loaded.get_pipe("nuner").labels == tuple(PHRASES)
    found = [read_ents(loaded(doc.text)) for doc in docs]
    assert found == [[(e.text, e.label_) for e in doc.ents] for doc in docs]
    paths = loaded.config["paths"]
    assert paths["train"] is None and paths["label_names"] is None
    assert loaded.config["training"]["logger"]["@loggers"] == "spacy.ConsoleLogger.v1"


def test_missing_annotation_is_not_learned_as_no_entity(config: Config) -> None:
    docs = make_docs()
    docs[1].set_ents(docs[1].ents[1:], missing=[docs[1][:1]])
    nlp = train.train_pipeline(config, docs, PHRASES)
    assert ("Rome", "CITY") in read_ents(nlp(docs[2].text))
    assert read_ents(nlp(docs[1].text))[0] == ("Rome", "CITY")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        ({"encoder": Path("gone")}, r"\[N001\].*encoder.*gone"),
        ({"path": Path("gone.cfg")}, r"\[N001\].*config.*gone"),
    ],
)
def test_what_is_missing_is_named(
    encoder_folder: Path, change: dict[str, Any], error: str
) -> None:
    arguments = {"path": None, "encoder": encoder_folder, **change}
    with pytest.raises(ValueError, match=error):
        train.read_config(**arguments)


def test_config_of_another_pipeline(encoder_folder: Path, tmp_path: Path) -> None:
    path = tmp_path / "other.cfg"
    Config({"components": {"tagger": {"factory": "tagger"}}}).to_disk(path)
    with pytest.raises(ValueError, match=r"\[N436\].*nuner.*tagger"):
        train.read_config(path, encoder=encoder_folder)


def test_encoder_without_concept_encoder(
    tiny_encoder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    config = train.read_config(None, encoder=tiny_encoder, lang="de")
    assert config["initialize"]["components"]["nuner"]["start"] == "random"
    assert "W405" in caplog.text and config["nlp"]["lang"] == "de"


def test_cross_validation_equals_training_without_the_fold(
    config: Config, trained: Language, docs: list[Doc]
) -> None:
    """Heads on arrays give what the training loop gives on the other folds."""
    folds = np.array([0, 1, 0, 1])
    assert crossval.trains_head_only(config)
    found = crossval.cross_validate(config, trained, docs, PHRASES, folds)
    assert [p.doc.text for p in found] == [doc.text for doc in docs]
    slow = config.copy()
    slow["training"]["batcher"]["size"] = 99_999
    assert not crossval.trains_head_only(slow)
    again = crossval.cross_validate(slow, trained, docs, PHRASES, folds)
    for left, right in zip(found, again, strict=True):
        np.testing.assert_allclose(left.probs, right.probs, atol=2e-3)
        assert read_ents(left.doc) == read_ents(right.doc)
        assert left.doc.spans["nuner"].attrs["scores"] is not None


def test_finetuning_is_no_training_of_the_head_alone(encoder_folder: Path) -> None:
    config = train.read_config(None, encoder=encoder_folder, finetune=True)
    assert not crossval.trains_head_only(config)


def test_folds_hold_each_label_and_keep_repeats_together() -> None:
    nlp = spacy.blank("en")
    docs = []
    for i in range(20):
        doc = nlp.make_doc(f"thing {i % 18} is here")
        label = "RARE" if i % 18 < 4 else "OFTEN"
        doc.set_ents([doc.char_span(0, 5, label)])  # type: ignore[list-item]
        docs.append(doc)
    folds = crossval.deal_folds(docs, 4, seed=1)
    pairs = zip(folds.tolist(), docs, strict=True)
    assert {fold for fold, doc in pairs if doc.ents[0].label_ == "RARE"} == {0, 1, 2, 3}
    assert folds[0] == folds[18] and folds[1] == folds[19]
    assert max(Counter(folds.tolist()).values()) <= 6
    assert crossval.deal_folds(docs[:1], 4, seed=1).tolist() == [0]
    assert (folds == crossval.deal_folds(docs, 4, seed=1)).all()


@pytest.mark.parametrize("with_test", [True, False])
def test_evaluation(
    config: Config,
    trained: Language,
    docs: list[Doc],
    tmp_path: Path,
    with_test: bool,
) -> None:
    data = Data(docs, [f"line {i}" for i in range(1, 5)], "notes.jsonl")
    texts = Data([trained.make_doc("Ada met Bob")], ["text 1"], "more.txt")
    found = evaluate(
        config,
        trained,
        PHRASES,
        data,
        test=data if with_test else None,
        unlabelled=texts if with_test else None,
        n_folds=2,
    )
    report = found.report
    assert ("notes.jsonl" in report["evaluated_on"]) == with_test
    assert report["scores"]["labels"]["CITY"]["n"] == 4
    if with_test:  # it was trained on these
        assert report["scores"]["ents_f"] == 1.0 and not report["mistakes"]
        assert [u["place"] for u in report["unsure"]] == ["text 1"]
    else:
        assert len(report["unsure"]) == 4
        sureness = [u["sureness"] for u in report["unsure"]]
        assert sureness == sorted(sureness)
    full = {"name": "x|y", "encoder": "e", "labels": PHRASES, "findings": []}
    full |= {"data": {"files": "a_b", "n_sentences": 4, "n_entities": 6}, **report}
    write_report(full, tmp_path / "report", found.least_sure)
    saved = json.loads((tmp_path / "report" / "report.json").read_text())
    assert set(saved) == set(full) and saved["unsure"] == full["unsure"]
    text = (tmp_path / "report" / "report.md").read_text()
    assert text.startswith("# x\\|y\n") and "| CITY | 4 |" in text
    page = (tmp_path / "report" / "entities.html").read_text()
    assert found.least_sure[0].doc[0].text in page
    lines = (tmp_path / "report" / "look_next.jsonl").read_text().splitlines()
    assert len(lines) == len(report["unsure"])


def test_evaluation_needs_two_texts(
    config: Config, trained: Language, docs: list[Doc]
) -> None:
    one = Data(docs[:1], ["line 1"], "notes.jsonl")
    found = evaluate(config, trained, PHRASES, one, n_folds=5)
    assert "scores" not in found.report and found.least_sure == []


def test_labels(tmp_path: Path) -> None:
    found = {"PER": 3, "CITY_NAME": 1}
    plain = {"CITY_NAME": ["city name"], "PER": ["per"]}
    assert read_labels(None, found) == plain
    expected = {"PER": ["person", "first name"], "CITY_NAME": ["city name"]}
    assert read_labels("PER=person|first name, CITY_NAME", found) == expected
    path = tmp_path / "labels.yml"
    path.write_text("PER: {name: person}\nCITY_NAME: a city\nMORE: [x, y]\n")
    assert read_labels(str(path), found)["MORE"] == ["x", "y"]
    path.write_text('["PER", "CITY_NAME"]')
    assert list(read_labels(str(path), found)) == ["PER", "CITY_NAME"]


@pytest.mark.parametrize(
    ("given", "error"),
    [
        ("PER", r"\[N433\].*CITY.*PER"),
        ("PER,CITY,PER", r"\[N434\].*PER"),
        ("PER=,CITY", r"\[N434\].*PER="),
        ("gone.yml", r"\[N001\].*gone"),
    ],
)
def test_wrong_labels(given: str, error: str) -> None:
    with pytest.raises(ValueError, match=error):
        read_labels(given, {"PER": 1, "CITY": 2})


def test_files_of_labels_that_hold_none(tmp_path: Path) -> None:
    path = tmp_path / "labels.yml"
    for content in ("17", "{", "{}"):
        path.write_text(content)
        with pytest.raises(ValueError, match=r"\[N434\].*labels\.yml"):
            read_labels(str(path), {})


def test_example_keeps_the_text(docs: list[Doc]) -> None:
    examples = train.make_examples(spacy.blank("en"), docs)
    assert all(isinstance(eg, Example) for eg in examples)
    assert [eg.predicted.text for eg in examples] == [doc.text for doc in docs]
