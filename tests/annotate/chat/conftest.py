"""A model of the local server, with short waits."""

from collections.abc import Callable
from typing import Any

import pytest

from spacy_nuner.annotate.chat.model import ChatModel, make_chat_model
from tests.annotate.conftest import RunningServer

MakeModel = Callable[..., ChatModel]


@pytest.fixture
def make_model(monkeypatch: pytest.MonkeyPatch) -> MakeModel:
    """A function that makes a model for a server; no key is in the environment."""
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)

    def make(server: RunningServer | str, **settings: Any) -> ChatModel:
        url = server if isinstance(server, str) else server.url
        defaults = {"max_concurrent": 16, "interval": 0.01, "max_request_time": 10.0}
        return make_chat_model("tiny", base_url=url, **(defaults | settings))

    return make


def make_prompts(n: int) -> list[str]:
    return [f"Label this.\n\nMister Jones went to Paris number {i}" for i in range(n)]
