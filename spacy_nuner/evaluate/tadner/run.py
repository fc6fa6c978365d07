"""Episodes of unseen types: TadNER is trained once, then a cell for each episode."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from tqdm import tqdm

from ...errors import Errors
from ...hf import load_tokenizer
from ..cells import FIGURES_VERSION, is_finished, write_cell
from ..data import Dataset, Gold, load_dataset, make_gold, sha256_of, sha256_of_folder
from ..episodes import score_episodes
from ..frozen import read_names
from ..metrics import Counts, Ints, count_entities
from ..predictions import Predictions, hash_gold
from ..samplers.episodes import Episode, sample_episode
from ..sampling import count_runs
from .settings import TadnerConfig
from .summary import write_summary
from .system import Found, Tadner
from .words import Marked, Words


class Request(NamedTuple):
    """What to run."""

    system: str  # name of the row, e.g. "tadner_base"
    encoder: Path
    data: Path  # pool.spacy: source types; test.spacy: types of the episodes
    names: Path  # the types in plain words
    output: Path  # folder of the experiment
    training: Path  # folder of the two trained networks
    config: TadnerConfig
    n_way: int
    k: int
    q: int
    n_episodes: int
    minutes: float = 0.0  # 0: no limit

    @property
    def folder(self) -> Path:
        """RETURNS (Path): Where the cells lie."""
        return self.output / self.system / f"{self.n_way}way{self.k}shot"


class Result(NamedTuple):
    """What was done."""

    status: str  # "finished", "training stopped" or "stopped"
    n_computed: int
    n_skipped: int
    summary: dict[str, Any] | None  # of all cells that are there; None: there is none


def run_episodes(
    request: Request, *, should_stop: Callable[[], bool] = lambda: False
) -> Result:
    """Train on the source types and test on episodes of the others.

    A run that was stopped goes on: with the step, and with the episode.

    request (Request): What to run.
    should_stop (Callable): Asked after each step of training and each episode.
    RETURNS (Result): Counts, and figures over all episodes that are there.
    RAISES (ValueError): If a type is in both parts of the data, or episodes can't be
        drawn.
    """
    end = time.monotonic() + 60 * (request.minutes or float("inf"))

    def is_over() -> bool:
        return should_stop() or time.monotonic() >= end

    dataset = load_dataset(request.data)
    source_labels, labels = split_labels(dataset, request.data)
    names = {
        label: phrases[0]
        for label, phrases in read_names(request.names, dataset.labels).items()
    }
    counts = count_mentions(dataset.test, len(dataset.labels))
    columns = [dataset.labels.index(label) for label in labels]
    keys = _Keys(request, dataset, names)
    cells = [request.folder / f"episode{i}.json" for i in range(request.n_episodes)]
    todo = [
        i for i, path in enumerate(cells) if not is_finished(path, keys.of_episode(i))
    ]
    n_computed = 0
    status = "finished"
    if todo:
        tokenizer = load_tokenizer(str(request.encoder))
        tadner = Tadner(request.encoder, tokenizer, request.config)
        numbers = {label: i + 1 for i, label in enumerate(source_labels)}
        pool = mark(
            dataset.pool, range(len(dataset.pool.docs)), dataset.labels, numbers
        )
        is_trained = tadner.train(
            encode(pool, tadner),
            [names[label] for label in source_labels],
            folder=request.training,
            key=keys.source,
            should_stop=is_over,
        )
        if not is_trained:
            status, todo = "training stopped", []
        for i in tqdm(todo, desc="episodes", unit="episode", disable=None):
            if is_over():
                status = "stopped"
                break
            started = time.monotonic()
            sizes = {"n_way": request.n_way, "k": request.k, "q": request.q}
            episode = sample_episode(counts[:, columns], labels, seed=i, **sizes)
            numbers = {label: j + 1 for j, label in enumerate(episode.labels)}
            support, query = (
                encode(mark(dataset.test, rows, dataset.labels, numbers), tadner)
                for rows in (episode.support, episode.query)
            )
            found = tadner.run_episode(
                support,
                query,
                [names[label] for label in episode.labels],
                k=request.k,
                seed=request.config.system.seed + i,
            )
            about = {"key": keys.of_episode(i), "system": request.system, **sizes}
            cell, predictions = judge(dataset, episode, found, about)
            cell |= {"episode": i, "seconds": round(time.monotonic() - started, 2)}
            write_cell(cells[i], cell, predictions)
            n_computed += 1
    done = [i for i, path in enumerate(cells) if is_finished(path, keys.of_episode(i))]
    summary = None
    if done:
        summary = write_summary(request.folder, done, dataset, keys.shared)
    return Result(status, n_computed, len(done) - n_computed, summary)


def split_labels(dataset: Dataset, path: Path) -> tuple[list[str], list[str]]:
    """Find the source types and those of the episodes.

    dataset (Dataset): The data set.
    path (Path): Where it is, for the message.
    RETURNS (tuple[list[str], list[str]]): Labels of the pool, labels of the test part.
    RAISES (ValueError): If they have one in common, or one part has none.
    """
    parts = [
        {dataset.labels[i - 1] for i in gold.spans[:, 2].tolist()}
        for gold in (dataset.pool, dataset.test)
    ]
    both = parts[0] & parts[1]
    if both or not all(parts):
        at = {"path": path, "n_pool": len(parts[0]), "n_test": len(parts[1])}
        shared = ", ".join(sorted(both)) or "none"
        raise ValueError(Errors.N570.format(shared=shared, **at))
    pool, test = ([lab for lab in dataset.labels if lab in part] for part in parts)
    return pool, test


def count_mentions(gold: Gold, n_types: int) -> Ints:
    """RETURNS (Ints): Mentions as the sampler counts them, (n_sentences, n_types)."""
    words = ~gold.is_space
    row = np.repeat(np.arange(len(gold.lengths)), gold.lengths)[words]
    lengths = np.bincount(row, minlength=len(gold.lengths))
    return count_runs(gold.types[words], lengths, n_types)


def mark(
    gold: Gold, rows: Sequence[int], labels: Sequence[str], numbers: dict[str, int]
) -> list[tuple[Words, Ints]]:
    """Take sentences with the mentions of some types.

    gold (Gold): All sentences.
    rows (Sequence[int]): Which of them.
    labels (Sequence[str]): Labels, of which label i is type i + 1.
    numbers (dict[str, int]): New number of each label that counts, from 1.
    RETURNS (list[tuple[Words, Ints]]): Each sentence with rows (start, end, type).
    """
    table = np.array([0, *(numbers.get(label, 0) for label in labels)])
    starts = gold.offsets
    firsts = np.searchsorted(gold.spans[:, 0], starts)
    marked = []
    for i in rows:
        doc = gold.docs[i]
        begins = np.array([token.idx for token in doc], dtype="int64")
        sizes = np.array([len(token) for token in doc], dtype="int64")
        spans = gold.spans[firsts[i] : firsts[i + 1]].copy()
        spans[:, :2] -= starts[i]
        spans[:, 2] = table[spans[:, 2]]
        words = Words(doc.text, begins, begins + sizes)
        marked.append((words, spans[spans[:, 2] > 0]))
    return marked


def encode(marked: Sequence[tuple[Words, Ints]], tadner: Tadner) -> Marked:
    """RETURNS (Marked): The sentences in sub-tokens."""
    sentences = tadner.encode_sentences([words for words, _ in marked])
    return Marked(sentences, [spans for _, spans in marked])


def judge(
    dataset: Dataset, episode: Episode, found: Found, about: dict[str, Any]
) -> tuple[dict[str, Any], Predictions]:
    """Score an episode.

    dataset (Dataset): The data set.
    episode (Episode): Its types and sentences.
    found (Found): What was found in the query set.
    about (dict[str, Any]): What else the cell says, "key" among it.
    RETURNS (tuple[dict[str, Any], Predictions]): The cell and what it was made of.
    """
    docs = [dataset.test.docs[i] for i in episode.query]
    gold = make_gold(docs, dataset.labels, source="the episode")
    table = np.array([0, *(dataset.labels.index(lab) + 1 for lab in episode.labels)])
    offsets = gold.offsets[:-1].tolist()
    spans = _join(found.spans, offsets)
    spans[:, 2] = table[spans[:, 2]]
    n_types = len(dataset.labels)
    counts = count_entities(gold.spans, spans, n_types, gold.annotated).micro()
    scores = score_episodes(gold, spans, [len(docs)], n_types)
    cell = about | {
        "labels": episode.labels,
        "support": episode.support,
        "query": episode.query,
        "method": episode.method,
        "f1": scores.mean_f1,
        "precision": float(counts.precision),
        "recall": float(counts.recall),
        "published_f1": scores.published_f1,
        "detected_f1": float(_count_untyped(gold, found.detected, offsets).f1),
        "kept_f1": float(_count_untyped(gold, found.spans, offsets).f1),
        "threshold": round(found.threshold, 4),
        "n_detector_steps": found.n_detector_steps,
        "n_classifier_steps": found.n_classifier_steps,
    }
    digest = hash_gold(gold, dataset.labels)
    return cell, Predictions(spans, about["key"], digest, episode.query)


def _join(spans: Sequence[Ints], offsets: Sequence[int]) -> Ints:
    rows = [
        part + np.array([offset, offset, 0][: part.shape[1]])
        for part, offset in zip(spans, offsets, strict=True)
    ]
    return np.concatenate(rows).astype("int64")


def _count_untyped(gold: Gold, spans: Sequence[Ints], offsets: Sequence[int]) -> Counts:
    """Counts of mentions of whatever type: what the detector alone is worth."""
    right, said = (
        np.concatenate([rows[:, :2], np.ones((len(rows), 1), dtype="int64")], axis=1)
        for rows in (gold.spans, _join(spans, offsets))
    )
    return count_entities(right, said, 1, gold.annotated).micro()


class _Keys:
    """Hashes of all that decides the networks and the cells."""

    def __init__(
        self, request: Request, dataset: Dataset, names: dict[str, str]
    ) -> None:
        network = request.config.tadner.model_dump()
        support = {name: network.pop(name) for name in ("filter", "support")}
        self.shared: dict[str, Any] = {
            "version": FIGURES_VERSION,
            "data": dataset.sha256,
            "encoder": sha256_of_folder(request.encoder),
            "names": names,
            "seed": request.config.system.seed,
        }
        # When a checkpoint is written decides no weight
        source = network.pop("source")
        del source["checkpoint_minutes"]
        self.source = sha256_of(self.shared | {"network": network, "source": source})
        self.shared |= {"network": network, "source": source} | support
        self._sizes = {"n_way": request.n_way, "k": request.k, "q": request.q}

    def of_episode(self, seed: int) -> str:
        """RETURNS (str): Key of the cell of an episode."""
        return sha256_of(self.shared | self._sizes | {"episode": seed})
