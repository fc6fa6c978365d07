"""Hand-computed cases, and spaCy's scorer on random documents."""

import numpy as np
import pytest
from spacy.scorer import get_ner_prf
from spacy.tokens import Doc, Span
from spacy.training import Example
from spacy.vocab import Vocab

from spacy_nuner.evaluate.metrics import find_spans, score, split_tags

LABELS = ["A", "B", "C"]


def ints(values):
    return np.array(values, dtype="int64")


def run(gold, predicted, lengths=None, labels=LABELS):
    gold, predicted = ints(gold), ints(predicted)
    lengths = ints([len(gold)] if lengths is None else lengths)
    spans = find_spans(gold, lengths), find_spans(predicted, lengths)
    return score(gold, spans[0], predicted, spans[1], labels)


@pytest.mark.parametrize(
    ("types", "lengths", "begins", "expected"),
    [
        ([0, 1, 1, 0, 2], [5], None, [[1, 3, 1], [4, 5, 2]]),
        ([1, 1, 1], [1, 2], None, [[0, 1, 1], [1, 3, 1]]),
        ([1, 2, 2], [3], None, [[0, 1, 1], [1, 3, 2]]),
        ([1, 1, 1], [3], [True, False, True], [[0, 2, 1], [2, 3, 1]]),
        ([1, 1], [0, 1, 0, 1, 0], None, [[0, 1, 1], [1, 2, 1]]),
        ([0, 0], [2], None, np.zeros((0, 3))),
        ([-1, 1], [2], None, [[1, 2, 1]]),
        ([], [0], None, np.zeros((0, 3))),
        ([], [], None, np.zeros((0, 3))),
    ],
)
def test_find_spans(types, lengths, begins, expected):
    begins = None if begins is None else np.array(begins)
    rows = find_spans(ints(types), ints(lengths), begins)
    np.testing.assert_array_equal(rows, np.array(expected))


def test_split_tags():
    tags = ["O", "B-B", "I-B", "B-A", "I-A"]
    types, begins = split_tags(ints([0, 1, 2, 4, 3, -1]), tags, ["A", "B"])
    assert types.tolist() == [0, 2, 2, 1, 1, -1]
    assert begins.tolist() == [False, True, False, False, True, False]


def test_hand_computed():
    #       A A . B B . A C
    gold = [1, 1, 0, 2, 2, 0, 1, 3]
    pred = [1, 1, 1, 2, 0, 0, 1, 1]
    result = run(gold, pred)
    # tokens: A 3 of 5 predicted, 3 gold; B 1 of 1, 2 gold; C 0 of 0, 1 gold
    a, b, none = 2 * 3 / (5 + 3), 2 * 1 / (1 + 2), 2 * 1 / (2 + 2)
    assert result["token_macro_f1"] == pytest.approx((a + b + 0) / 3)
    assert result["token_macro_f1_with_none"] == pytest.approx((a + b + 0 + none) / 4)
    # entities: no predicted span (0-3 A, 3-4 B, 6-8 A) has the right ends
    assert result["entity_micro_f1"] == 0
    per_type = result["per_type"]["A"]
    assert per_type["token_p"] == pytest.approx(3 / 5)
    assert per_type["token_r"] == 1
    assert per_type["token_f1"] == pytest.approx(a)
    assert per_type["n_gold"] == 2
    assert set(per_type) == {
        *("token_p", "token_r", "token_f1"),
        *("entity_p", "entity_r", "entity_f1", "n_gold"),
    }


def test_entity_figures_by_hand():
    result = run([1, 1, 0, 2, 0, 1], [1, 1, 0, 1, 0, 1])
    assert result["entity_micro_p"] == pytest.approx(2 / 3)
    assert result["entity_micro_r"] == pytest.approx(2 / 3)
    assert result["entity_micro_f1"] == pytest.approx(2 / 3)
    assert result["per_type"]["A"]["entity_p"] == pytest.approx(2 / 3)
    assert result["per_type"]["A"]["entity_r"] == 1
    assert result["per_type"]["B"]["entity_f1"] == 0


def test_type_absent_from_the_gold_is_left_out_of_the_macro_average():
    clean = run([1, 2, 0], [1, 2, 0])
    assert clean["token_macro_f1"] == 1
    assert clean["per_type"]["C"]["n_gold"] == 0
    # a wrong C costs precision of the entities and recall of what it hides
    wrong = run([1, 2, 0], [1, 2, 3])
    assert wrong["token_macro_f1"] == 1
    assert wrong["token_macro_f1_with_none"] == pytest.approx(2 / 3)
    assert wrong["entity_micro_p"] == pytest.approx(2 / 3)


def test_perfect_and_empty_prediction():
    gold = [1, 0, 2, 3, 3]
    perfect = run(gold, gold)
    empty = run(gold, [0] * 5)
    for name in ("token_macro_f1", "entity_micro_f1", "token_macro_f1_with_none"):
        assert perfect[name] == 1
    assert empty["token_macro_f1"] == 0
    assert empty["token_macro_f1_with_none"] == pytest.approx((2 * 1 / 6) / 4)
    assert empty["entity_micro_p"] == empty["entity_micro_r"] == 0


def test_tokens_without_annotation_are_left_out():
    whole = run([1, 0, 2], [1, 0, 2])
    holes = run([1, 0, 2, -1, -1, -1], [1, 0, 2, 0, 2, 3])
    assert holes == whole


def test_refuses_gold_without_entities_and_other_lengths():
    with pytest.raises(ValueError, match="N504"):
        run([0, 0], [1, 0])
    with pytest.raises(ValueError, match="N503"):
        score(ints([0, 1]), ints([[1, 2, 1]]), ints([1]), ints([[0, 1, 1]]), LABELS)


@pytest.mark.parametrize("seed", range(5))
def test_entity_figures_equal_spacys_scorer(seed):
    rng = np.random.default_rng(seed)
    lengths = rng.integers(0, 12, size=60)
    n = int(lengths.sum())
    gold = rng.choice(4, size=n, p=[0.4, 0.3, 0.2, 0.1])
    pred = np.where(rng.random(n) < 0.7, gold, rng.integers(0, 4, size=n))
    gold[rng.random(n) < 0.05] = -1
    spans = find_spans(gold, lengths), find_spans(pred, lengths)
    examples, vocab, start = [], Vocab(), 0
    for length in lengths:
        docs = []
        for rows in spans:
            doc = Doc(vocab, words=["w"] * length)
            inside = rows[(rows[:, 0] >= start) & (rows[:, 1] <= start + length)]
            ents = [
                Span(doc, s - start, e - start, LABELS[t - 1]) for s, e, t in inside
            ]
            docs.append((doc, ents))
        (reference, gold_ents), (predicted, pred_ents) = docs
        missing = [reference[i : i + 1] for i in range(length) if gold[start + i] == -1]
        reference.set_ents(gold_ents, missing=missing, default="outside")
        predicted.ents = pred_ents
        examples.append(Example(predicted, reference))
        start += length
    expected = get_ner_prf(examples)
    result = score(gold, spans[0], pred, spans[1], LABELS)
    assert result["entity_micro_p"] == pytest.approx(expected["ents_p"], abs=1e-12)
    assert result["entity_micro_r"] == pytest.approx(expected["ents_r"], abs=1e-12)
    assert result["entity_micro_f1"] == pytest.approx(expected["ents_f"], abs=1e-12)
    for label, figures in expected["ents_per_type"].items():
        got = result["per_type"][label]
        assert got["entity_f1"] == pytest.approx(figures["f"], abs=1e-12)
