import gzip
import json
import os
import random
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from spacy_nuner.corpus.sources import read_texts
from spacy_nuner.corpus.texts import run, tasks
from spacy_nuner.corpus.texts.hub import C4_REVISION
from spacy_nuner.corpus.texts.run import draw_texts
from spacy_nuner.corpus.texts.settings import TextSettings

from .server import HubServer

SUFFIXES = ("", ".stats.json", ".leaks.jsonl", ".bad.jsonl")
SECRET = "The committee of Quimper awarded nine silver medals to the rowers of Brest."


def make_documents(records: list[dict[str, str]], n: int) -> list[dict[str, Any]]:
    """Documents of several lines and sentences, some of which come again."""
    rng = random.Random(0)
    sentences = [record["text"].rstrip(".") + "." for record in records]
    documents = []
    for i in range(n):
        lines = [" ".join(rng.choices(sentences, k=2)) for _ in range(3)]
        lines.append(f"Number {i} was seen by the people of Oslo in the year {i}.")
        lines.append("This website uses cookies to be of better use to you.")
        documents.append({"text": "\n".join(lines), "url": f"https://e.org/{i}"})
    documents[n // 2]["text"] += (
        "\nthe COMMITTEE of Quimper awarded nine silver medals!"
    )
    return documents


def write(path: Path, documents: list[dict[str, Any]]) -> Path:
    lines = "".join(json.dumps(document) + "\n" for document in documents)
    if path.suffix == ".gz":
        path.write_bytes(gzip.compress(lines.encode("utf8")))
    else:
        path.write_text(lines, encoding="utf8")
    return path


@pytest.fixture
def shard(tmp_path: Path, sample_records: list[dict[str, str]]) -> Path:
    documents = make_documents(sample_records, 60)
    return write(tmp_path / "c4-train.00000-of-01024.json.gz", documents)


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    return write(tmp_path / "secret.jsonl", [{"text": SECRET}])


def draw(source: Path | str, out: Path, **settings: Any) -> dict[str, Any]:
    options = {k: settings.pop(k) for k in ("protect", "jobs") if k in settings}
    sources = [str(source)] if isinstance(source, Path | str) else source
    return draw_texts(sources, out, TextSettings(**settings), **options)


def read_all(out: Path) -> list[bytes]:
    return [Path(f"{out}{suffix}").read_bytes() for suffix in SUFFIXES]


def check_sum(stats: dict[str, Any]) -> None:
    assert stats["n_dropped"] == sum(stats["dropped"].values())
    assert stats["n_protected"] == sum(stats["protected"].values())
    parts = ("dropped", "protected", "passed")
    assert stats["n_sentences"] == sum(stats[f"n_{part}"] for part in parts)
    parts = ("not_drawn", "duplicates", "near_duplicates", "drawn")
    assert stats["n_passed"] == sum(stats[f"n_{part}"] for part in parts)


def test_all_sentences(tmp_path: Path, shard: Path, secret: Path) -> None:
    out = tmp_path / "out" / "texts.jsonl"
    stats = draw(shard, out, n=0, protect=[secret])
    check_sum(stats)
    assert stats == json.loads(read_all(out)[1])
    assert stats["n_documents"] == 60
    assert stats["dropped"]["boilerplate"] >= 60
    assert stats["n_not_drawn"] == 0 and not stats["is_short"]
    assert stats["n_duplicates"] > 100  # the same sentences again
    texts = list(read_texts(out))  # as 'annotate' does
    assert len(texts) == stats["n_drawn"] > 60
    assert (
        len({text.id for text in texts}) == len({t.text for t in texts}) == len(texts)
    )
    leaks = [json.loads(line) for line in read_all(out)[2].splitlines()]
    assert leaks == [
        {
            "id": "c4-train.00000-of-01024.json.gz:31." + leaks[0]["id"].split(".")[-1],
            "test_set": "secret.jsonl",
            "words": "the committee of quimper awarded nine silver medals",
            "text": "the COMMITTEE of Quimper awarded nine silver medals!",
        }
    ]
    assert stats["protected"] == {"secret.jsonl": 1}
    assert not any("Quimper" in text.text for text in texts)
    assert sorted(path.name for path in out.parent.iterdir()) == sorted(
        f"texts.jsonl{suffix}" for suffix in SUFFIXES
    )


