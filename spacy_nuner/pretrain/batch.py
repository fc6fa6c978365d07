"""Batches of pre-training: which sentences, and the arrays that the model takes."""

from dataclasses import dataclass, replace
from itertools import pairwise

import numpy

from .frozen import FrozenStates, KnownStates
from .portion import WHOLE, ConceptRows, Portion, divide_concepts
from .targets import PAPER_RULES, TargetRules, Targets
from .wordpieces import Ints, Ragged, SubtokenCorpus

# Concepts are sorted by length and padded in at most so many groups
MAX_CONCEPT_GROUPS = 4
# A further group has to save so many padded sub-tokens to be worth its calls
MIN_SAVED = 32


@dataclass(frozen=True)
class Padded:
    """Texts of sub-token ids filled up to one length."""

    ids: Ints  # (n_texts, length)
    mask: Ints  # (n_texts, length), 1 where there is a sub-token


@dataclass(frozen=True)
class ConceptGroups:
    """Concepts in groups of similar length."""

    groups: list[Padded]
    order: Ints  # (n_concepts,): row of each concept among the joined groups


@dataclass(frozen=True)
class TextPart:
    """Texts that are encoded together: a batch, or a part of it for less memory."""

    texts: Padded
    rows: Ints  # (n_tokens,): flat positions of the valid sub-tokens
    known: KnownStates | None  # what the frozen part makes of the texts


@dataclass(frozen=True)
class PretrainBatch:
    """Sentences, the concepts that occur in them, and which belongs to which."""

    parts: list[TextPart]
    concepts: ConceptGroups
    targets: Targets  # of the tokens of all parts, one after the other
    # With many processes: which of the targets' concepts are encoded in this one, and
    # what its sum over cells is divided by; the batch's loss is the mean of theirs
    rows: ConceptRows | None = None
    n_cells: float | None = None

    @property
    def n_texts(self) -> int:
        """Sentences of all parts."""
        return sum(len(part.texts.ids) for part in self.parts)

    def without_tokens(self) -> "PretrainBatch":
        """Keep one text, and none of its tokens.

        RETURNS (PretrainBatch): What a process without work goes along with: all of its
            gradients are 0.
        """
        part, targets = self.parts[0], self.targets
        texts = Padded(ids=part.texts.ids[:1], mask=part.texts.mask[:1])
        nothing = targets.tokens[:0]
        return replace(
            self,
            parts=[TextPart(texts=texts, rows=part.rows[:0], known=None)],
            targets=Targets(
                starts=targets.starts[:1],
                n_concepts=targets.n_concepts,
                tokens=nothing,
                concepts=nothing,
            ),
        )


def plan_epoch(
    lengths: Ints, *, batch_size: int, seed: int, epoch: int, bucket: int
) -> list[Ints]:
    """Divide the sentences into batches of similar length, in random order.

    Shuffled sentences are cut into buckets of `bucket` batches; each bucket is sorted
    by length and cut into batches; the batches are shuffled. The plan depends on the
    arguments alone, so a resumed run finds its place in it.

    lengths (Ints): Sub-tokens of each sentence, (n_sentences,).
    batch_size (int): Sentences of a batch; the last one may have fewer.
    seed (int): Seed of the whole run.
    epoch (int): The epoch, from 0.
    bucket (int): Batches of a bucket; 1 leaves the order to chance alone.
    RETURNS (list[Ints]): Indices of the sentences of each batch.
    """
    rng = numpy.random.default_rng([seed, epoch])
    order = rng.permutation(len(lengths))  # (n_sentences,)
    size = batch_size * bucket
    batches: list[Ints] = []
    for start in range(0, len(order), size):
        part = order[start : start + size]
        # Stable: equal lengths stay shuffled, and the same on every machine
        part = part[numpy.argsort(lengths[part], kind="stable")]
        batches.extend(
            part[at : at + batch_size] for at in range(0, len(part), batch_size)
        )
    return [batches[i] for i in rng.permutation(len(batches))]


