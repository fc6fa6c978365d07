"""Few-NERD episode F1: the published counts, and what they hide."""

import numpy as np
import pytest
from spacy.tokens import Doc, Span
from spacy.vocab import Vocab

from spacy_nuner.evaluate.data import make_gold
from spacy_nuner.evaluate.episodes import score_episodes
from spacy_nuner.evaluate.predictions import fill_types


def make(*sentences):
    docs = []
    for n, ents in sentences:
        doc = Doc(Vocab(), words=["x"] * n)
        doc.set_ents([Span(doc, *ent) for ent in ents], default="outside")
        docs.append(doc)
    return make_gold(docs, ["A", "B"], source="here")


def rows(*values):
    return np.array(values, dtype="int64").reshape(-1, 3)


def test_neighbours_across_sentences_become_one_entity_in_the_published_code():
    gold = make((2, [(1, 2, "A")]), (2, [(0, 1, "A")]))
    # Both entities found, and the second told as B: what is 1 of 2 becomes 0
    perfect = score_episodes(gold, rows((1, 2, 1), (2, 3, 1)), [2], 2)
    assert perfect[:3] == (1, 1, 1)
    wrong = score_episodes(gold, rows((1, 2, 1), (2, 3, 2)), [2], 2)
    assert wrong.pooled_f1 == pytest.approx(1 / 2)
    assert wrong.published_f1 == 0


def test_neighbours_within_a_sentence_need_not_be_told_apart_in_the_published_code():
    gold = make((3, [(0, 1, "A"), (1, 2, "A")]))
    merged = score_episodes(gold, rows((0, 2, 1)), [1], 2)
    assert merged.published_f1 == 1
    assert merged.mean_f1 == 0


def test_episodes_are_not_merged_and_their_mean_is_not_the_pool():
    gold = make((2, [(1, 2, "A")]), (2, [(0, 1, "A")]), (1, []), (1, [(0, 1, "B")]))
    found = rows((1, 2, 1), (4, 5, 1))
    scores = score_episodes(gold, found, [1, 3], 2)
    # first episode 1 of 1; second: 0 right, 1 said, 2 there
    assert scores.per_episode == [1, 0]
    assert scores.mean_f1 == 0.5
    assert scores.pooled_f1 == pytest.approx(2 * 1 / (2 + 3))
    assert scores.published_f1 == pytest.approx(2 * 1 / (2 + 3))
    assert set(scores.as_dict()) == {
        *("n_episodes", "episode_mean_f1", "episode_pooled_f1"),
        *("episode_published_f1", "per_episode"),
    }


def test_unannotated_tokens_are_left_out_as_sub_tokens_are():
    doc = Doc(Vocab(), words=["x", "y", "z"])
    doc.set_ents([Span(doc, 0, 1, "A"), Span(doc, 2, 3, "A")], missing=[doc[1:2]])
    gold = make_gold([doc], ["A", "B"], source="here")
    # Without the token between, both are one run: so is what was found
    scores = score_episodes(gold, rows((0, 1, 1), (2, 3, 1)), [1], 2)
    assert scores.published_f1 == 1


@pytest.mark.parametrize("sizes", [[1], [1, 2], [2, 0], []])
def test_sizes_must_add_up(sizes):
    gold = make((1, [(0, 1, "A")]), (1, []))
    with pytest.raises(ValueError, match=r"N518.*2 sentences"):
        score_episodes(gold, rows(), sizes, 2)


def test_published_counts_equal_few_nerds_loop():
    """Few-NERD's `metrics_by_entity`, told again step by step, on random tags."""

    def spans_of(label):
        found, i = set(), 0
        while i < len(label):
            start, current = i, label[i]
            i += 1
            if current > 0:
                while i < len(label) and label[i] == current:
                    i += 1
                found.add((start, i, current))
        return found

    rng = np.random.default_rng(5)
    for _ in range(20):
        sentences, predicted, offset = [], [], 0
        for _ in range(5):
            for side in (0, 1):
                ents = [
                    (i, i + 1, "AB"[int(rng.integers(2))])
                    for i in range(6)
                    if rng.random() < 0.5
                ]
                if side:
                    predicted += [
                        (offset + a, offset + b, "AB".index(c) + 1) for a, b, c in ents
                    ]
                else:
                    sentences.append((6, ents))
            offset += 6
        gold, found = make(*sentences), rows(*predicted)
        right = said = there = 0
        for part in (slice(0, 12), slice(12, 30)):
            wanted = spans_of(gold.types[part].tolist())
            told = spans_of(fill_types(found, 30)[part].tolist())
            right += len(wanted & told)
            said, there = said + len(told), there + len(wanted)
        scores = score_episodes(gold, found, [2, 3], 2)
        assert scores.published_f1 == pytest.approx(2 * right / (said + there))
