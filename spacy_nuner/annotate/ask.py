"""Ask what the journal has no reply to, and write each answer as it arrives."""

import logging
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import chain
from typing import Final, Literal, NamedTuple

from spacy_nuner.annotate.annotator import Annotator, Question
from spacy_nuner.annotate.answers import Answer, Usage, stream_answers
from spacy_nuner.annotate.interrupt import finishing_on_signals
from spacy_nuner.annotate.journal.keys import hash_prompt
from spacy_nuner.annotate.journal.schema import Record
from spacy_nuner.annotate.journal.store import Journal
from spacy_nuner.annotate.money import Purse
from spacy_nuner.errors import Errors, Warnings

logger = logging.getLogger(__name__)

Stop = Literal["", "interrupted", "budget", "failures", "no usage"]
NO_USAGE: Final = Usage()
# Share of the texts asked, from which on failures end a run
HOPELESS_SHARE: Final = 0.1


@dataclass
class Tally:
    """What a run did, in texts."""

    n_asked: int = 0  # replies that came in this run
    n_before: int = 0  # replies that were in the journal, or a text that came twice
    n_failed: int = 0
    first_error: str = ""  # "" if none failed
    usage: Usage = NO_USAGE  # of this run, failed texts as well
    stopped: Stop = ""  # why it ended before all were asked

    @property
    def n_done(self) -> int:
        """Texts that need no more attention of this run."""
        return self.n_asked + self.n_before + self.n_failed


class _Open(NamedTuple):
    question: Question
    key: str
    reserved: float


def is_hopeless(n_failed: int, n_tried: int, max_failures: int) -> bool:
    """Whether a run should end for its failures.

    In a million texts some always fail; a run ends when a good part of them does.

    n_failed (int): Texts that failed.
    n_tried (int): Texts that were asked, failed ones too.
    max_failures (int): So many may always fail.
    RETURNS (bool): Whether to end.
    """
    return n_failed >= max_failures and n_failed >= HOPELESS_SHARE * n_tried


class Asker:
    """Asks questions, each once, and keeps the answers.

    Memory holds the questions that are on their way and nothing else, however many
    there are.
    """

    def __init__(
        self,
        annotator: Annotator,
        journal: Journal,
        *,
        max_failures: int = 20,
        budget: Purse | None = None,
        on_change: Callable[[Tally], None] | None = None,
    ) -> None:
        """Set up a run.

        annotator (Annotator): The model.
        journal (Journal): Gets the answers; what it has is not asked.
        max_failures (int): Take no more questions after so many failed, if they are
            many among those asked.
        budget (Purse | None): Take no question that could pass it.
        on_change (Callable[[Tally], None] | None): Called after each text.
        """
        self.tally = Tally()
        self._annotator = annotator
        self._journal = journal
        self._max_failures = max_failures
        self._budget = budget
        self._on_change = on_change
        self._open: dict[int, _Open] = {}
        self._open_keys: set[str] = set()
        self._held: Question | None = None
        self._told = False

    def ask(self, questions: Iterable[Question]) -> Tally:
        """Ask, until all are answered or there is a reason to stop.

        Whatever the reason, no new question is sent, those on their way are waited for,
        and their answers are kept.

        questions (Iterable[Question]): Taken one by one as there is room to ask.
        RETURNS (Tally): What was done.
        RAISES (RuntimeError): If asking on makes no sense: `max_failures` were reached,
            the model says so (server down, key refused), or there is a budget and the
            model does not count tokens.
        """
        waiting = iter(questions)
        with finishing_on_signals(self._interrupt):
            while True:
                self._held = None
                self._ask_round(waiting)
                if self._held is None or self.tally.stopped:
                    break
                # All open ones are paid now, mostly less than their worst: what is
                # left may do for another round
                if not self._fits(self._held.prompt):
                    self.tally.stopped = "budget"
                    break
                waiting = chain([self._held], waiting)
        if self.tally.stopped == "failures":
            raise RuntimeError(
                Errors.N106.format(n=self.tally.n_failed, error=self.tally.first_error)
            )
        if self.tally.stopped == "no usage":
            raise RuntimeError(Errors.N146.format(model=self._annotator.model_name))
        return self.tally

    def _ask_round(self, waiting: Iterator[Question]) -> None:
        self._open.clear()
        prompts = self._feed(waiting)
        with closing(stream_answers(self._annotator.model, prompts)) as stream:
            for number, answer in stream:
                opened = self._open.pop(number)
                self._keep(opened, answer)
                self._open_keys.discard(opened.key)
                if self.tally.stopped == "interrupted" and not self._told:
                    self._told = True
                    logger.info(Warnings.W140.format(n=len(self._open)))

    def _feed(self, waiting: Iterator[Question]) -> Iterator[str]:
        """The prompts that have no reply yet, as long as there is reason to ask."""
        n_fed = 0
        for question in waiting:
            if self.tally.stopped:
                return
            key = self._annotator.make_key(question.prompt)
            if key in self._open_keys or key in self._journal:
                self.tally.n_before += 1
                self._changed()
                continue
            reserved = 0.0
            if self._budget is not None:
                worst = self._budget.reserve(question.prompt)
                if worst is None:
                    self._held = question
                    return
                reserved = worst
            self._open[n_fed] = _Open(question, key, reserved)
            self._open_keys.add(key)
            n_fed += 1
            yield question.prompt

    def _keep(self, opened: _Open, answer: Answer) -> None:
        """Write an answer, count it, pay for it."""
        question, tally = opened.question, self.tally
        self._journal.put(
            Record(
                key=opened.key,
                model=self._annotator.model_name,
                prompt_sha256=hash_prompt(question.prompt),
                number=question.number,
                id=question.id,
                text=question.text,
                response=answer.response,
                error=answer.error,
                prompt_tokens=answer.usage.prompt_tokens,
                completion_tokens=answer.usage.completion_tokens,
                seconds=answer.seconds,
                n_tries=answer.n_tries,
                time=datetime.now(UTC).isoformat(timespec="milliseconds"),
                turn=question.turn,
                follows=question.follows,
            )
        )
        tally.usage = Usage(
            tally.usage.prompt_tokens + answer.usage.prompt_tokens,
            tally.usage.completion_tokens + answer.usage.completion_tokens,
        )
        if answer.response is None:
            tally.n_failed += 1
            tally.first_error = tally.first_error or answer.error
            logger.warning(Warnings.W101.format(id=question.id, error=answer.error))
            n_tried = tally.n_asked + tally.n_failed
            if is_hopeless(tally.n_failed, n_tried, self._max_failures):
                tally.stopped = tally.stopped or "failures"
        else:
            tally.n_asked += 1
        self._changed()
        if self._budget is not None:
            if answer.response is not None and answer.usage == NO_USAGE:
                tally.stopped = tally.stopped or "no usage"
            self._budget.settle(opened.reserved, answer.usage)

    def _fits(self, prompt: str) -> bool:
        """Whether a prompt fits the budget, with none open."""
        if self._budget is None:
            return True
        reserved = self._budget.reserve(prompt)
        if reserved is not None:
            self._budget.settle(reserved, NO_USAGE)
        return reserved is not None

    def _changed(self) -> None:
        if self._on_change is not None:
            self._on_change(self.tally)

    def _interrupt(self) -> None:
        self.tally.stopped = self.tally.stopped or "interrupted"
