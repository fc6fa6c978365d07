"""Any OpenAI-compatible server as a model for spacy-llm: `spacy-nuner.Chat.v1`.

spacy-llm reads the annotations at run time and looks for `typing.Iterable` by name.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Iterable  # noqa: UP035

from confection import SimpleFrozenDict

from spacy_nuner.annotate.answers import Answer
from spacy_nuner.annotate.chat.limits import Limits
from spacy_nuner.annotate.chat.nested import answer_nested
from spacy_nuner.annotate.chat.protocol import make_request
from spacy_nuner.annotate.chat.settings import Settings, check_config, check_settings
from spacy_nuner.annotate.chat.stream import stream_prompts


def make_chat_model(
    name: str,
    base_url: str = "https://api.openai.com/v1",
    config: dict[str, Any] = SimpleFrozenDict(),  # noqa: B008
    structured: bool = False,
    key_env: str | None = "OPENAI_API_KEY",
    key_file: Path | None = None,
    key_header: str = "Authorization",
    headers: dict[str, str] = SimpleFrozenDict(),  # noqa: B008
    max_concurrent: int = 64,
    requests_per_minute: float | None = None,
    tokens_per_minute: float | None = None,
    max_request_time: float = 60.0,
    max_tries: int = 8,
    interval: float = 1.0,
    max_wait: float = 600.0,
    patience: float = 60.0,
    strict: bool = False,
    context_length: int | None = None,
) -> "ChatModel":
    """Make the model (registered as `spacy-nuner.Chat.v1`).

    name (str): Of the LLM, as the server calls it.
    base_url (str): Address of the server, before "/chat/completions".
    config (dict[str, Any]): Passed on with every prompt: temperature, max_tokens, seed.
    structured (bool): Ask for JSON of a schema in place of the paper's lines.
    key_env (str | None): Variable of the environment with the key. Without one in it,
        none is sent.
    key_file (Path | None): File with the key; goes before the variable.
    key_header (str): Header that carries the key; "api-key" for Azure.
    headers (dict[str, str]): Further headers, such as "OpenAI-Organization"; no keys.
    max_concurrent (int): Requests at once.
    requests_per_minute (float | None): Limit; None: none.
    tokens_per_minute (float | None): Limit, of prompts and replies; None: none.
    max_request_time (float): Seconds of one try.
    max_tries (int): Tries for a prompt.
    interval (float): Seconds before another try, at most; doubled at each further one
        while nothing else is answered either. A server may say when to come back.
    max_wait (float): Seconds that a server may ask to wait; for more, the run stops.
    patience (float): Seconds of nothing but failures until a server that was there
        counts as down.
    strict (bool): Whether a call fails when one of its prompts does. Else it gets ""
        and a warning. `stream` always says which failed.
    context_length (int | None): Tokens of a prompt, for tasks that split texts.
    RETURNS (ChatModel): The model.
    RAISES (ValueError): If a setting makes no sense, or holds a key.
    """
    settings = Settings(
        base_url=base_url,
        key_env=key_env,
        key_file=key_file,
        key_header=key_header,
        headers=dict(headers),
        max_concurrent=max_concurrent,
        requests_per_minute=requests_per_minute,
        tokens_per_minute=tokens_per_minute,
        max_request_time=max_request_time,
        max_tries=max_tries,
        interval=interval,
        max_wait=max_wait,
        patience=patience,
    )
    request = make_request(name, check_config(config), structured=structured)
    return ChatModel(
        check_settings(settings), request, strict=strict, context_length=context_length
    )


class ChatModel:
    """Asks a server, many prompts at once. It holds no key: each run reads it anew."""

    def __init__(
        self,
        settings: Settings,
        request: dict[str, Any],
        *,
        strict: bool = False,
        context_length: int | None = None,
    ) -> None:
        """Keep the settings; the server is asked at the first prompt.

        settings (Settings): How it is reached.
        request (dict[str, Any]): What all requests have in common.
        strict (bool): Whether a call fails when one of its prompts does.
        context_length (int | None): Tokens of a prompt.
        """
        self._settings = settings
        self._request = request
        self._strict = strict
        self._context_length = context_length
        self._limits = Limits(settings.requests_per_minute, settings.tokens_per_minute)

    def __reduce__(self) -> Any:
        arguments = self._settings, self._request
        return _restore, (*arguments, self._strict, self._context_length)

    def __repr__(self) -> str:
        return f"<ChatModel {self._request['model']} at {self._settings.base_url}>"

    def __call__(self, prompts: Iterable[Iterable[str]]) -> Iterable[Iterable[str]]:
        """Answer prompts, all at once up to the limit.

        prompts (Iterable[Iterable[str]]): The prompts of each text.
        RETURNS (Iterable[Iterable[str]]): A reply for each prompt, in their order; ""
            where there is none.
        RAISES (RuntimeError): If the server is down, the key is refused, or, where the
            model is strict, if a prompt failed.
        """
        return answer_nested(self, prompts, strict=self._strict)

    @property
    def context_length(self) -> int | None:
        """Tokens of a prompt; spacy-llm asks before it splits texts."""
        return self._context_length

    def stream(self, prompts: Iterable[str]) -> Iterator[tuple[int, Answer]]:
        """Answer prompts, each as soon as it can be.

        prompts (Iterable[str]): Whole prompts. At most twice `max_concurrent` are
            taken before they have an answer.
        YIELDS (tuple[int, Answer]): The number of the prompt, from 0, and its answer;
            in the order in which answers arrive, each prompt once.
        RAISES (RuntimeError): If the server is down, the key is refused or the account
            is empty. Answers that are under way come first.
        """
        return stream_prompts(prompts, self._settings, self._request, self._limits)


def _restore(
    settings: Settings, request: dict[str, Any], strict: bool, context: int | None
) -> ChatModel:
    return ChatModel(settings, request, strict=strict, context_length=context)
