"""Convert a NER data set to DocBins: `{pool,test}.spacy` and `meta.json`."""

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from spacy.tokens import Doc, DocBin, Span
from spacy.vocab import Vocab

from .datasets import Dataset
from .files import replacing_dir, write_json
from .labels import read_labels
from .sentences import Sentence, read_sentences


def convert_dataset(dataset: Dataset, output_dir: str | Path) -> dict[str, Any]:
    """Convert a data set, all or nothing.

    Training sets that were drawn and saved in the folder stay there; each knows the
    data that it was drawn from. The test part stays as it is. From the pool go the
    sentences that stand in the test part too and those that come again, compared by
    their words; both are counted.

    dataset (Dataset): the files and their format.
    output_dir (str | Path): gets `pool.spacy`, `test.spacy`, `meta.json`.
    RETURNS (dict[str, Any]): the content of `meta.json`.
    RAISES (ValueError): on data that cannot be read, naming file and line.
    """
    labels = list(read_labels(dataset.labels))
    raw_pool, test = (
        list(read_sentences(path, dataset.format, labels=labels))
        for path in (dataset.pool, dataset.test)
    )
    pool, n_in_test, n_repeated = clean_pool(raw_pool, test)
    meta = {
        "dataset": dataset.name,
        "zero_shot_only": dataset.zero_shot_only,
        "labels": labels,
        "n_pool": len(pool),
        "n_test": len(test),
        "entities": {"pool": _count(pool, labels), "test": _count(test, labels)},
        "n_pool_left_out": {"in_test": n_in_test, "repeated": n_repeated},
        "n_bad_tags": {
            "pool": sum(sentence.n_bad_tags for sentence in raw_pool),
            "test": sum(sentence.n_bad_tags for sentence in test),
        },
        "n_split_tokens": {
            "pool": sum(sentence.n_split_tokens for sentence in raw_pool),
            "test": sum(sentence.n_split_tokens for sentence in test),
        },
        "sources": [
            {"path": path.as_posix(), "sha256": _sha256(path)}
            for path in (dataset.pool, dataset.test, dataset.labels)
        ],
    }
    with replacing_dir(output_dir, marker="meta.json", keep=["sets"]) as temp_dir:
        vocab = Vocab()
        for name, sentences in (("pool", pool), ("test", test)):
            docs = (make_ner_doc(vocab, sentence) for sentence in sentences)
            DocBin(attrs=["ENT_IOB", "ENT_TYPE"], docs=docs).to_disk(
                temp_dir / f"{name}.spacy"
            )
        write_json(temp_dir / "meta.json", meta)
    return meta


def clean_pool(
    pool: Iterable[Sentence], test: Iterable[Sentence]
) -> tuple[list[Sentence], int, int]:
    """Take the sentences out of the pool that are in the test part or come again.

    pool (Iterable[Sentence]): sentences to draw training sets from.
    test (Iterable[Sentence]): the test part.
    RETURNS (tuple[list[Sentence], int, int]): what is left, how many stood in the test
        part, and how many were repeats.
    """
    in_test = {tuple(sentence.words) for sentence in test}
    seen: set[tuple[str, ...]] = set()
    kept, n_in_test, n_repeated = [], 0, 0
    for sentence in pool:
        words = tuple(sentence.words)
        if words in in_test:
            n_in_test += 1
        elif words in seen:
            n_repeated += 1
        else:
            seen.add(words)
            kept.append(sentence)
    return kept, n_in_test, n_repeated


def make_ner_doc(vocab: Vocab, sentence: Sentence) -> Doc:
    """Make the gold document of a sentence; tokens outside of entities are "O".

    vocab (Vocab): the vocabulary.
    sentence (Sentence): words, spaces and spans.
    RETURNS (Doc): with `doc.ents`.
    """
    doc = Doc(vocab, words=sentence.words, spaces=sentence.spaces)
    doc.set_ents([Span(doc, *span) for span in sentence.spans], default="outside")
    return doc


def _count(sentences: Iterable[Sentence], labels: Sequence[str]) -> dict[str, int]:
    counts = Counter(span.label for sentence in sentences for span in sentence.spans)
    return {label: counts[label] for label in labels}


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
