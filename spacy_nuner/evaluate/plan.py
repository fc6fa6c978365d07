"""What is to be done: training sets, systems, and the keys of their cells."""

from collections.abc import Container, Iterable, Sequence
from copy import deepcopy
from pathlib import Path
from typing import Any, NamedTuple

import srsly
from thinc.api import Config

from ..errors import Errors
from .cells import FIGURES_VERSION
from .data import Dataset, sha256_of
from .frozen import head_code_sha256, uses_whitening
from .heads import Recipe
from .layers import KS, MAX_SENTENCES, N_DRAWS
from .sampling import Draw, check_sample, sample, unreachable_types, usable_mentions


class System(NamedTuple):
    """A row of the report: an encoder, its vectors, a start of the head."""

    name: str
    encoder: str  # "base", "nuner" or "ner_bert"
    layer: str  # "last", "best", or "default": what the config joins
    start: str  # "random" or "concept"
    zero_shot: bool = False  # the start is all: nothing is trained
    calibrated: bool = True  # whether what the concept corpus says is used


SYSTEMS = (
    System("base", "base", "last", "random"),
    System("base_best_layer", "base", "best", "random"),
    System("ner_bert", "ner_bert", "default", "random"),
    System("nuner", "nuner", "default", "random"),
    System("nuner_concept_start", "nuner", "default", "concept"),
    System("nuner_zero_shot", "nuner", "default", "concept", zero_shot=True),
    System(
        "nuner_zero_shot_uncalibrated",
        "nuner",
        "default",
        "concept",
        zero_shot=True,
        calibrated=False,
    ),
)
# The one cell of a data set for which nothing is trained
ZERO_SHOT: tuple[int | str, int] = (0, 0)


def pick_systems(
    names: Iterable[str], *, encoders: Container[str] = ("base", "nuner")
) -> list[System]:
    """Pick systems by their names.

    names (Iterable[str]): Names; none: all.
    encoders (Container[str]): The encoders that are there.
    RETURNS (list[System]): The systems, without those whose encoder is not there.
    RAISES (ValueError): For an unknown name, or one whose encoder is not there.
    """
    known = {system.name: system for system in SYSTEMS if system.encoder in encoders}
    wanted = list(names) or list(known)
    for name in wanted:
        if name not in known:
            raise ValueError(Errors.N509.format(got=name, allowed=", ".join(known)))
    return [known[name] for name in wanted]


def read_ks(text: str) -> list[int]:
    """RETURNS (list[int]): Values of k from a text like "1,2,4", in order.
    RAISES (ValueError): If one is no whole number above 0.
    """
    parts = [part.strip() for part in text.split(",")]
    if not all(part.isdecimal() and int(part) for part in parts):
        raise ValueError(Errors.N512.format(got=text))
    return sorted({int(part) for part in parts})


def find_datasets(folder: Path, names: Sequence[str] = ()) -> list[Path]:
    """Find the data sets of a folder.

    folder (Path): `corpus/ner`.
    names (Sequence[str]): The wanted ones; all if empty.
    RETURNS (list[Path]): Their folders, the smallest file of the test set first.
    RAISES (ValueError): If there is none, or a wanted one is missing.
    """
    found = {path.parent.name: path.parent for path in folder.glob("*/meta.json")}
    missing = [name for name in names if name not in found]
    if missing or not found:
        raise ValueError(
            Errors.N510.format(
                path=folder,
                wanted=f" is named {', '.join(missing)}" if missing else "",
                found=", ".join(sorted(found)) or "nothing",
            )
        )
    paths = [path for name, path in found.items() if not names or name in names]
    return sorted(paths, key=lambda p: ((p / "test.spacy").stat().st_size, p.name))


def find_base(encoder: Path) -> Path:
    """Find the base encoder that an encoder folder was trained from.

    encoder (Path): Encoder folder with `nuner.json`.
    RETURNS (Path): "base" of that file as a folder, or the folder of its last name in
        `assets/encoders`.
    RAISES (ValueError): If neither is there.
    """
    file = encoder / "nuner.json"
    if not file.is_file():
        raise ValueError(Errors.N511.format(path=encoder, problem=f"no '{file}'"))
    base = str(srsly.read_json(file).get("base", ""))
    for path in (Path(base), Path("assets/encoders") / Path(base).name):
        if base and (path / "config.json").is_file():
            return path
    problem = f"its 'base' is '{base}', which is no folder here"
    raise ValueError(Errors.N511.format(path=encoder, problem=problem))


