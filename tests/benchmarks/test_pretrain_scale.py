import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pretrain_scale
import pytest
import typer
from probes import alone
from repeated import CONCEPTS, perturb, read_sample, write_part
from spacy.lang.en import English
from spacy.tokens import DocBin

from spacy_nuner.corpus.reader import read_docs

from ..pretrain.conftest import concept_docs as concept_docs


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory, concept_docs: list) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    DocBin(docs=concept_docs).to_disk(folder / "00000.spacy")
    return folder


def test_sentences_and_concepts_differ(sample: Path, tmp_path: Path) -> None:
    n = 400
    sentences = read_sample(sample)
    made = list(perturb(sentences, n, seed=0))
    assert len({tuple(sentence.words) for sentence in made}) > 0.8 * n
    before = {concept for s in sentences for _, _, concept in s.spans}
    after = {concept for s in made for _, _, concept in s.spans}
    assert len(after - before) > 20
    write_part(tmp_path / "train", sample, n, 0)
    docs = list(read_docs(tmp_path / "train", English().vocab))
    assert [[token.text for token in doc] for doc in docs] == [s.words for s in made]
    assert [
        [(span.start, span.end, span.label_) for span in doc.spans[CONCEPTS]]
        for doc in docs
    ] == [s.spans for s in made]


def test_another_process_measures() -> None:
    assert alone(sum, [1, 2]) == 3


@pytest.mark.slow
def test_figures_and_table(
    sample: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def here(call: Callable[..., Any], *args: Any) -> Any:
        return call(*args)

    # A dozen new processes would take a minute to import torch
    monkeypatch.setattr(pretrain_scale, "alone", here)
    docs = tmp_path / "page.md"
    docs.write_text("Before\n<!-- scale:start -->\n<!-- scale:end -->\nAfter\n")
    output = tmp_path / "figures.json"
    pretrain_scale.main(
        n_sentences=1200,
        n_small=624,
        n_steps=1,
        n_rounds=1,
        sample=sample,
        folder=None,
        output=output,
        docs=docs,
        clock="wall",
    )
    result = json.loads(output.read_text())
    small, large = result["rows"]["small"], result["rows"]["large"]
    assert (small["n_sentences"], large["n_sentences"]) == (624, 1200)
    assert large["n_concepts"] > small["n_concepts"]
    assert large["mib_on_disk"] > small["mib_on_disk"] > 0
    assert result["figures"].keys() == result["met"].keys() == result["goals"].keys()
    assert result["met"]["seconds_to_start"]
    page = docs.read_text()
    assert page.startswith("Before\n") and page.endswith("\nAfter\n")
    assert "| sentences | 624 | 1,200 |" in page


def test_no_epoch_may_end_on_the_way(tmp_path: Path) -> None:
    with pytest.raises(typer.BadParameter, match="no epoch may end"):
        pretrain_scale.main(
            n_sentences=1000,
            n_small=600,
            n_steps=100,
            n_rounds=1,
            sample=tmp_path,
            folder=tmp_path,
            output=tmp_path / "figures.json",
            docs=None,
            clock="wall",
        )
