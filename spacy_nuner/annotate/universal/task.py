"""UniversalNER's way of asking, for spacy-llm: `spacy-nuner.UniversalNER.v1`.

A conversation about the text, one entity type at a time (Zhou et al., 2023; the paper's
Section 6). spacy-llm reads the annotations of these methods at run time and looks for
`typing.Iterable` and `typing.Tuple` by name.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any, Iterable, Tuple, cast  # noqa: UP035

from jinja2.sandbox import SandboxedEnvironment
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc, Span
from spacy.training import Example

from spacy_nuner.annotate.universal.place import choose_entities, place_answers
from spacy_nuner.errors import Errors
from spacy_nuner.types import Drop

DEFAULT_TEMPLATE = Path(__file__).parents[1] / "templates" / "universal.v1.jinja"
_MARKS = ("A sentence.", "some type")


def make_universal_task(
    labels: list[str] | dict[str, str],
    dataset: str | None = None,
    template: str | None = None,
    spans_key: str | None = None,
) -> "UniversalTask":
    """Make the task (registered as `spacy-nuner.UniversalNER.v1`).

    labels (list[str] | dict[str, str]): The labels, or what to call each in the
        question. Without a name a label is called as it is, "_" as a space.
    dataset (str | None): Name of the data set that the model was fine-tuned with, for
        UniversalNER's data-set-specific template.
    template (str | None): A Jinja template that uses `text` and `type` (and `dataset`,
        if it likes), for instance from `@llm_misc = "spacy.FileReader.v1"`. None:
        UniversalNER's conversation, word for word.
    spans_key (str | None): Where in `doc.spans` all spans go, also those that overlap.
    RETURNS (UniversalTask): The task.
    """
    names = labels if isinstance(labels, dict) else dict.fromkeys(labels, "")
    if template is None:
        template = DEFAULT_TEMPLATE.read_text(encoding="utf8")
    return UniversalTask(names, template, dataset=dataset, spans_key=spans_key)


class UniversalTask:
    """Ask for the entities of each type on its own; set them as `doc.ents`."""

    def __init__(
        self,
        labels: dict[str, str],
        template: str,
        *,
        dataset: str | None = None,
        spans_key: str | None = None,
    ) -> None:
        """Compile the template.

        labels (dict[str, str]): What to call each label; "": as it is.
        template (str): Jinja template that uses `text` and `type`.
        dataset (str | None): Name of the data set, where the template has a place.
        spans_key (str | None): Where in `doc.spans` all spans go; None: nowhere.
        RAISES (ValueError): If there is no label, two have one name, or the template
            does not use text and type.
        """
        self._names: dict[str, str] = {}
        self._source = template.removesuffix("\n")
        self._template = SandboxedEnvironment().from_string(self._source)
        self._dataset = dataset
        self._spans_key = spans_key
        for label, name in labels.items():
            self.add_label(label, name)
        text, kind = _MARKS
        rendered = self._render(text, kind)
        if text not in rendered or kind not in rendered:
            raise ValueError(Errors.N180.format(template=self._source[:80]))
        if not self._names:
            raise ValueError(Errors.N181.format(problem="none"))

    def __reduce__(self) -> Any:
        # a compiled template can't be pickled; spawned processes need the task
        given = (dict(self._names), self._dataset, self._source, self._spans_key)
        return make_universal_task, given

    @property
    def prompt_template(self) -> str:
        """The source of the template; spacy-llm's cache asks for it."""
        return self._source

    @property
    def labels(self) -> tuple[str, ...]:
        """The labels, in the order in which they are asked for."""
        return tuple(self._names)

    def add_label(self, label: str, label_definition: str | None = None) -> int:
        """Add a label.

        label (str): The label.
        label_definition (str | None): What the question calls it.
        RETURNS (int): 1, or 0 if it is there already.
        RAISES (ValueError): If another label has that name.
        """
        if label in self._names:
            return 0
        name = (label_definition or label.replace("_", " ")).strip()
        if not name or name in self._names.values():
            raise ValueError(Errors.N181.format(problem=f"'{name}' for '{label}'"))
        self._names[label] = name
        return 1

    def clear(self) -> None:
        """Take all labels out."""
        self._names.clear()

    def scorer(self, examples: Iterable[Example]) -> dict[str, Any]:
        """Score entities as spaCy does.

        examples (Iterable[Example]): Predicted and gold docs.
        RETURNS (dict[str, Any]): "ents_p", "ents_r", "ents_f", "ents_per_type".
        """
        return dict(get_ner_prf(examples))

    def generate_prompts(
        self, docs: Iterable[Doc], context_length: int | None = None
    ) -> Iterable[Tuple[Iterable[Any], Iterable[Doc]]]:  # noqa: UP006
        """Make the prompts of each text: one for each label.

        A text that the model can't take in whole is asked in pieces; an entity that a
        cut goes through is lost.

        docs (Iterable[Doc]): The texts.
        context_length (int | None): Tokens that the model takes; None: any number.
        YIELDS (tuple[Iterable[str], Iterable[Doc]]): Prompts, and the pieces of the
            text (spans of the doc).
        """
        for doc in docs:
            pieces = self._cut(doc[:], context_length)
            prompts = [
                self._render(piece.text, name)
                for piece in pieces
                for name in self._names.values()
                if piece.text.strip()
            ]
            # pieces stay spans, so that the doc itself gets the entities
            yield prompts, cast("Iterable[Doc]", pieces)

    def parse_responses(
        self, shards: Iterable[Iterable[Doc]], responses: Iterable[Iterable[Any]]
    ) -> Iterable[Doc]:
        """Place the replies in their texts.

        What gave no entity is kept in `doc.user_data["drops"]` as `[question, content,
        reason]`.

        shards (Iterable[Iterable[Doc]]): The pieces of each text.
        responses (Iterable[Iterable[Any]]): A reply to each prompt of each text.
        YIELDS (Doc): The docs with entities.
        """
        for found, nested in zip(shards, responses, strict=False):
            pieces = list(cast("Iterable[Span]", found))
            replies = [str(reply) for reply in nested]
            yield self._set_entities(pieces, replies)

    def _set_entities(self, pieces: Sequence[Span], replies: Sequence[str]) -> Doc:
        doc, labels = pieces[0].doc, self.labels
        asked = [piece for piece in pieces if piece.text.strip()]
        if len(replies) != len(asked) * len(labels):
            n_prompts = len(asked) * len(labels)
            raise ValueError(Errors.N182.format(got=len(replies), n_prompts=n_prompts))
        spans: list[Span] = []
        drops: list[Drop] = []
        for i, piece in enumerate(asked):
            answers = replies[i * len(labels) : (i + 1) * len(labels)]
            placed, lost = place_answers(piece, labels, answers)
            spans += placed
            drops += lost
        if self._spans_key is not None:
            ordered = sorted(spans, key=lambda span: (span.start, span.end))
            doc.spans[self._spans_key] = ordered
        entities, lost = choose_entities(spans, labels)
        doc.set_ents(entities)
        doc.user_data["drops"] = [list(drop) for drop in drops + lost]
        return doc

    def _render(self, text: str, name: str) -> str:
        return self._template.render(text=text, type=name, dataset=self._dataset)

    def _cut(self, piece: Span, context_length: int | None) -> list[Span]:
        """Halve a piece until the longest of its prompts fits."""
        name = max(self._names.values(), key=len, default="")
        prompt = self._render(piece.text, name)
        if context_length is None or _count_tokens(prompt) <= context_length:
            return [piece]
        if len(piece) < 2:
            got = _count_tokens(prompt)
            raise ValueError(Errors.N183.format(allowed=context_length, got=got))
        middle = piece.start + len(piece) // 2
        left, right = piece.doc[piece.start : middle], piece.doc[middle : piece.end]
        return [*self._cut(left, context_length), *self._cut(right, context_length)]


def _count_tokens(prompt: str) -> int:
    """About how many tokens a model sees: spacy-llm's estimate, or one per 4 signs."""
    return max(int(len(prompt.split()) * 1.1), len(prompt) // 4)
