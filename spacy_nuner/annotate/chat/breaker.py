"""When to give a server up."""

import time

from spacy_nuner.annotate.chat.failure import Sign

_ROW = 5  # failures that are no accident


class Breaker:
    """Counts failures in a row, over all prompts.

    A storm of faults with replies in between never trips it. A server that never was
    there (refused, unknown host) is given up at once, one that was there when nothing
    but failures came for a while: it may be starting anew.
    """

    def __init__(self, patience: float, *, least: int = 10) -> None:
        """Begin with no failure.

        patience (float): Seconds of nothing but failures.
        least (int): Failures in a row, however long they take.
        """
        self.patience = patience
        self.least = least
        self.n_failures = 0
        self._first = 0.0  # when the row began
        self._was_there = self._was_alive = False

    def record(self, sign: Sign) -> bool:
        """Take in what a request said about the server.

        sign (Sign): "alive" ends a row of failures, "busy" changes nothing.
        RETURNS (bool): Whether the server is to be given up.
        """
        if sign == "alive":
            self._was_there = self._was_alive = True
            self.n_failures = 0
        if sign in ("alive", "busy"):
            return False
        now = time.monotonic()
        self._first = now if self.n_failures == 0 else self._first
        self.n_failures += 1
        if sign != "unreachable":
            self._was_there = True
        if self.n_failures < self.least:
            return False
        return not self._was_there or now - self._first >= self.patience

    @property
    def is_fine(self) -> bool:
        """Whether failures are rare: no row of them, and replies before."""
        return self._was_alive and self.n_failures < _ROW

    @property
    def seconds(self) -> float:
        """How long the row of failures is."""
        return time.monotonic() - self._first if self.n_failures else 0.0
