import json
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy
import pytest
import torch
from safetensors.torch import load_file
from thinc.api import Config
from thinc.compat import has_gpu
from torch import nn
from torch.nn.modules.module import register_module_forward_pre_hook
from transformers.models.roberta.modeling_roberta import RobertaLayer

from spacy_nuner.hf import load_model, load_tokenizer
from spacy_nuner.pretrain.checkpoint import FILE_NAME, read_header
from spacy_nuner.pretrain.run import Outcome, pretrain
from spacy_nuner.pretrain.settings import load_settings

from .conftest import CONFIG
from .runs import TOTAL, assert_same_run, read_log, stop_after


@pytest.mark.parametrize("n_steps", [1, 4, 6, 11])
def test_stopped_and_straight_run_are_the_same(
    tmp_path: Path, config: Config, straight: Path, n_steps: int
) -> None:
    stopped = pretrain(config, tmp_path, should_stop=stop_after(n_steps))
    assert stopped == Outcome("stopped", n_steps, TOTAL)
    # Whatever happens between the two runs must not matter
    torch.manual_seed(123), numpy.random.seed(123)
    assert pretrain(config, tmp_path) == Outcome("finished", TOTAL, TOTAL)
    assert_same_run(tmp_path, straight)


def test_crashed_and_straight_run_are_the_same(
    tmp_path: Path, config: Config, straight: Path
) -> None:
    def crash() -> bool:
        if (tmp_path / "last").exists() and next(steps) == 2:
            raise KeyboardInterrupt
        return False

    steps = iter(range(100))
    with pytest.raises(KeyboardInterrupt):
        pretrain(config, tmp_path, should_stop=crash)
    reached = read_header(tmp_path / "last").progress.step
    logged = max(record["step"] for record in read_log(tmp_path))
    assert 0 < reached <= logged < TOTAL
    assert pretrain(config, tmp_path).status == "finished"
    assert_same_run(tmp_path, straight)


def test_killed_between_dev_scores_and_checkpoint(
    tmp_path: Path, overrides: dict[str, object], straight: Path
) -> None:
    """The epoch's line is in the log and the checkpoint before it: not logged twice."""
    config = load_settings(CONFIG, overrides | {"pretrain.checkpoint_every": 4})
    pretrain(config, tmp_path, should_stop=stop_after(4))
    assert [r["step"] for r in read_log(tmp_path)] == [2, 4]
    with (tmp_path / "log.jsonl").open("a", encoding="utf8") as file:
        file.write('{"step": 4, "epoch": 0, "dev_loss": 0.5}\n')
    pretrain(config, tmp_path)
    assert_same_run(tmp_path, straight)


def test_log(straight: Path) -> None:
    records = read_log(straight)
    epochs = [record for record in records if "dev_loss" in record]
    steps = [record for record in records if "loss" in record]
    assert [(r["epoch"], r["step"]) for r in epochs] == [(0, 4), (1, 8), (2, 12)]
    assert [record["step"] for record in steps] == [2, 4, 6, 8, 10, 12]
    assert steps[0].keys() == {
        "step",
        "epoch",
        "loss",
        "p_pos",
        "p_neg",
        "lr",
        "sentences_per_second",
    }
    for record in epochs:
        assert 0 < record["dev_p_neg"] < 0.5
        assert 0 < record["dev_p_pos"] < 0.5
        assert 0 <= record["dev_first"] <= 1
    assert epochs[-1]["dev_loss"] < epochs[0]["dev_loss"]


@pytest.mark.parametrize(
    "best_by,choose", [("dev_mrr", max), ("dev_first", max), ("dev_loss", min)]
)
def test_best_checkpoint(
    tmp_path: Path,
    overrides: dict[str, object],
    best_by: str,
    choose: Callable[..., dict[str, float]],
) -> None:
    config = load_settings(CONFIG, overrides | {"pretrain.best_by": best_by})
    pretrain(config, tmp_path)
    epochs = [r for r in read_log(tmp_path) if "dev_loss" in r]
    # The first of equal ones
    best = choose(epochs, key=lambda record: record[best_by])
    progress = read_header(tmp_path / "best").progress
    assert progress.step == best["step"]
    assert progress.best_score == pytest.approx(best[best_by], rel=1e-4)


def test_ends_without_gain(tmp_path: Path, overrides: dict[str, object]) -> None:
    """At a rate of 0 nothing changes: the first epoch stays the best."""
    config = load_settings(
        CONFIG,
        overrides
        | {
            "pretrain.max_epochs": 9,
            "pretrain.patience": 2,
            "pretrain.optimizer.learn_rate.initial_rate": 0.0,
        },
    )
    assert pretrain(config, tmp_path) == Outcome("no gain", 12, 36)
    progress = read_header(tmp_path / "last").progress
    assert (progress.epoch, progress.n_without_gain, progress.finished) == (3, 2, True)
    assert read_header(tmp_path / "best").progress.step == 4
    assert pretrain(config, tmp_path) == Outcome("nothing to do", 12, 36)


