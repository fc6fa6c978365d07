"""Training and dev part of a run: read, tokenised, and kept as an index."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from spacy import blank
from spacy.tokens import Doc
from spacy.util import registry
from thinc.api import Config

from ..hf import load_tokenizer
from .index import load_index
from .lengths import check_length
from .settings import set_steps
from .tokenise import Tokenisation
from .wordpieces import SubtokenCorpus, gather_corpus

# Its folder in the folder of a run
INDEX = "index"


def read_corpora(
    config: Config,
    folder: Path | None = None,
    *,
    should_stop: Callable[[], bool] = bool,
) -> tuple[SubtokenCorpus, SubtokenCorpus]:
    """Read and tokenise the training and the dev part.

    config (Config): The config, not interpolated.
    folder (Path | None): Where their indexes are kept; None: they are made in memory.
        A reader that has no `fingerprint` is read anew each time.
    should_stop (Callable[[], bool]): Asked now and then while a long part is indexed.
    RETURNS (tuple[SubtokenCorpus, SubtokenCorpus]): Train and dev.
    RAISES (ValueError): If `max_length` or `max_concept_length` does not fit its
        encoder, or if no sentence can be used.
    RAISES (IndexingStopped): If `should_stop` says so.
    """
    settings = set_steps(config, n_sentences=1)
    section = settings["pretrain"]
    model = registry.fill({"model": section["model"]})["model"]
    tokenizer = load_tokenizer(model["encoder"])
    second = model["concept_encoder"]
    how = Tokenisation(
        tokenizer=tokenizer,
        concept_tokenizer=tokenizer if second is None else load_tokenizer(second),
        max_length=section["max_length"],
        max_concept_length=section["max_concept_length"],
        subtokens=section["targets"]["subtokens"],
    )
    _check_lengths(how, encoder=model["encoder"], second=second or model["encoder"])
    corpora = {}
    for name, reader in registry.resolve(settings["corpus"]).items():
        source = f"corpus.{name}"
        docs = _read_docs(reader)
        if folder is None:
            corpora[name] = gather_corpus(docs, how, source=source)
        else:
            identify = getattr(reader, "fingerprint", None)
            corpora[name] = load_index(
                folder / name,
                docs,
                how,
                fingerprint=None if identify is None else identify(),
                source=source,
                should_stop=should_stop,
            )
    return corpora["train"], corpora["dev"]


def _check_lengths(how: Tokenisation, *, encoder: str, second: str) -> None:
    check_length(
        how.max_length, how.tokenizer, encoder=encoder, setting="pretrain.max_length"
    )
    check_length(
        how.max_concept_length,
        how.concept_tokenizer,
        encoder=second,
        setting="pretrain.max_concept_length",
    )


def _read_docs(reader: Any) -> Iterator[Doc]:
    # spaCy asks no more of a reader than examples
    if hasattr(reader, "read_docs"):
        yield from reader.read_docs()
    else:
        yield from (example.reference for example in reader(blank("en")))
