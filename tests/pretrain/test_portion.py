import numpy
import pytest

from spacy_nuner.pretrain.batch import make_batch
from spacy_nuner.pretrain.loss import InBatchBCE
from spacy_nuner.pretrain.model import build_contrastive_model
from spacy_nuner.pretrain.portion import Portion, divide_concepts
from spacy_nuner.pretrain.step import add_batch
from spacy_nuner.pretrain.wordpieces import SubtokenCorpus


@pytest.mark.parametrize("size,n", [(1, 5), (2, 5), (3, 3), (4, 2)])
def test_portions_are_the_whole(size: int, n: int) -> None:
    items = numpy.arange(10, 10 + n)
    portions = [Portion(rank, size).take(items) for rank in range(size)]
    assert sorted(numpy.concatenate(portions)) == sorted(items)
    assert max(map(len, portions)) - min(map(len, portions)) <= 1
    assert sum(len(part) > 0 for part in portions) == Portion(0, size).count_busy(n)


@pytest.mark.parametrize("size,n", [(2, 7), (3, 9), (4, 2)])
def test_vectors_come_back_in_order(size: int, n: int) -> None:
    lengths = numpy.random.default_rng(0).integers(3, 9, size=n)
    rows = [divide_concepts(lengths, Portion(rank, size)) for rank in range(size)]
    # What each process sends: its own, filled up with -1
    sent = numpy.full((size, rows[0].n_each), -1)
    for rank, own in enumerate(rows):
        sent[rank, : len(own.own)] = own.own
        assert (own.places == rows[0].places).all()
    assert (sent.ravel()[rows[0].places] == numpy.arange(n)).all()
    # Alike in length, so that none waits for another
    means = [lengths[own.own].mean() for own in rows if len(own.own)]
    assert max(means) - min(means) <= 2


def test_portions_of_a_batch(subtokens: SubtokenCorpus) -> None:
    sentences = numpy.arange(5)
    whole = make_batch(subtokens, sentences)
    parts = [
        make_batch(subtokens, sentences, portion=Portion(rank, 2)) for rank in range(2)
    ]
    assert [part.n_texts for part in parts] == [3, 2]
    assert sum(part.targets.n_tokens for part in parts) == whole.targets.n_tokens
    assert sum(len(part.targets.tokens) for part in parts) == len(whole.targets.tokens)
    assert {part.targets.n_concepts for part in parts} == {whole.targets.n_concepts}
    assert {part.n_cells for part in parts} == {whole.targets.n_cells / 2}
    n_encoded = [len(part.concepts.order) for part in parts]
    assert sum(n_encoded) == whole.targets.n_concepts
    alone = make_batch(subtokens, sentences, portion=Portion(1, 2, "per_rank"))
    assert alone.rows is None
    assert alone.targets.n_concepts == len(
        {int(c) for i in (1, 3) for c in subtokens.positive_concepts[i]}
    )


def test_without_a_sentence_all_gradients_are_zero(
    tiny_encoder: str, subtokens: SubtokenCorpus
) -> None:
    model = build_contrastive_model(str(tiny_encoder), n_frozen_layers=0)
    portion = Portion(1, 2, "per_rank")
    batch = make_batch(subtokens, numpy.arange(1), portion=portion)
    found = add_batch(model, batch, InBatchBCE())
    assert found.loss == 0
    gradients = [p.grad for m in model.layers for p in m.shims[0].module.parameters()]
    trained = [gradient for gradient in gradients if gradient is not None]
    assert len(trained) > 20
    assert all(float(gradient.abs().max()) == 0 for gradient in trained)