def test_patience_outlives_a_stop(tmp_path: Path, overrides: dict[str, object]) -> None:
    config = load_settings(
        CONFIG,
        overrides
        | {
            "pretrain.max_epochs": 9,
            "pretrain.patience": 2,
            "pretrain.optimizer.learn_rate.initial_rate": 0.0,
        },
    )
    assert pretrain(config, tmp_path, should_stop=stop_after(9)).status == "stopped"
    assert pretrain(config, tmp_path) == Outcome("no gain", 12, 36)


def test_frozen_weights_did_not_move(straight: Path, tiny_encoder: Path) -> None:
    trained = load_file(straight / "last" / FILE_NAME)
    for name, start in load_model(str(tiny_encoder)).state_dict().items():
        moved = not torch.equal(trained[f"text.model.{name}"], start)
        assert moved == ("layer.1" in name), name


def test_finished_run_does_nothing(
    config: Config, straight: Path, overrides: dict[str, object]
) -> None:
    before = {p: p.stat().st_mtime_ns for p in straight.rglob("*") if p.is_file()}
    assert pretrain(config, straight) == Outcome("nothing to do", TOTAL, TOTAL)
    # Settings that decide nothing may change
    changed = load_settings(CONFIG, overrides | {"pretrain.log_every": 5})
    assert pretrain(changed, straight).status == "nothing to do"
    after = {p: p.stat().st_mtime_ns for p in straight.rglob("*") if p.is_file()}
    assert before == after


@pytest.mark.parametrize(
    "key,value,message",
    [
        (
            "pretrain.model.temperature",
            4.0,
            r"pretrain.model.temperature: 5.0 in the checkpoint, 4.0 now",
        ),
        ("system.seed", 1, r"system.seed: 0 in the checkpoint, 1 now"),
        ("pretrain.max_length", 16, r"corpus.sha256: "),
    ],
)
def test_checkpoint_of_another_run_is_refused(
    straight: Path, overrides: dict[str, object], key: str, value: float, message: str
) -> None:
    config = load_settings(CONFIG, overrides | {key: value})
    with pytest.raises(ValueError, match=rf"N310.*last.*{message}.*--restart"):
        pretrain(config, straight)


def test_another_tokenizer_is_another_run(
    tmp_path: Path, tiny_encoder: Path, overrides: dict[str, object]
) -> None:
    encoder = tmp_path / "encoder"
    shutil.copytree(tiny_encoder, encoder)
    config = load_settings(CONFIG, overrides | {"paths.encoder": str(encoder)})
    pretrain(config, tmp_path / "run", should_stop=stop_after(2))
    tokenizer = load_tokenizer(str(encoder))
    # It makes the same of this corpus
    tokenizer.add_tokens(["Zyzzyva"])
    tokenizer.save_pretrained(encoder)
    message = r"N310.*pretrain.model.encoder: '\w+' in.*weights, configuration and tok"
    with pytest.raises(ValueError, match=message):
        pretrain(config, tmp_path / "run")


def test_restart(tmp_path: Path, overrides: dict[str, object]) -> None:
    config = load_settings(CONFIG, overrides | {"pretrain.max_epochs": 1})
    pretrain(config, tmp_path, should_stop=stop_after(2))
    changed = load_settings(
        CONFIG, overrides | {"pretrain.max_epochs": 1, "system.seed": 1}
    )
    assert pretrain(changed, tmp_path, restart=True) == Outcome("finished", 4, 4)
    assert read_header(tmp_path / "last").info.settings["system.seed"] == 1
    assert [record["step"] for record in read_log(tmp_path)] == [2, 4, 4]


@pytest.mark.parametrize(
    "key,value,code",
    [
        ("pretrain.model.n_frozen_layers", 99, "N305"),
        ("pretrain.loss.positive_weight", 0.0, "N314"),
        ("pretrain.model.temperature", 0.0, "N380"),
        ("pretrain.optimizer.weight_decay", -1.0, "N381"),
        ("pretrain.optimizer.learn_rate.initial_rate", -0.1, "N382"),
    ],
)
def test_a_restart_that_can_not_start_deletes_nothing(
    tmp_path: Path,
    config: Config,
    straight: Path,
    overrides: dict[str, object],
    key: str,
    value: float,
    code: str,
) -> None:
    run = Path(shutil.copytree(straight, tmp_path / "run"))
    (run / "bad_batch.json").write_text("{}", encoding="utf8")
    kept = ["bad_batch.json", "best", "last", "log.jsonl"]
    changed = load_settings(CONFIG, overrides | {key: value})
    with pytest.raises(ValueError, match=code):
        pretrain(changed, run, restart=True)
    assert set(kept) <= {path.name for path in run.iterdir()}
    assert_same_run(run, straight)
    assert pretrain(config, run).status == "nothing to do"


