"""The key reaches the server and nothing else."""

import json
import logging
import pickle
import traceback
from pathlib import Path

import pytest

from spacy_nuner.annotate.chat.key import Key, make_redactor, read_key
from spacy_nuner.annotate.chat.model import make_chat_model
from tests.annotate.chat.conftest import MakeModel, make_prompts
from tests.annotate.conftest import StartServer

KEY = 'weird/"key"-4f9a8b7c6d5e'
FAULTS = ("400", "401", "403", "500")  # each shows the key in its message


def test_the_key_is_sent(
    start_server: StartServer,
    make_model: MakeModel,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    server = start_server(key=KEY)
    path = tmp_path / "key"
    path.write_text(KEY + "\n")
    answers = dict(make_model(server, key_file=path).stream(make_prompts(3)))
    assert all(answer.response for answer in answers.values())
    monkeypatch.setenv("MY_KEY", f" {KEY}")
    answers = dict(make_model(server, key_env="MY_KEY").stream(make_prompts(3)))
    assert all(answer.response for answer in answers.values())
    # read anew by each run
    monkeypatch.setenv("MY_KEY", "another")
    with pytest.raises(RuntimeError, match="the variable MY_KEY and was sent"):
        list(make_model(server, key_env="MY_KEY").stream(make_prompts(3)))


@pytest.mark.parametrize("fault", FAULTS)
def test_the_key_is_in_nothing_that_is_shown(
    fault: str,
    start_server: StartServer,
    make_model: MakeModel,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    monkeypatch.setenv("MY_KEY", KEY)
    caplog.set_level(logging.DEBUG)
    server = start_server(faults={fault: 1.0})
    model = make_model(server, key_env="MY_KEY", max_tries=2, max_concurrent=2)
    shown = [repr(model), str(vars(model)), repr(pickle.dumps(model))]
    try:
        answers = dict(model.stream(make_prompts(4)))
        shown.append(repr(answers))
        assert "[key]" in answers[0].error
        model([[prompt] for prompt in make_prompts(2)])
    except RuntimeError as error:
        assert fault in ("401", "403")
        shown += [repr(error), "".join(traceback.format_exception(error))]
        assert error.__cause__ is None and error.__context__ is None
        assert "[key]" in str(error)
    shown += [caplog.text, repr(pickle.dumps(model)), repr(vars(model))]
    for text in shown:
        for form in (KEY, json.dumps(KEY)[1:-1], KEY[:12], "4f9a8b7c6d5e"):
            assert form not in text


def test_the_key_is_in_no_config(
    monkeypatch: pytest.MonkeyPatch, start_server: StartServer, tmp_path: Path
) -> None:
    spacy = pytest.importorskip("spacy")
    monkeypatch.setenv("MY_KEY", KEY)
    nlp = spacy.blank("en")
    model = {"@llm_models": "spacy-nuner.Chat.v1", "name": "tiny", "key_env": "MY_KEY"}
    model["base_url"] = start_server(key=KEY).url
    task = {"@llm_tasks": "spacy-nuner.Concepts.v1"}
    nlp.add_pipe("llm", config={"model": model, "task": task, "save_io": True})
    doc = nlp("Mister Jones went to Paris")
    assert doc.spans["concepts"]
    assert KEY not in nlp.config.to_str() and "MY_KEY" in nlp.config.to_str()
    nlp.to_disk(tmp_path / "pipeline")
    for path in (tmp_path / "pipeline").rglob("*"):
        assert path.is_dir() or KEY.encode() not in path.read_bytes()
    assert KEY not in repr(doc.user_data)


@pytest.mark.parametrize(
    "settings, code",
    [
        ({"base_url": "https://me:secret@host/v1"}, "N111"),
        ({"base_url": "https://host/v1?key=secret"}, "N111"),
        ({"base_url": "host/v1"}, "N111"),
        ({"config": {"api_key": "secret"}}, "N112"),
        ({"headers": {"Authorization": "Bearer secret"}}, "N112"),
        ({"headers": {"X-Api-Key": "secret"}}, "N112"),
        ({"config": {"messages": []}}, "N113"),
        ({"max_concurrent": 0}, "N114"),
        ({"tokens_per_minute": -1.0}, "N114"),
    ],
)
def test_a_config_with_a_key_in_it_is_refused(settings: dict, code: str) -> None:
    with pytest.raises(ValueError, match=code) as info:
        make_chat_model("tiny", **settings)
    assert "secret" not in str(info.value)


def test_max_tokens_is_no_key() -> None:
    config = {"max_tokens": 100, "max_completion_tokens": 100, "logit_bias": {}}
    make_chat_model("tiny", config=config)


def test_files_that_hold_no_key(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"N115.*No such file"):
        read_key(None, tmp_path / "none")
    path = tmp_path / "key"
    for content, code in ((b"", "N115"), (b"\xff\xfe", "N115"), (b"two words", "N116")):
        path.write_bytes(content)
        with pytest.raises(ValueError, match=code) as info:
            read_key(None, path)
        assert "two words" not in str(info.value)


def test_a_key_shows_itself_nowhere() -> None:
    key = Key(KEY)
    assert KEY not in f"{key} {key!r}" and key.reveal() == KEY
    with pytest.raises(TypeError, match="N117"):
        pickle.dumps(key)


@pytest.mark.parametrize(
    "text",
    [
        f"Incorrect API key provided: {KEY}.",
        f"it was {KEY.upper()}",
        json.dumps({"Authorization": f"Bearer {KEY}"}),
        "of another: sk-proj-abcdefghijklmnop",
    ],
)
def test_what_servers_say_is_cleaned(text: str) -> None:
    cleaned = make_redactor(Key(KEY))(text)
    assert "[key]" in cleaned
    assert "4f9a" not in cleaned.lower() and "sk-proj" not in cleaned


def test_no_key_changes_nothing() -> None:
    text = "the model `tiny` does not exist, bearer of bad news"
    assert make_redactor(None)(text) == text
