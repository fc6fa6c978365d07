"""A second question about each text: what did the first reply miss?

The paper finds its annotation precise, but "many entities are missed" (Section 3.1).
This asks again with the sentence and what was found. The replies have the same line
format and are joined to the first ones when the corpus is made.
"""

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from jinja2.sandbox import SandboxedEnvironment

from spacy_nuner.annotate.replies.align import place_reply
from spacy_nuner.errors import Errors

if TYPE_CHECKING:
    from spacy_nuner.annotate.annotator import Annotator, Question
    from spacy_nuner.annotate.journal.store import Journal

MISSED_TEMPLATE: Final = Path(__file__).parent / "templates" / "missed.v1.jinja"


class MissedPrompt:
    """Makes the prompt of the second turn from a text and the first reply."""

    def __init__(self, template: str | None = None) -> None:
        """Compile the template.

        template (str | None): Jinja template that uses `text` and `found`, a list of
            pairs of an entity and a concept. None: `missed.v1.jinja`.
        RAISES (ValueError): If the template does not use both.
        """
        if template is None:
            template = MISSED_TEMPLATE.read_text(encoding="utf8")
        self.source = template.removesuffix("\n")
        self._template = SandboxedEnvironment().from_string(self.source)
        shown = self._template.render(text="A sentence.", found=[("Entity", "kind")])
        if not all(marker in shown for marker in ("A sentence.", "Entity", "kind")):
            raise ValueError(Errors.N170.format(template=template[:80]))

    def make(self, text: str, reply: str) -> str | None:
        """Fill the template.

        Only what was placed in the text is shown as found: words that a reply has from
        elsewhere do not come back in a prompt.

        text (str): The sentence.
        reply (str): The whole first reply.
        RETURNS (str | None): The prompt; None if the sentence is left out anyway (its
            reply has the concept "concept").
        """
        mentions, drops = place_reply(text, reply)
        if any(drop.reason == "generic_concept" for drop in drops):
            return None
        found = dict.fromkeys(
            (" ".join(text[m.start : m.end].split()), m.concept) for m in mentions
        )
        return self._template.render(text=text, found=list(found))


def make_missed_questions(
    annotator: "Annotator", journal: "Journal", texts: Iterable[tuple[int, str, str]]
) -> "Iterator[Question]":
    """Make the questions of the second turn, for texts whose first one has a reply.

    They hang on the reply that they were made from: another first reply is another
    prompt, with a key of its own.

    annotator (Annotator): Its task has `second_pass = true`.
    journal (Journal): Holds the replies of the first turn.
    texts (Iterable[tuple[int, str, str]]): Number, id and text of each.
    YIELDS (Question): One for each text with a first reply.
    RAISES (ValueError): If the task has no second pass.
    """
    missed = annotator.missed_prompt
    if missed is None:
        raise ValueError(Errors.N171)
    for question in annotator.make_questions(texts):
        first = journal.get(annotator.make_key(question.prompt))
        if first is None or first.response is None:
            continue
        prompt = missed.make(question.text, first.response)
        if prompt is not None:
            yield question._replace(prompt=prompt, turn=2, follows=first.key)
