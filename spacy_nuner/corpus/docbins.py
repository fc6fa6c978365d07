"""Annotated sentences in spaCy's own files, `.spacy`."""

from pathlib import Path

from spacy.attrs import ENT_IOB
from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from .annotated import Annotated, CharSpan, Problem, Reading, bad


def read_docbin(path: Path) -> Reading:
    """Read the docs of a file with their entities.

    What is marked as missing stays so: neither an entity nor none.

    path (Path): The file.
    RETURNS (Reading): The sentences; docs without any annotation as problems.
    RAISES (ValueError): If the file cannot be read.
    """
    try:
        docs = list(DocBin().from_disk(path).get_docs(Vocab()))
    except Exception as error:  # zlib, msgpack, missing keys: whatever a file holds
        expected = "a file that 'DocBin.to_disk' wrote"
        raise bad(path, "the file", "not a DocBin", repr(error), expected) from None
    reading = Reading([], [], [])
    for number, doc in enumerate(docs, start=1):
        place = f"doc {number}"
        if len(doc) and not doc.has_annotation("ENT_IOB"):
            keys = ", ".join(doc.spans)
            detail = "left out, since nobody has annotated its entities"
            detail += f" (it has spans: {keys})" if keys else ""
            reading.problems.append(Problem("refused", path, place, detail))
            continue
        spans = [CharSpan(e.start_char, e.end_char, e.label_) for e in doc.ents]
        missing = tuple(_list_missing(doc))
        reading.sentences.append(Annotated(doc.text, spans, path, place, missing))
    return reading


def _list_missing(doc: Doc) -> list[tuple[int, int]]:
    unknown = doc.to_array(ENT_IOB) == 0
    return [(t.idx, t.idx + len(t)) for t in doc if unknown[t.i] and not t.is_space]
