"""A model for spacy-llm that answers from recorded replies: `spacy-nuner.Recorded.v1`.

Replies are bought once; with them the whole chain runs again without a key, anywhere.
spacy-llm reads the annotations at run time, so ruff's UP006 and UP035 are off here.
"""

import re
import sys
from pathlib import Path
from typing import Iterable, NamedTuple

from spacy_nuner.annotate.journal.keys import hash_prompt
from spacy_nuner.annotate.journal.records import read_records
from spacy_nuner.annotate.journal.schema import is_sqlite
from spacy_nuner.annotate.journal.store import read_journal
from spacy_nuner.errors import Errors

# Where a text may begin in a prompt: at a line, or after "Paragraph: " at a line
_TEXT_START = re.compile(r"^(?:\w+: )?", re.MULTILINE)


class _Index(NamedTuple):
    by_hash: dict[str, str]  # sha256 of a prompt -> reply
    by_text: dict[str, str]  # text -> reply
    hashed_texts: dict[str, str]  # text -> sha256 of the prompt it was recorded with


def make_recorded_model(path: Path) -> "RecordedModel":
    """Make the model (registered as `spacy-nuner.Recorded.v1`).

    path (Path): JSONL file of `{"text", "response"}`, with or without
        "prompt_sha256", or a journal of `spacy-nuner annotate`.
    RETURNS (RecordedModel): The model.
    """
    return RecordedModel(path)


class RecordedModel:
    """Answers each prompt with the reply that was recorded for it.

    A record with "prompt_sha256" answers that prompt and no other. A record without
    it answers a prompt that ends with its text: the text must be the whole rest of
    the prompt from the beginning of a line, up to a last line such as "Answer:". Of
    several records for one prompt the last counts.
    """

    def __init__(self, path: Path) -> None:
        """Keep the path; the file is read at the first prompt.

        path (Path): JSONL file of replies, or a journal.
        """
        self.path = Path(path)
        self._index: _Index | None = None

    def __reduce__(self) -> tuple[type["RecordedModel"], tuple[Path]]:
        return RecordedModel, (self.path,)

    def __call__(self, prompts: Iterable[Iterable[str]]) -> Iterable[Iterable[str]]:
        """Answer prompts.

        prompts (Iterable[Iterable[str]]): The prompts of each text.
        RETURNS (Iterable[Iterable[str]]): A reply for each prompt.
        RAISES (ValueError): If a prompt was never recorded.
        """
        return [[self.answer(prompt) for prompt in nested] for nested in prompts]

    @property
    def context_length(self) -> int:
        """A recording takes prompts of any length; spacy-llm asks before it splits."""
        return sys.maxsize

    def answer(self, prompt: str) -> str:
        """Find the reply to a prompt.

        prompt (str): The whole prompt.
        RETURNS (str): The recorded reply.
        RAISES (ValueError): If it was never recorded.
        """
        if self._index is None:
            self._index = _read_index(self.path)
        index = self._index
        if index.by_hash:
            reply = index.by_hash.get(hash_prompt(prompt))
            if reply is not None:
                return reply
        if index.by_text:
            for text in _candidates(prompt):
                if text in index.by_text:
                    return index.by_text[text]
        raise ValueError(self._explain(prompt, index))

    def _explain(self, prompt: str, index: _Index) -> str:
        """Say why there is no reply: another prompt, or another text."""
        beginning, end = prompt[:80], prompt[-80:]
        if any(text in index.hashed_texts for text in _candidates(prompt)):
            return Errors.N103.format(path=self.path, beginning=beginning, end=end)
        n_records = len(index.by_hash) + len(index.by_text)
        return Errors.N102.format(
            path=self.path, n_records=n_records, beginning=beginning, end=end
        )


def _read_index(path: Path) -> _Index:
    index = _Index({}, {}, {})
    for text, reply, digest in _read_replies(path):
        text = text.strip()
        if digest:
            index.by_hash[digest] = reply
            index.hashed_texts[text] = digest
        else:
            index.by_text[text] = reply
    if not index.by_hash and not index.by_text:
        raise ValueError(Errors.N104.format(path=path))
    return index


def _read_replies(path: Path) -> Iterable[tuple[str, str, str | None]]:
    """Text, reply and the hash of its prompt, in the order of the file."""
    if is_sqlite(path):
        for row in read_journal(path):
            if row.response is not None:
                yield row.text, row.response, row.prompt_sha256
        return
    for record in read_records(path, required=("text", "response")):
        yield record["text"], record["response"], record.get("prompt_sha256")


def _candidates(prompt: str) -> Iterable[str]:
    """Stretches of a prompt that may be its text: the longest first."""
    body = prompt.rstrip()
    last_line = body.rfind("\n") + 1
    ends = [len(body)]
    if body.endswith(":") and last_line:
        ends.append(last_line)
    for end in ends:
        for match in _TEXT_START.finditer(body, 0, end):
            if match.end() > match.start():
                yield body[match.start() : end].strip()
            yield body[match.end() : end].strip()
