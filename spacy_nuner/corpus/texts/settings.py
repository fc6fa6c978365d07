"""The settings of a sample of sentences."""

from dataclasses import dataclass
from typing import Literal, get_args

from ...errors import Errors

Paragraphs = Literal["blank", "line"]


@dataclass(frozen=True)
class TextSettings:
    """What is read, what is left out and what is drawn.

    The defaults draw as many sentences as the paper asked its LLM for (Section 3.1).
    """

    n: int = 1_350_000  # sentences to draw; 0: all
    seed: int = 0
    reserve: float = 0.25  # more candidates than n, since near duplicates go out last
    limit: int = 0  # documents to read; 0: all
    field: str = "text"  # of a JSON record or a Parquet row
    paragraphs: Paragraphs = "blank"  # what ends a document of a plain text file
    pipeline: str = "sentencizer"  # or the name or path of a spaCy pipeline
    language: str = "en"
    min_language: float = 0.02  # least probability of the language; 0: not asked
    min_tokens: int = 5
    max_tokens: int = 128
    near: float = 0.7  # share of common word pairs that makes a copy; 0: not looked for
    protect_words: int = 8  # words in a row that may not be shared with test data
    without: tuple[str, ...] = ()  # filters that are not applied
    skip_bad: bool = False  # count and list bad records, instead of an error

    def __post_init__(self) -> None:
        """Refuse settings that make no sense.

        RAISES (ValueError): naming the setting.
        """
        for name in ("n", "reserve", "limit"):
            self._check(name, getattr(self, name) >= 0, "0 or more")
        for name in ("min_language", "near"):
            self._check(name, 0 <= getattr(self, name) <= 1, "between 0 and 1")
        self._check("protect_words", self.protect_words >= 2, "2 or more")
        fits = 1 <= self.min_tokens <= self.max_tokens
        self._check("min_tokens", fits, f"from 1 to max_tokens ({self.max_tokens})")
        allowed = get_args(Paragraphs)
        self._check("paragraphs", self.paragraphs in allowed, " or ".join(allowed))

    def _check(self, name: str, is_right: bool, allowed: str) -> None:
        if not is_right:
            raise ValueError(
                Errors.N263.format(name=name, allowed=allowed, got=getattr(self, name))
            )

    @property
    def n_candidates(self) -> int:
        """Sentences that are kept until near duplicates are out; 0: all."""
        return round(self.n * (1 + self.reserve))
