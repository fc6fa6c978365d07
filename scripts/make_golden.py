"""Make the tiny pipeline that the tests of all later versions load."""

import json
import random
import shutil
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import spacy
import srsly
import torch
import typer
from spacy.language import Language
from spacy.tokens import Doc
from spacy.training import Example
from thinc.api import Adam
from wasabi import msg

from spacy_nuner import __version__
from spacy_nuner.pretrain.tiny import build_tiny_encoder

SEED = 0
N_STEPS = 60
# Entities by template: {CITY}, {PER} and {ORG} are filled in
TEMPLATES = (
    "{PER} met {PER} in {CITY} .",
    "{CITY} is far from {CITY} .",
    "{PER} of {ORG} lives in {CITY} .",
    "{ORG} has hired {PER} .",
    "Nothing happened there .",
    "The fair in {CITY} was held by {ORG} .",
)
NAMES = {
    "PER": ("Maria", "Bob", "Ada Lovelace", "Zo\u0308e"),
    "CITY": ("Paris", "Rome", "Oslo", "New York"),
    "ORG": ("Acme Ltd", "Globex", "Initech"),
}
ODD_TEXTS = (
    "",
    "   ",
    "😀 Maria met Bob in Paris .",
    "Ada\u00a0Lovelace of Globex lives in Oslo .",
    "Zo\u0308e\u200b met Bob in  New York .\n",
    "x" * 200 + " is far from Rome .",
)


def main(
    folder: Path = typer.Option(Path("tests/golden"), help="Folder to write into."),
    overwrite: bool = typer.Option(
        False, help="Replace that of this version: only before it is released."
    ),
) -> None:
    """Train a pipeline of toy size and store it with what it finds in some texts.

    A released version's files are never made again: what they are for is to show that
    later versions still load them and find the same.
    """
    major, minor = __version__.split(".")[:2]
    path = folder / f"pipeline_v{major}_{minor}"
    if path.exists() and not overwrite:
        msg.fail(
            f"'{path}' is there already.",
            "If this version was released, leave it. If not, use --overwrite.",
            exits=1,
        )
    nlp = build_pipeline()
    shutil.rmtree(path, ignore_errors=True)
    folder.mkdir(parents=True, exist_ok=True)
    nlp.to_disk(path)
    strip(path)
    texts = [*make_texts(random.Random(SEED)), *ODD_TEXTS]
    long = " ".join(text for text in texts[:12] if text)
    found = [describe(doc) for doc in spacy.load(path).pipe([*texts, long])]
    srsly.write_json(path.with_suffix(".json"), {"docs": found})
    n_bytes = sum(file.stat().st_size for file in path.rglob("*") if file.is_file())
    n_ents = sum(len(doc["ents"]) for doc in found)
    msg.good(f"{path}: {n_bytes // 1024} KiB; {n_ents} entities in {len(found)} texts.")


def fill(template: str, rng: random.Random) -> tuple[str, list[tuple[int, int, str]]]:
    """RETURNS (tuple[str, list[tuple[int, int, str]]]): A text and its entities."""
    words: list[str] = []
    ents: list[tuple[int, int, str]] = []
    for word in template.split():
        label = word.strip("{}")
        if label in NAMES:
            start = sum(len(before) + 1 for before in words)
            word = rng.choice(NAMES[label])
            ents.append((start, start + len(word), label))
        words.append(word)
    return " ".join(words), ents


def make_texts(rng: random.Random) -> list[str]:
    """RETURNS (list[str]): Two texts of each template."""
    return [fill(template, rng)[0] for template in TEMPLATES for _ in range(2)]


def build_pipeline() -> Language:
    """Train on the templates with a random encoder that is frozen."""
    rng = random.Random(SEED + 1)
    np.random.seed(SEED)
    torch.manual_seed(SEED)
    pairs = [fill(template, rng) for template in TEMPLATES for _ in range(6)]
    nlp = spacy.blank("en")
    with TemporaryDirectory() as folder:
        path = build_tiny_encoder(Path(folder) / "tiny", [text for text, _ in pairs])
        model = {
            "@architectures": "spacy-nuner.TransformerModel.v1",
            "name": str(path),
            "layers": [1, 2],
            "window": 48,
            "stride": 36,
        }
        nlp.add_pipe("transformer", config={"model": model})
        nlp.add_pipe("nuner", config={"pull": 0.0})
        nlp.initialize(lambda: make_examples(nlp, pairs))
    nlp.config["components"]["transformer"]["model"]["name"] = "tiny"
    sgd = Adam(0.05, L2=0.0, grad_clip=0.0, use_averages=False)
    names = ["transformer"]
    for _ in range(N_STEPS):
        nlp.update(make_examples(nlp, pairs), sgd=sgd, exclude=names, annotates=names)
    return nlp


def make_examples(nlp: Language, pairs: list[tuple[str, Any]]) -> list[Example]:
    """RETURNS (list[Example]): One per text."""
    return [
        Example.from_dict(nlp.make_doc(text), {"entities": ents})
        for text, ents in pairs
    ]


def strip(path: Path) -> None:
    """Leave out what the pipeline does not need, and what would make it warn.

    path (Path): Folder of the pipeline.
    """
    for name in ("lookups.bin", "vectors", "vectors.cfg", "key2row"):
        (path / "vocab" / name).unlink(missing_ok=True)
    meta: dict[str, Any] = json.loads((path / "meta.json").read_text(encoding="utf8"))
    # That of now ends with the next minor version of spaCy
    meta["spacy_version"] = ">=3.8.0,<4.0.0"
    srsly.write_json(path / "meta.json", meta)


def describe(doc: Doc) -> dict[str, Any]:
    """RETURNS (dict[str, Any]): A text and its entities with their confidences."""
    group = doc.spans["nuner"]
    scores = group.attrs["scores"]
    return {
        "text": doc.text,
        "ents": [
            [span.start_char, span.end_char, span.label_, round(float(score), 5)]
            for span, score in zip(group, scores, strict=True)
        ],
    }


if __name__ == "__main__":
    typer.run(main)
