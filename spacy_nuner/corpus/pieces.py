"""Cut long passages with their mentions into sentences."""

from collections.abc import Iterable, Iterator
from itertools import pairwise

import spacy
from spacy.language import Language

from .stats import PlacedReply


def cut_replies(replies: Iterable[PlacedReply]) -> Iterator[PlacedReply]:
    """Cut texts where sentences end. No mention is cut through.

    A line that has mentions in several sentences is a line of each. Lines without a
    mention come as a reply of their own, to the whole text.

    replies (Iterable[PlacedReply]): Passages with placed mentions.
    YIELDS (PlacedReply): Sentences with theirs.
    """
    nlp = spacy.blank("en")
    nlp.add_pipe("sentencizer")
    for reply in replies:
        edges = _find_edges(nlp, reply)
        if len(edges) <= 2:
            yield reply
            continue
        for n, (start, end) in enumerate(pairwise(edges)):
            mentions = [
                m._replace(start=m.start - start, end=m.end - start)
                for m in reply.mentions
                if start <= m.start and m.end <= end
            ]
            text = reply.text[start:end].rstrip()
            n_lines = len({mention.line for mention in mentions})
            yield PlacedReply(f"{reply.id}.{n}", text, mentions, [], n_lines)
        placed = {mention.line for mention in reply.mentions}
        if n_rest := reply.n_lines - len(placed):
            yield PlacedReply(reply.id, reply.text, [], reply.drops, n_rest)


def _find_edges(nlp: Language, reply: PlacedReply) -> list[int]:
    """Find where sentences begin, and the end of the text."""
    starts = {
        token.idx
        for sent in nlp(reply.text).sents
        for token in [next((t for t in sent if not t.is_space), None)]
        if token is not None
    }
    inside = {
        start
        for mention in reply.mentions
        for start in starts
        if mention.start < start < mention.end
    }
    kept = sorted(starts - inside)
    return [*kept, len(reply.text)] if kept else []
