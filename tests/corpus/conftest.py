"""Replies with their mentions, made by hand."""

from collections.abc import Callable

import pytest

from spacy_nuner.corpus.stats import PlacedReply
from spacy_nuner.types import Drop, Mention

MakeReply = Callable[..., PlacedReply]


@pytest.fixture
def make_reply() -> MakeReply:
    """Make a placed reply from pairs of (entity, concept), one line each."""

    def make(
        id: str, text: str, *pairs: tuple[str, str], drops: tuple[Drop, ...] = ()
    ) -> PlacedReply:
        mentions = []
        for line, (entity, concept) in enumerate(pairs):
            start = text.index(entity)
            end = start + len(entity)
            about = f"about {concept}"
            mentions.append(Mention(start, end, concept, about, "exact", line))
        return PlacedReply(id, text, mentions, drops, len(pairs) + len(drops))

    return make
