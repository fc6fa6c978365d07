"""What a model gives for a prompt, and models that answer many prompts at once."""

import time
from collections.abc import Generator, Iterable, Iterator
from typing import Any, NamedTuple, Protocol, runtime_checkable


class Usage(NamedTuple):
    """Tokens that a server counted, or 0 where it counts none."""

    prompt_tokens: int = 0
    completion_tokens: int = 0


class Answer(NamedTuple):
    """What became of a prompt: a reply, or the reason why there is none."""

    response: str | None  # None: failed
    error: str = ""  # "" if there is a reply
    usage: Usage = Usage()
    seconds: float = 0.0  # from the first try to the reply, waits included
    n_tries: int = 1


@runtime_checkable
class StreamingModel(Protocol):
    """A model for spacy-llm that also gives each reply as it arrives."""

    def stream(self, prompts: Iterable[str]) -> Iterator[tuple[int, Answer]]:
        """Answer prompts, each as soon as it can be.

        prompts (Iterable[str]): Whole prompts, taken only as there is room to ask.
        YIELDS (tuple[int, Answer]): The number of the prompt, from 0, and its answer;
            in the order in which answers arrive, each prompt once.
        RAISES (RuntimeError): If asking on makes no sense: server down, key refused.
        """
        ...


def stream_answers(
    model: Any, prompts: Iterable[str]
) -> Generator[tuple[int, Answer], None, None]:
    """Answer prompts with any model of spacy-llm.

    model (Any): A model of spacy-llm: a callable, or a `StreamingModel`.
    prompts (Iterable[str]): Whole prompts.
    YIELDS (tuple[int, Answer]): As `StreamingModel.stream`; a model that can't stream
        gets one prompt after another, so that one that fails takes no other with it.
    """
    if isinstance(model, StreamingModel):
        yield from model.stream(prompts)
        return
    for number, prompt in enumerate(prompts):
        yield number, ask_once(model, prompt)


def ask_once(model: Any, prompt: str) -> Answer:
    """Ask a model of spacy-llm a single prompt.

    model (Any): The model.
    prompt (str): The whole prompt.
    RETURNS (Answer): Its reply, or what it raised.
    """
    start = time.perf_counter()
    try:
        replies = [list(nested) for nested in model([[prompt]])]
        return Answer(str(replies[0][0]), seconds=time.perf_counter() - start)
    except Exception as error:  # whatever a model of another package raises
        return Answer(None, f"{type(error).__name__}: {error}")
