"""What is wrong with annotated sentences, told before a model learns it."""

from collections import Counter, defaultdict
from collections.abc import Callable, Collection, Iterator, Sequence
from typing import Literal, NamedTuple

from spacy.tokens import Doc, Span

from .align import Aligned
from .annotated import Annotated, Problem, Reading, shorten, tell

Level = Literal["error", "warning", "info"]
# Fewer mentions of a label than this: its score means little
FEW = 5
# Words of the longest entity that is looked for elsewhere
MAX_WORDS = 8

# Errors lose annotation or falsify scores; warnings cost accuracy
KINDS: dict[str, tuple[Level, str]] = {
    "line": ("error", "Lines that can't be read"),
    "entities": ("error", "No annotated entity"),
    "misaligned": ("error", "Spans that begin or end within a word"),
    "overlap": ("error", "Spans that overlap, of which one is lost"),
    "blank": ("error", "Spans of white space"),
    "leak": ("error", "Sentences of the test data that are in the training data"),
    "conflict": ("warning", "Texts that are annotated in two ways"),
    "duplicate": ("warning", "Sentences that come again"),
    "rare": ("warning", f"Labels with fewer than {FEW} entities"),
    "case": ("warning", "Labels that differ only in how they are written"),
    "untrained": ("warning", "Labels of the test data that are never trained"),
    "unmarked": ("warning", "Entities that are not marked elsewhere"),
    "edges": ("warning", "Spans with white space at an edge"),
    "repeated": ("warning", "Spans that are there twice"),
    "expanded": ("warning", "Spans that end before a token does"),
    "tags": ("warning", "Tags that continue nothing"),
    "empty": ("warning", "Records without text"),
    "refused": ("info", "Records that nobody has accepted"),
    "long": ("info", "Texts longer than the encoder's window, encoded in parts"),
}


class Finding(NamedTuple):
    """All cases of one thing that is wrong."""

    kind: str
    cases: list[str]  # what and where, in order

    @property
    def level(self) -> Level:
        """How bad it is."""
        return KINDS[self.kind][0]

    @property
    def title(self) -> str:
        """What it is."""
        return KINDS[self.kind][1]


class Part(NamedTuple):
    """The training data or the test data."""

    reading: Reading
    aligned: Aligned


def check(
    train: Part,
    test: Part | None = None,
    *,
    is_long: Callable[[str], bool] | None = None,
) -> list[Finding]:
    """Check training data, alone and against test data.

    train (Part): The training data.
    test (Part | None): The test data, which get the same checks of their own.
    is_long (Callable | None): Whether a text is longer than the encoder's window.
    RETURNS (list[Finding]): What was found, errors first.
    """
    parts = [train] if test is None else [train, test]
    cases: dict[str, list[str]] = defaultdict(list)
    for part in parts:
        cases["line"] += part.reading.errors
        for problem in [*part.reading.problems, *part.aligned.problems]:
            cases[problem.kind].append(str(problem))
        for problem in [*_find_repeats(part.aligned), *_find_unmarked(part.aligned)]:
            cases[problem.kind].append(str(problem))
        if is_long is not None:
            cases["long"] += [
                f"{s.path}, {s.place}: {shorten(s.text)}"
                for s in part.aligned.sentences
                if is_long(s.text)
            ]
    counts = [count_labels(part.aligned.docs) for part in parts]
    if not counts[0]:
        cases["entities"].append(f"{len(train.aligned.docs)} sentences")
    cases["rare"] = [f"{label}: {n}" for label, n in counts[0].items() if n < FEW]
    cases["case"] = list(_find_alike(set().union(*counts)))
    if test is not None:
        cases["leak"] += map(str, _find_leaks(train.aligned, test.aligned))
        lost = counts[1].keys() - counts[0].keys()
        cases["untrained"] = [f"{label}: {counts[1][label]}" for label in sorted(lost)]
    return [Finding(kind, cases[kind]) for kind in KINDS if cases[kind]]


