"""UniversalNER's way: its conversation, its replies, one question for each type."""

import json
import pickle

import pytest
import spacy
from hypothesis import given
from hypothesis import strategies as st
from spacy.tokens import Doc
from spacy.training import Example
from spacy_llm.util import assemble_from_config
from thinc.api import Config

from spacy_nuner.annotate.recorded import hash_prompt
from spacy_nuner.annotate.universal.place import choose_entities
from spacy_nuner.annotate.universal.reply import LOST_REASONS, parse_list
from spacy_nuner.annotate.universal.task import make_universal_task

NLP = spacy.blank("en")
TEXT = "any good cheap german restaurants nearby"
PROMPT = (
    "A virtual assistant answers questions from a user based on the provided text. "
    "USER: Text: any good cheap german restaurants nearby "
    "ASSISTANT: I've read this text.</s>"
    "USER: What describes Price in the text? ASSISTANT:"
)


@pytest.mark.parametrize(
    "reply, strings, reasons",
    [
        # as the published test data have them
        ('["good"]', ["good"], []),
        ("[]", [], []),
        ('["a four star", "bar"]', ["a four star", "bar"], []),
        (r'["the \"Blue Note\"", "caf\u00e9"]', ['the "Blue Note"', "café"], []),
        # a server without the stop string goes on
        (
            '["bar"]</s>USER: What describes Dish in the text? ASSISTANT: ["pie"]',
            ["bar"],
            ["after_end"],
        ),
        (
            "ASSISTANT: ['bar'] USER: What describes Dish in the text?",
            ["bar"],
            ["after_end"],
        ),
        ('["bar"]</s>', ["bar"], []),
        # chat models
        ('The text names: ["bar", "pub"]. Anything else?', ["bar", "pub"], []),
        ('```json\n[\n  "bar",\n  "pub"\n]\n```', ["bar", "pub"], []),
        ('The [text] says ["bar"]', ["bar"], []),
        ('{"entities": ["bar"]}', ["bar"], []),
        ("['O'Neill', \"Tom's\"]", ["O'Neill", "Tom's"], []),
        ("[“bar”, ‘pub’]", ["bar", "pub"], []),
        ('["the "big" one", "x"]', ['the "big" one', "x"], []),
        ("[bar, pub]", ["bar", "pub"], []),
        ('["line\nbreak"]', ["line\nbreak"], []),
        ('["a"] and ["b"]', ["a"], ["after_end"]),
        # UniversalNER's own reader takes lists in lists
        ('[["bar", "Amenity"], ["pub"]]', ["bar", "pub"], []),
        ("[5, 5.00]", ["5", "5.00"], []),
        # cut off
        ('["bar", "pu', ["bar"], ["truncated"]),
        ('["bar", "pub"', ["bar", "pub"], ["truncated"]),
        ('["bar",', ["bar"], ["truncated"]),
        ("[", [], ["truncated"]),
        ('["bar", "say \\"hi\\', ["bar"], ["truncated"]),
        ("[bar, pu", ["bar"], ["truncated"]),
        # nothing to read
        ("", [], ["no_list"]),
        ("None of them.", [], ["no_list"]),
        ("- bar\n- pub", [], ["no_list"]),
        (
            '["bar", null, {"a": "b"}, true, "", []]',
            ["bar"],
            ["not_string", "not_string", "not_string", "empty", "not_string"],
        ),
        ('["", "bar", \'\']', ["bar"], ["empty", "empty"]),
        ("[" * 5000, [], ["truncated"]),
        ('["\ud83d"]', ["?"], []),
        (r'["\ud83d bar"]', ["? bar"], []),
    ],
)
def test_parse_list(reply, strings, reasons):
    found, lost = parse_list(reply)
    assert found == strings
    assert [part.reason for part in lost] == reasons
    assert set(reasons) <= set(LOST_REASONS)
    json.dumps([found, lost], ensure_ascii=False).encode("utf8")


WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=8)


@given(st.lists(WORDS, max_size=5), st.booleans(), st.data())
def test_any_list_cut_anywhere(strings, ascii_only, data):
    """Strings that are there whole are read, whatever they hold; the cut is told."""
    reply = json.dumps(strings, ensure_ascii=ascii_only)
    wanted = [string.strip() for string in strings if string.strip()]
    found, lost = parse_list(reply)
    assert found == wanted
    assert len(lost) == len(strings) - len(wanted)
    cut = data.draw(st.integers(0, len(reply) - 1))
    found, lost = parse_list(reply[:cut])
    assert lost[-1].reason == ("truncated" if cut else "no_list")


