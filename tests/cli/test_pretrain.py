import json
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import spacy
import torch
from safetensors.torch import load_file
from spacy.tokens import DocBin
from thinc.api import registry
from typer.testing import CliRunner

from spacy_nuner.cli.main import app
from spacy_nuner.cli.pretrain import stop_on_interrupt
from spacy_nuner.pretrain.checkpoint import read_header
from spacy_nuner.pretrain.optimizer import AdamW

CONFIG = Path(__file__).parents[2] / "configs" / "tiny" / "pretrain.cfg"
CHECKPOINT = "last/checkpoint.safetensors"


@pytest.fixture(scope="module")
def args(
    tmp_path_factory: pytest.TempPathFactory,
    tiny_encoder: Path,
    sample_records: list[dict[str, str]],
) -> list[str]:
    folder = tmp_path_factory.mktemp("concepts")
    nlp = spacy.blank("en")
    for name, records in (
        ("train", sample_records[:12]),
        ("dev", sample_records[12:16]),
    ):
        docs = []
        for record in records:
            doc = nlp.make_doc(record["text"])
            entity, concept, _ = record["response"].split("\n")[0].split(" <> ")
            start = doc.text.index(entity)
            doc.spans["concepts"] = [
                doc.char_span(
                    start, start + len(entity), label=concept, alignment_mode="expand"
                )
            ]
            docs.append(doc)
        (folder / name).mkdir()
        DocBin(docs=docs, store_user_data=True).to_disk(folder / name / "00000.spacy")
    return [
        str(CONFIG),
        "--paths.encoder",
        str(tiny_encoder),
        f"--paths.train={folder / 'train'}",
        f"--paths.dev={folder / 'dev'}",
        "--pretrain.max_epochs",
        "2",
        "--system.n_threads",
        "1",
    ]


def run(arguments: list[str]) -> tuple[int, str]:
    result = CliRunner().invoke(app, arguments)
    return result.exit_code, " ".join(result.output.split())


def test_pretrain_then_export(args: list[str], tmp_path: Path) -> None:
    call = ["pretrain", *args, "--output", str(tmp_path / "run")]
    code, output = run(call)
    assert code == 0, output
    assert "Finished (4 of 4 steps)" in output
    code, output = run(call)
    assert (code, "Finished before (4 of 4 steps): nothing to do" in output) == (
        0,
        True,
    )
    code, output = run([*call, "--pretrain.batch_size", "5"])
    assert code == 1
    assert "N310" in output and "pretrain.batch_size: 6 in the checkpoint, 5" in output
    code, output = run([*call, "--pretrain.batch_size", "5", "--restart"])
    assert code == 0, output
    export = ["export", str(tmp_path / "run" / "best"), str(tmp_path / "encoder")]
    code, output = run(export)
    assert code == 0, output
    assert re.search(r"outputs differ by \d\.\de[+-]\d\d", output)
    record = json.loads((tmp_path / "encoder" / "nuner.json").read_text("utf8"))
    assert record["settings"]["pretrain.batch_size"] == 5
    code, output = run(export)
    assert (code, "N312" in output) == (1, True)


def test_early_end(args: list[str], tmp_path: Path) -> None:
    """At a rate of 0, the second of two epochs can't be better."""
    rate = "--pretrain.optimizer.learn_rate.initial_rate=0.0"
    settings = ["--pretrain.max_epochs", "9", "--pretrain.patience", "1", rate]
    code, output = run(["pretrain", *args, *settings, "--output", str(tmp_path)])
    assert code == 0, output
    assert "Finished early (4 of 18 steps): no more gain in dev_mrr" in output


def test_bad_batch(args: list[str], tmp_path: Path) -> None:
    rate = "--pretrain.optimizer.learn_rate.initial_rate=1e20"
    code, output = run(["pretrain", *args, rate, "--output", str(tmp_path)])
    assert code == 1
    assert "N307" in output and "--restart" in output
    assert (tmp_path / "bad_batch.json").exists()


def test_unknown_setting(args: list[str], tmp_path: Path) -> None:
    call = ["pretrain", *args, "--output", str(tmp_path), "--pretrain.epochs", "3"]
    code, output = run(call)
    assert code == 1
    assert "[N389] is not known (got 3)" in output
    assert "nearest first: max_epochs, " in output
    # The rest of the config isn't shown
    assert "@architectures" not in output and "initial_rate" not in output


def test_no_memory(args: list[str], tmp_path: Path) -> None:
    """A message and no traceback, wherever it runs out: here, in the optimizer."""

    class Full(AdamW):
        def update(self, *args: Any, **kwargs: Any) -> None:
            torch.empty(2**60, dtype=torch.uint8)

    @registry.optimizers("test.Full.v1")
    def make_full(learn_rate: float) -> AdamW:
        return Full(learn_rate)

    text = CONFIG.read_text(encoding="utf8")
    start, end = text.index("[pretrain.optimizer]"), text.index("initial_rate")
    assert text[start:end].count("[") == 2
    path = tmp_path / "full.cfg"
    block = '[pretrain.optimizer]\n@optimizers = "test.Full.v1"\nlearn_rate = 0.1\n'
    path.write_text(text[:start] + block, encoding="utf8")
    call = ["pretrain", str(path), *args[1:], "--output", str(tmp_path / "run")]
    code, output = run(call)
    assert code == 1
    assert "[N388] Memory ran out" in output and "can't allocate memory" in output


def test_first_interrupt_is_a_wish_and_the_second_an_order() -> None:
    before = signal.getsignal(signal.SIGINT)
    with stop_on_interrupt() as should_stop:
        assert not should_stop()
        signal.raise_signal(signal.SIGINT)
        assert should_stop()
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) == before


@pytest.mark.slow
@pytest.mark.parametrize("number,code", [(signal.SIGINT, 130), (signal.SIGKILL, -9)])
def test_stopped_process_goes_on(
    args: list[str], tmp_path: Path, number: signal.Signals, code: int
) -> None:
    args = [*args, "--pretrain.max_epochs", "40", "--pretrain.checkpoint_every", "7"]
    straight, stopped = tmp_path / "straight", tmp_path / "stopped"
    call = "from spacy_nuner.cli.main import main; main()"
    process = subprocess.Popen(
        [sys.executable, "-c", call, "pretrain", *args, "--output", str(stopped)],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    while not (stopped / CHECKPOINT).exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(number)
    output, _ = process.communicate()
    assert process.returncode == code, output
    assert read_header(stopped / "last").progress.step < 80
    for folder in (stopped, straight):
        done, output = run(["pretrain", *args, "--output", str(folder)])
        assert (done, "Finished (80 of 80 steps)" in output) == (0, True)
    ours, theirs = (load_file(path / CHECKPOINT) for path in (stopped, straight))
    assert all(torch.equal(tensor, theirs[name]) for name, tensor in ours.items())
