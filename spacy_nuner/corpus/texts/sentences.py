"""Documents -> sentences, by spaCy."""

import re
from collections.abc import Callable, Iterator
from itertools import pairwise
from types import SimpleNamespace
from typing import Any, NamedTuple

from spacy.language import Language, create_tokenizer
from spacy.pipeline import Sentencizer
from spacy.tokens import Doc
from spacy.util import get_lang_class, load_model
from spacy.vocab import create_vocab

from ...errors import Errors

SENTENCIZER = "sentencizer"
# A tokenizer takes a word apart in time that grows with the square of its length:
# 10,000 brackets cost it half a minute
MAX_WORD = 200
MAX_BLOCK = 20_000  # characters that are tokenised at once
# A vocabulary never forgets a word, so there is a new one when it has so many; what a
# tokenizer remembers it does not cut again, at a quarter of the time
MAX_WORDS = 150_000
BROKEN_WORD, CUT = "long_word", "cut"  # why a piece is no sentence
LONG_WORD = re.compile(rf"\S{{{MAX_WORD + 1},}}")

SplitT = Callable[[str], list["Piece"]]


class Piece(NamedTuple):
    """A sentence of a document, or what could not be one."""

    text: str  # white space folded
    n_tokens: int
    reason: str = ""  # why it is no sentence


def make_splitter(pipeline: str = SENTENCIZER, language: str = "en") -> SplitT:
    """Make a function that cuts documents into sentences.

    A line never holds a part of a sentence that began on another, as in C4, where a
    line is a paragraph.

    pipeline (str): "sentencizer", which goes by punctuation, or the name or path of a
        pipeline that sets sentence starts.
    language (str): the language of the tokenizer, for "sentencizer".
    RETURNS (SplitT): takes a text, gives its pieces in order.
    RAISES (ValueError): if the pipeline is not there or sets no sentence starts.
    """
    try:
        load = _load_sentencizer if pipeline == SENTENCIZER else _load_pipeline
        nlp = load(language if pipeline == SENTENCIZER else pipeline)
        is_split = nlp("A sentence. Another.").has_annotation("SENT_START")
    except (OSError, ImportError, ValueError) as error:
        message = Errors.N254.format(pipeline=pipeline, problem=error)
        raise ValueError(message) from None
    if not is_split:
        problem = "it sets no sentence starts"
        raise ValueError(Errors.N254.format(pipeline=pipeline, problem=problem))

    def split(text: str) -> list[Piece]:
        nonlocal nlp
        if pipeline == SENTENCIZER and len(nlp.vocab) > MAX_WORDS:
            nlp = load(language)
        return list(_split(nlp, text))

    return split


def _load_sentencizer(language: str) -> Any:
    # not `spacy.blank`, which imports the factories of all installed packages: seconds
    # and 100 MB in each process
    defaults = get_lang_class(language).Defaults
    vocab = create_vocab(language, defaults)
    of_language: Any = SimpleNamespace(vocab=vocab, Defaults=defaults)
    tokenizer = create_tokenizer()(of_language)
    if hasattr(tokenizer, "max_cache_size"):  # that of Japanese has none
        tokenizer.max_cache_size = MAX_WORDS
    return _Chain(vocab, tokenizer, Sentencizer())


class _Chain(NamedTuple):
    vocab: Any
    tokenizer: Callable[[str], Doc]
    sentencizer: Sentencizer

    def __call__(self, text: str) -> Doc:
        return self.sentencizer(self.tokenizer(text))


def _load_pipeline(name: str) -> Language:
    return load_model(name, exclude=["ner", "textcat", "lemmatizer", "nuner"])


def _split(nlp: Callable[[str], Doc], text: str) -> Iterator[Piece]:
    lines: list[str] = []
    for line in (" ".join(line.split()) for line in text.splitlines()):
        if LONG_WORD.search(line):
            yield from _split_block(nlp, lines)
            lines = []
            yield Piece(line[:MAX_BLOCK], 0, BROKEN_WORD)
        elif len(line) > MAX_BLOCK:
            yield from _split_block(nlp, lines)
            lines = []
            yield from _split_line(nlp, line)
        elif line:
            if sum(map(len, lines)) + len(line) > MAX_BLOCK:
                yield from _split_block(nlp, lines)
                lines = []
            lines.append(line)
    yield from _split_block(nlp, lines)


def _split_line(nlp: Callable[[str], Doc], line: str) -> Iterator[Piece]:
    """Split a line that is too long to be tokenised at once."""
    edges = [0]
    while len(line) - edges[-1] > MAX_BLOCK:
        edges.append(line.rindex(" ", 0, edges[-1] + MAX_BLOCK))
    for start, end in pairwise([*edges, len(line)]):
        pieces = list(_split_block(nlp, [line[start:end].strip()]))
        for i, piece in enumerate(pieces):
            is_last = i == len(pieces) - 1
            is_cut = (i == 0 and start > 0) or (is_last and end < len(line))
            yield piece._replace(reason=CUT) if is_cut else piece


def _split_block(nlp: Callable[[str], Doc], lines: list[str]) -> Iterator[Piece]:
    if not lines:
        return
    text = "\n".join(lines)
    start, end, n_tokens = 0, 0, 0
    for token in nlp(text):
        is_space = token.is_space  # a line break is a token of its own
        if n_tokens and (is_space or token.is_sent_start):
            yield Piece(text[start:end], n_tokens)
            n_tokens = 0
        if not is_space:
            if not n_tokens:
                start = token.idx
            end = token.idx + len(token)
            n_tokens += 1
    if n_tokens:
        yield Piece(text[start:end], n_tokens)
