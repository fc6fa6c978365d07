import random
from collections import Counter

from spacy_nuner.evaluate.concept_map.sentences import (
    MAX_CHARACTERS,
    N_CANDIDATES,
    Sentence,
    choose_sentences,
    cut_long,
    pick_candidates,
)


def make_sentence(i: int, *concepts: str) -> Sentence:
    """Each concept is mentioned by its own name."""
    text, mentions = f"Sentence {i}:", []
    for concept in concepts:
        text += " "
        mentions.append((len(text), len(text) + len(concept), concept))
        text += concept
    return Sentence(text, mentions)


def check_mentions(sentences: list[Sentence]) -> None:
    for text, mentions in sentences:
        assert all(text[start:end] == concept for start, end, concept in mentions)


def test_short_sentences_stay_whole() -> None:
    sentence = make_sentence(0, "city", "river")
    assert list(cut_long(sentence)) == [sentence]


def test_long_sentences_are_cut_around_their_mentions() -> None:
    concepts = [f"concept{i}" for i in range(30)]
    sentence = make_sentence(0, *(word for c in concepts for word in (c, "x" * 40)))
    sentence = Sentence(
        sentence.text, [m for m in sentence.mentions if m[2] in concepts]
    )
    pieces = list(cut_long(sentence))
    assert len(pieces) > 4
    assert all(len(piece.text) <= MAX_CHARACTERS for piece in pieces)
    assert all(piece.text in sentence.text for piece in pieces)
    check_mentions(pieces)
    assert [c for piece in pieces for _, _, c in piece.mentions] == concepts


def test_mention_longer_than_a_piece() -> None:
    text = "a" * 1000
    (piece,) = cut_long(Sentence(text, [(0, 1000, "word")]))
    assert piece.mentions == [(0, MAX_CHARACTERS, "word")]
    assert list(cut_long(Sentence(text, []))) == []


def test_candidates_depend_on_sentences_alone() -> None:
    sentences = [make_sentence(i, "city", f"rare{i % 40}") for i in range(400)]
    wanted = {"city": 0, **{f"rare{i}": i + 1 for i in range(40)}}
    picked = pick_candidates(sentences, wanted)
    shuffled = sentences.copy()
    random.Random(1).shuffle(shuffled)
    assert pick_candidates(iter(shuffled), wanted) == picked
    counts = Counter(c for s in picked for _, _, c in s.mentions)
    assert all(counts[concept] >= N_CANDIDATES for concept in wanted)
    # those that only "city" would have been picked for were not kept for nothing
    assert len(picked) <= 41 * N_CANDIDATES
    # a text that comes twice is one candidate
    assert pick_candidates(sentences + sentences, wanted) == picked
    assert pick_candidates(sentences, {"none": 0}) == []


def test_every_concept_is_shown_by_few_sentences() -> None:
    rare = [make_sentence(i, f"rare{i}") for i in range(20)]
    both = [make_sentence(i, f"rare{2 * i}", f"rare{2 * i + 1}") for i in range(10)]
    wanted = {f"rare{i}": i for i in range(20)}
    chosen = choose_sentences(rare + both, wanted, n_each=1, budget=0)
    assert sorted(chosen) == sorted(both)
    chosen = choose_sentences(rare + both, wanted, n_each=2, budget=10_000)
    assert sorted(chosen) == sorted(rare + both)


def test_budget_ends_later_rounds_only() -> None:
    sentences = [make_sentence(i, f"c{i % 10}") for i in range(100)]
    wanted = {f"c{i}": i for i in range(10)}
    length = len(sentences[0].text)
    assert len(choose_sentences(sentences, wanted, n_each=4, budget=0)) == 10
    few = choose_sentences(sentences, wanted, n_each=4, budget=15 * length)
    assert 10 < len(few) < 20
    assert len(choose_sentences(sentences, wanted, n_each=4, budget=10**6)) == 40
