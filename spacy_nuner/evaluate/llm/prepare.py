"""One config of an LLM -> a config for each data set, k_w and run (Tables 10, 11).

The examples of the prompt come from the training sets that few-shot systems learn from
(`samplers/words.py`), so that all systems see the same sentences.
"""

import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import srsly
from spacy.util import load_config
from thinc.api import Config

from ...errors import Errors
from ..data import Dataset, Gold, load_dataset
from ..phrases import Phrase, read_phrases
from ..samplers.words import count_words, sample_words
from .recordings import UNIVERSAL

# Runs for each k_w, as in the paper's appendix A.1; 1 for larger ones
RUNS = {1: 16, 2: 8, 4: 4, 8: 2}


class Request(NamedTuple):
    """What is to be asked."""

    ks: Sequence[int]  # k_w: words of each type in the examples; 0: no examples
    n_sets: int | None  # runs for each k_w; None: as the paper
    limit: int  # sentences of the test set; 0: all
    labels_dir: Path  # `<dataset>.yml`: labels in plain words


class Prepared(NamedTuple):
    """What was written."""

    n_configs: int
    impossible: list[str]  # "<dataset>, k_w = 8: …"


def prepare_recordings(
    base: Path, datasets: Sequence[Path], request: Request, folder: Path
) -> Prepared:
    """Write the configs of a folder that `find_recordings` reads.

    base (Path): Config with the component `llm`: the task `spacy.NER.v3` or
        `spacy-nuner.UniversalNER.v1`, whose labels are filled in, and any model.
    datasets (Sequence[Path]): Folders of data sets.
    request (Request): What is to be asked.
    folder (Path): Is made if missing. Replies that it holds stay.
    RETURNS (Prepared): How many configs, and what the pools do not allow.
    RAISES (ValueError): If the config can't be filled in.
    """
    if not base.is_file():
        raise FileNotFoundError(Errors.N001.format(what="config", path=base))
    config = load_config(base, interpolate=True)
    task = config.get("components", {}).get("llm", {}).get("task", {})
    name = task.get("@llm_tasks")
    if name not in ("spacy.NER.v3", UNIVERSAL):
        raise ValueError(Errors.N581.format(path=base, got=name))
    if name == UNIVERSAL and any(request.ks):
        raise ValueError(Errors.N582.format(got=list(request.ks)))
    folder.mkdir(parents=True, exist_ok=True)
    n_configs = 0
    impossible: list[str] = []
    for path in datasets:
        dataset = load_dataset(path)
        _write_gold(dataset, request.limit, folder)
        phrases = read_phrases(
            request.labels_dir / f"{dataset.name}.yml", dataset.labels
        )
        for k in request.ks:
            problem = _find_problem(dataset, k)
            if problem:
                impossible.append(f"{dataset.name}, k_w = {k}: {problem}")
                continue
            n_runs = 1 if not k else request.n_sets or RUNS.get(k, 1)
            for seed in range(n_runs):
                _write_config(config, dataset, phrases, k, seed, folder)
                n_configs += 1
    return Prepared(n_configs, impossible)


def _find_problem(dataset: Dataset, k: int) -> str:
    """Why there are no examples with k words of each type; "" if there are."""
    if k and dataset.zero_shot_only:
        return "its pool is not to be learned from"
    words = count_words(dataset.pool, len(dataset.labels)).sum(axis=0).tolist()
    pairs = zip(dataset.labels, words, strict=True)
    short = [f"{label} {n}" for label, n in pairs if n < k]
    return f"the pool has fewer words of {', '.join(short)}" if short else ""


def _write_config(
    base: Config,
    dataset: Dataset,
    phrases: dict[str, Phrase],
    k: int,
    seed: int,
    folder: Path,
) -> None:
    config = base.copy()
    task = config["components"]["llm"]["task"]
    stem = f"{dataset.name}.kw{k}" + (f".seed{seed}" if k else "")
    if task["@llm_tasks"] == UNIVERSAL:
        task["labels"] = {label: phrase.name for label, phrase in phrases.items()}
    else:
        task["labels"] = list(phrases)
        # spacy-llm wants a definition for each label or none at all
        definitions = {label: p.definition or p.name for label, p in phrases.items()}
        task["label_definitions"] = definitions
        task.pop("examples", None)
        task.pop("parse_responses", None)
    if k:
        words = count_words(dataset.pool, len(dataset.labels))
        draw = sample_words(words, k, seed=seed)
        indices = draw.indices if draw is not None else []
        examples = [_make_example(dataset.pool, i) for i in indices]
        file = f"{stem}.examples.yml"
        srsly.write_yaml(folder / file, examples)
        task["examples"] = {"@misc": "spacy.FewShotReader.v1", "path": file}
    config.to_disk(folder / f"{stem}.cfg")


def _make_example(gold: Gold, index: int) -> dict[str, Any]:
    """A sentence in the form of spacy-llm's reader, with its reason for each entity."""
    doc = gold.docs[index]
    spans = [
        {
            "text": ent.text,
            "is_entity": True,
            "label": ent.label_,
            "reason": f"is a {ent.label_}",
        }
        for ent in doc.ents
    ]
    return {"text": doc.text.rstrip(), "spans": spans}


def _write_gold(dataset: Dataset, limit: int, folder: Path) -> None:
    """Name the sentences that are asked, where it's not all of them."""
    path = folder / f"{dataset.name}.gold.jsonl"
    n = len(dataset.test.docs)
    if not limit or n <= limit:
        path.unlink(missing_ok=True)
        return
    rows = sorted(random.Random(0).sample(range(n), limit))
    records = []
    for doc in (dataset.test.docs[i] for i in rows):
        spans = [
            {"start": e.start_char, "end": e.end_char, "label": e.label_}
            for e in doc.ents
        ]
        records.append({"text": doc.text.rstrip(), "spans": spans})
    srsly.write_jsonl(path, records)
