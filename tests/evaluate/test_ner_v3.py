"""The NER v3 prompt from recorded replies: same tokens, same metrics, two parsers."""

import shutil
from pathlib import Path

import pytest
import spacy
import srsly
from spacy.tokens import DocBin

from spacy_nuner.evaluate.data import load_dataset
from spacy_nuner.evaluate.ner_v3 import (
    SYSTEMS,
    answer,
    find_recordings,
    load_recording,
    run_recordings,
    select_gold,
)

from .conftest import write_asked

FOLDER = Path(__file__).parents[2] / "assets" / "sample" / "llm_ner_v3"


@pytest.fixture(scope="module")
def whole_dir(tmp_path_factory, write_dataset):
    """`corpus/ner` with all of gallery: the replies are to its whole test set."""
    folder = tmp_path_factory.mktemp("whole")
    write_dataset(folder, "gallery")
    return folder


@pytest.fixture(scope="module")
def output(whole_dir, tmp_path_factory):
    output = tmp_path_factory.mktemp("metrics") / "ner_v3"
    result = run_recordings(find_recordings(FOLDER), whole_dir, output)
    assert (result.n_computed, result.n_skipped) == (4, 0)
    assert result.missing == ["workshop"]
    return output


def test_find_recordings(tmp_path):
    found = find_recordings(FOLDER)
    assert [(r.dataset, r.k) for r in found] == [
        ("gallery", "kw0"),
        ("gallery", "kw8"),
        ("workshop", "kw0"),
        ("workshop", "kw8"),
    ]
    assert all(recording.gold is None for recording in found)
    with pytest.raises(FileNotFoundError, match="N001"):
        find_recordings(tmp_path)


def test_cells(output):
    for system in SYSTEMS:
        for k in ("kw0", "kw8"):
            cell = srsly.read_json(output / system / "gallery" / k / "seed0.json")
            assert cell["system"] == system
            assert cell["k"] == k
            assert cell["experiment"] == "ner_v3"
            assert cell["n_test_sentences"] == 260
            assert 0.9 < cell["token_macro_f1"] <= 1
            assert 0.9 < cell["entity_micro_f1"] <= 1
            assert len(cell["per_type"]) == 6
            assert cell["settings"]["alignment_mode"] == "contract"
            assert (cell["n_train_sentences"] > 0) == (k == "kw8")
            assert cell["sampler"] == ("prompt_examples" if k == "kw8" else "none")
            assert cell["settings"]["parser"] == (SYSTEMS[system] or "spacy-llm")


def test_figures_equal_spacy_evaluate(output, whole_dir):
    """`spacy assemble` + `spacy evaluate`, which tokenizes anew, on the same texts."""
    from spacy.training import Example
    from spacy_llm.util import assemble_from_config

    nlp = assemble_from_config(load_recording(FOLDER / "gallery.kw0.cfg", parser=None))
    docs = DocBin().from_disk(whole_dir / "gallery" / "test.spacy").get_docs(nlp.vocab)
    examples = [Example(nlp.make_doc(doc.text), doc) for doc in docs]
    scores = nlp.evaluate(examples)
    cell = srsly.read_json(output / "llm_ner_v3" / "gallery" / "kw0" / "seed0.json")
    assert cell["entity_micro_f1"] == pytest.approx(scores["ents_f"], abs=1e-9)
    assert cell["entity_micro_p"] == pytest.approx(scores["ents_p"], abs=1e-9)


def test_finished_cells_are_skipped_but_not_after_a_change(output, whole_dir, tmp_path):
    recordings = [r for r in find_recordings(FOLDER) if r.k == "kw0"]
    result = run_recordings(recordings, whole_dir, output)
    assert (result.n_computed, result.n_skipped) == (0, 2)
    shutil.copytree(FOLDER, tmp_path / "copy")
    replies = tmp_path / "copy" / "gallery.kw0.replies.jsonl"
    records = list(srsly.read_jsonl(replies))
    records[0]["response"] = "1. nothing | False | ==NONE== | changed"
    srsly.write_jsonl(replies, records)
    changed = [r for r in find_recordings(tmp_path / "copy") if r.k == "kw0"]
    shutil.copytree(output, tmp_path / "ner_v3")
    result = run_recordings(changed, whole_dir, tmp_path / "ner_v3")
    assert (result.n_computed, result.n_skipped) == (2, 0)


