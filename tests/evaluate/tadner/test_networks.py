from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn.functional import normalize
from transformers import PreTrainedTokenizerBase

from spacy_nuner.evaluate.tadner.networks import (
    TypeClassifier,
    WordEncoder,
    contrast_types,
    make_batch,
)
from spacy_nuner.evaluate.tadner.prototypes import average_by_type, classify, pool_spans
from spacy_nuner.evaluate.tadner.words import Encoded, Marked
from spacy_nuner.hf import load_model

CPU = torch.device("cpu")
TWO = [
    Encoded(np.array([0, 8, 9, 10, 2]), np.array([1, 3])),
    Encoded(np.array([0, 7, 2]), np.array([-1, 1])),
]


def make_encoder(folder: Path, *, layers: str = "last", pooling: str = "cls"):
    return WordEncoder(
        load_model(str(folder)),
        layers=layers,
        pooling=pooling,
        n_frozen_layers=0,
        freeze_embeddings=False,
    ).eval()


def test_batch() -> None:
    batch = make_batch(TWO, pad_id=1, device=CPU)
    assert batch.ids.tolist() == [[0, 8, 9, 10, 2], [0, 7, 2, 1, 1]]
    assert batch.mask.tolist() == [[1, 1, 1, 1, 1], [1, 1, 1, 0, 0]]
    assert batch.rows.tolist() == [1, 3, 6]
    assert batch.found.tolist() == [True, True, False, True]


@pytest.mark.parametrize("layers,n", [("last", 1), ("mean4", 2)])
def test_word_vectors_are_the_encoders(tiny_encoder: Path, layers: str, n: int) -> None:
    """The tiny encoder has two layers; its embeddings are no layer's output."""
    encoder = make_encoder(tiny_encoder, layers=layers)
    batch = make_batch(TWO, pad_id=1, device=CPU)
    with torch.no_grad():
        ours = encoder(batch)
        output = load_model(str(tiny_encoder))(
            input_ids=batch.ids, attention_mask=batch.mask, output_hidden_states=True
        )
    expected = torch.stack(output.hidden_states[-n:]).mean(0)
    picked = torch.stack([expected[0, 1], expected[0, 3], expected[1, 1]])
    torch.testing.assert_close(ours, picked)


def test_names_do_not_depend_on_padding(tiny_encoder: Path) -> None:
    encoder = make_encoder(tiny_encoder, pooling="mean")
    with torch.no_grad():
        both = encoder.encode_names(make_batch(TWO, pad_id=1, device=CPU))
        alone = encoder.encode_names(make_batch(TWO[1:], pad_id=1, device=CPU))
    torch.testing.assert_close(both[1:], alone)


def test_contrast_by_hand() -> None:
    """Two types, orthogonal names; three words."""
    names = torch.tensor([[2.0, 0.0], [0.0, 3.0]])
    words = torch.tensor([[1.0, 0.0], [0.0, 5.0], [3.0, 4.0]])
    types = torch.tensor([0, 1, 1])
    unit = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]])
    own = torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]])
    logits = (own @ unit.T + unit @ own.T) / 2 / 0.5
    p = logits.softmax(1).log()
    expected = -(p[0, 0] + (p[1, 1] + p[1, 2]) / 2 + (p[2, 1] + p[2, 2]) / 2) / 3
    found = contrast_types(words, names, types, temperature=0.5)
    torch.testing.assert_close(found, expected)


def test_contrast_pulls_words_to_the_names_of_their_types() -> None:
    torch.manual_seed(0)
    words, names = torch.randn(6, 8, requires_grad=True), torch.randn(2, 8)
    types = torch.tensor([0, 0, 0, 1, 1, 1])
    optimizer = torch.optim.Adam([words], lr=0.1)
    for _ in range(100):
        optimizer.zero_grad()
        contrast_types(words, names, types, temperature=0.1).backward()
        optimizer.step()
    cosines = normalize(words.detach(), dim=1) @ normalize(names, dim=1).T
    assert cosines.argmax(1).tolist() == types.tolist()


def test_support_loss_leaves_names_alone(
    tiny_encoder: Path, tokenizer: PreTrainedTokenizerBase
) -> None:
    classifier = TypeClassifier(make_encoder(tiny_encoder), temperature=0.1)
    batch = make_batch(TWO, pad_id=1, device=CPU)
    names = torch.randn(2, 16, requires_grad=True)
    types = torch.tensor([0, -1, 1])
    loss = classifier.support_loss(batch, names, types)
    vectors = normalize(classifier.encoder(batch)[[0, 2]], dim=1)
    logits = vectors @ normalize(names, dim=1).T / 0.1
    expected = torch.nn.functional.cross_entropy(logits, torch.tensor([0, 1]))
    torch.testing.assert_close(loss, expected)


def test_prototypes_and_classes() -> None:
    words = torch.tensor([[1.0, 0.0], [3.0, 0.0], [0.0, 2.0], [0.0, 0.0]])
    spans = [np.array([[0, 2, 1], [2, 4, 2]])]
    pooled = pool_spans([words], spans)
    # The last word has no vector and counts for nothing
    assert pooled.tolist() == [[2.0, 0.0], [0.0, 2.0]]
    names = torch.eye(2)
    support = Marked([], spans)
    prototypes = average_by_type(pooled, support, names)
    assert prototypes.tolist() == [[1.0, 0.0], [0.0, 1.0]]
    rows = np.array([[0, 1], [2, 3], [3, 4]])
    typed = classify(rows, words, names, prototypes, threshold=0.5)
    assert typed.tolist() == [[0, 1, 1], [2, 3, 2]]
    assert len(classify(rows, words, names, prototypes, threshold=1.0)) == 0
    assert classify(rows[:0], words, names, prototypes, threshold=0.0).shape == (0, 3)


def test_a_type_without_mention_has_its_name_as_prototype() -> None:
    names = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    support = Marked([], [np.array([[0, 1, 1]])])
    found = average_by_type(torch.tensor([[0.0, 4.0]]), support, names)
    assert found.tolist() == [[0.0, 1.0], [0.0, 1.0]]
