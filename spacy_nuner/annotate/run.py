"""Ask an LLM about texts through spacy-llm and keep its replies in a journal."""

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple, NoReturn, cast

from spacy.language import Language
from spacy.tokens import Doc
from spacy.util import load_config
from spacy_llm.util import assemble_from_config
from tqdm import tqdm

from spacy_nuner.annotate.journal import Journal, Reply, make_key
from spacy_nuner.annotate.recorded import hash_prompt
from spacy_nuner.errors import Errors, Warnings

logger = logging.getLogger(__name__)

_TRANSPORT = {"strict", "max_tries", "interval", "max_request_time", "context_length"}


class AnnotateResult(NamedTuple):
    """What a run did, in texts."""

    n_asked: int  # replies that came in this run
    n_before: int  # replies that were in the journal, or a text that came twice
    n_failed: int
    first_error: str  # "" if none failed


class _Question(NamedTuple):
    id: str
    text: str
    key: str


def load_annotator(
    config_path: Path, overrides: dict[str, Any] | None = None
) -> tuple[Language, str]:
    """Build the pipeline of a config and find its LLM.

    config_path (Path): spaCy config with one component of the factory `llm`.
    overrides (dict[str, Any] | None): Such as {"paths.replies": "replies.jsonl"}.
    RETURNS (tuple[Language, str]): The pipeline, and the name of the component.
    RAISES (ValueError): If the config has no such component, or several.
    """
    config = load_config(config_path, overrides=overrides or {}, interpolate=False)
    sections = config.get("components", {})
    pipeline = config.get("nlp", {}).get("pipeline", [])
    names = [name for name in pipeline if sections[name].get("factory") == "llm"]
    if len(names) != 1:
        found = ", ".join(pipeline) or "none"
        raise ValueError(Errors.N105.format(path=config_path, found=found))
    sections[names[0]]["save_io"] = True  # the journal keeps the raw reply
    return assemble_from_config(config), names[0]


def annotate_texts(
    nlp: Language,
    name: str,
    texts: Sequence[tuple[str, str]],
    output: Path,
    *,
    batch_size: int = 1,
    max_failures: int = 20,
) -> AnnotateResult:
    """Ask the LLM about each text that the journal has no reply to.

    Every reply is written as soon as its batch is there, so a run that is stopped
    loses at most one batch and goes on where it was. spacy-llm gives up a batch as a
    whole when one prompt fails; its texts are asked for again one by one.

    nlp (Language): From `load_annotator`.
    name (str): Name of the `llm` component, with `save_io`.
    texts (Sequence[tuple[str, str]]): Pairs of id and text.
    output (Path): The journal, JSONL.
    batch_size (int): Prompts that the model gets at once.
    max_failures (int): Give up after so many failed texts.
    RETURNS (AnnotateResult): What was asked, what was there, what failed.
    RAISES (RuntimeError): If `max_failures` texts failed.
    """
    section = nlp.config.interpolate()["components"][name]["model"]
    model, settings = describe_model(section)
    failures: list[tuple[_Question, Exception]] = []
    again: list[_Question] = []

    def on_error(_: str, __: Any, docs: list[Doc], error: Exception) -> None:
        questions = [doc._context for doc in docs]
        if len(questions) > 1:
            again.extend(questions)
            return
        failures.append((questions[0], error))
        logger.warning(Warnings.W101.format(id=questions[0].id, error=error))
        if len(failures) >= max_failures:
            raise RuntimeError(Errors.N106.format(n=max_failures, error=error))

    # spaCy types a handler as if it never returned
    nlp.set_error_handler(cast("Callable[..., NoReturn]", on_error))
    n_asked = n_before = 0
    with (
        Journal(output) as journal,
        tqdm(total=len(texts), unit=" texts", desc="annotate", disable=None) as bar,
    ):

        def pending() -> Iterator[tuple[str, _Question]]:
            nonlocal n_before
            asked: set[str] = set()
            for (id_, text), prompt in zip(
                texts, _prompts(nlp, name, texts), strict=True
            ):
                key = make_key(model, settings, prompt)
                if key in journal or key in asked:
                    n_before += 1
                    bar.update()
                else:
                    asked.add(key)
                    yield text, _Question(id_, text, key)

        def ask(pairs: Iterable[tuple[str, _Question]], size: int) -> None:
            nonlocal n_asked
            stream = nlp.pipe(pairs, as_tuples=True, batch_size=size)
            for doc, question in stream:
                llm_io = doc.user_data["llm_io"][name]
                digest = hash_prompt(llm_io["prompt"])
                id_, text, key = question
                reply = Reply(key, model, digest, id_, text, llm_io["response"])
                journal.append(reply)
                n_asked += 1
                bar.update()

        ask(pending(), batch_size)
        ask([(question.text, question) for question in again], 1)
    first_error = str(failures[0][1]) if failures else ""
    return AnnotateResult(n_asked, n_before, len(failures), first_error)


def describe_model(section: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Name and settings of a model: what, with the prompt, decides a reply.

    section (dict[str, Any]): The section [components.llm.model] of a config.
    RETURNS (tuple[str, dict[str, Any]]): Its registered name, with the name of the LLM
        if there is one; and its settings without those of the transport, so that a
        longer timeout does not buy all replies again.
    """
    settings = {key: value for key, value in section.items() if key not in _TRANSPORT}
    registered = str(settings.pop("@llm_models"))
    model = f"{registered}:{settings['name']}" if "name" in settings else registered
    return model, settings


def _prompts(
    nlp: Language, name: str, texts: Iterable[tuple[str, str]]
) -> Iterator[str]:
    """The prompts that the LLM would get."""
    task = nlp.get_pipe(name).task  # type: ignore[attr-defined]
    docs = (nlp.make_doc(text) for _, text in texts)
    for prompt in task.generate_prompts(docs):
        if not isinstance(prompt, str):
            raise ValueError(Errors.N107.format(task=type(task).__name__))
        yield prompt
