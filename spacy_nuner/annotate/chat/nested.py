"""A model that streams as spacy-llm calls models: prompts of texts -> their replies."""

import logging
from collections.abc import Iterable, Iterator

from spacy_nuner.annotate.answers import StreamingModel
from spacy_nuner.errors import Errors, Warnings

logger = logging.getLogger(__name__)


def answer_nested(
    model: StreamingModel, prompts: Iterable[Iterable[str]], *, strict: bool
) -> list[list[str]]:
    """Answer the prompts of some texts.

    spacy-llm gives up a whole batch when a model raises, so a prompt that failed gets
    "" and a warning.

    model (StreamingModel): The model.
    prompts (Iterable[Iterable[str]]): The prompts of each text.
    strict (bool): Raise if a prompt failed, after all others were answered.
    RETURNS (list[list[str]]): A reply for each prompt, in their order.
    RAISES (RuntimeError): If asking makes no sense or, where it is strict, if a prompt
        failed.
    """
    sizes: list[int] = []
    found = dict(model.stream(_flatten(prompts, sizes)))
    failed = [number for number in sorted(found) if found[number].response is None]
    if failed and strict:
        reason = found[failed[0]].error
        raise RuntimeError(
            Errors.N122.format(n_failed=len(failed), n=len(found), reason=reason)
        )
    for number in failed:
        reason = found[number].error
        logger.warning(Warnings.W111.format(number=number, reason=reason))
    replies = iter([found[number].response or "" for number in sorted(found)])
    return [[next(replies) for _ in range(size)] for size in sizes]


def _flatten(prompts: Iterable[Iterable[str]], sizes: list[int]) -> Iterator[str]:
    """All prompts in a row; how many each text has goes to `sizes`."""
    for nested in prompts:
        size = 0
        for prompt in nested:
            size += 1
            yield prompt
        sizes.append(size)
