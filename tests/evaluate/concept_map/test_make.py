"""The map as a whole, with vectors that one can reckon with."""

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest

from spacy_nuner.evaluate.concept_map.coverage import LabelSet
from spacy_nuner.evaluate.concept_map.make import (
    N_MENTIONS,
    MapSettings,
    make_concept_map,
)
from spacy_nuner.evaluate.concept_map.project import Floats
from spacy_nuner.evaluate.concept_map.sentences import Sentence

from .test_sentences import make_sentence

CITIES = [f"city {i}" for i in range(10)]
BIRDS = [f"bird {i}" for i in range(10)]
SENTENCES = [
    make_sentence(i, CITIES[i % 10], BIRDS[i % 5], *(["once"] if i == 3 else []))
    for i in range(60)
]
SETTINGS = MapSettings(method="pca")


def embed(phrases: Sequence[Sequence[str]]) -> Floats:
    """One direction for what speaks of cities, one for birds, a little of its own."""
    rows = []
    for group in phrases:
        rng = np.random.default_rng(sum(map(ord, "".join(group))))
        row = 0.05 * rng.normal(size=8)
        row[0] += sum("city" in phrase for phrase in group)
        row[1] += sum("bird" in phrase for phrase in group)
        rows.append(row)
    return np.array(rows, dtype="float32")


def make(**changes: Any) -> dict[str, Any]:
    settings = SETTINGS._replace(**changes)
    return make_concept_map(lambda: iter(SENTENCES), embed, settings)


def test_most_frequent_first_with_mentions_and_neighbours() -> None:
    found = make()
    json.dumps(found)  # plain JSON
    names = [one["name"] for one in found["concepts"]]
    assert names == BIRDS[:5] + CITIES  # 12 mentions each, then 6
    assert (found["n_concepts"], found["n_mentions"]) == (16, 121)
    assert found["n_sentences"] == 60
    for one in found["concepts"]:
        assert one["count"] == (12 if one["name"] in BIRDS else 6)
        assert len(one["mentions"]) == N_MENTIONS
        for i, start, end in one["mentions"]:
            assert found["sentences"][i][start:end] == one["name"]
        assert len({i for i, _, _ in one["mentions"]}) == N_MENTIONS
        near = [found["concepts"][j]["name"] for j, _ in one["nearest"]]
        assert one["name"] not in near
        kind = one["name"].split()[0]
        assert all(name.startswith(kind) for name in near[:4])
        cosines = [cosine for _, cosine in one["nearest"]]
        assert cosines == sorted(cosines, reverse=True)


def test_same_corpus_gives_the_same_map() -> None:
    found = make()
    assert make() == found
    again = make_concept_map(lambda: reversed(SENTENCES), embed, SETTINGS)
    assert again == found


def test_what_is_shown() -> None:
    assert len(make(min_count=1)["concepts"]) == 16
    assert len(make(min_count=7)["concepts"]) == 5
    assert [one["name"] for one in make(limit=3)["concepts"]] == BIRDS[:3]
    with pytest.raises(ValueError, match=r"N592.*Got 0 with 13 mentions.*of 16"):
        make(min_count=13)
    with pytest.raises(ValueError, match="N592"):
        make_concept_map(lambda: iter(()), embed, SETTINGS)


def test_concept_twice_in_a_sentence_is_shown_once() -> None:
    twice = [make_sentence(i, "a", "b", "a") for i in range(3)]
    found = make_concept_map(lambda: iter(twice), embed, SETTINGS)
    first = found["concepts"][0]
    assert (first["name"], first["count"]) == ("a", 6)
    assert len(first["mentions"]) == 3


def test_coverage_of_labels() -> None:
    labels = LabelSet(
        "mine",
        {
            "CITY_3": ["a city", "a city where people live"],
            "Bird": ["bird 2"],
            "once": ["nothing near"],
        },
    )
    found = make_concept_map(
        lambda: iter(SENTENCES), embed, SETTINGS, label_sets=[labels]
    )
    (coverage,) = found["coverage"]
    assert coverage["name"] == "mine"
    city, bird, once = coverage["labels"]
    # called like the label, "_" as a space
    assert (city["exact"], bird["exact"], once["exact"]) == (6, 12, 1)
    assert (city["n_concepts"], city["n_mentions"]) == (10, 60)
    assert (bird["n_concepts"], bird["n_mentions"]) == (5, 60)
    name = found["concepts"][bird["nearest"][0][0]]["name"]
    assert name == "bird 2"
    assert bird["nearest"][0][1] == pytest.approx(1.0, abs=0.01)
    assert len(city["nearest"]) == 5


def test_mentions_of_hostile_sentences() -> None:
    texts = ["\ud83d half a pair", "<script>x</script>", "a\u2028b"]
    sentences = [Sentence(text, [(0, 1, "a"), (2, 3, "b")]) for text in texts]
    found = make_concept_map(lambda: iter(sentences), embed, SETTINGS)
    assert sorted(found["sentences"]) == sorted(texts)
    json.dumps(found)
