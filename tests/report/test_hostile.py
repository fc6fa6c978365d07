"""Hostile text from the prompt through the corpus to every page: it stays text."""

import json
import re
from hashlib import sha256
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy_llm.util import assemble

from spacy_nuner.annotate.replies.align import place_reply
from spacy_nuner.annotate.replies.json_reply import count_lines
from spacy_nuner.annotate.task import make_concept_task
from spacy_nuner.component.display import render
from spacy_nuner.component.fewshot.markdown import to_markdown
from spacy_nuner.corpus.build import write_corpus
from spacy_nuner.corpus.mentions import read_marked
from spacy_nuner.corpus.reader import read_docs
from spacy_nuner.corpus.stats import PlacedReply
from spacy_nuner.evaluate.concept_map.make import MapSettings, make_concept_map
from spacy_nuner.evaluate.concept_map.read import make_embed, write_map
from spacy_nuner.evaluate.concept_map.sentences import Sentence
from spacy_nuner.plain import escape_html, escape_md, mark_unseen, spell_unseen
from spacy_nuner.report.collect import read_inputs
from spacy_nuner.report.write import write_report

from ..conftest import export_tiny
from ..hostile import NAMES, REPLIES, TEXTS
from .synthetic_cells import write_cell, write_json
from .test_write import Page

ROOT = Path(__file__).parent.parent.parent
HARMFUL = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028-\u202e\u2066-\u2069\U000e0041]"
)
# what has a meaning in Markdown if it is not escaped
LIVE = re.compile(r"(?<!\\)(?:`|\]\(|\*|@|\$)|<[a-zA-Z/!]|(?<!\\):(?=//)|www\.")
ALL_NAMES = (*NAMES, *TEXTS.values())


def check_page(html: str) -> Page:
    """A page has no tag or attribute that its template has not."""
    page = Page(html)
    assert not {"script", "img", "iframe", "object", "b-"} & set(page.tags)
    assert not [name for name, _ in page.attributes if name.startswith("on")]
    values = [value for name, value in page.attributes if name in ("href", "src")]
    assert all(value.startswith("#") for value in values)
    assert not HARMFUL.search(html)
    return page


def annotate(tmp_path: Path) -> list[tuple[str, str, Doc]]:
    """Ask spacy-llm's own pipeline about the texts; the replies are hostile, too."""
    blank = spacy.blank("en")
    records, asked = [], []
    for i, text in enumerate(TEXTS.values()):
        # a quarter of the pairs: each text, each reply; tests/annotate has all of them
        for j, reply in list(enumerate(REPLIES.values()))[i % 4 :: 4]:
            # a text of its own for each reply, else the last one counts
            text_of_pair = f"{text} {i}/{j}"
            answer = reply.replace("{text}", text_of_pair)
            (prompt,) = make_concept_task().generate_prompts(
                [blank.make_doc(text_of_pair)]
            )
            digest = sha256(prompt.encode("utf8")).hexdigest()
            record = {"text": text_of_pair, "response": answer}
            records.append(record | {"prompt_sha256": digest})
            asked.append((text_of_pair, answer))
    path = tmp_path / "replies.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    config = ROOT / "configs" / "sample" / "annotate.cfg"
    nlp = assemble(config, overrides={"paths.replies": str(path)})
    docs = nlp.pipe(text for text, _ in asked)
    return [(*pair, doc) for pair, doc in zip(asked, docs, strict=True)]


