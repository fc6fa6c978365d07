"""The mentions of a concept corpus in characters, for those who look at them."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from .reader import read_docs
from .split import PARTS

SPANS_KEY = "concepts"


class MarkedText(NamedTuple):
    """A sentence with its mentions."""

    id: str
    text: str
    mentions: list[tuple[int, int, str, str]]  # start, end, concept, description


def read_marked(path: str | Path) -> Iterator[MarkedText]:
    """Read the sentences of a concept corpus, all parts of it.

    path (str | Path): `corpus/concepts`, one of its parts, or a `.spacy` file.
    YIELDS (MarkedText): a sentence; offsets are in characters.
    RAISES (FileNotFoundError): if there is no shard.
    """
    path = Path(path)
    parts = [path / part for part in PARTS if (path / part).is_dir()]
    # a part may be empty, a corpus may not
    parts = [part for part in parts if any(part.glob("*.spacy"))] or [path]
    for part in parts:
        for doc in read_docs(part, None):
            spans = doc.spans.get(SPANS_KEY, [])
            descriptions = doc.user_data["descriptions"] or [""] * len(spans)
            mentions = [
                (span.start_char, span.end_char, span.label_, description)
                for span, description in zip(spans, descriptions, strict=True)
            ]
            yield MarkedText(str(doc.user_data.get("id", "")), doc.text, mentions)
