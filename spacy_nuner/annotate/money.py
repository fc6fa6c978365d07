"""What replies cost, and a budget that is not passed."""

from math import isfinite
from threading import Lock
from typing import Any, Final, NamedTuple, Protocol

from spacy_nuner.annotate.answers import Usage
from spacy_nuner.errors import Errors

SECTION: Final = "prices"
_MILLION: Final = 1_000_000
# Tokens that a server adds to a prompt, such as the marks of a chat or a schema
_OVERHEAD: Final = 256
# Longest reply to reckon with where neither the config nor a reply says more
_LONG_REPLY: Final = 1024


class Prices(NamedTuple):
    """Prices of a model, per million tokens."""

    input: float
    output: float
    currency: str = "USD"

    def cost(self, usage: Usage) -> float:
        """The price of tokens.

        usage (Usage): Tokens in and out.
        RETURNS (float): In the currency of the prices.
        """
        total = usage.prompt_tokens * self.input + usage.completion_tokens * self.output
        return total / _MILLION


def read_prices(config: dict[str, Any]) -> Prices | None:
    """Read the section [prices] of a config.

    config (dict[str, Any]): The config.
    RETURNS (Prices | None): None if there is no such section.
    RAISES (ValueError): If a price is missing or no number from 0.
    """
    section = config.get(SECTION)
    if section is None:
        return None
    fits = (
        isinstance(section, dict)
        and {"input", "output"} <= set(section) <= set(Prices._fields)
        and all(_is_price(section[name]) for name in ("input", "output"))
        and isinstance(section.get("currency", ""), str)
    )
    if not fits:
        raise ValueError(Errors.N145.format(got=section))
    return Prices(**section)


def find_max_tokens(settings: dict[str, Any]) -> int | None:
    """How long a reply may be, by the settings of its model.

    settings (dict[str, Any]): Of the section [components.llm.model].
    RETURNS (int | None): None if they don't say.
    """
    nested = settings.get("config")
    for section in (settings, nested if isinstance(nested, dict) else {}):
        for name in ("max_tokens", "max_completion_tokens"):
            if isinstance(section.get(name), int):
                return int(section[name])
    return None


class Purse(Protocol):
    """What an `Asker` needs of a budget."""

    def reserve(self, prompt: str) -> float | None:
        """Hold back the worst price of a prompt; None if it does not fit now."""
        ...

    def settle(self, reserved: float, usage: Usage) -> None:
        """Pay for an answer."""
        ...


class Budget:
    """Money that may be spent; each open request holds its worst price back.

    A prompt has at most as many tokens as bytes, and a reply at most `max_tokens`: with
    that set the limit can't be passed by what the model counts. Without it the worst
    is twice the longest reply seen.
    """

    def __init__(
        self, limit: float, prices: Prices, *, spent: Usage, max_tokens: int | None
    ) -> None:
        """Start with what was spent before.

        limit (float): In the currency of the prices.
        prices (Prices): Prices of the model.
        spent (Usage): All tokens that the journal has of this model.
        max_tokens (int | None): Longest reply, where the model has such a setting.
        """
        self.limit = limit
        self.prices = prices
        self.spent = prices.cost(spent)
        self._max_tokens = max_tokens
        self._longest = _LONG_REPLY
        self._held = 0.0
        # a model may take prompts in another thread than the one that gives replies
        self._lock = Lock()

    def reserve(self, prompt: str) -> float | None:
        """Hold back the worst price of a prompt.

        prompt (str): The whole prompt.
        RETURNS (float | None): The price, for `settle`; None if it does not fit now.
        """
        n_bytes = len(prompt.encode("utf8", errors="surrogatepass"))
        with self._lock:
            reply = self._max_tokens or 2 * self._longest
            price = self.prices.cost(Usage(n_bytes + _OVERHEAD, reply))
            if self.spent + self._held + price > self.limit:
                return None
            self._held += price
            return price

    def settle(self, reserved: float, usage: Usage) -> None:
        """Pay for an answer.

        reserved (float): What `reserve` gave.
        usage (Usage): What the model counted.
        """
        with self._lock:
            self._held -= reserved
            self.spent += self.prices.cost(usage)
            self._longest = max(self._longest, usage.completion_tokens)


def _is_price(value: object) -> bool:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    return isfinite(value) and value >= 0
