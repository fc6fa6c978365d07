"""Read what the stages wrote. What is missing is noted, not hidden."""

import json
import struct
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

from ..errors import Errors
from .concept_map import FILE_NAME as CONCEPT_MAP
from .concept_map import ConceptMap, read_concept_map
from .files import read_json, read_object

SCORES = ("token_macro_f1", "token_macro_f1_with_none", "entity_micro_f1")
FIELDS = ("experiment", "system", "dataset", "k", "seed", *SCORES)
CALIBRATION = "calibration.json"
ASKED_ALONE = "subset_ner_v3"


class Cell(NamedTuple):
    """One training set, or one recording of an LLM, scored on one test set."""

    experiment: str
    system: str
    dataset: str
    k: str  # "4": k~2k; "kw8": at least 8 words of each type
    seed: int
    scores: dict[str, float]  # 0 to 1
    n_test_sentences: int | None
    n_train_entities: int | None
    seconds: float
    sampler: str
    settings: dict[str, Any]
    # Some scores again, over just the sentences that an LLM was asked; {}: not there
    asked_alone: dict[str, float]


class Inputs(NamedTuple):
    """All that a report is made of. None: not there."""

    cells: list[Cell]
    unreachable: list[dict[str, Any]]  # with "experiment" added
    corpus: dict[str, Any] | None  # stats.json
    log: list[dict[str, Any]] | None  # log.jsonl
    encoder: dict[str, Any] | None  # nuner.json, with "n_parameters" added
    calibration: dict[str, Any] | None  # calibration.json
    concept_map: ConceptMap | None  # concept_map.json
    missing: list[str]  # in words, for the page


def read_inputs(
    metrics: Path,
    *,
    corpus: Path | None,
    log: Path | None,
    encoder: Path | None,
    calibration: Path | None = None,
    concept_map: Path | None = None,
) -> Inputs:
    """Read the files of a report.

    metrics (Path): folder `metrics/`.
    corpus (Path | None): `corpus/concepts/stats.json`.
    log (Path | None): `training/pretrain/log.jsonl`.
    encoder (Path | None): `encoders/<name>/nuner.json`.
    calibration (Path | None): what `spacy-nuner calibrate` measured;
        `calibration.json` of the metrics by default.
    concept_map (Path | None): what `spacy-nuner concept-map` made; `concept_map.json`
        of the metrics by default.
    RETURNS (Inputs): what is there, and what is not.
    RAISES (ValueError): if a file that is there cannot be read.
    """
    missing = []
    calibration = calibration or metrics / CALIBRATION
    concept_map = concept_map or metrics / CONCEPT_MAP
    for what, path in (
        ("Metrics", metrics),
        ("Corpus statistics", corpus),
        ("Pre-training log", log),
        ("Encoder description", encoder),
        ("Calibration", calibration),
        ("Concept map", concept_map),
    ):
        if path is None:
            missing.append(f"{what}: no path given.")
        elif not path.exists():
            missing.append(f"{what}: {path.as_posix()} is not there.")
    cells = read_cells(metrics)
    if metrics.exists() and not cells:
        missing.append(f"Metrics: no finished cell in {metrics.as_posix()}.")
    return Inputs(
        cells,
        read_unreachable(metrics),
        read_object(corpus) if corpus and corpus.is_file() else None,
        read_log(log) if log and log.is_file() else None,
        read_encoder(encoder) if encoder and encoder.is_file() else None,
        read_calibration(calibration) if calibration.is_file() else None,
        read_concept_map(concept_map) if concept_map.is_file() else None,
        missing,
    )


def read_cells(metrics: Path) -> list[Cell]:
    """Read all finished cells, `metrics/<experiment>/<system>/<dataset>/k*/seed*.json`.

    metrics (Path): the folder.
    RETURNS (list[Cell]): in order of path.
    RAISES (ValueError): on a cell that lacks a field.
    """
    return [_read_cell(path) for path in sorted(metrics.glob("*/*/*/*/seed*.json"))]


