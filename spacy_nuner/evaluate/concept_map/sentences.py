"""The sentences that show concepts in use: few, so that many concepts fit on a page."""

import heapq
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from hashlib import blake2b
from typing import Final, NamedTuple

# Longer sentences are shown in pieces, a piece around each mention
MAX_CHARACTERS: Final = 300
BEFORE: Final = 100
# Sentences of a concept among which the choice is made
N_CANDIDATES: Final = 8

Mention = tuple[int, int, str]  # start and end in characters, concept


class Sentence(NamedTuple):
    """A sentence, or a piece of a long one, with its mentions."""

    text: str
    mentions: list[Mention]


def cut_long(sentence: Sentence) -> Iterator[Sentence]:
    """Cut a long sentence into pieces around its mentions; others stay whole.

    sentence (Sentence): With its mentions.
    YIELDS (Sentence): At most `MAX_CHARACTERS` long; each mention is in one of them.
    """
    text, mentions = sentence
    if len(text) <= MAX_CHARACTERS:
        yield sentence
        return
    rest = sorted(mentions)
    while rest:
        left = max(rest[0][0] - BEFORE, 0)
        right = left + MAX_CHARACTERS
        # a mention may be longer than a piece: it is cut, too
        inside = [rest[0]] + [m for m in rest[1:] if m[1] <= right]
        yield Sentence(
            text[left:right],
            [(start - left, min(end, right) - left, c) for start, end, c in inside],
        )
        rest = [mention for mention in rest if mention not in inside]


def pick_candidates(
    sentences: Iterable[Sentence], wanted: Mapping[str, int]
) -> list[Sentence]:
    """Pick some sentences of each concept at random, in one pass over the corpus.

    What is picked depends on the sentences, not on their order or their shards. Memory
    holds what is picked and no more.

    sentences (Iterable[Sentence]): All of the corpus.
    wanted (Mapping[str, int]): The concepts that are to be shown.
    RETURNS (list[Sentence]): Up to `N_CANDIDATES` of each concept, in order of rank.
    """
    picked: dict[str, list[int]] = {concept: [] for concept in wanted}
    kept: dict[int, Sentence] = {}
    uses: Counter[int] = Counter()
    for sentence in sentences:
        for piece in cut_long(sentence):
            rank = _rank(piece.text)
            if rank in kept:
                continue
            for concept in {c for _, _, c in piece.mentions} & picked.keys():
                heap = picked[concept]
                out = None
                if len(heap) < N_CANDIDATES:
                    heapq.heappush(heap, -rank)
                else:
                    out = -heapq.heappushpop(heap, -rank)
                if out == rank:
                    continue
                kept[rank] = piece
                uses[rank] += 1
                if out is not None:
                    uses[out] -= 1
                    if not uses[out]:
                        del kept[out], uses[out]
    return [kept[rank] for rank in sorted(kept)]


def choose_sentences(
    candidates: Sequence[Sentence],
    wanted: Mapping[str, int],
    *,
    n_each: int,
    budget: int,
) -> list[Sentence]:
    """Choose sentences so that each concept is shown, with as little text as possible.

    Greedy cover: the sentence with the most concepts that are still to be shown comes
    next. First each concept gets one mention, whatever it takes; then a second one and
    so on, until the budget is spent.

    candidates (Sequence[Sentence]): As `pick_candidates` gives them.
    wanted (Mapping[str, int]): The concepts that are to be shown.
    n_each (int): Mentions of each concept.
    budget (int): Characters of the sentences after the first round.
    RETURNS (list[Sentence]): In the order of their choice.
    """
    concepts = [{c for _, _, c in s.mentions} & wanted.keys() for s in candidates]
    shown: Counter[str] = Counter()
    chosen: list[int] = []
    used = [False] * len(candidates)
    n_characters = 0
    for target in range(1, n_each + 1):
        heap = [(-len(concepts[i]), i) for i in range(len(candidates)) if not used[i]]
        heapq.heapify(heap)
        while heap and (target == 1 or n_characters < budget):
            gain, i = heapq.heappop(heap)
            now = sum(shown[concept] < target for concept in concepts[i])
            if now < -gain:
                # others were chosen since: it waits for its new turn
                if now:
                    heapq.heappush(heap, (-now, i))
                continue
            used[i] = True
            chosen.append(i)
            shown.update(concepts[i])
            n_characters += len(candidates[i].text)
    return [candidates[i] for i in chosen]


def _rank(text: str) -> int:
    digest = blake2b(text.encode("utf8", errors="replace"), digest_size=8).digest()
    return int.from_bytes(digest, "big")
