import json
import logging
from collections.abc import Callable
from importlib.util import find_spec
from pathlib import Path
from typing import IO, Any

import pytest
from spacy.language import Language
from spacy.util import registry

from spacy_nuner.pretrain.loggers import RunLogger, SetUpT, resolve_logger
from spacy_nuner.pretrain.run import pretrain
from spacy_nuner.pretrain.settings import load_settings

from .conftest import CONFIG
from .runs import read_log, stop_after

OURS = "spacy-nuner.TensorBoardLogger.v1"


@registry.loggers("test.FileLogger.v1")
def make_file_logger(path: str, fail_at: int = 0) -> SetUpT:
    """Writes what it is told into a file, and what it finds in the config first."""

    def set_up(
        nlp: Language, stdout: IO, stderr: IO
    ) -> tuple[Callable[[dict[str, Any] | None], None], Callable[[], None]]:
        def write(record: Any) -> None:
            with Path(path).open("a", encoding="utf8") as file:
                file.write(json.dumps(record) + "\n")

        def log_step(info: dict[str, Any] | None) -> None:
            if info is not None and info["step"] == fail_at:
                raise ConnectionError("the service is down")
            write(info)

        write(nlp.config.interpolate())
        return log_step, lambda: write("done")

    return set_up


def read_lines(path: Path) -> list[Any]:
    return [json.loads(line) for line in path.read_text("utf8").splitlines()]


def set_logger(tmp_path: Path, **arguments: object) -> dict[str, object]:
    path = tmp_path / "told.jsonl"
    block = {"@loggers": "test.FileLogger.v1", "path": str(path), **arguments}
    return {"pretrain.logger": block}


def test_logger_is_told_what_is_in_the_log(
    tmp_path: Path, overrides: dict[str, object]
) -> None:
    config = load_settings(CONFIG, overrides | set_logger(tmp_path))
    pretrain(config, tmp_path / "run")
    first, *told, last = read_lines(tmp_path / "told.jsonl")
    assert last == "done"
    # As a logger of spacy-loggers reads it
    assert first["pretrain"]["batch_size"] == 6
    assert first["paths"]["encoder"] == overrides["paths.encoder"]
    records = read_log(tmp_path / "run")
    assert [(t["step"], t["epoch"]) for t in told] == [
        (r["step"], r["epoch"]) for r in records
    ]
    score = None
    for info, record in zip(told, records, strict=True):
        losses = {"pretrain": record["loss"]} if "loss" in record else {}
        assert info["losses"] == pytest.approx(losses, rel=1e-5)
        others = {k: v for k, v in record.items() if k not in ("step", "epoch", "loss")}
        assert info["other_scores"] == pytest.approx(others, rel=1e-5)
        score = record.get("dev_mrr", score)
        assert info["score"] == (None if score is None else pytest.approx(score, 1e-5))
    assert [step for _, step in told[-1]["checkpoints"]] == [4, 8, 12]


def test_logger_decides_nothing(tmp_path: Path, overrides: dict[str, object]) -> None:
    """A run may go on with another one."""
    pretrain(load_settings(CONFIG, overrides), tmp_path, should_stop=stop_after(5))
    config = load_settings(CONFIG, overrides | set_logger(tmp_path))
    assert pretrain(config, tmp_path).status == "finished"
    told = read_lines(tmp_path / "told.jsonl")[1:-1]
    assert [info["step"] for info in told] == [6, 8, 8, 10, 12, 12]


def test_logger_that_fails_does_not_end_the_run(
    tmp_path: Path, overrides: dict[str, object], caplog: pytest.LogCaptureFixture
) -> None:
    config = load_settings(CONFIG, overrides | set_logger(tmp_path, fail_at=4))
    with caplog.at_level(logging.WARNING, logger="spacy_nuner"):
        assert pretrain(config, tmp_path / "run").status == "finished"
    (warning,) = [m for m in caplog.messages if "[W331]" in m]
    assert "'test.FileLogger.v1' failed in step 4" in warning
    assert "the service is down" in warning
    assert [t["step"] for t in read_lines(tmp_path / "told.jsonl")[1:-1]] == [2]
    assert len(read_log(tmp_path / "run")) == 9


