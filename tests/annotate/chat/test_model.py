"""The model in spacy-llm: order, failures, batches, settings that are passed on."""

import logging
import pickle
from typing import Any

import pytest
import spacy
from spacy_llm.ty import validate_type_consistency

from spacy_nuner.annotate.task import make_concept_task
from tests.annotate.chat.conftest import MakeModel, make_prompts
from tests.annotate.conftest import StartServer
from tests.annotate.server_replies import make_reply

TEXTS = [f"Mister Jones went to Paris number {i}" for i in range(50)]


def test_order_is_kept(start_server: StartServer, make_model: MakeModel) -> None:
    # faults and few places make replies arrive out of order
    server = start_server(latency=0.005, faults={"500": 0.3})
    prompts = make_prompts(40)
    nested = [prompts[:1], [], prompts[1:4], prompts[4:]]
    replies = make_model(server)(iter(nested))
    assert replies == [[make_reply(p) for p in some] for some in nested]


def test_one_failed_prompt_takes_no_other_with_it(
    start_server: StartServer, make_model: MakeModel, caplog: pytest.LogCaptureFixture
) -> None:
    server, prompts = start_server(faults={"400": 0.2}, seed=2), make_prompts(40)
    with caplog.at_level(logging.WARNING, logger="spacy_nuner"):
        (replies,) = make_model(server)([prompts])
    n_failed = sum(reply == "" for reply in replies)
    assert 0 < n_failed < 20
    assert caplog.text.count("[W111]") == n_failed
    assert all(
        reply in ("", make_reply(prompt))
        for reply, prompt in zip(replies, prompts, strict=True)
    )
    with pytest.raises(RuntimeError, match=r"N122.* of 40 prompts.*HTTP 400"):
        make_model(server, strict=True)([prompts])
    assert len(server.requests()) == 80


def test_works_in_a_pipeline(start_server: StartServer, make_model: MakeModel) -> None:
    server = start_server(latency=0.02)
    nlp = spacy.blank("en")
    model = {
        "@llm_models": "spacy-nuner.Chat.v1",
        "name": "tiny",
        "base_url": server.url,
        "config": {"temperature": 0.0},
    }
    task = {"@llm_tasks": "spacy-nuner.Concepts.v1"}
    nlp.add_pipe("llm", config={"model": model, "task": task, "save_io": True})
    docs = list(nlp.pipe(TEXTS, batch_size=25))
    assert [doc.text for doc in docs] == TEXTS
    for doc in docs:
        llm_io = doc.user_data["llm_io"]["llm"]
        assert llm_io["response"] == make_reply(llm_io["prompt"])
        assert "Jones" in [span.text for span in doc.spans["concepts"]]
    assert max(request["open"] for request in server.requests()) > 10


def test_types_are_those_that_spacy_llm_looks_for(make_model: MakeModel) -> None:
    model = make_model("http://localhost:1/v1", context_length=4096)
    validate_type_consistency(make_concept_task(), model)  # a warning is an error
    assert model.context_length == 4096


def test_a_pickled_model_is_the_same(
    start_server: StartServer, make_model: MakeModel
) -> None:
    model = make_model(start_server(), strict=True, requests_per_minute=6000)
    again = pickle.loads(pickle.dumps(model))
    prompts = [make_prompts(3)]
    assert again(prompts) == model(prompts)
    assert repr(again) == repr(model)
    assert again._strict and again._settings == model._settings


@pytest.mark.parametrize("structured", [False, True])
def test_settings_reach_the_server(structured: bool, make_model: MakeModel) -> None:
    config: dict[str, Any] = {"temperature": 0.5, "seed": 3}
    model = make_model("http://localhost:1", config=config, structured=structured)
    request = dict(model._request)
    schema = request.pop("response_format", None)
    assert request == {"model": "tiny", "temperature": 0.5, "seed": 3}
    assert (schema is not None) == structured


def test_requests_per_minute_hold_over_batches(
    start_server: StartServer, make_model: MakeModel
) -> None:
    server = start_server()
    # 10 a second, of which 5 seconds' worth may go at once
    model = make_model(server, requests_per_minute=600, max_concurrent=64)
    for prompts in (make_prompts(30), make_prompts(35)):
        model([prompts])
    times = sorted(request["start"] for request in server.requests())
    assert len(times) == 65
    assert times[-1] - times[0] >= 1.2
    for first, last in zip(times, times[55:], strict=False):
        assert last - first >= 0.3
