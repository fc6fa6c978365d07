"""Servers that fail: what is tried again, what isn't, and when all stops."""

import logging
import threading
import time
from collections import Counter, defaultdict
from typing import Any

import pytest

from spacy_nuner.annotate.answers import Answer
from tests.annotate.chat.conftest import MakeModel, make_prompts
from tests.annotate.conftest import RunningServer, StartServer
from tests.annotate.server_replies import make_reply

AGAIN = ("408", "409", "425", "429", "500", "502", "503", "broken", "cut")
FINAL = ("400", "404", "413", "422", "content_filter")


def ask(make_model: MakeModel, server: RunningServer, n: int, **given: Any) -> list:
    found = dict(make_model(server, **given).stream(make_prompts(n)))
    assert sorted(found) == list(range(n))
    return [found[number] for number in range(n)]


@pytest.mark.parametrize("fault", [*AGAIN, "malformed", "empty"])
def test_what_may_pass_is_tried_again(
    fault: str, start_server: StartServer, make_model: MakeModel
) -> None:
    server = start_server(faults={fault: 1.0}, fault_tries=1, retry_after=0.05)
    prompts = make_prompts(8)
    answers = ask(make_model, server, 8)
    assert [a.response for a in answers] == [make_reply(p) for p in prompts]
    assert {a.n_tries for a in answers} == {2}
    statuses = Counter(request["status"] for request in server.requests())
    assert statuses == {fault: 8, "200": 8}


def test_a_server_that_hangs_is_asked_again(
    start_server: StartServer, make_model: MakeModel
) -> None:
    server = start_server(faults={"hang": 1.0}, fault_tries=1)
    answers = ask(make_model, server, 4, max_request_time=0.5)
    assert all(a.response for a in answers)
    assert {a.n_tries for a in answers} == {2}
    assert all(a.seconds >= 0.5 for a in answers)


@pytest.mark.parametrize("fault", FINAL)
def test_what_won_t_pass_is_told_at_once(
    fault: str, start_server: StartServer, make_model: MakeModel
) -> None:
    server = start_server(faults={fault: 0.5}, seed=3)
    answers = ask(make_model, server, 12)
    failed = [a for a in answers if a.response is None]
    assert 0 < len(failed) < 12
    reason = "content filter" if fault == "content_filter" else f"HTTP {fault}: "
    assert all(reason in a.error and a.n_tries == 1 for a in failed)
    assert len(server.requests()) == 12


def test_tries_end(start_server: StartServer, make_model: MakeModel) -> None:
    server = start_server(faults={"500": 1.0})
    answers = ask(make_model, server, 2, max_tries=3)
    assert [(a.response, a.n_tries) for a in answers] == [(None, 3)] * 2
    assert "HTTP 500" in answers[0].error
    assert len(server.requests()) == 6


@pytest.mark.parametrize(
    "form, seconds, least",
    # dates have whole seconds: 2.5 s ahead is 1.5 s at least
    [("seconds", 1.0, 1.0), ("ms", 0.5, 0.5), ("date", 2.5, 1.5)],
)
def test_retry_after_is_respected(
    form: str,
    seconds: float,
    least: float,
    start_server: StartServer,
    make_model: MakeModel,
) -> None:
    server = start_server(
        faults={"429": 1.0}, fault_tries=1, retry_after=seconds, retry_after_as=form
    )
    answers = ask(make_model, server, 3)
    assert all(a.response for a in answers)
    times = defaultdict(list)
    for request in server.requests():
        times[request["prompt"]].append(request["start"])
    gaps = [second - first for first, second in times.values()]
    assert min(gaps) >= least - 0.05 and max(gaps) < least + 2


def test_a_row_of_429_holds_all(
    start_server: StartServer, make_model: MakeModel
) -> None:
    server = start_server(faults={"429": 1.0}, retry_after=0.6)
    model = make_model(server, max_concurrent=4)
    stream = model.stream(make_prompts(100))
    started = time.time()
    timer = threading.Timer(0.4, server.change, kwargs={"faults": {}})
    timer.start()
    assert len(list(stream)) == 100
    timer.join()
    held = [r for r in server.requests() if 0.2 < r["start"] - started < 0.55]
    assert held == []  # nobody knocked during the pause
    turned_away = [r for r in server.requests() if r["status"] == "429"]
    assert len(turned_away) <= 8


def test_too_long_a_wait_stops(
    start_server: StartServer, make_model: MakeModel
) -> None:
    server = start_server(faults={"429": 1.0}, retry_after=3600)
    with pytest.raises(RuntimeError, match=r"N120.*3600 s"):
        list(make_model(server).stream(make_prompts(20)))


