import numpy as np
import pytest

from spacy_nuner.component.decode import (
    Spaces,
    decode_tags,
    make_tags,
    read_entities,
)
from spacy_nuner.component.viterbi import VALID


def make_spaces(tags: str) -> Spaces:
    is_break = np.array([tag == "/" for tag in tags], dtype=bool)
    return Spaces(
        np.array([tag == "_" for tag in tags], dtype=bool) | is_break, is_break
    )


def make_probs(tags: str, n_tags: int) -> np.ndarray:
    """Tags written as text: "." O, digits tags, "_" space, "/" line break.

    White space is most probably of type 1, which is to be ignored. Next to an "I-" its
    "B-" is the most probable.
    """
    ids = [int(tag) if tag.isdigit() else int(tag in "_/") for tag in tags]
    probs = np.full((len(ids), n_tags), 0.1, dtype="float32")
    for i, tag in enumerate(ids):
        probs[i, max(tag - 1, 0)] = 0.3
    probs[np.arange(len(ids)), ids] = 0.9
    return probs


def run(tags: str, n_prefixes: int = 1, *, is_valid: bool = False) -> list[tuple]:
    """Decode one text and read its entities."""
    probs, spaces = make_probs(tags, 1 + 2 * n_prefixes), make_spaces(tags)
    transitions = VALID if is_valid else None
    found = decode_tags(probs, np.array([len(tags)]), spaces, transitions)
    entities = read_entities(found, probs, spaces, n_prefixes)
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


BIO = [
    # 1 B-A, 2 I-A, 3 B-B, 4 I-B
    ("12.34", [(0, 2, 0), (3, 5, 1)]),
    ("11", [(0, 1, 0), (1, 2, 0)]),
    ("1212", [(0, 2, 0), (2, 4, 0)]),
    ("1_2", [(0, 3, 0)]),
    ("1_1", [(0, 1, 0), (2, 3, 0)]),
    ("_12", [(1, 3, 0)]),
    ("/", []),
    ("", []),
]


@pytest.mark.parametrize(
    "tags,expected", [*BIO, (".22", [(1, 3, 0)]), ("14", [(0, 1, 0), (1, 2, 1)])]
)
def test_bio(tags: str, expected: list[tuple[int, int, int]]) -> None:
    assert run(tags, n_prefixes=2) == expected


@pytest.mark.parametrize(
    "tags,expected", [*BIO, ("1/2", [(0, 1, 0), (2, 3, 0)]), (".2", [(1, 2, 0)])]
)
def test_best_valid_sequence(tags: str, expected: list[tuple[int, int, int]]) -> None:
    """White space is read over, and a line break starts anew."""
    assert run(tags, n_prefixes=2, is_valid=True) == expected


def test_line_break_forbids_going_on() -> None:
    """ "I-" after a line break is as little valid as at the start of a text."""
    tags, probs = "12/2", make_probs("12/2", 3)
    found = decode_tags(probs, np.array([4]), make_spaces(tags), VALID)
    assert found.tolist() == [1, 2, 0, 1]
    found = decode_tags(probs, np.array([4]), make_spaces("12_2"), VALID)
    assert found.tolist() == [1, 2, 0, 2]


def test_texts_stand_apart() -> None:
    """Texts decoded together, empty ones among them, as each by itself."""
    texts = ["12", "", "2", "/2", "1_2", "_"]
    joined = "".join(texts)
    lengths = np.array([len(text) for text in texts])
    probs = make_probs(joined, 3)
    found = decode_tags(probs, lengths, make_spaces(joined), VALID)
    one_by_one = [
        decode_tags(make_probs(t, 3), np.array([len(t)]), make_spaces(t), VALID)
        for t in texts
    ]
    assert found.tolist() == np.concatenate(one_by_one).tolist()
    assert found.tolist() == [1, 2, 1, 0, 1, 1, 0, 2, 0]


def test_order_of_tags_counts() -> None:
    """Where "B-" after "B-" is rare, a doubtful second "B-" becomes "I-"."""
    probs = np.array([[0.1, 0.8, 0.1], [0.1, 0.5, 0.4]], dtype="float32")
    spaces = make_spaces("..")
    assert decode_tags(probs, np.array([2]), spaces, VALID).tolist() == [1, 1]
    transitions = VALID.copy()
    transitions[1, 1] = -1.0
    assert decode_tags(probs, np.array([2]), spaces, transitions).tolist() == [1, 2]


def test_impossible_tag_has_no_infinite_score() -> None:
    probs = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]], dtype="float32")
    assert decode_tags(probs, np.array([2]), make_spaces(".."), VALID).tolist() == [
        1,
        2,
    ]


def test_space_is_no_entity_whatever_the_model_says() -> None:
    probs = np.array([[0.1, 0.9]] * 3, dtype="float32")
    spaces = make_spaces("_1_")
    tags = decode_tags(probs, np.array([3]), spaces, None)
    (entity,) = read_entities(tags, probs, spaces, 1)
    assert (entity.start, entity.end) == (1, 2)


def test_confidence_is_the_mean_over_tokens_that_are_no_space() -> None:
    probs = np.array([[0.2, 0.8], [0.9, 0.1], [0.4, 0.6]], dtype="float32")
    tags = np.array([1, 0, 1])
    (entity,) = read_entities(tags, probs, make_spaces("1_1"), 1)
    assert entity.end == 3 and entity.confidence == pytest.approx(0.7)


def test_confidence_adds_both_tags_of_a_label() -> None:
    probs = np.array([[0.2, 0.5, 0.3], [0.1, 0.2, 0.7]], dtype="float32")
    (entity,) = read_entities(np.array([1, 2]), probs, make_spaces("12"), 2)
    assert entity.confidence == pytest.approx((0.8 + 0.9) / 2)


def test_tags() -> None:
    assert make_tags(["A", "B"], "io") == ["O", "I-A", "I-B"]
    assert make_tags(["A", "B"], "bio") == ["O", "B-A", "I-A", "B-B", "I-B"]