def test_logger_ends_with_the_run(tmp_path: Path, overrides: dict[str, object]) -> None:
    def crash() -> bool:
        raise KeyboardInterrupt

    config = load_settings(CONFIG, overrides | set_logger(tmp_path))
    with pytest.raises(KeyboardInterrupt):
        pretrain(config, tmp_path / "run", should_stop=crash)
    assert read_lines(tmp_path / "told.jsonl")[1:] == ["done"]


def test_loggers_of_spacy_take_our_records(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """spacy-loggers comes with spaCy; this one of it needs no service."""
    block = {"@loggers": "spacy.LookupLogger.v1", "patterns": ["^other_scores.p_pos$"]}
    set_up = resolve_logger(block)
    assert set_up is not None
    logger = RunLogger(block["@loggers"], set_up, {"pretrain": {}}, best_by="dev_mrr")
    logger.write({"step": 2, "epoch": 0, "loss": 0.5, "p_pos": 0.25})
    logger.close()
    assert capsys.readouterr().out == "other_scores.p_pos -> 0.25\n"


@pytest.mark.parametrize(
    "package,block",
    [
        ("wandb", {"@loggers": "spacy.WandbLogger.v5", "project_name": "x"}),
        ("mlflow", {"@loggers": "spacy.MLflowLogger.v2"}),
        (
            "clearml",
            {
                "@loggers": "spacy.ClearMLLogger.v2",
                "project_name": "x",
                "task_name": "y",
            },
        ),
        ("tensorboard", {"@loggers": OURS, "log_dir": "x"}),
    ],
)
def test_missing_package(
    tmp_path: Path, overrides: dict[str, object], package: str, block: dict[str, str]
) -> None:
    if find_spec(package):
        pytest.skip(f"{package} is installed")
    config = load_settings(CONFIG, overrides | {"pretrain.logger": block})
    message = rf"N335.*{block['@loggers']}.*{package}.*pip install"
    with pytest.raises(ValueError, match=message):
        pretrain(config, tmp_path)
    # Said before the long work
    assert not (tmp_path / "frozen").exists()


def test_logger_that_cannot_start(tmp_path: Path, overrides: dict[str, object]) -> None:
    """spaCy's own reads what a pipeline's config has and ours has not."""
    block = {"@loggers": "spacy.ConsoleLogger.v3"}
    config = load_settings(CONFIG, overrides | {"pretrain.logger": block})
    with pytest.raises(ValueError, match=r"N336.*ConsoleLogger.v3.*max_steps"):
        pretrain(config, tmp_path)


def test_unknown_logger() -> None:
    with pytest.raises(ValueError, match=r"(?s)NoLogger.*spacy-nuner\.TensorBoard"):
        resolve_logger({"@loggers": "spacy.NoLogger.v1"})


def test_no_logger() -> None:
    assert resolve_logger(None) is None


def test_tensorboard(tmp_path: Path, overrides: dict[str, object]) -> None:
    pytest.importorskip("tensorboard")
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    block = {"@loggers": OURS, "log_dir": str(tmp_path / "board")}
    often = {"pretrain.logger": block, "pretrain.checkpoint_every": 5}
    config = load_settings(CONFIG, overrides | often)

    def crash() -> bool:
        if next(steps) == 7:
            raise KeyboardInterrupt
        return False

    steps = iter(range(1, 100))
    with pytest.raises(KeyboardInterrupt):
        pretrain(config, tmp_path / "run", should_stop=crash)
    # It goes on after step 5: what was told of step 6 is told again
    pretrain(config, tmp_path / "run")
    events = EventAccumulator(str(tmp_path / "board")).Reload()
    records = read_log(tmp_path / "run")
    for tag, key in (
        ("loss_pretrain", "loss"),
        ("p_pos", "p_pos"),
        ("sentences_per_second", "sentences_per_second"),
        ("dev_mrr", "dev_mrr"),
    ):
        found = [(event.step, event.value) for event in events.Scalars(tag)]
        expected = [(r["step"], r[key]) for r in records if key in r]
        assert [step for step, _ in found] == [step for step, _ in expected]
        assert [value for _, value in found] == pytest.approx(
            [value for _, value in expected], rel=1e-5
        )
