"""Batches: written, sent once, collected, resumed, run by hand."""

import json
import pickle
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from spacy_nuner.annotate.answers import Answer, StreamingModel
from spacy_nuner.annotate.batch.files import list_requests, make_id, read_ids
from spacy_nuner.annotate.batch.model import BatchModel, make_batch_model
from spacy_nuner.annotate.batch.run import finish_requests
from tests.annotate.chat.conftest import make_prompts
from tests.annotate.conftest import RunningServer, StartServer
from tests.annotate.server_replies import make_completion, make_reply

KEY = "sk-batch-0123456789abcdef"


@pytest.fixture(autouse=True)
def key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "batches"  # the server's log is beside it
    path.mkdir()
    return path


def make(server: RunningServer | str, folder: Path, **settings: Any) -> BatchModel:
    url = server if isinstance(server, str) else server.url
    defaults = {"poll_interval": 0.02, "interval": 0.01}
    return make_batch_model("tiny", folder, url, **(defaults | settings))


def collect(model: BatchModel, prompts: list[str]) -> list[Answer]:
    found = list(model.stream(iter(prompts)))
    assert sorted(number for number, _ in found) == list(range(len(prompts)))
    return [answer for _, answer in sorted(found)]


def test_batches_are_sent_once_and_collected(
    start_server: StartServer, folder: Path
) -> None:
    server = start_server(latency=0.1, key=KEY)
    model = make(server, folder, max_requests=10)
    assert isinstance(model, StreamingModel)
    prompts = make_prompts(25)
    prompts += prompts[:2]  # twice the same is asked once
    answers = collect(model, prompts)
    assert [a.response for a in answers] == [make_reply(p) for p in prompts]
    assert sum(a.usage.completion_tokens > 0 for a in answers) == 25
    assert [len(list(read_ids(path))) for path in list_requests(folder)] == [
        10,
        10,
        5,
    ]
    # collected again, not asked again, also by a new process
    again = collect(pickle.loads(pickle.dumps(model)), prompts)
    assert [a.response for a in again] == [a.response for a in answers]
    assert len(server.requests()) == 25
    for path in folder.iterdir():
        assert KEY not in path.read_text()
    assert KEY not in repr(vars(model))


def test_files_hold_as_much_as_they_may(folder: Path) -> None:
    model = make("http://localhost:1/v1", folder, submit=False, max_bytes=1000)
    with pytest.raises(RuntimeError, match="N123"):
        list(model.stream(make_prompts(20)))
    sizes = [path.stat().st_size for path in list_requests(folder)]
    assert len(sizes) > 5 and max(sizes) <= 1000 and sum(sizes[:2]) > 1000


def test_what_failed_is_told_and_asked_anew(
    start_server: StartServer, folder: Path
) -> None:
    faults = {"400": 0.2, "empty": 0.2}
    server = start_server(faults=faults, fault_tries=1, seed=4)
    prompts = make_prompts(30)
    answers = collect(make(server, folder), prompts)
    failed = [a.error for a in answers if a.response is None]
    assert {error[:8] for error in failed} == {"HTTP 400", "the resp"}
    answers = collect(make(server, folder), prompts)
    assert [a.response for a in answers] == [make_reply(p) for p in prompts]
    statuses = Counter(request["status"] for request in server.requests())
    assert statuses["200"] == 30 and len(server.requests()) == 30 + len(failed)


