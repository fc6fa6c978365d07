"""Cut long passages with their mentions into sentences."""

from collections.abc import Iterator
from itertools import pairwise

from spacy.pipeline import Sentencizer
from spacy.tokenizer import Tokenizer

from .stats import PlacedReply


def cut_reply(
    tokenizer: Tokenizer, sentencizer: Sentencizer, reply: PlacedReply
) -> Iterator[PlacedReply]:
    """Cut a text where sentences end. No mention is cut through.

    A line that has mentions in several sentences is a line of each. Lines without a
    mention come as a reply of their own, to the whole text.

    tokenizer (Tokenizer): Finds the tokens.
    sentencizer (Sentencizer): Finds the sentences.
    reply (PlacedReply): A passage with placed mentions.
    YIELDS (PlacedReply): Sentences with theirs.
    """
    edges = _find_edges(tokenizer, sentencizer, reply)
    if len(edges) <= 2:
        yield reply
        return
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


def _find_edges(
    tokenizer: Tokenizer, sentencizer: Sentencizer, reply: PlacedReply
) -> list[int]:
    """Find where sentences begin, and the end of the text."""
    starts = {
        token.idx
        for sent in sentencizer(tokenizer(reply.text)).sents
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
