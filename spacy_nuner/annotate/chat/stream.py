"""Many prompts at once, from code that knows nothing of event loops.

The loop runs in a thread of its own, so that it works in a notebook or an actor, where
the main thread has a loop already. The prompts are taken in the caller's thread: what
they are read from, as a database, may belong to it.
"""

import asyncio
import threading
from collections.abc import Iterable, Iterator, Mapping
from queue import Empty, SimpleQueue
from typing import Any

from spacy_nuner.annotate.answers import Answer
from spacy_nuner.annotate.chat.client import Client, Stopped, open_client
from spacy_nuner.annotate.chat.limits import Limits
from spacy_nuner.annotate.chat.settings import Settings

_Answers = SimpleQueue[tuple[int, Answer] | BaseException]
_AHEAD = 2  # times max_concurrent: prompts that are taken before they have an answer


def stream_prompts(
    prompts: Iterable[str],
    settings: Settings,
    request: Mapping[str, Any],
    limits: Limits,
) -> Iterator[tuple[int, Answer]]:
    """Answer prompts, each as soon as it can be.

    prompts (Iterable[str]): Whole prompts; at most twice `max_concurrent` are taken
        before they have an answer.
    settings (Settings): How the server is reached.
    request (Mapping[str, Any]): From `make_request`.
    limits (Limits): Of requests and tokens per minute.
    YIELDS (tuple[int, Answer]): The number of the prompt, from 0, and its answer.
    RAISES (RuntimeError): If asking on makes no sense. Answers under way come first.
    """
    numbered = enumerate(prompts)
    room = settings.max_concurrent * _AHEAD
    n_open, more, broken = 0, True, None
    with _Loop(settings, request, limits) as loop:
        while more or n_open:
            is_full = n_open >= room or not more
            if not is_full:
                try:
                    loop.put(next(numbered))
                    n_open += 1
                except StopIteration:
                    more = False
                except Exception as error:  # whatever makes the prompts raises
                    more, broken = False, error
            for answer in loop.take(wait=is_full):
                n_open -= 1
                yield answer
        if broken is not None:
            raise broken


class _Loop:
    """An event loop in a thread of its own, for as long as the context lasts."""

    def __init__(
        self, settings: Settings, request: Mapping[str, Any], limits: Limits
    ) -> None:
        self._settings = settings
        self._request = request
        self._limits = limits
        self._answers: _Answers = SimpleQueue()
        self._ready = threading.Event()
        self._thread = threading.Thread(
            target=self._run, name="spacy-nuner-chat", daemon=True
        )

    def __enter__(self) -> "_Loop":
        self._thread.start()
        self._ready.wait()
        return self

    def __exit__(self, *_: object) -> None:
        self._loop.call_soon_threadsafe(self._closing.set)
        self._thread.join()

    def put(self, item: tuple[int, str]) -> None:
        """Hand a prompt over."""
        self._loop.call_soon_threadsafe(self._prompts.put_nowait, item)

    def take(self, *, wait: bool) -> Iterator[tuple[int, Answer]]:
        """Take the answers that are there.

        wait (bool): For one, if there is none.
        YIELDS (tuple[int, Answer]): Number of a prompt and its answer.
        RAISES (RuntimeError): If there won't be more.
        """
        while True:
            try:
                found = self._answers.get(block=wait)
            except Empty:
                return
            if isinstance(found, BaseException):
                raise found
            yield found
            wait = False

    def _run(self) -> None:
        asyncio.run(self._serve())

    async def _serve(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._closing = asyncio.Event()
        self._prompts: asyncio.Queue[tuple[int, str]] = asyncio.Queue()
        self._ready.set()
        try:
            async with open_client(
                self._settings, self._request, self._limits
            ) as client:
                await self._work(client)
        except Exception as error:  # raised again where the answers are taken
            self._answers.put(error)
        # not before: who takes answers may still hand prompts over
        await self._closing.wait()

    async def _work(self, client: Client) -> None:
        """Answer prompts until the context ends or the client gives up."""
        room = self._settings.max_concurrent * _AHEAD
        workers = {asyncio.create_task(self._answer(client)) for _ in range(room)}
        closing = asyncio.create_task(self._closing.wait())
        stopped = asyncio.create_task(client.stopped.wait())
        await asyncio.wait({closing, stopped}, return_when=asyncio.FIRST_COMPLETED)
        if client.error is not None:
            # what is under way is paid for: it may still arrive
            under_way = {task for task in workers if task in client.sending}
            for task in workers - under_way:
                task.cancel()
            rest: asyncio.Future[Any] = asyncio.gather(
                *under_way, return_exceptions=True
            )
            ends: set[asyncio.Future[Any]] = {closing, rest}
            await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
            self._answers.put(client.error)
        for task in (*workers, closing, stopped):
            task.cancel()
        await asyncio.gather(*workers, closing, stopped, return_exceptions=True)

    async def _answer(self, client: Client) -> None:
        """Answer one prompt after another."""
        while not client.stopped.is_set():
            number, prompt = await self._prompts.get()
            try:
                self._answers.put((number, await client.ask(prompt)))
            except Stopped:
                return
            except Exception as error:  # of ours: it must not end in silence
                self._answers.put(error)
                return