def test_a_run_that_is_killed_while_it_waits_goes_on(
    start_server: StartServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server, prompts = start_server(latency=0.3), make_prompts(12)
    model = make(server, folder, max_requests=6)

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("spacy_nuner.annotate.batch.run.time.sleep", stop)
        with pytest.raises(KeyboardInterrupt):
            list(model.stream(prompts))
    # the second run has prompts of its own besides
    answers = collect(make(server, folder), [*prompts, "New.\n\nBerlin"])
    assert all(answer.response for answer in answers)
    counts = Counter(request["prompt"] for request in server.requests())
    assert len(counts) == 13 and set(counts.values()) == {1}


def test_a_batch_whose_number_was_lost_is_found_again(
    start_server: StartServer, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = start_server(latency=0.1)
    with monkeypatch.context() as patch:
        # killed between the creation of the batch and the writing of its number
        patch.setattr(
            "spacy_nuner.annotate.batch.run.look",
            lambda *_: pytest.fail("does not come so far"),
        )
        put = "spacy_nuner.annotate.batch.sent.Sent.put"
        from spacy_nuner.annotate.batch.sent import Sent

        real = Sent.put

        def dying(self: Sent, requests: Path, sent: Any) -> None:
            if sent["batch_id"]:
                raise KeyboardInterrupt
            real(self, requests, sent)

        patch.setattr(put, dying)
        with pytest.raises(KeyboardInterrupt):
            list(make(server, folder).stream(make_prompts(3)))
    assert all(a.response for a in collect(make(server, folder), make_prompts(3)))
    assert len(server.requests()) == 3


def run_by_hand(path: Path, n: int | None = None) -> Iterator[str]:
    """What `vllm run-batch` writes."""
    for row in path.read_text().splitlines()[:n]:
        request = json.loads(row)
        body = request["body"]
        completion = make_completion(body["messages"][-1]["content"], body)
        response = {"status_code": 200, "request_id": "r", "body": completion}
        record = {"id": "v", "custom_id": request["custom_id"], "response": response}
        yield json.dumps(record | {"error": None})


def test_a_file_can_be_run_by_hand(folder: Path) -> None:
    prompts = make_prompts(4)
    model = make("http://localhost:1/v1", folder, submit=False)
    for _ in range(2):  # the second start writes nothing new
        with pytest.raises(RuntimeError, match=r"N123.*4 prompts") as info:
            list(model.stream(prompts))
    (path,) = list_requests(folder)
    results = folder / "results-00001.jsonl"
    assert f"vllm run-batch -i {path} -o {results} --model tiny" in str(info.value)
    request = json.loads(path.read_text().splitlines()[0])
    assert {k: request[k] for k in ("method", "url")} == {
        "method": "POST",
        "url": "/v1/chat/completions",
    }
    assert request["custom_id"] == make_id(request["body"]).hex()
    results.write_text("\n".join(reversed([*run_by_hand(path)])) + "\n")
    answers = collect(model, prompts)
    assert [a.response for a in answers] == [make_reply(p) for p in prompts]
    # new prompts make a new file; known replies come before the message
    found = []
    with pytest.raises(RuntimeError, match=r"N123.*1 prompts"):
        for item in model.stream([*prompts, "New.\n\nBerlin"]):
            found.append(item)
    assert len(found) == 4 and len(list_requests(folder)) == 2


def test_results_that_lack_some_leave_the_rest_open(folder: Path) -> None:
    model = make("http://localhost:1/v1", folder, submit=False)
    with pytest.raises(RuntimeError, match="N123"):
        list(model.stream(make_prompts(4)))
    (path,) = list_requests(folder)
    (folder / "results-00001.jsonl").write_text("\n".join(run_by_hand(path, 3)))
    with pytest.raises(RuntimeError, match=r"N123.*1 prompts"):
        list(model.stream(make_prompts(4)))


@pytest.mark.parametrize(
    "line", ["{", "3", "[]", '{"custom_id": "zz"}', '{"custom_id": 3, "response": {}}']
)
def test_a_line_that_is_no_result(line: str, folder: Path) -> None:
    model = make("http://localhost:1/v1", folder, submit=False)
    with pytest.raises(RuntimeError):
        list(model.stream(make_prompts(1)))
    (folder / "results-00001.jsonl").write_text("\n" + line)
    with pytest.raises(ValueError, match=r"N125.*line 2"):
        list(model.stream(make_prompts(1)))


@pytest.mark.parametrize("content", ["", "[]", '{"requests-00001.jsonl": 3}'])
def test_a_damaged_record_stops(
    content: str, start_server: StartServer, folder: Path
) -> None:
    (folder / "batches.json").write_text(content)
    server = start_server()
    with pytest.raises(ValueError, match="N126"):
        list(make(server, folder).stream(make_prompts(1)))
    assert server.requests() == []


def test_a_server_without_batches(start_server: StartServer, folder: Path) -> None:
    server = start_server(key="another")
    with pytest.raises(
        RuntimeError, match=r"N118.*OPENAI_API_KEY and was sent"
    ) as info:
        list(make(server, folder).stream(make_prompts(1)))
    assert KEY not in str(info.value)
    url = server.url + "/none"
    with pytest.raises(RuntimeError, match=r"N118|N127"):
        list(make(url, folder).stream(make_prompts(1)))


def test_a_batch_that_is_refused_does_not_take_others_with_it(
    start_server: StartServer, folder: Path
) -> None:
    server = start_server(latency=0.05)
    model = make(server, folder, max_requests=2)
    server.change(refuse_batches=["batch-1"])
    answered = []
    with pytest.raises(RuntimeError, match=r"N124.*requests-00002.*too many"):
        for number, _ in model.stream(make_prompts(6)):
            answered.append(number)
    assert sorted(answered) == [0, 1, 4, 5]
    assert all(a.response for a in collect(model, make_prompts(6)))
    assert len(server.requests()) == 6


def test_nothing_waits_nothing_is_asked(folder: Path) -> None:
    model = make("http://localhost:1/v1", folder / "new")
    assert list(model.stream([])) == []
    assert list(finish_requests(model._settings, model._batches, "tiny")) == []


def test_works_as_spacy_llm_calls_it(start_server: StartServer, folder: Path) -> None:
    from spacy_llm.ty import validate_type_consistency

    from spacy_nuner.annotate.task import make_concept_task

    model, prompts = make(start_server(), folder), make_prompts(3)
    validate_type_consistency(make_concept_task(), model)
    assert model([prompts[:1], prompts[1:]]) == [
        [make_reply(prompts[0])],
        [make_reply(prompt) for prompt in prompts[1:]],
    ]
