"""All metrics of one system on one set of sentences, from the same predictions."""

from typing import Any

from ..errors import Errors
from .episodes import score_episodes
from .metrics import Ints, score
from .mistakes import confuse_entities, confuse_tokens, count_mistakes, name_table
from .pairs import Pair
from .predictions import fill_types
from .stats.resample import draw_weights, resample_f1
from .stats.spread import interval
from .tally import IS_MACRO, Reference
from .texts import Texts, count_texts


def score_pair(
    pair: Pair, *, weights: Ints | None = None, n_resamples: int = 2000, seed: int = 0
) -> dict[str, Any]:
    """Compute every metric.

    pair (Pair): Gold and prediction.
    weights (Optional[Ints]): Sub-tokens of each token; adds "subtoken_macro_f1".
    n_resamples (int): Resamples of the sentences for the intervals.
    seed (int): Seed of these.
    RETURNS (dict[str, Any]): See docs/evaluation.md.
    RAISES (ValueError): If there is not one weight for each token.
    """
    gold, labels, spans = pair.gold, pair.labels, pair.spans
    types = fill_types(spans, len(gold.types))
    figures = _score(pair, types, None)
    answers = count_texts(Texts(gold), gold.spans, spans, len(labels))
    for i, label in enumerate(labels):
        figures["per_type"][label] |= {
            "text_p": float(answers.precision[i]),
            "text_r": float(answers.recall[i]),
            "text_f1": float(answers.f1[i]),
        }
    whole = answers.micro()
    figures |= {
        "text_set_f1": float(whole.f1),
        "text_set_p": float(whole.precision),
        "text_set_r": float(whole.recall),
    }
    if weights is not None:
        if len(weights) != len(gold.types):
            got = len(weights)
            raise ValueError(Errors.N503.format(gold=len(gold.types), got=got))
        figures["subtoken_macro_f1"] = _score(pair, types, weights)["token_macro_f1"]
    reference = Reference(gold, labels)
    tally = reference.tally(spans)
    drawn = draw_weights(f"{seed}/score", n_resamples, len(gold.lengths))
    intervals = {
        metric: interval(resample_f1(drawn, [tally[metric]], reference.gold[metric])[1])
        for metric in IS_MACRO
    }
    if weights is not None:
        heavy = Reference(gold, labels, weights)
        counts = [heavy.tally(spans)["token_macro_f1"]]
        sums = resample_f1(drawn, counts, heavy.gold["token_macro_f1"])
        intervals["subtoken_macro_f1"] = interval(sums[1])
    result = {
        "labels": labels,
        "n_sentences": len(gold.lengths),
        "n_entities": {"gold": len(gold.spans), "predicted": len(spans)},
        "n_moved": pair.n_moved,
        "n_dropped": pair.n_dropped,
        **figures,
        "intervals": {metric: list(ends) for metric, ends in intervals.items()},
        "mistakes": count_mistakes(gold.spans, spans),
        "confusion": {
            "tokens": name_table(
                confuse_tokens(gold.types, types, len(labels)), labels
            ),
            "entities": name_table(
                confuse_entities(gold.spans, spans, len(labels)), labels
            ),
        },
    }
    if pair.sizes is not None:
        episodes = score_episodes(gold, spans, pair.sizes, len(labels))
        result["episodes"] = episodes.as_dict()
    return result


def _score(pair: Pair, types: Ints, weights: Ints | None) -> dict[str, Any]:
    gold = pair.gold
    return score(
        gold.types,
        gold.spans,
        types,
        pair.spans,
        pair.labels,
        annotated=gold.annotated,
        weights=weights,
    )
