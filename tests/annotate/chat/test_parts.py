"""Parts of the model alone: Retry-After, limits, breaker, responses."""

import asyncio
import json
import time

import pytest

from spacy_nuner.annotate.answers import Usage
from spacy_nuner.annotate.chat.breaker import Breaker
from spacy_nuner.annotate.chat.failure import Failure, judge_status
from spacy_nuner.annotate.chat.limits import Bucket, Limits, Pause
from spacy_nuner.annotate.chat.protocol import add_prompt, read_completion
from spacy_nuner.annotate.chat.retry_after import read_retry_after

DATE = "Wed, 21 Oct 2015 07:28:00 GMT"
DATE_SECONDS = 1445412480.0


@pytest.mark.parametrize(
    "headers, seconds",
    [
        ({}, None),
        ({"Retry-After": "3"}, 3.0),
        ({"Retry-After": "0.5"}, 0.5),
        ({"Retry-After": "3", "retry-after-ms": "250"}, 0.25),
        ({"Retry-After": DATE}, 10.0),
        ({"Retry-After": "-3"}, None),
        ({"Retry-After": "nan"}, None),
        ({"Retry-After": "inf"}, None),
        ({"Retry-After": "soon"}, None),
        ({"retry-after-ms": "soon", "Retry-After": "1"}, 1.0),
    ],
)
def test_retry_after(headers: dict[str, str], seconds: float | None) -> None:
    assert read_retry_after(headers, now=DATE_SECONDS - 10) == seconds


def test_a_date_in_the_past_is_now() -> None:
    assert read_retry_after({"Retry-After": DATE}) == 0.0


@pytest.mark.parametrize(
    "body, reason",
    [
        (b"", "no JSON"),
        (b'{"choices": [', "no JSON"),
        (b"\xff", "no JSON"),
        (b"[" * 100_000, "no JSON"),
        (b"[]", "no choices"),
        (b"3", "no choices"),
        (b'{"choices": []}', "no choices"),
        (b'{"choices": [7]}', "no choices"),
        (b'{"choices": [{"message": "x"}]}', "no choices"),
        (b'{"choices": [{"message": {}}]}', "no content"),
        (b'{"choices": [{"message": {"content": 5}}]}', "no content"),
    ],
)
def test_bodies_without_a_reply(body: bytes, reason: str) -> None:
    with pytest.raises(Failure, match=reason) as info:
        read_completion(body)
    assert info.value.verdict == "again"


def complete(**choice: object) -> bytes:
    return json.dumps({"choices": [choice]}).encode()


def test_replies_of_several_forms() -> None:
    plain = read_completion(complete(message={"content": "a <> b <> c"}))
    assert (plain.reply, plain.usage, plain.is_cut) == ("a <> b <> c", Usage(), False)
    parts = [{"type": "text", "text": "a "}, {"type": "text", "text": "<> b"}, 3]
    assert read_completion(complete(message={"content": parts})).reply == "a <> b"
    cut = read_completion(complete(message={"content": "a"}, finish_reason="length"))
    assert cut.is_cut
    assert read_completion(complete(message={"content": ""})).reply == ""
    # a pair is joined, a half is replaced: no file can hold it
    odd = b'{"choices": [{"message": {"content": "\\ud83e\\udd50 \\ud83e"}}]}'
    assert read_completion(odd).reply == "🥐 \ufffd"


@pytest.mark.parametrize(
    "choice, reason",
    [
        ({"message": {"content": None, "refusal": "No."}}, "refused: No."),
        ({"message": {"content": None}, "finish_reason": "length"}, "max_tokens"),
        ({"message": {"content": ""}, "finish_reason": "content_filter"}, "filter"),
    ],
)
def test_prompts_that_get_no_reply(choice: dict, reason: str) -> None:
    with pytest.raises(Failure, match=reason) as info:
        read_completion(complete(**choice))
    assert info.value.verdict == "final"


