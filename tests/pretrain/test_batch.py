import numpy
import pytest

from spacy_nuner.pretrain.batch import find_borders, make_batch, plan_epoch
from spacy_nuner.pretrain.wordpieces import SubtokenCorpus

LENGTHS = numpy.random.default_rng(0).integers(5, 60, size=103)
PLAN = {"batch_size": 8, "seed": 3, "epoch": 0, "bucket": 4}


@pytest.mark.parametrize("bucket", [1, 4, 1000])
def test_plan_has_each_sentence_once(bucket: int) -> None:
    batches = plan_epoch(LENGTHS, **PLAN | {"bucket": bucket})
    assert sorted(numpy.concatenate(batches)) == list(range(len(LENGTHS)))
    assert sorted(map(len, batches)) == [7] + [8] * 12


def test_plan_depends_on_seed_and_epoch_alone() -> None:
    plans = [
        [batch.tolist() for batch in plan_epoch(LENGTHS, **PLAN | changed)]
        for changed in ({}, {}, {"epoch": 1}, {"seed": 4})
    ]
    assert plans[0] == plans[1]
    assert plans[0] != plans[2]
    assert plans[0] != plans[3]


def test_buckets_save_padding() -> None:
    def count(bucket: int) -> int:
        batches = plan_epoch(LENGTHS, **PLAN | {"bucket": bucket})
        return sum(len(batch) * int(LENGTHS[batch].max()) for batch in batches)

    assert LENGTHS.sum() < count(4) < 0.8 * count(1)


@pytest.mark.parametrize("n_parts", [1, 2, 9])
def test_batch_holds_what_the_corpus_says(
    subtokens: SubtokenCorpus, n_parts: int
) -> None:
    sentences = numpy.asarray([4, 0, 17])
    batch = make_batch(subtokens, sentences, n_parts=n_parts)
    assert (len(batch.parts), batch.n_texts) == (min(n_parts, 3), 3)
    n_concepts = sum(len(group.ids) for group in batch.concepts.groups)
    assert batch.targets.n_concepts == n_concepts
    assert batch.targets.n_cells == batch.targets.n_tokens * n_concepts
    flat = numpy.concatenate(
        [part.texts.ids.reshape(-1)[part.rows] for part in batch.parts]
    )
    expected = [subtokens.ids[i][subtokens.valid[i]] for i in sentences]
    numpy.testing.assert_array_equal(flat, numpy.concatenate(expected))
    # Every concept by its ids, in the order of the columns
    rows = [ids[mask == 1] for g in batch.concepts.groups for ids, mask in _pairs(g)]
    names = [
        next(
            name
            for i, name in enumerate(subtokens.concepts)
            if subtokens.concept_ids[i].tolist() == rows[row].tolist()
        )
        for row in batch.concepts.order
    ]
    assert len(set(names)) == n_concepts
    dense, weights = batch.targets.make_dense(0, batch.targets.n_tokens)
    assert weights is None
    cells = {(int(r), names[c]) for r, c in numpy.argwhere(dense)}
    start, positives = 0, set()
    for i in sentences:
        positives |= {
            (start + int(t), subtokens.concepts[c])
            for t, c in zip(
                subtokens.positive_tokens[i],
                subtokens.positive_concepts[i],
                strict=True,
            )
        }
        start += len(subtokens.valid[i])
    assert cells == positives
    assert set(numpy.unique(dense)) == {0.0, 1.0}


def _pairs(group: object) -> zip:
    return zip(group.ids, group.mask, strict=True)


def test_padding_is_masked(subtokens: SubtokenCorpus) -> None:
    sentences = numpy.arange(6)
    (part,) = make_batch(subtokens, sentences).parts
    texts = part.texts
    numpy.testing.assert_array_equal(
        texts.mask.sum(axis=1), subtokens.ids.lengths[sentences]
    )
    assert (texts.ids[texts.mask == 0] == subtokens.pad_id).all()


def test_every_concept_has_a_positive(subtokens: SubtokenCorpus) -> None:
    for sentences in plan_epoch(subtokens.ids.lengths, **PLAN):
        targets = make_batch(subtokens, sentences).targets
        assert set(targets.concepts) == set(range(targets.n_concepts))


@pytest.mark.parametrize(
    "lengths,borders",
    [
        ([3] * 50, []),
        ([3] * 50 + [40], [50]),
        ([3, 3, 4], []),  # too little to save
        ([2] * 50 + [5] * 50 + [9] * 50 + [20] * 50, [50, 100, 150]),
    ],
)
def test_length_groups(lengths: list[int], borders: list[int]) -> None:
    assert find_borders(numpy.asarray(lengths)) == borders