def _read_cell(path: Path) -> Cell:
    content = read_object(path)
    absent = [name for name in FIELDS if name not in content]
    if absent:
        raise ValueError(Errors.N601.format(path=path, missing=", ".join(absent)))
    try:
        scores = {name: float(content[name]) for name in SCORES}
        part = content.get(ASKED_ALONE) or {}
        asked_alone = {name: float(part[name]) for name in SCORES if name in part}
    except (TypeError, ValueError) as error:
        raise ValueError(Errors.N602.format(path=path, problem=error)) from None
    return Cell(
        experiment=str(content["experiment"]),
        system=str(content["system"]),
        dataset=str(content["dataset"]),
        k=str(content["k"]),
        seed=int(content["seed"]),
        scores=scores,
        n_test_sentences=content.get("n_test_sentences"),
        n_train_entities=content.get("n_train_entities"),
        seconds=float(content.get("seconds", 0.0)),
        sampler=str(content.get("sampler", "")),
        settings=dict(content.get("settings") or {}),
        asked_alone=asked_alone,
    )


def read_unreachable(metrics: Path) -> list[dict[str, Any]]:
    """Read which (dataset, k) the pools do not allow.

    metrics (Path): the folder.
    RETURNS (list[dict[str, Any]]): "experiment", "dataset", "k", "types", "reason".
    """
    entries = []
    for path in sorted(metrics.glob("*/unreachable.json")):
        content = read_json(path)
        if not isinstance(content, list):
            raise ValueError(Errors.N602.format(path=path, problem="not a list"))
        entries += [{"experiment": path.parent.name, **entry} for entry in content]
    return entries


def read_log(path: Path) -> list[dict[str, Any]]:
    """Read the pre-training log; a last line that a stopped run left half is skipped.

    path (Path): `log.jsonl`.
    RETURNS (list[dict[str, Any]]): the records.
    RAISES (ValueError): on any other line that is no JSON object.
    """
    records = []
    lines = path.read_text(encoding="utf8").split("\n")
    for i, line in enumerate(lines):
        if not line.strip():
            continue
        try:
            records.append(dict(json.loads(line)))
        except (ValueError, TypeError) as error:
            if i == len(lines) - 1:
                break
            problem = f"line {i + 1}: {error}"
            raise ValueError(Errors.N602.format(path=path, problem=problem)) from None
    return records


def read_encoder(path: Path) -> dict[str, Any]:
    """Read an encoder's description and count its parameters.

    path (Path): `nuner.json`; `model.safetensors` is looked for beside it.
    RETURNS (dict[str, Any]): the description, with "n_parameters" (None: unknown).
    """
    weights = path.with_name("model.safetensors")
    n_parameters = count_parameters(weights) if weights.is_file() else None
    return {**read_object(path), "n_parameters": n_parameters}


def read_calibration(path: Path) -> dict[str, Any]:
    """Read what was measured of an encoder on the concept corpus.

    path (Path): `calibration.json`.
    RETURNS (dict[str, Any]): "threshold", "scale", "n_concepts" and the points of
        "reliability".
    RAISES (ValueError): if something else stands there.
    """
    content = read_object(path)
    try:
        points = [
            {
                "name": str(point["name"]),
                "predicted": _read_share(point["predicted"]),
                "observed": _read_share(point["observed"]),
                "n": int(point["n"]),
            }
            for point in content["reliability"]
        ]
        return {
            "threshold": float(content["threshold"]),
            "scale": float(content["scale"]),
            "n_concepts": int(content["n_concepts"]),
            "reliability": points,
        }
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(Errors.N602.format(path=path, problem=repr(error))) from None


def _read_share(value: Any) -> float:
    share = float(value)
    if not 0 <= share <= 1:
        raise ValueError(f"{value!r} is not between 0 and 1")
    return share


def count_parameters(path: Path) -> int:
    """Count the parameters of a safetensors file; its header is enough for it.

    path (Path): the file.
    RETURNS (int): the number of floating-point values.
    RAISES (ValueError): if the file is none.
    """
    with path.open("rb") as file:
        try:
            (size,) = struct.unpack("<Q", file.read(8))
            header = json.loads(file.read(min(size, 100_000_000)))
        except (struct.error, ValueError) as error:
            raise ValueError(Errors.N602.format(path=path, problem=error)) from None
    tensors = [tensor for name, tensor in header.items() if name != "__metadata__"]
    floats = [tensor for tensor in tensors if tensor["dtype"][:2] in ("F3", "F1", "BF")]
    return sum(_product(tensor["shape"]) for tensor in floats)


def _product(shape: Iterable[int]) -> int:
    total = 1
    for size in shape:
        total *= size
    return total
