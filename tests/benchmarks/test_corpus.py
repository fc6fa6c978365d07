import json
import subprocess
import sys
from importlib import import_module
from pathlib import Path

import pytest
from journals import perturb, write_journal
from process_tree import run_command

# Where data are, "corpus" is a folder too, by which ruff sorts imports
corpus = import_module("corpus")

ROOT = Path(__file__).parents[2]
SAMPLE = ROOT / "assets" / "sample" / "annotated.jsonl"
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="looks into /proc")
# Two processes, the second of which works and holds 100 MiB
TREE = """
import subprocess, sys, time
child = '''
import time
block = bytearray(100 * 2**20)
end = time.process_time() + 0.5
while time.process_time() < end:
    pass
time.sleep(0.5)
'''
subprocess.run([sys.executable, "-c", child], check=True)
"""


def test_journal_differs_and_can_be_placed(tmp_path: Path) -> None:
    path = write_journal(tmp_path / "j" / "replies.jsonl", 300)
    records = [json.loads(line) for line in path.read_text("utf8").splitlines()]
    assert records == list(perturb(SAMPLE, 300, seed=0))
    assert len({record["text"] for record in records}) == 300
    lines = [
        (line.split(" <> ")[0], record["text"])
        for record in records
        for line in record["response"].splitlines()
    ]
    found = sum(entity in text for entity, text in lines) / len(lines)
    assert 0.85 < found < 1


@LINUX
def test_all_processes_count() -> None:
    usage = run_command([sys.executable, "-c", TREE], every=0.05)
    assert 0.4 < usage.cpu_seconds - usage.cpu_parent < 3
    assert usage.seconds > 1
    assert usage.mib_resident >= usage.mib_proportional > 100
    with pytest.raises(subprocess.CalledProcessError):
        run_command([sys.executable, "-c", "raise SystemExit(2)"])


@LINUX
def test_figures_and_table(tmp_path: Path) -> None:
    docs = tmp_path / "page.md"
    docs.write_text("Before\n<!-- corpus-speed:start -->\n<!-- corpus-speed:end -->\n")
    output = tmp_path / "figures.json"
    corpus.main(
        n_replies=200,
        sample=SAMPLE,
        jobs=[1, 2],
        folder=None,
        output=output,
        docs=docs,
    )
    result = json.loads(output.read_text())
    one, two = result["rows"]
    assert result["same_files"] and one["sha256"] == two["sha256"]
    assert one["n_sentences"] == 200 and 0 < one["share_lost"] < 0.2
    assert one["share_parent"] == 1 > two["share_parent"] > 0
    assert result["met"].keys() == result["goals"].keys()
    page = docs.read_text()
    assert page.startswith("Before\n<!-- corpus-speed:start -->\n")
    assert "|  | `--jobs 1` | `--jobs 2` | goal |" in page
    assert "200 replies, 200 sentences" in page
    assert "the files of all runs are the same" in page
