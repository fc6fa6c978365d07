"""The docs of a part of the concept corpus."""

from collections.abc import Iterator
from pathlib import Path

from spacy.tokens import Doc, DocBin
from spacy.vocab import Vocab

from ..errors import Errors

SPANS_KEY = "concepts"


def read_docs(folder: Path, vocab: Vocab) -> Iterator[Doc]:
    """Read the docs of a part of the corpus.

    folder (Path): Folder of DocBin files.
    vocab (Vocab): Vocab of the docs.
    YIELDS (Doc): Docs with mentions in `doc.spans[SPANS_KEY]`.
    RAISES (ValueError): If there are no files.
    """
    paths = sorted(folder.glob("*.spacy"))
    if not paths:
        raise ValueError(Errors.N001.format(what="DocBin files in", path=folder))
    for path in paths:
        yield from DocBin().from_disk(path).get_docs(vocab)
