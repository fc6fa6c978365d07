"""A model that keeps the replies of another: `spacy-nuner.Kept.v1`.

What was answered once is answered from the file: an evaluation that is stopped, or made
again with another parser, pays nothing twice. spacy-llm reads the annotations at run
time and looks for `typing.Iterable` by name.
"""

import json
import logging
import os
import sys
from pathlib import Path
from typing import Any, Iterable  # noqa: UP035

from spacy_nuner.annotate.answers import Answer, stream_answers
from spacy_nuner.annotate.journal.keys import hash_prompt
from spacy_nuner.annotate.journal.records import read_records
from spacy_nuner.errors import Errors

logger = logging.getLogger(__name__)


def make_kept_model(model: Any, path: Path, settings: str = "") -> "KeptModel":
    """Make the model (registered as `spacy-nuner.Kept.v1`).

    model (Any): The model that is asked: a section of its own, as
        [components.llm.model.model] with "@llm_models".
    path (Path): JSONL file of the replies; `spacy-nuner.Recorded.v1` reads it too.
    settings (str): What else decides a reply, such as a hash of the model's settings:
        replies that were kept with other settings don't count.
    RETURNS (KeptModel): The model.
    """
    return KeptModel(model, path, settings)


class KeptModel:
    """Answers from a file, and asks a model for what is not in it."""

    def __init__(self, model: Any, path: Path, settings: str = "") -> None:
        """Keep the arguments; the file is read at the first prompt.

        model (Any): A model of spacy-llm.
        path (Path): JSONL file of the replies.
        settings (str): What else decides a reply.
        """
        self.path = Path(path)
        self._model = model
        self._settings = settings
        self._replies: dict[str, str] | None = None

    def __reduce__(self) -> Any:
        return make_kept_model, (self._model, self.path, self._settings)

    @property
    def context_length(self) -> int:
        """That of the model; one that names none takes prompts of any length."""
        length = getattr(self._model, "context_length", None)
        return sys.maxsize if length is None else int(length)

    def __call__(self, prompts: Iterable[Iterable[str]]) -> Iterable[Iterable[str]]:
        """Answer prompts; each reply is in the file as soon as it is there.

        prompts (Iterable[Iterable[str]]): The prompts of each text.
        RETURNS (Iterable[Iterable[str]]): A reply for each prompt.
        RAISES (RuntimeError): If prompts have no reply, once the others have theirs.
        """
        asked = [list(nested) for nested in prompts]
        if self._replies is None:
            self._replies = self._read()
        replies = self._replies
        every = dict.fromkeys(prompt for nested in asked for prompt in nested)
        missing = [prompt for prompt in every if prompt not in replies]
        if missing:
            self._ask(missing, replies)
        return [[replies[prompt] for prompt in nested] for nested in asked]

    def _ask(self, prompts: list[str], replies: dict[str, str]) -> None:
        failed: list[Answer] = []
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("ab") as file:
            for number, answer in stream_answers(self._model, prompts):
                if answer.response is None:
                    failed.append(answer)
                    continue
                prompt = prompts[number]
                replies[prompt] = answer.response
                record = {
                    "prompt_sha256": hash_prompt(prompt),
                    "settings": self._settings,
                    "text": prompt,
                    "response": answer.response,
                    **answer.usage._asdict(),
                }
                line = json.dumps(record) + "\n"
                file.write(line.encode("utf8"))
                file.flush()
        if failed:
            n_failed, n, error = len(failed), len(prompts), failed[0].error
            raise RuntimeError(
                Errors.N184.format(n_failed=n_failed, n=n, path=self.path, error=error)
            )

    def _read(self) -> dict[str, str]:
        """Replies by prompt; half a line of a run that was killed is cut off."""
        if not self.path.exists():
            return {}
        with self.path.open("rb") as file:
            whole = sum(len(line) for line in file if line.endswith(b"\n"))
        if whole < self.path.stat().st_size:
            os.truncate(self.path, whole)
        required = ("prompt_sha256", "text", "response")
        records = read_records(self.path, required=required)
        kept = {
            record["text"]: record["response"]
            for record in records
            if record.get("settings", "") == self._settings
        }
        logger.info("%s: %d replies kept from before", self.path, len(kept))
        return kept