def test_each_start_says_what_it_ran_on(tmp_path: Path, config: Config) -> None:
    pretrain(config, tmp_path, should_stop=stop_after(2))
    pretrain(config, tmp_path)
    lines = (tmp_path / "runs.jsonl").read_text(encoding="utf8").splitlines()
    first, second = (json.loads(line) for line in lines)
    assert first["hardware"] == second["hardware"]
    assert first["hardware"]["device"] == "CPU"
    assert first["hardware"]["processes"] == 1
    assert min(first["seconds"], second["seconds"]) > 0
    pretrain(config, tmp_path, restart=True, should_stop=stop_after(1))
    assert len((tmp_path / "runs.jsonl").read_text().splitlines()) == 1


def test_a_restart_keeps_what_it_has_made_itself(
    tmp_path: Path, config: Config, straight: Path
) -> None:
    """The old run is deleted when the states of frozen layers are there already."""
    run = Path(shutil.copytree(straight, tmp_path / "run"))
    stopped = pretrain(config, run, restart=True, should_stop=stop_after(2))
    assert stopped == Outcome("stopped", 2, TOTAL)
    assert [r["step"] for r in read_log(run)] == [2]
    assert [path.name for path in (run / "last").iterdir()] == [FILE_NAME]
    assert not (run / "best").exists()
    assert list((run / "frozen").glob("*.bin"))
    assert pretrain(config, run).status == "finished"
    assert_same_run(run, straight)


FROZEN = {
    "pretrain.model.n_frozen_layers": 2,
    "pretrain.model.n_frozen_concept_layers": 2,
    "pretrain.model.freeze_concept_embeddings": True,
    "pretrain.max_steps": 2,
    "pretrain.warmup_share": 0.0,
}


def test_only_the_bias_is_trained(tmp_path: Path, overrides: dict[str, object]) -> None:
    config = load_settings(CONFIG, overrides | FROZEN)
    assert pretrain(config, tmp_path) == Outcome("finished", 2, 2)
    header = read_header(tmp_path / "last")
    assert header.bias != -5.0
    assert set(header.n_updates) == {"bias"}


def test_nothing_is_trained(tmp_path: Path, overrides: dict[str, object]) -> None:
    config = load_settings(
        CONFIG, overrides | FROZEN | {"pretrain.model.learn_bias": False}
    )
    with pytest.raises(ValueError, match=r"N385.*learn_bias"):
        pretrain(config, tmp_path)


@pytest.mark.skipif(has_gpu, reason="is about a machine without a GPU")
def test_no_gpu(tmp_path: Path, overrides: dict[str, object]) -> None:
    config = load_settings(CONFIG, overrides | {"system.gpu_id": 0})
    with pytest.raises(ValueError, match=r"N384.*GPU 0.*--system.gpu_id -1"):
        pretrain(config, tmp_path)


def test_no_memory_for_the_dev_part(
    tmp_path: Path, overrides: dict[str, object], straight: Path
) -> None:
    """The epoch's steps are kept, and the run ends as if nothing had happened."""
    config = load_settings(CONFIG, overrides | {"pretrain.checkpoint_every": 0})
    steps: list[int] = []

    def refuse(module: nn.Module, args: tuple) -> None:
        if len(steps) == 4 and isinstance(module, RobertaLayer) and not module.training:
            torch.empty(2**60, dtype=torch.uint8)

    with register_module_forward_pre_hook(refuse):
        message = r"N387.*concepts.*one at a time.*can't allocate memory"
        with pytest.raises(MemoryError, match=message):
            pretrain(config, tmp_path, should_stop=lambda: steps.append(0) is not None)
    progress = read_header(tmp_path / "last").progress
    assert (progress.step, progress.epoch, progress.position) == (4, 0, 4)
    assert not (tmp_path / "best").exists()
    assert pretrain(config, tmp_path).status == "finished"
    assert_same_run(tmp_path, straight)


def test_bias_from_log_odds(tmp_path: Path, overrides: dict[str, object]) -> None:
    config = load_settings(
        CONFIG,
        overrides
        | {
            "pretrain.model.bias": "log_odds",
            "pretrain.max_steps": 1,
            "pretrain.optimizer.learn_rate.initial_rate": 0.0,
        },
    )
    assert pretrain(config, tmp_path) == Outcome("finished", 1, 1)
    # 6 sentences with some 40 concepts: one cell in fifty to hundred is positive
    assert -5 < read_header(tmp_path / "best").bias < -3


def test_missing_corpus(tmp_path: Path, overrides: dict[str, object]) -> None:
    config = load_settings(CONFIG, overrides | {"paths.train": str(tmp_path / "no")})
    with pytest.raises(FileNotFoundError, match="N001"):
        pretrain(config, tmp_path / "out")


def test_encoder_without_tokenizer(
    tmp_path: Path, tiny_encoder: Path, overrides: dict[str, object]
) -> None:
    for name in ("config.json", "model.safetensors"):
        (tmp_path / name).write_bytes((tiny_encoder / name).read_bytes())
    config = load_settings(CONFIG, overrides | {"paths.encoder": str(tmp_path)})
    with pytest.raises(ValueError, match="N303"):
        pretrain(config, tmp_path / "out")
