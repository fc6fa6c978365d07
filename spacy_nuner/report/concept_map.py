"""The concept map of the page: its data for the script, its tables for everyone."""

from pathlib import Path
from typing import Any, Final

from ..errors import Errors
from ..plain import mark_unseen
from .files import read_object
from .inline import to_script

FILE_NAME: Final = "concept_map.json"
# Characters of the data on the page, which stays below 5 MB with the library in it
MAX_SIZE: Final = 3_000_000
N_TABLE: Final = 50
# Positions are whole numbers up to this one: more than a screen has pixels
GRID: Final = 9999
FIELDS: Final = ("name", "count", "xy", "rgb", "nearest", "mentions")
LABEL_FIELDS: Final = (
    "label",
    "phrase",
    "exact",
    "n_concepts",
    "n_mentions",
    "nearest",
)

ConceptMap = dict[str, Any]


def read_concept_map(path: Path) -> ConceptMap:
    """Read what `spacy-nuner concept-map` wrote.

    path (Path): `metrics/concept_map.json`.
    RETURNS (ConceptMap): Its content.
    RAISES (ValueError): If something else stands there.
    """
    content = read_object(path)
    try:
        sentences = [str(text) for text in content["sentences"]]
        n = len(content["concepts"])
        concepts = [_read_concept(one, n, sentences) for one in content["concepts"]]
        coverage = [
            {
                "name": str(one["name"]),
                "labels": [_read_label(label, n) for label in one["labels"]],
            }
            for one in content["coverage"]
        ]
        head = {
            "n_concepts": int(content["n_concepts"]),
            "min_count": int(content["min_count"]),
            "method": str(content["method"]),
            "breadth": float(content["breadth"]),
        }
    except (KeyError, IndexError, TypeError, ValueError) as error:
        raise ValueError(Errors.N602.format(path=path, problem=repr(error))) from None
    return {**head, "concepts": concepts, "sentences": sentences, "coverage": coverage}


def _read_concept(one: Any, n: int, sentences: list[str]) -> dict[str, Any]:
    name, count, xy, rgb, nearest, mentions = (one[field] for field in FIELDS)
    for i, start, end in mentions:
        if not (i >= 0 and 0 <= start <= end <= len(sentences[i])):
            raise ValueError(f"the mention {[i, start, end]} of {name!r}")
    return {
        "name": str(name),
        "count": int(count),
        "xy": [_read_share(value) for value in xy],
        "rgb": [_read_share(value) for value in rgb],
        "nearest": _read_nearest(nearest, n),
        "mentions": [[int(i), int(start), int(end)] for i, start, end in mentions],
    }


def _read_label(one: Any, n: int) -> dict[str, Any]:
    label, phrase, exact, n_concepts, n_mentions, nearest = (
        one[field] for field in LABEL_FIELDS
    )
    return {
        "label": str(label),
        "phrase": str(phrase),
        "exact": int(exact),
        "n_concepts": int(n_concepts),
        "n_mentions": int(n_mentions),
        "nearest": _read_nearest(nearest, n),
    }


def _read_nearest(nearest: Any, n: int) -> list[tuple[int, float]]:
    if not all(0 <= number < n for number, _ in nearest):
        raise ValueError(f"nearest concepts {nearest} of {n}")
    return [(int(number), float(cosine)) for number, cosine in nearest]


def _read_share(value: Any) -> float:
    if not 0 <= float(value) <= 1:
        raise ValueError(f"{value!r} is not between 0 and 1")
    return float(value)


def pack(concept_map: ConceptMap, *, max_size: int = MAX_SIZE) -> tuple[int, str]:
    """Pack the map for the page's script; the rarest concepts stay out if it is large.

    concept_map (ConceptMap): As `read_concept_map` gives it.
    max_size (int): Characters.
    RETURNS (tuple[int, str]): Number of concepts, and JSON for a `<script>`.
    """
    n = len(concept_map["concepts"])
    while True:
        data = to_script(_pack_first(concept_map, n))
        if len(data) <= max_size or n <= 2:
            return n, data
        n = max(min(int(n * max_size / len(data)), n - 1), 2)


def _pack_first(concept_map: ConceptMap, n: int) -> dict[str, Any]:
    """Columns instead of records: a name of a field once, not 10,000 times."""
    concepts = concept_map["concepts"][:n]
    used = sorted({mention[0] for one in concepts for mention in one["mentions"]})
    place = {number: i for i, number in enumerate(used)}
    nearest = [[near for near in one["nearest"] if near[0] < n] for one in concepts]
    return {
        "names": [mark_unseen(one["name"]) for one in concepts],
        "counts": [one["count"] for one in concepts],
        "x": [round(one["xy"][0] * GRID) for one in concepts],
        "y": [round(one["xy"][1] * GRID) for one in concepts],
        "grid": GRID,
        "colours": "".join(_to_hex(one["rgb"]) for one in concepts),
        "nearest": [[number for number, _ in near] for near in nearest],
        "cosines": [[round(100 * cosine) for _, cosine in near] for near in nearest],
        "mentions": [
            [[place[i], start, end] for i, start, end in one["mentions"]]
            for one in concepts
        ],
        "sentences": [mark_unseen(concept_map["sentences"][i]) for i in used],
    }


def _to_hex(rgb: list[float]) -> str:
    """A colour that shows on white and on black: neither end of the range."""
    return "".join(f"{round(70 + 155 * value):02x}" for value in rgb)


def list_top_concepts(concept_map: ConceptMap) -> list[dict[str, Any]]:
    """The most frequent concepts with their neighbours, for those without a script.

    concept_map (ConceptMap): As `read_concept_map` gives it.
    RETURNS (list[dict[str, Any]]): "name", "count", "nearest" (names), "example".
    """
    concepts, sentences = concept_map["concepts"], concept_map["sentences"]
    rows = []
    for one in concepts[:N_TABLE]:
        i, start, end = one["mentions"][0] if one["mentions"] else (None, 0, 0)
        rows.append(
            {
                "name": one["name"],
                "count": one["count"],
                "nearest": [concepts[j]["name"] for j, _ in one["nearest"][:4]],
                "example": "" if i is None else sentences[i][start:end],
            }
        )
    return rows


def list_coverage(concept_map: ConceptMap, n: int = 0) -> list[dict[str, Any]]:
    """The coverage of label sets, with names in the place of numbers.

    concept_map (ConceptMap): As `read_concept_map` gives it.
    n (int): Concepts that the page's script knows and can open.
    RETURNS (list[dict[str, Any]]): "name", "labels" (each with "nearest": name, cosine,
        number or None), "n_exact" and "n_near": labels that have such concepts.
    """
    concepts = concept_map["concepts"]
    return [
        {
            "name": label_set["name"],
            "n_exact": sum(bool(row["exact"]) for row in label_set["labels"]),
            "n_near": sum(bool(row["n_concepts"]) for row in label_set["labels"]),
            "labels": [
                {
                    **row,
                    "nearest": [
                        (concepts[j]["name"], cosine, j if j < n else None)
                        for j, cosine in row["nearest"]
                    ],
                }
                for row in label_set["labels"]
            ],
        }
        for label_set in concept_map["coverage"]
    ]
