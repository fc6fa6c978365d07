import shutil
from pathlib import Path
from typing import Any

import pytest
import spacy
import srsly
from spacy.tokens import Doc, DocBin, Span
from typer import Typer
from typer.testing import CliRunner

from spacy_nuner.cli.teach import teach as teach_command
from spacy_nuner.component.concept_map import read_concept_map
from spacy_nuner.component.teach import read_entities, read_settings, teach

from .conftest import TEXTS, read_ents

CONFIG = Path(__file__).parents[2] / "configs" / "tiny" / "en_nuner.cfg"
CONCEPTS = {"PER": "person", "CITY": "capital city"}
MAP = """
PER: {name: person, proper: true, concepts: [person]}
CITY: {name: city, endings: [city]}
"-": {name: unclear, concepts: [team, ghost city]}
"""


@pytest.fixture
def concept_map(tmp_path: Path) -> Path:
    path = tmp_path / "map.yml"
    path.write_text(MAP)
    return path


@pytest.fixture
def concepts_dir(tmp_path: Path) -> Path:
    """The hand-made examples as a corpus of concepts, in two shards."""
    nlp = spacy.blank("en")
    docs = []
    for text, ents in TEXTS:
        doc = nlp.make_doc(text)
        doc.spans["concepts"] = [
            doc.char_span(start, end, label=CONCEPTS[label])
            for start, end, label in ents
        ]
        doc.user_data["id"] = text
        docs.append(doc)
    path = tmp_path / "concepts"
    for part in ("train", "dev"):
        (path / part).mkdir(parents=True)
        for i in range(2):
            shard = DocBin(docs=docs[2 * i : 2 * i + 2], store_user_data=True)
            shard.to_disk(path / part / f"{i:05}.spacy")
    return path


@pytest.fixture
def overrides(concept_map: Path) -> dict[str, Any]:
    return {
        "paths.labels": str(concept_map),
        "teach.n_epochs": 80,
        "teach.optimizer.learn_rate": 0.05,
        "components.nuner.none_bias": 1.0,
    }


@pytest.mark.parametrize("start", ["concept", "random"])
def test_teach(
    concepts_dir: Path,
    encoder_folder: Path,
    overrides: dict[str, Any],
    tmp_path: Path,
    start: str,
) -> None:
    output, encoder = tmp_path / "out" / "pipeline", tmp_path / "encoder"
    shutil.copytree(encoder_folder, encoder)
    changed = {**overrides, "teach.start": start}
    metrics = teach(CONFIG, concepts_dir, encoder, output, overrides=changed)
    assert metrics["ents_f"] == 1.0 and metrics["n_train_sentences"] == 4
    assert metrics["labels"]["CITY"]["n_train"] == 4
    assert srsly.read_json(output / "metrics.json") == metrics
    shutil.rmtree(encoder)
    nlp = spacy.load(output)
    assert nlp.meta["license"] == "MIT" and nlp.meta["sources"]
    assert read_ents(nlp(TEXTS[0][0])) == [
        ("Maria", "PER"),
        ("Bob", "PER"),
        ("Paris", "CITY"),
    ]


def test_older_pipeline_is_replaced(
    concepts_dir: Path,
    encoder_folder: Path,
    overrides: dict[str, Any],
    tmp_path: Path,
) -> None:
    output = tmp_path / "pipeline"
    output.mkdir()
    (output / "old.txt").write_text("old")
    changed = {**overrides, "teach.n_epochs": 1}
    teach(CONFIG, concepts_dir, encoder_folder, output, overrides=changed)
    assert not (output / "old.txt").exists() and (output / "config.cfg").is_file()
    assert not list(tmp_path.glob("*.tmp"))


def make_concept_doc(words: list[str], spans: list[tuple[int, int, str]]) -> Doc:
    doc = Doc(spacy.blank("en").vocab, words=words)
    doc.spans["concepts"] = [Span(doc, a, b, label=label) for a, b, label in spans]
    return doc