def make_batch(
    corpus: SubtokenCorpus,
    sentences: Ints,
    *,
    n_parts: int = 1,
    frozen: FrozenStates | None = None,
    rules: TargetRules = PAPER_RULES,
    portion: Portion = WHOLE,
) -> PretrainBatch:
    """Make the arrays of a batch, or of the portion that one of many processes takes.

    corpus (SubtokenCorpus): The data.
    sentences (Ints): Indices of the sentences, (n_texts,).
    n_parts (int): Parts in which the texts are encoded. Logits, loss and gradient are
        those of the whole batch.
    frozen (FrozenStates | None): What the frozen part of the encoder makes of the
        texts, where that is kept.
    rules (TargetRules): Which cells are left out or softened.
    portion (Portion): Which process, of how many.
    RETURNS (PretrainBatch): The batch. Its concepts are all that occur in it, each
        once, as in Section 3.2.
    """
    taken = portion.take(sentences)
    # Without a sentence, it goes along with the first one, and none of its tokens
    own = taken if len(taken) else sentences[:1]
    concepts = find_concepts(corpus, sentences if portion.gathers else own)
    targets = make_targets(corpus, own, concepts)
    batch = PretrainBatch(
        parts=[
            make_part(corpus, part, frozen=frozen)
            for part in numpy.array_split(own, min(n_parts, len(own)))
        ],
        concepts=group_by_length(corpus.concept_ids, concepts, corpus.concept_pad_id),
        targets=rules.apply(targets, sentences=own, concepts=concepts),
    )
    if portion.size == 1:
        return batch
    n_cells, rows = targets.n_cells / portion.size, None
    if portion.gathers:
        n_tokens = int(corpus.valid.lengths[sentences].sum())
        n_cells = n_tokens * len(concepts) / portion.size
        rows = divide_concepts(corpus.concept_ids.lengths[concepts], portion)
        batch = replace(batch, concepts=group_own(corpus, concepts, rows))
    else:
        n_cells *= portion.count_busy(len(sentences))
    batch = replace(batch, rows=rows, n_cells=n_cells)
    return batch if len(taken) else batch.without_tokens()


def find_concepts(corpus: SubtokenCorpus, sentences: Ints) -> Ints:
    """Find the concepts that occur in some sentences.

    corpus (SubtokenCorpus): The data.
    sentences (Ints): Indices of the sentences, (n_texts,).
    RETURNS (Ints): Indices of the concepts in rising order, (n_concepts,).
    """
    return numpy.unique(
        numpy.concatenate([corpus.positive_concepts[i] for i in sentences])
    )


def make_targets(corpus: SubtokenCorpus, sentences: Ints, concepts: Ints) -> Targets:
    """Say which cells of some sentences and concepts are positive.

    corpus (SubtokenCorpus): The data.
    sentences (Ints): Indices of the sentences, (n_texts,).
    concepts (Ints): Indices of the concepts in rising order, all of the sentences'
        among them, (n_concepts,).
    RETURNS (Targets): The cells.
    """
    starts = numpy.cumsum([0, *(len(corpus.valid[i]) for i in sentences)])
    tokens = numpy.concatenate(
        [corpus.positive_tokens[i] + starts[n] for n, i in enumerate(sentences)]
    )  # (n_positives,)
    positives = numpy.concatenate(
        [corpus.positive_concepts[i] for i in sentences]
    )  # (n_positives,)
    return Targets(
        starts=starts,
        n_concepts=len(concepts),
        tokens=tokens,
        concepts=numpy.searchsorted(concepts, positives),
    )


