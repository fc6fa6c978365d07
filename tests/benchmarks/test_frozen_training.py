import json
from pathlib import Path

import frozen_training


def test_figures_and_table(
    tiny_encoder: Path, datasets_dir: Path, tmp_path: Path
) -> None:
    docs = tmp_path / "page.md"
    docs.write_text("Before\n<!-- training:start -->\n<!-- training:end -->\nAfter\n")
    output = tmp_path / "figures.json"
    frozen_training.main(
        encoder=tiny_encoder,
        dataset=datasets_dir / "gallery",
        output=output,
        docs=docs,
        k=1,
        n_epochs=3,
        n_rounds=1,
        threads=0,
        clock="wall",
    )
    result = json.loads(output.read_text())
    assert list(result["rows"]) == [
        frozen_training.KEPT,
        frozen_training.AGAIN,
        frozen_training.STOCK,
    ]
    assert result["same_scores"]
    assert result["weights_differ_by"] < 1e-4
    page = docs.read_text()
    assert page.startswith("Before\n") and page.endswith("\nAfter\n")
    assert all(f"| {name} |" in page for name in result["rows"])