@given(st.text(st.sampled_from("[]\"',\\ ab\n{}:"), max_size=40))
def test_any_reply(reply):
    """No reply stops a run, and none is lost without a word."""
    strings, lost = parse_list(reply)
    assert all(string.strip() == string != "" for string in strings)
    assert strings or lost or "[" in reply


def test_a_hostile_reply_costs_no_time():
    strings, lost = parse_list('["' + '\\"a' * 100_000)
    assert strings == []
    assert [part.reason for part in lost] == ["truncated"]


def make_prompts(task, doc, context_length=None):
    ((prompts, pieces),) = task.generate_prompts([doc], context_length)
    return list(prompts), list(pieces)


def ask(labels, text, replies, *, words=None, **settings):
    task = make_universal_task(labels, **settings)
    doc = Doc(NLP.vocab, words) if words else NLP.make_doc(text)
    _, pieces = make_prompts(task, doc)
    (found,) = task.parse_responses([pieces], [replies])
    assert found is doc
    return doc


def read_entities(doc):
    return [(ent.text, ent.label_) for ent in doc.ents]


def test_the_prompt_is_the_published_one():
    task = make_universal_task(["Rating", "Price"])
    prompts, pieces = make_prompts(task, NLP.make_doc(TEXT))
    assert len(prompts) == 2
    assert prompts[1] == PROMPT
    assert [piece.text for piece in pieces] == [TEXT]
    task = make_universal_task({"P": "Price"}, dataset="mit-restaurant")
    (prompt,), _ = make_prompts(task, NLP.make_doc(TEXT))
    assert prompt == PROMPT.replace("Text: ", "Dataset: mit-restaurant\nText: ")
    task = make_universal_task(["Restaurant_Name"])
    (prompt,), _ = make_prompts(task, NLP.make_doc(TEXT))
    assert "What describes Restaurant Name in the text?" in prompt


def test_a_template_of_ones_own():
    template = "List the {{ type }} of: {{ text }}\n"
    task = make_universal_task(["Price"], template=template)
    (prompt,), _ = make_prompts(task, NLP.make_doc(TEXT))
    assert prompt == f"List the Price of: {TEXT}"
    assert task.prompt_template == template.strip()
    for bad in ("{{ text }}", "{{ type }}", "nothing"):
        with pytest.raises(ValueError, match="N180"):
            make_universal_task(["Price"], template=bad)


def test_labels():
    task = make_universal_task({"P": "price", "A": "amenity"})
    assert task.labels == ("P", "A")
    assert task.add_label("P") == 0
    assert task.add_label("D", "dish") == 1
    assert task.labels == ("P", "A", "D")
    again = pickle.loads(pickle.dumps(task))
    assert again.labels == task.labels
    doc = NLP.make_doc(TEXT)
    assert make_prompts(again, doc)[0] == make_prompts(task, doc)[0]
    task.clear()
    assert task.labels == ()
    for bad in ({"A": "x", "B": "x"}, {"A": " "}, []):
        with pytest.raises(ValueError, match="N181"):
            make_universal_task(bad)


def test_all_occurrences_whole_words_exact_case_first():
    text = "The bus left the US; us, the US, Rusa and İstanbul."
    doc = ask(["LOC"], text, ['["US", "istanbul", "usa", "Mars", "US"]'])
    assert read_entities(doc) == [("US", "LOC"), ("US", "LOC"), ("İstanbul", "LOC")]
    assert doc.user_data["drops"] == [
        [0, "usa <> LOC", "inside_word"],
        [0, "Mars <> LOC", "not_found"],
        [0, "US <> LOC", "duplicate"],
    ]


def test_types_that_overlap():
    text = "Bank of England met England and Wales in Paris."
    replies = ['["England", "Wales", "Paris"]', '["Bank of England", "Paris"]']
    doc = ask(["LOC", "ORG"], text, replies, spans_key="all")
    assert read_entities(doc) == [
        ("Bank of England", "ORG"),  # the longer one
        ("England", "LOC"),
        ("Wales", "LOC"),
        ("Paris", "LOC"),  # the label that stands first
    ]
    assert [(s.text, s.label_) for s in doc.spans["all"]] == [
        ("Bank of England", "ORG"),
        ("England", "LOC"),
        ("England", "LOC"),
        ("Wales", "LOC"),
        ("Paris", "LOC"),
        ("Paris", "ORG"),
    ]
    assert sorted(doc.user_data["drops"]) == [
        [0, "England <> LOC", "overlap"],
        [1, "Paris <> ORG", "overlap"],
    ]
    doc = NLP.make_doc("a b c d")
    spans = [spacy.tokens.Span(doc, i, i + 2, label="X") for i in (2, 1, 0)]
    chosen, _ = choose_entities(spans, ["X"])
    assert [(s.start, s.end) for s in chosen] == [(0, 2), (2, 4)]  # the earlier one


