"""Read a concept corpus: the `spacy_readers` entry `spacy-nuner.ConceptCorpus.v1`."""

from collections.abc import Callable, Iterator
from itertools import islice
from pathlib import Path

from spacy.language import Language
from spacy.tokens import Doc, DocBin
from spacy.training import Example
from spacy.vocab import Vocab

from ..errors import Errors
from .registries import settled_registries


def create_concept_reader(
    path: str | Path, limit: int = 0
) -> Callable[[Language], Iterator[Example]]:
    """Make a reader of one part of a concept corpus.

    path (str | Path): a folder of DocBin shards, such as `corpus/concepts/train`,
        or a single `.spacy` file.
    limit (int): read at most so many documents; 0 means all.
    RETURNS (Callable[[Language], Iterator[Example]]): the reader. The predicted side
        of an example has the reference's tokens and nothing else.
    """

    def read_examples(nlp: Language) -> Iterator[Example]:
        for doc in read_docs(path, nlp.vocab, limit=limit):
            spaces = [bool(token.whitespace_) for token in doc]
            words = [token.text for token in doc]
            yield Example(Doc(nlp.vocab, words=words, spaces=spaces), doc)

    return read_examples


def read_docs(path: str | Path, vocab: Vocab, *, limit: int = 0) -> Iterator[Doc]:
    """Read the documents of all shards in the order in which they were written.

    path (str | Path): a folder of DocBin shards or a single `.spacy` file.
    vocab (Vocab): the vocabulary that the documents share.
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


def _read_shard(path: Path, vocab: Vocab) -> list[Doc]:
    with settled_registries():
        return list(DocBin().from_disk(path).get_docs(vocab))


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
