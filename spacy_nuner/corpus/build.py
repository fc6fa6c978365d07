"""Write a concept corpus: DocBin shards, `drops.jsonl` and `stats.json`."""

import json
import logging
from collections.abc import Iterable
from concurrent.futures import Executor
from functools import partial
from itertools import chain, islice
from pathlib import Path
from typing import IO, Any

from ..errors import Errors, Warnings
from .files import replacing_dir, write_json
from .shards import ShardWriter
from .split import PARTS, part_of
from .stats import (
    DUPLICATE_TEXT,
    Chunk,
    CorpusStats,
    DropRecord,
    PlacedReply,
    PlaceT,
)
from .workers import count_cores, map_in_order, start_workers

logger = logging.getLogger(__name__)

# Items that a worker gets at a time, and how many are worth more than one worker
CHUNK_SIZE = 500
MANY = 10_000


def place_as_it_is(reply: PlacedReply) -> PlacedReply:
    """RETURNS (PlacedReply): The reply itself, which is placed already."""
    return reply


def write_corpus(
    items: Iterable[Any],
    output_dir: str | Path,
    *,
    place: PlaceT = place_as_it_is,
    sentences: bool = False,
    jobs: int | None = 1,
    dev_share: float = 0.1,
    shard_size: int = 2000,
    max_lost: float = 0.2,
    wanted: frozenset[str] = frozenset(),
    source: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Write a concept corpus, all or nothing.

    Texts that come again are kept once; sentences without a mention are counted and
    left out. The corpus is built beside `output_dir` and put in its place at the end,
    so a run that is stopped leaves what was there. The files do not depend on `jobs`.

    items (Iterable[Any]): what `place` takes, read as it is needed.
    output_dir (str | Path): gets `train/`, `dev/`, `drops.jsonl`, `stats.json`.
    place (PlaceT): gives the text of an item with the mentions placed in it. Workers
        know it by its name.
    sentences (bool): cut texts where sentences end.
    jobs (int | None): processes that work at once; 0: as many as there are cores; None:
        the same if there are `MANY` items, else 1.
    dev_share (float): share of the sentences that become dev, see `split_of`.
    shard_size (int): documents in a shard.
    max_lost (float): fail if a larger share of the lines is lost.
    wanted (frozenset[str]): reasons of drops that were asked for and are no loss, such
        as the filter of Section 3.1.
    source (dict[str, Any] | None): where the replies come from, for `stats.json`.
    RETURNS (dict[str, Any]): the content of `stats.json`.
    RAISES (ValueError): if the counts do not add up, no mention is left, or more than
        `max_lost` is lost; nothing is written then.
    RAISES (ChildProcessError): if a worker dies.
    """
    if jobs is None:
        rest = iter(items)
        first = list(islice(rest, MANY))
        items, jobs = chain(first, rest), 0 if len(first) == MANY else 1
    jobs = jobs or count_cores()
    call = partial(_make_chunk, place, sentences)
    wanted = wanted | {DUPLICATE_TEXT}
    with (
        replacing_dir(output_dir, marker="stats.json") as temp_dir,
        start_workers(jobs) as workers,
    ):
        ahead = 0 if jobs == 1 else 2 * jobs
        stats = _write_parts(
            map_in_order(workers, call, items, size=CHUNK_SIZE, ahead=ahead),
            temp_dir,
            workers,
            dev_share=dev_share,
            shard_size=shard_size,
        )
        stats.check_sum()
        _check_loss(stats, max_lost=max_lost, wanted=wanted)
        result = {**stats.to_dict(wanted=wanted), "source": source or {}}
        write_json(temp_dir / "stats.json", result)
    for part in PARTS:
        if 0 < dev_share < 1 and not result[f"n_{part}"]:
            logger.warning(Warnings.W201.format(part=part, n=result["n_sentences"]))
    return result


def _make_chunk(place: PlaceT, sentences: bool, items: list[Any]) -> Chunk:
    # Here, since the process that only gives work to others needs no spaCy
    from .make import make_chunk

    return make_chunk(place, items, sentences=sentences)


def _write_parts(
    chunks: Iterable[Chunk],
    temp_dir: Path,
    workers: Executor,
    *,
    dev_share: float,
    shard_size: int,
) -> CorpusStats:
    stats, seen = CorpusStats(), set()
    writers = {
        part: ShardWriter(temp_dir / part, shard_size, workers) for part in PARTS
    }
    with (temp_dir / "drops.jsonl").open("w", encoding="utf8", newline="\n") as file:
        for replies, strings in chunks:
            for reply in replies:
                stats.add_reply(reply)
                if reply.digest in seen:
                    stats.sizes["n_duplicate_texts"] += 1
                    drop = DropRecord(reply.id, -1, "", DUPLICATE_TEXT, reply.n_lines)
                    _write_drops(file, stats, [drop] if reply.n_lines else [])
                    continue
                seen.add(reply.digest)
                _write_drops(file, stats, reply.drops)
                part = part_of(reply.digest, dev_share=dev_share)
                stats.add_text(reply, part)
                if reply.doc is not None:
                    writers[part].add(reply.doc, strings)
    for writer in writers.values():
        writer.finish()
    return stats


def _write_drops(
    file: IO[str], stats: CorpusStats, drops: Iterable[DropRecord]
) -> None:
    for drop in drops:
        file.write(json.dumps(drop._asdict(), ensure_ascii=False) + "\n")
        stats.add_drops([drop])


def _check_loss(stats: CorpusStats, *, max_lost: float, wanted: frozenset[str]) -> None:
    reasons = ", ".join(f"{n} {reason}" for reason, n in stats.lost.most_common(5))
    if not stats.concepts:
        raise ValueError(
            Errors.N206.format(
                n_replies=stats.sizes["n_replies"],
                n_lines=stats.sizes["n_lines"],
                reasons=reasons or "no line at all",
            )
        )
    lost = stats.share_lost(wanted)
    if lost > max_lost:
        raise ValueError(
            Errors.N207.format(lost=lost, max_lost=max_lost, reasons=reasons)
        )
