"""Keys of the journal: what decides a reply, hashed."""

import json
from hashlib import sha256
from typing import Any

from spacy_nuner.transport import TRANSPORT


def make_key(model: str, settings: dict[str, Any], prompt: str) -> str:
    """The key of a reply: another model, setting, template or example is another key.

    model (str): Name of the model.
    settings (dict[str, Any]): Its settings, plain JSON.
    prompt (str): The whole prompt.
    RETURNS (str): Hexadecimal SHA-256.
    """
    payload = json.dumps([model, settings, prompt], sort_keys=True, default=str)
    return sha256(payload.encode("utf8")).hexdigest()


def hash_prompt(prompt: str) -> str:
    """The SHA-256 of a whole prompt (UTF-8), as recordings and journals hold it.

    prompt (str): The prompt.
    RETURNS (str): Hexadecimal digest.
    """
    return sha256(prompt.encode("utf8", errors="surrogatepass")).hexdigest()


def describe_model(section: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name and settings of a model: what, with the prompt, decides a reply.

    section (dict[str, Any]): The section [components.llm.model] of a config.
    RETURNS (tuple[str, dict[str, Any]]): Its registered name, with the name of the LLM
        if there is one; and its settings without those of the transport, so that a
        longer timeout does not buy all replies again.
    """
    settings = {key: value for key, value in section.items() if key not in TRANSPORT}
    registered = str(settings.pop("@llm_models"))
    model = f"{registered}:{settings['name']}" if "name" in settings else registered
    return model, settings
