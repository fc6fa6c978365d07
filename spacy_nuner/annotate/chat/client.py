"""Ask one prompt, as often as it takes."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from tenacity import AsyncRetrying, retry_if_exception, stop_after_attempt

from spacy_nuner.annotate.answers import Answer
from spacy_nuner.annotate.chat.breaker import Breaker
from spacy_nuner.annotate.chat.failure import Failure
from spacy_nuner.annotate.chat.http import Http, open_http
from spacy_nuner.annotate.chat.limits import Limits, Pause
from spacy_nuner.annotate.chat.protocol import Completion, add_prompt, read_completion
from spacy_nuner.annotate.chat.retry import is_worth_a_try, make_wait, tell_refusal
from spacy_nuner.annotate.chat.settings import Settings
from spacy_nuner.errors import Errors, Warnings

logger = logging.getLogger(__name__)


class Stopped(Exception):
    """No prompt is asked any more; the reason is in `Client.error`."""


class _Question:
    """A prompt that is being asked."""

    __slots__ = ("n_tries", "prompt", "start")

    def __init__(self, prompt: str) -> None:
        self.prompt = prompt
        self.n_tries = 0
        self.start = 0.0


class Client:
    """Asks prompts of one server; all of a run share its limits and its breaker."""

    def __init__(
        self, http: Http, settings: Settings, request: Mapping[str, Any], limits: Limits
    ) -> None:
        """Begin in the running event loop, see `open_client`.

        http (Http): Session with the server.
        settings (Settings): How hard it may be pressed.
        request (Mapping[str, Any]): From `make_request`.
        limits (Limits): Of requests and tokens per minute.
        """
        self._http = http
        self._settings = settings
        self._request = request
        self._limits = limits
        self._slots = asyncio.Semaphore(settings.max_concurrent)
        self._pause = Pause(settings.max_concurrent)
        self._breaker = Breaker(settings.patience)
        self._retrying = AsyncRetrying(
            retry=retry_if_exception(is_worth_a_try),
            stop=stop_after_attempt(settings.max_tries),
            wait=make_wait(settings.interval, lambda: self._breaker.is_fine),
            sleep=self._sleep,
            reraise=True,
        )
        self.stopped = asyncio.Event()
        self.error: RuntimeError | None = None
        self.sending: set[asyncio.Task[Any] | None] = set()
        self.n_cut = 0

    async def ask(self, prompt: str) -> Answer:
        """Ask a prompt until there is a reply, or no hope of one.

        prompt (str): The whole prompt.
        RETURNS (Answer): The reply, or why there is none.
        RAISES (Stopped): If no prompt is asked any more.
        """
        question = _Question(prompt)
        # tenacity keeps the state of a call in the object: each needs a copy
        retrying = self._retrying.copy()
        try:
            completion: Completion = await retrying(self._try, question)
        except Failure as failure:
            if failure.verdict in ("refused", "empty"):
                has_key = self._http.has_key
                self._stop(tell_refusal(failure, self._settings, has_key=has_key))
                raise Stopped from None
            seconds = time.monotonic() - question.start
            return Answer(
                None, failure.reason, seconds=seconds, n_tries=question.n_tries
            )
        if completion.is_cut:
            self._note_cut()
        return Answer(
            completion.reply,
            usage=completion.usage,
            seconds=time.monotonic() - question.start,
            n_tries=question.n_tries,
        )

    async def _try(self, question: _Question) -> Completion:
        """Ask once. Only this takes a place of max_concurrent, no wait does."""
        async with self._slots:
            await self._pause.wait(self._sleep)
            taken = await self._limits.take(question.prompt)
            if self.stopped.is_set():
                raise Stopped
            question.n_tries += 1
            question.start = question.start or time.monotonic()
            task = asyncio.current_task()
            self.sending.add(task)
            try:
                completion = read_completion(
                    await self._http.send(
                        "POST",
                        "/chat/completions",
                        add_prompt(self._request, question.prompt),
                    )
                )
            except Failure as failure:
                self._record(failure)
                raise
            finally:
                self.sending.discard(task)
        self._breaker.record("alive")
        self._pause.let_in()
        self._limits.settle(question.prompt, taken, completion.usage)
        return completion

    def _record(self, failure: Failure) -> None:
        """Draw conclusions for all other prompts."""
        if failure.sign == "busy":
            self._pause.turned_away(failure.after or self._settings.interval)
        else:
            self._pause.let_in()
        if self._breaker.record(failure.sign):
            self._stop(
                Errors.N119.format(
                    url=self._settings.base_url,
                    n=self._breaker.n_failures,
                    seconds=self._breaker.seconds,
                    reason=failure.reason,
                )
            )
        elif (failure.after or 0.0) > self._settings.max_wait:
            self._stop(
                Errors.N120.format(
                    url=self._settings.base_url,
                    seconds=failure.after,
                    max_wait=self._settings.max_wait,
                    reason=failure.reason,
                )
            )

    async def _sleep(self, seconds: float) -> None:
        """Sleep, unless nothing is asked any more."""
        if not self.stopped.is_set():
            try:
                async with asyncio.timeout(seconds):
                    await self.stopped.wait()
            except TimeoutError:
                return
        raise Stopped

    def _stop(self, message: str) -> None:
        """Ask nothing any more; what is under way may still arrive."""
        if self.error is None:
            self.error = RuntimeError(message)
            self.stopped.set()

    def _note_cut(self) -> None:
        self.n_cut += 1
        if self.n_cut == 1:
            logger.warning(Warnings.W112.format(n=1))


@asynccontextmanager
async def open_client(
    settings: Settings, request: Mapping[str, Any], limits: Limits
) -> AsyncIterator[Client]:
    """Open a client in the running event loop.

    settings (Settings): How the server is reached.
    request (Mapping[str, Any]): From `make_request`.
    limits (Limits): Kept from one event loop to the next.
    YIELDS (Client): Asks prompts.
    """
    limits.open()
    async with open_http(settings) as http:
        client = Client(http, settings, request, limits)
        yield client
        if client.n_cut > 1:
            logger.warning(Warnings.W112.format(n=client.n_cut))
