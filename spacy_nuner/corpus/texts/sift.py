"""Documents -> sentences that pass the filters, with counts: what each worker does."""

from collections import Counter
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import NamedTuple

from .filters import choose_filters, find_reason
from .language import make_language_check
from .protection import Leak, Protected, find_leak, load_protected
from .sentences import Piece, SplitT, make_splitter
from .settings import TextSettings
from .sources import Document
from .words import fold_words, hash_words

N_EXAMPLES = 3
MAX_EXAMPLE = 200  # characters
FOREIGN = "language"


class Sentence(NamedTuple):
    """A sentence that passed."""

    priority: int  # the smallest are drawn
    id: str
    text: str


class LeakedSentence(NamedTuple):
    """A sentence that test data has, too."""

    id: str
    text: str
    leak: Leak


class Sifted(NamedTuple):
    """What became of some documents."""

    n_documents: int
    n_sentences: int
    n_passed: int
    dropped: Counter[str]
    examples: dict[str, list[str]]
    leaks: list[LeakedSentence]
    kept: list[Sentence]  # of those that passed, the ones that may yet be drawn


def sift(
    documents: Sequence[Document],
    settings: TextSettings,
    protect: tuple[str, ...],
    *,
    ceiling: int,
) -> Sifted:
    """Cut documents into sentences and leave out what is not wanted.

    Each reason is counted once for a sentence: the first that applies.

    documents (Sequence[Document]): the documents.
    settings (TextSettings): the settings.
    protect (tuple[str, ...]): where the test data are.
    ceiling (int): sentences of a higher priority are counted, but not returned.
    RETURNS (Sifted): the sentences in order.
    """
    split, test, protected = get_tools(settings, protect)
    sifted = Sifted(len(documents), 0, 0, Counter(), {}, [], [])
    n_sentences = n_passed = 0
    for document in documents:
        for number, piece in enumerate(split(document.text)):
            n_sentences += 1
            reason, words = test(piece)
            id_ = f"{document.id}.{number}"
            if reason:
                sifted.dropped[reason] += 1
                shown = sifted.examples.setdefault(reason, [])
                if len(shown) < N_EXAMPLES:
                    shown.append(piece.text[:MAX_EXAMPLE])
            elif leak := find_leak(words, protected):
                sifted.leaks.append(LeakedSentence(id_, piece.text, leak))
            else:
                n_passed += 1
                priority = hash_words(words or [piece.text], key=str(settings.seed))
                if priority <= ceiling:
                    sifted.kept.append(Sentence(priority, id_, piece.text))
    return sifted._replace(n_sentences=n_sentences, n_passed=n_passed)


class Tools(NamedTuple):
    """What a process needs to sift documents."""

    split: SplitT
    test: Callable[[Piece], tuple[str, list[str]]]  # gives the reason, or the words
    protected: Protected


# Once in a process: a worker is told the settings with each task
@lru_cache(maxsize=1)
def get_tools(settings: TextSettings, protect: tuple[str, ...]) -> Tools:
    """Load what sifting needs.

    settings (TextSettings): the settings.
    protect (tuple[str, ...]): where the test data are.
    RETURNS (Tools): the tools.
    RAISES (ValueError): if a setting is wrong or there is no test data.
    RAISES (ImportError): if a package of the extra "text" is missing.
    """
    split = make_splitter(settings.pipeline, settings.language)
    filters = choose_filters(settings.without)
    protected = load_protected(protect, n_words=settings.protect_words)
    is_foreign: Callable[[str, Sequence[str]], bool] | None = None
    if settings.min_language:
        is_foreign = make_language_check(settings.language, settings.min_language)

    def test(piece: Piece) -> tuple[str, list[str]]:
        if reason := find_reason(piece, filters, settings):
            return reason, []
        words = fold_words(piece.text)
        return FOREIGN if is_foreign and is_foreign(piece.text, words) else "", words

    return Tools(split, test, protected)
