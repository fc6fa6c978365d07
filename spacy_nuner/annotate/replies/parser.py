"""Reply of an LLM -> annotations: plain functions on plain strings.

The LLM was asked for lines `entity <> concept <> description` (paper, Figure 2) and
mostly obeys. Numbers, bullets, bold, quotes, table rows and slips of the separator are
understood; what is not ends as a `Drop` with its reason, never in silence.
"""

import re
from collections.abc import Sequence
from typing import Final, Literal, NamedTuple, get_args

from spacy_nuner.annotate.replies.concepts import (
    MAX_CONCEPT,
    clean_concept,
    clean_description,
    is_phrase,
    is_too_long,
)
from spacy_nuner.annotate.replies.json_reply import is_json, reply_lines, split_element
from spacy_nuner.types import Annotation, Drop

Reason = Literal[
    "malformed",  # JSON that can't be read, or has not the fields
    "noise",  # not a line of the format: a preface, a code fence, a rule of a table
    "ambiguous",  # it can't be told which `<` separates the fields
    "header",  # echoes the format: "entity <> concept <> description"
    "no_entity",  # the entity is empty, or only markup
    "no_concept",  # the concept is missing, empty or only punctuation
    "long_concept",  # the concept is a text of its own
    "no_phrase",  # the concept is an address, HTML or a template, not words
    "nothing",  # says that there is nothing (more) to find
    "generic_concept",  # the sentence holds the concept "concept" (Section 3.1)
    "not_found",  # the entity does not stand in the text
    "inside_word",  # the entity stands in the text only inside longer words
    "duplicate",  # an earlier line of the reply gave the same mentions
    "token_edges",  # the mention does not begin and end where tokens do
]
REASONS: Final[frozenset[str]] = frozenset(get_args(Reason))

GENERIC_CONCEPT: Final = "concept"
_MAX_LAYERS: Final = 8  # "((((…" must not become a thousand forms to look for


class Peeled(NamedTuple):
    """An entity under layers of markup, as `peel` takes them off."""

    forms: tuple[str, ...]  # from as written to bare
    kinds: tuple[str, ...]  # what each layer was: one less than forms
    number: int | None  # of the outermost layer, if that is a list number


_SEPARATOR = re.compile(r"<\s*>|&lt;\s*&gt;|＜\s*＞")
# A lone "<" counts only between words: not in "p < 0.05" or "x < y".
_WORDS_FOLLOW = r"(?=[*_`\"“\[]*[^\W\d_](?:[^\W\d_]|\s+\w))"
_LONE = re.compile(r"(?<=\w[\w\"'”’)\]*_`.])\s+<\s+" + _WORDS_FOLLOW)
_LONE_LATER = re.compile(r"(?<!\s)\s+[<>]\s+" + _WORDS_FOLLOW)
_MARKERS: Final[tuple[tuple[str, re.Pattern[str]], ...]] = (
    ("number", re.compile(r"[(\[]?(\d{1,4})[.):\]](?:\s+(?=\S)|(?=[^\s\d]))")),
    ("letter", re.compile(r"\(?[A-Za-z]\)\s+(?=\S)")),
    ("bullet", re.compile(r"[-+*–—·]\s+(?=\S)|[•‣▪◦●○]\s*(?=\S)")),
    ("quote", re.compile(r">\s*(?=\S)")),
    ("pipe", re.compile(r"\|\s*(?=\S)")),
    ("label", re.compile(r"(?i:entity|text)\s*:\s+(?=\S)")),
)
_WRAPPERS: Final[tuple[tuple[str, str, str], ...]] = (
    ("bold", "**", "**"),
    ("bold", "__", "__"),
    ("strike", "~~", "~~"),
    ("code", "`", "`"),
    ("italic", "*", "*"),
    ("italic", "_", "_"),
    ("quotes", '"', '"'),
    ("quotes", "'", "'"),
    ("quotes", "“", "”"),
    ("quotes", "„", "“"),
    ("quotes", "‘", "’"),
    ("quotes", "«", "»"),
    ("brackets", "[", "]"),
    ("brackets", "(", ")"),
)
_LOOSE = ("**", "__", "`", "*", '"', "“", "”", "|")  # markup that wraps the whole line
_BARE_MARKUP = re.compile(r"[-+*–—·•‣▪◦●○>|_`~#\"'“”\s]*|[(\[]?\d{1,4}[.)\]]")
_NOTHING = re.compile(
    r"\W*(?:none|nothing|n/a|no (?:more )?entities)\W*", re.IGNORECASE
)
_HEADER_ENTITIES = {"entity", "entities", "entity from the text", "entity text"}
_HEADER_CONCEPTS = {"concept", "entity concept", "entity type", "type", "entity group"}


