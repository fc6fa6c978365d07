"""How far two annotations of the same texts agree: two models, or two persons.

No side is gold: F1 of mentions is the same from both sides. The paper gives no such
figure; it is the upper bound of what a model trained on one annotation can reach on
the other.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from spacy_nuner.errors import Errors

Spans = frozenset[tuple[int, int, str]]  # start, end, concept
Annotated = Mapping[str, Spans]  # text -> its mentions
Ints = NDArray[np.int64]
Counts = tuple[int, int, int]  # agreed, of one, of the other

N_SAMPLES: Final = 1000


class Measure(NamedTuple):
    """A way to say when two mentions are the same."""

    name: str
    compare: Callable[[Spans, Spans], Counts]


def normalize_concept(concept: str) -> str:
    """Make spellings of a free concept equal: case, hyphens, a plural "s".

    concept (str): Such as "NBA-Teams".
    RETURNS (str): "nba team".
    """
    words = concept.lower().replace("-", " ").replace("_", " ").split()
    if words:
        last = words[-1]
        if last.endswith("ies") and len(last) > 4:
            words[-1] = last[:-3] + "y"
        elif last.endswith("s") and not last.endswith(("ss", "us", "is")):
            words[-1] = last[:-1]
    return " ".join(words)


def compare_annotations(
    one: Annotated, other: Annotated, *, seed: int = 0, n_samples: int = N_SAMPLES
) -> dict[str, Any]:
    """Compare two annotations on the texts that both have.

    one (Annotated): Mentions by text.
    other (Annotated): The same of the other.
    seed (int): Of the bootstrap.
    n_samples (int): Samples of sentences that the intervals rest on.
    RETURNS (dict[str, Any]): "n_texts" and what only one has; "measures": F1 with low
        and high for each way to count; "concepts": F1 by concept, frequent ones first.
    RAISES (ValueError): If they share no text.
    """
    texts = sorted(one.keys() & other.keys())
    if not texts:
        raise ValueError(Errors.N172.format(n_one=len(one), n_other=len(other)))
    pairs = [(one[text], other[text]) for text in texts]
    counts = np.asarray(
        [[n for measure in MEASURES for n in measure.compare(*pair)] for pair in pairs]
    )  # (n_texts, 3 × n_measures)
    totals = _resample(counts, n_samples, seed=seed)
    measures = {
        measure.name: _measure(counts[:, i : i + 3].sum(axis=0), totals[:, i : i + 3])
        for i, measure in zip(range(0, counts.shape[1], 3), MEASURES, strict=True)
    }
    return {
        "n_texts": len(texts),
        "n_only_one": len(one) - len(texts),
        "n_only_other": len(other) - len(texts),
        "n_mentions_one": sum(len(first) for first, _ in pairs),
        "n_mentions_other": sum(len(second) for _, second in pairs),
        "measures": measures,
        "concepts": _by_concept(pairs),
    }


def _resample(counts: Ints, n_samples: int, *, seed: int) -> Ints:
    """Sums of the counts over sentences drawn again, with replacement.

    RETURNS (Ints): Shape (n_samples, 3 × n_measures).
    """
    rng, n = np.random.default_rng(seed), len(counts)
    drawn = (rng.integers(n, size=n) for _ in range(n_samples))
    return np.asarray([np.bincount(rows, minlength=n) @ counts for rows in drawn])


def _measure(total: Any, totals: Ints) -> dict[str, Any]:
    agreed, n_one, n_other = map(int, total)
    drawn = [_f1(*map(int, row)) for row in totals]
    known = [value for value in drawn if value is not None]
    low, high = np.quantile(known, (0.025, 0.975)) if known else (None, None)
    return {
        "agreed": agreed,
        "one": n_one,
        "other": n_other,
        "f1": _f1(agreed, n_one, n_other),
        "low": None if low is None else float(low),
        "high": None if high is None else float(high),
    }


def _f1(agreed: int, n_one: int, n_other: int) -> float | None:
    """F1; None where neither has a mention."""
    return 2 * agreed / (n_one + n_other) if n_one + n_other else None


def _count_spans(one: Spans, other: Spans) -> Counts:
    first, second = ({(s, e) for s, e, _ in spans} for spans in (one, other))
    return len(first & second), len(first), len(second)


def _count_exact(one: Spans, other: Spans) -> Counts:
    return len(one & other), len(one), len(other)


def _count_normalized(one: Spans, other: Spans) -> Counts:
    first, second = (
        {(s, e, normalize_concept(c)) for s, e, c in spans} for spans in (one, other)
    )
    return len(first & second), len(first), len(second)


def _count_overlap(one: Spans, other: Spans) -> Counts:
    """Spans that overlap, each paired once: the mentions of the text from the left."""
    first, second = (sorted({(s, e) for s, e, _ in spans}) for spans in (one, other))
    taken: set[int] = set()
    for start, end in first:
        found = (
            i
            for i, (s, e) in enumerate(second)
            if i not in taken and s < end and start < e
        )
        if (match := next(found, None)) is not None:
            taken.add(match)
    return len(taken), len(first), len(second)


MEASURES: Final = (
    Measure("span", _count_spans),
    Measure("span and concept", _count_exact),
    Measure("span and normalized concept", _count_normalized),
    Measure("overlapping span", _count_overlap),
)


def _by_concept(pairs: Iterable[tuple[Spans, Spans]]) -> list[dict[str, Any]]:
    """Agreement on each normalized concept, the most frequent first."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0, 0])
    for pair in pairs:
        first, second = (
            {(normalize_concept(c), s, e) for s, e, c in spans} for spans in pair
        )
        for column, spans in enumerate((first & second, first, second)):
            for concept, _, _ in spans:
                counts[concept][column] += 1
    rows = [
        {"concept": concept, "agreed": agreed, "one": n_one, "other": n_other}
        | {"f1": _f1(agreed, n_one, n_other)}
        for concept, (agreed, n_one, n_other) in counts.items()
    ]
    return sorted(rows, key=lambda row: (-row["one"] - row["other"], row["concept"]))


def compare_verdicts(
    one: Mapping[Any, str], other: Mapping[Any, str]
) -> dict[str, Any]:
    """Compare the verdicts of two persons on the same annotations (Cohen's kappa).

    one (Mapping[Any, str]): A verdict for each annotation.
    other (Mapping[Any, str]): The same of the other person.
    RETURNS (dict[str, Any]): "n", "agreed" (share), "kappa" (None where both give all
        of them the same verdict: chance agrees, too), "table" by pair of verdicts.
    RAISES (ValueError): If they judged no annotation both.
    """
    common = sorted(one.keys() & other.keys())
    if not common:
        raise ValueError(Errors.N173.format(n_one=len(one), n_other=len(other)))
    n = len(common)
    table = Counter((one[key], other[key]) for key in common)
    observed = sum(count for (a, b), count in table.items() if a == b) / n
    first, second = (Counter(side[key] for key in common) for side in (one, other))
    expected = sum(first[verdict] * second[verdict] for verdict in first) / n**2
    kappa = (observed - expected) / (1 - expected) if expected < 1 else None
    rows = [{"one": a, "other": b, "n": n_ab} for (a, b), n_ab in sorted(table.items())]
    return {"n": n, "agreed": observed, "kappa": kappa, "table": rows}
