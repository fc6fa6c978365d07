import json
from collections.abc import Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from pathlib import Path

import pytest
import spacy

from spacy_nuner.corpus import build
from spacy_nuner.corpus.build import write_corpus
from spacy_nuner.corpus.reader import read_docs
from spacy_nuner.corpus.split import split_of
from spacy_nuner.corpus.stats import PlacedReply
from spacy_nuner.corpus.workers import start_workers
from spacy_nuner.types import Drop, Mention


def read_drops(path: Path) -> list[dict]:
    lines = (path / "drops.jsonl").read_text(encoding="utf8").split("\n")
    return [json.loads(line) for line in lines if line]


def test_everything_is_counted(tmp_path: Path, make_reply) -> None:
    text = "Ada Lovelace met Babbage."
    replies = [
        make_reply("a", text, ("Ada Lovelace", "person"), ("Babbage", "engineer")),
        make_reply(
            "b",
            "Rome is old.",
            ("Rome", "city"),
            ("Rome", "capital"),
            ("old", "age"),
            drops=(Drop(3, "Nero <> emperor <> x", "not_found"),),
        ),
        make_reply("c", text, ("Ada", "name")),
        make_reply("d", "No use.", drops=(Drop(0, "Sorry!", "noise"),)),
        make_reply("e", "Nothing came."),
        # half of a token: no span of the document can stand for it
        make_reply("f", "The rainbow.", ("rain", "weather"), ("rainbow", "sight")),
    ]
    out = tmp_path / "concepts"
    stats = write_corpus(replies, out, dev_share=0, max_lost=0.5, source={"by": "me"})
    assert json.loads((out / "stats.json").read_text(encoding="utf8")) == stats
    drops = read_drops(out)
    assert [(d["id"], d["line"], d["reason"], d["n_lines"]) for d in drops] == [
        ("b", 3, "not_found", 1),
        ("c", -1, "duplicate_text", 1),
        ("d", 0, "noise", 1),
        ("f", 0, "token_edges", 1),
    ]
    assert drops[3]["content"] == "rain <> weather <> about weather"
    concepts = stats.pop("concepts")
    assert concepts[:2] == [["age", 1], ["capital", 1]]
    assert stats == {
        "n_replies": 6,
        "n_duplicate_texts": 1,
        "n_without_mention": 2,
        "n_sentences": 3,
        "n_train": 3,
        "n_dev": 0,
        "n_words": 9,
        "n_lines": 10,
        "n_placed_lines": 6,
        "n_dropped_lines": 4,
        "dropped_lines": {
            "not_found": 1,
            "duplicate_text": 1,
            "noise": 1,
            "token_edges": 1,
        },
        "left_out_on_purpose": ["duplicate_text"],
        "share_lost": 3 / 9,
        "n_mentions": 6,
        "n_mentions_exact": 6,
        "n_mentions_folded": 0,
        "n_mentions_repeated": 0,
        "n_mentions_off_token_edges": 1,
        "n_concepts": 6,
        "n_concepts_once": 6,
        "mentions_per_sentence": {"1": 1, "2": 1, "3": 1},
        "source": {"by": "me"},
    }
    assert sum(d["n_lines"] for d in drops) == stats["n_dropped_lines"]


def test_split_by_text(tmp_path: Path, make_reply) -> None:
    replies = [
        make_reply(str(i), f"Ada wrote note {i}.", ("Ada", "person")) for i in range(60)
    ]
    out = tmp_path / "concepts"
    stats = write_corpus(replies, out, dev_share=0.3)
    vocab = spacy.blank("en").vocab
    for part in ("train", "dev"):
        docs = list(read_docs(out / part, vocab))
        assert len(docs) == stats[f"n_{part}"] > 0
        assert {split_of(doc.text, dev_share=0.3) for doc in docs} == {part}


def test_same_input_gives_the_same_files(tmp_path: Path, make_reply) -> None:
    replies = [
        make_reply(str(i), f"Ada met Bob {i}.", ("Ada", f"c{i % 3}"), ("Bob", "x"))
        for i in range(20)
    ]
    for name, jobs in (("one", 1), ("two", 1), ("workers", 2)):
        write_corpus(replies, tmp_path / name, jobs=jobs)
    files = [path for path in (tmp_path / "one").rglob("*") if path.is_file()]
    assert len(files) >= 3
    for file in files:
        for name in ("two", "workers"):
            twin = tmp_path / name / file.relative_to(tmp_path / "one")
            assert file.read_bytes() == twin.read_bytes(), twin


def test_line_with_one_mention_off_the_edges_counts_as_placed(tmp_path: Path) -> None:
    mentions = [
        Mention(0, 3, "sky", "", "exact", 0),
        Mention(4, 7, "sky", "", "folded", 0),
    ]
    reply = PlacedReply("x", "sun sunrise", mentions, [], 1)
    stats = write_corpus([reply], tmp_path / "c")
    assert (stats["n_placed_lines"], stats["n_dropped_lines"]) == (1, 0)
    assert stats["n_mentions_off_token_edges"] == 1
    assert (stats["n_mentions_exact"], stats["n_mentions_folded"]) == (1, 0)