@pytest.fixture(scope="module")
def corpus(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A concept corpus of hostile texts and replies."""
    tmp_path = tmp_path_factory.mktemp("hostile")
    placed = []
    for i, (text, reply, doc) in enumerate(annotate(tmp_path)):
        reply = reply.encode("utf8", errors="replace").decode("utf8")
        mentions, drops = place_reply(text, reply)
        n_lines = count_lines(reply)
        placed.append(PlacedReply(str(i), text, mentions, drops, n_lines))
        assert all(span.text in text for span in doc.spans["concepts"])
    write_corpus(placed, tmp_path / "corpus", max_lost=1.0, dev_share=0.1)
    return tmp_path / "corpus"


def test_corpus_holds_the_sentences_and_nothing_else(corpus: Path) -> None:
    texts = set(TEXTS.values())
    n_spans = 0
    for part in ("train", "dev"):
        for doc in read_docs(corpus / part, None):
            assert re.sub(r" \d+/\d+$", "", doc.text) in texts
            n_spans += len(doc.spans["concepts"])
            for span in doc.spans["concepts"]:
                assert span.text in doc.text
                assert span.label_.isprintable()
                assert not re.search(r"<\w|://|\{\{", span.label_)
    assert n_spans > 30
    with (corpus / "drops.jsonl").open(encoding="utf8") as file:
        assert all(json.loads(line)["reason"] for line in file)


def test_report_of_the_corpus(corpus: Path, tmp_path: Path) -> None:
    inputs = read_inputs(
        tmp_path / "metrics", corpus=corpus / "stats.json", log=None, encoder=None
    )
    write_report(inputs, tmp_path / "reports")
    page = check_page((tmp_path / "reports" / "index.html").read_text(encoding="utf8"))
    assert "city" in page.text


def test_concept_map_of_the_corpus(
    corpus: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    encoder = export_tiny(tiny_encoder, tmp_path / "encoder")
    found = make_concept_map(
        lambda: (
            Sentence(marked.text, [mention[:3] for mention in marked.mentions])
            for marked in read_marked(corpus)
        ),
        make_embed(encoder),
        MapSettings(min_count=1, method="pca"),
    )
    assert len(found["concepts"]) > 10
    path = tmp_path / "metrics" / "concept_map.json"
    write_map(found, path)
    inputs = read_inputs(tmp_path / "metrics", corpus=None, log=None, encoder=None)
    write_report(inputs, tmp_path / "reports")
    html = (tmp_path / "reports" / "index.html").read_text(encoding="utf8")
    # the library, our script, and data that can't run
    visible, *scripts = re.split(r"(?s)<script[^>]*>", html)
    assert len(scripts) == 4
    check_page(f"{visible}</body></html>")
    data = scripts[0].partition("</script>")[0]
    assert data.isascii() and not set(data) & set("<>&\n")
    packed = json.loads(data)
    assert not any(HARMFUL.search(text) for text in packed["sentences"])
    assert not any(HARMFUL.search(name) for name in packed["names"])
    assert {one["name"] for one in found["concepts"]} == set(packed["names"])


def make_stats(tmp_path: Path, names: list[str]) -> Path:
    """Statistics as an older version, or another program, might have left them."""
    counts = {name: 1 for name in ("n_sentences", "n_train", "n_dev", "n_words")}
    counts |= {"n_lines": 9, "n_placed_lines": 8, "n_dropped_lines": 1, "share_lost": 0}
    counts |= {"n_mentions": 9, "n_mentions_exact": 9, "n_mentions_folded": 0}
    counts |= {"n_concepts": len(names), "n_concepts_once": 0}
    lists = {"dropped_lines": {names[0]: 1}, "mentions_per_sentence": {"1": 1}}
    concepts = [[name, 500 - i] for i, name in enumerate(names)]
    return write_json(tmp_path / "stats.json", counts | lists | {"concepts": concepts})


@pytest.mark.parametrize("name", ALL_NAMES, ids=lambda name: ascii(name)[:24])
def test_report_of_names_that_nobody_cleaned(name: str, tmp_path: Path) -> None:
    stats = make_stats(tmp_path, [name] + [f"{name} {i}" for i in range(40)])
    metrics = tmp_path / "metrics"
    for k in (1, 2):
        for system in ("base", "nuner"):
            write_cell(
                metrics,
                system=system,
                dataset="set",
                k=k,
                score=0.5,
                settings={name: [name]},
            )
    unreachable = {"dataset": name, "k": name, "types": {name: 1}, "reason": name}
    write_json(metrics / "fewshot" / "unreachable.json", [unreachable])
    encoder = write_json(tmp_path / "nuner.json", {"base": name})
    inputs = read_inputs(metrics, corpus=stats, log=None, encoder=encoder)
    write_report(inputs, tmp_path / "reports")
    reports = tmp_path / "reports"
    check_page((reports / "index.html").read_text(encoding="utf8"))
    markdown = (reports / "summary.md").read_text(encoding="utf8")
    assert not LIVE.search(markdown) and not HARMFUL.search(markdown)
    for figure in (reports / "figures").glob("*.svg"):
        tree = ElementTree.parse(figure)  # well-formed, control characters or not
        tags = {element.tag.rpartition("}")[2] for element in tree.iter()}
        assert not tags & {"script", "foreignObject", "a", "image"}


@pytest.mark.parametrize("name", ALL_NAMES, ids=lambda name: ascii(name)[:24])
def test_entities_as_html(name: str) -> None:
    nlp = spacy.blank("en")
    doc = nlp.make_doc(name)
    doc.set_ents([Span(doc, 0, 1, label=name)])
    html = render(doc, titles=[name], page=True)
    tags = set(re.findall(r"<\s*/?\s*([a-zA-Z]+)", html))
    ours = {"html", "head", "title", "body", "figure", "h", "div", "mark", "span"}
    assert tags <= ours | {"DOCTYPE", "br", "style", "p", "h2", "h3"}
    assert not HARMFUL.search(html)


@pytest.mark.parametrize("name", ALL_NAMES, ids=lambda name: ascii(name)[:24])
def test_fewshot_report(name: str) -> None:
    doubt = {"word": name, "first": name, "p_first": 0.5}
    doubt |= {"second": name, "p_second": 0.5}
    unsure: dict[str, Any] = {"place": name, "sureness": 0.5, "doubts": [doubt]}
    finding = {"level": "error", "title": name, "n": 1, "cases": [name]}
    report = {
        "name": name,
        "encoder": "encoders/sample",
        "data": {"n_sentences": 1, "n_entities": 1, "files": name},
        "labels": {name: [name]},
        "unsure": [unsure | {"text": name}],
        "unsure_from": name,
        "findings": [finding],
    }
    markdown = to_markdown(report).replace("`encoders/sample`", "")
    markdown = markdown.replace("`report.json`", "").replace("`look_next.jsonl`", "")
    assert not LIVE.search(markdown) and not HARMFUL.search(markdown)


@pytest.mark.parametrize("name", ALL_NAMES, ids=lambda name: ascii(name)[:24])
def test_escapes(name: str) -> None:
    assert len(mark_unseen(name)) == len(name)
    assert not HARMFUL.search(spell_unseen(name))
    assert not set(escape_html(name)) & set("<>\"'")
    assert "\n" not in escape_md(name)
