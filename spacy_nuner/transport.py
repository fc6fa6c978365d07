"""Settings of an LLM that say how a prompt is sent, not what is answered.

Annotation and evaluation leave them out of the keys of their replies: changing them
buys nothing twice. The address of a server is one of them: a server that died comes
back on another port, and its replies are still those of the model of this name.
"""

from typing import Final

TRANSPORT: Final = frozenset(
    {
        "base_url",
        "strict",
        "max_tries",
        "interval",
        "max_request_time",
        "max_wait",
        "patience",
        "context_length",
        "max_concurrent",
        "requests_per_minute",
        "tokens_per_minute",
        "key_env",
        "key_file",
        "key_header",
        "headers",
        # spacy-nuner.Batch.v1
        "folder",
        "submit",
        "poll_interval",
        "completion_window",
        "max_requests",
        "max_bytes",
        "max_batches",
    }
)
