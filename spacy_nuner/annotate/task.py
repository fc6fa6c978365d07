"""The annotation task of the paper for spacy-llm: `spacy-nuner.Concepts.v1`.

spacy-llm reads the annotations of these methods at run time and looks for
`typing.Iterable` by name, so ruff's UP006 and UP035 are off for this file.
"""

from pathlib import Path
from typing import Any, Iterable

from jinja2.sandbox import SandboxedEnvironment
from spacy.tokens import Doc

from spacy_nuner.annotate.replies.align import place_reply
from spacy_nuner.annotate.replies.spans import SPANS_KEY, set_concept_spans
from spacy_nuner.annotate.second_pass import MissedPrompt
from spacy_nuner.errors import Errors

DEFAULT_TEMPLATE = Path(__file__).parent / "templates" / "concepts.v1.jinja"


def make_concept_task(
    template: str | None = None,
    spans_key: str = SPANS_KEY,
    second_pass: bool = False,
    missed_template: str | None = None,
) -> "ConceptTask":
    """Make the task (registered as `spacy-nuner.Concepts.v1`).

    template (str | None): A Jinja template that uses `text`, for instance from
        `@llm_misc = "spacy.FileReader.v1"`. None: the prompt of the paper's Figure 2.
    spans_key (str): Where in `doc.spans` the mentions go.
    second_pass (bool): Whether `spacy-nuner annotate` asks a second time, for what the
        first reply missed. spacy-llm's own pipe asks once, whatever stands here.
    missed_template (str | None): Jinja template of the second prompt; it uses `text`
        and `found`. None: `missed.v1.jinja`.
    RETURNS (ConceptTask): The task.
    """
    if template is None:
        template = DEFAULT_TEMPLATE.read_text(encoding="utf8")
    missed_prompt = MissedPrompt(missed_template) if second_pass else None
    return ConceptTask(template, spans_key=spans_key, missed_prompt=missed_prompt)


class ConceptTask:
    """Ask for entities with free concepts; set them as `doc.spans["concepts"]`."""

    def __init__(
        self,
        template: str,
        *,
        spans_key: str = SPANS_KEY,
        missed_prompt: MissedPrompt | None = None,
    ) -> None:
        """Compile the template.

        template (str): Jinja template that uses `text`.
        spans_key (str): Where in `doc.spans` the mentions go.
        missed_prompt (MissedPrompt | None): For the second pass, if there is one.
        RAISES (ValueError): If the template does not use the text.
        """
        self._source = template.removesuffix("\n")
        self._template = SandboxedEnvironment().from_string(self._source)
        self._spans_key = spans_key
        self.missed_prompt = missed_prompt
        marker = "A sentence."
        if marker not in self._template.render(text=marker):
            raise ValueError(Errors.N101.format(template=template[:80]))

    def __reduce__(self) -> Any:
        # a compiled template can't be pickled; spawned processes need the task
        missed = self.missed_prompt
        arguments = (self._source, self._spans_key, missed is not None)
        return make_concept_task, (*arguments, missed and missed.source)

    @property
    def prompt_template(self) -> str:
        """The source of the template; spacy-llm's cache asks for it."""
        return self._source

    def generate_prompts(self, docs: Iterable[Doc]) -> Iterable[str]:
        """Fill the template.

        docs (Iterable[Doc]): The texts.
        YIELDS (str): A prompt for each.
        """
        for doc in docs:
            yield self._template.render(text=doc.text)

    def parse_responses(
        self, docs: Iterable[Doc], responses: Iterable[Any]
    ) -> Iterable[Doc]:
        """Place the replies in their texts.

        Lines that gave no mention are kept in `doc.user_data["drops"]` as
        `[line, content, reason]`.

        docs (Iterable[Doc]): The texts.
        responses (Iterable[Any]): A reply for each text, as a string or (as spacy-llm
            hands it over, whatever the type says) in a list of one.
        YIELDS (Doc): The same docs with spans.
        """
        for doc, replies in zip(docs, responses, strict=False):
            reply = replies if isinstance(replies, str) else "\n".join(replies)
            # half a surrogate pair, cut off by a model, can't be saved
            reply = reply.encode("utf8", errors="replace").decode("utf8")
            mentions, drops = place_reply(doc.text, reply)
            drops += set_concept_spans(doc, mentions, spans_key=self._spans_key)
            doc.user_data["drops"] = [list(drop) for drop in drops]
            yield doc
