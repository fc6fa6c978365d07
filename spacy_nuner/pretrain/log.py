"""The training log: one JSON object per line, cut back when a run goes on."""

import json
from pathlib import Path
from typing import Any

from .safefile import replace_file


class TrainLog:
    """`log.jsonl`: a record every few steps and one per epoch."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, record: dict[str, Any]) -> None:
        """Append a record.

        record (dict[str, Any]): The record; floats are shortened to six digits.
        """
        short = {
            key: float(f"{value:.6g}") if isinstance(value, float) else value
            for key, value in record.items()
        }
        with self.path.open("a", encoding="utf8") as file:
            file.write(json.dumps(short) + "\n")

    def read(self) -> list[dict[str, Any]]:
        """Read the records. A last line that a crash left unfinished is skipped.

        RETURNS (list[dict[str, Any]]): The records.
        """
        if not self.path.exists():
            return []
        records = []
        for line in self.path.read_text(encoding="utf8").splitlines():
            try:
                records.append(json.loads(line))
            except json.JSONDecodeError:
                continue
        return records

    def cut(self, step: int, *, epoch: int = 0) -> None:
        """Forget what was logged after a checkpoint, since it will be done again.

        step (int): The last step to keep.
        epoch (int): The epoch that is at work: its dev scores are still to come, also
            where its steps are all done.
        """
        kept = [
            json.dumps(record) + "\n"
            for record in self.read()
            if record["step"] <= step
            and not ("dev_loss" in record and record["epoch"] >= epoch)
        ]
        with replace_file(self.path) as beside:
            beside.write_text("".join(kept), encoding="utf8")
