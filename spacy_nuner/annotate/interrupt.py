"""Ctrl-C and SIGTERM: first what is on its way comes home, then the run ends."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, Final

_SIGNALS: Final = (signal.SIGINT, signal.SIGTERM)


@contextmanager
def finishing_on_signals(stop: Callable[[], None]) -> Iterator[None]:
    """Call a function at the first signal; the second does what it always did.

    A signal that is ignored, as in the background of a shell, stays so.

    stop (Callable[[], None]): Sets a flag that the run looks at.
    """
    if threading.current_thread() is not threading.main_thread():
        yield  # Python gives signals to the main thread only
        return
    found = {number: signal.getsignal(number) for number in _SIGNALS}
    before = {n: handler for n, handler in found.items() if handler != signal.SIG_IGN}

    def handle(number: int, _: Any) -> None:
        signal.signal(number, before[signal.Signals(number)])
        stop()

    for number in before:
        signal.signal(number, handle)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
