"""Smaller concept corpora: nested, the same everywhere, counted as they are."""

import json
from collections import Counter
from pathlib import Path

import pytest

from spacy_nuner.corpus.build import write_corpus
from spacy_nuner.corpus.reader import read_docs
from spacy_nuner.corpus.split import PARTS
from spacy_nuner.corpus.subset import Request, choose_concepts, write_subset

CITIES = [f"City{i:02d}" for i in range(40)]


@pytest.fixture
def corpus(tmp_path: Path, make_reply) -> Path:
    """40 sentences: "city" in each, "person" in every second, 20 rare concepts."""
    replies = []
    for i, city in enumerate(CITIES):
        pairs = [(city, "city")]
        pairs += [("Anna", "person")] if i % 2 else [("bread", f"food {i:02d}")]
        text = f"{'Anna' if i % 2 else 'Someone'} ate bread in {city} on a day."
        replies.append(make_reply(f"r{i}", text, *pairs))
    write_corpus(replies, tmp_path / "concepts", dev_share=0.25)
    return tmp_path / "concepts"


def read_texts(corpus: Path) -> dict[str, list[str]]:
    return {p: [d.text for d in read_docs(corpus / p, None)] for p in PARTS}


def test_subsets_of_one_seed_are_nested(corpus: Path, tmp_path: Path) -> None:
    seen: set[str] = set()
    for n in (4, 10, 20, 40):
        output = tmp_path / str(n)
        stats = write_subset(corpus, output, Request(sentences=n))
        texts = read_texts(output)
        found = {text for part in PARTS for text in texts[part]}
        assert len(found) == n == stats["n_sentences"]
        assert seen <= found
        assert all(texts[part] for part in PARTS)
        seen = found
    other = write_subset(corpus, tmp_path / "other", Request(sentences=10, seed=1))
    drawn, again = (read_texts(tmp_path / name) for name in ("10", "other"))
    assert drawn != again
    assert other["n_sentences"] == 10


def test_parts_stay_what_they_are(corpus: Path, tmp_path: Path) -> None:
    write_subset(corpus, tmp_path / "s", Request(sentences=20))
    all_of, some = read_texts(corpus), read_texts(tmp_path / "s")
    for part in PARTS:
        assert set(some[part]) <= set(all_of[part])


def test_the_same_request_gives_the_same_bytes(corpus: Path, tmp_path: Path) -> None:
    files = []
    for name in ("a", "b"):
        write_subset(corpus, tmp_path / name, Request(20, top_concepts=2))
        shards = sorted((tmp_path / name).rglob("*.spacy"))
        files.append([path.read_bytes() for path in shards])
    assert files[0] == files[1]


def test_only_the_most_frequent_concepts_stay(corpus: Path, tmp_path: Path) -> None:
    stats = write_subset(corpus, tmp_path / "s", Request(top_concepts=1))
    assert stats["concepts"] == [["city", 40]]
    assert stats["n_mentions"] == 40
    assert stats["source"]["share_of_mentions"] == 0.5
    stats = write_subset(corpus, tmp_path / "t", Request(top_concepts=2))
    assert stats["concepts"] == [["city", 40], ["person", 20]]


def test_sentences_without_a_mention_are_counted(tmp_path: Path, make_reply) -> None:
    replies = [
        make_reply(f"r{i}", f"Anna saw bread {i}.", ("Anna", "person"))
        for i in range(6)
    ]
    replies.append(make_reply("x", "Only bread here.", ("bread", "food")))
    write_corpus(replies, tmp_path / "c", dev_share=0.0)
    (tmp_path / "c" / "dev" / "00000.spacy").write_bytes(
        (tmp_path / "c" / "train" / "00000.spacy").read_bytes()
    )
    stats = write_subset(tmp_path / "c", tmp_path / "s", Request(top_concepts=1))
    assert stats["n_without_mention"] == 2
    texts = read_texts(tmp_path / "s")
    assert "Only bread here." not in texts["train"]


def test_descriptions_follow_their_mentions(corpus: Path, tmp_path: Path) -> None:
    write_subset(corpus, tmp_path / "s", Request(top_concepts=1))
    for part in PARTS:
        for doc in read_docs(tmp_path / "s" / part, None):
            assert [s.label_ for s in doc.spans["concepts"]] == ["city"]
            assert doc.user_data["descriptions"] == ["about city"]


def test_stats_are_those_of_the_files(corpus: Path, tmp_path: Path) -> None:
    write_subset(corpus, tmp_path / "s", Request(sentences=16, share=0.8))
    stats = json.loads((tmp_path / "s" / "stats.json").read_text())
    counts = Counter(
        span.label_
        for part in PARTS
        for doc in read_docs(tmp_path / "s" / part, None)
        for span in doc.spans["concepts"]
    )
    assert dict(map(tuple, stats["concepts"])) == counts
    assert stats["n_concepts"] == len(counts)


@pytest.mark.parametrize(
    ("share", "expected"),
    [(0.5, {"a"}), (0.51, {"a", "b"}), (0.8, {"a", "b"}), (1.0, {"a", "b", "c"})],
)
def test_share_takes_as_few_as_hold_it(share: float, expected: set[str]) -> None:
    counts = Counter({"a": 5, "b": 3, "c": 2})
    assert choose_concepts(counts, Request(share=share)) == expected


def test_of_equal_concepts_the_first_by_name_is_taken() -> None:
    counts = Counter({"b": 2, "a": 2, "c": 2})
    assert choose_concepts(counts, Request(top_concepts=2)) == {"a", "b"}


@pytest.mark.parametrize(
    ("request_", "code"),
    [
        (Request(sentences=41), "N271"),
        (Request(sentences=1), "N271"),
        (Request(top_concepts=3, share=0.5), "N270"),
        (Request(share=1.5), "N270"),
    ],
)
def test_impossible_requests_are_refused(
    corpus: Path, tmp_path: Path, request_: Request, code: str
) -> None:
    with pytest.raises(ValueError, match=code):
        write_subset(corpus, tmp_path / "s", request_)
    assert not (tmp_path / "s").exists()
