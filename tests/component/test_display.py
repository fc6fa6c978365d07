import numpy as np
import spacy
from spacy.tokens import Doc, Span, SpanGroup

from spacy_nuner.component.display import make_ents, render


def make_doc(label: str = "PART") -> Doc:
    doc = Doc(spacy.blank("en").vocab, words=["Oil", "<b>&", "belt", "slips"])
    found = [Span(doc, 0, 1, label=label), Span(doc, 2, 3, label="BELT")]
    doc.set_ents([*found, Span(doc, 3, 4, label="OTHER")])
    group = SpanGroup(doc, name="nuner", spans=found)
    group.attrs["scores"] = np.array([0.926, 0.5], dtype="float32")
    doc.spans["nuner"] = group
    return doc


def test_confidences() -> None:
    data = make_ents(make_doc())
    assert data["text"] == "Oil <b>& belt slips "
    found = [(data["text"][e["start"] : e["end"]], e["label"]) for e in data["ents"]]
    # The last one was found by another pipe
    assert found == [("Oil", "PART 0.93"), ("belt", "BELT 0.50"), ("slips", "OTHER")]
    assert make_ents(make_doc(), spans_key="other")["ents"][0]["label"] == "PART"


def test_html_is_escaped() -> None:
    html = render(make_doc("<i>"), titles=["<script>"])
    assert "&lt;b&gt;&amp;" in html and "&lt;i&gt; 0.93" in html
    assert not any(bad in html for bad in ("<b>", "<i>", "<script>"))


def test_labels_have_a_colour_each_and_a_page_is_whole() -> None:
    docs = [make_doc(), make_doc()]
    html = render(docs, page=True)
    assert html.startswith("<!DOCTYPE html>") and html.count("PART 0.93") == 2
    colours = {part.split(";")[0] for part in html.split("background: ")[1:]}
    assert len(colours) == 3
