"""Read a concept corpus: the `spacy_readers` entry `spacy-nuner.ConceptCorpus.v1`."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.vocab import Vocab

from ..errors import Errors
from .registries import settled_registries

# Documents of a shard that are in memory together
DOCS_AT_ONCE = 1000


@dataclass(frozen=True)
class ConceptReader:
    """Reads one part of a concept corpus, as spaCy asks for it."""

    path: str | Path
    limit: int = 0

    def __call__(self, nlp: Language) -> Iterator[Example]:
        """Read the documents.

        nlp (Language): its vocabulary is that of the documents.
        YIELDS (Example): the predicted side has the reference's tokens and nothing
            else.
        """
        for doc in read_docs(self.path, nlp.vocab, limit=self.limit):
            spaces = [bool(token.whitespace_) for token in doc]
            words = [token.text for token in doc]
            yield Example(Doc(nlp.vocab, words=words, spaces=spaces), doc)

    def read_docs(self) -> Iterator[Doc]:
        """Read the documents alone: no predicted side, which takes as long again.

        YIELDS (Doc): see the function `read_docs`. They have one vocabulary per shard,
            so that memory does not grow with the words of the corpus.
        """
        return read_docs(self.path, None, limit=self.limit)

    def fingerprint(self) -> str:
        """Identify what will be read by the content of the files, not by their names.

        Pre-training keeps what it makes of the documents for as long as this is the
        same.

        RETURNS (str): SHA-256.
        """
        state = hashlib.sha256(str(self.limit).encode())
        for shard in find_shards(self.path):
            with shard.open("rb") as file:
                state.update(hashlib.file_digest(file, "sha256").digest())
        return state.hexdigest()


def create_concept_reader(path: str | Path, limit: int = 0) -> ConceptReader:
    """Make a reader of one part of a concept corpus.

    path (str | Path): a folder of DocBin shards, such as `corpus/concepts/train`,
        or a single `.spacy` file.
    limit (int): read at most so many documents; 0 means all.
    RETURNS (ConceptReader): the reader.
    """
    return ConceptReader(path, limit)


def read_docs(
    path: str | Path, vocab: Vocab | None, *, limit: int = 0
) -> Iterator[Doc]:
    """Read the documents of all shards in the order in which they were written.

    path (str | Path): a folder of DocBin shards or a single `.spacy` file.
    vocab (Vocab | None): the vocabulary that the documents share; None: those of a
        shard share an empty one.
    limit (int): read at most so many documents; 0 means all.
    YIELDS (Doc): mentions in `doc.spans["concepts"]`, span label = concept;
        `doc.user_data["id"]`, `doc.user_data["descriptions"]` (parallel to the spans).
    RAISES (FileNotFoundError): if there is no shard.
    """
    docs = (doc for shard in find_shards(path) for doc in _read_shard(shard, vocab))
    for doc in islice(docs, limit or None):
        # msgpack gives lists back as tuples
        doc.user_data["descriptions"] = list(doc.user_data.get("descriptions", []))
        yield doc


def _read_shard(path: Path, vocab: Vocab | None) -> Iterator[Doc]:
    vocab = Vocab() if vocab is None else vocab
    docs = DocBin().from_disk(path).get_docs(vocab)
    while True:
        # Not around the `yield`: the registries are everybody's
        with settled_registries():
            some = list(islice(docs, DOCS_AT_ONCE))
        if not some:
            return
        yield from some


def find_shards(path: str | Path) -> list[Path]:
    """List the shards of a folder by name; a single file is its own shard.

    path (str | Path): a folder of DocBin shards or a single `.spacy` file.
    RETURNS (list[Path]): the shards, at least one.
    RAISES (FileNotFoundError): if the path or the shards are missing.
    """
    path = Path(path)
    if path.is_file():
        return [path]
    if not path.is_dir():
        raise FileNotFoundError(Errors.N001.format(what="concept corpus", path=path))
    shards = sorted(path.glob("*.spacy"))
    if not shards:
        raise FileNotFoundError(Errors.N201.format(path=path))
    return shards
