"""Replies that are kept: asked once, whatever happens."""

import json
import pickle
from collections.abc import Iterable

import pytest
from spacy_llm.registry import registry
from spacy_llm.util import assemble_from_config
from thinc.api import Config

from spacy_nuner.annotate.answers import Answer, Usage
from spacy_nuner.annotate.chat.model import make_chat_model
from spacy_nuner.annotate.kept import make_kept_model
from spacy_nuner.annotate.recorded import make_recorded_model


class Model:
    """Answers in capitals, counts what it is asked, fails where it's told to."""

    context_length = 99

    def __init__(self):
        self.asked = []
        self.broken = set()

    def __call__(self, prompts: Iterable[Iterable[str]]):
        return [[self.answer(prompt) for prompt in nested] for nested in prompts]

    def answer(self, prompt):
        self.asked.append(prompt)
        if prompt in self.broken:
            raise OSError(f"no answer to {prompt}")
        return prompt.upper()


def read(path):
    return [json.loads(line) for line in path.read_text().splitlines()]


def test_nothing_is_asked_twice(tmp_path):
    model, path = Model(), tmp_path / "new" / "replies.jsonl"
    kept = make_kept_model(model, path)
    assert kept([["a", "b"], [], ["a"]]) == [["A", "B"], [], ["A"]]
    assert model.asked == ["a", "b"]
    again = make_kept_model(model, path)
    assert again([["b", "c"]]) == [["B", "C"]]
    assert model.asked == ["a", "b", "c"]
    assert [record["text"] for record in read(path)] == ["a", "b", "c"]
    assert make_recorded_model(path)([["c", "a"]]) == [["C", "A"]]
    assert kept.context_length == 99
    assert make_kept_model(lambda prompts: prompts, path).context_length > 10**9


def test_other_settings_are_asked_again(tmp_path):
    model, path = Model(), tmp_path / "replies.jsonl"
    for settings in ("one", "two", "one", "two"):
        assert make_kept_model(model, path, settings)([["a"]]) == [["A"]]
    assert model.asked == ["a", "a"]


def test_a_failed_prompt_takes_no_other_with_it(tmp_path):
    model, path = Model(), tmp_path / "replies.jsonl"
    model.broken = {"b"}
    with pytest.raises(RuntimeError, match=r"N184.*1 of 3 .*no answer to b"):
        make_kept_model(model, path)([["a", "b", "c"]])
    assert [record["text"] for record in read(path)] == ["a", "c"]
    model.broken = set()
    assert make_kept_model(model, path)([["a", "b", "c"]]) == [["A", "B", "C"]]
    assert model.asked == ["a", "b", "c", "b"]


def test_half_a_line_is_asked_again(tmp_path):
    model, path = Model(), tmp_path / "replies.jsonl"
    make_kept_model(model, path)([["a", "b"]])
    path.write_bytes(path.read_bytes()[:-9])
    assert make_kept_model(model, path)([["a", "b"]]) == [["A", "B"]]
    assert model.asked == ["a", "b", "b"]
    assert len(read(path)) == 2
    path.write_text("no json\n")
    with pytest.raises(ValueError, match=r"N003.*line 1"):
        make_kept_model(model, path)([["a"]])


class Stream:
    """Answers in another order than it was asked, and counts tokens."""

    def stream(self, prompts):
        for number, prompt in reversed(list(enumerate(prompts))):
            yield number, Answer(f"{prompt}!", usage=Usage(3, 1))


def test_a_model_that_streams(tmp_path):
    path = tmp_path / "replies.jsonl"
    kept = make_kept_model(Stream(), path)
    odd = "half \ud83d a pair"
    assert kept([["a", "b"], [odd]]) == [["a!", "b!"], [f"{odd}!"]]
    assert [record["prompt_tokens"] for record in read(path)] == [3, 3, 3]
    again = make_kept_model(None, path)
    assert again([[odd], ["b"]]) == [[f"{odd}!"], ["b!"]]
    copy = pickle.loads(pickle.dumps(make_kept_model(None, path, "x")))
    assert (copy.path, copy.context_length) == (path, kept.context_length)


CONFIG = """
[nlp]
lang = "en"
pipeline = ["llm"]

[components]

[components.llm]
factory = "llm"

[components.llm.task]
@llm_tasks = "spacy-nuner.UniversalNER.v1"
labels = ["person", "place"]

[components.llm.model]
@llm_models = "spacy-nuner.Kept.v1"
path = null

[components.llm.model.model]
@llm_models = "tests.Chat.v1"
name = "UniNER-7B-type"
base_url = null
key_env = null
interval = 0.01
max_tries = 2
"""
TEXTS = ["Marie Curie worked in Paris.", "Nothing here.", "Vienna was large."]


def test_any_server(start_server, tmp_path):
    """Task, kept replies, chat model and server together."""
    registry.llm_models.register("tests.Chat.v1", func=make_chat_model)
    server = start_server(faults={"500": 1.0})
    config = Config().from_str(CONFIG)
    section = config["components"]["llm"]["model"]
    section["path"] = str(tmp_path / "replies.jsonl")
    section["model"]["base_url"] = server.url
    with pytest.raises(RuntimeError, match=r"N184|500|server"):
        list(assemble_from_config(config).pipe(TEXTS))
    server.change(faults={})
    docs = list(assemble_from_config(config).pipe(TEXTS))
    n_before = len(server.requests())
    found = [[(ent.text, ent.label_) for ent in doc.ents] for doc in docs]
    assert found == [
        [("Marie", "person"), ("Curie", "person"), ("worked", "person")],
        [("Nothing", "person"), ("here", "person")],
        [("Vienna", "person"), ("large", "person")],
    ]
    # the server gives the same strings for each type; the first label takes them
    assert {drop[2] for doc in docs for drop in doc.user_data["drops"]} == {"overlap"}
    assert len(read(tmp_path / "replies.jsonl")) == 6
    again = list(assemble_from_config(config).pipe(TEXTS))
    assert [[ent.text for ent in doc.ents] for doc in again] == [
        [text for text, _ in entities] for entities in found
    ]
    assert len(server.requests()) == n_before
