"""What all workers know of each other: progress, failures, money, and when to stop."""

import time
from dataclasses import dataclass
from typing import Any, Final, NamedTuple

from spacy_nuner.annotate.answers import Usage
from spacy_nuner.annotate.ask import NO_USAGE, is_hopeless
from spacy_nuner.annotate.money import Budget, Prices

_SECONDS_PER_LOOK: Final = 0.2


class BudgetTerms(NamedTuple):
    """What a `Budget` is made from; it can't travel itself."""

    limit: float
    prices: Prices
    spent: Usage
    max_tokens: int | None


class Progress(NamedTuple):
    """Where a run stands."""

    n_done: int = 0  # texts that were asked, failed ones too
    n_failed: int = 0
    usage: Usage = NO_USAGE
    stopped: str = ""  # why it ends early; "" if it does not


@dataclass
class _Account:
    """Of a task."""

    n_begun: int = 0
    n_done: int = 0
    n_failed: int = 0
    usage: Usage = NO_USAGE
    paid: Usage = NO_USAGE  # by the budget
    held: float = 0.0
    n_open: int = 0


class Ledger:
    """The one actor of a run that all workers ask and tell.

    A worker that was killed begins its task anew: what it had told before counts no
    longer, except for money, where its shard says what was spent.
    """

    def __init__(self, *, max_failures: int, budget: BudgetTerms | None = None) -> None:
        """Begin a run.

        max_failures (int): Of all workers, as an `Asker` takes it.
        budget (BudgetTerms | None): Of all workers.
        """
        self._max_failures = max_failures
        self._budget = None
        if budget is not None:
            limit, prices, spent, max_tokens = budget
            self._budget = Budget(limit, prices, spent=spent, max_tokens=max_tokens)
        self._accounts: dict[str, _Account] = {}
        self._stopped = ""

    def look(self) -> Progress:
        """RETURNS (Progress): Where the run stands."""
        accounts = self._accounts.values()
        return Progress(
            sum(account.n_done for account in accounts),
            sum(account.n_failed for account in accounts),
            Usage(
                sum(account.usage.prompt_tokens for account in accounts),
                sum(account.usage.completion_tokens for account in accounts),
            ),
            self._stopped,
        )

    def stop(self, reason: str) -> None:
        """Have all workers end: what is on its way comes home, nothing new is sent.

        reason (str): The first one counts.
        """
        self._stopped = self._stopped or reason

    def begin(self, task: str, spent: Usage) -> int:
        """Begin a task, or begin it anew.

        task (str): Its name.
        spent (Usage): What its shard holds.
        RETURNS (int): How often it was begun; 0 if the run ends.
        """
        before = self._accounts.get(task, _Account())
        if self._budget is not None:
            # a reply that was written, but not paid before the kill
            self._budget.settle(before.held, _subtract(spent, before.paid))
        n_begun = before.n_begun + 1
        self._accounts[task] = _Account(n_begun, usage=spent, paid=spent)
        return 0 if self._stopped else n_begun

    def report(self, task: str, n_done: int, n_failed: int, usage: Usage) -> bool:
        """Say how far a task is.

        task (str): Its name.
        n_done (int): Its texts that are done, failed ones too.
        n_failed (int): Those without a reply.
        usage (Usage): All its tokens.
        RETURNS (bool): Whether to go on.
        """
        account = self._accounts[task]
        account.n_done, account.n_failed, account.usage = n_done, n_failed, usage
        progress = self.look()
        if is_hopeless(progress.n_failed, progress.n_done, self._max_failures):
            self.stop("failures")
        return not self._stopped

    def reserve(self, task: str, prompt: str) -> tuple[float | None, bool]:
        """Hold back the worst price of a prompt.

        task (str): Its task.
        prompt (str): The whole prompt.
        RETURNS (tuple[float | None, bool]): The price, None if it does not fit now; and
            whether it may fit later, since others hold money back.
        """
        if self._budget is None or self._stopped:
            return None, False
        price = self._budget.reserve(prompt)
        if price is None:
            return None, any(account.n_open for account in self._accounts.values())
        account = self._accounts[task]
        account.held, account.n_open = account.held + price, account.n_open + 1
        return price, False

    def settle(self, task: str, reserved: float, usage: Usage) -> None:
        """Pay for an answer.

        task (str): Its task.
        reserved (float): What `reserve` gave.
        usage (Usage): What the model counted.
        """
        account = self._accounts[task]
        account.held, account.n_open = account.held - reserved, account.n_open - 1
        account.paid = Usage(
            account.paid.prompt_tokens + usage.prompt_tokens,
            account.paid.completion_tokens + usage.completion_tokens,
        )
        if self._budget is not None:
            self._budget.settle(reserved, usage)


class SharedBudget:
    """A worker's way to the budget of all."""

    def __init__(self, ray: Any, ledger: Any, task: str) -> None:
        """Begin with a task.

        ray (Any): The module.
        ledger (Any): Handle of the actor.
        task (str): Name of the task, which the ledger knows.
        """
        self._ray = ray
        self._ledger = ledger
        self._task = task
        self._n_open = 0

    def reserve(self, prompt: str) -> float | None:
        """Hold back the worst price of a prompt.

        prompt (str): The whole prompt.
        RETURNS (float | None): The price, for `settle`; None if it does not fit now.
        """
        while True:
            price, others = self._ray.get(
                self._ledger.reserve.remote(self._task, prompt)
            )
            if price is not None:
                self._n_open += 1
                return float(price)
            # what is open here must come home first; then what others have open may
            # cost less than feared
            if self._n_open or not others:
                return None
            time.sleep(_SECONDS_PER_LOOK)

    def settle(self, reserved: float, usage: Usage) -> None:
        """Pay for an answer.

        reserved (float): What `reserve` gave.
        usage (Usage): What the model counted.
        """
        self._n_open -= 1
        self._ray.get(self._ledger.settle.remote(self._task, reserved, usage))


def _subtract(one: Usage, other: Usage) -> Usage:
    return Usage(
        one.prompt_tokens - other.prompt_tokens,
        one.completion_tokens - other.completion_tokens,
    )
