"""`spacy-nuner corpus`: replies, or published annotations -> corpus/concepts."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from spacy_nuner.corpus.imports import Row
    from spacy_nuner.corpus.sources import Reply
    from spacy_nuner.corpus.stats import PlacedReply, PlaceT

JOURNAL = "journal"
# lines left out on purpose: the filter of Section 3.1, and what was said twice
WANTED = frozenset({"generic_concept", "duplicate", "nothing"})
# formats whose texts are passages
CUT = frozenset({"pile-ner"})


def corpus(
    replies: Path = typer.Argument(
        help="The journal of replies that 'spacy-nuner annotate' wrote (JSONL), or a "
        "file of another --format."
    ),
    output: Path = typer.Argument(
        help="Folder of the corpus, replaced as a whole: train/, dev/, drops.jsonl, "
        "stats.json."
    ),
    dev_share: float = typer.Option(
        0.1, min=0, max=1, help="Share of the sentences for dev, by a hash of the text."
    ),
    shard_size: int = typer.Option(2000, min=1, help="Sentences in a shard."),
    max_lost: float = typer.Option(
        0.2, min=0, max=1, help="Fail if a larger share of the replies' lines is lost."
    ),
    format: str = typer.Option(
        JOURNAL,
        help="journal; nuner (the published data set, CSV or JSON lines); pile-ner "
        "(Pile-NER-type, JSON); gliner (training data of GLiNER, JSON).",
    ),
    sentences: bool | None = typer.Option(
        None,
        "--sentences/--whole",
        help="Cut texts where sentences end, or keep them whole. Left out: pile-ner, "
        "whose texts are long passages, is cut.",
    ),
    limit: int = typer.Option(0, min=0, help="Read at most so many texts; 0: all."),
    jobs: int | None = typer.Option(
        None,
        min=0,
        help="Processes that work at once; 0: as many as there are cores. Left out: "
        "the same from 10,000 texts on, else 1. The corpus does not depend on it.",
    ),
) -> None:
    """Parse the stored replies, place the mentions and write the concept corpus.

    No LLM is called. Every line of every reply ends as a mention or in drops.jsonl.
    Published annotations of other projects are placed by the same rules.
    """
    from tqdm import tqdm

    from spacy_nuner.cli.show import msg
    from spacy_nuner.corpus.build import write_corpus

    models: Counter[str] = Counter()
    source: dict[str, Any] = {
        "replies": replies.as_posix(),
        "models": models,
        "settings": {"dev_share": dev_share, "max_lost": max_lost},
    }
    if format != JOURNAL or sentences or limit:
        source["settings"] |= {"format": format, "sentences": sentences, "limit": limit}
    try:
        n_texts = _count(replies, format)
        items = tqdm(
            islice(_read(replies, format, models), limit or None),
            total=min(n_texts, limit) if n_texts and limit else n_texts,
            desc="corpus",
            unit="reply",
            disable=None,
        )
        stats = write_corpus(
            items,
            output,
            place=PLACE.get(format, place_line),
            sentences=format in CUT if sentences is None else sentences,
            jobs=jobs,
            dev_share=dev_share,
            shard_size=shard_size,
            max_lost=max_lost,
            wanted=WANTED,
            source=source,
        )
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    _say(stats, output)


def _count(path: Path, format: str) -> int | None:
    from spacy_nuner.corpus.sources import count_replies

    return count_replies(path) if format == JOURNAL else None


def _read(path: Path, format: Any, models: Counter[str]) -> "Iterator[Reply | Row]":
    """Read what is to be placed, and count what it is of."""
    from spacy_nuner.corpus.imports import read_rows
    from spacy_nuner.corpus.sources import read_replies

    if format == JOURNAL:
        for reply in read_replies(path):
            models[reply.model] += 1
            yield reply
    else:
        for row in read_rows(path, format):
            models[format] += 1
            yield row


def place_journal(reply: "Reply") -> "PlacedReply":
    """Place a reply of the journal; workers call this by its name."""
    from spacy_nuner.annotate.replies.align import place_reply
    from spacy_nuner.annotate.replies.json_reply import count_lines
    from spacy_nuner.corpus.stats import PlacedReply

    mentions, drops = place_reply(reply.text, reply.response)
    n_lines = count_lines(reply.response)
    return PlacedReply(reply.id, reply.text, mentions, drops, n_lines)


def place_sentence(row: "Row") -> "PlacedReply":
    """Place a row as the replies to NuNER's prompt, with its filter (Section 3.1)."""
    from spacy_nuner.annotate.replies.align import place_reply
    from spacy_nuner.corpus.imports import place_row

    return place_row(row, place_reply)


def place_line(row: "Row") -> "PlacedReply":
    """Place a row of another prompt, where "concept" costs no more than its line."""
    from spacy_nuner.annotate.replies.align import place_reply
    from spacy_nuner.corpus.imports import place_row

    return place_row(row, partial(place_reply, generic="line"))


PLACE: "dict[str, PlaceT]" = {JOURNAL: place_journal, "nuner": place_sentence}


def _say(stats: dict[str, Any], output: Path) -> None:
    from spacy_nuner.cli.show import msg

    msg.good(
        f"{stats['n_sentences']:,} sentences ({stats['n_train']:,} train, "
        f"{stats['n_dev']:,} dev) in {output}"
    )
    msg.info(
        f"{stats['n_mentions']:,} mentions of {stats['n_concepts']:,} concepts, "
        f"{stats['n_concepts_once']:,} of them seen once; "
        f"{stats['n_mentions_folded']:,} placed by a folded match"
    )
    if stats["n_dropped_lines"]:
        reasons = ", ".join(f"{n:,} {r}" for r, n in stats["dropped_lines"].items())
        msg.warn(
            f"{stats['n_dropped_lines']:,} of {stats['n_lines']:,} lines gave no "
            f"mention: {reasons}",
            f"Each is in {output / 'drops.jsonl'} with its reason.",
        )
    for name in ("n_without_mention", "n_duplicate_texts"):
        if stats[name]:
            msg.warn(f"{stats[name]:,} replies left out: {name[2:].replace('_', ' ')}")
