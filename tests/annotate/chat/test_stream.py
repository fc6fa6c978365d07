"""Many prompts at once: all answered, bounded, cancelled without a trace."""

import asyncio
import threading
import time
from collections import Counter
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from spacy_nuner.annotate.answers import StreamingModel, stream_answers
from tests.annotate.chat.conftest import MakeModel, make_prompts
from tests.annotate.conftest import StartServer
from tests.annotate.server_replies import make_reply

N_THREADS = threading.active_count


def test_each_prompt_is_answered_once(
    start_server: StartServer, make_model: MakeModel
) -> None:
    server, prompts = start_server(latency=0.01), make_prompts(200)
    model = make_model(server)
    assert isinstance(model, StreamingModel)
    found = list(stream_answers(model, prompts))
    assert sorted(number for number, _ in found) == list(range(200))
    for number, answer in found:
        assert answer.response == make_reply(prompts[number])
        assert answer.error == "" and answer.n_tries == 1
        assert answer.usage.prompt_tokens and answer.usage.completion_tokens
        assert 0.01 <= answer.seconds < 10
    counts = Counter(request["prompt"] for request in server.requests())
    assert len(counts) == 200 and set(counts.values()) == {1}


def test_the_limit_is_used_and_never_passed(
    start_server: StartServer, make_model: MakeModel
) -> None:
    server = start_server(latency=0.2)
    model = make_model(server, max_concurrent=20)
    start = time.monotonic()
    assert len(list(model.stream(make_prompts(200)))) == 200
    seconds = time.monotonic() - start
    n_open = [request["open"] for request in server.requests()]
    assert max(n_open) == 20
    assert sum(request["end"] - request["start"] for request in server.requests()) > (
        0.5 * 20 * seconds
    )


def test_prompts_are_taken_only_as_there_is_room(
    start_server: StartServer, make_model: MakeModel
) -> None:
    server, taken, n_answers = start_server(latency=0.005), [], 0

    def prompts() -> Iterator[str]:
        for prompt in make_prompts(300):
            taken.append(prompt)
            assert threading.current_thread() is threading.main_thread()
            yield prompt

    for _ in make_model(server, max_concurrent=4).stream(prompts()):
        n_answers += 1
        assert len(taken) - n_answers <= 8
    assert n_answers == 300


def test_answers_do_not_wait_for_a_slow_source(
    start_server: StartServer, make_model: MakeModel
) -> None:
    server, events = start_server(), []

    def prompts() -> Iterator[str]:
        for number, prompt in enumerate(make_prompts(4)):
            time.sleep(0.15)
            events.append(("taken", number))
            yield prompt

    for number, _ in make_model(server).stream(prompts()):
        events.append(("answered", number))
    assert events.index(("answered", 0)) < events.index(("taken", 3))


def test_a_stream_that_is_closed_leaves_nothing_behind(
    start_server: StartServer, make_model: MakeModel
) -> None:
    before = N_THREADS()
    server = start_server(latency=0.3)
    stream = make_model(server).stream(make_prompts(1000))
    next(stream)
    assert N_THREADS() == before + 1
    start = time.monotonic()
    stream.close()
    assert time.monotonic() - start < 0.25  # did not wait for what was under way
    assert N_THREADS() == before
    time.sleep(0.5)
    assert len(server.requests()) <= 2 * 16 + 16


def test_a_source_that_breaks_loses_no_answer(
    start_server: StartServer, make_model: MakeModel
) -> None:
    server, numbers = start_server(latency=0.05), []

    def prompts() -> Iterator[str]:
        yield from make_prompts(10)
        raise OSError("the disk is gone")

    with pytest.raises(OSError, match="the disk is gone"):
        for number, _ in make_model(server).stream(prompts()):
            numbers.append(number)
    assert sorted(numbers) == list(range(10))


def test_an_error_where_answers_are_taken_ends_the_thread(
    start_server: StartServer, make_model: MakeModel
) -> None:
    before = N_THREADS()
    server = start_server(latency=0.01)
    with pytest.raises(KeyboardInterrupt):
        for _ in make_model(server).stream(make_prompts(100)):
            raise KeyboardInterrupt
    deadline = time.monotonic() + 5
    while N_THREADS() > before and time.monotonic() < deadline:
        time.sleep(0.01)
    assert N_THREADS() == before


def test_works_where_a_loop_is_running(
    start_server: StartServer, make_model: MakeModel
) -> None:
    model = make_model(start_server())

    async def notebook() -> int:
        return len(list(model.stream(make_prompts(5))))

    assert asyncio.run(notebook()) == 5


def test_no_prompts_ask_nothing(
    start_server: StartServer, make_model: MakeModel
) -> None:
    server = start_server()
    assert list(make_model(server).stream([])) == []
    assert server.requests() == []


def test_odd_prompts_arrive_as_they_are(
    start_server: StartServer, make_model: MakeModel
) -> None:
    from tests.annotate.server import hash_text

    server = start_server()
    model = make_model(server)

    @settings(
        max_examples=30,
        deadline=None,
        suppress_health_check=[HealthCheck.function_scoped_fixture],
    )
    @given(st.lists(st.text(st.characters()), max_size=8))
    def check(prompts: list[str]) -> None:
        n_before = len(server.requests())
        # halves of surrogate pairs can't be in a file, but may be in a prompt
        prompts = [*prompts, "NUL \0 emoji 🥐 half \ud83d word"]
        found = dict(model.stream(prompts))
        assert sorted(found) == list(range(len(prompts)))
        for number, answer in found.items():
            assert answer.response == make_reply(prompts[number])
        asked = Counter(r["prompt"] for r in server.requests()[n_before:])
        assert asked == Counter(hash_text(prompt) for prompt in prompts)

    check()
