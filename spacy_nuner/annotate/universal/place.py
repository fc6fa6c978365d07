"""Answers about the types of a text -> spans of its tokens, and `doc.ents`."""

from collections.abc import Iterable, Sequence

from spacy.tokens import Span

from spacy_nuner.annotate.replies.align import place
from spacy_nuner.annotate.replies.spans import find_tokens
from spacy_nuner.annotate.universal.reply import parse_list
from spacy_nuner.types import Annotation, Drop


def place_answers(
    piece: Span, labels: Sequence[str], replies: Sequence[str]
) -> tuple[list[Span], list[Drop]]:
    """Place the answers to all questions about a piece of text.

    Every whole-word occurrence counts, as in the annotation: the model gives strings,
    not places.

    piece (Span): The text that was asked about.
    labels (Sequence[str]): The label of each question.
    replies (Sequence[str]): The reply to each.
    RETURNS (tuple[list[Span], list[Drop]]): Spans, those of different labels may
        overlap; and what was lost, with the number of its question as line.
    """
    drops: list[Drop] = []
    annotations: list[Annotation] = []
    question_of: list[int] = []
    for number, (label, reply) in enumerate(zip(labels, replies, strict=True)):
        strings, lost = parse_list(reply)
        drops += [Drop(number, _tell(text, label), reason) for text, reason in lost]
        for string in strings:
            content = _tell(string, label)
            line = len(annotations)
            annotations.append(Annotation(string, label, "", line, content, (string,)))
            question_of.append(number)
    mentions, missed = place(piece.text, annotations)
    drops += [drop._replace(line=question_of[drop.line]) for drop in missed]
    spans: list[Span] = []
    seen: set[tuple[int, int, str]] = set()
    for mention in mentions:
        start, end = piece.start_char + mention.start, piece.start_char + mention.end
        first, last = find_tokens(piece.doc, start, end)
        key = (first, last, mention.concept)
        if first == last or key in seen:
            content = _tell(piece.doc.text[start:end], mention.concept)
            reason = "token_edges" if first == last else "duplicate"
            drops.append(Drop(question_of[mention.line], content, reason))
        else:
            seen.add(key)
            spans.append(Span(piece.doc, first, last, label=mention.concept))
    return spans, drops


def choose_entities(
    spans: Iterable[Span], labels: Sequence[str]
) -> tuple[list[Span], list[Drop]]:
    """Choose entities that do not overlap.

    Types are asked for one by one, so two may claim one word. The longer span wins, of
    equally long ones that which begins earlier, of the same stretch the label that
    stands first in the config.

    spans (Iterable[Span]): Spans of one doc.
    labels (Sequence[str]): Labels in the order of the config.
    RETURNS (tuple[list[Span], list[Drop]]): Entities in the order of the text; and the
        others, as "overlap".
    """
    order = {label: number for number, label in enumerate(labels)}
    ranked = sorted(spans, key=lambda s: (s.start - s.end, s.start, order[s.label_]))
    taken: set[int] = set()
    chosen: list[Span] = []
    drops: list[Drop] = []
    for span in ranked:
        tokens = range(span.start, span.end)
        if taken.isdisjoint(tokens):
            taken.update(tokens)
            chosen.append(span)
        else:
            content = _tell(span.text, span.label_)
            drops.append(Drop(order[span.label_], content, "overlap"))
    return sorted(chosen), drops


def _tell(content: str, label: str) -> str:
    return f"{content} <> {label}"