def parse_reply(reply: str) -> tuple[list[Annotation], list[Drop]]:
    """Read the lines `entity <> concept <> description` of a reply, or its JSON.

    Whether "1." or a quote belongs to an entity shows only in the text, so an
    annotation keeps its `forms`: as written and with each layer of markup taken off.
    A layer that all lines share is the style of the reply and comes off first.

    reply (str): What the LLM answered.
    RETURNS (tuple[list[Annotation], list[Drop]]): The annotations, and the lines that
        are none. Each line that is not blank is in one of the two, once.
    """
    annotations: list[Annotation] = []
    peeled: list[Peeled] = []
    drops: list[Drop] = []
    split = split_element if is_json(reply) else _split_fields
    for index, line in reply_lines(reply):
        parts, reason = split(line.strip())
        if reason is None:
            raw = parts[0].strip()
            is_long = len(parts[1]) > MAX_CONCEPT and is_too_long(parts[1])
            concept = "" if is_long else clean_concept(parts[1])
            description = clean_description(parts[2]) if len(parts) > 2 else ""
            layers = peel(raw)
            reason = (
                "long_concept"
                if is_long
                else _reason_against(layers.forms[-1], concept, description)
            )
        if reason is not None:
            reason = "nothing" if _NOTHING.fullmatch(line) else reason
            drops.append(Drop(index, line, reason))
            continue
        peeled.append(layers)
        annotations.append(
            Annotation(
                layers.forms[-1], concept, description, index, line, layers.forms
            )
        )
    if any(layers.kinds for layers in peeled):
        ordered = order_forms(peeled)
        annotations = [
            annotation._replace(forms=forms)
            for annotation, forms in zip(annotations, ordered, strict=True)
        ]
    return annotations, drops


def peel(raw: str) -> Peeled:
    """Take the layers of markup off an entity, one by one, and keep every stage.

    raw (str): The entity as written, with no white space around it.
    RETURNS (Peeled): Its forms from as written to bare, and the kind of each layer.
    """
    is_plain = raw[:1].isalpha() and raw[-1].isalnum() and ":" not in raw
    if not raw or (is_plain and raw[1:2] != ")"):
        return Peeled((raw,), (), None)
    forms, kinds = [raw], list[str]()
    number = _MARKERS[0][1].match(raw)
    while len(kinds) < _MAX_LAYERS and (layer := _peel_once(forms[-1])):
        kind, inner = layer
        forms.append(inner)
        kinds.append(kind)
    outer = int(number[1]) if number and kinds and kinds[0] == "number" else None
    return Peeled(tuple(forms), tuple(kinds), outer)


def order_forms(peeled: Sequence[Peeled]) -> list[tuple[str, ...]]:
    """Decide for each line of a reply in which order its forms are looked for.

    A single "1. FC Köln" may be a club, ten numbered lines are a list. So a form as
    written comes first, unless all lines (two at least) share the layer.

    peeled (Sequence[Peeled]): The entities of the reply's lines.
    RETURNS (list[tuple[str, ...]]): The forms of each line, best first.
    """
    depth = 0
    if len(peeled) > 1:
        shortest = min(len(layers.kinds) for layers in peeled)
        while depth < shortest:
            kinds = {layers.kinds[depth] for layers in peeled}
            if len(kinds) > 1:
                break
            if depth == 0 and kinds == {"number"} and not _counts_up(peeled):
                break
            depth += 1
    return [
        layers.forms[depth:] + layers.forms[:depth][::-1]
        if len(layers.forms) > 1
        else layers.forms
        for layers in peeled
    ]


def _split_fields(line: str) -> tuple[list[str], Reason | None]:
    """Split a line at its separators: two or three fields, or a reason."""
    parts = line.split("<>", 2)
    if len(parts) == 3:
        return parts, None
    parts = _SEPARATOR.split(line, maxsplit=2)
    if len(parts) == 2:
        later = _LONE_LATER.split(parts[1], maxsplit=1)
        earlier = _LONE.split(parts[0])
        if len(later) == 2:
            return [parts[0], *later], None
        if len(earlier) == 2:
            return [*earlier, parts[1]], None
    elif len(parts) == 1:
        if _is_table_row(line):
            parts = [cell.strip() for cell in line.strip("|").split("|")]
            if len(parts) == 4 and parts[0].rstrip(".").isdigit():
                parts = parts[1:]
            return (parts, None) if len(parts) in (2, 3) else ([], "noise")
        parts = _LONE.split(line)
        if len(parts) > 3:
            return [], "ambiguous"
    return (parts, None) if len(parts) > 1 else ([], "noise")


def _is_table_row(line: str) -> bool:
    """Whether a line is a row of a markdown table: "| a | b | c |"."""
    edges = len(line) > 2 and line[0] == line[-1] == "|"
    return edges and any(character.isalnum() for character in line)


def _reason_against(entity: str, concept: str, description: str) -> Reason | None:
    """Why an annotation can't be used, if it can't."""
    if (
        entity.lower() in _HEADER_ENTITIES
        and concept in _HEADER_CONCEPTS
        and (not description or description.lower().startswith("description"))
    ):
        return "header"
    if not entity[:1].isalnum() and _BARE_MARKUP.fullmatch(entity):
        return "no_entity"
    if entity[:1].isdigit() and _BARE_MARKUP.fullmatch(entity):
        return "no_entity"
    if not any(character.isalnum() for character in concept):
        return "no_concept"
    return None if is_phrase(concept) else "no_phrase"


def _peel_once(form: str) -> tuple[str, str] | None:
    """The kind of the outermost layer and what is in it, None if there is no layer."""
    for kind, pattern in _MARKERS:
        if match := pattern.match(form):
            return kind, form[match.end() :].strip()
    for kind, left, right in _WRAPPERS:
        if (
            form.startswith(left)
            and form.endswith(right)
            and (inner := form[len(left) : -len(right)].strip())
        ):
            return kind, inner
    for mark in _LOOSE:
        for inner in (form.removeprefix(mark), form.removesuffix(mark)):
            if inner != form and inner.strip():
                return "loose", inner.strip()
    return None


def _counts_up(peeled: Sequence[Peeled]) -> bool:
    """Whether the list numbers of the lines follow each other."""
    numbers = [layers.number for layers in peeled if layers.number is not None]
    first = numbers[0] if numbers else 0
    return numbers == list(range(first, first + len(peeled)))
