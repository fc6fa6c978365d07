import numpy
import pytest

from spacy_nuner.pretrain.targets import TargetRules, Targets
from spacy_nuner.pretrain.wordpieces import Ragged

# Two sentences of 3 and 2 tokens; tokens 1, 2 have concept 0, token 4 concept 2
TARGETS = Targets(
    starts=numpy.asarray([0, 3, 5]),
    n_concepts=3,
    tokens=numpy.asarray([1, 2, 4]),
    concepts=numpy.asarray([0, 0, 2]),
)
CONCEPTS = numpy.asarray([4, 7, 9])  # indices in the corpus
# Concepts 4 and 7 are near: cosine 0.8; 9 is far from both
VECTORS = numpy.zeros((10, 3), dtype="float32")
VECTORS[4], VECTORS[7], VECTORS[9] = (1, 0, 0), (0.8, 0.6, 0), (0, 0, 1)


def apply(rules: TargetRules) -> Targets:
    return rules.apply(TARGETS, sentences=numpy.asarray([1, 0]), concepts=CONCEPTS)


def test_paper_keeps_all_cells() -> None:
    values, weights = apply(TargetRules()).make_dense(0, 5)
    assert weights is None
    assert numpy.argwhere(values).tolist() == [[1, 0], [2, 0], [4, 2]]
    assert (TARGETS.n_tokens, TARGETS.n_cells) == (5, 15)


def test_parts_are_those_of_the_whole() -> None:
    rules = TargetRules(vectors=VECTORS, synonyms="mask", threshold=0.7)
    whole = apply(rules).make_dense(0, 5)
    for start, end in ((0, 2), (2, 5), (4, 5), (3, 3)):
        for part, all_cells in zip(
            apply(rules).make_dense(start, end), whole, strict=True
        ):
            numpy.testing.assert_array_equal(part, all_cells[start:end])


def test_near_synonyms_are_masked() -> None:
    rules = TargetRules(vectors=VECTORS, synonyms="mask", threshold=0.7)
    values, weights = apply(rules).make_dense(0, 5)
    assert numpy.argwhere(weights == 0).tolist() == [[1, 1], [2, 1]]
    assert numpy.argwhere(values).tolist() == [[1, 0], [2, 0], [4, 2]]


@pytest.mark.parametrize("threshold,expected", [(0.6, 0.25), (0.8, 0.0), (0.9, 0.0)])
def test_near_synonyms_are_softened(threshold: float, expected: float) -> None:
    rules = TargetRules(vectors=VECTORS, synonyms="soften", threshold=threshold)
    values, weights = apply(rules).make_dense(0, 5)
    assert weights is None
    # (0.8 - threshold) / (1 - threshold) of half a positive
    assert values[1, 1] == pytest.approx(expected, abs=1e-3)
    assert values[1, 0] == 1.0 and values[4, 1] == values[0, 1] == 0.0


def test_unmarked_mentions_are_masked() -> None:
    rules = TargetRules(
        # Sentence 0: token 1 with concept 7; sentence 1: tokens 0, 2 with 9 and 3
        left_out_tokens=Ragged(numpy.asarray([1, 0, 2]), numpy.asarray([0, 1, 3])),
        left_out_concepts=Ragged(numpy.asarray([7, 9, 3]), numpy.asarray([0, 1, 3])),
    )
    # The batch has sentence 1 first; concept 3 is not in it
    _, weights = apply(rules).make_dense(0, 5)
    assert numpy.argwhere(weights == 0).tolist() == [[0, 2], [4, 1]]


def test_a_marked_mention_always_counts() -> None:
    rules = TargetRules(
        left_out_tokens=Ragged(numpy.asarray([1]), numpy.asarray([0, 0, 1])),
        left_out_concepts=Ragged(numpy.asarray([4]), numpy.asarray([0, 0, 1])),
    )
    _, weights = apply(rules).make_dense(0, 5)
    assert (weights == 1.0).all()
