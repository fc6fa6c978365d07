"""LLMs as systems: prompts of spacy-llm's tasks, from recordings or any server.

The NER v3 prompt and UniversalNER's (paper, Section 6). docs/other_systems.md tells how
a server is asked.
"""

import hashlib
import logging
import time
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import srsly
from spacy.tokens import Doc
from thinc.api import Config
from tqdm import tqdm

from ..errors import Errors, Warnings
from .cells import FIGURES_VERSION, cell_path, is_finished, write_cell
from .data import Dataset, Gold, copy_tokens, load_dataset, make_gold, sha256_of
from .figures import score_entities
from .llm.recordings import (
    NER_V3,
    Recording,
    find_recordings,
    keep_replies,
    list_files,
    list_systems,
    load_recording,
)
from .predictions import Predictions, hash_gold

__all__ = ["Recording", "find_recordings", "load_recording", "run_recordings"]

logger = logging.getLogger(__name__)

SYSTEMS = NER_V3


def answer(config: Config, docs: Sequence[Doc]) -> list[Doc]:
    """Let the LLM's pipeline find entities in documents that keep their tokens.

    The prompt holds the text; what comes back is placed by character offsets and
    aligned to the given tokens as the config says ("contract").

    config (Config): From `load_recording`.
    docs (Sequence[Doc]): Documents; their own entities are not shown to the pipeline.
    RETURNS (list[Doc]): Copies with the LLM's entities.
    """
    from spacy_llm.util import assemble_from_config

    nlp = assemble_from_config(config)
    return list(nlp.pipe(copy_tokens(doc, nlp.vocab) for doc in docs))


def select_gold(gold: Gold, path: Path) -> list[int]:
    """Find the sentences of a `.gold.jsonl` file in a test set, by text and entities.

    gold (Gold): The test set.
    path (Path): Lines `{"text", "spans"}`.
    RETURNS (list[int]): Indices into the test set, in the order of the file.
    RAISES (ValueError): If a sentence is not in the test set as it stands in the file.
    """
    places: dict[Any, list[int]] = {}
    for i, doc in enumerate(gold.docs):
        ents = tuple((e.start_char, e.end_char, e.label_) for e in doc.ents)
        places.setdefault((doc.text.rstrip(), ents), []).append(i)
    found = []
    for n, record in enumerate(srsly.read_jsonl(path), start=1):
        spans = tuple((s["start"], s["end"], s["label"]) for s in record["spans"])
        key = (record["text"], tuple(sorted(spans)))
        if not places.get(key):
            raise ValueError(
                Errors.N003.format(
                    path=path,
                    line=n,
                    problem="the test set has no such sentence with these entities",
                    got=record["text"],
                    expected="a sentence of test.spacy of the same data set",
                )
            )
        found.append(places[key].pop(0))
    return found


class Result(NamedTuple):
    """What was done."""

    n_computed: int
    n_skipped: int
    missing: list[str]  # data sets that are not there


def run_recordings(
    recordings: Sequence[Recording],
    datasets_dir: Path,
    output: Path,
    *,
    name: str = "",
) -> Result:
    """Score what LLMs answer and write the cells that are not finished.

    recordings (Sequence[Recording]): From `find_recordings`.
    datasets_dir (Path): `corpus/ner`.
    output (Path): Folder of the experiment, `metrics/ner_v3`.
    name (str): Is added to the names of the rows, to tell several LLMs apart.
    RETURNS (Result): Counts, and the data sets that are not there.
    """
    missing = sorted({r.dataset for r in recordings if not _is_there(datasets_dir, r)})
    todo = [
        (recording, system)
        for recording in recordings
        if recording.dataset not in missing
        for system in list_systems(load_recording(recording.config, parser=None))
    ]
    datasets: dict[str, Dataset] = {}
    n_computed = 0
    for recording, system in tqdm(todo, desc=output.name, unit="cell", disable=None):
        if recording.dataset not in datasets:
            path = datasets_dir / recording.dataset
            datasets[recording.dataset] = load_dataset(path)
        dataset = datasets[recording.dataset]
        n_computed += run_recording(recording, system, dataset, output, name=name)
    return Result(n_computed, len(todo) - n_computed, missing)


