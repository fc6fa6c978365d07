"""When a request is sent again, and what is said when it makes no sense."""

from collections.abc import Callable

from tenacity import RetryCallState
from tenacity.wait import wait_random, wait_random_exponential

from spacy_nuner.annotate.chat.failure import Failure
from spacy_nuner.annotate.chat.key import tell_source
from spacy_nuner.annotate.chat.settings import Settings
from spacy_nuner.errors import Errors

_JITTER = 0.25  # of the interval, after what the server asks for
_LONGEST = 60.0  # seconds between tries, unless the server asks for more


def is_worth_a_try(error: BaseException) -> bool:
    """RETURNS (bool): Whether another try may help."""
    return isinstance(error, Failure) and error.verdict == "again"


def make_wait(
    interval: float, is_fine: Callable[[], bool] = lambda: False
) -> Callable[[RetryCallState], float]:
    """Make the function that says how long to wait until the next try.

    interval (float): Seconds before the second try, at most; doubled at each further.
    is_fine (Callable[[], bool]): Says whether the server answers others: then a fault
        is no sign of too much load, and there is no reason to wait ever longer.
    RETURNS (Callable[[RetryCallState], float]): Gives seconds: what the server asks
        for, or ever longer; with jitter, so that not all come back at once.
    """
    backoff = wait_random_exponential(interval, _LONGEST)
    soon = wait_random(0.0, interval)
    jitter = wait_random(0.0, _JITTER * interval)

    def wait(state: RetryCallState) -> float:
        error = state.outcome.exception() if state.outcome is not None else None
        after = error.after if isinstance(error, Failure) else None
        if after is not None:
            return after + jitter(state)
        return soon(state) if is_fine() else backoff(state)

    return wait


def tell_refusal(failure: Failure, settings: Settings, *, has_key: bool) -> str:
    """Say that a key was refused, or that an account has no money.

    failure (Failure): With the verdict "refused" or "empty".
    settings (Settings): How the server is reached.
    has_key (bool): Whether a key was sent.
    RETURNS (str): The message.
    """
    if failure.verdict == "empty":
        return Errors.N121.format(url=settings.base_url, reason=failure.reason)
    return Errors.N118.format(
        url=settings.base_url,
        reason=failure.reason,
        where=tell_source(settings.key_env, settings.key_file),
        found="was sent" if has_key else "there was none",
    )
