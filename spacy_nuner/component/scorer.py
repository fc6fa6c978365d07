"""Scores of a token classifier: entities as spaCy scores them, and token macro F1."""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any

from spacy.scorer import get_ner_prf
from spacy.training import Example


def make_token_ner_scorer() -> Callable[..., dict[str, Any]]:
    """Create the scoring method `spacy-nuner.TokenNERScorer.v1`."""
    return score_token_ner


def score_token_ner(examples: Iterable[Example], **kwargs: Any) -> dict[str, Any]:
    """Score entities and tokens.

    `ents_p`, `ents_r`, `ents_f`, `ents_per_type`: entities, micro, from spaCy.
    `nuner_token_macro_f`: F1 of the types of tokens, mean over the types that occur in
    the gold, "None" left out (paper, Section 4.1).

    examples (Iterable[Example]): Predicted and reference docs.
    RETURNS (dict[str, Any]): The scores.
    """
    examples = list(examples)
    per_type, in_gold = score_tokens(examples)
    macro = (
        sum(per_type[label] for label in in_gold) / len(in_gold) if in_gold else None
    )
    return {
        **get_ner_prf(examples),
        "nuner_token_macro_f": macro,
        "nuner_token_f_per_type": per_type or None,
    }


def score_tokens(examples: Iterable[Example]) -> tuple[dict[str, float], list[str]]:
    """F1 of each type over annotated tokens; white space does not count.

    examples (Iterable[Example]): Predicted and reference docs.
    RETURNS (tuple[dict[str, float], list[str]]): F1 of each type that is in gold or
        predicted; the types in the gold.
    """
    hits: Counter[str] = Counter()
    gold_items: Counter[str] = Counter()
    predicted_items: Counter[str] = Counter()
    for eg in examples:
        for token, biluo in zip(eg.predicted, eg.get_aligned_ner(), strict=True):
            if biluo in (None, "-", "") or token.is_space:
                continue
            gold, predicted = biluo[2:], token.ent_type_
            gold_items[gold] += 1
            predicted_items[predicted] += 1
            hits[gold] += gold == predicted
    items = gold_items + predicted_items
    per_type = {
        label: 2 * hits[label] / items[label] for label in sorted(items) if label
    }
    return per_type, sorted(label for label in gold_items if label)