def test_the_gold_keeps_its_tokens(whole_dir):
    docs = load_dataset(whole_dir / "gallery").test.docs[:3]
    words = [[token.text for token in doc] for doc in docs]
    config = load_recording(FOLDER / "gallery.kw0.cfg", parser=None)
    answered = answer(config, docs)
    assert [[token.text for token in doc] for doc in answered] == words
    assert [doc.text for doc in answered] == [doc.text for doc in docs]
    assert any(doc.ents for doc in answered)


def test_paths_are_relative_to_the_config(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    config = load_recording(FOLDER / "gallery.kw8.cfg", parser="some.Parser.v1")
    llm = config["components"]["llm"]
    assert llm["model"]["path"] == str((FOLDER / "gallery.kw8.replies.jsonl").resolve())
    assert Path(llm["task"]["examples"]["path"]).is_file()
    assert llm["task"]["parse_responses"] == {"@misc": "some.Parser.v1"}


def test_missing_replies_are_named(whole_dir, tmp_path):
    shutil.copy(FOLDER / "gallery.kw0.cfg", tmp_path)
    with pytest.raises(FileNotFoundError, match=r"N001.*gallery\.kw0\.replies\.jsonl"):
        run_recordings(find_recordings(tmp_path), whole_dir, tmp_path / "ner_v3")


def test_only_the_asked_sentences_count(whole_dir, tmp_path):
    shutil.copytree(FOLDER, tmp_path / "copy")
    test = load_dataset(whole_dir / "gallery").test
    write_asked(test.docs[10:50], tmp_path / "copy" / "gallery.gold.jsonl")
    recordings = [
        r for r in find_recordings(tmp_path / "copy") if r.dataset == "gallery"
    ][:1]
    run_recordings(recordings, whole_dir, tmp_path / "ner_v3")
    cell = srsly.read_json(tmp_path / "ner_v3/llm_ner_v3/gallery/kw0/seed0.json")
    assert cell["n_test_sentences"] == 40


def test_select_gold(whole_dir, tmp_path):
    test = load_dataset(whole_dir / "gallery").test
    path = tmp_path / "gallery.gold.jsonl"
    write_asked([test.docs[7], test.docs[3]], path)
    assert select_gold(test, path) == [7, 3]
    other = spacy.blank("en").make_doc("not a sentence of the test set")
    write_asked([test.docs[7], other], path)
    with pytest.raises(ValueError, match=r"N003.*gold\.jsonl, line 2.*not a sentence"):
        select_gold(test, path)
    bare = next(doc for doc in test.docs if doc.ents).copy()
    bare.ents = []
    write_asked([bare], path)
    with pytest.raises(ValueError, match=r"N003.*line 1"):
        select_gold(test, path)


def test_replies_without_entities_are_warned_of(whole_dir, tmp_path, caplog):
    shutil.copytree(FOLDER, tmp_path / "copy")
    replies = tmp_path / "copy" / "gallery.kw0.replies.jsonl"
    records = [r | {"response": "pure noise"} for r in srsly.read_jsonl(replies)]
    srsly.write_jsonl(replies, records)
    recordings = [
        r for r in find_recordings(tmp_path / "copy") if r.dataset == "gallery"
    ][:1]
    run_recordings(recordings, whole_dir, tmp_path / "ner_v3")
    cell = srsly.read_json(tmp_path / "ner_v3/llm_ner_v3/gallery/kw0/seed0.json")
    assert cell["entity_micro_f1"] == cell["token_macro_f1"] == 0
    assert "260 of 260" in caplog.text
