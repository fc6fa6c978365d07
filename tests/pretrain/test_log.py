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


def test_cut_of_a_missing_log(tmp_path: Path) -> None:
    log = TrainLog(tmp_path / "log.jsonl")
    log.cut(0)
    assert log.read() == []
