"""A repaired parser for replies to spacy-llm's NER v3 prompt.

The parser of `spacy.NER.v3` loses answers that are out of order, un-numbered, spelled a
little differently or found first inside of another word, and once the text holds "İ" it
shifts offsets (docs/annotation.md). This one places mentions as the annotation does.
Registered as `spacy-nuner.NERv3Parser.v1` (misc), for `parse_responses` of the task.
"""

import logging
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple

from spacy.tokens import Doc, Span

from spacy_nuner.annotate.replies.align import place
from spacy_nuner.annotate.replies.parser import Peeled, order_forms, peel, reply_lines
from spacy_nuner.annotate.replies.spans import find_tokens
from spacy_nuner.types import Annotation

if TYPE_CHECKING:
    from spacy_llm.tasks.span import SpanTask

logger = logging.getLogger(__name__)

Parser = Callable[
    ["SpanTask", Iterable[Iterable[Doc]], Iterable[Iterable[str]]],
    Iterator[list[list[Span]]],
]


class _Verdict(NamedTuple):
    annotation: Annotation
    label: str | None  # None: the LLM says that it is no entity of ours


def make_ner_v3_parser() -> Parser:
    """Make the parser (registered as `spacy-nuner.NERv3Parser.v1`).

    RETURNS (Parser): To be given to `spacy.NER.v3` as `parse_responses`.
    """
    return parse_responses


def parse_responses(
    task: "SpanTask",
    shards: Iterable[Iterable[Doc]],
    responses: Iterable[Iterable[str]],
) -> Iterator[list[list[Span]]]:
    """Parse replies to the NER v3 prompt.

    task (SpanTask): The task, for its labels.
    shards (Iterable[Iterable[Doc]]): The parts of each doc.
    responses (Iterable[Iterable[str]]): A reply for each part.
    YIELDS (list[list[Span]]): The entities of each part; overlaps are left to the task.
    """
    for docs, replies in zip(shards, responses, strict=False):
        yield [
            find_entities(doc, reply, normalize=task.normalizer, labels=task.label_dict)
            for doc, reply in zip(docs, replies, strict=False)
        ]


def find_entities(
    doc: Doc,
    reply: str,
    *,
    normalize: Callable[[str], str],
    labels: Mapping[str, str],
) -> list[Span]:
    """Place the entities of one reply in its doc: all occurrences of each.

    Where the LLM gave one entity several labels, they go to its occurrences in order.

    doc (Doc): The text.
    reply (str): Lines `1. text | True | LABEL | reason`.
    normalize (Callable[[str], str]): Makes labels comparable.
    labels (Mapping[str, str]): Normalized label -> label.
    RETURNS (list[Span]): Entities in the order of the text.
    """
    verdicts = _read_verdicts(reply, normalize, labels)
    mentions, drops = place(doc.text, [verdict.annotation for verdict in verdicts])
    for drop in drops:
        logger.debug("NER v3 reply, not placed (%s): %s", drop.reason, drop.content)
    offsets_of: dict[int, list[tuple[int, int]]] = {}
    for mention in mentions:
        offsets_of.setdefault(mention.line, []).append((mention.start, mention.end))
    labels_of: dict[tuple[tuple[int, int], ...], list[str | None]] = {}
    for annotation, label in verdicts:
        if offsets := offsets_of.get(annotation.line):
            labels_of.setdefault(tuple(offsets), []).append(label)
    spans = set()
    for offsets, given in labels_of.items():
        for i, (start, end) in enumerate(offsets):
            label = given[min(i, len(given) - 1)]
            first, last = find_tokens(doc, start, end)
            if label is not None and first < last:
                spans.add(Span(doc, first, last, label=label))
    return sorted(spans)


def _read_verdicts(
    reply: str, normalize: Callable[[str], str], labels: Mapping[str, str]
) -> list[_Verdict]:
    """Read the lines; those that name neither a label nor ==NONE== are left out."""
    peeled: list[Peeled] = []
    verdicts: list[_Verdict] = []
    for index, line in reply_lines(reply):
        fields = [field.strip() for field in line.strip().strip("|").split("|")]
        answers = [field.strip("*_` ").lower() for field in fields]
        at = next(
            (
                i
                for i, answer in enumerate(answers)
                if i and answer in ("true", "false")
            ),
            None,
        )
        if at is None:  # "Paris | LOC": the verdict was left out
            at, is_entity = 0, True
        else:
            is_entity = answers[at] == "true"
        name = fields[at + 1].strip("*_` ") if at + 1 < len(fields) else ""
        label = labels.get(normalize(name)) if is_entity else None
        raw = "|".join(fields[: max(at, 1)]).strip()
        if not raw or (is_entity and label is None):
            logger.debug("NER v3 reply, line not understood: %s", line)
            continue
        peeled.append(peel(raw))
        # the line stands in for the concept: lines must not fall together here
        annotation = Annotation(peeled[-1].forms[-1], str(index), "", index, line)
        verdicts.append(_Verdict(annotation, label))
    forms = order_forms(peeled)
    return [
        _Verdict(annotation._replace(forms=forms[i]), label)
        for i, (annotation, label) in enumerate(verdicts)
    ]
