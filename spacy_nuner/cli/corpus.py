"""`spacy-nuner corpus`: replies, or published annotations -> corpus/concepts."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

if TYPE_CHECKING:
    from spacy_nuner.corpus.stats import PlacedReply

JOURNAL = "journal"
# lines left out on purpose: the filter of Section 3.1, and what was said twice
WANTED = frozenset({"generic_concept", "duplicate"})
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
) -> None:
    """Parse the stored replies, place the mentions and write the concept corpus.

    No LLM is called. Every line of every reply ends as a mention or in drops.jsonl.
    Published annotations of other projects are placed by the same rules.
    """
    from tqdm import tqdm
    from wasabi import msg

    from spacy_nuner.corpus.build import write_corpus
    from spacy_nuner.corpus.pieces import cut_replies

    models: Counter[str] = Counter()
    source: dict[str, Any] = {
        "replies": replies.as_posix(),
        "models": models,
        "settings": {"dev_share": dev_share, "max_lost": max_lost},
    }
    if format != JOURNAL or sentences or limit:
        source["settings"] |= {"format": format, "sentences": sentences, "limit": limit}
    try:
        if format == JOURNAL:
            placed = islice(_place(replies, models), limit or None)
        else:
            placed = _import(replies, format, models, limit)
        progress: Iterator[PlacedReply] = iter(
            tqdm(
                placed,
                total=_count_lines(replies) if format == JOURNAL else None,
                desc="corpus",
                unit="reply",
                disable=None,
            )
        )
        if sentences or (sentences is None and format in CUT):
            progress = cut_replies(progress)
        stats = write_corpus(
            progress,
            output,
            dev_share=dev_share,
            shard_size=shard_size,
            max_lost=max_lost,
            wanted=WANTED,
            source=source,
        )
    except (ValueError, OSError) as error:
        msg.fail(str(error), exits=1)
    _say(stats, output)


def _place(path: Path, models: Counter[str]) -> "Iterator[PlacedReply]":
    from spacy_nuner.annotate.align import place_reply
    from spacy_nuner.corpus.sources import read_replies
    from spacy_nuner.corpus.stats import PlacedReply

    for reply in read_replies(path):
        models[reply.model] += 1
        mentions, drops = place_reply(reply.text, reply.response)
        n_lines = sum(1 for line in reply.response.split("\n") if line.strip())
        yield PlacedReply(reply.id, reply.text, mentions, drops, n_lines)


def _import(
    path: Path, format: Any, models: Counter[str], limit: int
) -> "Iterator[PlacedReply]":
    from spacy_nuner.annotate.align import place_reply
    from spacy_nuner.corpus.imports import import_rows

    # The filter of Section 3.1 belongs to NuNER's prompt
    generic: Any = "sentence" if format == "nuner" else "line"
    place = partial(place_reply, generic=generic)
    for reply in import_rows(path, format, place, limit=limit):
        models[format] += 1
        yield reply


def _count_lines(path: Path) -> int | None:
    if not path.is_file():
        return None  # the reader says it better
    with path.open("rb") as file:
        return sum(1 for _ in file)


def _say(stats: dict[str, Any], output: Path) -> None:
    from wasabi import msg

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
