"""The LLM as a system: spacy-llm's NER v3 prompt on recorded replies (Section 6)."""

import hashlib
import logging
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import srsly
from spacy.tokens import Doc
from spacy.util import load_config
from thinc.api import Config
from tqdm import tqdm

from ..errors import Errors, Warnings
from .cells import FIGURES_VERSION, cell_path, is_finished, write_json
from .data import Dataset, Gold, copy_tokens, load_dataset, make_gold, sha256_of
from .metrics import score

logger = logging.getLogger(__name__)

# Rows of the report, and the parser of replies that each adds to the config
SYSTEMS: dict[str, str | None] = {
    "llm_ner_v3": None,
    "llm_ner_v3_repaired": "spacy-nuner.NERv3Parser.v1",
}
NAME = re.compile(r"(?P<dataset>.+)\.(?P<k>kw\d+)\.cfg")


class Recording(NamedTuple):
    """One config of recorded replies: `<dataset>.kw<n>.cfg`."""

    dataset: str
    k: str  # "kw0", "kw8": words of each type in the prompt's examples
    config: Path
    gold: Path | None  # the sentences that were asked, where not the whole test set


def find_recordings(folder: Path) -> list[Recording]:
    """Find the configs of a folder.

    folder (Path): Folder with `<dataset>.kw<n>.cfg`, and `<dataset>.gold.jsonl` where
        only a part of the test set was asked.
    RETURNS (list[Recording]): The configs, by name.
    RAISES (FileNotFoundError): If there is none.
    """
    found = []
    for path in sorted(folder.glob("*.kw*.cfg")):
        match = NAME.fullmatch(path.name)
        if match:
            gold = folder / f"{match['dataset']}.gold.jsonl"
            there = gold if gold.is_file() else None
            found.append(Recording(match["dataset"], match["k"], path, there))
    if not found:
        what = "config '<dataset>.kw<n>.cfg' in"
        raise FileNotFoundError(Errors.N001.format(what=what, path=folder))
    return found


def load_recording(path: Path, *, parser: str | None) -> Config:
    """Read a config, make its paths absolute, put in a parser of replies.

    path (Path): The config; paths in it are relative to its folder.
    parser (Optional[str]): Registered name (`misc`) of a parser, None for spacy-llm's.
    RETURNS (Config): The config of a pipeline with the component `llm`.
    """
    config = load_config(path, interpolate=False)
    for section in _sections(config["components"]["llm"]):
        value = section.get("path")
        if isinstance(value, str) and not Path(value).is_absolute():
            section["path"] = str((path.parent / value).resolve())
    if parser is not None:
        task = config["components"]["llm"]["task"]
        task["parse_responses"] = {"@misc": parser}
    return config


def _sections(section: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield section
    for value in section.values():
        if isinstance(value, dict):
            yield from _sections(value)


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
    recordings: Sequence[Recording], datasets_dir: Path, output: Path
) -> Result:
    """Score recordings with both parsers and write the cells that are not finished.

    recordings (Sequence[Recording]): From `find_recordings`.
    datasets_dir (Path): `corpus/ner`.
    output (Path): Folder of the experiment, `metrics/ner_v3`.
    RETURNS (Result): Counts, and the data sets that are not there.
    """
    missing = sorted({r.dataset for r in recordings if not _is_there(datasets_dir, r)})
    todo = [(r, s) for r in recordings if r.dataset not in missing for s in SYSTEMS]
    datasets: dict[str, Dataset] = {}
    n_computed = 0
    for recording, system in tqdm(todo, desc="ner_v3", unit="cell", disable=None):
        name = recording.dataset
        if name not in datasets:
            datasets[name] = load_dataset(datasets_dir / name)
        n_computed += run_recording(recording, system, datasets[name], output)
    return Result(n_computed, len(todo) - n_computed, missing)


def _is_there(datasets_dir: Path, recording: Recording) -> bool:
    return (datasets_dir / recording.dataset / "meta.json").is_file()


def run_recording(
    recording: Recording, system: str, dataset: Dataset, output: Path
) -> bool:
    """Score one recording with one parser and write the cell.

    recording (Recording): Config and gold file.
    system (str): A key of SYSTEMS.
    dataset (Dataset): The data set, whose test set holds the asked sentences.
    output (Path): Folder of the experiment.
    RETURNS (bool): False if the cell was finished already.
    """
    start = time.perf_counter()
    path = cell_path(output, system=system, dataset=dataset.name, k=recording.k, seed=0)
    config = load_recording(recording.config, parser=SYSTEMS[system])
    task = config["components"]["llm"]["task"]
    settings = {
        "parser": SYSTEMS[system] or "spacy-llm",
        "config": recording.config.name,
        "task": task["@llm_tasks"],
        "model": config["components"]["llm"]["model"]["@llm_models"],
        "alignment_mode": task.get("alignment_mode", "contract"),
    }
    files = [recording.config, *_files(config)]
    files += [] if recording.gold is None else [recording.gold]
    hashes = {file.name: _sha256(file) for file in files}
    key = sha256_of([FIGURES_VERSION, dataset.sha256, hashes, settings])
    if is_finished(path, key):
        return False
    gold = dataset.test
    if recording.gold is not None:
        docs = [gold.docs[i] for i in select_gold(gold, recording.gold)]
        gold = make_gold(docs, dataset.labels, source=str(recording.gold))
    figures = _score(config, gold, dataset.labels)
    n_sentences, n_entities = _examples(config)
    cell = {
        "key": key,
        "experiment": output.name,
        "system": system,
        "dataset": dataset.name,
        "k": recording.k,
        "seed": 0,
        **figures,
        "n_train_sentences": n_sentences,
        "n_train_entities": n_entities,
        "n_test_sentences": len(gold.docs),
        "sampler": "prompt_examples" if n_sentences else "none",
        "settings": settings,
        "seconds": time.perf_counter() - start,
    }
    write_json(path, cell)
    return True


def _score(config: Config, gold: Gold, labels: Sequence[str]) -> dict[str, Any]:
    docs = answer(config, gold.docs)
    predicted = make_gold(docs, labels, source="the LLM's replies")
    types = predicted.types.clip(min=0)
    figures = score(
        gold.types,
        gold.spans,
        types,
        predicted.spans,
        labels,
        annotated=gold.annotated,
    )
    empty = sum(not doc.ents for doc in docs)
    if empty == len(docs):
        reason = "no reply gave an entity; look at the recorded replies"
        logger.warning(
            Warnings.W001.format(
                count=empty, total=len(docs), what="sentences", reason=reason
            )
        )
    return figures


def _files(config: Config) -> list[Path]:
    sections = _sections(config["components"]["llm"])
    paths = [Path(s["path"]) for s in sections if isinstance(s.get("path"), str)]
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(Errors.N001.format(what="file", path=path))
    return paths


def _examples(config: Config) -> tuple[int, int]:
    """Sentences and entities in the examples of the prompt."""
    path = config["components"]["llm"]["task"].get("examples", {}).get("path")
    if path is None:
        return 0, 0
    examples = list(srsly.read_yaml(path))
    spans = [span for example in examples for span in example["spans"]]
    return len(examples), sum(bool(span["is_entity"]) for span in spans)


def _sha256(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