class Grid(NamedTuple):
    """What to run."""

    config: Config  # of `spacy train`
    encoders: dict[str, Path]  # "base", "nuner", "ner_bert"
    datasets: list[Path]
    labels_dir: Path  # `<dataset>.yml`: labels in plain words
    output: Path  # folder of the experiment
    ks: Sequence[int]
    n_sets: int
    systems: Sequence[System]
    gold_dirs: Sequence[Path] = ()  # with `<dataset>.gold.jsonl`, the LLM's sentences
    keep_features: bool = False
    n_process: int = 0  # 0: one per core
    sets_from: str = ""  # sampler whose saved sets are taken; "": k~2k, drawn now


class Plan(NamedTuple):
    """The training sets of one data set."""

    draws: dict[tuple[int | str, int], Draw]  # by k (or "kw8") and seed
    unreachable: list[dict[str, Any]]


class Cell(NamedTuple):
    """One cell that is still to be computed."""

    system: System
    k: int | str
    seed: int
    path: Path
    key: str


def draw_sets(dataset: Dataset, ks: Iterable[int], n_sets: int) -> Plan:
    """Draw the training sets, the same for all systems.

    dataset (Dataset): The data set.
    ks (Iterable[int]): Values of k.
    n_sets (int): Sets for each k; their number is their seed.
    RETURNS (Plan): Sets that keep the bounds, and what could not be drawn and why;
        no sets for data that are not to be trained on.
    """
    if dataset.zero_shot_only:
        return Plan({}, [])
    counts = dataset.counts
    draws: dict[tuple[int | str, int], Draw] = {}
    unreachable = []
    for k in ks:
        short = unreachable_types(counts, k)
        if short:
            usable = usable_mentions(counts, k)
            types = {dataset.labels[i]: int(usable[i]) for i in short}
            reason = "fewer than k mentions in sentences with at most 2k of each type"
            unreachable.append(_entry(dataset, k, types, reason))
            continue
        failed = []
        for seed in range(n_sets):
            draw = sample(counts, k, seed=seed)
            if draw is None:
                failed.append(seed)
                continue
            check_sample(counts, draw.indices, k, labels=dataset.labels)
            draws[k, seed] = draw
        if failed:
            reason = f"no set within the bounds was found for the seeds {failed}"
            unreachable.append(_entry(dataset, k, {}, reason))
    return Plan(draws, unreachable)


def _entry(
    dataset: Dataset, k: int, types: dict[str, int], reason: str
) -> dict[str, Any]:
    return {"dataset": dataset.name, "k": k, "types": types, "reason": reason}


def describe(
    system: System,
    config: Config,
    recipe: Recipe | None,
    names: dict[str, list[str]],
) -> dict[str, Any]:
    """Settings of a system, as they are written into its cells.

    system (System): The system.
    config (Config): Config of `spacy train`.
    recipe (Recipe | None): Optimizer and steps of a head; None: the config's training.
    names (dict[str, list[str]]): Labels in plain words, for the concept start.
    RETURNS (dict[str, Any]): All that decides a cell besides encoder and data.
    """
    components = deepcopy(dict(config.interpolate()["components"]))
    # The encoder is known by its hash, wherever its folder lies
    components["transformer"]["model"]["name"] = None
    settings: dict[str, Any] = {
        "layer": system.layer,
        "start": system.start,
        **(
            recipe._asdict()
            if recipe
            else {"training": config.interpolate()["training"]}
        ),
        "code_sha256": head_code_sha256(config),
        "components": components,
        "whiten": uses_whitening(config),
        "zero_shot": system.zero_shot,
        "calibrated": system.calibrated,
    }
    if system.start == "concept":
        settings["label_names"] = names
    if system.layer == "best":
        settings["choice"] = {
            "sentences": MAX_SENTENCES,
            "k": list(KS),
            "draws": N_DRAWS,
        }
    return settings


def cell_key(
    settings: dict[str, Any],
    *,
    dataset: Dataset,
    encoder_sha256: str,
    k: int | str,
    seed: int,
    subset_sha256: str | None,
    set_sha256: str | None = None,
) -> str:
    """RETURNS (str): Hash of everything that decides a cell."""
    content = {
        "version": FIGURES_VERSION,
        "data": dataset.sha256,
        "encoder": encoder_sha256,
        "k": k,
        "seed": seed,
        "settings": settings,
        "subset": subset_sha256,
    }
    # Sets that are drawn now follow from the data: cells of before keep their keys
    return sha256_of(content | ({"set": set_sha256} if set_sha256 else {}))
