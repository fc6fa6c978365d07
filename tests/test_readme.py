"""The README's Python example runs, on a tiny pipeline of the same name."""

import sys
from pathlib import Path

import pytest
import spacy
from spacy.tokens import Doc, Span
from spacy.training import Example

ROOT = Path(__file__).parent.parent
sys.path.insert(0, str(ROOT / "scripts"))

from update_readme import END, START, find_example, run_example  # noqa: E402


@pytest.fixture
def pipeline_folder(tmp_path: Path, tiny_encoder: Path) -> Path:
    """A folder with a pipeline `en_nuner` in it, trained for a few steps."""
    nlp = spacy.blank("en")
    model = {
        "@architectures": "spacy-nuner.TransformerModel.v1",
        "name": str(tiny_encoder),
    }
    nlp.add_pipe("transformer", config={"model": model})
    nlp.add_pipe("nuner")
    doc = Doc(nlp.vocab, words=["Angela", "Merkel", "met", "Tim", "Cook"])
    doc.ents = [Span(doc, 0, 2, "PERSON"), Span(doc, 3, 5, "PERSON")]
    example = Example(nlp.make_doc(doc.text), doc)
    optimizer = nlp.initialize(lambda: [example])
    for _ in range(5):
        nlp.update([example], sgd=optimizer)
    nlp.to_disk(tmp_path / "en_nuner")
    return tmp_path


def test_example_runs(pipeline_folder: Path) -> None:
    code = find_example((ROOT / "README.md").read_text(encoding="utf8"))
    assert 'spacy.load("en_nuner")' in code
    assert len(code.strip().splitlines()) <= 12
    output = run_example(code, pipeline_folder)
    for line in output.splitlines():
        label, score, *words = line.split()
        assert label == "PERSON" and 0 <= float(score) <= 1 and words


def test_readme_has_one_place_for_each_generated_block() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf8")
    for mark in (START, END, "<!-- results:start -->", "<!-- results:end -->"):
        assert readme.count(mark) == 1
