"""LLMs that are asked: configs filled in for data sets, replies kept, rows of tasks."""

import json
from collections.abc import Iterable

import pytest
import spacy
import srsly
from spacy.tokens import DocBin
from spacy_llm.registry import registry
from spacy_llm.util import assemble_from_config

from spacy_nuner.evaluate.llm.prepare import Request, prepare_recordings
from spacy_nuner.evaluate.llm.recordings import (
    find_recordings,
    keep_replies,
    list_systems,
    load_recording,
)
from spacy_nuner.evaluate.ner_v3 import run_recordings, select_gold
from spacy_nuner.evaluate.predictions import predictions_path, read_predictions
from spacy_nuner.evaluate.samplers.words import count_words

from ..evaluate.conftest import SAMPLE

LABELS_DIR = SAMPLE.parent / "labels"
ASKED: list[str] = []


@registry.llm_models("tests.Oracle.v1")
def make_oracle(name: str, answers: str):
    """A model that knows the gold, and that counts what it is asked."""
    known = srsly.read_json(answers)

    def ask(prompts: Iterable[Iterable[str]]) -> Iterable[Iterable[str]]:
        return [[reply(prompt) for prompt in nested] for nested in prompts]

    def reply(prompt):
        ASKED.append(prompt)
        if "USER: What describes" in prompt:
            text = prompt.partition("Text: ")[2].partition(" ASSISTANT:")[0]
            name = prompt.rpartition("describes ")[2].partition(" in the text")[0]
            found = [e for e, label in known[text] if label.lower() == name.lower()]
            return json.dumps(found, ensure_ascii=False)
        text = prompt.rpartition("Paragraph: ")[2].partition("\nAnswer:")[0]
        lines = [f"{e} | True | {label} | x" for e, label in known[text.strip()]]
        return "\n".join(f"{i}. {line}" for i, line in enumerate(lines, 1))

    return ask


@pytest.fixture(scope="module")
def small_dir(tmp_path_factory, write_dataset):
    """`corpus/ner` with 60 sentences of gallery, and what the oracle knows of them."""
    folder = tmp_path_factory.mktemp("asked")
    write_dataset(folder, "gallery", n=60)
    docs = DocBin().from_disk(folder / "gallery" / "test.spacy")
    answers = {
        doc.text.rstrip(): [(ent.text, ent.label_) for ent in doc.ents]
        for doc in docs.get_docs(spacy.blank("en").vocab)
    }
    srsly.write_json(folder / "answers.json", answers)
    return folder


def write_base(folder, small_dir, task):
    path = folder / "base.cfg"
    path.write_text(
        f"""
[paths]
answers = "{small_dir / "answers.json"}"

[nlp]
lang = "en"
pipeline = ["llm"]

[components]

[components.llm]
factory = "llm"

[components.llm.task]
@llm_tasks = "{task}"
labels = ["to be filled in"]

[components.llm.model]
@llm_models = "tests.Oracle.v1"
name = "oracle-1"
answers = ${{paths.answers}}
"""
    )
    return path


@pytest.mark.filterwarnings("ignore:Task supports sharding")
def test_ner_v3_from_any_model(small_dir, tmp_path):
    base = write_base(tmp_path, small_dir, "spacy.NER.v3")
    folder, output = tmp_path / "asked", tmp_path / "ner_v3"
    request = Request([0, 2], 2, 20, LABELS_DIR)
    prepared = prepare_recordings(base, [small_dir / "gallery"], request, folder)
    assert prepared.n_configs == 3
    assert prepared.impossible == []
    found = find_recordings(folder)
    assert [(r.k, r.seed) for r in found] == [("kw0", 0), ("kw2", 0), ("kw2", 1)]
    ASKED.clear()
    result = run_recordings(found, small_dir, output, name="oracle")
    assert (result.n_computed, result.n_skipped) == (6, 0)
    # two parsers, one set of replies
    assert len(ASKED) == len(set(ASKED)) == 3 * 20
    cell = srsly.read_json(output / "llm_ner_v3_repaired_oracle/gallery/kw2/seed1.json")
    assert cell["system"] == "llm_ner_v3_repaired_oracle"
    assert cell["n_test_sentences"] == 20
    assert cell["entity_micro_f1"] > 0.9
    assert cell["text_set_f1"] > 0.9
    assert cell["settings"]["model"] == "tests.Oracle.v1:oracle-1"
    assert cell["n_train_sentences"] > 0
    ASKED.clear()
    for path in output.rglob("seed*.json"):
        path.unlink()
    run_recordings(found, small_dir, output, name="oracle")
    assert ASKED == []


def test_universal_from_any_model(small_dir, tmp_path, dataset):
    base = write_base(tmp_path, small_dir, "spacy-nuner.UniversalNER.v1")
    folder, output = tmp_path / "asked", tmp_path / "universal"
    request = Request([0], None, 0, LABELS_DIR)
    prepare_recordings(base, [small_dir / "gallery"], request, folder)
    ASKED.clear()
    run_recordings(find_recordings(folder), small_dir, output)
    assert len(ASKED) == 60 * 6
    path = output / "universal_ner/gallery/kw0/seed0.json"
    cell = srsly.read_json(path)
    # the oracle gives strings for gold labels whose name is the label alone
    assert cell["lost"].keys() <= {"overlap", "token_edges", "duplicate"}
    assert 0.3 < cell["text_set_f1"] <= 1
    found = read_predictions(predictions_path(path))
    assert found.sentences is None
    assert len(found.spans) > 0


