"""Replies with placed mentions -> documents and counts: what each worker does."""

from collections.abc import Callable, Iterable, Sequence
from functools import lru_cache, partial
from itertools import chain
from types import SimpleNamespace
from typing import Any, NamedTuple, cast

import numpy as np
from spacy.attrs import IDX, IS_PUNCT, IS_SPACE, LENGTH, NORM, ORTH, SPACY
from spacy.lang.en import English
from spacy.language import create_tokenizer
from spacy.pipeline import Sentencizer
from spacy.strings import get_string_id
from spacy.tokenizer import Tokenizer
from spacy.vocab import create_vocab
from srsly.msgpack import Packer

from ..types import Mention
from .pieces import cut_reply
from .shards import SPANS_KEY, ConceptDoc, Strings, pack_spans
from .split import text_digest
from .stats import (
    TOKEN_EDGES,
    Chunk,
    DropRecord,
    MadeReply,
    PlacedReply,
    PlaceT,
    account_for_drops,
)

COLUMNS = [ORTH, NORM, SPACY, IDX, LENGTH]
# What shards hold and the sentencizer asks for
LEX_ATTRS = (NORM, IS_PUNCT, IS_SPACE)
# A vocabulary never forgets a word, so there is a new one when it has so many
MAX_WORDS = 150_000
# A tokenizer does not cut again what it remembers, at a quarter of the time; spaCy's
# own bound of 10,000 is full after a thousand sentences
MAX_REMEMBERED = 300_000
N_DIGEST = 16  # bytes that tell texts apart


class Tools(NamedTuple):
    """What a process needs to make documents."""

    tokenizer: Tokenizer
    sentencizer: Sentencizer
    pack: Callable[[Any], bytes]  # to msgpack


def make_chunk(place: PlaceT, items: Sequence[Any], *, sentences: bool) -> Chunk:
    """Place some replies and make their documents.

    place (PlaceT): Makes a placed reply of an item.
    items (Sequence[Any]): The items.
    sentences (bool): Cut texts where sentences end.
    RETURNS (Chunk): The replies in order.
    RAISES (ValueError): If a line of a reply has neither a mention nor a drop, or both.
    """
    tools = _get_tools()
    replies: Iterable[PlacedReply] = (place(item) for item in items)
    if sentences:
        cut = partial(cut_reply, tools.tokenizer, tools.sentencizer)
        replies = chain.from_iterable(cut(reply) for reply in replies)
    made = [make_reply(tools, reply) for reply in replies]
    strings = _find_strings(tools, (reply.doc for reply in made))
    if len(tools.tokenizer.vocab) > MAX_WORDS:
        _get_tools.cache_clear()
    return Chunk(made, strings)


def make_reply(tools: Tools, reply: PlacedReply) -> MadeReply:
    """Make the document of a text, and count what was placed in it.

    A mention that does not begin and end with a token is left out; one that stands
    where another of the same concept does is there once.

    tools (Tools): Of this process.
    reply (PlacedReply): The text and its mentions.
    RETURNS (MadeReply): Without a document if no mention stands in it.
    RAISES (ValueError): If a line of the reply has neither a mention nor a drop, or
        both.
    """
    drops = account_for_drops(reply)
    doc, kept, off_edges = make_concept_doc(tools, reply)
    lines = {mention.line for mention in reply.mentions}
    n_placed = len(lines)
    if off_edges:
        off = set(off_edges)
        placed = {mention.line for mention in reply.mentions if mention not in off}
        drops += _drop_lines(reply, off_edges, lines - placed)
        n_placed = len(placed)
    return MadeReply(
        id=reply.id,
        digest=text_digest(reply.text)[:N_DIGEST],
        n_lines=reply.n_lines,
        drops=drops,
        n_words=len(reply.text.split()),
        n_placed_lines=n_placed,
        n_repeated=len(reply.mentions) - len(off_edges) - len(kept),
        n_off_edges=len(off_edges),
        n_folded=sum(mention.match == "folded" for mention in kept),
        doc=doc if kept else None,
    )