@pytest.mark.parametrize(
    "status, body, verdict, sign",
    [
        (400, b"{}", "final", "alive"),
        (404, b'{"detail": "Not Found"}', "final", "unreachable"),
        (308, b"", "final", "unreachable"),
        (402, b"", "empty", "alive"),
        (429, b'{"error": {"code": "insufficient_quota"}}', "empty", "alive"),
        (429, b'{"error": {"code": "rate_limit_exceeded"}}', "again", "busy"),
        (429, b'{"error": "slow down"}', "again", "busy"),
        (500, b"<html>", "again", "down"),
        (599, b"[1]", "again", "down"),
        (401, b"", "refused", "alive"),
    ],
)
def test_what_a_status_means(status: int, body: bytes, verdict: str, sign: str) -> None:
    failure = judge_status(status, {}, body, str)
    assert (failure.verdict, failure.sign) == (verdict, sign)
    assert failure.reason.startswith(f"HTTP {status}: ")


def test_a_long_message_is_cut_after_the_key_is_out() -> None:
    body = ("x" * 280 + " KEY" * 100 + "\n\n\x00").encode()
    failure = judge_status(400, {}, body, lambda text: text.replace("KEY", "***"))
    assert len(failure.reason) < 310 and "K" not in failure.reason


def test_the_breaker_needs_a_row_and_time() -> None:
    breaker = Breaker(patience=0.05, least=3)
    assert not any(breaker.record("down") for _ in range(10))
    time.sleep(0.06)
    assert not breaker.record("alive")
    assert not any(breaker.record("down") for _ in range(3))
    time.sleep(0.06)
    assert not breaker.record("busy")
    assert breaker.record("unreachable")


def test_a_server_that_never_was_there_is_given_up_at_once() -> None:
    breaker = Breaker(patience=100.0, least=3)
    assert [breaker.record("unreachable") for _ in range(3)] == [False, False, True]
    breaker = Breaker(patience=100.0, least=3)
    breaker.record("down")
    assert not any(breaker.record("unreachable") for _ in range(20))


def test_a_server_is_fine_while_failures_are_rare() -> None:
    breaker = Breaker(patience=100.0)
    breaker.record("down")
    assert not breaker.is_fine
    breaker.record("alive")
    for _ in range(3):
        breaker.record("down")
        assert breaker.is_fine
    for _ in range(3):
        breaker.record("down")
    assert not breaker.is_fine


def test_a_bucket_counts_across_loops() -> None:
    bucket = Bucket(per_minute=1200)  # 20 a second, 100 at once

    async def take(*amounts: float) -> None:
        bucket.open()
        for amount in amounts:
            await bucket.take(amount)

    start = time.monotonic()
    asyncio.run(take(60.0))
    asyncio.run(take(40.0))
    assert time.monotonic() - start < 0.2
    asyncio.run(take(10.0))
    assert 0.35 < time.monotonic() - start < 1.0
    # more than there is room for at once
    asyncio.run(take(110.0))
    assert 5.5 < time.monotonic() - start < 7.0


@pytest.mark.parametrize("max_concurrent, least", [(1, 1), (4, 4), (16, 8), (64, 32)])
def test_a_few_429_of_many_requests_hold_nobody(
    max_concurrent: int, least: int
) -> None:
    pause, slept = Pause(max_concurrent), []

    async def sleep(seconds: float) -> None:
        slept.append(seconds)
        pause._until = 0.0

    for _ in range(least - 1):
        pause.turned_away(5.0)
    asyncio.run(pause.wait(sleep))
    assert slept == []
    pause.turned_away(5.0)
    asyncio.run(pause.wait(sleep))
    assert slept == [pytest.approx(5.0, abs=0.1)]
    pause.let_in()
    pause.turned_away(5.0)
    asyncio.run(pause.wait(sleep))
    assert len(slept) == (2 if least == 1 else 1)


def test_tokens_are_estimated_and_corrected() -> None:
    limits = Limits(None, tokens=1_200_000)
    prompt = "x" * 400

    async def settle() -> list[float]:
        limits.open()
        taken = []
        for _ in range(700):
            taken.append(await limits.take(prompt))
            limits.settle(prompt, taken[-1], Usage(200, 10))
        return taken

    start = time.monotonic()
    # the first guess: 4 bytes a token, 256 of the reply
    first, *_, last = asyncio.run(settle())
    seconds = time.monotonic() - start
    assert first == 100 + 256
    assert last == pytest.approx(210, abs=5)
    # 700 × 210 tokens at 20,000 a second, 100,000 of them at once
    assert seconds == pytest.approx(2.35, abs=0.5)


def test_a_request_is_ascii() -> None:
    body = add_prompt({"model": "m"}, "é \ud800 \0")
    assert body.isascii()
    assert json.loads(body)["messages"][0]["content"] == "é \ud800 \0"
