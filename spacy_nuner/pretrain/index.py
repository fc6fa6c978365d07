"""The index of a concept corpus: its sub-tokens on the disk, memory-mapped in each run.

A corpus of a million sentences is tokenised once, chunk by chunk. From then on a run
opens files: neither documents nor lists of sentences are ever in memory as a whole.
"""

import hashlib
import json
import logging
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from uuid import uuid4

import tokenizers
from tqdm import tqdm
from transformers import PreTrainedTokenizerBase

from .ragged import Ragged
from .store import StoreWriter, get_ragged, load_store
from .tokenise import (
    Losses,
    Tokenisation,
    encode_concepts,
    tokenise,
    without_sentence,
)
from .wordpieces import SubtokenCorpus, log_corpus

if TYPE_CHECKING:
    from spacy.tokens import Doc

logger = logging.getLogger(__name__)

# Has to rise when other arrays are made of the same documents
FORMAT = 1
# The bar comes up after so many seconds
DELAY = 2.0
# Arrays of the corpus: of sentences, and of concepts
ROWS = ("ids", "valid", "positive_tokens", "positive_concepts")
CONCEPT_IDS = "concept_ids"


class IndexingStopped(Exception):
    """The user asked to stop before the corpus, and what follows from it, was ready."""


def make_key(fingerprint: str, how: Tokenisation) -> str:
    """Identify what an index is made from.

    fingerprint (str): Identifies the documents.
    how (Tokenisation): Tokenizers and limits.
    RETURNS (str): SHA-256.
    """
    parts = {
        "format": FORMAT,
        "documents": fingerprint,
        "tokenizer": describe_tokenizer(how.tokenizer),
        "concept_tokenizer": describe_tokenizer(how.concept_tokenizer),
        "tokenizers": tokenizers.__version__,
        "max_length": how.max_length,
        "max_concept_length": how.max_concept_length,
        "subtokens": how.subtokens,
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def describe_tokenizer(tokenizer: PreTrainedTokenizerBase) -> list[Any]:
    """Identify a tokenizer by all that decides what it makes of a text.

    tokenizer (PreTrainedTokenizerBase): A fast tokenizer.
    RETURNS (list[Any]): Its class, SHA-256 of its parts, id of the padding.
    """
    parts = json.loads(tokenizer.backend_tokenizer.to_str())
    # Each call sets them anew
    del parts["truncation"], parts["padding"]
    digest = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    return [type(tokenizer).__name__, digest, tokenizer.pad_token_id]


def load_index(
    folder: Path,
    docs: Iterable["Doc"],
    how: Tokenisation,
    *,
    fingerprint: str | None,
    source: str,
    should_stop: Callable[[], bool],
) -> SubtokenCorpus:
    """Open the index of a corpus. If there is none that fits, make it.

    folder (Path): Folder of the index.
    docs (Iterable[Doc]): Documents with mentions in `doc.spans["concepts"]`; not read
        where there is an index.
    how (Tokenisation): Tokenizers and limits.
    fingerprint (str | None): Identifies the documents; None: nobody can tell whether
        they are the same, and the index is made anew.
    source (str): Name of the data in messages.
    should_stop (Callable[[], bool]): Asked after each chunk but the last.
    RETURNS (SubtokenCorpus): The corpus, memory-mapped.
    RAISES (ValueError): If no document has a mention that is not cut off.
    RAISES (IndexingStopped): If `should_stop` says so.
    """
    key = uuid4().hex if fingerprint is None else make_key(fingerprint, how)

    def fill(writer: StoreWriter) -> None:
        write_index(writer, docs, how, source=source, should_stop=should_stop)

    store = load_store(folder, key, fill)
    rows = {name: get_ragged(store.arrays, name) for name in (*ROWS, CONCEPT_IDS)}
    corpus = _make_corpus(rows, store.header, folder)
    log_corpus(corpus, source)
    return corpus


def write_index(
    writer: StoreWriter,
    docs: Iterable["Doc"],
    how: Tokenisation,
    *,
    source: str,
    should_stop: Callable[[], bool],
) -> None:
    """Tokenise a concept corpus into the arrays of an index.

    writer (StoreWriter): Takes the arrays.
    docs (Iterable[Doc]): Documents with mentions in `doc.spans["concepts"]`.
    how (Tokenisation): Tokenizers and limits.
    source (str): Name of the data in messages.
    should_stop (Callable[[], bool]): Asked after each chunk but the last.
    RAISES (ValueError): If no document has a mention that is not cut off.
    RAISES (IndexingStopped): If `should_stop` says so.
    """
    index: dict[str, int] = {}
    losses, n_mentions = Losses(), 0
    bar: tqdm[Any] = tqdm(
        desc=f"indexing {source}", unit="sent", delay=DELAY, disable=None
    )
    with bar:
        chunks = tokenise(docs, how, concepts=index, losses=losses)
        for n, chunk in enumerate(chunks):
            if n and should_stop():
                raise IndexingStopped
            for name in ROWS:
                writer.append_ragged(name, getattr(chunk, name))
            n_mentions += chunk.n_mentions
            bar.update(len(chunk.ids))
    if not index:
        raise without_sentence(losses, how, source)
    names = list(index)
    for ids in encode_concepts(names, how, losses):
        writer.append_ragged(CONCEPT_IDS, ids)
    header = {
        "concepts": names,
        "pad_id": int(how.tokenizer.pad_token_id or 0),
        "concept_pad_id": int(how.concept_tokenizer.pad_token_id or 0),
        "n_mentions": n_mentions,
        "losses": asdict(losses),
        "sha256": "",
    }
    rows = {name: writer.read_ragged(name) for name in (*ROWS, CONCEPT_IDS)}
    digest = _make_corpus(rows, header, writer.folder).digest()
    writer.header = header | {"sha256": digest}


def _make_corpus(
    rows: dict[str, Ragged], header: dict[str, Any], folder: Path
) -> SubtokenCorpus:
    return SubtokenCorpus(
        ids=rows["ids"],
        valid=rows["valid"],
        positive_tokens=rows["positive_tokens"],
        positive_concepts=rows["positive_concepts"],
        concepts=header["concepts"],
        concept_ids=rows[CONCEPT_IDS],
        pad_id=header["pad_id"],
        concept_pad_id=header["concept_pad_id"],
        n_mentions=header["n_mentions"],
        losses=Losses(**header["losses"]),
        sha256=header["sha256"],
        folder=folder,
    )
