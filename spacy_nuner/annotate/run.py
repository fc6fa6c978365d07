"""Annotate texts: check them all, then ask about those without a reply."""

import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple
from zlib import crc32

from tqdm import tqdm

from spacy_nuner.annotate.annotator import Annotator
from spacy_nuner.annotate.answers import Usage
from spacy_nuner.annotate.ask import Asker, Tally
from spacy_nuner.annotate.journal.store import Journal
from spacy_nuner.annotate.money import Budget, Prices, find_max_tokens
from spacy_nuner.annotate.ray.shards import join_shards, name_folder
from spacy_nuner.annotate.second_pass import make_missed_questions
from spacy_nuner.errors import Errors

# Reads the texts from the beginning, each time it is called: id and text
TextSource = Callable[[], Iterable[tuple[str, str]]]

_SECONDS_PER_LOOK: Final = 0.5


class AnnotateResult(NamedTuple):
    """What a run did, and what the journal holds of its model."""

    tally: Tally
    n_texts: int
    total: Usage  # of all runs of this model with this journal


class TextsCheck(NamedTuple):
    """What a pass over the texts saw."""

    n_texts: int
    checksum: int  # of ids and texts in their order


def annotate_texts(
    annotator: Annotator,
    texts: TextSource,
    output: Path,
    *,
    max_failures: int = 20,
    budget: float | None = None,
    turn: Literal[1, 2] = 1,
) -> AnnotateResult:
    """Ask the LLM about each text that the journal has no reply to.

    The texts are read twice: all of them are checked before the first is asked, and
    none is kept in memory. Each reply is written when it arrives, so a run that is
    stopped in any way goes on where it was.

    annotator (Annotator): From `load_annotator`.
    texts (TextSource): Gives the texts, each time the same.
    output (Path): The journal.
    max_failures (int): Stop after so many failed texts, if they are a tenth or more.
    budget (float | None): What this journal may cost in all, in the currency of the
        annotator's prices; what it has cost before counts.
    turn (Literal[1, 2]): 2: ask for what the replies of the first turn missed.
    RETURNS (AnnotateResult): What was asked, what was there, what failed.
    RAISES (RuntimeError): If `max_failures` texts failed, the model gave up, or another
        run writes the journal.
    RAISES (ValueError): If a text is bad, the texts change on the way, or a budget has
        no prices.
    """
    if budget is not None and annotator.prices is None:
        raise ValueError(Errors.N147)
    check = check_texts(texts())
    with (
        Journal(output) as journal,
        tqdm(total=check.n_texts, unit=" texts", desc="annotate", disable=None) as bar,
    ):
        join_shards(journal, name_folder(output))
        asker = Asker(
            annotator,
            journal,
            max_failures=max_failures,
            budget=make_budget(annotator, journal, budget),
            on_change=make_display(bar, annotator.prices),
        )
        again = CheckedTexts(texts())
        tally = asker.ask(
            annotator.make_questions(again)
            if turn == 1
            else make_missed_questions(annotator, journal, again)
        )
        if not tally.stopped and again.check != check:
            raise ValueError(
                Errors.N148.format(before=check.n_texts, after=again.check.n_texts)
            )
        total = journal.get_usage(annotator.model_name)
    return AnnotateResult(tally, check.n_texts, total)


def check_texts(texts: Iterable[tuple[str, str]]) -> TextsCheck:
    """Read all texts once: a bad one should show before money is spent.

    texts (Iterable[tuple[str, str]]): Id and text.
    RETURNS (TextsCheck): Their number, and a sum to know them again.
    """
    checked = CheckedTexts(texts)
    for _ in checked:
        pass
    return checked.check


def make_budget(
    annotator: Annotator, journal: Journal, limit: float | None
) -> Budget | None:
    """Make the budget of a run.

    annotator (Annotator): The model with its prices.
    journal (Journal): What it has cost before counts.
    limit (float | None): None: no budget.
    RETURNS (Budget | None): The budget.
    """
    if limit is None or annotator.prices is None:
        return None
    return Budget(
        limit,
        annotator.prices,
        spent=journal.get_usage(annotator.model_name),
        max_tokens=find_max_tokens(annotator.settings),
    )


class CheckedTexts:
    """Texts with their numbers; adds up what it has seen."""

    def __init__(self, texts: Iterable[tuple[str, str]]) -> None:
        """Take texts.

        texts (Iterable[tuple[str, str]]): Id and text.
        """
        self.check = TextsCheck(0, 0)
        self._texts = texts

    def __iter__(self) -> Iterator[tuple[int, str, str]]:
        checksum = 0
        for number, (id_, text) in enumerate(self._texts):
            checksum = crc32(
                f"{id_}\0{text}\0".encode("utf8", "surrogatepass"), checksum
            )
            self.check = TextsCheck(number + 1, checksum)
            yield number, id_, text


def make_display(bar: "tqdm[Any]", prices: Prices | None) -> Callable[[Tally], None]:
    """Show the tally at the end of a bar, now and then: it costs more than a reply.

    bar (tqdm): The bar, of all texts.
    prices (Prices | None): To show what was spent.
    RETURNS (Callable[[Tally], None]): Takes the tally after each change.
    """
    last = 0.0

    def show(tally: Tally) -> None:
        nonlocal last
        bar.update(tally.n_done - bar.n)
        if bar.disable or time.monotonic() - last < _SECONDS_PER_LOOK:
            return
        last = time.monotonic()
        figures = {"asked": f"{tally.n_asked:,}", "failed": f"{tally.n_failed:,}"}
        if n_tokens := sum(tally.usage):
            figures["tokens"] = f"{n_tokens:,}"
            if prices is not None:
                figures["price"] = f"{prices.cost(tally.usage):.2f} {prices.currency}"
        bar.set_postfix(figures, refresh=False)

    return show
