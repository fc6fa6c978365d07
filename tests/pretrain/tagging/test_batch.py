import numpy
import pytest
import torch
from torch.nn.functional import cross_entropy as torch_cross_entropy

from spacy_nuner.pretrain.tagging.batch import (
    TagScores,
    cross_entropy,
    make_tag_batch,
    plan_evaluation,
)
from spacy_nuner.pretrain.tagging.data import TagCorpus

CORPUS = TagCorpus(
    ids=[numpy.array([0, 5, 2]), numpy.array([0, 6, 7, 8, 2])],
    tags=[numpy.array([-1, 1, -1]), numpy.array([-1, 0, -1, 2, -1])],
    labels=["X"],
)


def test_batch() -> None:
    part, tags = make_tag_batch(CORPUS, numpy.array([1, 0]), pad_id=9)
    assert part.texts.ids.tolist() == [[0, 6, 7, 8, 2], [0, 5, 2, 9, 9]]
    assert part.texts.mask.tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]
    assert part.rows.tolist() == [1, 3, 6]
    assert tags.tolist() == [0, 2, 1]


def test_cross_entropy_is_torchs() -> None:
    logits = numpy.random.default_rng(0).normal(size=(7, 5)).astype("float32")
    tags = numpy.array([0, 1, 2, 3, 4, 0, 1])
    tensor = torch.tensor(logits, requires_grad=True)
    expected = torch_cross_entropy(tensor, torch.tensor(tags))
    expected.backward()
    loss, gradient = cross_entropy(logits, tags)
    assert loss == pytest.approx(float(expected.detach()), rel=1e-6)
    assert tensor.grad is not None
    numpy.testing.assert_allclose(gradient, tensor.grad.numpy(), atol=1e-7)


def test_scores_count_types_not_tags() -> None:
    """B and I of a label are one; "O" is not averaged; nor a label without tokens."""
    scores = TagScores()
    # O, B-X, I-X, B-Y, I-Y; the guesses are: O, I-X, O, B-X
    guesses = [0, 2, 0, 1]
    scores.add(numpy.eye(5, dtype="f")[guesses], numpy.array([0, 1, 2, 0]), 0.5)
    # X: 1 hit, 2 guessed, 2 right
    assert scores.means("dev_") == {"dev_loss": 0.5, "dev_f1": 0.5}
    scores.add(numpy.eye(5, dtype="f")[[3]], numpy.array([4]), 1.5)
    assert scores.means() == pytest.approx({"loss": 0.7, "f1": 0.75})


def test_evaluation_takes_each_sentence_once() -> None:
    lengths = numpy.array([3, 9000, 4, 100, 7])
    batches = plan_evaluation(lengths)
    assert batches[0].tolist() == [1]
    assert sorted(i for batch in batches for i in batch.tolist()) == [0, 1, 2, 3, 4]