def test_ids_lead_to_the_text(tmp_path: Path, shard: Path) -> None:
    draw(shard, tmp_path / "t.jsonl", n=20)
    with gzip.open(shard, "rt", encoding="utf8") as file:
        documents = [json.loads(line)["text"] for line in file]
    for text in read_texts(tmp_path / "t.jsonl"):
        name, _, place = text.id.rpartition(":")
        assert name == shard.name
        document = documents[int(place.split(".")[0]) - 1]
        assert text.text in " ".join(document.split())


def test_smaller_sample_is_the_beginning(tmp_path: Path, shard: Path) -> None:
    outs = [tmp_path / f"{n}.jsonl" for n in (10, 30, 0)]
    for out in outs:
        check_sum(draw(shard, out, n=int(out.stem)))
    ten, thirty, everything = (out.read_bytes().splitlines() for out in outs)
    assert len(ten) == 10 and len(thirty) == 30
    assert thirty[:10] == ten and everything[:30] == thirty
    draw(shard, tmp_path / "other.jsonl", n=10, seed=1)
    other = (tmp_path / "other.jsonl").read_bytes().splitlines()
    assert len(set(other) & set(ten)) < 5


def test_same_bytes_in_any_order_and_with_any_jobs(
    tmp_path: Path,
    sample_records: list[dict[str, str]],
    secret: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tasks, "MAX_DOCUMENTS", 7)
    documents = make_documents(sample_records, 40)
    for document, i in zip(documents, range(40), strict=True):
        document["id"] = f"doc{i}"
    a = write(tmp_path / "a.jsonl", documents[:20])
    b = write(tmp_path / "b.jsonl.gz", documents[20:])
    outs = [tmp_path / name / "t.jsonl" for name in ("one", "two", "turned")]
    draw([str(a), str(b)], outs[0], n=25, protect=[secret])
    draw([str(a), str(b)], outs[1], n=25, protect=[secret], jobs=2)
    assert read_all(outs[0]) == read_all(outs[1])
    turned = write(tmp_path / "a.jsonl", documents[::-1])
    draw(turned, outs[2], n=25, protect=[secret])
    assert [read_all(outs[2])[i] for i in (0, 2)] == [
        read_all(outs[0])[i] for i in (0, 2)
    ]
    packed = tmp_path / "t.jsonl.gz"
    draw(turned, packed, n=25, protect=[secret])
    assert gzip.decompress(packed.read_bytes()) == outs[0].read_bytes()
    assert packed.read_bytes()[4:8] == bytes(4)  # no time in it


class StopError(Exception):
    """Something that ends a run."""


@pytest.mark.parametrize("n", [0, 15])
def test_stopped_run_goes_on(
    tmp_path: Path,
    shard: Path,
    secret: Path,
    n: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tasks, "MAX_DOCUMENTS", 5)
    draw(shard, tmp_path / "whole.jsonl", n=n, protect=[secret])
    out, settings = tmp_path / "parts.jsonl", TextSettings(n=n)
    rounds, read = 0, []

    def stop(n_documents: int, n_sentences: int) -> None:
        read.append(n_documents)
        if len(read) % 4 == 0:
            raise StopError

    while not out.exists():
        rounds += 1
        try:
            draw_texts([str(shard)], out, settings, protect=[secret], progress=stop)
        except StopError:
            assert not out.exists()
            assert Path(f"{out}.spool").exists()
    assert read == list(range(5, 65, 5))  # nothing is read again
    assert rounds == 4
    assert read_all(out) == read_all(tmp_path / "whole.jsonl")


def test_killed_run_goes_on(tmp_path: Path, shard: Path) -> None:
    settings = TextSettings(n=15, min_language=0)
    draw_texts([str(shard)], tmp_path / "whole.jsonl", settings)
    out = tmp_path / "killed.jsonl"
    code = f"""
import time
from spacy_nuner.corpus.texts import run, tasks
tasks.MAX_DOCUMENTS = 5
def wait(n_documents, n_sentences):
    print(n_documents, flush=True)
    time.sleep(0.1)
settings = run.TextSettings(n=15, min_language=0)
run.draw_texts([{str(shard)!r}], {str(out)!r}, settings, progress=wait)
"""
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if int(line) >= 20:
                os.kill(process.pid, signal.SIGKILL)
                break
    assert not out.exists()
    seen: list[int] = []
    draw_texts([str(shard)], out, settings, progress=lambda n, _: seen.append(n))
    assert seen and seen[0] > 20
    assert out.read_bytes() == (tmp_path / "whole.jsonl").read_bytes()


