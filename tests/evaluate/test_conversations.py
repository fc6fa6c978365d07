"""Data that UniversalNER is fine-tuned with."""

import json

import pytest
import spacy
import srsly
from spacy.tokens import Doc, Span

from spacy_nuner.annotate.universal.task import make_universal_task
from spacy_nuner.corpus.imports import read_rows
from spacy_nuner.evaluate.conversations import (
    Turns,
    make_conversations,
    write_conversations,
)
from spacy_nuner.evaluate.data import load_dataset, make_gold
from spacy_nuner.evaluate.draw import draw_set
from spacy_nuner.evaluate.phrases import Phrase, read_phrases

NLP = spacy.blank("en")
PHRASES = {label: Phrase(label.title()) for label in ("price", "dish", "rating", "bar")}


def make_pool():
    first = NLP.make_doc('any "good" pie, any good pie')
    first.ents = [
        Span(first, 2, 3, label="rating"),
        Span(first, 4, 5, label="dish"),
        Span(first, 7, 8, label="rating"),
        Span(first, 8, 9, label="dish"),
    ]
    second = Doc(NLP.vocab, ["nothing", "here"])  # with a space at its end
    return make_gold([first, second], list(PHRASES), source="test")


def read_answers(record):
    turns = record["conversations"]
    values = [turn["value"] for turn in turns]
    assert [turn["from"] for turn in turns] == ["human", "gpt"] * (len(turns) // 2)
    assert values[1] == "I've read this text."
    pairs = zip(values[2::2], values[3::2], strict=True)
    return values[0], {
        q.removeprefix("What describes ").removesuffix(" in the text?"): json.loads(a)
        for q, a in pairs
    }


def test_all_types_are_asked():
    first, second = make_conversations(make_pool(), [0, 1], Turns(PHRASES), source="x")
    assert first["id"] == "x_0"
    text, answers = read_answers(first)
    assert text == 'Text: any "good" pie, any good pie'
    assert answers == {"Rating": ["good"], "Dish": ["pie"], "Price": [], "Bar": []}
    assert read_answers(second) == (
        "Text: nothing here",
        {"Rating": [], "Dish": [], "Price": [], "Bar": []},
    )


@pytest.mark.parametrize("n", [0, 1, 2, 9])
def test_negatives_are_sampled(n):
    turns = Turns(PHRASES, n_negatives=n)
    (record,) = make_conversations(make_pool(), [0], turns, source="x")
    _, answers = read_answers(record)
    assert answers["Rating"] == ["good"]
    assert len(answers) == 2 + min(n, 2)


def test_seed_and_text_alone_decide():
    pool, turns = make_pool(), Turns(PHRASES, n_negatives=1)
    both = make_conversations(pool, [0, 1], turns, source="x")
    assert both == make_conversations(pool, [1, 0], turns, source="x")[::-1]
    orders = {
        tuple(read_answers(record)[1])
        for seed in range(20)
        for record in make_conversations(
            pool, [0], turns._replace(seed=seed), source="x"
        )
    }
    assert len(orders) > 5


def test_the_name_of_the_data_set():
    turns = Turns(PHRASES, dataset="mit")
    (record,) = make_conversations(make_pool(), [1], turns, source="x")
    assert record["conversations"][0]["value"] == "Dataset: mit\nText: nothing here"


@pytest.mark.parametrize("dataset", [None, "mit"])
def test_the_task_asks_as_the_data_do(dataset):
    """The prompt is the conversation as UniversalNER's trainer renders it."""
    turns = Turns(PHRASES, dataset=dataset)
    (record,) = make_conversations(make_pool(), [0], turns, source="x")
    values = [turn["value"] for turn in record["conversations"]]
    names = {label: phrase.name for label, phrase in PHRASES.items()}
    task = make_universal_task(names, dataset=dataset)
    ((prompts, _),) = task.generate_prompts([make_pool().docs[0]])
    system = (
        "A virtual assistant answers questions from a user based on the provided text."
    )
    expected = {
        f"{system} USER: {values[0]} ASSISTANT: {values[1]}</s>USER: {q} ASSISTANT:"
        for q in values[2::2]
    }
    assert set(prompts) == expected


@pytest.mark.parametrize("ending", [".json", ".jsonl"])
def test_files(ending, tmp_path):
    path = tmp_path / "new" / f"data{ending}"
    records = make_conversations(make_pool(), [0, 1], Turns(PHRASES), source="x")
    write_conversations(path, records)
    found = srsly.read_json(path) if ending == ".json" else srsly.read_jsonl(path)
    assert list(found) == records
    # our own reader of Pile-NER's conversations takes it
    rows = list(read_rows(path, "pile-ner"))
    assert rows[0].text == 'any "good" pie, any good pie'
    assert sorted(rows[0].lines) == ["good <> Rating", "pie <> Dish"]


def test_another_ending(tmp_path):
    with pytest.raises(ValueError, match=r"N583.*data\.txt"):
        write_conversations(tmp_path / "data.txt", [])


def test_draw_set(datasets_dir):
    dataset = load_dataset(datasets_dir / "gallery")
    assert draw_set(dataset, seed=0) == list(range(80))
    few = draw_set(dataset, k=1, seed=0)
    assert few == draw_set(dataset, k=1, seed=0) != draw_set(dataset, k=1, seed=1)
    assert (dataset.counts[few].sum(axis=0) >= 1).all()
    words = draw_set(dataset, k_words=2, seed=0)
    assert len(words) < 80
    for k in ({"k": 10**6}, {"k_words": 10**6}, {"k": 1, "k_words": 1}):
        with pytest.raises(ValueError, match="N584"):
            draw_set(dataset, **k, seed=0)
    with pytest.raises(ValueError, match=r"N584.*not to be learned from"):
        draw_set(dataset._replace(zero_shot_only=True), k=1, seed=0)


def test_read_phrases(tmp_path):
    path = tmp_path / "x.yml"
    labels = ["cell_type", "DNA"]
    assert read_phrases(path, labels) == {
        "cell_type": Phrase("cell type"),
        "DNA": Phrase("DNA"),
    }
    path.write_text("cell_type: {name: kind of cell, definition: d}\nDNA: gene\n")
    assert read_phrases(path, labels) == {
        "cell_type": Phrase("kind of cell", "d"),
        "DNA": Phrase("gene"),
    }
    path.write_text("cell_type: gene\nDNA: Gene\n")
    with pytest.raises(ValueError, match=r"N580.*'Gene' for both 'cell_type' and"):
        read_phrases(path, labels)
    path.write_text("DNA: gene\n")
    with pytest.raises(ValueError, match=r"N580.*no 'cell_type'"):
        read_phrases(path, labels)
