"""The file of the experiments: read, checked, understood."""

from pathlib import Path

import pytest

from spacy_nuner.experiments.config import read_experiments

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("profile", ["tiny", "sample", "paper"])
def test_shipped_configs_are_read(profile: str) -> None:
    found = read_experiments(ROOT / "configs" / profile / "experiments.cfg")
    assert {a.table for a in found.ablations} >= {"4", "5", "6"}
    for path in (found.paths.pretrain, found.paths.fewshot, found.paths.annotate):
        assert (ROOT / path).is_file()


def test_settings_are_told_apart(project: Path) -> None:
    text = (project / "experiments.cfg").read_text()
    text += "fewshot.training.max_steps = 9\nsentences = 30\n"
    (project / "experiments.cfg").write_text(text)
    found = read_experiments(project / "experiments.cfg")
    variant = found.ablations[-1].variants[-1]
    assert variant.pretrain == {"pretrain.model.bias": 0.0}
    assert variant.fewshot == {"training.max_steps": 9}
    assert variant.recipe.sentences == 30
    assert variant.recipe.corpus == "main"


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("sentences = 10", "sentence = 10", "sentence"),
        ("sentences = 10", 'sentences = "ten"', "sentences"),
        ('corpus = "replies"', 'corpus = "web"', "the corpus 'web'"),
        ('reference = "all"', 'reference = "half"', "'half'"),
        ("sets = 1", "sets = 0", "sets"),
        ("[evaluate]", "[evalute]", "evalu"),
    ],
)
def test_what_is_wrong_is_named(project: Path, old: str, new: str, said: str) -> None:
    path = project / "experiments.cfg"
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(ValueError, match="N701") as error:
        read_experiments(path)
    assert said in str(error.value)
