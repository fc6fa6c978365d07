from pathlib import Path

from spacy_nuner.pretrain.log import TrainLog


def test_records_come_back_short(tmp_path: Path) -> None:
    log = TrainLog(tmp_path / "log.jsonl")
    assert log.read() == []
    log.write({"step": 1, "loss": 0.123456789})
    log.write({"step": 2, "loss": 1e-9})
    assert log.read() == [{"step": 1, "loss": 0.123457}, {"step": 2, "loss": 1e-9}]


def test_cut_forgets_later_steps_and_a_broken_line(tmp_path: Path) -> None:
    log = TrainLog(tmp_path / "log.jsonl")
    for step in (2, 4, 6):
        log.write({"step": step})
    with log.path.open("a", encoding="utf8") as file:
        file.write('{"step": 7, "lo')
    log.cut(4)
    assert log.path.read_text(encoding="utf8") == '{"step": 2}\n{"step": 4}\n'


def test_cut_forgets_dev_scores_that_are_still_to_come(tmp_path: Path) -> None:
    """The checkpoint of step 4 is older than the end of the epoch at step 4."""
    log = TrainLog(tmp_path / "log.jsonl")
    records = [
        {"step": 2, "epoch": 0, "dev_loss": 0.5},
        {"step": 4, "epoch": 1, "loss": 0.5},
        {"step": 4, "epoch": 1, "dev_loss": 0.25},
    ]
    for record in records:
        log.write(record)
    log.cut(4, epoch=2)
    assert log.read() == records
    log.cut(4, epoch=1)
    assert log.read() == records[:2]


def test_cut_of_a_missing_log(tmp_path: Path) -> None:
    log = TrainLog(tmp_path / "log.jsonl")
    log.cut(0)
    assert log.read() == []