def count_labels(docs: Sequence[Doc]) -> dict[str, int]:
    """RETURNS (dict[str, int]): Entities of each label, the most frequent first."""
    counts = Counter(ent.label_ for doc in docs for ent in doc.ents)
    return dict(sorted(counts.items(), key=lambda item: (-item[1], item[0])))


def _find_alike(labels: set[str]) -> Iterator[str]:
    groups: dict[str, list[str]] = defaultdict(list)
    for label in sorted(labels):
        groups["".join(c for c in label.casefold() if c.isalnum())].append(label)
    return (", ".join(group) for group in groups.values() if len(group) > 1)


def _fold(text: str) -> str:
    return " ".join(text.split())


def _find_repeats(aligned: Aligned) -> Iterator[Problem]:
    first: dict[str, int] = {}
    for i, (doc, sentence) in enumerate(
        zip(aligned.docs, aligned.sentences, strict=True)
    ):
        j = first.setdefault(_fold(sentence.text), i)
        if i == j:
            continue
        other = aligned.sentences[j]
        where = f"{other.path}, {other.place}"
        gold, before = _list_ents(doc), _list_ents(aligned.docs[j])
        if gold == before:
            detail = f"as {where}: {shorten(sentence.text)}"
            yield tell("duplicate", sentence, detail)
        else:
            only = ", ".join(f"“{t}” ({x})" for t, x in (gold ^ before).elements())
            detail = f"as {where}, but not in both: {only}"
            yield tell("conflict", sentence, detail)


class _Ents(Counter[tuple[str, str]]):
    """Entities of a text by words and label."""

    def __xor__(self, other: "_Ents") -> "_Ents":
        return _Ents((self - other) + (other - self))


def _list_ents(doc: Doc) -> _Ents:
    return _Ents((_fold(ent.text), ent.label_) for ent in doc.ents)


def _find_leaks(train: Aligned, test: Aligned) -> Iterator[Problem]:
    known = {_fold(s.text): s for s in train.sentences}
    for sentence in test.sentences:
        other = known.get(_fold(sentence.text))
        if other is not None:
            detail = f"as {other.path}, {other.place}: {shorten(sentence.text)}"
            yield tell("leak", sentence, detail)


def _find_unmarked(aligned: Aligned) -> Iterator[Problem]:
    """Find words that are an entity in most places, but not marked in some.

    Those that are more often unmarked are taken for right as they are ("on" within one
    entity "on"). The ones with the most marks come first: they are the surest slips.
    """
    marks: dict[tuple[str, ...], Counter[str]] = defaultdict(Counter)
    for doc in aligned.docs:
        for ent in doc.ents:
            if len(ent) <= MAX_WORDS and any(c.isalpha() for c in ent.text):
                marks[_words(ent)][ent.label_] += 1
    places: dict[tuple[str, ...], list[tuple[Annotated, str]]] = defaultdict(list)
    longest = max(map(len, marks), default=0)
    for doc, sentence in zip(aligned.docs, aligned.sentences, strict=True):
        for start, end in _find_plain(doc, marks, longest):
            places[_words(doc[start:end])].append((sentence, doc[start:end].text))
    for words in sorted(places, key=lambda words: -marks[words].total()):
        if marks[words].total() < len(places[words]):
            continue
        marked = ", ".join(f"{label} {n}×" for label, n in marks[words].most_common())
        for sentence, text in places[words]:
            detail = f"“{text}” is not marked; elsewhere {marked}"
            yield tell("unmarked", sentence, detail)


def _find_plain(
    doc: Doc, names: Collection[tuple[str, ...]], longest: int
) -> Iterator[tuple[int, int]]:
    """YIELDS (tuple[int, int]): The longest names in tokens that are no entity."""
    words = _words(doc)
    is_plain = [token.ent_iob_ == "O" for token in doc]
    start = 0
    while start < len(words):
        step = 1
        for size in range(min(longest, len(words) - start), 0, -1):
            end = start + size
            if words[start:end] in names and all(is_plain[start:end]):
                yield start, end
                step = size
                break
        start += step


def _words(tokens: Doc | Span) -> tuple[str, ...]:
    return tuple(token.lower_ for token in tokens)