def test_a_storm_is_survived(start_server: StartServer, make_model: MakeModel) -> None:
    storm = {"429": 0.1, "500": 0.05, "broken": 0.02, "malformed": 0.01, "hang": 0.01}
    server = start_server(latency=0.01, faults=storm, retry_after=0.1, seed=1)
    answers = ask(make_model, server, 300, max_request_time=1.0, patience=1.0)
    assert [a.response for a in answers] == [make_reply(p) for p in make_prompts(300)]
    log: dict[str, list[str]] = defaultdict(list)
    for request in server.requests():
        log[request["prompt"]].append(request["status"])
    assert len(log) == 300
    # the last try has the reply, and none came after it
    assert all(s[-1] == "200" and s.count("200") == 1 for s in log.values())
    assert set(storm) < {status for s in log.values() for status in s}
    assert sum(a.n_tries for a in answers) == len(server.requests())


def test_a_storm_with_few_tries_tells_the_reason(
    start_server: StartServer, make_model: MakeModel
) -> None:
    server = start_server(faults={"500": 0.3, "broken": 0.2}, seed=1)
    answers = ask(make_model, server, 100, max_tries=1)
    failed = [a for a in answers if a.response is None]
    assert 30 < len(failed) < 70
    assert all("HTTP 500" in a.error or "connection broke" in a.error for a in failed)


def test_a_server_that_is_not_there(make_model: MakeModel) -> None:
    start = time.monotonic()
    with pytest.raises(
        RuntimeError, match=r"N119.*127.0.0.1:9.*counts as down"
    ) as info:
        list(make_model("http://127.0.0.1:9/v1").stream(make_prompts(100)))
    assert time.monotonic() - start < 5
    assert "connect" in str(info.value)


def test_a_wrong_address(start_server: StartServer, make_model: MakeModel) -> None:
    url = start_server().url + "/wrong"
    with pytest.raises(RuntimeError, match=r"N119.*HTTP 404.*check base_url"):
        list(make_model(url).stream(make_prompts(1000)))


def test_a_server_that_dies(start_server: StartServer, make_model: MakeModel) -> None:
    server, n = start_server(latency=0.01), 0
    model = make_model(server, patience=0.5, max_tries=1000)
    start = time.monotonic()
    with pytest.raises(RuntimeError, match="N119"):
        for _ in model.stream(make_prompts(100_000)):
            n += 1
            if n == 50:
                server.stop()
    assert time.monotonic() - start < 10
    # each reply that the server sent was handed on, save those cut on their way
    sent = sum(request["status"] == "200" for request in server.requests())
    assert n >= sent - 16


def test_a_server_that_comes_back(
    start_server: StartServer, make_model: MakeModel
) -> None:
    server = start_server(faults={"503": 1.0}, retry_after_as="none")
    timer = threading.Timer(0.5, server.change, kwargs={"faults": {}})
    timer.start()
    answers = ask(make_model, server, 40, patience=20.0, interval=0.1)
    timer.join()
    assert all(a.response for a in answers)


@pytest.mark.parametrize("status", ["401", "403"])
def test_a_refused_key_stops_at_once(
    status: str, start_server: StartServer, make_model: MakeModel
) -> None:
    server = start_server(faults={status: 1.0})
    with pytest.raises(RuntimeError, match=r"N118.*OPENAI_API_KEY and there was none"):
        list(make_model(server).stream(make_prompts(1000)))
    assert len(server.requests()) <= 16


def test_answers_under_way_come_before_the_error(
    start_server: StartServer, make_model: MakeModel
) -> None:
    server = start_server(latency=0.2, faults={"401": 0.1}, seed=5)
    answers: list[Answer] = []
    with pytest.raises(RuntimeError, match="N118"):
        for _, answer in make_model(server).stream(make_prompts(100)):
            answers.append(answer)
    paid = [r for r in server.requests() if r["status"] == "200"]
    assert len(paid) == len(answers) > 0


def test_replies_that_were_cut_off_are_kept_and_told(
    start_server: StartServer, make_model: MakeModel, caplog: pytest.LogCaptureFixture
) -> None:
    server = start_server(faults={"length": 1.0})
    with caplog.at_level(logging.WARNING, logger="spacy_nuner"):
        answers = ask(make_model, server, 3)
    whole = [make_reply(prompt) for prompt in make_prompts(3)]
    for answer, reply in zip(answers, whole, strict=True):
        assert (
            answer.response and reply.startswith(answer.response) and not answer.error
        )
    assert "[W112] 3 replies were cut off" in caplog.text
