"""A concept corpus as sub-tokens: tokenised once, kept in flat arrays."""

import hashlib
import logging
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from transformers import PreTrainedTokenizerBase

from ..errors import Warnings
from .ragged import Ints, Ragged, join
from .tokenise import (
    Losses,
    Subtokens,
    Tokenisation,
    encode_concepts,
    tokenise,
    without_sentence,
)

if TYPE_CHECKING:
    from spacy.tokens import Doc

__all__ = ["Ints", "Losses", "Ragged", "SubtokenCorpus", "Subtokens", "make_corpus"]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class SubtokenCorpus:
    """Sentences and concepts as ids of sub-tokens, and which belong together.

    A positive is a pair (valid sub-token of a sentence, concept): every sub-token that
    shares a character with a mention is one for the mention's concept.
    """

    ids: Ragged  # sub-token ids of each sentence, special ones included
    valid: Ragged  # positions in `ids` that are scored: no special ones
    positive_tokens: Ragged  # indices into the sentence's `valid`
    positive_concepts: Ragged  # parallel to it: indices into `concepts`
    concepts: list[str]
    concept_ids: Ragged  # sub-token ids of each concept
    pad_id: int
    concept_pad_id: int
    n_mentions: int
    losses: Losses = field(default_factory=Losses)
    sha256: str = ""  # the digest, where it is known
    folder: Path | None = None  # of the index, where there is one

    def __len__(self) -> int:
        return len(self.ids)

    def digest(self) -> str:
        """Identify the data: texts, mentions and both tokenizers decide it.

        RETURNS (str): SHA-256.
        """
        if self.sha256:
            return self.sha256
        state = hashlib.sha256("\n".join(self.concepts).encode("utf8"))
        rows = (self.ids, self.positive_tokens, self.positive_concepts)
        for part in (*rows, self.concept_ids):
            state.update(part.data.data)
            state.update(part.starts.data)
        return state.hexdigest()


def make_corpus(
    docs: Iterable["Doc"],
    tokenizer: PreTrainedTokenizerBase,
    *,
    max_length: int,
    max_concept_length: int,
    source: str,
    concept_tokenizer: PreTrainedTokenizerBase | None = None,
    subtokens: Subtokens = "all",
) -> SubtokenCorpus:
    """Tokenise a concept corpus. What is cut or left out is counted and logged.

    docs (Iterable[Doc]): Documents with mentions in `doc.spans["concepts"]`.
    tokenizer (PreTrainedTokenizerBase): The text encoder's tokenizer.
    max_length (int): Sub-tokens of a sentence, special ones included.
    max_concept_length (int): Sub-tokens of a concept, special ones included.
    source (str): Name of the data in messages.
    concept_tokenizer (PreTrainedTokenizerBase | None): The concept encoder's; None: the
        same.
    subtokens (Subtokens): Which are scored: "all" or the "first" of each word.
    RETURNS (SubtokenCorpus): The corpus, in memory.
    RAISES (ValueError): If no document has a mention that is not cut off.
    """
    how = Tokenisation(
        tokenizer=tokenizer,
        concept_tokenizer=concept_tokenizer or tokenizer,
        max_length=max_length,
        max_concept_length=max_concept_length,
        subtokens=subtokens,
    )
    return gather_corpus(docs, how, source=source)


def gather_corpus(
    docs: Iterable["Doc"], how: Tokenisation, *, source: str
) -> SubtokenCorpus:
    """Tokenise a concept corpus into memory.

    docs (Iterable[Doc]): Documents with mentions in `doc.spans["concepts"]`.
    how (Tokenisation): Tokenizers and limits.
    source (str): Name of the data in messages.
    RETURNS (SubtokenCorpus): The corpus.
    RAISES (ValueError): If no document has a mention that is not cut off.
    """
    index: dict[str, int] = {}
    losses = Losses()
    chunks = list(tokenise(docs, how, concepts=index, losses=losses))
    if not chunks:
        raise without_sentence(losses, how, source)
    names = list(index)
    corpus = SubtokenCorpus(
        ids=join(chunk.ids for chunk in chunks),
        valid=join(chunk.valid for chunk in chunks),
        positive_tokens=join(chunk.positive_tokens for chunk in chunks),
        positive_concepts=join(chunk.positive_concepts for chunk in chunks),
        concepts=names,
        concept_ids=join(encode_concepts(names, how, losses)),
        pad_id=int(how.tokenizer.pad_token_id or 0),
        concept_pad_id=int(how.concept_tokenizer.pad_token_id or 0),
        n_mentions=sum(chunk.n_mentions for chunk in chunks),
        losses=losses,
    )
    log_corpus(corpus, source)
    return corpus


def log_corpus(corpus: SubtokenCorpus, source: str) -> None:
    """Log how large a corpus is and what is missing of it.

    corpus (SubtokenCorpus): The corpus.
    source (str): Name of the data.
    """
    logger.info(
        "%s: %d sentences, %d sub-tokens, %d mentions, %d concepts",
        source,
        len(corpus),
        len(corpus.valid.data),
        corpus.n_mentions,
        len(corpus.concepts),
    )
    losses = corpus.losses
    total = len(corpus) + losses.empty + losses.cut_off
    for count, reason in (
        (losses.empty, "they have no mention"),
        (losses.cut_off, "max_length cuts off all of their mentions"),
    ):
        if count:
            at = {"count": count, "total": total, "what": f"sentences of {source}"}
            logger.warning(Warnings.W001.format(**at, reason=reason))
    if losses.texts or losses.mentions or losses.concepts:
        logger.warning(
            Warnings.W301.format(
                source=source,
                texts=losses.texts,
                subtokens=losses.subtokens,
                mentions=losses.mentions,
                concepts=losses.concepts,
            )
        )