def make_concept_doc(
    tools: Tools, reply: PlacedReply
) -> tuple[ConceptDoc, list[Mention], list[Mention]]:
    """Make the document of a text.

    tools (Tools): Of this process.
    reply (PlacedReply): The text and its mentions.
    RETURNS (tuple[ConceptDoc, list[Mention], list[Mention]]): The document, the
        mentions that stand in it in the order of its spans, and those that do not
        begin and end on token edges.
    """
    table = tools.tokenizer(reply.text).to_array(COLUMNS)  # (n_tokens, 5)
    starts = table[:, 3].tolist()
    ends = (table[:, 3] + table[:, 4]).tolist()
    firsts = {start: token for token, start in enumerate(starts)}
    lasts = {end: token for token, end in enumerate(ends, start=1)}
    found: dict[tuple[int, int, str], Mention] = {}
    off_edges: list[Mention] = []
    for mention in reply.mentions:
        first, last = firsts.get(mention.start), lasts.get(mention.end)
        if first is None or last is None:
            off_edges.append(mention)
        else:
            found.setdefault((first, last, mention.concept), mention)
    # By where they stand, those that stand together as they came
    ordered = sorted(found.items(), key=_by_tokens)
    kept = [mention for _, mention in ordered]
    doc = ConceptDoc(
        np.ascontiguousarray(table[:, :2]).tobytes(),
        table[:, 2].astype(bool).tobytes(),
        _pack_group(
            tools,
            [
                (get_string_id(concept), first, last, starts[first], ends[last - 1])
                for (first, last, concept), _ in ordered
            ],
        ),
        tools.pack(
            {
                "id": reply.id,
                "descriptions": [mention.description for mention in kept],
            }
        ),
        [mention.concept for mention in kept],
    )
    return doc, kept, off_edges


def _by_tokens(item: tuple[tuple[int, int, str], Mention]) -> tuple[int, int]:
    (first, last, _), _ = item
    return first, last


def _pack_group(tools: Tools, spans: list[tuple[int, int, int, int, int]]) -> bytes:
    group = {"name": SPANS_KEY, "attrs": {}, "spans": pack_spans(spans)}
    return tools.pack({tools.pack(group): [SPANS_KEY]})


def _drop_lines(
    reply: PlacedReply, off_edges: list[Mention], lines: set[int]
) -> list[DropRecord]:
    """Make drops of the lines that have no mention left."""
    first = {mention.line: mention for mention in reversed(off_edges)}
    return [
        DropRecord(reply.id, line, _line_of(reply.text, first[line]), TOKEN_EDGES, 1)
        for line in sorted(lines)
    ]


def _line_of(text: str, mention: Mention) -> str:
    entity = text[mention.start : mention.end]
    return f"{entity} <> {mention.concept} <> {mention.description}"


def _find_strings(tools: Tools, docs: Iterable[ConceptDoc | None]) -> Strings:
    words = b"".join(doc.words for doc in docs if doc is not None)
    strings = tools.tokenizer.vocab.strings
    keys = np.unique(np.frombuffer(words, np.uint64)).tolist()
    return {key: strings[key] for key in keys}


@lru_cache(maxsize=1)
def _get_tools() -> Tools:
    return Tools(make_tokenizer(), Sentencizer(), Packer(use_bin_type=True).pack)


def make_tokenizer() -> Tokenizer:
    """Make the tokenizer of `spacy.blank("en")`.

    `spacy.blank` itself imports the factories of all installed packages, which takes
    seconds and 100 MB in each process.

    RETURNS (Tokenizer): The tokenizer, with a vocabulary of its own.
    """
    defaults = English.Defaults
    vocab: Any = create_vocab("en", defaults)
    # A third of the time of a new word goes into attributes that nobody needs here
    getters = vocab.lex_attr_getters
    vocab.lex_attr_getters = {attr: getters[attr] for attr in LEX_ATTRS}
    language = SimpleNamespace(vocab=vocab, Defaults=defaults)
    tokenizer = create_tokenizer()(cast(English, language))
    tokenizer.max_cache_size = MAX_REMEMBERED
    return tokenizer
