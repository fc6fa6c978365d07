import hashlib
import json
from pathlib import Path

import pytest
import spacy
from spacy.tokens import Doc, DocBin

from spacy_nuner.corpus.datasets import DATASETS, Dataset, find_dataset
from spacy_nuner.corpus.labels import read_labels
from spacy_nuner.corpus.ner_data import convert_dataset

ASSETS = Path(__file__).parent.parent.parent / "assets"
LABEL_FILE = """
Dish: {name: dish, definition: a named dish}
Price: {name: price, definition: a price}
"""


def read_docs(path: Path) -> list[Doc]:
    return list(DocBin().from_disk(path).get_docs(spacy.blank("en").vocab))


@pytest.fixture
def dataset(tmp_path: Path) -> Dataset:
    pool = [
        "O\tany\nB-Dish\tfish\nI-Dish\tsoup",
        "O\tis\nO\tin\nO\tboth",
        "O\tany\nB-Dish\tfish\nO\tsoup",  # the first again, with another tag
        "I-Price\tcheap\nO\tfood",
    ]
    files = {
        "pool.bio": "\n\n".join(pool) + "\n\n\n",
        "test.bio": "O\tis\nO\tin\nO\tboth\n\nO\tis\nO\tin\nO\tboth\n",
        "labels.yml": LABEL_FILE,
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    paths = [tmp_path / name for name in files]
    return Dataset("mine", paths[0], paths[1], "label-token", paths[2])


def test_convert(dataset: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "ner" / "mine"
    meta = convert_dataset(dataset, out)
    assert json.loads((out / "meta.json").read_text()) == meta
    sources = meta.pop("sources")
    assert meta == {
        "dataset": "mine",
        "zero_shot_only": False,
        "labels": ["Dish", "Price"],
        "n_pool": 2,
        "n_test": 2,
        "entities": {"pool": {"Dish": 1, "Price": 1}, "test": {"Dish": 0, "Price": 0}},
        "n_pool_left_out": {"in_test": 1, "repeated": 1},
        "n_bad_tags": {"pool": 1, "test": 0},
        "n_split_tokens": {"pool": 0, "test": 0},
    }
    assert sources[0] == {
        "path": dataset.pool.as_posix(),
        "sha256": hashlib.sha256(dataset.pool.read_bytes()).hexdigest(),
    }
    pool = read_docs(out / "pool.spacy")
    assert [doc.text for doc in pool] == ["any fish soup ", "cheap food "]
    assert [(e.text, e.label_) for e in pool[0].ents] == [("fish soup", "Dish")]
    assert [token.ent_iob_ for token in pool[0]] == ["O", "B", "I"]
    assert pool[1][1].ent_iob_ == "O"
    # sentences of the test part stay as they are, repeats and all
    assert len(read_docs(out / "test.spacy")) == 2


def test_a_fault_leaves_what_was_there(dataset: Dataset, tmp_path: Path) -> None:
    out = tmp_path / "ner" / "mine"
    convert_dataset(dataset, out)
    dataset.test.write_text("O\tfine\nB-Nonsense\tword\n")
    with pytest.raises(ValueError, match=r"test\.bio, line 2.*Nonsense"):
        convert_dataset(dataset, out)
    assert len(read_docs(out / "test.spacy")) == 2


def test_saved_sets_stay(dataset: Dataset, tmp_path: Path) -> None:
    convert_dataset(dataset, tmp_path / "out")
    saved = tmp_path / "out" / "sets" / "k2k" / "k1" / "seed0.json"
    saved.parent.mkdir(parents=True)
    saved.write_text("{}", encoding="utf8")
    (tmp_path / "out" / "old.spacy").write_text("", encoding="utf8")
    convert_dataset(dataset, tmp_path / "out")
    assert saved.read_text(encoding="utf8") == "{}"
    assert not (tmp_path / "out" / "old.spacy").exists()


@pytest.mark.parametrize(
    ("name", "n", "n_entities"),
    [("gallery", (320, 260), (724, 590)), ("workshop", (320, 260), (1071, 806))],
)
def test_shipped_sets(tmp_path: Path, name: str, n, n_entities) -> None:
    """All entities of the shipped sets get into the documents."""
    dataset = find_dataset(name, ASSETS)
    meta = convert_dataset(dataset, tmp_path / name)
    assert (meta["n_pool"], meta["n_test"]) == n
    for part, path, total in (
        ("pool", dataset.pool, n_entities[0]),
        ("test", dataset.test, n_entities[1]),
    ):
        docs = read_docs(tmp_path / name / f"{part}.spacy")
        records = [json.loads(line) for line in path.read_text("utf8").splitlines()]
        for doc, record in zip(docs, records, strict=True):
            assert doc.text == record["text"]
            expected = [(s["start"], s["end"], s["label"]) for s in record["spans"]]
            got = [(e.start_char, e.end_char, e.label_) for e in doc.ents]
            assert got == sorted(expected)
        assert sum(len(doc.ents) for doc in docs) == total
        assert sum(meta["entities"][part].values()) == total


@pytest.mark.parametrize("name", DATASETS)
def test_label_files(name: str) -> None:
    labels = read_labels(find_dataset(name, ASSETS).labels)
    assert len(labels) >= 4
    names = [label.name for label in labels.values()]
    assert len(set(names)) == len(names)
    phrases = [phrase for label in labels.values() for phrase in label.phrases]
    assert len(set(names + phrases)) == len(names) + len(phrases)
    # plain words: no underscores, no shouting
    assert all("_" not in text and not text.isupper() for text in names + phrases)


def test_missing_files_are_listed(tmp_path: Path) -> None:
    dataset = find_dataset("mit_movie", tmp_path)
    assert dataset.missing == [dataset.pool, dataset.test]
    assert dataset.pool.name == "engtrain.bio"
    assert find_dataset("gallery", ASSETS).missing == []


@pytest.mark.parametrize(
    "content",
    [
        "",
        "- Dish",
        "Dish: a named dish",
        "Dish: {name: dish}",
        "Dish: {name: dish, definition: ''}",
        "Dish: {name: 3, definition: x}",
        "Dish: {name: dish, definition: x, other: y}",
        "Dish: {name: dish, definition: x, phrases: meal}",
        "Dish: {name: dish, definition: x, phrases: [meal, ' ']}",
        "Dish: {name: dish, definition: x, phrases: [1]}",
        "Dish: {name: dish, phrases: [meal]}",
        "1: {name: dish, definition: x}",
        "Dish: {name: dish",
    ],
)
def test_bad_label_file(tmp_path: Path, content: str) -> None:
    path = tmp_path / "labels.yml"
    path.write_text(content)
    with pytest.raises(ValueError, match=r"N210.*labels\.yml"):
        read_labels(path)


def test_more_phrases_for_a_label(tmp_path: Path) -> None:
    path = tmp_path / "labels.yml"
    path.write_text("Dish: {name: dish, definition: x, phrases: [meal, food]}\n")
    assert read_labels(path) == {"Dish": ("dish", "x", ("meal", "food"))}
    path.write_text("Dish: {name: dish, definition: x}\n")
    assert read_labels(path) == {"Dish": ("dish", "x", ())}


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("wnut17", ["{}\tO", "{}\tB-person", "\t"]),
        ("wikineural", ["0\t{}\tO", "1\t{}\tB-PER", ""]),
    ],
)
def test_sets_for_zero_shot(tmp_path: Path, name: str, rows: list[str]) -> None:
    dataset = find_dataset(name, tmp_path)
    for path, words in ((dataset.pool, "met Ada"), (dataset.test, "saw Bob")):
        path.parent.mkdir(parents=True, exist_ok=True)
        lines = [row.format(*words.split()[i : i + 1]) for i, row in enumerate(rows)]
        path.write_text("\n".join(lines) + "\n")
    dataset = dataset._replace(labels=find_dataset(name, ASSETS).labels)
    meta = convert_dataset(dataset, tmp_path / "out")
    assert meta["zero_shot_only"] is True
    for part, entity in (("pool", "Ada"), ("test", "Bob")):
        (doc,) = read_docs(tmp_path / "out" / f"{part}.spacy")
        assert [ent.text for ent in doc.ents] == [entity]


def test_few_shot_is_measured_on_the_others() -> None:
    only = {n for n in DATASETS if find_dataset(n, ASSETS).zero_shot_only}
    assert only == {"wnut17", "wikineural"}


def test_no_label_file(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="N001"):
        read_labels(tmp_path / "labels.yml")