def _is_there(datasets_dir: Path, recording: Recording) -> bool:
    return (datasets_dir / recording.dataset / "meta.json").is_file()


def run_recording(
    recording: Recording,
    system: str,
    dataset: Dataset,
    output: Path,
    *,
    name: str = "",
) -> bool:
    """Score one config with one parser and write the cell.

    recording (Recording): Config and gold file.
    system (str): A key of what `list_systems` gives for the config.
    dataset (Dataset): The data set, whose test set holds the asked sentences.
    output (Path): Folder of the experiment.
    name (str): Is added to the name of the row.
    RETURNS (bool): False if the cell was finished already.
    """
    start = time.perf_counter()
    row = f"{system}_{name}" if name else system
    place = {"dataset": dataset.name, "k": recording.k, "seed": recording.seed}
    path = cell_path(output, system=row, **place)  # type: ignore[arg-type]
    parser = list_systems(load_recording(recording.config, parser=None))[system]
    config = load_recording(recording.config, parser=parser)
    task = config["components"]["llm"]["task"]
    settings = {
        "parser": parser or "spacy-llm",
        "config": recording.config.name,
        "task": task["@llm_tasks"],
        "model": _name_model(config),
        "alignment_mode": task.get("alignment_mode", "contract"),
    }
    files = [recording.config, *list_files(config)]
    files += [] if recording.gold is None else [recording.gold]
    hashes = {file.name: _sha256(file) for file in files}
    key = sha256_of([FIGURES_VERSION, dataset.sha256, hashes, settings])
    if is_finished(path, key):
        return False
    keep_replies(config, recording.config.with_suffix(".replies.jsonl"))
    gold, rows = dataset.test, None
    if recording.gold is not None:
        rows = select_gold(gold, recording.gold)
        docs = [gold.docs[i] for i in rows]
        gold = make_gold(docs, dataset.labels, source=str(recording.gold))
    answered = answer(config, gold.docs)
    predicted = make_gold(answered, dataset.labels, source="the LLM's replies")
    _warn_of_empty(answered)
    n_sentences, n_entities = _examples(config)
    cell = {
        "key": key,
        "experiment": output.name,
        "system": row,
        **place,
        **score_entities(gold, predicted.spans, dataset.labels),
        "lost": _count_lost(answered),
        "n_train_sentences": n_sentences,
        "n_train_entities": n_entities,
        "n_test_sentences": len(gold.docs),
        "sampler": "prompt_examples" if n_sentences else "none",
        "settings": settings,
        "seconds": time.perf_counter() - start,
    }
    found = Predictions(predicted.spans, key, hash_gold(gold, dataset.labels), rows)
    write_cell(path, cell, found)
    return True


def _name_model(config: Config) -> str:
    """Registered name of the model, and of the LLM where there is one."""
    section = config["components"]["llm"]["model"]
    inner = section.get("model", section)
    names = [inner.get("@llm_models"), inner.get("name")]
    return ":".join(str(name) for name in names if name)


def _count_lost(docs: Sequence[Doc]) -> dict[str, int]:
    """What replies lost, by reason, where the task keeps a record of it."""
    drops = (drop for doc in docs for drop in doc.user_data.get("drops", ()))
    return dict(sorted(Counter(str(reason) for _, _, reason in drops).items()))


def _warn_of_empty(docs: Sequence[Doc]) -> None:
    empty = sum(not doc.ents for doc in docs)
    if empty == len(docs):
        reason = "no reply gave an entity; look at the replies"
        logger.warning(
            Warnings.W001.format(
                count=empty, total=len(docs), what="sentences", reason=reason
            )
        )


def _examples(config: Config) -> tuple[int, int]:
    """Sentences and entities in the examples of the prompt."""
    examples = config["components"]["llm"]["task"].get("examples") or {}
    if examples.get("path") is None:
        return 0, 0
    given = list(srsly.read_yaml(examples["path"]))
    spans = [span for example in given for span in example["spans"]]
    return len(given), sum(bool(span["is_entity"]) for span in spans)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
