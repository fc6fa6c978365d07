"""Models that answer at once, in another order than they were asked, and count."""

import random
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from spacy_nuner.annotate.annotator import Annotator, load_annotator
from spacy_nuner.annotate.answers import Answer, Usage

ROOT = Path(__file__).parent.parent.parent
CONFIG = ROOT / "configs" / "tiny" / "annotate.cfg"


class Shuffled:
    """Has some prompts open at once and answers them in any order."""

    def __init__(
        self,
        *,
        n_open: int = 8,
        seed: int = 0,
        answer: Callable[[str], Answer] | None = None,
    ) -> None:
        self.asked: list[str] = []
        self._n_open = n_open
        self._random = random.Random(seed)
        self._answer = answer or answer_prompt

    def __call__(self, prompts: Iterable[Iterable[str]]) -> Iterable[Iterable[str]]:
        return [[self._answer(prompt).response or "" for prompt in p] for p in prompts]

    def stream(self, prompts: Iterable[str]) -> Iterator[tuple[int, Answer]]:
        waiting: list[tuple[int, str]] = []
        for pair in enumerate(prompts):
            self.asked.append(pair[1])
            waiting.append(pair)
            if len(waiting) == self._n_open:
                yield self._give(waiting)
        while waiting:
            yield self._give(waiting)

    def _give(self, waiting: list[tuple[int, str]]) -> tuple[int, Answer]:
        number, prompt = waiting.pop(self._random.randrange(len(waiting)))
        return number, self._answer(prompt)


def answer_prompt(prompt: str) -> Answer:
    """100 tokens in, and as many out as the text has characters."""
    text = prompt.rpartition("\n")[2]
    return Answer(f"{text} <> thing", usage=Usage(100, len(text)), seconds=0.5)


def make_annotator(model: object, config: Path = CONFIG, **overrides: str) -> Annotator:
    """The tiny profile with another model."""
    annotator = load_annotator(config, overrides)
    annotator.model = model
    return annotator
