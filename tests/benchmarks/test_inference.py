import json
from pathlib import Path

import inference
import pytest
import systems
from common import run_rounds
from texts import make_texts


@pytest.fixture
def page(tmp_path: Path) -> Path:
    path = tmp_path / "page.md"
    blocks = ("inference", "memory")
    path.write_text(
        "".join(f"<!-- {name}:start -->\n<!-- {name}:end -->\n" for name in blocks)
    )
    return path


def run(encoder: Path, datasets: Path, output: Path, page: Path, memory: int) -> None:
    """Run with the tests' Python, which has neither GLiNER nor SpanMarker."""
    inference.main(
        encoder=encoder,
        output=output,
        docs=page,
        n_sentences=20,
        every=2,
        n_rounds=1,
        threads=0,
        clock="wall",
        python_gliner=Path(inference.sys.executable),
        python_span_marker=Path(inference.sys.executable),
        datasets=datasets,
        cost_encoder=None,
        cost_k=1,
        cost_sets=1,
        memory=memory,
    )


def test_speed(
    tiny_encoder: Path, datasets_dir: Path, tmp_path: Path, page: Path
) -> None:
    run(tiny_encoder, datasets_dir, tmp_path, page, 0)
    result = json.loads((tmp_path / "inference.json").read_text())
    named = [*result["systems"], *result["not_installed"]]
    assert sorted(named) == sorted(
        [*systems.OURS, systems.STOCK, systems.BARE, *systems.OTHERS]
    )
    assert {"ours", systems.STOCK, systems.BARE} <= set(result["systems"])
    assert all(row["words_per_second"] > 0 for row in result["systems"].values())
    assert result["int8_cost"]["means"]["torch"] is not None
    assert f"| {systems.STOCK} |" in page.read_text()


def test_memory(
    tiny_encoder: Path, datasets_dir: Path, tmp_path: Path, page: Path
) -> None:
    run(tiny_encoder, datasets_dir, tmp_path, page, 100)
    result = json.loads((tmp_path / "memory.json").read_text())
    assert [row["n_docs"] for row in result["rows"]] == [1, 10, 25, 50, 75, 100]
    assert all(row["mib"] > 0 for row in result["rows"])
    assert "| memory in MiB |" in page.read_text()


def test_texts_are_the_same_words_twice() -> None:
    texts = make_texts(200)
    assert len(texts.sentences) == 200
    assert " ".join(texts.documents) == " ".join(texts.sentences)
    assert 0.15 < texts.share_long < 0.35


def test_rounds_begin_with_another_system_each() -> None:
    asked: list[str] = []

    def make(name: str) -> float:
        asked.append(name)
        return float(len(asked))

    timers = {name: (lambda name=name: make(name)) for name in "abc"}
    seconds = run_rounds(timers, 2, lambda name, seconds: None)
    assert asked == ["a", "b", "c", "b", "c", "a"]
    assert seconds == {"a": [1.0, 6.0], "b": [2.0, 4.0], "c": [3.0, 5.0]}
