"""From characters to tokens: annotated sentences as docs, and what did not fit."""

from collections.abc import Iterable
from typing import NamedTuple, cast

from spacy.language import Language
from spacy.tokens import Doc, Span

from .annotated import Annotated, CharSpan, Problem, tell


class Aligned(NamedTuple):
    """Docs with gold entities and the sentences that they were made from."""

    docs: list[Doc]
    sentences: list[Annotated]
    problems: list[Problem]


def make_docs(nlp: Language, sentences: Iterable[Annotated]) -> Aligned:
    """Tokenise sentences and set their entities; nothing is lost without a word.

    White space at the edges of a span is taken off. A span that lacks only punctuation
    to end with a token ("150 N" where the token is "N.") gets it. One that begins or
    ends within a word leaves the tokens it touches without annotation: neither an
    entity nor none. Of overlapping spans the longest stays, of equal ones the first.

    nlp (Language): Pipeline whose tokeniser is used.
    sentences (Iterable[Annotated]): The sentences.
    RETURNS (Aligned): The docs; blank sentences are left out.
    """
    aligned = Aligned([], [], [])
    for sentence in sentences:
        if not sentence.text.strip():
            aligned.problems.append(tell("empty", sentence, "no text, left out"))
            continue
        doc = nlp.make_doc(sentence.text)
        aligned.problems.extend(_annotate(doc, sentence))
        aligned.docs.append(doc)
        aligned.sentences.append(sentence)
    return aligned


def _annotate(doc: Doc, sentence: Annotated) -> list[Problem]:
    problems: list[Problem] = []
    found: list[Span] = []
    missing = [_expand(doc, start, end) for start, end in sentence.missing]
    for given in sorted(sentence.spans, key=_by_length):
        shown = f"“{sentence.text[given.start : given.end]}” ({given.label})"
        span = _trim(given, sentence.text)
        if span is None:
            problems.append(tell("blank", sentence, f"{shown} is white space only"))
            continue
        if span != given:
            detail = f"{shown} has white space at an edge, taken off"
            problems.append(tell("edges", sentence, detail))
        tokens = _expand(doc, span.start, span.end, span.label)
        if _cuts_word(tokens, span, sentence.text):
            missing.append(tokens)
            detail = f"{shown} begins or ends within a word of “{tokens.text}”"
            problems.append(tell("misaligned", sentence, detail))
            continue
        if (tokens.start_char, tokens.end_char) != span[:2]:
            detail = f"{shown} is taken as “{tokens.text}”, where tokens begin and end"
            problems.append(tell("expanded", sentence, detail))
        over = [e for e in found if e.start < tokens.end and tokens.start < e.end]
        if over:
            problems.append(_tell_overlap(tokens, over, shown, sentence))
        else:
            found.append(tokens)
    taken = {token.i for ent in found for token in ent}
    open_ = {token.i for span in missing for token in span} - taken
    doc.set_ents(found, missing=[doc[i : i + 1] for i in sorted(open_)])
    return problems


def _expand(doc: Doc, start: int, end: int, label: str = "") -> Span:
    """RETURNS (Span): The tokens that characters touch."""
    return cast(Span, doc.char_span(start, end, label, alignment_mode="expand"))


def _tell_overlap(
    span: Span, over: list[Span], shown: str, sentence: Annotated
) -> Problem:
    if any(_key(other) == _key(span) for other in over):
        return tell("repeated", sentence, f"{shown} is there twice")
    kept = f"“{over[0].text}” ({over[0].label_})"
    return tell("overlap", sentence, f"{shown} overlaps {kept}, which is kept")


def _cuts_word(touched: Span, span: CharSpan, text: str) -> bool:
    """Whether more than punctuation lies between a span and the tokens it touches."""
    before = text[touched.start_char : span.start]
    return any(c.isalnum() for c in before + text[span.end : touched.end_char])


def _key(span: Span) -> tuple[int, int, int]:
    return span.start, span.end, span.label


def _by_length(span: CharSpan) -> tuple[int, int]:
    return span.start - span.end, span.start


def _trim(span: CharSpan, text: str) -> CharSpan | None:
    covered = text[span.start : span.end]
    if not covered.strip():
        return None
    start = span.end - len(covered.lstrip())
    return CharSpan(start, span.start + len(covered.rstrip()), span.label)