@pytest.mark.parametrize(
    "words,spans,expected",
    [
        ("Ada lives here", [(0, 1, "person")], ["PER", "O", "O"]),
        ("she lives here", [(0, 1, "person")], ["O", "O", "O"]),
        ("Trap shooters win", [(0, 2, "person")], ["?", "?", "O"]),
        ("Ada Town", [(0, 1, "person"), (0, 2, "old city")], ["CITY", "CITY"]),
        ("Ada Town", [(0, 1, "person"), (0, 2, "novel")], ["PER", "O"]),
        ("Norway wins", [(0, 1, "team")], ["?", "O"]),
        ("Pripyat", [(0, 1, "ghost city")], ["?"]),
        ("Oslo team", [(0, 1, "city"), (0, 2, "team")], ["CITY", "?"]),
        ("Ada shooters", [(0, 1, "person"), (0, 2, "person")], ["PER", "?"]),
    ],
)
def test_gold(
    concept_map: Path,
    tmp_path: Path,
    words: str,
    spans: list[tuple[int, int, str]],
    expected: list[str],
) -> None:
    """Longest mention wins; what may be a name or not is missing annotation."""
    folder = tmp_path / "part"
    folder.mkdir()
    DocBin(docs=[make_concept_doc(words.split(), spans)]).to_disk(folder / "0.spacy")
    (doc,) = read_entities(
        folder, read_concept_map(concept_map), spacy.blank("en").vocab
    )
    tags = [t.ent_type_ or ("O" if t.ent_iob_ == "O" else "?") for t in doc]
    assert tags == expected and not doc.spans


@pytest.mark.parametrize(
    "change,match",
    [
        ({"teach.n_epoch": 3}, r"\[N420\].*n_epoch"),
        ({"paths.labels": "gone.yml"}, r"\[N001\].*gone.yml"),
    ],
)
def test_bad_config(
    concepts_dir: Path,
    encoder_folder: Path,
    overrides: dict[str, Any],
    tmp_path: Path,
    change: dict[str, Any],
    match: str,
) -> None:
    with pytest.raises(ValueError, match=match):
        teach(
            CONFIG,
            concepts_dir,
            encoder_folder,
            tmp_path / "out",
            overrides={**overrides, **change},
        )


def test_missing_section() -> None:
    with pytest.raises(ValueError, match=r"\[N420\] a.cfg: .*optimizer"):
        read_settings({}, Path("a.cfg"))


def test_label_that_never_occurs(
    concepts_dir: Path,
    encoder_folder: Path,
    overrides: dict[str, Any],
    concept_map: Path,
    tmp_path: Path,
) -> None:
    concept_map.write_text(MAP + "RIVER: {name: river, concepts: [river]}")
    with pytest.raises(ValueError, match=r"\[N421\].*RIVER"):
        teach(
            CONFIG, concepts_dir, encoder_folder, tmp_path / "out", overrides=overrides
        )


@pytest.mark.parametrize("missing", ["config", "corpus", "encoder"])
def test_missing_input(
    concepts_dir: Path,
    encoder_folder: Path,
    overrides: dict[str, Any],
    tmp_path: Path,
    missing: str,
) -> None:
    gone = tmp_path / "gone"
    with pytest.raises(ValueError, match=r"\[N001\].*gone"):
        teach(
            gone if missing == "config" else CONFIG,
            gone if missing == "corpus" else concepts_dir,
            gone if missing == "encoder" else encoder_folder,
            tmp_path / "out",
            overrides=overrides,
        )


def test_command(
    concepts_dir: Path,
    encoder_folder: Path,
    overrides: dict[str, Any],
    tmp_path: Path,
) -> None:
    app = Typer()
    settings = {"allow_extra_args": True, "ignore_unknown_options": True}
    app.command(context_settings=settings)(teach_command)
    arguments = [str(p) for p in (CONFIG, concepts_dir, encoder_folder)]
    options = [t for key, value in overrides.items() for t in (f"--{key}", str(value))]
    output = tmp_path / "out"
    result = CliRunner().invoke(app, [*arguments, str(output), *options])
    assert result.exit_code == 0, result.output
    assert "CITY" in result.output and (output / "metrics.json").is_file()
    arguments[1] = str(tmp_path / "gone")
    result = CliRunner().invoke(app, [*arguments, str(output), *options])
    assert result.exit_code == 1 and "N001" in result.output