def test_nothing_is_lost_without_a_word():
    """Each string of a reply is an entity, or in `drops` with its reason."""
    replies = ["no list", '["Paris", "Par', '["Paris", "Paris-Nord", null]']
    words = ["Paris-Nord", "is", "Paris"]
    doc = ask(["A", "B", "C"], "", replies, words=words)
    assert read_entities(doc) == [("Paris-Nord", "C"), ("Paris", "B")]
    assert sorted(doc.user_data["drops"]) == sorted(
        [
            [0, "no list <> A", "no_list"],
            [1, "Par <> B", "truncated"],
            [1, "Paris <> B", "token_edges"],
            [2, "Paris <> C", "token_edges"],
            [2, "null <> C", "not_string"],
            [2, "Paris <> C", "overlap"],
        ]
    )


def test_long_texts_are_asked_in_pieces():
    words = [f"word{i}" for i in range(200)]
    task = make_universal_task(["A", "B"])
    doc = Doc(NLP.vocab, words)
    prompts, pieces = make_prompts(task, doc, 150)
    assert len(prompts) == 2 * len(pieces) > 4
    assert "".join(piece.text_with_ws for piece in pieces) == doc.text
    assert all(len(prompt) // 4 <= 150 for prompt in prompts)
    # an answer holds for the piece that was asked about
    replies = ['["word0", "word199"]', "[]"] + ["[]"] * (len(prompts) - 4)
    replies += ['["word199"]', '["word198"]']
    (doc,) = task.parse_responses([pieces], [replies])
    assert read_entities(doc) == [("word0", "A"), ("word198", "B"), ("word199", "A")]
    assert doc.user_data["drops"] == [[0, "word199 <> A", "not_found"]]
    with pytest.raises(ValueError, match="N183"):
        make_prompts(task, doc, 20)


def test_texts_without_words_are_not_asked():
    task = make_universal_task(["A"])
    for text in ("", "  \n"):
        doc = NLP.make_doc(text)
        prompts, pieces = make_prompts(task, doc)
        assert prompts == []
        (found,) = task.parse_responses([pieces], [[]])
        assert found is doc
        assert found.ents == ()


def test_a_model_that_answers_too_little():
    with pytest.raises(ValueError, match=r"N182.*1 replies to 2 prompts"):
        ask(["A", "B"], TEXT, ["[]"])


def test_scorer():
    task = make_universal_task(["A"])
    gold = NLP.make_doc("Paris won")
    gold.ents = [spacy.tokens.Span(gold, 0, 1, label="A")]
    doc = ask(["A"], "Paris won", ['["Paris"]'])
    assert task.scorer([Example(doc, gold)])["ents_f"] == 1.0


CONFIG = """
[nlp]
lang = "en"
pipeline = ["llm"]

[components]

[components.llm]
factory = "llm"
save_io = true

[components.llm.task]
@llm_tasks = "spacy-nuner.UniversalNER.v1"
labels = {"Price": "Price", "Rating": "Rating", "Cuisine": "cuisine"}

[components.llm.model]
@llm_models = "spacy-nuner.Recorded.v1"
path = "replies.jsonl"
"""
TEXTS = {
    "any good cheap german restaurants nearby": ['["cheap"]', '["good"]', "['german']"],
    "any asian cuisine around": ["[]", "[]", '["asian"'],
}


@pytest.fixture
def replies(tmp_path):
    """Recorded replies to each question about each text."""
    task = make_universal_task(
        {"Price": "Price", "Rating": "Rating", "Cuisine": "cuisine"}
    )
    records = []
    for text, answers in TEXTS.items():
        prompts, _ = make_prompts(task, NLP.make_doc(text))
        records += [
            {"prompt_sha256": hash_prompt(p), "text": text, "response": answer}
            for p, answer in zip(prompts, answers, strict=True)
        ]
    path = tmp_path / "replies.jsonl"
    path.write_text("".join(json.dumps(record) + "\n" for record in records))
    return path


def test_in_spacy_llm(replies):
    config = Config().from_str(CONFIG)
    config["components"]["llm"]["model"]["path"] = str(replies)
    nlp = assemble_from_config(config)
    first, second = nlp.pipe(TEXTS)
    assert read_entities(first) == [
        ("good", "Rating"),
        ("cheap", "Price"),
        ("german", "Cuisine"),
    ]
    assert read_entities(second) == [("asian", "Cuisine")]
    assert second.user_data["drops"] == [[2, " <> Cuisine", "truncated"]]
    assert len(first.user_data["llm_io"]["llm"]["prompt"]) == 3
    assert nlp.get_pipe("llm").labels == ("Price", "Rating", "Cuisine")
