from pathlib import Path

import comparison
import pytest


def test_cells_are_made_up_and_compared(
    datasets_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    test = datasets_dir / "gallery" / "test.spacy"
    if not test.is_file():
        test.write_bytes((datasets_dir / "gallery" / "pool.spacy").read_bytes())
    comparison.main(datasets_dir, tmp_path, dataset=["gallery"], n_sets=2)
    output = capsys.readouterr().out
    assert "56 cells made up" in output
    # 4 systems and 6 pairs at 7 k by 3 metrics
    assert "84 figures, 126 differences" in output
