import json
from pathlib import Path

import flops
import loops
import pretrain
import pytest
import where_time_goes
from thinc.api import Config

from ..pretrain.conftest import concept_docs as concept_docs
from ..pretrain.conftest import corpus_folder as corpus_folder

CONFIG = Path(__file__).parents[2] / "configs" / "tiny" / "pretrain.cfg"


@pytest.fixture
def config_path(
    tmp_path: Path,
    tiny_encoder: Path,
    corpus_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Path:
    monkeypatch.setattr(flops, "SIZES", (64,))
    monkeypatch.setattr(flops, "SECONDS", 0.01)
    config = Config().from_disk(CONFIG, interpolate=False)
    config["paths"] = {
        "encoder": str(tiny_encoder),
        "train": str(corpus_folder / "train"),
        "dev": str(corpus_folder / "dev"),
    }
    # 20 sentences are enough; and what the plain loop has to be told
    config["pretrain"] |= {"batch_size": 4, "max_grad_norm": 1.0}
    config["pretrain"]["model"]["dropout"] = 0.1
    path = tmp_path / "pretrain.cfg"
    config.to_disk(path)
    return path


def test_figures_and_tables(tmp_path: Path, config_path: Path) -> None:
    docs, output = tmp_path / "page.md", tmp_path / "figures.json"
    docs.write_text("Before\n<!-- speed:start -->\n<!-- speed:end -->\nAfter\n")
    pretrain.main(
        config=config_path,
        output=output,
        docs=docs,
        n_rounds=1,
        n_steps=3,
        memory_steps=0,
        threads=1,
        clock="cpu",
        gpu=False,
    )
    result = json.loads(output.read_text())
    assert list(result["rows"]) == [
        f"{loop}, {precision}"
        for precision in ("fp32", "bf16")
        for loop in ("ours", "plain loop")
    ]
    for name, row in result["rows"].items():
        assert len(row["losses"]) == 3
        # Our count of the products is what torch executes, padding included
        step = row["gflop_of_a_step"]
        assert step["executed"] == pytest.approx(step["counted"], rel=1e-3), name
        assert row["gflop_per_sentence_real"] <= row["gflop_per_sentence_padded"]
        shares = result["time"][name]
        assert sum(shares.values()) == pytest.approx(1.0)
        for group in ("matrix products", "attention", "dropout", "optimizer, clipping"):
            assert shares[group] > 0, (name, group)
    # The same data, weights, schedule and loss; dropout alone differs
    first, second = (result["rows"][f"{loop}, fp32"] for loop in ("ours", "plain loop"))
    assert first["loss_last_third"] == pytest.approx(second["loss_last_third"], rel=0.3)
    page = docs.read_text()
    assert page.startswith("Before\n") and page.endswith("\nAfter\n")
    assert all(f"| {name} |" in page for name in result["rows"])
    assert "goals met" in page or "missed" in page


def test_different_losses_are_found(tmp_path: Path, config_path: Path) -> None:
    both = loops.read_both(loops.read_config(config_path, "fp32"), 8)
    assert loops.check_agreement(config_path, tmp_path / "a", both)
    # The plain loop gets other sentences
    changed = loops.Both(both.corpus, both.sentences[::-1])
    with pytest.raises(ValueError, match="The loops have different losses"):
        loops.check_agreement(config_path, tmp_path / "b", changed)


def test_functions_of_the_package_are_themselves_again() -> None:
    before = [getattr(owner, name) for owner, name, _ in where_time_goes.MARKED]
    with where_time_goes.marked():
        within = [getattr(owner, name) for owner, name, _ in where_time_goes.MARKED]
    after = [getattr(owner, name) for owner, name, _ in where_time_goes.MARKED]
    assert after == before
    assert all(ours is not theirs for ours, theirs in zip(within, before, strict=True))


def test_no_gpu(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    with pytest.raises(SystemExit) as caught:
        pretrain.main(
            config=CONFIG,
            output=tmp_path / "figures.json",
            docs=None,
            n_rounds=1,
            n_steps=2,
            memory_steps=0,
            threads=0,
            clock="wall",
            gpu=True,
        )
    assert caught.value.code == 1
    assert not list(tmp_path.iterdir())
