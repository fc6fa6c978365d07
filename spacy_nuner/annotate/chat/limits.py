"""Requests and tokens per minute, and the pause when a server has too much."""

import asyncio
import time
from collections.abc import Awaitable, Callable

from aiolimiter import AsyncLimiter

from spacy_nuner.annotate.answers import Usage

_BURST = 5.0  # seconds' worth that may go at once
_FIRST_COMPLETION = 256.0  # tokens, until replies tell
_TOKENS_PER_BYTE = 0.25  # until the server tells
_WEIGHT = 0.05  # of the newest reply in a running mean


class Bucket:
    """So much per minute, whatever an amount is and whichever loop runs.

    A limiter of aiolimiter belongs to one event loop. Each batch of spacy-llm has its
    own loop, so what a batch has used is put into the limiter of the next.
    """

    def __init__(self, per_minute: float) -> None:
        """Begin full.

        per_minute (float): The limit.
        """
        self.rate = per_minute / 60  # a second
        self._debt = 0.0  # too little was taken before; below 0: too much
        self._level = 0.0
        self._time = time.monotonic()

    def open(self) -> None:
        """Begin in the running event loop."""
        self._limiter = AsyncLimiter(self.rate * _BURST, _BURST)
        self._debt, self._level = self._debt + self._level_now(), 0.0
        # first come, first served: alone, the limiter prefers small amounts
        self._turn = asyncio.Lock()

    async def take(self, amount: float) -> None:
        """Wait until so much may go.

        amount (float): Of requests or tokens.
        """
        async with self._turn:
            amount, self._debt = amount + self._debt, min(0.0, amount + self._debt)
            while amount > 0:
                part = min(amount, self._limiter.max_rate)
                await self._limiter.acquire(part)
                self._level = self._level_now() + part
                self._time = time.monotonic()
                amount -= part

    def correct(self, amount: float) -> None:
        """Say that more was used than taken, or less.

        amount (float): Below 0 for less.
        """
        self._debt += amount

    def _level_now(self) -> float:
        leaked = (time.monotonic() - self._time) * self.rate
        return max(0.0, self._level - leaked)


class Limits:
    """What a server allows in a minute."""

    def __init__(self, requests: float | None, tokens: float | None) -> None:
        """Make the buckets.

        requests (float | None): Per minute; None: no limit.
        tokens (float | None): Per minute, of prompts and replies; None: no limit.
        """
        self._requests = Bucket(requests) if requests is not None else None
        self._tokens = Bucket(tokens) if tokens is not None else None
        self._per_byte = _TOKENS_PER_BYTE
        self._completion = _FIRST_COMPLETION

    def open(self) -> None:
        """Begin in the running event loop."""
        for bucket in (self._requests, self._tokens):
            if bucket is not None:
                bucket.open()

    async def take(self, prompt: str) -> float:
        """Wait until a prompt may be asked.

        prompt (str): The whole prompt.
        RETURNS (float): Tokens that were taken for it and its reply: an estimate.
        """
        if self._requests is not None:
            await self._requests.take(1.0)
        if self._tokens is None:
            return 0.0
        tokens = _count_bytes(prompt) * self._per_byte + self._completion
        await self._tokens.take(tokens)
        return tokens

    def settle(self, prompt: str, taken: float, usage: Usage) -> None:
        """Correct the estimate by what the server counted.

        prompt (str): The whole prompt.
        taken (float): From `take`.
        usage (Usage): What the server counted; zeros: nothing.
        """
        if self._tokens is None or not usage.prompt_tokens:
            return
        self._tokens.correct(usage.prompt_tokens + usage.completion_tokens - taken)
        per_byte = usage.prompt_tokens / max(1, _count_bytes(prompt))
        self._per_byte += _WEIGHT * (per_byte - self._per_byte)
        self._completion += _WEIGHT * (usage.completion_tokens - self._completion)


class Pause:
    """Holds all requests when one after another is turned away.

    A single 429 among replies concerns its prompt, a row of them the account: asking
    on would only lengthen it.
    """

    def __init__(self, max_concurrent: int) -> None:
        """Begin without a pause.

        max_concurrent (int): Requests at once.
        """
        # Servers turn away at once and reply late: of many that are sent together, a
        # few come back as a row of 429 although the rest will be answered
        self._least = max(min(4, max_concurrent), max_concurrent // 2)
        self._n = 0
        self._until = 0.0

    def turned_away(self, after: float) -> None:
        """Take in a 429.

        after (float): Seconds until the prompt is asked again.
        """
        self._n += 1
        if self._n >= self._least:
            self._until = max(self._until, time.monotonic() + after)

    def let_in(self) -> None:
        """Take in anything else."""
        self._n = 0

    async def wait(self, sleep: Callable[[float], Awaitable[None]]) -> None:
        """Wait until the pause is over.

        sleep (Callable): A coroutine function that sleeps for seconds.
        """
        while (seconds := self._until - time.monotonic()) > 0:
            await sleep(seconds)


def _count_bytes(prompt: str) -> int:
    """Bytes in UTF-8: tokens follow them better than characters do."""
    if prompt.isascii():
        return len(prompt)
    return len(prompt.encode("utf8", errors="surrogatepass"))
