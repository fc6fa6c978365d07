import re
from pathlib import Path

import pytest

from spacy_nuner.report.collect import read_inputs
from spacy_nuner.report.readme import END, START, update_readme
from spacy_nuner.report.write import write_report

from .synthetic_cells import Files


@pytest.fixture
def summary(files: Files, tmp_path: Path) -> Path:
    inputs = read_inputs(
        files.metrics, corpus=files.corpus, log=files.log, encoder=files.encoder
    )
    write_report(inputs, tmp_path / "reports")
    return tmp_path / "reports" / "summary.json"


def test_block(tmp_path: Path, summary: Path) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(f"# Top\n\n{START}\nold 99.9\n{END}\n\nBottom\n")
    assert update_readme(readme, summary)
    text = readme.read_text()
    assert text.startswith(f"# Top\n\n{START}\n")
    assert text.endswith(f"{END}\n\nBottom\n")
    assert "99.9" not in text
    assert re.search(r"^\| NuNER / NuNER \| 4 \| .*\| 59\.6 \|", text, re.MULTILINE)
    assert "Mean of the public sets (mit\\_restaurant, mit\\_movie, bionlp2004)" in text
    assert "LLM, NER v3, as shipped" in text
    # a second time nothing changes
    assert not update_readme(readme, summary)
    assert readme.read_text() == text


@pytest.mark.parametrize(
    "text",
    ["", START, f"{END} {START}", f"{START} {START} {END}", f"{START}{END}{END}"],
)
def test_no_marks(tmp_path: Path, summary: Path, text: str) -> None:
    readme = tmp_path / "README.md"
    readme.write_text(text)
    with pytest.raises(ValueError, match=r"N603.*results:start"):
        update_readme(readme, summary)
    assert readme.read_text() == text


def test_no_readme(tmp_path: Path, summary: Path) -> None:
    with pytest.raises(FileNotFoundError, match="N001"):
        update_readme(tmp_path / "README.md", summary)
