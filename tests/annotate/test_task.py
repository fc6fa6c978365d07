"""The task in spacy-llm's own pipeline, with the recorded sample."""

import pickle
from pathlib import Path
from typing import Any

import pytest
import spacy
from spacy_llm.util import assemble

from spacy_nuner.annotate.replies.align import place_reply
from spacy_nuner.annotate.task import make_concept_task

ROOT = Path(__file__).parent.parent.parent
CONFIG = ROOT / "configs" / "sample" / "annotate.cfg"
REPLIES = str(ROOT / "assets" / "sample" / "annotated.jsonl")

# Figure 2 of the paper; its last line stands for the sentence
FIGURE_2 = """\
The goal is to create a dataset for entity recognition. Label as many entities, \
concepts, and ideas as possible in the input text. Invent new entity types that may \
not exist in traditional NER Tasks such as more abstract concepts and ideas. Make \
sure the entity concept is not part of speech but something more meaningful. Avoid \
finding meaningless entities.

Output format (separate entities with new line):
entity from the text <> entity concept <> description of entity group/concept
Input:

[INPUT SENTENCE]"""


@pytest.fixture(scope="module")
def nlp() -> spacy.Language:
    return assemble(CONFIG, overrides={"paths.replies": REPLIES})


def test_prompt_is_figure_2() -> None:
    doc = spacy.blank("en")("[INPUT SENTENCE]")
    assert list(make_concept_task().generate_prompts([doc])) == [FIGURE_2]


def test_text_is_not_a_template() -> None:
    doc = spacy.blank("en")("{{ 7 * 7 }} {% raw %} <b>&")
    (prompt,) = make_concept_task().generate_prompts([doc])
    assert prompt.endswith("{{ 7 * 7 }} {% raw %} <b>&")


def test_template_of_ones_own() -> None:
    task = make_concept_task(template="Annotate: {{ text }}\n", spans_key="sc")
    doc = spacy.blank("en")("Paris")
    assert list(task.generate_prompts([doc])) == ["Annotate: Paris"]
    (doc,) = task.parse_responses([doc], [["Paris <> city\nbye"]])
    assert [span.label_ for span in doc.spans["sc"]] == ["city"]
    assert doc.user_data["drops"] == [[1, "bye", "noise"]]


def test_pickle() -> None:
    task = make_concept_task(template="Annotate: {{ text }}", spans_key="sc")
    again = pickle.loads(pickle.dumps(task))
    doc = spacy.blank("en")("Paris")
    assert list(again.generate_prompts([doc])) == ["Annotate: Paris"]
    (doc,) = again.parse_responses([doc], ["Paris <> city"])
    assert [span.text for span in doc.spans["sc"]] == ["Paris"]


def test_template_without_text() -> None:
    with pytest.raises(ValueError, match="N101"):
        make_concept_task(template="Annotate this: {{ sentence }}")


def test_mentions_and_raw_reply(
    nlp: spacy.Language, sample_records: list[dict[str, str]]
) -> None:
    texts = [(record["text"], record) for record in sample_records]
    n_off_tokens = 0
    for doc, record in nlp.pipe(texts, as_tuples=True, batch_size=7):
        assert doc.user_data["llm_io"]["llm"]["response"] == record["response"]
        mentions, _ = place_reply(record["text"], record["response"])
        drops = doc.user_data["drops"]
        n_off_tokens += len(drops)
        assert all(reason == "token_edges" for _, _, reason in drops)
        assert len(doc.spans["concepts"]) == len(mentions) - len(drops)
        assert len(doc.user_data["descriptions"]) == len(doc.spans["concepts"])
    assert n_off_tokens < len(texts)


def test_survives_disk(
    nlp: spacy.Language, sample_records: list[dict[str, str]], tmp_path: Path
) -> None:
    nlp.to_disk(tmp_path / "pipeline")
    again = spacy.load(tmp_path / "pipeline")
    text = sample_records[0]["text"]

    def spans(pipeline: spacy.Language) -> list[tuple[Any, ...]]:
        doc = pipeline(text)
        return [(span.start, span.end, span.label_) for span in doc.spans["concepts"]]

    assert spans(again) == spans(nlp) != []
