"""How many there were of what, from the documents to the sample."""

from collections import Counter
from typing import Any

from ...errors import Errors
from .sift import N_EXAMPLES, Sifted


def start_counts() -> dict[str, Any]:
    """RETURNS (dict[str, Any]): Counts of nothing, ready for JSON."""
    numbers = ("n_documents", "n_bad_documents", "n_sentences", "n_passed")
    return dict.fromkeys(numbers, 0) | {"dropped": {}, "protected": {}, "examples": {}}


def add_counts(counts: dict[str, Any], sifted: Sifted, n_bad: int) -> None:
    """Count what became of a batch.

    counts (dict[str, Any]): is changed.
    sifted (Sifted): of the batch.
    n_bad (int): documents that could not be read.
    """
    counts["n_documents"] += sifted.n_documents + n_bad
    counts["n_bad_documents"] += n_bad
    counts["n_sentences"] += sifted.n_sentences
    counts["n_passed"] += sifted.n_passed
    names = Counter(leaked.leak.test_set for leaked in sifted.leaks)
    for key, found in (("dropped", sifted.dropped), ("protected", names)):
        counts[key] = dict(sorted((found + Counter(counts[key])).items()))
    for reason, some in sorted(sifted.examples.items()):
        shown = counts["examples"].setdefault(reason, [])
        shown += some[: N_EXAMPLES - len(shown)]


def close_counts(
    counts: dict[str, Any], n_duplicates: int, n_near: int, n_drawn: int
) -> dict[str, Any]:
    """Add what became of the sentences that passed, and see that all is there.

    counts (dict[str, Any]): of all batches.
    n_duplicates (int): sentences that were alike.
    n_near (int): and nearly alike.
    n_drawn (int): sentences of the sample.
    RETURNS (dict[str, Any]): counts in the order in which things happen.
    RAISES (ValueError): if they do not add up.
    """
    n_dropped, n_protected = (
        sum(counts[key].values()) for key in ("dropped", "protected")
    )
    n_rest = counts["n_passed"] - n_duplicates - n_near - n_drawn
    n_found = n_dropped + n_protected + counts["n_passed"]
    if n_found != counts["n_sentences"] or n_rest < 0:
        raise ValueError(
            Errors.N258.format(
                n_sentences=counts["n_sentences"],
                n_found=n_found,
                counts=f"{n_dropped} dropped, {n_protected} protected, "
                f"{counts['n_passed']} passed, of them {n_rest} not drawn",
            )
        )
    return {
        "n_documents": counts["n_documents"],
        "n_bad_documents": counts["n_bad_documents"],
        "n_sentences": counts["n_sentences"],
        "n_dropped": n_dropped,
        "dropped": counts["dropped"],
        "n_protected": n_protected,
        "protected": counts["protected"],
        "n_passed": counts["n_passed"],
        "n_not_drawn": n_rest,
        "n_duplicates": n_duplicates,
        "n_near_duplicates": n_near,
        "n_drawn": n_drawn,
        "examples": counts["examples"],
    }
