"""A damaged checkpoint costs the steps since the one before, and nothing else."""

import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from safetensors import safe_open
from safetensors.torch import save_file
from thinc.api import Config

from spacy_nuner.pretrain.checkpoint import FILE_NAME, PREVIOUS, read_header
from spacy_nuner.pretrain.recovery import DAMAGED, find_checkpoint
from spacy_nuner.pretrain.run import pretrain
from spacy_nuner.pretrain.safefile import find_damage
from spacy_nuner.pretrain.settings import load_settings

from .conftest import CONFIG
from .runs import assert_same_run, stop_after

Spoil = Callable[[bytes], bytes]


def cut_in_half(content: bytes) -> bytes:
    return content[: len(content) // 2]


def cut_in_header(content: bytes) -> bytes:
    return content[:100]


def cut_last_byte(content: bytes) -> bytes:
    return content[:-1]


def empty(content: bytes) -> bytes:
    return b""


def write_garbage_header(content: bytes) -> bytes:
    return b"\x07" * 64 + content[64:]


def change_one_byte(content: bytes) -> bytes:
    """Of the tensors: as a bad disk does. The length is right, the header whole."""
    at = len(content) - 1000
    return content[:at] + bytes([content[at] ^ 1]) + content[at + 1 :]


def change_settings(content: bytes) -> bytes:
    return content.replace(b"batch_size", b"batch_sise", 1)


DAMAGES = [
    cut_in_half,
    cut_in_header,
    cut_last_byte,
    empty,
    write_garbage_header,
    change_one_byte,
    change_settings,
]


@pytest.fixture(scope="module")
def stopped(
    tmp_path_factory: pytest.TempPathFactory, tiny_encoder: Path, corpus_folder: Path
) -> Path:
    """A run stopped after step 7; its checkpoint before is of step 5."""
    output = tmp_path_factory.mktemp("stopped")
    overrides = {
        "paths.encoder": str(tiny_encoder),
        "paths.train": str(corpus_folder / "train"),
        "paths.dev": str(corpus_folder / "dev"),
        "pretrain.max_epochs": 3,
        "system.n_threads": 1,
    }
    pretrain(load_settings(CONFIG, overrides), output, should_stop=stop_after(7))
    return output


@pytest.fixture
def run(tmp_path: Path, stopped: Path) -> Path:
    return Path(shutil.copytree(stopped, tmp_path / "run"))


def spoil_file(path: Path, spoil: Spoil) -> None:
    content = path.read_bytes()
    spoilt = spoil(content)
    assert spoilt != content
    path.write_bytes(spoilt)


def test_the_one_before_is_kept(run: Path) -> None:
    assert read_header(run / "last" / FILE_NAME).progress.step == 7
    assert read_header(run / "last" / PREVIOUS).progress.step == 5
    assert {path.name for path in (run / "last").iterdir()} == {FILE_NAME, PREVIOUS}
    # Of the best one, the weights alone are kept, once
    assert [path.name for path in (run / "best").iterdir()] == [FILE_NAME]


@pytest.mark.parametrize("spoil", DAMAGES)
def test_the_one_before_is_used(
    run: Path,
    config: Config,
    straight: Path,
    caplog: pytest.LogCaptureFixture,
    spoil: Spoil,
) -> None:
    newest = run / "last" / FILE_NAME
    spoil_file(newest, spoil)
    damaged = newest.read_bytes()
    with caplog.at_level(logging.WARNING, logger="spacy_nuner"):
        assert pretrain(config, run).status == "finished"
    (warning,) = [m for m in caplog.messages if "[W330]" in m]
    assert str(newest) in warning
    assert f"'{run / 'last' / PREVIOUS}' (step 5)" in warning
    assert (run / "last" / DAMAGED).read_bytes() == damaged
    assert_same_run(run, straight)


def test_the_damaged_one_does_not_become_the_one_before(
    run: Path, config: Config
) -> None:
    """Else the next checkpoint would leave one whole file, and a kill then none."""
    spoil_file(run / "last" / FILE_NAME, cut_in_half)
    pretrain(config, run, should_stop=stop_after(1))
    steps = [read_header(run / "last" / n).progress.step for n in (FILE_NAME, PREVIOUS)]
    assert steps == [6, 5]
    assert all(
        find_damage(run / "last" / name) is None for name in (FILE_NAME, PREVIOUS)
    )


@pytest.mark.parametrize("spoil", [cut_in_half, change_one_byte])
def test_both_damaged(run: Path, config: Config, spoil: Spoil) -> None:
    for name in (FILE_NAME, PREVIOUS):
        spoil_file(run / "last" / name, spoil)
    message = rf"N309.*last/{FILE_NAME}'.*last/{PREVIOUS}'.*--restart"
    with pytest.raises(ValueError, match=message):
        pretrain(config, run)
    # Nothing is moved or deleted
    assert {path.name for path in (run / "last").iterdir()} == {FILE_NAME, PREVIOUS}
    assert pretrain(config, run, restart=True).status == "finished"


def test_the_only_one_is_damaged(run: Path, config: Config) -> None:
    (run / "last" / PREVIOUS).unlink()
    spoil_file(run / "last" / FILE_NAME, cut_in_half)
    with pytest.raises(ValueError, match=rf"N309.*last/{FILE_NAME}'"):
        pretrain(config, run)


def test_killed_between_the_two_renames(
    run: Path, config: Config, straight: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Then the newest has the name of the one before, and there is no other."""
    folder = run / "last"
    content = (folder / FILE_NAME).read_bytes()
    (folder / FILE_NAME).replace(folder / PREVIOUS)
    (folder / f"{FILE_NAME}.tmp").write_bytes(content)
    with caplog.at_level(logging.INFO, logger="spacy_nuner"):
        assert pretrain(config, run).status == "finished"
    assert "Goes on after step 7 of 12" in caplog.text
    assert "W330" not in caplog.text
    assert_same_run(run, straight)
    assert {path.name for path in folder.iterdir()} == {FILE_NAME, PREVIOUS}


@pytest.mark.parametrize("metadata", [None, {"header": '{"format": 99}'}])
def test_a_whole_file_of_another_kind_is_no_damage(
    run: Path, config: Config, metadata: dict[str, str] | None
) -> None:
    """It may be that of a newer version: nothing is done behind the user's back."""
    path = run / "last" / FILE_NAME
    save_file({"a": torch.zeros(1)}, path, metadata=metadata)
    with pytest.raises(ValueError, match=rf"N309.*last/{FILE_NAME}"):
        pretrain(config, run)
    assert path.exists()


def test_an_older_format_is_named(run: Path) -> None:
    path = run / "last" / FILE_NAME
    with safe_open(str(path), framework="pt") as file:
        header = json.loads(file.metadata()["header"])
    header["format"] = 1
    metadata = {"header": json.dumps(header)}
    save_file({"a": torch.zeros(1)}, path, metadata=metadata)
    with pytest.raises(ValueError, match="format 1, known is 2"):
        read_header(path)


def test_nothing_there(tmp_path: Path) -> None:
    assert find_checkpoint(tmp_path) is None
    assert find_checkpoint(tmp_path / "no folder") is None
