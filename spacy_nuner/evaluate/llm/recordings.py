"""Configs of LLMs, one for each data set, k and run, and the rows that each gives."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from spacy.util import load_config
from thinc.api import Config

from ...errors import Errors
from ...transport import TRANSPORT
from ..data import sha256_of

# Rows of the report, and the parser of replies that each adds to the config
NER_V3: dict[str, str | None] = {
    "llm_ner_v3": None,
    "llm_ner_v3_repaired": "spacy-nuner.NERv3Parser.v1",
}
UNIVERSAL = "spacy-nuner.UniversalNER.v1"
NAME = re.compile(
    r"(?P<dataset>.+?)\.(?P<k>kw?\d+)(?:\.seed(?P<seed>\d+))?\.cfg", re.ASCII
)
# Models whose replies lie in a file already
_FROM_FILE = ("spacy-nuner.Recorded.v1", "spacy-nuner.Kept.v1")


class Recording(NamedTuple):
    """One config: `<dataset>.kw<n>.cfg` or `<dataset>.k<n>.seed<s>.cfg`."""

    dataset: str
    k: int | str  # "kw8": words of each type in the prompt's examples; 8: k~2k set
    config: Path
    gold: Path | None  # the sentences that were asked, where not the whole test set
    seed: int = 0


def find_recordings(
    folder: Path, *, datasets: Sequence[str] = (), ks: Sequence[int] | None = None
) -> list[Recording]:
    """Find the configs of a folder.

    folder (Path): Folder with `<dataset>.kw<n>.cfg`, and `<dataset>.gold.jsonl` where
        only a part of the test set was asked.
    datasets (Sequence[str]): Only these data sets; all if empty.
    ks (Sequence[int] | None): Only these values of k or k_w; None: all.
    RETURNS (list[Recording]): The configs, by name.
    RAISES (FileNotFoundError): If there is none.
    """
    found = []
    for path in sorted(folder.glob("*.cfg")):
        match = NAME.fullmatch(path.name)
        if match is None:
            continue
        name, k = match["dataset"], match["k"]
        number = int(k.lstrip("kw"))
        if (datasets and name not in datasets) or (ks is not None and number not in ks):
            continue
        gold = folder / f"{name}.gold.jsonl"
        found.append(
            Recording(
                name,
                k if k.startswith("kw") else number,
                path,
                gold if gold.is_file() else None,
                int(match["seed"] or 0),
            )
        )
    if not found:
        what = "config '<dataset>.kw<n>.cfg' in"
        raise FileNotFoundError(Errors.N001.format(what=what, path=folder))
    return found


def list_systems(config: Config) -> dict[str, str | None]:
    """The rows that a config gives.

    config (Config): Of a pipeline with the component `llm`.
    RETURNS (dict[str, str | None]): Row of the report -> parser to put in, if any.
    """
    task = str(config["components"]["llm"]["task"]["@llm_tasks"])
    if task == "spacy.NER.v3":
        return dict(NER_V3)
    if task == UNIVERSAL:
        return {"universal_ner": None}
    return {"llm_" + re.sub(r"\W+", "_", task.lower()): None}


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


def keep_replies(config: Config, path: Path) -> bool:
    """Put a file between the config's model and who asks it.

    A model that reads recorded replies is left as it is. Replies are bought once: also
    for another parser, or after a stop.

    config (Config): From `load_recording`; is changed.
    path (Path): The file, `<config>.replies.jsonl`.
    RETURNS (bool): Whether the model asks a server.
    """
    llm = config["components"]["llm"]
    section = llm["model"]
    if section["@llm_models"] in _FROM_FILE:
        return False
    settings = {name: v for name, v in section.items() if name not in TRANSPORT}
    llm["model"] = {
        "@llm_models": "spacy-nuner.Kept.v1",
        "path": str(path),
        "settings": sha256_of(settings),
        "model": section,
    }
    return True


def list_files(config: Config) -> list[Path]:
    """Files that a config reads.

    config (Config): From `load_recording`.
    RETURNS (list[Path]): The files; those in which replies are to be kept left out.
    RAISES (FileNotFoundError): If one is missing.
    """
    paths = [
        Path(section["path"])
        for section in _sections(config["components"]["llm"])
        if isinstance(section.get("path"), str)
        and section.get("@llm_models") != "spacy-nuner.Kept.v1"
    ]
    for path in paths:
        if not path.is_file():
            raise FileNotFoundError(Errors.N001.format(what="file", path=path))
    return paths


def _sections(section: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield section
    for value in section.values():
        if isinstance(value, dict):
            yield from _sections(value)
