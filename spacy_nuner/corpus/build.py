"""Write a concept corpus: DocBin shards, `drops.jsonl` and `stats.json`."""

import json
import logging
from collections.abc import Iterable
from pathlib import Path
from typing import IO, Any

import spacy
from spacy.language import Language
from spacy.tokens import Doc, DocBin, Span

from ..errors import Errors, Warnings
from ..types import Mention
from .files import replacing_dir, write_json
from .registries import settled_registries
from .split import PARTS, Part, split_of, text_digest
from .stats import (
    DUPLICATE_TEXT,
    TOKEN_EDGES,
    CorpusStats,
    DropRecord,
    PlacedReply,
    account_for_drops,
)

logger = logging.getLogger(__name__)

SPANS_KEY = "concepts"


def write_corpus(
    replies: Iterable[PlacedReply],
    output_dir: str | Path,
    *,
    dev_share: float = 0.1,
    shard_size: int = 2000,
    max_lost: float = 0.2,
    wanted: frozenset[str] = frozenset(),
    source: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """Write a concept corpus, all or nothing.

    Texts that come again are kept once; sentences without a mention are counted and
    left out. The corpus is built beside `output_dir` and put in its place at the end,
    so a run that is stopped leaves what was there.

    replies (Iterable[PlacedReply]): texts with the mentions placed in them.
    output_dir (str | Path): gets `train/`, `dev/`, `drops.jsonl`, `stats.json`.
    dev_share (float): share of the sentences that become dev, see `split_of`.
    shard_size (int): documents in a shard.
    max_lost (float): fail if a larger share of the lines is lost.
    wanted (frozenset[str]): reasons of drops that were asked for and are no loss, such
        as the filter of Section 3.1.
    source (dict[str, Any] | None): where the replies come from, for `stats.json`.
    RETURNS (dict[str, Any]): the content of `stats.json`.
    RAISES (ValueError): if the counts do not add up, no mention is left, or more than
        `max_lost` is lost; nothing is written then.
    """
    wanted = wanted | {DUPLICATE_TEXT}
    with (
        replacing_dir(output_dir, marker="stats.json") as temp_dir,
        settled_registries(),
    ):
        stats = _write_parts(
            replies, temp_dir, dev_share=dev_share, shard_size=shard_size
        )
        stats.check_sum()
        _check_loss(stats, max_lost=max_lost, wanted=wanted)
        result = {**stats.to_dict(wanted=wanted), "source": source or {}}
        write_json(temp_dir / "stats.json", result)
    for part in PARTS:
        if 0 < dev_share < 1 and not result[f"n_{part}"]:
            logger.warning(Warnings.W201.format(part=part, n=result["n_sentences"]))
    return result


def make_concept_doc(
    nlp: Language, reply: PlacedReply
) -> tuple[Doc, list[Mention], list[Mention]]:
    """Make the document of a sentence.

    nlp (Language): gives the tokenizer.
    reply (PlacedReply): the text and its mentions.
    RETURNS (tuple[Doc, list[Mention], list[Mention]]): the document, the mentions that
        stand in it (each once), and those that do not begin and end on token edges.
    """
    doc = nlp.make_doc(reply.text)
    seen: set[tuple[int, int, str]] = set()
    spans, kept, off_edges = [], [], []
    for mention in reply.mentions:
        span = doc.char_span(mention.start, mention.end, label=mention.concept)
        if span is None:
            off_edges.append(mention)
        elif (key := (span.start, span.end, mention.concept)) not in seen:
            seen.add(key)
            spans.append(span)
            kept.append(mention)
    doc.spans[SPANS_KEY] = _in_text_order(spans, kept)
    doc.user_data["id"] = reply.id
    doc.user_data["descriptions"] = [mention.description for mention in kept]
    return doc, kept, off_edges


def _in_text_order(spans: list[Span], kept: list[Mention]) -> list[Span]:
    """Sort spans and mentions alike by where they stand in the text."""
    order = sorted(range(len(spans)), key=lambda i: (spans[i].start, spans[i].end))
    kept[:] = [kept[i] for i in order]
    return [spans[i] for i in order]


def _write_parts(
    replies: Iterable[PlacedReply], temp_dir: Path, *, dev_share: float, shard_size: int
) -> CorpusStats:
    nlp = spacy.blank("en")
    stats, seen = CorpusStats(), set()
    writers = {part: _ShardWriter(temp_dir / part, shard_size) for part in PARTS}
    with (temp_dir / "drops.jsonl").open("w", encoding="utf8", newline="\n") as file:
        for reply in replies:
            stats.add_reply(reply)
            digest = text_digest(reply.text)
            if digest in seen:
                stats.sizes["n_duplicate_texts"] += 1
                drop = DropRecord(reply.id, -1, "", DUPLICATE_TEXT, reply.n_lines)
                _write_drops(file, stats, [drop] if reply.n_lines else [])
                continue
            seen.add(digest)
            drops = account_for_drops(reply)
            doc, mentions, off_edges = make_concept_doc(nlp, reply)
            drops += _drop_off_edges(reply, off_edges, stats)
            _write_drops(file, stats, drops)
            if mentions:
                part: Part = split_of(reply.text, dev_share=dev_share)
                writers[part].add(doc)
                stats.add_sentence(reply.text, mentions, part)
            else:
                stats.sizes["n_without_mention"] += 1
    for writer in writers.values():
        writer.flush()
    return stats


def _drop_off_edges(
    reply: PlacedReply, off_edges: list[Mention], stats: CorpusStats
) -> list[DropRecord]:
    """Make drops of the lines that have no mention left, and count the placed ones."""
    off = set(off_edges)
    all_lines = {mention.line for mention in reply.mentions}
    placed = {mention.line for mention in reply.mentions if mention not in off}
    n_placed_mentions = sum(mention not in off for mention in reply.mentions)
    n_kept = len({(m.start, m.end, m.concept) for m in reply.mentions if m not in off})
    stats.sizes["n_placed_lines"] += len(placed)
    stats.sizes["n_mentions_repeated"] += n_placed_mentions - n_kept
    stats.sizes["n_mentions_off_token_edges"] += len(off_edges)
    first = {mention.line: mention for mention in reversed(off_edges)}
    return [
        DropRecord(reply.id, line, _line_of(reply.text, first[line]), TOKEN_EDGES, 1)
        for line in sorted(all_lines - placed)
    ]


def _line_of(text: str, mention: Mention) -> str:
    entity = text[mention.start : mention.end]
    return f"{entity} <> {mention.concept} <> {mention.description}"


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


class _ShardWriter:
    """Collects documents and writes them in shards of one size."""

    def __init__(self, path: Path, size: int) -> None:
        self.path = path
        self.size = size
        self.n_shards = 0
        self.docs = self._empty()
        path.mkdir()

    @staticmethod
    def _empty() -> DocBin:
        return DocBin(attrs=["ORTH"], store_user_data=True)

    def add(self, doc: Doc) -> None:
        self.docs.add(doc)
        if len(self.docs) >= self.size:
            self.flush()

    def flush(self) -> None:
        if len(self.docs):
            self.docs.to_disk(self.path / f"{self.n_shards:05d}.spacy")
            self.n_shards += 1
            self.docs = self._empty()
