"""The `llm` component of a config, taken apart: its prompts, its model, its keys."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, Final, NamedTuple

from spacy.language import Language
from spacy.util import load_config
from spacy_llm.util import assemble_from_config

from spacy_nuner.annotate.journal.keys import describe_model, make_key
from spacy_nuner.annotate.money import Prices, read_prices
from spacy_nuner.annotate.second_pass import MissedPrompt
from spacy_nuner.errors import Errors
from spacy_nuner.transport import TRANSPORT

_CHUNK: Final = 64  # texts whose words are forgotten together


class Question(NamedTuple):
    """A prompt to ask, and the text it is about."""

    number: int  # place of the text in its file, from 0
    id: str
    text: str
    prompt: str
    turn: int = 1
    follows: str | None = None  # key of the first turn's reply


class Annotator:
    """Makes prompts as spacy-llm would, and knows the model that answers them.

    The replies are wanted as they come, when they come; so spacy-llm's own pipe, which
    asks batch by batch and parses at once, is passed by.
    """

    def __init__(self, nlp: Language, name: str, *, prices: Prices | None = None):
        """Take a pipeline.

        nlp (Language): A pipeline with an `llm` component.
        name (str): The name of the component.
        prices (Prices | None): What the model costs, if that is known.
        """
        section = nlp.config.interpolate()["components"][name]["model"]
        self.name = name
        self.section: dict[str, Any] = section
        pipe: Any = nlp.get_pipe(name)
        self.model_name, self.settings = describe_model(section)
        self.transport = {key: section[key] for key in section if key in TRANSPORT}
        self.prices = prices
        self.model: Any = pipe._model
        self._task: Any = pipe.task
        self._nlp = nlp
        # of a task with a second pass
        self.missed_prompt: MissedPrompt | None = getattr(
            self._task, "missed_prompt", None
        )

    def make_questions(
        self, texts: Iterable[tuple[int, str, str]]
    ) -> Iterator[Question]:
        """Make the prompts of texts, one after another.

        texts (Iterable[tuple[int, str, str]]): Number, id and text of each.
        YIELDS (Question): The same with the prompt that the LLM would get.
        RAISES (ValueError): If the task splits texts into several prompts.
        """
        waiting = iter(texts)
        while chunk := list(islice(waiting, _CHUNK)):
            # each new word would stay in the vocabulary for ever
            with self._nlp.memory_zone():
                questions = [self._make_question(*text) for text in chunk]
            yield from questions

    def _make_question(self, number: int, id_: str, text: str) -> Question:
        prompts = list(self._task.generate_prompts([self._nlp.make_doc(text)]))
        if len(prompts) != 1 or not isinstance(prompts[0], str):
            raise ValueError(Errors.N107.format(task=type(self._task).__name__))
        return Question(number, id_, text, prompts[0])

    def make_key(self, prompt: str) -> str:
        """The journal's key of a prompt to this model with these settings.

        prompt (str): The whole prompt.
        RETURNS (str): Hexadecimal SHA-256.
        """
        return make_key(self.model_name, self.settings, prompt)


def load_annotator(
    config_path: Path, overrides: dict[str, Any] | None = None
) -> Annotator:
    """Build the pipeline of a config and find its LLM.

    config_path (Path): spaCy config with one component of the factory `llm`, and a
        section [prices] if you like.
    overrides (dict[str, Any] | None): Such as {"paths.replies": "replies.jsonl"}.
    RETURNS (Annotator): The LLM with its task.
    RAISES (ValueError): If the config has no such component, or several; or if the
        prices are none.
    """
    config = load_config(config_path, overrides=overrides or {}, interpolate=False)
    sections = config.get("components", {})
    pipeline = config.get("nlp", {}).get("pipeline", [])
    names = [name for name in pipeline if sections[name].get("factory") == "llm"]
    if len(names) != 1:
        found = ", ".join(pipeline) or "none"
        raise ValueError(Errors.N105.format(path=config_path, found=found))
    prices = read_prices(config)
    return Annotator(assemble_from_config(config), names[0], prices=prices)
