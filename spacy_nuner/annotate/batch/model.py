"""A server's batches as a model for spacy-llm: `spacy-nuner.Batch.v1`.

Batches cost half and take up to a day. The same files run through `vllm run-batch`.
spacy-llm reads the annotations at run time and looks for `typing.Iterable` by name.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, Iterable  # noqa: UP035

from confection import SimpleFrozenDict

from spacy_nuner.annotate.answers import Answer
from spacy_nuner.annotate.batch.files import (
    RequestWriter,
    list_requests,
    make_id,
    read_ids,
    read_results,
)
from spacy_nuner.annotate.batch.run import BatchSettings, finish_requests, is_finished
from spacy_nuner.annotate.chat.key import make_redactor, read_key
from spacy_nuner.annotate.chat.nested import answer_nested
from spacy_nuner.annotate.chat.protocol import make_request
from spacy_nuner.annotate.chat.settings import Settings, check_config, check_settings
from spacy_nuner.errors import Errors

_NO_REPLY: Final = "the batch ended without a reply"


def make_batch_model(
    name: str,
    folder: Path,
    base_url: str = "https://api.openai.com/v1",
    config: dict[str, Any] = SimpleFrozenDict(),  # noqa: B008
    structured: bool = False,
    submit: bool = True,
    key_env: str | None = "OPENAI_API_KEY",
    key_file: Path | None = None,
    key_header: str = "Authorization",
    headers: dict[str, str] = SimpleFrozenDict(),  # noqa: B008
    poll_interval: float = 30.0,
    completion_window: str = "24h",
    max_requests: int = 50_000,
    max_bytes: int = 200_000_000,
    max_batches: int = 10,
    max_request_time: float = 600.0,
    max_tries: int = 8,
    interval: float = 1.0,
    strict: bool = False,
    context_length: int | None = None,
) -> "BatchModel":
    """Make the model (registered as `spacy-nuner.Batch.v1`).

    name (str): Of the LLM, as the server calls it.
    folder (Path): Where requests, results and the record of what was sent are kept.
    base_url (str): Address of the server, before "/files" and "/batches".
    config (dict[str, Any]): Part of each request: temperature, max_tokens, seed.
    structured (bool): Ask for JSON of a schema in place of the paper's lines.
    submit (bool): Send the files. Else they are only written, and the run stops and
        says what to do; results that lie beside them are read at the next start.
    key_env (str | None): Variable of the environment with the key.
    key_file (Path | None): File with the key; goes before the variable.
    key_header (str): Header that carries the key.
    headers (dict[str, str]): Further headers; no keys.
    poll_interval (float): Seconds until a batch is looked after again.
    completion_window (str): What the server is asked for.
    max_requests (int): In a file.
    max_bytes (int): Of a file.
    max_batches (int): On the server at once.
    max_request_time (float): Seconds for sending or fetching a file.
    max_tries (int): Tries for that.
    interval (float): Seconds before the second try, at most; doubled at each further.
    strict (bool): Whether a call fails when one of its prompts does.
    context_length (int | None): Tokens of a prompt, for tasks that split texts.
    RETURNS (BatchModel): The model.
    RAISES (ValueError): If a setting makes no sense, or holds a key.
    """
    settings = Settings(
        base_url=base_url,
        key_env=key_env,
        key_file=key_file,
        key_header=key_header,
        headers=dict(headers),
        max_concurrent=1,
        requests_per_minute=None,
        tokens_per_minute=None,
        max_request_time=max_request_time,
        max_tries=max_tries,
        interval=interval,
        max_wait=max_request_time,
        patience=max_request_time,
    )
    batches = BatchSettings(
        folder=Path(folder),
        submit=submit,
        poll_interval=poll_interval,
        completion_window=completion_window,
        max_requests=max_requests,
        max_bytes=max_bytes,
        max_batches=max_batches,
    )
    for limit in ("poll_interval", "max_requests", "max_bytes", "max_batches"):
        if not (value := getattr(batches, limit)) > 0:
            raise ValueError(Errors.N114.format(name=limit, value=value))
    request = make_request(name, check_config(config), structured=structured)
    return BatchModel(
        check_settings(settings),
        batches,
        request,
        strict=strict,
        context_length=context_length,
    )


class BatchModel:
    """Answers prompts by batches; what was sent before is collected, not sent again."""

    def __init__(
        self,
        settings: Settings,
        batches: BatchSettings,
        request: dict[str, Any],
        *,
        strict: bool = False,
        context_length: int | None = None,
    ) -> None:
        """Keep the settings; nothing is read or sent before the first prompt.

        settings (Settings): How the server is reached.
        batches (BatchSettings): How requests become batches.
        request (dict[str, Any]): What all requests have in common.
        strict (bool): Whether a call fails when one of its prompts does.
        context_length (int | None): Tokens of a prompt.
        """
        self._settings = settings
        self._batches = batches
        self._request = request
        self._strict = strict
        self._context_length = context_length

    def __call__(self, prompts: Iterable[Iterable[str]]) -> Iterable[Iterable[str]]:
        """Answer prompts, once their batch is done.

        prompts (Iterable[Iterable[str]]): The prompts of each text.
        RETURNS (Iterable[Iterable[str]]): A reply for each prompt, in their order; ""
            where there is none.
        RAISES (RuntimeError): As `stream`; where the model is strict, if one failed.
        """
        return answer_nested(self, prompts, strict=self._strict)

    @property
    def context_length(self) -> int | None:
        """Tokens of a prompt; spacy-llm asks before it splits texts."""
        return self._context_length

    def stream(self, prompts: Iterable[str]) -> Iterator[tuple[int, Answer]]:
        """Answer prompts: all are read first, for the batches to be made.

        prompts (Iterable[str]): Whole prompts.
        YIELDS (tuple[int, Answer]): The number of the prompt, from 0, and its answer.
        RAISES (RuntimeError): If files wait to be run by hand, if the server takes no
            batches or has refused one.
        """
        folder = self._batches.folder
        folder.mkdir(parents=True, exist_ok=True)
        numbers = self._write_requests(prompts)
        reasons: dict[bytes, str] = {}
        key = read_key(self._settings.key_env, self._settings.key_file)
        redact = make_redactor(key)
        finished = [path for path in list_requests(folder) if is_finished(path)]
        for path in finished:
            yield from _take_results(path, numbers, reasons)
        name = self._request["model"]
        for path in finish_requests(self._settings, self._batches, name):
            yield from _take_results(path, numbers, reasons)
        for id_, waiting in numbers.items():
            answer = Answer(None, redact(reasons.get(id_, _NO_REPLY)))
            yield from ((number, answer) for number in waiting)

    def _write_requests(self, prompts: Iterable[str]) -> dict[bytes, list[int]]:
        """Write what has no reply and is not under way; RETURNS who waits for what."""
        folder, known = self._batches.folder, set()
        for path in list_requests(folder):
            if is_finished(path):
                results = read_results(path)
                known |= {result.id for result in results if result.completion}
            else:
                known |= set(read_ids(path))
        numbers: dict[bytes, list[int]] = {}
        with RequestWriter(
            folder,
            max_requests=self._batches.max_requests,
            max_bytes=self._batches.max_bytes,
        ) as writer:
            for number, prompt in enumerate(prompts):
                messages = [{"role": "user", "content": prompt}]
                body = {**self._request, "messages": messages}
                id_ = make_id(body)
                if id_ not in known and id_ not in numbers:
                    writer.add(id_, body)
                numbers.setdefault(id_, []).append(number)
        return numbers


def _take_results(
    path: Path, numbers: dict[bytes, list[int]], reasons: dict[bytes, str]
) -> Iterator[tuple[int, Answer]]:
    """Give the replies of a file to who waits for them; keep why others failed."""
    for result in read_results(path):
        if result.completion is None:
            reasons[result.id] = result.error
            continue
        reply, usage, _ = result.completion
        for number in numbers.pop(result.id, ()):
            yield number, Answer(reply, usage=usage)
            usage = usage._replace(prompt_tokens=0, completion_tokens=0)
