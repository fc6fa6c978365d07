"""Whether a sentence is of a language."""

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any

from spacy.util import get_lang_class

from ...errors import Errors

# A sentence with so large a share of a language's commonest words, and so many of
# them, is of that language; to ask costs ten times as much
MIN_COMMON, MIN_SHARE = 3, 0.2
# Their common words are no sign: "Was in der Stadt so los war, an einem Tag im Mai."
NEIGHBOURS = ("da", "de", "en", "es", "fr", "it", "nl", "pl", "pt", "ro", "sv")


def make_language_check(
    language: str, least: float
) -> Callable[[str, Sequence[str]], bool]:
    """Make a function that says whether a sentence is of another language.

    The language is identified by py3langid (BSD; naive Bayes over byte n-grams of 97
    languages and more), which is not asked where many stop words of spaCy stand.

    language (str): ISO 639-1 code.
    least (float): least probability of the language.
    RETURNS (Callable): takes the text and its folded words.
    RAISES (ImportError): if py3langid is not installed.
    RAISES (ValueError): if it does not know the language.
    """
    identifier = _load_identifier()
    if language not in identifier.labels:
        raise ValueError(
            Errors.N263.format(
                name="language",
                allowed="one that py3langid knows, or --min-language 0",
                got=language,
            )
        )
    common = _find_stop_words(language)
    for other in NEIGHBOURS:
        common -= _find_stop_words(other) if other != language else frozenset()

    def is_foreign(text: str, words: Sequence[str]) -> bool:
        found = [word for word in words if word in common]
        if len(set(found)) >= MIN_COMMON and len(found) >= MIN_SHARE * len(words):
            return False
        best, probability = identifier.classify(text)
        if best == language:
            return probability < least
        # no closer look at a sentence that is surely of another language
        return 1 - probability < least or dict(identifier.rank(text))[language] < least

    return is_foreign


def _find_stop_words(language: str) -> frozenset[str]:
    try:
        return frozenset(get_lang_class(language).Defaults.stop_words)
    except ImportError:  # spaCy does not know the language
        return frozenset()


@lru_cache(maxsize=1)
def _load_identifier() -> Any:
    try:
        from py3langid.langid import MODEL_FILE, LanguageIdentifier
    except ImportError:
        raise ImportError(
            Errors.N253.format(
                package="py3langid",
                what="the filter of languages",
                instead=", or go without: --min-language 0",
            )
        ) from None
    return LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