def test_other_settings_begin_anew(
    tmp_path: Path, shard: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out = tmp_path / "t.jsonl"

    def stop(n_documents: int, n_sentences: int) -> None:
        raise StopError

    with pytest.raises(StopError):
        draw_texts([str(shard)], out, TextSettings(n=5), progress=stop)
    stats = draw(shard, out, n=5, seed=3)
    assert stats["n_documents"] == 60


def test_near_duplicates_go_out(tmp_path: Path) -> None:
    lines = [
        f"The mayor of the town of Lyon told us all that bridge {i} is closed."
        for i in range(40)
    ]
    other = "An altogether different thing was told by somebody else in Hamburg."
    path = write(tmp_path / "a.jsonl", [{"text": "\n".join([*lines, other])}])
    stats = draw(path, tmp_path / "t.jsonl", n=0)
    assert (stats["n_near_duplicates"], stats["n_drawn"]) == (39, 2)
    check_sum(stats)
    stats = draw(path, tmp_path / "t.jsonl", n=20)
    assert stats["n_drawn"] <= 2 and stats["is_short"]
    check_sum(stats)
    stats = draw(path, tmp_path / "t.jsonl", n=20, near=0)
    assert stats["n_drawn"] == 20 and not stats["is_short"]


def test_bad_records(tmp_path: Path, sample_records: list[dict[str, str]]) -> None:
    path = write(tmp_path / "a.jsonl", make_documents(sample_records, 30))
    lines = path.read_text(encoding="utf8").splitlines()
    lines[3], lines[20] = '{"text": "cut o', '{"text": 7}'
    path.write_text("\n".join(lines))
    out = tmp_path / "t.jsonl"
    with pytest.raises(ValueError, match=r"N003.*a\.jsonl, line 4: bad JSON"):
        draw(path, out, n=0)
    stats = draw(path, out, n=0, skip_bad=True)
    check_sum(stats)
    assert (stats["n_documents"], stats["n_bad_documents"]) == (30, 2)
    bad = [json.loads(line)["problem"] for line in read_all(out)[3].splitlines()]
    assert ["line 4" in bad[0], "line 21" in bad[1]] == [True, True]


def test_limit(tmp_path: Path, shard: Path) -> None:
    one = draw(shard, tmp_path / "t.jsonl", n=0, limit=17)
    assert one["n_documents"] == 17
    again = write(tmp_path / "b.jsonl", [{"text": "One sentence is in this document."}])
    two = draw([str(again), str(shard)], tmp_path / "t.jsonl", n=0, limit=18)
    assert two["n_documents"] == 18
    assert two["n_sentences"] == one["n_sentences"] + 1


def test_hub(tmp_path: Path, shard: Path, hub: HubServer) -> None:
    hub.files["allenai/c4/en/" + shard.name] = shard.read_bytes()
    hub.break_after = [shard.stat().st_size // 2]
    draw(shard, tmp_path / "local.jsonl", n=15)
    stats = draw("hub://allenai/c4/en?shards=0", tmp_path / "hub.jsonl", n=15)
    assert stats["n_documents"] == 60
    assert read_all(tmp_path / "hub.jsonl") == read_all(tmp_path / "local.jsonl")
    assert all(C4_REVISION in request.path for request in hub.log)


def test_hostile_texts(tmp_path: Path) -> None:
    from tests.hostile import TEXTS

    path = write(tmp_path / "a.jsonl", [{"text": t} for t in TEXTS.values()])
    stats = draw(path, tmp_path / "t.jsonl", n=0)
    check_sum(stats)
    kept = [text.text for text in read_texts(tmp_path / "t.jsonl")]
    assert all(text.isprintable() for text in kept)
    assert not any("<script" in text or "{{" in text for text in kept)


def test_nothing_left(tmp_path: Path) -> None:
    path = write(tmp_path / "a.jsonl", [{"text": "Short. No"}])
    with pytest.raises(ValueError, match=r"N262.*2 sentences in 1 doc.*2 too_short"):
        draw(path, tmp_path / "t.jsonl")


def test_output_that_is_a_source(tmp_path: Path, shard: Path) -> None:
    with pytest.raises(ValueError, match="N257"):
        draw(shard, shard)


def test_wrong_settings_show_before_anything_is_read(
    tmp_path: Path, hub: HubServer
) -> None:
    with pytest.raises(ValueError, match="N255"):
        draw("hub://allenai/c4/en?shards=0", tmp_path / "t.jsonl", without=("x",))
    assert hub.log == []
    assert run.FORMAT == 1
