import numpy as np
import pytest

from spacy_nuner.component.annotations import has_break
from spacy_nuner.component.decode import decode, make_tags


def run(tags: str, n_prefixes: int = 1) -> list[tuple[int, int, int]]:
    """Decode tags written as text: "." O, digits tags, "_" space, "/" line break."""
    n_tags = 1 + 2 * n_prefixes
    ids = [int(tag) if tag.isdigit() else 0 for tag in tags]
    probs = np.full((len(ids), n_tags), 0.1, dtype="float32")
    probs[np.arange(len(ids)), ids] = 0.9
    is_break = np.array([tag == "/" for tag in tags], dtype=bool)
    is_space = np.array([tag == "_" for tag in tags], dtype=bool) | is_break
    entities = decode(
        probs, n_prefixes=n_prefixes, is_space=is_space, is_break=is_break
    )
    return [(e.start, e.end, e.label) for e in entities]


@pytest.mark.parametrize(
    "tags,expected",
    [
        ("", []),
        ("...", []),
        ("1", [(0, 1, 0)]),
        (".11.2", [(1, 3, 0), (4, 5, 1)]),
        ("1122", [(0, 2, 0), (2, 4, 1)]),
        ("1_1", [(0, 3, 0)]),
        ("1__1", [(0, 4, 0)]),
        ("1/1", [(0, 1, 0), (2, 3, 0)]),
        ("1_/1", [(0, 1, 0), (3, 4, 0)]),
        ("1_2", [(0, 1, 0), (2, 3, 1)]),
        ("_1_", [(1, 2, 0)]),
        ("1_.", [(0, 1, 0)]),
        ("_", []),
        ("//", []),
    ],
)
def test_io(tags: str, expected: list[tuple[int, int, int]]) -> None:
    assert run(tags) == expected


@pytest.mark.parametrize(
    "tags,expected",
    [
        # 1 B-A, 2 I-A, 3 B-B, 4 I-B
        ("12.34", [(0, 2, 0), (3, 5, 1)]),
        ("11", [(0, 1, 0), (1, 2, 0)]),
        ("1212", [(0, 2, 0), (2, 4, 0)]),
        (".22", [(1, 3, 0)]),
        ("14", [(0, 1, 0), (1, 2, 1)]),
        ("1_2", [(0, 3, 0)]),
        ("1_1", [(0, 1, 0), (2, 3, 0)]),
    ],
)
def test_bio(tags: str, expected: list[tuple[int, int, int]]) -> None:
    assert run(tags, n_prefixes=2) == expected


def test_space_is_no_entity_whatever_the_model_says() -> None:
    probs = np.array([[0.1, 0.9]] * 3, dtype="float32")
    is_space = np.array([True, False, True])
    (entity,) = decode(
        probs, n_prefixes=1, is_space=is_space, is_break=is_space & False
    )
    assert (entity.start, entity.end) == (1, 2)


def test_confidence_is_the_mean_over_tokens_that_are_no_space() -> None:
    probs = np.array([[0.2, 0.8], [0.9, 0.1], [0.4, 0.6]], dtype="float32")
    is_space = np.array([False, True, False])
    (entity,) = decode(
        probs, n_prefixes=1, is_space=is_space, is_break=is_space & False
    )
    assert entity.end == 3 and entity.confidence == pytest.approx(0.7)


def test_confidence_adds_both_tags_of_a_label() -> None:
    probs = np.array([[0.2, 0.5, 0.3], [0.1, 0.2, 0.7]], dtype="float32")
    none = np.zeros(2, dtype=bool)
    (entity,) = decode(probs, n_prefixes=2, is_space=none, is_break=none)
    assert entity.confidence == pytest.approx((0.8 + 0.9) / 2)


def test_tags() -> None:
    assert make_tags(["A", "B"], "io") == ["O", "I-A", "I-B"]
    assert make_tags(["A", "B"], "bio") == ["O", "B-A", "I-A", "B-B", "I-B"]


@pytest.mark.parametrize(
    "text,expected", [(" ", False), ("\t", False), ("\n", True), (" \r\n ", True)]
)
def test_breaks(text: str, expected: bool) -> None:
    assert has_break(text) is expected
