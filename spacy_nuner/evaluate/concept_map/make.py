"""The concept map: the concepts of a corpus as the concept encoder sees them."""

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final, NamedTuple

import numpy as np

from ...errors import Errors
from .coverage import BREADTH, LabelSet, measure_coverage
from .nearness import Floats, centre, find_nearest
from .project import project
from .sentences import Sentence, choose_sentences, pick_candidates

logger = logging.getLogger(__name__)

FORMAT: Final = 1
N_NEAREST: Final = 8
N_MENTIONS: Final = 4
# Characters of the sentences, so that 10,000 concepts fit on a page of 5 MB
BUDGET: Final = 1_000_000

# Phrases of each concept or label -> vectors, as `spacy-nuner.embed_labels.v1` does it
Embed = Callable[[Sequence[Sequence[str]]], Floats]


class MapSettings(NamedTuple):
    """What is shown, and how."""

    min_count: int = 2  # mentions that a concept needs
    limit: int = 10_000  # concepts, the most frequent ones
    method: str = "auto"
    seed: int = 0


def make_concept_map(
    read: Callable[[], Iterable[Sentence]],
    embed: Embed,
    settings: MapSettings,
    *,
    label_sets: Sequence[LabelSet] = (),
) -> dict[str, Any]:
    """Make the concept map of a corpus.

    read (Callable[[], Iterable[Sentence]]): Reads the corpus; it is called twice.
    embed (Embed): The concept encoder.
    settings (MapSettings): What is shown, and how.
    label_sets (Sequence[LabelSet]): Data sets whose coverage is measured.
    RETURNS (dict[str, Any]): Plain JSON. "concepts", the most frequent first: "name",
        "count", "xy" and "rgb" (0 to 1), "nearest" (number, cosine), "mentions"
        (number of the sentence, start, end); "sentences"; "coverage" (see
        `measure_coverage`); and how it was made.
    RAISES (ValueError): If there are no two concepts to be shown.
    """
    counts: Counter[str] = Counter()
    n_sentences = 0
    for sentence in read():
        n_sentences += 1
        counts.update(concept for _, _, concept in sentence.mentions)
    ranked = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    names = [name for name, n in ranked if n >= settings.min_count][: settings.limit]
    if len(names) < 2:
        raise ValueError(
            Errors.N592.format(n=len(names), least=settings.min_count, of=len(counts))
        )
    logger.info("Concepts of the map: %d of %d", len(names), len(counts))
    vectors = embed([[name] for name in names])  # (n_concepts, width)
    unit = centre(vectors, vectors.mean(axis=0))
    logger.info("Looking for neighbours, laying out the map")
    nearest, nearness = find_nearest(unit, unit, N_NEAREST, same=True)
    projection = project(unit, method=settings.method, seed=settings.seed)
    number = {name: i for i, name in enumerate(names)}
    candidates = pick_candidates(read(), number)
    sentences = choose_sentences(candidates, number, n_each=N_MENTIONS, budget=BUDGET)
    mentions = list_mentions(sentences, number)
    return {
        "format": FORMAT,
        "method": projection.method,
        "seed": settings.seed,
        "min_count": settings.min_count,
        "breadth": BREADTH,
        "n_sentences": n_sentences,
        "n_concepts": len(counts),
        "n_mentions": counts.total(),
        "concepts": [
            {
                "name": name,
                "count": counts[name],
                "xy": _round(projection.xy[i], 4),
                "rgb": _round(projection.rgb[i], 2),
                "nearest": [
                    [int(j), round(float(cosine), 2)]
                    for j, cosine in zip(nearest[i], nearness[i], strict=True)
                ],
                "mentions": mentions[i],
            }
            for i, name in enumerate(names)
        ],
        "sentences": [sentence.text for sentence in sentences],
        "coverage": [
            measure_coverage(
                label_set,
                embed(list(label_set.phrases.values())),
                vectors,
                counts=counts,
                names=names,
            )
            for label_set in label_sets
        ],
    }


def list_mentions(
    sentences: Sequence[Sentence], number: dict[str, int]
) -> list[list[list[int]]]:
    """List where each concept is mentioned, up to `N_MENTIONS` sentences.

    sentences (Sequence[Sentence]): Those that are shown.
    number (dict[str, int]): The concepts with their places in the list.
    RETURNS (list[list[list[int]]]): For each concept: sentence, start and end.
    """
    found: list[list[list[int]]] = [[] for _ in number]
    for i, sentence in enumerate(sentences):
        seen = set()
        for start, end, concept in sentence.mentions:
            place = number.get(concept)
            if place is None or place in seen or len(found[place]) >= N_MENTIONS:
                continue
            seen.add(place)
            found[place].append([i, start, end])
    return found


def _round(values: Floats, digits: int) -> list[float]:
    return [float(value) for value in np.round(values.astype("float64"), digits)]