@pytest.fixture
def dataset(small_dir):
    from spacy_nuner.evaluate.data import load_dataset

    return load_dataset(small_dir / "gallery")


def test_the_examples_hold_k_words_of_each_type(small_dir, tmp_path, dataset):
    base = write_base(tmp_path, small_dir, "spacy.NER.v3")
    request = Request([2], 1, 20, LABELS_DIR)
    prepare_recordings(base, [small_dir / "gallery"], request, tmp_path / "asked")
    examples = list(srsly.read_yaml(tmp_path / "asked/gallery.kw2.seed0.examples.yml"))
    texts = [doc.text.rstrip() for doc in dataset.pool.docs]
    rows = [texts.index(example["text"]) for example in examples]
    words = count_words(dataset.pool, len(dataset.labels))[rows].sum(axis=0)
    assert (words >= 2).all()
    config = load_recording(tmp_path / "asked/gallery.kw2.seed0.cfg", parser=None)
    task = config["components"]["llm"]["task"]
    assert task["labels"] == dataset.labels
    assert all(task["label_definitions"][label] for label in dataset.labels)
    gold = select_gold(dataset.test, tmp_path / "asked/gallery.gold.jsonl")
    assert len(set(gold)) == 20
    # written again, the same files: nothing is asked anew
    before = {p.name: p.read_bytes() for p in (tmp_path / "asked").iterdir()}
    prepare_recordings(base, [small_dir / "gallery"], request, tmp_path / "asked")
    assert before == {p.name: p.read_bytes() for p in (tmp_path / "asked").iterdir()}


def test_what_can_not_be_prepared(small_dir, tmp_path):
    base = write_base(tmp_path, small_dir, "spacy.NER.v3")
    paths = [small_dir / "gallery"]
    request = Request([0, 10**6], 1, 20, LABELS_DIR)
    prepared = prepare_recordings(base, paths, request, tmp_path / "asked")
    assert prepared.n_configs == 1
    assert prepared.impossible[0].startswith("gallery, k_w = 1000000: the pool has")
    base = write_base(tmp_path, small_dir, "spacy.TextCat.v3")
    with pytest.raises(ValueError, match=r"N581.*spacy\.TextCat\.v3"):
        prepare_recordings(base, paths, request, tmp_path / "asked")
    base = write_base(tmp_path, small_dir, "spacy-nuner.UniversalNER.v1")
    with pytest.raises(ValueError, match="N582"):
        prepare_recordings(base, paths, request, tmp_path / "asked")
    with pytest.raises(FileNotFoundError, match="N001"):
        prepare_recordings(tmp_path / "none.cfg", paths, request, tmp_path / "asked")


def test_names_of_configs(tmp_path):
    for name in (
        "mit.restaurant.kw8.seed3.cfg",
        "gallery.k8.seed1.cfg",
        "gallery.kw0.cfg",
        "gallery.cfg",
        "gallery.kw0.replies.jsonl",
    ):
        (tmp_path / name).touch()
    found = find_recordings(tmp_path)
    assert [(r.dataset, r.k, r.seed) for r in found] == [
        ("gallery", 8, 1),
        ("gallery", "kw0", 0),
        ("mit.restaurant", "kw8", 3),
    ]
    assert len(find_recordings(tmp_path, datasets=["gallery"], ks=[0])) == 1
    with pytest.raises(FileNotFoundError, match="N001"):
        find_recordings(tmp_path, ks=[64])


def test_rows_of_tasks(small_dir, tmp_path):
    rows = {
        "spacy.NER.v3": ["llm_ner_v3", "llm_ner_v3_repaired"],
        "spacy-nuner.UniversalNER.v1": ["universal_ner"],
        "spacy.NER.v2": ["llm_spacy_ner_v2"],
    }
    for task, names in rows.items():
        config = load_recording(write_base(tmp_path, small_dir, task), parser=None)
        assert list(list_systems(config)) == names


def test_recorded_replies_are_not_kept_again(small_dir, tmp_path):
    config = load_recording(SAMPLE / "llm_ner_v3" / "gallery.kw0.cfg", parser=None)
    before = dict(config["components"]["llm"]["model"])
    assert not keep_replies(config, tmp_path / "replies.jsonl")
    assert config["components"]["llm"]["model"] == before
    config = load_recording(
        write_base(tmp_path, small_dir, "spacy.NER.v3"), parser=None
    )
    assert keep_replies(config, tmp_path / "replies.jsonl")
    assert not keep_replies(config, tmp_path / "replies.jsonl")
    first = config["components"]["llm"]["model"]["settings"]
    patient = load_recording(tmp_path / "base.cfg", parser=None)
    patient["components"]["llm"]["model"]["max_tries"] = 99
    keep_replies(patient, tmp_path / "replies.jsonl")
    assert patient["components"]["llm"]["model"]["settings"] == first
    other = load_recording(tmp_path / "base.cfg", parser=None)
    other["components"]["llm"]["model"]["name"] = "oracle-2"
    keep_replies(other, tmp_path / "replies.jsonl")
    assert other["components"]["llm"]["model"]["settings"] != first
    assert assemble_from_config(other).pipe_names == ["llm"]
