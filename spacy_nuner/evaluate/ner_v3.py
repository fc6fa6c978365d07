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

from ..errors import Errors, Warnings
from .cells import FIGURES_VERSION, cell_path, is_finished, write_json
from .data import Dataset, Gold, make_gold, sha256_of
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
    bare = (
        Doc(nlp.vocab, [t.text for t in doc], [bool(t.whitespace_) for t in doc])
        for doc in docs
    )
    return list(nlp.pipe(bare))


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
        places.setdefault((doc.text, ents), []).append(i)
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


def run_recording(
    recording: Recording, dataset: Dataset, output: Path
) -> dict[str, Path]:
    """Score one recording with both parsers and write the cells.

    recording (Recording): Config and gold file.
    dataset (Dataset): The data set, whose test set holds the asked sentences.
    output (Path): Folder of the experiment, `metrics/ner_v3`.
    RETURNS (dict[str, Path]): Cells by system.
    """
    paths = {}
    gold = dataset.test
    if recording.gold is not None:
        indices = select_gold(gold, recording.gold)
        docs = [gold.docs[i] for i in indices]
        gold = make_gold(docs, dataset.labels, source=str(recording.gold))
    for system, parser in SYSTEMS.items():
        path = cell_path(
            output, system=system, dataset=dataset.name, k=recording.k, seed=0
        )
        paths[system] = path
        config = load_recording(recording.config, parser=parser)
        settings = {
            "parser": parser or "spacy-llm",
            "config": recording.config.name,
            "task": config["components"]["llm"]["task"]["@llm_tasks"],
            "model": config["components"]["llm"]["model"]["@llm_models"],
            "alignment_mode": config["components"]["llm"]["task"]["alignment_mode"],
        }
        files = {str(p): _sha256(p) for p in _files(config) if p.is_file()}
        key = sha256_of(
            {
                "version": FIGURES_VERSION,
                "data": dataset.sha256,
                "config": _sha256(recording.config),
                "gold": None if recording.gold is None else _sha256(recording.gold),
                "files": sorted(files.values()),
                "settings": settings,
            }
        )
        if is_finished(path, key):
            continue
        start = time.perf_counter()
        figures = _score(config, gold, dataset.labels)
        n_sentences, n_entities = _examples(config)
        cell = {
            "key": key,
            "experiment": "ner_v3",
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
    return paths


def _score(config: Config, gold: Gold, labels: Sequence[str]) -> dict[str, Any]:
    docs = answer(config, gold.docs)
    predicted = make_gold(docs, labels, source="the LLM's replies")
    types = predicted.types.clip(min=0)
    figures = score(gold.types, gold.spans, types, predicted.spans, labels)
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
    return [Path(s["path"]) for s in sections if isinstance(s.get("path"), str)]


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