def make_part(
    corpus: SubtokenCorpus, sentences: Ints, *, frozen: FrozenStates | None = None
) -> TextPart:
    """Make the arrays of some texts.

    corpus (SubtokenCorpus): The data.
    sentences (Ints): Indices of the sentences, (n_texts,).
    frozen (FrozenStates | None): What the frozen part of the encoder makes of them.
    RETURNS (TextPart): The arrays.
    """
    texts = pad(corpus.ids, sentences, corpus.pad_id)
    length = texts.ids.shape[1]
    rows = numpy.concatenate(
        [corpus.valid[i] + n * length for n, i in enumerate(sentences)]
    )  # (n_tokens,)
    known = None if frozen is None else frozen.look_up(sentences, length)
    return TextPart(texts=texts, rows=rows.astype("int64"), known=known)


def pad(texts: Ragged, chosen: Ints, pad_id: int) -> Padded:
    """Fill texts up to the longest of them.

    texts (Ragged): Sub-token ids.
    chosen (Ints): Indices of the texts, (n_texts,).
    pad_id (int): Id of the padding sub-token.
    RETURNS (Padded): The texts.
    """
    lengths = texts.lengths[chosen]  # (n_texts,)
    mask = numpy.arange(lengths.max()) < lengths[:, None]  # (n_texts, length)
    ids = numpy.full(mask.shape, pad_id, dtype="int64")  # (n_texts, length)
    ids[mask] = numpy.concatenate([texts[i] for i in chosen])
    return Padded(ids=ids, mask=mask.astype("int64"))


def group_by_length(texts: Ragged, chosen: Ints, pad_id: int) -> ConceptGroups:
    """Sort concepts by length and pad them in a few groups.

    texts (Ragged): Sub-token ids of all concepts.
    chosen (Ints): Indices of the concepts of the batch, (n_concepts,).
    pad_id (int): Id of the padding sub-token.
    RETURNS (ConceptGroups): The groups and the way back to the order of `chosen`.
    """
    lengths = texts.lengths[chosen]  # (n_concepts,)
    by_length = numpy.argsort(lengths, kind="stable")  # (n_concepts,)
    order = numpy.empty_like(by_length)
    order[by_length] = numpy.arange(len(chosen))  # (n_concepts,)
    borders = [0, *find_borders(lengths[by_length]), len(chosen)]
    groups = [
        pad(texts, chosen[by_length[start:end]], pad_id)
        for start, end in pairwise(borders)
    ]
    return ConceptGroups(groups=groups, order=order.astype("int64"))


def group_own(
    corpus: SubtokenCorpus, concepts: Ints, rows: ConceptRows
) -> ConceptGroups:
    """Pad the concepts that are encoded in this process.

    corpus (SubtokenCorpus): The data.
    concepts (Ints): Indices of the concepts of the batch, (n_concepts,).
    rows (ConceptRows): Which of them are its own.
    RETURNS (ConceptGroups): Its own. Without any, the first one is encoded, and none
        of the vectors is taken.
    """
    chosen = concepts[rows.own] if len(rows.own) else concepts[:1]
    grouped = group_by_length(corpus.concept_ids, chosen, corpus.concept_pad_id)
    return replace(grouped, order=grouped.order[: len(rows.own)])


def find_borders(lengths: Ints) -> list[int]:
    """Cut sorted lengths into groups, where it saves the most padding.

    lengths (Ints): Lengths in rising order, (n_texts,).
    RETURNS (list[int]): Starts of all groups but the first.
    """
    cuts = [int(i) for i in numpy.flatnonzero(numpy.diff(lengths)) + 1]
    borders: list[int] = []
    while len(borders) < MAX_CONCEPT_GROUPS - 1:
        cells = _count_cells(lengths, borders)
        saved = {
            cut: cells - _count_cells(lengths, [*borders, cut])
            for cut in cuts
            if cut not in borders
        }
        best = max(saved, key=lambda cut: saved[cut], default=0)
        if not saved or saved[best] < MIN_SAVED:
            break
        borders = sorted([*borders, best])
    return borders


def _count_cells(lengths: Ints, borders: list[int]) -> int:
    edges = [0, *sorted(borders), len(lengths)]
    return sum((end - start) * int(lengths[end - 1]) for start, end in pairwise(edges))
