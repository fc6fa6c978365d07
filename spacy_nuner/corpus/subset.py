"""Smaller concept corpora from a large one: fewer sentences, fewer concepts.

For the paper's ablations: the effect of the corpus' size (Section 5.3) and of the
diversity of its concepts (Section 5.2).
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from spacy.tokens import Doc, DocBin, SpanGroup

from ..errors import Errors
from .files import replacing_dir, write_json
from .reader import read_docs
from .registries import settled_registries
from .shards import SPANS_KEY
from .split import PARTS, Part, text_digest
from .stats import CorpusStats

Ranks = NDArray[np.uint64]


class Request(NamedTuple):
    """What a smaller corpus is to hold."""

    sentences: int = 0  # of both parts together; 0: all
    top_concepts: int = 0  # the most frequent ones; 0: all
    share: float = 0.0  # as many as hold this share of the mentions; 0: all
    seed: int = 0


def write_subset(
    corpus: Path, output: Path, request: Request, *, shard_size: int = 2000
) -> dict[str, Any]:
    """Write a smaller concept corpus, all or nothing.

    Sentences are ranked by a hash of seed and text, the parts keep their proportion: so
    of one seed the smaller corpus is contained in the larger one, on any machine. Then
    concepts are counted in what is left, and mentions of all but the most frequent ones
    are taken away; sentences without a mention are left out, as they are everywhere.

    corpus (Path): folder that `spacy-nuner corpus` wrote.
    output (Path): folder to write.
    request (Request): what it is to hold.
    shard_size (int): documents in a shard.
    RETURNS (dict[str, Any]): the content of its `stats.json`.
    RAISES (ValueError): if the corpus has fewer sentences, or the request makes no
        sense.
    """
    _check(request)
    chosen = choose_sentences(corpus, request)
    counts: Counter[str] = Counter()
    n_read = 0
    for part in PARTS:
        for doc in _read(corpus, part, chosen[part], request.seed):
            counts.update(span.label_ for span in doc.spans[SPANS_KEY])
            n_read += 1
    kept = choose_concepts(counts, request)
    stats = CorpusStats()
    with replacing_dir(output, marker="stats.json") as folder:
        for part in PARTS:
            docs = _read(corpus, part, chosen[part], request.seed)
            _write_part(folder / part, _keep(docs, kept), stats, part, shard_size)
        stats.sizes["n_replies"] = n_read
        stats.sizes["n_without_mention"] = n_read - sum(stats.parts.values())
        source = {
            "subset_of": corpus.as_posix(),
            **request._asdict(),
            "n_concepts_kept": len(kept),
            "share_of_mentions": sum(counts[c] for c in kept) / counts.total(),
        }
        result = {**stats.to_dict(wanted=frozenset()), "source": source}
        (folder / "drops.jsonl").write_text("", encoding="utf8")
        write_json(folder / "stats.json", result)
    return result


def _check(request: Request) -> None:
    if request.top_concepts and request.share:
        problem = "both a number and a share of the concepts"
        raise ValueError(Errors.N270.format(problem=problem))
    if not 0 <= request.share <= 1:
        problem = f"a share of {request.share}"
        raise ValueError(Errors.N270.format(problem=problem))
    if request.sentences < 0 or request.top_concepts < 0:
        raise ValueError(Errors.N270.format(problem="a number below 0"))


def choose_sentences(corpus: Path, request: Request) -> dict[Part, int | None]:
    """Find up to which rank sentences are taken.

    corpus (Path): the corpus.
    request (Request): how many are wanted.
    RETURNS (dict[Part, int | None]): the highest rank taken of each part; None: all of
        it.
    RAISES (ValueError): if there are not so many, or a part would be empty.
    """
    if not request.sentences:
        return dict.fromkeys(PARTS)
    ranks = {part: _rank_all(corpus / part, request.seed) for part in PARTS}
    n_all = sum(map(len, ranks.values()))
    n_train = round(request.sentences * len(ranks["train"]) / n_all)
    # A corpus without a part can't be trained on
    n_train = min(max(n_train, 1), request.sentences - 1)
    wanted = {"train": n_train, "dev": request.sentences - n_train}
    if any(not 0 < wanted[part] <= len(ranks[part]) for part in PARTS):
        raise ValueError(
            Errors.N271.format(
                path=corpus,
                got=request.sentences,
                **{f"n_{part}": len(ranks[part]) for part in PARTS},
            )
        )
    return {part: int(np.sort(ranks[part])[wanted[part] - 1]) for part in PARTS}


def choose_concepts(counts: Counter[str], request: Request) -> frozenset[str]:
    """Find the most frequent concepts; of equal ones the first in the alphabet.

    counts (Counter[str]): mentions of each concept.
    request (Request): how many, or which share of the mentions at least.
    RETURNS (frozenset[str]): the concepts.
    """
    ordered = sorted(counts, key=lambda concept: (-counts[concept], concept))
    if request.top_concepts:
        ordered = ordered[: request.top_concepts]
    elif request.share:
        held = np.cumsum([counts[concept] for concept in ordered])
        # The sum of floats may end below a share that is reached
        needed = request.share * counts.total() - 1e-9
        ordered = ordered[: int(np.searchsorted(held, needed)) + 1]
    return frozenset(ordered)


def _rank(text: str, seed: int) -> int:
    digest = hashlib.sha256(f"subset/{seed}/".encode() + text_digest(text)).digest()
    return int.from_bytes(digest[:8], "big")


def _rank_all(path: Path, seed: int) -> Ranks:
    ranks = [_rank(doc.text, seed) for doc in read_docs(path, None)]
    return np.array(ranks, dtype="uint64")


def _read(corpus: Path, part: Part, highest: int | None, seed: int) -> Iterator[Doc]:
    for doc in read_docs(corpus / part, None):
        if highest is None or _rank(doc.text, seed) <= highest:
            yield doc


def _keep(docs: Iterable[Doc], concepts: frozenset[str]) -> Iterator[Doc]:
    """Take mentions of other concepts away, and sentences without any left."""
    for doc in docs:
        spans = list(doc.spans[SPANS_KEY])
        kept = [i for i, span in enumerate(spans) if span.label_ in concepts]
        if not kept:
            continue
        group = SpanGroup(doc, name=SPANS_KEY, spans=[spans[i] for i in kept])
        doc.spans[SPANS_KEY] = group
        # Parallel to the spans
        if told := doc.user_data.get("descriptions"):
            doc.user_data["descriptions"] = [told[i] for i in kept]
        yield doc


def _write_part(
    path: Path, docs: Iterable[Doc], stats: CorpusStats, part: Part, shard_size: int
) -> None:
    path.mkdir()
    rest = iter(docs)
    number = 0
    while some := list(islice(rest, shard_size)):
        for doc in some:
            concepts = [span.label_ for span in doc.spans[SPANS_KEY]]
            stats.parts[part] += 1
            stats.sizes["n_words"] += len(doc.text.split())
            stats.per_sentence[len(concepts)] += 1
            stats.concepts.update(concepts)
            stats.matches["exact"] += len(concepts)
        shard = DocBin(attrs=["ORTH"], store_user_data=True, docs=some)
        with settled_registries():
            shard.to_disk(path / f"{number:05d}.spacy")
        number += 1
