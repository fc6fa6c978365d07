import json
import shutil
import stat
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from thinc.api import Config
from transformers import AutoModel, AutoTokenizer

from spacy_nuner.hf import load_model
from spacy_nuner.pretrain.checkpoint import FILE_NAME, load_weights, read_header
from spacy_nuner.pretrain.export import compare, export_encoder
from spacy_nuner.pretrain.run import pretrain


@pytest.fixture(scope="module")
def checkpoint(
    tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path, corpus_folder: Path
) -> Path:
    from spacy_nuner.pretrain.settings import load_settings

    from .conftest import CONFIG

    output = tmp_path_factory.mktemp("run")
    overrides = {
        "paths.encoder": str(tiny_encoder),
        "paths.train": str(corpus_folder / "train"),
        "paths.dev": str(corpus_folder / "dev"),
        "pretrain.max_epochs": 2,
        "pretrain.model.dropout": 0.3,
        "system.n_threads": 1,
    }
    config: Config = load_settings(CONFIG, overrides)
    pretrain(config, output)
    return output / "best"


@pytest.fixture(scope="module")
def exported(tmp_path_factory: pytest.TempPathFactory, checkpoint: Path) -> Path:
    return export_encoder(
        checkpoint, tmp_path_factory.mktemp("encoders") / "tiny-nuner"
    ).path


@pytest.mark.parametrize(
    "tower,folder", [("text", "."), ("concept", "concept_encoder")]
)
def test_plain_transformers_load_the_weights(
    checkpoint: Path, exported: Path, tiny_encoder: Path, tower: str, folder: str
) -> None:
    model = AutoModel.from_pretrained(exported / folder, add_pooling_layer=False)
    expected = load_weights(checkpoint)[tower]
    for name, tensor in model.state_dict().items():
        assert torch.equal(tensor, expected[name]), name
    start = load_model(str(tiny_encoder)).state_dict()
    changed = {name for name in start if not torch.equal(start[name], expected[name])}
    assert changed
    # A setting of the training is not one of the encoder
    assert model.config.hidden_dropout_prob == 0.1
    tokenizer = AutoTokenizer.from_pretrained(exported / folder)
    original = AutoTokenizer.from_pretrained(tiny_encoder)
    assert (
        tokenizer("Kraków’s hall")["input_ids"]
        == (original("Kraków’s hall")["input_ids"])
    )


def test_nuner_json(checkpoint: Path, exported: Path) -> None:
    record = json.loads((exported / "nuner.json").read_text(encoding="utf8"))
    header = read_header(checkpoint)
    assert record["format"] == 1
    assert record["base"] == "tiny-roberta"
    assert (record["n_layers"], record["n_frozen_layers"]) == (2, 1)
    assert (record["temperature"], record["pooling"]) == (5.0, "cls")
    assert record["bias"] == header.bias
    assert record["corpus"]["n_sentences"] == 20
    assert record["settings"] == header.info.settings


def test_model_card(checkpoint: Path, exported: Path) -> None:
    card = (exported / "README.md").read_text(encoding="utf8")
    assert card.startswith("---\nlicense: other\n")
    assert "# tiny-nuner" in card
    assert "| n_sentences | 20 |" in card
    assert "(best checkpoint\nby `dev_mrr` on the dev part" in card
    assert "| pretrain.optimizer.learn_rate.initial_rate | 0.01 |" in card
    epochs = [line for line in card.splitlines() if line.startswith(("| 1 |", "| 2 |"))]
    assert 1 <= len(epochs) <= 2
    assert "{" not in card.replace("{0}", "")


def test_files_can_be_read_by_all(exported: Path) -> None:
    modes = {stat.S_IMODE(p.stat().st_mode) for p in exported.rglob("*") if p.is_file()}
    assert modes == {0o644}


def test_nothing_is_left_beside(exported: Path) -> None:
    assert [path.name for path in exported.parent.iterdir()] == ["tiny-nuner"]


def test_compare_sees_a_changed_weight(exported: Path, tmp_path: Path) -> None:
    model = AutoModel.from_pretrained(exported, add_pooling_layer=False)
    assert compare(model, exported) <= 1e-5
    changed = tmp_path / "changed"
    shutil.copytree(exported, changed)
    weights = load_file(changed / "model.safetensors")
    name = "encoder.layer.1.output.dense.weight"
    weights[name][0] += 1.0
    save_file(weights, changed / "model.safetensors", metadata={"format": "pt"})
    assert compare(model, changed) > 1e-3


def test_other_base_is_refused(
    checkpoint: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    shutil.copytree(tiny_encoder, other)
    weights = load_file(other / "model.safetensors")
    weights["embeddings.LayerNorm.bias"] += 1
    save_file(weights, other / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ValueError, match=r"N311.*other.*--base"):
        export_encoder(checkpoint, tmp_path / "out", base=str(other))
    assert not (tmp_path / "out").exists()


def test_base_without_tokenizer_is_refused(
    checkpoint: Path, tiny_encoder: Path, tmp_path: Path
) -> None:
    for name in ("config.json", "model.safetensors"):
        shutil.copy(tiny_encoder / name, tmp_path)
    with pytest.raises(ValueError, match=r"N303.*no tokenizer file"):
        export_encoder(checkpoint, tmp_path / "out", base=str(tmp_path))


def test_moved_base(checkpoint: Path, tiny_encoder: Path, tmp_path: Path) -> None:
    moved = tmp_path / "moved"
    shutil.copytree(tiny_encoder, moved)
    done = export_encoder(checkpoint, tmp_path / "out", base=str(moved))
    assert done.max_difference <= 1e-5
    assert done.step == read_header(checkpoint).progress.step


def test_folder_that_is_there(checkpoint: Path, tmp_path: Path) -> None:
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("mine", encoding="utf8")
    for overwrite in (False, True):
        with pytest.raises(ValueError, match=r"N312.*not an encoder folder"):
            export_encoder(checkpoint, foreign, overwrite=overwrite)
    ours = export_encoder(checkpoint, tmp_path / "ours").path
    with pytest.raises(ValueError, match=r"N312.*--overwrite"):
        export_encoder(checkpoint, ours)
    (ours / "README.md").unlink()
    export_encoder(checkpoint, ours, overwrite=True)
    assert (ours / "README.md").exists()


def test_missing_checkpoint(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="N001"):
        export_encoder(tmp_path, tmp_path / "out")


def test_cut_off_checkpoint(checkpoint: Path, tmp_path: Path) -> None:
    content = (checkpoint / FILE_NAME).read_bytes()
    (tmp_path / FILE_NAME).write_bytes(content[:-1000])
    with pytest.raises(ValueError, match="N309"):
        export_encoder(tmp_path, tmp_path / "out")
