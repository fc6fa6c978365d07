"""Entities with their confidences as HTML, by displaCy: "PERSON 0.93"."""

from collections.abc import Iterable, Sequence
from typing import Any

from spacy import displacy
from spacy.tokens import Doc

from spacy_nuner.plain import escape_html, mark_unseen

# Told apart also by those who do not see all colours
COLOURS = (
    *("#aec7e8", "#ffbb78", "#98df8a", "#ff9896", "#c5b0d5", "#c49c94"),
    *("#f7b6d2", "#dbdb8d", "#9edae5", "#d9d9d9", "#ffe08a", "#b3de69"),
)


def render(
    docs: Doc | Iterable[Doc],
    *,
    spans_key: str = "nuner",
    titles: Sequence[str] = (),
    page: bool = False,
) -> str:
    """Render docs as HTML, each entity with its label and confidence.

    docs (Doc | Iterable[Doc]): Docs that a pipe `nuner` has seen.
    spans_key (str): Span group with the confidences, the pipe's `spans_key`.
    titles (Sequence[str]): A title for each doc, or none.
    page (bool): Whether to make a whole HTML page.
    RETURNS (str): The HTML. Texts, titles and labels are escaped.
    """
    chosen = [docs] if isinstance(docs, Doc) else list(docs)
    labels = sorted({ent.label_ for doc in chosen for ent in doc.ents})
    colours = {label: COLOURS[i % len(COLOURS)] for i, label in enumerate(labels)}
    data = [make_ents(doc, spans_key=spans_key, colours=colours) for doc in chosen]
    for entry, title in zip(data, titles, strict=False):
        entry["title"] = escape_html(title)
    # Not in a notebook's own way: that returns nothing
    return displacy.render(data, style="ent", manual=True, page=page, jupyter=False)


def make_ents(
    doc: Doc, *, spans_key: str = "nuner", colours: dict[str, str] | None = None
) -> dict[str, Any]:
    """Make what `displacy.render(…, style="ent", manual=True)` reads.

    doc (Doc): A doc.
    spans_key (str): Span group with the confidences. Entities that are not in it, as
        those of other pipes, stand without one.
    colours (dict[str, str] | None): Colours of labels; None for displaCy's.
    RETURNS (dict[str, Any]): "text" and "ents", with labels such as "PERSON 0.93".
    """
    scores: dict[tuple[int, int, str], float] = {}
    if spans_key in doc.spans:
        group = doc.spans[spans_key]
        for span, score in zip(group, group.attrs.get("scores", ()), strict=False):
            scores[span.start, span.end, span.label_] = float(score)
    ents = []
    for ent in doc.ents:
        score = scores.get((ent.start, ent.end, ent.label_))
        label = ent.label_ if score is None else f"{ent.label_} {score:.2f}"
        entry: dict[str, Any] = {"start": ent.start_char, "end": ent.end_char}
        # displaCy escapes texts, but not labels
        entry["label"] = escape_html(label)
        if colours is not None:
            entry["params"] = {"bg": colours[ent.label_]}
        ents.append(entry)
    return {"text": mark_unseen(doc.text), "ents": ents}