def test_many_chunks_and_shards(
    tmp_path: Path, make_reply, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Workers get a few texts each; duplicates of other chunks are found."""
    monkeypatch.setattr(build, "CHUNK_SIZE", 7)
    replies = [
        make_reply(
            str(i),
            f"Ada met Bob {i % 90}.",
            ("Ada", f"c{i % 3}"),
            ("Bo", "half") if i % 5 else ("Bob", "x"),
            drops=(Drop(2, "Eve <> x", "not_found"),),
        )
        for i in range(100)
    ]
    wanted = {"dev_share": 0.3, "shard_size": 9, "max_lost": 0.9}
    stats = write_corpus(replies, tmp_path / "one", **wanted)
    assert stats["n_duplicate_texts"] == 10
    assert stats["dropped_lines"] == {
        "not_found": 90,
        "token_edges": 72,
        "duplicate_text": 30,
    }
    write_corpus(replies, tmp_path / "two", jobs=2, **wanted)
    files = sorted(p for p in (tmp_path / "one").rglob("*") if p.is_file())
    assert len(files) > 9
    for file in files:
        twin = tmp_path / "two" / file.relative_to(tmp_path / "one")
        assert file.read_bytes() == twin.read_bytes(), twin


def test_few_items_need_no_workers(
    tmp_path: Path, make_reply, monkeypatch: pytest.MonkeyPatch
) -> None:
    started: list[int] = []

    @contextmanager
    def start(n: int) -> Iterator[Executor]:
        started.append(n)
        with start_workers(1) as workers:
            yield workers

    monkeypatch.setattr(build, "start_workers", start)
    monkeypatch.setattr(build, "count_cores", lambda: 3)
    monkeypatch.setattr(build, "MANY", 5)
    replies = [
        make_reply(str(i), f"Ada wrote note {i}.", ("Ada", "x")) for i in range(9)
    ]
    for n, jobs in ((4, None), (9, None), (4, 0), (9, 2)):
        stats = write_corpus(replies[:n], tmp_path / "c", jobs=jobs)
        assert stats["n_sentences"] == n
    assert started == [1, 3, 3, 2]


@pytest.mark.parametrize(
    ("n_lines", "drops"),
    [
        (3, []),  # a line is neither
        (1, [Drop(0, "Ada <> person", "not_found")]),  # a line is both
        (1, [Drop(1, "x", "noise")]),  # more than there are
        (3, [Drop(1, "x", "noise"), Drop(1, "x", "noise")]),  # dropped twice
    ],
)
def test_lines_that_do_not_add_up(tmp_path: Path, n_lines: int, drops) -> None:
    mentions = [Mention(0, 3, "person", "", "exact", 0)]
    reply = PlacedReply("odd", "Ada", mentions, drops, n_lines)
    for jobs in (1, 2):
        with pytest.raises(ValueError, match=r"N205.*'odd'"):
            write_corpus([reply], tmp_path / "c", jobs=jobs)
    assert not list(tmp_path.iterdir())


def test_one_drop_for_a_whole_reply(tmp_path: Path, make_reply) -> None:
    whole = PlacedReply("w", "Lost.", [], [Drop(-1, "", "generic_concept")], 3)
    good = make_reply("g", "Ada.", ("Ada", "person"))
    stats = write_corpus(
        [whole, good], tmp_path / "c", wanted=frozenset({"generic_concept"})
    )
    assert stats["dropped_lines"] == {"generic_concept": 3}
    assert stats["left_out_on_purpose"] == ["generic_concept"]
    assert stats["share_lost"] == 0.0


def test_too_much_lost(tmp_path: Path, make_reply) -> None:
    drops = (Drop(1, "a", "noise"), Drop(2, "b", "noise"))
    reply = make_reply("a", "Ada.", ("Ada", "person"), drops=drops)
    with pytest.raises(ValueError, match=r"N207.*66\.7%.*20\.0% \(2 noise\)"):
        write_corpus([reply], tmp_path / "c")
    assert write_corpus([reply], tmp_path / "c", max_lost=0.7)["n_sentences"] == 1


@pytest.mark.parametrize("n", [0, 3])
def test_no_mention_at_all(tmp_path: Path, make_reply, n: int) -> None:
    noise = [
        make_reply(str(i), f"Text {i}.", drops=(Drop(0, "As an AI", "noise"),))
        for i in range(n)
    ]
    with pytest.raises(ValueError, match=rf"N206.*{n} replies"):
        write_corpus(noise, tmp_path / "c", max_lost=1.0)


def test_a_failure_leaves_the_corpus_that_was_there(tmp_path: Path, make_reply) -> None:
    out = tmp_path / "concepts"
    write_corpus([make_reply("a", "Ada.", ("Ada", "person"))], out)
    before = (out / "stats.json").read_bytes()

    def breaks():
        yield make_reply("b", "Bob.", ("Bob", "person"))
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_corpus(breaks(), out)
    assert (out / "stats.json").read_bytes() == before
    assert [path.name for path in tmp_path.iterdir()] == ["concepts"]
    stats = write_corpus([make_reply("b", "Bob.", ("Bob", "person"))], out)
    assert stats["n_sentences"] == 1
    assert [path.name for path in tmp_path.iterdir()] == ["concepts"]


def test_never_replaces_a_folder_of_another_kind(tmp_path: Path, make_reply) -> None:
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(FileExistsError, match="N208"):
        write_corpus([make_reply("a", "Ada.", ("Ada", "person"))], tmp_path)
    assert (tmp_path / "thesis.tex").is_file()


def test_an_empty_part_is_said(tmp_path: Path, make_reply, caplog) -> None:
    write_corpus([make_reply("a", "Ada.", ("Ada", "person"))], tmp_path / "c")
    assert "W201" in caplog.text
    assert "'dev'" in caplog.text
